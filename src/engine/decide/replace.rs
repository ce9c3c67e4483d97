//! Replacing what AWS cannot change: a new one first, then what uses the old one moves, then the old one goes. Pure.
//!
//! Two of one object are lawful from the record of the new one's attempt until the old one is gone, and never a third.
//! The old one is in force until the new one's id is recorded, and again should the new one get lost, or the old one be
//! wanted again, before anything was done to the old one.

use super::ours::{ambiguous, candidates, under_way};
use super::{Action, Facts, Replace, believed, other_cluster, own_record, wait, whole};
use crate::api::condition::reasons;
use crate::api::status::{CreatePhase, Replacing, ReplacingPhase};
use crate::engine::consistency::{Observation, ObservedState, TagMatches};
use crate::engine::diff::Old;
use crate::engine::owner::Ownership;
use crate::engine::record::RecordedCreate;

/// The replacement that is under way while the old one is in force and the new one's create is not resolved.
pub fn creating<'a>(facts: &Facts<'a>) -> Option<&'a Replacing> {
    under_way(facts).filter(|replacing| replacing.phase == ReplacingPhase::Creating)
}

/// What is due of the recorded one, which is ours, before it is compared in full.
pub fn decide(facts: &Facts) -> Option<Action> {
    let replacement = facts.replacement?;
    match under_way(facts) {
        _ if facts.suspended || facts.observe_only => None,
        Some(replacing) => clean_up(facts, replacing, replacement.old),
        None if another_may_be_made(facts) => Some(begin(facts)),
        None => None,
    }
}

/// Whether another one is to take the place of what is recorded, and may.
fn another_is_due(facts: &Facts) -> bool {
    facts.replacement.is_some_and(|replacement| replacement.due) && facts.may_create && !facts.report_only
}

/// The same, and it is to be of use: nothing is given up for one that is not.
fn another_may_be_made(facts: &Facts) -> bool {
    another_is_due(facts) && facts.replacement.is_some_and(|replacement| !replacement.unfit)
}

/// A second one is made only beside the recorded one, and only when no other can be there or come.
fn begin(facts: &Facts) -> Action {
    let id = facts.id.unwrap_or_default();
    if let Some(wait) = forgotten_create(facts) {
        return wait;
    }
    let Some(lookup) = facts.lookup else { return Action::FindByTags };
    if !lookup.other_cluster.is_empty() {
        return other_cluster();
    }
    let others: Vec<&str> =
        candidates(facts, lookup).map(|found| found.id.as_str()).filter(|other| *other != id).collect();
    if others.is_empty() {
        return Action::Replace(Replace::Begin(id.to_owned()));
    }
    // Which of them is the right one nothing tells: the record that did is lost.
    ambiguous(facts, [id].into_iter().chain(others))
}

/// The old one goes once nothing has used it for long enough.
fn clean_up(facts: &Facts, replacing: &Replacing, old: &ObservedState) -> Option<Action> {
    let id = replacing.old_id.clone();
    let acknowledged = facts.deleted.get(&id);
    let step = match old {
        ObservedState::Found(Ownership::Ours) => return still_there(facts, replacing),
        ObservedState::Missing if acknowledged.is_some() || believed(facts, Observation::OldMissing) => {
            Replace::End(id, None)
        }
        ObservedState::Found(owner) if *owner != Ownership::Ours && believed(facts, Observation::OldForeign) => {
            let warning =
                format!("{id}, which was replaced, does not carry this object's owner tags and was left in AWS");
            Replace::End(id, Some(warning))
        }
        _ => return None,
    };
    Some(Action::Replace(step))
}

/// Ours still. What uses it is asked in every reconcile, also once AWS is asked to delete it.
fn still_there(facts: &Facts, replacing: &Replacing) -> Option<Action> {
    let id = replacing.old_id.clone();
    let Some(before) = facts.before_delete.filter(|before| before.id == id) else {
        return Some(Action::AskBlockers(id));
    };
    let kept = before.blocker.is_some() || before.held.is_some();
    match replacing.phase {
        ReplacingPhase::Creating | ReplacingPhase::Moving => moving(facts, id, kept),
        ReplacingPhase::Deleting => deleting(facts, id, kept, before.untag_held.is_some()).map(Action::Replace),
    }
}

