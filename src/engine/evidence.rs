//! What was seen in AWS, how often and since when, and for how long absence must last before it is believed. Pure.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::owner::Ownership;

/// Observations that absence or lost tags need before they are believed: one empty answer is no evidence.
const OBSERVATIONS: u32 = 3;

/// The two times that everything else is measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// How far in the past AWS still accepts a signature.
    pub tolerance: SignedDuration,
    /// How long AWS's listings may lag behind.
    pub lag: SignedDuration,
}

impl Windows {
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
}

fn after(time: Timestamp, span: SignedDuration) -> Timestamp {
    time.checked_add(span).unwrap_or(Timestamp::MAX)
}

/// What one look at the known key showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// Nothing was asked: no key is known, or no look is due.
    NotLooked,
    /// It is there; for kinds without tags the ownership is `Untagged`.
    Found(Ownership),
    /// It is not there, and what it belongs to is.
    Missing,
    /// Its server is not there.
    ParentMissing,
}

impl Sight {
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
pub struct Lookup {
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
pub struct LookedUp {
    /// AWS's time before the first of its reads: what it did not show was not there then, lag aside.
    pub began: Timestamp,
    /// What it showed.
    pub found: Lookup,
}

/// Things that are believed only when seen repeatedly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sighting {
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
}

/// When a sighting was first and last made, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// First time, by AWS's clock.
    pub since: Timestamp,
    /// Begin of the last observation.
    pub last: Timestamp,
    /// How often.
    pub count: u32,
}

/// The sightings of one object since the last contrary one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sightings(BTreeMap<Sighting, Seen>);

impl Sightings {
    /// Counts one observation that began at `now`.
    pub fn count(&mut self, sighting: Sighting, now: Timestamp) {
        let seen = self.0.entry(sighting).or_insert(Seen { since: now, last: now, count: 0 });
        seen.count += 1;
        seen.last = seen.last.max(now);
    }

    /// Forgets a sighting: the contrary was observed.
    pub fn clear(&mut self, sighting: Sighting) {
        self.0.remove(&sighting);
    }

    /// The record of a sighting.
    #[must_use]
    pub fn get(&self, sighting: Sighting) -> Option<Seen> {
        self.0.get(&sighting).copied()
    }

    /// Whether it was seen often enough and for at least `span`.
    #[must_use]
    pub fn believed(&self, sighting: Sighting, span: SignedDuration) -> bool {
        self.get(sighting).is_some_and(|seen| seen.count >= OBSERVATIONS && seen.last >= after(seen.since, span))
    }

    /// Whether it was seen often enough, the last time at or after `end`.
    #[must_use]
    pub fn lasts_until(&self, sighting: Sighting, end: Timestamp) -> bool {
        self.get(sighting).is_some_and(|seen| seen.count >= OBSERVATIONS && seen.last >= end)
    }

    /// When [`Self::believed`] can become true.
    #[must_use]
    pub fn due(&self, sighting: Sighting, span: SignedDuration) -> Option<Timestamp> {
        self.get(sighting).map(|seen| after(seen.since, span))
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
        let mut seen = Sightings::default();
        for second in [0, 1, 2] {
            seen.count(Sighting::Missing, at(second));
        }
        assert!(!seen.believed(Sighting::Missing, lag), "three in a row within two seconds are one");
        assert_eq!(seen.due(Sighting::Missing, lag), Some(at(120)));
        assert_eq!(seen.due(Sighting::Former, lag), None, "nothing is due that was never seen");
        seen.count(Sighting::Missing, at(120));
        assert!(seen.believed(Sighting::Missing, lag));
        let mut two = Sightings::default();
        two.count(Sighting::Missing, at(0));
        two.count(Sighting::Missing, at(500));
        assert!(!two.believed(Sighting::Missing, lag), "two are not three");
        seen.clear(Sighting::Missing);
        assert!(!seen.believed(Sighting::Missing, lag), "one contrary observation begins anew");
    }

    #[test]
    fn the_last_listing_must_begin_after_the_window() {
        let mut seen = Sightings::default();
        for second in [0, 500, 999] {
            seen.count(Sighting::NoTrace, at(second));
        }
        assert!(!seen.lasts_until(Sighting::NoTrace, at(1000)));
        seen.count(Sighting::NoTrace, at(1000));
        assert!(seen.lasts_until(Sighting::NoTrace, at(1000)));
    }

    #[test]
    fn a_reply_shortens_the_window_to_the_lag_from_the_reply() {
        let windows = Windows { tolerance: SignedDuration::from_mins(15), lag: SignedDuration::from_mins(2) };
        assert_eq!(windows.create(at(0), Some(at(1))), at(121));
        assert_eq!(windows.create(at(0), Some(at(300))), at(420), "a call may have been sent late");
        assert_eq!(windows.create(at(0), Some(at(16 * 60))), at(17 * 60), "never longer than without a reply");
        assert_eq!(windows.create(at(0), None), at(17 * 60));
    }
}
