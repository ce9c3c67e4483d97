//! Telling where an object stands: its status, written only when it says something new, and Events on change.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Resource as _;
use serde_json::Value;
use tokio::time::Instant;

use super::backoff;
use super::context::{Engine, Request, Status};
use super::drift::Differences;
use super::events;
use super::kind::{Kind, KindStatus, OwnCondition, Pending};
use super::memory::Memory;
use super::reason::Reason;
use super::requeue::Requeue;
use super::settings::SHORTEST;
use super::status::{self, Advice, ConditionInputs, Readiness};
use crate::api::condition::{self, ConditionStatus, NewCondition, reasons, types};
use crate::api::{CommonStatus, Managed};
use crate::cluster::{ClusterError, EventNote, Name};

/// How soon what a person must mend is looked at again; an edit is seen at once.
const STALLED_AGAIN: Duration = Duration::from_mins(5);

/// How soon what nothing tells of is looked for again.
const SOUGHT_AGAIN: Duration = Duration::from_mins(1);

/// Longest wait after a conflict: nothing is wrong, somebody is only faster.
const CONTENDED_MAX: Duration = Duration::from_secs(30);

/// How soon what waits for another object is looked at again; its appearance is seen at once.
const WAITING_AGAIN: Duration = Duration::from_secs(30);

/// What a reconcile has to say of differences.
pub(super) enum Drift {
    /// It did not compare: what was said before stands.
    AsBefore,
    /// It compared.
    Now(Option<Differences>),
}

/// What a reconcile has to say.
pub(super) struct Report<S> {
    /// The status, its observed part filled in.
    pub status: S,
    /// What Ready is to say.
    pub readiness: Readiness,
    /// What is worth a look.
    pub advisory: Option<Reason>,
    /// What differs and is left so.
    pub drift: Drift,
    /// What waits for a time at which it may be changed.
    pub pending: Box<Advice>,
    /// When the next reconcile is due.
    pub next: Requeue,
    /// Nothing was learnt of what is worth a look: what was said before stands.
    pub keep: bool,
}

impl<S> Report<S> {
    /// Something stands in the way.
    pub fn block(status: S, block: Reason) -> Self {
        let again = if block.needs_person { STALLED_AGAIN } else { WAITING_AGAIN };
        let again = if block.sought { again.min(SOUGHT_AGAIN) } else { again };
        let (readiness, next) = (Readiness::NotReady(block), Requeue::After(again));
        let (drift, pending) = (Drift::AsBefore, Box::new(Advice::AsBefore));
        Self { status, readiness, advisory: None, drift, pending, next, keep: true }
    }

    /// The same, with what differs.
    pub fn with(mut self, drift: Option<Differences>) -> Self {
        self.drift = Drift::Now(drift);
        self
    }

    /// The same, with what is worth a look.
    pub fn advising(mut self, advisory: Option<Reason>) -> Self {
        (self.advisory, self.keep) = (advisory, false);
        self
    }

    /// The same, with what waits.
    pub fn pending(mut self, pending: Option<&Pending>) -> Self {
        *self.pending = Advice::Now(pending.map(|pending| pending.reason.clone()));
        self
    }

    /// The same while the object is being deleted: nothing of that is final.
    pub fn as_deletion(&mut self) {
        if let Readiness::NotReady(reason) = &self.readiness {
            self.readiness = Readiness::NotReady(Reason::new(reasons::DELETION_BLOCKED, reason.message.clone()));
        }
    }
}

/// What a reconcile came to.
pub(super) enum Outcome<S> {
    /// A step was taken or the object moved on: the next reconcile sees what became of it. No status is written.
    Requeue(Requeue),
    /// What Ready is to say, with the observed part of the status filled in.
    Report(Report<S>),
}

/// The longest until the next look while a call of a sequence that is over may still arrive.
fn guarded<K: Kind>(engine: &Engine<K>, status: &CommonStatus) -> Duration {
    let quiet = status.operation.as_ref().is_some_and(|operation| operation.quiet_since().is_some());
    let windows = &engine.settings.windows;
    let late = Duration::try_from(windows.tolerance + windows.lag).ok();
    late.filter(|_| quiet).unwrap_or(Duration::MAX)
}

/// Writes the status if it says something new, and says when the next reconcile is due.
pub(super) async fn write_status<K: Kind>(
    engine: &Engine<K>,
    request: &Request<K::Object>,
    report: Report<Status<K>>,
) -> Requeue {
    let next = match report.next {
        Requeue::After(after) if matches!(report.readiness, Readiness::Ready(_)) => {
            Requeue::After(after.min(engine.next_look(&request.object)))
        }
        Requeue::Rest(after) => {
            let turn = engine.next_look(&request.object);
            Requeue::Rest(after.min(turn).min(guarded(engine, K::Object::common(&report.status))))
        }
        next => next,
    };
    let failed = matches!(report.readiness, Readiness::Failed { .. }).then(|| report.readiness.clone());
    match (write(engine, request, report).await, failed) {
        (Ok(()), _) => next,
        (Err(ClusterError::Conflict(_)), Some(readiness)) => {
            tell_beside(engine, request, readiness).await;
            next
        }
        (Err(ClusterError::Conflict(_)), None) => contended(engine, &request.uid),
        (Err(ClusterError::NotFound(_)), _) => Requeue::OnChange,
        (Err(error), _) => unwritten(engine, request, &error),
    }
}

