//! `AwsIdentity`: which account, with which credentials, and who may use it for what.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lifecycle::yes;
use super::namespaces::GrantNamespaces;
use super::status::{NEVER_OBSERVED, never_observed};
use super::{ManagedKind, connector_rules, pattern, profile_rules, rules};

/// Where credentials come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CredentialSource {
    /// A role that is assumed from the operator's own identity.
    AssumeRole,
    /// The operator's own identity.
    Operator,
}

/// The role that is assumed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = pattern::STS_EXTERNAL_ID.of("externalId"))]
pub struct AssumeRole {
    /// ARN of the role, in the account of accountId. It must trust the operator's own role.
    #[x_kube(validation = pattern::ROLE_ARN)]
    #[schemars(length(max = 2048))]
    pub role_arn: String,
    /// External id, if the role's trust policy demands one.
    #[schemars(length(max = 1224))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// For how long a session is valid, 900 to 43200 seconds. AWS allows no more than 3600 where the operator's own
    /// credentials come from a role, which is usual.
    #[schemars(range(min = 900, max = 43200))]
    #[serde(default = "one_hour")]
    pub session_duration_seconds: i32,
    /// True gives each session the tags cluster (the id of this cluster) and identity (the name of this AwsIdentity), by
    /// which the role's policies can tell who calls: aws:PrincipalTag/cluster. The role must trust the operator's own
    /// role with sts:TagSession beside sts:AssumeRole, and the operator's own role needs both.
    #[serde(default)]
    pub session_tags: bool,
}

/// AWS's own default, and its limit for a role that is assumed from a role.
fn one_hour() -> i32 {
    3600
}

/// Credentials of an identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = rules::credentials)]
pub struct Credentials {
    /// AssumeRole, or Operator for the operator's own (IRSA, Pod Identity). There is no default: an empty value must
    /// not turn into the operator's own identity.
    pub source: CredentialSource,
    /// The role, with source AssumeRole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assume_role: Option<AssumeRole>,
}

/// Other addresses of AWS's services, for VPC endpoints and simulators. Empty means AWS's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Endpoints {
    /// Address of AWS Transfer Family, such as https://vpce-....transfer.eu-central-1.vpce.amazonaws.com.
    #[x_kube(validation = pattern::ENDPOINT)]
    #[schemars(length(max = 2048))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer: Option<String>,
    /// Address of STS.
    #[x_kube(validation = pattern::ENDPOINT)]
    #[schemars(length(max = 2048))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sts: Option<String>,
    /// Address of EC2, such as https://vpce-....ec2.eu-central-1.vpce.amazonaws.com.
    #[x_kube(validation = pattern::ENDPOINT)]
    #[schemars(length(max = 2048))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ec2: Option<String>,
}

/// A ceiling on calls to AWS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// Calls per second in one region, over all objects of the account: reads and changes together.
    #[schemars(range(min = 1, max = 1000))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_second: Option<i32>,
}

/// Who may use the identity for what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Grant {
    /// Identifies the grant in this list.
    #[x_kube(validation = pattern::LABEL)]
    #[schemars(length(max = 63))]
    pub name: String,
    /// Kinds that may use the identity; all of them are named in the schema.
    #[x_kube(merge_strategy = ListMerge::Set)]
    #[schemars(length(min = 1), transform = rules::granted_kinds)]
    pub kinds: Vec<ManagedKind>,
    /// Namespaces whose objects may use the identity.
    pub namespaces: GrantNamespaces,
    /// Roles that those objects may pass to AWS (role, accessRole, loggingRole, invocationRole, executionRole). Within a path
    /// segment * stands for any characters but a slash; {namespace} stands for a whole segment, the object's namespace.
    /// Where * is the whole last segment, it also covers everything below, so that role/* covers every role and
    /// role/sftp/* also role/sftp/admin/x. None means that no role may be passed.
    #[x_kube(merge_strategy = ListMerge::Set, validation = rules::GRANTED_ROLES)]
    #[schemars(length(max = 256), inner(length(max = 2048), regex(pattern = pattern::GRANTED_ROLE_ARN)))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub role_arns: Vec<String>,
    /// Servers that those objects may name by id, in serverId or to take them over. None means none.
    #[x_kube(merge_strategy = ListMerge::Set)]
    #[schemars(length(max = 256), inner(length(max = 19)), transform = pattern::SERVER_ID.each())]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub server_ids: Vec<String>,
    /// Workflows, profiles, connectors, agreements, certificates and web apps that those objects may take over, or look
    /// at with managementPolicy ObserveOnly, by their ids (an agreement as s-.../a-...). None means none.
    #[x_kube(merge_strategy = ListMerge::Set)]
    #[schemars(length(max = 128), inner(length(max = 39)), transform = pattern::ADOPTABLE_ID.each())]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adoptable_ids: Vec<String>,
    /// Certificates that profiles of those namespaces may name by id, in certificateIds; * stands for every one of the
    /// account. Who may name a certificate with its private key may sign with it. None means none.
    #[x_kube(merge_strategy = ListMerge::Set, validation = profile_rules::GRANTED_CERTIFICATE_IDS)]
    #[schemars(length(max = 256), inner(length(max = 22)))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificate_ids: Vec<String>,
    /// Secrets of Secrets Manager that those objects may have AWS read (userSecretId, basicAuthSecretId), by their ARNs,
    /// with * and {namespace} as in roleArns, the segments being those of the secret's name. An entry for one secret is
    /// its whole ARN, with the dash and the six characters that AWS puts at its end; one that ends in * covers every
    /// secret whose name begins so. None means none.
    #[x_kube(merge_strategy = ListMerge::Set, validation = connector_rules::GRANTED_SECRETS)]
    #[schemars(length(max = 256), inner(length(max = 2048), regex(pattern = connector_rules::GRANTED_SECRET_ARN)))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secret_arns: Vec<String>,
}

