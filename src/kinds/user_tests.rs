#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::needless_pass_by_value, reason = "json!() at the call reads better without a reference")]
use super::*;
use crate::aws::transfer::DeleteUser;
use crate::cluster::Name;
use crate::kinds::fakes::{ACCOUNT, CLUSTER, FIRST, NOW, REGION, ROLE, World, fault, owner_tags};
use crate::text::NotText;
use serde_json::{Value, from_value, json};
use std::collections::BTreeMap;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB";
const OTHER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC";

/// The object `namespace/name` with uid `uid-name`.
fn user(namespace: &str, name: &str, spec: Value, status: Value) -> TransferUser {
    let mut spec = spec;
    let members = spec.as_object_mut().unwrap();
    members.entry("role").or_insert(json!(ROLE));
    members.entry("serverRef").or_insert(json!({"name": "files", "namespace": "team"}));
    from_value(json!({
        "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "TransferUser",
        "metadata": {"name": name, "namespace": namespace, "uid": format!("uid-{name}"), "creationTimestamp": NOW},
        "spec": spec, "status": status
    }))
    .unwrap()
}

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn alice(spec: Value) -> TransferUser {
    user("team", "alice", spec, json!({"observedGeneration": -1}))
}

fn arn(name: &str) -> String {
    format!("arn:aws:transfer:{REGION}:{ACCOUNT}:user/{FIRST}/{name}")
}

fn confirmed_as(name: &str) -> Value {
    json!({"observedGeneration": 1, "accountId": ACCOUNT, "region": REGION, "awsIdentity": "default",
        "serverId": FIRST, "userName": name, "arn": arn(name)})
}

/// Alice as AWS has her, with keys and the tags of her object.
fn aws_alice(keys: &[&str]) -> User {
    let key = |(index, body): (usize, &&str)| crate::aws::transfer::SshPublicKey {
        id: format!("key-{index}"),
        body: (*body).to_owned(),
        date_imported: None,
    };
    let mut tags = owner_tags("alice");
    tags.insert("owner".to_owned(), "platform".to_owned());
    User {
        arn: arn("alice"),
        user_name: "alice".to_owned(),
        settings: from_value(json!({"role": ROLE, "homeDirectoryType": "PATH"})).unwrap(),
        ssh_public_keys: keys.iter().enumerate().map(key).collect(),
        tags,
    }
}

async fn blocked(world: &World, object: &TransferUser) -> Reason {
    match Users::new(world.deps.clone()).resolve(object).await {
        Ok(Err(block)) => block,
        other => panic!("{other:?}"),
    }
}

async fn planned(world: &World, object: &TransferUser, have: &User) -> (Vec<&'static str>, Vec<Reason>) {
    let users = Users::new(world.deps.clone());
    let target = users.resolve(object).await.unwrap().unwrap();
    let now = now();
    let wanted = users.want(object, &target, now).await.unwrap();
    let have = UserState { user: have.clone(), ours: true };
    let owner = Owner::new(CLUSTER, "team", "alice", "uid-alice");
    let plan = users.plan(object, &target, &wanted, &have, &owner, now);
    (plan.calls.iter().map(|call| call.mutation.operation()).collect(), [wanted.blocks, plan.blocks].concat())
}

#[tokio::test]
async fn a_user_that_is_as_wanted_needs_no_call() {
    let world = World::with_server("SERVICE_MANAGED");
    let object = alice(json!({"sshPublicKeys": [{"publicKey": KEY}]}));
    assert_eq!(planned(&world, &object, &aws_alice(&[KEY])).await, (vec![], vec![]));
}

#[tokio::test]
async fn keys_go_before_settings_and_tags() {
    let object = alice(json!({"homeDirectory": "/b", "tags": {"a": "1"}, "sshPublicKeys": [{"publicKey": KEY}]}));
    let (calls, blocks) = planned(&World::with_server("SERVICE_MANAGED"), &object, &aws_alice(&[KEY, OTHER])).await;
    assert_eq!(calls, ["DeleteSshPublicKey", "UpdateUser", "TagResource"]);
    assert!(blocks.is_empty());
}

