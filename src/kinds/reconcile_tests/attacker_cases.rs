//! The fields by which a spec may name what is somebody else's, each with a spec that does, and those that name nothing
//! that a grant could bound.

use serde_json::{Value, json};

use super::attacker::{BANK, THEIR_ROLE, VAULT};
use super::rig::ROLE;
use crate::api::ManagedKind;
use crate::api::condition::{reasons, types};
use crate::kinds::fakes::REGION;

use ManagedKind::{TransferAccess, TransferServer, TransferUser, TransferWorkflow};

/// A field, a spec in which it names what is the bank's, and what the object then says.
pub struct Case {
    pub kind: ManagedKind,
    pub path: &'static str,
    pub spec: Value,
    /// Condition, status, reason.
    pub says: (&'static str, &'static str, &'static str),
}

fn case(kind: ManagedKind, path: &'static str, spec: Value, reason: &'static str) -> Case {
    Case { kind, path, spec, says: (types::READY, "False", reason) }
}

/// What users and accesses name alike.
fn of_login(kind: ManagedKind) -> Vec<Case> {
    let raw = |identity: &str| json!({"serverRef": null, "serverId": VAULT, "region": REGION, "awsIdentityRef": {"name": identity}});
    let policy = |name: &str, key: &str| json!({"policyFrom": {"configMapKeyRef": {"name": name, "key": key}}});
    vec![
        case(kind, "spec.serverRef.name", json!({"serverRef": {"name": "vault"}}), reasons::SERVER_NOT_AVAILABLE),
        case(
            kind,
            "spec.serverRef.namespace",
            json!({"serverRef": {"name": "vault", "namespace": BANK}}),
            reasons::SERVER_NOT_AVAILABLE,
        ),
        case(kind, "spec.serverId", raw("default"), reasons::IDENTITY_DENIED),
        case(kind, "spec.awsIdentityRef.name", raw(BANK), reasons::IDENTITY_DENIED),
        case(kind, "spec.role", json!({"role": THEIR_ROLE}), reasons::ROLE_NOT_GRANTED),
        case(kind, "spec.policyFrom.configMapKeyRef.name", policy("texts", "policy"), reasons::SOURCE_NOT_READY),
        case(kind, "spec.policyFrom.configMapKeyRef.key", policy("own", "bank/policy"), reasons::SOURCE_NOT_READY),
    ]
}

fn of_server() -> Vec<Case> {
    let kind = TransferServer;
    let host_key =
        |name: &str, key: &str| json!({"hostKeys": [{"name": "a", "secretKeyRef": {"name": name, "key": key}}]});
    let gateway = |more: Value| {
        let mut details = json!({"url": "https://x.execute-api.eu-central-1.amazonaws.com/p", "invocationRole": ROLE});
        details.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"identityProviderType": "API_GATEWAY", "identityProviderDetails": details})
    };
    let login = |name: &str, key: &str| {
        let mut spec = gateway(json!({}));
        spec["loginTest"] = json!({"userName": "probe", "passwordSecretRef": {"name": name, "key": key}});
        spec
    };
    let adopting = json!({"lifecycle": {"deletionPolicy": "Retain", "deletionProtection": false,
        "adoption": {"serverId": VAULT, "mode": "Converge"}}});
    let no_password = (types::LOGIN_VERIFIED, "False", reasons::SOURCE_NOT_READY);
    let mut cases = vec![
        case(kind, "spec.awsIdentityRef.name", json!({"awsIdentityRef": {"name": BANK}}), reasons::IDENTITY_DENIED),
        case(kind, "spec.hostKeys[].secretKeyRef.name", host_key("keys", "key"), reasons::SOURCE_NOT_READY),
        case(kind, "spec.hostKeys[].secretKeyRef.key", host_key("own", "bank/key"), reasons::SOURCE_NOT_READY),
        case(kind, "spec.lifecycle.adoption.serverId", adopting, reasons::IDENTITY_DENIED),
        case(kind, "spec.loggingRole", json!({"loggingRole": THEIR_ROLE}), reasons::ROLE_NOT_GRANTED),
        case(
            kind,
            "spec.identityProviderDetails.invocationRole",
            gateway(json!({"invocationRole": THEIR_ROLE})),
            reasons::ROLE_NOT_GRANTED,
        ),
        Case {
            kind,
            path: "spec.loginTest.passwordSecretRef.name",
            spec: login("password", "password"),
            says: no_password,
        },
        Case {
            kind,
            path: "spec.loginTest.passwordSecretRef.key",
            spec: login("own-login", "bank/password"),
            says: no_password,
        },
        // What it names is written, and only in its own namespace.
        Case {
            kind,
            path: "spec.knownHostsConfigMap.name",
            spec: json!({"knownHostsConfigMap": {"name": "texts"}}),
            says: (types::READY, "True", reasons::AVAILABLE),
        },
    ];
    for (list, paths) in [
        (
            "onUpload",
            [
                "spec.workflowDetails.onUpload[].workflowRef.name",
                "spec.workflowDetails.onUpload[].workflowRef.namespace",
                "spec.workflowDetails.onUpload[].executionRole",
            ],
        ),
        (
            "onPartialUpload",
            [
                "spec.workflowDetails.onPartialUpload[].workflowRef.name",
                "spec.workflowDetails.onPartialUpload[].workflowRef.namespace",
                "spec.workflowDetails.onPartialUpload[].executionRole",
            ],
        ),
    ] {
        let one = |detail: Value| json!({"workflowDetails": {list: [detail]}});
        let [by_name, by_namespace, by_role] = paths;
        let other = json!({"name": "scan", "namespace": BANK});
        cases.extend([
            case(
                kind,
                by_name,
                one(json!({"workflowRef": {"name": "scan"}, "executionRole": ROLE})),
                reasons::DEPENDENCY_NOT_READY,
            ),
            case(
                kind,
                by_namespace,
                one(json!({"workflowRef": other, "executionRole": ROLE})),
                reasons::DEPENDENCY_NOT_READY,
            ),
            case(
                kind,
                by_role,
                one(json!({"workflowId": "w-00000000000000001", "executionRole": THEIR_ROLE})),
                reasons::ROLE_NOT_GRANTED,
            ),
        ]);
    }
    cases
}

