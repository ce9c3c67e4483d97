//! What a login may do, the same for users and accesses: role, session policy, home directory, POSIX identity.
//! Pure types; turning the short form `home` into AWS's members is the kinds'.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::lifecycle::yes;
use super::object_ref::ConfigMapKeyRef;
use super::shapes::{HomeDirectoryMapEntry, PosixProfile};
use super::{pattern, rules};

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
#[schemars(transform = rules::s3_home)]
pub struct S3Home {
    /// Name of the bucket.
    #[x_kube(validation = pattern::BUCKET)]
    #[schemars(length(min = 3, max = 255))]
    pub bucket: String,
    /// Prefix in the bucket, without slashes at its ends; absent means the whole bucket. May hold AWS's variable
    /// transfer:UserName (a dollar sign and braces around it); Flux's postBuild substitution eats it unless the dollar
    /// sign is written twice.
    #[x_kube(validation = pattern::RELATIVE_PATH)]
    #[schemars(length(min = 1, max = 1020))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
}

/// A home directory on EFS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct EfsHome {
    /// Id of the file system (fs-...).
    #[x_kube(validation = pattern::FILE_SYSTEM_ID)]
    #[schemars(length(max = 43))]
    pub file_system_id: String,
    /// Path on it, without slashes at its ends; absent means its root. It must exist.
    #[x_kube(validation = pattern::RELATIVE_PATH)]
    #[schemars(length(min = 1, max = 978))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// The short form of a home directory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = rules::home)]
pub struct HomeSugar {
    /// In S3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3: Option<S3Home>,
    /// On EFS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub efs: Option<EfsHome>,
    /// True: the directory is all that the user sees, as / (homeDirectoryType LOGICAL with one mapping). False: the
    /// user starts there and sees every path that the role allows (homeDirectoryType PATH).
    #[serde(default = "yes")]
    pub restricted: bool,
}

/// What a login may do and where it lands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = rules::login)]
pub struct Login {
    /// ARN of the IAM role that gives access to the files. It must trust transfer.amazonaws.com; AWS does not check
    /// that here, logins fail. The identity's grant for this namespace must list it.
    #[x_kube(validation = pattern::ROLE_ARN)]
    #[schemars(length(max = 2048))]
    pub role: String,
    /// Session policy: JSON text that narrows the role for this login. AWS takes 2048 characters after white space is
    /// taken out. For S3 only. Flux's postBuild substitution eats variables such as transfer:UserName unless their
    /// dollar sign is written twice.
    #[schemars(length(max = 8192))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Session policy that several objects share, from a ConfigMap. While it is missing, empty or unreadable, nothing
    /// is changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_from: Option<PolicySource>,
    /// The directory that a user starts in: /bucket/prefix in S3, /fs-.../path on EFS.
    #[x_kube(validation = pattern::PATH_OR_EMPTY)]
    #[schemars(length(max = 1024))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home_directory: Option<String>,
    /// PATH: users see real paths. LOGICAL: they see what homeDirectoryMappings says. Absent means PATH.
    #[schemars(extend("enum" = ["PATH", "LOGICAL"]))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home_directory_type: Option<String>,
    /// Logical directories and where they lead, in this order. The size of the object is the limit, long before AWS's
    /// 50,000 entries: about 1.5 MB in all. Targets may hold AWS's variable transfer:UserName (a dollar sign and braces
    /// around it); Flux's postBuild substitution eats it unless the dollar sign is written twice.
    #[x_kube(
        merge_strategy = ListMerge::Atomic,
        validation = rules::MAPPING_ENTRIES,
        validation = rules::MAPPING_TARGETS,
        validation = rules::ROOT_ENTRY_ALONE
    )]
    #[schemars(length(min = 1, max = 50000))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home_directory_mappings: Option<Vec<HomeDirectoryMapEntry>>,
    /// Short form of homeDirectory, homeDirectoryType and homeDirectoryMappings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home: Option<HomeSugar>,
    /// POSIX identity for EFS; without one, logins to a server on EFS fail. AWS cannot take it away again:
    /// once set it can be changed but not taken out (CannotClear).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub posix_profile: Option<PosixProfile>,
}
