//! The whole state table: from what is wanted, recorded and seen to the one step that is due. Pure.
//!
//! Follows the protocol for creating, owning and deleting; never looks at what a kind's members are. Servers are found
//! by their tags (`servers`), users and accesses by their key (`keyed`); `removal` is the way out of all of them.

mod keyed;
mod removal;
mod servers;

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;

use super::evidence::{Lookup, Sight, Sighting, Sightings, Windows};
use super::owner::Ownership;
use super::record::Record;
use crate::api;
use crate::api::condition::reasons;
use crate::api::status::CreatePhase;

/// How a kind's AWS object is found again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identified {
    /// AWS chooses the id; only tags lead back to it.
    ByTags,
    /// The spec holds the key, and tags tell the owner.
    ByKey,
    /// The spec holds the key, and nothing in AWS tells the owner: our record does.
    ByRecord,
}

/// What the spec says of taking over something that exists, as long as that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adoption<'a> {
    /// The server to take over; empty for kinds that are found by their key.
    pub id: &'a str,
    /// Only if it equals the spec.
    pub only_identical: bool,
}

/// What a decision is made of.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// How the kind is found.
    pub identified: Identified,
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
    /// The server that status records is gone for good, and its object has another one now.
    pub moved: bool,
    /// The server that it is looked for on was not proven to be its own: what is not there proves nothing.
    pub unproven: bool,
    /// The record of the create.
    pub record: Option<&'a Record>,
    /// What the look showed: at the recorded key, or at what is to be taken over.
    pub sight: &'a Sight,
    /// A complete look-up by tags of this pass.
    pub lookup: Option<&'a Lookup>,
    /// What was seen in earlier passes.
    pub sightings: &'a Sightings,
    /// When this process got AWS's answer to the create (that proves nothing): listings need not wait for late calls.
    pub replied: Option<Timestamp>,
    /// Ids whose deletion AWS acknowledged to this process, and when; empty text for a kind that has no id.
    pub deleted: &'a BTreeMap<String, Timestamp>,
    /// Since when this process knows that no create is sent any more: the object is being deleted or only observes.
    pub quiet_since: Option<Timestamp>,
    /// AWS's clock.
    pub now: Timestamp,
    /// How long absence must last.
    pub windows: Windows,
}

/// The one thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing, and nothing to say.
    Done,
    /// Nothing yet: the blocks say why.
    Hold,
    /// Write the record of a create in this phase, without an attempt.
    Record(CreatePhase),
    /// Add the finalizer.
    Finalize,
    /// Look the owner tags up in a complete listing, then decide again.
    LookUp,
    /// Write this id down as ours.
    Claim(String),
    /// Let go of this id (or key): AWS no longer has it, and another one takes its place.
    Forget(String),
    /// Let go of this id, which AWS still has under other tags: the spec names another one to take over.
    Abandon(String),
    /// Make it ours: write the owner tags, or the record where AWS keeps no tags.
    Adopt(String),
    /// Record an attempt and create.
    Create,
    /// Compare, and send the next call that is due.
    Apply,
    /// Only compare and report.
    Report,
    /// Delete these in AWS.
    Delete(Vec<String>),
    /// Release these in AWS from our tags, with a stamp.
    Stamp(Vec<String>),
    /// Take the finalizer off; the text is a warning to leave behind.
    Release(Option<String>),
    /// Wait for the time, or for what the blocks name.
    Wait {
        /// Reason of the condition.
        reason: &'static str,
        /// What is waited for and why.
        message: String,
        /// Until when.
        until: Option<Timestamp>,
    },
    /// A person must act.
    Stall {
        /// Reason of the condition.
        reason: &'static str,
        /// What is wrong and what to do.
        message: String,
        /// The ids (or key) of what lacks nothing but our uid tag: the message is to end with the command that puts it
        /// back, one for each.
        uid_lost: Vec<String>,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("nothing is due"),
            Self::Hold => f.write_str("hold"),
            Self::Record(phase) => write!(f, "record a create: {phase:?}"),
            Self::Finalize => f.write_str("add the finalizer"),
            Self::LookUp => f.write_str("look the owner tags up"),
            Self::Claim(id) => write!(f, "claim {id}"),
            Self::Forget(id) => write!(f, "forget {id}"),
            Self::Abandon(id) => write!(f, "abandon {id}"),
            Self::Adopt(id) => write!(f, "adopt {id}"),
            Self::Create => f.write_str("create"),
            Self::Apply => f.write_str("apply"),
            Self::Report => f.write_str("report"),
            Self::Delete(ids) => write!(f, "delete {}", ids.join(", ")),
            Self::Stamp(ids) => write!(f, "stamp {}", ids.join(", ")),
            Self::Release(warning) => write!(f, "release {}", warning.as_deref().unwrap_or_default()),
            Self::Wait { reason, message, until: _ } => write!(f, "wait: {reason}, {message}"),
            Self::Stall { reason, message, uid_lost: _ } => write!(f, "stall: {reason}, {message}"),
        }
    }
}

