//! Taking the step that was decided: the effects, one each.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::create;
use super::decide::{Identified, Step};
use super::kind::{Block, Kind, Place, Plan, Trouble};
use super::mutate;
use super::pass::{End, Engine, Next, POLL, Scene, Status, Subject};
use super::record::Record;
use super::refusals::holdable;
use super::report::Report;
use super::status::Verdict;
use crate::api::condition::reasons;
use crate::api::status::{Applied, CreatePhase};
use crate::api::{self, Managed};
use crate::aws::types::Tags;
use crate::aws::{FaultKind, Mutation};
use crate::cluster::ClusterError;

/// Shortest and longest wait for a time that AWS's clock sets.
pub(super) const WAIT_MIN: Duration = Duration::from_secs(1);
const WAIT_MAX: Duration = Duration::from_mins(1);

impl<K: Kind> Engine<K> {
    pub(super) async fn take(self: &Arc<Self>, scene: &Scene<'_, K>, step: Step) -> Result<End<Status<K>>, Trouble> {
        let subject = scene.subject;
        match step {
            Step::Done | Step::LookUp => Ok(End::Next(Next::OnChange)),
            Step::Hold => Ok(self.hold(scene)),
            Step::Record(phase) => self.record(scene, phase).await,
            Step::Finalize => self.finalize(subject, true).await,
            Step::Claim(id) => self.claim(scene, &id).await,
            Step::Create => self.try_create(scene).await,
            Step::Apply => self.apply_plan(scene).await,
            Step::Report => Ok(self.observe(scene)),
            Step::Delete(ids) => self.delete(scene, &ids).await,
            Step::Stamp(ids) => self.stamp(scene, &ids).await,
            Step::Release(warning) => self.release(subject, warning).await,
            Step::Wait { reason, message, until } => Ok(self.wait(scene, reason, message, until)),
            Step::Stall { reason, message } => {
                Ok(End::Tell(Report::block(subject.status(), Block::stalled(reason, message))))
            }
        }
    }

    /// Nothing may be done: say why.
    fn hold(&self, scene: &Scene<'_, K>) -> End<Status<K>> {
        let blocks = scene.wanted.map_or(&[][..], |wanted| &wanted.blocks);
        if let Some(block) = combined(blocks) {
            return End::Tell(Report::block(scene.subject.status(), block));
        }
        if scene.subject.object.suspend() {
            return self.suspended(scene);
        }
        let message = "the server is not there (yet)";
        End::Tell(Report::block(scene.subject.status(), Block::waiting(reasons::SERVER_NOT_AVAILABLE, message)))
    }

    fn suspended(&self, scene: &Scene<'_, K>) -> End<Status<K>> {
        let next = Next::After(self.settings.jittered_resync());
        End::Tell(Report { status: self.seen(scene), verdict: Verdict::Suspended, advisory: None, next, keep: true })
    }

    async fn record(&self, scene: &Scene<'_, K>, phase: CreatePhase) -> Result<End<Status<K>>, Trouble> {
        let subject = scene.subject;
        let record = Record { uid: subject.uid.clone(), phase, attempt: None, started_at: scene.now };
        let mut status = subject.status();
        if K::IDENTIFIED == Identified::ByTags {
            // Whatever id stands there is no record of ours; the tags lead back to what is.
            self.kind.set_id(&mut status, scene.place, None);
        }
        place_in::<K>(&mut status, scene.place);
        let (account, region) = (&scene.place.account.id, &scene.place.account.region);
        let old = K::Object::common(&status).create.as_ref();
        let hash = old.and_then(|old| old.spec_hash.clone()).unwrap_or_default();
        K::Object::common_mut(&mut status).create = Some(record.write(account, region, &hash));
        self.apply(&subject.object, &status).await?;
        Ok(End::Next(Next::Again))
    }

