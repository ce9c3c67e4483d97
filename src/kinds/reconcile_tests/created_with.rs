//! What CreateUser carried and what left the spec before anybody wrote it down.

use serde_json::{Value, json};

use super::rig::{Fail, Lose, Rig};
use crate::aws::AwsErrorKind;
use crate::aws::transfer::{SshPublicKey, User};

const SERVER: &str = "TransferServer";
const USER: &str = "TransferUser";
const FIRST: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB";
const OTHER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC";

fn alice(rig: &Rig) -> User {
    rig.cloud.users().values().next().unwrap().clone()
}

fn tags(user: &User) -> Vec<&str> {
    user.tags.keys().map(String::as_str).filter(|key| !key.starts_with("transfer-operator.dev/")).collect()
}

fn keys(list: &[&str]) -> Value {
    list.iter().map(|key| json!({"publicKey": key})).collect()
}

/// A user that was made a moment ago with all of this; that it is there could not be written down.
async fn just_created() -> Rig {
    let rig = Rig::new();
    rig.server("files", json!({}));
    rig.settle(SERVER, "files").await;
    rig.user(
        "alice",
        json!({"policy": "{\"Statement\": []}", "homeDirectory": "/a", "tags": {"a": "1", "b": "2"},
            "sshPublicKeyPolicy": "Additive", "sshPublicKeys": keys(&[FIRST])}),
    );
    rig.cloud.calls();
    rig.objects.fail.lock().unwrap().push(Fail::Write);
    while rig.cloud.users().is_empty() {
        rig.reconcile(USER, "alice").await;
    }
    assert_eq!(rig.status(USER, "alice")["arn"], Value::Null, "nothing was written yet");
    assert_eq!(rig.cloud.calls(), ["CreateUser"]);
    rig
}

fn only_one_tag_and_another_key(rig: &Rig) {
    rig.edit(USER, "alice", |object| {
        let spec = object["spec"].as_object_mut().unwrap();
        spec.remove("policy");
        spec.remove("homeDirectory");
        spec.insert("tags".to_owned(), json!({"a": "1"}));
        spec.insert("sshPublicKeys".to_owned(), keys(&[OTHER]));
    });
}

fn gone(rig: &Rig) {
    let user = alice(rig);
    let held: Vec<&str> = user.ssh_public_keys.iter().map(|key| key.body.as_str()).collect();
    assert_eq!((held, tags(&user)), (vec![OTHER], vec!["a"]));
    let told = |text: &Option<String>| text.clone().unwrap_or_default();
    assert_eq!((told(&user.settings.policy), told(&user.settings.home_directory)), (String::new(), String::new()));
    assert_eq!(rig.says(USER, "alice", "Ready").unwrap().0, "True");
}

#[tokio::test(start_paused = true)]
async fn what_left_the_spec_unconfirmed_is_removed_also_after_a_restart() {
    for restart in [false, true] {
        let mut rig = just_created().await;
        if restart {
            rig.restart();
        }
        only_one_tag_and_another_key(&rig);
        rig.settle(USER, "alice").await;
        gone(&rig);
    }
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_aws_refuses_at_first_is_not_forgotten() {
    let rig = just_created().await;
    only_one_tag_and_another_key(&rig);
    for operation in ["UpdateUser", "UntagResource", "DeleteSshPublicKey"] {
        rig.cloud.lose(operation, Lose::Call(AwsErrorKind::Denied));
    }
    for _ in 0..20 {
        rig.reconcile(USER, "alice").await;
    }
    assert_ne!(rig.status(USER, "alice")["arn"], Value::Null, "it was told, and with it that the user is there");
    rig.run(USER, "alice", std::time::Duration::from_mins(30)).await;
    gone(&rig);
}

#[tokio::test(start_paused = true)]
async fn what_comes_later_from_others_stays() {
    for seemed_lost in [false, true] {
        let rig = just_created().await;
        rig.settle(USER, "alice").await;
        if seemed_lost {
            Rig::write_status(&rig.objects, USER, "alice", |status| status["create"]["phase"] = json!("InFlight"));
        }
        others_stay(&rig).await;
    }
}

async fn others_stay(rig: &Rig) {
    rig.cloud.users().values_mut().for_each(|user| {
        user.tags.insert("of-others".to_owned(), "1".to_owned());
        user.settings.home_directory_type = Some("LOGICAL".to_owned());
    });
    rig.cloud.calls();
    rig.edit(USER, "alice", |object| object["spec"]["tags"] = json!({"b": "2"}));
    rig.settle(USER, "alice").await;
    assert_eq!(tags(&alice(rig)), ["b", "of-others"]);
    assert_eq!(rig.cloud.calls(), ["UntagResource"]);
}

#[tokio::test(start_paused = true)]
async fn an_older_user_without_status_takes_nothing_of_others_for_ours() {
    let rig = just_created().await;
    rig.settle(USER, "alice").await;
    tokio::time::advance(std::time::Duration::from_hours(1)).await;
    rig.cloud.users().values_mut().for_each(|user| {
        user.tags.insert("of-others".to_owned(), "1".to_owned());
        let theirs =
            SshPublicKey { id: "key-theirs".to_owned(), body: OTHER.to_owned(), ..user.ssh_public_keys[0].clone() };
        user.ssh_public_keys.push(theirs);
    });
    Rig::write_status(&rig.objects, USER, "alice", |status| *status = json!({"observedGeneration": -1}));
    rig.cloud.calls();
    rig.settle(USER, "alice").await;
    assert_eq!(rig.says(USER, "alice", "Ready").unwrap().0, "True");
    assert!(rig.cloud.calls().is_empty(), "their key and their tag stay");
}
