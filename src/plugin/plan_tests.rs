#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
#![allow(clippy::needless_pass_by_value, reason = "json!() at the call reads better without a reference")]
use serde_json::json;

use super::*;

fn server(spec: Value) -> Value {
    let mut whole = json!({"region": "eu-central-1"});
    whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    json!({
        "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "TransferServer", "spec": whole,
        "metadata": {"name": "files", "namespace": "team"},
    })
}

fn stored(spec: Value, status: Value) -> Value {
    let mut stored = Admission::new().defaulted(&server(spec));
    stored["status"] = json!({"observedGeneration": 1});
    stored["status"].as_object_mut().unwrap().extend(status.as_object().unwrap().clone());
    stored
}

fn foreseen(new: Value, old: Option<Value>) -> Foreseen {
    let stored = old.map(|old| stored(old, json!({})));
    foresee(&Admission::new(), &server(new), stored.as_ref()).unwrap()
}

#[test]
fn what_is_held_back_and_let_go_by_an_edit_counts_as_a_stop() {
    let row = json!([{"field": "spec.ipAddressType", "want": "DUALSTACK", "effect": "Offline"}]);
    let of = |new: Value, old: Value| {
        let stored = stored(old, json!({"plan": row}));
        foresee(&Admission::new(), &server(new), Some(&stored)).unwrap().disrupts
    };
    let lifecycle = |members: Value| json!({"lifecycle": members});
    let (report, required) = (json!({"managementPolicy": "ReportDrift"}), json!({"approval": "Required"}));
    assert!(!of(lifecycle(report.clone()), lifecycle(report.clone())), "nothing is edited");
    let mut edited = lifecycle(report.clone());
    edited["tags"] = json!({"a": "b"});
    assert!(of(edited, lifecycle(report)), "an edit of what drifted brings all of it");
    assert!(of(lifecycle(json!({})), lifecycle(required.clone())), "nobody is asked any more");
    assert!(!of(lifecycle(required.clone()), lifecycle(required)), "it is still to be approved");
    assert!(of(lifecycle(json!({})), lifecycle(json!({"managementPolicy": "ObserveOnly"}))));
    assert!(of(json!({}), json!({"suspend": true})));
    assert!(!of(json!({"suspend": true}), json!({})), "nothing is done");
}

#[test]
fn what_would_stop_or_replace_something_in_use_is_told_apart() {
    let workflow = |target: &str| {
        let steps = json!([{"type": "CUSTOM", "customStepDetails": {"target": target, "timeoutSeconds": 9}}]);
        json!({
            "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "TransferWorkflow",
            "metadata": {"name": "scan", "namespace": "team"}, "spec": {"region": "eu-central-1", "steps": steps},
        })
    };
    let arn = |name: &str| format!("arn:aws:lambda:eu-central-1:123456789012:function:{name}");
    let of = foresee(&Admission::new(), &workflow(&arn("b")), Some(&workflow(&arn("a")))).unwrap();
    assert_eq!((of.outcome, of.disrupts, of.refusals), (Outcome::Change, true, Vec::new()));
    let stop = json!({"ipAddressType": "DUALSTACK"});
    let with = |name: &str, value: Value| {
        let mut spec = stop.clone();
        spec[name] = value;
        spec
    };
    let rows = [
        (json!({}), Some(json!({})), Outcome::Unchanged, false),
        (stop.clone(), None, Outcome::Create, false),
        (json!({"preAuthenticationLoginBanner": "a"}), Some(json!({})), Outcome::Change, false),
        (stop.clone(), Some(json!({})), Outcome::Change, true),
        (json!({"desiredState": "OFFLINE"}), Some(json!({})), Outcome::Change, true),
        (json!({}), Some(json!({"desiredState": "OFFLINE"})), Outcome::Change, false),
        // AWS does not do it, so nothing stops.
        (json!({"domain": "S3"}), Some(json!({"domain": "EFS"})), Outcome::Change, false),
        (with("suspend", json!(true)), Some(json!({})), Outcome::Change, false),
        (
            with("lifecycle", json!({"managementPolicy": "ObserveOnly", "deletionPolicy": "Retain"})),
            Some(json!({})),
            Outcome::Change,
            false,
        ),
    ];
    for (new, old, outcome, disrupts) in rows {
        let of = foreseen(new.clone(), old.clone());
        assert_eq!((of.outcome, of.disrupts), (outcome, disrupts), "{old:?} becomes {new}: {of:?}");
    }
    let both = vec![foreseen(json!({}), None), foreseen(stop, Some(json!({})))];
    assert!(Plan::of(both).disrupts && !Plan::of(vec![foreseen(json!({}), None)]).disrupts);
}

