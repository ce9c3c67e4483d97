//! The network of servers and web apps as EC2 shows it: their endpoints, an interface for each subnet, elastic addresses.
//! All of it follows from what the region holds, so nothing here can disagree with it.

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::config::{Config, Leniency};
use super::error::{Answer, ApiError};
use super::model::{EndpointDetails, Server, Settings};
use super::network;
use super::partners::WebApp;
use super::shelf::Kept;
use super::state::{Context, Region};

/// A VPC endpoint that AWS made.
struct Place<'r> {
    id: &'r str,
    vpc_id: Option<&'r str>,
    subnets: &'r [String],
    groups: Vec<String>,
    addresses: &'r [String],
    /// What it is the endpoint of, as it stands in names.
    service: &'static str,
    dualstack: bool,
    pending: bool,
    created: Timestamp,
}

/// The security groups of an endpoint, to be changed.
#[derive(Debug)]
pub struct Groups<'r> {
    /// Whether the endpoint is in transition.
    pub pending: bool,
    /// Those that it has.
    pub held: Vec<String>,
    kept: &'r mut Option<Vec<String>>,
}

impl Groups<'_> {
    /// Puts others in their place.
    pub fn set(self, next: Vec<String>) {
        *self.kept = Some(next);
    }
}

/// The security groups of the endpoint of that id.
pub fn groups_of<'r>(region: &'r mut Region, id: &str, now: Timestamp) -> Option<Groups<'r>> {
    let is = |endpoint: Option<&String>| endpoint.is_some_and(|own| own == id);
    let of_server =
        |server: &&mut Server| server.gone.is_none() && is(own(server).and_then(|d| d.vpc_endpoint_id.as_ref()));
    if let Some(server) = region.servers.values_mut().find(of_server) {
        let pending = network::endpoint_pending(server, now);
        let details = server.settings.endpoint_details.as_mut()?;
        let held = groups(details.security_group_ids.as_ref(), details.vpc_id.as_deref());
        return Some(Groups { pending, held, kept: &mut details.security_group_ids });
    }
    let of_web_app = |web_app: &&mut WebApp| is(web_app.vpc.as_ref().and_then(|vpc| vpc.vpc_endpoint_id.as_ref()));
    let web_app = region.web_apps.living_mut().find(of_web_app)?;
    let pending = now < web_app.endpoint_ready;
    let vpc = web_app.vpc.as_mut()?;
    let held = groups(vpc.security_group_ids.as_ref(), vpc.vpc_id.as_deref());
    Some(Groups { pending, held, kept: &mut vpc.security_group_ids })
}

/// Without any, an endpoint has the default security group of its VPC.
fn groups(set: Option<&Vec<String>>, vpc_id: Option<&str>) -> Vec<String> {
    let set = set.filter(|groups| !groups.is_empty());
    set.cloned().unwrap_or_else(|| vec![derived("sg", vpc_id.unwrap_or_default())])
}

fn places<'r>(region: &'r Region, context: &Context<'_>) -> Vec<Place<'r>> {
    let now = context.now;
    let servers = region.servers.values().filter(|server| lives(server, now));
    let web_apps = region.web_apps.iter().filter_map(|(_, kept)| of_web_app(kept, now));
    servers.filter_map(|server| of_server(server, now)).chain(web_apps).collect()
}

fn of_server(server: &Server, now: Timestamp) -> Option<Place<'_>> {
    let details = own(server)?;
    Some(Place {
        id: details.vpc_endpoint_id.as_deref()?,
        vpc_id: details.vpc_id.as_deref(),
        subnets: details.subnet_ids.as_deref().unwrap_or_default(),
        groups: groups(details.security_group_ids.as_ref(), details.vpc_id.as_deref()),
        addresses: attached(&server.settings),
        service: "server",
        dualstack: server.settings.ip_address_type == "DUALSTACK",
        pending: network::endpoint_pending(server, now),
        created: server.created,
    })
}

/// Its name as a service is not AWS's, which nobody has published.
fn of_web_app(kept: &Kept<WebApp>, now: Timestamp) -> Option<Place<'_>> {
    let vpc = kept.what.vpc.as_ref().filter(|_| kept.gone.is_none_or(|gone| now < gone))?;
    Some(Place {
        id: vpc.vpc_endpoint_id.as_deref()?,
        vpc_id: vpc.vpc_id.as_deref(),
        subnets: vpc.subnet_ids.as_deref().unwrap_or_default(),
        groups: groups(vpc.security_group_ids.as_ref(), vpc.vpc_id.as_deref()),
        addresses: &[],
        service: "webapp",
        dualstack: vpc.ip_address_type.as_deref() == Some("DUALSTACK"),
        pending: now < kept.what.endpoint_ready,
        created: kept.created,
    })
}

