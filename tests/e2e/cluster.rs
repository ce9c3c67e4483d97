//! The cluster, the simulated AWS in it, and how a test acts and looks there as an administrator would.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::helm::{Helm, NAMESPACE};
use crate::support::{ControlPlane, Process, Sim, await_condition, changes, ready, repository, tool};

/// For a failure only: on a busy machine a pod takes a minute.
pub const PATIENCE: Duration = Duration::from_mins(4);
/// Where the simulated AWS is.
const AWS: &str = "transfer-e2e-aws";
/// The namespace of the demo's servers.
pub const PLATFORM: &str = "sftp-platform";
/// Namespaces that a run makes, but that of the release.
const NAMESPACES: [&str; 3] = [AWS, PLATFORM, "team-a"];
/// The kinds that stand for something in AWS.
const KINDS: &str = "transferservers,transferusers,transferaccesses,transferworkflows,transferprofiles,transferconnectors,transferagreements,transfercertificates,transferwebapps";

pub struct Cluster {
    pub plane: ControlPlane,
    pub helm: Helm,
    pub sim: Sim,
    values: String,
    begin: Instant,
}

impl Cluster {
    /// The cluster with AWS in it, and nothing of ours.
    pub async fn start() -> Self {
        let begin = Instant::now();
        let plane = if let Some(kubeconfig) = elsewhere() {
            ControlPlane::of_somebody(Path::new(&kubeconfig))
        } else {
            let images = std::env::var("E2E_IMAGES").expect("E2E_IMAGES is set: run this by make e2e");
            ControlPlane::with_node(&images.split_whitespace().collect::<Vec<_>>()).await
        };
        let here = plane.kubectl(&["get", "crd", "--output=name"]).await;
        assert!(!here.contains("transfer-operator.dev"), "this cluster has the product already");
        let (sim, address) = aws(&plane).await;
        let helm = Helm::of(&plane);
        let cluster = Self { plane, helm, sim, values: values(&address), begin };
        cluster.tell("the cluster is up, and AWS in it");
        cluster
    }

    /// One line of what happened.
    pub fn tell(&self, what: &str) {
        println!("[{:4} s] {what}", self.begin.elapsed().as_secs());
    }

    /// Values of the release, with more behind.
    pub fn values(&self, more: &str) -> String {
        format!("{}{more}\n", self.values)
    }

    /// Installs or upgrades, and waits until the pods of the release are ready.
    pub async fn release(&self, more: &str) {
        self.helm.with("upgrade", &self.values(more), &["--install", "--wait", "--timeout=240s"]).await;
    }

    pub async fn json(&self, args: &[&str]) -> Value {
        let text = self.plane.kubectl(&[&["get", "--output=json"], args].concat()).await;
        serde_json::from_str(&text).unwrap()
    }

    /// All managed objects.
    pub async fn objects(&self) -> Vec<Value> {
        self.json(&[KINDS, "--all-namespaces"]).await["items"].as_array().unwrap().clone()
    }

