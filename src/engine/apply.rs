//! What is there and ours: compare, and send the next call, or only report.

use std::collections::BTreeSet;

use super::context::{Engine, POLL, ReconcileContext, Requeue, Status, between};
use super::decide::Identity;
use super::diff::{Change, paths};
use super::drift::{self, Differences, differences};
use super::kind::{Kind, Plan, PlannedCall, ReconcileError, Wanted};
use super::observe::{edited, reports_only};
use super::reason::Reason;
use super::record::RecordedCreate;
use super::report::{Drift, Outcome, Report};
use super::sending::{Progress, Sent};
use super::status::{Advice, Readiness};
use crate::api::Managed;
use crate::api::common::ManagementPolicy;
use crate::api::condition::reasons;
use crate::api::status::{Applied, CreatePhase};
use crate::aws::Mutation;

impl<K: Kind> Engine<K> {
    /// Compares what is wanted with what was seen, where both are known.
    pub(super) fn plan(&self, context: &ReconcileContext<'_, K>) -> Option<Plan> {
        let (wanted, have) = (context.wanted?, context.have?);
        let request = context.request;
        Some(self.kind.plan(&request.object, context.target, wanted, have, &request.owner))
    }

    /// Sends what the plan asks for, as far as AWS takes it, and says what is left.
    pub(super) async fn apply_plan(
        &self,
        context: &ReconcileContext<'_, K>,
    ) -> Result<Outcome<Status<K>>, ReconcileError> {
        let (Some(wanted), Some(plan)) = (context.wanted, self.plan(context)) else {
            return Ok(Outcome::Requeue(Requeue::Again));
        };
        if context.request.object.suspend() {
            return Ok(self.suspended(self.filled_status(context), !edited(context)));
        }
        self.count_drift(context, &plan);
        self.shown(context.request, &plan);
        if reports_only(context) {
            let left = differences(&plan.changes);
            return Ok(match Reason::combined(&wanted.blocks) {
                Some(block) => Outcome::Report(Report::block(self.filled_status(context), block).with(left)),
                None => self.settled(context, plan.busy, left),
            });
        }
        let Some(progress) = self.send_calls(context, wanted, &plan).await? else {
            return Ok(Outcome::Requeue(Requeue::Again));
        };
        if let Some(fault) = progress.trouble() {
            return Err(fault.into());
        }
        Ok(self.left_over(context, wanted, plan, &progress))
    }

    /// Everything that can be sent was: what stands in the way, or that nothing does.
    fn left_over(
        &self,
        context: &ReconcileContext<'_, K>,
        wanted: &Wanted<K::Want>,
        plan: Plan,
        progress: &Progress,
    ) -> Outcome<Status<K>> {
        let left: Vec<Change> = plan.changes.into_iter().filter(|change| !progress.taken.contains(change)).collect();
        let mut blocks = wanted.blocks.clone();
        blocks.extend(plan.blocks);
        if !progress.refused.is_empty() {
            blocks.push(self.refusal(context, &progress.refused, &progress.waiting));
        }
        let busy = plan.busy.or_else(|| progress.busy.clone());
        if blocks.is_empty() && busy.is_none() {
            blocks.extend(unexplained(&left));
        }
        let Some(block) = Reason::combined(&blocks) else { return self.settled(context, busy, None) };
        let mut status = self.filled_status(context);
        let common = K::Object::common_mut(&mut status);
        common.applied = common.applied.take().map(|all| self.take_out(context.request, all, progress));
        let mut report = Report::block(status, block).with(differences(&left));
        if let Some(have) = context.have {
            report = report.advising(self.advice(context, wanted, have));
        }
        if !progress.refused.is_empty() {
            report.next = report.next.min(self.again(context, &progress.refused));
        }
        if progress.cut {
            report.next = Requeue::Again;
        }
        Outcome::Report(report)
    }

    /// Counts where AWS differs though nobody edited anything, each difference once as it comes up.
    fn count_drift(&self, context: &ReconcileContext<'_, K>, plan: &Plan) {
        let edited = edited(context);
        let all = plan.changes.iter().chain(plan.calls.iter().flat_map(|call| &call.changes));
        let now: BTreeSet<String> = all.filter(|_| !edited).map(|change| change.path.clone()).collect();
        let new = self.memories.change(&context.request.uid, |memory| {
            let new = now.difference(&memory.drifted).count();
            memory.drifted = now;
            new
        });
        self.counters.found(new);
    }

    /// Takes it over: the owner tags are the one thing that is changed. Where AWS keeps none, our record is.
    pub(super) async fn adopt(
        &self,
        context: &ReconcileContext<'_, K>,
        id: &str,
    ) -> Result<Outcome<Status<K>>, ReconcileError> {
        let request = context.request;
        let Some(arn) = self.kind.arn(&request.object, context.target, Some(id)) else {
            return self.record_adopted(context).await;
        };
        self.memories.change(&request.uid, |memory| memory.lost = false);
        let call = PlannedCall::new(Mutation::tag(arn, request.owner.lasting_tags()), Vec::new());
        let mut progress = Progress::default();
        if self.send_plain(context, &call, &mut progress).await? == Sent::Again {
            return Ok(Outcome::Requeue(Requeue::Again));
        }
        // Nothing of what is not ours yet is shown.
        if let Some(busy) = progress.busy {
            let mut report = Report::block(request.status(), busy);
            report.next = Requeue::After(POLL);
            return Ok(Outcome::Report(report));
        }
        match progress.trouble() {
            Some(fault) => Err(fault.into()),
            None => Ok(self.refused(context, request.status(), &progress.refused)),
        }
    }

