//! Status: what every kind records and reports. Pure types; who writes what when is the engine's.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The generation of a status that nobody has written yet: readers of `observedGeneration` then see the object as
/// in progress, where an absent one would pass for done.
pub const NEVER_OBSERVED: i64 = -1;

/// What this object itself has put into AWS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Applied {
    /// Paths of the spec that were applied. One that leaves the spec is cleared in AWS.
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// Keys of the tags that were set.
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Keyed hashes of members that AWS never returns, so that an edit is seen; of agreements and connectors the profiles
    /// that were sent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hashes: BTreeMap<String, String>,
    /// Digest of what was wanted when everything was last as wanted. Differs as long as an edit is not applied in full.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Digest of what a listing of AWS showed of it then. As long as listings show the same, a start of the operator does
    /// not look at it in full at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listed: Option<String>,
}

/// What stands between a member and a profile that was sent for it.
const SENT: &str = "ProfileId#";

/// Behind a profile that was sent and is wanted no more; what stands there is since when.
pub const LEFT: &str = "#left";

/// Under which of the hashes it is recorded that a call names, or named, this profile as this member.
#[must_use]
pub fn sent_profile(member: &str, id: &str) -> String {
    format!("{member}#{id}")
}

impl Applied {
    /// Ids of the profiles that calls named whose outcome may not have been seen yet.
    pub fn sent_profiles(&self) -> impl Iterator<Item = &str> {
        self.hashes.keys().filter_map(|key| key.split_once(SENT)?.1.split('#').next())
    }
}

/// How far a create is known to have gone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum CreatePhase {
    /// Nothing was sent, or nothing was made.
    #[default]
    None,
    /// It may have been sent; whether it took effect is not known.
    InFlight,
    /// AWS refused it and made nothing, or it was not sent after all.
    Rejected,
}

/// Written before a create, so that what it made is found again whatever happens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateRecord {
    /// UID of the object that the create is for.
    pub uid: String,
    /// None, InFlight or Rejected.
    pub phase: CreatePhase,
    /// Identifies one attempt; stands as a tag on what it made. For an access that was taken over it says "adopted".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<String>,
    /// When the attempt was signed, on AWS's clock (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// Account that it was sent to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// Region that it was sent to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Hash of the spec that it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec_hash: Option<String>,
    /// Ids of servers that AWS no longer had, and that this object let go of for another one. They are never taken for
    /// this object's server again.
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<String>,
}

/// How far something that AWS cannot change is replaced by a new one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ReplacingPhase {
    /// The new one may have been made; the old one is in force.
    #[default]
    Creating,
    /// The new one is there, and what uses the old one moves to it. Should the new one get lost, the old one is in force
    /// again.
    Moving,
    /// Nothing uses the old one any more: it is being deleted, and never in force again.
    Deleting,
}

/// Written in one piece with the attempt of the new one, so that exactly two of one object are ever there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Replacing {
    /// Id of the old one. Whatever uses this object goes on using it until the id of the new one is there.
    pub old_id: String,
    /// Identifies the attempt to make the one that was made last; stands as a tag on it.
    pub attempt: String,
    /// Creating: the new one is being made. Moving: what uses the old one moves to it. Deleting: nothing uses the old one
    /// any more, and AWS deletes it.
    pub phase: ReplacingPhase,
    /// When the two last changed places, as what was replaced was wanted again before it was gone (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub swapped_at: Option<String>,
}

/// What a sequence of several calls is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum OperationKind {
    /// A change that AWS takes only while it is OFFLINE, or that counts only after a restart.
    #[default]
    Offline,
    /// What a create does not take is set before it is used for the first time.
    Create,
}

/// How far a sequence of several calls is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum OperationPhase {
    /// The stop may have been sent.
    #[default]
    Stopping,
    /// It was seen OFFLINE, and is being changed.
    Stopped,
    /// AWS refused the change, or it may not be made any more: what was taken off before is put back.
    TakingBack,
    /// Nothing is left to change: it is being started.
    Starting,
    /// It runs, and no stop is sent any more; should one that was sent still arrive, it is started again.
    Withdrawn,
    /// It runs again, and what AWS refused is not tried again before an edit.
    GivenUp,
}

