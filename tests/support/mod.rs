//! What the tests of several files start and wait for: a control plane, `transfer-sim`, the operator.
//!
//! Everything runs as a process of its own, on free ports of 127.0.0.1, and ends with the test process however that
//! ends. This module decides nothing about the product and asserts nothing about it.
#![allow(dead_code, unused_imports, reason = "each test binary uses a part")]

mod control_plane;
mod lent;
mod objects;
mod operator;
mod process;
mod sim;
mod wait;

pub use control_plane::ControlPlane;
pub use lent::Lent;
pub use objects::{changes, keys_half_known, managed, overreach, ready};
pub use operator::{NAMESPACE, Operator, SERVICE_ACCOUNT, aws_environment};
pub use process::Process;
pub use sim::Sim;
pub use wait::await_condition;

use std::path::{Path, PathBuf};
use std::process::Command;

/// A file of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// One of the outside tools (kubectl, helm, …): from the directory that `make` names, else built on the spot.
pub fn tool(name: &str) -> PathBuf {
    directory_from("KUBE_TOOLS", "tools/build-kube", &[name]).join(name)
}

/// The newest Helm 3, beside the Helm 4 of [`tool`].
pub fn helm3() -> PathBuf {
    directory_from("HELM3_TOOLS", "tools/build-helm3", &[]).join("helm")
}

/// What `make gitops` runs: `judge` or `flux`.
pub fn gitops(what: &str) -> PathBuf {
    directory_from(&format!("GITOPS_{}", what.to_uppercase()), "tools/build-gitops", &[what])
}

/// One of those that scan the rendered chart.
pub fn kube_score() -> PathBuf {
    directory_from("POLICY_TOOLS", "tools/build-policy", &[]).join("kube-score")
}

/// The other one.
pub fn checkov() -> PathBuf {
    directory_from("CHECKOV_ENV", "tools/python-env", &["tools/policy/requirements.txt"]).join("bin/checkov")
}

/// `prometheus` or `promtool`.
pub fn prometheus(name: &str) -> PathBuf {
    directory_from("PROMETHEUS_TOOLS", "tools/prometheus", &[]).join(name)
}

/// The Python environment with the AWS CLI and boto3.
pub fn python_env() -> PathBuf {
    directory_from("PYTHON_ENV", "tools/python-env", &[])
}

/// Where a tool lies: as this variable says, or as the script that builds it prints.
pub fn directory_from(variable: &str, script: &str, args: &[&str]) -> PathBuf {
    if let Some(directory) = std::env::var_os(variable) {
        return directory.into();
    }
    let output = Command::new(repository(script))
        .args(args)
        .stderr(std::process::Stdio::inherit())
        .output()
        .unwrap_or_else(|error| panic!("cannot run {script}: {error}"));
    assert!(output.status.success(), "{script} failed: {}", output.status);
    String::from_utf8(output.stdout).expect("a path in UTF-8").trim_end().into()
}
