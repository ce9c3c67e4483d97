//! What every process of the harness is built of: the real engines behind the doors that it is handed, the caches, and
//! whom a change wakes. It knows no world: who runs it decides what is late and what is lost.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use kube::api::ObjectMeta;
use kube::runtime::watcher::Event as WatchEvent;
use serde::de::DeserializeOwned;
use serde_json::Value;
use transfer_operator::cluster::directory::{Cache, Caches, Change, ConfigMapMeta, NamespaceMeta, Seen, Watched};
use transfer_operator::cluster::references::Refers;
use transfer_operator::cluster::{Directory, Name};
use transfer_operator::engine::controller::{self, Cause};
use transfer_operator::engine::kind::Kind;
use transfer_operator::engine::pass::pass;
use transfer_operator::engine::scene::{Engine, Next};
use transfer_operator::engine::settings::Settings;
use transfer_operator::kinds::access::Accesses;
use transfer_operator::kinds::doors::Doors;
use transfer_operator::kinds::identity::Identities;
use transfer_operator::kinds::installations::Installation;
use transfer_operator::kinds::orphans::Orphans;
use transfer_operator::kinds::server::Servers;
use transfer_operator::kinds::triggers::{self, Wake, Which};
use transfer_operator::kinds::user::Users;

/// An object that a pass can be made over.
pub type Item = (Which, Name);
/// One pass over the object of this name and uid.
pub type Pass = Arc<dyn Fn(Name, String) -> BoxFuture<'static, Next> + Send + Sync>;

/// The kinds that are watched; an object comes after what it refers to.
pub const WATCHED: [&str; 6] =
    ["Namespace", "ConfigMap", "AwsIdentity", "TransferServer", "TransferUser", "TransferAccess"];

/// The passes of all kinds behind these doors.
pub fn engines(doors: &Arc<Doors>, settings: &Settings) -> BTreeMap<Which, Pass> {
    let orphans = Arc::new(Orphans::new(Arc::clone(doors), settings.clone(), Vec::new()));
    let installation = Installation::new("", &[]);
    let identities = Arc::new(Identities::new(Arc::clone(doors), settings.clone(), orphans, installation));
    let directory = Arc::clone(&doors.directory);
    let identity: Pass = Arc::new(move |name, uid| {
        let identities = Arc::clone(&identities);
        let object =
            directory.identity(&name.name).filter(|object| object.metadata.uid.as_deref() == Some(uid.as_str()));
        async move {
            let Some(object) = object else { return Next::OnChange };
            identities.reconcile(&object).await.unwrap_or(Next::After(Duration::from_secs(5)))
        }
        .boxed()
    });
    BTreeMap::from([
        (Which::Identity, identity),
        (Which::Server, passes(Servers::new(Arc::clone(doors)), doors, settings)),
        (Which::User, passes(Users::new(Arc::clone(doors)), doors, settings)),
        (Which::Access, passes(Accesses::new(Arc::clone(doors)), doors, settings)),
    ])
}

/// The passes of a kind behind these doors.
pub fn passes<K: Kind>(kind: K, doors: &Doors, settings: &Settings) -> Pass {
    let engine = Engine::new(kind, Arc::clone(&doors.cluster), settings.clone());
    Arc::new(move |name, uid| {
        let engine = Arc::clone(&engine);
        async move { pass(&engine, &name, &uid).await }.boxed()
    })
}

/// The metadata of an object, as the watches hold it.
pub fn meta(caches: &Caches, (which, name): &Item) -> Option<ObjectMeta> {
    match which {
        Which::Identity => caches.identities.get(name).map(|identity| identity.metadata.clone()),
        Which::Server => caches.servers.get(name).map(|server| server.metadata.clone()),
        Which::User => caches.users.get(name).map(|user| user.metadata.clone()),
        Which::Access => caches.accesses.get(name).map(|access| access.metadata.clone()),
    }
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

    fn event<W: DeserializeOwned>(self) -> WatchEvent<W> {
        let read = |object| serde_json::from_value(object).unwrap();
        match self {
            Self::Init => WatchEvent::Init,
            Self::Listed(object) => WatchEvent::InitApply(read(object)),
            Self::Done => WatchEvent::InitDone,
            Self::Is(object) => WatchEvent::Apply(read(object)),
            Self::Gone(object) => WatchEvent::Delete(read(object)),
        }
    }
}

/// Takes over what the watch of a kind tells; answers with whom it wakes, and why.
pub fn take(caches: &Caches, directory: &dyn Directory, kind: &str, told: Told) -> Vec<(Item, Cause)> {
    match kind {
        "AwsIdentity" => feed(Which::Identity, &caches.identities, told, |c| triggers::on_identity(c, directory)),
        "TransferServer" => feed(Which::Server, &caches.servers, told, |c| triggers::on_server(c, directory)),
        "TransferUser" => feed(Which::User, &caches.users, told, |c| triggers::on_user(c, directory)),
        "TransferAccess" => feed(Which::Access, &caches.accesses, told, |c| triggers::on_access(c, directory)),
        "Namespace" => feed_meta::<NamespaceMeta>(&caches.namespaces, told, |c| triggers::on_namespace(c, directory)),
        "ConfigMap" => feed_meta::<ConfigMapMeta>(&caches.config_maps, told, |c| triggers::on_config_map(c, directory)),
        _ => Vec::new(),
    }
}

fn feed<K>(which: Which, cache: &Cache<K>, told: Told, wake: impl Fn(&Change<K>) -> Vec<Wake>) -> Vec<(Item, Cause)>
where
    K: Refers + kube::Resource<DynamicType = ()> + DeserializeOwned + Clone,
    kube::core::DeserializeGuard<K>: Watched<Kept = K>,
{
    let changes = cache.apply::<kube::core::DeserializeGuard<K>>(0, told.event());
    let meta = |seen: &Option<Seen<K>>| seen.as_ref().map(|seen| Arc::clone(&seen.meta));
    let mut woken = Vec::new();
    for change in &changes {
        let after = meta(&change.after);
        if let Some(cause) = after.and_then(|after| controller::cause(meta(&change.before).as_deref(), &after)) {
            woken.push(((which, change.name.clone()), cause));
        }
        woken.extend(wake(change).into_iter().map(related));
    }
    woken
}

fn feed_meta<W>(cache: &Cache<W::Kept>, told: Told, wake: impl Fn(&Change<W::Kept>) -> Vec<Wake>) -> Vec<(Item, Cause)>
where
    W: Watched + DeserializeOwned,
{
    cache.apply::<W>(0, told.event()).iter().flat_map(wake).map(related).collect()
}

/// Whom the change of another object wakes.
pub fn related(Wake { which, name }: Wake) -> (Item, Cause) {
    ((which, name), Cause::Related)
}

/// The kind as the API server names it.
pub fn kind_of(which: Which) -> &'static str {
    match which {
        Which::Identity => "AwsIdentity",
        Which::Server => "TransferServer",
        Which::User => "TransferUser",
        Which::Access => "TransferAccess",
    }
}
