//! The whole state table: from what is wanted, recorded and seen to the one step that is due. Pure.
//!
//! The only chooser: also what is to be read next, which call of an update goes out, and that nothing may be done at
//! all. Follows the protocol for creating, owning and deleting; never looks at what a kind's members are. `place` comes
//! first: where an object may not be, nothing is looked at. Servers are found by their tags (`tagged`), users and
//! accesses by their key (`keyed`); `update` brings what is ours in line, `delete` is the way out of all of them. What an
//! answer of AWS says, and so what is written of it, is `answer`.

pub mod answer;
mod delete;
mod keyed;
mod ours;
mod place;
mod replace;
mod tagged;
pub mod update;

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;

use super::consistency::{ConsistencyCounter, Observation, ObservedState, TagMatches, Windows};
use super::diff::Old;
use super::owner::Ownership;
use super::reason::Reason;
use super::record::RecordedCreate;
use crate::api;
use crate::api::condition::reasons;
use crate::api::status::{Applied, CreatePhase, OperationRecord, Replacing};
use crate::aws::AwsError;
use update::{CallIndex, UpdateFacts};

/// How a kind's AWS object is found again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// AWS chooses the id; only tags lead back to it.
    Tagged,
    /// The spec holds the key, and tags tell the owner.
    Keyed,
    /// The spec holds the key, and nothing in AWS tells the owner: our record does.
    Recorded,
}

/// What the spec says of taking over something that exists, as long as that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adoption<'a> {
    /// The server to take over; empty for kinds that are found by their key.
    pub id: &'a str,
    /// Only if it equals the spec.
    pub only_identical: bool,
}

/// What a reconcile has read; the next read is an action of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// The object, and where it lives.
    Object,
    /// What the spec leads to as well.
    Desired,
    /// And what AWS has.
    Described,
}

/// What is known of the deletion that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BeforeDelete {
    /// Of which id; empty for a kind that has none.
    pub id: String,
    /// What else it would take along.
    pub blocker: Option<String>,
    /// The digest of the call, where AWS refused it and it is not due again.
    pub held: Option<String>,
    /// The same of taking our owner tags off instead.
    pub untag_held: Option<String>,
}

/// What is known of replacing something that AWS cannot change.
#[derive(Clone, Copy, Debug)]
pub struct Replacement<'a> {
    /// What is there differs from the spec in what AWS cannot change.
    pub due: bool,
    /// What would be made now would be of no use.
    pub unfit: bool,
    /// What the kind says of the old one, once that was compared.
    pub said: Option<Old>,
    /// The record of the one that is under way.
    pub record: Option<&'a Replacing>,
    /// What a look at the old one showed.
    pub old: &'a ObservedState,
}

/// The everyday words for what a kind stands for in AWS, as messages say them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// One of it: `server`.
    pub noun: &'static str,
    /// What it lives on; empty for what stands alone.
    pub parent: &'static str,
    /// One that has the same key, with its article: `a user of this name`. Empty for what AWS gives an id.
    pub taken: &'static str,
    /// What is another one about one that is made anew. Empty for what has the same key again.
    pub anew: &'static str,
}

