//! One attempt at a create: what is written down of it, and what comes of each answer.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::rig::{FIRST, Fail, LAG, Lose, OLD, ROLE, Rig, TOLERANCE};
use crate::aws::AwsErrorKind;
use crate::aws::transfer::Tags;
use crate::engine::requeue::Requeue;

const SERVER: &str = "TransferServer";
const USER: &str = "TransferUser";
const ACCESS: &str = "TransferAccess";

/// A server `files` whose create is the next step.
async fn due() -> Rig {
    let rig = Rig::new();
    rig.server("files", json!({}));
    while rig.get(SERVER, "files").unwrap()["metadata"]["finalizers"].is_null() {
        rig.reconcile(SERVER, "files").await;
    }
    rig
}

/// A server that is Ready, and a user whose create is due.
async fn user_due() -> Rig {
    let rig = due().await;
    rig.settle(SERVER, "files").await;
    rig.user("alice", json!({}));
    rig.cloud.calls();
    rig
}

/// A directory server that is Ready, and an access whose create is due.
async fn access_due() -> Rig {
    let rig = Rig::new();
    rig.server("files", json!({"identityProviderType": "AWS_DIRECTORY_SERVICE"}));
    rig.settle(SERVER, "files").await;
    rig.cloud.calls();
    rig.put(ACCESS, "finance", json!({"serverRef": {"name": "files"}, "role": ROLE, "externalId": "S-1-1"}));
    rig
}

#[tokio::test(start_paused = true)]
async fn the_id_is_written_down_after_five_minutes_without_an_api_server() {
    let rig = due().await;
    let objects = Arc::clone(&rig.objects);
    let away = Box::new(move || {
        *objects.away.lock().unwrap() = Some(Instant::now() + Duration::from_mins(5));
    });
    rig.cloud.between.lock().unwrap().insert("CreateServer", away);
    rig.reconcile(SERVER, "files").await;
    tokio::time::sleep(Duration::from_mins(6)).await;
    // By the task of the attempt itself: no reconcile came after it.
    assert_eq!(rig.status(SERVER, "files")["serverId"], FIRST);
    assert_eq!(rig.status(SERVER, "files")["create"]["phase"], "None");
}

