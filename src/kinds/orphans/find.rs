//! What nobody owns of all that a scan saw, what of it is believed, and how it is told. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use crate::api;
use crate::aws::transfer::Tags;

/// Orphans that a message names; the count tells of the rest.
const NAMED: usize = 5;

/// What kind of thing nobody owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OrphanKind {
    /// A server whose object is gone.
    Server,
    /// A second server of an object that has another one.
    Duplicate,
    /// A user whose object is gone.
    User,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Orphan {
    /// Where it is.
    pub region: String,
    /// What it is.
    pub kind: OrphanKind,
    /// Server id; for a user with its name behind a slash.
    pub id: String,
}

/// What a complete scan of a region saw.
#[derive(Clone, Debug, Default)]
pub struct Scanned {
    /// Servers with their tags.
    pub servers: BTreeMap<String, Tags>,
    /// Users (server id and name) that no object accounts for, with their tags.
    pub users: BTreeMap<(String, String), Tags>,
}

/// The objects that live, by a live list.
#[derive(Clone, Debug, Default)]
pub struct Living {
    /// The server that each server object records, by the object's uid.
    pub servers: BTreeMap<String, Option<String>>,
    /// The uids of user objects.
    pub users: BTreeSet<String>,
    /// Server and name of the users that user objects record.
    pub accounted: BTreeSet<(String, String)>,
}

/// Whose tags are ours to tell about.
#[derive(Clone, Debug, Default)]
pub struct Ours {
    /// Our cluster.
    pub cluster: String,
    /// Namespaces that are watched; none means all. Others may be another installation's.
    pub namespaces: Vec<String>,
}

impl Ours {
    /// Whether the tags say that an object of ours made it, and nobody left it behind on purpose.
    pub(super) fn made(&self, tags: &Tags) -> bool {
        let namespace = tags.get(api::TAG_OWNER).and_then(|owner| owner.split('/').next());
        tags.get(api::TAG_CLUSTER) == Some(&self.cluster)
            && !tags.contains_key(api::TAG_RETAINED_FROM)
            && (self.namespaces.is_empty()
                || namespace.is_some_and(|namespace| self.namespaces.iter().any(|watched| watched == namespace)))
    }
}

/// What nobody owns of all that was seen.
#[must_use]
pub fn find(ours: &Ours, region: &str, scanned: &Scanned, living: &Living) -> BTreeSet<Orphan> {
    let orphan = |kind, id: String| Orphan { region: region.to_owned(), kind, id };
    let uid = |tags: &Tags| tags.get(api::TAG_UID).cloned().unwrap_or_default();
    // What only lost its uid tag is told by the object that records it.
    let recorded = |id: &String| living.servers.values().any(|recorded| recorded.as_ref() == Some(id));
    let servers = scanned.servers.iter().filter(|(_, tags)| ours.made(tags)).filter_map(|(id, tags)| {
        match living.servers.get(&uid(tags)) {
            None if !tags.contains_key(api::TAG_UID) && recorded(id) => None,
            None => Some(orphan(OrphanKind::Server, id.clone())),
            Some(Some(recorded)) if recorded != id => Some(orphan(OrphanKind::Duplicate, id.clone())),
            Some(_) => None,
        }
    });
    let users = scanned
        .users
        .iter()
        .filter(|(_, tags)| ours.made(tags) && !living.users.contains(&uid(tags)))
        .map(|((server, name), _)| orphan(OrphanKind::User, format!("{server}/{name}")));
    servers.chain(users).collect()
}

/// What the scans of one region came to.
#[derive(Clone, Debug, Default)]
pub struct Region {
    /// Since when each was seen without a break.
    since: BTreeMap<Orphan, Instant>,
    /// Begin of the last scan.
    last: Option<Instant>,
}

impl Region {
    /// Counts a complete scan that began at `began`.
    pub fn count(&mut self, found: BTreeSet<Orphan>, began: Instant) {
        let before = std::mem::take(&mut self.since);
        self.since = found
            .into_iter()
            .map(|orphan| {
                let since = before.get(&orphan).copied().unwrap_or(began);
                (orphan, since)
            })
            .collect();
        self.last = Some(began);
    }

    /// What was seen in two scans at least `lag` apart.
    pub fn believed(&self, lag: Duration) -> impl Iterator<Item = &Orphan> {
        let last = self.last;
        self.since
            .iter()
            .filter(move |(_, since)| last.is_some_and(|last| last.duration_since(**since) >= lag))
            .map(|(orphan, _)| orphan)
    }

    /// Whether a scan ended and saw nothing.
    pub(super) fn clear(&self) -> bool {
        self.last.is_some() && self.since.is_empty()
    }
}

/// The orphans as a person reads of them; nothing where there are none.
pub(super) fn sentence(found: &[&Orphan]) -> Option<String> {
    let first = found.iter().take(NAMED).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let more = if found.len() > NAMED { ", …" } else { "" };
    (!found.is_empty()).then(|| {
        format!(
            "AWS has {} with this cluster's tags that no object stands for: {first}{more}; nothing is done to them",
            found.len()
        )
    })
}

impl OrphanKind {
    /// A word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Duplicate => "duplicate",
            Self::User => "user",
        }
    }
}

impl fmt::Display for Orphan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { region, kind, id } = self;
        let kind = match kind {
            OrphanKind::Duplicate => "duplicate server",
            other => other.name(),
        };
        write!(f, "{kind} {id} in {region}")
    }
}
