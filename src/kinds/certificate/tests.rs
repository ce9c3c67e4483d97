#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::needless_pass_by_value, reason = "rows are written where they are used")]
use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::advice::advice;
use super::plan::plan;
use super::rotation::Rotated;
use super::source::Source;
use super::want::{WantedCertificate, import, later, want};
use crate::api::TransferCertificate;
use crate::api::status::Applied;
use crate::aws::Mutation;
use crate::aws::transfer::{Certificate, Tags, UpdateCertificate};
use crate::engine::diff::Effect;
use crate::engine::kind::{Plan, PlannedCall};
use crate::engine::owner::Owner;
use crate::kinds::certificate_ref::Holders;
use crate::kinds::fakes::CLUSTER;
use crate::x509;

pub(super) const OWN: &str = include_str!("../../../tests/fixtures/certificates/own.pem");
const CA: &str = include_str!("../../../tests/fixtures/certificates/ca.pem");
pub(super) const PARTNER: &str = include_str!("../../../tests/fixtures/certificates/partner.pem");

/// A third of fifteen minutes.
const AHEAD: std::time::Duration = std::time::Duration::from_mins(5);

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) fn now() -> Timestamp {
    at("2026-01-01T00:00:00.5Z")
}

pub(super) fn owner() -> Owner {
    Owner::new(CLUSTER, "team", "own", "uid-own")
}

pub(super) fn object(spec: Value, status: Value) -> TransferCertificate {
    let mut all = json!({"region": "eu-central-1", "usage": "SIGNING", "configMapKeyRef": {"name": "a", "key": "b"}});
    all.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    serde_json::from_value(json!({
        "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "TransferCertificate", "spec": all, "status": status,
        "metadata": {"namespace": "team", "name": "own", "uid": "uid-own"},
    }))
    .unwrap()
}

pub(super) fn source(certificate: &str, chain: Option<&str>) -> Source {
    let facts = x509::read(certificate).unwrap();
    Source { certificate: certificate.to_owned(), chain: chain.map(str::to_owned), private_key: None, facts }
}

pub(super) fn wanted(spec: Value) -> WantedCertificate {
    want(&object(spec, Value::Null), Ok(source(OWN, None)), Holders::default(), &Tags::new(), (now(), AHEAD)).want
}

pub(super) fn held(id: &str) -> Certificate {
    Certificate {
        arn: format!("arn:aws:transfer:eu-central-1:123456789012:certificate/{id}"),
        certificate_id: id.to_owned(),
        usage: "SIGNING".to_owned(),
        status: Some("ACTIVE".to_owned()),
        certificate: OWN.to_owned(),
        certificate_chain: None,
        active_date: Some(at("2020-01-01T00:00:00Z")),
        inactive_date: Some(at("2049-12-31T23:59:59Z")),
        serial: None,
        not_before_date: Some(at("2020-01-01T00:00:00Z")),
        not_after_date: Some(at("2049-12-31T23:59:59Z")),
        certificate_type: Some("CERTIFICATE".to_owned()),
        description: None,
        tags: owner().lasting_tags(),
    }
}

pub(super) fn alone(certificate: Certificate) -> Rotated {
    Rotated { certificate, old: None, swapped_at: None, came_back: false, old_kept_until: None }
}

fn applied(paths: &[&str]) -> Applied {
    Applied { paths: paths.iter().map(|path| (*path).to_owned()).collect(), ..Applied::default() }
}

pub(super) fn planned(want: &WantedCertificate, have: &Rotated, paths: &[&str]) -> Plan {
    plan(want, have, &applied(paths), &owner(), now())
}

pub(super) fn told(plan: &Plan) -> Vec<(&str, Effect)> {
    plan.changes.iter().map(|change| (change.path.as_str(), change.effect)).collect()
}

pub(super) fn updates(plan: &Plan) -> Vec<&UpdateCertificate> {
    fn update(call: &PlannedCall) -> Option<&UpdateCertificate> {
        if let Mutation::UpdateCertificate(update) = &call.mutation { Some(update) } else { None }
    }
    plan.calls.iter().filter_map(update).collect()
}