/// What a decision is made of.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// How messages call it.
    pub words: Words,
    /// How the kind is found.
    pub identity: Identity,
    /// `metadata.uid`.
    pub uid: &'a str,
    /// A deletionTimestamp is set.
    pub deleting: bool,
    /// Our finalizer is on the object.
    pub finalizer: bool,
    /// Never mutate, only look.
    pub observe_only: bool,
    /// What AWS changed by itself is only reported, and no edit of the spec is waiting.
    pub report_only: bool,
    /// No mutation but deletion.
    pub suspended: bool,
    /// Why nothing of its identity is deleted now, where many are at once.
    pub mass: Option<&'a Reason>,
    /// Leave the AWS object when the Kubernetes object goes.
    pub retain: bool,
    /// Deletion is refused, also where admission let it through.
    pub protected: bool,
    /// A server that AWS no longer has is created anew.
    pub recreate: bool,
    /// What is to be taken over.
    pub adoption: Option<Adoption<'a>>,
    /// What was seen differs from the spec. Only found out where something is to be taken over.
    pub differs: bool,
    /// Nothing blocks a create: references, grants and members are in order.
    pub may_create: bool,
    /// Status confirms that the AWS object exists: it holds its id or ARN.
    pub confirmed: bool,
    /// The id that status records, for kinds found by tags.
    pub id: Option<&'a str>,
    /// What status records that it lives on is gone for good, and another one stands in its place.
    pub parent_replaced: bool,
    /// Why the place cannot be told.
    pub placeless: Option<&'a Reason>,
    /// Why nothing but deletion may be done at the place.
    pub denied: Option<&'a Reason>,
    /// Why the server that it is looked for on is not proven to be its own: what is not there proves nothing.
    pub unproven: Option<&'a Reason>,
    /// What was read so far.
    pub reads: Reads,
    /// An edit of the spec is not in force in full yet.
    pub edited: bool,
    /// Status says that all is well, and AWS's listings do not say otherwise: no full look is due.
    pub believed: bool,
    /// The record of the create.
    pub record: Option<&'a RecordedCreate>,
    /// What the look showed: at the recorded key, or at what is to be taken over.
    pub sight: &'a ObservedState,
    /// A complete look-up by tags of this reconcile.
    pub lookup: Option<&'a TagMatches>,
    /// What was seen in earlier reconciles.
    pub observations: &'a ConsistencyCounter,
    /// When this process got AWS's answer to the create (that proves nothing): listings need not wait for late calls.
    pub replied: Option<Timestamp>,
    /// Ids whose deletion AWS acknowledged to this process, and when; empty text for a kind that has no id.
    pub deleted: &'a BTreeMap<String, Timestamp>,
    /// What is known of a replacement; nothing for a kind that is never replaced.
    pub replacement: Option<Replacement<'a>>,
    /// Since when this process knows that no create is sent any more: the object is being deleted or only observes.
    pub creates_stopped_at: Option<Timestamp>,
    /// Status records a sequence of calls that is under way, or of which a call may still arrive.
    pub operation: bool,
    /// Since when no call of that sequence is sent any more.
    pub quiet_since: Option<Timestamp>,
    /// What is known of the call that creates it.
    pub create: CreateFacts<'a>,
    /// What is known of the deletion, once that was asked.
    pub before_delete: Option<&'a BeforeDelete>,
    /// What differs and which calls are due, once that was compared.
    pub update: Option<&'a UpdateFacts<'a>>,
    /// The one call that takes over what `adoption` names; nothing where AWS keeps no tags and our record is the proof.
    pub take_over: Option<&'a UpdateFacts<'a>>,
    /// AWS's clock.
    pub now: Timestamp,
    /// How long absence must last.
    pub windows: Windows,
}

/// What is remembered of the call that creates an object.
#[derive(Clone, Copy, Debug, Default)]
pub struct CreateFacts<'a> {
    /// Its digest, where AWS refused it and it is not due again.
    pub held: Option<&'a str>,
    /// When AWS answered that it made it, and did not show it yet.
    pub made: Option<Timestamp>,
    /// This process sent one that may have made it.
    pub sent: bool,
    /// AWS says of what a look showed that it is not there, or the other way round.
    pub contradicted: bool,
}

/// The one thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing, and nothing to say.
    Done,
    /// Nothing more in this reconcile: its time is up, and the next one goes on.
    Again,
    /// AWS did not carry out what was sent, for what may pass by itself: the reconcile fails with that.
    Fail(AwsError),
    /// Nothing, and the reason says why: the place does not allow it.
    Block(Reason),
    /// Nothing yet: the blocks say why.
    NotReady,
    /// Nothing while the spec says so.
    Suspend {
        /// Nothing of the spec waits for that to end.
        in_force: bool,
    },
    /// Find out what the spec leads to, then decide again.
    Desire,
    /// Find out what time it is at AWS, and nothing else: what goes asks for less than an update, so that a spec that is
    /// wrong does not hold it up. Then decide again.
    SkipDesire,
    /// Look at what AWS has, then decide again.
    Describe,
    /// Do not look: the create is itself the question whether the key is taken. Then decide again.
    SkipDescribe,
    /// Nothing but to show what changed of its parent: it is as status says, until its next full look.
    Rest,
    /// Ask what stands in the way of deleting this one, then decide again.
    AskBlockers(String),
    /// Write the record of a create in this phase, without an attempt.
    WriteCreateRecord(CreatePhase),
    /// Add the finalizer.
    AddFinalizer,
    /// Look the owner tags up in a complete listing, then decide again.
    FindByTags,
    /// Write this id down as ours.
    RecordId(String),
    /// Let go of this id (or key): AWS no longer has it, and another one takes its place.
    UnlinkGone(String),
    /// Let go of this id, which AWS still has under other tags: the spec names another one to take over.
    UnlinkForeign(String),
    /// Make it ours: write the owner tags, then decide again where AWS does not take that; or the record where it keeps
    /// no tags.
    Adopt(String),
    /// Record an attempt and create.
    Create,
    /// Compare what is wanted with what is there, then decide again.
    Compare,
    /// Write down how far a sequence of calls is; nothing takes the record out.
    RecordOperation(Option<Box<OperationRecord>>),
    /// Write down what is about to be applied, in a write of its own, so that leaving the spec later clears it.
    RecordApplied(Applied),
    /// Send this call of the plan.
    Send(CallIndex),
    /// A call was refused and is not due again: say so.
    Hold {
        /// Of the call.
        digest: String,
        /// What is there is ours, or nothing is: status may show it.
        ours: bool,
    },
    /// Every call had its turn: say what is left, or that nothing is.
    Conclude {
        /// Only calls of a sequence that was begun had one: of no other is anything to be said.
        only_operation: bool,
    },
    /// What differs is not acted on, only reported.
    LeaveDrift,
    /// A step of replacing what AWS cannot change.
    Replace(Replace),
    /// Looked at only: say what would be changed.
    ReportDrift,
    /// Delete these in AWS.
    Delete(Vec<String>),
    /// Release these in AWS from our tags, with a stamp.
    RetainAndUntag(Vec<String>),
    /// Take the finalizer off; the text is a warning to leave behind.
    RemoveFinalizer(Option<String>),
    /// Wait for the time, or for what the reason names.
    Wait {
        /// What is waited for and why.
        reason: Reason,
        /// Until when.
        until: Option<Timestamp>,
    },
    /// A person must act.
    Stall {
        /// What is wrong and what to do.
        reason: Reason,
        /// The ids (or key) of what lacks nothing but our uid tag: the message is to end with the command that puts it
        /// back, one for each.
        uid_lost: Vec<String>,
    },
}

