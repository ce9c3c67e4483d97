//! What is ours is there: which call brings it in line, or what is left to say once every call had its turn. Pure.
//!
//! Each call of a plan stands on its own: what AWS refuses holds back nothing but itself, and where it refused what a
//! call says, the parts of that call go one by one.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use tokio::time::Instant;

use super::{Action, Facts};
use crate::api::condition::reasons;
use crate::api::status::Applied;
use crate::aws::{AwsError, Mutation};
use crate::engine::applied;
use crate::engine::diff::Change;
use crate::engine::division;
use crate::engine::kind::{Plan, PlannedCall, When};
use crate::engine::memory::Memory;
use crate::engine::mutate;
use crate::engine::reason::Reason;
use crate::engine::refusals::{Refusal, by_quota, holdable, of_content, shows_soon};

/// What the decision on an update is made of.
#[derive(Clone, Copy, Debug)]
pub struct UpdateFacts<'a> {
    /// What differs, and the calls that are due for it.
    pub plan: &'a Plan,
    /// Paths, tag keys and hashes that the spec sets.
    pub wanted: &'a Applied,
    /// What status says was applied.
    pub recorded: Option<&'a Applied>,
    /// What is remembered of calls.
    pub memory: &'a Memory,
    /// The calls that AWS did not take in this reconcile, by digest, and whether each is told and waits: what may pass
    /// by itself is tried a few times first.
    pub tried: &'a BTreeMap<String, bool>,
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

    /// The fault of a reconcile in which nothing failed but what may pass by itself.
    #[must_use]
    pub fn trouble(&self) -> Option<AwsError> {
        let passing = self.refused.iter().all(|refusal| !refusal.aside);
        self.refused.first().filter(|_| passing).map(|refusal| refusal.hold.fault.clone())
    }
}

/// What is due for something that is ours and there.
pub fn decide(facts: &Facts) -> Action {
    if facts.suspended {
        return Action::Suspend { in_force: !facts.edited };
    }
    let Some(update) = facts.update else { return Action::Compare };
    if facts.report_only {
        return Action::LeaveDrift;
    }
    let Some(next) = update.progress().next else { return Action::Conclude };
    update.due_record(facts.edited).map_or(Action::Send(next), Action::RecordApplied)
}

impl UpdateFacts<'_> {
    /// How far the calls came, and which one is due.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let mut progress = Progress::default();
        for (index, call) in self.plan.calls.iter().enumerate() {
            let out_of_turn = matches!(call.when, When::AfterQuotaRefusal(operation) if !progress.full(operation));
            if !out_of_turn && !progress.has(call) {
                self.visit_in_parts(index, call, &mut progress);
            }
            if progress.next.is_some() || progress.cut {
                break;
            }
        }
        progress
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
        if self.accepted_lately(&digest) {
            progress.taken.extend(call.changes.iter().cloned());
            let message = format!("AWS accepted {} and does not show it yet", call.mutation.operation());
            let busy = || (!self.plan.unseen).then(|| Reason::new(reasons::UPDATING, message));
            progress.busy = progress.busy.take().or_else(busy);
        } else if let Some(hold) = refused.filter(|hold| hold.due > self.at || tried.is_some()) {
            let (hold, aside) = (hold.clone(), tried.unwrap_or(true));
            progress.refused.push(Refusal { hold, changes: call.changes.clone(), aside });
        } else if self.time_is_up {
            progress.cut = true;
        } else {
            progress.next = Some(index);
        }
    }

    /// Whether this very call was accepted so lately that AWS's answers may not show it yet: sent again, it would be
    /// sent on and on. What AWS takes and never shows is sent ever more rarely.
    fn accepted_lately(&self, digest: &str) -> bool {
        let accepted = self.memory.accepted.get(digest);
        accepted.is_some_and(|accepted| self.at.duration_since(accepted.at) < shows_soon(self.lag, accepted.times))
    }

    /// What status has to say was applied before the next call goes out; nothing where it says so.
    fn due_record(&self, edited: bool) -> Option<Applied> {
        let old = self.recorded.cloned().unwrap_or_default();
        let unsent = applied::part(self.wanted, &self.not_sent());
        let mut merged = applied::union(old, &applied::without(self.wanted.clone(), &unsent));
        if edited {
            // Also should the edit be taken back half-way: what stood before does not stand any more.
            merged.digest = None;
        }
        (self.recorded != Some(&merged)).then_some(merged)
    }

    /// The differences for which nothing is sent for now: the plan has no call for them, or AWS refused it for certain.
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
        self.plan.changes.iter().filter(|change| !sent.contains(change.path.as_str())).cloned().collect()
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
