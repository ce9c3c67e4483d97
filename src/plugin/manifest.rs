//! YAML text to documents that know in which line each of their fields stands. It knows no kind.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::Spanned;

/// A document, or one item of a `List`.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// What stands in it.
    pub value: Value,
    lines: Lines,
}

/// Why a text is no YAML. Never a piece of the text: it may hold a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not valid YAML: {message}")]
pub struct NotYaml {
    /// Counted from 1; absent where the parser names none.
    pub line: Option<u64>,
    message: String,
}

/// In which line a value begins, and where what is in it does.
#[derive(Clone, Debug, Default, PartialEq)]
struct Lines {
    line: u64,
    within: Within,
}

#[derive(Clone, Debug, Default, PartialEq)]
enum Within {
    #[default]
    Nothing,
    Items(Vec<Lines>),
    /// By name; the line is that of the name, where a value may begin further down.
    Members(Vec<(String, Lines)>),
}

impl Document {
    /// The line of a field, or of the nearest thing around it that is there: what is missing has no line of its own.
    #[must_use]
    pub fn line(&self, path: &str) -> u64 {
        self.lines.of(path.trim_start_matches('.'))
    }
}

impl Lines {
    fn of(&self, path: &str) -> u64 {
        let inner = match &self.within {
            // A name may hold dots, as those of tags do: of several that fit the longest is meant.
            Within::Members(members) => members
                .iter()
                .filter_map(|(name, lines)| Some((name.len(), lines, after_name(path, name)?)))
                .max_by_key(|(length, ..)| *length)
                .map(|(_, lines, rest)| lines.of(rest)),
            Within::Items(items) => after_index(path)
                .and_then(|(index, rest)| Some((items.get(index)?, rest)))
                .map(|(lines, rest)| lines.of(rest)),
            Within::Nothing => None,
        };
        inner.unwrap_or(self.line)
    }
}

/// What follows the name at the head of a path; nothing where the path begins with another one.
fn after_name<'a>(path: &'a str, name: &str) -> Option<&'a str> {
    let quoted = format!("[\"{name}\"]");
    let rest = path.strip_prefix(name).or_else(|| path.strip_prefix(quoted.as_str()))?;
    match rest.chars().next() {
        None | Some('[') => Some(rest),
        Some('.') => rest.get(1..),
        Some(_) => None,
    }
}

fn after_index(path: &str) -> Option<(usize, &str)> {
    let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
    Some((index.parse().ok()?, rest.strip_prefix('.').unwrap_or(rest)))
}

/// The documents of a text, those of a `List` one by one; empty ones, as Helm leaves them, are none.
///
/// # Errors
/// The text is no YAML, or has a key twice.
pub fn documents(text: &str) -> Result<Vec<Document>, NotYaml> {
    let options = serde_saphyr::options! { budget: None, with_snippet: false };
    let documents: Vec<Node> = serde_saphyr::from_multiple_with_options(text, options).map_err(|error| {
        let line = error.location().map(|location| location.line()).filter(|line| *line > 0);
        let message = error.to_string();
        NotYaml { line, message: message.lines().next().unwrap_or_default().to_owned() }
    })?;
    let mut found = Vec::new();
    for Node { value, lines } in documents {
        unpack(Document { value, lines }, &mut found);
    }
    Ok(found)
}

fn unpack(document: Document, into: &mut Vec<Document>) {
    let list = document.value.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"));
    let (Document { value: Value::Object(mut members), lines }, true) = (document.clone(), list) else {
        if !document.value.is_null() {
            into.push(document);
        }
        return;
    };
    let Some(Value::Array(items)) = members.remove("items") else { return into.push(document) };
    let within = match lines.within {
        Within::Members(members) => {
            members.into_iter().find(|(name, _)| name == "items").map(|(_, lines)| lines.within)
        }
        Within::Nothing | Within::Items(_) => None,
    };
    let lines = match within {
        Some(Within::Items(lines)) => lines,
        _ => Vec::new(),
    };
    for (value, lines) in items.into_iter().zip(lines) {
        unpack(Document { value, lines }, into);
    }
}

/// A value and its lines, as they are read together.
struct Node {
    value: Value,
    lines: Lines,
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value: Bare(value, within), referenced, .. } = Spanned::deserialize(deserializer)?;
        Ok(Self { value, lines: Lines { line: referenced.line(), within } })
    }
}

struct Bare(Value, Within);

