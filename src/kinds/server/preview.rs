//! What one spec of a server in the place of another would change in AWS's members, by the table of members. Pure.

use serde_json::{Value, json};

use super::members::{MEMBERS, SECURITY_GROUPS, members};
use super::plan::comparable;
use super::want::settings;
use crate::api::TransferServerSpec;
use crate::engine::diff::{self, Change, Effect};

/// The members of a spec that are compared here.
pub const COMPARED: [&str; 15] = [
    "certificate",
    "domain",
    "endpointDetails",
    "endpointType",
    "identityProviderDetails",
    "identityProviderType",
    "ipAddressType",
    "loggingRole",
    "postAuthenticationLoginBanner",
    "preAuthenticationLoginBanner",
    "protocolDetails",
    "protocols",
    "s3StorageOptions",
    "securityPolicyName",
    "structuredLogDestinations",
];

/// What would change, with what it takes.
#[must_use]
pub fn changes(new: &TransferServerSpec, old: &TransferServerSpec) -> Vec<Change> {
    let (want, have) = (comparable(&settings(new, None)), comparable(&settings(old, None)));
    let set = diff::set_paths(MEMBERS, &have);
    let mut changes = diff::diff(&members(&want, &have, false), &want, &have, &set);
    let row = |path: &str, have: Value, want: Value, effect| {
        (have != want).then(|| Change { path: path.to_owned(), have, want, effect })
    };
    let domain = |spec: &TransferServerSpec| json!(spec.domain.as_deref().unwrap_or("S3"));
    changes.extend(row("domain", domain(old), domain(new), Effect::Replace));
    changes.extend(row(SECURITY_GROUPS, groups(old), groups(new), Effect::Ec2));
    changes
}

/// In an order that says nothing.
fn groups(spec: &TransferServerSpec) -> Value {
    let mut groups = spec.endpoint_details.as_ref().and_then(|details| details.security_group_ids.clone());
    if let Some(groups) = &mut groups {
        groups.sort();
    }
    json!(groups)
}
