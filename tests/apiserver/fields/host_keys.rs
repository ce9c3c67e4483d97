//! The fields of a TransferServer about its host keys. What is demanded is AWS's documentation as
//! `docs/aws-transfer-behaviour.md` 6 of the design tells it.

use serde_json::{Value, json};

use super::case::Then::{Holds, Stalled};
use super::case::{At, Case, Kind, field, merge};
use crate::support::repository;

/// Fingerprints of the keys `openssh-ed25519`, `openssh-p256` and `openssh-p384` of tests/fixtures/keys.
const FINGERPRINTS: [&str; 3] = [
    "SHA256:KS1QW2D8k6LP1s7mn6BF91X5/qweoTSz6AGjU8Kh+ps",
    "SHA256:2LfZoUqCxYIiEGzawl8Zd0dnyadRdjdWrHJ3cQ/4flc",
    "SHA256:WsbXq6Ei8L3ZIt1cvSU6dfLQhTcWqEPULRgsvprttH0",
];

pub fn cases() -> Vec<Case> {
    let kms = |id: u8| json!(format!("arn:aws:kms:eu-central-1:123456789012:key/{id}"));
    let key = |more: Value| {
        let mut key = json!({"name": "one", "secretKeyRef": {"name": "keys", "key": "one"}});
        merge(&mut key, &more);
        json!({"hostKeys": [key]})
    };
    let [first, second, third] = FINGERPRINTS;
    let one = json!([first]);
    let member = |path: &str, at: At, a: Value, b: Value, cleared: Value| {
        field(Kind::Server, &format!("hostKeys[].{path}"), At::HostKeys("HostKeyFingerprint"), a, b, cleared).at(at)
    };
    let foreign = |name: &str| {
        let file = repository(&format!("tests/fixtures/keys/{name}"));
        Some(("ImportHostKey", json!({"HostKeyBody": std::fs::read_to_string(file).unwrap()})))
    };
    vec![
        // Without its key the list is gone as a whole: a person decides what becomes of the host keys.
        Case::new(
            Kind::Server,
            "hostKeys[].name",
            At::Status("/hostKeys/0/name"),
            [json!("one"), json!("two")],
            [Holds(json!("one")), Holds(json!("two")), Stalled("CannotClear", "spec.hostKeys left the spec")],
        )
        .rest(key(json!({}))),
        member("description", At::HostKeys("Description"), json!("one"), json!("two"), Value::Null)
            .shows([json!(["one"]), json!(["two"]), Value::Null])
            .rest(key(json!({}))),
        member("tags{}", At::HostKeys("Tags"), json!({"a": "1", "b": "1"}), json!({"a": "2"}), Value::Null)
            .shows([json!([{"a": "1", "b": "1"}]), json!([{"a": "2"}]), Value::Null])
            .rest(key(json!({}))),
        member(
            "storageType",
            At::HostKeys("StorageType"),
            json!("SERVICE_MANAGED"),
            json!("SECRETS_MANAGER"),
            Value::Null,
        )
        .shows([json!(["SERVICE_MANAGED"]), json!(["SECRETS_MANAGER"]), json!(["SERVICE_MANAGED"])])
        .rest(key(json!({}))),
        // AWS never returns it: it is changed once, and nothing says "AWS's own key" again.
        Case::new(
            Kind::Server,
            "hostKeys[].kmsKey",
            At::HostKeys("KmsKey"),
            [kms(1), kms(2)],
            [Holds(json!([kms(1)])), Holds(json!([kms(2)])), Stalled("CannotClear", "spec.hostKeys[one].kmsKey")],
        )
        .rest(key(json!({"storageType": "SECRETS_MANAGER"}))),
        Case::new(
            Kind::Server,
            "hostKeys[].secretKeyRef.name",
            At::HostKeys("HostKeyFingerprint"),
            [json!("keys"), json!("more-keys")],
            // What clients have pinned stays until a person confirms.
            [Holds(one.clone()), Holds(json!([second, first])), Stalled("CannotClear", "spec.hostKeys left the spec")],
        )
        .rest(key(json!({}))),
        member("secretKeyRef.key", At::HostKeys("HostKeyFingerprint"), json!("one"), json!("two"), Value::Null)
            .shows([one.clone(), json!([second, first]), json!([second, first, third])])
            .rest(key(json!({}))),
        // What somebody else imports goes under Exclusive and stays otherwise.
        field(
            Kind::Server,
            "hostKeyPolicy",
            At::HostKeys("HostKeyFingerprint"),
            json!("Additive"),
            json!("Exclusive"),
            Value::Null,
        )
        .shows([one.clone(), one, json!([second, first])])
        .rest(key(json!({})))
        .meanwhile(foreign("openssh-p384"), foreign("openssh-p256"))
        .same("the key that somebody else imported before the second step is gone after it"),
        field(
            Kind::Server,
            "hostKeyStorageType",
            At::HostKeys("StorageType"),
            json!("SECRETS_MANAGER"),
            json!("SERVICE_MANAGED"),
            Value::Null,
        )
        .shows([json!(["SECRETS_MANAGER"]), json!(["SECRETS_MANAGER"]), json!(["SECRETS_MANAGER"])])
        .same("it counts at creation only"),
    ]
}
