//! What is proven of servers, piece by piece.
#![allow(clippy::needless_pass_by_value, clippy::default_trait_access)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod advice;
mod deletion;
mod diff;
mod endpoints;
mod features;
mod groups;
mod keys;
mod kms;
mod left_keys;
mod network;
mod reconciles;
mod replaced;
mod steps;
mod tag_index;
mod unset;
mod wants;
mod workflows;

use serde_json::{Value, json};

use super::ServerState;
use super::plan::{About, plan};
use super::wanted::WantedServer;
use crate::api::server::DesiredState;
use crate::api::status::Applied;
use crate::api::{TAG_PREFIX, TransferServer};
use crate::aws::Mutation;
use crate::aws::transfer::{Server, ServerSettings, Tags, UpdateServer};
use crate::engine::diff::Change;
use crate::engine::kind::{Plan, Wanted, When};
use crate::engine::owner::Owner;
use crate::kinds::fakes::{CLUSTER, REGION, object, owned};
use crate::ssh::PublicKey;

/// Some public key.
fn public() -> PublicKey {
    PublicKey::parse("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB").unwrap()
}

/// The object `files`, with a status.
fn files(status: Value) -> TransferServer {
    object("files", json!({"region": REGION}), status)
}

fn owner() -> Owner {
    Owner::new(CLUSTER, "team", "files", "uid-files")
}

/// What is wanted, with nothing but settings.
fn wanted(settings: Value) -> Wanted<WantedServer> {
    let settings: ServerSettings = serde_json::from_value(settings).unwrap();
    let want = WantedServer {
        domain: None,
        settings,
        state: DesiredState::Online,
        tags: Tags::new(),
        host_keys: None,
        host_keys_complete: true,
        exclusive_host_keys: false,
        confirmed_host_keys: Vec::new(),
        host_key_storage_type: None,
        ungranted: Vec::new(),
        held: Default::default(),
    };
    Wanted {
        want,
        blocks: Vec::new(),
        faults: Vec::new(),
        applied: Applied::default(),
        changes_at: None,
        operation: None,
        digest: String::new(),
    }
}

/// The server `s-1` of the object `files`, ONLINE, with these settings.
fn held(settings: Value) -> ServerState {
    let settings: ServerSettings = serde_json::from_value(settings).unwrap();
    let server = Server { settings, ..owned("s-1", "files") };
    let (host_keys, network) = (Vec::new(), Default::default());
    let (endpoints, login_test, policy, users, unmanaged) = Default::default();
    ServerState { server, host_keys, network, endpoints, login_test, policy, users, unmanaged }
}

/// The plan for this object, with nobody's grant withdrawn.
fn planned(object: &TransferServer, wanted: &Wanted<WantedServer>, have: &ServerState) -> Plan {
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    plan(&About { object, wanted, have, owner: &owner(), now, denied: false, held: false })
}

fn plan_of(wanted: &Wanted<WantedServer>, have: &ServerState, status: Value) -> Plan {
    let plan = planned(&files(status), wanted, have);
    for call in &plan.calls {
        assert!(!call.changes.is_empty(), "a call for nothing: {call:?}");
        let told = |change: &Change| plan.changes.contains(change) || change.path.contains(TAG_PREFIX);
        assert!(call.changes.iter().all(told), "not among the differences of the plan: {call:?}");
    }
    plan
}

/// The calls that are sent whatever AWS says of the others.
fn operations(plan: &Plan) -> Vec<&'static str> {
    plan.calls.iter().filter(|call| call.when == When::Always).map(|call| call.mutation.operation()).collect()
}

/// What the UpdateServer of a plan sends.
fn sent(plan: &Plan) -> Value {
    let update = plan.calls.iter().find_map(|call| match &call.mutation {
        Mutation::UpdateServer(UpdateServer { settings, .. }) => Some(serde_json::to_value(settings).unwrap()),
        _ => None,
    });
    update.unwrap_or(Value::Null)
}
