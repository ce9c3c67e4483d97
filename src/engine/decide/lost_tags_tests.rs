//! What is done about every remainder of the owner tags, of a server and of a user, with and without adoption, living
//! and on the way out.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::tests::{Case, LAG, at, case, ours, record};
use super::*;
use crate::aws::Tags;
use crate::engine::owner::Owner;

/// How one tag stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    Ours,
    Theirs,
    Absent,
}

#[derive(Clone, Copy, Debug)]
struct Left {
    uid: Is,
    owner: Is,
    cluster: Is,
    stamped: bool,
}

const EACH: [Is; 3] = [Is::Ours, Is::Theirs, Is::Absent];

fn all() -> impl Iterator<Item = Left> {
    let stamps = [false, true].into_iter();
    stamps.flat_map(|stamped| {
        EACH.into_iter().flat_map(move |uid| {
            EACH.into_iter()
                .flat_map(move |owner| EACH.into_iter().map(move |cluster| Left { uid, owner, cluster, stamped }))
        })
    })
}

impl Left {
    fn judged(self) -> Ownership {
        let value = |is: Is, ours: &str| match is {
            Is::Ours => Some(ours.to_owned()),
            Is::Theirs => Some("another's".to_owned()),
            Is::Absent => None,
        };
        let Self { uid, owner, cluster, stamped } = self;
        let rows = [
            (api::TAG_UID, value(uid, "u")),
            (api::TAG_OWNER, value(owner, "team/files")),
            (api::TAG_CLUSTER, value(cluster, "c")),
            (api::TAG_RETAINED_FROM, stamped.then(|| "team/files".to_owned())),
        ];
        let tags: Tags = rows.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect();
        Owner::new("c", "team", "files", "u").judge(&tags)
    }

    /// A confirmed object whose counterpart looks so, for so long that all is believed.
    fn case(self, identity: Identity) -> Case {
        let mut case = case(identity);
        (case.finalizer, case.confirmed, case.record) = (true, true, record(CreatePhase::None, Some("a1")));
        case.sight = ObservedState::Found(self.judged());
        for second in [0, 60, LAG] {
            for observation in [Observation::Untagged, Observation::Foreign, Observation::Former] {
                case.observations.count(observation, at(second));
            }
        }
        if identity == Identity::Tagged {
            (case.id, case.lookup) = (Some("s-1"), ours(&[]));
        }
        case
    }
}

const KINDS: [(Identity, &str); 2] = [(Identity::Tagged, "s-1"), (Identity::Keyed, "")];

