//! The operator as the chart installs it: its flags, and its work with the rights of the chart's ServiceAccount.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

use crate::helm::{EVERYTHING, Helm, NAMESPACE, chart, object, read};
use crate::support::{ControlPlane, Operator, Sim, await_condition};

/// Values of an installation without any right of a cluster administrator's but to read identities.
const TENANT: &str = "tests/chart/matrix/tenant.yaml";
/// Values with which metrics are served over TLS, to accounts that may get them.
const METRICS: &str = "tests/chart/matrix/metrics-tls.yaml";

const VALUES: &str = r#"
identities:
- name: default
  spec:
    accountId: "123456789012"
    regions: [eu-central-1]
    credentials: {source: Operator}
    grants:
    - name: sftp
      kinds: [TransferServer, TransferUser]
      namespaces: {from: Names, names: [sftp]}
      roleArns: ["arn:aws:iam::123456789012:role/sftp/*"]
secrets: {namespaces: [{name: sftp}]}
"#;

const OBJECTS: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: alice-keys, namespace: sftp}
data:
  authorized_keys: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG1ZVsPfc8dimrEDFSPL5kbHYbCwf7tCp8+DeQAMuRr5 alice@laptop
---
apiVersion: transfer-operator.dev/v1alpha1
kind: TransferServer
metadata: {name: files, namespace: sftp}
spec:
  region: eu-central-1
  hostKeys: [{name: first, secretKeyRef: {name: host-key}}]
---
apiVersion: transfer-operator.dev/v1alpha1
kind: TransferUser
metadata: {name: alice, namespace: sftp}
spec:
  serverRef: {name: files}
  role: arn:aws:iam::123456789012:role/sftp/alice
  home: {s3: {bucket: my-files, prefix: alice}}
  sshPublicKeysFrom: [{configMapKeyRef: {name: alice-keys, key: authorized_keys}}]
";

/// A server by the grant of an identity that goes by labels.
const BY_LABEL: &str = r#"
apiVersion: transfer-operator.dev/v1alpha1
kind: AwsIdentity
metadata: {name: by-label}
spec:
  accountId: "123456789012"
  regions: [eu-central-1]
  credentials: {source: Operator}
  grants:
  - name: sftp
    kinds: [TransferServer]
    namespaces: {from: Selector, selector: {matchLabels: {kubernetes.io/metadata.name: sftp}}}
---
apiVersion: transfer-operator.dev/v1alpha1
kind: TransferServer
metadata: {name: selected, namespace: sftp}
spec:
  region: eu-central-1
  awsIdentityRef: {name: by-label}
"#;

/// For a failure only.
const PATIENCE: Duration = Duration::from_mins(2);

#[tokio::test]
async fn the_operator_knows_every_flag_that_the_chart_can_set() {
    let program = Path::new(env!("CARGO_BIN_EXE_transfer-operator"));
    let output = Command::new(program).args(["run", "--help"]).output().await.unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let known: BTreeSet<&str> = help.split_whitespace().filter_map(|word| word.split([',', '[']).next()).collect();

    for values in [EVERYTHING, &read(TENANT), &read(METRICS)] {
        let objects = Helm::offline().render(values).await;
        let deployment = object(&objects, "Deployment", "transfer-operator");
        let args = deployment["spec"]["template"]["spec"]["containers"][0]["args"].as_array().unwrap().clone();
        for arg in &args[1..] {
            let flag = arg.as_str().unwrap().split('=').next().unwrap();
            assert!(known.contains(flag), "`transfer-operator run` has no {flag}:\n{help}");
        }
    }
}

#[tokio::test]
async fn an_installed_operator_works_and_asks_only_for_what_it_may() {
    let plane = ControlPlane::start().await;
    works(&plane, VALUES, &[]).await;
}

#[tokio::test]
async fn an_operator_of_some_namespaces_works_with_rights_in_those_only() {
    let plane = ControlPlane::start().await;
    works(&plane, &format!("{VALUES}\nwatchNamespaces: [sftp]\n"), &["--watch-namespace=sftp"]).await;

    let may = async |what: &[&str]| {
        let user = format!("--as=system:serviceaccount:{NAMESPACE}:transfer-operator");
        plane.try_kubectl(&[&["auth", "can-i", &user], what].concat()).await.is_ok()
    };
    for (what, namespace, allowed) in [
        (["patch", "transferservers"], "sftp", true),
        (["patch", "transferservers"], "default", false),
        (["list", "transferusers"], "default", false),
        (["get", "configmaps"], "sftp", true),
        (["get", "configmaps"], "default", false),
        (["create", "events.events.k8s.io"], "default", true),
        (["create", "events.events.k8s.io"], "kube-system", false),
    ] {
        let namespace = format!("--namespace={namespace}");
        assert_eq!(may(&[what[0], what[1], &namespace]).await, allowed, "{what:?} {namespace}");
    }
}

