//! The chart of a former release before this one and after it, with objects in the cluster and in AWS. `former-crds` are
//! the CRDs of 26 November 2026, without their descriptions: an API server keeps of an object what they know.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::helm::{Helm, NAMESPACE, RELEASE, chart};
use crate::support::{ControlPlane, Operator, Sim, await_condition, repository};

/// For a failure only.
const PATIENCE: Duration = Duration::from_mins(2);
const OBJECTS: [&str; 3] = ["awsidentity/default", "transferserver/files", "transferuser/alice"];
/// By what the former release knew.
const MANIFESTS: &str = r#"
apiVersion: transfer-operator.dev/v1alpha1
kind: AwsIdentity
metadata: {name: default}
spec:
  accountId: "123456789012"
  regions: [eu-central-1]
  credentials: {source: Operator}
  grants:
  - name: sftp
    kinds: [TransferServer, TransferUser]
    namespaces: {from: All}
    roleArns: ["arn:aws:iam::123456789012:role/sftp/*"]
---
apiVersion: transfer-operator.dev/v1alpha1
kind: TransferServer
metadata: {name: files, namespace: default}
spec: {region: eu-central-1, tags: {team: sftp}}
---
apiVersion: transfer-operator.dev/v1alpha1
kind: TransferUser
metadata: {name: alice, namespace: default}
spec:
  serverRef: {name: files}
  role: arn:aws:iam::123456789012:role/sftp/alice
  sshPublicKeys:
  - publicKey: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG1ZVsPfc8dimrEDFSPL5kbHYbCwf7tCp8+DeQAMuRr5 alice@laptop
"#;

/// This chart as the former release had it: its version and its CRDs.
fn former(folder: &Path) -> String {
    let copied = std::process::Command::new("cp").arg("-R").arg(chart()).arg(folder).status().unwrap();
    assert!(copied.success());
    let former = folder.join("transfer-operator");
    let about = std::fs::read_to_string(former.join("Chart.yaml")).unwrap();
    let older = about.replace(&format!("version: {}", env!("CARGO_PKG_VERSION")), "version: 0.0.1");
    assert_ne!(older, about);
    std::fs::write(former.join("Chart.yaml"), older).unwrap();
    for file in std::fs::read_dir(repository("tests/fixtures/former-crds")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), former.join("files/crds").join(file.file_name())).unwrap();
    }
    former.to_str().unwrap().to_owned()
}

/// Every mutation that reached AWS.
pub async fn mutations(sim: &Sim) -> Vec<Value> {
    let calls = sim.calls().await;
    calls["calls"].as_array().unwrap().iter().filter(|call| call["mutated"] == true).cloned().collect()
}

/// Spec and status of every object, without the conditions, which have times of their own.
async fn stored(plane: &ControlPlane) -> Vec<Value> {
    let mut all = Vec::new();
    for object in OBJECTS {
        let json = plane.kubectl(&["get", object, "--output=json"]).await;
        let mut object: Value = serde_json::from_str(&json).unwrap();
        if let Some(status) = object["status"].as_object_mut() {
            status.remove("conditions");
        }
        all.push(json!({"spec": object["spec"], "status": object["status"]}));
    }
    all
}

/// The leaves of a value by their paths.
fn leaves(value: &Value, at: &str, all: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            map.iter().for_each(|(key, below)| leaves(below, &format!("{at}.{key}"), all));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, below)| leaves(below, &format!("{at}[{i}]"), all));
        }
        leaf => {
            all.insert(format!("{at}={leaf}"));
        }
    }
}

pub fn leaves_of(values: &[Value]) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    leaves(&json!(values), "", &mut all);
    all
}

/// Writes to every object, which keeps of it in etcd what the CRDs of now know.
async fn label(plane: &ControlPlane, label: &str) {
    for object in OBJECTS {
        await_condition("the label", PATIENCE, async || plane.try_kubectl(&["label", object, label]).await).await;
    }
}

