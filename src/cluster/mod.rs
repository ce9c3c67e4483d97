//! The narrow door to Kubernetes: what a reconcile needs of the API server, and nothing else.
//!
//! [`KubeApi`] is live: every answer is the API server's own of that moment. [`Lister`] is the cache that watches
//! fill; it is good for references, never for a create or a destructive call.

pub mod guarded;
mod held;
pub mod kube;
pub mod mass_deletion;
mod packed;
pub mod pruned;
pub mod references;
pub mod store;

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use ::kube::Resource;
use ::kube::api::ObjectMeta;
use ::kube::core::ApiResource;
use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::Value;

use self::references::{Reference, Refers};
pub use crate::api::Name;
use crate::api::{self, AwsIdentity, CommonStatus, FINALIZER, Managed, ManagedKind};
use crate::text::NotText;
use crate::with_kinds;

/// Field manager of everything that we apply, and reporter of our Events.
pub const MANAGER: &str = "transfer-operator";

/// Which namespaces are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Those that are watched.
    Watched,
    /// All of the cluster, which an installation that watches only some may not be allowed to.
    Everywhere,
}

/// What the API server refused or failed to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClusterError {
    /// The resourceVersion is no longer the newest: somebody wrote in between.
    #[error("{0}: the object changed in between")]
    Conflict(String),
    /// The object is not there.
    #[error("{0}: not found")]
    NotFound(String),
    /// The operator's ServiceAccount may not do this.
    #[error("{0}: forbidden")]
    Forbidden(String),
    /// The API server refuses the content.
    #[error("{0}: refused: {1}")]
    Invalid(String, String),
    /// The object does not decode into our type.
    #[error("{0}: cannot be read as this version's type: {1}")]
    Undecodable(String, String),
    /// No answer, or one that says "later".
    #[error("{0}: the API server did not answer: {1}")]
    Unavailable(String, String),
}

/// Values of a Secret by key, and of those that are no text what they are instead.
pub type Texts<T> = BTreeMap<String, Result<T, NotText>>;

/// Values of a ConfigMap by key, text or not.
pub type Entries = BTreeMap<String, Vec<u8>>;

/// A Secret as far as it may be looked at.
#[derive(Debug)]
pub struct SecretData {
    /// `type` of the Secret.
    pub secret_type: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its values.
    pub data: Texts<SecretString>,
}

/// An Event to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventNote {
    /// Warning instead of Normal.
    pub warning: bool,
    /// CamelCase word, the same as the condition's.
    pub reason: String,
    /// For people; cut to what the API takes.
    pub message: String,
}

/// A write to an object that belongs to one of ours.
#[derive(Clone, Debug, PartialEq)]
pub enum OwnedWrite {
    /// Makes it; refused as a conflict where it is there.
    Create(Value),
    /// Puts this in the place of its data.
    Data {
        /// Its uid.
        uid: String,
        /// The version that was read.
        resource_version: String,
        /// All of its data.
        data: Value,
    },
    /// Deletes it.
    Delete {
        /// Its uid.
        uid: String,
        /// The version that was read.
        resource_version: String,
    },
}

/// The API server, live.
#[async_trait]
pub trait KubeApi: Send + Sync {
    /// Reads one object: of ours, or what belongs to one.
    async fn get(&self, kind: &ApiResource, name: &Name) -> Result<Option<Value>, ClusterError>;

    /// Hands over all objects of a kind of ours within reach one by one: all at once they may be more than the process
    /// has room for. After an error what was handed over is not all; [`fold`] lets go of it.
    async fn list(
        &self,
        kind: &ApiResource,
        reach: Reach,
        each: &mut (dyn FnMut(Value) + Send),
    ) -> Result<(), ClusterError>;

    /// Applies the whole status under `resource_version`, strictly; answers with the object as stored. Of an object
    /// that is in no namespace, which several installations write, what others wrote stays: see [`completed`].
    async fn apply_status(
        &self,
        kind: &ApiResource,
        name: &Name,
        resource_version: &str,
        status: Value,
    ) -> Result<Value, ClusterError>;

    /// Adds (`true`) or removes this finalizer of ours on the very version that was read, of which this is the
    /// metadata; answers with the object as stored.
    async fn set_finalizer(
        &self,
        kind: &ApiResource,
        read: &ObjectMeta,
        finalizer: &str,
        present: bool,
    ) -> Result<Value, ClusterError>;

    /// Writes what belongs to one of ours, if it is still what was read.
    async fn write_owned(&self, kind: &ApiResource, name: &Name, write: OwnedWrite) -> Result<(), ClusterError>;

    /// Reads one Secret by name. Only namespaces that the installation names may be read.
    async fn secret(&self, name: &Name) -> Result<Option<SecretData>, ClusterError>;

    /// Reads the data of one ConfigMap.
    async fn config_map(&self, name: &Name) -> Result<Option<Entries>, ClusterError>;

