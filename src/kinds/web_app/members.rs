//! The members of a web app, one row each: AWS's default, how it is reset, compared and changed. Only data.
//!
//! Source: the AWS API reference of CreateWebApp, UpdateWebApp, DescribeWebApp and UpdateWebAppCustomization.

use serde_json::{Value, json};

use crate::aws::transfer::WebAppCustomization;
use crate::engine::diff::{Compare, Effect, Member, Reset};

/// What DescribeWebApp shows. The instance, the VPC and the policy UpdateWebApp does not take. What stands in the place of the
/// address that is reset is that of the web app itself, which the plan knows.
pub const SETTINGS: [Member; 7] = [
    Member::live("identityProviderDetails.identityCenterConfig.instanceArn", "null", Reset::Never)
        .takes(Effect::Refused),
    Member::live(ROLE, "null", Reset::Never),
    Member::live(ACCESS_ENDPOINT, "null", Reset::Send("\"\"")),
    Member::live("webAppUnits.provisioned", "1", Reset::Send("1")),
    Member::live("webAppEndpointPolicy", "\"STANDARD\"", Reset::Send("\"STANDARD\"")).takes(Effect::Refused),
    Member::live(VPC, "null", Reset::Never).takes(Effect::Refused),
    Member::live(SUBNETS, "null", Reset::Follows).by(Compare::Set),
];

/// How it looks. What is not an image goes back to nothing with an empty one; images go all at once.
pub const LOOK: [Member; 3] = [
    Member::live("customization.title", "null", Reset::Send("\"\"")),
    Member::live(LOGO, "null", Reset::Send("null")),
    Member::live(FAVICON, "null", Reset::Send("null")),
];

/// The role by which data is asked for.
pub const ROLE: &str = "identityProviderDetails.identityCenterConfig.role";
/// The address that users are given.
pub const ACCESS_ENDPOINT: &str = "accessEndpoint";
/// The VPC.
pub const VPC: &str = "endpointDetails.vpc.vpcId";
/// Its subnets.
pub const SUBNETS: &str = "endpointDetails.vpc.subnetIds";
/// The security groups of its endpoint, which only EC2 shows.
pub const SECURITY_GROUPS: &str = "endpointDetails.vpc.securityGroupIds";
/// Over which addresses its endpoint is reached, which nothing shows.
pub const IP_ADDRESS_TYPE: &str = "endpointDetails.vpc.ipAddressType";
/// The logo.
pub const LOGO: &str = "customization.logoFrom";
/// The icon.
pub const FAVICON: &str = "customization.faviconFrom";

/// How it looks, under the names of the spec.
#[must_use]
pub fn look_json(look: &WebAppCustomization) -> Value {
    let WebAppCustomization { title, logo_file, favicon_file } = look;
    json!({"customization": {"title": title, "logoFrom": logo_file, "faviconFrom": favicon_file}})
}
