//! Every field by which a spec may name what is somebody else's, tried from a namespace that nobody granted it. The
//! fields are those of the generated schemas: a new text has to be told of here, as a reference with a case, as a thing
//! that the account and the role judge, or as no reference.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::attacker_cases::{Case, NO_REFERENCE, OF_THE_ACCOUNT, cases};
use super::rig::{FIRST, OLD, ROLE, Rig};
use crate::api::condition::{reasons, types};
use crate::api::{HOST_KEY_SECRET_TYPE, LOGIN_PASSWORD_SECRET_TYPE, ManagedKind};
use crate::aws::transfer::Tags;
use crate::cluster::Name;
use crate::engine::owner::Owner;
use crate::kinds::fakes::schema::leaves;
use crate::kinds::fakes::{ACCOUNT, CLUSTER, REGION};
use crate::sim::door;

use ManagedKind::{TransferAccess, TransferServer, TransferUser, TransferWorkflow};

/// The namespace that is attacked; the attacker's is `team`.
pub const BANK: &str = "bank";
/// The server of the bank.
pub const VAULT: &str = "s-0000000000000ba0c";
/// The workflow of the bank.
const WORKFLOW: &str = "w-0000000000000ba0c";
/// A role of the account that the attacker has no grant for.
pub const THEIR_ROLE: &str = "arn:aws:iam::123456789012:role/bank";
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

fn identity(name: &str, account: &str, namespace: &str, roles: &[&str], servers: &[&str]) -> Value {
    json!({
        "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "AwsIdentity",
        "metadata": {"name": name, "uid": format!("uid-{name}"), "generation": 1},
        "spec": {"accountId": account, "regions": [REGION], "credentials": {"source": "Operator"}, "grants": [{
            "name": "a", "kinds": ManagedKind::ALL, "namespaces": {"from": "Names", "names": [namespace]},
            "roleArns": roles, "serverIds": servers}]},
    })
}

fn of_bank(kind: &str, name: &str, spec: Value, status: Value) -> Value {
    json!({
        "apiVersion": "transfer-operator.dev/v1alpha1", "kind": kind, "spec": spec, "status": status,
        "metadata": {"name": name, "namespace": BANK, "uid": format!("uid-{name}"), "generation": 1, "resourceVersion": "1"},
    })
}

fn name(namespace: &str, name: &str) -> Name {
    Name { namespace: namespace.to_owned(), name: name.to_owned() }
}

/// The bank's server, workflow, Secrets and ConfigMap, a server that nobody owns; and the attacker, with a grant of
/// `default` that lists one role and no server.
fn world() -> Rig {
    let rig = Rig::new();
    rig.objects.put(identity("default", ACCOUNT, "team", &[ROLE], &[]));
    rig.objects.put(identity(BANK, THEIR_ACCOUNT, BANK, &[], &[VAULT]));
    let tags = |name: &str| Owner::new(CLUSTER, BANK, name, &format!("uid-{name}")).tags("attempt");
    rig.cloud.put_server(VAULT, tags("vault"), |_| ());
    rig.cloud.put_server(OLD, Tags::new(), |_| ());
    rig.cloud.put_workflow(WORKFLOW, &tags("scan"));
    let recorded = |more: Value| {
        let mut status =
            json!({"observedGeneration": 1, "accountId": ACCOUNT, "region": REGION, "awsIdentity": "default"});
        status.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        status
    };
    rig.objects.put(of_bank(
        "TransferServer",
        "vault",
        json!({"region": REGION}),
        recorded(json!({"serverId": VAULT})),
    ));
    let scans = json!({"region": REGION, "steps": [{"type": "DELETE", "deleteStepDetails": {}}]});
    rig.objects.put(of_bank("TransferWorkflow", "scan", scans, recorded(json!({"workflowId": WORKFLOW}))));
    let secrets = [
        (BANK, "keys", HOST_KEY_SECRET_TYPE, "key", THEIR_HOST_KEY),
        (BANK, "password", LOGIN_PASSWORD_SECRET_TYPE, "password", THEIR_DATA),
        ("team", "own", HOST_KEY_SECRET_TYPE, "unrelated", ""),
        ("team", "own-login", LOGIN_PASSWORD_SECRET_TYPE, "unrelated", ""),
    ];
    for (namespace, secret, of_type, key, value) in secrets {
        let data = [(key.to_owned(), value.to_owned())].into();
        rig.objects.secrets.lock().unwrap().insert(name(namespace, secret), (of_type.to_owned(), data));
    }
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Sid": THEIR_DATA, "Effect": "Allow"}]}).to_string();
    let texts = [("policy".to_owned(), Ok(policy)), ("keys".to_owned(), Ok(PUBLIC_KEY.to_owned()))].into();
    rig.objects.config_maps.lock().unwrap().insert(name(BANK, "texts"), texts);
    rig.objects
        .config_maps
        .lock()
        .unwrap()
        .insert(name("team", "own"), [("unrelated".to_owned(), Ok(String::new()))].into());
    rig
}

