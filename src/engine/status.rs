//! From the readiness of a reconcile to the conditions of the object. Pure.
//!
//! Keeps to kstatus: Ready always there, never Reconciling and Stalled together, Stalled only where a person must act,
//! times kept while nothing changed.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::reason::Reason;
use crate::api::condition::{self, ConditionStatus, NewCondition, reasons, types};

/// How long a drift check may fail before Ready says that nobody knows any more.
pub const STALENESS_BUDGET: Duration = Duration::from_mins(10);

/// How long a check may fail before its failure takes the place of what is waited for: two that take turns would be
/// written and told at each turn.
const WAIT_GRACE: Duration = Duration::from_mins(1);

/// What a reconcile found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// As wanted, seen in AWS.
    Ready(Reason),
    /// Under way, or waiting for what comes by itself, or until a person acts.
    NotReady(Reason),
    /// A check failed for a reason that will pass, or that has lasted so long that a person must act.
    Failed {
        /// Why, should it come to be shown.
        reason: Reason,
        /// For how long by now.
        lasted: Duration,
    },
    /// Nothing is changed because the spec says so.
    Suspended {
        /// What the spec asks for is in force all the same: whatever was edited since says nothing about AWS.
        in_force: bool,
    },
}

/// What a reconcile has to say of what is worth a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Advice {
    /// It learnt nothing of it: what was said before stands.
    AsBefore,
    /// This, or that there is nothing.
    Now(Option<Reason>),
}

impl Advice {
    /// All hints of a reconcile as one condition: it has the reason of the first, and every other one stands in its
    /// message with its own.
    #[must_use]
    pub fn joined(hints: Vec<Reason>) -> Option<Reason> {
        let mut hints = hints.into_iter();
        let mut first = hints.next()?;
        first.message.extend(hints.map(|Reason { code, message, .. }| format!("; {code}: {message}")));
        Some(first)
    }
}

impl Readiness {
    /// A word for it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ready(_) => "settled",
            Self::NotReady(reason) if reason.needs_person => "stalled",
            Self::NotReady(_) => "waiting",
            Self::Failed { .. } => "failed",
            Self::Suspended { .. } => "suspended",
        }
    }
}

/// What the readiness is about.
#[derive(Clone, Debug)]
pub struct ConditionInputs {
    /// `metadata.generation`.
    pub generation: i64,
    /// `status.observedGeneration`.
    pub observed: i64,
    /// What is worth a look.
    pub advisory: Advice,
    /// What differs in AWS and is left so.
    pub drifted: Option<String>,
    /// What waits for a time at which it may be changed.
    pub pending: Advice,
    /// Now, for transition times.
    pub now: Timestamp,
}

/// The conditions after a reconcile, and the generation that they are about.
#[must_use]
pub fn compute_conditions(old: &[Condition], readiness: &Readiness, about: &ConditionInputs) -> (Vec<Condition>, i64) {
    let mut new = old.to_vec();
    let known = about.observed == about.generation && condition::is_true(old, types::READY);
    match readiness {
        Readiness::Suspended { in_force } => return suspended(new, about, *in_force),
        Readiness::Failed { reason, lasted } if stands(old, about, *lasted, reason.needs_person) => {
            return (new, about.observed);
        }
        Readiness::Failed { reason, .. } | Readiness::NotReady(reason) if reason.needs_person => {
            put(&mut new, about, types::READY, ConditionStatus::False, reason);
            put(&mut new, about, types::STALLED, ConditionStatus::True, reason);
            condition::remove(&mut new, types::RECONCILING);
        }
        Readiness::Failed { reason, .. } if known || still_unknown(old, about) => {
            let message = format!("it could not be checked for more than 10 minutes: {}", reason.message);
            let overdue = Reason::new(reasons::VERIFICATION_OVERDUE, message);
            put(&mut new, about, types::READY, ConditionStatus::Unknown, &overdue);
            put(&mut new, about, types::RECONCILING, ConditionStatus::True, &overdue);
            condition::remove(&mut new, types::STALLED);
        }
        Readiness::Failed { reason, .. } | Readiness::NotReady(reason) => {
            put(&mut new, about, types::READY, ConditionStatus::False, reason);
            put(&mut new, about, types::RECONCILING, ConditionStatus::True, reason);
            condition::remove(&mut new, types::STALLED);
        }
        Readiness::Ready(reason) => {
            put(&mut new, about, types::READY, ConditionStatus::True, reason);
            condition::remove(&mut new, types::RECONCILING);
            condition::remove(&mut new, types::STALLED);
        }
    }
    condition::remove(&mut new, types::SUSPENDED);
    for (kind, hint) in [(types::ADVISORY, &about.advisory), (types::DISRUPTION_PENDING, &about.pending)] {
        match hint {
            Advice::AsBefore => {}
            Advice::Now(Some(hint)) => put(&mut new, about, kind, ConditionStatus::True, hint),
            Advice::Now(None) => condition::remove(&mut new, kind),
        }
    }
    match &about.drifted {
        Some(message) => {
            let drifted = Reason::new(reasons::DRIFT_DETECTED, message.clone());
            put(&mut new, about, types::DRIFTED, ConditionStatus::True, &drifted);
        }
        None => condition::remove(&mut new, types::DRIFTED),
    }
    (new, about.generation)
}

