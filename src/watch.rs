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

        /// Starts the watches. The future completes only when one of them breaks down.
        #[must_use]
        pub fn start(client: &Client, scope: &Scope, stores: &Arc<Stores>) -> (Queues, Enqueuers, BoxFuture<'static, ()>) {
            let mut hub = Hub::new(client, scope, stores);
            // All queues are there before anything can be put into one.
            let identities = hub.queue(Which::Identity);
            $(let $plural = hub.queue(Which::Managed(ManagedKind::$kind));)+
            let queues = Queues {
                identities: hub.identities(identities),
                $($plural: hub.managed::<api::$kind>($plural),)+
            };
            hub.namespaces();
            hub.metadata::<ConfigMapMeta>(scope.apis(client), |stores| &stores.config_maps, affected::on_config_map);
            let Hub { enqueuers, watches, .. } = hub;
            (queues, enqueuers, select_all(watches.into_iter().map(tokio::spawn)).map(|_| ()).boxed())
        }
    };
}
with_kinds!(queues);

/// An identity stands for the account that it leads to.
fn lanes<K: Stored + Send + Sync + 'static>(stores: &Arc<Stores>) -> LaneOf {
    let stores = Arc::clone(stores);
    Arc::new(move |name| {
        let references = K::store(&stores).references_of(name);
        Lane { account: identity_of(&references, stores.as_ref()), namespace: name.namespace.clone() }
    })
}

impl Scope {
    /// One client per namespace, or one of the whole cluster.
    fn apis<W>(&self, client: &Client) -> Vec<Api<W>>
    where
        W: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        if self.namespaces.is_empty() {
            return vec![Api::all(client.clone())];
        }
        self.namespaces.iter().map(|namespace| Api::namespaced(client.clone(), namespace)).collect()
    }
}

/// Picks the cache that a watch fills.
type Pick<K> = fn(&Stores) -> &Store<K>;
/// Whom a change wakes.
type TriggersOf<K> = fn(&StoreChange<K>, &dyn Lister) -> Vec<Trigger>;
/// Where a watch hands over what it sees, and what comes out.
type Line<K> = (ObjectIndex, Queue<K>);

/// What every watch needs, and the watches so far.
struct Hub<'a> {
    client: &'a Client,
    scope: &'a Scope,
    stores: &'a Arc<Stores>,
    enqueuers: Enqueuers,
    watches: Vec<BoxFuture<'static, ()>>,
}

impl<'a> Hub<'a> {
    fn new(client: &'a Client, scope: &'a Scope, stores: &'a Arc<Stores>) -> Self {
        Self { client, scope, stores, enqueuers: Enqueuers::default(), watches: Vec::new() }
    }

    fn queue<K>(&mut self, which: Which) -> Line<K>
    where
        K: Resource<DynamicType = ()> + Clone + Debug + Send + Sync + 'static,
    {
        let (index, enqueuer, queue) = controller::queue::<K>();
        self.enqueuers.0.insert(which, enqueuer);
        (index, queue)
    }

    fn identities(&mut self, (index, queue): Line<AwsIdentity>) -> Queue<AwsIdentity> {
        let everywhere = vec![Api::all(self.client.clone())];
        self.objects::<AwsIdentity>(everywhere, &watcher::Config::default(), index, affected::on_identity);
        queue.in_lanes(Arc::new(|name| Lane { account: name.name.clone(), ..Lane::default() }))
    }

    fn managed<K: Registration>(&mut self, (index, queue): Line<K>) -> Queue<K> {
        let ours = match &self.scope.labels {
            Some(labels) => watcher::Config::default().labels(labels),
            None => watcher::Config::default(),
        };
        self.objects::<K>(self.scope.apis(self.client), &ours, index, affected::on_managed);
        queue.in_lanes(lanes::<K>(self.stores))
    }

    /// Watches a kind of ours: fills its cache, queues what changed, wakes whom it concerns.
    fn objects<K>(
        &mut self,
        apis: Vec<Api<Pruned<Guarded<K>>>>,
        config: &watcher::Config,
        names: ObjectIndex,
        trigger: TriggersOf<K>,
    ) where
        K: Resource<DynamicType = ()> + Stored + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    {
        let (stores, enqueuers) = (Arc::clone(self.stores), self.enqueuers.clone());
        let watch = follow(apis, config, move |index, event| {
            for change in K::store(&stores).apply(index, event) {
                let (before, after) = (change.before.as_ref(), change.after.as_ref());
                names.take(&change.name, before.map(Snapshot::meta), after.map(Snapshot::meta));
                enqueuers.enqueue(trigger(&change, stores.as_ref()));
            }
        });
        self.watches.push(watch);
    }

    fn namespaces(&mut self) {
        if self.scope.without_namespaces {
            return self.stores.namespaces.leave_empty();
        }
        let everywhere = vec![Api::all(self.client.clone())];
        self.metadata::<NamespaceMeta>(everywhere, |stores| &stores.namespaces, affected::on_namespace);
    }

    /// Watches the metadata of a kind that is not ours.
    fn metadata<W>(&mut self, apis: Vec<Api<W>>, pick: Pick<W::Kept>, trigger: TriggersOf<W::Kept>)
    where
        W: Watched + Clone + Debug + DeserializeOwned + Send + 'static,
        W::Kept: Send + Sync + 'static,
    {
        let (stores, enqueuers) = (Arc::clone(self.stores), self.enqueuers.clone());
        let watch = follow(apis, &watcher::Config::default(), move |scope, event: Event<W>| {
            for change in pick(&stores).apply(scope, event) {
                enqueuers.enqueue(trigger(&change, stores.as_ref()));
            }
        });
        self.watches.push(watch);
    }
}

/// Follows the watches of all scopes of a kind for ever.
fn follow<W>(
    apis: Vec<Api<W>>,
    config: &watcher::Config,
    mut take: impl FnMut(usize, Event<W>) + Send + 'static,
) -> BoxFuture<'static, ()>
where
    W: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
{
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
