//! Under which names and addresses a server is reached. What a VPC endpoint has is asked of EC2 when the network of the
//! server changed and once a day, so that a server at rest costs no call; nothing depends on it, and nothing fails for it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kube::ResourceExt;
use tokio::time::Instant;

use super::network::Network;
use super::offline::calls::{addresses, subnets};
use crate::api::server::{EndpointType, ServerEndpoint};
use crate::api::{RECONCILE_AT, TransferServer, TransferServerStatus};
use crate::aws::ec2::{DescribeNetworkInterfaces, DescribeVpcEndpoints, NetworkInterface, VpcEndpoint};
use crate::aws::transfer::Server;
use crate::aws::{Account, AwsError, AwsErrorKind};
use crate::kinds::{partition, server_ref};

/// For how long it counts what was read in full. Names and addresses change with the network of the server,
/// which is noticed; this is for what nobody thought of.
const FRESH: Duration = Duration::from_hours(24);

/// For how long it counts what was not there in full yet, or could not be read.
const INCOMPLETE: Duration = Duration::from_mins(5);

/// For how long a refusal counts: a right that was given must be noticed, and one that is not must not cost a call at each
/// look. What was known before stands.
const DENIED: Duration = Duration::from_hours(1);

/// What was not asked for so long is forgotten: the longest resync is shorter.
const FORGOTTEN: Duration = Duration::from_hours(48);

/// What the answer depends on: the network of the server, and whether a person wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
struct About {
    endpoint: String,
    subnets: Vec<String>,
    addresses: Vec<String>,
    ip_address_type: Option<String>,
    generation: Option<i64>,
    asked: Option<String>,
}

/// One look at EC2.
#[derive(Clone)]
struct Look {
    about: About,
    until: Instant,
    at: Instant,
    /// Nothing where it could not be read.
    rows: Option<Vec<ServerEndpoint>>,
}

/// What EC2 showed of the endpoints of servers, by the uid of the server object.
#[derive(Default)]
pub struct EndpointsSeen {
    looks: Mutex<BTreeMap<String, Look>>,
}

impl EndpointsSeen {
    /// What the last look showed, unless another one is due.
    fn known(&self, uid: &str, about: &About) -> Option<Look> {
        let looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        looks.get(uid).filter(|look| look.about == *about && Instant::now() < look.until).cloned()
    }

    fn note(&self, uid: &str, look: Look) {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        looks.retain(|_, look| look.at.elapsed() < FORGOTTEN);
        looks.insert(uid.to_owned(), look);
    }
}

/// The names and addresses of the VPC endpoint of a server that was described in this reconcile; nothing where that is
/// not known now. What was read of it in this reconcile is not read again.
pub async fn of_vpc(
    seen: &EndpointsSeen,
    object: &TransferServer,
    server: &Server,
    network: &Network,
    account: &Account,
) -> Option<Vec<ServerEndpoint>> {
    let Some(about) = about(object, server) else { return Some(Vec::new()) };
    let uid = object.uid().unwrap_or_default();
    if let Some(look) = seen.known(&uid, &about) {
        return look.rows;
    }
    let at = Instant::now();
    let (rows, fresh) = match read(&about.endpoint, network, account).await {
        Ok((endpoint, interfaces)) => {
            let fresh = if complete(&about, &endpoint, &interfaces) { FRESH } else { INCOMPLETE };
            (Some(rows(&endpoint, &interfaces, &account.region)), fresh)
        }
        Err(fault) if fault.kind == AwsErrorKind::Denied && !fault.of_sts() => {
            tracing::info!(server_id = %server.server_id, %fault, "status.endpoints goes without what EC2 knows");
            (None, DENIED)
        }
        Err(fault) => {
            tracing::debug!(server_id = %server.server_id, %fault, "cannot read the names of the endpoint");
            (None, INCOMPLETE)
        }
    };
    let until = at + fresh;
    seen.note(&uid, Look { about, until, at, rows: rows.clone() });
    rows
}

/// Nothing for a server without a VPC endpoint.
fn about(object: &TransferServer, server: &Server) -> Option<About> {
    let settings = &server.settings;
    let in_vpc = matches!(settings.endpoint_type.as_deref(), Some("VPC" | "VPC_ENDPOINT"));
    let details = settings.endpoint_details.as_ref().filter(|_| in_vpc)?;
    Some(About {
        endpoint: details.vpc_endpoint_id.clone()?,
        subnets: subnets(settings),
        addresses: addresses(settings),
        ip_address_type: settings.ip_address_type.clone(),
        generation: object.metadata.generation,
        asked: object.annotations().get(RECONCILE_AT).cloned(),
    })
}

