//! Taking the step that was decided: the dispatch, and the steps that are a write in Kubernetes or a wait.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::create;
use super::decide::{Identified, Step, whole};
use super::drift::differences;
use super::evidence::Sighting;
use super::kind::{Block, Kind, Trouble, Wanted};
use super::mutate;
use super::recording::place_in;
use super::refusals::{contradicts, holdable};
use super::report::{Drift, End, Report};
use super::scene::{Engine, Next, POLL, Scene, Status, Subject, WAIT_MIN, between};
use super::status::Verdict;
use crate::api::condition::{self, reasons, types};
use crate::api::status::CreatePhase;
use crate::api::{FINALIZER, Managed};
use crate::aws::Tags;

/// Longest wait for a time that AWS's clock sets.
const WAIT_MAX: Duration = Duration::from_mins(1);

/// Stands for an attempt in the record of an access that was taken over.
const ADOPTED: &str = "adopted";

impl<K: Kind> Engine<K> {
    pub(super) async fn take(self: &Arc<Self>, scene: &Scene<'_, K>, step: Step) -> Result<End<Status<K>>, Trouble> {
        let subject = scene.subject;
        match step {
            Step::Done => Ok(End::Next(Next::OnChange)),
            Step::LookUp => Ok(self.looking(scene)),
            Step::Hold => Ok(self.hold(scene)),
            Step::Record(phase) => self.record(scene, phase).await,
            Step::Finalize => self.finalize(subject, true).await,
            Step::Claim(id) => self.claim(scene, &id).await,
            Step::Forget(id) => self.forget(scene, &id).await,
            Step::Abandon(id) => self.abandon(scene, &id).await,
            Step::Adopt(id) => self.adopt(scene, &id).await,
            Step::Create => self.try_create(scene).await,
            Step::Apply => self.apply_plan(scene).await,
            Step::Report => Ok(self.observe(scene)),
            Step::Delete(ids) => self.delete(scene, &ids).await,
            Step::Stamp(ids) => self.stamp(scene, &ids).await,
            Step::Release(warning) => self.release(subject, warning).await,
            Step::Wait { reason, message, until } => Ok(self.wait(scene, reason, message, until)),
            Step::Stall { reason, message, uid_lost } => {
                let message = self.with_commands(scene, message, &uid_lost);
                let mut report = Report::block(subject.status(), Block::stalled(reason, message));
                if reason == reasons::SERVER_GONE {
                    self.kind.vanished(&mut report.status);
                }
                let compared = self.plan(scene).filter(|_| reason == reasons::NOT_IDENTICAL);
                Ok(End::Tell(match compared {
                    Some(plan) => report.with(differences(&plan.changes)),
                    None => report,
                }))
            }
        }
    }

    /// The message, and the command that puts the uid tag back on each of these.
    fn with_commands(&self, scene: &Scene<'_, K>, message: String, ids: &[String]) -> String {
        let Scene { subject, place, .. } = scene;
        let arns = ids.iter().filter_map(|id| self.kind.arn(&subject.object, place, Some(id)));
        let commands: Vec<String> = arns.map(|arn| subject.owner.command(&place.account.region, &arn)).collect();
        if commands.is_empty() { message } else { format!("{message}: {}", commands.join(" or ")) }
    }

    /// Nothing may be done: say why.
    fn hold(&self, scene: &Scene<'_, K>) -> End<Status<K>> {
        if let Some(block) = self.kind.unproven(scene.place) {
            let mut report = Report::block(scene.subject.status(), block.clone());
            if scene.subject.deleting() {
                report.as_deletion();
            }
            return End::Tell(report);
        }
        let blocks: Vec<Block> = scene.wanted.into_iter().flat_map(Wanted::bars).cloned().collect();
        if let Some(block) = Block::combined(&blocks) {
            return End::Tell(Report::block(scene.subject.status(), block));
        }
        if scene.subject.object.suspend() {
            return self.suspended(scene.subject.status(), false);
        }
        let message = "the server is not there (yet)";
        End::Tell(Report::block(scene.subject.status(), Block::waiting(reasons::SERVER_NOT_AVAILABLE, message)))
    }

