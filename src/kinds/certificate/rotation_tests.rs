//! What becomes of the one that was replaced, row by row, where the source holds it again or somebody goes on naming it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::advice::advice;
use super::rotation::Rotated;
use super::tests::{OWN, PARTNER, alone, at, held, now, object, planned, rotated, source, told, updates, wanted};
use super::want::WantedCertificate;
use crate::aws::transfer::Certificate;
use crate::engine::diff::Old;
use crate::kinds::certificate_ref::Holders;

/// The old one holds what the source holds, the new one something else.
fn mistaken(active: &str) -> Rotated {
    let have = rotated(active, held("old"));
    Rotated { certificate: Certificate { certificate: PARTNER.to_owned(), ..have.certificate }, ..have }
}

/// The two changed places at this time; what goes, and was made by mistake, became active as said.
fn swapped(at_time: &str, active: &str, back: Certificate) -> Rotated {
    let goes = Certificate { active_date: Some(at(active)), certificate: PARTNER.to_owned(), ..held("old") };
    Rotated { old: Some(goes), swapped_at: Some(at(at_time)), came_back: true, ..alone(back) }
}

fn ended(at_time: &str) -> Certificate {
    Certificate { inactive_date: Some(at(at_time)), ..held("new") }
}

#[test]
fn the_old_one_is_wanted_again_where_the_source_holds_it_alone() {
    let tenth = "2026-01-10T00:00:00Z";
    let keyed = || WantedCertificate {
        source: Some(super::source::Source { private_key: Some("key".to_owned().into()), ..source(OWN, None) }),
        ..wanted(json!({}))
    };
    let third = || WantedCertificate { source: Some(source(PARTNER, None)), ..wanted(json!({})) };
    let unread = || WantedCertificate { source: None, ..wanted(json!({})) };
    let expired = Certificate { not_after_date: Some(now()), ..held("old") };
    let rows = [
        ("it does", wanted(json!({})), mistaken(tenth), Old::WantedAgain { spent: false }),
        (
            "its end was given already",
            wanted(json!({})),
            Rotated { old: Some(ended("2025-12-31T00:00:00Z")), ..mistaken(tenth) },
            Old::WantedAgain { spent: false },
        ),
        ("both hold it: the chain differed", wanted(json!({})), rotated(tenth, held("old")), Old::Going),
        ("it is valid no more", wanted(json!({})), Rotated { old: Some(expired), ..mistaken(tenth) }, Old::Going),
        ("it came without its key", keyed(), mistaken(tenth), Old::Going),
        ("the source holds the new one", third(), mistaken(tenth), Old::Going),
        ("the source cannot be read", unread(), mistaken(tenth), Old::Going),
        ("there is no old one", wanted(json!({})), alone(held("c")), Old::Going),
    ];
    for (what, want, have, expected) in rows {
        assert_eq!((have.of_old(&want, now()), planned(&want, &have, &[]).old), (expected, expected), "{what}");
    }
}

#[test]
fn an_old_one_is_spent_an_hour_after_its_end_while_the_new_one_is_used() {
    let (used, later) = ("2025-12-30T00:00:00Z", "2026-01-10T00:00:00Z");
    let expired = |end: &str| Certificate { not_after_date: Some(at(end)), ..held("old") };
    let rows = [
        ("in force", used, held("old"), Old::Going),
        ("inactive", used, ended("2025-12-31T23:00:00Z"), Old::Spent),
        ("inactive for less than an hour", used, ended("2025-12-31T23:00:01Z"), Old::Going),
        ("expired", used, expired("2025-12-31T23:00:00Z"), Old::Spent),
        ("before the new one is used", later, ended("2025-12-31T00:00:00Z"), Old::Going),
    ];
    for (what, active, old, expected) in rows {
        assert_eq!(rotated(active, old).of_old(&wanted(json!({})), now()), expected, "{what}");
    }
    let again = Rotated { old: Some(ended("2025-12-31T23:00:00Z")), ..mistaken(used) };
    assert_eq!(again.of_old(&wanted(json!({})), now()), Old::WantedAgain { spent: true }, "the source holds it again");
}

