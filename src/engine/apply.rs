//! What is there and ours: compare, and send the next call, or only report.

use std::collections::BTreeSet;

use super::decide::Identified;
use super::diff::{Change, paths};
use super::drift::{self, Differences, differences};
use super::kind::{Block, Hint, Kind, Plan, PlannedCall, Trouble, Wanted};
use super::observe::{edited, reports_only};
use super::record::Record;
use super::report::{Drift, End, Report};
use super::scene::{Engine, Next, POLL, Scene, Status, between};
use super::sending::{Progress, Sent};
use super::status::{Advice, Verdict};
use crate::api::Managed;
use crate::api::common::ManagementPolicy;
use crate::api::condition::reasons;
use crate::api::status::{Applied, CreatePhase};
use crate::aws::Mutation;

impl<K: Kind> Engine<K> {
    /// Compares what is wanted with what was seen, where both are known.
    pub(super) fn plan(&self, scene: &Scene<'_, K>) -> Option<Plan> {
        let (wanted, have) = (scene.wanted?, scene.have?);
        let subject = scene.subject;
        Some(self.kind.plan(&subject.object, scene.place, wanted, have, &subject.owner))
    }

    /// Sends what the plan asks for, as far as AWS takes it, and says what is left.
    pub(super) async fn apply_plan(&self, scene: &Scene<'_, K>) -> Result<End<Status<K>>, Trouble> {
        let (Some(wanted), Some(plan)) = (scene.wanted, self.plan(scene)) else {
            return Ok(End::Next(Next::Again));
        };
        if scene.subject.object.suspend() {
            return Ok(self.suspended(self.seen(scene), !edited(scene)));
        }
        self.count_drift(scene, &plan);
        self.shown(scene.subject, &plan);
        if reports_only(scene) {
            let left = differences(&plan.changes);
            return Ok(match Block::combined(&wanted.blocks) {
                Some(block) => End::Tell(Report::block(self.seen(scene), block).with(left)),
                None => self.settled(scene, plan.busy, left),
            });
        }
        let Some(progress) = self.send_calls(scene, wanted, &plan).await? else { return Ok(End::Next(Next::Again)) };
        if let Some(fault) = progress.trouble() {
            return Err(fault.into());
        }
        Ok(self.left_over(scene, wanted, plan, &progress))
    }

    /// Everything that can be sent was: what stands in the way, or that nothing does.
    fn left_over(
        &self,
        scene: &Scene<'_, K>,
        wanted: &Wanted<K::Want>,
        plan: Plan,
        progress: &Progress,
    ) -> End<Status<K>> {
        let left: Vec<Change> = plan.changes.into_iter().filter(|change| !progress.taken.contains(change)).collect();
        let mut blocks = wanted.blocks.clone();
        blocks.extend(plan.blocks);
        if !progress.refused.is_empty() {
            blocks.push(self.refusal(scene, &progress.refused, &progress.waiting));
        }
        let busy = plan.busy.or_else(|| progress.busy.clone());
        if blocks.is_empty() && busy.is_none() {
            blocks.extend(unexplained(&left));
        }
        let Some(block) = Block::combined(&blocks) else { return self.settled(scene, busy, None) };
        let mut status = self.seen(scene);
        let common = K::Object::common_mut(&mut status);
        common.applied = common.applied.take().map(|all| self.take_out(scene.subject, all, progress));
        let mut report = Report::block(status, block).with(differences(&left));
        if let Some(have) = scene.have {
            report = report.advising(self.advice(scene, wanted, have));
        }
        if !progress.refused.is_empty() {
            report.next = report.next.min(self.again(scene, &progress.refused));
        }
        if progress.cut {
            report.next = Next::Again;
        }
        End::Tell(report)
    }

