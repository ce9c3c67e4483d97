//! AWS's answers contradict each other: it is told within seconds, and no call is sent on and on meanwhile.

use std::time::Duration;

use serde_json::json;

use super::rig::{FIRST, LAG, Lose, ROLE, Rig};
use crate::aws::transfer::{Access, LoginSettings};
use crate::aws::{AwsErrorKind, Mutation};

const SERVER: &str = "TransferServer";
const USER: &str = "TransferUser";
const ACCESS: &str = "TransferAccess";
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB laptop";
/// In so long a condition is there.
const SOON: Duration = Duration::from_secs(5);
/// What is left then of half a minute.
const REST: Duration = Duration::from_secs(25);
/// In so long a call is sent three times at most.
const HALF_A_MINUTE: Duration = Duration::from_secs(30);

/// A server that is Ready, for users or for accesses.
async fn with_server(kind: &str) -> Rig {
    let rig = Rig::new();
    let provider = if kind == ACCESS { "AWS_DIRECTORY_SERVICE" } else { "SERVICE_MANAGED" };
    rig.server("files", json!({"identityProviderType": provider}));
    rig.settle(SERVER, "files").await;
    rig.cloud.calls();
    rig
}

fn write(rig: &Rig, kind: &str) -> &'static str {
    if kind == ACCESS {
        rig.put(ACCESS, "S-1-1", json!({"serverRef": {"name": "files"}, "role": ROLE, "externalId": "S-1-1"}));
        return "S-1-1";
    }
    rig.user("alice", json!({}));
    "alice"
}

fn sent(rig: &Rig, operation: &str) -> usize {
    rig.cloud.calls().iter().filter(|call| call.starts_with(operation)).count()
}

fn ready(rig: &Rig, kind: &str, object: &str) -> (String, String) {
    rig.says(kind, object, "Ready").unwrap()
}

