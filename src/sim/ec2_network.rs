//! The network of servers as EC2 shows it: their endpoints, an interface for each subnet, elastic addresses. All of it
//! follows from the servers and the addresses of the region, so nothing here can disagree with them.

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::config::{Config, Leniency};
use super::error::{Answer, ApiError};
use super::model::{EndpointDetails, Server, Settings};
use super::network;
use super::state::{Context, Region};

/// The endpoint that AWS made for a server.
#[must_use]
pub fn endpoint_of(server: &Server) -> Option<&String> {
    own(server)?.vpc_endpoint_id.as_ref()
}

/// The security groups of a server's endpoint: without any it has the default one of its VPC.
#[must_use]
pub fn groups(server: &Server) -> Vec<String> {
    let Some(details) = own(server) else { return Vec::new() };
    let set = details.security_group_ids.clone().filter(|groups| !groups.is_empty());
    set.unwrap_or_else(|| vec![derived("sg", details.vpc_id.as_deref().unwrap_or_default())])
}

/// The rows of `DescribeVpcEndpoints`.
#[must_use]
pub fn endpoints(region: &Region, context: &Context<'_>) -> Vec<Value> {
    let servers = region.servers.values().filter(|server| lives(server, context.now));
    servers.filter_map(|server| endpoint(server, context)).collect()
}

/// The rows of `DescribeNetworkInterfaces`: those of the endpoints, one in each subnet.
#[must_use]
pub fn interfaces(region: &Region, context: &Context<'_>) -> Vec<Value> {
    let servers = region.servers.values().filter(|server| lives(server, context.now));
    servers.flat_map(|server| interfaces_of(server, context)).collect()
}

/// The rows of `DescribeAddresses`: what the account was given, and what servers have.
#[must_use]
pub fn addresses(region: &Region, context: &Context<'_>) -> Vec<Value> {
    let servers = || region.servers.values().filter(|server| lives(server, context.now));
    let attached = servers().flat_map(|server| attached(&server.settings).iter().map(move |id| (id, server)));
    let mut rows: Vec<Value> = attached.clone().map(|(id, server)| address_of(id, server, context)).collect();
    let others = region.addresses.iter().filter(|(id, _)| !attached.clone().any(|(other, _)| other == *id));
    rows.extend(others.map(|(id, address)| {
        let holder = address.taken_by.as_deref();
        let interface = holder.map(|holder| {
            json!({
                "networkInterfaceId": derived("eni", holder), "privateIpAddress": private_address(holder),
                "networkInterfaceOwnerId": context.account, "associationId": derived("eipassoc", id),
                "instanceId": holder.starts_with("i-").then_some(holder),
            })
        });
        super::wire::joined(unattached(id, context), interface.unwrap_or_else(|| json!({})))
    }));
    rows
}

/// Refuses elastic addresses that a server gets and that are not there or not free.
///
/// # Errors
/// `InvalidRequestException`. The words are not AWS's, which nobody has published.
pub fn check_addresses(region: &Region, server: &Server, next: &Settings, context: &Context<'_>) -> Answer<()> {
    let held = attached(&server.settings);
    for id in attached(next).iter().filter(|id| !held.contains(id)) {
        let mut others =
            region.servers.values().filter(|other| other.gone.is_none() && other.server_id != server.server_id);
        let known = region.addresses.get(id);
        if known.is_some_and(|address| address.taken_by.is_some())
            || others.any(|other| attached(&other.settings).contains(id))
        {
            return Err(ApiError::invalid(format!("Elastic IP address {id} is already associated")));
        }
        if known.is_none() && unknown_refused(context.config) {
            return Err(ApiError::invalid(format!("The allocation ID '{id}' does not exist")));
        }
    }
    Ok(())
}

fn unknown_refused(config: &Config) -> bool {
    config.unknown_addresses == Leniency::Refuse
}

fn endpoint(server: &Server, context: &Context<'_>) -> Option<Value> {
    let details = own(server)?;
    let id = details.vpc_endpoint_id.as_deref()?;
    let pending = network::endpoint_pending(server, context.now);
    let subnets = details.subnet_ids.clone().unwrap_or_default();
    let region = context.region;
    Some(json!({
        "vpcEndpointId": id,
        "vpcEndpointType": "Interface",
        "vpcId": details.vpc_id,
        "serviceName": format!("com.amazonaws.{region}.transfer.server"),
        "state": if pending { "pending" } else { "available" },
        "routeTableIdSet": [],
        "subnetIdSet": subnets,
        "groupSet": group_set(server),
        "ipAddressType": if server.settings.ip_address_type == "DUALSTACK" { "dualstack" } else { "ipv4" },
        "privateDnsEnabled": false,
        "requesterManaged": false,
        "networkInterfaceIdSet": interfaces_of(server, context).iter().map(|row| row.get("networkInterfaceId").cloned()).collect::<Vec<_>>(),
        "dnsEntrySet": dns_names(id, &subnets, region).into_iter()
            .map(|name| json!({"dnsName": name, "hostedZoneId": "Z0SIMULATED"})).collect::<Vec<_>>(),
        "creationTimestamp": server.created.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string(),
        "tagSet": [],
        "ownerId": context.account,
    }))
}

