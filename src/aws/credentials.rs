//! The credentials of one identity, kept until shortly before they expire.
//!
//! Asks a source and keeps its answer; whose credentials they are is `session`'s. Lifetimes run on the monotonic clock:
//! a wrong clock of the pod neither keeps expired credentials nor asks anew for every call.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};

use super::fault::STS_UNAVAILABLE;
use super::http::READ_TIMEOUT;
use super::sdk::error;
use super::{Fault, FaultKind};
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
    async fn issue(&self) -> Result<Issued, Fault>;
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
    outcome: Result<Credentials, Fault>,
    until: Instant,
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
    pub async fn get(&self) -> Result<Credentials, Fault> {
        if let Some(outcome) = self.good() {
            return outcome;
        }
        let _alone = self.asking.lock().await;
        if let Some(outcome) = self.good() {
            return outcome;
        }
        let kept = match self.source.issue().await {
            Ok(issued) => Kept { until: Instant::now() + keep(issued.lifetime), outcome: Ok(issued.credentials) },
            Err(fault) => {
                // A skewed signature has just taught us AWS's time: the next attempt is a new one.
                let keep = if fault.kind == FaultKind::Skewed { Duration::ZERO } else { FAILURE_KEPT };
                Kept { until: Instant::now() + keep, outcome: Err(before_the_call(fault)) }
            }
        };
        *self.lock() = Some(kept.clone());
        kept.outcome
    }

    /// AWS refused these: the next call asks for new ones.
    pub fn refused(&self, credentials: &Credentials) {
        let mut kept = self.lock();
        let same =
            |kept: &Kept| kept.outcome.as_ref().is_ok_and(|kept| kept.access_key_id() == credentials.access_key_id());
        if kept.as_ref().is_some_and(same) {
            *kept = None;
        }
    }

    fn good(&self) -> Option<Result<Credentials, Fault>> {
        let kept = self.lock();
        let now = Instant::now();
        let kept = kept.as_ref().filter(|kept| now < kept.until)?;
        // A failure that was heard before says when the source is asked again.
        Some(kept.outcome.clone().map_err(|fault| Fault { retry_after: Some(kept.until.duration_since(now)), ..fault }))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keep(lifetime: Option<Duration>) -> Duration {
    let long = lifetime.map(|lifetime| lifetime.saturating_sub(REFRESH_BEFORE));
    long.map_or(KEPT_WITHOUT_EXPIRY, |long| long.max(KEPT_AT_LEAST))
}

fn before_the_call(mut fault: Fault) -> Fault {
    if !fault.kind.proves_nothing_made() {
        fault.kind = FaultKind::Credentials;
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
    async fn issue(&self) -> Result<Issued, Fault> {
        let none = |message| error::plain("GetCredentials", FaultKind::Credentials, "NoCredentials", message, None);
        let Some(provider) = &self.0 else {
            return Err(none("the operator has no AWS credentials of its own".to_owned()));
        };
        let asked = tokio::time::timeout(READ_TIMEOUT, provider.provide_credentials()).await;
        let credentials = asked
            .map_err(|_| none("the operator's own AWS credentials did not come in time".to_owned()))?
            .map_err(|failure| none(error::chain(&failure)))?;
        let lifetime = credentials.expiry().map(until);
        Ok(Issued { credentials, lifetime })
    }
}

/// The chain gives an expiry by AWS's clock and tells nothing of that clock; the pod's has to do.
#[allow(clippy::disallowed_methods, reason = "part of the door: no decision of a pass rests on it")]
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
        answer: Result<Option<Duration>, FaultKind>,
    }

    #[async_trait]
    impl Issue for Source {
        async fn issue(&self) -> Result<Issued, Fault> {
            let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
            tokio::time::sleep(Duration::from_millis(1)).await;
            let date = Some(jiff::Timestamp::UNIX_EPOCH);
            let lifetime = self.answer.map_err(|kind| error::plain("AssumeRole", kind, "X", String::new(), date))?;
            let credentials = Credentials::new(format!("key{number}"), "secret", None, None, "test");
            Ok(Issued { credentials, lifetime })
        }
    }

    fn cache(answer: Result<Option<Duration>, FaultKind>) -> (Arc<CredentialCache>, Arc<AtomicU32>) {
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
    async fn credentials_that_seem_expired_by_a_wrong_clock_are_not_fetched_for_every_call() {
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
        for answer in [Ok(None), Err(FaultKind::Denied)] {
            let (cache, asked) = cache(answer);
            futures::future::join_all((0..100).map(|_| cache.get())).await;
            assert_eq!(asked.load(Ordering::SeqCst), 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_asked_again_after_a_while_and_a_skewed_one_at_once() {
        let (denied, asked) = cache(Err(FaultKind::Denied));
        denied.get().await.unwrap_err();
        tokio::time::advance(FAILURE_KEPT).await;
        denied.get().await.unwrap_err();
        assert_eq!(asked.load(Ordering::SeqCst), 2);

        let (skewed, asked) = cache(Err(FaultKind::Skewed));
        skewed.get().await.unwrap_err();
        skewed.get().await.unwrap_err();
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn missing_credentials_never_leave_a_create_in_doubt_nor_bring_an_old_date() {
        for kind in [FaultKind::Lost, FaultKind::Unavailable, FaultKind::Denied] {
            let fault = cache(Err(kind)).0.get().await.unwrap_err();
            assert!(fault.kind.proves_nothing_made(), "{kind:?}");
            assert_eq!(fault.date, None);
        }
    }
}