#[test]
fn another_certificate_key_or_chain_is_replaced_and_the_same_is_not() {
    let chained = |chain: Option<&str>| Certificate { certificate_chain: chain.map(str::to_owned), ..held("c") };
    let rows: [(&str, Source, Certificate, &[&str]); 7] = [
        ("the same", source(OWN, None), held("c"), &[]),
        ("in other lines", source(OWN, None), Certificate { certificate: format!("own:\n{OWN}"), ..held("c") }, &[]),
        ("another", source(PARTNER, None), held("c"), &["certificate"]),
        (
            "with its chain in one text",
            source(OWN, Some(CA)),
            Certificate { certificate: format!("{OWN}{CA}"), ..held("c") },
            &[],
        ),
        ("another chain", source(OWN, Some(CA)), chained(None), &["certificateChain"]),
        ("a chain that left", source(OWN, None), chained(Some(CA)), &["certificateChain"]),
        (
            "without its key",
            Source { private_key: Some("key".to_owned().into()), ..source(OWN, None) },
            held("c"),
            &["privateKey"],
        ),
    ];
    for (what, source, have, expected) in rows {
        let want = WantedCertificate { source: Some(source), ..wanted(json!({})) };
        let plan = planned(&want, &alone(have), &[]);
        let all: Vec<_> = expected.iter().map(|path| (*path, Effect::Replace)).collect();
        assert_eq!(told(&plan), all, "{what}");
        assert!(plan.calls.is_empty() && plan.blocks.is_empty(), "{what}");
    }
    // Of what could not be read nothing differs.
    let unread = WantedCertificate { source: None, ..wanted(json!({})) };
    assert_eq!(told(&planned(&unread, &alone(Certificate { certificate: PARTNER.to_owned(), ..held("c") }), &[])), []);
}

#[test]
fn a_chain_that_was_sent_is_not_sent_again_though_aws_shows_another() {
    let spec = object(json!({}), Value::Null);
    let all = want(&spec, Ok(source(OWN, Some(CA))), Holders::default(), &Tags::new(), (now(), AHEAD));
    let sent = Applied { hashes: all.applied.hashes.clone(), ..Applied::default() };
    assert_eq!(told(&plan(&all.want, &alone(held("c")), &sent, &owner(), now())), []);
    let other = want(&spec, Ok(source(OWN, Some(PARTNER))), Holders::default(), &Tags::new(), (now(), AHEAD));
    assert_eq!(
        told(&plan(&other.want, &alone(held("c")), &sent, &owner(), now())),
        [("certificateChain", Effect::Replace)]
    );
}

#[test]
fn dates_follow_the_spec_within_validity_and_go_together() {
    let rows: [(&str, Value, &[&str], Option<&str>); 9] = [
        ("nothing said", json!({}), &[], None),
        ("both passed", json!({"activeDate": "2021-06-01T00:00:00Z"}), &["activeDate"], None),
        ("later, of one in force", json!({"activeDate": "2027-01-01T00:00:00Z"}), &["activeDate"], None),
        (
            "an end, in another zone",
            json!({"inactiveDate": "2030-01-01T02:00:00+02:00"}),
            &["inactiveDate"],
            Some("2030-01-01T00:00:00Z"),
        ),
        ("an end beyond its validity", json!({"inactiveDate": "2199-01-01T00:00:00Z"}), &["inactiveDate"], None),
        ("a beginning before it", json!({"activeDate": "1999-01-01T00:00:00Z"}), &["activeDate"], None),
        ("both left, as they are", json!({}), &["activeDate", "inactiveDate"], None),
        ("no time", json!({"inactiveDate": "2030-13-41T00:00:00Z"}), &[], None),
        (
            "no time where there was one",
            json!({"inactiveDate": "2027-02-30T00:00:00Z", "activeDate": "2021-01-01T00:00:00Z"}),
            &["inactiveDate", "activeDate"],
            None,
        ),
    ];
    for (what, spec, paths, expected) in rows {
        let limited = Certificate { inactive_date: Some(at("2048-01-01T00:00:00Z")), ..held("c") };
        let have = if what.starts_with("no time") { limited } else { held("c") };
        let plan = planned(&wanted(spec), &alone(have), paths);
        let dates = updates(&plan).first().map(|update| (update.active_date, update.inactive_date));
        // A beginning that has passed is not said again: AWS may refuse it.
        assert_eq!(dates, expected.map(|end| (None, Some(at(end)))), "{what}");
    }
    // One that is not in force yet comes when the spec says.
    let pending = Certificate { active_date: Some(at("2026-06-01T00:00:00Z")), ..held("c") };
    for date in ["2026-03-01T00:00:00Z", "2027-01-01T00:00:00Z"] {
        let plan = planned(&wanted(json!({"activeDate": date})), &alone(pending.clone()), &["activeDate"]);
        assert_eq!(updates(&plan)[0].active_date, Some(at(date)));
    }
    // What left the spec goes back to the whole of its validity.
    let set = Certificate {
        active_date: Some(at("2027-01-01T00:00:00Z")),
        inactive_date: Some(at("2028-01-01T00:00:00Z")),
        ..held("c")
    };
    let plan = planned(&wanted(json!({})), &alone(set.clone()), &["activeDate", "inactiveDate"]);
    let update = updates(&plan)[0];
    assert_eq!([update.active_date, update.inactive_date], [held("c").not_before_date, held("c").inactive_date]);
    // What somebody else set, and this object never did, is left alone.
    assert_eq!(told(&planned(&wanted(json!({})), &alone(set), &[])), []);
}

