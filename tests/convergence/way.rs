//! The way with all its trouble: faults fall, answers are late or lost, reads are old, and the oracles look on.

use std::sync::{Arc, MutexGuard};

use jiff::Timestamp;
use serde_json::Value;
use transfer_operator::aws::error::{ACCOUNT_MISMATCH, kind_of};
use transfer_operator::aws::{AwsError, AwsErrorKind};
use transfer_operator::cluster::{ClusterError, EventNote};
use transfer_operator::sim::door;
use transfer_operator::sim::service::Direct;

use crate::doors::{REPEATED, Way};
use crate::oracle::{self, written};
use crate::past;
use crate::setup::{Blow, Side};
use crate::world::{Call, Life, World};
use transfer_operator::fakes::api_server::{ApiServer, Key, key_of};

/// The way of one process.
pub struct Troubled {
    pub world: Arc<World>,
    pub life: Arc<Life>,
}

impl Troubled {
    pub fn new(world: &Arc<World>, life: &Arc<Life>) -> Arc<Self> {
        Arc::new(Self { world: Arc::clone(world), life: Arc::clone(life) })
    }

    /// What AWS makes of a request that has arrived.
    fn arrives(&self, request: Direct, writes: bool) -> Result<(Value, Timestamp), AwsError> {
        let (world, operation) = (&self.world, request.operation.name());
        let now = world.clock.now();
        let outcome = if writes {
            let Direct { account, region, input, .. } = &request;
            let intent = oracle::before_mutation(world, operation, account, region, input);
            let input = input.clone();
            let outcome = {
                let mut sim = world.sim.lock().unwrap();
                let outcome = sim.direct(request, now);
                past::remember(world, &sim);
                outcome
            };
            intent.judge(world, outcome.as_ref().err());
            if outcome.is_ok() {
                oracle::after_mutation(world, operation, &input, &intent);
            }
            outcome
        } else {
            past::read(world, &mut world.sim.lock().unwrap(), request, now)
        };
        outcome.map(|output| (output, now)).map_err(|error| door::fault(operation, error, now))
    }
}

impl Way for Troubled {
    fn principal(&self) -> String {
        format!("replica-{}", self.life.id)
    }

    fn clock(&self) -> Timestamp {
        self.world.clock.now().saturating_add(self.life.skew).unwrap()
    }

    fn api(&self) -> MutexGuard<'_, ApiServer> {
        self.world.api()
    }

    async fn aws(&self, request: Direct, writes: bool) -> Result<(Value, Timestamp), AwsError> {
        let (operation, input) = (request.operation.name(), &request.input);
        let names = ["ServerId", "UserName", "ExternalId", "Arn", "VpcEndpointId"];
        let about = names.into_iter().filter_map(|name| input[name].as_str()).collect::<Vec<_>>().join("/");
        let call = Call { side: Side::Aws, operation, about: &about, counted: true, writes };
        let now = || self.world.clock.now();
        let effect = || self.arrives(request, writes);
        self.world.carry(&self.life, call, effect, |blow| broken(operation, blow, now())).await
    }

    async fn sts(&self, account: &str) -> Result<Option<Timestamp>, AwsError> {
        let operation = "GetCallerIdentity";
        let call = Call { side: Side::Aws, operation, about: account, counted: true, writes: false };
        let now = || self.world.clock.now();
        self.world.carry(&self.life, call, || Ok(None), |blow| broken(operation, blow, now())).await
    }

    async fn kube<T: Send>(
        &self,
        operation: &str,
        key: &Key,
        writes: bool,
        effect: impl FnOnce() -> Result<T, ClusterError> + Send,
    ) -> Result<T, ClusterError> {
        let about = format!("{} {}", key.0, key.1);
        let call = Call { side: Side::Kube, operation, about: &about, counted: writes, writes };
        let outcome = self.world.carry(&self.life, call, effect, |blow| refused(&about, blow)).await;
        if writes {
            self.world.changed.notify_waiters();
        }
        outcome
    }

    fn shown(&self, key: &Key) -> Option<Value> {
        let stale = self.life.stale_version();
        let api = self.world.api();
        stale.map_or_else(|| api.get(key), |version| api.get_at(key, version))
    }

    fn written(&self) {
        written::after_write(&self.world);
    }

    async fn event(&self, kind: &str, object: &Value, note: &EventNote) {
        self.life.here().await;
        let (_, name) = key_of(object);
        let about = format!("{kind} {}/{}", name.namespace, name.name);
        self.world.note(&format!("r{} event {about} {}", self.life.id, note.reason));
        written::on_event(&self.world, &about, &object["metadata"]["generation"], note);
    }
}

fn broken(operation: &'static str, blow: &Blow, now: Timestamp) -> AwsError {
    let (kind, code, message, date) = match blow {
        // Our word for what STS told, so no code of AWS.
        Blow::Error(ACCOUNT_MISMATCH, message) => (AwsErrorKind::Credentials, ACCOUNT_MISMATCH, *message, Some(now)),
        Blow::Error(code, message) => (kind_of(code, message), *code, *message, Some(now)),
        Blow::Repeat => (AwsErrorKind::Unavailable, REPEATED, "", Some(now)),
        _ => (AwsErrorKind::Lost, "Timeout", "no answer", None),
    };
    let resource_type = (kind == AwsErrorKind::NotFound).then(|| "User".to_owned());
    let (code, message) = (code.to_owned(), message.to_owned());
    AwsError { operation, kind, code, message, resource_type, retry_after: None, date }
}

fn refused(about: &str, blow: &Blow) -> ClusterError {
    match blow {
        Blow::Conflict => ClusterError::Conflict(about.to_owned()),
        Blow::Forbidden => ClusterError::Forbidden(about.to_owned()),
        _ => ClusterError::Unavailable(about.to_owned(), "504".to_owned()),
    }
}
