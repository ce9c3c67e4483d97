//! Kubernetes in memory: objects with resourceVersions, spec and status apart, field managers, finalizers, and the
//! history that watches read. It knows no faults: whoever asks decides what is lost or late.
//!
//! The fault plans have it behind doors with trouble on the way, the tests beside the code behind one that does what a
//! test scripts.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::clock::Clock;
use crate::api::FINALIZER;
use crate::cluster::{ClusterError, Entries, Name, OwnedWrite, SecretData};

/// The finalizer of another controller, which lets an object go a little after ours does.
pub const THEIRS: &str = "elsewhere.example/finalizer";

/// How much longer the other controller takes.
const THEY_TAKE: Duration = Duration::from_secs(5);

/// Kind and name.
pub type Key = (String, Name);

/// What happened to an object, as a watch tells it.
#[derive(Clone, Debug)]
pub struct Event {
    pub version: u64,
    pub key: Key,
    pub gone: bool,
    pub object: Value,
}

/// One write of the operator, for the oracles.
#[derive(Clone, Debug)]
pub struct Write {
    pub key: Key,
    pub before: Value,
    pub after: Value,
    pub status: bool,
}

/// The store.
#[derive(Debug)]
pub struct ApiServer {
    clock: Clock,
    objects: BTreeMap<Key, Value>,
    /// Top-level members of status that the operator's field manager owns, by uid.
    owned: BTreeMap<String, BTreeSet<String>>,
    version: u64,
    uids: u64,
    pub history: Vec<Event>,
    pub writes: Vec<Write>,
    /// ConfigMap and Secret data, of which watches bring only metadata.
    pub data: BTreeMap<Key, BTreeMap<String, String>>,
    pub secret_types: BTreeMap<Name, String>,
    /// Labels of Secrets.
    pub secret_labels: BTreeMap<Name, BTreeMap<String, String>>,
    /// ConfigMaps of somebody else that the operator wrote to.
    pub trespasses: Vec<Key>,
    /// Names of the Events that were made.
    pub events: BTreeSet<Name>,
    /// Objects that are being deleted and that only the other controller holds, and until when.
    leaving: BTreeMap<Key, Instant>,
}

