//! What the cluster knows of one object, whatever its kind. How it is written is in `view`. Pure.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde::Serialize;

use super::table::{Cell, Tone};
use crate::api::condition::types;
use crate::api::server::{HostKeyStatus, ServerEndpoint};
use crate::api::status::{Drift, HostKeyFingerprint, PlannedChange, Unset};
use crate::api::user::SshPublicKey;
use crate::api::{
    AwsIdentity, CommonStatus, Managed, TransferAccess, TransferAgreement, TransferCertificate, TransferConnector,
    TransferProfile, TransferServer, TransferUser, TransferWebApp, TransferWorkflow,
};
use crate::aws::transfer::SecurityPolicy;
use crate::ssh::{PublicKey, fingerprints_equal};

/// A key of a user.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Key {
    pub(super) fingerprint: Option<String>,
    pub(super) comment: Option<String>,
    pub(super) imported: Option<String>,
    pub(super) expires: Option<String>,
    pub(super) managed: bool,
}

/// What the security policy of a server allows, in AWS's names.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Allowed {
    pub(super) ssh_ciphers: Vec<String>,
    pub(super) ssh_kexs: Vec<String>,
    pub(super) ssh_macs: Vec<String>,
    pub(super) ssh_host_key_algorithms: Vec<String>,
    pub(super) tls_ciphers: Vec<String>,
}

/// What is known of one object.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// Its kind.
    pub kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) namespace: Option<String>,
    pub(super) name: String,
    pub(super) created: Option<String>,
    /// Whether the status is about the spec as it stands now.
    pub(super) current: bool,
    pub(super) suspended: bool,
    /// What it is in AWS: the id of a server, workflow, profile or connector, the name of a user, the SID of a group, an account.
    pub(super) id: Option<String>,
    pub(super) server: Option<String>,
    pub(super) state: Option<String>,
    pub(super) endpoint: Option<String>,
    pub(super) endpoints: Vec<ServerEndpoint>,
    /// When it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expires: Option<String>,
    pub(super) user_count: Option<i64>,
    pub(super) security_policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) algorithms: Option<Allowed>,
    #[serde(skip)]
    pub(super) region: Option<String>,
    pub(super) host_keys: Vec<HostKeyStatus>,
    pub(super) host_key_fingerprints: Vec<HostKeyFingerprint>,
    pub(super) keys: Vec<Key>,
    pub(super) operation: Option<String>,
    pub(super) drift: Vec<Drift>,
    pub(super) plan: Vec<PlannedChange>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) plan_count: Option<i32>,
    pub(super) unset: Vec<Unset>,
    pub(super) conditions: Vec<Condition>,
}

impl Facts {
    fn of<K: Managed>(object: &K) -> (Self, K::Status) {
        let status = object.status().cloned().unwrap_or_default();
        let common = K::common(&status);
        let CommonStatus { observed_generation, conditions, operation, drift, plan, plan_count, unset, region, .. } =
            common.clone();
        let meta = object.meta();
        let facts = Self {
            kind: K::KIND.name(),
            namespace: meta.namespace.clone(),
            name: meta.name.clone().unwrap_or_default(),
            created: meta.creation_timestamp.as_ref().map(|time| time.0.to_string()),
            current: meta.generation == Some(observed_generation),
            suspended: object.suspend(),
            operation: operation.as_deref().filter(|record| record.goes_on()).and_then(|record| word(&record.kind)),
            drift,
            plan,
            plan_count,
            unset,
            region,
            conditions,
            ..Self::default()
        };
        (facts, status)
    }

    /// The region and the name of its security policy, where it has one.
    #[must_use]
    pub fn policy(&self) -> Option<(String, String)> {
        self.region.clone().zip(self.security_policy.clone())
    }

    /// This is what its security policy allows.
    pub fn allows(&mut self, policy: SecurityPolicy) {
        let SecurityPolicy { ssh_ciphers, ssh_kexs, ssh_macs, tls_ciphers, ssh_host_key_algorithms, .. } = policy;
        self.algorithms = Some(Allowed { ssh_ciphers, ssh_kexs, ssh_macs, ssh_host_key_algorithms, tls_ciphers });
    }

    pub(super) fn condition(&self, of: &str) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.type_ == of)
    }

    pub(super) fn ready(&self) -> Cell {
        match self.condition(types::READY).map(|condition| condition.status.as_str()) {
            Some("True") if self.current => Cell::toned("True", Tone::Good),
            Some("True") => "True (old)".into(),
            Some(other) => Cell::toned(other, Tone::Bad),
            None => "Unknown".into(),
        }
    }

    pub(super) fn reason(&self) -> String {
        let stalled = self.condition(types::STALLED).filter(|condition| condition.status == "True");
        stalled.or_else(|| self.condition(types::READY)).map(|found| found.reason.clone()).unwrap_or_default()
    }

    pub(super) fn planned(&self) -> Cell {
        match self.plan_count.map_or_else(|| self.plan.len().to_string(), |count| count.to_string()) {
            none if none == "0" => "-".into(),
            count => Cell::toned(count, Tone::Bad),
        }
    }

    pub(super) fn differences(&self) -> Cell {
        let drifted = self.condition(types::DRIFTED).is_some_and(|condition| condition.status == "True");
        match self.drift.len() {
            0 if drifted => Cell::toned("yes", Tone::Bad),
            0 => "-".into(),
            count => Cell::toned(count.to_string(), Tone::Bad),
        }
    }
}

