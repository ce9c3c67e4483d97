//! What the caches find objects by, whatever they hold.

use kube::api::ObjectMeta;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Lister;
pub use crate::api::Reference;
use crate::api::{AwsIdentity, Managed, references};

/// What can be found by what it refers to. A cache may hold it as its text.
pub trait Refers: Serialize + DeserializeOwned {
    /// All of it; the same thing may be there twice.
    fn refers_to(&self) -> Vec<Reference>;

    /// Which object it is.
    fn about(&self) -> &ObjectMeta;
}

impl<K: Managed> Refers for K {
    fn refers_to(&self) -> Vec<Reference> {
        references::all(self)
    }

    fn about(&self) -> &ObjectMeta {
        self.meta()
    }
}

impl Refers for AwsIdentity {
    fn refers_to(&self) -> Vec<Reference> {
        Vec::new()
    }

    fn about(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// Of namespaces and ConfigMaps only metadata is held.
impl Refers for ObjectMeta {
    fn refers_to(&self) -> Vec<Reference> {
        Vec::new()
    }

    fn about(&self) -> &ObjectMeta {
        self
    }
}

/// The identity of an object with these references: the one it names, else that of what it names. Empty where neither
/// is known.
#[must_use]
pub fn identity_of(references: &[Reference], lister: &dyn Lister) -> String {
    named_identity(references).or_else(|| through(references, lister).next()).unwrap_or_default()
}

/// The identities that an object with these references may be using: its own, and those of what it names.
#[must_use]
pub(crate) fn identities_of(references: &[Reference], lister: &dyn Lister) -> Vec<String> {
    let own = references.iter().filter_map(|reference| match reference {
        Reference::Identity(name) => Some(name.clone()),
        _ => None,
    });
    own.chain(through(references, lister)).collect()
}

/// The identities that the objects which are named name themselves.
fn through<'a>(references: &'a [Reference], lister: &'a dyn Lister) -> impl Iterator<Item = String> + 'a {
    references.iter().filter_map(|reference| match reference {
        Reference::Object(kind, name) => named_identity(&lister.object(*kind, name)?.all_references()),
        _ => None,
    })
}

/// What the spec names comes before what status records.
fn named_identity(references: &[Reference]) -> Option<String> {
    references.iter().find_map(|reference| match reference {
        Reference::Identity(name) => Some(name.clone()),
        _ => None,
    })
}
