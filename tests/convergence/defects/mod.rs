//! Known defects of other operators, and one of our own, to see whether the harness notices. Each is put around the real
//! operator, at a door or at another seam of a process, in a file that says all about it; the operator, the doors and
//! the world know of none.

mod agreements_unheard;
mod delete_without_recovery;
mod empty_listing_believed;
mod finalizer_by_name;
pub mod forgotten_update;
mod id_erased;
mod id_lost_on_conflict;
mod image_forgotten;
mod listing_unheard;
mod nobody_asked;
mod noticed_again;
mod overlap_forgotten;
mod panic_on_bad_key;
mod persist_after_create;
mod ready_too_early;
mod sdk_retries;
mod skew_correction;
mod swallowed_error;
mod terminal_forever;
mod user_tag_wins;
mod write_at_rest;

use std::sync::Arc;

use async_trait::async_trait;
use jiff::SignedDuration;
use kube::api::ObjectMeta;
use kube::core::ApiResource;
use serde_json::Value;
use transfer_operator::aws::rate_limiter::Rates;
use transfer_operator::aws::{AwsApi, CallClass, Permit, Rank, RateLimiter};
use transfer_operator::cluster::{ClusterError, Entries, EventNote, KubeApi, Name, OwnedWrite, Reach, SecretData};
use transfer_operator::engine::controller::Reconcile;
use transfer_operator::engine::settings::Settings;
use transfer_operator::kinds::deps::Deps;
use transfer_operator::kinds::trigger::Which;

use crate::oracle::unchecked::Row;
use crate::runs::{Plan, References, SEED};
use crate::setup::{Blow, Moment, Rule, Setup};
use crate::workflows::{self, Workflow};
use crate::world::World;

/// A defect that some operator had.
#[derive(Debug)]
pub struct Defect {
    pub name: &'static str,
    /// Puts it in.
    pub put_in: fn(Seams) -> Seams,
    /// Where it must be seen, in one of them at least; all hold without it.
    pub settings: fn(&References) -> Vec<Setting>,
}

/// All of them.
pub static ALL: [&Defect; 21] = [
    &persist_after_create::DEFECT,
    &swallowed_error::DEFECT,
    &user_tag_wins::DEFECT,
    &finalizer_by_name::DEFECT,
    &sdk_retries::DEFECT,
    &skew_correction::DEFECT,
    &terminal_forever::DEFECT,
    &id_lost_on_conflict::DEFECT,
    &id_erased::DEFECT,
    &empty_listing_believed::DEFECT,
    &delete_without_recovery::DEFECT,
    &panic_on_bad_key::DEFECT,
    &ready_too_early::DEFECT,
    &write_at_rest::DEFECT,
    &forgotten_update::DEFECT,
    &nobody_asked::DEFECT,
    &listing_unheard::DEFECT,
    &agreements_unheard::DEFECT,
    &overlap_forgotten::DEFECT,
    &noticed_again::DEFECT,
    &image_forgotten::DEFECT,
];

type AroundAws = Box<dyn Fn(Arc<dyn AwsApi>) -> Arc<dyn AwsApi> + Send + Sync>;
type AroundReconcile = Box<dyn Fn(Which, Reconcile, &Arc<Deps>, &Settings) -> Reconcile + Send>;

/// Where a process can be taken apart.
pub struct Seams {
    pub world: Arc<World>,
    /// The door to Kubernetes.
    pub cluster: Arc<dyn KubeApi>,
    /// What stands around the door to each account and region of AWS.
    pub around_aws: AroundAws,
    /// What the operator believes.
    pub settings: Settings,
    /// What stands around the reconciles of each kind.
    pub around_reconcile: AroundReconcile,
}

impl Seams {
    /// A process with nothing wrong in it.
    pub fn sound(world: &Arc<World>, cluster: Arc<dyn KubeApi>, settings: Settings) -> Self {
        Self {
            world: Arc::clone(world),
            cluster,
            around_aws: Box::new(|real| real),
            settings,
            around_reconcile: Box::new(|_, real, _, _| real),
        }
    }

    fn around_kube<K: AroundKube + 'static>(self, put: impl FnOnce(Arc<World>, Arc<dyn KubeApi>) -> K) -> Self {
        let door = Around(put(Arc::clone(&self.world), Arc::clone(&self.cluster)));
        Self { cluster: Arc::new(door), ..self }
    }

    fn around_aws<A: AwsApi + 'static>(self, put: fn(Arc<dyn AwsApi>) -> A) -> Self {
        Self { around_aws: Box::new(move |real| Arc::new(put(real))), ..self }
    }

    fn around_reconciles(self, put: impl Fn(Which, Reconcile) -> Reconcile + Send + 'static) -> Self {
        Self { around_reconcile: Box::new(move |which, real, _, _| put(which, real)), ..self }
    }
}

/// A door to Kubernetes around the real one: what it does not say goes through.
#[async_trait]
trait AroundKube: Send + Sync {
    fn real(&self) -> &dyn KubeApi;

    async fn get(&self, kind: &ApiResource, name: &Name) -> Result<Option<Value>, ClusterError> {
        self.real().get(kind, name).await
    }

