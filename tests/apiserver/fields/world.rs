//! One control plane, one operator and two simulators for all cases, and the steps in which all of them go at once.

use std::time::Duration;

use futures::StreamExt as _;
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, ValidationDirective};
use kube::core::ApiResource;
use kube::{Client, ResourceExt as _};
use serde_json::{Value, json};
use tokio::time::Instant;
use transfer_operator::api::{
    AwsIdentity, ManagedKind, TransferAccess, TransferAgreement, TransferCertificate, TransferConnector,
    TransferProfile, TransferServer, TransferUser, TransferWebApp, TransferWorkflow,
};

use super::case::{AWAY, At, Case, HOME, Kind, Then};
use super::identities::Sims;
use super::logins::Raw;
use super::seen::{Demand, Key, RAW_TAG, Seen, Verdict};
use crate::support::{ControlPlane, Lent, Operator, Sim, repository};

const STEPS: [&str; 3] = ["created with A", "changed to B", "cleared"];

/// For a failure only: nothing here takes nearly as long.
const PATIENCE: Duration = Duration::from_mins(2);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(250);
/// Requests to the API server at the same time.
const AT_ONCE: usize = 16;

/// Nothing here is about rates, and states need no time; the windows are scaled as in the other tests, and so is how long
/// a replaced workflow stays.
const OPERATOR: [&str; 14] = [
    "--signature-tolerance",
    "4s",
    "--listing-lag",
    "1s",
    "--replaced-unused",
    "1s",
    "--aws-read-rate",
    "100000",
    "--aws-write-rate",
    "100000",
    "--aws-create-server-rate",
    "100000",
    // Objects of every policy are deleted at once, and what becomes of each is looked at: none waits for a person.
    "--hold-deletions-percent",
    "0",
];
const SIM: [&str; 6] = ["--transition-time", "0s", "--signature-tolerance", "4s", "--listing-lag", "1s"];
/// Of the simulator that is not the operator's own.
const OTHER_ACCOUNT: [&str; 2] = ["--account", "210987654321"];

pub struct World {
    /// Before the control plane: who gets that next must meet no operator.
    _operator: Operator,
    plane: Lent,
    client: Client,
    sim: Sim,
    other: Sim,
    pub raw: Raw,
}

impl World {
    /// Everything that the cases rest on, applied or running; `switches` are those of the simulator.
    pub async fn new(switches: &Value) -> Self {
        let plane = Lent::installed().await;
        let sim = Sim::start(&SIM).await;
        let other = Sim::start(&[&SIM[..], &OTHER_ACCOUNT[..]].concat()).await;
        sim.control(
            "/_sim/config",
            &json!({"quotas": {"servers": 1000, "workflows": 1000, "connectors": 1000, "agreements": 1000, "web_apps": 1000},
                "connector_time": "0s"}),
        )
        .await;
        // The other ways of AWS's are beside the code: src/kinds/reconcile_tests/profiles.rs.
        sim.control("/_sim/config", &json!({"empty_certificate_ids": "clear"})).await;
        // Those that speak AS2 need a VPC; and each case has an agreement of its own between the same two.
        sim.control("/_sim/config", &json!({"agreement_without_as2": "accept", "same_partners": "accept"})).await;
        sim.control("/_sim/config", switches).await;
        for last in 1..=3 {
            let address = json!({"allocation_id": format!("eipalloc-0000000{last}"), "address": {}});
            sim.control("/_sim/change", &json!({"region": "eu-central-1", "set_address": address})).await;
        }
        let (users, accesses) = (raw(&sim, Kind::User).await, raw(&sim, Kind::Access).await);
        let raw = Raw {
            users,
            accesses,
            agreements: raw(&sim, Kind::Agreement).await,
            certificates: [certificate(&sim).await, certificate(&sim).await],
            profiles: profiles(&sim).await,
        };
        let file = repository("tests/apiserver/fields/world.yaml");
        plane.kubectl(&["apply", "--filename", file.to_str().unwrap()]).await;
        secret(&plane, "keys", &[("one", "ed25519"), ("two", "p256"), ("ssh-privatekey", "p384")]).await;
        secret(&plane, "more-keys", &[("one", "p256")]).await;
        sources(&plane).await;
        let client = plane.admin().await;
        let operator = Operator::start(&plane, &sim, &OPERATOR).await;
        let world = Self { plane, client, sim, other, raw, _operator: operator };
        // The first adds no tags: what a server has of its own may go down to nothing.
        for (name, tags) in [("default", json!({})), ("second", json!({"identity": "second"}))] {
            let servers: Vec<&String> = {
                let raw = &world.raw;
                raw.users.iter().chain(&raw.accesses).chain(&raw.agreements).collect()
            };
            let spec = json!({
                "accountId": "123456789012", "regions": ["eu-central-1", "eu-west-1"],
                "credentials": {"source": "Operator"}, "tags": tags,
                "grants": [{"name": "all", "kinds": ManagedKind::ALL,
                    "namespaces": {"from": "All"}, "serverIds": servers, "certificateIds": ["*"],
                    "roleArns": ["arn:aws:iam::123456789012:role/fields/*"],
                    "secretArns": ["arn:aws:secretsmanager:eu-central-1:123456789012:secret:fields/*"]}],
            });
            let key = Key { kind: Kind::Identity, namespace: String::new(), name: name.to_owned() };
            world.apply(&key, &spec).await.unwrap();
        }
        // Until the operator knows them, whoever needs one is Stalled.
        world.plane.kubectl(&["wait", "awsidentities", "--all", "--for=condition=Ready", "--timeout=60s"]).await;
        world
    }

