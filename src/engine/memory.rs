//! What a process remembers of an object between reconciles. All of it may be lost: status and AWS hold what counts.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::consistency::{ConsistencyCounter, Observation};
use crate::api::status::{Applied, Replacing};
use crate::aws::AwsError;
use crate::sync::{Arc, Instant, Mutex, MutexGuard, PoisonError};

/// For how long an API server may lag behind.
const RESTORED: Duration = Duration::from_hours(1);

/// A call that AWS refused and that is not sent again before its time.
#[derive(Clone, Debug)]
pub struct RefusedCall {
    /// What AWS said.
    pub fault: AwsError,
    /// When it first said so of this call.
    pub since: Instant,
    /// How often it said so.
    pub tries: u32,
    /// When it may be sent again.
    pub due: Instant,
}

/// A call that AWS accepted.
#[derive(Clone, Copy, Debug)]
pub struct Accepted {
    /// When, the last time.
    pub at: Instant,
    /// How often.
    pub times: u32,
}

/// A look-up that takes longer than a reconcile.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Only one that began after it counts.
    pub ticket: u64,
    /// Where it looks, and for which create.
    pub about: String,
    /// When it was waited for the last time.
    pub at: Instant,
}

/// One object's memory. What few objects have is behind a pointer: there is one for each.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// What was seen repeatedly.
    pub observations: ConsistencyCounter,
    /// The recorded id that was looked at last: what was seen of another one says nothing of it.
    looked_at: Option<String>,
    /// The replacement that was looked at last, by the old id, the attempt and when the two changed places: the same of it.
    replaces: Option<Box<(String, String, Option<String>)>>,
    /// Refused calls, by a digest of the call.
    pub refused_calls: BTreeMap<String, RefusedCall>,
    /// Calls that AWS accepted lately, by the same digest: its answers may lag behind them.
    pub accepted: BTreeMap<String, Accepted>,
    /// When AWS accepted the last call for what was wanted before, where no look has shown it: a look may still show what
    /// was there before that.
    pub unshown: Option<Instant>,
    /// What was added to `status.applied` for calls that AWS has not answered, or refused for certain.
    pub added: Option<Box<Applied>>,
    /// Where AWS differs though nobody edited anything.
    pub drifted: BTreeSet<String>,
    /// It was lost in AWS, and was not seen there again.
    pub lost: bool,
    /// A reconcile began and did not end: it ran out of time, or panicked.
    at_work: bool,
    /// Reconciles that failed in a row.
    pub failures: u32,
    /// Since when they fail.
    pub failing_since: Option<Instant>,
    /// Why the last of them failed, as the log was warned of it.
    pub warned: Option<&'static str>,
    /// Conflicts in a row when writing to the object.
    pub conflicts: u32,
    /// This process sent a create by key: from now on the key is looked at.
    pub create_sent: bool,
    /// When AWS answered that it made what is known by its key, by AWS's clock, and did not show it yet.
    pub made: Option<Timestamp>,
    /// AWS did not know what a create by key was for: from now on it is looked at first.
    pub contradicted: bool,
    /// When this process wrote its status last.
    pub written: Option<Instant>,
    /// The attempt whose answer was received and proves nothing, or that was recorded and not sent; and when, by AWS's
    /// clock.
    pub replied: Option<(String, Timestamp)>,
    /// Ids whose deletion AWS acknowledged to this process, and when, by AWS's clock.
    pub deleted: BTreeMap<String, Timestamp>,
    /// Since when no create is sent any more, by AWS's clock.
    pub creates_stopped_at: Option<Timestamp>,
    /// The highest generation that was read.
    generation: i64,
    /// The version that this process read live or wrote last.
    version: Option<String>,
    /// The watch is behind what this process knows, or may be: the next reconcile reads live.
    behind: bool,
    /// Since when only older ones are read.
    behind_since: Option<Instant>,
    /// The look-up that is asked for and has not answered.
    pub asked: Option<Box<Asked>>,
    /// What this process said of an object that it cannot read.
    pub undecodable: Option<String>,
    /// What the last reset went by.
    change_fingerprint: Option<String>,
}

impl Memory {
    /// Takes note of the generation that was read; `false` where a newer one was read before. An API server that lags
    /// behind may answer with what was wanted once. After an hour of that the object was restored from a backup.
    #[must_use]
    pub fn reads(&mut self, generation: i64, now: Instant) -> bool {
        if generation < self.generation {
            let since = *self.behind_since.get_or_insert(now);
            if now.duration_since(since) < RESTORED {
                return false;
            }
        }
        (self.generation, self.behind_since) = (generation, None);
        true
    }

    /// Whether what a watch shows is at least as new as what this process read live or wrote. What cannot be compared is
    /// not.
    #[must_use]
    pub(crate) fn is_shown(&self, version: &str, generation: i64) -> bool {
        let newer = |known: &String| {
            known == version || known.parse::<u64>().ok().zip(version.parse().ok()).is_some_and(|(old, new)| old < new)
        };
        !self.behind && generation >= self.generation && self.version.as_ref().is_none_or(newer)
    }

