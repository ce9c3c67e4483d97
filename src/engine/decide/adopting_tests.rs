//! How what was there before the object is taken over, row by row.
#![allow(clippy::unwrap_used)]

use super::tests::{Case, LAG, case, known, ours, prepared, reason, record, seen};
use super::*;

/// A server object that names `s-7` to be taken over, with what stands there.
fn adopting(ownership: Ownership) -> Case {
    prepared().with(|c| {
        c.adoption = Some(("s-7", true));
        c.sight = ObservedState::Found(ownership);
        c.lookup = ours(&[]);
    })
}

#[test]
fn a_server_is_taken_over_in_these_steps_and_none_is_ever_created_instead() {
    let free = || adopting(Ownership::Untagged);
    let rows = [
        (
            free().with(|c| (c.record, c.finalizer) = (None, false)),
            Action::WriteCreateRecord(CreatePhase::None),
            "the record",
        ),
        (free().with(|c| c.finalizer = false), Action::AddFinalizer, "the finalizer"),
        (free().with(|c| c.lookup = None), Action::FindByTags, "is one ours already?"),
        (free(), Action::Adopt("s-7".into()), "the owner tags"),
        (adopting(Ownership::Retained), Action::Adopt("s-7".into()), "what somebody left behind"),
        (adopting(Ownership::Former), Action::Adopt("s-7".into()), "what a former object of this name had"),
        (adopting(Ownership::Ours), Action::RecordId("s-7".into()), "our tags are seen: the id"),
        (free().with(|c| c.suspended = true), Action::NotReady, "suspended"),
        (free().with(|c| c.may_create = false), Action::NotReady, "not in order"),
    ];
    for (case, expected, reason) in rows {
        assert_eq!(case.step(), expected, "{reason}");
    }
    assert_eq!(reason(&adopting(Ownership::Foreign("x".into())).step()), reasons::CONFLICT);
    assert_eq!(reason(&adopting(Ownership::OtherCluster).step()), reasons::OTHER_CLUSTER);
    let second = free().with(|c| c.lookup = ours(&[("s-1", "a")]));
    assert_eq!(reason(&second.step()), reasons::AMBIGUOUS, "this object has a server already");
    let absent = free().with(|c| c.sight = ObservedState::Missing);
    assert!(matches!(absent.step(), Action::Wait { .. }));
    let absent = absent.with(|c| c.observations = seen(Observation::Missing, &[0, 60, LAG]));
    assert_eq!(reason(&absent.step()), reasons::SERVER_GONE);
}

#[test]
fn only_what_is_identical_is_taken_over_unless_the_spec_says_otherwise() {
    for (identity, id) in [(Identity::Tagged, "s-7"), (Identity::Keyed, ""), (Identity::Recorded, "")] {
        let differing = case(identity).with(|c| {
            c.finalizer = true;
            c.record = record(CreatePhase::None, None);
            c.adoption = Some((id, true));
            c.sight = ObservedState::Found(Ownership::Untagged);
            c.lookup = ours(&[]);
            c.differs = true;
        });
        assert_eq!(reason(&differing.step()), reasons::NOT_IDENTICAL, "{identity:?}");
        let untouched = differing.clone().with(|c| (c.finalizer, c.record) = (false, None));
        assert_eq!(reason(&untouched.step()), reasons::NOT_IDENTICAL, "{identity:?}: not even a finalizer");
        let converging = differing.clone().with(|c| c.adoption = Some((id, false)));
        assert_eq!(converging.step(), Action::Adopt(id.into()), "{identity:?}");
        let identical = differing.with(|c| c.differs = false);
        assert_eq!(identical.step(), Action::Adopt(id.into()), "{identity:?}");
    }
}

#[test]
fn adoption_is_the_way_back_from_lost_ownership_and_to_another_server() {
    let retired_ids = |adoption: &'static str| {
        known(ObservedState::Found(Ownership::Retained)).with(|c| {
            c.lookup = ours(&[]);
            c.adoption = Some((adoption, true));
        })
    };
    assert_eq!(retired_ids("s-1").step(), Action::Adopt("s-1".into()));
    assert_eq!(retired_ids("s-7").step(), Action::UnlinkForeign("s-1".into()), "the lost one is let go first");
    let foreign = retired_ids("s-1").with(|c| c.sight = ObservedState::Found(Ownership::Foreign("x".into())));
    assert_eq!(reason(&foreign.step()), reasons::OWNERSHIP_LOST, "other owners' tags are refused");
    let own_record = retired_ids("s-7").with(|c| c.sight = ObservedState::Found(Ownership::Ours));
    assert_eq!(reason(&own_record.step()), reasons::SERVER_CHANGED, "an own server is not left for another one");
    let user = case(Identity::Keyed).with(|c| {
        c.finalizer = true;
        c.confirmed = true;
        c.adoption = Some(("", true));
        c.sight = ObservedState::Found(Ownership::Former);
        c.observations = seen(Observation::Former, &[0, 60, LAG]);
    });
    assert_eq!(user.step(), Action::Adopt(String::new()));
    let dying = user.clone().with(|c| c.observations = ConsistencyCounter::default());
    assert!(matches!(dying.step(), Action::Wait { .. }), "a dying namesake is waited for all the same");
    let foreign = user.with(|c| {
        c.confirmed = false;
        c.sight = ObservedState::Found(Ownership::Foreign("x".into()));
    });
    assert_eq!(reason(&foreign.step()), reasons::CONFLICT);
}
