//! The SDK's errors as [`AwsError`]: by AWS's code, never by status or variant.

use std::error::Error;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use jiff::Timestamp;

use crate::aws::error::{ErrorBody, bare_code, kind_of};
use crate::aws::{AwsError, AwsErrorKind};

/// Our word for a request that never left.
pub(super) const NOT_SENT: &str = "NotSent";
/// Our word for an answer that cannot be read.
pub(super) const UNREADABLE: &str = "UnreadableAnswer";
/// The operation whose answer is a secret: what the SDK says of one that it cannot read may repeat a piece of it.
const SECRET: &str = "AssumeRole";

/// What the request left behind, whatever became of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Heard {
    /// Whether it was handed to the network at all.
    pub sent: bool,
    /// AWS's `Date`, as soon as the headers came.
    pub date: Option<Timestamp>,
}

/// A fault with nothing but these.
pub(in crate::aws) fn plain(
    operation: &'static str,
    kind: AwsErrorKind,
    code: &str,
    message: String,
    date: Option<Timestamp>,
) -> AwsError {
    AwsError { operation, kind, code: code.to_owned(), message, resource_type: None, retry_after: None, date }
}

/// What an SDK error means.
pub(super) fn fault<E>(operation: &'static str, heard: Heard, failure: &SdkError<E, HttpResponse>) -> AwsError
where
    E: Error + ProvideErrorMetadata + 'static,
{
    let own = |kind, code| plain(operation, kind, code, chain(failure), heard.date);
    if let Some(response) = failure.raw_response() {
        return answered(operation, heard, failure, response);
    }
    match failure {
        _ if !heard.sent => own(AwsErrorKind::Rejected, NOT_SENT),
        SdkError::TimeoutError(_) => own(AwsErrorKind::Lost, "Timeout"),
        // A refused connection cannot be told from one that broke after the request had gone out.
        _ => own(AwsErrorKind::Lost, "NoAnswer"),
    }
}

/// An answer came. The SDK's own reading of it comes first; where that failed (a member of another type than the model
/// says, no JSON at all), the code may still stand in header or body.
fn answered<E>(
    operation: &'static str,
    heard: Heard,
    failure: &SdkError<E, HttpResponse>,
    response: &HttpResponse,
) -> AwsError
where
    E: Error + ProvideErrorMetadata + 'static,
{
    let meta = failure.as_service_error().map(ProvideErrorMetadata::meta);
    let body = ErrorBody::read(response.body().bytes().unwrap_or_default());
    let header = || response.headers().get("x-amzn-errortype").map(|code| bare_code(code).to_owned());
    let code = meta.and_then(|meta| meta.code()).map(str::to_owned).or_else(header).or(body.code);
    let Some(code) = code.filter(|_| !response.status().is_success()) else {
        return undecided(operation, heard, failure, response);
    };
    let message = meta.and_then(|meta| meta.message()).map(str::to_owned).or(body.message).unwrap_or_default();
    let fault = AwsError {
        operation,
        kind: kind_of(&code, &message),
        code,
        message,
        resource_type: body.resource_type,
        retry_after: body.retry_after,
        date: heard.date,
    };
    fault.of_what_is_named()
}

/// An answer without a code says nothing about what the call did.
fn undecided<E>(
    operation: &'static str,
    heard: Heard,
    failure: &SdkError<E, HttpResponse>,
    response: &HttpResponse,
) -> AwsError
where
    E: Error + 'static,
{
    let status = response.status();
    if status.is_success() {
        let why = if operation == SECRET { "the answer cannot be read".to_owned() } else { chain(failure) };
        return plain(operation, AwsErrorKind::Lost, UNREADABLE, why, heard.date);
    }
    let message = format!("HTTP status {} without an error code", status.as_u16());
    plain(operation, AwsErrorKind::Unavailable, UNREADABLE, message, heard.date)
}

/// An error with its causes, in one line.
pub(in crate::aws) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
