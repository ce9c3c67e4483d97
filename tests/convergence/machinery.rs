//! What every process of the harness is built of: the real engines behind the deps that it is handed, the caches, and
//! whom a change wakes. It knows no world: who runs it decides what is late and what is lost.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use kube::api::ObjectMeta;
use kube::runtime::watcher::Event as WatchEvent;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::de::DeserializeOwned;
use serde_json::Value;
use transfer_operator::api::{self, ManagedKind};
use transfer_operator::aws::Rank;
use transfer_operator::cluster::guarded::Guarded;
use transfer_operator::cluster::pruned::Pruned;
use transfer_operator::cluster::references::{Reference, Refers, identity_of};
use transfer_operator::cluster::store::{ConfigMapMeta, NamespaceMeta, Snapshot, Store, StoreChange, Stores, Watched};
use transfer_operator::cluster::{Lister, Name};
use transfer_operator::engine::context::Engine;
use transfer_operator::engine::controller::{self, Cause};
use transfer_operator::engine::kind::Kind;
use transfer_operator::engine::queue::Lane;
use transfer_operator::engine::reconcile::reconcile;
use transfer_operator::engine::requeue::Requeue;
use transfer_operator::engine::settings::{Env, Settings};
use transfer_operator::kinds::affected;
use transfer_operator::kinds::deps::Deps;
use transfer_operator::kinds::identity::Identities;
use transfer_operator::kinds::installations::Installation;
use transfer_operator::kinds::orphans::Orphans;
use transfer_operator::kinds::registration::Registration;
use transfer_operator::kinds::trigger::{Trigger, Which};
use transfer_operator::with_kinds;

use transfer_operator::fakes::api_server::text;
use transfer_operator::fakes::clock::Clock;

/// An object that a reconcile can be made over.
pub type Item = (Which, Name);
/// One reconcile over the object of this name and uid.
pub type Reconcile = Arc<dyn Fn(Name, String) -> BoxFuture<'static, Requeue> + Send + Sync>;

/// The kinds that are watched; an object comes after what it refers to.
pub fn watched() -> Vec<&'static str> {
    ["Namespace", "ConfigMap"].into_iter().chain(Which::all().map(Which::name)).collect()
}

/// Seeded chance, and a pod's clock that may be wrong.
pub struct Seeded {
    rng: Mutex<StdRng>,
    clock: Clock,
    skew: SignedDuration,
}

impl Seeded {
    pub fn new(seed: u64, clock: Clock, skew: SignedDuration) -> Self {
        Self { rng: Mutex::new(StdRng::seed_from_u64(seed)), clock, skew }
    }
}

impl Env for Seeded {
    fn uuid(&self) -> String {
        uuid::Builder::from_random_bytes(self.rng.lock().unwrap().random()).into_uuid().to_string()
    }

    fn fraction(&self) -> f64 {
        self.rng.lock().unwrap().random()
    }

    fn wall(&self) -> Timestamp {
        self.clock.now().saturating_add(self.skew).unwrap()
    }
}

/// What reconciles each kind, with these dependencies.
pub fn engines(deps: &Arc<Deps>, settings: &Settings) -> BTreeMap<Which, Reconcile> {
    let orphans = Arc::new(Orphans::new(Arc::clone(deps), settings.clone(), Vec::new()));
    let installation = Installation::new("", &[]);
    let identities = Arc::new(Identities::new(Arc::clone(deps), settings.clone(), orphans, installation));
    let lister = Arc::clone(&deps.lister);
    let identity: Reconcile = Arc::new(move |name, uid| {
        let identities = Arc::clone(&identities);
        let object = lister.identity(&name.name).filter(|object| object.metadata.uid.as_deref() == Some(uid.as_str()));
        async move {
            let Some(object) = object else { return Requeue::OnChange };
            identities.reconcile(&object).await.unwrap_or(Requeue::After(Duration::from_secs(5)))
        }
        .boxed()
    });
    let mut engines = BTreeMap::from([(Which::Identity, identity)]);
    macro_rules! managed {
        ($($plural:ident: $kind:ident,)+) => {
            $(let kind = <api::$kind as Registration>::reconciler(Arc::clone(deps));
            engines.insert(Which::Managed(ManagedKind::$kind), engine(kind, deps, settings));)+
        };
    }
    with_kinds!(managed);
    engines
}

/// What reconciles one kind, with these dependencies.
pub fn engine<K: Kind>(kind: K, deps: &Deps, settings: &Settings) -> Reconcile {
    let engine = Engine::new(kind, Arc::clone(&deps.cluster), Arc::clone(&deps.lister), settings.clone());
    Arc::new(move |name, uid| {
        let engine = Arc::clone(&engine);
        async move { reconcile(&engine, &name, &uid, &Rank::default()).await }.boxed()
    })
}

