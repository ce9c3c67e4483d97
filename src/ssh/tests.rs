//! The folder `tests/fixtures/keys` holds what ssh-keygen and openssl wrote and the fingerprints that ssh-keygen printed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use regex::Regex;
use secrecy::ExposeSecret as _;

use super::*;

/// Private keys that must be read, in every format.
const HOST_KEYS: [&str; 17] = [
    "openssh-ed25519",
    "openssh-p256",
    "openssh-p384",
    "openssh-p521",
    // Its secret number begins with zeros, which OpenSSH leaves out.
    "openssh-p521-short",
    "openssh-rsa2048",
    "openssh-rsa3072",
    "pkcs1-rsa2048",
    "pkcs1-rsa4096",
    "pkcs8-ed25519",
    "pkcs8-p256",
    "pkcs8-p384",
    "pkcs8-p521",
    "pkcs8-rsa2048",
    "sec1-p256",
    "sec1-p384",
    "sec1-p521",
];

/// Private keys with more padding than ssh-keygen writes.
const PADDED: [&str; 3] = ["openssh-dropbearconvert-p256", "openssh-putty-ed25519", "openssh-putty-rsa2048"];

fn fixture(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/keys").join(name);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn refused(name: &str) -> String {
    fixture(&format!("refused/{name}"))
}

/// `(name, type, fingerprint)` as ssh-keygen printed them.
fn printed_by_ssh_keygen() -> Vec<(String, String, String)> {
    fixture("fingerprints.txt")
        .lines()
        .map(|line| {
            let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
            (words[0].clone(), words[1].clone(), words[2].clone())
        })
        .collect()
}

fn line() -> String {
    fixture("openssh-ed25519.pub").trim().to_owned()
}

/// A line around a wire-form key that may be nonsense.
fn line_of(algorithm: &str, blob: &[u8]) -> String {
    use base64::Engine as _;
    format!("{algorithm} {}", base64::engine::general_purpose::STANDARD.encode(blob))
}

#[test]
fn every_public_line_has_the_fingerprint_that_ssh_keygen_prints() {
    let printed = printed_by_ssh_keygen();
    assert_eq!(printed.len(), HOST_KEYS.len() + PADDED.len());
    for (name, algorithm, fingerprint) in printed {
        let key = PublicKey::parse(&fixture(&format!("{name}.pub"))).unwrap();
        assert_eq!(key.algorithm(), algorithm, "{name}");
        assert_eq!(key.fingerprint(), fingerprint, "{name}");
    }
}

