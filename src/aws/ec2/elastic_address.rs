//! Elastic IP addresses, and what holds them.

use super::client::Ec2Client;
use super::xml::Element;
use super::{Form, numbered, rows};
use crate::aws::call::Call;
use crate::aws::sdk::convert::Complete;
use crate::aws::sdk::once::Once;
use crate::aws::{AwsError, CallClass};

/// One row of DescribeAddresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ElasticAddress {
    /// `eipalloc-` and 17 hexadecimal digits.
    pub allocation_id: String,
    /// `vpc`, or `standard` for one of EC2-Classic.
    pub domain: Option<String>,
    /// The association with what holds it; absent where nothing does.
    pub association_id: Option<String>,
    /// Instance that holds it.
    pub instance_id: Option<String>,
    /// Network interface that holds it.
    pub network_interface_id: Option<String>,
    /// The address itself.
    pub public_ip: Option<String>,
}

impl ElasticAddress {
    /// Whether something holds it. Any one of the members says so: an address that is taken must never look free.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.association_id.is_some() || self.network_interface_id.is_some() || self.instance_id.is_some()
    }
}

/// DescribeAddresses of these allocation ids, of which there is one at least.
#[derive(Clone, Debug)]
pub struct DescribeAddresses {
    /// Allocation ids of the addresses.
    pub ids: Vec<String>,
}

impl DescribeAddresses {
    /// The members that are sent.
    #[must_use]
    pub fn form(&self) -> Form {
        let Self { ids } = self;
        numbered("AllocationId", ids)
    }
}

impl Call for DescribeAddresses {
    const OPERATION: &'static str = "DescribeAddresses";
    const CLASS: CallClass = CallClass::Ec2Read;
    const REQUIRED: &'static [&'static str] = &["addressesSet"];
    type Client = Ec2Client;
    type Output = Vec<ElasticAddress>;

    async fn send(&self, client: &Ec2Client, once: &Once) -> Result<Vec<ElasticAddress>, AwsError> {
        let answer = client.send(once, self.form()).await?;
        once.complete(rows(&answer, "addressesSet", ("allocationId", &self.ids), elastic_address))
    }
}

fn elastic_address(row: &Element) -> Complete<ElasticAddress> {
    Ok(ElasticAddress {
        allocation_id: row.text("allocationId").ok_or("allocationId")?,
        domain: row.text("domain"),
        association_id: row.text("associationId"),
        instance_id: row.text("instanceId"),
        network_interface_id: row.text("networkInterfaceId"),
        public_ip: row.text("publicIp"),
    })
}
