//! Trouble that does not pass: one call that AWS never carries out, reconciles that never end, what was aimed
//! elsewhere.

use std::time::Duration;

use serde_json::json;

use super::rig::{Lose, ROLE, Rig};
use crate::aws::AwsErrorKind;
use crate::aws::transfer::{Access, LoginSettings};

const SERVER: &str = "TransferServer";
const USER: &str = "TransferUser";
const ACCESS: &str = "TransferAccess";
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB laptop";
const OTHER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC phone";

fn sent(rig: &Rig, operation: &str) -> usize {
    rig.cloud.calls().iter().filter(|call| *call == operation).count()
}

#[tokio::test(start_paused = true)]
async fn a_call_that_aws_never_carries_out_holds_up_nothing_else() {
    for kind in [AwsErrorKind::Unavailable, AwsErrorKind::Lost, AwsErrorKind::Conflict] {
        let rig = Rig::with_user(json!({})).await;
        for _ in 0..100 {
            rig.cloud.lose("ImportSshPublicKey", Lose::Call(kind));
        }
        rig.edit(USER, "alice", |object| {
            object["spec"]["homeDirectory"] = json!("/b");
            object["spec"]["sshPublicKeys"] = json!([{"publicKey": KEY}]);
        });
        rig.reconcile(USER, "alice").await;
        rig.reconcile(USER, "alice").await;
        assert_eq!(rig.cloud.calls(), ["UpdateUser"], "{kind:?}");
        rig.run(USER, "alice", Duration::from_mins(5)).await;
        assert!(rig.cloud.calls().is_empty(), "{kind:?}");
        assert_eq!(rig.says(USER, "alice", "Reconciling").unwrap().0, "True", "{kind:?}: nobody is called for it");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_throttled_holds_up_everything() {
    let rig = Rig::with_user(json!({})).await;
    for _ in 0..100 {
        rig.cloud.lose("ImportSshPublicKey", Lose::Call(AwsErrorKind::Throttled));
    }
    rig.edit(USER, "alice", |object| {
        object["spec"]["homeDirectory"] = json!("/b");
        object["spec"]["sshPublicKeys"] = json!([{"publicKey": KEY}]);
    });
    // What is going to be set is written down before the call.
    rig.run(USER, "alice", Duration::from_secs(10)).await;
    let written = *rig.objects.writes.lock().unwrap();
    rig.run(USER, "alice", Duration::from_secs(100)).await;
    assert_eq!(*rig.objects.writes.lock().unwrap(), written, "nothing is written of it for two minutes");
    rig.run(USER, "alice", Duration::from_mins(3)).await;
    assert!(rig.cloud.calls().is_empty());
    assert_eq!(rig.says(USER, "alice", "Ready").unwrap(), ("False".to_owned(), "Throttled".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn what_is_throttled_now_and_then_goes_again_and_is_written_nowhere() {
    for operation in ["CreateUser", "ImportSshPublicKey", "DescribeUser"] {
        let quiet = Rig::with_user(json!({})).await;
        let rig = Rig::with_user(json!({})).await;
        for rig in [&quiet, &rig] {
            rig.user("bob", json!({"sshPublicKeys": [{"publicKey": KEY}, {"publicKey": OTHER}]}));
        }
        for _ in 0..2 {
            rig.cloud.lose(operation, Lose::Call(AwsErrorKind::Throttled));
        }
        let mut writes = Vec::new();
        for rig in [&quiet, &rig] {
            let before = *rig.objects.writes.lock().unwrap();
            rig.settle(USER, "bob").await;
            assert_eq!(rig.says(USER, "bob", "Ready").unwrap().0, "True", "{operation}");
            writes.push(*rig.objects.writes.lock().unwrap() - before);
        }
        assert_eq!(writes[0], writes[1], "{operation}: writes without and with throttles");
    }
}

#[tokio::test(start_paused = true)]
async fn what_aws_takes_and_never_shows_is_sent_ever_less_and_told_once() {
    let rig = Rig::with_user(json!({})).await;
    for _ in 0..1000 {
        rig.cloud.lose("UpdateUser", Lose::Effect);
    }
    rig.edit(USER, "alice", |object| object["spec"]["homeDirectory"] = json!("/b"));
    rig.run(USER, "alice", Duration::from_mins(1)).await;
    assert_eq!(sent(&rig, "UpdateUser"), 1, "AWS's word counts");
    assert_eq!(rig.says(USER, "alice", "Ready").unwrap().0, "True");
    // Looked at, that it is not so is seen.
    rig.run(USER, "alice", Duration::from_mins(1)).await;
    assert_eq!(sent(&rig, "UpdateUser"), 1, "answers may lag");
    assert_eq!(rig.says(USER, "alice", "Ready").unwrap(), ("False".to_owned(), "Updating".to_owned()));
    rig.run(USER, "alice", Duration::from_hours(2)).await;
    let sent = sent(&rig, "UpdateUser");
    assert!((5..15).contains(&sent), "{sent}");
    let told = rig.objects.notes.lock().unwrap().iter().filter(|note| note.message.contains("UpdateUser")).count();
    assert_eq!(told, 2, "that it was accepted, and why it is not Ready");
    // An edit is new, also back to what was sent before.
    for home in ["/c", "/b"] {
        rig.edit(USER, "alice", |object| object["spec"]["homeDirectory"] = json!(home));
        rig.reconcile(USER, "alice").await;
        rig.reconcile(USER, "alice").await;
    }
    assert_eq!(self::sent(&rig, "UpdateUser"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_reconcile_that_never_ended_is_said_and_does_not_stop_the_next() {
    let rig = Rig::with_user(json!({})).await;
    for _ in 0..3 {
        rig.begun("alice");
        rig.reconcile(USER, "alice").await;
        tokio::time::advance(Duration::from_mins(1)).await;
    }
    assert_eq!(rig.says(USER, "alice", "Ready").unwrap().0, "True", "for a while");
    for _ in 0..10 {
        rig.begun("alice");
        rig.reconcile(USER, "alice").await;
        tokio::time::advance(Duration::from_mins(1)).await;
    }
    assert_eq!(rig.says(USER, "alice", "Ready").unwrap(), ("Unknown".to_owned(), "VerificationOverdue".to_owned()));
    assert!(rig.message(USER, "alice").contains("ran out of time"), "{}", rig.message(USER, "alice"));
    rig.settle(USER, "alice").await;
    assert_eq!(rig.says(USER, "alice", "Ready").unwrap().0, "True");
}

#[tokio::test(start_paused = true)]
async fn an_access_under_way_on_one_server_is_not_recognised_in_another_ones() {
    let rig = Rig::new();
    for (server, access) in [("files", None), ("other", Some("S-1-1"))] {
        rig.server(server, json!({"identityProviderType": "AWS_DIRECTORY_SERVICE"}));
        rig.settle(SERVER, server).await;
        let id = rig.status(SERVER, server)["serverId"].as_str().unwrap().to_owned();
        if let Some(access) = access {
            let theirs = Access { external_id: access.to_owned(), settings: LoginSettings::default() };
            rig.cloud.accesses().insert((id, access.to_owned()), theirs);
        }
    }
    rig.cloud.calls();
    for _ in 0..100 {
        rig.cloud.lose("CreateAccess", Lose::Call(AwsErrorKind::Lost));
    }
    rig.put(ACCESS, "finance", json!({"serverRef": {"name": "files"}, "role": ROLE, "externalId": "S-1-1"}));
    rig.run(ACCESS, "finance", Duration::from_mins(1)).await;
    assert_eq!(rig.status(ACCESS, "finance")["create"]["phase"], "InFlight");
    rig.edit(ACCESS, "finance", |object| object["spec"]["serverRef"]["name"] = json!("other"));
    rig.run(ACCESS, "finance", Duration::from_mins(1)).await;
    assert_eq!(rig.says(ACCESS, "finance", "Stalled").unwrap().1, "ServerChanged");
    assert!(rig.cloud.calls().is_empty(), "theirs is not touched");
    rig.delete(ACCESS, "finance");
    rig.run(ACCESS, "finance", Duration::from_hours(1)).await;
    assert!(rig.get(ACCESS, "finance").is_none());
    assert_eq!(rig.cloud.accesses().len(), 1, "theirs stays");
}

#[tokio::test(start_paused = true)]
async fn a_refused_call_delays_no_look_and_no_end_of_a_key() {
    let rig = Rig::with_user(json!({})).await;
    for _ in 0..100 {
        rig.cloud.lose("UpdateUser", Lose::Call(AwsErrorKind::Rejected));
    }
    let end = "2026-01-02T00:00:00Z";
    rig.edit(USER, "alice", |object| {
        object["spec"]["homeDirectory"] = json!("/b");
        object["spec"]["sshPublicKeys"] = json!([{"publicKey": KEY, "expiresAt": end}]);
    });
    rig.run(USER, "alice", Duration::from_hours(23)).await;
    assert_eq!(rig.cloud.calls(), ["ImportSshPublicKey"]);
    assert_eq!(rig.says(USER, "alice", "Stalled").unwrap().1, "Rejected");
    rig.run(USER, "alice", Duration::from_hours(2)).await;
    assert_eq!(rig.cloud.calls(), ["DeleteSshPublicKey"]);
}

#[tokio::test(start_paused = true)]
async fn importing_what_is_there_is_no_refusal_and_not_repeated_quickly() {
    let rig = Rig::with_user(json!({})).await;
    for _ in 0..50 {
        rig.cloud.lose("ImportSshPublicKey", Lose::Call(AwsErrorKind::Exists));
    }
    rig.edit(USER, "alice", |object| object["spec"]["sshPublicKeys"] = json!([{"publicKey": KEY}]));
    rig.run(USER, "alice", Duration::from_mins(1)).await;
    let tried = 50 - rig.cloud.lose.lock().unwrap()["ImportSshPublicKey"].len();
    assert_eq!(tried, 2, "answers may lag");
    assert_eq!(rig.says(USER, "alice", "Ready").unwrap().1, "Updating");
}
