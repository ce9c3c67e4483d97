#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::{Value, json};

use crate::sim::bench::{Bench, ROLE};

/// A server for AS2 and a profile of each side.
struct Parties {
    server: String,
    local: String,
    partner: String,
}

impl Parties {
    fn new(bench: &mut Bench) -> Self {
        Self { server: as2_server(bench), local: profile(bench, "LOCAL"), partner: profile(bench, "PARTNER") }
    }

    fn input(&self, more: &Value) -> Value {
        let mut input = json!({
            "ServerId": self.server, "LocalProfileId": self.local, "PartnerProfileId": self.partner, "AccessRole": ROLE,
        });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    }

    fn made(&self, bench: &mut Bench, more: &Value) -> Value {
        let id = bench.ok("CreateAgreement", self.input(more))["AgreementId"].clone();
        json!({"ServerId": self.server, "AgreementId": id})
    }
}

fn as2_server(bench: &mut Bench) -> String {
    bench.server(json!({
        "Protocols": ["AS2"], "ProtocolDetails": {"As2Transports": ["HTTP"]}, "EndpointType": "VPC",
        "EndpointDetails": {"VpcId": "vpc-1", "SubnetIds": ["subnet-1"]},
    }))
}

fn profile(bench: &mut Bench, of: &str) -> String {
    let made = bench.ok("CreateProfile", json!({"As2Id": "name", "ProfileType": of}));
    made["ProfileId"].as_str().unwrap().to_owned()
}

fn described(bench: &mut Bench, which: &Value) -> Value {
    bench.ok("DescribeAgreement", which.clone())["Agreement"].clone()
}

fn with(which: &Value, more: &Value) -> Value {
    let mut all = which.clone();
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    all
}

fn base() -> Value {
    json!({"BaseDirectory": "/bucket/in"})
}

fn custom() -> Value {
    json!({"CustomDirectories": {
        "FailedFilesDirectory": "/b/failed", "MdnFilesDirectory": "/b/mdn", "PayloadFilesDirectory": "/b/in",
        "StatusFilesDirectory": "/b/status", "TemporaryFilesDirectory": "/b/tmp",
    }})
}

#[test]
fn an_agreement_is_described_with_what_nobody_said_and_listed_in_short() {
    let mut bench = Bench::new();
    let parties = Parties::new(&mut bench);
    let tags = json!([{"Key": "team", "Value": "a"}]);
    let which = parties.made(&mut bench, &with(&base(), &json!({"Description": "orders", "Tags": tags})));
    assert!(bench.changed);
    let (id, Parties { server, local, partner }) = (which["AgreementId"].as_str().unwrap(), &parties);
    let row = json!({
        "Arn": format!("arn:aws:transfer:eu-west-1:123456789012:agreement/{server}/{id}"), "AgreementId": id,
        "Description": "orders", "Status": "ACTIVE", "ServerId": server, "LocalProfileId": local,
        "PartnerProfileId": partner,
    });
    let listed = json!({"Agreements": [row]});
    assert_eq!(bench.ok("ListAgreements", json!({"ServerId": server})), listed);
    let more = json!({
        "BaseDirectory": "/bucket/in", "AccessRole": ROLE, "PreserveFilename": "DISABLED",
        "EnforceMessageSigning": "DISABLED", "Tags": tags,
    });
    assert_eq!(described(&mut bench, &which), with(&row, &more));
    let other = as2_server(&mut bench);
    assert_eq!(bench.ok("ListAgreements", json!({"ServerId": other})), json!({"Agreements": []}));
    let elsewhere = json!({"ServerId": other, "AgreementId": id});
    let unknown = "ResourceNotFoundException: Unknown agreement";
    assert_eq!(bench.call("DescribeAgreement", elsewhere).unwrap_err(), unknown);
    let arn = format!("arn:aws:transfer:eu-west-1:123456789012:agreement/{other}/{id}");
    assert_eq!(bench.call("ListTagsForResource", json!({"Arn": arn})).unwrap_err(), unknown);
    bench.ok("UntagResource", json!({"Arn": row["Arn"], "TagKeys": ["team"]}));
    assert_eq!(described(&mut bench, &which)["Tags"], json!([]));
}

