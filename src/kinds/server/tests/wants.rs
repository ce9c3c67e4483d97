//! From the spec to what is wanted: roles, Secrets, tags, what this version does not do.

use std::collections::BTreeMap;

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::api::condition::reasons;
use crate::api::{self, HOST_KEY_SECRET_TYPE, TransferServer};
use crate::aws::Mutation;
use crate::aws::transfer::{CreateServer, Tags};
use crate::cluster::Name;
use crate::engine::kind::{Kind, Target, Wanted};
use crate::engine::reason::Reason;
use crate::kinds::fakes::{ACCOUNT, NOW, REGION, World, object};
use crate::kinds::server::Servers;
use crate::kinds::server::wanted::WantedServer;

const ED25519: &str = include_str!("../../../../tests/fixtures/keys/openssh-ed25519");
const RSA: &str = include_str!("../../../../tests/fixtures/keys/openssh-rsa2048");
const ENCRYPTED: &str = include_str!("../../../../tests/fixtures/keys/refused/encrypted-openssh");

fn server(spec: Value) -> TransferServer {
    let mut all = json!({"region": REGION});
    all.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    object("files", all, json!(null))
}

async fn wanted_of(
    world: &World,
    object: &TransferServer,
) -> (Wanted<WantedServer>, Target<<Servers as Kind>::TargetDetail>) {
    let servers = Servers::new(world.deps.clone());
    let target = servers.resolve(object).await.unwrap().unwrap();
    (servers.want(object, &target, NOW.parse().unwrap()).await.unwrap(), target)
}

async fn blocks(world: &World, object: &TransferServer) -> Vec<Reason> {
    wanted_of(world, object).await.0.blocks
}

async fn create(world: &World, object: &TransferServer) -> CreateServer {
    let (wanted, target) = wanted_of(world, object).await;
    assert!(wanted.blocks.is_empty(), "{:?}", wanted.blocks);
    let owner = Tags::from([(api::TAG_UID.to_owned(), "uid-files".to_owned())]);
    match Servers::new(world.deps.clone()).create(object, &target, &wanted, &owner) {
        Mutation::CreateServer(create) => *create,
        other => panic!("{other:?}"),
    }
}

fn secret(world: &World, name: &str, kind: &str, key: &str, value: &str) {
    let name = Name { namespace: "team".to_owned(), name: name.to_owned() };
    let data = BTreeMap::from([(key.to_owned(), value.to_owned())]);
    world.cluster.secrets.lock().unwrap().insert(name, (kind.to_owned(), data));
}

fn with_keys(names: &[&str]) -> TransferServer {
    let keys: Vec<Value> = names.iter().map(|name| json!({"name": name, "secretKeyRef": {"name": name}})).collect();
    server(json!({"hostKeys": keys}))
}

#[tokio::test]
async fn every_role_must_be_granted_and_is_named_where_it_is_not() {
    let all = json!({"from": "All"});
    let world = World::with_grants(json!([{"name": "x", "kinds": ["TransferServer"], "namespaces": all,
        "roleArns": [format!("arn:aws:iam::{ACCOUNT}:role/{{namespace}}/*")]}]));
    let role = |path: &str| format!("arn:aws:iam::{ACCOUNT}:role/{path}");
    let spec = |namespace: &str| {
        let workflow =
            |name: &str| json!([{"workflowId": "w-1", "executionRole": role(&format!("{namespace}/{name}"))}]);
        server(json!({
            "loggingRole": role(&format!("{namespace}/log")),
            "identityProviderType": "API_GATEWAY",
            "identityProviderDetails": {"url": "https://a", "invocationRole": role(&format!("{namespace}/call"))},
            "workflowDetails": {"onUpload": workflow("up"), "onPartialUpload": workflow("part")},
        }))
    };
    assert!(blocks(&world, &spec("team")).await.is_empty());
    let (wanted, _) = wanted_of(&world, &spec("team-b")).await;
    let paths = [
        "loggingRole",
        "identityProviderDetails.invocationRole",
        "workflowDetails.onUpload",
        "workflowDetails.onPartialUpload",
    ];
    assert_eq!(wanted.want.ungranted, paths);
    for (block, path) in wanted.blocks.iter().zip(paths) {
        assert_eq!((block.code, block.needs_person), (reasons::ROLE_NOT_GRANTED, true));
        assert!(block.message.contains(&format!("spec.{path}")), "{}", block.message);
        assert!(!wanted.applied.paths.contains(&path.to_owned()), "{path}: not sent, so never ours to clear");
    }
}

