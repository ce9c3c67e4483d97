//! Wires what watches, the queues and the reconciles of all kinds together, the same for the program and for the fault
//! plans. It starts no reconcile and ends none: `run` does.

use std::sync::Arc;

use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::BoxFuture;
use jiff::SignedDuration;
use kube::Client;

use super::{PATIENCE, prepare, share};
use crate::api::{self, AwsIdentity};
use crate::aws::account_clients::Aws;
use crate::cluster::kube::KubeClient;
use crate::cluster::store::Stores;
use crate::cluster::{KubeApi, Lister};
use crate::engine::context::Engine;
use crate::engine::controller::{self, Queue, Reconcile, Signal};
use crate::engine::counters::ReconcileCounters;
use crate::engine::reconcile::reconcile;
use crate::engine::requeue::Requeue;
use crate::engine::settings::Settings;
use crate::kinds::affected;
use crate::kinds::deps::{Deps, Enqueue, News, OwnersSeen, Verified, WorkflowsSeen};
use crate::kinds::identity::Identities;
use crate::kinds::installations::Installation;
use crate::kinds::orphans::Orphans;
use crate::kinds::registration::Registration;
use crate::kinds::swept::Swept;
use crate::kinds::trigger::{Trigger, Which};
use crate::shard::Shard;
use crate::watch::{self, Enqueuers, KubeSource, Scope, Source};
use crate::with_kinds;

/// What the operator stands between.
pub struct Outside<S> {
    /// What the watches tell.
    pub source: S,
    /// Where objects are read and written.
    pub cluster: Arc<dyn KubeApi>,
    /// AWS.
    pub aws: Arc<dyn Aws>,
    /// Which part of the cluster it is for.
    pub scope: Scope,
    /// What it is called beside others.
    pub installation: Installation,
    /// Which accounts it works for.
    pub shard: Shard,
    /// What the watches fill.
    pub stores: Arc<Stores>,
    /// How triggers and reconciles look into that.
    pub lister: Arc<dyn Lister>,
    /// How long before its end a key is worth a look.
    pub expiry_warning: SignedDuration,
    /// Where tests stand around reconciles.
    pub around: Around,
}

/// Puts something around the reconciles of a kind that has these dependencies.
pub type Around = Box<dyn Fn(Which, Reconcile, &Arc<Deps>) -> Reconcile + Send>;

impl Outside<KubeSource> {
    /// A cluster, as this client reaches it, and nothing in between.
    #[must_use]
    pub fn of_cluster(
        client: Client,
        aws: Arc<dyn Aws>,
        scope: Scope,
        installation: Installation,
        shard: Shard,
        stores: Arc<Stores>,
        expiry_warning: SignedDuration,
    ) -> Self {
        let (namespaces, manager) = (scope.namespaces.clone(), installation.manager.clone());
        Self {
            cluster: Arc::new(KubeClient::new(client.clone(), namespaces, manager)),
            source: KubeSource::new(client, &scope),
            lister: Arc::clone(&stores) as Arc<dyn Lister>,
            around: Box::new(|_, real, _| real),
            aws,
            scope,
            installation,
            shard,
            stores,
            expiry_warning,
        }
    }
}

/// Whether no call of a kind is under way.
pub(super) type Idle = Box<dyn Fn() -> bool + Send + Sync>;

/// The controllers of all kinds, before they run.
pub(super) struct Work {
    deps: Arc<Deps>,
    settings: Settings,
    shard: Shard,
    around: Around,
    start: Signal,
    halt: Signal,
    /// Completes `start`.
    pub elect: oneshot::Sender<()>,
    /// Completes `halt`.
    pub end: oneshot::Sender<()>,
    pub watches: BoxFuture<'static, ()>,
    pub orphans: Arc<Orphans>,
    pub controllers: Vec<BoxFuture<'static, ()>>,
    pub idle: Vec<Idle>,
    pub reconciles: Vec<(&'static str, ReconcileCounters)>,
}

impl Work {
    /// Starts the watches and waits until they have filled the caches; nothing where the process is to end first.
    pub async fn new<S: Source>(outside: Outside<S>, settings: Settings, stop: Signal) -> Option<Self> {
        let Outside { source, cluster, aws, scope, installation, shard, stores, lister, expiry_warning, around } =
            outside;
        let (queues, enqueuers, watches) = watch::start(&source, &scope, &stores, &lister);
        let (news, enqueue) = wakers(&lister, enqueuers);
        let deps = Arc::new(Deps {
            cluster,
            lister,
            aws,
            cluster_id: settings.cluster_id.clone(),
            verified: Verified::telling(news),
            workflows: WorkflowsSeen::default(),
            profiles: OwnersSeen::default(),
            certificates: OwnersSeen::default(),
            swept: Swept::default(),
            enqueue,
            resync: settings.resync,
            windows: settings.windows,
            expiry_warning,
            env: Arc::clone(&settings.env),
        });
        prepare::filled(&stores, stop).await?;
        tracing::info!("all caches are filled");
        let orphans = Arc::new(Orphans::new(Arc::clone(&deps), settings.clone(), scope.namespaces));
        let ((elect, start), (end, halt)) = (signal_once(), signal_once());
        let (controllers, idle, reconciles) = (Vec::new(), Vec::new(), Vec::new());
        let mut work = Self {
            deps,
            settings,
            shard,
            around,
            start,
            halt,
            elect,
            end,
            watches,
            orphans,
            controllers,
            idle,
            reconciles,
        };
        work.identities(queues.identities, Arc::clone(&stores), installation);
        macro_rules! control {
            ($($plural:ident: $kind:ident,)+) => {
                $(work.control::<api::$kind>(queues.$plural, &stores);)+
            };
        }
        with_kinds!(control);
        Some(work)
    }