#[tokio::test]
async fn a_role_that_is_not_granted_holds_the_login_and_no_key() {
    let spec = json!({"role": "arn:aws:iam::123456789012:role/admin", "homeDirectory": "/b",
        "sshPublicKeys": [{"publicKey": KEY}]});
    let world = World::with_server("SERVICE_MANAGED");
    let (calls, blocks) = planned(&world, &alice(spec), &aws_alice(&[KEY, OTHER])).await;
    assert_eq!(calls, ["DeleteSshPublicKey"]);
    assert_eq!(blocks[0].code, reasons::ROLE_NOT_GRANTED);
    assert!(blocks[1].message.contains("spec.homeDirectory not in force"), "{blocks:?}");
    let only_role = alice(json!({"role": "arn:aws:iam::123456789012:role/admin"}));
    assert!(planned(&world, &only_role, &aws_alice(&[])).await.0.is_empty(), "no call would be without it");
}

#[tokio::test]
async fn the_first_key_and_all_tags_go_with_the_create() {
    let world = World::with_server("SERVICE_MANAGED");
    let users = Users::new(world.deps.clone());
    let spec = json!({"userName": "Alice_1", "tags": {"owner": "team", "a": "1"}, "homeDirectory": "/b",
        "sshPublicKeys": [{"publicKey": KEY}, {"publicKey": OTHER}]});
    let object = alice(spec);
    let target = users.resolve(&object).await.unwrap().unwrap();
    let wanted = users.want(&object, &target, now()).await.unwrap();
    assert_eq!(wanted.applied.paths, ["homeDirectory", "role"]);
    assert_eq!(wanted.applied.tags, ["a", "owner"]);
    let owner = Owner::new(CLUSTER, "team", "alice", "uid-alice");
    let Mutation::CreateUser(call) = users.create(&object, &target, &wanted, &owner.tags("attempt-1")) else {
        panic!()
    };
    assert_eq!((call.server_id.as_str(), call.user_name.as_str()), (FIRST, "Alice_1"));
    assert_eq!(call.ssh_public_key_body.as_deref(), Some(KEY));
    assert_eq!(call.settings.role.as_deref(), Some(ROLE));
    assert_eq!(call.tags.get("owner").map(String::as_str), Some("team"), "the object's own tags win");
    assert_eq!(call.tags.get(crate::api::TAG_ATTEMPT).map(String::as_str), Some("attempt-1"));
}

#[tokio::test]
async fn more_tags_than_aws_takes_are_told_and_the_rest_goes_on() {
    // One more is the identity's.
    let tags: BTreeMap<String, String> = (0..46).map(|n| (format!("own-{n}"), String::new())).collect();
    let object = alice(json!({"tags": tags, "homeDirectory": "/b"}));
    let (calls, blocks) = planned(&World::with_server("SERVICE_MANAGED"), &object, &aws_alice(&[])).await;
    assert_eq!((calls, blocks[0].code, blocks[0].needs_person), (vec!["UpdateUser"], reasons::INVALID_SPEC, true));
    assert!(blocks[0].message.contains("spec.tags"), "{blocks:?}");
}

