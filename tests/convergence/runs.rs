//! Running a workflow under a setup, each run in a runtime of its own with a clock of its own.

use tokio::runtime::Builder;

use crate::stage::{Outcome, Stage};
use crate::workflows::Workflow;
use crate::world::Setup;

/// One run, from an empty cluster to an empty cluster.
pub fn run(workflow: Workflow, setup: Setup) -> Outcome {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let stage = Stage::open(setup);
        (workflow.run)(&stage).await;
        stage.outcome()
    })
}
