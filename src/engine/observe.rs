//! The reads that a decision asks for, counted with what was seen in earlier reconciles.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tokio::time::Instant;

use super::consistency::{Observation, ObservedState, TagMatches, TagSearch};
use super::context::{Engine, POLL, ReconcileContext, Request};
use super::decide::{BeforeDelete, Identity, Reads};
use super::digest;
use super::found_by::TagLookup;
use super::kind::{Described, Kind, KindStatus, Plan, ReconcileError, ResourceState, Target, Wanted};
use super::known::{self, Known};
use super::memory::{Asked, Memory};
use super::mutate;
use super::owner::Ownership;
use super::record::{RecordedCreate, recorded};
use super::refusals;
use crate::api::Managed;
use crate::api::status::Replacing;
use crate::aws::{AwsError, AwsErrorKind};

/// How long a reconcile that comes back waits for a look-up; then others have their turn.
const JOINED: Duration = Duration::from_secs(30);

/// For how long what was asked for is waited for: who comes back later asks anew.
const ASKED: Duration = Duration::from_hours(1);

/// Reads AWS's clock and, where that is asked, turns the spec into what is wanted.
pub(super) async fn desire<K: Kind>(
    engine: &Engine<K>,
    request: &Request<K::Object>,
    known: &mut Known<K>,
    asked: bool,
) -> Result<(), ReconcileError> {
    let Some(target) = known.target() else { return Ok(()) };
    let now = target.account.now().await?;
    let wanted = if asked { Some(engine.kind.want(&request.object, target, now).await?) } else { None };
    note_changes(engine, request, target, wanted.as_ref(), now);
    (known.now, known.wanted, known.reads) = (now, wanted, Reads::Desired);
    Ok(())
}

/// Looks at what AWS has, where that is asked.
pub(super) async fn describe<K: Kind>(
    engine: &Engine<K>,
    request: &Request<K::Object>,
    known: &mut Known<K>,
    asked: bool,
) -> Result<(), AwsError> {
    let Some(target) = known.target() else { return Ok(()) };
    let look = if asked { engine.kind.describe(&request.object, target).await? } else { Described::NoKey };
    let sight = sight(engine, request, &look, known.now);
    let old = look_at_old(engine, request, target, known.now).await?;
    known.described(look, sight);
    known.old = old;
    Ok(())
}

/// What a look at the replaced one shows, counted with what was seen before.
async fn look_at_old<K: Kind>(
    engine: &Engine<K>,
    request: &Request<K::Object>,
    target: &Target<K::TargetDetail>,
    now: Timestamp,
) -> Result<ObservedState, AwsError> {
    let (_, replacing) = recorded::<K::Object>(&request.status());
    engine.memories.change(&request.uid, |memory| memory.replaces(replacing.as_ref()));
    let (Some(Replacing { old_id, .. }), Some(tagged)) = (replacing, engine.kind.found_by().tagged()) else {
        return Ok(ObservedState::NotLooked);
    };
    let old = match tagged.lookup().tags_of(&target.account, &old_id).await {
        Ok(tags) => ObservedState::Found(request.owner.judge(&tags)),
        Err(fault) if fault.kind == AwsErrorKind::NotFound => ObservedState::Missing,
        Err(fault) => return Err(fault),
    };
    let foreign = !matches!(old, ObservedState::Missing | ObservedState::Found(Ownership::Ours));
    engine.memories.change(&request.uid, |memory| {
        note(memory, Observation::OldMissing, old == ObservedState::Missing, now);
        note(memory, Observation::OldForeign, foreign, now);
    });
    Ok(old)
}

fn note(memory: &mut Memory, observation: Observation, seen: bool, now: Timestamp) {
    if seen { memory.observations.count(observation, now) } else { memory.observations.clear(observation) }
}

/// Compares what is wanted with what is there, and counts where AWS differs though nobody edited anything.
pub(super) fn compare<K: Kind>(engine: &Engine<K>, request: &Request<K::Object>, known: &mut Known<K>) {
    let edited = known::edited::<K>(request, known.wanted.as_ref());
    let plan = known.context(request).and_then(|context| known::plan(engine, &context)).unwrap_or_default();
    count_drift(engine, request, &plan, edited);
    if known.seen() {
        shown(engine, request, &plan);
    }
    known.compared(plan);
}

/// Each difference is counted once, as it comes up.
fn count_drift<K: Kind>(engine: &Engine<K>, request: &Request<K::Object>, plan: &Plan, edited: bool) {
    let all = plan.changes.iter().chain(plan.calls.iter().flat_map(|call| &call.changes));
    let now: BTreeSet<String> = all.filter(|_| !edited).map(|change| change.path.clone()).collect();
    let new = engine.memories.change(&request.uid, |memory| {
        let new = now.difference(&memory.drifted).count();
        memory.drifted = now;
        new
    });
    engine.counters.found(new);
}

