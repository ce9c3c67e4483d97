//! What becomes of what an object has in AWS when the object is deleted, row by row.
#![allow(clippy::unwrap_used)]

use super::tests::{Case, LAG, TOLERANCE, case, in_flight, known, ours, prepared, reason, record, seen, server};
use super::*;

#[test]
fn a_server_is_deleted_after_a_look_up_and_only_what_is_ours() {
    let going = |case: Case| case.with(|c| c.deleting = true);
    let there = || going(known(ObservedState::Found(Ownership::Ours)));
    let rows = [
        (going(server()), Action::Done, "no finalizer: nothing of ours"),
        (there(), Action::FindByTags, "always one look-up"),
        (there().with(|c| c.lookup = ours(&[("s-1", "a")])), Action::Delete(vec!["s-1".into()]), "ours goes"),
        (
            there().with(|c| c.lookup = ours(&[("s-1", "a"), ("s-2", "b")])),
            Action::Delete(vec!["s-1".into(), "s-2".into()]),
            "all that are ours go",
        ),
        (
            there().with(|c| {
                c.lookup = ours(&[("s-1", "a")]);
                c.retain = true;
            }),
            Action::RetainAndUntag(vec!["s-1".into()]),
            "Retain stamps",
        ),
        (
            going(prepared()).with(|c| c.lookup = ours(&[])),
            Action::RemoveFinalizer(None),
            "never created: goes at once",
        ),
        (
            going(known(ObservedState::Missing)).with(|c| {
                c.lookup = ours(&[]);
                c.deleted = BTreeMap::from([("s-1".to_owned(), 4999)]);
            }),
            Action::RemoveFinalizer(None),
            "AWS acknowledged the delete and no longer shows it",
        ),
        (
            going(known(ObservedState::Missing)).with(|c| {
                c.lookup = ours(&[]);
                c.observations = seen(Observation::Missing, &[0, 60, LAG]);
            }),
            Action::RemoveFinalizer(None),
            "somebody else deleted it: believed after the lag",
        ),
    ];
    for (case, expected, reason) in rows {
        assert_eq!(case.step(), expected, "{reason}");
    }
    let missing = going(known(ObservedState::Missing)).with(|c| c.lookup = ours(&[]));
    assert!(matches!(missing.step(), Action::Wait { .. }), "one NotFound is not believed");
    let foreign = going(known(ObservedState::Found(Ownership::Foreign("x".into())))).with(|c| c.lookup = ours(&[]));
    assert!(matches!(foreign.step(), Action::Wait { .. }), "the id may be forged, and ours not listed yet");
    let believed = foreign.with(|c| c.observations = seen(Observation::Foreign, &[0, 60, LAG]));
    assert!(matches!(believed.step(), Action::RemoveFinalizer(Some(_))), "what is not ours is never deleted");
    let accepted = there().with(|c| {
        c.lookup = ours(&[("s-1", "a")]);
        c.deleted = BTreeMap::from([("s-1".to_owned(), 4999)]);
    });
    let waits = accepted.step();
    let told = "AWS accepted the last call for server s-1, and shows what was there before";
    let is_told = matches!(&waits, Action::Wait { reason, .. } if reason.message == told);
    assert!(is_told, "a dying server is not deleted again and again: {waits:?}");
    let second = accepted.with(|c| c.lookup = ours(&[("s-1", "a"), ("s-2", "b")]));
    assert_eq!(second.step(), Action::Delete(vec!["s-2".into()]), "the other one goes meanwhile");
}

#[test]
fn a_create_under_way_is_recovered_before_the_finalizer_goes() {
    let going = in_flight().with(|c| {
        c.deleting = true;
        c.lookup = ours(&[]);
    });
    assert_eq!(reason(&going.step()), reasons::RECOVERING);
    let found = going.clone().with(|c| c.lookup = ours(&[("s-1", "a1")]));
    assert_eq!(found.step(), Action::RecordId("s-1".into()), "what it made ends the search, and is deleted next");
    let another = going.clone().with(|c| c.lookup = ours(&[("s-0", "a0")]));
    assert_eq!(
        another.step(),
        Action::Delete(vec!["s-0".into()]),
        "ours, but not what this create made: that may come"
    );
    let forged = going.clone().with(|c| {
        c.confirmed = true;
        c.id = Some("s-9");
        c.sight = ObservedState::Found(Ownership::Foreign("x".into()));
    });
    assert_eq!(reason(&forged.step()), reasons::RECOVERING, "an id in status does not end the search");
    let over = going.with(|c| c.observations = seen(Observation::NoTrace, &[0, 1, TOLERANCE + LAG]));
    assert_eq!(over.step(), Action::RemoveFinalizer(None));
}

