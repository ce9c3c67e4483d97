//! Sending one call of an update, and taking over what exists. Where the kind says what an accepted call leads to, that
//! counts and the reconcile goes on; otherwise it ends, and the next one looks at what became of it. What AWS refuses is
//! remembered, so that the next decision goes on to the next call.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::record::record_adopted;
use crate::api::status::Applied;
use crate::aws::{AwsError, AwsErrorKind, CreateOutput, Mutation};
use crate::cluster::EventNote;
use crate::engine::context::{Engine, POLL, ReconcileContext, Request, Requeue, Status};
use crate::engine::decide::update::{CallIndex, Source, UpdateFacts};
use crate::engine::events;
use crate::engine::kind::{Kind, Plan, PlannedCall, ReconcileError, ResourceState as _};
use crate::engine::known::{self, Known};
use crate::engine::mutate;
use crate::engine::refusals::{accept, explained, of_one_call, remember};
use crate::engine::report::{self, Outcome, Report};
use crate::engine::tell;

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

/// Takes it over: the owner tags are the one thing that is changed. Where AWS keeps none, our record is.
pub(super) async fn adopt<K: Kind>(
    engine: &Engine<K>,
    context: &ReconcileContext<'_, K>,
    id: &str,
) -> Result<Outcome<Status<K>>, ReconcileError> {
    let request = context.request;
    let Some(arn) = engine.kind.arn(&request.object, context.target, Some(id)) else {
        return record_adopted(engine, context).await;
    };
    engine.memories.change(&request.uid, |memory| memory.lost = false);
    let call = PlannedCall::new(Mutation::tag(arn, request.owner.lasting_tags()), Vec::new());
    let (plan, wanted) = (Plan { calls: vec![call.clone()], ..Plan::default() }, Applied::default());
    let progress = |tried: &BTreeMap<String, bool>| {
        let (memory, at, lag) = (&engine.memories.load(&request.uid), Instant::now(), engine.settings.windows.lag);
        let (plan, wanted, recorded, source) = (&plan, &wanted, None, Source::Seen);
        UpdateFacts { plan, source, wanted, recorded, announced: true, memory, tried, time_is_up: false, at, lag }
            .progress()
    };
    let mut came = progress(&BTreeMap::new());
    if came.next.is_some() {
        match send_call(engine, context, &call).await? {
            Sent::Taken(_, note) => {
                report::publish(engine, request, note).await;
                return Ok(Outcome::Requeue(Requeue::Again));
            }
            Sent::Again(note) => {
                if let Some(note) = note {
                    report::publish(engine, request, note).await;
                }
                return Ok(Outcome::Requeue(Requeue::Again));
            }
            Sent::Refused(digest, aside) => came = progress(&BTreeMap::from([(digest, aside)])),
        }
    }
    // Nothing of what is not ours yet is shown.
    if let Some(busy) = came.busy {
        let mut report = Report::block(request.status(), busy);
        report.next = Requeue::After(POLL);
        return Ok(Outcome::Report(report));
    }
    match came.trouble() {
        Some(fault) => Err(fault.into()),
        None => Ok(tell::refused(engine, context, request.status(), &came.refused)),
    }
}

async fn send_call<K: Kind>(
    engine: &Engine<K>,
    context: &ReconcileContext<'_, K>,
    call: &PlannedCall,
) -> Result<Sent, ReconcileError> {
    let (request, digest) = (context.request, mutate::digest(&call.mutation));
    match mutate::mutate(engine, request, &context.target.account, call.mutation.clone(), &call.changes).await {
        Ok(None) => Ok(Sent::Again(None)),
        Ok(Some(answer)) => {
            // What it took before and did not show is believed once it is seen.
            let before = accept(engine, request, digest, call);
            let lag = Duration::try_from(engine.settings.windows.lag).unwrap_or(Duration::MAX);
            Ok(match before {
                None => Sent::Taken(answer, accepted(engine, context, call)),
                // Once and so long ago: this is for something new, somebody changed it again.
                Some(before) if before.times == 1 && before.at.elapsed() >= lag => {
                    Sent::Again(Some(accepted(engine, context, call)))
                }
                Some(_) => Sent::Again(None),
            })
        }
        Err(ReconcileError::Aws(fault)) if done_already(&fault) => {
            accept(engine, request, digest, call);
            Ok(Sent::Again(None))
        }
        Err(ReconcileError::Aws(fault)) if of_one_call(&fault) => {
            let fault = explained(engine, &context.target.account, &call.mutation, fault).await;
            let aside = remember(engine, request, digest.clone(), fault, &call.changes);
            Ok(Sent::Refused(digest, aside))
        }
        Err(trouble) => Err(trouble),
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

/// What was to be imported is there, or what was to be deleted is not: AWS's other answers lag behind, and nothing was
/// refused.
fn done_already(fault: &AwsError) -> bool {
    match fault.kind {
        AwsErrorKind::Exists => true,
        AwsErrorKind::NotFound => fault.operation.starts_with("Delete"),
        _ => false,
    }
}