#[test]
fn directories_are_of_one_kind_and_each_takes_the_place_of_the_other() {
    let mut bench = Bench::new();
    let parties = Parties::new(&mut bench);
    let both = with(&base(), &custom());
    let told = "Specify either BaseDirectory or CustomDirectories";
    for wrong in [both.clone(), json!({}), json!({"BaseDirectory": ""})] {
        let refused = bench.invalid("CreateAgreement", parties.input(&wrong));
        assert!(refused.starts_with(told), "{refused}");
    }
    let which = parties.made(&mut bench, &base());
    bench.ok("UpdateAgreement", with(&which, &custom()));
    let shown = described(&mut bench, &which);
    assert_eq!(shown["CustomDirectories"], custom()["CustomDirectories"]);
    assert!(shown.get("BaseDirectory").is_none());
    assert!(bench.invalid("UpdateAgreement", with(&which, &both)).starts_with(told));
    let changes = json!({"Status": "INACTIVE", "PreserveFilename": "ENABLED", "EnforceMessageSigning": "ENABLED"});
    bench.ok("UpdateAgreement", with(&with(&which, &base()), &changes));
    let shown = described(&mut bench, &which);
    assert_eq!(shown["BaseDirectory"], "/bucket/in");
    assert!(shown.get("CustomDirectories").is_none());
    for (name, value) in changes.as_object().unwrap() {
        assert_eq!(shown[name], *value);
    }
}

#[test]
fn what_an_agreement_names_is_there_and_of_its_side() {
    let mut bench = Bench::new();
    let parties = Parties::new(&mut bench);
    let missing = "p-0123456789abcdef0";
    let which = parties.made(&mut bench, &base());
    for (member, told) in [("LocalProfileId", "LOCAL"), ("PartnerProfileId", "PARTNER")] {
        let other = if told == "LOCAL" { &parties.partner } else { &parties.local };
        for (operation, input) in [("CreateAgreement", parties.input(&base())), ("UpdateAgreement", which.clone())] {
            let refused = bench.call(operation, with(&input, &json!({member: missing}))).unwrap_err();
            assert_eq!(refused, "ResourceNotFoundException: Unknown profile");
            let refused = bench.invalid(operation, with(&input, &json!({member: other})));
            assert_eq!(refused, format!("{member} must be a profile of type {told}"));
        }
    }
    let plain = bench.server(json!({}));
    let on_plain = with(&parties.input(&base()), &json!({"ServerId": plain}));
    assert!(bench.invalid("CreateAgreement", on_plain.clone()).starts_with("Protocol AS2 must be enabled"));
    bench.set(&json!({"agreement_without_as2": "accept"}));
    bench.ok("CreateAgreement", on_plain);
    let nowhere = with(&parties.input(&base()), &json!({"ServerId": "s-00000000000000000"}));
    assert_eq!(bench.call("CreateAgreement", nowhere).unwrap_err(), "ResourceNotFoundException: Unknown server");
}

#[test]
fn a_second_agreement_of_the_same_two_exists_already() {
    let mut bench = Bench::new();
    let parties = Parties::new(&mut bench);
    parties.made(&mut bench, &base());
    let exists = "ResourceExistsException: Agreement already exists";
    assert_eq!(bench.call("CreateAgreement", parties.input(&base())).unwrap_err(), exists);
    let (server, local) = (parties.server.clone(), parties.local.clone());
    let other = Parties { server, local, partner: profile(&mut bench, "PARTNER") };
    let which = other.made(&mut bench, &base());
    let moved = with(&which, &json!({"PartnerProfileId": parties.partner}));
    assert_eq!(bench.call("UpdateAgreement", moved.clone()).unwrap_err(), exists);
    bench.ok("UpdateAgreement", with(&which, &json!({"PartnerProfileId": other.partner})));
    bench.set(&json!({"same_partners": "accept"}));
    bench.ok("UpdateAgreement", moved);
    bench.set(&json!({"quotas": {"agreements": 2}}));
    let refused = bench.invalid("CreateAgreement", parties.input(&base()));
    assert_eq!(refused, "Cannot exceed quota for AgreementsPerServer: 2");
}

