//! What the process asks of a kind beside its reconciles. It names no kind: [`with_kinds`] does, and one that is on that
//! list and not registered does not compile.

use std::any::Any;
use std::sync::Arc;

use super::deps::Deps;
use super::triggers::Trigger;
use super::uses::Use;
use crate::api::{self, Managed};
use crate::cluster::store::{StoreChange, Stored};
use crate::cluster::{Lister, Object};
use crate::engine::kind::Kind;
use crate::with_kinds;

/// A kind that the process watches and reconciles.
pub trait Registration: Managed + Stored {
    /// What reconciles it.
    type Reconciler: Kind<Object = Self>;

    /// The same behind these doors.
    fn reconciler(deps: Arc<Deps>) -> Self::Reconciler;

    /// What it uses its identity for.
    fn uses(&self, lister: &dyn Lister) -> Use;

    /// Whom its change concerns, besides the identities whose use begins or ends with it and the objects that it refers
    /// to no more.
    fn triggers(change: &StoreChange<Self>, lister: &dyn Lister) -> Vec<Trigger>;
}

macro_rules! uses {
    ($($plural:ident: $kind:ident,)+) => {
        /// What an object uses its identity for, whatever its kind.
        pub(super) fn uses(object: &dyn Object, lister: &dyn Lister) -> Option<Use> {
            let object: &dyn Any = object;
            None$(.or_else(|| object.downcast_ref::<api::$kind>().map(|object| object.uses(lister))))+
        }
    };
}
with_kinds!(uses);
