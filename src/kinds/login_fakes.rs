//! Dependencies without anything behind them, for tests of single methods of users, accesses and identities: a table of
//! what each door answers, and a log of what was asked and written. Whole reconciles run against `fakes::simulated`.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use kube::api::ObjectMeta;
use kube::core::ApiResource;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::deps::Deps;
use crate::api::{AwsIdentity, Managed, ManagedKind, TransferAccess, TransferServer, TransferUser};
use crate::aws::account_clients::{Aws, CallerIdentity};
use crate::aws::rate_limiter::Rates;
use crate::aws::transfer::{Access, DescribeUser, ListedAccess, Server, ServerSettings, Tags, User};
use crate::aws::{
    Account, Answer, AwsApi, AwsClock, AwsError, AwsErrorKind, CreateOutput, Mutation, Page, Permit, RateLimiter, Read,
    Reply,
};
use crate::cluster::{ClusterError, EventNote, KubeApi, Lister, Name, Object, OwnedWrite, Reach, SecretData, Texts};
use crate::engine::consistency::Windows;
use crate::engine::settings::{Env, Settings};

pub const ACCOUNT: &str = "123456789012";
pub const REGION: &str = "eu-central-1";
pub const SERVER: &str = "s-0123456789abcdef0";
pub const CLUSTER: &str = "cluster-1";
pub const ROLE: &str = "arn:aws:iam::123456789012:role/sftp";

/// Everything that the doors show, and what was asked and written.
#[derive(Default)]
pub struct World {
    pub identities: Mutex<Vec<Arc<AwsIdentity>>>,
    pub servers: Mutex<Vec<Arc<TransferServer>>>,
    pub users: Mutex<Vec<Arc<TransferUser>>>,
    pub accesses: Mutex<Vec<Arc<TransferAccess>>>,
    pub config_maps: Mutex<BTreeMap<Name, Texts<String>>>,
    pub forbidden: Mutex<bool>,
    pub aws_server: Mutex<Server>,
    pub aws_user: Mutex<Option<User>>,
    pub aws_access: Mutex<Option<Access>>,
    pub listed_role: Mutex<Option<String>>,
    pub caller: Mutex<Option<Result<CallerIdentity, AwsError>>>,
    pub live: Mutex<Vec<Value>>,
    pub reads: Mutex<Vec<&'static str>>,
    pub statuses: Mutex<Vec<Value>>,
    /// What a listing of the whole cluster has on top.
    pub elsewhere: Mutex<Option<Result<Vec<Value>, ClusterError>>>,
    pub finalizers: Mutex<Vec<(String, bool)>>,
    pub notes: Mutex<Vec<EventNote>>,
    pub refuse_writes: Mutex<Option<ClusterError>>,
}

pub fn object<K: DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).unwrap()
}

pub fn identity() -> AwsIdentity {
    object(json!({
        "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "AwsIdentity",
        "metadata": {"name": "default", "uid": "identity", "generation": 1, "resourceVersion": "1"},
        "spec": {"accountId": ACCOUNT, "regions": [REGION], "credentials": {"source": "Operator"},
            "tags": {"owner": "platform"},
            "grants": [{"name": "a", "kinds": ["TransferServer", "TransferUser", "TransferAccess"],
                "namespaces": {"from": "Names", "names": ["ns", "other"]}, "roleArns": [ROLE]}]}
    }))
}

/// The server object `ns/files`, whose id is known.
pub fn server(spec: Value) -> TransferServer {
    let mut spec = spec;
    spec.as_object_mut().unwrap().entry("region").or_insert(json!(REGION));
    object(json!({
        "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "TransferServer",
        "metadata": {"name": "files", "namespace": "ns", "uid": "server-uid"},
        "spec": spec, "status": {"observedGeneration": 1, "serverId": SERVER}
    }))
}

/// A world in which `ns/files` is a server of ours with this provider.
pub fn world(provider: &str) -> Arc<World> {
    let world = World::default();
    world.identities.lock().unwrap().push(Arc::new(identity()));
    world.servers.lock().unwrap().push(Arc::new(server(json!({"allowedReferences": {"namespaces": {"from": "All"}}}))));
    *world.aws_server.lock().unwrap() = Server {
        server_id: SERVER.to_owned(),
        domain: Some("S3".to_owned()),
        settings: ServerSettings { identity_provider_type: Some(provider.to_owned()), ..ServerSettings::default() },
        tags: owner_tags("ns/files", "server-uid"),
        ..Server::default()
    };
    Arc::new(world)
}

