//! What the API server takes of an agreement: the shapes of its texts and the rules between its fields, in CEL. Those of the
//! other kinds are in `pattern` and `rules`.

use schemars::Schema;

use super::pattern::Pattern;
use super::rules::{Rule, attach};

/// A profile. Somebody may paste a certificate in its place.
pub(super) const PROFILE_ID: Pattern =
    Pattern::new(r"^p-[0-9a-f]{17}$", "the id of a profile, p- and 17 hexadecimal digits, such as p-0123456789abcdef0");

/// A directory of files. AWS takes an empty one for "none", which here is an absent field.
pub(super) const DIRECTORY: Pattern = Pattern::new(r"^/.+$", "a path that begins with /, such as /partner-files/acme");

/// The description of an agreement, in which AWS takes no blanks.
pub(super) const DESCRIPTION: Pattern = Pattern::new(
    r"^[!-~]+$",
    "letters without accents, digits and signs, without blanks, such as orders-of-partner-inc",
);

/// The rules between the fields of an agreement.
pub(super) fn agreement(schema: &mut Schema) {
    attach(schema, AGREEMENT);
}

const AGREEMENT: &[Rule] = &[
    (
        "has(self.localProfileRef) != has(self.localProfileId)",
        "exactly one of localProfileRef and localProfileId is needed",
    ),
    (
        "has(self.partnerProfileRef) != has(self.partnerProfileId)",
        "exactly one of partnerProfileRef and partnerProfileId is needed",
    ),
    (
        "has(self.baseDirectory) != has(self.customDirectories)",
        "exactly one of baseDirectory and customDirectories is needed",
    ),
];
