//! AWS's nested structures, as both specs and the AWS door use them: AWS's names in lowerCamelCase, everything
//! optional. Values that AWS may extend are strings (the schema lists those known today), so that one from a newer
//! AWS survives being read.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::object_ref::ObjectRef;
use super::{pattern, rules, workflow_rules};

/// Network settings of a server in a VPC.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = rules::endpoint_details)]
pub struct EndpointDetails {
    /// Allocation ids of elastic IPs (eipalloc-...), one for each subnet and in the same order; they make the server
    /// internet-facing. At most 3. A change takes a stop, see lifecycle.disruption. A new server is made without, and
    /// stopped once to attach them before it is Ready.
    #[x_kube(merge_strategy = ListMerge::Atomic, validation = rules::ADDRESSES_UNIQUE)]
    #[schemars(length(max = 3), inner(length(max = 26)), transform = pattern::ALLOCATION_ID.each())]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address_allocation_ids: Option<Vec<String>>,
    /// Subnets of the endpoint. Their order pairs them with addressAllocationIds; of a server that has those, a change
    /// takes a stop, see lifecycle.disruption: the addresses come off first and on again afterwards.
    #[x_kube(merge_strategy = ListMerge::Atomic, validation = rules::SUBNETS_UNIQUE)]
    #[schemars(length(max = 16), inner(length(max = 24)), transform = pattern::SUBNET_ID.each())]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet_ids: Option<Vec<String>>,
    /// A VPC endpoint of your own, with endpointType VPC_ENDPOINT only. The one that AWS makes for endpointType VPC
    /// stands in status.vpcEndpointId. A change takes a stop, see lifecycle.disruption.
    #[x_kube(validation = pattern::VPC_ENDPOINT_ID)]
    #[schemars(length(max = 22))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc_endpoint_id: Option<String>,
    /// The VPC, needed with endpointType VPC. AWS cannot move a server to another VPC (Immutable); into its first one it
    /// moves with endpointType, which takes a stop.
    #[x_kube(validation = pattern::VPC_ID)]
    #[schemars(length(max = 21))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc_id: Option<String>,
    /// Security groups of the endpoint. Absent, a new server gets the default group of the VPC, and those of a server that
    /// exists are left alone. They are compared and changed through EC2, at once and without a stop, which takes
    /// ec2:DescribeVpcEndpoints and ec2:ModifyVpcEndpoint. Once set they can be changed but not taken out: CannotClear.
    #[x_kube(merge_strategy = ListMerge::Set)]
    #[schemars(length(max = 16), inner(length(max = 20)), transform = pattern::SECURITY_GROUP_ID.each())]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_group_ids: Option<Vec<String>>,
}

/// What the identity provider of a server needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct IdentityProviderDetails {
    /// URL of the API Gateway method that answers logins, with API_GATEWAY.
    #[schemars(length(min = 1, max = 255))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// ARN of the role that AWS Transfer Family calls the URL with, with API_GATEWAY. It must trust
    /// transfer.amazonaws.com, and the identity's grant must list it.
    #[x_kube(validation = pattern::ROLE_ARN)]
    #[schemars(length(max = 2048))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invocation_role: Option<String>,
    /// Id of the directory (d-...), with AWS_DIRECTORY_SERVICE.
    #[x_kube(validation = pattern::DIRECTORY_ID)]
    #[schemars(length(max = 12))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory_id: Option<String>,
    /// ARN of the Lambda function that answers logins, with AWS_LAMBDA. Its resource policy must let
    /// transfer.amazonaws.com invoke it; AWS does not check that here, logins fail.
    #[x_kube(validation = pattern::FUNCTION)]
    #[schemars(length(max = 170))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// How clients authenticate over SFTP, with AWS_LAMBDA or API_GATEWAY: PASSWORD, PUBLIC_KEY,
    /// PUBLIC_KEY_OR_PASSWORD (what AWS takes when absent) or PUBLIC_KEY_AND_PASSWORD.
    #[schemars(extend("enum" = ["PASSWORD", "PUBLIC_KEY", "PUBLIC_KEY_OR_PASSWORD", "PUBLIC_KEY_AND_PASSWORD"]))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sftp_authentication_methods: Option<String>,
}

/// One port that a public server listens on for SFTP.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SftpPortWithOptions {
    /// 22, or 2000 to 65535.
    #[x_kube(validation = rules::SFTP_PORT)]
    #[schemars(range(min = 22, max = 65535))]
    pub sftp_port: i32,
    /// Who sends first on a new connection: SERVER_TALK_FIRST suits old clients, CLIENT_TALK_FIRST bears lossy
    /// networks better.
    #[schemars(extend("enum" = ["SERVER_TALK_FIRST", "CLIENT_TALK_FIRST"]))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub communication_mode: Option<String>,
}

