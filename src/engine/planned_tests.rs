#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use serde_json::{Value, json};

use super::*;
use crate::api::condition::reasons;
use crate::api::status::OperationPhase;
use crate::aws::Mutation;
use crate::engine::kind::{Pending, PlannedCall};
use crate::engine::reason::Reason;

fn change(path: &str, effect: Effect) -> Change {
    Change { path: path.to_owned(), have: Value::Null, want: json!("new"), effect }
}

fn call(changes: &[Change]) -> PlannedCall {
    PlannedCall::new(Mutation::untag("arn".to_owned(), Vec::new()), changes.to_vec())
}

fn plan(changes: &[Change], calls: Vec<PlannedCall>) -> Plan {
    Plan { changes: changes.to_vec(), calls, ..Plan::default() }
}

/// Field, effect and step of each row.
fn rows(planned: Planned) -> Vec<(String, Effect, Option<i32>)> {
    planned.rows.into_iter().map(|row| (row.field, row.effect, row.step)).collect()
}

fn operation(kind: OperationKind, phase: OperationPhase) -> CommonStatus {
    let operation = Some(Box::new(OperationRecord { kind, phase, ..OperationRecord::default() }));
    CommonStatus { operation, ..CommonStatus::default() }
}

#[test]
fn only_what_stops_replaces_or_is_refused_is_told_beforehand() {
    let told = |effect| !Planned::before(&plan(&[change("a", effect)], Vec::new()), false).rows.is_empty();
    let rows = [
        (Effect::Live, false),
        (Effect::Ec2, false),
        (Effect::Restart, true),
        (Effect::Offline, true),
        (Effect::Replace, true),
        (Effect::Refused, true),
    ];
    for (effect, expected) in rows {
        assert_eq!(told(effect), expected, "{effect:?}");
        assert!(!Planned::all(&plan(&[change("a", effect)], Vec::new()), false).rows.is_empty(), "{effect:?}");
    }
}

#[test]
fn a_row_says_what_its_change_takes_and_in_which_step() {
    let (live, also) = (change("banner", Effect::Live), change("tags[a]", Effect::Live));
    let (stop, with, no) =
        (change("address", Effect::Offline), change("other", Effect::Live), change("role", Effect::Refused));
    let calls = vec![call(std::slice::from_ref(&live)), call(std::slice::from_ref(&also))];
    let mut all = plan(&[live, also, stop.clone(), with.clone(), no], calls);
    let reason = Reason::new(reasons::OUTSIDE_WINDOW, "later");
    all.pending = Some(Pending { reason, changes: vec![stop, with], due: None });
    let of = |name: &str, effect, step| (format!("spec.{name}"), effect, step);
    let expected = [
        of("address", Effect::Offline, Some(3)),
        of("role", Effect::Refused, None),
        of("banner", Effect::Live, Some(1)),
        of("tags[a]", Effect::Live, Some(2)),
        of("other", Effect::Live, Some(3)),
    ];
    assert_eq!(rows(Planned::before(&all, false)), expected);
}

#[test]
fn what_is_replaced_comes_first_and_is_not_sent_where_nothing_replaces_it() {
    let (new, tag) = (change("steps", Effect::Replace), change("tags[a]", Effect::Live));
    let all = plan(&[new, tag.clone()], vec![call(&[tag])]);
    let steps = |replaces| rows(Planned::before(&all, replaces)).into_iter().map(|row| row.2).collect::<Vec<_>>();
    assert_eq!(steps(true), [Some(1), Some(2)]);
    assert_eq!(steps(false), [None, Some(1)]);
}

#[test]
fn fifty_rows_are_shown_those_that_stop_first_and_all_are_counted() {
    let mut changes: Vec<Change> = (0..60).map(|n| change(&format!("tags[{n}]"), Effect::Live)).collect();
    assert_eq!(Planned::all(&plan(&changes[..50], Vec::new()), false).count, None);
    changes.push(change("address", Effect::Offline));
    let long = Change { want: json!("x".repeat(5000)), ..change("passiveIp", Effect::Restart) };
    changes.push(long);
    let Planned { rows, count } = Planned::before(&plan(&changes, Vec::new()), false);
    assert_eq!((rows.len(), count), (50, Some(62)));
    assert_eq!(rows[0].field, "spec.address");
    assert!(rows[1].want.as_ref().unwrap().len() < 300, "values are cut as those of drift are");
}

#[test]
fn what_stands_there_is_not_written_again_and_another_difference_is() {
    let (live, stop) = (change("banner", Effect::Live), change("address", Effect::Offline));
    let whole = plan(&[live, stop.clone()], Vec::new());
    let mut status = CommonStatus::default();
    assert!(!Planned::before(&whole, false).stands(&status));
    Planned::before(&whole, false).announce(&mut status);
    assert_eq!(status.plan.len(), 2);
    // The live part is done: no write for that.
    assert!(Planned::before(&plan(std::slice::from_ref(&stop), Vec::new()), false).stands(&status));
    assert!(Planned::before(&plan(&[], Vec::new()), false).stands(&status));
    let elsewhere = Change { have: json!("moved"), ..stop };
    assert!(!Planned::before(&plan(&[elsewhere], Vec::new()), false).stands(&status), "another plan");
}

#[test]
fn what_was_announced_stays_while_the_sequence_runs_and_goes_at_its_end() {
    let stop = plan(&[change("address", Effect::Offline)], Vec::new());
    let mut status = operation(OperationKind::Offline, OperationPhase::Starting);
    Planned::before(&stop, false).announce(&mut status);
    let done = || Planned::before(&plan(&[], Vec::new()), false);
    done().show(&mut status);
    assert_eq!(status.plan.len(), 1, "it is being started: what for is still told");
    for over in [None, Some(OperationPhase::GivenUp), Some(OperationPhase::Withdrawn)] {
        let mut status = status.clone();
        status.operation = over.map(|phase| Box::new(OperationRecord { phase, ..OperationRecord::default() }));
        done().show(&mut status);
        assert!(status.plan.is_empty(), "{over:?}");
    }
}

#[test]
fn what_belongs_to_a_create_is_no_plan() {
    let stop = plan(&[change("address", Effect::Offline)], Vec::new());
    let mut making = operation(OperationKind::Create, OperationPhase::Stopping);
    assert!(Planned::before(&stop, false).stands(&making));
    Planned::before(&stop, false).announce(&mut making);
    Planned::before(&stop, false).show(&mut making);
    assert!(making.plan.is_empty());

    let over = operation(OperationKind::Create, OperationPhase::Withdrawn);
    assert!(!Planned::before(&stop, false).stands(&over), "it is in use by now: what stops it is told before");
}
