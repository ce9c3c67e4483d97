//! One account and region as a reconcile sees it: the door behind the rate limiter, on AWS's clock.
//!
//! Adds what every call needs (rate, clock, complete listings) and decides nothing about objects.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::Instant;

use super::call::Listing;
use super::calls::ReadCall;
use super::rate_limiter::SENT_AT_MOST;
use super::transfer::ListSecurityPolicies;
use super::{
    Answer, AwsApi, AwsClock, AwsError, AwsErrorKind, CallClass, CreateOutput, Mutation, Page, Permit, Rank,
    RateLimiter, Read,
};

/// A page may be of a few rows, and an end has to come also where each promises another one.
const PAGES_MAX: usize = 1000;

/// Ten times that which any account may have, and as much as a pod has room for.
const ROWS_MAX: usize = 100_000;

/// A door to one account and region.
#[derive(Clone)]
pub struct Account {
    /// Twelve digits.
    pub id: String,
    /// Region, such as `eu-central-1`.
    pub region: String,
    /// AWS's clock as its replies tell it.
    pub clock: Arc<AwsClock>,
    api: Arc<dyn AwsApi>,
    limiter: Arc<RateLimiter>,
    rank: Rank,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "account {} in {}", self.id, self.region)
    }
}

impl Account {
    /// Puts a door behind the rate limiter; its calls are of those that nobody waits for.
    #[must_use]
    pub fn new(
        id: String,
        region: String,
        api: Arc<dyn AwsApi>,
        limiter: Arc<RateLimiter>,
        clock: Arc<AwsClock>,
    ) -> Self {
        Self { id, region, clock, api, limiter, rank: Rank::default() }
    }

    /// The same for a piece of work: its calls wait as that does.
    #[must_use]
    pub fn ranked(self, rank: &Rank) -> Self {
        Self { rank: rank.clone(), ..self }
    }

    /// As what its calls wait.
    #[must_use]
    pub fn rank(&self) -> &Rank {
        &self.rank
    }

    /// Waits for the right to send one mutation. Taken before the live read on which the mutation rests.
    pub async fn permit(&self, class: CallClass) -> Permit {
        self.limiter.acquire(&self.id, &self.region, class, self.rank.clone()).await
    }

    /// AWS's time; asks AWS (for a page of its policies' names) where nothing was heard of it yet.
    ///
    /// # Errors
    /// The fault of that read, where it brought no `Date` either.
    pub async fn now(&self) -> Result<Timestamp, AwsError> {
        if let Some(now) = self.clock.now() {
            return Ok(now);
        }
        let outcome = self.read(ListSecurityPolicies { token: None }).await;
        match (self.clock.now(), outcome) {
            (Some(now), _) => Ok(now),
            (None, Err(fault)) => Err(fault),
            (None, Ok(_)) => Err(no_date()),
        }
    }

    /// Sends a mutation once, signed with `at`.
    ///
    /// # Errors
    /// The fault that AWS answered with.
    pub async fn mutate(&self, permit: Permit, at: Timestamp, call: Mutation) -> Result<CreateOutput, AwsError> {
        let (class, operation) = (call.class(), call.operation());
        let sent = Instant::now();
        let outcome = self.api.mutate(permit, at, call).await;
        self.limiter.counters.call(operation, &outcome, sent.elapsed());
        match outcome {
            Ok(reply) => {
                self.clock.observe(reply.date);
                Ok(reply.value)
            }
            Err(fault) => Err(self.note(fault, class)),
        }
    }

    /// One read through the rate limiter. What AWS throttles asks for another permit.
    ///
    /// # Errors
    /// The fault that AWS answered with.
    pub async fn read<C: ReadCall>(&self, call: C) -> Result<C::Output, AwsError> {
        let call: Read = call.into();
        for _ in 1..SENT_AT_MOST {
            match self.read_once::<C>(call.clone()).await {
                Err(fault) if fault.kind == AwsErrorKind::Throttled => {}
                ended => return ended,
            }
        }
        self.read_once::<C>(call).await
    }

    async fn read_once<C: ReadCall>(&self, call: Read) -> Result<C::Output, AwsError> {
        let (class, operation) = (call.class(), call.operation());
        let _spent = self.limiter.acquire(&self.id, &self.region, class, self.rank.clone()).await;
        let sent = Instant::now();
        let outcome = self.api.read(self.clock.now(), call).await;
        self.limiter.counters.call(operation, &outcome, sent.elapsed());
        match outcome {
            Ok(reply) => {
                self.clock.observe(reply.date);
                C::output(reply.value).map_err(|other| unexpected(operation, &other))
            }
            Err(fault) => Err(self.note(fault, class)),
        }
    }

    /// A listing to its end, from the page it stands at. A token that comes back a second time, and more pages than any
    /// account has, mean that it does not end: no listing.
    ///
    /// # Errors
    /// The fault of any page: an incomplete listing is no listing.
    pub async fn list<L>(&self, mut listing: L) -> Result<Vec<L::Row>, AwsError>
    where
        L: Listing + ReadCall<Output = Page<L::Row>>,
    {
        let mut items = Vec::new();
        let mut seen = BTreeSet::new();
        loop {
            let page = self.read(listing.clone()).await?;
            items.extend(page.items);
            let Some(token) = page.next_token else { return Ok(items) };
            if !seen.insert(token.clone()) {
                return Err(endless(<L as Listing>::OPERATION, "RepeatedToken", "a page token came twice"));
            }
            if seen.len() >= PAGES_MAX || items.len() > ROWS_MAX {
                return Err(endless(<L as Listing>::OPERATION, "EndlessListing", "no page was the last"));
            }
            listing.turn(token);
        }
    }

    fn note(&self, fault: AwsError, class: CallClass) -> AwsError {
        self.clock.observe(fault.date);
        if fault.kind == AwsErrorKind::Throttled {
            self.limiter.throttled(&self.id, &self.region, class, fault.retry_after);
        }
        fault
    }
}

fn local(operation: &'static str, code: &str, message: String) -> AwsError {
    AwsError {
        operation,
        kind: AwsErrorKind::Unavailable,
        code: code.to_owned(),
        message,
        resource_type: None,
        retry_after: None,
        date: None,
    }
}

fn unexpected(operation: &'static str, answer: &Answer) -> AwsError {
    let kind = std::mem::discriminant(answer);
    local(operation, "UnexpectedAnswer", format!("the door answered with another shape ({kind:?})"))
}

fn endless(operation: &'static str, code: &str, why: &str) -> AwsError {
    local(operation, code, format!("{why}, the listing is incomplete"))
}

fn no_date() -> AwsError {
    local("ListSecurityPolicies", "NoDate", "AWS's answer carried no Date header".to_owned())
}