/// All of them.
pub fn cases() -> Vec<Case> {
    let keys = |name: &str, key: &str| json!({"sshPublicKeysFrom": [{"configMapKeyRef": {"name": name, "key": key}}]});
    let of_user = vec![
        case(
            TransferUser,
            "spec.sshPublicKeysFrom[].configMapKeyRef.name",
            keys("texts", "keys"),
            reasons::SOURCE_NOT_READY,
        ),
        case(
            TransferUser,
            "spec.sshPublicKeysFrom[].configMapKeyRef.key",
            keys("own", "bank/keys"),
            reasons::SOURCE_NOT_READY,
        ),
    ];
    let of_workflow = vec![case(
        TransferWorkflow,
        "spec.awsIdentityRef.name",
        json!({"awsIdentityRef": {"name": BANK}}),
        reasons::IDENTITY_DENIED,
    )];
    [of_server(), of_login(TransferUser), of_user, of_login(TransferAccess), of_workflow]
        .into_iter()
        .flatten()
        .collect()
}

/// Things of the account that no grant bounds, as docs/security.md says: AWS judges them, by the role that is passed, by
/// the policies of the thing itself, or lets everybody of the account use them.
pub const OF_THE_ACCOUNT: [&str; 19] = [
    "spec.certificate",
    "spec.customHostname.hostedZoneId",
    "spec.endpointDetails.addressAllocationIds[]",
    "spec.endpointDetails.securityGroupIds[]",
    "spec.endpointDetails.subnetIds[]",
    "spec.endpointDetails.vpcEndpointId",
    "spec.endpointDetails.vpcId",
    "spec.hostKeys[].kmsKey",
    "spec.identityProviderDetails.directoryId",
    "spec.identityProviderDetails.function",
    "spec.identityProviderDetails.url",
    "spec.structuredLogDestinations[]",
    "spec.workflowDetails.onUpload[].workflowId",
    "spec.workflowDetails.onPartialUpload[].workflowId",
    "efs.fileSystemId",
    "s3.bucket",
    "efsFileLocation.fileSystemId",
    "s3FileLocation.bucket",
    "customStepDetails.target",
];

/// Texts that name nothing beyond the object and what is its own in AWS. A path, or what its last members are.
pub const NO_REFERENCE: [&str; 37] = [
    "spec.allowedReferences.namespaces.names[]",
    "selector.matchExpressions[].key",
    "selector.matchExpressions[].operator",
    "selector.matchExpressions[].values[]",
    "selector.matchLabels{}",
    "spec.region",
    "spec.resyncInterval",
    "spec.tags{}",
    "spec.hostKeys[].tags{}",
    "spec.hostKeys[].name",
    "spec.hostKeys[].description",
    "spec.description",
    "spec.customHostname.hostname",
    "window.start",
    "window.timeZone",
    "spec.loginTest.sourceIp",
    "spec.loginTest.userName",
    "spec.postAuthenticationLoginBanner",
    "spec.preAuthenticationLoginBanner",
    "spec.protocolDetails.passiveIp",
    "spec.securityPolicyName",
    "spec.externalId",
    "spec.userName",
    // Folders and texts of policies lie within what the role may do.
    "spec.policy",
    "spec.home.efs.path",
    "spec.home.s3.prefix",
    "spec.homeDirectory",
    "spec.homeDirectoryMappings[].entry",
    "spec.homeDirectoryMappings[].target",
    "spec.sshPublicKeys[].publicKey",
    "spec.sshPublicKeys[].expiresAt",
    "StepDetails.name",
    "StepDetails.sourceFileLocation",
    "efsFileLocation.path",
    "s3FileLocation.key",
    "tagStepDetails.tags[].key",
    "tagStepDetails.tags[].value",
];
