//! What one reconcile knows so far, and the facts that a decision is made of. It reads nothing itself: what was read,
//! sent and answered is put in by `observe` and `act`.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kube::Resource as _;
use serde_json::json;
use tokio::time::Instant;

use super::consistency::{ObservedState, TagMatches};
use super::context::{Engine, ReconcileContext, Request, Status};
use super::decide::update::{Source, UpdateFacts};
use super::decide::{self, Action, Adoption, BeforeDelete, CreateFacts, Facts, Reads, Replacement};
use super::diff::{Change, Effect};
use super::found_by::Child;
use super::kind::{Described, Kind, KindStatus, Plan, PlannedCall, Resolved, Target, Wanted};
use super::looks;
use super::memory::Memory;
use super::mutate;
use super::owner::Ownership;
use super::planned::Planned;
use super::reason::Reason;
use super::record::{RecordedCreate, recorded};
use crate::api::condition::{self, reasons, types};
use crate::api::lifecycle::{AdoptionMode, DeletionPolicy, ManagementPolicy, RecreatePolicy};
use crate::api::status::{OperationRecord, Replacing};
use crate::api::{CommonStatus, Managed};
use crate::aws::{Account, Mutation, Tags, waiting};
use crate::cluster::{EventNote, mass_deletion};

/// For how long a reconcile goes on to the next call, not counting what it waits at the limiter: AWS may answer each
/// late, and a reconcile has two minutes.
const SENDING: Duration = Duration::from_secs(30);

/// What status and the process's memory say, once for all facts of a decision.
struct Recalled<'a, S> {
    /// The id of what is to be taken over.
    adopts: Option<String>,
    /// Digest of the create that is due, where AWS refused it and it is not due again.
    held_create: Option<String>,
    /// Why its deletion waits for a person's yes.
    mass: Option<Reason>,
    status: &'a S,
    memory: &'a Memory,
    record: Option<&'a RecordedCreate>,
    /// Whether the kind is ever replaced.
    replaces: bool,
    replacing: Option<&'a Replacing>,
}

/// What one reconcile knows so far.
pub(super) struct Known<K: Kind> {
    /// Where the object lives, or why that cannot be told.
    place: Resolved<K::TargetDetail>,
    /// AWS's clock when the spec was read; before that nothing goes by it.
    pub now: Timestamp,
    /// What the spec leads to; nothing for an object that is being deleted.
    pub wanted: Option<Wanted<K::Want>>,
    /// What was read.
    pub reads: Reads,
    /// What AWS has.
    pub have: Option<K::Have>,
    /// The same as the decision sees it.
    pub sight: ObservedState,
    /// What a look at the replaced one showed.
    pub old: ObservedState,
    /// A complete look-up by tags.
    pub lookup: Option<TagMatches>,
    /// What differs, and the calls for it.
    pub plan: Option<Plan>,
    /// What stands in the way of the deletion that is due.
    pub before_delete: Option<BeforeDelete>,
    /// How that is known.
    source: Source,
    /// The calls that AWS did not take in this reconcile, see [`UpdateFacts::tried`].
    pub tried: BTreeMap<String, bool>,
    /// Those that it took, and that are to be told.
    pub taken: Vec<EventNote>,
    /// This reconcile made what AWS has.
    pub made: bool,
    /// It wrote status before a call, see [`UpdateFacts::tested`].
    pub tested: bool,
    /// When the first call could go out, and how long was waited at the limiter by then.
    compared_at: Option<(Instant, Duration)>,
}

impl<K: Kind> Known<K> {
    /// Nothing was read but the object.
    pub fn new(place: Resolved<K::TargetDetail>) -> Self {
        Self {
            place,
            now: Timestamp::UNIX_EPOCH,
            wanted: None,
            reads: Reads::Object,
            have: None,
            sight: ObservedState::NotLooked,
            old: ObservedState::NotLooked,
            lookup: None,
            plan: None,
            before_delete: None,
            source: Source::Seen,
            tried: BTreeMap::new(),
            taken: Vec::new(),
            made: false,
            tested: false,
            compared_at: None,
        }
    }

