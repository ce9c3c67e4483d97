//! What users and accesses share: home directory, mappings, session policy, POSIX ids and role.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::config::Variable;
use super::error::{Answer, ApiError};

/// `HomeDirectoryMapEntry`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct MapEntry {
    pub entry: String,
    pub target: String,
    pub r#type: Option<String>,
}

/// `PosixProfile`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct PosixProfile {
    pub uid: i64,
    pub gid: i64,
    pub secondary_gids: Option<Vec<i64>>,
}

/// What users and accesses have in common: where they land and what they may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, clippy::struct_field_names, reason = "they are AWS's names")]
pub struct Profile {
    pub home_directory: Option<String>,
    pub home_directory_type: String,
    pub home_directory_mappings: Option<Vec<MapEntry>>,
    pub policy: Option<String>,
    pub posix_profile: Option<PosixProfile>,
    pub role: String,
}

/// The members of Create and Update; what is absent stays as it is.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct ProfileInput {
    pub home_directory: Option<String>,
    pub home_directory_type: Option<String>,
    pub home_directory_mappings: Option<Vec<MapEntry>>,
    pub policy: Option<String>,
    pub posix_profile: Option<PosixProfile>,
    pub role: Option<String>,
}

/// AWS's own texts spell it with either case.
const USER_NAME: [&str; 2] = ["${Transfer:UserName}", "${transfer:UserName}"];
/// Characters of a session policy at most; not adjustable.
const POLICY_SIZE: usize = 2048;

impl Profile {
    /// The profile of something new.
    ///
    /// # Errors
    /// As [`Profile::changed`].
    pub fn created(input: ProfileInput, domain: &str) -> Answer<Self> {
        let blank = Self {
            home_directory: None,
            home_directory_type: "PATH".to_owned(),
            home_directory_mappings: None,
            policy: None,
            posix_profile: None,
            role: String::new(),
        };
        blank.changed(input, domain)
    }

    /// This profile after an update.
    ///
    /// # Errors
    /// `InvalidRequestException` for members that do not go together.
    pub fn changed(&self, input: ProfileInput, domain: &str) -> Answer<Self> {
        let mut next = self.clone();
        if let Some(home) = input.home_directory {
            next.home_directory = Some(home).filter(|h| !h.is_empty());
        }
        if let Some(kind) = input.home_directory_type {
            if kind == "PATH" {
                next.home_directory_mappings = None;
            }
            next.home_directory_type = kind;
        }
        if let Some(mappings) = input.home_directory_mappings {
            check_mappings(&mappings)?;
            next.home_directory_mappings = Some(mappings);
        }
        if let Some(policy) = input.policy {
            check_policy(&policy, domain)?;
            next.policy = Some(policy).filter(|p| !p.is_empty());
        }
        next.posix_profile = input.posix_profile.or(next.posix_profile);
        next.role = input.role.unwrap_or(next.role);
        next.check(domain)?;
        Ok(next)
    }

    /// The profile of a user as it is returned.
    #[must_use]
    pub fn shown(&self, user_name: &str, variable: Variable) -> Self {
        let mut shown = self.clone();
        if variable == Variable::Expanded {
            let mappings = shown.home_directory_mappings.iter_mut().flatten();
            let paths = mappings.flat_map(|map| [&mut map.entry, &mut map.target]);
            for path in paths.chain(&mut shown.home_directory) {
                *path = USER_NAME.iter().fold(path.clone(), |path, spelling| path.replace(spelling, user_name));
            }
        }
        shown
    }

    /// The members as Describe returns them.
    #[must_use]
    pub fn described(&self) -> Value {
        json!({
            "HomeDirectory": self.home_directory,
            "HomeDirectoryMappings": self.home_directory_mappings,
            "HomeDirectoryType": self.home_directory_type,
            "Policy": self.policy,
            "PosixProfile": self.posix_profile,
            "Role": self.role,
        })
    }

    fn check(&self, domain: &str) -> Answer<()> {
        let logical = self.home_directory_type == "LOGICAL";
        if logical && self.home_directory_mappings.is_none() {
            return Err(ApiError::invalid("HomeDirectoryMappings must be specified when HomeDirectoryType is LOGICAL"));
        }
        if !logical && self.home_directory_mappings.is_some() {
            return Err(ApiError::invalid("HomeDirectoryMappings can be set only when HomeDirectoryType is LOGICAL"));
        }
        if domain == "EFS" && self.posix_profile.is_none() {
            return Err(ApiError::invalid("PosixProfile must be specified when the server domain is EFS"));
        }
        Ok(())
    }
}

fn check_policy(policy: &str, domain: &str) -> Answer<()> {
    if policy.chars().count() > POLICY_SIZE {
        return Err(ApiError::quota("PolicySize", POLICY_SIZE));
    }
    if policy.is_empty() {
        return Ok(());
    }
    if !serde_json::from_str::<Value>(policy).is_ok_and(|p| p.is_object()) {
        return Err(ApiError::invalid("Policy is not a valid JSON policy"));
    }
    if domain == "EFS" {
        return Err(ApiError::invalid("Policy is not supported when the server domain is EFS"));
    }
    Ok(())
}

/// Entries must not overlap: a directory that is mapped cannot lie inside another one that is.
fn check_mappings(mappings: &[MapEntry]) -> Answer<()> {
    if let Some(map) = mappings.iter().find(|m| m.target.len() > 1 && m.target.ends_with('/')) {
        return Err(ApiError::invalid(format!(
            "Target of HomeDirectoryMappings must not end with a slash: {}",
            map.target
        )));
    }
    // With a slash behind each entry, one that lies inside another follows it directly in sorted order.
    let mut entries: Vec<String> = mappings.iter().map(|m| format!("{}/", m.entry.trim_end_matches('/'))).collect();
    entries.sort_unstable();
    let mut pairs = entries.iter().zip(entries.iter().skip(1));
    match pairs.find(|(outer, inner)| inner.starts_with(outer.as_str())) {
        Some((_, inner)) => Err(ApiError::invalid(format!(
            "Entries of HomeDirectoryMappings overlap at: {}",
            inner.trim_end_matches('/')
        ))),
        None => Ok(()),
    }
}
