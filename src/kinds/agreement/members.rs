//! The members of an agreement, one row each: AWS's default, how it is reset and compared. Only data.
//!
//! Source: the AWS API reference of CreateAgreement, UpdateAgreement and DescribeAgreement.

use crate::engine::diff::{Member, Reset};

/// The profile of oneself.
pub const LOCAL_PROFILE: &str = "localProfileId";
/// The profile of the partner.
pub const PARTNER_PROFILE: &str = "partnerProfileId";
/// The members that name a profile.
pub const PROFILES: [&str; 2] = [LOCAL_PROFILE, PARTNER_PROFILE];
/// The role.
pub const ACCESS_ROLE: &str = "accessRole";
/// Whether it takes messages.
pub const STATUS: &str = "status";
/// Whether messages must be signed.
pub const SIGNING: &str = "enforceMessageSigning";

/// All members that can change. One kind of directories takes the place of the other one, so none is reset by itself.
pub const MEMBERS: &[Member] = &[
    Member::live(LOCAL_PROFILE, "null", Reset::Never),
    Member::live(PARTNER_PROFILE, "null", Reset::Never),
    Member::live(ACCESS_ROLE, "null", Reset::Never),
    Member::live("baseDirectory", "null", Reset::Follows),
    Member::live("customDirectories", "null", Reset::Follows),
    Member::live(STATUS, "\"ACTIVE\"", Reset::Send("\"ACTIVE\"")),
    Member::live("preserveFilename", "\"DISABLED\"", Reset::Send("\"DISABLED\"")),
    Member::live(SIGNING, "\"DISABLED\"", Reset::Send("\"DISABLED\"")),
    // An update without it keeps it, and AWS takes no empty one.
    Member::live("description", "null", Reset::Never),
];

/// Whose messages are taken, and by which role they go where: of some of these alone nobody wrote anything.
pub const WHOSE_AND_WHERE: [&str; 5] =
    [LOCAL_PROFILE, PARTNER_PROFILE, ACCESS_ROLE, "baseDirectory", "customDirectories"];
