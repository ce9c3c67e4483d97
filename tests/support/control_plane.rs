//! A real etcd and kube-apiserver (see `tools/control-plane`), and ways into it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::api::{ObjectMeta, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::Value;
use tokio::sync::OnceCell;

use super::await_condition;
use super::process::{Process, scratch};

/// Longer than any test run, so that no client has to renew its token.
const TOKEN_SECONDS: i64 = 7200;

/// A control plane, without nodes where not said otherwise. Dropping it stops it.
pub struct ControlPlane {
    /// `None` where somebody else runs it.
    process: Option<Process>,
    directory: PathBuf,
    /// Where the audit log of the present test begins.
    audited: usize,
}

impl ControlPlane {
    /// Starts etcd and kube-apiserver and waits until they are ready.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts with kube-controller-manager: namespace deletion, garbage collection, default service accounts.
    pub async fn with_controller_manager() -> Self {
        Self::start_with(&["--controller-manager"]).await
    }

    /// The one control plane of this test binary, for tests that keep to a namespace of their own. The product is
    /// installed in it.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<ControlPlane> = OnceCell::const_new();
        SHARED
            .get_or_init(|| async {
                let plane = Self::start().await;
                plane.process.iter().for_each(Process::share);
                plane.install().await;
                plane
            })
            .await
    }

    /// Starts with a node, on which pods run, and with these images there. See `tools/node`.
    pub async fn with_node(images: &[&str]) -> Self {
        Self::run_by("node", images).await
    }

    /// Somebody else's cluster, as its administrator.
    pub fn of_somebody(kubeconfig: &Path) -> Self {
        let directory = scratch("cluster");
        std::fs::create_dir(&directory).expect("the directory can be created");
        std::fs::copy(kubeconfig, directory.join("kubeconfig")).expect("the kubeconfig can be read");
        Self { process: None, directory, audited: 0 }
    }

    async fn start_with(options: &[&str]) -> Self {
        Self::run_by("control-plane", options).await
    }

    async fn run_by(script: &str, options: &[&str]) -> Self {
        let directory = scratch(script);
        let mut command = Command::new(super::repository("tools").join(script));
        command.arg(&directory).args(options);
        let mut process = Process::start(script, command);
        // No timeout here: the script has one, and before it starts anything it may have to build for minutes.
        while !directory.join("kubeconfig").exists() {
            assert!(process.ended().is_none(), "the control plane did not start: {}", process.output());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Self { process: Some(process), directory, audited: 0 }
    }

    /// Another test has it from now on.
    pub fn taken_over(&mut self) {
        self.process.iter().for_each(Process::taken_over);
    }

    /// Kills the processes of a container with SIGKILL; `false` where the node is not ours.
    pub fn kill_container(&mut self, id: &str) -> bool {
        self.process.iter_mut().for_each(|process| process.signal(&format!("KILL {id}")));
        self.process.is_some()
    }

    /// Makes [`Self::requests_of`] begin here.
    pub fn forget_requests(&mut self) {
        self.audited = self.audit_log().len();
    }

    /// Kills the API server, starts it again on the same etcd and port, and waits until it is ready.
    pub async fn restart_api_server(&mut self) {
        let file = self.directory.join("restart");
        let process = self.process.as_mut().expect("it is one of ours");
        std::fs::write(&file, "").expect("the file that asks for a restart can be written");
        await_condition("the restart of the API server", Duration::from_mins(2), async || {
            assert!(process.ended().is_none(), "the control plane ended: {}", process.output());
            if file.exists() { Err("not ready yet") } else { Ok(()) }
        })
        .await;
    }

    /// The kubeconfig of a cluster administrator.
    pub fn kubeconfig(&self) -> PathBuf {
        self.directory.join("kubeconfig")
    }

    /// A new client as cluster administrator. Clients belong to the runtime of their test: ask for one in each.
    pub async fn admin(&self) -> Client {
        client(&self.kubeconfig()).await
    }

    /// A new client as a ServiceAccount, with the rights that RBAC gives it.
    pub async fn client_for(&self, namespace: &str, service_account: &str) -> Client {
        client(&self.kubeconfig_for(namespace, service_account).await).await
    }

    /// A new kubeconfig with a token for a ServiceAccount, which must exist.
    pub async fn kubeconfig_for(&self, namespace: &str, service_account: &str) -> PathBuf {
        let mut kubeconfig = Kubeconfig::read_from(self.kubeconfig()).expect("our own kubeconfig can be read");
        let token = self.token_for(namespace, service_account).await;
        for user in kubeconfig.auth_infos.iter_mut().filter_map(|named| named.auth_info.as_mut()) {
            user.token = Some(token.clone().into());
        }
        let path = scratch(service_account).with_extension("kubeconfig");
        let text = serde_json::to_string_pretty(&kubeconfig).expect("a kubeconfig is JSON");
        std::fs::write(&path, text).expect("the kubeconfig can be written");
        path
    }

    /// A new token of a ServiceAccount, which must exist.
    pub async fn token_for(&self, namespace: &str, service_account: &str) -> String {
        let request = TokenRequest {
            spec: TokenRequestSpec { expiration_seconds: Some(TOKEN_SECONDS), ..Default::default() },
            ..Default::default()
        };
        Api::<ServiceAccount>::namespaced(self.admin().await, namespace)
            .create_token_request(service_account, &PostParams::default(), &request)
            .await
            .unwrap_or_else(|error| panic!("no token for {namespace}/{service_account}: {error}"))
            .status
            .expect("the API server answers a TokenRequest with a token")
            .token
    }

    /// A new namespace whose name starts with `prefix`.
    pub async fn namespace(&self, prefix: &str) -> String {
        let metadata = ObjectMeta { generate_name: Some(format!("{prefix}-")), ..Default::default() };
        let created = Api::<Namespace>::all(self.admin().await)
            .create(&PostParams::default(), &Namespace { metadata, ..Default::default() })
            .await
            .expect("a namespace can be created");
        created.metadata.name.expect("an object of the API server has a name")
    }

    /// Runs kubectl as cluster administrator and returns its output.
    pub async fn kubectl(&self, args: &[&str]) -> String {
        self.try_kubectl(args).await.unwrap_or_else(|error| panic!("kubectl {args:?} failed: {error}"))
    }

    /// Runs kubectl as cluster administrator; the error is what it wrote to standard error.
    pub async fn try_kubectl(&self, args: &[&str]) -> Result<String, String> {
        let output = tokio::process::Command::new(super::tool("kubectl"))
            .env("KUBECONFIG", self.kubeconfig())
            .args(args)
            .output()
            .await
            .expect("kubectl can be started");
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// Installs the product as `kubectl apply` does from a release: CRDs, then everything else.
    pub async fn install(&self) {
        for manifest in ["deploy/crds.yaml", "deploy/install.yaml"] {
            let path = super::repository(manifest);
            let path = path.to_str().expect("a path in UTF-8");
            self.kubectl(&["apply", "--server-side", "--filename", path]).await;
        }
        self.kubectl(&["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"]).await;
    }

    /// The complete lines of the audit log.
    fn audit_log(&self) -> String {
        let mut log = std::fs::read_to_string(self.directory.join("audit.log")).expect("the audit log can be read");
        log.truncate(log.rfind('\n').map_or(0, |end| end + 1));
        log
    }

    /// The audit events of all requests that a ServiceAccount made, in order: `verb`, `objectRef`, `responseStatus`, …
    pub fn requests_of(&self, namespace: &str, service_account: &str) -> Vec<Value> {
        let user = format!("system:serviceaccount:{namespace}:{service_account}");
        let log = self.audit_log();
        log.get(self.audited..)
            .expect("the audit log only grows")
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("an audit event is JSON"))
            .filter(|event| event["user"]["username"] == user.as_str())
            .collect()
    }
}

async fn client(kubeconfig: &Path) -> Client {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).expect("our own kubeconfig can be read");
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .expect("our own kubeconfig is complete");
    Client::try_from(config).expect("a client can be built")
}
