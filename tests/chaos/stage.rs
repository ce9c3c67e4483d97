//! The processes: a control plane, the simulated AWS with its state on disk, two operators; and the API server's paths.

use std::path::PathBuf;
use std::time::Duration;

use kube::Client;
use rand::Rng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::log::Log;
use crate::support::{ControlPlane, NAMESPACE, Operator, SERVICE_ACCOUNT, Sim, await_condition};

/// Waits are bounded by this; nothing takes nearly as long.
pub const PATIENCE: Duration = Duration::from_mins(4);

/// Where the fleet lives.
pub const FLEET: &str = "chaos";

/// What every operator of the run is started with. The windows are scaled on both sides.
const OPERATOR: [&str; 16] = [
    "--cluster-id",
    FLEET,
    "--signature-tolerance",
    "4s",
    "--listing-lag",
    "1s",
    "--resync-interval",
    "5s",
    "--aws-read-rate",
    "200",
    "--aws-write-rate",
    "100",
    "--aws-create-server-rate",
    "10",
    // Here nobody asks whether that many may go: most of the fleet is deleted and comes back all the time.
    "--hold-deletions-percent",
    "0",
];

/// With a lease, one works and the other stands by; without, which is the default, both work at once. Nothing may rest on
/// it, so both ways are run.
const LEASE: [&str; 4] =
    ["--lease=true", "--lease-duration=5s", "--lease-renew-deadline=4s", "--lease-retry-period=500ms"];

/// Longer than a late call can still arrive and show up, and than the lease lasts.
pub const FROZEN: Duration = Duration::from_secs(7);

pub struct Stage {
    pub plane: ControlPlane,
    pub sim: Sim,
    pub log: Log,
    /// `None` where it was killed and not started again yet.
    operators: [Option<Operator>; 2],
    frozen: [bool; 2],
    lease: bool,
    /// How often an operator ended because its lease was lost.
    pub lost: usize,
    admin: Client,
    _state: tempfile::TempDir,
}

impl Stage {
    pub async fn set(lease: bool) -> Self {
        let plane = ControlPlane::start().await;
        plane.install().await;
        let folder = tempfile::tempdir().unwrap();
        let file: PathBuf = folder.path().join("state.json");
        let file = file.to_str().unwrap();
        let times = ["--signature-tolerance", "4s", "--listing-lag", "1s", "--transition-time", "1s"];
        let sim = Sim::start(&[&times[..], &["--state-file", file]].concat()).await;
        let admin = plane.admin().await;
        let mut stage = Self {
            plane,
            sim,
            log: Log::default(),
            operators: [None, None],
            frozen: [false; 2],
            lease,
            lost: 0,
            admin,
            _state: folder,
        };
        stage.start_missing().await;
        stage
    }

    /// Starts the operators that were killed, or ended because they lost the lease.
    pub async fn start_missing(&mut self) {
        self.bury();
        let lease = if self.lease { &LEASE[..] } else { &[] };
        for operator in &mut self.operators {
            if operator.is_none() {
                *operator = Some(Operator::start(&self.plane, &self.sim, &[&OPERATOR, lease].concat()).await);
            }
        }
    }

    /// Whoever loses the lease ends; there is no other reason to.
    fn bury(&mut self) {
        for (operator, frozen) in self.operators.iter_mut().zip(&mut self.frozen) {
            let Some(running) = operator else { continue };
            if running.ended().is_none() {
                continue;
            }
            let log = running.log();
            assert!(self.lease && log.contains("the lease is lost"), "an operator ended by itself: {log}");
            (*operator, *frozen) = (None, false);
            self.lost += 1;
        }
    }

    /// This operator, or the other one where this one was killed.
    pub fn running(&mut self, which: usize) -> usize {
        self.bury();
        if self.operators[which].is_some() { which } else { 1 - which }
    }

    /// Kills an operator; it comes back at the end of the round.
    pub fn kill(&mut self, which: usize) {
        if let Some(operator) = self.operators[which].take() {
            operator.kill9();
        }
        self.frozen[which] = false;
    }

