//! What the engine asks of a kind. A new kind implements [`Kind`] and needs no change to the engine.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::decide::Words;
use super::diff::{Change, Old};
use super::found_by::FoundBy;
use super::owner::Owner;
use super::reason::Reason;
use crate::api::Managed;
use crate::api::status::{Applied, OperationRecord};
use crate::aws::{Account, AwsError, CreateOutput, Mutation, Tags};

pub use super::error::ReconcileError;
pub use super::target::{Resolved, Target};

/// What the spec asks for, in AWS's terms.
#[derive(Clone, Debug)]
pub struct Wanted<W> {
    /// In the kind's own shape.
    pub want: W,
    /// What is not in order. Any of these holds a create back; which calls to something that exists they hold back,
    /// [`Kind::plan`] says.
    pub blocks: Vec<Reason>,
    /// What AWS would not take of something new. What exists may have it from earlier: [`Kind::plan`] says whether it
    /// differs.
    pub faults: Vec<Reason>,
    /// Paths and tag keys that the spec sets, and hashes of what AWS never returns.
    pub applied: Applied,
    /// When it changes by itself (a key expires).
    pub changes_at: Option<Timestamp>,
    /// The sequence that begins with the create, recorded with it: what a create does not take.
    pub operation: Option<OperationRecord>,
    /// Digest of what is wanted, contents of ConfigMaps and Secrets included: it differs when a person changed
    /// something, and only then.
    pub digest: String,
}

impl<W> Wanted<W> {
    /// What holds a create back.
    pub(crate) fn bars(&self) -> impl Iterator<Item = &Reason> {
        self.blocks.iter().chain(&self.faults)
    }
}

/// What a look at the key showed.
#[derive(Clone, Debug)]
pub enum Described<H> {
    /// No key is known yet.
    NoKey,
    /// It is there.
    Found(H),
    /// It is not.
    Missing,
    /// Its server is not.
    ParentMissing,
}

/// When a call of a plan is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum When {
    /// In its turn.
    #[default]
    Always,
    /// Only while AWS refuses an earlier call of the plan, of this operation, for a quota: it makes room.
    AfterQuotaRefusal(&'static str),
}

/// One call of a plan, with what it brings about.
#[derive(Clone, Debug)]
pub struct PlannedCall {
    /// The call.
    pub mutation: Mutation,
    /// Exactly the differences that are gone once AWS took it, owner tags among them.
    pub changes: Vec<Change>,
    /// When it is sent.
    pub when: When,
    /// What brought it about where no edit did, in a word for the Event: `expired`.
    pub because: Option<&'static str>,
    /// The same in groups that AWS takes each on its own, to be sent once it refused what the whole says; empty where
    /// it is not to be divided.
    pub parts: Vec<PlannedCall>,
    /// It lets more in. As a part it waits while AWS refuses another one.
    pub exposes: bool,
    /// It belongs to a sequence that was begun and is brought to an end whatever the spec says by then.
    pub operation: bool,
    /// So long it rests after AWS took it; what a retry cannot mend soon is not tried all the time.
    pub rests: Option<Duration>,
    /// AWS never shows what it changes: once accepted it is done.
    pub unseen: bool,
    /// What is told where AWS takes it again and again and shows nothing of it; nothing where that cannot last.
    pub in_vain: Option<Reason>,
}

impl PlannedCall {
    /// A call that is sent in its turn.
    #[must_use]
    pub fn new(mutation: Mutation, changes: Vec<Change>) -> Self {
        let (when, parts) = (When::Always, Vec::new());
        let (because, rests, in_vain) = (None, None, None);
        Self {
            mutation,
            changes,
            when,
            because,
            parts,
            exposes: false,
            operation: false,
            rests,
            unseen: false,
            in_vain,
        }
    }
}

/// What is written down of a sequence of calls, once none of its calls is due.
#[derive(Clone, Debug)]
pub struct OperationStep {
    /// What status is to say; nothing takes the record out.
    pub record: Option<OperationRecord>,
    /// Only once AWS refused a call of the sequence for certain; its words go into the record.
    pub after_refusal: bool,
    /// What is told as an Event: whether it warns, its reason and text.
    pub event: Option<(bool, &'static str, String)>,
}

/// What differs and may not be changed yet, which is no fault.
#[derive(Clone, Debug)]
pub struct Pending {
    /// Why, and when it may.
    pub reason: Reason,
    /// The differences.
    pub changes: Vec<Change>,
    /// When it may be looked at again.
    pub due: Option<Timestamp>,
}

/// A ConfigMap that goes with an object, and belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedConfigMap {
    /// Its name; it is in the object's namespace.
    pub name: String,
    /// What it is to hold under its keys; nothing where that is not known now, and what it holds stays.
    pub data: Option<BTreeMap<String, String>>,
}

