//! What is ours is there: which call brings it in line, or what is left to say once every call had its turn. Pure.
//!
//! Each call of a plan stands on its own: what AWS refuses holds back nothing but itself, and where it refused what a
//! call says, the parts of that call go one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::SignedDuration;
use tokio::time::Instant;

use super::{Action, Facts, delete, observe, wait};
use crate::api::condition::reasons;
use crate::api::status::{Applied, OperationRecord};
use crate::aws::{AwsError, Mutation};
use crate::engine::applied;
use crate::engine::consistency::ObservedState;
use crate::engine::diff::{Change, Effect};
use crate::engine::division;
use crate::engine::kind::{OperationStep, Plan, PlannedCall, When};
use crate::engine::memory::Memory;
use crate::engine::mutate;
use crate::engine::owner::Ownership;
use crate::engine::reason::Reason;
use crate::engine::refusals::{Refusal, by_quota, holdable, of_content, shows_soon};

/// How often AWS accepted a call of which it then shows nothing: between the second time and the third lies as long as its
/// answers may lag (`shows_soon`).
const IN_VAIN: u32 = 3;

/// How it is known what AWS has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// It was looked at, and no call was sent since.
    Seen,
    /// It was looked at, and AWS took calls since: what they said counts.
    Accepted,
    /// This reconcile made it.
    Made,
}

/// What the decision on an update is made of.
#[derive(Clone, Copy, Debug)]
pub struct UpdateFacts<'a> {
    /// What differs, and the calls that are due for it.
    pub plan: &'a Plan,
    /// How it is known what AWS has.
    pub source: Source,
    /// Paths, tag keys and hashes that the spec sets.
    pub wanted: &'a Applied,
    /// What status says was applied.
    pub recorded: Option<&'a Applied>,
    /// Status shows beforehand what the plan stops, replaces or cannot have.
    pub announced: bool,
    /// This reconcile wrote status, so that the object is what stands and no older version of it.
    pub tested: bool,
    /// What is remembered of calls.
    pub memory: &'a Memory,
    /// The calls that AWS did not take in this reconcile, by digest, and whether each is told and waits: what may pass
    /// by itself is tried a few times first.
    pub tried: &'a BTreeMap<String, bool>,
    /// This reconcile sent calls that AWS took.
    pub sent: bool,
    /// No further call is begun: AWS may answer each late, and the reconcile must end.
    pub time_is_up: bool,
    /// The process's own clock, for how long a call rests.
    pub at: Instant,
    /// How long AWS's answers may lag.
    pub lag: SignedDuration,
}

/// A call of a plan, or a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallIndex {
    /// Which call.
    pub call: usize,
    /// Which part of it, once AWS refused what the whole says.
    pub part: Option<usize>,
}

impl CallIndex {
    /// The call itself.
    #[must_use]
    pub fn of(self, plan: &Plan) -> Option<&PlannedCall> {
        let call = plan.calls.get(self.call)?;
        self.part.map_or(Some(call), |part| call.parts.get(part))
    }
}

/// How far the calls of a plan came.
#[derive(Debug, Default)]
pub struct Progress {
    /// What AWS refuses.
    pub(in crate::engine) refused: Vec<Refusal>,
    /// What waits until AWS refuses nothing of the same edit any more.
    pub waiting: Vec<Change>,
    /// What AWS took and does not show.
    pub taken: Vec<Change>,
    /// What is told of calls that AWS takes and that change nothing.
    pub in_vain: Vec<Reason>,
    /// Why to look again soon.
    pub busy: Option<Reason>,
    /// Time ran out before every call had its turn.
    pub cut: bool,
    /// The call that is due now.
    pub next: Option<CallIndex>,
}

impl Progress {
    /// Whether the very call was refused before: a plan may have it twice, to be sent for either of two reasons.
    fn has(&self, call: &PlannedCall) -> bool {
        let same = |refusal: &Refusal| {
            refusal.hold.fault.operation == call.mutation.operation() && refusal.changes == call.changes
        };
        self.refused.iter().any(same)
    }

    fn full(&self, operation: &str) -> bool {
        let mut faults = self.refused.iter().map(|refusal| &refusal.hold.fault);
        faults.any(|fault| fault.operation == operation && by_quota(fault))
    }

