//! Finding what AWS has of a kind by our owner tags: a complete listing, and the tags of everything in it.
//!
//! A look is a task of its own, one at a time per account and region: where calls are rare it takes longer than a
//! reconcile may. Who asked before it began shares it, also who comes back for it: many objects that look for what is
//! theirs at once (a restart) cost one look, not one each. Its calls wait as the most urgent of them would.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::marker::PhantomData;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::api;
use crate::aws::rate_limiter::SharedRank;
use crate::aws::transfer::Tags;
use crate::aws::{Account, AwsError, AwsErrorKind};
use crate::engine::consistency::{Candidate, TagMatches, TagSearch};
use crate::engine::owner::{Owner, Ownership};
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Arc, Mutex, PoisonError, Turn, sleep, spawn};

/// A resource of AWS whose id AWS chooses, so that only its tags lead back to it.
#[async_trait]
pub trait TaggedResource: Debug + Send + Sync + 'static {
    /// AWS's name of the operation that lists it.
    const LISTING: &'static str;

    /// The ids of all of it, or a fault: a listing that is not complete proves nothing.
    ///
    /// # Errors
    /// The fault of any page.
    async fn list(account: &Account) -> Result<Vec<String>, AwsError>;

    /// The tags on what has this id, read now.
    ///
    /// # Errors
    /// The fault of the read, NotFound included.
    async fn tags(account: &Account, id: &str) -> Result<Tags, AwsError>;
}

/// How soon to ask again for what is listed and not there; doubled each time.
const AGAIN: Duration = Duration::from_secs(1);
/// The longest of these waits.
const AGAIN_MAX: Duration = Duration::from_mins(1);

/// What was read of one of them.
#[derive(Clone, Debug)]
struct Seen {
    tags: Tags,
    /// Its tags were not read now: they named an owner before.
    remembered: bool,
}

impl Seen {
    /// Whether this tells enough: of nobody's own (all owners), or of this owner.
    fn suffices(&self, owner: Option<&Owner>) -> bool {
        !self.remembered || owner.is_none_or(|owner| matches!(owner.judge(&self.tags), Ownership::Foreign(_)))
    }
}

/// What there is, by id.
type ById = BTreeMap<String, Seen>;

/// A look that came to its end.
#[derive(Debug)]
struct Described {
    /// AWS's time at its begin: nothing that was read for it is older.
    began: Timestamp,
    by_id: ById,
}

/// The last look that ended in one account and region.
#[derive(Debug, Default)]
struct Last {
    /// Ticket that it drew at its begin; 0 before the first.
    began: u64,
    outcome: Option<Result<Arc<Described>, AwsError>>,
}

/// The looks at one account and region, one after the other.
#[derive(Debug, Default)]
struct Looks {
    last: Turn<Last>,
    rank: SharedRank,
}

/// What is remembered in one account and region. What a complete listing no longer has is let go.
#[derive(Debug, Default)]
struct Known {
    /// Owner tags that were read. An owner does not change behind our back: only tags that carry a uid are kept, and
    /// who could be that owner reads them anew.
    owners: BTreeMap<String, Tags>,
    /// What this process deleted, as AWS acknowledged: that it is not there any more is no news.
    deleted: BTreeSet<String>,
}

/// All looks of the process for one resource.
#[derive(Debug)]
pub struct TagIndex<R> {
    tickets: AtomicU64,
    places: Mutex<BTreeMap<(String, String), Arc<Looks>>>,
    known: Mutex<BTreeMap<(String, String), Known>>,
    resource: PhantomData<fn() -> R>,
}

impl<R> Default for TagIndex<R> {
    fn default() -> Self {
        let (places, known) = (Mutex::new(BTreeMap::new()), Mutex::new(BTreeMap::new()));
        Self { tickets: AtomicU64::new(0), places, known, resource: PhantomData }
    }
}

impl<R: TaggedResource> TagIndex<R> {
    /// Asks for a look that begins from now on.
    #[must_use]
    pub fn ask(&self) -> u64 {
        self.tickets.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Looks through all there is in the account and region for what is `owner`'s, in a look that began after `asked`.
    /// Where nobody waits any more the look goes on, and whoever asks with the same ticket again gets it.
    ///
    /// # Errors
    /// The fault of any page or description: an incomplete look proves nothing.
    pub async fn find_by_tags(
        self: &Arc<Self>,
        account: &Account,
        owner: &Owner,
        asked: u64,
    ) -> Result<TagSearch, AwsError> {
        let looks = self.looks(account);
        // Who gives up while it waits asks for nothing any more, also where the look itself goes on.
        let joined = looks.rank.join(account.rank());
        let task = {
            let (index, account) = (Arc::clone(self), account.clone());
            async move { index.all(&looks, &account, asked).await }
        };
        let look = spawn(task).await.unwrap_or_else(|_| Err(broken_down(R::LISTING)))?;
        drop(joined);
        let ids = look.by_id.keys().cloned().collect();
        let fresh = self.complete(account, ids, &look.by_id, Some(owner)).await?;
        let old = look.by_id.iter().filter(|(id, seen)| seen.suffices(Some(owner)) && !fresh.contains_key(*id));
        let mut found = TagMatches::default();
        for (id, Seen { tags, remembered: _ }) in old.chain(&fresh) {
            match owner.judge(tags) {
                Ownership::Ours => {
                    found.ours.push(Candidate { id: id.clone(), attempt: tags.get(api::TAG_ATTEMPT).cloned() });
                }
                Ownership::Former => found.former.push(id.clone()),
                Ownership::OtherCluster => found.other_cluster.push(id.clone()),
                Ownership::UidLost => found.uid_lost.push(id.clone()),
                Ownership::Foreign(_) | Ownership::Untagged | Ownership::Retained => {}
            }
        }
        Ok(TagSearch { began: look.began, found })
    }

    /// The tags on what has this id were read outside of a look.
    pub fn note(&self, account: &Account, id: &str, tags: &Tags) {
        self.known(account, |Known { owners, deleted: _ }| {
            if tags.contains_key(api::TAG_UID) {
                let ours = tags.iter().filter(|(key, _)| key.starts_with(api::TAG_PREFIX));
                owners.insert(id.to_owned(), ours.map(|(key, value)| (key.clone(), value.clone())).collect());
            } else {
                owners.remove(id);
            }
        });
    }

    /// AWS acknowledged to this process that it deletes what has this id.
    pub fn deleted(&self, account: &Account, id: &str) {
        self.known(account, |known| known.deleted.insert(id.to_owned()));
    }

    /// The looks through an account and region.
    fn looks(&self, account: &Account) -> Arc<Looks> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(places.entry(key(account)).or_default())
    }