    pub async fn apply(&self, objects: &Value) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, objects.to_string()).unwrap();
        self.plane.kubectl(&["apply", "--filename", file.path().to_str().unwrap()]).await;
    }

    /// Applies a file of the demo.
    pub async fn demo(&self, file: &str) {
        let path = repository(&format!("deploy/demo/{file}.yaml"));
        self.plane.kubectl(&["apply", "--filename", path.to_str().unwrap()]).await;
    }

    pub async fn patch(&self, kind: &str, name: &str, patch: &Value) {
        let patch = format!("--patch={patch}");
        self.plane.kubectl(&["patch", kind, name, "--namespace", PLATFORM, "--type=merge", &patch]).await;
    }

    /// Waits until all are Ready for their newest generation, and answers with how many they are.
    pub async fn all_ready(&self) -> usize {
        await_condition("all objects Ready", PATIENCE, async || {
            let objects = self.objects().await;
            let waiting: Vec<&Value> = objects.iter().filter(|object| !ready(object)).collect();
            if waiting.is_empty() { Ok(objects.len()) } else { Err(format!("{waiting:#?}")) }
        })
        .await
    }

    /// The number of the last call to AWS by now.
    pub async fn mark(&self) -> u64 {
        self.sim.calls().await["last"].as_u64().unwrap()
    }

    /// The calls since a mark.
    pub async fn calls(&self, mark: u64) -> Vec<Value> {
        self.sim.get(&format!("/_sim/calls?since={mark}")).await["calls"].as_array().unwrap().clone()
    }

    /// Those of operations that change something.
    pub async fn changes(&self, mark: u64) -> Vec<Value> {
        self.calls(mark).await.into_iter().filter(changes).collect()
    }

    /// What the account holds.
    pub async fn held(&self) -> Value {
        self.sim.get("/_sim/state").await["accounts"].clone()
    }

    /// Servers of the account by id.
    pub async fn servers(&self) -> serde_json::Map<String, Value> {
        let held = self.held().await;
        held["123456789012"]["eu-central-1"]["servers"].as_object().cloned().unwrap_or_default()
    }

    /// The user's role in AWS, wherever he is.
    pub async fn role(&self, user: &str) -> Value {
        let servers = self.servers().await;
        let found = servers.values().find_map(|server| server["Users"].get(user)).cloned().unwrap_or_default();
        found["Profile"]["Role"].clone()
    }

    /// Gives user alice this role, and waits until AWS has it.
    pub async fn edit_gets_through(&self, role: &str) {
        let role = format!("arn:aws:iam::123456789012:role/sftp/platform/{role}");
        self.patch("transferuser", "alice", &json!({"spec": {"role": role}})).await;
        await_condition(&format!("{role} in AWS"), PATIENCE, async || {
            let held = self.role("alice").await;
            if held == role.as_str() { Ok(()) } else { Err(held) }
        })
        .await;
        self.all_ready().await;
    }

    /// Takes everything out again, for a cluster that lives on.
    pub async fn clear(&self) {
        self.plane.kubectl(&["delete", "transferuser", "--all", "--all-namespaces", "--timeout=120s"]).await;
        let unprotected = r#"--patch={"spec": {"deletionProtection": false}}"#;
        self.plane.kubectl(&["patch", "awsidentity", "default", "--type=merge", unprotected]).await;
        self.plane.kubectl(&["delete", "awsidentity", "default", "--timeout=120s"]).await;
        self.helm.run(&["uninstall", "transfer-operator", "--wait"]).await;
        let crds = self.plane.kubectl(&["get", "crd", "--output=name"]).await;
        let ours: Vec<&str> = crds.lines().filter(|crd| crd.ends_with(".transfer-operator.dev")).collect();
        let delete = [&["delete", "--ignore-not-found", "--timeout=60s"], &ours[..]].concat();
        // The policy that protects them is in force for a moment after it is gone.
        await_condition("the end of the CRDs", PATIENCE, async || self.plane.try_kubectl(&delete).await).await;
        let made = [&NAMESPACES[..], &[NAMESPACE]].concat();
        self.plane
            .kubectl(&[&["delete", "namespace", "--ignore-not-found", "--timeout=120s"], &made[..]].concat())
            .await;
        self.tell("everything is out of the cluster");
    }
}

/// What a failure is understood by; the end of all processes of ours is told anyhow.
impl Drop for Cluster {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let logs = ["logs", "--selector=app.kubernetes.io/part-of=transfer-operator", "--prefix", "--tail=30"];
        let release = ["--namespace", NAMESPACE];
        for args in [
            &["get", "pods", "--all-namespaces", "--output=wide"][..],
            &["get", KINDS, "--all-namespaces", "--output=wide"],
            &["get", "events", "--all-namespaces", "--field-selector=type!=Normal"],
            &[&logs[..], &release].concat(),
        ] {
            eprintln!("--- kubectl {}", args.join(" "));
            // Its answer goes to where the test's own words go.
            let _ = std::process::Command::new(tool("kubectl"))
                .env("KUBECONFIG", self.plane.kubeconfig())
                .args(args)
                .status();
        }
    }
}

