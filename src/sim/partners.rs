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
