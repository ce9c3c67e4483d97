//! Running plans: each in a runtime of its own with a clock of its own, as many at once as there are processors, and
//! every one held against the run of its workflow without faults.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use tokio::runtime::Builder;

use crate::oracle::CreateOutput;
use crate::setup::{Setup, When};
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
        // One that is made up anew for each plan is held against another run by itself.
        let Some(reference) = self.0.get(plan.workflow.name) else { return wrong };
        if !plan.setup.differs && outcome.end != reference.end {
            wrong.push(format!(
                "O9: another end than without faults: {}",
                first_difference(&reference.end, &outcome.end)
            ));
        }
        // What may be deleted and made again in between is another end too.
        let counts = |outcome: &Outcome| {
            let once = |(what, made): (&String, &CreateOutput)| {
                let late = plan.setup.late && !what.starts_with("server") && !what.starts_with("workflow");
                let undone = if late { made.deletes.saturating_sub(1) } else { 0 };
                (what.clone(), made.creates - undone, made.deletes - undone)
            };
            outcome.made.iter().map(once).collect::<Vec<_>>()
        };
        if !plan.setup.differs && !plan.setup.duplicates && counts(outcome) != counts(reference) {
            wrong.push(format!("O9: made and deleted {:?} instead of {:?}", outcome.made, reference.made));
        }
        let late = self.late(plan, outcome);
        if let Some(bound) = bound(&plan.id).filter(|bound| late > *bound) {
            wrong.push(format!(
                "O4: {} min later than without faults, {} at most",
                late.as_secs() / 60,
                bound.as_secs() / 60
            ));
        }
        let aims =
            !plan.setup.rules.is_empty() && !plan.setup.rules.iter().any(|rule| matches!(rule.when, When::Env(_)));
        if aims && outcome.struck == 0 {
            wrong.push("no fault of this plan struck".to_owned());
        }
        // O8: a look-up every 40 seconds over a window of 17 minutes, a few times, and every call once more. While
        // something is away for an hour, each object tries every 5 minutes at most.
        let lasting = plan.setup.rules.iter().filter(|rule| matches!(rule.when, When::Until(_))).count();
        let replaced: u64 = reference.made.iter().map(|(what, made)| replacements(what, *made)).sum();
        let budget = reference.points.len() * 3
            + 600 * plan.setup.replicas as usize
            + 600 * lasting
            + WAIT_OF_A_REPLACEMENT * usize::try_from(replaced).unwrap();
        if outcome.points.len() > budget {
            wrong.push(format!("O8: {} calls and writes, {budget} at most", outcome.points.len()));
        }
        wrong
    }
}

/// Calls while what was replaced waits to be deleted: some five in each of ten minutes, and once more for whoever died
/// in between, who counts them anew.
const WAIT_OF_A_REPLACEMENT: usize = 100;

/// How often a workflow was made after the first: in the place of another, or of one that its object took along.
fn replacements(what: &str, made: CreateOutput) -> u64 {
    if what.starts_with("workflow") { made.creates.saturating_sub(1) } else { 0 }
}

/// How much later than without faults the runs of a family may come to their end: twice what was measured, where
/// nothing is broken for longer than a moment. What waits longest is a create of which nobody knows whether it
/// happened: 17 minutes.
fn bound(id: &str) -> Option<Duration> {
    let minutes = match id.split('/').next()? {
        "watch" => 15,
        "kill" | "reply" | "lag" => 40,
        _ => return None,
    };
    Some(Duration::from_mins(minutes))
}

fn first_difference(a: &str, b: &str) -> String {
    let at = a.bytes().zip(b.bytes()).position(|(a, b)| a != b).unwrap_or(a.len().min(b.len()));
    let around = |text: &str| {
        let chars: Vec<char> = text.chars().collect();
        chars[at.saturating_sub(80).min(chars.len())..(at + 120).min(chars.len())].iter().collect::<String>()
    };
    format!("«{}» became «{}»", around(a), around(b))
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
