//! What the rate limiter learnt, as the Lease hands it on to whoever leads next. What is said when is decided by
//! `aws::rate_limiter::learnt`.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use crate::aws::RateLimiter;
use crate::aws::rate_limiter::learnt::Learnt;
use crate::leader_election::Heritage;

/// The annotation of the Lease.
const ANNOTATION: &str = "transfer-operator.dev/learnt-rates";

/// The rates of a limiter.
pub struct LearntRates {
    limiter: Arc<RateLimiter>,
    /// When this process last had another text for the annotation.
    changed: Mutex<Option<Instant>>,
}

impl LearntRates {
    /// Nothing was said of it yet.
    #[must_use]
    pub fn of(limiter: Arc<RateLimiter>) -> Arc<Self> {
        Arc::new(Self { limiter, changed: Mutex::default() })
    }
}

impl Heritage for LearntRates {
    fn annotation(&self) -> &'static str {
        ANNOTATION
    }

    fn take(&self, text: &str) {
        match Learnt::read(text) {
            Ok((learnt, ignored)) => {
                if ignored > 0 {
                    tracing::warn!(annotation = ANNOTATION, ignored, "some entries of the Lease make no sense");
                }
                tracing::info!(lines = learnt.0.len(), "begins with the rates that were learnt before");
                self.limiter.recall(learnt);
            }
            Err(error) => {
                tracing::warn!(annotation = ANNOTATION, %error, "cannot read the Lease's annotation; rates are learnt anew");
            }
        }
    }

    fn leave(&self, stands: Option<&str>, last: bool) -> Option<String> {
        let mut changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
        let age = changed.filter(|_| !last).map(|at| at.elapsed());
        let text = self.limiter.learnt().instead_of(stands, age, |class| self.limiter.rates().of(class).start);
        if text.is_some() {
            *changed = Some(Instant::now());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::aws::rate_limiter::Rates;
    use crate::aws::{CallClass, Rank};

    #[tokio::test(start_paused = true)]
    async fn the_annotation_follows_what_is_learnt_once_a_minute() {
        let limiter = RateLimiter::new(Rates::default());
        let rates = LearntRates::of(Arc::clone(&limiter));
        assert_eq!(rates.leave(None, false), None, "nothing was learnt");
        rates.take("nonsense");
        rates.take(r#"{"123456789012":{"eu-west-1":{"read":3,"other":1}}}"#);
        let _ = limiter.acquire("123456789012", "eu-west-1", CallClass::Read, Rank::default()).await;
        assert_eq!(
            limiter.lines().first().map(|line| line.rate),
            Some(3.0),
            "a new leader starts where the last one was"
        );
        let text = rates.leave(None, false);
        assert_eq!(text.as_deref(), Some(r#"{"123456789012":{"eu-west-1":{"read":3.0}}}"#));
        assert_eq!(rates.leave(None, false), None, "a moment ago");
        assert_eq!(rates.leave(None, true), text, "but for the last time");
        tokio::time::advance(Duration::from_mins(1)).await;
        assert_eq!(rates.leave(text.as_deref(), false), None, "it stands there");
        assert_eq!(rates.leave(None, false), text, "somebody took it away");
    }
}