    /// Takes note of a version that was read live or written. Of one that is older than the last, as after a restore,
    /// too: it is what the API server has.
    pub fn knows(&mut self, version: Option<&str>) {
        (self.version, self.behind) = (version.map(str::to_owned), false);
    }

    /// Takes note that the object is not as it was read: somebody wrote, or a write of ours got lost on the way.
    pub(crate) fn is_behind(&mut self) {
        self.behind = true;
    }

    /// Whether the last live read, or a write, went against what the reconcile began with.
    #[must_use]
    pub fn lags(&self) -> bool {
        self.behind
    }

    /// Takes note of the recorded id that is looked at, or was written.
    pub fn looks_at(&mut self, id: Option<&str>) {
        if self.looked_at.as_deref() != id {
            for observation in [Observation::Missing, Observation::Untagged, Observation::Foreign] {
                self.observations.clear(observation);
            }
            self.looked_at = id.map(str::to_owned);
        }
    }

    /// Takes note of the replacement that is looked at.
    pub fn replaces(&mut self, replacing: Option<&Replacing>) {
        let replacing = replacing.map(|replacing| {
            let Replacing { old_id, attempt, phase: _, swapped_at } = replacing.clone();
            Box::new((old_id, attempt, swapped_at))
        });
        if self.replaces != replacing {
            for observation in [Observation::OldMissing, Observation::OldForeign, Observation::OldUnused] {
                self.observations.clear(observation);
            }
            self.replaces = replacing;
        }
    }

    /// Starts waiting anew when the token (generation, annotation, identity, what the spec leads to) is another one: a
    /// person changed something, so what was refused may now be right.
    pub(crate) fn reset_on(&mut self, change_fingerprint: String) {
        if self.change_fingerprint.as_ref() != Some(&change_fingerprint) {
            self.refused_calls.clear();
            self.unshown = self.accepted.values().map(|accepted| accepted.at).chain(self.unshown).max();
            self.accepted.clear();
            self.succeeded();
            self.undecodable = None;
            self.change_fingerprint = Some(change_fingerprint);
        }
    }

    /// A reconcile begins; `false` where the one before it never ended. Then this one is to say so, and counts as none.
    #[must_use]
    pub fn begins(&mut self) -> bool {
        self.at_work = !self.at_work;
        self.at_work
    }

    /// A reconcile went well.
    pub(crate) fn succeeded(&mut self) {
        self.failures = 0;
        self.failing_since = None;
        self.warned = None;
    }

    /// A reconcile failed; answers how often in a row and since when.
    pub fn failed(&mut self, now: Instant) -> (u32, Instant) {
        self.failures += 1;
        (self.failures, *self.failing_since.get_or_insert(now))
    }
}

/// By uid. Boxed: a map keeps room for entries to come, and this one's are large.
type Objects = Arc<Mutex<BTreeMap<String, Box<Memory>>>>;

/// All objects' memories of one kind, and which objects are being worked on.
#[derive(Debug, Default)]
pub struct Memories {
    objects: Objects,
    /// Uids that are worked on, and whether the object has ended meanwhile. Locked before `objects`.
    busy: Arc<Mutex<BTreeMap<String, bool>>>,
}

/// Held while a reconcile, or a call that outlives its reconcile, works on an object.
#[derive(Debug)]
pub struct InFlight {
    uid: String,
    objects: Objects,
    working: Arc<Mutex<BTreeMap<String, bool>>>,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut busy = lock(&self.working);
        if busy.remove(&self.uid) == Some(true) {
            lock(&self.objects).remove(&self.uid);
        }
    }
}

impl Memories {
    /// Takes the object, unless a call of an earlier reconcile is still at work on it.
    #[must_use]
    pub fn enter(&self, uid: &str) -> Option<Arc<InFlight>> {
        let mut busy = lock(&self.busy);
        let Entry::Vacant(free) = busy.entry(uid.to_owned()) else { return None };
        free.insert(false);
        let (objects, working) = (Arc::clone(&self.objects), Arc::clone(&self.busy));
        Some(Arc::new(InFlight { uid: uid.to_owned(), objects, working }))
    }

    /// The memory of an object.
    #[must_use]
    pub fn load(&self, uid: &str) -> Memory {
        self.read(uid, Memory::clone)
    }

    /// What is asked of the memory of an object.
    pub fn read<T>(&self, uid: &str, read: impl FnOnce(&Memory) -> T) -> T {
        match lock(&self.objects).get(uid) {
            Some(memory) => read(memory),
            None => read(&Memory::default()),
        }
    }

    /// Changes the memory of an object.
    pub fn change<T>(&self, uid: &str, change: impl FnOnce(&mut Memory) -> T) -> T {
        change(lock(&self.objects).entry(uid.to_owned()).or_default())
    }

    /// A reconcile over the object ended by itself.
    pub fn ended(&self, uid: &str) {
        if let Some(memory) = lock(&self.objects).get_mut(uid) {
            memory.at_work = false;
        }
    }

    /// Whether no reconcile, and no call that outlives its reconcile, is at work.
    #[must_use]
    pub fn idle(&self) -> bool {
        lock(&self.busy).is_empty()
    }

