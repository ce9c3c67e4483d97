#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::needless_pass_by_value, reason = "json!() at the call reads better without a reference")]
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::api::condition::reasons;
use crate::api::status::Applied;
use crate::aws::transfer::{Connector, ConnectorSettings};
use crate::engine::diff::Effect;
use crate::engine::reason::Reason;
use crate::kinds::fakes::CLUSTER;

const A: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBAhbB6E6diw5mrGd9p6StUEKptq3R4hhVV+9eIBRP2CXg0mz9/6xkDfmyX4uKShk/FF/OZdLZTuuy9t4k9Qi6tw=";
const B: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBMBmsKTSmx57uaSNsn7A/Itx4uG9XUmBYKLLh38EncYeY3fXrJhi0c92Ax/8ZPzpCc5+YbwTMiKzcx53dud6hh0=";

fn settings(value: Value) -> ConnectorSettings {
    serde_json::from_value(value).unwrap()
}

fn wanted(value: Value) -> WantedConnector {
    let (tags, ungranted, unknown) = (Tags::new(), Vec::new(), BTreeMap::new());
    WantedConnector { settings: settings(value), tags, ungranted, unknown }
}

/// What a plan comes to: the differences, what is sent, and why some of it is not.
fn planned(want: &WantedConnector, have: Value, applied: &[&str]) -> (Vec<String>, Value, Vec<&'static str>) {
    let owner = Owner::new(CLUSTER, "team", "acme", "uid-acme");
    let have = Connector {
        connector_id: "c-1".to_owned(),
        settings: settings(have),
        status: "ACTIVE".to_owned(),
        tags: owner.tags("attempt"),
        ..Connector::default()
    };
    let paths = applied.iter().map(|&path| path.to_owned()).collect();
    // A secret is granted if its name is one letter.
    let granted = |secret: &str| {
        let refused = || Reason::stalled(reasons::SECRET_NOT_GRANTED, secret.to_owned());
        if secret.len() == 1 { Ok(()) } else { Err(refused()) }
    };
    let plan = plan::plan(want, &have, &Applied { paths, ..Applied::default() }, &owner, &granted);
    let rows = plan.changes.iter().map(|change| format!("{:?} {}", change.effect, change.path)).collect();
    let sent = plan.calls.iter().map(|call| match &call.mutation {
        Mutation::UpdateConnector(update) => json!(update.settings),
        other => panic!("{other:?}"),
    });
    let sent: Vec<Value> = sent.collect();
    assert!(sent.len() < 2, "{sent:?}");
    (rows, sent.into_iter().next().unwrap_or_default(), plan.blocks.iter().map(|block| block.code).collect())
}

fn sftp(more: Value) -> Value {
    let mut config = json!({"userSecretId": "s"});
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"url": "sftp://a", "accessRole": "r", "sftpConfig": config})
}

fn as2(more: Value) -> Value {
    let mut config = json!({"localProfileId": "p-1", "partnerProfileId": "p-2", "compression": "ZLIB",
        "encryptionAlgorithm": "AES256_CBC", "signingAlgorithm": "SHA256", "mdnResponse": "SYNC"});
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"url": "https://a", "accessRole": "r", "as2Config": config})
}

#[test]
fn a_changed_member_is_sent_complete_with_what_aws_has_beside_it() {
    let have = sftp(json!({"trustedHostKeys": [format!("a {A} me")], "maxConcurrentConnections": 5}));
    let (rows, sent, blocks) = planned(&wanted(sftp(json!({"userSecretId": "t"}))), have, &[]);
    assert_eq!((rows, blocks), (vec!["Live sftpConfig.userSecretId".to_owned()], vec![]));
    let config = json!({"userSecretId": "t", "trustedHostKeys": [format!("a {A} me")], "maxConcurrentConnections": 5});
    assert_eq!(sent, json!({"sftpConfig": config}));
}

#[test]
fn what_aws_fills_in_and_how_keys_are_written_is_no_difference() {
    let want = wanted(sftp(json!({"trustedHostKeys": [A, B], "orderedUserSecretVersionStages": ["AWSCURRENT"]})));
    let mut have = sftp(json!({"trustedHostKeys": [B, format!("host {A} me")], "maxConcurrentConnections": 1}));
    have["ipAddressType"] = json!("IPV4");
    have["securityPolicyName"] = json!("TransferSFTPConnectorSecurityPolicy-2024-03");
    assert_eq!(planned(&want, have, &[]), (vec![], Value::Null, vec![]));
}

