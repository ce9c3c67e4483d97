//! After a start, whoever is in sync by its status is not looked at; whatever speaks against that takes a look.

use std::time::Duration;

use serde_json::{Value, json};

use super::certificates::{self, CERTIFICATE};
use super::rig::{Fail, Rig, name};
use crate::engine::budget::Share;
use crate::kinds::fakes::{ACCOUNT, REGION};

const SERVER: &str = "TransferServer";
const USER: &str = "TransferUser";
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB";

/// What the user takes after a start, beside the look at its server.
async fn looks(rig: &mut Rig) -> u64 {
    rig.restart();
    rig.settle(SERVER, "files").await;
    rig.cloud.calls();
    rig.cloud.reads_since();
    rig.settle(USER, "alice").await;
    assert_eq!(rig.cloud.calls(), Vec::<String>::new());
    rig.cloud.reads_since()
}

fn condition(status: &mut Value, r#type: &str, truth: &str) {
    let conditions = status["conditions"].as_array_mut().unwrap();
    conditions.retain(|condition| condition["type"] != r#type);
    conditions.push(json!({
        "type": r#type, "status": truth, "reason": "Because", "message": "", "lastTransitionTime": "2030-01-01T00:00:00Z",
    }));
}

#[tokio::test(start_paused = true)]
async fn a_user_in_sync_is_not_looked_at_after_a_start_without_cause() {
    let rows: [(&str, fn(&mut Value)); 5] = [
        ("another generation", |status| status["observedGeneration"] = json!(0)),
        ("not Ready", |status| condition(status, "Ready", "False")),
        ("drift that is told", |status| condition(status, "Drifted", "True")),
        ("another spec", |status| status["applied"]["digest"] = json!("0123456789abcdef")),
        ("nothing listed", |status| drop(status["applied"].as_object_mut().unwrap().remove("listed"))),
    ];
    let mut rig = Rig::with_user(json!({"sshPublicKeys": [{"publicKey": KEY}]})).await;
    assert_eq!(looks(&mut rig).await, 0, "all is well");
    for (what, change) in rows {
        let mut rig = Rig::with_user(json!({"sshPublicKeys": [{"publicKey": KEY}]})).await;
        Rig::write_status(&rig.objects, USER, "alice", change);
        assert_eq!(looks(&mut rig).await, 1, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_whose_id_is_not_known_yet_costs_no_look_at_a_start() {
    let mut rig = Rig::with_user(json!({"sshPublicKeys": [{"publicKey": KEY}]})).await;
    let unknown = |status: &mut Value| drop(status["sshPublicKeys"][0].as_object_mut().unwrap().remove("id"));
    Rig::write_status(&rig.objects, USER, "alice", unknown);
    assert_eq!(looks(&mut rig).await, 0);
    assert_eq!(rig.status(USER, "alice")["sshPublicKeys"][0].get("id"), None);
    rig.run(USER, "alice", Duration::from_mins(11)).await;
    assert!(rig.status(USER, "alice")["sshPublicKeys"][0]["id"].is_string(), "the first look tells it");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_nears_its_end_is_told_after_a_start_too() {
    let mut rig = Rig::with_user(json!({
        "resyncInterval": "24h",
        "sshPublicKeys": [{"publicKey": KEY, "expiresAt": "2026-01-15T02:30:00Z"}],
    }))
    .await;
    assert_eq!(looks(&mut rig).await, 0);
    let status = rig.status(USER, "alice");
    let row = status["applied"]["listed"].as_str().unwrap().to_owned();
    assert!(rig.looks().agrees("uid-alice", (ACCOUNT, REGION), Some(row)));
    let told = |rig: &Rig| rig.status(USER, "alice")["conditions"].to_string().contains("KeysExpiring");
    // Its turn in the day comes a quarter of an hour after that.
    let (before, known) = (Duration::from_mins(2 * 60 + 25), Duration::from_mins(10));
    rig.run(USER, "alice", before).await;
    // Until all of a start are known it rests once; what is not due yet is slept through.
    tokio::time::advance(before.checked_sub(known).unwrap()).await;
    rig.reconcile(USER, "alice").await;
    assert_eq!((told(&rig), rig.cloud.reads_since()), (false, 0), "it rests until then");
    rig.run(USER, "alice", Duration::from_mins(10)).await;
    assert!(told(&rig));
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_written_of_a_look_in_vain_takes_another_look() {
    let rig = Rig::with_user(json!({})).await;
    rig.cloud.users().clear();
    rig.objects.fail.lock().unwrap().extend([Fail::Write; 1]);
    rig.reconcile(USER, "alice").await;
    rig.cloud.reads_since();
    rig.reconcile(USER, "alice").await;
    assert!(rig.cloud.reads_since() > 0 || !rig.cloud.users().is_empty(), "status still says that all is well");
}

#[tokio::test(start_paused = true)]
async fn what_is_shown_of_the_server_follows_without_a_look() {
    for restart in [false, true] {
        let mut rig = Rig::with_user(json!({"homeDirectory": "/a"})).await;
        let shown = rig.status(USER, "alice");
        Rig::write_status(&rig.objects, USER, "alice", |status| status["host"] = json!("elsewhere"));
        if restart {
            rig.restart();
            rig.settle(SERVER, "files").await;
        }
        rig.cloud.reads_since();
        let writes = *rig.objects.writes.lock().unwrap();
        rig.settle(USER, "alice").await;
        assert_eq!((rig.cloud.reads_since(), *rig.objects.writes.lock().unwrap() - writes), (0, 1), "{restart}");
        assert_eq!(rig.status(USER, "alice"), shown, "{restart}");
        rig.cloud.users().values_mut().for_each(|user| user.settings.home_directory = Some("/else".to_owned()));
        rig.run(USER, "alice", Duration::from_mins(25)).await;
        assert_eq!(rig.drift_of_users(), (1, 1), "it puts no look off for long");
    }
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_a_look_gets_one_after_a_start() {
    let mut rig = Rig::with_user(json!({})).await;
    let alice = (USER.to_owned(), name("alice"));
    let asks = |object: &mut Value| {
        object["metadata"]["annotations"] = json!({"transfer-operator.dev/reconcile-at": "now"});
    };
    rig.objects.change(&alice, None, asks).unwrap();
    assert_eq!(looks(&mut rig).await, 1);
    assert_eq!(looks(&mut rig).await, 0, "it was handled");
}

#[tokio::test(start_paused = true)]
async fn what_no_listing_confirms_is_looked_at_after_one_resync() {
    let mut rig = Rig::with_user(json!({})).await;
    assert_eq!(looks(&mut rig).await, 0);
    rig.run(USER, "alice", Duration::from_mins(11)).await;
    assert_eq!(rig.cloud.reads_since(), 1);
}

#[tokio::test(start_paused = true)]
async fn users_of_a_server_that_is_gone_leave_their_looks_to_others() {
    let rig = Rig::with_user(json!({})).await;
    for number in 1..1000 {
        rig.looks().saw(&number.to_string(), (ACCOUNT, REGION), None, Some(Share::Listed));
    }
    let share = || rig.looks().interval("1", Duration::from_mins(10)).as_secs();
    assert_eq!(share(), 1000 * 3600 / 833);
    rig.cloud.servers().clear();
    rig.settle(SERVER, "files").await;
    rig.settle(USER, "alice").await;
    assert!(rig.message(USER, "alice").contains("AWS does not have the server"), "{}", rig.message(USER, "alice"));
    assert_eq!(share(), 999 * 3600 / 833);
}

/// Reads of AWS that a certificate among so many others takes.
async fn looks_among_many(rig: &Rig) -> u64 {
    rig.cloud.reads_since();
    rig.settle(CERTIFICATE, "own").await;
    rig.cloud.reads_since()
}

#[tokio::test(start_paused = true)]
async fn a_certificate_among_many_is_read_often_and_looked_at_in_its_turn() {
    let rig = certificates::with_own(json!({"description": "own"})).await;
    assert_eq!(looks_among_many(&rig).await, 1, "alone it is looked at as often as it is read");
    for number in 0..1000 {
        rig.looks().saw(&number.to_string(), (ACCOUNT, REGION), None, Some(Share::Unlisted));
    }
    assert_eq!(looks_among_many(&rig).await, 0);
    let edited: [(&str, fn(&Rig)); 3] = [
        ("an edit", |rig| rig.edit(CERTIFICATE, "own", |spec| spec["description"] = json!("ours"))),
        ("a deletion policy", |rig| {
            rig.edit(CERTIFICATE, "own", |spec| spec["lifecycle"] = json!({"deletionPolicy": "Retain"}));
        }),
        ("who asks", |rig| {
            let key = (CERTIFICATE.to_owned(), name("own"));
            let at = json!({"transfer-operator.dev/reconcile-at": "now"});
            rig.objects.change(&key, None, |object| object["metadata"]["annotations"] = at).unwrap();
        }),
    ];
    let forged: [(&str, fn(&mut Value)); 4] = [
        ("another id", |status| status["certificateId"] = json!("cert-00000000000000009")),
        ("not Ready", |status| condition(status, "Ready", "False")),
        ("a renewal", |status| {
            status["replacing"] = json!({"oldId": "cert-00000000000000009", "attempt": "a", "phase": "Moving"});
        }),
        ("a lost record", |status| status["applied"] = Value::Null),
    ];
    for (what, change) in edited {
        change(&rig);
        assert!(looks_among_many(&rig).await > 0, "{what}");
        rig.cloud.calls();
        assert_eq!(looks_among_many(&rig).await, 0, "after {what}");
    }
    for (what, change) in forged {
        Rig::write_status(&rig.objects, CERTIFICATE, "own", change);
        assert!(looks_among_many(&rig).await > 0, "{what}");
        rig.run(CERTIFICATE, "own", Duration::from_hours(1)).await;
    }
    assert_eq!(rig.cloud.calls(), Vec::<String>::new());
    assert_eq!(looks_among_many(&rig).await, 0);
    rig.tls_secret("tls", certificates::OWN, certificates::OWN_KEY);
    assert!(looks_among_many(&rig).await > 0, "a renewal");
    assert_eq!(rig.cloud.calls().first().map(String::as_str), Some("ImportCertificate"));
}
