//! What an engine is handed besides its doors: times, and where randomness and identifiers come from.

use std::sync::Arc;
use std::time::Duration;

use super::consistency::Windows;
use super::looks::Looks;

/// The part of an interval that it comes to at the least.
pub(super) const SHORTEST: f64 = 0.8;

/// Randomness and identifiers, handed in so that a test can seed them.
pub trait Env: Send + Sync {
    /// A fresh UUID.
    fn uuid(&self) -> String;
    /// A number from 0 to 1.
    fn fraction(&self) -> f64;
    /// The pod's own clock, for condition times that people read, and for whose turn it is to be looked at. Nothing else
    /// rests on it.
    fn wall(&self) -> jiff::Timestamp;
}

/// Settings of all engines of a process.
#[derive(Clone)]
pub struct Settings {
    /// Identifies this cluster in owner tags.
    pub cluster_id: String,
    /// How long absence must last.
    pub windows: Windows,
    /// How often an object at rest is looked at, on average, where its spec does not say, and the objects are not many.
    pub resync: Duration,
    /// What was seen of all objects, and how often they are looked at.
    pub looks: Arc<Looks>,
    /// For how long AWS's first refusal of a generation is retried before a person is called: roles and policies
    /// take that long to arrive everywhere.
    pub rejection_grace: Duration,
    /// More than so many percent of an identity's servers or users are not deleted at once without a person's yes; 0 asks
    /// nobody.
    pub hold_percent: u8,
    /// Randomness and identifiers.
    pub env: Arc<dyn Env>,
}

impl Settings {
    /// The resync interval of the process, ±20 %.
    #[must_use]
    pub(crate) fn jittered_resync(&self) -> Duration {
        self.jittered(self.resync)
    }

    /// An interval, ±20 %, so that objects do not march in step.
    #[must_use]
    pub(crate) fn jittered(&self, interval: Duration) -> Duration {
        interval.mul_f64(SHORTEST + 2.0 * (1.0 - SHORTEST) * self.env.fraction())
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::*;

    struct Drawn(f64);

    impl Env for Drawn {
        fn uuid(&self) -> String {
            String::new()
        }
        fn fraction(&self) -> f64 {
            self.0
        }
        fn wall(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }
    }

    #[test]
    fn the_resync_interval_is_spread_by_a_fifth_each_way() {
        for (fraction, seconds) in [(0.0, 480), (0.5, 600), (1.0, 720)] {
            let settings = Settings {
                cluster_id: String::new(),
                windows: Windows::new(SignedDuration::ZERO, SignedDuration::ZERO),
                resync: Duration::from_mins(10),
                looks: Arc::default(),
                rejection_grace: Duration::ZERO,
                hold_percent: 10,
                env: Arc::new(Drawn(fraction)),
            };
            assert_eq!(settings.jittered_resync().as_millis().div_ceil(1000), seconds);
            let own = settings.jittered(Duration::from_hours(1));
            assert_eq!(own.as_millis().div_ceil(1000), 6 * seconds);
        }
    }
}
