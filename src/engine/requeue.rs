//! When an object comes again: what a reconcile ends with, and what the queue goes by.

use std::time::Duration;

/// When the next reconcile over the object is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requeue {
    /// At once: a step was taken.
    Again,
    /// After this time, or on a change: it waits for something, or failed.
    After(Duration),
    /// After this time, or on a change: another reconcile is about to find out what this one needs. It comes again as what
    /// it was.
    Elsewhere(Duration),
    /// After this time, or on a change: nothing is known to be wrong.
    Rest(Duration),
    /// On a change only.
    OnChange,
}

impl Requeue {
    /// Whichever is sooner.
    #[must_use]
    pub(super) fn min(self, other: Self) -> Self {
        match (self, other) {
            (Self::Again, _) | (_, Self::Again) => Self::Again,
            (Self::OnChange, next) | (next, Self::OnChange) => next,
            (Self::Elsewhere(one), next) | (next, Self::Elsewhere(one)) => Self::After(one).min(next),
            (Self::Rest(one), Self::Rest(two)) => Self::Rest(one.min(two)),
            (Self::After(one), Self::Rest(two)) | (Self::Rest(two), Self::After(one)) if two < one => Self::Rest(two),
            (Self::After(one), Self::After(two)) => Self::After(one.min(two)),
            (Self::After(one), Self::Rest(_)) | (Self::Rest(_), Self::After(one)) => Self::After(one),
        }
    }
}
