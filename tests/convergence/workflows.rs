//! What people do: the workflows whose every step the plans break. Each begins with an empty cluster and ends with
//! everything deleted.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use transfer_operator::sim::operation::Operation;
use transfer_operator::sim::partners::Certificate;

use crate::adoptions;
use crate::agreements;
use crate::approval;
use crate::certificates;
use crate::connectors;
use crate::interrupted;
use crate::offline;
use crate::renewals;
use crate::satisfy;
use crate::stage::{Stage, key};
use crate::web_apps;
use crate::world::{ACCOUNT, REGION};
use transfer_operator::fakes::api_server::text;

/// A workflow.
#[derive(Clone, Copy)]
pub struct Workflow {
    pub name: &'static str,
    pub run: fn(&Stage) -> BoxFuture<'_, ()>,
}

/// All of them, by the names of the test matrix.
pub const ALL: &[Workflow] = &[
    Workflow { name: "W1-server", run: |stage| w1_server(stage).boxed() },
    Workflow { name: "W1-crowded", run: |stage| w1_crowded(stage).boxed() },
    Workflow { name: "W3-update", run: |stage| w3_update(stage).boxed() },
    Workflow { name: "W3-refused-member", run: |stage| w3_refused_member(stage).boxed() },
    Workflow { name: "W5-delete", run: |stage| w5_delete(stage).boxed() },
    Workflow { name: "W6-foreign-users", run: |stage| w6_foreign_users(stage).boxed() },
    Workflow { name: "W7-user", run: |stage| w7_user(stage).boxed() },
    Workflow { name: "W7-tags", run: |stage| w7_tags(stage).boxed() },
    Workflow { name: "W8-role", run: |stage| w8_role(stage).boxed() },
    Workflow { name: "W9-access", run: |stage| w9_access(stage).boxed() },
    Workflow { name: "W10-ssh-keys", run: |stage| w10_ssh_keys(stage).boxed() },
    Workflow { name: "W10-bad-key", run: |stage| crate::scenarios::a_key_that_does_not_parse(stage).boxed() },
    Workflow { name: "W11-host-keys", run: |stage| w11_host_keys(stage).boxed() },
    Workflow { name: "W11-kms-key", run: |stage| w11_kms_key(stage).boxed() },
    Workflow { name: "W11-replaced-key", run: |stage| w11_replaced_key(stage).boxed() },
    Workflow { name: "W12-adoption", run: |stage| w12_adoption(stage).boxed() },
    Workflow { name: "W12-adoption-by-id", run: |stage| adoptions::w12_by_id(stage).boxed() },
    Workflow { name: "W12-adoption-as2", run: |stage| adoptions::w12_as2(stage).boxed() },
    Workflow { name: "W12-adoption-certificate", run: |stage| certificates::w12_certificate(stage).boxed() },
    Workflow { name: "W12-adoption-web-app", run: |stage| web_apps::w12_web_app(stage).boxed() },
    Workflow { name: "W12-adoption-web-app-vpc", run: |stage| web_apps::w12_web_app_vpc(stage).boxed() },
    Workflow { name: "W13-retain", run: |stage| w13_retain(stage).boxed() },
    Workflow { name: "W14-account", run: |stage| w14_account(stage).boxed() },
    Workflow { name: "W15-workflow", run: |stage| w15_workflow(stage).boxed() },
    Workflow { name: "W15-replaced", run: |stage| w15_replaced(stage).boxed() },
    Workflow { name: "W15-approved", run: |stage| approval::w15_approved(stage).boxed() },
    Workflow { name: "W16-profile", run: |stage| w16_profile(stage).boxed() },
    Workflow { name: "W16-certificate", run: |stage| certificates::w16_certificate(stage).boxed() },
    Workflow { name: "W16-renewal", run: |stage| certificates::w16_renewal(stage, "refuse", "10m").boxed() },
    Workflow {
        name: "W16-renewal-dated",
        run: |stage| certificates::w16_renewal(stage, "refuse_new_past", "10m").boxed(),
    },
    Workflow { name: "W16-renewed-again", run: |stage| renewals::w16_renewed_again(stage).boxed() },
    Workflow { name: "W16-renewal-taken-back", run: |stage| renewals::w16_renewal_taken_back(stage).boxed() },
    Workflow { name: "W16-renewal-deleted", run: |stage| renewals::w16_renewal_deleted(stage).boxed() },
    Workflow { name: "W16-renewal-held", run: |stage| renewals::w16_renewal_held(stage).boxed() },
    Workflow { name: "W16-renewal-untagged", run: |stage| renewals::w16_renewal_untagged(stage).boxed() },
    Workflow { name: "W16-agreement", run: |stage| agreements::w16_agreement(stage).boxed() },
    Workflow { name: "W16-agreement-console", run: |stage| agreements::w16_agreement_console(stage).boxed() },
    Workflow { name: "W16-connector", run: |stage| connectors::w16_connector(stage).boxed() },
    Workflow { name: "W16-lattice", run: |stage| connectors::w16_lattice(stage).boxed() },
    Workflow { name: "W16-as2", run: |stage| connectors::w16_as2(stage).boxed() },
    Workflow { name: "W16-as2-ids", run: |stage| connectors::w16_as2_ids(stage).boxed() },
    Workflow { name: "W16-web-app", run: |stage| web_apps::w16_web_app(stage).boxed() },
    Workflow { name: "W16-web-app-vpc", run: |stage| web_apps::w16_web_app_vpc(stage).boxed() },
    Workflow { name: "W2-elastic", run: |stage| offline::w2_elastic(stage).boxed() },
    Workflow { name: "W4-offline", run: |stage| offline::w4_offline(stage).boxed() },
    Workflow { name: "W4-own-endpoint", run: |stage| offline::w4_own_endpoint(stage, &[]).boxed() },
    Workflow {
        name: "W4-own-to-elastic",
        run: |stage| offline::w4_own_endpoint(stage, &offline::ADDRESSES[..2]).boxed(),
    },
    Workflow { name: "W4-moves", run: |stage| offline::w4_moves(stage).boxed() },
    Workflow { name: "W4-addresses", run: |stage| offline::w4_addresses(stage).boxed() },
    Workflow { name: "W4-restart", run: |stage| offline::w4_restart(stage).boxed() },
    Workflow { name: "W4-window", run: |stage| offline::w4_window(stage).boxed() },
    Workflow { name: "W4-suspended", run: |stage| interrupted::w4_suspended(stage).boxed() },
    Workflow { name: "W4-taken-back", run: |stage| interrupted::w4_taken_back(stage).boxed() },
    Workflow { name: "W4-revoked", run: |stage| interrupted::w4_revoked(stage).boxed() },
    Workflow { name: "W4-retained", run: |stage| interrupted::w4_retained(stage).boxed() },
    Workflow { name: "W4-edited-back", run: |stage| interrupted::w4_edited_back(stage).boxed() },
    Workflow { name: "W4-deleted", run: |stage| interrupted::w4_deleted(stage).boxed() },
    Workflow { name: "W4-failed", run: |stage| interrupted::w4_failed(stage).boxed() },
    Workflow { name: "W4-contested", run: |stage| interrupted::w4_contested(stage).boxed() },
    Workflow { name: "W4-approved", run: |stage| approval::w4_approved(stage).boxed() },
];

