//! What is there and ours: compare, and send the next call, or only report.

use super::decide::Identified;
use super::drift::{self, Differences, differences};
use super::kind::{Block, Kind, Plan, PlannedCall, Trouble, Wanted, When};
use super::memory::Hold;
use super::mutate;
use super::observe::{edited, reports_only};
use super::record::Record;
use super::refusals::{by_quota, of_one_call};
use super::report::{Drift, End, Report};
use super::scene::{Engine, Next, POLL, Scene, Status, between};
use super::status::Verdict;
use crate::api::Managed;
use crate::api::common::ManagementPolicy;
use crate::api::condition::reasons;
use crate::api::status::{Applied, CreatePhase};
use crate::aws::{Fault, FaultKind, Mutation};

/// How many paths an Event names.
const NAMED: usize = 20;

impl<K: Kind> Engine<K> {
    /// Compares what is wanted with what was seen, where both are known.
    pub(super) fn plan(&self, scene: &Scene<'_, K>) -> Option<Plan> {
        let (wanted, have) = (scene.wanted?, scene.have?);
        let subject = scene.subject;
        Some(self.kind.plan(&subject.object, scene.place, wanted, have, &subject.owner))
    }

    /// Sends the first call of the plan that AWS did not refuse before.
    pub(super) async fn apply_plan(&self, scene: &Scene<'_, K>) -> Result<End<Status<K>>, Trouble> {
        let (Some(wanted), Some(mut plan)) = (scene.wanted, self.plan(scene)) else {
            return Ok(End::Next(Next::Again));
        };
        let subject = scene.subject;
        if subject.object.suspend() {
            return Ok(self.suspended(self.seen(scene)));
        }
        let left = differences(&plan.changes);
        if reports_only(scene) {
            return Ok(match Block::combined(&wanted.blocks) {
                Some(block) => End::Tell(Report::block(self.seen(scene), block).with(left)),
                None => self.settled(scene, plan.busy, left),
            });
        }
        let mut holds: Vec<Hold> = Vec::new();
        for call in std::mem::take(&mut plan.calls) {
            if call.when == When::AfterQuotaRefusal && !holds.iter().any(|hold| by_quota(&hold.fault)) {
                continue;
            }
            let digest = mutate::digest(&call.mutation);
            if self.accepted_lately(subject, &digest) {
                let wait = || (reasons::UPDATING, not_shown_yet(&call.mutation));
                plan.busy = plan.busy.or_else(|| (!plan.unseen).then(wait));
                continue;
            }
            if let Some(hold) = self.held(subject, &digest) {
                holds.push(hold);
                continue;
            }
            if self.remember_applied(scene, wanted).await? {
                return Ok(End::Next(Next::Again));
            }
            return self.send(scene, digest, call).await;
        }
        let mut blocks = wanted.blocks.clone();
        blocks.extend(plan.blocks);
        if let Some(block) = Block::combined(&blocks) {
            return Ok(End::Tell(Report::block(self.seen(scene), block).with(left)));
        }
        if !holds.is_empty() {
            return Ok(self.refused(scene, &holds));
        }
        Ok(self.settled(scene, plan.busy, None))
    }

    /// Takes it over: the owner tags are the one thing that is changed. Where AWS keeps none, our record is.
    pub(super) async fn adopt(&self, scene: &Scene<'_, K>, id: &str) -> Result<End<Status<K>>, Trouble> {
        let subject = scene.subject;
        let Some(arn) = self.kind.arn(&subject.object, scene.place, Some(id)) else {
            return self.record_adopted(scene).await;
        };
        let call = Mutation::TagResource { arn, tags: subject.owner.lasting_tags() };
        let digest = mutate::digest(&call);
        if self.accepted_lately(subject, &digest) {
            let mut report = Report::block(subject.status(), Block::waiting(reasons::UPDATING, not_shown_yet(&call)));
            report.next = Next::After(POLL);
            return Ok(End::Tell(report));
        }
        if let Some(hold) = self.held(subject, &digest) {
            // Nothing of what is not ours yet is shown.
            return Ok(self.refused_as(scene, subject.status(), &[hold]));
        }
        self.send(scene, digest, PlannedCall::new(call, Vec::new())).await
    }

    async fn send(&self, scene: &Scene<'_, K>, digest: String, call: PlannedCall) -> Result<End<Status<K>>, Trouble> {
        let subject = scene.subject;
        let PlannedCall { mutation, changes, when: _, because: _ } = call;
        let operation = mutation.operation();
        match mutate::mutate(self, subject, &scene.place.account, mutation).await {
            Ok(None) => Ok(End::Next(Next::Again)),
            Ok(Some(_)) => {
                if self.accept(subject, digest) {
                    // Told the first time.
                    return Ok(End::Next(Next::Again));
                }
                let paths: Vec<&str> = changes.iter().map(|change| change.path.as_str()).take(NAMED).collect();
                let about = if paths.is_empty() { String::new() } else { format!(" ({})", paths.join(", ")) };
                self.note(subject, false, reasons::UPDATING, format!("{operation} accepted by AWS{about}")).await;
                Ok(End::Next(Next::Again))
            }
            Err(Trouble::Aws(fault)) if done_already(&fault) => {
                self.accept(subject, digest);
                Ok(End::Next(Next::Again))
            }
            Err(Trouble::Aws(fault)) if of_one_call(&fault) => {
                if self.remember(subject, digest, fault.clone()) {
                    Ok(End::Next(Next::Again))
                } else {
                    Err(fault.into())
                }
            }
            Err(trouble) => Err(trouble),
        }
    }

