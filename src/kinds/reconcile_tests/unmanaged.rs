//! Logins in AWS that no object stands for: they are told, cost a walk a resync where there are any, and hold the
//! deletion of their server back, unless they are given up.

use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{FIRST, ROLE, Rig};
use crate::api::{TAG_CLUSTER, TAG_OWNER, TAG_RETAINED_FROM, TAG_UID};
use crate::aws::transfer::{Access, Tags, User};

const SERVER: &str = "TransferServer";
const USER: &str = "TransferUser";
const ACCESS: &str = "TransferAccess";

fn add_user(rig: &Rig, name: &str, tags: &[(&str, &str)]) {
    let tags: Tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let user = User { user_name: name.to_owned(), tags, ..User::default() };
    rig.cloud.users().insert((FIRST.to_owned(), name.to_owned()), user);
}

fn add_access(rig: &Rig, group: &str) {
    let access = Access { external_id: group.to_owned(), ..Access::default() };
    rig.cloud.accesses().insert((FIRST.to_owned(), group.to_owned()), access);
}

fn told(rig: &Rig) -> Value {
    rig.status(SERVER, "files")["unmanagedLogins"].clone()
}

/// Reads that one reconcile at rest takes.
async fn reads(rig: &Rig) -> u64 {
    let before = rig.cloud.reads();
    rig.reconcile(SERVER, "files").await;
    rig.cloud.reads() - before
}

#[tokio::test(start_paused = true)]
async fn users_that_no_object_stands_for_are_counted_and_the_first_named() {
    let rig = Rig::with_user(json!({})).await;
    rig.settle(SERVER, "files").await;
    assert_eq!(told(&rig), Value::Null);
    (0..25).for_each(|number| add_user(&rig, &format!("user-{number:02}"), &[]));
    rig.run(SERVER, "files", Duration::from_mins(11)).await;
    let names: Vec<String> = (0..20).map(|number| format!("user-{number:02}")).collect();
    assert_eq!(told(&rig), json!({"count": 25, "names": names}));
    assert_eq!(rig.says(SERVER, "files", "Ready").unwrap().0, "True", "it says nothing of Ready");
    // An object that takes one over, or only looks at it, stands for it.
    rig.user("user-00", json!({"lifecycle": {"managementPolicy": "ObserveOnly", "deletionPolicy": "Retain"}}));
    rig.run(SERVER, "files", Duration::from_mins(11)).await;
    assert_eq!(told(&rig)["count"], 24);
    rig.cloud.users().retain(|(_, name), _| name == "alice");
    rig.run(SERVER, "files", Duration::from_mins(21)).await;
    assert_eq!(told(&rig), Value::Null);
    assert_eq!(rig.cloud.calls(), ["CreateUser"; 0], "nothing is done to them");
}

