//! Host keys of others that are to be trusted: a line of a `.pub` file, or of `known_hosts` as ssh-keyscan prints it. It
//! trusts nothing by itself, and what a line limits is never dropped in silence.
//!
//! Source of the types: `TrustedHostKeys` of `SftpConnectorConfig` in the AWS API reference, which names ssh-rsa and the
//! three of ecdsa, and no other, unlike that of users' keys.

use std::collections::BTreeSet;

use super::{KeyError, PublicKey, forms};
use crate::text;

/// A key and the names before it, as `known_hosts` has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedKey {
    /// The names of the hosts that show it, behind each other with commas; nothing in the form of a `.pub` file.
    pub hosts: Option<String>,
    /// The key, or that it is of a type that AWS does not take of a partner.
    pub key: Result<PublicKey, KeyError>,
}

/// The type that AWS takes of users and not of partners.
const OF_USERS_ALONE: &str = "ssh-ed25519";

impl TrustedKey {
    /// Reads one line.
    ///
    /// # Errors
    /// What is no such line, and what says that a key is revoked or signs others: of neither AWS knows anything.
    pub fn parse(line: &str) -> Result<Self, KeyError> {
        let line = text::without_marks(line);
        let plain = match of_type(PublicKey::parse(&line)) {
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
        let key = of_type(PublicKey::parse(rest))?;
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

/// A key that AWS does not take of a partner is one all the same: a host has keys of several types, and `known_hosts` all of
/// them.
fn of_type(read: Result<PublicKey, KeyError>) -> Result<Result<PublicKey, KeyError>, KeyError> {
    let other = match read {
        Ok(key) if key.algorithm() == OF_USERS_ALONE => OF_USERS_ALONE,
        Ok(key) => return Ok(Ok(key)),
        Err(KeyError::Dsa) => "ssh-dss",
        Err(KeyError::SecurityKey) => "sk-...",
        Err(error) => return Err(error),
    };
    Ok(Err(KeyError::NotOfPartners(other)))
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
            let same = (key.hosts.clone(), key.key.as_ref().map(PublicKey::identity).ok());
            if same.1.is_none() || seen.insert(same) {
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

    const KEY: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBAhbB6E6diw5mrGd9p6StUEKptq3R4hhVV+9eIBRP2CXg0mz9/6xkDfmyX4uKShk/FF/OZdLZTuuy9t4k9Qi6tw=";

    #[test]
    fn lines_of_pub_files_and_of_known_hosts_are_read_alike() {
        let parse = |line: String| TrustedKey::parse(&line).map(|key| (key.hosts, key.key.unwrap().base64()));
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
        assert_eq!(parse("sftp.example.com ssh-rsa AAAA".to_owned()), Err(KeyError::Damaged("ssh-rsa")));
        assert_eq!(parse(format!("a b {KEY}")), Err(KeyError::Options), "one word of names");
        assert_eq!(parse("-----BEGIN OPENSSH PRIVATE KEY-----".to_owned()), Err(KeyError::ReadablePrivateKey));
        assert_eq!(parse(String::new()), Err(KeyError::Empty));
    }

    #[test]
    fn a_key_of_a_type_that_aws_takes_of_users_alone_is_told_apart() {
        let other = |line: &str| TrustedKey::parse(line).unwrap().key.unwrap_err();
        let ed25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB";
        assert_eq!(other(ed25519), KeyError::NotOfPartners("ssh-ed25519"));
        assert_eq!(other(&format!("sftp.example.com {ed25519}")), KeyError::NotOfPartners("ssh-ed25519"));
        assert_eq!(other("sftp.example.com ssh-dss AAAA"), KeyError::NotOfPartners("ssh-dss"));
        assert_eq!(other("a sk-ssh-ed25519@openssh.com AAAA"), KeyError::NotOfPartners("sk-..."));
        let damaged = TrustedKey::parse("sftp.example.com ssh-ed25519 AAAA");
        assert_eq!(damaged, Err(KeyError::Damaged("ssh-ed25519")));
        let keys = trusted_keys(&format!("a {ed25519}\na {KEY}\n")).unwrap();
        assert_eq!(
            keys.iter().map(|(line, key)| (*line, key.key.is_ok())).collect::<Vec<_>>(),
            [(1, false), (2, true)]
        );
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
