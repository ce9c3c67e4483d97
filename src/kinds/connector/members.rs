//! The members of a connector, one row each: AWS's default, how it is reset, compared and changed. Only data, and what of
//! it depends on the connector.
//!
//! Source: the AWS API reference of CreateConnector, UpdateConnector and DescribeConnector.

use serde_json::Value;

use crate::engine::diff::{Compare, Effect, Member, Reset};

/// All members that can change.
pub const MEMBERS: &[Member] = &[
    Member::live("url", "null", Reset::Never),
    Member::live("egressConfig.vpcLattice.resourceConfigurationArn", "null", Reset::Never),
    Member::live("egressConfig.vpcLattice.portNumber", "22", Reset::Send("22")),
    Member::live("accessRole", "null", Reset::Never),
    // An update without it keeps it, and AWS takes no empty one.
    Member::live("loggingRole", "null", Reset::Never),
    // AWS changes its default from time to time, so there is nothing to go back to.
    Member::live("securityPolicyName", "null", Reset::Never),
    Member::live("ipAddressType", "\"IPV4\"", Reset::Send("\"IPV4\"")),
    Member::live("sftpConfig.userSecretId", "null", Reset::Never),
    Member::live(TRUSTED_HOST_KEYS, "null", Reset::Send("[]")).by(Compare::Set),
    Member::live("sftpConfig.maxConcurrentConnections", "1", Reset::Send("1")),
    Member::live("sftpConfig.orderedUserSecretVersionStages", "[\"AWSCURRENT\"]", Reset::Send("[\"AWSCURRENT\"]")),
    Member::live(LOCAL_PROFILE, "null", Reset::Never),
    Member::live(PARTNER_PROFILE, "null", Reset::Never),
    Member::live("as2Config.messageSubject", "null", Reset::Never),
    Member::live("as2Config.compression", "null", Reset::Never),
    Member::live("as2Config.encryptionAlgorithm", "null", Reset::Never),
    Member::live("as2Config.signingAlgorithm", "null", Reset::Never),
    Member::live("as2Config.mdnSigningAlgorithm", "\"DEFAULT\"", Reset::Send("\"DEFAULT\"")),
    Member::live("as2Config.mdnResponse", "null", Reset::Never),
    Member::live(BASIC_AUTH, "null", Reset::Send("\"\"")),
    Member::live("as2Config.preserveContentType", "\"DISABLED\"", Reset::Send("\"DISABLED\"")),
    Member::live("as2Config.asyncMdnConfig.url", "null", Reset::Follows),
    Member::live(ASYNC_MDN_SERVERS, "null", Reset::Follows).by(Compare::Set),
];

/// The keys that are trusted.
pub const TRUSTED_HOST_KEYS: &str = "sftpConfig.trustedHostKeys";

/// Who we are.
pub const LOCAL_PROFILE: &str = "as2Config.localProfileId";

/// Who the partner is.
pub const PARTNER_PROFILE: &str = "as2Config.partnerProfileId";

/// The secret that is sent to the host of an AS2 connector.
pub const BASIC_AUTH: &str = "as2Config.basicAuthSecretId";

/// The members that name a profile.
pub const PROFILES: [&str; 2] = [LOCAL_PROFILE, PARTNER_PROFILE];

/// The servers behind the address for asynchronous answers.
pub const ASYNC_MDN_SERVERS: &str = "as2Config.asyncMdnConfig.serverIds";

/// Members that AWS takes the one or the other of, and never one after the other.
const EITHER: [[&str; 2]; 2] = [["url", "egressConfig"], ["sftpConfig", "as2Config"]];

/// The member of UpdateConnector that carries `path`.
#[must_use]
pub fn carrier(path: &str) -> &str {
    path.split_once('.').map_or(path, |(top, _)| top)
}

/// The table for this connector: what would be exchanged cannot be changed.
#[must_use]
pub fn members(want: &Value, have: &Value) -> Vec<Member> {
    let has = |settings: &Value, name: &str| settings.get(name).is_some_and(|value| !value.is_null());
    let exchanged = |one: &&[&str; 2]| one.iter().any(|name| has(want, name) != has(have, name));
    let fixed: Vec<&str> = EITHER.iter().filter(exchanged).flatten().copied().collect();
    let fit = |member: &Member| {
        if fixed.contains(&member.top()) { member.takes(Effect::Replace) } else { *member }
    };
    MEMBERS.iter().map(fit).collect()
}
