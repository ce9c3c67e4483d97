//! Host keys from Secrets: read by name under the operator's rights, sent to AWS, and to be seen nowhere else.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{NAMESPACE, SERVICE_ACCOUNT, await_condition, managed, repository};
use crate::world::{PATIENCE, PLATFORM, World};

/// A private key of `tests/fixtures/keys`.
pub struct KeySecret {
    text: String,
    fingerprint: String,
}

impl KeySecret {
    pub fn of(fixture: &str) -> Self {
        let folder = repository("tests/fixtures/keys");
        let text = std::fs::read_to_string(folder.join(fixture)).unwrap();
        let all = std::fs::read_to_string(folder.join("fingerprints.txt")).unwrap();
        let row = all.lines().find(|line| line.split(' ').next() == Some(fixture)).unwrap();
        Self { text, fingerprint: row.split(' ').nth(2).unwrap().to_owned() }
    }

    pub fn text(&self) -> String {
        self.text.clone()
    }

    pub async fn create(&self, world: &World, name: &str) {
        create(world, name, "transfer-operator.dev/host-key", &self.text).await;
    }
}

async fn create(world: &World, name: &str, kind: &str, text: &str) {
    let metadata = json!({"name": name, "namespace": PLATFORM});
    let data = json!({"ssh-privatekey": text});
    world
        .apply(&[json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": kind, "stringData": data})])
        .await;
}

/// What the chart's value `secrets.namespaces` does for the demo's namespace.
pub async fn allow_secrets(world: &World) {
    allow_secrets_in(world, PLATFORM).await;
}

/// The same for this namespace.
pub async fn allow_secrets_in(world: &World, namespace: &str) {
    let name = "transfer-operator-secrets";
    let api = "rbac.authorization.k8s.io";
    let metadata = json!({"name": name, "namespace": namespace});
    let role = json!({
        "apiVersion": format!("{api}/v1"), "kind": "Role", "metadata": metadata,
        "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}],
    });
    let binding = json!({
        "apiVersion": format!("{api}/v1"), "kind": "RoleBinding", "metadata": metadata,
        "roleRef": {"apiGroup": api, "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": SERVICE_ACCOUNT, "namespace": NAMESPACE}],
    });
    world.apply(&[role, binding]).await;
}

/// The entries of `spec.hostKeys` that name these Secrets.
fn listed(secrets: &[&str]) -> Value {
    secrets.iter().map(|secret| json!({"name": secret, "secretKeyRef": {"name": secret}})).collect()
}

async fn list(world: &World, secrets: &[&str]) {
    world.patch("transferservers", PLATFORM, "keyed", &json!({"spec": {"hostKeys": listed(secrets)}})).await;
}

/// Waits until AWS has exactly these host keys on the one server that has the tag of this test.
async fn held(world: &World, keys: &[&KeySecret]) {
    let wanted: BTreeSet<String> = keys.iter().map(|key| key.fingerprint.clone()).collect();
    await_condition("the host keys in AWS", PATIENCE, async || {
        let id = world.object("transferservers", PLATFORM, "keyed").await["status"]["serverId"].clone();
        let servers = world.servers().await;
        let server = id.as_str().and_then(|id| servers.get(id)).cloned().unwrap_or_default();
        let held: BTreeSet<String> = server["HostKeys"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|key| key["HostKeyFingerprint"].as_str().unwrap().trim_end_matches('=').to_owned())
            .collect();
        if held == wanted { Ok(()) } else { Err(format!("{held:?} in {server:#}")) }
    })
    .await;
}

#[tokio::test]
async fn host_keys_come_from_secrets_rotate_and_are_seen_nowhere_but_in_aws() {
    let world = World::demo().await;
    allow_secrets(&world).await;
    let [first, second, third] = ["openssh-ed25519", "pkcs1-rsa2048", "pkcs8-p256"].map(KeySecret::of);
    first.create(&world, "first").await;
    second.create(&world, "second").await;
    let garbage = format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n", "Z2FyYmFnZQ".repeat(9));
    let spec = json!({
        "region": "eu-central-1", "hostKeyPolicy": "Exclusive", "hostKeys": listed(&["first", "second"]),
    });
    world.apply(&[managed("TransferServer", PLATFORM, "keyed", &spec)]).await;
    // Everything that any library would log, too.
    let operator = world.operator(&["--log-level", "trace,transfer_operator=trace"]).await;
    world.all_ready(8).await;
    held(&world, &[&first, &second]).await;

    third.create(&world, "third").await;
    list(&world, &["first", "third"]).await;
    held(&world, &[&first, &third]).await;
    world.all_ready(8).await;

    create(&world, "typed", "Opaque", &second.text).await;
    create(&world, "garbled", "transfer-operator.dev/host-key", &garbage).await;
    for (secret, reason) in [("typed", "WrongSecretType"), ("absent", "SourceNotReady"), ("garbled", "InvalidKey")] {
        list(&world, &["first", secret]).await;
        let message = world.told("transferservers", PLATFORM, "keyed", reason).await;
        assert!(message.contains(&format!("{PLATFORM}/{secret}")), "{message}");
        held(&world, &[&first, &third]).await;
    }
    list(&world, &["first", "third"]).await;
    world.all_ready(8).await;

    let log = operator.log();
    assert!(log.contains("TRACE"), "this is no log at TRACE");
    let seen = [
        ("the log", log),
        ("an object", format!("{:?}", world.objects().await)),
        ("an Event", format!("{:?}", world.events(PLATFORM).await)),
        ("the simulator's log", world.sim.calls().await.to_string()),
    ];
    for key in [&first.text, &second.text, &third.text, &garbage] {
        let secret = key.lines().filter(|line| !line.starts_with("-----"));
        for line in secret {
            for (place, text) in &seen {
                if let Some(at) = text.find(line) {
                    let start = text.floor_char_boundary(at.saturating_sub(400));
                    panic!("a private key stands in {place}, after {:?}", &text[start..at]);
                }
            }
        }
    }
}