#[test]
fn what_the_api_server_or_aws_refuses_counts_as_refused() {
    let fixed = foreseen(json!({"domain": "EFS"}), Some(json!({"domain": "S3"})));
    let invalid = foreseen(json!({"ipAddressType": "BOTH"}), Some(json!({})));
    let fine = foreseen(json!({"tags": {"a": "b"}}), Some(json!({})));
    assert!(!invalid.refusals.is_empty() && fixed.outcome == Outcome::Change, "{invalid:?} {fixed:?}");
    let observing =
        json!({"lifecycle": {"managementPolicy": "ObserveOnly", "deletionPolicy": "Retain"}, "domain": "EFS"});
    let looks = foreseen(observing, Some(json!({"domain": "S3"})));
    for (objects, refused) in
        [(vec![fixed], true), (vec![looks], false), (vec![fine.clone(), invalid], true), (vec![fine], false)]
    {
        assert_eq!(Plan::of(objects.clone()).refused, refused, "{objects:?}");
    }
}

#[test]
fn what_a_change_waits_for_is_noted() {
    let notes = |lifecycle: Value| {
        foreseen(json!({"ipAddressType": "DUALSTACK", "lifecycle": lifecycle}), Some(json!({}))).notes.join("; ")
    };
    assert_eq!(notes(json!({})), "");
    assert!(notes(json!({"approval": "Required"})).contains("is approved"));
    assert!(notes(json!({"disruption": {"mode": "Never"}})).contains("is Never"));
    let window = json!({"mode": "Window", "window": {"start": "02:00", "durationMinutes": 60}});
    assert!(notes(json!({"disruption": window})).contains("waits for the window"));
    assert!(foreseen(json!({"domain": "S3"}), Some(json!({"domain": "EFS"}))).notes[0].contains("it is not made"));
}

#[test]
fn what_the_api_server_refuses_is_told_and_changes_nothing() {
    let new = server(json!({"region": "us-east-1", "ipAddressType": "DUALSTACK"}));
    let old = stored(json!({}), json!({"region": "eu-central-1"}));
    let of = foresee(&Admission::new(), &new, Some(&old)).unwrap();
    assert!(of.refusals.iter().any(|refusal| refusal.contains("spec.region cannot be changed")), "{of:?}");
    assert_eq!((of.outcome, of.disrupts, of.changes.len()), (Outcome::Unchanged, false, 0));
    let text = text(&Plan::of(vec![of]), Style::default());
    assert!(text.contains("refused by the API server"), "{text}");
}

#[test]
fn the_table_is_that_of_status_and_what_the_operator_saw_stands_beside_it() {
    let status = json!({
        "plan": [{"field": "spec.endpointType", "want": "VPC", "effect": "Offline", "step": 2}],
        "drift": [{"path": "spec.protocols", "have": "FTP", "want": "SFTP"}],
        "unset": [{"field": "spec.loggingRole", "have": "r"}],
    });
    let old = stored(json!({"preAuthenticationLoginBanner": "old\u{1b}[2J"}), status);
    let new = server(json!({"ipAddressType": "DUALSTACK"}));
    let plan = Plan::of(vec![foresee(&Admission::new(), &new, Some(&old)).unwrap()]);
    let text = text(&plan, Style::new(false, None));
    for line in [
        "TransferServer team/files: would be changed, what is in use is stopped or replaced",
        "spec.ipAddressType - DUALSTACK Offline -",
        "spec.preAuthenticationLoginBanner old\\u{1b}[2J - Live -",
        "spec.endpointType - VPC Offline 2",
        "spec.protocols FTP SFTP",
        "spec.loggingRole r",
    ] {
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert!(text.lines().any(|shown| words(shown) == words(line)), "{line}: {text}");
    }
    assert!(text.contains("not known here: what Secrets and ConfigMaps hold") && text.is_ascii());
    let json = serde_json::to_value(&plan).unwrap();
    assert_eq!((&json["disrupts"], &json["objects"][0]["changes"][0]["effect"]), (&json!(true), &json!("Offline")));
    assert!(super::text(&Plan::of(Vec::new()), Style::default()).contains("no object of the operator"));
}

#[test]
fn manifests_of_other_kinds_are_left_out_and_namespaces_filled_in() {
    let of = |version: &str, kind: &str| kind_of(&json!({"apiVersion": version, "kind": kind}));
    assert_eq!(of("transfer-operator.dev/v1alpha1", "TransferUser"), Some(ManagedKind::TransferUser));
    assert_eq!(of("transfer-operator.dev/v1alpha1", "AwsIdentity"), None);
    assert_eq!(of("v1", "TransferUser"), None);
    let mut bare = json!({"metadata": {"name": "x"}});
    put_into(&mut bare, "team");
    assert_eq!(name_of(&bare), ("team".to_owned(), "x".to_owned()));
    put_into(&mut bare, "other");
    assert_eq!(name_of(&bare).0, "team");
}
