//! The breaker of an identity in one region in front of its calls there: whoever may not call fails at once, without
//! AWS and without STS.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::circuit::{Event, Outcome, Ruling, State, next};
use super::error::{ACCOUNT_MISMATCH, BREAKER_OPEN, STS_UNAVAILABLE};
use super::{AwsApi, AwsError, AwsErrorKind, CreateOutput, Mutation, Permit, Read, Reply};
use crate::sync::{Arc, Instant, Mutex, MutexGuard, PoisonError};

/// The breaker of one identity in one region: its calls there, those to STS included.
#[derive(Debug)]
pub struct CircuitBreaker {
    /// Name of the AwsIdentity.
    pub identity: String,
    region: String,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    state: State,
    last: Option<AwsError>,
}

/// The right to make one call. Dropped without an end, the call was given up.
struct Ticket<'a> {
    breaker: &'a CircuitBreaker,
    probe: bool,
    ended: bool,
}

impl CircuitBreaker {
    /// Closed.
    #[must_use]
    pub fn new(identity: String, region: String) -> Arc<Self> {
        Arc::new(Self { identity, region, inner: Mutex::new(Inner { state: State::NEW, last: None }) })
    }

    /// Makes a call, if calls may be made.
    ///
    /// # Errors
    /// The call's own fault; while the breaker is open, its fault, with the time until the next probe.
    pub async fn run<T>(&self, call: impl Future<Output = Result<T, AwsError>>) -> Result<T, AwsError> {
        let ticket = self.enter()?;
        let outcome = call.await;
        ticket.end(outcome)
    }

    /// Why no call may be made now, if so.
    #[must_use]
    pub fn refusal(&self) -> Option<AwsError> {
        let inner = self.lock();
        inner.state.wait(Instant::now()).map(|wait| self.refused(inner.last.as_ref(), wait))
    }

    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> State {
        self.lock().state
    }

    fn enter(&self) -> Result<Ticket<'_>, AwsError> {
        match self.step(Event::Ask) {
            Some(Ruling::Wait(wait)) => Err(self.refused(self.lock().last.as_ref(), wait)),
            answer => Ok(Ticket { breaker: self, probe: answer == Some(Ruling::Probe), ended: false }),
        }
    }

    fn step(&self, event: Event) -> Option<Ruling> {
        let mut inner = self.lock();
        let (state, answer) = next(inner.state, event, Instant::now());
        if state.name() != inner.state.name() {
            let (identity, region) = (&self.identity, &self.region);
            tracing::info!(%identity, %region, from = inner.state.name(), to = state.name(), "breaker");
        }
        inner.state = state;
        answer
    }

    /// The fault of a call that was not made. Its text tells of no time, so that the same stands in status until the
    /// credentials work.
    fn refused(&self, last: Option<&AwsError>, wait: Duration) -> AwsError {
        let unreachable = last.is_some_and(|last| {
            last.code == STS_UNAVAILABLE
                || matches!(last.kind, AwsErrorKind::Lost | AwsErrorKind::Unavailable | AwsErrorKind::Throttled)
        });
        let (operation, why) = last.map_or(("GetCallerIdentity", String::new()), |last| {
            (last.operation, format!("{}: {}", last.code, last.message))
        });
        let identity = &self.identity;
        AwsError {
            operation,
            kind: AwsErrorKind::Credentials,
            code: if unreachable { STS_UNAVAILABLE } else { BREAKER_OPEN }.to_owned(),
            message: format!("AwsIdentity {identity} failed again and again and is only tried now and then: {why}"),
            resource_type: None,
            retry_after: Some(wait),
            date: None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket<'_> {
    fn end<T>(mut self, outcome: Result<T, AwsError>) -> Result<T, AwsError> {
        self.ended = true;
        let heard = heard(&outcome);
        let fault = match outcome {
            Err(fault) if heard == Outcome::Refused => fault,
            outcome => {
                self.breaker.step(Event::Ended { probe: self.probe, heard });
                return outcome;
            }
        };
        self.breaker.lock().last = Some(fault.clone());
        self.breaker.step(Event::Ended { probe: self.probe, heard });
        // While it is open everybody says the same, so that a status does not change with every probe.
        Err(self.breaker.refusal().unwrap_or(fault))
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.breaker.step(Event::Ended { probe: self.probe, heard: Outcome::Nothing });
        }
    }
}

