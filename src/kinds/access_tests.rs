#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::needless_pass_by_value, reason = "json!() at the call reads better without a reference")]
use super::*;
use crate::aws::Answer;
use crate::aws::transfer::{DeleteAccess, UpdateAccess};
use crate::kinds::fakes::{ACCOUNT, CLUSTER, FIRST, NOW, REGION, ROLE, World};
use serde_json::{Value, from_value, json};

const GROUP: &str = "S-1-5-21";
const OLD: &str = "arn:aws:iam::123456789012:role/old";

fn access(name: &str, spec: Value, status: Value) -> TransferAccess {
    let mut spec = spec;
    let members = spec.as_object_mut().unwrap();
    members.entry("role").or_insert(json!(ROLE));
    members.entry("externalId").or_insert(json!(GROUP));
    members.entry("serverRef").or_insert(json!({"name": "files"}));
    from_value(json!({
        "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "TransferAccess",
        "metadata": {"name": name, "namespace": "team", "uid": format!("uid-{name}"), "creationTimestamp": NOW},
        "spec": spec, "status": status
    }))
    .unwrap()
}

fn fresh(spec: Value) -> TransferAccess {
    access("finance", spec, json!({"observedGeneration": -1}))
}

fn created() -> Value {
    json!({"observedGeneration": 1, "accountId": ACCOUNT, "region": REGION, "awsIdentity": "default",
        "serverId": FIRST, "externalId": GROUP,
        "create": {"uid": "uid-finance", "phase": "None", "attempt": "a", "startedAt": NOW}})
}

/// AWS has the group with these settings.
fn holds(world: &World, settings: Value) {
    let access = Access { external_id: GROUP.to_owned(), settings: from_value(settings).unwrap() };
    world.cloud.accesses().insert((FIRST.to_owned(), GROUP.to_owned()), access);
}

/// Whether AWS shows roles of accesses at all.
fn shows_roles(world: &World, shown: bool) {
    world.cloud.sim().config.access_role = shown;
}

/// A description without the role.
fn nameless(answer: &mut Answer) {
    let Answer::Access(access) = answer else { panic!("{answer:?}") };
    access.settings.role = None;
}

/// What the kind sees in AWS and sends for it.
async fn planned(world: &World, object: &TransferAccess) -> Plan {
    let accesses = Accesses::new(world.deps.clone());
    let target = accesses.resolve(object).await.unwrap().unwrap();
    let wanted = accesses.want(object, &target, NOW.parse().unwrap()).await.unwrap();
    let Described::Found(have) = accesses.describe(object, &target).await.unwrap() else { panic!() };
    accesses.plan(
        object,
        &target,
        &wanted,
        &have,
        &Owner::new(CLUSTER, "team", "finance", "uid-finance"),
        Timestamp::UNIX_EPOCH,
    )
}

/// Users of other tools, peers.md C 28: accesses are tried without a directory.
#[tokio::test]
async fn a_role_that_aws_does_not_describe_is_taken_from_the_listing() {
    let world = World::with_server("AWS_DIRECTORY_SERVICE");
    world.cloud.changes.lock().unwrap().insert("DescribeAccess", Box::new(nameless));
    for (listed, calls) in [(Some(ROLE), 0), (None, 0), (Some(OLD), 1)] {
        holds(&world, json!({"role": listed.unwrap_or(ROLE)}));
        shows_roles(&world, listed.is_some());
        let plan = planned(&world, &fresh(json!({}))).await;
        assert_eq!(plan.calls.len(), calls, "{listed:?}");
    }
    world.cloud.changes.lock().unwrap().clear();
    let Plan { calls, .. } = planned(&world, &fresh(json!({}))).await;
    let [call] = calls.as_slice() else { panic!("{calls:?}") };
    let Mutation::UpdateAccess(UpdateAccess { server_id, external_id, settings }) = &call.mutation else {
        panic!("{call:?}")
    };
    assert_eq!((server_id.as_str(), external_id.as_str()), (FIRST, GROUP));
    assert_eq!(settings.role.as_deref(), Some(ROLE));
}

