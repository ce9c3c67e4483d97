//! Objects of ours as JSON: what tests make and what they look at.

use serde_json::{Value, json};

/// Whether it is Ready for its newest generation.
pub fn ready(object: &Value) -> bool {
    let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    object["status"]["observedGeneration"] == object["metadata"]["generation"]
        && conditions.iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

/// Whether the id or the date of a key is still to come: AWS's answer to a create tells neither, that to an import no date,
/// so a full look shows them, and the turns of looks are spread. Until then one more write of the status is due.
pub fn keys_half_known(object: &Value) -> bool {
    let keys = object["status"]["sshPublicKeys"].as_array();
    keys.into_iter().flatten().any(|key| key["id"].is_null() || key["dateImported"].is_null())
}

/// What the operator's field manager owns of an object besides its status and its finalizer, from the API server's own
/// record; that it owns the status is asserted, so that nothing is compared with nothing.
pub fn overreach(object: &Value) -> Vec<String> {
    let entries = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let ours = |entry: &&Value| entry["manager"].as_str().is_some_and(|name| name.starts_with("transfer-operator"));
    let mut beyond = Vec::new();
    let mut status = false;
    for entry in entries.iter().filter(ours) {
        for (top, fields) in entry["fieldsV1"].as_object().into_iter().flatten() {
            status |= top == "f:status";
            let finalizer = ["f:finalizers"].as_slice();
            let names = fields.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
            if top != "f:status" && !(top == "f:metadata" && names.eq(finalizer.iter().copied())) {
                beyond.push(format!("{top}: {fields}"));
            }
        }
        for name in
            entry["fieldsV1"]["f:metadata"]["f:finalizers"].as_object().into_iter().flatten().map(|(name, _)| name)
        {
            if name != "." && name != "v:\"transfer-operator.dev/finalizer\"" {
                beyond.push(format!("finalizer {name}"));
            }
        }
    }
    assert!(status, "the operator's manager owns no status: {entries:#?}");
    beyond
}

/// A managed object.
pub fn managed(kind: &str, namespace: &str, name: &str, spec: &Value) -> Value {
    let metadata = json!({"name": name, "namespace": namespace});
    json!({"apiVersion": "transfer-operator.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec})
}

/// Whether a call, as the simulator logs it, is of an operation that changes something, whatever came of it.
pub fn changes(call: &Value) -> bool {
    let operation = call["operation"].as_str().expect("a call has an operation");
    !["List", "Describe", "Test", "Get", "Assume"].iter().any(|prefix| operation.starts_with(prefix))
}
