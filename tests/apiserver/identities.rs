//! How an identity ends: refused while it is protected, serving what uses it until nothing does, with nothing of it
//! left in the process.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use transfer_operator::api::FINALIZER;

use crate::orphans::scrape;
use crate::protected::gone;
use crate::support::{ControlPlane, Lent, await_condition, managed, repository};
use crate::world::{PATIENCE, PLATFORM, World};

const DEFAULT: [&str; 3] = ["delete", "awsidentity", "default"];

/// Waits until the API server refuses to delete the identity; answers with its words.
async fn refused(plane: &ControlPlane) -> String {
    let dry = [&DEFAULT[..], &["--dry-run=server"]].concat();
    await_condition("the refusal", PATIENCE, async || plane.try_kubectl(&dry).await.err().ok_or("not yet")).await
}

#[tokio::test]
async fn an_identity_goes_only_unprotected_and_after_its_users() {
    let world = World::demo().await;
    let _operator = world.operator(&[]).await;
    world.all_ready(7).await;
    let protect = |value: bool| json!({"spec": {"deletionProtection": value}});
    world.patch("awsidentities", "", "default", &protect(true)).await;
    let words = refused(&world.plane).await;
    assert!(words.contains("AwsIdentity default is protected from deletion"), "{words}");
    assert!(words.contains("set spec.deletionProtection to false first"), "{words}");

    world.patch("awsidentities", "", "default", &protect(false)).await;
    await_condition("the deletion", PATIENCE, async || {
        world.plane.try_kubectl(&[&DEFAULT[..], &["--wait=false"]].concat()).await
    })
    .await;
    let told = world.told("awsidentities", "", "default", "InUse").await;
    assert!(told.contains("goes on serving them") && told.contains("TransferServer sftp-platform/"), "{told}");
    let role = "arn:aws:iam::123456789012:role/sftp/platform/readers";
    world.patch("transferusers", PLATFORM, "alice", &json!({"spec": {"role": role}})).await;
    await_condition("the new role in AWS", PATIENCE, async || {
        let updates = world.done("UpdateUser").await;
        if updates.iter().any(|call| call["input"]["Role"] == role) { Ok(()) } else { Err(format!("{updates:#?}")) }
    })
    .await;
    world.all_ready(7).await;

    world.delete_all().await;
    gone(&world, "awsidentity", "default").await;
    assert!(world.servers().await.is_empty());
}

#[tokio::test]
async fn an_identity_of_an_earlier_version_is_protected_and_stays_ready() {
    let plane = ControlPlane::start().await;
    plane.install().await;
    let crd = "awsidentities.transfer-operator.dev";
    let field = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/deletionProtection";
    let earlier = json!([{"op": "remove", "path": field}]).to_string();
    plane.kubectl(&["patch", "crd", crd, "--type=json", "--patch", &earlier]).await;
    let world = World::beside(Arc::new(plane.into())).await;
    let spec = json!({"accountId": "123456789012", "regions": ["eu-central-1", "us-east-1"], "credentials": {"source": "Operator"}});
    let identity = identity("default", &spec);
    await_condition("the earlier version in force", PATIENCE, async || {
        world.try_apply(std::slice::from_ref(&identity)).await?;
        let stored = world.object("awsidentities", "", "default").await;
        if stored["spec"]["deletionProtection"].is_null() { Ok(()) } else { Err(stored.to_string()) }
    })
    .await;
    let stored = world.object("awsidentities", "", "default").await;

    let crds = repository("deploy/crds.yaml");
    let force = ["apply", "--server-side", "--force-conflicts", "--filename", crds.to_str().unwrap()];
    world.plane.kubectl(&force).await;
    refused(&world.plane).await;
    let _operator = world.operator(&[]).await;
    world.told("awsidentities", "", "default", "Verified").await;
    let now = world.object("awsidentities", "", "default").await;
    assert_eq!(now["metadata"]["generation"], stored["metadata"]["generation"], "nobody edited it");
    assert_eq!(now["spec"]["deletionProtection"], Value::Bool(true));
    assert!(!now["status"]["conditions"].to_string().contains("Stalled"), "{now:#?}");
    assert_eq!(world.calls_of("CreateServer").await, Vec::<Value>::new());
    let row = world.plane.kubectl(&["get", "awsid", "default"]).await;
    assert!(row.contains("  eu-central-1, us-east-1  "), "the regions as a person writes them: {row}");
}

fn identity(name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "transfer-operator.dev/v1alpha1", "kind": "AwsIdentity", "metadata": {"name": name}, "spec": spec})
}

