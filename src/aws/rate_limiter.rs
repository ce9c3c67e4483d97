//! The rate limiter: every AWS call passes it, so that one account is never hammered by many objects.
//!
//! One rate limiter per account, region and class of call: a plain token bucket that hands out its permits in the order
//! in which they were asked for. A mutation needs a [`Permit`], which only the rate limiter makes: it is taken before
//! the live read, so that nothing waits in a queue with a signature that ages.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::sync::{Arc, Instant, Mutex, PoisonError, Turn, sleep};

use super::counters::CallCounters;
use super::waiting;

/// Classes of calls, each with a rate of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallClass {
    /// List and Describe.
    Read,
    /// Every mutation but CreateServer.
    Write,
    /// CreateServer.
    CreateServer,
}

impl CallClass {
    /// A word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::CreateServer => "create_server",
        }
    }
}

/// Calls per second and burst of each class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// List and Describe, per second.
    pub read: f64,
    /// Mutations, per second.
    pub write: f64,
    /// CreateServer, per second.
    pub create_server: f64,
    /// How many seconds' worth of calls may go at once.
    pub burst_seconds: f64,
}

impl Default for Rates {
    /// AWS publishes no rates for the control plane; these stay below what its own CloudFormation handlers use in bulk.
    fn default() -> Self {
        Self { read: 10.0, write: 5.0, create_server: 1.0, burst_seconds: 2.0 }
    }
}

impl Rates {
    fn of(&self, class: CallClass) -> f64 {
        match class {
            CallClass::Read => self.read,
            CallClass::Write => self.write,
            CallClass::CreateServer => self.create_server,
        }
    }
}

/// The right to send one mutation; spent by sending it.
#[derive(Debug)]
#[must_use = "a permit is a call that others now wait for"]
pub struct Permit(());

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled_at: Instant,
}

/// Key of a bucket: account, region, class.
type BucketKey = (String, String, CallClass);

/// All buckets of the process.
#[derive(Debug)]
pub struct RateLimiter {
    /// What went through, and what came of it.
    pub counters: CallCounters,
    rates: Rates,
    buckets: Mutex<BTreeMap<BucketKey, Bucket>>,
    /// Who has the turn of a bucket waits for its next token; the others wait for the turn, first come, first served.
    turns: Mutex<BTreeMap<BucketKey, Arc<Turn<()>>>>,
}

impl RateLimiter {
    /// A rate limiter with the given rates for every account.
    #[must_use]
    pub fn new(rates: Rates) -> Arc<Self> {
        Arc::new(Self { counters: CallCounters::default(), rates, buckets: Mutex::default(), turns: Mutex::default() })
    }

    /// Waits for the right to send one call of the class: whoever asks first has it first.
    pub async fn acquire(&self, account: &str, region: &str, class: CallClass) -> Permit {
        let asked = Instant::now();
        waiting::aside(async {
            let turn = self.turn(account, region, class);
            let _mine = turn.lock().await;
            while let Some(wait) = self.take(account, region, class) {
                sleep(wait).await;
            }
        })
        .await;
        self.counters.waited(class, asked.elapsed());
        Permit(())
    }

    fn turn(&self, account: &str, region: &str, class: CallClass) -> Arc<Turn<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(turns.entry((account.to_owned(), region.to_owned(), class)).or_default())
    }

    /// Empties the bucket: AWS said that it was too much.
    pub fn throttled(&self, account: &str, region: &str, class: CallClass) {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = buckets.get_mut(&(account.to_owned(), region.to_owned(), class)) {
            bucket.tokens = 0.0;
            bucket.filled_at = Instant::now();
        }
    }

    /// Takes a token, or says how long to wait before asking again.
    fn take(&self, account: &str, region: &str, class: CallClass) -> Option<Duration> {
        let rate = self.rates.of(class);
        let capacity = (rate * self.rates.burst_seconds).max(1.0);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock: a time from before it would set the bucket back, and the same second would fill it twice.
        let now = Instant::now();
        let bucket = buckets
            .entry((account.to_owned(), region.to_owned(), class))
            .or_insert(Bucket { tokens: capacity, filled_at: now });
        let filled = bucket.tokens + now.duration_since(bucket.filled_at).as_secs_f64() * rate;
        bucket.tokens = filled.min(capacity);
        bucket.filled_at = now;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return None;
        }
        Some(Duration::from_secs_f64((1.0 - bucket.tokens) / rate))
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn never_lets_more_through_than_burst_plus_rate() {
        let limiter = RateLimiter::new(Rates { read: 10.0, write: 5.0, create_server: 1.0, burst_seconds: 2.0 });
        let start = Instant::now();
        for _ in 0..110 {
            let _ = limiter.acquire("1", "r", CallClass::Read).await;
        }
        // 20 at once, 90 more at 10 per second.
        let taken = start.elapsed().as_secs_f64();
        assert!((8.9..9.2).contains(&taken), "{taken}");
    }

    #[tokio::test(start_paused = true)]
    async fn accounts_regions_and_classes_do_not_wait_for_each_other() {
        let limiter = RateLimiter::new(Rates { read: 1.0, write: 1.0, create_server: 1.0, burst_seconds: 1.0 });
        let start = Instant::now();
        for (account, region, class) in [
            ("1", "a", CallClass::Read),
            ("2", "a", CallClass::Read),
            ("1", "b", CallClass::Read),
            ("1", "a", CallClass::Write),
        ] {
            let _ = limiter.acquire(account, region, class).await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttle_empties_the_bucket() {
        let limiter = RateLimiter::new(Rates { read: 1.0, write: 1.0, create_server: 1.0, burst_seconds: 5.0 });
        let _ = limiter.acquire("1", "a", CallClass::Read).await;
        limiter.throttled("1", "a", CallClass::Read);
        let start = Instant::now();
        let _ = limiter.acquire("1", "a", CallClass::Read).await;
        assert!(start.elapsed() >= Duration::from_millis(990));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_who_comes_later_goes_first_and_one_that_gave_up_holds_up_nobody() {
        let limiter = RateLimiter::new(Rates { read: 1.0, write: 1.0, create_server: 1.0, burst_seconds: 1.0 });
        let _ = limiter.acquire("1", "a", CallClass::Read).await;
        let ask = || Box::pin(limiter.acquire("1", "a", CallClass::Read));
        let (mut first, mut gives_up, mut second) = (ask(), ask(), ask());
        for waiting in [&mut first, &mut gives_up, &mut second] {
            assert!(waiting.now_or_never().is_none());
        }
        drop(gives_up);
        for waiting in [&mut first, &mut second] {
            // The token is there, and whoever waits for it was not woken yet.
            tokio::time::advance(Duration::from_millis(1001)).await;
            let mut late = ask();
            assert!((&mut late).now_or_never().is_none(), "a newcomer overtook");
            drop(late);
            assert!(waiting.now_or_never().is_some(), "it is their turn");
        }
    }
}
