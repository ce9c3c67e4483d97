//! What AWS and the API server show, and what is believed of it.

use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{FIRST, LAG, Lose, OLD, ROLE, Rig, SECOND, TOLERANCE};
use crate::api::{self, TAG_CUSTOM_HOSTNAME};
use crate::aws::AwsErrorKind;
use crate::aws::transfer::Tags;
use crate::engine::requeue::Requeue;
use crate::kinds::fakes::{CLUSTER, REGION};

const SERVER: &str = "TransferServer";
const USER: &str = "TransferUser";
const ACCESS: &str = "TransferAccess";

fn key() -> (String, String) {
    (FIRST.to_owned(), "alice".to_owned())
}

async fn with_server(spec: Value) -> Rig {
    let rig = Rig::new();
    rig.server("files", spec);
    rig.settle(SERVER, "files").await;
    rig.cloud.calls();
    rig
}

async fn with_access(lifecycle: &Value) -> Rig {
    let lister = json!({"identityProviderType": "AWS_DIRECTORY_SERVICE", "lifecycle": {"deletionProtection": false,
        "recreatePolicy": "Automatic"}});
    let rig = with_server(lister).await;
    let mut spec = json!({"serverRef": {"name": "files"}, "role": ROLE, "externalId": "S-1-1"});
    if !lifecycle.is_null() {
        spec["lifecycle"] = lifecycle.clone();
    }
    rig.put(ACCESS, "finance", spec);
    rig.settle(ACCESS, "finance").await;
    assert_eq!(rig.cloud.calls(), ["CreateAccess"]);
    rig
}

fn stalled(rig: &Rig, kind: &str, object: &str) -> Option<String> {
    rig.says(kind, object, "Stalled").map(|(_, reason)| reason)
}

