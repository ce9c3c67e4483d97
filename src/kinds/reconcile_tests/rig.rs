//! A whole installation in memory: the operator's engines over the API server and the AWS of the fakes, in virtual
//! time, and what people do to its objects.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::FutureExt;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::api::{ALLOW_DELETIONS, CERTIFICATE_LABEL, ManagedKind, TransferServer};
use crate::aws::{Rank, RateLimiter};
use crate::cluster::{KubeApi, Lister, Name};
use crate::engine::context::Engine;
use crate::engine::controller;
use crate::engine::looks::Looks;
use crate::engine::memory::Memory;
use crate::engine::reconcile::reconcile;
use crate::engine::requeue::Requeue;
use crate::engine::settings::{Env, Settings};
use crate::kinds::access::Accesses;
use crate::kinds::agreement::Agreements;
use crate::kinds::certificate::Certificates;
use crate::kinds::connector::Connectors;
pub use crate::kinds::fakes::cloud::{Cloud, Lose};
use crate::kinds::fakes::cloud::{Identities, limiter};
use crate::kinds::fakes::scripted::Key;
pub use crate::kinds::fakes::scripted::{Fail, Objects};
use crate::kinds::fakes::{self, ACCOUNT, NOW, REGION};
pub use crate::kinds::fakes::{FIRST, LAG, OLD, ROLE, SECOND, SECRET, THIRD, TOLERANCE};
use crate::kinds::profile::Profiles;
use crate::kinds::server::Servers;
use crate::kinds::user::Users;
use crate::kinds::web_app::WebApps;
use crate::kinds::workflow::Workflows;
use crate::sim::config::Leniency;
use crate::sim::partners::Profile;

/// No object needs nearly as many.
const RECONCILES: u64 = 2000;

/// The name of an object of the team's.
pub fn name(name: &str) -> Name {
    Name { namespace: "team".to_owned(), name: name.to_owned() }
}

/// Identifiers in order, and a clock that goes with the virtual time.
struct Counted {
    next: AtomicU64,
    began: Instant,
}

impl Default for Counted {
    fn default() -> Self {
        Self { next: AtomicU64::default(), began: Instant::now() }
    }
}

impl Env for Counted {
    fn uuid(&self) -> String {
        format!("attempt-{}", self.next.fetch_add(1, Ordering::Relaxed))
    }
    fn fraction(&self) -> f64 {
        0.5
    }
    fn wall(&self) -> Timestamp {
        let now: Timestamp = NOW.parse().unwrap();
        now + self.began.elapsed()
    }
}

/// The operator's engines; a new one knows nothing of what the old one remembered.
struct Process {
    servers: Arc<Engine<Servers>>,
    users: Arc<Engine<Users>>,
    accesses: Arc<Engine<Accesses>>,
    workflows: Arc<Engine<Workflows>>,
    profiles: Arc<Engine<Profiles>>,
    connectors: Arc<Engine<Connectors>>,
    agreements: Arc<Engine<Agreements>>,
    certificates: Arc<Engine<Certificates>>,
    web_apps: Arc<Engine<WebApps>>,
    limiter: Arc<RateLimiter>,
}

pub struct Rig {
    pub objects: Arc<Objects>,
    pub cloud: Arc<Cloud>,
    process: Process,
    reconciles: AtomicU64,
    /// Reads per second that the limiter lets through.
    reads: f64,
    /// How often what is at rest is looked at, by the operator's own setting.
    resync: Duration,
}

impl Rig {
    pub fn new() -> Self {
        Self::reading(1e9)
    }

    /// With a limiter that lets so many reads through in a second.
    pub fn reading(reads: f64) -> Self {
        Self::with(reads, settings().resync)
    }

    /// With an operator that is told to look so often at what is at rest.
    pub fn resyncing(resync: Duration) -> Self {
        Self::with(1e9, resync)
    }

    fn with(reads: f64, resync: Duration) -> Self {
        let cloud = Cloud::new();
        let objects = Arc::new(Objects::default());
        let process = start(&objects, &cloud, reads, resync);
        let rig = Self { objects, cloud, process, reconciles: AtomicU64::new(0), reads, resync };
        rig.grant(&[OLD]);
        rig
    }

