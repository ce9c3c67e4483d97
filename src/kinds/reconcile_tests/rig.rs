//! A whole installation in memory: an API server that keeps objects, an AWS that keeps servers and logins, virtual
//! time. It follows both only as far as the protocol rests on them; knobs lose answers, hide, and change things in
//! between.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};
use kube::core::ApiResource;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::api::{AwsIdentity, ManagedKind, TransferServer};
use crate::aws::account_clients::{Aws, CallerIdentity};
use crate::aws::error::kind_of;
use crate::aws::rate_limiter::Rates;
use crate::aws::transfer::{
    Access, DeleteAccess, DeleteServer, DeleteSshPublicKey, DeleteUser, DescribeAccess, DescribeServer, DescribeUser,
    ImportSshPublicKey, ListAccesses, ListHostKeys, ListUsers, ListedAccess, ListedServer, ListedUser, Server,
    SshPublicKey, StartServer, TagResource, Tags, UntagResource, UpdateAccess, UpdateServer, UpdateUser, User,
};
use crate::aws::{
    Account, Answer, AwsApi, AwsClock, AwsError, AwsErrorKind, CreateOutput, Mutation, Page, Permit, RateLimiter, Read,
    Reply,
};
use crate::cluster::{self, ClusterError, EventNote, KubeApi, Lister, Name, Object, Reach, SecretData, Texts};
use crate::engine::consistency::Windows;
use crate::engine::context::{Engine, Requeue};
use crate::engine::controller;
use crate::engine::memory::Memory;
use crate::engine::reconcile::reconcile;
use crate::engine::settings::{Env, Settings};
use crate::kinds::access::Accesses;
use crate::kinds::deps::{Deps, Verified, WorkflowsSeen};
use crate::kinds::fakes::{ACCOUNT, CLUSTER, NOW, REGION, fault};
use crate::kinds::server::Servers;
use crate::kinds::user::Users;

pub const ROLE: &str = "arn:aws:iam::123456789012:role/sftp";
pub const LAG: Duration = Duration::from_mins(2);
pub const TOLERANCE: Duration = Duration::from_mins(15);

/// No test needs nearly as many.
const PASSES: u64 = 2000;

type Key = (String, Name);
type Between = Box<dyn FnOnce() + Send>;
type Refuses = Box<dyn Fn(&Mutation) -> Option<AwsError> + Send>;

/// What is sent, over what is held.
fn overlaid<T: Serialize + DeserializeOwned>(held: &T, sent: &T) -> T {
    let (mut held, sent) = (serde_json::to_value(held).unwrap(), serde_json::to_value(sent).unwrap());
    for (member, value) in sent.as_object().unwrap() {
        held[member] = value.clone();
    }
    serde_json::from_value(held).unwrap()
}

fn name(name: &str) -> Name {
    Name { namespace: "team".to_owned(), name: name.to_owned() }
}

/// What becomes of a write to the API server.
#[derive(Clone, Copy, PartialEq)]
pub enum Fail {
    /// It never arrives.
    Write,
    /// It is done, its answer does not arrive.
    Answer,
    /// Somebody else was faster.
    Conflict,
    /// It is done, and done again by the client, which is told of its own first write.
    Repeat,
    /// Another process wrote its own attempt.
    Overtaken,
}

/// The API server.
pub struct Objects {
    stored: Mutex<BTreeMap<Key, Value>>,
    version: AtomicU64,
    pub config_maps: Mutex<BTreeMap<Name, BTreeMap<String, String>>>,
    /// Secrets by name; `Err` where none may be read.
    pub secrets: Mutex<Result<BTreeMap<String, (String, String)>, ()>>,
    /// What the next reads answer with, instead of what is stored.
    pub stale: Mutex<Vec<Value>>,
    /// How long a status write takes.
    pub slow: Mutex<Duration>,
    /// What becomes of the next status writes, the last first.
    pub fail: Mutex<Vec<Fail>>,
    /// Until when none arrives.
    pub away: Mutex<Option<Instant>>,
    pub notes: Mutex<Vec<EventNote>>,
    pub writes: Mutex<u32>,
}

impl Default for Objects {
    fn default() -> Self {
        Self {
            stored: Mutex::default(),
            version: AtomicU64::default(),
            config_maps: Mutex::default(),
            secrets: Mutex::new(Ok(BTreeMap::new())),
            stale: Mutex::default(),
            slow: Mutex::default(),
            fail: Mutex::default(),
            away: Mutex::default(),
            notes: Mutex::default(),
            writes: Mutex::default(),
        }
    }
}

