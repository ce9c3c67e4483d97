//! AWS in memory: the simulator behind its direct door, and around the door what a test scripts: calls and answers that
//! get lost, refusals, what does not show yet, and what others do in between.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::held::{Held, overlaid};
use super::{ACCOUNT, NOW, REGION, ROLE, fault};
use crate::api::AwsIdentity;
use crate::aws::account_clients::{Aws, CallerIdentity};
use crate::aws::error::kind_of;
use crate::aws::rate_limiter::Rates;
use crate::aws::rate_limiter::pace::Rate;
use crate::aws::transfer::{Access, DescribeAccess, DescribeServer, DescribeUser, Server, SshPublicKey, Tags, User};
use crate::aws::{
    Account, Answer, AwsApi, AwsClock, AwsError, AwsErrorKind, CreateOutput, Mutation, Permit, RateLimiter, Read, Reply,
};
use crate::sim::config::{Config, Quotas};
use crate::sim::door::{self, Caller};
use crate::sim::lifecycle::Lifecycle;
use crate::sim::model::{SshKey, Tag};
use crate::sim::operation::Operation;
use crate::sim::random::Random;
use crate::sim::service::{Root, Service};
use crate::sim::state::{Hidden, Region, World};

/// Ids of the servers that are made, in their order.
pub const FIRST: &str = "s-00000000000000001";
pub const SECOND: &str = "s-00000000000000002";
pub const THIRD: &str = "s-00000000000000003";

type Between = Box<dyn FnOnce() + Send>;
type Refuses = Box<dyn Fn(&Mutation) -> Option<AwsError> + Send>;
/// Server and name, or external id.
type Login = (String, String);

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
    sim: Mutex<Service>,
    pub lose: Mutex<BTreeMap<&'static str, Vec<Lose>>>,
    /// Runs once an operation took effect, before it answers.
    pub between: Mutex<BTreeMap<&'static str, Between>>,
    /// Servers, users and accesses that reads about them do not show yet.
    pub unseen: Mutex<BTreeSet<String>>,
    /// How long AWS takes to answer a mutation.
    pub slow: Mutex<Duration>,
    /// What AWS says to a mutation, where it refuses it.
    pub refuses: Mutex<Option<Refuses>>,
    /// Every mutation that AWS took, by operation.
    pub calls: Mutex<Vec<String>>,
    /// Every mutation that AWS refused so.
    pub refused: Mutex<Vec<String>>,
    reads: AtomicU64,
    made: AtomicU64,
}

fn listed(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect()
}

/// The server goes on under another id.
fn rename(region: &mut Region, from: &str, to: &str) {
    let mut server = region.servers.remove(from).unwrap();
    to.clone_into(&mut server.server_id);
    region.servers.insert(to.to_owned(), server);
}

impl Cloud {
    pub fn new() -> Arc<Self> {
        let root = Root { account: ACCOUNT.to_owned(), access_key: "AKIA".to_owned(), secret_key: "secret".to_owned() };
        let config = Config {
            transition_time: SignedDuration::ZERO,
            endpoint_lag: SignedDuration::ZERO,
            quotas: Quotas { servers: 10_000, ..Quotas::default() },
            ..Config::default()
        };
        Arc::new(Self {
            began: Instant::now(),
            sim: Mutex::new(Service::new(root, config, Random::seeded(1), World::default())),
            lose: Mutex::default(),
            between: Mutex::default(),
            unseen: Mutex::default(),
            slow: Mutex::default(),
            refuses: Mutex::default(),
            calls: Mutex::default(),
            refused: Mutex::default(),
            reads: AtomicU64::new(0),
            made: AtomicU64::new(0),
        })
    }

    pub fn now(&self) -> Timestamp {
        let now: Timestamp = NOW.parse().unwrap();
        now.checked_add(SignedDuration::try_from(self.began.elapsed()).unwrap()).unwrap()
    }