const PUBLIC_KEY: &str = include_str!("../../../tests/fixtures/keys/openssh-p256.pub");

/// The object of the attacker: what its kind needs, and the spec of the case in its place.
fn spec_of(kind: ManagedKind, more: &Value) -> Value {
    let mut spec = match kind {
        TransferServer => json!({"region": REGION, "lifecycle": {"deletionProtection": false}}),
        TransferUser => json!({"serverRef": {"name": "mine"}, "role": ROLE}),
        TransferAccess => json!({"serverRef": {"name": "mine"}, "role": ROLE, "externalId": "S-1-1"}),
        TransferWorkflow => json!({"region": REGION, "steps": [{"type": "DELETE", "deleteStepDetails": {}}]}),
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
    let kinds = ManagedKind::ALL.iter().map(|kind| kind.name()).chain(["ConfigMap"]);
    let of_bank = |object: &Value| object["metadata"]["namespace"] == BANK;
    let stored: Vec<Value> = kinds.flat_map(|kind| rig.objects.all(kind)).filter(of_bank).collect();
    let config_maps = format!("{:?}", rig.objects.config_maps.lock().unwrap().get(&name(BANK, "texts")));
    format!("{held:?}{workflow}{stored:?}{config_maps}")
}

/// Runs a case to its rest; what it said, and what reached AWS.
async fn attack(case: &Case) -> Vec<String> {
    let rig = world();
    let on_directory = case.kind == TransferAccess;
    if matches!(case.kind, TransferUser | TransferAccess) {
        rig.server(
            "mine",
            if on_directory { json!({"identityProviderType": "AWS_DIRECTORY_SERVICE"}) } else { json!({}) },
        );
        rig.settle("TransferServer", "mine").await;
    }
    rig.cloud.calls();
    rig.cloud.reads_since();
    let (sent, before) = (recording(&rig), theirs(&rig));
    let kind = case.kind.name();
    rig.put(kind, "evil", spec_of(case.kind, &case.spec));
    for _ in 0..3 {
        rig.run(kind, "evil", std::time::Duration::from_mins(10)).await;
    }
    let mut wrong = Vec::new();
    let (condition, status, reason) = case.says;
    let said = rig.says(kind, "evil", condition);
    if said != Some((status.to_owned(), reason.to_owned())) {
        wrong.push(format!("says {said:?}: {}", rig.message(kind, "evil")));
    }
    if theirs(&rig) != before {
        wrong.push("something of theirs changed".to_owned());
    }
    let key_body: String = THEIR_HOST_KEY.lines().nth(1).unwrap().to_owned();
    let public = PUBLIC_KEY.split(' ').nth(1).unwrap().to_owned();
    let data = [VAULT, OLD, WORKFLOW, THEIR_ROLE, THEIR_ACCOUNT, THEIR_DATA, &key_body, &public];
    let sent = sent.lock().unwrap().clone();
    // Whoever looks for what is his by its tags looks at all of the account; what the spec names is not looked at.
    let named = |data: &str| case.spec.to_string().contains(data);
    for (call, sends) in sent.iter().map(|call| (call, true)).chain(rig.cloud.asked().iter().map(|call| (call, false)))
    {
        let theirs = data.iter().find(|data| call.contains(**data) && (sends || named(data)));
        wrong.extend(theirs.map(|data| format!("{data} in {call}")));
    }
    if reason == reasons::IDENTITY_DENIED && !(sent.is_empty() && rig.cloud.asked().is_empty()) {
        wrong.push(format!("AWS was called: {sent:?} {:?}", rig.cloud.asked()));
    }
    if rig.cloud.asked().iter().any(|call| call.starts_with("TestIdentityProvider")) {
        wrong.push("a login was tried".to_owned());
    }
    wrong.into_iter().map(|what| format!("{kind} {}: {what}", case.path)).collect()
}

#[tokio::test(start_paused = true)]
async fn no_field_of_any_spec_reaches_what_is_somebody_elses() {
    let mut wrong = Vec::new();
    for case in cases() {
        wrong.extend(attack(&case).await);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The same fields lead there where they are granted, so that the cases above fail for that reason and no other.
#[tokio::test(start_paused = true)]
async fn the_same_fields_lead_there_where_they_are_granted() {
    let rig = world();
    rig.objects.put(identity("default", ACCOUNT, "team", &[ROLE, THEIR_ROLE], &[VAULT, OLD]));
    let raw = json!({"serverRef": null, "serverId": OLD, "region": REGION, "awsIdentityRef": {"name": "default"},
        "role": THEIR_ROLE});
    rig.put("TransferUser", "evil", spec_of(TransferUser, &raw));
    rig.settle("TransferUser", "evil").await;
    assert_eq!(rig.says("TransferUser", "evil", types::READY).unwrap().0, "True");
    assert!(rig.cloud.users().contains_key(&(OLD.to_owned(), "evil".to_owned())));
    assert!(!rig.cloud.servers().contains_key(FIRST), "and no server was made");
}