#[test]
fn what_leaves_the_spec_goes_back_to_the_default_or_is_named() {
    let rows: [(&str, Value, Value, &[&str]); 5] = [
        ("sftpConfig.trustedHostKeys", json!({"trustedHostKeys": [A]}), json!([]), &[]),
        ("sftpConfig.maxConcurrentConnections", json!({"maxConcurrentConnections": 5}), json!(1), &[]),
        (
            "sftpConfig.orderedUserSecretVersionStages",
            json!({"orderedUserSecretVersionStages": ["AWSPREVIOUS"]}),
            json!(["AWSCURRENT"]),
            &[],
        ),
        ("loggingRole", json!({}), Value::Null, &[reasons::CANNOT_CLEAR]),
        ("securityPolicyName", json!({}), Value::Null, &[reasons::CANNOT_CLEAR]),
    ];
    for (path, held, cleared, expected) in rows {
        let mut have = sftp(held);
        if !path.contains('.') {
            have[path] = json!("x");
        }
        let (rows, sent, blocks) = planned(&wanted(sftp(json!({}))), have, &[path]);
        assert!(rows.len() == 1 && rows[0].ends_with(path), "{path}: {rows:?}");
        let value = sent.pointer(&format!("/{}", path.replace('.', "/"))).cloned().unwrap_or_default();
        assert_eq!((value, &blocks[..]), (cleared, expected), "{path}");
    }
}

#[test]
fn neither_protocol_nor_way_is_exchanged_and_the_rest_goes_on() {
    let lattice = |port: i32| {
        let way = json!({"resourceConfigurationArn": "arn", "portNumber": port});
        json!({"egressConfig": {"vpcLattice": way}, "accessRole": "r", "sftpConfig": {"userSecretId": "s"}})
    };
    let mut other = lattice(22);
    other["loggingRole"] = json!("l");
    let (rows, sent, blocks) = planned(&wanted(other), sftp(json!({})), &["url"]);
    assert!(rows.iter().any(|row| row.starts_with("Replace egressConfig.")), "{rows:?}");
    assert_eq!((sent, blocks), (json!({"loggingRole": "l"}), vec![reasons::IMMUTABLE]));
    let (_, sent, blocks) = planned(&wanted(as2(json!({}))), sftp(json!({})), &["sftpConfig.userSecretId"]);
    assert_eq!((sent, blocks), (Value::Null, vec![reasons::IMMUTABLE]), "nor is the one sent to the other's host");
    let (_, sent, blocks) = planned(&wanted(lattice(2222)), lattice(22), &[]);
    let way = json!({"vpcLattice": {"resourceConfigurationArn": "arn", "portNumber": 2222}});
    assert_eq!((sent, blocks), (json!({"egressConfig": way}), vec![]), "the port of the same way");
}

#[test]
fn what_may_not_be_named_or_is_not_known_is_not_sent() {
    let mut want = wanted(sftp(json!({"userSecretId": "t", "maxConcurrentConnections": 5})));
    want.ungranted = vec!["sftpConfig.userSecretId".to_owned()];
    want.settings.logging_role = Some("l".to_owned());
    assert_eq!(planned(&want, sftp(json!({})), &[]).1, json!({"loggingRole": "l"}), "the secret's whole member waits");

    let mut want = wanted(sftp(json!({"userSecretId": "t"})));
    want.unknown.insert(members::TRUSTED_HOST_KEYS, Vec::new());
    let (rows, sent, _) = planned(&want, sftp(json!({"trustedHostKeys": [A]})), &[members::TRUSTED_HOST_KEYS]);
    assert_eq!(rows, ["Live sftpConfig.userSecretId"]);
    assert_eq!(sent["sftpConfig"]["trustedHostKeys"], json!([A]), "what is trusted stays");

    let answers = json!({"mdnResponse": "ASYNC", "asyncMdnConfig": {"url": "http://a"}});
    let mut want = wanted(as2(answers));
    want.unknown.insert(members::ASYNC_MDN_SERVERS, Vec::new());
    assert_eq!(planned(&want, as2(json!({})), &[]).1, Value::Null, "no address without its servers");
}

#[test]
fn another_host_is_chosen_with_all_that_it_is_sent_or_not_at_all() {
    let moved = |mut spec: Value, logs: bool| {
        spec["url"] = json!("https://b");
        if logs {
            spec["loggingRole"] = json!("l");
        }
        wanted(spec)
    };
    let sent = |want: &WantedConnector, have: Value| planned(want, have, &[]).1;
    let with_secret = || as2(json!({"basicAuthSecretId": "s"}));
    let there = json!({"url": "https://b"});
    assert_eq!(sent(&moved(with_secret(), false), with_secret()), there);
    for path in ["as2Config.basicAuthSecretId", "sftpConfig.userSecretId"] {
        let mut ungranted = moved(with_secret(), true);
        ungranted.ungranted = vec![path.to_owned()];
        assert_eq!(sent(&ungranted, with_secret()), json!({"loggingRole": "l"}), "{path} may not be named");
    }
    for path in [members::PARTNER_PROFILE, members::TRUSTED_HOST_KEYS] {
        let mut unknown = moved(with_secret(), true);
        unknown.unknown.insert(path, Vec::new());
        assert_eq!(sent(&unknown, with_secret()), json!({"loggingRole": "l"}), "{path} is not known yet");
    }
    // One that the spec leaves to AWS, of an object that was taken over.
    let of_others = as2(json!({"basicAuthSecretId": "secret of others"}));
    let (_, call, blocks) = planned(&moved(as2(json!({})), true), of_others.clone(), &[]);
    assert_eq!((call, blocks), (json!({"loggingRole": "l"}), vec![reasons::SECRET_NOT_GRANTED]));
    assert_eq!(sent(&moved(as2(json!({})), false), with_secret()), there, "it is granted");
    let call = sent(&moved(with_secret(), false), of_others.clone());
    assert_eq!((&call["url"], &call["as2Config"]["basicAuthSecretId"]), (&json!("https://b"), &json!("s")));
    let cleared = planned(&moved(as2(json!({})), false), of_others, &["as2Config.basicAuthSecretId"]).1;
    assert_eq!((&cleared["url"], &cleared["as2Config"]["basicAuthSecretId"]), (&json!("https://b"), &json!("")));
}

