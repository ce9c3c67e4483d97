//! What the operator watches, and whom a change wakes. It fills the caches and queues whom it concerns; nothing else.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::{BoxFuture, select_all};
use futures::stream::{self, StreamExt};
use kube::Client;
use kube::api::Api;
use kube::core::{NamespaceResourceScope, Resource};
use kube::runtime::watcher::Event;
use kube::runtime::{WatchStreamExt, watcher};
use serde::de::DeserializeOwned;

use crate::api::{self, AwsIdentity, ManagedKind};
use crate::cluster::Lister;
use crate::cluster::guarded::Guarded;
use crate::cluster::pruned::Pruned;
use crate::cluster::references::identity_of;
use crate::cluster::store::{ConfigMapMeta, NamespaceMeta, Snapshot, Store, StoreChange, Stored, Stores, Watched};
use crate::engine::controller::{self, Enqueuer, LaneOf, ObjectIndex, Queue};
use crate::engine::queue::Lane;
use crate::kinds::affected;
use crate::kinds::registration::Registration;
use crate::kinds::trigger::{Trigger, Which};
use crate::with_kinds;

/// What a watch can show.
pub trait Watchable: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static {}

impl<W: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static> Watchable for W {}

/// Takes over what is told of a kind, by the number of the scope that tells it.
pub type Take<W> = Box<dyn FnMut(usize, Event<W>) + Send>;

/// Who tells what there is and what becomes of it: the API server, or who stands for it in tests.
pub trait Source {
    /// All of a kind in the cluster. The future completes only when the watch breaks down.
    fn everywhere<W: Watchable>(&self, take: Take<W>) -> BoxFuture<'static, ()>;

    /// Those of a kind that carry the labels, in the namespaces that the process is for.
    fn namespaced<W>(&self, labels: Option<&str>, take: Take<W>) -> BoxFuture<'static, ()>
    where
        W: Watchable + Resource<Scope = NamespaceResourceScope>;
}

/// Which part of the cluster this process is for.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Namespaces; none means all.
    pub namespaces: Vec<String>,
    /// Labels that our namespaced objects must carry.
    pub labels: Option<String>,
    /// Whether namespaces are not read; then no selector finds any.
    pub without_namespaces: bool,
}

/// What puts names into the queue of each kind.
#[derive(Clone, Debug, Default)]
pub struct Enqueuers(BTreeMap<Which, Enqueuer>);

impl Enqueuers {
    /// Asks for a reconcile over each.
    pub fn enqueue(&self, wakes: Vec<Trigger>) {
        for Trigger { which, name, cause } in wakes {
            if let Some(enqueuer) = self.0.get(&which) {
                enqueuer.enqueue(name, cause);
            }
        }
    }
}

macro_rules! queues {
    ($($plural:ident: $kind:ident,)+) => {
        /// The queues of all kinds.
        pub struct Queues {
            /// Of identities.
            pub identities: Queue<AwsIdentity>,
            $(#[doc = concat!("Of `", stringify!($kind), "`.")] pub $plural: Queue<api::$kind>,)+
        }

        /// Starts the watches, which fill the stores; whom a change concerns is looked up by the lister. The future
        /// completes only when one of them breaks down.
        #[must_use]
        pub fn start<S: Source>(
            source: &S,
            scope: &Scope,
            stores: &Arc<Stores>,
            lister: &Arc<dyn Lister>,
        ) -> (Queues, Enqueuers, BoxFuture<'static, ()>) {
            let (enqueuers, watches) = (Enqueuers::default(), Vec::new());
            let mut hub = Hub { source, scope, stores, lister, enqueuers, watches };
            // All queues are there before anything can be put into one.
            let identities = hub.queue(Which::Identity);
            $(let $plural = hub.queue(Which::Managed(ManagedKind::$kind));)+
            let queues = Queues {
                identities: hub.identities(identities),
                $($plural: hub.managed::<api::$kind>($plural),)+
            };
            hub.namespaces();
            hub.config_maps();
            let Hub { enqueuers, watches, .. } = hub;
            (queues, enqueuers, select_all(watches.into_iter().map(tokio::spawn)).map(|_| ()).boxed())
        }
    };
}
with_kinds!(queues);

/// An identity stands for the account that it leads to.
fn lanes<K: Stored + Send + Sync + 'static>(stores: &Arc<Stores>, lister: &Arc<dyn Lister>) -> LaneOf {
    let (stores, lister) = (Arc::clone(stores), Arc::clone(lister));
    Arc::new(move |name| {
        let references = K::store(&stores).references_of(name);
        Lane { account: identity_of(&references, lister.as_ref()), namespace: name.namespace.clone() }
    })
}

/// Picks the cache that a watch fills.
type Pick<K> = fn(&Stores) -> &Store<K>;
/// Whom a change wakes.
type TriggersOf<K> = fn(&StoreChange<K>, &dyn Lister) -> Vec<Trigger>;
/// Where a watch hands over what it sees, and what comes out.
type Line<K> = (ObjectIndex, Queue<K>);

/// What every watch needs, and the watches so far.
struct Hub<'a, S> {
    source: &'a S,
    scope: &'a Scope,
    stores: &'a Arc<Stores>,
    lister: &'a Arc<dyn Lister>,
    enqueuers: Enqueuers,
    watches: Vec<BoxFuture<'static, ()>>,
}

