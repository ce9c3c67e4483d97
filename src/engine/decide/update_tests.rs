//! Which call of a plan goes next, and when each rests.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::time::Duration;

use serde_json::Value;

use super::tests::{Case, LAG, TOLERANCE, at, case, seen};
use super::update::{Progress, Source};
use super::*;
use crate::api::status::OperationRecord;
use crate::aws::{AwsError, AwsErrorKind, Mutation};
use crate::engine::diff::{Change, Effect};
use crate::engine::kind::{OperationStep, Plan, PlannedCall, Unknown, When};
use crate::engine::memory::{Accepted, Memory, RefusedCall};
use crate::engine::mutate;

const CONCLUDE: Action = Action::Conclude { only_operation: false };

/// A plan and what is remembered of its calls.
pub(super) struct World {
    plan: Plan,
    source: Source,
    wanted: Applied,
    recorded: Option<Applied>,
    announced: bool,
    tested: bool,
    memory: Memory,
    tried: BTreeMap<String, bool>,
    sent: bool,
    time_is_up: bool,
    at: tokio::time::Instant,
}

fn change(path: &str) -> Change {
    Change { path: path.to_owned(), have: Value::Null, want: path.into(), effect: Effect::Live }
}

fn call(path: &str) -> PlannedCall {
    PlannedCall::new(Mutation::untag(path.to_owned(), Vec::new()), vec![change(path)])
}

fn fault(kind: AwsErrorKind, message: &str) -> AwsError {
    AwsError {
        operation: call("a").mutation.operation(),
        kind,
        code: "Code".to_owned(),
        message: message.to_owned(),
        resource_type: None,
        retry_after: None,
        date: None,
    }
}

/// Applied as recorded, so that every call may go at once.
fn world(calls: Vec<PlannedCall>) -> World {
    let changes: Vec<Change> = calls.iter().flat_map(|call| call.changes.clone()).collect();
    let paths = changes.iter().map(|change| change.path.clone()).collect();
    let wanted = Applied { paths, ..Applied::default() };
    let plan = Plan { changes, calls, ..Plan::default() };
    let recorded = Some(wanted.clone());
    let (memory, tried, at) = (Memory::default(), BTreeMap::new(), tokio::time::Instant::now());
    let (at, source, announced, tested) = (at + Duration::from_hours(1), Source::Seen, true, false);
    World { plan, source, wanted, recorded, announced, tested, memory, tried, sent: false, time_is_up: false, at }
}

/// Everything is as it is wanted.
pub(super) fn nothing_due() -> World {
    world(Vec::new())
}

impl World {
    pub(super) fn facts(&self) -> UpdateFacts<'_> {
        let Self { plan, source, wanted, recorded, announced, tested, memory, tried, sent, time_is_up, at } = self;
        let lag = jiff::SignedDuration::from_secs(120);
        let (recorded, announced, time_is_up, at) = (recorded.as_ref(), *announced, *time_is_up, *at);
        let (source, sent, tested) = (*source, *sent, *tested);
        UpdateFacts { plan, source, wanted, recorded, announced, tested, memory, tried, sent, time_is_up, at, lag }
    }

    fn progress(&self) -> Progress {
        self.facts().progress()
    }

    /// The step of a server that is there and ours.
    fn step(&self, change: impl FnOnce(&mut Case)) -> Action {
        let there = case(Identity::Keyed).with(|c| {
            (c.finalizer, c.confirmed) = (true, true);
            c.sight = ObservedState::Found(Ownership::Ours);
        });
        there.with(change).updating(&self.facts())
    }

    /// AWS did not take the call so long before it may go again.
    fn refused(mut self, call: &PlannedCall, fault: AwsError, rests: Duration) -> Self {
        let hold = RefusedCall { fault, since: self.at, tries: 1, due: self.at + rests };
        self.memory.refused_calls.insert(mutate::digest(&call.mutation), hold);
        self
    }

    fn accepted(mut self, call: &PlannedCall, ago: Duration, times: u32) -> Self {
        let accepted = Accepted { at: self.at - ago, times };
        self.memory.accepted.insert(mutate::digest(&call.mutation), accepted);
        self
    }
}

fn send(call: usize) -> Action {
    Action::Send(CallIndex { call, part: None })
}