    pub fn sims(&self) -> Sims {
        Sims { own: self.sim.endpoint().to_owned(), other: self.other.endpoint().to_owned() }
    }

    /// Takes one step with all cases; answers what is not as demanded.
    pub async fn step(&self, cases: &[Case], step: usize) -> Vec<String> {
        let since = self.sim.calls().await["last"].as_u64().unwrap_or_default();
        let now = self.look(cases, since).await;
        for case in cases {
            self.meanwhile(case, step, &now).await;
        }
        let before = self.look(cases, since).await;
        let sent = cases.iter().map(|case| async move { (case, self.send(case, step).await) });
        let answers: Vec<_> = futures::stream::iter(sent).buffered(AT_ONCE).collect().await;
        let mut wrong = Vec::new();
        let mut open = Vec::new();
        for (case, answer) in answers {
            match (&case.then[step], answer) {
                (Then::Refused(text), Err(error)) if error.contains(text) => {}
                (Then::Refused(text), answer) => {
                    wrong.push(told(case, step, &format!("not refused with {text:?}: {answer:?}")));
                }
                (_, Err(error)) => wrong.push(told(case, step, &error)),
                (_, Ok(())) => open.push(case),
            }
        }
        wrong.extend(self.settle(open, step, since, &before).await);
        wrong
    }

