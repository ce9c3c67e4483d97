//! Where walks take place: one object with what it refers to, edits as an API server would take them, and where each
//! edit may end. Three ends there are: refused at admission, in force, or a condition that names what is wrong.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::schema::Node;
use super::state;
use super::values::RESOURCE_CONFIGURATION;
use super::values::{self, OTHER_POLICY, POLICY};
use crate::admission::Admission;
use crate::agreements;
use crate::approval::{self, APPROVE};
use crate::certificates;
use crate::connectors::{PARTNER_KEYS, SECRET};
use crate::lint;
use crate::satisfy;
use crate::stage::{Stage, key};
use crate::web_apps;
use crate::workflows::{self, KEY_A, KEY_B, KEY_C, ROLE};
use transfer_operator::fakes::api_server::Key;

/// Longer than a first refusal by AWS is forgiven, and any change of a server's state.
const SETTLED_WITHIN: Duration = Duration::from_mins(4);

/// Longer than two renewals in a row with the overlap of who says none.
const RENEWED_WITHIN: Duration = Duration::from_hours(52);

/// The kinds that are walked, with the specs that walks begin with. The first holds the least.
pub const KINDS: [(&str, &[&str]); 8] = [
    ("TransferServer", &["plain", "rich", "vpc", "gateway", "directory"]),
    ("TransferUser", &["plain", "rich", "mapped", "efs"]),
    ("TransferAccess", &["plain", "rich", "mapped", "efs"]),
    ("TransferProfile", &["plain", "rich"]),
    ("TransferCertificate", &["plain", "rich"]),
    ("TransferConnector", &["plain", "rich", "as2", "lattice"]),
    ("TransferAgreement", &["plain", "rich"]),
    ("TransferWebApp", &["plain", "rich", "vpc"]),
];

thread_local! {
    static ADMISSION: Admission = Admission::new();
}

pub fn tree(kind: &str) -> Node {
    ADMISSION.with(|admission| Node::spec(admission.schema(kind)))
}

/// Where an edit ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    Refused(Vec<String>),
    Ready,
    /// Nothing is to be changed: suspended, or only looked at.
    Still,
    /// Somebody must act, or something must come.
    Told {
        reason: String,
        message: String,
    },
}

/// The object that is walked.
pub fn object_of(kind: &str) -> Key {
    key(kind, if kind == "TransferServer" { "main" } else { "alice" })
}

/// One object in a world.
pub struct Arena<'a> {
    pub stage: &'a Stage,
    pub key: Key,
    pub tree: Node,
    pub edits: usize,
    /// For how long a renewal was waited for.
    renewing: Duration,
    /// The server of a login is of the domain EFS.
    efs: bool,
}

