//! Every member of UpdateServer: set, changed, cleared, equal to AWS's default.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{held, operations, plan_of, sent, wanted};
use crate::api::condition::reasons;
use crate::api::status::OperationPhase;
use crate::engine::diff::{Effect, Reset};
use crate::engine::kind::Plan;
use crate::kinds::server::ServerState;
use crate::kinds::server::members::{MEMBERS, SECURITY_GROUPS};

/// A member: what must stand beside it, two values of it, and what a change of it takes.
type Row = (&'static str, Value, Value, Value, Effect);

fn rows() -> Vec<Row> {
    use Effect::{Live, Offline, Replace, Restart};
    let none = || json!({});
    let vpc = || json!({"endpointType": "VPC", "endpointDetails": {"vpcId": "vpc-1"}});
    let in_subnet = json!({"endpointType": "VPC", "endpointDetails": {"vpcId": "vpc-1", "subnetIds": ["subnet-1"]}});
    let provider = |kind: &str| json!({"identityProviderType": kind});
    let lister = json!({"identityProviderType": "AWS_DIRECTORY_SERVICE",
        "identityProviderDetails": {"url": "stands beside it, so that the details count as returned"}});
    let workflow = |id: &str| json!([{"workflowId": id, "executionRole": "arn:aws:iam::123456789012:role/w"}]);
    let port = |port: i32| json!([{"sftpPort": port}]);
    vec![
        ("certificate", none(), json!("arn:a"), json!("arn:b"), Live),
        ("endpointType", none(), json!("VPC"), json!("PUBLIC"), Offline),
        ("endpointDetails.vpcId", json!({"endpointType": "VPC"}), json!("vpc-1"), json!("vpc-2"), Replace),
        ("endpointDetails.subnetIds", vpc(), json!(["subnet-1"]), json!(["subnet-2"]), Live),
        ("endpointDetails.addressAllocationIds", in_subnet, json!(["eipalloc-1"]), json!(["eipalloc-2"]), Offline),
        (
            "endpointDetails.vpcEndpointId",
            json!({"endpointType": "VPC_ENDPOINT"}),
            json!("vpce-1"),
            json!("vpce-2"),
            Offline,
        ),
        ("identityProviderType", none(), json!("AWS_LAMBDA"), json!("API_GATEWAY"), Live),
        ("identityProviderDetails.url", provider("API_GATEWAY"), json!("https://a"), json!("https://b"), Live),
        ("identityProviderDetails.invocationRole", provider("API_GATEWAY"), json!("arn:a"), json!("arn:b"), Live),
        ("identityProviderDetails.directoryId", lister, json!("d-1"), json!("d-2"), Live),
        ("identityProviderDetails.function", provider("AWS_LAMBDA"), json!("arn:a"), json!("arn:b"), Live),
        (
            "identityProviderDetails.sftpAuthenticationMethods",
            provider("AWS_LAMBDA"),
            json!("PASSWORD"),
            json!("PUBLIC_KEY"),
            Live,
        ),
        ("ipAddressType", none(), json!("DUALSTACK"), json!("IPV4"), Offline),
        ("loggingRole", none(), json!("arn:a"), json!("arn:b"), Live),
        ("postAuthenticationLoginBanner", none(), json!("a"), json!("b"), Live),
        ("preAuthenticationLoginBanner", none(), json!("a"), json!("b"), Live),
        ("protocolDetails.passiveIp", none(), json!("192.0.2.1"), json!("192.0.2.2"), Restart),
        ("protocolDetails.tlsSessionResumptionMode", none(), json!("DISABLED"), json!("ENABLED"), Live),
        ("protocolDetails.setStatOption", none(), json!("ENABLE_NO_OP"), json!("DEFAULT"), Live),
        ("protocolDetails.as2Transports", none(), json!(["HTTP"]), json!(["HTTPS"]), Live),
        ("protocolDetails.sftpPorts", none(), port(2222), port(2223), Live),
        ("protocolDetails.proxyConfig.sftpMode", none(), json!("PROXY_PROTOCOL_V2_ENFORCED"), json!("NONE"), Live),
        ("protocols", none(), json!(["SFTP", "FTPS"]), json!(["FTP"]), Live),
        ("s3StorageOptions.directoryListingOptimization", none(), json!("ENABLED"), json!("DISABLED"), Live),
        (
            "securityPolicyName",
            none(),
            json!("TransferSecurityPolicy-2024-01"),
            json!("TransferSecurityPolicy-2025-03"),
            Live,
        ),
        ("structuredLogDestinations", none(), json!(["arn:a:*"]), json!(["arn:b:*"]), Live),
        ("workflowDetails.onUpload", none(), workflow("w-1"), workflow("w-2"), Live),
        ("workflowDetails.onPartialUpload", none(), workflow("w-1"), workflow("w-2"), Live),
    ]
}

/// `base` with `value` at the path.
fn with(base: &Value, path: &str, value: &Value) -> Value {
    let mut all = base.clone();
    let mut at = &mut all;
    for name in path.split('.') {
        at = &mut at[name];
    }
    *at = value.clone();
    all
}

fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    value.pointer(&format!("/{}", path.replace('.', "/"))).unwrap_or(&Value::Null)
}