    /// A look-up takes its time. What was said before stands, unless that was nothing, or that all is well.
    fn looking(&self, scene: &Scene<'_, K>) -> End<Status<K>> {
        let subject = scene.subject;
        let status = subject.status();
        let common = K::Object::common(&status);
        let unwell = condition::find(&common.conditions, types::READY).is_some_and(|ready| ready.status != "True");
        let told = unwell && common.observed_generation == subject.generation;
        if told || self.memories.load(&subject.uid).failures > 0 {
            return End::Next(Next::After(POLL));
        }
        let reason = if subject.deleting() { reasons::DELETING } else { reasons::WAITING_FOR_AWS };
        let message = "looking through all servers of the account for one with this object's owner tags; the rate of \
                       calls, and servers that AWS lists and does not show, make it take long";
        let mut report = Report::block(status, Block::waiting(reason, message));
        report.next = Next::After(POLL);
        End::Tell(report)
    }

    /// Nothing is changed while the spec says so.
    pub(super) fn suspended(&self, status: Status<K>, in_force: bool) -> End<Status<K>> {
        let next = Next::Rest(self.settings.jittered_resync());
        End::Tell(Report {
            status,
            verdict: Verdict::Suspended { in_force },
            advisory: None,
            drift: Drift::AsBefore,
            next,
            keep: true,
        })
    }

    async fn record(&self, scene: &Scene<'_, K>, phase: CreatePhase) -> Result<End<Status<K>>, Trouble> {
        // While a refused create is not due again nothing is sent, and its record goes on saying that nothing was made.
        if K::IDENTIFIED == Identified::ByKey
            && let Some(hold) = self.create_digest(scene).and_then(|digest| self.held(scene.subject, &digest))
        {
            return Ok(self.set_aside(scene, self.seen(scene), hold));
        }
        let mut status = scene.subject.status();
        if K::IDENTIFIED == Identified::ByTags {
            // Whatever id stands there is no record of ours; the tags lead back to what is.
            self.kind.set_id(&mut status, scene.place, None);
        }
        self.write_record(scene, status, phase, None, None).await
    }

    /// Lets go of what AWS no longer has, in one write and before anything is made in its place.
    async fn forget(&self, scene: &Scene<'_, K>, id: &str) -> Result<End<Status<K>>, Trouble> {
        let subject = scene.subject;
        let mut status = subject.status();
        self.kind.set_id(&mut status, scene.place, None);
        K::Object::common_mut(&mut status).applied = None;
        // A user's create is not recorded before it is sent; an access without an attempt is nobody's.
        let phase = if K::IDENTIFIED == Identified::ByKey { CreatePhase::InFlight } else { CreatePhase::None };
        let end = self.write_record(scene, status, phase, None, Some(id)).await?;
        self.memories.change(&subject.uid, |memory| {
            memory.sightings.clear(Sighting::Missing);
            memory.tried = false;
            memory.lost = true;
        });
        let what = if id.is_empty() { "its server".to_owned() } else { format!("server {id}") };
        self.note(subject, true, reasons::SERVER_GONE, format!("AWS no longer has {what}; it is let go")).await;
        Ok(end)
    }

    /// Lets go of a server that stays in AWS and is not ours any more. It is not counted as lost: it may yet be taken over.
    async fn abandon(&self, scene: &Scene<'_, K>, id: &str) -> Result<End<Status<K>>, Trouble> {
        let mut status = scene.subject.status();
        self.kind.set_id(&mut status, scene.place, None);
        K::Object::common_mut(&mut status).applied = None;
        let end = self.write_record(scene, status, CreatePhase::None, None, None).await?;
        let message =
            format!("server {id} carries other owner tags and is let go; spec.lifecycle.adoption names another");
        self.note(scene.subject, true, reasons::OWNERSHIP_LOST, message).await;
        Ok(end)
    }

    /// The record that stands for the tags which AWS does not keep on this kind.
    pub(super) async fn record_adopted(&self, scene: &Scene<'_, K>) -> Result<End<Status<K>>, Trouble> {
        self.write_record(scene, self.seen(scene), CreatePhase::None, Some(ADOPTED.to_owned()), None).await
    }