#[test]
fn a_secret_that_may_not_be_named_holds_no_loss_of_trust_back() {
    let keys = |want: &[&str], have: &[&str], applied: &[&str]| {
        let mut listed = json!({"userSecretId": "t", "maxConcurrentConnections": 5});
        if !want.is_empty() {
            listed["trustedHostKeys"] = json!(want);
        }
        let mut want = wanted(sftp(listed));
        want.ungranted = vec!["sftpConfig.userSecretId".to_owned()];
        planned(&want, sftp(json!({"trustedHostKeys": have})), applied).1["sftpConfig"].clone()
    };
    let as_held = format!("a {A} me");
    let both = [&*as_held, B];
    let secret_of_aws = |keys: Value| json!({"userSecretId": "s", "trustedHostKeys": keys});
    assert_eq!(keys(&[A], &both, &[]), secret_of_aws(json!([as_held])), "one of two goes, and nothing else is sent");
    assert_eq!(keys(&[A], &[B], &[]), secret_of_aws(json!([])), "none comes in its place");
    assert_eq!(keys(&[], &both, &[members::TRUSTED_HOST_KEYS]), secret_of_aws(json!([])), "all of them left the spec");
    assert_eq!(keys(&[A, B], &[B], &[]), Value::Null, "trust is not given");
    assert_eq!(keys(&[], &both, &[]), Value::Null, "somebody else's stay");
}

#[test]
fn an_address_for_answers_goes_with_asynchronous_ones_only() {
    let answers = json!({"mdnResponse": "ASYNC", "asyncMdnConfig": {"url": "http://a", "serverIds": ["s-1"]}});
    let (_, sent, _) = planned(&wanted(as2(answers.clone())), as2(json!({})), &[]);
    assert_eq!(sent["as2Config"]["asyncMdnConfig"], answers["asyncMdnConfig"]);
    let (rows, sent, _) = planned(&wanted(as2(json!({}))), as2(answers), &["as2Config.asyncMdnConfig.url"]);
    assert_eq!(rows, ["Live as2Config.mdnResponse"]);
    assert!(sent["as2Config"]["asyncMdnConfig"].is_null() && sent["as2Config"]["mdnResponse"] == "SYNC", "{sent}");
    let have = as2(json!({"basicAuthSecretId": "s"}));
    let (_, sent, _) = planned(&wanted(as2(json!({}))), have, &["as2Config.basicAuthSecretId"]);
    assert_eq!(sent["as2Config"]["basicAuthSecretId"], "", "AWS takes it out so");
}

#[test]
fn a_preview_compares_as_the_operator_does() {
    let spec = |more: Value| {
        let mut spec = json!({"region": "eu-central-1", "url": "sftp://a", "accessRole": "r",
            "sftpConfig": {"userSecretId": "s"}});
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value::<TransferConnectorSpec>(spec).unwrap()
    };
    let told = |new: Value, old: Value| {
        let changes = preview(&spec(new), &spec(old));
        changes.into_iter().map(|change| (change.effect, change.path)).collect::<Vec<_>>()
    };
    assert_eq!(told(json!({"ipAddressType": "IPV4"}), json!({})), []);
    assert_eq!(told(json!({"url": "sftp://b"}), json!({})), [(Effect::Live, "url".to_owned())]);
    assert_eq!(told(json!({}), json!({"loggingRole": "l"})), [(Effect::Refused, "loggingRole".to_owned())]);
}

#[test]
fn what_cannot_be_cleared_holds_nothing_else_of_its_member_back() {
    let had = as2(json!({"messageSubject": "orders"}));
    let (rows, sent, blocks) =
        planned(&wanted(as2(json!({"compression": "DISABLED"}))), had, &["as2Config.messageSubject"]);
    assert_eq!(rows, ["Refused as2Config.messageSubject", "Live as2Config.compression"]);
    assert_eq!(blocks, [reasons::CANNOT_CLEAR]);
    let config = &sent["as2Config"];
    assert_eq!((&config["compression"], &config["messageSubject"]), (&json!("DISABLED"), &json!("orders")));
}