/// A step of replacing what AWS cannot change. Each is about the old one, by its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replace {
    /// Record an attempt, with this one as the old one, and create the new one.
    Begin(String),
    /// No new one is there: this one is in force again.
    TakeBack(String),
    /// This one is wanted again before it is gone: the two change places.
    Swap(String),
    /// Nothing uses it any more, or nobody can: write down that it is never in force again.
    Retire(String),
    /// Delete it in AWS.
    Delete(String),
    /// Who names it may go on doing so: it stays in AWS, without our tags.
    Release(String),
    /// The replacement is over: it is not there any more, or not ours; the text is a warning to leave behind.
    End(String, Option<String>),
}

impl fmt::Display for Replace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begin(id) => write!(f, "replace {id}"),
            Self::TakeBack(id) => write!(f, "take {id} back"),
            Self::Swap(id) => write!(f, "swap back to {id}"),
            Self::Retire(id) => write!(f, "retire {id}"),
            Self::Delete(id) => write!(f, "delete the replaced {id}"),
            Self::Release(id) => write!(f, "release the replaced {id}"),
            Self::End(id, warning) => {
                write!(f, "end the replacement of {id} {}", warning.as_deref().unwrap_or_default())
            }
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("nothing is due"),
            Self::Again => f.write_str("go on in the next reconcile"),
            Self::Fail(fault) => write!(f, "fail: {fault}"),
            Self::Block(reason) => write!(f, "block: {}", reason.code),
            Self::NotReady => f.write_str("not ready"),
            Self::Suspend { in_force } => write!(f, "suspended, in force: {in_force}"),
            Self::Desire => f.write_str("read what the spec leads to"),
            Self::SkipDesire => f.write_str("read the time only"),
            Self::Describe => f.write_str("describe"),
            Self::SkipDescribe => f.write_str("leave it to the create to tell"),
            Self::Rest => f.write_str("rest"),
            Self::AskBlockers(id) => write!(f, "ask what blocks the deletion of {id}"),
            Self::WriteCreateRecord(phase) => write!(f, "record a create: {phase:?}"),
            Self::AddFinalizer => f.write_str("add the finalizer"),
            Self::FindByTags => f.write_str("find by tags"),
            Self::RecordId(id) => write!(f, "record the id {id}"),
            Self::UnlinkGone(id) => write!(f, "unlink {id}, which is gone"),
            Self::UnlinkForeign(id) => write!(f, "unlink {id}, which is not ours"),
            Self::Adopt(id) => write!(f, "adopt {id}"),
            Self::Create => f.write_str("create"),
            Self::Compare => f.write_str("compare"),
            Self::RecordOperation(None) => f.write_str("take the record of the sequence out"),
            Self::RecordOperation(Some(record)) => write!(f, "record a sequence: {:?}", record.phase),
            Self::RecordApplied(_) => f.write_str("record what is about to be applied"),
            Self::Send(CallIndex { call, part: None }) => write!(f, "send call {call}"),
            Self::Send(CallIndex { call, part: Some(part) }) => write!(f, "send part {part} of call {call}"),
            Self::Hold { .. } => f.write_str("hold a refused call"),
            Self::Conclude { .. } => f.write_str("conclude"),
            Self::LeaveDrift => f.write_str("leave what differs"),
            Self::Replace(step) => step.fmt(f),
            Self::ReportDrift => f.write_str("report drift"),
            Self::Delete(ids) => write!(f, "delete {}", ids.join(", ")),
            Self::RetainAndUntag(ids) => write!(f, "retain and untag {}", ids.join(", ")),
            Self::RemoveFinalizer(None) => f.write_str("remove the finalizer"),
            Self::RemoveFinalizer(Some(warning)) => write!(f, "remove the finalizer: {warning}"),
            Self::Wait { reason: Reason { code, message, .. }, until: _ } => write!(f, "wait: {code}, {message}"),
            Self::Stall { reason: Reason { code, message, .. }, uid_lost: _ } => write!(f, "stall: {code}, {message}"),
        }
    }
}