/// What may differ and cannot be compared now.
#[derive(Clone, Debug, PartialEq)]
pub struct Unknown {
    /// What is wanted.
    pub change: Change,
    /// Why, in a sentence that names the member.
    pub why: String,
}

/// What is different and what to send.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// All differences, keys and tags included (owner tags not), also those that are not acted on.
    pub changes: Vec<Change>,
    /// What may differ and cannot be compared now. It is not known to be as the spec says, so nothing is taken over for it, and
    /// it was not sent, so nothing of it is written down.
    pub unknown: Vec<Unknown>,
    /// Calls in the order in which they are to be sent; each stands on its own, so that one that AWS refuses does not
    /// hold the others back.
    pub calls: Vec<PlannedCall>,
    /// Why some differences are not acted on.
    pub blocks: Vec<Reason>,
    /// AWS is on its way somewhere: look again soon.
    pub busy: Option<Reason>,
    /// What is worth a look and blocks nothing, what weighs most first.
    pub advice: Vec<Reason>,
    /// Not all of it was found out now: what was said before stands.
    pub advice_stands: bool,
    /// What waits for a time at which it may be changed.
    pub pending: Option<Pending>,
    /// What is written down of a sequence that is under way, or begins.
    pub operation: Option<OperationStep>,
    /// The ConfigMaps that the object is to have, all of them.
    pub config_maps: Vec<OwnedConfigMap>,
    /// What becomes of the one that was replaced.
    pub old: Old,
}

impl Plan {
    /// Whether nothing differs, waits or goes on.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        let Self {
            changes,
            unknown,
            calls,
            blocks,
            busy,
            advice: _,
            advice_stands: _,
            pending,
            operation,
            config_maps: _,
            old: _,
        } = self;
        let open = changes.is_empty() && unknown.is_empty() && calls.is_empty() && blocks.is_empty();
        open && busy.is_none() && pending.is_none() && operation.is_none()
    }
}

/// A condition that is a kind's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnCondition {
    /// Its type.
    pub r#type: &'static str,
    /// Whether it holds, why, and of which generation that was found out; nothing where there is nothing to say.
    pub told: Option<(bool, Reason, i64)>,
}

/// What status says of one object. Pure, and the same whoever asks.
pub trait KindStatus: PartialEq {
    /// Whether it says that the AWS object exists.
    fn confirmed(&self) -> bool;

    /// The id that it records, for kinds found by their tags.
    fn id(&self) -> Option<&str> {
        None
    }

    /// Takes out what is shown of something that AWS no longer has, once that is believed; what leads there stays.
    fn vanished(&mut self);

    /// The conditions that follow from it alone.
    fn own_conditions(&self) -> Vec<OwnCondition> {
        Vec::new()
    }

    /// Whether a new one says something else. What changes all the time without meaning (a user count) is no reason to
    /// write.
    fn changed(&self, new: &Self) -> bool {
        self != new
    }
}

/// What AWS has of one object. Pure.
pub trait ResourceState: Send + Sync {
    /// The tags that stand on it; `None` for kinds that have none in AWS.
    fn tags(&self) -> Option<&Tags>;

    /// What Ready says of it when nothing is left to do.
    fn ready_reason(&self) -> Reason;

    /// What a listing of AWS shows of it, as one digest; nothing where its kind's listings are not compared.
    fn listed(&self) -> Option<String>;

    /// Until when what it takes the place of is not deleted, whoever uses that, by what AWS has of both. It is asked at
    /// every look while both are there, so that nobody has to look at them once more.
    fn overlaps_old_until(&self) -> Option<Timestamp> {
        None
    }

    /// What AWS has once it answered this create with a success: what was sent, and what follows from that, under the
    /// ARN that it then has. Nothing where the creation goes on after the answer, or shows more than the call says: that
    /// is looked at.
    #[must_use]
    fn created(_call: &Mutation, _arn: Option<String>) -> Option<Self>
    where
        Self: Sized,
    {
        None
    }

    /// What AWS has once it took this call of a plan, with its answer. Nothing where that has to be seen: after what
    /// takes something away always, as only what is seen to be gone is forgotten.
    fn accepted(&self, _call: &Mutation, _answer: &CreateOutput) -> Option<Self>
    where
        Self: Sized,
    {
        None
    }
}

