//! The API server in memory: objects with resourceVersions and finalizers, Secrets and ConfigMaps, and what a test
//! scripts of it: writes that get lost or conflict, reads that are stale.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use kube::api::ObjectMeta;
use kube::core::ApiResource;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::api::{AwsIdentity, ManagedKind};
use crate::cluster::{
    self, ClusterError, EventNote, KubeApi, Lister, Name, Object, OwnedWrite, Reach, SecretData, Texts,
};

pub type Key = (String, Name);
type Meanwhile = Box<dyn FnOnce() + Send>;

/// What becomes of a write to the API server.
#[derive(Clone, Copy, PartialEq)]
pub enum Fail {
    /// It never arrives.
    Write,
    /// It is done, its answer does not arrive.
    Answer,
    /// Somebody else was faster.
    Conflict,
    /// It is done, and done again by the client, which is told of its own first write.
    Repeat,
    /// Another process wrote its own attempt.
    Overtaken,
}

/// The API server; a second one stands for what the watches hold, where a test lets them lag behind.
#[derive(Default)]
pub struct Objects {
    pub stored: Mutex<BTreeMap<Key, Value>>,
    version: AtomicU64,
    pub config_maps: Mutex<BTreeMap<Name, Texts<String>>>,
    /// Type and data of Secrets.
    pub secrets: Mutex<BTreeMap<Name, (String, BTreeMap<String, String>)>>,
    /// Namespaces whose Secrets and ConfigMaps may not be read.
    pub forbidden: Mutex<BTreeSet<String>>,
    /// What the listing of a kind ends with, after all of its objects.
    pub breaks_off: Mutex<BTreeMap<String, ClusterError>>,
    /// Namespaces that are within reach; all without one.
    pub watches: Mutex<Vec<String>>,
    /// What a listing beyond them ends with.
    pub elsewhere: Mutex<Option<ClusterError>>,
    /// What the next reads answer with, instead of what is stored.
    pub stale: Mutex<Vec<Value>>,
    /// How long a status write takes.
    pub slow: Mutex<Duration>,
    /// What becomes of the next status writes, the last first.
    pub fail: Mutex<Vec<Fail>>,
    /// What all status writes end with.
    pub refuses_status: Mutex<Option<ClusterError>>,
    /// Until when none arrives.
    pub away: Mutex<Option<Instant>>,
    pub notes: Mutex<Vec<EventNote>>,
    pub writes: Mutex<u32>,
    /// How often an object was read live.
    pub gets: Mutex<u32>,
    /// Runs before the next of these is answered: what others do while it is under way.
    pub meanwhile: Mutex<Option<Meanwhile>>,
    /// What the watches show instead of what is stored, while they stand still.
    pub watched: Mutex<Option<BTreeMap<Key, Value>>>,
    /// What objects that belong to ours were written as, one word each.
    pub owned_writes: Mutex<Vec<&'static str>>,
    /// What all such writes end with.
    pub refuses_owned: Mutex<Option<ClusterError>>,
}

impl Objects {
    pub fn next_version(&self) -> String {
        (self.version.fetch_add(1, Ordering::Relaxed) + 1).to_string()
    }

    pub fn change(
        &self,
        key: &Key,
        version: Option<&str>,
        change: impl FnOnce(&mut Value),
    ) -> Result<Value, ClusterError> {
        let mut stored = self.stored.lock().unwrap();
        let object = stored.get_mut(key).ok_or_else(|| ClusterError::NotFound(key.1.to_string()))?;
        if version.is_some_and(|version| object["metadata"]["resourceVersion"] != version) {
            return Err(ClusterError::Conflict(key.1.to_string()));
        }
        change(object);
        object["metadata"]["resourceVersion"] = json!(self.next_version());
        let object = object.clone();
        let bare = object["metadata"]["finalizers"].as_array().is_none_or(Vec::is_empty);
        if bare && !object["metadata"]["deletionTimestamp"].is_null() {
            stored.remove(key);
        }
        Ok(object)
    }

