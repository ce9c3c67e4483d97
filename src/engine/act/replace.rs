//! Actions of replacing what AWS cannot change: each is one write of its record, or the deletion of the old one.

use std::sync::Arc;

use super::record::all_lost;
use super::{create, delete};
use crate::api::Managed;
use crate::api::condition::reasons;
use crate::api::status::{CreatePhase, Replacing, ReplacingPhase};
use crate::engine::consistency::Observation;
use crate::engine::context::{Engine, ReconcileContext, Requeue, Status};
use crate::engine::decide::Replace;
use crate::engine::kind::{Kind, KindStatus, ReconcileError, Target};
use crate::engine::mutate;
use crate::engine::refusals::{of_one_call, remember};
use crate::engine::report::{self, Outcome};
use crate::engine::tell::record_account;

/// Takes the step.
pub(super) async fn replace<K: Kind>(
    engine: &Arc<Engine<K>>,
    context: &ReconcileContext<'_, K>,
    step: Replace,
) -> Result<Outcome<Status<K>>, ReconcileError> {
    match step {
        Replace::Begin(_) => {
            create::begin(engine, context).await?;
            Ok(Outcome::Requeue(Requeue::Again))
        }
        Replace::TakeBack(old) => take_back(engine, context, &old).await,
        Replace::Retire(old) => retire(engine, context, &old).await,
        Replace::Delete(old) => delete_old(engine, context, old).await,
        Replace::End(old, warning) => end(engine, context, &old, warning).await,
    }
}

/// No new one is there: the old one is the object's again. What was made and lost is never taken for it again.
async fn take_back<K: Kind>(
    engine: &Engine<K>,
    context: &ReconcileContext<'_, K>,
    old: &str,
) -> Result<Outcome<Status<K>>, ReconcileError> {
    let (request, mut status) = (context.request, context.request.status());
    let lost = status.id().map(str::to_owned);
    back_to(engine, &mut status, context.target, old);
    if let Some(record) = K::Object::common_mut(&mut status).create.as_mut() {
        record.phase = CreatePhase::None;
        record.lost = all_lost(std::mem::take(&mut record.lost), lost.as_deref());
    }
    report::apply(engine, &request.object, &status).await?;
    engine.memories.change(&request.uid, |memory| memory.observations.clear(Observation::NoTrace));
    tracing::info!(id = %old, lost = lost.as_deref(), "no new one is there: in force again");
    if let Some(lost) = lost {
        let message = format!("AWS no longer has {lost}; {old}, which it was to replace, is in force again");
        report::emit_event(engine, request, true, reasons::REPLACED, message).await;
    }
    Ok(Outcome::Requeue(Requeue::Again))
}

/// From now on the old one is only deleted.
async fn retire<K: Kind>(
    engine: &Engine<K>,
    context: &ReconcileContext<'_, K>,
    old: &str,
) -> Result<Outcome<Status<K>>, ReconcileError> {
    let mut status = context.request.status();
    if let Some(Some(replacing)) = K::Object::replacing(&mut status) {
        replacing.phase = ReplacingPhase::Deleting;
    }
    report::apply(engine, &context.request.object, &status).await?;
    tracing::info!(id = %old, "nothing uses what was replaced");
    Ok(Outcome::Requeue(Requeue::Again))
}

/// What AWS refuses, as long as something in the account uses it, holds nothing else up.
async fn delete_old<K: Kind>(
    engine: &Engine<K>,
    context: &ReconcileContext<'_, K>,
    old: String,
) -> Result<Outcome<Status<K>>, ReconcileError> {
    let digest = mutate::digest(&engine.kind.delete(&context.request.object, context.target, Some(&old)));
    match delete::delete(engine, context, &[old]).await {
        Err(ReconcileError::Aws(fault)) if of_one_call(&fault) => {
            remember(engine, context.request, digest, fault, &[]);
            Ok(Outcome::Requeue(Requeue::Again))
        }
        end => end,
    }
}

