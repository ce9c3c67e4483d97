#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use serde_json::{Value, json};

use super::*;
use crate::kinds::fakes::{self, CLUSTER, REGION, World};

const ARN: &str = "arn:aws:transfer:eu-central-1:123456789012:workflow/w-0123456789abcdef0";

fn read(value: Value) -> WorkflowSettings {
    serde_json::from_value(value).unwrap()
}

/// One step of each type, with nothing that may be left out.
fn least() -> Value {
    let place = json!({"s3FileLocation": {"bucket": "b"}});
    json!({"steps": [
        {"type": "COPY", "copyStepDetails": {"destinationFileLocation": place}},
        {"type": "CUSTOM", "customStepDetails": {"target": "arn:aws:lambda:eu-central-1:1:function:f", "timeoutSeconds": 9}},
        {"type": "TAG", "tagStepDetails": {"tags": [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]}},
        {"type": "DECRYPT", "decryptStepDetails": {"type": "PGP", "destinationFileLocation": place}},
        {"type": "DELETE", "deleteStepDetails": {}},
    ]})
}

/// The same as AWS may answer: with what it takes where nothing is said.
fn shown() -> Value {
    let mut all = least();
    for (index, details) in ["copy", "custom", "tag", "decrypt", "delete"].iter().enumerate() {
        let step = &mut all["steps"][index][format!("{details}StepDetails")];
        step["sourceFileLocation"] = json!("${previous.file}");
        if matches!(*details, "copy" | "decrypt") {
            step["overwriteExisting"] = json!("FALSE");
        }
    }
    all["description"] = json!("");
    all["onExceptionSteps"] = json!([]);
    all["structuredLogDestinations"] = json!([]);
    all
}

fn paths(want: &Value, have: &Value) -> Vec<String> {
    replaced(&read(want.clone()), &read(have.clone())).into_iter().map(|change| change.path).collect()
}

#[test]
fn what_aws_fills_in_is_no_difference_either_way() {
    assert_eq!(paths(&least(), &shown()), Vec::<String>::new());
    assert_eq!(paths(&shown(), &least()), Vec::<String>::new());
}

#[test]
fn whatever_differs_is_a_replacement() {
    let rows: &[(&str, Value, &str)] = &[
        ("/description", json!("scans"), "description"),
        ("/onExceptionSteps", json!([{"type": "DELETE", "deleteStepDetails": {}}]), "onExceptionSteps"),
        ("/structuredLogDestinations", json!(["arn:1"]), "structuredLogDestinations"),
        ("/steps/0/copyStepDetails/overwriteExisting", json!("TRUE"), "steps"),
        ("/steps/0/copyStepDetails/destinationFileLocation/s3FileLocation/key", json!("k"), "steps"),
        ("/steps/1/customStepDetails/timeoutSeconds", json!(10), "steps"),
        ("/steps/2/tagStepDetails/tags/1/value", json!("3"), "steps"),
        ("/steps/3/decryptStepDetails/sourceFileLocation", json!("${original.file}"), "steps"),
        ("/steps/4/deleteStepDetails/name", json!("n"), "steps"),
    ];
    for (pointer, value, path) in rows {
        let (parent, member) = pointer.rsplit_once('/').unwrap();
        let mut other = least();
        other.pointer_mut(parent).unwrap()[member] = value.clone();
        assert_eq!(paths(&other, &least()), [*path], "{pointer} is set");
        assert_eq!(paths(&least(), &other), [*path], "{pointer} left the spec");
    }
    let changes = replaced(&read(least()), &read(json!({"steps": []})));
    assert!(matches!(changes[..], [Change { effect: Effect::Replace, .. }]), "{changes:?}");
}

