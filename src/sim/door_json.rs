//! What both ways of the door that takes no bytes are made of: members of a request, and AWS's names and ours.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::aws::transfer::Tags;

pub(super) fn put(input: &mut Value, name: &str, value: Option<impl Serialize>) {
    if let (Some(members), Some(value)) = (input.as_object_mut(), value) {
        members.insert(name.to_owned(), json!(value));
    }
}

pub(super) fn with(mut input: Value, ids: &[(&str, &String)]) -> Value {
    for (name, id) in ids {
        put(&mut input, name, Some(id));
    }
    input
}

pub(super) fn with_tags(mut input: Value, tags: &Tags) -> Value {
    if !tags.is_empty() {
        let tags: Vec<Value> = tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
        put(&mut input, "Tags", Some(tags));
    }
    input
}

/// A structure of ours with AWS's names.
///
/// # Errors
/// A structure that is no JSON.
pub fn pascal(settings: &impl Serialize) -> serde_json::Result<Value> {
    Ok(renamed(&serde_json::to_value(settings)?, &|name| recased(name, char::to_ascii_uppercase)))
}

pub(super) fn tags(value: &Value) -> Tags {
    value.as_array().into_iter().flatten().map(|tag| (text(&tag["Key"]), text(&tag["Value"]))).collect()
}

pub(super) fn maybe(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// A structure of AWS's with our names.
pub(super) fn camel<T: DeserializeOwned>(value: &Value) -> serde_json::Result<T> {
    serde_json::from_value(renamed(value, &|name| recased(name, char::to_ascii_lowercase)))
}

/// The same value with every member renamed.
pub(super) fn renamed(value: &Value, rename: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::Object(members) => {
            let members: Map<String, Value> =
                members.iter().map(|(name, value)| (rename(name), renamed(value, rename))).collect();
            Value::Object(members)
        }
        Value::Array(items) => items.iter().map(|item| renamed(item, rename)).collect(),
        plain => plain.clone(),
    }
}

/// The name with its first letter in the other case.
pub(super) fn recased(name: &str, case: fn(&char) -> char) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| case(&first)).into_iter().chain(letters).collect()
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
