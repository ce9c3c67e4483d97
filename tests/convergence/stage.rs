//! A run: the world, its processes and whoever restarts them, and what a person does with kubectl and in AWS's console.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use transfer_operator::api::ManagedKind;
use transfer_operator::cluster::Name;
use transfer_operator::sim::model::Address;
use transfer_operator::sim::model::Tag;
use transfer_operator::sim::operation::Operation;

use crate::agreements;
use crate::canonical::{canonical_object, mask, sorted_keys};
use crate::crowd;
use crate::lint::{self, Kstatus};
use crate::offline;
use crate::operator;
use crate::oracle::unchecked::{self, Check};
use crate::oracle::{self, CreateOutput, in_force, one_each};
use crate::past;
use crate::process::Process;
use crate::satisfy;
use crate::secrecy;
use crate::setup::{Point, Setup};
use crate::world::{ACCOUNT, Life, REGION, World};
use transfer_operator::fakes::api_server::{Key, key_of};

/// In virtual time: longer than the longest wait that any plan can cause (an hour of errors, a ceiling of an hour).
const PATIENCE: Duration = Duration::from_hours(12);

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub violations: Vec<String>,
    pub trace: u64,
    pub points: Vec<Point>,
    pub end: String,
    /// The calls while everything was at rest, counted from 0.
    pub quiet: Range<usize>,
    /// The API server's last version at the end.
    pub versions: u64,
    pub lines: Vec<String>,
    /// How often each server, user and access was made and deleted.
    pub made: BTreeMap<String, CreateOutput>,
    /// How often a server that ran was stopped, and how often of that after a person tried again what AWS had refused.
    pub stops: u64,
    pub excused_stops: u64,
    /// How often a fault of the plan struck.
    pub struck: u64,
    /// Until all was as wanted, and then until all was gone; in virtual time, without the rest in between.
    pub took: Duration,
    /// Lines of the log that were searched for private keys.
    pub log_lines: usize,
}

/// A run under way.
pub struct Stage {
    pub world: Arc<World>,
    processes: Arc<Mutex<Vec<Process>>>,
    end: Mutex<String>,
    quiet: Mutex<Range<usize>>,
    took: Mutex<Duration>,
}

pub const NS: &str = "team";

pub fn key(kind: &str, name: &str) -> Key {
    let namespace = if kind == "AwsIdentity" || kind == "Namespace" { "" } else { NS };
    (kind.to_owned(), Name { namespace: namespace.to_owned(), name: name.to_owned() })
}

impl Stage {
    /// An empty cluster with an identity that grants the namespace everything, and the operator running.
    pub fn open(setup: Setup) -> Self {
        let world = World::new(setup);
        let stage = Self {
            world,
            processes: Arc::default(),
            end: Mutex::default(),
            quiet: Mutex::default(),
            took: Mutex::default(),
        };
        stage.apply(&json!({"kind": "Namespace", "metadata": {"name": NS, "labels": {"sftp": "yes"}}}));
        stage.apply(&json!({
            "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "AwsIdentity", "metadata": {"name": "default"},
            "spec": {
                "accountId": ACCOUNT, "regions": [REGION], "credentials": {"source": "Operator"},
                "grants": [{
                    "name": "team", "kinds": ManagedKind::ALL,
                    "namespaces": {"from": "Names", "names": [NS]},
                    "roleArns": ["arn:aws:iam::123456789012:role/sftp/*"],
                    "secretArns": ["arn:aws:secretsmanager:eu-central-1:123456789012:secret:sftp/*"],
                    "serverIds": [],
                    "certificateIds": ["*"],
                }],
            },
        }));
        for replica in 0..stage.world.setup.replicas {
            stage.supervise(replica);
        }
        stage
    }

