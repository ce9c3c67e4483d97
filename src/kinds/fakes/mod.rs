//! The doors as tests have them: everything in memory, everything counted, nothing decided.
#![allow(clippy::needless_pass_by_value, clippy::match_same_arms)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

pub mod api_server;
pub mod held;
pub mod simulated;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::Timestamp;
use kube::ResourceExt;
use kube::core::ApiResource;
use serde_json::{Value, json};

use super::deps::{Deps, Verified, WorkflowsSeen};
use crate::api::{AwsIdentity, Managed, ManagedKind, TransferAccess, TransferServer, TransferUser, TransferWorkflow};
use crate::aws::account_clients::{Aws, CallerIdentity};
use crate::aws::rate_limiter::Rates;
use crate::aws::transfer::{
    DescribeHostKey, DescribeServer, DescribeUser, DescribeWorkflow, HostKey, ListAccesses, ListHostKeys, ListUsers,
    ListedAccess, ListedServer, ListedUser, ListedWorkflow, Server, Tags, User, Workflow,
};
use crate::aws::{
    Account, Answer, AwsApi, AwsClock, AwsError, AwsErrorKind, CreateOutput, Mutation, Page, Permit, RateLimiter, Read,
    Reply,
};
use crate::cluster::{ClusterError, EventNote, KubeApi, Lister, Name, Object, Reach, SecretData, Texts};
use crate::engine::owner::Owner;
use crate::engine::settings::Env;

pub const ACCOUNT: &str = "123456789012";
pub const REGION: &str = "eu-central-1";
pub const CLUSTER: &str = "cluster-1";
pub const NOW: &str = "2026-01-01T00:00:00Z";
pub const ROLE: &str = "arn:aws:iam::123456789012:role/sftp";
/// A server that was there before the operator.
pub const OLD: &str = "s-01d00000000000000";

/// AWS, as far as the kinds read it.
#[derive(Default)]
pub struct FakeTransfer {
    pub servers: Mutex<BTreeMap<String, Server>>,
    pub host_keys: Mutex<BTreeMap<String, Vec<HostKey>>>,
    pub users: Mutex<BTreeMap<String, Vec<String>>>,
    /// Tags of users, by server and name.
    pub user_tags: Mutex<BTreeMap<(String, String), Tags>>,
    pub accesses: Mutex<BTreeMap<String, Vec<String>>>,
    pub workflows: Mutex<BTreeMap<String, Workflow>>,
    /// Listed, and NotFound when described.
    pub vanishing: Mutex<BTreeSet<String>>,
    /// What each operation fails with.
    pub faults: Mutex<BTreeMap<&'static str, AwsErrorKind>>,
    /// What one read fails with, once; as `Operation id`.
    pub once: Mutex<BTreeMap<String, AwsErrorKind>>,
    /// Every read, as `Operation id`.
    pub reads: Mutex<Vec<String>>,
    /// Held in writing, it stops every ListServers.
    pub listing: tokio::sync::RwLock<()>,
}

impl FakeTransfer {
    pub fn put(&self, server: Server) {
        self.servers.lock().unwrap().insert(server.server_id.clone(), server);
    }

    pub fn reads(&self) -> Vec<String> {
        self.reads.lock().unwrap().clone()
    }

    fn server(&self, operation: &'static str, id: &str) -> Result<Server, AwsError> {
        self.servers.lock().unwrap().get(id).cloned().ok_or_else(|| fault(operation, AwsErrorKind::NotFound))
    }

    fn listed(&self) -> Vec<ListedServer> {
        let rows = |server: &Server| ListedServer {
            server_id: server.server_id.clone(),
            identity_provider_type: server.settings.identity_provider_type.clone(),
        };
        let mut listed: Vec<ListedServer> = self.servers.lock().unwrap().values().map(rows).collect();
        let vanishing = self.vanishing.lock().unwrap();
        listed.extend(vanishing.iter().map(|id| ListedServer { server_id: id.clone(), ..ListedServer::default() }));
        listed
    }