pub fn named(name: &str) -> Workflow {
    *ALL.iter().find(|workflow| workflow.name == name).unwrap_or_else(|| panic!("no workflow {name}"))
}

pub const ROLE: &str = "arn:aws:iam::123456789012:role/sftp/writers";
pub const OTHER_ROLE: &str = "arn:aws:iam::123456789012:role/sftp/readers";
pub const KEY_A: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB a@laptop";
pub const KEY_B: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC b@laptop";
pub const KEY_C: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMD c@laptop";
pub const HOST_KEYS: [&str; 3] = [
    include_str!("../fixtures/keys/openssh-ed25519"),
    include_str!("../fixtures/keys/openssh-p256"),
    include_str!("../fixtures/keys/pkcs8-p384"),
];

pub fn server(name: &str, more: &Value) -> Value {
    let mut spec = json!({"region": "eu-central-1", "awsIdentityRef": {"name": "default"}});
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"kind": "TransferServer", "metadata": {"name": name}, "spec": spec})
}

pub fn user(name: &str, more: &Value) -> Value {
    let mut spec =
        json!({"serverRef": {"name": "files"}, "role": ROLE, "home": {"s3": {"bucket": "b", "prefix": name}}});
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"kind": "TransferUser", "metadata": {"name": name}, "spec": spec})
}

