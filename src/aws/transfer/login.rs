//! What users and accesses have in common: home, role and policy of a login.

use aws_sdk_transfer::types as sdk;
use aws_smithy_types::error::operation::BuildError;
use serde::{Deserialize, Serialize};

pub use crate::api::shapes::{HomeDirectoryMapEntry, PosixProfile};
use crate::aws::sdk::convert::{text, value};

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

/// Sets every member of [`LoginSettings`] on a builder of one of the four calls that have them. A macro, because the
/// SDK's builders share no trait.
macro_rules! with_login_settings {
    ($once:expr, $builder:expr, $settings:expr) => {{
        let $crate::aws::transfer::LoginSettings {
            home_directory,
            home_directory_mappings,
            home_directory_type,
            policy,
            posix_profile,
            role,
        } = $settings;
        $builder
            .set_home_directory(home_directory)
            .set_home_directory_mappings($once.built($crate::aws::sdk::convert::built(home_directory_mappings))?)
            .set_home_directory_type($crate::aws::sdk::convert::value(home_directory_type))
            .set_policy(policy)
            .set_posix_profile($once.built(posix_profile.map(TryInto::try_into).transpose())?)
            .set_role(role)
    }};
}
pub(super) use with_login_settings;

/// Reads every member of [`LoginSettings`] from a described user or access. A macro for the same reason.
macro_rules! login_settings {
    ($theirs:ident) => {
        $crate::aws::transfer::LoginSettings {
            home_directory: $theirs.home_directory,
            home_directory_mappings: $crate::aws::sdk::convert::list($theirs.home_directory_mappings),
            home_directory_type: $crate::aws::sdk::convert::text($theirs.home_directory_type),
            policy: $theirs.policy,
            posix_profile: $theirs.posix_profile.map(Into::into),
            role: $theirs.role,
        }
    };
}
pub(super) use login_settings;

impl TryFrom<HomeDirectoryMapEntry> for sdk::HomeDirectoryMapEntry {
    type Error = BuildError;

    fn try_from(ours: HomeDirectoryMapEntry) -> Result<Self, BuildError> {
        let HomeDirectoryMapEntry { entry, target, r#type } = ours;
        Self::builder().entry(entry).target(target).set_type(value(r#type)).build()
    }
}

impl From<sdk::HomeDirectoryMapEntry> for HomeDirectoryMapEntry {
    fn from(theirs: sdk::HomeDirectoryMapEntry) -> Self {
        Self { entry: theirs.entry, target: theirs.target, r#type: text(theirs.r#type) }
    }
}

impl TryFrom<PosixProfile> for sdk::PosixProfile {
    type Error = BuildError;

    fn try_from(ours: PosixProfile) -> Result<Self, BuildError> {
        let PosixProfile { uid, gid, secondary_gids } = ours;
        Self::builder().uid(uid).gid(gid).set_secondary_gids(secondary_gids).build()
    }
}

impl From<sdk::PosixProfile> for PosixProfile {
    fn from(theirs: sdk::PosixProfile) -> Self {
        Self { uid: theirs.uid, gid: theirs.gid, secondary_gids: theirs.secondary_gids }
    }
}
