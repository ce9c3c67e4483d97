//! Changes that take a stop: what is due next, from what AWS shows and what is recorded. Pure.
//!
//! The order is stop, change, start, and one record leads through it (`status.operation`): it is written before the stop,
//! so that whatever process comes next knows that the server is to run again, and before the start, so that nothing is
//! stopped twice for one change. What is left to change is never read from the record but seen in AWS. What AWS refuses
//! for certain is taken back once, and the server started: partners are worth more than the edit. At its end the record
//! stays until no stop that was sent for it can arrive any more, also one that was sent twice.

pub(crate) mod calls;
mod ending;
pub mod window;

use jiff::{SignedDuration, Timestamp};

use self::ending::{done, end, ended, given_up, offline_for_good, withdrawn};
use self::window::Gate;
use crate::api::condition::reasons;
use crate::api::server::DesiredState;
use crate::api::status::{OperationKind, OperationPhase, OperationRecord};
use crate::aws::Mutation;
use crate::aws::transfer::{Server, StartServer, StopServer};
use crate::engine::diff::{self, Change};
use crate::engine::kind::{OperationStep, PlannedCall};
use crate::engine::reason::Reason;

/// So often a server is stopped for one change at most: once more where somebody started it in between.
const STOPS: i32 = 2;

/// So long after its stop a server is started whatever EC2 shows of its endpoint: one that nobody can reach yet is better
/// than one that stays OFFLINE.
const PATIENCE: SignedDuration = SignedDuration::from_mins(15);

/// A server that failed to start or to stop is told to so often: AWS names no cause, and trying it all the time mends
/// none.
pub(crate) const AGAIN: std::time::Duration = std::time::Duration::from_hours(1);

/// How much may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Everything.
    Full,
    /// Only what was begun is ended: the object is suspended, or only reports.
    Finish,
    /// Only what was taken off is put back, and the server started: the grant was withdrawn, or the object goes.
    Restore,
}

/// What the decision is made of.
#[derive(Clone, Debug)]
pub struct Situation<'a> {
    /// The server, as AWS shows it.
    pub server: &'a Server,
    /// Whether it shall run.
    pub desired: DesiredState,
    /// What differs and goes only while it is OFFLINE, or with what does.
    pub offline: &'a [Change],
    /// The next call for that, once it is OFFLINE.
    pub next: Option<PlannedCall>,
    /// The next call that puts back what was taken off.
    pub back: Option<PlannedCall>,
    /// What status records.
    pub record: Option<&'a OperationRecord>,
    /// Whether it may be stopped now.
    pub gate: Gate,
    /// The plan that a person approved, where that is asked for.
    pub plan_hash: Option<String>,
    /// Why a stop would be for nothing, or worse.
    pub unfit: Option<Reason>,
    /// Why it must not be changed further or started yet.
    pub unready: Option<Reason>,
    /// Digest of all that is wanted.
    pub digest: &'a str,
    /// How much may be done.
    pub mode: Mode,
    /// AWS's clock.
    pub now: Timestamp,
}

/// What is due.
#[derive(Debug, Default)]
pub struct Due {
    /// The call.
    pub call: Option<PlannedCall>,
    /// What is to be written first, or once AWS refused the call.
    pub operation: Option<OperationStep>,
    /// AWS, or the sequence, is on its way.
    pub busy: Option<Reason>,
    /// Why it does not go on.
    pub block: Option<Reason>,
    /// The change waits for a time: why, and until when.
    pub pending: Option<(Reason, Option<Timestamp>)>,
    /// The sequence says what becomes of the run state, and nothing else does.
    pub leads: bool,
}

/// What is due next.
#[must_use]
pub fn next(about: &Situation) -> Due {
    let Some(record) = about.record else { return begin(about) };
    if about.desired == DesiredState::Offline {
        return offline_for_good(about, record);
    }
    match record.phase {
        OperationPhase::GivenUp if record.guards() => ended(about, record),
        OperationPhase::GivenUp => given_up(about, record),
        OperationPhase::Stopping => stopping(about, record),
        OperationPhase::Stopped | OperationPhase::TakingBack => stopped(about, record),
        OperationPhase::Starting => starting(about, record),
        OperationPhase::Withdrawn => withdrawn(about, record),
    }
}

