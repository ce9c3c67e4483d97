//! What can go wrong with a call, told by AWS's error **code**, never by HTTP status or SDK variant.
//!
//! A fault says what happened; what to do about it is `engine::retry`.

use std::time::Duration;

use jiff::Timestamp;

/// The kinds of failure that make a difference to what happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// ResourceNotFoundException.
    NotFound,
    /// ResourceExistsException.
    Exists,
    /// ConflictException: something is in transition (a VPC endpoint).
    Conflict,
    /// Too many requests.
    Throttled,
    /// The caller may not do this.
    Denied,
    /// A quota is used up.
    Quota,
    /// AWS refuses the request as it stands.
    Rejected,
    /// The credentials are missing, expired or unknown.
    Credentials,
    /// The signature is older or newer than AWS accepts; nothing was done.
    Skewed,
    /// AWS answered with a failure of its own; a create may have happened all the same.
    Unavailable,
    /// No answer: timeout, reset, unreadable reply; a create may have happened all the same.
    Lost,
}

impl FaultKind {
    /// Whether this answer proves that a create made nothing.
    #[must_use]
    pub fn proves_nothing_made(self) -> bool {
        !matches!(self, Self::Unavailable | Self::Lost)
    }
}

/// A failed call.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{operation} failed: {code}: {message}")]
pub struct Fault {
    /// AWS's name of the operation.
    pub operation: &'static str,
    /// What kind of failure.
    pub kind: FaultKind,
    /// AWS's error code, or a word of ours where no answer came.
    pub code: String,
    /// AWS's message; may be empty.
    pub message: String,
    /// `ResourceType` of NotFound and Exists.
    pub resource_type: Option<String>,
    /// `RetryAfterSeconds`, read from the body.
    pub retry_after: Option<Duration>,
    /// AWS's `Date`, where an answer came.
    pub date: Option<Timestamp>,
}
