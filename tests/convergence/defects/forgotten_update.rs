//! Ours, once: an update that could not be put together was left out of the plan without a word. What such a kind finds
//! out differs, and the call that would put it right is not in its plan.

use std::sync::Arc;

use async_trait::async_trait;
use futures::FutureExt;
use jiff::Timestamp;
use transfer_operator::api::{Managed, ManagedKind};
use transfer_operator::aws::transfer::Tags;
use transfer_operator::aws::{AwsError, Mutation};
use transfer_operator::engine::context::Engine;
use transfer_operator::engine::controller::Reconcile;
use transfer_operator::engine::decide::Words;
use transfer_operator::engine::found_by::FoundBy;
use transfer_operator::engine::kind::{Described, Kind, Plan, ReconcileError, Resolved, Target, Wanted};
use transfer_operator::engine::owner::Owner;
use transfer_operator::engine::reconcile::reconcile;
use transfer_operator::kinds::server::Servers;
use transfer_operator::kinds::trigger::Which;

use super::{Defect, Seams, Setting};

pub static DEFECT: Defect = Defect {
    name: "ForgottenUpdate",
    put_in: |seams: Seams| Seams {
        around_reconcile: Box::new(|which, real, deps, settings| match which {
            Which::Managed(ManagedKind::TransferServer) => {
                let kind = Forgetful(Servers::new(Arc::clone(deps)));
                let (cluster, lister) = (Arc::clone(&deps.cluster), Arc::clone(&deps.lister));
                let engine = Engine::new(kind, cluster, lister, settings.clone());
                let run: Reconcile = Arc::new(move |name, uid, rank| {
                    let engine = Arc::clone(&engine);
                    async move { Box::pin(reconcile(&engine, &name, &uid, &rank)).await }.boxed()
                });
                run
            }
            _ => real,
        }),
        ..seams
    },
    settings: |_| vec![Setting::of("W3-update")],
};

/// The kind that it would be.
struct Forgetful<K>(K);

type Status<K> = <<K as Kind>::Object as Managed>::Status;

#[async_trait]
impl<K: Kind> Kind for Forgetful<K> {
    type Object = K::Object;
    type TargetDetail = K::TargetDetail;
    type Want = K::Want;
    type Have = K::Have;

    const WORDS: Words = K::WORDS;

    fn plan(
        &self,
        object: &K::Object,
        target: &Target<K::TargetDetail>,
        wanted: &Wanted<K::Want>,
        have: &K::Have,
        owner: &Owner,
        now: Timestamp,
    ) -> Plan {
        let mut plan = self.0.plan(object, target, wanted, have, owner, now);
        plan.calls.retain(|call| !call.mutation.operation().starts_with("Update"));
        plan
    }

    fn found_by(&self) -> FoundBy<'_, K::Object, K::TargetDetail> {
        self.0.found_by()
    }
    async fn resolve(&self, object: &K::Object) -> Result<Resolved<K::TargetDetail>, ReconcileError> {
        self.0.resolve(object).await
    }
    async fn want(
        &self,
        object: &K::Object,
        target: &Target<K::TargetDetail>,
        now: Timestamp,
    ) -> Result<Wanted<K::Want>, ReconcileError> {
        self.0.want(object, target, now).await
    }
    async fn describe(
        &self,
        object: &K::Object,
        target: &Target<K::TargetDetail>,
    ) -> Result<Described<K::Have>, AwsError> {
        self.0.describe(object, target).await
    }
    fn create(
        &self,
        object: &K::Object,
        target: &Target<K::TargetDetail>,
        wanted: &Wanted<K::Want>,
        owner_tags: &Tags,
    ) -> Mutation {
        self.0.create(object, target, wanted, owner_tags)
    }
    fn fill_status(
        &self,
        status: &mut Status<K>,
        target: &Target<K::TargetDetail>,
        wanted: Option<&Wanted<K::Want>>,
        have: &K::Have,
    ) {
        self.0.fill_status(status, target, wanted, have);
    }
    fn delete(&self, object: &K::Object, target: &Target<K::TargetDetail>, id: Option<&str>) -> Mutation {
        self.0.delete(object, target, id)
    }
    fn arn(&self, object: &K::Object, target: &Target<K::TargetDetail>, id: Option<&str>) -> Option<String> {
        self.0.arn(object, target, id)
    }
}
