//! A server that AWS no longer has, made anew with everything that was on it.

use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{FIRST, LAG, ROLE, Rig, SECOND, THIRD};
use crate::aws::transfer::Tags;

const SERVER: &str = "TransferServer";
const USER: &str = "TransferUser";

fn policy(recreate: &str) -> Value {
    json!({"recreatePolicy": recreate, "deletionProtection": false})
}

/// A server with a user, whose server is then gone from AWS.
async fn bereft(recreate: &str) -> Rig {
    let rig = Rig::new();
    rig.server("files", json!({"lifecycle": policy(recreate)}));
    rig.settle(SERVER, "files").await;
    rig.user("alice", json!({}));
    rig.settle(USER, "alice").await;
    rig.cloud.calls();
    rig.cloud.servers().clear();
    rig.cloud.users().clear();
    rig
}

#[tokio::test(start_paused = true)]
async fn only_what_is_long_missing_is_made_anew_if_the_spec_says_so() {
    for (recreate, calls) in [("Manual", 0), ("Automatic", 1)] {
        let rig = bereft(recreate).await;
        rig.run(SERVER, "files", LAG / 2).await;
        assert!(rig.cloud.calls().is_empty(), "{recreate}: not believed yet");
        rig.run(SERVER, "files", LAG + LAG).await;
        assert_eq!(rig.cloud.calls().len(), calls, "{recreate}");
        let status = rig.status(SERVER, "files");
        if calls == 0 {
            assert_eq!(rig.says(SERVER, "files", "Stalled").unwrap().1, "ServerGone");
            assert_eq!(status["serverId"], FIRST);
        } else {
            assert_eq!((&status["serverId"], &status["create"]["lost"]), (&json!(SECOND), &json!([FIRST])));
            assert!(status["endpoint"].as_str().unwrap().starts_with("s-00000000000000002."));
            assert_eq!(rig.says(SERVER, "files", "Ready").unwrap().0, "True");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn its_users_follow_and_nobody_takes_their_names() {
    let rig = bereft("Automatic").await;
    rig.run(SERVER, "files", LAG + LAG).await;
    rig.cloud.calls();
    // Of the same name, and first in line.
    rig.put(USER, "thief", json!({"serverRef": {"name": "files"}, "role": ROLE, "userName": "alice"}));
    rig.settle(USER, "thief").await;
    assert_eq!(rig.says(USER, "thief", "Stalled").unwrap().1, "UserNameTaken");
    rig.settle(USER, "alice").await;
    assert_eq!(rig.cloud.calls(), ["CreateUser"]);
    let status = rig.status(USER, "alice");
    assert_eq!(status["serverId"], SECOND);
    assert!(status["arn"].as_str().unwrap().ends_with("user/s-00000000000000002/alice"));
    assert_eq!(rig.says(USER, "alice", "Ready").unwrap().0, "True");
}

#[tokio::test(start_paused = true)]
async fn a_user_deleted_on_its_way_to_a_new_server_leaves_nothing() {
    let mut rig = bereft("Automatic").await;
    rig.run(SERVER, "files", LAG + LAG).await;
    while rig.cloud.users().is_empty() {
        rig.reconcile(USER, "alice").await;
    }
    rig.restart();
    rig.delete(USER, "alice");
    rig.run(USER, "alice", Duration::from_mins(30)).await;
    assert!(rig.cloud.users().is_empty() && rig.get(USER, "alice").is_none());
}

#[tokio::test(start_paused = true)]
async fn nobody_follows_a_reference_that_was_changed_nor_the_word_of_a_status() {
    let rig = bereft("Automatic").await;
    rig.server("other", json!({"lifecycle": policy("Automatic")}));
    rig.settle(SERVER, "other").await;
    rig.edit(USER, "alice", |object| object["spec"]["serverRef"] = json!({"name": "other"}));
    rig.cloud.calls();
    rig.settle(USER, "alice").await;
    assert_eq!(rig.says(USER, "alice", "Stalled").unwrap().1, "ServerChanged", "it never had the recorded server");
    rig.edit(SERVER, "other", |object| object["status"]["create"]["lost"] = json!([FIRST]));
    rig.cloud.put_server(FIRST, Tags::new(), |_| ());
    rig.settle(USER, "alice").await;
    assert_eq!(rig.says(USER, "alice", "Stalled").unwrap().1, "ServerChanged", "AWS still has the recorded server");
    assert!(rig.cloud.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_comes_back_is_not_taken_again_and_goes_with_the_object() {
    let rig = bereft("Automatic").await;
    rig.run(SERVER, "files", LAG + LAG).await;
    let tags = rig.cloud.servers()[SECOND].tags.clone();
    rig.cloud.put_server(FIRST, tags, |_| ());
    rig.cloud.servers().remove(SECOND);
    rig.run(SERVER, "files", LAG + LAG).await;
    assert_eq!(rig.status(SERVER, "files")["serverId"], THIRD);
    rig.delete(USER, "alice");
    rig.run(USER, "alice", Duration::from_mins(30)).await;
    rig.delete(SERVER, "files");
    rig.run(SERVER, "files", Duration::from_mins(10)).await;
    assert!(rig.cloud.servers().is_empty() && rig.get(SERVER, "files").is_none());
}
