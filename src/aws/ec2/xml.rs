//! XML documents as trees. Only a whole document is one: a row must not be missing because the rest of it is.

use std::error::Error;

use xmlparser::{ElementEnd, Token, Tokenizer};

use crate::aws::sdk::convert::Complete;

/// No answer of EC2 is nested deeper than this; what is has not come from there.
const DEPTH_MAX: usize = 64;

/// What is wrong with a document.
type Unreadable = Box<dyn Error + Send + Sync>;

/// An element with what is in it. Attributes and prefixes of names say nothing in EC2's answers.
#[derive(Debug, Default)]
pub(super) struct Element {
    name: String,
    text: String,
    children: Vec<Element>,
}

impl Element {
    /// The first child of this name.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first child of this name; an empty one is none.
    pub fn text(&self, name: &str) -> Option<String> {
        self.child(name).map(|child| child.text.clone()).filter(|text| !text.is_empty())
    }

    /// The entries of a list. What is no entry makes it no list.
    pub fn items(&self, name: &'static str) -> Complete<&[Self]> {
        let items = &self.child(name).ok_or(name)?.children;
        if items.iter().all(|item| item.name == "item") { Ok(items) } else { Err(name) }
    }

    /// The entries of a list of texts; none where the list is not there.
    pub fn texts(&self, name: &'static str) -> Vec<String> {
        self.items(name).unwrap_or_default().iter().map(|item| item.text.clone()).collect()
    }
}

/// Reads a document to the end of its root.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(document: &[u8]) -> Result<Element, Unreadable> {
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    for token in Tokenizer::from(std::str::from_utf8(document)?) {
        match token? {
            Token::ElementStart { local, .. } if open.len() < DEPTH_MAX => {
                open.push(Element { name: local.as_str().to_owned(), ..Element::default() });
            }
            Token::ElementStart { .. } => return Err("the document is nested too deeply".into()),
            Token::ElementEnd { end: ElementEnd::Open, .. } => {}
            Token::ElementEnd { end, .. } => {
                let element = open.pop().filter(|element| match end {
                    ElementEnd::Close(_, local) => element.name == local.as_str(),
                    _ => true,
                });
                let element = element.ok_or("an element of the document does not end as it began")?;
                match open.last_mut() {
                    Some(parent) => parent.children.push(element),
                    None => root = Some(element),
                }
            }
            // Outside the root only white space is a text.
            Token::Text { text } => {
                let text = unescaped(text.as_str())?;
                open.last_mut().into_iter().for_each(|element| element.text += &text);
            }
            Token::Cdata { text, .. } => open.last_mut().into_iter().for_each(|element| element.text += text.as_str()),
            _ => {}
        }
    }
    root.filter(|_| open.is_empty()).ok_or_else(|| "the document ends before its root".into())
}

/// A text with what its references stand for.
fn unescaped(mut text: &str) -> Result<String, Unreadable> {
    let mut to = String::new();
    while let Some((before, rest)) = text.split_once('&') {
        let (name, after) = rest.split_once(';').ok_or("a reference in the document has no end")?;
        to.push_str(before);
        to.push(character(name).ok_or("the document has a reference that nobody knows")?);
        text = after;
    }
    to.push_str(text);
    Ok(to)
}

/// What a reference stands for: XML's own five and numbers. Others would have to be declared, which EC2 never does.
fn character(name: &str) -> Option<char> {
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = number.strip_prefix('x').map_or_else(|| number.parse(), |hex| u32::from_str_radix(hex, 16));
            char::from_u32(code.ok()?)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const WHOLE: &str = "<?xml version=\"1.0\"?>\n<R xmlns=\"x\">\n <s><item>a</item><item>b &lt;&amp;&#x41;&#66;</item></s>\n \
                         <e/><f></f><t><![CDATA[<c>]]></t></R>\n";

    #[test]
    fn a_document_is_a_tree_of_texts_and_lists() {
        let root = read(WHOLE.as_bytes()).unwrap();
        assert_eq!(root.texts("s"), ["a", "b <&AB"]);
        assert_eq!(root.text("t").as_deref(), Some("<c>"));
        for empty in ["e", "f"] {
            assert_eq!((root.text(empty), root.items(empty).unwrap().len()), (None, 0));
        }
        assert_eq!((root.text("none"), root.items("none").unwrap_err()), (None, "none"));
        assert_eq!(read(b"<R><s><item/><other/></s></R>").unwrap().items("s").unwrap_err(), "s");
    }

    #[test]
    fn a_document_that_is_cut_anywhere_is_none() {
        let mut cut = WHOLE.trim_end().to_owned();
        while cut.pop().is_some() {
            assert!(read(cut.as_bytes()).is_err(), "{cut}");
        }
    }

    #[test]
    fn what_is_no_document_is_refused() {
        let deep = format!("{}{}", "<a>".repeat(DEPTH_MAX + 1), "</a>".repeat(DEPTH_MAX + 1));
        let bomb = "<!DOCTYPE R [<!ENTITY a \"aa\">]><R>&a;</R>";
        for text in ["", "{}", "<a></b>", "<a>&unknown;</a>", "<a>&amp</a>", "<a>&#xD800;</a>", "<a/><b/>", &deep, bomb]
        {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
        assert!(read(b"<a>\xff</a>").is_err());
    }
}
