//! From what went wrong to what happens next: how long to wait, and when a person must act. Pure.
//!
//! Nothing is never retried: a refusal is retried slowly, because many heal from outside (a role, a quota).

use std::time::Duration;

use crate::api::condition::reasons;
use crate::aws::error::{ACCOUNT_MISMATCH, STS_UNAVAILABLE};
use crate::aws::{AwsError, AwsErrorKind};
use crate::cluster::ClusterError;

/// Classes of failure: what happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// Too many calls; the rate limiter slows down, the object is not to blame.
    Throttled,
    /// Passes by itself, usually within seconds.
    Transient,
    /// A create without an answer: its record says so, and the next reconcile looks for what it made.
    Ambiguous,
    /// AWS is in a transition of its own, the request is right: later.
    Sequencing,
    /// AWS's answers contradict each other: a call does not know what a look showed, or knows what it did not show. It
    /// passes when they agree.
    Contradictory,
    /// AWS does not delete it as long as something there uses it, which the object is not to blame for.
    InUse,
    /// Something outside the object: permissions, a quota.
    Environmental,
    /// Somebody else's stands in the way of what is to be made or changed.
    Taken,
    /// The credentials of the identity: its breaker says when to try again.
    Credentials,
    /// AWS refuses what the spec says. The first time it may be too early: roles and policies take a while to arrive.
    Rejected,
    /// AWS refuses it for good: the text breaks a rule of form, and no role or policy will change that.
    Malformed,
}

/// What outside causes are given before a person is called: a policy takes minutes to arrive.
pub const ENVIRONMENTAL_PATIENCE: Duration = Duration::from_mins(5);

impl ErrorClass {
    /// The first wait; doubled at each failure in a row.
    #[must_use]
    pub fn first(self) -> Duration {
        match self {
            // What AWS is busy with takes it half a minute at least; what others have there stays longer.
            Self::Sequencing | Self::InUse | Self::Taken => Duration::from_secs(30),
            // A call that AWS contradicts is made three times in half a minute at most.
            Self::Contradictory => Duration::from_secs(10),
            Self::Throttled
            | Self::Transient
            | Self::Ambiguous
            | Self::Environmental
            | Self::Credentials
            | Self::Rejected
            | Self::Malformed => Duration::from_secs(1),
        }
    }

    /// The longest wait between two tries.
    #[must_use]
    pub fn ceiling(self) -> Duration {
        match self {
            // The rate limiter is what slows down; an object that waits much longer would only be late.
            Self::Throttled => Duration::from_mins(1),
            Self::Transient
            | Self::Ambiguous
            | Self::Sequencing
            | Self::Contradictory
            | Self::InUse
            | Self::Taken
            | Self::Credentials => Duration::from_mins(5),
            Self::Environmental => Duration::from_mins(15),
            Self::Rejected | Self::Malformed => Duration::from_hours(1),
        }
    }

    /// After how long a person is called, if ever.
    #[must_use]
    pub fn patience(self, rejection_grace: Duration) -> Option<Duration> {
        match self {
            Self::Throttled
            | Self::Transient
            | Self::Ambiguous
            | Self::Sequencing
            | Self::Contradictory
            | Self::InUse => None,
            Self::Environmental | Self::Credentials => Some(ENVIRONMENTAL_PATIENCE),
            Self::Rejected => Some(rejection_grace),
            Self::Malformed | Self::Taken => Some(Duration::ZERO),
        }
    }
}

/// For how long nothing is said of a failure. That AWS throttles is part of every day where many objects are new, and each
/// condition and Event of it would cost the API server what AWS was spared.
#[must_use]
pub fn quiet(class: ErrorClass) -> Option<Duration> {
    (class == ErrorClass::Throttled).then_some(Duration::from_mins(2))
}

/// The class of a fault.
#[must_use]
pub fn class(fault: &AwsError) -> ErrorClass {
    match fault.kind {
        AwsErrorKind::Throttled => ErrorClass::Throttled,
        AwsErrorKind::Unavailable | AwsErrorKind::Lost if creates(fault.operation) => ErrorClass::Ambiguous,
        AwsErrorKind::Unavailable | AwsErrorKind::Lost | AwsErrorKind::Skewed => ErrorClass::Transient,
        AwsErrorKind::Exists if makes_or_changes_what_aws_names(fault.operation) => ErrorClass::Taken,
        AwsErrorKind::NotFound | AwsErrorKind::Exists => ErrorClass::Contradictory,
        AwsErrorKind::Credentials if fault.code == STS_UNAVAILABLE => ErrorClass::Transient,
        AwsErrorKind::Credentials => ErrorClass::Credentials,
        _ if fault.of_sts() => ErrorClass::Credentials,
        AwsErrorKind::Denied | AwsErrorKind::Quota => ErrorClass::Environmental,
        AwsErrorKind::Conflict => ErrorClass::Sequencing,
        AwsErrorKind::Rejected if in_transition(&fault.message) => ErrorClass::Sequencing,
        AwsErrorKind::Rejected if is_in_use(fault) => ErrorClass::InUse,
        AwsErrorKind::Rejected if fault.code.starts_with("Validation") => ErrorClass::Malformed,
        AwsErrorKind::Rejected => ErrorClass::Rejected,
    }
}

