//! A Kustomization as `deploy/flux` has it, over the life of our objects.

use serde_json::{Value, json};

use super::{Flux, Person, told};
use crate::world::{World, condition, folder, identity, server, since, user};

struct Objects {
    default: Value,
    files: Value,
    alice: Value,
}

/// In an order in which each step has what it needs of the one before.
#[tokio::test]
async fn a_kustomization_waits_for_online_fails_fast_and_prunes_what_may_go() {
    let world = World::start().await;
    let flux = Flux::start(&world.plane).await;
    let person = Person { plane: &world.plane, flux: &flux, namespace: "flux-system" };
    let objects =
        Objects { default: identity("default"), files: server("files", &json!({})), alice: user("alice", &json!({})) };
    person.follow(&json!({})).await;
    it_is_done_when_the_server_is_online(&world, &person, &objects).await;
    the_second_time_nothing_is_changed(&world, &person).await;
    a_bad_spec_ends_the_wait(&world, &person, &objects).await;
    a_protected_server_is_not_pruned(&world, &person, &objects).await;
    an_identity_outlives_its_users(&world, &person, &objects).await;
}

async fn it_is_done_when_the_server_is_online(world: &World, person: &Person<'_>, objects: &Objects) {
    let Objects { default, files, alice } = objects;
    let made = person.publish(folder(&[default, files, alice]).path()).await;
    assert_eq!(told(&made).0, "ReconciliationSucceeded", "{made:#}");
    let live = world.get("transferserver", "files").await.unwrap();
    assert_eq!(live["status"]["state"], "ONLINE", "{live:#}");
    assert!(since(&made, "Ready") >= since(&live, "Ready"), "{made:#} before {live:#}");
}

async fn the_second_time_nothing_is_changed(world: &World, person: &Person<'_>) {
    let before = (world.applied().await, world.mutations().await);
    let again = person.again("kustomization").await;
    assert_eq!(told(&again).0, "ReconciliationSucceeded", "{again:#}");
    assert_eq!((world.applied().await, world.mutations().await), before);
}

/// What waits for something else is in progress for as long as that lasts, and does not hide what a person has to mend.
async fn a_bad_spec_ends_the_wait(world: &World, person: &Person<'_>, objects: &Objects) {
    let Objects { default, files, alice } = objects;
    let bad = user("bob", &json!({"role": "arn:aws:iam::123456789012:role/other"}));
    let waits = user("early", &json!({"serverRef": {"name": "absent"}}));
    let failed = person.publish(folder(&[default, files, alice, &bad, &waits]).path()).await;
    let (reason, message) = told(&failed);
    assert!(reason == "HealthCheckFailed" && message.contains("TransferUser/sftp/bob"), "{failed:#}");
    let bob = world.get("transferuser", "bob").await.unwrap();
    let late = since(&failed, "Ready").duration_since(since(&bob, "Stalled"));
    assert!(!late.is_negative(), "{failed:#} before {bob:#}");
    println!("Flux told of it {late:#} after it was Stalled");
    let early = world.get("transferuser", "early").await.unwrap();
    assert_eq!(condition(&early, "Reconciling").unwrap()["reason"], "ServerNotAvailable", "{early:#}");
}

async fn a_protected_server_is_not_pruned(world: &World, person: &Person<'_>, objects: &Objects) {
    let Objects { default, files: _, alice } = objects;
    let before = world.get("transferserver", "files").await.unwrap();
    let refused = person.publish(folder(&[default, alice]).path()).await;
    let (reason, message) = told(&refused);
    assert!(reason == "PruneFailed" && message.contains("sftp/files is protected from deletion"), "{refused:#}");
    let kept = world.get("transferserver", "files").await.unwrap();
    let identified =
        |object: &Value| (object["metadata"]["uid"].clone(), object["metadata"].get("deletionTimestamp").cloned());
    assert_eq!(identified(&kept), identified(&before));
    // Everything else went.
    world.gone("transferuser", "bob").await;
    world.gone("transferuser", "early").await;
}

async fn an_identity_outlives_its_users(world: &World, person: &Person<'_>, objects: &Objects) {
    let Objects { default, files: _, alice } = objects;
    let free = server("files", &json!({"lifecycle": {"deletionProtection": false}}));
    let freed = person.publish(folder(&[default, &free, alice]).path()).await;
    assert_eq!(told(&freed).0, "ReconciliationSucceeded", "{freed:#}");

    let without = person.publish(folder(&[&free, alice]).path()).await;
    assert_eq!(told(&without).0, "ReconciliationSucceeded", "{without:#}");
    let waits = world.get("awsidentity", "default").await.unwrap();
    assert!(waits["metadata"].get("deletionTimestamp").is_some(), "{waits:#}");
    assert_eq!(world.mutations_of("DeleteUser").await + world.mutations_of("DeleteServer").await, 0);

    let rest = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "rest", "namespace": "sftp"}});
    let over = person.publish(folder(&[&rest]).path()).await;
    assert_eq!(told(&over).0, "ReconciliationSucceeded", "{over:#}");
    for (kind, name) in [("transferuser", "alice"), ("transferserver", "files"), ("awsidentity", "default")] {
        world.gone(kind, name).await;
    }
    assert_eq!(world.mutations_of("DeleteUser").await + world.mutations_of("DeleteServer").await, 2);
}