/// The rows of `DescribeVpcEndpoints`.
#[must_use]
pub fn endpoints(region: &Region, context: &Context<'_>) -> Vec<Value> {
    places(region, context).iter().map(|place| endpoint(place, context)).collect()
}

/// The rows of `DescribeNetworkInterfaces`: those of the endpoints, one in each subnet.
#[must_use]
pub fn interfaces(region: &Region, context: &Context<'_>) -> Vec<Value> {
    places(region, context).iter().flat_map(|place| interfaces_of(place, context)).collect()
}

/// The rows of `DescribeAddresses`: what the account was given, and what servers have.
#[must_use]
pub fn addresses(region: &Region, context: &Context<'_>) -> Vec<Value> {
    let places = places(region, context);
    let attached = places.iter().flat_map(|place| place.addresses.iter().map(move |id| (id, place)));
    let mut rows: Vec<Value> = attached.clone().map(|(id, place)| address_of(id, place, context)).collect();
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

fn endpoint(place: &Place<'_>, context: &Context<'_>) -> Value {
    let region = context.region;
    json!({
        "vpcEndpointId": place.id,
        "vpcEndpointType": "Interface",
        "vpcId": place.vpc_id,
        "serviceName": format!("com.amazonaws.{region}.transfer.{}", place.service),
        "state": if place.pending { "pending" } else { "available" },
        "routeTableIdSet": [],
        "subnetIdSet": place.subnets,
        "groupSet": group_set(place),
        "ipAddressType": if place.dualstack { "dualstack" } else { "ipv4" },
        "privateDnsEnabled": false,
        "requesterManaged": false,
        "networkInterfaceIdSet": interfaces_of(place, context).iter().map(|row| row.get("networkInterfaceId").cloned()).collect::<Vec<_>>(),
        "dnsEntrySet": dns_names(place, region).into_iter()
            .map(|name| json!({"dnsName": name, "hostedZoneId": "Z0SIMULATED"})).collect::<Vec<_>>(),
        "creationTimestamp": place.created.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string(),
        "tagSet": [],
        "ownerId": context.account,
    })
}

/// The name of the whole endpoint first, then one for each zone, as AWS lists them.
fn dns_names(place: &Place<'_>, region: &str) -> Vec<String> {
    let Place { id, service, .. } = place;
    let label: String = digest(id).chars().take(8).collect();
    let name = |zone: &str| format!("{id}-{label}{zone}.{service}.transfer.{region}.vpce.amazonaws.com");
    let zones = zones(place.subnets, region).map(|(_, zone)| name(&format!("-{zone}")));
    std::iter::once(name("")).chain(zones).collect()
}

/// Each subnet with a zone of its own.
fn zones<'a>(subnets: &'a [String], region: &str) -> impl Iterator<Item = (&'a String, String)> {
    subnets.iter().zip('a'..='z').map(move |(subnet, letter)| (subnet, format!("{region}{letter}")))
}

/// While the endpoint is in transition, its interfaces are not there.
fn interfaces_of(place: &Place<'_>, context: &Context<'_>) -> Vec<Value> {
    if place.pending {
        return Vec::new();
    }
    let id = place.id;
    let addresses = place.addresses.iter().map(Some).chain(std::iter::repeat(None));
    zones(place.subnets, context.region).zip(addresses).map(|((subnet, zone), address)| {
        let spot = format!("{id}/{subnet}");
        let association = address.map(|address| json!({
            "allocationId": address, "associationId": derived("eipassoc", address),
            "publicIp": public_address(address), "ipOwnerId": context.account,
        }));
        json!({
            "networkInterfaceId": derived("eni", &spot),
            "subnetId": subnet,
            "vpcId": place.vpc_id,
            "availabilityZone": zone,
            "description": format!("VPC Endpoint Interface {id}"),
            "ownerId": context.account,
            "requesterManaged": true,
            "status": "in-use",
            "interfaceType": "vpc_endpoint",
            "groupSet": group_set(place),
            "privateIpAddress": private_address(&spot),
            "association": association,
            "privateIpAddressesSet": [{"privateIpAddress": private_address(&spot), "primary": true, "association": association}],
            "tagSet": [],
        })
    }).collect()
}

fn address_of(id: &str, place: &Place<'_>, context: &Context<'_>) -> Value {
    let rows = interfaces_of(place, context);
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

fn group_set(place: &Place<'_>) -> Vec<Value> {
    place.groups.iter().map(|id| json!({"groupName": format!("name-of-{id}"), "groupId": id})).collect()
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
