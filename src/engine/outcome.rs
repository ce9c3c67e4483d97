//! What is said for an action that ends a reconcile: from what was decided to a report. It sends nothing.

use std::time::Duration;

use jiff::Timestamp;

use super::applied;
use super::beside_old::{next_replacement, replaces};
use super::context::{Engine, POLL, ReconcileContext, Request, Status, WAIT_MAX, WAIT_MIN, between};
use super::decide::Identity;
use super::decide::update::Progress;
use super::diff::{Change, Effect, paths};
use super::drift::{self, Differences, differences};
use super::kind::{Kind, KindStatus, Pending, Plan, ResourceState, Target, Wanted};
use super::known::{self, Known};
use super::memory::Memory;
use super::planned::{self, Planned};
use super::reason::Reason;
use super::record::RecordedCreate;
use super::refusals::{self, Refusal, again, holdable, refusal};
use super::report::{Drift, Outcome, Report};
use super::requeue::Requeue;
use super::status::{Advice, Readiness};
use crate::api::Managed;
use crate::api::condition::{self, reasons, types};
use crate::api::status::{Applied, CreatePhase};

/// When the turn of what rests is, is known once this look was taken down.
const UNTIL_ITS_TURN: Requeue = Requeue::Rest(Duration::MAX);

/// How soon what blocks a deletion is looked at again: our own objects wake it when they go, others do in AWS.
const BLOCKED_AGAIN: Duration = Duration::from_secs(30);

/// How soon a deletion that waits for a person is looked at again: the annotation wakes it, and thousands may wait, each of
/// which is a look in AWS.
const HELD_AGAIN: Duration = Duration::from_mins(5);

/// Nothing may be done, for this reason.
pub(super) fn block<O: Managed>(request: &Request<O>, reason: Reason) -> Outcome<O::Status> {
    let mut report = Report::block(request.status(), reason);
    if request.deleting() {
        report.as_deletion();
    }
    Outcome::Report(report)
}

/// Nothing may be done: say why.
pub(super) fn not_ready<K: Kind>(engine: &Engine<K>, context: &ReconcileContext<'_, K>) -> Outcome<Status<K>> {
    let request = context.request;
    if let Some(reason) = engine.kind.found_by().child().and_then(|child| child.unproven(context.target)) {
        return block(request, reason.clone());
    }
    let blocks: Vec<Reason> = context.wanted.into_iter().flat_map(Wanted::bars).cloned().collect();
    if let Some(block) = Reason::combined(&blocks) {
        return Outcome::Report(Report::block(request.status(), block));
    }
    if request.object.suspend() {
        return suspended(engine, request, request.status(), false);
    }
    let message = format!("the {} is not there (yet)", K::WORDS.parent);
    Outcome::Report(Report::block(request.status(), Reason::new(reasons::SERVER_NOT_AVAILABLE, message)))
}

/// A look-up takes its time. What was said before stands, unless that was nothing, or that all is well.
pub(super) fn finding_by_tags<K: Kind>(engine: &Engine<K>, request: &Request<K::Object>) -> Outcome<Status<K>> {
    let status = request.status();
    let common = K::Object::common(&status);
    let unwell = condition::find(&common.conditions, types::READY).is_some_and(|ready| ready.status != "True");
    let told = unwell && common.observed_generation == request.generation;
    if told || engine.memories.read(&request.uid, |memory| memory.failures > 0) {
        return Outcome::Requeue(Requeue::After(POLL));
    }
    let reason = if request.deleting() { reasons::DELETING } else { reasons::WAITING_FOR_AWS };
    let noun = K::WORDS.noun;
    let message = format!(
        "looking through all {noun}s of the account for one with this object's owner tags; the rate of calls, and {noun}s \
         that AWS lists and does not show, make it take long"
    );
    let mut report = Report::block(status, Reason::new(reason, message));
    report.next = Requeue::After(POLL);
    Outcome::Report(report)
}

