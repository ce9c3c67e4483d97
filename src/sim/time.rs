//! Sums of times that cannot overflow, and the two ways in which AWS writes a time.
//! Nothing here looks at a clock: the time is an argument of everything that the simulator does.

use jiff::{SignedDuration, Timestamp};

/// `at` and `later` together; the end of time stands for whatever would lie behind it.
#[must_use]
pub fn after(at: Timestamp, later: SignedDuration) -> Timestamp {
    at.saturating_add(later).unwrap_or(Timestamp::MAX)
}

/// As in `x-amz-date`: `20260131T235959Z`.
#[must_use]
pub fn basic(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// As in the `Date` header.
#[must_use]
pub fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// What `epoch` writes, read again; none for what is no time at all.
#[must_use]
pub fn from_epoch(seconds: f64) -> Option<Timestamp> {
    Timestamp::from_duration(SignedDuration::try_from_secs_f64(seconds).ok()?).ok()
}

/// As in a JSON body: seconds since 1970, with a fraction of milliseconds.
#[must_use]
pub fn epoch(at: Timestamp) -> serde_json::Value {
    #[allow(clippy::cast_precision_loss, reason = "milliseconds of this era are far below 2^53")]
    let seconds = at.as_millisecond() as f64 / 1000.0;
    serde_json::Value::from(seconds)
}
