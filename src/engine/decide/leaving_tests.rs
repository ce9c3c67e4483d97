//! The state table of what is on its way out, or only observed, and of what nobody can be sure of.
#![allow(clippy::unwrap_used)]

use super::tests::{Case, LAG, case, ours, record, seen};
use super::*;

/// What a step comes to, in a word.
fn word(step: &Action) -> &'static str {
    match step {
        Action::Wait { .. } => "wait",
        Action::Stall { .. } => "stall",
        Action::RemoveFinalizer(None) => "release",
        Action::RemoveFinalizer(Some(_)) => "release with a warning",
        Action::AddFinalizer => "finalize",
        Action::RecordId(_) => "claim",
        Action::NotReady => "hold",
        other => unreachable!("not in these tables: {other:?}"),
    }
}

fn check(rows: Vec<(Case, &str, &str)>) {
    for (case, expected, why) in rows {
        assert_eq!(word(&case.step()), expected, "{why}");
    }
}

/// An object with a finalizer that was confirmed, being deleted.
fn leaving(identity: Identity, sight: ObservedState, change: impl FnOnce(&mut Case)) -> Case {
    let mut case = case(identity);
    (case.deleting, case.finalizer, case.confirmed) = (true, true, true);
    (case.sight, case.record) = (sight, record(CreatePhase::None, Some("a1")));
    if identity == Identity::Tagged {
        (case.id, case.lookup) = (Some("s-1"), ours(&[]));
    }
    change(&mut case);
    case
}

#[test]
fn what_lost_its_tags_is_looked_at_again_before_it_is_let_go() {
    let untagged = || ObservedState::Found(Ownership::Untagged);
    let believed = || seen(Observation::Untagged, &[0, 60, LAG]);
    for identity in [Identity::Keyed, Identity::Tagged] {
        let case = |change: fn(&mut Case)| leaving(identity, untagged(), change);
        check(vec![
            (case(|_| ()), "wait", "one look is not enough"),
            (leaving(identity, untagged(), |c| c.observations = believed()), "release with a warning", "left in AWS"),
            (case(|c| c.retain = true), "release", "it was to stay in any case"),
        ]);
    }
    let unconfirmed = |identity| leaving(identity, untagged(), |c| c.confirmed = false);
    check(vec![
        (unconfirmed(Identity::Keyed), "release with a warning", "somebody else's from the start"),
        (unconfirmed(Identity::Tagged), "release", "no id was ever recorded"),
        (
            leaving(Identity::Tagged, ObservedState::Found(Ownership::Foreign("x".into())), |_| ()),
            "wait",
            "it may be a forged id, and what was created so young that no listing shows it",
        ),
        (
            leaving(Identity::Tagged, ObservedState::Found(Ownership::Foreign("x".into())), |c| {
                c.observations = seen(Observation::Foreign, &[0, 60, LAG]);
            }),
            "release with a warning",
            "somebody else's by now",
        ),
        (
            leaving(Identity::Tagged, ObservedState::Found(Ownership::Foreign("x".into())), |c| c.retain = true),
            "release",
            "nothing is to be deleted",
        ),
    ]);
}

#[test]
fn an_access_that_our_record_proves_is_kept_where_it_is_to_stay() {
    let found = || ObservedState::Found(Ownership::Untagged);
    check(vec![
        (leaving(Identity::Recorded, found(), |c| c.retain = true), "release", "without a word"),
        (
            leaving(Identity::Recorded, found(), |c| {
                c.retain = true;
                c.record = None;
            }),
            "release with a warning",
            "without a record it is nobody's",
        ),
    ]);
}

#[test]
fn an_observing_object_lets_go_once_no_create_can_be_under_way() {
    let observing = |identity, record: Option<RecordedCreate>, confirmed: bool| {
        let mut case = case(identity);
        (case.observe_only, case.finalizer, case.sight) = (true, true, ObservedState::Missing);
        (case.record, case.confirmed) = (record, confirmed);
        case
    };
    let (key, log) = (Identity::Keyed, Identity::Recorded);
    check(vec![
        (observing(log, record(CreatePhase::InFlight, Some("a1")), false), "wait", "it was sent"),
        (observing(log, record(CreatePhase::InFlight, None), false), "release", "it was not sent yet"),
        (observing(log, record(CreatePhase::None, Some("a1")), true), "release", "it was made, and went"),
        (observing(log, None, false), "release", "there never was one"),
        (observing(key, record(CreatePhase::InFlight, None), true), "wait", "it is made anew"),
        (observing(key, None, false), "wait", "the finalizer is the record"),
        (observing(key, None, true), "release", "it was made, and went"),
        (observing(key, record(CreatePhase::None, None), true), "release", "confirmed by its record too"),
        (observing(key, record(CreatePhase::Rejected, None), false), "release", "AWS refused it"),
    ]);
}

#[test]
fn a_user_without_tags_is_looked_at_again_before_a_person_is_called() {
    let untagged = |confirmed: bool, observations: ConsistencyCounter| {
        let mut case = case(Identity::Keyed);
        (case.finalizer, case.confirmed, case.observations) = (true, confirmed, observations);
        case.sight = ObservedState::Found(Ownership::Untagged);
        case
    };
    check(vec![
        (untagged(true, ConsistencyCounter::default()), "wait", "tags may be read late"),
        (untagged(true, seen(Observation::Untagged, &[0, 60, LAG])), "stall", "they are gone"),
        (untagged(false, ConsistencyCounter::default()), "stall", "it never was ours"),
    ]);
}

#[test]
fn an_access_gets_its_finalizer_back_and_is_not_made_while_it_must_not_be() {
    let access = |sight: ObservedState, change: fn(&mut Case)| {
        let mut case = case(Identity::Recorded);
        (case.finalizer, case.sight, case.record) = (true, sight, record(CreatePhase::None, Some("a1")));
        change(&mut case);
        case
    };
    check(vec![
        (access(ObservedState::Found(Ownership::Untagged), |c| c.finalizer = false), "finalize", "it was stripped"),
        (access(ObservedState::Missing, |c| c.suspended = true), "hold", "suspended"),
        (access(ObservedState::Missing, |c| c.may_create = false), "hold", "not granted"),
    ]);
}

#[test]
fn the_finalizer_of_what_may_exist_comes_back_before_anything_else() {
    let foreign = || ObservedState::Found(Ownership::Foreign("x".into()));
    let adopting = |phase, confirmed: bool| {
        let mut case = case(Identity::Tagged);
        (case.adoption, case.sight, case.confirmed) = (Some(("s-2", false)), foreign(), confirmed);
        (case.id, case.record) = (confirmed.then_some("s-1"), record(phase, Some("a1")));
        case
    };
    check(vec![
        (adopting(CreatePhase::None, true), "finalize", "its server is known"),
        (adopting(CreatePhase::InFlight, false), "finalize", "a create is under way"),
        (adopting(CreatePhase::InFlight, true), "finalize", "both"),
        (adopting(CreatePhase::None, false), "stall", "nothing was made: first whether it may be taken over"),
    ]);
}

#[test]
fn an_unconfirmed_id_is_claimed_where_a_listing_shows_it_as_ours() {
    let mut case = case(Identity::Tagged);
    (case.finalizer, case.id, case.record) = (true, Some("s-1"), record(CreatePhase::None, None));
    case.lookup = ours(&[("s-1", "a1")]);
    check(vec![(case, "claim", "the tags decide")]);
}
