//! Users and accesses: the spec holds their key, so a create cannot make two; whose it is, tags or our record say. Pure.

use super::{Facts, Step, adopt, believed, foreign, may_act, mine, other_cluster, stall, uid_lost, wait_for};
use crate::api::condition::reasons;
use crate::api::status::CreatePhase;
use crate::engine::decide::Identified;
use crate::engine::evidence::{Sight, Sighting};
use crate::engine::owner::Ownership;

/// Whether a create of this object may be under way or have been lost.
pub fn unresolved(f: &Facts) -> bool {
    match (f.identified, mine(f)) {
        (Identified::ByRecord, record) => {
            record.is_some_and(|record| record.phase == CreatePhase::InFlight && record.attempt.is_some())
        }
        // A user's finalizer is its record.
        (_, Some(record)) if record.phase == CreatePhase::InFlight => true,
        (_, record) => !f.confirmed && record.is_none_or(|record| record.phase != CreatePhase::Rejected),
    }
}

/// Users: the create itself is the question whether the key is taken.
pub fn by_key(f: &Facts) -> Step {
    if f.moved {
        return follow(f);
    }
    match f.sight {
        Sight::Found(Ownership::Ours) if !f.finalizer => Step::Finalize,
        Sight::Found(Ownership::Ours) => Step::Apply,
        Sight::Found(Ownership::OtherCluster) => other_cluster(),
        Sight::Found(Ownership::Untagged) if f.confirmed && !believed(f, Sighting::Untagged) => {
            wait_for(f, Sighting::Untagged, "the user carries none of our owner tags; looking again before judging")
        }
        Sight::Found(Ownership::Former) if !believed(f, Sighting::Former) => {
            wait_for(f, Sighting::Former, "the user of a former object of this name is still there")
        }
        Sight::Found(_) => not_ours(f),
        Sight::ParentMissing => Step::Hold,
        // Somebody deleted it in AWS: said, and put right by the next edit.
        Sight::Missing if f.confirmed && f.report_only => Step::Report,
        Sight::NotLooked | Sight::Missing if !may_act(f) => Step::Hold,
        Sight::NotLooked | Sight::Missing if !f.finalizer => Step::Finalize,
        // A definite rejection, or a user that was there and is lost: the next create is recorded before it is sent.
        Sight::NotLooked | Sight::Missing if needs_record(f) => Step::Record(CreatePhase::InFlight),
        Sight::NotLooked | Sight::Missing => Step::Create,
    }
}

/// A user of this name that does not carry our tags.
fn not_ours(f: &Facts) -> Step {
    match f.adoption {
        Some(adoption) if foreign(f.sight).is_none() => adopt(f, adoption, (!f.finalizer).then_some(Step::Finalize)),
        _ if *f.sight == Sight::Found(Ownership::UidLost) => uid_lost(
            if f.confirmed { reasons::OWNERSHIP_LOST } else { reasons::CONFLICT },
            "the user",
            vec![String::new()],
        ),
        _ if f.confirmed && *f.sight == Sight::Found(Ownership::Former) => stall(
            reasons::FORMER_OWNER,
            "the user carries the uid tag of a former object of this name; nothing is touched. Take it over \
             (spec.lifecycle.adoption), delete it in AWS, or delete this object",
        ),
        _ if f.confirmed => stall(
            reasons::OWNERSHIP_LOST,
            "the user no longer carries this object's owner tags; nothing is touched. Restore the tags in AWS, take it \
             over (spec.lifecycle.adoption), or delete this object",
        ),
        _ => stall(
            reasons::CONFLICT,
            match foreign(f.sight) {
                Some(owner) => format!("AWS has a user of this name that carries the owner tags of {owner}"),
                None => "AWS already has a user of this name that this object did not create; nothing is touched. It \
                         can be taken over (spec.lifecycle.adoption)"
                    .to_owned(),
            },
        ),
    }
}

fn needs_record(f: &Facts) -> bool {
    match mine(f) {
        Some(record) => record.phase != CreatePhase::InFlight,
        None => f.confirmed,
    }
}

/// Accesses: AWS keeps no tags on them, so our own record of the create is the only proof.
pub fn by_record(f: &Facts) -> Step {
    if f.moved {
        return follow(f);
    }
    match f.sight {
        Sight::Found(_) if proven(f) && !f.finalizer => Step::Finalize,
        Sight::Found(_) if proven(f) => Step::Apply,
        Sight::Found(_) => match f.adoption {
            Some(adoption) => adopt(f, adoption, (!f.finalizer).then_some(Step::Finalize)),
            None => stall(
                reasons::CONFLICT,
                "AWS already has an access for this group that this object did not create; nothing is touched. It can \
                 be taken over (spec.lifecycle.adoption)",
            ),
        },
        Sight::NotLooked | Sight::ParentMissing => Step::Hold,
        Sight::Missing if f.confirmed && f.report_only => Step::Report,
        Sight::Missing if !may_act(f) => Step::Hold,
        Sight::Missing if !f.finalizer => Step::Finalize,
        Sight::Missing => Step::Create,
    }
}

/// Whether our record proves that this object created the access, or took it over.
pub fn proven(f: &Facts) -> bool {
    mine(f).is_some_and(|record| record.attempt.is_some() && record.phase != CreatePhase::Rejected)
}

/// Its server was created anew. What status records went with the old one; it is let go in one write before anything
/// is sent to the new one, so that deletion looks where something may be.
fn follow(f: &Facts) -> Step {
    match f.finalizer {
        _ if !may_act(f) => Step::Hold,
        false => Step::Finalize,
        true => Step::Forget(String::new()),
    }
}