    /// Whether AWS is busy with a call of the sequence, or refuses one.
    fn goes_on(&self, plan: &Plan) -> bool {
        plan.busy.is_some() || self.busy.is_some() || self.cut || !self.refused.is_empty()
    }

    /// Why the sequence cannot be ended as it was begun: AWS refused what one of its calls says, or a part of it waits
    /// for what AWS refused.
    fn operation_refused(&self) -> Option<String> {
        let certain = |refusal: &&Refusal| refusal.aside && holdable(&refusal.hold.fault);
        let mut refused = self.refused.iter().filter(certain);
        let own = refused.clone().find(|refusal| refusal.operation);
        let waits = || refused.next().filter(|_| offline(&self.waiting));
        own.or_else(waits).map(|refusal| refusal.hold.fault.to_string())
    }

    /// The fault of a reconcile in which nothing failed but what may pass by itself.
    #[must_use]
    pub fn trouble(&self) -> Option<AwsError> {
        let passing = self.refused.iter().all(|refusal| !refusal.aside);
        self.refused.first().filter(|_| passing).map(|refusal| refusal.hold.fault.clone())
    }
}

/// What is due for something that is ours and there. A sequence that was begun goes on to its end, also where nothing
/// else may be done.
pub fn decide(facts: &Facts) -> Action {
    let rests = rests(facts);
    let idle = rests.as_ref().filter(|_| !finishing(facts));
    if let Some(rest) = idle.filter(|rest| **rest != Action::LeaveDrift || facts.update.is_some()) {
        return rest.clone();
    }
    let Some(update) = facts.update else { return Action::Compare };
    let only_operation = rests.is_some();
    let progress = update.progress_of(only_operation);
    if let Some(next) = progress.next {
        if update.rests_on_a_look(next) {
            return Action::Describe;
        }
        return update.due_record(next, facts.edited).map_or(Action::Send(next), Action::RecordApplied);
    }
    if let Some(record) = update.due_operation(&progress) {
        return record;
    }
    rests
        .filter(|_| !progress.goes_on(update.plan))
        .unwrap_or_else(|| update.last_word(&progress, facts.edited, only_operation))
}

/// The one call that makes something ours. Until AWS took it nothing of that is shown: it is somebody else's.
#[must_use]
pub fn take_over(facts: &Facts, id: String) -> Action {
    let Some(call) = facts.take_over else { return Action::Adopt(id) };
    let progress = call.progress();
    let digest = call.plan.calls.first().map(|call| mutate::digest(&call.mutation)).unwrap_or_default();
    match (progress.next, progress.trouble(), &progress.busy) {
        (Some(_), ..) => Action::Adopt(id),
        (None, Some(fault), _) => Action::Fail(fault),
        (None, None, Some(busy)) => Action::Wait { reason: busy.clone(), until: None },
        (None, None, None) if progress.refused.is_empty() => Action::Again,
        (None, None, None) => Action::Hold { digest, ours: false },
    }
}

/// What is done where no change is to be begun; nothing where changes are made as usual.
fn rests(facts: &Facts) -> Option<Action> {
    match facts.denied {
        Some(reason) if !facts.deleting => return Some(Action::Block(reason.clone())),
        // What stays in AWS runs there again first; nothing else is done for an object that goes.
        _ if facts.deleting => return Some(delete::waits_for_calls(facts).unwrap_or_else(|| leave_or_delete(facts))),
        _ if facts.observe_only => return Some(Action::ReportDrift),
        _ if facts.suspended => return Some(Action::Suspend { in_force: !facts.edited }),
        _ => {}
    }
    facts.report_only.then_some(Action::LeaveDrift)
}

/// It goes, or is let go. Where the grant was withdrawn, what stays in AWS is touched no more; and what is only looked at
/// is never deleted.
fn leave_or_delete(facts: &Facts) -> Action {
    match facts.denied {
        _ if facts.observe_only => observe(facts),
        Some(_) if facts.retain && !facts.protected => delete::left_without_grant(),
        _ => delete::delete(facts),
    }
}

/// Whether a sequence of what is ours was begun, and is to be brought to its end.
#[must_use]
pub(crate) fn finishing(facts: &Facts) -> bool {
    facts.operation && facts.finalizer && *facts.sight == ObservedState::Found(Ownership::Ours)
}

