//! What the API server takes of a profile: the shapes of its texts and of the certificates that a grant lets it name, and
//! what cannot be changed, in CEL. Those of the other kinds are in `pattern` and `rules`.

use super::pattern::Pattern;
use super::rules::{self, Rule};

/// The name of a side in messages. AWS says that it has no blanks.
pub(super) const AS2_ID: Pattern = Pattern::new(
    r"^[!-~]+$",
    "an AS2 name of letters without accents, digits and signs, without blanks, such as partner-inc",
);

/// Where somebody may paste the certificate itself, or its key: a rule of an entry would print it.
pub(super) const CERTIFICATE_IDS: Rule = (
    "self.all(id, id.matches(r'^cert-[0-9a-f]{17}$'))",
    "certificateIds: an entry must be the id of a certificate, cert- and 17 hexadecimal digits, such as \
     cert-0123456789abcdef0",
);

/// The same of a grant, which may also name all of them.
pub(super) const GRANTED_CERTIFICATE_IDS: Rule = (
    r"self.all(id, id.matches(r'^(\*|cert-[0-9a-f]{17})$'))",
    "certificateIds: an entry must be the id of a certificate, cert- and 17 hexadecimal digits, such as \
     cert-0123456789abcdef0, or * for every one",
);

/// As of a server: nothing of another region could use it.
pub(super) const REGION_IMMUTABLE: Rule = (
    rules::REGION_IMMUTABLE.0,
    "spec.region cannot be changed: the profile lives there; make a new TransferProfile for another region",
);

/// Once AWS has it. The first term keeps a false value in status from blocking every later write, even the removal of the
/// finalizer; the last lets somebody return to what AWS has.
pub(super) const AS2_ID_IMMUTABLE: Rule = (
    "self.spec.as2Id == oldSelf.spec.as2Id || !has(oldSelf.status) || !has(oldSelf.status.as2Id) \
     || self.spec.as2Id == oldSelf.status.as2Id",
    "spec.as2Id cannot be changed: AWS has no way to; make a new TransferProfile for another name",
);

/// The same of the type.
pub(super) const PROFILE_TYPE_IMMUTABLE: Rule = (
    "self.spec.profileType == oldSelf.spec.profileType || !has(oldSelf.status) || !has(oldSelf.status.profileType) \
     || self.spec.profileType == oldSelf.status.profileType",
    "spec.profileType cannot be changed: AWS has no way to; make a new TransferProfile of the other type",
);