#[test]
fn a_use_is_fixed_and_a_description_is_not_cleared() {
    let plan = planned(&wanted(json!({"usage": "TLS", "description": "one"})), &alone(held("c")), &[]);
    assert_eq!((told(&plan), plan.calls.len()), (vec![("usage", Effect::Refused)], 0));
    assert_eq!(plan.blocks[0].code, "Immutable");
    let named = Certificate { description: Some("one".to_owned()), ..held("c") };
    let plan = planned(&wanted(json!({})), &alone(named.clone()), &["description"]);
    assert_eq!((told(&plan), plan.calls.len()), (vec![("description", Effect::Refused)], 0));
    assert_eq!(plan.blocks[0].code, "CannotClear");
    let plan = planned(&wanted(json!({"description": "two"})), &alone(named), &["description"]);
    assert_eq!(updates(&plan)[0].description.as_deref(), Some("two"));
}

/// The new one becomes active at the 10th, or as the row says.
pub(super) fn rotated(active: &str, old: Certificate) -> Rotated {
    let certificate = Certificate { active_date: Some(at(active)), ..held("new") };
    Rotated { old: Some(Certificate { certificate_id: "old".to_owned(), ..old }), ..alone(certificate) }
}

#[test]
fn the_old_one_ends_after_the_overlap_unless_sooner_or_not_ours() {
    let (tenth, eleventh) = ("2026-01-10T00:00:00Z", "2026-01-11T00:00:00Z");
    let ends =
        |until: &str| Certificate { not_after_date: Some(at(until)), inactive_date: Some(at(until)), ..held("old") };
    let later = Certificate { active_date: Some(at("2027-01-01T00:00:00Z")), ..held("old") };
    let rows: [(&str, Value, Rotated, Option<&str>, Option<&str>); 8] = [
        ("a day, where nothing is said", json!({}), rotated(tenth, held("old")), Some(eleventh), Some(eleventh)),
        ("no overlap", json!({"rotation": {"overlap": "0s"}}), rotated(tenth, held("old")), Some(tenth), Some(tenth)),
        (
            "it has that end",
            json!({}),
            rotated(tenth, Certificate { inactive_date: Some(at(eleventh)), ..held("old") }),
            Some(eleventh),
            None,
        ),
        ("it ends sooner", json!({}), rotated(tenth, ends("2026-01-05T00:00:00Z")), Some("2026-01-05T00:00:00Z"), None),
        ("it has ended", json!({}), rotated(tenth, ends("2025-12-05T00:00:00Z")), Some("2025-12-05T00:00:00Z"), None),
        (
            "the spec ends both",
            json!({"inactiveDate": "2026-01-10T06:00:00Z"}),
            rotated(tenth, held("old")),
            Some("2026-01-10T06:00:00Z"),
            Some("2026-01-10T06:00:00Z"),
        ),
        ("it never becomes active", json!({}), rotated(tenth, later), Some(eleventh), None),
        (
            "somebody else's",
            json!({}),
            rotated(tenth, Certificate { tags: Tags::new(), ..held("old") }),
            Some(eleventh),
            None,
        ),
    ];
    for (what, spec, have, end, sent) in rows {
        let want = wanted(spec);
        assert_eq!(have.overlap_end(want.overlap, want.inactive_date), end.map(at), "{what}");
        let plan = planned(&want, &have, &[]);
        let of_old = updates(&plan).into_iter().find(|update| update.certificate_id == "old");
        assert_eq!(of_old.map(|update| update.inactive_date.unwrap()), sent.map(at), "{what}");
        assert_eq!(of_old.map(|update| update.active_date), sent.map(|_| None), "{what}: it has passed");
    }
    // Not deleted before the new one is active, also where the old one is over by then.
    let have = rotated(tenth, ends("2026-01-05T00:00:00Z"));
    assert_eq!(have.kept_until(wanted(json!({})).overlap, None), Some(at(tenth)));
}

