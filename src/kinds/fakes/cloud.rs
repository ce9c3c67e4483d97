//! AWS as the operator reaches it: the simulator behind its direct door, and around the door what a test scripts: calls
//! and answers that get lost, refusals, what does not show yet, what others do in between, and the few answers that the
//! simulator does not give by itself.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::RwLock;

use super::simulated::{Simulated, rename};
use super::{ACCOUNT, REGION, fault};
use crate::api::AwsIdentity;
use crate::aws::account_clients::{Aws, CallerIdentity};
use crate::aws::error::kind_of;
use crate::aws::rate_limiter::Rates;
use crate::aws::rate_limiter::pace::Rate;
use crate::aws::{
    Account, Answer, AwsApi, AwsClock, AwsError, AwsErrorKind, CreateOutput, Mutation, Permit, RateLimiter, Read, Reply,
};
use crate::sim::door::{self, Caller};

/// Ids of the servers that are made, in their order.
pub const FIRST: &str = "s-00000000000000001";
pub const SECOND: &str = "s-00000000000000002";
pub const THIRD: &str = "s-00000000000000003";

type Between = Box<dyn FnOnce() + Send>;
type Refuses = Box<dyn Fn(&Mutation) -> Option<AwsError> + Send>;
type Changes = Box<dyn Fn(&mut Answer) + Send>;

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
#[derive(Default)]
pub struct Cloud {
    aws: Simulated,
    /// By operation, or by a read as [`Cloud::asked`] tells it; the last first.
    pub lose: Mutex<BTreeMap<&'static str, Vec<Lose>>>,
    /// Runs once an operation took effect, before it answers.
    pub between: Mutex<BTreeMap<&'static str, Between>>,
    /// What every read of an operation fails with.
    pub faults: Mutex<BTreeMap<&'static str, AwsErrorKind>>,
    /// What AWS is known to answer to a read, and the simulator is not.
    pub changes: Mutex<BTreeMap<&'static str, Changes>>,
    /// Held in writing, it stops every ListServers.
    pub listing: RwLock<()>,
    /// Servers, users, accesses and host keys that reads about them do not show yet, or no more.
    pub unseen: Mutex<BTreeSet<String>>,
    /// How long AWS takes to answer a mutation.
    pub slow: Mutex<Duration>,
    /// What AWS says to a mutation, where it refuses it.
    pub refuses: Mutex<Option<Refuses>>,
    /// Every mutation that AWS took, by operation.
    pub calls: Mutex<Vec<String>>,
    /// Every mutation that AWS refused so.
    pub refused: Mutex<Vec<String>>,
    asked: Mutex<Vec<String>>,
    made: AtomicU64,
}

impl Deref for Cloud {
    type Target = Simulated;

    fn deref(&self) -> &Simulated {
        &self.aws
    }
}

/// A read as its operation and what it is about, such as `DescribeUser s-00000000000000001/alice`.
fn told(call: &Read) -> String {
    let input = door::input(call);
    let ids = [
        "ServerId",
        "UserName",
        "ExternalId",
        "HostKeyId",
        "WorkflowId",
        "ProfileId",
        "ConnectorId",
        "CertificateId",
        "AgreementId",
        "WebAppId",
    ];
    let about: Vec<&str> = ids.iter().filter_map(|member| input[*member].as_str()).collect();
    format!("{} {}", call.operation(), about.join("/")).trim_end().to_owned()
}

