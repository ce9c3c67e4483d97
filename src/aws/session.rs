//! From an AwsIdentity to the account it stands for: credentials, endpoints, one client per (identity, region).
//!
//! Never falls back: an identity whose credentials do not lead to its account cannot be used.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use tokio::sync::OnceCell;

use super::credentials::CredentialCache;
use super::http::READ_TIMEOUT;
use super::sdk::once::{Once, send_once};
use super::sdk::{SdkTransfer, error};
use super::{Account, AwsClock, Class, Fault, FaultKind, Gate};
use crate::api::AwsIdentity;
use crate::api::identity::{AssumeRole, CredentialSource, Endpoints};

/// Who AWS says the credentials are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerIdentity {
    /// Twelve digits.
    pub account: String,
    /// ARN of the user or assumed role.
    pub arn: String,
}

/// Identities to accounts.
#[async_trait]
pub trait Aws: Send + Sync {
    /// The account of an identity in a region, checked against STS before its first use.
    ///
    /// # Errors
    /// A fault of kind Credentials where the identity cannot be used.
    async fn account(&self, identity: &AwsIdentity, region: &str) -> Result<Account, Fault>;

    /// Asks STS who the identity is.
    ///
    /// # Errors
    /// The fault that STS answered with; `AccountMismatch` where it is another account than the identity names.
    async fn verify(&self, identity: &AwsIdentity) -> Result<CallerIdentity, Fault>;
}

/// Identity uid, generation, region.
type Key = (String, i64, String);

/// The real one.
#[derive(Debug)]
pub struct Sessions {
    gate: Arc<Gate>,
    base: OnceCell<SdkConfig>,
    sessions: Mutex<BTreeMap<Key, Arc<Session>>>,
}

/// One identity in one region.
#[derive(Debug)]
struct Session {
    account: Account,
    sts: aws_sdk_sts::Client,
    credentials: Arc<CredentialCache>,
    verified: OnceCell<CallerIdentity>,
}

impl Sessions {
    /// No session yet.
    #[must_use]
    pub fn new(gate: Arc<Gate>) -> Self {
        Self { gate, base: OnceCell::new(), sessions: Mutex::default() }
    }

    /// What the environment gives: the pod's own credentials (IRSA, Pod Identity), endpoints for tests.
    async fn base(&self) -> &SdkConfig {
        self.base
            .get_or_init(|| async {
                aws_config::defaults(BehaviorVersion::latest())
                    .http_client(super::http::http_client())
                    .retry_config(aws_smithy_types::retry::RetryConfig::disabled())
                    .load()
                    .await
            })
            .await
    }

    async fn session(&self, identity: &AwsIdentity, region: &str) -> Result<Arc<Session>, Fault> {
        let uid = identity.metadata.uid.clone().unwrap_or_default();
        let generation = identity.metadata.generation.unwrap_or_default();
        let key = (uid.clone(), generation, region.to_owned());
        if let Some(session) = self.lock().get(&key) {
            return Ok(Arc::clone(session));
        }
        let session = Arc::new(self.open(identity, region).await?);
        let mut sessions = self.lock();
        sessions.retain(|(other, old, _), _| *other != uid || *old == generation);
        Ok(Arc::clone(sessions.entry(key).or_insert(session)))
    }

