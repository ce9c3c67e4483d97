//! Replacing what AWS cannot change, row by row: `w-old` is the old one, made by attempt `a0`, `w-new` the new one, made
//! by `a1`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::unnecessary_wraps)]

use proptest::prelude::*;

use super::tests::{Case, LAG, Replaced, TOLERANCE, at, in_flight, known, ours, reason, record, seen};
use super::*;
use crate::api::status::ReplacingPhase;

const UNUSED: i64 = 600;

fn found() -> ObservedState {
    ObservedState::Found(Ownership::Ours)
}

fn replacing(phase: ReplacingPhase) -> Replacing {
    Replacing { old_id: "w-old".into(), attempt: "a1".into(), phase, swapped_at: None }
}

fn replaced(due: bool, record: Option<Replacing>, old: ObservedState) -> Option<Replaced> {
    Some(Replaced { due, unfit: false, said: Some(Old::Going), record, old })
}

/// Ours and there, and an edit asks for what AWS cannot change.
fn due() -> Case {
    known(found()).with(|c| {
        c.id = Some("w-old");
        c.record = record(CreatePhase::None, Some("a0"));
        c.replacement = replaced(true, None, ObservedState::NotLooked);
    })
}

/// The attempt to make the new one is recorded, and its answer did not come.
fn creating(listed: &[(&str, &str)]) -> Case {
    in_flight().with(|c| {
        c.replacement = replaced(false, Some(replacing(ReplacingPhase::Creating)), found());
        c.lookup = ours(listed);
    })
}

/// The new one is recorded, and the old one is there.
fn beside(phase: ReplacingPhase, old: ObservedState) -> Case {
    known(found()).with(|c| {
        c.id = Some("w-new");
        c.replacement = replaced(false, Some(replacing(phase)), old);
    })
}

fn taken_back() -> Action {
    Action::Replace(Replace::TakeBack("w-old".into()))
}

#[test]
fn a_second_one_is_made_only_beside_the_recorded_one_and_nothing_else() {
    let listed = |found: &[(&str, &str)]| due().with(|c| c.lookup = ours(found));
    let begin = || Action::Replace(Replace::Begin("w-old".into()));
    let rows = [
        (due(), Action::FindByTags, "first the look-up"),
        (listed(&[("w-old", "a0")]), begin(), "nothing else is ours"),
        (listed(&[]), begin(), "listings may lag behind what was just made"),
        (listed(&[]).with(|c| c.suspended = true), Action::Suspend { in_force: true }, "nothing while suspended"),
        (listed(&[]).with(|c| c.may_create = false), Action::Compare, "what bars a create bars this one"),
        (listed(&[]).with(|c| c.report_only = true), Action::Compare, "nobody edited anything"),
        (listed(&[]).with(|c| c.observe_only = true), Action::RemoveFinalizer(None), "it is only looked at"),
        (
            listed(&[]).with(|c| c.replacement = replaced(false, None, ObservedState::NotLooked)),
            Action::Compare,
            "nothing differs that AWS cannot change",
        ),
        (listed(&[]).with(|c| c.replacement = None), Action::Compare, "a kind that is never replaced"),
    ];
    for (case, expected, why) in rows {
        assert_eq!(case.step(), expected, "{why}");
    }
    let third = listed(&[("w-old", "a0"), ("w-x", "x")]).step();
    assert_eq!(reason(&third), reasons::AMBIGUOUS);
    assert!(third.to_string().contains("w-old, w-x"), "{third}");
    let other =
        due().with(|c| c.lookup = Some(TagMatches { other_cluster: vec!["w-x".into()], ..TagMatches::default() }));
    assert_eq!(reason(&other.step()), reasons::OTHER_CLUSTER);
}

