//! Many users and one process: the operator as it is wired, over the API server in memory and the simulated AWS, with no
//! trouble and no oracles in between. `growth` and `rest` count in it, `benches/reconciles.rs` measures it.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::task::AbortHandle;
use tokio::time::sleep;
use transfer_operator::api::{AwsIdentity, ManagedKind};
use transfer_operator::aws::account_clients::{Aws, CallerIdentity};
use transfer_operator::aws::{Account, AwsError};
use transfer_operator::cluster::store::Stores;
use transfer_operator::cluster::{ClusterError, EventNote, Lister, Name};
use transfer_operator::engine::consistency::Windows;
use transfer_operator::engine::settings::Settings;
use transfer_operator::fakes::api_server::{ApiServer, Key};
use transfer_operator::fakes::clock::Clock;
use transfer_operator::kinds::installations::Installation;
use transfer_operator::kinds::trigger::Which;
use transfer_operator::run::{self, Around, Outside};
use transfer_operator::shard::Shard;
use transfer_operator::sim::config::Config;
use transfer_operator::sim::door;
use transfer_operator::sim::operation::Operation;
use transfer_operator::sim::random::Random;
use transfer_operator::sim::service::{Direct, Root, Service};
use transfer_operator::sim::state::World;
use transfer_operator::watch::Scope;

use crate::doors::{Door, SimAws, Way};
use crate::seeded::Seeded;
use crate::watches::Watches;

const ACCOUNT: &str = "123456789012";
const REGION: &str = "eu-central-1";
const CLUSTER: &str = "cluster-1";
const ROLE: &str = "arn:aws:iam::123456789012:role/sftp/writers";

/// A few servers, however many users there are.
pub const SERVERS: usize = 4;
/// Users of a team: it has a namespace and a ConfigMap with keys of its own, so there are more of them with more users.
const TEAM: usize = 20;

/// How often an object at rest is looked at.
pub const RESYNC: Duration = Duration::from_mins(10);
/// Until all that follows an edit or a start has been done, and nobody's resync is due yet.
pub const SOON: Duration = Duration::from_mins(5);

/// The cluster and AWS.
pub struct Crowd {
    api: Mutex<ApiServer>,
    sim: Mutex<Service>,
    clock: Clock,
    /// How many servers the users are on.
    servers: usize,
    /// The process that works on it, and what it hears.
    process: Mutex<Option<(AbortHandle, Watches)>>,
    /// How often each was asked for: an operation of AWS, or `get`, `status`, `finalizer`, `event` and a kind.
    spent: Mutex<BTreeMap<String, u64>>,
}

impl Crowd {
    /// So many users on a few servers, as somebody has just applied them: every other one with a second key from the
    /// ConfigMap of its team.
    pub fn of(users: usize) -> Arc<Self> {
        Self::on(SERVERS, users)
    }

    /// The same on so many servers.
    pub fn on(servers: usize, users: usize) -> Arc<Self> {
        let clock = Clock::start();
        let root = Root { account: ACCOUNT.to_owned(), access_key: String::new(), secret_key: String::new() };
        let config = Config::default().with(&json!({"transition_time": "10s", "page_size": 1000})).unwrap();
        let sim = Service::new(root, config, Random::seeded(1), World::default());
        let mut api = ApiServer::new(clock);
        api.apply(&json!({"kind": "Namespace", "metadata": {"name": "platform"}}));
        api.apply(&identity());
        for server in 0..servers {
            api.apply(&object("TransferServer", "platform", &format!("files-{server}"), &server_spec()));
        }
        let (api, sim, process, spent) = (Mutex::new(api), Mutex::new(sim), Mutex::default(), Mutex::default());
        let crowd = Self { api, sim, clock, servers, process, spent };
        (0..users).for_each(|number| crowd.apply_user(number));
        Arc::new(crowd)
    }

    /// The user of this number; the first of a team brings its namespace and its ConfigMap along.
    pub fn apply_user(&self, number: usize) {
        let mut api = self.api();
        let (namespace, name) = (team(number), format!("user-{number}"));
        if number.is_multiple_of(TEAM) {
            api.apply(&json!({"kind": "Namespace", "metadata": {"name": namespace}}));
            let keys = api.apply(&json!({"kind": "ConfigMap", "metadata": {"namespace": namespace, "name": "keys"}}));
            api.data.insert(keys, BTreeMap::from([("second".to_owned(), key(u64::MAX))]));
        }
        api.apply(&object("TransferUser", &namespace, &name, &user_spec(number, number % self.servers)));
    }