/// Nothing is to be said: until its next full look, or until it changes by itself.
pub(super) fn rest<K: Kind>(engine: &Engine<K>, request: &Request<K::Object>, known: &Known<K>) -> Requeue {
    engine.memories.change(&request.uid, Memory::succeeded);
    let change = known.wanted.as_ref().and_then(|wanted| wanted.changes_at).map(|at| between(known.now, at));
    let (full, settings) = (engine.read_between(&request.object), &engine.settings);
    let turn = full.unwrap_or_else(|| engine.next_turn(&request.object));
    let rest = settings.looks.rests_for(&request.uid, turn, change, settings.resync);
    Requeue::Rest(if full.is_some() { rest.min(settings.jittered(K::EVERY)) } else { rest })
}

/// Nothing is changed while the spec says so.
pub(super) fn suspended<K: Kind>(
    engine: &Engine<K>,
    request: &Request<K::Object>,
    status: Status<K>,
    in_force: bool,
) -> Outcome<Status<K>> {
    let next = Requeue::Rest(engine.next_look(&request.object));
    let (readiness, drift, pending) = (Readiness::Suspended { in_force }, Drift::AsBefore, Box::new(Advice::AsBefore));
    Outcome::Report(Report { status, readiness, advisory: None, drift, pending, next, keep: true })
}

/// It passes by itself, or when what it names is gone.
pub(super) fn wait<K: Kind>(
    engine: &Engine<K>,
    context: &ReconcileContext<'_, K>,
    reason: Reason,
    until: Option<Timestamp>,
) -> Outcome<Status<K>> {
    // Only what is ours is deleted, so there it may be shown.
    let blocked = [reasons::DELETION_BLOCKED, reasons::DELETIONS_HELD].contains(&reason.code);
    let status = if blocked { filled_status(engine, context) } else { context.request.status() };
    // Windows need several looks, so a long one is not slept through.
    let lag = Duration::try_from(engine.settings.windows.lag).unwrap_or(WAIT_MAX);
    let pace = (lag / 3).clamp(WAIT_MIN, WAIT_MAX);
    let idle = match reason.code {
        reasons::DELETION_PROTECTED => engine.next_look(&context.request.object),
        reasons::DELETION_BLOCKED => BLOCKED_AGAIN,
        reasons::DELETIONS_HELD => engine.settings.jittered(HELD_AGAIN),
        _ => POLL,
    };
    let mut report = Report::block(status, reason);
    report.next = Requeue::After(until.map_or(idle, |until| between(context.now, until).clamp(WAIT_MIN, pace)));
    Outcome::Report(report)
}

/// A person must act.
pub(super) fn stall<K: Kind>(
    engine: &Engine<K>,
    context: &ReconcileContext<'_, K>,
    reason: Reason,
    uid_lost: &[String],
) -> Outcome<Status<K>> {
    let code = reason.code;
    let compared = known::plan(engine, context).filter(|_| code == reasons::NOT_IDENTICAL);
    let message = match &compared {
        Some(plan) => planned::not_identical(plan, &reason.message),
        None => reason.message,
    };
    let message = with_commands(engine, context, message, uid_lost);
    let mut report = Report::block(context.request.status(), Reason { message, ..reason });
    if code == reasons::SERVER_GONE {
        report.status.vanished();
    }
    let replaces = replaces(context.request);
    Outcome::Report(match compared {
        Some(plan) => {
            Planned::all(&plan, replaces).put(K::Object::common_mut(&mut report.status));
            report.with(differences(&plan.changes))
        }
        None => report,
    })
}

/// The message, and the command that puts the uid tag back on each of these.
fn with_commands<K: Kind>(
    engine: &Engine<K>,
    context: &ReconcileContext<'_, K>,
    message: String,
    ids: &[String],
) -> String {
    let ReconcileContext { request, target, .. } = context;
    let arns = ids.iter().filter_map(|id| engine.kind.arn(&request.object, target, Some(id)));
    let commands: Vec<String> = arns.map(|arn| request.owner.command(&target.account.region, &arn)).collect();
    if commands.is_empty() { message } else { format!("{message}: {}", commands.join(" or ")) }
}