#[test]
fn after_a_wiped_status_none_is_made_while_a_forgotten_one_may_arrive() {
    let end = TOLERANCE + LAG;
    let claimed = |now: i64| {
        due().with(|c| {
            c.record = record(CreatePhase::None, None);
            c.lookup = ours(&[("w-old", "a0")]);
            c.now = now;
        })
    };
    assert_eq!(reason(&claimed(end - 1).step()), reasons::RECOVERING);
    assert_eq!(claimed(end).step(), Action::Replace(Replace::Begin("w-old".into())));
    let leaving = |now: i64, listed: &[(&str, &str)]| {
        claimed(now).with(|c| {
            (c.deleting, c.sight, c.lookup) = (true, ObservedState::Missing, ours(listed));
            c.deleted = BTreeMap::from([("w-old".to_owned(), 0)]);
        })
    };
    assert_eq!(reason(&leaving(end - 1, &[]).step()), reasons::RECOVERING, "what arrives then is deleted too");
    assert_eq!(leaving(end, &[]).step(), Action::RemoveFinalizer(None));
    assert_eq!(leaving(end - 1, &[("w-new", "a1")]).step(), Action::Delete(vec!["w-new".into()]));
    let retained = |now: i64| leaving(now, &[("w-old", "a0")]).with(|c| c.retain = true);
    assert_eq!(reason(&retained(end - 1).step()), reasons::RECOVERING, "all that comes is released");
    assert_eq!(retained(end).step(), Action::RetainAndUntag(vec!["w-old".into()]));
    let observing = |now: i64| claimed(now).with(|c| c.observe_only = true);
    assert_eq!(reason(&observing(end - 1).step()), reasons::RECOVERING);
    assert_eq!(observing(end).step(), Action::RemoveFinalizer(None));
}

#[test]
fn a_lost_answer_is_found_by_its_attempt_beside_the_old_one() {
    let over = |c: &mut Case| c.observations = seen(Observation::NoTrace, &[1, 2, TOLERANCE + LAG]);
    assert_eq!(creating(&[]).with(|c| c.lookup = None).step(), Action::FindByTags);
    let rows = [
        (creating(&[("w-old", "a0"), ("w-new", "a1")]), Action::RecordId("w-new".into()), "told by id and attempt"),
        (creating(&[("w-new", "a1")]), Action::RecordId("w-new".into()), "the old one was lost meanwhile"),
        (
            creating(&[("w-old", "a0"), ("w-new", "a1"), ("w-x", "x")]),
            Action::RecordId("w-new".into()),
            "a third changes nothing of that",
        ),
        (creating(&[("w-old", "a0")]).with(over), taken_back(), "nothing was made: the old one is in force again"),
        (creating(&[]).with(over), taken_back(), "also where that was lost: then it counts as gone by itself"),
        (
            creating(&[("w-old", "a0")]).with(over).with(|c| c.suspended = true),
            taken_back(),
            "suspended: it is only written down",
        ),
    ];
    for (case, expected, why) in rows {
        assert_eq!(case.step(), expected, "{why}");
    }
    let waits = creating(&[("w-old", "a0")]).step();
    assert_eq!(reason(&waits), reasons::RECOVERING, "it may still arrive");
    let unknown = creating(&[("w-old", "a0"), ("w-x", "x")]).with(over).step();
    assert_eq!(reason(&unknown), reasons::AMBIGUOUS);
    assert!(unknown.to_string().contains("w-old, w-x"), "{unknown}");
    for phase in [CreatePhase::Rejected, CreatePhase::None] {
        let refused = creating(&[("w-old", "a0")]).with(|c| c.record = record(phase, Some("a1")));
        assert_eq!(refused.step(), taken_back(), "{phase:?}: AWS made nothing");
    }
    let foreign = creating(&[("w-old", "a0")]).with(|c| {
        let other = record(CreatePhase::InFlight, Some("a1")).unwrap();
        c.record = Some(RecordedCreate { uid: "other".into(), ..other });
    });
    assert_eq!(foreign.step(), Action::WriteCreateRecord(CreatePhase::InFlight), "another object's status");
}