    /// Step 5: the attempt, with what will have been applied. `false` where the object moved on.
    ///
    /// # Errors
    /// Trouble with the API server.
    pub(super) async fn write_attempt(
        &self,
        subject: &Subject<K::Object>,
        place: &Place<K::Detail>,
        record: &Record,
        applied: &Applied,
    ) -> Result<bool, Trouble> {
        let mut status = subject.status();
        place_in::<K>(&mut status, place);
        let common = K::Object::common_mut(&mut status);
        let hash = super::digest::hash(&subject.object.spec_json().to_string());
        common.create = Some(record.write(&place.account.id, &place.account.region, &hash));
        common.applied = Some(applied.clone());
        match self.apply(&subject.object, &status).await {
            Ok(_) => Ok(true),
            // The client repeats a write whose answer was lost: our own attempt may stand there all the same.
            Err(ClusterError::Conflict(_)) => self.attempt_stands(subject, record).await,
            Err(error) => Err(error.into()),
        }
    }

    async fn attempt_stands(&self, subject: &Subject<K::Object>, record: &Record) -> Result<bool, Trouble> {
        let live = crate::cluster::get::<K::Object>(self.cluster.as_ref(), &subject.name).await?;
        Ok(live.is_some_and(|live| {
            mutate::version_of(&live).0 == subject.uid
                && live.status().is_some_and(|status| {
                    K::Object::common(status)
                        .create
                        .as_ref()
                        .is_some_and(|stored| stored.attempt == record.attempt && stored.phase == CreatePhase::InFlight)
                })
        }))
    }

    async fn finalize(&self, subject: &Subject<K::Object>, present: bool) -> Result<End<Status<K>>, Trouble> {
        self.cluster
            .set_finalizer(&self.resource, &subject.name, &subject.uid, &subject.resource_version, present)
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
        tracing::info!(object = %scene.subject.name, %id, "found by its owner tags");
        Ok(End::Next(Next::Again))
    }

    async fn try_create(self: &Arc<Self>, scene: &Scene<'_, K>) -> Result<End<Status<K>>, Trouble> {
        let Some(wanted) = scene.wanted else { return Ok(End::Next(Next::Again)) };
        let subject = scene.subject;
        // The attempt differs each time, so the digest is taken without it.
        let digest = mutate::digest(&self.kind.create(&subject.object, scene.place, wanted, &Tags::new()));
        if let Some(hold) = self.held(subject, &digest) {
            return Ok(self.refused(scene, &[hold]));
        }
        match create::create(self, subject, scene.place, wanted).await {
            Ok(next) => {
                self.memories.change(&subject.uid, |memory| memory.holds.remove(&digest));
                Ok(End::Next(next))
            }
            Err(Trouble::Aws(fault)) if fault.kind.proves_nothing_made() && holdable(&fault) => {
                self.remember(subject, digest, fault);
                Ok(End::Next(Next::Again))
            }
            Err(trouble) => Err(trouble),
        }
    }

    /// Sends the first call of the plan that AWS did not refuse before.
    async fn apply_plan(&self, scene: &Scene<'_, K>) -> Result<End<Status<K>>, Trouble> {
        let (Some(wanted), Some(have)) = (scene.wanted, scene.have) else { return Ok(End::Next(Next::Again)) };
        let subject = scene.subject;
        let mut plan = self.kind.plan(&subject.object, scene.place, wanted, have, &subject.owner);
        if subject.object.suspend() {
            return Ok(self.suspended(scene));
        }
        let mut holds = Vec::new();
        for call in std::mem::take(&mut plan.calls) {
            let digest = mutate::digest(&call);
            if self.accepted_lately(subject, &digest) {
                let message = format!("AWS accepted {} and does not show it yet", call.operation());
                plan.busy = plan.busy.or((!plan.unseen).then_some((reasons::UPDATING, message)));
                continue;
            }
            if let Some(hold) = self.held(subject, &digest) {
                holds.push(hold);
                continue;
            }
            if self.remember_applied(scene, &wanted.applied).await? {
                return Ok(End::Next(Next::Again));
            }
            return self.send(scene, digest, call, &plan).await;
        }
        let mut blocks = wanted.blocks.clone();
        blocks.extend(plan.blocks);
        if let Some(block) = combined(&blocks) {
            return Ok(End::Tell(Report::block(self.seen(scene), block)));
        }
        if !holds.is_empty() {
            return Ok(self.refused(scene, &holds));
        }
        Ok(self.settled(scene, plan.busy))
    }

