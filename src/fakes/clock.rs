//! The time of a cluster in memory: virtual, the same for everybody, and the only clock there is.

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// The world's clock; a pod's own may be wrong by a fixed amount.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    base: Timestamp,
    began: Instant,
}

impl Clock {
    /// Starts now, at the beginning of a year.
    pub fn start() -> Self {
        Self { base: "2026-01-01T00:00:00Z".parse().unwrap(), began: Instant::now() }
    }

    pub fn now(&self) -> Timestamp {
        self.base.checked_add(SignedDuration::try_from(self.began.elapsed()).unwrap()).unwrap()
    }

    /// Milliseconds since the start, for traces.
    pub fn millis(&self) -> u128 {
        self.began.elapsed().as_millis()
    }
}
