#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
//! Who is next: a table of cases, and what holds whatever happens.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::*;

const WIDTH: usize = 3;

fn lane(account: &str, namespace: &str) -> Lane {
    Lane { account: account.to_owned(), namespace: namespace.to_owned() }
}

fn queue() -> (Queue<&'static str>, Instant) {
    (Queue::new(usize::MAX), Instant::now())
}

/// Takes everybody out, one after another.
fn order(queue: &mut Queue<&'static str>, now: Instant) -> Vec<&'static str> {
    let mut order = Vec::new();
    while let Some(key) = queue.pick(now) {
        queue.done(&key, Requeue::OnChange, now);
        order.push(key);
    }
    order
}

#[tokio::test]
async fn a_lane_is_held_once_and_goes_with_those_who_stood_in_it() {
    let (mut queue, now) = (Queue::new(WIDTH), Instant::now());
    for key in 0..1000 {
        queue.add(key, lane("1", if key % 2 == 0 { "even" } else { "odd" }), Priority::Resync);
    }
    assert_eq!(queue.lanes.all.len(), 2);
    while let Some(key) = queue.pick(now) {
        queue.done(&key, Requeue::OnChange, now);
    }
    for passing in 0..1000 {
        queue.add(passing, lane("1", &passing.to_string()), Priority::Resync);
        queue.pick(now);
        queue.done(&passing, Requeue::OnChange, now);
        assert!(queue.lanes.all.len() < 5, "after {passing} namespaces that came and went");
    }
}

#[tokio::test]
async fn classes_go_in_order_but_every_fourth_is_the_oldest() {
    let (mut queue, now) = queue();
    for key in ["resync-1", "resync-2", "resync-3", "resync-4"] {
        queue.add(key, Lane::default(), Priority::Resync);
    }
    for (key, class) in [
        ("retry", Priority::Retry),
        ("first", Priority::First),
        ("edit-1", Priority::Change),
        ("edit-2", Priority::Change),
        ("edit-3", Priority::Change),
        ("edit-4", Priority::Change),
    ] {
        queue.add(key, Lane::default(), class);
    }
    let expected =
        ["edit-1", "edit-2", "edit-3", "resync-1", "edit-4", "first", "retry", "resync-2", "resync-3", "resync-4"];
    assert_eq!(order(&mut queue, now), expected);
}

#[tokio::test]
async fn within_a_class_lanes_take_turns() {
    let (mut queue, now) = queue();
    for key in ["a1", "a2", "a3", "a4"] {
        queue.add(key, lane("1", "a"), Priority::Change);
    }
    queue.add("b1", lane("1", "b"), Priority::Change);
    queue.add("c1", lane("2", "a"), Priority::Change);
    // The fourth is the oldest of all, which is a2.
    assert_eq!(order(&mut queue, now), ["a1", "b1", "c1", "a2", "a3", "a4"]);
}

#[tokio::test]
async fn who_comes_one_at_a_time_is_not_always_first() {
    let (mut queue, now) = queue();
    for key in ["b1", "b2", "b3"] {
        queue.add(key, lane("1", "b"), Priority::Change);
    }
    queue.add("a", lane("1", "a"), Priority::Change);
    let mut seen = Vec::new();
    for _ in 0..5 {
        let key = queue.pick(now).unwrap();
        queue.done(&key, if key == "a" { Requeue::Again } else { Requeue::OnChange }, now);
        seen.push(key);
    }
    assert_eq!(seen, ["b1", "a", "b2", "b3", "a"], "the fourth is the oldest");
}

#[tokio::test]
async fn a_name_that_waits_is_moved_up_and_never_down() {
    let (mut queue, now) = queue();
    for key in ["x", "y", "z"] {
        queue.add(key, Lane::default(), Priority::Resync);
    }
    queue.add("z", Lane::default(), Priority::Change);
    queue.add("z", Lane::default(), Priority::Retry);
    assert_eq!(order(&mut queue, now), ["z", "x", "y"]);
}

#[tokio::test]
async fn one_at_a_time_and_what_is_asked_for_meanwhile_is_once_more() {
    let (mut queue, now) = queue();
    queue.add("x", Lane::default(), Priority::Resync);
    assert_eq!(queue.pick(now), Some("x"));
    queue.add("x", Lane::default(), Priority::Resync);
    queue.add("x", Lane::default(), Priority::Change);
    assert_eq!(queue.pick(now), None, "it runs");
    queue.add("y", Lane::default(), Priority::First);
    queue.done(&"x", Requeue::Rest(Duration::from_mins(10)), now);
    assert_eq!(order(&mut queue, now), ["x", "y"], "the edit is not slept over");
    assert_eq!((queue.come_due(now), queue.running()), (None, 0));
}

#[tokio::test]
async fn a_timer_ends_early_for_who_is_asked_for() {
    let (mut queue, now) = queue();
    let minute = Duration::from_mins(1);
    for (key, minutes) in [("x", 2), ("y", 1)] {
        queue.add(key, Lane::default(), Priority::First);
        queue.pick(now).unwrap();
        queue.done(&key, Requeue::After(minute * minutes), now);
    }
    assert_eq!(queue.come_due(now), Some(now + minute));
    assert_eq!(queue.pick(now), None);
    queue.add("x", Lane::default(), Priority::Change);
    assert_eq!(order(&mut queue, now), ["x"]);
    assert_eq!(order(&mut queue, now + minute), ["y"]);
    assert_eq!(queue.come_due(now), None, "its timer is gone");
}

#[tokio::test]
async fn an_account_that_is_full_holds_up_no_other() {
    let mut queue = Queue::new(2);
    let now = Instant::now();
    for key in ["a1", "a2", "a3", "a4"] {
        queue.add(key, lane("throttled", key), Priority::Change);
    }
    queue.add("b", lane("other", "a"), Priority::Resync);
    assert_eq!([(); 4].map(|()| queue.pick(now)), [Some("a1"), Some("a2"), Some("b"), None]);
    queue.done(&"a1", Requeue::Again, now);
    assert_eq!(queue.pick(now), Some("a3"));
}

#[derive(Clone, Debug)]
enum Act {
    Add(u8, u8, Priority),
    Pick,
    Done(u8, Requeue),
    Sleep(u64),
}

fn class() -> impl Strategy<Value = Priority> {
    prop_oneof![Just(Priority::Change), Just(Priority::First), Just(Priority::Retry), Just(Priority::Resync)]
}

fn act() -> impl Strategy<Value = Act> {
    let again = prop_oneof![
        Just(Requeue::Again),
        Just(Requeue::OnChange),
        (0..20u64).prop_map(|seconds| Requeue::After(Duration::from_secs(seconds))),
        (0..20u64).prop_map(|seconds| Requeue::Rest(Duration::from_secs(seconds))),
        (0..20u64).prop_map(|seconds| Requeue::Elsewhere(Duration::from_secs(seconds))),
    ];
    prop_oneof![
        4 => (0..12u8, 0..4u8, class()).prop_map(|(key, lane, class)| Act::Add(key, lane, class)),
        4 => Just(Act::Pick),
        3 => (0..12u8, again).prop_map(|(key, again)| Act::Done(key, again)),
        1 => (0..10u64).prop_map(Act::Sleep),
    ]
}

#[tokio::test]
async fn an_edit_does_not_wait_for_looks_to_end_nor_looks_for_all_edits() {
    let (mut queue, now) = (Queue::new(WIDTH), Instant::now());
    for key in 0..10 {
        queue.add(key, Lane::default(), Priority::Resync);
    }
    let pick = |queue: &mut Queue<i32>| std::iter::from_fn(|| queue.pick(now)).collect::<Vec<_>>();
    assert_eq!(pick(&mut queue), [0, 1, 2], "as many looks as there is room for");
    for key in 100..110 {
        queue.add(key, Lane::default(), Priority::Change);
    }
    assert_eq!(pick(&mut queue), [100, 101, 102], "beside them as many edits, though looks are older");
    queue.done(&100, Requeue::OnChange, now);
    assert_eq!(pick(&mut queue), [103], "no look more than before");
    let (mut running, mut looks) = (vec![101, 102, 103, 0, 1, 2], 0);
    for edit in 200..240 {
        queue.add(edit, Lane::default(), Priority::Change);
        queue.done(&running.remove(0), Requeue::OnChange, now);
        for key in pick(&mut queue) {
            looks += u32::from(key < 100);
            running.push(key);
        }
    }
    assert!(looks >= 5, "{looks} looks while edits never end");
}

#[tokio::test]
async fn what_waits_for_another_reconcile_comes_again_as_what_it_was() {
    let (mut queue, now) = (Queue::new(1), Instant::now());
    queue.add("edit", Lane::default(), Priority::Change);
    assert_eq!(queue.pick(now), Some("edit"));
    queue.done(&"edit", Requeue::Elsewhere(Duration::from_secs(5)), now);
    queue.add("edit", Lane::default(), Priority::Retry);
    queue.add("first", Lane::default(), Priority::First);
    assert_eq!((queue.pick(now), queue.runs_as(&"edit")), (Some("edit"), Some(Priority::Change)));
}

proptest! {
    /// Nobody is lost, nobody runs twice at once, no account has more than its width, nobody comes unasked; and once
    /// nobody comes back, all are served.
    #[test]
    fn nobody_is_lost_and_nobody_runs_twice(acts in prop::collection::vec(act(), 1..200)) {
        let mut queue = Queue::new(WIDTH);
        let mut now = Instant::now();
        let (mut running, mut owed) = (BTreeMap::<u8, Lane>::new(), BTreeMap::<u8, Instant>::new());
        let mut lanes = BTreeMap::<u8, Lane>::new();
        for act in acts {
            match act {
                Act::Add(key, number, class) => {
                    let lane = lane(&(number % 2).to_string(), &number.to_string());
                    queue.add(key, lane.clone(), class);
                    owed.insert(key, now);
                    lanes.insert(key, lane);
                }
                Act::Pick => if let Some(key) = queue.pick(now) {
                    prop_assert!(!running.contains_key(&key), "{} runs already", key);
                    prop_assert!(owed.remove(&key).is_some_and(|due| due <= now), "{} came unasked", key);
                    running.insert(key, lanes[&key].clone());
                },
                Act::Done(key, again) => if running.remove(&key).is_some() {
                    queue.done(&key, again, now);
                    let due = match again {
                        Requeue::Again => Some(now),
                        Requeue::After(delay) | Requeue::Rest(delay) | Requeue::Elsewhere(delay) => Some(now + delay),
                        Requeue::OnChange => None,
                    };
                    if let Some(due) = due {
                        let owed = owed.entry(key).or_insert(due);
                        *owed = (*owed).min(due);
                    }
                },
                Act::Sleep(seconds) => now += Duration::from_secs(seconds),
            }
            prop_assert_eq!(queue.running(), running.len());
            for lines in queue.lines.values() {
                for (firsts, by_age) in lines.firsts.iter().zip([false, true]) {
                    let first = |line: &Line<u8>| line.first(by_age).map(|(order, key)| (order, *key));
                    let first_of_each: BTreeMap<_, _> = lines.by_namespace.values().filter_map(first).collect();
                    prop_assert_eq!(firsts, &first_of_each);
                }
            }
            for account in ["0", "1"] {
                let here = running.iter().filter(|(_, lane)| lane.account == account);
                let (looks, awaited): (Vec<_>, Vec<_>) =
                    here.partition(|(key, _)| queue.runs_as(key) == Some(Priority::Resync));
                prop_assert!(looks.len() <= WIDTH && awaited.len() <= WIDTH);
            }
        }
        for key in running.into_keys() {
            queue.done(&key, Requeue::OnChange, now);
        }
        now += Duration::from_mins(1);
        let mut served = BTreeSet::new();
        while let Some(key) = queue.pick(now) {
            served.insert(key);
            queue.done(&key, Requeue::OnChange, now);
        }
        prop_assert_eq!(served, owed.into_keys().collect());
        prop_assert!(queue.states.is_empty() && queue.lines.is_empty() && queue.timers.is_empty());
    }

    /// However much is asked for by others, who waits is served after a number of picks that depends only on who was
    /// there before.
    #[test]
    fn nobody_waits_for_ever(before in 0..30usize, class in class(), flood in class()) {
        let mut queue = Queue::new(usize::MAX);
        let now = Instant::now();
        for key in 0..before {
            queue.add(key, lane("1", &(key % 5).to_string()), flood);
        }
        queue.add(1000, lane("1", "z"), class);
        let mut picks = 0;
        loop {
            let key = queue.pick(now).unwrap();
            picks += 1;
            if key == 1000 {
                break;
            }
            // Whoever was served comes again at once, as a change.
            queue.add(key, lane("1", &(key % 5).to_string()), Priority::Change);
            queue.done(&key, Requeue::Again, now);
            prop_assert!(picks <= 4 * (before + 1), "{} picks, {} before it", picks, before);
        }
    }
}

#[tokio::test]
async fn who_is_asked_for_at_a_time_comes_then_or_sooner_and_once() {
    let minute = Duration::from_mins(1);
    let (mut queue, now) = queue();
    queue.add_at("a", Lane::default(), Priority::Resync, now + minute * 3);
    queue.add_at("a", Lane::default(), Priority::Resync, now + minute * 2);
    queue.add_at("a", Lane::default(), Priority::Resync, now + minute * 4);
    assert_eq!((queue.come_due(now), queue.pick(now)), (Some(now + minute * 2), None));
    assert_eq!(order(&mut queue, now + minute * 5), ["a"], "once");

    queue.add("b", Lane::default(), Priority::Retry);
    queue.add_at("b", Lane::default(), Priority::Resync, now + minute);
    assert_eq!(queue.pick(now), Some("b"), "it waits already");
    queue.add_at("b", Lane::default(), Priority::Resync, now + minute);
    queue.done(&"b", Requeue::OnChange, now);
    assert_eq!(order(&mut queue, now), ["b"], "what ran may not have known");
    assert_eq!(order(&mut queue, now + minute * 5), Vec::<&str>::new());
}