/// A call failed after its record was written, so the record is newer than what was read: the failure is told
/// beside it, once. Where that does not go either, the next failure tells.
async fn tell_beside<K: Kind>(engine: &Engine<K>, request: &Request<K::Object>, readiness: Readiness) {
    let live = crate::cluster::get::<K::Object>(engine.cluster.as_ref(), &request.name).await;
    let Ok(Some(live)) = live else { return };
    let live =
        Request::new(live, request.name.clone(), &engine.settings.cluster_id, Arc::clone(&request.busy), &request.rank);
    if (&live.uid, live.generation) != (&request.uid, request.generation) {
        return;
    }
    let (status, drift) = (live.status(), Drift::AsBefore);
    let pending = Box::new(Advice::AsBefore);
    let report = Report { status, readiness, advisory: None, drift, pending, next: Requeue::Again, keep: true };
    if let Err(error) = write(engine, &live, report).await {
        tracing::debug!(%error, "the failure is not told yet");
    }
}

async fn write<K: Kind>(
    engine: &Engine<K>,
    request: &Request<K::Object>,
    report: Report<Status<K>>,
) -> Result<(), ClusterError> {
    let Report { mut status, readiness, advisory, drift, pending, next: _, keep } = report;
    let well = !matches!(readiness, Readiness::Failed { .. });
    let old = request.status();
    let own = status.own_conditions();
    let common = K::Object::common_mut(&mut status);
    let advisory = if keep && advisory.is_none() { Advice::AsBefore } else { Advice::Now(advisory) };
    let drifted = match drift {
        Drift::AsBefore => condition::find(&common.conditions, types::DRIFTED).map(|standing| standing.message.clone()),
        Drift::Now(differences) => {
            let (rows, message) = differences.map(|Differences { rows, message }| (rows, message)).unzip();
            common.drift = rows.unwrap_or_default();
            message
        }
    };
    let about = ConditionInputs {
        generation: request.generation,
        observed: common.observed_generation,
        advisory,
        drifted,
        pending: *pending,
        now: engine.settings.env.wall(),
    };
    let (conditions, observed) = status::compute_conditions(&common.conditions, &readiness, &about);
    common.conditions = with_own(conditions, own, about.now);
    common.observed_generation = observed;
    common.last_handled_reconcile_at =
        request.reconcile_requested().cloned().or_else(|| common.last_handled_reconcile_at.take());
    if !old.changed(&status) && (old == status || !refreshes(engine, request)) {
        ended(engine, request, well);
        return Ok(());
    }
    apply(engine, &request.object, &status).await?;
    ended(engine, request, well);
    // Only now: what could not be written is found again, and would be told again.
    let settled = matches!(readiness, Readiness::Ready(_));
    announce(engine, request, K::Object::common(&old), K::Object::common(&status), settled).await;
    Ok(())
}