/// What the outcome of a call tells of the credentials it was to be made with.
fn heard<T>(outcome: &Result<T, AwsError>) -> Outcome {
    let Err(fault) = outcome else { return Outcome::Works };
    match fault.kind {
        // The credentials are good, for another account.
        _ if fault.code == ACCOUNT_MISMATCH => Outcome::Works,
        AwsErrorKind::Skewed => Outcome::Nothing,
        // Kept from an earlier call: it was counted then, and says itself when the next one is due.
        _ if fault.of_sts() && fault.retry_after.is_some() => Outcome::Nothing,
        _ if fault.of_sts() => Outcome::Refused,
        AwsErrorKind::Credentials => Outcome::Refused,
        AwsErrorKind::Unavailable | AwsErrorKind::Lost => Outcome::Nothing,
        AwsErrorKind::NotFound
        | AwsErrorKind::Exists
        | AwsErrorKind::Conflict
        | AwsErrorKind::Throttled
        | AwsErrorKind::Denied
        | AwsErrorKind::Quota
        | AwsErrorKind::Rejected => Outcome::Works,
    }
}

/// A door behind the breaker of its identity.
#[derive(Debug)]
pub struct ThroughBreaker<T> {
    /// The door.
    pub api: T,
    /// The breaker.
    pub breaker: Arc<CircuitBreaker>,
}

#[async_trait]
impl<T: AwsApi> AwsApi for ThroughBreaker<T> {
    async fn read(&self, at: Option<Timestamp>, call: Read) -> Result<Reply<super::Answer>, AwsError> {
        self.breaker.run(self.api.read(at, call)).await
    }

    async fn mutate(&self, permit: Permit, at: Timestamp, call: Mutation) -> Result<Reply<CreateOutput>, AwsError> {
        self.breaker.run(self.api.mutate(permit, at, call)).await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::super::circuit::{FAILURES, FIRST_WAIT};
    use super::super::transfer::{DeleteServer, ListServers};
    use super::*;

    /// Answers with this fault, or well.
    struct Door {
        fault: Mutex<Option<AwsError>>,
        reached: AtomicU32,
    }

    fn fault(operation: &'static str, kind: AwsErrorKind, code: &str) -> AwsError {
        let (code, message) = (code.to_owned(), "no".to_owned());
        AwsError { operation, kind, code, message, resource_type: None, retry_after: None, date: None }
    }

    #[async_trait]
    impl AwsApi for Door {
        async fn read(&self, _: Option<Timestamp>, _: Read) -> Result<Reply<super::super::Answer>, AwsError> {
            self.reached.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(1)).await;
            let value = super::super::Answer::Servers(super::super::Page { items: Vec::new(), next_token: None });
            self.fault.lock().unwrap().clone().map_or(Ok(Reply { value, date: None }), Err)
        }

        async fn mutate(&self, _: Permit, _: Timestamp, _: Mutation) -> Result<Reply<CreateOutput>, AwsError> {
            Err(fault("CreateServer", AwsErrorKind::Lost, "Timeout"))
        }
    }

    fn guarded(fault: AwsError) -> ThroughBreaker<Door> {
        let api = Door { fault: Mutex::new(Some(fault)), reached: AtomicU32::new(0) };
        ThroughBreaker { api, breaker: CircuitBreaker::new("default".to_owned(), "eu-central-1".to_owned()) }
    }

    async fn read(door: &ThroughBreaker<Door>) -> Option<AwsError> {
        door.read(None, ListServers { token: None }.into()).await.err()
    }

    fn reached(door: &ThroughBreaker<Door>) -> u32 {
        door.api.reached.load(Ordering::SeqCst)
    }