    fn control<K: Registration>(&mut self, queue: Queue<K>, stores: &Arc<Stores>) {
        let (cluster, lister) = (Arc::clone(&self.deps.cluster), Arc::clone(&self.deps.lister));
        let engine = Engine::new(K::reconciler(Arc::clone(&self.deps)), cluster, lister, self.settings.clone());
        self.reconciles.push((K::KIND.name(), engine.counters.clone()));
        let (remembers, deps) = (Arc::clone(&engine), Arc::clone(&self.deps));
        let queue = queue.forgetting(Arc::new(move |uid| {
            remembers.memories.end(uid);
            remembers.settings.looks.forget(uid);
            deps.verified.forget(uid);
            deps.workflows.forget(uid);
            deps.profiles.forget(uid);
            deps.certificates.forget(uid);
        }));
        let memories = Arc::clone(&engine);
        self.idle.push(Box::new(move || memories.memories.idle()));
        let run: Reconcile = Arc::new(move |name, uid, rank| {
            let engine = Arc::clone(&engine);
            async move { reconcile(&engine, &name, &uid, &rank).await }.boxed()
        });
        let run = (self.around)(Which::Managed(K::KIND), run, &self.deps);
        let stores = Arc::clone(stores);
        let run = share::of_this_shard(self.shard, move |name| share::account_of::<K>(&stores, name), run);
        self.controllers.push(controller::run(queue, self.start.clone(), self.halt.clone(), run).boxed());
    }

    fn identities(&mut self, queue: Queue<AwsIdentity>, stores: Arc<Stores>, installation: Installation) {
        let orphans = Arc::clone(&self.orphans);
        let identities = Identities::new(Arc::clone(&self.deps), self.settings.clone(), orphans, installation);
        self.reconciles.push((Which::Identity.name(), identities.counters.clone()));
        let identities = Arc::new(identities);
        let run = identity_reconciles(Arc::clone(&identities), Arc::clone(&stores));
        let run = (self.around)(Which::Identity, run, &self.deps);
        let run = share::of_this_shard(self.shard, move |name| share::account(&stores, &name.name), run);
        let queue = queue.forgetting(Arc::new(move |uid| identities.forget(uid)));
        self.controllers.push(controller::run(queue, self.start.clone(), self.halt.clone(), run).boxed());
    }
}

/// What wakes everybody on a server of which something else was seen, and whom a listing shows otherwise than before.
fn wakers(lister: &Arc<dyn Lister>, enqueuers: Enqueuers) -> (News, Enqueue) {
    let (lister, others) = (Arc::clone(lister), enqueuers.clone());
    let news = move |server_id: &str| others.enqueue(affected::on_server_seen(server_id, lister.as_ref()));
    let enqueue = move |objects: Vec<_>| enqueuers.enqueue(objects.into_iter().map(Trigger::managed).collect());
    (Box::new(news), Box::new(enqueue))
}

/// Something that comes to be so once, and who waits for it. A sender that is dropped counts as having sent.
fn signal_once() -> (oneshot::Sender<()>, Signal) {
    let (sender, receiver) = oneshot::channel();
    (sender, receiver.map(|_| ()).boxed().shared())
}

/// Identities rest on nothing in AWS, so their reconciles go by what the watch holds.
fn identity_reconciles(identities: Arc<Identities>, stores: Arc<Stores>) -> Reconcile {
    Arc::new(move |name, uid, _| {
        let identities = Arc::clone(&identities);
        let object = stores.identity(&name.name).filter(|object| object.metadata.uid.as_deref() == Some(uid.as_str()));
        async move {
            let outcome = match object {
                Some(object) => identities.reconcile(&object).await,
                None => identities.unread(&name, &uid).await,
            };
            outcome.unwrap_or_else(|trouble| {
                tracing::warn!(%trouble, "reconcile failed");
                Requeue::After(PATIENCE)
            })
        }
        .boxed()
    })
}