fn applied(paths: &[&str]) -> Value {
    json!({"applied": {"paths": paths}})
}

fn leaves(prefix: &str, value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                leaves(&path, value, into);
            }
        }
        _ => {
            into.insert(prefix.to_owned());
        }
    }
}

#[test]
fn the_table_and_these_rows_hold_every_member_that_a_server_has() {
    let mut all = BTreeSet::new();
    let full = rows().iter().fold(json!({}), |full, (path, _, value, ..)| with(&full, path, value));
    let mut settings: crate::aws::transfer::ServerSettings = serde_json::from_value(full).unwrap();
    settings.endpoint_details.as_mut().unwrap().security_group_ids = Some(vec!["sg-1".to_owned()]);
    // A new member fails here: the structures are taken apart in full.
    let crate::aws::transfer::EndpointDetails {
        address_allocation_ids: _,
        subnet_ids: _,
        vpc_endpoint_id: _,
        vpc_id: _,
        security_group_ids: _,
    } = settings.endpoint_details.clone().unwrap();
    leaves("", &serde_json::to_value(&settings).unwrap(), &mut all);
    let mut table: BTreeSet<String> = MEMBERS.iter().map(|member| member.path.to_owned()).collect();
    assert_eq!(table, rows().iter().map(|(path, ..)| (*path).to_owned()).collect());
    table.insert(SECURITY_GROUPS.to_owned());
    assert_eq!(all, table);
}

#[test]
fn every_member_that_differs_is_found_and_sent_unless_it_takes_more() {
    for (path, beside, a, b, effect) in rows() {
        let plan = plan_of(&wanted(with(&beside, path, &b)), &held(with(&beside, path, &a)), applied(&[]));
        let found: Vec<(&str, Effect)> =
            plan.changes.iter().map(|change| (change.path.as_str(), change.effect)).collect();
        assert_eq!(found, [(path, effect)], "{path}: {a} to {b}");
        assert_eq!(at(&sent(&plan), path), if effect == Effect::Live { &b } else { &Value::Null }, "{path}");
        assert_eq!(plan.blocks.is_empty(), effect != Effect::Replace, "{path}");
        if effect == Effect::Replace {
            assert!(plan.blocks[0].needs_person && plan.blocks[0].message.contains(&format!("spec.{path}")), "{path}");
        }
        if STOPS.contains(&effect) {
            assert_eq!(recorded(&plan), Some(OperationPhase::Stopping), "{path}: recorded before the stop");
            let stopped = json!({"applied": {}, "operation": {"kind": "Offline", "phase": "Stopped"}});
            let plan = plan_of(&wanted(with(&beside, path, &b)), &offline(with(&beside, path, &a)), stopped);
            assert_eq!((operations(&plan), at(&sent(&plan), path)), (vec!["UpdateServer"], &b), "{path}");
        }
    }
}

/// What takes a stop.
const STOPS: [Effect; 2] = [Effect::Offline, Effect::Restart];

/// The phase that is to be written before any call.
fn recorded(plan: &Plan) -> Option<OperationPhase> {
    let step = plan.operation.as_ref().filter(|step| !step.after_refusal)?;
    step.record.as_ref().map(|record| record.phase)
}

fn offline(settings: Value) -> ServerState {
    let mut have = held(settings);
    have.server.state = Some("OFFLINE".to_owned());
    have
}