/// The conditions with those that are the kind's own.
fn with_own(mut conditions: Vec<Condition>, own: Vec<OwnCondition>, now: Timestamp) -> Vec<Condition> {
    for OwnCondition { r#type, told } in own {
        let Some((holds, Reason { code: reason, message, .. }, observed_generation)) = told else {
            condition::remove(&mut conditions, r#type);
            continue;
        };
        let truth = if holds { ConditionStatus::True } else { ConditionStatus::False };
        condition::set(&mut conditions, NewCondition { r#type, truth, reason, message, observed_generation }, now);
    }
    conditions
}

/// Whether what is no reason to write may be written all the same: once per resync, where nothing else is.
fn refreshes<K: Kind>(engine: &Engine<K>, request: &Request<K::Object>) -> bool {
    // A process that has just started does not know when; restarts must not put it off for ever.
    let written = engine.memories.read(&request.uid, |memory| memory.written);
    let resync = engine.resync(&request.object).mul_f64(SHORTEST);
    written.is_none_or(|written| written.elapsed() >= resync)
}

/// Applies the whole status of an object, on the version of it that was read.
///
/// # Errors
/// `Conflict` where the object has changed since.
pub async fn apply<K: Kind>(
    engine: &Engine<K>,
    object: &K::Object,
    status: &Status<K>,
) -> Result<K::Object, ClusterError> {
    let meta = object.meta();
    let name = Name::from(meta);
    let version = meta.resource_version.clone().unwrap_or_default();
    let value =
        serde_json::to_value(status).map_err(|error| ClusterError::Invalid(name.to_string(), error.to_string()))?;
    let written = engine.cluster.apply_status(&engine.resource, &name, &version, value).await;
    let uid = meta.uid.clone().unwrap_or_default();
    let stored = went_through(engine, &uid, &name, written)?;
    engine.memories.change(&uid, |memory| {
        if stored.meta().resource_version != meta.resource_version {
            // What changed nothing was no progress: who lags behind is still asked ever more rarely.
            memory.conflicts = 0;
        }
        memory.written = Some(Instant::now());
        // Should another id stand there again at the next look, it begins anew.
        memory.looks_at(status.id());
    });
    Ok(stored)
}

/// The object as a write of ours left it. From now on the watch has to show that; where the write did not go through,
/// or nobody knows whether it did, the next reconcile reads live.
pub(super) fn went_through<K: Kind>(
    engine: &Engine<K>,
    uid: &str,
    name: &Name,
    written: Result<Value, ClusterError>,
) -> Result<K::Object, ClusterError> {
    let stored = written.and_then(|stored| crate::cluster::decode::<K::Object>(name, &stored));
    engine.memories.change(uid, |memory| match &stored {
        Ok(stored) => memory.knows(stored.meta().resource_version.as_deref()),
        Err(_) => memory.is_behind(),
    });
    stored
}

/// Publishes an Event about the object.
pub(super) async fn emit_event<K: Kind>(
    engine: &Engine<K>,
    request: &Request<K::Object>,
    warning: bool,
    reason: &str,
    message: String,
) {
    publish(engine, request, EventNote { warning, reason: reason.to_owned(), message }).await;
}

pub(super) async fn publish<K: Kind>(engine: &Engine<K>, request: &Request<K::Object>, note: EventNote) {
    let Ok(object) = serde_json::to_value(&request.object) else { return };
    engine.cluster.publish(&engine.resource, &object, note).await;
}

/// Events on what a status newly says: of Ready, and that what AWS had lost is there again.
async fn announce<K: Kind>(
    engine: &Engine<K>,
    request: &Request<K::Object>,
    old: &CommonStatus,
    new: &CommonStatus,
    settled: bool,
) {
    let stalled = |status: &CommonStatus| {
        condition::find(&status.conditions, types::STALLED).filter(|stalled| stalled.status == "True").cloned()
    };
    if let (None, Some(stalled)) = (stalled(old), stalled(new)) {
        tracing::warn!(reason = stalled.reason, error = stalled.message, "stalled: a person must act");
    }
    for news in [events::news(old, new), events::advice(old, new)].into_iter().flatten() {
        publish(engine, request, news).await;
    }
    if settled && engine.memories.change(&request.uid, |memory| std::mem::take(&mut memory.lost)) {
        let message = "AWS had lost it; it was made again from the spec".to_owned();
        emit_event(engine, request, true, reasons::RECREATED, message).await;
    }
}

/// The reconcile has said what there was to say. One that could not has failed, however well it went.
fn ended<K: Kind>(engine: &Engine<K>, request: &Request<K::Object>, well: bool) {
    if well {
        engine.memories.change(&request.uid, Memory::succeeded);
    }
}

/// Somebody wrote in between: look again, at once the first time. More than that is a crowd, or a read that lags
/// behind, and gets slower.
pub(super) fn contended<K: Kind>(engine: &Engine<K>, uid: &str) -> Requeue {
    let conflicts = engine.memories.change(uid, |memory| {
        memory.conflicts += 1;
        memory.conflicts
    });
    if conflicts == 1 {
        return Requeue::Again;
    }
    let delay = backoff::delay(backoff::ErrorClass::Transient, conflicts - 1, None, engine.settings.env.fraction());
    Requeue::After(delay.min(CONTENDED_MAX))
}

/// Counts a reconcile that failed, and answers how often in a row and since when. Each reason is a warning once.
pub(super) fn failed<K: Kind>(engine: &Engine<K>, uid: &str, reason: &'static str, error: &str) -> (u32, Instant) {
    let (said, failed) = engine
        .memories
        .change(uid, |memory| (memory.warned.replace(reason) == Some(reason), memory.failed(Instant::now())));
    if said {
        tracing::debug!(reason, error, "reconcile failed again");
    } else {
        tracing::warn!(reason, error, "reconcile failed");
    }
    failed
}

fn unwritten<K: Kind>(engine: &Engine<K>, request: &Request<K::Object>, error: &ClusterError) -> Requeue {
    let message = format!("the status could not be written: {error}");
    let (failures, _) = failed(engine, &request.uid, backoff::cluster_reason(error), &message);
    Requeue::After(backoff::cluster_delay(error, failures, engine.settings.env.fraction()))
}
