//! The fields by which a spec may name what is somebody else's, each with a spec that does, and those that name nothing
//! that a grant could bound.

use serde_json::{Value, json};

use super::attacker::{
    AGREEMENT, BANK, CONNECTOR, PROFILE, SEAL, THEIR_ROLE, THEIR_SECRET, US, VAULT, WEB_APP, WORKFLOW,
};
use super::rig::{FIRST, INSTANCE, LOCAL_PROFILE, PARTNER_PROFILE, ROLE, SECRET};
use crate::api::ManagedKind;
use crate::api::condition::{reasons, types};
use crate::aws::transfer::agreement_key;
use crate::kinds::fakes::REGION;

use Allowed::{
    AsItIs, Certificate, Identity, LetGo, OwnCertificate, OwnProfile, OwnServer, OwnTexts, OwnWorkflow,
    ReferenceToProfile, ReferenceToServer, ReferenceToWorkflow, Role, Secret, Server, ServerLetGo,
};
use ManagedKind::{
    TransferAccess, TransferAgreement, TransferCertificate, TransferConnector, TransferProfile, TransferServer,
    TransferUser, TransferWebApp, TransferWorkflow,
};

/// A workflow that no object stands for.
pub const UNOWNED_WORKFLOW: &str = "w-00000000000000001";

/// A certificate of the account; AWS keeps nobody's name on it.
pub const CERTIFICATE: &str = "cert-0000000000000ba0c";

/// What lets the same spec lead there: the twin of a case, by which it is seen that nothing else keeps the case out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Allowed {
    /// The attacker's grant lists the role of the bank.
    Role,
    /// It lists the secret of the bank.
    Secret,
    /// It lists the server of the bank.
    Server,
    /// It lists the certificate.
    Certificate,
    /// The same, and the bank has let that server go, so that it carries nobody's tags.
    ServerLetGo,
    /// It lists what is taken over, and the bank has let that go.
    LetGo,
    /// The bank's identity is of the attacker's account, and grants the attacker what his own does.
    Identity,
    /// The bank's server allows references from the attacker's namespace.
    ReferenceToServer,
    /// The same of its workflow, which is looked at.
    ReferenceToWorkflow,
    /// The same of its profiles and of its certificate.
    ReferenceToProfile,
    /// The attacker has a server of this name himself.
    OwnServer,
    /// The attacker has a workflow of this name himself.
    OwnWorkflow,
    /// The attacker has profiles of these names himself.
    OwnProfile,
    /// He has a certificate of this name himself.
    OwnCertificate,
    /// The attacker's own namespace has a Secret and a ConfigMap of this name with this entry.
    OwnTexts,
    /// It is allowed as it is: it leads to what is his own.
    AsItIs,
}