    async fn send(
        &self,
        scene: &Scene<'_, K>,
        digest: String,
        call: Mutation,
        plan: &Plan,
    ) -> Result<End<Status<K>>, Trouble> {
        let subject = scene.subject;
        let operation = call.operation();
        match mutate::mutate(self, subject, &scene.place.account, call).await {
            Ok(None) => Ok(End::Next(Next::Again)),
            Ok(Some(_)) => {
                self.memories.change(&subject.uid, |memory| {
                    memory.holds.remove(&digest);
                    memory.accepted.retain(|_, at| at.elapsed() < POLL);
                    memory.accepted.insert(digest, Instant::now());
                });
                let paths: Vec<&str> = plan.changes.iter().map(|change| change.path.as_str()).take(20).collect();
                let about = if paths.is_empty() { String::new() } else { format!(" ({})", paths.join(", ")) };
                self.note(subject, false, reasons::UPDATING, format!("{operation} accepted by AWS{about}")).await;
                Ok(End::Next(Next::Again))
            }
            Err(Trouble::Aws(fault)) if holdable(&fault) => {
                self.remember(subject, digest, fault);
                Ok(End::Next(Next::Again))
            }
            Err(trouble) => Err(trouble),
        }
    }

    /// Writes down what is about to be applied before it is, so that leaving the spec later clears it. `true` where
    /// this was a step of its own.
    async fn remember_applied(&self, scene: &Scene<'_, K>, wanted: &Applied) -> Result<bool, Trouble> {
        let mut status = scene.subject.status();
        let common = K::Object::common_mut(&mut status);
        let merged = union(common.applied.clone().unwrap_or_default(), wanted);
        if common.applied.as_ref() == Some(&merged) {
            return Ok(false);
        }
        common.applied = Some(merged);
        self.apply(&scene.subject.object, &status).await?;
        Ok(true)
    }

