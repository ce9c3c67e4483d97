//! The doors of one process: the operator's own traits over the simulated world.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::Timestamp;
use kube::core::ApiResource;
use serde_json::{Value, json};
use transfer_operator::api::{AwsIdentity, FINALIZER};
use transfer_operator::aws::account_clients::{Aws, CallerIdentity};
use transfer_operator::aws::error::kind_of;
use transfer_operator::aws::rate_limiter::Rates;
use transfer_operator::aws::{
    Account, Answer, AwsApi, AwsClock, AwsError, AwsErrorKind, CreateOutput, Mutation, Permit, RateLimiter, Read, Reply,
};
use transfer_operator::cluster::{ClusterError, EventNote, KubeApi, Name, Reach, SecretData, Texts};
use transfer_operator::sim::operation::Operation;
use transfer_operator::sim::service::Direct;

use crate::api_server::Key;
use crate::defects::{self, Defect};
use crate::oracle;
use crate::past;
use crate::setup::{Blow, Side};
use crate::wire;
use crate::world::{Call, Life, World};

/// AWS, as one process reaches it.
pub struct SimTransfer {
    pub world: Arc<World>,
    pub life: Arc<Life>,
    pub account: String,
    pub region: String,
}

impl SimTransfer {
    async fn send(
        &self,
        operation: &'static str,
        signed_at: Timestamp,
        input: Value,
        writes: bool,
    ) -> Result<(Value, Timestamp), AwsError> {
        let world = &self.world;
        let about = [&input["ServerId"], &input["UserName"], &input["ExternalId"], &input["Arn"]];
        let about = about.into_iter().filter_map(Value::as_str).collect::<Vec<_>>().join("/");
        let call = Call { side: Side::Aws, operation, about: &about, counted: true, writes };
        let effect = || {
            let now = world.clock.now();
            let intent = writes.then(|| oracle::before_mutation(world, operation, &self.account, &self.region, &input));
            let direct = Direct {
                operation: Operation::named(operation).unwrap(),
                account: self.account.clone(),
                region: self.region.clone(),
                principal: format!("replica-{}", self.life.id),
                // The SDK's own idea of now is that of the moment in which the request leaves.
                signed_at: if world.setup.defect == Some(Defect::SkewCorrection) { now } else { signed_at },
                input: input.clone(),
            };
            let outcome = {
                let mut sim = world.sim.lock().unwrap();
                if writes {
                    let outcome = sim.direct(direct, now);
                    past::remember(world, &sim);
                    outcome
                } else {
                    past::read(world, &mut sim, direct, now)
                }
            };
            if let Some(intent) = intent {
                intent.judge(world, outcome.as_ref().err());
                if outcome.is_ok() {
                    oracle::after_mutation(world, operation, &input, &intent);
                }
            }
            outcome.map(|output| (output, now)).map_err(|error| wire::fault(operation, error, now))
        };
        let now = || self.world.clock.now();
        world.carry(&self.life, call, effect, |blow| broken(operation, blow, now())).await
    }
}

#[async_trait]
impl AwsApi for SimTransfer {
    async fn read(&self, at: Option<Timestamp>, call: Read) -> Result<Reply<Answer>, AwsError> {
        let local = self.world.clock.now().saturating_add(self.life.skew).unwrap();
        let input = wire::read(&call);
        let (output, date) = match self.send(call.operation(), at.unwrap_or(local), input.clone(), false).await {
            Err(fault) if fault.code == REPEATED => (
                json!({"Servers": [], "NextToken": input["NextToken"].as_str().unwrap_or("again")}),
                self.world.clock.now(),
            ),
            other => other?,
        };
        Ok(Reply { value: wire::answer(&call, &output), date: Some(date) })
    }

