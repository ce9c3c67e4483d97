//! Every mutable field of every kind: set when the object is created, changed, and cleared again. The fields are read
//! off the CRDs: one without a case or a reason not to have one fails.

mod agreements;
mod case;
mod certificates;
mod connectors;
mod deletions;
mod host_keys;
mod identities;
mod logins;
mod policies;
mod profiles;
mod schema;
mod seen;
mod servers;
mod web_apps;
mod workflows;
mod world;

use std::collections::BTreeSet;

use case::{At, Case, Kind, Then};
use deletions::{deletions, forced_deletions};
use identities::Sims;
use logins::Raw;
use serde_json::{Value, json};
use world::World;

pub use world::certificate;

use crate::support::repository;

/// Paths without a case, and why.
const EXEMPT: [(Kind, &str, &str); 52] = [
    (Kind::WebApp, "lifecycle.deletionPolicy", AT_DELETION),
    (Kind::WebApp, "lifecycle.managementPolicy", IN_WHOLE_RECONCILES),
    (Kind::WebApp, "lifecycle.recreatePolicy", IN_WHOLE_RECONCILES),
    (Kind::WebApp, "lifecycle.adoption.mode", IN_WHOLE_RECONCILES),
    (Kind::WebApp, "lifecycle.adoption.id", IN_WHOLE_RECONCILES),
    (Kind::Agreement, "lifecycle.deletionPolicy", AT_DELETION),
    (Kind::Agreement, "lifecycle.managementPolicy", IN_WHOLE_RECONCILES),
    (Kind::Agreement, "lifecycle.recreatePolicy", IN_WHOLE_RECONCILES),
    (Kind::Certificate, "lifecycle.adoption.id", IN_WHOLE_RECONCILES),
    (Kind::Certificate, "lifecycle.adoption.mode", IN_WHOLE_RECONCILES),
    (Kind::Certificate, "lifecycle.deletionPolicy", AT_DELETION),
    (Kind::Certificate, "lifecycle.managementPolicy", IN_WHOLE_RECONCILES),
    (Kind::Certificate, "lifecycle.recreatePolicy", IN_WHOLE_RECONCILES),
    (Kind::Connector, "connectionTest", "what it comes to shows after Ready: src/kinds/reconcile_tests/connectors.rs"),
    (Kind::Connector, "lifecycle.deletionPolicy", AT_DELETION),
    (Kind::Connector, "lifecycle.managementPolicy", IN_WHOLE_RECONCILES),
    (Kind::Connector, "lifecycle.recreatePolicy", IN_WHOLE_RECONCILES),
    (Kind::Identity, "endpoints.ec2", "where EC2 is, shows in no object of a server without a VPC: tests/sdk_ec2.rs"),
    (Kind::Identity, "grants[].name", "it names the entry for those who write the list, and has no effect"),
    (Kind::Server, "lifecycle.deletionPolicy", AT_DELETION),
    (Kind::User, "lifecycle.deletionPolicy", AT_DELETION),
    (Kind::Access, "lifecycle.deletionPolicy", AT_DELETION),
    (Kind::Workflow, "lifecycle.deletionPolicy", AT_DELETION),
    (Kind::Profile, "lifecycle.deletionPolicy", AT_DELETION),
    (Kind::Profile, "lifecycle.managementPolicy", IN_WHOLE_RECONCILES),
    (Kind::Profile, "lifecycle.recreatePolicy", IN_WHOLE_RECONCILES),
    (Kind::Profile, "allowedReferences.namespaces.from", NOTHING_REFERS),
    (Kind::Profile, "allowedReferences.namespaces.names", NOTHING_REFERS),
    (Kind::Profile, "allowedReferences.namespaces.selector.matchLabels{}", NOTHING_REFERS),
    (Kind::Profile, "allowedReferences.namespaces.selector.matchExpressions[].key", NOTHING_REFERS),
    (Kind::Profile, "allowedReferences.namespaces.selector.matchExpressions[].operator", NOTHING_REFERS),
    (Kind::Profile, "allowedReferences.namespaces.selector.matchExpressions[].values", NOTHING_REFERS),
    (Kind::Workflow, "lifecycle.managementPolicy", IN_WHOLE_RECONCILES),
    (Kind::Workflow, "lifecycle.recreatePolicy", IN_WHOLE_RECONCILES),
    (Kind::Server, "lifecycle.managementPolicy", IN_WHOLE_RECONCILES),
    (Kind::User, "lifecycle.managementPolicy", IN_WHOLE_RECONCILES),
    (Kind::Access, "lifecycle.managementPolicy", IN_WHOLE_RECONCILES),
    (Kind::Server, "lifecycle.adoption.mode", IN_WHOLE_RECONCILES),
    (Kind::User, "lifecycle.adoption.mode", IN_WHOLE_RECONCILES),
    (Kind::Access, "lifecycle.adoption.mode", IN_WHOLE_RECONCILES),
    (Kind::Server, "lifecycle.adoption.serverId", IN_WHOLE_RECONCILES),
    (Kind::Identity, "grants[].adoptableIds", IN_WHOLE_RECONCILES),
    (Kind::Workflow, "lifecycle.adoption.mode", IN_WHOLE_RECONCILES),
    (Kind::Workflow, "lifecycle.adoption.id", IN_WHOLE_RECONCILES),
    (Kind::Profile, "lifecycle.adoption.mode", IN_WHOLE_RECONCILES),
    (Kind::Profile, "lifecycle.adoption.id", IN_WHOLE_RECONCILES),
    (Kind::Connector, "lifecycle.adoption.mode", IN_WHOLE_RECONCILES),
    (Kind::Connector, "lifecycle.adoption.id", IN_WHOLE_RECONCILES),
    (Kind::Agreement, "lifecycle.adoption.mode", IN_WHOLE_RECONCILES),
    (Kind::Agreement, "lifecycle.adoption.id", IN_WHOLE_RECONCILES),
    (Kind::Server, "lifecycle.recreatePolicy", IN_WHOLE_RECONCILES),
    (Kind::Server, "lifecycle.forceDeleteUsers", AT_DELETION),
];
/// They say what becomes of what others did in AWS.
const IN_WHOLE_RECONCILES: &str =
    "src/kinds/reconcile_tests: drift, adoption, adoption_by_id, recreation; and tests/convergence, W12 and W13";