#[test]
fn what_goes_after_a_swap_has_its_overlap_from_then_on() {
    let (swap, before, after) = ("2025-12-31T12:00:00Z", "2025-12-31T11:00:00Z", "2026-01-10T00:00:00Z");
    let (given, end) = ("2026-01-01T11:00:00Z", "2026-01-01T12:00:00Z");
    let own = || held("new");
    let first = || Certificate { active_date: Some(at(after)), ..own() };
    let rows: [(&str, Value, Rotated, Option<&str>, Option<&str>); 7] = [
        ("it was used", json!({}), swapped(swap, before, own()), Some(end), Some(end)),
        ("not before the other one has its end back", json!({}), swapped(swap, before, ended(given)), None, None),
        (
            "nor where that is over",
            json!({"rotation": {"overlap": "0s"}}),
            swapped(swap, before, ended(before)),
            None,
            None,
        ),
        (
            "it was never used: it leaves at once, and nobody goes on with it",
            json!({}),
            swapped(swap, after, ended(given)),
            Some(swap),
            Some("2026-01-10T00:05:00Z"),
        ),
        (
            "its end is over: who keeps it goes on for minutes",
            json!({"rotation": {"overlap": "0s"}}),
            swapped(swap, before, own()),
            Some(swap),
            Some("2026-01-01T00:05:00Z"),
        ),
        (
            "the spec ends both",
            json!({"inactiveDate": given}),
            swapped(swap, before, ended(given)),
            Some(given),
            Some(given),
        ),
        (
            "the other one is not used yet",
            json!({}),
            swapped(swap, before, first()),
            Some("2026-01-11T00:00:00Z"),
            Some("2026-01-11T00:00:00Z"),
        ),
    ];
    for (what, spec, have, leaves, sent) in rows {
        let want = wanted(spec);
        assert_eq!(have.leaves_at(&want), leaves.map(at), "{what}");
        let plan = planned(&want, &have, &[]);
        let of_old = updates(&plan).into_iter().find(|update| update.certificate_id == "old");
        assert_eq!(of_old.map(|update| update.inactive_date.unwrap()), sent.map(at), "{what}");
    }
}

#[test]
fn one_that_came_back_has_its_own_end_whenever_it_was_given_another() {
    let back = |have: Certificate| Rotated { came_back: true, ..alone(have) };
    let end = |spec: Value, have: &Rotated| {
        let plan = planned(&wanted(spec), have, &[]);
        updates(&plan).first().map(|update| update.inactive_date.unwrap())
    };
    let given = "2026-01-02T00:00:00Z";
    assert_eq!(end(json!({}), &back(ended(given))), held("c").not_after_date);
    assert_eq!(
        end(json!({"inactiveDate": "2027-01-01T00:00:00Z"}), &back(ended(given))),
        Some(at("2027-01-01T00:00:00Z"))
    );
    assert_eq!(end(json!({"inactiveDate": "2027-13-01T00:00:00Z"}), &back(ended(given))), None, "no date is changed");
    assert_eq!(end(json!({}), &back(held("c"))), None);
    assert_eq!(told(&planned(&wanted(json!({})), &alone(ended(given)), &[])), [], "what others set is left alone");
}

#[test]
fn a_beginning_that_has_passed_is_said_only_where_an_overlap_needs_it() {
    let want = wanted(json!({"inactiveDate": "2030-01-01T00:00:00Z"}));
    let began = "2025-12-31T12:00:00Z";
    let of = |have: &Rotated, id: &str| {
        let plan = planned(&want, have, &[]);
        updates(&plan).into_iter().find(|update| update.certificate_id == id).unwrap().active_date
    };
    let new = |have: &Rotated| of(have, &have.certificate.certificate_id);
    assert_eq!(new(&rotated(began, held("old"))), Some(at(began)), "the overlap counts from it");
    assert_eq!(new(&rotated("2026-01-10T00:00:00Z", held("old"))), Some(at("2026-01-10T00:00:00Z")), "it is to come");
    assert_eq!(new(&swapped("2025-12-31T18:00:00Z", began, held("new"))), None, "it counts from the swap");
    assert_eq!(new(&alone(held("c"))), None, "nothing counts from it");
    assert_eq!(of(&rotated(began, held("old")), "old"), None);
    let later = || Certificate { active_date: Some(at("2026-01-10T00:00:00Z")), ..held("c") };
    let plan = planned(&wanted(json!({})), &alone(later()), &["activeDate"]);
    let cleared: Vec<_> = updates(&plan).into_iter().map(|update| update.active_date).collect();
    assert_eq!(cleared, [held("c").not_before_date], "one to come left the spec");
}

#[test]
fn who_keeps_the_old_one_beyond_its_overlap_is_told_while_one_waits() {
    let third = || WantedCertificate { source: Some(source(PARTNER, None)), ..wanted(json!({})) };
    let kept = |want: WantedCertificate| {
        let keeping = BTreeSet::from(["TransferProfile a/b".to_owned()]);
        WantedCertificate { holders: Holders { keeping, ..Holders::default() }, ..want }
    };
    let over = || rotated("2025-12-30T00:00:00Z", ended("2025-12-31T00:00:00Z"));
    let rows = [
        ("it is", kept(third()), over(), true),
        ("nobody keeps it", third(), over(), false),
        ("none waits", kept(wanted(json!({}))), over(), false),
        ("within the overlap", kept(third()), rotated("2025-12-31T12:00:00Z", held("old")), false),
    ];
    for (what, want, have, expected) in rows {
        let told = advice(&object(json!({}), Value::Null), &want, &have, now(), jiff::SignedDuration::ZERO);
        let told: Vec<String> = told.into_iter().map(|reason| reason.message).collect();
        assert_eq!(
            told.iter().any(|told| told.contains("take old out of TransferProfile a/b")),
            expected,
            "{what}: {told:?}"
        );
    }
}
