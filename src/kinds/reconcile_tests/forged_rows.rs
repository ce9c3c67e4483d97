//! What is written into a status by somebody else: for each field what would lead to what is not the object's own.

use serde_json::{Value, json};

use super::forged::{
    ABROAD, THEIR_AGREEMENT, THEIR_CERTIFICATE, THEIR_CONNECTOR, THEIR_PROFILE, THEIR_WEB_APP, THEIR_WORKFLOW, VAULT,
};
use super::rig::{FIRST, OLD};
use crate::api::ManagedKind;
use crate::kinds::fakes::{ACCOUNT, NOW, REGION};

use ManagedKind::{
    TransferAccess, TransferAgreement, TransferCertificate, TransferConnector, TransferProfile, TransferServer,
    TransferUser, TransferWebApp, TransferWorkflow,
};

/// A forgery, and what comes of it while nobody edits the object.
#[derive(Clone)]
pub struct Row {
    /// A field, or one with all below it.
    pub path: &'static str,
    /// What is written there.
    pub value: Value,
    /// What is sent to AWS.
    pub sent: &'static [&'static str],
    /// The reason of Ready in the end.
    pub says: &'static str,
}

impl Row {
    /// Whether the object is left alone because of it, so that another forgery beside it shows nothing.
    pub fn stops(&self) -> bool {
        self.says != "Available"
    }
}

