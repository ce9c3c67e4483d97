#![allow(clippy::unwrap_used)]
use serde_json::{Value, json};

use super::*;
use crate::api::condition::{ConditionStatus, NewCondition};
use crate::aws::Mutation;
use crate::aws::transfer::StartServer;
use crate::engine::diff::Effect;

fn change(path: &str, have: Value, want: Value) -> Change {
    Change { path: path.to_owned(), have, want, effect: Effect::Live }
}

fn call(changes: Vec<Change>) -> PlannedCall {
    PlannedCall::new(Mutation::StartServer(StartServer { server_id: "s-1".to_owned() }), changes)
}

fn said(note: &EventNote) -> String {
    format!("{}{} {}", if note.warning { "Warning " } else { "" }, note.reason, note.message)
}

#[test]
fn a_call_is_told_by_what_it_added_removed_and_changed() {
    let rows = [
        (vec![], "Updating StartServer accepted by AWS"),
        (
            vec![change("sshPublicKeys[SHA256:a]", Value::Null, json!("laptop"))],
            "Updating StartServer accepted by AWS: added sshPublicKeys[SHA256:a]",
        ),
        (
            vec![
                change("hostKeys[new]", Value::Null, json!("SHA256:b")),
                change("hostKeys[hostkey-1]", json!("SHA256:c="), Value::Null),
                change("role", json!("a"), json!("b")),
            ],
            "Updating StartServer accepted by AWS: added hostKeys[new] SHA256:b, removed hostKeys[hostkey-1] SHA256:c, \
             changed role",
        ),
    ];
    for (changes, expected) in rows {
        assert_eq!(said(&accepted(&call(changes), true)), expected);
    }
    let expired = PlannedCall { because: Some("expired"), ..call(vec![change("k", json!("x"), Value::Null)]) };
    for edited in [true, false] {
        assert_eq!(said(&accepted(&expired, edited)), "Updating StartServer accepted by AWS: removed k (expired)");
    }
}

#[test]
fn what_no_edit_brought_about_is_told_as_drift_with_both_values() {
    let changes = vec![change("role", json!("theirs"), json!("ours")), change("policy", json!("{}"), Value::Null)];
    let expected = "Warning DriftCorrected role: have theirs, want ours; policy: have {}, want nothing (StartServer)";
    assert_eq!(said(&accepted(&call(changes), false)), expected);
    let many = (0..25).map(|n| change(&format!("tags[{n}]"), json!("x"), json!("y"))).collect();
    let message = accepted(&call(many), false).message;
    assert!(message.ends_with("; 5 more (StartServer)") && message.contains("tags[19]"), "{message}");
}

fn status(generation: i64, truth: ConditionStatus, reason: &'static str, message: &str, stalled: bool) -> CommonStatus {
    let mut status = CommonStatus { observed_generation: generation, ..CommonStatus::default() };
    let kinds = [(types::READY, truth)].into_iter().chain(stalled.then_some((types::STALLED, ConditionStatus::True)));
    for (r#type, truth) in kinds {
        let statement =
            NewCondition { r#type, truth, reason, message: message.to_owned(), observed_generation: generation };
        condition::set(&mut status.conditions, statement, "2026-01-01T00:00:00Z".parse().unwrap());
    }
    status
}

#[test]
fn a_status_is_told_again_only_for_a_person_or_something_else() {
    let ready = || status(1, ConditionStatus::True, "Available", "well", false);
    let drift = |message: &str| status(1, ConditionStatus::True, "DriftDetected", message, false);
    let refused =
        |generation, message: &str, stalled| status(generation, ConditionStatus::False, "Rejected", message, stalled);
    let rows = vec![
        (CommonStatus::default(), ready(), Some("Available well"), "the first"),
        (ready(), ready(), None, "the same"),
        (ready(), status(1, ConditionStatus::True, "Available", "more keys", false), None, "a detail"),
        (ready(), refused(2, "a", false), Some("Warning Rejected a"), "a first refusal warns"),
        (refused(2, "a", false), refused(2, "b", false), None, "AWS's words change"),
        (refused(2, "a", false), refused(2, "a", true), Some("Warning Rejected a"), "it calls a person"),
        (refused(2, "a", true), refused(3, "a", true), None, "an edit of something else"),
        (refused(2, "a", true), refused(3, "b", true), Some("Warning Rejected b"), "the next attempt"),
        (ready(), drift("role"), Some("Warning DriftDetected role"), "drift"),
        (drift("role"), drift("role"), None, "the same drift"),
        (drift("role"), drift("role, policy"), Some("Warning DriftDetected role, policy"), "more drift"),
        (drift("role"), ready(), Some("Available well"), "it is gone"),
    ];
    for (old, new, expected, reason) in rows {
        assert_eq!(news(&old, &new).as_ref().map(said).as_deref(), expected, "{reason}");
    }
}

#[test]
fn advice_that_nobody_may_miss_is_an_event_once() {
    let status = |reason, message: &str| {
        let mut status = CommonStatus::default();
        let statement = NewCondition {
            r#type: types::ADVISORY,
            truth: ConditionStatus::True,
            reason,
            message: message.to_owned(),
            observed_generation: 1,
        };
        condition::set(&mut status.conditions, statement, "2026-01-01T00:00:00Z".parse().unwrap());
        status
    };
    let (none, replaced, other) =
        (CommonStatus::default(), status("HostKeyReplaced", "a"), status("OldSecurityPolicy", "b"));
    let rows = [
        (&none, &replaced, Some("Warning HostKeyReplaced a")),
        (&other, &replaced, Some("Warning HostKeyReplaced a")),
        (&replaced, &replaced, None),
        (&replaced, &status("HostKeyReplaced", "another one"), Some("Warning HostKeyReplaced another one")),
        (&replaced, &none, None),
        (&none, &other, None),
    ];
    for (old, new, expected) in rows {
        assert_eq!(advice(old, new).as_ref().map(said).as_deref(), expected, "{new:?}");
    }
}

#[test]
fn the_calls_of_a_reconcile_are_one_event_and_what_was_put_right_another() {
    let note = |warning, reason: &str, message: &str| EventNote {
        warning,
        reason: reason.to_owned(),
        message: message.to_owned(),
    };
    let notes = vec![note(false, "Updating", "a"), note(true, "DriftCorrected", "b"), note(false, "Updating", "c")];
    assert_eq!(together(notes), [note(false, "Updating", "a; c"), note(true, "DriftCorrected", "b")]);
    assert_eq!(together(Vec::new()), []);
}
