//! The layer in front of the service: is the request of the shape that the model asks for?
//! It runs before anything is looked up, reports everything it finds, and knows no state.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use regex::Regex;
use serde_json::{Map, Value};

use super::constraints;
use super::error::{Answer, ApiError};
use super::operation::Operation;
use super::shape::{Member, Shape, Text};

/// Checks a request body against the model of its operation.
///
/// # Errors
/// `SerializationException` for a value of the wrong JSON type, `ValidationException` for a broken constraint.
pub fn check(operation: Operation, body: &Value) -> Answer<()> {
    let Some(object) = body.as_object() else {
        return Err(serialization("Start of structure or map expected"));
    };
    let mut faults = Vec::new();
    check_members(constraints::members(operation), object, "", &mut faults)?;
    match faults.len() {
        0 => Ok(()),
        1 => Err(refused("1 validation error detected", &faults)),
        n => Err(refused(&format!("{n} validation errors detected"), &faults)),
    }
}

/// The request with every sensitive value replaced, for the call log.
#[must_use]
pub fn redacted(operation: Operation, body: &Value) -> Value {
    let mut copy = body.clone();
    redact_members(constraints::members(operation), &mut copy);
    copy
}

/// What the log has in place of a secret.
const REDACTED: &str = "REDACTED";

fn redact_members(members: &[Member], value: &mut Value) {
    if let Value::Object(object) = value {
        for member in members {
            if let Some(value) = object.get_mut(member.name) {
                redact(member.shape, value);
            }
        }
    } else if members.iter().any(|member| has_secrets(member.shape)) {
        redact_wrong(value);
    }
}

fn redact_items(of: &Shape, value: &mut Value) {
    if let Value::Array(items) = value {
        for item in items.iter_mut() {
            redact(of, item);
        }
    } else if has_secrets(of) {
        redact_wrong(value);
    }
}

/// What is refused as of the wrong type may still be the secret, sent in its place.
fn redact_wrong(value: &mut Value) {
    if !value.is_null() {
        *value = Value::from(REDACTED);
    }
}

fn redact(shape: &Shape, value: &mut Value) {
    match shape {
        Shape::Text(Text { sensitive: true, .. }) | Shape::Bytes { .. } => *value = Value::from(REDACTED),
        Shape::Struct(members) => redact_members(members, value),
        Shape::List { of, .. } => redact_items(of, value),
        Shape::Text(_) | Shape::Number { .. } | Shape::Time => {}
    }
}

fn has_secrets(shape: &Shape) -> bool {
    match shape {
        Shape::Text(text) => text.sensitive,
        Shape::Bytes { .. } => true,
        Shape::Struct(members) => members.iter().any(|member| has_secrets(member.shape)),
        Shape::List { of, .. } => has_secrets(of),
        Shape::Number { .. } | Shape::Time => false,
    }
}

fn refused(heading: &str, faults: &[String]) -> ApiError {
    ApiError::new("ValidationException", format!("{heading}: {}", faults.join("; ")))
}

fn serialization(message: &str) -> ApiError {
    ApiError::new("SerializationException", message)
}

fn check_members(members: &[Member], object: &Map<String, Value>, path: &str, faults: &mut Vec<String>) -> Answer<()> {
    for member in members {
        let here = join(path, member.name);
        match object.get(member.name) {
            None | Some(Value::Null) if member.required => {
                faults.push(format!("Value null at '{here}' failed to satisfy constraint: Member must not be null"));
            }
            None | Some(Value::Null) => {}
            Some(value) => check_value(member.shape, value, &here, faults)?,
        }
    }
    Ok(())
}

fn check_value(shape: &Shape, value: &Value, path: &str, faults: &mut Vec<String>) -> Answer<()> {
    match shape {
        Shape::Struct(members) => {
            let object = value.as_object().ok_or_else(|| wrong_type(value, path))?;
            check_members(members, object, path, faults)?;
        }
        Shape::List { of, min, max } => {
            let items = value.as_array().ok_or_else(|| wrong_type(value, path))?;
            let bounds = length_fault(items.len(), *min, *max);
            faults.extend(bounds.map(|f| fault(path, &f)));
            check_items(of, items, path, faults)?;
        }
        Shape::Text(_) | Shape::Number { .. } | Shape::Time | Shape::Bytes { .. } => {
            let found = scalar_faults(shape, value, path)?;
            faults.extend(found.iter().map(|f| fault(path, f)));
        }
    }
    Ok(())
}