impl<'a> Arena<'a> {
    /// The world of a kind with an object of this spec in force.
    pub async fn open(stage: &'a Stage, kind: &str, spec: Value) -> Arena<'a> {
        let efs = spec.to_string().contains("fs-0123456789abcdef0") && kind != "TransferServer";
        Self::open_on(stage, kind, spec, efs).await
    }

    /// The same spec in a world where nothing else was ever wanted. What is to be taken over counts before anything was
    /// made and not afterwards, so it is left out.
    pub async fn again<'b>(&self, stage: &'b Stage) -> Arena<'b> {
        let mut spec = self.spec();
        if let Some(lifecycle) = spec.get_mut("lifecycle").and_then(Value::as_object_mut) {
            lifecycle.remove("adoption");
        }
        Arena::open_on(stage, &self.key.0, spec, self.efs).await
    }

    async fn open_on(stage: &'a Stage, kind: &str, spec: Value, efs: bool) -> Arena<'a> {
        for (name, body) in ["one", "two", "three"].iter().zip(workflows::HOST_KEYS) {
            stage.secret(name, body);
        }
        stage.password("password", "correct horse battery staple");
        let lines = |lines: &[&str]| lines.join("\n");
        let (first, second) = (lines(&[KEY_A, "# a remark", KEY_B]), lines(&[KEY_C]));
        // A partner has keys of several types, and not of all of them AWS knows.
        let hosts = lines(&[KEY_C, PARTNER_KEYS[1]]);
        let keys = [("authorized_keys", &*first), ("more", &second), ("hosts", &hosts), ("broken", "no key")];
        stage.config_map("keys", &keys);
        stage.config_map("policies", &[("scope", POLICY), ("other", OTHER_POLICY), ("broken", "{")]);
        let domain = if efs { json!({"domain": "EFS"}) } else { json!({}) };
        match kind {
            "TransferServer" => put(stage, &workflows::workflow("scan", &json!({}))),
            "TransferProfile" => {
                workflows::certificates(stage);
                stage.tls_secret("tls", certificates::OWN[0], certificates::OWN[1]);
                put(stage, &certificates::certificate("signing", &certificates::own("0s")));
            }
            "TransferCertificate" => certificates::sources(stage),
            "TransferConnector" => {
                put(stage, &workflows::server("main", &json!({})));
                put(stage, &workflows::profile("us", &json!({})));
                put(stage, &workflows::profile("them", &json!({"profileType": "PARTNER"})));
            }
            "TransferAgreement" => {
                agreements::profiles(stage);
                put(stage, &workflows::server("main", &json!({})));
                put(stage, &workflows::profile("us", &json!({})));
                put(stage, &workflows::profile("them", &json!({"profileType": "PARTNER"})));
            }
            "TransferWebApp" => web_apps::brand(stage, "a logo"),
            "TransferUser" => put(stage, &workflows::server("main", &domain)),
            "TransferAccess" => {
                let mut server = workflows::lister("main");
                server["spec"].as_object_mut().unwrap().extend(domain.as_object().unwrap().clone());
                put(stage, &server);
            }
            _ => {}
        }
        let key = object_of(kind);
        put(stage, &json!({"kind": kind, "metadata": {"name": key.1.name}, "spec": spec}));
        let arena = Arena { stage, key, tree: tree(kind), edits: 0, renewing: Duration::ZERO, efs };
        stage.all_ready().await;
        arena
    }

    pub fn object(&self) -> Value {
        self.stage.get(&self.key).unwrap()
    }

    pub fn spec(&self) -> Value {
        self.object()["spec"].clone()
    }

    /// Offers a spec to the API server; what is refused leaves the object as it is.
    pub fn offer(&mut self, spec: Value) -> Result<(), Vec<String>> {
        self.edits += 1;
        let old = self.object();
        let mut new = old.clone();
        new["spec"] = spec;
        match admit(&new, Some(&old)) {
            Ok(stored) => {
                self.stage.edit(&self.key, |spec| *spec = stored["spec"].clone());
                Ok(())
            }
            Err(refusals) => {
                assert!(refusals.iter().all(|text| text.len() > 10), "a refusal without a message: {refusals:?}");
                Err(refusals)
            }
        }
    }

    /// A spec with a value at a place.
    pub fn with(&self, mut spec: Value, node: &Node, value: Option<Value>) -> Value {
        self.tree.put(&mut spec, node, value, &values::sample);
        spec
    }

    /// Offers a spec and waits for the end.
    pub async fn settle(&mut self, spec: Value) -> End {
        match self.offer(spec) {
            Ok(()) => self.end().await,
            Err(refusals) => End::Refused(refusals),
        }
    }

    /// Waits until the operator has come to an end with what is wanted now.
    pub async fn end(&mut self) -> End {
        let began = Instant::now();
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let object = self.object();
            let late = began.elapsed() > SETTLED_WITHIN;
            let generation = &object["metadata"]["generation"];
            let current = object["status"]["observedGeneration"] == *generation;
            let find =
                |kind: &str| lint::find(&object, kind).filter(|found| found["observedGeneration"] == *generation);
            if let Some(hash) = approval::asked(&object).filter(|_| !late) {
                // A person reads what will be done, and says yes.
                if object["metadata"]["annotations"][APPROVE] != json!(hash) {
                    self.stage.annotate(&self.key, APPROVE, &hash);
                }
                continue;
            }
            if object["spec"]["suspend"] == true && find("Suspended").is_some() {
                return End::Still;
            }
            let Some(ready) = find("Ready").filter(|_| current) else {
                if late {
                    return End::Told { reason: "Silent".to_owned(), message: object["status"].to_string() };
                }
                continue;
            };
            let stalled = find("Stalled").is_some_and(|stalled| stalled["status"] == "True");
            let observes = object["spec"]["lifecycle"]["managementPolicy"] == "ObserveOnly";
            match ready["status"].as_str() {
                Some("True") if observes => return End::Still,
                // One that is replaced goes by the clock, whatever is wanted next.
                Some("True") if self.renews(&object) && began.elapsed() < RENEWED_WITHIN => {
                    self.renewing += Duration::from_secs(1);
                }
                Some("True") => return End::Ready,
                _ if stalled || late => {
                    let text = |name: &str| ready[name].as_str().unwrap_or_default().to_owned();
                    return End::Told { reason: text("reason"), message: text("message") };
                }
                _ => {}
            }
        }
    }

    /// Whether a certificate is not yet, or not alone, what its source holds, or is not yet told to be so: that the old one
    /// is gone is written down first.
    fn renews(&self, object: &Value) -> bool {
        let ready = lint::find(object, "Ready").map(|ready| ready["message"].to_string());
        self.key.0 == "TransferCertificate"
            && !satisfy::restrained(object)
            && (ready.is_some_and(|message| message.contains(", which it replaces, "))
                || !certificates::is_of_source(&self.stage.world, object))
    }

    /// What is wrong with an end of edits at these places: the fourth outcome.
    pub fn fourth_outcome(&self, end: &End, places: &[&str]) -> Option<String> {
        match end {
            End::Refused(_) | End::Still => None,
            End::Ready => {
                let object = self.object();
                satisfy::missing(&self.stage.world, &self.key, &object).map(|missing| format!("Ready, but {missing}"))
            }
            // AWS's own words are as good as ours.
            End::Told { message, .. } if message.contains("Exception: ") => None,
            End::Told { message, .. } if places.iter().any(|place| names(message, place)) => None,
            End::Told { reason, message } => Some(format!("{reason} without the field: {message}")),
        }
    }

    pub fn state(&self) -> Value {
        state::of(self.stage, &self.key)
    }

    pub fn complain(&self, text: &str) {
        self.stage.world.violation(format!("{}: {text}", self.key.0));
    }

    /// The end of the world: at rest, then empty. Every edit may cost so much and no more (O8).
    pub async fn close(mut self) {
        // What only observes, or is suspended, would leave or keep things on purpose.
        let mut spec = self.spec();
        spec["suspend"] = json!(false);
        spec["lifecycle"] = json!({"managementPolicy": "Full"});
        self.offer(spec).unwrap_or_else(|refusals| self.complain(&format!("cannot be ended: {refusals:?}")));
        let calls = self.stage.world.points().len();
        let minutes = usize::try_from(self.renewing.as_secs() / 60).unwrap();
        let budget = 200 + 40 * self.edits + minutes;
        if calls > budget {
            self.complain(&format!("O8: {calls} calls and writes for {} edits, {budget} at most", self.edits));
        }
        tokio::time::sleep(Duration::from_mins(1)).await;
        self.stage.close().await;
    }
}

