//! The whole state table: from what is wanted, recorded and seen to the one step that is due. Pure.
//!
//! Follows the protocol for creating, owning and deleting; never looks at what a kind's members are.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::evidence::{Lookup, Sight, Sighting, Sightings, Windows};
use super::owner::Ownership;
use super::record::Record;
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
    /// No mutation but deletion.
    pub suspended: bool,
    /// Leave the AWS object when the Kubernetes object goes.
    pub retain: bool,
    /// Deletion is refused, also where admission let it through.
    pub protected: bool,
    /// Nothing blocks a create: references, grants and members are in order.
    pub may_create: bool,
    /// Status confirms that the AWS object exists: it holds its id or ARN.
    pub confirmed: bool,
    /// The id that status records, for kinds found by tags.
    pub id: Option<&'a str>,
    /// The record of the create.
    pub record: Option<&'a Record>,
    /// What the look at the key showed.
    pub sight: &'a Sight,
    /// A complete look-up by tags of this pass.
    pub lookup: Option<&'a Lookup>,
    /// What was seen in earlier passes.
    pub sightings: &'a Sightings,
    /// When this process got AWS's answer to the create (that proves nothing): listings need not wait for late calls.
    pub replied: Option<Timestamp>,
    /// Ids whose deletion AWS acknowledged to this process; empty text for a kind that has no id.
    pub deleted: &'a BTreeSet<String>,
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
    },
}

/// Decides the step that is due.
#[must_use]
pub fn decide(f: &Facts) -> Step {
    if f.deleting {
        return remove(f);
    }
    if f.observe_only && !in_flight(f) {
        return if f.finalizer { Step::Release(None) } else { Step::Report };
    }
    match f.identified {
        Identified::ByTags => by_tags(f),
        Identified::ByKey => by_key(f),
        Identified::ByRecord => by_record(f),
    }
}

fn mine<'a>(f: &Facts<'a>) -> Option<&'a Record> {
    f.record.filter(|record| record.uid == f.uid)
}

fn in_flight(f: &Facts) -> bool {
    f.finalizer && mine(f).is_some_and(|record| record.phase == CreatePhase::InFlight) && !f.confirmed
}

fn by_tags(f: &Facts) -> Step {
    match (mine(f), f.finalizer) {
        // No record of ours: whatever id status holds was not written by this object's own create.
        (None, false) if f.may_create && !f.suspended => Step::Record(CreatePhase::None),
        // Status was wiped or is another object's: what may be under way is looked for.
        (None, true) => Step::Record(CreatePhase::InFlight),
        (Some(_), false) => Step::Finalize,
        // Before the recorded id: an id beside a create under way is not the one that this create made.
        (Some(record), true) if record.phase == CreatePhase::InFlight => recover(f, record),
        (Some(_), true) if f.confirmed => known_id(f),
        (Some(_), true) if f.may_create && !f.suspended => first_lookup(f),
        (None, false) | (Some(_), true) => Step::Hold,
    }
}

/// The recorded id, judged by what stands on it.
fn known_id(f: &Facts) -> Step {
    if matches!(f.sight, Sight::Found(Ownership::Ours)) {
        return apply(f);
    }
    let Some(lookup) = f.lookup else { return Step::LookUp };
    if let Some(found) = claim(f, lookup) {
        return found;
    }
    match f.sight {
        Sight::Found(Ownership::Ours) => apply(f),
        Sight::Found(Ownership::OtherCluster) => other_cluster(),
        Sight::Found(Ownership::Untagged) if !f.sightings.believed(Sighting::Untagged, f.windows.lag) => {
            wait_for(f, Sighting::Untagged, "the server carries none of our owner tags; looking again before judging")
        }
        Sight::Found(_) => Step::Stall {
            reason: reasons::OWNERSHIP_LOST,
            message: "the recorded server does not carry this object's owner tags; nothing is touched. \
                      Restore the tags in AWS, or delete this object"
                .to_owned(),
        },
        Sight::Missing | Sight::ParentMissing | Sight::NotLooked => {
            if f.sightings.believed(Sighting::Missing, f.windows.lag) {
                Step::Stall {
                    reason: reasons::SERVER_GONE,
                    message: "AWS no longer has the recorded server, and no other server carries this object's \
                              owner tags. It is not created anew by itself: delete and re-apply this object to do so"
                        .to_owned(),
                }
            } else {
                wait_for(f, Sighting::Missing, "AWS does not show the recorded server; looking again before judging")
            }
        }
    }
}

/// A create may be under way or lost: only a complete look-up over the whole window ends it.
fn recover(f: &Facts, record: &Record) -> Step {
    let Some(lookup) = f.lookup else { return Step::LookUp };
    if let Some(found) = claim(f, lookup) {
        return found;
    }
    let end = f.windows.create(record.started_at, f.replied);
    if f.sightings.lasts_until(Sighting::NoTrace, end) {
        return Step::Record(CreatePhase::None);
    }
    Step::Wait {
        reason: reasons::RECOVERING,
        message: format!(
            "the answer to a create was not received; until {end} every complete listing is searched for the server"
        ),
        until: Some(end),
    }
}