#[test]
fn every_member_that_is_new_is_sent_unless_it_takes_more() {
    for (path, beside, a, _, effect) in rows() {
        let effect = if path == "endpointDetails.vpcId" { Effect::Offline } else { effect };
        let plan = plan_of(&wanted(with(&beside, path, &a)), &held(beside.clone()), applied(&[]));
        let found: Vec<(&str, Effect)> =
            plan.changes.iter().map(|change| (change.path.as_str(), change.effect)).collect();
        assert_eq!(found, [(path, effect)], "{path}: none to {a}");
        assert_eq!(at(&sent(&plan), path), if effect == Effect::Live { &a } else { &Value::Null }, "{path}");
    }
}

#[test]
fn a_member_that_is_equal_or_never_was_the_specs_is_left_alone() {
    for (path, beside, a, ..) in rows() {
        let same = plan_of(&wanted(with(&beside, path, &a)), &held(with(&beside, path, &a)), applied(&[path]));
        assert!(same.changes.is_empty() && same.calls.is_empty() && same.blocks.is_empty(), "{path}: {same:?}");
        let foreign = plan_of(&wanted(beside.clone()), &held(with(&beside, path, &a)), applied(&[]));
        assert!(foreign.changes.is_empty() && foreign.calls.is_empty(), "{path}: {foreign:?}");
    }
}

#[test]
fn a_member_that_left_the_spec_is_reset_as_the_table_says() {
    for (path, beside, a, _, effect) in rows() {
        let member = MEMBERS.iter().find(|member| member.path == path).unwrap();
        let plan = plan_of(&wanted(beside.clone()), &held(with(&beside, path, &a)), applied(&[path]));
        match member.reset {
            Reset::Follows => assert!(plan.changes.is_empty() && plan.calls.is_empty(), "{path}: {plan:?}"),
            Reset::Never => {
                assert_eq!(plan.blocks[0].code, reasons::CANNOT_CLEAR, "{path}");
                assert!(plan.calls.is_empty(), "{path}");
            }
            Reset::Send(text) if effect == Effect::Live => {
                assert_eq!(at(&sent(&plan), path), &serde_json::from_str::<Value>(text).unwrap(), "{path}");
            }
            Reset::Send(_) => {
                assert_eq!(recorded(&plan), Some(OperationPhase::Stopping), "{path}");
                assert!(plan.calls.is_empty(), "{path}");
            }
        }
    }
}

#[test]
fn what_aws_returns_unasked_equals_unset() {
    for member in MEMBERS.iter().filter(|member| member.default != "null") {
        let default: Value = serde_json::from_str(member.default).unwrap();
        let beside =
            if member.path.contains("sftpAuth") { json!({"identityProviderType": "AWS_LAMBDA"}) } else { json!({}) };
        let full = with(&beside, member.path, &default);
        for (want, have) in [(&full, &beside), (&beside, &full)] {
            let plan = plan_of(&wanted(want.clone()), &held(have.clone()), applied(&[member.path]));
            assert!(plan.changes.is_empty() && plan.calls.is_empty(), "{}: {plan:?}", member.path);
        }
    }
}

#[test]
fn order_counts_for_subnets_with_elastic_ips_only() {
    let vpc = |subnets: &[&str], addresses: &[&str]| json!({"endpointType": "VPC", "endpointDetails": {"vpcId": "v", "subnetIds": subnets, "addressAllocationIds": addresses}});
    let rows: &[(&[&str], &[&str], &str)] =
        &[(&[], &[], "without"), (&["a", "b"], &["endpointDetails.subnetIds"], "with")];
    for (addresses, expected, reason) in rows {
        let plan = plan_of(&wanted(vpc(&["1", "2"], addresses)), &held(vpc(&["2", "1"], addresses)), applied(&[]));
        let paths: Vec<&str> = plan.changes.iter().map(|change| change.path.as_str()).collect();
        assert_eq!(&paths, expected, "{reason}");
        assert!(plan.changes.iter().all(|change| change.effect == Effect::Offline), "{reason}");
    }
}

#[test]
fn a_port_without_a_mode_equals_what_aws_makes_of_it() {
    let ports = |rows: Value| json!({"protocolDetails": {"sftpPorts": rows}});
    let filled = json!([
        {"sftpPort": 22, "communicationMode": "SERVER_TALK_FIRST"},
        {"sftpPort": 2222, "communicationMode": "SERVER_TALK_FIRST"},
    ]);
    let plan =
        plan_of(&wanted(ports(json!([{"sftpPort": 2222}, {"sftpPort": 22}]))), &held(ports(filled)), applied(&[]));
    assert!(plan.changes.is_empty(), "{plan:?}");
}