    /// Starts a process, and a new one whenever it dies: what a kubelet does.
    fn supervise(&self, replica: u32) {
        let (world, processes) = (Arc::clone(&self.world), Arc::clone(&self.processes));
        let skew = self.world.setup.skews.get(replica as usize).copied().unwrap_or_default();
        tokio::spawn(async move {
            for life in 0_u32.. {
                let life = Life::new(life * 16 + replica, skew);
                world.note(&format!("r{} starts", life.id));
                let start = if world.setup.real.is_some() { operator::start } else { Process::start };
                let at = {
                    let mut processes = processes.lock().unwrap();
                    processes.push(start(&world, Arc::clone(&life)));
                    processes.len() - 1
                };
                life.died.notified().await;
                world.note(&format!("r{} died", life.id));
                processes.lock().unwrap()[at].end();
                let pause = 1 + world.random() % 20;
                tokio::time::sleep(Duration::from_secs(pause)).await;
            }
        });
    }

    /// Processes that live.
    pub fn alive(&self) -> Vec<Arc<Life>> {
        let processes = self.processes.lock().unwrap();
        processes.iter().filter(|process| !process.life.is_dead()).map(|process| Arc::clone(&process.life)).collect()
    }

    fn changed(&self) {
        self.world.changed.notify_waiters();
    }

    pub fn apply(&self, object: &Value) -> Key {
        let mut object = object.clone();
        if object["kind"].as_str().is_some_and(|kind| kind.starts_with("Transfer")) {
            object["apiVersion"] = json!("transfer-operator.dev/v1alpha1");
            object["metadata"]["namespace"] = json!(NS);
        }
        in_force::look(&self.world);
        let key = self.world.api().apply(&object);
        self.world.note(&format!("apply {} {}", key.0, key.1));
        self.changed();
        key
    }

    pub fn config_map(&self, name: &str, data: &[(&str, &str)]) {
        let at = key("ConfigMap", name);
        let data = data.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        self.world.api().data.insert(at.clone(), data);
        let object = json!({"kind": "ConfigMap", "metadata": {"name": name, "namespace": NS}});
        let version = self.world.random().to_string();
        self.world.api().apply(&object);
        self.world.api().annotate(&at, "version", &version);
        self.changed();
    }

    pub fn secret(&self, name: &str, body: &str) {
        secrecy::search_for(body);
        let mut api = self.world.api();
        let at = key("Secret", name);
        api.secret_types.insert(at.1.clone(), "transfer-operator.dev/host-key".to_owned());
        api.data.insert(at, [("ssh-privatekey".to_owned(), body.to_owned())].into());
    }

    /// A Secret as cert-manager writes it, with the label that lets its certificate be sent.
    pub fn tls_secret(&self, name: &str, certificate: &str, private_key: &str) {
        secrecy::search_for(private_key);
        crowd::tls_secret(&mut self.world.api(), key("Secret", name).1, [certificate, private_key]);
    }

    /// A Secret with the password of a trial login.
    pub fn password(&self, name: &str, password: &str) {
        secrecy::search_for(password);
        let mut api = self.world.api();
        let at = key("Secret", name);
        api.secret_types.insert(at.1.clone(), "transfer-operator.dev/login-password".to_owned());
        api.data.insert(at, [("password".to_owned(), password.to_owned())].into());
    }

    pub fn edit(&self, key: &Key, change: impl FnOnce(&mut Value)) {
        in_force::look(&self.world);
        self.world.api().edit(key, change);
        self.world.note(&format!("edit {} {}", key.0, key.1));
        self.changed();
    }

    pub fn poke(&self, key: &Key) {
        self.annotate(key, "transfer-operator.dev/reconcile-at", &self.world.clock.millis().to_string());
    }

    pub fn annotate(&self, key: &Key, name: &str, value: &str) {
        self.world.api().annotate(key, name, value);
        self.changed();
    }

    pub fn delete(&self, key: &Key) {
        in_force::look(&self.world);
        self.world.api().delete(key);
        self.world.note(&format!("delete {} {}", key.0, key.1));
        self.changed();
    }

    pub fn write_status(&self, key: &Key, change: impl FnOnce(&mut Value)) {
        self.world.api().write_status(key, change);
        self.world.note(&format!("status {} {}", key.0, key.1));
        self.changed();
    }

