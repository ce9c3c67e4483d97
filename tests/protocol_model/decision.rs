//! The one place where the model asks the operator's own code: what a replica saw becomes `Facts`, and `decide`
//! answers.
//!
//! The code is pure, so an answer is kept: the same facts are never asked twice.

use std::cell::RefCell;
use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use transfer_operator::api::condition::reasons;
use transfer_operator::api::status::{Applied, CreatePhase, Replacing};
use transfer_operator::aws::AwsErrorKind;
use transfer_operator::engine::consistency::{
    Candidate, ConsistencyCounter, Observation, ObservedState, TagMatches, Windows,
};
use transfer_operator::engine::decide::answer::{AfterAttempt, AttemptFacts, CreateEnd, after_attempt};
use transfer_operator::engine::decide::update::{Source, UpdateFacts};
use transfer_operator::engine::decide::{
    Action, BeforeDelete, CreateFacts, Facts, Identity, Reads, Replace, Replacement, Words, decide,
};
use transfer_operator::engine::diff::Old;
use transfer_operator::engine::kind::Plan;
use transfer_operator::engine::memory;
use transfer_operator::engine::owner::{Owner, Ownership};
use transfer_operator::engine::record::RecordedCreate;

use super::model::Window;
use super::world::{Age, Creation, Id, Memory, Object, Server, Uid};

/// Messages are no part of the model.
const WORDS: Words = Words { noun: "", parent: "", taken: "", anew: "" };

/// What a reconcile knows when it decides.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Seen {
    pub window: Window,
    /// How long nothing must have used the old one.
    pub rest: Age,
    /// What AWS cannot change is replaced.
    pub replaces: bool,
    /// What was replaced and is wanted again changes places with what replaced it.
    pub swaps: bool,
    /// What was replaced is of no use to whoever goes on using it.
    pub spends: bool,
    /// A create that nobody remembers is not waited for.
    pub forgets: bool,
    pub name: u8,
    pub object: Object,
    pub memory: Memory,
    /// Describe of the recorded server.
    pub described: Described,
    /// Describe of the old one.
    pub old: Described,
    /// A complete listing, once it was asked for.
    pub listed: Option<Vec<Server>>,
}

/// What Describe shows of the recorded server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Described {
    NotAsked,
    Missing,
    Found(Server),
}

/// The step that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing for now.
    Rest,
    /// Nothing until the look-up for a create under way has lasted long enough.
    Recovering,
    /// Nothing until a person acts.
    Stalled,
    LookUp,
    RecordedCreate(CreatePhase),
    AddFinalizer,
    RecordId(Id),
    Create,
    TakeBack(Id),
    Swap(Id),
    Retire,
    End(Id),
    Delete(Id),
    Release(Id),
    RemoveFinalizer,
}

impl Seen {
    /// What the operator does about it.
    pub fn decide(&self) -> Due {
        #[allow(clippy::disallowed_types, reason = "only looked up, never gone through")]
        type Known = std::collections::HashMap<Seen, Due>;
        thread_local! {
            static KNOWN: RefCell<Known> = RefCell::default();
        }
        KNOWN.with_borrow_mut(|known| {
            if let Some(due) = known.get(self) {
                return due.clone();
            }
            let due = due(self.ask());
            assert_eq!(due, self::due(self.aged().ask()), "the time of a record that is not in flight is looked at");
            known.insert(self.clone(), due.clone());
            due
        })
    }

    /// The same, where the record is old unless it is in flight: the model does not count its time otherwise.
    fn aged(&self) -> Self {
        let mut aged = self.clone();
        if let Some(record) = aged.object.record.as_mut().filter(|record| !record.ages(self.replaces)) {
            record.age = Age::MAX;
        }
        aged
    }

    /// What the listing shows of this object, by the operator's own judgement of tags.
    pub fn lookup(&self) -> Option<TagMatches> {
        let owner = owner(self.name, self.object.uid);
        let mut lookup = TagMatches::default();
        for server in self.listed.as_ref()? {
            let id = text(server.id);
            match judge(&owner, *server) {
                Ownership::Ours => lookup.ours.push(Candidate { attempt: Some(id.clone()), id }),
                Ownership::Former => lookup.former.push(id),
                Ownership::OtherCluster => lookup.other_cluster.push(id),
                Ownership::UidLost => lookup.uid_lost.push(id),
                Ownership::Foreign(_) | Ownership::Untagged | Ownership::Retained => {}
            }
        }
        Some(lookup)
    }

    /// What the look at the recorded server shows.
    pub fn sight(&self) -> ObservedState {
        self.state(self.described)
    }

    fn state(&self, described: Described) -> ObservedState {
        match described {
            Described::NotAsked => ObservedState::NotLooked,
            Described::Missing => ObservedState::Missing,
            Described::Found(found) => ObservedState::Found(judge(&owner(self.name, self.object.uid), found)),
        }
    }

