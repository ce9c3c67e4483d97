//! `TransferAgreement`: what a person writes about how a server takes the messages of a partner by AS2, and what is
//! reported back.

#![allow(clippy::struct_field_names, reason = "the five directories have AWS's names")]

use std::collections::{BTreeMap, BTreeSet};

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::lifecycle::PlainLifecycle;
use super::object_ref::{IdentityRef, ObjectRef, ServerRef};
use super::status::{Applied, CommonStatus};
use super::{Managed, ManagedKind, Reference, agreement_rules, pattern, references, resync, rules};

/// Where files go by what they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = agreement_rules::DIRECTORY.of("failedFilesDirectory"))]
#[schemars(transform = agreement_rules::DIRECTORY.of("mdnFilesDirectory"))]
#[schemars(transform = agreement_rules::DIRECTORY.of("payloadFilesDirectory"))]
#[schemars(transform = agreement_rules::DIRECTORY.of("statusFilesDirectory"))]
#[schemars(transform = agreement_rules::DIRECTORY.of("temporaryFilesDirectory"))]
pub struct CustomDirectories {
    /// Where messages go that failed: /bucket/prefix.
    #[schemars(length(max = 1024))]
    pub failed_files_directory: String,
    /// Where receipts (MDN) go: /bucket/prefix.
    #[schemars(length(max = 1024))]
    pub mdn_files_directory: String,
    /// Where the partner's files go: /bucket/prefix.
    #[schemars(length(max = 1024))]
    pub payload_files_directory: String,
    /// Where it is told what became of each message: /bucket/prefix.
    #[schemars(length(max = 1024))]
    pub status_files_directory: String,
    /// Where AWS keeps what it is working on: /bucket/prefix.
    #[schemars(length(max = 1024))]
    pub temporary_files_directory: String,
}

/// What the agreement shall be. A member that was never set is left as AWS has it; one that leaves the spec goes back to
/// AWS's default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "transfer-operator.dev",
    version = "v1alpha1",
    kind = "TransferAgreement",
    plural = "transferagreements",
    shortname = "tagr",
    category = "transfer",
    namespaced,
    status = "TransferAgreementStatus",
    derive = "PartialEq",
    doc = "An agreement of AWS Transfer Family: from which partner a server takes messages by AS2, and where their files go.",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "State", type_ = "string", json_path = ".status.state"),
    printcolumn(name = "Server", type_ = "string", json_path = ".status.serverId"),
    printcolumn(name = "AgreementId", type_ = "string", json_path = ".status.agreementId"),
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
#[schemars(transform = rules::server_reference, transform = agreement_rules::agreement)]
#[schemars(transform = agreement_rules::PROFILE_ID.of("localProfileId"))]
#[schemars(transform = agreement_rules::PROFILE_ID.of("partnerProfileId"))]
#[schemars(transform = agreement_rules::DIRECTORY.of("baseDirectory"))]
#[schemars(transform = agreement_rules::DESCRIPTION.of("description"))]
pub struct TransferAgreementSpec {
    /// The server, as a TransferServer object that speaks AS2. Its identity and region are used; the identity must grant
    /// this object's own namespace, and the server's allowedReferences must admit it. Either this or serverId. An
    /// agreement stays on its server: where this leads to another one, nothing is touched.
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
    /// How often the agreement at rest is compared with AWS, on average: 1m to 24h, such as 10m or 1h30m. Absent means
    /// as the operator is told by --resync-interval. Seldom means that what others change in AWS is seen, and put right,
    /// that much later; an edit of this object is acted on at once all the same.
    #[schemars(length(max = 18))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resync_interval: Option<String>,
    /// How much may be changed in AWS, and what deletion does.
    #[serde(default)]
    pub lifecycle: PlainLifecycle,
    /// Tags of the agreement in AWS, over those of its AwsIdentity. Tags that others set in AWS stay.
    #[schemars(schema_with = "rules::tags")]
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,