/// Takes down which calls AWS shows to be carried out: should one be due again, it is for something new. While AWS is
/// on its way somewhere, nothing can be told of them.
fn shown<K: Kind>(engine: &Engine<K>, request: &Request<K::Object>, plan: &Plan) {
    if plan.busy.is_some() {
        return;
    }
    let calls = plan.calls.iter().flat_map(|call| std::iter::once(call).chain(&call.parts));
    let due: BTreeSet<String> = calls.map(|call| mutate::digest(&call.mutation)).collect();
    engine.memories.change(&request.uid, |memory| memory.accepted.retain(|digest, _| due.contains(digest)));
}

/// Asks what stands in the way of deleting this one.
pub(super) async fn ask_blockers<K: Kind>(
    engine: &Engine<K>,
    request: &Request<K::Object>,
    known: &mut Known<K>,
    id: String,
) -> Result<(), ReconcileError> {
    let Some(target) = known.target() else { return Ok(()) };
    let key = Some(id.as_str()).filter(|id| !id.is_empty());
    let (_, replacing) = recorded::<K::Object>(&request.status());
    let is_old = !request.deleting() && replacing.is_some_and(|replacing| replacing.old_id == id);
    let overlap = known.have.as_ref().filter(|_| is_old).and_then(ResourceState::overlaps_old_until);
    let blocker = match (overlap.filter(|end| known.now < *end), engine.kind.found_by().tagged()) {
        (Some(end), _) => Some(format!("its overlap lasts until {end}")),
        (None, Some(tagged)) => tagged.deletion_blockers(&request.object, target, key).await?,
        (None, None) => None,
    };
    let digest = mutate::digest(&engine.kind.delete(&request.object, target, key));
    let held = |digest: String| refusals::held(engine, request, &digest).map(|_| digest);
    let untag_held = mutate::untag_digest(engine, request, target, &id).and_then(held);
    let held = held(digest);
    if is_old {
        let (unused, now) = (blocker.is_none(), known.now);
        engine.memories.change(&request.uid, |memory| note(memory, Observation::OldUnused, unused, now));
    }
    known.before_delete = Some(BeforeDelete { id, blocker, held, untag_held });
    Ok(())
}

/// What a person changed begins every wait anew; since when no create is sent any more is kept. What AWS would not take of
/// something new is left out: it may come and go with the clock, or once something is there, and nobody changed anything.
fn note_changes<K: Kind>(
    engine: &Engine<K>,
    request: &Request<K::Object>,
    target: &Target<K::TargetDetail>,
    wanted: Option<&Wanted<K::Want>>,
    now: Timestamp,
) {
    let digest = wanted.map(|wanted| &wanted.digest);
    let blocks = wanted.into_iter().flat_map(|wanted| &wanted.blocks);
    let blocks: Vec<_> = blocks.map(|block| (block.code, &block.message, block.needs_person)).collect();
    let all = json!([request.generation, request.reconcile_requested(), target.revision, digest, blocks]);
    // Its digest: it is kept of every object, and what bars one may be long.
    let change_fingerprint = digest::hash(&all.to_string());
    let quiet = request.deleting() || request.object.policies().observes();
    engine.memories.change(&request.uid, |memory| {
        memory.reset_on(change_fingerprint);
        memory.creates_stopped_at = quiet.then(|| memory.creates_stopped_at.unwrap_or(now));
    });
}

/// What the look says of the owner, counted with what was seen before.
fn sight<K: Kind>(
    engine: &Engine<K>,
    request: &Request<K::Object>,
    look: &Described<K::Have>,
    now: Timestamp,
) -> ObservedState {
    let sight = match look {
        Described::NoKey => ObservedState::NotLooked,
        Described::Missing => ObservedState::Missing,
        Described::ParentMissing => ObservedState::ParentMissing,
        Described::Found(have) => owned_by(request, have),
    };
    let status = request.status();
    engine.memories.change(&request.uid, |memory| {
        memory.looks_at(status.id());
        let mut note = |observation, seen| note(memory, observation, seen, now);
        if sight != ObservedState::NotLooked {
            note(Observation::Missing, sight == ObservedState::Missing);
            note(Observation::ParentMissing, sight == ObservedState::ParentMissing);
            note(Observation::Untagged, sight == ObservedState::Found(Ownership::Untagged));
            note(Observation::Foreign, sight.is_foreign());
            if engine.kind.found_by().identity() == Identity::Keyed {
                note(Observation::Former, sight == ObservedState::Found(Ownership::Former));
            }
        }
        if matches!(sight, ObservedState::Found(_)) {
            memory.made = None;
        }
        if sight == ObservedState::Missing {
            // What comes back under the same key is another one, and is deleted anew.
            memory.deleted.remove("");
        }
    });
    sight
}

