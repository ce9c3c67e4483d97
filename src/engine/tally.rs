//! How passes ended, counted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What counts where nothing else was said: the pass was given up, or panicked.
const UNFINISHED: &str = "unfinished";

/// The counts of one kind; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<Mutex<BTreeMap<&'static str, u64>>>);

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
    pub fn read(&self) -> BTreeMap<&'static str, u64> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, u64>> {
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
        *self.tally.lock().entry(self.outcome).or_default() += 1;
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
        assert_eq!(tally.read(), BTreeMap::from([("settled", 1), ("unfinished", 1)]));
    }
}