    /// Where the object lives, where that can be told.
    pub fn target(&self) -> Option<&Target<K::TargetDetail>> {
        self.place.as_ref().ok()
    }

    /// What an action at the object's place needs to know.
    pub fn context<'a>(&'a self, request: &'a Request<K::Object>) -> Option<ReconcileContext<'a, K>> {
        let (wanted, have) = (self.wanted.as_ref(), self.have.as_ref());
        Some(ReconcileContext { request, target: self.target()?, wanted, have, now: self.now })
    }

    /// What AWS has was looked at.
    pub fn described(&mut self, look: Described<K::Have>, sight: ObservedState) {
        self.reads = Reads::Described;
        self.sight = sight;
        self.have = if let Described::Found(have) = look { Some(have) } else { None };
        (self.source, self.plan) = (Source::Seen, None);
    }

    /// AWS answered that it made this, by its own clock at that time.
    pub fn was_made(&mut self, have: K::Have, sight: ObservedState, now: Timestamp) {
        (self.reads, self.sight, self.have) = (Reads::Described, sight, Some(have));
        (self.source, self.plan, self.made, self.now) = (Source::Made, None, true, now);
    }

    /// AWS took a call, and has this now.
    pub fn changed(&mut self, have: K::Have) {
        (self.have, self.plan) = (Some(have), None);
        if self.source == Source::Seen {
            self.source = Source::Accepted;
        }
    }

    /// Whether what AWS has was seen as it is now: no call went out since.
    pub fn seen(&self) -> bool {
        self.source == Source::Seen
    }

    /// What is wanted was compared with what is there.
    pub fn compared(&mut self, plan: Plan) {
        self.plan = Some(plan);
        self.compared_at.get_or_insert_with(|| (Instant::now(), waiting::waited()));
    }

    /// Decides what is due next.
    pub fn decide(&self, engine: &Engine<K>, request: &Request<K::Object>) -> Action {
        let status = request.status();
        let memory = engine.memories.load(&request.uid);
        let record = RecordedCreate::read(K::Object::common(&status), self.now);
        let (replaces, replacing) = recorded::<K::Object>(&status);
        let adopts = self.target().and_then(|target| engine.kind.found_by().adopts(&request.object, target));
        // What this object replaced is not what it is to take over.
        let gone = |id: &String| {
            let old = replacing.as_ref().is_some_and(|replacing| replacing.old_id == *id);
            replaces && (old || record.as_ref().is_some_and(|record| record.retired_ids.contains(id)))
        };
        let recalled = Recalled {
            adopts: adopts.filter(|id| !gone(id)),
            replaces,
            replacing: replacing.as_ref(),
            held_create: self.held_create(engine, request, &memory),
            mass: self.mass(engine, request),
            status: &status,
            memory: &memory,
            record: record.as_ref(),
        };
        let lag = engine.settings.windows.lag;
        let update = self.update(Some(K::Object::common(&status)), &memory, lag);
        let take_over = recalled.adopts.as_deref().zip(self.target());
        let take_over = take_over.and_then(|(id, target)| take_over_plan(engine, request, target, id));
        let take_over = take_over.as_ref().and_then(|plan| self.update_by(plan, None, &memory, lag));
        let facts = self.facts(engine, request, &recalled, update.as_ref());
        decide::decide(&Facts { take_over: take_over.as_ref(), ..facts })
    }

