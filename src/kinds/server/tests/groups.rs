//! The groups in which an update that AWS refused is sent again.

use serde_json::{Value, json};

use super::{held, operations, plan_of, sent, wanted};
use crate::api::condition::reasons;
use crate::engine::diff::{Change, Reset};
use crate::kinds::login;
use crate::kinds::server::members::{Group, MEMBERS, group};

const ROLE: &str = "arn:aws:iam::123456789012:role/logs";

#[test]
fn every_member_of_a_server_has_its_group() {
    let groups: &[(Group, &[&str])] = &[
        (Group::SecurityPolicy, &["securityPolicyName"]),
        (Group::Logging, &["loggingRole", "structuredLogDestinations", "workflowDetails"]),
        (Group::Banners, &["preAuthenticationLoginBanner", "postAuthenticationLoginBanner"]),
        (Group::Storage, &["s3StorageOptions"]),
        (Group::Endpoint, &["endpointType", "endpointDetails", "ipAddressType"]),
        (
            Group::Access,
            &["identityProviderType", "identityProviderDetails", "protocols", "certificate", "protocolDetails"],
        ),
    ];
    for member in MEMBERS {
        let placed: Vec<Group> =
            groups.iter().filter(|(_, tops)| tops.contains(&member.top())).map(|(group, _)| *group).collect();
        assert_eq!(placed, [group(member.path)], "{}", member.path);
    }
}

#[test]
fn an_update_is_divided_into_groups_that_carry_exactly_its_differences() {
    let want = json!({
        "securityPolicyName": "TransferSecurityPolicy-2024-01", "preAuthenticationLoginBanner": "a",
        "postAuthenticationLoginBanner": "b", "loggingRole": ROLE, "protocols": ["SFTP", "FTPS"], "certificate": "c",
        "s3StorageOptions": {"directoryListingOptimization": "ENABLED"},
    });
    let plan = plan_of(&wanted(want), &held(json!({})), json!({}));
    let update = &plan.calls[0];
    let parts: Vec<Vec<&str>> =
        update.parts.iter().map(|part| part.changes.iter().map(|change| change.path.as_str()).collect()).collect();
    assert_eq!(
        parts,
        [
            vec!["securityPolicyName"],
            vec!["loggingRole"],
            vec!["postAuthenticationLoginBanner", "preAuthenticationLoginBanner"],
            vec!["s3StorageOptions.directoryListingOptimization"],
            vec!["certificate", "protocols"],
        ]
    );
    let exposing: Vec<bool> = update.parts.iter().map(|part| part.exposes).collect();
    assert_eq!(exposing, [false, false, false, false, true]);
    let mut told: Vec<&Change> = update.parts.iter().flat_map(|part| &part.changes).collect();
    let mut all: Vec<&Change> = update.changes.iter().collect();
    told.sort_by(|a, b| a.path.cmp(&b.path));
    all.sort_by(|a, b| a.path.cmp(&b.path));
    assert_eq!(told, all);
    let one = plan_of(&wanted(json!({"protocols": ["SFTP", "FTPS"], "certificate": "c"})), &held(json!({})), json!({}));
    assert!(one.calls[0].parts.is_empty(), "one group is not divided");
}