/// The object as the API server would store it, or why it would not.
fn admit(object: &Value, old: Option<&Value>) -> Result<Value, Vec<String>> {
    ADMISSION.with(|admission| {
        let refusals = admission.refusals(object, old);
        if refusals.is_empty() { Ok(admission.defaulted(object)) } else { Err(refusals) }
    })
}

fn put(stage: &Stage, object: &Value) {
    let mut object = object.clone();
    object["apiVersion"] = json!("transfer-operator.dev/v1alpha1");
    object["metadata"]["namespace"] = json!(crate::stage::NS);
    let stored = admit(&object, None);
    stage.apply(&stored.unwrap_or_else(|refusals| panic!("{object} is refused: {refusals:?}")));
}

/// Whether a message names a place, or the part of the spec that it is in.
fn names(message: &str, place: &str) -> bool {
    let plain = place.replace("[]", "").replace("{}", "");
    let ends = |end: usize| !message[end..].starts_with(|next: char| next.is_ascii_alphanumeric());
    let mut part = plain.as_str();
    while part != "spec" {
        if message.match_indices(part).any(|(start, _)| ends(start + part.len())) {
            return true;
        }
        part = part.rsplit_once('.').map_or("spec", |(above, _)| above);
    }
    false
}

/// The specs that walks begin with.
pub fn base(kind: &str, name: &str) -> Value {
    let mut spec = match kind {
        "TransferServer" => json!({"region": "eu-central-1"}),
        "TransferUser" => json!({"serverRef": {"name": "main"}, "role": ROLE}),
        "TransferProfile" => json!({"region": "eu-central-1", "as2Id": "us", "profileType": "LOCAL"}),
        "TransferCertificate" => json!({"region": "eu-central-1", "usage": "SIGNING"}),
        "TransferConnector" => json!({"region": "eu-central-1", "accessRole": ROLE}),
        "TransferAgreement" => json!({"serverRef": {"name": "main"}, "accessRole": ROLE}),
        "TransferWebApp" => web_apps::web_app("alice", &json!({}))["spec"].clone(),
        _ => json!({"serverRef": {"name": "main"}, "role": ROLE, "externalId": "S-1-5-21-1-2-3-1001"}),
    };
    let mut more = match kind {
        "TransferServer" => server(name),
        "TransferProfile" => profile(name),
        "TransferCertificate" => certificate(name),
        "TransferConnector" => connector(name),
        "TransferAgreement" => agreement(name),
        "TransferWebApp" => web_app(name),
        _ => login(name),
    };
    if kind == "TransferUser" {
        let keys = workflows::keys(&[KEY_A])["sshPublicKeys"].clone();
        more["sshPublicKeys"] = keys;
        if name != "plain" {
            more["tags"] = json!({"purpose": "test"});
            more["userName"] = json!("alice");
        }
        if name == "mapped" {
            more.as_object_mut().unwrap().remove("sshPublicKeys");
            let from = json!([{"configMapKeyRef": {"name": "keys", "key": "authorized_keys"}}]);
            more["sshPublicKeysFrom"] = from;
        }
    }
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    spec
}

