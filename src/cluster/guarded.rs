//! Reads an object so that one which does not fit our type takes nothing down with it: of that one its metadata is known.
//! kube has the same (`DeserializeGuard`), which copies each object into values of its own and decodes every kind once more,
//! out of those: a thirtieth of the program. Here it is decoded like everywhere else.

use std::borrow::Cow;

use kube::Resource;
use kube::api::ObjectMeta;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::read;

/// An object that was read like this.
#[derive(Clone, Debug)]
pub struct Guarded<K>(pub Result<K, Box<ObjectMeta>>);

impl<'de, K: DeserializeOwned> Deserialize<'de> for Guarded<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = Value::deserialize(deserializer)?;
        if let Ok(object) = read(&object) {
            return Ok(Self(Ok(object)));
        }
        let meta = object.get("metadata").map(read).transpose().map_err(D::Error::custom)?;
        Ok(Self(Err(meta.unwrap_or_default())))
    }
}

impl<K: Resource> Resource for Guarded<K> {
    type DynamicType = K::DynamicType;
    type Scope = K::Scope;

    fn kind(dynamic: &K::DynamicType) -> Cow<'_, str> {
        K::kind(dynamic)
    }
    fn group(dynamic: &K::DynamicType) -> Cow<'_, str> {
        K::group(dynamic)
    }
    fn version(dynamic: &K::DynamicType) -> Cow<'_, str> {
        K::version(dynamic)
    }
    fn plural(dynamic: &K::DynamicType) -> Cow<'_, str> {
        K::plural(dynamic)
    }
    fn meta(&self) -> &ObjectMeta {
        self.0.as_ref().map_or_else(Box::as_ref, K::meta)
    }
    fn meta_mut(&mut self) -> &mut ObjectMeta {
        self.0.as_mut().map_or_else(Box::as_mut, K::meta_mut)
    }
}