    fn answer(&self, operation: &'static str, call: Read) -> Result<Answer, AwsError> {
        Ok(match call {
            Read::ListServers(_) => Answer::Servers(page(self.listed())),
            Read::DescribeServer(DescribeServer { server_id }) => {
                Answer::Server(Box::new(self.server(operation, &server_id)?))
            }
            Read::ListHostKeys(ListHostKeys { server_id, .. }) => {
                self.server(operation, &server_id)?;
                let keys = self.host_keys.lock().unwrap().get(&server_id).cloned().unwrap_or_default();
                Answer::HostKeys(page(keys.into_iter().map(|key| HostKey { tags: Tags::new(), ..key }).collect()))
            }
            Read::DescribeHostKey(DescribeHostKey { server_id, host_key_id }) => {
                let keys = self.host_keys.lock().unwrap().get(&server_id).cloned().unwrap_or_default();
                let key = keys.into_iter().find(|key| key.id == host_key_id);
                Answer::HostKey(Box::new(key.ok_or_else(|| fault(operation, AwsErrorKind::NotFound))?))
            }
            Read::ListUsers(ListUsers { server_id, .. }) => {
                let names = self.users.lock().unwrap().get(&server_id).cloned().unwrap_or_default();
                Answer::Users(page(names.into_iter().map(|user_name| ListedUser { user_name }).collect()))
            }
            Read::DescribeUser(DescribeUser { server_id, user_name }) => {
                let tags = self.user_tags.lock().unwrap().get(&(server_id, user_name.clone())).cloned();
                let tags = tags.ok_or_else(|| fault(operation, AwsErrorKind::NotFound))?;
                Answer::User(Box::new(User { user_name, tags, ..User::default() }))
            }
            Read::ListWorkflows(_) => {
                let ids: Vec<String> = self.workflows.lock().unwrap().keys().cloned().collect();
                Answer::Workflows(page(ids.into_iter().map(|workflow_id| ListedWorkflow { workflow_id }).collect()))
            }
            Read::DescribeWorkflow(DescribeWorkflow { workflow_id }) => {
                let found = self.workflows.lock().unwrap().get(&workflow_id).cloned();
                Answer::Workflow(Box::new(found.ok_or_else(|| fault(operation, AwsErrorKind::NotFound))?))
            }
            Read::ListAccesses(ListAccesses { server_id, .. }) => {
                let ids = self.accesses.lock().unwrap().get(&server_id).cloned().unwrap_or_default();
                Answer::Accesses(page(
                    ids.into_iter()
                        .map(|external_id| ListedAccess { external_id, ..ListedAccess::default() })
                        .collect(),
                ))
            }
            other => panic!("no kind asks {}", other.operation()),
        })
    }
}

fn page<T>(items: Vec<T>) -> Page<T> {
    Page { items, next_token: None }
}

pub fn fault(operation: &'static str, kind: AwsErrorKind) -> AwsError {
    AwsError {
        operation,
        kind,
        code: format!("{kind:?}"),
        message: String::new(),
        resource_type: None,
        retry_after: None,
        date: None,
    }
}

#[async_trait]
impl AwsApi for FakeTransfer {
    async fn read(&self, _at: Option<Timestamp>, call: Read) -> Result<Reply<Answer>, AwsError> {
        let operation = call.operation();
        let about = match &call {
            Read::DescribeServer(DescribeServer { server_id }) | Read::ListHostKeys(ListHostKeys { server_id, .. }) => {
                server_id.clone()
            }
            Read::DescribeHostKey(DescribeHostKey { host_key_id, .. }) => host_key_id.clone(),
            Read::ListUsers(ListUsers { server_id, .. }) | Read::ListAccesses(ListAccesses { server_id, .. }) => {
                server_id.clone()
            }
            Read::DescribeUser(DescribeUser { server_id, user_name }) => format!("{server_id}/{user_name}"),
            _ => String::new(),
        };
        let read = format!("{operation} {about}").trim_end().to_owned();
        self.reads.lock().unwrap().push(read.clone());
        if let Some(kind) = self.once.lock().unwrap().remove(&read) {
            return Err(fault(operation, kind));
        }
        if operation == "ListServers" {
            drop(self.listing.read().await);
        }
        if let Some(kind) = self.faults.lock().unwrap().get(operation) {
            return Err(fault(operation, *kind));
        }
        let value = self.answer(operation, call)?;
        Ok(Reply { value, date: Some(NOW.parse().unwrap()) })
    }

    async fn mutate(&self, _: Permit, _: Timestamp, call: Mutation) -> Result<Reply<CreateOutput>, AwsError> {
        panic!("no kind sends {} by itself", call.operation())
    }
}

/// Identities to accounts of the fake.
pub struct FakeAws {
    pub transfer: Arc<FakeTransfer>,
    /// How often an account was asked for: nobody who is denied gets so far.
    pub asked: Mutex<u32>,
}

impl FakeAws {
    pub fn of(&self, id: &str, region: &str) -> Account {
        let rates = Rates { read: 1e9, write: 1e9, create_server: 1e9, burst_seconds: 1.0 };
        let transfer = Arc::clone(&self.transfer) as Arc<dyn AwsApi>;
        let clock = Arc::new(AwsClock::default());
        clock.observe(Some(NOW.parse().unwrap()));
        Account::new(id.to_owned(), region.to_owned(), transfer, RateLimiter::new(rates), clock)
    }
}

