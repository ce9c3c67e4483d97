//! What EC2 shows of a server's network: the security groups of its endpoint, which AWS Transfer Family never returns,
//! and whether what a stop is for can be done at all. Asks EC2, and decides without it.

use std::collections::BTreeSet;

use serde_json::json;

use super::members::{ADDRESSES, SECURITY_GROUPS};
use super::offline::calls::{addresses, subnets};
use super::wanted::WantedServer;
use crate::api::condition::reasons;
use crate::api::status::{Applied, OperationPhase};
use crate::api::{TransferServer, TransferServerSpec};
use crate::aws::ec2::{DescribeAddresses, DescribeVpcEndpoints, ElasticAddress, ModifyVpcEndpoint, VpcEndpoint};
use crate::aws::transfer::Server;
use crate::aws::{Account, AwsError, AwsErrorKind, Mutation};
use crate::engine::diff::{Change, Effect};
use crate::engine::kind::PlannedCall;
use crate::engine::reason::Reason;

/// What was read; each part only where something depends on it.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// The endpoint that AWS made for the server.
    pub endpoint: Option<VpcEndpoint>,
    /// The elastic addresses of the spec that the server does not have.
    pub addresses: Vec<ElasticAddress>,
    /// Why EC2 does not tell of the endpoint, where it was asked.
    pub hidden_endpoint: Option<AwsError>,
    /// Why it does not tell of the addresses.
    pub hidden_addresses: Option<AwsError>,
}

/// Asks EC2 what the spec makes worth knowing. `server` was described in this reconcile, and is the object's own or what
/// it is to take over.
///
/// # Errors
/// Trouble that passes by itself. What EC2 refuses is part of the answer: it holds back these members and no others.
pub async fn look(object: &TransferServer, server: &Server, account: &Account) -> Result<Network, AwsError> {
    let mut network = Network::default();
    let own = endpoint_id(server);
    let status = object.status.as_ref().map(|status| &status.common);
    let record = status.and_then(|status| status.operation.as_ref()).filter(|record| record.goes_on());
    let stopped = record.is_some_and(|record| {
        matches!(record.phase, OperationPhase::Stopped | OperationPhase::TakingBack | OperationPhase::Starting)
    });
    let missing = missing_addresses(&object.spec, server);
    let grouped = groups(&object.spec).is_some();
    if let Some(id) = own.filter(|_| grouped || record.is_some() || !missing.is_empty()) {
        match refused(account.read(DescribeVpcEndpoints { ids: vec![id.clone()] }).await)? {
            Ok(rows) => network.endpoint = rows.into_iter().find(|row| row.id == id),
            Err(fault) => network.hidden_endpoint = Some(fault),
        }
    }
    // Once it is stopped, AWS Transfer Family has the word.
    if !missing.is_empty() && !stopped {
        match refused(account.read(DescribeAddresses { ids: missing }).await)? {
            Ok(rows) => network.addresses = rows,
            Err(fault) => network.hidden_addresses = Some(fault),
        }
    }
    Ok(network)
}

/// An answer, or what EC2 refuses; trouble that passes is none.
fn refused<T>(outcome: Result<T, AwsError>) -> Result<Result<T, AwsError>, AwsError> {
    match outcome {
        Err(fault)
            if matches!(fault.kind, AwsErrorKind::Denied | AwsErrorKind::NotFound | AwsErrorKind::Rejected)
                && !fault.of_sts() =>
        {
            Ok(Err(fault))
        }
        outcome => outcome.map(Ok),
    }
}

/// What to say beside AWS's refusal of an endpoint that it cannot look at: it looks with the rights of the caller, and says
/// neither this nor which endpoints will do.
pub fn beside(fault: &AwsError) -> Option<String> {
    let about_it = fault.kind == AwsErrorKind::Rejected && fault.message.contains("Unable to verify VPC Endpoint");
    about_it.then(|| {
        "AWS looks at spec.endpointDetails.vpcEndpointId with the rights of the caller: allow ec2:DescribeVpcEndpoints, \
         and name an endpoint of this account and region whose service is transfer.server"
            .to_owned()
    })
}

/// The endpoint of a server in a VPC.
fn endpoint_id(server: &Server) -> Option<String> {
    let settings = &server.settings;
    let details = settings.endpoint_details.as_ref().filter(|_| settings.endpoint_type.as_deref() == Some("VPC"))?;
    details.vpc_endpoint_id.clone()
}

/// The addresses of the spec that the server does not have.
fn missing_addresses(spec: &TransferServerSpec, server: &Server) -> Vec<String> {
    let details = spec.endpoint_details.as_ref();
    let wanted = details.and_then(|details| details.address_allocation_ids.clone()).unwrap_or_default();
    let held = addresses(&server.settings);
    wanted.into_iter().filter(|id| !held.contains(id)).collect()
}

/// The security groups that a spec names; an empty list names none.
fn groups(spec: &TransferServerSpec) -> Option<BTreeSet<String>> {
    named(spec.endpoint_details.as_ref()?.security_group_ids.as_ref()?)
}

fn named(ids: &[String]) -> Option<BTreeSet<String>> {
    (!ids.is_empty()).then(|| ids.iter().cloned().collect())
}

/// The difference in the security groups, the call for it, and why it cannot be told.
#[derive(Debug, Default)]
pub struct Groups {
    /// The difference.
    pub change: Option<Change>,
    /// The call.
    pub call: Option<PlannedCall>,
    /// Why nothing is done about it.
    pub block: Option<Reason>,
    /// They left the spec, and AWS has none to go back to.
    pub left: bool,
}

