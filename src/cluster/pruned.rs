//! Reads objects without what only takes room: most of an object's size are the records of who set which field, and what
//! kubectl leaves. They become no values at all, not even for a moment: a page of a listing is hundreds of objects. Nothing
//! else of an object is changed.

use std::borrow::Cow;
use std::fmt;

use kube::Resource;
use kube::api::ObjectMeta;
use serde::de::{DeserializeOwned, DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// What kubectl leaves on objects: the whole of it once more.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// An object that was read like this.
#[derive(Clone, Debug)]
pub struct Pruned<T>(pub T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Pruned<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = At::Object.deserialize(deserializer)?;
        T::deserialize(object).map(Self).map_err(D::Error::custom)
    }
}

impl<T: Resource> Resource for Pruned<T> {
    type DynamicType = T::DynamicType;
    type Scope = T::Scope;

    fn kind(dynamic: &T::DynamicType) -> Cow<'_, str> {
        T::kind(dynamic)
    }
    fn group(dynamic: &T::DynamicType) -> Cow<'_, str> {
        T::group(dynamic)
    }
    fn version(dynamic: &T::DynamicType) -> Cow<'_, str> {
        T::version(dynamic)
    }
    fn plural(dynamic: &T::DynamicType) -> Cow<'_, str> {
        T::plural(dynamic)
    }
    fn metadata_api() -> bool {
        T::metadata_api()
    }
    fn meta(&self) -> &ObjectMeta {
        self.0.meta()
    }
    fn meta_mut(&mut self) -> &mut ObjectMeta {
        self.0.meta_mut()
    }
}

/// Where in an object it is read.
#[derive(Clone, Copy)]
enum At {
    Object,
    Metadata,
    Annotations,
}

impl<'de> DeserializeSeed<'de> for At {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for At {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of Kubernetes")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = match (self, key.as_str()) {
                (Self::Metadata, "managedFields") | (Self::Annotations, LAST_APPLIED) => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
                (Self::Object, "metadata") => map.next_value_seed(Self::Metadata)?,
                (Self::Metadata, "annotations") => map.next_value_seed(Self::Annotations)?,
                _ => map.next_value()?,
            };
            members.insert(key, value);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeMap;

    use crate::cluster::guarded::Guarded;
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::api::PartialObjectMeta;
    use serde_json::json;

    use super::*;
    use crate::api::TransferAccess;

    fn access(spec: &Value) -> Value {
        json!({
            "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "TransferAccess",
            "metadata": {
                "managedFields": [{"manager": "kubectl", "fieldsV1": {"f:spec": {}}}],
                "namespace": "a", "name": "x", "annotations": {LAST_APPLIED: "{}", "kept": "yes"},
            },
            "spec": spec,
        })
    }

    fn kept(meta: &ObjectMeta) -> bool {
        meta.managed_fields.is_none()
            && meta.annotations == Some(BTreeMap::from([("kept".to_owned(), "yes".to_owned())]))
    }

    #[test]
    fn who_set_what_and_what_kubectl_leaves_are_not_read_of_any_kind() {
        let whole = access(&json!({"externalId": "S-1-5-21-1-2-3", "role": "arn"})).to_string();
        let Pruned(Guarded(object)) = serde_json::from_str::<Pruned<Guarded<TransferAccess>>>(&whole).unwrap();
        let object = object.unwrap();
        assert!(kept(&object.metadata), "{:?}", object.metadata);
        assert_eq!((object.spec.external_id.as_str(), object.metadata.name.as_deref()), ("S-1-5-21-1-2-3", Some("x")));
        let bad = access(&json!({"externalId": 7})).to_string();
        let Pruned(object) = serde_json::from_str::<Pruned<Guarded<TransferAccess>>>(&bad).unwrap();
        assert!(object.0.is_err() && kept(object.meta()), "{:?}", object.meta());
        let meta = serde_json::from_str::<Pruned<PartialObjectMeta<ConfigMap>>>(&whole).unwrap();
        assert!(kept(meta.meta()) && Pruned::<PartialObjectMeta<ConfigMap>>::metadata_api(), "{:?}", meta.meta());
    }

    #[test]
    fn what_is_not_read_may_be_anything_and_what_is_must_be_an_object() {
        // No value could hold this number.
        let odd = r#"{"metadata": {"name": "x", "annotations": null, "managedFields": [{"a": 1e999}]}}"#;
        let read = serde_json::from_str::<Pruned<PartialObjectMeta<ConfigMap>>>(odd).unwrap();
        assert_eq!(read.meta().name.as_deref(), Some("x"));
        assert!(serde_json::from_str::<Pruned<PartialObjectMeta<ConfigMap>>>("7").is_err());
    }
}