#[test]
fn protection_holds_where_admission_was_bypassed() {
    let protected = known(ObservedState::Found(Ownership::Ours)).with(|c| {
        c.deleting = true;
        c.protected = true;
        c.lookup = ours(&[("s-1", "a")]);
    });
    assert_eq!(reason(&protected.step()), reasons::DELETION_PROTECTED);
}

#[test]
fn what_is_gone_is_looked_for_once_more_when_no_late_create_can_arrive() {
    let end = TOLERANCE + LAG;
    let gone = |identity: Identity, phase: CreatePhase, now: i64| {
        case(identity).with(|c| {
            c.deleting = true;
            c.finalizer = true;
            c.confirmed = phase == CreatePhase::None;
            c.record = record(phase, Some("a1"));
            c.sight = ObservedState::Missing;
            c.now = now;
        })
    };
    for identity in [Identity::Keyed, Identity::Recorded] {
        let confirmed = |now| gone(identity, CreatePhase::None, now);
        assert!(matches!(confirmed(end - 1).step(), Action::Wait { .. }), "confirmed lately, also after our delete");
        assert_eq!(confirmed(end).step(), Action::RemoveFinalizer(None));
        let refused = gone(identity, CreatePhase::Rejected, 1);
        assert_eq!(refused.step(), Action::RemoveFinalizer(None), "a refused create cannot arrive");
        let retained = confirmed(1).with(|c| c.retain = true);
        assert_eq!(retained.step(), Action::RemoveFinalizer(None), "Retain waits for nothing");
    }
    let access = |now| gone(Identity::Recorded, CreatePhase::InFlight, now);
    assert!(matches!(access(end - 1).step(), Action::Wait { .. }));
    assert_eq!(access(end).step(), Action::RemoveFinalizer(None), "the attempt was recorded before it was sent");
    let unsent = access(1).with(|c| c.record = record(CreatePhase::None, None));
    assert_eq!(
        unsent.step(),
        Action::RemoveFinalizer(None),
        "an access whose create was never recorded was never sent"
    );
}

#[test]
fn an_unconfirmed_create_of_a_user_may_come_as_late_as_it_was_signed() {
    let end = TOLERANCE + LAG;
    for recorded in [None, record(CreatePhase::InFlight, None)] {
        let leaving = |now: i64| {
            case(Identity::Keyed).with(|c| {
                c.deleting = true;
                c.finalizer = true;
                c.record.clone_from(&recorded);
                c.sight = ObservedState::Missing;
                // Missing for long: creates were tried all the while, the last one just before the deletion.
                c.observations = seen(Observation::Missing, &[0, 4000]);
                c.creates_stopped_at = Some(4000);
                c.now = now;
            })
        };
        assert!(matches!(leaving(4000 + end - 1).step(), Action::Wait { .. }), "{recorded:?}");
        assert_eq!(leaving(4000 + end).step(), Action::RemoveFinalizer(None), "{recorded:?}");
    }
}

#[test]
fn what_comes_back_after_its_deletion_is_deleted_again() {
    let back = |deleted: i64| {
        case(Identity::Keyed).with(|c| {
            c.deleting = true;
            c.finalizer = true;
            c.sight = ObservedState::Found(Ownership::Ours);
            c.deleted = BTreeMap::from([(String::new(), deleted)]);
        })
    };
    let waits = back(4999).step();
    let told = |reason: &Reason| reason.message.starts_with("AWS accepted the last call for user, and shows");
    assert!(
        matches!(&waits, Action::Wait { reason, .. } if told(reason)),
        "AWS may still show what it deleted: {waits:?}"
    );
    assert_eq!(back(5000 - LAG).step(), Action::Delete(vec![String::new()]), "beyond the lag it is another one");
}

#[test]
fn users_and_accesses_are_deleted_only_where_they_are_ours() {
    let user = |ownership: Ownership| {
        case(Identity::Keyed).with(|c| {
            c.deleting = true;
            c.finalizer = true;
            c.sight = ObservedState::Found(ownership);
        })
    };
    assert_eq!(user(Ownership::Ours).step(), Action::Delete(vec![String::new()]));
    assert!(matches!(user(Ownership::Untagged).step(), Action::RemoveFinalizer(Some(_))));
    let parent = user(Ownership::Ours).with(|c| c.sight = ObservedState::ParentMissing);
    assert!(matches!(parent.step(), Action::Wait { .. }), "one NotFound of its server is not believed");
    let parent = parent.with(|c| c.observations = seen(Observation::ParentMissing, &[0, 60, LAG]));
    assert_eq!(parent.step(), Action::RemoveFinalizer(None), "its server is gone, and it with it");
    let access = case(Identity::Recorded).with(|c| {
        c.deleting = true;
        c.finalizer = true;
        c.sight = ObservedState::Found(Ownership::Untagged);
    });
    assert!(matches!(access.step(), Action::RemoveFinalizer(Some(_))), "no record: left in AWS, with a warning");
    let proven = access.with(|c| c.record = record(CreatePhase::None, Some("a1")));
    assert_eq!(proven.step(), Action::Delete(vec![String::new()]));
}

