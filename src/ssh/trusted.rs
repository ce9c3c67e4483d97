//! Host keys of others that are to be trusted: a line of a `.pub` file, or of `known_hosts` as ssh-keyscan prints it. It
//! trusts nothing by itself, and what a line limits is never dropped in silence.

use std::collections::BTreeSet;

use super::{KeyError, PublicKey, forms};
use crate::text;

/// A key and the names before it, as `known_hosts` has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedKey {
    /// The names of the hosts that show it, behind each other with commas; nothing in the form of a `.pub` file.
    pub hosts: Option<String>,
    /// The key.
    pub key: PublicKey,
}

impl TrustedKey {
    /// Reads one line.
    ///
    /// # Errors
    /// What is no such line, and what says that a key is revoked or signs others: of neither AWS knows anything.
    pub fn parse(line: &str) -> Result<Self, KeyError> {
        let line = text::without_marks(line);
        let plain = match PublicKey::parse(&line) {
            Ok(key) => return Ok(Self { hosts: None, key }),
            Err(error) => error,
        };
        // Something that is no type of a key stands before one.
        let Some((hosts, rest)) = line.trim().split_once([' ', '\t']).filter(|_| plain == KeyError::Options) else {
            return Err(plain);
        };
        if hosts.starts_with('@') {
            return Err(KeyError::Marked);
        }
        let key = PublicKey::parse(rest)?;
        Ok(Self { hosts: Some(hosts.to_owned()), key })
    }

    /// Whether the line is about the host of this name, as `known_hosts` writes it: with a port only where that is not
    /// SSH's own.
    ///
    /// # Errors
    /// Names that are hashed: nobody sees whose they are.
    pub fn is_of(&self, name: &str) -> Result<bool, KeyError> {
        let Some(hosts) = &self.hosts else { return Ok(true) };
        if hosts.starts_with('|') {
            return Err(KeyError::HashedHost);
        }
        Ok(hosts.split(',').any(|host| host.eq_ignore_ascii_case(name)))
    }
}

/// Reads a text of such lines, each key of the same host once. Empty lines and comments do not count.
///
/// # Errors
/// The first line that is none, by its number.
pub fn trusted_keys(text: &str) -> Result<Vec<(usize, TrustedKey)>, KeyError> {
    let text = text::without_marks(text);
    let mut seen = BTreeSet::new();
    let mut keys = Vec::new();
    let (mut rest, mut number) = (text.as_ref(), 0);
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        number += 1;
        let line = line.trim();
        if !line.is_empty() && !line.starts_with('#') {
            let key = forms::other_than_a_line(rest.trim_start()).map_or_else(|| TrustedKey::parse(line), Err);
            let key = key.map_err(|source| at(number, source))?;
            if seen.insert((key.hosts.clone(), key.key.identity())) {
                keys.push((number, key));
            }
        }
        rest = after;
    }
    Ok(keys)
}

/// The same error, of this line.
#[must_use]
pub fn at(line: usize, source: KeyError) -> KeyError {
    KeyError::Line { line, source: Box::new(source) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB";

    #[test]
    fn lines_of_pub_files_and_of_known_hosts_are_read_alike() {
        let parse = |line: String| TrustedKey::parse(&line).map(|key| (key.hosts, key.key.base64()));
        let base64 = KEY.split(' ').next_back().unwrap().to_owned();
        for (line, hosts) in [
            (KEY.to_owned(), None),
            (format!("{KEY} a@laptop"), None),
            (format!("sftp.example.com {KEY}"), Some("sftp.example.com")),
            (format!("[sftp.example.com]:2222,192.0.2.1\t{KEY} comment"), Some("[sftp.example.com]:2222,192.0.2.1")),
        ] {
            assert_eq!(parse(line.clone()), Ok((hosts.map(str::to_owned), base64.clone())), "{line}");
        }
        assert_eq!(parse(format!("@revoked sftp.example.com {KEY}")), Err(KeyError::Marked));
        assert_eq!(parse(format!("@cert-authority *.example.com {KEY}")), Err(KeyError::Marked));
        assert_eq!(parse("sftp.example.com ssh-ed25519 AAAA".to_owned()), Err(KeyError::Damaged("ssh-ed25519")));
        assert_eq!(parse(format!("a b {KEY}")), Err(KeyError::Options), "one word of names");
        assert_eq!(parse("-----BEGIN OPENSSH PRIVATE KEY-----".to_owned()), Err(KeyError::ReadablePrivateKey));
        assert_eq!(parse(String::new()), Err(KeyError::Empty));
    }

    #[test]
    fn a_line_counts_for_the_hosts_that_it_names() {
        let is_of = |hosts: &str, name: &str| TrustedKey::parse(&format!("{hosts}{KEY}")).unwrap().is_of(name);
        assert_eq!(is_of("", "sftp.example.com"), Ok(true), "it names none");
        assert_eq!(is_of("a.example,SFTP.example.com ", "sftp.example.com"), Ok(true));
        assert_eq!(is_of("a.example ", "sftp.example.com"), Ok(false));
        assert_eq!(is_of("[sftp.example.com]:2222 ", "sftp.example.com"), Ok(false), "another port");
        assert_eq!(is_of("*.example.com ", "sftp.example.com"), Ok(false), "patterns are not followed");
        assert_eq!(is_of("|1|c2FsdA==|aGFzaA== ", "sftp.example.com"), Err(KeyError::HashedHost));
    }

    #[test]
    fn a_text_is_read_line_by_line_and_its_faults_are_named_so() {
        let text =
            format!("\u{feff}# sftp.example.com:22 SSH-2.0-x\r\n\r\nsftp.example.com {KEY}\r\na {KEY}\na {KEY}\n");
        let lines: Vec<usize> = trusted_keys(&text).unwrap().into_iter().map(|(line, _)| line).collect();
        assert_eq!(lines, [3, 4], "the same line once");
        assert_eq!(trusted_keys("\n\nnonsense\n"), Err(at(3, KeyError::UnknownType)));
        assert_eq!(trusted_keys("# nothing\n"), Ok(Vec::new()));
    }
}
