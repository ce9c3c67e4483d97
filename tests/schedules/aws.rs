//! Rate limiter, breaker, clock and credentials, on the primitives of this test, and an account whose listings can be
//! watched.

#[allow(dead_code, unused_imports)]
#[path = "../../src/aws/circuit.rs"]
pub mod circuit;
#[allow(dead_code, unused_imports)]
#[path = "../../src/aws/circuit_breaker.rs"]
pub mod circuit_breaker;
#[allow(dead_code, unused_imports)]
#[path = "../../src/aws/clock.rs"]
pub mod clock;
#[allow(dead_code, unused_imports)]
#[path = "../../src/aws/counters.rs"]
pub mod counters;
#[allow(dead_code, unused_imports)]
#[path = "../../src/aws/credentials.rs"]
pub mod credentials;
#[allow(dead_code, unused_imports)]
#[path = "../../src/aws/rate_limiter/mod.rs"]
pub mod rate_limiter;

pub use rate_limiter::{CallClass, Rank};
pub use transfer_operator::aws::{
    Answer, AwsApi, AwsError, AwsErrorKind, CreateOutput, Mutation, Page, Permit, Read, Reply, error, http, transfer,
    waiting,
};

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use shuttle::future::yield_now;
use transfer::Tags;

use crate::engine::owner::Owner;
use crate::kinds::tag_index::TaggedResource;
use crate::sync::count::Counter;

/// Faults that do not come from AWS.
pub mod sdk {
    pub mod error {
        use jiff::Timestamp;

        use crate::aws::{AwsError, AwsErrorKind};

        pub fn plain(
            operation: &'static str,
            kind: AwsErrorKind,
            code: &str,
            message: String,
            date: Option<Timestamp>,
        ) -> AwsError {
            AwsError { operation, kind, code: code.to_owned(), message, resource_type: None, retry_after: None, date }
        }

        pub fn chain(error: &dyn std::error::Error) -> String {
            error.to_string()
        }
    }
}

/// An account with one server of `owner`, whose id is the number of the listing that showed it.
#[derive(Clone)]
pub struct Account {
    pub id: String,
    pub region: String,
    pub owner: Owner,
    /// Numbers everything that happens.
    pub events: Arc<Counter>,
    /// Listings under way.
    pub listing: Arc<Counter>,
    /// Listings in all.
    pub listings: Arc<Counter>,
    rank: Rank,
}

impl Account {
    pub fn new(owner: Owner) -> Self {
        let (events, listing, listings, rank) = Default::default();
        Self { id: "1".to_owned(), region: "r".to_owned(), owner, events, listing, listings, rank }
    }

    pub fn rank(&self) -> &Rank {
        &self.rank
    }

    pub fn ranked(self, rank: &Rank) -> Self {
        Self { rank: rank.clone(), ..self }
    }

    pub async fn now(&self) -> Result<Timestamp, AwsError> {
        yield_now().await;
        Ok(Timestamp::UNIX_EPOCH)
    }
}

/// What the account has; an id is the number of the listing that showed it.
#[derive(Debug)]
pub struct Listings;

#[async_trait]
impl TaggedResource for Listings {
    const LISTING: &'static str = "ListServers";

    async fn list(account: &Account) -> Result<Vec<String>, AwsError> {
        let began = account.events.up();
        account.listings.up();
        assert_eq!(account.listing.up(), 1, "two listings at a time");
        yield_now().await;
        account.listing.down();
        Ok(vec![began.to_string()])
    }

    async fn tags(account: &Account, _: &str) -> Result<Tags, AwsError> {
        yield_now().await;
        Ok(account.owner.tags("attempt"))
    }
}
