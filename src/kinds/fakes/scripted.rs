//! The API server in memory behind what a test scripts of it: writes that get lost or conflict, reads that are stale or
//! refused, Secrets and ConfigMaps that cannot be read. What it stores and which write it takes is the API server's.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use kube::api::ObjectMeta;
use kube::core::ApiResource;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::api::{AwsIdentity, ManagedKind};
use crate::cluster::{
    self, ClusterError, Entries, EventNote, KubeApi, Lister, Name, Object, OwnedWrite, Reach, SecretData, Texts,
};
use crate::fakes::api_server::ApiServer;
pub use crate::fakes::api_server::Key;
use crate::fakes::clock::Clock;
use crate::text::NotText;

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
    /// The same, and somebody edits the object in between.
    RepeatEdited,
    /// Another process wrote its own attempt.
    Overtaken,
}

/// The API server; a second one stands for what the watches hold, where a test lets them lag behind.
pub struct Objects {
    server: Mutex<ApiServer>,
    pub config_maps: Mutex<BTreeMap<Name, Texts<String>>>,
    /// Type and data of Secrets.
    pub secrets: Mutex<BTreeMap<Name, (String, BTreeMap<String, String>)>>,
    /// Labels of Secrets.
    pub secret_labels: Mutex<BTreeMap<Name, BTreeMap<String, String>>>,
    /// Every Secret and ConfigMap that was asked for.
    pub texts_asked: Mutex<Vec<Name>>,
    /// Namespaces whose Secrets and ConfigMaps may not be read.
    pub forbidden: Mutex<BTreeSet<String>>,
    /// What the listing of a kind ends with, after all of its objects.
    pub breaks_off: Mutex<BTreeMap<String, ClusterError>>,
    /// Namespaces that are within reach; all without one.
    pub watches: Mutex<Vec<String>>,
    /// What a listing beyond them ends with.
    pub elsewhere: Mutex<Option<ClusterError>>,
    /// Namespaces of which no object may be read.
    pub out_of_reach: Mutex<BTreeSet<String>>,
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

impl Default for Objects {
    fn default() -> Self {
        Self {
            server: Mutex::new(ApiServer::new(Clock::start())),
            config_maps: Mutex::default(),
            secrets: Mutex::default(),
            secret_labels: Mutex::default(),
            texts_asked: Mutex::default(),
            forbidden: Mutex::default(),
            breaks_off: Mutex::default(),
            watches: Mutex::default(),
            elsewhere: Mutex::default(),
            out_of_reach: Mutex::default(),
            stale: Mutex::default(),
            slow: Mutex::default(),
            fail: Mutex::default(),
            refuses_status: Mutex::default(),
            away: Mutex::default(),
            notes: Mutex::default(),
            writes: Mutex::default(),
            gets: Mutex::default(),
            meanwhile: Mutex::default(),
            watched: Mutex::default(),
            owned_writes: Mutex::default(),
            refuses_owned: Mutex::default(),
        }
    }
}

impl Objects {
    fn server(&self) -> MutexGuard<'_, ApiServer> {
        self.server.lock().unwrap()
    }

    pub fn next_version(&self) -> String {
        self.server().next_version()
    }

    pub fn change(
        &self,
        key: &Key,
        version: Option<&str>,
        change: impl FnOnce(&mut Value),
    ) -> Result<Value, ClusterError> {
        self.server().change(key, version, change)
    }

    /// Stores an object under its kind and name, whatever was there.
    pub fn put(&self, object: Value) {
        self.server().put(object);
    }

    /// An object as it is stored.
    pub fn stored(&self, key: &Key) -> Option<Value> {
        self.server().get(key)
    }

    /// Nobody has the object any more, from one moment to the next.
    pub fn remove(&self, kind: &str, name: &Name) {
        self.server().remove(&(kind.to_owned(), name.clone()));
    }

    /// The same of all objects of a kind.
    pub fn remove_all(&self, kind: &str) {
        let mut server = self.server();
        let keys = server.keys().into_iter().filter(|(of, _)| of == kind);
        keys.for_each(|key| server.remove(&key));
    }

