//! What was sent to AWS and how long calls waited at the rate limiter, counted.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::error::{BREAKER_OPEN, STS_UNAVAILABLE};
use super::{AwsError, CallClass};

/// Bounds of a latency's buckets in seconds: a call of AWS takes some hundredths of a second, and 30 is where we give up.
/// A reconcile, which is measured by the same, is a handful of them.
pub const BOUNDS: [f64; 9] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// How long calls took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Latency {
    /// All of them together.
    pub sum: Duration,
    /// How many took so long, by the first of [`BOUNDS`] that holds it.
    pub within: [u64; BOUNDS.len()],
    /// And how many took longer.
    pub beyond: u64,
}

impl Latency {
    /// How many there were.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.within.iter().sum::<u64>() + self.beyond
    }

    /// One more took so long.
    pub fn add(&mut self, took: Duration) {
        self.sum += took;
        let within = BOUNDS.iter().zip(&mut self.within).find(|(bound, _)| took.as_secs_f64() <= **bound);
        *within.map_or(&mut self.beyond, |(_, count)| count) += 1;
    }
}

/// The counts of a process.
#[derive(Debug, Default)]
pub struct CallCounters(Mutex<Counts>);

/// Account, region and class: what has a rate of its own in AWS. There are as many as identities reach.
pub type Line = (String, String, CallClass);

/// As they stand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    /// Calls, and how long they took, by operation and result: `ok` or the kind of fault.
    pub latencies: BTreeMap<(&'static str, &'static str), Latency>,
    /// Calls that AWS throttled.
    pub throttled: BTreeMap<Line, u64>,
    /// Permits that were given and how long was waited for them in all.
    pub waits: BTreeMap<Line, (u64, Duration)>,
}

impl CallCounters {
    /// A call to the service itself has ended. Faults of getting credentials are not its own, and a breaker sends
    /// nothing.
    pub fn call<T>(&self, operation: &'static str, outcome: &Result<T, AwsError>, took: Duration) {
        let unsent =
            |fault: &AwsError| fault.of_sts() || [BREAKER_OPEN, STS_UNAVAILABLE].contains(&fault.code.as_str());
        if !outcome.as_ref().is_err_and(unsent) {
            self.sts(operation, outcome, took);
        }
    }

    /// A call to STS has ended.
    pub fn sts<T>(&self, operation: &'static str, outcome: &Result<T, AwsError>, took: Duration) {
        let result = outcome.as_ref().err().map_or("ok", |fault| fault.kind.name());
        self.lock().latencies.entry((operation, result)).or_default().add(took);
    }

    /// AWS throttled a call.
    pub fn throttled(&self, line: Line) {
        *self.lock().throttled.entry(line).or_default() += 1;
    }

    /// A permit was given.
    pub fn waited(&self, line: Line, wait: Duration) {
        let mut counts = self.lock();
        let (permits, waited) = counts.waits.entry(line).or_default();
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
