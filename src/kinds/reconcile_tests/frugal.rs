//! What one user costs: calls of AWS, and reads, writes and Events of the API server. And that what is saved is only what
//! AWS, or the API server, has said already.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::rig::{Fail, Lose, ROLE, Rig};
use crate::aws::AwsErrorKind;
use crate::aws::transfer::SshPublicKey;
use crate::engine::requeue::Requeue;

const SERVER: &str = "TransferServer";
const USER: &str = "TransferUser";
const ACCESS: &str = "TransferAccess";

/// The line of a key that is another one for each number.
fn key(number: u8) -> String {
    let mut body = b"\0\0\0\x0bssh-ed25519\0\0\0\x20".to_vec();
    body.extend([number + 1; 32]);
    format!("ssh-ed25519 {}", STANDARD.encode(body))
}

fn keys(numbers: &[u8]) -> Value {
    numbers.iter().map(|number| json!({"publicKey": key(*number)})).collect()
}

/// What was asked of AWS and of the API server since the last time: mutations, reads, live reads, writes and Events.
fn cost(rig: &Rig) -> (Vec<String>, u64, u32, u32, usize) {
    let zero = |count: &std::sync::Mutex<u32>| std::mem::take(&mut *count.lock().unwrap());
    let objects = &rig.objects;
    let notes = std::mem::take(&mut *objects.notes.lock().unwrap()).len();
    (rig.cloud.calls(), rig.cloud.reads_since(), zero(&objects.gets), zero(&objects.writes), notes)
}

async fn with_server(provider: &str) -> Rig {
    let rig = Rig::new();
    rig.server("files", json!({"identityProviderType": provider}));
    rig.settle(SERVER, "files").await;
    cost(&rig);
    rig
}

async fn managed() -> Rig {
    with_server("SERVICE_MANAGED").await
}

fn rows(rig: &Rig) -> Vec<(bool, bool, bool)> {
    let status = rig.status(USER, "alice");
    let has = |row: &Value, member: &str| !row[member].is_null();
    let row = |row: &Value| (has(row, "id"), has(row, "fingerprint"), row["managed"] == true);
    status["sshPublicKeys"].as_array().unwrap().iter().map(row).collect()
}

#[tokio::test(start_paused = true)]
async fn a_user_with_one_key_takes_one_call_two_writes_and_one_event() {
    let rig = managed().await;
    rig.user("alice", json!({"sshPublicKeys": keys(&[0]), "tags": {"team": "a"}}));
    rig.settle(USER, "alice").await;
    assert_eq!(cost(&rig), (vec!["CreateUser".to_owned()], 0, 1, 2, 1));
    assert_eq!(rig.says(USER, "alice", "Ready").unwrap().0, "True");
    assert_eq!(rows(&rig), [(false, true, true)], "the key is shown before AWS told its id");
    rig.settle(USER, "alice").await;
    assert_eq!(cost(&rig), (vec![], 1, 0, 1, 0), "the first look tells the id");
    assert_eq!(rows(&rig), [(true, true, true)]);
    rig.run(USER, "alice", Duration::from_hours(2)).await;
    let (calls, _, gets, writes, events) = cost(&rig);
    assert_eq!((calls.len(), gets, writes, events), (0, 0, 0, 0), "at rest");
}

#[tokio::test(start_paused = true)]
async fn a_user_with_more_keys_takes_one_call_for_each_and_no_more_writes() {
    let rig = managed().await;
    rig.user("alice", json!({"sshPublicKeys": keys(&[0, 1, 2, 3])}));
    rig.settle(USER, "alice").await;
    let calls = ["CreateUser", "ImportSshPublicKey", "ImportSshPublicKey", "ImportSshPublicKey"];
    assert_eq!(cost(&rig), (calls.map(str::to_owned).to_vec(), 0, 4, 2, 1));
    let mut rows = rows(&rig);
    rows.sort_unstable();
    let known = (true, true, true);
    assert_eq!(rows, [(false, true, true), known, known, known], "AWS answers with the ids of those it imports");
}

#[tokio::test(start_paused = true)]
async fn an_access_is_looked_at_before_it_is_made_and_not_after() {
    let rig = with_server("AWS_DIRECTORY_SERVICE").await;
    rig.put(ACCESS, "finance", json!({"serverRef": {"name": "files"}, "role": ROLE, "externalId": "S-1-1"}));
    rig.settle(ACCESS, "finance").await;
    assert_eq!(cost(&rig), (vec!["CreateAccess".to_owned()], 1, 1, 3, 1), "with the record of its attempt");
    rig.edit(ACCESS, "finance", |object| object["spec"]["homeDirectory"] = json!("/b"));
    rig.settle(ACCESS, "finance").await;
    assert_eq!(cost(&rig), (vec!["UpdateAccess".to_owned()], 1, 1, 2, 1));
    assert_eq!(rig.says(ACCESS, "finance", "Ready").unwrap().0, "True");
}

