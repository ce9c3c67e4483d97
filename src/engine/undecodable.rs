//! An object that the API server holds and this version's type does not: the object itself says so. Nothing of its
//! spec is acted on, and whatever its status records stays as it is.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::core::ApiResource;
use serde_json::{Value, json};

use super::reason::Reason;
use super::requeue::Requeue;
use super::status::{self, Advice, ConditionInputs, Readiness};
use crate::api::condition::{self, reasons, types};
use crate::api::status::NEVER_OBSERVED;
use crate::cluster::{ClusterError, EventNote, KubeApi, Name};

/// How soon to look again; an edit of the object is seen at once.
const AGAIN: Duration = Duration::from_mins(5);

/// Says on the object that it cannot be read, by an Event and, where its status can be read, by its conditions.
/// `said` means that this process has published the same Event before.
pub async fn write_status(
    cluster: &dyn KubeApi,
    resource: &ApiResource,
    object: &Value,
    error: &ClusterError,
    said: bool,
    now: Timestamp,
) -> Requeue {
    let message = error.to_string();
    if said {
        tracing::debug!(error = message, "nothing is done for the object");
    } else {
        tracing::warn!(error = message, "nothing is done for the object");
    }
    let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    let before = conditions(object).unwrap_or_default();
    let stands = condition::find(&before, types::READY).is_some_and(|ready| ready.reason == reasons::UNDECODABLE);
    if !said && !stands {
        publish(cluster, resource, object, message.clone()).await;
    }
    let Some(status) = restated(object, message, now) else { return Requeue::After(AGAIN) };
    let name = Name { namespace: text("/metadata/namespace"), name: text("/metadata/name") };
    match cluster.apply_status(resource, &name, &text("/metadata/resourceVersion"), status).await {
        Ok(_) => Requeue::After(AGAIN),
        Err(ClusterError::Conflict(_)) => Requeue::Again,
        Err(ClusterError::NotFound(_)) => Requeue::OnChange,
        // What does not even fit the schema cannot be applied to; then the Event is all that can be said.
        Err(error) => {
            tracing::warn!(%error, "cannot write the status");
            Requeue::After(AGAIN)
        }
    }
}

/// Says so by an Event alone, and in the log: where its status may not be written.
pub async fn announce(cluster: &dyn KubeApi, resource: &ApiResource, object: &Value, error: &ClusterError) {
    tracing::warn!(%error, "nothing is done for the object");
    publish(cluster, resource, object, error.to_string()).await;
}

async fn publish(cluster: &dyn KubeApi, resource: &ApiResource, object: &Value, message: String) {
    let note = EventNote { warning: true, reason: reasons::UNDECODABLE.to_owned(), message };
    cluster.publish(resource, object, note).await;
}

/// The conditions that the object has; nothing where they cannot be read.
fn conditions(object: &Value) -> Option<Vec<Condition>> {
    match object.pointer("/status/conditions") {
        None => Some(Vec::new()),
        Some(stored) => serde_json::from_value(stored.clone()).ok(),
    }
}

/// The whole stored status with the conditions saying that the object cannot be read: an apply that left a member out
/// would delete it, and ids and records among them lead back to what is in AWS. Nothing where the status cannot be
/// read either, or where it says so already.
fn restated(object: &Value, message: String, now: Timestamp) -> Option<Value> {
    let old = conditions(object)?;
    let mut status = match object.get("status") {
        None => json!({}),
        Some(stored) => stored.clone(),
    };
    let members = status.as_object_mut()?;
    let number = |value: Option<&Value>| value.and_then(Value::as_i64);
    let generation = number(object.pointer("/metadata/generation")).unwrap_or_default();
    let observed = number(members.get("observedGeneration")).unwrap_or(NEVER_OBSERVED);
    let readiness = Readiness::NotReady(Reason::stalled(reasons::UNDECODABLE, message));
    let (advisory, pending) = (Advice::Now(None), Advice::Now(None));
    let about = ConditionInputs { generation, observed, advisory, drifted: None, pending, now };
    let (new, observed_after) = status::compute_conditions(&old, &readiness, &about);
    if new == old && observed_after == observed {
        return None;
    }
    members.insert("conditions".to_owned(), serde_json::to_value(new).ok()?);
    members.insert("observedGeneration".to_owned(), json!(observed_after));
    Some(status)
}

#[cfg(test)]
#[path = "undecodable_tests.rs"]
mod tests;
