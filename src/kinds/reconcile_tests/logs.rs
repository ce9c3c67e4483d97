//! What the log says of a reconcile, as whoever searches it by field reads it: JSON lines behind the real controller.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{FIRST, Lose, ROLE, Rig};
use crate::aws::{AwsErrorKind, Mutation};
use crate::captured_log::Log;

const SERVER: &str = "TransferServer";

fn edit(rig: &Rig, members: Value) {
    rig.edit(SERVER, "files", |object| {
        for (member, value) in members.as_object().unwrap() {
            object["spec"][member] = value.clone();
        }
    });
}

#[tokio::test(start_paused = true)]
async fn every_line_of_a_reconcile_names_its_object_once_and_a_call_its_fields() {
    let (log, _guard) = Log::begin();
    let rig = Arc::new(Rig::new());
    rig.server("files", json!({}));
    rig.control("files", Duration::from_mins(1)).await;
    edit(&rig, json!({"loggingRole": ROLE, "preAuthenticationLoginBanner": "hello"}));
    rig.control("files", Duration::from_mins(1)).await;

    for text in log.texts() {
        let line: Value = serde_json::from_str(&text).unwrap();
        let id = line["spans"][0]["reconcile_id"].as_u64();
        assert!(id.is_some(), "{text}");
        let span = json!({"name": "reconcile", "kind": SERVER, "object": "team/files", "uid": "uid-files", "reconcile_id": id});
        assert_eq!((&line["spans"], &line["span"]), (&json!([span]), &Value::Null), "{text}");
        for once in ["\"object\"", "team/files", "\"kind\"", "uid-files"] {
            assert_eq!(text.matches(once).count(), 1, "{once} in {text}");
        }
        assert!(!text.contains("Some("), "{text}");
    }
    let calls = log.said("INFO", "calling AWS");
    let fields = |line: &Value| ["operation", "id", "paths", "attempt"].map(|field| line[field].clone());
    assert_eq!(
        calls.iter().map(fields).collect::<Vec<_>>(),
        [
            [json!("CreateServer"), Value::Null, Value::Null, json!("attempt-0")],
            [
                json!("UpdateServer"),
                json!(FIRST),
                json!("spec.loggingRole, spec.preAuthenticationLoginBanner"),
                Value::Null
            ],
        ]
    );
    let made = log.said("INFO", "AWS made it");
    assert_eq!(
        made.iter().map(|line| (&line["id"], &line["attempt"])).collect::<Vec<_>>(),
        [(&json!(FIRST), &json!("attempt-0"))]
    );
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_a_warning_once_and_once_more_when_it_calls_for_a_person() {
    let rig = Arc::new(Rig::new());
    rig.server("files", json!({}));
    rig.control("files", Duration::from_mins(1)).await;
    rig.cloud.refuse("InvalidRequestException", "no such role", |call| matches!(call, Mutation::UpdateServer(_)));
    edit(&rig, json!({"loggingRole": ROLE}));
    let (log, _guard) = Log::begin();
    rig.control("files", Duration::from_mins(10)).await;
    assert!(rig.cloud.refused() > 5);
    let refused = log.said("WARN", "AWS refused");
    assert_eq!(refused.len(), 1, "{refused:#?}");
    let [operation, paths] = ["operation", "paths"].map(|field| &refused[0][field]);
    assert_eq!((operation, paths), (&json!("UpdateServer"), &json!("spec.loggingRole")));
    assert!(refused[0]["fault"].as_str().unwrap().contains("no such role"));
    assert!(log.said("DEBUG", "AWS refused it again").len() > 4);
    let stalled = log.said("WARN", "stalled: a person must act");
    assert_eq!(stalled.iter().map(|line| &line["reason"]).collect::<Vec<_>>(), ["Rejected"]);
    // What AWS says next is news.
    rig.cloud.refuse("InvalidRequestException", "another", |call| matches!(call, Mutation::UpdateServer(_)));
    rig.control("files", Duration::from_hours(2)).await;
    assert_eq!(log.said("WARN", "AWS refused").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_read_that_fails_again_and_again_is_a_warning_once_until_it_went_well() {
    let rig = Arc::new(Rig::new());
    rig.server("files", json!({}));
    rig.control("files", Duration::from_mins(1)).await;
    let (log, _guard) = Log::begin();
    for times in [1, 2] {
        for _ in 0..5 {
            rig.cloud.lose("DescribeServer", Lose::Call(AwsErrorKind::Unavailable));
        }
        rig.control("files", Duration::from_mins(10)).await;
        let failed = log.said("WARN", "reconcile failed");
        assert_eq!((failed.len(), &failed[0]["reason"]), (times, &json!("AwsUnavailable")), "{failed:#?}");
        assert_eq!(log.said("DEBUG", "reconcile failed again").len(), 4 * times);
    }
}
