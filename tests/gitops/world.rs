//! A control plane with everything that a cluster with GitOps has, AWS, and the operator at work.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{ControlPlane, Operator, Sim};

/// Where the objects are.
pub const NAMESPACE: &str = "sftp";

/// Everything runs until it is dropped.
pub struct World {
    pub plane: ControlPlane,
    _sim: Sim,
    operator: Operator,
}

impl World {
    /// The product installed, and the operator at work.
    pub async fn start() -> Self {
        let plane = ControlPlane::with_controller_manager().await;
        plane.install().await;
        let sim = Sim::start(&["--transition-time", "1s"]).await;
        let operator = Operator::start(&plane, &sim, &[]).await;
        plane.kubectl(&["create", "namespace", NAMESPACE]).await;
        Self { plane, _sim: sim, operator }
    }

    /// Waits until kubectl says that it is Ready.
    pub async fn ready(&self, what: &[&str]) {
        let wait = ["wait", "--for=condition=Ready", "--timeout=180s", "--namespace", NAMESPACE];
        let waited = self.plane.try_kubectl(&[&wait[..], what].concat()).await;
        assert!(waited.is_ok(), "{waited:?}\n{}", self.plane.kubectl(&["get", "transfer", "-A", "-o", "yaml"]).await);
    }

    /// What the operator has logged.
    pub fn log(&self) -> String {
        self.operator.log()
    }
}

/// JSON is YAML.
pub fn write(path: &Path, object: &Value) {
    std::fs::write(path, object.to_string()).unwrap();
}

fn ours(kind: &str, metadata: &Value, spec: &Value) -> Value {
    json!({"apiVersion": "transfer-operator.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec})
}

/// An identity that lets the namespace make servers and users.
pub fn identity(name: &str) -> Value {
    let grant = json!({
        "name": "sftp", "kinds": ["TransferServer", "TransferUser"],
        "namespaces": {"from": "Names", "names": [NAMESPACE]}, "roleArns": ["arn:aws:iam::123456789012:role/sftp/*"],
    });
    let spec = json!({
        "accountId": "123456789012", "regions": ["eu-central-1"], "credentials": {"source": "Operator"},
        "grants": [grant],
    });
    ours("AwsIdentity", &json!({"name": name}), &spec)
}

/// A server with this in its spec.
pub fn server(name: &str, more: &Value) -> Value {
    let mut spec = json!({"region": "eu-central-1"});
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    ours("TransferServer", &json!({"name": name, "namespace": NAMESPACE}), &spec)
}

/// A user of the server `files`.
pub fn user(name: &str, more: &Value) -> Value {
    let mut spec = json!({"serverRef": {"name": "files"}, "role": "arn:aws:iam::123456789012:role/sftp/writers"});
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    ours("TransferUser", &json!({"name": name, "namespace": NAMESPACE}), &spec)
}
