//! The interfaces of endpoints, each with its private addresses.

use super::client::Ec2Client;
use super::xml::Element;
use super::{Form, numbered, rows};
use crate::aws::call::Call;
use crate::aws::sdk::convert::Complete;
use crate::aws::sdk::once::Once;
use crate::aws::{AwsError, CallClass};

/// One row of DescribeNetworkInterfaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkInterface {
    /// `eni-` and 17 hexadecimal digits.
    pub id: String,
    /// Subnet that it is in.
    pub subnet_id: Option<String>,
    /// Availability zone of the subnet, such as `eu-central-1a`.
    pub availability_zone: Option<String>,
    /// `in-use`, `pending` and so on.
    pub status: Option<String>,
    /// Its private IPv4 addresses, the first one first; none where AWS shows none yet.
    pub private_ips: Vec<String>,
    /// Its IPv6 addresses.
    pub ipv6_ips: Vec<String>,
    /// The elastic address that stands for it.
    pub public_ip: Option<String>,
    /// Allocation id of that address.
    pub allocation_id: Option<String>,
}

/// DescribeNetworkInterfaces of these ids, of which there is one at least.
#[derive(Clone, Debug)]
pub struct DescribeNetworkInterfaces {
    /// Ids of the interfaces.
    pub ids: Vec<String>,
}

impl DescribeNetworkInterfaces {
    /// The members that are sent.
    #[must_use]
    pub fn form(&self) -> Form {
        let Self { ids } = self;
        numbered("NetworkInterfaceId", ids)
    }
}

impl Call for DescribeNetworkInterfaces {
    const OPERATION: &'static str = "DescribeNetworkInterfaces";
    const CLASS: CallClass = CallClass::Ec2Read;
    const REQUIRED: &'static [&'static str] = &["networkInterfaceSet"];
    type Client = Ec2Client;
    type Output = Vec<NetworkInterface>;

    async fn send(&self, client: &Ec2Client, once: &Once) -> Result<Vec<NetworkInterface>, AwsError> {
        let answer = client.send(once, self.form()).await?;
        once.complete(rows(&answer, "networkInterfaceSet", ("networkInterfaceId", &self.ids), interface))
    }
}

fn interface(row: &Element) -> Complete<NetworkInterface> {
    let ips = |set, member: &str| {
        row.items(set).unwrap_or_default().iter().filter_map(|item| item.text(member)).collect::<Vec<_>>()
    };
    Ok(NetworkInterface {
        id: row.text("networkInterfaceId").ok_or("networkInterfaceId")?,
        subnet_id: row.text("subnetId"),
        availability_zone: row.text("availabilityZone"),
        status: row.text("status"),
        private_ips: ips("privateIpAddressesSet", "privateIpAddress"),
        ipv6_ips: ips("ipv6AddressesSet", "ipv6Address"),
        public_ip: row.child("association").and_then(|association| association.text("publicIp")),
        allocation_id: row.child("association").and_then(|association| association.text("allocationId")),
    })
}
