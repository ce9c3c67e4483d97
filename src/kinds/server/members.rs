//! The members of a server, one row each: AWS's default, how it is reset, compared and changed. Only data, and
//! what of it depends on the server.
//!
//! Source: the AWS API reference of CreateServer, UpdateServer and DescribeServer.

use serde_json::Value;

use crate::engine::diff::{Compare, Effect, Member, Reset};

/// All members that can change.
pub const MEMBERS: &[Member] = &[
    Member::live("certificate", "null", Reset::Send("\"\"")),
    Member::live("endpointType", "\"PUBLIC\"", Reset::Send("\"PUBLIC\"")).takes(Effect::Offline),
    Member::live("endpointDetails.vpcId", "null", Reset::Follows).takes(Effect::Replace),
    // Pairs with the elastic IPs; without these their order says nothing.
    Member::live("endpointDetails.subnetIds", "null", Reset::Send("[]")).by(Compare::Set),
    Member::live("endpointDetails.addressAllocationIds", "null", Reset::Send("[]")).takes(Effect::Offline),
    Member::live("endpointDetails.vpcEndpointId", "null", Reset::Follows).takes(Effect::Offline),
    Member::live("identityProviderType", "\"SERVICE_MANAGED\"", Reset::Send("\"SERVICE_MANAGED\"")),
    Member::live("identityProviderDetails.url", "null", Reset::Follows),
    Member::live("identityProviderDetails.invocationRole", "null", Reset::Follows),
    Member::live("identityProviderDetails.directoryId", "null", Reset::Follows),
    Member::live("identityProviderDetails.function", "null", Reset::Follows),
    Member::live(
        "identityProviderDetails.sftpAuthenticationMethods",
        "\"PUBLIC_KEY_OR_PASSWORD\"",
        Reset::Send("\"PUBLIC_KEY_OR_PASSWORD\""),
    ),
    Member::live("ipAddressType", "\"IPV4\"", Reset::Send("\"IPV4\"")).takes(Effect::Offline),
    Member::live("loggingRole", "null", Reset::Send("\"\"")),
    Member::live("postAuthenticationLoginBanner", "null", Reset::Send("\"\"")),
    Member::live("preAuthenticationLoginBanner", "null", Reset::Send("\"\"")),
    // AWS takes it at any time; it counts after a stop and a start.
    Member::live("protocolDetails.passiveIp", "\"AUTO\"", Reset::Send("\"AUTO\"")).takes(Effect::Restart),
    Member::live("protocolDetails.tlsSessionResumptionMode", "\"ENFORCED\"", Reset::Send("\"ENFORCED\"")),
    Member::live("protocolDetails.setStatOption", "\"DEFAULT\"", Reset::Send("\"DEFAULT\"")),
    Member::live("protocolDetails.as2Transports", "null", Reset::Follows),
    Member::live(
        "protocolDetails.sftpPorts",
        "[{\"sftpPort\":22,\"communicationMode\":\"SERVER_TALK_FIRST\"}]",
        Reset::Send("[]"),
    )
    .by(Compare::Set),
    Member::live("protocolDetails.proxyConfig.sftpMode", "\"NONE\"", Reset::Send("\"NONE\"")),
    Member::live("protocols", "[\"SFTP\"]", Reset::Send("[\"SFTP\"]")).by(Compare::Set),
    Member::live("s3StorageOptions.directoryListingOptimization", "\"DISABLED\"", Reset::Send("\"DISABLED\"")),
    // AWS changes its default from time to time, so there is nothing to go back to.
    Member::live("securityPolicyName", "null", Reset::Never),
    Member::live("structuredLogDestinations", "null", Reset::Send("[]")),
    Member::live("workflowDetails.onUpload", "null", Reset::Send("[]")),
    Member::live("workflowDetails.onPartialUpload", "null", Reset::Send("[]")),
];

/// The member that pairs with the subnets.
pub const ADDRESSES: &str = "endpointDetails.addressAllocationIds";

/// The member that AWS never returns; its hash is remembered instead.
pub const SECURITY_GROUPS: &str = "endpointDetails.securityGroupIds";

/// Who speaks first on an SFTP port where the entry does not say; AWS fills it in.
pub const COMMUNICATION_MODE: &str = "SERVER_TALK_FIRST";

/// The provider of a server that was never given one.
pub const SERVICE_MANAGED: &str = "SERVICE_MANAGED";

/// The member of UpdateServer that carries `path`. Details of the identity provider go only together with its type.
#[must_use]
pub fn carrier(path: &str) -> &str {
    match path.split_once('.').map_or(path, |(top, _)| top) {
        "identityProviderDetails" => "identityProviderType",
        top => top,
    }
}

/// Members of UpdateServer that go together: AWS checks one against the other, or one means nothing without the other.
/// Once AWS refused an update, each group is sent on its own, what only restricts or logs first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// What a client must be able to do.
    SecurityPolicy,
    /// Where it is logged and what becomes of files: workflows need the logging role.
    Logging,
    /// What a client is told.
    Banners,
    /// How S3 is listed.
    Storage,
    /// Where it listens.
    Endpoint,
    /// Who is let in, over which protocols.
    Access,
}

/// The group of a path.
#[must_use]
pub fn group(path: &str) -> Group {
    match path.split_once('.').map_or(path, |(top, _)| top) {
        "securityPolicyName" => Group::SecurityPolicy,
        "loggingRole" | "structuredLogDestinations" | "workflowDetails" => Group::Logging,
        "preAuthenticationLoginBanner" | "postAuthenticationLoginBanner" => Group::Banners,
        "s3StorageOptions" => Group::Storage,
        "endpointType" | "endpointDetails" | "ipAddressType" => Group::Endpoint,
        _ => Group::Access,
    }
}

/// The table for this server: what a change takes depends on what is attached, or was `taken_off` and is to be again.
#[must_use]
pub fn members(want: &Value, have: &Value, taken_off: bool) -> Vec<Member> {
    let details = |settings: &Value, name: &str| {
        settings.pointer(&format!("/endpointDetails/{name}")).is_some_and(|value| match value {
            Value::Array(items) => !items.is_empty(),
            value => !value.is_null(),
        })
    };
    let attached = taken_off || details(have, "addressAllocationIds");
    let addresses = attached || details(want, "addressAllocationIds");
    let offers_ftp =
        want.get("protocols").and_then(Value::as_array).is_some_and(|offered| offered.iter().any(|one| one == "FTP"));
    let in_vpc = details(have, "vpcId");
    let to_own_endpoint = want.get("endpointType").and_then(Value::as_str) == Some("VPC_ENDPOINT");
    let fit = |member: &Member| match member.path {
        "endpointDetails.subnetIds" if addresses => member.by(Compare::Exact).takes(Effect::Offline),
        // AWS takes it from few accounts, and no server was seen to be moved there.
        "endpointType" if to_own_endpoint => member.takes(Effect::Replace),
        // Addresses and FTP exclude each other: the addresses come off first.
        "protocols" if attached && offers_ftp => member.takes(Effect::Offline),
        // Not another VPC, but the first one: it comes with the endpoint type.
        "endpointDetails.vpcId" if !in_vpc => member.takes(Effect::Offline),
        _ => *member,
    };
    MEMBERS.iter().map(fit).collect()
}
