//! The credentials of one identity, kept until shortly before they expire.
//!
//! Asks a source and keeps its answer; whose credentials they are is `account_clients`'s. Lifetimes run on the
//! monotonic clock: a wrong clock of the pod neither keeps expired credentials nor asks anew for every call.

use std::error::Error;
use std::io::ErrorKind;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::error::{STS_UNAVAILABLE, kind_of};
use super::http::READ_TIMEOUT;
use super::sdk::error;
use super::{AwsError, AwsErrorKind};
use crate::sync::{Arc, Instant, Mutex, MutexGuard, PoisonError, Turn};

/// New credentials are fetched this long before the old ones expire: longer than any call takes.
const REFRESH_BEFORE: Duration = Duration::from_mins(5);
/// Fresh credentials are kept at least so long, whatever their expiry says by a wrong clock. What AWS refuses is
/// dropped at once all the same.
const KEPT_AT_LEAST: Duration = Duration::from_mins(1);
/// Credentials without an expiry (a user's access key) are read again so often, so that a rotated file is noticed.
const KEPT_WITHOUT_EXPIRY: Duration = Duration::from_mins(15);
/// A failure is kept so long: a thousand objects of a broken identity ask once, not a thousand times.
pub(super) const FAILURE_KEPT: Duration = Duration::from_secs(10);

/// Credentials as their source gives them.
#[derive(Clone, Debug)]
pub struct Issued {
    /// What to sign with.
    pub credentials: Credentials,
    /// For how long from now, absent where they do not expire.
    pub lifetime: Option<Duration>,
}

/// Where credentials come from.
#[async_trait]
pub trait Issue: Send + Sync + std::fmt::Debug {
    /// New credentials.
    ///
    /// # Errors
    /// Why there are none.
    async fn issue(&self) -> Result<Issued, AwsError>;
}

/// Credentials of one identity.
#[derive(Debug)]
pub struct CredentialCache {
    source: Box<dyn Issue>,
    kept: Mutex<Option<Kept>>,
    /// Held while the source is asked: one asks, all others wait for its answer.
    asking: Turn<()>,
}

#[derive(Clone, Debug)]
struct Kept {
    outcome: Result<Held, AwsError>,
    /// When the source is asked again.
    until: Instant,
}

#[derive(Clone, Debug)]
struct Held {
    credentials: Credentials,
    /// When AWS no longer takes them, absent where they do not expire.
    expires: Option<Instant>,
}

impl Kept {
    /// What is kept after an answer of the source. One that failed takes nothing away: what it gave before is used as
    /// long as AWS takes it, and the source is asked again soon.
    fn after(old: Option<Self>, answer: Result<Issued, AwsError>, now: Instant) -> Self {
        let fault = match answer {
            Ok(Issued { credentials, lifetime }) => {
                let expires = lifetime.map(|lifetime| now + lifetime);
                return Self { outcome: Ok(Held { credentials, expires }), until: now + keep(lifetime) };
            }
            Err(fault) => fault,
        };
        // A skewed signature has just taught us AWS's time: the next attempt is a new one.
        let again = now + if fault.kind == AwsErrorKind::Skewed { Duration::ZERO } else { FAILURE_KEPT };
        let held = old.and_then(|old| old.outcome.ok());
        let Some(held) = held.filter(|held| held.expires.is_none_or(|expires| now < expires)) else {
            return Self { outcome: Err(before_the_call(fault)), until: again };
        };
        tracing::warn!(%fault, "no new credentials; the old ones are used until they expire");
        Self { until: held.expires.map_or(again, |expires| expires.min(again)), outcome: Ok(held) }
    }
}

impl CredentialCache {
    /// An empty cache before a source.
    #[must_use]
    pub fn new(source: impl Issue + 'static) -> Arc<Self> {
        Arc::new(Self { source: Box::new(source), kept: Mutex::default(), asking: Turn::default() })
    }

    /// Credentials that are still good for a call.
    ///
    /// # Errors
    /// Why there are none. Nothing was sent with them, so the kind is never one that leaves a create in doubt; and no
    /// `Date`, because it may be old by now.
    pub async fn get(&self) -> Result<Credentials, AwsError> {
        if let Some(outcome) = self.good() {
            return outcome;
        }
        let _alone = self.asking.lock().await;
        if let Some(outcome) = self.good() {
            return outcome;
        }
        let answer = self.source.issue().await;
        let mut kept = self.lock();
        // Those that AWS refused meanwhile are gone.
        let new = Kept::after(kept.take(), answer, Instant::now());
        *kept = Some(new.clone());
        new.outcome.map(|held| held.credentials)
    }