pub fn owner_tags(name: &str, uid: &str) -> Tags {
    let rows = [(crate::api::TAG_CLUSTER, CLUSTER), (crate::api::TAG_OWNER, name), (crate::api::TAG_UID, uid)];
    rows.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

pub fn deps(world: &Arc<World>) -> Arc<Deps> {
    Arc::new(Deps {
        cluster: Arc::clone(world) as Arc<dyn KubeApi>,
        lister: Arc::clone(world) as Arc<dyn Lister>,
        aws: Arc::new(FakeAws(Arc::clone(world))),
        cluster_id: CLUSTER.to_owned(),
        verified: super::deps::Verified::default(),
        workflows: super::deps::WorkflowsSeen::default(),
        swept: crate::kinds::swept::Swept::default(),
        wake: Box::new(|_| ()),
        resync: std::time::Duration::from_mins(10),
        expiry_warning: SignedDuration::from_hours(14 * 24),
        env: Arc::new(Fixed),
    })
}

pub fn refusal(kind: AwsErrorKind, code: &str, resource_type: Option<&str>) -> AwsError {
    AwsError {
        operation: "Fake",
        kind,
        code: code.to_owned(),
        message: "no".to_owned(),
        resource_type: resource_type.map(str::to_owned),
        retry_after: None,
        date: None,
    }
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

struct Fixed;

impl Env for Fixed {
    fn uuid(&self) -> String {
        "attempt".to_owned()
    }
    fn fraction(&self) -> f64 {
        0.5
    }
    fn wall(&self) -> Timestamp {
        at("2030-01-01T00:00:00Z")
    }
}

pub fn settings() -> Settings {
    Settings {
        cluster_id: CLUSTER.to_owned(),
        windows: Windows::new(SignedDuration::from_mins(15), SignedDuration::from_mins(2)),
        resync: Duration::from_mins(10),
        looks: Arc::default(),
        rejection_grace: Duration::from_mins(2),
        hold_percent: 10,
        env: Arc::new(Fixed),
    }
}

#[async_trait]
impl KubeApi for World {
    async fn get(&self, _: &ApiResource, _: &Name) -> Result<Option<Value>, ClusterError> {
        Ok(None)
    }
    async fn list(
        &self,
        kind: &ApiResource,
        reach: Reach,
        each: &mut (dyn FnMut(Value) + Send),
    ) -> Result<(), ClusterError> {
        let mut live = self.live.lock().unwrap().clone();
        if reach == Reach::Everywhere {
            live.extend(self.elsewhere.lock().unwrap().clone().unwrap_or(Ok(Vec::new()))?);
        }
        live.iter().filter(|object| object["kind"] == kind.kind.as_str()).cloned().for_each(each);
        Ok(())
    }
    async fn apply_status(&self, _: &ApiResource, name: &Name, _: &str, status: Value) -> Result<Value, ClusterError> {
        if let Some(error) = self.refuse_writes.lock().unwrap().clone() {
            return Err(error);
        }
        assert_eq!(name.namespace, "", "identities are cluster-scoped");
        self.statuses.lock().unwrap().push(status);
        Ok(Value::Null)
    }
    async fn set_finalizer(
        &self,
        _: &ApiResource,
        read: &ObjectMeta,
        finalizer: &str,
        present: bool,
    ) -> Result<Value, ClusterError> {
        let version = (read.uid.as_deref(), read.resource_version.as_deref());
        assert_eq!(version, (Some("identity"), Some("1")), "tested against what was read");
        self.finalizers.lock().unwrap().push((finalizer.to_owned(), present));
        Ok(Value::Null)
    }
    async fn write_owned(&self, _: &ApiResource, name: &Name, _: OwnedWrite) -> Result<(), ClusterError> {
        Err(ClusterError::Forbidden(name.to_string()))
    }
    async fn secret(&self, _: &Name) -> Result<Option<SecretData>, ClusterError> {
        Ok(None)
    }
    async fn config_map(&self, name: &Name) -> Result<Option<Texts<String>>, ClusterError> {
        if *self.forbidden.lock().unwrap() {
            return Err(ClusterError::Forbidden(name.to_string()));
        }
        Ok(self.config_maps.lock().unwrap().get(name).cloned())
    }
    async fn publish(&self, _: &ApiResource, _: &Value, note: EventNote) {
        self.notes.lock().unwrap().push(note);
    }
}

impl Lister for World {
    fn identity(&self, name: &str) -> Option<Arc<AwsIdentity>> {
        self.identities.lock().unwrap().iter().find(|identity| identity.name_any() == name).cloned()
    }
    fn namespace_labels(&self, _: &str) -> Option<BTreeMap<String, String>> {
        Some(BTreeMap::new())
    }
    fn object(&self, kind: ManagedKind, name: &Name) -> Option<Arc<dyn Object>> {
        self.objects(kind).into_iter().find(|object| Name::from(object.metadata()) == *name)
    }
    fn objects(&self, kind: ManagedKind) -> Vec<Arc<dyn Object>> {
        fn all<K: Managed>(objects: &[Arc<K>]) -> Vec<Arc<dyn Object>> {
            objects.iter().map(|object| Arc::clone(object) as Arc<dyn Object>).collect()
        }
        match kind {
            ManagedKind::TransferServer => all(&self.servers.lock().unwrap()),
            ManagedKind::TransferUser => all(&self.users.lock().unwrap()),
            ManagedKind::TransferAccess => all(&self.accesses.lock().unwrap()),
            ManagedKind::TransferWorkflow => Vec::new(),
        }
    }
}

struct FakeAws(Arc<World>);

#[async_trait]
impl Aws for FakeAws {
    async fn account(&self, identity: &AwsIdentity, region: &str) -> Result<Account, AwsError> {
        let transfer = Arc::new(FakeTransfer(Arc::clone(&self.0)));
        let clock = Arc::new(AwsClock::default());
        let limiter = RateLimiter::new(Rates::default());
        Ok(Account::new(identity.spec.account_id.clone(), region.to_owned(), transfer, limiter, clock))
    }
    async fn verify(&self, _: &AwsIdentity) -> Result<CallerIdentity, AwsError> {
        self.0.reads.lock().unwrap().push("GetCallerIdentity");
        self.0.caller.lock().unwrap().clone().unwrap()
    }
}

struct FakeTransfer(Arc<World>);

#[async_trait]
impl AwsApi for FakeTransfer {
    async fn read(&self, _: Option<Timestamp>, call: Read) -> Result<Reply<Answer>, AwsError> {
        let world = &self.0;
        world.reads.lock().unwrap().push(call.operation());
        let missing = || refusal(AwsErrorKind::NotFound, "ResourceNotFoundException", Some("User"));
        let value = match call {
            Read::ListServers(_) => {
                let row = world.aws_server.lock().unwrap().row();
                Answer::Servers(Page { items: vec![row], next_token: None })
            }
            Read::ListWorkflows(_) => Answer::Workflows(Page { items: Vec::new(), next_token: None }),
            Read::ListUsers(_) => Answer::Users(Page { items: Vec::new(), next_token: None }),
            Read::DescribeServer(_) => Answer::Server(Box::new(world.aws_server.lock().unwrap().clone())),
            Read::DescribeUser(DescribeUser { server_id, user_name }) => {
                let user = world.aws_user.lock().unwrap().clone();
                assert_eq!(server_id, SERVER);
                Answer::User(Box::new(user.filter(|user| user.user_name == user_name).ok_or_else(missing)?))
            }
            Read::DescribeAccess(_) => {
                Answer::Access(Box::new(world.aws_access.lock().unwrap().clone().ok_or_else(missing)?))
            }
            Read::ListAccesses(_) => {
                let role = world.listed_role.lock().unwrap().clone();
                let external_id = "S-1-5-21".to_owned();
                let row = ListedAccess { external_id, role, ..ListedAccess::default() };
                Answer::Accesses(Page { items: vec![row], next_token: None })
            }
            other => return Err(refusal(AwsErrorKind::Rejected, other.operation(), None)),
        };
        Ok(Reply { value, date: Some(at("2030-01-01T00:00:00Z")) })
    }
    async fn mutate(&self, _: Permit, _: Timestamp, call: Mutation) -> Result<Reply<CreateOutput>, AwsError> {
        Err(refusal(AwsErrorKind::Rejected, call.operation(), None))
    }
}