    /// Waits until nobody is under way any more.
    async fn settle(&self, mut open: Vec<&Case>, step: usize, since: u64, before: &Seen) -> Vec<String> {
        let end = Instant::now() + PATIENCE;
        let mut wrong = Vec::new();
        loop {
            let all: Vec<Case> = open.iter().map(|case| (*case).clone()).collect();
            let seen = self.look(&all, since).await;
            let over = Instant::now() > end;
            open.retain(|case| {
                let key = shows(case);
                let demand = Demand { shows: &key, at: case.at, then: &case.then[step], edited: case.shown.is_none() };
                match seen.judge(&demand, before) {
                    Verdict::Passed => false,
                    Verdict::Pending(_) if !over => true,
                    Verdict::Pending(text) | Verdict::Failed(text) => {
                        wrong.push(told(case, step, &text));
                        false
                    }
                }
            });
            if open.is_empty() {
                return wrong;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn send(&self, case: &Case, step: usize) -> Result<(), String> {
        self.apply(&own(case), &case.spec(step)).await?;
        match &case.shown {
            Some(shown) if step == 0 => {
                let text = shown.spec.to_string().replace("NAME", &case.name());
                self.apply(&shows(case), &serde_json::from_str(&text).unwrap()).await
            }
            _ => Ok(()),
        }
    }

    /// Applies a spec as a GitOps tool does: what is no longer in it is taken out.
    pub async fn apply(&self, key: &Key, spec: &Value) -> Result<(), String> {
        let object = json!({
            "apiVersion": "transfer-operator.dev/v1alpha1", "kind": key.kind.name(),
            "metadata": {"name": key.name}, "spec": spec,
        });
        let params =
            PatchParams { field_validation: Some(ValidationDirective::Strict), ..PatchParams::apply("fields").force() };
        let applied = self.api(key).patch(&key.name, &params, &Patch::Apply(&object)).await;
        applied.map(drop).map_err(|error| error.to_string())
    }

    pub async fn delete(&self, key: &Key) {
        self.api(key).delete(&key.name, &DeleteParams::default()).await.unwrap();
    }

    /// What a person does in AWS's console.
    pub async fn console(&self, operation: &str, input: &Value) {
        out_of_band(&self.sim, operation, input).await;
    }

    fn api(&self, key: &Key) -> Api<DynamicObject> {
        let resource = resource(key.kind);
        match key.kind {
            Kind::Identity => Api::all_with(self.client.clone(), &resource),
            _ => Api::namespaced_with(self.client.clone(), &key.namespace, &resource),
        }
    }

    /// What somebody else does in AWS before the step.
    async fn meanwhile(&self, case: &Case, step: usize, now: &Seen) {
        let Some((operation, mut input)) = step.checked_sub(1).and_then(|index| case.meanwhile[index].clone()) else {
            return;
        };
        let held = now.held(&own(case)).unwrap();
        input["ServerId"] = held["ServerId"].clone();
        input["UserName"] = held["UserName"].clone();
        out_of_band(&self.sim, operation, &input).await;
    }

    /// Everything as it is now, and the calls after number `since`.
    pub async fn look(&self, cases: &[Case], since: u64) -> Seen {
        let mut seen = Seen::default();
        for kind in Kind::ALL {
            let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource(kind));
            for object in api.list(&ListParams::default()).await.unwrap() {
                let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
                seen.objects.insert(Key { kind, namespace, name }, serde_json::to_value(object).unwrap());
            }
        }
        for key in cases.iter().filter(|case| matches!(case.at, At::Deletable)).map(own) {
            let dry = DeleteParams { dry_run: true, ..DeleteParams::default() };
            let deletable = self.api(&key).delete(&key.name, &dry).await.is_ok();
            seen.deletable.insert(key, deletable);
        }
        seen.aws = self.sim.get("/_sim/state").await;
        let mut calls = self.sim.get(&format!("/_sim/calls?since={since}")).await;
        seen.calls = serde_json::from_value(calls["calls"].take()).unwrap();
        seen
    }
}

/// The object whose field it is.
fn own(case: &Case) -> Key {
    let namespace = if case.kind == Kind::Identity { "" } else { HOME };
    Key { kind: case.kind, namespace: namespace.to_owned(), name: case.name() }
}

/// The object that shows it.
fn shows(case: &Case) -> Key {
    match &case.shown {
        None => own(case),
        Some(shown) => {
            Key { kind: shown.kind, namespace: shown.namespace.to_owned(), name: format!("of-{}", case.name()) }
        }
    }
}

fn told(case: &Case, step: usize, text: &str) -> String {
    format!("{} spec.{}, {}: {text}", case.kind.name(), case.path, STEPS[step])
}

fn resource(kind: Kind) -> ApiResource {
    match kind {
        Kind::Identity => ApiResource::erase::<AwsIdentity>(&()),
        Kind::Server => ApiResource::erase::<TransferServer>(&()),
        Kind::User => ApiResource::erase::<TransferUser>(&()),
        Kind::Access => ApiResource::erase::<TransferAccess>(&()),
        Kind::Workflow => ApiResource::erase::<TransferWorkflow>(&()),
        Kind::Profile => ApiResource::erase::<TransferProfile>(&()),
        Kind::Connector => ApiResource::erase::<TransferConnector>(&()),
        Kind::Agreement => ApiResource::erase::<TransferAgreement>(&()),
        Kind::Certificate => ApiResource::erase::<TransferCertificate>(&()),
        Kind::WebApp => ApiResource::erase::<TransferWebApp>(&()),
    }
}

/// Two servers that no object made, the first with the name of the kind as its tag.
async fn raw(sim: &Sim, kind: Kind) -> [String; 2] {
    let mut ids = Vec::new();
    for tag in [kind.plural(), "other"] {
        let mut input = json!({"Tags": [{"Key": RAW_TAG, "Value": tag}]});
        if kind == Kind::Access {
            input["IdentityProviderType"] = "AWS_DIRECTORY_SERVICE".into();
            input["IdentityProviderDetails"] = json!({"DirectoryId": "d-0123456789"});
        }
        let made = out_of_band(sim, "CreateServer", &input).await;
        ids.push(made["output"]["ServerId"].as_str().unwrap().to_owned());
    }
    ids.try_into().unwrap()
}

/// A certificate as its file has it.
pub fn pem(name: &str) -> String {
    std::fs::read_to_string(repository(&format!("tests/fixtures/certificates/{name}.pem"))).unwrap()
}

/// What certificates are read from: own ones with their keys, and those of partners.
async fn sources(plane: &ControlPlane) {
    let own = [
        ("tls.crt", "own.pem"),
        ("tls.key", "own.key"),
        ("other.crt", "first/tls.crt"),
        ("other.key", "first/tls.key"),
        ("chain", "ca.pem"),
        ("more", "partner.pem"),
    ];
    let more_own = [("tls.crt", "second/tls.crt"), ("tls.key", "second/tls.key")];
    let made: [(&[&str], &[(&str, &str)]); 4] = [
        (&["secret", "generic", "own-certificates"], &own),
        (&["secret", "generic", "more-own-certificates"], &more_own),
        (&["configmap", "certificates"], &[("one", "partner.pem"), ("two", "long.pem")]),
        (&["configmap", "more-certificates"], &[("one", "own.pem")]),
    ];
    for (what, files) in made {
        let file = |(key, file): &(&str, &str)| {
            format!("--from-file={key}={}", repository(&format!("tests/fixtures/certificates/{file}")).display())
        };
        let files: Vec<String> = files.iter().map(file).collect();
        let all = [&["create"], what, &["--namespace", HOME]].concat();
        plane.kubectl(&all.into_iter().chain(files.iter().map(String::as_str)).collect::<Vec<_>>()).await;
    }
    let label = ["label", "secret", "own-certificates", "more-own-certificates", "--namespace", HOME];
    plane.kubectl(&[&label[..], &["transfer-operator.dev/certificate=true"]].concat()).await;
    for namespace in [HOME, AWAY] {
        let file = repository("tests/fixtures/certificates/partner.pem");
        let from = format!("--from-file=one={}", file.display());
        plane.kubectl(&["create", "configmap", "ours", "--namespace", namespace, &from]).await;
    }
}

/// A certificate with its key, which no object made.
pub async fn certificate(sim: &Sim) -> String {
    let key = std::fs::read_to_string(repository("tests/fixtures/certificates/own.key")).unwrap();
    let input = json!({"Usage": "SIGNING", "Certificate": pem("own"), "PrivateKey": key});
    let made = out_of_band(sim, "ImportCertificate", &input).await;
    made["output"]["CertificateId"].as_str().unwrap().to_owned()
}

/// Two profiles of ours and two of partners, which no object stands for.
async fn profiles(sim: &Sim) -> [String; 4] {
    let mut ids = Vec::new();
    for (as2_id, kind) in [("one", "LOCAL"), ("two", "LOCAL"), ("three", "PARTNER"), ("four", "PARTNER")] {
        let made = out_of_band(sim, "CreateProfile", &json!({"As2Id": as2_id, "ProfileType": kind})).await;
        ids.push(made["output"]["ProfileId"].as_str().unwrap().to_owned());
    }
    ids.try_into().unwrap()
}

async fn out_of_band(sim: &Sim, operation: &str, input: &Value) -> Value {
    sim.control("/_sim/change", &json!({"region": "eu-central-1", "operation": operation, "input": input})).await
}

async fn secret(plane: &ControlPlane, name: &str, keys: &[(&str, &str)]) {
    let from = |(key, file): &(&str, &str)| {
        let file = repository(&format!("tests/fixtures/keys/openssh-{file}"));
        format!("--from-file={key}={}", file.display())
    };
    let keys: Vec<String> = keys.iter().map(from).collect();
    let fixed = ["create", "secret", "generic", name, "--namespace", HOME, "--type", "transfer-operator.dev/host-key"];
    let args: Vec<&str> = fixed.into_iter().chain(keys.iter().map(String::as_str)).collect();
    plane.kubectl(&args).await;
}
