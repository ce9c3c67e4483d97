//! Sending one call of an update, and taking over what exists. What AWS accepts ends the reconcile, and the next one
//! looks at what became of it; what it refuses is remembered, so that the next decision goes on to the next call.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::record::record_adopted;
use crate::api::status::Applied;
use crate::aws::{AwsError, AwsErrorKind, Mutation};
use crate::engine::context::{Engine, POLL, ReconcileContext, Request, Requeue, Status};
use crate::engine::decide::update::{CallIndex, UpdateFacts};
use crate::engine::events;
use crate::engine::kind::{Kind, Plan, PlannedCall, ReconcileError};
use crate::engine::known::{self, Known};
use crate::engine::mutate;
use crate::engine::refusals::{accept, of_one_call, remember};
use crate::engine::report::{self, Outcome, Report};
use crate::engine::tell;

/// What became of one call.
enum Sent {
    /// AWS took it, or the object moved on: the next reconcile looks again.
    Again,
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
        Sent::Again => Ok(Some(Outcome::Requeue(Requeue::Again))),
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
        let (plan, wanted, recorded) = (&plan, &wanted, None);
        UpdateFacts { plan, wanted, recorded, announced: true, memory, tried, time_is_up: false, at, lag }.progress()
    };
    let mut came = progress(&BTreeMap::new());
    if came.next.is_some() {
        match send_call(engine, context, &call).await? {
            Sent::Again => return Ok(Outcome::Requeue(Requeue::Again)),
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
        Ok(None) => Ok(Sent::Again),
        Ok(Some(_)) => {
            let told = accept(engine, request, digest, call);
            if !told {
                tell_accepted(engine, context, call).await;
            }
            Ok(Sent::Again)
        }
        Err(ReconcileError::Aws(fault)) if done_already(&fault) => {
            accept(engine, request, digest, call);
            Ok(Sent::Again)
        }
        Err(ReconcileError::Aws(fault)) if of_one_call(&fault) => {
            let aside = remember(engine, request, digest.clone(), fault, &call.changes);
            Ok(Sent::Refused(digest, aside))
        }
        Err(trouble) => Err(trouble),
    }
}

async fn tell_accepted<K: Kind>(engine: &Engine<K>, context: &ReconcileContext<'_, K>, call: &PlannedCall) {
    let edited = known::edited::<K>(context.request, context.wanted);
    if !edited && call.because.is_none() {
        engine.counters.corrected(call.changes.len());
    }
    report::publish(engine, context.request, events::accepted(call, edited)).await;
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
