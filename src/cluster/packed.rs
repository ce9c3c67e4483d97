//! An object as its own text: in one piece, where as values it is sixty, which take four times the room. It is read anew
//! for each who looks at it, so that only kinds of which there are tens of thousands are held like this.

use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The text of an object.
#[derive(Debug)]
pub struct Packed<K> {
    text: Arc<[u8]>,
    object: PhantomData<fn() -> K>,
}

impl<K> Clone for Packed<K> {
    fn clone(&self) -> Self {
        Self { text: Arc::clone(&self.text), object: PhantomData }
    }
}

impl<K: Serialize + DeserializeOwned> Packed<K> {
    /// Its text; nothing of what cannot be written as one.
    #[must_use]
    pub fn of(object: &K) -> Option<Self> {
        let text = serde_json::to_vec(object).ok()?;
        Some(Self { text: text.into(), object: PhantomData })
    }

    /// The object. One whose text cannot be read would be missing; of users, which alone are held so, a test holds that it
    /// is the same object.
    #[must_use]
    pub fn open(&self) -> Option<Arc<K>> {
        let read = serde_json::from_slice(&self.text);
        read.map(Arc::new).inspect_err(|error| tracing::error!(%error, "an object that was held cannot be read")).ok()
    }
}