/// Nothing was ever sent, or what was sent made nothing: look once more, then create.
fn first_lookup(f: &Facts) -> Step {
    let Some(lookup) = f.lookup else { return Step::LookUp };
    if let Some(found) = claim(f, lookup) {
        return found;
    }
    if !lookup.other_cluster.is_empty() {
        return other_cluster();
    }
    match lookup.former.as_slice() {
        [] => Step::Create,
        _ if !f.sightings.believed(Sighting::Former, f.windows.lag) => {
            wait_for(f, Sighting::Former, "a server of a former object of this name is still listed")
        }
        former => Step::Stall {
            reason: reasons::FORMER_OWNER,
            message: format!(
                "server {} belongs to a former object of this name; delete it in AWS, or give this object another name",
                former.join(", ")
            ),
        },
    }
}

/// What a look-up found of ours: the recorded attempt wins, two without it are for a person to sort out.
fn claim(f: &Facts, lookup: &Lookup) -> Option<Step> {
    let attempt = mine(f).and_then(|record| record.attempt.as_deref());
    match lookup.ours.as_slice() {
        [] => None,
        [one] => Some(Step::Claim(one.id.clone())),
        many => Some(many.iter().find(|found| attempt.is_some() && found.attempt.as_deref() == attempt).map_or_else(
            || Step::Stall {
                reason: reasons::AMBIGUOUS,
                message: format!(
                    "several servers carry this object's owner tags: {}; delete all but one in AWS",
                    many.iter().map(|found| found.id.as_str()).collect::<Vec<_>>().join(", ")
                ),
            },
            |found| Step::Claim(found.id.clone()),
        )),
    }
}

/// Users: the create itself is the question whether the key is taken.
fn by_key(f: &Facts) -> Step {
    match f.sight {
        Sight::Found(Ownership::Ours) if !f.finalizer => Step::Finalize,
        Sight::Found(Ownership::Ours) => apply(f),
        Sight::Found(Ownership::OtherCluster) => other_cluster(),
        Sight::Found(Ownership::Untagged)
            if f.confirmed && !f.sightings.believed(Sighting::Untagged, f.windows.lag) =>
        {
            wait_for(f, Sighting::Untagged, "the user carries none of our owner tags; looking again before judging")
        }
        Sight::Found(Ownership::Former) if !f.sightings.believed(Sighting::Former, f.windows.lag) => {
            wait_for(f, Sighting::Former, "the user of a former object of this name is still there")
        }
        Sight::Found(_) if f.confirmed => Step::Stall {
            reason: reasons::OWNERSHIP_LOST,
            message: "the user no longer carries this object's owner tags; nothing is touched".to_owned(),
        },
        Sight::Found(_) => Step::Stall {
            reason: reasons::CONFLICT,
            message: "AWS already has a user of this name that this object did not create; nothing is touched"
                .to_owned(),
        },
        Sight::ParentMissing => Step::Hold,
        Sight::NotLooked | Sight::Missing if !f.may_create || f.suspended => Step::Hold,
        Sight::NotLooked | Sight::Missing if !f.finalizer => Step::Finalize,
        // A definite rejection, or a user that was there and is lost: the next create is recorded before it is sent.
        Sight::NotLooked | Sight::Missing if needs_record(f) => Step::Record(CreatePhase::InFlight),
        Sight::NotLooked | Sight::Missing => Step::Create,
    }
}

fn needs_record(f: &Facts) -> bool {
    match mine(f) {
        Some(record) => record.phase != CreatePhase::InFlight,
        None => f.confirmed,
    }
}

/// Accesses: AWS keeps no tags on them, so our own record of the create is the only proof.
fn by_record(f: &Facts) -> Step {
    match f.sight {
        Sight::Found(_) if proven(f) && !f.finalizer => Step::Finalize,
        Sight::Found(_) if proven(f) => apply(f),
        Sight::Found(_) => Step::Stall {
            reason: reasons::CONFLICT,
            message: "AWS already has an access for this group that this object did not create; nothing is touched"
                .to_owned(),
        },
        Sight::NotLooked | Sight::ParentMissing => Step::Hold,
        Sight::Missing if !f.may_create || f.suspended => Step::Hold,
        Sight::Missing if !f.finalizer => Step::Finalize,
        Sight::Missing => Step::Create,
    }
}

/// Whether our record proves that this object created the access.
fn proven(f: &Facts) -> bool {
    mine(f).is_some_and(|record| record.attempt.is_some() && record.phase != CreatePhase::Rejected)
}

fn apply(f: &Facts) -> Step {
    if f.observe_only { Step::Report } else { Step::Apply }
}

