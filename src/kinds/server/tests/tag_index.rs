//! Looking owner tags up: complete or not at all, shared where that proves as much.

use std::sync::Arc;
use std::time::Duration;

use super::owner;
use crate::api;
use crate::aws::transfer::Server;
use crate::aws::{Account, AwsError, AwsErrorKind};
use crate::engine::consistency::{Candidate, TagMatches};
use crate::engine::owner::Owner;
use crate::kinds::fakes::{ACCOUNT, CLUSTER, NOW, World, owned};
use crate::kinds::server::TaggedServers;
use crate::kinds::tag_index::TagIndex;

fn of(uid: &str) -> Owner {
    Owner::new(CLUSTER, "team", "files", uid)
}

fn tagged(id: &str, owner: &Owner) -> Server {
    Server { tags: owner.tags("attempt"), ..owned(id, "x") }
}

fn looks() -> Arc<TagIndex<TaggedServers>> {
    Arc::default()
}

/// A look that is asked for now.
async fn look(looks: &Arc<TagIndex<TaggedServers>>, account: &Account, owner: &Owner) -> Result<TagMatches, AwsError> {
    looks.find_by_tags(account, owner, looks.ask()).await.map(|looked| looked.found)
}

fn described(world: &World) -> usize {
    world.transfer.reads().iter().filter(|read| read.starts_with("DescribeServer")).count()
}

#[tokio::test]
async fn servers_are_told_apart_by_their_tags() {
    let world = World::open();
    let looks = looks();
    world.transfer.put(owned("s-1", "files"));
    world.transfer.put(tagged("s-2", &of("uid-of-a-former-life")));
    world.transfer.put(tagged("s-3", &Owner::new("cluster-2", "team", "files", "uid-files")));
    world.transfer.put(owned("s-4", "other"));
    world.transfer.put(Server { tags: [].into(), ..owned("s-5", "files") });
    let found = look(&looks, &world.account(), &owner()).await.unwrap();
    assert_eq!(found.ours, [Candidate { id: "s-1".to_owned(), attempt: Some("attempt".to_owned()) }]);
    assert_eq!(found.former, ["s-2"]);
    assert_eq!(found.other_cluster, ["s-3"]);
}

#[tokio::test]
async fn a_look_that_is_not_complete_is_none() {
    for (operation, kind) in [
        ("ListServers", AwsErrorKind::Throttled),
        ("DescribeServer", AwsErrorKind::Denied),
        ("DescribeServer", AwsErrorKind::Lost),
    ] {
        let world = World::open();
        world.transfer.put(owned("s-1", "files"));
        world.transfer.faults.lock().unwrap().insert(operation, kind);
        let fault = look(&looks(), &world.account(), &owner()).await.unwrap_err();
        assert_eq!(fault.kind, kind, "{operation}");
    }
}

#[tokio::test]
async fn a_server_of_somebody_else_is_described_once() {
    let world = World::open();
    let looks = looks();
    world.transfer.put(owned("s-1", "other"));
    world.transfer.put(Server { tags: [].into(), ..owned("s-2", "files") });
    for _ in 0..3 {
        look(&looks, &world.account(), &owner()).await.unwrap();
    }
    assert_eq!(described(&world), 1 + 3, "untagged ones every time: tags may be put back by hand");
}

#[tokio::test]
async fn what_is_foreign_to_one_object_may_be_anothers() {
    let world = World::open();
    let looks = looks();
    world.transfer.put(tagged("s-1", &of("uid-1")));
    let stranger = Owner::new(CLUSTER, "team", "other", "uid-other");
    assert_eq!(look(&looks, &world.account(), &stranger).await.unwrap(), Default::default());
    assert_eq!(look(&looks, &world.account(), &of("uid-2")).await.unwrap().former, ["s-1"]);
    assert_eq!(look(&looks, &world.account(), &of("uid-1")).await.unwrap().ours.len(), 1);
}

#[tokio::test]
async fn an_own_server_stripped_since_is_not_found_by_memory() {
    let world = World::open();
    let looks = looks();
    world.transfer.put(owned("s-1", "files"));
    assert_eq!(look(&looks, &world.account(), &owner()).await.unwrap().ours.len(), 1);
    let mut stripped = owned("s-1", "files");
    stripped.tags.remove(api::TAG_UID);
    world.transfer.put(stripped);
    assert!(look(&looks, &world.account(), &owner()).await.unwrap().ours.is_empty());
}

#[tokio::test]
async fn what_is_no_longer_listed_is_forgotten_and_other_regions_not() {
    let world = World::open();
    let looks = looks();
    let elsewhere = world.aws.of(ACCOUNT, "us-east-1");
    looks.note(&elsewhere, "s-9", &owned("s-9", "other").tags);
    for id in ["s-1", "s-2"] {
        world.transfer.put(owned(id, "other"));
    }
    look(&looks, &world.account(), &owner()).await.unwrap();
    assert_eq!(looks.remembered(), ["s-1", "s-2", "s-9"]);
    world.transfer.servers.lock().unwrap().remove("s-1");
    world.transfer.faults.lock().unwrap().insert("ListServers", AwsErrorKind::Throttled);
    look(&looks, &world.account(), &owner()).await.unwrap_err();
    assert_eq!(looks.remembered(), ["s-1", "s-2", "s-9"], "only a complete listing tells");
    world.transfer.faults.lock().unwrap().clear();
    look(&looks, &world.account(), &owner()).await.unwrap();
    assert_eq!(looks.remembered(), ["s-2", "s-9"]);
}

