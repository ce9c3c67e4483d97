//! The endpoints through which a VPC reaches its servers, and their security groups.

use serde::Serialize;

use super::client::Ec2Client;
use super::xml::Element;
use super::{Form, numbered, rows};
use crate::aws::call::{Call, Change};
use crate::aws::sdk::convert::Complete;
use crate::aws::sdk::once::Once;
use crate::aws::{AwsError, CallClass, CreateOutput};

/// One row of DescribeVpcEndpoints.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VpcEndpoint {
    /// `vpce-` and 17 hexadecimal digits.
    pub id: String,
    /// `available`, `pending` and so on: [`VpcEndpoint::is`] compares it.
    pub state: String,
    /// Ids of its security groups.
    pub security_groups: Vec<String>,
    /// Ids of its subnets.
    pub subnets: Vec<String>,
    /// Ids of its network interfaces, one in each subnet. None are shown while the endpoint is being made.
    pub network_interfaces: Vec<String>,
    /// Names under which it is reached: the one for all zones first, then one for each zone.
    pub dns_names: Vec<String>,
}

impl VpcEndpoint {
    /// Whether it is in this state. The API reference writes states with a capital, answers carry them without.
    #[must_use]
    pub fn is(&self, state: &str) -> bool {
        self.state.eq_ignore_ascii_case(state)
    }
}

/// DescribeVpcEndpoints of these ids, of which there is one at least.
#[derive(Clone, Debug)]
pub struct DescribeVpcEndpoints {
    /// Ids of the endpoints.
    pub ids: Vec<String>,
}

impl DescribeVpcEndpoints {
    /// The members that are sent.
    #[must_use]
    pub fn form(&self) -> Form {
        let Self { ids } = self;
        numbered("VpcEndpointId", ids)
    }
}

impl Call for DescribeVpcEndpoints {
    const OPERATION: &'static str = "DescribeVpcEndpoints";
    const CLASS: CallClass = CallClass::Ec2Read;
    const REQUIRED: &'static [&'static str] = &["vpcEndpointSet"];
    type Client = Ec2Client;
    type Output = Vec<VpcEndpoint>;

    async fn send(&self, client: &Ec2Client, once: &Once) -> Result<Vec<VpcEndpoint>, AwsError> {
        let answer = client.send(once, self.form()).await?;
        once.complete(rows(&answer, "vpcEndpointSet", ("vpcEndpointId", &self.ids), endpoint))
    }
}

/// ModifyVpcEndpoint, of which security groups are changed. A group that is there already, or is not, is no fault.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ModifyVpcEndpoint {
    /// Id of the endpoint.
    pub id: String,
    /// Ids of groups that it gets.
    pub add_security_groups: Vec<String>,
    /// Ids of groups that it loses.
    pub remove_security_groups: Vec<String>,
}

impl ModifyVpcEndpoint {
    /// The members that are sent.
    #[must_use]
    pub fn form(&self) -> Form {
        let Self { id, add_security_groups, remove_security_groups } = self;
        let mut form = numbered("AddSecurityGroupId", add_security_groups);
        form.extend(numbered("RemoveSecurityGroupId", remove_security_groups));
        form.insert("VpcEndpointId".to_owned(), id.clone());
        form
    }
}

impl Call for ModifyVpcEndpoint {
    const OPERATION: &'static str = "ModifyVpcEndpoint";
    const CLASS: CallClass = CallClass::Ec2Write;
    const REQUIRED: &'static [&'static str] = &["return"];
    type Client = Ec2Client;
    type Output = CreateOutput;

    async fn send(&self, client: &Ec2Client, once: &Once) -> Result<CreateOutput, AwsError> {
        let answer = client.send(once, self.form()).await?;
        // EC2 promises an error where it did nothing; `false` without one says neither.
        let done = answer.text("return").filter(|text| text == "true");
        once.complete(done.map(|_| CreateOutput::default()).ok_or("return of true"))
    }
}

impl Change for ModifyVpcEndpoint {
    fn target(&self) -> Option<String> {
        Some(self.id.clone())
    }
}

/// Without its groups a row says nothing of them; all else may be missing while the endpoint is being made, and counts
/// as not there yet.
fn endpoint(row: &Element) -> Complete<VpcEndpoint> {
    Ok(VpcEndpoint {
        id: row.text("vpcEndpointId").ok_or("vpcEndpointId")?,
        state: row.text("state").ok_or("state")?,
        security_groups: row
            .items("groupSet")?
            .iter()
            .map(|group| group.text("groupId").ok_or("groupId"))
            .collect::<Complete<_>>()?,
        subnets: row.texts("subnetIdSet"),
        network_interfaces: row.texts("networkInterfaceIdSet"),
        dns_names: row.items("dnsEntrySet").unwrap_or_default().iter().filter_map(|row| row.text("dnsName")).collect(),
    })
}
