//! Text that any pipe can bear: JSON and YAML in which whatever is no ASCII stands as its number. Pure.

use std::fmt::Write;

use serde::Serialize;
use serde_json::{Map, Value};

use super::failure::Failure;

/// Facts as JSON.
///
/// # Errors
/// What cannot be written as JSON, which would be a defect of this program.
pub fn json<T: Serialize>(facts: &T) -> Result<String, Failure> {
    let text = format!("{:#}\n", serde_json::to_value(facts)?);
    Ok(text.chars().fold(String::with_capacity(text.len()), |mut text, letter| {
        if letter.is_ascii() {
            text.push(letter);
        } else {
            // JSON counts in UTF-16.
            text.extend(letter.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        }
        text
    }))
}

/// The same as YAML. Its writer leaves letters as they are: for each text with others a name is written, which then
/// gives way to the text in quotes.
///
/// # Errors
/// What cannot be written as YAML, which would be a defect of this program.
pub fn yaml<T: Serialize>(facts: &T) -> Result<String, Failure> {
    let value = serde_json::to_value(facts)?;
    let whole = value.to_string();
    if whole.is_ascii() {
        return Ok(serde_saphyr::to_string(facts)?);
    }
    let mut mark = "x".to_owned();
    while whole.contains(&mark) {
        mark.push('x');
    }
    let mut texts = Vec::new();
    let mut written = serde_saphyr::to_string(&named(value, &mark, &mut texts))?;
    // From the end: a name is the beginning of others, which come later.
    for (index, text) in texts.iter().enumerate().rev() {
        written = written.replace(&format!("{mark}{index}"), &quoted(text));
    }
    Ok(written)
}

fn named(value: Value, mark: &str, texts: &mut Vec<String>) -> Value {
    match value {
        Value::String(text) => Value::String(name(text, mark, texts)),
        Value::Array(items) => items.into_iter().map(|item| named(item, mark, texts)).collect(),
        Value::Object(members) => {
            let one = |(key, member)| (name(key, mark, texts), named(member, mark, texts));
            Value::Object(members.into_iter().map(one).collect::<Map<_, _>>())
        }
        other => other,
    }
}

fn name(text: String, mark: &str, texts: &mut Vec<String>) -> String {
    if text.is_ascii() {
        return text;
    }
    texts.push(text);
    format!("{mark}{}", texts.len() - 1)
}

/// A text in double quotes, as YAML reads it.
fn quoted(text: &str) -> String {
    let mut quoted = "\"".to_owned();
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            ' '..='~' => quoted.push(letter),
            _ => {
                let _ = write!(quoted, "\\U{:08x}", u32::from(letter));
            }
        }
    }
    quoted.push('"');
    quoted
}

/// One line of prose, such as stands in a comment.
#[must_use]
pub fn line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            ' '..='~' => line.push(letter),
            _ => line.extend(letter.escape_default()),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn whatever_is_written_is_ascii_and_reads_back_the_same() {
        let rows = [
            json!({"a": "plain", "b": [1, true, null]}),
            json!({"a": "Gr\u{fc}\u{df}e", "sch\u{f6}n": {"x": "x0", "xx1": "\u{2028}\n\u{1f511}: \"'#\\"}}),
            json!((0..12).map(|index| format!("\u{e9}{index}")).collect::<Vec<_>>()),
            json!({"\u{e4}": "on", "\u{f6}": "# no comment \u{fc}"}),
        ];
        for row in rows {
            let (json, yaml) = (json(&row).unwrap(), yaml(&row).unwrap());
            assert!(json.is_ascii() && yaml.is_ascii(), "{json}{yaml}");
            assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), row);
            assert_eq!(serde_saphyr::from_str::<Value>(&yaml).unwrap(), row, "{yaml}");
        }
    }

    #[test]
    fn a_line_never_ends() {
        assert_eq!(line("a\u{2028}b\nc\u{fc} d"), "a\\u{2028}b\\nc\\u{fc} d");
    }
}