#[tokio::test(start_paused = true)]
async fn a_user_that_lost_its_tags_is_lost_only_when_seen_so_over_the_lag() {
    let rig = Rig::with_user(json!({})).await;
    let tags = std::mem::take(&mut rig.cloud.users().get_mut(&key()).unwrap().tags);
    rig.run(USER, "alice", LAG / 2).await;
    assert_eq!(stalled(&rig, USER, "alice"), None);
    rig.cloud.users().get_mut(&key()).unwrap().tags = tags;
    rig.run(USER, "alice", LAG / 2).await;
    rig.cloud.users().get_mut(&key()).unwrap().tags.clear();
    rig.run(USER, "alice", LAG.saturating_sub(Duration::from_secs(10))).await;
    assert_eq!(stalled(&rig, USER, "alice"), None, "it begins anew with each time that they were there");
    rig.run(USER, "alice", LAG).await;
    assert_eq!(stalled(&rig, USER, "alice").as_deref(), Some("OwnershipLost"));
    assert!(rig.cloud.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_user_of_a_former_object_is_waited_out_and_then_created_or_told_of() {
    for goes in [true, false] {
        let rig = Rig::with_user(json!({})).await;
        let former = Tags::from([
            (api::TAG_CLUSTER.to_owned(), CLUSTER.to_owned()),
            (api::TAG_OWNER.to_owned(), "team/bob".to_owned()),
            (api::TAG_UID.to_owned(), "uid-of-before".to_owned()),
        ]);
        let mut user = rig.cloud.users()[&key()].clone();
        (user.tags, user.user_name) = (former, "bob".to_owned());
        let bob = (FIRST.to_owned(), "bob".to_owned());
        rig.cloud.users().insert(bob.clone(), user);
        rig.user("bob", json!({}));
        rig.run(USER, "bob", LAG / 2).await;
        assert_eq!(stalled(&rig, USER, "bob"), None);
        if goes {
            rig.cloud.users().remove(&bob);
        }
        rig.run(USER, "bob", LAG).await;
        let reason = stalled(&rig, USER, "bob");
        assert_eq!(reason.as_deref(), if goes { None } else { Some("Conflict") });
        assert_eq!(rig.says(USER, "bob", "Ready").unwrap().0, if goes { "True" } else { "False" });
    }
}

#[tokio::test(start_paused = true)]
async fn a_user_whose_server_does_not_show_is_not_let_go_before_the_lag() {
    let rig = Rig::with_user(json!({})).await;
    tokio::time::advance(TOLERANCE + LAG).await;
    rig.cloud.unseen.lock().unwrap().insert(FIRST.to_owned());
    rig.cloud.unlist(FIRST);
    rig.delete(USER, "alice");
    rig.run(USER, "alice", LAG / 2).await;
    assert!(rig.get(USER, "alice").is_some());
    rig.cloud.unseen.lock().unwrap().clear();
    rig.cloud.list_all();
    rig.run(USER, "alice", LAG).await;
    assert_eq!(rig.cloud.calls(), ["DeleteUser"], "it was there all the time");
    assert!(rig.get(USER, "alice").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_user_whose_server_is_gone_is_let_go_after_the_lag() {
    let rig = Rig::with_user(json!({})).await;
    tokio::time::advance(TOLERANCE + LAG).await;
    rig.cloud.servers().clear();
    rig.delete(USER, "alice");
    rig.run(USER, "alice", LAG + Duration::from_mins(1)).await;
    assert!(rig.get(USER, "alice").is_none() && rig.cloud.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_aws_accepted_is_not_sent_again_before_the_lag() {
    let rig = Rig::with_user(json!({})).await;
    tokio::time::advance(TOLERANCE + LAG).await;
    rig.cloud.lose("DeleteUser", Lose::Effect);
    rig.delete(USER, "alice");
    rig.run(USER, "alice", LAG / 2).await;
    assert_eq!(rig.cloud.calls(), ["DeleteUser"]);
    assert_eq!(rig.says(USER, "alice", "Ready").unwrap().1, "Deleting");
    rig.run(USER, "alice", LAG).await;
    assert_eq!(rig.cloud.calls(), ["DeleteUser"]);
    assert!(rig.get(USER, "alice").is_none());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_seen_is_not_missing() {
    for (kind, object, read) in [(USER, "alice", "DescribeUser"), (ACCESS, "finance", "DescribeAccess")] {
        let rig = if kind == USER { Rig::with_user(json!({})).await } else { with_access(&Value::Null).await };
        for _ in 0..5 {
            rig.cloud.lose(read, Lose::Call(AwsErrorKind::Denied));
        }
        rig.run(kind, object, Duration::from_secs(30)).await;
        assert!(rig.cloud.lose.lock().unwrap()[read].len() < 4, "it was tried");
        assert!(rig.cloud.calls().is_empty(), "nothing is made in its place");
    }
}

#[tokio::test(start_paused = true)]
async fn no_call_rests_on_a_version_that_is_no_longer_the_newest() {
    let rig = with_server(json!({"preAuthenticationLoginBanner": "ours"})).await;
    rig.cloud.servers().get_mut(FIRST).unwrap().settings.pre_authentication_login_banner = None;
    let before = rig.get(SERVER, "files").unwrap();
    Rig::write_status(&rig.objects, SERVER, "files", |status| status["userCount"] = json!(7));
    rig.objects.stale.lock().unwrap().push(before);
    assert_eq!(rig.reconcile(SERVER, "files").await, Requeue::Again);
    assert!(rig.cloud.calls().is_empty());
    rig.settle(SERVER, "files").await;
    assert_eq!(rig.cloud.calls(), ["UpdateServer"]);
}

#[tokio::test(start_paused = true)]
async fn an_access_says_where_it_is_and_follows_a_server_that_was_made_anew() {
    let rig = with_access(&Value::Null).await;
    assert_eq!(rig.says(ACCESS, "finance", "Ready"), Some(("True".to_owned(), "Available".to_owned())));
    assert_eq!(rig.message(ACCESS, "finance"), "access for group S-1-1 exists");
    assert_eq!(rig.says(ACCESS, "finance", "Advisory"), None);
    let status = rig.status(ACCESS, "finance");
    assert_eq!((&status["serverId"], &status["externalId"]), (&json!(FIRST), &json!("S-1-1")));
    rig.cloud.servers().clear();
    rig.cloud.accesses().clear();
    rig.run(SERVER, "files", LAG + LAG).await;
    assert_eq!(rig.cloud.calls(), ["CreateServer"]);
    rig.reconcile(ACCESS, "finance").await;
    let status = rig.status(ACCESS, "finance");
    assert_eq!((&status["serverId"], &status["externalId"]), (&Value::Null, &Value::Null), "first it lets go");
    rig.settle(ACCESS, "finance").await;
    assert_eq!(rig.cloud.calls(), ["CreateAccess"]);
    assert_eq!(rig.status(ACCESS, "finance")["serverId"], SECOND);
}

#[tokio::test(start_paused = true)]
async fn logins_show_what_partners_need_and_follow_within_a_resync() {
    for kind in [USER, ACCESS] {
        let rig = if kind == USER { Rig::with_user(json!({})).await } else { with_access(&Value::Null).await };
        let object = if kind == USER { "alice" } else { "finance" };
        let host = "s-00000000000000001.server.transfer.eu-central-1.amazonaws.com";
        assert_eq!(rig.status(kind, object)["host"], host, "{kind}");
        let mut keys = json!([
            {"id": "1", "type": "ssh-rsa", "fingerprint": "SHA256:r", "active": true},
            {"id": "2", "type": "ssh-rsa", "fingerprint": "SHA256:next", "active": false},
            {"id": "3", "type": "ssh-ed25519", "fingerprint": "SHA256:e", "active": true},
        ]);
        Rig::write_status(&rig.objects, SERVER, "files", |status| status["hostKeys"] = keys.clone());
        rig.run(kind, object, Duration::from_mins(13)).await;
        let shown =
            json!([{"type": "ssh-ed25519", "fingerprint": "SHA256:e"}, {"type": "ssh-rsa", "fingerprint": "SHA256:r"}]);
        assert_eq!(rig.status(kind, object)["hostKeyFingerprints"], shown, "{kind}: those that clients see");
        keys.as_array_mut().unwrap().remove(0);
        Rig::write_status(&rig.objects, SERVER, "files", |status| {
            status["hostKeys"] = keys;
            status["endpoint"] = json!("sftp.example.com");
        });
        let writes = *rig.objects.writes.lock().unwrap();
        rig.run(kind, object, Duration::from_mins(13)).await;
        assert_eq!(rig.status(kind, object)["host"], "sftp.example.com", "{kind}");
        assert_eq!(rig.status(kind, object)["hostKeyFingerprints"], json!([shown[0]]), "{kind}");
        assert_eq!(*rig.objects.writes.lock().unwrap() - writes, 1, "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn logins_of_a_raw_server_show_its_host_without_own_calls() {
    for (kind, object, provider) in [(USER, "alice", "SERVICE_MANAGED"), (ACCESS, "finance", "AWS_DIRECTORY_SERVICE")] {
        let rig = Rig::new();
        rig.cloud.put_server(OLD, Tags::new(), |server| {
            server.settings.identity_provider_type = Some(provider.to_owned());
        });
        let mut spec = json!({"serverId": OLD, "awsIdentityRef": {"name": "default"}, "region": REGION, "role": ROLE});
        if kind == ACCESS {
            spec["externalId"] = json!("S-1-1");
        }
        rig.put(kind, object, spec);
        rig.settle(kind, object).await;
        let host = "s-01d00000000000000.server.transfer.eu-central-1.amazonaws.com";
        assert_eq!(rig.status(kind, object)["host"], host, "{kind}");
        rig.run(kind, object, Duration::from_hours(1)).await;
        let (writes, reads) = (*rig.objects.writes.lock().unwrap(), rig.cloud.reads());
        let custom = Tags::from([(TAG_CUSTOM_HOSTNAME.to_owned(), "sftp.example.com".to_owned())]);
        rig.cloud.servers().get_mut(OLD).unwrap().tags = custom;
        rig.run(kind, object, Duration::from_mins(25)).await;
        assert_eq!(rig.status(kind, object)["host"], "sftp.example.com", "{kind}");
        assert_eq!(*rig.objects.writes.lock().unwrap() - writes, 1, "{kind}");
        assert!(rig.cloud.reads() - reads <= 6, "{kind}: login and server, at most once a resync");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deleted_access_is_only_reported_where_the_spec_says_so() {
    let rig = with_access(&json!({"managementPolicy": "ReportDrift"})).await;
    rig.cloud.accesses().clear();
    rig.run(ACCESS, "finance", Duration::from_mins(5)).await;
    assert!(rig.cloud.calls().is_empty());
    assert_eq!(stalled(&rig, ACCESS, "finance").as_deref(), Some("DriftDetected"));
}
