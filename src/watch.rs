//! What the operator watches, and whom a change wakes. It fills the caches and rings the bells; nothing else.

use std::fmt::Debug;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::{BoxFuture, select_all};
use futures::stream::{self, StreamExt};
use kube::Client;
use kube::api::Api;
use kube::core::{DeserializeGuard, NamespaceResourceScope, Resource};
use kube::runtime::watcher::Event;
use kube::runtime::{WatchStreamExt, watcher};
use serde::de::DeserializeOwned;

use crate::api::{AwsIdentity, TransferAccess, TransferServer, TransferUser};
use crate::cluster::Lister;
use crate::cluster::references::{Refers, identity_of};
use crate::cluster::store::{ConfigMapMeta, NamespaceMeta, Snapshot, Store, StoreChange, Stores, Watched};
use crate::engine::controller::{self, Enqueuer, LaneOf, ObjectIndex, Queue};
use crate::engine::queue::Lane;
use crate::kinds::triggers::{self, Trigger, Which};

/// Which part of the cluster this process is for.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Namespaces; none means all.
    pub namespaces: Vec<String>,
    /// Labels that our namespaced objects must carry.
    pub labels: Option<String>,
}

/// The queues of all kinds.
pub struct Queues {
    /// Of identities.
    pub identities: Queue<AwsIdentity>,
    /// Of servers.
    pub servers: Queue<TransferServer>,
    /// Of users.
    pub users: Queue<TransferUser>,
    /// Of accesses.
    pub accesses: Queue<TransferAccess>,
}

/// One bell per kind.
#[derive(Clone, Debug)]
pub struct Enqueuers {
    identities: Enqueuer,
    servers: Enqueuer,
    users: Enqueuer,
    accesses: Enqueuer,
}

impl Enqueuers {
    /// Asks for a reconcile over each.
    pub fn enqueue(&self, wakes: Vec<Trigger>) {
        for Trigger { which, name } in wakes {
            match which {
                Which::Identity => self.identities.enqueue(name),
                Which::Server => self.servers.enqueue(name),
                Which::User => self.users.enqueue(name),
                Which::Access => self.accesses.enqueue(name),
            }
        }
    }
}

/// Starts the watches. The future completes only when one of them breaks down.
#[must_use]
pub fn start(client: &Client, scope: &Scope, stores: &Arc<Stores>) -> (Queues, Enqueuers, BoxFuture<'static, ()>) {
    let (of_identities, identities, identity_queue) = controller::queue();
    let (of_servers, servers, server_queue) = controller::queue();
    let (of_users, users, user_queue) = controller::queue();
    let (of_accesses, accesses, access_queue) = controller::queue();
    let enqueuers = Enqueuers { identities, servers, users, accesses };
    let hub = Hub { stores: Arc::clone(stores), enqueuers: enqueuers.clone() };
    let all = watcher::Config::default();
    let ours = match &scope.labels {
        Some(labels) => watcher::Config::default().labels(labels),
        None => watcher::Config::default(),
    };
    let everywhere = vec![Api::all(client.clone())];
    let watches = vec![
        hub.managed(everywhere, &all, |stores| &stores.identities, of_identities, triggers::on_identity),
        hub.managed(scope.apis(client), &ours, |stores| &stores.servers, of_servers, triggers::on_server),
        hub.managed(scope.apis(client), &ours, |stores| &stores.users, of_users, triggers::on_user),
        hub.managed(scope.apis(client), &ours, |stores| &stores.accesses, of_accesses, triggers::on_access),
        hub.metadata::<NamespaceMeta>(
            vec![Api::all(client.clone())],
            |stores| &stores.namespaces,
            triggers::on_namespace,
        ),
        hub.metadata::<ConfigMapMeta>(scope.apis(client), |stores| &stores.config_maps, triggers::on_config_map),
    ];
    let queues = Queues {
        identities: identity_queue.in_lanes(Arc::new(|name| Lane { account: name.name.clone(), ..Lane::default() })),
        servers: server_queue.in_lanes(lanes(stores, |stores| &stores.servers)),
        users: user_queue.in_lanes(lanes(stores, |stores| &stores.users)),
        accesses: access_queue.in_lanes(lanes(stores, |stores| &stores.accesses)),
    };
    (queues, enqueuers, select_all(watches.into_iter().map(tokio::spawn)).map(|_| ()).boxed())
}

/// An identity stands for the account that it leads to.
fn lanes<K: Refers + Send + Sync + 'static>(stores: &Arc<Stores>, pick: Pick<K>) -> LaneOf {
    let stores = Arc::clone(stores);
    Arc::new(move |name| {
        let references = pick(&stores).references_of(name);
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

/// What every watch needs.
struct Hub {
    stores: Arc<Stores>,
    enqueuers: Enqueuers,
}

/// Picks the cache that a watch fills.
type Pick<K> = fn(&Stores) -> &Store<K>;
/// Whom a change wakes.
type TriggersOf<K> = fn(&StoreChange<K>, &dyn Lister) -> Vec<Trigger>;

impl Hub {
    /// Watches a kind of ours: fills its cache, queues what changed, wakes whom it concerns.
    fn managed<K>(
        &self,
        apis: Vec<Api<DeserializeGuard<K>>>,
        config: &watcher::Config,
        pick: Pick<K>,
        mut intake: ObjectIndex<K>,
        trigger: TriggersOf<K>,
    ) -> BoxFuture<'static, ()>
    where
        K: Resource<DynamicType = ()> + Refers + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    {
        let Self { stores, enqueuers } = self;
        let (stores, enqueuers) = (Arc::clone(stores), enqueuers.clone());
        follow(apis, config, move |index, event| {
            for change in pick(&stores).apply(index, event) {
                let meta = |seen: &Option<Snapshot<K>>| seen.as_ref().map(|seen| Arc::clone(&seen.meta));
                intake.take(&change.name, meta(&change.before).as_deref(), meta(&change.after).as_deref());
                enqueuers.enqueue(trigger(&change, stores.as_ref()));
            }
        })
    }

    /// Watches the metadata of a kind that is not ours.
    fn metadata<W>(
        &self,
        apis: Vec<Api<W>>,
        pick: Pick<W::Kept>,
        trigger: TriggersOf<W::Kept>,
    ) -> BoxFuture<'static, ()>
    where
        W: Watched + Clone + Debug + DeserializeOwned + Send + 'static,
        W::Kept: Send + Sync + 'static,
    {
        let Self { stores, enqueuers } = self;
        let (stores, enqueuers) = (Arc::clone(stores), enqueuers.clone());
        follow(apis, &watcher::Config::default(), move |scope, event: Event<W>| {
            for change in pick(&stores).apply(scope, event) {
                enqueuers.enqueue(trigger(&change, stores.as_ref()));
            }
        })
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
