//! What a look at the lease leads to: pure decisions over what was seen of it. It asks nobody and waits for nothing.

use std::time::Duration;

use tokio::time::Instant;

use super::LeaseConfig;

/// A Lease as far as it matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseRecord {
    /// Who holds it; empty if nobody does.
    pub holder: String,
    /// For how long from its last change.
    pub duration: Duration,
    /// Its resourceVersion: another one with every change.
    pub version: String,
}

/// What a look at it showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseState {
    /// The API server did not answer.
    Unknown,
    /// There is none.
    Absent,
    /// This.
    Lease(LeaseRecord),
}

/// What a replica knows of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaseView {
    /// The version that was seen last, and since when it stands.
    pub seen: Option<(String, Instant)>,
    /// When the last write of this replica that was accepted was begun: while there is one, it leads.
    pub renewed: Option<Instant>,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseStep {
    /// Create it.
    Create,
    /// Take it over.
    Take,
    /// Renew it.
    Renew,
    /// Looked at again later.
    Wait,
    /// This replica led and does no longer.
    Lost,
}

impl LeaseView {
    /// Takes down what a look showed.
    pub fn observe(&mut self, found: &LeaseState, now: Instant) {
        match found {
            LeaseState::Unknown => {}
            LeaseState::Absent => self.seen = None,
            LeaseState::Lease(record) => {
                if self.seen.as_ref().is_none_or(|(version, _)| *version != record.version) {
                    self.seen = Some((record.version.clone(), now));
                }
            }
        }
    }

    /// When what was found, and [observed](Self::observe), may be taken, should it stay as it is.
    pub(super) fn expires(&self, found: &LeaseState) -> Option<Instant> {
        let LeaseState::Lease(record) = found else { return None };
        self.seen.as_ref().map(|(_, since)| *since + record.duration)
    }
}

/// How long after a look at a lease that is not free the next one comes: no later than the moment at which it may be taken,
/// which a steady pace would miss by half of it.
#[must_use]
pub fn look_again(usual: Duration, expires: Option<Instant>, now: Instant) -> Duration {
    let rest = expires.map(|at| at.saturating_duration_since(now)).filter(|rest| !rest.is_zero());
    rest.map_or(usual, |rest| rest.min(usual))
}

/// Decides the step of the replica `me`, whose view has [observed](LeaseView::observe) what was found.
#[must_use]
pub fn next_lease(me: &str, times: &LeaseConfig, found: &LeaseState, view: &LeaseView, now: Instant) -> LeaseStep {
    let overdue = view.renewed.is_some_and(|at| now.duration_since(at) >= times.renew_deadline);
    let leads = view.renewed.is_some();
    let unchanged = view.seen.as_ref().map_or(Duration::ZERO, |(_, since)| now.duration_since(*since));
    match found {
        _ if overdue => LeaseStep::Lost,
        LeaseState::Absent => LeaseStep::Create,
        LeaseState::Lease(LeaseRecord { holder, .. }) if holder == me && leads => LeaseStep::Renew,
        // Free, or ours by a write whose answer was lost.
        LeaseState::Lease(LeaseRecord { holder, .. }) if holder.is_empty() || holder == me => LeaseStep::Take,
        LeaseState::Lease(_) if leads => LeaseStep::Lost,
        LeaseState::Lease(LeaseRecord { duration, .. }) if unchanged >= *duration => LeaseStep::Take,
        LeaseState::Lease(_) | LeaseState::Unknown => LeaseStep::Wait,
    }
}