/// Operations that make something each time they are sent.
fn creates(operation: &str) -> bool {
    operation.starts_with("Create") || operation.starts_with("Import")
}

/// Operations on what AWS gives an id of its own: that was looked for by its tags before, and what is in the way is somebody
/// else's. What its caller names may be there already, of an earlier attempt of ours.
fn makes_or_changes_what_aws_names(operation: &str) -> bool {
    let named_by_caller = matches!(operation, "CreateUser" | "CreateAccess");
    (operation.starts_with("Create") && !named_by_caller) || operation.starts_with("Update")
}

/// AWS has no error code for "not now"; these are its words for it.
fn in_transition(message: &str) -> bool {
    [
        "Unable to delete VPC endpoint",
        "must be OFFLINE",
        "is not yet available",
        "Cannot list users on server with IdP type",
    ]
    .iter()
    .any(|text| message.contains(text))
}

/// Nor for "something uses it": `Workflow is still in use by server s-…`.
fn is_in_use(fault: &AwsError) -> bool {
    fault.operation.starts_with("Delete") && fault.message.contains("still in use")
}

/// Reason of the condition that tells of a fault.
#[must_use]
pub fn reason(fault: &AwsError) -> &'static str {
    match class(fault) {
        ErrorClass::Throttled => reasons::THROTTLED,
        ErrorClass::Sequencing | ErrorClass::Contradictory => reasons::WAITING_FOR_AWS,
        ErrorClass::InUse => reasons::DELETION_BLOCKED,
        ErrorClass::Taken => reasons::CONFLICT,
        ErrorClass::Credentials if fault.code == ACCOUNT_MISMATCH => reasons::ACCOUNT_MISMATCH,
        ErrorClass::Credentials => reasons::IDENTITY_NOT_READY,
        ErrorClass::Environmental if fault.kind == AwsErrorKind::Quota => reasons::QUOTA_EXCEEDED,
        ErrorClass::Environmental => reasons::ACCESS_DENIED,
        ErrorClass::Rejected | ErrorClass::Malformed => reasons::REJECTED,
        ErrorClass::Transient | ErrorClass::Ambiguous => reasons::AWS_UNAVAILABLE,
    }
}

/// The wait after the n-th failure in a row: doubling, half of it random, up to the ceiling of the class. What AWS asks
/// for is never undercut, and spread too: whoever was told the same time shall not come back at once.
#[must_use]
pub fn delay(class: ErrorClass, failures: u32, asked: Option<Duration>, fraction: f64) -> Duration {
    let doubled = class.first().saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
    let spread = doubled.min(class.ceiling()).mul_f64(0.5 + 0.5 * fraction);
    asked.map_or(spread, |asked| asked.mul_f64(1.0 + 0.2 * fraction).max(spread))
}

/// Whether a failure that has lasted this long calls for a person.
#[must_use]
pub fn stalls(class: ErrorClass, lasted: Duration, rejection_grace: Duration) -> bool {
    class.patience(rejection_grace).is_some_and(|patience| lasted >= patience)
}

/// How long it is then, where it is not yet so.
#[must_use]
pub fn until_stalled(class: ErrorClass, lasted: Duration, rejection_grace: Duration) -> Option<Duration> {
    class.patience(rejection_grace)?.checked_sub(lasted).filter(|left| !left.is_zero())
}

/// Longest wait for a right in Kubernetes: nothing tells of it when it comes.
const RIGHTS_AGAIN: Duration = Duration::from_mins(1);

/// The class of trouble with Kubernetes.
#[must_use]
pub fn cluster_class(error: &ClusterError) -> ErrorClass {
    match error {
        ClusterError::Forbidden(_) => ErrorClass::Environmental,
        ClusterError::Invalid(..)
        | ClusterError::Undecodable(..)
        | ClusterError::Conflict(_)
        | ClusterError::NotFound(_)
        | ClusterError::Unavailable(..) => ErrorClass::Transient,
    }
}

/// The wait after the n-th trouble in a row with Kubernetes.
#[must_use]
pub fn cluster_delay(error: &ClusterError, failures: u32, fraction: f64) -> Duration {
    let class = cluster_class(error);
    let delay = delay(class, failures, None, fraction);
    if class == ErrorClass::Environmental { delay.min(RIGHTS_AGAIN) } else { delay }
}

