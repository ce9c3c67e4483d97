//! The next UpdateServer of a server that is OFFLINE, out of what is left to change. Pure.
//!
//! Addresses go off before subnets, type or kind of address change, and on once those are as wanted: AWS refuses any
//! other order. Each call is planned anew from what AWS shows, so that the sequence goes on wherever it stopped.

use serde_json::Value;

use crate::api::status::OperationRecord;
use crate::aws::Mutation;
use crate::aws::transfer::{EndpointDetails, Server, ServerSettings, UpdateServer};
use crate::engine::diff::Change;
use crate::engine::kind::PlannedCall;
use crate::engine::reason::Reason;

use super::super::members::ADDRESSES;
use super::super::update::update;
use super::super::wanted::WantedServer;

/// Members that AWS does not change while addresses are attached.
const BEFORE_ADDRESSES: [&str; 4] =
    ["endpointType", "endpointDetails.subnetIds", "endpointDetails.vpcEndpointId", "ipAddressType"];

/// The next call towards what is wanted; nothing where all of it is so. `offline` is what goes only while it is OFFLINE,
/// or with what does. `foreign` are the addresses that this object never set and that came off for it.
///
/// # Errors
/// A defect in the table of members.
pub fn towards(
    want: &WantedServer,
    server: &Server,
    offline: &[Change],
    foreign: &[String],
) -> Result<Option<PlannedCall>, Reason> {
    let (held, target) = (addresses(&server.settings), wanted_addresses(server, offline, foreign));
    let rest: Vec<Change> = offline.iter().filter(|change| change.path != ADDRESSES).cloned().collect();
    let own: Vec<Change> = offline.iter().filter(|change| change.path == ADDRESSES).cloned().collect();
    if !held.is_empty() && rest.iter().any(excludes_addresses) {
        let changes = if target.is_empty() { own } else { Vec::new() };
        return Ok(Some(attach(server, Vec::new(), changes)));
    }
    if let Some(mut call) = update(want, server, rest)? {
        call.operation = true;
        fit(&mut call, want);
        return Ok(Some(call));
    }
    Ok((target != held).then(|| attach(server, target, own)))
}

/// Whether AWS refuses the change while addresses are attached.
fn excludes_addresses(change: &Change) -> bool {
    match change.path.as_str() {
        "protocols" => change.want.as_array().is_some_and(|offered| offered.iter().any(|one| one == "FTP")),
        path => BEFORE_ADDRESSES.contains(&path),
    }
}

/// The next call towards the addresses that were taken off for a change that is not to be; nothing where they are on
/// again, or cannot be.
#[must_use]
pub fn back(server: &Server, record: &OperationRecord) -> Option<PlannedCall> {
    let OperationRecord { prior_address_allocation_ids, prior_subnet_ids, .. } = record;
    let in_vpc = server.settings.endpoint_type.as_deref() == Some("VPC");
    let held = addresses(&server.settings);
    if !in_vpc || prior_address_allocation_ids.is_empty() || held == *prior_address_allocation_ids {
        return None;
    }
    if subnets(&server.settings) == *prior_subnet_ids {
        return Some(attach(server, prior_address_allocation_ids.clone(), Vec::new()));
    }
    if !held.is_empty() {
        return Some(attach(server, Vec::new(), Vec::new()));
    }
    let details = EndpointDetails { subnet_ids: Some(prior_subnet_ids.clone()), ..EndpointDetails::default() };
    Some(network(server, details, Vec::new()))
}

/// The addresses that a server has, in the order of its subnets.
#[must_use]
pub fn addresses(settings: &ServerSettings) -> Vec<String> {
    let details = settings.endpoint_details.as_ref();
    details.and_then(|details| details.address_allocation_ids.clone()).unwrap_or_default()
}

/// Its subnets.
#[must_use]
pub fn subnets(settings: &ServerSettings) -> Vec<String> {
    let details = settings.endpoint_details.as_ref();
    details.and_then(|details| details.subnet_ids.clone()).unwrap_or_default()
}

/// Those of the spec; where it says nothing of them, those that somebody else attached, if they fit.
fn wanted_addresses(server: &Server, offline: &[Change], foreign: &[String]) -> Vec<String> {
    if let Some(change) = offline.iter().find(|change| change.path == ADDRESSES) {
        let listed = change.want.as_array().into_iter().flatten().filter_map(Value::as_str);
        return listed.map(str::to_owned).collect();
    }
    let settings = &server.settings;
    let held = addresses(settings);
    let offers_ftp = settings.protocols.iter().flatten().any(|offered| offered == "FTP");
    let fits = settings.endpoint_type.as_deref() == Some("VPC")
        && settings.ip_address_type.as_deref() != Some("DUALSTACK")
        && !offers_ftp
        && foreign.len() == subnets(settings).len();
    if held.is_empty() && fits { foreign.to_vec() } else { held }
}

fn attach(server: &Server, addresses: Vec<String>, changes: Vec<Change>) -> PlannedCall {
    let details = EndpointDetails { address_allocation_ids: Some(addresses), ..EndpointDetails::default() };
    network(server, details, changes)
}

fn network(server: &Server, details: EndpointDetails, changes: Vec<Change>) -> PlannedCall {
    let settings = Box::new(ServerSettings { endpoint_details: Some(details), ..ServerSettings::default() });
    let update = UpdateServer { server_id: server.server_id.clone(), settings };
    PlannedCall { operation: true, ..PlannedCall::new(Mutation::UpdateServer(update), changes) }
}

/// What the general update does not know of a network: addresses have a call of their own, a public server has no
/// details, and only an endpoint that is being made takes security groups.
fn fit(call: &mut PlannedCall, want: &WantedServer) {
    let details = want.settings.endpoint_details.as_ref();
    let groups = details.and_then(|details| details.security_group_ids.clone());
    for call in std::iter::once(&mut call.mutation).chain(call.parts.iter_mut().map(|part| &mut part.mutation)) {
        let Mutation::UpdateServer(UpdateServer { settings, .. }) = call else { continue };
        let to = settings.endpoint_type.clone();
        if to.as_deref() == Some("PUBLIC") {
            settings.endpoint_details = None;
        }
        if let Some(details) = &mut settings.endpoint_details {
            details.address_allocation_ids = None;
            if to.as_deref() == Some("VPC") {
                details.security_group_ids.clone_from(&groups);
            }
        }
    }
    for part in &mut call.parts {
        part.operation = true;
    }
}
