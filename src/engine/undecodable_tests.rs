#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
use super::*;
use crate::api::TransferUser;
use crate::cluster;
use crate::kinds::fakes::scripted::Objects;

fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn bad(status: Value) -> Value {
    let mut object = json!({
        "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "TransferUser",
        "metadata": {"name": "alice", "namespace": "team", "uid": "u", "resourceVersion": "7", "generation": 3},
        "spec": {"role": "arn", "sshPublicKeyPolicy": "Sometimes"},
    });
    if !status.is_null() {
        object["status"] = status;
    }
    object
}

fn alice() -> Name {
    Name { namespace: "team".to_owned(), name: "alice".to_owned() }
}

/// The API server with this object.
fn stores(object: &Value) -> Objects {
    let objects = Objects::default();
    objects.put(object.clone());
    objects
}

/// The object as it has it.
fn stored(objects: &Objects) -> Value {
    objects.stored(&("TransferUser".to_owned(), alice())).unwrap()
}

fn writes(objects: &Objects) -> u32 {
    *objects.writes.lock().unwrap()
}

async fn told(objects: &Objects, object: &Value, said: bool) -> Requeue {
    let name = alice();
    let error = cluster::decode::<TransferUser>(&name, object).unwrap_err();
    write_status(objects, &ApiResource::erase::<TransferUser>(&()), object, &error, said, now()).await
}

fn says(status: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let each = status["conditions"].as_array().unwrap().iter();
    each.map(|c| format!("{}={} {}", text(&c["type"]), text(&c["status"]), text(&c["reason"]))).collect()
}

#[tokio::test]
async fn an_unreadable_field_is_named_and_status_keeps_its_records() {
    let record = json!({"uid": "u", "phase": "NotOfThisVersion", "attempt": "a"});
    let rows = [
        (Value::Null, json!({})),
        (json!({"serverId": "s-1", "create": record}), json!({"serverId": "s-1", "create": record})),
    ];
    for (before, kept) in rows {
        let objects = stores(&bad(before.clone()));
        assert_eq!(told(&objects, &bad(before), false).await, Requeue::After(AGAIN));
        let status = stored(&objects)["status"].clone();
        assert_eq!(says(&status), ["Ready=False Undecodable", "Stalled=True Undecodable"]);
        assert_eq!(status["observedGeneration"], 3);
        let message = status["conditions"][0]["message"].as_str().unwrap();
        assert!(message.contains("spec.sshPublicKeyPolicy: unknown variant, expected `Exclusive`"), "{message}");
        assert!(!message.contains("Sometimes"), "what was written there may be a key: {message}");
        let mut rest = status.clone();
        rest.as_object_mut().unwrap().retain(|member, _| member != "conditions" && member != "observedGeneration");
        assert_eq!(rest, kept, "an apply that leaves a member out would delete it");
        let notes = objects.notes.lock().unwrap();
        let [EventNote { warning: true, reason, message: note }] = notes.as_slice() else { panic!("{notes:?}") };
        assert_eq!((reason.as_str(), note.as_str()), (reasons::UNDECODABLE, message));
    }
}

#[tokio::test]
async fn what_was_said_is_not_said_again() {
    let first = bad(json!({"serverId": "s-1"}));
    let objects = stores(&first);
    told(&objects, &first, false).await;
    told(&objects, &stored(&objects), false).await;
    assert_eq!(writes(&objects), 1);
    assert_eq!(objects.notes.lock().unwrap().len(), 1, "also by another process");
}

#[tokio::test]
async fn where_the_status_cannot_be_written_the_event_stands_alone_and_once() {
    let refused = stores(&bad(Value::Null));
    *refused.refuses_status.lock().unwrap() = Some(ClusterError::Invalid("x".to_owned(), "y".to_owned()));
    told(&refused, &bad(Value::Null), false).await;
    told(&refused, &bad(Value::Null), true).await;
    assert_eq!(refused.notes.lock().unwrap().len(), 1);

    for status in [json!({"conditions": "x"}), json!("x")] {
        let unreadable = stores(&bad(status.clone()));
        told(&unreadable, &bad(status), false).await;
        assert_eq!(writes(&unreadable), 0, "what cannot be read is not replaced");
        assert_eq!(unreadable.notes.lock().unwrap().len(), 1);
    }

    let mut newer = bad(Value::Null);
    newer["metadata"]["resourceVersion"] = json!("8");
    let stale = stores(&newer);
    assert_eq!(told(&stale, &bad(Value::Null), false).await, Requeue::Again);
    assert_eq!(stored(&stale), newer, "somebody wrote in between");
}