impl<'de> Deserialize<'de> for Bare {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

/// Methods of a visitor that make a value without anything in it.
macro_rules! plain {
    ($($method:ident: $from:ty => $make:expr;)*) => {$(
        fn $method<E>(self, value: $from) -> Result<Bare, E> {
            let make: fn($from) -> Value = $make;
            Ok(Bare(make(value), Within::Nothing))
        }
    )*};
}

impl<'de> Visitor<'de> for Reader {
    type Value = Bare;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value of JSON")
    }

    plain! {
        visit_bool: bool => Value::Bool;
        visit_i64: i64 => |number| Value::Number(number.into());
        visit_u64: u64 => |number| Value::Number(number.into());
        visit_f64: f64 => |number| Number::from_f64(number).map_or(Value::Null, Value::Number);
        visit_str: &str => |text| Value::String(text.to_owned());
        visit_string: String => Value::String;
    }

    fn visit_unit<E>(self) -> Result<Bare, E> {
        Ok(Bare(Value::Null, Within::Nothing))
    }

    fn visit_none<E>(self) -> Result<Bare, E> {
        Ok(Bare(Value::Null, Within::Nothing))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Bare, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Bare, A::Error> {
        let (mut values, mut lines) = (Vec::new(), Vec::new());
        while let Some(node) = items.next_element::<Node>()? {
            values.push(node.value);
            lines.push(node.lines);
        }
        Ok(Bare(Value::Array(values), Within::Items(lines)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Bare, A::Error> {
        let (mut values, mut lines) = (Map::new(), Vec::new());
        while let Some(name) = members.next_key::<Spanned<String>>()? {
            let Node { value, lines: inner } = members.next_value::<Node>()?;
            lines.push((name.value.clone(), Lines { line: name.referenced.line(), within: inner.within }));
            values.insert(name.value, value);
        }
        Ok(Bare(Value::Object(values), Within::Members(lines)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use serde_json::json;

    #[test]
    fn a_field_is_found_in_its_line_and_a_missing_one_where_it_would_stand() {
        let text = "---\n# Source: chart/x.yaml\nkind: A\nspec:\n  tags:\n    a.b/c: x\n    a: y\n  list:\n  - one: 1\n    \
                    two: |\n      x\n      y\n  - [a, b]\n";
        let [document] = documents(text).unwrap().try_into().unwrap();
        let rows = [
            ("kind", 3),
            ("spec", 4),
            ("spec.tags.a.b/c", 6),
            ("spec.tags[\"a.b/c\"]", 6),
            ("spec.tags.a", 7),
            ("spec.list[0]", 9),
            ("spec.list[0].two", 10),
            ("spec.list[1][1]", 13),
            (".spec.list[0].three", 9),
            ("spec.region", 4),
            ("metadata.name", 3),
        ];
        for (path, line) in rows {
            assert_eq!(document.line(path), line, "{path}");
        }
        assert_eq!(document.value["spec"]["list"][0], json!({"one": 1, "two": "x\ny\n"}));
    }

    #[test]
    fn empty_documents_are_none_and_those_of_a_list_stand_alone() {
        let text = "---\n# nothing\n---\n---\nkind: A\n---\napiVersion: v1\nkind: List\nitems:\n- kind: B\n- kind: C\n  x: 1\n";
        let found = documents(text).unwrap();
        let kinds: Vec<_> = found.iter().map(|document| document.value["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["A", "B", "C"]);
        assert_eq!(found[2].line("x"), 12);
        assert_eq!(documents("").unwrap(), []);
    }

    #[test]
    fn values_are_those_that_kubectl_sends() {
        let text = "a: 1\nb: 1.5\nc: true\nd: \"1\"\ne: null\nf: ~\ng:\nh: -2\ni: '~'\nj: 2027-01-31T00:00:00Z\n";
        let expected = json!({"a": 1, "b": 1.5, "c": true, "d": "1", "e": null, "f": null, "g": null, "h": -2, "i": "~",
            "j": "2027-01-31T00:00:00Z"});
        assert_eq!(documents(text).unwrap()[0].value, expected);
    }

    #[test]
    fn what_is_no_yaml_is_told_with_its_line_and_without_its_text() {
        let rows = [
            ("a: 1\nb: [secret\n", None),
            ("a: 1\nsecret: 2\nb: 3\nsecret: 2\n", Some(4)),
            ("a: b: secret\n", Some(1)),
        ];
        for (text, line) in rows {
            let error = documents(text).unwrap_err();
            assert!(line.is_none() || error.line == line, "{text:?}: {error:?}");
            assert!(!error.to_string().contains('\n'), "{error}");
        }
    }
}
