//! `TransferCertificate`: what a person writes about a certificate for AS2, where it is read and how it is renewed, and
//! what is reported back. AWS cannot change the certificate itself: one that is renewed is imported anew.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::lifecycle::PlainLifecycle;
use super::namespaces::AllowedReferences;
use super::object_ref::{ConfigMapKeyRef, IdentityRef};
use super::status::{CommonStatus, Replacing, ReplacingPhase};
use super::{Managed, ManagedKind, Name, Reference, certificate_rules, pattern, resync, rules};

/// How long the old certificate stands beside the new one where the spec does not say: a day, so that what a partner sent
/// before it took the new one, and sends again, is still understood.
const OVERLAP: Duration = Duration::from_hours(24);

/// The Secret that a certificate with its private key is read from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = pattern::OBJECT_NAME.of("name"))]
#[schemars(transform = pattern::DATA_KEY.of("certificateKey"), transform = pattern::DATA_KEY.of("privateKeyKey"))]
#[schemars(transform = pattern::DATA_KEY.of("certificateChainKey"))]
pub struct CertificateSecretRef {
    /// Name of a Secret in the same namespace with label transfer-operator.dev/certificate: "true". The operator reads no
    /// other for this; cert-manager sets it by secretTemplate.labels. It is read every 10 minutes, and not watched.
    #[schemars(length(max = 253))]
    pub name: String,
    /// Key of the certificate in its data: PEM text, this certificate first; those that follow go to AWS as the chain.
    #[schemars(length(min = 1, max = 253))]
    #[serde(default = "tls_crt")]
    pub certificate_key: String,
    /// Key of the private key of the certificate in its data, PEM text without passphrase.
    #[schemars(length(min = 1, max = 253))]
    #[serde(default = "tls_key")]
    pub private_key_key: String,
    /// Key of further certificates of the chain in its data, which follow those behind the certificate. Absent, there are
    /// no further ones: ca.crt is not sent.
    #[schemars(length(min = 1, max = 253))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_chain_key: Option<String>,
}

/// The keys of cert-manager's Secrets, and of type kubernetes.io/tls.
fn tls_crt() -> String {
    "tls.crt".to_owned()
}

fn tls_key() -> String {
    "tls.key".to_owned()
}

/// How a renewed certificate takes the place of the one before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = resync::duration("notice", "0s", "2160h"))]
#[schemars(transform = resync::duration("overlap", "0s", "2160h"))]
pub struct Rotation {
    /// How long after its import a renewed certificate becomes active, 0s to 2160h (90 days), such as 168h: so long
    /// partners have to take it. Needed with secretRef; absent means 0s, which is right for a certificate of a partner,
    /// who uses it already. Less than 5 minutes counts as 5 minutes. The first certificate of an object is active at once.
    #[schemars(length(max = 18))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
    /// How long after that the old certificate stays active and in the profiles, 0s to 2160h, but not longer than it is
    /// valid. Absent means 24h, so that messages that were under way, or are sent again, are still understood.
    #[schemars(length(max = 18))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap: Option<String>,
}

/// What the certificate shall be. AWS cannot change one: where the certificate that is read is another, that one is
/// imported beside it, profiles that name this object get both, and the old one goes after its overlap.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "transfer-operator.dev",
    version = "v1alpha1",
    kind = "TransferCertificate",
    plural = "transfercertificates",
    shortname = "tcert",
    category = "transfer",
    namespaced,
    status = "TransferCertificateStatus",
    derive = "PartialEq",
    doc = "A certificate of AWS Transfer Family: with which messages by AS2 are signed or encrypted, by oneself or a partner.",
    validation = certificate_rules::REGION_IMMUTABLE,
    validation = certificate_rules::USAGE_IMMUTABLE,
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Usage", type_ = "string", json_path = ".spec.usage"),
    printcolumn(name = "Status", type_ = "string", json_path = ".status.certificateStatus"),
    printcolumn(name = "NotAfter", type_ = "string", json_path = ".status.notAfterDate"),
    printcolumn(name = "CertificateId", type_ = "string", json_path = ".status.certificateId"),
    printcolumn(name = "Drifted", type_ = "string", json_path = ".status.conditions[?(@.type==\"Drifted\")].status"),
    printcolumn(name = "Suspended", type_ = "string", json_path = ".status.conditions[?(@.type==\"Suspended\")].status"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = resync::written, transform = certificate_rules::certificate)]
#[schemars(transform = certificate_rules::DESCRIPTION.of("description"))]
pub struct TransferCertificateSpec {
    /// The AwsIdentity that AWS is called with: which account and whose credentials. It must grant this namespace
    /// the kind TransferCertificate.
    #[serde(default)]
    pub aws_identity_ref: IdentityRef,
    /// The region that the certificate lives in, which is that of the profiles that use it. Cannot be changed once it
    /// lives there.
    #[x_kube(validation = pattern::REGION)]
    #[schemars(length(max = 32))]
    pub region: String,
    /// True: nothing is changed in AWS, except that deletion goes on.
    #[serde(default)]
    pub suspend: bool,
    /// How often the certificate at rest is compared with its source and with AWS, on average: 1m to 24h, such as 10m or
    /// 1h30m. Absent means every 10 minutes, or as the operator is told by --resync-interval where that is more often.
    #[schemars(length(max = 18))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resync_interval: Option<String>,
    /// How much may be changed in AWS, and what deletion does.
    #[serde(default)]
    pub lifecycle: PlainLifecycle,
    /// Tags of the certificate in AWS, over those of its AwsIdentity. Tags that others set in AWS stay.
    #[schemars(schema_with = "rules::tags")]
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Whose profiles may refer to this certificate.
    #[serde(default)]
    pub allowed_references: AllowedReferences,

