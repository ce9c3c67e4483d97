//! Session policies: made as short as AWS counts them, and compared by what they allow instead of by their text.
//! Must not judge what a policy allows (AWS does), and must never call two policies the same that could allow different things.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use crate::text::{self, Invisible};

/// AWS's quota `PolicySize`, in characters of the text that is sent.
pub const MAX_POLICY: usize = 2048;

/// What AWS evaluates a policy without `Version` as; variables such as `${transfer:UserName}` are then plain text.
const DEFAULT_VERSION: &str = "2008-10-17";

/// Why a policy text cannot be sent. Names the place, never the content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The text does not parse.
    #[error("policy is not valid JSON at line {line}, column {column}: correct the text")]
    NotJson {
        /// Counted from 1.
        line: usize,
        /// Counted from 1; 0 is the end of the line before.
        column: usize,
    },
    /// The text does not parse, and holds what no editor shows.
    #[error("policy is not valid JSON: it holds {0} in line {line}, which nobody sees; type a plain blank", line = .0.line)]
    Invisible(Invisible),
    /// One of two values would be dropped, and nobody could say which.
    #[error("policy has the same key twice in one object at line {line}, column {column}: write each key once")]
    RepeatedKey {
        /// Counted from 1.
        line: usize,
        /// Counted from 1, behind the second key.
        column: usize,
    },
    /// Valid JSON, but a list, text or number.
    #[error("policy is not a JSON object: it must be of the form {{\"Version\": ..., \"Statement\": ...}}")]
    NotAnObject,
    /// A JSON object, but no policy.
    #[error("policy has no Statement, so it is none: it must be of the form {{\"Version\": ..., \"Statement\": ...}}")]
    NoStatement,
    /// Over the quota, even without white space.
    #[error("policy is {0} characters long without white space, AWS Transfer takes {MAX_POLICY}: shorten it")]
    TooLong(usize),
}

/// The text without byte-order marks and without the white space between its tokens; keys, order, numbers, escapes and
/// variables stay as written.
///
/// # Errors
/// The text is no JSON object, repeats a key, or is over AWS's quota even so.
pub fn compact(text: &str) -> Result<String, PolicyError> {
    let text = text::without_marks(text);
    parse(&text).map_err(|error| match text::invisible(&outside_of_strings(&text)) {
        Some(found) if matches!(error, PolicyError::NotJson { .. }) => PolicyError::Invisible(found),
        _ => error,
    })?;
    let compact = without_white_space(&text);
    let length = compact.chars().count();
    if length > MAX_POLICY { Err(PolicyError::TooLong(length)) } else { Ok(compact) }
}

/// Whether a text is a policy at all, as far as that can be told without judging it.
///
/// # Errors
/// It has no statements, or something in their place.
pub fn check(text: &str) -> Result<(), PolicyError> {
    let mut members = parse(text)?;
    let statements = list(members.remove("Statement").unwrap_or(Json::Null));
    let stated = statements.iter().all(|statement| matches!(statement, Json::Object(_)));
    if stated { Ok(()) } else { Err(PolicyError::NoStatement) }
}

/// Whether two policies allow the same. Texts that are no policies are the same only when they are equal.
#[must_use]
pub fn same_meaning(a: &str, b: &str) -> bool {
    match (parse(a), parse(b)) {
        (Ok(a), Ok(b)) => canonical(a) == canonical(b),
        _ => a == b,
    }
}

/// A JSON document that can be ordered, and in which no key was lost.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Json {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Json>),
    Object(Members),
}

type Members = BTreeMap<String, Json>;

fn parse(text: &str) -> Result<Members, PolicyError> {
    match serde_json::from_str(text) {
        Ok(Json::Object(members)) => Ok(members),
        Ok(_) => Err(PolicyError::NotAnObject),
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            // `Json` takes every value; its only complaint of its own is the repeated key.
            Err(match error.classify() {
                Category::Data => PolicyError::RepeatedKey { line, column },
                Category::Syntax | Category::Eof | Category::Io => PolicyError::NotJson { line, column },
            })
        }
    }
}

