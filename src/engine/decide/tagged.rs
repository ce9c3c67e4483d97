//! What AWS gives an id of its own: found again by the owner tags, created only after nothing was found. Pure.

use super::ours::{ambiguous, candidates};
use super::{
    Action, Adoption, Facts, Words, adopt, believed, foreign, may_act, other_cluster, own_record, replace, stall,
    uid_lost, wait, wait_for, wait_untagged, whole,
};
use crate::api::condition::reasons;
use crate::api::status::CreatePhase;
use crate::engine::consistency::{Candidate, Observation, ObservedState, TagMatches};
use crate::engine::owner::Ownership;
use crate::engine::record::RecordedCreate;

pub fn decide(facts: &Facts) -> Action {
    match (own_record(facts), facts.finalizer) {
        // Status was wiped or is another object's: what may be under way is looked for.
        (None, true) => Action::WriteCreateRecord(CreatePhase::InFlight),
        (Some(record), false) if facts.confirmed || record.phase == CreatePhase::InFlight => Action::AddFinalizer,
        // Before the recorded id: an id beside a create under way is not the one that this create made.
        (Some(record), true) if record.phase == CreatePhase::InFlight => recover(facts, record),
        (Some(_), true) if facts.confirmed => known_id(facts),
        (Some(_), true) if replace::creating(facts).is_some() => replace::not_made(facts),
        (record, finalizer) => match facts.adoption {
            Some(adoption) => take_over(facts, adoption),
            // No record of ours: whatever id status holds was not written by this object's own create.
            None if record.is_none() && may_act(facts) => Action::WriteCreateRecord(CreatePhase::None),
            None if record.is_some() && !finalizer => Action::AddFinalizer,
            None if record.is_some() && may_act(facts) => first_lookup(facts),
            None => Action::NotReady,
        },
    }
}

/// The recorded id, judged by what stands on it.
fn known_id(facts: &Facts) -> Action {
    let (id, noun) = (facts.id.unwrap_or_default(), facts.words.noun);
    let other = facts.adoption.filter(|adoption| adoption.id != id);
    if *facts.sight == ObservedState::Found(Ownership::Ours) {
        return match other {
            None => replace::decide(facts).unwrap_or(Action::Compare),
            Some(other) => stall(
                reasons::SERVER_CHANGED,
                format!(
                    "this object's {noun} is {id}, spec.lifecycle.adoption names {}; nothing is touched. Delete and \
                     re-apply this object to take over the other one",
                    other.id
                ),
            ),
        };
    }
    let Some(lookup) = facts.lookup else { return Action::FindByTags };
    if let Some(found) = claim(facts, lookup) {
        return found;
    }
    match facts.sight {
        ObservedState::Found(Ownership::OtherCluster) => other_cluster(),
        ObservedState::Found(Ownership::UidLost) if !lookup.other_cluster.is_empty() => other_cluster(),
        ObservedState::Found(Ownership::Untagged) if !believed(facts, Observation::Untagged) => wait_untagged(facts),
        ObservedState::Found(_) => not_ours(facts, id, other),
        ObservedState::Missing | ObservedState::ParentMissing | ObservedState::NotLooked
            if !believed(facts, Observation::Missing) =>
        {
            let message = format!("AWS does not show the recorded {noun}; looking again before judging");
            wait_for(facts, Observation::Missing, message)
        }
        ObservedState::Missing | ObservedState::ParentMissing | ObservedState::NotLooked => {
            replace::take_back(facts).unwrap_or_else(|| gone(facts, id, other))
        }
    }
}

/// It carries tags that are not ours. Restoring them from status would let whoever writes status take over a server.
fn not_ours(facts: &Facts, id: &str, other: Option<Adoption>) -> Action {
    let noun = facts.words.noun;
    match facts.adoption {
        Some(_) if other.is_some() && may_act(facts) => Action::UnlinkForeign(id.to_owned()),
        Some(adoption) if other.is_none() && foreign(facts.sight).is_none() => adopt(facts, adoption, None),
        _ if *facts.sight == ObservedState::Found(Ownership::UidLost) => {
            uid_lost(reasons::OWNERSHIP_LOST, &format!("{noun} {id}"), vec![id.to_owned()])
        }
        _ if *facts.sight == ObservedState::Found(Ownership::Former) => former_owner(facts, id),
        _ => stall(
            reasons::OWNERSHIP_LOST,
            format!(
                "{noun} {id} does not carry this object's owner tags any more; nothing is touched. Restore the tags in \
                 AWS, take it over (spec.lifecycle.adoption), or delete this object"
            ),
        ),
    }
}

/// AWS no longer has it, and no other server carries our tags.
fn gone(facts: &Facts, id: &str, other: Option<Adoption>) -> Action {
    if (facts.recreate || other.is_some()) && may_act(facts) {
        return Action::UnlinkGone(id.to_owned());
    }
    let Words { noun, anew, .. } = facts.words;
    stall(
        reasons::SERVER_GONE,
        format!(
            "AWS no longer has {noun} {id}, and no other {noun} carries this object's owner tags. With \
             spec.lifecycle.recreatePolicy Automatic a new one is created ({anew})"
        ),
    )
}

/// A create may be under way or lost: only a complete look-up over the whole window ends it.
pub fn recover(facts: &Facts, record: &RecordedCreate) -> Action {
    let Some(lookup) = facts.lookup else { return Action::FindByTags };
    let found = match replace::creating(facts) {
        Some(replacing) => replace::landed(facts, replacing, record, lookup),
        None => claim(facts, lookup),
    };
    found.or_else(|| window(facts, record)).unwrap_or_else(|| replace::not_made(facts))
}

