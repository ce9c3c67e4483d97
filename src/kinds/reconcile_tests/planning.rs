//! What stops a server is told before it is done, at no write's expense, and waits for a person where the spec says so.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{FIRST, Rig};
use crate::api::{APPROVE, CONFIRM_HOST_KEY};
use crate::aws::Mutation;

const SERVER: &str = "TransferServer";
const BANNER: &str = "preAuthenticationLoginBanner";

/// Long enough for a stop and a start.
const LONG: Duration = Duration::from_mins(30);

async fn ready(spec: Value) -> Rig {
    let rig = Rig::new();
    rig.server("files", spec);
    rig.run(SERVER, "files", LONG).await;
    assert_eq!(rig.says(SERVER, "files", "Ready").unwrap().0, "True");
    rig.cloud.calls();
    rig
}

fn asking() -> Value {
    json!({"lifecycle": {"deletionProtection": false, "approval": "Required"}})
}

/// What is planned, as field, effect and step.
fn plan(rig: &Rig) -> Vec<(String, String, Option<i64>)> {
    let status = rig.status(SERVER, "files");
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    let rows = status["plan"].as_array().cloned().unwrap_or_default();
    rows.iter().map(|row| (text(row, "field"), text(row, "effect"), row["step"].as_i64())).collect()
}

fn row(field: &str, effect: &str, step: i64) -> (String, String, Option<i64>) {
    (format!("spec.{field}"), effect.to_owned(), Some(step))
}

fn annotate(rig: &Rig, name: &str, value: &str) {
    // It changes no generation.
    let (name, value) = (name.to_owned(), value.to_owned());
    let key = (SERVER.to_owned(), crate::cluster::Name { namespace: "team".to_owned(), name: "files".to_owned() });
    let set = |object: &mut Value| object["metadata"]["annotations"][name] = json!(value);
    rig.objects.change(&key, None, set).unwrap();
}

/// The hash that the condition asks for.
fn asked(rig: &Rig) -> String {
    let status = rig.status(SERVER, "files");
    let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
    let pending = conditions.into_iter().find(|condition| condition["reason"] == "ApprovalRequired").unwrap();
    let message = pending["message"].as_str().unwrap().to_owned();
    message.split_once(&format!("{APPROVE}=")).unwrap().1.to_owned()
}

/// Reconciles until nothing is due, and looks at the object after each.
async fn watched(rig: &Rig, mut look: impl FnMut(&Value, &Value, &[String])) {
    let mut before = rig.get(SERVER, "files").unwrap();
    for _ in 0..200 {
        let next = rig.reconcile(SERVER, "files").await;
        let after = rig.get(SERVER, "files").unwrap();
        look(&before["status"], &after["status"], &rig.cloud.calls());
        before = after;
        match next {
            crate::engine::requeue::Requeue::Again => {}
            crate::engine::requeue::Requeue::After(delay) => tokio::time::advance(delay).await,
            _ => return,
        }
    }
    panic!("it does not come to rest");
}

#[tokio::test(start_paused = true)]
async fn a_change_in_place_is_planned_nowhere_and_takes_two_writes() {
    let rig = ready(json!({})).await;
    rig.edit(SERVER, "files", |object| object["spec"][BANNER] = json!("hello"));
    let before = *rig.objects.writes.lock().unwrap();
    watched(&rig, |_, after, _| assert_eq!(after["plan"], Value::Null)).await;
    assert_eq!(*rig.objects.writes.lock().unwrap() - before, 2, "what is about to be applied, and that it is");
}

#[tokio::test(start_paused = true)]
async fn what_stops_is_planned_before_the_first_call_and_with_other_writes_only() {
    let rig = ready(json!({})).await;
    rig.edit(SERVER, "files", |object| {
        object["spec"][BANNER] = json!("hello");
        object["spec"]["ipAddressType"] = json!("DUALSTACK");
    });
    let (objects, told) = (Arc::clone(&rig.objects), Arc::new(Mutex::new(Value::Null)));
    let seen = Arc::clone(&told);
    let looks = move || {
        *seen.lock().unwrap() = objects.all(SERVER)[0]["status"]["plan"].clone();
    };
    rig.cloud.between.lock().unwrap().insert("UpdateServer", Box::new(looks));
    let mut calls = Vec::new();
    watched(&rig, |before, after, sent| {
        if calls.is_empty() && !sent.is_empty() {
            let rows = [row("ipAddressType", "Offline", 2), row(BANNER, "Live", 1)];
            assert_eq!(plan(&rig), rows, "told with {sent:?}");
            assert_eq!(*told.lock().unwrap(), after["plan"], "and before it");
        }
        calls.extend(sent.to_vec());
        let (mut one, mut other) = (before.clone(), after.clone());
        let changed = one["plan"].take() != other["plan"].take();
        assert!(!changed || one != other, "a write for the plan alone: {before} {after}");
    })
    .await;
    assert_eq!(calls, ["UpdateServer", "StopServer", "UpdateServer", "StartServer"]);
    assert_eq!((plan(&rig), rig.status(SERVER, "files")["planCount"].clone()), (Vec::new(), Value::Null));
}

