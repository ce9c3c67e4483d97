#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use std::sync::Arc;

use super::*;
use crate::api::TransferServer;
use crate::api::condition::reasons;
use crate::api::status::NEVER_OBSERVED;
use crate::aws::account_clients::CallerIdentity;
use crate::cluster::{ClusterError, Name};
use crate::engine::requeue::Requeue;
use crate::kinds::fakes::{ACCOUNT, NOW, REGION, World, object, settings};
use crate::kinds::identity::Identities;
use crate::kinds::orphans::Orphans;

fn limited(name: &str) -> Installation {
    Installation::new(name, &[format!("of-{name}")])
}

fn entry(name: &str, observed_generation: Option<i64>) -> IdentityInstallation {
    let Installation { name, namespaces, finalizer, .. } = limited(name);
    IdentityInstallation { name, namespaces, finalizer, observed_generation, conditions: Vec::new() }
}

fn condition(r#type: &str) -> Condition {
    let time = "2030-01-01T00:00:00Z";
    serde_json::from_value(
        json!({"type": r#type, "status": "True", "reason": "X", "message": "", "lastTransitionTime": time}),
    )
    .unwrap()
}

#[test]
fn one_speaks_for_all_and_the_status_itself_says_which() {
    let everything = IdentityInstallation { name: ALL.to_owned(), namespaces: Vec::new(), ..entry("x", None) };
    let rows = [
        (vec![entry("b", Some(1))], "b", "alone"),
        (vec![entry("b", Some(1)), entry("a", Some(1))], "a", "the first by name"),
        (vec![entry("a", Some(1)), entry("b", Some(2))], "b", "the other one is behind, or gone"),
        (vec![entry("a", Some(NEVER_OBSERVED)), entry("b", Some(1))], "b", "the other one saw nothing yet"),
        (vec![entry("a", Some(9)), everything], ALL, "who watches everything"),
    ];
    for (entries, expected, reason) in rows {
        for installation in [limited("a"), limited("b"), Installation::new("c", &[])] {
            assert_eq!(installation.speaks(&entries), installation.name == expected, "{reason}: {}", installation.name);
        }
    }
}

#[test]
fn each_limited_installation_has_a_lasting_finalizer_of_its_own() {
    let namespaces = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let (a, b) = (limited("a"), limited("b"));
    assert!(a.finalizer != b.finalizer && a.manager != b.manager);
    assert!(a.finalizer.starts_with("transfer-operator.dev/in-use-") && a.finalizer.len() < 63, "{}", a.finalizer);
    assert_eq!(Installation::new("n", &namespaces(&["x", "y"])), Installation::new("n", &namespaces(&["y", "x", "y"])));
    let all = Installation::new("a", &[]);
    assert_eq!((all.finalizer.as_str(), all.manager.as_str()), (FINALIZER, MANAGER));
}

#[test]
fn orphans_stand_with_the_installation_that_found_them() {
    let found = AwsIdentityStatus {
        observed_generation: 1,
        conditions: vec![condition("Ready"), condition("OrphansFound")],
        ..AwsIdentityStatus::default()
    };
    let types = |conditions: &[Condition]| conditions.iter().map(|c| c.type_.clone()).collect::<Vec<_>>();
    let (a, b, all) = (limited("a"), limited("b"), Installation::new("", &[]));
    let said = a.say(&AwsIdentityStatus::default(), found.clone());
    assert_eq!(types(&said.conditions), ["Ready"]);
    assert_eq!(types(&a.said(&said).1), ["Ready", "OrphansFound"]);
    assert_eq!(types(&b.said(&said).1), ["Ready"], "what is said for all is where another one begins");
    let clear = AwsIdentityStatus { conditions: vec![condition("Ready")], ..found.clone() };
    let both = b.say(&said, clear.clone());
    assert_eq!(types(&a.said(&both).1), ["Ready", "OrphansFound"], "the other one's stay");
    assert_eq!(b.part(&both).unwrap()["installations"].as_array().unwrap().len(), 1);
    assert_eq!(b.part(&both).unwrap()["conditions"], Value::Null, "it speaks for itself only");

    let all_said = all.say(&both, found);
    assert_eq!(types(&all_said.conditions), ["Ready", "OrphansFound"]);
    assert_eq!(all_said.installations.len(), 3, "entries of others stay");
    assert_eq!(all.part(&all_said).unwrap()["installations"].as_array().unwrap().len(), 1);
    let later = a.say(&all_said, clear);
    assert_eq!((&later.conditions, later.observed_generation), (&all_said.conditions, 1), "it speaks for all no more");
}

fn world() -> World {
    let world = World::open();
    let caller = CallerIdentity { account: ACCOUNT.to_owned(), arn: "arn:aws:iam::1:user/x".to_owned() };
    *world.aws.caller.lock().unwrap() = Some(Ok(caller));
    world
}

fn identities(world: &World, installation: Installation) -> Identities {
    let orphans = Arc::new(Orphans::new(world.deps.clone(), settings(), installation.namespaces.clone()));
    Identities::new(world.deps.clone(), settings(), orphans, installation)
}

/// A reconcile over the identity as it is stored; answers with how often it wrote.
async fn reconcile(identities: &Identities, world: &World) -> u32 {
    let before = *world.cluster.writes.lock().unwrap();
    identities.reconcile(&world.stored_identity().unwrap()).await.unwrap();
    *world.cluster.writes.lock().unwrap() - before
}

fn status(world: &World) -> AwsIdentityStatus {
    world.stored_identity().unwrap().status.unwrap()
}

fn write_status(world: &World, status: &AwsIdentityStatus) {
    world.edit_identity(|object| object["status"] = serde_json::to_value(status).unwrap());
}

#[tokio::test(start_paused = true)]
async fn two_limited_installations_come_to_rest_and_each_edit_is_observed() {
    let world = world();
    let (a, b) = (identities(&world, limited("a")), identities(&world, limited("b")));
    let edit = |generation: i64| world.edit_identity(|object| object["metadata"]["generation"] = json!(generation));
    let mut observed = Vec::new();
    for generation in 1..=3 {
        edit(generation);
        let mut writes = 0;
        for _ in 0..5 {
            writes = reconcile(&b, &world).await + reconcile(&a, &world).await;
        }
        assert_eq!(writes, 0, "nobody writes over the other");
        observed.push(status(&world).observed_generation);
    }
    assert_eq!(observed, [1, 2, 3]);
    // One of them is gone.
    edit(4);
    reconcile(&b, &world).await;
    let told = status(&world);
    assert_eq!(told.observed_generation, 4, "tools that wait for it end");
    assert_eq!(condition::find(&told.conditions, types::READY).unwrap().reason, reasons::VERIFIED);
    let seen: Vec<_> =
        told.installations.iter().map(|entry| (entry.name.as_str(), entry.observed_generation)).collect();
    assert_eq!(seen, [("b", Some(4)), ("a", Some(3))]);

    // Its entry was removed by hand: nobody edited anything, and the other speaks.
    let mut orphaned = told.clone();
    orphaned.installations.retain(|entry| entry.name == "b");
    orphaned.conditions.clear();
    write_status(&world, &orphaned);
    assert_eq!(reconcile(&b, &world).await, 1);
    assert_eq!(status(&world).conditions, told.conditions);
}

#[tokio::test]
async fn a_plain_finalizer_goes_only_when_nobody_needs_the_identity() {
    let world = world();
    let a = limited("a");
    world.cluster.watches.lock().unwrap().clone_from(&a.namespaces);
    let identities = identities(&world, a.clone());
    world.edit_identity(|object| {
        object["metadata"]["deletionTimestamp"] = json!(NOW);
        object["metadata"]["finalizers"] = json!([FINALIZER, a.finalizer]);
    });
    let finalizers = || world.stored_identity().unwrap().metadata.finalizers.unwrap();
    let told = || {
        let (_, conditions) = a.said(&status(&world));
        let ready = condition::find(&conditions, types::READY).unwrap();
        assert_eq!(ready.reason, reasons::IN_USE);
        ready.message.clone()
    };
    let name = Name { namespace: "of-b".to_owned(), name: "x".to_owned() };
    let holder = json!({"kind": "TransferUser", "metadata": {"namespace": "of-b", "name": "x", "finalizers": [FINALIZER]},
        "status": {"awsIdentity": "default"}});
    world.cluster.put(holder);

    reconcile(&identities, &world).await;
    assert_eq!(finalizers(), [FINALIZER], "its own rests on its own objects alone");
    reconcile(&identities, &world).await;
    assert!(told().contains("TransferUser of-b/x"), "{}", told());
    *world.cluster.elsewhere.lock().unwrap() = Some(ClusterError::Forbidden("list of transferservers".to_owned()));
    reconcile(&identities, &world).await;
    assert!(told().contains("may not look at (list of transferservers"), "{}", told());
    assert_eq!(finalizers(), [FINALIZER]);

    *world.cluster.elsewhere.lock().unwrap() = None;
    world.cluster.remove("TransferUser", &name);
    let before = status(&world);
    let all = Installation::new("", &[]);
    write_status(&world, &all.say(&before, AwsIdentityStatus::default()));
    reconcile(&identities, &world).await;
    assert_eq!(finalizers(), [FINALIZER], "it is that of the installation that watches everything");
    write_status(&world, &before);
    reconcile(&identities, &world).await;
    assert!(world.stored_identity().is_none(), "nobody held it any more");
}

#[tokio::test(start_paused = true)]
async fn who_may_only_read_an_identity_tells_by_events_and_holds_none() {
    let world = world();
    let a = limited("a");
    let identities = identities(&world, a.clone().writing(false));
    // Somebody needs it: who may write would hold it first.
    world.watch(&object::<TransferServer>("files", json!({"region": REGION}), Value::Null));
    let told = || -> Vec<String> {
        std::mem::take(&mut *world.cluster.notes.lock().unwrap()).into_iter().map(|note| note.reason).collect()
    };
    for _ in 0..3 {
        assert_eq!(reconcile(&identities, &world).await, 0);
    }
    assert_eq!(told(), [reasons::VERIFIED], "once");
    let another = CallerIdentity { account: "999999999999".to_owned(), arn: "arn:aws:iam::9:user/x".to_owned() };
    *world.aws.caller.lock().unwrap() = Some(Ok(another));
    world.edit_identity(|object| object["metadata"]["generation"] = json!(2));
    reconcile(&identities, &world).await;
    assert_eq!(told(), [reasons::ACCOUNT_MISMATCH]);
    world.edit_identity(|object| {
        object["metadata"]["deletionTimestamp"] = json!(NOW);
        object["metadata"]["finalizers"] = json!([a.finalizer, FINALIZER]);
    });
    assert_eq!(reconcile(&identities, &world).await, 0, "it may not even take its own off");
    assert!(world.stored_identity().unwrap().status.is_none());
    // Long after all that was due: nothing is done about what others hold.
    tokio::time::advance(std::time::Duration::from_hours(2)).await;
    assert_eq!(identities.reconcile(&world.stored_identity().unwrap()).await.unwrap(), Requeue::OnChange);
}

#[tokio::test(start_paused = true)]
async fn who_may_only_read_tells_once_of_an_identity_that_does_not_decode() {
    let world = world();
    let identities = identities(&world, limited("a").writing(false));
    let broken = |version: &str| {
        world.edit_identity(|object| {
            object["spec"]["accountId"] = json!(7);
            object["metadata"]["resourceVersion"] = json!(version);
        });
    };
    let told = || std::mem::take(&mut *world.cluster.notes.lock().unwrap()).len();
    let stored = world.stored_identity().unwrap();
    let (name, uid) = (Name::from(&stored.metadata), stored.metadata.uid.unwrap());
    for (version, expected) in [("100", [1, 0]), ("101", [1, 0])] {
        broken(version);
        for expected in expected {
            assert_eq!(identities.unread(&name, &uid).await.unwrap(), Requeue::OnChange);
            assert_eq!(told(), expected, "{version}");
        }
    }
    assert_eq!(*world.cluster.writes.lock().unwrap(), 0);
}
