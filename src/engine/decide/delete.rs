//! The way out: what is ours goes, or is released with a stamp; what may still arrive is waited for; then the
//! finalizer. Pure.

use jiff::Timestamp;

use super::ours::candidates;
use super::tagged::window;
use super::{
    Action, BeforeDelete, Facts, Identity, believed, hold, keyed, own_record, replace, wait, wait_for, wait_untagged,
    whole,
};
use crate::api;
use crate::api::condition::reasons;
use crate::api::status::CreatePhase;
use crate::engine::consistency::{Observation, ObservedState, TagMatches};
use crate::engine::owner::Ownership;
use crate::engine::record::RecordedCreate;

/// The grant was withdrawn: it is let go without a call.
pub fn left_without_grant() -> Action {
    let warning = "the grant was withdrawn: it stays in AWS, with the owner tags";
    Action::RemoveFinalizer(Some(warning.to_owned()))
}

pub fn delete(facts: &Facts) -> Action {
    let noun = facts.words.noun;
    if !facts.finalizer {
        return Action::Done;
    }
    if facts.protected {
        let message = "spec.lifecycle.deletionProtection is true; set it to false to let the deletion go on";
        return wait(reasons::DELETION_PROTECTED, message, None);
    }
    match facts.identity {
        Identity::Tagged => by_tags(facts),
        Identity::Keyed => match facts.sight {
            ObservedState::Found(Ownership::Ours) => found(facts, vec![String::new()]),
            ObservedState::Found(Ownership::Untagged)
                if facts.confirmed && !facts.retain && !believed(facts, Observation::Untagged) =>
            {
                wait_untagged(facts)
            }
            // A login stays behind where that is believed at once: there is time to put the tag back.
            ObservedState::Found(Ownership::UidLost)
                if facts.confirmed && !facts.retain && !believed(facts, Observation::Foreign) =>
            {
                wait_for(
                    facts,
                    Observation::Foreign,
                    format!(
                        "the {noun} lost its {} tag and would be left in AWS; looking again before that",
                        api::TAG_UID
                    ),
                )
            }
            ObservedState::Found(Ownership::UidLost) if facts.retain => {
                Action::RemoveFinalizer(Some(unstamped(&format!("the {noun}"))))
            }
            ObservedState::Found(_) if facts.retain => Action::RemoveFinalizer(None),
            ObservedState::Found(_) => Action::RemoveFinalizer(Some(format!(
                "the {noun} does not carry all of this object's owner tags and was left in AWS"
            ))),
            _ => missing(facts),
        },
        Identity::Recorded => match facts.sight {
            ObservedState::Found(_) if keyed::proven(facts) && facts.retain => Action::RemoveFinalizer(None),
            ObservedState::Found(_) if keyed::proven(facts) => found(facts, vec![String::new()]),
            ObservedState::Found(_) => Action::RemoveFinalizer(Some(format!(
                "no record proves that this object created the {noun}; it was left in AWS"
            ))),
            _ => missing(facts),
        },
    }
}

/// What stays in AWS is not let go while a call that was sent may still arrive: nobody would be there to make it good.
pub fn waits_for_calls(facts: &Facts) -> Option<Action> {
    let until = facts.windows.late(facts.quiet_since?);
    // What is only looked at is let go, whether it is protected or not.
    let stays = facts.observe_only || (facts.retain && !facts.protected);
    let waits = facts.finalizer && stays && facts.now < until;
    let noun = facts.words.noun;
    let message = format!(
        "the {noun} stays in AWS; a call that was sent for its last change may arrive until {until}, and is made good \
         until then"
    );
    waits.then(|| wait(reasons::DELETING, message, Some(until)))
}

fn by_tags(facts: &Facts) -> Action {
    let noun = facts.words.noun;
    let Some(record) = own_record(facts) else { return Action::WriteCreateRecord(CreatePhase::InFlight) };
    let Some(lookup) = facts.lookup else { return Action::FindByTags };
    let in_flight = record.phase == CreatePhase::InFlight;
    if in_flight && let Some(id) = landed(facts, record, lookup) {
        return Action::RecordId(id);
    }
    let ids = ours(facts, lookup);
    let late = if in_flight { window(facts, record) } else { replace::forgotten_create(facts) };
    // What is released is not looked for any more: what may still come beside it is waited for first.
    let all_there = late.is_none() || !facts.retain || facts.replacement.is_none();
    if !ids.is_empty() && all_there {
        return found(facts, ids);
    }
    if let Some(wait) = late {
        return wait;
    }
    if replace::doubtful_old(facts) {
        let message = "AWS does not show what was replaced; looking again before it counts as deleted";
        return wait_for(facts, Observation::OldMissing, message);
    }
    let acknowledged = facts.id.is_some_and(|id| facts.deleted.contains_key(id));
    match facts.sight {
        ObservedState::Found(Ownership::Untagged)
            if facts.confirmed && !facts.retain && !believed(facts, Observation::Untagged) =>
        {
            wait_untagged(facts)
        }
        // The recorded id may be a forged one, and our own server so young that listings do not show it yet.
        sight if sight.is_foreign() && facts.confirmed && !facts.retain && !believed(facts, Observation::Foreign) => {
            wait_for(
                facts,
                Observation::Foreign,
                format!("the recorded {noun} carries other tags than ours; looking for ours once more"),
            )
        }
        ObservedState::Found(Ownership::UidLost) if facts.retain => {
            Action::RemoveFinalizer(Some(unstamped(&format!("the recorded {noun}"))))
        }
        ObservedState::Found(_) if facts.confirmed && !facts.retain => Action::RemoveFinalizer(Some(format!(
            "the recorded {noun} does not carry all of this object's owner tags and was left in AWS"
        ))),
        ObservedState::Missing if !acknowledged && !believed(facts, Observation::Missing) => wait_for(
            facts,
            Observation::Missing,
            format!("AWS does not show the {noun}; looking again before it counts as deleted"),
        ),
        _ => Action::RemoveFinalizer(left(facts, lookup)),
    }
}