#[test]
fn every_host_key_format_gives_its_public_key() {
    for name in HOST_KEYS {
        let public = PublicKey::parse(&fixture(&format!("{name}.pub"))).unwrap();
        let derived = public_of_private(&fixture(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(derived.identity(), public.identity(), "{name}");
        assert_eq!(derived.comment(), None, "{name}");
    }
}

#[test]
fn host_keys_survive_other_line_ends_and_line_widths() {
    for name in HOST_KEYS {
        let pem = fixture(name);
        let want = public_of_private(&pem).unwrap();
        assert_eq!(public_of_private(&pem.replace('\n', "\r\n")).unwrap(), want, "{name}");
        assert_eq!(public_of_private(&format!("\n{}", pem.trim_end())).unwrap(), want, "{name}");
        assert_eq!(public_of_private(&rewrapped(&pem, 76)).unwrap(), want, "{name}");
    }
}

fn rewrapped(pem: &str, width: usize) -> String {
    let lines: Vec<_> = pem.lines().collect();
    let (first, rest) = lines.split_first().unwrap();
    let (last, body) = rest.split_last().unwrap();
    let body: Vec<char> = body.concat().chars().collect();
    let body: Vec<String> = body.chunks(width).map(|chunk| chunk.iter().collect()).collect();
    format!("{first}\n{}\n{last}\n", body.join("\n"))
}

#[test]
fn host_keys_that_aws_refuses_are_refused_with_the_reason() {
    let cases = [
        ("encrypted-openssh", KeyError::Encrypted),
        ("encrypted-pkcs1", KeyError::Encrypted),
        ("encrypted-pkcs8", KeyError::EncryptedPkcs8),
        ("encrypted-pkcs8-ed25519", KeyError::EncryptedPkcs8),
        ("putty-ed25519.ppk", KeyError::PuttyHostKey),
        ("openssh-rsa1024", KeyError::RsaTooSmall),
        ("pkcs1-rsa1024", KeyError::RsaTooSmall),
        ("pkcs8-rsa1024", KeyError::RsaTooSmall),
        ("pkcs1-rsa8192", KeyError::HostKeyTooLong(6363)),
        ("openssh-dsa", KeyError::UnsupportedHostKey),
        ("pem-dsa", KeyError::UnsupportedHostKey),
        ("sec1-secp256k1", KeyError::UnsupportedHostKey),
        ("pkcs8-x25519", KeyError::UnsupportedHostKey),
        ("sec1-with-parameters", KeyError::NotOneSection),
        ("openssh-dsa.pub", KeyError::NotPem),
        ("pkcs8-public.pub", KeyError::PublicInsteadOfPrivate),
        ("pkcs8-public-ed25519.pub", KeyError::PublicInsteadOfPrivate),
        ("pkcs1-public-rsa2048.pub", KeyError::PublicInsteadOfPrivate),
        ("ssh2.pub", KeyError::PublicInsteadOfPrivate),
    ];
    for (name, want) in cases {
        assert_eq!(public_of_private(&refused(name)), Err(want), "{name}");
    }
    assert_eq!(public_of_private(&line()), Err(KeyError::PublicInsteadOfPrivate));
}

#[test]
fn a_host_key_text_must_be_one_whole_private_key() {
    let (ed25519, p256) = (fixture("openssh-ed25519"), fixture("sec1-p256"));
    assert_eq!(public_of_private(&format!("{ed25519}{p256}")), Err(KeyError::NotOneSection));
    assert_eq!(public_of_private(&format!("{ed25519}trailing")), Err(KeyError::NotOneSection));
    assert_eq!(public_of_private(&format!("my key\n{ed25519}")), Err(KeyError::NotOneSection));
    assert_eq!(public_of_private(""), Err(KeyError::NotPem));
    assert_eq!(public_of_private("correct horse battery staple"), Err(KeyError::NotPem));
    for name in HOST_KEYS {
        let lines: Vec<_> = fixture(name).lines().map(str::to_owned).collect();
        let (last, head) = lines.split_last().unwrap();
        let shorter = [&head[..head.len() - 1], std::slice::from_ref(last)].concat().join("\n");
        assert!(public_of_private(&shorter).is_err(), "{name} without its last line");
        assert_eq!(public_of_private(&head.join("\n")), Err(KeyError::DamagedHostKey), "{name}");
    }
}

#[test]
fn public_keys_that_aws_refuses_are_refused_with_the_reason() {
    let good = line();
    let body = good.split(' ').nth(1).unwrap();
    let cases = [
        (refused("openssh-dsa.pub"), KeyError::Dsa),
        (refused("certificate.pub"), KeyError::Certificate),
        (refused("security-key.pub"), KeyError::SecurityKey),
        (refused("ssh2.pub"), KeyError::Ssh2PublicKey),
        (refused("pkcs8-public.pub"), KeyError::PemPublicKey("PKCS8")),
        (refused("pkcs8-public-p256.pub"), KeyError::PemPublicKey("PKCS8")),
        (refused("pkcs8-public-ed25519.pub"), KeyError::PemEd25519),
        (refused("pkcs1-public-rsa2048.pub"), KeyError::PemPublicKey("PEM")),
        (refused("x509.pub"), KeyError::X509),
        (refused("putty-ed25519.ppk"), KeyError::PuttyPrivateKey),
        (refused("encrypted-pkcs8"), KeyError::PrivateKey),
        (fixture("openssh-ed25519"), KeyError::ReadablePrivateKey),
        (fixture("pkcs1-rsa2048"), KeyError::ReadablePrivateKey),
        (fixture("pkcs8-ed25519"), KeyError::PrivateKey),
        ("---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----".to_owned(), KeyError::PrivateKey),
        ("-----BEGIN PGP PUBLIC KEY BLOCK-----".to_owned(), KeyError::UnknownType),
        (" \t\n".to_owned(), KeyError::Empty),
        (body.to_owned(), KeyError::UnknownType),
        ("ssh-ed448 AAAA".to_owned(), KeyError::UnknownType),
        ("ssh-ed25519".to_owned(), KeyError::NoBody("ssh-ed25519")),
        (good.replace("AAAAC3", "AAAAC"), KeyError::Damaged("ssh-ed25519")),
        (good.replacen(body, &body[..body.len() - 4], 1), KeyError::Damaged("ssh-ed25519")),
        (good.replacen("ssh-ed25519", "ssh-rsa", 1), KeyError::OtherType("ssh-rsa")),
        (format!("{good}\n{good}"), KeyError::SeveralLines),
        (format!("{good} bell\u{7}"), KeyError::ControlCharacter),
        (format!("{good}{}", "x".repeat(2000)), KeyError::TooLong(good.len() + 2000)),
    ];
    for (text, want) in cases {
        assert_eq!(PublicKey::parse(&text), Err(want.clone()), "{text}");
        // A file tells the same of its line, but of lines it has several.
        let lines = KeyError::Line { line: 3, source: Box::new(want.clone()) };
        if !matches!(want, KeyError::Empty | KeyError::SeveralLines) {
            assert_eq!(authorized_keys(&format!("# ours\n{good}\n{text}")), Err(lines), "{text}");
        }
    }
}

#[test]
fn two_keys_in_one_line_are_refused_however_they_were_joined() {
    let (one, other) = (line(), fixture("openssh-p256.pub").trim().to_owned());
    let bare = one.rsplit_once(' ').unwrap().0.rsplit_once(' ').unwrap().0;
    for joint in [" ", ", ", ",", ";", "\t", " and ", "", "\\n"] {
        for first in [one.as_str(), bare] {
            for second in [other.as_str(), &refused("openssh-dsa.pub"), &refused("security-key.pub")] {
                let joined = format!("{first}{joint}{}", second.trim());
                assert_eq!(PublicKey::parse(&joined), Err(KeyError::TwoKeys), "{joined}");
            }
        }
    }
    for comment in ["ssh-rsa", "my ssh-rsa key", "AAAA", "see AAAAB3", "ssh-rsa 4096"] {
        assert!(PublicKey::parse(&format!("{bare} {comment}")).is_ok(), "{comment}");
    }
}

#[test]
fn byte_order_marks_do_not_count_and_what_nobody_sees_is_named() {
    let good = line();
    let marked = format!("\u{feff}{good}\n\u{feff}{}", fixture("openssh-p256.pub"));
    assert_eq!(authorized_keys(&marked).unwrap().len(), 2);
    assert_eq!(PublicKey::parse(&format!("\u{feff}{good}")), PublicKey::parse(&good));
    for (from, to, told) in [
        (" AAAA", "\u{a0}AAAA", "a no-break space (U+00A0)"),
        ("AAAA", "AA\u{200b}AA", "a space without width (U+200B)"),
        ("ssh-", "\u{2060}ssh-", "a joiner without width (U+2060)"),
    ] {
        let error = PublicKey::parse(&good.replacen(from, to, 1)).unwrap_err();
        assert!(error.to_string().contains(told), "{error}");
    }
    assert!(PublicKey::parse(&format!("{good} by\u{a0}hand")).is_ok(), "a comment may hold anything to be seen");
}

#[test]
fn host_keys_of_other_tools_are_read_and_sent_with_the_padding_of_openssh() {
    for name in PADDED {
        let public = PublicKey::parse(&fixture(&format!("{name}.pub"))).unwrap();
        assert_eq!(public_of_private(&fixture(name)), Err(KeyError::DamagedHostKey), "{name}: ssh-key reads it now");
        let key = host_key(&fixture(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(key.public.identity(), public.identity(), "{name}");
        assert_eq!(public_of_private(key.pem.expose_secret()).unwrap().identity(), public.identity(), "{name}");
        assert!(key.pem.expose_secret().lines().all(|line| line.len() <= 70), "{name}");
    }
    for name in HOST_KEYS {
        let text = fixture(name);
        assert_eq!(host_key(&text).unwrap().pem.expose_secret(), text, "{name} is sent as it was given");
        assert_eq!(host_key(&format!("\u{feff}{text}")).unwrap().pem.expose_secret(), text, "{name} with a mark");
        let broken = text.replacen('\n', "\n\u{a0}", 1);
        let error = host_key(&broken).unwrap_err().to_string();
        assert!(error.contains("no-break space"), "{name}: {error}");
    }
}

#[test]
fn a_padded_host_key_that_is_damaged_or_protected_stays_refused() {
    for name in PADDED {
        let text = fixture(name);
        let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
        for at in [20, body.len() / 2, body.len() - 4] {
            let c = if body.as_bytes()[at] == b'A' { "B" } else { "A" };
            let mut changed = body.clone();
            changed.replace_range(at..=at, c);
            let pem = format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{changed}\n-----END OPENSSH PRIVATE KEY-----\n");
            let outcome = host_key(&pem).map(|key| key.public.fingerprint());
            let right = PublicKey::parse(&fixture(&format!("{name}.pub"))).unwrap().fingerprint();
            // A change within the private half of RSA shows to nobody who does not calculate.
            assert!(outcome.is_err() || outcome == Ok(right), "{name} changed at {at}");
        }
    }
    assert_eq!(host_key(&refused("encrypted-openssh")).unwrap_err(), KeyError::Encrypted);
}

#[test]
fn options_are_refused_never_stripped() {
    let good = line();
    for options in [
        "restrict",
        "cert-authority",
        "from=\"10.0.0.0/8\"",
        "command=\"internal-sftp\",no-pty",
        "command=\"echo ssh-rsa\",from=\"10.0.0.1, 10.0.0.2\"",
    ] {
        let text = format!("# people\n\n{good}\n{options} {good}\n");
        let want = KeyError::Line { line: 4, source: Box::new(KeyError::Options) };
        assert_eq!(authorized_keys(&text), Err(want), "{options}");
    }
}

#[test]
fn authorized_keys_keeps_each_key_once_in_order() {
    let (a, b) = (line(), fixture("openssh-p256.pub").trim().to_owned());
    let text = format!("\u{feff}# ours\r\n{a}\r\n\r\n  # indented\r\n{b}\r\n{a} again\r\n");
    let keys = authorized_keys(&text).unwrap();
    assert_eq!(keys.iter().map(PublicKey::to_line).collect::<Vec<_>>(), [a, b]);
    assert_eq!(authorized_keys("# nobody\n\n").unwrap(), []);
}

#[test]
fn a_comment_changes_the_line_and_not_the_identity() {
    let plain = PublicKey::parse(&line()).unwrap();
    let other = PublicKey::parse(&format!("{} at home", line())).unwrap();
    assert_ne!(plain, other);
    assert_eq!(plain.identity(), other.identity());
    assert_eq!(other.comment(), Some("throwaway ed25519 at home"));
}

#[test]
fn no_refusal_repeats_what_it_was_given() {
    let private: Vec<_> = HOST_KEYS.iter().map(|name| fixture(name)).collect();
    for pem in &private {
        let body: Vec<_> = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let damaged = pem.replacen(body[0], "", 1);
        let texts = [
            PublicKey::parse(pem).unwrap_err().to_string(),
            PublicKey::parse(body[0]).unwrap_err().to_string(),
            authorized_keys(pem).unwrap_err().to_string(),
            public_of_private(&format!("{pem}{pem}")).unwrap_err().to_string(),
            public_of_private(&body.join("\n")).unwrap_err().to_string(),
            public_of_private(&damaged).unwrap_err().to_string(),
        ];
        for text in texts {
            let leaks = body.iter().any(|line| text.contains(&line[..8.min(line.len())]));
            assert!(!leaks, "{text}");
        }
    }
}

#[test]
fn fingerprints_are_equal_with_and_without_padding() {
    let ssh_keygen = "SHA256:Z2pW9sPKDD/T34tVfCoolsRcECNTlekgaKvDn9t+9sg";
    assert!(fingerprints_equal(ssh_keygen, &format!("{ssh_keygen}=")));
    assert!(fingerprints_equal(&format!("{ssh_keygen}="), ssh_keygen));
    assert!(!fingerprints_equal(ssh_keygen, &ssh_keygen.replace("9sg", "9sh")));
    assert!(!fingerprints_equal(ssh_keygen, &ssh_keygen.to_lowercase()));
}

/// The pattern of `SshPublicKeyBody` in AWS's model, Java's ASCII classes spelled out.
fn aws_pattern() -> Regex {
    Regex::new(concat!(
        r"\A[ \t\n\x0B\f\r]*(ssh|ecdsa)-[a-z0-9-]+[ \t]+",
        r"(([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{1,3})?(={0,3})?)",
        r"([ \t\n\x0B\f\r]*|[ \t]+[^\n\x0B\f\r]*[ \t\n\x0B\f\r]*)\z"
    ))
    .unwrap()
}

proptest! {
    #[test]
    fn blanks_never_change_a_key(
        name in prop::sample::select(HOST_KEYS.to_vec()),
        gaps in prop::collection::vec("[ \t\x0b\x0c]{1,4}", 3),
        ends in "[ \t\r\n]{0,3}",
        comment in prop::option::of("[^\\s\\p{Cc}\u{feff}]{1,20}"),
    ) {
        let plain = fixture(&format!("{name}.pub"));
        let mut words = plain.split_whitespace();
        let (algorithm, body) = (words.next().unwrap(), words.next().unwrap());
        let comment = comment.unwrap_or_default();
        let messy = format!("{ends}{algorithm}{}{body}{}{comment}{}{ends}", gaps[0], gaps[1], gaps[2]);
        let key = PublicKey::parse(&messy).unwrap();
        let want = format!("{algorithm} {body} {comment}");
        prop_assert_eq!(key.to_line(), want.trim_end());
        prop_assert!(aws_pattern().is_match(&key.to_line()));
        prop_assert_eq!(PublicKey::parse(&key.to_line()).unwrap(), key);
    }

    #[test]
    fn no_text_makes_a_reader_panic(text in "\\PC{0,200}|[\\x00-\\x7f]{0,200}") {
        let _ = PublicKey::parse(&text);
        let _ = authorized_keys(&text);
        let _ = host_key(&text);
        for label in ["OPENSSH PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY"] {
            let _ = host_key(&format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----"));
        }
    }

    #[test]
    fn a_line_around_nonsense_is_refused_or_stable(
        algorithm in prop::sample::select(public::ALGORITHMS.to_vec()),
        name in prop::sample::select(HOST_KEYS.to_vec()),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut blob = PublicKey::parse(&fixture(&format!("{name}.pub"))).unwrap().blob().to_vec();
        let at = at.index(blob.len());
        blob[at] = byte;
        if let Ok(key) = PublicKey::parse(&line_of(algorithm, &blob)) {
            prop_assert_eq!(key.blob(), &blob);
            prop_assert_eq!(PublicKey::parse(&key.to_line()).unwrap(), key);
        }
    }

    #[test]
    fn a_damaged_host_key_never_makes_the_reader_panic(
        name in prop::sample::select([&HOST_KEYS[..], &PADDED].concat()),
        at in any::<prop::sample::Index>(),
        with in "[A-Za-z0-9+/=\n]{0,4}",
    ) {
        let mut pem = fixture(name);
        let at = at.index(pem.len());
        pem.replace_range(at..=at, &with);
        let _ = host_key(&pem);
    }
}
