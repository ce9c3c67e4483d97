//! The ConfigMap with lines for `known_hosts` in a real API server: what it holds, when it is written, and that it goes
//! with its server.

use serde_json::{Value, json};

use crate::host_keys::{KeySecret, allow_secrets};
use crate::support::{
    ControlPlane, NAMESPACE, SERVICE_ACCOUNT, await_condition, managed, overreach, ready, repository,
};
use crate::world::{PATIENCE, PLATFORM, World};

const PINNED: &str = "pinned";
const THEIRS: &str = "theirs";

/// What the chart's value `knownHosts` does for the demo's namespace.
async fn allow_writing(world: &World) {
    let (name, api) = ("transfer-operator-known-hosts", "rbac.authorization.k8s.io");
    let metadata = json!({"name": name, "namespace": PLATFORM});
    let role = json!({
        "apiVersion": format!("{api}/v1"), "kind": "Role", "metadata": metadata,
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "patch", "delete"]}],
    });
    let binding = json!({
        "apiVersion": format!("{api}/v1"), "kind": "RoleBinding", "metadata": metadata,
        "roleRef": {"apiGroup": api, "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": SERVICE_ACCOUNT, "namespace": NAMESPACE}],
    });
    world.apply(&[role, binding]).await;
}

/// A server with this host key and this ConfigMap.
fn server(name: &str, key: &str, config_map: &str) -> Value {
    let spec = json!({
        "region": "eu-central-1", "hostKeyPolicy": "Exclusive", "hostKeys": listed(key),
        "knownHostsConfigMap": {"name": config_map}, "lifecycle": {"deletionProtection": false},
    });
    managed("TransferServer", PLATFORM, name, &spec)
}

fn listed(key: &str) -> Value {
    json!([{"name": key, "secretKeyRef": {"name": key}}])
}

/// The ConfigMap, where it is there.
async fn stored(world: &World, name: &str) -> Option<Value> {
    let text = world.plane.kubectl(&["get", "configmaps", "--namespace", PLATFORM, "--output", "json"]).await;
    let all: Value = serde_json::from_str(&text).unwrap();
    all["items"].as_array().unwrap().iter().find(|found| found["metadata"]["name"] == name).cloned()
}

/// Its version, once clients can use exactly this line of it.
async fn tells(world: &World, line: &str) -> Value {
    await_condition("the line for known_hosts", PATIENCE, async || {
        let found = stored(world, PINNED).await.unwrap_or_default();
        let text = found["data"]["known_hosts"].as_str().unwrap_or_default();
        assert!(!text.contains("PRIVATE"), "{text}");
        let usable: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        if usable == [line] { Ok(found["metadata"].clone()) } else { Err(format!("{found:#}")) }
    })
    .await
}

/// Waits until AWS was asked for servers so many times more.
async fn observed(world: &World, times: usize) {
    let before = world.calls_of("DescribeServer").await.len();
    await_condition("further observations", PATIENCE, async || {
        let now = world.calls_of("DescribeServer").await.len();
        if now >= before + times { Ok(()) } else { Err(now) }
    })
    .await;
}

fn public(fixture: &str) -> String {
    let text = std::fs::read_to_string(repository("tests/fixtures/keys").join(format!("{fixture}.pub"))).unwrap();
    text.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn known_hosts_follow_the_host_key_rest_and_go_with_the_server() {
    let world = World::demo_apart(ControlPlane::with_controller_manager().await).await;
    allow_secrets(&world).await;
    allow_writing(&world).await;
    let [first, second] = ["openssh-ed25519", "openssh-p256"];
    KeySecret::of(first).create(&world, "first").await;
    KeySecret::of(second).create(&world, "second").await;
    let foreign = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"known_hosts": "a person's"},
        "metadata": {"name": THEIRS, "namespace": PLATFORM}});
    world.apply(&[foreign, server("keyed", "first", PINNED), server("other", "second", THEIRS)]).await;
    let theirs = stored(&world, THEIRS).await.unwrap();
    let _operator = world.operator(&["--resync-interval", "2s"]).await;
    world.all_ready(9).await;

    let object = world.object("transferservers", PLATFORM, "keyed").await;
    let host = object["status"]["endpoint"].as_str().unwrap();
    let made = tells(&world, &format!("{host} {}", public(first))).await;
    let owner = &made["ownerReferences"][0];
    assert_eq!((&owner["uid"], &owner["controller"]), (&object["metadata"]["uid"], &json!(true)), "{made:#}");
    let told = world.told("transferservers", PLATFORM, "other", "ConfigMapNotOurs").await;
    assert!(told.contains(&format!("{PLATFORM}/{THEIRS}")), "{told}");

    observed(&world, 12).await;
    let rested = tells(&world, &format!("{host} {}", public(first))).await;
    assert_eq!(rested["resourceVersion"], made["resourceVersion"], "nothing changed, and nothing is written");

    world.patch("transferservers", PLATFORM, "keyed", &json!({"spec": {"hostKeys": listed("second")}})).await;
    let moved = tells(&world, &format!("{host} {}", public(second))).await;
    assert_eq!(moved["uid"], made["uid"], "the same one, changed");
    assert_ne!(moved["resourceVersion"], made["resourceVersion"]);
    observed(&world, 12).await;
    let rested = tells(&world, &format!("{host} {}", public(second))).await;
    assert_eq!(rested["resourceVersion"], moved["resourceVersion"]);
    let object = world.object("transferservers", PLATFORM, "keyed").await;
    assert!(ready(&object) && overreach(&object).is_empty(), "{object:#}");

    for name in ["keyed", "other"] {
        world.plane.kubectl(&["delete", "transferservers", name, "--namespace", PLATFORM]).await;
    }
    await_condition("the ConfigMap gone", PATIENCE, async || match stored(&world, PINNED).await {
        None => Ok(()),
        Some(left) => Err(format!("{left:#}")),
    })
    .await;
    assert_eq!(stored(&world, THEIRS).await, Some(theirs), "what a person made is as it was");
}