/// A call that AWS refused and that is not due again. Of what is not ours (yet) nothing is shown.
pub(super) fn held<K: Kind>(
    engine: &Engine<K>,
    context: &ReconcileContext<'_, K>,
    digest: &str,
    ours: bool,
) -> Outcome<Status<K>> {
    let Some(hold) = refusals::held(engine, context.request, digest) else {
        return Outcome::Requeue(Requeue::Again);
    };
    let refused = [Refusal { hold, changes: Vec::new(), aside: true, operation: false }];
    let status = if ours { filled_status(engine, context) } else { context.request.status() };
    let mut report = Report::block(status, refusal(engine, context, &refused, &[]));
    report.next = again(engine, context, &refused);
    Outcome::Report(report)
}

/// What differs is only reported.
pub(super) fn leave_drift<K: Kind>(
    engine: &Engine<K>,
    known: &Known<K>,
    context: &ReconcileContext<'_, K>,
) -> Outcome<Status<K>> {
    let (Some(wanted), Some(plan)) = (context.wanted, &known.plan) else {
        return Outcome::Requeue(Requeue::Again);
    };
    let left = differences(&plan.changes);
    match Reason::combined(&wanted.blocks) {
        Some(block) => {
            let mut report = Report::block(filled_status(engine, context), block).with(left);
            Planned::all(plan, replaces(context.request)).show(K::Object::common_mut(&mut report.status));
            Outcome::Report(report)
        }
        None => settled(engine, context, plan, plan.busy.clone(), left),
    }
}

/// Everything that can be sent was: what stands in the way, or that nothing does.
pub(super) fn conclude<K: Kind>(
    engine: &Engine<K>,
    known: &Known<K>,
    context: &ReconcileContext<'_, K>,
    only_operation: bool,
) -> Outcome<Status<K>> {
    let memory = engine.memories.load(&context.request.uid);
    let update = known.update(None, &memory, engine.settings.windows.lag);
    let (Some(wanted), Some(plan), Some(update)) = (context.wanted, &known.plan, update) else {
        return Outcome::Requeue(Requeue::Again);
    };
    left_over(engine, context, wanted, plan, &update.progress_of(only_operation))
}

fn left_over<K: Kind>(
    engine: &Engine<K>,
    context: &ReconcileContext<'_, K>,
    wanted: &Wanted<K::Want>,
    plan: &Plan,
    progress: &Progress,
) -> Outcome<Status<K>> {
    let waits = |change: &Change| plan.pending.iter().any(|pending| pending.changes.contains(change));
    let open = plan.changes.iter().filter(|change| !progress.taken.contains(change) && !waits(change));
    let left: Vec<Change> = open.cloned().collect();
    let mut blocks = [&wanted.blocks[..], &plan.blocks, &progress.in_vain].concat();
    if !progress.refused.is_empty() {
        blocks.push(refusal(engine, context, &progress.refused, &progress.waiting));
    }
    blocks.extend(next_replacement(engine, context, &left));
    if left.iter().any(|change| change.effect == Effect::Replace) {
        blocks.extend(wanted.faults.iter().cloned());
    }
    let busy = plan.busy.clone().or_else(|| progress.busy.clone());
    if blocks.is_empty() && busy.is_none() {
        blocks.extend(unexplained(&left));
    }
    let Some(block) = Reason::combined(&blocks) else { return settled(engine, context, plan, busy, None) };
    let mut status = filled_status(engine, context);
    let common = K::Object::common_mut(&mut status);
    Planned::before(plan, replaces(context.request)).show(common);
    common.applied = common.applied.take().map(|all| {
        let left = take_out(engine, context.request, all, progress);
        applied::took(left, &wanted.applied, &progress.taken)
    });
    let mut report = Report::block(status, block).with(differences(&left)).pending(plan.pending.as_ref());
    if context.have.is_some() && !plan.advice_stands {
        report = report.advising(Advice::joined(plan.advice.clone()));
    }
    if !progress.refused.is_empty() {
        report.next = report.next.min(again(engine, context, &progress.refused));
    }
    if progress.cut {
        report.next = Requeue::Again;
    }
    Outcome::Report(report)
}

