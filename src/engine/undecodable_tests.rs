#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
use std::sync::Mutex;

use async_trait::async_trait;
use kube::api::ObjectMeta;
use tokio::sync::OnceCell;

use super::*;
use crate::api::TransferUser;
use crate::cluster::{self, OwnedWrite, Reach, SecretData, Texts};

/// What was written, and whether the API server takes it.
#[derive(Default)]
struct Written {
    statuses: Mutex<Vec<(Name, String, Value)>>,
    notes: Mutex<Vec<EventNote>>,
    refuses: OnceCell<ClusterError>,
}

#[async_trait]
impl KubeApi for Written {
    async fn get(&self, _: &ApiResource, _: &Name) -> Result<Option<Value>, ClusterError> {
        Ok(None)
    }
    async fn list(&self, _: &ApiResource, _: Reach, _: &mut (dyn FnMut(Value) + Send)) -> Result<(), ClusterError> {
        Ok(())
    }
    async fn apply_status(
        &self,
        _: &ApiResource,
        name: &Name,
        version: &str,
        status: Value,
    ) -> Result<Value, ClusterError> {
        self.statuses.lock().unwrap().push((name.clone(), version.to_owned(), status));
        self.refuses.get().map_or(Ok(Value::Null), |error| Err(error.clone()))
    }
    async fn set_finalizer(&self, _: &ApiResource, _: &ObjectMeta, _: &str, _: bool) -> Result<Value, ClusterError> {
        Ok(Value::Null)
    }
    async fn write_owned(&self, _: &ApiResource, name: &Name, _: OwnedWrite) -> Result<(), ClusterError> {
        Err(ClusterError::Forbidden(name.to_string()))
    }
    async fn secret(&self, _: &Name) -> Result<Option<SecretData>, ClusterError> {
        Ok(None)
    }
    async fn config_map(&self, _: &Name) -> Result<Option<Texts<String>>, ClusterError> {
        Ok(None)
    }
    async fn publish(&self, _: &ApiResource, _: &Value, note: EventNote) {
        self.notes.lock().unwrap().push(note);
    }
}

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

async fn told(written: &Written, object: &Value, said: bool) -> Requeue {
    let name = Name { namespace: "team".to_owned(), name: "alice".to_owned() };
    let error = cluster::decode::<TransferUser>(&name, object).unwrap_err();
    tell(written, &ApiResource::erase::<TransferUser>(&()), object, &error, said, now()).await
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
    for (stored, kept) in rows {
        let written = Written::default();
        assert_eq!(told(&written, &bad(stored), false).await, Requeue::After(AGAIN));
        let statuses = written.statuses.lock().unwrap();
        let [(name, version, status)] = statuses.as_slice() else { panic!("{statuses:?}") };
        assert_eq!((name.to_string().as_str(), version.as_str()), ("team/alice", "7"));
        assert_eq!(says(status), ["Ready=False Undecodable", "Stalled=True Undecodable"]);
        assert_eq!(status["observedGeneration"], 3);
        let message = status["conditions"][0]["message"].as_str().unwrap();
        assert!(message.contains("Sometimes") && message.contains("spec.sshPublicKeyPolicy"), "{message}");
        let mut rest = status.clone();
        rest.as_object_mut().unwrap().retain(|member, _| member != "conditions" && member != "observedGeneration");
        assert_eq!(rest, kept, "an apply that leaves a member out would delete it");
        let notes = written.notes.lock().unwrap();
        let [EventNote { warning: true, reason, message: note }] = notes.as_slice() else { panic!("{notes:?}") };
        assert_eq!((reason.as_str(), note.as_str()), (reasons::UNDECODABLE, message));
    }
}

#[tokio::test]
async fn what_was_said_is_not_said_again() {
    let written = Written::default();
    told(&written, &bad(json!({"serverId": "s-1"})), false).await;
    let status = written.statuses.lock().unwrap()[0].2.clone();
    told(&written, &bad(status), false).await;
    assert_eq!(written.statuses.lock().unwrap().len(), 1);
    assert_eq!(written.notes.lock().unwrap().len(), 1, "also by another process");
}

#[tokio::test]
async fn where_the_status_cannot_be_written_the_event_stands_alone_and_once() {
    let refused = Written::default();
    refused.refuses.set(ClusterError::Invalid("x".to_owned(), "y".to_owned())).unwrap();
    told(&refused, &bad(Value::Null), false).await;
    told(&refused, &bad(Value::Null), true).await;
    assert_eq!(refused.notes.lock().unwrap().len(), 1);

    let unreadable = Written::default();
    for status in [json!({"conditions": "x"}), json!("x")] {
        told(&unreadable, &bad(status), false).await;
    }
    assert!(unreadable.statuses.lock().unwrap().is_empty(), "what cannot be read is not replaced");
    assert_eq!(unreadable.notes.lock().unwrap().len(), 2);

    let stale = Written::default();
    stale.refuses.set(ClusterError::Conflict("x".to_owned())).unwrap();
    assert_eq!(told(&stale, &bad(Value::Null), false).await, Requeue::Again);
}
