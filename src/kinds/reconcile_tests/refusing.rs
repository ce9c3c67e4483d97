//! A refusal by AWS holds back only what was refused, and everything says exactly that.

use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{FIRST, Lose, ROLE, Rig};
use crate::aws::transfer::{ServerSettings, UpdateServer};
use crate::aws::{AwsErrorKind, Mutation};
use crate::engine::requeue::Requeue;

const SERVER: &str = "TransferServer";
const USER: &str = "TransferUser";
const BANNER: &str = "preAuthenticationLoginBanner";
const POLICY: &str = "securityPolicyName";
const BAD: &str = "TransferSecurityPolicy-2025-03";
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB laptop";
const OTHER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC phone";

async fn with_server(spec: Value) -> Rig {
    let rig = Rig::new();
    rig.server("files", spec);
    rig.settle(SERVER, "files").await;
    rig.cloud.calls();
    rig
}

/// AWS does not know the security policy yet.
fn refuse_the_policy(rig: &Rig) {
    rig.cloud.refuse(
        "InvalidRequestException",
        "Unknown SecurityPolicy",
        |call| matches!(call, Mutation::UpdateServer(UpdateServer { settings, .. }) if settings.security_policy_name.is_some()),
    );
}

fn held(rig: &Rig) -> ServerSettings {
    rig.cloud.servers()[FIRST].settings.clone()
}

fn edit(rig: &Rig, members: Value) {
    rig.edit(SERVER, "files", |object| {
        for (member, value) in members.as_object().unwrap() {
            object["spec"][member] = value.clone();
        }
    });
}

/// Reconciles until nothing is due at once.
async fn at_once(rig: &Rig, kind: &str, object: &str) {
    while rig.reconcile(kind, object).await == Requeue::Again {}
}

fn paths(rows: &Value) -> Vec<String> {
    let rows = rows.as_array().into_iter().flatten();
    rows.map(|row| row["path"].as_str().or(row.as_str()).unwrap().to_owned()).collect()
}

/// Users of other tools, peers.md C 7: AWS knows which security policies there are, and no list of ours.
#[tokio::test(start_paused = true)]
async fn one_refused_member_of_a_server_holds_back_nothing_else() {
    let rig = with_server(json!({})).await;
    let policy = held(&rig).security_policy_name;
    refuse_the_policy(&rig);
    edit(&rig, json!({BANNER: "hello", POLICY: BAD, "loggingRole": ROLE, "tags": {"team": "a"}}));
    at_once(&rig, SERVER, "files").await;
    let settings = held(&rig);
    assert_eq!(settings.pre_authentication_login_banner.as_deref(), Some("hello"));
    assert_eq!(settings.logging_role.as_deref(), Some(ROLE));
    assert_eq!(settings.security_policy_name, policy);
    assert_eq!(rig.cloud.servers()[FIRST].tags["team"], "a");
    assert_eq!(rig.cloud.calls(), ["UpdateServer", "UpdateServer", "TagResource"], "a group each, and the tags");
    assert_eq!(rig.cloud.refused(), 2, "once as a whole, once alone");
    let message = rig.message(SERVER, "files");
    assert!(
        message.contains("Unknown SecurityPolicy") && message.contains(&format!("in force: spec.{POLICY})")),
        "{message}"
    );
    assert_eq!(rig.says(SERVER, "files", "Ready").unwrap(), ("False".to_owned(), "Rejected".to_owned()));
    let status = rig.status(SERVER, "files");
    assert_eq!(paths(&status["drift"]), [format!("spec.{POLICY}")]);
    assert_eq!(rig.says(SERVER, "files", "Drifted").unwrap().0, "True");
    assert_eq!(paths(&status["applied"]["paths"]), ["loggingRole", BANNER]);
    assert_eq!(status["applied"]["tags"], json!(["team"]));

    rig.run(SERVER, "files", Duration::from_mins(3)).await;
    assert!(rig.cloud.refused() >= 5, "the refused group is tried again, alone");
    assert!(rig.cloud.calls().is_empty());
    assert_eq!(rig.says(SERVER, "files", "Stalled").unwrap().1, "Rejected");
    *rig.cloud.refuses.lock().unwrap() = None;
    rig.run(SERVER, "files", Duration::from_hours(2)).await;
    assert_eq!(rig.cloud.calls(), ["UpdateServer"]);
    let status = rig.status(SERVER, "files");
    assert_eq!((rig.says(SERVER, "files", "Ready").unwrap().0.as_str(), &status["drift"]), ("True", &Value::Null));
    assert_eq!(paths(&status["applied"]["paths"]), ["loggingRole", BANNER, POLICY]);
}