#[test]
fn one_of_many_deletions_waits_and_what_sends_no_delete_goes_on() {
    for identity in [Identity::Tagged, Identity::Keyed] {
        let going = case(identity).with(|c| {
            (c.deleting, c.finalizer, c.confirmed, c.mass) = (true, true, true, true);
            (c.sight, c.record) = (ObservedState::Found(Ownership::Ours), record(CreatePhase::None, Some("a1")));
            if identity == Identity::Tagged {
                (c.id, c.lookup) = (Some("s-1"), ours(&[("s-1", "a1")]));
            }
        });
        let waits = |step: Action| matches!(step, Action::Wait { reason, until: None } if reason.code == "Because");
        assert!(waits(going.asked(Reads::Described, None)), "nobody is asked what blocks it");
        assert!(!waits(going.clone().with(|c| c.mass = false).step()));
        let retained = going.clone().with(|c| c.retain = true).step();
        assert!(!waits(retained.clone()), "it stays in AWS: {retained}");
        let protected = going.clone().with(|c| c.protected = true).step();
        assert!(!waits(protected.clone()), "it says that it is protected: {protected}");
        let gone = going.with(|c| {
            (c.sight, c.lookup) = (ObservedState::Missing, ours(&[]));
            c.observations = seen(Observation::Missing, &[0, 60, LAG]);
        });
        assert!(!waits(gone.step()), "AWS does not have it");
    }
}

#[test]
fn a_deletion_takes_what_it_sees_itself_though_the_listing_lags() {
    let seen_only = known(ObservedState::Found(Ownership::Ours)).with(|c| {
        c.deleting = true;
        c.lookup = ours(&[]);
    });
    assert_eq!(seen_only.step(), Action::Delete(vec!["s-1".into()]));
    let both = seen_only.with(|c| c.lookup = ours(&[("s-2", "a")]));
    assert_eq!(both.step(), Action::Delete(vec!["s-2".into(), "s-1".into()]));
}

#[test]
fn a_deletion_with_wiped_status_searches_like_a_create_under_way() {
    let wiped = server().with(|c| {
        c.deleting = true;
        c.finalizer = true;
    });
    assert_eq!(wiped.step(), Action::WriteCreateRecord(CreatePhase::InFlight));
    let searching = wiped.with(|c| {
        c.record = record(CreatePhase::InFlight, None);
        c.lookup = ours(&[]);
    });
    assert_eq!(reason(&searching.step()), reasons::RECOVERING);
    let found = searching.with(|c| c.lookup = ours(&[("s-1", "whatever")]));
    assert_eq!(found.step(), Action::RecordId("s-1".into()));
}

#[test]
fn a_server_that_was_stamped_and_stripped_only_loses_its_finalizer() {
    let stripped = known(ObservedState::Found(Ownership::Retained)).with(|c| {
        c.deleting = true;
        c.retain = true;
        c.lookup = ours(&[]);
    });
    assert_eq!(stripped.step(), Action::RemoveFinalizer(None));
    let half = stripped.with(|c| {
        c.sight = ObservedState::Found(Ownership::Ours);
        c.lookup = ours(&[("s-1", "a1")]);
    });
    assert_eq!(half.step(), Action::RetainAndUntag(vec!["s-1".into()]), "stamped and not yet stripped: once more");
}

#[test]
fn of_two_servers_of_ours_the_recorded_one_counts() {
    let two = || ours(&[("s-1", "x"), ("s-2", "a1")]);
    let lookup = |case: Case| case.with(|c| c.lookup = two());
    let differing = lookup(known(ObservedState::Missing));
    assert!(matches!(differing.step(), Action::Wait { .. }), "one read shows it, another does not");
    let attempt = lookup(known(ObservedState::Missing).with(|c| c.id = Some("s-9")));
    assert_eq!(attempt.step(), Action::RecordId("s-2".into()), "else the one of the recorded attempt");
    let recorded = lookup(in_flight().with(|c| c.id = Some("s-1")));
    assert_eq!(recorded.step(), Action::RecordId("s-1".into()), "its tags are ours, so the record is true");
}