    /// The simulator, of which no switch is out of reach.
    pub fn sim(&self) -> MutexGuard<'_, Service> {
        self.sim.lock().unwrap()
    }

    fn out_of_band(&self, operation: Operation, input: Value) -> Value {
        self.sim().out_of_band(operation, ACCOUNT, REGION, input, self.now()).unwrap()
    }

    fn describe(&self, operation: Operation, input: Value, read: &Read) -> Answer {
        door::answer(read, &self.out_of_band(operation, input)).unwrap()
    }

    fn region<T>(&self, change: impl FnOnce(&mut Region) -> T) -> T {
        change(self.sim().world.region(ACCOUNT, REGION))
    }

    fn server(&self, id: &str) -> Server {
        let read = Read::DescribeServer(DescribeServer { server_id: id.to_owned() });
        match self.describe(Operation::DescribeServer, json!({"ServerId": id}), &read) {
            Answer::Server(server) => *server,
            other => panic!("no server: {other:?}"),
        }
    }

    /// The servers, by id.
    pub fn servers(&self) -> Held<'_, Cloud, String, Server> {
        let ids: Vec<String> = self.region(|region| {
            region
                .servers
                .values()
                .filter(|server| server.gone.is_none())
                .map(|server| server.server_id.clone())
                .collect()
        });
        let described = |id: String| (id.clone(), self.server(&id));
        let was: BTreeMap<String, Server> = ids.into_iter().map(described).collect();
        Held::new(self, was, Self::write_server)
    }

    /// The users, by server and name.
    pub fn users(&self) -> Held<'_, Cloud, Login, User> {
        let keys: Vec<Login> = self.region(|region| {
            let of = |(id, server): (&String, &crate::sim::model::Server)| {
                let users = server.users.iter().filter(|(_, user)| user.gone.is_none());
                users.map(|(name, _)| (id.clone(), name.clone())).collect::<Vec<Login>>()
            };
            region.servers.iter().filter(|(_, server)| server.gone.is_none()).flat_map(of).collect()
        });
        let described = |(server_id, user_name): Login| {
            let input = json!({"ServerId": server_id, "UserName": user_name});
            let key = (server_id.clone(), user_name.clone());
            let read = Read::DescribeUser(DescribeUser { server_id, user_name });
            match self.describe(Operation::DescribeUser, input, &read) {
                Answer::User(user) => (key, *user),
                other => panic!("no user: {other:?}"),
            }
        };
        let was: BTreeMap<Login, User> = keys.into_iter().map(described).collect();
        Held::new(self, was, Self::write_user)
    }

    /// The accesses, by server and external id.
    pub fn accesses(&self) -> Held<'_, Cloud, Login, Access> {
        let keys: Vec<Login> = self.region(|region| {
            let of = |(id, server): (&String, &crate::sim::model::Server)| {
                let accesses = server.accesses.iter().filter(|(_, access)| access.gone.is_none());
                accesses.map(|(name, _)| (id.clone(), name.clone())).collect::<Vec<Login>>()
            };
            region.servers.iter().filter(|(_, server)| server.gone.is_none()).flat_map(of).collect()
        });
        let described = |(server_id, external_id): Login| {
            let input = json!({"ServerId": server_id, "ExternalId": external_id});
            let key = (server_id.clone(), external_id.clone());
            let read = Read::DescribeAccess(DescribeAccess { server_id, external_id });
            match self.describe(Operation::DescribeAccess, input, &read) {
                Answer::Access(access) => (key, *access),
                other => panic!("no access: {other:?}"),
            }
        };
        let was: BTreeMap<Login, Access> = keys.into_iter().map(described).collect();
        Held::new(self, was, Self::write_access)
    }

    fn write_server(&self, id: &String, was: Option<&Server>, now: Option<&Server>) {
        let Some(now) = now else {
            self.region(|region| region.servers.remove(id));
            return;
        };
        if was.is_none() {
            self.make_server(id);
        }
        let was = &was.cloned().unwrap_or_else(|| self.server(id));
        self.region(|region| {
            let held = region.servers.get_mut(id).unwrap();
            held.settings = overlaid(&held.settings, &was.settings, &now.settings);
            held.tags = listed(&now.tags);
            if let Some(state) = now.state.as_ref().filter(|_| was.state != now.state) {
                held.lifecycle = Lifecycle::settled(state);
            }
            if was.user_count != now.user_count {
                held.shown_as.insert("UserCount".to_owned(), json!(now.user_count));
            }
        });
    }

    fn write_user(&self, key: &Login, was: Option<&User>, now: Option<&User>) {
        let (id, name) = key;
        let Some(now) = now else {
            self.region(|region| region.servers.get_mut(id).unwrap().users.remove(name));
            return;
        };
        if was.is_none() {
            self.out_of_band(Operation::CreateUser, json!({"ServerId": id, "UserName": name, "Role": ROLE}));
        }
        let date_imported = self.now();
        let key = |SshPublicKey { id, body, .. }: &SshPublicKey| SshKey {
            ssh_public_key_id: id.clone(),
            ssh_public_key_body: body.clone(),
            date_imported,
        };
        self.region(|region| {
            let held = region.servers.get_mut(id).unwrap().users.get_mut(name).unwrap();
            let settings = was.map(|was| was.settings.clone()).unwrap_or_default();
            held.profile = overlaid(&held.profile, &settings, &now.settings);
            held.tags = listed(&now.tags);
            held.ssh_public_keys = now.ssh_public_keys.iter().map(key).collect();
        });
    }

    fn write_access(&self, key: &Login, was: Option<&Access>, now: Option<&Access>) {
        let (id, external_id) = key;
        let Some(now) = now else {
            self.region(|region| region.servers.get_mut(id).unwrap().accesses.remove(external_id));
            return;
        };
        if was.is_none() {
            let input = json!({"ServerId": id, "ExternalId": external_id, "Role": ROLE});
            self.out_of_band(Operation::CreateAccess, input);
        }
        self.region(|region| {
            let held = region.servers.get_mut(id).unwrap().accesses.get_mut(external_id).unwrap();
            let settings = was.map(|was| was.settings.clone()).unwrap_or_default();
            held.profile = overlaid(&held.profile, &settings, &now.settings);
        });
    }

    fn make_server(&self, id: &str) {
        let made = self.out_of_band(Operation::CreateServer, json!({}));
        self.region(|region| rename(region, made["ServerId"].as_str().unwrap(), id));
    }

    /// A server of this id, whoever made it; what had the id before is gone.
    pub fn put_server(&self, id: &str, tags: Tags, change: impl FnOnce(&mut Server)) {
        self.region(|region| region.servers.remove(id));
        self.make_server(id);
        let was = self.server(id);
        let mut now = Server { tags, ..was.clone() };
        change(&mut now);
        self.write_server(&id.to_owned(), Some(&was), Some(&now));
    }

    /// Listings do not show the server, also one that is made later.
    pub fn unlist(&self, id: &str) {
        let hidden = Hidden { id: id.to_owned(), member: None, until: Timestamp::MAX };
        self.region(|region| region.hidden.push(hidden));
    }

    /// Listings show everything again.
    pub fn list_all(&self) {
        self.region(|region| region.hidden.clear());
    }

    /// What a read is about that does not show yet.
    fn hides(&self, call: &Read) -> Option<&'static str> {
        let input = door::input(call);
        let unseen = self.unseen.lock().unwrap();
        let kinds = [("ServerId", "Server"), ("UserName", "User"), ("ExternalId", "Access")];
        let hidden = |(member, _): &(&str, &str)| input[*member].as_str().is_some_and(|id| unseen.contains(id));
        kinds.into_iter().find(hidden).map(|(_, kind)| kind)
    }

    /// How often it was asked since this was asked last.
    pub fn reads_since(&self) -> u64 {
        self.reads.swap(0, Ordering::Relaxed)
    }

    /// How often it was asked.
    pub fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
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

    /// The account that this is.
    pub fn account(self: &Arc<Self>) -> Account {
        self.account_of(ACCOUNT, REGION, &limiter(1e9))
    }

    fn account_of(self: &Arc<Self>, id: &str, region: &str, limiter: &Arc<RateLimiter>) -> Account {
        let clock = Arc::new(AwsClock::default());
        clock.observe(Some(self.now()));
        let door = Door { cloud: Arc::clone(self), account: id.to_owned(), region: region.to_owned() };
        Account::new(id.to_owned(), region.to_owned(), Arc::new(door), Arc::clone(limiter), clock)
    }
}

