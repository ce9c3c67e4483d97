//! What may happen to what an object stands for: policies of management, deletion, adoption and disruption, as the
//! kinds share them. Pure types; it decides nothing about AWS.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{pattern, rules};

/// How much the operator may change in AWS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ManagementPolicy {
    /// Apply the spec and put right what drifted.
    #[default]
    Full,
    /// Apply edits of the spec, only report what changed in AWS.
    ReportDrift,
    /// Never change anything; report the difference.
    ObserveOnly,
}

/// What happens in AWS when this object is deleted: Delete (what absent means) or Retain, which leaves everything and
/// takes the owner tags off. Must be stated with adoption and with managementPolicy ObserveOnly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// Delete what the object manages.
    #[default]
    Delete,
    /// Leave it, and take the owner tags off.
    Retain,
}

/// How what already exists in AWS is taken over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AdoptionMode {
    /// Only if it equals the spec.
    #[default]
    IfIdentical,
    /// Then change it to what the spec says.
    Converge,
}

/// What to do when AWS no longer has the server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RecreatePolicy {
    /// Say so and wait for a person.
    #[default]
    Manual,
    /// Create a new one.
    Automatic,
}

/// When a change may take a server offline.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DisruptionMode {
    /// At once.
    #[default]
    Immediate,
    /// Inside the window.
    Window,
    /// Not at all.
    Never,
}

/// Whether a person says yes before something in use is stopped or replaced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Approval {
    /// Nobody is asked.
    #[default]
    None,
    /// It waits for the annotation.
    Required,
}

/// Taking over something that exists in AWS already.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = rules::adoption)]
pub struct Adoption {
    /// IfIdentical takes over only what already equals this spec (and has the tags of the identity), and else shows the
    /// difference in status.drift. Converge takes over, then changes it to match.
    #[serde(default)]
    pub mode: AdoptionMode,
    /// Id of the existing server. It must be listed in the serverIds of the identity's grant for this namespace.
    /// With managementPolicy ObserveOnly it is the server to look at, and mode does not count.
    #[x_kube(validation = pattern::SERVER_ID)]
    #[schemars(length(max = 19))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_id: Option<String>,
}

/// Taking over something that exists in AWS already and has an id of AWS's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct IdAdoption {
    /// IfIdentical takes over only what already equals this spec (and has the tags of the identity), and else shows the
    /// difference in status.drift. Converge takes over, then changes it to match.
    #[serde(default)]
    pub mode: AdoptionMode,
    /// The id that AWS gave it: of a workflow w-, of a profile p-, of a connector c-, of a certificate cert-, of a web
    /// app webapp- and 17 characters; of an agreement that of its server, a slash, and its own. It must be listed in the
    /// adoptableIds of the identity's grant for this namespace. With managementPolicy ObserveOnly it is what is looked
    /// at, and mode does not count.
    #[x_kube(validation = pattern::ADOPTABLE_ID)]
    #[schemars(length(max = 39))]
    pub id: String,
}

/// Taking over a user or an access that exists in AWS already, found by its key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyedAdoption {
    /// IfIdentical takes over only what already equals this spec (and has the tags of the identity), and else shows the
    /// difference in status.drift. Converge takes over, then changes it to match.
    #[serde(default)]
    pub mode: AdoptionMode,
}

/// The hours in which a server may be taken offline.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DisruptionWindow {
    /// Days on which the window opens: Mon, Tue, Wed, Thu, Fri, Sat, Sun. Absent means every day.
    #[x_kube(merge_strategy = ListMerge::Set)]
    #[schemars(
        length(min = 1, max = 7),
        extend("items" = { "type": "string", "enum": ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] })
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<Vec<String>>,
    /// When it opens, as HH:MM in timeZone.
    #[x_kube(validation = pattern::TIME_OF_DAY)]
    #[schemars(length(max = 5))]
    pub start: String,
    /// For how many minutes it stays open, 10 to 1440: stopping and starting a server takes minutes.
    #[schemars(range(min = 10, max = 1440))]
    pub duration_minutes: i32,
    /// IANA name of the time zone of start and days, such as Europe/Berlin.
    #[x_kube(validation = pattern::TIME_ZONE)]
    #[schemars(length(min = 1, max = 64))]
    #[serde(default = "utc")]
    pub time_zone: String,
}

fn utc() -> String {
    "UTC".to_owned()
}

