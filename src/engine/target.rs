//! Where an object lives in AWS, or why that cannot be told. Plain data: it finds nothing out.

use super::reason::Reason;
use crate::aws::{Account, Tags};

/// Where an object lives in AWS, and whether it may.
#[derive(Clone, Debug)]
pub struct Target<P> {
    /// The account and region.
    pub account: Account,
    /// Name of the AwsIdentity.
    pub identity: String,
    /// Changes when the identity does: what was refused before may now be right.
    pub revision: String,
    /// Tags that the identity puts on everything.
    pub identity_tags: Tags,
    /// Why nothing but deletion may be done there: the grant is missing or was withdrawn. No call but reads, deletions of
    /// what is ours and those that end a sequence which was begun is made while this stands; before anything exists, no
    /// call at all.
    pub denied: Option<Reason>,
    /// What the kind needs besides.
    pub detail: P,
}

/// Where an object lives; or why that cannot be told, which is no trouble: something must be in place first.
pub type Resolved<D> = Result<Target<D>, Reason>;
