#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use std::cell::RefCell;
use std::fs;
use std::path::Path;

use super::*;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB";
const ROLE: &str = "arn:aws:iam::123456789012:role/sftp-users";

thread_local! {
    /// To read all rules takes a second here.
    static CHECKER: RefCell<Checker> = RefCell::default();
}

fn told(text: &str) -> Vec<String> {
    CHECKER.with_borrow_mut(|checker| {
        checker.names.clear();
        checker.findings.clear();
        checker.file("x.yaml", text.as_bytes());
        checker.findings.iter().map(ToString::to_string).collect()
    })
}

/// A user whose spec begins in line 5.
fn user(spec: &str) -> String {
    let head = "apiVersion: transfer-operator.dev/v1alpha1\nkind: TransferUser\nmetadata: {name: alice, namespace: team}\nspec:\n";
    format!("{head}  serverRef: {{name: files}}\n  role: {ROLE}\n{spec}")
}

#[test]
fn what_the_api_server_refuses_is_told_with_file_line_and_field() {
    let rows = [
        ("  rolle: x\n", "x.yaml:7: TransferUser team/alice: unknown field \"spec.rolle\""),
        ("  userName: a\n", "x.yaml:7: TransferUser team/alice: spec.userName: "),
        (
            "  sshPublicKeyPolicy: All\n",
            "x.yaml:7: TransferUser team/alice: spec.sshPublicKeyPolicy: Unsupported value",
        ),
        ("  serverId: s-01234567890abcdef\n", "x.yaml:4: TransferUser team/alice: spec: "),
        ("  home: {s3: {}}\n", "x.yaml:7: TransferUser team/alice: spec.home.s3.bucket: Required value"),
        ("  suspend: maybe\n", "x.yaml:7: TransferUser team/alice: spec.suspend in body must be of type boolean"),
    ];
    for (spec, expected) in rows {
        let told = told(&user(spec));
        assert!(told.iter().any(|line| line.starts_with(expected)), "{spec}: {told:#?}");
    }
    assert_eq!(told(&user("")), Vec::<String>::new());
}

#[test]
fn keys_and_policies_are_read_as_the_operator_reads_them() {
    let keys = format!(
        "  sshPublicKeys:\n  - publicKey: {KEY}\n  - publicKey: {KEY} again\n  - publicKey: ssh-ed25519 AAAAC3\n"
    );
    let told_of_keys = told(&user(&keys));
    assert!(
        told_of_keys[0]
            .starts_with("x.yaml:9: TransferUser team/alice: spec.sshPublicKeys[1].publicKey: is the key of")
    );
    assert!(told_of_keys[1].contains(":10: ") && told_of_keys[1].ends_with("copy the whole line again"));
    for (policy, expected) in [
        ("'{\"Version\": }'", "x.yaml:7: TransferUser team/alice: spec.policy: policy is not valid JSON"),
        ("'{}'", "x.yaml:7: TransferUser team/alice: spec.policy: policy has no Statement"),
    ] {
        assert!(told(&user(&format!("  policy: {policy}\n")))[0].starts_with(expected), "{policy}");
    }
    let inside = "  homeDirectoryType: LOGICAL\n  homeDirectoryMappings:\n  - {entry: /a, target: /b}\n  - {entry: /a/c, target: /b}\n";
    assert!(
        told(&user(inside))[0]
            .starts_with("x.yaml:10: TransferUser team/alice: spec.homeDirectoryMappings[1].entry /a/c lies")
    );
}

#[test]
fn no_byte_of_a_private_key_is_printed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/keys");
    let mut seen = 0;
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        if !text.contains("PRIVATE KEY") {
            continue;
        }
        seen += 1;
        let block = text.trim_end().replace('\n', "\n      ");
        let spec = format!("  sshPublicKeys:\n  - publicKey: |\n      {block}\n");
        let flat = format!("  sshPublicKeys:\n  - publicKey: {}\n    : [\n", text.replace('\n', " "));
        for told in [told(&user(&spec)), told(&user(&flat))] {
            assert!(!told.is_empty(), "{}", path.display());
            let secret = text.lines().filter(|line| line.len() > 40);
            assert!(secret.clone().all(|line| !told.join("\n").contains(&line[..20])), "{}: {told:?}", path.display());
        }
    }
    assert!(seen > 3, "{seen}");
}

#[test]
fn other_kinds_are_counted_and_slips_in_ours_are_told() {
    let mut checker = Checker::default();
    let other = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n---\napiVersion: apps/v1\nkind: Deployment\n";
    checker.file("chart", other.as_bytes());
    assert_eq!(checker.findings, []);
    assert!(
        checker.summary().starts_with("0 objects checked, 0 errors; 2 documents of other kinds"),
        "{}",
        checker.summary()
    );

    let ours = user("");
    let rows = [
        (ours.replace("v1alpha1", "v1"), "apiVersion: must be transfer-operator.dev/v1alpha1"),
        (ours.replace("transfer-operator.dev/v1alpha1", "v1"), "apiVersion: must be transfer-operator.dev/v1alpha1"),
        (ours.replace("TransferUser", "TransferUsr"), "kind: must be one of AwsIdentity, TransferAccess"),
        (ours.replace("name: alice", "name: Alice"), "metadata.name: must be lower-case"),
        (ours.replace("name: alice, ", ""), "metadata.name: Required value"),
        (format!("{ours}---\n{ours}"), "metadata.name: stands twice"),
        ("a: [".to_owned(), "not valid YAML"),
        ("a: 1\na: 2\n".to_owned(), "not valid YAML"),
    ];
    for (text, expected) in rows {
        assert!(told(&text)[0].contains(expected), "{expected}: {:?}", told(&text));
    }
    let utf_16 = [0xff, 0xfe, b'a', 0];
    checker.file("y", &utf_16);
    assert_eq!(checker.findings[0].to_string(), "y: the file is UTF-16, not UTF-8: save it as UTF-8");
}

#[test]
fn the_manifests_of_the_repository_are_clean() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut checker = Checker::default();
    for folder in ["deploy/demo", "tests/fixtures/manifests/accepted"] {
        for path in fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path()) {
            if path.extension().is_some_and(|extension| extension == "yaml") {
                // A name may stand in several files.
                checker.names.clear();
                checker.file(&path.display().to_string(), &fs::read(&path).unwrap());
            }
        }
    }
    assert_eq!(checker.findings, []);
    for kind in ["TransferWorkflow", "TransferProfile", "TransferAgreement", "TransferCertificate"] {
        assert!(checker.summary().contains(kind), "{}", checker.summary());
    }
}