#[test]
fn the_old_one_has_no_end_while_a_profile_lacks_the_new_one() {
    let tenth = "2026-01-10T00:00:00Z";
    let other = |old: Certificate| {
        let new = Certificate { certificate: PARTNER.to_owned(), ..rotated(tenth, old.clone()).certificate };
        Rotated { certificate: new, ..rotated(tenth, old) }
    };
    let holders = Holders { lacking: BTreeSet::from(["TransferProfile a/b".to_owned()]), ..Holders::default() };
    let renewed = WantedCertificate { source: Some(source(PARTNER, None)), holders, ..wanted(json!({})) };
    assert_eq!(other(held("old")).leaves_at(&renewed), None);
    assert!(updates(&planned(&renewed, &other(held("old")), &[])).is_empty());
    let all_have = WantedCertificate { holders: Holders::default(), ..renewed };
    assert_eq!(other(held("old")).leaves_at(&all_have), Some(at("2026-01-11T00:00:00Z")));
}

#[test]
fn no_notice_is_given_where_the_one_before_is_over_nor_beyond_validity() {
    let spec = || json!({"rotation": {"notice": "48h"}});
    let status = |end: &str| json!({"observedGeneration": 1, "certificateId": "cert-1", "inactiveDate": end});
    for (end, active) in
        [("2026-02-01T00:00:00Z", "2026-01-03T00:00:00Z"), ("2025-12-31T00:00:00Z", "2026-01-01T00:05:00Z")]
    {
        let object = object(spec(), status(end));
        let all = want(&object, Ok(source(OWN, None)), Holders::default(), &Tags::new(), (now(), AHEAD));
        assert_eq!(
            (import(&object, &all.want, &Tags::new()).active_date, all.faults),
            (Some(at(active)), vec![]),
            "{end}"
        );
    }
    let long = json!({"rotation": {"notice": "2160h"}, "inactiveDate": "2026-03-01T00:00:00Z"});
    let faults = |object: &TransferCertificate| {
        let all = want(object, Ok(source(OWN, None)), Holders::default(), &Tags::new(), (now(), AHEAD));
        all.faults.into_iter().map(|why| why.message).collect::<Vec<_>>()
    };
    let told = faults(&object(long.clone(), status("2026-02-01T00:00:00Z")));
    assert!(told.len() == 1 && told[0].contains("rotation.notice"), "{told:?}");
    assert!(faults(&object(long, Value::Null)).is_empty(), "the first one has no notice");
}

#[test]
fn partners_keep_their_notice_though_the_spec_says_sooner() {
    let have = rotated("2026-01-10T00:00:00Z", held("old"));
    let paths = |spec: Value, have: &Rotated| {
        let plan = planned(&wanted(spec), have, &[]);
        plan.changes.into_iter().map(|change| change.path).collect::<Vec<_>>()
    };
    assert_eq!(paths(json!({"activeDate": "2026-01-02T00:00:00Z"}), &have), ["rotation.overlap"]);
    assert_eq!(paths(json!({"activeDate": "2026-01-20T00:00:00Z"}), &have), ["activeDate", "rotation.overlap"]);
    assert_eq!(paths(json!({"activeDate": "2026-01-02T00:00:00Z"}), &alone(have.certificate)), ["activeDate"]);
}

