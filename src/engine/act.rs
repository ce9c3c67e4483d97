//! Taking the step that was decided: the dispatch, and the steps that are a write in Kubernetes or a wait.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::consistency::Observation;
use super::context::{Engine, POLL, ReconcileContext, Request, Requeue, Status, WAIT_MIN, between};
use super::create;
use super::decide::{Action, Identity, whole};
use super::drift::differences;
use super::kind::{Kind, ReconcileError, Wanted};
use super::mutate;
use super::reason::Reason;
use super::recording::record_account;
use super::refusals::{contradicts, holdable};
use super::report::{Drift, Outcome, Report};
use super::status::Readiness;
use crate::api::condition::{self, reasons, types};
use crate::api::status::CreatePhase;
use crate::api::{FINALIZER, Managed};
use crate::aws::Tags;

/// Longest wait for a time that AWS's clock sets.
const WAIT_MAX: Duration = Duration::from_mins(1);

/// Stands for an attempt in the record of an access that was taken over.
const ADOPTED: &str = "adopted";

impl<K: Kind> Engine<K> {
    pub(super) async fn act(
        self: &Arc<Self>,
        context: &ReconcileContext<'_, K>,
        step: Action,
    ) -> Result<Outcome<Status<K>>, ReconcileError> {
        let request = context.request;
        match step {
            Action::Done => Ok(Outcome::Requeue(Requeue::OnChange)),
            Action::FindByTags => Ok(self.finding_by_tags(context)),
            Action::NotReady => Ok(self.not_ready(context)),
            Action::WriteCreateRecord(phase) => self.write_create_record(context, phase).await,
            Action::AddFinalizer => self.set_finalizer(request, true).await,
            Action::RecordId(id) => self.record_id(context, &id).await,
            Action::UnlinkGone(id) => self.unlink_gone(context, &id).await,
            Action::UnlinkForeign(id) => self.unlink_foreign(context, &id).await,
            Action::Adopt(id) => self.adopt(context, &id).await,
            Action::Create => self.try_create(context).await,
            Action::Apply => self.apply_plan(context).await,
            Action::ReportDrift => Ok(self.report_drift(context)),
            Action::Delete(ids) => self.delete(context, &ids).await,
            Action::RetainAndUntag(ids) => self.retain_and_untag(context, &ids).await,
            Action::RemoveFinalizer(warning) => self.remove_finalizer(request, warning).await,
            Action::Wait { reason, message, until } => Ok(self.wait(context, reason, message, until)),
            Action::Stall { reason, message, uid_lost } => {
                let message = self.with_commands(context, message, &uid_lost);
                let mut report = Report::block(request.status(), Reason::stalled(reason, message));
                if reason == reasons::SERVER_GONE {
                    self.kind.vanished(&mut report.status);
                }
                let compared = self.plan(context).filter(|_| reason == reasons::NOT_IDENTICAL);
                Ok(Outcome::Report(match compared {
                    Some(plan) => report.with(differences(&plan.changes)),
                    None => report,
                }))
            }
        }
    }

    /// The message, and the command that puts the uid tag back on each of these.
    fn with_commands(&self, context: &ReconcileContext<'_, K>, message: String, ids: &[String]) -> String {
        let ReconcileContext { request, target, .. } = context;
        let arns = ids.iter().filter_map(|id| self.kind.arn(&request.object, target, Some(id)));
        let commands: Vec<String> = arns.map(|arn| request.owner.command(&target.account.region, &arn)).collect();
        if commands.is_empty() { message } else { format!("{message}: {}", commands.join(" or ")) }
    }

    /// Nothing may be done: say why.
    fn not_ready(&self, context: &ReconcileContext<'_, K>) -> Outcome<Status<K>> {
        if let Some(block) = self.kind.unproven(context.target) {
            let mut report = Report::block(context.request.status(), block.clone());
            if context.request.deleting() {
                report.as_deletion();
            }
            return Outcome::Report(report);
        }
        let blocks: Vec<Reason> = context.wanted.into_iter().flat_map(Wanted::bars).cloned().collect();
        if let Some(block) = Reason::combined(&blocks) {
            return Outcome::Report(Report::block(context.request.status(), block));
        }
        if context.request.object.suspend() {
            return self.suspended(context.request.status(), false);
        }
        let message = "the server is not there (yet)";
        Outcome::Report(Report::block(context.request.status(), Reason::new(reasons::SERVER_NOT_AVAILABLE, message)))
    }

