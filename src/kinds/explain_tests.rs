//! What `kubectl explain` says of members of every kind that cannot be changed or taken out.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::server::members::{MEMBERS, SECURITY_GROUPS, members};
use crate::api::all_crds;
use crate::engine::diff::{Effect, Member, Reset};
use crate::kinds::{agreement, connector, login, profile, web_app};

/// What is said of a field of a spec, and whether it must be there.
fn explained(kind: &str, path: &str) -> (String, bool) {
    let crd = all_crds().into_iter().find(|crd| crd.spec.names.kind == kind).unwrap();
    let schema = serde_json::to_value(&crd.spec.versions[0].schema).unwrap();
    let mut at = &schema["openAPIV3Schema"]["properties"]["spec"];
    let mut required = false;
    for name in path.split('.') {
        required = at["required"].as_array().is_some_and(|names| names.contains(&json!(name)));
        at = &at["properties"][name];
    }
    (at["description"].as_str().unwrap_or_else(|| panic!("{kind}: no {path}")).to_owned(), required)
}

/// All members with what a change of them takes, on servers where it takes the most.
fn of_servers() -> Vec<Member> {
    let with_addresses = json!({"endpointDetails": {"addressAllocationIds": ["eipalloc-1"], "vpcId": "vpc-1"}});
    let mut rows = members(&json!({}), &with_addresses, false);
    rows.extend(members(&json!({}), &Value::Null, false));
    rows
}

/// The tables of members, of each kind that has one.
fn tables() -> Vec<(&'static str, Member)> {
    let of = |kind, members: &[Member]| members.iter().map(|member| (kind, *member)).collect::<Vec<_>>();
    [
        of("TransferUser", &login::MEMBERS),
        of("TransferAccess", &login::MEMBERS),
        of("TransferServer", &of_servers()),
        of("TransferProfile", &profile::MEMBERS),
        of("TransferConnector", connector::members::MEMBERS),
        of("TransferAgreement", agreement::members::MEMBERS),
        of("TransferWebApp", &[&web_app::members::SETTINGS[..], &web_app::members::LOOK[..]].concat()),
    ]
    .concat()
}

/// What a rule of the CRD keeps in the spec: it, or what takes its place.
const KEPT: [(&str, &str); 5] = [
    ("TransferConnector", "url"),
    ("TransferConnector", connector::members::LOCAL_PROFILE),
    ("TransferConnector", connector::members::PARTNER_PROFILE),
    ("TransferAgreement", agreement::members::LOCAL_PROFILE),
    ("TransferAgreement", agreement::members::PARTNER_PROFILE),
];

#[test]
fn explain_says_what_cannot_be_taken_out_or_changed() {
    let mut marked: BTreeMap<&str, usize> = BTreeMap::new();
    // Servers are named by their objects alone.
    let named = |(_, member): &(&str, Member)| member.path != connector::members::ASYNC_MDN_SERVERS;
    for (kind, member) in tables().into_iter().filter(named) {
        let (text, required) = explained(kind, member.path);
        let kept = required || KEPT.contains(&(kind, member.path));
        let says = |word: &str| assert!(text.contains(word), "{kind}, {}: {word} is not in: {text}", member.path);
        match member.effect {
            Effect::Live => {}
            Effect::Restart | Effect::Offline => says("takes a stop"),
            Effect::Ec2 => says("through EC2"),
            Effect::Replace | Effect::Refused => {
                let said = text.contains("Immutable") || text.contains("Cannot be changed");
                assert!(said, "{kind}, {}: {text}", member.path);
            }
        }
        if matches!(member.reset, Reset::Never) && !kept {
            says("CannotClear");
        }
        *marked.entry(kind).or_default() +=
            usize::from(member.effect != Effect::Live || matches!(member.reset, Reset::Never));
    }
    assert!(marked.len() == 7 && marked.values().all(|count| *count > 1), "{marked:?}");
    assert_eq!(MEMBERS.len() * 2, of_servers().len());
}

#[test]
fn explain_marks_what_is_no_member_of_the_table() {
    assert!(explained("TransferServer", SECURITY_GROUPS).0.contains("CannotClear"));
    assert!(explained("TransferServer", "hostKeys").0.contains("CannotClear"));
    assert!(explained("TransferServer", "domain").0.contains("Immutable"));
    assert!(explained("TransferCertificate", "description").0.contains("CannotClear"));
}