#[async_trait]
impl Aws for FakeAws {
    async fn account(&self, identity: &AwsIdentity, region: &str) -> Result<Account, AwsError> {
        *self.asked.lock().unwrap() += 1;
        Ok(self.of(&identity.spec.account_id, region))
    }

    async fn verify(&self, identity: &AwsIdentity) -> Result<CallerIdentity, AwsError> {
        Ok(CallerIdentity { account: identity.spec.account_id.clone(), arn: String::new() })
    }
}

/// What the watches hold.
#[derive(Default)]
pub struct FakeLister {
    pub identities: Mutex<BTreeMap<String, AwsIdentity>>,
    pub servers: Mutex<BTreeMap<Name, TransferServer>>,
    pub users: Mutex<Vec<TransferUser>>,
    pub accesses: Mutex<Vec<TransferAccess>>,
    pub workflows: Mutex<Vec<TransferWorkflow>>,
    pub labels: Mutex<BTreeMap<String, BTreeMap<String, String>>>,
}

impl Lister for FakeLister {
    fn identity(&self, name: &str) -> Option<Arc<AwsIdentity>> {
        self.identities.lock().unwrap().get(name).cloned().map(Arc::new)
    }

    fn namespace_labels(&self, name: &str) -> Option<BTreeMap<String, String>> {
        self.labels.lock().unwrap().get(name).cloned()
    }

    fn object(&self, kind: ManagedKind, name: &Name) -> Option<Arc<dyn Object>> {
        self.objects(kind).into_iter().find(|object| Name::from(object.metadata()) == *name)
    }

    fn objects(&self, kind: ManagedKind) -> Vec<Arc<dyn Object>> {
        fn all<'a, K: Managed>(objects: impl IntoIterator<Item = &'a K>) -> Vec<Arc<dyn Object>> {
            objects.into_iter().map(|object| Arc::new(object.clone()) as Arc<dyn Object>).collect()
        }
        match kind {
            ManagedKind::TransferServer => all(self.servers.lock().unwrap().values()),
            ManagedKind::TransferUser => all(self.users.lock().unwrap().iter()),
            ManagedKind::TransferAccess => all(self.accesses.lock().unwrap().iter()),
            ManagedKind::TransferWorkflow => all(self.workflows.lock().unwrap().iter()),
        }
    }
}

/// The API server: lists by kind, Secrets and ConfigMaps.
#[derive(Default)]
pub struct FakeKubeApi {
    pub objects: Mutex<BTreeMap<String, Vec<Value>>>,
    /// What the listing of a kind ends with, after all of its objects.
    pub breaks_off: Mutex<BTreeMap<String, ClusterError>>,
    pub secrets: Mutex<BTreeMap<Name, (String, BTreeMap<String, String>)>>,
    /// Namespaces whose Secrets may not be read.
    pub forbidden: Mutex<BTreeSet<String>>,
    pub config_maps: Mutex<BTreeMap<Name, BTreeMap<String, String>>>,
}

#[async_trait]
impl KubeApi for FakeKubeApi {
    async fn get(&self, kind: &ApiResource, name: &Name) -> Result<Option<Value>, ClusterError> {
        let at =
            |value: &&Value| value["metadata"]["name"] == name.name && value["metadata"]["namespace"] == name.namespace;
        Ok(self.objects.lock().unwrap().get(&kind.kind).into_iter().flatten().find(at).cloned())
    }

    async fn list(
        &self,
        kind: &ApiResource,
        _: Reach,
        each: &mut (dyn FnMut(Value) + Send),
    ) -> Result<(), ClusterError> {
        self.objects.lock().unwrap().get(&kind.kind).into_iter().flatten().cloned().for_each(each);
        // A listing may break off after its first page.
        self.breaks_off.lock().unwrap().get(&kind.kind).cloned().map_or(Ok(()), Err)
    }

    async fn apply_status(&self, _: &ApiResource, name: &Name, _: &str, _: Value) -> Result<Value, ClusterError> {
        panic!("no kind writes the status of {name} by itself")
    }

    async fn set_finalizer(
        &self,
        _: &ApiResource,
        name: &Name,
        _: &str,
        _: &str,
        _: &str,
        _: bool,
    ) -> Result<Value, ClusterError> {
        panic!("no kind changes the finalizer of {name} by itself")
    }

    async fn secret(&self, name: &Name) -> Result<Option<SecretData>, ClusterError> {
        if self.forbidden.lock().unwrap().contains(&name.namespace) {
            return Err(ClusterError::Forbidden(name.to_string()));
        }
        let found = self.secrets.lock().unwrap().get(name).cloned();
        Ok(found.map(|(secret_type, data)| SecretData {
            secret_type,
            data: data.into_iter().map(|(key, value)| (key, Ok(value.into()))).collect(),
        }))
    }

