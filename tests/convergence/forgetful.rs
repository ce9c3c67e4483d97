//! A kind that forgets: what it finds out differs, and the call that would put it right is not in its plan.

use async_trait::async_trait;
use jiff::Timestamp;
use transfer_operator::api::Managed;
use transfer_operator::aws::transfer::Tags;
use transfer_operator::aws::{Fault, Mutation};
use transfer_operator::engine::decide::Identified;
use transfer_operator::engine::evidence::LookedUp;
use transfer_operator::engine::kind::{Block, Hint, Kind, Look, Place, Plan, Trouble, Wanted};
use transfer_operator::engine::owner::Owner;

/// The kind that it would be.
pub struct Forgetful<K>(pub K);

type Status<K> = <<K as Kind>::Object as Managed>::Status;

#[async_trait]
impl<K: Kind> Kind for Forgetful<K> {
    type Object = K::Object;
    type Detail = K::Detail;
    type Want = K::Want;
    type Have = K::Have;

    const IDENTIFIED: Identified = K::IDENTIFIED;

    fn plan(
        &self,
        object: &K::Object,
        place: &Place<K::Detail>,
        wanted: &Wanted<K::Want>,
        have: &K::Have,
        owner: &Owner,
    ) -> Plan {
        let mut plan = self.0.plan(object, place, wanted, have, owner);
        plan.calls.retain(|call| !call.mutation.operation().starts_with("Update"));
        plan
    }

    async fn place(&self, object: &K::Object) -> Result<Place<K::Detail>, Trouble> {
        self.0.place(object).await
    }
    async fn want(
        &self,
        object: &K::Object,
        place: &Place<K::Detail>,
        now: Timestamp,
    ) -> Result<Wanted<K::Want>, Trouble> {
        self.0.want(object, place, now).await
    }
    async fn look(&self, object: &K::Object, place: &Place<K::Detail>) -> Result<Look<K::Have>, Fault> {
        self.0.look(object, place).await
    }
    fn tags<'a>(&self, have: &'a K::Have) -> Option<&'a Tags> {
        self.0.tags(have)
    }
    fn ask(&self) -> u64 {
        self.0.ask()
    }
    async fn look_up(&self, place: &Place<K::Detail>, owner: &Owner, asked: u64) -> Result<LookedUp, Fault> {
        self.0.look_up(place, owner, asked).await
    }
    async fn tags_of(&self, place: &Place<K::Detail>, id: &str) -> Result<Tags, Fault> {
        self.0.tags_of(place, id).await
    }
    fn deleted(&self, place: &Place<K::Detail>, id: &str) {
        self.0.deleted(place, id);
    }
    fn id<'a>(&self, status: &'a Status<K>) -> Option<&'a str> {
        self.0.id(status)
    }
    fn adopts(&self, object: &K::Object, place: &Place<K::Detail>) -> Option<String> {
        self.0.adopts(object, place)
    }
    fn moved(&self, place: &Place<K::Detail>) -> bool {
        self.0.moved(place)
    }
    fn unproven<'a>(&self, place: &'a Place<K::Detail>) -> Option<&'a Block> {
        self.0.unproven(place)
    }
    fn aim(&self, status: &mut Status<K>, object: &K::Object, place: &Place<K::Detail>) {
        self.0.aim(status, object, place);
    }
    fn confirmed(&self, status: &Status<K>) -> bool {
        self.0.confirmed(status)
    }
    fn set_id(&self, status: &mut Status<K>, place: &Place<K::Detail>, id: Option<&str>) {
        self.0.set_id(status, place, id);
    }
    fn create(
        &self,
        object: &K::Object,
        place: &Place<K::Detail>,
        wanted: &Wanted<K::Want>,
        owner_tags: &Tags,
    ) -> Mutation {
        self.0.create(object, place, wanted, owner_tags)
    }
    fn observed(
        &self,
        status: &mut Status<K>,
        place: &Place<K::Detail>,
        wanted: Option<&Wanted<K::Want>>,
        have: &K::Have,
    ) {
        self.0.observed(status, place, wanted, have);
    }
    fn vanished(&self, status: &mut Status<K>) {
        self.0.vanished(status);
    }
    fn advisory(&self, object: &K::Object, wanted: &Wanted<K::Want>, have: &K::Have, now: Timestamp) -> Vec<Hint> {
        self.0.advisory(object, wanted, have, now)
    }
    fn differ(old: &Status<K>, new: &Status<K>) -> bool {
        K::differ(old, new)
    }
    fn settled(&self, have: &K::Have) -> (&'static str, String) {
        self.0.settled(have)
    }
    async fn blocker(
        &self,
        object: &K::Object,
        place: &Place<K::Detail>,
        id: Option<&str>,
    ) -> Result<Option<String>, Trouble> {
        self.0.blocker(object, place, id).await
    }
    fn delete(&self, object: &K::Object, place: &Place<K::Detail>, id: Option<&str>) -> Mutation {
        self.0.delete(object, place, id)
    }
    fn arn(&self, object: &K::Object, place: &Place<K::Detail>, id: Option<&str>) -> Option<String> {
        self.0.arn(object, place, id)
    }
}
