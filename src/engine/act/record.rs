//! Actions that are one write in Kubernetes: the record of a create and of what was applied, and the finalizer. What a
//! record says is `engine::record`.

use kube::Resource as _;

use super::edit::{self, all_retired};
use crate::api::condition::reasons;
use crate::api::status::{Applied, CreatePhase, OperationRecord};
use crate::api::{FINALIZER, Managed};
use crate::cluster::ClusterError;
use crate::engine::applied;
use crate::engine::consistency::Observation;
use crate::engine::context::{Engine, ReconcileContext, Request, Status};
use crate::engine::decide::{Identity, Words};
use crate::engine::digest;
use crate::engine::kind::{Kind, Plan, ReconcileError, Target};
use crate::engine::known::Known;
use crate::engine::mutate;
use crate::engine::outcome::{filled_status, record_account};
use crate::engine::planned::Planned;
use crate::engine::record::RecordedCreate;
use crate::engine::report::{self, Outcome};
use crate::engine::requeue::Requeue;

/// Stands for an attempt in the record of an access that was taken over.
const ADOPTED: &str = "adopted";

/// What changed of the parent is shown, and nothing else.
pub(super) async fn show_parent<K: Kind>(
    engine: &Engine<K>,
    request: &Request<K::Object>,
    known: &Known<K>,
) -> Result<(), ReconcileError> {
    let Some((child, target)) = engine.kind.found_by().child().zip(known.target()) else { return Ok(()) };
    let (before, mut status) = (request.status(), request.status());
    child.show_parent(&mut status, target);
    if status != before {
        report::apply(engine, &request.object, &status).await?;
    }
    Ok(())
}

pub(super) async fn write_create_record<K: Kind>(
    engine: &Engine<K>,
    context: &ReconcileContext<'_, K>,
    phase: CreatePhase,
) -> Result<Outcome<Status<K>>, ReconcileError> {
    let mut status = context.request.status();
    if engine.kind.found_by().identity() == Identity::Tagged {
        // Whatever id stands there is no record of ours; the tags lead back to what is. Nor is a replacement that
        // stands beside another object's record.
        edit::take_id_out::<K>(&mut status);
        if RecordedCreate::of(K::Object::common(&status), &context.request.uid, context.now).is_none() {
            edit::put::<K>(&mut status, None);
        }
    }
    write_record(engine, context, status, phase, None, None).await
}

/// Lets go of what AWS no longer has, in one write and before anything is made in its place.
pub(super) async fn unlink_gone<K: Kind>(
    engine: &Engine<K>,
    context: &ReconcileContext<'_, K>,
    id: &str,
) -> Result<Outcome<Status<K>>, ReconcileError> {
    let request = context.request;
    let mut status = request.status();
    edit::take_id_out::<K>(&mut status);
    let common = K::Object::common_mut(&mut status);
    (common.applied, common.operation) = (None, None);
    Planned::default().put(common);
    // A user's create is not recorded before it is sent; an access without an attempt is nobody's.
    let phase =
        if engine.kind.found_by().identity() == Identity::Keyed { CreatePhase::InFlight } else { CreatePhase::None };
    let end = write_record(engine, context, status, phase, None, Some(id)).await?;
    engine.memories.change(&request.uid, |memory| {
        memory.observations.clear(Observation::Missing);
        memory.create_sent = false;
        memory.lost = true;
    });
    let Words { noun, parent, .. } = K::WORDS;
    let what = if id.is_empty() { format!("its {parent}") } else { format!("{noun} {id}") };
    report::emit_event(engine, request, true, reasons::SERVER_GONE, format!("AWS no longer has {what}; it is let go"))
        .await;
    Ok(end)
}

/// Lets go of a server that stays in AWS and is not ours any more. It is not counted as lost: it may yet be taken over.
pub(super) async fn unlink_foreign<K: Kind>(
    engine: &Engine<K>,
    context: &ReconcileContext<'_, K>,
    id: &str,
) -> Result<Outcome<Status<K>>, ReconcileError> {
    let mut status = context.request.status();
    edit::take_id_out::<K>(&mut status);
    let common = K::Object::common_mut(&mut status);
    (common.applied, common.operation) = (None, None);
    Planned::default().put(common);
    let end = write_record(engine, context, status, CreatePhase::None, None, None).await?;
    let noun = K::WORDS.noun;
    let message = format!("{noun} {id} carries other owner tags and is let go; spec.lifecycle.adoption names another");
    report::emit_event(engine, context.request, true, reasons::OWNERSHIP_LOST, message).await;
    Ok(end)
}

