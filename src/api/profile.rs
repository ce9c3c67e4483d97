//! `TransferProfile`: what a person writes about one side of an exchange by AS2, and what is reported back. AWS changes
//! nothing of a profile but its certificates and its tags.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::lifecycle::PlainLifecycle;
use super::namespaces::AllowedReferences;
use super::object_ref::{IdentityRef, ObjectRef};
use super::status::CommonStatus;
use super::{Managed, ManagedKind, Name, Reference, certificate_rules, pattern, profile_rules, resync, rules};

/// What the profile shall be.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "transfer-operator.dev",
    version = "v1alpha1",
    kind = "TransferProfile",
    plural = "transferprofiles",
    shortname = "tprof",
    category = "transfer",
    namespaced,
    status = "TransferProfileStatus",
    derive = "PartialEq",
    doc = "A profile of AWS Transfer Family: who exchanges messages by AS2, oneself or a partner, and with which certificates.",
    validation = profile_rules::REGION_IMMUTABLE,
    validation = profile_rules::AS2_ID_IMMUTABLE,
    validation = profile_rules::PROFILE_TYPE_IMMUTABLE,
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "As2Id", type_ = "string", json_path = ".spec.as2Id"),
    printcolumn(name = "Type", type_ = "string", json_path = ".spec.profileType"),
    printcolumn(name = "ProfileId", type_ = "string", json_path = ".status.profileId"),
    printcolumn(name = "Drifted", type_ = "string", json_path = ".status.conditions[?(@.type==\"Drifted\")].status"),
    printcolumn(name = "Suspended", type_ = "string", json_path = ".status.conditions[?(@.type==\"Suspended\")].status"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = resync::written, transform = certificate_rules::of_profile)]
#[schemars(transform = profile_rules::AS2_ID.of("as2Id"))]
pub struct TransferProfileSpec {
    /// The AwsIdentity that AWS is called with: which account and whose credentials. It must grant this namespace
    /// the kind TransferProfile.
    #[serde(default)]
    pub aws_identity_ref: IdentityRef,
    /// The region that the profile lives in, which is that of what uses it. Cannot be changed once it lives there.
    #[x_kube(validation = pattern::REGION)]
    #[schemars(length(max = 32))]
    pub region: String,
    /// True: nothing is changed in AWS, except that deletion goes on.
    #[serde(default)]
    pub suspend: bool,
    /// How often the profile at rest is compared with AWS, on average: 1m to 24h, such as 10m or 1h30m. Absent means
    /// as the operator is told by --resync-interval. Seldom means that what others change in AWS is seen, and put right,
    /// that much later; an edit of this object is acted on at once all the same.
    #[schemars(length(max = 18))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resync_interval: Option<String>,
    /// How much may be changed in AWS, and what deletion does.
    #[serde(default)]
    pub lifecycle: PlainLifecycle,
    /// Tags of the profile in AWS, over those of its AwsIdentity. Tags that others set in AWS stay.
    #[schemars(schema_with = "rules::tags")]
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Whose objects may refer to this profile.
    #[serde(default)]
    pub allowed_references: AllowedReferences,

    /// The AS2 name, which stands in AS2-From or AS2-To of each message: 1 to 128 letters, digits and signs of ASCII,
    /// without blanks. Both sides must write it alike, small letters and capitals too. Cannot be changed: AWS has no way
    /// to.
    #[schemars(length(min = 1, max = 128))]
    pub as2_id: String,
    /// LOCAL for oneself, PARTNER for the other side. Cannot be changed: AWS has no way to.
    #[schemars(extend("enum" = ["LOCAL", "PARTNER"]))]
    pub profile_type: String,
    /// Ids of certificates that AWS has in the same region (cert-...), at most 10, in no order; those of a LOCAL profile
    /// need a private key. Absent, those that somebody else gives it are left alone; what leaves this list is taken off
    /// the profile. Whether AWS takes the last one off is not documented: where it does not, Stalled says so.
    #[x_kube(merge_strategy = ListMerge::Set, validation = profile_rules::CERTIFICATE_IDS)]
    #[schemars(length(max = 10), inner(length(max = 22)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_ids: Option<Vec<String>>,
    /// TransferCertificate objects of the same region whose certificates the profile has, beside those of certificateIds
    /// and at most 10 together with them; those of a LOCAL profile need a private key. While one of them is renewed the
    /// profile has both of its certificates. As long as one of them is not ready, what it may stand for stays.
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[schemars(length(max = 10))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_refs: Option<Vec<ObjectRef>>,
}

/// What is known of the profile.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransferProfileStatus {
    /// What all kinds have.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// Id in AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile_id: Option<String>,
    /// ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// The AS2 name that it has in AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as2_id: Option<String>,
    /// The type that it has in AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile_type: Option<String>,
    /// The certificates that it has in AWS, by their ids.
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_ids: Option<Vec<String>>,
}

impl Managed for TransferProfile {
    const NOUN: &'static str = "profile";

    from_its_members!(TransferProfileStatus);

    fn references(&self) -> Vec<Reference> {
        let made = self.status.as_ref().and_then(|status| status.profile_id.clone());
        let id = made.map(|id| Reference::Id(ManagedKind::TransferProfile, id));
        let namespace = self.metadata.namespace.clone().unwrap_or_default();
        let certificate = ManagedKind::TransferCertificate;
        let named = self.spec.certificate_refs.iter().flatten();
        let named = named.map(|named| Reference::Object(certificate, Name::of(named, &namespace)));
        let had = self.status.iter().flat_map(|status| status.certificate_ids.iter().flatten());
        let ids = self.spec.certificate_ids.iter().flatten().chain(had);
        let ids = ids.map(|id| Reference::Id(certificate, id.clone()));
        let identity = Reference::Identity(self.spec.aws_identity_ref.name.clone());
        [identity].into_iter().chain(id).chain(named).chain(ids).collect()
    }
}