/// When a change may take the server offline.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = rules::disruption)]
pub struct Disruption {
    /// Immediate, Window (only inside the window) or Never. A change that takes a stop of the server and may not be made
    /// yet stands in condition DisruptionPending, with when it may; everything else goes on, and Ready is about what is
    /// in force. What was begun is always brought to its end. A server that was never in use is not held up.
    #[serde(default)]
    pub mode: DisruptionMode,
    /// The window; needed with mode Window. Only the stop must lie in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<DisruptionWindow>,
}

/// Policies of a user or an access.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = rules::lifecycle)]
pub struct Lifecycle {
    /// Full applies the spec and puts drift right. ReportDrift applies the spec after each edit of it (or of a ConfigMap
    /// or Secret that it names), and in between only reports in status.drift what changed in AWS. ObserveOnly never
    /// changes anything, holds no finalizer and shows in status.drift what would be changed, as a plan. Reported
    /// differences set condition Drifted and leave Ready True.
    #[serde(default)]
    pub management_policy: ManagementPolicy,
    /// What happens in AWS when this object is deleted. Delete (what absent means) deletes it there too. Retain leaves
    /// everything in AWS as it is and takes the owner tags off, so that another object can take it over. Must be stated
    /// together with adoption or managementPolicy ObserveOnly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
    /// While true, the API server refuses to delete this object. To delete it, set this to false first. What the
    /// operator never began to create in AWS (it has no finalizer of the operator) can be deleted at any time.
    #[serde(default)]
    pub deletion_protection: bool,
    /// Take over what exists in AWS under the same key; what does not exist is created. Acts until it is this object's:
    /// for users until the owner tags were seen on it, for accesses until status records it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adoption: Option<KeyedAdoption>,
}

/// Policies of a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = rules::lifecycle)]
pub struct ServerLifecycle {
    /// Full applies the spec and puts drift right. ReportDrift applies the spec after each edit of it (or of a ConfigMap
    /// or Secret that it names), and in between only reports in status.drift what changed in AWS. ObserveOnly never
    /// changes anything, holds no finalizer and shows in status.drift what would be changed, as a plan. Reported
    /// differences set condition Drifted and leave Ready True.
    #[serde(default)]
    pub management_policy: ManagementPolicy,
    /// What happens in AWS when this object is deleted. Delete (what absent means) deletes it there too. Retain leaves
    /// everything in AWS as it is and takes the owner tags off, so that another object can take it over. Must be stated
    /// together with adoption or managementPolicy ObserveOnly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
    /// While true, the API server refuses to delete this object. To delete it, set this to false first. Deleting a
    /// server in AWS deletes its users and keys too. What the operator never began to create in AWS (it has no
    /// finalizer of the operator) can be deleted at any time.
    #[serde(default = "yes")]
    pub deletion_protection: bool,
    /// True: deleting the server in AWS may take along users and accesses that no object here stands for and that carry
    /// no owner tags of the operator. Objects of this cluster on it must go first all the same, and users with owner tags,
    /// of another object or cluster or left behind by Retain, hold the deletion back.
    #[serde(default)]
    pub force_delete_users: bool,
    /// Take over an existing server; none is ever created instead. Acts until the owner tags were seen on it, and again
    /// if they get lost. A server that carries the tags of another object is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adoption: Option<Adoption>,
    /// What to do when AWS no longer has the server: Manual says so and waits, Automatic creates a new one (with a new
    /// id, a new host name and, unless hostKeys lists them, new host keys), then its users and accesses anew.
    #[serde(default)]
    pub recreate_policy: RecreatePolicy,
    /// When a change may take the server offline.
    #[serde(default)]
    pub disruption: Disruption,
    /// None, or Required: a change that takes a stop of the server waits until annotation transfer-operator.dev/approve
    /// holds the hash of its plan. Condition DisruptionPending shows the hash and the command, status.plan the changes;
    /// everything else goes on. disruption counts as well: the stop is sent once both allow it. Another edit, or another
    /// difference in AWS, is another plan with another hash. What was begun is always brought to its end.
    #[serde(default)]
    pub approval: Approval,
}

impl Default for ServerLifecycle {
    fn default() -> Self {
        Self {
            management_policy: ManagementPolicy::default(),
            deletion_policy: None,
            deletion_protection: true,
            force_delete_users: false,
            adoption: None,
            recreate_policy: RecreatePolicy::default(),
            disruption: Disruption::default(),
            approval: Approval::default(),
        }
    }
}

