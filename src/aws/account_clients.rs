//! From an AwsIdentity to the account it stands for: credentials, endpoints, one client per (identity, region).
//!
//! Never falls back: an identity whose credentials do not lead to its account cannot be used.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_types::service_config::ServiceConfigKey;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::circuit::State;
use super::circuit_breaker::{CircuitBreaker, ThroughBreaker};
use super::credentials::{CredentialCache, FAILURE_KEPT, Own};
use super::ec2::{self, Ec2Client};
use super::error::ACCOUNT_MISMATCH;
use super::error::{BREAKER_OPEN, STS_UNAVAILABLE};
use super::sdk::{SdkApi, error};
pub use super::sts::CallerIdentity;
use super::sts::{Role, SessionTags, Sts};
use super::{Account, AwsClock, AwsError, AwsErrorKind, RateLimiter};
use crate::api::AwsIdentity;
use crate::api::identity::{AssumeRole, AwsIdentitySpec, CredentialSource, Endpoints};

/// Identities to accounts.
#[async_trait]
pub trait Aws: Send + Sync {
    /// The account of an identity in a region, checked against STS before its first use.
    ///
    /// # Errors
    /// A fault of kind Credentials where the identity cannot be used.
    async fn account(&self, identity: &AwsIdentity, region: &str) -> Result<Account, AwsError>;

    /// Asks STS who the identity is.
    ///
    /// # Errors
    /// The fault that STS answered with; `AccountMismatch` where it is another account than the identity names.
    async fn verify(&self, identity: &AwsIdentity) -> Result<CallerIdentity, AwsError>;

    /// The identity of this uid is gone: its credentials and its breaker are let go of. Nothing to do where none are
    /// kept.
    fn forget(&self, _uid: &str) {}
}

/// The region whose STS the default chain asks where the pod was told none; IRSA and Pod Identity tell it.
const FALLBACK_REGION: &str = "us-east-1";

/// What STS said before the first use of an identity counts for so long also where the identity itself is looked at: both
/// come at a start, in any order.
pub const JUST_ASKED: Duration = Duration::from_secs(5);

/// The tags of a session, by which policies of AWS can tell who calls. Plain words: a key that AWS's own services set on
/// sessions (`eks-cluster-name`, `kubernetes-namespace`) could not be set again.
const TAG_CLUSTER: &str = "cluster";
const TAG_IDENTITY: &str = "identity";

/// Identity uid, [`AwsIdentitySpec::access`], region. Not the generation: an edit of a grant is no reason to ask STS.
pub type ClientKey = (String, String, String);

/// The real one.
#[derive(Debug)]
pub struct AccountClients {
    limiter: Arc<RateLimiter>,
    /// The cluster that sessions are tagged with; none where no identity of a cluster is used.
    cluster: Option<String>,
    pod: OnceCell<Pod>,
    open: Mutex<Open>,
}

/// What is kept of each identity, as its newest spec says it.
#[derive(Debug, Default)]
struct Open {
    clients: BTreeMap<ClientKey, Arc<Session>>,
    /// One breaker for each region: one that is not enabled, or whose STS is down, must not close the others.
    guards: BTreeMap<ClientKey, Arc<CircuitBreaker>>,
}

/// What the pod's environment gives: endpoints, and credentials of its own.
#[derive(Debug)]
struct Pod {
    config: SdkConfig,
    own: Arc<CredentialCache>,
}

impl From<SdkConfig> for Pod {
    /// The credentials are taken out of the configuration: nothing may use them that was not told to.
    fn from(config: SdkConfig) -> Self {
        let own = CredentialCache::new(Own(config.credentials_provider()));
        let mut config = config.into_builder();
        config.set_credentials_provider(None);
        Self { config: config.build(), own }
    }
}

/// One identity in one region.
#[derive(Debug)]
struct Session {
    /// Of the identity, when it was opened.
    generation: i64,
    account: Account,
    sts: Sts,
    credentials: Arc<CredentialCache>,
    breaker: Arc<CircuitBreaker>,
    verdict: tokio::sync::Mutex<Option<Verdict>>,
}

/// What STS said of the identity, and until when a failure is believed.
#[derive(Debug)]
struct Verdict {
    outcome: Result<CallerIdentity, AwsError>,
    until: Option<Instant>,
    /// When it was asked before the first use; nothing once it was told.
    untold: Option<Instant>,
}

