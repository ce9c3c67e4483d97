//! The paths of a spec as the CRDs in `crds/` have them. Reads schemas and nothing else.
//!
//! A path is written as in `kubectl explain`, with `[]` behind a list of objects and `{}` behind a map.

use std::collections::BTreeMap;

use serde_json::Value;

use super::case::Kind;
use crate::support::repository;

/// Every path of a kind that can be set on its own, and what can be left out to be rid of it: the path itself, or the
/// nearest thing around it that the schema does not require. `None` where all of it is required.
pub fn paths(kind: Kind) -> BTreeMap<String, Option<String>> {
    let mut found = BTreeMap::new();
    walk(&spec(kind), "", None, &mut found);
    assert!(found.len() > 15, "only {} paths in {kind:?}", found.len());
    found
}

fn spec(kind: Kind) -> Value {
    let file = repository(&format!("crds/{}.transfer-operator.dev.yaml", kind.plural()));
    let crd: Value = serde_saphyr::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let spec = crd.pointer("/spec/versions/0/schema/openAPIV3Schema/properties/spec");
    spec.expect("a CRD has a spec").clone()
}

fn walk(schema: &Value, path: &str, optional: Option<&str>, found: &mut BTreeMap<String, Option<String>>) {
    if let Some(members) = schema["properties"].as_object() {
        let required = |name: &str| schema["required"].as_array().is_some_and(|names| names.contains(&name.into()));
        for (name, member) in members {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let optional = if required(name) { optional } else { Some(path.as_str()) };
            walk(member, &path, optional, found);
        }
    } else if schema["items"]["properties"].is_object() {
        walk(&schema["items"], &format!("{path}[]"), optional, found);
    } else {
        let map = if schema["additionalProperties"].is_object() { "{}" } else { "" };
        found.insert(format!("{path}{map}"), optional.map(str::to_owned));
    }
}