#[test]
fn a_server_with_agreements_stays_or_takes_them_along_or_leaves_them() {
    let mut bench = Bench::new();
    let parties = Parties::new(&mut bench);
    let which = parties.made(&mut bench, &base());
    let delete = json!({"ServerId": parties.server});
    let id = which["AgreementId"].as_str().unwrap();
    let refused = bench.invalid("DeleteServer", delete.clone());
    assert_eq!(refused, format!("Server is still in use by agreement {id}"));
    bench.set(&json!({"delete_server_with_agreements": "orphan"}));
    bench.ok("DeleteServer", delete);
    assert_eq!(described(&mut bench, &which)["ServerId"], parties.server.as_str());
    bench.ok("DeleteAgreement", which.clone());
    assert_eq!(bench.call("DescribeAgreement", which).unwrap_err(), "ResourceNotFoundException: Unknown server");
    let parties = Parties::new(&mut bench);
    let which = parties.made(&mut bench, &base());
    bench.set(&json!({"delete_server_with_agreements": "cascade"}));
    bench.ok("DeleteServer", json!({"ServerId": parties.server}));
    bench.pass(1);
    assert!(bench.call("DescribeAgreement", which).is_err());
    assert_eq!(bench.region.agreements.iter().count(), 0);
}

#[test]
fn a_profile_in_use_is_not_deleted_unless_the_switch_says_otherwise() {
    let mut bench = Bench::new();
    let parties = Parties::new(&mut bench);
    let which = parties.made(&mut bench, &base());
    for profile in [&parties.local, &parties.partner] {
        let refused = bench.invalid("DeleteProfile", json!({"ProfileId": profile}));
        assert_eq!(refused, format!("Profile is still in use by agreement {}", which["AgreementId"].as_str().unwrap()));
    }
    bench.set(&json!({"delete_used_profile": "accept"}));
    bench.ok("DeleteProfile", json!({"ProfileId": parties.local}));
    assert_eq!(described(&mut bench, &which)["LocalProfileId"], parties.local.as_str(), "it is still named");
    bench.set(&json!({"delete_used_profile": "refuse"}));
    bench.ok("DeleteAgreement", which);
    bench.ok("DeleteProfile", json!({"ProfileId": parties.partner}));
}

#[test]
fn a_deleted_agreement_is_seen_for_a_while_and_listed_late_in_pages() {
    let mut bench = Bench::new();
    bench.set(&json!({"deletion_time": "10s", "listing_lag": "30s", "same_partners": "accept"}));
    let parties = Parties::new(&mut bench);
    let made: Vec<Value> = (0..3).map(|_| parties.made(&mut bench, &base())).collect();
    let list = json!({"ServerId": parties.server, "MaxResults": 2});
    assert_eq!(bench.ok("ListAgreements", list.clone()), json!({"Agreements": []}));
    bench.pass(30);
    let first = bench.ok("ListAgreements", list.clone());
    let second = bench.ok("ListAgreements", with(&list, &json!({"NextToken": first["NextToken"]})));
    let rows = [&first, &second].map(|page| page["Agreements"].as_array().unwrap().len());
    assert_eq!(rows, [2, 1]);
    bench.ok("DeleteAgreement", made[0].clone());
    described(&mut bench, &made[0]);
    for operation in ["DeleteAgreement", "UpdateAgreement"] {
        let refused = bench.call(operation, made[0].clone()).unwrap_err();
        assert_eq!(refused, "ResourceNotFoundException: Unknown agreement", "{operation}");
    }
    bench.pass(10);
    assert!(bench.call("DescribeAgreement", made[0].clone()).is_err());
}

#[test]
fn the_role_of_an_agreement_may_be_forbidden() {
    let mut bench = Bench::new();
    let parties = Parties::new(&mut bench);
    bench.set(&json!({"forbidden_roles": [ROLE]}));
    let refused = bench.call("CreateAgreement", parties.input(&base())).unwrap_err();
    assert!(refused.starts_with("AccessDeniedException") && refused.contains("iam:PassRole"), "{refused}");
    bench.set(&json!({"forbidden_roles": [], "unusable_roles": [ROLE]}));
    let refused = bench.invalid("CreateAgreement", parties.input(&base()));
    assert_eq!(refused, format!("Unsupported or invalid AccessRole: {ROLE}"));
}
