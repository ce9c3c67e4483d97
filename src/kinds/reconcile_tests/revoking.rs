//! A key that left the spec goes, whatever AWS says of the keys that came.

use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{Lose, Rig};
use crate::aws::AwsErrorKind;

const SERVER: &str = "TransferServer";
const USER: &str = "TransferUser";
const REVOKED: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB";
const KEPT: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC";
const NEW: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMD";

fn listed(keys: &[&str]) -> Value {
    keys.iter().map(|key| json!({"publicKey": key})).collect()
}

fn held(rig: &Rig) -> Vec<String> {
    let users = rig.cloud.users();
    users.values().flat_map(|user| &user.ssh_public_keys).map(|key| key.body.clone()).collect()
}

/// A user with these keys, both Ready.
async fn with_keys(keys: &[&str]) -> Rig {
    let rig = Rig::new();
    rig.server("files", json!({}));
    rig.settle(SERVER, "files").await;
    rig.user("alice", json!({"sshPublicKeys": listed(keys)}));
    rig.settle(USER, "alice").await;
    assert_eq!(held(&rig), keys);
    rig.cloud.calls();
    rig
}

/// What AWS has after half an hour in which it answers every import with a failure of its own.
async fn while_imports_fail(rig: &Rig, keys: &[&str]) -> Vec<String> {
    for _ in 0..1000 {
        rig.cloud.lose("ImportSshPublicKey", Lose::Call(AwsErrorKind::Unavailable));
    }
    rig.edit(USER, "alice", |object| object["spec"]["sshPublicKeys"] = listed(keys));
    rig.run(USER, "alice", Duration::from_mins(30)).await;
    held(rig)
}

#[tokio::test(start_paused = true)]
async fn an_import_that_never_comes_through_holds_no_revoked_key() {
    let rig = with_keys(&[REVOKED, KEPT]).await;
    assert_eq!(while_imports_fail(&rig, &[KEPT, NEW]).await, [KEPT]);
}

#[tokio::test(start_paused = true)]
async fn the_last_key_stays_until_a_new_one_is_there() {
    let rig = with_keys(&[REVOKED]).await;
    assert_eq!(while_imports_fail(&rig, &[NEW]).await, [REVOKED]);
    rig.cloud.lose.lock().unwrap().clear();
    rig.cloud.calls();
    rig.run(USER, "alice", Duration::from_mins(30)).await;
    assert_eq!(held(&rig), [NEW]);
    assert_eq!(rig.cloud.calls(), ["ImportSshPublicKey", "DeleteSshPublicKey"]);
}
