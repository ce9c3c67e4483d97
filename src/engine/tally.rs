//! How passes ended and what drifted, counted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What counts where nothing else was said: the pass was given up, or panicked.
const UNFINISHED: &str = "unfinished";

/// The counts of one kind; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<Mutex<Counts>>);

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

/// One pass that is under way. It is counted when it is dropped.
#[derive(Debug)]
pub struct Running {
    tally: Tally,
    outcome: &'static str,
}

impl Tally {
    /// A pass begins.
    #[must_use]
    pub fn begin(&self) -> Running {
        Running { tally: self.clone(), outcome: UNFINISHED }
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

impl Running {
    /// What it came to.
    pub fn ends(&mut self, outcome: &'static str) {
        self.outcome = outcome;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        *self.tally.lock().passes.entry(self.outcome).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_that_was_given_up_counts_too() {
        let tally = Tally::default();
        tally.begin().ends("settled");
        drop(tally.begin());
        assert_eq!(tally.read().passes, BTreeMap::from([("settled", 1), ("unfinished", 1)]));
    }
}
