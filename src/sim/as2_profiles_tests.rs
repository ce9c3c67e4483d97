#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::{Value, json};

use crate::sim::bench::Bench;

const OWN: &str = include_str!("../../tests/fixtures/certificates/own.pem");
const OWN_KEY: &str = include_str!("../../tests/fixtures/certificates/own.key");

fn certificate(bench: &mut Bench, with_key: bool) -> String {
    let mut input = json!({"Usage": "SIGNING", "Certificate": OWN});
    if with_key {
        input["PrivateKey"] = json!(OWN_KEY);
    }
    bench.ok("ImportCertificate", input)["CertificateId"].as_str().unwrap().to_owned()
}

fn made(bench: &mut Bench, input: Value) -> String {
    bench.ok("CreateProfile", input)["ProfileId"].as_str().unwrap().to_owned()
}

fn described(bench: &mut Bench, id: &str) -> Value {
    bench.ok("DescribeProfile", json!({"ProfileId": id}))["Profile"].clone()
}

fn partner(certificates: &[&String]) -> Value {
    json!({"As2Id": "them", "ProfileType": "PARTNER", "CertificateIds": certificates})
}

#[test]
fn a_profile_is_described_as_it_was_made_and_listed_without_certificates() {
    let mut bench = Bench::new();
    let signing = certificate(&mut bench, true);
    let tags = json!([{"Key": "team", "Value": "a"}]);
    let input = json!({"As2Id": "us", "ProfileType": "LOCAL", "CertificateIds": [signing], "Tags": tags});
    let id = made(&mut bench, input);
    assert!(bench.changed);
    let arn = format!("arn:aws:transfer:eu-west-1:123456789012:profile/{id}");
    let mut row = json!({"Arn": arn, "ProfileId": id, "As2Id": "us", "ProfileType": "LOCAL"});
    assert_eq!(bench.ok("ListProfiles", json!({})), json!({"Profiles": [row]}));
    row["CertificateIds"] = json!([signing]);
    row["Tags"] = tags;
    assert_eq!(described(&mut bench, &id), row);
}

#[test]
fn certificates_of_a_profile_are_there_once_each_and_ten_at_most() {
    let mut bench = Bench::new();
    let ids: Vec<String> = (0..11).map(|_| certificate(&mut bench, false)).collect();
    let missing = "cert-0123456789abcdef0".to_owned();
    let refused = bench.call("CreateProfile", partner(&[&ids[0], &missing])).unwrap_err();
    assert_eq!(refused, "ResourceNotFoundException: Unknown certificate");
    let refused = bench.invalid("CreateProfile", partner(&[&ids[0], &ids[1], &ids[0]]));
    assert_eq!(refused, format!("Duplicate certificate found: {}", ids[0]));
    let all: Vec<&String> = ids.iter().collect();
    assert_eq!(bench.invalid("CreateProfile", partner(&all)), "Cannot exceed quota for CertificatesPerProfile: 10");
    let id = made(&mut bench, partner(&all[..10]));
    let eleven = json!({"ProfileId": id, "CertificateIds": all});
    assert!(bench.invalid("UpdateProfile", eleven).contains("CertificatesPerProfile"));
    assert_eq!(described(&mut bench, &id)["CertificateIds"].as_array().unwrap().len(), 10);
}

#[test]
fn certificates_of_our_own_side_have_a_key() {
    let mut bench = Bench::new();
    let without = certificate(&mut bench, false);
    let input = json!({"As2Id": "us", "ProfileType": "LOCAL", "CertificateIds": [without]});
    let told = format!("Certificate {without} of a LOCAL profile must have a private key");
    assert_eq!(bench.invalid("CreateProfile", input.clone()), told);
    let id = made(&mut bench, json!({"As2Id": "us", "ProfileType": "LOCAL"}));
    let update = json!({"ProfileId": id, "CertificateIds": [without]});
    assert_eq!(bench.invalid("UpdateProfile", update.clone()), told);
    bench.set(&json!({"local_without_key": "accept"}));
    made(&mut bench, input);
    bench.ok("UpdateProfile", update);
}

