#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::access::Accesses;
use super::agreement::Agreements;
use super::certificate::Certificates;
use super::connector::Connectors;
use super::profile::Profiles;
use super::server::Servers;
use super::user::Users;
use super::web_app::WebApps;
use super::workflow::Workflows;
use crate::api::ManagedKind;
use crate::api::crd::all_crds;
use crate::engine::kind::Kind;

/// The kind of the objects, and whether messages may advise `spec.lifecycle.adoption`.
fn row<K: Kind>(kind: ManagedKind) -> (String, bool) {
    (kind.name().to_owned(), K::WORDS.adopts)
}

#[test]
fn messages_advise_adoption_exactly_where_specs_have_it() {
    let told = BTreeMap::from([
        row::<Servers>(ManagedKind::TransferServer),
        row::<Users>(ManagedKind::TransferUser),
        row::<Accesses>(ManagedKind::TransferAccess),
        row::<Workflows>(ManagedKind::TransferWorkflow),
        row::<Profiles>(ManagedKind::TransferProfile),
        row::<Connectors>(ManagedKind::TransferConnector),
        row::<WebApps>(ManagedKind::TransferWebApp),
        row::<Agreements>(ManagedKind::TransferAgreement),
        row::<Certificates>(ManagedKind::TransferCertificate),
    ]);
    let has = |crd: Value| {
        let lifecycle = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/lifecycle/properties";
        let kind = crd["spec"]["names"]["kind"].as_str().unwrap().to_owned();
        crd.pointer(lifecycle).map(|members| (kind, members.get("adoption").is_some()))
    };
    let specs: BTreeMap<_, _> = all_crds().into_iter().filter_map(|crd| has(json!(crd))).collect();
    assert_eq!((told.len(), &told), (ManagedKind::ALL.len(), &specs));
}
