//! `--wait` of both Helms with servers in a chart of somebody's own, and an operator at work. `make test-helm3`.

use std::path::Path;
use std::time::Duration;

use crate::helm::Helm;
use crate::support::{ControlPlane, Operator, Sim, await_condition};

const IDENTITY: &str = r#"
identities:
- name: default
  spec:
    accountId: "123456789012"
    regions: [eu-central-1]
    credentials: {source: Operator}
    grants: [{name: all, kinds: [TransferServer, TransferUser], namespaces: {from: All}, roleArns: ["arn:aws:iam::123456789012:role/sftp/*"]}]
"#;
const OBJECTS: &str = r"
apiVersion: transfer-operator.dev/v1alpha1
kind: TransferServer
metadata: {name: files, namespace: default}
spec:
  region: eu-central-1
  lifecycle: {deletionProtection: false}
---
{{- if .Values.role }}
apiVersion: transfer-operator.dev/v1alpha1
kind: TransferUser
metadata: {name: alice, namespace: default}
spec:
  serverRef: {name: files}
  role: {{ .Values.role }}
{{- end }}
";

const BOB: &str = r#"{"apiVersion": "transfer-operator.dev/v1alpha1", "kind": "TransferUser",
  "metadata": {"name": "bob", "namespace": "default"},
  "spec": {"serverRef": {"name": "files"}, "role": "arn:aws:iam::123456789012:role/sftp/bob"}}"#;

fn partners(folder: &Path) -> &str {
    std::fs::create_dir(folder.join("templates")).unwrap();
    std::fs::write(folder.join("Chart.yaml"), "{apiVersion: v2, name: partners, version: 1.0.0}").unwrap();
    std::fs::write(folder.join("values.yaml"), "role: ''").unwrap();
    std::fs::write(folder.join("templates/objects.yaml"), OBJECTS).unwrap();
    folder.to_str().unwrap()
}

#[tokio::test]
#[ignore = "builds Helm 3: make test-helm3"]
async fn only_helm_4_waits_for_ready_and_both_for_the_end_of_a_server() {
    let plane = ControlPlane::start().await;
    let sim = Sim::start(&["--transition-time", "10s"]).await;
    let (three, four) = (Helm::three(&plane), Helm::of(&plane));
    four.install("").await;
    plane.kubectl(&["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"]).await;
    four.with("upgrade", IDENTITY, &[]).await;
    // What was made just now is gone at once when it is deleted.
    let at_once = ["--signature-tolerance=1s", "--listing-lag=1s"];
    let _operator = Operator::start(&plane, &sim, &at_once).await;
    let folder = tempfile::tempdir().unwrap();
    let chart = partners(folder.path());

    let server = |args: &'static [&str]| {
        let plane = &plane;
        async move { plane.try_kubectl(&[&["get", "transferserver", "files"], args].concat()).await }
    };
    for (helm, waits) in [(&three, false), (&four, true)] {
        helm.run(&["install", "partners", chart, "--wait", "--timeout=120s"]).await;
        assert_eq!(ready(&plane).await == "True", waits, "Helm 3 knows nothing of our kinds");
        plane.kubectl(&["wait", "transferserver/files", "--for=condition=Ready", "--timeout=120s"]).await;

        // Stalled: Helm 4 ends at once, with what the operator says.
        let bad = "role=arn:aws:iam::123456789012:role/other";
        let upgraded = helm.try_run(&["upgrade", "partners", chart, "--set", bad, "--wait", "--timeout=90s"]).await;
        let told = upgraded.as_ref().is_err_and(|error| error.contains("no grant of AwsIdentity default"));
        assert_eq!((upgraded.is_err(), told), (waits, waits), "{upgraded:?}");
        helm.run(&["upgrade", "partners", chart, "--set", "role="]).await;

        // A deletion that takes as long as somebody else's user is on the server.
        apply(&plane, BOB).await;
        plane.kubectl(&["wait", "transferuser/bob", "--for=condition=Ready", "--timeout=60s"]).await;
        let uninstalled = helm.try_run(&["uninstall", "partners", "--wait", "--timeout=5s"]).await;
        let message = uninstalled.unwrap_err();
        assert!(message.contains("context deadline exceeded"), "{message}");
        assert_eq!(message.contains("TransferServer/default/files still exists"), waits, "{message}");
        let going = server(&["--output=jsonpath={.metadata.deletionTimestamp}"]).await.unwrap();
        assert_ne!(going, "");
        // An installation meanwhile says that it is deployed, and then its object goes.
        helm.run(&["install", "partners", chart]).await;
        plane.kubectl(&["delete", "transferuser", "bob", "--timeout=60s"]).await;
        await_condition("the end", Duration::from_mins(2), async || server(&[]).await.err().ok_or("still there")).await;
        assert!(helm.run(&["list", "--short"]).await.contains("partners"), "Helm does not know that it is gone");
        helm.run(&["upgrade", "partners", chart]).await;
        plane.kubectl(&["wait", "transferserver/files", "--for=condition=Ready", "--timeout=120s"]).await;
        helm.run(&["uninstall", "partners", "--wait", "--timeout=120s"]).await;
    }
}

async fn ready(plane: &ControlPlane) -> String {
    let status = r#"--output=jsonpath={.status.conditions[?(@.type=="Ready")].status}"#;
    plane.kubectl(&["get", "transferserver", "files", status]).await
}

async fn apply(plane: &ControlPlane, object: &str) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, object).unwrap();
    plane.kubectl(&["apply", "--filename", file.path().to_str().unwrap()]).await;
}