/// Nothing is changed while the spec says so: what the other conditions say stands.
fn suspended(mut conditions: Vec<Condition>, about: &ConditionInputs, in_force: bool) -> (Vec<Condition>, i64) {
    let message = "spec.suspend is true: nothing is changed in AWS except deletion";
    let suspended = Reason::new(reasons::SUSPENDED, message);
    if condition::find(&conditions, types::READY).is_none() {
        // Suspended before anything was done: waiters must see that it is not.
        put(&mut conditions, about, types::READY, ConditionStatus::False, &suspended);
    }
    put(&mut conditions, about, types::SUSPENDED, ConditionStatus::True, &suspended);
    if !in_force {
        return (conditions, about.observed);
    }
    // What they say is true of this generation too.
    for condition in &mut conditions {
        condition.observed_generation = Some(about.generation);
    }
    (conditions, about.generation)
}

/// Whether what is known of this generation stands though a check failed: Ready, and what a person must mend, for as
/// long as the staleness budget; what is waited for, for a moment.
fn stands(old: &[Condition], about: &ConditionInputs, lasted: Duration, stalls: bool) -> bool {
    let known = about.observed == about.generation && condition::is_true(old, types::READY);
    let short = lasted < STALENESS_BUDGET;
    (known && short) || !stalls && (stalled(old, about) && short || waiting(old, about) && lasted < WAIT_GRACE)
}

/// This generation waits for something that is told already.
fn waiting(old: &[Condition], about: &ConditionInputs) -> bool {
    about.observed == about.generation && condition::is_true(old, types::RECONCILING)
}

/// This generation stands still until a person acts.
fn stalled(old: &[Condition], about: &ConditionInputs) -> bool {
    about.observed == about.generation && condition::is_true(old, types::STALLED)
}

/// Ready already says Unknown for this generation: it stays so until something is known again.
fn still_unknown(old: &[Condition], about: &ConditionInputs) -> bool {
    about.observed == about.generation
        && condition::find(old, types::READY).is_some_and(|ready| ready.status == ConditionStatus::Unknown.as_str())
}

