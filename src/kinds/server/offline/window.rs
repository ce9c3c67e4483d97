//! When a server may be stopped for a change. Pure: the zones come with the binary, the time is AWS's.

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use crate::api::condition::reasons;
use crate::api::lifecycle::{Disruption, DisruptionMode, DisruptionWindow};
use crate::engine::approval::Approved;
use crate::engine::reason::Reason;

/// Whether a stop may be sent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gate {
    /// It may.
    Open,
    /// It may not: why, and when it may, if ever.
    Closed(Reason, Option<Timestamp>),
    /// A person has to say yes to the change first, also where the server does not run.
    Unapproved(Reason),
}

impl Gate {
    /// Both must let it: the hours and a person. Without the person the hours do not count yet, unless they are none. With
    /// the plan that was approved.
    #[must_use]
    pub fn and(self, approved: Approved) -> (Self, Option<String>) {
        match (self, approved) {
            (Self::Closed(reason, None), Approved::Missing(_)) | (_, Approved::Missing(reason)) => {
                (Self::Unapproved(reason), None)
            }
            (gate, Approved::Given(hash)) => (gate, Some(hash)),
            (gate, Approved::NotNeeded) => (gate, None),
        }
    }
}

/// Windows open once a day at most, so that one of the next eight days has the next; two days ago is the earliest
/// that may still be open, as a day in a far zone began up to a day before.
const DAYS: std::ops::RangeInclusive<i64> = -2..=8;

/// Whether the server may be stopped now. A window that cannot be understood is closed until a person mends it; what was
/// begun goes on all the same.
#[must_use]
pub fn gate(disruption: &Disruption, now: Timestamp) -> Gate {
    read(disruption, now).unwrap_or_else(|invalid| Gate::Closed(invalid, None))
}

fn read(disruption: &Disruption, now: Timestamp) -> Result<Gate, Reason> {
    match disruption.mode {
        DisruptionMode::Immediate => Ok(Gate::Open),
        DisruptionMode::Never => {
            let message = "spec.lifecycle.disruption.mode is Never";
            Ok(Gate::Closed(Reason::new(reasons::DISRUPTION_NEVER, message), None))
        }
        DisruptionMode::Window => {
            let window = disruption.window.as_ref().ok_or_else(|| invalid("", "mode Window needs one"))?;
            let Some((opens, _)) = next(window, now)? else {
                return Err(invalid("", "it never opens"));
            };
            if opens <= now {
                return Ok(Gate::Open);
            }
            let message = format!("the next window of spec.lifecycle.disruption opens at {opens}");
            Ok(Gate::Closed(Reason::new(reasons::OUTSIDE_WINDOW, message), Some(opens)))
        }
    }
}

/// The window that is open or opens next, from when to when. It stays open for so many minutes whatever the clocks of
/// the zone do meanwhile; a start that the clocks leave out is as much later as they are put forward, and of one that
/// they show twice the first counts.
fn next(window: &DisruptionWindow, now: Timestamp) -> Result<Option<(Timestamp, Timestamp)>, Reason> {
    let DisruptionWindow { days, start, duration_minutes, time_zone } = window;
    let zone = TimeZone::get(time_zone).map_err(|_| invalid("timeZone", "no zone has this name"))?;
    let start: Time = format!("{start}:00").parse().map_err(|_| invalid("start", "it is no time of day"))?;
    let opens_on = |date: Date| days.as_ref().is_none_or(|days| days.iter().any(|day| day == name(date.weekday())));
    let today = now.to_zoned(zone.clone()).date();
    let dates = DAYS.filter_map(|days| today.checked_add(days.days()).ok()).filter(|date| opens_on(*date));
    let windows = dates.filter_map(|date| {
        let opens = date.to_datetime(start).to_zoned(zone.clone()).ok()?.timestamp();
        let closes = opens.checked_add(SignedDuration::from_mins(i64::from(*duration_minutes))).ok()?;
        Some((opens, closes))
    });
    Ok(windows.filter(|(_, closes)| now < *closes).min())
}

