//! Sums of times that cannot overflow, and the two ways in which AWS writes a time.
//! Nothing here looks at a clock: the time is an argument of everything that the simulator does.

use jiff::{SignedDuration, Timestamp, Unit};

/// The first second that AWS's four digits of a year cannot write; timestamps end a day before.
const END: SignedDuration = SignedDuration::from_secs(253_402_300_800);

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

/// What `epoch` writes, read again; none for what is no time at all. Few milliseconds are exact in binary, so that a
/// time would lose one each time it is sent back, were it not rounded.
#[must_use]
pub fn from_epoch(seconds: f64) -> Option<Timestamp> {
    let since = SignedDuration::try_from_secs_f64(seconds).ok()?.round(Unit::Millisecond).ok()?;
    if since > Timestamp::MAX.as_duration() && since < END {
        return Some(Timestamp::MAX);
    }
    Timestamp::from_duration(since).ok()
}

/// As in a JSON body: seconds since 1970, with a fraction of milliseconds.
#[must_use]
pub fn epoch(at: Timestamp) -> serde_json::Value {
    #[allow(clippy::cast_precision_loss, reason = "milliseconds of this era are far below 2^53")]
    let seconds = at.as_millisecond() as f64 / 1000.0;
    serde_json::Value::from(seconds)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_time_comes_back_as_it_was_written_in_each_millisecond() {
        for second in [-1_600_000_001, -1, 0, 1, 1_577_836_800, 1_800_000_000, 4_102_444_799, 253_402_200_000] {
            for millisecond in 0..1000 {
                let at = Timestamp::from_millisecond(second * 1000 + millisecond).unwrap();
                assert_eq!(from_epoch(epoch(at).as_f64().unwrap()), Some(at), "{at}");
            }
        }
    }

    #[test]
    fn the_last_day_of_the_calendar_is_the_end_of_time_and_later_is_no_time() {
        for seconds in [253_402_207_201.0, 253_402_300_799.0] {
            assert_eq!(from_epoch(seconds), Some(Timestamp::MAX), "{seconds}");
        }
        for seconds in [253_402_300_800.0, 1e300, f64::NAN, f64::INFINITY] {
            assert_eq!(from_epoch(seconds), None, "{seconds}");
        }
    }
}