    /// A look-up takes its time. What was said before stands, unless that was nothing, or that all is well.
    fn finding_by_tags(&self, context: &ReconcileContext<'_, K>) -> Outcome<Status<K>> {
        let request = context.request;
        let status = request.status();
        let common = K::Object::common(&status);
        let unwell = condition::find(&common.conditions, types::READY).is_some_and(|ready| ready.status != "True");
        let told = unwell && common.observed_generation == request.generation;
        if told || self.memories.load(&request.uid).failures > 0 {
            return Outcome::Requeue(Requeue::After(POLL));
        }
        let reason = if request.deleting() { reasons::DELETING } else { reasons::WAITING_FOR_AWS };
        let message = "looking through all servers of the account for one with this object's owner tags; the rate of \
                       calls, and servers that AWS lists and does not show, make it take long";
        let mut report = Report::block(status, Reason::new(reason, message));
        report.next = Requeue::After(POLL);
        Outcome::Report(report)
    }

    /// Nothing is changed while the spec says so.
    pub(super) fn suspended(&self, status: Status<K>, in_force: bool) -> Outcome<Status<K>> {
        let next = Requeue::Rest(self.settings.jittered_resync());
        Outcome::Report(Report {
            status,
            verdict: Readiness::Suspended { in_force },
            advisory: None,
            drift: Drift::AsBefore,
            next,
            keep: true,
        })
    }

    async fn write_create_record(
        &self,
        context: &ReconcileContext<'_, K>,
        phase: CreatePhase,
    ) -> Result<Outcome<Status<K>>, ReconcileError> {
        // While a refused create is not due again nothing is sent, and its record goes on saying that nothing was made.
        if K::IDENTITY == Identity::Keyed
            && let Some(hold) = self.create_digest(context).and_then(|digest| self.held(context.request, &digest))
        {
            return Ok(self.set_aside(context, self.filled_status(context), hold));
        }
        let mut status = context.request.status();
        if K::IDENTITY == Identity::Tagged {
            // Whatever id stands there is no record of ours; the tags lead back to what is.
            self.kind.set_id(&mut status, context.target, None);
        }
        self.write_record(context, status, phase, None, None).await
    }

    /// Lets go of what AWS no longer has, in one write and before anything is made in its place.
    async fn unlink_gone(
        &self,
        context: &ReconcileContext<'_, K>,
        id: &str,
    ) -> Result<Outcome<Status<K>>, ReconcileError> {
        let request = context.request;
        let mut status = request.status();
        self.kind.set_id(&mut status, context.target, None);
        K::Object::common_mut(&mut status).applied = None;
        // A user's create is not recorded before it is sent; an access without an attempt is nobody's.
        let phase = if K::IDENTITY == Identity::Keyed { CreatePhase::InFlight } else { CreatePhase::None };
        let end = self.write_record(context, status, phase, None, Some(id)).await?;
        self.memories.change(&request.uid, |memory| {
            memory.observations.clear(Observation::Missing);
            memory.create_sent = false;
            memory.lost = true;
        });
        let what = if id.is_empty() { "its server".to_owned() } else { format!("server {id}") };
        self.emit_event(request, true, reasons::SERVER_GONE, format!("AWS no longer has {what}; it is let go")).await;
        Ok(end)
    }

    /// Lets go of a server that stays in AWS and is not ours any more. It is not counted as lost: it may yet be taken
    /// over.
    async fn unlink_foreign(
        &self,
        context: &ReconcileContext<'_, K>,
        id: &str,
    ) -> Result<Outcome<Status<K>>, ReconcileError> {
        let mut status = context.request.status();
        self.kind.set_id(&mut status, context.target, None);
        K::Object::common_mut(&mut status).applied = None;
        let end = self.write_record(context, status, CreatePhase::None, None, None).await?;
        let message =
            format!("server {id} carries other owner tags and is let go; spec.lifecycle.adoption names another");
        self.emit_event(context.request, true, reasons::OWNERSHIP_LOST, message).await;
        Ok(end)
    }

    /// The record that stands for the tags which AWS does not keep on this kind.
    pub(super) async fn record_adopted(
        &self,
        context: &ReconcileContext<'_, K>,
    ) -> Result<Outcome<Status<K>>, ReconcileError> {
        self.write_record(context, self.filled_status(context), CreatePhase::None, Some(ADOPTED.to_owned()), None).await
    }