#[tokio::test]
async fn of_a_deleted_identity_no_breaker_is_told_any_more() {
    let world = World::demo().await;
    let operator = world.operator(&[]).await;
    let nobody = json!({"accountId": "123456789012", "regions": ["eu-west-1"], "credentials": {"source": "Operator"},
        "deletionProtection": false, "endpoints": {"sts": "http://127.0.0.1:1"}});
    world.apply(&[identity("broken", &nobody)]).await;
    let gauge = "transfer_operator_identity_breaker_open{identity=\"broken\"}";
    let mut pokes = 0;
    await_condition("the breaker is open", PATIENCE, async || {
        pokes += 1;
        let poke = json!({"metadata": {"annotations": {"transfer-operator.dev/reconcile-at": pokes.to_string()}}});
        world.patch("awsidentities", "", "broken", &poke).await;
        let metrics = scrape(&operator).await;
        if metrics.contains(&format!("{gauge} 1")) { Ok(()) } else { Err(metrics) }
    })
    .await;
    world.plane.kubectl(&["delete", "awsidentity", "broken", "--timeout=60s"]).await;
    await_condition("the breaker is told no more", PATIENCE, async || {
        let metrics = scrape(&operator).await;
        if metrics.contains(gauge) { Err(metrics) } else { Ok(()) }
    })
    .await;
}

