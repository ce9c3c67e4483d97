//! Objects of ours as JSON: what tests make and what they look at.

use serde_json::{Value, json};

/// Whether it is Ready for its newest generation.
pub fn ready(object: &Value) -> bool {
    let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    object["status"]["observedGeneration"] == object["metadata"]["generation"]
        && conditions.iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

/// A managed object.
pub fn managed(kind: &str, namespace: &str, name: &str, spec: &Value) -> Value {
    let metadata = json!({"name": name, "namespace": namespace});
    json!({"apiVersion": "transfer-operator.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec})
}
