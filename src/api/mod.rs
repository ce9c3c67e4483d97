//! What a person writes: the six kinds, their rules and their status. Pure types; it imports nothing from the rest
//! of the crate and does no I/O.
#![allow(
    clippy::doc_markdown,
    reason = "comments on fields are what kubectl explain prints, where back-ticks are noise"
)]
#![allow(clippy::duplicated_attributes, reason = "it takes two columns of one type for a repetition")]

use std::fmt::Debug;
use std::time::Duration;

use kube::core::{ApiResource, NamespaceResourceScope};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use access::{TransferAccess, TransferAccessSpec, TransferAccessStatus};
pub use agreement::{TransferAgreement, TransferAgreementSpec, TransferAgreementStatus};
pub use certificate::{TransferCertificate, TransferCertificateSpec, TransferCertificateStatus};
pub use connector::{TransferConnector, TransferConnectorSpec, TransferConnectorStatus};
pub use crd::all_crds;
pub use identity::{AwsIdentity, AwsIdentitySpec, AwsIdentityStatus};
pub use lifecycle::Policies;
pub use profile::{TransferProfile, TransferProfileSpec, TransferProfileStatus};
pub use references::{Name, Reference};
pub use server::{TransferServer, TransferServerSpec, TransferServerStatus};
pub use status::{CommonStatus, Replacing};
pub use user::{TransferUser, TransferUserSpec, TransferUserStatus};
pub use web_app::{TransferWebApp, TransferWebAppSpec, TransferWebAppStatus};
pub use workflow::{TransferWorkflow, TransferWorkflowSpec, TransferWorkflowStatus};

/// What every kind answers from members of the same names.
macro_rules! from_its_members {
    ($status:ty) => {
        type Status = $status;

        fn suspend(&self) -> bool {
            self.spec.suspend
        }

        fn resync_interval(&self) -> Option<std::time::Duration> {
            crate::api::resync::interval(self.spec.resync_interval.as_deref())
        }

        fn policies(&self) -> crate::api::Policies {
            crate::api::Policies::from(&self.spec.lifecycle)
        }

        fn status(&self) -> Option<&$status> {
            self.status.as_ref()
        }

        fn common(status: &$status) -> &crate::api::CommonStatus {
            &status.common
        }

        fn common_mut(status: &mut $status) -> &mut crate::api::CommonStatus {
            &mut status.common
        }

        fn spec_json(&self) -> serde_json::Value {
            crate::api::json(&self.spec)
        }
    };
}

/// `TransferAccess`.
pub(crate) mod access;
/// `TransferAgreement`.
pub(crate) mod agreement;
mod agreement_rules;
/// `TransferCertificate`.
pub(crate) mod certificate;
mod certificate_rules;
/// Conditions and the rules by which they change.
pub mod condition;
/// `TransferConnector`.
pub mod connector;
mod connector_rules;
/// From derived schemas to the CRDs that are installed.
pub(crate) mod crd;
/// `AwsIdentity`.
pub(crate) mod identity;
mod key_rules;
/// Policies.
pub(crate) mod lifecycle;
/// What a login may do.
pub(crate) mod login;
/// A trial login at the identity provider of a server.
pub(crate) mod login_test;
/// Who may name what.
pub(crate) mod namespaces;
/// How specs name other objects.
pub(crate) mod object_ref;
mod pattern;
/// `TransferProfile`.
pub(crate) mod profile;
mod profile_rules;
/// Policies of what has an address.
pub(crate) mod protected;
/// What objects refer to.
pub(crate) mod references;
mod resync;
mod rules;
/// `TransferServer`.
pub mod server;
/// AWS's nested structures.
pub mod shapes;
/// What every status has.
pub mod status;
/// `TransferUser`.
pub(crate) mod user;
/// `TransferWebApp`.
pub mod web_app;
mod web_app_rules;
/// `TransferWorkflow`.
pub mod workflow;
mod workflow_rules;
/// The CRDs as YAML.
pub mod yaml;

/// API group of all kinds.
pub const GROUP: &str = "transfer-operator.dev";
/// API version of all kinds.
pub const VERSION: &str = "v1alpha1";
/// The finalizer of managed kinds and identities.
pub const FINALIZER: &str = "transfer-operator.dev/finalizer";
/// An installation that watches only some namespaces holds an identity with a finalizer of its own, which begins so.
pub const IN_USE: &str = "transfer-operator.dev/in-use-";
/// Annotation: any new value means "reconcile now".
pub const RECONCILE_AT: &str = "transfer-operator.dev/reconcile-at";
/// Annotation: the hash of the plan that a person approves.
pub const APPROVE: &str = "transfer-operator.dev/approve";
/// Annotation of an AwsIdentity by which a person allows that many of its objects are deleted at once.
pub const ALLOW_DELETIONS: &str = "transfer-operator.dev/allow-deletions";
/// Annotation of a server: fingerprints of host keys that were replaced in their Secrets and may go.
pub const CONFIRM_HOST_KEY: &str = "transfer-operator.dev/confirm-host-key";
/// The type that a Secret with a host key must have: the operator reads no other.
pub const HOST_KEY_SECRET_TYPE: &str = "transfer-operator.dev/host-key";
/// The label, with value "true", that a Secret with a certificate must have: the operator reads no other for one.
pub const CERTIFICATE_LABEL: &str = "transfer-operator.dev/certificate";
/// The type that a Secret with the password of a trial login must have.
pub const LOGIN_PASSWORD_SECRET_TYPE: &str = "transfer-operator.dev/login-password";

