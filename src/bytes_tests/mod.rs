//! Every reader of what others wrote, under inputs made of a corpus: each of its files is overwritten, cut, doubled and
//! mixed with another at random, and some inputs are no more than bytes. A reader may refuse, and never panics; what it
//! takes, it takes again as the same. No input is long enough for one to take minutes.
//!
//! The corpus is `tests/fixtures`: the keys, certificates and manifests that other tests read too, and `bytes`, a folder for each other
//! reader. `make test` takes some hundred inputs for each reader, `make soak` `BYTES_TIMES` as many.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod answers;
mod certificates;
mod keys;
mod objects;
mod policies;
mod secrets;
mod sessions;

use std::fs;
use std::ops::Range;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

/// No input is longer; most of the corpus is a tenth of it.
const LONGEST: usize = 64 << 10;

/// A private key.
const KEY: &str = include_str!("../../tests/fixtures/keys/openssh-ed25519");

/// What readers stumble over.
const ODD: [&str; 24] = [
    "\0",
    "\u{feff}",
    "\u{a0}",
    "\u{202e}",
    "\r\n",
    "\n\n",
    "\"",
    "{",
    "}",
    "[",
    "]",
    "<",
    "</",
    "<![CDATA[",
    "&#x0;",
    "&amp",
    "=",
    "-----BEGIN ",
    "-----END ",
    "null",
    "1e999",
    "\\ud800",
    "18446744073709551616",
    "${",
];

/// So many inputs in `make test`.
fn cases(each: u32) -> ProptestConfig {
    let times: u32 =
        std::env::var("BYTES_TIMES").ok().map_or(1, |times| times.parse().expect("BYTES_TIMES is a number"));
    ProptestConfig::with_cases(each * times)
}

/// Every file of these folders of `tests/fixtures`.
fn corpus(folders: &[&str]) -> Vec<Vec<u8>> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut files: Vec<_> = folders
        .iter()
        .flat_map(|folder| fs::read_dir(fixtures.join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    assert!(files.len() > 3, "{folders:?} hold {} files", files.len());
    files.iter().map(|path| fs::read(path).unwrap()).collect()
}

#[derive(Clone, Debug)]
enum Edit {
    Set(Index, u8),
    Cut(Index, Index),
    Double(Index, Index),
    Put(Index, Vec<u8>),
    Mix(Index, Index, Index),
    End(Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<Index>;
    let odd = select(ODD.to_vec()).prop_map(|text| text.as_bytes().to_vec());
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        (at(), at()).prop_map(|(from, to)| Edit::Cut(from, to)),
        (at(), at()).prop_map(|(from, to)| Edit::Double(from, to)),
        (at(), odd).prop_map(|(at, odd)| Edit::Put(at, odd)),
        (at(), at(), at()).prop_map(|(with, from, at)| Edit::Mix(with, from, at)),
        at().prop_map(Edit::End),
    ]
}

fn span(bytes: &[u8], one: Index, other: Index) -> Range<usize> {
    let (one, other) = (one.index(bytes.len() + 1), other.index(bytes.len() + 1));
    one.min(other)..one.max(other)
}

fn apply(bytes: &mut Vec<u8>, edit: Edit, corpus: &[Vec<u8>]) {
    let place = |at: Index, bytes: &[u8]| at.index(bytes.len() + 1);
    match edit {
        Edit::Set(at, byte) => {
            let at = place(at, bytes);
            bytes.splice(at..bytes.len().min(at + 1), [byte]);
        }
        Edit::Cut(from, to) => drop(bytes.drain(span(bytes, from, to))),
        Edit::Double(from, to) => {
            let span = span(bytes, from, to);
            let again = bytes[span.clone()].to_vec();
            bytes.splice(span.end..span.end, again);
        }
        Edit::Put(at, odd) => {
            let at = place(at, bytes);
            bytes.splice(at..at, odd);
        }
        Edit::Mix(with, from, at) => {
            let other = &corpus[with.index(corpus.len())];
            let at = place(at, bytes);
            bytes.truncate(at);
            bytes.extend(&other[place(from, other)..]);
        }
        Edit::End(at) => bytes.truncate(place(at, bytes)),
    }
    bytes.truncate(LONGEST);
}

/// Inputs made of a corpus; one of eight is bytes alone.
fn inputs(corpus: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let edited = (any::<Index>(), prop::collection::vec(edit(), 0..6)).prop_map(move |(which, edits)| {
        let mut bytes = corpus[which.index(corpus.len())].clone();
        for edit in edits {
            apply(&mut bytes, edit, &corpus);
        }
        bytes
    });
    prop_oneof![7 => edited, 1 => prop::collection::vec(any::<u8>(), 0..200)]
}

/// The same as text: what is no UTF-8 becomes a mark.
fn texts(corpus: Vec<Vec<u8>>) -> impl Strategy<Value = String> {
    inputs(corpus).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// Whether a message holds a piece of a text that may be of a key.
fn echoes(message: &str, text: &str) -> bool {
    let of_base64 = |c: char| c.is_ascii_alphanumeric() || "+/".contains(c);
    let pieces = text.split(|c| !of_base64(c)).filter(|piece| piece.len() >= 20);
    pieces.map(|piece| &piece[..20]).any(|piece| message.contains(piece))
}

#[test]
fn a_piece_of_a_key_in_a_message_is_seen() {
    let body = KEY.lines().nth(1).unwrap();
    assert!(echoes(&format!("cannot read {}", &body[..24]), KEY));
    assert!(!echoes("host key is damaged or cut short: copy the whole file again", KEY));
}

#[test]
fn inputs_of_a_corpus_differ_from_it_and_stay_short() {
    let whole = corpus(&["keys"]);
    let mut runner = TestRunner::deterministic();
    let strategy = inputs(whole.clone());
    let made: Vec<Vec<u8>> = (0..400).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect();
    assert!(made.iter().all(|bytes| bytes.len() <= LONGEST));
    let same = made.iter().filter(|bytes| whole.contains(bytes)).count();
    assert!((10..200).contains(&same), "{same} of 400 are files of the corpus as they are");
}