/// The step in a word, and whether its message ends with the command.
fn told(step: &Action) -> (&str, bool) {
    match step {
        Action::Stall { reason, uid_lost } => (reason.code, !uid_lost.is_empty()),
        Action::Compare => ("apply", false),
        Action::Adopt(_) => ("adopt", false),
        Action::Delete(_) => ("delete", false),
        Action::RemoveFinalizer(Some(_)) => ("left in AWS", false),
        Action::RemoveFinalizer(None) => ("let go", false),
        Action::RetainAndUntag(_) => ("stamp", false),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_left_of_the_owner_tags_decides_what_adoption_may_take_back() {
    use Is::{Absent, Ours, Theirs};
    for left in all() {
        let Left { uid, owner, cluster, stamped } = left;
        let named = owner == Ours && cluster == Ours;
        let (without, with) = match (uid, owner, cluster) {
            (Ours, _, Ours) => ("apply", "apply"),
            (Ours, ..) => (reasons::OTHER_CLUSTER, reasons::OTHER_CLUSTER),
            (Theirs, Ours, Ours) => (reasons::FORMER_OWNER, "adopt"),
            (Absent, ..) if stamped || named || (owner, cluster) == (Absent, Absent) => {
                (reasons::OWNERSHIP_LOST, "adopt")
            }
            (Theirs | Absent, ..) => (reasons::OWNERSHIP_LOST, reasons::OWNERSHIP_LOST),
        };
        for (identity, id) in KINDS {
            let living = left.case(identity);
            let command = uid == Absent && named && !stamped;
            assert_eq!(told(&living.step()), (without, command), "{identity:?} {left:?}");
            let adopting = living.clone().with(|c| c.adoption = Some((id, true)));
            assert_eq!(told(&adopting.step()), (with, false), "{identity:?} {left:?} adopting");
            let differing = adopting.with(|c| c.differs = true);
            let kept = if with == "adopt" { reasons::NOT_IDENTICAL } else { with };
            assert_eq!(told(&differing.step()), (kept, false), "{identity:?} {left:?} not identical");
        }
    }
}

#[test]
fn only_what_carries_our_uid_and_cluster_is_deleted_or_stamped() {
    for left in all() {
        let ours = left.uid == Is::Ours && left.cluster == Is::Ours;
        for (identity, id) in KINDS {
            for adoption in [None, Some((id, false))] {
                let leaving = left.case(identity).with(|c| (c.deleting, c.adoption) = (true, adoption));
                let expected = if ours { "delete" } else { "left in AWS" };
                assert_eq!(told(&leaving.step()), (expected, false), "{identity:?} {left:?} {adoption:?}");
                let retained = leaving.with(|c| c.retain = true);
                let retired_ids = left.judged() == Ownership::UidLost;
                let expected = if ours { "stamp" } else { ["let go", "left in AWS"][usize::from(retired_ids)] };
                assert_eq!(told(&retained.step()), (expected, false), "{identity:?} {left:?} {adoption:?} retained");
            }
        }
    }
}

fn uid_lost(identity: Identity) -> Case {
    Left { uid: Is::Absent, owner: Is::Ours, cluster: Is::Ours, stamped: false }.case(identity)
}

#[test]
fn a_lost_uid_is_taken_back_at_once_unless_another_server_has_ours() {
    for (identity, id) in KINDS {
        let adopting = uid_lost(identity).with(|c| {
            (c.adoption, c.observations) = (Some((id, true)), ConsistencyCounter::default());
        });
        assert_eq!(adopting.step(), Action::Adopt(id.to_owned()), "{identity:?}: three looks are not waited for");
        let blocked = adopting.with(|c| c.may_create = false);
        assert_eq!(blocked.step(), Action::NotReady, "{identity:?}");
    }
    let copy = || Some(TagMatches { other_cluster: vec!["s-2".to_owned()], ..TagMatches::default() });
    let adopting = || uid_lost(Identity::Tagged).with(|c| c.adoption = Some(("s-1", true)));
    let beside = adopting().with(|c| c.lookup = ours(&[("s-2", "a1")]));
    assert_eq!(beside.step(), Action::RecordId("s-2".to_owned()), "that one is ours");
    let beside = adopting().with(|c| c.lookup = copy());
    assert_eq!(told(&beside.step()), (reasons::OTHER_CLUSTER, false));
    let first = adopting().with(|c| (c.confirmed, c.id, c.record) = (false, None, record(CreatePhase::None, None)));
    assert_eq!(first.step(), Action::Adopt("s-1".to_owned()), "also where status does not know it");
    assert_eq!(told(&first.clone().with(|c| c.lookup = copy()).step()), (reasons::OTHER_CLUSTER, false));
    let second = first.with(|c| c.lookup = ours(&[("s-2", "a1")]));
    assert_eq!(told(&second.step()), (reasons::AMBIGUOUS, false));
}

#[test]
fn no_second_server_is_made_beside_one_that_lost_its_uid() {
    let lookup = || Some(TagMatches { uid_lost: vec!["s-1".to_owned()], ..TagMatches::default() });
    let wiped = uid_lost(Identity::Tagged).with(|c| {
        (c.confirmed, c.id, c.record) = (false, None, record(CreatePhase::None, None));
        (c.sight, c.lookup) = (ObservedState::NotLooked, lookup());
    });
    assert_eq!(told(&wiped.step()), (reasons::OWNERSHIP_LOST, true));
    let young = wiped.clone().with(|c| c.observations = ConsistencyCounter::default());
    assert!(matches!(young.step(), Action::Wait { .. }), "AWS lists dying servers for a while");
    let leaving = wiped.with(|c| c.deleting = true);
    assert_eq!(told(&leaving.step()), ("left in AWS", false), "it does not go unsaid");
}

#[test]
fn a_user_that_lost_its_uid_is_waited_for_before_it_is_left_behind() {
    let young =
        uid_lost(Identity::Keyed).with(|c| (c.deleting, c.observations) = (true, ConsistencyCounter::default()));
    assert!(matches!(young.step(), Action::Wait { .. }));
    let foreign = uid_lost(Identity::Keyed).with(|c| c.confirmed = false);
    assert_eq!(told(&foreign.step()), (reasons::CONFLICT, true), "it never was on record");
}

#[test]
fn what_is_not_on_a_server_that_was_not_proven_ours_may_be_elsewhere() {
    let absent = case(Identity::Keyed).with(|c| {
        (c.deleting, c.finalizer, c.unproven, c.sight) = (true, true, true, ObservedState::Missing);
        c.record = record(CreatePhase::None, Some("a1"));
    });
    assert_eq!(absent.step(), Action::NotReady);
    let there = absent.clone().with(|c| c.sight = ObservedState::Found(Ownership::Ours));
    assert_eq!(there.step(), Action::Delete(vec![String::new()]), "our own tags on the user do");
    assert_eq!(absent.with(|c| c.unproven = false).step(), Action::RemoveFinalizer(None));
}
