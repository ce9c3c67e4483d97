//! `force: true`, which `deploy/flux` warns of: Flux deletes what it cannot change, and makes it anew.

use serde_json::{Value, json};

use super::{Flux, Person, told};
use crate::world::{World, folder, identity, server, user};

#[tokio::test]
async fn force_replaces_an_unprotected_user_and_nothing_that_is_protected() {
    let world = World::start().await;
    let flux = Flux::start(&world.plane).await;
    let person = Person { plane: &world.plane, flux: &flux, namespace: "flux-system" };
    let mut default = identity("default");
    default["spec"]["deletionProtection"] = json!(true);
    let files = server("files", &json!({}));
    let alice = user("alice", &json!({"userName": "alice"}));
    let guarded = |more: Value| {
        let mut spec = json!({"lifecycle": {"deletionProtection": true}});
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        user("guarded", &spec)
    };
    person.follow(&json!({"force": true})).await;
    let all = [&default, &files, &alice, &guarded(json!({}))].map(Clone::clone);
    let made = person.publish(folder(&all.each_ref()).path()).await;
    assert_eq!(told(&made).0, "ReconciliationSucceeded", "{made:#}");

    let elsewhere = server("files", &json!({"region": "eu-west-1"}));
    let mut other = default.clone();
    other["spec"]["accountId"] = json!("210987654321");
    let slip = guarded(json!({"role": "writers"}));
    for (index, edited) in [(0, other), (1, elsewhere), (3, slip)] {
        it_stays(&world, &person, &all, index, &edited).await;
    }
    a_user_is_made_anew_and_a_slip_takes_it_away(&world, &person, &all).await;
}

/// The API server refuses the edit, then the deletion; Flux tells of both, and everything is as it was.
async fn it_stays(world: &World, person: &Person<'_>, all: &[Value; 4], index: usize, edited: &Value) {
    let kind = edited["kind"].as_str().unwrap();
    let name = edited["metadata"]["name"].as_str().unwrap();
    let (before, mutations) = (uid(world, kind, name).await.unwrap(), world.mutations().await);
    let mut objects = all.each_ref();
    objects[index] = edited;
    let refused = person.publish(folder(&objects).path()).await;
    let (reason, message) = told(&refused);
    assert_eq!(reason, "ReconciliationFailed", "{refused:#}");
    assert!(message.contains("immutable field detected, failed to delete object"), "{refused:#}");
    assert!(message.contains("is protected from deletion"), "{refused:#}");
    assert_eq!(uid(world, kind, name).await, Some(before));
    assert_eq!(world.mutations().await, mutations);
}

/// Flux takes whatever the API server refuses for a field that cannot change.
async fn a_user_is_made_anew_and_a_slip_takes_it_away(world: &World, person: &Person<'_>, all: &[Value; 4]) {
    let [default, files, _, guarded] = all;
    let before = uid(world, "transferuser", "alice").await;
    let renamed = user("alice", &json!({"userName": "alicia"}));
    let replaced = person.publish(folder(&[default, files, &renamed, guarded]).path()).await;
    assert_eq!(told(&replaced).0, "ReconciliationSucceeded", "{replaced:#}");
    let made = uid(world, "transferuser", "alice").await;
    assert!(made.is_some() && made != before, "{made:?}");
    assert_eq!(world.logins().await, ["alicia", "guarded"]);

    let slip = user("alice", &json!({"userName": "alicia", "role": "writers"}));
    let failed = person.publish(folder(&[default, files, &slip, guarded]).path()).await;
    let (reason, message) = told(&failed);
    assert!(reason == "ReconciliationFailed" && message.contains("spec.role"), "{failed:#}");
    assert_eq!(uid(world, "transferuser", "alice").await, None);
    assert_eq!(world.logins().await, ["guarded"]);
}

async fn uid(world: &World, kind: &str, name: &str) -> Option<Value> {
    world.get(kind, name).await.map(|object| object["metadata"]["uid"].clone())
}
