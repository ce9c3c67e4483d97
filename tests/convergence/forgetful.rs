//! A kind that forgets: what it finds out differs, and the call that would put it right is not in its plan.

use async_trait::async_trait;
use jiff::Timestamp;
use transfer_operator::api::Managed;
use transfer_operator::aws::transfer::Tags;
use transfer_operator::aws::{AwsError, Mutation};
use transfer_operator::engine::consistency::TagSearch;
use transfer_operator::engine::decide::{Identity, Words};
use transfer_operator::engine::kind::{Described, Kind, Plan, ReconcileError, Resolved, Target, Wanted};
use transfer_operator::engine::owner::Owner;
use transfer_operator::engine::reason::Reason;

/// The kind that it would be.
pub struct Forgetful<K>(pub K);

type Status<K> = <<K as Kind>::Object as Managed>::Status;

#[async_trait]
impl<K: Kind> Kind for Forgetful<K> {
    type Object = K::Object;
    type TargetDetail = K::TargetDetail;
    type Want = K::Want;
    type Have = K::Have;

    const IDENTITY: Identity = K::IDENTITY;

    const WORDS: Words = K::WORDS;

    fn plan(
        &self,
        object: &K::Object,
        target: &Target<K::TargetDetail>,
        wanted: &Wanted<K::Want>,
        have: &K::Have,
        owner: &Owner,
    ) -> Plan {
        let mut plan = self.0.plan(object, target, wanted, have, owner);
        plan.calls.retain(|call| !call.mutation.operation().starts_with("Update"));
        plan
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
    fn tags<'a>(&self, have: &'a K::Have) -> Option<&'a Tags> {
        self.0.tags(have)
    }
    fn ask(&self) -> u64 {
        self.0.ask()
    }
    async fn find_by_tags(
        &self,
        target: &Target<K::TargetDetail>,
        owner: &Owner,
        asked: u64,
    ) -> Result<TagSearch, AwsError> {
        self.0.find_by_tags(target, owner, asked).await
    }
    async fn tags_of(&self, target: &Target<K::TargetDetail>, id: &str) -> Result<Tags, AwsError> {
        self.0.tags_of(target, id).await
    }
    fn deleted(&self, target: &Target<K::TargetDetail>, id: &str) {
        self.0.deleted(target, id);
    }
    fn id<'a>(&self, status: &'a Status<K>) -> Option<&'a str> {
        self.0.id(status)
    }
    fn adopts(&self, object: &K::Object, target: &Target<K::TargetDetail>) -> Option<String> {
        self.0.adopts(object, target)
    }
    fn parent_replaced(&self, target: &Target<K::TargetDetail>) -> bool {
        self.0.parent_replaced(target)
    }
    fn unproven<'a>(&self, target: &'a Target<K::TargetDetail>) -> Option<&'a Reason> {
        self.0.unproven(target)
    }
    fn record_target(&self, status: &mut Status<K>, object: &K::Object, target: &Target<K::TargetDetail>) {
        self.0.record_target(status, object, target);
    }
    fn confirmed(&self, status: &Status<K>) -> bool {
        self.0.confirmed(status)
    }
    fn set_id(&self, status: &mut Status<K>, target: &Target<K::TargetDetail>, id: Option<&str>) {
        self.0.set_id(status, target, id);
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
    fn vanished(&self, status: &mut Status<K>) {
        self.0.vanished(status);
    }
    fn advisory(&self, object: &K::Object, wanted: &Wanted<K::Want>, have: &K::Have, now: Timestamp) -> Vec<Reason> {
        self.0.advisory(object, wanted, have, now)
    }
    fn status_changed(old: &Status<K>, new: &Status<K>) -> bool {
        K::status_changed(old, new)
    }
    fn ready_reason(&self, have: &K::Have) -> Reason {
        self.0.ready_reason(have)
    }
    async fn deletion_blockers(
        &self,
        object: &K::Object,
        target: &Target<K::TargetDetail>,
        id: Option<&str>,
    ) -> Result<Option<String>, ReconcileError> {
        self.0.deletion_blockers(object, target, id).await
    }
    fn delete(&self, object: &K::Object, target: &Target<K::TargetDetail>, id: Option<&str>) -> Mutation {
        self.0.delete(object, target, id)
    }
    fn arn(&self, object: &K::Object, target: &Target<K::TargetDetail>, id: Option<&str>) -> Option<String> {
        self.0.arn(object, target, id)
    }
}