/// The record that stands for the tags which AWS does not keep on this kind.
pub(super) async fn record_adopted<K: Kind>(
    engine: &Engine<K>,
    context: &ReconcileContext<'_, K>,
) -> Result<Outcome<Status<K>>, ReconcileError> {
    let status = filled_status(engine, context);
    write_record(engine, context, status, CreatePhase::None, Some(ADOPTED.to_owned()), None).await
}

/// What the owner tags led to.
pub(super) async fn record_id<K: Kind>(
    engine: &Engine<K>,
    context: &ReconcileContext<'_, K>,
    id: &str,
) -> Result<Outcome<Status<K>>, ReconcileError> {
    let mut status = context.request.status();
    if let Some(tagged) = engine.kind.found_by().tagged() {
        tagged.set_id(&mut status, context.target, id);
    }
    edit::id_recorded::<K>(&mut status, id);
    record_account::<K>(&mut status, context.target);
    if let Some(record) = K::Object::common_mut(&mut status).create.as_mut() {
        record.phase = CreatePhase::None;
    }
    report::apply(engine, &context.request.object, &status).await?;
    tracing::info!(%id, "found by its owner tags");
    Ok(Outcome::Requeue(Requeue::Again))
}

/// What is about to be applied is written down before it is, and what is planned with it. The call goes out in the same
/// reconcile.
pub(super) async fn record_applied<K: Kind>(
    engine: &Engine<K>,
    request: &mut Request<K::Object>,
    merged: Applied,
    planned: Planned,
) -> Result<(), ReconcileError> {
    let mut status = request.status();
    let common = K::Object::common_mut(&mut status);
    planned.announce(common);
    let old = common.applied.replace(merged.clone()).unwrap_or_default();
    request.renew(report::apply(engine, &request.object, &status).await?);
    let added = applied::without(merged, &old);
    engine.memories.change(&request.uid, |memory| {
        let before = memory.added.get_or_insert_default();
        **before = applied::union(std::mem::take(before), &added);
    });
    Ok(())
}

/// How far a sequence of calls is, before the next of them goes out, and what is planned with it.
pub(super) async fn record_operation<K: Kind>(
    engine: &Engine<K>,
    request: &Request<K::Object>,
    operation: Option<OperationRecord>,
    plan: &Plan,
) -> Result<Outcome<Status<K>>, ReconcileError> {
    let mut status = request.status();
    let common = K::Object::common_mut(&mut status);
    common.operation = operation.map(Box::new);
    Planned::before(plan, false).announce(common);
    let event = plan.operation.as_ref().and_then(|step| step.event.clone());
    report::apply(engine, &request.object, &status).await?;
    if let Some((warning, reason, message)) = event {
        report::emit_event(engine, request, warning, reason, message).await;
    }
    Ok(Outcome::Requeue(Requeue::Again))
}

/// Before anything is made. What is found by its key is made in the same reconcile; where only tags lead back to it,
/// the look-up that comes first is to begin after this.
pub(super) async fn add_finalizer<K: Kind>(
    engine: &Engine<K>,
    request: &mut Request<K::Object>,
) -> Result<Option<Outcome<Status<K>>>, ReconcileError> {
    request.renew(set_finalizer(engine, request, true).await?);
    let tagged = engine.kind.found_by().identity() == Identity::Tagged;
    Ok(tagged.then_some(Outcome::Requeue(Requeue::Again)))
}

async fn set_finalizer<K: Kind>(
    engine: &Engine<K>,
    request: &Request<K::Object>,
    present: bool,
) -> Result<K::Object, ReconcileError> {
    let written = engine.cluster.set_finalizer(&engine.resource, request.object.meta(), FINALIZER, present).await;
    Ok(report::went_through(engine, &request.uid, &request.name, written)?)
}

