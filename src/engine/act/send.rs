//! Sending one call of an update, and taking over what exists. Where the kind says what an accepted call leads to, that
//! counts and the reconcile goes on; otherwise it ends, and the next one looks at what became of it. What AWS refuses is
//! remembered, so that the next decision goes on to the next call.

use std::time::Duration;

use tokio::time::Instant;

use super::record::record_adopted;
use crate::aws::CreateOutput;
use crate::cluster::EventNote;
use crate::engine::context::{Engine, ReconcileContext, Request, Status};
use crate::engine::decide::answer::{AfterCall, after_call};
use crate::engine::decide::update::CallIndex;
use crate::engine::events;
use crate::engine::kind::{Kind, PlannedCall, ReconcileError, ResourceState as _};
use crate::engine::known::{self, Known};
use crate::engine::mutate;
use crate::engine::refusals::{accept, explained, remember};
use crate::engine::report::Outcome;
use crate::engine::requeue::Requeue;

/// What became of one call.
enum Sent {
    /// AWS took it, and answered this; and what is told of it.
    Taken(CreateOutput, EventNote),
    /// It was done already, or taken before, or the object moved on: the next reconcile looks again. What is told of it.
    Again(Option<EventNote>),
    /// AWS did not take it: its digest, and whether it is told and waits.
    Refused(String, bool),
}

/// Sends one call of the plan. Nothing where AWS refused it.
pub(super) async fn send<K: Kind>(
    engine: &Engine<K>,
    request: &Request<K::Object>,
    known: &mut Known<K>,
    index: CallIndex,
) -> Result<Option<Outcome<Status<K>>>, ReconcileError> {
    let call = known.plan.as_ref().and_then(|plan| index.of(plan)).cloned();
    let (Some(context), Some(call)) = (known.context(request), call) else {
        return Ok(Some(Outcome::Requeue(Requeue::Again)));
    };
    match send_call(engine, &context, &call).await? {
        Sent::Taken(answer, note) => {
            let have = context.have.and_then(|have| have.accepted(&call.mutation, &answer));
            known.taken.push(note);
            let Some(have) = have else { return Ok(Some(Outcome::Requeue(Requeue::Again))) };
            known.changed(have);
            Ok(None)
        }
        Sent::Again(note) => {
            known.taken.extend(note);
            Ok(Some(Outcome::Requeue(Requeue::Again)))
        }
        Sent::Refused(digest, aside) => {
            known.tried.insert(digest, aside);
            Ok(None)
        }
    }
}

/// Takes it over: the owner tags are the one thing that is changed. Where AWS keeps none, our record is. Nothing where AWS
/// refused it.
pub(super) async fn adopt<K: Kind>(
    engine: &Engine<K>,
    request: &Request<K::Object>,
    known: &mut Known<K>,
    id: &str,
) -> Result<Option<Outcome<Status<K>>>, ReconcileError> {
    let Some(context) = known.context(request) else { return Ok(Some(Outcome::Requeue(Requeue::Again))) };
    let Some(call) = known::take_over(engine, request, context.target, id) else {
        return record_adopted(engine, &context).await.map(Some);
    };
    engine.memories.change(&request.uid, |memory| memory.lost = false);
    match send_call(engine, &context, &call).await? {
        Sent::Taken(_, note) => known.taken.push(note),
        Sent::Again(note) => known.taken.extend(note),
        Sent::Refused(digest, aside) => {
            known.tried.insert(digest, aside);
            return Ok(None);
        }
    }
    Ok(Some(Outcome::Requeue(Requeue::Again)))
}

async fn send_call<K: Kind>(
    engine: &Engine<K>,
    context: &ReconcileContext<'_, K>,
    call: &PlannedCall,
) -> Result<Sent, ReconcileError> {
    let (request, digest) = (context.request, mutate::digest(&call.mutation));
    let sent = mutate::mutate(engine, request, &context.target.account, call.mutation.clone(), &call.changes).await;
    let (answer, fault) = match sent {
        Ok(None) => return Ok(Sent::Again(None)),
        Ok(Some(answer)) => (Some(answer), None),
        Err(ReconcileError::Aws(fault)) => (None, Some(fault)),
        Err(trouble) => return Err(trouble),
    };
    let before = engine.memories.read(&request.uid, |memory| memory.accepted.get(&digest).copied());
    let lag = Duration::try_from(engine.settings.windows.lag).unwrap_or(Duration::MAX);
    let after = after_call(fault.as_ref(), before, Instant::now(), lag);
    if after.is_accepted() {
        accept(engine, request, digest.clone(), call);
    }
    match (after, answer, fault) {
        (AfterCall::Taken { believed: true }, Some(answer), _) => {
            Ok(Sent::Taken(answer, accepted(engine, context, call)))
        }
        (AfterCall::Taken { .. }, ..) => Ok(Sent::Again(Some(accepted(engine, context, call)))),
        (AfterCall::Refused, _, Some(fault)) => {
            let fault = explained(engine, &context.target.account, &call.mutation, fault).await;
            let aside = remember(engine, request, digest.clone(), fault, &call.changes);
            Ok(Sent::Refused(digest, aside))
        }
        (AfterCall::Failed, _, Some(fault)) => Err(fault.into()),
        (AfterCall::TakenAgain | AfterCall::DoneAlready | AfterCall::Refused | AfterCall::Failed, ..) => {
            Ok(Sent::Again(None))
        }
    }
}

/// What is told of a call that AWS took.
fn accepted<K: Kind>(engine: &Engine<K>, context: &ReconcileContext<'_, K>, call: &PlannedCall) -> EventNote {
    let edited = known::edited::<K>(context.request, context.wanted);
    if !edited && call.because.is_none() {
        engine.counters.corrected(call.changes.len());
    }
    events::accepted(call, edited)
}