/// A limiter that lets so many reads through in a second.
pub fn limiter(reads: f64) -> Arc<RateLimiter> {
    let read = Rate { start: reads, ceiling: reads, burst_seconds: 1.0 };
    RateLimiter::new(Rates { read, ..Rates::fixed(1e9) })
}

/// One account and region of it, as the operator reaches it.
struct Door {
    cloud: Arc<Cloud>,
    account: String,
    region: String,
}

impl Door {
    fn caller(&self, signed_at: Option<Timestamp>) -> Caller<'_> {
        let machine = self.cloud.now();
        let signed_at = signed_at.unwrap_or(machine);
        Caller { account: &self.account, region: &self.region, principal: "operator", signed_at, machine }
    }

    /// What the call does; a server that is made gets the next id in order.
    fn effect(&self, at: Timestamp, call: &Mutation) -> Result<Reply<CreateOutput>, AwsError> {
        let caller = self.caller(Some(at));
        let mut sim = self.cloud.sim();
        let mut reply = door::mutate(&mut sim, caller, call)?;
        if let (Mutation::CreateServer(_), Some(id)) = (call, reply.value.id.as_mut()) {
            let next = format!("s-{:017x}", self.cloud.made.fetch_add(1, Ordering::Relaxed) + 1);
            rename(sim.world.region(&self.account, &self.region), id, &next);
            *id = next;
        }
        Ok(reply)
    }
}

