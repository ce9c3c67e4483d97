#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;

const A: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBAhbB6E6diw5mrGd9p6StUEKptq3R4hhVV+9eIBRP2CXg0mz9/6xkDfmyX4uKShk/FF/OZdLZTuuy9t4k9Qi6tw=";
const B: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBMBmsKTSmx57uaSNsn7A/Itx4uG9XUmBYKLLh38EncYeY3fXrJhi0c92Ax/8ZPzpCc5+YbwTMiKzcx53dud6hh0=";

fn asked(inline: &[&str], text: Option<&str>, url: Option<&str>) -> Result<Option<Vec<String>>, Vec<Reason>> {
    let inline: Vec<String> = inline.iter().map(|&line| line.to_owned()).collect();
    let source = |text: &str| SourceText { field: "source".to_owned(), text: Ok(text.to_owned()) };
    let sources = text.map(|text| vec![source(text)]);
    want(&Listed { inline: (!inline.is_empty()).then_some(&inline), sources, url })
}

#[test]
fn a_host_is_named_as_known_hosts_names_it() {
    for (url, name) in [
        ("sftp://sftp.example.com", Some("sftp.example.com")),
        ("sftp://sftp.example.com:22", Some("sftp.example.com")),
        ("sftp://sftp.example.com:2222/in", Some("[sftp.example.com]:2222")),
        ("sftp://me@192.0.2.1:2222", Some("[192.0.2.1]:2222")),
        ("sftp://[2001:db8::1]:2222", Some("[2001:db8::1]:2222")),
        ("https://as2.example.com", None),
    ] {
        assert_eq!(known_as(url).as_deref(), name, "{url}");
    }
}

#[test]
fn keys_of_the_spec_and_of_config_maps_are_wanted_once_and_plain() {
    let url = Some("sftp://sftp.example.com");
    let hosts = format!("# scanned\nother.example {B}\nsftp.example.com,192.0.2.1 {A} again\n");
    let keys = asked(&[&format!("{A} me@laptop")], Some(&hosts), url).unwrap();
    assert_eq!(keys, Some(vec![A.to_owned()]), "each once, and that of another host is not trusted");
    let both = asked(&[&format!("sftp.example.com {B}")], Some(A), url).unwrap();
    assert_eq!(both, Some(vec![B.to_owned(), A.to_owned()]));
    assert_eq!(asked(&[], None, url), Ok(None), "not managed");
}

/// Of a type that AWS does not take of a partner.
const ED25519: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB";

#[test]
fn keys_of_types_that_aws_does_not_take_are_left_out_beside_others() {
    let url = Some("sftp://sftp.example.com");
    let scanned = format!("sftp.example.com {ED25519}\nsftp.example.com {A}\nsftp.example.com ssh-dss AAAA\n");
    assert_eq!(asked(&[], Some(&scanned), url), Ok(Some(vec![A.to_owned()])));
    let alone = format!("other.example {A}\nsftp.example.com {ED25519}\n");
    for (inline, text, field) in
        [(vec![], Some(alone), "source: line 2: "), (vec![A, ED25519], None, "spec.sftpConfig.trustedHostKeys[1]: ")]
    {
        let blocks = asked(&inline, text.as_deref(), url).unwrap_err();
        assert_eq!(blocks.iter().map(|block| block.code).collect::<Vec<_>>(), [reasons::INVALID_KEY]);
        let message = &blocks[0].message;
        assert!(message.starts_with(field) && message.contains("this one is of ssh-ed25519"), "{message}");
    }
}

#[test]
fn what_cannot_be_read_or_is_of_another_host_changes_nothing() {
    let url = Some("sftp://sftp.example.com:2222");
    let rows = [
        (vec!["nonsense".to_owned()], None, url, reasons::INVALID_KEY),
        (vec![format!("sftp.example.com {A}")], None, url, reasons::INVALID_KEY),
        (vec![format!("sftp.example.com {A}")], None, None, reasons::INVALID_KEY),
        (vec![], Some(format!("sftp.example.com {A}")), url, reasons::SOURCE_NOT_READY),
        (vec![], Some(format!("|1|c2FsdA==|aGFzaA== {A}")), url, reasons::INVALID_KEY),
        (vec![], Some("-----BEGIN OPENSSH PRIVATE KEY-----\nx\n".to_owned()), url, reasons::INVALID_KEY),
        (vec![], Some("# none\n".to_owned()), url, reasons::SOURCE_NOT_READY),
    ];
    for (inline, text, url, code) in rows {
        let inline: Vec<&str> = inline.iter().map(String::as_str).collect();
        let blocks = asked(&inline, text.as_deref(), url).unwrap_err();
        assert_eq!(blocks.iter().map(|block| block.code).collect::<Vec<_>>(), [code], "{inline:?} {text:?}");
    }
}

#[test]
fn more_keys_than_aws_takes_are_told_before_a_call() {
    // Any modulus makes a key that can be read.
    let key = |number: u8| {
        let part = |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
        let blob = [part(b"ssh-rsa"), part(&[1, 0, 1]), part(&[number; 256])].concat();
        format!("ssh-rsa {}", STANDARD.encode(blob))
    };
    let lines: Vec<String> = (1..=11).map(key).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let url = Some("sftp://sftp.example.com");
    assert_eq!(asked(&lines[..10], None, url).unwrap().unwrap().len(), 10);
    assert_eq!(asked(&lines, None, url).unwrap_err()[0].code, reasons::INVALID_SPEC);
}
