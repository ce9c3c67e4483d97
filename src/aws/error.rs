//! What can go wrong with a call, told by AWS's error **code**, never by HTTP status or SDK variant.
//!
//! A fault says what happened; what to do about it is `engine::backoff`. No SDK type appears here: `sdk::error` reads
//! the SDK's errors and asks [`kind_of`].

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

/// The kinds of failure that make a difference to what happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AwsErrorKind {
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

impl AwsErrorKind {
    /// Whether this answer proves that a create made nothing.
    #[must_use]
    pub fn proves_nothing_made(self) -> bool {
        !matches!(self, Self::Unavailable | Self::Lost)
    }

    /// A word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Exists => "exists",
            Self::Conflict => "conflict",
            Self::Throttled => "throttled",
            Self::Denied => "denied",
            Self::Quota => "quota",
            Self::Rejected => "rejected",
            Self::Credentials => "credentials",
            Self::Skewed => "skewed",
            Self::Unavailable => "unavailable",
            Self::Lost => "lost",
        }
    }
}

/// A failed call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation} failed: {code}: {message}")]
pub struct AwsError {
    /// AWS's name of the operation.
    pub operation: &'static str,
    /// What kind of failure.
    pub kind: AwsErrorKind,
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

/// Code of the fault where the credentials belong to another account than the identity names.
pub const ACCOUNT_MISMATCH: &str = "AccountMismatch";

/// Our code for a call that was not made because the credentials of its identity are broken (`breaker`).
pub const BREAKER_OPEN: &str = "BreakerOpen";
/// Our code for credentials that did not come because STS did not answer, or not sensibly: it passes by itself.
pub const STS_UNAVAILABLE: &str = "StsUnavailable";

impl AwsError {
    /// The same as a refusal where AWS does not know what the call names beside what it is about: the certificate of a
    /// profile, the profile of a connector. That is no news of the profile itself.
    #[must_use]
    pub fn of_what_is_named(self) -> Self {
        let own = NAMES_OTHERS.iter().find(|(operation, _)| *operation == self.operation).map(|(_, own)| *own);
        let is_own = |own: &[&str]| self.resource_type.as_deref().is_some_and(|missing| own.contains(&missing));
        let named = self.kind == AwsErrorKind::NotFound && own.is_some_and(|own| !is_own(own));
        if named { Self { kind: AwsErrorKind::Rejected, ..self } } else { self }
    }

