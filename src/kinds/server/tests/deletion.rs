//! What holds the deletion of a server back.

use serde_json::{Value, json};

use super::files;
use crate::api::{FINALIZER, Managed, TransferAccess, TransferUser};
use crate::aws::AwsErrorKind;
use crate::aws::transfer::{Access, Tags, User};
use crate::kinds::fakes::{FIRST, SECOND, World, object, owner_tags};
use crate::kinds::server::deletion_blockers::deletion_blockers;
use crate::kinds::server::unmanaged::LoginsSeen;

fn held<K: Managed>(name: &str, spec: Value, status: Value) -> K {
    let mut object: K = object(name, spec, status);
    object.meta_mut().finalizers = Some(vec![FINALIZER.to_owned()]);
    object
}

fn user(name: &str, spec: Value, status: Value) -> TransferUser {
    let mut all = json!({"role": "arn:aws:iam::123456789012:role/x"});
    all.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    held(name, all, status)
}

async fn blocked(world: &World) -> Option<String> {
    deletion_blockers(
        world.cluster.as_ref(),
        &LoginsSeen::default(),
        &files(json!(null)),
        &world.account(),
        Some(FIRST),
    )
    .await
    .unwrap()
}

/// AWS has the server with this provider.
fn provides(world: &World, provider: &str) {
    world.cloud.servers().get_mut(FIRST).unwrap().settings.identity_provider_type = Some(provider.to_owned());
}

/// A user of AWS that no object accounts for.
fn by_hand(world: &World, name: &str) {
    let user = User { user_name: name.to_owned(), ..User::default() };
    world.cloud.users().insert((FIRST.to_owned(), name.to_owned()), user);
}

#[tokio::test]
async fn every_object_that_may_have_something_on_the_server_is_named() {
    let reference = || json!({"serverRef": {"name": "files"}});
    let raw = |id: &str| json!({"serverId": id});
    let named = |name: &str, namespace: &str| json!({"serverRef": {"name": name, "namespace": namespace}});
    let rows = [
        (user("a", reference(), json!(null)), true, "by reference, in the same namespace"),
        (user("a", named("files", "team"), json!(null)), true, "by reference, with the namespace"),
        (user("a", raw(FIRST), json!(null)), true, "by id"),
        (user("a", named("other", "team"), json!({"serverId": FIRST})), true, "the reference moved, the user is here"),
        (user("a", named("other", "team"), json!(null)), false, "another server"),
        (user("a", named("files", "elsewhere"), json!(null)), false, "another namespace"),
        (user("a", raw(SECOND), json!(null)), false, "another id"),
        (
            TransferUser {
                metadata: object::<TransferUser>("a", json!({"role": "r"}), json!(null)).metadata,
                ..user("a", reference(), json!(null))
            },
            false,
            "never created anything",
        ),
    ];
    for (user, expected, reason) in rows {
        let world = World::open();
        world.store(&user);
        let blocked = blocked(&world).await;
        assert_eq!(blocked.is_some(), expected, "{reason}: {blocked:?}");
        assert!(!expected || blocked.unwrap().contains("TransferUser team/a"), "{reason}");
        let kept: Vec<String> = world.cloud.asked();
        assert_eq!(kept.is_empty(), expected, "{reason}: AWS is asked only when no object is left");
    }
}

#[tokio::test]
async fn three_names_are_shown_and_all_are_counted() {
    let world = World::open();
    for name in ["a", "b", "c", "d"] {
        world.store(&user(name, json!({"serverRef": {"name": "files"}}), json!(null)));
    }
    let spec = json!({"serverRef": {"name": "files"}, "role": "r", "externalId": "S-1-5"});
    world.store(&held::<TransferAccess>("z", spec, json!(null)));
    let message = blocked(&world).await.unwrap();
    assert!(
        message.contains("5 objects")
            && message.contains("TransferAccess team/z, TransferUser team/a, TransferUser team/b, …"),
        "{message}"
    );
}