    /// Any object, in the namespace of the servers.
    pub fn apply(&self, kind: &str, name: &str, spec: &Value) {
        self.api().apply(&object(kind, "platform", name, spec));
    }

    /// What a Secret for a certificate holds from now on.
    pub fn put_certificate(&self, secret: &str, pair: [&str; 2]) {
        let name = Name { namespace: "platform".to_owned(), name: secret.to_owned() };
        tls_secret(&mut self.api(), name, pair);
    }

    /// What status of an object in the namespace of the servers says.
    pub fn status(&self, kind: &str, name: &str) -> Value {
        let name = Name { namespace: "platform".to_owned(), name: name.to_owned() };
        self.api().get(&(kind.to_owned(), name)).unwrap()["status"].clone()
    }

    /// A call by somebody else's hand.
    pub fn by_hand(&self, operation: Operation, input: Value) {
        let (mut sim, now) = (self.sim.lock().unwrap(), self.clock.now());
        sim.out_of_band(operation, ACCOUNT, REGION, input, now).unwrap();
    }

    /// Another label on the namespace of a user.
    pub fn relabel_team(&self, number: usize) {
        let labels = json!({"audited": "yes"});
        let namespace = json!({"kind": "Namespace", "metadata": {"name": team(number), "labels": labels}});
        self.api().apply(&namespace);
    }

    /// Replaces the first key of every user.
    pub fn edit_keys(&self, round: u64) {
        (0..self.users().len()).for_each(|number| self.edit_key(number, round));
    }

    /// Replaces the first key of a user.
    pub fn edit_key(&self, number: usize, round: u64) {
        let name = Name { namespace: team(number), name: format!("user-{number}") };
        let new = json!([{"publicKey": key((round << 32) + number as u64)}]);
        self.api().edit(&("TransferUser".to_owned(), name), |spec| spec["sshPublicKeys"] = new);
    }

    /// What was written to the API server so far, as a number.
    pub fn version(&self) -> u64 {
        self.api().version()
    }

    /// Another role for every user.
    pub fn edit_roles(&self) {
        let users = self.users();
        let mut api = self.api();
        for user in &users {
            api.edit(user, |spec| spec["role"] = json!(format!("{ROLE}-of-another-kind")));
        }
    }

    /// Of what was asked for since this or that was asked last, the calls that AWS got.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.spent().into_iter().filter(|(what, _)| what.starts_with(char::is_uppercase)).collect()
    }

    /// What was asked for since this was asked last.
    pub fn spent(&self) -> BTreeMap<String, u64> {
        std::mem::take(&mut *self.spent.lock().unwrap())
    }

    fn spend(&self, what: String) {
        *self.spent.lock().unwrap().entry(what).or_default() += 1;
    }

    /// Users that are in AWS as their newest spec says.
    pub fn ready(&self) -> usize {
        self.ready_of("TransferUser")
    }

    /// The same of another kind.
    pub fn ready_of(&self, kind: &str) -> usize {
        let all = self.all(kind);
        let api = self.api();
        let ready = |key: &&Key| {
            let object = api.get(key).unwrap_or_default();
            let mut conditions = object["status"]["conditions"].as_array().into_iter().flatten();
            object["status"]["observedGeneration"] == object["metadata"]["generation"]
                && conditions.any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
        };
        all.iter().filter(ready).count()
    }

    /// Another member of a user in AWS, by somebody else's hand.
    pub fn drift(&self, number: usize, members: &Value) {
        let server = self.status("TransferServer", &format!("files-{}", number % self.servers))["serverId"].clone();
        let mut input = json!({"ServerId": server, "UserName": format!("user-{number}")});
        input.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        self.by_hand(Operation::UpdateUser, input);
    }

    /// Another host name for a server in AWS, by somebody else's hand.
    pub fn rename(&self, server: usize, host: &str) {
        let arn = self.status("TransferServer", &format!("files-{server}"))["arn"].clone();
        let input = json!({"Arn": arn, "Tags": [{"Key": "transfer:customHostname", "Value": host}]});
        self.by_hand(Operation::TagResource, input);
    }

    /// Tells the process what changed since. Nobody else reads the history, so it is let go.
    fn tell(&self) {
        let history = {
            let mut api = self.api();
            api.writes.clear();
            std::mem::take(&mut api.history)
        };
        if let Some((_, watches)) = self.process.lock().unwrap().as_ref() {
            for event in &history {
                watches.tell(event);
            }
        }
    }

    fn users(&self) -> Vec<Key> {
        self.all("TransferUser")
    }

    fn all(&self, kind: &str) -> Vec<Key> {
        self.api().keys().into_iter().filter(|(of, _)| of == kind).collect()
    }
}