#[test]
fn the_order_of_steps_counts_and_that_of_tags_does_not() {
    let mut steps = least();
    steps["steps"].as_array_mut().unwrap().swap(3, 4);
    assert_eq!(paths(&steps, &least()), ["steps"]);
    let mut tags = least();
    tags["steps"][2]["tagStepDetails"]["tags"].as_array_mut().unwrap().reverse();
    assert_eq!(paths(&tags, &least()), Vec::<String>::new());
}

fn object() -> TransferWorkflow {
    let mut spec = json!({"region": REGION, "tags": {"a": "1"}});
    spec.as_object_mut().unwrap().extend(least().as_object().unwrap().clone());
    let status = json!({"workflowId": "w-1", "applied": {"tags": ["a", "old"]}});
    fakes::object("scan", spec, status)
}

#[tokio::test]
async fn tags_are_sent_and_what_is_made_anew_is_told_beside_them() {
    let (world, object) = (World::open(), object());
    let (workflows, owner) = (Workflows::new(world.deps.clone()), Owner::new(CLUSTER, "team", "scan", "uid-scan"));
    let target = workflows.resolve(&object).await.unwrap().unwrap();
    let wanted = workflows.want(&object, &target, Timestamp::UNIX_EPOCH).await.unwrap();
    let planned = |settings: Value| {
        let mut tags = owner.tags("attempt");
        tags.extend([("old".to_owned(), "x".to_owned()), ("theirs".to_owned(), "y".to_owned())]);
        let have = Workflow { arn: ARN.to_owned(), workflow_id: "w-1".to_owned(), settings: read(settings), tags };
        let plan = workflows.plan(&object, &target, &wanted, &have, &owner, Timestamp::UNIX_EPOCH);
        let rows = plan.changes.iter().map(|change| (change.path.clone(), change.effect)).collect::<Vec<_>>();
        (rows, plan.calls.iter().map(|call| call.mutation.operation()).collect::<Vec<_>>())
    };
    let tags = [("tags[a]".to_owned(), Effect::Live), ("tags[old]".to_owned(), Effect::Live)];
    assert_eq!(planned(shown()), (tags.to_vec(), vec!["TagResource", "UntagResource"]));
    let (rows, calls) = planned(json!({"steps": []}));
    assert_eq!(rows[0], ("steps".to_owned(), Effect::Replace));
    assert_eq!((&rows[1..], calls), (&tags[..], vec!["TagResource", "UntagResource"]));
}

#[tokio::test]
async fn a_new_workflow_waits_for_a_person_and_tags_do_not() {
    let (world, mut object) = (World::open(), object());
    object.metadata.generation = Some(4);
    object.spec.lifecycle.approval = crate::api::lifecycle::Approval::Required;
    let (workflows, owner) = (Workflows::new(world.deps.clone()), Owner::new(CLUSTER, "team", "scan", "uid-scan"));
    let target = workflows.resolve(&object).await.unwrap().unwrap();
    let wanted = workflows.want(&object, &target, Timestamp::UNIX_EPOCH).await.unwrap();
    let tags = owner.tags("attempt");
    let plan = |object: &TransferWorkflow, settings: Value| {
        let settings = read(settings);
        let have = Workflow { arn: ARN.to_owned(), workflow_id: "w-1".to_owned(), settings, tags: tags.clone() };
        workflows.plan(object, &target, &wanted, &have, &owner, Timestamp::UNIX_EPOCH)
    };
    assert!(plan(&object, shown()).pending.is_none(), "only tags differ");
    let waits = plan(&object, json!({"steps": []}));
    let pending = waits.pending.unwrap();
    let paths: Vec<&str> = pending.changes.iter().map(|change| change.path.as_str()).collect();
    assert_eq!((pending.reason.code, paths, waits.calls.len()), (reasons::APPROVAL_REQUIRED, vec!["steps"], 1));
    let hash = pending.reason.message.rsplit_once('=').unwrap().1.to_owned();
    object.metadata.annotations = Some([(crate::api::APPROVE.to_owned(), hash)].into());
    assert!(plan(&object, json!({"steps": []})).pending.is_none());
}
