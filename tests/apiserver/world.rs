//! The product installed beside a simulated AWS, and how a test acts and looks there as a person would.

use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use serde_json::{Value, json};
use transfer_operator::api::ManagedKind;

use crate::support::{
    ControlPlane, Lent, NAMESPACE, Operator, SERVICE_ACCOUNT, Sim, await_condition, ready, repository,
};

/// The windows, scaled on both sides so that a test waits seconds where production waits minutes.
const SCALED: [&str; 4] = ["--signature-tolerance", "4s", "--listing-lag", "1s"];

/// For a failure only: nothing here takes nearly as long.
pub const PATIENCE: Duration = Duration::from_mins(3);

/// The namespace of the demo's servers.
pub const PLATFORM: &str = "sftp-platform";

pub struct World {
    pub plane: Arc<Lent>,
    pub sim: Sim,
    admin: Client,
}

impl World {
    /// The product installed, the demo's objects applied, the simulator running.
    pub async fn demo() -> Self {
        Self::demo_in(Lent::installed().await).await
    }

    /// The same in a control plane that no other test gets.
    pub async fn demo_apart(plane: ControlPlane) -> Self {
        plane.install().await;
        Self::demo_in(plane.into()).await
    }

    async fn demo_in(plane: Lent) -> Self {
        let world = Self::beside(Arc::new(plane)).await;
        for file in ["1-identity", "2-files", "3-corp", "4-team-a"] {
            let path = repository(&format!("deploy/demo/{file}.yaml"));
            world.plane.kubectl(&["apply", "--filename", path.to_str().unwrap()]).await;
        }
        world
    }

    /// A new simulator beside a control plane in which the product is installed.
    pub async fn beside(plane: Arc<Lent>) -> Self {
        let args: Vec<&str> = SCALED.into_iter().chain(["--transition-time", "1s"]).collect();
        let sim = Sim::start(&args).await;
        let admin = plane.admin().await;
        Self { plane, sim, admin }
    }

    pub async fn operator(&self, args: &[&str]) -> Operator {
        let args: Vec<&str> = SCALED.iter().chain(args).copied().collect();
        Operator::start(&self.plane, &self.sim, &args).await
    }

    /// Reads a path of the API server.
    pub async fn get(&self, path: &str) -> Value {
        let request = http::Request::get(path).body(Vec::new()).unwrap();
        self.admin.request(request).await.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// An object of ours by the plural of its kind; identities have an empty namespace.
    pub async fn object(&self, kind: &str, namespace: &str, name: &str) -> Value {
        let within = if namespace.is_empty() { String::new() } else { format!("namespaces/{namespace}/") };
        self.get(&format!("/apis/transfer-operator.dev/v1alpha1/{within}{kind}/{name}")).await
    }

    /// All managed objects of the cluster.
    pub async fn objects(&self) -> Vec<Value> {
        let mut all = Vec::new();
        for kind in ManagedKind::ALL {
            let list = self.get(&format!("/apis/transfer-operator.dev/v1alpha1/{}", kind.resource().plural)).await;
            all.extend(list["items"].as_array().unwrap().clone());
        }
        all
    }

    /// All Events of a namespace.
    pub async fn events(&self, namespace: &str) -> Vec<Value> {
        let list = self.get(&format!("/apis/events.k8s.io/v1/namespaces/{namespace}/events")).await;
        list["items"].as_array().unwrap().clone()
    }

    pub async fn try_apply(&self, objects: &[Value]) -> Result<String, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
        std::fs::write(&file, list.to_string()).unwrap();
        self.plane.try_kubectl(&["apply", "--filename", file.path().to_str().unwrap()]).await
    }

    pub async fn apply(&self, objects: &[Value]) {
        self.try_apply(objects).await.unwrap_or_else(|error| panic!("{error}"));
    }

    pub async fn patch(&self, kind: &str, namespace: &str, name: &str, patch: &Value) {
        let patch = patch.to_string();
        self.plane
            .kubectl(&["patch", kind, name, "--namespace", namespace, "--type", "merge", "--patch", &patch])
            .await;
    }

    /// Waits until this many objects are there and Ready for their newest generation.
    pub async fn all_ready(&self, count: usize) {
        await_condition("all objects Ready", PATIENCE, async || {
            let objects = self.objects().await;
            assert_eq!(objects.len(), count);
            let waiting: Vec<&Value> = objects.iter().filter(|object| !ready(object)).collect();
            if waiting.is_empty() { Ok(()) } else { Err(format!("{waiting:#?}")) }
        })
        .await;
    }