/// What status says was applied, without what was added for calls that AWS refused for certain.
fn take_out<K: Kind>(engine: &Engine<K>, request: &Request<K::Object>, all: Applied, progress: &Progress) -> Applied {
    let definite = progress.refused.iter().filter(|refusal| holdable(&refusal.hold.fault));
    let changes: Vec<Change> =
        definite.flat_map(|refusal| &refusal.changes).chain(&progress.waiting).cloned().collect();
    let added = engine.memories.read(&request.uid, |memory| memory.added.clone()).unwrap_or_default();
    applied::without(all, &applied::part(&added, &changes))
}

/// Nothing is left to do; `left` is what differs and is only reported.
fn settled<K: Kind>(
    engine: &Engine<K>,
    context: &ReconcileContext<'_, K>,
    plan: &Plan,
    busy: Option<Reason>,
    left: Option<Differences>,
) -> Outcome<Status<K>> {
    let (Some(wanted), Some(have)) = (context.wanted, context.have) else {
        return Outcome::Requeue(Requeue::Again);
    };
    let mut status = filled_status(engine, context);
    let common = K::Object::common_mut(&mut status);
    let planned = if left.is_some() { Planned::all } else { Planned::before };
    planned(plan, replaces(context.request)).show(common);
    if plan.pending.is_some() {
        // What waits is not in force: the edit that it is from goes on.
        let applied = common.applied.get_or_insert_default();
        (applied.digest, applied.listed) = (None, None);
    } else if busy.is_none() {
        // Only now: while AWS's answer lags, a reset that it does not show yet must not be forgotten.
        // What is only reported is found again by a full look; and what others live on is always looked at.
        let rests = left.is_none() && engine.kind.found_by().child().is_some();
        let listed = if rests { have.listed() } else { None };
        let unknown: Vec<Change> = plan.unknown.iter().map(|unknown| unknown.change.clone()).collect();
        let in_force = applied::in_force(common.applied.as_ref(), &wanted.applied, &unknown);
        // An edit of what cannot be compared goes on. What left the spec waits for nothing.
        let goes_on = unknown.iter().any(|change| !change.want.is_null());
        let digest = (!goes_on).then(|| wanted.digest.clone());
        common.applied = Some(Applied { digest, listed, ..in_force });
        engine.memories.change(&context.request.uid, |memory| memory.added = None);
    }
    confirm(common, context, engine.kind.found_by().identity());
    let keep = plan.advice_stands;
    let advisory = if keep { None } else { Advice::joined(plan.advice.clone()) };
    if let Some(busy) = busy {
        let readiness = Readiness::NotReady(busy);
        let (next, drift) = (Requeue::After(POLL), Drift::Now(left));
        let report = Report { status, readiness, advisory, drift, pending: Box::new(Advice::AsBefore), next, keep };
        return Outcome::Report(report.pending(plan.pending.as_ref()));
    }
    let mut ready = have.ready_reason();
    if let Some(Pending { changes, .. }) = &plan.pending {
        ready.message = format!("{}; {} not in force yet, see DisruptionPending", ready.message, paths(changes));
    }
    if let Some(left) = &left {
        let message = format!("{}; differences are only reported: {}", ready.message, left.message);
        ready = Reason::new(reasons::DRIFT_DETECTED, message);
    }
    let due = plan.pending.as_ref().and_then(|pending| pending.due);
    let change = wanted
        .changes_at
        .into_iter()
        .chain(due)
        .min()
        .map_or(Requeue::OnChange, |at| Requeue::After(between(context.now, at)));
    let next = change.min(UNTIL_ITS_TURN);
    let (readiness, drift, pending) = (Readiness::Ready(ready), Drift::Now(left), Box::new(Advice::AsBefore));
    let report = Report { status, readiness, advisory, drift, pending, next, keep };
    Outcome::Report(report.pending(plan.pending.as_ref()))
}

