//! A running operator, with the identity and the rights that the chart gives it.

use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use super::process::Process;
use super::{ControlPlane, Sim, await_condition};

/// Namespace and ServiceAccount of the chart as `deploy/install.yaml` has it.
pub const NAMESPACE: &str = "transfer-operator-system";
/// See [`NAMESPACE`].
pub const SERVICE_ACCOUNT: &str = "transfer-operator";

/// What leads a program to the simulated AWS, and keeps out the developer's own configuration.
pub fn aws_environment(sim: &Sim) -> [(&'static str, &str); 7] {
    [
        ("AWS_ENDPOINT_URL", sim.endpoint()),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
    ]
}

/// The operator as a process. Dropping it kills it.
pub struct Operator {
    process: Process,
}

impl Operator {
    /// Starts `transfer-operator run` with further arguments. The product must be installed in the control plane.
    pub async fn start(plane: &ControlPlane, sim: &Sim, args: &[&str]) -> Self {
        Self::of(Path::new(env!("CARGO_BIN_EXE_transfer-operator")), plane, sim, args).await
    }

    /// The same of another build of it.
    pub async fn of(program: &Path, plane: &ControlPlane, sim: &Sim, args: &[&str]) -> Self {
        let kubeconfig = plane.kubeconfig_for(NAMESPACE, SERVICE_ACCOUNT).await;
        let process = Process::guarded("transfer-operator", program, |command| {
            command
                .args(["run", "--health-addr", "127.0.0.1:0"])
                .args(args)
                .env("KUBECONFIG", kubeconfig)
                // One alone has nobody to wait for; a test of the lease says `--lease=true`.
                .env("TRANSFER_OPERATOR_LEASE", "false")
                .env("TRANSFER_OPERATOR_LEASE_NAMESPACE", NAMESPACE)
                .envs(aws_environment(sim))
                .env_remove("AWS_PROFILE")
                .env_remove("AWS_SESSION_TOKEN");
        });
        Self { process }
    }

    /// Kills it as a lost node would: no signal handler runs.
    pub fn kill9(mut self) {
        self.process.kill();
    }

    /// Sends a signal (`STOP`, `CONT`).
    pub fn signal(&mut self, name: &str) {
        self.process.signal(name);
    }

    /// Asks it to end, as the kubelet does, and waits until it has.
    pub async fn terminate(mut self) -> ExitStatus {
        self.process.signal("TERM");
        await_condition("the end of the operator", Duration::from_mins(1), async || {
            self.process.ended().ok_or("it is still running")
        })
        .await
    }

    /// The exit status, if it has ended by itself.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.ended()
    }

    /// Where it answers probes and scrapes, as its log tells.
    pub fn health_address(&self) -> String {
        self.address_after("serving probes").expect("the address was logged")
    }

    /// The address in the log line that says this, once it is there.
    pub fn address_after(&self, said: &str) -> Option<String> {
        let log = self.log();
        let line = log.lines().find(|line| line.contains(said))?;
        let port = line.split("127.0.0.1:").nth(1)?;
        Some(format!("127.0.0.1:{}", port.chars().take_while(char::is_ascii_digit).collect::<String>()))
    }

    /// Everything that it has logged.
    pub fn log(&self) -> String {
        self.process.output()
    }
}
