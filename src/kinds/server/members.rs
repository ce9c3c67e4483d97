//! The members of a server, one row each: AWS's default, how it is reset, compared and changed. Only data.
//!
//! Source: the AWS API reference of CreateServer, UpdateServer and DescribeServer.

use crate::engine::diff::{Compare, Effect, Member, Reset};

/// All members that can change.
pub const MEMBERS: &[Member] = &[
    Member::live("certificate", "null", Reset::Send("\"\"")),
    Member::live("endpointType", "\"PUBLIC\"", Reset::Send("\"PUBLIC\"")).takes(Effect::Offline),
    Member::live("endpointDetails.vpcId", "null", Reset::Follows).takes(Effect::Replace),
    Member::live("endpointDetails.subnetIds", "null", Reset::Send("[]")),
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
    ),
    Member::live("protocolDetails.proxyConfig.sftpMode", "\"NONE\"", Reset::Send("\"NONE\"")),
    Member::live("protocols", "[\"SFTP\"]", Reset::Send("[\"SFTP\"]")).by(Compare::Set),
    Member::live("s3StorageOptions.directoryListingOptimization", "\"DISABLED\"", Reset::Send("\"DISABLED\"")),
    // AWS changes its default from time to time, so there is nothing to go back to.
    Member::live("securityPolicyName", "null", Reset::Never),
    Member::live("structuredLogDestinations", "null", Reset::Send("[]")),
    Member::live("workflowDetails.onUpload", "null", Reset::Send("[]")),
    Member::live("workflowDetails.onPartialUpload", "null", Reset::Send("[]")),
];

/// The member that AWS never returns; its hash is remembered instead.
pub const SECURITY_GROUPS: &str = "endpointDetails.securityGroupIds";
