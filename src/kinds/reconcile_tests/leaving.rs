//! Deletion: what AWS answers to it, and what it waits for.

use std::time::Duration;

use serde_json::json;

use super::rig::{FIRST, LAG, Lose, Rig, TOLERANCE};
use crate::aws::AwsErrorKind;
use crate::engine::requeue::Requeue;

const USER: &str = "TransferUser";

/// A server and a user `alice` on it for longer than any call can be late.
async fn with_user() -> Rig {
    let rig = Rig::with_user(json!({})).await;
    tokio::time::advance(TOLERANCE + LAG).await;
    rig
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_found_nothing_is_looked_at_again_at_once() {
    let rig = with_user().await;
    rig.delete(USER, "alice");
    rig.cloud.lose("DeleteUser", Lose::Call(AwsErrorKind::NotFound));
    assert_eq!(rig.reconcile(USER, "alice").await, Requeue::Again);
    assert_eq!(rig.says(USER, "alice", "Ready").unwrap().0, "True", "nothing was said of it");
    rig.settle(USER, "alice").await;
    assert_eq!(rig.cloud.calls(), ["DeleteUser"]);
    assert!(rig.get(USER, "alice").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_is_refused_says_so_and_is_tried_again() {
    let rig = with_user().await;
    rig.delete(USER, "alice");
    for _ in 0..3 {
        rig.cloud.lose("DeleteUser", Lose::Call(AwsErrorKind::Denied));
    }
    assert_ne!(rig.reconcile(USER, "alice").await, Requeue::Again, "not without a pause");
    rig.run(USER, "alice", Duration::from_mins(1)).await;
    assert_eq!(rig.cloud.calls(), ["DeleteUser"]);
    assert!(rig.get(USER, "alice").is_none());
}

#[tokio::test(start_paused = true)]
async fn while_a_deletion_waits_nothing_is_shown_of_what_is_gone() {
    let rig = Rig::with_user(json!({})).await;
    assert_eq!(rig.status(USER, "alice")["userName"], "alice");
    rig.delete(USER, "alice");
    rig.run(USER, "alice", Duration::from_mins(1)).await;
    assert_eq!(rig.cloud.calls(), ["DeleteUser"]);
    let status = rig.status(USER, "alice");
    assert!(status["userName"].is_null() && status["sshPublicKeyCount"].is_null() && status["sshPublicKeys"].is_null());
    assert_eq!(status["serverId"], FIRST, "where it is looked for once more");
    let message = rig.message(USER, "alice");
    assert!(message.contains("normal") && message.contains("until 2026-01-01T00:1"), "{message}");
    rig.run(USER, "alice", TOLERANCE + LAG).await;
    assert!(rig.get(USER, "alice").is_none() && rig.cloud.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_late_user_of_another_name_than_its_object_is_found_and_deleted() {
    let rig = Rig::with_user(json!({"userName": "a.lice"})).await;
    rig.delete(USER, "alice");
    rig.run(USER, "alice", Duration::from_mins(1)).await;
    // Somebody edits the name of what is on its way out.
    rig.edit(USER, "alice", |object| object["spec"]["userName"] = json!("other"));
    let late = rig.cloud.calls();
    assert_eq!(late, ["DeleteUser"]);
    let user = crate::aws::transfer::User {
        user_name: "a.lice".to_owned(),
        tags: crate::engine::owner::Owner::new("cluster-1", "team", "alice", "uid-alice").tags("late"),
        ..crate::aws::transfer::User::default()
    };
    rig.cloud.users().insert((FIRST.to_owned(), "a.lice".to_owned()), user);
    rig.run(USER, "alice", Duration::from_mins(40)).await;
    assert_eq!(rig.cloud.calls(), ["DeleteUser"], "the late one goes");
    assert!(rig.get(USER, "alice").is_none());
}
