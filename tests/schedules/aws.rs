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
#[path = "../../src/aws/rate_limiter.rs"]
pub mod rate_limiter;

pub use rate_limiter::CallClass;
pub use transfer_operator::aws::{
    Answer, AwsApi, AwsError, AwsErrorKind, CreateOutput, Mutation, Page, Permit, Read, Reply, error, http, transfer,
    waiting,
};

use std::sync::Arc;

use jiff::Timestamp;
use shuttle::future::yield_now;
use transfer::{DescribeServer, ListServers, Tags};

use crate::engine::owner::Owner;
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
}

pub struct Listed {
    pub server_id: String,
}

pub struct Described {
    pub tags: Tags,
}

impl Account {
    pub fn new(owner: Owner) -> Self {
        let (events, listing, listings) = Default::default();
        Self { id: "1".to_owned(), region: "r".to_owned(), owner, events, listing, listings }
    }

    pub async fn now(&self) -> Result<Timestamp, AwsError> {
        yield_now().await;
        Ok(Timestamp::UNIX_EPOCH)
    }

    pub async fn list(&self, _: ListServers) -> Result<Vec<Listed>, AwsError> {
        let began = self.events.up();
        self.listings.up();
        assert_eq!(self.listing.up(), 1, "two listings at a time");
        yield_now().await;
        self.listing.down();
        Ok(vec![Listed { server_id: began.to_string() }])
    }

    pub async fn read(&self, _: DescribeServer) -> Result<Described, AwsError> {
        yield_now().await;
        Ok(Described { tags: self.owner.tags("attempt") })
    }
}