#[tokio::test]
async fn host_keys_come_from_secrets_of_our_type_in_the_same_namespace() {
    let world = World::open();
    secret(&world, "good", HOST_KEY_SECRET_TYPE, "ssh-privatekey", ED25519);
    let (wanted, _) = wanted_of(&world, &with_keys(&["good"])).await;
    assert!(wanted.blocks.is_empty() && wanted.want.host_keys_complete, "{:?}", wanted.blocks);
    let keys = wanted.want.host_keys.unwrap();
    assert_eq!(keys[0].fingerprint, "SHA256:KS1QW2D8k6LP1s7mn6BF91X5/qweoTSz6AGjU8Kh+ps");
}

#[tokio::test]
async fn a_secret_that_cannot_be_used_is_told_without_its_content() {
    let world = World::open();
    secret(&world, "opaque", "Opaque", "ssh-privatekey", ED25519);
    secret(&world, "other-key", HOST_KEY_SECRET_TYPE, "other", ED25519);
    secret(&world, "encrypted", HOST_KEY_SECRET_TYPE, "ssh-privatekey", ENCRYPTED);
    secret(&world, "garbage", HOST_KEY_SECRET_TYPE, "ssh-privatekey", "do-not-show-this");
    secret(&world, "good", HOST_KEY_SECRET_TYPE, "ssh-privatekey", ED25519);
    secret(&world, "again", HOST_KEY_SECRET_TYPE, "ssh-privatekey", ED25519);
    let rows: &[(&[&str], &str, bool)] = &[
        (&["absent"], reasons::SOURCE_NOT_READY, false),
        (&["opaque"], reasons::WRONG_SECRET_TYPE, true),
        (&["other-key"], reasons::SOURCE_NOT_READY, false),
        (&["encrypted"], reasons::INVALID_KEY, true),
        (&["garbage"], reasons::INVALID_KEY, true),
        (&["good", "again"], reasons::INVALID_KEY, true),
    ];
    for (names, reason, stalled) in rows {
        let (wanted, _) = wanted_of(&world, &with_keys(names)).await;
        let [block] = wanted.blocks.as_slice() else { panic!("{names:?}: {:?}", wanted.blocks) };
        assert_eq!((block.code, block.needs_person), (*reason, *stalled), "{names:?}");
        let last = names.last().unwrap();
        assert!(block.message.contains(&format!("spec.hostKeys[{last}]")), "{}", block.message);
        assert!(!wanted.want.host_keys_complete, "{names:?}: nothing is removed on this ground");
        let told = format!("{wanted:?}");
        assert!(!told.contains("do-not-show-this") && !told.contains("PRIVATE KEY"), "{names:?}");
    }
}

#[tokio::test]
async fn a_namespace_whose_secrets_may_not_be_read_is_told_so() {
    let world = World::open();
    world.cluster.forbidden.lock().unwrap().insert("team".to_owned());
    let found = blocks(&world, &with_keys(&["any"])).await;
    assert_eq!((found[0].code, found[0].needs_person), (reasons::SOURCE_NOT_READY, true));
}

#[tokio::test]
async fn the_first_host_key_and_all_tags_go_into_the_create() {
    let world = World::open();
    secret(&world, "first", HOST_KEY_SECRET_TYPE, "ssh-privatekey", ED25519);
    secret(&world, "second", HOST_KEY_SECRET_TYPE, "ssh-privatekey", RSA);
    let mut object = with_keys(&["first", "second"]);
    object.spec.host_key_storage_type = Some("SECRETS_MANAGER".to_owned());
    object.spec.domain = Some("EFS".to_owned());
    object.spec.pre_authentication_login_banner = Some("hello".to_owned());
    object.spec.tags = BTreeMap::from([("a".to_owned(), "1".to_owned())]);
    let sent = create(&world, &object).await;
    assert_eq!(sent.host_key.unwrap().expose_secret(), ED25519);
    assert_eq!(sent.host_key_storage_type.as_deref(), Some("SECRETS_MANAGER"));
    assert_eq!(sent.domain.as_deref(), Some("EFS"));
    assert_eq!(sent.settings.pre_authentication_login_banner.as_deref(), Some("hello"));
    let keys: Vec<&str> = sent.tags.keys().map(String::as_str).collect();
    assert_eq!(keys, ["a", api::TAG_UID]);

    let key = &mut object.spec.host_keys.as_mut().unwrap()[0];
    (key.storage_type, key.kms_key) = (Some("SECRETS_MANAGER".to_owned()), Some("arn:kms".to_owned()));
    let sent = create(&world, &object).await;
    assert_eq!(sent.host_key_storage_type, None, "a create takes no KMS key: the key is moved to it afterwards");
}

