//! What the watches hold: one cache per kind, each change of it told as before and after. It asks nobody anything.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::Resource;
use kube::api::{ObjectMeta, PartialObjectMeta};
use kube::runtime::watcher::Event;

use super::guarded::Guarded;
use super::held::Held;
pub use super::held::Snapshot;
use super::pruned::Pruned;
use super::references::{Reference, Refers};
use super::{Lister, Name, Object, Objects};
use crate::api::{self, AwsIdentity, Managed, ManagedKind};
use crate::with_kinds;

/// One change of a cache.
#[derive(Clone, Debug)]
pub struct StoreChange<K> {
    /// Which object.
    pub name: Name,
    /// As it was; absent if it is new.
    pub before: Option<Snapshot<K>>,
    /// As it is; absent if it is gone.
    pub after: Option<Snapshot<K>>,
}

impl<K> StoreChange<K> {
    /// The object as it was.
    #[must_use]
    pub fn was(&self) -> Option<&K> {
        self.before.as_ref()?.object().map(Arc::as_ref)
    }

    /// The object as it is.
    #[must_use]
    pub fn is(&self) -> Option<&K> {
        self.after.as_ref()?.object().map(Arc::as_ref)
    }
}

/// What a watch can yield.
pub trait Watched: Resource<DynamicType = ()> {
    /// What is kept of it.
    type Kept: Refers;
    /// Takes it apart.
    fn seen(self) -> Snapshot<Self::Kept>;
}

impl<K: Resource<DynamicType = ()> + Refers> Watched for Guarded<K> {
    type Kept = K;

    fn seen(self) -> Snapshot<K> {
        match self.0 {
            Ok(object) => Snapshot::Whole(Arc::new(object)),
            Err(meta) => Snapshot::Undecoded(Arc::from(meta)),
        }
    }
}

impl<T: Watched> Watched for Pruned<T> {
    type Kept = T::Kept;

    fn seen(self) -> Snapshot<T::Kept> {
        self.0.seen()
    }
}

impl<K: Resource<DynamicType = ()>> Watched for PartialObjectMeta<K> {
    type Kept = ObjectMeta;

    fn seen(self) -> Snapshot<ObjectMeta> {
        Snapshot::Whole(Arc::new(self.metadata))
    }
}

/// All objects of a kind, gathered by one watch per scope (a namespace, or the whole cluster).
#[derive(Debug)]
pub struct Store<K> {
    inner: Mutex<Inner<K>>,
    filled: AtomicBool,
}

#[derive(Debug)]
struct Inner<K> {
    /// A name stands in several places here and is held once, as maps of thousands of names would hold mostly those.
    objects: BTreeMap<Arc<Name>, (usize, Held<K>)>,
    /// Who refers to what, kept with `objects`.
    by: BTreeMap<Reference, Names>,
    /// Names seen so far by a listing that is under way, by scope.
    listing: BTreeMap<usize, BTreeSet<Arc<Name>>>,
    /// Scopes that were listed at least once.
    listed: BTreeSet<usize>,
    scopes: usize,
    /// There may be tens of thousands of them, see `packed`.
    many: bool,
}

/// Who refers to something. Most of what is referred to is so by one object, as a login is, and a set has room for eleven.
#[derive(Debug)]
enum Names {
    One(Arc<Name>),
    Several(BTreeSet<Arc<Name>>),
}

impl Names {
    fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Several(names) => names.len(),
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Arc<Name>> {
        let (one, several) = match self {
            Self::One(name) => (Some(name), None),
            Self::Several(names) => (None, Some(names)),
        };
        one.into_iter().chain(several.into_iter().flatten())
    }

    fn insert(&mut self, name: Arc<Name>) {
        match self {
            Self::One(one) if *one == name => {}
            Self::One(one) => *self = Self::Several(BTreeSet::from([Arc::clone(one), name])),
            Self::Several(names) => drop(names.insert(name)),
        }
    }