impl<S: Source> Hub<'_, S> {
    fn queue<K>(&mut self, which: Which) -> Line<K>
    where
        K: Resource<DynamicType = ()> + Clone + Debug + Send + Sync + 'static,
    {
        let (index, enqueuer, queue) = controller::queue::<K>();
        self.enqueuers.0.insert(which, enqueuer);
        (index, queue)
    }

    fn identities(&mut self, (index, queue): Line<AwsIdentity>) -> Queue<AwsIdentity> {
        let take = self.objects(index, affected::on_identity);
        self.watches.push(self.source.everywhere(take));
        queue.in_lanes(Arc::new(|name| Lane { account: name.name.clone(), ..Lane::default() }))
    }

    fn managed<K: Registration>(&mut self, (index, queue): Line<K>) -> Queue<K> {
        let take = self.objects(index, affected::on_managed::<K>);
        self.watches.push(self.source.namespaced(self.scope.labels.as_deref(), take));
        queue.in_lanes(lanes::<K>(self.stores, self.lister))
    }

    fn namespaces(&mut self) {
        if self.scope.without_namespaces {
            return self.stores.namespaces.leave_empty();
        }
        let take = self.metadata::<NamespaceMeta>(|stores| &stores.namespaces, affected::on_namespace);
        self.watches.push(self.source.everywhere(take));
    }

    fn config_maps(&mut self) {
        let take = self.metadata::<ConfigMapMeta>(|stores| &stores.config_maps, affected::on_config_map);
        self.watches.push(self.source.namespaced(None, take));
    }

    /// Of a kind of ours: fills its cache, queues what changed, wakes whom it concerns.
    fn objects<K>(&self, names: ObjectIndex, trigger: TriggersOf<K>) -> Take<Pruned<Guarded<K>>>
    where
        K: Resource<DynamicType = ()> + Stored + Send + Sync + 'static,
    {
        let (stores, lister) = (Arc::clone(self.stores), Arc::clone(self.lister));
        let enqueuers = self.enqueuers.clone();
        Box::new(move |scope, event| {
            for change in K::store(&stores).apply(scope, event) {
                let (before, after) = (change.before.as_ref(), change.after.as_ref());
                names.take(&change.name, before.map(Snapshot::meta), after.map(Snapshot::meta));
                enqueuers.enqueue(trigger(&change, lister.as_ref()));
            }
        })
    }

    /// Of a kind that is not ours, of which only the metadata is read.
    fn metadata<W>(&self, pick: Pick<W::Kept>, trigger: TriggersOf<W::Kept>) -> Take<W>
    where
        W: Watched + 'static,
        W::Kept: Send + Sync + 'static,
    {
        let (stores, lister) = (Arc::clone(self.stores), Arc::clone(self.lister));
        let enqueuers = self.enqueuers.clone();
        Box::new(move |scope, event| {
            for change in pick(&stores).apply(scope, event) {
                enqueuers.enqueue(trigger(&change, lister.as_ref()));
            }
        })
    }
}

/// The API server.
pub struct KubeSource {
    client: Client,
    namespaces: Vec<String>,
}

impl KubeSource {
    /// As this client reaches it, for this part of the cluster.
    #[must_use]
    pub fn new(client: Client, scope: &Scope) -> Self {
        Self { client, namespaces: scope.namespaces.clone() }
    }
}

impl Source for KubeSource {
    fn everywhere<W: Watchable>(&self, take: Take<W>) -> BoxFuture<'static, ()> {
        follow(vec![Api::all(self.client.clone())], &watcher::Config::default(), take)
    }

    fn namespaced<W>(&self, labels: Option<&str>, take: Take<W>) -> BoxFuture<'static, ()>
    where
        W: Watchable + Resource<Scope = NamespaceResourceScope>,
    {
        let client = || self.client.clone();
        let config = match labels {
            Some(labels) => watcher::Config::default().labels(labels),
            None => watcher::Config::default(),
        };
        // One client per namespace, or one of the whole cluster.
        let apis = match self.namespaces.as_slice() {
            [] => vec![Api::all(client())],
            namespaces => namespaces.iter().map(|namespace| Api::namespaced(client(), namespace)).collect(),
        };
        follow(apis, &config, take)
    }
}

/// Follows the watches of all scopes of a kind for ever.
fn follow<W: Watchable>(apis: Vec<Api<W>>, config: &watcher::Config, mut take: Take<W>) -> BoxFuture<'static, ()> {
    let watches = apis
        .into_iter()
        .enumerate()
        .map(|(scope, api)| watcher(api, config.clone()).default_backoff().map(move |event| (scope, event)).boxed());
    let mut events = stream::select_all(watches);
    async move {
        while let Some((scope, event)) = events.next().await {
            match event {
                Ok(event) => take(scope, event),
                // Routine: the history is kept for minutes only. A new listing follows.
                Err(watcher::Error::WatchError(status)) if status.code == 410 => {
                    tracing::debug!(kind = %W::kind(&()), "watch expired");
                }
                // The backoff above tries again.
                Err(error) => tracing::warn!(kind = %W::kind(&()), %error, "watch"),
            }
        }
    }
    .boxed()
}