/// A sequence of several calls that is under way. It is written before the first of them, so that whatever was stopped
/// is started again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct OperationRecord {
    /// Offline: a change that takes a stop. Create: what a create does not take, before anybody uses it.
    pub kind: OperationKind,
    /// Stopping: the stop may have been sent. Stopped: it is OFFLINE and being changed. TakingBack: what was taken off is
    /// put back, as AWS refused the change or it may not be made any more. Starting: it is being started. Withdrawn: it
    /// runs and no stop is sent any more; the record goes once none can arrive, after 17 minutes. GivenUp: it runs again,
    /// and what AWS refused waits for an edit.
    #[serde(default)]
    pub phase: OperationPhase,
    /// Since when, on AWS's clock (RFC 3339). Withdrawn and GivenUp: since when no stop is sent any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// The state to return to at the end, and as long as a stop that was sent may still arrive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior_state: Option<String>,
    /// How often it was stopped for this: once more where somebody started it in between.
    #[serde(default)]
    pub stops: i32,
    /// Allocation ids of the elastic IPs that it had before, in the order of priorSubnetIds.
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prior_address_allocation_ids: Vec<String>,
    /// The subnets that it had before.
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prior_subnet_ids: Vec<String>,
    /// The fields that were still to be changed when this was written. For people; nothing goes by it.
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remaining: Vec<String>,
    /// Why the change was given up, in AWS's words where they are AWS's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// Digest of what was wanted then. Another one is tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_digest: Option<String>,
    /// The plan that was approved when it was stopped for it: what was begun is brought to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_hash: Option<String>,
}

impl OperationRecord {
    /// Whether it was begun and is brought to its end.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        !matches!(self.phase, OperationPhase::GivenUp | OperationPhase::Withdrawn)
    }

    /// Since when no stop is sent for it any more, as long as one may still arrive.
    #[must_use]
    pub fn quiet_since(&self) -> Option<&str> {
        self.started_at.as_deref().filter(|_| self.guards() && !self.goes_on())
    }

    /// Whether what it stopped, or what a stop of it still reaches, is to be started again.
    #[must_use]
    pub fn guards(&self) -> bool {
        self.phase != OperationPhase::GivenUp || self.prior_state.is_some()
    }
}

/// A host key that a server shows to clients of its type.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostKeyFingerprint {
    /// Type, as AWS names it: ssh-ed25519, ssh-rsa, ecdsa-sha2-nistp256.
    pub r#type: String,
    /// SHA-256 fingerprint, as ssh-keygen prints it.
    pub fingerprint: String,
}

/// What a partner is given of the server that a user or an access is on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerFacts {
    /// Where clients connect to: the custom host name, else the name that AWS gives a public server, else the id of the VPC
    /// endpoint. It follows a change at one of the next resyncs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The host keys that the server shows to clients, one of each type, for partners to pin. With serverRef only; it
    /// follows a change within a resync.
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".to_owned()]))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub host_key_fingerprints: Vec<HostKeyFingerprint>,
}

/// One difference between the spec and AWS. Never a secret: keys stand there by name and fingerprint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// Path of the field; spec alone stands for the whole object, which AWS does not have.
    pub path: String,
    /// What the spec wants, cut where it is long; absent means nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub want: Option<String>,
    /// What AWS has, cut where it is long; absent means nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub have: Option<String>,
}

/// What a change does to the server that carries it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Effect {
    /// In place.
    #[default]
    Live,
    /// Accepted at any time, takes effect after a stop and start.
    Restart,
    /// Only while the server is OFFLINE.
    Offline,
    /// Through EC2, not through Transfer.
    Ec2,
    /// Only by a new object.
    Replace,
    /// Not at all.
    Refused,
}

impl Effect {
    /// Whether it stops what is in use, replaces it, or cannot be had.
    #[must_use]
    pub const fn is_told_before(self) -> bool {
        match self {
            Self::Live | Self::Ec2 => false,
            Self::Restart | Self::Offline | Self::Replace | Self::Refused => true,
        }
    }
}

