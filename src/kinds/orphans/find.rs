//! What nobody owns of all that a scan saw, what of it is believed, and how it is told. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use crate::api::{self, ManagedKind};
use crate::aws::transfer::Tags;

/// Orphans that a message names; the count tells of the rest.
const NAMED: usize = 5;

/// What kind of thing nobody owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OrphanKind {
    /// Its object is gone.
    Gone(ManagedKind),
    /// Its object has another one.
    Duplicate(ManagedKind),
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Orphan {
    /// Where it is.
    pub region: String,
    /// What it is.
    pub kind: OrphanKind,
    /// Its id; for a user that of the server, with its name behind a slash.
    pub id: String,
}

/// What a scan of a region saw that no object accounts for and that carries our tags.
#[derive(Clone, Debug, Default)]
pub struct Scanned {
    /// What is found by its tags, by kind: ids with tags. What an object records is told by that object, also where its
    /// tags name none.
    pub tagged: BTreeMap<ManagedKind, BTreeMap<String, Tags>>,
    /// Users (server id and name) that no object accounts for, with their tags.
    pub users: BTreeMap<(String, String), Tags>,
    /// There is more, which was not looked at this time.
    pub more: bool,
}

/// The objects that live, by a live list.
#[derive(Clone, Debug, Default)]
pub struct Living {
    /// The ids in AWS that each object records, by its kind and uid.
    pub recorded: BTreeMap<ManagedKind, BTreeMap<String, BTreeSet<String>>>,
    /// Server and name of the users that user objects record.
    pub accounted: BTreeSet<(String, String)>,
}

impl Living {
    /// What the object of this kind and uid records; nothing where there is no such object.
    pub(super) fn recorded(&self, kind: ManagedKind, uid: Option<&String>) -> Option<&BTreeSet<String>> {
        self.recorded.get(&kind)?.get(uid?)
    }

    /// The ids that objects of this kind record.
    pub(super) fn ids(&self, kind: ManagedKind) -> BTreeSet<&String> {
        self.recorded.get(&kind).into_iter().flat_map(BTreeMap::values).flatten().collect()
    }
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
    let mut found = BTreeSet::new();
    for (kind, seen) in &scanned.tagged {
        for (id, tags) in seen.iter().filter(|(_, tags)| ours.made(tags)) {
            match living.recorded(*kind, tags.get(api::TAG_UID)) {
                None => {
                    found.insert(orphan(OrphanKind::Gone(*kind), id.clone()));
                }
                Some(recorded) if !recorded.is_empty() && !recorded.contains(id) => {
                    found.insert(orphan(OrphanKind::Duplicate(*kind), id.clone()));
                }
                Some(_) => {}
            }
        }
    }
    let user = ManagedKind::TransferUser;
    let lone = |tags: &Tags| ours.made(tags) && living.recorded(user, tags.get(api::TAG_UID)).is_none();
    let users = scanned.users.iter().filter(|(_, tags)| lone(tags));
    found.extend(users.map(|((server, name), _)| orphan(OrphanKind::Gone(user), format!("{server}/{name}"))));
    found
}

/// What the scans of one region came to.
#[derive(Clone, Debug, Default)]
pub struct Region {
    /// Since when each was seen without a break.
    since: BTreeMap<Orphan, Instant>,
    /// Begin of the last scan.
    last: Option<Instant>,
    /// It did not look at all there is.
    more: bool,
}

impl Region {
    /// Counts a scan that began at `began`, and whether there is more than it looked at.
    pub fn count(&mut self, found: BTreeSet<Orphan>, began: Instant, more: bool) {
        let before = std::mem::take(&mut self.since);
        self.since = found
            .into_iter()
            .map(|orphan| {
                let since = before.get(&orphan).copied().unwrap_or(began);
                (orphan, since)
            })
            .collect();
        (self.last, self.more) = (Some(began), more);
    }

    /// What was seen in two scans at least `lag` apart.
    pub fn believed(&self, lag: Duration) -> impl Iterator<Item = &Orphan> {
        let last = self.last;
        self.since
            .iter()
            .filter(move |(_, since)| last.is_some_and(|last| last.duration_since(**since) >= lag))
            .map(|(orphan, _)| orphan)
    }

    /// Whether a scan looked at all there is and saw nothing.
    pub(super) fn clear(&self) -> bool {
        self.last.is_some() && self.since.is_empty() && !self.more
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
            Self::Gone(kind) => kind.noun(),
            Self::Duplicate(_) => "duplicate",
        }
    }
}

impl fmt::Display for Orphan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { region, kind, id } = self;
        match kind {
            OrphanKind::Gone(kind) => write!(f, "{} {id} in {region}", kind.noun()),
            OrphanKind::Duplicate(kind) => write!(f, "duplicate {} {id} in {region}", kind.noun()),
        }
    }
}