    /// What is recorded differs from the spec in what AWS cannot change.
    fn due(&self) -> bool {
        matches!(self.described, Described::Found(found) if found.spec != self.object.spec)
    }

    /// What the kind says of the old one.
    fn of_old(&self) -> Old {
        let again = matches!(self.old, Described::Found(old) if old.spec == self.object.spec);
        match () {
            () if self.swaps && self.due() && again => Old::WantedAgain { spent: self.spends },
            () if self.spends => Old::Spent,
            () => Old::Going,
        }
    }

    fn replacing(&self) -> Option<Replacing> {
        let super::world::Replacing { old, phase } = self.object.replacing?;
        let attempt = self.object.attempt().map(text).unwrap_or_default();
        Some(Replacing { old_id: text(old), attempt, phase, swapped_at: None })
    }

    /// The record of the create, and since when.
    fn record(&self) -> Option<RecordedCreate> {
        let mut record = read(self.object.record?);
        record.retired_ids = self.object.retired.iter().copied().map(text).collect();
        if self.forgets && record.phase != CreatePhase::InFlight {
            record.started_at = ago(Age::MAX);
        }
        Some(record)
    }

    fn ask(&self) -> Action {
        let Object { uid, deleting, finalizer, record: _, server, spec: _, replacing: _, retired: _, used: _ } =
            &self.object;
        let record = self.record();
        let (replacing, old) = (self.replacing(), self.state(self.old));
        let replacement = Replacement {
            due: self.due(),
            unfit: false,
            said: Some(self.of_old()),
            record: replacing.as_ref(),
            old: &old,
        };
        let attempt = record.as_ref().and_then(|record| record.attempt.clone());
        let sight = self.sight();
        let deleted = self.memory.deleted.iter().map(|(id, age)| (text(*id), ago(*age))).collect();
        let observations = self.observations();
        let kept = (self.spends && self.object.kept() && !deleting).then(|| "used".to_owned());
        answered_beside(
            kept,
            &Facts {
                uid: &text(*uid),
                deleting: *deleting,
                finalizer: *finalizer,
                confirmed: server.is_some(),
                id: server.map(text).as_deref(),
                record: record.as_ref(),
                lookup: self.lookup().as_ref(),
                replied: self.memory.replied.filter(|(id, _)| Some(text(*id)) == attempt).map(|(_, age)| ago(age)),
                replacement: self.replaces.then_some(replacement),
                ..looked_at(Identity::Tagged, &sight, (&observations, &deleted), now(), self.window.real())
            },
        )
    }

    /// What was seen repeatedly. Nothing makes a replica look slowly: it looks so often in a row as it takes, so that
    /// only the time counts, not how often.
    fn observations(&self) -> ConsistencyCounter {
        const OFTEN: usize = 9;
        let mut observations = ConsistencyCounter::default();
        let mut count = |observation, since: Option<Age>| {
            let Some(since) = since else { return };
            observations.count(observation, ago(since));
            (0..OFTEN).for_each(|_| observations.count(observation, now()));
        };
        count(Observation::Missing, self.memory.missing);
        count(Observation::Foreign, self.memory.foreign);
        count(Observation::Former, self.memory.former);
        count(Observation::OldMissing, self.memory.old_missing);
        count(Observation::OldForeign, self.memory.old_foreign);
        let record = self.record();
        let made = |found: &_| record.as_ref().is_none_or(|record| record.may_have_made(found, self.replaces));
        count(Observation::NoTrace, self.lookup().filter(|lookup| !lookup.ours.iter().any(made)).map(|_| 0));
        if self.memory.unused.is_some_and(|since| since >= self.rest) {
            observations.count(Observation::OldUnused, now() - self.window.real().unused());
            (0..OFTEN).for_each(|_| observations.count(Observation::OldUnused, now()));
        }
        observations
    }
}

/// What is known of an object that was looked at, and of which nothing else is known: nobody asks anything of it, and
/// nothing stands in the way.
pub fn looked_at<'a>(
    identity: Identity,
    sight: &'a ObservedState,
    (observations, deleted): (&'a ConsistencyCounter, &'a BTreeMap<String, Timestamp>),
    now: Timestamp,
    windows: Windows,
) -> Facts<'a> {
    Facts {
        words: WORDS,
        identity,
        uid: "u",
        deleting: false,
        finalizer: false,
        observe_only: false,
        report_only: false,
        suspended: false,
        mass: None,
        retain: false,
        protected: false,
        recreate: false,
        adoption: None,
        differs: false,
        may_create: true,
        confirmed: false,
        id: None,
        parent_replaced: false,
        placeless: None,
        denied: None,
        unproven: None,
        reads: Reads::Described,
        edited: false,
        believed: false,
        record: None,
        sight,
        lookup: None,
        observations,
        replied: None,
        deleted,
        replacement: None,
        creates_stopped_at: None,
        operation: false,
        quiet_since: None,
        create: CreateFacts::default(),
        before_delete: None,
        update: None,
        take_over: None,
        now,
        windows,
    }
}