pub fn lister(name: &str) -> Value {
    let details = json!({"directoryId": "d-0123456789"});
    server(name, &json!({"identityProviderType": "AWS_DIRECTORY_SERVICE", "identityProviderDetails": details}))
}

pub fn access(name: &str, more: &Value) -> Value {
    let mut spec = json!({
        "serverRef": {"name": "corp"}, "externalId": "S-1-5-21-1004336348-1177238915-682003330-1001", "role": ROLE,
        "home": {"s3": {"bucket": "b", "prefix": name}},
    });
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"kind": "TransferAccess", "metadata": {"name": name}, "spec": spec})
}

pub fn workflow(name: &str, more: &Value) -> Value {
    let mut spec = json!({"region": "eu-central-1", "awsIdentityRef": {"name": "default"}, "steps": [tagging("a")]});
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"kind": "TransferWorkflow", "metadata": {"name": name}, "spec": spec})
}

/// A step of a workflow.
fn tagging(value: &str) -> Value {
    json!({"type": "TAG", "tagStepDetails": {"tags": [{"key": "scanned", "value": value}]}})
}

/// Certificates that AWS has once [`certificates`] put them there.
pub const CERTIFICATES: [&str; 2] = ["cert-0000000000000000a", "cert-0000000000000000b"];

pub fn profile(name: &str, more: &Value) -> Value {
    let mut spec = json!({
        "region": "eu-central-1", "awsIdentityRef": {"name": "default"}, "as2Id": name, "profileType": "LOCAL",
    });
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"kind": "TransferProfile", "metadata": {"name": name}, "spec": spec})
}

/// Somebody imports certificates with their keys; nobody here looks after them.
pub fn certificates(stage: &Stage) {
    let at = stage.world.clock.now();
    let until = "2036-01-01T00:00:00Z".parse().unwrap();
    let mut sim = stage.world.sim.lock().unwrap();
    for id in CERTIFICATES {
        let what = Certificate {
            usage: "SIGNING".to_owned(),
            certificate: "PEM".to_owned(),
            certificate_chain: None,
            with_private_key: true,
            serial: "1".to_owned(),
            not_before_date: at,
            not_after_date: until,
            active_date: at,
            inactive_date: until,
            description: None,
        };
        sim.world.region(ACCOUNT, REGION).certificates.add(id.to_owned(), what, Vec::new(), at);
    }
}

/// The line of a key as a spec holds it.
pub fn keys(lines: &[&str]) -> Value {
    json!({"sshPublicKeys": lines.iter().map(|line| json!({"publicKey": line})).collect::<Vec<_>>()})
}

async fn w1_server(stage: &Stage) {
    stage.apply(&server("files", &json!({"tags": {"purpose": "test"}, "preAuthenticationLoginBanner": "hello"})));
    stage.all_ready().await;
    stage.close().await;
}

/// The same among servers of others.
async fn w1_crowded(stage: &Stage) {
    for _ in 0..5 {
        stage.console(Operation::CreateServer, json!({}));
    }
    stage.apply(&server("files", &json!({})));
    stage.all_ready().await;
    stage.close().await;
}