/// Decides what is due next.
#[must_use]
pub fn decide(facts: &Facts) -> Action {
    if let Some(action) = place::decide(facts) {
        return action;
    }
    if let Some(looks_again) = doubted(facts) {
        return looks_again;
    }
    let action = match facts.identity {
        _ if facts.observe_only && !update::finishing(facts) => observe(facts),
        _ if facts.deleting && !(stays(facts) && update::finishing(facts)) => delete::delete(facts),
        Identity::Tagged => tagged::decide(facts),
        Identity::Keyed => keyed::by_key(facts),
        Identity::Recorded => keyed::by_record(facts),
    };
    match action {
        Action::Compare => update::decide(facts),
        Action::Adopt(id) => update::take_over(facts, id),
        Action::Create | Action::WriteCreateRecord(_) | Action::Replace(Replace::Begin(_)) if !facts.deleting => {
            create(facts, action)
        }
        Action::Delete(ids) => delete::cleared(facts, ids),
        action => action,
    }
}

/// What was begun for it is brought to its end also where nothing else is done for it any more. One odd look ends that
/// as little as it ends anything: it may be stopped, and nobody would start it again. What only a copied status says was
/// begun waits as long as that takes, and no call is sent for it.
fn doubted(facts: &Facts) -> Option<Action> {
    let begun = facts.operation && facts.finalizer && facts.confirmed && own_record(facts).is_some();
    let left_alone = facts.observe_only || facts.denied.is_some() || (facts.deleting && stays(facts));
    let observation = match facts.sight {
        ObservedState::Missing => Observation::Missing,
        ObservedState::Found(Ownership::Untagged) => Observation::Untagged,
        ObservedState::Found(Ownership::Foreign(_)) => Observation::Foreign,
        _ => return None,
    };
    let doubts = begun && left_alone && facts.reads == Reads::Described && !believed(facts, observation);
    let noun = facts.words.noun;
    let message = format!("AWS does not show this object's {noun}, for which a change was begun; looking again");
    doubts.then(|| wait_for(facts, observation, message))
}

/// Whether what is being deleted here stays in AWS (so far): then it must run there again first.
fn stays(facts: &Facts) -> bool {
    facts.retain || facts.protected || facts.observe_only
}

/// A create waits while AWS says that it made it and does not show it, and while it refuses it. Then nothing of it is
/// recorded either: the record goes on saying that nothing was made.
fn create(facts: &Facts, action: Action) -> Action {
    let CreateFacts { held, made, sent: _, contradicted: _ } = facts.create;
    let shown_by = made.and_then(|made| made.checked_add(facts.windows.lag).ok()).filter(|until| facts.now < *until);
    match (&action, shown_by, held) {
        (Action::Create | Action::WriteCreateRecord(_), Some(until), _) => wait(
            reasons::WAITING_FOR_AWS,
            format!("AWS made it and does not show it yet; it is not made again before {}", whole(until)),
            None,
        ),
        (Action::Create | Action::Replace(_), None, Some(held)) => hold(held),
        (_, _, Some(held)) if facts.identity == Identity::Keyed => hold(held),
        _ => action,
    }
}

/// An object that only observes holds nothing, as soon as no create of its former life can be under way.
fn observe(facts: &Facts) -> Action {
    let free = if facts.deleting { Action::Done } else { Action::ReportDrift };
    match facts.identity {
        _ if !facts.finalizer => free,
        Identity::Tagged => match own_record(facts) {
            None => Action::WriteCreateRecord(CreatePhase::InFlight),
            Some(record) if record.phase == CreatePhase::InFlight => tagged::recover(facts, record),
            Some(_) => replace::forgotten_create(facts).unwrap_or(Action::RemoveFinalizer(None)),
        },
        Identity::Keyed | Identity::Recorded if keyed::unresolved(facts) && *facts.sight == ObservedState::Missing => {
            delete::wait_for_late_calls(facts, facts.creates_stopped_at.unwrap_or(facts.now))
        }
        Identity::Keyed | Identity::Recorded => Action::RemoveFinalizer(None),
    }
}