/// What the operator makes of AWS's answer to a create.
pub fn ended(identity: Identity, kind: AwsErrorKind, sent_before: bool) -> AfterAttempt {
    let end = CreateEnd::Failed(kind);
    after_attempt(&AttemptFacts { identity, end, sent_before, unresolved: false, made_before: false, last: true })
}

/// What is decided once nothing differs, and nothing stands in the way of a deletion.
pub fn answered(facts: &Facts) -> Action {
    answered_beside(None, facts)
}

/// The same with what stands in the way of deleting what was replaced.
fn answered_beside(blocker: Option<String>, facts: &Facts) -> Action {
    let (plan, wanted, memory, tried) =
        (Plan::default(), Applied::default(), memory::Memory::default(), BTreeMap::new());
    let (at, lag) = (Instant::now(), facts.windows.lag);
    let (plan, wanted, memory, tried) = (&plan, &wanted, &memory, &tried);
    let update = UpdateFacts {
        plan,
        source: Source::Seen,
        wanted,
        recorded: None,
        announced: true,
        tested: false,
        memory,
        tried,
        sent: false,
        time_is_up: false,
        at,
        lag,
    };
    let facts = Facts { update: Some(&update), ..*facts };
    match decide(&facts) {
        Action::AskBlockers(id) => {
            let asked = BeforeDelete { id, blocker, held: None, untag_held: None };
            decide(&Facts { before_delete: Some(&asked), ..facts })
        }
        action => action,
    }
}

fn due(step: Action) -> Due {
    match step {
        Action::Wait { reason, .. } if reason.code == reasons::RECOVERING => Due::Recovering,
        Action::Done
        | Action::Rest
        | Action::NotReady
        | Action::Conclude { .. }
        | Action::ReportDrift
        | Action::Wait { .. } => Due::Rest,
        Action::Stall { .. } => Due::Stalled,
        Action::FindByTags => Due::LookUp,
        Action::WriteCreateRecord(phase) => Due::RecordedCreate(phase),
        Action::AddFinalizer => Due::AddFinalizer,
        Action::RecordId(id) => Due::RecordId(number(&id)),
        Action::Create | Action::Replace(Replace::Begin(_)) => Due::Create,
        Action::Replace(Replace::TakeBack(id)) => Due::TakeBack(number(&id)),
        Action::Replace(Replace::Swap(id)) => Due::Swap(number(&id)),
        Action::Replace(Replace::Retire(_)) => Due::Retire,
        Action::Replace(Replace::Delete(id)) => Due::Delete(number(&id)),
        Action::Replace(Replace::Release(id)) => Due::Release(number(&id)),
        Action::Replace(Replace::End(id, _)) => Due::End(number(&id)),
        // The engine deletes one at a time.
        Action::Delete(ids) => ids.first().map_or(Due::Rest, |id| Due::Delete(number(id))),
        Action::RemoveFinalizer(_) => Due::RemoveFinalizer,
        Action::RetainAndUntag(_) | Action::Adopt(_) | Action::UnlinkGone(_) | Action::UnlinkForeign(_) => {
            unreachable!("no object of the model is retained, adopted or made anew")
        }
        Action::Block(_)
        | Action::Again
        | Action::Fail(_)
        | Action::Suspend { .. }
        | Action::Desire
        | Action::SkipDesire
        | Action::Describe
        | Action::SkipDescribe
        | Action::AskBlockers(_)
        | Action::Compare
        | Action::RecordApplied(_)
        | Action::RecordOperation(_)
        | Action::Send(_)
        | Action::Hold { .. }
        | Action::LeaveDrift => unreachable!("every read was made, and nothing in the model differs or is suspended"),
    }
}

fn judge(owner: &Owner, server: Server) -> Ownership {
    owner.judge(&self::owner(server.name, server.uid).tags(&text(server.id)))
}

fn owner(name: u8, uid: Uid) -> Owner {
    Owner::new("cluster", "team", &text(name), &text(uid))
}

fn read(attempt: Creation) -> RecordedCreate {
    let Creation { uid, phase, attempt, age } = attempt;
    RecordedCreate { uid: text(uid), phase, attempt: attempt.map(text), started_at: ago(age), retired_ids: Vec::new() }
}

fn text(number: u8) -> String {
    number.to_string()
}

fn number(text: &str) -> Id {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn ago(age: Age) -> Timestamp {
    now() - ticks(age)
}

fn ticks(count: Age) -> SignedDuration {
    SignedDuration::from_mins(count.into())
}

impl Window {
    /// As the operator's flags would set it.
    fn real(self) -> Windows {
        Windows::new(ticks(self.tolerance), ticks(self.lag))
    }
}