pub(super) async fn remove_finalizer<K: Kind>(
    engine: &Engine<K>,
    request: &Request<K::Object>,
    warning: Option<String>,
) -> Result<Outcome<Status<K>>, ReconcileError> {
    if let Some(warning) = warning {
        report::emit_event(engine, request, true, reasons::LEFT_IN_AWS, warning).await;
    }
    set_finalizer(engine, request, false).await?;
    if request.deleting() {
        engine.memories.forget(&request.uid);
    }
    Ok(Outcome::Requeue(Requeue::OnChange))
}

/// A record in place of the one that stands, in a write of its own.
async fn write_record<K: Kind>(
    engine: &Engine<K>,
    context: &ReconcileContext<'_, K>,
    mut status: Status<K>,
    phase: CreatePhase,
    attempt: Option<String>,
    retired_ids: Option<&str>,
) -> Result<Outcome<Status<K>>, ReconcileError> {
    let request = context.request;
    let old = K::Object::common(&status).create.as_ref();
    let hash = old.and_then(|old| old.spec_hash.clone()).unwrap_or_default();
    let lost = RecordedCreate::of(K::Object::common(&status), &request.uid, context.now);
    let lost = lost.map(|record| record.retired_ids).unwrap_or_default();
    let retired_ids = all_retired(lost, retired_ids);
    let record = RecordedCreate { uid: request.uid.clone(), phase, attempt, started_at: context.now, retired_ids };
    record_account::<K>(&mut status, context.target);
    let (account, region) = (&context.target.account.id, &context.target.account.region);
    K::Object::common_mut(&mut status).create = Some(record.write(account, region, &hash));
    report::apply(engine, &request.object, &status).await?;
    // What was seen before says nothing of what begins now.
    engine.memories.change(&request.uid, |memory| memory.observations.clear(Observation::NoTrace));
    Ok(Outcome::Requeue(Requeue::Again))
}

/// What is written down together with an attempt.
#[derive(Clone)]
pub(super) struct Begins {
    /// What will have been applied.
    pub applied: Applied,
    /// The sequence that begins with it.
    pub operation: Option<OperationRecord>,
    /// What it does about something that is in use.
    pub planned: Planned,
}

/// Step 5: the attempt, with what begins with it; the object as it stands then. Nothing where it moved on.
///
/// # Errors
/// Trouble with the API server.
pub(super) async fn write_attempt<K: Kind>(
    engine: &Engine<K>,
    request: &Request<K::Object>,
    target: &Target<K::TargetDetail>,
    record: &RecordedCreate,
    Begins { applied, operation, planned }: &Begins,
) -> Result<Option<K::Object>, ReconcileError> {
    let mut status = request.status();
    record_account::<K>(&mut status, target);
    if let Some(child) = engine.kind.found_by().child() {
        child.record_target(&mut status, &request.object, target);
    }
    let replaces = edit::begins::<K>(&mut status, record.attempt.as_ref());
    let common = K::Object::common_mut(&mut status);
    let hash = digest::hash(&request.object.spec_json().to_string());
    common.create = Some(record.write(&target.account.id, &target.account.region, &hash));
    common.operation = operation.clone().map(Box::new);
    planned.clone().put(common);
    // What the old one has is known as well, should it come back into force.
    let old = common.applied.take().filter(|_| replaces).unwrap_or_default();
    common.applied = Some(applied::union(applied.clone(), &old));
    match report::apply(engine, &request.object, &status).await {
        Ok(stored) => Ok(Some(stored)),
        // The client repeats a write whose answer was lost: our own attempt may stand there all the same.
        Err(ClusterError::Conflict(_)) => attempt_stands(engine, request, record).await,
        Err(error) => Err(error.into()),
    }
}

/// The object where this attempt is what is recorded of it, and nobody edited or deleted it since it was read: what is
/// to be created was read from that generation.
async fn attempt_stands<K: Kind>(
    engine: &Engine<K>,
    request: &Request<K::Object>,
    record: &RecordedCreate,
) -> Result<Option<K::Object>, ReconcileError> {
    let live = crate::cluster::get::<K::Object>(engine.cluster.as_ref(), &request.name).await?;
    Ok(live.filter(|live| {
        mutate::version_of(live).0 == request.uid
            && live.meta().generation == Some(request.generation)
            && live.status().is_some_and(|status| {
                K::Object::common(status)
                    .create
                    .as_ref()
                    .is_some_and(|stored| stored.attempt == record.attempt && stored.phase == CreatePhase::InFlight)
            })
    }))
}
