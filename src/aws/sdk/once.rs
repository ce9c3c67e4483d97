//! One call is one request: the settings that make the SDK send it once and sign it with the time that was asked for.
//!
//! All settings belong together. With a time source alone the SDK signs with "now plus learnt skew", learns that skew
//! per client from every `Date` header and so moves the signatures of later calls; with retries on it repeats a refused
//! signature with the real time; with its identity cache it judges expiry by the chosen time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_smithy_async::time::{SharedTimeSource, StaticTimeSource, SystemTimeSource, TimeSource};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeDeserializationInterceptorContextRef,
    BeforeTransmitInterceptorContextRef,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::timeout::TimeoutConfig;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::convert::{Built, Complete, required};
use super::error::{self, Heard};
use crate::aws::http::CONNECT_TIMEOUT;
use crate::aws::{AwsError, AwsErrorKind, CreateOutput, Page};

/// Sends one operation of any SDK client as `$once` says. A macro, because the clients' builders share no trait.
macro_rules! single_attempt {
    ($once:expr, $sdk:ident, $operation:expr) => {{
        let once: &$crate::aws::sdk::once::Once = $once;
        let mut settings = $sdk::config::Builder::new()
            .disable_clock_skew_correction(true)
            .retry_config(aws_smithy_types::retry::RetryConfig::disabled())
            .identity_cache($sdk::config::IdentityCache::no_cache())
            .credentials_provider(once.credentials().clone())
            .timeout_config(once.timeouts());
        settings.set_time_source(once.time_source());
        let call = $operation.customize().config_override(settings).interceptor(once.listener());
        once.outcome(call.send().await)
    }};
}
pub(in crate::aws) use single_attempt;

/// One request that is about to be sent, and what was heard of it.
#[derive(Debug)]
pub struct Once {
    operation: &'static str,
    required: &'static [&'static str],
    at: Option<Timestamp>,
    timeout: Duration,
    credentials: Credentials,
    heard: Arc<Mutex<Heard>>,
}