    /// A server and a user `alice` on it, both Ready and seen in AWS since; what was called and told until then is
    /// forgotten.
    pub async fn with_user(spec: Value) -> Self {
        let rig = Self::new();
        rig.server("files", json!({}));
        rig.settle("TransferServer", "files").await;
        rig.user("alice", spec);
        rig.settle("TransferUser", "alice").await;
        assert_eq!(rig.says("TransferUser", "alice", "Ready").unwrap().0, "True");
        rig.settle("TransferUser", "alice").await;
        rig.cloud.calls();
        rig.objects.notes.lock().unwrap().clear();
        rig
    }

    /// The identity `default`, which lets everybody do everything and name these servers.
    pub fn grant(&self, server_ids: &[&str]) {
        let identity = json!({
            "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "AwsIdentity",
            "metadata": {"name": "default", "uid": "identity", "generation": 1},
            "spec": {"accountId": ACCOUNT, "regions": [REGION], "credentials": {"source": "Operator"}, "grants": [{
                "name": "all", "kinds": ManagedKind::ALL,
                "namespaces": {"from": "All"}, "roleArns": [ROLE], "serverIds": server_ids,
                "certificateIds": ["*"], "secretArns": [SECRET]}]},
        });
        self.objects.put(identity);
    }

    fn identity(&self, change: impl FnOnce(&mut Value)) {
        let key = ("AwsIdentity".to_owned(), Name { namespace: String::new(), name: "default".to_owned() });
        self.objects.change(&key, None, change).unwrap();
    }

    pub fn regions(&self, regions: &[&str]) {
        self.identity(|identity| identity["spec"]["regions"] = json!(regions));
    }

    /// What may be taken over by its id.
    pub fn adoptable(&self, ids: &[&str]) {
        self.identity(|identity| identity["spec"]["grants"][0]["adoptableIds"] = json!(ids));
    }

    /// The certificates that may be named by their ids.
    pub fn certificate_ids(&self, ids: &[&str]) {
        self.identity(|identity| identity["spec"]["grants"][0]["certificateIds"] = json!(ids));
    }

    /// The roles that may be passed.
    pub fn pass(&self, roles: &[&str]) {
        self.identity(|identity| identity["spec"]["grants"][0]["roleArns"] = json!(roles));
    }

    /// A person says yes to many deletions at once.
    pub fn allow(&self, value: &str) {
        self.identity(|identity| identity["metadata"]["annotations"] = json!({ALLOW_DELETIONS: value}));
    }

    /// The identity goes, or only its grants.
    pub fn withdraw(&self, altogether: bool) {
        if altogether {
            self.objects.remove_all("AwsIdentity");
        } else {
            self.identity(|identity| identity["spec"]["grants"] = json!([]));
        }
    }

    /// The operator is killed and started anew.
    pub fn restart(&mut self) {
        self.process = start(&self.objects, &self.cloud, self.reads, self.resync);
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
        self.objects.put(value);
        self.reconciles.store(0, Ordering::Relaxed);
    }