/// Condition, status, reason.
pub type Says = (&'static str, &'static str, &'static str);

/// A field, a spec in which it names what is the bank's, and what the object then says.
pub struct Case {
    pub kind: ManagedKind,
    pub path: &'static str,
    pub spec: Value,
    pub says: Says,
    pub allowed: Allowed,
}

impl Case {
    /// What the twin says.
    pub fn twin_says(&self) -> Says {
        match self.says {
            (types::LOGIN_VERIFIED, ..) => (types::LOGIN_VERIFIED, "True", reasons::LOGIN_ACCEPTED),
            _ => (types::READY, "True", reasons::AVAILABLE),
        }
    }
}

fn case(kind: ManagedKind, path: &'static str, spec: Value, reason: &'static str, allowed: Allowed) -> Case {
    Case { kind, path, spec, says: (types::READY, "False", reason), allowed }
}

/// What names a server.
fn on_server(kind: ManagedKind) -> Vec<Case> {
    let raw = |identity: &str| json!({"serverRef": null, "serverId": VAULT, "region": REGION, "awsIdentityRef": {"name": identity}});
    vec![
        case(
            kind,
            "spec.serverRef.name",
            json!({"serverRef": {"name": "vault"}}),
            reasons::SERVER_NOT_AVAILABLE,
            OwnServer,
        ),
        case(
            kind,
            "spec.serverRef.namespace",
            json!({"serverRef": {"name": "vault", "namespace": BANK}}),
            reasons::SERVER_NOT_AVAILABLE,
            ReferenceToServer,
        ),
        case(kind, "spec.serverId", raw("default"), reasons::IDENTITY_DENIED, Server),
        case(kind, "spec.awsIdentityRef.name", raw(BANK), reasons::IDENTITY_DENIED, Identity),
    ]
}

/// What agreements name besides.
fn of_agreement() -> Vec<Case> {
    let kind = TransferAgreement;
    let waits = reasons::DEPENDENCY_NOT_READY;
    let local = |named: Value| json!({"localProfileId": null, "localProfileRef": named});
    let partner = |named: Value| json!({"partnerProfileId": null, "partnerProfileRef": named});
    let theirs = |name: &str| json!({"name": name, "namespace": BANK});
    vec![
        case(kind, "spec.accessRole", json!({"accessRole": THEIR_ROLE}), reasons::ROLE_NOT_GRANTED, Role),
        case(kind, "spec.localProfileRef.name", local(json!({"name": "us"})), waits, OwnProfile),
        case(kind, "spec.localProfileRef.namespace", local(theirs("us")), waits, ReferenceToProfile),
        case(kind, "spec.localProfileId", json!({"localProfileId": US}), waits, ReferenceToProfile),
        case(kind, "spec.partnerProfileRef.name", partner(json!({"name": "partner"})), waits, OwnProfile),
        case(kind, "spec.partnerProfileRef.namespace", partner(theirs("partner")), waits, ReferenceToProfile),
        case(kind, "spec.partnerProfileId", json!({"partnerProfileId": PROFILE}), waits, ReferenceToProfile),
    ]
}

/// What users and accesses name alike, besides their server.
fn of_login(kind: ManagedKind) -> Vec<Case> {
    let policy = |name: &str, key: &str| json!({"policyFrom": {"configMapKeyRef": {"name": name, "key": key}}});
    vec![
        case(kind, "spec.role", json!({"role": THEIR_ROLE}), reasons::ROLE_NOT_GRANTED, Role),
        case(
            kind,
            "spec.policyFrom.configMapKeyRef.name",
            policy("texts", "policy"),
            reasons::SOURCE_NOT_READY,
            OwnTexts,
        ),
        case(
            kind,
            "spec.policyFrom.configMapKeyRef.key",
            policy("own", "bank/policy"),
            reasons::SOURCE_NOT_READY,
            OwnTexts,
        ),
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
        case(
            kind,
            "spec.awsIdentityRef.name",
            json!({"awsIdentityRef": {"name": BANK}}),
            reasons::IDENTITY_DENIED,
            Identity,
        ),
        case(kind, "spec.hostKeys[].secretKeyRef.name", host_key("keys", "key"), reasons::SOURCE_NOT_READY, OwnTexts),
        case(
            kind,
            "spec.hostKeys[].secretKeyRef.key",
            host_key("own", "bank/key"),
            reasons::SOURCE_NOT_READY,
            OwnTexts,
        ),
        case(kind, "spec.lifecycle.adoption.serverId", adopting, reasons::IDENTITY_DENIED, ServerLetGo),
        case(kind, "spec.loggingRole", json!({"loggingRole": THEIR_ROLE}), reasons::ROLE_NOT_GRANTED, Role),
        case(
            kind,
            "spec.identityProviderDetails.invocationRole",
            gateway(json!({"invocationRole": THEIR_ROLE})),
            reasons::ROLE_NOT_GRANTED,
            Role,
        ),
        Case {
            kind,
            path: "spec.loginTest.passwordSecretRef.name",
            spec: login("password", "password"),
            says: no_password,
            allowed: OwnTexts,
        },
        Case {
            kind,
            path: "spec.loginTest.passwordSecretRef.key",
            spec: login("own-login", "bank/password"),
            says: no_password,
            allowed: OwnTexts,
        },
        // What it names is written, and only in its own namespace.
        Case {
            kind,
            path: "spec.knownHostsConfigMap.name",
            spec: json!({"knownHostsConfigMap": {"name": "texts"}}),
            says: (types::READY, "True", reasons::AVAILABLE),
            allowed: AsItIs,
        },
    ];
    for (list, paths) in [
        (
            "onUpload",
            [
                "spec.workflowDetails.onUpload[].workflowRef.name",
                "spec.workflowDetails.onUpload[].workflowRef.namespace",
                "spec.workflowDetails.onUpload[].workflowId",
                "spec.workflowDetails.onUpload[].executionRole",
            ],
        ),
        (
            "onPartialUpload",
            [
                "spec.workflowDetails.onPartialUpload[].workflowRef.name",
                "spec.workflowDetails.onPartialUpload[].workflowRef.namespace",
                "spec.workflowDetails.onPartialUpload[].workflowId",
                "spec.workflowDetails.onPartialUpload[].executionRole",
            ],
        ),
    ] {
        let one = |detail: Value| json!({"workflowDetails": {list: [detail]}});
        let [by_name, by_namespace, by_id, by_role] = paths;
        let named = |named: Value| one(json!({"workflowRef": named, "executionRole": ROLE}));
        let waits = reasons::DEPENDENCY_NOT_READY;
        let unknown = json!({"workflowId": UNOWNED_WORKFLOW, "executionRole": THEIR_ROLE});
        let theirs = json!({"workflowId": WORKFLOW, "executionRole": ROLE});
        cases.extend([
            case(kind, by_name, named(json!({"name": "scan"})), waits, OwnWorkflow),
            case(kind, by_namespace, named(json!({"name": "scan", "namespace": BANK})), waits, ReferenceToWorkflow),
            case(kind, by_id, one(theirs), waits, ReferenceToWorkflow),
            case(kind, by_role, one(unknown), reasons::ROLE_NOT_GRANTED, Role),
        ]);
    }
    cases
}

fn of_connector() -> Vec<Case> {
    let kind = TransferConnector;
    let keys = |name: &str, key: &str| {
        let from = json!([{"configMapKeyRef": {"name": name, "key": key}}]);
        json!({"sftpConfig": {"userSecretId": SECRET, "trustedHostKeysFrom": from}})
    };
    let as2 = |more: Value| {
        let mut config = json!({"localProfileId": LOCAL_PROFILE, "partnerProfileId": PARTNER_PROFILE,
            "compression": "DISABLED", "encryptionAlgorithm": "NONE", "signingAlgorithm": "SHA256",
            "mdnResponse": "NONE"});
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"sftpConfig": null, "url": "https://as2.example.com", "as2Config": config})
    };
    let answers = |server: Value| {
        let config = json!({"url": "http://as2.example.com:5080", "serverRefs": [server]});
        as2(json!({"mdnResponse": "ASYNC", "asyncMdnConfig": config}))
    };
    let waits = reasons::DEPENDENCY_NOT_READY;
    let here = |side: &str, name: &str| as2(json!({format!("{side}Id"): null, format!("{side}Ref"): {"name": name}}));
    let there = |side: &str, name: &str| {
        as2(json!({format!("{side}Id"): null, format!("{side}Ref"): {"name": name, "namespace": BANK}}))
    };
    let [local, partner] = ["localProfile", "partnerProfile"];
    vec![
        case(kind, "spec.as2Config.localProfileRef.name", here(local, "us"), waits, OwnProfile),
        case(kind, "spec.as2Config.localProfileRef.namespace", there(local, "us"), waits, ReferenceToProfile),
        case(kind, "spec.as2Config.localProfileId", as2(json!({"localProfileId": US})), waits, ReferenceToProfile),
        case(kind, "spec.as2Config.partnerProfileRef.name", here(partner, "partner"), waits, OwnProfile),
        case(kind, "spec.as2Config.partnerProfileRef.namespace", there(partner, "partner"), waits, ReferenceToProfile),
        case(
            kind,
            "spec.as2Config.partnerProfileId",
            as2(json!({"partnerProfileId": PROFILE})),
            waits,
            ReferenceToProfile,
        ),
        case(
            kind,
            "spec.awsIdentityRef.name",
            json!({"awsIdentityRef": {"name": BANK}}),
            reasons::IDENTITY_DENIED,
            Identity,
        ),
        case(kind, "spec.accessRole", json!({"accessRole": THEIR_ROLE}), reasons::ROLE_NOT_GRANTED, Role),
        case(kind, "spec.loggingRole", json!({"loggingRole": THEIR_ROLE}), reasons::ROLE_NOT_GRANTED, Role),
        case(
            kind,
            "spec.sftpConfig.userSecretId",
            json!({"sftpConfig": {"userSecretId": THEIR_SECRET}}),
            reasons::SECRET_NOT_GRANTED,
            Secret,
        ),
        case(
            kind,
            "spec.sftpConfig.trustedHostKeysFrom[].configMapKeyRef.name",
            keys("texts", "keys"),
            reasons::SOURCE_NOT_READY,
            OwnTexts,
        ),
        case(
            kind,
            "spec.sftpConfig.trustedHostKeysFrom[].configMapKeyRef.key",
            keys("own", "bank/keys"),
            reasons::SOURCE_NOT_READY,
            OwnTexts,
        ),
        case(
            kind,
            "spec.as2Config.basicAuthSecretId",
            as2(json!({"basicAuthSecretId": THEIR_SECRET})),
            reasons::SECRET_NOT_GRANTED,
            Secret,
        ),
        case(
            kind,
            "spec.as2Config.asyncMdnConfig.serverRefs[].name",
            answers(json!({"name": "vault"})),
            reasons::DEPENDENCY_NOT_READY,
            OwnServer,
        ),
        case(
            kind,
            "spec.as2Config.asyncMdnConfig.serverRefs[].namespace",
            answers(json!({"name": "vault", "namespace": BANK})),
            reasons::DEPENDENCY_NOT_READY,
            ReferenceToServer,
        ),
    ]
}