/// Compares the security groups. They come before they go, so that the endpoint is never without one.
#[must_use]
pub fn security_groups(
    want: &WantedServer,
    server: &Server,
    network: &Network,
    applied: Option<&Applied>,
    settings: &[Change],
) -> Groups {
    if settings.iter().any(|change| change.path == "endpointType") {
        // They go with the endpoint, and come with another.
        return Groups::default();
    }
    let details = want.settings.endpoint_details.as_ref();
    let wanted = details.and_then(|details| details.security_group_ids.as_deref()).and_then(named);
    let Some(id) = endpoint_id(server) else { return Groups::default() };
    let Some(wanted) = wanted else {
        let set = applied.is_some_and(|applied| applied.hashes.contains_key(SECURITY_GROUPS));
        return Groups { left: set, ..Groups::default() };
    };
    let Some(endpoint) = &network.endpoint else {
        return Groups { block: Some(hidden(network.hidden_endpoint.as_ref())), ..Groups::default() };
    };
    let held: BTreeSet<String> = endpoint.security_groups.iter().cloned().collect();
    if held == wanted {
        return Groups::default();
    }
    let list = |ids: &BTreeSet<String>| json!(ids);
    let (path, effect) = (SECURITY_GROUPS.to_owned(), Effect::Ec2);
    let change = Change { path, have: list(&held), want: list(&wanted), effect };
    if !endpoint.is("available") {
        let message = format!("spec.{SECURITY_GROUPS} changes once {id} is available; EC2 says {}", endpoint.state);
        let block = Some(Reason::new(reasons::WAITING_FOR_AWS, message));
        return Groups { change: Some(change), block, ..Groups::default() };
    }
    let missing: Vec<String> = wanted.difference(&held).cloned().collect();
    let modify = if missing.is_empty() {
        let remove_security_groups = held.difference(&wanted).cloned().collect();
        ModifyVpcEndpoint { id, add_security_groups: Vec::new(), remove_security_groups }
    } else {
        ModifyVpcEndpoint { id, add_security_groups: missing, remove_security_groups: Vec::new() }
    };
    let call = PlannedCall::new(Mutation::ModifyVpcEndpoint(modify), vec![change.clone()]);
    Groups { change: Some(change), call: Some(call), ..Groups::default() }
}

fn hidden(fault: Option<&AwsError>) -> Reason {
    match fault {
        Some(fault) if fault.kind == AwsErrorKind::Denied => {
            let message = format!("spec.{SECURITY_GROUPS} cannot be compared: {fault}; allow ec2:DescribeVpcEndpoints");
            Reason::stalled(reasons::ACCESS_DENIED, message)
        }
        Some(fault) => {
            let message = format!("spec.{SECURITY_GROUPS} cannot be compared: {fault}");
            Reason::new(reasons::WAITING_FOR_AWS, message)
        }
        None => {
            let message = format!("spec.{SECURITY_GROUPS} cannot be compared: EC2 does not show the endpoint");
            Reason::new(reasons::WAITING_FOR_AWS, message)
        }
    }
}

/// Why a stop for these changes would be for nothing, as far as EC2 tells; what it does not tell holds nothing up.
#[must_use]
pub fn unfit(want: &WantedServer, server: &Server, network: &Network, offline: &[Change]) -> Option<Reason> {
    if let Some(endpoint) = network.endpoint.as_ref().filter(|endpoint| !endpoint.is("available")) {
        let message =
            format!("the server is not stopped before its endpoint is available; EC2 says {}", endpoint.state);
        return Some(Reason::new(reasons::WAITING_FOR_AWS, message));
    }
    let attaches = offline.iter().any(|change| change.path == ADDRESSES && change.want.is_array());
    let wrong = |what: String| {
        let message = format!("spec.{ADDRESSES}: {what}; the server is not stopped for it");
        Reason::stalled(reasons::REJECTED, message)
    };
    if let Some(fault) = network.hidden_addresses.as_ref().filter(|fault| fault.kind == AwsErrorKind::NotFound) {
        return Some(wrong(format!("an address is not there: {fault}")));
    }
    let (mine, wanted) = (interfaces(network), addresses(&want.settings));
    let in_subnets =
        if subnets(&want.settings).is_empty() { subnets(&server.settings) } else { subnets(&want.settings) };
    if attaches && !wanted.is_empty() && wanted.len() != in_subnets.len() {
        let (addresses, subnets) = (wanted.len(), in_subnets.len());
        return Some(wrong(format!("{addresses} addresses for {subnets} subnets; each subnet takes one")));
    }
    network.addresses.iter().find_map(|address| {
        let ElasticAddress { allocation_id, domain, network_interface_id, .. } = address;
        let by_us = network_interface_id.as_ref().is_some_and(|id| mine.contains(id));
        if domain.as_deref() != Some("vpc") {
            return Some(wrong(format!("{allocation_id} is no address for a VPC")));
        }
        (address.is_held() && !by_us).then(|| wrong(format!("{allocation_id} is attached to something else")))
    })
}

/// Why the server must not be changed further or started yet: its endpoint is being made, AWS refuses any change of it,
/// and nobody could reach it.
#[must_use]
pub fn unready(network: &Network) -> Option<Reason> {
    let endpoint = network.endpoint.as_ref()?;
    // One without subnets has no interface, ever.
    (!endpoint.is("available") || endpoint.network_interfaces.len() < endpoint.subnets.len()).then(|| {
        let message = format!("the server goes on once its endpoint has addresses; EC2 says {}", endpoint.state);
        Reason::new(reasons::WAITING_FOR_AWS, message)
    })
}

fn interfaces(network: &Network) -> BTreeSet<String> {
    network.endpoint.iter().flat_map(|endpoint| endpoint.network_interfaces.iter().cloned()).collect()
}