/// Nothing was begun.
fn begin(about: &Situation) -> Due {
    if about.offline.is_empty() || about.mode != Mode::Full {
        return Due::default();
    }
    match (about.desired, state(about), &about.gate) {
        (DesiredState::Offline, "OFFLINE", _) => Due { call: about.next.clone(), ..Due::default() },
        // It is stopped before it is changed, which is what the spec says anyway.
        (DesiredState::Offline, ..) => waits_for(about, "OFFLINE"),
        // Also where somebody stopped it.
        (DesiredState::Online, _, Gate::Unapproved(reason)) => pending(about, reason, None),
        // Somebody stopped it: it is changed before it is started, so that it need not be stopped again.
        (DesiredState::Online, "OFFLINE", _) => {
            led(about, reasons::UPDATING, write(OperationPhase::Stopped, &first(about)))
        }
        (DesiredState::Online, "ONLINE", Gate::Open) => match &about.unfit {
            Some(reason) => Due { block: Some(reason.clone()), ..Due::default() },
            None => Due { operation: Some(stop(about, &first(about))), ..Due::default() },
        },
        (DesiredState::Online, _, Gate::Closed(reason, due)) => pending(about, reason, *due),
        (DesiredState::Online, ..) => waits_for(about, "ONLINE"),
    }
}

/// What is recorded of a sequence that begins. What it had before is what it has, unless a sequence that was cut short
/// or refused took something off that is still off.
fn first(about: &Situation) -> OperationRecord {
    let settings = &about.server.settings;
    let (held, here) = (calls::addresses(settings), calls::subnets(settings));
    // What a person attached since counts, and where a person moved it.
    let off = about.record.filter(|record| held.is_empty() && has_prior(record));
    let (addresses, subnets) = match off {
        Some(OperationRecord {
            phase: OperationPhase::Withdrawn,
            prior_address_allocation_ids,
            prior_subnet_ids,
            ..
        }) => (prior_address_allocation_ids.clone(), prior_subnet_ids.clone()),
        Some(OperationRecord { phase: OperationPhase::GivenUp, prior_address_allocation_ids, .. }) => {
            (prior_address_allocation_ids.clone(), here)
        }
        _ => (held, here),
    };
    OperationRecord {
        kind: OperationKind::Offline,
        phase: OperationPhase::Stopping,
        started_at: Some(about.now.to_string()),
        prior_state: Some("ONLINE".to_owned()),
        stops: 0,
        prior_address_allocation_ids: addresses,
        prior_subnet_ids: subnets,
        remaining: about.offline.iter().map(|change| format!("spec.{}", change.path)).collect(),
        refusal: None,
        refused_digest: None,
        plan_hash: about.plan_hash.clone(),
    }
}

fn has_prior(record: &OperationRecord) -> bool {
    !record.prior_address_allocation_ids.is_empty() || !record.prior_subnet_ids.is_empty()
}

/// The stop is recorded, with an Event that tells who is on the server.
fn stop(about: &Situation, record: &OperationRecord) -> OperationStep {
    let (id, paths) = (&about.server.server_id, diff::paths(about.offline));
    let message = format!("server {id} is stopped to change {paths}; sessions, if there are any, end");
    let phase = OperationPhase::Stopping;
    let plan_hash = about.plan_hash.clone();
    let record = OperationRecord { phase, stops: record.stops + 1, plan_hash, ..record.clone() };
    OperationStep { event: Some((true, reasons::STOPPING, message)), ..step(Some(record)) }
}

/// It waits for its time; where only a person can say when that is, it stands in the way.
fn pending(about: &Situation, reason: &Reason, due: Option<Timestamp>) -> Due {
    if reason.needs_person {
        return Due { block: Some(reason.clone()), ..Due::default() };
    }
    let message = format!("{} takes a stop of the server: {}", diff::paths(about.offline), reason.message);
    Due { pending: Some((Reason { message, ..reason.clone() }, due)), ..Due::default() }
}

/// The stop may have been sent, or not.
fn stopping(about: &Situation, record: &OperationRecord) -> Due {
    let goes_on = about.mode == Mode::Full && !about.offline.is_empty() && open(about, record);
    let due = match state(about) {
        "OFFLINE" => write(OperationPhase::Stopped, record),
        // Dated by who reads it: this may be written long after it was decided, and until then others may send a stop.
        "ONLINE" if !goes_on => done(&OperationRecord { started_at: None, ..record.clone() }),
        "ONLINE" if about.unfit.is_some() && record.kind == OperationKind::Create => {
            Due { block: about.unfit.clone(), ..Due::default() }
        }
        "ONLINE" => Due { call: Some(stop_call(about)), ..Due::default() },
        "STOP_FAILED" | "START_FAILED" if goes_on => failed(about, stop_call(about)),
        "STOP_FAILED" | "START_FAILED" => failed(about, start_call(about)),
        _ => Due::default(),
    };
    led(about, reasons::STOPPING, due)
}

/// Whether it may be stopped for what is recorded. What was never in use is disrupted by nothing.
fn open(about: &Situation, record: &OperationRecord) -> bool {
    about.gate == Gate::Open || record.kind == OperationKind::Create
}

