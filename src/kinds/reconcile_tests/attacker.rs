//! Every field by which a spec may name what is somebody else's, tried from a namespace that nobody granted it. The
//! fields are those of the generated schemas: a new text has to be told of here, as a reference with a case, as a thing
//! that the account and the role judge, or as no reference. Each case has a twin in which the same spec is allowed and
//! leads there, so that no case is kept out by something else.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::attacker_cases::{Allowed, CERTIFICATE, Case, NO_REFERENCE, OF_THE_ACCOUNT, Says, UNOWNED_WORKFLOW, cases};
use super::rig::{
    FIRST, OLD, PARTNER_CERTIFICATE, ROLE, Rig, SECRET, agreement_spec, certificate_spec, connector_spec, web_app_spec,
};
use crate::api::condition::reasons;
use crate::api::{CERTIFICATE_LABEL, HOST_KEY_SECRET_TYPE, LOGIN_PASSWORD_SECRET_TYPE, ManagedKind};
use crate::aws::Rank;
use crate::aws::transfer::Tags;
use crate::cluster::Name;
use crate::engine::owner::Owner;
use crate::kinds::fakes::schema::leaves;
use crate::kinds::fakes::{ACCOUNT, CLUSTER, REGION};
use crate::sim::door;

use ManagedKind::{
    TransferAccess, TransferAgreement, TransferCertificate, TransferConnector, TransferProfile, TransferServer,
    TransferUser, TransferWebApp, TransferWorkflow,
};

/// The namespace that is attacked; the attacker's is `team`.
pub const BANK: &str = "bank";
/// The server of the bank.
pub const VAULT: &str = "s-0000000000000ba0c";
/// The workflow of the bank.
pub const WORKFLOW: &str = "w-0000000000000ba0c";
/// Its web app.
pub const WEB_APP: &str = "webapp-0000000000000ba0c";
/// Its connector.
pub const CONNECTOR: &str = "c-0000000000000ba0c";
/// Its agreement, which somebody made on a server of the attacker's.
pub const AGREEMENT: &str = "a-0000000000000ba0c";
/// The profile of the bank's partner.
pub const PROFILE: &str = "p-0000000000000ba0c";
/// Its certificate.
pub const SEAL: &str = "cert-0000000000000ba0d";
/// The one that stands for the bank itself.
pub const US: &str = "p-0000000000000ba0d";
/// A role of the account that the attacker has no grant for.
pub const THEIR_ROLE: &str = "arn:aws:iam::123456789012:role/bank";
/// A secret of the account that the attacker has no grant for.
pub const THEIR_SECRET: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:bank/acme-AbCdEf";
/// The account of the bank's own identity.
const THEIR_ACCOUNT: &str = "210987654321";
/// What only Secrets and ConfigMaps of the bank hold.
const THEIR_DATA: &str = "only-the-bank-has-this";
const THEIR_HOST_KEY: &str = include_str!("../../../tests/fixtures/keys/openssh-ed25519");