/// What may have been this object's server: its uid tag was lost, and the id in status too.
fn left(facts: &Facts, lookup: &TagMatches) -> Option<String> {
    (!facts.retain && !lookup.uid_lost.is_empty()).then(|| {
        let ids = lookup.uid_lost.join(", ");
        format!(
            "{} {ids} carries this object's owner and cluster tags without its uid and was left in AWS",
            facts.words.noun
        )
    })
}

/// It stays, as was asked for, and is not told apart from what nobody left on purpose.
fn unstamped(what: &str) -> String {
    format!(
        "{what} lost its {} tag, so it stays in AWS without a {} tag and with this object's owner and cluster tags",
        api::TAG_UID,
        api::TAG_RETAINED_FROM
    )
}

/// What the create under way has made: it ends the search. Without an attempt (status was wiped) any server of ours.
fn landed(facts: &Facts, record: &RecordedCreate, lookup: &TagMatches) -> Option<String> {
    let mut found = candidates(facts, lookup);
    let landed = found.find(|found| record.attempt.is_none() || found.attempt == record.attempt)?;
    Some(landed.id.clone())
}

/// Everything that is ours: what the listing shows, and what we see ourselves, as listings lag.
fn ours(facts: &Facts, lookup: &TagMatches) -> Vec<String> {
    let mut ids: Vec<String> = lookup.ours.iter().map(|found| found.id.clone()).collect();
    let seen = facts.id.filter(|_| *facts.sight == ObservedState::Found(Ownership::Ours));
    for id in replace::seen_old(facts).into_iter().chain(seen) {
        if ids.iter().all(|other| other != id) {
            ids.push(id.to_owned());
        }
    }
    ids
}

fn found(facts: &Facts, ids: Vec<String>) -> Action {
    if facts.retain {
        return Action::RetainAndUntag(ids);
    }
    // Acknowledged and still there beyond the lag: a late create brought it back, or it did not go.
    let lag = facts.windows.lag;
    let going = |id: &String| facts.deleted.get(id).is_some_and(|at| facts.now.duration_since(*at) < lag);
    let (going, due): (Vec<String>, Vec<String>) = ids.into_iter().partition(going);
    if !due.is_empty() {
        return Action::Delete(due);
    }
    // That may be a deletion, or, of what was replaced, that it was let go.
    let which = [vec![facts.words.noun.to_owned()], going].concat().join(" ");
    let message = format!("AWS accepted the last call for {}, and shows what was there before", which.trim_end());
    wait(reasons::DELETING, message, None)
}

/// The deletion goes out once it is not one of too many, nothing stands in its way and AWS does not go on refusing it.
pub fn cleared(facts: &Facts, ids: Vec<String>) -> Action {
    let Some(first) = ids.first() else { return Action::NotReady };
    if let Some(reason) = facts.mass {
        return Action::Wait { reason: reason.clone(), until: None };
    }
    match facts.before_delete.filter(|before| before.id == *first) {
        None => Action::AskBlockers(first.clone()),
        Some(BeforeDelete { blocker: Some(blocker), .. }) => wait(reasons::DELETION_BLOCKED, blocker, None),
        Some(BeforeDelete { held: Some(held), .. }) => hold(held),
        Some(_) => Action::Delete(ids),
    }
}

/// It is not there; a late create may still bring it back, so the last look comes when none can arrive any more.
fn missing(facts: &Facts) -> Action {
    match facts.sight {
        _ if facts.unproven.is_some() && !facts.retain => Action::NotReady,
        ObservedState::ParentMissing if !facts.retain && !believed(facts, Observation::ParentMissing) => wait_for(
            facts,
            Observation::ParentMissing,
            format!("AWS does not show its {}; looking again before it counts as gone", facts.words.parent),
        ),
        ObservedState::Missing if !(facts.retain && facts.confirmed) => match last_create(facts) {
            Some(signed) => wait_for_late_calls(facts, signed),
            None => Action::RemoveFinalizer(None),
        },
        _ => Action::RemoveFinalizer(None),
    }
}

/// When the last create that may still arrive can have been signed; `None` where none can.
fn last_create(facts: &Facts) -> Option<Timestamp> {
    let quiet = facts.creates_stopped_at.unwrap_or(facts.now);
    match (facts.identity, own_record(facts)) {
        (_, Some(record)) if record.phase == CreatePhase::Rejected => None,
        // The attempt is recorded before it is sent.
        (Identity::Recorded, Some(record)) => record.attempt.is_some().then_some(record.started_at),
        // Since it was confirmed no create was sent, so its time bounds them all.
        (_, Some(record)) if record.phase == CreatePhase::None => Some(record.started_at),
        _ => Some(quiet),
    }
}

/// Lets the finalizer go when a call signed at `signed` can no longer take effect unseen.
pub fn wait_for_late_calls(facts: &Facts, signed: Timestamp) -> Action {
    let end = facts.windows.late(signed);
    if facts.now >= end {
        return Action::RemoveFinalizer(None);
    }
    let (code, then) = if facts.deleting {
        (reasons::DELETING, "is looked for once more and this object goes")
    } else {
        (reasons::RECOVERING, "is looked for once more")
    };
    let shown = whole(end);
    let message = format!(
        "AWS does not have it. That this waits is normal: a create that was sent before may still arrive until {shown}; \
         then it {then}"
    );
    wait(code, message, Some(end))
}
