//! What CreateConnector, UpdateConnector and DescribeConnector share, in our types and in the SDK's.

use aws_sdk_transfer::types as sdk;
use aws_smithy_types::error::operation::BuildError;
use serde::{Deserialize, Serialize};

use crate::aws::sdk::convert::{text, value};

/// A way through VPC Lattice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VpcLattice {
    /// ARN of the resource configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_configuration_arn: Option<String>,
    /// Port of the partner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_number: Option<i32>,
}

/// How AWS gets to the partner.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EgressConfig {
    /// Through VPC Lattice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpc_lattice: Option<VpcLattice>,
}

/// How SFTP is spoken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SftpConfig {
    /// ARN of the secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_secret_id: Option<String>,
    /// Host keys that are trusted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trusted_host_keys: Option<Vec<String>>,
    /// Connections at the same time. The SDK sends 1 where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_concurrent_connections: Option<i32>,
    /// Staging labels of the secret's versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ordered_user_secret_version_stages: Option<Vec<String>>,
}

/// Where asynchronous answers come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AsyncMdnConfig {
    /// The address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The servers behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_ids: Option<Vec<String>>,
}

/// How AS2 is spoken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct As2Config {
    /// Our own profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_profile_id: Option<String>,
    /// The partner's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partner_profile_id: Option<String>,
    /// Subject of messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_subject: Option<String>,
    /// `ZLIB`, `DISABLED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compression: Option<String>,
    /// Algorithm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_algorithm: Option<String>,
    /// Algorithm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing_algorithm: Option<String>,
    /// Algorithm of answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mdn_signing_algorithm: Option<String>,
    /// `SYNC`, `ASYNC`, `NONE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mdn_response: Option<String>,
    /// ARN of the secret for Basic authentication; empty takes it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basic_auth_secret_id: Option<String>,
    /// `ENABLED`, `DISABLED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preserve_content_type: Option<String>,
    /// Where asynchronous answers come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub async_mdn_config: Option<AsyncMdnConfig>,
}

/// All members that can change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectorSettings {
    /// Address of the partner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The way to a partner without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub egress_config: Option<EgressConfig>,
    /// Role for files and secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_role: Option<String>,
    /// Role for logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logging_role: Option<String>,
    /// Security policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_policy_name: Option<String>,
    /// `IPV4`, `DUALSTACK`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address_type: Option<String>,
    /// How SFTP is spoken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sftp_config: Option<SftpConfig>,
    /// How AS2 is spoken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as2_config: Option<As2Config>,
}

impl TryFrom<EgressConfig> for sdk::ConnectorEgressConfig {
    type Error = BuildError;

    fn try_from(ours: EgressConfig) -> Result<Self, BuildError> {
        let EgressConfig { vpc_lattice } = ours;
        let VpcLattice { resource_configuration_arn, port_number } = vpc_lattice.unwrap_or_default();
        let lattice = sdk::ConnectorVpcLatticeEgressConfig::builder()
            .set_resource_configuration_arn(resource_configuration_arn)
            .set_port_number(port_number)
            .build()?;
        Ok(Self::VpcLattice(lattice))
    }
}

impl From<EgressConfig> for sdk::UpdateConnectorEgressConfig {
    fn from(ours: EgressConfig) -> Self {
        let EgressConfig { vpc_lattice } = ours;
        let VpcLattice { resource_configuration_arn, port_number } = vpc_lattice.unwrap_or_default();
        let lattice = sdk::UpdateConnectorVpcLatticeEgressConfig::builder()
            .set_resource_configuration_arn(resource_configuration_arn)
            .set_port_number(port_number)
            .build();
        Self::VpcLattice(lattice)
    }
}

/// What AWS answers of the way; nothing of one that this SDK does not know.
pub(super) fn egress(theirs: sdk::DescribedConnectorEgressConfig) -> Option<EgressConfig> {
    let sdk::DescribedConnectorEgressConfig::VpcLattice(theirs) = theirs else { return None };
    let vpc_lattice = VpcLattice {
        resource_configuration_arn: Some(theirs.resource_configuration_arn),
        port_number: theirs.port_number,
    };
    Some(EgressConfig { vpc_lattice: Some(vpc_lattice) })
}

impl From<SftpConfig> for sdk::SftpConnectorConfig {
    fn from(ours: SftpConfig) -> Self {
        let SftpConfig {
            user_secret_id,
            trusted_host_keys,
            max_concurrent_connections,
            ordered_user_secret_version_stages,
        } = ours;
        Self::builder()
            .set_user_secret_id(user_secret_id)
            .set_trusted_host_keys(trusted_host_keys)
            .set_max_concurrent_connections(max_concurrent_connections)
            .set_ordered_user_secret_version_stages(ordered_user_secret_version_stages)
            .build()
    }
}

impl From<sdk::SftpConnectorConfig> for SftpConfig {
    fn from(theirs: sdk::SftpConnectorConfig) -> Self {
        Self {
            user_secret_id: theirs.user_secret_id,
            trusted_host_keys: theirs.trusted_host_keys,
            max_concurrent_connections: Some(theirs.max_concurrent_connections),
            ordered_user_secret_version_stages: theirs.ordered_user_secret_version_stages,
        }
    }
}

impl From<AsyncMdnConfig> for sdk::As2AsyncMdnConnectorConfig {
    fn from(ours: AsyncMdnConfig) -> Self {
        let AsyncMdnConfig { url, server_ids } = ours;
        Self::builder().set_url(url).set_server_ids(server_ids).build()
    }
}

impl From<sdk::As2AsyncMdnConnectorConfig> for AsyncMdnConfig {
    fn from(theirs: sdk::As2AsyncMdnConnectorConfig) -> Self {
        Self { url: theirs.url, server_ids: theirs.server_ids }
    }
}

impl From<As2Config> for sdk::As2ConnectorConfig {
    fn from(ours: As2Config) -> Self {
        let As2Config {
            local_profile_id,
            partner_profile_id,
            message_subject,
            compression,
            encryption_algorithm,
            signing_algorithm,
            mdn_signing_algorithm,
            mdn_response,
            basic_auth_secret_id,
            preserve_content_type,
            async_mdn_config,
        } = ours;
        Self::builder()
            .set_local_profile_id(local_profile_id)
            .set_partner_profile_id(partner_profile_id)
            .set_message_subject(message_subject)
            .set_compression(value(compression))
            .set_encryption_algorithm(value(encryption_algorithm))
            .set_signing_algorithm(value(signing_algorithm))
            .set_mdn_signing_algorithm(value(mdn_signing_algorithm))
            .set_mdn_response(value(mdn_response))
            .set_basic_auth_secret_id(basic_auth_secret_id)
            .set_preserve_content_type(value(preserve_content_type))
            .set_async_mdn_config(async_mdn_config.map(Into::into))
            .build()
    }
}

impl From<sdk::As2ConnectorConfig> for As2Config {
    fn from(theirs: sdk::As2ConnectorConfig) -> Self {
        Self {
            local_profile_id: theirs.local_profile_id,
            partner_profile_id: theirs.partner_profile_id,
            message_subject: theirs.message_subject,
            compression: text(theirs.compression),
            encryption_algorithm: text(theirs.encryption_algorithm),
            signing_algorithm: text(theirs.signing_algorithm),
            mdn_signing_algorithm: text(theirs.mdn_signing_algorithm),
            mdn_response: text(theirs.mdn_response),
            basic_auth_secret_id: theirs.basic_auth_secret_id,
            preserve_content_type: text(theirs.preserve_content_type),
            async_mdn_config: theirs.async_mdn_config.map(Into::into),
        }
    }
}