fn ends_in(path: &str, list: &[&'static str]) -> Vec<&'static str> {
    let ends = |end: &&str| {
        // Of members that share the end of their name, such as copyStepDetails and tagStepDetails, all are meant.
        path == *end || path.ends_with(&format!(".{end}")) || (end.starts_with("Step") && path.ends_with(end))
    };
    list.iter().copied().filter(ends).collect()
}

#[test]
fn every_text_of_every_spec_is_a_case_or_told_to_be_no_reference() {
    let cases = cases();
    let mut wrong = Vec::new();
    let mut used = BTreeSet::new();
    for kind in ManagedKind::ALL {
        let all = leaves(*kind, "spec");
        let texts = all.iter().filter(|(_, schema)| schema["type"] == "string" && schema["enum"].is_null());
        let texts: Vec<&String> = texts.map(|(path, _)| path).collect();
        for path in &texts {
            let tried = cases.iter().filter(|case| case.kind == *kind && case.path == path.as_str()).count();
            let listed = [ends_in(path, &OF_THE_ACCOUNT), ends_in(path, &NO_REFERENCE)].concat();
            used.extend(listed.iter().copied());
            if tried + listed.len() != 1 {
                wrong.push(format!("{} {path}: {tried} cases, told of as {listed:?}", kind.name()));
            }
        }
        let gone =
            cases.iter().filter(|case| case.kind == *kind && !texts.iter().any(|path| path.as_str() == case.path));
        wrong.extend(gone.map(|case| format!("{} {} is no text of a spec", kind.name(), case.path)));
    }
    let told = OF_THE_ACCOUNT.iter().chain(&NO_REFERENCE);
    wrong.extend(told.filter(|path| !used.contains(*path)).map(|path| format!("{path} is no text of any spec")));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn identity(name: &str, account: &str, namespaces: &[&str], roles: &[&str], servers: &[&str]) -> Value {
    json!({
        "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "AwsIdentity",
        "metadata": {"name": name, "uid": format!("uid-{name}"), "generation": 1},
        "spec": {"accountId": account, "regions": [REGION], "credentials": {"source": "Operator"}, "grants": [{
            "name": "a", "kinds": ManagedKind::ALL, "namespaces": {"from": "Names", "names": namespaces},
            "roleArns": roles, "serverIds": servers, "secretArns": [SECRET]}]},
    })
}

fn of_bank(kind: &str, name: &str, spec: Value, status: Value) -> Value {
    json!({
        "apiVersion": "transfer-operator.dev/v1alpha1", "kind": kind, "spec": spec, "status": status,
        "metadata": {"name": name, "namespace": BANK, "uid": format!("uid-bank-{name}"), "generation": 1, "resourceVersion": "1"},
    })
}

fn name(namespace: &str, name: &str) -> Name {
    Name { namespace: namespace.to_owned(), name: name.to_owned() }
}

/// The owner tags of the bank's object of this name.
fn tags_of_bank(name: &str) -> Tags {
    Owner::new(CLUSTER, BANK, name, &format!("uid-bank-{name}")).tags("attempt")
}

/// The bank's server, workflow, profile, Secrets and ConfigMap, a server and a workflow that nobody owns; and the attacker,
/// with a grant of `default` that lists one role, no server and no certificate.
fn world() -> Rig {
    let rig = Rig::new();
    rig.objects.put(identity("default", ACCOUNT, &["team"], &[ROLE], &[]));
    rig.objects.put(identity(BANK, THEIR_ACCOUNT, &[BANK], &[], &[VAULT]));
    rig.cloud.put_server(VAULT, tags_of_bank("vault"), |_| ());
    rig.cloud.put_server(OLD, Tags::new(), |_| ());
    rig.cloud.put_workflow(WORKFLOW, &tags_of_bank("scan"));
    rig.cloud.put_workflow(UNOWNED_WORKFLOW, &Tags::new());
    rig.cloud.put_profile(PROFILE, &tags_of_bank("partner"));
    rig.cloud.put_connector(CONNECTOR, &tags_of_bank("acme"));
    rig.cloud.put_web_app(WEB_APP, &tags_of_bank("portal"));
    rig.cloud.put_certificate(CERTIFICATE);
    rig.cloud.put_certificate_of(SEAL, &tags_of_bank("seal"));
    rig.allow_agreements();
    put_profile(&rig, US, "LOCAL", &tags_of_bank("us"));
    bank_says(&rig, &json!({}));
    put_texts(
        &rig,
        BANK,
        [("keys", "key"), ("password", "password")],
        &[("texts", "policy"), ("texts", "keys"), ("texts", "certificate")],
    );
    put_texts(&rig, "team", [("own", "unrelated"), ("own-login", "unrelated")], &[("own", "unrelated")]);
    put_pair(&rig, &name(BANK, "tls"), "", THEIR_PAIR);
    put_pair(&rig, &name("team", "own-tls"), "", OWN_PAIR);
    let partner = [("certificate.pem".to_owned(), Ok(PARTNER_CERTIFICATE.to_owned()))].into();
    rig.objects.config_maps.lock().unwrap().insert(name("team", "partner"), partner);
    rig
}

/// A profile of this side, with these tags.
fn put_profile(rig: &Rig, id: &str, side: &str, tags: &Tags) {
    rig.cloud.put_profile(id, tags);
    let mut sim = rig.cloud.sim();
    sim.world.region(ACCOUNT, REGION).profiles.get_mut(id).unwrap().what.profile_type = side.to_owned();
}

/// The bank's server, whose host key is in one of its Secrets, its workflow and its profiles, with these members of their
/// specs.
fn bank_says(rig: &Rig, more: &Value) {
    let host_keys = json!([{"name": "a", "secretKeyRef": {"name": "keys", "key": "key"}}]);
    let scans = json!([{"type": "DELETE", "deleteStepDetails": {}}]);
    for (kind, name, member, value, id) in [
        (TransferServer, "vault", "hostKeys", host_keys, json!({"serverId": VAULT})),
        (TransferWorkflow, "scan", "steps", scans, json!({"workflowId": WORKFLOW})),
        (TransferProfile, "partner", "profileType", json!("PARTNER"), json!({"profileId": PROFILE})),
        (TransferProfile, "us", "profileType", json!("LOCAL"), json!({"profileId": US})),
        (TransferCertificate, "seal", "usage", json!("SIGNING"), json!({"certificateId": SEAL})),
    ] {
        let mut spec = json!({"region": REGION, member: value});
        if kind == TransferProfile {
            spec["as2Id"] = json!("them");
        }
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let mut status =
            json!({"observedGeneration": 1, "accountId": ACCOUNT, "region": REGION, "awsIdentity": "default"});
        status.as_object_mut().unwrap().extend(id.as_object().unwrap().clone());
        rig.objects.put(of_bank(kind.name(), name, spec, status));
    }
}

/// Entries of a Secret for host keys, of one for passwords and of ConfigMaps, with what only the bank should have; an
/// entry `unrelated` holds nothing.
fn put_texts(
    rig: &Rig,
    namespace: &str,
    [host_key, password]: [(&str, &str); 2],
    config_maps: &[(&'static str, &'static str)],
) {
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Sid": THEIR_DATA, "Effect": "Allow",
        "Action": "s3:GetObject", "Resource": "*"}]})
    .to_string();
    let text = |key: &str, text: &str| if key == "unrelated" { String::new() } else { text.to_owned() };
    for ((secret, key), of_type, value) in
        [(host_key, HOST_KEY_SECRET_TYPE, THEIR_HOST_KEY), (password, LOGIN_PASSWORD_SECRET_TYPE, THEIR_DATA)]
    {
        let data = [(key.to_owned(), text(key, value))].into();
        rig.objects.secrets.lock().unwrap().insert(name(namespace, secret), (of_type.to_owned(), data));
    }
    for (config_map, key) in config_maps {
        let held = match key.rsplit('/').next() {
            Some("keys") => PUBLIC_KEY,
            Some("certificate") => PARTNER_CERTIFICATE,
            _ => &policy,
        };
        let value = text(key, held);
        let mut all = rig.objects.config_maps.lock().unwrap();
        all.entry(name(namespace, config_map)).or_default().insert((*key).to_owned(), Ok(value));
    }
}