    /// The watch no longer has the object, and no reconcile will find that out: it is forgotten, where a reconcile or a
    /// call works on it as soon as that is done.
    pub fn end(&self, uid: &str) {
        let mut busy = lock(&self.busy);
        match busy.get_mut(uid) {
            Some(ended) => *ended = true,
            None => drop(lock(&self.objects).remove(uid)),
        }
    }

    /// Forgets an object that is gone.
    pub fn forget(&self, uid: &str) {
        lock(&self.objects).remove(uid);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// There is one for each object.
    #[test]
    fn what_is_remembered_of_each_object_stays_small() {
        let size = size_of::<Memory>();
        assert!(size <= 450, "{size} bytes");
    }

    #[test]
    fn one_at_a_time_also_where_a_call_outlives_its_reconcile() {
        let memories = Memories::default();
        let reconcile = memories.enter("u");
        let call = reconcile.clone();
        drop(reconcile);
        assert!(memories.enter("u").is_none(), "the call still runs");
        assert!(memories.enter("v").is_some(), "others are not held up");
        assert!(!memories.idle());
        drop(call);
        assert!(memories.idle());
        assert!(memories.enter("u").is_some());
    }

    #[test]
    fn what_ended_is_forgotten_and_what_is_worked_on_then_only_after_that() {
        let memories = Memories::default();
        let remember = |uid: &str| memories.change(uid, |memory| memory.create_sent = true);
        remember("rests");
        remember("lives");
        memories.end("rests");
        assert!(!memories.load("rests").create_sent && memories.load("lives").create_sent);

        remember("busy");
        let reconcile = memories.enter("busy");
        let call = reconcile.clone();
        memories.end("busy");
        drop(reconcile);
        assert!(memories.load("busy").create_sent, "the call still needs it");
        assert!(memories.enter("busy").is_none(), "and still holds the object");
        remember("busy");
        drop(call);
        assert!(!memories.load("busy").create_sent && memories.idle());

        remember("busy");
        drop(memories.enter("busy"));
        assert!(memories.load("busy").create_sent, "an end counts once");
        memories.end("never seen");
        assert_eq!(lock(&memories.objects).len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_end_with_a_success() {
        let (mut memory, first) = (Memory::default(), Instant::now());
        assert_eq!(memory.failed(first), (1, first));
        assert_eq!(memory.failed(first + RESTORED), (2, first));
        memory.succeeded();
        assert_eq!(memory.failed(first + RESTORED), (1, first + RESTORED));
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_token_forgets_failures_and_refusals_but_not_what_was_seen() {
        let mut memory = Memory::default();
        memory.reset_on("1".to_owned());
        memory.failed(Instant::now());
        memory.deleted.insert("s-1".to_owned(), Timestamp::UNIX_EPOCH);
        memory.reset_on("1".to_owned());
        assert_eq!(memory.failures, 1);
        memory.reset_on("2".to_owned());
        assert_eq!(memory.failures, 0);
        assert!(memory.deleted.contains_key("s-1"));
    }

    #[test]
    fn what_was_seen_of_one_id_says_nothing_of_the_next() {
        let mut memory = Memory::default();
        let all = [Observation::Missing, Observation::Untagged, Observation::Foreign];
        let mut see = |id, observation| {
            memory.looks_at(id);
            memory.observations.count(observation, Timestamp::UNIX_EPOCH);
            memory.observations.get(observation).map(|seen| seen.count)
        };
        for observation in all {
            assert_eq!((see(Some("s-1"), observation), see(Some("s-1"), observation)), (Some(1), Some(2)));
            assert_eq!(see(Some("s-2"), observation), Some(1));
            assert_eq!((see(None, observation), see(Some("s-2"), observation)), (Some(1), Some(1)));
        }
    }

    #[test]
    fn a_watch_is_believed_that_shows_all_that_this_process_knows() {
        let mut memory = Memory::default();
        assert!(memory.is_shown("7", 1), "nothing is known yet");
        memory.knows(Some("9"));
        assert!(!memory.is_shown("8", 1), "our own write is not there yet");
        assert!(memory.is_shown("9", 1) && memory.is_shown("10", 1), "numbers, not texts");
        assert!(!memory.is_shown("x", 1), "nobody knows which is newer");
        memory.is_behind();
        assert!(!memory.is_shown("11", 1), "a write did not go through");
        memory.knows(Some("3"));
        assert!(memory.is_shown("3", 1), "the API server was restored from a backup");
        assert!(memory.reads(4, Instant::now()));
        assert!(!memory.is_shown("5", 3), "an older generation");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_older_than_what_was_read_is_told_until_it_is_plainly_a_restore() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        assert!(memory.reads(2, now) && memory.reads(2, now) && memory.reads(3, now));
        assert!(!memory.reads(2, now), "an API server that lags behind");
        assert!(memory.reads(3, now));
        assert!(!memory.reads(2, now + RESTORED), "the newest was read in between");
        assert!(memory.reads(2, now + RESTORED + RESTORED));
    }
}
