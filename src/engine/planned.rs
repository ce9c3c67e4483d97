//! What is going to be changed, as status shows it beforehand: which changes, in what order, and when the table has to be
//! written. Pure; it decides nothing about the calls.
//!
//! A change that is made in place is not told before it is made: no write is spent on it. Values stand as those of drift
//! do, and secrets do not come here either.

use super::approval::unordered;
use super::diff::{Change, Effect};
use super::drift::{VALUE_MAX, text};
use super::kind::Plan;
use crate::api::CommonStatus;
use crate::api::status::{OperationKind, OperationRecord, PlannedChange};

/// How many changes status shows: what stops or replaces something comes first, so that this is never cut.
const SHOWN: usize = 50;

/// Why what is to be taken over is not known to be as the spec says: what differs stands in status, what cannot be compared is
/// named here with the cause. `advice` is what to do about it.
#[must_use]
pub fn not_identical(plan: &Plan, advice: &str) -> String {
    let unknown: Vec<&str> = plan.unknown.iter().map(|unknown| unknown.why.as_str()).collect();
    let unknown = unknown.join("; ");
    let why = match (plan.changes.is_empty(), unknown.is_empty()) {
        (_, true) => "differs from the spec, see status.drift".to_owned(),
        (true, false) => format!("does not differ from the spec as far as AWS shows it, but {unknown}"),
        (false, false) => format!("differs from the spec, see status.drift, and {unknown}"),
    };
    format!("what is to be taken over {why}; {advice}")
}

/// The table of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Planned {
    /// The first of its changes.
    rows: Vec<PlannedChange>,
    /// How many there are in all, where those are not all.
    count: Option<i32>,
}

impl Planned {
    /// Everything that the plan is about; `replaces` says whether something new takes the place of what cannot be
    /// changed.
    #[must_use]
    pub fn all(plan: &Plan, replaces: bool) -> Self {
        let mut changes: Vec<&Change> = plan.changes.iter().collect();
        changes.sort_by_key(|change| !change.effect.is_told_before());
        let rows = changes.iter().take(SHOWN).map(|change| row(change, plan, replaces)).collect();
        let count = (changes.len() > SHOWN).then(|| i32::try_from(changes.len()).unwrap_or(i32::MAX));
        Self { rows, count }
    }

    /// The same where something of it stops or replaces what is in use or cannot be had, else nothing.
    #[must_use]
    pub fn before(plan: &Plan, replaces: bool) -> Self {
        if plan.changes.iter().any(|change| change.effect.is_told_before()) {
            Self::all(plan, replaces)
        } else {
            Self::default()
        }
    }

    /// Whether status shows all of it that is told beforehand; in what order does not count. Nobody uses yet what is
    /// still being made.
    #[must_use]
    pub fn stands(&self, status: &CommonStatus) -> bool {
        let told = self.rows.iter().filter(|row| row.effect.is_told_before());
        let same = |one: &PlannedChange, other: &PlannedChange| {
            let PlannedChange { field, have, want, effect, step: _ } = one;
            (field, have, want, effect) == (&other.field, &other.have, &other.want, &other.effect)
        };
        making(status) || told.into_iter().all(|row| status.plan.iter().any(|shown| same(row, shown)))
    }

    /// Writes it into a status that has to show it.
    pub fn announce(self, status: &mut CommonStatus) {
        if !self.stands(status) {
            self.put(status);
        }
    }

    /// Writes it into a status that tells how things stand. While a sequence is under way what was announced stays: it
    /// says what the sequence is for.
    pub fn show(self, status: &mut CommonStatus) {
        if !(status.operation.as_deref().is_some_and(OperationRecord::goes_on) && self.stands(status)) {
            self.put(status);
        }
    }

    /// Its rows, and how many there are in all where those are not all.
    #[must_use]
    pub fn rows(self) -> (Vec<PlannedChange>, Option<i32>) {
        (self.rows, self.count)
    }

    /// In the place of what stands there.
    pub fn put(self, status: &mut CommonStatus) {
        (status.plan, status.plan_count) = (self.rows, self.count);
    }
}

/// A sequence that belongs to the create is under way.
fn making(status: &CommonStatus) -> bool {
    let operation = status.operation.as_ref().filter(|operation| operation.goes_on());
    operation.is_some_and(|operation| operation.kind == OperationKind::Create)
}

fn row(change: &Change, plan: &Plan, replaces: bool) -> PlannedChange {
    let Change { path, have, want, effect } = change;
    PlannedChange {
        field: format!("spec.{path}"),
        have: text(&unordered(have), VALUE_MAX),
        want: text(want, VALUE_MAX),
        effect: *effect,
        step: step(change, plan, replaces).and_then(|step| i32::try_from(step).ok()),
    }
}

/// Something new is made before anything else is sent, and what takes a stop comes after the calls that do not.
fn step(change: &Change, plan: &Plan, replaces: bool) -> Option<usize> {
    let replacing = replaces && plan.changes.iter().any(|change| change.effect == Effect::Replace);
    let first = if replacing { 2 } else { 1 };
    let resolves = |changes: &[Change]| changes.iter().any(|other| other.path == change.path);
    let call = plan.calls.iter().position(|call| resolves(&call.changes));
    match change.effect {
        Effect::Replace if replaces => Some(1),
        Effect::Replace | Effect::Refused => None,
        Effect::Restart | Effect::Offline => Some(call.unwrap_or(plan.calls.len()) + first),
        Effect::Live | Effect::Ec2 => call.map(|call| call + first).or_else(|| {
            let waits = plan.pending.as_ref().is_some_and(|pending| resolves(&pending.changes));
            waits.then_some(plan.calls.len() + first)
        }),
    }
}

#[cfg(test)]
#[path = "planned_tests.rs"]
mod tests;