/// A certificate and its private key in a Secret that is for this, its entries under names that begin so.
fn put_pair(rig: &Rig, secret: &Name, begin: &str, [certificate, key]: [&str; 2]) {
    let mut secrets = rig.objects.secrets.lock().unwrap();
    let (_, data) = secrets.entry(secret.clone()).or_insert(("kubernetes.io/tls".to_owned(), [].into()));
    for (entry, text) in [("tls.crt", certificate), ("tls.key", key), ("chain", PARTNER_CERTIFICATE)] {
        data.insert(format!("{begin}{entry}"), text.to_owned());
    }
    let label = [(CERTIFICATE_LABEL.to_owned(), "true".to_owned())];
    rig.objects.secret_labels.lock().unwrap().insert(secret.clone(), label.into());
}

/// What the bank's Secret holds, and the attacker's own.
const THEIR_PAIR: [&str; 2] = [
    include_str!("../../../tests/fixtures/certificates/own.pem"),
    include_str!("../../../tests/fixtures/certificates/own.key"),
];
const OWN_PAIR: [&str; 2] = [
    include_str!("../../../tests/fixtures/certificates/first/tls.crt"),
    include_str!("../../../tests/fixtures/certificates/first/tls.key"),
];
const PUBLIC_KEY: &str = include_str!("../../../tests/fixtures/keys/openssh-p256.pub");

/// The object of the attacker: what its kind needs, and the spec of the case in its place.
fn spec_of(kind: ManagedKind, more: &Value) -> Value {
    let mut spec = match kind {
        TransferServer => json!({"region": REGION, "lifecycle": {"deletionProtection": false}}),
        TransferUser => json!({"serverRef": {"name": "mine"}, "role": ROLE}),
        TransferAccess => json!({"serverRef": {"name": "mine"}, "role": ROLE, "externalId": "S-1-1"}),
        TransferWorkflow => json!({"region": REGION, "steps": [{"type": "DELETE", "deleteStepDetails": {}}]}),
        TransferProfile => json!({"region": REGION, "as2Id": "them", "profileType": "PARTNER"}),
        TransferConnector => connector_spec(&json!({})),
        TransferAgreement => agreement_spec("mine", &json!({})),
        TransferCertificate => certificate_spec(&json!({})),
        TransferWebApp => web_app_spec(&json!({})),
    };
    for (member, value) in more.as_object().unwrap() {
        spec[member] = value.clone();
    }
    spec
}