#[test]
fn an_empty_list_clears_or_stays_or_is_refused() {
    let mut bench = Bench::new();
    let signing = certificate(&mut bench, false);
    let id = made(&mut bench, partner(&[&signing]));
    let empty = json!({"ProfileId": id, "CertificateIds": []});
    assert_eq!(bench.invalid("UpdateProfile", empty.clone()), "CertificateIds must not be empty");
    bench.set(&json!({"empty_certificate_ids": "keep"}));
    bench.ok("UpdateProfile", empty.clone());
    assert!(!bench.changed);
    assert_eq!(described(&mut bench, &id)["CertificateIds"], json!([signing]));
    bench.set(&json!({"empty_certificate_ids": "clear"}));
    bench.ok("UpdateProfile", empty.clone());
    assert!(bench.changed);
    assert!(described(&mut bench, &id).get("CertificateIds").is_none());
    bench.set(&json!({"empty_certificate_ids": "refuse", "unset": "empty"}));
    bench.ok("UpdateProfile", empty);
    assert_eq!(described(&mut bench, &id)["CertificateIds"], json!([]), "nothing was to be cleared");
}

#[test]
fn a_certificate_in_use_is_not_deleted_unless_the_switch_says_otherwise() {
    let mut bench = Bench::new();
    let signing = certificate(&mut bench, false);
    let id = made(&mut bench, partner(&[&signing]));
    let delete = json!({"CertificateId": signing});
    let told = format!("Certificate is still in use by profile {id}");
    assert_eq!(bench.invalid("DeleteCertificate", delete.clone()), told);
    bench.ok("DeleteProfile", json!({"ProfileId": id}));
    let id = made(&mut bench, partner(&[&signing]));
    bench.set(&json!({"delete_used_certificate": "accept"}));
    bench.ok("DeleteCertificate", delete);
    assert_eq!(described(&mut bench, &id)["CertificateIds"], json!([signing]), "the profile still names it");
}

#[test]
fn a_name_without_spaces_is_wanted_and_profiles_are_counted() {
    let mut bench = Bench::new();
    let spaced = json!({"As2Id": "a b", "ProfileType": "LOCAL"});
    assert_eq!(bench.invalid("CreateProfile", spaced), "As2Id must not contain spaces");
    bench.set(&json!({"quotas": {"profiles": 1}}));
    let id = made(&mut bench, partner(&[]));
    assert_eq!(bench.invalid("CreateProfile", partner(&[])), "Cannot exceed quota for ProfilesPerAccount: 1");
    bench.ok("DeleteProfile", json!({"ProfileId": id}));
    made(&mut bench, partner(&[]));
}

#[test]
fn profiles_are_listed_by_type_late_and_in_pages() {
    let mut bench = Bench::new();
    bench.set(&json!({"listing_lag": "30s"}));
    let mut partners: Vec<String> = (0..3).map(|_| made(&mut bench, partner(&[]))).collect();
    partners.sort_unstable();
    let ours = made(&mut bench, json!({"As2Id": "us", "ProfileType": "LOCAL"}));
    assert_eq!(bench.ok("ListProfiles", json!({})), json!({"Profiles": []}));
    bench.pass(30);
    let ids = |page: &Value| -> Vec<String> {
        let rows = page["Profiles"].as_array().unwrap();
        rows.iter().map(|row| row["ProfileId"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&bench.ok("ListProfiles", json!({"ProfileType": "LOCAL"}))), [ours]);
    let of_partners = json!({"ProfileType": "PARTNER", "MaxResults": 2});
    let first = bench.ok("ListProfiles", of_partners.clone());
    let mut more = of_partners;
    more["NextToken"] = first["NextToken"].clone();
    let second = bench.ok("ListProfiles", more);
    assert_eq!([ids(&first), ids(&second)].concat(), partners);
    assert_eq!(ids(&bench.ok("ListProfiles", json!({}))).len(), 4);
}

#[test]
fn a_deleted_profile_is_seen_for_a_while_and_not_changed() {
    let mut bench = Bench::new();
    bench.set(&json!({"deletion_time": "10s"}));
    let id = made(&mut bench, partner(&[]));
    let which = json!({"ProfileId": id});
    bench.ok("DeleteProfile", which.clone());
    described(&mut bench, &id);
    for operation in ["DeleteProfile", "UpdateProfile"] {
        let refused = bench.call(operation, which.clone()).unwrap_err();
        assert_eq!(refused, "ResourceNotFoundException: Unknown profile", "{operation}");
    }
    bench.pass(10);
    assert!(bench.call("DescribeProfile", which).is_err());
}
