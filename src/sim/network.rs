//! The network of a server: endpoint type, VPC, subnets, elastic addresses.
//! An equal value is no change here, so it breaks no rule; that is how the service compares.

use jiff::Timestamp;

use super::config::ConflictOn;
use super::error::{Answer, ApiError};
use super::input::Changes;
use super::model::{EndpointDetails, Server, Settings};
use super::state::Context;
use super::time::after;

/// Elastic addresses of a server; not adjustable.
const ADDRESSES: usize = 3;

/// Whether the VPC endpoint of a server is still in transition.
#[must_use]
pub fn endpoint_pending(server: &Server, now: Timestamp) -> bool {
    server.settings.endpoint_type == "VPC" && now < server.endpoint_ready
}

/// `EndpointDetails` as Describe returns them: never the security groups.
#[must_use]
pub fn shown(settings: &Settings) -> Option<EndpointDetails> {
    let details = settings.endpoint_details.clone()?;
    Some(EndpointDetails { security_group_ids: None, ..details })
}

/// The network of a new server.
///
/// # Errors
/// `InvalidRequestException` for what cannot be set at creation or does not go together.
pub fn created(changes: &Changes, kind: &str, context: &mut Context<'_>) -> Answer<Option<EndpointDetails>> {
    let details = changes.endpoint_details.clone().unwrap_or_default();
    if some(details.address_allocation_ids.as_ref()).is_some() {
        return Err(ApiError::invalid("AddressAllocationIds cannot be set in CreateServer"));
    }
    fresh(kind, details, context)
}

/// Settings with another network, and when its endpoint can be used.
#[derive(Debug)]
pub struct Moved {
    /// The server's settings with the new network.
    pub settings: Settings,
    /// In transition until then.
    pub endpoint_ready: Timestamp,
}

/// What an update makes of the network of a server.
///
/// # Errors
/// `ConflictException` while the endpoint is in transition, `InvalidRequestException` for broken rules.
pub fn changed(server: &Server, changes: &Changes, context: &mut Context<'_>) -> Answer<Moved> {
    let old = &server.settings;
    let mut next = old.clone();
    let state = server.lifecycle.real(context.now);
    let pending = endpoint_pending(server, context.now);
    if pending && context.config.conflict == ConflictOn::AnyUpdate {
        return Err(conflict());
    }
    if let Some(kind) = &changes.ip_address_type {
        if *kind != old.ip_address_type && state != "OFFLINE" {
            return Err(offline("IpAddressType"));
        }
        next.ip_address_type.clone_from(kind);
    }
    let kind = changes.endpoint_type.as_deref();
    let kind = kind.unwrap_or(&old.endpoint_type);
    let sent = changes.endpoint_details.clone().unwrap_or_default();
    next.endpoint_details = if kind == old.endpoint_type {
        same_type(old, sent, state, context)?
    } else {
        other_type(kind, sent, state, context)?
    };
    kind.clone_into(&mut next.endpoint_type);
    let moves = next.endpoint_details != old.endpoint_details;
    if moves && pending {
        return Err(conflict());
    }
    Ok(Moved {
        settings: next,
        endpoint_ready: if moves { after(context.now, context.config.endpoint_lag) } else { server.endpoint_ready },
    })
}

/// Rules between the network and the other settings.
///
/// # Errors
/// `InvalidRequestException`.
pub fn check(settings: &Settings) -> Answer<()> {
    let details = settings.endpoint_details.as_ref();
    let attached = details.is_some_and(|d| d.address_allocation_ids.is_some());
    let dual = settings.ip_address_type == "DUALSTACK";
    let broken = if attached && settings.protocols.iter().any(|p| p == "FTP") {
        "AddressAllocationIds cannot be set for protocol FTP"
    } else if attached && dual {
        "AddressAllocationIds cannot be set for IpAddressType: DUALSTACK"
    } else if dual && settings.endpoint_type == "VPC_ENDPOINT" {
        "IpAddressType DUALSTACK is not supported for EndpointType: VPC_ENDPOINT"
    } else {
        return Ok(());
    };
    Err(ApiError::invalid(broken))
}

/// The details of an endpoint type that the server did not have before.
fn fresh(kind: &str, details: EndpointDetails, context: &mut Context<'_>) -> Answer<Option<EndpointDetails>> {
    if !context.config.endpoint_types.iter().any(|t| t == kind) {
        return Err(ApiError::invalid(format!("Invalid server type: {kind}")));
    }
    match kind {
        "VPC" => {
            if details.vpc_endpoint_id.is_some() {
                return Err(foreign_endpoint_id());
            }
            let vpc = details
                .vpc_id
                .filter(|v| !v.is_empty())
                .ok_or_else(|| ApiError::invalid("VpcId must be specified for EndpointType: VPC"))?;
            let subnets = some(details.subnet_ids.as_ref()).cloned();
            unique("SubnetIds", subnets.as_deref())?;
            Ok(Some(EndpointDetails {
                address_allocation_ids: None,
                subnet_ids: subnets,
                vpc_endpoint_id: Some(context.random.id("vpce")),
                vpc_id: Some(vpc),
                security_group_ids: some(details.security_group_ids.as_ref()).cloned(),
            }))
        }
        "VPC_ENDPOINT" => {
            let EndpointDetails {
                vpc_endpoint_id: Some(id),
                address_allocation_ids: None,
                subnet_ids: None,
                vpc_id: None,
                security_group_ids: None,
            } = details
            else {
                return Err(ApiError::invalid("Unable to verify VPC Endpoint"));
            };
            Ok(Some(EndpointDetails { vpc_endpoint_id: Some(id), ..EndpointDetails::default() }))
        }
        _ if details == EndpointDetails::default() => Ok(None),
        _ => Err(ApiError::invalid("EndpointDetails cannot be specified for EndpointType: PUBLIC")),
    }
}