    pub fn get(&self, key: &Key) -> Option<Value> {
        self.world.api().get(key)
    }

    pub fn server_id(&self, name: &str) -> String {
        // By its tags, as a person finds it: status may have been wiped a moment ago.
        let owner = format!("{NS}/{name}");
        let mut sim = self.world.sim.lock().unwrap();
        let servers = &sim.world.region(ACCOUNT, REGION).servers;
        let carries = |tag: &Tag| tag.key == "transfer-operator.dev/owner" && tag.value == owner;
        let found = servers.values().find(|server| server.gone.is_none() && server.tags.iter().any(carries));
        found.map(|server| server.server_id.clone()).unwrap_or_default()
    }

    /// An elastic address that something else has.
    pub fn taken(&self, allocation_id: &str) {
        let mut sim = self.world.sim.lock().unwrap();
        let addresses = &mut sim.world.region(ACCOUNT, REGION).addresses;
        addresses.insert(allocation_id.to_owned(), Address { taken_by: Some("i-0123456789abcdef0".to_owned()) });
    }

    /// An elastic address that nothing has any more.
    pub fn free(&self, allocation_id: &str) {
        let mut sim = self.world.sim.lock().unwrap();
        sim.world.region(ACCOUNT, REGION).addresses.insert(allocation_id.to_owned(), Address::default());
    }

    /// AWS behaves otherwise from now on.
    pub fn switch(&self, switches: &Value) {
        let mut sim = self.world.sim.lock().unwrap();
        sim.config = sim.config.clone().with(switches).unwrap();
    }

    /// What somebody does in AWS's console.
    pub fn console(&self, operation: Operation, input: Value) -> Value {
        let now = self.world.clock.now();
        in_force::look(&self.world);
        let (outcome, about) = {
            let mut sim = self.world.sim.lock().unwrap();
            let about = oracle::subjects(&operation.to_string(), sim.world.region(ACCOUNT, REGION), &input);
            let outcome = sim.out_of_band(operation, ACCOUNT, REGION, input, now);
            past::remember(&self.world, &sim);
            (outcome, about)
        };
        self.world.note(&format!("console {operation}"));
        in_force::look(&self.world);
        let creates =
            matches!(operation, Operation::CreateUser | Operation::CreateAgreement | Operation::ImportCertificate);
        one_each::count(&self.world, creates, &about);
        outcome.unwrap_or_else(|error| panic!("{operation}: {error:?}"))
    }

    /// Waits until something holds.
    pub async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        // Who has a defect shows it sooner.
        let patience = if self.world.setup.put_in.is_some() { PATIENCE / 4 } else { PATIENCE };
        let end = Instant::now() + patience;
        while Instant::now() < end {
            if holds(self) {
                return;
            }
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        let objects = self.ours();
        let told: Vec<String> =
            objects.iter().map(|object| format!("{}: {}", object["metadata"]["name"], object["status"])).collect();
        self.world.violation(format!("O4: never {what}: {}", told.join("; ")));
    }

    fn ours(&self) -> Vec<Value> {
        let api = self.world.api();
        ManagedKind::ALL.iter().flat_map(|kind| api.list(kind.name())).collect()
    }

    /// Waits until every object is Ready for its newest generation, in so many words: what is suspended never is.
    pub async fn all_ready(&self) {
        self.until("all Ready", Self::is_all_ready).await;
    }

    /// Whether every object is so now.
    pub fn is_all_ready(&self) -> bool {
        let ready = |object: &Value| {
            let generation = &object["metadata"]["generation"];
            let says = |ready: Value| ready["status"] == "True" && ready["observedGeneration"] == *generation;
            lint::kstatus(object) == Kstatus::Current
                && object["status"]["observedGeneration"] == *generation
                && lint::find(object, "Ready").is_some_and(says)
        };
        self.world.coming.load(Ordering::SeqCst) == 0 && self.ours().iter().all(ready)
    }

