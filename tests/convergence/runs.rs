//! Running plans: each in a runtime of its own with a clock of its own, as many at once as there are processors, and
//! every one held against the run of its workflow without faults.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use tokio::runtime::Builder;

use crate::oracle::verdict;
use crate::setup::Setup;
use crate::stage::{Outcome, Stage};
use crate::workflows::{self, Workflow};
use crate::{operator, secrecy};

/// The seed of the runs without faults, and of the plans that aim at their calls.
pub const SEED: u64 = 1;

/// A workflow under a setup, with a name by which it can be run again.
#[derive(Clone)]
pub struct Plan {
    pub id: String,
    pub workflow: Workflow,
    pub setup: Setup,
}

/// One run, from an empty cluster to an empty cluster.
pub fn run(workflow: Workflow, setup: Setup) -> Outcome {
    watched(setup, workflow.run)
}

/// Whatever happens on a stage, with an eye on panics and on the log.
pub fn watched(setup: Setup, script: impl for<'a> FnOnce(&'a Stage) -> BoxFuture<'a, ()>) -> Outcome {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        operator::panics();
        secrecy::searched();
        let stage = Stage::open(setup);
        script(&stage).await;
        let mut outcome = stage.outcome();
        let panics = operator::panics();
        if panics > 0 {
            outcome.violations.push(format!("O10: {panics} panics"));
        }
        let secrecy::Searched { lines, leaks } = secrecy::searched();
        outcome.log_lines = lines;
        outcome.violations.extend(leaks.iter().map(|line| format!("O6: a private key stands in the log: {line}")));
        outcome
    })
}

/// The runs without faults.
pub struct References(BTreeMap<&'static str, Outcome>);

impl References {
    /// Runs every workflow once. What does not end well without faults needs no faults.
    pub fn new() -> Self {
        let of = |workflow: &Workflow| {
            let outcome = run(*workflow, Setup::new(SEED));
            assert_eq!(outcome.violations, Vec::<String>::new(), "{} without faults", workflow.name);
            assert!(!outcome.end.is_empty(), "{} never came to rest", workflow.name);
            (workflow.name, outcome)
        };
        Self(workflows::ALL.iter().map(of).collect())
    }

    pub fn of(&self, workflow: Workflow) -> &Outcome {
        &self.0[workflow.name]
    }

    /// How much later a run came to its end than the one without faults.
    fn late(&self, plan: &Plan, outcome: &Outcome) -> Duration {
        let reference = self.0.get(plan.workflow.name).map_or(outcome.took, |reference| reference.took);
        outcome.took.saturating_sub(reference)
    }

    /// What is wrong with a run, if anything: what the oracles saw, and what differs from the run without faults, where
    /// the workflow has one.
    pub fn judge(&self, plan: &Plan, outcome: &Outcome) -> Vec<String> {
        let mut wrong = outcome.violations.clone();
        let Some(reference) = self.0.get(plan.workflow.name) else { return wrong };
        wrong.extend(verdict::of(plan, outcome, reference));
        wrong
    }
}

/// What came of a family.
pub struct Report {
    pub family: &'static str,
    pub plans: usize,
    pub struck: u64,
    pub failures: Vec<String>,
}

/// Runs all plans of a family and prints one line.
#[allow(clippy::disallowed_methods, reason = "how long it really took is printed; no test depends on it")]
pub fn run_all(family: &'static str, plans: &[Plan], references: &References) -> Report {
    let began = Instant::now();
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    let struck = Mutex::new(0);
    let slowest = Mutex::new(Duration::ZERO);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(plan) = plans.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let run = AssertUnwindSafe(|| run(plan.workflow, plan.setup.clone()));
                    let Ok(outcome) = std::panic::catch_unwind(run) else {
                        failures.lock().unwrap().push(told(plan, &["the plan itself panicked".to_owned()]));
                        continue;
                    };
                    *struck.lock().unwrap() += outcome.struck;
                    let late = references.late(plan, &outcome);
                    let mut slowest = slowest.lock().unwrap();
                    *slowest = (*slowest).max(late);
                    drop(slowest);
                    let wrong = references.judge(plan, &outcome);
                    if !wrong.is_empty() {
                        failures.lock().unwrap().push(told(plan, &wrong));
                    }
                }
            });
        }
    });
    let (failures, struck) = (failures.into_inner().unwrap(), struck.into_inner().unwrap());
    let seconds = began.elapsed().as_secs();
    let slowest = slowest.into_inner().unwrap().as_secs().div_ceil(60);
    println!(
        "{family}: {} plans, {struck} faults struck, {} failed, {slowest} min later at most, {seconds} s",
        plans.len(),
        failures.len()
    );
    Report { family, plans: plans.len(), struck, failures }
}

/// A failure, with the line that repeats it.
fn told(plan: &Plan, wrong: &[String]) -> String {
    let shown: Vec<&str> = wrong.iter().take(4).map(String::as_str).collect();
    format!("PLAN='{}' make replay\n    {}", plan.id, shown.join("\n    "))
}
