//! Shards that come and go, in virtual time: real leases over one API server in memory, whose answers take their time.
//! At every moment each account has one process that works for it at most, and once only one number of shards is left,
//! soon exactly one.
//!
//! Covered: replicas of several numbers of shards that start, end with a goodbye, end without one, and answers between
//! nothing and a second. Not covered: a process that stands still for longer than its deadline and goes on; what it
//! would do then, no lease prevents (see the module).
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::sync::Mutex;

use futures::FutureExt;
use futures::future::{Either, select};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::*;

const TIMES: LeaseConfig = LeaseConfig {
    duration: Duration::from_secs(15),
    renew_deadline: Duration::from_secs(10),
    retry_period: Duration::from_secs(2),
};

/// Accounts that are looked at.
const ACCOUNTS: [&str; 6] =
    ["000000000001", "000000000002", "000000000003", "000000000004", "000000000005", "000000000006"];

/// Installations that are lived through: a second of work each.
const LIVES: u64 = 20;

/// Leases by name, as an API server keeps them.
#[derive(Default)]
struct Kept {
    leases: BTreeMap<String, Value>,
    version: u64,
}

impl Kept {
    fn answer(&mut self, method: &http::Method, path: &str, body: &[u8]) -> (u16, Value) {
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        match *method {
            http::Method::GET if name == "leases" => {
                let items: Vec<&Value> = self.leases.values().collect();
                (
                    200,
                    json!({"apiVersion": "coordination.k8s.io/v1", "kind": "LeaseList", "metadata": {}, "items": items}),
                )
            }
            http::Method::GET => self.leases.get(&name).map_or_else(|| failure(404), |lease| (200, lease.clone())),
            _ => {
                let mut lease: Value = serde_json::from_slice(body).unwrap();
                let name = lease["metadata"]["name"].as_str().unwrap().to_owned();
                let stands = self.leases.get(&name).map_or(&Value::Null, |lease| &lease["metadata"]["resourceVersion"]);
                if *stands != lease["metadata"]["resourceVersion"] {
                    return failure(409);
                }
                self.version += 1;
                lease["metadata"]["resourceVersion"] = json!(self.version.to_string());
                self.leases.insert(name, lease.clone());
                (200, lease)
            }
        }
    }
}

fn failure(code: u16) -> (u16, Value) {
    let reason = if code == 404 { "NotFound" } else { "Conflict" };
    (code, json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code}))
}

/// Chance, the same in each run of a seed.
struct Chance(Mutex<StdRng>);

impl Chance {
    fn below(&self, most: u64) -> u64 {
        self.0.lock().unwrap().random_range(0..most)
    }
}

impl Env for Chance {
    fn uuid(&self) -> String {
        String::new()
    }

    fn fraction(&self) -> f64 {
        self.0.lock().unwrap().random()
    }

    fn wall(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }
}

/// The API server; half of each answer's time passes before the call is carried out.
fn api(chance: &Arc<Chance>) -> Api<Object> {
    let (kept, chance) = (Arc::<Mutex<Kept>>::default(), Arc::clone(chance));
    let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
        let (kept, chance) = (Arc::clone(&kept), Arc::clone(&chance));
        async move {
            tokio::time::sleep(Duration::from_millis(chance.below(500))).await;
            let (parts, body) = request.into_parts();
            let bytes = body.collect_bytes().await.unwrap();
            let (code, body) = kept.lock().unwrap().answer(&parts.method, parts.uri.path(), &bytes);
            tokio::time::sleep(Duration::from_millis(chance.below(500))).await;
            let body = kube::client::Body::from(body.to_string().into_bytes());
            Ok::<_, std::convert::Infallible>(http::Response::builder().status(code).body(body).unwrap())
        }
    });
    Api::namespaced(kube::Client::new(service, "ns"), "ns")
}

/// A process of a shard.
struct Process {
    shard: Shard,
    leading: LeaderState,
    stop: Option<futures::channel::oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Process {
    fn start(api: &Api<Object>, chance: &Arc<Chance>, shard: Shard, number: usize) -> Self {
        let leading = LeaderState::default();
        let env = Arc::clone(chance) as Arc<dyn Env>;
        let lease = Lease::new(api.clone(), "mine".to_owned(), format!("{number}"), TIMES, env, leading.clone());
        let mut lease = lease.of_shard(shard);
        let (stop, stopped) = futures::channel::oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            {
                let work = async {
                    loop {
                        lease.acquire().await;
                        lease.hold().await;
                    }
                };
                let _: Either<((), _), _> = select(Box::pin(work), stopped).await;
            }
            lease.release().await;
        });
        Self { shard, leading, stop: Some(stop), task }
    }

    /// A goodbye.
    async fn end(mut self) {
        drop(self.stop.take());
        let _ = (&mut self.task).await;
    }

    /// None.
    fn die(self) {
        self.task.abort();
    }
}

