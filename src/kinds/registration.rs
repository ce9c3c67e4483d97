//! What the process asks of a kind beside its reconciles. It names no kind: [`with_kinds`] does, and one that is on that
//! list and not registered does not compile.

use std::any::Any;
use std::sync::Arc;

use futures::future::BoxFuture;

use super::deps::Deps;
use super::swept::Swept;
use super::tag_index::TaggedResource;
use super::trigger::Trigger;
use super::uses::Use;
use crate::api::{self, Managed, ManagedKind};
use crate::aws::transfer::Tags;
use crate::aws::{Account, AwsError};
use crate::cluster::store::{StoreChange, Stored};
use crate::cluster::{Lister, Object};
use crate::engine::kind::Kind;
use crate::with_kinds;

/// The ids of all that AWS has of a resource in an account and region; what was listed lately is not asked for again.
pub type ListIds = for<'a> fn(&'a Account, &'a Swept) -> BoxFuture<'a, Result<Vec<String>, AwsError>>;

/// The tags on what has this id, as they were read lately or are now.
pub type ReadTags = for<'a> fn(&'a Account, &'a Swept, &'a str) -> BoxFuture<'a, Result<Tags, AwsError>>;

/// How what a kind left behind in AWS is found, where its object is gone.
#[derive(Clone, Copy)]
pub enum Traces {
    /// By its tags, which no listing shows.
    Tagged {
        /// The listing.
        list: ListIds,
        /// The tags of one.
        tags: ReadTags,
        /// Where an object records the ids of what is its own.
        recorded: &'static [&'static str],
    },
    /// By its tags, on each server: it is a user.
    OnServers,
    /// Not at all: AWS keeps no tags on it.
    Untagged,
}

impl Traces {
    /// By the tags of this resource.
    pub const fn of<R: TaggedResource>(recorded: &'static [&'static str]) -> Self {
        Self::Tagged { list: |account, _| R::list(account), tags: |account, _, id| R::tags(account, id), recorded }
    }
}

/// A kind that the process watches and reconciles.
pub trait Registration: Managed + Stored {
    /// What reconciles it.
    type Reconciler: Kind<Object = Self>;

    /// How what it left behind is found.
    const TRACES: Traces;

    /// The same behind these doors.
    fn reconciler(deps: Arc<Deps>) -> Self::Reconciler;

    /// What it uses its identity for.
    fn uses(&self, lister: &dyn Lister) -> Use;

    /// Whom its change concerns, besides the identities whose use begins or ends with it and the objects that it refers
    /// to no more.
    fn triggers(change: &StoreChange<Self>, lister: &dyn Lister) -> Vec<Trigger>;
}

macro_rules! by_kind {
    ($($plural:ident: $kind:ident,)+) => {
        /// How what is left behind of this kind is found.
        pub(super) fn traces(kind: ManagedKind) -> Traces {
            match kind {
                $(ManagedKind::$kind => api::$kind::TRACES,)+
            }
        }

        /// What an object uses its identity for, whatever its kind.
        pub(super) fn uses(object: &dyn Object, lister: &dyn Lister) -> Option<Use> {
            let object: &dyn Any = object;
            None$(.or_else(|| object.downcast_ref::<api::$kind>().map(|object| object.uses(lister))))+
        }
    };
}
with_kinds!(by_kind);