    fn settled(&self, scene: &Scene<'_, K>, busy: Option<(&'static str, String)>) -> End<Status<K>> {
        let (Some(wanted), Some(have)) = (scene.wanted, scene.have) else { return End::Next(Next::Again) };
        let mut status = self.seen(scene);
        let common = K::Object::common_mut(&mut status);
        if busy.is_none() {
            // Only now: while AWS's answer lags, a reset that it does not show yet must not be forgotten.
            common.applied = Some(wanted.applied.clone());
        }
        confirm(common, scene);
        let advisory = self.kind.advisory(wanted, have, scene.now);
        if let Some((reason, message)) = busy {
            let verdict = Verdict::Waiting { reason, message };
            return End::Tell(Report { status, verdict, advisory, next: Next::After(POLL), keep: false });
        }
        let (reason, message) = self.kind.settled(have);
        let change = wanted.changes_at.map(|at| between(scene.now, at));
        let next = change.map_or(self.settings.resync, |change| change.min(self.settings.resync));
        let verdict = Verdict::Settled { reason, message };
        End::Tell(Report { status, verdict, advisory, next: Next::After(next), keep: false })
    }

    /// Looked at only.
    fn observe(&self, scene: &Scene<'_, K>) -> End<Status<K>> {
        let status = self.seen(scene);
        let Some(have) = scene.have else {
            let block = Block::waiting(reasons::OBSERVED, "ObserveOnly: AWS does not have it");
            return End::Tell(Report::block(status, block));
        };
        let message = format!("ObserveOnly: {}", self.kind.settled(have).1);
        let verdict = Verdict::Settled { reason: reasons::OBSERVED, message };
        End::Tell(Report { status, verdict, advisory: None, next: Next::After(self.settings.resync), keep: false })
    }

    async fn delete(&self, scene: &Scene<'_, K>, ids: &[String]) -> Result<End<Status<K>>, Trouble> {
        let (subject, id) = (scene.subject, ids.first().map(String::as_str));
        if let Some(blocker) = self.kind.blocker(&subject.object, scene.place, id).await? {
            let mut report = Report::block(self.seen(scene), Block::waiting(reasons::DELETION_BLOCKED, blocker));
            report.next = Next::After(POLL);
            return Ok(End::Tell(report));
        }
        let call = self.kind.delete(&subject.object, scene.place, id);
        let outcome = mutate::mutate(self, subject, &scene.place.account, call).await;
        match outcome {
            Ok(None) => {}
            Ok(Some(_)) => {
                let done = id.unwrap_or_default().to_owned();
                self.memories.change(&subject.uid, |memory| memory.deleted.insert(done));
                self.note(subject, false, reasons::DELETING, "AWS accepted the deletion".to_owned()).await;
            }
            Err(Trouble::Aws(fault)) if fault.kind == FaultKind::NotFound => {}
            Err(trouble) => return Err(trouble),
        }
        Ok(End::Next(Next::Again))
    }

    /// `deletionPolicy: Retain`: says where it comes from, then takes our claim off, then lets the object go.
    async fn stamp(&self, scene: &Scene<'_, K>, ids: &[String]) -> Result<End<Status<K>>, Trouble> {
        let subject = scene.subject;
        let keys: Vec<Option<&str>> =
            if ids.is_empty() { vec![None] } else { ids.iter().map(|id| Some(id.as_str())).collect() };
        for id in keys {
            let Some(arn) = self.kind.arn(&subject.object, scene.place, id) else { continue };
            let tags = Tags::from([
                (api::TAG_RETAINED_FROM.to_owned(), subject.owner.name.clone()),
                (api::TAG_RETAINED_AT.to_owned(), scene.now.to_string()),
            ]);
            let strip = vec![api::TAG_UID.to_owned(), api::TAG_ATTEMPT.to_owned()];
            let calls =
                [Mutation::TagResource { arn: arn.clone(), tags }, Mutation::UntagResource { arn, keys: strip }];
            for call in calls {
                if mutate::mutate(self, subject, &scene.place.account, call).await?.is_none() {
                    return Ok(End::Next(Next::Again));
                }
            }
        }
        self.release(subject, None).await
    }

    pub(super) async fn release(
        &self,
        subject: &Subject<K::Object>,
        warning: Option<String>,
    ) -> Result<End<Status<K>>, Trouble> {
        if let Some(warning) = warning {
            self.note(subject, true, reasons::OWNERSHIP_LOST, warning).await;
        }
        self.finalize(subject, false).await?;
        self.memories.forget(&subject.uid);
        Ok(End::Next(Next::OnChange))
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

/// Where it lives, as status keeps it.
fn place_in<K: Kind>(status: &mut Status<K>, place: &Place<K::Detail>) {
    let common = K::Object::common_mut(status);
    common.account_id = Some(place.account.id.clone());
    common.region = Some(place.account.region.clone());
    common.aws_identity = Some(place.identity.clone());
}

/// Several blocks as one: the first that needs a person, all messages.
fn combined(blocks: &[Block]) -> Option<Block> {
    let first = blocks.iter().find(|block| block.stalled).or_else(|| blocks.first())?;
    let mut messages: Vec<&str> = Vec::new();
    for block in std::iter::once(first).chain(blocks) {
        if !messages.contains(&block.message.as_str()) {
            messages.push(&block.message);
        }
    }
    Some(Block { reason: first.reason, message: messages.join("; "), stalled: first.stalled })
}

/// An object that was seen in AWS as ours is confirmed; the time of its create is kept for late calls.
fn confirm<K: Kind>(common: &mut crate::api::CommonStatus, scene: &Scene<'_, K>) {
    match &mut common.create {
        Some(record) if record.uid == scene.subject.uid => record.phase = CreatePhase::None,
        other => {
            let (account, region) = (&scene.place.account.id, &scene.place.account.region);
            let record = Record {
                uid: scene.subject.uid.clone(),
                phase: CreatePhase::None,
                attempt: None,
                started_at: scene.now,
            };
            *other = Some(record.write(account, region, ""));
        }
    }
}

fn union(mut old: Applied, new: &Applied) -> Applied {
    let Applied { paths, tags, hashes } = new;
    let merge = |into: &mut Vec<String>, from: &[String]| {
        into.extend(from.iter().cloned());
        into.sort();
        into.dedup();
    };
    merge(&mut old.paths, paths);
    merge(&mut old.tags, tags);
    for (path, hash) in hashes {
        old.hashes.entry(path.clone()).or_insert_with(|| hash.clone());
    }
    old
}

fn between(now: Timestamp, then: Timestamp) -> Duration {
    let span: SignedDuration = then.duration_since(now);
    Duration::try_from(span).unwrap_or(WAIT_MIN)
}