/// The record, if it is of this object: one of another uid came here with a copied status.
fn own_record<'a>(facts: &Facts<'a>) -> Option<&'a RecordedCreate> {
    facts.record.filter(|record| record.uid == facts.uid)
}

/// Whether something may be made or taken over now.
fn may_act(facts: &Facts) -> bool {
    facts.may_create && !facts.suspended
}

/// Takes over what was seen, and what is nobody's or a former object's of this name. `first` writes down what deletion
/// will need; it is the step that is due before the owner is changed, if any.
fn adopt(facts: &Facts, adoption: Adoption, first: Option<Action>) -> Action {
    if !may_act(facts) {
        return Action::NotReady;
    }
    if adoption.only_identical && facts.differs {
        return stall(
            reasons::NOT_IDENTICAL,
            "nothing is touched. Put the spec or AWS right, or set spec.lifecycle.adoption.mode to Converge",
        );
    }
    first.unwrap_or_else(|| Action::Adopt(adoption.id.to_owned()))
}

fn stall(code: &'static str, message: impl Into<String>) -> Action {
    Action::Stall { reason: Reason::stalled(code, message), uid_lost: Vec::new() }
}

fn wait(code: &'static str, message: impl Into<String>, until: Option<Timestamp>) -> Action {
    Action::Wait { reason: Reason::new(code, message), until }
}

/// A call about what is ours, or about what is not there.
fn hold(digest: &str) -> Action {
    Action::Hold { digest: digest.to_owned(), ours: true }
}

/// It carries our name and cluster and no uid. Those two any object of the name had, so they give nothing: a person
/// says whose it is, by adoption or by putting the tag back.
fn uid_lost(code: &'static str, what: &str, ids: Vec<String>) -> Action {
    // The command that puts it back follows, see `act`.
    let message = format!(
        "{what} carries this object's owner and cluster tags and has no {} tag (any more); nothing is touched. \
         Take it back with spec.lifecycle.adoption, or put the tag back",
        api::TAG_UID
    );
    Action::Stall { reason: Reason::stalled(code, message), uid_lost: ids }
}

fn other_cluster() -> Action {
    stall(
        reasons::OTHER_CLUSTER,
        "AWS has this object's counterpart, and its transfer-operator.dev/cluster tag is another cluster's or lost: a uid \
         alone does not tell this cluster from a copy of it. Nothing is touched; put the tag right, set --cluster-id, or \
         delete this object",
    )
}

/// A time as messages show it: in whole seconds, and never too early.
#[must_use]
pub fn whole(at: Timestamp) -> Timestamp {
    let second = at.as_second() + i64::from(at.subsec_nanosecond() > 0);
    Timestamp::from_second(second).unwrap_or(at)
}

/// Waits until a sighting is believed.
fn wait_for(facts: &Facts, observation: Observation, message: impl fmt::Display) -> Action {
    let until = facts.observations.due(observation, facts.windows.lag);
    let by = until.map(|until| format!(" (until {} at the earliest)", whole(until))).unwrap_or_default();
    wait(reasons::WAITING_FOR_AWS, format!("{message}{by}"), until)
}

/// It carries none of our tags: a read that lags, or somebody took them off.
fn wait_untagged(facts: &Facts) -> Action {
    let noun = facts.words.noun;
    let message = format!("the {noun} carries none of our owner tags; looking again before judging");
    wait_for(facts, Observation::Untagged, message)
}

fn believed(facts: &Facts, observation: Observation) -> bool {
    facts.observations.believed(observation, facts.windows.lag)
}

/// Whose tags it carries that must not be taken over.
fn foreign(sight: &ObservedState) -> Option<&str> {
    match sight {
        ObservedState::Found(Ownership::Foreign(owner)) => Some(owner),
        _ => None,
    }
}

#[cfg(test)]
mod adopting_tests;
#[cfg(test)]
mod answer_tests;
#[cfg(test)]
mod deleting_tests;
#[cfg(test)]
mod leaving_tests;
#[cfg(test)]
mod lost_tags_tests;
#[cfg(test)]
mod place_tests;
#[cfg(test)]
mod properties_tests;
#[cfg(test)]
mod replace_tests;
#[cfg(test)]
mod resting_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod update_tests;
