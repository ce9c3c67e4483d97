//! What the place of an object lets be done, row by row.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::tests::{Case, case, record};
use super::*;

fn object(identity: Identity) -> Case {
    case(identity).with(|c| {
        c.finalizer = true;
        c.record = record(CreatePhase::InFlight, Some("a1"));
    })
}

fn going(identity: Identity) -> Case {
    object(identity).with(|c| c.deleting = true)
}

fn each(holds: impl Fn(Identity)) {
    [Identity::Tagged, Identity::Keyed, Identity::Recorded].into_iter().for_each(holds);
}

fn code(action: &Action) -> &str {
    match action {
        Action::Block(reason) => &reason.message,
        Action::RemoveFinalizer(None) => "goes",
        Action::RemoveFinalizer(Some(_)) => "goes with a warning",
        Action::Desire => "desire",
        Action::SkipDesire => "read the time",
        Action::Describe => "describe",
        Action::SkipDescribe => "do not look",
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_read_comes_before_what_is_decided_on_it() {
    each(|identity| {
        assert_eq!(object(identity).asked(Reads::Object, None), Action::Desire, "{identity:?}");
        let looked_at = object(identity).with(|c| c.confirmed = true);
        assert_eq!(looked_at.asked(Reads::Desired, None), Action::Describe, "{identity:?}");
    });
}

#[test]
fn what_goes_is_asked_for_its_spec_only_to_be_started_again_first() {
    let stays: [fn(&mut Case); 3] = [|c| c.retain = true, |c| c.protected = true, |c| c.observe_only = true];
    each(|identity| {
        let asked = |case: Case| case.asked(Reads::Object, None);
        assert_eq!(asked(going(identity)), Action::SkipDesire, "a spec that is wrong does not hold it up");
        assert_eq!(asked(going(identity).with(|c| c.operation = true)), Action::SkipDesire, "it is deleted in AWS");
        for change in stays {
            assert_eq!(asked(going(identity).with(change)), Action::SkipDesire, "nothing was begun");
            let begun = going(identity).with(change).with(|c| c.operation = true);
            assert_eq!(asked(begun), Action::Desire, "{identity:?}");
        }
    });
}

#[test]
fn the_create_of_a_user_is_the_question_whether_its_key_is_taken() {
    let next = |case: Case| case.asked(Reads::Desired, None);
    assert_eq!(next(object(Identity::Keyed)), Action::SkipDescribe);
    for identity in [Identity::Tagged, Identity::Recorded] {
        assert_eq!(next(object(identity)), Action::Describe, "{identity:?}");
    }
    let rows: [(&str, fn(&mut Case)); 6] = [
        ("it is there", |c| c.confirmed = true),
        ("a create may have made it", |c| c.sent = true),
        ("AWS did not know what the create was for", |c| c.contradicted = true),
        ("it is taken over", |c| c.adoption = Some(("", true))),
        ("it is only looked at", |c| c.observe_only = true),
        ("it goes", |c| c.deleting = true),
    ];
    for (why, change) in rows {
        assert_eq!(next(object(Identity::Keyed).with(change)), Action::Describe, "{why}");
    }
}

#[test]
fn without_a_place_only_what_never_got_there_or_stays_on_purpose_goes() {
    let placeless = |case: Case| case.with(|c| c.placeless = true);
    each(|identity| {
        let rows = [
            (object(identity), "placeless", "an object waits for its place"),
            (going(identity), "placeless", "so does one whose create may be under way"),
            (going(identity).with(|c| c.retain = true), "goes", "what stays in AWS needs no place"),
            (going(identity).with(|c| (c.retain, c.protected) = (true, true)), "placeless", "protected"),
            (going(identity).with(|c| c.record = record(CreatePhase::Rejected, Some("a1"))), "goes", "AWS refused it"),
            (
                going(identity).with(|c| {
                    c.record = record(CreatePhase::Rejected, Some("a1"));
                    c.confirmed = true;
                }),
                "placeless",
                "status says that it exists",
            ),
            (going(identity).with(|c| c.record = None), "placeless", "no record proves anything"),
        ];
        for (case, expected, why) in rows {
            assert_eq!(code(&placeless(case).asked(Reads::Object, None)), expected, "{identity:?}: {why}");
        }
        // A user's finalizer is its record: a create may have been sent without another one.
        let unsent = placeless(going(identity).with(|c| c.record = record(CreatePhase::None, None)));
        let expected = if identity == Identity::Keyed { "placeless" } else { "goes" };
        assert_eq!(code(&unsent.asked(Reads::Object, None)), expected, "{identity:?}");
    });
}

#[test]
fn without_a_grant_nothing_is_read_and_only_deletion_goes_on() {
    let denied = |case: Case| case.with(|c| c.denied = true);
    each(|identity| {
        let rows = [
            (object(identity), "denied", "not even what its spec leads to is read"),
            (going(identity), "read the time", "what is ours is deleted"),
            (going(identity).with(|c| c.retain = true), "goes with a warning", "without a call"),
            (going(identity).with(|c| (c.retain, c.protected) = (true, true)), "read the time", "protection is told"),
        ];
        for (case, expected, why) in rows {
            assert_eq!(code(&denied(case).asked(Reads::Object, None)), expected, "{identity:?}: {why}");
        }
        let suspended = denied(object(identity)).with(|c| (c.suspended, c.observe_only) = (true, true));
        assert_eq!(code(&suspended.asked(Reads::Object, None)), "denied", "{identity:?}");
    });
}

#[test]
fn on_a_server_that_is_not_proven_only_an_edit_and_a_deletion_look() {
    let unproven = |case: Case| case.with(|c| c.unproven = true);
    each(|identity| {
        let rows = [
            (object(identity), "unproven", "who wrote nothing is not looked at"),
            (
                object(identity).with(|c| (c.edited, c.confirmed) = (true, true)),
                "describe",
                "an edit may take a key away",
            ),
            (object(identity).with(|c| (c.edited, c.observe_only) = (true, true)), "unproven", "it takes none away"),
            (going(identity), "describe", "a deletion goes on"),
        ];
        for (case, expected, why) in rows {
            assert_eq!(code(&unproven(case).asked(Reads::Desired, None)), expected, "{identity:?}: {why}");
        }
    });
}

#[test]
fn a_create_rests_while_aws_refuses_it_or_says_that_it_made_it() {
    let due = |identity| match identity {
        Identity::Tagged => case(identity).with(|c| {
            (c.finalizer, c.record, c.lookup) = (true, record(CreatePhase::None, None), Some(TagMatches::default()));
        }),
        _ => case(identity).with(|c| (c.finalizer, c.sight) = (true, ObservedState::Missing)),
    };
    each(|identity| {
        assert_eq!(due(identity).step(), Action::Create, "{identity:?}");
        let held = due(identity).with(|c| c.held_create = Some("digest"));
        assert_eq!(held.step(), hold("digest"), "{identity:?}");
        // The wait is AWS's lag, by AWS's clock.
        let made = |ago| due(identity).with(|c| c.made = Some(c.now - ago)).step();
        assert!(matches!(made(super::tests::LAG - 1), Action::Wait { .. }), "{identity:?}");
        assert_eq!(made(super::tests::LAG), Action::Create, "{identity:?}");
    });
    // Nothing is recorded either for a user: its record goes on saying that nothing was made.
    let refused = due(Identity::Keyed).with(|c| c.record = record(CreatePhase::Rejected, Some("a1")));
    assert_eq!(refused.step(), Action::WriteCreateRecord(CreatePhase::InFlight));
    let refused = refused.with(|c| c.held_create = Some("digest"));
    assert_eq!(refused.step(), hold("digest"));
}

#[test]
fn a_deletion_asks_what_blocks_it_and_rests_while_aws_refuses_it() {
    let due = going(Identity::Keyed).with(|c| c.sight = ObservedState::Found(Ownership::Ours));
    let with = |id: &str, blocker: Option<&str>, held: Option<&str>| {
        let (blocker, held) = (blocker.map(str::to_owned), held.map(str::to_owned));
        due.asked(Reads::Described, Some(&BeforeDelete { id: id.to_owned(), blocker, held, untag_held: None }))
    };
    assert_eq!(due.asked(Reads::Described, None), Action::AskBlockers(String::new()));
    assert_eq!(with("", None, None), Action::Delete(vec![String::new()]));
    assert_eq!(with("", None, Some("digest")), hold("digest"));
    assert_eq!(with("", Some("users"), Some("digest")), wait(reasons::DELETION_BLOCKED, "users", None));
    assert_eq!(with("another", None, None), Action::AskBlockers(String::new()), "the answer is about one id");
}
