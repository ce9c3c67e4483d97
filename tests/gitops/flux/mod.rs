//! Flux's own controllers as processes, a registry beside them, and what `deploy/flux` ships with the addresses of here.
//! What Flux makes of our objects is told by the files of this folder.

mod force;
mod helm_release;
mod kustomization;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{ControlPlane, Process, await_condition, gitops, repository, tool};
use crate::world::{condition, write};

/// Longer than anything here takes, and shorter than the timeout of the Kustomization: who waited for that is not over yet.
const PATIENCE: Duration = Duration::from_mins(5);

/// Flux and a registry. Dropping it ends them.
pub struct Flux {
    programs: PathBuf,
    registry: String,
    _processes: Vec<Process>,
    _storage: tempfile::TempDir,
}

impl Flux {
    /// Installs the CRDs and starts the three controllers as the cluster's administrator.
    pub async fn start(plane: &ControlPlane) -> Self {
        let programs = gitops("flux");
        let crds = programs.join("crds");
        plane.kubectl(&["apply", "--server-side", "--filename", crds.to_str().unwrap()]).await;
        plane.kubectl(&["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"]).await;
        plane.kubectl(&["create", "namespace", "flux-system"]).await;

        let serve = Process::guarded("registry", &programs.join("registry"), |command| {
            command.arg("serve");
        });
        let registry = await_condition("the registry", PATIENCE, async || {
            let told = serve.output();
            told.lines().next().filter(|line| line.starts_with("127.0.0.1:")).map(str::to_owned).ok_or(told)
        })
        .await;
        let mut processes = vec![serve];
        let (storage, address) = (tempfile::tempdir().unwrap(), free_address());
        for name in ["source-controller", "kustomize-controller", "helm-controller"] {
            processes.push(Process::guarded(name, &programs.join(name), |command| {
                command.args(["--metrics-addr=0", "--health-addr=0"]);
                command.env("KUBECONFIG", plane.kubeconfig()).env("RUNTIME_NAMESPACE", "flux-system");
                if name == "source-controller" {
                    command.arg("--storage-path").arg(storage.path());
                    command.args(["--storage-addr", &address, "--storage-adv-addr", &address]);
                }
            }));
        }
        Self { programs, registry, _processes: processes, _storage: storage }
    }

    /// Publishes a folder under the tag that the Kustomization follows.
    fn push(&self, folder: &Path) {
        let name = format!("{}/manifests/sftp:main", self.registry);
        let pushed = Command::new(self.programs.join("registry")).args(["push", &name]).arg(folder).status().unwrap();
        assert!(pushed.success(), "{name} was not pushed");
    }

    /// Publishes the chart as a release does.
    async fn push_chart(&self) {
        let (folder, helm) = (tempfile::tempdir().unwrap(), tool("helm"));
        let run = async |args: &[&str]| {
            let mut command = tokio::process::Command::new(&helm);
            command.args(args).env("HELM_CACHE_HOME", folder.path().join("cache"));
            let ran = command.env("HELM_CONFIG_HOME", folder.path().join("config")).output().await.unwrap();
            assert!(ran.status.success(), "helm {args:?}: {}", String::from_utf8_lossy(&ran.stderr));
        };
        let chart = repository("charts/transfer-operator");
        run(&["package", chart.to_str().unwrap(), "--destination", folder.path().to_str().unwrap()]).await;
        let mut packed = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path());
        let packed = packed.find(|path| path.extension().is_some_and(|name| name == "tgz")).unwrap();
        let to = format!("oci://{}/charts", self.registry);
        run(&["push", packed.to_str().unwrap(), &to, "--plain-http"]).await;
    }

    /// What `deploy/flux` has of this kind, with the registry of here and `more` in its spec.
    fn shipped(&self, file: &str, kind: &str, more: &Value) -> Value {
        let text = std::fs::read_to_string(repository(file)).unwrap();
        let all: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
        let mut object = all.into_iter().find(|object| object["kind"] == kind).expect("it is shipped");
        if kind == "OCIRepository" {
            let url = object["spec"]["url"].as_str().unwrap().replace("registry.example", &self.registry);
            object["spec"]["url"] = json!(url);
            object["spec"]["insecure"] = json!(true);
        }
        if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
            spec.extend(more.as_object().unwrap().clone());
        }
        object
    }
}

fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// What a person does with kubectl, `flux push artifact` and `flux reconcile`.
struct Person<'a> {
    plane: &'a ControlPlane,
    flux: &'a Flux,
    /// Where Flux's objects are.
    namespace: &'static str,
}

impl Person<'_> {
    async fn apply(&self, object: &Value) {
        let file = tempfile::NamedTempFile::new().unwrap();
        write(file.path(), object);
        let apply = ["apply", "--server-side", "--force-conflicts", "--filename", file.path().to_str().unwrap()];
        self.plane.kubectl(&apply).await;
    }

    /// Applies `deploy/flux/objects.yaml`, which from then on looks for news only when it is asked to.
    async fn follow(&self, more: &Value) {
        let file = "deploy/flux/objects.yaml";
        let mut spec = json!({"interval": "1h", "retryInterval": "1h"});
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.apply(&self.flux.shipped(file, "OCIRepository", &json!({"interval": "1h"}))).await;
        self.apply(&self.flux.shipped(file, "Kustomization", &spec)).await;
    }

    /// Publishes a folder and has it fetched; the revision that Flux makes of it.
    async fn push(&self, folder: &Path) -> Value {
        let before = self.get("ocirepository").await["status"]["artifact"]["revision"].clone();
        self.flux.push(folder);
        self.ask("ocirepository").await;
        await_condition("the new artifact", PATIENCE, async || {
            let now = self.get("ocirepository").await;
            let revision = now["status"]["artifact"]["revision"].clone();
            if revision.is_null() || revision == before { Err(now["status"].to_string()) } else { Ok(revision) }
        })
        .await
    }

    /// The same, and waits until Flux is at an end with it, in whatever way.
    async fn publish(&self, folder: &Path) -> Value {
        let revision = self.push(folder).await;
        await_condition("an end with the new artifact", PATIENCE, async || {
            let now = self.get("kustomization").await;
            let over = now["status"]["lastAttemptedRevision"] == revision && is_settled(&now);
            if over { Ok(now) } else { Err(now["status"].to_string()) }
        })
        .await
    }

    /// Has what was fetched looked at once more, and waits until that is over.
    async fn again(&self, kind: &str) -> Value {
        let token = self.ask(kind).await;
        await_condition("an end of the asked reconcile", PATIENCE, async || {
            let now = self.get(kind).await;
            let over = now["status"]["lastHandledReconcileAt"] == *token && is_settled(&now);
            if over { Ok(now) } else { Err(now["status"].to_string()) }
        })
        .await
    }

    async fn ask(&self, kind: &str) -> String {
        static ASKED: AtomicU32 = AtomicU32::new(1);
        let token = ASKED.fetch_add(1, Ordering::Relaxed).to_string();
        let annotation = format!("reconcile.fluxcd.io/requestedAt={token}");
        let annotate = ["annotate", "--overwrite", kind, "--all", &annotation, "--namespace", self.namespace];
        self.plane.kubectl(&annotate).await;
        token
    }

    /// The one object of this kind.
    async fn get(&self, kind: &str) -> Value {
        let list = self.plane.kubectl(&["get", kind, "--output=json", "--namespace", self.namespace]).await;
        serde_json::from_str::<Value>(&list).unwrap()["items"][0].clone()
    }
}

/// Ready is True or False, and nothing is under way.
fn is_settled(object: &Value) -> bool {
    let at_work = condition(object, "Reconciling").is_some_and(|at_work| at_work["reason"] == "Progressing");
    !at_work && condition(object, "Ready").is_some_and(|ready| ready["status"] != "Unknown")
}

/// Reason and message of Ready: what Flux reports.
fn told(object: &Value) -> (&str, &str) {
    let ready = condition(object, "Ready").unwrap();
    (ready["reason"].as_str().unwrap(), ready["message"].as_str().unwrap())
}
