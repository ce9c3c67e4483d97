//! What EC2 shows of a server's network: the security groups of its endpoint, which AWS Transfer Family never returns,
//! and whether what a stop is for can be done at all. Asks EC2, and decides without it.

use std::collections::BTreeSet;

use super::members::{ADDRESSES, SECURITY_GROUPS};
use super::offline::calls::{addresses, subnets};
use super::wanted::WantedServer;
use crate::api::condition::reasons;
use crate::api::status::{Applied, OperationPhase};
use crate::api::{TransferServer, TransferServerSpec};
use crate::aws::ec2::{DescribeAddresses, ElasticAddress, VpcEndpoint};
use crate::aws::transfer::Server;
use crate::aws::{Account, AwsError, AwsErrorKind};
use crate::engine::diff::Change;
use crate::engine::reason::Reason;
use crate::kinds::security_groups::{self, Groups, Shown};

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
        match security_groups::endpoint(account, &id).await? {
            Ok(endpoint) => network.endpoint = endpoint,
            Err(fault) => network.hidden_endpoint = Some(fault),
        }
    }
    // Once it is stopped, AWS Transfer Family has the word.
    if !missing.is_empty() && !stopped {
        match security_groups::refused(account.read(DescribeAddresses { ids: missing }).await)? {
            Ok(rows) => network.addresses = rows,
            Err(fault) => network.hidden_addresses = Some(fault),
        }
    }
    Ok(network)
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
    security_groups::named(spec.endpoint_details.as_ref()?.security_group_ids.as_ref()?)
}

/// Compares the security groups.
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
    let wanted = details.and_then(|details| details.security_group_ids.as_deref());
    let shown = Shown { endpoint: network.endpoint.as_ref(), hidden: network.hidden_endpoint.as_ref() };
    let Some(id) = endpoint_id(server) else {
        // Outside of a VPC there are none.
        let applied = applied.filter(|_| server.settings.endpoint_type.as_deref() == Some("VPC"));
        return security_groups::unseen(SECURITY_GROUPS, wanted, applied);
    };
    security_groups::compare(SECURITY_GROUPS, &id, wanted, shown, applied)
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
