//! W4-approved and W15-approved: what stops or replaces something in use waits for a person. Each holds that nothing of
//! it is begun before, and that what was approved is brought to its end whatever happens in the middle.

use std::time::Duration;

use serde_json::{Value, json};

use crate::lint;
use crate::offline::{self, stops, told};
use crate::oracle::unchecked::Check;
use crate::stage::Stage;
use crate::workflows::{self, server, workflow};
use transfer_operator::fakes::api_server::{Key, text};

pub const APPROVE: &str = "transfer-operator.dev/approve";

/// How long a person takes to answer.
const ABSENCE: Duration = Duration::from_mins(30);

fn required() -> Value {
    json!({"lifecycle": {"approval": "Required"}})
}

/// The hash of the plan that a person is asked to approve, for the spec as it stands.
pub fn asked(object: &Value) -> Option<String> {
    let pending = lint::find(object, "DisruptionPending")?;
    let current = pending["observedGeneration"] == object["metadata"]["generation"];
    let message = text(&pending["message"]);
    let hash = message.split_once(&format!("{APPROVE}="))?.1.to_owned();
    (pending["reason"] == "ApprovalRequired" && current).then_some(hash)
}

/// What is asked for and not answered.
fn open(stage: &Stage, key: &Key) -> Option<String> {
    let object = stage.get(key)?;
    asked(&object).filter(|hash| object["metadata"]["annotations"][APPROVE] != json!(hash))
}

fn at_rest(stage: &Stage, key: &Key) -> bool {
    let object = stage.get(key).unwrap_or_default();
    stage.is_all_ready() && lint::find(&object, "DisruptionPending").is_none()
}

/// Waits until all is in force, with a person who approves whatever is asked for, and tries again what AWS refused.
async fn approved(stage: &Stage, key: &Key) {
    for attempt in 0.. {
        let told = |stage: &Stage| told(stage, key);
        let answers = |stage: &Stage| told(stage) || open(stage, key).is_some() || at_rest(stage, key);
        stage.until("in force, refused, or to be approved", answers).await;
        if let Some(hash) = open(stage, key) {
            stage.annotate(key, APPROVE, &hash);
        } else if told(stage) {
            stage.pause(offline::PATIENCE).await;
            stage.world.oracle.lock().unwrap().excused_stops += 1;
            stage.edit(key, |spec| spec["tags"] = json!({"attempt": attempt.to_string()}));
        } else {
            break;
        }
    }
    if stage.get(key).is_some_and(|object| object["spec"]["tags"].is_object()) {
        stage.edit(key, |spec| drop(spec.as_object_mut().unwrap().remove("tags")));
        stage.all_ready().await;
    }
}

/// Nothing is begun while a person is asked, and what a person has to see stands in status.
async fn waits(stage: &Stage, key: &Key, field: &str, begun: impl Fn(&Stage) -> u64) {
    let before = begun(stage);
    stage.reason(key, "ApprovalRequired").await;
    stage.pause(ABSENCE).await;
    if begun(stage) != before && !stage.world.setup.skips(Check::Stops) {
        stage.world.violation(format!("O14: {} was disrupted before a person approved it", key.1));
    }
    stage
        .until("the plan is told", |stage| {
            let status = stage.get(key).unwrap_or_default()["status"].take();
            status["plan"].as_array().into_iter().flatten().any(|row| row["field"] == field)
        })
        .await;
}

/// How many workflows came into being. Not by AWS's listing, which may lag.
fn made(stage: &Stage) -> u64 {
    let sim = stage.world.sim.lock().unwrap();
    sim.calls.since(0).filter(|call| call.operation == "CreateWorkflow" && call.mutated).count() as u64
}

/// An edit of which a part takes a stop: that waits for a person, the rest does not. Then back again.
pub async fn w4_approved(stage: &Stage) {
    let files = stage.apply(&server("files", &required()));
    stage.all_ready().await;
    stage.edit(&files, |spec| {
        spec["ipAddressType"] = json!("DUALSTACK");
        spec["preAuthenticationLoginBanner"] = json!("hello");
    });
    waits(stage, &files, "spec.ipAddressType", stops).await;
    stage
        .until("what takes no stop is in force", |stage| {
            offline::held(stage)["PreAuthenticationLoginBanner"] == "hello"
        })
        .await;
    // Of another plan it says nothing.
    stage.annotate(&files, APPROVE, "1-0000000000000000");
    waits(stage, &files, "spec.ipAddressType", stops).await;
    approved(stage, &files).await;
    stage.edit(&files, |spec| drop(spec.as_object_mut().unwrap().remove("ipAddressType")));
    waits(stage, &files, "spec.ipAddressType", stops).await;
    approved(stage, &files).await;
    stage.close().await;
}

/// A workflow that a server uses is edited: the new one is made once a person says so.
pub async fn w15_approved(stage: &Stage) {
    let scan = stage.apply(&workflow("scan", &required()));
    let details = json!({"onUpload": [{"workflowRef": {"name": "scan"}, "executionRole": workflows::ROLE}]});
    stage.apply(&server("files", &json!({"workflowDetails": details})));
    stage.all_ready().await;
    stage.edit(&scan, |spec| {
        spec["description"] = json!("the second");
        spec["tags"] = json!({"team": "a"});
    });
    waits(stage, &scan, "spec.description", made).await;
    approved_until_replaced(stage, &scan).await;
    stage.close().await;
}

async fn approved_until_replaced(stage: &Stage, scan: &Key) {
    for _ in 0..20 {
        let replaced = |stage: &Stage| {
            let (ids, used) = (workflows::workflow_ids(stage), workflows::used_by_files(stage));
            ids.len() == 1 && ids == used && workflows::described(stage, &ids[0]) == "the second"
        };
        stage.until("approved or replaced", |stage| open(stage, scan).is_some() || replaced(stage)).await;
        match open(stage, scan) {
            Some(hash) => stage.annotate(scan, APPROVE, &hash),
            None => break,
        }
    }
    stage.all_ready().await;
}