#[tokio::test]
async fn a_source_that_is_missing_empty_or_forbidden_blocks_and_deletes_nothing() {
    let world = World::with_server("SERVICE_MANAGED");
    let spec = json!({"sshPublicKeys": [{"publicKey": KEY}],
        "sshPublicKeysFrom": [{"configMapKeyRef": {"name": "keys", "key": "authorized_keys"}}]});
    let object = alice(spec);
    let name = Name { namespace: "team".to_owned(), name: "keys".to_owned() };
    let data = |key: &str, text: &str| BTreeMap::from([(key.to_owned(), Ok(text.to_owned()))]);
    for content in [
        None,
        Some(data("other", KEY)),
        Some(data("authorized_keys", " \n")),
        Some(data("authorized_keys", "\u{feff}\n")),
    ] {
        match content {
            None => world.cluster.config_maps.lock().unwrap().clear(),
            Some(data) => drop(world.cluster.config_maps.lock().unwrap().insert(name.clone(), data)),
        }
        let (calls, blocks) = planned(&world, &object, &aws_alice(&[OTHER])).await;
        assert_eq!(calls, ["ImportSshPublicKey"], "imports go on");
        assert_eq!((blocks[0].code, blocks[0].needs_person), (reasons::SOURCE_NOT_READY, false));
        assert!(blocks[0].message.contains("spec.sshPublicKeysFrom[0]"), "{blocks:?}");
    }
    world.cluster.config_maps.lock().unwrap().insert(name, data("authorized_keys", OTHER));
    assert_eq!(planned(&world, &object, &aws_alice(&[KEY, OTHER])).await, (vec![], vec![]));
    world.cluster.forbidden.lock().unwrap().insert("team".to_owned());
    let (calls, blocks) = planned(&world, &object, &aws_alice(&[KEY, OTHER])).await;
    assert_eq!((calls.len(), blocks[0].code), (0, reasons::SOURCE_NOT_READY));
}

#[tokio::test]
async fn a_source_that_is_no_text_is_told_for_what_it_is() {
    let world = World::with_server("SERVICE_MANAGED");
    let object = alice(json!({"sshPublicKeysFrom": [{"configMapKeyRef": {"name": "keys", "key": "team"}}]}));
    let name = Name { namespace: "team".to_owned(), name: "keys".to_owned() };
    for (what, told) in [(NotText::Utf16, "is UTF-16, not UTF-8"), (NotText::NotUtf8(3), "is not UTF-8 in line 3")] {
        world
            .cluster
            .config_maps
            .lock()
            .unwrap()
            .insert(name.clone(), BTreeMap::from([("team".to_owned(), Err(what))]));
        let (calls, blocks) = planned(&world, &object, &aws_alice(&[KEY, OTHER])).await;
        assert_eq!((calls.len(), blocks[0].code, blocks[0].needs_person), (0, reasons::SOURCE_NOT_READY, true));
        assert!(
            blocks[0].message.contains("ConfigMap team/keys has under key team ") && blocks[0].message.contains(told)
        );
    }
}

#[tokio::test]
async fn an_absent_shared_policy_holds_the_login_but_no_key_or_tag() {
    let world = World::with_server("SERVICE_MANAGED");
    let spec = json!({"homeDirectory": "/b", "policyFrom": {"configMapKeyRef": {"name": "p", "key": "json"}},
        "sshPublicKeys": [{"publicKey": KEY}], "tags": {"team": "a"}});
    let (calls, blocks) = planned(&world, &alice(spec.clone()), &aws_alice(&[])).await;
    assert_eq!((calls, blocks[0].code), (vec!["ImportSshPublicKey", "TagResource"], reasons::SOURCE_NOT_READY));
    let name = Name { namespace: "team".to_owned(), name: "p".to_owned() };
    world
        .cluster
        .config_maps
        .lock()
        .unwrap()
        .insert(name, BTreeMap::from([("json".to_owned(), Ok("\u{feff}{ }".to_owned()))]));
    let users = Users::new(world.deps.clone());
    let object = alice(spec);
    let target = users.resolve(&object).await.unwrap().unwrap();
    let wanted = users.want(&object, &target, now()).await.unwrap();
    assert!(wanted.blocks.is_empty());
    assert_eq!(wanted.want.login.settings.policy.as_deref(), Some("{}"));
}

#[tokio::test]
async fn a_bad_name_or_another_provider_blocks_before_any_look() {
    let managed = World::with_server("SERVICE_MANAGED");
    for (name, spec) in [
        ("al", json!({})),
        ("alice", json!({"userName": "a b c"})),
        ("alice", json!({"userName": "-abc"})),
        ("alice", json!({"userName": "älice"})),
    ] {
        let block = blocked(&managed, &user("team", name, spec, json!({"observedGeneration": -1}))).await;
        assert_eq!((block.code, block.needs_person), (reasons::INVALID_SPEC, true));
    }
    assert_eq!(managed.cloud.reads(), 0, "not one call");
    let block = blocked(&World::with_server("AWS_LAMBDA"), &alice(json!({}))).await;
    assert_eq!((block.code, block.needs_person), (reasons::INVALID_FOR_SERVER, true));
}

