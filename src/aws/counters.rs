//! What was sent to AWS and how long calls waited at the rate limiter, counted.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::error::{BREAKER_OPEN, STS_UNAVAILABLE};
use super::{AwsError, CallClass};

/// The counts of a process.
#[derive(Debug, Default)]
pub struct CallCounters(Mutex<Counts>);

/// As they stand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    /// Calls by operation and result: `ok` or the kind of fault.
    pub calls: BTreeMap<(&'static str, &'static str), u64>,
    /// Permits that were given and how long was waited for them in all, by class.
    pub waits: BTreeMap<CallClass, (u64, Duration)>,
}

impl CallCounters {
    /// A call to the service itself has ended. Faults of getting credentials are not its own, and a breaker sends
    /// nothing.
    pub fn call<T>(&self, operation: &'static str, outcome: &Result<T, AwsError>) {
        let unsent =
            |fault: &AwsError| fault.of_sts() || [BREAKER_OPEN, STS_UNAVAILABLE].contains(&fault.code.as_str());
        if !outcome.as_ref().is_err_and(unsent) {
            self.sts(operation, outcome);
        }
    }

    /// A call to STS has ended.
    pub fn sts<T>(&self, operation: &'static str, outcome: &Result<T, AwsError>) {
        let result = outcome.as_ref().err().map_or("ok", |fault| fault.kind.name());
        *self.lock().calls.entry((operation, result)).or_default() += 1;
    }

    /// A permit was given.
    pub fn waited(&self, class: CallClass, wait: Duration) {
        let mut counts = self.lock();
        let (permits, waited) = counts.waits.entry(class).or_default();
        *permits += 1;
        *waited += wait;
    }

    /// As they stand.
    #[must_use]
    pub fn read(&self) -> Counts {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