fn rejected() -> AwsError {
    fault(AwsErrorKind::Rejected, "no")
}

const HOUR: Duration = Duration::from_hours(1);

#[test]
fn what_aws_takes_in_vain_is_told_and_sent_ever_more_rarely() {
    let told = Reason::stalled(reasons::CANNOT_CLEAR, "it stays");
    let clear = PlannedCall { in_vain: Some(told.clone()), ..call("a") };
    let moment = Duration::from_millis(1);
    let rows = [(1, Vec::new(), vec![change("a")]), (2, Vec::new(), vec![change("a")]), (3, vec![told], Vec::new())];
    for (times, in_vain, taken) in rows {
        let world = world(vec![clear.clone()]).accepted(&clear, moment, times);
        let progress = world.progress();
        assert_eq!((progress.in_vain, progress.taken), (in_vain, taken), "{times}");
        assert_eq!(progress.busy.is_some(), times < 3, "{times}");
        assert_eq!(world.step(|_| {}), CONCLUDE, "{times}");
    }
    assert_eq!(world(vec![clear.clone()]).accepted(&clear, HOUR, 3).step(|_| {}), send(0), "AWS may have learnt it");
    assert!(world(vec![call("a")]).accepted(&call("a"), moment, 9).progress().in_vain.is_empty(), "nothing to tell");
}

#[test]
fn a_plan_that_status_does_not_show_is_written_before_the_next_call() {
    let untold = |calls: Vec<PlannedCall>| World { announced: false, ..world(calls) };
    let Action::RecordApplied(applied) = untold(vec![call("a")]).step(|_| {}) else { panic!("sent before it is told") };
    assert_eq!(applied.paths, ["a"], "with what was applied as it stands");
    assert_eq!(untold(vec![]).step(|_| {}), CONCLUDE, "where nothing is sent, it is told at the end");
    let refused = untold(vec![call("a")]).refused(&call("a"), rejected(), HOUR);
    assert_eq!(refused.step(|_| {}), CONCLUDE, "and where nothing more is");
}

#[test]
fn calls_go_in_order_and_the_last_word_comes_when_each_had_its_turn() {
    let two = || world(vec![call("a"), call("b")]);
    assert_eq!(world(vec![]).step(|_| {}), CONCLUDE);
    assert_eq!(two().step(|_| {}), send(0));
    assert_eq!(two().refused(&call("a"), rejected(), HOUR).step(|_| {}), send(1), "what is refused holds back itself");
    let all = two().refused(&call("a"), rejected(), HOUR).refused(&call("b"), rejected(), HOUR);
    assert_eq!(all.step(|_| {}), CONCLUDE);
    assert_eq!(all.progress().refused.len(), 2);
    assert_eq!(two().refused(&call("a"), rejected(), Duration::ZERO).step(|_| {}), send(0), "its time has come");
}

#[test]
fn a_call_that_was_tried_in_this_reconcile_is_not_sent_again_in_it() {
    let mut tried =
        world(vec![call("a"), call("b")]).refused(&call("a"), fault(AwsErrorKind::Unavailable, ""), Duration::ZERO);
    tried.tried.insert(mutate::digest(&call("a").mutation), false);
    assert_eq!(tried.step(|_| {}), send(1));
    let progress = tried.progress();
    assert!(!progress.refused[0].aside && progress.trouble().is_some(), "what may pass by itself fails the reconcile");
    tried.tried.insert(mutate::digest(&call("a").mutation), true);
    assert!(tried.progress().trouble().is_none(), "what was tried often is told instead");
}

#[test]
fn what_aws_accepted_and_does_not_show_rests_ever_longer() {
    let rows =
        [(1, 4, true), (1, 5, false), (2, 119, true), (2, 120, false), (3, 239, true), (9, 899, true), (9, 900, false)];
    for (times, ago, rests) in rows {
        let world = world(vec![call("a"), call("b")]).accepted(&call("a"), Duration::from_secs(ago), times);
        assert_eq!(world.step(|_| {}), send(usize::from(rests)), "accepted {times} times, {ago} s ago");
        assert_eq!(world.progress().taken.len(), usize::from(rests));
        assert_eq!(world.progress().busy.is_some(), rests);
    }
    let mut unseen = world(vec![call("a")]).accepted(&call("a"), Duration::ZERO, 1);
    unseen.plan.calls[0].unseen = true;
    assert!(unseen.progress().busy.is_none(), "what is never shown is done");
}

