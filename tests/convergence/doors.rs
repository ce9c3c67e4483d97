//! The doors of one process: the operator's own traits over the API server in memory and over the simulator, which is
//! asked without bytes. What lies in between is not theirs: all trouble, or none.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use jiff::Timestamp;
use kube::api::ObjectMeta;
use kube::core::ApiResource;
use serde_json::{Value, json};
use tokio::time::Instant;
use transfer_operator::api::{AwsIdentity, FINALIZER};
use transfer_operator::aws::account_clients::{Aws, CallerIdentity, JUST_ASKED};
use transfer_operator::aws::rate_limiter::Rates;
use transfer_operator::aws::{
    Account, Answer, AwsApi, AwsClock, AwsError, CreateOutput, Mutation, Permit, RateLimiter, Read, Reply,
};
use transfer_operator::cluster::{ClusterError, Entries, EventNote, KubeApi, Name, OwnedWrite, Reach, SecretData};
use transfer_operator::sim::door;
use transfer_operator::sim::operation::Asked;
use transfer_operator::sim::service::Direct;

use transfer_operator::fakes::api_server::{ApiServer, Key};

/// What lies between a process and whom it talks to.
pub trait Way: Send + Sync + 'static {
    /// Who asks, for the log of the simulator.
    fn principal(&self) -> String;
    /// The clock of the process.
    fn clock(&self) -> Timestamp;
    /// The API server.
    fn api(&self) -> MutexGuard<'_, ApiServer>;
    /// Takes a request to AWS; answers with what AWS says, and its time.
    fn aws(&self, request: Direct, writes: bool) -> impl Future<Output = Result<(Value, Timestamp), AwsError>> + Send;
    /// Takes the question who it is to STS, which may tell the time.
    fn sts(&self, account: &str) -> impl Future<Output = Result<Option<Timestamp>, AwsError>> + Send;
    /// Takes a request to the API server, where it has this effect.
    fn kube<T: Send>(
        &self,
        operation: &str,
        key: &Key,
        writes: bool,
        effect: impl FnOnce() -> Result<T, ClusterError> + Send,
    ) -> impl Future<Output = Result<T, ClusterError>> + Send;
    /// An object as the API server shows it to this process.
    fn shown(&self, key: &Key) -> Option<Value>;
    /// A write has just taken effect.
    fn written(&self);
    /// An Event is told.
    fn event(&self, kind: &str, object: &Value, note: &EventNote) -> impl Future<Output = ()> + Send;
}

/// Stands for a page that leads back to itself.
pub const REPEATED: &str = "Repeated";

/// AWS, as one process reaches it in an account and region.
struct SimTransfer<W> {
    way: Arc<W>,
    account: String,
    region: String,
}

impl<W: Way> SimTransfer<W> {
    async fn send(
        &self,
        operation: &'static str,
        signed_at: Timestamp,
        input: Value,
        writes: bool,
    ) -> Result<(Value, Timestamp), AwsError> {
        let request = Direct {
            operation: Asked::named(operation).unwrap(),
            account: self.account.clone(),
            region: self.region.clone(),
            principal: self.way.principal(),
            signed_at,
            input,
        };
        self.way.aws(request, writes).await
    }
}

#[async_trait]
impl<W: Way> AwsApi for SimTransfer<W> {
    async fn read(&self, at: Option<Timestamp>, call: Read) -> Result<Reply<Answer>, AwsError> {
        let (operation, input) = (call.operation(), door::input(&call));
        let token = input["NextToken"].as_str().unwrap_or("again").to_owned();
        let (output, date) = match self.send(operation, at.unwrap_or_else(|| self.way.clock()), input, false).await {
            Err(AwsError { code, date: Some(date), .. }) if code == REPEATED => {
                (json!({"Servers": [], "NextToken": token}), date)
            }
            other => other?,
        };
        Ok(Reply { value: door::answer(&call, &output).unwrap(), date: Some(date) })
    }

    async fn mutate(&self, _: Permit, at: Timestamp, call: Mutation) -> Result<Reply<CreateOutput>, AwsError> {
        let operation = call.operation();
        let input = door::mutation(&call).unwrap();
        let server_id = input["ServerId"].clone();
        let (output, date) = self.send(operation, at, input, true).await?;
        Ok(Reply { value: door::made(operation, &server_id, &output), date: Some(date) })
    }
}

/// Identities to accounts, for one process.
pub struct SimAws<W> {
    way: Arc<W>,
    /// What stands around the door to each account and region.
    around: Box<dyn Fn(Arc<dyn AwsApi>) -> Arc<dyn AwsApi> + Send + Sync>,
    limiter: Arc<RateLimiter>,
    accounts: Mutex<BTreeMap<(String, String), Account>>,
    /// When STS was asked for an account before its first use, and nobody was told since.
    asked: Mutex<BTreeMap<String, Instant>>,
}