/// Users of other tools, peers.md C 5: a host name of your own is a field.
#[tokio::test]
async fn the_specs_tags_win_over_the_identitys_and_nobody_sets_ours() {
    let world = World::open();
    let identity_tags = [("owner", "platform"), ("team", "platform"), ("Transfer-Operator.dev/uid", "forged")];
    let tags = identity_tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    world.identity(|identity| identity.spec.tags = tags);
    let object = server(json!({"tags": {"team": "a", "transfer-operator.dev/uid": "forged"},
        "customHostname": {"hostname": "sftp.example.com", "hostedZoneId": "Z1"}}));
    let (wanted, _) = wanted_of(&world, &object).await;
    let expected = [
        ("owner", "platform"),
        ("team", "a"),
        ("transfer:customHostname", "sftp.example.com"),
        ("transfer:route53HostedZoneId", "/hostedzone/Z1"),
    ];
    let tags: Vec<(&str, &str)> = wanted.want.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(tags, expected);
    assert_eq!(wanted.applied.tags, expected.map(|(key, _)| key));
}

#[tokio::test]
async fn more_tags_together_than_aws_takes_hold_a_create() {
    let world = World::open();
    let tags = (0..30).map(|n| (format!("identity-{n}"), String::new())).collect();
    world.identity(|identity| identity.spec.tags = tags);
    for (own, fits) in [(14, true), (15, false)] {
        let own: BTreeMap<String, String> = (0..own).map(|n| (format!("own-{n}"), String::new())).collect();
        let object = server(json!({"tags": own, "customHostname": {"hostname": "h", "hostedZoneId": "Z1"}}));
        let found = blocks(&world, &object).await;
        assert_eq!(found.iter().map(|block| block.code).collect::<Vec<_>>().is_empty(), fits, "{found:?}");
        assert!(found.iter().all(|block| block.code == reasons::INVALID_SPEC && block.message.contains("spec.tags")));
    }
}

#[tokio::test]
async fn what_aws_never_returns_is_remembered_as_a_hash_of_this_object() {
    let world = World::open();
    let hash = async |groups: Value, uid: &str| {
        let mut object =
            server(json!({"endpointType": "VPC", "endpointDetails": {"vpcId": "v", "securityGroupIds": groups}}));
        object.metadata.uid = Some(uid.to_owned());
        let (wanted, _) = wanted_of(&world, &object).await;
        wanted.applied.hashes.get("endpointDetails.securityGroupIds").cloned().unwrap()
    };
    let one = hash(json!(["sg-1", "sg-2"]), "u1").await;
    assert_eq!(one, hash(json!(["sg-2", "sg-1"]), "u1").await, "a set");
    assert_ne!(one, hash(json!(["sg-1"]), "u1").await, "an edit");
    assert_ne!(one, hash(json!(["sg-1", "sg-2"]), "u2").await, "the same groups of another object");
    assert!(!one.contains("sg-"), "{one}");
}

#[tokio::test]
async fn applied_names_what_is_sent_in_the_order_in_which_status_keeps_it() {
    let world = World::open();
    secret(&world, "k", HOST_KEY_SECRET_TYPE, "ssh-privatekey", ED25519);
    let object = server(json!({"protocols": ["SFTP"], "certificate": "arn:c", "hostKeys": [
        {"name": "k", "secretKeyRef": {"name": "k"}, "description": "d", "tags": {"t": "1"}}]}));
    let (wanted, _) = wanted_of(&world, &object).await;
    assert_eq!(wanted.applied.paths, ["certificate", "hostKeys[k].description", "hostKeys[k].tags[t]", "protocols"]);
}

#[tokio::test]
async fn no_server_is_made_for_as2_without_its_transport() {
    let world = World::open();
    let spec = |details: Value| server(json!({"protocols": ["SFTP", "AS2"], "protocolDetails": details}));
    let found = blocks(&world, &spec(json!({"setStatOption": "DEFAULT"}))).await;
    assert_eq!(found.iter().map(|block| block.code).collect::<Vec<_>>(), [reasons::INVALID_SPEC]);
    assert_eq!(blocks(&world, &spec(json!({"as2Transports": ["HTTP"]}))).await, Vec::new());
}