/// Looked at only: the difference is what would be changed.
pub(super) fn report_drift<K: Kind>(engine: &Engine<K>, context: &ReconcileContext<'_, K>) -> Outcome<Status<K>> {
    let mut status = filled_status(engine, context);
    let plan = known::plan(engine, context).unwrap_or_default();
    Planned::all(&plan, replaces(context.request)).show(K::Object::common_mut(&mut status));
    let Some(have) = context.have else {
        let block = if context.request.object.policies().observes() {
            Reason::new(reasons::OBSERVED, "ObserveOnly: AWS does not have it")
        } else {
            Reason::stalled(
                reasons::DRIFT_DETECTED,
                "AWS no longer has it. With managementPolicy ReportDrift it is created anew only after an edit of the \
                 spec; Full does so at once",
            )
        };
        return Outcome::Report(Report::block(status, block).with(Some(drift::absent())));
    };
    let mut blocks = context.wanted.map(|wanted| wanted.blocks.clone()).unwrap_or_default();
    blocks.extend(plan.blocks);
    let refused =
        Reason::combined(&blocks).map(|block| format!("; not in order: {}", block.message)).unwrap_or_default();
    let message = format!("ObserveOnly: {}{refused}", have.ready_reason().message);
    let readiness = Readiness::Ready(Reason::new(reasons::OBSERVED, message));
    let (drift, next) = (Drift::Now(differences(&plan.changes)), UNTIL_ITS_TURN);
    let report =
        Report { status, readiness, advisory: None, drift, pending: Box::new(Advice::AsBefore), next, keep: false };
    Outcome::Report(report.pending(None))
}

/// The status with what this reconcile saw of an object that is ours (or only observed). What is somebody else's is
/// never shown.
pub(super) fn filled_status<K: Kind>(engine: &Engine<K>, context: &ReconcileContext<'_, K>) -> Status<K> {
    let mut status = context.request.status();
    if let Some(have) = context.have {
        engine.kind.fill_status(&mut status, context.target, context.wanted, have);
        record_account::<K>(&mut status, context.target);
    }
    status
}

/// Where it lives, as status keeps it.
pub(super) fn record_account<K: Kind>(status: &mut Status<K>, target: &Target<K::TargetDetail>) {
    let common = K::Object::common_mut(status);
    common.account_id = Some(target.account.id.clone());
    common.region = Some(target.account.region.clone());
    common.aws_identity = Some(target.identity.clone());
}

/// What differs though nothing was sent, nothing is refused and nothing stands in the way: never Ready in silence.
fn unexplained(left: &[Change]) -> Option<Reason> {
    let defect = || Reason::defect(format!("AWS differs in {} and no call is planned", paths(left)));
    (!left.is_empty()).then(defect)
}

/// An object that was seen in AWS as ours is confirmed. When, is kept: since then no create is sent, so it bounds how
/// late one can arrive. Where the attempt is recorded before it is sent, its own time does. Calls may have waited at the
/// limiter since it was seen, and another process may have sent a create meanwhile: what counts is the time of writing.
fn confirm<K: Kind>(common: &mut crate::api::CommonStatus, context: &ReconcileContext<'_, K>, identity: Identity) {
    let now = context.target.account.clock.now().unwrap_or(context.now);
    match &mut common.create {
        Some(record) if record.uid == context.request.uid && record.phase == CreatePhase::None => {}
        Some(record) if record.uid == context.request.uid => {
            record.phase = CreatePhase::None;
            if identity == Identity::Keyed {
                record.started_at = Some(now.to_string());
            }
        }
        other => {
            let (account, region) = (&context.target.account.id, &context.target.account.region);
            let record = RecordedCreate {
                uid: context.request.uid.clone(),
                phase: CreatePhase::None,
                attempt: None,
                started_at: now,
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

    #[test]
    fn a_difference_that_nothing_is_sent_for_is_a_defect_that_is_told() {
        assert_eq!(unexplained(&[]), None);
        let change = Change { path: "role".to_owned(), have: Value::Null, want: "x".into(), effect: Effect::Live };
        let Reason { code, message, needs_person, sought: _ } = unexplained(&[change]).unwrap();
        assert_eq!((code, needs_person), ("InternalError", true));
        assert!(message.contains("spec.role") && message.contains("report it"), "{message}");
    }
}