fn name(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "Mon",
        Weekday::Tuesday => "Tue",
        Weekday::Wednesday => "Wed",
        Weekday::Thursday => "Thu",
        Weekday::Friday => "Fri",
        Weekday::Saturday => "Sat",
        Weekday::Sunday => "Sun",
    }
}

fn invalid(member: &str, why: &str) -> Reason {
    let dot = if member.is_empty() { "" } else { "." };
    let message = format!("spec.lifecycle.disruption.window{dot}{member}: {why}; nothing is stopped for a change");
    Reason::stalled(reasons::INVALID_SPEC, message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    fn window(days: &[&str], start: &str, minutes: i32, zone: &str) -> Disruption {
        let days = (!days.is_empty()).then(|| days.iter().map(|day| (*day).to_owned()).collect());
        let (start, time_zone) = (start.to_owned(), zone.to_owned());
        let window = Some(DisruptionWindow { days, start, duration_minutes: minutes, time_zone });
        Disruption { mode: DisruptionMode::Window, window }
    }

    /// `open`, or when it opens.
    fn at(disruption: &Disruption, now: &str) -> String {
        match gate(disruption, now.parse().unwrap()) {
            Gate::Open => "open".to_owned(),
            Gate::Closed(_, opens) => opens.map_or_else(|| "never".to_owned(), |opens| opens.to_string()),
            Gate::Unapproved(_) => panic!("nobody was asked"),
        }
    }

    #[test]
    fn a_window_is_open_from_its_start_for_its_minutes_in_its_zone() {
        let rows = [
            // The zone's winter and summer.
            (window(&[], "02:00", 60, "Europe/Berlin"), "2026-01-15T01:00:00Z", "open"),
            (window(&[], "02:00", 60, "Europe/Berlin"), "2026-01-15T00:59:59Z", "2026-01-15T01:00:00Z"),
            (window(&[], "02:00", 60, "Europe/Berlin"), "2026-01-15T02:00:00Z", "2026-01-16T01:00:00Z"),
            (window(&[], "02:00", 60, "Europe/Berlin"), "2026-07-15T00:30:00Z", "open"),
            // Across midnight it belongs to the day on which it opened.
            (window(&["Sat"], "23:30", 120, "UTC"), "2026-11-29T01:29:00Z", "open"),
            (window(&["Sat"], "23:30", 120, "UTC"), "2026-11-29T01:30:00Z", "2026-12-05T23:30:00Z"),
            (window(&["Sun"], "23:30", 120, "UTC"), "2026-11-29T01:00:00Z", "2026-11-29T23:30:00Z"),
            (window(&["Mon"], "00:00", 1440, "UTC"), "2026-11-30T23:59:00Z", "open"),
            // Berlin puts its clocks forward at 01:00Z on 29 March: 02:30 is not there, 03:30 stands for it.
            (window(&[], "02:30", 30, "Europe/Berlin"), "2026-03-29T00:45:00Z", "2026-03-29T01:30:00Z"),
            (window(&[], "02:30", 30, "Europe/Berlin"), "2026-03-29T01:45:00Z", "open"),
            // and back at 01:00Z on 25 October: 02:30 is there twice, the first one counts, and an hour is an hour.
            (window(&[], "02:30", 60, "Europe/Berlin"), "2026-10-25T00:30:00Z", "open"),
            (window(&[], "02:30", 60, "Europe/Berlin"), "2026-10-25T01:29:59Z", "open"),
            (window(&[], "02:30", 60, "Europe/Berlin"), "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"),
            // New York, 8 March: 02:00 local is skipped at 07:00Z.
            (window(&["Sun"], "02:15", 15, "America/New_York"), "2026-03-08T07:10:00Z", "2026-03-08T07:15:00Z"),
            (window(&["Sun"], "02:15", 15, "America/New_York"), "2026-03-08T07:15:00Z", "open"),
            // Lord Howe moves by half an hour, on 5 April at 15:00Z of the day before: 01:45 is there twice.
            (window(&["Sun"], "01:45", 30, "Australia/Lord_Howe"), "2026-04-04T14:45:00Z", "open"),
            (window(&["Sun"], "01:45", 30, "Australia/Lord_Howe"), "2026-04-04T15:14:59Z", "open"),
            (window(&["Sun"], "01:45", 30, "Australia/Lord_Howe"), "2026-04-04T15:15:00Z", "2026-04-11T15:15:00Z"),
            // Where the day is another one than in UTC.
            (window(&["Mon"], "01:00", 30, "Pacific/Kiritimati"), "2026-11-29T11:10:00Z", "open"),
        ];
        for (disruption, now, expected) in rows {
            assert_eq!(at(&disruption, now), expected, "{now} {disruption:?}");
        }
        assert_eq!(at(&Disruption::default(), "2026-01-01T00:00:00Z"), "open");
        let never = Disruption { mode: DisruptionMode::Never, window: None };
        assert_eq!(at(&never, "2026-01-01T00:00:00Z"), "never");
    }

    #[test]
    fn a_stop_needs_the_hours_and_a_person() {
        let missing = || Approved::Missing(Reason::new(reasons::APPROVAL_REQUIRED, "not yet"));
        let given = || Approved::Given("1-a".to_owned());
        let later = || Gate::Closed(Reason::new(reasons::OUTSIDE_WINDOW, "later"), Some(Timestamp::UNIX_EPOCH));
        let never = || Gate::Closed(Reason::new(reasons::DISRUPTION_NEVER, "never"), None);
        let rows = [
            (Gate::Open, Approved::NotNeeded, "open", None),
            (Gate::Open, given(), "open", Some("1-a")),
            (Gate::Open, missing(), "ApprovalRequired", None),
            (later(), Approved::NotNeeded, "OutsideWindow", None),
            (later(), given(), "OutsideWindow", Some("1-a")),
            (later(), missing(), "ApprovalRequired", None),
            (never(), given(), "DisruptionNever", Some("1-a")),
            (never(), missing(), "DisruptionNever", None),
        ];
        for (hours, approved, expected, hash) in rows {
            let (gate, plan_hash) = hours.and(approved);
            let told = match &gate {
                Gate::Open => "open",
                Gate::Closed(reason, _) | Gate::Unapproved(reason) => reason.code,
            };
            assert_eq!((told, plan_hash.as_deref()), (expected, hash));
        }
    }

    #[test]
    fn windows_follow_the_clocks_that_jiff_knows_over_two_years() {
        for zone in ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"] {
            let disruption = window(&[], "03:30", 60, zone);
            let tz = TimeZone::get(zone).unwrap();
            let begin: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
            for half_hours in 0..(2 * 365 * 48) {
                let now = begin + SignedDuration::from_mins(half_hours * 30);
                let local = now.to_zoned(tz.clone()).time();
                let inside = ("03:30:00".parse::<Time>().unwrap().."04:30:00".parse().unwrap()).contains(&local);
                assert_eq!(gate(&disruption, now) == Gate::Open, inside, "{zone} {now}");
            }
        }
    }

    #[test]
    fn a_window_that_cannot_be_understood_is_told_with_its_field() {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        for (disruption, field) in [
            (window(&[], "02:00", 60, "Europe/Bielefeld"), "window.timeZone"),
            (window(&[], "25:00", 60, "UTC"), "window.start"),
            (window(&["Nov"], "02:00", 60, "UTC"), "window:"),
        ] {
            let Gate::Closed(reason, None) = gate(&disruption, now) else { panic!("{disruption:?} opens") };
            assert!(reason.message.contains(field) && reason.needs_person, "{reason:?}");
        }
    }
}
