//! One operator process: the real engines and their real queue behind the simulated doors. Nothing here draws lots, so
//! that runs repeat; the delivered operator, whose client does, is held against the same world in a family of its own.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::Notify;
use tokio::time::Instant;
use transfer_operator::aws::waiting::{self, Slot, Slots};
use transfer_operator::cluster::store::Stores;
use transfer_operator::engine::consistency::Windows;
use transfer_operator::engine::controller::{self, AFTER_DEADLINE, AFTER_PANIC, CONCURRENCY, Cause, DEADLINE, Held};
use transfer_operator::engine::queue::Queue;
use transfer_operator::engine::requeue::Requeue;
use transfer_operator::engine::settings::Settings;
use transfer_operator::kinds::affected;
use transfer_operator::kinds::deps::{Deps, Enqueue, News, Verified, WorkflowsSeen};
use transfer_operator::kinds::swept::Swept;
use transfer_operator::kinds::trigger::{Trigger, Which};

use crate::defects::Seams;
use crate::doors::{Door, SimAws};
use crate::machinery::{self, Item, Reconcile, Seeded, Told, related, watched};
use crate::oracle::unchecked;
use crate::way::Troubled;
use crate::world::{CLUSTER, Life, World};
use transfer_operator::fakes::api_server::Event;

/// A watch of the real one ends after a few minutes and lists anew.
const RELIST: Duration = Duration::from_mins(5);

/// A process.
pub struct Process {
    pub life: Arc<Life>,
    at_work: Box<dyn Fn() -> usize + Send>,
    end: Box<dyn Fn() + Send>,
}

struct Shared {
    world: Arc<World>,
    life: Arc<Life>,
    stores: Arc<Stores>,
    engines: BTreeMap<Which, Reconcile>,
    queue: Mutex<Queue<Item>>,
    slots: Arc<Slots>,
    queued: Notify,
    /// The last version that the watches told of.
    told: Mutex<u64>,
}

impl Process {
    /// Starts a process; it runs until it dies.
    pub fn start(world: &Arc<World>, life: Arc<Life>) -> Self {
        let stores = Arc::new(Stores::new(0));
        let whole: Arc<OnceLock<Weak<Shared>>> = Arc::default();
        let (lister, process) = (Arc::clone(&stores), Arc::clone(&whole));
        let waking = Arc::clone(&process);
        let enqueue: Enqueue = Box::new(move |objects| {
            let Some(process) = waking.get().and_then(Weak::upgrade) else { return };
            for (item, cause) in objects.into_iter().map(Trigger::managed).map(related) {
                process.enqueue(item, cause);
            }
        });
        let news: News = Box::new(move |server_id| {
            let Some(process) = process.get().and_then(Weak::upgrade) else { return };
            for (item, cause) in affected::on_server_seen(server_id, lister.as_ref()).into_iter().map(related) {
                process.enqueue(item, cause);
            }
        });
        let way = Troubled::new(world, &life);
        let sound = Seams::sound(world, Arc::new(Door(Arc::clone(&way))), settings(world, &life));
        let seams = match world.setup.put_in {
            Some(put_in) => put_in(sound),
            None => sound,
        };
        let Seams { world: _, cluster, around_aws, settings, around_reconcile } = seams;
        let deps = Arc::new(Deps {
            cluster,
            lister: Arc::clone(&stores) as _,
            aws: Arc::new(SimAws::new(&way, around_aws)),
            cluster_id: CLUSTER.to_owned(),
            verified: Verified::telling(news),
            workflows: WorkflowsSeen::default(),
            swept: Swept::default(),
            enqueue,
            resync: std::time::Duration::from_mins(10),
            expiry_warning: jiff::SignedDuration::from_hours(14 * 24),
            env: Arc::clone(&settings.env),
        });
        let engines = machinery::engines(&deps, &settings);
        let around = |(which, real)| (which, around_reconcile(which, real, &deps, &settings));
        let engines = engines.into_iter().map(around).collect();
        let shared = Arc::new(Shared {
            world: Arc::clone(world),
            life: Arc::clone(&life),
            stores,
            engines,
            queue: Mutex::new(Queue::new(CONCURRENCY)),
            slots: Arc::default(),
            queued: Notify::new(),
            told: Mutex::new(0),
        });
        let _ = whole.set(Arc::downgrade(&shared));
        shared.relist();
        tokio::spawn(Arc::clone(&shared).watch());
        tokio::spawn(Arc::clone(&shared).dispatch());
        Self::new(life, move || shared.queue.lock().unwrap().running(), || {})
    }

    /// A process that was started: how many reconciles run in it, and what takes away what is left of it.
    pub fn new(life: Arc<Life>, at_work: impl Fn() -> usize + Send + 'static, end: impl Fn() + Send + 'static) -> Self {
        Self { life, at_work: Box::new(at_work), end: Box::new(end) }
    }

    /// Objects that a reconcile is running for.
    pub fn at_work(&self) -> usize {
        (self.at_work)()
    }

    /// Takes away what is left of it when it has died.
    pub fn end(&self) {
        (self.end)();
    }
}