/// The Events about the stop, as `Warning REASON: message`.
fn of_the_stop(rig: &Rig) -> Vec<String> {
    let notes = rig.objects.notes.lock().unwrap();
    // That Ready waits for it is told under the first reason too.
    let stop = notes
        .iter()
        .filter(|note| note.reason == "Disrupted" || note.message.contains("sessions, if there are any, end"));
    stop.map(|note| format!("{}{}: {}", if note.warning { "Warning " } else { "" }, note.reason, note.message))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_told_before_it_and_its_end_with_how_long_it_took() {
    for refused in [false, true] {
        let rig = ready(json!({})).await;
        rig.cloud.sim().config.transition_time = jiff::SignedDuration::from_secs(100);
        if refused {
            rig.cloud.refuse("InvalidRequestException", "no", |call| matches!(call, Mutation::UpdateServer(_)));
        }
        rig.edit(SERVER, "files", |object| object["spec"]["ipAddressType"] = json!("DUALSTACK"));
        let (objects, stopped) = (Arc::clone(&rig.objects), Arc::new(Mutex::new(None)));
        let seen = Arc::clone(&stopped);
        let note = move || *seen.lock().unwrap() = Some(objects.notes.lock().unwrap().len());
        rig.cloud.between.lock().unwrap().insert("StopServer", Box::new(note));
        rig.run(SERVER, "files", LONG).await;
        let told = of_the_stop(&rig);
        let stop = format!(
            "Warning Stopping: server {FIRST} is stopped to change spec.ipAddressType; sessions, if there are any, end"
        );
        assert_eq!((told.len(), &told[0]), (2, &stop), "each once: {told:?}");
        let before = stopped.lock().unwrap().unwrap();
        assert!(
            rig.objects.notes.lock().unwrap()[..before]
                .iter()
                .any(|note| note.message.contains("sessions, if there are any, end"))
        );
        let warning = if refused { "Warning " } else { "" };
        let end = told[1].strip_prefix(&format!("{warning}Disrupted: server {FIRST} is ONLINE again, ")).unwrap();
        let took = end.strip_suffix(" s after its stop for spec.ipAddressType").unwrap();
        assert!(
            (200..240).contains(&took.parse::<u64>().unwrap()),
            "a stop and a start of 100 s each, and looks: {took}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_is_not_stopped_before_a_person_approves_its_plan() {
    let rig = ready(asking()).await;
    rig.edit(SERVER, "files", |object| {
        object["spec"][BANNER] = json!("hello");
        object["spec"]["ipAddressType"] = json!("DUALSTACK");
    });
    rig.run(SERVER, "files", LONG).await;
    assert_eq!(rig.cloud.calls(), ["UpdateServer"], "what takes no stop is in force");
    let says = |condition| rig.says(SERVER, "files", condition).map(|(status, reason)| format!("{status} {reason}"));
    assert_eq!(says("DisruptionPending").as_deref(), Some("True ApprovalRequired"));
    assert_eq!(says("Ready").as_deref(), Some("True Available"));
    assert_eq!(plan(&rig), [row("ipAddressType", "Offline", 1)]);
    let hash = asked(&rig);
    for other in ["yes", "1-0123456789abcdef", ""] {
        annotate(&rig, APPROVE, other);
        rig.run(SERVER, "files", LONG).await;
        assert!(rig.cloud.calls().is_empty(), "{other:?} is no approval");
    }
    annotate(&rig, CONFIRM_HOST_KEY, &hash);
    annotate(&rig, APPROVE, &hash);
    let mut pinned = Value::Null;
    watched(&rig, |before, _, sent| {
        if sent.contains(&"StopServer".to_owned()) {
            pinned = before["operation"]["planHash"].clone();
            annotate(&rig, APPROVE, "taken back");
        }
    })
    .await;
    assert_eq!(pinned, json!(hash), "written before the stop");
    let server = rig.cloud.servers()[FIRST].clone();
    assert_eq!(server.settings.ip_address_type.as_deref(), Some("DUALSTACK"), "what was begun goes to its end");
    assert_eq!((plan(&rig), says("DisruptionPending")), (Vec::new(), None));
}

#[tokio::test(start_paused = true)]
async fn an_edit_or_another_difference_voids_what_was_approved() {
    let rig = ready(asking()).await;
    rig.edit(SERVER, "files", |object| object["spec"]["protocolDetails"] = json!({"passiveIp": "192.0.2.1"}));
    rig.run(SERVER, "files", LONG).await;
    let first = asked(&rig);
    // Somebody changes in AWS what is to be changed.
    let details = json!({"passiveIp": "192.0.2.9"});
    rig.cloud.servers().get_mut(FIRST).unwrap().settings.protocol_details =
        Some(serde_json::from_value(details).unwrap());
    annotate(&rig, APPROVE, &first);
    rig.run(SERVER, "files", LONG).await;
    assert!(rig.cloud.calls().is_empty(), "what was approved is not what would be done");
    let second = asked(&rig);
    assert_ne!(first, second);
    rig.edit(SERVER, "files", |object| {
        object["metadata"]["annotations"][APPROVE] = json!(second);
        object["spec"][BANNER] = json!("hello");
    });
    rig.run(SERVER, "files", LONG).await;
    assert_eq!(rig.cloud.calls(), ["UpdateServer"], "the banner, and no stop");
    assert_ne!(asked(&rig), second);
}

#[tokio::test(start_paused = true)]
async fn approval_and_hours_must_both_let_a_server_be_stopped() {
    let never = |mode: &str| json!({"lifecycle": {"deletionProtection": false, "approval": "Required", "disruption": {"mode": mode}}});
    let rig = ready(never("Never")).await;
    rig.edit(SERVER, "files", |object| object["spec"]["ipAddressType"] = json!("DUALSTACK"));
    rig.run(SERVER, "files", LONG).await;
    assert_eq!(rig.says(SERVER, "files", "DisruptionPending").unwrap().1, "DisruptionNever");
    rig.edit(SERVER, "files", |object| object["spec"]["lifecycle"]["disruption"]["mode"] = json!("Immediate"));
    rig.run(SERVER, "files", LONG).await;
    annotate(&rig, APPROVE, &asked(&rig));
    rig.run(SERVER, "files", LONG).await;
    assert_eq!(rig.cloud.calls(), ["StopServer", "UpdateServer", "StartServer"]);
}

#[tokio::test(start_paused = true)]
async fn where_only_looking_is_asked_for_plan_and_drift_come_in_one_write() {
    for policy in ["ObserveOnly", "ReportDrift"] {
        let rig = ready(json!({})).await;
        let lifecycle = json!({"deletionProtection": false, "managementPolicy": policy, "deletionPolicy": "Delete"});
        rig.edit(SERVER, "files", |object| object["spec"]["lifecycle"] = lifecycle);
        rig.run(SERVER, "files", LONG).await;
        let address = Some("DUALSTACK".to_owned());
        rig.cloud.servers().get_mut(FIRST).unwrap().settings.ip_address_type = address;
        rig.edit(SERVER, "files", |object| object["spec"]["ipAddressType"] = json!("IPV4"));
        if policy == "ReportDrift" {
            // The edit is applied; what AWS then changes by itself is not.
            rig.run(SERVER, "files", LONG).await;
            rig.cloud.servers().get_mut(FIRST).unwrap().settings.ip_address_type = Some("DUALSTACK".to_owned());
        }
        rig.cloud.calls();
        let before = *rig.objects.writes.lock().unwrap();
        rig.run(SERVER, "files", Duration::from_mins(20)).await;
        assert_eq!(*rig.objects.writes.lock().unwrap() - before, 1, "{policy}");
        assert_eq!(plan(&rig), [row("ipAddressType", "Offline", 1)], "{policy}");
        let drift = rig.status(SERVER, "files")["drift"].clone();
        assert_eq!(drift[0]["path"], "spec.ipAddressType", "{policy}");
        assert!(rig.cloud.calls().is_empty(), "{policy}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_being_made_or_deleted_has_no_plan() {
    let rig = Rig::new();
    let mut spec = asking();
    spec["ipAddressType"] = json!("DUALSTACK");
    rig.server("files", spec);
    watched(&rig, |_, after, _| assert_eq!(after["plan"], Value::Null)).await;
    rig.edit(SERVER, "files", |object| object["spec"]["ipAddressType"] = json!("IPV4"));
    rig.run(SERVER, "files", LONG).await;
    assert!(!plan(&rig).is_empty());
    rig.user("alice", json!({}));
    rig.settle("TransferUser", "alice").await;
    rig.delete(SERVER, "files");
    rig.run(SERVER, "files", Duration::from_mins(1)).await;
    assert_eq!((rig.says(SERVER, "files", "Ready").unwrap().1, plan(&rig)), ("DeletionBlocked".to_owned(), Vec::new()));
}
