//! One AWS object per Kubernetes object, whatever happens: the real engines in a simulated world with virtual time, in
//! which every call can crash, stall, lose its answer or lie. Oracles watch every run, whatever it is about.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod api_server;
mod clock;
mod defects;
mod doors;
mod kube_api;
mod kube_watch;
mod lint;
mod operator;
mod oracle;
mod plans;
mod process;
mod runs;
mod satisfy;
mod stage;
mod wire;
mod workflows;
mod world;

use plans::{FAMILIES, Scale};
use runs::{References, run, run_all};
use world::Setup;

/// Every family in turn, so that their lines stand together; the processors are shared within a family.
#[test]
fn no_plan_of_any_family_breaks_an_oracle() {
    let references = References::new();
    let only = std::env::var("FAMILY").ok();
    let mut failures = Vec::new();
    let mut plans = 0;
    for family in FAMILIES.iter().filter(|family| only.as_deref().is_none_or(|only| only == family.name)) {
        let of = (family.plans)(&references, Scale::asked());
        let report = run_all(family.name, &of, &references);
        assert!(report.struck > 0 || report.plans == 0, "{}: no fault of {} plans struck", report.family, report.plans);
        plans += report.plans;
        failures.extend(report.failures);
    }
    println!("{plans} plans");
    let shown: Vec<&str> = failures.iter().take(20).map(String::as_str).collect();
    assert!(failures.is_empty(), "{} plans failed:\n{}", failures.len(), shown.join("\n"));
}

/// `PLAN='family/workflow/…' make replay` runs one plan again and prints every call.
#[test]
#[ignore = "only with PLAN: runs one plan again"]
fn replay() {
    let id = std::env::var("PLAN").expect("PLAN names the plan to run again");
    let references = References::new();
    let family = FAMILIES.iter().find(|family| id.starts_with(&format!("{}/", family.name))).expect("no such family");
    let scales = [Scale::Test, Scale::Soak].into_iter();
    let plan = scales.flat_map(|scale| (family.plans)(&references, scale)).find(|plan| plan.id == id).expect("no such plan");
    let outcome = run(plan.workflow, plan.setup.clone());
    for line in &outcome.lines {
        println!("{line}");
    }
    assert_eq!(references.judge(&plan, &outcome), Vec::<String>::new());
}

#[test]
fn a_hundred_seeds_run_twice_leave_the_same_trace() {
    for seed in 0..100 {
        let workflow = workflows::ALL[usize::try_from(seed).unwrap() % workflows::ALL.len()];
        let setup = Setup { rest: 1, ..Setup::new(seed) };
        let (first, second) = (run(workflow, setup.clone()), run(workflow, setup));
        assert_eq!(first.trace, second.trace, "{} seed {seed}", workflow.name);
        assert_eq!(first.violations, Vec::<String>::new(), "{} seed {seed}", workflow.name);
    }
}
