//! Objects that are far larger or deeper than anybody's, past admission: each says what is wrong with it in a message of
//! bounded length that names the field, comes to rest, and holds up nobody else.

use std::time::Duration;

use serde_json::{Value, json};

use super::forged_identity::{process, stored, whole};
use super::rig::{INSTANCE, ROLE, Rig, SECRET, agreement_spec, certificate_spec, connector_spec, web_app_spec};
use crate::api::{ManagedKind, TransferServer, TransferUser};
use crate::cluster::Name;
use crate::cluster::guarded::Guarded;
use crate::cluster::pruned::Pruned;
use crate::kinds::fakes::{ACCOUNT, REGION, World};

const SERVER: &str = "TransferServer";
const USER: &str = "TransferUser";
const WORKFLOW: &str = "TransferWorkflow";
const PROFILE: &str = "TransferProfile";
const CONNECTOR: &str = "TransferConnector";
const ACCESS: &str = "TransferAccess";
const AGREEMENT: &str = "TransferAgreement";
const CERTIFICATE: &str = "TransferCertificate";
const WEB_APP: &str = "TransferWebApp";

/// As much as the API server stores of one object, about.
const LARGE: usize = 1 << 20;
/// What a condition may say.
const MESSAGE_MAX: usize = 32 << 10;

fn large() -> Value {
    json!("x".repeat(LARGE))
}

fn many(count: usize, one: impl Fn(usize) -> Value) -> Value {
    (0..count).map(one).collect()
}

fn tags() -> Value {
    (0..20_000).map(|number| (format!("key-{number}"), json!("v"))).collect::<serde_json::Map<_, _>>().into()
}