#[test]
fn beside_what_may_not_be_sent_its_group_and_what_lets_more_in_wait() {
    let workflow = json!({"onUpload": [{"workflowId": "w-1", "executionRole": ROLE}]});
    let gateway = json!({"url": "https://a", "invocationRole": ROLE});
    let rows: &[(Value, &str, &[&str], &str)] = &[
        (json!({"loggingRole": ROLE, "securityPolicyName": "p"}), "loggingRole", &["securityPolicyName"], ""),
        (
            json!({"loggingRole": ROLE, "workflowDetails": workflow, "securityPolicyName": "p"}),
            "loggingRole",
            &["securityPolicyName"],
            "spec.workflowDetails.onUpload not in force until spec.loggingRole",
        ),
        (
            json!({"loggingRole": ROLE, "protocols": ["SFTP", "FTPS"], "certificate": "c", "securityPolicyName": "p"}),
            "loggingRole",
            &["securityPolicyName"],
            "spec.certificate, spec.protocols not in force until spec.loggingRole",
        ),
        (
            json!({"identityProviderType": "API_GATEWAY", "identityProviderDetails": gateway, "certificate": "c"}),
            "identityProviderDetails.invocationRole",
            &[],
            "spec.certificate not in force until spec.identityProviderType, spec.identityProviderDetails.url, ",
        ),
        (json!({"loggingRole": ROLE, "certificate": "c"}), "loggingRole", &["certificate"], ""),
    ];
    for (want, ungranted, sent, told) in rows {
        let mut wanted = wanted(want.clone());
        wanted.want.ungranted = vec![(*ungranted).to_owned()];
        let plan = plan_of(&wanted, &held(json!({})), json!({}));
        let changes = plan.calls.iter().flat_map(|call| &call.changes).map(|change| change.path.as_str());
        assert_eq!(changes.collect::<Vec<_>>(), *sent, "{want}");
        let blocks: Vec<&str> = plan.blocks.iter().map(|block| block.message.as_str()).collect();
        assert!(
            blocks.iter().any(|block| block.starts_with(told)) || (told.is_empty() && blocks.is_empty()),
            "{blocks:?}"
        );
        // In force already, it holds nothing but what would carry it.
        let have = json!({"loggingRole": want["loggingRole"], "identityProviderType": want["identityProviderType"],
            "identityProviderDetails": want["identityProviderDetails"]});
        assert!(plan_of(&wanted, &held(have), json!({})).blocks.is_empty(), "{want}");
    }
}

#[test]
fn only_what_lets_more_in_counts_as_exposing() {
    let provider = json!({"identityProviderType": "AWS_LAMBDA", "identityProviderDetails": {"function": "f"}});
    let with = |methods: &str| {
        let mut settings = provider.clone();
        settings["identityProviderDetails"]["sftpAuthenticationMethods"] = json!(methods);
        settings
    };
    let rows = [
        (json!({"protocols": ["SFTP"]}), json!({"protocols": ["SFTP", "FTP"]}), false),
        (json!({"protocols": ["SFTP", "FTP"]}), json!({"protocols": ["SFTP"]}), true),
        (json!({"protocols": ["FTPS"]}), json!({}), true),
        (json!({"certificate": "new"}), json!({"certificate": "old"}), false),
        (provider.clone(), json!({}), true),
        (with("PUBLIC_KEY_AND_PASSWORD"), with("PUBLIC_KEY"), false),
        (with("PUBLIC_KEY_OR_PASSWORD"), with("PUBLIC_KEY"), true),
    ];
    for (want, have, exposes) in rows {
        let plan = plan_of(&wanted(want.clone()), &held(have.clone()), json!({}));
        assert_eq!(plan.calls[0].exposes, exposes, "{have} to {want}");
    }
}

/// A text of the table that is no JSON would count as nothing, and what it is to clear would be left in silence.
#[test]
fn defaults_and_clearing_values_of_all_members_are_json() {
    for member in MEMBERS.iter().chain(&login::MEMBERS) {
        let clearing = match member.reset {
            Reset::Send(value) => value,
            Reset::Follows | Reset::Never => "null",
        };
        for text in [member.default, clearing] {
            assert!(serde_json::from_str::<Value>(text).is_ok(), "{}: {text}", member.path);
        }
    }
}

#[test]
fn as2_goes_with_its_transport_in_one_call_and_not_without() {
    let transport = json!({"as2Transports": ["HTTP"]});
    let both = json!({"protocols": ["AS2"], "protocolDetails": transport});
    for have in [json!({}), json!({"protocolDetails": transport, "protocols": ["SFTP"]})] {
        let plan = plan_of(&wanted(both.clone()), &held(have), json!({}));
        assert_eq!((operations(&plan), plan.calls[0].parts.len()), (vec!["UpdateServer"], 0));
        assert_eq!(sent(&plan), both);
    }
    let alone = json!({"protocols": ["AS2"], "postAuthenticationLoginBanner": "hello"});
    let plan = plan_of(&wanted(alone.clone()), &held(json!({})), json!({}));
    assert_eq!(sent(&plan), json!({"postAuthenticationLoginBanner": "hello"}));
    assert_eq!((plan.blocks[0].code, plan.blocks[0].needs_person), (reasons::INVALID_SPEC, true));
    assert!(plan.blocks[0].message.contains("spec.protocolDetails.as2Transports"), "{:?}", plan.blocks);
    let plan = plan_of(&wanted(alone.clone()), &held(json!({"protocolDetails": transport})), json!({}));
    assert_eq!((sent(&plan), plan.blocks.len()), (alone, 0));
}
