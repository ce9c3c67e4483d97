//! The members that CreateServer, UpdateServer and DescribeServer share, and their way to the SDK and back.
//!
//! Every struct of ours is taken apart without `..`, so that a member that is forgotten here does not compile.

use aws_sdk_transfer::types as sdk;
use aws_smithy_types::error::operation::BuildError;
use serde::{Deserialize, Serialize};

pub use crate::api::shapes::{EndpointDetails, IdentityProviderDetails, ProtocolDetails, S3StorageOptions};
use crate::api::shapes::{ProxyConfig, SftpPortWithOptions};
use crate::aws::sdk::convert::{built, list, text, texts, value, values};

/// A workflow and the role it runs with. AWS knows a workflow by its id only.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowDetail {
    /// Id of the workflow.
    pub workflow_id: String,
    /// ARN of the role.
    pub execution_role: String,
}

/// Workflows that run after uploads.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowDetails {
    /// After a complete upload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_upload: Option<Vec<WorkflowDetail>>,
    /// After one that broke off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_partial_upload: Option<Vec<WorkflowDetail>>,
}

/// The members that CreateServer, UpdateServer and DescribeServer share.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerSettings {
    /// ARN of the ACM certificate for FTPS; `""` clears it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// Network placement for `VPC` and `VPC_ENDPOINT`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint_details: Option<EndpointDetails>,
    /// `PUBLIC`, `VPC` or `VPC_ENDPOINT`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint_type: Option<String>,
    /// How the identity provider is reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_provider_details: Option<IdentityProviderDetails>,
    /// `SERVICE_MANAGED`, `API_GATEWAY`, `AWS_DIRECTORY_SERVICE` or `AWS_LAMBDA`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_provider_type: Option<String>,
    /// `IPV4` or `DUALSTACK`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address_type: Option<String>,
    /// Role that writes CloudWatch logs; `""` clears it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logging_role: Option<String>,
    /// Banner shown after login (FTP, FTPS); `""` clears it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_authentication_login_banner: Option<String>,
    /// Banner shown before login (SFTP); `""` clears it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pre_authentication_login_banner: Option<String>,
    /// Protocol options.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol_details: Option<ProtocolDetails>,
    /// `SFTP`, `FTPS`, `FTP`, `AS2`; a set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocols: Option<Vec<String>>,
    /// S3 listing optimisation.
    #[serde(rename = "s3StorageOptions", skip_serializing_if = "Option::is_none")]
    pub s3_storage_options: Option<S3StorageOptions>,
    /// Name of the security policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_policy_name: Option<String>,
    /// Log group ARNs; an empty list clears.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub structured_log_destinations: Option<Vec<String>>,
    /// Workflows; an empty inner list clears that one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow_details: Option<WorkflowDetails>,
}

/// Sets every member of [`ServerSettings`] on a builder. A macro, because CreateServer's and UpdateServer's builders
/// share no trait.
macro_rules! with_server_settings {
    ($once:expr, $builder:expr, $settings:expr) => {{
        let $crate::aws::transfer::ServerSettings {
            certificate,
            endpoint_details,
            endpoint_type,
            identity_provider_details,
            identity_provider_type,
            ip_address_type,
            logging_role,
            post_authentication_login_banner,
            pre_authentication_login_banner,
            protocol_details,
            protocols,
            s3_storage_options,
            security_policy_name,
            structured_log_destinations,
            workflow_details,
        } = $settings;
        $builder
            .set_certificate(certificate)
            .set_endpoint_details(endpoint_details.map(Into::into))
            .set_endpoint_type(value(endpoint_type))
            .set_identity_provider_details(identity_provider_details.map(Into::into))
            .set_identity_provider_type(value(identity_provider_type))
            .set_ip_address_type(value(ip_address_type))
            .set_logging_role(logging_role)
            .set_post_authentication_login_banner(post_authentication_login_banner)
            .set_pre_authentication_login_banner(pre_authentication_login_banner)
            .set_protocol_details($once.built(protocol_details.map(TryInto::try_into).transpose())?)
            .set_protocols($crate::aws::sdk::convert::values(protocols))
            .set_s3_storage_options(s3_storage_options.map(Into::into))
            .set_security_policy_name(security_policy_name)
            .set_structured_log_destinations(structured_log_destinations)
            .set_workflow_details($once.built(workflow_details.map(TryInto::try_into).transpose())?)
    }};
}
pub(super) use with_server_settings;