#[test]
fn the_old_one_goes_once_nothing_has_used_it_for_ten_minutes() {
    use ReplacingPhase::{Deleting, Moving};
    let unused =
        |seconds: &[i64]| beside(Moving, found()).with(|c| c.observations = seen(Observation::OldUnused, seconds));
    let replace = Action::Replace;
    let acknowledged = |phase, old, ago: i64| {
        beside(phase, old).with(|c| c.deleted = BTreeMap::from([("w-old".to_owned(), c.now - ago)]))
    };
    let missing = |phase| beside(phase, ObservedState::Missing);
    let over_the_lag = |c: &mut Case| c.observations = seen(Observation::OldMissing, &[0, 1, LAG]);
    let rows = [
        (beside(Moving, found()), Action::Compare, "something uses it"),
        (unused(&[0, 1, UNUSED - 1]), Action::Compare, "not for long enough"),
        (unused(&[0, UNUSED]), Action::Compare, "two are not three"),
        (unused(&[0, 1, UNUSED]), replace(Replace::Retire("w-old".into())), "now it is never in force again"),
        (
            unused(&[0, 1, UNUSED]).with(|c| c.suspended = true),
            Action::Suspend { in_force: true },
            "not while suspended",
        ),
        (beside(Deleting, found()), replace(Replace::Delete("w-old".into())), "and is deleted"),
        (acknowledged(Deleting, found(), LAG - 1), Action::Compare, "AWS may go on showing it"),
        (acknowledged(Deleting, found(), LAG), replace(Replace::Delete("w-old".into())), "it is still there"),
        (missing(Moving), Action::Compare, "seen once"),
        (missing(Moving).with(over_the_lag), replace(Replace::End("w-old".into(), None)), "somebody deleted it"),
        (acknowledged(Deleting, ObservedState::Missing, 1), replace(Replace::End("w-old".into(), None)), "as AWS said"),
        (
            beside(Moving, ObservedState::Found(Ownership::Untagged)),
            Action::Compare,
            "its tags are looked at again before that is believed",
        ),
    ];
    for (case, expected, why) in rows {
        assert_eq!(case.step(), expected, "{why}");
    }
    let lost = beside(Deleting, ObservedState::Found(Ownership::UidLost))
        .with(|c| c.observations = seen(Observation::OldForeign, &[0, 1, LAG]));
    let Action::Replace(Replace::End(id, Some(warning))) = lost.step() else { panic!("{:?}", lost.step()) };
    assert_eq!(id, "w-old");
    assert!(warning.contains("left in AWS"), "{warning}");
}

#[test]
fn a_lost_new_one_gives_the_old_one_back_unless_that_may_be_deleted() {
    use ReplacingPhase::{Deleting, Moving};
    let lost = |phase, listed: &[(&str, &str)]| {
        beside(phase, found()).with(|c| {
            (c.sight, c.lookup) = (ObservedState::Missing, ours(listed));
            c.observations = seen(Observation::Missing, &[0, 1, LAG]);
        })
    };
    assert_eq!(lost(Moving, &[("w-old", "a0")]).step(), taken_back());
    let differs = lost(Moving, &[("w-old", "a0"), ("w-new", "a1")]).step();
    assert_eq!(reason(&differs), reasons::WAITING_FOR_AWS, "a listing shows it");
    assert_eq!(reason(&lost(Deleting, &[("w-old", "a0")]).step()), reasons::SERVER_GONE);
    let recreated = lost(Deleting, &[("w-old", "a0")]).with(|c| c.recreate = true);
    assert_eq!(recreated.step(), Action::UnlinkGone("w-new".into()));
    // The one that is made in its stead stands beside the old one, which is not claimed for it.
    let anew = recreated.with(|c| {
        (c.id, c.confirmed, c.sight) = (None, false, ObservedState::NotLooked);
        c.record = record(CreatePhase::None, None);
    });
    assert_eq!(anew.step(), Action::Create);
    let foreign = lost(Moving, &[("w-old", "a0")]).with(|c| c.sight = ObservedState::Found(Ownership::Former));
    assert_eq!(reason(&foreign.step()), reasons::FORMER_OWNER, "it is there: a person says whose it is");
}

