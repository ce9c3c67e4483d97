//! From what went wrong to what happens next: how long to wait, and when a person must act. Pure.
//!
//! Nothing is never retried: a refusal is retried slowly, because many heal from outside (a role, a quota).

use std::time::Duration;

use crate::api::condition::reasons;
use crate::aws::{Fault, FaultKind};
use crate::cluster::ClusterError;

/// Classes of failure, each with a ceiling for the wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Too many calls; the gate slows down, the object is not to blame.
    Throttled,
    /// Passes by itself, usually within seconds.
    Transient,
    /// Something outside the object: permissions, quota, credentials.
    Environmental,
    /// AWS refuses what the spec says.
    Rejected,
    /// AWS refuses it for good: the text breaks a rule of form, and no role or policy will change that.
    Malformed,
}

/// First wait; doubled at each failure in a row.
const BASE: Duration = Duration::from_secs(1);

/// Environmental failures call for a person only when they last: a policy takes minutes to arrive.
pub const ENVIRONMENTAL_PATIENCE: Duration = Duration::from_mins(5);

impl Class {
    /// The longest wait between two tries.
    #[must_use]
    pub fn ceiling(self) -> Duration {
        match self {
            Self::Throttled => Duration::from_mins(1),
            Self::Transient => Duration::from_mins(5),
            Self::Environmental => Duration::from_mins(15),
            Self::Rejected | Self::Malformed => Duration::from_hours(1),
        }
    }
}

/// The class of a fault.
#[must_use]
pub fn class(fault: &Fault) -> Class {
    match fault.kind {
        FaultKind::Throttled => Class::Throttled,
        FaultKind::Conflict | FaultKind::Skewed | FaultKind::Unavailable | FaultKind::Lost | FaultKind::NotFound => {
            Class::Transient
        }
        FaultKind::Denied | FaultKind::Quota | FaultKind::Credentials => Class::Environmental,
        // Sequencing texts: AWS is in transition, the request is right.
        FaultKind::Rejected if in_transition(&fault.message) => Class::Transient,
        FaultKind::Rejected if fault.code.starts_with("Validation") => Class::Malformed,
        FaultKind::Rejected | FaultKind::Exists => Class::Rejected,
    }
}

fn in_transition(message: &str) -> bool {
    ["Unable to delete VPC endpoint", "must be OFFLINE", "is not yet available"]
        .iter()
        .any(|text| message.contains(text))
}

/// Reason of the condition that tells of a fault.
#[must_use]
pub fn reason(fault: &Fault) -> &'static str {
    match fault.kind {
        FaultKind::Throttled => reasons::THROTTLED,
        FaultKind::Denied => reasons::ACCESS_DENIED,
        FaultKind::Quota => reasons::QUOTA_EXCEEDED,
        FaultKind::Credentials if fault.code == "AccountMismatch" => reasons::ACCOUNT_MISMATCH,
        FaultKind::Credentials => reasons::IDENTITY_NOT_READY,
        FaultKind::Conflict => reasons::WAITING_FOR_AWS,
        FaultKind::Rejected if class(fault) == Class::Transient => reasons::WAITING_FOR_AWS,
        FaultKind::Rejected | FaultKind::Exists => reasons::REJECTED,
        FaultKind::NotFound | FaultKind::Skewed | FaultKind::Unavailable | FaultKind::Lost => reasons::AWS_UNAVAILABLE,
    }
}

/// The wait after the n-th failure in a row: doubling, half of it random, up to the ceiling of the class.
#[must_use]
pub fn delay(class: Class, failures: u32, asked: Option<Duration>, fraction: f64) -> Duration {
    let doubled = BASE.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
    let spread = doubled.min(class.ceiling()).mul_f64(0.5 + 0.5 * fraction);
    asked.map_or(spread, |asked| asked.max(spread))
}

/// Whether a failure that has lasted this long calls for a person.
#[must_use]
pub fn stalls(class: Class, lasted: Duration, rejection_grace: Duration) -> bool {
    match class {
        Class::Throttled | Class::Transient => false,
        Class::Environmental => lasted >= ENVIRONMENTAL_PATIENCE,
        Class::Rejected => lasted >= rejection_grace,
        Class::Malformed => true,
    }
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

    fn fault(kind: FaultKind, code: &str, message: &str) -> Fault {
        Fault {
            operation: "UpdateServer",
            kind,
            code: code.to_owned(),
            message: message.to_owned(),
            resource_type: None,
            retry_after: None,
            date: None,
        }
    }

    #[test]
    fn every_kind_of_fault_has_its_class() {
        let rows = [
            (fault(FaultKind::Throttled, "ThrottlingException", ""), Class::Throttled),
            (fault(FaultKind::Unavailable, "InternalServiceError", ""), Class::Transient),
            (fault(FaultKind::Lost, "Timeout", ""), Class::Transient),
            (
                fault(FaultKind::Conflict, "ConflictException", "VPC Endpoint state is not yet available"),
                Class::Transient,
            ),
            (fault(FaultKind::NotFound, "ResourceNotFoundException", "Unknown user"), Class::Transient),
            (fault(FaultKind::Skewed, "InvalidSignatureException", "Signature expired"), Class::Transient),
            (fault(FaultKind::Denied, "AccessDeniedException", ""), Class::Environmental),
            (fault(FaultKind::Quota, "InvalidRequestException", ""), Class::Environmental),
            (fault(FaultKind::Credentials, "ExpiredTokenException", ""), Class::Environmental),
            (fault(FaultKind::Rejected, "InvalidRequestException", "Unable to delete VPC endpoint"), Class::Transient),
            (fault(FaultKind::Rejected, "InvalidRequestException", "Policy is not valid"), Class::Rejected),
            (fault(FaultKind::Rejected, "ValidationException", "1 validation error"), Class::Malformed),
            (fault(FaultKind::Exists, "ResourceExistsException", ""), Class::Rejected),
        ];
        for (fault, expected) in rows {
            assert_eq!(class(&fault), expected, "{fault}");
        }
    }

    #[test]
    fn waits_double_up_to_the_ceiling_and_honour_what_aws_asks_for() {
        assert_eq!(delay(Class::Transient, 1, None, 1.0), Duration::from_secs(1));
        assert_eq!(delay(Class::Transient, 4, None, 1.0), Duration::from_secs(8));
        assert_eq!(delay(Class::Transient, 4, None, 0.0), Duration::from_secs(4));
        assert_eq!(delay(Class::Transient, 40, None, 1.0), Duration::from_mins(5));
        assert_eq!(delay(Class::Rejected, u32::MAX, None, 1.0), Duration::from_hours(1));
        assert_eq!(delay(Class::Throttled, 1, Some(Duration::from_secs(9)), 0.0), Duration::from_secs(9));
    }

    #[test]
    fn only_what_lasts_calls_for_a_person() {
        let grace = Duration::from_mins(2);
        assert!(!stalls(Class::Transient, Duration::from_hours(24), grace));
        assert!(!stalls(Class::Environmental, Duration::from_secs(299), grace));
        assert!(stalls(Class::Environmental, Duration::from_mins(5), grace));
        assert!(!stalls(Class::Rejected, Duration::from_secs(119), grace));
        assert!(stalls(Class::Rejected, Duration::from_mins(2), grace));
        assert!(stalls(Class::Malformed, Duration::ZERO, grace));
    }
}
