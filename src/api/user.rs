//! `TransferUser`: what a person writes about a service-managed user, and what is reported back.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{ConfigMapKeyRef, IdentityRef, Lifecycle, Policies, ServerRef};
use super::login::Login;
use super::status::CommonStatus;
use super::Managed;

/// What happens to SSH public keys that the spec does not list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SshPublicKeyPolicy {
    /// They go.
    #[default]
    Exclusive,
    /// They stay.
    Additive,
}

/// One SSH public key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SshPublicKey {
    /// The key in OpenSSH form.
    pub public_key: String,
    /// Time (RFC 3339) after which the key is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
}

/// A source of SSH public keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SshPublicKeySource {
    /// A key of a ConfigMap in the same namespace, in authorized_keys form.
    pub config_map_key_ref: ConfigMapKeyRef,
}

/// A service-managed user of a server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "transfer-operator.dev",
    version = "v1alpha1",
    kind = "TransferUser",
    plural = "transferusers",
    shortname = "tusr",
    category = "transfer",
    namespaced,
    status = "TransferUserStatus",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct TransferUserSpec {
    /// The server, by reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_ref: Option<ServerRef>,
    /// The server, by its id in AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_id: Option<String>,
    /// The identity that AWS is called with; only with serverId.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws_identity_ref: Option<IdentityRef>,
    /// The region that the server lives in; only with serverId.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// True: nothing is changed in AWS except deletion.
    #[serde(default)]
    pub suspend: bool,
    /// Policies.
    #[serde(default)]
    pub lifecycle: Lifecycle,
    /// Tags of the user in AWS.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The name to log in with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    /// What the login may do.
    #[serde(flatten)]
    pub login: Login,
    /// SSH public keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_public_keys: Option<Vec<SshPublicKey>>,
    /// SSH public keys from ConfigMaps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_public_keys_from: Option<Vec<SshPublicKeySource>>,
    /// What happens to keys that are not listed.
    #[serde(default)]
    pub ssh_public_key_policy: SshPublicKeyPolicy,
}

/// An SSH public key as AWS has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SshPublicKeyStatus {
    /// Id in AWS.
    pub id: String,
    /// SHA-256 fingerprint, as ssh-keygen prints it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// When it was imported (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date_imported: Option<String>,
    /// Comment of the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Whether this object put it there.
    #[serde(default)]
    pub managed: bool,
}

/// What is known of the user.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransferUserStatus {
    /// What all kinds have.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// The name to log in with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    /// Id of the server in AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_id: Option<String>,
    /// ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// The SSH public keys that AWS has.
    #[x_kube(merge_strategy = ListMerge::Map(vec!["id".to_owned()]))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ssh_public_keys: Vec<SshPublicKeyStatus>,
    /// How many they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_public_key_count: Option<i64>,
}

impl TransferUser {
    /// The name in AWS: `spec.userName`, else the object's own name.
    #[must_use]
    pub fn effective_user_name(&self) -> &str {
        self.spec
            .user_name
            .as_deref()
            .or(self.metadata.name.as_deref())
            .unwrap_or_default()
    }
}

impl Managed for TransferUser {
    type Status = TransferUserStatus;

    fn suspend(&self) -> bool {
        self.spec.suspend
    }

    fn policies(&self) -> Policies {
        Policies::from(&self.spec.lifecycle)
    }

    fn tags(&self) -> &BTreeMap<String, String> {
        &self.spec.tags
    }

    fn status(&self) -> Option<&Self::Status> {
        self.status.as_ref()
    }

    fn common(status: &Self::Status) -> &CommonStatus {
        &status.common
    }

    fn common_mut(status: &mut Self::Status) -> &mut CommonStatus {
        &mut status.common
    }

    fn spec_json(&self) -> serde_json::Value {
        super::json(&self.spec)
    }
}