impl From<sdk::DescribedServer> for ServerSettings {
    fn from(theirs: sdk::DescribedServer) -> Self {
        Self {
            certificate: theirs.certificate,
            endpoint_details: theirs.endpoint_details.map(Into::into),
            endpoint_type: text(theirs.endpoint_type),
            identity_provider_details: theirs.identity_provider_details.map(Into::into),
            identity_provider_type: text(theirs.identity_provider_type),
            ip_address_type: text(theirs.ip_address_type),
            logging_role: theirs.logging_role,
            post_authentication_login_banner: theirs.post_authentication_login_banner,
            pre_authentication_login_banner: theirs.pre_authentication_login_banner,
            protocol_details: theirs.protocol_details.map(Into::into),
            protocols: texts(theirs.protocols),
            s3_storage_options: theirs.s3_storage_options.map(Into::into),
            security_policy_name: theirs.security_policy_name,
            structured_log_destinations: theirs.structured_log_destinations,
            workflow_details: theirs.workflow_details.map(Into::into),
        }
    }
}

impl From<EndpointDetails> for sdk::EndpointDetails {
    fn from(ours: EndpointDetails) -> Self {
        let EndpointDetails { address_allocation_ids, subnet_ids, vpc_endpoint_id, vpc_id, security_group_ids } = ours;
        Self::builder()
            .set_address_allocation_ids(address_allocation_ids)
            .set_subnet_ids(subnet_ids)
            .set_vpc_endpoint_id(vpc_endpoint_id)
            .set_vpc_id(vpc_id)
            .set_security_group_ids(security_group_ids)
            .build()
    }
}

impl From<sdk::EndpointDetails> for EndpointDetails {
    fn from(theirs: sdk::EndpointDetails) -> Self {
        Self {
            address_allocation_ids: theirs.address_allocation_ids,
            subnet_ids: theirs.subnet_ids,
            vpc_endpoint_id: theirs.vpc_endpoint_id,
            vpc_id: theirs.vpc_id,
            security_group_ids: theirs.security_group_ids,
        }
    }
}

impl From<IdentityProviderDetails> for sdk::IdentityProviderDetails {
    fn from(ours: IdentityProviderDetails) -> Self {
        let IdentityProviderDetails { url, invocation_role, directory_id, function, sftp_authentication_methods } =
            ours;
        Self::builder()
            .set_url(url)
            .set_invocation_role(invocation_role)
            .set_directory_id(directory_id)
            .set_function(function)
            .set_sftp_authentication_methods(value(sftp_authentication_methods))
            .build()
    }
}

impl From<sdk::IdentityProviderDetails> for IdentityProviderDetails {
    fn from(theirs: sdk::IdentityProviderDetails) -> Self {
        Self {
            url: theirs.url,
            invocation_role: theirs.invocation_role,
            directory_id: theirs.directory_id,
            function: theirs.function,
            sftp_authentication_methods: text(theirs.sftp_authentication_methods),
        }
    }
}

impl TryFrom<ProtocolDetails> for sdk::ProtocolDetails {
    type Error = BuildError;