    async fn config_map(&self, name: &Name) -> Result<Option<Texts<String>>, ClusterError> {
        Ok(self
            .config_maps
            .lock()
            .unwrap()
            .get(name)
            .cloned()
            .map(|data| data.into_iter().map(|(key, text)| (key, Ok(text))).collect()))
    }

    async fn publish(&self, _: &ApiResource, _: &Value, _: EventNote) {}
}

/// A clock that stands at [`NOW`].
struct Fixed;

impl Env for Fixed {
    fn uuid(&self) -> String {
        "attempt".to_owned()
    }
    fn fraction(&self) -> f64 {
        0.5
    }
    fn wall(&self) -> Timestamp {
        NOW.parse().unwrap()
    }
}

/// A whole installation in memory.
pub struct World {
    pub transfer: Arc<FakeTransfer>,
    pub aws: Arc<FakeAws>,
    pub lister: Arc<FakeLister>,
    pub cluster: Arc<FakeKubeApi>,
    pub deps: Arc<Deps>,
}

impl World {
    /// With an identity `default` whose grants are these.
    pub fn with_grants(grants: Value) -> Self {
        let transfer = Arc::new(FakeTransfer::default());
        let aws = Arc::new(FakeAws { transfer: Arc::clone(&transfer), asked: Mutex::new(0) });
        let lister = Arc::new(FakeLister::default());
        let cluster = Arc::new(FakeKubeApi::default());
        let deps = Arc::new(Deps {
            cluster: Arc::clone(&cluster) as Arc<dyn KubeApi>,
            lister: Arc::clone(&lister) as Arc<dyn Lister>,
            aws: Arc::clone(&aws) as Arc<dyn Aws>,
            cluster_id: CLUSTER.to_owned(),
            verified: Verified::default(),
            workflows: WorkflowsSeen::default(),
            env: Arc::new(Fixed),
        });
        let world = Self { transfer, aws, lister, cluster, deps };
        world.grant(grants);
        world
    }

    /// With an identity `default` that grants everything everywhere.
    pub fn open() -> Self {
        Self::with_grants(json!([{
            "name": "all", "kinds": ManagedKind::ALL, "namespaces": {"from": "All"},
            "roleArns": [format!("arn:aws:iam::{ACCOUNT}:role/*")],
        }]))
    }

    /// Replaces the grants of the identity `default`.
    pub fn grant(&self, grants: Value) {
        let identity = serde_json::from_value(json!({
            "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "AwsIdentity",
            "metadata": {"name": "default", "uid": "identity", "generation": 1},
            "spec": {"accountId": ACCOUNT, "regions": [REGION], "credentials": {"source": "Operator"}, "grants": grants},
        }))
        .unwrap();
        self.lister.identities.lock().unwrap().insert("default".to_owned(), identity);
    }

    pub fn account(&self) -> Account {
        self.aws.of(ACCOUNT, REGION)
    }

    pub fn asked(&self) -> u32 {
        *self.aws.asked.lock().unwrap()
    }

    /// Puts a server object where the watches hold it.
    pub fn watch(&self, server: &TransferServer) {
        let name = Name { namespace: server.namespace().unwrap(), name: server.name_any() };
        self.lister.servers.lock().unwrap().insert(name, server.clone());
    }

    /// Puts an object where a live list finds it.
    pub fn store<K: Managed>(&self, object: &K) {
        let value = serde_json::to_value(object).unwrap();
        self.cluster.objects.lock().unwrap().entry(K::kind(&()).into_owned()).or_default().push(value);
    }
}

/// An object of namespace `team`; its uid is `uid-` and its name.
pub fn object<K: Managed>(name: &str, spec: Value, status: Value) -> K {
    let mut value = json!({
        "apiVersion": "transfer-operator.dev/v1alpha1", "kind": K::kind(&()),
        "metadata": {"name": name, "namespace": "team", "uid": format!("uid-{name}")}, "spec": spec,
    });
    if !status.is_null() {
        value["status"] = status;
    }
    serde_json::from_value(value).unwrap()
}

/// The same, being deleted, with our finalizer.
pub fn dying<K: Managed>(mut object: K) -> K {
    let meta = object.meta_mut();
    meta.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(NOW.parse().unwrap()));
    meta.finalizers = Some(vec![crate::api::FINALIZER.to_owned()]);
    object
}

/// A server of AWS that is owned by the object of this name in namespace `team`.
pub fn owned(id: &str, name: &str) -> Server {
    let owner = Owner::new(CLUSTER, "team", name, &format!("uid-{name}"));
    Server {
        arn: format!("arn:aws:transfer:{REGION}:{ACCOUNT}:server/{id}"),
        server_id: id.to_owned(),
        domain: Some("S3".to_owned()),
        state: Some("ONLINE".to_owned()),
        tags: owner.tags("attempt"),
        ..Server::default()
    }
}