#[tokio::test(start_paused = true)]
async fn a_standing_id_or_another_attempt_is_not_written_over() {
    for (path, value) in
        [("serverId", json!("s-00000000000000009")), ("create", json!({"uid": "uid-files", "attempt": "another"}))]
    {
        let rig = due().await;
        let (objects, written) = (Arc::clone(&rig.objects), value.clone());
        let meanwhile = Box::new(move || {
            Rig::write_status(&objects, SERVER, "files", |status| match &written {
                record if record.is_object() => {
                    for (member, value) in record.as_object().unwrap() {
                        status[path][member] = value.clone();
                    }
                }
                id => status[path] = id.clone(),
            });
        });
        rig.cloud.between.lock().unwrap().insert("CreateServer", meanwhile);
        rig.reconcile(SERVER, "files").await;
        assert_eq!(rig.cloud.calls(), ["CreateServer"]);
        let status = rig.status(SERVER, "files");
        if path == "serverId" {
            assert_eq!(status["serverId"], "s-00000000000000009");
        } else {
            assert_eq!((&status["serverId"], &status["create"]["attempt"]), (&json!(null), &json!("another")));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_made_for_a_vanished_object_and_is_gone_is_let_be() {
    let rig = due().await;
    let objects = Arc::clone(&rig.objects);
    let vanish = Box::new(move || Rig::vanish(&objects, SERVER, "files"));
    rig.cloud.between.lock().unwrap().insert("CreateServer", vanish);
    rig.cloud.lose("DeleteServer", Lose::Call(AwsErrorKind::NotFound));
    rig.reconcile(SERVER, "files").await;
    tokio::time::sleep(Duration::from_mins(15)).await;
    assert_eq!(rig.cloud.calls(), ["CreateServer"], "the one deletion was answered");
}

#[tokio::test(start_paused = true)]
async fn a_recorded_and_unsent_attempt_is_waited_for_by_the_lag_only() {
    let rig = due().await;
    rig.objects.fail.lock().unwrap().push(Fail::Answer);
    rig.reconcile(SERVER, "files").await;
    assert_eq!(rig.status(SERVER, "files")["create"]["phase"], "InFlight");
    assert!(rig.cloud.calls().is_empty(), "written without an answer, so it was not sent");
    rig.run(SERVER, "files", LAG + LAG).await;
    assert_eq!(rig.cloud.calls(), ["CreateServer"]);
    assert_eq!(rig.status(SERVER, "files")["serverId"], FIRST);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_met_a_conflict_goes_on_only_where_its_own_attempt_stands() {
    for (fail, calls) in [(Fail::Repeat, 1), (Fail::Conflict, 0), (Fail::Overtaken, 0)] {
        let rig = due().await;
        rig.objects.fail.lock().unwrap().push(fail);
        rig.reconcile(SERVER, "files").await;
        assert_eq!(rig.cloud.calls().len(), calls);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_edited_while_its_attempt_is_recorded_is_created_as_edited() {
    let rig = due().await;
    rig.objects.fail.lock().unwrap().push(Fail::RepeatEdited);
    rig.reconcile(SERVER, "files").await;
    assert!(rig.cloud.calls().is_empty(), "what was read is not wanted any more, and nothing was sent");
    rig.run(SERVER, "files", LAG + LAG).await;
    assert_eq!(rig.cloud.calls(), ["CreateServer"], "as nothing was sent, only the lag is waited for");
    assert_eq!(rig.cloud.servers()[FIRST].tags["edited"], "meanwhile");
    let generation = &rig.get(SERVER, "files").unwrap()["metadata"]["generation"];
    assert_eq!(&rig.status(SERVER, "files")["observedGeneration"], generation);
}

#[tokio::test(start_paused = true)]
async fn a_user_that_aws_has_and_has_not_is_asked_for_slower_and_slower() {
    let rig = user_due().await;
    for _ in 0..3 {
        rig.cloud.lose("CreateUser", Lose::Call(AwsErrorKind::Exists));
    }
    let mut waits = Vec::new();
    while rig.cloud.calls.lock().unwrap().is_empty() {
        let next = rig.reconcile(USER, "alice").await;
        let made = !rig.cloud.calls.lock().unwrap().is_empty();
        if let (Requeue::After(wait), false) = (next, made) {
            waits.push(wait.as_millis());
            tokio::time::advance(wait).await;
        }
        assert_ne!(rig.says(USER, "alice", "Ready").map(|(_, reason)| reason), Some("Rejected".to_owned()));
    }
    assert_eq!(waits, [7500, 15000, 30000]);
}

#[tokio::test(start_paused = true)]
async fn a_call_without_an_answer_is_waited_for_by_the_whole_window() {
    let rig = due().await;
    rig.cloud.lose("CreateServer", Lose::Call(AwsErrorKind::Lost));
    rig.run(SERVER, "files", TOLERANCE).await;
    assert!(rig.cloud.calls().is_empty());
    rig.run(SERVER, "files", LAG + Duration::from_mins(1)).await;
    assert_eq!(rig.cloud.calls(), ["CreateServer"]);
}

#[tokio::test(start_paused = true)]
async fn a_user_that_may_have_been_made_is_looked_at_and_not_created_again() {
    let rig = user_due().await;
    rig.cloud.lose("CreateUser", Lose::Answer);
    rig.run(USER, "alice", Duration::from_mins(1)).await;
    assert_eq!(rig.cloud.calls(), ["CreateUser"]);
    assert_eq!(rig.says(USER, "alice", "Ready").unwrap().0, "True");
}

#[tokio::test(start_paused = true)]
async fn a_user_that_somebody_else_made_is_looked_at_and_not_created_again() {
    let rig = user_due().await;
    // AWS says that there is one, and later that there is none.
    rig.cloud.lose("CreateUser", Lose::Call(AwsErrorKind::Exists));
    rig.reconcile(USER, "alice").await;
    let reads = rig.cloud.reads();
    while rig.cloud.calls.lock().unwrap().is_empty() {
        rig.run(USER, "alice", Duration::from_mins(1)).await;
    }
    assert!(rig.cloud.reads() > reads, "it was looked at before it was created");
    assert_ne!(rig.status(USER, "alice")["create"]["phase"], "Rejected");
}

#[tokio::test(start_paused = true)]
async fn a_refused_create_of_a_user_is_recorded_so_the_object_can_go() {
    let rig = user_due().await;
    for _ in 0..40 {
        rig.cloud.lose("CreateUser", Lose::Call(AwsErrorKind::Denied));
    }
    for minutes in 1..5 {
        rig.run(USER, "alice", Duration::from_mins(minutes)).await;
        assert_eq!(rig.status(USER, "alice")["create"]["phase"], "Rejected");
    }
    let refused = 40 - rig.cloud.lose.lock().unwrap()["CreateUser"].len();
    assert!((4..=12).contains(&refused), "{refused} times");
    rig.delete(USER, "alice");
    rig.settle(USER, "alice").await;
    assert!(rig.get(USER, "alice").is_none(), "nothing was made, so nothing is waited for");
}

#[tokio::test(start_paused = true)]
async fn a_refused_access_ends_its_record_unless_an_earlier_may_arrive() {
    let refused = Lose::Call(AwsErrorKind::Denied);
    // What came of the attempt before, how long ago, and what the refusal of the next one leaves.
    for (first, ago, left) in [
        (refused, Duration::ZERO, "Rejected"),
        (Lose::Call(AwsErrorKind::Lost), Duration::ZERO, "InFlight"),
        (Lose::Call(AwsErrorKind::Lost), TOLERANCE + LAG, "Rejected"),
    ] {
        let rig = access_due().await;
        rig.cloud.lose("CreateAccess", first);
        while rig.cloud.lose.lock().unwrap()["CreateAccess"].len() == 1 {
            rig.reconcile(ACCESS, "finance").await;
        }
        tokio::time::advance(ago + Duration::from_secs(1)).await;
        for _ in 0..40 {
            rig.cloud.lose("CreateAccess", refused);
        }
        while rig.cloud.lose.lock().unwrap()["CreateAccess"].len() == 40 {
            rig.run(ACCESS, "finance", Duration::from_secs(2)).await;
        }
        assert_eq!(rig.status(ACCESS, "finance")["create"]["phase"], left, "after {ago:?}");
    }
}

/// Users of other tools, peers.md C 26: the name of an object is the id of nothing.
#[tokio::test(start_paused = true)]
async fn an_object_named_like_a_server_makes_one_of_its_own() {
    let rig = Rig::new();
    rig.cloud.put_server(OLD, Tags::new(), |_| ());
    rig.server(OLD, json!({"lifecycle": {"deletionProtection": false}}));
    rig.settle(SERVER, OLD).await;
    assert_eq!(
        (rig.status(SERVER, OLD)["serverId"].clone(), rig.cloud.calls()),
        (json!(FIRST), vec!["CreateServer".to_owned()])
    );
    assert!(rig.cloud.servers()[OLD].tags.is_empty(), "the other one is nobody's");
    rig.delete(SERVER, OLD);
    rig.run(SERVER, OLD, Duration::from_hours(1)).await;
    assert_eq!(rig.get(SERVER, OLD), None);
    assert_eq!(rig.cloud.servers().keys().collect::<Vec<_>>(), [OLD]);
}