/// The name of the whole endpoint first, then one for each zone, as AWS lists them.
fn dns_names(id: &str, subnets: &[String], region: &str) -> Vec<String> {
    let label: String = digest(id).chars().take(8).collect();
    let name = |zone: &str| format!("{id}-{label}{zone}.server.transfer.{region}.vpce.amazonaws.com");
    let zones = zones(subnets, region).map(|(_, zone)| name(&format!("-{zone}")));
    std::iter::once(name("")).chain(zones).collect()
}

/// Each subnet with a zone of its own.
fn zones<'a>(subnets: &'a [String], region: &str) -> impl Iterator<Item = (&'a String, String)> {
    subnets.iter().zip('a'..='z').map(move |(subnet, letter)| (subnet, format!("{region}{letter}")))
}

/// While the endpoint is in transition, its interfaces are not there.
fn interfaces_of(server: &Server, context: &Context<'_>) -> Vec<Value> {
    let Some((details, id)) = own(server).zip(endpoint_of(server)) else { return Vec::new() };
    if network::endpoint_pending(server, context.now) {
        return Vec::new();
    }
    let subnets = details.subnet_ids.as_deref().unwrap_or_default();
    let addresses = attached(&server.settings).iter().map(Some).chain(std::iter::repeat(None));
    zones(subnets, context.region).zip(addresses).map(|((subnet, zone), address)| {
        let place = format!("{id}/{subnet}");
        let association = address.map(|address| json!({
            "allocationId": address, "associationId": derived("eipassoc", address),
            "publicIp": public_address(address), "ipOwnerId": context.account,
        }));
        json!({
            "networkInterfaceId": derived("eni", &place),
            "subnetId": subnet,
            "vpcId": details.vpc_id,
            "availabilityZone": zone,
            "description": format!("VPC Endpoint Interface {id}"),
            "ownerId": context.account,
            "requesterManaged": true,
            "status": "in-use",
            "interfaceType": "vpc_endpoint",
            "groupSet": group_set(server),
            "privateIpAddress": private_address(&place),
            "association": association,
            "privateIpAddressesSet": [{"privateIpAddress": private_address(&place), "primary": true, "association": association}],
            "tagSet": [],
        })
    }).collect()
}

fn address_of(id: &str, server: &Server, context: &Context<'_>) -> Value {
    let rows = interfaces_of(server, context);
    let holds = |row: &&Value| row.pointer("/association/allocationId").and_then(Value::as_str) == Some(id);
    let interface = rows.iter().find(holds).map(|row| {
        json!({
            "networkInterfaceId": row.get("networkInterfaceId"), "privateIpAddress": row.get("privateIpAddress"),
            "networkInterfaceOwnerId": context.account, "associationId": derived("eipassoc", id),
        })
    });
    super::wire::joined(unattached(id, context), interface.unwrap_or_else(|| json!({})))
}

fn unattached(id: &str, context: &Context<'_>) -> Value {
    json!({
        "allocationId": id, "publicIp": public_address(id), "domain": "vpc",
        "publicIpv4Pool": "amazon", "networkBorderGroup": context.region, "tagSet": [],
    })
}

/// Where AWS, not the caller, made the endpoint.
fn own(server: &Server) -> Option<&EndpointDetails> {
    server.settings.endpoint_details.as_ref().filter(|_| server.settings.endpoint_type == "VPC")
}

fn attached(settings: &Settings) -> &[String] {
    let details = settings.endpoint_details.as_ref();
    details.and_then(|details| details.address_allocation_ids.as_deref()).unwrap_or_default()
}

fn lives(server: &Server, now: Timestamp) -> bool {
    server.gone.is_none_or(|gone| now < gone)
}

fn group_set(server: &Server) -> Vec<Value> {
    groups(server).into_iter().map(|id| json!({"groupName": format!("name-of-{id}"), "groupId": id})).collect()
}

/// An address of the block that RFC 2544 sets aside for tests of networks: public in form, nobody's in fact.
fn public_address(of: &str) -> String {
    let [a, b, ..] = hash(of);
    format!("198.18.{a}.{b}")
}

fn private_address(of: &str) -> String {
    let [a, b, c, ..] = hash(of);
    format!("10.{a}.{b}.{c}")
}

/// An identifier that follows from what it identifies.
fn derived(prefix: &str, of: &str) -> String {
    let digits: String = digest(of).chars().take(17).collect();
    format!("{prefix}-{digits}")
}

fn digest(of: &str) -> String {
    format!("{:x}", Sha256::digest(of.as_bytes()))
}

fn hash(of: &str) -> [u8; 32] {
    Sha256::digest(of.as_bytes()).into()
}