#[test]
fn only_a_renewed_one_has_a_notice_and_none_begins_before_it_is_valid() {
    let rotation = json!({"rotation": {"notice": "48h"}});
    let renewed = json!({"observedGeneration": 1, "certificateId": "cert-1"});
    let said = |date: &str| json!({"rotation": {"notice": "48h"}, "activeDate": date});
    let rows = [
        ("the first", rotation.clone(), Value::Null, None),
        ("the first, as said", said("2027-01-01T00:00:00Z"), Value::Null, Some("2027-01-01T00:00:00Z")),
        ("a first one, by a time that has passed", said("1999-01-01T00:00:00Z"), Value::Null, None),
        ("a first one, in a moment", said("2026-01-01T00:04:00Z"), Value::Null, Some("2026-01-01T00:04:00Z")),
        (
            "without notice, not in the past",
            json!({"rotation": {"notice": "0s"}}),
            renewed.clone(),
            Some("2026-01-01T00:05:00Z"),
        ),
        ("a renewed one", rotation, renewed.clone(), Some("2026-01-03T00:00:00Z")),
        ("a renewed one, sooner", said("2026-01-02T00:00:00Z"), renewed.clone(), Some("2026-01-03T00:00:00Z")),
        ("a renewed one, later", said("2026-02-01T00:00:00Z"), renewed, Some("2026-02-01T00:00:00Z")),
    ];
    for (what, spec, status, expected) in rows {
        let object = object(spec, status);
        let all = want(&object, Ok(source(OWN, None)), Holders::default(), &Tags::new(), (now(), AHEAD));
        assert_eq!(import(&object, &all.want, &Tags::new()).active_date, expected.map(at), "{what}");
    }
    let end = at("2199-01-01T00:00:00Z");
    let late = object(json!({"inactiveDate": end.to_string()}), Value::Null);
    let all = want(&late, Ok(source(OWN, None)), Holders::default(), &Tags::new(), (now(), AHEAD));
    assert_eq!(import(&late, &all.want, &Tags::new()).inactive_date, Some(at("2049-12-31T23:59:59Z")));
}

#[test]
fn what_is_wanted_is_the_same_at_any_time_and_its_import_is_recognised() {
    let spec =
        || object(json!({"rotation": {"notice": "48h"}}), json!({"observedGeneration": 1, "certificateId": "c"}));
    let all = [now(), later(now(), std::time::Duration::from_hours(5))].map(|now| {
        let wanted = want(&spec(), Ok(source(OWN, None)), Holders::default(), &Tags::new(), (now, AHEAD));
        let call = import(&spec(), &wanted.want, &Tags::new());
        (wanted.digest.clone(), Mutation::ImportCertificate(Box::new(call)).plain())
    });
    assert_eq!(all[0], all[1]);
}

#[test]
fn profiles_have_the_old_one_until_its_overlap_is_over() {
    let ids = |phase: &str, more: Value| {
        let mut status = json!({"observedGeneration": 1, "certificateId": "new", "replacing": {"oldId": "old",
            "attempt": "a", "phase": phase}});
        status.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        object(json!({}), status).status.unwrap().in_profiles(now())
    };
    assert_eq!(ids("Creating", json!({"certificateId": null})), ["old"]);
    assert_eq!(ids("Moving", json!({})), ["new", "old"], "it is not known yet");
    assert_eq!(ids("Moving", json!({"overlapUntil": "2026-01-01T00:00:01Z"})), ["new", "old"]);
    assert_eq!(ids("Moving", json!({"overlapUntil": "2026-01-01T00:00:00Z"})), ["new"]);
    assert_eq!(ids("Deleting", json!({})), ["new"]);
}

#[test]
fn an_end_within_the_warning_is_told_and_what_to_do() {
    let warning = SignedDuration::from_hours(24 * 14);
    let ends = |not_after: &str, inactive: &str| Certificate {
        not_after_date: Some(at(not_after)),
        inactive_date: Some(at(inactive)),
        ..held("c")
    };
    let far = "2049-12-31T23:59:59Z";
    let rows = [
        (ends(far, far), None),
        (
            ends("2026-01-15T00:00:00Z", "2026-01-15T00:00:00Z"),
            Some("c expires at 2026-01-15T00:00:00Z; ConfigMap a holds no other"),
        ),
        (ends("2026-01-16T00:00:00Z", far), None),
        (ends("2025-12-31T00:00:00Z", "2025-12-31T00:00:00Z"), Some("c expired at 2025-12-31")),
        (ends(far, "2026-01-10T00:00:00Z"), Some("c becomes inactive at 2026-01-10T00:00:00Z, and is valid longer")),
        (ends(far, "2025-12-10T00:00:00Z"), Some("c is inactive since 2025-12-10")),
    ];
    for (have, expected) in rows {
        let told = advice(&object(json!({}), Value::Null), &wanted(json!({})), &alone(have), now(), warning);
        let told: Vec<String> = told.into_iter().map(|reason| reason.message).collect();
        assert_eq!(told.len(), usize::from(expected.is_some()), "{told:?}");
        assert!(expected.is_none_or(|words| told[0].contains(words)), "{told:?}");
    }
}