const NOTHING_REFERS: &str = "no kind refers to profiles yet: it shows with the first that does";
const AT_DELETION: &str = "it counts when the object is deleted, and is tested in deletions.rs";

/// All cases, with ids that stand for those of servers yet to be made.
fn dry() -> Vec<Case> {
    let ids = || ["s-0123456789abcdef0".to_owned(), "s-0123456789abcdef1".to_owned()];
    let sims = Sims { own: "http://one".to_owned(), other: "http://two".to_owned() };
    let certificates = ["cert-0123456789abcdef0".to_owned(), "cert-0123456789abcdef1".to_owned()];
    let profiles = ["0", "1", "2", "3"].map(|last| format!("p-0123456789abcdef{last}"));
    cases(&Raw { users: ids(), accesses: ids(), agreements: ids(), certificates, profiles }, &sims)
}

fn cases(raw: &Raw, sims: &Sims) -> Vec<Case> {
    let all = [
        servers::cases(),
        host_keys::cases(),
        logins::cases(raw),
        policies::cases(),
        workflows::cases(),
        profiles::cases(&raw.certificates),
        connectors::cases(&raw.profiles),
        agreements::cases(&raw.profiles, &raw.agreements),
        certificates::cases(),
        web_apps::cases(),
        identities::cases(sims, &raw.users[0], &raw.certificates[0]),
    ];
    all.concat()
}

