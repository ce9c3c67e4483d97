#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)]
use serde::de::DeserializeOwned;

use super::*;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB laptop";

fn read<K: DeserializeOwned>(kind: &str, base: Value, more: Value) -> K {
    let mut spec = base;
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let (version, metadata) = ("transfer-operator.dev/v1alpha1", json!({"name": "x", "namespace": "team"}));
    serde_json::from_value(json!({"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec})).unwrap()
}

fn rows(preview: Preview) -> Vec<String> {
    let (rows, count) = preview;
    assert_eq!(count, None);
    assert!(rows.iter().all(|row| row.step.is_none()));
    rows.into_iter().map(|row| format!("{:?} {}", row.effect, row.field)).collect()
}

fn of_server(new: Value, old: Value) -> Vec<String> {
    let spec = |more| read::<TransferServer>("TransferServer", json!({"region": "eu-central-1"}), more);
    rows(server(&spec(new), &spec(old)))
}

#[test]
fn each_field_of_a_server_says_what_its_change_takes() {
    let vpc = |more: Value| {
        let mut details = json!({"vpcId": "vpc-1", "subnetIds": ["subnet-1"]});
        details.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"endpointType": "VPC", "endpointDetails": details})
    };
    let addresses = |one: &str| vpc(json!({"addressAllocationIds": [one]}));
    let rows: &[(Value, Value, &[&str])] = &[
        (json!({}), json!({}), &[]),
        (json!({"protocols": ["SFTP"]}), json!({}), &[]),
        (json!({"preAuthenticationLoginBanner": "a"}), json!({}), &["Live spec.preAuthenticationLoginBanner"]),
        (json!({}), json!({"preAuthenticationLoginBanner": "a"}), &["Live spec.preAuthenticationLoginBanner"]),
        (json!({}), json!({"securityPolicyName": "a"}), &["Refused spec.securityPolicyName"]),
        (json!({"ipAddressType": "DUALSTACK"}), json!({}), &["Offline spec.ipAddressType"]),
        (json!({"protocolDetails": {"passiveIp": "AUTO"}}), json!({}), &[]),
        (
            json!({"protocolDetails": {"passiveIp": "192.0.2.1"}}),
            json!({}),
            &["Restart spec.protocolDetails.passiveIp"],
        ),
        (addresses("eipalloc-2"), addresses("eipalloc-1"), &["Offline spec.endpointDetails.addressAllocationIds"]),
        (
            vpc(json!({"securityGroupIds": ["sg-2"]})),
            vpc(json!({"securityGroupIds": ["sg-1"]})),
            &["Ec2 spec.endpointDetails.securityGroupIds"],
        ),
        (vpc(json!({"vpcId": "vpc-2"})), vpc(json!({})), &["Replace spec.endpointDetails.vpcId"]),
        (json!({"domain": "EFS"}), json!({"domain": "S3"}), &["Replace spec.domain"]),
        (json!({"region": "eu-west-1"}), json!({}), &["Refused spec.region"]),
        (
            json!({"tags": {"a": "1", "b": "2"}}),
            json!({"tags": {"a": "0", "c": "3"}}),
            &["Live spec.tags[a]", "Live spec.tags[b]", "Live spec.tags[c]"],
        ),
        (json!({"lifecycle": {"approval": "Required"}}), json!({}), &["Live spec.lifecycle.approval"]),
        (json!({"desiredState": "OFFLINE"}), json!({}), &["Live spec.desiredState"]),
    ];
    for (new, old, expected) in rows {
        assert_eq!(&of_server(new.clone(), old.clone()), expected, "{old} becomes {new}");
    }
}

/// A member that is compared nowhere would be left out in silence.
#[test]
fn what_is_left_to_a_table_stands_in_that_table() {
    use crate::kinds::server::members::MEMBERS;
    for name in server::preview::COMPARED.into_iter().filter(|name| *name != "domain") {
        assert!(MEMBERS.iter().any(|member| member.top() == name), "{name}");
    }
    // The short form of a home is compared as what it stands for.
    for name in LOGIN.into_iter().filter(|name| *name != "home") {
        assert!(login::MEMBERS.iter().any(|member| member.path == name), "{name}");
    }
}

#[test]
fn logins_are_compared_as_aws_gets_them_and_keys_shown_by_fingerprint() {
    let user_of =
        |more| read::<TransferUser>("TransferUser", json!({"serverRef": {"name": "files"}, "role": "r"}), more);
    let told = |new: Value, old: Value| rows(user(&user_of(new), &user_of(old)));
    let short = json!({"home": {"s3": {"bucket": "b", "prefix": "in"}, "restricted": false}});
    let long = json!({"homeDirectory": "/b/in", "homeDirectoryType": "PATH"});
    assert!(told(short, long).is_empty(), "two ways to say one thing");
    assert_eq!(told(json!({"role": "other"}), json!({})), ["Live spec.role"]);
    let profile = json!({"posixProfile": {"uid": 1, "gid": 1}});
    assert_eq!(told(json!({}), profile), ["Refused spec.posixProfile"]);
    let policies = [json!({"policy": "{\"a\":  1}"}), json!({"policy": "{\"a\":1}"})];
    assert!(told(policies[0].clone(), policies[1].clone()).is_empty());
    assert_eq!(told(json!({"serverRef": {"name": "other"}}), json!({})), ["Refused spec.serverRef"]);
    let secret = "-----BEGIN OPENSSH PRIVATE KEY-----";
    let keys = |key: &str| user_of(json!({"sshPublicKeys": [{"publicKey": key}]}));
    let (changes, _) = user(&keys(KEY), &keys(secret));
    let text = format!("{changes:?}");
    assert!(text.contains("SHA256:") && text.contains(NO_KEY) && !text.contains("BEGIN"), "{text}");
    let access_of = |more| {
        let base = json!({"serverRef": {"name": "files"}, "role": "r", "externalId": "S-1-5-21-1-2-3-4"});
        read::<TransferAccess>("TransferAccess", base, more)
    };
    let other = access_of(json!({"externalId": "S-1-5-21-1-2-3-5", "role": "s"}));
    assert_eq!(rows(access(&other, &access_of(json!({})))), ["Refused spec.externalId", "Live spec.role"]);
}

#[test]
fn a_profile_changes_its_certificates_and_neither_name_nor_type() {
    let base = json!({"region": "eu-central-1", "as2Id": "us", "profileType": "LOCAL", "certificateIds": ["cert-1", "cert-2"]});
    let profile_of = |more| read::<TransferProfile>("TransferProfile", base.clone(), more);
    let told = |more: Value| rows(profile(&profile_of(more), &profile_of(json!({}))));
    assert_eq!(told(json!({"certificateIds": ["cert-2", "cert-3"]})), ["Live spec.certificateIds"]);
    assert!(told(json!({"certificateIds": ["cert-2", "cert-1"]})).is_empty(), "they are in no order");
    assert_eq!(told(json!({"certificateIds": null})), ["Live spec.certificateIds"]);
    let fixed = json!({"as2Id": "we", "profileType": "PARTNER", "region": "eu-west-1"});
    assert_eq!(told(fixed), ["Refused spec.as2Id", "Refused spec.profileType", "Refused spec.region"]);
    assert_eq!(told(json!({"tags": {"a": "1"}})), ["Live spec.tags[a]"]);
}

#[test]
fn a_connector_keeps_its_protocol_and_its_way_and_tells_what_it_names() {
    let base = json!({"region": "eu-central-1", "url": "sftp://a", "accessRole": "r", "sftpConfig": {
        "userSecretId": "s", "trustedHostKeysFrom": [{"configMapKeyRef": {"name": "hosts", "key": "a"}}]}});
    let connector_of = |more| read::<TransferConnector>("TransferConnector", base.clone(), more);
    let told = |more: Value| rows(connector(&connector_of(more), &connector_of(json!({}))));
    assert!(told(json!({"ipAddressType": "IPV4"})).is_empty(), "AWS's default");
    assert_eq!(told(json!({"url": "sftp://b", "tags": {"a": "1"}})), ["Live spec.url", "Live spec.tags[a]"]);
    assert_eq!(
        told(json!({"region": "eu-west-1", "connectionTest": "Never"})),
        ["Refused spec.region", "Live spec.connectionTest"]
    );
    let from =
        json!({"userSecretId": "s", "trustedHostKeysFrom": [{"configMapKeyRef": {"name": "hosts", "key": "b"}}]});
    assert_eq!(told(json!({"sftpConfig": from})), ["Live spec.sftpConfig.trustedHostKeysFrom"]);
    let config = |partner: &str| {
        json!({"localProfileRef": {"name": "us"}, "partnerProfileRef": {"name": partner},
        "compression": "ZLIB", "encryptionAlgorithm": "NONE", "signingAlgorithm": "SHA256", "mdnResponse": "SYNC"})
    };
    let to = |partner: &str| json!({"url": "https://a", "sftpConfig": null, "as2Config": config(partner)});
    let exchanged = told(to("them"));
    assert!(exchanged.iter().any(|row| row.starts_with("Replace spec.as2Config.")), "{exchanged:?}");
    let partners = rows(connector(&connector_of(to("others")), &connector_of(to("them"))));
    assert_eq!(partners, ["Live spec.as2Config.partnerProfileRef"]);
}

#[test]
fn a_workflow_is_made_anew_for_anything_but_its_tags() {
    let step = |target: &str| json!([{"type": "CUSTOM", "customStepDetails": {"target": target, "timeoutSeconds": 9}}]);
    let base = json!({"region": "eu-central-1", "steps": step("a")});
    let workflow_of = |more| read::<TransferWorkflow>("TransferWorkflow", base.clone(), more);
    let told = |more: Value| rows(workflow(&workflow_of(more), &workflow_of(json!({}))));
    assert_eq!(told(json!({"steps": step("b")})), ["Replace spec.steps"]);
    assert_eq!(told(json!({"description": "x"})), ["Replace spec.description"]);
    assert_eq!(told(json!({"tags": {"a": "1"}, "suspend": true})), ["Live spec.suspend", "Live spec.tags[a]"]);
    let filled = json!([{"type": "CUSTOM",
        "customStepDetails": {"target": "a", "timeoutSeconds": 9, "sourceFileLocation": "${previous.file}"}}]);
    assert!(told(json!({"steps": filled})).is_empty(), "what AWS fills in is no difference");
}

#[test]
fn an_agreement_stays_on_its_server_and_tells_what_it_names() {
    let base = json!({"serverRef": {"name": "files"}, "localProfileRef": {"name": "us"}, "partnerProfileId": "p-1",
        "accessRole": "r", "baseDirectory": "/b/in", "description": "orders"});
    let agreement_of = |more| read::<TransferAgreement>("TransferAgreement", base.clone(), more);
    let told = |more: Value| rows(agreement(&agreement_of(more), &agreement_of(json!({}))));
    let defaults = json!({"status": "ACTIVE", "preserveFilename": "DISABLED", "enforceMessageSigning": "DISABLED"});
    assert!(told(defaults).is_empty(), "AWS's defaults");
    assert_eq!(told(json!({"serverRef": {"name": "other"}})), ["Refused spec.serverRef"]);
    let by_id = json!({"serverRef": null, "serverId": "s-1", "region": "eu-central-1"});
    assert_eq!(told(by_id), ["Refused spec.region", "Refused spec.serverId", "Refused spec.serverRef"]);
    let profiles = json!({"localProfileRef": {"name": "we"}, "partnerProfileId": "p-2"});
    assert_eq!(told(profiles), ["Live spec.localProfileRef", "Live spec.partnerProfileId"]);
    let live = json!({"status": "INACTIVE", "enforceMessageSigning": "ENABLED", "tags": {"a": "1"}});
    assert_eq!(told(live), ["Live spec.status", "Live spec.enforceMessageSigning", "Live spec.tags[a]"]);
    let name = |of: &str| (format!("{of}FilesDirectory"), json!(format!("/b/{of}")));
    let parts = ["failed", "mdn", "payload", "status", "temporary"].map(name);
    let custom: Map<String, Value> = parts.into_iter().collect();
    let exchanged = told(json!({"baseDirectory": null, "customDirectories": custom}));
    assert_eq!(exchanged, ["Live spec.customDirectories"], "the one takes the place of the other");
    assert_eq!(told(json!({"description": null})), ["Refused spec.description"], "AWS takes no empty one");
}

#[test]
fn a_certificate_keeps_its_usage_and_tells_its_source_and_its_dates() {
    let base =
        json!({"region": "eu-central-1", "usage": "SIGNING", "secretRef": {"name": "tls"}, "description": "ours"});
    let certificate_of = |more| read::<TransferCertificate>("TransferCertificate", base.clone(), more);
    let told = |more: Value| rows(certificate(&certificate_of(more), &certificate_of(json!({}))));
    assert!(told(json!({})).is_empty());
    assert_eq!(
        told(json!({"usage": "ENCRYPTION", "region": "eu-west-1"})),
        ["Refused spec.region", "Refused spec.usage"]
    );
    assert_eq!(told(json!({"secretRef": {"name": "other"}})), ["Live spec.secretRef"]);
    let dates = json!({"activeDate": "2030-01-01T00:00:00Z", "inactiveDate": "2031-01-01T00:00:00Z"});
    assert_eq!(told(dates), ["Live spec.activeDate", "Live spec.inactiveDate"]);
    assert_eq!(
        told(json!({"description": "theirs", "tags": {"a": "1"}})),
        ["Live spec.description", "Live spec.tags[a]"]
    );
    assert_eq!(told(json!({"description": null})), ["Refused spec.description"], "AWS has no way to clear it");
}