/// Drops the white space outside of strings from a text that is known to be JSON.
fn without_white_space(json: &str) -> String {
    marked(json).filter(|(c, in_string)| *in_string || !c.is_ascii_whitespace()).map(|(c, _)| c).collect()
}

fn outside_of_strings(json: &str) -> String {
    marked(json).filter(|(_, in_string)| !in_string).map(|(c, _)| c).collect()
}

/// Each character, and whether it stands inside of a string.
fn marked(json: &str) -> impl Iterator<Item = (char, bool)> + '_ {
    let (mut in_string, mut escaped) = (false, false);
    json.chars().map(move |c| {
        let opens_or_closes = c == '"' && !escaped;
        escaped = in_string && c == '\\' && !escaped;
        in_string ^= opens_or_closes;
        (c, in_string)
    })
}

/// One form for all notations of a policy: IAM evaluates statements, actions, resources, principals and condition
/// values in any order, and takes a list of one for its element.
fn canonical(mut policy: Members) -> Members {
    policy.entry("Version".to_owned()).or_insert_with(|| Json::Text(DEFAULT_VERSION.to_owned()));
    replace(&mut policy, "Statement", |statements| {
        let mut statements: Vec<_> = list(statements).into_iter().map(statement).collect();
        statements.sort();
        statements.dedup();
        Json::List(statements)
    });
    policy
}

fn statement(statement: Json) -> Json {
    let Json::Object(mut members) = statement else {
        return statement;
    };
    for name in ["Action", "NotAction"] {
        replace(&mut members, name, |actions| set(actions, str::to_ascii_lowercase));
    }
    for name in ["Resource", "NotResource"] {
        replace(&mut members, name, |resources| set(resources, str::to_owned));
    }
    for name in ["Principal", "NotPrincipal"] {
        replace(&mut members, name, |principal| each_member(principal, |of_a_kind| set(of_a_kind, str::to_owned)));
    }
    replace(&mut members, "Condition", |condition| {
        each_member(condition, |operator| each_member(operator, |values| set(values, str::to_owned)))
    });
    Json::Object(members)
}

fn replace(members: &mut Members, name: &str, change: impl FnOnce(Json) -> Json) {
    if let Some(value) = members.remove(name) {
        members.insert(name.to_owned(), change(value));
    }
}

/// Changes the values of an object; anything else is a plain value, such as the principal `"*"`.
fn each_member(value: Json, change: impl Fn(Json) -> Json) -> Json {
    match value {
        Json::Object(members) => Json::Object(members.into_iter().map(|(name, value)| (name, change(value))).collect()),
        other => other,
    }
}

fn list(value: Json) -> Vec<Json> {
    match value {
        Json::List(items) => items,
        one => vec![one],
    }
}

/// A sorted list of texts, each once. What holds more than scalars is no set that IAM knows, and stays as it is.
fn set(value: Json, fold: impl Fn(&str) -> String) -> Json {
    let items = list(value.clone());
    let texts: Option<Vec<_>> = items.iter().map(|item| item.scalar().map(|text| fold(&text))).collect();
    let Some(mut texts) = texts else { return value };
    texts.sort();
    texts.dedup();
    Json::List(texts.into_iter().map(Json::Text).collect())
}

impl Json {
    /// The text that IAM compares: `true` and `"true"` are the same condition value.
    fn scalar(&self) -> Option<String> {
        match self {
            Self::Bool(value) => Some(value.to_string()),
            Self::Number(text) | Self::Text(text) => Some(text.clone()),
            Self::Null | Self::List(_) | Self::Object(_) => None,
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    /// Keeps 17 digits, more than any condition value has; `1.0` and `1` stay apart.
    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Number(format!("{value:?}")))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Json::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut members = Members::new();
        while let Some(name) = access.next_key::<String>()? {
            if members.contains_key(&name) {
                return Err(de::Error::custom("repeated key"));
            }
            members.insert(name, access.next_value()?);
        }
        Ok(Json::Object(members))
    }
}

#[cfg(test)]
mod tests;