impl AccountClients {
    /// AccountClients on what the environment says: the AWS default chain, `AWS_ENDPOINT_URL`.
    #[must_use]
    pub fn new(limiter: Arc<RateLimiter>) -> Self {
        Self { limiter, cluster: None, pod: OnceCell::new(), open: Mutex::default() }
    }

    /// AccountClients on a given configuration instead of the environment's.
    #[must_use]
    pub fn with_config(limiter: Arc<RateLimiter>, config: SdkConfig) -> Self {
        Self { limiter, cluster: None, pod: OnceCell::new_with(Some(config.into())), open: Mutex::default() }
    }

    /// The same for the identities of the cluster with this id.
    #[must_use]
    pub fn of_cluster(self, id: String) -> Self {
        Self { cluster: Some(id), ..self }
    }

    /// Whose the environment's own credentials are, whichever account that is.
    ///
    /// # Errors
    /// The fault that STS answered with, or why there are no credentials.
    pub async fn caller(&self, region: &str) -> Result<CallerIdentity, AwsError> {
        let anybody = AwsIdentitySpec::own(String::new(), region.to_owned());
        let session = self.session(&AwsIdentity::new("caller", anybody), region).await?;
        session.sts.caller(&session.credentials).await
    }

    async fn session(&self, identity: &AwsIdentity, region: &str) -> Result<Arc<Session>, AwsError> {
        let uid = identity.metadata.uid.clone().unwrap_or_default();
        let limit = identity.spec.rate_limit.as_ref().and_then(|limit| limit.requests_per_second);
        self.limiter.set_limit(&identity.spec.account_id, &uid, limit.map(f64::from));
        let access = identity.spec.access();
        let key = (uid.clone(), access.clone(), region.to_owned());
        let generation = identity.metadata.generation.unwrap_or_default();
        let known = self.lock().clients.get(&key).cloned();
        let fresh = |session: &Arc<Session>| session.generation == generation || session.breaker.refusal().is_none();
        match known {
            Some(session) if fresh(&session) => return Ok(session),
            // Whoever edits an identity that does not work wants to see whether it works now.
            Some(_) => drop(self.lock().guards.remove(&key)),
            None => {}
        }
        let pod = self.pod.get_or_init(load).await;
        let breaker = self.breaker(identity, key.clone());
        let role = role(identity)?.map(|to| (tags(&to, identity, self.cluster.as_ref()), to));
        let session = Arc::new(open(pod, &self.limiter, breaker, role, identity, region));
        let mut open = self.lock();
        open.clients.retain(|(other, old, _), _| *other != uid || *old == access);
        // An identity that was deleted and made again has another uid, and its old breaker would speak for it.
        let name = identity.metadata.name.as_deref().unwrap_or_default();
        open.guards.retain(
            |(other, old, _), breaker| {
                if *other == uid { *old == access } else { breaker.identity != name }
            },
        );
        let kept = open.clients.entry(key).or_insert_with(|| Arc::clone(&session));
        if !fresh(kept) {
            *kept = session;
        }
        Ok(Arc::clone(kept))
    }

    /// The breakers of all identities that were used, by name. Of several regions the one that is not closed speaks.
    #[must_use]
    pub fn breakers(&self) -> Vec<(String, State)> {
        let mut states = BTreeMap::new();
        for breaker in self.lock().guards.values() {
            let state = states.entry(breaker.identity.clone()).or_insert(State::NEW);
            if matches!(state, State::Closed { .. }) {
                *state = breaker.state();
            }
        }
        states.into_iter().collect()
    }

