//! One AWS object per Kubernetes object, whatever happens: the real engines in a simulated world with virtual time, in
//! which every call can crash, stall, lose its answer or lie. Oracles watch every run, whatever it is about.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod api_server;
mod clock;
mod defects;
mod doors;
mod lint;
mod oracle;
mod process;
mod runs;
mod satisfy;
mod stage;
mod wire;
mod workflows;
mod world;

use runs::run;
use world::Setup;

#[test]
fn every_workflow_without_faults_ends_as_it_should() {
    for workflow in workflows::ALL {
        let outcome = run(*workflow, Setup::new(1));
        for line in &outcome.lines {
            println!("{line}");
        }
        println!("{}: {} calls", workflow.name, outcome.points.len());
        assert_eq!(outcome.violations, Vec::<String>::new(), "{}", workflow.name);
    }
}