    /// Nothing is left to do; `left` is what differs and is only reported.
    fn settled(
        &self,
        context: &ReconcileContext<'_, K>,
        busy: Option<Reason>,
        left: Option<Differences>,
    ) -> Outcome<Status<K>> {
        let (Some(wanted), Some(have)) = (context.wanted, context.have) else {
            return Outcome::Requeue(Requeue::Again);
        };
        let mut status = self.filled_status(context);
        let common = K::Object::common_mut(&mut status);
        if busy.is_none() {
            // Only now: while AWS's answer lags, a reset that it does not show yet must not be forgotten.
            common.applied = Some(Applied { digest: Some(wanted.digest.clone()), ..wanted.applied.clone() });
            self.memories.change(&context.request.uid, |memory| memory.added = Applied::default());
        }
        confirm(common, context);
        let advisory = self.advice(context, wanted, have);
        if let Some(busy) = busy {
            let verdict = Readiness::NotReady(busy);
            let (next, drift) = (Requeue::After(POLL), Drift::Now(left));
            return Outcome::Report(Report { status, verdict, advisory, drift, next, keep: false });
        }
        let mut ready = self.kind.ready_reason(have);
        if let Some(left) = &left {
            let message = format!("{}; differences are only reported: {}", ready.message, left.message);
            ready = Reason::new(reasons::DRIFT_DETECTED, message);
        }
        let change = wanted.changes_at.map_or(Requeue::OnChange, |at| Requeue::After(between(context.now, at)));
        let next = change.min(Requeue::Rest(self.settings.resync));
        let verdict = Readiness::Ready(ready);
        Outcome::Report(Report { status, verdict, advisory, drift: Drift::Now(left), next, keep: false })
    }

    /// What is worth a look, in one piece.
    fn advice(&self, context: &ReconcileContext<'_, K>, wanted: &Wanted<K::Want>, have: &K::Have) -> Option<Reason> {
        Advice::joined(self.kind.advisory(&context.request.object, wanted, have, context.now))
    }

    /// Looked at only: the difference is what would be changed.
    pub(super) fn report_drift(&self, context: &ReconcileContext<'_, K>) -> Outcome<Status<K>> {
        let status = self.filled_status(context);
        let observes = context.request.object.policies().management == ManagementPolicy::ObserveOnly;
        let Some(have) = context.have else {
            let block = if observes {
                Reason::new(reasons::OBSERVED, "ObserveOnly: AWS does not have it")
            } else {
                Reason::stalled(
                    reasons::DRIFT_DETECTED,
                    "AWS no longer has it. With managementPolicy ReportDrift it is created anew only after an edit of \
                     the spec; Full does so at once",
                )
            };
            return Outcome::Report(Report::block(status, block).with(Some(drift::absent())));
        };
        let plan = self.plan(context).unwrap_or_default();
        let mut blocks = context.wanted.map(|wanted| wanted.blocks.clone()).unwrap_or_default();
        blocks.extend(plan.blocks);
        let refused =
            Reason::combined(&blocks).map(|block| format!("; not in order: {}", block.message)).unwrap_or_default();
        let message = format!("ObserveOnly: {}{refused}", self.kind.ready_reason(have).message);
        let verdict = Readiness::Ready(Reason::new(reasons::OBSERVED, message));
        let (drift, next) = (Drift::Now(differences(&plan.changes)), Requeue::Rest(self.settings.resync));
        Outcome::Report(Report { status, verdict, advisory: None, drift, next, keep: false })
    }
}

/// What differs though nothing was sent, nothing is refused and nothing stands in the way: never Ready in silence.
fn unexplained(left: &[Change]) -> Option<Reason> {
    let defect = || Reason::defect(format!("AWS differs in {} and no call is planned", paths(left)));
    (!left.is_empty()).then(defect)
}

/// An object that was seen in AWS as ours is confirmed. When, is kept: since then no create is sent, so it bounds how
/// late one can arrive. Where the attempt is recorded before it is sent, its own time does.
fn confirm<K: Kind>(common: &mut crate::api::CommonStatus, context: &ReconcileContext<'_, K>) {
    match &mut common.create {
        Some(record) if record.uid == context.request.uid && record.phase == CreatePhase::None => {}
        Some(record) if record.uid == context.request.uid => {
            record.phase = CreatePhase::None;
            if K::IDENTITY == Identity::Keyed {
                record.started_at = Some(context.now.to_string());
            }
        }
        other => {
            let (account, region) = (&context.target.account.id, &context.target.account.region);
            let record = RecordedCreate {
                uid: context.request.uid.clone(),
                phase: CreatePhase::None,
                attempt: None,
                started_at: context.now,
                retired_ids: Vec::new(),
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
        let Reason { code, message, needs_person, sought: _ } = unexplained(&[change]).unwrap();
        assert_eq!((code, needs_person), ("InternalError", true));
        assert!(message.contains("spec.role") && message.contains("report it"), "{message}");
    }
}