    pub(super) async fn set_finalizer(
        &self,
        request: &Request<K::Object>,
        present: bool,
    ) -> Result<Outcome<Status<K>>, ReconcileError> {
        self.cluster
            .set_finalizer(&self.resource, &request.name, &request.uid, &request.resource_version, FINALIZER, present)
            .await?;
        Ok(Outcome::Requeue(Requeue::Again))
    }

    async fn record_id(
        &self,
        context: &ReconcileContext<'_, K>,
        id: &str,
    ) -> Result<Outcome<Status<K>>, ReconcileError> {
        let mut status = context.request.status();
        self.kind.set_id(&mut status, context.target, Some(id));
        record_account::<K>(&mut status, context.target);
        if let Some(record) = K::Object::common_mut(&mut status).create.as_mut() {
            record.phase = CreatePhase::None;
        }
        self.apply(&context.request.object, &status).await?;
        tracing::info!(%id, "found by its owner tags");
        Ok(Outcome::Requeue(Requeue::Again))
    }

    async fn try_create(
        self: &Arc<Self>,
        context: &ReconcileContext<'_, K>,
    ) -> Result<Outcome<Status<K>>, ReconcileError> {
        let (Some(wanted), Some(digest)) = (context.wanted, self.create_digest(context)) else {
            return Ok(Outcome::Requeue(Requeue::Again));
        };
        let request = context.request;
        if let Some(until) = self.made_lately(context) {
            let message = format!("AWS made it and does not show it yet; it is not made again before {}", whole(until));
            let mut report = Report::block(self.filled_status(context), Reason::new(reasons::WAITING_FOR_AWS, message));
            report.next = Requeue::After(POLL);
            return Ok(Outcome::Report(report));
        }
        if let Some(hold) = self.held(request, &digest) {
            return Ok(self.set_aside(context, self.filled_status(context), hold));
        }
        match create::create(self, request, context.target, wanted).await {
            Ok(next) => {
                let seen = self.kind.confirmed(&request.status());
                self.memories.change(&request.uid, |memory| {
                    memory.refused_calls.remove(&digest);
                    memory.lost |= seen;
                });
                Ok(Outcome::Requeue(next))
            }
            // It is looked at now. Where AWS then shows something else than it says, its answers differ.
            Err(ReconcileError::Aws(fault))
                if contradicts(&fault) || fault.kind.proves_nothing_made() && holdable(&fault) =>
            {
                self.remember(request, digest, fault, &[]);
                Ok(Outcome::Requeue(Requeue::Again))
            }
            Err(trouble) => Err(trouble),
        }
    }

    /// Until when AWS's answers may lag behind its own word that it made it.
    fn made_lately(&self, context: &ReconcileContext<'_, K>) -> Option<Timestamp> {
        let made = self.memories.load(&context.request.uid).made?;
        made.checked_add(self.settings.windows.lag).ok().filter(|until| context.now < *until)
    }

    /// Digest of the create that is due. The attempt differs each time, so it is taken without.
    fn create_digest(&self, context: &ReconcileContext<'_, K>) -> Option<String> {
        let wanted = context.wanted?;
        Some(mutate::digest(&self.kind.create(&context.request.object, context.target, wanted, &Tags::new())))
    }

    fn wait(
        &self,
        context: &ReconcileContext<'_, K>,
        reason: &'static str,
        message: String,
        until: Option<Timestamp>,
    ) -> Outcome<Status<K>> {
        let mut report = Report::block(context.request.status(), Reason::new(reason, message));
        // Windows need several looks, so a long one is not slept through.
        let lag = Duration::try_from(self.settings.windows.lag).unwrap_or(WAIT_MAX);
        let pace = (lag / 3).clamp(WAIT_MIN, WAIT_MAX);
        let idle = if reason == reasons::DELETION_PROTECTED { self.settings.jittered_resync() } else { POLL };
        report.next = Requeue::After(until.map_or(idle, |until| between(context.now, until).clamp(WAIT_MIN, pace)));
        Outcome::Report(report)
    }

    /// The status with what this reconcile saw of an object that is ours (or only observed). What is somebody else's is
    /// never shown.
    pub(super) fn filled_status(&self, context: &ReconcileContext<'_, K>) -> Status<K> {
        let mut status = context.request.status();
        if let Some(have) = context.have {
            self.kind.fill_status(&mut status, context.target, context.wanted, have);
            record_account::<K>(&mut status, context.target);
        }
        status
    }
}