/// The wait for a create that left no trace so far; `None` once it counts as not done.
pub fn window(facts: &Facts, record: &RecordedCreate) -> Option<Action> {
    let end = facts.windows.create(record.started_at, facts.replied);
    let message = format!(
        "the answer to a create was not received; until {} every complete listing is searched for the {}",
        whole(end),
        facts.words.noun
    );
    let waits = !facts.observations.lasts_until(Observation::NoTrace, end);
    waits.then(|| wait(reasons::RECOVERING, message, Some(end)))
}

/// Nothing was ever sent, or what was sent made nothing: look once more, then create.
fn first_lookup(facts: &Facts) -> Action {
    let noun = facts.words.noun;
    let Some(lookup) = facts.lookup else { return Action::FindByTags };
    if let Some(found) = claim(facts, lookup) {
        return found;
    }
    if !lookup.other_cluster.is_empty() {
        return other_cluster();
    }
    match (lookup.former.as_slice(), lookup.uid_lost.as_slice()) {
        ([], []) => Action::Create,
        _ if !believed(facts, Observation::Former) => {
            wait_for(facts, Observation::Former, format!("a {noun} of a former object of this name is still listed"))
        }
        // It may be this object's own, whose status was lost besides: a second one is not made beside it.
        (_, ids @ [_, ..]) => uid_lost(reasons::OWNERSHIP_LOST, &format!("{noun} {}", ids.join(", ")), ids.to_vec()),
        (former, []) => former_owner(facts, &former.join(", ")),
    }
}

fn former_owner(facts: &Facts, id: &str) -> Action {
    let noun = facts.words.noun;
    stall(
        reasons::FORMER_OWNER,
        format!(
            "{noun} {id} belongs to a former object of this name; take it over (spec.lifecycle.adoption), delete it in \
             AWS, or give this object another name"
        ),
    )
}

/// What a look-up found of ours: the recorded id wins, then the recorded attempt; two without either are for a person
/// to sort out. What AWS once no longer had is not taken again.
fn claim(facts: &Facts, lookup: &TagMatches) -> Option<Action> {
    let ours: Vec<&Candidate> = candidates(facts, lookup).collect();
    let attempt = own_record(facts).and_then(|record| record.attempt.as_deref());
    let known = ours.iter().find(|found| Some(found.id.as_str()) == facts.id);
    let attempted = ours.iter().find(|found| attempt.is_some() && found.attempt.as_deref() == attempt);
    match (ours.as_slice(), known, attempted) {
        ([], ..) => None,
        (_, Some(known), _)
            if facts.confirmed && own_record(facts).is_some_and(|record| record.phase != CreatePhase::InFlight) =>
        {
            // One read found it, another did not: neither counts.
            let message = format!("AWS's answers about {} {} differ; looking again", facts.words.noun, known.id);
            let until = facts.now.checked_add(facts.windows.lag).ok();
            Some(wait(reasons::WAITING_FOR_AWS, message, until))
        }
        (_, Some(found), _) | ([found], ..) | (_, None, Some(found)) => Some(Action::RecordId(found.id.clone())),
        (many, None, None) => Some(ambiguous(facts, many.iter().map(|found| found.id.as_str()))),
    }
}

/// The server that the spec names, which this object did not make. Whatever comes of it, none is created.
fn take_over(facts: &Facts, adoption: Adoption) -> Action {
    let (id, noun) = (adoption.id, facts.words.noun);
    let first = match (own_record(facts), facts.finalizer) {
        (None, _) => Some(Action::WriteCreateRecord(CreatePhase::None)),
        (Some(_), false) => Some(Action::AddFinalizer),
        (Some(_), true) => None,
    };
    match facts.sight {
        ObservedState::Found(Ownership::Ours) => first.unwrap_or_else(|| Action::RecordId(id.to_owned())),
        ObservedState::Found(Ownership::OtherCluster) => other_cluster(),
        ObservedState::Found(Ownership::Foreign(owner)) => {
            let message = format!("{noun} {id} carries the owner tags of {owner}; it is not taken over");
            stall(reasons::CONFLICT, message)
        }
        ObservedState::Found(Ownership::Untagged | Ownership::Former | Ownership::Retained | Ownership::UidLost) => {
            match adopt(facts, adoption, first) {
                Action::Adopt(_) => alone(facts, adoption),
                other => other,
            }
        }
        ObservedState::Missing | ObservedState::ParentMissing | ObservedState::NotLooked
            if !believed(facts, Observation::Missing) =>
        {
            wait_for(
                facts,
                Observation::Missing,
                format!("AWS does not show the {noun} to take over; looking again before judging"),
            )
        }
        ObservedState::Missing | ObservedState::ParentMissing | ObservedState::NotLooked => stall(
            reasons::SERVER_GONE,
            format!(
                "AWS does not have {noun} {id}, which spec.lifecycle.adoption names; none is created in its place. Put \
                 the id right, or remove spec.lifecycle.adoption to create a new {noun}"
            ),
        ),
    }
}

/// Takes the server over if no other one is ours already.
fn alone(facts: &Facts, adoption: Adoption) -> Action {
    let Some(lookup) = facts.lookup else { return Action::FindByTags };
    if !lookup.other_cluster.is_empty() {
        return other_cluster();
    }
    let others: Vec<&str> =
        candidates(facts, lookup).map(|found| found.id.as_str()).filter(|id| *id != adoption.id).collect();
    if others.is_empty() { Action::Adopt(adoption.id.to_owned()) } else { ambiguous(facts, others) }
}