    pub(super) async fn finalize(
        &self,
        subject: &Subject<K::Object>,
        present: bool,
    ) -> Result<End<Status<K>>, Trouble> {
        self.cluster
            .set_finalizer(&self.resource, &subject.name, &subject.uid, &subject.resource_version, FINALIZER, present)
            .await?;
        Ok(End::Next(Next::Again))
    }

    async fn claim(&self, scene: &Scene<'_, K>, id: &str) -> Result<End<Status<K>>, Trouble> {
        let mut status = scene.subject.status();
        self.kind.set_id(&mut status, scene.place, Some(id));
        place_in::<K>(&mut status, scene.place);
        if let Some(record) = K::Object::common_mut(&mut status).create.as_mut() {
            record.phase = CreatePhase::None;
        }
        self.apply(&scene.subject.object, &status).await?;
        tracing::info!(%id, "found by its owner tags");
        Ok(End::Next(Next::Again))
    }

    async fn try_create(self: &Arc<Self>, scene: &Scene<'_, K>) -> Result<End<Status<K>>, Trouble> {
        let (Some(wanted), Some(digest)) = (scene.wanted, self.create_digest(scene)) else {
            return Ok(End::Next(Next::Again));
        };
        let subject = scene.subject;
        if let Some(until) = self.made_lately(scene) {
            let message = format!("AWS made it and does not show it yet; it is not made again before {}", whole(until));
            let mut report = Report::block(self.seen(scene), Block::waiting(reasons::WAITING_FOR_AWS, message));
            report.next = Next::After(POLL);
            return Ok(End::Tell(report));
        }
        if let Some(hold) = self.held(subject, &digest) {
            return Ok(self.set_aside(scene, self.seen(scene), hold));
        }
        match create::create(self, subject, scene.place, wanted).await {
            Ok(next) => {
                let seen = self.kind.confirmed(&subject.status());
                self.memories.change(&subject.uid, |memory| {
                    memory.holds.remove(&digest);
                    memory.lost |= seen;
                });
                Ok(End::Next(next))
            }
            // It is looked at now. Where AWS then shows something else than it says, its answers differ.
            Err(Trouble::Aws(fault)) if contradicts(&fault) || fault.kind.proves_nothing_made() && holdable(&fault) => {
                self.remember(subject, digest, fault, &[]);
                Ok(End::Next(Next::Again))
            }
            Err(trouble) => Err(trouble),
        }
    }

    /// Until when AWS's answers may lag behind its own word that it made it.
    fn made_lately(&self, scene: &Scene<'_, K>) -> Option<Timestamp> {
        let made = self.memories.load(&scene.subject.uid).made?;
        made.checked_add(self.settings.windows.lag).ok().filter(|until| scene.now < *until)
    }

    /// Digest of the create that is due. The attempt differs each time, so it is taken without.
    fn create_digest(&self, scene: &Scene<'_, K>) -> Option<String> {
        let wanted = scene.wanted?;
        Some(mutate::digest(&self.kind.create(&scene.subject.object, scene.place, wanted, &Tags::new())))
    }

    fn wait(
        &self,
        scene: &Scene<'_, K>,
        reason: &'static str,
        message: String,
        until: Option<Timestamp>,
    ) -> End<Status<K>> {
        let mut report = Report::block(scene.subject.status(), Block::waiting(reason, message));
        // Windows need several looks, so a long one is not slept through.
        let lag = Duration::try_from(self.settings.windows.lag).unwrap_or(WAIT_MAX);
        let pace = (lag / 3).clamp(WAIT_MIN, WAIT_MAX);
        let idle = if reason == reasons::DELETION_PROTECTED { self.settings.jittered_resync() } else { POLL };
        report.next = Next::After(until.map_or(idle, |until| between(scene.now, until).clamp(WAIT_MIN, pace)));
        End::Tell(report)
    }

    /// The status with what this pass saw of an object that is ours (or only observed). What is somebody else's is
    /// never shown.
    pub(super) fn seen(&self, scene: &Scene<'_, K>) -> Status<K> {
        let mut status = scene.subject.status();
        if let Some(have) = scene.have {
            self.kind.observed(&mut status, scene.place, scene.wanted, have);
            place_in::<K>(&mut status, scene.place);
        }
        status
    }
}