/// Reason of the condition that tells of trouble with Kubernetes.
#[must_use]
pub fn cluster_reason(error: &ClusterError) -> &'static str {
    match error {
        ClusterError::Forbidden(_) => reasons::ACCESS_DENIED,
        ClusterError::Invalid(..) | ClusterError::Undecodable(..) => reasons::INTERNAL_ERROR,
        ClusterError::Conflict(_) | ClusterError::NotFound(_) | ClusterError::Unavailable(..) => {
            reasons::DEPENDENCY_NOT_READY
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(operation: &'static str, kind: AwsErrorKind, code: &str, message: &str) -> AwsError {
        let (code, message) = (code.to_owned(), message.to_owned());
        AwsError { operation, kind, code, message, resource_type: None, retry_after: None, date: None }
    }

    #[test]
    fn trouble_with_kubernetes_has_its_reason() {
        let name = || "team/files".to_owned();
        assert_eq!(cluster_reason(&ClusterError::Forbidden(name())), "AccessDenied");
        assert_eq!(cluster_reason(&ClusterError::Invalid(name(), name())), "InternalError");
        assert_eq!(cluster_reason(&ClusterError::Unavailable(name(), name())), "DependencyNotReady");
        let (forbidden, away) = (ClusterError::Forbidden(name()), ClusterError::Unavailable(name(), name()));
        assert_eq!(
            cluster_delay(&forbidden, 40, 1.0),
            Duration::from_mins(1),
            "a right that comes is seen in a minute"
        );
        assert_eq!(cluster_delay(&away, 40, 1.0), Duration::from_mins(5));
        assert_eq!(
            (cluster_class(&forbidden), cluster_class(&away)),
            (ErrorClass::Environmental, ErrorClass::Transient)
        );
    }

    #[test]
    fn every_row_of_the_table_of_errors_has_its_class_and_reason() {
        use AwsErrorKind as K;
        use ErrorClass as C;
        let (request, internal) = ("InvalidRequestException", "InternalServiceError");
        let rows = [
            ("ListUsers", K::Throttled, "ThrottlingException", "", C::Throttled, reasons::THROTTLED),
            ("ListUsers", K::Unavailable, internal, "", C::Transient, reasons::AWS_UNAVAILABLE),
            ("UpdateUser", K::Lost, "Timeout", "", C::Transient, reasons::AWS_UNAVAILABLE),
            ("UpdateUser", K::NotFound, "ResourceNotFoundException", "", C::Contradictory, reasons::WAITING_FOR_AWS),
            ("UpdateUser", K::Skewed, "RequestExpired", "", C::Transient, reasons::AWS_UNAVAILABLE),
            ("AssumeRole", K::Credentials, STS_UNAVAILABLE, "", C::Transient, reasons::AWS_UNAVAILABLE),
            ("CreateServer", K::Lost, "Timeout", "", C::Ambiguous, reasons::AWS_UNAVAILABLE),
            ("CreateUser", K::Unavailable, internal, "", C::Ambiguous, reasons::AWS_UNAVAILABLE),
            ("ImportHostKey", K::Lost, "NoAnswer", "", C::Ambiguous, reasons::AWS_UNAVAILABLE),
            ("DeleteServer", K::Conflict, "ConflictException", "", C::Sequencing, reasons::WAITING_FOR_AWS),
            (
                "DeleteServer",
                K::Rejected,
                request,
                "Unable to delete VPC endpoint",
                C::Sequencing,
                reasons::WAITING_FOR_AWS,
            ),
            ("UpdateServer", K::Rejected, request, "Server must be OFFLINE", C::Sequencing, reasons::WAITING_FOR_AWS),
            ("UpdateServer", K::Rejected, request, "It is not yet available", C::Sequencing, reasons::WAITING_FOR_AWS),
            (
                "ListUsers",
                K::Rejected,
                request,
                "Cannot list users on server with IdP type X",
                C::Sequencing,
                reasons::WAITING_FOR_AWS,
            ),
            (
                "DeleteWorkflow",
                K::Rejected,
                request,
                "Workflow is still in use by server s-1",
                C::InUse,
                reasons::DELETION_BLOCKED,
            ),
            // What is made or changed is deleted by nobody.
            ("UpdateServer", K::Rejected, request, "It is still in use", C::Rejected, reasons::REJECTED),
            ("UpdateUser", K::Denied, "AccessDeniedException", "", C::Environmental, reasons::ACCESS_DENIED),
            ("CreateServer", K::Quota, request, "", C::Environmental, reasons::QUOTA_EXCEEDED),
            ("ListUsers", K::Credentials, "ExpiredTokenException", "", C::Credentials, reasons::IDENTITY_NOT_READY),
            ("AssumeRole", K::Denied, "AccessDenied", "", C::Credentials, reasons::IDENTITY_NOT_READY),
            ("GetCallerIdentity", K::Credentials, "AccountMismatch", "", C::Credentials, reasons::ACCOUNT_MISMATCH),
            ("CreateUser", K::Rejected, request, "Role is not valid", C::Rejected, reasons::REJECTED),
            ("CreateUser", K::Exists, "ResourceExistsException", "", C::Contradictory, reasons::WAITING_FOR_AWS),
            ("CreateConnector", K::Exists, "ResourceExistsException", "", C::Taken, reasons::CONFLICT),
            ("UpdateConnector", K::Exists, "ResourceExistsException", "", C::Taken, reasons::CONFLICT),
            ("ImportHostKey", K::Exists, "ResourceExistsException", "", C::Contradictory, reasons::WAITING_FOR_AWS),
            ("UpdateUser", K::Rejected, "ValidationException", "", C::Malformed, reasons::REJECTED),
        ];
        for (operation, kind, code, message, expected, told) in rows {
            let fault = fault(operation, kind, code, message);
            assert_eq!((class(&fault), reason(&fault)), (expected, told), "{fault}");
        }
    }

    #[test]
    fn nothing_is_never_retried_and_each_class_calls_a_person_at_its_own_time() {
        let (mins, grace) = (Duration::from_mins, Duration::from_mins(2));
        for (class, ceiling, patience) in [
            (ErrorClass::Throttled, mins(1), None),
            (ErrorClass::Transient, mins(5), None),
            (ErrorClass::Ambiguous, mins(5), None),
            (ErrorClass::Sequencing, mins(5), None),
            (ErrorClass::Contradictory, mins(5), None),
            (ErrorClass::InUse, mins(5), None),
            (ErrorClass::Credentials, mins(5), Some(mins(5))),
            (ErrorClass::Environmental, mins(15), Some(mins(5))),
            (ErrorClass::Rejected, mins(60), Some(grace)),
            (ErrorClass::Malformed, mins(60), Some(Duration::ZERO)),
        ] {
            assert_eq!(delay(class, u32::MAX, None, 1.0), ceiling, "{class:?}: even the longest wait has an end");
            assert_eq!(class.patience(grace), patience, "{class:?}");
        }
    }

    #[test]
    fn waits_double_up_to_the_ceiling_and_honour_what_aws_asks_for() {
        assert_eq!(delay(ErrorClass::Transient, 1, None, 1.0), Duration::from_secs(1));
        assert_eq!(delay(ErrorClass::Transient, 4, None, 1.0), Duration::from_secs(8));
        assert_eq!(delay(ErrorClass::Transient, 4, None, 0.0), Duration::from_secs(4));
        assert_eq!(delay(ErrorClass::Transient, 40, None, 1.0), Duration::from_mins(5));
        assert_eq!(delay(ErrorClass::Sequencing, 1, None, 0.0), Duration::from_secs(15));
        assert_eq!(delay(ErrorClass::Sequencing, 1, None, 1.0), Duration::from_secs(30));
        assert_eq!(delay(ErrorClass::Throttled, 1, Some(Duration::from_secs(9)), 0.0), Duration::from_secs(9));
        assert!(delay(ErrorClass::Throttled, 1, Some(Duration::from_secs(9)), 0.5) > Duration::from_secs(9), "spread");
    }

    #[test]
    fn what_aws_contradicts_is_sent_three_times_in_half_a_minute_at_most() {
        for fraction in [0.0, 0.5, 1.0] {
            let waits = (1..).map(|tries| delay(ErrorClass::Contradictory, tries, None, fraction));
            let times = waits.scan(Duration::ZERO, |at, wait| Some(std::mem::replace(at, *at + wait)));
            let times = times.take_while(|at| *at < Duration::from_secs(30)).count();
            assert!((2..=3).contains(&times), "{times} at {fraction}");
        }
    }

    #[test]
    fn a_first_rejection_is_tried_several_times_before_a_person_is_called() {
        let grace = Duration::from_mins(2);
        let (mut tries, mut at) = (1, Duration::ZERO);
        while !stalls(ErrorClass::Rejected, at, grace) {
            at += delay(ErrorClass::Rejected, tries, None, 1.0);
            tries += 1;
        }
        assert!(tries > 5, "only {tries} tries");
        assert!(!stalls(ErrorClass::Rejected, Duration::from_secs(119), grace));
        assert!(stalls(ErrorClass::Rejected, grace, grace));
    }
}