impl Objects {
    fn next_version(&self) -> String {
        (self.version.fetch_add(1, Ordering::Relaxed) + 1).to_string()
    }

    fn change(&self, key: &Key, version: Option<&str>, change: impl FnOnce(&mut Value)) -> Result<Value, ClusterError> {
        let mut stored = self.stored.lock().unwrap();
        let object = stored.get_mut(key).ok_or_else(|| ClusterError::NotFound(key.1.to_string()))?;
        if version.is_some_and(|version| object["metadata"]["resourceVersion"] != version) {
            return Err(ClusterError::Conflict(key.1.to_string()));
        }
        change(object);
        object["metadata"]["resourceVersion"] = json!(self.next_version());
        let object = object.clone();
        let bare = object["metadata"]["finalizers"].as_array().is_none_or(Vec::is_empty);
        if bare && !object["metadata"]["deletionTimestamp"].is_null() {
            stored.remove(key);
        }
        Ok(object)
    }

    fn all(&self, kind: &str) -> Vec<Value> {
        let stored = self.stored.lock().unwrap();
        stored.iter().filter(|((other, _), _)| other == kind).map(|(_, value)| value.clone()).collect()
    }
}

#[async_trait]
impl KubeApi for Objects {
    async fn get(&self, kind: &ApiResource, name: &Name) -> Result<Option<Value>, ClusterError> {
        if let Some(stale) = self.stale.lock().unwrap().pop() {
            return Ok(Some(stale));
        }
        Ok(self.stored.lock().unwrap().get(&(kind.kind.clone(), name.clone())).cloned())
    }
    async fn list(
        &self,
        kind: &ApiResource,
        _: Reach,
        each: &mut (dyn FnMut(Value) + Send),
    ) -> Result<(), ClusterError> {
        let stored = self.stored.lock().unwrap();
        stored.iter().filter(|((other, _), _)| *other == kind.kind).map(|(_, value)| value.clone()).for_each(each);
        Ok(())
    }
    async fn apply_status(
        &self,
        kind: &ApiResource,
        name: &Name,
        version: &str,
        status: Value,
    ) -> Result<Value, ClusterError> {
        *self.writes.lock().unwrap() += 1;
        let slow = *self.slow.lock().unwrap();
        tokio::time::sleep(slow).await;
        let fail = self.fail.lock().unwrap().pop();
        let lost = || ClusterError::Unavailable(name.to_string(), "no answer".to_owned());
        let away = self.away.lock().unwrap().is_some_and(|until| Instant::now() < until);
        match fail {
            _ if away => return Err(lost()),
            Some(Fail::Write) => return Err(lost()),
            Some(Fail::Conflict) => return Err(ClusterError::Conflict(name.to_string())),
            _ => {}
        }
        let written = self.change(&(kind.kind.clone(), name.clone()), Some(version), |object| {
            object["status"] = status;
            if fail == Some(Fail::Overtaken) {
                object["status"]["create"]["attempt"] = json!("attempt-of-another");
            }
        })?;
        match fail {
            Some(Fail::Answer) => Err(lost()),
            Some(Fail::Repeat | Fail::Overtaken) => Err(ClusterError::Conflict(name.to_string())),
            _ => Ok(written),
        }
    }
    async fn set_finalizer(
        &self,
        kind: &ApiResource,
        name: &Name,
        _: &str,
        version: &str,
        finalizer: &str,
        present: bool,
    ) -> Result<Value, ClusterError> {
        let finalizers = if present { json!([finalizer]) } else { json!([]) };
        self.change(&(kind.kind.clone(), name.clone()), Some(version), |object| {
            object["metadata"]["finalizers"] = finalizers;
        })
    }
    async fn secret(&self, name: &Name) -> Result<Option<SecretData>, ClusterError> {
        let secrets = self.secrets.lock().unwrap().clone().map_err(|()| ClusterError::Forbidden(name.to_string()))?;
        Ok(secrets.get(&name.name).map(|(secret_type, text)| SecretData {
            secret_type: secret_type.clone(),
            data: BTreeMap::from([("ssh-privatekey".to_owned(), Ok(text.clone().into()))]),
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
    async fn publish(&self, _: &ApiResource, _: &Value, note: EventNote) {
        self.notes.lock().unwrap().push(note);
    }
}

impl Lister for Objects {
    fn identity(&self, name: &str) -> Option<Arc<AwsIdentity>> {
        let identities = self.all("AwsIdentity").into_iter().map(|value| serde_json::from_value(value).unwrap());
        identities.map(Arc::<AwsIdentity>::new).find(|found| found.metadata.name.as_deref() == Some(name))
    }
    fn namespace_labels(&self, _: &str) -> Option<BTreeMap<String, String>> {
        Some(BTreeMap::new())
    }
    fn object(&self, kind: ManagedKind, name: &Name) -> Option<Arc<dyn Object>> {
        let value = self.stored.lock().unwrap().get(&(kind.name().to_owned(), name.clone())).cloned()?;
        Some(cluster::decode_any(kind, value).unwrap())
    }
    fn objects(&self, kind: ManagedKind) -> Vec<Arc<dyn Object>> {
        self.all(kind.name()).into_iter().map(|value| cluster::decode_any(kind, value).unwrap()).collect()
    }
}

/// What becomes of the next call of an operation.
#[derive(Clone, Copy, PartialEq)]
pub enum Lose {
    /// It never arrives.
    Call(AwsErrorKind),
    /// It takes effect, its answer does not arrive.
    Answer,
    /// It is accepted, and nothing is to be seen of it.
    Effect,
}

/// AWS.
pub struct Cloud {
    began: Instant,
    pub servers: Mutex<BTreeMap<String, Server>>,
    pub users: Mutex<BTreeMap<(String, String), User>>,
    pub accesses: Mutex<BTreeMap<(String, String), Access>>,
    pub lose: Mutex<BTreeMap<&'static str, Vec<Lose>>>,
    /// Runs once an operation took effect, before it answers.
    pub between: Mutex<BTreeMap<&'static str, Between>>,
    /// Servers that listings do not show yet.
    pub unlisted: Mutex<BTreeSet<String>>,
    /// Users and accesses that reads do not show yet.
    pub unseen: Mutex<BTreeSet<String>>,
    /// How long AWS takes to answer a mutation.
    pub slow: Mutex<Duration>,
    /// What AWS says to a mutation, where it refuses it.
    pub refuses: Mutex<Option<Refuses>>,
    /// Every mutation that AWS took, by operation.
    pub calls: Mutex<Vec<String>>,
    /// Every mutation that AWS refused so.
    pub refused: Mutex<Vec<String>>,
    pub reads: Mutex<u32>,
    made: AtomicU64,
}

impl Cloud {
    fn now(&self) -> Timestamp {
        let now: Timestamp = NOW.parse().unwrap();
        now.checked_add(SignedDuration::try_from(self.began.elapsed()).unwrap()).unwrap()
    }

    fn missing(kind: &str) -> AwsError {
        AwsError { resource_type: Some(kind.to_owned()), ..fault("Fake", AwsErrorKind::NotFound) }
    }

    fn server(&self, id: &str) -> Result<Server, AwsError> {
        self.servers.lock().unwrap().get(id).cloned().ok_or_else(|| Self::missing("Server"))
    }

    fn answer(&self, call: Read) -> Result<Answer, AwsError> {
        fn page<T>(items: Vec<T>) -> Page<T> {
            Page { items, next_token: None }
        }
        Ok(match call {
            Read::ListServers(_) => {
                let hidden = self.unlisted.lock().unwrap();
                let shown = self.servers.lock().unwrap();
                let rows = shown.iter().filter(|(id, _)| !hidden.contains(*id)).map(|(id, server)| ListedServer {
                    server_id: id.clone(),
                    identity_provider_type: server.settings.identity_provider_type.clone(),
                });
                Answer::Servers(page(rows.collect()))
            }
            Read::DescribeServer(DescribeServer { server_id }) => Answer::Server(Box::new(self.server(&server_id)?)),
            Read::ListHostKeys(ListHostKeys { server_id, .. }) => {
                self.server(&server_id)?;
                Answer::HostKeys(page(Vec::new()))
            }
            Read::ListUsers(ListUsers { server_id, .. }) => {
                let users = self.users.lock().unwrap();
                let names = users.keys().filter(|(id, _)| *id == server_id).map(|(_, user_name)| user_name.clone());
                Answer::Users(page(names.map(|user_name| ListedUser { user_name }).collect()))
            }
            Read::DescribeUser(DescribeUser { server_id, user_name }) => {
                self.server(&server_id)?;
                let found = self.users.lock().unwrap().get(&(server_id, user_name)).cloned();
                let found = found.filter(|user| !self.unseen.lock().unwrap().contains(&user.user_name));
                Answer::User(Box::new(found.ok_or_else(|| Self::missing("User"))?))
            }
            Read::ListAccesses(ListAccesses { server_id, .. }) => {
                let accesses = self.accesses.lock().unwrap();
                let ids =
                    accesses.keys().filter(|(id, _)| *id == server_id).map(|(_, external_id)| external_id.clone());
                let row = |external_id| ListedAccess { external_id, ..ListedAccess::default() };
                Answer::Accesses(page(ids.map(row).collect()))
            }
            Read::DescribeAccess(DescribeAccess { server_id, external_id }) => {
                self.server(&server_id)?;
                let found = self.accesses.lock().unwrap().get(&(server_id, external_id)).cloned();
                let found = found.filter(|access| !self.unseen.lock().unwrap().contains(&access.external_id));
                Answer::Access(Box::new(found.ok_or_else(|| Self::missing("Access"))?))
            }
            Read::ListSecurityPolicies(_) => Answer::SecurityPolicyNames(page(Vec::new())),
            other => panic!("not asked for here: {}", other.operation()),
        })
    }

    fn tags(&self, arn: &str, change: impl FnOnce(&mut Tags)) -> Result<(), AwsError> {
        let (_, path) = arn.rsplit_once(':').unwrap();
        match path.split('/').collect::<Vec<_>>().as_slice() {
            ["server", id] => {
                let mut servers = self.servers.lock().unwrap();
                change(&mut servers.get_mut(*id).ok_or_else(|| Self::missing("Server"))?.tags);
            }
            ["user", id, name] => {
                let mut users = self.users.lock().unwrap();
                let key = ((*id).to_owned(), (*name).to_owned());
                change(&mut users.get_mut(&key).ok_or_else(|| Self::missing("User"))?.tags);
            }
            other => panic!("no ARN of ours: {other:?}"),
        }
        Ok(())
    }

    /// What the call is about, and what it does.
    fn effect(&self, call: Mutation) -> Result<CreateOutput, AwsError> {
        let exists = || Err(fault("Create", AwsErrorKind::Exists));
        let mut made = CreateOutput::default();
        match call {
            Mutation::CreateServer(call) => {
                let id = format!("s-{}", self.made.fetch_add(1, Ordering::Relaxed) + 1);
                let crate::aws::transfer::CreateServer { settings, tags, .. } = *call;
                self.put_server(&id, tags, |server| server.settings = settings);
                made.id = Some(id);
            }
            Mutation::UpdateServer(UpdateServer { server_id, settings, .. }) => {
                let mut servers = self.servers.lock().unwrap();
                let server = servers.get_mut(&server_id).ok_or_else(|| Self::missing("Server"))?;
                server.settings = overlaid(&server.settings, &settings);
            }
            Mutation::StartServer(StartServer { server_id }) => {
                let mut servers = self.servers.lock().unwrap();
                let server = servers.get_mut(&server_id).ok_or_else(|| Self::missing("Server"))?;
                server.state = Some("ONLINE".to_owned());
            }
            Mutation::DeleteServer(DeleteServer { server_id }) => {
                self.servers.lock().unwrap().remove(&server_id).ok_or_else(|| Self::missing("Server"))?;
                self.users.lock().unwrap().retain(|(id, _), _| *id != server_id);
            }
            Mutation::CreateUser(call) => {
                self.server(&call.server_id)?;
                let key = (call.server_id.clone(), call.user_name.clone());
                if self.users.lock().unwrap().contains_key(&key) {
                    return exists();
                }
                let arn = format!("arn:aws:transfer:{REGION}:{ACCOUNT}:user/{}/{}", key.0, key.1);
                let keys = call.ssh_public_key_body.iter();
                let ssh_public_keys = keys
                    .map(|body| SshPublicKey { id: "key-1".to_owned(), body: body.clone(), date_imported: None })
                    .collect();
                let user =
                    User { arn, user_name: call.user_name, settings: call.settings, ssh_public_keys, tags: call.tags };
                self.users.lock().unwrap().insert(key, user);
            }
            Mutation::UpdateUser(UpdateUser { server_id, user_name, settings }) => {
                let mut users = self.users.lock().unwrap();
                let user = users.get_mut(&(server_id, user_name)).ok_or_else(|| Self::missing("User"))?;
                user.settings = overlaid(&user.settings, &settings);
            }
            Mutation::ImportSshPublicKey(ImportSshPublicKey { server_id, user_name, body }) => {
                let mut users = self.users.lock().unwrap();
                let keys = &mut users.get_mut(&(server_id, user_name)).unwrap().ssh_public_keys;
                keys.push(SshPublicKey {
                    id: format!("key-of-{}", body.len() + keys.len()),
                    body,
                    date_imported: None,
                });
            }
            Mutation::DeleteSshPublicKey(DeleteSshPublicKey { server_id, user_name, key_id }) => {
                let mut users = self.users.lock().unwrap();
                users.get_mut(&(server_id, user_name)).unwrap().ssh_public_keys.retain(|key| key.id != key_id);
            }
            Mutation::DeleteUser(DeleteUser { server_id, user_name }) => {
                self.users.lock().unwrap().remove(&(server_id, user_name)).ok_or_else(|| Self::missing("User"))?;
            }
            Mutation::CreateAccess(call) => {
                let key = (call.server_id, call.external_id.clone());
                if self.accesses.lock().unwrap().contains_key(&key) {
                    return exists();
                }
                self.accesses
                    .lock()
                    .unwrap()
                    .insert(key, Access { external_id: call.external_id, settings: call.settings });
            }
            Mutation::UpdateAccess(UpdateAccess { server_id, external_id, settings }) => {
                let mut accesses = self.accesses.lock().unwrap();
                let access = accesses.get_mut(&(server_id, external_id)).unwrap();
                access.settings = overlaid(&access.settings, &settings);
            }
            Mutation::DeleteAccess(DeleteAccess { server_id, external_id }) => {
                self.accesses
                    .lock()
                    .unwrap()
                    .remove(&(server_id, external_id))
                    .ok_or_else(|| Self::missing("Access"))?;
            }
            Mutation::TagResource(TagResource { arn, tags }) => self.tags(&arn, |held| held.extend(tags))?,
            Mutation::UntagResource(UntagResource { arn, keys }) => {
                self.tags(&arn, |held| held.retain(|key, _| !keys.contains(key)))?;
            }
            other => panic!("not done here: {}", other.operation()),
        }
        Ok(made)
    }

    pub fn put_server(&self, id: &str, tags: Tags, change: impl FnOnce(&mut Server)) {
        let mut server = Server {
            arn: format!("arn:aws:transfer:{REGION}:{ACCOUNT}:server/{id}"),
            server_id: id.to_owned(),
            domain: Some("S3".to_owned()),
            state: Some("ONLINE".to_owned()),
            tags,
            ..Server::default()
        };
        change(&mut server);
        self.servers.lock().unwrap().insert(id.to_owned(), server);
    }

    /// The mutations that arrived since it was asked last.
    pub fn calls(&self) -> Vec<String> {
        std::mem::take(&mut *self.calls.lock().unwrap())
    }

    /// From now on AWS refuses the mutations for which this is some code and message.
    pub fn refuse(
        &self,
        code: &'static str,
        message: &'static str,
        these: impl Fn(&Mutation) -> bool + Send + 'static,
    ) {
        let refuses = move |call: &Mutation| {
            let fault = fault(call.operation(), kind_of(code, message));
            these(call).then(|| AwsError { code: code.to_owned(), message: message.to_owned(), ..fault })
        };
        *self.refuses.lock().unwrap() = Some(Box::new(refuses));
    }

    /// How many mutations AWS refused so since it was asked last.
    pub fn refused(&self) -> usize {
        std::mem::take(&mut *self.refused.lock().unwrap()).len()
    }

    pub fn lose(&self, operation: &'static str, what: Lose) {
        self.lose.lock().unwrap().entry(operation).or_default().insert(0, what);
    }
}

#[async_trait]
impl AwsApi for Cloud {
    async fn read(&self, _: Option<Timestamp>, call: Read) -> Result<Reply<Answer>, AwsError> {
        *self.reads.lock().unwrap() += 1;
        let lost = self.lose.lock().unwrap().get_mut(call.operation()).and_then(Vec::pop);
        if let Some(Lose::Call(kind)) = lost {
            // Only NotFound says what it did not find.
            let resource_type = (kind == AwsErrorKind::NotFound).then(|| "Server".to_owned());
            return Err(AwsError { resource_type, ..fault("Read", kind) });
        }
        Ok(Reply { value: self.answer(call)?, date: Some(self.now()) })
    }

    async fn mutate(&self, _: Permit, _: Timestamp, call: Mutation) -> Result<Reply<CreateOutput>, AwsError> {
        let operation = call.operation();
        let slow = *self.slow.lock().unwrap();
        tokio::time::sleep(slow).await;
        let lost = self.lose.lock().unwrap().get_mut(operation).and_then(Vec::pop);
        if let Some(Lose::Call(kind)) = lost {
            return Err(fault(operation, kind));
        }
        let refused = self.refuses.lock().unwrap().as_ref().and_then(|refuses| refuses(&call));
        if let Some(refused) = refused {
            self.refused.lock().unwrap().push(operation.to_owned());
            return Err(refused);
        }
        self.calls.lock().unwrap().push(operation.to_owned());
        if lost == Some(Lose::Effect) {
            return Ok(Reply { value: CreateOutput::default(), date: Some(self.now()) });
        }
        let made = self.effect(call)?;
        let between = self.between.lock().unwrap().remove(operation);
        if let Some(between) = between {
            between();
        }
        if lost == Some(Lose::Answer) {
            return Err(fault(operation, AwsErrorKind::Lost));
        }
        Ok(Reply { value: made, date: Some(self.now()) })
    }
}

struct Identities(Arc<Cloud>, Arc<RateLimiter>);

#[async_trait]
impl Aws for Identities {
    async fn account(&self, identity: &AwsIdentity, region: &str) -> Result<Account, AwsError> {
        let transfer = Arc::clone(&self.0) as Arc<dyn AwsApi>;
        let clock = Arc::new(AwsClock::default());
        clock.observe(Some(self.0.now()));
        let limiter = Arc::clone(&self.1);
        Ok(Account::new(identity.spec.account_id.clone(), region.to_owned(), transfer, limiter, clock))
    }
    async fn verify(&self, identity: &AwsIdentity) -> Result<CallerIdentity, AwsError> {
        Ok(CallerIdentity { account: identity.spec.account_id.clone(), arn: String::new() })
    }
}

/// Identifiers in order.
#[derive(Default)]
struct Counted(AtomicU64);

impl Env for Counted {
    fn uuid(&self) -> String {
        format!("attempt-{}", self.0.fetch_add(1, Ordering::Relaxed))
    }
    fn fraction(&self) -> f64 {
        0.5
    }
    fn wall(&self) -> Timestamp {
        NOW.parse().unwrap()
    }
}

/// The operator's engines; a new one knows nothing of what the old one remembered.
struct Process {
    servers: Arc<Engine<Servers>>,
    users: Arc<Engine<Users>>,
    accesses: Arc<Engine<Accesses>>,
}

pub struct Rig {
    pub objects: Arc<Objects>,
    pub cloud: Arc<Cloud>,
    process: Process,
    passes: AtomicU64,
    /// Reads per second that the limiter lets through.
    reads: f64,
}

impl Rig {
    pub fn new() -> Self {
        Self::reading(1e9)
    }

    /// With a limiter that lets so many reads through in a second.
    pub fn reading(reads: f64) -> Self {
        let cloud = Arc::new(Cloud {
            began: Instant::now(),
            servers: Mutex::default(),
            users: Mutex::default(),
            accesses: Mutex::default(),
            lose: Mutex::default(),
            between: Mutex::default(),
            unlisted: Mutex::default(),
            unseen: Mutex::default(),
            slow: Mutex::default(),
            refuses: Mutex::default(),
            calls: Mutex::default(),
            refused: Mutex::default(),
            reads: Mutex::default(),
            made: AtomicU64::new(0),
        });
        let objects = Arc::new(Objects::default());
        let process = start(&objects, &cloud, reads);
        let rig = Self { objects, cloud, process, passes: AtomicU64::new(0), reads };
        rig.grant(&["s-old"]);
        rig
    }

    /// A server and a user `alice` on it, both Ready; what was called and told until then is forgotten.
    pub async fn with_user(spec: Value) -> Self {
        let rig = Self::new();
        rig.server("files", json!({}));
        rig.settle("TransferServer", "files").await;
        rig.user("alice", spec);
        rig.settle("TransferUser", "alice").await;
        assert_eq!(rig.says("TransferUser", "alice", "Ready").unwrap().0, "True");
        rig.cloud.calls();
        rig.objects.notes.lock().unwrap().clear();
        rig
    }

    /// The identity `default`, which lets everybody do everything and name these servers.
    pub fn grant(&self, server_ids: &[&str]) {
        let key = ("AwsIdentity".to_owned(), Name { namespace: String::new(), name: "default".to_owned() });
        let identity = json!({
            "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "AwsIdentity",
            "metadata": {"name": "default", "uid": "identity", "generation": 1},
            "spec": {"accountId": ACCOUNT, "regions": [REGION], "credentials": {"source": "Operator"}, "grants": [{
                "name": "all", "kinds": ["TransferServer", "TransferUser", "TransferAccess"],
                "namespaces": {"from": "All"}, "roleArns": [ROLE], "serverIds": server_ids}]},
        });
        self.objects.stored.lock().unwrap().insert(key, identity);
    }

    fn identity(&self, change: impl FnOnce(&mut Value)) {
        let key = ("AwsIdentity".to_owned(), Name { namespace: String::new(), name: "default".to_owned() });
        change(self.objects.stored.lock().unwrap().get_mut(&key).unwrap());
    }

    pub fn regions(&self, regions: &[&str]) {
        self.identity(|identity| identity["spec"]["regions"] = json!(regions));
    }

    /// The identity goes, or only its grants.
    pub fn withdraw(&self, altogether: bool) {
        if altogether {
            self.objects.stored.lock().unwrap().retain(|(kind, _), _| kind != "AwsIdentity");
        } else {
            self.identity(|identity| identity["spec"]["grants"] = json!([]));
        }
    }

    /// The operator is killed and started anew.
    pub fn restart(&mut self) {
        self.process = start(&self.objects, &self.cloud, self.reads);
    }

    fn key(kind: &str, object: &str) -> Key {
        (kind.to_owned(), name(object))
    }

    pub fn put(&self, kind: &str, object: &str, spec: Value) {
        let value = json!({
            "apiVersion": "transfer-operator.dev/v1alpha1", "kind": kind, "spec": spec,
            "metadata": {"name": object, "namespace": "team", "uid": format!("uid-{object}"), "generation": 1,
                "creationTimestamp": NOW, "resourceVersion": self.objects.next_version()},
        });
        self.objects.stored.lock().unwrap().insert(Self::key(kind, object), value);
    }

    pub fn server(&self, object: &str, spec: Value) {
        let mut all = json!({"region": REGION, "lifecycle": {"deletionProtection": false}});
        for (key, value) in spec.as_object().unwrap() {
            all[key] = value.clone();
        }
        self.put("TransferServer", object, all);
    }

    pub fn user(&self, object: &str, spec: Value) {
        let mut all = json!({"serverRef": {"name": "files"}, "role": ROLE});
        for (key, value) in spec.as_object().unwrap() {
            all[key] = value.clone();
        }
        self.put("TransferUser", object, all);
    }

    /// A person edits the object.
    pub fn edit(&self, kind: &str, object: &str, change: impl FnOnce(&mut Value)) {
        let edited = self.objects.change(&Self::key(kind, object), None, |object| {
            change(object);
            object["metadata"]["generation"] = json!(object["metadata"]["generation"].as_i64().unwrap() + 1);
        });
        edited.unwrap();
    }

    /// Somebody else writes its status.
    pub fn write_status(objects: &Objects, kind: &str, object: &str, change: impl FnOnce(&mut Value)) {
        objects.change(&Self::key(kind, object), None, |object| change(&mut object["status"])).unwrap();
    }

    /// A person deletes the object.
    pub fn delete(&self, kind: &str, object: &str) {
        self.edit(kind, object, |object| object["metadata"]["deletionTimestamp"] = json!(NOW));
    }

    /// The object is gone from one moment to the next.
    pub fn vanish(objects: &Objects, kind: &str, object: &str) {
        objects.stored.lock().unwrap().remove(&Self::key(kind, object));
    }

    pub fn get(&self, kind: &str, object: &str) -> Option<Value> {
        self.objects.stored.lock().unwrap().get(&Self::key(kind, object)).cloned()
    }

    pub fn status(&self, kind: &str, object: &str) -> Value {
        self.get(kind, object).unwrap()["status"].clone()
    }

    fn condition(&self, kind: &str, object: &str, condition: &str) -> Option<Value> {
        let status = self.status(kind, object);
        status["conditions"].as_array()?.iter().find(|found| found["type"] == condition).cloned()
    }

    /// Status and reason of a condition.
    pub fn says(&self, kind: &str, object: &str, condition: &str) -> Option<(String, String)> {
        let found = self.condition(kind, object, condition)?;
        let text = |field: &str| found[field].as_str().unwrap().to_owned();
        Some((text("status"), text("reason")))
    }

    /// What Ready says to whoever reads it.
    pub fn message(&self, kind: &str, object: &str) -> String {
        let ready = self.condition(kind, object, "Ready").unwrap();
        ready["message"].as_str().unwrap().to_owned()
    }

    pub async fn reconcile(&self, kind: &str, object: &str) -> Requeue {
        let (name, uid) = (name(object), format!("uid-{object}"));
        let passes = self.passes.fetch_add(1, Ordering::Relaxed);
        assert!(passes < PASSES, "{kind} {object} does not come to rest");
        match kind {
            "TransferServer" => Box::pin(reconcile(&self.process.servers, &name, &uid)).await,
            "TransferUser" => Box::pin(reconcile(&self.process.users, &name, &uid)).await,
            _ => Box::pin(reconcile(&self.process.accesses, &name, &uid)).await,
        }
    }

    /// Drift of users as it was counted: found and corrected.
    pub fn drift_of_users(&self) -> (u64, u64) {
        let counts = self.process.users.counters.read();
        (counts.drift_found, counts.drift_corrected)
    }

    /// A reconcile over the object begins and never ends.
    pub fn begun(&self, object: &str) {
        assert!(self.process.users.memories.change(&format!("uid-{object}"), Memory::begins));
    }

    /// Passes over the object as they become due, for so long.
    pub async fn run(&self, kind: &str, object: &str, span: Duration) {
        let end = Instant::now() + span;
        loop {
            match self.reconcile(kind, object).await {
                Requeue::Again => {}
                Requeue::After(delay) | Requeue::Rest(delay) if Instant::now() + delay <= end => {
                    tokio::time::advance(delay).await;
                }
                Requeue::After(_) | Requeue::Rest(_) | Requeue::OnChange => return,
            }
        }
    }

    /// Lets the real controller make reconciles over a server, for so long.
    pub async fn control(self: &Arc<Self>, object: &str, span: Duration) {
        let (mut index, _enqueuer, queue) = controller::queue::<TransferServer>();
        let meta = serde_json::from_value(self.get("TransferServer", object).unwrap()["metadata"].clone()).unwrap();
        index.take(&name(object), None, Some(&meta));
        let rig = Arc::clone(self);
        let pass: controller::Reconcile = Arc::new(move |name, _| {
            let rig = Arc::clone(&rig);
            async move { rig.reconcile("TransferServer", &name.name).await }.boxed()
        });
        controller::run(queue, async {}.boxed().shared(), tokio::time::sleep(span), pass).await;
    }

    /// Passes until nothing is due at once.
    pub async fn settle(&self, kind: &str, object: &str) {
        self.run(kind, object, Duration::from_secs(10)).await;
    }
}

fn start(objects: &Arc<Objects>, cloud: &Arc<Cloud>, reads: f64) -> Process {
    let limiter = RateLimiter::new(Rates { read: reads, write: 1e9, create_server: 1e9, burst_seconds: 1.0 });
    let cluster = Arc::clone(objects) as Arc<dyn KubeApi>;
    let deps = Arc::new(Deps {
        cluster: Arc::clone(&cluster),
        lister: Arc::clone(objects) as Arc<dyn Lister>,
        aws: Arc::new(Identities(Arc::clone(cloud), limiter)),
        cluster_id: CLUSTER.to_owned(),
        verified: Verified::default(),
        workflows: WorkflowsSeen::default(),
        env: Arc::new(Counted::default()),
    });
    let settings = settings();
    Process {
        servers: Engine::new(Servers::new(Arc::clone(&deps)), Arc::clone(&cluster), settings.clone()),
        users: Engine::new(Users::new(Arc::clone(&deps)), Arc::clone(&cluster), settings.clone()),
        accesses: Engine::new(Accesses::new(deps), cluster, settings),
    }
}

/// Times as an installation has them by default.
pub fn settings() -> Settings {
    let span = |duration: Duration| SignedDuration::try_from(duration).unwrap();
    Settings {
        cluster_id: CLUSTER.to_owned(),
        windows: Windows::new(span(TOLERANCE), span(LAG)),
        resync: Duration::from_mins(10),
        rejection_grace: Duration::from_mins(2),
        env: Arc::new(Counted::default()),
    }
}

impl Cloud {
    /// The account that this is.
    pub fn account(self: &Arc<Self>) -> Account {
        let clock = Arc::new(AwsClock::default());
        clock.observe(Some(self.now()));
        let limiter = RateLimiter::new(Rates { read: 1e9, write: 1e9, create_server: 1e9, burst_seconds: 1.0 });
        Account::new(ACCOUNT.to_owned(), REGION.to_owned(), Arc::clone(self) as Arc<dyn AwsApi>, limiter, clock)
    }
}
