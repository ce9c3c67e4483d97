//! A control plane with everything that a cluster with GitOps has, AWS, and the operator at work.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{ControlPlane, Operator, Sim, await_condition};

/// Where the objects are.
pub const NAMESPACE: &str = "sftp";

/// Everything runs until it is dropped.
pub struct World {
    pub plane: ControlPlane,
    sim: Sim,
    operator: Operator,
}

impl World {
    /// AWS takes a while for a server, so that who does not wait is seen.
    pub async fn start() -> Self {
        let plane = ControlPlane::with_controller_manager().await;
        plane.install().await;
        let sim = Sim::start(&["--transition-time", "8s"]).await;
        // What was made just now is gone at once when it is deleted.
        let operator = Operator::start(&plane, &sim, &["--signature-tolerance=1s", "--listing-lag=1s"]).await;
        plane.kubectl(&["create", "namespace", NAMESPACE]).await;
        Self { plane, sim, operator }
    }

    /// An object as it is, if it is there.
    pub async fn get(&self, kind: &str, name: &str) -> Option<Value> {
        let read = ["get", kind, name, "--namespace", NAMESPACE, "--output=json", "--ignore-not-found"];
        let text = self.plane.kubectl(&read).await;
        (!text.is_empty()).then(|| serde_json::from_str(&text).unwrap())
    }

    /// Waits until kubectl says that it is Ready.
    pub async fn ready(&self, what: &[&str]) {
        let wait = ["wait", "--for=condition=Ready", "--timeout=180s", "--namespace", NAMESPACE];
        let waited = self.plane.try_kubectl(&[&wait[..], what].concat()).await;
        assert!(waited.is_ok(), "{waited:?}\n{}", self.plane.kubectl(&["get", "transfer", "-A", "-o", "yaml"]).await);
    }

    /// Waits until nothing of this name is there.
    pub async fn gone(&self, kind: &str, name: &str) {
        let what = format!("the end of {kind} {name}");
        await_condition(&what, Duration::from_mins(3), async || match self.get(kind, name).await {
            None => Ok(()),
            Some(object) => Err(object["status"]["conditions"].to_string()),
        })
        .await;
    }

    /// What is wanted of every object, and when Flux wrote something of it last: no status.
    pub async fn applied(&self) -> Vec<Value> {
        let kinds = "awsidentities,transferservers,transferusers";
        let get = ["get", kinds, "--namespace", NAMESPACE, "--output=json", "--show-managed-fields"];
        let mut list: Value = serde_json::from_str(&self.plane.kubectl(&get).await).unwrap();
        for object in list["items"].as_array_mut().unwrap() {
            object.as_object_mut().unwrap().remove("status");
            let meta = object["metadata"].as_object_mut().unwrap();
            meta.remove("resourceVersion");
            let writers = meta["managedFields"].as_array_mut().unwrap();
            writers.retain(|writer| writer["manager"] == "kustomize-controller");
            assert_eq!(writers.len(), 1, "{object:#}");
        }
        serde_json::from_value(list["items"].take()).unwrap()
    }

    /// How many calls changed something in AWS.
    pub async fn mutations(&self) -> usize {
        self.mutated(|_| true).await.len()
    }

    /// The same, of one operation.
    pub async fn mutations_of(&self, operation: &str) -> usize {
        self.mutated(|call| call["operation"] == operation).await.len()
    }

    /// The names of all users in AWS.
    pub async fn logins(&self) -> Vec<String> {
        let mut names = BTreeSet::new();
        for call in self.mutated(|call| ["CreateUser", "DeleteUser"].iter().any(|of| call["operation"] == *of)).await {
            let name = call["user_name"].as_str().unwrap().to_owned();
            if call["operation"] == "CreateUser" {
                names.insert(name)
            } else {
                names.remove(&name)
            };
        }
        names.into_iter().collect()
    }

    async fn mutated(&self, which: impl Fn(&Value) -> bool) -> Vec<Value> {
        let Value::Array(mut calls) = self.sim.calls().await["calls"].take() else { panic!("no log of calls") };
        calls.retain(|call| call["mutated"] == true && which(call));
        calls
    }

    /// What the operator has logged.
    pub fn log(&self) -> String {
        self.operator.log()
    }
}

/// The condition of this type.
pub fn condition<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    object["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == name)
}

/// When that condition came to be what it is.
pub fn since(object: &Value, name: &str) -> jiff::Timestamp {
    condition(object, name).unwrap()["lastTransitionTime"].as_str().unwrap().parse().unwrap()
}

/// Writes objects into a new folder, a file for each.
pub fn folder(objects: &[&Value]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (number, object) in objects.iter().enumerate() {
        write(&folder.path().join(format!("{number}.yaml")), object);
    }
    folder
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
        "grants": [grant], "deletionProtection": false,
    });
    ours("AwsIdentity", &json!({"name": name}), &spec)
}

/// A server, with the protection that all have unless told otherwise.
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
