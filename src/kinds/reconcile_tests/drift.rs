//! Looking and reporting instead of changing.

use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{FIRST, OLD, Rig};

const SERVER: &str = "TransferServer";
const USER: &str = "TransferUser";
const BANNER: &str = "preAuthenticationLoginBanner";
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB laptop";

fn report() -> Value {
    json!({"managementPolicy": "ReportDrift", "deletionProtection": false})
}

fn observe() -> Value {
    json!({"managementPolicy": "ObserveOnly", "deletionPolicy": "Retain", "adoption": {"serverId": OLD}})
}

fn says(status: &str, reason: &str) -> (String, String) {
    (status.to_owned(), reason.to_owned())
}

/// Somebody changes the banner in AWS.
fn drifts(rig: &Rig, id: &str, banner: &str) {
    let mut servers = rig.cloud.servers();
    servers.get_mut(id).unwrap().settings.pre_authentication_login_banner = Some(banner.to_owned());
}

#[tokio::test(start_paused = true)]
async fn drift_is_only_reported_until_the_spec_is_edited() {
    let rig = Rig::new();
    rig.server("files", json!({BANNER: "ours", "lifecycle": report()}));
    rig.settle(SERVER, "files").await;
    assert_eq!(rig.cloud.calls(), ["CreateServer"]);
    drifts(&rig, FIRST, "theirs");
    rig.settle(SERVER, "files").await;
    assert!(rig.cloud.calls().is_empty());
    assert_eq!(rig.says(SERVER, "files", "Ready"), Some(says("True", "DriftDetected")));
    assert_eq!(rig.says(SERVER, "files", "Drifted"), Some(says("True", "DriftDetected")));
    let row = json!({"path": format!("spec.{BANNER}"), "want": "ours", "have": "theirs"});
    assert_eq!(rig.status(SERVER, "files")["drift"], json!([row]));

    rig.edit(SERVER, "files", |object| object["spec"]["suspend"] = json!(false));
    rig.settle(SERVER, "files").await;
    assert!(rig.cloud.calls().is_empty(), "a new generation that wants nothing else is no edit");

    rig.edit(SERVER, "files", |object| object["spec"][BANNER] = json!("new"));
    rig.settle(SERVER, "files").await;
    assert_eq!(rig.cloud.calls(), ["UpdateServer"]);
    assert_eq!(rig.says(SERVER, "files", "Ready"), Some(says("True", "Available")));
    assert_eq!(rig.says(SERVER, "files", "Drifted"), None);
    assert_eq!(rig.status(SERVER, "files")["drift"], Value::Null);
    let writes = *rig.objects.writes.lock().unwrap();
    rig.run(SERVER, "files", Duration::from_hours(1)).await;
    assert_eq!(*rig.objects.writes.lock().unwrap(), writes, "at rest nothing is written");
}

#[tokio::test(start_paused = true)]
async fn an_edit_that_was_taken_back_half_way_is_applied_in_full() {
    let rig = Rig::new();
    rig.server("files", json!({BANNER: "one", "lifecycle": report()}));
    rig.settle(SERVER, "files").await;
    rig.edit(SERVER, "files", |object| object["spec"][BANNER] = json!("two"));
    rig.cloud.calls();
    while rig.cloud.calls.lock().unwrap().is_empty() {
        rig.reconcile(SERVER, "files").await;
    }
    rig.edit(SERVER, "files", |object| object["spec"][BANNER] = json!("one"));
    rig.settle(SERVER, "files").await;
    let settings = rig.cloud.servers()[FIRST].settings.clone();
    assert_eq!(settings.pre_authentication_login_banner.as_deref(), Some("one"));
}

#[tokio::test(start_paused = true)]
async fn a_user_that_somebody_deleted_is_only_reported_until_an_edit() {
    let rig = Rig::new();
    rig.server("files", json!({}));
    rig.settle(SERVER, "files").await;
    rig.user("alice", json!({"lifecycle": {"managementPolicy": "ReportDrift"}}));
    rig.settle(USER, "alice").await;
    rig.settle(USER, "alice").await;
    rig.cloud.calls();
    rig.cloud.users().clear();
    rig.settle(USER, "alice").await;
    assert!(rig.cloud.calls().is_empty());
    assert_eq!(rig.says(USER, "alice", "Stalled"), Some(says("True", "DriftDetected")));
    assert_eq!(rig.status(USER, "alice")["drift"], json!([{"path": "spec", "want": "present", "have": "absent"}]));
    rig.edit(USER, "alice", |object| object["spec"]["homeDirectory"] = json!("/b"));
    rig.settle(USER, "alice").await;
    assert_eq!(rig.cloud.calls(), ["CreateUser"]);
    assert_eq!(rig.says(USER, "alice", "Ready"), Some(says("True", "Available")));
}

#[tokio::test(start_paused = true)]
async fn observing_is_a_plan_without_a_finalizer_and_without_a_call() {
    let rig = Rig::new();
    rig.cloud.put_server(OLD, [("team".to_owned(), "b".to_owned())].into(), |_| ());
    rig.server("legacy", json!({BANNER: "x", "tags": {"team": "a"}, "lifecycle": observe()}));
    rig.settle(SERVER, "legacy").await;
    assert!(rig.cloud.calls().is_empty());
    let object = rig.get(SERVER, "legacy").unwrap();
    assert_eq!(object["metadata"]["finalizers"], Value::Null);
    assert_eq!(rig.says(SERVER, "legacy", "Ready"), Some(says("True", "Observed")));
    let drift = json!([
        {"path": format!("spec.{BANNER}"), "want": "x"},
        {"path": "spec.tags[team]", "want": "a", "have": "b"},
    ]);
    assert_eq!(object["status"]["drift"], drift);
    drifts(&rig, OLD, "x");
    rig.cloud.servers().get_mut(OLD).unwrap().tags.insert("team".to_owned(), "a".to_owned());
    rig.settle(SERVER, "legacy").await;
    assert_eq!(rig.status(SERVER, "legacy")["drift"], Value::Null);
    assert_eq!(rig.says(SERVER, "legacy", "Drifted"), None);
    rig.cloud.servers().clear();
    rig.settle(SERVER, "legacy").await;
    assert_eq!(rig.says(SERVER, "legacy", "Ready"), Some(says("False", "Observed")));
    assert_eq!(rig.status(SERVER, "legacy")["drift"][0]["have"], "absent");
}

#[tokio::test(start_paused = true)]
async fn keys_stand_in_a_plan_by_fingerprint_only() {
    let rig = Rig::new();
    rig.server("files", json!({}));
    rig.settle(SERVER, "files").await;
    let lifecycle = json!({"managementPolicy": "ObserveOnly", "deletionPolicy": "Retain"});
    rig.user("alice", json!({}));
    rig.settle(USER, "alice").await;
    rig.edit(USER, "alice", |object| {
        object["spec"]["lifecycle"] = lifecycle;
        object["spec"]["sshPublicKeys"] = json!([{"publicKey": KEY}]);
    });
    rig.settle(USER, "alice").await;
    assert_eq!(rig.get(USER, "alice").unwrap()["metadata"]["finalizers"], Value::Null, "and a watch tells of that");
    rig.settle(USER, "alice").await;
    let drift = rig.status(USER, "alice")["drift"].clone();
    assert!(drift[0]["path"].as_str().unwrap().starts_with("spec.sshPublicKeys[SHA256:"), "{drift}");
    assert_eq!(drift[0]["want"], "laptop");
    assert!(!drift.to_string().contains("AAAAC3Nza"), "{drift}");
}