/// AWS shows nothing by which a status that is older than what was sent since could be told.
#[test]
fn a_call_of_which_aws_shows_nothing_goes_once_a_write_tested_the_status() {
    let mut unseen = world(vec![call("a")]);
    assert_eq!(unseen.step(|_| {}), send(0), "what is seen to differ is due whatever status says");
    unseen.plan.calls[0].unseen = true;
    assert_eq!(unseen.step(|_| {}), Action::RecordApplied(unseen.wanted.clone()), "status says so, and may be old");
    unseen.tested = true;
    assert_eq!(unseen.step(|_| {}), send(0));
}

#[test]
fn what_makes_room_goes_only_after_a_refusal_for_a_quota_and_once() {
    let room = || PlannedCall { when: When::AfterQuotaRefusal(call("a").mutation.operation()), ..call("room") };
    let two = || world(vec![call("a"), room()]);
    let full = || fault(AwsErrorKind::Quota, "");
    assert_eq!(two().step(|_| {}), send(0));
    assert_eq!(two().refused(&call("a"), rejected(), HOUR).step(|_| {}), CONCLUDE);
    assert_eq!(two().refused(&call("a"), full(), HOUR).step(|_| {}), send(1));
    // A plan may have a call twice, to be sent for either of two reasons.
    let twice = world(vec![call("a"), call("room"), room()]);
    let twice = twice.refused(&call("a"), full(), HOUR).refused(&call("room"), rejected(), HOUR);
    assert_eq!((twice.step(|_| {}), twice.progress().refused.len()), (CONCLUDE, 2));
}

#[test]
fn a_refused_whole_goes_in_its_parts_and_what_lets_more_in_waits() {
    let parts = vec![PlannedCall { exposes: true, ..call("door") }, call("banner")];
    let whole = || PlannedCall { parts: parts.clone(), ..call("all") };
    let part = |part| Action::Send(CallIndex { call: 0, part: Some(part) });
    let refused = || world(vec![whole()]).refused(&whole(), rejected(), HOUR);
    assert_eq!(refused().step(|_| {}), part(1), "what lets more in comes last");
    assert_eq!(refused().progress().refused.len(), 0, "the whole is told of its parts");
    let banner = refused().refused(&call("banner"), rejected(), HOUR);
    assert_eq!(banner.step(|_| {}), CONCLUDE);
    assert_eq!(banner.progress().waiting, [change("door")]);
    let busy = world(vec![whole()]).refused(&whole(), fault(AwsErrorKind::Unavailable, ""), HOUR);
    assert_eq!(busy.step(|_| {}), CONCLUDE, "who is busy refused nothing of what it says");
}

#[test]
fn what_will_be_applied_is_written_down_before_the_call_goes_out() {
    let mut fresh = world(vec![call("a"), call("b")]);
    fresh.recorded = None;
    assert_eq!(fresh.step(|_| {}), Action::RecordApplied(fresh.wanted.clone()));
    let refused = fresh.refused(&call("a"), rejected(), HOUR);
    let paths = vec!["b".to_owned()];
    assert_eq!(
        refused.step(|_| {}),
        Action::RecordApplied(Applied { paths, ..Applied::default() }),
        "not for a call that AWS refused for certain"
    );
    let mut hidden = world(vec![call("a")]);
    let why = "nothing shows it".to_owned();
    (hidden.recorded, hidden.plan.unknown) = (None, vec![Unknown { change: change("b"), why }]);
    let taken = hidden.wanted.clone();
    hidden.wanted.hashes.insert("b".to_owned(), "what cannot be compared is not sent".to_owned());
    assert_eq!(hidden.step(|_| {}), Action::RecordApplied(taken));
    let mut settled = world(vec![call("a")]);
    settled.recorded = Some(Applied { digest: Some("before".to_owned()), ..settled.wanted.clone() });
    assert_eq!(settled.step(|_| {}), send(0), "drift is no edit");
    assert_eq!(settled.step(|c| c.edited = true), Action::RecordApplied(settled.wanted.clone()));
    settled.plan.calls.clear();
    assert_eq!(settled.step(|c| c.edited = true), CONCLUDE, "nothing goes out");
}

