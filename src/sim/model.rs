//! What the simulated account holds: servers and what belongs to them, and workflows, as it is kept in the state file.
//! Who may change what is decided by the operations.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::config::{Config, Leniency};
use super::error::{Answer, ApiError};
use super::lifecycle::Lifecycle;
use super::profile::Profile;

/// One tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    /// Its key, unique on the resource.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// `EndpointDetails`. `SecurityGroupIds` is kept but never returned.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct EndpointDetails {
    pub address_allocation_ids: Option<Vec<String>>,
    pub subnet_ids: Option<Vec<String>>,
    pub vpc_endpoint_id: Option<String>,
    pub vpc_id: Option<String>,
    pub security_group_ids: Option<Vec<String>>,
}

/// `IdentityProviderDetails`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct IdentityProviderDetails {
    pub url: Option<String>,
    pub invocation_role: Option<String>,
    pub directory_id: Option<String>,
    pub function: Option<String>,
    pub sftp_authentication_methods: Option<String>,
}

/// `ProtocolDetails`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct ProtocolDetails {
    pub passive_ip: Option<String>,
    pub tls_session_resumption_mode: Option<String>,
    pub set_stat_option: Option<String>,
    pub sftp_ports: Option<Vec<SftpPort>>,
    #[serde(rename = "As2Transports")]
    pub as2_transports: Option<Vec<String>>,
    pub proxy_config: Option<ProxyConfig>,
}

/// `SftpPortWithOptions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct SftpPort {
    pub sftp_port: i64,
    pub communication_mode: Option<String>,
}

/// `ProxyConfig`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct ProxyConfig {
    pub sftp_mode: Option<String>,
}

/// `WorkflowDetail`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct WorkflowDetail {
    pub workflow_id: String,
    pub execution_role: String,
}

/// `WorkflowDetails`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct WorkflowDetails {
    pub on_upload: Option<Vec<WorkflowDetail>>,
    pub on_partial_upload: Option<Vec<WorkflowDetail>>,
}

/// `S3StorageOptions`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct S3StorageOptions {
    pub directory_listing_optimization: Option<String>,
}

/// The settings of a server: what `UpdateServer` can change, after AWS's defaults were filled in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct Settings {
    pub certificate: Option<String>,
    pub endpoint_details: Option<EndpointDetails>,
    pub endpoint_type: String,
    pub identity_provider_details: Option<IdentityProviderDetails>,
    pub identity_provider_type: String,
    pub ip_address_type: String,
    pub logging_role: Option<String>,
    pub post_authentication_login_banner: Option<String>,
    pub pre_authentication_login_banner: Option<String>,
    pub protocols: Vec<String>,
    pub protocol_details: ProtocolDetails,
    pub security_policy_name: String,
    pub workflow_details: WorkflowDetails,
    pub structured_log_destinations: Option<Vec<String>>,
    #[serde(rename = "S3StorageOptions")]
    pub s3_storage_options: Option<S3StorageOptions>,
}

/// A server and everything that dies with it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Server {
    /// Its id, never used twice.
    pub server_id: String,
    /// `S3` or `EFS`; cannot change.
    pub domain: String,
    /// What `UpdateServer` changes.
    pub settings: Settings,
    /// The state that Describe shows, as a function of time.
    pub lifecycle: Lifecycle,
    /// When it was made; listings may lag behind.
    pub created: Timestamp,
    /// The VPC endpoint is in transition until then.
    pub endpoint_ready: Timestamp,
    /// Deleted, and invisible from then on.
    pub gone: Option<Timestamp>,
    /// Members that Describe and List show with another value than the server has.
    #[serde(default)]
    pub shown_as: BTreeMap<String, Value>,
    /// In the order in which they were added.
    pub tags: Vec<Tag>,
    /// By name.
    pub users: BTreeMap<String, User>,
    /// By external id.
    pub accesses: BTreeMap<String, Access>,
    /// Oldest first: the oldest of each algorithm is the active one.
    pub host_keys: Vec<HostKey>,
}

/// A user of the service's own directory.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct User {
    /// Home, policy, role.
    pub profile: Profile,
    /// In the order of their import.
    pub ssh_public_keys: Vec<SshKey>,
    /// In the order in which they were added.
    pub tags: Vec<Tag>,
    /// Deleted, and invisible from then on.
    pub gone: Option<Timestamp>,
}

/// A group of a directory.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Access {
    /// Home, policy, role.
    pub profile: Profile,
    /// Deleted, and invisible from then on.
    pub gone: Option<Timestamp>,
}

/// A public key of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct SshKey {
    pub ssh_public_key_id: String,
    pub ssh_public_key_body: String,
    pub date_imported: Timestamp,
}

/// A host key; of the private half nothing is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct HostKey {
    pub host_key_id: String,
    pub host_key_fingerprint: String,
    pub r#type: String,
    pub description: Option<String>,
    pub date_imported: Timestamp,
    pub tags: Vec<Tag>,
    pub storage_type: String,
    pub kms_key: Option<String>,
    pub secret_id: Option<String>,
}

