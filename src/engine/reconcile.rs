//! One reconcile over one object: find its place, look, decide one step, take it, say where it stands.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use super::backoff;
use super::context::{Engine, ReconcileContext, Request, Requeue, Status};
use super::decide::Identity;
use super::kind::{Described, Kind, ReconcileError, Target, Wanted};
use super::memory::Memory;
use super::observe::{observes, pending};
use super::reason::Reason;
use super::report::{Drift, Outcome, Report};
use super::status::{Readiness, STALENESS_BUDGET};
use super::undecodable;
use crate::api::Managed;
use crate::api::common::DeletionPolicy;
use crate::api::condition::reasons;
use crate::api::status::CreatePhase;
use crate::cluster::{self, ClusterError, Name};

/// How soon to read again where the API server answered with what is older than what it had answered before.
const STALE_READ: Duration = Duration::from_secs(1);

/// How soon to come back while a call of an earlier reconcile is still running.
const STILL_BUSY: Duration = Duration::from_secs(1);

/// How soon to come back to an object that the watch has and the API server has not, or not yet. Once the watch has it
/// no more either, nobody comes back.
const UNSEEN_AGAIN: Duration = Duration::from_secs(10);

/// One reconcile over the object that was queued under this name and uid.
pub async fn reconcile<K: Kind>(engine: &Arc<Engine<K>>, name: &Name, uid: &str) -> Requeue {
    let Some(busy) = engine.memories.enter(uid) else { return Requeue::After(STILL_BUSY) };
    let mut running = engine.counters.begin();
    let stored = match engine.cluster.get(&engine.resource, name).await {
        Ok(Some(stored)) => stored,
        Ok(None) => {
            running.ends("step");
            engine.memories.forget(uid);
            return Requeue::After(UNSEEN_AGAIN);
        }
        Err(error) => {
            running.ends("failed");
            return engine.unreadable(uid, &error);
        }
    };
    let object = match cluster::decode(name, &stored) {
        Ok(object) => object,
        Err(error) => {
            running.ends("failed");
            return engine.undecodable(uid, &stored, &error).await;
        }
    };
    let request = Request::new(object, name.clone(), &engine.settings.cluster_id, busy);
    if request.uid != uid {
        // The queue holds a former object of this name, or an API server that lags behind answers with it.
        running.ends("step");
        engine.memories.forget(uid);
        return Requeue::After(UNSEEN_AGAIN);
    }
    let end = if engine.memories.change(uid, Memory::begins) {
        engine.converge(&request).await.unwrap_or_else(|trouble| engine.failed_with(&request, &trouble))
    } else {
        engine.unended(&request)
    };
    engine.memories.ended(uid);
    match end {
        Outcome::Requeue(next) => {
            running.ends("step");
            next
        }
        Outcome::Report(report) => {
            running.ends(report.verdict.name());
            engine.write_status(&request, report).await
        }
    }
}

impl<K: Kind> Engine<K> {
    async fn converge(self: &Arc<Self>, request: &Request<K::Object>) -> Result<Outcome<Status<K>>, ReconcileError> {
        if !self.memories.change(&request.uid, |memory| memory.reads(request.generation, Instant::now())) {
            tracing::info!("read an older generation than before; reading again");
            return Ok(Outcome::Requeue(Requeue::After(STALE_READ)));
        }
        if request.deleting() && !request.finalizer() {
            self.memories.forget(&request.uid);
            return Ok(Outcome::Requeue(Requeue::OnChange));
        }
        let target = match self.kind.resolve(&request.object).await {
            Ok(target) => target,
            Err(ReconcileError::NotReady(block)) => return self.unresolved(request, block).await,
            Err(trouble) => return Err(trouble),
        };
        if let Some(block) = &target.denied
            && let Some(end) = self.denied(request, block).await?
        {
            return Ok(end);
        }
        let now = target.account.now().await?;
        let wanted = self.wanted(request, &target, now).await?;
        self.note_changes(request, &target, wanted.as_ref(), now);
        // Only an edit can have taken a key away: who wrote nothing is not looked at.
        if let Some(block) = self.kind.unproven(&target)
            && !request.deleting()
            && (observes(&request.object) || !pending::<K>(request, wanted.as_ref()))
        {
            return Ok(Outcome::Report(Report::block(request.status(), block.clone())));
        }
        let look = self.describe(request, &target).await?;
        let sight = self.sight(request, &look, now);
        let have = match &look {
            Described::Found(have) => Some(have),
            Described::NoKey | Described::Missing | Described::ParentMissing => None,
        };
        let context = ReconcileContext { request, target: &target, wanted: wanted.as_ref(), have, now };
        let step = self.decide(&context, &sight).await?;
        tracing::debug!(?sight, %step, "decided");
        let mut end = self.act(&context, step).await?;
        if let Outcome::Report(report) = &mut end
            && request.deleting()
            && matches!(look, Described::Missing)
        {
            self.kind.vanished(&mut report.status);
            // Nothing is left that could differ.
            report.drift = Drift::Now(None);
        }
        Ok(end)
    }

    /// The grant was withdrawn: nothing is changed any more. Only deletion of what is ours goes on, and what stays in
    /// AWS on purpose is let go without a call.
    async fn denied(
        &self,
        request: &Request<K::Object>,
        block: &Reason,
    ) -> Result<Option<Outcome<Status<K>>>, ReconcileError> {
        let policies = request.object.policies();
        if !request.deleting() {
            return Ok(Some(Outcome::Report(Report::block(request.status(), block.clone()))));
        }
        if policies.deletion != DeletionPolicy::Retain || policies.protected {
            return Ok(None);
        }
        let warning = "the grant was withdrawn: it stays in AWS, with the owner tags".to_owned();
        self.remove_finalizer(request, Some(warning)).await.map(Some)
    }

