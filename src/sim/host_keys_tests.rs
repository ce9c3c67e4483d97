#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::sim::bench::Bench;

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len()).step_by(64).map(|i| &text[i..text.len().min(i + 64)]).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
}

fn rsa() -> String {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    pem(AsDer::<aws_lc_rs::encoding::Pkcs8V1Der>::as_der(&pair).unwrap().as_ref())
}

fn keys(bench: &mut Bench, id: &str) -> Vec<Value> {
    let listed = bench.ok("ListHostKeys", json!({"ServerId": id}));
    listed["HostKeys"].as_array().unwrap().clone()
}

#[test]
fn a_server_without_a_key_gets_one_and_another_server_another() {
    let mut bench = Bench::new();
    let (a, b) = (bench.server(json!({})), bench.server(json!({})));
    let (a, b) = (keys(&mut bench, &a), keys(&mut bench, &b));
    assert_eq!((a.len(), b.len()), (1, 1));
    assert_ne!(a[0]["Fingerprint"], b[0]["Fingerprint"]);
    assert_eq!(a[0]["StorageType"], "SERVICE_MANAGED");
}

#[test]
fn a_key_is_known_by_its_fingerprint_however_it_came() {
    let mut bench = Bench::new();
    let body = rsa();
    let id = bench.server(json!({"HostKey": body}));
    let held = keys(&mut bench, &id);
    assert_eq!(held.len(), 1, "the key that was brought stands alone");
    assert_eq!(bench.described(&id)["HostKeyFingerprint"], held[0]["Fingerprint"]);
    let again = bench.call("ImportHostKey", json!({"ServerId": id, "HostKeyBody": body})).unwrap_err();
    assert!(again.starts_with("ResourceExistsException"), "{again}");
    bench.update(&id, json!({"HostKey": body})).unwrap();
    assert!(!bench.changed, "the same key in an update is no change");
    bench.update(&id, json!({"HostKey": rsa()})).unwrap();
    assert_eq!(keys(&mut bench, &id).len(), 2);
    assert_eq!(bench.described(&id)["HostKeyFingerprint"], held[0]["Fingerprint"], "the oldest RSA key is shown");
    let bad = json!({"ServerId": id, "HostKeyBody": "no key"});
    assert_eq!(bench.invalid("ImportHostKey", bad), "Invalid host key format");
}

#[test]
fn the_limit_and_the_last_key_are_kept() {
    let mut bench = Bench::new();
    bench.set(&json!({"quotas": {"host_keys": 1}}));
    let id = bench.server(json!({}));
    let one_more = json!({"ServerId": id, "HostKeyBody": rsa()});
    assert!(bench.invalid("ImportHostKey", one_more).contains("HostKeysPerServer: 1"));
    let key = keys(&mut bench, &id)[0]["HostKeyId"].clone();
    let last = json!({"ServerId": id, "HostKeyId": key});
    assert!(bench.invalid("DeleteHostKey", last.clone()).contains("last host key"));
    bench.set(&json!({"delete_last_host_key": "accept"}));
    bench.ok("DeleteHostKey", last.clone());
    let gone = bench.call("DescribeHostKey", last).unwrap_err();
    assert!(gone.starts_with("ResourceNotFoundException"), "{gone}");
}

#[test]
fn an_empty_description_clears_it() {
    let mut bench = Bench::new();
    let id = bench.server(json!({}));
    let key = keys(&mut bench, &id)[0]["HostKeyId"].clone();
    let described =
        |bench: &mut Bench| bench.ok("DescribeHostKey", json!({"ServerId": id, "HostKeyId": key}))["HostKey"].clone();
    bench.ok("UpdateHostKey", json!({"ServerId": id, "HostKeyId": key, "Description": "first"}));
    assert_eq!(described(&mut bench)["Description"], "first");
    bench.ok("UpdateHostKey", json!({"ServerId": id, "HostKeyId": key, "Description": ""}));
    assert!(described(&mut bench).get("Description").is_none());
}
