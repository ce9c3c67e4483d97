//! Public keys in the one-line OpenSSH form: read, refused or normalised exactly as AWS Transfer stores them.
//! Must never drop anything from a line that limits what the key may do.

use std::collections::BTreeSet;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest as _, Sha256};

use super::{KeyError, forms};
use crate::text;

/// The key types that AWS Transfer takes for users and prints for host keys.
pub(super) const ALGORITHMS: [&str; 5] =
    ["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"];

/// AWS's limit for `SshPublicKeyBody`, in characters.
pub(super) const MAX_LINE: usize = 2048;

/// How the wire form of every key begins in base64: the length of its type's name.
const BODY: &str = "AAAA";

/// A public key that AWS Transfer can take.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    algorithm: &'static str,
    blob: Vec<u8>,
    comment: Option<String>,
}

/// What makes two keys the same key: type and key material, whatever the comment says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyIdentity {
    algorithm: &'static str,
    blob: Vec<u8>,
}

impl PublicKey {
    /// Reads one line as it stands in an `id_*.pub` file. Blanks around and between the parts do not count, as in AWS,
    /// nor do byte-order marks.
    ///
    /// # Errors
    /// Everything that AWS Transfer would turn away, with the way out; options before the key above all.
    pub fn parse(line: &str) -> Result<Self, KeyError> {
        let line = text::without_marks(line);
        Self::read(line.trim_matches(is_blank)).map_err(|error| error.or_invisible(&line))
    }

    fn read(line: &str) -> Result<Self, KeyError> {
        refuse_other_forms(line)?;
        let mut words = line.split(is_blank).filter(|word| !word.is_empty());
        let algorithm = algorithm(words.next().unwrap_or_default(), line)?;
        let body = words.next().ok_or(KeyError::NoBody(algorithm))?;
        if holds_another_key(line) {
            return Err(KeyError::TwoKeys);
        }
        let comment = words.collect::<Vec<_>>().join(" ");
        if comment.chars().any(char::is_control) {
            return Err(KeyError::ControlCharacter);
        }

        let blob = STANDARD.decode(body).map_err(|_| KeyError::Damaged(algorithm))?;
        let parsed = ssh_key::PublicKey::from_bytes(&blob).map_err(|_| KeyError::Damaged(algorithm))?;
        if parsed.algorithm().as_str() != algorithm {
            return Err(KeyError::OtherType(algorithm));
        }
        let key = Self { algorithm, blob, comment: Some(comment).filter(|text| !text.is_empty()) };
        let length = key.to_line().chars().count();
        if length > MAX_LINE { Err(KeyError::TooLong(length)) } else { Ok(key) }
    }

    /// The key without a comment, from its parsed form. `None` for a type that AWS Transfer does not take.
    pub(super) fn from_key_data(data: ssh_key::public::KeyData) -> Option<Self> {
        let key = ssh_key::PublicKey::from(data);
        let algorithm = ALGORITHMS.into_iter().find(|name| *name == key.algorithm().as_str())?;
        Some(Self { algorithm, blob: key.to_bytes().ok()?, comment: None })
    }

    /// The key type as it stands in front of the line, such as `ssh-ed25519`.
    #[must_use]
    pub fn algorithm(&self) -> &str {
        self.algorithm
    }

    /// The key in SSH wire form.
    #[cfg(test)]
    pub(crate) fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// The key in SSH wire form, as the line carries it.
    #[must_use]
    pub fn base64(&self) -> String {
        STANDARD.encode(&self.blob)
    }

    /// What stands behind the key, blanks collapsed.
    #[must_use]
    pub fn comment(&self) -> Option<&str> {
        self.comment.as_deref()
    }

    /// `SHA256:…` without padding, as ssh-keygen prints it; compare with [`super::fingerprints_equal`].
    #[must_use]
    pub fn fingerprint(&self) -> String {
        format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(&self.blob)))
    }

    /// What to compare keys by.
    #[must_use]
    pub fn identity(&self) -> KeyIdentity {
        KeyIdentity { algorithm: self.algorithm, blob: self.blob.clone() }
    }

    /// The normalised line: what is sent to AWS, and what AWS gives back.
    #[must_use]
    pub fn to_line(&self) -> String {
        let mut line = format!("{} {}", self.algorithm, self.base64());
        if let Some(comment) = &self.comment {
            line.push(' ');
            line.push_str(comment);
        }
        line
    }
}