/// Where a certificate is read.
fn of_certificate() -> Vec<Case> {
    let from = |name: &str, more: Value| {
        let mut secret = json!({"name": name});
        secret.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"configMapKeyRef": null, "secretRef": secret, "rotation": {"notice": "0s"}})
    };
    let text = |name: &str, key: &str| json!({"configMapKeyRef": {"name": name, "key": key}});
    let rows = [
        ("spec.secretRef.name", from("tls", json!({}))),
        ("spec.secretRef.certificateKey", from("own-tls", json!({"certificateKey": "bank/tls.crt"}))),
        ("spec.secretRef.privateKeyKey", from("own-tls", json!({"privateKeyKey": "bank/tls.key"}))),
        ("spec.secretRef.certificateChainKey", from("own-tls", json!({"certificateChainKey": "bank/chain"}))),
        ("spec.configMapKeyRef.name", text("texts", "certificate")),
        ("spec.configMapKeyRef.key", text("own", "bank/certificate")),
    ];
    rows.map(|(path, spec)| case(TransferCertificate, path, spec, reasons::SOURCE_NOT_READY, OwnTexts)).into()
}

/// What web apps name besides.
fn of_web_app() -> Vec<Case> {
    let kind = TransferWebApp;
    let provider = json!({"identityCenterConfig": {"instanceArn": INSTANCE, "role": THEIR_ROLE}});
    let image = |member: &str, name: &str, key: &str| json!({"customization": {member: {"configMapKeyRef": {"name": name, "key": key}}}});
    let mut cases = vec![case(
        kind,
        "spec.identityProviderDetails.identityCenterConfig.role",
        json!({"identityProviderDetails": provider}),
        reasons::ROLE_NOT_GRANTED,
        Role,
    )];
    for (member, by_name, by_key) in [
        (
            "logoFrom",
            "spec.customization.logoFrom.configMapKeyRef.name",
            "spec.customization.logoFrom.configMapKeyRef.key",
        ),
        (
            "faviconFrom",
            "spec.customization.faviconFrom.configMapKeyRef.name",
            "spec.customization.faviconFrom.configMapKeyRef.key",
        ),
    ] {
        let waits = reasons::SOURCE_NOT_READY;
        cases.push(case(kind, by_name, image(member, "texts", "policy"), waits, OwnTexts));
        cases.push(case(kind, by_key, image(member, "own", "bank/policy"), waits, OwnTexts));
    }
    cases
}

