#![allow(clippy::unwrap_used)]
#![allow(clippy::needless_pass_by_value, reason = "json!() at the call reads better without a reference")]
use super::*;
use crate::api::{AwsIdentity, TransferAccess, TransferServer, TransferUser};
use crate::aws::transfer::SecurityPolicy;
use crate::ssh::PublicKey;
use serde_json::{Value, json};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB";

fn now() -> Timestamp {
    "2030-01-31T00:00:00Z".parse().unwrap()
}

fn object(kind: &str, spec: Value, status: Value) -> Value {
    json!({
        "apiVersion": "transfer-operator.dev/v1alpha1", "kind": kind, "spec": spec, "status": status,
        "metadata": {"name": "x", "namespace": "team", "generation": 2, "creationTimestamp": "2030-01-01T00:00:00Z"},
    })
}

fn condition(of: &str, status: &str, reason: &str) -> Value {
    json!({"type": of, "status": status, "reason": reason, "message": "said", "lastTransitionTime": "2030-01-30T00:00:00Z"})
}

fn server() -> Facts {
    let status = json!({
        "observedGeneration": 2, "serverId": "s-01234567890abcdef", "state": "ONLINE", "endpoint": "sftp.example.com", "userCount": 3,
        "endpoints": [{"host": "sftp.example.com", "type": "CustomHostname"},
            {"host": "198.51.100.1", "type": "ElasticIp", "availabilityZone": "eu-central-1a", "subnetId": "subnet-1",
             "allocationId": "eipalloc-1"}],
        "hostKeys": [{"id": "hostkey-1", "fingerprint": "SHA256:one", "type": "ssh-rsa", "active": true, "name": "mine",
            "dateImported": "2030-01-11T00:00:00Z"}],
        "conditions": [condition("Ready", "True", "Available"), condition("Drifted", "True", "Drifted")],
        "drift": [{"path": "spec.protocols", "want": "SFTP", "have": "FTP"}],
        "plan": [{"field": "spec.ipAddressType", "have": "IPV4", "want": "DUALSTACK", "effect": "Offline", "step": 1}],
        "unset": [{"field": "loggingRole", "have": "r"}],
    });
    let object = object("TransferServer", json!({"region": "eu-central-1"}), status);
    Facts::from(&serde_json::from_value::<TransferServer>(object).unwrap())
}

fn user(expires: &str, generation: i64) -> Facts {
    let fingerprint = PublicKey::parse(KEY).unwrap().fingerprint();
    let status = json!({
        "observedGeneration": generation, "userName": "Alice", "host": "sftp.example.com",
        "hostKeyFingerprints": [{"type": "ssh-rsa", "fingerprint": "SHA256:one"}],
        "sshPublicKeys": [{"id": "key-1", "fingerprint": format!("{fingerprint}="), "dateImported": "2030-01-21T00:00:00Z",
            "managed": true, "comment": "bj\u{f6}rn\u{1b}[2J"}],
        "conditions": [condition("Ready", "True", "Available")],
    });
    let keys = json!([{"publicKey": KEY, "expiresAt": expires}]);
    let spec = json!({"serverRef": {"name": "files"}, "role": "r", "sshPublicKeys": keys});
    Facts::from(&serde_json::from_value::<TransferUser>(object("TransferUser", spec, status)).unwrap())
}

/// The words of the line that begins so.
fn words<'a>(text: &'a str, start: &str) -> Vec<&'a str> {
    let line = text.lines().find(|line| line.trim_start().starts_with(start));
    line.unwrap_or_else(|| unreachable!("{start}: {text}"))
        .split("  ")
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .collect()
}

#[test]
fn each_kind_has_a_table_of_what_matters() {
    let text = tables(&[server(), user("2030-02-05T00:00:00Z", 2)], Style::default(), now());
    let (of_servers, of_users) = text.split_once("\n\n").unwrap();
    assert_eq!(
        words(of_servers, "team/x"),
        ["team/x", "True", "Available", "1", "1", "ONLINE", "sftp.example.com", "3", "1", "30d"]
    );
    assert_eq!(
        words(of_users, "team/x"),
        ["team/x", "True", "Available", "-", "-", "Alice", "sftp.example.com", "1", "10d", "in 5d", "30d"]
    );
    assert!(!text.contains("TransferAccess"), "a kind without objects has none");
}