#[tokio::test]
async fn an_edit_of_a_role_that_aws_never_shows_is_done_once_accepted() {
    let world = World::with_server("AWS_DIRECTORY_SERVICE");
    let applied = |role: &str| {
        let mut status = created();
        status["applied"] = json!({"hashes": {"role": keyed("uid-finance", role)}});
        access("finance", json!({}), status)
    };
    for (shown, recorded, calls) in [(false, OLD, 1), (false, ROLE, 0), (true, OLD, 0)] {
        shows_roles(&world, true);
        holds(&world, json!({"role": ROLE}));
        shows_roles(&world, shown);
        let plan = planned(&world, &applied(recorded)).await;
        assert_eq!(plan.calls.len(), calls, "{shown} {recorded}");
        assert!(plan.calls.iter().all(|call| call.unseen != shown));
    }
    shows_roles(&world, false);
    holds(&world, json!({"homeDirectory": "/b/other"}));
    let mut both = applied(OLD);
    both.spec.login.home_directory = Some("/b/a".to_owned());
    let plan = planned(&world, &both).await;
    assert!(!plan.calls.is_empty() && plan.calls.iter().all(|call| !call.unseen), "the other change will show");
}

#[tokio::test]
async fn accesses_need_a_directory() {
    let accesses = Accesses::new(World::with_server("SERVICE_MANAGED").deps.clone());
    let Ok(Err(block)) = accesses.resolve(&fresh(json!({}))).await else { panic!() };
    assert_eq!((block.code, block.needs_person), (reasons::INVALID_FOR_SERVER, true));
}

#[test]
fn only_the_record_of_a_create_that_was_not_refused_confirms() {
    let status = |change: fn(&mut Value)| {
        let mut status = created();
        change(&mut status);
        from_value::<TransferAccessStatus>(status).unwrap().confirmed()
    };
    assert!(status(|_| ()));
    assert!(!status(|status| status["create"]["phase"] = json!("Rejected")));
    assert!(!status(|status| drop(status["create"].as_object_mut().unwrap().remove("attempt"))));
    assert!(!status(|status| drop(status.as_object_mut().unwrap().remove("create"))));
    assert!(!status(|status| drop(status.as_object_mut().unwrap().remove("externalId"))));
}

#[tokio::test]
async fn of_two_objects_for_one_group_the_older_one_owns_it() {
    let world = World::with_server("AWS_DIRECTORY_SERVICE");
    let older = access("a-first", json!({}), json!({"observedGeneration": -1}));
    world.watch(&older);
    world.watch(&fresh(json!({})));
    let accesses = Accesses::new(world.deps.clone());
    let Ok(Err(block)) = accesses.resolve(&fresh(json!({}))).await else { panic!() };
    assert_eq!((block.code, block.needs_person), (reasons::EXTERNAL_ID_TAKEN, true));
    assert!(accesses.resolve(&older).await.unwrap().is_ok());
}

#[tokio::test]
async fn what_is_deleted_is_the_recorded_group() {
    let world = World::with_server("AWS_DIRECTORY_SERVICE");
    let mut object = access("finance", json!({"externalId": "S-1-9"}), created());
    let accesses = Accesses::new(world.deps.clone());
    let Ok(Err(block)) = accesses.resolve(&object).await else { panic!() };
    assert_eq!(block.code, reasons::IMMUTABLE);
    object.metadata.deletion_timestamp = object.metadata.creation_timestamp.clone();
    let target = accesses.resolve(&object).await.unwrap().unwrap();
    let Mutation::DeleteAccess(DeleteAccess { external_id, .. }) = accesses.delete(&object, &target, None) else {
        panic!()
    };
    assert_eq!(external_id, GROUP);
}