    /// From now on the watches show what is stored now.
    pub fn stand_still(&self) {
        let server = self.server();
        let shown = server.keys().into_iter().filter_map(|key| server.get(&key).map(|object| (key, object)));
        *self.watched.lock().unwrap() = Some(shown.collect());
    }

    pub fn all(&self, kind: &str) -> Vec<Value> {
        self.server().list(kind)
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
        if self.out_of_reach.lock().unwrap().contains(&name.namespace) {
            return Err(ClusterError::Forbidden(format!("{} {name}", kind.kind)));
        }
        if let Some(stale) = self.stale.lock().unwrap().pop() {
            return Ok(Some(stale));
        }
        Ok(self.stored(&(kind.kind.clone(), name.clone())))
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
        let key = (kind.kind.clone(), name.clone());
        let shared = self.stored(&key).filter(|_| name.namespace.is_empty());
        let status = shared.map_or(status.clone(), |stored| cluster::completed(&status, &stored["status"]));
        let written = self.server().apply_status(&key, version, &status)?;
        if fail == Some(Fail::Overtaken) {
            self.change(&key, None, |object| object["status"]["create"]["attempt"] = json!("attempt-of-another"))?;
        }
        if fail == Some(Fail::RepeatEdited) {
            self.server().edit(&key, |spec| spec["tags"] = json!({"edited": "meanwhile"}));
        }
        match fail {
            Some(Fail::Answer) => Err(lost()),
            Some(Fail::Repeat | Fail::RepeatEdited | Fail::Overtaken) => Err(ClusterError::Conflict(name.to_string())),
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
        let [uid, version] = [&read.uid, &read.resource_version].map(|text| text.as_deref().unwrap_or_default());
        let key = (kind.kind.clone(), Name::from(read));
        self.server().set_finalizer(&key, (uid, version), finalizer, present)
    }
    async fn write_owned(&self, kind: &ApiResource, name: &Name, write: OwnedWrite) -> Result<(), ClusterError> {
        if let Some(refused) = self.refuses_owned.lock().unwrap().clone() {
            return Err(refused);
        }
        self.server().write_owned(&(kind.kind.clone(), name.clone()), &write)?;
        let word = match write {
            OwnedWrite::Create(_) => "create",
            OwnedWrite::Data { .. } => "data",
            OwnedWrite::Delete { .. } => "delete",
        };
        self.owned_writes.lock().unwrap().push(word);
        Ok(())
    }
    async fn secret(&self, name: &Name) -> Result<Option<SecretData>, ClusterError> {
        self.texts_asked.lock().unwrap().push(name.clone());
        if self.forbidden.lock().unwrap().contains(&name.namespace) {
            return Err(ClusterError::Forbidden(name.to_string()));
        }
        let found = self.secrets.lock().unwrap().get(name).cloned();
        let labels = self.secret_labels.lock().unwrap().get(name).cloned().unwrap_or_default();
        Ok(found.map(|(secret_type, data)| SecretData {
            secret_type,
            labels,
            data: data.into_iter().map(|(key, value)| (key, Ok(value.into()))).collect(),
        }))
    }
    async fn config_map(&self, name: &Name) -> Result<Option<Entries>, ClusterError> {
        self.texts_asked.lock().unwrap().push(name.clone());
        if self.forbidden.lock().unwrap().contains(&name.namespace) {
            return Err(ClusterError::Forbidden(name.to_string()));
        }
        let found = self.config_maps.lock().unwrap().get(name).cloned();
        let bytes = |value: Result<String, NotText>| match value {
            Ok(text) => text.into_bytes(),
            Err(NotText::Utf16) => vec![0xff, 0xfe],
            Err(NotText::NotUtf8(line)) => [vec![b'\n'; line - 1], vec![0xff]].concat(),
        };
        Ok(found.map(|data| data.into_iter().map(|(key, value)| (key, bytes(value))).collect()))
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
        let value = watched.unwrap_or_else(|| self.stored(&key))?;
        cluster::decode_any(kind, &value)
    }
    fn objects(&self, kind: ManagedKind) -> cluster::Objects {
        // As the store: of what cannot be read it has nothing.
        Box::new(self.all(kind.name()).into_iter().filter_map(move |value| cluster::decode_any(kind, &value)))
    }
}