/// A Secret with a certificate and its key, from which certificates may be read.
pub fn tls_secret(api: &mut ApiServer, name: Name, [certificate, private_key]: [&str; 2]) {
    api.secret_types.insert(name.clone(), "kubernetes.io/tls".to_owned());
    let label = ("transfer-operator.dev/certificate".to_owned(), "true".to_owned());
    api.secret_labels.insert(name.clone(), [label].into());
    let data = [("tls.crt", certificate), ("tls.key", private_key)];
    let data = data.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    api.data.insert(("Secret".to_owned(), name), data);
}

fn team(number: usize) -> String {
    format!("team-{}", number / TEAM)
}

fn object(kind: &str, namespace: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "transfer-operator.dev/v1alpha1", "kind": kind,
        "metadata": {"namespace": namespace, "name": name}, "spec": spec,
    })
}

fn identity() -> Value {
    let grants = json!([{
        "name": "all", "kinds": ManagedKind::ALL, "namespaces": {"from": "All"},
        "roleArns": ["arn:aws:iam::123456789012:role/sftp/*"],
        "secretArns": ["arn:aws:secretsmanager:eu-central-1:123456789012:secret:sftp/*"],
    }]);
    json!({
        "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "AwsIdentity", "metadata": {"name": "default"},
        "spec": {
            "accountId": ACCOUNT, "regions": [REGION], "credentials": {"source": "Operator"}, "grants": grants,
        },
    })
}

fn server_spec() -> Value {
    let references = json!({"namespaces": {"from": "All"}});
    json!({"region": REGION, "awsIdentityRef": {"name": "default"}, "allowedReferences": references})
}

fn user_spec(number: usize, server: usize) -> Value {
    let server = json!({"namespace": "platform", "name": format!("files-{server}")});
    let mut spec = json!({
        "serverRef": server, "role": ROLE, "home": {"s3": {"bucket": "b", "prefix": number.to_string()}},
        "sshPublicKeys": [{"publicKey": key(number as u64)}],
    });
    if number % 2 == 1 {
        spec["sshPublicKeysFrom"] = json!([{"configMapKeyRef": {"name": "keys", "key": "second"}}]);
    }
    spec
}

/// The line of a key that is another one for each number.
fn key(number: u64) -> String {
    let mut body = b"\0\0\0\x0bssh-ed25519\0\0\0\x20".to_vec();
    body.extend(number.to_be_bytes().repeat(4));
    format!("ssh-ed25519 {}", STANDARD.encode(body))
}

/// Nothing lies in between.
impl Way for Crowd {
    fn principal(&self) -> String {
        "operator".to_owned()
    }

    fn clock(&self) -> Timestamp {
        self.clock.now()
    }

    fn api(&self) -> MutexGuard<'_, ApiServer> {
        self.api.lock().unwrap()
    }

    async fn aws(&self, request: Direct, _: bool) -> Result<(Value, Timestamp), AwsError> {
        let (operation, now) = (request.operation.name(), self.clock.now());
        self.spend(operation.to_owned());
        let outcome = self.sim.lock().unwrap().direct(request, now);
        outcome.map(|output| (output, now)).map_err(|error| door::fault(operation, error, now))
    }

    async fn sts(&self, _: &str) -> Result<Option<Timestamp>, AwsError> {
        self.spend("GetCallerIdentity".to_owned());
        Ok(Some(self.clock.now()))
    }

    async fn kube<T: Send>(
        &self,
        operation: &str,
        key: &Key,
        _: bool,
        effect: impl FnOnce() -> Result<T, ClusterError> + Send,
    ) -> Result<T, ClusterError> {
        self.spend(format!("{operation} {}", key.0));
        effect()
    }

    fn shown(&self, key: &Key) -> Option<Value> {
        self.api().get(key)
    }

    fn written(&self) {
        self.tell();
    }

    async fn event(&self, kind: &str, _: &Value, _: &EventNote) {
        self.spend(format!("event {kind}"));
    }
}