fn remove(f: &Facts) -> Step {
    if !f.finalizer {
        return Step::Done;
    }
    if f.observe_only && !in_flight(f) {
        return Step::Release(None);
    }
    if f.protected {
        return Step::Wait {
            reason: reasons::DELETION_PROTECTED,
            message: "spec.lifecycle.deletionProtection is true; set it to false to let the deletion go on".to_owned(),
            until: None,
        };
    }
    match f.identified {
        Identified::ByTags => remove_by_tags(f),
        Identified::ByKey => match f.sight {
            Sight::Found(Ownership::Ours) => remove_found(f, Vec::new()),
            Sight::Found(_) if f.retain => Step::Release(None),
            Sight::Found(_) => {
                Step::Release(Some("the user does not carry this object's owner tags and was left in AWS".to_owned()))
            }
            _ => remove_missing(f),
        },
        Identified::ByRecord => match f.sight {
            Sight::Found(_) if proven(f) && f.retain => Step::Release(None),
            Sight::Found(_) if proven(f) => remove_found(f, Vec::new()),
            Sight::Found(_) => Step::Release(Some(
                "no record proves that this object created the access; it was left in AWS".to_owned(),
            )),
            _ => remove_missing(f),
        },
    }
}

fn remove_by_tags(f: &Facts) -> Step {
    // Status was wiped or is another object's: a create may be under way.
    let Some(record) = mine(f) else { return Step::Record(CreatePhase::InFlight) };
    let Some(lookup) = f.lookup else { return Step::LookUp };
    let ids = ours(f, lookup);
    if !ids.is_empty() {
        return remove_found(f, ids);
    }
    if record.phase == CreatePhase::InFlight {
        return match recover(f, record) {
            Step::Record(_) => Step::Release(None),
            other => other,
        };
    }
    let acknowledged = f.id.is_some_and(|id| f.deleted.contains(id));
    match f.sight {
        Sight::Found(_) if f.confirmed && !f.retain => Step::Release(Some(
            "the recorded server does not carry this object's owner tags and was left in AWS".to_owned(),
        )),
        Sight::Missing if !acknowledged && !f.sightings.believed(Sighting::Missing, f.windows.lag) => {
            wait_for(f, Sighting::Missing, "AWS does not show the server; looking again before it counts as deleted")
        }
        _ => Step::Release(None),
    }
}

/// Everything that is ours: what the listing shows, and what we see ourselves, as listings lag.
fn ours(f: &Facts, lookup: &Lookup) -> Vec<String> {
    let mut ids: Vec<String> = lookup.ours.iter().map(|found| found.id.clone()).collect();
    let seen = f.id.filter(|_| *f.sight == Sight::Found(Ownership::Ours));
    if let Some(id) = seen.filter(|id| ids.iter().all(|other| other != id)) {
        ids.push(id.to_owned());
    }
    ids
}

fn remove_found(f: &Facts, ids: Vec<String>) -> Step {
    if f.retain {
        return Step::Stamp(ids);
    }
    let waits = if ids.is_empty() { f.deleted.contains("") } else { ids.iter().all(|id| f.deleted.contains(id)) };
    if waits {
        return Step::Wait {
            reason: reasons::DELETING,
            message: "AWS accepted the deletion and is still showing the object".to_owned(),
            until: None,
        };
    }
    Step::Delete(ids.into_iter().filter(|id| !f.deleted.contains(id)).collect())
}

/// It is not there; a late create may still bring it back, so the last look comes when none can arrive any more.
fn remove_missing(f: &Facts) -> Step {
    let signed = match mine(f) {
        Some(record) if record.phase == CreatePhase::Rejected => None,
        Some(record) => Some(record.started_at),
        None => f.sightings.get(Sighting::Missing).map(|seen| seen.since),
    };
    let Some(signed) = signed.filter(|_| *f.sight == Sight::Missing) else { return Step::Release(None) };
    let end = f.windows.late(signed);
    if f.now >= end {
        return Step::Release(None);
    }
    Step::Wait {
        reason: reasons::DELETING,
        message: format!("gone in AWS; a late create could still arrive until {end}, then it is looked for once more"),
        until: Some(end),
    }
}

fn other_cluster() -> Step {
    Step::Stall {
        reason: reasons::OTHER_CLUSTER,
        message: "AWS has this object's counterpart under another cluster's tag: this cluster looks like a copy. \
                  Nothing is touched; set --cluster-id, or delete this object"
            .to_owned(),
    }
}

fn wait_for(f: &Facts, sighting: Sighting, message: &str) -> Step {
    let until = f.sightings.due(sighting, f.windows.lag);
    let by = until.map(|until| format!(" (until {until} at the earliest)")).unwrap_or_default();
    Step::Wait { reason: reasons::WAITING_FOR_AWS, message: format!("{message}{by}"), until }
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
