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

/// The operator as a process. Dropping it kills it.
pub struct Operator {
    process: Process,
}

impl Operator {
    /// Starts `transfer-operator run` with further arguments. The product must be installed in the control plane.
    pub async fn start(plane: &ControlPlane, sim: &Sim, args: &[&str]) -> Self {
        let kubeconfig = plane.kubeconfig_for(NAMESPACE, SERVICE_ACCOUNT).await;
        let program = Path::new(env!("CARGO_BIN_EXE_transfer-operator"));
        let process = Process::guarded("transfer-operator", program, |command| {
            command
                .args(["run", "--health-addr", "127.0.0.1:0"])
                .args(args)
                .env("KUBECONFIG", kubeconfig)
                // One alone has nobody to wait for; a test of the lease says `--lease=true`.
                .env("TRANSFER_OPERATOR_LEASE", "false")
                .env("TRANSFER_OPERATOR_LEASE_NAMESPACE", NAMESPACE)
                .env("AWS_ENDPOINT_URL", sim.endpoint())
                .env("AWS_ACCESS_KEY_ID", "test")
                .env("AWS_SECRET_ACCESS_KEY", "test")
                .env("AWS_REGION", "eu-central-1")
                .env("AWS_EC2_METADATA_DISABLED", "true")
                // Nothing of the developer's own AWS configuration may leak in.
                .env("AWS_CONFIG_FILE", "/dev/null")
                .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
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

    /// Everything that it has logged.
    pub fn log(&self) -> String {
        self.process.output()
    }
}