/// Where somebody's cluster is, if it is to be used.
pub fn elsewhere() -> Option<std::ffi::OsString> {
    std::env::var_os("E2E_KUBECONFIG").filter(|path| !path.is_empty())
}

/// An image by its repository and its tag: as the variable says, or that of `tools/node-images`.
fn image(variable: &str, name: &str) -> (String, String) {
    let given = std::env::var(variable).ok().filter(|image| !image.is_empty());
    let image = given.unwrap_or_else(|| format!("docker.io/library/{name}:{}", env!("CARGO_PKG_VERSION")));
    let (repository, tag) = image.rsplit_once(':').unwrap_or_else(|| panic!("{variable} {image} has no tag"));
    (repository.to_owned(), tag.to_owned())
}

/// The windows are scaled on both sides, so that a deletion waits seconds where production waits minutes.
fn values(aws: &str) -> String {
    let (repository, tag) = image("E2E_IMAGE", "transfer-operator");
    let variables = [
        ("AWS_ENDPOINT_URL", aws),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    let variables: Vec<Value> = variables.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    format!(
        "image: {{repository: {repository}, tag: '{tag}'}}\n\
         operator: {{resyncInterval: 10s, signatureTolerance: 4s, listingLag: 1s}}\n\
         extraEnv: {}\n",
        Value::from(variables)
    )
}

/// A namespace in which the API server lets in nothing but what the restricted level allows.
pub async fn restricted_namespace(plane: &ControlPlane, name: &str) {
    plane.kubectl(&["create", "namespace", name]).await;
    plane.kubectl(&["label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted"]).await;
}

/// The simulated AWS as a pod, and its address for other pods. It answers tests only as one of its own machine, which is
/// what a forwarded port makes of us.
async fn aws(plane: &ControlPlane) -> (Sim, String) {
    restricted_namespace(plane, AWS).await;
    let (repository, tag) = image("E2E_SIM_IMAGE", "transfer-sim");
    let metadata = json!({"name": "transfer-sim", "namespace": AWS, "labels": {"app": "transfer-sim"}});
    let mut pod: Value = serde_saphyr::from_str(include_str!("aws.yaml")).unwrap();
    pod["metadata"] = metadata.clone();
    pod["spec"]["containers"][0]["image"] = format!("{repository}:{tag}").into();
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata,
        "spec": {"selector": {"app": "transfer-sim"}, "ports": [{"port": 4599}]}});
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, json!({"apiVersion": "v1", "kind": "List", "items": [pod, service]}).to_string()).unwrap();
    // Until the controller manager has made the namespace's service account, no pod is let in.
    await_condition("AWS is let in", PATIENCE, async || {
        plane.try_kubectl(&["apply", "--filename", file.path().to_str().unwrap()]).await
    })
    .await;
    let inside = ["--namespace", AWS];
    plane
        .kubectl(&[&["wait", "pod/transfer-sim", "--for=condition=Ready", "--timeout=120s"], &inside[..]].concat())
        .await;
    let address = ["get", "service", "transfer-sim", "--output=jsonpath={.spec.clusterIP}"];
    let address = plane.kubectl(&[&address[..], &inside].concat()).await;

    let mut forward = Process::guarded("port-forward", &tool("kubectl"), |command| {
        command.env("KUBECONFIG", plane.kubeconfig()).args(["port-forward", "pod/transfer-sim", ":4599"]).args(inside);
    });
    let port = await_condition("a port to AWS", PATIENCE, async || {
        assert!(forward.ended().is_none(), "no port to AWS: {}", forward.output());
        let said = forward.output();
        let port = said.split("127.0.0.1:").nth(1).and_then(|rest| rest.split_whitespace().next()?.parse().ok());
        port.ok_or(said)
    })
    .await;
    (Sim::behind(forward, port), format!("http://{address}:4599"))
}