/// Members that AWS cannot clear are there from the start, so that an edit can be taken back.
fn agreement(name: &str) -> Value {
    let [local, partner] = agreements::PROFILES;
    match name {
        "plain" => json!({"localProfileId": local, "partnerProfileId": partner, "baseDirectory": "/b/in",
            "description": "orders"}),
        _ => json!({
            "localProfileRef": {"name": "us"}, "partnerProfileRef": {"name": "them"},
            "customDirectories": agreements::directories(), "description": "orders", "status": "ACTIVE",
            "preserveFilename": "ENABLED", "enforceMessageSigning": "ENABLED", "tags": {"purpose": "test"},
            "lifecycle": {"deletionPolicy": "Delete"},
        }),
    }
}

fn web_app(name: &str) -> Value {
    match name {
        "plain" => json!({}),
        // Members that AWS cannot clear are there from the start, so that an edit can be taken back.
        "vpc" => json!({"endpointDetails": {"vpc": {
            "vpcId": "vpc-0123456789abcdef0", "subnetIds": ["subnet-0aaaaaaaaaaaaaaaa", "subnet-0bbbbbbbbbbbbbbbb"],
            "securityGroupIds": ["sg-0aaaaaaaaaaaaaaaa"], "ipAddressType": "DUALSTACK",
        }}}),
        _ => json!({
            "accessEndpoint": "https://files.example.com", "webAppUnits": {"provisioned": 3},
            "webAppEndpointPolicy": "STANDARD", "tags": {"purpose": "test"}, "lifecycle": {"deletionPolicy": "Delete"},
            "customization": {"title": "Files", "logoFrom": web_apps::image("logo"), "faviconFrom": web_apps::image("icon")},
        }),
    }
}

