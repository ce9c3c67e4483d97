#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use std::sync::Arc;

use super::*;
use crate::api::AwsIdentity;
use crate::api::condition::reasons;
use crate::api::status::NEVER_OBSERVED;
use crate::aws::account_clients::CallerIdentity;
use crate::cluster::{self, ClusterError};
use crate::kinds::identity::Identities;
use crate::kinds::login_fakes::*;
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

fn world() -> Arc<World> {
    let world = Arc::new(World::default());
    let caller = CallerIdentity { account: ACCOUNT.to_owned(), arn: "arn:aws:iam::1:user/x".to_owned() };
    *world.caller.lock().unwrap() = Some(Ok(caller));
    world
}

fn identities(world: &Arc<World>, installation: Installation) -> Identities {
    let orphans = Arc::new(Orphans::new(deps(world), settings(), installation.namespaces.clone()));
    Identities::new(deps(world), settings(), orphans, installation)
}

/// A reconcile, and what it wrote as the API server would store it; answers with how often it wrote.
async fn pass(identities: &Identities, world: &World, object: &mut AwsIdentity) -> usize {
    identities.reconcile(object).await.unwrap();
    let parts: Vec<Value> = world.statuses.lock().unwrap().drain(..).collect();
    for part in &parts {
        let stored = serde_json::to_value(object.status.clone().unwrap_or_default()).unwrap();
        object.status = serde_json::from_value(cluster::completed(part, &stored)).unwrap();
    }
    parts.len()
}

#[tokio::test(start_paused = true)]
async fn two_limited_installations_come_to_rest_and_each_edit_is_observed() {
    let world = world();
    let (a, b) = (identities(&world, limited("a")), identities(&world, limited("b")));
    let mut object = identity();
    let mut observed = Vec::new();
    for generation in 1..=3 {
        object.metadata.generation = Some(generation);
        let mut writes = 0;
        for _ in 0..5 {
            writes = pass(&b, &world, &mut object).await + pass(&a, &world, &mut object).await;
        }
        assert_eq!(writes, 0, "nobody writes over the other");
        observed.push(object.status.as_ref().unwrap().observed_generation);
    }
    assert_eq!(observed, [1, 2, 3]);
    // One of them is gone.
    object.metadata.generation = Some(4);
    pass(&b, &world, &mut object).await;
    let status = object.status.clone().unwrap();
    assert_eq!(status.observed_generation, 4, "tools that wait for it end");
    assert_eq!(condition::find(&status.conditions, types::READY).unwrap().reason, reasons::VERIFIED);
    let seen: Vec<_> =
        status.installations.iter().map(|entry| (entry.name.as_str(), entry.observed_generation)).collect();
    assert_eq!(seen, [("b", Some(4)), ("a", Some(3))]);

    // Its entry was removed by hand: nobody edited anything, and the other speaks.
    let mut orphaned = status.clone();
    orphaned.installations.retain(|entry| entry.name == "b");
    orphaned.conditions.clear();
    object.status = Some(orphaned);
    assert_eq!(pass(&b, &world, &mut object).await, 1);
    assert_eq!(object.status.unwrap().conditions, status.conditions);
}

#[tokio::test]
async fn a_plain_finalizer_goes_only_when_nobody_needs_the_identity() {
    let world = world();
    let a = limited("a");
    let identities = identities(&world, a.clone());
    let mut object = identity();
    object.metadata.deletion_timestamp = serde_json::from_value(json!("2030-01-01T00:00:00Z")).unwrap();
    object.metadata.finalizers = Some(vec![FINALIZER.to_owned(), a.finalizer.clone()]);
    let holder = json!({"kind": "TransferUser", "metadata": {"namespace": "of-b", "name": "x", "finalizers": [FINALIZER]},
        "status": {"awsIdentity": "default"}});
    let taken = || std::mem::take(&mut *world.finalizers.lock().unwrap());
    let told = |object: &AwsIdentity| {
        let (_, conditions) = a.said(object.status.as_ref().unwrap());
        let ready = condition::find(&conditions, types::READY).unwrap();
        assert_eq!(ready.reason, reasons::IN_USE);
        ready.message.clone()
    };

    pass(&identities, &world, &mut object).await;
    assert_eq!(taken(), [(a.finalizer.clone(), false)], "its own rests on its own objects alone");
    object.metadata.finalizers = Some(vec![FINALIZER.to_owned()]);
    *world.elsewhere.lock().unwrap() = Some(Ok(vec![holder]));
    pass(&identities, &world, &mut object).await;
    assert!(told(&object).contains("TransferUser of-b/x"), "{}", told(&object));
    *world.elsewhere.lock().unwrap() = Some(Err(ClusterError::Forbidden("list of transferservers".to_owned())));
    pass(&identities, &world, &mut object).await;
    assert!(told(&object).contains("may not look at (list of transferservers"), "{}", told(&object));
    assert!(taken().is_empty());

    *world.elsewhere.lock().unwrap() = None;
    let mut beside = object.clone();
    let all = Installation::new("", &[]);
    beside.status = Some(all.say(&object.status.clone().unwrap(), AwsIdentityStatus::default()));
    pass(&identities, &world, &mut beside).await;
    assert!(taken().is_empty(), "it is that of the installation that watches everything");
    pass(&identities, &world, &mut object).await;
    assert_eq!(taken(), [(FINALIZER.to_owned(), false)]);
}