    #[tokio::test(start_paused = true)]
    async fn after_five_refusals_nobody_calls_but_one_probe_at_a_time() {
        let door = guarded(fault("ListServers", AwsErrorKind::Credentials, "ExpiredTokenException"));
        for _ in 0..20 {
            read(&door).await.unwrap();
        }
        assert_eq!(reached(&door), FAILURES);
        let told = read(&door).await.unwrap();
        assert_eq!((told.kind, told.code.as_str()), (AwsErrorKind::Credentials, BREAKER_OPEN));
        assert!(told.message.contains("AwsIdentity default") && told.message.contains("ExpiredToken"), "{told}");
        assert!(told.retry_after.unwrap() <= FIRST_WAIT);
        assert!(door.breaker.refusal().is_some(), "told before anything waits");

        tokio::time::advance(FIRST_WAIT).await;
        let all = futures::future::join_all((0..50).map(|_| read(&door))).await;
        assert_eq!(reached(&door), FAILURES + 1, "one of fifty probes");
        assert!(all.iter().all(|fault| fault.as_ref().unwrap().message == told.message), "all say the same: {all:?}");

        *door.api.fault.lock().unwrap() = None;
        tokio::time::advance(FIRST_WAIT).await;
        assert!(read(&door).await.is_some(), "the second wait is longer");
        tokio::time::advance(FIRST_WAIT).await;
        assert_eq!(read(&door).await, None);
        assert_eq!(read(&door).await, None, "closed again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_is_given_up_leaves_the_way_free_for_the_next() {
        let door = guarded(fault("ListServers", AwsErrorKind::Credentials, "ExpiredTokenException"));
        for _ in 0..FAILURES {
            read(&door).await.unwrap();
        }
        tokio::time::advance(FIRST_WAIT).await;
        let given_up = tokio::time::timeout(Duration::ZERO, read(&door)).await;
        assert!(given_up.is_err() && reached(&door) == FAILURES + 1);
        tokio::time::advance(FIRST_WAIT).await;
        read(&door).await.unwrap();
        assert_eq!(reached(&door), FAILURES + 2);
    }

    #[tokio::test(start_paused = true)]
    async fn one_failure_that_many_are_told_counts_once() {
        let kept = fault("AssumeRole", AwsErrorKind::Denied, "AccessDenied");
        let door = guarded(AwsError { retry_after: Some(Duration::from_secs(5)), ..kept });
        for _ in 0..20 {
            assert_eq!(read(&door).await.unwrap().code, "AccessDenied");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_about_credentials_never_opens_it() {
        for (kind, code) in [
            (AwsErrorKind::Denied, "AccessDeniedException"),
            (AwsErrorKind::Throttled, "ThrottlingException"),
            (AwsErrorKind::Unavailable, "InternalServiceError"),
            (AwsErrorKind::Lost, "Timeout"),
            (AwsErrorKind::Skewed, "RequestExpired"),
        ] {
            let door = guarded(fault("ListServers", kind, code));
            for _ in 0..20 {
                assert_eq!(read(&door).await.unwrap().kind, kind);
            }
            assert_eq!(reached(&door), 20, "{code}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_mutation_stays_lost_whatever_the_breaker_thinks() {
        let door = guarded(fault("ListServers", AwsErrorKind::Credentials, "ExpiredTokenException"));
        for _ in 0..FAILURES {
            read(&door).await.unwrap();
        }
        tokio::time::advance(FIRST_WAIT).await;
        let limiter = super::super::RateLimiter::new(super::super::rate_limiter::Rates::default());
        let permit = limiter.acquire("1", "r", super::super::CallClass::Write, super::super::Rank::default()).await;
        let call = Mutation::DeleteServer(DeleteServer { server_id: "s-1".to_owned() });
        let probe = door.mutate(permit, Timestamp::UNIX_EPOCH, call).await.unwrap_err();
        assert_eq!(probe.kind, AwsErrorKind::Lost, "whether it took effect is not known");
    }

    #[tokio::test(start_paused = true)]
    async fn sts_that_does_not_answer_calls_for_nobody() {
        let door = guarded(fault("AssumeRole", AwsErrorKind::Credentials, STS_UNAVAILABLE));
        for _ in 0..FAILURES {
            read(&door).await.unwrap();
        }
        let told = read(&door).await.unwrap();
        assert_eq!(told.code, STS_UNAVAILABLE);
        assert!(told.retry_after.is_some(), "told by the breaker");
    }
}