/// Which account, with which credentials, and who may use it for what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "transfer-operator.dev",
    version = "v1alpha1",
    kind = "AwsIdentity",
    plural = "awsidentities",
    shortname = "awsid",
    status = "AwsIdentityStatus",
    derive = "PartialEq",
    doc = "An AWS account, credentials for it, and who may use them for what. Whoever may write these objects decides what the operator may do in AWS for whom.",
    printcolumn(name = "Account", type_ = "string", json_path = ".spec.accountId"),
    printcolumn(name = "Regions", type_ = "string", json_path = ".status.regionNames"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = rules::identity)]
pub struct AwsIdentitySpec {
    /// The AWS account, 12 digits in quotes. It is checked against STS before the first use, and pinned in every object
    /// that uses it. Cannot be changed.
    #[x_kube(validation = pattern::ACCOUNT_ID, validation = rules::ACCOUNT_IMMUTABLE)]
    #[schemars(length(max = 12))]
    pub account_id: String,
    /// Regions that may be used.
    #[x_kube(merge_strategy = ListMerge::Set)]
    #[schemars(length(min = 1, max = 64), inner(length(max = 32)), transform = pattern::REGION.each())]
    pub regions: Vec<String>,
    /// Whose credentials AWS is called with.
    pub credentials: Credentials,
    /// Use AWS's FIPS endpoints. Where an address is given in endpoints, that address decides.
    #[serde(default)]
    pub use_fips: bool,
    /// Use AWS's dual-stack endpoints. Where an address is given in endpoints, that address decides.
    #[serde(default)]
    pub use_dual_stack: bool,
    /// Other addresses of AWS's services, for VPC endpoints and simulators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<Endpoints>,
    /// Tags for everything that is created with this identity. An object's own tags win.
    #[schemars(schema_with = "rules::tags")]
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// A ceiling on calls to AWS, for accounts that other tools use too. Absent means as many as AWS takes without
    /// throttling, which is learnt. Of several identities of one account the lowest ceiling holds for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// While true, the API server refuses to delete this identity. To delete it, set this to false first: it then serves
    /// what uses it until nothing does, takes nobody new, and its deletion cannot be taken back.
    #[serde(default = "yes")]
    pub deletion_protection: bool,
    /// Who may use the identity for what. None means nobody.
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".to_owned()]))]
    #[schemars(length(max = 256))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<Grant>,
}

impl AwsIdentitySpec {
    /// This account in this region with the program's own credentials, granted to nobody.
    #[must_use]
    pub fn own(account_id: String, region: String) -> Self {
        Self {
            account_id,
            regions: vec![region],
            credentials: Credentials { source: CredentialSource::Operator, assume_role: None },
            use_fips: false,
            use_dual_stack: false,
            endpoints: None,
            tags: BTreeMap::new(),
            rate_limit: None,
            deletion_protection: true,
            grants: Vec::new(),
        }
    }

    /// Everything that decides who AWS takes the identity for, and at which addresses: what changes nothing here
    /// changes no answer of AWS. Taken apart in full, so that a new field must be placed.
    #[must_use]
    pub fn access(&self) -> String {
        let Self {
            account_id,
            regions: _,
            credentials,
            use_fips,
            use_dual_stack,
            endpoints,
            tags: _,
            rate_limit: _,
            deletion_protection: _,
            grants: _,
        } = self;
        serde_json::json!([account_id, credentials, use_fips, use_dual_stack, endpoints]).to_string()
    }
}

/// One installation of the operator that uses the identity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct IdentityInstallation {
    /// Tells installations apart: namespace and name of its lease, or all-namespaces.
    pub name: String,
    /// The namespaces that it watches. None means all; what it found then stands in the status of the whole identity.
    #[x_kube(merge_strategy = ListMerge::Set)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
    /// The finalizer by which it holds the identity while objects that it watches need it.
    pub finalizer: String,
    /// The generation of the spec that its conditions are about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready, Reconciling, Stalled, OrphansFound, DeletionsHeld, as this installation found it.
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".to_owned()]))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

/// What is known of the identity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AwsIdentityStatus {
    /// The generation of the spec that this status is about; -1 until it was first looked at.
    #[serde(default = "never_observed")]
    pub observed_generation: i64,
    /// Ready, Reconciling, Stalled, OrphansFound, DeletionsHeld.
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
    #[x_kube(merge_strategy = ListMerge::Set)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
    /// The same in one line, for the column of kubectl get.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region_names: Option<String>,
    /// The installations of the operator that use it: usually one, which watches all namespaces.
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".to_owned()]))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub installations: Vec<IdentityInstallation>,
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
            region_names: None,
            installations: Vec::new(),
            last_handled_reconcile_at: None,
        }
    }
}
