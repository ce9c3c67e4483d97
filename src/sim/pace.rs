//! How fast the service can be called, and how long an answer takes: nothing of it is published by AWS.
//! Only counts and draws lots; what is answered to a call too many is the service's to say.

use std::collections::BTreeMap;

use jiff::fmt::serde::duration::friendly::compact::{optional, required};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::random::Random;

/// The rate up to which calls are carried out, in each account and region.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Calls a second that last.
    pub rate: f64,
    /// Calls at once after a rest.
    pub burst: f64,
    /// What has a bucket of its own.
    #[serde(default)]
    pub each: Each,
}

/// What has a bucket of its own within an account and region.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Each {
    /// All operations share one.
    #[default]
    Account,
    /// Each operation has its own.
    Operation,
}

/// How long an answer takes on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    /// Half of the answers take no longer.
    #[serde(serialize_with = "required")]
    pub p50: SignedDuration,
    /// One in a hundred takes longer; without it all take the same.
    #[serde(default, serialize_with = "optional")]
    pub p99: Option<SignedDuration>,
}

/// The standard normal distribution is below it 99 times of 100.
const P99_OF_NORMAL: f64 = 2.326;

impl RateLimit {
    /// Whether it makes sense.
    ///
    /// # Errors
    /// A text that names the member which does not.
    pub fn check(self) -> Result<(), String> {
        if self.rate <= 0.0 {
            return Err(format!("rate_limit.rate must be more than 0, not {}", self.rate));
        }
        if self.burst < 1.0 {
            return Err(format!("rate_limit.burst must be 1 or more, not {}", self.burst));
        }
        Ok(())
    }
}

impl Latency {
    /// Whether it makes sense.
    ///
    /// # Errors
    /// A text that names the member which does not.
    pub fn check(self) -> Result<(), String> {
        if self.p50.is_negative() {
            return Err("latency.p50 must not be negative".to_owned());
        }
        if self.p99.is_some_and(|p99| self.p50.is_zero() || p99 < self.p50) {
            return Err("latency.p99 must not be below latency.p50, which must not be 0s with it".to_owned());
        }
        Ok(())
    }

    /// One answer's: of a log-normal distribution, whose tail is as heavy as those of services are.
    #[must_use]
    pub fn draw(self, random: &mut Random) -> SignedDuration {
        let Some(p99) = self.p99 else { return self.p50 };
        let (half, rare) = (self.p50.as_secs_f64(), p99.as_secs_f64());
        let spread = (rare / half).ln() / P99_OF_NORMAL;
        let seconds = half * (spread * random.normal()).exp();
        SignedDuration::try_from_secs_f64(seconds).unwrap_or(p99)
    }
}

/// Account, region, and the operation where each has its own.
type Key = (String, String, String);

/// What is left of the rates.
#[derive(Debug, Default)]
pub struct Buckets(BTreeMap<Key, Bucket>);

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Timestamp,
}

impl Buckets {
    /// Whether one more call is within the limit; then it is counted.
    pub fn take(&mut self, limit: RateLimit, account: &str, region: &str, operation: &str, now: Timestamp) -> bool {
        let own = if limit.each == Each::Operation { operation } else { "" };
        let key = (account.to_owned(), region.to_owned(), own.to_owned());
        let bucket = self.0.entry(key).or_insert(Bucket { tokens: limit.burst, at: now });
        // A clock that was moved back gives nothing and takes nothing.
        let elapsed = now.duration_since(bucket.at).as_secs_f64().max(0.0);
        bucket.tokens = elapsed.mul_add(limit.rate, bucket.tokens).min(limit.burst);
        bucket.at = now;
        let within = bucket.tokens >= 1.0;
        if within {
            bucket.tokens -= 1.0;
        }
        within
    }
}

#[cfg(test)]
#[path = "pace_tests.rs"]
mod tests;