impl<W: Way> SimAws<W> {
    pub fn new(way: &Arc<W>, around: Box<dyn Fn(Arc<dyn AwsApi>) -> Arc<dyn AwsApi> + Send + Sync>) -> Self {
        // Nobody waits at the limiter: it has tests of its own.
        let rates = Rates::fixed(1e9);
        Self {
            way: Arc::clone(way),
            around,
            limiter: RateLimiter::new(rates),
            accounts: Mutex::default(),
            asked: Mutex::default(),
        }
    }
}

#[async_trait]
impl<W: Way> Aws for SimAws<W> {
    async fn account(&self, identity: &AwsIdentity, region: &str) -> Result<Account, AwsError> {
        let key = (identity.spec.account_id.clone(), region.to_owned());
        if let Some(account) = self.accounts.lock().unwrap().get(&key) {
            return Ok(account.clone());
        }
        let told = self.way.sts(&key.0).await?;
        self.asked.lock().unwrap().insert(key.0.clone(), Instant::now());
        let (way, (account, region)) = (Arc::clone(&self.way), key.clone());
        let transfer = (self.around)(Arc::new(SimTransfer { way, account, region }));
        let clock = Arc::new(AwsClock::default());
        clock.observe(told);
        let account = Account::new(key.0.clone(), key.1.clone(), transfer, Arc::clone(&self.limiter), clock);
        Ok(self.accounts.lock().unwrap().entry(key).or_insert(account).clone())
    }

    async fn verify(&self, identity: &AwsIdentity) -> Result<CallerIdentity, AwsError> {
        let account = identity.spec.account_id.clone();
        let asked = self.asked.lock().unwrap().remove(&account);
        // As the delivered operator has it.
        if asked.is_none_or(|at| at.elapsed() >= JUST_ASKED) {
            self.way.sts(&account).await?;
        }
        Ok(CallerIdentity { account, arn: "arn:aws:iam::1:user/x".to_owned() })
    }
}

/// Kubernetes, as one process reaches it.
pub struct Door<W>(pub Arc<W>);

#[async_trait]
impl<W: Way> KubeApi for Door<W> {
    async fn get(&self, kind: &ApiResource, name: &Name) -> Result<Option<Value>, ClusterError> {
        let key = (kind.kind.clone(), name.clone());
        self.0.kube("get", &key, false, || Ok(self.0.shown(&key))).await
    }

    async fn list(
        &self,
        kind: &ApiResource,
        _: Reach,
        each: &mut (dyn FnMut(Value) + Send),
    ) -> Result<(), ClusterError> {
        let key = (kind.kind.clone(), Name { namespace: String::new(), name: String::new() });
        let objects = self.0.kube("list", &key, false, || Ok(self.0.api().list(&kind.kind))).await?;
        objects.into_iter().for_each(each);
        Ok(())
    }

    async fn apply_status(
        &self,
        kind: &ApiResource,
        name: &Name,
        resource_version: &str,
        status: Value,
    ) -> Result<Value, ClusterError> {
        let key = (kind.kind.clone(), name.clone());
        let effect = || {
            let outcome = self.0.api().apply_status(&key, resource_version, &status);
            self.0.written();
            outcome
        };
        self.0.kube("status", &key, true, effect).await
    }

    async fn set_finalizer(
        &self,
        kind: &ApiResource,
        read: &ObjectMeta,
        finalizer: &str,
        present: bool,
    ) -> Result<Value, ClusterError> {
        assert_eq!(finalizer, FINALIZER, "of an operator that watches everything");
        let key = (kind.kind.clone(), Name::from(read));
        let version = [&read.uid, &read.resource_version].map(|text| text.clone().unwrap_or_default());
        let effect = || {
            let outcome = self.0.api().set_finalizer(&key, (&version[0], &version[1]), finalizer, present);
            self.0.written();
            outcome
        };
        self.0.kube("finalizer", &key, true, effect).await
    }

    async fn write_owned(&self, kind: &ApiResource, name: &Name, write: OwnedWrite) -> Result<(), ClusterError> {
        let key = (kind.kind.clone(), name.clone());
        let effect = || {
            let outcome = self.0.api().write_owned(&key, &write).map(drop);
            self.0.written();
            outcome
        };
        self.0.kube("owned", &key, true, effect).await
    }

    async fn secret(&self, name: &Name) -> Result<Option<SecretData>, ClusterError> {
        let key = ("Secret".to_owned(), name.clone());
        self.0.kube("secret", &key, false, || Ok(self.0.api().secret(name))).await
    }

    async fn config_map(&self, name: &Name) -> Result<Option<Entries>, ClusterError> {
        let key = ("ConfigMap".to_owned(), name.clone());
        self.0.kube("configmap", &key, false, || Ok(self.0.api().config_map(name))).await
    }

    async fn publish(&self, kind: &ApiResource, object: &Value, note: EventNote) {
        self.0.event(&kind.kind, object, &note).await;
    }
}