#[tokio::test(start_paused = true)]
async fn what_would_let_more_in_waits_while_another_part_of_the_edit_is_refused() {
    let rig = with_server(json!({})).await;
    refuse_the_policy(&rig);
    edit(
        &rig,
        json!({POLICY: BAD, "identityProviderType": "AWS_LAMBDA",
        "identityProviderDetails": {"function": "arn:aws:lambda:eu-central-1:123456789012:function:f"}}),
    );
    rig.run(SERVER, "files", Duration::from_mins(5)).await;
    assert!(rig.cloud.calls().is_empty(), "nobody is let in by half an edit");
    let message = rig.message(SERVER, "files");
    assert!(
        message.contains("spec.identityProviderType, spec.identityProviderDetails.function would let more in"),
        "{message}"
    );
    assert_eq!(paths(&rig.status(SERVER, "files")["applied"]["paths"]), Vec::<String>::new());
    // What only restricts does not wait.
    edit(
        &rig,
        json!({"identityProviderType": null, "identityProviderDetails": null,
        "protocolDetails": {"tlsSessionResumptionMode": "DISABLED"}}),
    );
    rig.run(SERVER, "files", Duration::from_mins(5)).await;
    assert_eq!(rig.cloud.calls(), ["UpdateServer"]);
    edit(
        &rig,
        json!({POLICY: null, "identityProviderType": "AWS_LAMBDA",
        "identityProviderDetails": {"function": "arn:aws:lambda:eu-central-1:123456789012:function:f"}}),
    );
    rig.settle(SERVER, "files").await;
    assert_eq!(held(&rig).identity_provider_type.as_deref(), Some("AWS_LAMBDA"), "once nothing is refused, it goes");
}

#[tokio::test(start_paused = true)]
async fn what_lets_more_in_waits_also_for_an_unanswered_part() {
    let rig = with_server(json!({})).await;
    refuse_the_policy(&rig);
    edit(
        &rig,
        json!({POLICY: BAD, "protocols": ["SFTP", "FTPS"], "certificate": "arn:aws:acm:eu-central-1:1:certificate/c"}),
    );
    at_once(&rig, SERVER, "files").await;
    for kind in [AwsErrorKind::Lost, AwsErrorKind::Unavailable, AwsErrorKind::Lost] {
        rig.cloud.lose("UpdateServer", Lose::Call(kind));
    }
    rig.run(SERVER, "files", Duration::from_mins(5)).await;
    assert!(rig.cloud.calls().is_empty(), "nobody is let in by half an edit");
    assert!(rig.message(SERVER, "files").contains("spec.certificate, spec.protocols would let more in"));
}

