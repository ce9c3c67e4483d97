//! What is told of a replacement that is under way: how long the old one stays, and what waits for that. It decides nothing.

use super::consistency::Observation;
use super::context::{Engine, ReconcileContext, Request, Status, WAIT_MAX};
use super::decide::whole;
use super::diff::{Change, Effect, paths};
use super::kind::Kind;
use super::known::Known;
use super::reason::Reason;
use super::record::recorded;
use super::report::Report;
use super::requeue::Requeue;
use super::status::Readiness;
use super::{mutate, refusals};
use crate::api::Managed;
use crate::api::condition::reasons;
use crate::api::status::{Replacing, ReplacingPhase};

/// Whether something new takes the place of what AWS cannot change.
pub(super) fn replaces<O: Managed>(request: &Request<O>) -> bool {
    recorded::<O>(&request.status()).0
}

/// All is well, and what was replaced is still there: until when and why. Nothing tells when its last use
/// ends.
pub(super) fn beside_old<K: Kind>(
    engine: &Engine<K>,
    request: &Request<K::Object>,
    known: &Known<K>,
    report: &mut Report<Status<K>>,
) {
    let (_, replacing) = recorded::<K::Object>(&request.status());
    let (Some(Replacing { old_id, phase, attempt: _, swapped_at: _ }), Readiness::Ready(ready)) =
        (replacing, &mut report.readiness)
    else {
        return;
    };
    let before = known.before_delete.as_ref().filter(|before| before.id == old_id);
    let refused = before.and_then(|before| refusals::held(engine, request, before.held.as_ref()?));
    let memory = engine.memories.load(&request.uid);
    let due = memory.observations.due(Observation::OldUnused, engine.settings.windows.unused());
    let stays = match (before.and_then(|before| before.blocker.as_ref()), refused, due) {
        (Some(blocker), ..) => format!("stays as long as it is used: {blocker}"),
        (None, Some(hold), _) => format!("stays as AWS refuses to delete it: {}", hold.fault),
        (None, None, Some(due)) if phase == ReplacingPhase::Moving => {
            format!("is deleted if nothing uses it until {}", whole(due))
        }
        (None, None, _) => "is being deleted".to_owned(),
    };
    ready.message = format!("{}; {old_id}, which it replaces, {stays}", ready.message);
    // Unless the kind knows when that changes.
    let changes_at = known.wanted.as_ref().and_then(|wanted| wanted.changes_at);
    let waits = before.is_some_and(|before| before.blocker.is_some()) && changes_at.is_some_and(|at| at > known.now);
    if !waits {
        report.next = report.next.min(Requeue::After(WAIT_MAX));
    }
}

/// What AWS cannot change was edited while the last replacement for that is under way: one after the other.
pub(super) fn next_replacement<K: Kind>(
    engine: &Engine<K>,
    context: &ReconcileContext<'_, K>,
    left: &[Change],
) -> Option<Reason> {
    let request = context.request;
    let waits: Vec<Change> = left.iter().filter(|change| change.effect == Effect::Replace).cloned().collect();
    let (_, replacing) = recorded::<K::Object>(&request.status());
    let Replacing { old_id, phase: _, attempt: _, swapped_at: _ } = replacing.filter(|_| !waits.is_empty())?;
    let untag = mutate::untag_digest(engine, request, context.target, &old_id);
    let kept = untag.and_then(|digest| refusals::held(engine, request, &digest));
    let kept = kept.map_or_else(String::new, |hold| format!("; AWS keeps our owner tags on it: {}", hold.fault));
    let message = format!("{} not in force yet: the next one is made once {old_id} is gone{kept}", paths(&waits));
    Some(Reason::new(reasons::UPDATING, message))
}
