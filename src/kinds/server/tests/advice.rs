//! What is worth a look on a server.

use serde_json::json;

use crate::api::condition::reasons;
use crate::engine::reason::Reason;
use crate::kinds::server::advice::of_settings;
use crate::kinds::server::host_keys::hidden;

use super::keys::{full, held, key, known, want};

#[test]
fn a_workflow_that_no_role_logs_is_worth_a_look() {
    let role = "arn:aws:iam::123456789012:role/log";
    let runs = json!([{"workflowId": "w-1", "executionRole": role}]);
    let rows = [
        (json!({}), false, "none"),
        (json!({"workflowDetails": {"onUpload": []}}), false, "an empty list is none"),
        (json!({"workflowDetails": {"onUpload": runs}}), true, "no role"),
        (json!({"workflowDetails": {"onPartialUpload": runs}, "loggingRole": ""}), true, "an empty role is none"),
        (json!({"workflowDetails": {"onUpload": runs}, "loggingRole": role}), false, "logged"),
    ];
    for (settings, expected, reason) in rows {
        let settings = serde_json::from_value(settings).unwrap();
        let told: Vec<&str> = of_settings(&settings).map(|hint| hint.code).collect();
        assert_eq!(told == [reasons::WORKFLOW_NOT_LOGGED], expected, "{reason}: {told:?}");
    }
}

#[test]
fn a_listed_host_key_that_clients_are_not_shown_is_worth_a_look() {
    let there = ["e/1", "e/2", "e/3", "r/4", "r/5", "x/6", "x/7", "x/8", "x/9", "x/10"];
    let (listed, have) = full(there, &["1", "2", "5", "6"]);
    let Reason { code, message, .. } = hidden(&listed, &have, &known(&have)).unwrap();
    assert_eq!(code, reasons::HOST_KEY_NOT_ACTIVE);
    assert!(message.contains("spec.hostKeys[2] (SHA256:2): clients are shown spec.hostKeys[1], until"), "{message}");
    assert!(message.contains("spec.hostKeys[5] (SHA256:5): clients are shown hostkey-4, which is not"), "{message}");
    assert!(!message.contains("spec.hostKeys[6]"), "{message}");
    let (shown, have) = full(there, &["1", "4", "6"]);
    assert_eq!(hidden(&shown, &have, &known(&have)), None);
    assert_eq!(hidden(&want(None, true), &[held("1")], &[]), None, "not managed");
    let have = [held("1")];
    assert_eq!(hidden(&want(Some(&[key("new")]), true), &have, &known(&have)), None, "not there yet");
}
