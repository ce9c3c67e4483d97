//! Conditions: their types, their reasons, and the pure rules by which a list of them changes.
//! Which condition holds when is the engine's to decide.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;

/// Condition types.
pub mod types {
    /// The object is as the spec wants it.
    pub const READY: &str = "Ready";
    /// Work is under way or is waiting for something that comes by itself. Present only while true.
    pub const RECONCILING: &str = "Reconciling";
    /// A person has to act. Present only while true.
    pub const STALLED: &str = "Stalled";
    /// AWS differs from the spec and is left so. For information: Ready does not depend on it. Present only while true.
    pub const DRIFTED: &str = "Drifted";
    /// A change stops or replaces something and may not do so yet. Ready is about what is in force. Present only while true.
    pub const DISRUPTION_PENDING: &str = "DisruptionPending";
    /// The login that the spec asks to be tried was let in, or was not. Ready does not depend on it.
    pub const LOGIN_VERIFIED: &str = "LoginVerified";
    /// The connection to a partner that was tried was made, or was not. Ready does not depend on it.
    pub const CONNECTION_VERIFIED: &str = "ConnectionVerified";
    /// Something is worth a look and blocks nothing. Present only while true.
    pub const ADVISORY: &str = "Advisory";
    /// Nothing is changed in AWS because the spec says so. Present only while true.
    pub const SUSPENDED: &str = "Suspended";
    /// AWS has servers or users with our tags and no object here. Present only while true.
    pub const ORPHANS_FOUND: &str = "OrphansFound";
    /// So many objects of an identity are being deleted at once that a person is asked first. Present only while true.
    pub const DELETIONS_HELD: &str = "DeletionsHeld";
}

