//! AWS's nested structures, as both specs and the AWS door use them: AWS's names in lowerCamelCase, everything
//! optional. Values that AWS may extend are strings (the schema lists those known today), so that one from a newer
//! AWS survives being read.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// Network settings of a server in a VPC.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct EndpointDetails {
    /// Allocation ids of elastic IPs, one per subnet and in the same order; makes the server internet-facing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address_allocation_ids: Option<Vec<String>>,
    /// Subnets of the endpoint. Order counts together with addressAllocationIds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet_ids: Option<Vec<String>>,
    /// An endpoint of your own, with endpointType VPC_ENDPOINT only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc_endpoint_id: Option<String>,
    /// The VPC, with endpointType VPC. Cannot be changed to another VPC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc_id: Option<String>,
    /// Security groups of the endpoint; absent means the default group of the VPC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_group_ids: Option<Vec<String>>,
}

/// What the identity provider of a server needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct IdentityProviderDetails {
    /// URL of the API Gateway endpoint, with API_GATEWAY.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Role that calls the API Gateway endpoint, with API_GATEWAY.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invocation_role: Option<String>,
    /// Id of the directory, with AWS_DIRECTORY_SERVICE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory_id: Option<String>,
    /// ARN of the Lambda function, with AWS_LAMBDA. Its resource policy must let transfer.amazonaws.com invoke it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// How clients authenticate over SFTP, with AWS_LAMBDA or API_GATEWAY.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sftp_authentication_methods: Option<String>,
}

/// One port that a public server listens on for SFTP.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SftpPortWithOptions {
    /// 22, or 2000 to 65535.
    pub sftp_port: i32,
    /// Who sends first on a new connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub communication_mode: Option<String>,
}

/// PROXY protocol version 2 in front of a server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProxyConfig {
    /// Whether the header is ignored or demanded on SFTP connections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sftp_mode: Option<String>,
}

/// Settings per protocol.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProtocolDetails {
    /// IPv4 address for passive FTP and FTPS, AUTO, or 0.0.0.0. A change needs a stop and a start to take effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passive_ip: Option<String>,
    /// TLS session resumption of FTPS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_session_resumption_mode: Option<String>,
    /// Whether SETSTAT on files in S3 is an error or ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_stat_option: Option<String>,
    /// Ports for SFTP on a public server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sftp_ports: Option<Vec<SftpPortWithOptions>>,
    /// Transports for AS2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as2_transports: Option<Vec<String>>,
    /// PROXY protocol for servers behind a Network Load Balancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_config: Option<ProxyConfig>,
}

/// How S3 is used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct S3StorageOptions {
    /// Faster directory listings. When enabled, mappings to files must have type FILE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory_listing_optimization: Option<String>,
}

/// One workflow and the role it runs with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowDetail {
    /// Id of the workflow.
    pub workflow_id: String,
    /// ARN of the role that the workflow runs with.
    pub execution_role: String,
}

/// Workflows that run after uploads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowDetails {
    /// After a complete upload; at most one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_upload: Option<Vec<WorkflowDetail>>,
    /// After an upload that broke off; at most one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_partial_upload: Option<Vec<WorkflowDetail>>,
}

/// One logical directory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct HomeDirectoryMapEntry {
    /// The path that the user sees.
    pub entry: String,
    /// Where it leads: /bucket/prefix or /fs-id/path.
    pub target: String,
    /// FILE or DIRECTORY; absent means DIRECTORY.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
}

/// POSIX identity on EFS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PosixProfile {
    /// User id.
    pub uid: i64,
    /// Group id.
    pub gid: i64,
    /// Further group ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secondary_gids: Option<Vec<i64>>,
}