    /// The profile of oneself, as a TransferProfile object of profileType LOCAL. Either this or localProfileId.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_profile_ref: Option<ObjectRef>,
    /// The profile of oneself, by its id in AWS (p-...), for profiles without an object here. Where an object stands for
    /// it, its allowedReferences must admit this namespace all the same.
    #[schemars(length(max = 19))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_profile_id: Option<String>,
    /// The profile of the partner, as a TransferProfile object of profileType PARTNER. Either this or partnerProfileId.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner_profile_ref: Option<ObjectRef>,
    /// The profile of the partner, by its id in AWS (p-...), as localProfileId.
    #[schemars(length(max = 19))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner_profile_id: Option<String>,
    /// ARN of the IAM role by which AWS reads and writes the files of the agreement. It must trust
    /// transfer.amazonaws.com. The identity's grant for this namespace must list it.
    #[x_kube(validation = pattern::ROLE_ARN)]
    #[schemars(length(max = 2048))]
    pub access_role: String,
    /// The directory that all files go to: /bucket/prefix. Either this or customDirectories.
    #[schemars(length(max = 1024))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_directory: Option<String>,
    /// Directories for files by what they are, all five. Either this or baseDirectory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_directories: Option<CustomDirectories>,
    /// ACTIVE, or INACTIVE: then AWS takes no messages by this agreement. Absent means ACTIVE.
    #[schemars(extend("enum" = ["ACTIVE", "INACTIVE"]))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// ENABLED keeps the name of a file as the partner sent it; DISABLED (what absent means) adds letters and digits that
    /// tell files of one name apart.
    #[schemars(extend("enum" = ["ENABLED", "DISABLED"]))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preserve_filename: Option<String>,
    /// ENABLED refuses messages that the partner did not sign; DISABLED (what absent means) takes them.
    #[schemars(extend("enum" = ["ENABLED", "DISABLED"]))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enforce_message_signing: Option<String>,
    /// What to call it: 1 to 200 letters, digits and signs of ASCII, without blanks, such as orders-of-partner-inc. AWS has
    /// no way to clear it, only to put another one in its place: CannotClear.
    #[schemars(length(min = 1, max = 200))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// What is known of the agreement.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransferAgreementStatus {
    /// What all kinds have.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// Server and agreement together, s-.../a-...: an agreement is known by both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<String>,
    /// Id of the agreement in AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement_id: Option<String>,
    /// Id of the server in AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_id: Option<String>,
    /// ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// Whether it takes messages, as AWS says it: ACTIVE or INACTIVE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Id of the profile of oneself that AWS has there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_profile_id: Option<String>,
    /// Id of the profile of the partner that AWS has there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner_profile_id: Option<String>,
}

impl TransferAgreementStatus {
    /// The profiles that AWS has there, and those that a call named of which nobody knows yet what came of it.
    #[must_use]
    pub fn profile_ids(&self) -> BTreeSet<String> {
        let sent = self.common.applied.iter().flat_map(Applied::sent_profiles);
        self.shown_profiles().chain(sent).map(str::to_owned).collect()
    }

    /// The profiles that AWS was seen to have there.
    pub fn shown_profiles(&self) -> impl Iterator<Item = &str> {
        self.local_profile_id.iter().chain(&self.partner_profile_id).map(String::as_str)
    }

    /// Whether it says which profiles AWS has there.
    #[must_use]
    pub fn shows_profiles(&self) -> bool {
        self.local_profile_id.is_some() && self.partner_profile_id.is_some()
    }
}

impl Managed for TransferAgreement {
    const NOUN: &'static str = "agreement";

    from_its_members!(TransferAgreementStatus);

    fn references(&self) -> Vec<Reference> {
        let (spec, status) = (&self.spec, self.status.as_ref());
        let namespace = self.metadata.namespace.as_deref().unwrap_or_default();
        let recorded = status.and_then(|status| status.server_id.as_ref());
        let named = [
            references::of_profile(namespace, spec.local_profile_ref.as_ref(), spec.local_profile_id.as_ref()),
            references::of_profile(namespace, spec.partner_profile_ref.as_ref(), spec.partner_profile_id.as_ref()),
        ];
        // What AWS has there is in use whatever the spec says by now.
        let in_force = status.map(TransferAgreementStatus::profile_ids).unwrap_or_default();
        let in_force = in_force.into_iter().map(|id| Reference::Id(ManagedKind::TransferProfile, id));
        let id = status.and_then(|status| status.resource_id.clone());
        let identity = spec.aws_identity_ref.iter().map(|identity| Reference::Identity(identity.name.clone()));
        identity
            .chain(references::of_server(namespace, spec.server_ref.as_ref(), [spec.server_id.as_ref(), recorded]))
            .chain(named.into_iter().flatten())
            .chain(in_force)
            .chain(id.map(|id| Reference::Id(ManagedKind::TransferAgreement, id)))
            .collect()
    }
}