/// Reasons of conditions and Events. `docs/reasons.md` has them all for users.
pub mod reasons {
    /// As the spec wants it, checked in AWS.
    pub const AVAILABLE: &str = "Available";
    /// The server is OFFLINE, as the spec wants it.
    pub const OFFLINE: &str = "Offline";
    /// Looked at only; nothing is changed.
    pub const OBSERVED: &str = "Observed";
    /// Whether an earlier create took effect is being found out.
    pub const RECOVERING: &str = "Recovering";
    /// Being changed.
    pub const UPDATING: &str = "Updating";
    /// Being deleted.
    pub const DELETING: &str = "Deleting";
    /// The server is being started.
    pub const STARTING: &str = "Starting";
    /// The server is being stopped.
    pub const STOPPING: &str = "Stopping";
    /// The server has no id yet.
    pub const WAITING_FOR_SERVER: &str = "WaitingForServer";
    /// AWS is in a state that passes by itself.
    pub const WAITING_FOR_AWS: &str = "WaitingForAws";
    /// Something that the object refers to is not ready.
    pub const DEPENDENCY_NOT_READY: &str = "DependencyNotReady";
    /// The server is absent or does not admit this namespace; which of the two is not said.
    pub const SERVER_NOT_AVAILABLE: &str = "ServerNotAvailable";
    /// A ConfigMap or Secret is missing, empty or unreadable.
    pub const SOURCE_NOT_READY: &str = "SourceNotReady";
    /// A Secret is not of the type that host keys must have.
    pub const WRONG_SECRET_TYPE: &str = "WrongSecretType";
    /// No identity, or none that grants this.
    pub const IDENTITY_DENIED: &str = "IdentityDenied";
    /// The identity cannot be used yet: its credentials or account failed the check.
    pub const IDENTITY_NOT_READY: &str = "IdentityNotReady";
    /// The identity does not let this namespace pass the role.
    pub const ROLE_NOT_GRANTED: &str = "RoleNotGranted";
    /// The identity does not let this namespace have AWS read the secret.
    pub const SECRET_NOT_GRANTED: &str = "SecretNotGranted";
    /// The grant was there and is gone.
    pub const GRANT_REVOKED: &str = "GrantRevoked";
    /// AWS no longer has the server.
    pub const SERVER_GONE: &str = "ServerGone";
    /// Another object holds this user name.
    pub const USER_NAME_TAKEN: &str = "UserNameTaken";
    /// Another object holds this external id.
    pub const EXTERNAL_ID_TAKEN: &str = "ExternalIdTaken";
    /// It exists in AWS and is not ours.
    pub const CONFLICT: &str = "Conflict";
    /// What is to be taken over differs from the spec, and only what is identical may be.
    pub const NOT_IDENTICAL: &str = "NotIdentical";
    /// AWS has one that belonged to an earlier object of this name.
    pub const FORMER_OWNER: &str = "FormerOwner";
    /// It is tagged as ours by another cluster.
    pub const OTHER_CLUSTER: &str = "OtherCluster";
    /// Our tags are gone from it.
    pub const OWNERSHIP_LOST: &str = "OwnershipLost";
    /// Two servers in AWS carry this object's tags.
    pub const AMBIGUOUS: &str = "Ambiguous";
    /// The spec does not fit the server that it is for.
    pub const INVALID_FOR_SERVER: &str = "InvalidForServer";
    /// The spec contradicts itself in a way that admission could not see.
    pub const INVALID_SPEC: &str = "InvalidSpec";
    /// A field left the spec and AWS has no way to clear it.
    pub const CANNOT_CLEAR: &str = "CannotClear";
    /// A field was changed that AWS cannot change.
    pub const IMMUTABLE: &str = "Immutable";
    /// The reference now leads to another server.
    pub const SERVER_CHANGED: &str = "ServerChanged";
    /// The reference now leads to another account.
    pub const ACCOUNT_CHANGED: &str = "AccountChanged";
    /// The region differs from the one that it lives in.
    pub const REGION_CHANGED: &str = "RegionChanged";
    /// The account of the credentials is not the one that the identity names.
    pub const ACCOUNT_MISMATCH: &str = "AccountMismatch";
    /// Deletion waits for something or is refused.
    pub const DELETION_BLOCKED: &str = "DeletionBlocked";
    /// The object went, and something that may be its own stays in AWS. Of an Event only.
    pub const LEFT_IN_AWS: &str = "LeftInAws";
    /// So many objects of one identity are being deleted at once that a person is asked first.
    pub const DELETIONS_HELD: &str = "DeletionsHeld";
    /// The spec protects the object from deletion.
    pub const DELETION_PROTECTED: &str = "DeletionProtected";
    /// AWS refused what the spec says.
    pub const REJECTED: &str = "Rejected";
    /// AWS refused the caller.
    pub const ACCESS_DENIED: &str = "AccessDenied";
    /// AWS has a quota in the way.
    pub const QUOTA_EXCEEDED: &str = "QuotaExceeded";
    /// AWS asks for fewer calls.
    pub const THROTTLED: &str = "Throttled";
    /// AWS cannot be reached or fails.
    pub const AWS_UNAVAILABLE: &str = "AwsUnavailable";
    /// The server failed to start.
    pub const START_FAILED: &str = "StartFailed";
    /// The server failed to stop.
    pub const STOP_FAILED: &str = "StopFailed";
    /// AWS could not be asked for too long.
    pub const VERIFICATION_OVERDUE: &str = "VerificationOverdue";
    /// The object does not fit this version's type: it was stored under another version of the CRD.
    pub const UNDECODABLE: &str = "Undecodable";
    /// A reconcile ended in a defect of ours; it is tried again.
    pub const INTERNAL_ERROR: &str = "InternalError";
    /// AWS differs from the spec.
    pub const DRIFT_DETECTED: &str = "DriftDetected";
    /// AWS differed from the spec though nobody edited it, and was put right. Of an Event only.
    pub const DRIFT_CORRECTED: &str = "DriftCorrected";
    /// AWS had lost it, and it was made again. Of an Event only.
    pub const RECREATED: &str = "Recreated";
    /// AWS cannot change it, so it was made anew. Of an Event only.
    pub const REPLACED: &str = "Replaced";
    /// The spec says so.
    pub const SUSPENDED: &str = "Suspended";
    /// The security policy of the server is an old one.
    pub const OLD_SECURITY_POLICY: &str = "OldSecurityPolicy";
    /// The identity provider of the server asks nobody for users that AWS keeps for it.
    pub const USERS_LEFT_BEHIND: &str = "UsersLeftBehind";
    /// A workflow runs on uploads and no role writes its log.
    pub const WORKFLOW_NOT_LOGGED: &str = "WorkflowNotLogged";
    /// The identity provider lets the login in that the spec asks to be tried.
    pub const LOGIN_ACCEPTED: &str = "LoginAccepted";
    /// It does not.
    pub const LOGIN_REFUSED: &str = "LoginRefused";
    /// There is no identity provider that could be asked.
    pub const LOGIN_NOT_TESTABLE: &str = "LoginNotTestable";
    /// AWS did not carry the test of a login out.
    pub const LOGIN_NOT_TESTED: &str = "LoginNotTested";
    /// AWS says that a connector is ERRORED.
    pub const CONNECTOR_ERRORED: &str = "ConnectorErrored";
    /// The partner lets the connector in.
    pub const CONNECTED: &str = "Connected";
    /// The partner does not let the connector in, or is not reached.
    pub const CONNECTION_FAILED: &str = "ConnectionFailed";
    /// The partner shows a host key that the connector does not trust.
    pub const HOST_KEY_NOT_TRUSTED: &str = "HostKeyNotTrusted";
    /// AWS did not carry the test of a connection out.
    pub const CONNECTION_NOT_TESTED: &str = "ConnectionNotTested";
    /// A ConfigMap that the spec names belongs to somebody else.
    pub const CONFIG_MAP_NOT_OURS: &str = "ConfigMapNotOurs";
    /// A ConfigMap may not be written.
    pub const CONFIG_MAP_FORBIDDEN: &str = "ConfigMapForbidden";
    /// The Secret of a listed host key holds another key than before.
    pub const HOST_KEY_REPLACED: &str = "HostKeyReplaced";
    /// A workflow runs on uploads that no spec names.
    pub const WORKFLOW_UNSET: &str = "WorkflowUnset";
    /// The spec lists a host key that clients are not shown.
    pub const HOST_KEY_NOT_ACTIVE: &str = "HostKeyNotActive";
    /// A session policy uses a variable that AWS does not fill in for this login.
    pub const POLICY_VARIABLE: &str = "PolicyVariable";
    /// A user has the name root.
    pub const ROOT_USER: &str = "RootUser";
    /// A user has no SSH key.
    pub const NO_KEYS: &str = "NoKeys";
    /// An SSH key expires soon or has expired.
    pub const KEYS_EXPIRING: &str = "KeysExpiring";
    /// A certificate ends soon, or is not used, and nothing takes its place.
    pub const CERTIFICATE_EXPIRING: &str = "CertificateExpiring";
    /// The spec speaks of SSH public keys no more, and AWS has some that this object put there.
    pub const KEYS_LEFT_BEHIND: &str = "KeysLeftBehind";
    /// A Secret or key cannot be parsed.
    pub const INVALID_KEY: &str = "InvalidKey";
    /// A change takes a stop, and the window for that is not open.
    pub const OUTSIDE_WINDOW: &str = "OutsideWindow";
    /// A change takes a stop, and the spec allows none.
    pub const DISRUPTION_NEVER: &str = "DisruptionNever";
    /// A change stops or replaces something, and nobody has approved its plan.
    pub const APPROVAL_REQUIRED: &str = "ApprovalRequired";
    /// AWS refused a change that took a stop; the server runs as before, and an edit tries again.
    pub const CHANGE_REFUSED: &str = "ChangeRefused";
    /// The server was OFFLINE for a change and runs again. Of an Event only.
    pub const DISRUPTED: &str = "Disrupted";
    /// AWS has servers or users with our tags and no object here.
    pub const ORPHANS_FOUND: &str = "OrphansFound";
    /// Objects still use the identity.
    pub const IN_USE: &str = "InUse";
    /// The identity was verified.
    pub const VERIFIED: &str = "Verified";
}

