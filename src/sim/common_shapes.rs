//! Shapes that requests about servers and about partners have in common. A table and nothing else, as `constraints`.

use super::shape::{Member, Shape, UNLIMITED, list, matching, may, must, one_of, text};

pub const PLAIN: Shape = text(0, UNLIMITED);
pub const ARN: Shape = matching(20, 1600, r"arn:\S+");
pub const ROLE: Shape = matching(20, 2048, r"arn:.*role/\S+");
pub const MAX_RESULTS: Shape = Shape::Number { min: 1, max: 1000 };
pub const NEXT_TOKEN: Shape = text(1, 6144);
pub const SERVER_ID: Shape = matching(19, 19, r"s-([0-9a-f]{17})");
pub const HOME_DIRECTORY: Shape = matching(0, 1024, r"(|/.*)");
pub const IP_ADDRESS_TYPE: Shape = one_of(&["IPV4", "DUALSTACK"]);
pub const TAG_KEY: Shape = text(0, 128);
pub const TAG: Shape = Shape::Struct(&[must("Key", &TAG_KEY), must("Value", &text(0, 256))]);
pub const TAGS: Shape = list(&TAG, 1, 50);
pub const SECURITY_GROUP: Shape = matching(11, 20, r"sg-[0-9a-f]{8,17}");
pub const LIST: &[Member] = &[may("MaxResults", &MAX_RESULTS), may("NextToken", &NEXT_TOKEN)];
pub const LIST_OF_SERVER: &[Member] =
    &[may("MaxResults", &MAX_RESULTS), may("NextToken", &NEXT_TOKEN), must("ServerId", &SERVER_ID)];
