//! What to send for a server, from what is wanted and what AWS has. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::ServerState;
use super::host_keys;
use super::members::{MEMBERS, SECURITY_GROUPS};
use super::want::WantedServer;
use crate::api::condition::reasons;
use crate::api::server::DesiredState;
use crate::api::{TransferServer, TransferServerStatus};
use crate::aws::Mutation;
use crate::aws::types::{Server, ServerSettings};
use crate::engine::diff::{self, Change, Effect, Member};
use crate::engine::kind::{Block, Plan, Wanted};
use crate::engine::owner::Owner;
use crate::kinds::tags;

/// The plan for a server that is there and ours.
#[must_use]
pub fn plan(object: &TransferServer, wanted: &Wanted<WantedServer>, have: &ServerState, owner: &Owner) -> Plan {
    let status = object.status.clone().unwrap_or_default();
    let (want, server) = (&wanted.want, &have.server);
    let changes = changes(wanted, server, &status);
    let mut plan = Plan { blocks: blocks(&changes), changes, ..Plan::default() };
    if want.unsupported || plan.blocks.iter().any(|block| block.reason == reasons::NOT_YET_SUPPORTED) {
        return plan;
    }
    plan.calls.extend(update(want, server, &plan.changes));
    plan.calls.extend(host_keys::calls(&server.server_id, want, &have.host_keys, &status.host_keys));
    let applied: BTreeSet<String> = status.common.applied.iter().flat_map(|applied| applied.tags.clone()).collect();
    plan.calls.extend(tags::calls(
        &server.arn,
        &tags::spelled(&want.tags, &server.tags),
        owner,
        &server.tags,
        &applied,
    ));
    run_state(want.state, server, &mut plan);
    plan
}

/// All differences, what AWS never returns among them.
fn changes(wanted: &Wanted<WantedServer>, server: &Server, status: &TransferServerStatus) -> Vec<Change> {
    let applied = status.common.applied.clone().unwrap_or_default();
    let paths: BTreeSet<String> = applied.paths.iter().cloned().collect();
    let want = json(&wanted.want.settings);
    let mut changes = diff::diff(&members(&want, server), &want, &json(&server.settings), &paths);
    let managed = provider(&wanted.want.settings, server) == "SERVICE_MANAGED";
    changes.retain(|change| !(managed && change.path.starts_with("identityProviderDetails.")));
    // Only compared where a record stands: after its loss nobody knows what was sent.
    let groups = |hashes: &BTreeMap<String, String>| hashes.get(SECURITY_GROUPS).cloned();
    if status.common.applied.is_some() && groups(&wanted.applied.hashes) != groups(&applied.hashes) {
        changes.push(Change {
            path: SECURITY_GROUPS.to_owned(),
            have: Value::Null,
            want: Value::Null,
            effect: Effect::Ec2,
        });
    }
    if let Some(domain) = wanted.want.domain.as_ref().filter(|domain| server.domain.as_ref() != Some(domain)) {
        changes.push(Change {
            path: "domain".to_owned(),
            have: server.domain.clone().into(),
            want: domain.clone().into(),
            effect: Effect::Replace,
        });
    }
    changes
}

/// The table, with what depends on the server: subnets change in place only where no elastic IPs are attached.
fn members(want: &Value, server: &Server) -> Vec<Member> {
    let details = server.settings.endpoint_details.as_ref();
    let attached =
        details.and_then(|details| details.address_allocation_ids.as_ref()).is_some_and(|ids| !ids.is_empty());
    let asked = want
        .pointer("/endpointDetails/addressAllocationIds")
        .and_then(Value::as_array)
        .is_some_and(|ids| !ids.is_empty());
    MEMBERS
        .iter()
        .map(|member| match member.path {
            "endpointDetails.subnetIds" if attached || asked => member.takes(Effect::Offline),
            _ => *member,
        })
        .collect()
}

fn provider<'a>(want: &'a ServerSettings, server: &'a Server) -> &'a str {
    let given = want.identity_provider_type.as_deref().or(server.settings.identity_provider_type.as_deref());
    given.unwrap_or("SERVICE_MANAGED")
}