impl From<&TransferServer> for Facts {
    fn from(object: &TransferServer) -> Self {
        let (facts, status) = Self::of(object);
        Self {
            id: status.server_id,
            state: status.state,
            endpoint: status.endpoint,
            endpoints: status.endpoints,
            user_count: status.user_count,
            security_policy: status.security_policy_name,
            host_keys: status.host_keys,
            ..facts
        }
    }
}

impl From<&TransferUser> for Facts {
    fn from(object: &TransferUser) -> Self {
        let (facts, status) = Self::of(object);
        let listed = object.spec.ssh_public_keys.as_deref().unwrap_or_default();
        let key = |key: crate::api::user::SshPublicKeyStatus| Key {
            expires: key.fingerprint.as_deref().and_then(|fingerprint| expiry(listed, fingerprint)),
            fingerprint: key.fingerprint,
            comment: key.comment,
            imported: key.date_imported,
            managed: key.managed,
        };
        Self {
            id: Some(status.user_name.unwrap_or_else(|| object.effective_user_name().to_owned())),
            server: status.server_id,
            endpoint: status.server.host,
            host_key_fingerprints: status.server.host_key_fingerprints,
            keys: status.ssh_public_keys.into_iter().map(key).collect(),
            ..facts
        }
    }
}

impl From<&TransferAccess> for Facts {
    fn from(object: &TransferAccess) -> Self {
        let (facts, status) = Self::of(object);
        Self {
            id: Some(object.spec.external_id.clone()),
            server: status.server_id,
            endpoint: status.server.host,
            host_key_fingerprints: status.server.host_key_fingerprints,
            ..facts
        }
    }
}

impl From<&TransferWorkflow> for Facts {
    fn from(object: &TransferWorkflow) -> Self {
        let (facts, status) = Self::of(object);
        Self { id: status.workflow_id, ..facts }
    }
}

impl From<&TransferProfile> for Facts {
    fn from(object: &TransferProfile) -> Self {
        let (facts, status) = Self::of(object);
        Self { id: status.profile_id, ..facts }
    }
}

impl From<&TransferConnector> for Facts {
    fn from(object: &TransferConnector) -> Self {
        let (facts, status) = Self::of(object);
        Self { id: status.connector_id, state: status.state, endpoint: object.spec.url.clone(), ..facts }
    }
}

impl From<&TransferAgreement> for Facts {
    fn from(object: &TransferAgreement) -> Self {
        let (facts, status) = Self::of(object);
        Self { id: status.agreement_id, server: status.server_id, state: status.state, ..facts }
    }
}

impl From<&TransferCertificate> for Facts {
    fn from(object: &TransferCertificate) -> Self {
        let (facts, status) = Self::of(object);
        Self { id: status.certificate_id, state: status.certificate_status, expires: status.not_after_date, ..facts }
    }
}

impl From<&TransferWebApp> for Facts {
    fn from(object: &TransferWebApp) -> Self {
        let (facts, status) = Self::of(object);
        Self { id: status.web_app_id, endpoint: status.access_endpoint, ..facts }
    }
}

impl From<&AwsIdentity> for Facts {
    fn from(object: &AwsIdentity) -> Self {
        let status = object.status.clone().unwrap_or_default();
        let meta = &object.metadata;
        Self {
            kind: "AwsIdentity",
            name: meta.name.clone().unwrap_or_default(),
            created: meta.creation_timestamp.as_ref().map(|time| time.0.to_string()),
            current: meta.generation == Some(status.observed_generation),
            id: Some(object.spec.account_id.clone()),
            conditions: status.conditions,
            ..Self::default()
        }
    }
}

/// A value that is written as one word.
pub fn word(value: &impl Serialize) -> Option<String> {
    serde_json::to_value(value).ok()?.as_str().map(str::to_owned)
}

/// When the spec lets this key go, where it says so.
fn expiry(listed: &[SshPublicKey], fingerprint: &str) -> Option<String> {
    let same = |key: &&SshPublicKey| {
        PublicKey::parse(&key.public_key).is_ok_and(|key| fingerprints_equal(&key.fingerprint(), fingerprint))
    };
    listed.iter().find(same).and_then(|key| key.expires_at.clone())
}