    /// Waits until the object tells this reason in any condition.
    pub async fn reason(&self, key: &Key, reason: &str) {
        let tells = |object: Value| {
            let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
            object["status"]["observedGeneration"] == object["metadata"]["generation"]
                && conditions.iter().any(|condition| condition["reason"] == reason)
        };
        self.until(&format!("{} tells {reason}", key.1), |stage| stage.get(key).is_some_and(tells)).await;
    }

    /// Waits until this object is gone; another one of its name may be there at once.
    pub async fn gone(&self, key: &Key) {
        let uid = |stage: &Self| stage.get(key).map(|object| object["metadata"]["uid"].clone());
        let of_now = uid(self);
        self.until(&format!("{} {} gone", key.0, key.1), |stage| uid(stage).is_none_or(|uid| Some(uid) != of_now))
            .await;
    }

    pub async fn pause(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }

    /// O4: everything is as wanted, and then nothing happens: no mutation, no write.
    pub async fn rest(&self) {
        let began = self.world.points().len();
        self.world.calm();
        while self.alive().iter().any(|life| life.is_frozen()) {
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
        tokio::time::sleep(unchecked::before_rest(&self.world.setup)).await;
        in_force::look(&self.world);
        self.told_truly();
        // What was under way may end; then every look must find nothing to do. What kube's client could not write while
        // there was trouble, the status of an identity for example, is tried again within five minutes.
        let minutes = if self.world.setup.real.is_some() { 6 } else { 2 };
        tokio::time::sleep(Duration::from_mins(minutes)).await;
        let count = |stage: &Self| {
            let oracle = stage.world.oracle.lock().unwrap();
            (oracle.mutations, oracle.writes)
        };
        self.counted(count).await;
        self.until("all that may still arrive of a stop is past", |stage| !stage.ours().iter().any(offline::guarded))
            .await;
        self.until("all that may still bring a profile in is past", |stage| {
            !stage.ours().iter().any(agreements::awaits)
        })
        .await;
        self.told_truly();
        self.idle().await;
        let (before, tasks) = (count(self), fewest_tasks().await);
        tokio::time::sleep(self.world.setup.resync.mul_f64(1.3) * self.world.setup.rest).await;
        let after = count(self);
        if after != before {
            self.world.violation(format!("O4: not at rest: mutations, writes {before:?} became {after:?}"));
        }
        self.idle().await;
        // What a process that died left behind here would have died with it.
        let nobody_died = self.processes.lock().unwrap().len() == self.world.setup.replicas as usize;
        let nobody_is_frozen = !self.alive().iter().any(|life| life.is_frozen());
        let tasks_after = fewest_tasks().await;
        if nobody_died && nobody_is_frozen && tasks_after > tasks {
            self.world.violation(format!("O10: {tasks} tasks became {tasks_after} at rest"));
        }
        in_force::look(&self.world);
        *self.quiet.lock().unwrap() = began..self.world.points().len();
    }

    /// O4, O13: what is said to be so is, and nobody is left OFFLINE.
    fn told_truly(&self) {
        for object in self.ours() {
            let key = key_of(&object);
            let claims = lint::find(&object, "Ready").is_some_and(|ready| ready["status"] == "True");
            let restrained = satisfy::restrained(&object);
            if !restrained && let Some(id) = satisfy::left_offline(&self.world, &object) {
                self.world.violation(format!("O13: {} is left OFFLINE: {id}, {}", key.1, object["status"]));
            }
            if claims
                && !restrained
                && let Some(missing) = satisfy::missing(&self.world, &key, &object)
            {
                self.world.violation(format!("O4: {}: {missing}", key.1));
            }
        }
    }

    /// How many log in to a server is written once per resync where nothing else is, counted from the last write or the
    /// start of the process: some looks may pass until it stands, and one whose listing got lost counted nobody. Until
    /// then nothing changes in AWS.
    async fn counted(&self, count: impl Fn(&Self) -> (u64, u64)) {
        let struck = || self.world.struck.load(std::sync::atomic::Ordering::SeqCst);
        let (mutations, mut writes) = count(self);
        let mut faults = struck();
        for _ in 0..4 {
            tokio::time::sleep(self.world.setup.resync.mul_f64(1.3)).await;
            let now = count(self);
            if now.0 != mutations {
                self.world.violation(format!("O4: not at rest: {mutations} mutations became {}", now.0));
            }
            if now.1 == writes && struck() == faults {
                break;
            }
            (writes, faults) = (now.1, struck());
        }
    }

    /// O10: a look may be under way at rest; it ends within seconds.
    async fn idle(&self) {
        let at_work = || -> usize {
            let processes = self.processes.lock().unwrap();
            let running = processes.iter().filter(|process| !process.life.is_dead() && !process.life.is_frozen());
            running.map(Process::at_work).sum()
        };
        for _ in 0..20 {
            if at_work() == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        self.world.violation(format!("O10: {} reconciles still run at rest", at_work()));
    }

    /// The end of a run: rest, then everything is deleted and AWS must hold nothing of ours.
    pub async fn close(&self) {
        *self.took.lock().unwrap() += self.world.began.elapsed();
        self.rest().await;
        let rested = Instant::now();
        *self.end.lock().unwrap() = self.canonical();
        for object in self.ours() {
            let key = key_of(&object);
            self.edit(&key, |spec| spec["lifecycle"]["deletionProtection"] = json!(false));
        }
        for object in self.ours() {
            self.delete(&key_of(&object));
        }
        self.until("everything gone", |stage| stage.ours().is_empty()).await;
        *self.took.lock().unwrap() += rested.elapsed();
        // Whatever is still under way may land now.
        tokio::time::sleep(Duration::from_mins(30)).await;
        self.nothing_left();
    }

    /// O2: nothing in AWS carries our cluster's tag, but what was left on purpose.
    pub fn nothing_left(&self) {
        let sim = self.world.sim.lock().unwrap();
        let regions = || sim.world.accounts.values().flat_map(|regions| regions.values());
        let servers = regions().flat_map(|region| region.servers.values());
        let workflows = regions().flat_map(|region| region.workflows.values());
        let ours = |tags: &[transfer_operator::sim::model::Tag]| {
            let has = |key: &str| tags.iter().any(|tag| tag.key == key);
            has("transfer-operator.dev/cluster") && !has("transfer-operator.dev/retained-from")
        };
        let left_over = workflows.filter(|workflow| workflow.gone.is_none() && ours(&workflow.tags));
        let mut left: Vec<String> = left_over.map(|workflow| format!("workflow {}", workflow.workflow_id)).collect();
        let profiles = regions().flat_map(|region| region.profiles.iter());
        let profiles = profiles.filter(|(_, held)| held.gone.is_none() && ours(&held.tags));
        left.extend(profiles.map(|(id, _)| format!("profile {id}")));
        let connectors = regions().flat_map(|region| region.connectors.iter());
        let connectors = connectors.filter(|(_, held)| held.gone.is_none() && ours(&held.tags));
        left.extend(connectors.map(|(id, _)| format!("connector {id}")));
        let certificates = regions().flat_map(|region| region.certificates.iter());
        let certificates = certificates.filter(|(_, held)| held.gone.is_none() && ours(&held.tags));
        left.extend(certificates.map(|(id, _)| format!("certificate {id}")));
        let agreements = regions().flat_map(|region| region.agreements.iter());
        let agreements = agreements.filter(|(_, held)| held.gone.is_none() && ours(&held.tags));
        left.extend(agreements.map(|(id, _)| format!("agreement {id}")));
        let web_apps = regions().flat_map(|region| region.web_apps.iter());
        let web_apps = web_apps.filter(|(_, held)| held.gone.is_none() && ours(&held.tags));
        left.extend(web_apps.map(|(id, _)| format!("web app {id}")));
        for server in servers.filter(|server| server.gone.is_none()) {
            if ours(&server.tags) {
                left.push(format!("server {}", server.server_id));
            }
            left.extend(
                server.users.iter().filter(|(_, user)| ours(&user.tags)).map(|(name, _)| format!("user {name}")),
            );
        }
        drop(sim);
        if !left.is_empty() && !self.world.setup.skips(Check::NothingLeft) {
            self.world.violation(format!("O2: left in AWS: {}", left.join(", ")));
        }
        let accesses = self.world.oracle.lock().unwrap().accesses.clone();
        for (access, count) in accesses.iter().filter(|(_, count)| **count != 0) {
            let (server, _) = access.split_once('/').unwrap();
            let lives = self.world.sim.lock().unwrap().world.region(ACCOUNT, REGION).servers.contains_key(server);
            if lives {
                self.world.violation(format!("O2: access {access}: {count} more creates than deletes"));
            }
        }
    }

    /// The whole state without what differs from run to run.
    fn canonical(&self) -> String {
        let (objects, held) = self.plain();
        // By what they are: ids differ from run to run, and so does the order by id.
        let mut held: Vec<String> =
            held.as_object().into_iter().flatten().map(|(_, server)| mask(&server.to_string())).collect();
        held.sort();
        format!("{}\n{}", mask(&objects.to_string()), held.join("\n"))
    }

    /// Our objects, and AWS's servers, workflows, profiles, connectors, certificates, agreements and web apps, before anything is masked.
    pub fn plain(&self) -> (Value, Value) {
        let objects = self.ours().iter().map(canonical_object).collect();
        let mut sim = self.world.sim.lock().unwrap();
        let region = sim.world.region(ACCOUNT, REGION);
        let mut held = serde_json::to_value(&region.servers).unwrap();
        let workflows = region.workflows.values().filter(|workflow| workflow.gone.is_none());
        for workflow in workflows {
            held[&workflow.workflow_id] = serde_json::to_value(workflow).unwrap();
        }
        for (id, profile) in region.profiles.iter().filter(|(_, profile)| profile.gone.is_none()) {
            held[id] = serde_json::to_value(profile).unwrap();
        }
        for (id, connector) in region.connectors.iter().filter(|(_, connector)| connector.gone.is_none()) {
            held[id] = serde_json::to_value(connector).unwrap();
        }
        for (id, certificate) in region.certificates.iter().filter(|(_, certificate)| certificate.gone.is_none()) {
            held[id] = serde_json::to_value(certificate).unwrap();
        }
        for (id, agreement) in region.agreements.iter().filter(|(_, agreement)| agreement.gone.is_none()) {
            held[id] = serde_json::to_value(agreement).unwrap();
        }
        for (id, web_app) in region.web_apps.iter().filter(|(_, web_app)| web_app.gone.is_none()) {
            held[id] = serde_json::to_value(web_app).unwrap();
        }
        sorted_keys(&mut held);
        (objects, held)
    }

    pub fn outcome(self) -> Outcome {
        let oracle = self.world.oracle.lock().unwrap();
        let (violations, made) = (oracle.violations.clone(), oracle.made.clone());
        let (stops, excused_stops) = (oracle.stops, oracle.excused_stops);
        drop(oracle);
        Outcome {
            violations,
            made,
            stops,
            excused_stops,
            trace: self.world.trace(),
            points: self.world.points(),
            versions: self.world.api().version(),
            quiet: self.quiet.into_inner().unwrap(),
            end: self.end.into_inner().unwrap(),
            lines: self.world.lines(),
            struck: self.world.struck.load(std::sync::atomic::Ordering::SeqCst),
            took: self.took.into_inner().unwrap(),
            log_lines: 0,
        }
    }
}

/// Tasks of the whole run that have not ended; what comes and goes within seconds does not count.
async fn fewest_tasks() -> usize {
    let mut fewest = usize::MAX;
    for _ in 0..10 {
        fewest = fewest.min(tokio::runtime::Handle::current().metrics().num_alive_tasks());
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    fewest
}