    /// What it is for: SIGNING, ENCRYPTION or TLS. Cannot be changed: AWS has no way to.
    #[schemars(extend("enum" = ["SIGNING", "ENCRYPTION", "TLS"]))]
    pub usage: String,
    /// The Secret with one's own certificate and its private key. Either this or configMapKeyRef.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<CertificateSecretRef>,
    /// Where a partner's certificate is read, which has no private key here: PEM text, this certificate first; those that
    /// follow go to AWS as the chain. Either this or secretRef.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map_key_ref: Option<ConfigMapKeyRef>,
    /// From when on it is used, in RFC 3339 form such as 2027-01-31T00:00:00Z. Absent means as soon as it is valid, or
    /// after rotation.notice where it is a renewed one, which never becomes active before that. A time before it is valid
    /// means when it is. What is in force stays in force: a later time is for the next one that is imported.
    #[x_kube(validation = pattern::RFC3339)]
    #[schemars(length(max = 40))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_date: Option<String>,
    /// Until when it is used, in RFC 3339 form such as 2027-01-31T00:00:00Z. Absent means as long as it is valid, and so
    /// does a time after that.
    #[x_kube(validation = pattern::RFC3339)]
    #[schemars(length(max = 40))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inactive_date: Option<String>,
    /// What to call it: 1 to 200 letters, digits and signs of ASCII, without blanks, such as signing-of-partner-inc. AWS has
    /// no way to clear it, only to put another one in its place: CannotClear.
    #[schemars(length(min = 1, max = 200))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How a renewed certificate takes the place of the one before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation: Option<Rotation>,
}

impl TransferCertificateSpec {
    /// How long after its import a renewed one becomes active.
    #[must_use]
    pub fn notice(&self) -> Duration {
        let said = self.rotation.as_ref().and_then(|rotation| rotation.notice.as_deref());
        resync::said(said).unwrap_or_default()
    }

    /// How long the old one stands beside the one that took its place.
    #[must_use]
    pub fn overlap(&self) -> Duration {
        let said = self.rotation.as_ref().and_then(|rotation| rotation.overlap.as_deref());
        resync::said(said).unwrap_or(OVERLAP)
    }
}

/// What is known of the certificate.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransferCertificateStatus {
    /// What all kinds have.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// Id in AWS. It is another one after each renewal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_id: Option<String>,
    /// ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// What it is for in AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<String>,
    /// AWS's word for how it is: ACTIVE, PENDING_ROTATION (not active yet) or INACTIVE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_status: Option<String>,
    /// CERTIFICATE or CERTIFICATE_WITH_PRIVATE_KEY.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
    /// Its serial number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// SHA-256 of the certificate, in hexadecimal digits, as openssl x509 -fingerprint -sha256 prints it without colons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// From when on it is valid (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before_date: Option<String>,
    /// Until when it is valid (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after_date: Option<String>,
    /// From when on AWS uses it (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_date: Option<String>,
    /// Until when AWS uses it (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inactive_date: Option<String>,
    /// While a renewed certificate takes the place of the one before. Profiles have the old one until certificateId is
    /// there, and both until overlapUntil.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replacing: Option<Replacing>,
    /// Until when the old certificate stays in the profiles (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap_until: Option<String>,
}

impl TransferCertificateStatus {
    /// The ids that profiles are to have, the one in force first: while a new one is made the old one alone, then both of
    /// them until the old one's overlap is over.
    #[must_use]
    pub fn in_profiles(&self, now: Timestamp) -> Vec<String> {
        let old = self.replacing.as_ref().filter(|replacing| match replacing.phase {
            ReplacingPhase::Creating => true,
            ReplacingPhase::Moving => self.overlap_end().is_none_or(|end| now < end),
            ReplacingPhase::Deleting => false,
        });
        self.certificate_id.iter().chain(old.map(|replacing| &replacing.old_id)).cloned().collect()
    }

    /// When something is due of the old one, or the new one becomes active.
    #[must_use]
    pub fn rotates_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.replacing.as_ref()?;
        let active = self.active_date.as_ref().and_then(|date| date.parse().ok());
        [self.overlap_end(), active].into_iter().flatten().filter(|at| *at > now).min()
    }

    /// When the old one leaves the profiles.
    #[must_use]
    pub fn overlap_end(&self) -> Option<Timestamp> {
        self.overlap_until.as_ref()?.parse().ok()
    }
}

impl Managed for TransferCertificate {
    const NOUN: &'static str = "certificate";

    from_its_members!(TransferCertificateStatus);

    fn replacing(status: &mut Self::Status) -> Option<&mut Option<Replacing>> {
        Some(&mut status.replacing)
    }

    fn references(&self) -> Vec<Reference> {
        let status = self.status.as_ref();
        let made = status.and_then(|status| status.certificate_id.clone());
        let old = status.and_then(|status| status.replacing.as_ref().map(|replacing| replacing.old_id.clone()));
        let ids = made.into_iter().chain(old).map(|id| Reference::Id(ManagedKind::TransferCertificate, id));
        let namespace = self.metadata.namespace.clone().unwrap_or_default();
        let source = self.spec.config_map_key_ref.iter();
        let source =
            source.map(|from| Reference::ConfigMap(Name { namespace: namespace.clone(), name: from.name.clone() }));
        let identity = Reference::Identity(self.spec.aws_identity_ref.name.clone());
        [identity].into_iter().chain(ids).chain(source).collect()
    }
}
