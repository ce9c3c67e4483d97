#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::{Value, json};

use crate::sim::bench::Bench;

const OWN: &str = include_str!("../../tests/fixtures/certificates/own.pem");
const OWN_KEY: &str = include_str!("../../tests/fixtures/certificates/own.key");
const CA: &str = include_str!("../../tests/fixtures/certificates/ca.pem");
const PARTNER: &str = include_str!("../../tests/fixtures/certificates/partner.pem");
/// The dates in the fixtures.
const BEFORE: f64 = 1_577_836_800.0;
const AFTER: f64 = 2_524_607_999.0;

fn made(bench: &mut Bench, input: Value) -> String {
    bench.ok("ImportCertificate", input)["CertificateId"].as_str().unwrap().to_owned()
}

fn described(bench: &mut Bench, id: &str) -> Value {
    bench.ok("DescribeCertificate", json!({"CertificateId": id}))["Certificate"].clone()
}

fn partners() -> Value {
    json!({"Usage": "SIGNING", "Certificate": PARTNER})
}

#[test]
fn a_certificate_is_described_with_what_it_says_of_itself() {
    let mut bench = Bench::new();
    let tags = json!([{"Key": "team", "Value": "a"}]);
    let id = made(
        &mut bench,
        json!({
            "Usage": "ENCRYPTION", "Certificate": OWN, "CertificateChain": CA, "PrivateKey": OWN_KEY,
            "Description": "ours", "Tags": tags,
        }),
    );
    assert!(bench.changed);
    let arn = format!("arn:aws:transfer:eu-west-1:123456789012:certificate/{id}");
    let row = json!({
        "Arn": arn, "CertificateId": id, "Usage": "ENCRYPTION", "Status": "PENDING_ROTATION",
        "ActiveDate": BEFORE, "InactiveDate": AFTER, "Type": "CERTIFICATE_WITH_PRIVATE_KEY", "Description": "ours",
    });
    assert_eq!(bench.ok("ListCertificates", json!({})), json!({"Certificates": [row]}));
    let mut all = row;
    let more = json!({
        "Certificate": OWN, "CertificateChain": CA, "Serial": "1001", "NotBeforeDate": BEFORE, "NotAfterDate": AFTER,
        "Tags": tags,
    });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    assert_eq!(described(&mut bench, &id), all);
    assert!(!json!(bench.region).to_string().contains("PRIVATE KEY"), "the key is not kept");
}

#[test]
fn the_status_follows_the_dates() {
    let mut bench = Bench::new();
    bench.now = jiff::Timestamp::from_second(1_600_000_000).unwrap();
    let at = |later: f64| 1_600_000_000.0 + later;
    let mut input = partners();
    input["ActiveDate"] = json!(at(10.0));
    input["InactiveDate"] = json!(at(20.0));
    let id = made(&mut bench, input);
    for (passing, status) in [(0, "PENDING_ROTATION"), (10, "ACTIVE"), (9, "ACTIVE"), (1, "INACTIVE")] {
        bench.pass(passing);
        assert_eq!(described(&mut bench, &id)["Status"], status);
        assert_eq!(bench.ok("ListCertificates", json!({}))["Certificates"][0]["Status"], status);
    }
    bench.ok("UpdateCertificate", json!({"CertificateId": id, "InactiveDate": at(30.0), "Description": "longer"}));
    let shown = described(&mut bench, &id);
    assert_eq!((&shown["Status"], &shown["Description"]), (&json!("ACTIVE"), &json!("longer")));
    assert_eq!((&shown["ActiveDate"], &shown["InactiveDate"]), (&json!(at(10.0)), &json!(at(30.0))));
    bench.ok("UpdateCertificate", json!({"CertificateId": id, "Description": "longer"}));
    assert!(!bench.changed, "the same again is no change");
}

#[test]
fn a_date_that_an_update_does_not_name_is_kept_or_reset() {
    let mut bench = Bench::new();
    let mut input = partners();
    input["ActiveDate"] = json!(BEFORE + 10.0);
    input["InactiveDate"] = json!(AFTER - 10.0);
    let id = made(&mut bench, input);
    for (switch, active) in [("keep", BEFORE + 10.0), ("reset", BEFORE)] {
        bench.set(&json!({"absent_certificate_dates": switch}));
        bench.ok("UpdateCertificate", json!({"CertificateId": id, "InactiveDate": AFTER - 5.0}));
        let shown = described(&mut bench, &id);
        assert_eq!((&shown["ActiveDate"], &shown["InactiveDate"]), (&json!(active), &json!(AFTER - 5.0)), "{switch}");
    }
}

