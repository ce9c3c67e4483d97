//! Members that the spec does not set and that somebody set in AWS.

use serde_json::{Value, json};

use crate::api::condition::reasons;
use crate::api::status::Applied;
use crate::kinds::server::advice::of_unset;
use crate::kinds::server::unset::unset;

use super::{held, wanted};

fn rows(spec: Value, have: Value, applied: &[&str]) -> Vec<String> {
    let paths = applied.iter().map(|path| (*path).to_owned()).collect();
    let applied = Applied { paths, ..Applied::default() };
    let told = unset(&wanted(spec).want, &held(have).server, Some(&applied));
    told.into_iter().map(|row| format!("{}={}", row.field, row.have)).collect()
}

/// What AWS returns of a server that was created with nothing.
fn bare() -> Value {
    json!({
        "endpointType": "PUBLIC", "identityProviderType": "SERVICE_MANAGED", "ipAddressType": "IPV4",
        "protocols": ["SFTP"], "securityPolicyName": "TransferSecurityPolicy-2018-11",
        "identityProviderDetails": {"sftpAuthenticationMethods": "PUBLIC_KEY_AND_PASSWORD"},
        "protocolDetails": {"passiveIp": "AUTO", "tlsSessionResumptionMode": "ENFORCED", "setStatOption": "DEFAULT",
            "sftpPorts": [{"sftpPort": 22}]},
        "s3StorageOptions": {"directoryListingOptimization": "DISABLED"}, "structuredLogDestinations": [],
        "workflowDetails": {"onUpload": [], "onPartialUpload": []}, "preAuthenticationLoginBanner": "",
    })
}

#[test]
fn aws_own_defaults_are_nobodys_doing() {
    assert!(rows(json!({}), bare(), &[]).is_empty());
    assert!(rows(json!({}), json!({}), &[]).is_empty());
    let in_vpc = json!({"endpointType": "VPC", "endpointDetails": {"vpcId": "vpc-1", "vpcEndpointId": "vpce-1"}});
    assert!(rows(json!({"endpointType": "VPC", "endpointDetails": {"vpcId": "vpc-1"}}), in_vpc, &[]).is_empty());
}

#[test]
fn what_somebody_set_is_shown_and_what_the_spec_sets_or_set_is_not() {
    let with = |more: Value| {
        let mut all = bare();
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let role = "arn:aws:iam::123456789012:role/log";
    let banner = with(json!({"preAuthenticationLoginBanner": "hi", "loggingRole": role}));
    let logging = format!("spec.loggingRole={role}");
    assert_eq!(rows(json!({}), banner.clone(), &[]), [logging.as_str(), "spec.preAuthenticationLoginBanner=hi"]);
    assert_eq!(rows(json!({"preAuthenticationLoginBanner": "x"}), banner.clone(), &["loggingRole"]), [""; 0]);
    let provider = with(json!({"identityProviderType": "AWS_LAMBDA", "identityProviderDetails": {"function": "f"}}));
    assert_eq!(
        rows(json!({}), provider, &[]),
        ["spec.identityProviderType=AWS_LAMBDA", "spec.identityProviderDetails.function=f"]
    );
}

#[test]
fn a_workflow_that_no_spec_names_is_worth_a_look() {
    let workflow = json!([{"workflowId": "w-1", "executionRole": "arn:aws:iam::123456789012:role/copy"}]);
    let have = held(json!({"workflowDetails": {"onUpload": workflow}, "preAuthenticationLoginBanner": "hi"}));
    let told = of_unset(&unset(&wanted(json!({})).want, &have.server, None)).unwrap();
    assert_eq!(told.code, reasons::WORKFLOW_UNSET);
    assert!(told.message.contains("spec.workflowDetails.onUpload") && told.message.contains("w-1"), "{}", told.message);
    assert!(!told.message.contains("Banner"), "{}", told.message);
    let named = wanted(json!({"workflowDetails": {"onUpload": workflow}}));
    assert_eq!(of_unset(&unset(&named.want, &have.server, None)), None);
}