#[test]
fn suspended_and_reported_objects_send_nothing() {
    let two = world(vec![call("a")]);
    assert_eq!(two.step(|c| c.suspended = true), Action::Suspend { in_force: true });
    assert_eq!(two.step(|c| (c.suspended, c.edited) = (true, true)), Action::Suspend { in_force: false });
    assert_eq!(two.step(|c| c.report_only = true), Action::LeaveDrift);
    assert_eq!(two.step(|c| c.observe_only = true), Action::RemoveFinalizer(None));
}

#[test]
fn what_may_pass_by_itself_fails_the_reconcile_and_the_rest_is_told() {
    let lost = || fault(AwsErrorKind::Lost, "later");
    let tried = |fault: AwsError, aside: bool| {
        let mut world = world(vec![call("a")]).refused(&call("a"), fault, Duration::ZERO);
        world.tried.insert(mutate::digest(&call("a").mutation), aside);
        world
    };
    assert_eq!(tried(lost(), false).step(|_| {}), Action::Fail(lost()));
    assert_eq!(tried(lost(), true).step(|_| {}), CONCLUDE, "it was tried often");
    let mut late = world(vec![call("a")]);
    late.time_is_up = true;
    assert_eq!(late.step(|_| {}), Action::Again, "there is nothing to say yet");
    assert_eq!(tried(lost(), false).step(|c| c.suspended = true), Action::Suspend { in_force: true }, "it rests");
}

#[test]
fn an_edit_that_takes_nothing_is_not_believed_while_answers_may_lag() {
    let taken = |ago: u64, change: fn(&mut World)| {
        let mut world = world(vec![]);
        world.memory.unshown = Some(world.at - Duration::from_secs(ago));
        change(&mut world);
        world
    };
    let lag = LAG.unsigned_abs();
    let edited = |world: &World| world.step(|c| c.edited = true);
    let waits = |action: &Action| matches!(action, Action::Wait { reason, .. } if reason.code == "WaitingForAws");
    assert!(waits(&edited(&taken(lag - 1, |_| {}))), "an edit that was taken back");
    let believed: [(&str, World); 5] = [
        ("AWS must show it by now", taken(lag, |_| {})),
        ("a call went out for it", taken(0, |world| world.sent = true)),
        ("this reconcile made it", taken(0, |world| world.source = Source::Made)),
        ("AWS never took anything before", taken(0, |world| world.memory.unshown = None)),
        ("AWS is on its way, which is said", taken(0, |world| world.plan.busy = Some(Reason::new("Stopping", "")))),
    ];
    for (why, world) in believed {
        assert_eq!(edited(&world), CONCLUDE, "{why}");
    }
    assert_eq!(taken(0, |_| {}).step(|_| {}), CONCLUDE, "drift is no edit");
    let differs = taken(0, |world| world.plan.calls.push(call("a")));
    assert_eq!(edited(&differs), send(0), "a call is due");
}

/// A user that somebody made and the spec takes over.
fn taking_over(world: &World) -> Action {
    let there = case(Identity::Keyed).with(|c| {
        (c.finalizer, c.adoption) = (true, Some(("", false)));
        c.sight = ObservedState::Found(Ownership::Untagged);
    });
    there.taking_over(&world.facts())
}

#[test]
fn taking_over_is_one_call_that_rests_as_others_do() {
    let one = || world(vec![call("tags")]);
    let digest = mutate::digest(&call("tags").mutation);
    assert_eq!(taking_over(&one()), Action::Adopt(String::new()));
    let held = one().refused(&call("tags"), rejected(), HOUR);
    assert_eq!(taking_over(&held), Action::Hold { digest: digest.clone(), ours: false }, "nothing of it is shown");
    let due = one().refused(&call("tags"), rejected(), Duration::ZERO);
    assert_eq!(taking_over(&due), Action::Adopt(String::new()), "its time has come");
    let lately = one().accepted(&call("tags"), Duration::ZERO, 1);
    let Action::Wait { reason, until: None } = taking_over(&lately) else { panic!("sent on and on") };
    assert_eq!(reason.code, "Updating");
    let lost = fault(AwsErrorKind::Lost, "later");
    let mut passing = one().refused(&call("tags"), lost.clone(), Duration::ZERO);
    passing.tried.insert(digest, false);
    assert_eq!(taking_over(&passing), Action::Fail(lost), "it may pass by itself");
    passing.time_is_up = true;
    passing.tried.clear();
    assert_eq!(taking_over(&passing), Action::Again);
}

