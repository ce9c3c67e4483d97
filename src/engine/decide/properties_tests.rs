//! What holds of every step, whatever the facts: thousands of them at random.
#![allow(clippy::unwrap_used, clippy::panic)]

use proptest::prelude::*;

use super::tests::{Case, LAG, TOLERANCE, at, case, ours, seen};
use super::*;

fn identity() -> impl Strategy<Value = Identity> {
    prop::sample::select(vec![Identity::Tagged, Identity::Keyed, Identity::Recorded])
}

fn sight() -> impl Strategy<Value = ObservedState> {
    prop::sample::select(vec![
        ObservedState::NotLooked,
        ObservedState::Missing,
        ObservedState::ParentMissing,
        ObservedState::Found(Ownership::Ours),
        ObservedState::Found(Ownership::Untagged),
        ObservedState::Found(Ownership::OtherCluster),
        ObservedState::Found(Ownership::Former),
        ObservedState::Found(Ownership::Retained),
        ObservedState::Found(Ownership::Foreign("x".to_owned())),
    ])
}

fn record() -> impl Strategy<Value = Option<RecordedCreate>> {
    let phase = prop::sample::select(vec![CreatePhase::None, CreatePhase::InFlight, CreatePhase::Rejected]);
    let record = (prop::sample::select(vec!["u", "u", "u", "other"]), phase, any::<bool>(), any::<bool>());
    prop::option::weighted(
        0.8,
        record.prop_map(|(uid, phase, attempt, retired_ids)| RecordedCreate {
            uid: uid.to_owned(),
            phase,
            attempt: attempt.then(|| "a1".to_owned()),
            started_at: at(0),
            retired_ids: retired_ids.then(|| "s-2".to_owned()).into_iter().collect(),
        }),
    )
}

fn lookup() -> impl Strategy<Value = Option<TagMatches>> {
    let found = prop::sample::subsequence(vec![("s-1", "a1"), ("s-2", "a1"), ("s-3", "x")], 0..=3);
    let others = (any::<bool>(), any::<bool>());
    prop::option::weighted(
        0.8,
        (found, others).prop_map(|(found, (former, other))| TagMatches {
            former: former.then(|| "s-8".to_owned()).into_iter().collect(),
            other_cluster: other.then(|| "s-9".to_owned()).into_iter().collect(),
            ..ours(&found).unwrap()
        }),
    )
}

fn observations() -> impl Strategy<Value = ConsistencyCounter> {
    let all = [
        Observation::Missing,
        Observation::ParentMissing,
        Observation::Untagged,
        Observation::Former,
        Observation::NoTrace,
    ]
    .to_vec();
    prop::option::of(prop::sample::select(all))
        .prop_map(|one| one.map_or_else(ConsistencyCounter::default, |one| seen(one, &[0, LAG, TOLERANCE + LAG])))
}

prop_compose! {
    fn cases()(
        identity in identity(), flags in prop::array::uniform12(any::<bool>()), sight in sight(), record in record(),
        lookup in lookup(), observations in observations(), id in prop::option::of(prop::sample::select(vec!["s-1", "s-2", "s-7"])),
        adoption in prop::option::weighted(0.3, (prop::sample::select(vec!["s-1", "s-7"]), any::<bool>())),
        quiet in prop::option::of(0..5000_i64), now in 0..5000_i64,
    ) -> Case {
        let [deleting, finalizer, observe_only, report_only, suspended, retain, protected, recreate, differs, may_create,
            parent_replaced, replied] = flags;
        let mut case = case(identity);
        (case.deleting, case.finalizer, case.observe_only, case.report_only) = (deleting, finalizer, observe_only, report_only);
        (case.suspended, case.retain, case.protected, case.recreate) = (suspended, retain, protected, recreate);
        (case.differs, case.may_create, case.parent_replaced, case.replied) = (differs, may_create, parent_replaced, replied.then_some(7));
        case.confirmed = id.is_some();
        case.id = id.filter(|_| identity == Identity::Tagged);
        // Only kinds without tags are seen without an owner, and only they.
        case.sight = match sight {
            ObservedState::Found(_) if identity == Identity::Recorded => ObservedState::Found(Ownership::Untagged),
            other => other,
        };
        case.adoption = adoption.map(|(id, only)| (if identity == Identity::Tagged { id } else { "" }, only));
        (case.record, case.lookup, case.observations, case.creates_stopped_at, case.now) = (record, lookup, observations, quiet, now);
        case
    }
}

/// The record, where it is of this object.
fn own_record(case: &Case) -> Option<&RecordedCreate> {
    case.record.as_ref().filter(|record| record.uid == "u")
}

fn in_flight(case: &Case) -> bool {
    own_record(case).is_some_and(|record| record.phase == CreatePhase::InFlight)
}

/// The ids that AWS showed with our tags in this reconcile.
fn seen_ours(case: &Case) -> Vec<String> {
    let listed = case.lookup.iter().flat_map(|lookup| lookup.ours.iter().map(|found| found.id.clone()));
    let seen = case.id.filter(|_| case.sight == ObservedState::Found(Ownership::Ours)).map(str::to_owned);
    listed.chain(seen).collect()
}