/// The metadata of an object, as the watches hold it.
pub fn meta(stores: &Stores, (which, name): &Item) -> Option<ObjectMeta> {
    match which {
        Which::Identity => stores.identities.get(name).map(|identity| identity.metadata.clone()),
        Which::Managed(kind) => stores.object(*kind, name).map(|object| object.metadata().clone()),
    }
}

/// Where an object stands in line, as the delivered operator has it.
pub fn lane(stores: &Stores, lister: &dyn Lister, (which, name): &Item) -> Lane {
    let references = match which {
        Which::Identity => vec![Reference::Identity(name.name.clone())],
        Which::Managed(kind) => stores.object(*kind, name).map(|object| object.all_references()).unwrap_or_default(),
    };
    Lane { account: identity_of(&references, lister), namespace: name.namespace.clone() }
}

/// One word of a watch.
pub enum Told {
    Init,
    Listed(Value),
    Done,
    Is(Value),
    Gone(Value),
}

impl Told {
    /// A complete listing.
    pub fn listing(objects: impl IntoIterator<Item = Value>) -> Vec<Self> {
        [Self::Init].into_iter().chain(objects.into_iter().map(Self::Listed)).chain([Self::Done]).collect()
    }

    fn event<W: Decodes>(self, decoded: &Decoded) -> WatchEvent<W> {
        let read = |object| decoded.read(object);
        match self {
            Self::Init => WatchEvent::Init,
            Self::Listed(object) => WatchEvent::InitApply(read(object)),
            Self::Done => WatchEvent::InitDone,
            Self::Is(object) => WatchEvent::Apply(read(object)),
            Self::Gone(object) => WatchEvent::Delete(read(object)),
        }
    }
}

/// What a watch yields.
trait Decodes: DeserializeOwned + Clone + Send + Sync + 'static {}

impl<W: DeserializeOwned + Clone + Send + Sync + 'static> Decodes for W {}

/// What was decoded of one API server, by version: each listing of each process shows the same objects again.
#[derive(Default)]
pub struct Decoded(Mutex<BTreeMap<String, Arc<dyn Any + Send + Sync>>>);

impl Decoded {
    fn read<W: Decodes>(&self, object: Value) -> W {
        let version = text(&object["metadata"]["resourceVersion"]);
        let known = self.0.lock().unwrap().get(&version).cloned();
        if let Some(known) = known.as_ref().and_then(|known| known.downcast_ref::<W>()) {
            return known.clone();
        }
        let new: W = serde_json::from_value(object).unwrap();
        self.0.lock().unwrap().insert(version, Arc::new(new.clone()));
        new
    }
}

/// Takes over what the watch of a kind tells; answers with whom it wakes, and why.
pub fn take(stores: &Stores, lister: &dyn Lister, decoded: &Decoded, kind: &str, told: Told) -> Vec<(Item, Cause)> {
    macro_rules! managed {
        ($($plural:ident: $kind:ident,)+) => {
            match kind {
                "AwsIdentity" => feed(Which::Identity, &stores.identities, decoded, told, |c| affected::on_identity(c, lister)),
                "Namespace" => feed_meta::<NamespaceMeta>(&stores.namespaces, decoded, told, |c| affected::on_namespace(c, lister)),
                "ConfigMap" => feed_meta::<ConfigMapMeta>(&stores.config_maps, decoded, told, |c| affected::on_config_map(c, lister)),
                $(stringify!($kind) => {
                    let which = Which::Managed(ManagedKind::$kind);
                    feed(which, &stores.$plural, decoded, told, |c| affected::on_managed(c, lister))
                })+
                _ => Vec::new(),
            }
        };
    }
    with_kinds!(managed)
}

fn feed<K>(
    which: Which,
    cache: &Store<K>,
    decoded: &Decoded,
    told: Told,
    wake: impl Fn(&StoreChange<K>) -> Vec<Trigger>,
) -> Vec<(Item, Cause)>
where
    K: Refers + kube::Resource<DynamicType = ()> + Decodes,
    Guarded<K>: Watched<Kept = K>,
{
    let changes = cache.apply::<Pruned<Guarded<K>>>(0, told.event(decoded));
    let mut woken = Vec::new();
    for change in &changes {
        let (before, after) = (change.before.as_ref().map(Snapshot::meta), change.after.as_ref().map(Snapshot::meta));
        if let Some(cause) = after.and_then(|after| controller::cause(before, after)) {
            woken.push(((which, change.name.clone()), cause));
        }
        woken.extend(wake(change).into_iter().map(related));
    }
    woken
}

fn feed_meta<W>(
    cache: &Store<W::Kept>,
    decoded: &Decoded,
    told: Told,
    wake: impl Fn(&StoreChange<W::Kept>) -> Vec<Trigger>,
) -> Vec<(Item, Cause)>
where
    W: Watched + Decodes,
{
    cache.apply::<W>(0, told.event(decoded)).iter().flat_map(wake).map(related).collect()
}

/// Whom the change of another object wakes.
pub fn related(Trigger { which, name, cause }: Trigger) -> (Item, Cause) {
    ((which, name), cause)
}