/// AWS has a user or an access of this name, made by somebody else.
fn make(rig: &Rig, kind: &str, object: &str) {
    let key = (FIRST.to_owned(), object.to_owned());
    if kind == ACCESS {
        let access = Access { external_id: object.to_owned(), settings: LoginSettings::default() };
        rig.cloud.accesses().insert(key, access);
    } else {
        let user = crate::aws::transfer::User { user_name: object.to_owned(), ..crate::aws::transfer::User::default() };
        rig.cloud.users().insert(key, user);
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_on_a_server_that_aws_just_lost_says_so_and_is_asked_for_once() {
    for kind in [USER, ACCESS] {
        let rig = with_server(kind).await;
        rig.cloud.servers().clear();
        let object = write(&rig, kind);
        rig.run(kind, object, SOON).await;
        assert_eq!(ready(&rig, kind, object), ("False".to_owned(), "ServerNotAvailable".to_owned()), "{kind}");
        rig.run(kind, object, Duration::from_mins(10)).await;
        assert!(sent(&rig, "Create") <= 1, "{kind}");
        rig.delete(kind, object);
        rig.run(kind, object, SOON).await;
        assert!(rig.get(kind, object).is_none(), "{kind}: AWS refused it, so no late create is waited for");
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_that_aws_made_and_does_not_show_is_told_and_is_not_made_again() {
    for kind in [USER, ACCESS] {
        let rig = with_server(kind).await;
        let object = write(&rig, kind);
        rig.cloud.unseen.lock().unwrap().insert(object.to_owned());
        rig.run(kind, object, SOON).await;
        assert_eq!(ready(&rig, kind, object).0, "True", "{kind}: AWS answered that it made it");
        rig.run(kind, object, SOON).await;
        assert_eq!(ready(&rig, kind, object), ("False".to_owned(), "WaitingForAws".to_owned()), "{kind}");
        assert_eq!(rig.status(kind, object)["create"]["phase"], "None", "{kind}: no other create is written down");
        rig.run(kind, object, LAG / 2).await;
        assert_eq!(sent(&rig, "Create"), 1, "{kind}");
        rig.cloud.unseen.lock().unwrap().clear();
        rig.run(kind, object, SOON).await;
        assert_eq!(ready(&rig, kind, object).0, "True", "{kind}");
        assert_eq!(sent(&rig, "Create"), 0, "{kind}");
        // Once it was seen, its end is believed at once.
        rig.cloud.users().clear();
        rig.cloud.accesses().clear();
        rig.settle(kind, object).await;
        assert_eq!(sent(&rig, "Create"), 1, "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_that_aws_has_and_hides_is_asked_for_slowly() {
    for kind in [USER, ACCESS] {
        let rig = with_server(kind).await;
        rig.cloud.unseen.lock().unwrap().extend(["alice".to_owned(), "S-1-1".to_owned()]);
        let object = if kind == ACCESS { "S-1-1" } else { "alice" };
        make(&rig, kind, object);
        write(&rig, kind);
        rig.run(kind, object, SOON).await;
        assert_eq!(ready(&rig, kind, object), ("False".to_owned(), "WaitingForAws".to_owned()), "{kind}");
        rig.run(kind, object, REST).await;
        assert!(sent(&rig, "Create") <= 3, "{kind}");
        rig.run(kind, object, Duration::from_hours(1)).await;
        assert_eq!(rig.says(kind, object, "Stalled"), None, "{kind}: nobody is called for it");
        assert!(sent(&rig, "Create") <= 30, "{kind}");
        // Nothing says that it is this object's.
        rig.cloud.unseen.lock().unwrap().clear();
        rig.run(kind, object, Duration::from_mins(5)).await;
        assert_eq!(rig.says(kind, object, "Stalled").unwrap().1, "Conflict", "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_that_seemed_lost_is_ours_when_it_shows_again() {
    for kind in [USER, ACCESS] {
        let rig = with_server(kind).await;
        let object = write(&rig, kind);
        rig.settle(kind, object).await;
        rig.settle(kind, object).await;
        rig.cloud.calls();
        rig.cloud.unseen.lock().unwrap().insert(object.to_owned());
        rig.run(kind, object, HALF_A_MINUTE).await;
        assert!((1..=3).contains(&sent(&rig, "Create")), "{kind}");
        rig.run(kind, object, Duration::from_hours(1)).await;
        assert_ne!(rig.status(kind, object)["create"]["phase"], "Rejected", "{kind}: AWS has it");
        rig.cloud.unseen.lock().unwrap().clear();
        rig.run(kind, object, Duration::from_mins(5)).await;
        assert_eq!(ready(&rig, kind, object).0, "True", "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_for_what_aws_does_not_know_yet_holds_up_no_other() {
    let rig = Rig::with_user(json!({})).await;
    rig.cloud
        .refuse("ResourceNotFoundException", "Unknown user", |call| matches!(call, Mutation::ImportSshPublicKey(_)));
    rig.edit(USER, "alice", |object| {
        object["spec"]["homeDirectory"] = json!("/b");
        object["spec"]["sshPublicKeys"] = json!([{"publicKey": KEY}]);
    });
    rig.run(USER, "alice", Duration::from_secs(1)).await;
    assert_eq!(rig.cloud.calls(), ["UpdateUser"]);
    assert_eq!(ready(&rig, USER, "alice").1, "WaitingForAws");
    let message = rig.message(USER, "alice");
    assert!(message.contains("Unknown user") && message.contains("not in force: spec.sshPublicKeys"), "{message}");
    rig.run(USER, "alice", HALF_A_MINUTE).await;
    assert!(rig.cloud.refused() <= 3);
    rig.run(USER, "alice", Duration::from_mins(20)).await;
    assert_eq!(rig.says(USER, "alice", "Stalled"), None, "nobody is called for it");
    *rig.cloud.refuses.lock().unwrap() = None;
    rig.run(USER, "alice", Duration::from_mins(5)).await;
    assert_eq!(rig.cloud.calls(), ["ImportSshPublicKey"]);
    assert_eq!(ready(&rig, USER, "alice").0, "True");
}

#[tokio::test(start_paused = true)]
async fn deleting_what_aws_shows_and_does_not_know_is_told_and_slow() {
    let rig = Rig::with_user(json!({})).await;
    rig.cloud.refuse("ResourceNotFoundException", "Unknown user", |call| matches!(call, Mutation::DeleteUser(_)));
    rig.delete(USER, "alice");
    rig.run(USER, "alice", SOON).await;
    assert_eq!(ready(&rig, USER, "alice"), ("False".to_owned(), "WaitingForAws".to_owned()));
    rig.run(USER, "alice", REST).await;
    assert!(rig.cloud.refused() <= 3);
    *rig.cloud.refuses.lock().unwrap() = None;
    rig.run(USER, "alice", Duration::from_mins(5)).await;
    assert_eq!(rig.cloud.calls(), ["DeleteUser"]);
}

#[tokio::test(start_paused = true)]
async fn a_create_that_may_not_be_sent_yet_is_told_beside_its_record() {
    for kind in [USER, ACCESS, SERVER] {
        for fault in [AwsErrorKind::Throttled, AwsErrorKind::Skewed, AwsErrorKind::Unavailable] {
            let rig = if kind == SERVER { Rig::new() } else { with_server(kind).await };
            for operation in ["CreateUser", "CreateAccess", "CreateServer"] {
                for _ in 0..300 {
                    rig.cloud.lose(operation, Lose::Call(fault));
                }
            }
            let object = if kind == SERVER { "files" } else { write(&rig, kind) };
            if kind == SERVER {
                rig.server("files", json!({}));
            }
            // That AWS throttles is said once it lasts.
            let lasts = if fault == AwsErrorKind::Throttled { Duration::from_mins(3) } else { SOON };
            rig.run(kind, object, lasts).await;
            assert_eq!(ready(&rig, kind, object).0, "False", "{kind} {fault:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_moves_again_after_it_was_put_right_is_drift_and_no_lag_of_aws() {
    let rig = with_server(SERVER).await;
    for round in 0..5 {
        let server = |state: &str| rig.cloud.servers().get_mut(FIRST).unwrap().state = Some(state.to_owned());
        server("OFFLINE");
        rig.settle(SERVER, "files").await;
        assert_eq!(rig.cloud.calls(), ["StartServer"], "round {round}");
        assert_eq!(ready(&rig, SERVER, "files").0, "True", "round {round}");
    }
    let told = rig.objects.notes.lock().unwrap().iter().filter(|note| note.reason == "DriftCorrected").count();
    assert_eq!(told, 5, "each time");
}