/// All tag keys of ours begin so; nobody may set them in a spec.
pub const TAG_PREFIX: &str = "transfer-operator.dev/";
/// Tag: which cluster owns it.
pub const TAG_CLUSTER: &str = "transfer-operator.dev/cluster";
/// Tag: namespace and name of the object that owns it.
pub const TAG_OWNER: &str = "transfer-operator.dev/owner";
/// Tag: UID of the object that owns it.
pub const TAG_UID: &str = "transfer-operator.dev/uid";
/// Tag: the attempt that created it.
pub const TAG_ATTEMPT: &str = "transfer-operator.dev/attempt";
/// Tag: who left it behind on purpose.
pub const TAG_RETAINED_FROM: &str = "transfer-operator.dev/retained-from";
/// Tag: when it was left behind.
pub const TAG_RETAINED_AT: &str = "transfer-operator.dev/retained-at";
/// Tag in which AWS records a custom host name.
pub const TAG_CUSTOM_HOSTNAME: &str = "transfer:customHostname";
/// Tag in which AWS records the zone of a custom host name.
pub const TAG_HOSTED_ZONE_ID: &str = "transfer:route53HostedZoneId";

/// The one list of the kinds that stand for something in AWS, each with the plural of its everyday name. It is handed to
/// the macro of that name, and whatever goes by kind is made of it: a kind that stands here and lacks something does not
/// compile, and one that does not stand here cannot be [`Managed`].
#[macro_export]
macro_rules! with_kinds {
    ($then:ident) => {
        $then! {
            servers: TransferServer,
            users: TransferUser,
            accesses: TransferAccess,
            workflows: TransferWorkflow,
            profiles: TransferProfile,
            connectors: TransferConnector,
            agreements: TransferAgreement,
            certificates: TransferCertificate,
            web_apps: TransferWebApp,
        }
    };
}

macro_rules! managed_kinds {
    ($($plural:ident: $kind:ident,)+) => {
        /// The kinds that a grant can name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        pub enum ManagedKind {
            $(#[doc = concat!("`", stringify!($kind), "`.")] $kind,)+
        }

        impl ManagedKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$kind),+];

            /// How the API server knows it.
            #[must_use]
            pub fn resource(self) -> ApiResource {
                match self {
                    $(Self::$kind => ApiResource::erase::<$kind>(&()),)+
                }
            }

            /// The everyday word for what it stands for in AWS.
            #[must_use]
            pub const fn noun(self) -> &'static str {
                match self {
                    $(Self::$kind => $kind::NOUN,)+
                }
            }

            /// As objects say it in `kind`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => stringify!($kind),)+
                }
            }
        }

        $(impl Listed for $kind {
            const KIND: ManagedKind = ManagedKind::$kind;
        })+
    };
}
with_kinds!(managed_kinds);

/// A kind of [the one list](with_kinds), which alone makes it so.
pub trait Listed {
    /// Which one.
    const KIND: ManagedKind;
}

/// What the engine needs of any kind that stands for something in AWS.
pub trait Managed:
    Listed
    + kube::Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Clone
    + Debug
    + Serialize
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
    /// The everyday word for what it stands for in AWS, as messages and metrics say it.
    const NOUN: &'static str;

    /// Whether an account has tens of thousands of them, so that caches hold them in little room.
    const MANY: bool = false;

    /// The kind's status.
    type Status: Default + Clone + PartialEq + Serialize + DeserializeOwned + Debug + Send + Sync;

    /// Nothing may be changed in AWS except deletion.
    fn suspend(&self) -> bool;
    /// How often it is compared with AWS, where the spec says so; `None` means as often as the operator is told.
    fn resync_interval(&self) -> Option<Duration>;
    /// The policies, with defaults filled in.
    fn policies(&self) -> Policies;
    /// The status, if it was ever written.
    fn status(&self) -> Option<&Self::Status>;
    /// The part of a status that all kinds have.
    fn common(status: &Self::Status) -> &CommonStatus;
    /// The same, to be changed.
    fn common_mut(status: &mut Self::Status) -> &mut CommonStatus;
    /// Where the status of a kind that AWS cannot change records its replacement; nothing for a kind that is never
    /// replaced.
    #[must_use]
    fn replacing(_: &mut Self::Status) -> Option<&mut Option<Replacing>> {
        None
    }
    /// The spec as JSON, as it stands in the object.
    fn spec_json(&self) -> serde_json::Value;
    /// What the spec names, its identity first, and what status says of where it is in AWS. The same thing may be there
    /// twice. [`references::all`] adds what is the same for every kind.
    fn references(&self) -> Vec<Reference>;
}

/// A spec as JSON. Specs hold only strings, numbers, lists and string-keyed maps, which always serialize.
fn json(spec: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(spec).unwrap_or_default()
}
