//! The real door: AWS through its SDK, one client for each service. EC2's is ours, over the SDK's HTTP client.
//!
//! It never retries and decides nothing: [`once`] makes one request of one call, [`error`] reads failures, [`convert`]
//! holds what every call needs on its way to the SDK and back. What a call sends and reads stands with the call.

pub(in crate::aws) mod convert;
pub(in crate::aws) mod error;
pub(in crate::aws) mod once;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_transfer::Client;
use aws_sdk_transfer::config::{Builder, StalledStreamProtectionConfig};
use jiff::Timestamp;

use super::credentials::CredentialCache;
use super::ec2::Ec2Client;
use super::http::{MUTATION_TIMEOUT, READ_TIMEOUT};
use super::{Answer, AwsApi, AwsError, AwsErrorKind, CreateOutput, Mutation, Permit, Read, Reply};
use once::Once;

/// The client of each service, in one account and region. A call finds its own by its type.
#[derive(Debug)]
pub(super) struct Clients {
    transfer: Client,
    ec2: Ec2Client,
}

impl AsRef<Client> for Clients {
    fn as_ref(&self) -> &Client {
        &self.transfer
    }
}

impl AsRef<Ec2Client> for Clients {
    fn as_ref(&self) -> &Ec2Client {
        &self.ec2
    }
}

/// One account and region, reached through the SDK.
#[derive(Debug)]
pub struct SdkApi {
    clients: Clients,
    credentials: Arc<CredentialCache>,
}

impl SdkApi {
    /// A door that signs with these credentials. Where a configuration brings credentials of its own, they are never
    /// used.
    #[must_use]
    pub fn new(transfer: Builder, ec2: Ec2Client, credentials: Arc<CredentialCache>) -> Self {
        // Every call is bounded by its own timeouts; a guard that measures throughput by the time source would be
        // fooled by one that stands still.
        let transfer = transfer.stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        Self { clients: Clients { transfer: Client::from_conf(transfer.build()), ec2 }, credentials }
    }

    async fn once(
        &self,
        operation: &'static str,
        required: &'static [&'static str],
        at: Option<Timestamp>,
        timeout: Duration,
    ) -> Result<Once, AwsError> {
        Ok(Once::new(operation, required, at, timeout, &self.credentials.get().await?))
    }

    /// Credentials that AWS refuses, or may have refused, are not used a second time.
    fn ended<T>(&self, once: &Once, outcome: Result<T, AwsError>) -> Result<Reply<T>, AwsError> {
        match outcome {
            Ok(value) => Ok(Reply { value, date: once.date() }),
            Err(fault) => {
                if fault.kind == AwsErrorKind::Credentials || fault.code == OLD_TO_EC2 {
                    self.credentials.refused(once.credentials());
                }
                Err(fault)
            }
        }
    }
}

/// EC2's code for an old signature and for session credentials that have run out, which it does not tell apart. It counts
/// as the first, which the next signature mends and no breaker counts; new credentials, which cost one call to STS, mend
/// the second. Either way nothing was done.
const OLD_TO_EC2: &str = "RequestExpired";

#[async_trait]
impl AwsApi for SdkApi {
    async fn read(&self, at: Option<Timestamp>, call: Read) -> Result<Reply<Answer>, AwsError> {
        let once = self.once(call.operation(), call.required(), at, READ_TIMEOUT).await?;
        let outcome = call.send(&self.clients, &once).await;
        self.ended(&once, outcome)
    }

    async fn mutate(&self, _spent: Permit, at: Timestamp, call: Mutation) -> Result<Reply<CreateOutput>, AwsError> {
        let once = self.once(call.operation(), call.required(), Some(at), MUTATION_TIMEOUT).await?;
        let outcome = call.send(&self.clients, &once).await;
        self.ended(&once, outcome)
    }
}
