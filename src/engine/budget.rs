//! How many full looks an hour what rests may cost in one account and region, and how that is divided. Pure.

use std::time::Duration;

/// Full looks an hour, at most: so much of AWS's rate may go into drift that no listing shows. 10,000 objects come to
/// twelve hours.
const FULL_LOOKS: u32 = 833;
/// Of those, what no listing shows has so many whatever the number of the others, and what the others leave: drift of it
/// is seen by a full look alone. A quarter lets 34 of them be looked at every ten minutes.
const UNLISTED: u32 = FULL_LOOKS / 4;
/// The longest between two full looks at one object. A minute less than half a day: by so much before its turn a look
/// counts as the one that was due.
pub const LONGEST: Duration = Duration::from_mins(12 * 60 - 1);
const HOUR: Duration = Duration::from_hours(1);

/// How soon drift is seen without a full look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// Part of it: a listing that is compared shows that.
    Listed,
    /// None of it.
    Unlisted,
}

/// How many objects take part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    listed: u32,
    unlisted: u32,
}

impl Counts {
    /// One more.
    pub fn add(&mut self, share: Share) {
        *self.of(share) += 1;
    }

    /// One less.
    pub fn remove(&mut self, share: Share) {
        *self.of(share) -= 1;
    }

    /// Whether nobody takes part.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// How often each of that share is looked at: every `resync`, as long as the budget is enough for that.
    #[must_use]
    pub fn interval(self, share: Share, resync: Duration) -> Duration {
        let looks = |objects: u32| HOUR.as_secs_f64() / resync.as_secs_f64() * f64::from(objects);
        let all = f64::from(FULL_LOOKS);
        let left = (all - looks(self.listed)).max(f64::from(UNLISTED));
        let unlisted = looks(self.unlisted).min(left);
        let (objects, hourly) = match share {
            Share::Listed => (self.listed, all - unlisted),
            Share::Unlisted => (self.unlisted, left),
        };
        if objects == 0 {
            return resync;
        }
        (HOUR.mul_f64(f64::from(objects) / hourly)).min(LONGEST).max(resync)
    }

    /// Of what a listing shows.
    #[cfg(test)]
    #[must_use]
    pub fn listed(self) -> u32 {
        self.listed
    }

    fn of(&mut self, share: Share) -> &mut u32 {
        match share {
            Share::Listed => &mut self.listed,
            Share::Unlisted => &mut self.unlisted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESYNC: Duration = Duration::from_mins(10);

    #[test]
    fn what_no_listing_shows_has_a_quarter_and_what_the_others_leave() {
        // Objects of each share, minutes between two looks at each.
        let rows = [
            ((138, 0), (10, 10)),
            ((833, 0), (60, 10)),
            ((4998, 0), (360, 10)),
            ((10_000, 0), (719, 10)),
            ((100_000, 0), (719, 10)),
            ((0, 138), (10, 10)),
            ((0, 1000), (10, 73)),
            ((100, 20), (10, 10)),
            ((100, 1000), (10, 258)),
            ((1000, 10), (78, 10)),
            ((10_000, 34), (719, 10)),
            ((3000, 1000), (288, 289)),
            ((100_000, 100_000), (719, 719)),
        ];
        for ((listed, unlisted), minutes) in rows {
            let counts = Counts { listed, unlisted };
            let every = |share| counts.interval(share, RESYNC).as_secs().div_ceil(60);
            assert_eq!((every(Share::Listed), every(Share::Unlisted)), minutes, "{counts:?}");
        }
    }

    #[test]
    fn the_whole_is_never_more_than_the_budget_until_half_a_day_is_the_limit() {
        for listed in (1..7500).step_by(83) {
            for unlisted in (1..2400).step_by(79) {
                let counts = Counts { listed, unlisted };
                let hourly = |share, objects: u32| {
                    f64::from(objects) * HOUR.as_secs_f64() / counts.interval(share, RESYNC).as_secs_f64()
                };
                let whole = hourly(Share::Listed, listed) + hourly(Share::Unlisted, unlisted);
                assert!(whole <= f64::from(FULL_LOOKS) + 0.01, "{counts:?}: {whole}");
            }
        }
    }
}