    /// Counts where AWS differs though nobody edited anything, each difference once as it comes up.
    fn count_drift(&self, scene: &Scene<'_, K>, plan: &Plan) {
        let edited = edited(scene);
        let all = plan.changes.iter().chain(plan.calls.iter().flat_map(|call| &call.changes));
        let now: BTreeSet<String> = all.filter(|_| !edited).map(|change| change.path.clone()).collect();
        let new = self.memories.change(&scene.subject.uid, |memory| {
            let new = now.difference(&memory.drifted).count();
            memory.drifted = now;
            new
        });
        self.tally.found(new);
    }

    /// Takes it over: the owner tags are the one thing that is changed. Where AWS keeps none, our record is.
    pub(super) async fn adopt(&self, scene: &Scene<'_, K>, id: &str) -> Result<End<Status<K>>, Trouble> {
        let subject = scene.subject;
        let Some(arn) = self.kind.arn(&subject.object, scene.place, Some(id)) else {
            return self.record_adopted(scene).await;
        };
        self.memories.change(&subject.uid, |memory| memory.lost = false);
        let call = PlannedCall::new(Mutation::tag(arn, subject.owner.lasting_tags()), Vec::new());
        let mut progress = Progress::default();
        if self.send_plain(scene, &call, &mut progress).await? == Sent::Again {
            return Ok(End::Next(Next::Again));
        }
        // Nothing of what is not ours yet is shown.
        if let Some((reason, message)) = progress.busy {
            let mut report = Report::block(subject.status(), Block::waiting(reason, message));
            report.next = Next::After(POLL);
            return Ok(End::Tell(report));
        }
        match progress.trouble() {
            Some(fault) => Err(fault.into()),
            None => Ok(self.refused(scene, subject.status(), &progress.refused)),
        }
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
            self.memories.change(&scene.subject.uid, |memory| memory.added = Applied::default());
        }
        confirm(common, scene);
        let advisory = self.advice(scene, wanted, have);
        if let Some((reason, message)) = busy {
            let verdict = Verdict::Waiting { reason, message };
            let (next, drift) = (Next::After(POLL), Drift::Now(left));
            return End::Tell(Report { status, verdict, advisory, drift, next, keep: false });
        }
        let (reason, message) = match (self.kind.settled(have), &left) {
            (said, None) => said,
            ((_, said), Some(left)) => {
                (reasons::DRIFT_DETECTED, format!("{said}; differences are only reported: {}", left.message))
            }
        };
        let change = wanted.changes_at.map_or(Next::OnChange, |at| Next::After(between(scene.now, at)));
        let next = change.min(Next::Rest(self.settings.resync));
        let verdict = Verdict::Settled { reason, message };
        End::Tell(Report { status, verdict, advisory, drift: Drift::Now(left), next, keep: false })
    }

    /// What is worth a look, in one piece.
    fn advice(&self, scene: &Scene<'_, K>, wanted: &Wanted<K::Want>, have: &K::Have) -> Option<Hint> {
        Advice::joined(self.kind.advisory(&scene.subject.object, wanted, have, scene.now))
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
        let (drift, next) = (Drift::Now(differences(&plan.changes)), Next::Rest(self.settings.resync));
        End::Tell(Report { status, verdict, advisory: None, drift, next, keep: false })
    }
}

/// What differs though nothing was sent, nothing is refused and nothing stands in the way: never Ready in silence.
fn unexplained(left: &[Change]) -> Option<Block> {
    let defect = || Block::defect(format!("AWS differs in {} and no call is planned", paths(left)));
    (!left.is_empty()).then(defect)
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::Value;

    use super::*;
    use crate::engine::diff::Effect;

    #[test]
    fn a_difference_that_nothing_is_sent_for_is_a_defect_that_is_told() {
        assert_eq!(unexplained(&[]), None);
        let change = Change { path: "role".to_owned(), have: Value::Null, want: "x".into(), effect: Effect::Live };
        let Block { reason, message, stalled, sought: _ } = unexplained(&[change]).unwrap();
        assert_eq!((reason, stalled), ("InternalError", true));
        assert!(message.contains("spec.role") && message.contains("report it"), "{message}");
    }
}
