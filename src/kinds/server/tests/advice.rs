//! What is worth a look on a server.

use serde_json::json;

use crate::api::condition::reasons;
use crate::aws::transfer::SecurityPolicy;
use crate::engine::reason::Reason;
use crate::kinds::server::advice::of_settings;
use crate::kinds::server::host_keys::hidden;

use super::keys::{full, held, key, known, want};

#[test]
fn a_workflow_that_no_role_logs_is_worth_a_look() {
    let role = "arn:aws:iam::123456789012:role/log";
    let runs = json!([{"workflowId": "w-1", "executionRole": role}]);
    let rows = [
        (json!({}), false, "none"),
        (json!({"workflowDetails": {"onUpload": []}}), false, "an empty list is none"),
        (json!({"workflowDetails": {"onUpload": runs}}), true, "no role"),
        (json!({"workflowDetails": {"onPartialUpload": runs}, "loggingRole": ""}), true, "an empty role is none"),
        (json!({"workflowDetails": {"onUpload": runs}, "loggingRole": role}), false, "logged"),
    ];
    for (settings, expected, reason) in rows {
        let settings = serde_json::from_value(settings).unwrap();
        let told: Vec<&str> = of_settings(&settings, None).map(|hint| hint.code).collect();
        assert_eq!(told == [reasons::WORKFLOW_NOT_LOGGED], expected, "{reason}: {told:?}");
    }
}

#[test]
fn a_policy_is_weak_by_what_it_allows_and_else_old_by_its_name() {
    type Row = (&'static str, bool, [&'static [&'static str]; 5], Option<&'static str>);
    let sound: [&[&str]; 5] = [
        &["aes256-gcm@openssh.com", "aes128-ctr", "chacha20-poly1305@openssh.com"],
        &["mlkem768x25519-sha256", "curve25519-sha256", "diffie-hellman-group16-sha512", "ecdh-sha2-nistp256"],
        &["hmac-sha2-256-etm@openssh.com", "umac-128-etm@openssh.com"],
        &["rsa-sha2-256", "ssh-ed25519", "ecdsa-sha2-nistp256"],
        &["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384"],
    ];
    let [ciphers, kexs, macs, signatures, tls] = sound;
    let rows: [Row; 12] = [
        ("2025-03", false, sound, None),
        ("2022-03", false, sound, Some("is an old one")),
        ("2018-11", false, [&[]; 5], Some("is an old one")),
        (
            "X",
            false,
            [&["aes128-ctr", "aes256-cbc", "3des-cbc"], kexs, macs, signatures, tls],
            Some("SSH cipher aes256-cbc 3des-cbc;"),
        ),
        (
            "X",
            false,
            [ciphers, &["diffie-hellman-group14-sha1"], macs, signatures, tls],
            Some("SSH key exchange diffie-hellman-group14-sha1;"),
        ),
        ("X", false, [ciphers, &["diffie-hellman-group14-sha256"], macs, signatures, tls], None),
        (
            "X",
            false,
            [ciphers, kexs, &["hmac-sha1-etm@openssh.com", "hmac-md5"], signatures, tls],
            Some("SSH MAC hmac-sha1-etm@openssh.com hmac-md5;"),
        ),
        (
            "X",
            false,
            [ciphers, kexs, macs, &["ssh-rsa", "rsa-sha2-512"], tls],
            Some("SSH signature ssh-rsa; TransferSecurityPolicy-2025-03 does not"),
        ),
        (
            "X",
            true,
            [ciphers, kexs, macs, &["ssh-rsa"], tls],
            Some("ssh-rsa; TransferSecurityPolicy-FIPS-2025-03 does not"),
        ),
        (
            "X",
            false,
            [ciphers, kexs, macs, signatures, &["TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"]],
            Some("TLS cipher TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA;"),
        ),
        (
            "X",
            false,
            [ciphers, kexs, macs, signatures, &["TLS_RSA_WITH_AES_128_CBC_SHA256"]],
            Some("TLS cipher TLS_RSA_WITH_AES_128_CBC_SHA256;"),
        ),
        (
            "X",
            false,
            [&["aes128-cbc"], kexs, &["hmac-sha1"], signatures, tls],
            Some("SSH cipher aes128-cbc, SSH MAC hmac-sha1;"),
        ),
    ];
    for (name, fips, [ciphers, kexs, macs, signatures, tls], expected) in rows {
        let texts = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<String>>();
        let name = format!("TransferSecurityPolicy-{name}");
        let policy = SecurityPolicy {
            name: name.clone(),
            fips: Some(fips),
            ssh_ciphers: texts(ciphers),
            ssh_kexs: texts(kexs),
            ssh_macs: texts(macs),
            tls_ciphers: texts(tls),
            ssh_host_key_algorithms: texts(signatures),
            ..SecurityPolicy::default()
        };
        let settings = serde_json::from_value(json!({"securityPolicyName": name})).unwrap();
        let told: Vec<Reason> = of_settings(&settings, Some(&policy)).collect();
        let message = told.first().map(|Reason { message, .. }| message.as_str());
        match (message, expected) {
            (Some(message), Some(expected)) => assert!(message.contains(expected), "{message}"),
            _ => assert_eq!(message, expected, "{policy:?}"),
        }
    }
}

#[test]
fn a_listed_host_key_that_clients_are_not_shown_is_worth_a_look() {
    let there = ["e/1", "e/2", "e/3", "r/4", "r/5", "x/6", "x/7", "x/8", "x/9", "x/10"];
    let (listed, have) = full(there, &["1", "2", "5", "6"]);
    let Reason { code, message, .. } = hidden(&listed, &have, &known(&have)).unwrap();
    assert_eq!(code, reasons::HOST_KEY_NOT_ACTIVE);
    assert!(message.contains("spec.hostKeys[2] (SHA256:2): clients are shown spec.hostKeys[1], until"), "{message}");
    assert!(message.contains("spec.hostKeys[5] (SHA256:5): clients are shown hostkey-4, which is not"), "{message}");
    assert!(!message.contains("spec.hostKeys[6]"), "{message}");
    let (shown, have) = full(there, &["1", "4", "6"]);
    assert_eq!(hidden(&shown, &have, &known(&have)), None);
    assert_eq!(hidden(&want(None, true), &[held("1")], &[]), None, "not managed");
    let have = [held("1")];
    assert_eq!(hidden(&want(Some(&[key("new")]), true), &have, &known(&have)), None, "not there yet");
}