async fn read(
    id: &str,
    network: &Network,
    account: &Account,
) -> Result<(VpcEndpoint, Vec<NetworkInterface>), AwsError> {
    let endpoint = match (&network.endpoint, &network.hidden_endpoint) {
        (Some(endpoint), _) if endpoint.id == id => endpoint.clone(),
        (_, Some(fault)) => return Err(fault.clone()),
        _ => {
            let rows = account.read(DescribeVpcEndpoints { ids: vec![id.to_owned()] }).await?;
            rows.into_iter().find(|row| row.id == id).unwrap_or_default()
        }
    };
    let ids = endpoint.network_interfaces.clone();
    let interfaces =
        if ids.is_empty() { Ok(Vec::new()) } else { account.read(DescribeNetworkInterfaces { ids }).await };
    match interfaces {
        // The names are known all the same.
        Err(fault) if fault.kind == AwsErrorKind::Denied && !fault.of_sts() => Ok((endpoint, Vec::new())),
        interfaces => Ok((endpoint, interfaces?)),
    }
}

/// Whether nothing more is to come.
fn complete(about: &About, endpoint: &VpcEndpoint, interfaces: &[NetworkInterface]) -> bool {
    let expected = about.subnets.len().max(endpoint.subnets.len());
    let attached = interfaces.iter().filter(|interface| interface.allocation_id.is_some()).count();
    endpoint.is("available")
        && !endpoint.dns_names.is_empty()
        && interfaces.len() >= expected
        && interfaces.iter().all(|interface| !interface.private_ips.is_empty() || !interface.ipv6_ips.is_empty())
        && attached >= about.addresses.len()
}

/// What EC2 shows, as status has it.
#[must_use]
pub fn rows(endpoint: &VpcEndpoint, interfaces: &[NetworkInterface], region: &str) -> Vec<ServerEndpoint> {
    let name = |name: &String| ServerEndpoint {
        host: name.clone(),
        r#type: EndpointType::VpcEndpointName,
        availability_zone: zone(name, region),
        ..ServerEndpoint::default()
    };
    let names = endpoint.dns_names.iter().map(name);
    names.chain(interfaces.iter().flat_map(of_interface)).collect()
}

fn of_interface(interface: &NetworkInterface) -> Vec<ServerEndpoint> {
    let NetworkInterface { id: _, subnet_id, availability_zone, status: _, private_ips, ipv6_ips, .. } = interface;
    let address = |r#type: EndpointType, host: &String, allocation_id: Option<&String>| ServerEndpoint {
        host: host.clone(),
        r#type,
        availability_zone: availability_zone.clone(),
        subnet_id: subnet_id.clone(),
        allocation_id: allocation_id.cloned(),
    };
    let elastic = interface.public_ip.iter().map(|host| {
        let allocation_id = interface.allocation_id.as_ref();
        address(EndpointType::ElasticIp, host, allocation_id)
    });
    let private = private_ips.iter().map(|host| address(EndpointType::PrivateIp, host, None));
    elastic.chain(private).chain(ipv6_ips.iter().map(|host| address(EndpointType::Ipv6, host, None))).collect()
}

/// The zone that a name of an endpoint is for: it stands at the end of the first part.
fn zone(name: &str, region: &str) -> Option<String> {
    let label = name.split('.').next()?;
    let (_, rest) = label.rsplit_once(&format!("-{region}"))?;
    (!rest.is_empty()).then(|| format!("{region}{rest}"))
}

/// All names and addresses: the host name of your own first. `of_vpc` is what EC2 shows, where that is known; else what
/// status shows of the same endpoint stands. No host stands there twice.
#[must_use]
pub fn all(
    server: &Server,
    region: &str,
    of_vpc: Option<&[ServerEndpoint]>,
    before: &TransferServerStatus,
) -> Vec<ServerEndpoint> {
    let settings = &server.settings;
    let row = |r#type, host| ServerEndpoint { host, r#type, ..ServerEndpoint::default() };
    let custom = server_ref::custom_name(server);
    let mut rows: Vec<ServerEndpoint> =
        custom.map(|name| row(EndpointType::CustomHostname, name.clone())).into_iter().collect();
    if let Some(name) = server_ref::public_name(server, region) {
        rows.push(row(EndpointType::PublicName, name));
        // AWS shows it in its console only, see issue 48105 of terraform-provider-aws; of the other partitions it is not known.
        if settings.ip_address_type.as_deref() == Some("DUALSTACK") && partition::partition(region) == "aws" {
            rows.push(row(
                EndpointType::DualStackName,
                format!("{}.transfer-server.{region}.on.aws", server.server_id),
            ));
        }
    } else {
        let details = settings.endpoint_details.as_ref();
        let same = details.and_then(|details| details.vpc_endpoint_id.as_ref()) == before.vpc_endpoint_id.as_ref();
        let kept = before.endpoints.iter().filter(|row| same && of_ec2(row.r#type)).cloned();
        rows.extend(of_vpc.map_or_else(|| kept.collect(), <[ServerEndpoint]>::to_vec));
    }
    let mut hosts = BTreeSet::new();
    rows.retain(|row| hosts.insert(row.host.clone()));
    rows
}

fn of_ec2(r#type: EndpointType) -> bool {
    match r#type {
        EndpointType::CustomHostname | EndpointType::PublicName | EndpointType::DualStackName => false,
        EndpointType::VpcEndpointName | EndpointType::ElasticIp | EndpointType::PrivateIp | EndpointType::Ipv6 => true,
    }
}