impl Once {
    /// A request that is signed with `at`, or by the local clock. An answer without one of the `required` members is
    /// none.
    pub(in crate::aws) fn new(
        operation: &'static str,
        required: &'static [&'static str],
        at: Option<Timestamp>,
        timeout: Duration,
        credentials: &Credentials,
    ) -> Self {
        // The time of the signature has nothing to do with the life of the credentials: who keeps them knows that.
        let credentials = Credentials::new(
            credentials.access_key_id(),
            credentials.secret_access_key(),
            credentials.session_token().map(str::to_owned),
            None,
            "transfer-operator",
        );
        Self { operation, required, at, timeout, credentials, heard: Arc::default() }
    }

    /// The members that every answer has.
    pub(in crate::aws) fn required(&self) -> &'static [&'static str] {
        self.required
    }

    /// AWS's name of the operation.
    pub(in crate::aws) fn operation(&self) -> &'static str {
        self.operation
    }

    /// What it is signed with.
    pub(in crate::aws) fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// One attempt is the whole operation.
    pub(in crate::aws) fn timeouts(&self) -> TimeoutConfig {
        TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(self.timeout)
            .operation_timeout(self.timeout)
            .build()
    }

    /// The clock that stands still at the time of the signature.
    pub(in crate::aws) fn time_source(&self) -> Option<SharedTimeSource> {
        self.at.map(|at| SharedTimeSource::new(StaticTimeSource::new(SystemTime::from(at))))
    }

    /// The time of the signature.
    pub(in crate::aws) fn signing_time(&self) -> SystemTime {
        self.time_source().map_or_else(|| SystemTimeSource::new().now(), |source| source.now())
    }

    /// Takes down what happens to the request.
    pub(in crate::aws) fn listener(&self) -> Listener {
        Listener { heard: self.heard.clone(), required: self.required }
    }

    /// The same for an answer that is no JSON: whoever reads it looks for the members.
    pub(in crate::aws) fn listener_of_any(&self) -> Listener {
        Listener { heard: self.heard.clone(), required: &[] }
    }

    /// AWS's `Date` of the answer; absent where it was not AWS that answered.
    pub(in crate::aws) fn date(&self) -> Option<Timestamp> {
        self.heard().date
    }

    /// The SDK's outcome, a failure of it as [`AwsError`].
    pub(in crate::aws) fn outcome<T, E>(&self, outcome: Result<T, SdkError<E, HttpResponse>>) -> Result<T, AwsError>
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        outcome.map_err(|failure| error::fault(self.operation, self.heard(), &failure))
    }

    /// An answer that was read, if nothing is missing in it.
    pub(in crate::aws) fn complete<T>(&self, read: Complete<T>) -> Result<T, AwsError> {
        read.map_err(|member| self.incomplete(member))
    }

    /// One page. A row that cannot be read must not look like an absent object: one that lacks a member makes it no
    /// answer.
    pub(in crate::aws) fn page<T, U>(
        &self,
        rows: Vec<T>,
        row: impl Fn(T) -> Complete<U>,
        next_token: Option<String>,
    ) -> Result<Page<U>, AwsError> {
        let items = self.complete(rows.into_iter().map(row).collect())?;
        Ok(Page { items, next_token: next_token.filter(|token| !token.is_empty()) })
    }

    /// The id that AWS chose. Without it nobody knows what was made: as good as no answer.
    pub(in crate::aws) fn made(&self, id: String, member: &'static str) -> Result<CreateOutput, AwsError> {
        self.complete(required(id, member)).map(|id| CreateOutput { id: Some(id) })
    }

    /// A shape of the SDK's. Where it cannot be built, nothing is sent.
    pub(in crate::aws) fn built<T>(&self, shape: Built<T>) -> Result<T, AwsError> {
        shape.map_err(|why| self.unbuildable(&why))
    }

    /// The answer of AWS lacks what its model promises; what the call did is unknown.
    pub(in crate::aws) fn incomplete(&self, member: &str) -> AwsError {
        let message = format!("the answer has no {member}");
        error::plain(self.operation, AwsErrorKind::Lost, error::UNREADABLE, message, self.date())
    }

    /// The request could not be built; nothing was sent.
    fn unbuildable(&self, why: &dyn std::error::Error) -> AwsError {
        error::plain(self.operation, AwsErrorKind::Rejected, error::NOT_SENT, error::chain(why), None)
    }

    fn heard(&self) -> Heard {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Listens to one request.
#[derive(Debug)]
pub(in crate::aws) struct Listener {
    heard: Arc<Mutex<Heard>>,
    required: &'static [&'static str],
}

impl Listener {
    fn note(&self, change: impl FnOnce(&mut Heard)) {
        change(&mut self.heard.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Intercept for Listener {
    fn name(&self) -> &'static str {
        "Listener"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.note(|heard| heard.sent = true);
        Ok(())
    }

    fn read_after_transmit(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.response().headers();
        // What carries no request id may be a proxy's or a balancer's own page, and its clock is nobody's here: one
        // date of the future would end the wait for a create that is still under way.
        let date = headers.get(REQUEST_ID).and_then(|_| headers.get("date")).and_then(parse_date);
        self.note(|heard| heard.date = date);
        Ok(())
    }

    /// The SDK reads an empty body as an answer of empty members: an empty page of a listing, a server without tags.
    /// Neither may be believed.
    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        match missing(response, self.required) {
            Some(member) if response.status().is_success() => Err(format!("the answer has no {member}").into()),
            _ => Ok(()),
        }
    }
}

/// AWS names every request that it answered itself, errors too; Transfer, STS and EC2 alike.
const REQUEST_ID: &str = "x-amzn-requestid";

fn parse_date(text: &str) -> Option<Timestamp> {
    Timestamp::try_from(httpdate::parse_http_date(text).ok()?).ok()
}

/// The first of the members that an answer does not have; null stands for none.
fn missing(response: &HttpResponse, members: &[&'static str]) -> Option<&'static str> {
    let body = response.body().bytes().unwrap_or_default();
    let answer: Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
    members.iter().copied().find(|member| answer.get(*member).is_none_or(Value::is_null))
}
