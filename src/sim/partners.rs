//! What the simulated account holds beside servers and workflows, as it is kept in the state file. Who may change what is
//! decided by the operations.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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
