//! Whether so many objects of one identity are being deleted at once that a person has to say yes first. Pure, and made
//! of nothing but what the caches hold, so that a restart or another leader comes to the same answer.
//!
//! Counted are objects whose deletion deletes in AWS ([`Reference::Leaving`] says which): more than a limit of them with
//! deletionTimestamps within ten minutes of each other are a mass. How long ago that was does not count, so a mass does
//! not become a harmless one by waiting. While there is one, nothing of the identity is deleted, of whatever kind: a
//! login that goes before its server is an outage as well.
//!
//! A person allows what was asked for up to a time, that of the last deletionTimestamp so far. So a yes goes on counting
//! while the mass shrinks, a mass that grows meanwhile is not chased for ever (what was there goes, the rest is counted
//! for itself), and the yes of last month says nothing of today's. The value has a hash with the uid of the identity: it
//! can be copied from the condition and not made up, and no standing yes can be written into a manifest.
//!
//! It stands with the caches that it counts: the engine asks it, which names no kind, and so do the identity's own
//! reconcile, whom a change affects, and the metrics.

use std::collections::BTreeMap;
use std::collections::btree_map::Range;
use std::ops::Bound;

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::Lister;
use super::references::Reference;
use crate::api::{ALLOW_DELETIONS, AwsIdentity, ManagedKind};

/// What has deletionTimestamps so close together was asked for by one hand: a namespace or a directory of manifests goes
/// within minutes also where an API server is slow.
const AT_ONCE: SignedDuration = SignedDuration::from_mins(10);

/// So many servers may always go at once: small installations take a set of environments down by hand.
const SERVERS: usize = 3;

/// So many users may always go at once: the people of one team.
const USERS: usize = 20;

/// The objects of one identity that are counted together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// So many may always go.
    pub free: usize,
    /// How many are being deleted, by their deletionTimestamp.
    pub going: BTreeMap<Timestamp, usize>,
    /// How many there are, those included.
    pub total: usize,
}

impl Group {
    fn of(lister: &dyn Lister, identity: &str, kinds: &[ManagedKind], free: usize) -> Self {
        let named = Reference::Identity(identity.to_owned());
        let total = kinds.iter().map(|kind| lister.how_many(*kind, &named)).sum();
        let mut going = BTreeMap::new();
        for (at, count) in kinds.iter().flat_map(|kind| lister.leaving(*kind, identity)) {
            *going.entry(at).or_default() += count;
        }
        Self { free, going, total }
    }

    /// How many may go at once.
    fn limit(&self, percent: u8) -> usize {
        self.free.max(self.total.saturating_mul(usize::from(percent)) / 100)
    }

    /// The most that were asked for within [`AT_ONCE`], of those after this time.
    fn at_once(&self, after: Timestamp) -> usize {
        let mut oldest = self.going_after(after).peekable();
        let (mut within, mut most) = (0, 0);
        for (at, count) in self.going_after(after) {
            within += count;
            while let Some((_, earlier)) = oldest.next_if(|(begin, _)| at.duration_since(**begin) > AT_ONCE) {
                within -= earlier;
            }
            most = most.max(within);
        }
        most
    }

    fn waiting(&self, after: Timestamp) -> usize {
        self.going_after(after).map(|(_, count)| count).sum()
    }

    fn going_after(&self, after: Timestamp) -> Range<'_, Timestamp, usize> {
        self.going.range((Bound::Excluded(after), Bound::Unbounded))
    }
}

/// Deletions that wait for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MassDeletion {
    /// Servers that wait, and of how many.
    pub servers: (usize, usize),
    /// Users and accesses that wait, and of how many.
    pub users: (usize, usize),
    /// What was asked for up to then is allowed already.
    allowed: Timestamp,
    /// The last deletionTimestamp that waits.
    pub until: Timestamp,
}