/// Why some differences are not acted on.
fn blocks(changes: &[Change]) -> Vec<Block> {
    let paths = |wanted: &[Effect]| {
        let paths: Vec<String> = changes
            .iter()
            .filter(|change| wanted.contains(&change.effect))
            .map(|change| format!("spec.{}", change.path))
            .collect();
        (!paths.is_empty()).then(|| paths.join(", "))
    };
    let mut blocks = Vec::new();
    if let Some(paths) = paths(&[Effect::Restart, Effect::Offline, Effect::Ec2]) {
        let message = format!(
            "this version does not change {paths} on a server that exists (it takes a stop, or EC2); nothing is changed \
             while it differs"
        );
        blocks.push(Block::stalled(reasons::NOT_YET_SUPPORTED, message));
    }
    if let Some(paths) = paths(&[Effect::Replace]) {
        let message = format!("AWS cannot change {paths} of a server; set it back, or make a new server");
        blocks.push(Block::stalled(reasons::IMMUTABLE, message));
    }
    if let Some(paths) = paths(&[Effect::Refused]) {
        let message = format!("{paths} left the spec and AWS has no way to clear it; name a value");
        blocks.push(Block::stalled(reasons::CANNOT_CLEAR, message));
    }
    blocks
}

/// One UpdateServer with every changed member, each complete; members whose role may not be passed stay out.
fn update(want: &WantedServer, server: &Server, changes: &[Change]) -> Option<Mutation> {
    let live: Vec<Change> = changes
        .iter()
        .filter(|change| change.effect == Effect::Live)
        .filter(|change| !want.ungranted.iter().any(|path| same_member(path, &change.path)))
        .cloned()
        .collect();
    if live.is_empty() {
        return None;
    }
    let wanted = json(&want.settings);
    let request = diff::compose(MEMBERS, &wanted, &json(&server.settings), &live);
    let mut settings: ServerSettings = serde_json::from_value(Value::Object(request)).unwrap_or_default();
    if settings.identity_provider_details.is_some() {
        // AWS takes the details only together with the type.
        settings.identity_provider_type = Some(provider(&want.settings, server).to_owned());
    }
    if let Some(details) = &mut settings.endpoint_details
        && want.settings.endpoint_type.as_deref() == Some("VPC")
    {
        // Returned by AWS for its own endpoint, refused when sent back.
        details.vpc_endpoint_id = None;
    }
    Some(Mutation::UpdateServer { server_id: server.server_id.clone(), settings: Box::new(settings), host_key: None })
}

fn same_member(a: &str, b: &str) -> bool {
    let top = |path: &str| path.split('.').next().unwrap_or_default().to_owned();
    top(a) == top(b)
}

/// Starts or stops. Start only from OFFLINE or START_FAILED, stop only from ONLINE; every other state is waited out.
fn run_state(desired: DesiredState, server: &Server, plan: &mut Plan) {
    let server_id = server.server_id.clone();
    let state = server.state.as_deref().unwrap_or_default();
    match (desired, state) {
        (DesiredState::Online, "ONLINE") | (DesiredState::Offline, "OFFLINE") => {}
        (DesiredState::Online, "OFFLINE" | "START_FAILED") => plan.calls.push(Mutation::StartServer { server_id }),
        (DesiredState::Offline, "ONLINE") => plan.calls.push(Mutation::StopServer { server_id }),
        (_, "STOP_FAILED") => plan.blocks.push(Block::stalled(
            reasons::STOP_FAILED,
            format!("server {server_id} failed to stop; AWS's advice is to contact AWS Support"),
        )),
        (DesiredState::Offline, "START_FAILED") => plan.blocks.push(Block::stalled(
            reasons::START_FAILED,
            format!("server {server_id} failed to start; AWS's advice is to contact AWS Support"),
        )),
        (_, "STARTING") => plan.busy = Some((reasons::STARTING, format!("server {server_id} is starting"))),
        (_, "STOPPING") => plan.busy = Some((reasons::STOPPING, format!("server {server_id} is stopping"))),
        (_, other) => plan.busy = Some((reasons::WAITING_FOR_AWS, format!("server {server_id} is in state {other}"))),
    }
}

fn json(settings: &ServerSettings) -> Value {
    serde_json::to_value(settings).unwrap_or_default()
}
