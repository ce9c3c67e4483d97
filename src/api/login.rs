//! What a login may do, the same for users and accesses: role, session policy, home directory, POSIX identity.
//! Pure types; turning the short form `home` into AWS's members is the kinds'.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::common::{ConfigMapKeyRef, yes};
use super::shapes::{HomeDirectoryMapEntry, PosixProfile};

/// Where a shared session policy is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicySource {
    /// A key of a ConfigMap in the same namespace that holds the policy as JSON text.
    pub config_map_key_ref: ConfigMapKeyRef,
}

/// A home directory in S3.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct S3Home {
    /// Name of the bucket.
    pub bucket: String,
    /// Prefix in the bucket, without slashes at its ends; absent means the whole bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
}

/// A home directory on EFS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct EfsHome {
    /// Id of the file system.
    pub file_system_id: String,
    /// Path on it, without slashes at its ends; absent means its root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// The short form of a home directory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct HomeSugar {
    /// In S3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3: Option<S3Home>,
    /// On EFS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub efs: Option<EfsHome>,
    /// True makes the directory the root of what the user sees (LOGICAL); false makes it the directory to start in (PATH).
    #[serde(default = "yes")]
    pub restricted: bool,
}

/// What a login may do and where it lands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Login {
    /// ARN of the IAM role that gives access to the files.
    pub role: String,
    /// Session policy as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Session policy from a ConfigMap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_from: Option<PolicySource>,
    /// The directory to start in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home_directory: Option<String>,
    /// PATH or LOGICAL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home_directory_type: Option<String>,
    /// Logical directories.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home_directory_mappings: Option<Vec<HomeDirectoryMapEntry>>,
    /// Short form of a home directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home: Option<HomeSugar>,
    /// POSIX identity, for EFS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub posix_profile: Option<PosixProfile>,
}
