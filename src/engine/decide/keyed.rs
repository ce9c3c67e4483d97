//! Users and accesses: the spec holds their key, so a create cannot make two; whose it is, tags or our record say.
//! Pure.

use super::{
    Action, Facts, Words, adopt, believed, foreign, may_act, other_cluster, own_record, stall, uid_lost, wait_for,
    wait_untagged,
};
use crate::api::condition::reasons;
use crate::api::status::CreatePhase;
use crate::engine::consistency::{Observation, ObservedState};
use crate::engine::decide::Identity;
use crate::engine::owner::Ownership;

/// Whether a create of this object may be under way or have been lost.
pub fn unresolved(facts: &Facts) -> bool {
    match (facts.identity, own_record(facts)) {
        (Identity::Recorded, record) => {
            record.is_some_and(|record| record.phase == CreatePhase::InFlight && record.attempt.is_some())
        }
        // A user's finalizer is its record.
        (_, Some(record)) if record.phase == CreatePhase::InFlight => true,
        (_, record) => !facts.confirmed && record.is_none_or(|record| record.phase != CreatePhase::Rejected),
    }
}

/// Users: the create itself is the question whether the key is taken.
pub fn by_key(facts: &Facts) -> Action {
    let noun = facts.words.noun;
    if facts.parent_replaced {
        return follow(facts);
    }
    match facts.sight {
        ObservedState::Found(Ownership::Ours) if !facts.finalizer => Action::AddFinalizer,
        ObservedState::Found(Ownership::Ours) => Action::Compare,
        ObservedState::Found(Ownership::OtherCluster) => other_cluster(),
        ObservedState::Found(Ownership::Untagged) if facts.confirmed && !believed(facts, Observation::Untagged) => {
            wait_untagged(facts)
        }
        ObservedState::Found(Ownership::Former) if !believed(facts, Observation::Former) => {
            wait_for(facts, Observation::Former, format!("the {noun} of a former object of this name is still there"))
        }
        ObservedState::Found(_) => not_ours(facts),
        ObservedState::ParentMissing => Action::NotReady,
        // Somebody deleted it in AWS: said, and put right by the next edit.
        ObservedState::Missing if facts.confirmed && facts.report_only => Action::ReportDrift,
        ObservedState::NotLooked | ObservedState::Missing if !may_act(facts) => Action::NotReady,
        ObservedState::NotLooked | ObservedState::Missing if !facts.finalizer => Action::AddFinalizer,
        // A definite rejection, or a user that was there and is lost: the next create is recorded before it is sent.
        ObservedState::NotLooked | ObservedState::Missing if needs_record(facts) => {
            Action::WriteCreateRecord(CreatePhase::InFlight)
        }
        ObservedState::NotLooked | ObservedState::Missing => Action::Create,
    }
}

/// A user of this name that does not carry our tags.
fn not_ours(facts: &Facts) -> Action {
    let Words { noun, taken, .. } = facts.words;
    match facts.adoption {
        Some(adoption) if foreign(facts.sight).is_none() => {
            adopt(facts, adoption, (!facts.finalizer).then_some(Action::AddFinalizer))
        }
        _ if *facts.sight == ObservedState::Found(Ownership::UidLost) => uid_lost(
            if facts.confirmed { reasons::OWNERSHIP_LOST } else { reasons::CONFLICT },
            &format!("the {noun}"),
            vec![String::new()],
        ),
        _ if facts.confirmed && *facts.sight == ObservedState::Found(Ownership::Former) => stall(
            reasons::FORMER_OWNER,
            format!(
                "the {noun} carries the uid tag of a former object of this name; nothing is touched. Take it over \
                 (spec.lifecycle.adoption), delete it in AWS, or delete this object"
            ),
        ),
        _ if facts.confirmed => stall(
            reasons::OWNERSHIP_LOST,
            format!(
                "the {noun} no longer carries this object's owner tags; nothing is touched. Restore the tags in AWS, take \
                 it over (spec.lifecycle.adoption), or delete this object"
            ),
        ),
        _ => stall(
            reasons::CONFLICT,
            match foreign(facts.sight) {
                Some(owner) => format!("AWS has {taken} that carries the owner tags of {owner}"),
                None => format!(
                    "AWS already has {taken} that this object did not create; nothing is touched. It can be taken over \
                     (spec.lifecycle.adoption)"
                ),
            },
        ),
    }
}

fn needs_record(facts: &Facts) -> bool {
    match own_record(facts) {
        Some(record) => record.phase != CreatePhase::InFlight,
        None => facts.confirmed,
    }
}

/// Accesses: AWS keeps no tags on them, so our own record of the create is the only proof.
pub fn by_record(facts: &Facts) -> Action {
    if facts.parent_replaced {
        return follow(facts);
    }
    match facts.sight {
        ObservedState::Found(_) if proven(facts) && !facts.finalizer => Action::AddFinalizer,
        ObservedState::Found(_) if proven(facts) => Action::Compare,
        ObservedState::Found(_) => match facts.adoption {
            Some(adoption) => adopt(facts, adoption, (!facts.finalizer).then_some(Action::AddFinalizer)),
            None => stall(
                reasons::CONFLICT,
                format!(
                    "AWS already has {} that this object did not create; nothing is touched. It can be taken over \
                     (spec.lifecycle.adoption)",
                    facts.words.taken
                ),
            ),
        },
        ObservedState::NotLooked | ObservedState::ParentMissing => Action::NotReady,
        ObservedState::Missing if facts.confirmed && facts.report_only => Action::ReportDrift,
        ObservedState::Missing if !may_act(facts) => Action::NotReady,
        ObservedState::Missing if !facts.finalizer => Action::AddFinalizer,
        ObservedState::Missing => Action::Create,
    }
}

/// Whether our record proves that this object created the access, or took it over.
pub fn proven(facts: &Facts) -> bool {
    own_record(facts).is_some_and(|record| record.attempt.is_some() && record.phase != CreatePhase::Rejected)
}

/// Its server was created anew. What status records went with the old one; it is let go in one write before anything
/// is sent to the new one, so that deletion looks where something may be.
fn follow(facts: &Facts) -> Action {
    match facts.finalizer {
        _ if !may_act(facts) => Action::NotReady,
        false => Action::AddFinalizer,
        true => Action::UnlinkGone(String::new()),
    }
}