/// Starts a look that stops at its listing.
async fn start(
    world: &World,
    looks: &Arc<TagIndex<TaggedServers>>,
    account: &Account,
    so_far: usize,
) -> tokio::task::JoinHandle<()> {
    let (looks, account) = (Arc::clone(looks), account.clone());
    let task = tokio::spawn(async move { drop(look(&looks, &account, &owner()).await.unwrap()) });
    while world.transfer.reads().len() < so_far {
        tokio::task::yield_now().await;
    }
    task
}

#[tokio::test]
async fn a_look_is_shared_only_by_those_who_asked_before_it_began() {
    let world = World::open();
    let looks = looks();
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

#[tokio::test(start_paused = true)]
async fn an_abandoned_look_goes_on_and_answers_the_same_ticket() {
    let world = World::open();
    let looks = looks();
    let account = world.account();
    world.transfer.put(owned("s-1", "files"));
    let stop = world.transfer.listing.write().await;
    let asked = looks.ask();
    let waiting = {
        let (looks, account) = (Arc::clone(&looks), account.clone());
        tokio::spawn(async move { drop(looks.find_by_tags(&account, &owner(), asked).await) })
    };
    while world.transfer.reads().is_empty() {
        tokio::task::yield_now().await;
    }
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    tokio::time::sleep(Duration::from_mins(1)).await;
    drop(stop);
    let looked = looks.find_by_tags(&account, &owner(), asked).await.unwrap();
    assert_eq!(looked.began, NOW.parse().unwrap(), "of what came later it says nothing");
    assert_eq!(looked.found.ours.len(), 1);
    assert_eq!(listed(&world), 1, "it is the look that was begun");
    look(&looks, &account, &owner()).await.unwrap();
    assert_eq!(listed(&world), 2, "who asks anew gets a new one");
}

fn listed(world: &World) -> usize {
    world.transfer.reads().iter().filter(|read| *read == "ListServers").count()
}

fn asked_for(world: &World, id: &str) -> usize {
    world.transfer.reads().iter().filter(|read| **read == format!("DescribeServer {id}")).count()
}

/// Whether the look of this owner comes to its end within a minute.
async fn ends(world: &World, looks: &Arc<TagIndex<TaggedServers>>, owner: &Owner) -> bool {
    let account = world.account();
    let look = tokio::time::timeout(Duration::from_mins(1), look(looks, &account, owner));
    look.await.is_ok_and(|found| found.is_ok())
}

#[tokio::test(start_paused = true)]
async fn what_is_listed_and_absent_is_asked_for_alone_until_unlisted() {
    let world = World::open();
    let looks = looks();
    world.transfer.put(owned("s-1", "files"));
    world.transfer.put(Server { tags: [].into(), ..owned("s-2", "files") });
    world.transfer.vanishing.lock().unwrap().insert("s-9".to_owned());
    let (asked, account, owner) = (looks.ask(), world.account(), owner());
    let waiting = tokio::time::timeout(Duration::from_mins(1), looks.find_by_tags(&account, &owner, asked));
    assert!(waiting.await.is_err(), "listed and not there is no proof of absence");
    assert!((5..8).contains(&asked_for(&world, "s-9")), "ever more slowly: {:?}", world.transfer.reads());
    // A new one counts as well.
    world.transfer.put(owned("s-3", "files"));
    world.transfer.vanishing.lock().unwrap().clear();
    let looked = looks.find_by_tags(&account, &owner, asked).await.unwrap();
    assert_eq!(looked.found.ours.len(), 2);
    assert_eq!((asked_for(&world, "s-1"), asked_for(&world, "s-2"), asked_for(&world, "s-3")), (1, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_listed_server_that_is_gone_holds_up_only_whom_it_concerns() {
    let world = World::open();
    let looks = looks();
    world.transfer.put(owned("s-9", "other"));
    assert!(ends(&world, &looks, &owner()).await);
    world.transfer.servers.lock().unwrap().clear();
    world.transfer.vanishing.lock().unwrap().insert("s-9".to_owned());
    assert!(ends(&world, &looks, &owner()).await, "it was read to be another's");
    let other = Owner::new(CLUSTER, "team", "other", "uid-other");
    assert!(!ends(&world, &looks, &other).await, "it may be that one's own");
    looks.deleted(&world.account(), "s-9");
    assert!(ends(&world, &looks, &other).await, "AWS acknowledged that it deletes it");

    let looks = self::looks();
    assert!(!ends(&world, &looks, &owner()).await, "another process has not read it");
    looks.deleted(&world.account(), "s-9");
    assert!(ends(&world, &looks, &owner()).await);
    world.transfer.vanishing.lock().unwrap().clear();
    assert!(ends(&world, &looks, &owner()).await);
    assert!(looks.remembered().is_empty(), "of what is listed no more nothing is kept");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_costs_that_one_again_and_none_at_all_the_look() {
    for kind in [AwsErrorKind::Throttled, AwsErrorKind::Unavailable, AwsErrorKind::Lost, AwsErrorKind::Denied] {
        let world = World::open();
        for id in ["s-1", "s-2", "s-3"] {
            world.transfer.put(Server { tags: [].into(), ..owned(id, "files") });
        }
        world.transfer.once.lock().unwrap().insert("DescribeServer s-2".to_owned(), kind);
        let outcome = look(&looks(), &world.account(), &owner()).await;
        if kind == AwsErrorKind::Denied {
            assert_eq!(outcome.unwrap_err().kind, kind);
            continue;
        }
        outcome.unwrap();
        assert_eq!((asked_for(&world, "s-1"), asked_for(&world, "s-2"), asked_for(&world, "s-3")), (1, 2, 1));
        world.transfer.faults.lock().unwrap().insert("DescribeServer", kind);
        assert_eq!(look(&looks(), &world.account(), &owner()).await.unwrap_err().kind, kind);
    }
}