/// Taking over what has an id of AWS's.
fn adopting() -> Vec<Case> {
    let agreement = agreement_key(FIRST, AGREEMENT);
    let rows = [
        (TransferWorkflow, WORKFLOW, json!({})),
        (TransferProfile, PROFILE, json!({"as2Id": "them", "profileType": "PARTNER"})),
        (TransferConnector, CONNECTOR, json!({})),
        (TransferAgreement, agreement.as_str(), json!({})),
        (TransferCertificate, SEAL, json!({})),
        (TransferWebApp, WEB_APP, json!({})),
    ];
    let row = |(kind, id, mut spec): (ManagedKind, &str, Value)| {
        spec["lifecycle"] = json!({"deletionPolicy": "Retain", "adoption": {"id": id, "mode": "Converge"}});
        case(kind, "spec.lifecycle.adoption.id", spec, reasons::IDENTITY_DENIED, LetGo)
    };
    rows.into_iter().map(row).collect()
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
            OwnTexts,
        ),
        case(
            TransferUser,
            "spec.sshPublicKeysFrom[].configMapKeyRef.key",
            keys("own", "bank/keys"),
            reasons::SOURCE_NOT_READY,
            OwnTexts,
        ),
    ];
    let by_identity = [TransferWorkflow, TransferProfile, TransferCertificate, TransferWebApp].map(|kind| {
        let spec = json!({"awsIdentityRef": {"name": BANK}});
        case(kind, "spec.awsIdentityRef.name", spec, reasons::IDENTITY_DENIED, Identity)
    });
    let names = json!({"certificateIds": [CERTIFICATE]});
    let (kind, waits) = (TransferProfile, reasons::DEPENDENCY_NOT_READY);
    let refers = |named: Value| json!({"certificateRefs": [named]});
    let theirs = json!({"name": "seal", "namespace": BANK});
    let of_profile = vec![
        case(kind, "spec.certificateIds[]", names, reasons::IDENTITY_DENIED, Certificate),
        case(kind, "spec.certificateRefs[].name", refers(json!({"name": "seal"})), waits, OwnCertificate),
        case(kind, "spec.certificateRefs[].namespace", refers(theirs), waits, ReferenceToProfile),
    ];
    [
        of_server(),
        on_server(TransferUser),
        on_server(TransferAccess),
        on_server(TransferAgreement),
        of_agreement(),
        of_login(TransferUser),
        of_user,
        of_login(TransferAccess),
        by_identity.into(),
        of_profile,
        of_certificate(),
        of_connector(),
        of_web_app(),
        adopting(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Things of the account that no grant bounds, as docs/security.md says: AWS judges them, by the role that is passed, by
/// the policies of the thing itself, or lets everybody of the account use them.
pub const OF_THE_ACCOUNT: [&str; 22] = [
    "vpcLattice.resourceConfigurationArn",
    "spec.certificate",
    "spec.customHostname.hostedZoneId",
    "spec.endpointDetails.addressAllocationIds[]",
    "spec.endpointDetails.securityGroupIds[]",
    "spec.endpointDetails.subnetIds[]",
    "spec.endpointDetails.vpcEndpointId",
    "spec.endpointDetails.vpcId",
    "spec.endpointDetails.vpc.securityGroupIds[]",
    "spec.endpointDetails.vpc.subnetIds[]",
    "spec.endpointDetails.vpc.vpcId",
    "spec.hostKeys[].kmsKey",
    "spec.identityProviderDetails.directoryId",
    "spec.identityProviderDetails.function",
    "spec.identityProviderDetails.identityCenterConfig.instanceArn",
    "spec.identityProviderDetails.url",
    "spec.structuredLogDestinations[]",
    "efs.fileSystemId",
    "s3.bucket",
    "efsFileLocation.fileSystemId",
    "s3FileLocation.bucket",
    "customStepDetails.target",
];

/// Texts that name nothing beyond the object and what is its own in AWS. A path, or what its last members are.
pub const NO_REFERENCE: [&str; 55] = [
    "spec.accessEndpoint",
    "spec.customization.title",
    "spec.url",
    "spec.as2Config.asyncMdnConfig.url",
    "spec.as2Config.messageSubject",
    "spec.sftpConfig.orderedUserSecretVersionStages[]",
    "spec.sftpConfig.trustedHostKeys[]",
    "spec.allowedReferences.namespaces.names[]",
    "selector.matchExpressions[].key",
    "selector.matchExpressions[].operator",
    "selector.matchExpressions[].values[]",
    "selector.matchLabels{}",
    "spec.region",
    "spec.resyncInterval",
    "spec.activeDate",
    "spec.inactiveDate",
    "rotation.notice",
    "rotation.overlap",
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
    "spec.as2Id",
    "spec.externalId",
    "spec.userName",
    // Folders and texts of policies lie within what the role may do.
    "spec.baseDirectory",
    "spec.customDirectories.failedFilesDirectory",
    "spec.customDirectories.mdnFilesDirectory",
    "spec.customDirectories.payloadFilesDirectory",
    "spec.customDirectories.statusFilesDirectory",
    "spec.customDirectories.temporaryFilesDirectory",
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
