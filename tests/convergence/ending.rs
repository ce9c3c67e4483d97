//! The end of the delivered operator after SIGTERM, in virtual time: what is under way comes to its end, nothing new
//! begins, and nobody waits longer than a kubelet does.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::channel::oneshot;
use serde_json::json;
use tokio::time::Instant;

use crate::operator;
use crate::setup::{Blow, Moment, Rule, Setup, Side, Streams, When};
use crate::stage::{Stage, key};
use crate::workflows::server;
use crate::world::Life;

/// A kubelet kills after 30 seconds unless told otherwise; five are left for the release of the lease.
pub const BOUND: Duration = Duration::from_secs(25);

/// How it ended.
pub struct End {
    /// From the signal to the end.
    pub took: Duration,
    /// Status has the id of the server.
    pub recorded: bool,
    /// Servers in AWS.
    pub servers: usize,
    /// Calls of AWS after the end.
    pub calls_after: usize,
}

/// The signal comes when CreateServer has taken effect, its answer takes so many seconds, and so does the write of the
/// id that follows.
pub fn while_creating(answer: u64, write: u64) -> End {
    let late =
        |operation, when, seconds| Rule::on(operation, when, Moment::Sent, Blow::Delay(Duration::from_secs(seconds)));
    let mut rules = Vec::new();
    if answer > 0 {
        rules.push(late("CreateServer", When::Times { skip: 0, count: 1 }, answer));
    }
    if write > 0 {
        // The write that keeps the id, whatever was written before the create.
        let when = When::Since { first: "CreateServer", skip: 0, count: 1, span: Duration::from_mins(1) };
        rules.push(late("status", when, write));
    }
    end(rules, |stage| stage.world.points().iter().any(|point| point.operation == "CreateServer"))
}

/// The signal comes when there is nothing to do.
pub fn at_rest() -> End {
    end(Vec::new(), |stage| stage.get(&key("TransferServer", "files")).is_some_and(|object| ready(&object)))
}

fn ready(object: &serde_json::Value) -> bool {
    crate::lint::find(object, "Ready").is_some_and(|ready| ready["status"] == "True")
}

fn end(rules: Vec<Rule>, due: impl Fn(&Stage) -> bool) -> End {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        // Nobody else restarts it, or looks after what it leaves.
        let setup = Setup { replicas: 0, real: Some(Streams::default()), ..Setup::new(1) }.with(rules);
        let stage = Stage::open(setup);
        stage.apply(&server("files", &json!({})));
        let (signal, stop) = oneshot::channel::<()>();
        let (world, life) = (Arc::clone(&stage.world), Life::new(0, jiff::SignedDuration::ZERO));
        let stop = stop.map(|_| ()).boxed().shared();
        let running = tokio::spawn(async move { operator::operate(&world, &life, stop).await });
        while !due(&stage) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let at = Instant::now();
        signal.send(()).unwrap();
        running.await.unwrap().unwrap();
        let took = at.elapsed();
        let calls = calls_of_aws(&stage);
        let recorded = stage.get(&key("TransferServer", "files")).is_some_and(|object| {
            object["status"]["serverId"] == stage.server_id("files") && object["status"]["create"]["phase"] == "None"
        });
        tokio::time::sleep(Duration::from_mins(5)).await;
        let servers = usize::from(!stage.server_id("files").is_empty());
        End { took, recorded, servers, calls_after: calls_of_aws(&stage) - calls }
    })
}

fn calls_of_aws(stage: &Stage) -> usize {
    stage.world.points().iter().filter(|point| point.side == Side::Aws).count()
}