/// Elements that are objects are named one by one; for plain elements AWS names the list and nests the constraint.
fn check_items(of: &Shape, items: &[Value], path: &str, faults: &mut Vec<String>) -> Answer<()> {
    let mut broken: Vec<String> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        if item.is_null() {
            broken.push("Member must not be null".to_owned());
        } else if let Shape::Struct(_) = of {
            check_value(of, item, &format!("{path}.{}.member", index + 1), faults)?;
        } else {
            for found in scalar_faults(of, item, path)? {
                if !broken.contains(&found) {
                    broken.push(found);
                }
            }
        }
    }
    if !broken.is_empty() {
        faults.push(fault(path, &format!("Member must satisfy constraint: [{}]", broken.join(", "))));
    }
    Ok(())
}

fn scalar_faults(shape: &Shape, value: &Value, path: &str) -> Answer<Vec<String>> {
    match (shape, value) {
        (Shape::Text(text), Value::String(s)) => Ok(text_faults(text, s)),
        (Shape::Number { min, max }, Value::Number(_)) => {
            let number = value.as_i64().ok_or_else(|| wrong_type(value, path))?;
            let mut found = Vec::new();
            if number < *min {
                found.push(format!("Member must have value greater than or equal to {min}"));
            }
            if number > *max {
                found.push(format!("Member must have value less than or equal to {max}"));
            }
            Ok(found)
        }
        (Shape::Time, Value::Number(_)) => Ok(Vec::new()),
        (Shape::Bytes { min, max }, Value::String(text)) => {
            let bytes = STANDARD.decode(text).map_err(|_| wrong_type(value, path))?;
            Ok(length_fault(bytes.len(), *min, *max).into_iter().collect())
        }
        _ => Err(wrong_type(value, path)),
    }
}

fn text_faults(text: &Text, value: &str) -> Vec<String> {
    let mut found: Vec<String> = length_fault(value.chars().count(), text.min, text.max).into_iter().collect();
    if !text.values.is_empty() && !text.values.contains(&value) {
        found.push(format!("Member must satisfy enum value set: [{}]", text.values.join(", ")));
    }
    if !text.pattern.is_empty() && !matches_whole(text.pattern, value) {
        found.push(format!("Member must satisfy regular expression pattern: {}", text.pattern));
    }
    found
}

fn length_fault(length: usize, min: usize, max: usize) -> Option<String> {
    if length < min {
        Some(format!("Member must have length greater than or equal to {min}"))
    } else if length > max {
        Some(format!("Member must have length less than or equal to {max}"))
    } else {
        None
    }
}

fn fault(path: &str, what: &str) -> String {
    format!("Value at '{path}' failed to satisfy constraint: {what}")
}

fn wrong_type(value: &Value, path: &str) -> ApiError {
    let kind = match value {
        Value::Null => "NULL_VALUE",
        Value::Bool(_) => "TRUE_VALUE",
        Value::Number(_) => "NUMBER_VALUE",
        Value::String(_) => "STRING_VALUE",
        Value::Array(_) => "START_ARRAY",
        Value::Object(_) => "START_OBJECT",
    };
    serialization(&format!("{kind} can not be converted to the type of '{path}'"))
}

/// AWS writes member paths with a small first letter: `endpointDetails.addressAllocationIds`.
fn join(path: &str, name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|c| c.to_ascii_lowercase());
    let small: String = first.into_iter().chain(letters).collect();
    if path.is_empty() { small } else { format!("{path}.{small}") }
}

fn matches_whole(pattern: &'static str, value: &str) -> bool {
    static COMPILED: LazyLock<Mutex<BTreeMap<&'static str, Option<Regex>>>> = LazyLock::new(Mutex::default);
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    compiled
        .entry(pattern)
        .or_insert_with(|| Regex::new(&translated(pattern)).ok())
        .as_ref()
        .is_some_and(|r| r.is_match(value))
}

/// AWS's patterns are Java's, whose classes are ASCII and whose dot stops at more line ends than ours.
fn translated(pattern: &str) -> String {
    let ours = pattern
        .replace(r"\p{Print}", r"\x20-\x7E")
        .replace(r"\w", "0-9A-Za-z_")
        .replace(r"[\d-]", "[0-9-]")
        .replace(r"\d", "[0-9]")
        .replace(r"\S", r"[^\t\n\x0B\x0C\r ]")
        .replace(r"\s", r"[\t\n\x0B\x0C\r ]")
        .replace(".*", r"[^\n\r\x{85}\x{2028}\x{2029}]*");
    format!(r"\A(?:{ours})\z")
}

#[cfg(test)]
#[path = "validate_tests.rs"]
mod tests;