/// Decides the step that is due.
#[must_use]
pub fn decide(f: &Facts) -> Step {
    match f.identified {
        _ if f.observe_only => observe(f),
        _ if f.deleting => removal::remove(f),
        Identified::ByTags => servers::decide(f),
        Identified::ByKey => keyed::by_key(f),
        Identified::ByRecord => keyed::by_record(f),
    }
}

/// An object that only observes holds nothing, as soon as no create of its former life can be under way.
fn observe(f: &Facts) -> Step {
    let free = if f.deleting { Step::Done } else { Step::Report };
    match f.identified {
        _ if !f.finalizer => free,
        Identified::ByTags => match mine(f) {
            None => Step::Record(CreatePhase::InFlight),
            Some(record) if record.phase == CreatePhase::InFlight => servers::recover(f, record),
            Some(_) => Step::Release(None),
        },
        Identified::ByKey | Identified::ByRecord if keyed::unresolved(f) && *f.sight == Sight::Missing => {
            removal::wait_for_late_calls(f, f.quiet_since.unwrap_or(f.now))
        }
        Identified::ByKey | Identified::ByRecord => Step::Release(None),
    }
}

/// The record, if it is of this object: one of another uid came here with a copied status.
fn mine<'a>(f: &Facts<'a>) -> Option<&'a Record> {
    f.record.filter(|record| record.uid == f.uid)
}

/// Whether something may be made or taken over now.
fn may_act(f: &Facts) -> bool {
    f.may_create && !f.suspended
}

/// Takes over what was seen, and what is nobody's or a former object's of this name. `first` writes down what deletion
/// will need; it is the step that is due before the owner is changed, if any.
fn adopt(f: &Facts, adoption: Adoption, first: Option<Step>) -> Step {
    if !may_act(f) {
        return Step::Hold;
    }
    if adoption.only_identical && f.differs {
        return stall(
            reasons::NOT_IDENTICAL,
            "what is to be taken over differs from the spec, see status.drift; nothing is touched. Put the spec or AWS \
             right, or set spec.lifecycle.adoption.mode to Converge",
        );
    }
    first.unwrap_or_else(|| Step::Adopt(adoption.id.to_owned()))
}

fn stall(reason: &'static str, message: impl Into<String>) -> Step {
    Step::Stall { reason, message: message.into(), uid_lost: Vec::new() }
}

/// It carries our name and cluster and no uid. Those two any object of the name had, so they give nothing: a person says
/// whose it is, by adoption or by putting the tag back.
fn uid_lost(reason: &'static str, what: &str, ids: Vec<String>) -> Step {
    let message = format!(
        "{what} carries this object's owner and cluster tags and has no {} tag (any more); nothing is touched. Take it \
         back with spec.lifecycle.adoption, or put the tag back",
        api::TAG_UID
    );
    Step::Stall { reason, message, uid_lost: ids }
}

fn other_cluster() -> Step {
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
fn wait_for(f: &Facts, sighting: Sighting, message: &str) -> Step {
    let until = f.sightings.due(sighting, f.windows.lag);
    let by = until.map(|until| format!(" (until {} at the earliest)", whole(until))).unwrap_or_default();
    Step::Wait { reason: reasons::WAITING_FOR_AWS, message: format!("{message}{by}"), until }
}

fn believed(f: &Facts, sighting: Sighting) -> bool {
    f.sightings.believed(sighting, f.windows.lag)
}

/// Whose tags it carries that must not be taken over.
fn foreign(sight: &Sight) -> Option<&str> {
    match sight {
        Sight::Found(Ownership::Foreign(owner)) => Some(owner),
        _ => None,
    }
}

#[cfg(test)]
mod leaving_tests;
#[cfg(test)]
mod lost_tags_tests;
#[cfg(test)]
mod properties_tests;
#[cfg(test)]
mod tests;
