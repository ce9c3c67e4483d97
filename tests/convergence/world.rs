//! The simulated world: AWS, the API server, and the wires between them and the processes.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use jiff::SignedDuration;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::Instant;
use transfer_operator::sim::config::Config;
use transfer_operator::sim::random::Random;
use transfer_operator::sim::service::{Root, Service};

use crate::oracle::Oracle;
use crate::past::Past;
use crate::setup::{Blow, Moment, Point, Rule, Setup, Side, When};
use crate::watches::Decoded;
use transfer_operator::fakes::api_server::ApiServer;
use transfer_operator::fakes::clock::Clock;

pub const ACCOUNT: &str = "123456789012";
pub const REGION: &str = "eu-central-1";
pub const CLUSTER: &str = "cluster-1";

/// Whether a process lives, and until when it stands still.
#[derive(Debug)]
pub struct Life {
    pub id: u32,
    pub skew: SignedDuration,
    dead: AtomicBool,
    frozen_until: Mutex<Instant>,
    pub died: Notify,
    /// The API server that this process reads from stands still at this version until this time.
    pub stale_at: Mutex<Option<(u64, Instant)>>,
}

impl Life {
    /// The version that this process is shown, where that is not the newest.
    pub fn stale_version(&self) -> Option<u64> {
        self.stale_at.lock().unwrap().filter(|(_, until)| Instant::now() < *until).map(|(version, _)| version)
    }

    pub fn new(id: u32, skew: SignedDuration) -> Arc<Self> {
        Arc::new(Self {
            id,
            skew,
            dead: AtomicBool::new(false),
            frozen_until: Mutex::new(Instant::now()),
            died: Notify::new(),
            stale_at: Mutex::new(None),
        })
    }

    pub fn kill(&self) {
        self.dead.store(true, Ordering::SeqCst);
        self.died.notify_one();
    }

    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    pub fn is_frozen(&self) -> bool {
        Instant::now() < *self.frozen_until.lock().unwrap()
    }

    pub fn freeze(&self, span: Duration) {
        *self.frozen_until.lock().unwrap() = Instant::now() + span;
    }

    /// Comes back only to a process that lives and runs.
    pub async fn here(&self) {
        loop {
            if self.is_dead() {
                std::future::pending::<()>().await;
            }
            let until = *self.frozen_until.lock().unwrap();
            if Instant::now() >= until {
                return;
            }
            tokio::time::sleep_until(until).await;
        }
    }
}

/// A call on its way.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    pub side: Side,
    pub operation: &'a str,
    pub about: &'a str,
    /// Whether faults by number count it: reads of the API server are not.
    pub counted: bool,
    pub writes: bool,
}

struct Wires {
    rng: StdRng,
    rules: Vec<(Rule, u64)>,
    points: Vec<Point>,
    trace: DefaultHasher,
    lines: Vec<String>,
    /// When each operation was called first, in the time of the run.
    firsts: BTreeMap<String, Duration>,
}

/// The world.
pub struct World {
    pub clock: Clock,
    pub setup: Setup,
    pub began: Instant,
    pub api: Mutex<ApiServer>,
    pub sim: Mutex<Service>,
    pub oracle: Mutex<Oracle>,
    /// What AWS held after each change, for reads that are old.
    pub past: Mutex<Past>,
    pub decoded: Arc<Decoded>,
    /// Rung at every change in the API server.
    pub changed: Notify,
    pub struck: AtomicU64,
    /// Objects that somebody will apply again as soon as they are gone.
    pub coming: AtomicU64,
    /// All trouble has ended.
    pub calmed: AtomicBool,
    wires: Mutex<Wires>,
    keep_lines: bool,
}

impl World {
    pub fn new(setup: Setup) -> Arc<Self> {
        let clock = Clock::start();
        let root = Root { account: ACCOUNT.to_owned(), access_key: String::new(), secret_key: String::new() };
        let base = json!({"deletion_time": "0s", "transition_time": "10s"});
        let config = Config::default().with(&base).unwrap().with(&setup.switches).unwrap();
        let config = Config { listing_lag: setup.listing_lag, signature_tolerance: setup.tolerance, ..config };
        let sim =
            Service::new(root, config, Random::seeded(setup.seed), transfer_operator::sim::state::World::default());
        let rules = setup.rules.iter().map(|rule| (rule.clone(), 0)).collect();
        let wires = Wires {
            rng: StdRng::seed_from_u64(setup.seed),
            rules,
            points: Vec::new(),
            trace: DefaultHasher::new(),
            lines: Vec::new(),
            firsts: BTreeMap::new(),
        };
        Arc::new(Self {
            clock,
            setup,
            began: Instant::now(),
            api: Mutex::new(ApiServer::new(clock)),
            sim: Mutex::new(sim),
            oracle: Mutex::new(Oracle::default()),
            past: Mutex::default(),
            decoded: Arc::default(),
            changed: Notify::new(),
            struck: AtomicU64::new(0),
            coming: AtomicU64::new(0),
            calmed: AtomicBool::new(false),
            wires: Mutex::new(wires),
            keep_lines: std::env::var_os("TRACE").is_some(),
        })
    }

