//! What was seen in AWS, how often and since when, and for how long absence must last before it is believed. Pure.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::owner::Ownership;

/// Observations that absence or lost tags need before they are believed: one empty answer is no evidence.
const OBSERVATIONS: u32 = 3;

/// How long nothing must have used what was replaced before it is deleted, by default: AWS may go on running it for up to
/// ten minutes after the last change of what uses it.
const UNUSED: SignedDuration = SignedDuration::from_mins(10);

/// The times that everything else is measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// How far in the past AWS still accepts a signature.
    pub tolerance: SignedDuration,
    /// How long AWS's listings may lag behind.
    pub lag: SignedDuration,
    /// For how long nothing must have used what was replaced.
    pub unused: SignedDuration,
}

impl Windows {
    /// These, and ten minutes for what was replaced.
    #[must_use]
    pub const fn new(tolerance: SignedDuration, lag: SignedDuration) -> Self {
        Self { tolerance, lag, unused: UNUSED }
    }

    /// When a call that was signed at `signed` can no longer arrive and show up unseen.
    #[must_use]
    pub fn late(&self, signed: Timestamp) -> Timestamp {
        after(signed, self.tolerance + self.lag)
    }

    /// When an unconfirmed create counts as not done: sooner where AWS's own reply was received. What it did, it did
    /// before it replied; that may be long after the call was signed, so the lag counts from the reply.
    #[must_use]
    pub fn create(&self, started: Timestamp, replied: Option<Timestamp>) -> Timestamp {
        let late = self.late(started);
        replied.map_or(late, |at| after(at, self.lag).min(late))
    }

    /// For how long nothing must have used what was replaced before it is deleted: AWS's answers may lag as well.
    #[must_use]
    pub fn unused(&self) -> SignedDuration {
        self.unused.max(self.lag)
    }
}

fn after(time: Timestamp, span: SignedDuration) -> Timestamp {
    time.checked_add(span).unwrap_or(Timestamp::MAX)
}

/// What one look at the known key showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObservedState {
    /// Nothing was asked: no key is known, or no look is due.
    NotLooked,
    /// It is there; for kinds without tags the ownership is `Untagged`.
    Found(Ownership),
    /// It is not there, and what it belongs to is.
    Missing,
    /// Its server is not there.
    ParentMissing,
}

impl ObservedState {
    /// Whether it is there and carries tags that are not this object's.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        matches!(self, Self::Found(owner) if !matches!(owner, Ownership::Ours | Ownership::Untagged))
    }
}

/// A server that a look-up found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its id.
    pub id: String,
    /// Its attempt tag.
    pub attempt: Option<String>,
}

/// A complete look-up by tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagMatches {
    /// What carries our uid and cluster.
    pub ours: Vec<Candidate>,
    /// What carries our name and cluster with another uid.
    pub former: Vec<String>,
    /// What carries our uid under another cluster, or under none.
    pub other_cluster: Vec<String>,
    /// What carries our name and cluster, and no uid.
    pub uid_lost: Vec<String>,
}

/// A look-up, and when it began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagSearch {
    /// AWS's time before the first of its reads: what it did not show was not there then, lag aside.
    pub began: Timestamp,
    /// What it showed.
    pub found: TagMatches,
}

/// Things that are believed only when seen repeatedly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Observation {
    /// The known key is missing.
    Missing,
    /// What the known key belongs to is missing.
    ParentMissing,
    /// The known key carries none of our tags.
    Untagged,
    /// The known key carries somebody else's tags.
    Foreign,
    /// Something of our name, and not of our uid, is there.
    Former,
    /// A complete look-up of the create under way found nothing.
    NoTrace,
    /// What was replaced is missing.
    OldMissing,
    /// What was replaced does not carry our tags.
    OldForeign,
    /// Nothing uses what was replaced.
    OldUnused,
}

/// When a sighting was first and last made, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// First time, by AWS's clock.
    pub since: Timestamp,
    /// Begin of the last observation.
    pub last: Timestamp,
    /// How often.
    pub count: u32,
}

/// The sightings of one object since the last contrary one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsistencyCounter(BTreeMap<Observation, Count>);

impl ConsistencyCounter {
    /// Counts one observation that began at `now`.
    pub fn count(&mut self, observation: Observation, now: Timestamp) {
        let seen = self.0.entry(observation).or_insert(Count { since: now, last: now, count: 0 });
        seen.count += 1;
        seen.last = seen.last.max(now);
    }

    /// Forgets a sighting: the contrary was observed.
    pub fn clear(&mut self, observation: Observation) {
        self.0.remove(&observation);
    }

    /// The record of a sighting.
    #[must_use]
    pub fn get(&self, observation: Observation) -> Option<Count> {
        self.0.get(&observation).copied()
    }

    /// Whether it was seen often enough and for at least `span`.
    #[must_use]
    pub fn believed(&self, observation: Observation, span: SignedDuration) -> bool {
        self.get(observation).is_some_and(|seen| seen.count >= OBSERVATIONS && seen.last >= after(seen.since, span))
    }

    /// Whether it was seen often enough, the last time at or after `end`.
    #[must_use]
    pub(crate) fn lasts_until(&self, observation: Observation, end: Timestamp) -> bool {
        self.get(observation).is_some_and(|seen| seen.count >= OBSERVATIONS && seen.last >= end)
    }

    /// When [`Self::believed`] can become true.
    #[must_use]
    pub fn due(&self, observation: Observation, span: SignedDuration) -> Option<Timestamp> {
        self.get(observation).map(|seen| after(seen.since, span))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn absence_needs_three_observations_and_time() {
        let lag = SignedDuration::from_secs(120);
        let mut seen = ConsistencyCounter::default();
        for second in [0, 1, 2] {
            seen.count(Observation::Missing, at(second));
        }
        assert!(!seen.believed(Observation::Missing, lag), "three in a row within two seconds are one");
        assert_eq!(seen.due(Observation::Missing, lag), Some(at(120)));
        assert_eq!(seen.due(Observation::Former, lag), None, "nothing is due that was never seen");
        seen.count(Observation::Missing, at(120));
        assert!(seen.believed(Observation::Missing, lag));
        let mut two = ConsistencyCounter::default();
        two.count(Observation::Missing, at(0));
        two.count(Observation::Missing, at(500));
        assert!(!two.believed(Observation::Missing, lag), "two are not three");
        seen.clear(Observation::Missing);
        assert!(!seen.believed(Observation::Missing, lag), "one contrary observation begins anew");
    }

    #[test]
    fn the_last_listing_must_begin_after_the_window() {
        let mut seen = ConsistencyCounter::default();
        for second in [0, 500, 999] {
            seen.count(Observation::NoTrace, at(second));
        }
        assert!(!seen.lasts_until(Observation::NoTrace, at(1000)));
        seen.count(Observation::NoTrace, at(1000));
        assert!(seen.lasts_until(Observation::NoTrace, at(1000)));
    }

    #[test]
    fn a_reply_shortens_the_window_to_the_lag_from_the_reply() {
        let windows = Windows::new(SignedDuration::from_mins(15), SignedDuration::from_mins(2));
        assert_eq!(windows.create(at(0), Some(at(1))), at(121));
        assert_eq!(windows.create(at(0), Some(at(300))), at(420), "a call may have been sent late");
        assert_eq!(windows.create(at(0), Some(at(16 * 60))), at(17 * 60), "never longer than without a reply");
        assert_eq!(windows.create(at(0), None), at(17 * 60));
    }
}