/// The fingerprint instead of the bytes, which nobody can read.
impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({} {})", self.algorithm, self.fingerprint())
    }
}

/// Reads a text in `authorized_keys` form: a key a line, blank lines and `#` lines skipped, each key once. Byte-order
/// marks do not count: editors on Windows put one in front, and joined files have one in the middle.
///
/// # Errors
/// The first line that is no plain key, by its number. A line with options (`from=`, `command=`, `restrict`) is one:
/// AWS Transfer has no such limits, and the key without them would be allowed more.
pub fn authorized_keys(text: &str) -> Result<Vec<PublicKey>, KeyError> {
    let text = text::without_marks(text);
    let mut seen = BTreeSet::new();
    let mut keys = Vec::new();
    let (mut rest, mut number) = (text.as_ref(), 0);
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        number += 1;
        let line = line.trim_matches(is_blank);
        if !line.is_empty() && !line.starts_with('#') {
            // What a text in another notation is may show in its later lines only.
            let key =
                forms::other_than_a_line(rest.trim_start_matches(is_blank)).map_or_else(|| PublicKey::parse(line), Err);
            let key = key.map_err(|source| KeyError::Line { line: number, source: Box::new(source) })?;
            if seen.insert(key.identity()) {
                keys.push(key);
            }
        }
        rest = after;
    }
    Ok(keys)
}

/// Java's `\s`, which AWS squeezes by: ASCII only, the vertical tab included.
fn is_blank(c: char) -> bool {
    c.is_ascii_whitespace() || c == '\x0b'
}

fn refuse_other_forms(line: &str) -> Result<(), KeyError> {
    if line.is_empty() {
        return Err(KeyError::Empty);
    }
    if let Some(other) = forms::other_than_a_line(line) {
        return Err(other);
    }
    // Collapsed into one line, the second key would silently become the comment of the first.
    if line.contains(['\n', '\r']) { Err(KeyError::SeveralLines) } else { Ok(()) }
}

/// Whether a second key stands behind the first one, where it would count as its comment: after a blank, a comma, or
/// nothing at all where a line break was lost.
fn holds_another_key(line: &str) -> bool {
    let separates = |c: char| is_blank(c) || matches!(c, ',' | ';');
    let words: Vec<&str> = line.split(separates).filter(|word| !word.is_empty()).skip(1).collect();
    words.windows(2).any(|pair| matches!(pair, [name, body] if body.starts_with(BODY) && ends_with_type(name)))
}

fn ends_with_type(word: &str) -> bool {
    // Certificates and hardware keys end in the domain of those who named them.
    ALGORITHMS.into_iter().chain(["ssh-dss", "@openssh.com"]).any(|name| word.ends_with(name))
}

/// The key type that the line begins with, or the reason why it is none of ours.
fn algorithm(first: &str, line: &str) -> Result<&'static str, KeyError> {
    if let Some(known) = ALGORITHMS.into_iter().find(|name| *name == first) {
        return Ok(known);
    }
    if let Some(refused) = refused_type(first) {
        return Err(refused);
    }
    let names_a_key = |word: &str| ALGORITHMS.contains(&word) || refused_type(word).is_some();
    let options = line.split(is_blank).skip(1).any(names_a_key);
    Err(if options { KeyError::Options } else { KeyError::UnknownType })
}

/// Key types that exist and that AWS Transfer does not take.
fn refused_type(word: &str) -> Option<KeyError> {
    if word.ends_with("-cert-v01@openssh.com") {
        Some(KeyError::Certificate)
    } else if word.starts_with("sk-ssh-") || word.starts_with("sk-ecdsa-") {
        Some(KeyError::SecurityKey)
    } else if word == "ssh-dss" {
        Some(KeyError::Dsa)
    } else {
        None
    }
}