/// AWS as the delivered operator reaches it: STS is asked once at a start, whoever comes first. Behind the doors of the
/// plans it is asked again where that is the identity, so that they have a call more to break.
struct AskedOnce(SimAws<Crowd>);

#[async_trait]
impl Aws for AskedOnce {
    async fn account(&self, identity: &AwsIdentity, region: &str) -> Result<Account, AwsError> {
        self.0.account(identity, region).await
    }

    async fn verify(&self, identity: &AwsIdentity) -> Result<CallerIdentity, AwsError> {
        self.0.account(identity, REGION).await?;
        self.0.verify(identity).await
    }
}

/// One process, which takes the place of the one before.
pub struct Operator {
    crowd: Arc<Crowd>,
    work: AbortHandle,
    begun: Arc<Mutex<BTreeMap<Which, u64>>>,
    /// Reconciles of each kind.
    pub reconciles: BTreeMap<Which, u64>,
}

impl Operator {
    /// A process that begins with a listing of everything. `look` is how it looks into its stores.
    pub fn start(crowd: &Arc<Crowd>, look: impl FnOnce(Arc<Stores>) -> Arc<dyn Lister>) -> Self {
        let listed = Arc::downgrade(crowd);
        let list = move |kind: &str| listed.upgrade().map(|crowd| crowd.api().list(kind)).unwrap_or_default();
        let watches = Watches::new(Arc::new(list), None);
        let begun = Arc::<Mutex<BTreeMap<Which, u64>>>::default();
        let stores = Arc::new(Stores::new(0));
        let outside = Outside {
            source: watches.clone(),
            cluster: Arc::new(Door(Arc::clone(crowd))),
            aws: Arc::new(AskedOnce(SimAws::new(crowd, Box::new(|real| real)))),
            scope: Scope::default(),
            installation: Installation::new("", &[]),
            shard: Shard::WHOLE,
            lister: look(Arc::clone(&stores)),
            stores,
            expiry_warning: SignedDuration::from_hours(14 * 24),
            around: counted(&begun),
        };
        let settings = Settings {
            cluster_id: CLUSTER.to_owned(),
            windows: Windows::new(SignedDuration::from_mins(15), SignedDuration::from_mins(2)),
            resync: RESYNC,
            looks: Arc::default(),
            rejection_grace: Duration::from_mins(2),
            hold_percent: 10,
            env: Arc::new(Seeded::new(crowd.version(), crowd.clock, SignedDuration::ZERO)),
        };
        let work = tokio::spawn(run::work(outside, settings, pending().boxed().shared())).abort_handle();
        if let Some((former, _)) = crowd.process.lock().unwrap().replace((work.clone(), watches)) {
            former.abort();
        }
        Self { crowd: Arc::clone(crowd), work, begun, reconciles: BTreeMap::new() }
    }

    /// Lets it work for so long, and end what is due in the last instant: until then the clock stands still.
    pub async fn run_for(&mut self, span: Duration) {
        assert!(!self.work.is_finished(), "it runs, and no other has taken its place");
        self.crowd.tell();
        sleep(span).await;
        sleep(Duration::from_millis(1)).await;
        for (which, count) in std::mem::take(&mut *self.begun.lock().unwrap()) {
            *self.reconciles.entry(which).or_default() += count;
        }
    }
}

/// Counts the reconciles of each kind.
fn counted(begun: &Arc<Mutex<BTreeMap<Which, u64>>>) -> Around {
    let begun = Arc::clone(begun);
    Box::new(move |which, real, _| {
        let begun = Arc::clone(&begun);
        Arc::new(move |name, uid, rank| {
            *begun.lock().unwrap().entry(which).or_default() += 1;
            real(name, uid, rank)
        })
    })
}
