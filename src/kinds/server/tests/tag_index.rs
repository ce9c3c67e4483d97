//! Looking owner tags up: complete or not at all, shared where that proves as much.

use std::sync::Arc;
use std::time::Duration;

use super::owner;
use crate::api;
use crate::aws::transfer::Tags;
use crate::aws::{Account, AwsError, AwsErrorKind};
use crate::engine::consistency::{Candidate, TagMatches};
use crate::engine::owner::Owner;
use crate::kinds::fakes::cloud::Lose;
use crate::kinds::fakes::{CLUSTER, FIRST, NOW, OLD, SECOND, THIRD, World, owner_tags};
use crate::kinds::server::TaggedServers;
use crate::kinds::tag_index::TagIndex;

const FOURTH: &str = "s-00000000000000004";
const FIFTH: &str = "s-00000000000000005";

fn of(uid: &str) -> Owner {
    Owner::new(CLUSTER, "team", "files", uid)
}

/// A server that is listed, and not there when it is asked for.
fn vanish(world: &World, id: &str) {
    world.put(id, owner_tags("other"));
    world.cloud.unseen.lock().unwrap().insert(id.to_owned());
}

/// It is listed no more either.
fn unlist(world: &World, id: &str) {
    world.cloud.servers().remove(id);
    world.cloud.unseen.lock().unwrap().clear();
}

fn looks() -> Arc<TagIndex<TaggedServers>> {
    Arc::default()
}

/// A look that is asked for now.
async fn look(looks: &Arc<TagIndex<TaggedServers>>, account: &Account, owner: &Owner) -> Result<TagMatches, AwsError> {
    looks.find_by_tags(account, owner, looks.ask()).await.map(|looked| looked.found)
}

fn described(world: &World) -> usize {
    world.cloud.asked().iter().filter(|read| read.starts_with("DescribeServer")).count()
}

#[tokio::test]
async fn servers_are_told_apart_by_their_tags() {
    let world = World::open();
    let looks = looks();
    world.put(FIRST, owner_tags("files"));
    world.put(SECOND, of("uid-of-a-former-life").tags("attempt"));
    world.put(THIRD, Owner::new("cluster-2", "team", "files", "uid-files").tags("attempt"));
    world.put(FOURTH, owner_tags("other"));
    world.put(FIFTH, Tags::new());
    let found = look(&looks, &world.account(), &owner()).await.unwrap();
    assert_eq!(found.ours, [Candidate { id: FIRST.to_owned(), attempt: Some("attempt".to_owned()) }]);
    assert_eq!(found.former, [SECOND]);
    assert_eq!(found.other_cluster, [THIRD]);
}

#[tokio::test]
async fn a_look_that_is_not_complete_is_none() {
    for (operation, kind) in [
        ("ListServers", AwsErrorKind::Throttled),
        ("DescribeServer", AwsErrorKind::Denied),
        ("DescribeServer", AwsErrorKind::Lost),
    ] {
        let world = World::open();
        world.put(FIRST, owner_tags("files"));
        world.cloud.faults.lock().unwrap().insert(operation, kind);
        let fault = look(&looks(), &world.account(), &owner()).await.unwrap_err();
        assert_eq!(fault.kind, kind, "{operation}");
    }
}

#[tokio::test]
async fn a_server_of_somebody_else_is_described_once() {
    let world = World::open();
    let looks = looks();
    world.put(FIRST, owner_tags("other"));
    world.put(SECOND, Tags::new());
    for _ in 0..3 {
        look(&looks, &world.account(), &owner()).await.unwrap();
    }
    assert_eq!(described(&world), 1 + 3, "untagged ones every time: tags may be put back by hand");
}

#[tokio::test]
async fn what_is_foreign_to_one_object_may_be_anothers() {
    let world = World::open();
    let looks = looks();
    world.put(FIRST, of("uid-1").tags("attempt"));
    let stranger = Owner::new(CLUSTER, "team", "other", "uid-other");
    assert_eq!(look(&looks, &world.account(), &stranger).await.unwrap(), Default::default());
    assert_eq!(look(&looks, &world.account(), &of("uid-2")).await.unwrap().former, [FIRST]);
    assert_eq!(look(&looks, &world.account(), &of("uid-1")).await.unwrap().ours.len(), 1);
}

#[tokio::test]
async fn an_own_server_stripped_since_is_not_found_by_memory() {
    let world = World::open();
    let looks = looks();
    world.put(FIRST, owner_tags("files"));
    assert_eq!(look(&looks, &world.account(), &owner()).await.unwrap().ours.len(), 1);
    let mut stripped = owner_tags("files");
    stripped.remove(api::TAG_UID);
    world.put(FIRST, stripped);
    assert!(look(&looks, &world.account(), &owner()).await.unwrap().ours.is_empty());
}