    async fn open(&self, identity: &AwsIdentity, region: &str) -> Result<Session, Fault> {
        let spec = &identity.spec;
        let Endpoints { transfer, sts, ec2: _ } = spec.endpoints.clone().unwrap_or_default();
        let region = Region::new(region.to_owned());
        let base = self.base().await.to_builder().region(region.clone()).build();
        let at_sts = with_endpoint(&base, sts.as_deref());
        let provider = provider(identity, &base, &at_sts).await?;
        let credentials = Arc::new(CredentialCache::new(provider));
        let config = aws_sdk_transfer::config::Builder::from(&with_endpoint(&base, transfer.as_deref()))
            .use_fips(spec.use_fips)
            .use_dual_stack(spec.use_dual_stack);
        let sts = aws_sdk_sts::config::Builder::from(&at_sts)
            .use_fips(spec.use_fips)
            .use_dual_stack(spec.use_dual_stack)
            .build();
        let transfer = Arc::new(SdkTransfer::new(config, Arc::clone(&credentials)));
        let clock = Arc::new(AwsClock::default());
        let gate = Arc::clone(&self.gate);
        let account = Account::new(spec.account_id.clone(), region.to_string(), transfer, gate, clock);
        Ok(Session { account, sts: aws_sdk_sts::Client::from_conf(sts), credentials, verified: OnceCell::new() })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Key, Arc<Session>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Aws for Sessions {
    async fn account(&self, identity: &AwsIdentity, region: &str) -> Result<Account, Fault> {
        let session = self.session(identity, region).await?;
        session.verified.get_or_try_init(|| self.ask(&session)).await?;
        Ok(session.account.clone())
    }

    async fn verify(&self, identity: &AwsIdentity) -> Result<CallerIdentity, Fault> {
        let Some(region) = identity.spec.regions.first() else {
            return Err(unusable("NoRegion", "spec.regions is empty".to_owned()));
        };
        let session = self.session(identity, region).await?;
        self.ask(&session).await
    }
}

impl Sessions {
    async fn ask(&self, session: &Session) -> Result<CallerIdentity, Fault> {
        let Account { id, region, clock, .. } = &session.account;
        let _spent = self.gate.pass(id, region, Class::Read).await;
        let credentials = session.credentials.get().await?;
        let once = Once::new("GetCallerIdentity", clock.now(), READ_TIMEOUT, credentials);
        let outcome = send_once!(&once, aws_sdk_sts, session.sts.get_caller_identity());
        clock.observe(once.date());
        let answer = outcome.inspect_err(|fault| {
            if fault.kind == FaultKind::Credentials {
                session.credentials.refused(once.credentials());
            }
        })?;
        let caller = CallerIdentity {
            account: answer.account().unwrap_or_default().to_owned(),
            arn: answer.arn().unwrap_or_default().to_owned(),
        };
        if caller.account == *id {
            return Ok(caller);
        }
        let message = format!("the credentials belong to account {}, spec.accountId says {id}", caller.account);
        Err(unusable("AccountMismatch", message))
    }
}

async fn provider(
    identity: &AwsIdentity,
    base: &SdkConfig,
    at_sts: &SdkConfig,
) -> Result<SharedCredentialsProvider, Fault> {
    let credentials = &identity.spec.credentials;
    match (credentials.source, &credentials.assume_role) {
        (CredentialSource::Operator, _) => base
            .credentials_provider()
            .ok_or_else(|| unusable("NoCredentials", "the operator has no AWS credentials of its own".to_owned())),
        (CredentialSource::AssumeRole, Some(role)) => {
            let AssumeRole { role_arn, external_id, session_duration_seconds } = role;
            let mut builder =
                AssumeRoleProvider::builder(role_arn).session_name("transfer-operator").configure(at_sts);
            if let Some(external_id) = external_id {
                builder = builder.external_id(external_id);
            }
            if let Some(seconds) = session_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok()) {
                builder = builder.session_length(std::time::Duration::from_secs(seconds));
            }
            Ok(SharedCredentialsProvider::new(builder.build().await))
        }
        (CredentialSource::AssumeRole, None) => {
            Err(unusable("NoRole", "credentials.source is AssumeRole and credentials.assumeRole is missing".to_owned()))
        }
    }
}

/// The same with another endpoint; an empty text is none.
fn with_endpoint(config: &SdkConfig, endpoint: Option<&str>) -> SdkConfig {
    match endpoint.filter(|endpoint| !endpoint.is_empty()) {
        Some(endpoint) => config.to_builder().endpoint_url(endpoint).build(),
        None => config.clone(),
    }
}

fn unusable(code: &str, message: String) -> Fault {
    error::plain("GetCallerIdentity", FaultKind::Credentials, code, message, None)
}