#[tokio::test(start_paused = true)]
async fn a_server_without_such_users_costs_no_walk_and_others_one_a_resync() {
    for (interval, resync) in [(None, Duration::from_mins(10)), (Some("3h"), Duration::from_hours(3))] {
        let rig = Rig::new();
        rig.server("files", json!({"resyncInterval": interval}));
        rig.settle(SERVER, "files").await;
        rig.user("alice", json!({}));
        rig.settle(USER, "alice").await;
        rig.settle(SERVER, "files").await;
        let plain = reads(&rig).await;
        for _ in 0..5 {
            assert_eq!(reads(&rig).await, plain, "as many users as objects");
        }
        add_user(&rig, "bob", &[]);
        assert_eq!(reads(&rig).await, plain, "it was found out a moment ago");
        tokio::time::advance(resync).await;
        assert_eq!(reads(&rig).await, plain + 1, "the walk");
        for _ in 0..5 {
            tokio::time::advance(Duration::from_mins(1)).await;
            assert_eq!(reads(&rig).await, plain, "{interval:?}: once per resync");
        }
        tokio::time::advance(Duration::from_mins(10)).await;
        let again = u64::from(interval.is_none());
        assert_eq!(reads(&rig).await, plain + again, "{interval:?}");
        tokio::time::advance(Duration::from_hours(3)).await;
        assert_eq!(reads(&rig).await, plain + 1, "{interval:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_user_object_that_never_made_its_user_hides_no_stranger() {
    let rig = Rig::with_user(json!({})).await;
    rig.user("carol", json!({"role": format!("{ROLE}-of-others")}));
    rig.settle(USER, "carol").await;
    add_user(&rig, "bob", &[]);
    rig.run(SERVER, "files", Duration::from_mins(11)).await;
    assert_eq!(told(&rig), json!({"count": 1, "names": ["bob"]}));
}

#[tokio::test(start_paused = true)]
async fn accesses_that_no_object_stands_for_are_counted_without_a_call_more() {
    let rig = Rig::new();
    rig.server("files", json!({"identityProviderType": "AWS_DIRECTORY_SERVICE"}));
    rig.settle(SERVER, "files").await;
    rig.put(ACCESS, "group", json!({"serverRef": {"name": "files"}, "role": ROLE, "externalId": "S-1-1"}));
    rig.settle(ACCESS, "group").await;
    rig.settle(SERVER, "files").await;
    let plain = reads(&rig).await;
    add_access(&rig, "S-1-2");
    assert_eq!(reads(&rig).await, plain);
    assert_eq!(told(&rig), Value::Null, "no reason to write by itself");
    tokio::time::advance(Duration::from_mins(10)).await;
    assert_eq!(reads(&rig).await, plain);
    assert_eq!(told(&rig), json!({"count": 1, "names": ["S-1-2"]}));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_listed_now_stays_as_it_was_told() {
    let rig = Rig::with_user(json!({})).await;
    add_user(&rig, "bob", &[]);
    rig.run(SERVER, "files", Duration::from_mins(11)).await;
    let before = told(&rig);
    assert_eq!(before["count"], 1);
    add_user(&rig, "carol", &[]);
    rig.cloud.lose("ListUsers", super::rig::Lose::Call(crate::aws::AwsErrorKind::Denied));
    tokio::time::advance(Duration::from_mins(10)).await;
    rig.reconcile(SERVER, "files").await;
    assert_eq!(told(&rig), before);
    assert_eq!(rig.says(SERVER, "files", "Ready").unwrap().0, "True");
}

/// Deletes the server, whose users are these, and answers what holds it; nothing where it is gone.
async fn held(force: bool, users: &[(&str, &[(&str, &str)])]) -> Option<String> {
    let rig = Rig::new();
    rig.server("files", json!({"lifecycle": {"deletionProtection": false, "forceDeleteUsers": force}}));
    rig.settle(SERVER, "files").await;
    for (name, tags) in users {
        add_user(&rig, name, tags);
    }
    rig.cloud.calls();
    rig.delete(SERVER, "files");
    rig.run(SERVER, "files", Duration::from_mins(30)).await;
    let gone = rig.get(SERVER, "files").is_none();
    assert_eq!(rig.cloud.calls().contains(&"DeleteServer".to_owned()), gone);
    (!gone).then(|| rig.message(SERVER, "files"))
}

/// Users of other tools, peers.md C 16: a server with users of others stays.
#[tokio::test(start_paused = true)]
async fn a_server_takes_strangers_along_only_where_they_are_given_up() {
    let strangers: [(&str, &[(&str, &str)]); 4] = [("bob", &[]), ("dan", &[("team", "x")]), ("eve", &[]), ("fay", &[])];
    let message = held(false, &strangers).await.unwrap();
    assert!(message.contains("4 users or accesses") && message.contains(": bob, dan, eve, …"), "{message}");
    assert!(message.contains("spec.lifecycle.forceDeleteUsers"), "{message}");
    assert_eq!(held(true, &strangers).await, None);
    for tags in [
        &[(TAG_UID, "uid-other"), (TAG_CLUSTER, crate::kinds::fakes::CLUSTER), (TAG_OWNER, "team/other")][..],
        &[(TAG_UID, "uid-other"), (TAG_CLUSTER, "elsewhere"), (TAG_OWNER, "team/other")],
        &[(TAG_RETAINED_FROM, "team/other"), (TAG_OWNER, "team/other")],
    ] {
        let message = held(true, &[("bob", &[]), ("mallory", tags)]).await.unwrap();
        assert!(message.contains("mallory (owner tags of team/other)") && !message.contains("bob"), "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_object_stands_for_is_never_given_up() {
    let rig = Rig::new();
    rig.server("files", json!({"lifecycle": {"deletionProtection": false, "forceDeleteUsers": true}}));
    rig.settle(SERVER, "files").await;
    add_user(&rig, "bob", &[]);
    let observed =
        json!({"userName": "bob", "lifecycle": {"managementPolicy": "ObserveOnly", "deletionPolicy": "Retain"}});
    rig.user("looker", observed);
    rig.user("alice", json!({}));
    rig.settle(USER, "alice").await;
    rig.delete(SERVER, "files");
    rig.run(SERVER, "files", Duration::from_mins(30)).await;
    let message = rig.message(SERVER, "files");
    assert!(message.contains("TransferUser team/alice"), "own objects by name: {message}");
    rig.delete(USER, "alice");
    rig.run(USER, "alice", Duration::from_mins(30)).await;
    rig.run(SERVER, "files", Duration::from_mins(30)).await;
    let message = rig.message(SERVER, "files");
    assert!(message.contains("bob (an object here stands for it)"), "{message}");
    Rig::vanish(&rig.objects, USER, "looker");
    rig.run(SERVER, "files", Duration::from_mins(30)).await;
    assert_eq!(rig.get(SERVER, "files"), None);
}

#[tokio::test(start_paused = true)]
async fn accesses_are_given_up_like_users() {
    for force in [false, true] {
        let rig = Rig::new();
        let lifecycle = json!({"deletionProtection": false, "forceDeleteUsers": force});
        rig.server("files", json!({"identityProviderType": "AWS_DIRECTORY_SERVICE", "lifecycle": lifecycle}));
        rig.settle(SERVER, "files").await;
        add_access(&rig, "S-1-2");
        rig.delete(SERVER, "files");
        rig.run(SERVER, "files", Duration::from_mins(30)).await;
        assert_eq!(rig.get(SERVER, "files").is_none(), force);
    }
}

#[tokio::test(start_paused = true)]
async fn of_many_strangers_only_those_that_held_it_back_are_asked_again() {
    let rig = Rig::new();
    rig.server("files", json!({"lifecycle": {"deletionProtection": false, "forceDeleteUsers": true}}));
    rig.settle(SERVER, "files").await;
    (0..30).for_each(|number| add_user(&rig, &format!("user-{number:02}"), &[]));
    add_user(&rig, "zoe", &[(TAG_OWNER, "team/other")]);
    rig.delete(SERVER, "files");
    rig.run(SERVER, "files", Duration::from_mins(30)).await;
    let before = rig.cloud.reads();
    rig.reconcile(SERVER, "files").await;
    let asked = rig.cloud.reads() - before;
    assert!(asked < 10, "{asked} reads");
    rig.cloud.users().retain(|(_, name), _| name != "zoe");
    rig.run(SERVER, "files", Duration::from_mins(5)).await;
    assert_eq!(rig.get(SERVER, "files"), None);
}