    fn facts<'a>(
        &'a self,
        engine: &'a Engine<K>,
        request: &'a Request<K::Object>,
        recalled: &'a Recalled<'a, Status<K>>,
        update: Option<&'a UpdateFacts<'a>>,
    ) -> Facts<'a> {
        let Recalled { adopts, held_create, mass, status, memory, record, replaces, replacing } = recalled;
        let (policies, target) = (request.object.policies(), self.target());
        let attempt = record.and_then(|record| record.attempt.as_ref());
        let mode = policies.adoption.as_ref().map_or(AdoptionMode::IfIdentical, |adoption| adoption.mode);
        let adoption = adopts.as_ref().map(|id| Adoption { id, only_identical: mode == AdoptionMode::IfIdentical });
        let judged = adoption.is_some() && self.sight != ObservedState::Found(Ownership::Ours);
        let (edited, found_by) = (edited::<K>(request, self.wanted.as_ref()), engine.kind.found_by());
        let (child, old) = (found_by.child().zip(target), &self.old);
        let operation = operation::<K::Object>(status);
        Facts {
            words: K::WORDS,
            identity: found_by.identity(),
            uid: &request.uid,
            deleting: request.deleting(),
            finalizer: request.finalizer(),
            observe_only: policies.observes(),
            report_only: policies.management == ManagementPolicy::ReportDrift && !edited,
            suspended: request.object.suspend(),
            mass: mass.as_ref(),
            retain: policies.deletion == DeletionPolicy::Retain,
            protected: policies.protected,
            recreate: policies.recreate == RecreatePolicy::Automatic,
            adoption,
            differs: judged && self.differs(engine, request),
            may_create: self.barred().is_none() && target.is_none_or(|target| target.denied.is_none()),
            confirmed: status.confirmed(),
            id: status.id(),
            parent_replaced: child.is_some_and(|(child, target)| child.parent_replaced(target)),
            placeless: self.place.as_ref().err(),
            denied: target.and_then(|target| target.denied.as_ref()),
            unproven: child.and_then(|(child, target)| child.unproven(target)),
            reads: self.reads,
            edited,
            believed: self.believed(engine, request, status),
            record: *record,
            sight: &self.sight,
            lookup: self.lookup.as_ref(),
            observations: &memory.observations,
            replied: memory.replied.as_ref().filter(|(replied, _)| Some(replied) == attempt).map(|(_, at)| *at),
            deleted: &memory.deleted,
            replacement: replaces.then(|| self.replacement(*replacing, old)),
            creates_stopped_at: memory.creates_stopped_at,
            operation: operation.is_some(),
            quiet_since: operation.and_then(quiet_since),
            create: create_facts(held_create.as_deref(), memory),
            before_delete: self.before_delete.as_ref(),
            update,
            take_over: None,
            now: self.now,
            windows: engine.settings.windows,
        }
    }

    /// Whether status says that all is well with what is wanted now, and neither a look of this process nor AWS's listings
    /// say otherwise. It never stands in for a look before something is changed.
    fn believed(&self, engine: &Engine<K>, request: &Request<K::Object>, status: &Status<K>) -> bool {
        let Some(target) = self.target().filter(|_| self.reads == Reads::Desired && self.is_well(request, status))
        else {
            return false;
        };
        match engine.kind.found_by().child() {
            Some(child) => believed_as_listed(engine, request, status, (child, target)),
            None => self.seen_for_this(engine, request, target),
        }
    }

    /// Whether status says that all is well with what is wanted now.
    fn is_well(&self, request: &Request<K::Object>, status: &Status<K>) -> bool {
        let common = K::Object::common(status);
        let well = condition::is_true(&common.conditions, types::READY)
            && condition::find(&common.conditions, types::DRIFTED).is_none()
            && common.observed_generation == request.generation
            && request.reconcile_requested().is_none_or(|at| common.last_handled_reconcile_at.as_ref() == Some(at));
        let wanted = self.wanted.as_ref();
        let changed =
            wanted.is_none_or(|wanted| !wanted.blocks.is_empty() || wanted.changes_at.is_some_and(|at| at <= self.now));
        well && !changed
    }

    /// What is compared, as one digest.
    pub fn compares(&self, request: &Request<K::Object>) -> Option<String> {
        let wanted = self.wanted.as_ref()?;
        Some(looks::row(&json!([request.status().id(), request.generation, wanted.digest])))
    }

    /// Whether the last look of this process was for just this, where what it is made of is read between two looks. Of what
    /// a listing shows a look takes that down instead: what others live on is looked at each time.
    fn seen_for_this(
        &self,
        engine: &Engine<K>,
        request: &Request<K::Object>,
        target: &Target<K::TargetDetail>,
    ) -> bool {
        let row = self.compares(request).zip(engine.read_between(&request.object));
        row.is_some_and(|(row, turn)| engine.settings.looks.stands(&request.uid, place(&target.account), &row, turn))
    }

    /// What holds a create back. What is there is compared first, also where it is to be taken over.
    fn barred(&self) -> Option<&Reason> {
        let wanted = self.wanted.as_ref()?;
        match self.have {
            Some(_) => wanted.blocks.first(),
            None => wanted.bars().next(),
        }
    }

    fn replacement<'a>(&self, record: Option<&'a Replacing>, old: &'a ObservedState) -> Replacement<'a> {
        let unfit = self.wanted.as_ref().is_some_and(|wanted| !wanted.faults.is_empty());
        Replacement { due: self.replacement_due(), unfit, said: self.plan.as_ref().map(|plan| plan.old), record, old }
    }

    /// Whether what was compared differs in what AWS cannot change, and need not wait.
    fn replacement_due(&self) -> bool {
        let Some(plan) = &self.plan else { return false };
        let waits = |change: &Change| plan.pending.as_ref().is_some_and(|pending| pending.changes.contains(change));
        plan.changes.iter().any(|change| change.effect == Effect::Replace && !waits(change))
    }

    fn differs(&self, engine: &Engine<K>, request: &Request<K::Object>) -> bool {
        let compared = self.context(request).and_then(|context| plan(engine, &context));
        compared.is_some_and(|plan| !plan.changes.is_empty() || !plan.unknown.is_empty())
    }

    fn held_create(&self, engine: &Engine<K>, request: &Request<K::Object>, memory: &Memory) -> Option<String> {
        if memory.refused_calls.is_empty() {
            return None;
        }
        let digest = create_digest(engine, &self.context(request)?)?;
        memory.refused_calls.get(&digest).is_some_and(|hold| hold.due > Instant::now()).then_some(digest)
    }

    /// Whether its deletion is one of so many that a person is asked first, as the caches show it now.
    fn mass(&self, engine: &Engine<K>, request: &Request<K::Object>) -> Option<Reason> {
        mass(engine, request, &self.target()?.identity)
    }

    /// What the decision on the calls of the plan is made of; what status says is left out where no call is to go.
    pub fn update<'a>(
        &'a self,
        status: Option<&'a CommonStatus>,
        memory: &'a Memory,
        lag: SignedDuration,
    ) -> Option<UpdateFacts<'a>> {
        self.update_by(self.plan.as_ref()?, status, memory, lag)
    }

    /// The same of any plan.
    fn update_by<'a>(
        &'a self,
        plan: &'a Plan,
        status: Option<&'a CommonStatus>,
        memory: &'a Memory,
        lag: SignedDuration,
    ) -> Option<UpdateFacts<'a>> {
        let worked =
            |(at, waited): (Instant, Duration)| at.elapsed().saturating_sub(waiting::waited().saturating_sub(waited));
        let time_is_up = self.compared_at.is_some_and(|began| worked(began) >= SENDING);
        let wanted = &self.wanted.as_ref()?.applied;
        let (tried, sent, at) = (&self.tried, !self.taken.is_empty(), Instant::now());
        let recorded = status.and_then(|status| status.applied.as_ref());
        // What a sequence is for was announced when it began; in its middle AWS has something else than before.
        let begun = |status: &CommonStatus| status.operation.as_deref().is_some_and(OperationRecord::goes_on);
        let announced = status.is_none_or(|status| begun(status) || Planned::before(plan, false).stands(status));
        let (source, tested) = (self.source, self.tested);
        Some(UpdateFacts {
            plan,
            source,
            wanted,
            recorded,
            announced,
            tested,
            memory,
            tried,
            sent,
            time_is_up,
            at,
            lag,
        })
    }
}