/// What each installation says by the namespace that it watches, or `all`: the types of its conditions.
fn said(identity: &Value) -> Vec<(String, Vec<String>)> {
    let entries = identity["status"]["installations"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let types = |entry: &Value| {
        entry["conditions"].as_array().into_iter().flatten().map(|condition| text(&condition["type"])).collect()
    };
    let of = |entry: &Value| entry["namespaces"].get(0).map_or_else(|| "all".to_owned(), text);
    let mut said: Vec<_> = entries.iter().map(|entry| (of(entry), types(entry))).collect();
    said.sort();
    said
}

/// An identity, and a server in each of the namespaces `one` and `two`.
async fn two_namespaces() -> World {
    let world = World::beside(Arc::new(Lent::installed().await)).await;
    let grants = json!([{"name": "all", "kinds": ["TransferServer"], "namespaces": {"from": "All"}}]);
    let spec = json!({"accountId": "123456789012", "regions": ["eu-central-1"], "credentials": {"source": "Operator"},
        "grants": grants});
    world.apply(&[identity("default", &spec)]).await;
    let server = json!({"region": "eu-central-1", "lifecycle": {"deletionProtection": false}});
    for namespace in ["one", "two"] {
        world.plane.kubectl(&["create", "namespace", namespace]).await;
        world.apply(&[managed("TransferServer", namespace, "files", &server)]).await;
    }
    world
}

async fn finalizers(world: &World) -> Vec<String> {
    let identity = world.object("awsidentities", "", "default").await;
    let all = identity["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
    all.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

/// Takes the protection off the identity and deletes it, without waiting for its end.
async fn delete_default(world: &World) {
    world.patch("awsidentities", "", "default", &json!({"spec": {"deletionProtection": false}})).await;
    await_condition("the deletion", PATIENCE, async || {
        world.plane.try_kubectl(&[&DEFAULT[..], &["--wait=false"]].concat()).await
    })
    .await;
}

async fn delete_files(world: &World, namespace: &str) {
    world.plane.kubectl(&["delete", "transferserver", "files", "--namespace", namespace]).await;
}

/// Waits until the identity has just these finalizers.
async fn holds(world: &World, expected: &[&str]) {
    await_condition("the finalizers", PATIENCE, async || {
        let mut held = finalizers(world).await;
        held.sort();
        if held == expected { Ok(()) } else { Err(format!("{held:?} instead of {expected:?}")) }
    })
    .await;
}

#[tokio::test]
async fn beside_an_unlimited_installation_a_limited_one_lets_go_only_for_itself() {
    let world = two_namespaces().await;
    let _all = world.operator(&["--resync-interval=2s"]).await;
    let _one = world.operator(&["--watch-namespace=one", "--resync-interval=2s"]).await;
    world.all_ready(2).await;
    await_condition("both say what they found", PATIENCE, async || {
        let said = said(&world.object("awsidentities", "", "default").await);
        let names: Vec<&str> = said.iter().map(|(name, _)| name.as_str()).collect();
        if names == ["all", "one"] { Ok(()) } else { Err(format!("{said:?}")) }
    })
    .await;
    let in_use = finalizers(&world).await.into_iter().find(|name| name.starts_with("transfer-operator.dev/in-use-"));
    let in_use = in_use.unwrap();
    holds(&world, &[FINALIZER, &in_use]).await;

    delete_default(&world).await;
    delete_files(&world, "one").await;
    holds(&world, &[FINALIZER]).await;
    let told = world.told("awsidentities", "", "default", "InUse").await;
    assert!(told.contains("TransferServer two/files"), "{told}");
    // Looks of both, several times.
    tokio::time::sleep(Duration::from_secs(6)).await;
    holds(&world, &[FINALIZER]).await;
    world.patch("transferservers", "two", "files", &json!({"spec": {"preAuthenticationLoginBanner": "x"}})).await;
    await_condition("the other is served", PATIENCE, async || {
        if world.done("UpdateServer").await.is_empty() { Err("not yet") } else { Ok(()) }
    })
    .await;
    delete_files(&world, "two").await;
    gone(&world, "awsidentity", "default").await;
}

#[tokio::test]
async fn a_plain_finalizer_of_a_former_version_goes_with_its_last_user() {
    let world = two_namespaces().await;
    let former = world.operator(&["--resync-interval=2s"]).await;
    world.all_ready(2).await;
    former.terminate().await;
    // A version that was limited to a namespace held it by the plain finalizer too, and had no entry in its status.
    let entries = json!([{"op": "remove", "path": "/status/installations"}]).to_string();
    let patch = ["patch", "awsidentity", "default", "--subresource=status", "--type=json", "--patch", &entries];
    world.plane.kubectl(&patch).await;
    let one = world.operator(&["--watch-namespace=one", "--resync-interval=2s"]).await;
    delete_files(&world, "one").await;
    delete_default(&world).await;
    let told = world.told("awsidentities", "", "default", "InUse").await;
    assert!(told.contains("TransferServer two/files"), "another installation's: {told}");
    assert!(finalizers(&world).await.contains(&FINALIZER.to_owned()));

    let two = world.operator(&["--watch-namespace=two", "--resync-interval=2s"]).await;
    delete_files(&world, "two").await;
    gone(&world, "awsidentity", "default").await;
    for operator in [one, two] {
        assert!(operator.terminate().await.success());
    }
}

#[tokio::test]
async fn two_limited_installations_share_an_identity_and_let_go_alone() {
    let world = two_namespaces().await;
    let cluster = world.plane.kubectl(&["get", "namespace", "kube-system", "--output=jsonpath={.metadata.uid}"]).await;
    let tag = |key: &str, value: &str| json!({"Key": format!("transfer-operator.dev/{key}"), "Value": value});
    let tags = [tag("cluster", &cluster), tag("owner", "one/gone"), tag("uid", "of-nobody")];
    world.out_of_band("CreateServer", &json!({"Tags": tags})).await;
    let _one = world.operator(&["--watch-namespace=one", "--resync-interval=2s"]).await;
    let _two = world.operator(&["--watch-namespace=two", "--resync-interval=2s"]).await;
    world.all_ready(2).await;

    let found =
        |name: &str, types: &[&str]| (name.to_owned(), types.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>());
    let expected = [found("one", &["Ready", "OrphansFound"]), found("two", &["Ready"])];
    let default = async || world.object("awsidentities", "", "default").await;
    await_condition("each says what it found", PATIENCE, async || {
        let identity = default().await;
        if said(&identity) == expected { Ok(()) } else { Err(identity.to_string()) }
    })
    .await;
    let held = finalizers(&world).await;
    assert_eq!(held.len(), 2, "{held:?}");
    assert!(held.iter().all(|name| name.starts_with("transfer-operator.dev/in-use-")), "{held:?}");

    world.patch("awsidentities", "", "default", &json!({"spec": {"deletionProtection": false}})).await;
    await_condition("the edit is observed for all", PATIENCE, async || {
        let identity = default().await;
        let seen = identity["status"]["observedGeneration"] == identity["metadata"]["generation"];
        if seen { Ok(()) } else { Err(identity.to_string()) }
    })
    .await;
    world.plane.kubectl(&["wait", "awsidentity/default", "--for=condition=Ready", "--timeout=60s"]).await;

    world.plane.kubectl(&[&DEFAULT[..], &["--wait=false"]].concat()).await;
    world.plane.kubectl(&["delete", "transferserver", "files", "--namespace=one"]).await;
    await_condition("one of them lets it go", PATIENCE, async || {
        let left = finalizers(&world).await;
        if left.len() == 1 { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await;
    world.patch("transferservers", "two", "files", &json!({"spec": {"preAuthenticationLoginBanner": "x"}})).await;
    await_condition("the other is served", PATIENCE, async || {
        let updates = world.done("UpdateServer").await;
        if updates.is_empty() { Err("not yet".to_owned()) } else { Ok(()) }
    })
    .await;
    world.plane.kubectl(&["delete", "transferserver", "files", "--namespace=two"]).await;
    gone(&world, "awsidentity", "default").await;
}