async fn w3_update(stage: &Stage) {
    let files = stage.apply(&server("files", &json!({"tags": {"a": "1", "b": "2"}})));
    stage.all_ready().await;
    let id = stage.server_id("files");
    stage.edit(&files, |spec| {
        spec["preAuthenticationLoginBanner"] = json!("welcome");
        spec["securityPolicyName"] = json!("TransferSecurityPolicy-2025-03");
        spec["tags"] = json!({"a": "2", "c": "3"});
    });
    stage.all_ready().await;
    stage.edit(&files, |spec| {
        spec.as_object_mut().unwrap().remove("preAuthenticationLoginBanner");
        spec["desiredState"] = json!("OFFLINE");
    });
    stage.all_ready().await;
    stage.console(Operation::UpdateServer, json!({"ServerId": id, "PreAuthenticationLoginBanner": "theirs"}));
    stage.edit(&files, |spec| {
        spec["preAuthenticationLoginBanner"] = json!("ours");
        spec["desiredState"] = json!("ONLINE");
    });
    stage.all_ready().await;
    stage.close().await;
}

/// One member of an edit is refused by AWS; all else comes into force meanwhile.
async fn w3_refused_member(stage: &Stage) {
    let files = stage.apply(&server("files", &json!({})));
    stage.all_ready().await;
    stage.edit(&files, |spec| {
        spec["securityPolicyName"] = json!("TransferSecurityPolicy-2099-01");
        spec["preAuthenticationLoginBanner"] = json!("hello");
        spec["tags"] = json!({"team": "a"});
    });
    stage
        .until("the rest is in force", |stage| {
            let id = json!({"ServerId": stage.server_id("files")});
            crate::satisfy::describe(&stage.world, Operation::DescribeServer, id, "Server").is_some_and(|held| {
                held["PreAuthenticationLoginBanner"] == "hello" && held["Tags"].to_string().contains("team")
            })
        })
        .await;
    stage.edit(&files, |spec| spec["securityPolicyName"] = json!("TransferSecurityPolicy-2024-01"));
    stage.all_ready().await;
    stage.close().await;
}

async fn w5_delete(stage: &Stage) {
    let files = stage.apply(&server("files", &json!({})));
    let alice = stage.apply(&user("alice", &keys(&[KEY_A])));
    stage.all_ready().await;
    // The server first: it waits for its user.
    stage.edit(&files, |spec| spec["lifecycle"] = json!({"deletionProtection": false}));
    stage.delete(&files);
    stage.pause(Duration::from_secs(30)).await;
    stage.delete(&alice);
    stage.gone(&alice).await;
    stage.gone(&files).await;
    stage.apply(&server("files", &json!({})));
    stage.all_ready().await;
    stage.close().await;
}

async fn w6_foreign_users(stage: &Stage) {
    let files = stage.apply(&server("files", &json!({})));
    stage.all_ready().await;
    let id = stage.server_id("files");
    let theirs = json!({"ServerId": id, "UserName": "theirs", "Role": ROLE});
    stage.console(Operation::CreateUser, theirs);
    stage.edit(&files, |spec| spec["lifecycle"] = json!({"deletionProtection": false}));
    stage.delete(&files);
    stage.reason(&files, "DeletionBlocked").await;
    stage.console(Operation::DeleteUser, json!({"ServerId": id, "UserName": "theirs"}));
    stage.gone(&files).await;
    stage.close().await;
}

async fn w7_user(stage: &Stage) {
    stage.apply(&server("files", &json!({})));
    let alice = stage.apply(&user("alice", &keys(&[KEY_A, KEY_B])));
    stage.apply(&user("bob", &json!({"tags": {"team": "b"}})));
    stage.all_ready().await;
    stage.delete(&alice);
    stage.gone(&alice).await;
    stage.apply(&user("alice", &keys(&[KEY_C])));
    stage.all_ready().await;
    stage.close().await;
}

/// Tags of a user come, change and go.
async fn w7_tags(stage: &Stage) {
    stage.apply(&server("files", &json!({})));
    let alice = stage.apply(&user("alice", &json!({"tags": {"a": "1", "b": "1"}})));
    stage.all_ready().await;
    stage.edit(&alice, |spec| spec["tags"] = json!({"a": "2"}));
    stage.all_ready().await;
    stage.close().await;
}

