//! Differences as status shows them: bounded in number and length. Pure.
//!
//! Secrets do not come here: kinds put keys into a [`Change`] by name and fingerprint only.

use serde_json::Value;

use super::diff::Change;
use crate::api::status::Drift;

/// How many differences status shows; the message counts them all.
const SHOWN: usize = 20;

/// How long a value may be, in bytes: enough for an ARN, and to tell two policies apart by their beginning.
pub(super) const VALUE_MAX: usize = 256;

/// What differs, in the form of `status.drift` and of condition `Drifted`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differences {
    /// The first of them.
    pub rows: Vec<Drift>,
    /// How many there are, and where.
    pub message: String,
}

/// The differences, if there are any.
#[must_use]
pub fn differences(changes: &[Change]) -> Option<Differences> {
    if changes.is_empty() {
        return None;
    }
    let rows: Vec<Drift> = changes.iter().take(SHOWN).map(row).collect();
    let paths: Vec<&str> = rows.iter().map(|row| row.path.as_str()).collect();
    let left = changes.len() - rows.len();
    let more = if left > 0 { format!(" and {left} more") } else { String::new() };
    let message = format!("AWS differs from the spec: {}{more}", paths.join(", "));
    Some(Differences { rows, message })
}

/// AWS has nothing of it at all.
#[must_use]
pub fn absent() -> Differences {
    let text = |word: &str| Some(word.to_owned());
    Differences {
        rows: vec![Drift { path: "spec".to_owned(), want: text("present"), have: text("absent") }],
        message: "AWS does not have it; applied, the spec would create it".to_owned(),
    }
}

fn row(change: &Change) -> Drift {
    let Change { path, have, want, effect: _ } = change;
    Drift { path: format!("spec.{path}"), want: text(want, VALUE_MAX), have: text(have, VALUE_MAX) }
}

/// A value as a person reads it, cut to so many bytes; nothing for null.
pub(super) fn text(value: &Value, max: usize) -> Option<String> {
    let text = match value {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.len() <= max {
        return Some(text);
    }
    let end = text.floor_char_boundary(max);
    Some(format!("{}…", text.get(..end).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use serde_json::json;

    use super::*;
    use crate::engine::diff::Effect;

    fn change(path: &str, have: Value, want: Value) -> Change {
        Change { path: path.to_owned(), have, want, effect: Effect::Live }
    }

    #[test]
    fn values_stand_as_a_person_reads_them_and_nothing_is_absent() {
        let changes = [
            change("a", Value::Null, json!("x")),
            change("b", json!(["SFTP"]), Value::Null),
            change("c", json!(true), json!(1)),
        ];
        let shown = differences(&changes).unwrap();
        let row = |index: usize| {
            let Drift { path, want, have } = &shown.rows[index];
            (path.as_str(), want.as_deref(), have.as_deref())
        };
        assert_eq!(row(0), ("spec.a", Some("x"), None));
        assert_eq!(row(1), ("spec.b", None, Some("[\"SFTP\"]")));
        assert_eq!(row(2), ("spec.c", Some("1"), Some("true")));
        assert_eq!(shown.message, "AWS differs from the spec: spec.a, spec.b, spec.c");
        assert_eq!(differences(&[]), None);
    }

    #[test]
    fn number_and_length_are_bounded_and_what_is_left_out_is_counted() {
        let long = "ä".repeat(4000);
        let changes: Vec<Change> = (0..50).map(|n| change(&format!("f{n}"), json!(long), Value::Null)).collect();
        let shown = differences(&changes).unwrap();
        assert_eq!(shown.rows.len(), SHOWN);
        assert!(shown.message.ends_with(" and 30 more"), "{}", shown.message);
        let have = shown.rows[0].have.as_ref().unwrap();
        assert!(have.len() < VALUE_MAX + 8 && have.ends_with('…'), "{have}");
    }
}