#[test]
fn a_deletion_in_the_middle_takes_both_and_waits_for_what_may_arrive() {
    use ReplacingPhase::{Creating, Deleting, Moving};
    let both = [("w-old", "a0"), ("w-new", "a1")];
    let leaving = |case: Case, listed: &[(&str, &str)]| {
        case.with(|c| {
            (c.deleting, c.lookup) = (true, ours(listed));
        })
    };
    let delete = |ids: &[&str]| Action::Delete(ids.iter().map(|id| (*id).to_owned()).collect());
    for phase in [Moving, Deleting] {
        let here = || beside(phase, found());
        assert_eq!(leaving(here(), &both).step(), delete(&["w-old", "w-new"]));
        assert_eq!(leaving(here(), &[]).step(), delete(&["w-old", "w-new"]), "both are seen though listings lag");
        let released = leaving(here(), &both).with(|c| c.retain = true);
        assert_eq!(released.step(), Action::RetainAndUntag(vec!["w-old".into(), "w-new".into()]));
    }
    let new_is_gone = |old| {
        leaving(beside(Moving, old), &[]).with(|c| {
            c.sight = ObservedState::Missing;
            c.deleted = BTreeMap::from([("w-new".to_owned(), 0)]);
        })
    };
    assert_eq!(reason(&new_is_gone(ObservedState::Missing).step()), reasons::WAITING_FOR_AWS, "the old one too?");
    let seen_gone = new_is_gone(ObservedState::Missing).with(|c| {
        c.observations = seen(Observation::OldMissing, &[0, 1, LAG]);
    });
    assert_eq!(seen_gone.step(), Action::RemoveFinalizer(None));
    assert_eq!(leaving(creating(&[]), &both).step(), Action::RecordId("w-new".into()));
    let pending = || leaving(creating(&[]), &[("w-old", "a0")]);
    assert_eq!(pending().step(), delete(&["w-old"]));
    assert_eq!(
        reason(&pending().with(|c| c.retain = true).step()),
        reasons::RECOVERING,
        "it is released with the old one"
    );
    let only_new_may_come = leaving(creating(&[]), &[]).with(|c| {
        c.replacement = replaced(false, Some(replacing(Creating)), ObservedState::Missing);
        c.deleted = BTreeMap::from([("w-old".to_owned(), 0)]);
    });
    assert_eq!(reason(&only_new_may_come.step()), reasons::RECOVERING);
}

