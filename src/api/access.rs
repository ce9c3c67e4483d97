//! `TransferAccess`: what a person writes about a directory group, and what is reported back.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::common::{IdentityRef, Lifecycle, Policies, ServerRef};
use super::login::Login;
use super::status::CommonStatus;
use super::Managed;

/// A group of a directory that may use a server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "transfer-operator.dev",
    version = "v1alpha1",
    kind = "TransferAccess",
    plural = "transferaccesses",
    shortname = "tacc",
    category = "transfer",
    namespaced,
    status = "TransferAccessStatus",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct TransferAccessSpec {
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
    /// SID of the group.
    pub external_id: String,
    /// What the login may do.
    #[serde(flatten)]
    pub login: Login,
}

/// What is known of the access.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransferAccessStatus {
    /// What all kinds have.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// Id of the server in AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_id: Option<String>,
    /// SID of the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
}

/// AWS has no tags on accesses.
static NO_TAGS: BTreeMap<String, String> = BTreeMap::new();

impl Managed for TransferAccess {
    type Status = TransferAccessStatus;

    fn suspend(&self) -> bool {
        self.spec.suspend
    }

    fn policies(&self) -> Policies {
        Policies::from(&self.spec.lifecycle)
    }

    fn tags(&self) -> &BTreeMap<String, String> {
        &NO_TAGS
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
