//! The processor's time that a reconcile takes, and that it does not grow with what else there is. `make
//! bench-reconciles`
//!
//! The operator as it is wired, from its watches to its engines, over an API server and an AWS in memory whose
//! own time is in the figures: no HTTP, no waiting. Time is virtual, and only that of the processor is measured.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_precision_loss
)]
#![allow(dead_code, reason = "the harness of tests/convergence has more than is measured here")]

#[path = "../tests/convergence/crowd.rs"]
mod crowd;
#[path = "../tests/convergence/doors.rs"]
mod doors;
#[path = "../tests/convergence/seeded.rs"]
mod seeded;
#[path = "../tests/convergence/watches.rs"]
mod watches;

use std::process::ExitCode;
use std::sync::Arc;

use crowd::{Crowd, Operator, RESYNC, SOON};
use tokio::runtime::{Builder, Runtime};

const FEW: usize = 1_000;
const MANY: usize = 10_000;
/// How much more a reconcile may take among many users than among few.
const GROWTH: f64 = 1.3;
/// The least of so many rounds counts: others use the processor's caches too.
const ROUNDS: usize = 3;

/// What is measured.
const CASES: [&str; 3] = ["start over settled users", "resync at rest", "edit of each user's key"];

/// How many times less a reconcile of a start takes among many users than in the former build, at least.
const LESS: f64 = 20.0;

/// CPU-seconds per 1,000 reconciles of the build without an index of references, and how they were taken.
const FORMER: [f64; 2] = [4.3, 29.5];
const FORMER_HOW: &str = "start over settled users at commit 3fb8c8c, release build, /proc, against a real API server \
                          and transfer-sim over HTTP, which is part of it; 2026-11-28, 2 shared cores";

fn main() -> ExitCode {
    let (mut few, mut many) = (Bench::of(FEW), Bench::of(MANY));
    let mut least = [[f64::INFINITY; 2]; CASES.len()];
    for _ in 0..ROUNDS {
        for (size, bench) in [&mut few, &mut many].into_iter().enumerate() {
            for (case, taken) in bench.round().into_iter().enumerate() {
                least[case][size] = least[case][size].min(taken);
            }
        }
    }
    println!("CPU-seconds per 1,000 reconciles    {FEW} users   {MANY} users   growth");
    for (case, [few, many]) in CASES.iter().zip(least) {
        println!("{case:<32} {few:>14.3} {many:>13.3} {:>8.2}", many / few);
    }
    let [few, many] = FORMER;
    println!("{:<32} {few:>14.3} {many:>13.3} {:>8.2}", "former build, start", many / few);
    println!("  ({FORMER_HOW})");
    let less = many / least[0][1];
    println!("  {less:.0} times what a reconcile of a start takes now at {MANY} users");
    let grown = least.iter().any(|[few, many]| many / few > GROWTH);
    if grown {
        eprintln!("a reconcile among {MANY} users takes more than {GROWTH} times what it takes among {FEW}");
    }
    if less < LESS {
        eprintln!("a reconcile of a start among {MANY} users takes more than a {LESS}th of what it took before");
    }
    ExitCode::from(u8::from(grown || less < LESS))
}

/// So many settled users, and the process that works on them.
struct Bench {
    runtime: Runtime,
    crowd: Arc<Crowd>,
    operator: Operator,
    users: usize,
    edits: u64,
}

impl Bench {
    fn of(users: usize) -> Self {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (crowd, operator) = runtime.block_on(async {
            let crowd = Crowd::of(users);
            let mut operator = Operator::start(&crowd, |caches| caches);
            operator.run_for(RESYNC * 3).await;
            (crowd, operator)
        });
        assert_eq!(crowd.ready(), users, "they settle");
        Self { runtime, crowd, operator, users, edits: 0 }
    }

    /// CPU-seconds per 1,000 reconciles in each case: among few users the same again, so that there is as much to
    /// measure.
    fn round(&mut self) -> [f64; CASES.len()] {
        let times = MANY / self.users;
        let Self { runtime, crowd, operator, users, edits } = self;
        let [mut start, mut rest, mut edit] = [Taken::default(), Taken::default(), Taken::default()];
        runtime.block_on(async {
            for _ in 0..times {
                *operator = start.start(crowd).await;
                rest.of(operator, RESYNC).await;
                *edits += 1;
                crowd.edit_keys(*edits);
                edit.of(operator, SOON).await;
                assert_eq!(crowd.ready(), *users, "edits settle");
            }
        });
        [start, rest, edit].map(|taken| taken.per_thousand())
    }
}

/// The processor's time of some reconciles.
#[derive(Default)]
struct Taken {
    seconds: f64,
    reconciles: u64,
}

impl Taken {
    async fn start(&mut self, crowd: &Arc<Crowd>) -> Operator {
        let before = cpu_seconds();
        let mut operator = Operator::start(crowd, |caches| caches);
        self.seconds += cpu_seconds() - before;
        self.of(&mut operator, SOON).await;
        operator
    }

    async fn of(&mut self, operator: &mut Operator, span: std::time::Duration) {
        operator.reconciles.clear();
        let before = cpu_seconds();
        operator.run_for(span).await;
        self.seconds += cpu_seconds() - before;
        self.reconciles += operator.reconciles.values().sum::<u64>();
    }

    fn per_thousand(&self) -> f64 {
        self.seconds * 1000.0 / self.reconciles as f64
    }
}

/// What this thread, on which everything runs, has used of a processor.
fn cpu_seconds() -> f64 {
    let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells it in /proc");
    let nanoseconds: f64 = schedstat.split(' ').next().unwrap().parse().unwrap();
    nanoseconds / 1e9
}