async fn w8_role(stage: &Stage) {
    stage.apply(&server("files", &json!({})));
    stage.config_map("policies", &[("scope", r#"{"Version":"2012-10-17","Statement":[]}"#)]);
    let alice = stage.apply(&user("alice", &keys(&[KEY_A])));
    stage.all_ready().await;
    stage.edit(&alice, |spec| {
        spec["role"] = json!(OTHER_ROLE);
        spec["policyFrom"] = json!({"configMapKeyRef": {"name": "policies", "key": "scope"}});
    });
    stage.all_ready().await;
    let name = json!({"ServerId": stage.server_id("files"), "UserName": "alice", "Role": ROLE});
    stage.console(Operation::UpdateUser, name);
    stage.poke(&alice);
    stage.pause(Duration::from_mins(1)).await;
    stage.all_ready().await;
    stage.edit(&alice, |spec| {
        spec.as_object_mut().unwrap().remove("policyFrom");
        spec["home"] = json!({"s3": {"bucket": "b"}});
    });
    stage.all_ready().await;
    stage.close().await;
}

async fn w9_access(stage: &Stage) {
    stage.apply(&lister("corp"));
    let finance = stage.apply(&access("finance", &json!({})));
    stage.all_ready().await;
    stage.edit(&finance, |spec| {
        spec["role"] = json!(OTHER_ROLE);
        spec["home"] = json!({"s3": {"bucket": "c"}});
    });
    stage.all_ready().await;
    stage.delete(&finance);
    stage.gone(&finance).await;
    stage.apply(&access("finance", &json!({})));
    stage.all_ready().await;
    stage.close().await;
}

async fn w10_ssh_keys(stage: &Stage) {
    stage.apply(&server("files", &json!({})));
    let lines = |lines: &[&str]| lines.join("\n");
    stage.config_map("keys", &[("authorized_keys", &lines(&[KEY_A, KEY_B]))]);
    let from = json!({"sshPublicKeysFrom": [{"configMapKeyRef": {"name": "keys", "key": "authorized_keys"}}]});
    let alice = stage.apply(&user("alice", &from));
    stage.all_ready().await;
    stage.config_map("keys", &[("authorized_keys", &lines(&[KEY_C]))]);
    stage.pause(Duration::from_mins(1)).await;
    stage.all_ready().await;
    stage.edit(&alice, |spec| spec["sshPublicKeys"] = keys(&[KEY_A])["sshPublicKeys"].clone());
    stage.all_ready().await;
    stage.close().await;
}

async fn w11_host_keys(stage: &Stage) {
    for (name, body) in ["one", "two", "three"].iter().zip(HOST_KEYS) {
        stage.secret(name, body);
    }
    let list = |names: &[&str]| -> Value {
        names.iter().map(|name| json!({"name": name, "secretKeyRef": {"name": name}})).collect()
    };
    let files =
        stage.apply(&server("files", &json!({"hostKeys": list(&["one", "two"]), "hostKeyPolicy": "Exclusive"})));
    stage.all_ready().await;
    stage.edit(&files, |spec| spec["hostKeys"] = list(&["two", "three"]));
    stage.all_ready().await;
    stage.close().await;
}

/// The KMS key of a host key that AWS has is named, and is another then, which AWS never returns; tags come and go.
async fn w11_kms_key(stage: &Stage) {
    stage.secret("one", HOST_KEYS[0]);
    let listed = json!([{"name": "one", "secretKeyRef": {"name": "one"}, "storageType": "SECRETS_MANAGER"}]);
    let files = stage.apply(&server("files", &json!({"hostKeys": listed})));
    stage.all_ready().await;
    for (kms, tags) in [("a", json!({"x": "1"})), ("b", json!({}))] {
        stage.edit(&files, |spec| {
            let key = &mut spec["hostKeys"][0];
            key["kmsKey"] = json!(format!("arn:aws:kms:eu-central-1:123456789012:key/{kms}"));
            key["tags"] = tags;
        });
        stage.all_ready().await;
    }
    stage.close().await;
}

/// Fingerprints of the host keys of server `files`.
pub fn host_keys(stage: &Stage) -> Vec<String> {
    let input = json!({"ServerId": stage.server_id("files")});
    let keys = satisfy::describe(&stage.world, Operation::ListHostKeys, input, "HostKeys").unwrap_or_default();
    keys.as_array().into_iter().flatten().map(|key| text(&key["Fingerprint"])).collect()
}

/// The Secret of a listed host key comes to hold another key. What clients have pinned stays until a person confirms.
async fn w11_replaced_key(stage: &Stage) {
    stage.secret("one", HOST_KEYS[0]);
    let listed = json!([{"name": "one", "secretKeyRef": {"name": "one"}}]);
    let files = stage.apply(&server("files", &json!({"hostKeys": listed, "hostKeyPolicy": "Exclusive"})));
    stage.all_ready().await;
    let old = host_keys(stage);
    stage.secret("one", HOST_KEYS[1]);
    stage.poke(&files);
    stage.until("the new host key beside the old one", |stage| host_keys(stage).len() == 2).await;
    stage.all_ready().await;
    stage.pause(Duration::from_mins(20)).await;
    if !host_keys(stage).contains(&old[0]) {
        stage.world.violation("a host key went that was replaced and not confirmed".to_owned());
    }
    stage.reason(&files, "HostKeyReplaced").await;
    stage.annotate(&files, "transfer-operator.dev/confirm-host-key", &old[0]);
    stage.until("only the new host key", |stage| host_keys(stage).len() == 1 && host_keys(stage) != old).await;
    stage.all_ready().await;
    stage.close().await;
}

/// The identity's grant names the server that may be taken over.
fn grant(stage: &Stage, server: &str) {
    stage.edit(&key("AwsIdentity", "default"), |spec| spec["grants"][0]["serverIds"] = json!([server]));
}

async fn w12_adoption(stage: &Stage) {
    let made = stage.console(Operation::CreateServer, json!({"PreAuthenticationLoginBanner": "theirs"}));
    let id = made["ServerId"].as_str().unwrap().to_owned();
    grant(stage, &id);
    let lifecycle = |mode: &str| json!({"deletionPolicy": "Delete", "adoption": {"serverId": id, "mode": mode}});
    let more = json!({"preAuthenticationLoginBanner": "ours", "lifecycle": lifecycle("IfIdentical")});
    let legacy = stage.apply(&server("legacy", &more));
    stage.reason(&legacy, "NotIdentical").await;
    stage.edit(&legacy, |spec| spec["lifecycle"] = lifecycle("Converge"));
    stage.all_ready().await;
    stage.close().await;
}

async fn w13_retain(stage: &Stage) {
    let lifecycle = |more: Value| {
        let mut lifecycle = json!({"deletionPolicy": "Retain", "deletionProtection": false});
        lifecycle.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"lifecycle": lifecycle})
    };
    let files = stage.apply(&server("files", &lifecycle(json!({}))));
    stage.all_ready().await;
    let id = stage.server_id("files");
    stage.delete(&files);
    stage.gone(&files).await;
    grant(stage, &id);
    stage.apply(&server("files", &lifecycle(json!({"adoption": {"serverId": id, "mode": "Converge"}}))));
    stage.all_ready().await;
    stage.edit(&files, |spec| spec["lifecycle"]["deletionPolicy"] = json!("Delete"));
    stage.all_ready().await;
    stage.close().await;
}

async fn w14_account(stage: &Stage) {
    let files = stage.apply(&server("files", &json!({})));
    let alice = stage.apply(&user("alice", &keys(&[KEY_A])));
    stage.all_ready().await;
    let identity = key("AwsIdentity", "default");
    stage.edit(&identity, |spec| spec["accountId"] = json!("999999999999"));
    stage.edit(&files, |spec| spec["preAuthenticationLoginBanner"] = json!("hello"));
    stage.reason(&files, "AccountChanged").await;
    stage.pause(Duration::from_mins(2)).await;
    stage.edit(&identity, |spec| spec["accountId"] = json!("123456789012"));
    stage.poke(&alice);
    stage.all_ready().await;
    stage.close().await;
}

/// A workflow that nobody uses, whose tags change and which is then made anew.
async fn w15_workflow(stage: &Stage) {
    let scan = stage.apply(&workflow("scan", &json!({"description": "scans", "tags": {"a": "1", "b": "2"}})));
    stage.all_ready().await;
    stage.edit(&scan, |spec| spec["tags"] = json!({"a": "2"}));
    stage.all_ready().await;
    stage.edit(&scan, |spec| spec["lifecycle"] = json!({"deletionProtection": false}));
    stage.delete(&scan);
    stage.gone(&scan).await;
    stage.apply(&workflow("scan", &json!({"onExceptionSteps": [tagging("failed")]})));
    stage.all_ready().await;
    stage.close().await;
}

/// A workflow that a server uses: it is made anew, the server moves, the old one goes. An edit comes in the middle.
async fn w15_replaced(stage: &Stage) {
    let scan = stage.apply(&workflow("scan", &json!({})));
    let details = json!({"onUpload": [{"workflowRef": {"name": "scan"}, "executionRole": ROLE}]});
    stage.apply(&server("files", &json!({"workflowDetails": details})));
    stage.all_ready().await;
    let first = used_by_files(stage);
    stage.edit(&scan, |spec| spec["steps"] = json!([tagging("b")]));
    stage.until("the server moved", |stage| !used_by_files(stage).is_empty() && used_by_files(stage) != first).await;
    stage.edit(&scan, |spec| spec["description"] = json!("the third"));
    stage
        .until("only the last workflow is there, and used", |stage| {
            let (ids, used) = (workflow_ids(stage), used_by_files(stage));
            ids.len() == 1 && ids == used && described(stage, &ids[0]) == "the third"
        })
        .await;
    stage.all_ready().await;
    stage.close().await;
}

/// A profile whose certificates and tags change, by its object and by somebody else, and that goes and comes again.
async fn w16_profile(stage: &Stage) {
    certificates(stage);
    let [one, two] = CERTIFICATES;
    let us = stage.apply(&profile("us", &json!({"certificateIds": [one], "tags": {"a": "1", "b": "2"}})));
    stage.all_ready().await;
    stage.edit(&us, |spec| {
        spec["certificateIds"] = json!([one, two]);
        spec["tags"] = json!({"a": "2"});
    });
    stage.all_ready().await;
    for (id, _) in profiles(stage) {
        stage.console(Operation::UpdateProfile, json!({"ProfileId": id, "CertificateIds": [two]}));
    }
    stage.poke(&us);
    let both = |stage: &Stage| profiles(stage).iter().all(|(_, certificates)| certificates.len() == 2);
    stage.until("both certificates are back", both).await;
    stage.all_ready().await;
    stage.delete(&us);
    stage.gone(&us).await;
    stage.apply(&profile("us", &json!({"profileType": "PARTNER"})));
    stage.all_ready().await;
    stage.close().await;
}

/// The profiles that AWS has, each with its certificates. Not by AWS's listing, which may lag.
fn profiles(stage: &Stage) -> Vec<(String, Vec<String>)> {
    let mut sim = stage.world.sim.lock().unwrap();
    let living = sim.world.region(ACCOUNT, REGION).profiles.living();
    living.map(|(id, profile)| (id.clone(), profile.certificate_ids.clone())).collect()
}

/// What AWS has as the description of a workflow.
pub fn described(stage: &Stage, id: &str) -> String {
    let held = satisfy::describe(&stage.world, Operation::DescribeWorkflow, json!({"WorkflowId": id}), "Workflow");
    text(&held.unwrap_or_default()["Description"])
}

/// The ids of all workflows.
pub fn workflow_ids(stage: &Stage) -> Vec<String> {
    let rows = satisfy::describe(&stage.world, Operation::ListWorkflows, json!({}), "Workflows").unwrap_or_default();
    rows.as_array().into_iter().flatten().map(|row| text(&row["WorkflowId"])).collect()
}

/// The ids of the workflows that server `files` uses.
pub fn used_by_files(stage: &Stage) -> Vec<String> {
    let input = json!({"ServerId": stage.server_id("files")});
    let held = satisfy::describe(&stage.world, Operation::DescribeServer, input, "Server").unwrap_or_default();
    let used = held["WorkflowDetails"]["OnUpload"].as_array().cloned().unwrap_or_default();
    used.iter().map(|used| text(&used["WorkflowId"])).collect()
}