fn row(path: &'static str, value: Value, sent: &'static [&'static str], says: &'static str) -> Row {
    Row { path, value, sent, says }
}

fn operation(phase: &str, more: Value) -> Value {
    let mut record = json!({"kind": "Offline", "phase": phase, "startedAt": NOW, "priorState": "ONLINE", "stops": 0});
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    record
}

fn condition(of_type: &str, status: &str) -> Value {
    json!({"type": of_type, "status": status, "reason": "Forged", "message": "forged", "observedGeneration": 99,
        "lastTransitionTime": "2099-01-01T00:00:00Z"})
}

/// The rows of all kinds.
fn common(kind: ManagedKind, uid: &str) -> Vec<Row> {
    let create = |more: Value| {
        let mut record = json!({"uid": uid, "phase": "InFlight", "attempt": "attempt-of-theirs", "startedAt": NOW,
            "accountId": ACCOUNT, "region": REGION, "specHash": "0"});
        record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        record
    };
    // Of an access the record alone says that it is this object's.
    let recorded = if kind == TransferAccess { "Conflict" } else { "Available" };
    let types = ["Ready", "Reconciling", "Stalled", "Drifted", "Suspended", "DisruptionPending", "Forged"];
    let conditions = types.map(|of_type| condition(of_type, "True"));
    vec![
        row("status.observedGeneration", json!(99), &[], "Available"),
        row("status.conditions", json!(conditions), &[], "Available"),
        row("status.accountId", json!("999999999999"), &[], "AccountChanged"),
        row("status.region", json!("us-east-1"), &[], "RegionChanged"),
        row("status.awsIdentity", json!("bank"), &[], "Available"),
        row("status.applied.paths", json!(["loggingRole", "policy", "homeDirectory", "x[y]", ""]), &[], "Available"),
        row("status.applied.tags", json!(["owner", "transfer-operator.dev/uid", "theirs"]), &[], "Available"),
        row("status.applied.hashes", json!({"policy": "0", "x": "1"}), &[], "Available"),
        row("status.applied.digest", json!("0"), &[], "Available"),
        row("status.applied.listed", json!("0"), &[], "Available"),
        row("status.create", create(json!({})), &[], "Available"),
        row("status.create.uid", json!("uid-vault"), &[], recorded),
        row("status.create.phase", json!("Rejected"), &[], recorded),
        row("status.create.attempt", json!("attempt-of-theirs"), &[], "Available"),
        row("status.create.startedAt", json!("2199-01-01T00:00:00Z"), &[], "Available"),
        row("status.create.accountId", json!("999999999999"), &[], "Available"),
        row("status.create.region", json!("us-east-1"), &[], "Available"),
        row("status.create.specHash", json!("0"), &[], "Available"),
        row("status.create.lost", json!([FIRST, VAULT, ABROAD, OLD]), &[], "Available"),
        row("status.operation", operation("Stopping", json!({})), &[], "Available"),
        row(
            "status.operation",
            operation("Starting", json!({"planHash": "0", "remaining": ["spec.x"]})),
            &[],
            "Available",
        ),
        row(
            "status.operation",
            operation(
                "TakingBack",
                json!({"priorSubnetIds": ["subnet-1"], "priorAddressAllocationIds": ["eipalloc-1"]}),
            ),
            &[],
            "Available",
        ),
        row(
            "status.operation",
            operation("GivenUp", json!({"refusal": "x", "refusedDigest": "0", "stops": 99})),
            &[],
            "Available",
        ),
        row("status.operation", operation("Withdrawn", json!({"startedAt": "2199-01-01T00:00:00Z"})), &[], "Available"),
        row("status.drift", json!([{"path": "spec.role", "want": "a", "have": "b"}]), &[], "Available"),
        row("status.plan", json!([{"field": "spec.role", "effect": "Replace", "step": 1}]), &[], "Available"),
        row("status.planCount", json!(99), &[], "Available"),
        row("status.unset", json!([{"field": "spec.role", "have": "x"}]), &[], "Available"),
        row("status.configMaps", json!(["texts", "own"]), &[], "Available"),
        row("status.lastHandledReconcileAt", json!("now"), &[], "Available"),
    ]
}

fn of_connectors() -> Vec<Row> {
    let arn = format!("arn:aws:transfer:{REGION}:{ACCOUNT}:connector/{THEIR_CONNECTOR}");
    vec![
        row("status.connectorId", json!(THEIR_CONNECTOR), &[], "Available"),
        row("status.arn", json!(arn), &[], "Available"),
        row("status.state", json!("ERRORED"), &[], "Available"),
        row("status.serviceManagedEgressIpAddresses", json!(["192.0.2.99"]), &[], "Available"),
        row("status.profileIds", json!([THEIR_PROFILE]), &[], "Available"),
        row("status.protocol", json!("AS2"), &[], "Available"),
        row("status.egressType", json!("VPC_LATTICE"), &[], "Available"),
        row(
            "status.applied.hashes",
            json!({format!("as2Config.localProfileId#{THEIR_PROFILE}"): "", "as2Config.partnerProfileId#x#left": "x"}),
            &[],
            "Available",
        ),
        row(
            "status.connectionTest",
            json!({"digest": "0", "generation": 99, "outcome": "Connected", "message": "x"}),
            &[],
            "Available",
        ),
    ]
}

fn of_workflows() -> Vec<Row> {
    let arn = format!("arn:aws:transfer:{REGION}:{ACCOUNT}:workflow/{THEIR_WORKFLOW}");
    vec![
        row("status.workflowId", json!(THEIR_WORKFLOW), &[], "Available"),
        row("status.arn", json!(arn), &[], "Available"),
        row(
            "status.replacing",
            json!({"oldId": THEIR_WORKFLOW, "attempt": "attempt-of-theirs", "phase": "Creating"}),
            &[],
            "Available",
        ),
        row(
            "status.replacing",
            json!({"oldId": THEIR_WORKFLOW, "attempt": "attempt-of-theirs", "phase": "Moving"}),
            &[],
            "Available",
        ),
        row(
            "status.replacing",
            json!({"oldId": THEIR_WORKFLOW, "attempt": "attempt-of-theirs", "phase": "Deleting"}),
            &[],
            "Available",
        ),
    ]
}

fn of_certificates() -> Vec<Row> {
    let arn = format!("arn:aws:transfer:{REGION}:{ACCOUNT}:certificate/{THEIR_CERTIFICATE}");
    let (past, future) = (json!("1999-01-01T00:00:00Z"), json!("2199-01-01T00:00:00Z"));
    let replacing = |phase: &str| {
        let value = json!({"oldId": THEIR_CERTIFICATE, "attempt": "attempt-of-theirs", "phase": phase});
        row("status.replacing", value, &[], "Available")
    };
    let swapped =
        json!({"oldId": THEIR_CERTIFICATE, "attempt": "attempt-of-theirs", "phase": "Moving", "swappedAt": past});
    vec![
        row("status.certificateId", json!(THEIR_CERTIFICATE), &[], "Available"),
        row("status.arn", json!(arn), &[], "Available"),
        row("status.usage", json!("TLS"), &[], "Available"),
        row("status.certificateStatus", json!("INACTIVE"), &[], "Available"),
        row("status.type", json!("CERTIFICATE_WITH_PRIVATE_KEY"), &[], "Available"),
        row("status.serial", json!("99"), &[], "Available"),
        row("status.fingerprint", json!("00"), &[], "Available"),
        row("status.notBeforeDate", future.clone(), &[], "Available"),
        row("status.notAfterDate", past.clone(), &[], "Available"),
        row("status.activeDate", future.clone(), &[], "Available"),
        row("status.inactiveDate", past.clone(), &[], "Available"),
        row("status.overlapUntil", past, &[], "Available"),
        row("status.overlapUntil", future, &[], "Available"),
        replacing("Creating"),
        replacing("Moving"),
        replacing("Deleting"),
        row("status.replacing", swapped, &[], "Available"),
    ]
}

fn of_agreements() -> Vec<Row> {
    let theirs = format!("{VAULT}/{THEIR_AGREEMENT}");
    let arn = format!("arn:aws:transfer:{REGION}:{ACCOUNT}:agreement/{theirs}");
    vec![
        row("status.resourceId", json!(theirs), &[], "Available"),
        row("status.resourceId", json!(format!("{FIRST}/{THEIR_AGREEMENT}")), &[], "Available"),
        row("status.resourceId", json!("nonsense"), &[], "Available"),
        row("status.agreementId", json!(THEIR_AGREEMENT), &[], "Available"),
        row("status.serverId", json!(VAULT), &[], "Available"),
        row("status.arn", json!(arn), &[], "Available"),
        row("status.state", json!("INACTIVE"), &[], "Available"),
        row("status.localProfileId", json!(THEIR_PROFILE), &[], "Available"),
        row("status.partnerProfileId", json!(THEIR_PROFILE), &[], "Available"),
    ]
}

fn of_web_apps() -> Vec<Row> {
    let arn = format!("arn:aws:transfer:{REGION}:{ACCOUNT}:webapp/{THEIR_WEB_APP}");
    let evil = json!("https://evil.example");
    vec![
        row("status.webAppId", json!(THEIR_WEB_APP), &[], "Available"),
        row("status.arn", json!(arn), &[], "Available"),
        row("status.webAppEndpoint", evil.clone(), &[], "Available"),
        row("status.accessEndpoint", evil, &[], "Available"),
        row("status.applicationArn", json!("arn:aws:sso::999999999999:application/x"), &[], "Available"),
        row("status.instanceArn", json!("arn:aws:sso:::instance/ssoins-ffffffffffffffff"), &[], "Available"),
        row("status.endpointType", json!("VPC"), &[], "Available"),
        row("status.vpcId", json!("vpc-theirs"), &[], "Available"),
        row("status.vpcEndpointId", json!("vpce-theirs"), &[], "Available"),
        row("status.webAppEndpointPolicy", json!("FIPS"), &[], "Available"),
    ]
}

/// Every forgery of the status of a kind, whose object has this uid.
pub fn rows(kind: ManagedKind, uid: &str) -> Vec<Row> {
    let arn = |rest: &str| json!(format!("arn:aws:transfer:{REGION}:{ACCOUNT}:{rest}"));
    let facts = || {
        vec![
            row("status.host", json!("evil.example"), &[], "Available"),
            row(
                "status.hostKeyFingerprints",
                json!([{"type": "ssh-rsa", "fingerprint": "SHA256:x"}]),
                &[],
                "Available",
            ),
        ]
    };
    let own = match kind {
        TransferServer => vec![
            row("status.serverId", json!(VAULT), &[], "Available"),
            row("status.serverId", json!(ABROAD), &[], "Available"),
            row("status.serverId", json!(OLD), &[], "Available"),
            row("status.arn", arn(&format!("server/{VAULT}")), &[], "Available"),
            row("status.as2ServiceManagedEgressIpAddresses", json!(["192.0.2.1"]), &[], "Available"),
            row("status.endpoint", json!("evil.example"), &[], "Available"),
            row("status.endpoints", json!([{"type": "PublicName", "host": "evil.example"}]), &[], "Available"),
            row("status.hostKeyFingerprint", json!("SHA256:x"), &[], "Available"),
            row(
                "status.hostKeys",
                json!([{"id": "hostkey-theirs", "name": "a", "managed": true, "active": true, "type": "ssh-rsa\nevil",
                    "fingerprint": "SHA256:x", "replaced": "SHA256:y", "secretId": "s", "dateImported": NOW}]),
                &[],
                "Available",
            ),
            row(
                "status.loginTest",
                json!({"digest": "0", "generation": 1, "outcome": "Accepted", "statusCode": 200, "message": "x"}),
                &[],
                "Available",
            ),
            row("status.securityPolicyName", json!("None"), &[], "Available"),
            row("status.state", json!("OFFLINE"), &[], "Available"),
            row("status.unmanagedLogins", json!({"count": 0, "names": ["x"]}), &[], "Available"),
            row("status.userCount", json!(0), &[], "Available"),
            row("status.vpcEndpointId", json!("vpce-theirs"), &[], "Available"),
        ],
        TransferUser => [
            vec![
                row("status.serverId", json!(VAULT), &[], "Available"),
                row("status.serverId", json!(OLD), &[], "Available"),
                row("status.userName", json!("bob"), &[], "Available"),
                row("status.arn", arn(&format!("user/{VAULT}/bob")), &[], "Available"),
                row("status.sshPublicKeyCount", json!(99), &[], "Available"),
                row(
                    "status.sshPublicKeys",
                    json!([{"id": "key-theirs", "managed": true, "fingerprint": "SHA256:x"}]),
                    &[],
                    "Available",
                ),
            ],
            facts(),
        ]
        .into_iter()
        .flatten()
        .collect(),
        TransferAccess => [
            vec![
                row("status.serverId", json!(VAULT), &[], "ServerChanged"),
                row("status.externalId", json!("S-1-9"), &[], "Immutable"),
            ],
            facts(),
        ]
        .into_iter()
        .flatten()
        .collect(),
        TransferProfile => vec![
            row("status.profileId", json!(THEIR_PROFILE), &[], "Available"),
            row("status.arn", arn(&format!("profile/{THEIR_PROFILE}")), &[], "Available"),
            row("status.as2Id", json!("them"), &[], "Available"),
            row("status.profileType", json!("PARTNER"), &[], "Available"),
            row("status.certificateIds", json!([THEIR_CERTIFICATE]), &[], "Available"),
        ],
        TransferConnector => of_connectors(),
        TransferWorkflow => of_workflows(),
        TransferAgreement => of_agreements(),
        TransferCertificate => of_certificates(),
        TransferWebApp => of_web_apps(),
    };
    common(kind, uid).into_iter().chain(own).collect()
}
