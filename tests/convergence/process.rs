//! One operator process: the operator's own wiring of watches, queues and engines behind the simulated doors. Nothing
//! here draws lots, so that runs repeat; the delivered operator, whose client does, is held against the same world in a
//! family of its own.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::pending;
use tokio::time::Instant;
use transfer_operator::cluster::store::Stores;
use transfer_operator::engine::consistency::Windows;
use transfer_operator::engine::controller::Reconcile;
use transfer_operator::engine::settings::Settings;
use transfer_operator::fakes::api_server::Event;
use transfer_operator::kinds::installations::Installation;
use transfer_operator::run::{self, Outside};
use transfer_operator::shard::Shard;
use transfer_operator::watch::Scope;

use crate::defects::Seams;
use crate::doors::{Door, SimAws};
use crate::oracle::unchecked;
use crate::seeded::Seeded;
use crate::watches::Watches;
use crate::way::Troubled;
use crate::world::{CLUSTER, Life, World};

/// A watch of the real one ends after a few minutes and lists anew.
const RELIST: Duration = Duration::from_mins(5);

/// How long before its end a key is worth a look.
pub const EXPIRY_WARNING: jiff::SignedDuration = jiff::SignedDuration::from_hours(14 * 24);

/// A process.
pub struct Process {
    pub life: Arc<Life>,
    at_work: Box<dyn Fn() -> usize + Send>,
    end: Box<dyn Fn() + Send>,
}

impl Process {
    /// Starts a process; it runs until it dies.
    pub fn start(world: &Arc<World>, life: Arc<Life>) -> Self {
        let way = Troubled::new(world, &life);
        let sound = Seams::sound(world, Arc::new(Door(Arc::clone(&way))), settings(world, &life));
        let seams = match world.setup.put_in {
            Some(put_in) => put_in(sound),
            None => sound,
        };
        let Seams { world: _, cluster, around_aws, settings, around_reconcile } = seams;
        let (told, running) = (Arc::new(Mutex::new(world.api().version())), Arc::<AtomicUsize>::default());
        let watches = watches(world, &told);
        let (believed, within) = (settings.clone(), (Arc::clone(world), Arc::clone(&life), Arc::clone(&running)));
        let around = Box::new(move |which, real, deps: &_| {
            let (world, life, running) = &within;
            looked_at(world, life, running, around_reconcile(which, real, deps, &believed))
        });
        let stores = Arc::new(Stores::new(0));
        let outside = Outside {
            source: watches.clone(),
            cluster,
            aws: Arc::new(SimAws::new(&way, around_aws)),
            scope: Scope::default(),
            installation: Installation::new("", &[]),
            shard: Shard::WHOLE,
            lister: Arc::clone(&stores) as _,
            stores,
            expiry_warning: EXPIRY_WARNING,
            around,
        };
        let ended = Arc::clone(world);
        let work = tokio::spawn(async move {
            let outcome = run::work(outside, settings, pending().boxed().shared()).await;
            ended.violation(format!("O10: the operator ended: {outcome:?}"));
        });
        let follower = Follower { world: Arc::clone(world), life: Arc::clone(&life), watches, told };
        tokio::spawn(follower.follow());
        // What is under way then has left, and takes effect; it is the way back that is shut. That rests on the controllers
        // being a task of their own in `run`, which the end of `work` does not abort.
        Self::new(life, move || running.load(Ordering::SeqCst), move || work.abort())
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

/// The watches of a process, which list what there is, and keep the version of it.
fn watches(world: &Arc<World>, told: &Arc<Mutex<u64>>) -> Watches {
    let (decoded, world, told) = (Arc::clone(&world.decoded), Arc::clone(world), Arc::clone(told));
    let list = move |kind: &str| {
        let api = world.api();
        let mut told = told.lock().unwrap();
        *told = (*told).max(api.version());
        api.list(kind)
    };
    Watches::new(Arc::new(list), Some(decoded))
}

/// Reconciles that begin only in a process that lives and runs, and of which none may panic nor be cut.
fn looked_at(world: &Arc<World>, life: &Arc<Life>, running: &Arc<AtomicUsize>, real: Reconcile) -> Reconcile {
    let (world, life, running) = (Arc::clone(world), Arc::clone(life), Arc::clone(running));
    Arc::new(move |name, uid, rank| {
        let (world, life, running) = (Arc::clone(&world), Arc::clone(&life), Arc::clone(&running));
        let real = Arc::clone(&real);
        async move {
            life.here().await;
            running.fetch_add(1, Ordering::SeqCst);
            let mut begun = Begun { world, life, running, about: name.to_string(), ended: false };
            let outcome = AssertUnwindSafe(real(name, uid, rank)).catch_unwind().await;
            begun.ended = true;
            outcome.unwrap_or_else(|panic| {
                begun.world.violation(format!("O10: a reconcile over {} panicked", begun.about));
                std::panic::resume_unwind(panic)
            })
        }
        .boxed()
    })
}

/// A reconcile that runs.
struct Begun {
    world: Arc<World>,
    life: Arc<Life>,
    running: Arc<AtomicUsize>,
    about: String,
    ended: bool,
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.running.fetch_sub(1, Ordering::SeqCst);
        if !self.ended && !unchecked::may_be_cut(&self.world.setup, &self.life) {
            self.world.violation(format!("O10: a reconcile over {} was cut at its deadline", self.about));
        }
    }
}

/// What a process hears of the API server.
struct Follower {
    world: Arc<World>,
    life: Arc<Life>,
    watches: Watches,
    /// The last version that the watches told of.
    told: Arc<Mutex<u64>>,
}

impl Follower {
    /// Follows the history, as late and as badly as the setup says.
    async fn follow(self) {
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
                    self.watches.relist();
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
                self.watches.tell(&event);
            }
            *self.told.lock().unwrap() = event.version;
            if watching.replayed.contains(&event.version) {
                let past: Vec<Event> =
                    self.world.api().history.iter().take_while(|e| e.version <= event.version).cloned().collect();
                for event in &past {
                    self.watches.tell(event);
                }
            }
            if listed.elapsed() >= RELIST {
                listed = Instant::now();
                self.watches.relist();
            }
        }
    }
}