#[test]
fn every_field_of_the_crds_has_a_case_or_a_reason_not_to_have_one() {
    let cases = dry();
    let with_case = cases.iter().map(|case| (case.kind, case.path.as_str()));
    let exempt = EXEMPT.iter().map(|(kind, path, _)| (*kind, *path));
    let mut wrong = Vec::new();
    let mut told = BTreeSet::new();
    for (kind, path) in with_case.chain(exempt) {
        if !told.insert((kind, path.to_owned())) {
            wrong.push(format!("{} spec.{path} is told of twice", kind.name()));
        }
    }
    for kind in Kind::ALL {
        let paths: BTreeSet<_> = schema::paths(kind).into_keys().map(|path| (kind, path)).collect();
        let of_kind: BTreeSet<_> = told.iter().filter(|(other, _)| *other == kind).cloned().collect();
        let name = kind.name();
        wrong.extend(paths.difference(&of_kind).map(|(_, path)| format!("{name} spec.{path} has no case")));
        wrong.extend(of_kind.difference(&paths).map(|(_, path)| format!("{name} has no field spec.{path}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The fields that docs/features.md says this folder tests, with the kind whose table they are in.
fn told_as_tested_here() -> Vec<(Kind, String)> {
    let page = std::fs::read_to_string(repository("docs/features.md")).unwrap();
    let members = page.split("\n## ").find(|part| part.starts_with("Members")).unwrap();
    let mut told = Vec::new();
    for table in members.split("\n### ").skip(1) {
        let name = table.lines().next().unwrap().rsplit(' ').next().unwrap();
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name).unwrap();
        for row in table.lines().filter(|line| line.ends_with("| `fields` |")) {
            let fields = row.split(" | ").nth(1).unwrap();
            told.extend(fields.split('`').skip(1).step_by(2).map(|field| (kind, field.to_owned())));
        }
    }
    assert!(told.len() > 80, "only {} fields", told.len());
    told
}

#[test]
fn what_the_page_of_features_calls_tested_here_has_a_case() {
    let cases: BTreeSet<_> = dry().into_iter().map(|case| (case.kind, case.path)).collect();
    let below = |kind: Kind, field: &str| {
        cases.iter().any(|(of, path)| {
            let rest = path.strip_prefix(field);
            *of == kind && rest.is_some_and(|rest| rest.is_empty() || rest == "{}" || rest.starts_with(['.', '[']))
        })
    };
    let without: Vec<_> = told_as_tested_here().into_iter().filter(|(kind, field)| !below(*kind, field)).collect();
    assert!(without.is_empty(), "{without:?}");
}

#[test]
fn every_step_of_a_case_would_notice_that_nothing_happened() {
    for Case { kind, path, then, same, values, .. } in dry() {
        let shown = then.each_ref().map(|then| match then {
            Then::Holds(value) => Some(seen::plain(value)),
            _ => None,
        });
        let alike = shown.windows(2).any(|pair| pair[0].is_some() && pair[0] == pair[1]);
        assert_eq!(alike, same.is_some(), "{} spec.{path}: {then:?}", kind.name());
        assert!(values[0] != values[1] || same.is_some(), "{} spec.{path}: A is B", kind.name());
    }
}

async fn every_field(switches: &Value) {
    let world = World::new(switches).await;
    let cases = cases(&world.raw, &world.sims());
    let mut wrong = Vec::new();
    for step in 0..3 {
        wrong.extend(world.step(&cases, step).await);
    }
    wrong.extend(deletions(&world).await);
    wrong.extend(forced_deletions(&world).await);
    assert!(wrong.is_empty(), "{} of {} cases: {wrong:#?}", wrong.len(), cases.len());
}

/// Edits. What others change in AWS is put back in `src/kinds/reconcile_tests/drift_of_members.rs` and
/// `drift_of_partners.rs`.
#[tokio::test]
async fn every_field_is_set_changed_and_cleared_or_named_as_fixed() {
    every_field(&json!({})).await;
}

/// Where nobody knows what AWS does, the other of the two possibilities.
#[tokio::test]
async fn every_field_is_so_too_where_aws_behaves_otherwise() {
    let otherwise = json!({
        "unset": "empty", "absent": "null", "empty_body": "object", "unknown_members": true, "newer_defaults": true,
        "protocol_details": "replace", "identity_provider_details": "merge", "conflict": "network_update",
        "access_role": false, "users_of_other_provider": "refuse", "duplicate_ssh_key": "body",
        "empty_first_page": true, "user_name_variable": "expanded", "connector_config": "replace",
        "web_app_addresses": "host", "absent_customization": "accept",
    });
    every_field(&otherwise).await;
}