#[tokio::test]
async fn what_is_no_longer_listed_is_forgotten_and_other_regions_not() {
    let world = World::open();
    let looks = looks();
    let elsewhere = world.cloud.account_in("us-east-1");
    looks.note(&elsewhere, OLD, &owner_tags("other"));
    for id in [FIRST, SECOND] {
        world.put(id, owner_tags("other"));
    }
    look(&looks, &world.account(), &owner()).await.unwrap();
    assert_eq!(looks.remembered(), [FIRST, SECOND, OLD]);
    world.cloud.servers().remove(FIRST);
    world.cloud.faults.lock().unwrap().insert("ListServers", AwsErrorKind::Throttled);
    look(&looks, &world.account(), &owner()).await.unwrap_err();
    assert_eq!(looks.remembered(), [FIRST, SECOND, OLD], "only a complete listing tells");
    world.cloud.faults.lock().unwrap().clear();
    look(&looks, &world.account(), &owner()).await.unwrap();
    assert_eq!(looks.remembered(), [SECOND, OLD]);
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
    while world.cloud.asked().len() < so_far {
        tokio::task::yield_now().await;
    }
    task
}

#[tokio::test]
async fn a_look_is_shared_only_by_those_who_asked_before_it_began() {
    let world = World::open();
    let looks = looks();
    let account = world.account();
    let stop = world.cloud.listing.write().await;
    let mut tasks = vec![start(&world, &looks, &account, 1).await];
    // These ask while the first look is under way: what was created since may be missing in it.
    for _ in 0..5 {
        tasks.push(start(&world, &looks, &account, 1).await);
    }
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.cloud.asked(), ["ListServers"]);
    drop(stop);
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(world.cloud.asked(), ["ListServers", "ListServers"], "one more look for all five");
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_look_goes_on_and_answers_the_same_ticket() {
    let world = World::open();
    let looks = looks();
    let account = world.account();
    world.put(FIRST, owner_tags("files"));
    let stop = world.cloud.listing.write().await;
    let asked = looks.ask();
    let waiting = {
        let (looks, account) = (Arc::clone(&looks), account.clone());
        tokio::spawn(async move { drop(looks.find_by_tags(&account, &owner(), asked).await) })
    };
    while world.cloud.asked().is_empty() {
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
    world.cloud.asked_for("ListServers")
}

fn asked_for(world: &World, id: &str) -> usize {
    world.cloud.asked_for(&format!("DescribeServer {id}"))
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
    world.put(FIRST, owner_tags("files"));
    world.put(SECOND, Tags::new());
    vanish(&world, OLD);
    let (asked, account, owner) = (looks.ask(), world.account(), owner());
    let waiting = tokio::time::timeout(Duration::from_mins(1), looks.find_by_tags(&account, &owner, asked));
    assert!(waiting.await.is_err(), "listed and not there is no proof of absence");
    assert!((5..8).contains(&asked_for(&world, OLD)), "ever more slowly: {:?}", world.cloud.asked());
    // A new one counts as well.
    world.put(THIRD, owner_tags("files"));
    unlist(&world, OLD);
    let looked = looks.find_by_tags(&account, &owner, asked).await.unwrap();
    assert_eq!(looked.found.ours.len(), 2);
    assert_eq!((asked_for(&world, FIRST), asked_for(&world, SECOND), asked_for(&world, THIRD)), (1, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_listed_server_that_is_gone_holds_up_only_whom_it_concerns() {
    let world = World::open();
    let looks = looks();
    world.put(OLD, owner_tags("other"));
    assert!(ends(&world, &looks, &owner()).await);
    world.cloud.servers().clear();
    vanish(&world, OLD);
    assert!(ends(&world, &looks, &owner()).await, "it was read to be another's");
    let other = Owner::new(CLUSTER, "team", "other", "uid-other");
    assert!(!ends(&world, &looks, &other).await, "it may be that one's own");
    looks.deleted(&world.account(), OLD);
    assert!(ends(&world, &looks, &other).await, "AWS acknowledged that it deletes it");

    let looks = self::looks();
    assert!(!ends(&world, &looks, &owner()).await, "another process has not read it");
    looks.deleted(&world.account(), OLD);
    assert!(ends(&world, &looks, &owner()).await);
    unlist(&world, OLD);
    assert!(ends(&world, &looks, &owner()).await);
    assert!(looks.remembered().is_empty(), "of what is listed no more nothing is kept");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_costs_that_one_again_and_none_at_all_the_look() {
    for kind in [AwsErrorKind::Throttled, AwsErrorKind::Unavailable, AwsErrorKind::Lost, AwsErrorKind::Denied] {
        let world = World::open();
        for id in [FIRST, SECOND, THIRD] {
            world.put(id, Tags::new());
        }
        world.cloud.lose("DescribeServer s-00000000000000002", Lose::Call(kind));
        let outcome = look(&looks(), &world.account(), &owner()).await;
        if kind == AwsErrorKind::Denied {
            assert_eq!(outcome.unwrap_err().kind, kind);
            continue;
        }
        outcome.unwrap();
        assert_eq!((asked_for(&world, FIRST), asked_for(&world, SECOND), asked_for(&world, THIRD)), (1, 2, 1));
        world.cloud.faults.lock().unwrap().insert("DescribeServer", kind);
        assert_eq!(look(&looks(), &world.account(), &owner()).await.unwrap_err().kind, kind);
    }
}