/// One change that is going to be made. Never a secret: keys stand there by name and fingerprint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedChange {
    /// Path of the field.
    pub field: String,
    /// What AWS has, cut where it is long; absent means nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub have: Option<String>,
    /// What the spec wants, cut where it is long; absent means nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub want: Option<String>,
    /// Live: in place. Restart: the server is stopped and started, so that it counts. Offline: the server is stopped for
    /// it. Ec2: at the VPC endpoint, in place. Replace: a new workflow takes the place of the old one; of a server it is
    /// not made. Refused: AWS cannot do it, and nothing is sent.
    pub effect: Effect,
    /// In which order they are made: those of one step go together. Absent where nothing is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<i32>,
}

/// A field that the spec does not set and that somebody set in AWS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unset {
    /// Path of the field.
    pub field: String,
    /// What AWS has, cut where it is long.
    pub have: String,
}

/// The part of the status that all managed kinds have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommonStatus {
    /// The generation of the spec that this status is about; -1 until it was first looked at.
    #[serde(default = "never_observed")]
    pub observed_generation: i64,
    /// Ready, Reconciling, Stalled, Drifted, Advisory, Suspended. Drifted says that AWS differs from the spec and is
    /// left so; it does not touch Ready, which stays True where only looking is asked for.
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".to_owned()]))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The AWS account that it lives in; pinned once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// The region that it lives in; pinned once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Name of the AwsIdentity that was used; a user may outlive its server object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws_identity: Option<String>,
    /// What this object has put into AWS: names of fields and tags, never values.
    // One value of one writer. Were it merged member by member, an apply that takes the last member out would leave null
    // instead of an empty object, which the API server then refuses.
    #[x_kube(merge_strategy = MapMerge::Atomic)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<Applied>,
    /// The record of the create.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    // Most objects have none, and its room would be held a thousand times over.
    pub create: Option<Box<CreateRecord>>,
    /// The record of a sequence that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    // See `create`.
    pub operation: Option<Box<OperationRecord>>,
    /// Where AWS differs from the spec and is left so, the first 20 differences: with managementPolicy ObserveOnly what
    /// would be changed, with ReportDrift what changed in AWS by itself, with adoption IfIdentical what stands against
    /// it. Condition Drifted counts them all.
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<Drift>,
    /// What is going to be changed, the first 50 changes: written before the first call of an edit of which something
    /// takes a stop, replaces something or cannot be done, and gone once all of it is in force. An edit that is made in
    /// place has none. With managementPolicy ObserveOnly and ReportDrift it shows what would be done about drift.
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plan: Vec<PlannedChange>,
    /// How many changes there are in all, where plan shows only the first of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_count: Option<i32>,
    /// Fields that the spec does not set and that somebody set in AWS, other than AWS's defaults. They are left alone and
    /// are no drift: to take one over, put it into the spec; to take it out, put it there first or do it in AWS.
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unset: Vec<Unset>,
    /// Names of the ConfigMaps that this object writes. One that the spec names no more is deleted, if it belongs to this
    /// object.
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub config_maps: Vec<String>,
    /// The value of the annotation transfer-operator.dev/reconcile-at that was acted on last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
}

impl CommonStatus {
    /// The account in which something of the object is, or may be: its create may have been sent there.
    #[must_use]
    pub fn recorded_account(&self) -> Option<&String> {
        self.account_id.as_ref().or_else(|| self.create.as_ref()?.account_id.as_ref())
    }
}

impl Default for CommonStatus {
    fn default() -> Self {
        Self {
            observed_generation: NEVER_OBSERVED,
            conditions: Vec::new(),
            account_id: None,
            region: None,
            aws_identity: None,
            applied: None,
            create: None,
            operation: None,
            drift: Vec::new(),
            plan: Vec::new(),
            plan_count: None,
            unset: Vec::new(),
            config_maps: Vec::new(),
            last_handled_reconcile_at: None,
        }
    }
}

pub(super) fn never_observed() -> i64 {
    NEVER_OBSERVED
}