    async fn mutate(&self, _: Permit, at: Timestamp, call: Mutation) -> Result<Reply<CreateOutput>, AwsError> {
        let operation = call.operation();
        let defect = self.world.setup.defect;
        let input = defects::rewritten(defect, operation, wire::mutation(&call));
        let mut outcome = self.send(operation, at, input.clone(), true).await;
        if defect == Some(Defect::SdkRetries) && operation.starts_with("Create") {
            let again = |outcome: &Result<_, AwsError>| {
                outcome.as_ref().is_err_and(|fault: &AwsError| !fault.kind.proves_nothing_made())
            };
            for _ in 0..2 {
                if again(&outcome) {
                    outcome = self.send(operation, at, input.clone(), true).await;
                }
            }
        }
        match outcome {
            Ok((output, date)) => Ok(Reply { value: wire::made(&output), date: Some(date) }),
            Err(fault) if defect == Some(Defect::SwallowedError) && operation.starts_with("Update") => {
                Ok(Reply { value: CreateOutput::default(), date: fault.date })
            }
            Err(fault) => Err(fault),
        }
    }
}

/// Stands for a page that leads back to itself.
const REPEATED: &str = "Repeated";

fn broken(operation: &'static str, blow: &Blow, now: Timestamp) -> AwsError {
    let (kind, code, message, date) = match blow {
        Blow::Error(code, message) => (kind_of(code, message), *code, *message, Some(now)),
        Blow::Repeat => (AwsErrorKind::Unavailable, REPEATED, "", Some(now)),
        _ => (AwsErrorKind::Lost, "Timeout", "no answer", None),
    };
    let resource_type = (kind == AwsErrorKind::NotFound).then(|| "User".to_owned());
    let (code, message) = (code.to_owned(), message.to_owned());
    AwsError { operation, kind, code, message, resource_type, retry_after: None, date }
}

/// Identities to accounts, for one process.
pub struct SimAws {
    pub world: Arc<World>,
    pub life: Arc<Life>,
    limiter: Arc<RateLimiter>,
    accounts: Mutex<BTreeMap<(String, String), Account>>,
}

impl SimAws {
    pub fn new(world: &Arc<World>, life: &Arc<Life>) -> Self {
        let rates = Rates { read: 1e6, write: 1e6, create_server: 1e6, burst_seconds: 1.0 };
        let (world, life) = (Arc::clone(world), Arc::clone(life));
        Self { world, life, limiter: RateLimiter::new(rates), accounts: Mutex::default() }
    }

    async fn caller(&self, identity: &AwsIdentity) -> Result<CallerIdentity, AwsError> {
        let operation = "GetCallerIdentity";
        let account = identity.spec.account_id.clone();
        let call = Call { side: Side::Aws, operation, about: &account, counted: true, writes: false };
        let now = || self.world.clock.now();
        let effect = || Ok(CallerIdentity { account: account.clone(), arn: "arn:aws:iam::1:user/x".to_owned() });
        self.world.carry(&self.life, call, effect, |blow| broken(operation, blow, now())).await
    }
}

#[async_trait]
impl Aws for SimAws {
    async fn account(&self, identity: &AwsIdentity, region: &str) -> Result<Account, AwsError> {
        let key = (identity.spec.account_id.clone(), region.to_owned());
        if let Some(account) = self.accounts.lock().unwrap().get(&key) {
            return Ok(account.clone());
        }
        self.caller(identity).await?;
        let transfer = Arc::new(SimTransfer {
            world: Arc::clone(&self.world),
            life: Arc::clone(&self.life),
            account: key.0.clone(),
            region: key.1.clone(),
        });
        let clock = Arc::new(AwsClock::default());
        let account = Account::new(key.0.clone(), key.1.clone(), transfer, Arc::clone(&self.limiter), clock);
        Ok(self.accounts.lock().unwrap().entry(key).or_insert(account).clone())
    }

    async fn verify(&self, identity: &AwsIdentity) -> Result<CallerIdentity, AwsError> {
        self.caller(identity).await
    }
}

/// Kubernetes, as one process reaches it.
pub struct Door {
    pub world: Arc<World>,
    pub life: Arc<Life>,
}

impl Door {
    async fn carry<T>(
        &self,
        operation: &str,
        key: &Key,
        writes: bool,
        effect: impl FnOnce() -> Result<T, ClusterError>,
    ) -> Result<T, ClusterError> {
        let about = format!("{} {}", key.0, key.1);
        let call = Call { side: Side::Kube, operation, about: &about, counted: writes, writes };
        let outcome = self.world.carry(&self.life, call, effect, |blow| refused(&about, blow)).await;
        if writes {
            self.world.changed.notify_waiters();
        }
        outcome
    }