/// Settings of a process.
pub fn settings(world: &Arc<World>, life: &Arc<Life>) -> Settings {
    let setup = &world.setup;
    let seed = setup.seed.wrapping_add(u64::from(life.id) << 32);
    Settings {
        cluster_id: CLUSTER.to_owned(),
        windows: Windows::new(setup.tolerance, setup.believed_lag),
        resync: setup.resync,
        looks: Arc::default(),
        rejection_grace: Duration::from_mins(2),
        hold_percent: 10,
        env: Arc::new(Seeded::new(seed, world.clock, life.skew)),
    }
}

impl Shared {
    fn enqueue(&self, item: Item, cause: Cause) {
        let lane = machinery::lane(&self.stores, self.stores.as_ref(), &item);
        let meta = machinery::meta(&self.stores, &item);
        controller::put_in_line(
            &mut self.queue.lock().unwrap(),
            item,
            lane,
            meta.as_ref().map(Held::from).as_ref(),
            cause,
        );
        self.queued.notify_one();
    }

    /// Runs what is due, one reconcile at a time per object.
    async fn dispatch(self: Arc<Self>) {
        loop {
            self.life.here().await;
            while self.slots.busy() < CONCURRENCY
                && let Some(item) = self.pick()
            {
                tokio::spawn(Arc::clone(&self).run(item, self.slots.take()));
            }
            let due = self.queue.lock().unwrap().come_due(Instant::now());
            let sleep = tokio::time::sleep_until(due.unwrap_or_else(|| Instant::now() + Duration::from_hours(1)));
            let woken = futures::future::select(Box::pin(self.queued.notified()), Box::pin(self.slots.freed()));
            futures::future::select(woken, Box::pin(sleep)).await;
        }
    }

    fn pick(&self) -> Option<Item> {
        self.queue.lock().unwrap().pick(Instant::now())
    }

    fn done(&self, item: &Item, next: Requeue) {
        self.queue.lock().unwrap().done(item, next, Instant::now());
        self.queued.notify_one();
    }

    async fn run(self: Arc<Self>, item: Item, slot: Slot) {
        let (which, name) = &item;
        let Some(uid) = machinery::meta(&self.stores, &item).and_then(|meta| meta.uid) else {
            return self.done(&item, Requeue::OnChange);
        };
        let run = AssertUnwindSafe(self.engines[which](name.clone(), uid)).catch_unwind();
        let next = match waiting::bounded(DEADLINE, slot, run).await {
            Some(Ok(next)) => next,
            Some(Err(_)) => {
                self.world.violation(format!("O10: a reconcile over {name} panicked"));
                Requeue::After(AFTER_PANIC)
            }
            None => {
                if !unchecked::may_be_cut(&self.world.setup, &self.life) {
                    self.world.violation(format!("O10: a reconcile over {name} was cut at its deadline"));
                }
                Requeue::After(AFTER_DEADLINE)
            }
        };
        self.life.here().await;
        self.done(&item, next);
    }

    /// Follows the history, as late and as badly as the setup says.
    async fn watch(self: Arc<Self>) {
        let mut listed = Instant::now();
        loop {
            self.life.here().await;
            let told = *self.told.lock().unwrap();
            let changed = self.world.changed.notified();
            let next = {
                let api = self.world.api();
                api.history.get(api.history.partition_point(|event| event.version <= told)).cloned()
            };
            let Some(event) = next else {
                let wait = tokio::time::timeout_at(listed + RELIST, changed);
                if wait.await.is_err() {
                    listed = Instant::now();
                    self.relist();
                }
                continue;
            };
            let watching = &self.world.setup.watching;
            let odd = watching.delayed.contains_key(&event.version)
                || watching.dropped.contains(&event.version)
                || watching.replayed.contains(&event.version)
                || !watching.lag.is_zero();
            self.world.struck.fetch_add(u64::from(odd), std::sync::atomic::Ordering::SeqCst);
            let late = watching.delayed.get(&event.version).copied().unwrap_or_default() + watching.lag;
            tokio::time::sleep(late + Duration::from_millis(1)).await;
            self.life.here().await;
            let dropped = watching.dropped.contains(&event.version);
            if !dropped {
                self.tell(&event);
            }
            *self.told.lock().unwrap() = event.version;
            if watching.replayed.contains(&event.version) {
                let past: Vec<Event> =
                    self.world.api().history.iter().take_while(|e| e.version <= event.version).cloned().collect();
                for event in &past {
                    self.tell(event);
                }
            }
            if listed.elapsed() >= RELIST {
                listed = Instant::now();
                self.relist();
            }
        }
    }

    fn tell(&self, event: &Event) {
        let (kind, _) = &event.key;
        let wrap = |object| if event.gone { Told::Gone(object) } else { Told::Is(object) };
        self.take(kind, vec![wrap(event.object.clone())]);
    }

    /// A complete listing of every kind.
    fn relist(&self) {
        let (version, keys) = {
            let api = self.world.api();
            (api.version(), api.keys())
        };
        for kind in watched() {
            let objects = keys.iter().filter(|(of, _)| of == kind).filter_map(|key| self.world.api().get(key));
            let told = Told::listing(objects);
            self.take(kind, told);
        }
        let mut told = self.told.lock().unwrap();
        *told = (*told).max(version);
    }

    fn take(&self, kind: &str, told: Vec<Told>) {
        for told in told {
            for (item, cause) in machinery::take(&self.stores, self.stores.as_ref(), &self.world.decoded, kind, told) {
                self.enqueue(item, cause);
            }
        }
    }
}