prop_compose! {
    fn cases()(
        flags in prop::array::uniform9(any::<bool>()),
        phase in prop::sample::select(vec![ReplacingPhase::Creating, ReplacingPhase::Moving, ReplacingPhase::Deleting]),
        create in prop::sample::select(vec![CreatePhase::None, CreatePhase::InFlight, CreatePhase::Rejected]),
        attempt in prop::option::of(Just("a1")),
        sights in prop::array::uniform2(prop::sample::select(vec![
            ObservedState::NotLooked, ObservedState::Missing, found(), ObservedState::Found(Ownership::Untagged),
        ])),
        listed in prop::option::of(prop::sample::subsequence(vec![("w-old", "a0"), ("w-new", "a1"), ("w-x", "x")], 0..=3)),
        id in prop::option::of(prop::sample::select(vec!["w-old", "w-new"])),
        observed in prop::option::of(prop::sample::select(vec![
            Observation::Missing, Observation::NoTrace, Observation::OldMissing, Observation::OldForeign, Observation::OldUnused,
        ])),
        said in prop::option::of(prop::sample::select(vec![Old::Going, Old::WantedAgain { spent: false }, Old::Spent])),
        now in 0..5000_i64,
    ) -> Case {
        let [deleting, finalizer, suspended, may_create, due, unfit, under_way, retain, observe_only] = flags;
        let mut case = known(sights[0].clone());
        (case.deleting, case.finalizer, case.suspended, case.may_create) = (deleting, finalizer, suspended, may_create);
        (case.retain, case.observe_only, case.id, case.confirmed) = (retain, observe_only, id, id.is_some());
        case.record = record(create, attempt);
        case.lookup = listed.and_then(|listed| ours(&listed));
        case.observations = observed.map(|one| seen(one, &[0, LAG, TOLERANCE + LAG])).unwrap_or_default();
        let record = under_way.then(|| replacing(phase));
        case.replacement = Some(Replaced { due, unfit, said, record, old: sights[1].clone() });
        case.now = now;
        case
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_second_one_is_begun_only_where_none_is_under_way_or_unknown(case in cases()) {
        if let Action::Replace(Replace::Begin(id)) = case.step() {
            let Replaced { due, unfit, record: under_way, .. } = case.replacement.clone().unwrap();
            prop_assert!(due && !unfit && case.id == Some(&id) && case.sight == found());
            prop_assert!(under_way.is_none_or(|replacing| replacing.old_id == id));
            prop_assert!(!case.suspended && case.may_create && !case.deleting && !case.observe_only && case.finalizer);
            let record = case.record.as_ref().unwrap();
            prop_assert!(record.phase != CreatePhase::InFlight);
            prop_assert!(record.attempt.is_some() || case.now >= TOLERANCE + LAG);
            prop_assert!(case.lookup.unwrap().ours.iter().all(|found| found.id == id));
        }
    }

    #[test]
    fn the_one_in_force_is_never_deleted_but_with_its_object(case in cases()) {
        let Replaced { record: under_way, unfit, old, .. } = case.replacement.clone().unwrap();
        match case.step() {
            Action::Delete(_) | Action::RetainAndUntag(_) => prop_assert!(case.deleting),
            Action::Replace(Replace::Delete(id)) => {
                let deleting = under_way.is_some_and(|replacing| replacing.phase == ReplacingPhase::Deleting && replacing.old_id == id);
                prop_assert!(case.id != Some(&id));
                prop_assert!(deleting && old == found() && case.sight == found() && case.confirmed && !case.suspended);
            }
            Action::Replace(Replace::TakeBack(_)) => {
                prop_assert!(under_way.is_some_and(|replacing| replacing.phase != ReplacingPhase::Deleting));
            }
            Action::Replace(Replace::Swap(id)) => {
                let moving = under_way.is_some_and(|replacing| replacing.phase != ReplacingPhase::Deleting && replacing.old_id == id);
                prop_assert!(moving && case.id != Some(&id) && old == found() && case.sight == found());
                prop_assert!(!case.suspended && case.may_create && !case.deleting && !case.observe_only && case.finalizer);
            }
            Action::Replace(Replace::Release(id)) => {
                prop_assert!(!unfit && under_way.is_some_and(|replacing| replacing.phase == ReplacingPhase::Deleting && replacing.old_id == id));
            }
            Action::Replace(Replace::Retire(_)) => prop_assert!(case.sight == found() && old == found()),
            _ => {}
        }
    }
}

#[test]
fn the_wait_of_an_unused_one_counts_from_the_first_look_that_found_it_so() {
    let windows = Windows::new(jiff::SignedDuration::ZERO, jiff::SignedDuration::from_mins(20));
    assert_eq!(windows.unused(), jiff::SignedDuration::from_mins(20), "never shorter than AWS's answers lag");
    let unused = seen(Observation::OldUnused, &[0, 1, UNUSED]);
    assert_eq!(unused.due(Observation::OldUnused, jiff::SignedDuration::from_secs(UNUSED)), Some(at(UNUSED)));
}

#[test]
fn what_uses_the_old_one_is_asked_each_time_and_a_refusal_is_waited_out() {
    use ReplacingPhase::{Deleting, Moving};
    let before = |blocker: Option<&str>, held: Option<&str>| BeforeDelete {
        id: "w-old".into(),
        blocker: blocker.map(str::to_owned),
        held: held.map(str::to_owned),
        untag_held: None,
    };
    for phase in [Moving, Deleting] {
        let here = beside(phase, found());
        assert_eq!(here.asked(Reads::Described, None), Action::AskBlockers("w-old".into()), "{phase:?}");
        let other = BeforeDelete { id: "w-new".into(), ..before(None, None) };
        assert_eq!(here.asked(Reads::Described, Some(&other)), Action::AskBlockers("w-old".into()), "{phase:?}");
        for asked in [before(Some("a server"), None), before(None, Some("digest"))] {
            assert_eq!(here.asked(Reads::Described, Some(&asked)), Action::Compare, "{phase:?}: the rest goes on");
        }
    }
}

/// What the kind says of the old one, and whether something is due that AWS cannot change.
fn saying(phase: ReplacingPhase, due: bool, said: Option<Old>) -> Case {
    beside(phase, found()).with(|c| {
        c.replacement = Some(Replaced { due, unfit: false, said, record: Some(replacing(phase)), old: found() });
        c.observations = seen(Observation::OldUnused, &[0, 1, UNUSED]);
    })
}

#[test]
fn an_old_one_that_is_wanted_again_is_swapped_back_before_it_is_given_up() {
    use ReplacingPhase::{Deleting, Moving};
    let both = [("w-old", "a0"), ("w-new", "a1")];
    let again = |phase| saying(phase, true, Some(Old::WantedAgain { spent: false })).with(|c| c.lookup = ours(&both));
    let listed = |found: &[(&str, &str)]| {
        again(Moving).with(|c| (c.lookup, c.observations) = (ours(found), ConsistencyCounter::default()))
    };
    let retire = || Action::Replace(Replace::Retire("w-old".into()));
    let rows = [
        (again(Moving), Action::Replace(Replace::Swap("w-old".into())), "though nothing uses it"),
        (again(Moving).with(|c| c.lookup = None), Action::FindByTags, "first the look-up"),
        (listed(&[("w-old", "a0")]), Action::Compare, "the new one is not listed yet: it may not be the recorded one"),
        (listed(&[("w-old", "a0"), ("w-new", "a2")]), Action::Compare, "another attempt made the recorded one"),
        (listed(&[("w-old", "a0"), ("w-new", "a1"), ("w-x", "x")]), Action::Compare, "a third is there"),
        (listed(&[("w-new", "a0"), ("w-old", "a1")]), Action::Replace(Replace::Swap("w-old".into())), "swapped before"),
        (again(Moving).with(|c| c.lookup = ours(&[])), retire(), "as any other, once nothing uses it"),
        (saying(Moving, true, None), Action::Compare, "whether it is, is known before it is given up"),
        (again(Moving).with(|c| c.may_create = false), Action::Compare, "what bars a create bars this, and it stays"),
        (again(Moving).with(|c| c.report_only = true), Action::Compare, "nobody edited anything"),
        (again(Moving).with(|c| c.suspended = true), Action::Suspend { in_force: true }, "nothing while suspended"),
        (again(Deleting), Action::Replace(Replace::Delete("w-old".into())), "no way leads back"),
    ];
    for (case, expected, why) in rows {
        assert_eq!(case.step(), expected, "{why}");
    }
    let gone = again(Moving).with(|c| c.replacement.as_mut().unwrap().old = ObservedState::Missing);
    assert_eq!(gone.step(), Action::Compare, "it is not there to come back");
}

#[test]
fn an_old_one_that_is_spent_and_kept_is_left_behind_only_for_the_next_one() {
    use ReplacingPhase::{Deleting, Moving};
    let kept = BeforeDelete { id: "w-old".into(), blocker: Some("a profile".into()), held: None, untag_held: None };
    let refused = BeforeDelete { blocker: None, held: Some("digest".into()), ..kept.clone() };
    let again = |spent| Old::WantedAgain { spent };
    let spent = |phase| saying(phase, true, Some(Old::Spent)).with(|c| c.observations = ConsistencyCounter::default());
    let rows = [
        (spent(Moving), Action::Replace(Replace::Retire("w-old".into())), "never in force again"),
        (spent(Deleting), Action::Replace(Replace::Release("w-old".into())), "and then let go"),
        (
            spent(Deleting).with(|c| c.deleted = BTreeMap::from([("w-old".to_owned(), c.now)])),
            Action::Compare,
            "it may be going",
        ),
        (spent(Moving).with(|c| c.may_create = false), Action::Compare, "no other one may be made"),
        (
            saying(Moving, false, Some(Old::Spent)).with(|c| c.observations = ConsistencyCounter::default()),
            Action::Compare,
            "no other one waits",
        ),
        (saying(Deleting, false, Some(Old::Spent)), Action::Compare, "no other one waits"),
        (saying(Deleting, true, Some(Old::Going)), Action::Compare, "it may still be of use"),
        (saying(Deleting, true, Some(again(false))), Action::Compare, "it may still be of use to who keeps it"),
        (saying(Deleting, true, Some(again(true))), Action::Replace(Replace::Release("w-old".into())), "made anew"),
        (
            saying(Moving, true, Some(again(true)))
                .with(|c| (c.lookup, c.observations) = (ours(&[]), ConsistencyCounter::default())),
            Action::Replace(Replace::Retire("w-old".into())),
            "it cannot come back",
        ),
    ];
    for (case, expected, why) in rows {
        for before in [&kept, &refused] {
            assert_eq!(case.asked(Reads::Described, Some(before)), expected, "{why}");
        }
    }
    let ours_still = BeforeDelete { untag_held: Some("digest".into()), ..kept };
    assert_eq!(spent(Deleting).asked(Reads::Described, Some(&ours_still)), Action::Compare, "AWS just refused that");
    assert_eq!(spent(Moving).step(), Action::Compare, "nobody keeps it: it has its ten minutes");
    assert_eq!(spent(Deleting).step(), Action::Replace(Replace::Delete("w-old".into())), "nor is it left then");
}

#[test]
fn an_object_with_an_old_one_beside_it_was_not_never_sent() {
    let left = beside(ReplacingPhase::Deleting, found()).with(|c| {
        (c.deleting, c.id, c.confirmed, c.placeless) = (true, None, false, true);
        c.record = record(CreatePhase::Rejected, Some("a2"));
    });
    assert!(matches!(left.step(), Action::Block(_)), "{:?}", left.step());
    let alone = left.with(|c| c.replacement = replaced(false, None, ObservedState::NotLooked));
    assert_eq!(alone.step(), Action::RemoveFinalizer(None));
}