    fn read(&self, key: &Key) -> Option<Value> {
        let stale = self.life.stale_version();
        let api = self.world.api();
        stale.map_or_else(|| api.get(key), |version| api.get_at(key, version))
    }
}

fn refused(about: &str, blow: &Blow) -> ClusterError {
    match blow {
        Blow::Conflict => ClusterError::Conflict(about.to_owned()),
        Blow::Forbidden => ClusterError::Forbidden(about.to_owned()),
        _ => ClusterError::Unavailable(about.to_owned(), "504".to_owned()),
    }
}

#[async_trait]
impl KubeApi for Door {
    async fn get(&self, kind: &ApiResource, name: &Name) -> Result<Option<Value>, ClusterError> {
        let key = (kind.kind.clone(), name.clone());
        let found = self.carry("get", &key, false, || Ok(self.read(&key))).await?;
        Ok(found.map(|object| defects::read(self.world.setup.defect, object)))
    }

    async fn list(
        &self,
        kind: &ApiResource,
        _: Reach,
        each: &mut (dyn FnMut(Value) + Send),
    ) -> Result<(), ClusterError> {
        let key = (kind.kind.clone(), Name { namespace: String::new(), name: String::new() });
        let objects = self.carry("list", &key, false, || Ok(self.world.api().list(&kind.kind))).await?;
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
        let status = defects::applied(self.world.setup.defect, status);
        if defects::loses(self.world.setup.defect, &status) {
            // It never arrives, and the process takes it for done.
            let mut object = self.world.api().get(&key).ok_or_else(|| ClusterError::NotFound(name.to_string()))?;
            object["status"] = status;
            return Ok(object);
        }
        let effect = || {
            let outcome = self.world.api().apply_status(&key, resource_version, &status);
            oracle::after_write(&self.world);
            outcome
        };
        let outcome = self.carry("status", &key, true, effect).await;
        if self.world.setup.defect == Some(Defect::IdLostOnConflict)
            && status["serverId"].is_string()
            && matches!(outcome, Err(ClusterError::Conflict(_)))
        {
            // The conflict passes for done, and what was to be written is gone.
            return Ok(self.world.api().get(&key).unwrap_or_default());
        }
        outcome
    }

    async fn set_finalizer(
        &self,
        kind: &ApiResource,
        name: &Name,
        uid: &str,
        resource_version: &str,
        finalizer: &str,
        present: bool,
    ) -> Result<Value, ClusterError> {
        assert_eq!(finalizer, FINALIZER, "of an operator that watches everything");
        let key = (kind.kind.clone(), name.clone());
        let by_name = self.world.setup.defect == Some(Defect::FinalizerByName);
        let test = (!by_name).then_some((uid, resource_version));
        let effect = || {
            let outcome = self.world.api().set_finalizer(&key, test, present);
            oracle::after_write(&self.world);
            outcome
        };
        self.carry("finalizer", &key, true, effect).await
    }

    async fn secret(&self, name: &Name) -> Result<Option<SecretData>, ClusterError> {
        let key = ("Secret".to_owned(), name.clone());
        self.carry("secret", &key, false, || Ok(self.world.api().secret(name))).await
    }

    async fn config_map(&self, name: &Name) -> Result<Option<Texts<String>>, ClusterError> {
        let key = ("ConfigMap".to_owned(), name.clone());
        let found = self.carry("configmap", &key, false, || Ok(self.world.api().config_map(name))).await?;
        defects::config_map(self.world.setup.defect, found.as_ref());
        Ok(found)
    }

    async fn publish(&self, kind: &ApiResource, object: &Value, note: EventNote) {
        self.life.here().await;
        let name = format!("{} {}", kind.kind, object.name_of());
        self.world.note(&format!("r{} event {name} {}", self.life.id, note.reason));
        oracle::on_event(&self.world, &name, &object["metadata"]["generation"], &note);
    }
}

trait Named {
    fn name_of(&self) -> String;
}

impl Named for Value {
    fn name_of(&self) -> String {
        let meta = &self["metadata"];
        format!("{}/{}", meta["namespace"].as_str().unwrap_or_default(), meta["name"].as_str().unwrap_or_default())
    }
}