    /// A server; one for groups has the directory that AWS asks for.
    pub fn server(&self, object: &str, spec: Value) {
        let mut all = json!({"region": REGION, "lifecycle": {"deletionProtection": false}});
        if spec["identityProviderType"] == "AWS_DIRECTORY_SERVICE" {
            all["identityProviderDetails"] = json!({"directoryId": "d-0123456789"});
        }
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

    /// A connector to an SFTP partner, or as the spec says.
    pub fn connector(&self, object: &str, spec: Value) {
        self.put("TransferConnector", object, connector_spec(&spec));
    }

    /// Profiles of both sides that no object stands for, and AWS taking agreements on servers of any protocol: those of AS2
    /// need a VPC.
    pub fn allow_agreements(&self) {
        let now = self.cloud.now();
        let mut sim = self.cloud.sim();
        sim.config.agreement_without_as2 = Leniency::Accept;
        let profiles = &mut sim.world.region(ACCOUNT, REGION).profiles;
        for (id, side) in [(LOCAL_PROFILE, "LOCAL"), (PARTNER_PROFILE, "PARTNER")] {
            let what = Profile { as2_id: side.to_owned(), profile_type: side.to_owned(), certificate_ids: Vec::new() };
            profiles.add(id.to_owned(), what, Vec::new(), now);
        }
    }

    /// An agreement on server `files`, or as the spec says.
    pub fn agreement(&self, object: &str, spec: Value) {
        self.put("TransferAgreement", object, agreement_spec("files", &spec));
    }

    /// A partner's certificate, or as the spec says; its ConfigMap is there.
    pub fn certificate(&self, object: &str, spec: Value) {
        let data = [("certificate.pem".to_owned(), Ok(PARTNER_CERTIFICATE.to_owned()))].into();
        self.objects.config_maps.lock().unwrap().insert(name("partner"), data);
        self.put("TransferCertificate", object, certificate_spec(&spec));
    }

    /// A Secret as cert-manager writes it, with the label that lets its certificate be sent.
    pub fn tls_secret(&self, secret: &str, certificate: &str, private_key: &str) {
        let data = [("tls.crt", certificate), ("tls.key", private_key), ("ca.crt", PARTNER_CERTIFICATE)];
        let data = data.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        self.objects.secrets.lock().unwrap().insert(name(secret), ("kubernetes.io/tls".to_owned(), data));
        let labels = [(CERTIFICATE_LABEL.to_owned(), "true".to_owned())].into();
        self.objects.secret_labels.lock().unwrap().insert(name(secret), labels);
    }

    /// A public web app, or as the spec says.
    pub fn web_app(&self, object: &str, spec: Value) {
        self.put("TransferWebApp", object, web_app_spec(&spec));
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
        objects.remove(kind, &name(object));
    }

    pub fn get(&self, kind: &str, object: &str) -> Option<Value> {
        self.objects.stored(&Self::key(kind, object))
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
        self.reconcile_as(kind, object, &Rank::default()).await
    }

    pub async fn reconcile_as(&self, kind: &str, object: &str, rank: &Rank) -> Requeue {
        self.reconcile_of(kind, &name(object), &format!("uid-{object}"), rank).await
    }

    /// A reconcile over the object of this uid, in whichever namespace.
    pub async fn reconcile_of(&self, kind: &str, object: &Name, uid: &str, rank: &Rank) -> Requeue {
        let reconciles = self.reconciles.fetch_add(1, Ordering::Relaxed);
        assert!(reconciles < RECONCILES, "{kind} {object} does not come to rest");
        match kind {
            "TransferServer" => Box::pin(reconcile(&self.process.servers, object, uid, rank)).await,
            "TransferUser" => Box::pin(reconcile(&self.process.users, object, uid, rank)).await,
            "TransferAccess" => Box::pin(reconcile(&self.process.accesses, object, uid, rank)).await,
            "TransferProfile" => Box::pin(reconcile(&self.process.profiles, object, uid, rank)).await,
            "TransferConnector" => Box::pin(reconcile(&self.process.connectors, object, uid, rank)).await,
            "TransferCertificate" => Box::pin(reconcile(&self.process.certificates, object, uid, rank)).await,
            "TransferAgreement" => Box::pin(reconcile(&self.process.agreements, object, uid, rank)).await,
            "TransferWebApp" => Box::pin(reconcile(&self.process.web_apps, object, uid, rank)).await,
            _ => Box::pin(reconcile(&self.process.workflows, object, uid, rank)).await,
        }
    }

    /// Where all calls wait.
    pub fn limiter(&self) -> Arc<RateLimiter> {
        Arc::clone(&self.process.limiter)
    }

    /// What was seen of all objects.
    pub fn looks(&self) -> &Looks {
        &self.process.users.settings.looks
    }

    /// The pod's clock.
    pub fn wall(&self) -> Timestamp {
        self.process.users.settings.env.wall()
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

    /// Reconciles over the object as they become due, for so long.
    pub async fn run(&self, kind: &str, object: &str, span: Duration) {
        let end = Instant::now() + span;
        loop {
            match self.reconcile(kind, object).await {
                Requeue::Again => {}
                Requeue::After(delay) | Requeue::Rest(delay) if Instant::now() + delay <= end => {
                    tokio::time::advance(delay).await;
                }
                Requeue::After(_) | Requeue::Elsewhere(_) | Requeue::Rest(_) | Requeue::OnChange => return,
            }
        }
    }

    /// Lets the real controller make reconciles over a server, for so long.
    pub async fn control(self: &Arc<Self>, object: &str, span: Duration) {
        let (index, _enqueuer, queue) = controller::queue::<TransferServer>();
        let meta = serde_json::from_value(self.get("TransferServer", object).unwrap()["metadata"].clone()).unwrap();
        index.take(&name(object), None, Some(&meta));
        let rig = Arc::clone(self);
        let run: controller::Reconcile = Arc::new(move |name, _, _| {
            let rig = Arc::clone(&rig);
            async move { rig.reconcile("TransferServer", &name.name).await }.boxed()
        });
        controller::run(queue, async {}.boxed().shared(), tokio::time::sleep(span), run).await;
    }

    /// Reconciles until nothing is due at once.
    pub async fn settle(&self, kind: &str, object: &str) {
        self.run(kind, object, Duration::from_secs(10)).await;
    }
}

fn start(objects: &Arc<Objects>, cloud: &Arc<Cloud>, reads: f64, resync: Duration) -> Process {
    let limiter = limiter(reads);
    let cluster = Arc::clone(objects) as Arc<dyn KubeApi>;
    let aws = Identities::new(cloud, &limiter);
    let deps = fakes::deps(objects, objects, &aws, Arc::new(Counted::default()));
    let lister = || Arc::clone(objects) as Arc<dyn Lister>;
    let settings = Settings { resync, ..settings() };
    Process {
        servers: Engine::new(Servers::new(Arc::clone(&deps)), Arc::clone(&cluster), lister(), settings.clone()),
        users: Engine::new(Users::new(Arc::clone(&deps)), Arc::clone(&cluster), lister(), settings.clone()),
        accesses: Engine::new(Accesses::new(Arc::clone(&deps)), Arc::clone(&cluster), lister(), settings.clone()),
        profiles: Engine::new(Profiles::new(Arc::clone(&deps)), Arc::clone(&cluster), lister(), settings.clone()),
        workflows: Engine::new(Workflows::new(Arc::clone(&deps)), Arc::clone(&cluster), lister(), settings.clone()),
        connectors: Engine::new(Connectors::new(Arc::clone(&deps)), Arc::clone(&cluster), lister(), settings.clone()),
        agreements: Engine::new(Agreements::new(Arc::clone(&deps)), Arc::clone(&cluster), lister(), settings.clone()),
        certificates: Engine::new(
            Certificates::new(Arc::clone(&deps)),
            Arc::clone(&cluster),
            lister(),
            settings.clone(),
        ),
        web_apps: Engine::new(WebApps::new(deps), cluster, lister(), settings),
        limiter,
    }
}

/// An instance of IAM Identity Center.
pub const INSTANCE: &str = "arn:aws:sso:::instance/ssoins-0123456789abcdef";

/// The least that a web app needs, and what the spec says in its place.
pub fn web_app_spec(more: &Value) -> Value {
    let center = json!({"instanceArn": INSTANCE, "role": ROLE});
    let mut spec = json!({"region": REGION, "identityProviderDetails": {"identityCenterConfig": center},
        "lifecycle": {"deletionProtection": false}});
    for (key, value) in more.as_object().unwrap() {
        spec[key] = value.clone();
    }
    spec
}

/// The least that a connector to an SFTP partner needs, and what the spec says in its place.
pub fn connector_spec(more: &Value) -> Value {
    let sftp = json!({"userSecretId": SECRET});
    let mut all = json!({"region": REGION, "url": "sftp://sftp.example.com", "accessRole": ROLE, "sftpConfig": sftp});
    for (key, value) in more.as_object().unwrap() {
        all[key] = value.clone();
    }
    all
}

/// A partner's certificate, which has no private key here.
pub const PARTNER_CERTIFICATE: &str = include_str!("../../../tests/fixtures/certificates/partner.pem");

/// The least that a certificate of a partner needs, and what the spec says in its place.
pub fn certificate_spec(more: &Value) -> Value {
    let mut spec = json!({"region": REGION, "usage": "SIGNING",
        "configMapKeyRef": {"name": "partner", "key": "certificate.pem"}});
    for (key, value) in more.as_object().unwrap() {
        spec[key] = value.clone();
    }
    spec
}

/// Times as an installation has them by default, and a clock that goes.
pub fn settings() -> Settings {
    Settings { env: Arc::new(Counted::default()), ..fakes::settings() }
}

/// Profiles that no object stands for, once [`Rig::allow_agreements`] put them there.
pub const LOCAL_PROFILE: &str = "p-00000000000000001";
pub const PARTNER_PROFILE: &str = "p-00000000000000002";

/// The least that an agreement on a server of this name needs, and what the spec says in its place.
pub fn agreement_spec(server: &str, more: &Value) -> Value {
    let mut spec = json!({"serverRef": {"name": server}, "localProfileId": LOCAL_PROFILE,
        "partnerProfileId": PARTNER_PROFILE, "accessRole": ROLE, "baseDirectory": "/b/in"});
    for (key, value) in more.as_object().unwrap() {
        spec[key] = value.clone();
    }
    spec
}