fn put(
    conditions: &mut Vec<Condition>,
    about: &ConditionInputs,
    kind: &'static str,
    truth: ConditionStatus,
    reason: &Reason,
) {
    let Reason { code, message, needs_person: _, sought: _ } = reason;
    let observed_generation = about.generation;
    let new = NewCondition { r#type: kind, truth, reason: code, message: message.clone(), observed_generation };
    condition::set(conditions, new, about.now);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn about(generation: i64, observed: i64) -> ConditionInputs {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        let (advisory, pending) = (Advice::Now(None), Advice::Now(None));
        ConditionInputs { generation, observed, advisory, drifted: None, pending, now }
    }

    #[test]
    fn what_stalls_stays_so_while_aws_cannot_be_asked_for_a_moment() {
        let stalled = Readiness::NotReady(Reason::stalled("Conflict", "theirs"));
        let (old, observed) = compute_conditions(&[], &stalled, &about(1, 0));
        let failed = |lasted| Readiness::Failed { reason: Reason::new("Throttled", ""), lasted };
        assert_eq!(compute_conditions(&old, &failed(Duration::ZERO), &about(1, observed)).0, old);
        let (after, _) = compute_conditions(&old, &failed(STALENESS_BUDGET), &about(1, observed));
        assert!(!condition::is_true(&after, types::STALLED), "later it is not known any more");
        let (edited, _) = compute_conditions(&old, &failed(Duration::ZERO), &about(2, observed));
        assert!(!condition::is_true(&edited, types::STALLED), "an edit may have mended it");
    }

    fn says(conditions: &[Condition]) -> Vec<String> {
        conditions.iter().map(|c| format!("{}={} {}", c.type_, c.status, c.reason)).collect()
    }

    const SUSPENDED: Readiness = Readiness::Suspended { in_force: false };

    #[test]
    fn an_edit_of_suspend_alone_is_observed_as_what_is_wanted_is_in_force() {
        let (ready, _) = compute_conditions(&[], &settled(), &about(1, -1));
        let (suspended, observed) = compute_conditions(&ready, &Readiness::Suspended { in_force: true }, &about(2, 1));
        assert_eq!(says(&suspended), ["Ready=True Available", "Suspended=True Suspended"]);
        assert_eq!(observed, 2);
        assert!(suspended.iter().all(|condition| condition.observed_generation == Some(2)), "as waiting tools demand");
    }

    #[test]
    fn advice_of_any_reason_stands_while_nothing_is_learnt_of_it() {
        let advised =
            ConditionInputs { advisory: Advice::Now(Some(Reason::new("OfALaterVersion", "look"))), ..about(1, -1) };
        let (first, _) = compute_conditions(&[], &settled(), &advised);
        assert_eq!(says(&first), ["Ready=True Available", "Advisory=True OfALaterVersion"]);
        let as_before = ConditionInputs { advisory: Advice::AsBefore, ..about(1, 1) };
        let stalled = Readiness::NotReady(Reason::stalled("Rejected", ""));
        let (then, _) = compute_conditions(&first, &stalled, &as_before);
        assert!(says(&then).contains(&"Advisory=True OfALaterVersion".to_owned()), "{:?}", says(&then));
        let (mended, _) = compute_conditions(&then, &settled(), &about(1, 1));
        assert_eq!(says(&mended), ["Ready=True Available"]);
    }

    fn settled() -> Readiness {
        Readiness::Ready(Reason::new("Available", ""))
    }

    fn failed(minutes: u64) -> Readiness {
        let lasted = Duration::from_mins(minutes);
        Readiness::Failed { reason: Reason::new("AwsUnavailable", "x"), lasted }
    }

    fn denied(minutes: u64) -> Readiness {
        let lasted = Duration::from_mins(minutes);
        let reason = if minutes >= 5 { Reason::stalled } else { Reason::new };
        Readiness::Failed { reason: reason("AccessDenied", "x"), lasted }
    }

    #[test]
    fn each_verdict_has_its_word() {
        let waiting = Readiness::NotReady(Reason::new("R", ""));
        let stalled = Readiness::NotReady(Reason::stalled("R", ""));
        let all = [settled(), waiting, stalled, failed(1), SUSPENDED];
        assert_eq!(all.map(|readiness| readiness.name()), ["settled", "waiting", "stalled", "failed", "suspended"]);
    }

    #[test]
    fn ready_that_is_unknown_stays_so_until_something_is_known_again() {
        let (ready, observed) = compute_conditions(&[], &settled(), &about(1, -1));
        let (unknown, observed) = compute_conditions(&ready, &failed(11), &about(1, observed));
        assert!(says(&unknown).iter().any(|line| line.starts_with("Ready=Unknown")), "{:?}", says(&unknown));
        let (still, observed) = compute_conditions(&unknown, &failed(12), &about(1, observed));
        assert_eq!(still, unknown, "and the reasons do not change between two overdue looks");
        // Of another generation nothing was ever known.
        let (edited, _) = compute_conditions(&still, &failed(13), &about(2, observed));
        assert!(says(&edited).iter().any(|line| line.starts_with("Ready=False")), "{:?}", says(&edited));
    }

    #[test]
    fn each_verdict_has_its_conditions() {
        let waiting = Readiness::NotReady(Reason::new("Updating", ""));
        let stalled = Readiness::NotReady(Reason::stalled("Rejected", ""));
        let (ready, _) = compute_conditions(&[], &settled(), &about(1, -1));
        let rows: &[(&[Condition], &Readiness, ConditionInputs, &[&str], &str)] = &[
            (&[], &waiting, about(1, -1), &["Ready=False Updating", "Reconciling=True Updating"], "under way"),
            (&[], &stalled, about(1, -1), &["Ready=False Rejected", "Stalled=True Rejected"], "refused"),
            (
                &ready,
                &stalled,
                about(2, 1),
                &["Ready=False Rejected", "Stalled=True Rejected"],
                "a new edit is refused",
            ),
            (&ready, &failed(1), about(1, 1), &["Ready=True Available"], "a failing check within the budget"),
            (
                &ready,
                &failed(11),
                about(1, 1),
                &["Ready=Unknown VerificationOverdue", "Reconciling=True VerificationOverdue"],
                "beyond the budget",
            ),
            (
                &ready,
                &failed(0),
                about(2, 1),
                &["Ready=False AwsUnavailable", "Reconciling=True AwsUnavailable"],
                "an edit that could not be applied is not Ready",
            ),
            (&ready, &denied(6), about(1, 1), &["Ready=True Available"], "a check that is denied, within the budget"),
            (
                &ready,
                &denied(11),
                about(1, 1),
                &["Ready=False AccessDenied", "Stalled=True AccessDenied"],
                "beyond the budget a person must act",
            ),
            (
                &ready,
                &denied(6),
                about(2, 1),
                &["Ready=False AccessDenied", "Stalled=True AccessDenied"],
                "an edit that is denied for minutes",
            ),
            (
                &ready,
                &SUSPENDED,
                about(1, 1),
                &["Ready=True Available", "Suspended=True Suspended"],
                "suspend leaves the others as they were",
            ),
        ];
        for (old, readiness, about, expected, reason) in rows {
            assert_eq!(&says(&compute_conditions(old, readiness, about).0), expected, "{reason}");
        }
    }

    #[test]
    fn drift_that_is_left_so_is_told_beside_ready_and_goes_with_its_cause() {
        let drifted = ConditionInputs { drifted: Some("spec.a".to_owned()), ..about(1, -1) };
        let (conditions, _) = compute_conditions(&[], &settled(), &drifted);
        assert_eq!(says(&conditions), ["Ready=True Available", "Drifted=True DriftDetected"]);
        assert_eq!(says(&compute_conditions(&conditions, &settled(), &about(1, 1)).0), ["Ready=True Available"]);
        let failed = compute_conditions(&conditions, &failed(1), &about(1, 1)).0;
        assert_eq!(failed, conditions, "a check that failed says nothing of it");
    }

    #[test]
    fn the_same_verdict_again_changes_nothing() {
        let (first, _) = compute_conditions(&[], &settled(), &about(1, -1));
        let later = ConditionInputs { now: "2026-01-02T00:00:00Z".parse().unwrap(), ..about(1, 1) };
        assert_eq!(compute_conditions(&first, &settled(), &later).0, first);
    }

    #[test]
    fn a_check_that_fails_now_and_then_takes_no_turns_with_what_is_waited_for() {
        let blocked = Readiness::NotReady(Reason::new("DeletionBlocked", ""));
        let (waits, _) = compute_conditions(&[], &blocked, &about(1, -1));
        assert_eq!(compute_conditions(&waits, &failed(0), &about(1, 1)).0, waits);
        let (told, _) = compute_conditions(&waits, &failed(1), &about(1, 1));
        assert_eq!(says(&told), ["Ready=False AwsUnavailable", "Reconciling=True AwsUnavailable"]);
        let (edited, _) = compute_conditions(&waits, &failed(0), &about(2, 1));
        assert_eq!(says(&edited), ["Ready=False AwsUnavailable", "Reconciling=True AwsUnavailable"], "an edit is new");
    }

    #[test]
    fn suspended_from_the_start_is_not_ready() {
        let (conditions, observed) = compute_conditions(&[], &SUSPENDED, &about(1, -1));
        assert_eq!(says(&conditions), ["Ready=False Suspended", "Suspended=True Suspended"]);
        assert_eq!(observed, -1);
    }

    #[test]
    fn suspend_and_short_failures_do_not_claim_the_new_generation() {
        let (ready, _) = compute_conditions(&[], &settled(), &about(1, -1));
        assert_eq!(compute_conditions(&ready, &SUSPENDED, &about(2, 1)).1, 1);
        assert_eq!(compute_conditions(&ready, &failed(1), &about(1, 1)).1, 1);
    }

    #[test]
    fn several_hints_are_one_condition_with_the_reason_of_the_first() {
        let hint = |code, message: &str| Reason::new(code, message);
        assert_eq!(Advice::joined(Vec::new()), None);
        assert_eq!(Advice::joined(vec![hint("A", "one")]), Some(hint("A", "one")));
        let all = vec![hint("A", "one"), hint("B", "two"), hint("C", "three")];
        assert_eq!(Advice::joined(all), Some(hint("A", "one; B: two; C: three")));
    }
}
