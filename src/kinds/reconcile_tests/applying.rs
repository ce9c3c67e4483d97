//! Calls to what exists: one after the other, none twice, and what was asked for is remembered until it is seen.

use std::time::Duration;

use serde_json::json;

use super::rig::{FIRST, Lose, Rig, TOLERANCE};
use crate::aws::AwsErrorKind;
use crate::engine::requeue::Requeue;

const SERVER: &str = "TransferServer";
const USER: &str = "TransferUser";
const BANNER: &str = "preAuthenticationLoginBanner";
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB laptop";

/// Reconciles until nothing is due at once.
async fn at_once(rig: &Rig, kind: &str, object: &str) -> Requeue {
    loop {
        match rig.reconcile(kind, object).await {
            Requeue::Again => {}
            next => return next,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_aws_accepted_and_does_not_show_is_waited_for_and_then_sent_again() {
    let rig = Rig::with_user(json!({})).await;
    rig.cloud.lose("ImportSshPublicKey", Lose::Effect);
    rig.cloud.lose("UpdateUser", Lose::Effect);
    rig.edit(USER, "alice", |object| {
        object["spec"]["homeDirectory"] = json!("/b");
        object["spec"]["sshPublicKeys"] = json!([{"publicKey": KEY}]);
    });
    let next = at_once(&rig, USER, "alice").await;
    assert!(matches!(next, Requeue::After(_)), "{next:?}");
    let mut calls = rig.cloud.calls();
    calls.sort();
    assert_eq!(calls, ["ImportSshPublicKey", "UpdateUser"], "each once, though neither is seen");
    assert_eq!(rig.says(USER, "alice", "Ready").unwrap(), ("False".to_owned(), "Updating".to_owned()));
    let message = rig.message(USER, "alice");
    assert!(message.contains("AWS accepted") && message.contains("does not show it yet"), "{message}");
    rig.settle(USER, "alice").await;
    let mut calls = rig.cloud.calls();
    calls.sort();
    assert_eq!(calls, ["ImportSshPublicKey", "UpdateUser"], "after a while");
    assert_eq!(rig.says(USER, "alice", "Ready").unwrap().0, "True");
}

#[tokio::test(start_paused = true)]
async fn a_field_that_left_while_its_call_was_in_doubt_is_cleared() {
    let mut rig = Rig::new();
    rig.server("files", json!({}));
    rig.settle(SERVER, "files").await;
    rig.cloud.calls();
    rig.cloud.lose("UpdateServer", Lose::Answer);
    rig.edit(SERVER, "files", |object| object["spec"][BANNER] = json!("hello"));
    // Killed right after the call that it will never hear of.
    while rig.cloud.calls.lock().unwrap().is_empty() {
        rig.reconcile(SERVER, "files").await;
    }
    rig.restart();
    rig.edit(SERVER, "files", |object| {
        object["spec"].as_object_mut().unwrap().remove(BANNER);
    });
    rig.settle(SERVER, "files").await;
    assert_eq!(rig.cloud.calls(), ["UpdateServer", "UpdateServer"]);
    let banner = rig.cloud.servers()[FIRST].settings.pre_authentication_login_banner.clone();
    assert_eq!(banner.unwrap_or_default(), "");
}

#[tokio::test(start_paused = true)]
async fn trouble_that_is_not_about_the_call_is_not_told_as_a_refusal() {
    let rows = [
        (AwsErrorKind::Throttled, ("True", "Available"), &[][..]),
        (AwsErrorKind::Lost, ("False", "AwsUnavailable"), &["UpdateUser"]),
    ];
    for (kind, (status, reason), calls) in rows {
        let rig = Rig::with_user(json!({})).await;
        for _ in 0..20 {
            rig.cloud.lose("ImportSshPublicKey", Lose::Call(kind));
        }
        rig.edit(USER, "alice", |object| {
            object["spec"]["homeDirectory"] = json!("/b");
            object["spec"]["sshPublicKeys"] = json!([{"publicKey": KEY}]);
        });
        at_once(&rig, USER, "alice").await;
        assert_eq!(rig.says(USER, "alice", "Ready").unwrap(), (status.to_owned(), reason.to_owned()), "{kind:?}");
        assert_eq!(rig.cloud.calls(), calls, "only what is about all calls holds up the others: {kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn when_a_user_was_confirmed_stays_written_down() {
    let rig = Rig::with_user(json!({})).await;
    let record = rig.status(USER, "alice")["create"].clone();
    assert_eq!((&record["phase"], &record["uid"]), (&json!("None"), &json!("uid-alice")));
    tokio::time::advance(TOLERANCE).await;
    rig.edit(USER, "alice", |object| object["spec"]["homeDirectory"] = json!("/b"));
    rig.settle(USER, "alice").await;
    assert_eq!(rig.cloud.calls(), ["UpdateUser"]);
    assert_eq!(rig.status(USER, "alice")["create"], record);
}

#[tokio::test(start_paused = true)]
async fn at_rest_nothing_is_written_about_a_user() {
    let rig = Rig::with_user(json!({"homeDirectory": "/a", "sshPublicKeys": [{"publicKey": KEY}]})).await;
    let writes = *rig.objects.writes.lock().unwrap();
    let reads = rig.cloud.reads();
    rig.run(USER, "alice", Duration::from_hours(2)).await;
    assert_eq!(*rig.objects.writes.lock().unwrap(), writes);
    assert!(rig.cloud.reads() > reads + 10, "it is looked at all the same");
    assert!(rig.cloud.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_record_of_another_object_is_replaced_by_our_own() {
    let rig = Rig::with_user(json!({})).await;
    rig.edit(USER, "alice", |object| object["status"]["create"]["uid"] = json!("uid-of-a-backup"));
    rig.settle(USER, "alice").await;
    let record = rig.status(USER, "alice")["create"].clone();
    assert_eq!((&record["phase"], &record["uid"]), (&json!("None"), &json!("uid-alice")));
    assert!(rig.cloud.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_confirmed_re_creation_counts_from_then_and_keeps_its_attempt() {
    let rig = Rig::with_user(json!({})).await;
    rig.cloud.users().clear();
    while rig.status(USER, "alice")["create"]["phase"] != "InFlight" {
        rig.reconcile(USER, "alice").await;
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    let begun = rig.status(USER, "alice")["create"]["startedAt"].clone();
    tokio::time::advance(Duration::from_secs(9)).await;
    rig.settle(USER, "alice").await;
    assert_eq!(rig.cloud.calls(), ["CreateUser"]);
    let record = rig.status(USER, "alice")["create"].clone();
    assert_eq!(record["phase"], "None");
    assert!(record["startedAt"].as_str() > begun.as_str(), "{record} after {begun}");
}
