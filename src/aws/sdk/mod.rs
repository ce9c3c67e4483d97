//! The real door: AWS Transfer Family through the SDK.
//!
//! Maps our calls to the SDK's and its answers to ours. It never retries and decides nothing: [`once`] makes one
//! request of one call, [`error`] reads failures, the rest is translation.

mod answer;
pub(in crate::aws) mod error;
mod mutations;
pub(in crate::aws) mod once;
mod reads;
mod request;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_transfer::Client;
use aws_sdk_transfer::config::{Builder, StalledStreamProtectionConfig};
use jiff::Timestamp;

use super::credentials::CredentialCache;
use super::http::{MUTATION_TIMEOUT, READ_TIMEOUT};
use super::{Answer, Fault, FaultKind, Made, Mutation, Permit, Read, Reply, Transfer};
use once::Once;

/// One account and region, reached through the SDK.
#[derive(Debug)]
pub struct SdkTransfer {
    client: Client,
    credentials: Arc<CredentialCache>,
}

impl SdkTransfer {
    /// A door that signs with these credentials. Where the configuration brings credentials of its own, they are never
    /// used.
    #[must_use]
    pub fn new(config: Builder, credentials: Arc<CredentialCache>) -> Self {
        // Every call is bounded by its own timeouts; a guard that measures throughput by the time source would be
        // fooled by one that stands still.
        let config = config.stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        Self { client: Client::from_conf(config.build()), credentials }
    }

    async fn once(&self, operation: &'static str, at: Option<Timestamp>, timeout: Duration) -> Result<Once, Fault> {
        Ok(Once::new(operation, at, timeout, &self.credentials.get().await?))
    }

    /// Credentials that AWS refuses are not used a second time.
    fn ended<T>(&self, once: &Once, outcome: Result<T, Fault>) -> Result<Reply<T>, Fault> {
        match outcome {
            Ok(value) => Ok(Reply { value, date: once.date() }),
            Err(fault) => {
                if fault.kind == FaultKind::Credentials {
                    self.credentials.refused(once.credentials());
                }
                Err(fault)
            }
        }
    }
}

#[async_trait]
impl Transfer for SdkTransfer {
    async fn read(&self, at: Option<Timestamp>, call: Read) -> Result<Reply<Answer>, Fault> {
        let once = self.once(call.operation(), at, READ_TIMEOUT).await?;
        let outcome = reads::send(&self.client, &once, call).await;
        self.ended(&once, outcome)
    }

    async fn mutate(&self, _spent: Permit, at: Timestamp, call: Mutation) -> Result<Reply<Made>, Fault> {
        let once = self.once(call.operation(), Some(at), MUTATION_TIMEOUT).await?;
        let outcome = mutations::send(&self.client, &once, call).await;
        self.ended(&once, outcome)
    }
}