    /// The breaker of an identity in a region.
    pub fn breaker(&self, identity: &AwsIdentity, key: ClientKey) -> Arc<CircuitBreaker> {
        let name = identity.metadata.name.clone().unwrap_or_default();
        let region = key.2.clone();
        Arc::clone(self.lock().guards.entry(key).or_insert_with(|| CircuitBreaker::new(name, region)))
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Aws for AccountClients {
    async fn account(&self, identity: &AwsIdentity, region: &str) -> Result<Account, AwsError> {
        let session = self.session(identity, region).await?;
        session.check().await?;
        // Told before anything waits at the rate limiter.
        session.breaker.refusal().map_or_else(|| Ok(session.account.clone()), Err)
    }

    async fn verify(&self, identity: &AwsIdentity) -> Result<CallerIdentity, AwsError> {
        let Some(region) = identity.spec.regions.first() else {
            return Err(unusable("NoRegion", "spec.regions is empty".to_owned()));
        };
        self.session(identity, region).await?.verify().await
    }

    fn forget(&self, uid: &str) {
        self.limiter.forget(uid);
        let mut open = self.lock();
        open.clients.retain(|(of, ..), _| of != uid);
        open.guards.retain(|(of, ..), _| of != uid);
    }
}

impl Session {
    /// Asks STS unless it was asked before; many callers ask once.
    async fn check(&self) -> Result<(), AwsError> {
        let mut verdict = self.verdict.lock().await;
        if let Some(known) = verdict.as_ref().filter(|known| known.until.is_none_or(|until| Instant::now() < until)) {
            return known.outcome.as_ref().map(|_| ()).map_err(Clone::clone);
        }
        let outcome = self.breaker.run(self.ask()).await;
        let answer = outcome.as_ref().map(|_| ()).map_err(Clone::clone);
        // The breaker answers for itself, with its own time.
        if !answer.as_ref().is_err_and(broken) {
            *verdict = Some(Verdict { untold: Some(Instant::now()), ..Verdict::new(outcome) });
        }
        answer
    }

    /// Asks STS now. A failure of the asking does not take back what STS said earlier; another account does.
    async fn verify(&self) -> Result<CallerIdentity, AwsError> {
        let mut verdict = self.verdict.lock().await;
        if let Some(Verdict { outcome: Ok(caller), untold, .. }) = verdict.as_mut()
            && untold.take().is_some_and(|asked| asked.elapsed() < JUST_ASKED)
        {
            return Ok(caller.clone());
        }
        let outcome = self.breaker.run(self.ask()).await;
        if outcome.as_ref().is_err_and(broken) {
            return outcome;
        }
        let known = verdict.as_ref().is_some_and(|known| known.outcome.is_ok());
        let failed = outcome.as_ref().is_err_and(|fault| fault.code != ACCOUNT_MISMATCH);
        if !(known && failed) {
            *verdict = Some(Verdict::new(outcome.clone()));
        }
        outcome
    }

    async fn ask(&self) -> Result<CallerIdentity, AwsError> {
        let caller = self.sts.caller(&self.credentials).await?;
        if caller.account == self.account.id {
            return Ok(caller);
        }
        let Account { id, .. } = &self.account;
        let message = format!(
            "the credentials of AwsIdentity {} belong to account {}, its spec.accountId says {id}",
            self.breaker.identity, caller.account
        );
        Err(unusable(ACCOUNT_MISMATCH, message))
    }
}

impl Verdict {
    fn new(outcome: Result<CallerIdentity, AwsError>) -> Self {
        // A skewed signature has just taught us AWS's time: the next attempt is a new one.
        let until = outcome.as_ref().err().map(|fault| match fault.kind {
            AwsErrorKind::Skewed => Instant::now(),
            _ => Instant::now() + FAILURE_KEPT,
        });
        // AWS's `Date` is not kept with a failure: told later, it would be wrong.
        Self { outcome: outcome.map_err(|fault| AwsError { date: None, ..fault }), until, untold: None }
    }
}

/// What the environment gives. No region is looked up in the instance metadata, which a pod often cannot reach: every
/// identity names its own.
async fn load() -> Pod {
    let region = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new()).or_else(FALLBACK_REGION);
    let config = aws_config::defaults(BehaviorVersion::latest())
        .http_client(super::http::http_client())
        .region(region)
        .load()
        .await;
    config.into()
}

fn open(
    pod: &Pod,
    limiter: &Arc<RateLimiter>,
    breaker: Arc<CircuitBreaker>,
    role: Option<(SessionTags, AssumeRole)>,
    identity: &AwsIdentity,
    region: &str,
) -> Session {
    let spec = &identity.spec;
    let Endpoints { transfer, sts, ec2 } = spec.endpoints.clone().unwrap_or_default();
    let (transfer, sts, ec2) = (endpoint(transfer), endpoint(sts), endpoint(ec2));
    let base = pod.config.to_builder().region(Region::new(region.to_owned())).build();
    let mut to_sts = aws_sdk_sts::config::Builder::from(&base);
    let mut to_transfer = aws_sdk_transfer::config::Builder::from(&base);
    let ((sts_fips, sts_dual), (fips, dual)) =
        (variants(spec, &base, "STS", sts.as_ref()), variants(spec, &base, "Transfer", transfer.as_ref()));
    to_sts.set_use_fips(sts_fips).set_use_dual_stack(sts_dual);
    to_transfer.set_use_fips(fips).set_use_dual_stack(dual);
    if sts.is_some() {
        to_sts.set_endpoint_url(sts);
    }
    if transfer.is_some() {
        to_transfer.set_endpoint_url(transfer);
    }
    let clock = Arc::new(AwsClock::default());
    let sts = Sts {
        client: aws_sdk_sts::Client::from_conf(to_sts.build()),
        account: spec.account_id.clone(),
        region: region.to_owned(),
        clock: Arc::clone(&clock),
        limiter: Arc::clone(limiter),
    };
    let credentials = match role {
        None => Arc::clone(&pod.own),
        Some((tags, to)) => CredentialCache::new(Role { sts: sts.clone(), own: Arc::clone(&pod.own), to, tags }),
    };
    let api = SdkApi::new(to_transfer, to_ec2(spec, &base, region, ec2), Arc::clone(&credentials));
    let api = Arc::new(ThroughBreaker { api, breaker: Arc::clone(&breaker) });
    let account = Account::new(spec.account_id.clone(), region.to_owned(), api, Arc::clone(limiter), clock);
    let generation = identity.metadata.generation.unwrap_or_default();
    Session { generation, account, sts, credentials, breaker, verdict: tokio::sync::Mutex::default() }
}

/// EC2's client, at the address that is given by the identity or else by the environment, as the SDK's clients take it.
fn to_ec2(spec: &AwsIdentitySpec, base: &SdkConfig, region: &str, given: Option<String>) -> Ec2Client {
    let (fips, dual_stack) = variants(spec, base, "EC2", given.as_ref());
    let of_environment = || of_service(base, "EC2").or_else(|| base.endpoint_url().map(str::to_owned));
    let own = || ec2::address(region, fips.unwrap_or_default(), dual_stack.unwrap_or_default());
    let url = given.or_else(of_environment).unwrap_or_else(own);
    Ec2Client::new(base.http_client().unwrap_or_else(super::http::http_client), region, &url)
}

/// Whether the breaker answered in place of AWS.
fn broken(fault: &AwsError) -> bool {
    matches!(fault.code.as_str(), BREAKER_OPEN | STS_UNAVAILABLE) && fault.retry_after.is_some()
}

/// An empty text is no endpoint.
fn endpoint(url: Option<String>) -> Option<String> {
    url.filter(|url| !url.is_empty())
}

/// Whether a client asks for the FIPS and for the dual-stack variant of AWS's address. Where an address is given, by
/// the identity or by the environment, it says that itself: the SDK sends nothing at all where it has both.
fn variants(
    spec: &AwsIdentitySpec,
    base: &SdkConfig,
    service: &str,
    given: Option<&String>,
) -> (Option<bool>, Option<bool>) {
    if given.is_some() || base.endpoint_url().is_some() || of_service(base, service).is_some() {
        return (Some(false), Some(false));
    }
    let wanted = |spec: bool, environment| if spec { Some(true) } else { environment };
    (wanted(spec.use_fips, base.use_fips()), wanted(spec.use_dual_stack, base.use_dual_stack()))
}

/// The address that the environment gives for one service.
fn of_service(base: &SdkConfig, service: &str) -> Option<String> {
    let key = ServiceConfigKey::builder().service_id(service).env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
    base.service_config()?.load_config(key.ok()?)
}

/// The role to assume; none where the identity is the operator's own, said in so many words.
fn role(identity: &AwsIdentity) -> Result<Option<AssumeRole>, AwsError> {
    let credentials = &identity.spec.credentials;
    match (credentials.source, &credentials.assume_role) {
        (CredentialSource::Operator, _) => Ok(None),
        (CredentialSource::AssumeRole, Some(role)) => Ok(Some(role.clone())),
        (CredentialSource::AssumeRole, None) => {
            let message = "spec.credentials.source is AssumeRole and spec.credentials.assumeRole is missing";
            Err(unusable("NoRole", message.to_owned()))
        }
    }
}

/// The tags of the sessions of this role: none without its switch.
fn tags(role: &AssumeRole, identity: &AwsIdentity, cluster: Option<&String>) -> SessionTags {
    if !role.session_tags {
        return SessionTags::new();
    }
    let tags = [(TAG_CLUSTER, cluster), (TAG_IDENTITY, identity.metadata.name.as_ref())];
    tags.into_iter().filter_map(|(key, value)| Some((key, value?.clone()))).collect()
}

fn unusable(code: &str, message: String) -> AwsError {
    error::plain("GetCallerIdentity", AwsErrorKind::Credentials, code, message, None)
}
