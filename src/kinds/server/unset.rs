//! Members of a server that the spec does not set and that somebody set in AWS. Pure.

use super::members::{MEMBERS, SERVICE_MANAGED};
use super::plan::comparable;
use super::wanted::WantedServer;
use crate::api::status::{Applied, Unset};
use crate::aws::transfer::Server;
use crate::engine::diff::Member;
use crate::engine::unset;

/// What AWS fills in by itself: a default that it may change, and its own endpoint in a VPC.
const FILLED_BY_AWS: [&str; 2] = ["securityPolicyName", "endpointDetails.vpcEndpointId"];

/// Where AWS has something else than its default in a member that the spec does not set.
#[must_use]
pub fn unset(want: &WantedServer, server: &Server, applied: Option<&Applied>) -> Vec<Unset> {
    let provider = server.settings.identity_provider_type.as_deref().unwrap_or(SERVICE_MANAGED);
    // Details mean nothing without a provider that they are of.
    let counts = |member: &Member| {
        !FILLED_BY_AWS.contains(&member.path)
            && (provider != SERVICE_MANAGED || member.top() != "identityProviderDetails")
    };
    let members: Vec<Member> = MEMBERS.iter().filter(|member| counts(member)).copied().collect();
    let applied = applied.map(|applied| applied.paths.iter().cloned().collect()).unwrap_or_default();
    unset::unset(&members, &comparable(&want.settings), &comparable(&server.settings), &applied)
}