fn changes_aws(step: &Action) -> bool {
    matches!(
        step,
        Action::Create
            | Action::Compare
            | Action::Send(_)
            | Action::Adopt(_)
            | Action::Delete(_)
            | Action::RetainAndUntag(_)
    )
}

/// Cases of each property. Mutation testing asks for fewer: it runs them a thousand times.
fn cases_each() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(8192)
}

/// Whether it takes something out of AWS, or out of our hands.
fn takes_away(step: &Action) -> bool {
    matches!(
        step,
        Action::Delete(_) | Action::RetainAndUntag(_) | Action::AskBlockers(_) | Action::Replace(Replace::Delete(_))
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases_each(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_object_that_observes_changes_nothing(case in cases()) {
        prop_assert!(!case.observe_only || !changes_aws(&case.step()), "{:?}", case.step());
    }

    #[test]
    fn nothing_of_an_object_that_observes_is_deleted(case in cases(), quiet in prop::option::of(0..5000_i64)) {
        // Also where a sequence was begun that is to be brought to its end, with nothing left to send for it.
        let case = case.with(|c| (c.observe_only, c.operation, c.quiet_since) = (true, true, quiet));
        let over = super::update_tests::nothing_due();
        prop_assert!(!takes_away(&case.step()), "{:?}", case.step());
        prop_assert!(!takes_away(&case.updating(&over.facts())), "{}", case.updating(&over.facts()));
    }

    #[test]
    fn none_is_created_while_one_may_come_or_is_known_found_or_adopted(case in cases()) {
        if case.identity == Identity::Tagged && case.step() == Action::Create {
            prop_assert!(case.finalizer && own_record(&case).is_some() && !in_flight(&case));
            prop_assert!(!case.confirmed && case.adoption.is_none() && !case.suspended && case.may_create);
            let lookup = case.lookup.as_ref().unwrap();
            let retired_ids = &own_record(&case).unwrap().retired_ids;
            prop_assert!(lookup.ours.iter().all(|found| retired_ids.contains(&found.id)));
            prop_assert!(lookup.former.is_empty() && lookup.other_cluster.is_empty());
        }
    }

    #[test]
    fn only_what_was_seen_as_ours_is_deleted_or_released(case in cases()) {
        if let Action::Delete(ids) | Action::RetainAndUntag(ids) = case.step() {
            prop_assert!(case.deleting && !case.protected && !ids.is_empty());
            match case.identity {
                Identity::Tagged => {
                    let ours = seen_ours(&case);
                    prop_assert!(ids.iter().all(|id| ours.contains(id)), "{ids:?}");
                }
                Identity::Keyed => prop_assert_eq!(case.sight, ObservedState::Found(Ownership::Ours)),
                Identity::Recorded => prop_assert!(own_record(&case).is_some_and(|record| record.attempt.is_some())),
            }
        }
    }

    #[test]
    fn tags_of_others_are_never_taken_over(case in cases()) {
        if let Action::Adopt(_) = case.step() {
            prop_assert!(!matches!(case.sight, ObservedState::Found(Ownership::Foreign(_) | Ownership::OtherCluster)));
            prop_assert!(case.adoption.is_some() && case.finalizer && !case.suspended && !case.deleting);
            prop_assert!(case.adoption.is_some_and(|(_, only_identical)| !only_identical || !case.differs));
        }
    }

    #[test]
    fn a_claimed_id_carries_our_tags_and_was_never_let_go(case in cases()) {
        if let Action::RecordId(id) = case.step() {
            let taken = case.adoption.is_some_and(|(named, _)| named == id) && case.sight == ObservedState::Found(Ownership::Ours);
            prop_assert!(taken || seen_ours(&case).contains(&id));
            prop_assert!(own_record(&case).is_some_and(|record| taken || !record.retired_ids.contains(&id)));
        }
    }

    #[test]
    fn the_finalizer_stays_while_something_of_ours_is_there_or_may_come(case in cases()) {
        if let (Action::RemoveFinalizer(_), false) = (case.step(), case.observe_only) {
            prop_assert!(case.deleting && !case.protected);
            if case.identity == Identity::Tagged {
                prop_assert!(case.lookup.is_some() && own_record(&case).is_some());
                prop_assert!(seen_ours(&case).is_empty());
                let end = case.replied.map_or(TOLERANCE + LAG, |at| (at + LAG).min(TOLERANCE + LAG));
                prop_assert!(!in_flight(&case) || case.observations.lasts_until(Observation::NoTrace, at(end)));
            } else if case.identity == Identity::Keyed {
                prop_assert!(case.sight != ObservedState::Found(Ownership::Ours));
            }
        }
    }

    #[test]
    fn before_anything_was_made_there_is_neither_record_nor_finalizer(case in cases()) {
        let idle = !case.may_create || case.suspended;
        if idle && !case.finalizer && case.record.is_none() && !matches!(case.sight, ObservedState::Found(_)) {
            prop_assert!(!matches!(case.step(), Action::WriteCreateRecord(_) | Action::AddFinalizer), "{:?}", case.step());
        }
    }
}