    /// Whether nobody is left.
    fn remove(&mut self, name: &Name) -> bool {
        match self {
            Self::One(one) => **one == *name,
            Self::Several(names) => {
                names.remove(name);
                names.is_empty()
            }
        }
    }
}

impl<K> Store<K> {
    /// An empty cache that is filled when this many scopes were listed.
    #[must_use]
    pub fn new(scopes: usize) -> Self {
        Self::with(scopes, false)
    }

    fn with(scopes: usize, many: bool) -> Self {
        let (objects, by) = (BTreeMap::new(), BTreeMap::new());
        let inner = Inner { objects, by, listing: BTreeMap::new(), listed: BTreeSet::new(), scopes, many };
        Self { inner: Mutex::new(inner), filled: AtomicBool::new(false) }
    }

    /// Whether every scope was listed once.
    #[must_use]
    pub fn filled(&self) -> bool {
        self.filled.load(Ordering::Acquire)
    }

    /// Nothing fills it, and nobody waits for that.
    pub fn leave_empty(&self) {
        self.filled.store(true, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Inner<K>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Refers> Store<K> {
    /// The object of this name; absent also where it does not decode.
    #[must_use]
    pub fn get(&self, name: &Name) -> Option<Arc<K>> {
        let held = self.lock().objects.get(name).map(|(_, held)| held.clone());
        held?.object()
    }

    /// Every object that decodes, each as it is asked for.
    pub fn all(&self) -> impl Iterator<Item = Arc<K>> + use<K> {
        let held: Vec<Held<K>> = self.lock().objects.values().map(|(_, held)| held.clone()).collect();
        held.into_iter().filter_map(Held::object)
    }
}

impl<K: Refers> Store<K> {
    /// What an object refers to; nothing where it is not there or does not decode.
    pub(crate) fn references_of(&self, name: &Name) -> Vec<Reference> {
        self.get(name).map(|object| object.refers_to()).unwrap_or_default()
    }

    /// Takes over an event of one scope's watch; answers with what it changed.
    pub fn apply<W: Watched<Kept = K>>(&self, scope: usize, event: Event<W>) -> Vec<StoreChange<K>> {
        let mut inner = self.lock();
        match event {
            Event::Init => {
                inner.listing.insert(scope, BTreeSet::new());
                Vec::new()
            }
            Event::InitApply(object) => {
                let change = inner.put(scope, object);
                let name = inner.shared(&change.name);
                if let Some(names) = inner.listing.get_mut(&scope) {
                    names.insert(name);
                }
                vec![change]
            }
            Event::InitDone => {
                let gone = inner.end_listing(scope);
                if inner.listed.len() == inner.scopes {
                    self.filled.store(true, Ordering::Release);
                }
                gone
            }
            Event::Apply(object) => vec![inner.put(scope, object)],
            Event::Delete(object) => inner.end(object.meta()).into_iter().collect(),
        }
    }

    fn how_many(&self, reference: &Reference) -> usize {
        self.lock().by.get(reference).map_or(0, Names::len)
    }

    fn leaving(&self, identity: &str) -> BTreeMap<Timestamp, usize> {
        let at = |time| Reference::Leaving(identity.to_owned(), time);
        let inner = self.lock();
        let going = inner.by.range(at(Timestamp::MIN)..=at(Timestamp::MAX));
        let count = |(reference, names): (&Reference, &Names)| match reference {
            Reference::Leaving(_, at) => Some((*at, names.len())),
            _ => None,
        };
        going.filter_map(count).collect()
    }

    fn by(&self, reference: &Reference) -> impl Iterator<Item = Arc<K>> + use<K> {
        let inner = self.lock();
        let held = |name: &Arc<Name>| inner.objects.get(name).map(|(_, held)| held.clone());
        let found: Vec<Held<K>> = inner.by.get(reference).into_iter().flat_map(Names::iter).filter_map(held).collect();
        found.into_iter().filter_map(Held::object)
    }
}

impl<K: Refers> Inner<K> {
    fn put<W: Watched<Kept = K>>(&mut self, scope: usize, object: W) -> StoreChange<K> {
        let name = Name::from(object.meta());
        let seen = object.seen();
        let shared = self.shared(&name);
        let held = Held::of(&seen, self.many);
        let before = self.objects.insert(Arc::clone(&shared), (scope, held)).and_then(|(_, held)| held.seen());
        let old = before.as_ref().map(references).unwrap_or_default();
        let new = references(&seen);
        if old != new {
            self.unfile(&name, &old);
            for reference in new {
                match self.by.entry(reference) {
                    Entry::Vacant(free) => drop(free.insert(Names::One(Arc::clone(&shared)))),
                    Entry::Occupied(mut names) => names.get_mut().insert(Arc::clone(&shared)),
                }
            }
        }
        StoreChange { name, before, after: Some(seen) }
    }

    /// The name as it is held, if it is.
    fn shared(&self, name: &Name) -> Arc<Name> {
        self.objects.get_key_value(name).map_or_else(|| Arc::new(name.clone()), |(held, _)| Arc::clone(held))
    }

    fn take(&mut self, name: &Name) -> Option<StoreChange<K>> {
        let before = self.objects.remove(name)?.1.seen()?;
        self.unfile(name, &references(&before));
        Some(StoreChange { name: name.clone(), before: Some(before), after: None })
    }

    fn unfile(&mut self, name: &Name, references: &[Reference]) {
        for reference in references {
            if self.by.get_mut(reference).is_some_and(|names| names.remove(name)) {
                self.by.remove(reference);
            }
        }
    }

    /// The end of an object that was told late says nothing of its namesake.
    fn end(&mut self, meta: &ObjectMeta) -> Option<StoreChange<K>> {
        let name = Name::from(meta);
        let seen = self.objects.get(&name).and_then(|(_, held)| held.clone().seen());
        let held = seen.is_some_and(|seen| seen.meta().uid == meta.uid);
        held.then(|| self.take(&name)).flatten()
    }

    /// What a complete listing of a scope did not show went while nobody watched.
    fn end_listing(&mut self, scope: usize) -> Vec<StoreChange<K>> {
        self.listed.insert(scope);
        let shown = self.listing.remove(&scope).unwrap_or_default();
        let gone: Vec<Arc<Name>> = self
            .objects
            .iter()
            .filter(|(name, (of, _))| *of == scope && !shown.contains(*name))
            .map(|(name, _)| Arc::clone(name))
            .collect();
        gone.iter().filter_map(|name| self.take(name)).collect()
    }
}

/// Nothing of one that does not decode.
fn references<K: Refers>(seen: &Snapshot<K>) -> Vec<Reference> {
    seen.object().map(|object| object.refers_to()).unwrap_or_default()
}

/// A cache of a kind that stands for something in AWS, for who does not care which.
trait ManagedStore: Send + Sync {
    fn filled(&self) -> bool;
    fn object(&self, name: &Name) -> Option<Arc<dyn Object>>;
    fn objects(&self) -> Objects;
    fn referring(&self, reference: &Reference) -> Objects;
    fn how_many(&self, reference: &Reference) -> usize;
    fn leaving(&self, identity: &str) -> BTreeMap<Timestamp, usize>;
}

impl<K: Managed> ManagedStore for Store<K> {
    fn filled(&self) -> bool {
        Store::filled(self)
    }

    fn object(&self, name: &Name) -> Option<Arc<dyn Object>> {
        Some(self.get(name)?)
    }

    fn objects(&self) -> Objects {
        Box::new(self.all().map(|object| object as Arc<dyn Object>))
    }

    fn referring(&self, reference: &Reference) -> Objects {
        Box::new(self.by(reference).map(|object| object as Arc<dyn Object>))
    }

    fn how_many(&self, reference: &Reference) -> usize {
        Store::how_many(self, reference)
    }

    fn leaving(&self, identity: &str) -> BTreeMap<Timestamp, usize> {
        Store::leaving(self, identity)
    }
}

/// A kind of which there is a cache.
pub trait Stored: Refers + Sized {
    /// The cache of this kind.
    fn store(stores: &Stores) -> &Store<Self>;
}

/// Kinds of which only metadata is watched.
pub type NamespaceMeta = Pruned<PartialObjectMeta<Namespace>>;
/// See [`NamespaceMeta`].
pub type ConfigMapMeta = Pruned<PartialObjectMeta<ConfigMap>>;

macro_rules! stores {
    ($($plural:ident: $kind:ident,)+) => {
        /// The caches of everything that is watched.
        #[derive(Debug)]
        pub struct Stores {
            /// Identities.
            pub identities: Store<AwsIdentity>,
            $(#[doc = concat!("Of `", stringify!($kind), "`.")] pub $plural: Store<api::$kind>,)+
            /// Metadata of namespaces.
            pub namespaces: Store<ObjectMeta>,
            /// Metadata of ConfigMaps.
            pub config_maps: Store<ObjectMeta>,
        }

        impl Stores {
            /// Empty caches for this many watched namespaces; none means one watch of the whole cluster.
            #[must_use]
            pub fn new(namespaces: usize) -> Self {
                let scopes = namespaces.max(1);
                Self {
                    identities: Store::new(1),
                    $($plural: Store::with(scopes, <api::$kind as Managed>::MANY),)+
                    namespaces: Store::new(1),
                    config_maps: Store::new(scopes),
                }
            }

            fn managed(&self, kind: ManagedKind) -> &dyn ManagedStore {
                match kind {
                    $(ManagedKind::$kind => &self.$plural,)+
                }
            }

            /// All identities.
            #[must_use]
            pub fn identities(&self) -> Vec<Arc<AwsIdentity>> {
                self.identities.all().collect()
            }

            /// What is not filled yet.
            #[must_use]
            pub fn missing(&self) -> Vec<String> {
                let managed = ManagedKind::ALL.iter().map(|kind| (kind.resource().plural, self.managed(*kind).filled()));
                [(AwsIdentity::plural(&()).into_owned(), self.identities.filled())]
                    .into_iter()
                    .chain(managed)
                    .chain([("namespaces".to_owned(), self.namespaces.filled())])
                    .chain([("configmaps".to_owned(), self.config_maps.filled())])
                    .filter_map(|(name, filled)| (!filled).then_some(name))
                    .collect()
            }
        }

        $(impl Stored for api::$kind {
            fn store(stores: &Stores) -> &Store<Self> {
                &stores.$plural
            }
        })+
    };
}
with_kinds!(stores);

impl Stored for AwsIdentity {
    fn store(stores: &Stores) -> &Store<Self> {
        &stores.identities
    }
}

impl Lister for Stores {
    fn identity(&self, name: &str) -> Option<Arc<AwsIdentity>> {
        self.identities.get(&Name { namespace: String::new(), name: name.to_owned() })
    }

    fn namespace_labels(&self, name: &str) -> Option<BTreeMap<String, String>> {
        let meta = self.namespaces.get(&Name { namespace: String::new(), name: name.to_owned() })?;
        Some(meta.labels.clone().unwrap_or_default())
    }

    fn object(&self, kind: ManagedKind, name: &Name) -> Option<Arc<dyn Object>> {
        self.managed(kind).object(name)
    }

    fn objects(&self, kind: ManagedKind) -> Objects {
        self.managed(kind).objects()
    }

    fn referring(&self, kind: ManagedKind, reference: &Reference) -> Objects {
        self.managed(kind).referring(reference)
    }

    fn how_many(&self, kind: ManagedKind, reference: &Reference) -> usize {
        self.managed(kind).how_many(reference)
    }

    fn leaving(&self, kind: ManagedKind, identity: &str) -> BTreeMap<Timestamp, usize> {
        self.managed(kind).leaving(identity)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::api::{TransferAccess, TransferUser};
    use serde_json::{Value, json};

    type Watch = Guarded<TransferAccess>;

    fn access(namespace: &str, name: &str, spec: &Value) -> Watch {
        serde_json::from_value(json!({
            "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "TransferAccess",
            "metadata": {"namespace": namespace, "name": name},
            "spec": spec,
        }))
        .unwrap()
    }

    fn good(namespace: &str, name: &str) -> Watch {
        access(namespace, name, &json!({"externalId": "S-1-5-21-1-2-3", "role": "arn"}))
    }

    #[test]
    fn the_late_end_of_an_object_does_not_take_its_namesake_away() {
        let cache = Store::<TransferAccess>::new(1);
        let of = |uid: &str| {
            let mut object = good("a", "x");
            object.meta_mut().uid = Some(uid.to_owned());
            object
        };
        cache.apply(0, Event::Apply(of("old")));
        cache.apply(0, Event::Apply(of("new")));
        assert!(cache.apply(0, Event::Delete(of("old"))).is_empty());
        assert_eq!(cache.all().count(), 1);
        assert_eq!(cache.apply(0, Event::Delete(of("new"))).len(), 1);
    }

    fn user(name: &str, role: &str) -> TransferUser {
        let member = |text: &str| json!({"keyId": text, "value": text});
        let mut object: TransferUser = serde_json::from_value(json!({
            "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "TransferUser",
            "metadata": {"namespace": "a", "name": name, "uid": "u", "resourceVersion": "7", "generation": 2,
                "creationTimestamp": "2026-01-01T00:00:00Z", "labels": {"team": "\u{fc}ber"}, "finalizers": ["f"]},
            "spec": {"serverRef": {"name": "files"}, "role": role, "home": {"s3": {"bucket": "b", "prefix": "x/y"}},
                "tags": {"a": "b"}, "sshPublicKeys": [{"publicKey": "ssh-ed25519 AAAA", "expiresAt": "2027-01-01T00:00:00Z"}]},
            "status": {"observedGeneration": 2, "accountId": "123456789012", "region": "eu-central-1",
                "applied": {"paths": ["role", "home"], "tags": ["a"], "hashes": {"policy": "x"}},
                "conditions": [{"type": "Ready", "status": "True", "reason": "Available", "message": "m",
                    "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 2}]},
        }))
        .unwrap();
        object.metadata.annotations = Some(BTreeMap::from([("note".to_owned(), member("\"quoted\"\n").to_string())]));
        object
    }

    /// As text or as values, whoever looks sees the same.
    #[test]
    fn objects_of_which_there_are_many_are_held_as_text_and_seen_as_they_were() {
        let cache = Stores::new(1).users;
        let guarded = |object: &TransferUser| serde_json::from_value::<Guarded<TransferUser>>(json!(object)).unwrap();
        let (before, after) = (user("x", "arn:1"), user("x", "arn:2"));
        cache.apply(0, Event::Apply(guarded(&before)));
        let name = Name::from(&before.metadata);
        let held = cache.lock().objects[&name].1.clone();
        assert!(matches!(held, Held::Packed(_)), "{held:?}");
        assert_eq!(json!(cache.get(&name).unwrap().as_ref()), json!(before));
        let change = cache.apply(0, Event::Apply(guarded(&after))).pop().unwrap();
        assert_eq!((json!(change.was()), json!(change.is())), (json!(before), json!(after)));
        let server =
            Reference::Object(ManagedKind::TransferServer, Name { namespace: "a".into(), name: "files".into() });
        assert_eq!((cache.by(&server).count(), cache.how_many(&server), cache.all().count()), (1, 1, 1));
        cache.apply(0, Event::Delete(guarded(&after)));
        assert!(cache.lock().objects.is_empty() && cache.lock().by.is_empty());
    }

    #[test]
    fn a_name_is_held_once_wherever_it_stands() {
        let cache = Store::<TransferAccess>::new(1);
        for name in ["x", "y"] {
            cache.apply(0, Event::Apply(good("a", name)));
        }
        let refers = json!({"externalId": "S-1-5-21-1-2-3", "role": "arn", "serverRef": {"name": "files"}});
        cache.apply(0, Event::Apply(access("a", "x", &refers)));
        let inner = cache.lock();
        let places: Vec<&Arc<Name>> = inner.by.values().flat_map(Names::iter).collect();
        assert!(places.len() > 3, "both stand under what both refer to: {places:?}");
        for name in places {
            let (held, _) = inner.objects.get_key_value(name).unwrap();
            assert!(Arc::ptr_eq(held, name), "{name}");
        }
    }

    fn names(changes: &[StoreChange<TransferAccess>]) -> Vec<String> {
        changes.iter().map(|change| format!("{} {}", change.name, change.after.is_some())).collect()
    }

    #[test]
    fn filled_only_when_every_scope_was_listed_to_its_end() {
        let cache = Store::new(2);
        cache.apply::<Watch>(0, Event::Init);
        cache.apply(0, Event::InitApply(good("a", "x")));
        cache.apply::<Watch>(0, Event::InitDone);
        assert!(!cache.filled());
        cache.apply::<Watch>(1, Event::Init);
        assert!(!cache.filled());
        cache.apply::<Watch>(1, Event::InitDone);
        assert!(cache.filled());
    }

    #[test]
    fn what_went_while_nobody_watched_is_told_and_other_scopes_stay() {
        let cache = Store::new(2);
        cache.apply(0, Event::Apply(good("a", "stays")));
        cache.apply(0, Event::Apply(good("a", "goes")));
        cache.apply(1, Event::Apply(good("b", "elsewhere")));
        cache.apply::<Watch>(0, Event::Init);
        cache.apply(0, Event::InitApply(good("a", "stays")));
        let gone = cache.apply::<Watch>(0, Event::InitDone);
        assert_eq!(names(&gone), ["a/goes false"]);
        assert_eq!(cache.all().count(), 2);
    }

    #[test]
    fn one_that_does_not_decode_is_absent_and_still_told_of() {
        let cache = Store::new(1);
        let changes = cache.apply(0, Event::Apply(access("a", "bad", &json!({"externalId": 7}))));
        assert_eq!(names(&changes), ["a/bad true"]);
        assert!(changes.iter().all(|change| change.is().is_none()));
        assert_eq!(cache.all().count(), 0);
    }

    fn logins(cache: &Store<TransferAccess>, key: &str) -> Vec<String> {
        let found = cache.by(&Reference::Login(key.to_owned()));
        found.filter_map(|object| object.metadata.name.clone()).collect()
    }

    #[test]
    fn who_refers_to_a_thing_is_found_until_it_refers_to_it_no_more() {
        let cache = Store::<TransferAccess>::new(1);
        let group = |name: &str, id: &str| access("a", name, &json!({"externalId": id, "role": "arn"}));
        cache.apply(0, Event::Apply(group("x", "S-1")));
        cache.apply(0, Event::Apply(group("y", "S-1")));
        assert_eq!(logins(&cache, "S-1"), ["x", "y"]);
        cache.apply(0, Event::Apply(group("x", "S-2")));
        assert_eq!((logins(&cache, "S-1"), logins(&cache, "S-2")), (vec!["y".to_owned()], vec!["x".to_owned()]));
        cache.apply(0, Event::Apply(access("a", "x", &json!({"externalId": 7}))));
        assert!(logins(&cache, "S-2").is_empty(), "one that does not decode refers to nothing");
        cache.apply(0, Event::Delete(group("y", "S-1")));
        assert!(logins(&cache, "S-1").is_empty() && cache.lock().by.is_empty(), "nothing is kept of what went");
    }
}
