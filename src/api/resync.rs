//! Durations as a person writes them: their form and bounds; and how often an object at rest is compared with AWS.

use std::time::Duration;

use jiff::SignedDuration;
use kube::core::Rule;
use schemars::Schema;

use super::rules;

/// The shortest and the longest that counts. What admission did not see is held to them.
const BOUNDS: [Duration; 2] = [Duration::from_mins(1), Duration::from_hours(24)];

/// What may be written. The digits of a unit are few, so that no text is too long a time for CEL. Judged from the spec that
/// holds it, so that the API server prints nothing of what somebody wrote there.
pub(super) fn written(spec: &mut Schema) {
    let rule = Rule::new(
        "!has(self.resyncInterval) || (self.resyncInterval.matches(r'^([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,5}s)?$') \
         && size(self.resyncInterval) > 0 && duration(self.resyncInterval) >= duration('1m') \
         && duration(self.resyncInterval) <= duration('24h'))",
    );
    let words = "must be a duration from 1m to 24h, of hours, minutes and seconds, such as 10m or 1h30m";
    rules::add(spec, [rule.message(words).field_path(".resyncInterval")]);
}

/// The same of another member, between these two.
pub(super) fn duration(member: &'static str, least: &'static str, most: &'static str) -> impl FnMut(&mut Schema) {
    move |holder: &mut Schema| {
        let rule = Rule::new(format!(
            "!has(self.{member}) || (self.{member}.matches(r'^([0-9]{{1,5}}h)?([0-9]{{1,5}}m)?([0-9]{{1,5}}s)?$') \
             && size(self.{member}) > 0 && duration(self.{member}) >= duration('{least}') \
             && duration(self.{member}) <= duration('{most}'))"
        ));
        let words =
            format!("must be a duration from {least} to {most}, of hours, minutes and seconds, such as 24h or 1h30m");
        rules::add(holder, [rule.message(words.as_str()).field_path(format!(".{member}"))]);
    }
}

/// The duration that a text says, if it says one.
pub(super) fn said(text: Option<&str>) -> Option<Duration> {
    let said: SignedDuration = text?.parse().ok()?;
    Duration::try_from(said).ok()
}

/// The interval that a text says; `None` where it says none, and the operator's own counts.
pub(super) fn interval(text: Option<&str>) -> Option<Duration> {
    let [shortest, longest] = BOUNDS;
    said(text).map(|said| said.clamp(shortest, longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_read_as_it_is_written_and_held_to_its_bounds() {
        let rows = [
            ("10m", Some(600)),
            ("1h30m", Some(5400)),
            ("90m", Some(5400)),
            ("1m", Some(60)),
            ("24h", Some(86400)),
            ("0s", Some(60)),
            ("59s", Some(60)),
            ("25h", Some(86400)),
            ("-5m", None),
            ("often", None),
            ("", None),
        ];
        for (text, seconds) in rows {
            assert_eq!(interval(Some(text)), seconds.map(Duration::from_secs), "{text}");
        }
        assert_eq!(interval(None), None);
    }
}