/// What every mutation sent, as text.
fn recording(rig: &Rig) -> Arc<Mutex<Vec<String>>> {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let to = Arc::clone(&sent);
    rig.cloud.refuse("Recorded", "and let through", move |call| {
        to.lock().unwrap().push(format!("{} {}", call.operation(), door::mutation(call).unwrap()));
        false
    });
    sent
}

/// Everything of the bank in AWS and in its namespace, and the server that nobody owns.
fn theirs(rig: &Rig) -> String {
    let servers = rig.cloud.servers();
    let held = [VAULT, OLD].map(|id| format!("{:?}", servers[id]));
    drop(servers);
    let workflow = serde_json::to_string(&rig.cloud.sim().world.region(ACCOUNT, REGION).workflows[WORKFLOW]).unwrap();
    let profile = [PROFILE, US].map(|id| rig.cloud.profile(id)).concat();
    let kinds = ManagedKind::ALL.iter().map(|kind| kind.name()).chain(["ConfigMap"]);
    let of_bank = |object: &Value| object["metadata"]["namespace"] == BANK;
    let stored: Vec<Value> = kinds.flat_map(|kind| rig.objects.all(kind)).filter(of_bank).collect();
    let config_maps = format!("{:?}", rig.objects.config_maps.lock().unwrap().get(&name(BANK, "texts")));
    let others = [
        rig.cloud.connector(CONNECTOR),
        rig.cloud.agreement(AGREEMENT),
        rig.cloud.certificate(SEAL),
        rig.cloud.web_app(WEB_APP),
    ]
    .concat();
    format!("{held:?}{workflow}{profile:?}{others}{stored:?}{config_maps}")
}

/// The world of a case, with the server that its login is on.
async fn begun(case: &Case) -> Rig {
    let rig = world();
    if matches!(case.kind, TransferUser | TransferAccess | TransferAgreement) {
        own_server(&rig, case.kind, "mine").await;
    }
    if case.kind == TransferAgreement && case.allowed == Allowed::LetGo {
        rig.cloud.put_agreement(FIRST, AGREEMENT, &tags_of_bank("orders"));
    }
    rig
}

/// A server of the attacker's.
async fn own_server(rig: &Rig, for_whom: ManagedKind, name: &str) {
    let provider = json!({"identityProviderType": "AWS_DIRECTORY_SERVICE"});
    rig.server(name, if for_whom == TransferAccess { provider } else { json!({}) });
    rig.settle("TransferServer", name).await;
}

/// Until it is at rest.
async fn run(rig: &Rig, case: &Case) {
    for _ in 0..3 {
        rig.run(case.kind.name(), "evil", Duration::from_mins(10)).await;
    }
}

/// What it says, where that is something else.
fn unlike(rig: &Rig, case: &Case, (condition, status, reason): Says) -> Option<String> {
    let said = rig.says(case.kind.name(), "evil", condition);
    let same = said == Some((status.to_owned(), reason.to_owned()));
    (!same).then(|| format!("says {said:?}: {}", rig.message(case.kind.name(), "evil")))
}

/// An edit that AWS would be told of.
fn edit(rig: &Rig, case: &Case) {
    rig.edit(case.kind.name(), "evil", |object| match case.kind {
        TransferServer => object["spec"]["preAuthenticationLoginBanner"] = json!("hello"),
        TransferUser | TransferAccess => object["spec"]["homeDirectory"] = json!("/b/mine"),
        TransferAgreement => object["spec"]["baseDirectory"] = json!("/b/mine"),
        TransferWorkflow | TransferProfile | TransferConnector | TransferCertificate | TransferWebApp => {
            object["spec"]["tags"] = json!({"a": "1"});
        }
    });
}