    /// Waits until a condition of the object has this reason; answers with its message.
    pub async fn told(&self, kind: &str, namespace: &str, name: &str, reason: &str) -> String {
        await_condition(&format!("{name}: {reason}"), PATIENCE, async || {
            let object = self.object(kind, namespace, name).await;
            let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
            let told = conditions.iter().find(|condition| condition["reason"] == reason);
            told.map(|condition| condition["message"].as_str().unwrap().to_owned()).ok_or(object["status"].to_string())
        })
        .await
    }

    /// Takes the protection off all servers, deletes all managed objects and waits until they are gone.
    pub async fn delete_all(&self) {
        self.unprotect_all().await;
        for object in self.objects().await {
            let text = |path: &str| object.pointer(path).unwrap().as_str().unwrap();
            let (kind, name) = (text("/kind"), text("/metadata/name"));
            let namespace = ["--namespace", text("/metadata/namespace")];
            self.plane.kubectl(&[&["delete", kind, name, "--wait=false"], &namespace[..]].concat()).await;
        }
        self.all_gone().await;
    }

    /// Takes the protection off all servers.
    pub async fn unprotect_all(&self) {
        let unprotected = json!({"spec": {"lifecycle": {"deletionProtection": false}}});
        for server in self.objects().await.iter().filter(|object| object["kind"] == "TransferServer") {
            let text = |member: &str| server["metadata"][member].as_str().unwrap();
            self.patch("transferservers", text("namespace"), text("name"), &unprotected).await;
        }
    }

    /// Waits until no managed object is left.
    pub async fn all_gone(&self) {
        await_condition("all objects gone", PATIENCE, async || {
            let left = self.objects().await;
            if left.is_empty() { Ok(()) } else { Err(format!("{left:#?}")) }
        })
        .await;
    }

    pub async fn calls_of(&self, operation: &str) -> Vec<Value> {
        let calls = self.sim.calls().await;
        let calls = calls["calls"].as_array().unwrap();
        calls.iter().filter(|call| call["operation"] == operation).cloned().collect()
    }

    /// The calls of this operation that changed something.
    pub async fn done(&self, operation: &str) -> Vec<Value> {
        self.calls_of(operation).await.into_iter().filter(|call| call["mutated"] == true).collect()
    }

    /// The servers that AWS holds in the demo's region, by id.
    pub async fn servers(&self) -> serde_json::Map<String, Value> {
        let state = self.sim.get("/_sim/state").await;
        let servers = &state["accounts"]["123456789012"]["eu-central-1"]["servers"];
        servers.as_object().cloned().unwrap_or_default()
    }

    /// What a person does in AWS's console.
    pub async fn out_of_band(&self, operation: &str, input: &Value) -> Value {
        let change =
            json!({"account": "123456789012", "region": "eu-central-1", "operation": operation, "input": input});
        self.sim.control("/_sim/change", &change).await["output"].take()
    }

    /// The annotation that asks for a reconcile now.
    pub async fn poke(&self, kind: &str, name: &str) {
        let now = json!({"metadata": {"annotations": {"transfer-operator.dev/reconcile-at": "now"}}});
        self.patch(kind, PLATFORM, name, &now).await;
    }

    /// How often the operator wrote to the API server.
    pub fn writes(&self) -> usize {
        self.written().len()
    }

    /// What it wrote, in order: the path of each request, and its body where the audit has it.
    pub fn written(&self) -> Vec<String> {
        let reads = ["get", "list", "watch"].map(Value::from);
        let requests = self.plane.requests_of(NAMESPACE, SERVICE_ACCOUNT);
        let writes = requests.iter().filter(|event| !reads.contains(&event["verb"]));
        writes.map(|event| format!("{} {} {}", event["verb"], event["requestURI"], event["requestObject"])).collect()
    }
}

/// The spec of a user of this server whose keys nobody gave yet.
pub fn user_of(server: &str) -> Value {
    json!({
        "serverRef": {"name": server}, "role": "arn:aws:iam::123456789012:role/sftp/platform/writers",
        "home": {"s3": {"bucket": "my-files"}},
    })
}
