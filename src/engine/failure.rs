//! What is said of a reconcile that could not read its object, did not end, or met trouble: how long that lasts decides
//! what is told and when it is tried again.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::backoff;
use super::context::{Engine, Request, Status};
use super::kind::{Kind, ReconcileError};
use super::reason::Reason;
use super::report::{self, Drift, Outcome, Report};
use super::requeue::Requeue;
use super::status::{Advice, Readiness, STALENESS_BUDGET};
use super::undecodable;
use crate::api::condition::reasons;
use crate::cluster::ClusterError;

/// The object could not be read.
pub(super) fn unreadable<K: Kind>(engine: &Engine<K>, uid: &str, error: &ClusterError) -> Requeue {
    let (failures, _) = report::failed(engine, uid, backoff::cluster_reason(error), &error.to_string());
    Requeue::After(backoff::cluster_delay(error, failures, engine.settings.env.fraction()))
}

/// The object was read and makes no sense to this version of the program.
pub(super) async fn undecodable<K: Kind>(
    engine: &Engine<K>,
    uid: &str,
    stored: &Value,
    error: &ClusterError,
) -> Requeue {
    if stored.pointer("/metadata/uid").and_then(Value::as_str) != Some(uid) {
        engine.memories.forget(uid);
        return Requeue::OnChange;
    }
    let message = error.to_string();
    let said = engine.memories.change(uid, |memory| memory.undecodable.replace(message.clone()) == Some(message));
    let now = engine.settings.env.wall();
    undecodable::write_status(engine.cluster.as_ref(), &engine.resource, stored, error, said, now).await
}

/// The reconcile before this one never ended. That is a failure like any other, and said as one.
pub(super) fn unended<K: Kind>(engine: &Engine<K>, request: &Request<K::Object>) -> Outcome<Status<K>> {
    let now = Instant::now();
    let (_, since) = engine.memories.change(&request.uid, |memory| memory.failed(now));
    let message =
        "a reconcile over this object ran out of time or panicked; the log of the operator says more".to_owned();
    let reason = Reason::new(reasons::INTERNAL_ERROR, message);
    failed::<K>(request, reason, now.duration_since(since), Requeue::Again)
}

/// What Ready says of trouble: how long it lasts decides what is said.
pub(super) fn failed_with<K: Kind>(
    engine: &Engine<K>,
    request: &Request<K::Object>,
    trouble: &ReconcileError,
) -> Outcome<Status<K>> {
    let (class, code) = match trouble {
        // Somebody wrote in between: nothing is wrong, look again.
        ReconcileError::Cluster(ClusterError::Conflict(_)) => {
            return Outcome::Requeue(report::contended(engine, &request.uid));
        }
        ReconcileError::FoundOutElsewhere(wait) => return Outcome::Requeue(Requeue::Elsewhere(*wait)),
        ReconcileError::Aws(fault) => (backoff::class(fault), backoff::reason(fault)),
        ReconcileError::Cluster(error) => (backoff::cluster_class(error), backoff::cluster_reason(error)),
    };
    let message = trouble.to_string();
    let (failures, since) = report::failed(engine, &request.uid, code, &message);
    let lasted = since.elapsed();
    let (fraction, grace) = (engine.settings.env.fraction(), engine.settings.rejection_grace);
    let delay = match trouble {
        ReconcileError::Cluster(error) => backoff::cluster_delay(error, failures, fraction),
        ReconcileError::Aws(fault) => backoff::delay(class, failures, fault.retry_after, fraction),
        ReconcileError::FoundOutElsewhere(wait) => *wait,
    };
    if let Some(quiet) =
        backoff::quiet(class).and_then(|quiet| quiet.checked_sub(lasted)).filter(|left| !left.is_zero())
    {
        return Outcome::Requeue(Requeue::After(delay.min(quiet)));
    }
    let needs_person = backoff::stalls(class, lasted, grace);
    // What is to be said by then is said then, however long the wait has become.
    let turns = [backoff::until_stalled(class, lasted, grace), STALENESS_BUDGET.checked_sub(lasted)];
    let delay = turns.into_iter().flatten().filter(|turn| !turn.is_zero()).fold(delay, Duration::min);
    let reason = Reason { needs_person, ..Reason::new(code, message) };
    failed::<K>(request, reason, lasted, Requeue::After(delay))
}

fn failed<K: Kind>(
    request: &Request<K::Object>,
    reason: Reason,
    lasted: Duration,
    next: Requeue,
) -> Outcome<Status<K>> {
    let (status, readiness) = (request.status(), Readiness::Failed { reason, lasted });
    let (drift, pending) = (Drift::AsBefore, Box::new(Advice::AsBefore));
    Outcome::Report(Report { status, readiness, advisory: None, drift, pending, next, keep: true })
}