/// It is OFFLINE for a change, or was, and is changed or put back.
fn stopped(about: &Situation, record: &OperationRecord) -> Due {
    let back = record.phase == OperationPhase::TakingBack || about.mode == Mode::Restore;
    let call = if back { about.back.clone() } else { about.next.clone() };
    let due = match (state(about), call) {
        // AWS takes no change of a network before it made the last one.
        ("OFFLINE", Some(_)) if waits(about, record) => Due { busy: about.unready.clone(), ..Due::default() },
        ("OFFLINE", Some(call)) => {
            let refused_digest = Some(about.digest.to_owned());
            let after = OperationRecord { refused_digest, ..record.clone() };
            let phase = if back { OperationPhase::Starting } else { OperationPhase::TakingBack };
            let operation = OperationStep { after_refusal: true, ..step(Some(OperationRecord { phase, ..after })) };
            Due { call: Some(call), operation: Some(operation), ..Due::default() }
        }
        ("OFFLINE" | "START_FAILED" | "STOP_FAILED", _) => write(OperationPhase::Starting, record),
        // Somebody started it. What may be stopped once more is, and then it stays as it is.
        ("ONLINE", Some(_)) if !back && record.stops < STOPS && open(about, record) => {
            Due { operation: Some(stop(about, record)), ..Due::default() }
        }
        ("ONLINE", Some(_)) if !back => {
            let refusal = Some("the server was started while it was OFFLINE for the change".to_owned());
            let refused_digest = Some(about.digest.to_owned());
            end(about, &OperationRecord { refusal, refused_digest, ..record.clone() })
        }
        ("ONLINE", _) => end(about, record),
        _ => Due::default(),
    };
    led(about, reasons::UPDATING, due)
}

/// Nothing is left but to start it.
fn starting(about: &Situation, record: &OperationRecord) -> Due {
    let due = match state(about) {
        "OFFLINE" if waits(about, record) => Due { busy: about.unready.clone(), ..Due::default() },
        "OFFLINE" => Due { call: Some(start_call(about)), ..Due::default() },
        "START_FAILED" | "STOP_FAILED" => failed(about, start_call(about)),
        "ONLINE" => end(about, record),
        _ => Due::default(),
    };
    led(about, reasons::STARTING, due)
}

/// Whether what AWS makes of the network is waited for, which has an end.
fn waits(about: &Situation, record: &OperationRecord) -> bool {
    about.unready.is_some() && took(about, record) < PATIENCE
}

/// Since when the record stands; of one that does not say it, for long.
fn took(about: &Situation, record: &OperationRecord) -> SignedDuration {
    let since = record.started_at.as_deref().and_then(|at| at.parse::<Timestamp>().ok());
    since.map_or(SignedDuration::MAX, |since| about.now.duration_since(since))
}

/// The same record from now on.
fn since(about: &Situation, record: &OperationRecord) -> OperationRecord {
    OperationRecord { started_at: Some(about.now.to_string()), ..record.clone() }
}

fn write(phase: OperationPhase, record: &OperationRecord) -> Due {
    Due { operation: Some(step(Some(OperationRecord { phase, ..record.clone() }))), ..Due::default() }
}

fn step(record: Option<OperationRecord>) -> OperationStep {
    OperationStep { record, after_refusal: false, event: None }
}

/// The sequence rules the run state, and the object is not Ready while it does.
fn led(about: &Situation, code: &'static str, due: Due) -> Due {
    let doing = || {
        let id = &about.server.server_id;
        let message = format!("server {id} is {}, for a change that takes a stop", state(about));
        Reason::new(code, message)
    };
    Due { busy: due.busy.or_else(|| Some(doing())), leads: true, ..due }
}

fn waits_for(about: &Situation, goal: &str) -> Due {
    let message = format!("{} changes once the server is {goal}", diff::paths(about.offline));
    Due { busy: Some(Reason::new(reasons::UPDATING, message)), ..Due::default() }
}

/// It is told to do so once an hour, and a person is called.
fn failed(about: &Situation, call: PlannedCall) -> Due {
    let (id, state) = (&about.server.server_id, state(about));
    let code = if state == "STOP_FAILED" { reasons::STOP_FAILED } else { reasons::START_FAILED };
    let message = format!(
        "server {id} is {state} in the middle of a change; AWS names no cause and advises to contact AWS Support"
    );
    let call = PlannedCall { rests: Some(AGAIN), ..call };
    Due { call: Some(call), block: Some(Reason::stalled(code, message)), ..Due::default() }
}

fn stop_call(about: &Situation) -> PlannedCall {
    let server_id = about.server.server_id.clone();
    PlannedCall { operation: true, ..PlannedCall::new(Mutation::StopServer(StopServer { server_id }), Vec::new()) }
}

fn start_call(about: &Situation) -> PlannedCall {
    let server_id = about.server.server_id.clone();
    PlannedCall { operation: true, ..PlannedCall::new(Mutation::StartServer(StartServer { server_id }), Vec::new()) }
}

fn state<'a>(about: &Situation<'a>) -> &'a str {
    about.server.state.as_deref().unwrap_or_default()
}

#[cfg(test)]
mod tests;