#[test]
fn an_active_date_that_has_passed_is_taken_or_refused() {
    let mut bench = Bench::new();
    bench.now = jiff::Timestamp::from_second(1_600_000_000).unwrap();
    let now = 1_600_000_000.0;
    let input = |date: f64| {
        let mut input = partners();
        input["ActiveDate"] = json!(date);
        input
    };
    let id = made(&mut bench, input(now - 1.0));
    let update = |date: f64| json!({"CertificateId": id, "ActiveDate": date});
    let rows = [("refuse", 3.0, true, true), ("refuse_new_past", 4.0, false, true), ("refuse_past", 5.0, false, false)];
    for (switch, ago, new, same) in rows {
        bench.set(&json!({"dates_outside_validity": switch}));
        let imports = bench.call("ImportCertificate", input(now - 2.0)).is_ok();
        let updates = bench.call("UpdateCertificate", update(now - ago)).is_ok();
        assert_eq!((imports, updates), (new, new), "{switch}");
        let has = described(&mut bench, &id)["ActiveDate"].as_f64().unwrap();
        assert_eq!(bench.call("UpdateCertificate", update(has)).is_ok(), same, "{switch}");
        made(&mut bench, input(now));
        made(&mut bench, partners());
    }
    assert_eq!(bench.invalid("ImportCertificate", input(now - 2.0)), "ActiveDate must not be in the past");
}

#[test]
fn what_does_not_fit_together_is_refused_without_its_texts() {
    let mut bench = Bench::new();
    let with = |more: Value| {
        let mut input = partners();
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    for (input, words) in [
        (with(json!({"Certificate": OWN_KEY})), "Invalid certificate format"),
        (with(json!({"Certificate": format!("{PARTNER}{OWN_KEY}")})), "Invalid certificate format"),
        (with(json!({"Certificate": format!("{OWN_KEY}{PARTNER}")})), "Invalid certificate format"),
        (with(json!({"CertificateChain": "none"})), "Invalid certificate chain"),
        (with(json!({"CertificateChain": format!("{CA}{OWN_KEY}")})), "Invalid certificate chain"),
        (with(json!({"Certificate": format!("{OWN}{CA}"), "CertificateChain": CA})), "CertificateChain must not"),
        (with(json!({"PrivateKey": OWN_KEY})), "PrivateKey does not match"),
        (with(json!({"PrivateKey": "none"})), "PrivateKey does not match"),
        (with(json!({"ActiveDate": AFTER, "InactiveDate": AFTER})), "ActiveDate must be before InactiveDate"),
        (with(json!({"ActiveDate": BEFORE - 1.0})), "within the validity"),
        (with(json!({"InactiveDate": AFTER + 1.0})), "within the validity"),
        (with(json!({"InactiveDate": 1e300})), "Invalid InactiveDate"),
    ] {
        let refused = bench.invalid("ImportCertificate", input);
        assert!(refused.contains(words), "{refused}");
        assert!(!refused.contains("BEGIN"), "{refused}");
    }
    assert_eq!(bench.ok("ListCertificates", json!({})), json!({"Certificates": []}));
    bench.set(&json!({"dates_outside_validity": "accept"}));
    made(&mut bench, with(json!({"InactiveDate": AFTER + 1.0})));
    made(&mut bench, with(json!({"Certificate": format!("{OWN}{CA}"), "PrivateKey": OWN_KEY})));
}

#[test]
fn a_deleted_certificate_is_seen_for_a_while_and_not_changed() {
    let mut bench = Bench::new();
    bench.set(&json!({"deletion_time": "10s"}));
    let id = made(&mut bench, partners());
    let which = json!({"CertificateId": id});
    bench.ok("DeleteCertificate", which.clone());
    described(&mut bench, &id);
    let tag = json!({
        "Arn": format!("arn:aws:transfer:eu-west-1:123456789012:certificate/{id}"), "Tags": [{"Key": "a", "Value": ""}],
    });
    for (operation, input) in [("DeleteCertificate", &which), ("UpdateCertificate", &which), ("TagResource", &tag)] {
        let refused = bench.call(operation, input.clone()).unwrap_err();
        assert_eq!(refused, "ResourceNotFoundException: Unknown certificate", "{operation}");
    }
    bench.pass(10);
    assert!(bench.call("DescribeCertificate", which).is_err());
    assert_eq!(bench.ok("ListCertificates", json!({})), json!({"Certificates": []}));
}

#[test]
fn a_new_certificate_is_listed_late_and_in_pages() {
    let mut bench = Bench::new();
    bench.set(&json!({"listing_lag": "30s"}));
    let mut ids: Vec<String> = (0..3).map(|_| made(&mut bench, partners())).collect();
    ids.sort_unstable();
    assert_eq!(bench.ok("ListCertificates", json!({})), json!({"Certificates": []}));
    bench.pass(30);
    let first = bench.ok("ListCertificates", json!({"MaxResults": 2}));
    let second = bench.ok("ListCertificates", json!({"MaxResults": 2, "NextToken": first["NextToken"]}));
    let rows = [&first, &second].map(|page| page["Certificates"].as_array().unwrap().clone()).concat();
    assert_eq!(rows.iter().map(|row| row["CertificateId"].as_str().unwrap()).collect::<Vec<_>>(), ids);
    assert!(second.get("NextToken").is_none());
}

#[test]
fn one_certificate_too_many_is_refused_and_a_deleted_one_does_not_count() {
    let mut bench = Bench::new();
    bench.set(&json!({"quotas": {"certificates": 1}}));
    let id = made(&mut bench, partners());
    let refused = bench.invalid("ImportCertificate", partners());
    assert_eq!(refused, "Cannot exceed quota for CertificatesPerAccount: 1");
    bench.ok("DeleteCertificate", json!({"CertificateId": id}));
    made(&mut bench, partners());
}