impl MassDeletion {
    /// What waits of these groups, where `percent` of one, or what may always go, is exceeded by what is not allowed.
    #[must_use]
    pub fn of(servers: &Group, users: &Group, percent: u8, allowed: Option<Timestamp>) -> Option<Self> {
        let (groups, allowed) = ([servers, users], allowed.unwrap_or(Timestamp::MIN));
        let exceeds = |group: &&Group| {
            let limit = group.limit(percent);
            group.waiting(allowed) > limit && group.at_once(allowed) > limit
        };
        if percent == 0 || !groups.iter().any(exceeds) {
            return None;
        }
        let until = groups.iter().filter_map(|group| group.going.keys().next_back()).max()?;
        let told = |group: &Group| (group.waiting(allowed), group.total);
        Some(Self { servers: told(servers), users: told(users), allowed, until: *until })
    }

    /// Whether the deletion of an object with this deletionTimestamp waits.
    #[must_use]
    pub fn holds(&self, deleted_at: Timestamp) -> bool {
        deleted_at > self.allowed
    }

    /// How many wait.
    #[must_use]
    pub fn count(&self) -> usize {
        self.servers.0 + self.users.0
    }

    /// What the annotation of the identity has to hold.
    #[must_use]
    pub fn value(&self, identity: &AwsIdentity) -> String {
        value(identity, self.until)
    }

    /// What waits and what to do, for whoever has the identity.
    #[must_use]
    pub fn told(&self, identity: &AwsIdentity) -> String {
        let ((servers, all_servers), (users, all_users)) = (self.servers, self.users);
        let (name, value) = (identity.metadata.name.as_deref().unwrap_or_default(), self.value(identity));
        format!(
            "{servers} of {all_servers} servers and {users} of {all_users} users and accesses are being deleted at once, so \
             nothing of this identity is deleted in AWS. To let go what was deleted here until {}: kubectl annotate \
             awsidentity {name} --overwrite {ALLOW_DELETIONS}={value}. To leave one in AWS instead, set its \
             spec.lifecycle.deletionPolicy to Retain",
            self.until
        )
    }
}

/// The deletions of this identity that wait for a person; none where `percent` is 0.
#[must_use]
pub fn held(lister: &dyn Lister, identity: &str, percent: u8) -> Option<MassDeletion> {
    if percent == 0 {
        return None;
    }
    let logins = [ManagedKind::TransferUser, ManagedKind::TransferAccess];
    let servers = Group::of(lister, identity, &[ManagedKind::TransferServer], SERVERS);
    let users = Group::of(lister, identity, &logins, USERS);
    MassDeletion::of(&servers, &users, percent, allowed(lister.identity(identity)?.as_ref()))
}

/// What the object of a deletion that waits says.
#[must_use]
pub(crate) fn sentence(identity: &str) -> String {
    format!(
        "many objects of AwsIdentity {identity} are being deleted at once, so nothing of it is deleted in AWS until its \
         annotation {ALLOW_DELETIONS} holds the value that its condition DeletionsHeld names; to leave this one in AWS \
         instead, set spec.lifecycle.deletionPolicy to Retain"
    )
}

/// The value that the annotation holds.
#[must_use]
pub fn annotation(identity: &AwsIdentity) -> Option<&String> {
    identity.metadata.annotations.as_ref()?.get(ALLOW_DELETIONS)
}

/// Up to when a person allowed what was asked for; nothing where the annotation is not a value that was named.
fn allowed(identity: &AwsIdentity) -> Option<Timestamp> {
    let given = annotation(identity)?.trim();
    let until = given.rsplit_once('-')?.0.parse().ok()?;
    (value(identity, until) == given).then_some(until)
}

fn value(identity: &AwsIdentity, until: Timestamp) -> String {
    let uid = identity.metadata.uid.as_deref().unwrap_or_default();
    let digest = Sha256::digest(format!("{uid} {until}"));
    let hash = digest.first_chunk().map_or(0, |head| u32::from_be_bytes(*head));
    format!("{until}-{hash:08x}")
}

#[cfg(test)]
#[path = "mass_deletion_tests.rs"]
mod tests;