    /// Whether it is about getting or checking credentials: then nothing was sent to the service itself.
    #[must_use]
    pub fn of_sts(&self) -> bool {
        matches!(self.operation, "AssumeRole" | "GetCallerIdentity" | "GetCredentials")
    }
}

/// Calls that name other resources, with AWS's `ResourceType`s of what they are about, and of what that lives on.
const NAMES_OTHERS: [(&str, &[&str]); 6] = [
    ("CreateProfile", &["Profile"]),
    ("UpdateProfile", &["Profile"]),
    ("CreateConnector", &["Connector"]),
    ("UpdateConnector", &["Connector"]),
    ("CreateAgreement", &["Agreement", "Server"]),
    ("UpdateAgreement", &["Agreement", "Server"]),
];

/// What error codes stand for. Codes from outside the service's model (authentication, throttling, validation) arrive
/// on every operation, so one table serves all, STS and EC2 included.
const KINDS: [(AwsErrorKind, &[&str]); 8] = [
    (
        AwsErrorKind::NotFound,
        &[
            "ResourceNotFoundException",
            "InvalidVpcEndpointId.NotFound",
            "InvalidVpcEndpoint.NotFound",
            "InvalidNetworkInterfaceID.NotFound",
            "InvalidAllocationID.NotFound",
            "InvalidAddressID.NotFound",
        ],
    ),
    (AwsErrorKind::Exists, &["ResourceExistsException"]),
    (AwsErrorKind::Conflict, &["ConflictException", "IncorrectState", "InvalidState"]),
    (
        AwsErrorKind::Throttled,
        &[
            "ThrottlingException",
            "Throttling",
            "ThrottledException",
            "RequestThrottledException",
            "RequestThrottled",
            "TooManyRequestsException",
            "RequestLimitExceeded",
            "BandwidthLimitExceeded",
            "EC2ThrottledException",
            "PriorRequestNotComplete",
            "SlowDown",
        ],
    ),
    (
        AwsErrorKind::Denied,
        &[
            "AccessDeniedException",
            "AccessDenied",
            "UnauthorizedOperation",
            "NotAuthorized",
            "OptInRequired",
            "SubscriptionRequiredException",
            "RegionDisabledException",
            "Blocked",
            "PendingVerification",
        ],
    ),
    (AwsErrorKind::Skewed, &["RequestExpired", "RequestTimeTooSkewed", "RequestInTheFuture"]),
    (
        AwsErrorKind::Credentials,
        &[
            "UnrecognizedClientException",
            "InvalidClientTokenId",
            "InvalidAccessKeyId",
            "ExpiredTokenException",
            "ExpiredToken",
            "InvalidToken",
            "IncompleteSignature",
            "IncompleteSignatureException",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
        ],
    ),
    (
        AwsErrorKind::Rejected,
        &[
            "ValidationException",
            "ValidationError",
            "SerializationException",
            "UnknownOperationException",
            "InvalidNextTokenException",
            "InvalidAction",
            "InvalidParameterValue",
            "InvalidParameterCombination",
            "MissingParameter",
            "MalformedQueryString",
            "MalformedHttpRequestException",
            "MalformedPolicyDocument",
            "PackedPolicyTooLarge",
            "RequestEntityTooLargeException",
            "InvalidParameter",
            "UnknownParameter",
            "InvalidCharacter",
            "InvalidQueryParameter",
            "InvalidPaginationToken",
            "MissingAction",
            "UnsupportedOperation",
            "OperationNotPermitted",
            // What a change names beside its target: the target is there.
            "InvalidGroup.NotFound",
            "InvalidSecurityGroupID.NotFound",
        ],
    ),
];

/// The kind that an error code stands for. The message counts only where one code has several meanings.
///
/// InternalServiceError, ServiceUnavailableException, InternalFailure and what nobody has seen yet are `Unavailable`:
/// after an unknown failure a create may exist, which is the cautious reading.
#[must_use]
pub fn kind_of(code: &str, message: &str) -> AwsErrorKind {
    match code {
        "InvalidSignatureException" | "SignatureDoesNotMatch" if is_about_time(message) => AwsErrorKind::Skewed,
        "InvalidSignatureException" | "SignatureDoesNotMatch" => AwsErrorKind::Credentials,
        "AuthFailure" if is_about_credentials(message) => AwsErrorKind::Credentials,
        "AuthFailure" => AwsErrorKind::Denied,
        code if code.ends_with(".Malformed") => AwsErrorKind::Rejected,
        "InvalidRequestException" if is_about_quota(message) => AwsErrorKind::Quota,
        "InvalidRequestException" => AwsErrorKind::Rejected,
        "ServiceQuotaExceededException"
        | "LimitExceededException"
        | "LimitExceeded"
        | "SecurityGroupsPerInterfaceLimitExceeded" => AwsErrorKind::Quota,
        code => {
            let row = KINDS.iter().find(|(_, codes)| codes.contains(&code));
            row.map_or(AwsErrorKind::Unavailable, |(kind, _)| *kind)
        }
    }
}

/// AWS has one code for a wrong key and for a wrong clock.
fn is_about_time(message: &str) -> bool {
    ["Signature expired", "Signature not yet current", "too skewed"].iter().any(|words| message.contains(words))
}

/// EC2 has one code for credentials that it does not know (a wrong key, a signature from the future, a region that is
/// not enabled) and for a resource of somebody else's. Only the first says anything of the identity: the other must not
/// stop the calls to Transfer, so words that nobody knows are read as it.
fn is_about_credentials(message: &str) -> bool {
    message.contains("validate the provided access credentials")
}

/// AWS Transfer Family has no exception of its own for quotas. The size of a policy is called a quota as well, but it
/// cannot be raised: only another policy helps.
fn is_about_quota(message: &str) -> bool {
    let quota = ["Cannot exceed quota for", "maximum allowed number of", "quota exceeded", "limit exceeded"];
    !message.contains("PolicySize") && quota.iter().any(|words| message.contains(words))
}

/// The longest wait that is taken from AWS's word: a mistaken body must not put an object to sleep.
const RETRY_AFTER_MAX: f64 = 300.0;

/// What an error's body tells beside code and message, whether the operation's model knows the error or not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ErrorBody {
    /// `__type` or `code`, without namespace.
    pub code: Option<String>,
    /// `Message` or `message`.
    pub message: Option<String>,
    /// `ResourceType`.
    pub resource_type: Option<String>,
    /// `RetryAfterSeconds`, at most five minutes.
    pub retry_after: Option<Duration>,
}