#[tokio::test]
async fn a_tenants_operator_asks_for_no_namespace_and_writes_no_identity() {
    let plane = ControlPlane::start().await;
    let flags = ["--watch-namespace=sftp", "--cluster-id=blue", "--read-namespaces=false", "--write-identities=false"];
    let (operator, _sim) = working(&plane, &format!("{VALUES}\n{}", read(TENANT)), &flags).await;

    // What needs a label is refused, and says why.
    apply(&plane, BY_LABEL).await;
    let message = r#"--output=jsonpath={.status.conditions[?(@.type=="Stalled")].message}"#;
    await_condition("the refusal", PATIENCE, async || {
        let told = plane.kubectl(&["get", "transferserver", "selected", "--namespace=sftp", message]).await;
        if told.contains("the labels of namespace sftp are not known here") { Ok(()) } else { Err(told) }
    })
    .await;
    let identity: Value =
        serde_json::from_str(&plane.kubectl(&["get", "awsidentity", "default", "--output=json"]).await).unwrap();
    let as_applied = serde_json::json!({"observedGeneration": -1});
    assert_eq!((&identity["status"], &identity["metadata"]["finalizers"]), (&as_applied, &Value::Null));
    await_condition("the event", PATIENCE, async || {
        let events = plane.kubectl(&["get", "events.events.k8s.io", "--namespace=default"]).await;
        if events.contains("awsidentity/default") && events.contains("Verified") { Ok(()) } else { Err(events) }
    })
    .await;
    assert!(operator.terminate().await.success());

    let requests = refused_none(&plane);
    let asked = |resource: &str| -> BTreeSet<String> {
        let of = requests.iter().filter(|request| request["objectRef"]["resource"] == resource);
        of.map(|request| request["verb"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(asked("namespaces"), BTreeSet::new());
    assert_eq!(asked("awsidentities"), ["list", "watch"].map(str::to_owned).into());
    let user = format!("--as=system:serviceaccount:{NAMESPACE}:transfer-operator");
    for right in
        ["get namespaces", "list namespaces", "patch awsidentities", "patch awsidentities --subresource=status"]
    {
        let right: Vec<&str> = right.split(' ').collect();
        assert!(plane.try_kubectl(&[&["auth", "can-i", &user], &right[..]].concat()).await.is_err(), "{right:?}");
    }
}

#[tokio::test]
async fn several_releases_share_a_cluster_by_namespaces_and_none_is_for_all() {
    let plane = ControlPlane::start().await;
    let helm = Helm::of(&plane);
    for namespace in ["one", "two"] {
        plane.kubectl(&["create", "namespace", namespace]).await;
    }
    helm.install("watchNamespaces: [one]").await;
    let without = "crds.enabled=false,admissionPolicies.enabled=false,rbac.aggregate=false";
    let second = ["install", "second", chart(), "--namespace=second", "--create-namespace", "--set", without, "--set"];
    let install = async |namespaces| helm.try_run(&[&second[..], &[namespaces]].concat()).await;

    let refused = install("watchNamespaces={two,one}").await.unwrap_err();
    assert!(refused.contains("Role") && refused.contains("cannot be imported"), "{refused}");
    install("watchNamespaces={two}").await.unwrap();
    helm.run(&["uninstall", "second", "--namespace=second"]).await;

    // Without any value Helm takes those of the release before.
    helm.with("upgrade", "watchNamespaces: []", &[]).await;
    let refused = install("watchNamespaces={two}").await.unwrap_err();
    assert!(refused.contains("works for the whole cluster"), "{refused}");
}

/// Installs the chart as [`working`] does; then the operator ends.
async fn works(plane: &ControlPlane, values: &str, args: &[&str]) {
    let (operator, _sim) = working(plane, values, args).await;
    assert!(operator.terminate().await.success());
    refused_none(plane);
}

/// What the operator asked for: it was refused nothing.
fn refused_none(plane: &ControlPlane) -> Vec<Value> {
    let requests = plane.requests_of(NAMESPACE, "transfer-operator");
    let refused: Vec<_> = requests.iter().filter(|request| request["responseStatus"]["code"] == 403).collect();
    assert!(refused.is_empty(), "{refused:#?}");
    assert!(requests.iter().any(|request| request["verb"] == "patch"), "it has worked");
    requests
}

/// Installs the chart with these values, and has an operator with these arguments and the chart's rights make a server and
/// a user.
async fn working(plane: &ControlPlane, values: &str, args: &[&str]) -> (Operator, Sim) {
    let sim = Sim::start(&["--transition-time", "0s"]).await;
    plane.kubectl(&["create", "namespace", "sftp"]).await;
    let helm = Helm::of(plane);
    helm.install("").await;
    helm.with("upgrade", values, &[]).await;

    let operator = Operator::start(plane, &sim, &[&["--lease=true"], args].concat()).await;
    make_host_key(plane, "sftp").await;
    apply(plane, OBJECTS).await;
    let ready = ["wait", "transferserver/files", "transferuser/alice", "--namespace=sftp", "--for=condition=Ready"];
    let waited = plane.try_kubectl(&[&ready[..], &["--timeout=90s"]].concat()).await;
    assert!(waited.is_ok(), "{waited:?}\n{}", plane.kubectl(&["describe", "transfer", "--namespace=sftp"]).await);

    // The next release changes the deployment; the rights of the running one stay.
    helm.with("upgrade", &format!("{values}\npriorityClassName: system-cluster-critical\n"), &[]).await;
    (operator, sim)
}

/// A host key of our Secret type, as a person would make it.
pub async fn make_host_key(plane: &ControlPlane, namespace: &str) {
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("key");
    let keygen = ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", key.to_str().unwrap()];
    let made = Command::new("ssh-keygen").args(keygen).status().await.unwrap();
    assert!(made.success(), "ssh-keygen made no key: {made}");
    let from = format!("--from-file=ssh-privatekey={}", key.display());
    let create = ["create", "secret", "generic", "host-key", "--type=transfer-operator.dev/host-key", &from];
    plane.kubectl(&[&create[..], &["--namespace", namespace]].concat()).await;
}

async fn apply(plane: &ControlPlane, objects: &str) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, objects).unwrap();
    plane.kubectl(&["apply", "--filename", file.path().to_str().unwrap()]).await;
}