    /// Stores an object under its kind and name, whatever was there.
    pub fn put(&self, object: Value) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let meta = &object["metadata"];
        let key = (text(&object["kind"]), Name { namespace: text(&meta["namespace"]), name: text(&meta["name"]) });
        self.stored.lock().unwrap().insert(key, object);
    }

    /// Nobody has the object any more, from one moment to the next.
    pub fn remove(&self, kind: &str, name: &Name) {
        self.stored.lock().unwrap().remove(&(kind.to_owned(), name.clone()));
    }

    fn all(&self, kind: &str) -> Vec<Value> {
        let stored = self.stored.lock().unwrap();
        stored.iter().filter(|((other, _), _)| other == kind).map(|(_, value)| value.clone()).collect()
    }
}

#[async_trait]
impl KubeApi for Objects {
    async fn get(&self, kind: &ApiResource, name: &Name) -> Result<Option<Value>, ClusterError> {
        *self.gets.lock().unwrap() += 1;
        let meanwhile = self.meanwhile.lock().unwrap().take();
        if let Some(meanwhile) = meanwhile {
            meanwhile();
        }
        if let Some(stale) = self.stale.lock().unwrap().pop() {
            return Ok(Some(stale));
        }
        Ok(self.stored.lock().unwrap().get(&(kind.kind.clone(), name.clone())).cloned())
    }
    async fn list(
        &self,
        kind: &ApiResource,
        reach: Reach,
        each: &mut (dyn FnMut(Value) + Send),
    ) -> Result<(), ClusterError> {
        let watches = self.watches.lock().unwrap().clone();
        let near = |object: &Value| watches.iter().any(|name| object["metadata"]["namespace"] == name.as_str());
        let reached = |object: &Value| reach == Reach::Everywhere || watches.is_empty() || near(object);
        self.all(&kind.kind).into_iter().filter(reached).for_each(each);
        if let Some(refused) = self.elsewhere.lock().unwrap().clone().filter(|_| reach == Reach::Everywhere) {
            return Err(refused);
        }
        // A listing may break off after its first page.
        self.breaks_off.lock().unwrap().get(&kind.kind).cloned().map_or(Ok(()), Err)
    }
    async fn apply_status(
        &self,
        kind: &ApiResource,
        name: &Name,
        version: &str,
        status: Value,
    ) -> Result<Value, ClusterError> {
        *self.writes.lock().unwrap() += 1;
        let slow = *self.slow.lock().unwrap();
        tokio::time::sleep(slow).await;
        if let Some(refused) = self.refuses_status.lock().unwrap().clone() {
            return Err(refused);
        }
        let fail = self.fail.lock().unwrap().pop();
        let lost = || ClusterError::Unavailable(name.to_string(), "no answer".to_owned());
        let away = self.away.lock().unwrap().is_some_and(|until| Instant::now() < until);
        match fail {
            _ if away => return Err(lost()),
            Some(Fail::Write) => return Err(lost()),
            Some(Fail::Conflict) => return Err(ClusterError::Conflict(name.to_string())),
            _ => {}
        }
        let written = self.change(&(kind.kind.clone(), name.clone()), Some(version), |object| {
            let shared = name.namespace.is_empty();
            object["status"] = if shared { cluster::completed(&status, &object["status"]) } else { status };
            if fail == Some(Fail::Overtaken) {
                object["status"]["create"]["attempt"] = json!("attempt-of-another");
            }
        })?;
        match fail {
            Some(Fail::Answer) => Err(lost()),
            Some(Fail::Repeat | Fail::Overtaken) => Err(ClusterError::Conflict(name.to_string())),
            _ => Ok(written),
        }
    }
    async fn set_finalizer(
        &self,
        kind: &ApiResource,
        read: &ObjectMeta,
        finalizer: &str,
        present: bool,
    ) -> Result<Value, ClusterError> {
        *self.writes.lock().unwrap() += 1;
        let version = read.resource_version.as_deref();
        self.change(&(kind.kind.clone(), Name::from(read)), version, |object| {
            let all = object["metadata"]["finalizers"].as_array().into_iter().flatten();
            let others = all.filter(|other| *other != finalizer).cloned();
            object["metadata"]["finalizers"] = others.chain(present.then(|| json!(finalizer))).collect();
        })
    }
    async fn write_owned(&self, kind: &ApiResource, name: &Name, write: OwnedWrite) -> Result<(), ClusterError> {
        if let Some(refused) = self.refuses_owned.lock().unwrap().clone() {
            return Err(refused);
        }
        let key = (kind.kind.clone(), name.clone());
        let word = match write {
            OwnedWrite::Create(mut object) => {
                if self.stored.lock().unwrap().contains_key(&key) {
                    return Err(ClusterError::Conflict(name.to_string()));
                }
                let version = self.next_version();
                (object["metadata"]["uid"], object["metadata"]["resourceVersion"]) =
                    (json!(format!("uid-{}-{version}", name.name)), json!(version));
                self.put(object);
                "create"
            }
            OwnedWrite::Data { resource_version, data, .. } => {
                self.change(&key, Some(&resource_version), |object| object["data"] = data)?;
                "data"
            }
            OwnedWrite::Delete { resource_version, .. } => {
                self.change(&key, Some(&resource_version), |_| {})?;
                self.remove(&kind.kind, name);
                "delete"
            }
        };
        self.owned_writes.lock().unwrap().push(word);
        Ok(())
    }
    async fn secret(&self, name: &Name) -> Result<Option<SecretData>, ClusterError> {
        if self.forbidden.lock().unwrap().contains(&name.namespace) {
            return Err(ClusterError::Forbidden(name.to_string()));
        }
        let found = self.secrets.lock().unwrap().get(name).cloned();
        Ok(found.map(|(secret_type, data)| SecretData {
            secret_type,
            data: data.into_iter().map(|(key, value)| (key, Ok(value.into()))).collect(),
        }))
    }
    async fn config_map(&self, name: &Name) -> Result<Option<Texts<String>>, ClusterError> {
        if self.forbidden.lock().unwrap().contains(&name.namespace) {
            return Err(ClusterError::Forbidden(name.to_string()));
        }
        Ok(self.config_maps.lock().unwrap().get(name).cloned())
    }
    async fn publish(&self, _: &ApiResource, _: &Value, note: EventNote) {
        self.notes.lock().unwrap().push(note);
    }
}

impl Lister for Objects {
    fn identity(&self, name: &str) -> Option<Arc<AwsIdentity>> {
        let identities = self.all("AwsIdentity").into_iter().map(|value| serde_json::from_value(value).unwrap());
        identities.map(Arc::<AwsIdentity>::new).find(|found| found.metadata.name.as_deref() == Some(name))
    }
    fn namespace_labels(&self, name: &str) -> Option<BTreeMap<String, String>> {
        Some(BTreeMap::from([("kubernetes.io/metadata.name".to_owned(), name.to_owned())]))
    }
    fn object(&self, kind: ManagedKind, name: &Name) -> Option<Arc<dyn Object>> {
        let key = (kind.name().to_owned(), name.clone());
        let watched = self.watched.lock().unwrap().as_ref().map(|watched| watched.get(&key).cloned());
        let value = watched.unwrap_or_else(|| self.stored.lock().unwrap().get(&key).cloned())?;
        cluster::decode_any(kind, &value)
    }
    fn objects(&self, kind: ManagedKind) -> Vec<Arc<dyn Object>> {
        // As the store: of what cannot be read it has nothing.
        self.all(kind.name()).into_iter().filter_map(|value| cluster::decode_any(kind, &value)).collect()
    }
}