/// One kind of object: where it lives, what is wanted, what is there, and which calls lead from the one to the other.
/// When a call is sent is not a kind's to say, and no method here changes anything in AWS or in Kubernetes.
///
/// The least that one has to say, for something of one member whose id AWS chooses (`Notices` in
/// `kinds/reconcile_tests/replacing.rs` is it in full):
///
/// ```ignore
/// impl Kind for Notices {
///     type Object = Notice;      // the custom resource
///     type TargetDetail = ();    // it lives in an account and region, and nowhere more narrow
///     type Want = String;        // what the spec asks for
///     type Have = Server;        // what AWS has
///     const WORDS: Words = Words { noun: "notice", parent: "", taken: "", anew: "another id" };
///
///     fn found_by(&self) -> FoundBy<'_, Notice, ()> { FoundBy::Tags(self) }
///     async fn resolve(&self, object) { /* identity, grant, account and region */ }
///     async fn want(&self, object, target, now) { /* the text of the spec */ }
///     async fn describe(&self, object, target) { /* what has the id in status */ }
///     fn create(&self, object, target, wanted, owner_tags) { /* the call */ }
///     fn plan(&self, object, target, wanted, have, owner, now) { /* a Change if the texts differ, and its call */ }
///     fn fill_status(&self, status, target, wanted, have) { /* what is seen */ }
///     fn delete(&self, object, target, id) { /* the call */ }
///     fn arn(&self, object, target, id) { /* what its tags are put on */ }
/// }
/// ```
#[async_trait]
pub trait Kind: Send + Sync + Sized + 'static {
    /// The custom resource.
    type Object: Managed<Status: KindStatus>;
    /// Where it lives, besides account and region.
    type TargetDetail: Clone + Send + Sync;
    /// What is wanted.
    type Want: Send + Sync;
    /// What AWS has.
    type Have: ResourceState;

    /// How messages call it.
    const WORDS: Words;

    /// The longest between two looks at what rests, where its spec does not say: what others live on is looked at more
    /// often than everything.
    const EVERY: Duration = Duration::MAX;

    /// How its AWS object is found again, and who answers what follows from that.
    fn found_by(&self) -> FoundBy<'_, Self::Object, Self::TargetDetail>;

    /// Finds out where the object lives: identity, grant, account, region, server. Makes no AWS call for an object
    /// that is not granted.
    ///
    /// # Errors
    /// Trouble in finding out, which is retried.
    async fn resolve(&self, object: &Self::Object) -> Result<Resolved<Self::TargetDetail>, ReconcileError>;

    /// Turns the spec into what is wanted; reads ConfigMaps and Secrets that it names.
    ///
    /// # Errors
    /// Trouble in reading. What the user must mend is a block in the answer, not an error.
    async fn want(
        &self,
        object: &Self::Object,
        target: &Target<Self::TargetDetail>,
        now: Timestamp,
    ) -> Result<Wanted<Self::Want>, ReconcileError>;

    /// Looks at the known key in AWS.
    ///
    /// # Errors
    /// The fault of a read; NotFound is an answer, not a fault.
    async fn describe(
        &self,
        object: &Self::Object,
        target: &Target<Self::TargetDetail>,
    ) -> Result<Described<Self::Have>, AwsError>;

    /// The call that creates it, with the owner tags.
    fn create(
        &self,
        object: &Self::Object,
        target: &Target<Self::TargetDetail>,
        wanted: &Wanted<Self::Want>,
        owner_tags: &Tags,
    ) -> Mutation;

    /// Compares, and says what to send. `object.status` holds what this object applied before.
    fn plan(
        &self,
        object: &Self::Object,
        target: &Target<Self::TargetDetail>,
        wanted: &Wanted<Self::Want>,
        have: &Self::Have,
        owner: &Owner,
        now: Timestamp,
    ) -> Plan;

    /// Writes what was seen into the observed part of status (not conditions, not records).
    fn fill_status(
        &self,
        status: &mut <Self::Object as Managed>::Status,
        target: &Target<Self::TargetDetail>,
        wanted: Option<&Wanted<Self::Want>>,
        have: &Self::Have,
    );

    /// The call that deletes it. `id` is for kinds found by their tags.
    fn delete(&self, object: &Self::Object, target: &Target<Self::TargetDetail>, id: Option<&str>) -> Mutation;

    /// The ARN to tag, for `deletionPolicy: Retain`; `None` for kinds without tags.
    fn arn(&self, object: &Self::Object, target: &Target<Self::TargetDetail>, id: Option<&str>) -> Option<String>;

    /// What helps a person with a call that AWS did not carry out, to be told after AWS's own words; nothing where there
    /// is nothing to add. It may ask AWS, and where that fails it adds nothing.
    async fn explain(&self, _account: &Account, _call: &Mutation, _fault: &AwsError) -> Option<String> {
        None
    }
}