#[test]
fn once_time_is_up_no_further_call_is_begun() {
    let mut late = world(vec![call("a"), call("b")]).refused(&call("a"), rejected(), HOUR);
    late.time_is_up = true;
    assert_eq!(late.step(|_| {}), CONCLUDE);
    let progress = late.progress();
    assert!(progress.cut && progress.refused.len() == 1);
}

fn sequence(after_refusal: bool) -> World {
    let mut world = world(vec![PlannedCall { operation: true, ..call("a") }, call("b")]);
    let record = Some(OperationRecord::default());
    world.plan.operation = Some(OperationStep { record, after_refusal, event: None });
    world
}

fn recorded(action: Action) -> OperationRecord {
    let Action::RecordOperation(Some(record)) = action else { panic!("{action}") };
    *record
}

#[test]
fn what_is_due_of_a_sequence_is_written_once_no_call_is_due() {
    let both = || sequence(false).accepted(&call("a"), Duration::ZERO, 1).accepted(&call("b"), Duration::ZERO, 1);
    assert_eq!(sequence(false).step(|_| {}), send(0));
    assert_eq!(recorded(both().step(|_| {})), OperationRecord::default());
    let mut late = sequence(false).refused(&call("a"), rejected(), HOUR);
    late.time_is_up = true;
    assert_eq!(late.step(|_| {}), CONCLUDE, "a call may still be due");
}

#[test]
fn a_sequence_is_given_up_only_where_aws_refused_it_for_certain() {
    let b_is_done = || sequence(true).accepted(&call("b"), Duration::ZERO, 1);
    assert_eq!(b_is_done().accepted(&call("a"), Duration::ZERO, 1).step(|_| {}), CONCLUDE);
    let refused = recorded(b_is_done().refused(&call("a"), rejected(), HOUR).step(|_| {}));
    assert!(refused.refusal.is_some_and(|words| words.contains("no")), "AWS's words stand in the record");
    for kind in [AwsErrorKind::Throttled, AwsErrorKind::Lost, AwsErrorKind::Conflict] {
        let passing = b_is_done().refused(&call("a"), fault(kind, "later"), HOUR);
        assert_eq!(passing.step(|_| {}), CONCLUDE, "{kind:?} may pass");
    }
    let other = sequence(true).accepted(&call("a"), Duration::ZERO, 1).refused(&call("b"), rejected(), HOUR);
    assert_eq!(other.step(|_| {}), CONCLUDE, "another call of the plan is no matter of the sequence");
}

/// What stands before it in the plan is not begun where nothing else is changed, and hides no refusal.
#[test]
fn of_a_sequence_alone_only_its_own_calls_are_told() {
    let mut world = sequence(true).refused(&call("a"), fault(AwsErrorKind::Conflict, "busy"), HOUR);
    world.plan.calls.reverse();
    let suspended = |c: &mut Case| {
        (c.identity, c.id, c.operation, c.suspended) = (Identity::Tagged, Some("s-1"), true, true);
        c.record = super::tests::record(CreatePhase::None, Some("a"));
    };
    assert_eq!(world.step(suspended), Action::Conclude { only_operation: true });
    let told = |only_operation| world.facts().progress_of(only_operation).refused.len();
    assert_eq!((told(true), told(false)), (1, 0));
}