    fn try_from(ours: ProtocolDetails) -> Result<Self, BuildError> {
        let ProtocolDetails {
            passive_ip,
            tls_session_resumption_mode,
            set_stat_option,
            sftp_ports,
            as2_transports,
            proxy_config,
        } = ours;
        Ok(Self::builder()
            .set_passive_ip(passive_ip)
            .set_tls_session_resumption_mode(value(tls_session_resumption_mode))
            .set_set_stat_option(value(set_stat_option))
            .set_sftp_ports(built(sftp_ports)?)
            .set_as2_transports(values(as2_transports))
            .set_proxy_config(proxy_config.map(Into::into))
            .build())
    }
}

impl From<sdk::ProtocolDetails> for ProtocolDetails {
    fn from(theirs: sdk::ProtocolDetails) -> Self {
        Self {
            passive_ip: theirs.passive_ip,
            tls_session_resumption_mode: text(theirs.tls_session_resumption_mode),
            set_stat_option: text(theirs.set_stat_option),
            sftp_ports: list(theirs.sftp_ports),
            as2_transports: texts(theirs.as2_transports),
            proxy_config: theirs.proxy_config.map(Into::into),
        }
    }
}

impl TryFrom<SftpPortWithOptions> for sdk::SftpPortWithOptions {
    type Error = BuildError;

    fn try_from(ours: SftpPortWithOptions) -> Result<Self, BuildError> {
        let SftpPortWithOptions { sftp_port, communication_mode } = ours;
        Self::builder().sftp_port(sftp_port).set_communication_mode(value(communication_mode)).build()
    }
}

impl From<sdk::SftpPortWithOptions> for SftpPortWithOptions {
    fn from(theirs: sdk::SftpPortWithOptions) -> Self {
        Self { sftp_port: theirs.sftp_port, communication_mode: text(theirs.communication_mode) }
    }
}

impl From<ProxyConfig> for sdk::ProxyConfig {
    fn from(ours: ProxyConfig) -> Self {
        let ProxyConfig { sftp_mode } = ours;
        Self::builder().set_sftp_mode(value(sftp_mode)).build()
    }
}

impl From<sdk::ProxyConfig> for ProxyConfig {
    fn from(theirs: sdk::ProxyConfig) -> Self {
        Self { sftp_mode: text(theirs.sftp_mode) }
    }
}

impl From<S3StorageOptions> for sdk::S3StorageOptions {
    fn from(ours: S3StorageOptions) -> Self {
        let S3StorageOptions { directory_listing_optimization } = ours;
        Self::builder().set_directory_listing_optimization(value(directory_listing_optimization)).build()
    }
}

impl From<sdk::S3StorageOptions> for S3StorageOptions {
    fn from(theirs: sdk::S3StorageOptions) -> Self {
        Self { directory_listing_optimization: text(theirs.directory_listing_optimization) }
    }
}

impl TryFrom<WorkflowDetails> for sdk::WorkflowDetails {
    type Error = BuildError;

    fn try_from(ours: WorkflowDetails) -> Result<Self, BuildError> {
        let WorkflowDetails { on_upload, on_partial_upload } = ours;
        Ok(Self::builder().set_on_upload(built(on_upload)?).set_on_partial_upload(built(on_partial_upload)?).build())
    }
}

impl From<sdk::WorkflowDetails> for WorkflowDetails {
    fn from(theirs: sdk::WorkflowDetails) -> Self {
        Self { on_upload: list(theirs.on_upload), on_partial_upload: list(theirs.on_partial_upload) }
    }
}

impl TryFrom<WorkflowDetail> for sdk::WorkflowDetail {
    type Error = BuildError;

    fn try_from(ours: WorkflowDetail) -> Result<Self, BuildError> {
        let WorkflowDetail { workflow_id, execution_role } = ours;
        Self::builder().workflow_id(workflow_id).execution_role(execution_role).build()
    }
}

impl From<sdk::WorkflowDetail> for WorkflowDetail {
    fn from(theirs: sdk::WorkflowDetail) -> Self {
        Self { workflow_id: theirs.workflow_id, execution_role: theirs.execution_role }
    }
}
