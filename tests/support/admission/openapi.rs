//! What the API server checks of a structural schema besides CEL, as far as our schemas use it, in its own words, so
//! that the same fixtures can be held against both.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::{Map, Value};

/// Everything that is wrong with a value.
pub fn violations(schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(schema, value, "", &mut found);
    found
}

fn check(schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    if !of_type(schema, value) {
        let wanted = schema["type"].as_str().unwrap_or("nothing");
        found.push(format!("{path} in body must be of type {wanted}"));
        return;
    }
    if let Some(allowed) = schema["enum"].as_array().filter(|allowed| !allowed.contains(value)) {
        found.push(format!("{path}: Unsupported value: {value}: supported values: {allowed:?}"));
    }
    match value {
        Value::String(text) => string(schema, text, path, found),
        Value::Number(number) => range(schema, number.as_f64().unwrap_or(f64::NAN), path, found),
        Value::Array(items) => array(schema, items, path, found),
        Value::Object(members) => object(schema, members, path, found),
        Value::Null | Value::Bool(_) => {}
    }
}

fn of_type(schema: &Value, value: &Value) -> bool {
    match schema["type"].as_str() {
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("boolean") => value.is_boolean(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        other => panic!("the schemas are not expected to have the type {other:?}"),
    }
}

fn string(schema: &Value, text: &str, path: &str, found: &mut Vec<String>) {
    let length = text.chars().count() as u64;
    if schema["maxLength"].as_u64().is_some_and(|most| length > most) {
        found.push(format!("{path}: Too long: may not be more than {} bytes", schema["maxLength"]));
    }
    if schema["minLength"].as_u64().is_some_and(|least| length < least) {
        found.push(format!("{path} in body should be at least {} chars long", schema["minLength"]));
    }
    if let Some(pattern) = schema["pattern"].as_str()
        && !Regex::new(pattern).expect("patterns are valid").is_match(text)
    {
        found.push(format!("{path} in body should match '{pattern}'"));
    }
    if schema["format"] == "date-time" && text.parse::<jiff::Timestamp>().is_err() {
        found.push(format!("{path} in body must be of type date-time"));
    }
}

fn range(schema: &Value, number: f64, path: &str, found: &mut Vec<String>) {
    if let Some(most) = schema["maximum"].as_f64().filter(|most| number > *most) {
        found.push(format!("{path} in body should be less than or equal to {most}"));
    }
    if let Some(least) = schema["minimum"].as_f64().filter(|least| number < *least) {
        found.push(format!("{path} in body should be greater than or equal to {least}"));
    }
}

fn array(schema: &Value, items: &[Value], path: &str, found: &mut Vec<String>) {
    let length = items.len() as u64;
    if schema["maxItems"].as_u64().is_some_and(|most| length > most) {
        found.push(format!("{path}: Too many: {length}: must have at most {} items", schema["maxItems"]));
    }
    if schema["minItems"].as_u64().is_some_and(|least| length < least) {
        found.push(format!("{path} in body should have at least {} items", schema["minItems"]));
    }
    let mut seen = BTreeSet::new();
    for (index, item) in items.iter().enumerate() {
        let path = format!("{path}[{index}]");
        check(&schema["items"], item, &path, found);
        if identity(schema, item).is_some_and(|identity| !seen.insert(identity)) {
            found.push(format!("{path}: Duplicate value: {item}"));
        }
    }
}

/// What must not come twice in the list, if anything.
fn identity(schema: &Value, item: &Value) -> Option<String> {
    match schema["x-kubernetes-list-type"].as_str() {
        Some("set") => Some(item.to_string()),
        Some("map") => {
            let keys = schema["x-kubernetes-list-map-keys"].as_array().expect("a map has keys");
            Some(keys.iter().map(|key| item[key.as_str().expect("keys are names")].to_string()).collect())
        }
        _ => None,
    }
}

fn object(schema: &Value, members: &Map<String, Value>, path: &str, found: &mut Vec<String>) {
    let length = members.len() as u64;
    if schema["maxProperties"].as_u64().is_some_and(|most| length > most) {
        found.push(format!("{path}: Too many: {length}: must have at most {} items", schema["maxProperties"]));
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !members.contains_key(name) {
            found.push(format!("{}: Required value", join(path, name)));
        }
    }
    for (name, value) in members {
        let path = join(path, name);
        if let Some(member) = schema["properties"].get(name) {
            check(member, value, &path, found);
        } else if schema["additionalProperties"].is_object() {
            check(&schema["additionalProperties"], value, &path, found);
        } else if !known_of_every_object(&path) {
            found.push(format!("unknown field \"{path}\""));
        }
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// What stands outside the schema: the API server checks these by itself.
fn known_of_every_object(path: &str) -> bool {
    path == "apiVersion" || path == "kind" || path == "metadata"
}
