//! Events: what one call did, what drifted, what was lost; each once.

use std::time::Duration;

use serde_json::json;

use super::rig::{FIRST, ROLE, Rig};
use crate::aws::Mutation;

const SERVER: &str = "TransferServer";
const USER: &str = "TransferUser";
const BANNER: &str = "preAuthenticationLoginBanner";
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB laptop";
const FINGERPRINT: &str = "SHA256:RXm/ruZ0eTzRXKwi1AQEDynB0VgHQ2ac9KPSFdf/YnA";

/// The Events since this was asked last.
fn told(rig: &Rig) -> Vec<String> {
    let notes = std::mem::take(&mut *rig.objects.notes.lock().unwrap());
    let told = notes
        .iter()
        .map(|note| format!("{}{}: {}", if note.warning { "Warning " } else { "" }, note.reason, note.message));
    told.collect()
}

#[tokio::test(start_paused = true)]
async fn the_event_of_an_edit_names_what_each_of_its_calls_changed() {
    let rig = Rig::with_user(json!({"homeDirectory": "/a", "tags": {"old": "x"}})).await;
    rig.edit(USER, "alice", |object| {
        object["spec"]["homeDirectory"] = json!("/b");
        object["spec"]["tags"] = json!({"team": "a"});
        object["spec"]["sshPublicKeys"] = json!([{"publicKey": KEY, "expiresAt": "2026-01-01T01:00:00Z"}]);
    });
    rig.settle(USER, "alice").await;
    let calls = [
        &format!("ImportSshPublicKey accepted by AWS: added sshPublicKeys[{FINGERPRINT}]"),
        "UpdateUser accepted by AWS: changed homeDirectory",
        "TagResource accepted by AWS: added tags[team]",
        "UntagResource accepted by AWS: removed tags[old]",
    ];
    let mut events = told(&rig);
    events.retain(|event| event.contains("accepted"));
    assert_eq!(events, [format!("Updating: {}", calls.join("; "))]);
    rig.run(USER, "alice", Duration::from_hours(2)).await;
    let events = told(&rig);
    let expired =
        format!("Updating: DeleteSshPublicKey accepted by AWS: removed sshPublicKeys[{FINGERPRINT}] (expired)");
    assert!(events.contains(&expired), "{events:?}");
    assert_eq!(rig.drift_of_users(), (0, 0), "none of it is drift");
}

#[tokio::test(start_paused = true)]
async fn what_somebody_changed_in_aws_is_told_and_counted_as_corrected() {
    let rig = Rig::with_user(json!({"homeDirectory": "/a"})).await;
    let theirs = format!("{ROLE}-of-theirs");
    rig.cloud.users().values_mut().for_each(|user| user.settings.role = Some(theirs.clone()));
    rig.settle(USER, "alice").await;
    assert_eq!(told(&rig), [format!("Warning DriftCorrected: role: have {theirs}, want {ROLE} (UpdateUser)")]);
    assert_eq!(rig.drift_of_users(), (1, 1));
    rig.run(USER, "alice", Duration::from_hours(2)).await;
    assert_eq!(told(&rig), Vec::<String>::new());
    assert_eq!(rig.drift_of_users(), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn drift_that_is_only_reported_is_told_field_by_field_and_found_once() {
    let rig = Rig::with_user(json!({"homeDirectory": "/a"})).await;
    rig.edit(USER, "alice", |object| object["spec"]["lifecycle"] = json!({"managementPolicy": "ReportDrift"}));
    rig.settle(USER, "alice").await;
    told(&rig);
    for home in ["/x", "/y"] {
        let home = || Some(home.to_owned());
        rig.cloud.users().values_mut().for_each(|user| user.settings.home_directory = home());
        rig.run(USER, "alice", Duration::from_hours(1)).await;
    }
    let events = told(&rig);
    assert_eq!(events.len(), 1, "{events:?}");
    assert!(events[0].starts_with("Warning DriftDetected: "), "{events:?}");
    assert!(
        events[0].ends_with("differences are only reported: AWS differs from the spec: spec.homeDirectory"),
        "{events:?}"
    );
    assert_eq!(rig.drift_of_users(), (1, 0));
    rig.cloud.users().values_mut().for_each(|user| user.settings.role = Some("other".to_owned()));
    rig.run(USER, "alice", Duration::from_hours(1)).await;
    assert!(told(&rig)[0].ends_with("spec.role, spec.homeDirectory"), "another field is news");
    assert_eq!(rig.drift_of_users(), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_warns_at_first_and_when_it_calls_a_person_and_not_in_between() {
    let rig = Rig::with_user(json!({})).await;
    rig.cloud.refuse("InvalidRequestException", "no", |call| matches!(call, Mutation::UpdateUser(_)));
    rig.edit(USER, "alice", |object| object["spec"]["homeDirectory"] = json!("/b"));
    rig.run(USER, "alice", Duration::from_mins(1)).await;
    let warning = "Warning Rejected: UpdateUser failed: InvalidRequestException: no (not in force: spec.homeDirectory)";
    assert_eq!(told(&rig), [warning]);
    rig.run(USER, "alice", Duration::from_hours(10)).await;
    assert_eq!(told(&rig), [warning], "once, as Stalled");
    rig.edit(USER, "alice", |object| object["metadata"]["labels"] = json!({"any": "thing"}));
    rig.run(USER, "alice", Duration::from_mins(1)).await;
    assert!(told(&rig).len() <= 1, "what begins anew may say so once");
}

#[tokio::test(start_paused = true)]
async fn what_aws_lost_and_has_again_is_told_as_recreated() {
    let rig = Rig::with_user(json!({})).await;
    rig.cloud.users().clear();
    rig.run(USER, "alice", Duration::from_mins(10)).await;
    let events = told(&rig);
    assert_eq!(events.iter().filter(|event| event.starts_with("Warning Recreated")).count(), 1, "{events:?}");
    assert_eq!(rig.says(USER, "alice", "Ready").unwrap().0, "True");
    rig.edit(USER, "alice", |object| object["spec"]["homeDirectory"] = json!("/b"));
    rig.settle(USER, "alice").await;
    assert_eq!(told(&rig), ["Updating: UpdateUser accepted by AWS: added homeDirectory"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_somebody_edited_is_put_right_with_a_warning() {
    let rig = Rig::new();
    rig.server("files", json!({BANNER: "ours"}));
    rig.settle(SERVER, "files").await;
    told(&rig);
    rig.cloud.servers().get_mut(FIRST).unwrap().settings.pre_authentication_login_banner = None;
    rig.settle(SERVER, "files").await;
    assert_eq!(told(&rig), [format!("Warning DriftCorrected: {BANNER}: have nothing, want ours (UpdateServer)")]);
}
