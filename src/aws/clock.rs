//! AWS's clock: the last `Date` header plus the monotonic time since. A wrong clock of the pod changes nothing.

use jiff::{SignedDuration, Timestamp};

use crate::sync::{Instant, Mutex, PoisonError};

/// The clock of one account's endpoint.
#[derive(Debug, Default)]
pub struct AwsClock {
    seen: Mutex<Option<(Timestamp, Instant)>>,
}

impl AwsClock {
    /// Takes over the `Date` of a reply.
    pub fn observe(&self, date: Option<Timestamp>) {
        if let Some(date) = date {
            *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some((date, Instant::now()));
        }
    }

    /// The time by AWS, absent until a first reply came.
    #[must_use]
    pub fn now(&self) -> Option<Timestamp> {
        let (date, at) = (*self.seen.lock().unwrap_or_else(PoisonError::into_inner))?;
        let elapsed = SignedDuration::try_from(at.elapsed()).ok()?;
        date.checked_add(elapsed).ok()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn runs_on_from_the_last_date_by_monotonic_time() {
        let clock = AwsClock::default();
        assert_eq!(clock.now(), None);
        let date: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        clock.observe(Some(date));
        tokio::time::advance(Duration::from_secs(90)).await;
        assert_eq!(clock.now(), Some("2026-01-01T00:01:30Z".parse().unwrap()));
        clock.observe(None);
        assert_eq!(clock.now(), Some("2026-01-01T00:01:30Z".parse().unwrap()));
    }
}
