//! The state of a server as a pure function of time: no timer runs, the state is worked out when somebody asks.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::time::after;

/// Where a server stands and where it is going.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifecycle {
    state: String,
    /// The state that follows by itself, and when.
    next: Option<(Timestamp, String)>,
    /// The state that reads still show, and until when.
    stale: Option<(Timestamp, String)>,
}

impl Lifecycle {
    /// Stays as it is.
    #[must_use]
    pub fn settled(state: &str) -> Self {
        Self { state: state.to_owned(), next: None, stale: None }
    }

    /// In `through` now, in `to` after `takes`.
    #[must_use]
    pub fn moving(through: &str, to: &str, now: Timestamp, takes: SignedDuration) -> Self {
        Self { next: Some((after(now, takes), to.to_owned())), ..Self::settled(through) }
    }

    /// As `self`, but for a while reads show what was before.
    #[must_use]
    pub fn seen_late(self, before: &Self, now: Timestamp, lag: SignedDuration) -> Self {
        if lag.is_zero() {
            return self;
        }
        Self { stale: Some((after(now, lag), before.real(now).to_owned())), ..self }
    }

    /// The true state, on which the service decides.
    #[must_use]
    pub fn real(&self, now: Timestamp) -> &str {
        match &self.next {
            Some((at, state)) if *at <= now => state,
            _ => &self.state,
        }
    }

    /// The state that Describe and List show.
    #[must_use]
    pub fn shown(&self, now: Timestamp) -> &str {
        match &self.stale {
            Some((until, state)) if now < *until => state,
            _ => self.real(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_moves_by_itself_and_may_be_seen_late() {
        let start = Timestamp::UNIX_EPOCH;
        let second = |n| after(start, SignedDuration::from_secs(n));
        let offline = Lifecycle::settled("OFFLINE");
        let starting = Lifecycle::moving("STARTING", "ONLINE", start, SignedDuration::from_secs(10)).seen_late(
            &offline,
            start,
            SignedDuration::from_secs(3),
        );
        assert_eq!(starting.real(start), "STARTING");
        assert_eq!(starting.shown(start), "OFFLINE");
        assert_eq!(starting.shown(second(3)), "STARTING");
        assert_eq!(starting.shown(second(9)), "STARTING");
        assert_eq!(starting.shown(second(10)), "ONLINE");
        assert_eq!(starting.real(second(10)), "ONLINE");
    }
}