/// One is there again. Listings may go on showing the old one, so its id is kept as one that is never claimed.
async fn end<K: Kind>(
    engine: &Engine<K>,
    context: &ReconcileContext<'_, K>,
    old: &str,
    warning: Option<String>,
) -> Result<Outcome<Status<K>>, ReconcileError> {
    let (request, mut status) = (context.request, context.request.status());
    if let Some(replacing) = K::Object::replacing(&mut status) {
        *replacing = None;
    }
    if let Some(record) = K::Object::common_mut(&mut status).create.as_mut() {
        record.lost = all_lost(std::mem::take(&mut record.lost), Some(old));
    }
    report::apply(engine, &request.object, &status).await?;
    let new = status.id().unwrap_or_default();
    let (warns, message) = match warning {
        Some(warning) => (true, warning),
        None => (false, format!("{old} was replaced by {new} and is gone")),
    };
    report::emit_event(engine, request, warns, reasons::REPLACED, message).await;
    Ok(Outcome::Requeue(Requeue::Again))
}

/// Where an id is recorded and an attempt is about to be, that one is replaced: it goes on to be used as the old one.
pub(super) fn begins<K: Kind>(status: &mut Status<K>, attempt: Option<&String>) -> bool {
    let old_id = status.id().map(str::to_owned);
    let (Some(old_id), true) = (old_id, K::Object::replacing(status).is_some()) else { return false };
    unlink::<K>(status);
    let attempt = attempt.cloned().unwrap_or_default();
    put::<K>(status, Some(Replacing { old_id, attempt, phase: ReplacingPhase::Creating }));
    true
}

/// An id was written down: a replacement goes on from there, or ends where it is the old one's.
pub(super) fn id_recorded<K: Kind>(status: &mut Status<K>, id: &str) {
    let Some(slot) = K::Object::replacing(status) else { return };
    match slot {
        Some(replacing) if replacing.old_id == id => *slot = None,
        Some(replacing) if replacing.phase == ReplacingPhase::Creating => replacing.phase = ReplacingPhase::Moving,
        _ => {}
    }
}

/// AWS refused the new one and made nothing: the old one is the object's again.
pub(super) fn not_made<K: Kind>(engine: &Engine<K>, status: &mut Status<K>, target: &Target<K::TargetDetail>) {
    let creating = K::Object::replacing(status).and_then(|slot| slot.clone());
    if let Some(Replacing { old_id, phase: ReplacingPhase::Creating, attempt: _ }) = creating {
        back_to(engine, status, target, &old_id);
    }
}

/// Takes the id out, with all that was observed under it. The record of a replacement stays.
pub(super) fn take_id_out<K: Kind>(status: &mut Status<K>) {
    let replacing = K::Object::replacing(status).and_then(Option::take);
    unlink::<K>(status);
    put::<K>(status, replacing);
}

/// Leaves nothing in a status but what all kinds have: what leads to something in AWS goes, with all that was observed
/// there.
fn unlink<K: Kind>(status: &mut Status<K>) {
    let common = std::mem::take(K::Object::common_mut(status));
    *status = Status::<K>::default();
    *K::Object::common_mut(status) = common;
}

fn back_to<K: Kind>(engine: &Engine<K>, status: &mut Status<K>, target: &Target<K::TargetDetail>, old: &str) {
    unlink::<K>(status);
    if let Some(tagged) = engine.kind.found_by().tagged() {
        tagged.set_id(status, target, old);
    }
    record_account::<K>(status, target);
    // Those of the new one; what the old one has is not known any more.
    if let Some(applied) = K::Object::common_mut(status).applied.as_mut() {
        applied.hashes.clear();
    }
    put::<K>(status, None);
}

/// Writes the record of a replacement down, where the kind has a place for it.
pub(super) fn put<K: Kind>(status: &mut Status<K>, replacing: Option<Replacing>) {
    if let Some(slot) = K::Object::replacing(status) {
        *slot = replacing;
    }
}