/// Policies of what has an id of AWS's and is changed in place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = rules::lifecycle)]
pub struct PlainLifecycle {
    /// Full applies the spec and puts drift right. ReportDrift applies the spec after each edit of it, and in between only
    /// reports in status.drift what changed in AWS. ObserveOnly never changes anything, holds no finalizer and shows in
    /// status.drift what would be changed, as a plan. Reported differences set condition Drifted and leave Ready True.
    #[serde(default)]
    pub management_policy: ManagementPolicy,
    /// What happens in AWS when this object is deleted. Delete (what absent means) deletes it there too, once nothing
    /// uses it. Retain leaves everything in AWS as it is and takes the owner tags off. Must be stated together with
    /// adoption or managementPolicy ObserveOnly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
    /// While true, the API server refuses to delete this object. To delete it, set this to false first. What the
    /// operator never began to create in AWS (it has no finalizer of the operator) can be deleted at any time.
    #[serde(default)]
    pub deletion_protection: bool,
    /// Take over what exists in AWS already; nothing is ever created instead. Acts until the owner tags were seen on it,
    /// and again if they get lost. What carries the tags of another object is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adoption: Option<IdAdoption>,
    /// What to do when AWS no longer has what this object stands for: Manual says so and waits, Automatic creates a new
    /// one, with a new id.
    #[serde(default)]
    pub recreate_policy: RecreatePolicy,
}

/// `true`, where serde needs a path.
pub(super) fn yes() -> bool {
    true
}

/// How something that exists in AWS is taken over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TakeOver {
    /// Only if it is as the spec says, or then made so.
    pub mode: AdoptionMode,
    /// The id of AWS's; nothing where a key leads to it.
    pub id: Option<String>,
}

impl From<Adoption> for TakeOver {
    fn from(Adoption { mode, server_id }: Adoption) -> Self {
        Self { mode, id: server_id }
    }
}

impl From<IdAdoption> for TakeOver {
    fn from(IdAdoption { mode, id }: IdAdoption) -> Self {
        Self { mode, id: Some(id) }
    }
}

/// The policies of any managed kind, with defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policies {
    /// How much may be changed in AWS.
    pub management: ManagementPolicy,
    /// What deletion does in AWS.
    pub deletion: DeletionPolicy,
    /// Deletion of the object is refused.
    pub protected: bool,
    /// How an existing object of AWS is taken over, if at all.
    pub adoption: Option<TakeOver>,
    /// What to do when AWS no longer has it.
    pub recreate: RecreatePolicy,
    /// When it may be taken offline.
    pub disruption: Disruption,
    /// Whether a person says yes to what stops or replaces something.
    pub approval: Approval,
}

impl Policies {
    /// Whether nothing is ever changed.
    #[must_use]
    pub fn observes(&self) -> bool {
        self.management == ManagementPolicy::ObserveOnly
    }
}

impl From<&ServerLifecycle> for Policies {
    fn from(lifecycle: &ServerLifecycle) -> Self {
        Self {
            management: lifecycle.management_policy,
            deletion: lifecycle.deletion_policy.unwrap_or_default(),
            protected: lifecycle.deletion_protection,
            adoption: lifecycle.adoption.clone().map(TakeOver::from),
            recreate: lifecycle.recreate_policy,
            disruption: lifecycle.disruption.clone(),
            approval: lifecycle.approval,
        }
    }
}

impl From<&Lifecycle> for Policies {
    fn from(lifecycle: &Lifecycle) -> Self {
        Self {
            management: lifecycle.management_policy,
            deletion: lifecycle.deletion_policy.unwrap_or_default(),
            protected: lifecycle.deletion_protection,
            adoption: lifecycle.adoption.as_ref().map(|adoption| TakeOver { mode: adoption.mode, id: None }),
            recreate: RecreatePolicy::default(),
            disruption: Disruption::default(),
            approval: Approval::default(),
        }
    }
}

impl From<&PlainLifecycle> for Policies {
    fn from(lifecycle: &PlainLifecycle) -> Self {
        Self {
            management: lifecycle.management_policy,
            deletion: lifecycle.deletion_policy.unwrap_or_default(),
            protected: lifecycle.deletion_protection,
            adoption: lifecycle.adoption.clone().map(TakeOver::from),
            recreate: lifecycle.recreate_policy,
            disruption: Disruption::default(),
            approval: Approval::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use serde_json::json;

    #[test]
    fn servers_are_protected_by_default_and_logins_are_not() {
        let server: ServerLifecycle = serde_json::from_value(json!({})).unwrap();
        assert_eq!(server, ServerLifecycle::default());
        assert!(Policies::from(&server).protected);
        let login: Lifecycle = serde_json::from_value(json!({})).unwrap();
        assert_eq!(login, Lifecycle::default());
        assert!(!Policies::from(&login).protected);
        assert_eq!(Policies::from(&login).deletion, DeletionPolicy::Delete);
    }
}