#[tokio::test(start_paused = true)]
async fn an_edit_takes_two_calls_two_writes_and_one_event() {
    let rig = Rig::with_user(json!({"homeDirectory": "/a", "sshPublicKeys": keys(&[0])})).await;
    cost(&rig);
    rig.edit(USER, "alice", |object| {
        object["spec"]["homeDirectory"] = json!("/b");
        object["spec"]["policy"] = json!("{\"Statement\": []}");
    });
    rig.settle(USER, "alice").await;
    assert_eq!(cost(&rig), (vec!["UpdateUser".to_owned()], 1, 1, 2, 1));
    assert_eq!(rig.says(USER, "alice", "Ready").unwrap().0, "True");
    rig.settle(USER, "alice").await;
    assert_eq!(cost(&rig), (vec![], 1, 0, 0, 0), "what was counted as seen is what is seen");
    rig.edit(USER, "alice", |object| {
        object["spec"]["homeDirectory"] = json!("/c");
        object["spec"]["tags"] = json!({"team": "a"});
        object["spec"]["sshPublicKeys"] = keys(&[0, 1]);
    });
    rig.settle(USER, "alice").await;
    let calls = ["ImportSshPublicKey", "UpdateUser", "TagResource"].map(str::to_owned).to_vec();
    assert_eq!(cost(&rig), (calls, 1, 3, 2, 1), "of several calls too");
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_away_is_looked_at_before_and_after() {
    let rig = Rig::with_user(json!({"policy": "{\"Statement\": []}", "sshPublicKeys": keys(&[0])})).await;
    cost(&rig);
    rig.edit(USER, "alice", |object| object["spec"]["sshPublicKeys"] = keys(&[1]));
    rig.settle(USER, "alice").await;
    let (calls, reads, ..) = cost(&rig);
    assert_eq!(calls, ["ImportSshPublicKey", "DeleteSshPublicKey"]);
    assert_eq!(reads, 3, "before, between the new key and the end of the last way in, and after");
    rig.edit(USER, "alice", |object| {
        object["spec"].as_object_mut().unwrap().remove("policy");
    });
    rig.settle(USER, "alice").await;
    let (calls, reads, ..) = cost(&rig);
    assert_eq!((calls, reads), (vec!["UpdateUser".to_owned()], 2), "a policy is forgotten once it is seen to be gone");
}

#[tokio::test(start_paused = true)]
async fn a_key_of_unknown_id_is_looked_at_before_it_goes_and_others_stay() {
    for restart in [false, true] {
        let mut rig = managed().await;
        rig.user("alice", json!({"sshPublicKeyPolicy": "Additive", "sshPublicKeys": keys(&[0])}));
        rig.settle(USER, "alice").await;
        assert_eq!(rows(&rig), [(false, true, true)]);
        let theirs = SshPublicKey { id: "key-theirs".to_owned(), body: key(1), date_imported: None };
        rig.cloud.users().values_mut().for_each(|user| user.ssh_public_keys.push(theirs.clone()));
        if restart {
            rig.restart();
        }
        rig.edit(USER, "alice", |object| object["spec"]["sshPublicKeys"] = keys(&[2]));
        rig.settle(USER, "alice").await;
        let user = rig.cloud.users().values().next().unwrap().clone();
        let held: Vec<&str> = user.ssh_public_keys.iter().map(|key| key.body.as_str()).collect();
        assert_eq!(held, [key(1), key(2)], "restart: {restart}");
        assert_eq!(rig.says(USER, "alice", "Ready").unwrap().0, "True");
    }
}

#[tokio::test(start_paused = true)]
async fn keys_are_found_again_by_content_after_a_death_in_the_middle() {
    for lost in [Lose::Answer, Lose::Call(AwsErrorKind::Lost)] {
        let mut rig = managed().await;
        rig.user("alice", json!({"sshPublicKeys": keys(&[0, 1, 2])}));
        rig.cloud.lose("ImportSshPublicKey", lost);
        rig.objects.fail.lock().unwrap().push(Fail::Write);
        while rig.cloud.calls.lock().unwrap().is_empty() {
            rig.reconcile(USER, "alice").await;
        }
        rig.restart();
        rig.settle(USER, "alice").await;
        let user = rig.cloud.users().values().next().unwrap().clone();
        let mut held: Vec<&str> = user.ssh_public_keys.iter().map(|key| key.body.as_str()).collect();
        held.sort_unstable();
        assert_eq!(held, [key(0), key(1), key(2)], "each once");
        assert_eq!(rig.says(USER, "alice", "Ready").unwrap().0, "True");
    }
}

#[tokio::test(start_paused = true)]
async fn slow_imports_go_on_in_the_next_reconcile_and_nothing_is_told_between() {
    let rig = managed().await;
    *rig.cloud.slow.lock().unwrap() = Duration::from_secs(20);
    rig.user("alice", json!({"sshPublicKeys": keys(&[0, 1, 2, 3])}));
    assert_eq!(rig.reconcile(USER, "alice").await, Requeue::Again);
    assert_eq!(rig.says(USER, "alice", "Ready").map(|ready| ready.1), None, "no defect is told");
    rig.settle(USER, "alice").await;
    assert_eq!(rig.cloud.users().values().next().unwrap().ssh_public_keys.len(), 4);
    assert_eq!(rig.says(USER, "alice", "Ready").unwrap().0, "True");
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_stands_still_is_not_believed_after_a_write_of_ours() {
    let rig = managed().await;
    rig.user("alice", json!({}));
    rig.objects.stand_still();
    rig.settle(USER, "alice").await;
    assert_eq!(cost(&rig), (vec!["CreateUser".to_owned()], 0, 1, 2, 1), "it shows all that is known at first");
    rig.edit(USER, "alice", |object| object["spec"]["homeDirectory"] = json!("/b"));
    rig.settle(USER, "alice").await;
    assert_eq!(cost(&rig), (vec!["UpdateUser".to_owned()], 1, 2, 2, 1), "a live read more");
    *rig.objects.watched.lock().unwrap() = None;
    rig.settle(USER, "alice").await;
    assert_eq!(cost(&rig), (vec![], 1, 0, 0, 0), "it has caught up");
}

#[tokio::test(start_paused = true)]
async fn a_mutation_rests_on_a_live_read_however_far_behind_the_watch_is() {
    let rig = Rig::with_user(json!({"homeDirectory": "/a"})).await;
    rig.edit(USER, "alice", |object| object["spec"]["homeDirectory"] = json!("/b"));
    rig.objects.stand_still();
    rig.edit(USER, "alice", |object| object["spec"]["homeDirectory"] = json!("/c"));
    rig.settle(USER, "alice").await;
    assert_eq!(rig.cloud.calls(), ["UpdateUser"], "nothing of what the watch shows was sent");
    let home = rig.cloud.users().values().next().unwrap().settings.home_directory.clone();
    assert_eq!(home.as_deref(), Some("/c"));
}

/// A user whose home directory was `/a`, and was just edited to `/b`.
async fn moved() -> Rig {
    let rig = managed().await;
    rig.user("alice", json!({"homeDirectory": "/a"}));
    rig.settle(USER, "alice").await;
    rig.settle(USER, "alice").await;
    rig.edit(USER, "alice", |object| object["spec"]["homeDirectory"] = json!("/b"));
    rig.settle(USER, "alice").await;
    assert_eq!(rig.says(USER, "alice", "Ready").unwrap().0, "True");
    cost(&rig);
    rig
}

/// What AWS shows, whoever did it.
fn set_home(rig: &Rig, home: &str) {
    rig.cloud.users().values_mut().for_each(|user| user.settings.home_directory = Some(home.to_owned()));
}

#[tokio::test(start_paused = true)]
async fn an_edit_that_is_taken_back_at_once_is_not_in_force_on_an_old_look() {
    let rig = moved().await;
    // AWS's answers lag: they show what was there before.
    set_home(&rig, "/a");
    rig.edit(USER, "alice", |object| object["spec"]["homeDirectory"] = json!("/a"));
    rig.settle(USER, "alice").await;
    assert_eq!(rig.says(USER, "alice", "Ready").unwrap(), ("False".to_owned(), "WaitingForAws".to_owned()));
    set_home(&rig, "/b");
    rig.run(USER, "alice", Duration::from_secs(20)).await;
    assert_eq!(cost(&rig).0, ["UpdateUser"]);
    assert_eq!(rig.says(USER, "alice", "Ready").unwrap().0, "True");
    assert!(rig.cloud.users().values().all(|user| user.settings.home_directory.as_deref() == Some("/a")));
}

#[tokio::test(start_paused = true)]
async fn drift_soon_after_an_own_call_is_told_as_drift() {
    let rig = moved().await;
    tokio::time::advance(Duration::from_mins(6)).await;
    set_home(&rig, "/else");
    rig.settle(USER, "alice").await;
    let (calls, _, _, _, events) = cost(&rig);
    assert_eq!((calls, events), (vec!["UpdateUser".to_owned()], 1));
    assert_eq!(rig.drift_of_users(), (1, 1), "found and corrected");
}
