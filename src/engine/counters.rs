//! How reconciles ended and what drifted, counted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What counts where nothing else was said: the reconcile was given up, or panicked.
const UNFINISHED: &str = "unfinished";

/// The counts of one kind; clones share them.
#[derive(Clone, Debug, Default)]
pub struct ReconcileCounters(Arc<Mutex<Counts>>);

/// How often what happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Passes by what they came to.
    pub passes: BTreeMap<&'static str, u64>,
    /// Differences in AWS that no edit brought about.
    pub drift_found: u64,
    /// Those that a call put right.
    pub drift_corrected: u64,
}

/// One reconcile that is under way. It is counted when it is dropped.
#[derive(Debug)]
pub struct ReconcileTimer {
    counters: ReconcileCounters,
    outcome: &'static str,
}

impl ReconcileCounters {
    /// A reconcile begins.
    #[must_use]
    pub fn begin(&self) -> ReconcileTimer {
        ReconcileTimer { counters: self.clone(), outcome: UNFINISHED }
    }

    /// As they stand.
    #[must_use]
    pub fn read(&self) -> Counts {
        self.lock().clone()
    }

    /// So many differences came up that no edit brought about.
    pub fn found(&self, count: usize) {
        self.lock().drift_found += count as u64;
    }

    /// AWS took a call that puts so many of them right.
    pub fn corrected(&self, count: usize) {
        self.lock().drift_corrected += count as u64;
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ReconcileTimer {
    /// What it came to.
    pub fn ends(&mut self, outcome: &'static str) {
        self.outcome = outcome;
    }
}

impl Drop for ReconcileTimer {
    fn drop(&mut self) {
        *self.counters.lock().passes.entry(self.outcome).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_that_was_given_up_counts_too() {
        let counters = ReconcileCounters::default();
        counters.begin().ends("settled");
        drop(counters.begin());
        assert_eq!(counters.read().passes, BTreeMap::from([("settled", 1), ("unfinished", 1)]));
    }
}
