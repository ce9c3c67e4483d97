//! Owner tags that somebody took off: what goes on meanwhile, and the ways back.

use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{FIRST, LAG, Rig, TOLERANCE};
use crate::api;
use crate::aws::transfer::Tags;

const SERVER: &str = "TransferServer";
const USER: &str = "TransferUser";
const GONE: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB";
const KEPT: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC";
const NEW: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMD";
const SERVER_ARN: &str = "arn:aws:transfer:eu-central-1:123456789012:server/s-00000000000000001";
const USER_ARN: &str = "arn:aws:transfer:eu-central-1:123456789012:user/s-00000000000000001/alice";

fn listed(keys: &[&str]) -> Value {
    keys.iter().map(|key| json!({"publicKey": key})).collect()
}

fn held(rig: &Rig) -> Vec<String> {
    let users = rig.cloud.users();
    users.values().flat_map(|user| &user.ssh_public_keys).map(|key| key.body.clone()).collect()
}

fn on_server(rig: &Rig, change: impl FnOnce(&mut Tags)) {
    change(&mut rig.cloud.servers().get_mut(FIRST).unwrap().tags);
}

fn on_user(rig: &Rig, change: impl FnOnce(&mut Tags)) {
    change(&mut rig.cloud.users().values_mut().next().unwrap().tags);
}

fn strip(tags: &mut Tags) {
    tags.remove(api::TAG_UID);
}

fn stalled(rig: &Rig, kind: &str, object: &str) -> String {
    rig.says(kind, object, "Stalled").map(|(_, reason)| reason).unwrap_or_default()
}

/// A server and a user with two keys whose uid tags a tag-cleaning job takes off the server, or the user.
async fn cleaned(of_server: bool) -> Rig {
    let rig = Rig::with_user(json!({"sshPublicKeys": listed(&[GONE, KEPT])})).await;
    if of_server {
        on_server(&rig, strip);
    } else {
        on_user(&rig, strip);
    }
    rig.run(SERVER, "files", Duration::from_mins(11)).await;
    rig.run(USER, "alice", Duration::from_mins(11)).await;
    assert!(rig.cloud.calls().is_empty(), "nothing is put back by itself");
    rig
}

/// The command at the end of the message, done as the AWS CLI would.
fn paste(rig: &Rig, kind: &str, object: &str) {
    let message = rig.message(kind, object);
    let (_, command) = message.split_once(": aws transfer ").unwrap();
    let arn = if kind == SERVER { SERVER_ARN } else { USER_ARN };
    let before = format!("tag-resource --region eu-central-1 --arn {arn} --tags Key=");
    let (key, value) = command.strip_prefix(&before).unwrap().split_once(",Value=").unwrap();
    let tag = |tags: &mut Tags| drop(tags.insert(key.to_owned(), value.to_owned()));
    if kind == SERVER { on_server(rig, tag) } else { on_user(rig, tag) }
}

#[tokio::test(start_paused = true)]
async fn on_a_server_without_its_uid_keys_are_removed_and_nothing_else() {
    let rig = cleaned(true).await;
    assert_eq!(stalled(&rig, SERVER, "files"), "OwnershipLost");
    assert_eq!(rig.says(USER, "alice", "Ready").unwrap().1, "ServerNotAvailable");
    let before = rig.cloud.reads();
    rig.run(USER, "alice", Duration::from_mins(10)).await;
    let reads = rig.cloud.reads() - before;
    assert!(reads <= 11, "who has nothing to revoke shares the look at the server and is not looked at: {reads}");
    rig.edit(USER, "alice", |object| {
        object["spec"]["sshPublicKeys"] = listed(&[KEPT, NEW]);
        object["spec"]["homeDirectory"] = json!("/elsewhere");
        object["spec"]["tags"] = json!({"team": "x"});
    });
    rig.run(USER, "alice", Duration::from_mins(5)).await;
    assert_eq!(rig.cloud.calls(), ["DeleteSshPublicKey"]);
    assert_eq!(held(&rig), [KEPT]);
    assert_eq!(rig.says(USER, "alice", "Ready").unwrap(), ("False".to_owned(), "ServerNotAvailable".to_owned()));
    rig.user("bob", json!({}));
    rig.run(USER, "bob", Duration::from_mins(5)).await;
    assert!(rig.cloud.calls().is_empty() && rig.get(USER, "bob").unwrap()["metadata"]["finalizers"].is_null());

    paste(&rig, SERVER, "files");
    rig.run(SERVER, "files", Duration::from_mins(6)).await;
    rig.run(USER, "alice", Duration::from_mins(2)).await;
    assert_eq!(rig.cloud.calls(), ["ImportSshPublicKey", "UpdateUser", "TagResource"]);
    assert_eq!(
        (stalled(&rig, SERVER, "files"), rig.says(USER, "alice", "Ready").unwrap().0.as_str()),
        (String::new(), "True")
    );
}