impl UpdateFacts<'_> {
    /// How far the calls came, and which one is due.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress_of(false)
    }

    /// The same; with `only_operation` no call counts but those of a sequence that was begun.
    pub(crate) fn progress_of(&self, only_operation: bool) -> Progress {
        let mut progress = Progress::default();
        for (index, call) in self.plan.calls.iter().enumerate() {
            let out_of_turn = matches!(call.when, When::AfterQuotaRefusal(operation) if !progress.full(operation))
                || (only_operation && !call.operation);
            if !out_of_turn && !progress.has(call) {
                self.visit_in_parts(index, call, &mut progress);
            }
            if progress.next.is_some() || progress.cut {
                break;
            }
        }
        progress
    }

    /// What is to be written of a sequence: nothing while a call of it may still go.
    fn due_operation(&self, progress: &Progress) -> Option<Action> {
        let OperationStep { record, after_refusal, event: _ } =
            self.plan.operation.as_ref().filter(|_| !progress.cut)?;
        if !after_refusal {
            return Some(Action::RecordOperation(record.clone().map(Box::new)));
        }
        let refusal = progress.operation_refused()?;
        let told = |record: OperationRecord| OperationRecord { refusal: record.refusal.or(Some(refusal)), ..record };
        Some(Action::RecordOperation(record.clone().map(told).map(Box::new)))
    }

    /// A call as a whole, or its parts once AWS refused what it says.
    fn visit_in_parts(&self, index: usize, call: &PlannedCall, progress: &mut Progress) {
        if !division::divided(call, |mutation| self.refuses(mutation)) {
            self.visit(CallIndex { call: index, part: None }, call, progress);
            return;
        }
        for (part_index, part) in division::in_order(call) {
            if division::waits(part, call, |mutation| self.not_taken(mutation).is_some()) {
                progress.waiting.extend(part.changes.iter().cloned());
            } else {
                self.visit(CallIndex { call: index, part: Some(part_index) }, part, progress);
            }
            if progress.next.is_some() || progress.cut {
                break;
            }
        }
    }

    /// Whether the call is due. Where it is not, AWS took it and does not show it yet, or refused it.
    fn visit(&self, index: CallIndex, call: &PlannedCall, progress: &mut Progress) {
        let digest = mutate::digest(&call.mutation);
        let refused = self.memory.refused_calls.get(&digest);
        let tried = self.tried.get(&digest).copied();
        let lately = self.accepted_lately(&digest, call.rests);
        if let Some(told) = call.in_vain.as_ref().filter(|_| lately && self.accepted_in_vain(&digest)) {
            progress.in_vain.push(told.clone());
        } else if lately {
            progress.taken.extend(call.changes.iter().cloned());
            let message = format!("AWS accepted {} and does not show it yet", call.mutation.operation());
            let busy = || (!call.unseen).then(|| Reason::new(reasons::UPDATING, message));
            progress.busy = progress.busy.take().or_else(busy);
        } else if let Some(hold) = refused.filter(|hold| hold.due > self.at || tried.is_some()) {
            let (hold, aside) = (hold.clone(), tried.unwrap_or(true));
            let (changes, operation) = (call.changes.clone(), call.operation);
            progress.refused.push(Refusal { hold, changes, aside, operation });
        } else if self.time_is_up {
            progress.cut = true;
        } else {
            progress.next = Some(index);
        }
    }

    /// Whether this very call was accepted so lately that AWS's answers may not show it yet: sent again, it would be
    /// sent on and on. What AWS takes and never shows is sent ever more rarely.
    fn accepted_lately(&self, digest: &str, rests: Option<Duration>) -> bool {
        let accepted = self.memory.accepted.get(digest);
        let rests = |times| shows_soon(self.lag, times).max(rests.unwrap_or_default());
        accepted.is_some_and(|accepted| self.at.duration_since(accepted.at) < rests(accepted.times))
    }

    /// Whether AWS accepted the call so often that its answers would show it by now: the last time came later after the
    /// one before than they may lag.
    fn accepted_in_vain(&self, digest: &str) -> bool {
        self.memory.accepted.get(digest).is_some_and(|accepted| accepted.times >= IN_VAIN)
    }

    /// What is left to say once no call is due. While AWS may not show yet what it took for the spec before, nothing is
    /// said of what is there: it may be more than what the look showed.
    fn last_word(&self, progress: &Progress, edited: bool, only_operation: bool) -> Action {
        match progress.trouble() {
            None if progress.cut && progress.refused.is_empty() => Action::Again,
            Some(fault) => Action::Fail(fault),
            None if edited && self.may_be_old() => {
                let message = "AWS may not show yet what it accepted for the spec before; looking again until it must";
                wait(reasons::WAITING_FOR_AWS, message, None)
            }
            None => Action::Conclude { only_operation },
        }
    }

    /// Whether an edit takes nothing as far as a look tells that may show what was there before AWS's last word: an edit
    /// that is taken back soon after looks like one that is in force already. While AWS is on its way, nothing is said to
    /// be in force anyway, and every process says the same of it.
    fn may_be_old(&self) -> bool {
        let lag = Duration::try_from(self.lag).unwrap_or(Duration::MAX);
        let lately = self.memory.unshown.is_some_and(|at| self.at.duration_since(at) < lag);
        lately && self.plan.busy.is_none() && self.plan.calls.is_empty() && !self.sent && self.source == Source::Seen
    }

    /// Whether the call takes something away while what AWS has was not seen since other calls went out. What was said
    /// to be there by now may be what makes this one right: a last way in is not taken away on AWS's word.
    fn rests_on_a_look(&self, next: CallIndex) -> bool {
        self.source != Source::Seen && next.of(self.plan).is_some_and(|call| call.mutation.takes_away())
    }

    /// What status has to say was applied before the next call goes out; nothing where it says so, and what is planned
    /// besides. What this reconcile made has nothing from anybody else, so there all of it is ours without a record. That a call
    /// of which AWS shows nothing is still due rests on status alone, and an API server that lags behind shows an old one to
    /// every read: only a write tells that it stands.
    fn due_record(&self, next: CallIndex, edited: bool) -> Option<Applied> {
        if self.source == Source::Made {
            return None;
        }
        let old = self.recorded.cloned().unwrap_or_default();
        let unsent = applied::part(self.wanted, &self.not_sent());
        let mut merged = applied::union(old, &applied::without(self.wanted.clone(), &unsent));
        if edited {
            // Also should the edit be taken back half-way: what stood before does not stand any more.
            merged.digest = None;
        }
        let rests_on_status = !self.tested && next.of(self.plan).is_some_and(|call| call.unseen);
        (self.recorded != Some(&merged) || !self.announced || rests_on_status).then_some(merged)
    }

    /// The differences for which nothing is sent for now: the plan has no call for them, they cannot be told, or AWS refused
    /// it for certain.
    fn not_sent(&self) -> Vec<Change> {
        let goes = |call: &PlannedCall| {
            let hold = self.memory.refused_calls.get(&mutate::digest(&call.mutation));
            !hold.is_some_and(|hold| hold.due > self.at && holdable(&hold.fault))
        };
        let mut sent: BTreeSet<&str> = BTreeSet::new();
        for call in &self.plan.calls {
            let divided = division::divided(call, |mutation| self.refuses(mutation));
            let parts = if divided { &call.parts[..] } else { std::slice::from_ref(call) };
            let waits = |part: &PlannedCall| {
                divided && division::waits(part, call, |mutation| self.not_taken(mutation).is_some())
            };
            let due = parts.iter().filter(|part| goes(part) && !waits(part));
            sent.extend(due.flat_map(|part| &part.changes).map(|change| change.path.as_str()));
        }
        let differ = self.plan.changes.iter().filter(|change| !sent.contains(change.path.as_str()));
        differ.chain(self.plan.unknown.iter().map(|unknown| &unknown.change)).cloned().collect()
    }

    /// Whether AWS refused what the call says, the last time that it was sent.
    fn refuses(&self, mutation: &Mutation) -> bool {
        self.not_taken(mutation).is_some_and(of_content)
    }

    /// Why AWS did not take the call, the last time that it was sent.
    fn not_taken(&self, mutation: &Mutation) -> Option<&AwsError> {
        self.memory.refused_calls.get(&mutate::digest(mutation)).map(|hold| &hold.fault)
    }
}

/// Whether any of these takes a stop.
fn offline(changes: &[Change]) -> bool {
    changes.iter().any(|change| matches!(change.effect, Effect::Offline | Effect::Restart))
}
