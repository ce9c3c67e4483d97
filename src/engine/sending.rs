//! Sending the calls of a plan, one after the other. What AWS refuses holds back nothing but itself: the next call goes
//! out in the same reconcile. What it accepts ends the reconcile, and the next one looks at what became of it.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use super::applied;
use super::context::{Engine, ReconcileContext, Request};
use super::diff::Change;
use super::division;
use super::events;
use super::kind::{Kind, Plan, PlannedCall, ReconcileError, Wanted, When};
use super::mutate;
use super::observe::edited;
use super::reason::Reason;
use super::refusals::{Refusal, by_quota, holdable, of_content, of_one_call};
use crate::api::Managed;
use crate::api::condition::reasons;
use crate::api::status::Applied;
use crate::aws::{AwsError, AwsErrorKind, Mutation};

/// For how long a reconcile goes on to the next call: AWS may answer each late, and a reconcile has two minutes.
const SENDING: Duration = Duration::from_secs(30);

/// How far a reconcile came that sent everything it could.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// What AWS refuses.
    pub refused: Vec<Refusal>,
    /// What waits until AWS refuses nothing of the same edit any more.
    pub waiting: Vec<Change>,
    /// What AWS took and does not show.
    pub taken: Vec<Change>,
    /// Why to look again soon.
    pub busy: Option<Reason>,
    /// Time ran out before every call had its turn.
    pub cut: bool,
}

impl Progress {
    /// Whether the very call was refused before: a plan may have it twice, to be sent for either of two reasons.
    fn has(&self, call: &PlannedCall) -> bool {
        let same = |refusal: &Refusal| {
            refusal.hold.fault.operation == call.mutation.operation() && refusal.changes == call.changes
        };
        self.refused.iter().any(same)
    }

    /// The fault of a reconcile in which nothing failed but what may pass by itself.
    pub(super) fn trouble(&self) -> Option<AwsError> {
        let passing = self.refused.iter().all(|refusal| !refusal.aside);
        self.refused.first().filter(|_| passing).map(|refusal| refusal.hold.fault.clone())
    }
}

/// What became of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// AWS took it, or the object moved on: the next reconcile looks again.
    Again,
    /// It waits, or AWS refused it: the next call may go.
    On,
}

impl<K: Kind> Engine<K> {
    /// Sends what is due. `None` where the next reconcile has to look first.
    pub(super) async fn send_calls(
        &self,
        context: &ReconcileContext<'_, K>,
        wanted: &Wanted<K::Want>,
        plan: &Plan,
    ) -> Result<Option<Progress>, ReconcileError> {
        let (began, mut progress) = (Instant::now(), Progress::default());
        for call in &plan.calls {
            if began.elapsed() >= SENDING {
                progress.cut = true;
                break;
            }
            let full = |operation| {
                let mut faults = progress.refused.iter().map(|refusal| &refusal.hold.fault);
                faults.any(|fault| fault.operation == operation && by_quota(fault))
            };
            let out_of_turn = matches!(call.when, When::AfterQuotaRefusal(operation) if !full(operation));
            if out_of_turn || progress.has(call) {
                continue;
            }
            if self.send_in_parts(context, wanted, plan, call, &mut progress).await? == Sent::Again {
                return Ok(None);
            }
        }
        Ok(Some(progress))
    }

    /// A call as a whole, or in its parts once AWS refused what it says.
    async fn send_in_parts(
        &self,
        context: &ReconcileContext<'_, K>,
        wanted: &Wanted<K::Want>,
        plan: &Plan,
        call: &PlannedCall,
        progress: &mut Progress,
    ) -> Result<Sent, ReconcileError> {
        let refused = |mutation: &Mutation| self.refuses(context.request, mutation);
        let failed = |mutation: &Mutation| self.not_taken(context.request, mutation).is_some();
        if !division::divided(call, refused) {
            let before = progress.refused.len();
            if self.send_recorded(context, wanted, plan, call, progress).await? == Sent::Again {
                return Ok(Sent::Again);
            }
            if !division::divided(call, refused) {
                return Ok(Sent::On);
            }
            // Told of its parts.
            progress.refused.truncate(before);
        }
        for part in division::in_order(call) {
            if division::waits(part, call, failed) {
                progress.waiting.extend(part.changes.iter().cloned());
            } else if self.send_recorded(context, wanted, plan, part, progress).await? == Sent::Again {
                return Ok(Sent::Again);
            }
        }
        Ok(Sent::On)
    }

    async fn send_recorded(
        &self,
        context: &ReconcileContext<'_, K>,
        wanted: &Wanted<K::Want>,
        plan: &Plan,
        call: &PlannedCall,
        progress: &mut Progress,
    ) -> Result<Sent, ReconcileError> {
        if !self.due(context.request, call, plan.unseen, progress) {
            return Ok(Sent::On);
        }
        if self.remember_applied(context, wanted, plan).await? {
            return Ok(Sent::Again);
        }
        self.send(context, call, progress).await
    }

    /// A call that needs no record: it is sent unless AWS took or refused it lately.
    pub(super) async fn send_plain(
        &self,
        context: &ReconcileContext<'_, K>,
        call: &PlannedCall,
        progress: &mut Progress,
    ) -> Result<Sent, ReconcileError> {
        if !self.due(context.request, call, false, progress) {
            return Ok(Sent::On);
        }
        self.send(context, call, progress).await
    }

