//! The narrow door to AWS. Nothing else in the program talks to AWS.
//!
//! [`AwsApi`] is the door itself: reads and mutations of every service as data, in our own types. `sdk` is the real
//! one; tests put decorators around it. [`Account`] is what a reconcile holds: the door of one account and region,
//! behind the rate limiter, on AWS's clock. What a call is says `call`; the calls themselves stand by service and
//! resource (`transfer`, `ec2`).

mod account;
pub mod account_clients;
mod call;
mod calls;
pub(crate) mod circuit;
mod circuit_breaker;
mod clock;
pub(crate) mod counters;
pub mod credentials;
pub mod ec2;
pub mod error;
pub mod http;
pub mod rate_limiter;
pub mod sdk;
mod sts;
pub mod transfer;
pub mod waiting;

use async_trait::async_trait;
use jiff::Timestamp;

pub use account::Account;
pub use call::{Call, Change, CreateOutput, Listing, Page};
pub use calls::{Answer, Mutation, Read, ReadCall};
pub use clock::AwsClock;
pub use error::{AwsError, AwsErrorKind};
pub use rate_limiter::{CallClass, Permit, Priority, Rank, RateLimiter};
pub use transfer::{TAGS_MAX, Tags};

/// A reply and AWS's clock at the moment it was given.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply<T> {
    /// What was answered.
    pub value: T,
    /// The `Date` header of the answer.
    pub date: Option<Timestamp>,
}

/// AWS in one account and region.
///
/// One call is one request: an implementation never retries, never waits for a rate and decides nothing.
#[async_trait]
pub trait AwsApi: Send + Sync {
    /// Sends a read, signed with `at`, or with the local clock where AWS's is not known yet.
    ///
    /// # Errors
    /// [`AwsError`] by AWS's error code.
    async fn read(&self, at: Option<Timestamp>, call: Read) -> Result<Reply<Answer>, AwsError>;

    /// Sends a mutation once, signed with exactly `at`: the time of the live read it rests on. A process that was
    /// frozen in between has its call refused by AWS.
    ///
    /// # Errors
    /// [`AwsError`] by AWS's error code.
    async fn mutate(&self, permit: Permit, at: Timestamp, call: Mutation) -> Result<Reply<CreateOutput>, AwsError>;
}
