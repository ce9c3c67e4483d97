//! How reconciles ended, how long they took, and what drifted, counted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::aws::counters::Latency;

/// What counts where nothing else was said: the reconcile was given up, or panicked.
const UNFINISHED: &str = "unfinished";

/// The counts of one kind; clones share them.
#[derive(Clone, Debug, Default)]
pub struct ReconcileCounters(Arc<Mutex<Counts>>);

/// How often what happened.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    /// Reconciles, and how long they took, by what they came to.
    pub durations: BTreeMap<&'static str, Latency>,
    /// Reconciles that are under way, also those that wait at the limiter.
    pub running: u64,
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
    began: Instant,
}

impl ReconcileCounters {
    /// A reconcile begins.
    #[must_use]
    pub fn begin(&self) -> ReconcileTimer {
        self.lock().running += 1;
        ReconcileTimer { counters: self.clone(), outcome: UNFINISHED, began: Instant::now() }
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
        let mut counts = self.counters.lock();
        counts.running -= 1;
        counts.durations.entry(self.outcome).or_default().add(self.began.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_reconcile_that_was_given_up_counts_too_each_with_its_time() {
        let counters = ReconcileCounters::default();
        let mut settles = counters.begin();
        tokio::time::advance(std::time::Duration::from_secs(3)).await;
        settles.ends("settled");
        assert_eq!(counters.read().running, 1);
        drop(settles);
        assert_eq!(counters.read().running, 0);
        drop(counters.begin());
        let counted: Vec<_> =
            counters.read().durations.into_iter().map(|(end, took)| (end, took.calls(), took.sum.as_secs())).collect();
        assert_eq!(counted, [("settled", 1, 3), ("unfinished", 1, 0)]);
    }
}
