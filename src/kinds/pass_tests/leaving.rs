//! Deletion: what AWS answers to it, and what it waits for.

use std::time::Duration;

use serde_json::json;

use super::rig::{LAG, Lose, Rig, TOLERANCE};
use crate::aws::FaultKind;
use crate::engine::scene::Next;

const USER: &str = "TransferUser";

/// A server and a user `alice` on it for longer than any call can be late.
async fn with_user() -> Rig {
    let rig = Rig::with_user(json!({})).await;
    tokio::time::advance(TOLERANCE + LAG).await;
    rig
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_found_nothing_is_looked_at_again_at_once_and_is_no_failure() {
    let rig = with_user().await;
    rig.delete(USER, "alice");
    rig.cloud.lose("DeleteUser", Lose::Call(FaultKind::NotFound));
    assert_eq!(rig.pass(USER, "alice").await, Next::Again);
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
        rig.cloud.lose("DeleteUser", Lose::Call(FaultKind::Denied));
    }
    assert_ne!(rig.pass(USER, "alice").await, Next::Again, "not without a pause");
    rig.run(USER, "alice", Duration::from_mins(1)).await;
    assert_eq!(rig.cloud.calls(), ["DeleteUser"]);
    assert!(rig.get(USER, "alice").is_none());
}