fn other_type(
    kind: &str,
    sent: EndpointDetails,
    state: &str,
    context: &mut Context<'_>,
) -> Answer<Option<EndpointDetails>> {
    if state != "OFFLINE" {
        return Err(offline("EndpointType"));
    }
    if some(sent.address_allocation_ids.as_ref()).is_some() {
        return Err(ApiError::invalid(format!(
            "Cannot specify AddressAllocationids when updating server to EndpointType: {kind}"
        )));
    }
    fresh(kind, sent, context)
}

/// The details after an update that leaves the endpoint type alone.
fn same_type(
    old: &Settings,
    sent: EndpointDetails,
    state: &str,
    context: &mut Context<'_>,
) -> Answer<Option<EndpointDetails>> {
    if sent == EndpointDetails::default() || old.endpoint_details.as_ref() == Some(&sent) {
        return Ok(old.endpoint_details.clone());
    }
    match old.endpoint_type.as_str() {
        "VPC" => {
            let held = old.endpoint_details.clone().unwrap_or_default();
            same_vpc(&held, &sent, state).map(Some)
        }
        kind => {
            let fresh = fresh(kind, sent, context)?;
            if fresh != old.endpoint_details && state != "OFFLINE" {
                return Err(offline("VpcEndpointId"));
            }
            Ok(fresh)
        }
    }
}

fn same_vpc(held: &EndpointDetails, sent: &EndpointDetails, state: &str) -> Answer<EndpointDetails> {
    if sent.vpc_endpoint_id.is_some() && sent.vpc_endpoint_id != held.vpc_endpoint_id {
        return Err(foreign_endpoint_id());
    }
    if sent.vpc_id.is_some() && sent.vpc_id != held.vpc_id {
        return Err(ApiError::invalid("Changing VpcId is not supported"));
    }
    let groups = some(sent.security_group_ids.as_ref());
    if groups.is_some_and(|g| !same_set(g, held.security_group_ids.as_deref())) {
        return Err(ApiError::invalid("Changing Security Group is not supported"));
    }
    let mut next = held.clone();
    if let Some(subnets) = &sent.subnet_ids {
        next.subnet_ids = Some(subnets.clone()).filter(|s| !s.is_empty());
        change_subnets(held, &next, sent, state)?;
    }
    if let Some(addresses) = &sent.address_allocation_ids {
        next.address_allocation_ids = Some(addresses.clone()).filter(|a| !a.is_empty());
        change_addresses(held, &next, state)?;
    }
    Ok(next)
}

fn change_subnets(held: &EndpointDetails, next: &EndpointDetails, sent: &EndpointDetails, state: &str) -> Answer<()> {
    if next.subnet_ids == held.subnet_ids {
        return Ok(());
    }
    if held.address_allocation_ids.is_some() {
        return Err(ApiError::invalid("AddressAllocationIds must be removed before SubnetIds can be modified"));
    }
    if some(sent.address_allocation_ids.as_ref()).is_some() {
        return Err(ApiError::invalid(
            "Specified SubnetIds must exist in the server before attaching AddressAllocationIds",
        ));
    }
    if !["ONLINE", "OFFLINE"].contains(&state) {
        return Err(ApiError::invalid("Server must be ONLINE or OFFLINE to change SubnetIds"));
    }
    unique("SubnetIds", next.subnet_ids.as_deref())
}

fn change_addresses(held: &EndpointDetails, next: &EndpointDetails, state: &str) -> Answer<()> {
    if next.address_allocation_ids == held.address_allocation_ids {
        return Ok(());
    }
    if state != "OFFLINE" {
        return Err(offline("AddressAllocationIds"));
    }
    let Some(addresses) = &next.address_allocation_ids else {
        return Ok(());
    };
    let subnets = next.subnet_ids.as_ref().map_or(0, Vec::len);
    if subnets == 0 {
        return Err(ApiError::invalid(
            "Specified SubnetIds must exist in the server before attaching AddressAllocationIds",
        ));
    }
    if addresses.len() > ADDRESSES {
        return Err(ApiError::quota("AddressAllocationIds", ADDRESSES));
    }
    if addresses.len() != subnets {
        return Err(ApiError::invalid("AddressAllocationIds must have as many entries as SubnetIds"));
    }
    unique("AddressAllocationIds", Some(addresses))
}

/// A server of this type names no endpoint but its own.
fn foreign_endpoint_id() -> ApiError {
    ApiError::invalid("VPC Endpoint ID unsupported for EndpointType: VPC")
}

fn offline(member: &str) -> ApiError {
    ApiError::invalid(format!("Server must be OFFLINE to change {member}"))
}

fn conflict() -> ApiError {
    ApiError::new("ConflictException", "VPC Endpoint state is not yet available")
}

fn some(list: Option<&Vec<String>>) -> Option<&Vec<String>> {
    list.filter(|l| !l.is_empty())
}

fn same_set(one: &[String], other: Option<&[String]>) -> bool {
    let other = other.unwrap_or_default();
    one.iter().all(|x| other.contains(x)) && other.iter().all(|x| one.contains(x))
}

fn unique(name: &str, list: Option<&[String]>) -> Answer<()> {
    let mut sorted = list.unwrap_or_default().to_vec();
    let count = sorted.len();
    sorted.sort_unstable();
    sorted.dedup();
    if sorted.len() == count {
        return Ok(());
    }
    Err(ApiError::invalid(format!("{name} must not contain duplicates")))
}

#[cfg(test)]
#[path = "network_tests.rs"]
mod tests;
