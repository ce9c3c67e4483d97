#![allow(clippy::unwrap_used)]
use super::*;
use crate::kinds::fakes;
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

/// A connector that asks for a test, and what is wanted of it.
fn asking(name: &str, status: serde_json::Value) -> (TransferConnector, Wanted<WantedConnector>) {
    let spec =
        json!({"region": fakes::REGION, "url": "sftp://a", "accessRole": "r", "sftpConfig": {"userSecretId": "s"}});
    let settings = serde_json::from_value(json!({"url": "sftp://a"})).unwrap();
    let want = WantedConnector { settings, tags: BTreeMap::new(), ungranted: Vec::new(), unknown: BTreeMap::new() };
    let (blocks, faults, applied) = (Vec::new(), Vec::new(), crate::api::status::Applied::default());
    let wanted =
        Wanted { want, blocks, faults, applied, changes_at: None, operation: None, digest: "digest".to_owned() };
    (fakes::object(name, spec, status), wanted)
}

#[tokio::test(start_paused = true)]
async fn what_aws_never_had_and_what_ended_unseen_is_not_kept_in_mind() {
    let (tests, account) = (Tests::default(), fakes::World::open().account());
    let now: Timestamp = fakes::NOW.parse().unwrap();
    let due = |name: &str, status: serde_json::Value| {
        let (object, wanted) = asking(name, status);
        tests.due(&object, &account, &wanted, now)
    };
    let kept = || {
        let asked: Vec<String> = locked(&tests.asked).keys().cloned().collect();
        let waiting: Vec<String> = locked(&tests.accounts).values().flat_map(|turns| turns.waiting.clone()).collect();
        (asked, waiting)
    };
    assert_eq!((due("never", json!({})), kept()), (None, (vec![], vec![])), "it has no id");
    let made = || json!({"connectorId": "c-1"});
    assert!(due("ended", made()).is_some());
    assert_eq!(kept(), (vec!["uid-ended".to_owned()], vec!["uid-ended".to_owned()]));
    tokio::time::advance(REFUSED).await;
    assert!(due("other", made()).is_some() && kept().0.len() == 2, "one that waits may come back");
    tokio::time::advance(REFUSED + Duration::from_secs(1)).await;
    assert!(due("other", made()).is_some());
    assert_eq!(kept(), (vec!["uid-other".to_owned()], vec!["uid-other".to_owned()]));
}

#[test]
fn words_of_the_partner_stay_one_line_of_some_length() {
    let evil = format!("a\nfake: line\t{}", "x".repeat(10_000));
    let (_, message) = judged(&answer("ERROR\n", &evil, None), &trusting(&[]));
    assert!(!message.contains(char::is_control) && message.len() < WORDS_MAX + 100, "{message}");
}
