//! From create to deletion, cut at its worst moments.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::rig::{FIRST, LAG, Lose, Rig, SECOND, TOLERANCE};
use crate::api::{self, FINALIZER};
use crate::aws::AwsErrorKind;
use crate::aws::transfer::{Access, LoginSettings};
use crate::engine::requeue::Requeue;

const SERVER: &str = "TransferServer";
const USER: &str = "TransferUser";
const ACCESS: &str = "TransferAccess";

/// A server `files` that is Ready, and nothing counted of its way there.
async fn ready() -> Rig {
    let rig = Rig::new();
    rig.server("files", json!({}));
    rig.settle(SERVER, "files").await;
    assert_eq!(rig.says(SERVER, "files", "Ready").unwrap().0, "True");
    assert_eq!(rig.cloud.calls(), ["CreateServer"]);
    rig
}

async fn with_user() -> Rig {
    let rig = ready().await;
    rig.user("alice", json!({}));
    rig.settle(USER, "alice").await;
    assert_eq!(rig.cloud.calls(), ["CreateUser"]);
    rig
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_makes_no_second_server_also_after_a_restart() {
    let mut rig = Rig::new();
    rig.server("files", json!({}));
    rig.cloud.lose("CreateServer", Lose::Answer);
    rig.cloud.unlist(FIRST);
    rig.settle(SERVER, "files").await;
    let (_, reason) = rig.says(SERVER, "files", "Ready").unwrap();
    assert_eq!(reason, "Recovering");
    rig.restart();
    rig.run(SERVER, "files", TOLERANCE).await;
    rig.cloud.list_all();
    rig.run(SERVER, "files", LAG).await;
    assert_eq!(rig.status(SERVER, "files")["serverId"], FIRST);
    assert_eq!(rig.cloud.calls(), ["CreateServer"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_made_for_a_vanished_object_is_deleted_in_the_end() {
    for policy in ["Delete", "Retain"] {
        let rig = Rig::new();
        rig.server("files", json!({"lifecycle": {"deletionPolicy": policy, "deletionProtection": false}}));
        let objects = Arc::clone(&rig.objects);
        let vanish = Box::new(move || Rig::vanish(&objects, SERVER, "files"));
        rig.cloud.between.lock().unwrap().insert("CreateServer", vanish);
        // Not shown yet, then not reached, then an answer that is lost.
        rig.cloud.lose("DescribeServer", Lose::Call(AwsErrorKind::NotFound));
        rig.cloud.lose("DeleteServer", Lose::Call(AwsErrorKind::Lost));
        rig.cloud.lose("DeleteServer", Lose::Answer);
        while rig.reconcile(SERVER, "files").await == Requeue::Again {}
        assert_eq!(rig.cloud.servers().is_empty(), policy == "Delete", "{policy}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_somebody_elses_stays_where_its_object_vanished() {
    let rig = Rig::new();
    rig.server("files", json!({}));
    let (objects, cloud) = (Arc::clone(&rig.objects), Arc::clone(&rig.cloud));
    let adopted = Box::new(move || {
        Rig::vanish(&objects, SERVER, "files");
        cloud.servers().get_mut(FIRST).unwrap().tags.remove(api::TAG_ATTEMPT);
    });
    rig.cloud.between.lock().unwrap().insert("CreateServer", adopted);
    while rig.reconcile(SERVER, "files").await == Requeue::Again {}
    assert!(rig.cloud.servers().contains_key(FIRST));
}

#[tokio::test(start_paused = true)]
async fn a_create_whose_live_read_has_aged_is_not_sent_and_not_searched_for() {
    let rig = Rig::new();
    rig.server("files", json!({}));
    while rig.get(SERVER, "files").unwrap()["metadata"]["finalizers"] != json!([FINALIZER]) {
        rig.reconcile(SERVER, "files").await;
    }
    *rig.objects.slow.lock().unwrap() = Duration::from_secs(11);
    rig.reconcile(SERVER, "files").await;
    assert!(rig.cloud.calls().is_empty(), "10 seconds count from the live read");
    assert_eq!(rig.status(SERVER, "files")["create"]["phase"], "Rejected");
    *rig.objects.slow.lock().unwrap() = Duration::ZERO;
    rig.settle(SERVER, "files").await;
    assert_eq!(rig.cloud.calls(), ["CreateServer"], "at once, without a window");
}

#[tokio::test(start_paused = true)]
async fn a_reconcile_that_is_cut_off_does_not_cut_record_call_and_id_apart() {
    let rig = Rig::new();
    rig.server("files", json!({}));
    while rig.get(SERVER, "files").unwrap()["metadata"]["finalizers"] != json!([FINALIZER]) {
        rig.reconcile(SERVER, "files").await;
    }
    *rig.objects.slow.lock().unwrap() = Duration::from_secs(5);
    let cut = tokio::time::timeout(Duration::from_secs(1), rig.reconcile(SERVER, "files")).await;
    assert!(cut.is_err() && rig.cloud.calls().is_empty(), "cut while the attempt is being written");
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(rig.cloud.calls(), ["CreateServer"]);
    assert_eq!(rig.status(SERVER, "files")["serverId"], FIRST);
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_lags_behind_changes_nothing() {
    let rig = Rig::new();
    rig.server("files", json!({"preAuthenticationLoginBanner": "old"}));
    rig.settle(SERVER, "files").await;
    rig.cloud.calls();
    let old = rig.get(SERVER, "files").unwrap();
    rig.edit(SERVER, "files", |object| object["spec"]["preAuthenticationLoginBanner"] = json!("new"));
    rig.settle(SERVER, "files").await;
    assert_eq!(rig.cloud.calls(), ["UpdateServer"]);
    let writes = *rig.objects.writes.lock().unwrap();
    for _ in 0..3 {
        rig.objects.stale.lock().unwrap().extend([old.clone(), old.clone()]);
        rig.reconcile(SERVER, "files").await;
    }
    rig.objects.stale.lock().unwrap().clear();
    assert!(rig.cloud.calls().is_empty(), "not even a read of AWS rests on it");
    assert_eq!(*rig.objects.writes.lock().unwrap(), writes);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_takes_its_server_though_listings_do_not_show_it() {
    let rig = ready().await;
    rig.cloud.unlist(FIRST);
    rig.delete(SERVER, "files");
    rig.run(SERVER, "files", TOLERANCE).await;
    assert!(rig.cloud.servers().is_empty() && rig.get(SERVER, "files").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_deletion_takes_both_of_two_servers_and_needs_no_status_for_it() {
    for wiped in [false, true] {
        let rig = ready().await;
        let tags = rig.cloud.servers()[FIRST].tags.clone();
        rig.cloud.put_server(SECOND, tags, |_| ());
        rig.delete(SERVER, "files");
        if wiped {
            rig.edit(SERVER, "files", |object| object["status"] = json!({"observedGeneration": -1}));
        }
        rig.run(SERVER, "files", Duration::from_mins(1)).await;
        assert!(rig.cloud.servers().is_empty() && rig.get(SERVER, "files").is_none(), "{wiped}");
    }
}

#[tokio::test(start_paused = true)]
async fn retain_is_finished_wherever_it_was_cut() {
    for lost in ["TagResource", "UntagResource"] {
        for what in [Lose::Call(AwsErrorKind::Lost), Lose::Answer] {
            let mut rig = ready().await;
            rig.edit(SERVER, "files", |object| object["spec"]["lifecycle"]["deletionPolicy"] = json!("Retain"));
            rig.settle(SERVER, "files").await;
            rig.delete(SERVER, "files");
            rig.cloud.lose(lost, what);
            rig.reconcile(SERVER, "files").await;
            assert!(rig.get(SERVER, "files").is_some(), "{lost}: cut before its end");
            rig.restart();
            rig.run(SERVER, "files", Duration::from_mins(1)).await;
            assert!(rig.get(SERVER, "files").is_none(), "{lost}");
            let servers = rig.cloud.servers();
            let tags = &servers[FIRST].tags;
            assert_eq!(tags[api::TAG_RETAINED_FROM], "team/files", "{lost}");
            assert!(!tags.contains_key(api::TAG_UID) && !tags.contains_key(api::TAG_ATTEMPT), "{lost}");
            assert!(!rig.cloud.calls.lock().unwrap().contains(&"DeleteServer".to_owned()));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn retain_needs_no_identity_and_sends_nothing_without_a_grant() {
    for gone in [true, false] {
        let rig = ready().await;
        rig.edit(SERVER, "files", |object| object["spec"]["lifecycle"]["deletionPolicy"] = json!("Retain"));
        rig.settle(SERVER, "files").await;
        rig.delete(SERVER, "files");
        rig.withdraw(gone);
        rig.run(SERVER, "files", Duration::from_secs(30)).await;
        assert!(rig.get(SERVER, "files").is_none() && rig.cloud.calls().is_empty(), "{gone}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_recorded_create_is_not_given_up_when_the_region_changes() {
    let rig = Rig::new();
    rig.server("files", json!({}));
    rig.cloud.lose("CreateServer", Lose::Answer);
    rig.reconcile(SERVER, "files").await;
    rig.reconcile(SERVER, "files").await;
    rig.reconcile(SERVER, "files").await;
    assert_eq!(rig.status(SERVER, "files")["create"]["phase"], "InFlight");
    rig.edit(SERVER, "files", |object| {
        object["spec"]["region"] = json!("us-east-1");
        // Only the record of the create still tells where it went.
        let status = object["status"].as_object_mut().unwrap();
        status.remove("region");
        status.remove("accountId");
    });
    rig.regions(&["eu-central-1", "us-east-1"]);
    rig.run(SERVER, "files", TOLERANCE + LAG + LAG).await;
    assert_eq!(rig.says(SERVER, "files", "Stalled").unwrap().1, "RegionChanged");
    assert_eq!(rig.status(SERVER, "files")["create"]["phase"], "InFlight");
    assert_eq!(rig.cloud.calls(), ["CreateServer"]);
}

#[tokio::test(start_paused = true)]
async fn a_user_brought_back_late_is_deleted_before_its_object_goes() {
    let rig = with_user().await;
    let key = (FIRST.to_owned(), "alice".to_owned());
    let user = rig.cloud.users()[&key].clone();
    rig.delete(USER, "alice");
    rig.run(USER, "alice", Duration::from_mins(1)).await;
    assert_eq!(rig.cloud.calls(), ["DeleteUser"]);
    assert!(rig.get(USER, "alice").is_some(), "its confirmation is younger than any late call");
    rig.cloud.users().insert(key, user);
    rig.run(USER, "alice", TOLERANCE + LAG).await;
    assert_eq!(rig.cloud.calls(), ["DeleteUser"]);
    assert!(rig.get(USER, "alice").is_none() && rig.cloud.users().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_user_of_long_standing_goes_at_once() {
    let rig = with_user().await;
    tokio::time::advance(TOLERANCE + LAG).await;
    rig.delete(USER, "alice");
    rig.settle(USER, "alice").await;
    assert!(rig.get(USER, "alice").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_lost_user_is_recorded_before_its_next_create_and_is_new() {
    let rig = with_user().await;
    tokio::time::advance(TOLERANCE + LAG).await;
    rig.cloud.users().clear();
    while rig.status(USER, "alice")["create"]["phase"] != "InFlight" {
        rig.reconcile(USER, "alice").await;
    }
    assert!(rig.cloud.calls().is_empty(), "first the record");
    // The create comes long after it.
    rig.edit(USER, "alice", |object| object["spec"]["suspend"] = json!(true));
    rig.settle(USER, "alice").await;
    tokio::time::advance(TOLERANCE + LAG).await;
    rig.edit(USER, "alice", |object| object["spec"]["suspend"] = json!(false));
    rig.settle(USER, "alice").await;
    assert_eq!(rig.cloud.calls(), ["CreateUser"]);
    assert_eq!(rig.status(USER, "alice")["create"]["phase"], "None");
    rig.delete(USER, "alice");
    rig.settle(USER, "alice").await;
    assert!(rig.get(USER, "alice").is_some(), "the second create may still arrive late");
}

/// An installation with a directory server, and an access `finance` whose create is due.
async fn with_directory() -> Rig {
    let rig = Rig::new();
    rig.server("files", json!({"identityProviderType": "AWS_DIRECTORY_SERVICE"}));
    rig.settle(SERVER, "files").await;
    rig.cloud.calls();
    rig.put(
        ACCESS,
        "finance",
        json!({"serverRef": {"name": "files"}, "role": super::rig::ROLE, "externalId": "S-1-1"}),
    );
    rig
}

#[tokio::test(start_paused = true)]
async fn an_access_that_a_lost_call_made_later_than_a_refused_one_is_ours() {
    let rig = with_directory().await;
    // The first is still on its way when the second is refused.
    rig.cloud.lose("CreateAccess", Lose::Call(AwsErrorKind::Denied));
    rig.cloud.lose.lock().unwrap().get_mut("CreateAccess").unwrap().push(Lose::Call(AwsErrorKind::Lost));
    rig.run(ACCESS, "finance", Duration::from_secs(1)).await;
    assert_eq!(rig.cloud.lose.lock().unwrap()["CreateAccess"].len(), 0);
    assert_eq!(rig.status(ACCESS, "finance")["create"]["phase"], "InFlight");
    let late = Access { external_id: "S-1-1".to_owned(), settings: LoginSettings::default() };
    rig.cloud.accesses().insert((FIRST.to_owned(), "S-1-1".to_owned()), late);
    rig.delete(ACCESS, "finance");
    rig.run(ACCESS, "finance", TOLERANCE + LAG).await;
    assert_eq!(rig.cloud.calls(), ["DeleteAccess"]);
    assert!(rig.get(ACCESS, "finance").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_create_whose_answers_are_lost_is_not_repeated_without_a_pause() {
    let rig = with_directory().await;
    for _ in 0..100 {
        rig.cloud.lose("CreateAccess", Lose::Call(AwsErrorKind::Lost));
    }
    rig.run(ACCESS, "finance", Duration::from_mins(1)).await;
    let sent = 100 - rig.cloud.lose.lock().unwrap()["CreateAccess"].len();
    assert!((3..10).contains(&sent), "{sent} in a minute, each after twice the wait");
}

#[tokio::test(start_paused = true)]
async fn an_access_that_somebody_else_made_in_between_is_not_taken_for_our_own() {
    let rig = with_directory().await;
    // Between our read and our create.
    rig.cloud.lose("CreateAccess", Lose::Call(AwsErrorKind::Exists));
    rig.reconcile(ACCESS, "finance").await;
    rig.reconcile(ACCESS, "finance").await;
    let theirs = Access { external_id: "S-1-1".to_owned(), settings: LoginSettings::default() };
    rig.cloud.accesses().insert((FIRST.to_owned(), "S-1-1".to_owned()), theirs);
    rig.settle(ACCESS, "finance").await;
    assert_eq!(rig.says(ACCESS, "finance", "Stalled").unwrap().1, "Conflict");
    rig.delete(ACCESS, "finance");
    rig.run(ACCESS, "finance", Duration::from_mins(1)).await;
    assert!(rig.cloud.accesses().len() == 1 && rig.get(ACCESS, "finance").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_change_in_a_config_map_sends_at_once_what_was_refused_before() {
    let rig = with_user().await;
    let keys = |last: &str| {
        let name = crate::cluster::Name { namespace: "team".to_owned(), name: "keys".to_owned() };
        let text = format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ{last}");
        rig.objects.config_maps.lock().unwrap().insert(name, [("k".to_owned(), Ok(text))].into());
    };
    keys("EB");
    for _ in 0..20 {
        rig.cloud.lose("UpdateUser", Lose::Call(AwsErrorKind::Rejected));
    }
    rig.edit(USER, "alice", |object| {
        object["spec"]["homeDirectory"] = json!("/b");
        object["spec"]["sshPublicKeysFrom"] = json!([{"configMapKeyRef": {"name": "keys", "key": "k"}}]);
    });
    rig.run(USER, "alice", Duration::from_mins(5)).await;
    assert_eq!(rig.cloud.calls(), ["ImportSshPublicKey"]);
    rig.cloud.lose.lock().unwrap().clear();
    while rig.reconcile(USER, "alice").await == Requeue::Again {}
    assert!(rig.cloud.calls().is_empty(), "it waits");
    keys("EC");
    while rig.reconcile(USER, "alice").await == Requeue::Again {}
    assert_eq!(rig.cloud.calls(), ["ImportSshPublicKey", "DeleteSshPublicKey", "UpdateUser"]);
}

#[tokio::test(start_paused = true)]
async fn suspend_finishes_a_search_and_changes_nothing() {
    for change in [
        json!({"suspend": true}),
        json!({"lifecycle": {"managementPolicy": "ObserveOnly", "deletionPolicy": "Retain"}}),
    ] {
        let rig = Rig::new();
        rig.server("files", json!({}));
        rig.cloud.lose("CreateServer", Lose::Answer);
        for _ in 0..3 {
            rig.reconcile(SERVER, "files").await;
        }
        assert_eq!(rig.status(SERVER, "files")["create"]["phase"], "InFlight");
        rig.edit(SERVER, "files", |object| {
            object["spec"].as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        });
        rig.run(SERVER, "files", Duration::from_mins(1)).await;
        assert_eq!(rig.status(SERVER, "files")["serverId"], FIRST, "{change}");
        assert_eq!(rig.cloud.calls(), ["CreateServer"], "{change}");
    }
}
