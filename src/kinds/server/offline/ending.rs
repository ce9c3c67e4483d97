//! How a sequence that stops a server ends: what it leaves behind, and what may still arrive of it. Pure.

use jiff::SignedDuration;

use super::window::Gate;
use super::{Due, Mode, Situation, begin, failed, first, led, since, start_call, state, step, took, write};
use crate::api::condition::reasons;
use crate::api::status::{OperationPhase, OperationRecord};
use crate::engine::diff;
use crate::engine::kind::OperationStep;
use crate::engine::reason::Reason;

/// How late a stop may still arrive: AWS takes a signature for fifteen minutes, and shows what it did within two.
const LATE: SignedDuration = SignedDuration::from_mins(17);

/// So long after its end a server that is OFFLINE is taken for one that was stopped late: by then somebody looked, were it
/// only a process that was upgraded. Later a person stopped it, and records of earlier versions stand for ever.
const GUARDED: SignedDuration = SignedDuration::from_hours(1);

/// No stop is sent any more. One that was sent may still arrive.
pub fn withdrawn(about: &Situation, record: &OperationRecord) -> Due {
    match state(about) {
        // What was not begun is not begun by a stop that comes late.
        "OFFLINE" if may_begin(about) => led(about, reasons::STOPPING, write(OperationPhase::Stopped, &first(about))),
        "OFFLINE" => led(about, reasons::STARTING, write(OperationPhase::TakingBack, &first(about))),
        "ONLINE" if record.started_at.is_none() => write(OperationPhase::Withdrawn, &since(about, record)),
        "ONLINE" if took(about, record) > LATE => Due { operation: Some(step(None)), ..Due::default() },
        "ONLINE" => begin(about),
        "STOP_FAILED" | "START_FAILED" => led(about, reasons::STARTING, failed(about, start_call(about))),
        _ => led(about, reasons::STOPPING, Due::default()),
    }
}

/// Whether something may be begun on a server that is OFFLINE: no hours are asked for, as nobody is on it.
fn may_begin(about: &Situation) -> bool {
    about.mode == Mode::Full && !matches!(about.gate, Gate::Unapproved(_))
}

/// AWS refused the change, and the server runs. One more stop may have been sent for it, and still arrive.
pub fn ended(about: &Situation, record: &OperationRecord) -> Due {
    match state(about) {
        _ if took(about, record) > GUARDED && about.mode != Mode::Full => over(record),
        _ if took(about, record) > GUARDED => given_up(about, record),
        "OFFLINE" if may_begin(about) && !same(about, record) => begin(about),
        "OFFLINE" => led(about, reasons::STARTING, write(OperationPhase::TakingBack, record)),
        "ONLINE" if took(about, record) > LATE => over(record),
        "ONLINE" if about.offline.is_empty() => done(record),
        "ONLINE" => given_up(about, record),
        "STOP_FAILED" | "START_FAILED" => led(about, reasons::STARTING, failed(about, start_call(about))),
        _ => led(about, reasons::STOPPING, Due::default()),
    }
}

/// AWS refused the change, and the server runs. Another edit is another change.
pub fn given_up(about: &Situation, record: &OperationRecord) -> Due {
    if about.mode != Mode::Full {
        return Due::default();
    }
    if about.offline.is_empty() {
        return Due { operation: Some(step(None)), ..Due::default() };
    }
    if !same(about, record) {
        return begin(about);
    }
    let why = record.refusal.as_deref().unwrap_or("AWS refused it");
    let message = format!(
        "{} not in force: {why}; what could be put back was, and the server was started. It is not stopped for this \
         again before an edit of the spec",
        diff::paths(about.offline)
    );
    Due { block: Some(Reason::stalled(reasons::CHANGE_REFUSED, message)), ..Due::default() }
}

/// Whether what is wanted is what was refused. What a person approved was approved for one time: that something else of
/// the object changed since is no new approval.
fn same(about: &Situation, record: &OperationRecord) -> bool {
    let spent = record.plan_hash.is_some() && record.plan_hash == about.plan_hash;
    record.refused_digest.as_deref() == Some(about.digest) || spent
}

/// The spec came to want it OFFLINE: what is left is changed, and it stays. A stop that comes late is as good as any.
pub fn offline_for_good(about: &Situation, record: &OperationRecord) -> Due {
    match record.phase {
        OperationPhase::GivenUp if !record.guards() => return given_up(about, record),
        OperationPhase::GivenUp => return over(record),
        OperationPhase::Withdrawn => return Due { operation: Some(step(None)), ..Due::default() },
        _ => {}
    }
    match (state(about), about.next.clone().filter(|_| about.mode == Mode::Full)) {
        ("OFFLINE", Some(call)) => {
            let operation = Some(OperationStep { after_refusal: true, ..step(None) });
            Due { call: Some(call), operation, ..Due::default() }
        }
        ("OFFLINE", None) => Due { operation: Some(step(None)), ..Due::default() },
        _ => Due::default(),
    }
}

/// It runs. The record stays for what may still arrive; from then on, where AWS refused it, for what it refused.
pub fn end(about: &Situation, record: &OperationRecord) -> Due {
    let took = took(about, record).as_secs().max(0);
    let id = &about.server.server_id;
    let why = record.remaining.join(", ");
    let why = if why.is_empty() { why } else { format!(" for {why}") };
    let message = format!("server {id} is ONLINE again, {took} s after its stop{why}");
    let left = record.refused_digest.is_some() && record.refusal.is_some();
    // That it is to be started was read from the record, so no stop is sent for it any more: this date is no guess.
    let mut record = since(about, record);
    if !left || about.back.is_none() {
        // Nothing is off.
        record.prior_address_allocation_ids.clear();
        record.prior_subnet_ids.clear();
    }
    let due = if left { write(OperationPhase::GivenUp, &record) } else { done(&record) };
    let event = Some((left, reasons::DISRUPTED, message));
    Due { operation: due.operation.map(|step| OperationStep { event, ..step }), ..Due::default() }
}

/// Nothing is left of it but what may still arrive: what was refused or approved counts no more.
pub fn done(record: &OperationRecord) -> Due {
    let record = OperationRecord { refusal: None, refused_digest: None, plan_hash: None, ..record.clone() };
    write(OperationPhase::Withdrawn, &record)
}

/// Nothing of it can arrive any more. What AWS refused is still told.
fn over(record: &OperationRecord) -> Due {
    write(OperationPhase::GivenUp, &OperationRecord { prior_state: None, ..record.clone() })
}