/// Whether the CRDs of the cluster are the former ones, once the API server serves them.
pub async fn serves(plane: &ControlPlane, former: bool) {
    await_condition("the schema", PATIENCE, async || {
        let explained = plane.try_kubectl(&["explain", "transferserver.spec.knownHostsConfigMap"]).await;
        if explained.is_err() == former { Ok(()) } else { Err(format!("{explained:?}")) }
    })
    .await;
}

async fn all_ready(plane: &ControlPlane) {
    let wait = ["wait", "--for=condition=Ready", "--timeout=90s"];
    plane.kubectl(&[&wait[..], &OBJECTS].concat()).await;
}

#[tokio::test]
async fn newer_and_older_crds_take_nothing_that_both_know_and_call_no_aws() {
    let plane = ControlPlane::start().await;
    let sim = Sim::start(&["--transition-time", "0s"]).await;
    let (helm, folder) = (Helm::of(&plane), tempfile::tempdir().unwrap());
    helm.run(&["install", RELEASE, &former(folder.path()), "--create-namespace"]).await;
    serves(&plane, true).await;
    apply(&plane, MANIFESTS).await;
    let written = leaves_of(&stored(&plane).await);

    helm.with("upgrade", "", &[]).await;
    serves(&plane, false).await;
    let specs = |all: &BTreeSet<String>| -> BTreeSet<String> {
        all.iter().filter(|leaf| leaf.contains("].spec.")).cloned().collect()
    };
    let now = leaves_of(&stored(&plane).await);
    assert!(specs(&now).is_superset(&specs(&written)), "{written:#?}\n{now:#?}");
    let _operator = Operator::start(&plane, &sim, &["--resync-interval=3s"]).await;
    all_ready(&plane).await;
    let made = await_condition("rest", PATIENCE, async || {
        let before = stored(&plane).await;
        tokio::time::sleep(Duration::from_secs(4)).await;
        if stored(&plane).await == before { Ok(before) } else { Err("still writing") }
    })
    .await;
    let calls = mutations(&sim).await;
    assert_eq!(calls.len(), 2, "a server and a user: {calls:#?}");

    helm.run(&["rollback", RELEASE, "1"]).await;
    serves(&plane, true).await;
    label(&plane, "crds=older").await;
    // Several resyncs of an operator that knows more than the API server keeps.
    tokio::time::sleep(Duration::from_secs(10)).await;
    let (older, all) = (leaves_of(&stored(&plane).await), leaves_of(&made));
    assert_ne!(older, all, "the older CRDs know less");
    assert!(older.is_subset(&all), "{:#?}", older.difference(&all));
    let lost: Vec<&String> = all.difference(&older).filter(|leaf| leaf.contains("Id=")).collect();
    assert!(lost.is_empty(), "what leads to things in AWS both know: {lost:#?}");

    helm.with("upgrade", "", &[]).await;
    serves(&plane, false).await;
    label(&plane, "upgraded=again").await;
    await_condition("what it was", PATIENCE, async || {
        let now = leaves_of(&stored(&plane).await);
        if now == all { Ok(()) } else { Err(format!("{:#?}", now.symmetric_difference(&all))) }
    })
    .await;
    all_ready(&plane).await;
    assert_eq!(mutations(&sim).await, calls, "nothing was called in AWS");
    let kept = plane.kubectl(&["get", "deployment", "--namespace", NAMESPACE, "--output=name"]).await;
    assert!(kept.contains("transfer-operator"), "{kept}");
}

/// Applies manifests, once the API server knows their kinds.
pub async fn apply(plane: &ControlPlane, objects: &str) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, objects).unwrap();
    let file = file.path().to_str().unwrap();
    await_condition("the objects to be accepted", PATIENCE, async || {
        plane.try_kubectl(&["apply", "--filename", file]).await
    })
    .await;
}