/// PROXY protocol version 2 in front of a server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProxyConfig {
    /// NONE reads and ignores the header. PROXY_PROTOCOL_V2_ENFORCED takes the client's address from it and refuses
    /// connections without one; the security group must then let in nothing but the Network Load Balancer.
    #[schemars(extend("enum" = ["NONE", "PROXY_PROTOCOL_V2_ENFORCED"]))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sftp_mode: Option<String>,
}

/// Settings per protocol.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProtocolDetails {
    /// For FTP and FTPS in passive mode: the IPv4 address that clients are told, AUTO, or 0.0.0.0 for the address of
    /// the control connection. A change counts only after a restart and takes a stop, see
    /// lifecycle.disruption.
    #[x_kube(validation = pattern::PASSIVE_IP)]
    #[schemars(length(max = 15))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passive_ip: Option<String>,
    /// TLS session resumption of FTPS: DISABLED, ENABLED or ENFORCED, which refuses clients that do not resume.
    #[schemars(extend("enum" = ["DISABLED", "ENABLED", "ENFORCED"]))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_session_resumption_mode: Option<String>,
    /// ENABLE_NO_OP ignores SETSTAT (clients that set times or modes after an upload), which S3 cannot do and DEFAULT
    /// answers with an error.
    #[schemars(extend("enum" = ["DEFAULT", "ENABLE_NO_OP"]))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_stat_option: Option<String>,
    /// Ports for SFTP on a public server, at most 3. Absent, AWS opens port 22.
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[schemars(length(max = 3))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sftp_ports: Option<Vec<SftpPortWithOptions>>,
    /// Transports for AS2: HTTP.
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[schemars(length(min = 1, max = 1), extend("items" = { "type": "string", "enum": ["HTTP"] }))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as2_transports: Option<Vec<String>>,
    /// PROXY protocol, for servers behind a Network Load Balancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_config: Option<ProxyConfig>,
}

/// How S3 is used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct S3StorageOptions {
    /// ENABLED makes listings of large directories faster, DISABLED is what AWS takes when absent. Mappings that lead to a file must then have type FILE.
    #[schemars(extend("enum" = ["ENABLED", "DISABLED"]))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory_listing_optimization: Option<String>,
}

/// One workflow and the role it runs with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = workflow_rules::attached)]
pub struct WorkflowDetail {
    /// The TransferWorkflow, in the account and region of the server. When it is replaced in AWS, the server moves to the
    /// new one by itself. Either this or workflowId.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow_ref: Option<ObjectRef>,
    /// Id of a workflow that no TransferWorkflow stands for (w-...). Either this or workflowRef.
    #[x_kube(validation = pattern::WORKFLOW_ID)]
    #[schemars(length(max = 19))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow_id: Option<String>,
    /// ARN of the role that the workflow runs with. It must trust transfer.amazonaws.com, and the identity's grant
    /// must list it.
    #[x_kube(validation = pattern::ROLE_ARN)]
    #[schemars(length(max = 2048))]
    pub execution_role: String,
}

/// Workflows that run after uploads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowDetails {
    /// After a complete upload; at most one. A change may take AWS ten minutes to act on.
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[schemars(length(max = 1))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_upload: Option<Vec<WorkflowDetail>>,
    /// After an upload that broke off; at most one.
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[schemars(length(max = 1))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_partial_upload: Option<Vec<WorkflowDetail>>,
}

/// One logical directory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct HomeDirectoryMapEntry {
    /// The path that the user sees, such as /reports. An entry / must be the only one.
    #[schemars(length(max = 1024), regex(pattern = pattern::ONE_LINE))]
    pub entry: String,
    /// Where it leads: /bucket/prefix in S3, /fs-.../path on EFS; no slash at the end.
    #[schemars(length(max = 1024), regex(pattern = pattern::ONE_LINE))]
    pub target: String,
    /// FILE or DIRECTORY; absent means DIRECTORY.
    #[schemars(extend("enum" = ["FILE", "DIRECTORY"]))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
}

/// POSIX identity on EFS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PosixProfile {
    /// User id.
    #[schemars(range(min = 0, max = 4_294_967_295_i64))]
    pub uid: i64,
    /// Group id.
    #[schemars(range(min = 0, max = 4_294_967_295_i64))]
    pub gid: i64,
    /// Further group ids, at most 16.
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[schemars(length(max = 16), inner(range(min = 0, max = 4_294_967_295_i64)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secondary_gids: Option<Vec<i64>>,
}
