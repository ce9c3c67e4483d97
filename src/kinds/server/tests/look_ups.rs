//! Looking owner tags up: complete or not at all, shared where that proves as much.

use std::sync::Arc;

use super::owner;
use crate::api;
use crate::aws::types::Server;
use crate::aws::{Account, FaultKind};
use crate::engine::evidence::Candidate;
use crate::engine::owner::Owner;
use crate::kinds::fakes::{ACCOUNT, CLUSTER, World, owned};
use crate::kinds::server::look_up::LookUps;

fn of(uid: &str) -> Owner {
    Owner::new(CLUSTER, "team", "files", uid)
}

fn tagged(id: &str, owner: &Owner) -> Server {
    Server { tags: owner.tags("attempt"), ..owned(id, "x") }
}

fn described(world: &World) -> usize {
    world.transfer.reads().iter().filter(|read| read.starts_with("DescribeServer")).count()
}

#[tokio::test]
async fn servers_are_told_apart_by_their_tags() {
    let world = World::open();
    let looks = LookUps::default();
    world.transfer.put(owned("s-1", "files"));
    world.transfer.put(tagged("s-2", &of("uid-of-a-former-life")));
    world.transfer.put(tagged("s-3", &Owner::new("cluster-2", "team", "files", "uid-files")));
    world.transfer.put(owned("s-4", "other"));
    world.transfer.put(Server { tags: [].into(), ..owned("s-5", "files") });
    let found = looks.look_up(&world.account(), &owner()).await.unwrap();
    assert_eq!(found.ours, [Candidate { id: "s-1".to_owned(), attempt: Some("attempt".to_owned()) }]);
    assert_eq!(found.former, ["s-2"]);
    assert_eq!(found.other_cluster, ["s-3"]);
}

#[tokio::test]
async fn a_look_that_is_not_complete_is_none() {
    for (operation, kind) in [
        ("ListServers", FaultKind::Throttled),
        ("DescribeServer", FaultKind::Denied),
        ("DescribeServer", FaultKind::Lost),
    ] {
        let world = World::open();
        world.transfer.put(owned("s-1", "files"));
        world.transfer.faults.lock().unwrap().insert(operation, kind);
        let fault = LookUps::default().look_up(&world.account(), &owner()).await.unwrap_err();
        assert_eq!(fault.kind, kind, "{operation}");
    }
    let world = World::open();
    world.transfer.put(owned("s-1", "files"));
    world.transfer.vanishing.lock().unwrap().insert("s-2".to_owned());
    let fault = LookUps::default().look_up(&world.account(), &owner()).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Unavailable, "listed and not there is no proof of absence");
}

#[tokio::test]
async fn a_server_of_somebody_else_is_described_once() {
    let world = World::open();
    let looks = LookUps::default();
    world.transfer.put(owned("s-1", "other"));
    world.transfer.put(Server { tags: [].into(), ..owned("s-2", "files") });
    for _ in 0..3 {
        looks.look_up(&world.account(), &owner()).await.unwrap();
    }
    assert_eq!(described(&world), 1 + 3, "untagged ones every time: tags may be put back by hand");
}

#[tokio::test]
async fn what_was_foreign_to_one_object_may_be_the_former_or_own_server_of_another() {
    let world = World::open();
    let looks = LookUps::default();
    world.transfer.put(tagged("s-1", &of("uid-1")));
    let stranger = Owner::new(CLUSTER, "team", "other", "uid-other");
    assert_eq!(looks.look_up(&world.account(), &stranger).await.unwrap(), Default::default());
    assert_eq!(looks.look_up(&world.account(), &of("uid-2")).await.unwrap().former, ["s-1"]);
    assert_eq!(looks.look_up(&world.account(), &of("uid-1")).await.unwrap().ours.len(), 1);
}

#[tokio::test]
async fn an_own_server_whose_tags_were_stripped_since_is_not_found_by_what_is_remembered() {
    let world = World::open();
    let looks = LookUps::default();
    world.transfer.put(owned("s-1", "files"));
    assert_eq!(looks.look_up(&world.account(), &owner()).await.unwrap().ours.len(), 1);
    let mut stripped = owned("s-1", "files");
    stripped.tags.remove(api::TAG_UID);
    world.transfer.put(stripped);
    assert!(looks.look_up(&world.account(), &owner()).await.unwrap().ours.is_empty());
}

#[tokio::test]
async fn of_a_server_that_is_no_longer_listed_nothing_is_remembered_and_of_another_region_all() {
    let world = World::open();
    let looks = LookUps::default();
    let elsewhere = world.aws.of(ACCOUNT, "us-east-1");
    looks.note(&elsewhere, "s-9", &owned("s-9", "other").tags);
    for id in ["s-1", "s-2"] {
        world.transfer.put(owned(id, "other"));
    }
    looks.look_up(&world.account(), &owner()).await.unwrap();
    assert_eq!(looks.remembered(), ["s-1", "s-2", "s-9"]);
    world.transfer.servers.lock().unwrap().remove("s-1");
    world.transfer.faults.lock().unwrap().insert("ListServers", FaultKind::Throttled);
    looks.look_up(&world.account(), &owner()).await.unwrap_err();
    assert_eq!(looks.remembered(), ["s-1", "s-2", "s-9"], "only a complete listing tells");
    world.transfer.faults.lock().unwrap().clear();
    looks.look_up(&world.account(), &owner()).await.unwrap();
    assert_eq!(looks.remembered(), ["s-2", "s-9"]);
}

/// Starts a look that stops at its listing.
async fn start(world: &World, looks: &Arc<LookUps>, account: &Account, so_far: usize) -> tokio::task::JoinHandle<()> {
    let (looks, account) = (Arc::clone(looks), account.clone());
    let task = tokio::spawn(async move { drop(looks.look_up(&account, &owner()).await.unwrap()) });
    while world.transfer.reads().len() < so_far {
        tokio::task::yield_now().await;
    }
    task
}

#[tokio::test]
async fn a_look_is_shared_only_by_those_who_asked_before_it_began() {
    let world = World::open();
    let looks = Arc::new(LookUps::default());
    let account = world.account();
    let stop = world.transfer.listing.write().await;
    let mut tasks = vec![start(&world, &looks, &account, 1).await];
    // These ask while the first look is under way: what was created since may be missing in it.
    for _ in 0..5 {
        tasks.push(start(&world, &looks, &account, 1).await);
    }
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.transfer.reads(), ["ListServers"]);
    drop(stop);
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(world.transfer.reads(), ["ListServers", "ListServers"], "one more look for all five");
}

#[tokio::test]
async fn a_look_that_was_given_up_leaves_the_way_free() {
    let world = World::open();
    let looks = Arc::new(LookUps::default());
    let account = world.account();
    let stop = world.transfer.listing.write().await;
    let task = start(&world, &looks, &account, 1).await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    drop(stop);
    looks.look_up(&account, &owner()).await.unwrap();
    assert_eq!(world.transfer.reads().len(), 2);
}
