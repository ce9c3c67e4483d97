//! When a full look is left out: only where status says that all is well, and nothing is asked or under way.

use super::tests::{Case, Replaced, case, record};
use super::*;
use crate::api::status::ReplacingPhase;

const IDENTITIES: [Identity; 3] = [Identity::Keyed, Identity::Recorded, Identity::Tagged];

fn resting(identity: Identity) -> Case {
    case(identity).with(|case| {
        (case.finalizer, case.confirmed, case.believed) = (true, true, true);
        if identity == Identity::Recorded {
            case.record = record(CreatePhase::None, Some("a1"));
        }
    })
}

fn replaced() -> Replaced {
    let (old_id, attempt, phase) = ("old".to_owned(), "a1".to_owned(), ReplacingPhase::Moving);
    let record = Replacing { old_id, attempt, phase, swapped_at: None };
    Replaced { due: false, unfit: false, said: None, record: Some(record), old: ObservedState::NotLooked }
}

fn next(case: &Case) -> Action {
    case.asked(Reads::Desired, None)
}

#[test]
fn what_is_believed_rests_and_its_spec_is_read_first() {
    for identity in IDENTITIES {
        assert_eq!(resting(identity).asked(Reads::Object, None), Action::Desire, "{identity:?}");
        assert_eq!(next(&resting(identity)), Action::Rest, "{identity:?}");
        assert_eq!(next(&resting(identity).with(|case| case.believed = false)), Action::Describe, "{identity:?}");
    }
}

#[test]
fn whatever_is_asked_or_under_way_takes_a_look() {
    let rows: [(&str, fn(&mut Case)); 13] = [
        ("an edit", |case| case.edited = true),
        ("a deletion", |case| case.deleting = true),
        ("a protected deletion", |case| (case.deleting, case.protected) = (true, true)),
        ("no finalizer", |case| case.finalizer = false),
        ("nothing confirmed", |case| (case.confirmed, case.sent) = (false, true)),
        ("a sequence", |case| case.operation = true),
        ("suspended", |case| case.suspended = true),
        ("only looked at", |case| case.observe_only = true),
        ("an adoption", |case| case.adoption = Some(("", true))),
        ("another server", |case| case.parent_replaced = true),
        ("references that are not in order", |case| case.may_create = false),
        ("a create under way", |case| case.record = record(CreatePhase::InFlight, Some("a1"))),
        ("a replacement", |case| case.replacement = Some(replaced())),
    ];
    for identity in IDENTITIES {
        for (what, change) in rows {
            assert_eq!(next(&resting(identity).with(change)), Action::Describe, "{identity:?}: {what}");
        }
        let barred = resting(identity).with(|case| case.unproven = true);
        assert!(matches!(next(&barred), Action::Block(_)), "{identity:?}: whose the server is");
        let denied = resting(identity).with(|case| case.denied = true);
        assert!(matches!(next(&denied), Action::Block(_)), "{identity:?}: no grant");
    }
}