impl ApiServer {
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            objects: BTreeMap::new(),
            owned: BTreeMap::new(),
            version: 0,
            uids: 0,
            history: Vec::new(),
            writes: Vec::new(),
            data: BTreeMap::new(),
            secret_types: BTreeMap::new(),
            secret_labels: BTreeMap::new(),
            trespasses: Vec::new(),
            events: BTreeSet::new(),
            leaving: BTreeMap::new(),
        }
    }

    /// The other controller takes its finalizer away where it is due; says whether an object went.
    pub fn let_go(&mut self) -> bool {
        if self.leaving.is_empty() {
            return false;
        }
        let now = Instant::now();
        let due: Vec<Key> =
            self.leaving.iter().filter(|(_, until)| **until <= now).map(|(key, _)| key.clone()).collect();
        for key in &due {
            self.leaving.remove(key);
            if self.objects.get(key).is_some_and(|object| dying(object) && !held_by_us(object)) {
                self.remove(key);
            }
        }
        !due.is_empty()
    }

    pub fn version(&self) -> u64 {
        self.version
    }

    /// An object; of a ConfigMap with its data.
    pub fn get(&self, key: &Key) -> Option<Value> {
        let mut object = self.objects.get(key).cloned()?;
        if let Some(data) = self.data.get(key).filter(|_| key.0 == "ConfigMap") {
            object["data"] = json!(data);
        }
        Some(object)
    }

    /// Names of the ConfigMaps that belong to the object of this uid.
    pub fn owned_by(&self, uid: &Value) -> Vec<Key> {
        let owned = |object: &Value| {
            object["metadata"]["ownerReferences"]
                .as_array()
                .is_some_and(|all| all.iter().any(|owner| owner["uid"] == *uid))
        };
        let of = |((kind, _), object): &(&Key, &Value)| kind == "ConfigMap" && owned(object);
        self.objects.iter().filter(of).map(|(key, _)| key.clone()).collect()
    }

    /// The operator's write to a ConfigMap that belongs to one of its objects.
    pub fn write_owned(&mut self, key: &Key, write: &OwnedWrite) -> Result<Value, ClusterError> {
        let label = format!("{} {}", key.0, key.1);
        let stored = self.objects.get(key).cloned();
        let (OwnedWrite::Data { uid, resource_version, .. } | OwnedWrite::Delete { uid, resource_version }) = write
        else {
            let OwnedWrite::Create(object) = write else { unreachable!() };
            if stored.is_some() {
                return Err(ClusterError::Conflict(label));
            }
            self.uids += 1;
            let mut object = object.clone();
            object["metadata"]["uid"] = json!(format!("uid-{}", self.uids));
            self.keep_data(key, &mut object);
            return Ok(self.store(key.clone(), object));
        };
        let object = stored.ok_or_else(|| ClusterError::NotFound(label.clone()))?;
        let meta = &object["metadata"];
        if meta["uid"] != **uid || meta["resourceVersion"] != **resource_version {
            return Err(ClusterError::Conflict(label));
        }
        if meta["ownerReferences"].as_array().is_none_or(Vec::is_empty) {
            self.trespasses.push(key.clone());
        }
        if let OwnedWrite::Data { data, .. } = write {
            self.data.insert(key.clone(), serde_json::from_value(data.clone()).unwrap());
            return Ok(self.store(key.clone(), object));
        }
        self.remove(key);
        Ok(object)
    }

    /// The object as it was at an earlier version of the store: what a second, stale API server answers.
    pub fn get_at(&self, key: &Key, version: u64) -> Option<Value> {
        let event = self.history.iter().rev().find(|event| event.version <= version && event.key == *key)?;
        (!event.gone).then(|| event.object.clone())
    }

    pub fn list(&self, kind: &str) -> Vec<Value> {
        self.objects.iter().filter(|((of, _), _)| of == kind).map(|(_, object)| object.clone()).collect()
    }

    pub fn keys(&self) -> Vec<Key> {
        self.objects.keys().cloned().collect()
    }

    /// A Secret as the operator reads it.
    pub fn secret(&self, name: &Name) -> Option<SecretData> {
        let data = self.data.get(&("Secret".to_owned(), name.clone()))?;
        let secret_type = self.secret_types.get(name).cloned().unwrap_or_default();
        let data = data.iter().map(|(key, value)| (key.clone(), Ok(value.clone().into()))).collect();
        let labels = self.secret_labels.get(name).cloned().unwrap_or_default();
        Some(SecretData { secret_type, labels, data })
    }

    /// The data of a ConfigMap as the operator reads it.
    pub fn config_map(&self, name: &Name) -> Option<Entries> {
        let data = self.data.get(&("ConfigMap".to_owned(), name.clone()))?;
        Some(data.iter().map(|(key, value)| (key.clone(), value.clone().into_bytes())).collect())
    }

    /// An object as a test has it, with the uid and the version that it says, whatever was there; no watch is told. What
    /// stands in its status, the operator wrote.
    pub fn put(&mut self, mut object: Value) {
        let key = key_of(&object);
        self.keep_data(&key, &mut object);
        self.own_status(&object);
        self.objects.insert(key, object);
    }

    /// A version that nothing has had yet.
    pub fn next_version(&mut self) -> String {
        self.version += 1;
        self.version.to_string()
    }

    /// Changes an object as a whole, its metadata and status too, where it still has the version that was read. What
    /// stands in its status then, the operator wrote.
    pub fn change(
        &mut self,
        key: &Key,
        version: Option<&str>,
        change: impl FnOnce(&mut Value),
    ) -> Result<Value, ClusterError> {
        let label = format!("{} {}", key.0, key.1);
        let mut object = self.get(key).ok_or_else(|| ClusterError::NotFound(label.clone()))?;
        if version.is_some_and(|version| object["metadata"]["resourceVersion"] != version) {
            return Err(ClusterError::Conflict(label));
        }
        change(&mut object);
        self.keep_data(key, &mut object);
        self.own_status(&object);
        if dying(&object) && !held(&object) {
            self.remove(key);
            return Ok(object);
        }
        Ok(self.store(key.clone(), object))
    }

    /// Of a ConfigMap, watches and listings bring only metadata.
    fn keep_data(&mut self, key: &Key, object: &mut Value) {
        let data = object.as_object_mut().filter(|_| key.0 == "ConfigMap").and_then(|object| object.remove("data"));
        if let Some(data) = data {
            self.data.insert(key.clone(), serde_json::from_value(data).unwrap());
        }
    }

    fn own_status(&mut self, object: &Value) {
        let members = object["status"].as_object().into_iter().flat_map(Map::keys).cloned().collect();
        self.owned.insert(text(&object["metadata"]["uid"]), members);
    }

    /// What `kubectl apply` of a whole object does: creates it, or replaces its spec and labels.
    pub fn apply(&mut self, object: &Value) -> Key {
        let key = key_of(object);
        match self.objects.get(&key).cloned() {
            None => {
                self.uids += 1;
                let mut new = object.clone();
                let meta = &mut new["metadata"];
                meta["uid"] = json!(format!("uid-{}", self.uids));
                meta["creationTimestamp"] = json!(self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
                meta["generation"] = json!(1);
                if key.0.starts_with("Transfer") {
                    // What others wrote there stays there.
                    meta["finalizers"] = json!([THEIRS]);
                    meta["annotations"]["elsewhere.example/note"] = json!("theirs");
                    meta["labels"]["elsewhere.example/label"] = json!("theirs");
                }
                if key.0.starts_with("Transfer") || key.0 == "AwsIdentity" {
                    new["status"] = json!({"observedGeneration": -1});
                }
                self.store(key.clone(), new);
            }
            Some(mut old) => {
                let changed = old["spec"] != object["spec"];
                old["spec"] = object["spec"].clone();
                if let Some(labels) = object["metadata"].get("labels") {
                    old["metadata"]["labels"] = labels.clone();
                }
                self.update(key.clone(), old, changed);
            }
        }
        key
    }

    /// Changes the spec in place.
    pub fn edit(&mut self, key: &Key, change: impl FnOnce(&mut Value)) {
        let Some(mut object) = self.objects.get(key).cloned() else { return };
        let before = object["spec"].clone();
        change(&mut object["spec"]);
        let changed = before != object["spec"];
        self.update(key.clone(), object, changed);
    }

    pub fn annotate(&mut self, key: &Key, name: &str, value: &str) {
        let Some(mut object) = self.objects.get(key).cloned() else { return };
        object["metadata"]["annotations"][name] = json!(value);
        self.update(key.clone(), object, false);
    }

    /// What a restore, a stale controller or a forger does to status: another field manager writes it.
    pub fn write_status(&mut self, key: &Key, change: impl FnOnce(&mut Value)) {
        let Some(mut object) = self.objects.get(key).cloned() else { return };
        let before = object["status"].clone();
        change(&mut object["status"]);
        let uid = text(&object["metadata"]["uid"]);
        let after = object["status"].clone();
        if let Some(owned) = self.owned.get_mut(&uid) {
            owned.retain(|member| before.get(member) == after.get(member));
        }
        self.update(key.clone(), object, false);
    }

    /// What `kubectl replace` does to finalizers.
    pub fn strip_finalizers(&mut self, key: &Key) {
        let Some(mut object) = self.objects.get(key).cloned() else { return };
        if dying(&object) {
            // That would be a deletion by force; whoever does it keeps what is left in AWS.
            return;
        }
        object["metadata"].as_object_mut().unwrap().remove("finalizers");
        self.update(key.clone(), object, false);
    }

    pub fn delete(&mut self, key: &Key) {
        let Some(mut object) = self.objects.get(key).cloned() else { return };
        if !held(&object) {
            self.remove(key);
        } else if !dying(&object) {
            object["metadata"]["deletionTimestamp"] =
                json!(self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
            let stored = self.update(key.clone(), object, true);
            self.leave(key, &stored);
        }
    }

    fn leave(&mut self, key: &Key, object: &Value) {
        if dying(object) && !held_by_us(object) {
            self.leaving.insert(key.clone(), Instant::now() + THEY_TAKE);
        }
    }

    /// The operator's apply of the whole status under a resourceVersion.
    pub fn apply_status(&mut self, key: &Key, version: &str, status: &Value) -> Result<Value, ClusterError> {
        let label = format!("{} {}", key.0, key.1);
        let Some(mut object) = self.objects.get(key).cloned() else { return Err(ClusterError::NotFound(label)) };
        if text(&object["metadata"]["resourceVersion"]) != version {
            return Err(ClusterError::Conflict(label));
        }
        let before = object.clone();
        let uid = text(&object["metadata"]["uid"]);
        let new = status.as_object().cloned().unwrap_or_default();
        let owned = self.owned.entry(uid).or_default();
        let mut merged: Map<String, Value> = object["status"].as_object().cloned().unwrap_or_default();
        // A forced apply takes away what this manager owned and leaves out now, and nothing else.
        merged.retain(|member, _| !owned.contains(member) || new.contains_key(member));
        owned.clone_from(&new.keys().cloned().collect());
        merged.extend(new);
        object["status"] = Value::Object(merged);
        let stored = self.update(key.clone(), object, false);
        if stored["metadata"]["resourceVersion"] != before["metadata"]["resourceVersion"] {
            self.writes.push(Write { key: key.clone(), before, after: stored.clone(), status: true });
        }
        Ok(stored)
    }

    /// A finalizer of the operator's, added or removed under uid and resourceVersion.
    pub fn set_finalizer(
        &mut self,
        key: &Key,
        (uid, version): (&str, &str),
        finalizer: &str,
        present: bool,
    ) -> Result<Value, ClusterError> {
        let label = format!("{} {}", key.0, key.1);
        let Some(object) = self.objects.get(key).cloned() else { return Err(ClusterError::NotFound(label)) };
        let meta = &object["metadata"];
        if text(&meta["uid"]) != uid || text(&meta["resourceVersion"]) != version {
            return Err(ClusterError::Conflict(label));
        }
        let mut finalizers: Vec<Value> = meta["finalizers"].as_array().cloned().unwrap_or_default();
        finalizers.retain(|name| name != finalizer);
        if present {
            finalizers.push(json!(finalizer));
        }
        Ok(self.put_finalizers(key, object, &finalizers))
    }

    /// Stores an object of the operator's with these finalizers; one that is being deleted goes with the last.
    pub fn put_finalizers(&mut self, key: &Key, before: Value, finalizers: &[Value]) -> Value {
        let mut object = before.clone();
        let meta = object["metadata"].as_object_mut().unwrap();
        if finalizers.is_empty() {
            meta.remove("finalizers");
        } else {
            meta.insert("finalizers".to_owned(), json!(finalizers));
        }
        let stored = if dying(&object) && !held(&object) {
            self.remove(key);
            object
        } else {
            self.update(key.clone(), object, false)
        };
        self.leave(key, &stored);
        self.writes.push(Write { key: key.clone(), before, after: stored.clone(), status: false });
        stored
    }

    fn update(&mut self, key: Key, mut object: Value, next_generation: bool) -> Value {
        if self.objects.get(&key) == Some(&object) {
            return object;
        }
        if next_generation {
            let generation = object["metadata"]["generation"].as_i64().unwrap_or_default();
            object["metadata"]["generation"] = json!(generation + 1);
        }
        self.store(key, object)
    }

    fn store(&mut self, key: Key, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.history.push(Event { version: self.version, key: key.clone(), gone: false, object: object.clone() });
        self.objects.insert(key, object.clone());
        object
    }

    /// What belongs to it goes with it, as the garbage collector sees to.
    pub fn remove(&mut self, key: &Key) {
        let Some(mut object) = self.objects.remove(key) else { return };
        if key.0 == "ConfigMap" {
            self.data.remove(key);
        }
        for owned in self.owned_by(&object["metadata"]["uid"]) {
            self.remove(&owned);
        }
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.history.push(Event { version: self.version, key: key.clone(), gone: true, object });
    }
}

fn dying(object: &Value) -> bool {
    !object["metadata"]["deletionTimestamp"].is_null()
}

fn held_by_us(object: &Value) -> bool {
    object["metadata"]["finalizers"].as_array().is_some_and(|names| names.iter().any(|name| name == FINALIZER))
}

fn held(object: &Value) -> bool {
    object["metadata"]["finalizers"].as_array().is_some_and(|names| !names.is_empty())
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Kind and name of an object.
pub fn key_of(object: &Value) -> Key {
    let meta = &object["metadata"];
    (text(&object["kind"]), Name { namespace: text(&meta["namespace"]), name: text(&meta["name"]) })
}