impl Cloud {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// What a read is about that does not show yet.
    fn hides(&self, call: &Read) -> Option<&'static str> {
        let input = door::input(call);
        let unseen = self.unseen.lock().unwrap();
        let kinds = [("ServerId", "Server"), ("UserName", "User"), ("ExternalId", "Access"), ("HostKeyId", "HostKey")];
        let hidden = |(member, _): &(&str, &str)| input[*member].as_str().is_some_and(|id| unseen.contains(id));
        kinds.into_iter().find(hidden).map(|(_, kind)| kind)
    }

    /// How often it was asked since this was asked last.
    pub fn reads_since(&self) -> u64 {
        let reads = self.reads();
        self.asked.lock().unwrap().clear();
        reads
    }

    /// How often it was asked.
    pub fn reads(&self) -> u64 {
        u64::try_from(self.asked.lock().unwrap().len()).unwrap()
    }

    /// What it was asked.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// How often it was asked this.
    pub fn asked_for(&self, read: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|asked| *asked == read).count()
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

    /// What becomes of a call of this name.
    fn lost(&self, name: &str) -> Option<Lose> {
        self.lose.lock().unwrap().get_mut(name).and_then(Vec::pop)
    }

    /// The account that this is.
    pub fn account(self: &Arc<Self>) -> Account {
        self.account_in(REGION)
    }

    /// The same account in some region.
    pub fn account_in(self: &Arc<Self>, region: &str) -> Account {
        self.account_of(ACCOUNT, region, &limiter(1e9))
    }

    /// Any account, behind this limiter.
    pub fn account_of(self: &Arc<Self>, id: &str, region: &str, limiter: &Arc<RateLimiter>) -> Account {
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
        let (cloud, operation, told) = (&self.cloud, call.operation(), told(&call));
        cloud.asked.lock().unwrap().push(told.clone());
        if let Some(Lose::Call(kind)) = cloud.lost(&told).or_else(|| cloud.lost(operation)) {
            // Only NotFound says what it did not find.
            let resource_type = (kind == AwsErrorKind::NotFound).then(|| "Server".to_owned());
            return Err(AwsError { resource_type, ..fault(operation, kind) });
        }
        if operation == "ListServers" {
            drop(cloud.listing.read().await);
        }
        if let Some(kind) = cloud.faults.lock().unwrap().get(operation) {
            return Err(fault(operation, *kind));
        }
        if let Some(kind) = cloud.hides(&call) {
            return Err(AwsError { resource_type: Some(kind.to_owned()), ..fault(operation, AwsErrorKind::NotFound) });
        }
        let mut reply = door::read(&mut cloud.sim(), self.caller(at), &call)?;
        if let Some(change) = cloud.changes.lock().unwrap().get(operation) {
            change(&mut reply.value);
        }
        Ok(reply)
    }

    async fn mutate(&self, _: Permit, at: Timestamp, call: Mutation) -> Result<Reply<CreateOutput>, AwsError> {
        let (cloud, operation) = (&self.cloud, call.operation());
        let slow = *cloud.slow.lock().unwrap();
        tokio::time::sleep(slow).await;
        let lost = cloud.lost(operation);
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
    /// How often an account was asked for: nobody who is denied gets so far.
    pub asked: Mutex<u32>,
    /// How often STS was asked who calls.
    pub verified: Mutex<u32>,
    /// What STS answers; without it, that the credentials are of the identity's account.
    pub caller: Mutex<Option<Result<CallerIdentity, AwsError>>>,
}

impl Identities {
    pub fn new(cloud: &Arc<Cloud>, limiter: &Arc<RateLimiter>) -> Arc<Self> {
        let (cloud, limiter) = (Arc::clone(cloud), Arc::clone(limiter));
        let (asked, verified, caller) = (Mutex::default(), Mutex::default(), Mutex::default());
        Arc::new(Self { cloud, limiter, asked, verified, caller })
    }
}

#[async_trait]
impl Aws for Identities {
    async fn account(&self, identity: &AwsIdentity, region: &str) -> Result<Account, AwsError> {
        *self.asked.lock().unwrap() += 1;
        Ok(self.cloud.account_of(&identity.spec.account_id, region, &self.limiter))
    }

    async fn verify(&self, identity: &AwsIdentity) -> Result<CallerIdentity, AwsError> {
        *self.verified.lock().unwrap() += 1;
        let answer = self.caller.lock().unwrap().clone();
        let account = identity.spec.account_id.clone();
        answer.unwrap_or_else(|| Ok(CallerIdentity { account, arn: String::new() }))
    }
}