    /// Writes down what is about to be applied before it is, so that leaving the spec later clears it. `true` where
    /// this was a step of its own.
    async fn remember_applied(&self, scene: &Scene<'_, K>, wanted: &Wanted<K::Want>) -> Result<bool, Trouble> {
        let mut status = scene.subject.status();
        let common = K::Object::common_mut(&mut status);
        let mut merged = union(common.applied.clone().unwrap_or_default(), &wanted.applied);
        if edited(scene) {
            // Also should the edit be taken back half-way: what stood before does not stand any more.
            merged.digest = None;
        }
        if common.applied.as_ref() == Some(&merged) {
            return Ok(false);
        }
        common.applied = Some(merged);
        self.apply(&scene.subject.object, &status).await?;
        Ok(true)
    }

    /// Nothing is left to do; `left` is what differs and is only reported.
    fn settled(
        &self,
        scene: &Scene<'_, K>,
        busy: Option<(&'static str, String)>,
        left: Option<Differences>,
    ) -> End<Status<K>> {
        let (Some(wanted), Some(have)) = (scene.wanted, scene.have) else { return End::Next(Next::Again) };
        let mut status = self.seen(scene);
        let common = K::Object::common_mut(&mut status);
        if busy.is_none() {
            // Only now: while AWS's answer lags, a reset that it does not show yet must not be forgotten.
            common.applied = Some(Applied { digest: Some(wanted.digest.clone()), ..wanted.applied.clone() });
        }
        confirm(common, scene);
        let advisory = self.kind.advisory(wanted, have, scene.now);
        if let Some((reason, message)) = busy {
            let verdict = Verdict::Waiting { reason, message };
            let (next, drift) = (Next::After(POLL), Drift::Now(left));
            return End::Tell(Report { status, verdict, advisory, drift, next, keep: false });
        }
        let (reason, message) = match (self.kind.settled(have), &left) {
            (said, None) => said,
            ((_, said), Some(_)) => (reasons::DRIFT_DETECTED, format!("{said}; differences are only reported")),
        };
        let change = wanted.changes_at.map(|at| between(scene.now, at));
        let next = Next::After(change.map_or(self.settings.resync, |change| change.min(self.settings.resync)));
        let verdict = Verdict::Settled { reason, message };
        End::Tell(Report { status, verdict, advisory, drift: Drift::Now(left), next, keep: false })
    }

    /// Looked at only: the difference is what would be changed.
    pub(super) fn observe(&self, scene: &Scene<'_, K>) -> End<Status<K>> {
        let status = self.seen(scene);
        let observes = scene.subject.object.policies().management == ManagementPolicy::ObserveOnly;
        let Some(have) = scene.have else {
            let block = if observes {
                Block::waiting(reasons::OBSERVED, "ObserveOnly: AWS does not have it")
            } else {
                Block::stalled(
                    reasons::DRIFT_DETECTED,
                    "AWS no longer has it. With managementPolicy ReportDrift it is created anew only after an edit of \
                     the spec; Full does so at once",
                )
            };
            return End::Tell(Report::block(status, block).with(Some(drift::absent())));
        };
        let plan = self.plan(scene).unwrap_or_default();
        let mut blocks = scene.wanted.map(|wanted| wanted.blocks.clone()).unwrap_or_default();
        blocks.extend(plan.blocks);
        let refused =
            Block::combined(&blocks).map(|block| format!("; not in order: {}", block.message)).unwrap_or_default();
        let message = format!("ObserveOnly: {}{refused}", self.kind.settled(have).1);
        let verdict = Verdict::Settled { reason: reasons::OBSERVED, message };
        let (drift, next) = (Drift::Now(differences(&plan.changes)), Next::After(self.settings.resync));
        End::Tell(Report { status, verdict, advisory: None, drift, next, keep: false })
    }
}

/// What was to be imported is there, or what was to be deleted is not: AWS's other answers lag behind, and nothing was
/// refused.
fn done_already(fault: &Fault) -> bool {
    match fault.kind {
        FaultKind::Exists => true,
        FaultKind::NotFound => fault.operation.starts_with("Delete"),
        _ => false,
    }
}

fn not_shown_yet(call: &Mutation) -> String {
    format!("AWS accepted {} and does not show it yet", call.operation())
}

/// An object that was seen in AWS as ours is confirmed. When, is kept: since then no create is sent, so it bounds how
/// late one can arrive. Where the attempt is recorded before it is sent, its own time does.
fn confirm<K: Kind>(common: &mut crate::api::CommonStatus, scene: &Scene<'_, K>) {
    match &mut common.create {
        Some(record) if record.uid == scene.subject.uid && record.phase == CreatePhase::None => {}
        Some(record) if record.uid == scene.subject.uid => {
            record.phase = CreatePhase::None;
            if K::IDENTIFIED == Identified::ByKey {
                record.started_at = Some(scene.now.to_string());
            }
        }
        other => {
            let (account, region) = (&scene.place.account.id, &scene.place.account.region);
            let record = Record {
                uid: scene.subject.uid.clone(),
                phase: CreatePhase::None,
                attempt: None,
                started_at: scene.now,
                lost: Vec::new(),
            };
            *other = Some(record.write(account, region, ""));
        }
    }
}

fn union(mut old: Applied, new: &Applied) -> Applied {
    let Applied { paths, tags, hashes, digest: _ } = new;
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