    /// AWS refused these: the next call asks for new ones.
    pub fn refused(&self, credentials: &Credentials) {
        let mut kept = self.lock();
        let same = |held: &Held| held.credentials.access_key_id() == credentials.access_key_id();
        if kept.as_ref().is_some_and(|kept| kept.outcome.as_ref().is_ok_and(same)) {
            *kept = None;
        }
    }

    fn good(&self) -> Option<Result<Credentials, AwsError>> {
        let kept = self.lock();
        let now = Instant::now();
        let kept = kept.as_ref().filter(|kept| now < kept.until)?;
        Some(match kept.outcome.clone() {
            Ok(held) => Ok(held.credentials),
            // A failure that was heard before says when the source is asked again.
            Err(fault) => Err(AwsError { retry_after: Some(kept.until.duration_since(now)), ..fault }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Option<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keep(lifetime: Option<Duration>) -> Duration {
    let long = lifetime.map(|lifetime| lifetime.saturating_sub(REFRESH_BEFORE));
    long.map_or(KEPT_WITHOUT_EXPIRY, |long| long.max(KEPT_AT_LEAST))
}

fn before_the_call(mut fault: AwsError) -> AwsError {
    if !fault.kind.proves_nothing_made() {
        fault.kind = AwsErrorKind::Credentials;
        fault.message = format!("{}: {}", fault.code, fault.message);
        STS_UNAVAILABLE.clone_into(&mut fault.code);
    }
    fault.date = None;
    fault
}

/// The pod's own credentials: environment, IRSA, Pod Identity, as the AWS default chain finds them.
#[derive(Debug)]
pub struct Own(pub Option<SharedCredentialsProvider>);

#[async_trait]
impl Issue for Own {
    async fn issue(&self) -> Result<Issued, AwsError> {
        let failed = |kind, code, message| error::plain("GetCredentials", kind, code, message, None);
        let none = |message| failed(AwsErrorKind::Credentials, "NoCredentials", message);
        let Some(provider) = &self.0 else {
            return Err(none("the operator has no AWS credentials of its own".to_owned()));
        };
        let late = "the operator's own AWS credentials did not come in time";
        let asked = tokio::time::timeout(READ_TIMEOUT, provider.provide_credentials()).await;
        let answer = asked.map_err(|_| failed(AwsErrorKind::Lost, "Timeout", late.to_owned()))?;
        let credentials = answer.map_err(|failure| match told(&failure) {
            message if passes(&failure) => failed(AwsErrorKind::Lost, "NoAnswer", message),
            message => none(message),
        })?;
        let lifetime = credentials.expiry().map(until);
        Ok(Issued { credentials, lifetime })
    }
}

/// What the SDK says of it. Of an answer that holds credentials and cannot be read it may repeat a piece: of that only the
/// outermost.
fn told(failure: &CredentialsError) -> String {
    let unread = |cause: &(dyn Error + 'static)| {
        let asked = cause.downcast_ref::<SdkError<AssumeRoleWithWebIdentityError, HttpResponse>>();
        asked.and_then(SdkError::raw_response).is_some_and(|response| response.status().is_success())
    };
    if causes(failure).any(unread) {
        format!("{failure}: the answer of STS cannot be read")
    } else {
        error::chain(failure)
    }
}

/// Whether credentials failed to come because their source did not answer, or was unwell: that passes by itself. A
/// chain that found no source is no such failure, even where it looked for one on the network.
fn passes(failure: &CredentialsError) -> bool {
    match failure {
        CredentialsError::ProviderTimedOut(_) => true,
        CredentialsError::ProviderError(_) | CredentialsError::Unhandled(_) => causes(failure).any(unanswered),
        _ => false,
    }
}

/// It and all that led to it.
fn causes(failure: &CredentialsError) -> impl Iterator<Item = &(dyn Error + 'static)> {
    let first: &(dyn Error + 'static) = failure;
    std::iter::successors(Some(first), |&cause| cause.source())
}

/// Whether this cause of a failure is that no answer came, or none of sense. IRSA asks STS, Pod Identity an agent.
fn unanswered(cause: &(dyn Error + 'static)) -> bool {
    if let Some(failure) = cause.downcast_ref::<SdkError<AssumeRoleWithWebIdentityError, HttpResponse>>() {
        let code = failure.code().unwrap_or_default();
        return matches!(failure, SdkError::TimeoutError(_) | SdkError::ResponseError(_))
            || failure.raw_response().is_some_and(|response| response.status().is_server_error())
            // STS could not reach the cluster's OIDC provider; AWS says to try again.
            || code == "IDPCommunicationError"
            || kind_of(code, "") == AwsErrorKind::Throttled;
    }
    let connector = cause.downcast_ref::<ConnectorError>();
    connector.is_some_and(|error| error.is_io() || error.is_timeout())
        || cause.downcast_ref::<std::io::Error>().is_some_and(|error| of_network(error.kind()))
}

/// A file that cannot be read is an I/O error as well, and nothing that passes.
fn of_network(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::NetworkDown
            | ErrorKind::TimedOut
    )
}

/// The chain gives an expiry by AWS's clock and tells nothing of that clock; the pod's has to do.
#[allow(clippy::disallowed_methods, reason = "part of the door: no decision of a reconcile rests on it")]
fn until(expiry: SystemTime) -> Duration {
    expiry.duration_since(SystemTime::now()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[derive(Debug)]
    struct Source {
        asked: Arc<AtomicU32>,
        answer: Result<Option<Duration>, AwsErrorKind>,
    }

    #[async_trait]
    impl Issue for Source {
        async fn issue(&self) -> Result<Issued, AwsError> {
            let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
            tokio::time::sleep(Duration::from_millis(1)).await;
            let date = Some(jiff::Timestamp::UNIX_EPOCH);
            let lifetime = self.answer.map_err(|kind| error::plain("AssumeRole", kind, "X", String::new(), date))?;
            let credentials = Credentials::new(format!("key{number}"), "secret", None, None, "test");
            Ok(Issued { credentials, lifetime })
        }
    }

    fn cache(answer: Result<Option<Duration>, AwsErrorKind>) -> (Arc<CredentialCache>, Arc<AtomicU32>) {
        let asked = Arc::new(AtomicU32::new(0));
        (CredentialCache::new(Source { asked: asked.clone(), answer }), asked)
    }

    async fn key(cache: &CredentialCache) -> String {
        cache.get().await.unwrap().access_key_id().to_owned()
    }

    #[tokio::test(start_paused = true)]
    async fn credentials_are_fetched_again_before_they_expire() {
        let (cache, _) = cache(Ok(Some(Duration::from_hours(1))));
        assert_eq!(key(&cache).await, "key1");
        tokio::time::advance(Duration::from_secs(3600 - 301)).await;
        assert_eq!(key(&cache).await, "key1");
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(key(&cache).await, "key2");
    }

    #[tokio::test(start_paused = true)]
    async fn credentials_expired_by_a_wrong_clock_are_not_fetched_each_call() {
        let (cache, asked) = cache(Ok(Some(Duration::ZERO)));
        for _ in 0..10 {
            assert_eq!(key(&cache).await, "key1");
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn refused_credentials_are_replaced_but_newer_ones_are_kept() {
        let (cache, _) = cache(Ok(None));
        let old = cache.get().await.unwrap();
        cache.refused(&old);
        assert_eq!(key(&cache).await, "key2");
        cache.refused(&old);
        assert_eq!(key(&cache).await, "key2");
    }

    #[tokio::test(start_paused = true)]
    async fn many_callers_ask_once_also_when_it_fails() {
        for answer in [Ok(None), Err(AwsErrorKind::Denied)] {
            let (cache, asked) = cache(answer);
            futures::future::join_all((0..100).map(|_| cache.get())).await;
            assert_eq!(asked.load(Ordering::SeqCst), 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_asked_again_after_a_while_and_a_skewed_one_at_once() {
        let (denied, asked) = cache(Err(AwsErrorKind::Denied));
        denied.get().await.unwrap_err();
        tokio::time::advance(FAILURE_KEPT).await;
        denied.get().await.unwrap_err();
        assert_eq!(asked.load(Ordering::SeqCst), 2);

        let (skewed, asked) = cache(Err(AwsErrorKind::Skewed));
        skewed.get().await.unwrap_err();
        skewed.get().await.unwrap_err();
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }

    /// Gives credentials for an hour the first time, and fails from then on.
    #[derive(Debug)]
    struct Once(Arc<AtomicU32>);

    #[async_trait]
    impl Issue for Once {
        async fn issue(&self) -> Result<Issued, AwsError> {
            match self.0.fetch_add(1, Ordering::SeqCst) {
                0 => Ok(Issued {
                    credentials: Credentials::new("key", "secret", None, None, "test"),
                    lifetime: Some(Duration::from_hours(1)),
                }),
                _ => Err(error::plain("AssumeRole", AwsErrorKind::Lost, "NoAnswer", String::new(), None)),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_refresh_takes_no_credentials_away_that_are_still_good() {
        let asked = Arc::new(AtomicU32::new(0));
        let cache = CredentialCache::new(Once(asked.clone()));
        assert_eq!(key(&cache).await, "key");
        tokio::time::advance(Duration::from_secs(3600 - 299)).await;
        for _ in 0..10 {
            assert_eq!(key(&cache).await, "key");
        }
        assert_eq!(asked.load(Ordering::SeqCst), 2, "asked again, and then not for every call");
        tokio::time::advance(FAILURE_KEPT).await;
        assert_eq!(key(&cache).await, "key");
        assert_eq!(asked.load(Ordering::SeqCst), 3);
        tokio::time::advance(Duration::from_secs(299 - 10 - 5)).await;
        assert_eq!(key(&cache).await, "key", "for the last five seconds");
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(cache.get().await.unwrap_err().code, STS_UNAVAILABLE, "expired");
    }

    #[tokio::test(start_paused = true)]
    async fn refused_credentials_are_not_taken_up_again_when_there_are_no_new_ones() {
        let cache = CredentialCache::new(Once(Arc::default()));
        let old = cache.get().await.unwrap();
        cache.refused(&old);
        cache.get().await.unwrap_err();
    }

    /// What a failure of the pod's own chain of providers becomes.
    async fn own(failure: fn() -> CredentialsError) -> (AwsErrorKind, String) {
        let chain = aws_credential_types::credential_fn::provide_credentials_fn(move || async move { Err(failure()) });
        let cache = CredentialCache::new(Own(Some(SharedCredentialsProvider::new(chain))));
        let fault = cache.get().await.unwrap_err();
        (fault.kind, fault.code)
    }

    #[tokio::test]
    async fn a_silent_source_passes_by_itself_and_an_empty_one_does_not() {
        type Refused = SdkError<AssumeRoleWithWebIdentityError, HttpResponse>;
        fn answered(status: u16, code: &str) -> CredentialsError {
            let meta = aws_smithy_types::error::ErrorMetadata::builder().code(code).build();
            let raw = HttpResponse::new(status.try_into().unwrap(), aws_smithy_types::body::SdkBody::empty());
            let error = AssumeRoleWithWebIdentityError::generic(meta);
            CredentialsError::provider_error(Refused::service_error(error, raw))
        }
        let passing: [fn() -> CredentialsError; 7] = [
            || CredentialsError::provider_timed_out(Duration::from_secs(5)),
            || CredentialsError::provider_error(std::io::Error::from(ErrorKind::ConnectionRefused)),
            || CredentialsError::unhandled(Refused::dispatch_failure(ConnectorError::io("reset".into()))),
            || CredentialsError::provider_error(Refused::timeout_error("slow")),
            || answered(503, "ServiceUnavailable"),
            || answered(400, "IDPCommunicationError"),
            || answered(400, "Throttling"),
        ];
        for failure in passing {
            assert_eq!(own(failure).await, (AwsErrorKind::Credentials, STS_UNAVAILABLE.to_owned()), "{:?}", failure());
        }
        let lasting: [fn() -> CredentialsError; 5] = [
            || CredentialsError::not_loaded(ConnectorError::io("no metadata".into())),
            || CredentialsError::invalid_configuration("wrong"),
            || CredentialsError::provider_error(std::io::Error::from(ErrorKind::NotFound)),
            || answered(403, "AccessDenied"),
            || answered(400, "InvalidIdentityToken"),
        ];
        for failure in lasting {
            assert_eq!(own(failure).await, (AwsErrorKind::Credentials, "NoCredentials".to_owned()), "{:?}", failure());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_that_never_answers_is_given_up_and_that_passes_by_itself() {
        let chain = aws_credential_types::credential_fn::provide_credentials_fn(std::future::pending);
        let cache = CredentialCache::new(Own(Some(SharedCredentialsProvider::new(chain))));
        let fault = cache.get().await.unwrap_err();
        assert_eq!((fault.operation, fault.code.as_str()), ("GetCredentials", STS_UNAVAILABLE));
        assert!(fault.message.contains("in time"), "{fault}");
    }

    #[tokio::test(start_paused = true)]
    async fn without_credentials_no_create_is_in_doubt_and_no_date_is_old() {
        for kind in [AwsErrorKind::Lost, AwsErrorKind::Unavailable, AwsErrorKind::Denied] {
            let fault = cache(Err(kind)).0.get().await.unwrap_err();
            assert!(fault.kind.proves_nothing_made(), "{kind:?}");
            assert_eq!(fault.date, None);
        }
    }
}