#[async_trait]
impl AwsApi for Door {
    async fn read(&self, at: Option<Timestamp>, call: Read) -> Result<Reply<Answer>, AwsError> {
        let operation = call.operation();
        self.cloud.reads.fetch_add(1, Ordering::Relaxed);
        let lost = self.cloud.lose.lock().unwrap().get_mut(operation).and_then(Vec::pop);
        if let Some(Lose::Call(kind)) = lost {
            // Only NotFound says what it did not find.
            let resource_type = (kind == AwsErrorKind::NotFound).then(|| "Server".to_owned());
            return Err(AwsError { resource_type, ..fault(operation, kind) });
        }
        if let Some(kind) = self.cloud.hides(&call) {
            return Err(AwsError { resource_type: Some(kind.to_owned()), ..fault(operation, AwsErrorKind::NotFound) });
        }
        door::read(&mut self.cloud.sim(), self.caller(at), &call)
    }

    async fn mutate(&self, _: Permit, at: Timestamp, call: Mutation) -> Result<Reply<CreateOutput>, AwsError> {
        let (cloud, operation) = (&self.cloud, call.operation());
        let slow = *cloud.slow.lock().unwrap();
        tokio::time::sleep(slow).await;
        let lost = cloud.lose.lock().unwrap().get_mut(operation).and_then(Vec::pop);
        if let Some(Lose::Call(kind)) = lost {
            return Err(fault(operation, kind));
        }
        let refused = cloud.refuses.lock().unwrap().as_ref().and_then(|refuses| refuses(&call));
        if let Some(refused) = refused {
            cloud.refused.lock().unwrap().push(operation.to_owned());
            return Err(refused);
        }
        cloud.calls.lock().unwrap().push(operation.to_owned());
        if lost == Some(Lose::Effect) {
            return Ok(Reply { value: CreateOutput::default(), date: Some(cloud.now()) });
        }
        let made = self.effect(at, &call)?;
        let between = cloud.between.lock().unwrap().remove(operation);
        if let Some(between) = between {
            between();
        }
        if lost == Some(Lose::Answer) {
            return Err(fault(operation, AwsErrorKind::Lost));
        }
        Ok(made)
    }
}

/// Identities to accounts.
pub struct Identities {
    pub cloud: Arc<Cloud>,
    pub limiter: Arc<RateLimiter>,
}

#[async_trait]
impl Aws for Identities {
    async fn account(&self, identity: &AwsIdentity, region: &str) -> Result<Account, AwsError> {
        Ok(self.cloud.account_of(&identity.spec.account_id, region, &self.limiter))
    }

    async fn verify(&self, identity: &AwsIdentity) -> Result<CallerIdentity, AwsError> {
        Ok(CallerIdentity { account: identity.spec.account_id.clone(), arn: String::new() })
    }
}