    /// Publishes an Event about an object (given as JSON). Failing to is only logged.
    async fn publish(&self, kind: &ApiResource, object: &Value, note: EventNote);
}

/// An object of a kind that stands for something in AWS, for who does not care which.
pub trait Object: Any + Send + Sync {
    /// Its kind.
    fn managed_kind(&self) -> ManagedKind;
    /// Its metadata.
    fn metadata(&self) -> &ObjectMeta;
    /// The part of its status that all kinds have.
    fn common_status(&self) -> Option<&CommonStatus>;
    /// Everything that it refers to.
    fn all_references(&self) -> Vec<Reference>;
    /// Whether something in AWS may be its own: our finalizer says so, and where somebody took that off the record of its
    /// own create.
    fn may_be_in_aws(&self) -> bool;
}

impl<K: Managed> Object for K {
    fn managed_kind(&self) -> ManagedKind {
        K::KIND
    }

    fn metadata(&self) -> &ObjectMeta {
        self.meta()
    }

    fn common_status(&self) -> Option<&CommonStatus> {
        self.status().map(K::common)
    }

    fn all_references(&self) -> Vec<Reference> {
        self.refers_to()
    }

    fn may_be_in_aws(&self) -> bool {
        let meta = self.meta();
        let record = self.common_status().and_then(|status| status.create.as_ref());
        let own = record.is_some_and(|record| Some(&record.uid) == meta.uid.as_ref());
        meta.finalizers.iter().flatten().any(|name| name == FINALIZER) || (own && !self.policies().observes())
    }
}

/// Objects, each as it is asked for: of some kinds there are so many that all at once would take the room which the cache
/// saves. They are as they were when they were asked for.
pub type Objects = Box<dyn Iterator<Item = Arc<dyn Object>> + Send>;

/// What the watches hold, for references.
pub trait Lister: Send + Sync {
    /// An identity.
    fn identity(&self, name: &str) -> Option<Arc<AwsIdentity>>;
    /// Labels of a namespace; absent where the namespace is not known.
    fn namespace_labels(&self, name: &str) -> Option<BTreeMap<String, String>>;
    /// An object of this kind.
    fn object(&self, kind: ManagedKind, name: &Name) -> Option<Arc<dyn Object>>;
    /// All objects of this kind.
    fn objects(&self, kind: ManagedKind) -> Objects;
    /// At least the objects of this kind that refer to it.
    fn referring(&self, kind: ManagedKind, reference: &Reference) -> Objects {
        let reference = reference.clone();
        Box::new(self.objects(kind).filter(move |object| object.all_references().contains(&reference)))
    }
    /// How many objects of this kind refer to it. Counts an index, and looks at none of them.
    fn how_many(&self, kind: ManagedKind, reference: &Reference) -> usize {
        self.referring(kind, reference).count()
    }
    /// How many objects of this kind are on their way out of AWS with this identity, by their deletionTimestamp. The
    /// store counts an index, and looks at none of them.
    fn leaving(&self, kind: ManagedKind, identity: &str) -> BTreeMap<Timestamp, usize> {
        let mut going = BTreeMap::new();
        for reference in self.objects(kind).flat_map(|object| object.all_references()) {
            if let Reference::Leaving(of, at) = reference
                && of == identity
            {
                *going.entry(at).or_default() += 1;
            }
        }
        going
    }
    /// Whether any object refers to it.
    fn is_referred_to(&self, reference: &Reference) -> bool {
        ManagedKind::ALL.iter().any(|kind| self.how_many(*kind, reference) > 0)
    }
}

impl dyn Lister + '_ {
    /// The object of this kind and name.
    #[must_use]
    pub fn get<K: Managed>(&self, name: &Name) -> Option<Arc<K>> {
        self.object(K::KIND, name).and_then(typed)
    }

    /// At least the objects of this kind that refer to it.
    #[must_use]
    pub fn by<K: Managed>(&self, reference: &Reference) -> Vec<Arc<K>> {
        self.referring(K::KIND, reference).filter_map(typed).collect()
    }
}

/// The same as its own type, which goes with its kind.
fn typed<K: Managed>(object: Arc<dyn Object>) -> Option<Arc<K>> {
    let any: Arc<dyn Any + Send + Sync> = object;
    any.downcast().ok()
}

/// Reads and decodes one object of a managed kind.
///
/// # Errors
/// Any [`ClusterError`]; `Undecodable` where it does not fit our type.
pub async fn get<K: Managed>(cluster: &dyn KubeApi, name: &Name) -> Result<Option<K>, ClusterError> {
    let value = cluster.get(&ApiResource::erase::<K>(&()), name).await?;
    value.map(|value| decode(name, &value)).transpose()
}

