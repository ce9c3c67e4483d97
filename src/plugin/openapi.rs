//! What the API server checks of a structural schema besides CEL, as far as our schemas use it, in its own words, so
//! that the same fixtures can be held against both.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::{Map, Value};

/// Something that the API server would refuse an object for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The field.
    pub path: String,
    /// What is wrong with it, in the API server's words; most name the field again.
    pub text: String,
}

/// Everything that is wrong with a value.
#[must_use]
pub fn violations(schema: &Value, value: &Value) -> Vec<Refusal> {
    let mut checked = Checked::default();
    checked.value(schema, value, "");
    checked.found
}

/// What was found on the way through a value.
#[derive(Default)]
struct Checked {
    found: Vec<Refusal>,
}

/// Members of a schema.
fn number(schema: &Value, name: &str) -> Option<u64> {
    schema.get(name).and_then(Value::as_u64)
}

fn float(schema: &Value, name: &str) -> Option<f64> {
    schema.get(name).and_then(Value::as_f64)
}

fn text<'a>(schema: &'a Value, name: &str) -> Option<&'a str> {
    schema.get(name).and_then(Value::as_str)
}

fn list<'a>(schema: &'a Value, name: &str) -> Option<&'a Vec<Value>> {
    schema.get(name).and_then(Value::as_array)
}

impl Checked {
    /// `said` follows the field directly.
    fn refuse(&mut self, path: &str, said: &str) {
        self.found.push(Refusal { path: path.to_owned(), text: format!("{path}{said}") });
    }

    fn value(&mut self, schema: &Value, value: &Value, path: &str) {
        if !of_type(schema, value) {
            let wanted = text(schema, "type").unwrap_or("nothing");
            self.refuse(path, &format!(" in body must be of type {wanted}"));
            return;
        }
        if let Some(allowed) = list(schema, "enum").filter(|allowed| !allowed.contains(value)) {
            let allowed: Vec<String> = allowed.iter().map(ToString::to_string).collect();
            self.refuse(path, &format!(": Unsupported value: {value}: supported values: {}", allowed.join(", ")));
        }
        match value {
            Value::String(text) => self.string(schema, text, path),
            Value::Number(number) => self.range(schema, number.as_f64().unwrap_or(f64::NAN), path),
            Value::Array(items) => self.array(schema, items, path),
            Value::Object(members) => self.object(schema, members, path),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn string(&mut self, schema: &Value, value: &str, path: &str) {
        let length = value.chars().count() as u64;
        if let Some(most) = number(schema, "maxLength").filter(|most| length > *most) {
            self.refuse(path, &format!(": Too long: may not be more than {most} bytes"));
        }
        if let Some(least) = number(schema, "minLength").filter(|least| length < *least) {
            self.refuse(path, &format!(" in body should be at least {least} chars long"));
        }
        if let Some(pattern) = text(schema, "pattern")
            && Regex::new(pattern).is_ok_and(|pattern| !pattern.is_match(value))
        {
            self.refuse(path, &format!(" in body should match '{pattern}'"));
        }
        if text(schema, "format") == Some("date-time") && value.parse::<jiff::Timestamp>().is_err() {
            self.refuse(path, " in body must be of type date-time");
        }
    }

    fn range(&mut self, schema: &Value, value: f64, path: &str) {
        if let Some(most) = float(schema, "maximum").filter(|most| value > *most) {
            self.refuse(path, &format!(" in body should be less than or equal to {most}"));
        }
        if let Some(least) = float(schema, "minimum").filter(|least| value < *least) {
            self.refuse(path, &format!(" in body should be greater than or equal to {least}"));
        }
    }

    fn array(&mut self, schema: &Value, items: &[Value], path: &str) {
        let length = items.len() as u64;
        if let Some(most) = number(schema, "maxItems").filter(|most| length > *most) {
            self.refuse(path, &format!(": Too many: {length}: must have at most {most} items"));
        }
        if let Some(least) = number(schema, "minItems").filter(|least| length < *least) {
            self.refuse(path, &format!(" in body should have at least {least} items"));
        }
        let mut seen = BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            let path = format!("{path}[{index}]");
            self.value(schema.get("items").unwrap_or(&Value::Null), item, &path);
            if identity(schema, item).is_some_and(|identity| !seen.insert(identity)) {
                self.refuse(&path, &format!(": Duplicate value: {item}"));
            }
        }
    }

    fn object(&mut self, schema: &Value, members: &Map<String, Value>, path: &str) {
        let length = members.len() as u64;
        if let Some(most) = number(schema, "maxProperties").filter(|most| length > *most) {
            self.refuse(path, &format!(": Too many: {length}: must have at most {most} items"));
        }
        for name in list(schema, "required").into_iter().flatten().filter_map(Value::as_str) {
            if !members.contains_key(name) {
                self.refuse(&join(path, name), ": Required value");
            }
        }
        for (name, value) in members {
            let path = join(path, name);
            let known = schema.get("properties").and_then(|properties| properties.get(name));
            let any = schema.get("additionalProperties").filter(|any| any.is_object());
            if let Some(member) = known.or(any) {
                self.value(member, value, &path);
            } else if !known_of_every_object(&path) {
                self.found.push(Refusal { text: format!("unknown field \"{path}\""), path });
            }
        }
    }
}

/// A schema of another type, or of none, takes everything: ours have none such.
fn of_type(schema: &Value, value: &Value) -> bool {
    match text(schema, "type") {
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("boolean") => value.is_boolean(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => true,
    }
}

/// What must not come twice in the list, if anything.
fn identity(schema: &Value, item: &Value) -> Option<String> {
    match text(schema, "x-kubernetes-list-type") {
        Some("set") => Some(item.to_string()),
        Some("map") => {
            let keys = list(schema, "x-kubernetes-list-map-keys")?.iter().filter_map(Value::as_str);
            Some(keys.map(|key| item.get(key).unwrap_or(&Value::Null).to_string()).collect())
        }
        _ => None,
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// What stands outside the schema: the API server checks these by itself.
fn known_of_every_object(path: &str) -> bool {
    path == "apiVersion" || path == "kind" || path == "metadata"
}
