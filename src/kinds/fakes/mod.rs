//! The two fakes of the tests: an API server in memory (`api_server`) and the simulator behind a direct door
//! (`simulated`), which whole reconciles run against. [`World`] is for tests of one piece of a kind, such as a look-up
//! or a scan: its [`FakeTransfer`] is a table of answers and a log of what was read, and takes no mutation.
#![allow(clippy::needless_pass_by_value, clippy::match_same_arms)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

pub mod api_server;
pub mod held;
pub mod simulated;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use self::api_server::Objects;
use super::deps::{Deps, Verified, WorkflowsSeen};
use crate::api::{AwsIdentity, Managed, ManagedKind};
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
use crate::cluster::{KubeApi, Lister};
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
        let mut listed: Vec<ListedServer> = self.servers.lock().unwrap().values().map(Server::row).collect();
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
                Answer::Users(page(
                    names.into_iter().map(|user_name| ListedUser { user_name, ..ListedUser::default() }).collect(),
                ))
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
        let rates = Rates::fixed(1e9);
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
    /// What the watches hold.
    pub lister: Arc<Objects>,
    /// What the API server has.
    pub cluster: Arc<Objects>,
    pub deps: Arc<Deps>,
}

impl World {
    /// With an identity `default` whose grants are these.
    pub fn with_grants(grants: Value) -> Self {
        let transfer = Arc::new(FakeTransfer::default());
        let aws = Arc::new(FakeAws { transfer: Arc::clone(&transfer), asked: Mutex::new(0) });
        let lister = Arc::new(Objects::default());
        let cluster = Arc::new(Objects::default());
        let deps = Arc::new(Deps {
            cluster: Arc::clone(&cluster) as Arc<dyn KubeApi>,
            lister: Arc::clone(&lister) as Arc<dyn Lister>,
            aws: Arc::clone(&aws) as Arc<dyn Aws>,
            cluster_id: CLUSTER.to_owned(),
            verified: Verified::default(),
            workflows: WorkflowsSeen::default(),
            swept: crate::kinds::swept::Swept::default(),
            wake: Box::new(|_| ()),
            resync: std::time::Duration::from_mins(10),
            expiry_warning: SignedDuration::from_hours(14 * 24),
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
        self.lister.put(json!({
            "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "AwsIdentity",
            "metadata": {"name": "default", "uid": "identity", "generation": 1},
            "spec": {"accountId": ACCOUNT, "regions": [REGION], "credentials": {"source": "Operator"}, "grants": grants},
        }));
    }

    /// The identity `default` is changed.
    pub fn identity(&self, change: impl FnOnce(&mut AwsIdentity)) {
        let mut identity = AwsIdentity::clone(&self.lister.identity("default").unwrap());
        change(&mut identity);
        self.lister.put(serde_json::to_value(identity).unwrap());
    }

    pub fn account(&self) -> Account {
        self.aws.of(ACCOUNT, REGION)
    }

    pub fn asked(&self) -> u32 {
        *self.aws.asked.lock().unwrap()
    }

    /// Puts an object where the watches hold it.
    pub fn watch<K: Managed>(&self, object: &K) {
        self.lister.put(serde_json::to_value(object).unwrap());
    }

    /// Puts an object where a live list finds it.
    pub fn store<K: Managed>(&self, object: &K) {
        self.cluster.put(serde_json::to_value(object).unwrap());
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