/// Kind, spec, the reason of Ready, and what its message names.
type Row = (&'static str, Value, &'static str, &'static str);

/// Of the kinds beside servers, users and what partners are made of.
fn further_specs() -> Vec<Row> {
    let mapping = |number| json!({"entry": format!("/{number}"), "target": "/b"});
    let center = |role: Value| json!({"identityCenterConfig": {"instanceArn": INSTANCE, "role": role}});
    let subnet = |number: usize| json!(format!("subnet-{number:017x}"));
    let vpc = json!({"vpc": {"vpcId": "vpc-0123456789abcdef0", "subnetIds": many(10_000, subnet)}});
    let logical = json!({"homeDirectoryType": "LOGICAL", "homeDirectoryMappings": many(60_000, mapping)});
    vec![
        (ACCESS, json!({"posixProfile": {"uid": large(), "gid": 0}}), "Undecodable", "spec.posixProfile"),
        (ACCESS, json!({"role": large()}), "RoleNotGranted", "spec.role"),
        (ACCESS, json!({"policy": large()}), "InvalidSpec", "spec.policy"),
        (ACCESS, json!({"externalId": large()}), "Rejected", "externalId"),
        (ACCESS, logical, "Rejected", "homeDirectoryMappings"),
        (AGREEMENT, json!({"customDirectories": large()}), "Undecodable", "spec.customDirectories"),
        (AGREEMENT, json!({"accessRole": large()}), "RoleNotGranted", "spec.accessRole"),
        (AGREEMENT, json!({"baseDirectory": large()}), "Rejected", "baseDirectory"),
        (AGREEMENT, json!({"localProfileId": large()}), "Rejected", "localProfileId"),
        (CERTIFICATE, json!({"rotation": large()}), "Undecodable", "spec.rotation"),
        (CERTIFICATE, json!({"activeDate": large()}), "InvalidSpec", "spec.activeDate"),
        (CERTIFICATE, json!({"description": large()}), "Rejected", "description"),
        (
            CERTIFICATE,
            json!({"configMapKeyRef": {"name": large(), "key": "a"}}),
            "SourceNotReady",
            "spec.configMapKeyRef",
        ),
        (CERTIFICATE, json!({"tags": tags()}), "InvalidSpec", "spec.tags"),
        (WEB_APP, json!({"webAppUnits": {"provisioned": large()}}), "Undecodable", "spec.webAppUnits"),
        (WEB_APP, json!({"identityProviderDetails": center(large())}), "RoleNotGranted", "role"),
        (WEB_APP, json!({"accessEndpoint": large()}), "Rejected", "accessEndpoint"),
        (WEB_APP, json!({"customization": {"title": large()}}), "Rejected", "title"),
        (WEB_APP, json!({"endpointDetails": vpc}), "Available", ""),
    ]
}

fn specs() -> Vec<Row> {
    let key = |_| json!({"publicKey": "ssh-ed25519 AAAA"});
    let mapping = |number| json!({"entry": format!("/{number}"), "target": "/b"});
    let window = json!({"mode": "Window", "window": {"start": large(), "durationMinutes": i32::MIN, "timeZone": large(),
        "days": many(10_000, |_| json!("Mon"))}});
    let step = |_| json!({"type": "DELETE", "deleteStepDetails": {}});
    let host = |number| json!(format!("host-{number} ssh-rsa AAAA"));
    let trusting = |keys: Value| json!({"sftpConfig": {"userSecretId": SECRET, "trustedHostKeys": keys}});
    let certificate = |number: usize| json!(format!("cert-{number:017x}"));
    vec![
        (USER, json!({"sshPublicKeyPolicy": large()}), "Undecodable", "spec.sshPublicKeyPolicy"),
        (USER, json!({"sshPublicKeys": large()}), "Undecodable", "spec.sshPublicKeys"),
        (USER, json!({"posixProfile": {"uid": large(), "gid": 0}}), "Undecodable", "spec.posixProfile"),
        (USER, json!({"role": large()}), "RoleNotGranted", "spec.role"),
        (USER, json!({"sshPublicKeys": [{"publicKey": large()}]}), "InvalidKey", "spec.sshPublicKeys[0]"),
        (USER, json!({"sshPublicKeys": many(10_000, key)}), "InvalidKey", "spec.sshPublicKeys[0]"),
        (USER, json!({"policy": large()}), "InvalidSpec", "spec.policy"),
        (USER, json!({"resyncInterval": large()}), "Available", ""),
        (USER, json!({"tags": tags()}), "InvalidSpec", "spec.tags"),
        (
            USER,
            json!({"homeDirectoryType": "LOGICAL", "homeDirectoryMappings": many(60_000, mapping)}),
            "Rejected",
            "homeDirectoryMappings",
        ),
        (USER, json!({"userName": large()}), "InvalidSpec", "spec.userName"),
        (SERVER, json!({"desiredState": large()}), "Undecodable", "spec.desiredState"),
        (SERVER, json!({"lifecycle": large()}), "Undecodable", "spec.lifecycle"),
        (SERVER, json!({"preAuthenticationLoginBanner": large()}), "Rejected", "preAuthenticationLoginBanner"),
        (SERVER, json!({"lifecycle": {"deletionProtection": false, "disruption": window}}), "Available", ""),
        (SERVER, json!({"awsIdentityRef": {"name": large()}}), "IdentityDenied", "AwsIdentity"),
        (WORKFLOW, json!({"steps": large()}), "Undecodable", "spec.steps"),
        (WORKFLOW, json!({"steps": many(10_000, step)}), "Rejected", "steps"),
        (CONNECTOR, json!({"sftpConfig": large()}), "Undecodable", "spec.sftpConfig"),
        (CONNECTOR, json!({"url": large()}), "Rejected", "url"),
        (CONNECTOR, trusting(json!([large()])), "InvalidKey", "spec.sftpConfig.trustedHostKeys[0]"),
        (CONNECTOR, trusting(many(10_000, host)), "InvalidKey", "spec.sftpConfig.trustedHostKeys[0]"),
        (
            CONNECTOR,
            json!({"sftpConfig": {"userSecretId": large()}}),
            "SecretNotGranted",
            "spec.sftpConfig.userSecretId",
        ),
        (PROFILE, json!({"certificateIds": large()}), "Undecodable", "spec.certificateIds"),
        (PROFILE, json!({"as2Id": large()}), "Rejected", "as2Id"),
        (PROFILE, json!({"certificateIds": many(10_000, certificate)}), "QuotaExceeded", "CertificatesPerProfile"),
    ]
}

fn spec_of(kind: &str, more: &Value) -> Value {
    let mut spec = match kind {
        SERVER => json!({"region": REGION, "lifecycle": {"deletionProtection": false}}),
        USER => json!({"serverRef": {"name": "files"}, "role": ROLE}),
        CONNECTOR => connector_spec(&json!({})),
        PROFILE => json!({"region": REGION, "as2Id": "us", "profileType": "LOCAL"}),
        ACCESS => json!({"serverRef": {"name": "groups"}, "role": ROLE, "externalId": "S-1-1"}),
        AGREEMENT => agreement_spec("files", &json!({})),
        CERTIFICATE => certificate_spec(&json!({})),
        WEB_APP => web_app_spec(&json!({})),
        _ => json!({"region": REGION, "steps": []}),
    };
    for (member, value) in more.as_object().unwrap() {
        spec[member] = value.clone();
    }
    spec
}

/// Somebody else's edit is still made, and the object that is as it should be is Ready.
async fn others_go_on(rig: &Rig, number: usize) {
    rig.edit(USER, "alice", |object| object["spec"]["homeDirectory"] = json!(format!("/b/{number}")));
    rig.settle(USER, "alice").await;
    assert_eq!(rig.cloud.calls().last().map(String::as_str), Some("UpdateUser"));
    assert_eq!(rig.says(USER, "alice", "Ready").unwrap().0, "True");
}

/// What these do, each beside a server and a user whose owners go on with their work.
async fn assert_bounded(rig: &Rig, rows: Vec<Row>) {
    let mut wrong = Vec::new();
    for (number, (kind, spec, reason, field)) in rows.into_iter().enumerate() {
        let object = format!("evil-{number}");
        rig.put(kind, &object, spec_of(kind, &spec));
        rig.run(kind, &object, Duration::from_mins(11)).await;
        let (said, message) = (rig.says(kind, &object, "Ready").unwrap().1, rig.message(kind, &object));
        let told = message.get(..message.len().min(200)).unwrap_or_default();
        let echoed = reason == "Undecodable" && message.contains("xxxxxxxx");
        if said != reason || message.len() > MESSAGE_MAX || !message.contains(field) || echoed {
            let named = spec.as_object().unwrap().keys().next().unwrap();
            wrong.push(format!("{kind} {named}: {said} in {} bytes: {told}", message.len()));
        }
        others_go_on(rig, number).await;
        // The fake decodes all that it has at each look.
        Rig::vanish(&rig.objects, kind, &object);
    }
    let notes = rig.objects.notes.lock().unwrap();
    // The door cuts what is published; what the engine keeps of it to tell it once must not be large either.
    wrong.extend(notes.iter().filter(|note| note.message.len() > 2 * LARGE).map(|note| note.reason.clone()));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_spec_of_a_mebibyte_says_which_field_and_stops_nobody() {
    assert_bounded(&Rig::with_user(json!({})).await, specs()).await;
}

#[tokio::test(start_paused = true)]
async fn a_further_spec_of_a_mebibyte_says_which_field_and_stops_nobody() {
    let rig = Rig::with_user(json!({})).await;
    rig.server("groups", json!({"identityProviderType": "AWS_DIRECTORY_SERVICE"}));
    rig.settle(SERVER, "groups").await;
    rig.allow_agreements();
    // Its ConfigMap is there for the others.
    rig.certificate("partner", json!({}));
    assert_bounded(&rig, further_specs()).await;
}

#[test]
fn each_kind_has_a_spec_of_a_mebibyte_and_one_that_does_not_decode() {
    let rows = [specs(), further_specs()].concat();
    for kind in ManagedKind::ALL {
        let reasons = rows.iter().filter(|(of, ..)| *of == kind.name()).map(|(.., reason, _)| *reason);
        let (unread, read): (Vec<_>, Vec<_>) = reasons.partition(|reason| *reason == "Undecodable");
        assert!(!unread.is_empty() && !read.is_empty(), "{kind:?}: {unread:?}, {read:?}");
    }
}

/// An identity is everybody's, so that it does not only say what is wrong: what is too long for AWS is not sent.
#[tokio::test(start_paused = true)]
async fn an_identity_of_a_mebibyte_says_which_field_and_asks_nobody() {
    let role = |arn: Value| json!({"source": "AssumeRole", "assumeRole": {"roleArn": arn}});
    let arn = format!("arn:aws:iam::{ACCOUNT}:role/{}", "x".repeat(LARGE));
    let grant = |number: usize| json!({"name": format!("g-{number}"), "kinds": ["TransferUser"], "namespaces": {"from": "All"}});
    let rows = [
        ("accountId", large(), "InvalidSpec", "spec.accountId"),
        ("credentials", role(large()), "InvalidSpec", "spec.credentials.assumeRole.roleArn"),
        ("credentials", role(json!(arn)), "InvalidSpec", "spec.credentials.assumeRole.roleArn"),
        ("grants", large(), "Undecodable", "spec.grants"),
        ("rateLimit", large(), "Undecodable", "spec.rateLimit"),
        ("grants", many(10_000, grant), "Verified", ""),
        ("tags", tags(), "Verified", ""),
    ];
    for (member, value, reason, field) in rows {
        let world = World::open();
        world.edit_identity(|identity| identity["spec"][member] = value);
        let identities = process(&world, whole());
        if reason == "Undecodable" {
            let name = Name { namespace: String::new(), name: "default".to_owned() };
            identities.unread(&name, "identity").await.unwrap();
        } else {
            identities.reconcile(&stored(&world)).await.unwrap();
        }
        let status = world.raw_identity()["status"].clone();
        let ready = status["conditions"].as_array().unwrap().iter().find(|found| found["type"] == "Ready").unwrap();
        let message = ready["message"].as_str().unwrap();
        let told = (ready["reason"].as_str().unwrap(), message.contains(field), message.len() < 2000);
        assert_eq!(told, (reason, true, true), "{member}: {}", message.get(..200).unwrap_or(message));
        assert_eq!(*world.aws.verified.lock().unwrap() > 0, reason == "Verified", "{member}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_status_of_ten_thousand_conditions_is_carried_along() {
    let rig = Rig::with_user(json!({})).await;
    let condition = |number: usize| {
        json!({"type": format!("Forged{number}"), "status": "True", "reason": "Forged", "message": "x",
            "lastTransitionTime": "2026-01-01T00:00:00Z"})
    };
    Rig::write_status(&rig.objects, USER, "alice", |status| {
        let forged = many(10_000, condition);
        status["conditions"].as_array_mut().unwrap().extend(forged.as_array().unwrap().clone());
    });
    others_go_on(&rig, 0).await;
}

#[tokio::test(start_paused = true)]
async fn a_status_that_cannot_be_read_is_told_of_and_left_as_it_is() {
    let rig = Rig::with_user(json!({})).await;
    rig.user("evil", json!({}));
    let forged = json!({"conditions": large(), "serverId": 7, "drift": many(10_000, |_| json!([[[]]]))});
    Rig::write_status(&rig.objects, USER, "evil", |status| *status = forged.clone());
    rig.run(USER, "evil", Duration::from_mins(30)).await;
    assert_eq!(rig.status(USER, "evil"), forged);
    let notes = rig.objects.notes.lock().unwrap().clone();
    let told: Vec<&str> =
        notes.iter().filter(|note| note.reason == "Undecodable").map(|note| note.message.as_str()).collect();
    assert!(told.len() == 1 && told[0].contains("status.") && told[0].len() < 2000, "{told:?}");
    assert_eq!(rig.cloud.calls(), Vec::<String>::new());
    others_go_on(&rig, 0).await;
}

/// What is deeper than any object of ours is an error of that one read, and ends no stack.
#[test]
fn json_that_is_deep_without_end_is_an_error_or_passed_over() {
    for depth in [200, 100_000] {
        let deep = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let object = |spec: &str, more: &str| {
            format!("{{\"kind\":\"TransferUser\",\"metadata\":{{\"name\":\"a\"{more}}},\"spec\":{spec}}}")
        };
        let read = |text: &str| serde_json::from_str::<Pruned<Guarded<TransferUser>>>(text);
        assert!(read(&object(&deep, "")).is_err());
        assert!(serde_json::from_str::<Pruned<Guarded<TransferServer>>>(&object(&deep, "")).is_err());
        // What is not read at all may be as deep as it likes.
        let Pruned(guarded) = read(&object("{\"role\":\"arn\"}", &format!(",\"managedFields\":{deep}"))).unwrap();
        assert!(guarded.0.is_ok());
    }
}