#[test]
fn a_description_has_endpoints_keys_drift_and_conditions() {
    let text = description(&server(), Style::default(), now());
    assert_eq!(words(&text, "ssh-rsa"), ["ssh-rsa", "SHA256:one", "20d", "yes", "mine"]);
    assert_eq!(words(&text, "CustomHostname"), ["CustomHostname", "sftp.example.com", "-", "-", "-"]);
    let elastic = ["ElasticIp", "198.51.100.1", "eu-central-1a", "subnet-1", "eipalloc-1"];
    assert_eq!(words(&text, "ElasticIp"), elastic);
    assert_eq!(words(&text, "spec.protocols"), ["spec.protocols", "SFTP", "FTP"]);
    assert_eq!(words(&text, "spec.ipAddressType"), ["spec.ipAddressType", "IPV4", "DUALSTACK", "Offline", "1"]);
    assert_eq!(words(&text, "loggingRole"), ["loggingRole", "r"]);
    assert_eq!(words(&text, "Drifted"), ["Drifted", "True", "Drifted", "24h", "said"]);
    let text = description(&user("2030-01-01T00:00:00Z", 2), Style::new(false, None), now());
    let fingerprint = PublicKey::parse(KEY).unwrap().fingerprint();
    let key = words(&text, &fingerprint);
    assert_eq!(key.get(1..4).unwrap(), ["10d", "30d ago", "yes"]);
    assert!(text.is_ascii() && !text.contains('\u{1b}'), "what others wrote does not move the cursor: {text:?}");
}

#[test]
fn what_a_policy_allows_is_shown_where_it_was_asked_for() {
    let mut facts = server();
    assert_eq!(facts.policy(), None, "status names none");
    assert!(!description(&facts, Style::default(), now()).contains("ALLOWED"));
    let texts = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    facts.allows(SecurityPolicy {
        ssh_ciphers: texts(&["aes128-ctr", "aes256-ctr"]),
        ssh_macs: texts(&["hmac-sha2-256"]),
        ..SecurityPolicy::default()
    });
    let text = description(&facts, Style::default(), now());
    assert_eq!(words(&text, "SSH ciphers"), ["SSH ciphers", "aes128-ctr aes256-ctr"]);
    assert_eq!(words(&text, "SSH MACs"), ["SSH MACs", "hmac-sha2-256"]);
    assert_eq!(words(&text, "TLS ciphers"), ["TLS ciphers", "-"]);
}

#[test]
fn an_old_status_is_no_good_news_and_a_broken_object_is_red() {
    let terminal = Style::new(true, None);
    let colours = |facts: Facts| tables(&[facts], terminal, now());
    assert!(colours(user("2031-01-01T00:00:00Z", 2)).contains("\u{1b}[32mTrue"));
    assert!(colours(user("2031-01-01T00:00:00Z", 1)).contains("True (old)"));
    assert!(!colours(user("2031-01-01T00:00:00Z", 1)).contains("\u{1b}[32m"));
    assert!(colours(user("2030-02-05T00:00:00Z", 2)).contains("\u{1b}[31min 5d"));
    let status = json!({"observedGeneration": 2, "conditions": [condition("Ready", "False", "Updating"),
        condition("Stalled", "True", "RoleNotGranted")]});
    let spec = json!({"serverRef": {"name": "files"}, "role": "r", "externalId": "S-1-5"});
    let access = serde_json::from_value::<TransferAccess>(object("TransferAccess", spec, status)).unwrap();
    let text = colours(Facts::from(&access));
    assert!(text.contains("\u{1b}[31mFalse") && text.contains("RoleNotGranted") && text.contains("S-1-5"), "{text}");
    let fresh = AwsIdentity::new("production", crate::api::AwsIdentitySpec::own("1".to_owned(), "r".to_owned()));
    assert!(tables(&[Facts::from(&fresh)], Style::default(), now()).contains("Unknown"));
}

#[test]
fn ages_are_told_in_their_largest_unit() {
    let rows =
        [(0, "0s"), (119, "119s"), (120, "2m"), (7_199, "119m"), (7_200, "2h"), (172_799, "47h"), (172_800, "2d")];
    for (seconds, expected) in rows {
        assert_eq!(unit(seconds), expected);
    }
    assert_eq!(age(None, now()), "-");
    assert_eq!(age(Some("2030-01-31T00:10:00Z"), now()), "in 10m");
}
