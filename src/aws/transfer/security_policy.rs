//! The security policies that AWS offers: which ciphers a server speaks.

use aws_sdk_transfer::{Client, types as sdk};

use crate::aws::call::{Call, Listing, Page};
use crate::aws::sdk::convert::{Complete, required, texts};
use crate::aws::sdk::once::{Once, single_attempt};
use crate::aws::{AwsError, CallClass};

/// What DescribeSecurityPolicy answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SecurityPolicy {
    /// Name of the policy.
    pub name: String,
    /// Whether it is a FIPS policy.
    pub fips: Option<bool>,
    /// Protocols it applies to.
    pub protocols: Vec<String>,
    /// SSH ciphers.
    pub ssh_ciphers: Vec<String>,
    /// SSH key exchanges.
    pub ssh_kexs: Vec<String>,
    /// SSH MACs.
    pub ssh_macs: Vec<String>,
    /// TLS ciphers.
    pub tls_ciphers: Vec<String>,
    /// SSH host key algorithms.
    pub ssh_host_key_algorithms: Vec<String>,
}

/// ListSecurityPolicies; its rows are names.
#[derive(Clone, Debug)]
pub struct ListSecurityPolicies {
    /// The page; absent for the first.
    pub token: Option<String>,
}

impl Listing for ListSecurityPolicies {
    const OPERATION: &'static str = "ListSecurityPolicies";
    const LIST: &'static str = "SecurityPolicyNames";
    type Client = Client;
    type Row = String;

    async fn page(&self, client: &Client, once: &Once) -> Result<Page<String>, AwsError> {
        let Self { token } = self.clone();
        let call = client.list_security_policies().max_results(super::PAGE).set_next_token(token);
        let answer = single_attempt!(once, aws_sdk_transfer, call)?;
        once.page(answer.security_policy_names, Ok, answer.next_token)
    }

    fn turn(&mut self, token: String) {
        self.token = Some(token);
    }
}

/// DescribeSecurityPolicy.
#[derive(Clone, Debug)]
pub struct DescribeSecurityPolicy {
    /// Name of the policy.
    pub name: String,
}

impl Call for DescribeSecurityPolicy {
    const OPERATION: &'static str = "DescribeSecurityPolicy";
    const CLASS: CallClass = CallClass::Read;
    const REQUIRED: &'static [&'static str] = &["SecurityPolicy"];
    type Client = Client;
    type Output = Box<SecurityPolicy>;

    async fn send(&self, client: &Client, once: &Once) -> Result<Box<SecurityPolicy>, AwsError> {
        let Self { name } = self.clone();
        let call = client.describe_security_policy().security_policy_name(name);
        let answer = single_attempt!(once, aws_sdk_transfer, call)?;
        once.complete(answer.security_policy.ok_or("SecurityPolicy").and_then(policy).map(Box::new))
    }
}

fn policy(theirs: sdk::DescribedSecurityPolicy) -> Complete<SecurityPolicy> {
    Ok(SecurityPolicy {
        name: required(theirs.security_policy_name, "SecurityPolicy.SecurityPolicyName")?,
        fips: theirs.fips,
        protocols: texts(theirs.protocols).unwrap_or_default(),
        ssh_ciphers: theirs.ssh_ciphers.unwrap_or_default(),
        ssh_kexs: theirs.ssh_kexs.unwrap_or_default(),
        ssh_macs: theirs.ssh_macs.unwrap_or_default(),
        tls_ciphers: theirs.tls_ciphers.unwrap_or_default(),
        ssh_host_key_algorithms: theirs.ssh_host_key_algorithms.unwrap_or_default(),
    })
}
