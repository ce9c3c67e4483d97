//! What is wanted of a server, as `want` reads it off the spec. Types only.

use std::collections::BTreeMap;

use secrecy::SecretString;

use crate::api::server::DesiredState;
use crate::aws::transfer::{ServerSettings, Tags};
use crate::engine::reason::Reason;
use crate::ssh::PublicKey;

/// What is wanted of a server.
#[derive(Clone, Debug)]
pub struct WantedServer {
    /// `S3` or `EFS`, where the spec says.
    pub domain: Option<String>,
    /// All members that can change.
    pub settings: ServerSettings,
    /// ONLINE or OFFLINE.
    pub state: DesiredState,
    /// Tags, without owner tags.
    pub tags: Tags,
    /// Host keys; `None` where the spec lists none.
    pub host_keys: Option<Vec<WantedHostKey>>,
    /// Whether every listed host key could be read.
    pub host_keys_complete: bool,
    /// Whether unlisted host keys go.
    pub exclusive_host_keys: bool,
    /// Fingerprints of host keys that were replaced in their Secrets and may go.
    pub confirmed_host_keys: Vec<String>,
    /// Where AWS keeps the first host key.
    pub host_key_storage_type: Option<String>,
    /// Paths of roles that may not be passed.
    pub ungranted: Vec<String>,
    /// Paths of workflows that it may not be given yet, and why.
    pub held: BTreeMap<String, Reason>,
}

/// A host key that the spec lists and that could be read.
#[derive(Clone, Debug)]
pub struct WantedHostKey {
    /// Name of the entry.
    pub name: String,
    /// The private key.
    pub body: SecretString,
    /// Its public half.
    pub public: PublicKey,
    /// `SHA256:…` without padding.
    pub fingerprint: String,
    /// Description in AWS.
    pub description: Option<String>,
    /// Where AWS keeps it.
    pub storage_type: Option<String>,
    /// KMS key.
    pub kms_key: Option<String>,
    /// AWS may have it under another KMS key, which it never tells.
    pub kms_unsure: bool,
    /// Tags.
    pub tags: Tags,
}
