//! `TransferAccess`: what a person writes about a directory group, and what is reported back.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::lifecycle::Lifecycle;
use super::login::Login;
use super::object_ref::{IdentityRef, ServerRef};
use super::status::{CommonStatus, ServerFacts};
use super::{Managed, Reference, pattern, references, resync, rules};

/// What the access shall be. A member that was never set is left as AWS has it; one that leaves the spec goes back to
/// AWS's default.
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
    derive = "PartialEq",
    doc = "A group of a directory that may use a server of AWS Transfer Family.",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Group", type_ = "string", json_path = ".spec.externalId"),
    printcolumn(name = "Server", type_ = "string", json_path = ".status.serverId"),
    printcolumn(name = "Host", type_ = "string", json_path = ".status.host"),
    printcolumn(name = "Drifted", type_ = "string", json_path = ".status.conditions[?(@.type==\"Drifted\")].status"),
    printcolumn(
        name = "Suspended",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Suspended\")].status"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = resync::written)]
#[schemars(transform = rules::server_reference)]
pub struct TransferAccessSpec {
    /// The server, as a TransferServer object. Its identity and region are used; the identity must grant this object's
    /// own namespace, and the server's allowedReferences must admit it. Either this or serverId.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_ref: Option<ServerRef>,
    /// The server, by its id in AWS (s-...), for servers without an object here. The identity's grant for this
    /// namespace must list it in serverIds. Either this, with awsIdentityRef and region, or serverRef.
    #[x_kube(validation = pattern::SERVER_ID)]
    #[schemars(length(max = 19))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_id: Option<String>,
    /// The AwsIdentity that AWS is called with; with serverId only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws_identity_ref: Option<IdentityRef>,
    /// The region that the server lives in; with serverId only.
    #[x_kube(validation = pattern::REGION)]
    #[schemars(length(max = 32))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// True: nothing is changed in AWS, except that deletion goes on.
    #[serde(default)]
    pub suspend: bool,
    /// How often the access at rest is compared with AWS, on average: 1m to 24h, such as 10m or 1h30m. Absent means
    /// as the operator is told by --resync-interval, and seldomer where there are many. Seldom means that what others
    /// change in AWS is seen, and put right, that much later; an edit of this object is acted on at once all the same.
    #[schemars(length(max = 18))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resync_interval: Option<String>,
    /// How much may be changed in AWS, what deletion does, and taking over what exists.
    #[serde(default)]
    pub lifecycle: Lifecycle,
    /// SID of the group in the directory (S-1-...). AWS does not check that it exists. Cannot be changed.
    #[x_kube(validation = pattern::SID, validation = rules::EXTERNAL_ID_IMMUTABLE)]
    #[schemars(length(max = 256))]
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
    /// What a partner is given of the server.
    #[serde(flatten)]
    pub server: ServerFacts,
    /// SID of the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
}

impl Managed for TransferAccess {
    const NOUN: &'static str = "access";

    from_its_members!(TransferAccessStatus);

    fn references(&self) -> Vec<Reference> {
        let (spec, status) = (&self.spec, self.status.as_ref());
        let namespace = self.metadata.namespace.as_deref().unwrap_or_default();
        let recorded = status.and_then(|status| status.server_id.as_ref());
        let made = status.and_then(|status| status.external_id.as_ref());
        let identity = spec.aws_identity_ref.iter().map(|identity| Reference::Identity(identity.name.clone()));
        identity
            .chain(references::of_server(namespace, spec.server_ref.as_ref(), [spec.server_id.as_ref(), recorded]))
            .chain([Some(&spec.external_id), made].into_iter().flatten().cloned().map(Reference::Login))
            .chain(references::of_config_maps(namespace, references::of_policy(&spec.login)))
            .collect()
    }
}
