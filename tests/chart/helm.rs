//! Real Helm, kept away from the developer's own configuration.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::{ControlPlane, helm3, repository, tool};

/// Name of the release in all tests.
pub const RELEASE: &str = "transfer-operator";
/// Namespace of the release in all tests; also that of the plain manifests.
pub const NAMESPACE: &str = "transfer-operator-system";

/// Values that set everything, so that every branch of the templates is taken.
pub const EVERYTHING: &str = r#"
image: {repository: registry.example/transfer-operator, tag: "1.2.3", pullPolicy: Always}
imagePullSecrets: [{name: pull}]
serviceAccount: {annotations: {eks.amazonaws.com/role-arn: "arn:aws:iam::123456789012:role/operator"}}
operator:
  resyncInterval: 5m
  expiryWarning: 30d
  signatureTolerance: 15m
  listingLag: 1m30s
  rejectionGrace: 90s
  clusterId: "blue: 1"
  logFormat: text
  logLevel: warn,transfer_operator=debug
  healthAddr: 0.0.0.0:8080
  rates: {read: 10, write: 2.5, createServer: 0.5}
holdDeletions: {percent: 0}
rbac: {readNamespaces: false}
identities:
- name: default
  spec:
    accountId: "123456789012"
    regions: [eu-central-1]
    credentials: {source: Operator}
- name: second
  spec:
    accountId: "123456789012"
    regions: [eu-west-1]
    credentials: {source: AssumeRole, assumeRole: {roleArn: "arn:aws:iam::123456789012:role/transfer"}}
secrets:
  namespaces:
  - {name: all-keys}
  - {name: one-key, resourceNames: [host-key]}
knownHosts: {enabled: true, namespaces: [all-keys, one-key]}
podAnnotations: {example.com/a: b}
podLabels: {example.com/team: sftp}
resources: {requests: {cpu: 20m}}
nodeSelector: {kubernetes.io/os: linux}
tolerations: [{key: dedicated, operator: Exists}]
affinity: {nodeAffinity: {}}
priorityClassName: system-cluster-critical
watchLabels: team=a
metrics: {service: {enabled: true}, serviceMonitor: {enabled: true}, podMonitor: {enabled: true}, prometheusRule: {enabled: true}, dashboard: {enabled: true}}
networkPolicy: {enabled: true}
extraEnv: [{name: AWS_ENDPOINT_URL, value: "http://127.0.0.1:1"}]
extraVolumes: [{name: extra, emptyDir: {}}]
extraVolumeMounts: [{name: extra, mountPath: /extra}]
"#;

/// Helm with directories of its own and, where it needs one, a cluster.
pub struct Helm {
    program: PathBuf,
    home: TempDir,
    command_line: Vec<String>,
}

impl Helm {
    /// Helm without a cluster: it can lint and render.
    pub fn offline() -> Self {
        let home = tempfile::tempdir().expect("a temporary directory can be created");
        Self { program: tool("helm"), home, command_line: vec!["--namespace".into(), NAMESPACE.into()] }
    }

    /// Helm as cluster administrator.
    pub fn of(plane: &ControlPlane) -> Self {
        let mut helm = Self::offline();
        let kubeconfig = plane.kubeconfig().to_str().expect("a path in UTF-8").to_owned();
        helm.command_line.extend(["--kubeconfig".into(), kubeconfig]);
        helm
    }

    /// The newest Helm 3 as cluster administrator.
    pub fn three(plane: &ControlPlane) -> Self {
        Self { program: helm3(), ..Self::of(plane) }
    }

    /// Runs Helm; the error is what it wrote to standard error.
    pub async fn try_run(&self, args: &[&str]) -> Result<String, String> {
        let output = Command::new(&self.program)
            // First, so that a namespace among the arguments wins.
            .args(&self.command_line)
            .args(args)
            .env("HELM_CACHE_HOME", self.home.path().join("cache"))
            .env("HELM_CONFIG_HOME", self.home.path().join("config"))
            .env("HELM_DATA_HOME", self.home.path().join("data"))
            .env_remove("KUBECONFIG")
            .output()
            .await
            .expect("helm can be started");
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// Runs Helm and returns its output.
    pub async fn run(&self, args: &[&str]) -> String {
        self.try_run(args).await.unwrap_or_else(|error| panic!("helm {args:?} failed: {error}"))
    }

    /// Runs a command that takes release, chart and values: `template`, `install`, `upgrade`.
    pub async fn try_with(&self, command: &str, values: &str, args: &[&str]) -> Result<String, String> {
        let file = self.values_file(values);
        let mut line = vec![command, RELEASE, chart(), "--values", path(&file)];
        line.extend(args);
        self.try_run(&line).await
    }

    /// The same, of a command that succeeds.
    pub async fn with(&self, command: &str, values: &str, args: &[&str]) -> String {
        let done = self.try_with(command, values, args).await;
        done.unwrap_or_else(|error| panic!("helm {command} with {values:?} failed: {error}"))
    }

    /// Installs the chart for the first time.
    pub async fn install(&self, values: &str) {
        self.with("install", values, &["--create-namespace"]).await;
    }

    /// The objects that the chart renders.
    pub async fn render(&self, values: &str) -> Vec<Value> {
        documents(&self.with("template", values, &[]).await)
    }

    fn values_file(&self, values: &str) -> std::path::PathBuf {
        let file = self.home.path().join("values.yaml");
        std::fs::write(&file, values).expect("the values can be written");
        file
    }
}

/// The chart.
pub fn chart() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/charts/transfer-operator")
}

/// The objects of a YAML stream.
pub fn documents(yaml: &str) -> Vec<Value> {
    let all: Vec<Value> = serde_saphyr::from_multiple(yaml).unwrap_or_else(|error| panic!("not YAML: {error}\n{yaml}"));
    all.into_iter().filter(|object| !object.is_null()).collect()
}

/// A file of the repository as text.
pub fn read(file: &str) -> String {
    std::fs::read_to_string(repository(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The one object of that kind and name.
pub fn object<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let found: Vec<_> = of_kind(objects, kind).filter(|object| object["metadata"]["name"] == name).collect();
    assert_eq!(found.len(), 1, "{kind} {name}");
    found[0]
}

/// All objects of a kind.
pub fn of_kind<'a>(objects: &'a [Value], kind: &str) -> impl Iterator<Item = &'a Value> {
    objects.iter().filter(move |object| object["kind"] == kind)
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}
