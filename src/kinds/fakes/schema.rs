//! The leaves of the generated schemas, for tests that must have a case for each.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use serde_json::Value;

use crate::api::{ManagedKind, all_crds};

/// What holds nothing else: its path, such as `spec.hostKeys[].tags{}`, and its schema.
pub type Leaf = (String, Value);

/// Every leaf of the spec or the status of a kind.
pub fn leaves(kind: ManagedKind, part: &str) -> Vec<Leaf> {
    leaves_of(kind.name(), part)
}

/// The same of any kind of ours, by its name.
pub fn leaves_of(kind: &str, part: &str) -> Vec<Leaf> {
    let crd = all_crds().into_iter().find(|crd| crd.spec.names.kind == kind).unwrap();
    let schema = serde_json::to_value(&crd.spec.versions[0].schema).unwrap();
    let mut found = Vec::new();
    below(&schema["openAPIV3Schema"]["properties"][part], part, &mut found);
    found
}

fn below(schema: &Value, path: &str, found: &mut Vec<Leaf>) {
    let members = schema["properties"].as_object().into_iter().flatten();
    let mut inner: Vec<(String, &Value)> = members.map(|(name, member)| (format!("{path}.{name}"), member)).collect();
    for (member, mark) in [("items", "[]"), ("additionalProperties", "{}")] {
        if schema[member].is_object() {
            inner.push((format!("{path}{mark}"), &schema[member]));
        }
    }
    if inner.is_empty() {
        found.push((path.to_owned(), schema.clone()));
    }
    for (path, schema) in inner {
        below(schema, &path, found);
    }
}
