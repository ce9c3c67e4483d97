//! Actions of replacing what AWS cannot change: each is one write of its record, or what is sent about the old one.

use std::sync::Arc;

use super::edit::{all_retired, back_to, swapped};
use super::{create, delete};
use crate::api::Managed;
use crate::api::condition::reasons;
use crate::api::status::{CreatePhase, ReplacingPhase};
use crate::engine::consistency::Observation;
use crate::engine::context::{Engine, ReconcileContext, Status};
use crate::engine::decide::{Replace, answer};
use crate::engine::kind::{Kind, KindStatus, ReconcileError};
use crate::engine::mutate;
use crate::engine::refusals::remember;
use crate::engine::report::{self, Outcome};
use crate::engine::requeue::Requeue;

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
        Replace::Swap(old) => swap(engine, context, &old).await,
        Replace::Retire(old) => retire(engine, context, &old).await,
        Replace::Delete(old) => delete_old(engine, context, old).await,
        Replace::Release(old) => release(engine, context, old).await,
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
        record.lost = all_retired(std::mem::take(&mut record.lost), lost.as_deref());
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

/// The old one is the object's again, and what took its place is what goes. All of that is one write, before any call:
/// so far nothing but an end was given to either.
async fn swap<K: Kind>(
    engine: &Engine<K>,
    context: &ReconcileContext<'_, K>,
    old: &str,
) -> Result<Outcome<Status<K>>, ReconcileError> {
    let (request, mut status) = (context.request, context.request.status());
    swapped(engine, &mut status, context.target, old, context.now);
    report::apply(engine, &request.object, &status).await?;
    let goes = request.object.status().and_then(KindStatus::id).unwrap_or_default();
    let message = format!("{old} is wanted again and in force; {goes}, which had replaced it, goes in its stead");
    report::emit_event(engine, request, false, reasons::REPLACED, message).await;
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
        Err(ReconcileError::Aws(fault)) if answer::refuses_deletion_of_old(&fault) => {
            remember(engine, context.request, digest, fault, &[]);
            Ok(Outcome::Requeue(Requeue::Again))
        }
        end => end,
    }
}

/// It is left to who keeps it. What AWS refuses holds nothing else up, and what it took is not sent again before its answers
/// have to show it.
async fn release<K: Kind>(
    engine: &Engine<K>,
    context: &ReconcileContext<'_, K>,
    old: String,
) -> Result<Outcome<Status<K>>, ReconcileError> {
    let request = context.request;
    match delete::untag(engine, context, std::slice::from_ref(&old)).await {
        Ok(true) => engine.memories.change(&request.uid, |memory| {
            memory.deleted.insert(old, context.now);
        }),
        Ok(false) => {}
        Err(ReconcileError::Aws(fault)) if answer::refuses_deletion_of_old(&fault) => {
            if let Some(digest) = mutate::untag_digest(engine, request, context.target, &old) {
                remember(engine, request, digest, fault, &[]);
            }
        }
        Err(trouble) => return Err(trouble),
    }
    Ok(Outcome::Requeue(Requeue::Again))
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
        record.lost = all_retired(std::mem::take(&mut record.lost), Some(old));
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