    async fn apply_status(
        &self,
        kind: &ApiResource,
        name: &Name,
        version: &str,
        status: Value,
    ) -> Result<Value, ClusterError> {
        self.real().apply_status(kind, name, version, status).await
    }

    async fn set_finalizer(
        &self,
        kind: &ApiResource,
        read: &ObjectMeta,
        finalizer: &str,
        present: bool,
    ) -> Result<Value, ClusterError> {
        self.real().set_finalizer(kind, read, finalizer, present).await
    }

    async fn config_map(&self, name: &Name) -> Result<Option<Entries>, ClusterError> {
        self.real().config_map(name).await
    }
}

/// Such a door.
struct Around<A>(A);

#[async_trait]
impl<A: AroundKube> KubeApi for Around<A> {
    async fn get(&self, kind: &ApiResource, name: &Name) -> Result<Option<Value>, ClusterError> {
        self.0.get(kind, name).await
    }

    async fn list(
        &self,
        kind: &ApiResource,
        reach: Reach,
        each: &mut (dyn FnMut(Value) + Send),
    ) -> Result<(), ClusterError> {
        self.0.real().list(kind, reach, each).await
    }

    async fn apply_status(
        &self,
        kind: &ApiResource,
        name: &Name,
        version: &str,
        status: Value,
    ) -> Result<Value, ClusterError> {
        self.0.apply_status(kind, name, version, status).await
    }

    async fn set_finalizer(
        &self,
        kind: &ApiResource,
        read: &ObjectMeta,
        finalizer: &str,
        present: bool,
    ) -> Result<Value, ClusterError> {
        self.0.set_finalizer(kind, read, finalizer, present).await
    }

    async fn write_owned(&self, kind: &ApiResource, name: &Name, write: OwnedWrite) -> Result<(), ClusterError> {
        self.0.real().write_owned(kind, name, write).await
    }

    async fn secret(&self, name: &Name) -> Result<Option<SecretData>, ClusterError> {
        self.0.real().secret(name).await
    }

    async fn config_map(&self, name: &Name) -> Result<Option<Entries>, ClusterError> {
        self.0.config_map(name).await
    }

    async fn publish(&self, kind: &ApiResource, object: &Value, note: EventNote) {
        self.0.real().publish(kind, object, note).await;
    }
}

/// The right to send what the real operator would not have sent.
pub async fn permit() -> Permit {
    RateLimiter::new(Rates::default()).acquire("", "", CallClass::Write, Rank::default()).await
}

/// A run in which a defect shows.
pub struct Setting {
    id: String,
    workflow: Workflow,
    setup: Setup,
}

impl From<Plan> for Setting {
    fn from(plan: Plan) -> Self {
        Self { id: plan.id, workflow: plan.workflow, setup: plan.setup }
    }
}

impl Setting {
    fn of(workflow: &str) -> Self {
        Self::in_workflow(workflows::named(workflow))
    }

    fn in_workflow(workflow: Workflow) -> Self {
        Self { id: workflow.name.to_owned(), workflow, setup: Setup::new(SEED) }
    }

    fn rule(self, rule: Rule) -> Self {
        self.rules(vec![rule])
    }

    fn rules(mut self, rules: Vec<Rule>) -> Self {
        self.setup.rules.extend(rules);
        self
    }

    /// At the first call of this operation in the workflow without faults.
    fn at(self, operation: &str, moment: Moment, blow: Blow, references: &References) -> Self {
        let points = &references.of(self.workflow).points;
        let first = points.iter().find(|point| point.operation == operation).map(|point| point.call);
        self.rule(Rule::at(first.unwrap(), moment, blow))
    }

    fn listing_lag(mut self, seconds: i64) -> Self {
        self.setup.listing_lag = SignedDuration::from_secs(seconds);
        self
    }

    fn unchecked(mut self, row: Row) -> Self {
        self.setup.unchecked.push(row);
        self
    }

    /// As a plan, with the defect or without.
    fn plan(self, put_in: Option<fn(Seams) -> Seams>) -> Plan {
        Plan { id: self.id, workflow: self.workflow, setup: Setup { put_in, ..self.setup } }
    }
}

/// Runs the plans of a defect until one fails; answers with what failed.
pub fn seen(references: &References, defect: &Defect) -> Option<String> {
    let plans = (defect.settings)(references).into_iter().map(|setting| setting.plan(Some(defect.put_in)));
    plans.into_iter().find_map(|plan| {
        let wrong = references.judge(&plan, &crate::runs::run(plan.workflow, plan.setup.clone()));
        wrong.first().map(|wrong| format!("{}: {wrong}", plan.id))
    })
}

/// What fails of the same plans with the defect taken out: they are those of the families, where there are many.
pub fn sound(references: &References, defect: &Defect) -> Vec<String> {
    let plans = (defect.settings)(references).into_iter().take(3).map(|setting| setting.plan(None));
    plans.flat_map(|plan| references.judge(&plan, &crate::runs::run(plan.workflow, plan.setup.clone()))).collect()
}