/// The longest message that is kept, in bytes. AWS's own texts and a few names fit; a status is no place for more.
const MESSAGE_LIMIT: usize = 4096;

/// All of [`types`]. In this order they stand in the list: kstatus takes the first that speaks, people read the first line.
pub const ORDER: [&str; 11] = [
    types::READY,
    types::RECONCILING,
    types::STALLED,
    types::DRIFTED,
    types::DISRUPTION_PENDING,
    types::LOGIN_VERIFIED,
    types::CONNECTION_VERIFIED,
    types::ADVISORY,
    types::SUSPENDED,
    types::ORPHANS_FOUND,
    types::DELETIONS_HELD,
];

/// The three values of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// Nobody knows.
    Unknown,
}

impl ConditionStatus {
    /// As it stands in a condition.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// What a condition shall say, without the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCondition {
    /// One of [`types`].
    pub r#type: &'static str,
    /// Whether it holds.
    pub truth: ConditionStatus,
    /// One of [`reasons`].
    pub reason: &'static str,
    /// For people: what, for which object, what to do.
    pub message: String,
    /// The generation of the spec that it is about.
    pub observed_generation: i64,
}

/// What a False says as much as a True; others are present only while something is abnormal.
const BOTH_WAYS: [&str; 3] = [types::READY, types::LOGIN_VERIFIED, types::CONNECTION_VERIFIED];