#[tokio::test]
async fn an_object_that_cannot_be_read_leaves_it_to_the_list_of_aws() {
    let world = World::open();
    world.cluster.put(json!({"kind": "TransferUser", "spec": 7}));
    world.put(FIRST, owner_tags("files"));
    assert_eq!(blocked(&world).await, None);
    by_hand(&world, "somebody");
    assert!(blocked(&world).await.unwrap().contains("somebody"));
}

#[tokio::test]
async fn what_aws_has_and_no_object_accounts_for_is_named() {
    let world = World::open();
    world.put(FIRST, owner_tags("files"));
    by_hand(&world, "bob");
    provides(&world, "AWS_DIRECTORY_SERVICE");
    world.cloud.accesses().insert((FIRST.to_owned(), "S-1-5-21".to_owned()), Access::default());
    let rows = [
        ("SERVICE_MANAGED", Some("bob"), "ListUsers"),
        ("AWS_DIRECTORY_SERVICE", Some("S-1-5-21"), "ListAccesses"),
        ("AWS_LAMBDA", None, "ListAgreements"),
        ("API_GATEWAY", None, "ListAgreements"),
    ];
    for (provider, name, listing) in rows {
        provides(&world, provider);
        world.cloud.reads_since();
        let message = blocked(&world).await;
        assert_eq!(message.is_some(), name.is_some(), "{provider}");
        assert!(message.unwrap_or_default().contains(name.unwrap_or_default()), "{provider}");
        let listings: Vec<String> = world.cloud.asked().into_iter().filter(|read| read.starts_with("List")).collect();
        assert_eq!(listings, [format!("{listing} {FIRST}")], "{provider}: the other listing is refused by AWS");
    }
}

#[tokio::test]
async fn a_server_that_is_gone_holds_nothing_and_trouble_is_no_permission() {
    let world = World::open();
    assert_eq!(blocked(&world).await, None);
    world.put(FIRST, owner_tags("files"));
    world.cloud.faults.lock().unwrap().insert("ListUsers", AwsErrorKind::Throttled);
    assert!(
        deletion_blockers(
            world.cluster.as_ref(),
            &LoginsSeen::default(),
            &files(json!(null)),
            &world.account(),
            Some(FIRST)
        )
        .await
        .is_err()
    );
}

#[tokio::test]
async fn a_server_with_agreements_of_others_is_not_deleted() {
    let world = World::open();
    world.put(FIRST, owner_tags("files"));
    assert_eq!(blocked(&world).await, None);
    for last in 1..=4 {
        world.cloud.put_agreement(FIRST, &format!("a-0000000000000000{last}"), &Tags::new());
    }
    let message = blocked(&world).await.unwrap();
    assert!(message.contains("4 agreements") && message.contains("a-00000000000000003, …"), "{message}");
    let mut force = files(json!(null));
    force.spec.lifecycle.force_delete_users = true;
    let seen = LoginsSeen::default();
    let forced = deletion_blockers(world.cluster.as_ref(), &seen, &force, &world.account(), Some(FIRST)).await.unwrap();
    assert_eq!(forced, Some(message), "that is said of logins");
}

#[tokio::test]
async fn credentials_that_know_no_agreements_delete_what_speaks_no_as2() {
    let world = World::open();
    world.put(FIRST, owner_tags("files"));
    world.cloud.faults.lock().unwrap().insert("ListAgreements", AwsErrorKind::Denied);
    assert_eq!(blocked(&world).await, None);
    world.cloud.servers().get_mut(FIRST).unwrap().settings.protocols = Some(vec!["AS2".to_owned()]);
    let (seen, account) = (LoginsSeen::default(), world.account());
    let files = files(json!(null));
    assert!(deletion_blockers(world.cluster.as_ref(), &seen, &files, &account, Some(FIRST)).await.is_err());
}