fn profile(name: &str) -> Value {
    match name {
        "plain" => json!({}),
        _ => json!({
            "certificateIds": workflows::CERTIFICATES, "tags": {"purpose": "test"},
            "allowedReferences": {"namespaces": {"from": "Names", "names": ["team"]}},
            "lifecycle": {"deletionPolicy": "Delete"},
        }),
    }
}

fn certificate(name: &str) -> Value {
    match name {
        // A description cannot be cleared, and an overlap that nobody says is a day.
        "plain" => json!({"configMapKeyRef": {"name": "partner", "key": "one"}, "description": "orders",
            "rotation": {"overlap": "0s"}}),
        _ => json!({
            "secretRef": {
                "name": "tls", "certificateKey": "tls.crt", "privateKeyKey": "tls.key", "certificateChainKey": "ca.crt",
            },
            "rotation": {"notice": "0s", "overlap": "0s"}, "activeDate": "2025-06-01T00:00:00Z",
            "inactiveDate": "2048-01-01T00:00:00Z", "description": "orders", "tags": {"purpose": "test"},
            "allowedReferences": {"namespaces": {"from": "Names", "names": ["team"]}},
            "lifecycle": {"deletionPolicy": "Delete"},
        }),
    }
}

fn connector(name: &str) -> Value {
    match name {
        "plain" => json!({"url": "sftp://sftp.example.com", "sftpConfig": {"userSecretId": SECRET}}),
        "lattice" => json!({
            "egressConfig": {"vpcLattice": {"resourceConfigurationArn": RESOURCE_CONFIGURATION, "portNumber": 2222}},
            "sftpConfig": {"userSecretId": SECRET},
        }),
        "as2" => json!({
            "url": "https://as2.example.com", "as2Config": {
                "localProfileRef": {"name": "us"}, "partnerProfileRef": {"name": "them"}, "messageSubject": "Orders",
                "compression": "ZLIB", "encryptionAlgorithm": "AES256_CBC", "signingAlgorithm": "SHA256",
                "mdnSigningAlgorithm": "SHA384", "mdnResponse": "ASYNC", "preserveContentType": "ENABLED",
                "asyncMdnConfig": {"url": "http://as2.example.org:5080", "serverRefs": [{"name": "main"}]},
                "basicAuthSecretId": SECRET,
            },
        }),
        // Members that AWS cannot clear are there from the start, so that an edit can be taken back.
        _ => json!({
            "url": "sftp://sftp.example.com", "loggingRole": ROLE, "ipAddressType": "DUALSTACK",
            "securityPolicyName": "TransferSFTPConnectorSecurityPolicy-2024-03", "tags": {"purpose": "test"},
            "sftpConfig": {
                "userSecretId": SECRET, "maxConcurrentConnections": 5, "trustedHostKeys": [PARTNER_KEYS[0]],
                "trustedHostKeysFrom": [{"configMapKeyRef": {"name": "keys", "key": "hosts"}}],
                "orderedUserSecretVersionStages": ["AWSPENDING", "AWSCURRENT"],
            },
            "lifecycle": {"deletionPolicy": "Delete"},
        }),
    }
}

