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
    fn case(self, identified: Identified) -> Case {
        let mut case = case(identified);
        (case.finalizer, case.confirmed, case.record) = (true, true, record(CreatePhase::None, Some("a1")));
        case.sight = Sight::Found(self.judged());
        for second in [0, 60, LAG] {
            for sighting in [Sighting::Untagged, Sighting::Foreign, Sighting::Former] {
                case.sightings.count(sighting, at(second));
            }
        }
        if identified == Identified::ByTags {
            (case.id, case.lookup) = (Some("s-1"), ours(&[]));
        }
        case
    }
}

const KINDS: [(Identified, &str); 2] = [(Identified::ByTags, "s-1"), (Identified::ByKey, "")];

/// The step in a word, and whether its message ends with the command.
fn told(step: &Step) -> (&str, bool) {
    match step {
        Step::Stall { reason, uid_lost, .. } => (reason, !uid_lost.is_empty()),
        Step::Apply => ("apply", false),
        Step::Adopt(_) => ("adopt", false),
        Step::Delete(_) => ("delete", false),
        Step::Release(Some(_)) => ("left in AWS", false),
        Step::Release(None) => ("let go", false),
        Step::Stamp(_) => ("stamp", false),
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
        for (identified, id) in KINDS {
            let living = left.case(identified);
            let command = uid == Absent && named && !stamped;
            assert_eq!(told(&living.step()), (without, command), "{identified:?} {left:?}");
            let adopting = living.clone().with(|c| c.adoption = Some((id, true)));
            assert_eq!(told(&adopting.step()), (with, false), "{identified:?} {left:?} adopting");
            let differing = adopting.with(|c| c.differs = true);
            let kept = if with == "adopt" { reasons::NOT_IDENTICAL } else { with };
            assert_eq!(told(&differing.step()), (kept, false), "{identified:?} {left:?} not identical");
        }
    }
}

#[test]
fn only_what_carries_our_uid_and_cluster_is_deleted_or_stamped() {
    for left in all() {
        let ours = left.uid == Is::Ours && left.cluster == Is::Ours;
        for (identified, id) in KINDS {
            for adoption in [None, Some((id, false))] {
                let leaving = left.case(identified).with(|c| (c.deleting, c.adoption) = (true, adoption));
                let expected = if ours { "delete" } else { "left in AWS" };
                assert_eq!(told(&leaving.step()), (expected, false), "{identified:?} {left:?} {adoption:?}");
                let retained = leaving.with(|c| c.retain = true);
                let lost = left.judged() == Ownership::UidLost;
                let expected = if ours { "stamp" } else { ["let go", "left in AWS"][usize::from(lost)] };
                assert_eq!(told(&retained.step()), (expected, false), "{identified:?} {left:?} {adoption:?} retained");
            }
        }
    }
}

fn uid_lost(identified: Identified) -> Case {
    Left { uid: Is::Absent, owner: Is::Ours, cluster: Is::Ours, stamped: false }.case(identified)
}

#[test]
fn a_lost_uid_is_taken_back_at_once_unless_another_server_has_ours() {
    for (identified, id) in KINDS {
        let adopting = uid_lost(identified).with(|c| {
            (c.adoption, c.sightings) = (Some((id, true)), Sightings::default());
        });
        assert_eq!(adopting.step(), Step::Adopt(id.to_owned()), "{identified:?}: three looks are not waited for");
        let blocked = adopting.with(|c| c.may_create = false);
        assert_eq!(blocked.step(), Step::Hold, "{identified:?}");
    }
    let copy = || Some(Lookup { other_cluster: vec!["s-2".to_owned()], ..Lookup::default() });
    let adopting = || uid_lost(Identified::ByTags).with(|c| c.adoption = Some(("s-1", true)));
    let beside = adopting().with(|c| c.lookup = ours(&[("s-2", "a1")]));
    assert_eq!(beside.step(), Step::Claim("s-2".to_owned()), "that one is ours");
    let beside = adopting().with(|c| c.lookup = copy());
    assert_eq!(told(&beside.step()), (reasons::OTHER_CLUSTER, false));
    let first = adopting().with(|c| (c.confirmed, c.id, c.record) = (false, None, record(CreatePhase::None, None)));
    assert_eq!(first.step(), Step::Adopt("s-1".to_owned()), "also where status does not know it");
    assert_eq!(told(&first.clone().with(|c| c.lookup = copy()).step()), (reasons::OTHER_CLUSTER, false));
    let second = first.with(|c| c.lookup = ours(&[("s-2", "a1")]));
    assert_eq!(told(&second.step()), (reasons::AMBIGUOUS, false));
}

#[test]
fn no_second_server_is_made_beside_one_that_lost_its_uid() {
    let lookup = || Some(Lookup { uid_lost: vec!["s-1".to_owned()], ..Lookup::default() });
    let wiped = uid_lost(Identified::ByTags).with(|c| {
        (c.confirmed, c.id, c.record) = (false, None, record(CreatePhase::None, None));
        (c.sight, c.lookup) = (Sight::NotLooked, lookup());
    });
    assert_eq!(told(&wiped.step()), (reasons::OWNERSHIP_LOST, true));
    let young = wiped.clone().with(|c| c.sightings = Sightings::default());
    assert!(matches!(young.step(), Step::Wait { .. }), "AWS lists dying servers for a while");
    let leaving = wiped.with(|c| c.deleting = true);
    assert_eq!(told(&leaving.step()), ("left in AWS", false), "it does not go unsaid");
}

#[test]
fn a_user_that_lost_its_uid_is_waited_for_before_it_is_left_behind() {
    let young = uid_lost(Identified::ByKey).with(|c| (c.deleting, c.sightings) = (true, Sightings::default()));
    assert!(matches!(young.step(), Step::Wait { .. }));
    let foreign = uid_lost(Identified::ByKey).with(|c| c.confirmed = false);
    assert_eq!(told(&foreign.step()), (reasons::CONFLICT, true), "it never was on record");
}

#[test]
fn what_is_not_on_a_server_that_was_not_proven_ours_may_be_elsewhere() {
    let absent = case(Identified::ByKey).with(|c| {
        (c.deleting, c.finalizer, c.unproven, c.sight) = (true, true, true, Sight::Missing);
        c.record = record(CreatePhase::None, Some("a1"));
    });
    assert_eq!(absent.step(), Step::Hold);
    let there = absent.clone().with(|c| c.sight = Sight::Found(Ownership::Ours));
    assert_eq!(there.step(), Step::Delete(vec![String::new()]), "our own tags on the user do");
    assert_eq!(absent.with(|c| c.unproven = false).step(), Step::Release(None));
}