#[test]
fn a_sequence_that_was_begun_ends_whatever_the_spec_says_by_then() {
    let rests: [(fn(&mut Case), Action); 4] = [
        (|c| c.suspended = true, Action::Suspend { in_force: true }),
        (|c| c.report_only = true, Action::LeaveDrift),
        (|c| c.observe_only = true, Action::ReportDrift),
        (|c| c.denied = true, Action::Block(Reason::stalled("Because", "denied"))),
    ];
    for (change, rest) in rests {
        let begun = |world: &World| {
            world.step(|c| {
                (c.identity, c.id) = (Identity::Tagged, Some("s-1"));
                c.record = super::tests::record(CreatePhase::None, Some("a"));
                c.operation = true;
                change(c);
            })
        };
        assert_eq!(begun(&sequence(false)), send(0), "its call goes: {rest}");
        let done = sequence(false).accepted(&call("a"), Duration::ZERO, 1);
        assert_eq!(
            recorded(begun(&done)),
            OperationRecord::default(),
            "its record is written, and no other call goes: {rest}"
        );
        let mut over = sequence(false);
        over.plan.operation = None;
        over.plan.calls.remove(0);
        assert_eq!(begun(&over), rest, "then it rests");
        over.plan.busy = Some(Reason::new("Starting", "it starts"));
        assert_eq!(
            begun(&over),
            Action::Conclude { only_operation: true },
            "AWS is on its way: it is looked at again soon"
        );
    }
}

#[test]
fn what_is_deleted_here_and_stays_in_aws_is_started_first_and_no_more() {
    let going = |world: &World, [retain, protected, observe_only]: [bool; 3]| {
        world.step(|c| {
            (c.identity, c.id) = (Identity::Tagged, Some("s-1"));
            c.record = super::tests::record(CreatePhase::None, Some("a"));
            (c.operation, c.deleting, c.retain, c.protected) = (true, true, retain, protected);
            c.observe_only = observe_only;
        })
    };
    for stays in [[true, false, false], [false, true, false], [false, false, true], [true, true, true]] {
        assert_eq!(going(&sequence(false), stays), send(0), "{stays:?}");
        let done = sequence(false).accepted(&call("a"), Duration::ZERO, 1);
        assert_eq!(recorded(going(&done, stays)), OperationRecord::default(), "no other call goes: {stays:?}");
    }
    assert_eq!(going(&sequence(false), [false; 3]), Action::FindByTags, "what is deleted in AWS is not started");
}

#[test]
fn what_stays_in_aws_is_let_go_once_no_call_can_arrive_any_more() {
    let mut over = sequence(false);
    over.plan.operation = None;
    over.plan.calls.remove(0);
    let going = |quiet_since: i64, change: fn(&mut Case)| {
        over.step(|c| {
            (c.identity, c.id) = (Identity::Tagged, Some("s-1"));
            c.record = super::tests::record(CreatePhase::None, Some("a"));
            (c.operation, c.deleting, c.retain, c.quiet_since) = (true, true, true, Some(quiet_since));
            change(c);
        })
    };
    let now = case(Identity::Tagged).now;
    let ended = now - TOLERANCE - LAG;
    assert_eq!(going(ended, |_| {}), Action::FindByTags);
    let Action::Wait { until, .. } = going(ended + 1, |_| {}) else { panic!("it is let go") };
    assert_eq!(until, Some(at(now + 1)));
    let denied = going(ended, |c| c.denied = true);
    assert!(matches!(denied, Action::RemoveFinalizer(Some(_))), "without a grant nothing is stamped: {denied}");
    let waits = going(now, |c| c.denied = true);
    assert!(matches!(waits, Action::Wait { .. }), "what arrives is made good all the same: {waits}");
    let protected = going(now, |c| c.protected = true);
    assert!(matches!(protected, Action::Wait { until: None, .. }), "{protected}");
    // What is only looked at is not even asked whether it is protected, and nothing of it is deleted or stamped.
    let observing: [fn(&mut Case); 3] = [
        |c| (c.observe_only, c.retain) = (true, false),
        |c| (c.observe_only, c.retain, c.protected) = (true, false, true),
        |c| c.observe_only = true,
    ];
    for change in observing {
        assert_eq!(going(ended, change), Action::RemoveFinalizer(None));
        let Action::Wait { until, .. } = going(ended + 1, change) else { panic!("it is let go") };
        assert_eq!(until, Some(at(now + 1)));
    }
}