#[tokio::test(start_paused = true)]
async fn only_a_definite_refusal_of_the_content_divides_an_update() {
    let rows = [
        ("InvalidRequestException", "Unknown SecurityPolicy", true),
        ("ValidationException", "1 validation error detected", true),
        ("AccessDeniedException", "User is not authorized to perform: iam:PassRole on resource x", true),
        ("AccessDeniedException", "User is not authorized to perform: transfer:UpdateServer", false),
        ("InvalidRequestException", "Server must be OFFLINE", false),
        ("ConflictException", "", false),
        ("ResourceNotFoundException", "", false),
        ("InternalServiceError", "", false),
    ];
    for (code, message, divides) in rows {
        let rig = with_server(json!({})).await;
        rig.cloud.refuse(code, message, |call| matches!(call, Mutation::UpdateServer(_)));
        edit(&rig, json!({BANNER: "hello", POLICY: BAD}));
        rig.reconcile(SERVER, "files").await;
        assert_eq!(rig.cloud.refused(), if divides { 3 } else { 1 }, "{code}: {message}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_aws_throttles_goes_again_as_a_whole() {
    let rig = with_server(json!({})).await;
    let whole = |call: &Mutation| {
        matches!(call, Mutation::UpdateServer(update)
        if update.settings.pre_authentication_login_banner.is_some() && update.settings.security_policy_name.is_some())
    };
    rig.cloud.refuse("ThrottlingException", "", whole);
    edit(&rig, json!({BANNER: "hello", POLICY: BAD}));
    rig.reconcile(SERVER, "files").await;
    assert_eq!(rig.cloud.refused(), 3, "three times in one go");
    assert!(rig.cloud.calls().is_empty(), "no part of it went");
}

#[tokio::test(start_paused = true)]
async fn a_refused_login_is_not_divided_and_its_keys_and_tags_go_on() {
    let rig = Rig::with_user(
        json!({"homeDirectory": "/a", "policy": "{\"Statement\": []}", "sshPublicKeys": [{"publicKey": KEY}]}),
    )
    .await;
    rig.cloud.refuse("InvalidRequestException", "Role is not valid", |call| matches!(call, Mutation::UpdateUser(_)));
    rig.edit(USER, "alice", |object| {
        object["spec"]["homeDirectory"] = json!("/b");
        object["spec"]["policy"] = json!("{\"Version\": \"2012-10-17\", \"Statement\": []}");
        object["spec"]["sshPublicKeys"] = json!([{"publicKey": KEY}, {"publicKey": OTHER}]);
        object["spec"]["tags"] = json!({"team": "a"});
    });
    at_once(&rig, USER, "alice").await;
    assert_eq!(rig.cloud.calls(), ["ImportSshPublicKey", "TagResource"]);
    assert_eq!(rig.cloud.refused(), 1, "a mixture of old and new is an access that nobody wrote");
    let message = rig.message(USER, "alice");
    assert!(message.ends_with("(not in force: spec.homeDirectory, spec.policy)"), "{message}");
    let status = rig.status(USER, "alice");
    assert_eq!(paths(&status["drift"]), ["spec.homeDirectory", "spec.policy"]);
}

#[tokio::test(start_paused = true)]
async fn many_refusals_are_told_in_one_round_of_reads() {
    let rig = Rig::with_user(json!({"sshPublicKeys": []})).await;
    rig.cloud.refuse("InvalidRequestException", "no", |_| true);
    rig.edit(USER, "alice", |object| {
        object["spec"]["homeDirectory"] = json!("/b");
        object["spec"]["tags"] = json!({"team": "a"});
        object["spec"]["sshPublicKeys"] = json!([{"publicKey": KEY}, {"publicKey": OTHER}]);
    });
    let reads = rig.cloud.reads();
    at_once(&rig, USER, "alice").await;
    assert_eq!(rig.cloud.refused(), 4);
    assert_eq!(rig.cloud.reads() - reads, 1, "what will be applied is written and sent in one reconcile");
    assert_eq!(rig.message(USER, "alice").matches("not in force").count(), 4);
}

#[tokio::test(start_paused = true)]
async fn what_has_no_turn_behind_slow_refusals_goes_in_the_next_reconcile() {
    let rig = Rig::with_user(json!({"sshPublicKeys": []})).await;
    rig.cloud.refuse("InvalidRequestException", "no", |call| matches!(call, Mutation::ImportSshPublicKey(_)));
    *rig.cloud.slow.lock().unwrap() = Duration::from_secs(20);
    rig.edit(USER, "alice", |object| {
        object["spec"]["homeDirectory"] = json!("/b");
        object["spec"]["sshPublicKeys"] = json!([{"publicKey": KEY}, {"publicKey": OTHER}]);
    });
    rig.reconcile(USER, "alice").await;
    assert_eq!(rig.reconcile(USER, "alice").await, Requeue::Again);
    assert!(rig.cloud.calls().is_empty());
    rig.run(USER, "alice", Duration::from_mins(5)).await;
    assert_eq!(rig.cloud.calls(), ["UpdateUser"]);
}

#[tokio::test(start_paused = true)]
async fn the_key_that_would_make_room_is_asked_for_and_told_once() {
    let rig = Rig::with_user(json!({"sshPublicKeys": [{"publicKey": KEY}, {"publicKey": OTHER}]})).await;
    rig.cloud.refuse("InvalidRequestException", "Maximum of keys reached", |call| {
        matches!(call, Mutation::ImportSshPublicKey(_) | Mutation::DeleteSshPublicKey(_))
    });
    rig.edit(USER, "alice", |object| {
        let new = KEY.replace("AAAAIAEB", "AAAAIAMB");
        object["spec"]["sshPublicKeys"] = json!([{"publicKey": KEY}, {"publicKey": new}]);
    });
    at_once(&rig, USER, "alice").await;
    assert_eq!(rig.cloud.refused(), 2, "the import, and the key that left");
    assert_eq!(rig.message(USER, "alice").matches("not in force").count(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_was_never_sent_for_want_of_a_policy_is_not_cleared_later() {
    let rig = Rig::with_user(json!({"homeDirectory": "/a", "sshPublicKeys": []})).await;
    let theirs = || rig.cloud.users().values().next().unwrap().settings.clone();
    rig.cloud.users().values_mut().next().unwrap().settings.policy = Some("{}".to_owned());
    rig.edit(USER, "alice", |object| {
        object["spec"]["homeDirectory"] = json!("/");
        object["spec"]["policyFrom"] = json!({"configMapKeyRef": {"name": "late", "key": "policy"}});
        object["spec"]["tags"] = json!({"team": "a"});
    });
    at_once(&rig, USER, "alice").await;
    assert_eq!(rig.cloud.calls(), ["TagResource"], "no wider home without the policy that narrows it");
    assert_eq!(paths(&rig.status(USER, "alice")["applied"]["paths"]), ["homeDirectory", "role"]);
    assert_eq!(paths(&rig.status(USER, "alice")["drift"]), ["spec.homeDirectory"]);
    let message = rig.message(USER, "alice");
    assert!(message.contains("late") && message.contains("spec.homeDirectory not in force until then"), "{message}");
    rig.edit(USER, "alice", |object| {
        object["spec"].as_object_mut().unwrap().remove("policyFrom");
    });
    rig.settle(USER, "alice").await;
    assert_eq!(rig.cloud.calls(), ["UpdateUser"]);
    assert_eq!((theirs().policy.as_deref(), theirs().home_directory.as_deref()), (Some("{}"), Some("/")));
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_by_itself_holds_back_no_revocation() {
    for kind in [AwsErrorKind::Unavailable, AwsErrorKind::Lost] {
        let rig = Rig::with_user(json!({"sshPublicKeys": [{"publicKey": KEY}]})).await;
        rig.cloud.lose("UpdateUser", Lose::Call(kind));
        rig.cloud.lose("ImportSshPublicKey", Lose::Call(kind));
        rig.edit(USER, "alice", |object| {
            object["spec"]["homeDirectory"] = json!("/b");
            object["spec"]["sshPublicKeys"] = json!([]);
            object["spec"]["sshPublicKeyPolicy"] = json!("Exclusive");
        });
        rig.reconcile(USER, "alice").await;
        rig.reconcile(USER, "alice").await;
        assert_eq!(rig.cloud.calls(), ["DeleteSshPublicKey"], "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_is_not_cleared_and_what_may_be_in_force_is() {
    // AWS has a value that another put there; ours never got in, or may have.
    for (lost, calls) in [(false, &[][..]), (true, &["UpdateServer"][..])] {
        let rig = with_server(json!({})).await;
        if lost {
            rig.cloud.lose("UpdateServer", Lose::Call(AwsErrorKind::Lost));
        }
        rig.cloud.refuse("InvalidRequestException", "no banner", |call| matches!(call, Mutation::UpdateServer(_)));
        edit(&rig, json!({BANNER: "ours"}));
        rig.run(SERVER, "files", Duration::from_secs(5)).await;
        *rig.cloud.refuses.lock().unwrap() = None;
        let theirs = Some("theirs".to_owned());
        rig.cloud.servers().get_mut(FIRST).unwrap().settings.pre_authentication_login_banner = theirs;
        rig.edit(SERVER, "files", |object| {
            object["spec"].as_object_mut().unwrap().remove(BANNER);
        });
        rig.settle(SERVER, "files").await;
        assert_eq!(rig.cloud.calls(), calls, "lost: {lost}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_that_forgot_what_was_refused_asks_a_handful_of_times_again() {
    let mut rig = with_server(json!({})).await;
    refuse_the_policy(&rig);
    edit(&rig, json!({BANNER: "hello", POLICY: BAD, "loggingRole": ROLE}));
    at_once(&rig, SERVER, "files").await;
    rig.cloud.refused();
    rig.restart();
    at_once(&rig, SERVER, "files").await;
    assert_eq!(rig.cloud.refused(), 1);
    assert_eq!(paths(&rig.status(SERVER, "files")["drift"]), [format!("spec.{POLICY}")]);
}
