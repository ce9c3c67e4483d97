//! Lines for `known_hosts` of a server: where the public key is known they can be used, where only the fingerprint is
//! known they are comments. Pure; only public keys go in, and no text of others becomes a line of its own.

use std::collections::{BTreeMap, BTreeSet};

use super::{PublicKey, fingerprints_equal};

/// The public key of each host key that a spec lists, by the name of its entry, or why it is not known.
pub type Listed = BTreeMap<String, Result<PublicKey, String>>;

/// The port of SSH, which `known_hosts` does not write.
const SSH_PORT: i32 = 22;

/// A host key that a server has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeldKey {
    /// Type, such as ssh-ed25519.
    pub kind: Option<String>,
    /// SHA-256 fingerprint.
    pub fingerprint: Option<String>,
    /// Whether clients of its type are shown it.
    pub active: bool,
}

/// What the lines are about.
#[derive(Clone, Copy, Debug)]
pub struct KnownHosts<'a> {
    /// What the first comment says that it is.
    pub title: &'a str,
    /// Every name under which clients may know the server, as [`at_ports`] writes them.
    pub hosts: &'a [String],
    /// What to say where there is none.
    pub nameless: &'a str,
    /// The host keys that the server has.
    pub keys: &'a [HeldKey],
    /// The host keys that the spec lists.
    pub listed: &'a Listed,
}

/// The lines.
#[must_use]
pub fn lines(about: &KnownHosts<'_>) -> String {
    let KnownHosts { title, hosts, nameless, keys, listed } = *about;
    let mut text = vec![comment(&format!("host keys of {title}"))];
    if hosts.is_empty() {
        text.push(comment(nameless));
    }
    let mut used = Vec::new();
    for HeldKey { kind, fingerprint, active } in keys {
        let fingerprint = fingerprint.as_deref().unwrap_or("unknown");
        let kind = kind.as_deref().unwrap_or("unknown type");
        let same = |(name, public): (&String, &Result<PublicKey, String>)| {
            let public =
                public.as_ref().ok().filter(|public| fingerprints_equal(&public.fingerprint(), fingerprint))?;
            Some((name.clone(), public.clone()))
        };
        let shown = if *active { "" } else { ", not shown to clients yet" };
        if let Some((entry, public)) = listed.iter().find_map(same) {
            text.push(comment(&format!("{entry}: {fingerprint}{shown}")));
            let before = if hosts.is_empty() { "# HOST".to_owned() } else { hosts.join(",") };
            text.push(format!("{before} {} {}", public.algorithm(), public.base64()));
            used.push(entry);
        } else {
            text.push(comment(&format!(
                "{kind} {fingerprint}{shown}: only the fingerprint is known; compare it with ssh-keyscan"
            )));
        }
    }
    for (entry, public) in listed.iter().filter(|(entry, _)| !used.contains(entry)) {
        match public {
            Ok(public) => text.push(comment(&format!("{entry}: {} is not in AWS yet", public.fingerprint()))),
            Err(error) => text.push(comment(&format!("{entry}: {error}"))),
        }
    }
    text.push(String::new());
    text.join("\n")
}

/// One line, whatever is in it: types and fingerprints come from AWS and from status, and behind a line break they would
/// be a key that clients trust.
fn comment(text: &str) -> String {
    format!("# {}", text.replace(char::is_control, " "))
}

/// Each of these names once, at each of these ports, as `known_hosts` writes them. Without a port it is SSH's own. What
/// is no name or address is left out: a tag that anybody may write must not become a line of its own.
#[must_use]
pub fn at_ports<'a>(names: impl IntoIterator<Item = &'a str>, ports: &[i32]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let ports = if ports.is_empty() { &[SSH_PORT] } else { ports };
    let at = |name: &str, port: i32| if port == SSH_PORT { name.to_owned() } else { format!("[{name}]:{port}") };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".:_-".contains(&byte);
    let names = names.into_iter().filter(|name| !name.is_empty() && name.bytes().all(plain) && seen.insert(*name));
    names.flat_map(|name| ports.iter().map(move |port| at(name, *port))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_a_comment_never_becomes_a_line_of_its_own() {
        let evil = "x\nevil.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB";
        let some = |text: &str| Some(text.to_owned());
        let keys = [
            HeldKey { kind: some(evil), fingerprint: None, active: true },
            HeldKey { kind: None, fingerprint: some(&evil.replace('\n', "\r\n")), active: false },
        ];
        let listed = Listed::from([(evil.to_owned(), Err(evil.to_owned()))]);
        for hosts in [&[][..], &["sftp.example.com".to_owned()]] {
            let text = lines(&KnownHosts { title: evil, hosts, nameless: evil, keys: &keys, listed: &listed });
            assert!(text.lines().all(|line| line.starts_with('#')), "{text}");
            assert!(!text.contains('\r') && text.ends_with('\n'), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_name_becomes_no_part_of_a_line() {
        let names = ["sftp.example.com", "192.0.2.7", "2001:db8::7", "a b", "a,*", "*", "a\nb", "#a", "", "a.b"];
        let expected = [
            "sftp.example.com",
            "[sftp.example.com]:2222",
            "192.0.2.7",
            "[192.0.2.7]:2222",
            "2001:db8::7",
            "[2001:db8::7]:2222",
            "a.b",
            "[a.b]:2222",
        ];
        assert_eq!(at_ports(names, &[22, 2222]), expected);
    }
}