/// No delete was sent yet. Whether it is wanted again is known before it is given up: from then on no way leads back.
fn moving(facts: &Facts, id: String, kept: bool) -> Option<Action> {
    let unused = facts.observations.believed(Observation::OldUnused, facts.windows.unused());
    let retire = |id| Action::Replace(Replace::Retire(id));
    match facts.replacement?.said? {
        Old::WantedAgain { .. } if !another_is_due(facts) => None,
        Old::WantedAgain { spent } => match facts.lookup {
            None => Some(Action::FindByTags),
            Some(lookup) if are_the_two(facts, lookup, &id) => Some(Action::Replace(Replace::Swap(id))),
            Some(_) => (unused || spent && kept).then(|| retire(id)),
        },
        // The next one waits, and what keeps this one may do so for ever.
        Old::Spent if kept && another_may_be_made(facts) => Some(retire(id)),
        Old::Going | Old::Spent => unused.then(|| retire(id)),
    }
}

/// Whether nothing is ours but what is recorded and this old one, and the last attempt made one of them. A listing may lag, and
/// what was once lost be recorded by it.
fn are_the_two(facts: &Facts, lookup: &TagMatches, old: &str) -> bool {
    let attempt = own_record(facts).and_then(|record| record.attempt.as_deref());
    let is_of = |id: &str| id == old || Some(id) == facts.id;
    let made = lookup.ours.iter().find(|found| attempt.is_some() && found.attempt.as_deref() == attempt);
    made.is_some_and(|made| is_of(&made.id)) && candidates(facts, lookup).all(|found| is_of(&found.id))
}

/// It is deleted. Where it is kept, nobody can use it and the next one waits, it is left to who keeps it, unless AWS just
/// refused that. What AWS took of either shows only by and by.
fn deleting(facts: &Facts, id: String, kept: bool, untag_held: bool) -> Option<Replace> {
    let acknowledged = facts.deleted.get(&id);
    let going = acknowledged.is_some_and(|at| facts.now.duration_since(*at) < facts.windows.lag);
    match kept {
        _ if going => None,
        false => Some(Replace::Delete(id)),
        true => {
            // Wanted again it is made anew: no way leads back to this one.
            let spent = matches!(facts.replacement?.said, Some(Old::Spent | Old::WantedAgain { spent: true }));
            (spent && another_may_be_made(facts) && !untag_held).then_some(Replace::Release(id))
        }
    }
}

/// What the create under way made. Anything else beside the old one is a third, which only a person can explain.
pub fn landed(facts: &Facts, replacing: &Replacing, record: &RecordedCreate, lookup: &TagMatches) -> Option<Action> {
    let found: Vec<_> = candidates(facts, lookup).collect();
    let new = found.iter().find(|found| found.attempt.is_some() && found.attempt == record.attempt);
    match (new, found.is_empty()) {
        (Some(new), _) => Some(Action::RecordId(new.id.clone())),
        (None, true) => None,
        (None, false) => Some(ambiguous(
            facts,
            [replacing.old_id.as_str()].into_iter().chain(found.iter().map(|found| found.id.as_str())),
        )),
    }
}

/// The create that was under way made nothing: what was to be replaced is in force again.
pub fn not_made(facts: &Facts) -> Action {
    match creating(facts) {
        Some(replacing) => Action::Replace(Replace::TakeBack(replacing.old_id.clone())),
        None => Action::WriteCreateRecord(CreatePhase::None),
    }
}

/// The new one is lost, and no call was ever sent against the old one.
pub fn take_back(facts: &Facts) -> Option<Action> {
    let replacing = under_way(facts).filter(|replacing| replacing.phase != ReplacingPhase::Deleting)?;
    Some(Action::Replace(Replace::TakeBack(replacing.old_id.clone())))
}

/// Status was wiped, and what was found by its tags since, or taken over, may have been about to be replaced: the create of
/// the new one may still arrive. Until then nothing is made beside it, and nothing is let go.
pub fn forgotten_create(facts: &Facts) -> Option<Action> {
    facts.replacement?;
    let record = own_record(facts).filter(|record| record.attempt.is_none() && facts.confirmed)?;
    let end = facts.windows.late(record.started_at);
    let message = format!(
        "status was lost, or this was just taken over: a create that was sent before may still arrive until {}",
        whole(end)
    );
    (facts.now < end).then(|| wait(reasons::RECOVERING, message, Some(end)))
}

/// The old one, where it was seen with our tags: listings lag.
pub fn seen_old<'a>(facts: &Facts<'a>) -> Option<&'a str> {
    let replacing = under_way(facts)?;
    let ours = *facts.replacement?.old == ObservedState::Found(Ownership::Ours);
    ours.then_some(replacing.old_id.as_str())
}

/// Whether the old one may only seem to be gone.
pub fn doubtful_old(facts: &Facts) -> bool {
    let (Some(replacing), Some(replacement)) = (under_way(facts), facts.replacement) else { return false };
    *replacement.old == ObservedState::Missing
        && !facts.deleted.contains_key(&replacing.old_id)
        && !believed(facts, Observation::OldMissing)
}