    /// Stops an operator where it stands; it wakes at the end of the round.
    pub fn freeze(&mut self, which: usize) {
        if let Some(operator) = &mut self.operators[which] {
            operator.signal("STOP");
            self.frozen[which] = true;
        }
    }

    fn wake(&mut self) {
        for (operator, frozen) in self.operators.iter_mut().zip(&mut self.frozen) {
            if let Some(operator) = operator.as_mut().filter(|_| *frozen) {
                operator.signal("CONT");
            }
            *frozen = false;
        }
    }

    /// Lets time pass, the longer where somebody is frozen, then brings everybody back.
    pub async fn pause(&mut self, random: &mut StdRng) {
        let shortest = if self.frozen.contains(&true) { FROZEN } else { Duration::from_secs(1) };
        tokio::time::sleep(shortest + Duration::from_millis(random.random_range(0..2000))).await;
        self.wake();
        self.start_missing().await;
        self.drain().await;
    }

    /// Ends all trouble.
    pub async fn calm(&mut self) {
        self.wake();
        self.start_missing().await;
        self.sim.delete("/_sim/faults").await;
    }

    /// Takes the simulator's log over.
    pub async fn drain(&mut self) {
        self.log.drain(&self.sim).await;
    }

    /// Kills the simulator and starts it on the state that it left. Calls are refused before, so that the log that dies
    /// with the process is complete.
    pub async fn restart_sim(&mut self) {
        self.fault(&json!({"for": "1m", "fault": {"kind": "refuse"}})).await;
        self.drain().await;
        self.sim.restart().await;
        self.log.restarted();
    }

    pub async fn fault(&self, rule: &Value) {
        self.sim.control("/_sim/faults", rule).await;
    }

    /// Waits until so many faults have struck.
    pub async fn struck(&self, count: usize) {
        await_condition("the calls that go wrong", PATIENCE, async || {
            let faults = self.sim.get("/_sim/faults").await;
            let struck = faults["faults"].as_array().unwrap().iter().filter(|fault| fault["struck"] != 0).count();
            if struck >= count { Ok(()) } else { Err(faults) }
        })
        .await;
    }

    /// What the account holds, servers by id.
    pub async fn servers(&self) -> serde_json::Map<String, Value> {
        let state = self.sim.get("/_sim/state").await;
        let servers = &state["accounts"]["123456789012"]["eu-central-1"]["servers"];
        servers.as_object().cloned().unwrap_or_default()
    }

    /// What somebody else does in AWS, if AWS lets him.
    pub async fn out_of_band(&self, operation: &str, input: &Value) -> Result<Value, String> {
        let region = "eu-central-1";
        let change = json!({"region": region, "operation": operation, "input": input});
        self.sim.try_control("/_sim/change", &change).await
    }

    /// Sends a request to the API server until it is there to answer; what it refuses is a failure, but not found.
    pub async fn ask(&self, method: http::Method, path: &str, body: &Value) -> Option<Value> {
        let kind = if method == http::Method::PATCH { "application/apply-patch+yaml" } else { "application/json" };
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        await_condition(&format!("an answer to {method} {path}"), PATIENCE, async || {
            let request = http::Request::builder().method(&method).uri(path).header("content-type", kind);
            match self.admin.request::<Value>(request.body(body.clone()).unwrap()).await {
                Ok(answer) => Ok(Some(answer)),
                Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
                Err(kube::Error::Api(status)) if matches!(status.code, 400 | 422) => {
                    panic!("{method} {path}: {status:?}")
                }
                Err(error) => Err(error),
            }
        })
        .await
    }

    /// What the operators wrote to the API server; a lease is renewed also at rest.
    pub fn writes(&self) -> Vec<String> {
        let requests = self.plane.requests_of(NAMESPACE, SERVICE_ACCOUNT);
        let reads = ["get", "list", "watch"].map(Value::from);
        let counts = |event: &&Value| !reads.contains(&event["verb"]) && event["objectRef"]["resource"] != "leases";
        requests.iter().filter(counts).map(told).collect()
    }
}

/// A request in one line.
fn told(event: &Value) -> String {
    let of = ["requestReceivedTimestamp", "verb", "requestURI"];
    of.map(|member| event[member].to_string()).join(" ")
}
