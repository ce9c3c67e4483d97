//! What Events say: of a call that AWS took, and of a status that comes to say something else. Pure.

use super::diff::Change;
use super::drift::{VALUE_MAX, text};
use super::kind::PlannedCall;
use crate::api::CommonStatus;
use crate::api::condition::{self, reasons, types};
use crate::cluster::EventNote;
use serde_json::Value;

/// How many differences an Event names.
const NAMED: usize = 20;

/// Reasons that warn also before a person must act: AWS refuses something, or has been changed behind our back.
const WARNS: [&str; 4] = [reasons::REJECTED, reasons::ACCESS_DENIED, reasons::QUOTA_EXCEEDED, reasons::DRIFT_DETECTED];

/// Of a call that AWS took: what it changed, and that it put right what somebody else changed, where no edit brought it
/// about.
#[must_use]
pub fn accepted(call: &PlannedCall, edited: bool) -> EventNote {
    let PlannedCall {
        mutation,
        changes,
        because,
        when: _,
        parts: _,
        exposes: _,
        operation: _,
        rests: _,
        unseen: _,
        in_vain: _,
    } = call;
    let operation = mutation.operation();
    let more = changes.len().saturating_sub(NAMED);
    let listed = |line: fn(&Change) -> String, between: &str| {
        let mut lines: Vec<String> = changes.iter().take(NAMED).map(line).collect();
        lines.extend((more > 0).then(|| format!("{more} more")));
        lines.join(between)
    };
    if !edited && because.is_none() && !changes.is_empty() {
        let message = format!("{} ({operation})", listed(corrected, "; "));
        return EventNote { warning: true, reason: reasons::DRIFT_CORRECTED.to_owned(), message };
    }
    let about = if changes.is_empty() { String::new() } else { format!(": {}", listed(changed, ", ")) };
    let because = because.map(|because| format!(" ({because})")).unwrap_or_default();
    let message = format!("{operation} accepted by AWS{about}{because}");
    EventNote { warning: false, reason: reasons::UPDATING.to_owned(), message }
}

/// The calls of one reconcile in one Event, but for what was put right and what was edited, which are two.
#[must_use]
pub fn together(notes: Vec<EventNote>) -> Vec<EventNote> {
    let mut all: Vec<EventNote> = Vec::new();
    for note in notes {
        match all.iter_mut().find(|other| (other.warning, &other.reason) == (note.warning, &note.reason)) {
            Some(other) => other.message = format!("{}; {}", other.message, note.message),
            None => all.push(note),
        }
    }
    all
}

fn corrected(change: &Change) -> String {
    let value = |value: &Value| text(value, VALUE_MAX).unwrap_or_else(|| "nothing".to_owned());
    format!("{}: have {}, want {}", change.path, value(&change.have), value(&change.want))
}

/// A key is known by its fingerprint, which not every path holds.
fn changed(change: &Change) -> String {
    let Change { path, have, want, effect: _ } = change;
    let fingerprint = |value: &Value| {
        let known = value.as_str().filter(|text| text.starts_with("SHA256:"));
        known.map(|text| format!(" {}", text.trim_end_matches('='))).unwrap_or_default()
    };
    match (have, want) {
        (Value::Null, want) => format!("added {path}{}", fingerprint(want)),
        (have, Value::Null) => format!("removed {path}{}", fingerprint(have)),
        _ => format!("changed {path}"),
    }
}

/// The Event for a status that was written, where Ready says something else than before.
#[must_use]
pub fn news(old: &CommonStatus, new: &CommonStatus) -> Option<EventNote> {
    let stalled = |status: &CommonStatus| condition::is_true(&status.conditions, types::STALLED);
    let after = condition::find(&new.conditions, types::READY)?;
    let before = condition::find(&old.conditions, types::READY);
    let same_text = before.is_some_and(|before| before.message == after.message);
    // What a person tries next may be refused with the same reason, and what drifts next is another field.
    let again = match after.reason.as_str() {
        reasons::DRIFT_DETECTED => !same_text,
        reason if WARNS.contains(&reason) => !same_text && old.observed_generation != new.observed_generation,
        _ => false,
    };
    let told = before.is_some_and(|before| before.status == after.status && before.reason == after.reason)
        && stalled(old) == stalled(new);
    (!told || again).then(|| EventNote {
        warning: stalled(new) || WARNS.contains(&after.reason.as_str()),
        reason: after.reason.clone(),
        message: after.message.clone(),
    })
}

/// The Event for advice that nobody may miss, where the condition newly gives it.
#[must_use]
pub fn advice(old: &CommonStatus, new: &CommonStatus) -> Option<EventNote> {
    let given =
        |status| condition::find(status, types::ADVISORY).filter(|given| given.reason == reasons::HOST_KEY_REPLACED);
    let (before, after) = (given(&old.conditions), given(&new.conditions)?);
    let told = before.is_some_and(|before| before.message == after.message);
    (!told).then(|| EventNote { warning: true, reason: after.reason.clone(), message: after.message.clone() })
}

#[cfg(test)]
#[path = "events_tests.rs"]
mod tests;