/// Whether a listing, or the time since a look, stands in for a look.
fn believed_as_listed<K: Kind>(
    engine: &Engine<K>,
    request: &Request<K::Object>,
    status: &Status<K>,
    (child, target): (&dyn Child<K::Object, K::TargetDetail>, &Target<K::TargetDetail>),
) -> bool {
    let listed = K::Object::common(status).applied.as_ref().and_then(|applied| applied.listed.as_deref());
    let Some(row) = listed.filter(|_| child.is_at(status, target)) else { return false };
    let (looks, uid, place) = (&engine.settings.looks, request.uid.as_str(), place(&target.account));
    // Where only what is shown of its parent is another, a look that was not long ago does as well.
    let mut shown = status.clone();
    child.show_parent(&mut shown, target);
    looks.believes(uid, place, row, engine.settings.resync)
        || (shown != *status && looks.stands(uid, place, row, engine.next_turn(&request.object)))
}

fn place(Account { id, region, .. }: &Account) -> (&str, &str) {
    (id, region)
}

/// Why the deletion of this object waits for a person's yes, where it is one of so many of its identity.
pub(super) fn mass<K: Kind>(engine: &Engine<K>, request: &Request<K::Object>, identity: &str) -> Option<Reason> {
    let deleted_at = request.object.meta().deletion_timestamp.as_ref()?.0;
    let mass = mass_deletion::held(engine.lister.as_ref(), identity, engine.settings.hold_percent);
    mass.filter(|mass| mass.holds(deleted_at))?;
    Some(Reason::new(reasons::DELETIONS_HELD, mass_deletion::sentence(identity)))
}