    /// The place cannot be told. What is left in AWS on purpose, and what never got there, needs none to go.
    async fn unresolved(
        &self,
        request: &Request<K::Object>,
        block: Reason,
    ) -> Result<Outcome<Status<K>>, ReconcileError> {
        let retained = request.object.policies().deletion == DeletionPolicy::Retain;
        if request.deleting() && !request.object.policies().protected && (retained || self.never_sent(request)) {
            return self.remove_finalizer(request, None).await;
        }
        Ok(nowhere::<K>(request, block))
    }

    /// Whether the records prove that nothing was ever sent for this object, or that AWS refused it.
    fn never_sent(&self, request: &Request<K::Object>) -> bool {
        let status = request.status();
        let record = K::Object::common(&status).create.as_ref().filter(|record| record.uid == request.uid);
        let refused = record.is_some_and(|record| record.phase == CreatePhase::Rejected);
        let unsent = record.is_some_and(|record| record.phase == CreatePhase::None && record.attempt.is_none());
        // A user's finalizer is its record: without another one, a create may have been sent.
        !self.kind.confirmed(&status) && (refused || (unsent && K::IDENTITY != Identity::Keyed))
    }

    async fn wanted(
        &self,
        request: &Request<K::Object>,
        target: &Target<K::TargetDetail>,
        now: Timestamp,
    ) -> Result<Option<Wanted<K::Want>>, ReconcileError> {
        // Deletion asks for less than an update: a spec that is wrong must not hold it up.
        if request.deleting() {
            return Ok(None);
        }
        self.kind.want(&request.object, target, now).await.map(Some)
    }

    fn unreadable(&self, uid: &str, error: &ClusterError) -> Requeue {
        let (failures, _) = self.failed(uid, backoff::cluster_reason(error), &error.to_string());
        Requeue::After(backoff::cluster_delay(error, failures, self.settings.env.fraction()))
    }

    async fn undecodable(&self, uid: &str, stored: &Value, error: &ClusterError) -> Requeue {
        if stored.pointer("/metadata/uid").and_then(Value::as_str) != Some(uid) {
            self.memories.forget(uid);
            return Requeue::OnChange;
        }
        let message = error.to_string();
        let said = self.memories.change(uid, |memory| memory.undecodable.replace(message.clone()) == Some(message));
        let now = self.settings.env.wall();
        undecodable::tell(self.cluster.as_ref(), &self.resource, stored, error, said, now).await
    }

    /// The reconcile before this one never ended. That is a failure like any other, and said as one.
    fn unended(&self, request: &Request<K::Object>) -> Outcome<Status<K>> {
        let now = Instant::now();
        let (_, since) = self.memories.change(&request.uid, |memory| memory.failed(now));
        let message =
            "a reconcile over this object ran out of time or panicked; the log of the operator says more".to_owned();
        let lasted = now.duration_since(since);
        Outcome::Report(Report {
            status: request.status(),
            verdict: Readiness::Failed { reason: Reason::new(reasons::INTERNAL_ERROR, message), lasted },
            advisory: None,
            drift: Drift::AsBefore,
            next: Requeue::Again,
            keep: true,
        })
    }

    /// Trouble becomes a verdict: how long it lasts decides what is said.
    pub(super) fn failed_with(&self, request: &Request<K::Object>, trouble: &ReconcileError) -> Outcome<Status<K>> {
        let (class, code, asked) = match trouble {
            // Somebody wrote in between: nothing is wrong, look again.
            ReconcileError::Cluster(ClusterError::Conflict(_)) => {
                return Outcome::Requeue(self.contended(&request.uid));
            }
            ReconcileError::NotReady(block) => return nowhere::<K>(request, block.clone()),
            ReconcileError::Aws(fault) => (backoff::class(fault), backoff::reason(fault), fault.retry_after),
            ReconcileError::Cluster(error) => (backoff::cluster_class(error), backoff::cluster_reason(error), None),
        };
        let message = trouble.to_string();
        let (failures, since) = self.failed(&request.uid, code, &message);
        let lasted = since.elapsed();
        let (fraction, grace) = (self.settings.env.fraction(), self.settings.rejection_grace);
        let delay = match trouble {
            ReconcileError::Cluster(error) => backoff::cluster_delay(error, failures, fraction),
            ReconcileError::Aws(_) | ReconcileError::NotReady(_) => backoff::delay(class, failures, asked, fraction),
        };
        let needs_person = backoff::stalls(class, lasted, grace);
        // What is to be said by then is said then, however long the wait has become.
        let turns = [backoff::until_stalled(class, lasted, grace), STALENESS_BUDGET.checked_sub(lasted)];
        let delay = turns.into_iter().flatten().filter(|turn| !turn.is_zero()).fold(delay, Duration::min);
        Outcome::Report(Report {
            status: request.status(),
            verdict: Readiness::Failed { reason: Reason { needs_person, ..Reason::new(code, message) }, lasted },
            advisory: None,
            drift: Drift::AsBefore,
            next: Requeue::After(delay),
            keep: true,
        })
    }
}

/// The place cannot be told: an object that is being deleted waits for it, any other says so.
fn nowhere<K: Kind>(request: &Request<K::Object>, block: Reason) -> Outcome<Status<K>> {
    let mut report = Report::block(request.status(), block);
    if request.deleting() {
        report.as_deletion();
    }
    Outcome::Report(report)
}
