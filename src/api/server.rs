//! `TransferServer`: what a person writes about a server, and what is reported back.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{AllowedReferences, IdentityRef, Policies, SecretKeyRef, ServerLifecycle};
use super::shapes::{
    EndpointDetails, IdentityProviderDetails, ProtocolDetails, S3StorageOptions, WorkflowDetails,
};
use super::status::CommonStatus;
use super::Managed;

/// Whether the server shall run; AWS's words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum DesiredState {
    /// Running.
    #[default]
    Online,
    /// Stopped.
    Offline,
}

/// What happens to host keys that the spec does not list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum HostKeyPolicy {
    /// They stay.
    #[default]
    Additive,
    /// They go.
    Exclusive,
}

/// One host key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostKey {
    /// Identifies the entry in this list.
    pub name: String,
    /// The private key.
    pub secret_key_ref: SecretKeyRef,
    /// Description in AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Tags of the host key in AWS.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Where AWS keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_type: Option<String>,
    /// ARN of the KMS key, with storageType SECRETS_MANAGER.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
}

/// A host name of your own, recorded on the server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomHostname {
    /// The host name.
    pub hostname: String,
    /// Id of the Route 53 zone that it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosted_zone_id: Option<String>,
}

/// A server of AWS Transfer Family.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "transfer-operator.dev",
    version = "v1alpha1",
    kind = "TransferServer",
    plural = "transferservers",
    shortname = "tsrv",
    category = "transfer",
    namespaced,
    status = "TransferServerStatus",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct TransferServerSpec {
    /// The identity that AWS is called with.
    #[serde(default)]
    pub aws_identity_ref: IdentityRef,
    /// The region that the server lives in.
    pub region: String,
    /// Whether the server shall run.
    #[serde(default)]
    pub desired_state: DesiredState,
    /// True: nothing is changed in AWS except deletion.
    #[serde(default)]
    pub suspend: bool,
    /// Policies.
    #[serde(default)]
    pub lifecycle: ServerLifecycle,
    /// Tags of the server in AWS.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Who may refer to this server.
    #[serde(default)]
    pub allowed_references: AllowedReferences,

    /// Where files are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// How the server is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_type: Option<String>,
    /// Network settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_details: Option<EndpointDetails>,
    /// IPV4 or DUALSTACK.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_address_type: Option<String>,
    /// Who knows the users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_provider_type: Option<String>,
    /// What the identity provider needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_provider_details: Option<IdentityProviderDetails>,
    /// Protocols that are spoken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocols: Option<Vec<String>>,
    /// Settings per protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol_details: Option<ProtocolDetails>,
    /// ARN of the certificate for FTPS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// Name of the security policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_policy_name: Option<String>,
    /// Shown before the login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pre_authentication_login_banner: Option<String>,
    /// Shown after the login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_authentication_login_banner: Option<String>,
    /// ARN of the role for logging.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logging_role: Option<String>,
    /// Log groups for structured logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub structured_log_destinations: Option<Vec<String>>,
    /// How S3 is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3_storage_options: Option<S3StorageOptions>,
    /// Workflows that run after uploads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow_details: Option<WorkflowDetails>,

    /// Host keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_keys: Option<Vec<HostKey>>,
    /// What happens to host keys that are not listed.
    #[serde(default)]
    pub host_key_policy: HostKeyPolicy,
    /// Where AWS keeps the host key that it makes or gets at creation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_key_storage_type: Option<String>,
    /// A host name of your own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_hostname: Option<CustomHostname>,
}

/// A host key as AWS has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostKeyStatus {
    /// Id in AWS.
    pub id: String,
    /// Name of the entry in spec.hostKeys, where it is from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// SHA-256 fingerprint, as ssh-keygen prints it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// Type of the key, such as ssh-ed25519.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
    /// Whether it is the one that clients of its type see: the oldest of its type.
    #[serde(default)]
    pub active: bool,
    /// Whether this object put it there.
    #[serde(default)]
    pub managed: bool,
}

/// What is known of the server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransferServerStatus {
    /// What all kinds have.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// Id in AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_id: Option<String>,
    /// ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// AWS's state: ONLINE, OFFLINE, STARTING, STOPPING, START_FAILED, STOP_FAILED.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Host name that clients connect to, for public servers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// SHA-256 fingerprint of the host key, as AWS reports it for the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_key_fingerprint: Option<String>,
    /// The host keys that AWS has.
    #[x_kube(merge_strategy = ListMerge::Map(vec!["id".to_owned()]))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub host_keys: Vec<HostKeyStatus>,
    /// How many users AWS counts. Refreshed from time to time, not at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_count: Option<i64>,
    /// The security policy in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_policy_name: Option<String>,
    /// The VPC endpoint, for servers in a VPC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc_endpoint_id: Option<String>,
}

impl Managed for TransferServer {
    type Status = TransferServerStatus;

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