/// The sequence of calls that status records, as long as anything is to be done for it.
pub(super) fn operation<O: Managed>(status: &O::Status) -> Option<&OperationRecord> {
    O::common(status).operation.as_deref().filter(|operation| operation.guards())
}

fn create_facts<'a>(held: Option<&'a str>, memory: &Memory) -> CreateFacts<'a> {
    CreateFacts { held, made: memory.made, sent: memory.create_sent, contradicted: memory.contradicted }
}

/// Since when no call of it is sent any more.
fn quiet_since(operation: &OperationRecord) -> Option<Timestamp> {
    operation.quiet_since()?.parse().ok()
}

/// Compares what is wanted with what was seen, where both are known.
pub(super) fn plan<K: Kind>(engine: &Engine<K>, context: &ReconcileContext<'_, K>) -> Option<Plan> {
    let (wanted, have) = (context.wanted?, context.have?);
    let request = context.request;
    Some(engine.kind.plan(&request.object, context.target, wanted, have, &request.owner, context.now))
}

/// The call that takes over what exists; nothing where AWS keeps no tags.
pub(super) fn take_over<K: Kind>(
    engine: &Engine<K>,
    request: &Request<K::Object>,
    target: &Target<K::TargetDetail>,
    id: &str,
) -> Option<PlannedCall> {
    let arn = engine.kind.arn(&request.object, target, Some(id))?;
    Some(PlannedCall::new(Mutation::tag(arn, request.owner.lasting_tags()), Vec::new()))
}

fn take_over_plan<K: Kind>(
    engine: &Engine<K>,
    request: &Request<K::Object>,
    target: &Target<K::TargetDetail>,
    id: &str,
) -> Option<Plan> {
    let call = take_over(engine, request, target, id)?;
    Some(Plan { calls: vec![call], ..Plan::default() })
}

/// Digest of the create that is due. The attempt differs each time, so it is taken without.
pub(super) fn create_digest<K: Kind>(engine: &Engine<K>, context: &ReconcileContext<'_, K>) -> Option<String> {
    let wanted = context.wanted?;
    Some(mutate::digest(&engine.kind.create(&context.request.object, context.target, wanted, &Tags::new())))
}

/// Whether something that a person wrote was not applied in full yet.
pub(super) fn edited<K: Kind>(request: &Request<K::Object>, wanted: Option<&Wanted<K::Want>>) -> bool {
    let status = request.object.status().map(K::Object::common);
    let applied = status.and_then(|status| status.applied.as_ref()?.digest.as_ref());
    wanted.is_some_and(|wanted| applied != Some(&wanted.digest))
}
