//! What crosses the AWS door: our own request and answer types.
//!
//! No SDK type passes this line. Values that AWS may extend (states, types) stay strings, so that an unknown one survives.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

pub use crate::api::shapes::{
    EndpointDetails, HomeDirectoryMapEntry, IdentityProviderDetails, PosixProfile, ProtocolDetails, S3StorageOptions,
    WorkflowDetails,
};

/// Tags as AWS keeps them, key to value.
pub type Tags = BTreeMap<String, String>;

/// AWS's most tags on one thing.
pub const TAGS_MAX: usize = 50;

/// The members that CreateServer, UpdateServer and DescribeServer share.
///
/// In a request, `None` means "not sent" (AWS keeps what it has); in an answer it means "not returned".
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

/// Input of CreateServer.
#[derive(Clone, Debug, Default)]
pub struct CreateServer {
    /// `S3` or `EFS`.
    pub domain: Option<String>,
    /// First host key; AWS makes one where absent.
    pub host_key: Option<SecretString>,
    /// Where AWS keeps the host keys.
    pub host_key_storage_type: Option<String>,
    /// All shared members.
    pub settings: ServerSettings,
    /// Tags, the owner tags among them.
    pub tags: Tags,
}

/// What DescribeServer answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Server {
    /// ARN of the server.
    pub arn: String,
    /// `s-` and 17 hexadecimal digits.
    pub server_id: String,
    /// `S3` or `EFS`.
    pub domain: Option<String>,
    /// `OFFLINE`, `ONLINE`, `STARTING`, `STOPPING`, `START_FAILED`, `STOP_FAILED` or what AWS adds.
    pub state: Option<String>,
    /// Fingerprint of the host key that is shown for the server, padded.
    pub host_key_fingerprint: Option<String>,
    /// Number of users as AWS counts them (eventually consistent).
    pub user_count: Option<i32>,
    /// All shared members.
    pub settings: ServerSettings,
    /// Tags.
    pub tags: Tags,
}

/// One row of ListServers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListedServer {
    /// Id of the server.
    pub server_id: String,
}

/// The members that Create, Update and Describe of users and accesses share.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoginSettings {
    /// Landing directory; `""` clears it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home_directory: Option<String>,
    /// Virtual directory tree, only with `LOGICAL`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home_directory_mappings: Option<Vec<HomeDirectoryMapEntry>>,
    /// `PATH` or `LOGICAL`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home_directory_type: Option<String>,
    /// Session policy, JSON text; `""` clears it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// POSIX identity for EFS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub posix_profile: Option<PosixProfile>,
    /// Role that Transfer assumes for the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

/// Input of CreateUser.
#[derive(Clone, Debug, Default)]
pub struct CreateUser {
    /// Server the user belongs to.
    pub server_id: String,
    /// Name of the user on that server.
    pub user_name: String,
    /// All shared members.
    pub settings: LoginSettings,
    /// First SSH public key.
    pub ssh_public_key_body: Option<String>,
    /// Tags, the owner tags among them.
    pub tags: Tags,
}

/// What DescribeUser answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct User {
    /// ARN of the user.
    pub arn: String,
    /// Name of the user.
    pub user_name: String,
    /// All shared members.
    pub settings: LoginSettings,
    /// SSH public keys with their ids.
    pub ssh_public_keys: Vec<SshPublicKey>,
    /// Tags.
    pub tags: Tags,
}

/// An SSH public key as AWS keeps it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SshPublicKey {
    /// `key-` and 17 hexadecimal digits.
    pub id: String,
    /// The normalised line, with its comment.
    pub body: String,
    /// When it was imported.
    pub date_imported: Option<jiff::Timestamp>,
}

/// One row of ListUsers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListedUser {
    /// Name of the user.
    pub user_name: String,
}

/// Input of CreateAccess.
#[derive(Clone, Debug, Default)]
pub struct CreateAccess {
    /// Server the access belongs to.
    pub server_id: String,
    /// SID of the directory group.
    pub external_id: String,
    /// All shared members.
    pub settings: LoginSettings,
}

/// What DescribeAccess answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Access {
    /// SID of the directory group.
    pub external_id: String,
    /// All shared members; AWS may leave the role out.
    pub settings: LoginSettings,
}

/// One row of ListAccesses.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListedAccess {
    /// SID of the directory group.
    pub external_id: String,
    /// Role.
    pub role: Option<String>,
}

/// What DescribeHostKey answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostKey {
    /// ARN of the key.
    pub arn: String,
    /// `hostkey-` and 17 hexadecimal digits.
    pub id: String,
    /// `SHA256:…`, padded.
    pub fingerprint: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// `ssh-rsa`, `ssh-ed25519` and so on.
    pub key_type: Option<String>,
    /// When it was imported.
    pub date_imported: Option<jiff::Timestamp>,
    /// Where AWS keeps it.
    pub storage_type: Option<String>,
    /// Tags; empty in listings, which do not carry them.
    pub tags: Tags,
}

/// Input of ImportHostKey.
#[derive(Clone, Debug)]
pub struct ImportHostKey {
    /// Server that gets the key.
    pub server_id: String,
    /// Private key text.
    pub body: SecretString,
    /// Free text.
    pub description: Option<String>,
    /// Where AWS shall keep it.
    pub storage_type: Option<String>,
    /// Key that encrypts it.
    pub kms_key: Option<String>,
    /// Tags.
    pub tags: Tags,
}

/// What DescribeSecurityPolicy answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SecurityPolicy {
    /// Name of the policy.
    pub name: String,
    /// Whether it is a FIPS policy.
    pub fips: Option<bool>,
    /// `SERVER` or `CONNECTOR`.
    pub policy_type: Option<String>,
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

/// Input of TestIdentityProvider.
#[derive(Clone, Debug)]
pub struct TestIdentityProvider {
    /// Server whose provider is asked.
    pub server_id: String,
    /// `SFTP`, `FTP`, `FTPS`.
    pub server_protocol: Option<String>,
    /// Address the login seems to come from.
    pub source_ip: Option<String>,
    /// Name to log in.
    pub user_name: String,
    /// Password to log in with.
    pub user_password: Option<SecretString>,
}

/// What TestIdentityProvider answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IdentityProviderAnswer {
    /// Answer of the provider.
    pub response: Option<String>,
    /// HTTP status of the provider.
    pub status_code: i32,
    /// Message.
    pub message: Option<String>,
    /// URL that was asked.
    pub url: String,
}

/// One page of a listing.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The rows of this page.
    pub items: Vec<T>,
    /// Token of the next page; absent on the last.
    pub next_token: Option<String>,
}