    pub fn api(&self) -> MutexGuard<'_, ApiServer> {
        let mut api = self.api.lock().unwrap();
        if api.let_go() {
            self.changed.notify_waiters();
        }
        api
    }

    pub fn random(&self) -> u64 {
        self.wires.lock().unwrap().rng.random()
    }

    pub fn points(&self) -> Vec<Point> {
        self.wires.lock().unwrap().points.clone()
    }

    pub fn trace(&self) -> u64 {
        self.wires.lock().unwrap().trace.finish()
    }

    pub fn lines(&self) -> Vec<String> {
        self.wires.lock().unwrap().lines.clone()
    }

    /// Ends all trouble but what aims at calls by number: a process may die at rest too.
    pub fn calm(&self) {
        self.calmed.store(true, Ordering::SeqCst);
        self.wires.lock().unwrap().rules.retain(|(rule, _)| matches!(rule.when, When::Call(_)));
    }

    /// A fault struck that no rule made.
    pub fn strike(&self, what: &str) {
        self.struck.fetch_add(1, Ordering::SeqCst);
        self.note(what);
    }

    pub fn note(&self, line: &str) {
        let mut wires = self.wires.lock().unwrap();
        let line = format!("{:>9} {line}", self.clock.millis());
        line.hash(&mut wires.trace);
        if self.keep_lines {
            wires.lines.push(line);
        }
    }

    pub fn violation(&self, text: impl Into<String>) {
        let text = text.into();
        self.note(&format!("VIOLATION {text}"));
        self.oracle.lock().unwrap().violations.push(text);
    }

    /// Takes a call to the other side and its answer back, with everything that may go wrong on the way.
    pub async fn carry<T, E>(
        self: &Arc<Self>,
        life: &Arc<Life>,
        call: Call<'_>,
        effect: impl FnOnce() -> Result<T, E>,
        broken: impl Fn(&Blow) -> E,
    ) -> Result<T, E> {
        life.here().await;
        let (number, blows) = self.leave(call);
        if let Some(refusal) = self.fall(life, &blows, Moment::Before).await {
            self.latency(call.side).await;
            life.here().await;
            self.note(&format!("r{} {number} {} {} never: {refusal:?}", life.id, call.operation, call.about));
            return Err(broken(&refusal));
        }
        life.here().await;
        self.latency(call.side).await;
        // What has left takes effect, whatever became of the process by now.
        let outcome = effect();
        let result = if outcome.is_ok() { "ok" } else { "failed" };
        self.note(&format!("r{} {number} {} {} {result}", life.id, call.operation, call.about));
        let refusal = self.fall(life, &blows, Moment::Sent).await;
        self.latency(call.side).await;
        life.here().await;
        if let Some(refusal) = refusal {
            return Err(broken(&refusal));
        }
        let _ = self.fall(life, &blows, Moment::Answered).await;
        if !life.is_dead() {
            life.here().await;
        }
        outcome
    }

    /// Lets the blows of a moment fall; answers with the one that stands for an answer.
    async fn fall(self: &Arc<Self>, life: &Arc<Life>, blows: &[(Moment, Blow)], now: Moment) -> Option<Blow> {
        for (_, blow) in blows.iter().filter(|(moment, _)| *moment == now) {
            match blow {
                Blow::Kill => life.kill(),
                Blow::Freeze(span) => life.freeze(*span),
                Blow::Delay(span) => tokio::time::sleep(*span).await,
                Blow::Act(act) => act.done(self, life),
                refusal => return Some(refusal.clone()),
            }
        }
        None
    }

    /// Counts the call and says what is to hit it.
    fn leave(&self, call: Call<'_>) -> (u64, Vec<(Moment, Blow)>) {
        let mut wires = self.wires.lock().unwrap();
        let Wires { rng, rules, points, firsts, .. } = &mut *wires;
        if call.counted {
            let number = u64::try_from(points.len()).unwrap() + 1;
            let operation = call.operation.to_owned();
            points.push(Point { call: number, side: call.side, operation, writes: call.writes });
        }
        let number = u64::try_from(points.len()).unwrap();
        let elapsed = self.began.elapsed();
        firsts.entry(call.operation.to_owned()).or_insert(elapsed);
        let mut blows = Vec::new();
        for (rule, matched) in rules.iter_mut() {
            if !rule.operation.is_empty() && rule.operation != call.operation {
                continue;
            }
            if rule.operation.is_empty() && !call.counted {
                continue;
            }
            if let When::Since { first, span, .. } = &rule.when
                && firsts.get(*first).is_none_or(|began| elapsed > *began + *span)
            {
                continue;
            }
            *matched += 1;
            let strikes = match rule.when {
                When::Call(wanted) => call.counted && number == wanted,
                When::Times { skip, count } | When::Since { skip, count, .. } => {
                    *matched > skip && *matched <= skip.saturating_add(count)
                }
                When::Until(end) => elapsed < end,
                When::Chance(chance) => rng.random_bool(chance),
            };
            if strikes {
                self.struck.fetch_add(1, Ordering::SeqCst);
                blows.push((rule.moment, rule.blow.clone()));
            }
        }
        (number, blows)
    }

    async fn latency(&self, side: Side) {
        let most = if side == Side::Aws { 40 } else { 6 };
        let millis = self.wires.lock().unwrap().rng.random_range(1..=most);
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
}
