//! How many calls a second AWS takes, learnt from what it throttles: a token bucket whose rate grows until AWS says that
//! it was too much, then keeps just below that and tries a little more now and then. Pure: it is handed the time.
//!
//! AWS publishes no rates, and other tools of the account take their part. What was tried against what, and why these
//! numbers: performance.md, "feedback limiter".

use std::time::Duration;

use crate::sync::Instant;

/// What is added each second before the first throttle: from 10 to 40 calls a second in two seconds.
const GROWTH: f64 = 1.0;

/// What of a rate at which AWS throttled counts as what it takes.
const KNOWN_GOOD: f64 = 0.95;

/// What is left of the rate after a throttle, so that AWS's own bucket fills again.
const CUT: f64 = 0.8;

/// The calls that were under way when AWS throttled are throttled too, and say nothing new.
const ONE_CUT_IN: Duration = Duration::from_millis(500);

/// What is throttled sooner after a rest was too much at once, and says nothing of the rate.
const BURST_IS_OVER: Duration = Duration::from_secs(1);

/// So far above the rate that AWS took it must have throttled, and takes more than then.
const RISEN: f64 = 1.1;

/// What is added each second from there on. Where the limit rises from 5 to 20 calls a second, 1,000 calls take 1.16 of
/// what AWS needs for them instead of 1.49; growing twice as fast gains nothing, and where another client comes and
/// goes three times as many calls are throttled.
const RISING: f64 = 0.1;

/// What is left after a second of the distance to the rate that AWS took.
const DISTANCE_LEFT: f64 = 0.5;

/// How much above the rate that AWS took is tried, each second.
const PROBE: f64 = 0.01;

/// The same once AWS took it for [`SETTLED`]: each probe ends in a throttled call.
const SLOW_PROBE: f64 = 0.005;

/// How long after the last throttle the rate counts as known.
const SETTLED: Duration = Duration::from_mins(2);

/// Who waited for a token as long as was said has it, though a part of a nanosecond got lost on the way.
const ROUNDING: f64 = 1e-6;

/// However long AWS asks one call to wait: among those of its class is the start of a server that was stopped. The
/// object whose call it was waits as long as it was told.
const LONGEST_REST: Duration = Duration::from_secs(20);

/// Slower than this nothing is left to learn by: one call in five seconds.
pub const LOWEST: f64 = 0.2;

/// How many calls a second are allowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// To begin with.
    pub start: f64,
    /// At most.
    pub ceiling: f64,
    /// How many seconds' worth of calls may go at once after a rest.
    pub burst_seconds: f64,
}

/// A token bucket with a rate that is learnt.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    allowed: Rate,
    rate: f64,
    tokens: f64,
    filled_at: Instant,
    /// Since when each token is taken as it comes: only then do throttles and their absence say anything about the rate.
    drained_since: Option<Instant>,
    /// The rate that AWS took, once it throttled.
    known: Option<f64>,
    cut_at: Option<Instant>,
    /// AWS said when to come back.
    not_before: Option<Instant>,
}

impl Pace {
    /// A full bucket. Where AWS is known to have taken so many, that is where it begins.
    #[must_use]
    pub fn new(allowed: Rate, known: Option<f64>, now: Instant) -> Self {
        let rate = known.unwrap_or(allowed.start).min(allowed.ceiling);
        let mut pace = Self {
            allowed,
            rate,
            tokens: 0.0,
            filled_at: now,
            drained_since: None,
            known: known.map(|_| rate),
            cut_at: None,
            not_before: None,
        };
        pace.tokens = pace.capacity();
        pace
    }

    /// Calls a second, as learnt by now.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// The rate that AWS took, where anything was learnt of it: what it is by now, where it has risen far above the one at
    /// which AWS last throttled.
    #[must_use]
    pub fn learnt(&self) -> Option<f64> {
        let risen = |known: f64| if self.rate > known * RISEN { self.rate } else { known };
        self.known.map(risen).or(Some(self.rate).filter(|rate| *rate > self.allowed.start))
    }

    /// What it was made with.
    #[must_use]
    pub fn allowed(&self) -> Rate {
        self.allowed
    }

    /// How long until there is a token; nothing where there is one.
    pub fn wait(&mut self, now: Instant) -> Option<Duration> {
        self.fill(now);
        if self.capacity() > 1.0 && self.tokens >= self.capacity() {
            self.drained_since = None;
        }
        if let Some(rest) = self.not_before.map(|until| until.duration_since(now)).filter(|rest| !rest.is_zero()) {
            return Some(rest);
        }
        self.not_before = None;
        (self.tokens < 1.0 - ROUNDING).then(|| Duration::from_secs_f64((1.0 - self.tokens) / self.rate))
    }

    /// Takes a token, or says how long to wait before asking again.
    pub fn take(&mut self, now: Instant) -> Option<Duration> {
        let wait = self.wait(now);
        if wait.is_none() {
            self.tokens -= 1.0;
            self.drained_since = self.drained_since.or(Some(now)).filter(|_| self.tokens < 1.0);
        }
        wait
    }

    /// Whether each token is taken as it comes, so that as many go as are let.
    #[must_use]
    pub fn drained(&self, now: Instant) -> bool {
        self.drained_since.is_some_and(|since| now.duration_since(since) >= BURST_IS_OVER)
    }

    /// AWS said that it was too much, and perhaps when to come back: the bucket is empty, and the rate goes down. Whether
    /// that says anything of the rate.
    pub fn throttled(&mut self, now: Instant, retry_after: Option<Duration>) -> bool {
        self.fill(now);
        self.tokens = 0.0;
        if let Some(rest) = retry_after.map(|rest| rest.min(LONGEST_REST)) {
            self.not_before = Some(self.not_before.map_or(now + rest, |until| until.max(now + rest)));
        }
        let lately = self.cut_at.is_some_and(|at| now.duration_since(at) < ONE_CUT_IN);
        if lately || !self.drained(now) {
            return false;
        }
        let bounded = |rate: f64| rate.max(LOWEST).min(self.allowed.ceiling);
        (self.known, self.rate) = (Some(bounded(self.rate * KNOWN_GOOD)), bounded(self.rate * CUT));
        self.cut_at = Some(now);
        true
    }

    fn capacity(&self) -> f64 {
        (self.rate * self.allowed.burst_seconds).max(1.0)
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.duration_since(self.filled_at).as_secs_f64();
        if self.drained_since.is_some() {
            // Who waits takes the token as it comes; what passed beyond that was a rest.
            self.grow(passed.min(1.0 / self.rate), now);
        }
        self.tokens = (self.tokens + passed * self.rate).min(self.capacity());
        self.filled_at = now;
    }

    fn grow(&mut self, seconds: f64, now: Instant) {
        let grown = match self.known {
            None => self.rate * (1.0 + GROWTH).powf(seconds),
            Some(known) if self.rate > known * RISEN => self.rate * (1.0 + RISING).powf(seconds),
            Some(known) => {
                let settled = self.cut_at.is_none_or(|at| now.duration_since(at) > SETTLED);
                let probe = if settled { SLOW_PROBE } else { PROBE };
                let back = (known - self.rate).max(0.0) * (1.0 - DISTANCE_LEFT.powf(seconds));
                self.rate + back + known * probe * seconds
            }
        };
        self.rate = grown.min(self.allowed.ceiling);
    }
}
