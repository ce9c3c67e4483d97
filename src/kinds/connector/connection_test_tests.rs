#![allow(clippy::unwrap_used)]
use super::*;
use crate::ssh::PublicKey;

const KEY: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBAhbB6E6diw5mrGd9p6StUEKptq3R4hhVV+9eIBRP2CXg0mz9/6xkDfmyX4uKShk/FF/OZdLZTuuy9t4k9Qi6tw=";

fn answer(status: &str, message: &str, key: Option<&str>) -> ConnectionAnswer {
    ConnectionAnswer {
        status: Some(status.to_owned()),
        status_message: Some(message.to_owned()),
        host_key: key.map(str::to_owned),
    }
}

fn trusting(lines: &[&str]) -> Connector {
    let mut connector = Connector::default();
    let lines = lines.iter().map(|&line| line.to_owned()).collect();
    connector.settings.sftp_config.get_or_insert_default().trusted_host_keys = Some(lines);
    connector
}

#[test]
fn aws_words_are_told_and_a_key_that_is_not_trusted_to_paste() {
    let (outcome, message) = judged(&answer("OK", "Connection succeeded", Some(KEY)), &trusting(&[KEY]));
    assert_eq!((outcome, message.as_str()), (ConnectionOutcome::Connected, "AWS says: Connection succeeded"));
    let (outcome, message) = judged(&answer("ERROR", "Host key verification failed", Some(KEY)), &trusting(&[]));
    assert_eq!(outcome, ConnectionOutcome::HostKeyNotTrusted);
    assert!(message.contains("Host key verification failed") && message.ends_with(KEY), "{message}");
    assert!(message.contains(&PublicKey::parse(KEY).unwrap().fingerprint()), "{message}");
    for (key, lines) in [(Some(KEY), vec![KEY]), (None, vec![]), (Some("no key"), vec![])] {
        let (outcome, _) = judged(&answer("ERROR", "Access denied", key), &trusting(&lines));
        assert_eq!(outcome, ConnectionOutcome::Failed, "{key:?}");
    }
}

#[test]
fn a_key_of_a_type_that_aws_trusts_of_nobody_is_no_line_to_paste() {
    let ed25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB";
    let (outcome, message) = judged(&answer("ERROR", "Host key verification failed", Some(ed25519)), &trusting(&[]));
    assert_eq!(outcome, ConnectionOutcome::HostKeyNotTrusted);
    assert!(message.contains("this one is of ssh-ed25519") && !message.contains(ed25519), "{message}");
}

#[test]
fn words_of_the_partner_stay_one_line_of_some_length() {
    let evil = format!("a\nfake: line\t{}", "x".repeat(10_000));
    let (_, message) = judged(&answer("ERROR\n", &evil, None), &trusting(&[]));
    assert!(!message.contains(char::is_control) && message.len() < WORDS_MAX + 100, "{message}");
}