/// The life of a case: made, edited and deleted. What of it reached what is not the attacker's.
async fn attack(case: &Case) -> Vec<String> {
    let rig = begun(case).await;
    rig.cloud.calls();
    rig.cloud.reads_since();
    let (sent, before) = (recording(&rig), theirs(&rig));
    let kind = case.kind.name();
    rig.put(kind, "evil", spec_of(case.kind, &case.spec));
    run(&rig, case).await;
    let mut wrong: Vec<String> = unlike(&rig, case, case.says).into_iter().collect();
    edit(&rig, case);
    run(&rig, case).await;
    wrong.extend(unlike(&rig, case, case.says).map(|what| format!("edited, it {what}")));
    rig.delete(kind, "evil");
    run(&rig, case).await;
    if rig.get(kind, "evil").is_some() {
        wrong.push(format!("it does not go: {}", rig.message(kind, "evil")));
    }
    if theirs(&rig) != before {
        wrong.push("something of theirs changed".to_owned());
    }
    wrong.extend(leaks(&rig, case, &sent.lock().unwrap()));
    wrong.into_iter().map(|what| format!("{kind} {}: {what}", case.path)).collect()
}

/// What was sent of theirs, and what of theirs was asked for.
fn leaks(rig: &Rig, case: &Case, sent: &[String]) -> Vec<String> {
    let mut wrong = Vec::new();
    let body = |text: &str| text.lines().nth(1).unwrap().to_owned();
    let key_body = body(THEIR_HOST_KEY);
    let [certificate, private] = THEIR_PAIR.map(body);
    let public = PUBLIC_KEY.split(' ').nth(1).unwrap().to_owned();
    let data = [
        VAULT,
        OLD,
        WORKFLOW,
        PROFILE,
        CONNECTOR,
        AGREEMENT,
        US,
        CERTIFICATE,
        SEAL,
        THEIR_ROLE,
        THEIR_SECRET,
        THEIR_ACCOUNT,
        THEIR_DATA,
        &key_body,
        &public,
        &certificate,
        &private,
    ];
    // Whoever looks for what is his by its tags looks at all of the account; what the spec names is not looked at.
    let named = |data: &str| case.spec.to_string().contains(data);
    let asked = rig.cloud.asked();
    for (call, sends) in sent.iter().map(|call| (call, true)).chain(asked.iter().map(|call| (call, false))) {
        let theirs = data.iter().find(|data| call.contains(**data) && (sends || named(data)));
        wrong.extend(theirs.map(|data| format!("{data} in {call}")));
    }
    if case.says.2 == reasons::IDENTITY_DENIED && !(sent.is_empty() && asked.is_empty()) {
        wrong.push(format!("AWS was called: {sent:?} {asked:?}"));
    }
    if asked.iter().any(|call| call.starts_with("TestIdentityProvider")) {
        wrong.push("a login was tried".to_owned());
    }
    wrong.extend(read_of_bank(rig));
    wrong
}

/// The Secrets and ConfigMaps of the bank that were read: none ever is for somebody else, whatever he may name.
fn read_of_bank(rig: &Rig) -> Vec<String> {
    let asked = rig.objects.texts_asked.lock().unwrap();
    asked.iter().filter(|name| name.namespace == BANK).map(|name| format!("{name} was read")).collect()
}