#[tokio::test]
async fn a_renamed_user_that_slipped_through_is_refused() {
    let object = user("team", "alice", json!({"userName": "bob"}), confirmed_as("alice"));
    let block = blocked(&World::with_server("SERVICE_MANAGED"), &object).await;
    assert_eq!(block.code, reasons::IMMUTABLE);
}

#[tokio::test]
async fn only_the_owner_tags_make_a_user_ours_and_confirm_it() {
    let world = World::with_server("SERVICE_MANAGED");
    let users = Users::new(world.deps.clone());
    let object = alice(json!({"sshPublicKeys": [{"publicKey": KEY}]}));
    let target = users.resolve(&object).await.unwrap().unwrap();
    let wanted = users.want(&object, &target, now()).await.unwrap();
    let foreign = User { tags: Owner::new(CLUSTER, "other", "alice", "someone").tags("attempt"), ..aws_alice(&[KEY]) };
    for (user, ours) in [(aws_alice(&[KEY]), true), (foreign, false)] {
        world.cloud.users().insert((FIRST.to_owned(), "alice".to_owned()), user);
        let Described::Found(have) = users.describe(&object, &target).await.unwrap() else { panic!() };
        assert_eq!(have.ours, ours);
        let mut status = TransferUserStatus::default();
        users.fill_status(&mut status, &target, Some(&wanted), &have);
        assert_eq!(status.confirmed(), ours);
        assert_eq!(status.ssh_public_keys[0].managed, ours);
        assert_eq!((status.ssh_public_key_count, status.server_id.as_deref()), (Some(1), Some(FIRST)));
    }
}

#[test]
fn an_arn_of_another_user_or_server_confirms_nothing() {
    let confirmed_by = |arn: &str| {
        let status: TransferUserStatus =
            from_value(json!({"observedGeneration": 1, "serverId": FIRST, "userName": "alice", "arn": arn})).unwrap();
        status.confirmed()
    };
    assert!(confirmed_by(&arn("alice")));
    assert!(!confirmed_by(&arn("malice")) && !confirmed_by(&arn("alice").replace(FIRST, "s-1")) && !confirmed_by(""));
}

#[tokio::test]
async fn missing_is_told_from_a_missing_server() {
    let world = World::with_server("SERVICE_MANAGED");
    let users = Users::new(world.deps.clone());
    let object = alice(json!({}));
    let target = users.resolve(&object).await.unwrap().unwrap();
    assert!(matches!(users.describe(&object, &target).await, Ok(Described::Missing)));
    let gone = AwsError { resource_type: Some("Server".to_owned()), ..fault("DescribeUser", AwsErrorKind::NotFound) };
    assert!(matches!(missing::<()>(&gone), Described::ParentMissing));
}

#[tokio::test]
async fn what_is_deleted_is_the_recorded_user_whatever_the_references_say() {
    let world = World::with_server("SERVICE_MANAGED");
    world.lister.remove("TransferServer", &Name { namespace: "team".to_owned(), name: "files".to_owned() });
    let mut object = user("team", "alice", json!({"userName": "bob"}), confirmed_as("alice"));
    object.metadata.deletion_timestamp = alice(json!({})).metadata.creation_timestamp;
    let users = Users::new(world.deps.clone());
    let target = users.resolve(&object).await.unwrap().unwrap();
    let Mutation::DeleteUser(DeleteUser { server_id, user_name }) = users.delete(&object, &target, None) else {
        panic!()
    };
    assert_eq!((server_id.as_str(), user_name.as_str()), (FIRST, "alice"));
    assert_eq!(users.arn(&object, &target, None), Some(arn("alice")));
}