    /// Whether the call is due. Where it is not, AWS took it and does not show it yet, or refused it: that is noted.
    fn due(&self, request: &Request<K::Object>, call: &PlannedCall, unseen: bool, progress: &mut Progress) -> bool {
        let digest = mutate::digest(&call.mutation);
        if self.accepted_lately(request, &digest) {
            progress.taken.extend(call.changes.iter().cloned());
            let message = format!("AWS accepted {} and does not show it yet", call.mutation.operation());
            progress.busy = progress.busy.take().or_else(|| (!unseen).then(|| Reason::new(reasons::UPDATING, message)));
            return false;
        }
        if let Some(hold) = self.held(request, &digest) {
            progress.refused.push(Refusal { hold, changes: call.changes.clone(), aside: true });
            return false;
        }
        true
    }

    async fn send(
        &self,
        context: &ReconcileContext<'_, K>,
        call: &PlannedCall,
        progress: &mut Progress,
    ) -> Result<Sent, ReconcileError> {
        let (request, digest) = (context.request, mutate::digest(&call.mutation));
        match mutate::mutate(self, request, &context.target.account, call.mutation.clone(), &call.changes).await {
            Ok(None) => Ok(Sent::Again),
            Ok(Some(_)) => {
                let told = self.accept(request, digest, call);
                if !told {
                    self.tell_accepted(context, call).await;
                }
                Ok(Sent::Again)
            }
            Err(ReconcileError::Aws(fault)) if done_already(&fault) => {
                self.accept(request, digest, call);
                Ok(Sent::Again)
            }
            Err(ReconcileError::Aws(fault)) if of_one_call(&fault) => {
                let (hold, aside) = self.remember(request, digest, fault, &call.changes);
                progress.refused.push(Refusal { hold, changes: call.changes.clone(), aside });
                Ok(Sent::On)
            }
            Err(trouble) => Err(trouble),
        }
    }

    async fn tell_accepted(&self, context: &ReconcileContext<'_, K>, call: &PlannedCall) {
        let edited = edited(context);
        if !edited && call.because.is_none() {
            self.counters.corrected(call.changes.len());
        }
        self.publish(context.request, events::accepted(call, edited)).await;
    }

    /// Writes down what is about to be applied before it is, so that leaving the spec later clears it. `true` where
    /// this was a step of its own.
    async fn remember_applied(
        &self,
        context: &ReconcileContext<'_, K>,
        wanted: &Wanted<K::Want>,
        plan: &Plan,
    ) -> Result<bool, ReconcileError> {
        let request = context.request;
        let mut status = request.status();
        let common = K::Object::common_mut(&mut status);
        let old = common.applied.clone().unwrap_or_default();
        let unsent = applied::part(&wanted.applied, &self.not_sent(request, plan));
        let mut merged = applied::union(old.clone(), &applied::without(wanted.applied.clone(), &unsent));
        if edited(context) {
            // Also should the edit be taken back half-way: what stood before does not stand any more.
            merged.digest = None;
        }
        if common.applied.as_ref() == Some(&merged) {
            return Ok(false);
        }
        common.applied = Some(merged.clone());
        self.apply(&request.object, &status).await?;
        let added = applied::without(merged, &old);
        self.memories.change(&request.uid, |memory| {
            memory.added = applied::union(std::mem::take(&mut memory.added), &added);
        });
        Ok(true)
    }

    /// The differences for which nothing is sent for now: the plan has no call for them, or AWS refused it for certain.
    fn not_sent(&self, request: &Request<K::Object>, plan: &Plan) -> Vec<Change> {
        let goes = |call: &PlannedCall| {
            !self.held(request, &mutate::digest(&call.mutation)).is_some_and(|hold| holdable(&hold.fault))
        };
        let refused = |mutation: &Mutation| self.refuses(request, mutation);
        let failed = |mutation: &Mutation| self.not_taken(request, mutation).is_some();
        let mut sent: BTreeSet<&str> = BTreeSet::new();
        for call in &plan.calls {
            let divided = division::divided(call, refused);
            let parts = if divided { &call.parts[..] } else { std::slice::from_ref(call) };
            let due = parts.iter().filter(|part| goes(part) && !(divided && division::waits(part, call, failed)));
            sent.extend(due.flat_map(|part| &part.changes).map(|change| change.path.as_str()));
        }
        plan.changes.iter().filter(|change| !sent.contains(change.path.as_str())).cloned().collect()
    }

    /// Whether AWS refused what the call says, the last time that it was sent.
    fn refuses(&self, request: &Request<K::Object>, mutation: &Mutation) -> bool {
        self.not_taken(request, mutation).is_some_and(|fault| of_content(&fault))
    }

    /// Why AWS did not take the call, the last time that it was sent.
    fn not_taken(&self, request: &Request<K::Object>, mutation: &Mutation) -> Option<AwsError> {
        self.memories.load(&request.uid).refused_calls.remove(&mutate::digest(mutation)).map(|hold| hold.fault)
    }

    /// What status says was applied, without what was added for calls that AWS refused for certain.
    pub(super) fn take_out(&self, request: &Request<K::Object>, all: Applied, progress: &Progress) -> Applied {
        let definite = progress.refused.iter().filter(|refusal| holdable(&refusal.hold.fault));
        let changes: Vec<Change> =
            definite.flat_map(|refusal| &refusal.changes).chain(&progress.waiting).cloned().collect();
        let added = self.memories.load(&request.uid).added;
        applied::without(all, &applied::part(&added, &changes))
    }
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