/// `WorkflowStep`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct Step {
    pub r#type: Option<String>,
    pub copy_step_details: Option<CopyStep>,
    pub custom_step_details: Option<CustomStep>,
    pub delete_step_details: Option<DeleteStep>,
    pub tag_step_details: Option<TagStep>,
    pub decrypt_step_details: Option<DecryptStep>,
}

/// `CopyStepDetails`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct CopyStep {
    pub name: Option<String>,
    pub destination_file_location: Option<FileLocation>,
    pub overwrite_existing: Option<String>,
    pub source_file_location: Option<String>,
}

/// `CustomStepDetails`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct CustomStep {
    pub name: Option<String>,
    pub target: Option<String>,
    pub timeout_seconds: Option<i64>,
    pub source_file_location: Option<String>,
}

/// `DeleteStepDetails`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct DeleteStep {
    pub name: Option<String>,
    pub source_file_location: Option<String>,
}

/// `TagStepDetails`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct TagStep {
    pub name: Option<String>,
    pub tags: Option<Vec<Tag>>,
    pub source_file_location: Option<String>,
}

/// `DecryptStepDetails`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct DecryptStep {
    pub name: Option<String>,
    pub r#type: String,
    pub destination_file_location: FileLocation,
    pub overwrite_existing: Option<String>,
    pub source_file_location: Option<String>,
}

/// `InputFileLocation`: one of the two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct FileLocation {
    #[serde(rename = "S3FileLocation")]
    pub s3_file_location: Option<S3FileLocation>,
    pub efs_file_location: Option<EfsFileLocation>,
}

/// `S3InputFileLocation`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct S3FileLocation {
    pub bucket: Option<String>,
    pub key: Option<String>,
}

/// `EfsFileLocation`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct EfsFileLocation {
    pub file_system_id: Option<String>,
    pub path: Option<String>,
}

/// A workflow. It never changes, but for its tags.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Workflow {
    /// Its id, never used twice.
    pub workflow_id: String,
    /// A text of whoever made it.
    pub description: Option<String>,
    /// What is done with a file.
    pub steps: Vec<Step>,
    /// What is done where one of these fails.
    pub on_exception_steps: Vec<Step>,
    /// The log groups of its runs.
    pub structured_log_destinations: Vec<String>,
    /// When it was made; listings may lag behind.
    pub created: Timestamp,
    /// Deleted, and invisible from then on.
    pub gone: Option<Timestamp>,
    /// In the order in which they were added.
    pub tags: Vec<Tag>,
}

/// An elastic address of the account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// The instance, or whatever else, that has it.
    pub taken_by: Option<String>,
}

impl Server {
    /// Whether the oldest rule of the service applies: users are its own, not a directory's or a function's.
    #[must_use]
    pub fn service_managed(&self) -> bool {
        self.settings.identity_provider_type == "SERVICE_MANAGED"
    }

    /// Users that are not being deleted.
    #[must_use]
    pub fn user_count(&self) -> usize {
        self.users.values().filter(|u| u.gone.is_none()).count()
    }

    /// A host key that can be changed.
    ///
    /// # Errors
    /// `Unknown host key`.
    pub fn host_key_mut(&mut self, id: &str) -> Answer<&mut HostKey> {
        self.host_keys.iter_mut().find(|k| k.host_key_id == id).ok_or_else(|| ApiError::unknown_host_key(id))
    }

    /// Refuses operations on users where the provider is not the service and the switch says so.
    ///
    /// # Errors
    /// `InvalidRequestException`.
    pub fn allows_users(&self, verb: &str, config: &Config) -> Answer<()> {
        if self.service_managed() || config.users_of_other_provider == Leniency::Accept {
            return Ok(());
        }
        Err(self.wrong_provider(verb))
    }

    /// The refusal of an operation that the identity provider has no use for.
    #[must_use]
    pub fn wrong_provider(&self, verb: &str) -> ApiError {
        ApiError::invalid(format!("Cannot {verb} on server with IdP type: {}", self.settings.identity_provider_type))
    }

    /// A user that can be read.
    ///
    /// # Errors
    /// `Unknown user`.
    pub fn user(&self, name: &str) -> Answer<&User> {
        self.users.get(name).ok_or_else(|| unknown_user(name))
    }

    /// A user that can be changed.
    ///
    /// # Errors
    /// `Unknown user`, also for one that is being deleted.
    pub fn user_mut(&mut self, name: &str) -> Answer<&mut User> {
        self.users.get_mut(name).filter(|u| u.gone.is_none()).ok_or_else(|| unknown_user(name))
    }

    /// An access that can be read.
    ///
    /// # Errors
    /// `Unknown access`.
    pub fn access(&self, id: &str) -> Answer<&Access> {
        self.accesses.get(id).ok_or_else(|| unknown_access(id))
    }

    /// An access that can be changed.
    ///
    /// # Errors
    /// `Unknown access`, also for one that is being deleted.
    pub fn access_mut(&mut self, id: &str) -> Answer<&mut Access> {
        self.accesses.get_mut(id).filter(|a| a.gone.is_none()).ok_or_else(|| unknown_access(id))
    }
}

fn unknown_user(name: &str) -> ApiError {
    ApiError::not_found("Unknown user", name, "User")
}

fn unknown_access(id: &str) -> ApiError {
    ApiError::not_found("Unknown access", id, "Access")
}