/// Puts one statement into the list. `lastTransitionTime` moves only when the truth value changes. A False of
/// what is present only while something is abnormal removes the condition.
pub fn set(conditions: &mut Vec<Condition>, new: NewCondition, now: Timestamp) {
    if new.truth == ConditionStatus::False && !BOTH_WAYS.contains(&new.r#type) {
        remove(conditions, new.r#type);
        return;
    }
    let mut next = Condition {
        type_: new.r#type.to_owned(),
        status: new.truth.as_str().to_owned(),
        reason: new.reason.to_owned(),
        message: cut(new.message),
        observed_generation: Some(new.observed_generation),
        last_transition_time: Time(now),
    };
    if let Some(old) = find_mut(conditions, new.r#type) {
        if old.status == next.status {
            next.last_transition_time = old.last_transition_time.clone();
        }
        *old = next;
    } else {
        conditions.push(next);
    }
    conditions.sort_by_key(|condition| rank(&condition.type_));
}

/// Takes a condition out of the list.
pub fn remove(conditions: &mut Vec<Condition>, r#type: &str) {
    conditions.retain(|condition| condition.type_ != r#type);
}

/// The condition of this type.
#[must_use]
pub fn find<'a>(conditions: &'a [Condition], r#type: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == r#type)
}

/// Whether the condition of this type is True.
#[must_use]
pub fn is_true(conditions: &[Condition], r#type: &str) -> bool {
    find(conditions, r#type).is_some_and(|condition| condition.status == ConditionStatus::True.as_str())
}

fn find_mut<'a>(conditions: &'a mut [Condition], r#type: &str) -> Option<&'a mut Condition> {
    conditions.iter_mut().find(|condition| condition.type_ == r#type)
}

fn rank(r#type: &str) -> usize {
    ORDER.iter().position(|known| *known == r#type).unwrap_or(ORDER.len())
}

fn cut(mut message: String) -> String {
    const ELLIPSIS: &str = "...";
    if message.len() > MESSAGE_LIMIT {
        let end = message.floor_char_boundary(MESSAGE_LIMIT - ELLIPSIS.len());
        message.truncate(end);
        message.push_str(ELLIPSIS);
    }
    message
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn say(r#type: &'static str, truth: ConditionStatus, message: &str) -> NewCondition {
        NewCondition { r#type, truth, reason: reasons::AVAILABLE, message: message.to_owned(), observed_generation: 1 }
    }

    #[test]
    fn time_moves_with_the_truth_value_only() {
        let mut list = Vec::new();
        set(&mut list, say(types::READY, ConditionStatus::False, "a"), at(1));
        set(&mut list, say(types::READY, ConditionStatus::False, "b"), at(2));
        assert_eq!((list[0].message.as_str(), &list[0].last_transition_time), ("b", &Time(at(1))));
        set(&mut list, say(types::READY, ConditionStatus::True, "b"), at(3));
        assert_eq!(list[0].last_transition_time, Time(at(3)));
    }

    #[test]
    fn what_is_abnormal_is_there_only_while_it_is_true() {
        let mut list = Vec::new();
        for r#type in ORDER {
            set(&mut list, say(r#type, ConditionStatus::True, ""), at(1));
            set(&mut list, say(r#type, ConditionStatus::False, ""), at(2));
        }
        let left: Vec<_> = list.iter().map(|condition| condition.type_.as_str()).collect();
        assert_eq!(left, BOTH_WAYS);
    }

    #[test]
    fn order_does_not_depend_on_who_spoke_first() {
        let (mut one, mut other) = (Vec::new(), Vec::new());
        for r#type in ORDER {
            set(&mut one, say(r#type, ConditionStatus::True, ""), at(1));
        }
        for r#type in ORDER.into_iter().rev() {
            set(&mut other, say(r#type, ConditionStatus::True, ""), at(9));
        }
        let types = |list: &[Condition]| list.iter().map(|condition| condition.type_.clone()).collect::<Vec<_>>();
        assert_eq!(types(&one), types(&other));
        assert_eq!(one[0].type_, types::READY);
    }

    #[test]
    fn a_long_message_is_cut_at_a_character() {
        let mut list = Vec::new();
        set(&mut list, say(types::STALLED, ConditionStatus::True, &"ä".repeat(MESSAGE_LIMIT)), at(1));
        let message = &list[0].message;
        assert!(message.len() <= MESSAGE_LIMIT && message.len() > MESSAGE_LIMIT - 4 && message.ends_with("..."));
    }
}