#[tokio::test(start_paused = true)]
async fn no_field_of_any_spec_reaches_what_is_somebody_elses() {
    let mut wrong = Vec::new();
    for case in cases() {
        wrong.extend(attack(&case).await);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Lets the spec of the case lead where it names, in the one way that there is.
async fn allow(rig: &Rig, case: &Case) {
    let admits = json!({"allowedReferences": {"namespaces": {"from": "Names", "names": ["team"]}}});
    if case.kind == TransferAccess {
        rig.cloud.put_server(VAULT, tags_of_bank("vault"), |server| {
            server.settings.identity_provider_type = Some("AWS_DIRECTORY_SERVICE".to_owned());
        });
    }
    match case.allowed {
        Allowed::Role => rig.objects.put(identity("default", ACCOUNT, &["team"], &[ROLE, THEIR_ROLE], &[])),
        Allowed::Secret => {
            let mut grants = identity("default", ACCOUNT, &["team"], &[ROLE], &[]);
            grants["spec"]["grants"][0]["secretArns"] = json!([SECRET, THEIR_SECRET]);
            rig.objects.put(grants);
        }
        Allowed::Server => rig.objects.put(identity("default", ACCOUNT, &["team"], &[ROLE], &[VAULT])),
        Allowed::ServerLetGo => {
            rig.objects.put(identity("default", ACCOUNT, &["team"], &[ROLE], &[VAULT]));
            rig.cloud.put_server(VAULT, Tags::new(), |_| ());
        }
        Allowed::LetGo => {
            let mut own = identity("default", ACCOUNT, &["team"], &[ROLE], &[]);
            own["spec"]["grants"][0]["adoptableIds"] = json!([case.spec["lifecycle"]["adoption"]["id"]]);
            rig.objects.put(own);
            let mut sim = rig.cloud.sim();
            let region = sim.world.region(ACCOUNT, REGION);
            region.workflows.get_mut(WORKFLOW).unwrap().tags.clear();
            region.profiles.get_mut(PROFILE).unwrap().tags.clear();
            region.connectors.get_mut(CONNECTOR).unwrap().tags.clear();
            region.certificates.get_mut(SEAL).unwrap().tags.clear();
            region.web_apps.get_mut(WEB_APP).unwrap().tags.clear();
            if let Ok(agreement) = region.agreements.get_mut(AGREEMENT) {
                agreement.tags.clear();
            }
        }
        Allowed::Certificate => {
            let mut own = identity("default", ACCOUNT, &["team"], &[ROLE], &[]);
            own["spec"]["grants"][0]["certificateIds"] = json!([CERTIFICATE]);
            rig.objects.put(own);
        }
        Allowed::Identity => rig.objects.put(identity(BANK, ACCOUNT, &["team"], &[ROLE], &[VAULT])),
        Allowed::ReferenceToServer | Allowed::ReferenceToProfile => bank_says(rig, &admits),
        Allowed::ReferenceToWorkflow => {
            rig.objects.put(identity("default", ACCOUNT, &["team", BANK], &[ROLE], &[]));
            bank_says(rig, &admits);
            for _ in 0..3 {
                let scan = name(BANK, "scan");
                rig.reconcile_of("TransferWorkflow", &scan, "uid-bank-scan", &Rank::default()).await;
            }
        }
        Allowed::OwnServer => own_server(rig, case.kind, "vault").await,
        Allowed::OwnWorkflow => {
            rig.put("TransferWorkflow", "scan", spec_of(TransferWorkflow, &json!({})));
            rig.settle("TransferWorkflow", "scan").await;
        }
        Allowed::OwnProfile => {
            for (name, side) in [("us", "LOCAL"), ("partner", "PARTNER")] {
                rig.put("TransferProfile", name, json!({"region": REGION, "as2Id": name, "profileType": side}));
                rig.settle("TransferProfile", name).await;
            }
        }
        Allowed::OwnCertificate => {
            rig.tls_secret("seal", OWN_PAIR[0], OWN_PAIR[1]);
            let spec = json!({"configMapKeyRef": null, "secretRef": {"name": "seal"}, "rotation": {"notice": "0s"}});
            rig.put("TransferCertificate", "seal", spec_of(TransferCertificate, &spec));
            rig.settle("TransferCertificate", "seal").await;
        }
        Allowed::OwnTexts => {
            let entries = ["policy", "keys", "certificate", "bank/policy", "bank/keys", "bank/certificate"];
            let config_maps = entries.map(|entry| (if entry.starts_with("bank/") { "own" } else { "texts" }, entry));
            put_texts(rig, "team", [("keys", "key"), ("password", "password")], &config_maps);
            put_texts(rig, "team", [("own", "bank/key"), ("own-login", "bank/password")], &[]);
            put_pair(rig, &name("team", "tls"), "", OWN_PAIR);
            put_pair(rig, &name("team", "own-tls"), "bank/", OWN_PAIR);
        }
        Allowed::AsItIs => {}
    }
}

/// The twin of a case: the same spec, allowed.
async fn led(case: &Case) -> Vec<String> {
    let rig = begun(case).await;
    allow(&rig, case).await;
    let kind = case.kind.name();
    rig.put(kind, "evil", spec_of(case.kind, &case.spec));
    run(&rig, case).await;
    let mut wrong: Vec<String> = unlike(&rig, case, case.twin_says()).into_iter().collect();
    wrong.extend(read_of_bank(&rig));
    wrong.into_iter().map(|what| format!("{kind} {} by {:?}: {what}", case.path, case.allowed)).collect()
}

/// The same fields lead there where they are allowed, so that the cases above fail for that reason and no other.
#[tokio::test(start_paused = true)]
async fn each_of_these_fields_leads_there_where_it_is_allowed() {
    let mut wrong = Vec::new();
    for case in cases() {
        wrong.extend(led(&case).await);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