/// Who works for each account.
fn working(processes: &BTreeMap<usize, Process>) -> BTreeMap<&'static str, Vec<String>> {
    let of = |account: &'static str| {
        let work = processes.iter().filter(|(_, process)| process.leading.get() && process.shard.owns(Some(account)));
        (account, work.map(|(number, process)| format!("{number} of {}", process.shard)).collect())
    };
    ACCOUNTS.into_iter().map(of).collect()
}

/// Time passes, and at no moment two work for one account.
async fn watch(processes: &BTreeMap<usize, Process>, span: Duration, seed: u64) {
    let until = Instant::now() + span;
    while Instant::now() < until {
        for (account, workers) in working(processes) {
            assert!(workers.len() <= 1, "seed {seed}: {workers:?} work for {account}");
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// One life of an installation: replicas of one, two and three shards in any order, then of one number only.
async fn life(seed: u64) {
    let chance = Arc::new(Chance(Mutex::new(StdRng::seed_from_u64(seed))));
    let (api, mut processes, mut number) = (api(&chance), BTreeMap::new(), 0);
    for _ in 0..30 {
        let of = 1 + chance.below(3);
        let shard: Shard = format!("{}/{of}", chance.below(of)).parse().unwrap();
        match chance.below(5) {
            0..3 if processes.len() < 8 => {
                number += 1;
                processes.insert(number, Process::start(&api, &chance, shard, number));
            }
            what => {
                let keys: Vec<usize> = processes.keys().copied().collect();
                if !keys.is_empty() {
                    let key = keys[usize::try_from(chance.below(keys.len() as u64)).unwrap()];
                    let process = processes.remove(&key).unwrap();
                    if what == 4 { process.die() } else { process.end().await }
                }
            }
        }
        watch(&processes, Duration::from_millis(200 + chance.below(20_000)), seed).await;
    }
    let of = 1 + chance.below(3);
    for process in std::mem::take(&mut processes).into_values() {
        if chance.below(2) == 0 { process.die() } else { process.end().await }
    }
    for shard in 0..of {
        for _ in 0..2 {
            number += 1;
            let shard: Shard = format!("{shard}/{of}").parse().unwrap();
            processes.insert(number, Process::start(&api, &chance, shard, number));
        }
    }
    // What was left behind expires, as everybody sees it for himself, and two that claim at once try again.
    watch(&processes, TIMES.duration * 3, seed).await;
    for (account, workers) in working(&processes) {
        assert_eq!(workers.len(), 1, "seed {seed}: {workers:?} work for {account}");
    }
    for process in processes.into_values() {
        process.die();
    }
}

#[tokio::test(start_paused = true)]
async fn no_account_is_worked_for_twice_and_in_the_end_none_is_left_out() {
    for seed in 0..LIVES {
        life(seed).boxed().await;
    }
}

/// Writes the Lease as a version without shards does: of what stood there only the holder is another one.
async fn renewed_as_before_shards(api: &Api<Object>, holder: &str) -> Object {
    let mut lease = api.get("mine").await.unwrap();
    lease.spec.as_mut().unwrap().holder_identity = Some(holder.to_owned());
    api.replace("mine", &PostParams::default(), &lease).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn leases_that_stand_still_together_hold_nobody_up_one_after_the_other() {
    let chance = Arc::new(Chance(Mutex::new(StdRng::seed_from_u64(1))));
    let api = api(&chance);
    let old: Vec<Process> =
        (0..2).map(|shard| Process::start(&api, &chance, format!("{shard}/2").parse().unwrap(), shard)).collect();
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(old.iter().all(|process| process.leading.get()));
    let new = Process::start(&api, &chance, Shard::WHOLE, 2);
    tokio::time::sleep(TIMES.retry_period).await;
    for process in old {
        process.die();
    }
    let died = Instant::now();
    while !new.leading.get() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let most = TIMES.duration + 4 * TIMES.retry_period;
    assert!(died.elapsed() <= most, "{:?}", died.elapsed());
}

#[tokio::test(start_paused = true)]
async fn shards_wait_for_a_process_that_knows_none_and_begin_when_it_ends() {
    let chance = Arc::new(Chance(Mutex::new(StdRng::seed_from_u64(1))));
    let api = api(&chance);
    let start = |shard: usize, number| Process::start(&api, &chance, format!("{shard}/2").parse().unwrap(), number);
    let before = start(0, 1);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(before.leading.get());
    before.end().await;
    renewed_as_before_shards(&api, "old").await;
    let new: Vec<Process> = (0..2).map(|shard| start(shard, shard + 2)).collect();
    for _ in 0..60 {
        tokio::time::sleep(TIMES.retry_period).await;
        let lease = renewed_as_before_shards(&api, "old").await;
        assert_eq!(lease.metadata.annotations.unwrap()[SHARD], "0/2 1", "what stood there stays");
        assert!(!new.iter().any(|process| process.leading.get()), "the old one works for all accounts");
    }
    renewed_as_before_shards(&api, "").await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(new.iter().all(|process| process.leading.get()), "a goodbye is no expiry");
}