/// Whom `me` is told to own its name, with `other` beside it.
async fn owner_beside(me: &TransferUser, other: TransferUser) -> Option<Reason> {
    let world = World::with_server("SERVICE_MANAGED");
    world.watch(me);
    world.watch(&other);
    match Users::new(world.deps.clone()).resolve(me).await {
        Ok(place) => place.err(),
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn of_two_objects_for_one_user_one_owns_it() {
    let new = || json!({"observedGeneration": -1});
    let me = || user("team", "alice", json!({}), new());
    let named =
        |namespace: &str, name: &str, status: Value| user(namespace, name, json!({"userName": "alice"}), status);
    let aged = |mut object: TransferUser, time: &str| {
        object.metadata.creation_timestamp = Some(from_value(json!(time)).unwrap());
        object
    };
    let held = |mut object: TransferUser| {
        object.metadata.finalizers = Some(vec![crate::api::FINALIZER.to_owned()]);
        object
    };
    let (before, after) = ("2025-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
    let observer =
        json!({"userName": "alice", "lifecycle": {"managementPolicy": "ObserveOnly", "deletionPolicy": "Retain"}});
    let elsewhere = json!({"userName": "alice", "serverRef": {"name": "other-files", "namespace": "team"}});
    let rows: Vec<(&str, TransferUser, TransferUser, bool)> = vec![
        ("the older one owns it", me(), aged(named("team", "zoe", new()), before), true),
        ("the younger one does not", me(), aged(named("team", "bob", new()), after), false),
        ("of the same age the lower uid", me(), named("team", "aaron", new()), true),
        ("of the same age the higher uid does not", me(), named("team", "bob", new()), false),
        (
            "who created it owns it, though younger",
            me(),
            aged(named("team", "bob", confirmed_as("alice")), after),
            true,
        ),
        ("who is about to create it owns it", me(), held(aged(named("team", "bob", new()), after)), true),
        (
            "I created it",
            user("team", "alice", json!({}), confirmed_as("alice")),
            aged(named("team", "bob", new()), before),
            false,
        ),
        ("I am about to create it", held(me()), aged(named("team", "bob", new()), before), false),
        ("a user of another name", me(), aged(user("team", "bob", json!({}), new()), before), false),
        ("one that only observes", me(), aged(user("team", "bob", observer, new()), before), false),
        ("one on another server", me(), aged(user("team", "bob", elsewhere, new()), before), false),
        ("one in a namespace without a grant", me(), aged(named("stranger", "bob", new()), before), false),
    ];
    for (reason, me, other, taken) in rows {
        let block = owner_beside(&me, other).await;
        assert_eq!(block.is_some(), taken, "{reason}: {block:?}");
        if let Some(block) = block {
            assert_eq!((block.code, block.needs_person), (reasons::USER_NAME_TAKEN, true), "{reason}");
        }
    }
}

#[tokio::test]
async fn a_name_that_is_about_to_be_free_is_waited_for() {
    let mut leaving = user("team", "bob", json!({"userName": "alice"}), confirmed_as("alice"));
    leaving.metadata.deletion_timestamp = leaving.metadata.creation_timestamp.clone();
    let block = owner_beside(&alice(json!({})), leaving).await.unwrap();
    assert!(!block.needs_person, "{block:?}");
}

#[tokio::test]
async fn a_user_called_root_is_worth_a_look() {
    let world = World::with_server("SERVICE_MANAGED");
    let (users, object) = (Users::new(world.deps.clone()), alice(json!({"sshPublicKeys": [{"publicKey": KEY}]})));
    let target = users.resolve(&object).await.unwrap().unwrap();
    let now = now();
    let wanted = users.want(&object, &target, now).await.unwrap();
    let advised = |name: &str| {
        let user = User { user_name: name.to_owned(), ..aws_alice(&[KEY]) };
        let owner = Owner::new(CLUSTER, "team", "alice", "uid-alice");
        users.plan(&object, &target, &wanted, &UserState { user, ours: true }, &owner, now).advice
    };
    assert_eq!(advised("alice"), []);
    assert!(matches!(&advised("root")[..], [Reason { code: reasons::ROOT_USER, .. }]), "{:?}", advised("root"));
}