#[test]
fn nothing_of_a_sequence_is_done_to_what_is_not_ours() {
    for change in [
        (|c: &mut Case| c.sight = ObservedState::Found(Ownership::Untagged)) as fn(&mut Case),
        |c| c.finalizer = false,
        |c| c.operation = false,
    ] {
        let action = sequence(false).step(|c| {
            (c.suspended, c.operation) = (true, true);
            change(c);
        });
        assert_ne!(action, send(0), "{action}");
    }
    // A record that came with a copied status makes nobody act who only observes.
    let observing = |operation: bool, change: fn(&mut Case)| {
        sequence(false).step(|c| {
            (c.identity, c.id) = (Identity::Tagged, Some("s-1"));
            c.record = super::tests::record(CreatePhase::None, Some("a"));
            (c.observe_only, c.operation) = (true, operation);
            change(c);
        })
    };
    for change in [
        (|c: &mut Case| {
            c.sight = ObservedState::Found(Ownership::Untagged);
            c.observations = seen(Observation::Untagged, &[0, 60, LAG]);
        }) as fn(&mut Case),
        |c| {
            c.sight = ObservedState::Missing;
            c.observations = seen(Observation::Missing, &[0, 60, LAG]);
        },
        |c| (c.sight, c.confirmed) = (ObservedState::Missing, false),
        |c| c.finalizer = false,
    ] {
        assert_eq!(observing(true, change), observing(false, change));
    }
}

#[test]
fn one_odd_look_lets_nothing_go_that_may_be_stopped() {
    let odd = [
        (ObservedState::Missing, Observation::Missing),
        (ObservedState::Found(Ownership::Untagged), Observation::Untagged),
        (ObservedState::Found(Ownership::Foreign("team/other".to_owned())), Observation::Foreign),
    ];
    let left_alone: [(&str, fn(&mut Case)); 4] = [
        ("only observed", |c| c.observe_only = true),
        ("only observed and deleted", |c| (c.observe_only, c.deleting) = (true, true)),
        ("deleted, and stays", |c| (c.retain, c.deleting) = (true, true)),
        ("denied, deleted, and stays", |c| (c.denied, c.retain, c.deleting) = (true, true, true)),
    ];
    for (sight, observation) in &odd {
        for (what, change) in &left_alone {
            let step = |times: &[i64]| {
                sequence(false).step(|c| {
                    (c.identity, c.id) = (Identity::Tagged, Some("s-1"));
                    c.record = super::tests::record(CreatePhase::None, Some("a"));
                    (c.operation, c.confirmed, c.sight) = (true, true, sight.clone());
                    c.observations = seen(*observation, times);
                    change(c);
                })
            };
            for doubtful in [&[0][..], &[0, 60]] {
                let Action::Wait { reason, .. } = step(doubtful) else {
                    panic!("{what}, {sight:?}: {}", step(doubtful))
                };
                assert_eq!(reason.code, reasons::WAITING_FOR_AWS, "{what}, {sight:?}");
            }
            let believed = step(&[0, 60, LAG]);
            assert!(
                !matches!(&believed, Action::Wait { reason, .. } if reason.code == reasons::WAITING_FOR_AWS),
                "{what}"
            );
        }
    }
}

fn adding(path: &str) -> PlannedCall {
    PlannedCall::new(Mutation::tag(path.to_owned(), crate::aws::Tags::new()), vec![change(path)])
}

#[test]
fn what_takes_away_rests_on_a_look_and_not_on_what_aws_said() {
    for source in [Source::Accepted, Source::Made] {
        let said = |calls| World { source, ..world(calls) };
        assert_eq!(said(vec![call("a")]).step(|_| {}), Action::Describe);
        assert_eq!(said(vec![adding("a"), call("b")]).step(|_| {}), send(0), "what adds goes on");
        assert_eq!(said(vec![]).step(|_| {}), CONCLUDE, "what AWS said counts where nothing is due");
    }
}

#[test]
fn what_this_reconcile_made_needs_no_record_before_its_next_call() {
    let of = |source| World { source, recorded: None, ..world(vec![adding("a")]) };
    assert_eq!(of(Source::Made).step(|case| case.edited = true), send(0));
    for source in [Source::Seen, Source::Accepted] {
        let step = of(source).step(|case| case.edited = true);
        assert!(matches!(step, Action::RecordApplied(_)), "{source:?}: {step}");
    }
}
