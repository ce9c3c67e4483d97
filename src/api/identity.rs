//! `AwsIdentity`: which account, with which credentials, and who may use it for what.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::GrantNamespaces;
use super::status::{NEVER_OBSERVED, never_observed};

/// Where credentials come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CredentialSource {
    /// A role that is assumed from the operator's own identity.
    AssumeRole,
    /// The operator's own identity.
    Operator,
}

/// The role that is assumed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AssumeRole {
    /// ARN of the role, in the account of accountId.
    pub role_arn: String,
    /// External id, if the role's trust policy demands one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// For how long a session is valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_duration_seconds: Option<i32>,
}

/// Credentials of an identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    /// AssumeRole, or Operator for the operator's own.
    pub source: CredentialSource,
    /// The role; needed with source AssumeRole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assume_role: Option<AssumeRole>,
}

/// Other addresses of AWS's services.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Endpoints {
    /// Of AWS Transfer Family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer: Option<String>,
    /// Of STS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sts: Option<String>,
    /// Of EC2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ec2: Option<String>,
}

/// A ceiling on calls to AWS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// Calls per second, over all objects of the identity in one region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_second: Option<i32>,
}

/// The kinds that a grant can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum GrantKind {
    /// Servers.
    TransferServer,
    /// Users.
    TransferUser,
    /// Accesses.
    TransferAccess,
}

/// Who may use the identity for what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Grant {
    /// Identifies the grant in this list.
    pub name: String,
    /// Kinds that may use the identity.
    pub kinds: Vec<GrantKind>,
    /// Namespaces that may use the identity.
    pub namespaces: GrantNamespaces,
    /// Roles that may be passed to AWS. None means no role.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub role_arns: Vec<String>,
    /// Servers that may be named by id. None means none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub server_ids: Vec<String>,
}

/// An AWS account, credentials for it, and grants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "transfer-operator.dev",
    version = "v1alpha1",
    kind = "AwsIdentity",
    plural = "awsidentities",
    shortname = "awsid",
    category = "transfer",
    status = "AwsIdentityStatus",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct AwsIdentitySpec {
    /// The AWS account.
    pub account_id: String,
    /// Regions that may be used.
    pub regions: Vec<String>,
    /// Credentials.
    pub credentials: Credentials,
    /// Use AWS's FIPS endpoints.
    #[serde(default)]
    pub use_fips: bool,
    /// Use AWS's dual-stack endpoints.
    #[serde(default)]
    pub use_dual_stack: bool,
    /// Other addresses of AWS's services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<Endpoints>,
    /// Tags that every object of this identity gets; the object's own win.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// A ceiling on calls to AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// Who may use the identity for what. None means nobody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<Grant>,
}

/// What is known of the identity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AwsIdentityStatus {
    /// The generation of the spec that this status is about; -1 until it was first looked at.
    #[serde(default = "never_observed")]
    pub observed_generation: i64,
    /// Ready, Stalled, Advisory.
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".to_owned()]))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The account that STS named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// The caller that STS named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller_arn: Option<String>,
    /// Regions that may be used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
    /// The value of the annotation transfer-operator.dev/reconcile-at that was acted on last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
}

impl Default for AwsIdentityStatus {
    fn default() -> Self {
        Self {
            observed_generation: NEVER_OBSERVED,
            conditions: Vec::new(),
            account_id: None,
            caller_arn: None,
            regions: Vec::new(),
            last_handled_reconcile_at: None,
        }
    }
}
