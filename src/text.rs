//! Text as editors and other people's tools leave it: what is no UTF-8, and characters that nobody sees. Judges no
//! content, and nothing that leaves this module carries a piece of the text.

use std::borrow::Cow;
use std::fmt;

/// Editors on Windows put it in front of a file, and joining files leaves it in the middle.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Why bytes that should be text are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotText {
    /// As PowerShell and old editors on Windows write.
    #[error("is UTF-16, not UTF-8: save it as UTF-8")]
    Utf16,
    /// Latin-1 most often, else no text at all.
    #[error("is not UTF-8 in line {0} (it may be Latin-1, or no text at all): save it as UTF-8")]
    NotUtf8(usize),
}

/// The text that these bytes are.
///
/// # Errors
/// They are no UTF-8, or have a zero byte, as ASCII in UTF-16 has beside each character.
pub fn decode(bytes: &[u8]) -> Result<&str, NotText> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) || bytes.contains(&0) {
        return Err(NotText::Utf16);
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.iter().take(error.valid_up_to());
        NotText::NotUtf8(1 + before.filter(|byte| **byte == b'\n').count())
    })
}

/// The text without byte-order marks. It is copied once at most and in one piece, as it may be a key: what grows leaves
/// its former places behind.
#[must_use]
pub fn without_marks(text: &str) -> Cow<'_, str> {
    if !text.contains(BYTE_ORDER_MARK) {
        return text.into();
    }
    let mut kept = String::with_capacity(text.len());
    kept.extend(text.split(BYTE_ORDER_MARK));
    kept.into()
}

/// A character that looks like a blank or like nothing, and is no blank to a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invisible {
    character: char,
    name: &'static str,
    /// Counted from 1.
    pub line: usize,
}

impl fmt::Display for Invisible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (U+{:04X})", self.name, u32::from(self.character))
    }
}

/// The first invisible character of a text.
#[must_use]
pub fn invisible(text: &str) -> Option<Invisible> {
    let in_line = |(index, line): (usize, &str)| {
        let found = line.chars().find_map(|c| name(c).map(|name| (c, name)));
        found.map(|(character, name)| Invisible { character, name, line: index + 1 })
    };
    text.split('\n').enumerate().find_map(in_line)
}

fn name(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{a0}' | '\u{202f}' => "a no-break space",
        '\u{ad}' => "a soft hyphen",
        '\u{2000}'..='\u{200a}' | '\u{205f}' | '\u{3000}' | '\u{1680}' => "a space of unusual width",
        '\u{200b}' => "a space without width",
        '\u{200c}' | '\u{200d}' | '\u{2060}' => "a joiner without width",
        '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            "a mark for the direction of writing"
        }
        '\u{2028}' | '\u{2029}' => "a separator of lines",
        BYTE_ORDER_MARK => "a byte-order mark",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_utf_8_are_told_for_what_they_are() {
        let utf_16 = |text: &str, mark: &[u8], bytes: fn(u16) -> [u8; 2]| {
            mark.iter().copied().chain(text.encode_utf16().flat_map(bytes)).collect::<Vec<u8>>()
        };
        let rows: [(Vec<u8>, Result<&str, NotText>, &str); 7] = [
            ("schön\n".into(), Ok("schön\n"), "UTF-8"),
            ("\u{feff}a".into(), Ok("\u{feff}a"), "UTF-8 with a mark"),
            (utf_16("ssh", &[0xff, 0xfe], u16::to_le_bytes), Err(NotText::Utf16), "little end first"),
            (utf_16("ssh", &[0xfe, 0xff], u16::to_be_bytes), Err(NotText::Utf16), "big end first"),
            (utf_16("ssh", &[], u16::to_le_bytes), Err(NotText::Utf16), "without a mark"),
            (b"a\nb\nJ\xfcrgen\n".into(), Err(NotText::NotUtf8(3)), "Latin-1"),
            (b"\x89PNG".into(), Err(NotText::NotUtf8(1)), "no text"),
        ];
        for (bytes, expected, reason) in rows {
            assert_eq!(decode(&bytes), expected, "{reason}");
        }
    }

    #[test]
    fn marks_go_wherever_they_stand_and_nothing_else_does() {
        assert_eq!(without_marks("\u{feff}a\n\u{feff}b\u{a0}"), "a\nb\u{a0}");
        assert_eq!(without_marks("plain ü"), "plain ü");
    }

    #[test]
    fn the_first_invisible_character_is_named_with_its_line() {
        let told = |text: &str| invisible(text).map(|found| format!("line {}: {found}", found.line));
        assert_eq!(told("ssh-rsa AAAA jürgen\t\r\n"), None);
        assert_eq!(told("a\nb\u{a0}\u{200b}").as_deref(), Some("line 2: a no-break space (U+00A0)"));
        assert_eq!(told("\u{200b}").as_deref(), Some("line 1: a space without width (U+200B)"));
    }
}