/// Users of other tools, peers.md C 14: what did not change is not sent.
#[test]
fn the_endpoint_that_aws_made_is_never_sent_back() {
    let have = json!({"endpointType": "VPC", "endpointDetails": {"vpcId": "v", "vpcEndpointId": "vpce-1", "subnetIds": ["1"]}});
    for want in [
        json!({"endpointType": "VPC", "endpointDetails": {"vpcId": "v", "subnetIds": ["2"]}}),
        json!({"endpointDetails": {"subnetIds": ["2"]}}),
    ] {
        let plan = plan_of(&wanted(want), &held(have.clone()), applied(&[]));
        assert_eq!(sent(&plan), json!({"endpointDetails": {"vpcId": "v", "subnetIds": ["2"]}}));
    }
}

#[test]
fn details_of_the_identity_provider_go_with_its_type_and_are_only_its_own() {
    let lambda = |methods: Option<&str>| {
        let mut value = json!({"identityProviderType": "AWS_LAMBDA", "identityProviderDetails": {"function": "arn:f"}});
        if let Some(methods) = methods {
            value["identityProviderDetails"]["sftpAuthenticationMethods"] = json!(methods);
        }
        value
    };
    let gateway = json!({"identityProviderType": "API_GATEWAY",
        "identityProviderDetails": {"url": "https://a", "invocationRole": "arn:r"}});
    let edited = json!({"identityProviderType": "AWS_LAMBDA", "identityProviderDetails": {"function": "arn:g"}});
    let kept = json!({"identityProviderType": "AWS_LAMBDA",
        "identityProviderDetails": {"function": "arn:g", "sftpAuthenticationMethods": "PASSWORD"}});
    let managed = json!({"identityProviderType": "SERVICE_MANAGED"});
    let lister =
        json!({"identityProviderType": "AWS_DIRECTORY_SERVICE", "identityProviderDetails": {"directoryId": "d-1"}});
    let methods = "identityProviderDetails.sftpAuthenticationMethods";
    let rows = [
        (gateway.clone(), lambda(Some("PASSWORD")), gateway.clone(), methods, "another type takes nothing over"),
        (edited, lambda(Some("PASSWORD")), kept, "", "the same type keeps what the spec never set"),
        (lambda(None), json!({}), lambda(None), "", "first set"),
        (managed.clone(), lambda(Some("PASSWORD")), managed.clone(), methods, "back to AWS's own users"),
        (json!({}), lambda(None), managed, methods, "type and details left the spec"),
        (lister.clone(), lambda(Some("PASSWORD")), lister, methods, "a directory has no methods"),
    ];
    for (want, have, expected, path, reason) in rows {
        let paths = ["identityProviderType", "identityProviderDetails.function", path];
        assert_eq!(sent(&plan_of(&wanted(want), &held(have), applied(&paths))), expected, "{reason}");
    }
}

#[test]
fn details_of_a_directory_that_aws_does_not_return_are_no_difference() {
    let want =
        json!({"identityProviderType": "AWS_DIRECTORY_SERVICE", "identityProviderDetails": {"directoryId": "d-1"}});
    let have = json!({"identityProviderType": "AWS_DIRECTORY_SERVICE"});
    assert!(plan_of(&wanted(want), &held(have), applied(&[])).calls.is_empty());
}

#[test]
fn one_workflow_list_is_changed_without_the_other() {
    let list = |role: &str| json!([{"workflowId": "w-1", "executionRole": role}]);
    let have = json!({"workflowDetails": {"onUpload": list("arn:old"), "onPartialUpload": list("arn:foreign")}});
    let want = json!({"workflowDetails": {"onUpload": list("arn:new")}});
    assert_eq!(sent(&plan_of(&wanted(want.clone()), &held(have), applied(&[]))), want);
}

#[test]
fn a_domain_cannot_be_changed_and_s3_is_the_one_of_a_server_without() {
    let mut have = held(json!({"preAuthenticationLoginBanner": "a"}));
    let mut want = wanted(json!({"preAuthenticationLoginBanner": "b"}));
    want.want.domain = Some("S3".to_owned());
    have.server.domain = None;
    assert!(plan_of(&want, &have, applied(&[])).blocks.is_empty());
    want.want.domain = Some("EFS".to_owned());
    let plan = plan_of(&want, &have, applied(&[]));
    assert_eq!((plan.blocks[0].code, plan.blocks[0].needs_person), (reasons::IMMUTABLE, true));
    assert_eq!(operations(&plan), ["UpdateServer"], "the rest goes on");
}
