//! One object, as a watch showed it and as a cache holds it.

use std::sync::Arc;

use kube::api::ObjectMeta;

use super::packed::Packed;
use super::references::Refers;

/// An object as a watch showed it. What is known of it is held once.
#[derive(Debug)]
pub enum Snapshot<K> {
    /// The object.
    Whole(Arc<K>),
    /// Its metadata: it does not decode.
    Undecoded(Arc<ObjectMeta>),
}

impl<K> Clone for Snapshot<K> {
    fn clone(&self) -> Self {
        match self {
            Self::Whole(object) => Self::Whole(Arc::clone(object)),
            Self::Undecoded(meta) => Self::Undecoded(Arc::clone(meta)),
        }
    }
}

impl<K> Snapshot<K> {
    /// The object, where it decodes.
    #[must_use]
    pub fn object(&self) -> Option<&Arc<K>> {
        match self {
            Self::Whole(object) => Some(object),
            Self::Undecoded(_) => None,
        }
    }
}

impl<K: Refers> Snapshot<K> {
    /// Its metadata.
    #[must_use]
    pub fn meta(&self) -> &ObjectMeta {
        match self {
            Self::Whole(object) => object.about(),
            Self::Undecoded(meta) => meta,
        }
    }
}

/// An object as it is held.
#[derive(Debug)]
pub(super) enum Held<K> {
    Whole(Arc<K>),
    Packed(Packed<K>),
    Undecoded(Arc<ObjectMeta>),
}

impl<K> Clone for Held<K> {
    fn clone(&self) -> Self {
        match self {
            Self::Whole(object) => Self::Whole(Arc::clone(object)),
            Self::Packed(packed) => Self::Packed(packed.clone()),
            Self::Undecoded(meta) => Self::Undecoded(Arc::clone(meta)),
        }
    }
}

impl<K: Refers> Held<K> {
    pub fn of(seen: &Snapshot<K>, many: bool) -> Self {
        match seen {
            Snapshot::Whole(object) => {
                let packed = many.then(|| Packed::of(object.as_ref())).flatten();
                packed.map_or_else(|| Self::Whole(Arc::clone(object)), Self::Packed)
            }
            Snapshot::Undecoded(meta) => Self::Undecoded(Arc::clone(meta)),
        }
    }

    pub fn object(self) -> Option<Arc<K>> {
        match self {
            Self::Whole(object) => Some(object),
            Self::Packed(packed) => packed.open(),
            Self::Undecoded(_) => None,
        }
    }

    pub fn seen(self) -> Option<Snapshot<K>> {
        match self {
            Self::Undecoded(meta) => Some(Snapshot::Undecoded(meta)),
            held => held.object().map(Snapshot::Whole),
        }
    }
}