/// Whose it is, by its tags.
pub(super) fn owned_by<O>(request: &Request<O>, have: &impl ResourceState) -> ObservedState {
    ObservedState::Found(have.tags().map_or(Ownership::Untagged, |tags| request.owner.judge(tags)))
}

/// A look-up that began after this object asked for it; `false` while it runs.
pub(super) async fn find_by_tags<K: Kind>(
    engine: &Engine<K>,
    request: &Request<K::Object>,
    known: &mut Known<K>,
) -> Result<bool, ReconcileError> {
    let (Some(context), Some(tagged)) = (known.context(request), engine.kind.found_by().tagged()) else {
        return Ok(false);
    };
    let lookup = tagged.lookup();
    let (asked, patience) = ask(engine, &context, lookup);
    let look = lookup.find(&context.target.account, &request.owner, asked);
    let Ok(outcome) = tokio::time::timeout(patience, look).await else { return Ok(false) };
    engine.memories.change(&request.uid, |memory| memory.asked = None);
    let TagSearch { began, found } = outcome?;
    let status = request.status();
    let record = RecordedCreate::of(K::Object::common(&status), &request.uid, began);
    let (replaces, _) = recorded::<K::Object>(&status);
    engine.memories.change(&request.uid, |memory| count(memory, &found, record.as_ref(), replaces, began));
    known.lookup = Some(found);
    Ok(true)
}

/// The ticket of the look-up, and how long to wait for it. Who comes back has asked before: asking anew each time, it
/// would never see the end of a long look. Of another create, elsewhere or long ago, what was asked says nothing.
fn ask<K: Kind>(engine: &Engine<K>, context: &ReconcileContext<'_, K>, lookup: &dyn TagLookup) -> (u64, Duration) {
    let (status, account) = (context.request.status(), &context.target.account);
    let about = json!([account.id, account.region, K::Object::common(&status).create]).to_string();
    let at = Instant::now();
    engine.memories.change(&context.request.uid, |memory| {
        let before = memory.asked.take().filter(|asked| asked.about == about && asked.at.elapsed() < ASKED);
        let (ticket, patience) = before.map_or_else(|| (lookup.ask(), POLL), |before| (before.ticket, JOINED));
        memory.asked = Some(Box::new(Asked { ticket, about, at }));
        (ticket, patience)
    })
}

/// What the create that is looked for cannot have made is no trace of it.
fn count(memory: &mut Memory, found: &TagMatches, record: Option<&RecordedCreate>, two_lawful: bool, began: Timestamp) {
    let traces = |found| record.is_none_or(|record| record.may_have_made(found, two_lawful));
    if found.ours.iter().any(traces) {
        memory.observations.clear(Observation::NoTrace);
    } else {
        memory.observations.count(Observation::NoTrace, began);
    }
    if found.former.is_empty() && found.uid_lost.is_empty() {
        memory.observations.clear(Observation::Former);
    } else {
        memory.observations.count(Observation::Former, began);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::status::CreatePhase;
    use crate::engine::consistency::Candidate;

    #[test]
    fn what_was_let_go_and_is_listed_again_is_no_trace_of_a_create() {
        let found = |ids: &[(&str, &str)]| {
            let tagged =
                |(id, attempt): &(&str, &str)| Candidate { id: (*id).into(), attempt: Some((*attempt).into()) };
            TagMatches { ours: ids.iter().map(tagged).collect(), ..TagMatches::default() }
        };
        let record = |attempt: Option<&str>| RecordedCreate {
            uid: "u".to_owned(),
            phase: CreatePhase::InFlight,
            attempt: attempt.map(str::to_owned),
            started_at: Timestamp::UNIX_EPOCH,
            retired_ids: vec!["s-1".to_owned()],
        };
        let counted = |found: &TagMatches, attempt: Option<&str>, two_lawful: bool| {
            let mut memory = Memory::default();
            for _ in 0..2 {
                count(&mut memory, found, Some(&record(attempt)), two_lawful, Timestamp::UNIX_EPOCH);
            }
            memory.observations.get(Observation::NoTrace).map(|seen| seen.count)
        };
        assert_eq!(counted(&found(&[]), Some("a"), false), Some(2));
        assert_eq!(counted(&found(&[("s-1", "a")]), Some("a"), false), Some(2));
        assert_eq!(counted(&found(&[("s-1", "a"), ("s-2", "b")]), Some("a"), false), None);
        // Where the old one stands beside it, only the attempt tells.
        assert_eq!(counted(&found(&[("s-2", "b")]), Some("a"), true), Some(2));
        assert_eq!(counted(&found(&[("s-2", "b"), ("s-3", "a")]), Some("a"), true), None);
        assert_eq!(counted(&found(&[("s-2", "b")]), None, true), None);
    }
}