/// Gathers what is needed of all objects of a kind: everything, or an error and nothing.
///
/// # Errors
/// Any [`ClusterError`]; also where the listing broke off midway.
pub async fn fold<T: Send>(
    cluster: &dyn KubeApi,
    kind: &ApiResource,
    reach: Reach,
    start: T,
    mut take: impl FnMut(&mut T, Value) + Send,
) -> Result<T, ClusterError> {
    let mut gathered = start;
    cluster.list(kind, reach, &mut |object| take(&mut gathered, object)).await?;
    Ok(gathered)
}

/// What the status of an object that several installations write has to be after one of them applied `sent`: the
/// entries of the others stay, and everything else where only an entry was sent.
#[must_use]
pub(crate) fn completed(sent: &Value, stored: &Value) -> Value {
    const ENTRIES: &str = "installations";
    let entries = |status: &Value| status.get(ENTRIES).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut all = entries(stored);
    for entry in entries(sent) {
        match all.iter_mut().find(|stored| stored.get("name") == entry.get("name")) {
            Some(stored) => *stored = entry,
            None => all.push(entry),
        }
    }
    let whole = sent.as_object().is_some_and(|members| members.keys().any(|name| name != ENTRIES));
    let mut status = if whole { sent.clone() } else { stored.clone() };
    if let (Some(members), false) = (status.as_object_mut(), all.is_empty()) {
        members.insert(ENTRIES.to_owned(), Value::Array(all));
    }
    status
}

/// Decodes an object that the door answered with.
///
/// # Errors
/// `Undecodable`, naming the object and the field.
pub fn decode<K>(name: &Name, value: &Value) -> Result<K, ClusterError>
where
    K: Resource<DynamicType = ()> + DeserializeOwned,
{
    read(value).map_err(|error| ClusterError::Undecodable(format!("{} {name}", K::kind(&())), error))
}

/// Reads any type. All of ours go this one way: each other would be as much code again for each of them.
///
/// # Errors
/// The field that does not fit, and why.
fn read<T: DeserializeOwned>(value: &Value) -> Result<T, String> {
    tried(value).map_err(|(path, why)| match path.as_str() {
        // What is missing at the top is at no path.
        "." => why,
        part @ ("spec" | "status") => {
            format!("{}: {why}", member::<T>(value, part, &why).unwrap_or_else(|| part.to_owned()))
        }
        path => format!("{path}: {why}"),
    })
}

/// Path and cause of what does not fit.
fn tried<T: DeserializeOwned>(value: &Value) -> Result<T, (String, String)> {
    serde_path_to_error::deserialize(value)
        .map_err(|error| (error.path().to_string(), unquoted(&error.inner().to_string())))
}

/// What our types take from several structs into one, such as all of a login, has no path of its own to serde. The member
/// without which something else is wrong, or nothing, is it; but not one that is only missed once it is taken out, and
/// nothing that is missing is among those that are there.
fn member<T: DeserializeOwned>(value: &Value, part: &str, why: &str) -> Option<String> {
    if why.starts_with("missing field") {
        return None;
    }
    let with = |name: &str, instead: Option<Value>| {
        let mut edited = value.clone();
        if let Some(members) = edited.get_mut(part).and_then(Value::as_object_mut) {
            members.remove(name);
            members.extend(instead.map(|instead| (name.to_owned(), instead)));
        }
        tried::<T>(&edited).err()
    };
    let mut names = value.get(part)?.as_object()?.keys();
    let name = names.find(|name| match with(name, None) {
        None => true,
        // Each that must be there is missed, right or wrong. What has a path of its own would have been named by it.
        Some((_, other)) if other == format!("missing field `{name}`") => {
            with(name, Some(Value::Null)).is_some_and(|(path, _)| path == part)
        }
        Some((_, other)) => other != why,
    })?;
    Some(format!("{part}.{name}"))
}

/// How much is told of why a value does not fit, in bytes. serde's own words are far shorter.
const WHY_BYTES: usize = 300;

/// serde quotes the text that does not fit. It may be as long as an object may be, and a key that somebody pasted: where
/// it stands is said by the path.
fn unquoted(why: &str) -> String {
    const QUOTED: [&str; 3] = ["invalid type: string", "invalid value: string", "unknown variant"];
    let quoted = QUOTED.into_iter().find(|start| why.starts_with(start));
    match (quoted, why.rsplit_once(", expected ")) {
        (Some(start), Some((_, expected))) => format!("{start}, expected {expected}"),
        (Some(start), None) => start.to_owned(),
        (None, _) => why.get(..why.floor_char_boundary(WHY_BYTES)).unwrap_or_default().to_owned(),
    }
}

macro_rules! decode_any {
    ($($plural:ident: $kind:ident,)+) => {
        /// Decodes an object of this kind; nothing where it does not fit our type.
        #[must_use]
        pub(crate) fn decode_any(kind: ManagedKind, value: &Value) -> Option<Arc<dyn Object>> {
            match kind {
                $(ManagedKind::$kind => {
                    read::<api::$kind>(value).ok().map(|object| Arc::new(object) as Arc<dyn Object>)
                })+
            }
        }
    };
}
with_kinds!(decode_any);