fn server(name: &str) -> Value {
    match name {
        // Members that AWS cannot clear are there from the start, so that an edit can be taken back.
        "plain" => json!({"securityPolicyName": "TransferSecurityPolicy-2025-03"}),
        "rich" => json!({
            "securityPolicyName": "TransferSecurityPolicy-2025-03", "domain": "S3", "endpointType": "PUBLIC",
            "ipAddressType": "IPV4", "identityProviderType": "SERVICE_MANAGED", "protocols": ["SFTP"],
            "tags": {"purpose": "test"}, "preAuthenticationLoginBanner": "hello", "postAuthenticationLoginBanner": "bye",
            "certificate": "arn:aws:acm:eu-central-1:1:certificate/a", "loggingRole": ROLE,
            "structuredLogDestinations": ["arn:aws:logs:eu-central-1:1:log-group:a:*"],
            "s3StorageOptions": {"directoryListingOptimization": "ENABLED"},
            "workflowDetails": {
                "onUpload": [{"workflowId": "w-0123456789abcdef0", "executionRole": ROLE}],
                "onPartialUpload": [{"workflowId": "w-0123456789abcdef0", "executionRole": ROLE}],
            },
            "protocolDetails": {
                "passiveIp": "AUTO", "tlsSessionResumptionMode": "ENABLED", "setStatOption": "ENABLE_NO_OP",
                "sftpPorts": [{"sftpPort": 2222, "communicationMode": "CLIENT_TALK_FIRST"}],
                "proxyConfig": {"sftpMode": "NONE"},
            },
            "hostKeys": [
                {"name": "one", "secretKeyRef": {"name": "one"}, "description": "pinned by partners",
                 "tags": {"purpose": "test"}},
                {"name": "three", "secretKeyRef": {"name": "three"}},
            ],
            "hostKeyPolicy": "Exclusive", "hostKeyStorageType": "SERVICE_MANAGED",
            "customHostname": {"hostname": "sftp.example.com", "hostedZoneId": "Z0123456789ABC"},
            "knownHostsConfigMap": {"name": "known-hosts"},
            "allowedReferences": {"namespaces": {"from": "Names", "names": ["team"]}},
            "lifecycle": {"deletionPolicy": "Delete"},
        }),
        "vpc" => json!({
            "securityPolicyName": "TransferSecurityPolicy-2025-03", "endpointType": "VPC",
            "endpointDetails": {
                "vpcId": "vpc-0123456789abcdef0", "securityGroupIds": ["sg-0aaaaaaaaaaaaaaaa"],
                "subnetIds": ["subnet-0aaaaaaaaaaaaaaaa", "subnet-0bbbbbbbbbbbbbbbb"],
            },
            "identityProviderType": "AWS_LAMBDA",
            "identityProviderDetails": {
                "function": "arn:aws:lambda:eu-central-1:1:function:a", "sftpAuthenticationMethods": "PASSWORD",
            },
            "protocols": ["SFTP", "FTPS"], "certificate": "arn:aws:acm:eu-central-1:1:certificate/a",
            "protocolDetails": {"passiveIp": "192.0.2.7"},
        }),
        "gateway" => json!({
            "loginTest": {"userName": "partner", "passwordSecretRef": {"name": "password"}, "sourceIp": "203.0.113.10"},

            "securityPolicyName": "TransferSecurityPolicy-2025-03", "identityProviderType": "API_GATEWAY",
            "identityProviderDetails": {"url": "https://example.com/a", "invocationRole": ROLE},
        }),
        "directory" => json!({
            "securityPolicyName": "TransferSecurityPolicy-2025-03", "domain": "EFS",
            "identityProviderType": "AWS_DIRECTORY_SERVICE", "identityProviderDetails": {"directoryId": "d-0123456789"},
        }),
        other => panic!("no base {other}"),
    }
}

/// The part that users and accesses share.
fn login(name: &str) -> Value {
    let posix = json!({"uid": 1500, "gid": 1500, "secondaryGids": [100, 200]});
    match name {
        "plain" => json!({"home": {"s3": {"bucket": "my-files", "prefix": "in"}}}),
        "rich" => json!({
            "home": {"s3": {"bucket": "my-files"}, "restricted": false},
            "policyFrom": {"configMapKeyRef": {"name": "policies", "key": "scope"}},
            "lifecycle": {"deletionPolicy": "Delete"},
        }),
        "mapped" => json!({
            "homeDirectoryType": "LOGICAL", "policy": POLICY, "homeDirectory": "/b/home",
            "homeDirectoryMappings": [{"entry": "/in", "target": "/b/in", "type": "FILE"}],
        }),
        "efs" => json!({
            "home": {"efs": {"fileSystemId": "fs-0123456789abcdef0", "path": "finance"}}, "posixProfile": posix,
        }),
        other => panic!("no base {other}"),
    }
}
