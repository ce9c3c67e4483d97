//! What the API server takes of a certificate: the shapes of its texts, the rules between its fields and what cannot be
//! changed, in CEL. Those of the other kinds are in `pattern` and `rules`.

use schemars::Schema;

use super::pattern::Pattern;
use super::rules::{self, Rule, attach};

/// The description of a certificate, in which AWS takes no blanks.
pub(super) const DESCRIPTION: Pattern = Pattern::new(
    r"^[!-~]+$",
    "letters without accents, digits and signs, without blanks, such as signing-of-partner-inc",
);

/// The certificates of a profile, by their objects and by their ids.
pub(super) fn of_profile(schema: &mut Schema) {
    attach(
        schema,
        &[(
            "(has(self.certificateIds) ? size(self.certificateIds) : 0) + \
             (has(self.certificateRefs) ? size(self.certificateRefs) : 0) <= 10",
            "certificateIds and certificateRefs name at most 10 certificates together",
        )],
    );
}

/// The rules between the fields of a certificate.
pub(super) fn certificate(schema: &mut Schema) {
    attach(schema, CERTIFICATE);
}

const CERTIFICATE: &[Rule] = &[
    ("has(self.secretRef) != has(self.configMapKeyRef)", "exactly one of secretRef and configMapKeyRef is needed"),
    (
        "!has(self.secretRef) || (has(self.rotation) && has(self.rotation.notice))",
        "rotation.notice is needed with secretRef: how long before it is used partners are to have a renewed certificate, \
         such as 168h, or 0s",
    ),
];

/// As of a profile: nothing of another region could use it.
pub(super) const REGION_IMMUTABLE: Rule = (
    rules::REGION_IMMUTABLE.0,
    "spec.region cannot be changed: the certificate lives there; make a new TransferCertificate for another region",
);

/// Once AWS has it. The first term keeps a false value in status from blocking every later write, even the removal of the
/// finalizer; the last lets somebody return to what AWS has.
pub(super) const USAGE_IMMUTABLE: Rule = (
    "self.spec.usage == oldSelf.spec.usage || !has(oldSelf.status) || !has(oldSelf.status.usage) \
     || self.spec.usage == oldSelf.status.usage",
    "spec.usage cannot be changed: AWS has no way to; make a new TransferCertificate for another use",
);
