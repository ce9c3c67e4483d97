//! What the simulated account holds beside servers and workflows, as it is kept in the state file. Who may change what is
//! decided by the operations.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::lifecycle::Lifecycle;
use super::shelf::Named;

/// A certificate. Of its private key only that there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct Certificate {
    pub usage: String,
    pub certificate: String,
    pub certificate_chain: Option<String>,
    pub with_private_key: bool,
    pub serial: String,
    pub not_before_date: Timestamp,
    pub not_after_date: Timestamp,
    pub active_date: Timestamp,
    pub inactive_date: Timestamp,
    pub description: Option<String>,
}

impl Named for Certificate {
    const TYPE: &'static str = "Certificate";
    const NOUN: &'static str = "certificate";
    const PATH: &'static str = "certificate";
    const PREFIX: &'static str = "cert";
}

/// An AS2 identity, of ourselves or of a partner. Nothing of it can be changed but its certificates and its tags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct Profile {
    pub as2_id: String,
    pub profile_type: String,
    pub certificate_ids: Vec<String>,
}

impl Named for Profile {
    const TYPE: &'static str = "Profile";
    const NOUN: &'static str = "profile";
    const PATH: &'static str = "profile";
    const PREFIX: &'static str = "p";
}

/// How a partner's messages are received on a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct Agreement {
    pub server_id: String,
    pub description: Option<String>,
    pub local_profile_id: String,
    pub partner_profile_id: String,
    pub base_directory: Option<String>,
    pub custom_directories: Option<CustomDirectories>,
    pub access_role: String,
    pub status: String,
    pub preserve_filename: String,
    pub enforce_message_signing: String,
}

/// `CustomDirectoriesType`: all or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct CustomDirectories {
    pub failed_files_directory: String,
    pub mdn_files_directory: String,
    pub payload_files_directory: String,
    pub status_files_directory: String,
    pub temporary_files_directory: String,
}

impl Named for Agreement {
    const TYPE: &'static str = "Agreement";
    const NOUN: &'static str = "agreement";
    const PATH: &'static str = "agreement";
    const PREFIX: &'static str = "a";
}

/// How files are sent to a partner or fetched there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Connector {
    /// What `UpdateConnector` changes.
    pub settings: ConnectorSettings,
    /// The status that Describe shows, as a function of time.
    pub lifecycle: Lifecycle,
    /// Shown where the status is ERRORED.
    pub error_message: Option<String>,
}

/// What is said of a connector, after AWS's defaults were filled in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct ConnectorSettings {
    pub url: Option<String>,
    pub as2_config: Option<As2Config>,
    pub sftp_config: Option<SftpConfig>,
    pub access_role: String,
    pub logging_role: Option<String>,
    pub security_policy_name: Option<String>,
    pub egress_config: Option<EgressConfig>,
    pub ip_address_type: String,
}

/// `As2ConnectorConfig`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct As2Config {
    pub local_profile_id: Option<String>,
    pub partner_profile_id: Option<String>,
    pub message_subject: Option<String>,
    pub compression: Option<String>,
    pub encryption_algorithm: Option<String>,
    pub signing_algorithm: Option<String>,
    pub mdn_signing_algorithm: Option<String>,
    pub mdn_response: Option<String>,
    pub basic_auth_secret_id: Option<String>,
    pub preserve_content_type: Option<String>,
    pub async_mdn_config: Option<AsyncMdnConfig>,
}

/// `As2AsyncMdnConnectorConfig`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct AsyncMdnConfig {
    pub url: Option<String>,
    pub server_ids: Option<Vec<String>>,
}

/// `SftpConnectorConfig`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct SftpConfig {
    pub user_secret_id: Option<String>,
    pub trusted_host_keys: Option<Vec<String>>,
    pub max_concurrent_connections: Option<i64>,
    pub ordered_user_secret_version_stages: Option<Vec<String>>,
}

/// `ConnectorEgressConfig`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct EgressConfig {
    pub vpc_lattice: Option<VpcLattice>,
}

/// `ConnectorVpcLatticeEgressConfig`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct VpcLattice {
    pub resource_configuration_arn: Option<String>,
    pub port_number: Option<i64>,
}

impl Named for Connector {
    const TYPE: &'static str = "Connector";
    const NOUN: &'static str = "connector";
    const PATH: &'static str = "connector";
    const PREFIX: &'static str = "c";
}

/// A page in the browser for files, and how it looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct WebApp {
    pub instance_arn: String,
    pub application_arn: String,
    pub role: String,
    /// None for the service's own one.
    pub access_endpoint: Option<String>,
    pub provisioned: i64,
    pub web_app_endpoint_policy: String,
    pub vpc: Option<WebAppVpc>,
    /// Its VPC endpoint is in transition until then.
    pub endpoint_ready: Timestamp,
    pub customization: Option<Customization>,
}

/// `WebAppVpcConfig`. Security groups and the type of addresses are kept but never returned.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct WebAppVpc {
    pub subnet_ids: Option<Vec<String>>,
    pub vpc_id: Option<String>,
    pub security_group_ids: Option<Vec<String>>,
    pub ip_address_type: Option<String>,
    /// AWS's choice; no request has it.
    pub vpc_endpoint_id: Option<String>,
}

/// How a web app looks; files in base64.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct Customization {
    pub title: Option<String>,
    pub logo_file: Option<String>,
    pub favicon_file: Option<String>,
}

impl Named for WebApp {
    const TYPE: &'static str = "WebApp";
    const NOUN: &'static str = "web app";
    const PATH: &'static str = "webapp";
    const PREFIX: &'static str = "webapp";
}