#[tokio::test(start_paused = true)]
async fn on_a_server_without_its_uid_a_user_can_be_deleted() {
    let rig = cleaned(true).await;
    tokio::time::advance(TOLERANCE + LAG).await;
    rig.delete(USER, "alice");
    rig.run(USER, "alice", Duration::from_mins(5)).await;
    assert_eq!(rig.cloud.calls(), ["DeleteUser"]);
    assert!(rig.get(USER, "alice").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_user_without_a_record_goes_too_but_its_object_waits_for_the_server() {
    let rig = cleaned(true).await;
    Rig::write_status(&rig.objects, USER, "alice", |status| *status = json!({}));
    rig.delete(USER, "alice");
    rig.run(USER, "alice", Duration::from_mins(40)).await;
    assert_eq!(rig.cloud.calls(), ["DeleteUser"]);
    assert_eq!(rig.says(USER, "alice", "Ready").unwrap().1, "DeletionBlocked");
    paste(&rig, SERVER, "files");
    rig.run(SERVER, "files", Duration::from_mins(6)).await;
    rig.run(USER, "alice", Duration::from_mins(40)).await;
    assert!(rig.get(USER, "alice").is_none() && rig.cloud.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn of_another_server_than_the_recorded_one_no_key_is_removed() {
    let rig = cleaned(true).await;
    // Whoever writes both statuses leads to a user of the same name that is not ours.
    on_user(&rig, |tags| drop(tags.insert(api::TAG_UID.to_owned(), "uid-of-another".to_owned())));
    rig.edit(USER, "alice", |object| object["spec"]["sshPublicKeys"] = listed(&[KEPT]));
    rig.run(USER, "alice", Duration::from_mins(20)).await;
    assert!(rig.cloud.calls().is_empty());
    assert_eq!(held(&rig), [GONE, KEPT]);
}

#[tokio::test(start_paused = true)]
async fn a_server_takes_its_uid_back_by_adoption_that_is_granted() {
    let rig = cleaned(true).await;
    let adopt = json!({"deletionPolicy": "Retain", "adoption": {"serverId": FIRST}});
    rig.edit(SERVER, "files", |object| object["spec"]["lifecycle"] = adopt);
    rig.run(SERVER, "files", Duration::from_mins(11)).await;
    assert_eq!(stalled(&rig, SERVER, "files"), "OwnershipLost", "the grant does not name it");
    assert!(rig.cloud.calls().is_empty());
    rig.grant(&[FIRST]);
    rig.run(SERVER, "files", Duration::from_mins(6)).await;
    assert_eq!((rig.cloud.calls(), stalled(&rig, SERVER, "files")), (vec!["TagResource".to_owned()], String::new()));
    rig.run(USER, "alice", Duration::from_mins(2)).await;
    assert_eq!(rig.says(USER, "alice", "Ready").unwrap().0, "True");
}

#[tokio::test(start_paused = true)]
async fn a_user_takes_its_uid_back_by_adoption_or_by_the_command() {
    for adopts in [true, false] {
        let rig = cleaned(false).await;
        assert_eq!(stalled(&rig, USER, "alice"), "OwnershipLost");
        if adopts {
            let adopt = json!({"deletionPolicy": "Delete", "adoption": {"mode": "IfIdentical"}});
            rig.edit(USER, "alice", |object| object["spec"]["lifecycle"] = adopt);
        } else {
            paste(&rig, USER, "alice");
        }
        rig.run(USER, "alice", Duration::from_mins(6)).await;
        assert_eq!(rig.cloud.calls().len(), usize::from(adopts));
        assert_eq!(rig.says(USER, "alice", "Ready").unwrap().0, "True");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_lost_its_uid_and_whose_status_was_wiped_is_not_made_anew() {
    let mut rig = cleaned(true).await;
    Rig::write_status(&rig.objects, SERVER, "files", |status| *status = json!({}));
    rig.restart();
    rig.run(SERVER, "files", Duration::from_mins(40)).await;
    assert!(rig.cloud.calls().is_empty());
    assert_eq!(stalled(&rig, SERVER, "files"), "OwnershipLost");
    paste(&rig, SERVER, "files");
    rig.run(SERVER, "files", Duration::from_mins(20)).await;
    assert_eq!(rig.status(SERVER, "files")["serverId"], FIRST);
    assert!(rig.cloud.calls().is_empty());
}