impl ErrorBody {
    /// Reads what can be read; what is no JSON object tells nothing.
    #[must_use]
    pub fn read(body: &[u8]) -> Self {
        let Ok(Value::Object(body)) = serde_json::from_slice(body) else {
            return Self::default();
        };
        let text = |keys: &[&str]| keys.iter().find_map(|key| body.get(*key)?.as_str().map(str::to_owned));
        Self {
            code: text(&["__type", "code"]).map(|code| bare_code(&code).to_owned()),
            message: text(&["Message", "message", "errorMessage"]),
            resource_type: text(&["ResourceType"]),
            retry_after: body.get("RetryAfterSeconds").and_then(retry_after),
        }
    }
}

/// `com.amazonaws.transfer#Code:http://…` is `Code`.
#[must_use]
pub fn bare_code(code: &str) -> &str {
    let code = code.split(':').next().unwrap_or(code);
    code.rsplit('#').next().unwrap_or(code)
}

/// AWS writes the number as a string, its model allows both. What is no number of seconds counts as not said.
fn retry_after(value: &Value) -> Option<Duration> {
    let seconds = match value {
        Value::String(text) => text.trim().parse().ok()?,
        other => other.as_f64()?,
    };
    (seconds >= 0.0).then(|| Duration::from_secs_f64(seconds.min(RETRY_AFTER_MAX)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_kind_has_a_word_of_its_own() {
        use AwsErrorKind::*;
        let all =
            [NotFound, Exists, Conflict, Throttled, Unavailable, Skewed, Credentials, Denied, Quota, Rejected, Lost];
        let words: std::collections::BTreeSet<&str> = all.iter().map(|kind| kind.name()).collect();
        assert_eq!(words.len(), all.len());
        assert!(words.iter().all(|word| !word.is_empty()) && words.contains("not_found"));
    }

    #[test]
    fn every_code_of_the_table_has_its_kind() {
        use AwsErrorKind::*;
        let table = [
            (NotFound, vec!["ResourceNotFoundException"]),
            (Exists, vec!["ResourceExistsException"]),
            (Conflict, vec!["ConflictException"]),
            (
                Throttled,
                vec![
                    "ThrottlingException",
                    "Throttling",
                    "ThrottledException",
                    "RequestThrottledException",
                    "RequestThrottled",
                    "TooManyRequestsException",
                    "RequestLimitExceeded",
                    "BandwidthLimitExceeded",
                    "EC2ThrottledException",
                    "PriorRequestNotComplete",
                    "SlowDown",
                ],
            ),
            (
                Denied,
                vec![
                    "AccessDeniedException",
                    "AccessDenied",
                    "UnauthorizedOperation",
                    "NotAuthorized",
                    "OptInRequired",
                    "SubscriptionRequiredException",
                    "RegionDisabledException",
                ],
            ),
            (Skewed, vec!["RequestExpired", "RequestTimeTooSkewed", "RequestInTheFuture"]),
            (
                Credentials,
                vec![
                    "InvalidSignatureException",
                    "SignatureDoesNotMatch",
                    "UnrecognizedClientException",
                    "InvalidClientTokenId",
                    "InvalidAccessKeyId",
                    "ExpiredTokenException",
                    "ExpiredToken",
                    "InvalidToken",
                    "IncompleteSignature",
                    "IncompleteSignatureException",
                    "MissingAuthenticationToken",
                    "MissingAuthenticationTokenException",
                ],
            ),
            (Quota, vec!["ServiceQuotaExceededException", "LimitExceededException", "LimitExceeded"]),
            (
                Rejected,
                vec![
                    "InvalidRequestException",
                    "ValidationException",
                    "ValidationError",
                    "SerializationException",
                    "UnknownOperationException",
                    "InvalidNextTokenException",
                    "InvalidAction",
                    "InvalidParameterValue",
                    "InvalidParameterCombination",
                    "MissingParameter",
                    "MalformedQueryString",
                    "MalformedHttpRequestException",
                    "MalformedPolicyDocument",
                    "PackedPolicyTooLarge",
                    "RequestEntityTooLargeException",
                ],
            ),
            (
                Unavailable,
                vec![
                    "InternalServiceError",
                    "ServiceUnavailableException",
                    "ServiceUnavailable",
                    "InternalFailure",
                    "InternalServerException",
                    "RequestTimeoutException",
                    "SomethingNew",
                    "",
                ],
            ),
        ];
        for (kind, codes) in table {
            for code in codes {
                assert_eq!(kind_of(code, "some text"), kind, "{code}");
            }
        }
    }

    #[test]
    fn every_code_of_ec2_has_its_kind() {
        use AwsErrorKind::*;
        let rejected = [
            "InvalidParameter",
            "UnknownParameter",
            "InvalidCharacter",
            "InvalidQueryParameter",
            "InvalidPaginationToken",
            "MissingAction",
            "UnsupportedOperation",
            "OperationNotPermitted",
            "InvalidGroup.NotFound",
            "InvalidSecurityGroupID.NotFound",
            "InvalidVpcEndpointId.Malformed",
            "InvalidGroupId.Malformed",
        ];
        let missing = [
            "InvalidVpcEndpointId.NotFound",
            "InvalidVpcEndpoint.NotFound",
            "InvalidNetworkInterfaceID.NotFound",
            "InvalidAllocationID.NotFound",
            "InvalidAddressID.NotFound",
        ];
        for (kind, codes) in [
            (NotFound, missing.as_slice()),
            (Conflict, &["IncorrectState", "InvalidState"]),
            (Throttled, &["RequestLimitExceeded"]),
            (Denied, &["UnauthorizedOperation", "AuthFailure", "Blocked", "PendingVerification"]),
            (Skewed, &["RequestExpired"]),
            (Quota, &["SecurityGroupsPerInterfaceLimitExceeded"]),
            (Rejected, &rejected),
            (Unavailable, &["InternalError", "InternalFailure", "Unavailable", "ServiceUnavailable"]),
        ] {
            for code in codes {
                assert_eq!(kind_of(code, "some text"), kind, "{code}");
            }
        }
    }

    #[test]
    fn the_message_decides_where_one_code_has_several_meanings() {
        let signature = "InvalidSignatureException";
        let request = "InvalidRequestException";
        for (code, message, kind) in [
            (
                signature,
                "Signature expired: 20260101T000000Z is now earlier than 20260101T001000Z",
                AwsErrorKind::Skewed,
            ),
            (signature, "Signature not yet current: 20260101T000000Z is still later than …", AwsErrorKind::Skewed),
            (
                "SignatureDoesNotMatch",
                "Signature expired: 20260101T000000Z is now earlier than …",
                AwsErrorKind::Skewed,
            ),
            (signature, "The request signature we calculated does not match …", AwsErrorKind::Credentials),
            ("AuthFailure", "AWS was not able to validate the provided access credentials", AwsErrorKind::Credentials),
            ("AuthFailure", "The address '198.51.100.1' does not belong to you.", AwsErrorKind::Denied),
            (request, "Cannot exceed quota for Servers: 50", AwsErrorKind::Quota),
            (request, "The maximum allowed number of SSH keys is 50", AwsErrorKind::Quota),
            (request, "Cannot exceed quota for PolicySize: 2048", AwsErrorKind::Rejected),
            (request, "Unsupported or invalid SSH public key format", AwsErrorKind::Rejected),
        ] {
            assert_eq!(kind_of(code, message), kind, "{code}: {message}");
        }
    }

    #[test]
    fn what_a_call_names_and_aws_does_not_know_is_a_refusal() {
        let rows = [
            ("UpdateProfile", Some("Certificate"), AwsErrorKind::Rejected),
            ("UpdateProfile", Some("Profile"), AwsErrorKind::NotFound),
            ("CreateProfile", None, AwsErrorKind::Rejected),
            ("UpdateConnector", Some("Profile"), AwsErrorKind::Rejected),
            ("UpdateConnector", Some("Connector"), AwsErrorKind::NotFound),
            ("DescribeProfile", Some("Certificate"), AwsErrorKind::NotFound),
            ("UpdateUser", Some("Server"), AwsErrorKind::NotFound),
            ("CreateAgreement", Some("Profile"), AwsErrorKind::Rejected),
            ("UpdateAgreement", Some("Agreement"), AwsErrorKind::NotFound),
            ("CreateAgreement", Some("Server"), AwsErrorKind::NotFound),
            ("UpdateConnector", Some("Server"), AwsErrorKind::Rejected),
        ];
        for (operation, resource_type, kind) in rows {
            let fault = AwsError {
                operation,
                kind: AwsErrorKind::NotFound,
                code: "ResourceNotFoundException".to_owned(),
                message: String::new(),
                resource_type: resource_type.map(str::to_owned),
                retry_after: None,
                date: None,
            };
            assert_eq!(fault.clone().of_what_is_named().kind, kind, "{operation} {resource_type:?}");
            let other = AwsError { kind: AwsErrorKind::Throttled, ..fault };
            assert_eq!(other.of_what_is_named().kind, AwsErrorKind::Throttled);
        }
    }

    #[test]
    fn only_answers_without_a_verdict_leave_open_whether_a_create_happened() {
        for code in ["InternalServiceError", "ServiceUnavailableException", "SomethingNew"] {
            assert!(!kind_of(code, "").proves_nothing_made(), "{code}");
        }
        for code in ["ValidationException", "ThrottlingException", "RequestExpired", "AccessDeniedException"] {
            assert!(kind_of(code, "").proves_nothing_made(), "{code}");
        }
    }

    #[test]
    fn retry_after_is_read_from_strings_and_numbers_and_bounded() {
        let read = |json: &str| ErrorBody::read(format!(r#"{{"RetryAfterSeconds":{json}}}"#).as_bytes()).retry_after;
        for (json, seconds) in [
            ("\"1\"", 1.0),
            ("2", 2.0),
            ("0", 0.0),
            ("1.5", 1.5),
            ("\" 7 \"", 7.0),
            ("1e30", 300.0),
            ("\"inf\"", 300.0),
        ] {
            assert_eq!(read(json), Some(Duration::from_secs_f64(seconds)), "{json}");
        }
        for json in ["-1", "\"-5\"", "\"soon\"", "\"NaN\"", "null", "[]", "\"\""] {
            assert_eq!(read(json), None, "{json}");
        }
    }

    #[test]
    fn a_body_gives_code_message_and_type_in_every_form_that_aws_uses() {
        let body = ErrorBody::read(br#"{"__type":"com.amazonaws.transfer#X","message":"m","ResourceType":"User"}"#);
        assert_eq!(body.code.as_deref(), Some("X"));
        assert_eq!(body.message.as_deref(), Some("m"));
        assert_eq!(body.resource_type.as_deref(), Some("User"));
        assert_eq!(bare_code("X:http://internal.amazon.com/coral/"), "X");
        assert_eq!(bare_code("X"), "X");
    }

    #[test]
    fn what_is_no_json_object_tells_nothing() {
        for body in ["", "<html>503</html>", r#"{"__type":"X""#, "[1]", "null", "\"X\""] {
            assert_eq!(ErrorBody::read(body.as_bytes()), ErrorBody::default(), "{body}");
        }
    }
}