    /// What is remembered in an account and region.
    fn known<T>(&self, account: &Account, work: impl FnOnce(&mut Known) -> T) -> T {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        work(known.entry(key(account)).or_default())
    }

    /// A look that began after `asked`: one of somebody else's that did, or one of our own.
    async fn all(&self, looks: &Looks, account: &Account, asked: u64) -> Result<Arc<Described>, AwsError> {
        // Also who needs a later one waits for the end of the one that runs.
        let mut last = looks.last.lock().await;
        if last.began > asked
            && let Some(outcome) = &last.outcome
        {
            return outcome.clone();
        }
        let ticket = self.ask();
        let outcome = self.describe(&account.clone().ranked(&looks.rank.rank())).await.map(Arc::new);
        *last = Last { began: ticket, outcome: Some(outcome.clone()) };
        outcome
    }

    async fn describe(&self, account: &Account) -> Result<Described, AwsError> {
        // By its begin: what is created while a listing runs may be missing in it.
        let began = account.now().await?;
        let listed = self.listed(account).await?;
        Ok(Described { began, by_id: self.complete(account, listed, &ById::new(), None).await? })
    }

    async fn listed(&self, account: &Account) -> Result<Vec<String>, AwsError> {
        let listed = R::list(account).await?;
        let ids: BTreeSet<&String> = listed.iter().collect();
        self.known(account, |Known { owners, deleted }| {
            owners.retain(|id, _| ids.contains(id));
            deleted.retain(|id| ids.contains(id));
        });
        Ok(listed)
    }

    /// What is listed and not told by `before`, read now. What is listed and not there is going, or not shown yet. Not
    /// knowing which, it alone is asked for again until it is there or is listed no more.
    async fn complete(
        &self,
        account: &Account,
        mut listed: Vec<String>,
        before: &ById,
        owner: Option<&Owner>,
    ) -> Result<ById, AwsError> {
        let (mut found, mut wait) = (ById::new(), AGAIN);
        loop {
            let (mut open, mut progress) = (false, false);
            for id in listed {
                if found.contains_key(&id) || before.get(&id).is_some_and(|seen| seen.suffices(owner)) {
                    continue;
                }
                let tags = self.known(account, |known| known.owners.get(&id).cloned());
                let known = tags.map(|tags| Seen { tags, remembered: true });
                if let Some(seen) = known.filter(|seen| seen.suffices(owner)) {
                    found.insert(id, seen);
                    continue;
                }
                match R::tags(account, &id).await {
                    Ok(tags) => {
                        self.note(account, &id, &tags);
                        found.insert(id, Seen { tags, remembered: false });
                        progress = true;
                    }
                    Err(fault) if fault.kind == AwsErrorKind::NotFound => {
                        open |= !self.known(account, |known| known.deleted.contains(&id));
                    }
                    // What was read is not read again for one answer that was lost among hundreds.
                    Err(fault) if progress && passing(&fault) => {
                        open = true;
                        break;
                    }
                    Err(fault) => return Err(fault),
                }
            }
            if !open {
                return Ok(found);
            }
            sleep(wait).await;
            wait = (wait * 2).min(AGAIN_MAX);
            listed = self.listed(account).await?;
        }
    }
}

#[cfg(test)]
impl<R> TagIndex<R> {
    /// The ids of which something is remembered.
    pub fn remembered(&self) -> Vec<String> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let all = known.values().flat_map(|Known { owners, deleted }| owners.keys().chain(deleted));
        let mut ids: Vec<String> = all.cloned().collect();
        ids.sort();
        ids
    }
}

fn key(account: &Account) -> (String, String) {
    (account.id.clone(), account.region.clone())
}

/// A fault that says nothing of what was asked for.
fn passing(fault: &AwsError) -> bool {
    matches!(fault.kind, AwsErrorKind::Throttled | AwsErrorKind::Unavailable | AwsErrorKind::Lost)
}

/// The task of the look panicked.
fn broken_down(listing: &'static str) -> AwsError {
    AwsError {
        operation: listing,
        kind: AwsErrorKind::Lost,
        code: "TaskFailed".to_owned(),
        message: "looking through what is in the account broke down".to_owned(),
        resource_type: None,
        retry_after: None,
        date: None,
    }
}
