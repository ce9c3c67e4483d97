//! What `--watch-labels` leaves out: not served, not touched, not told as an orphan, and not taken along by what is served.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::{Lent, await_condition, managed, ready};
use crate::world::{PATIENCE, World, user_of};

const HERE: &str = "one";
const SERVERS: &str = "transferservers";
const USERS: &str = "transferusers";

fn server() -> Value {
    json!({"region": "eu-central-1", "lifecycle": {"deletionProtection": false}})
}

/// Servers `files`, `other` and `dark`, the last out of scope; `carol` on `other`, and `bob` on `dark`.
async fn labelled() -> World {
    let world = World::beside(Arc::new(Lent::installed().await)).await;
    let kinds = json!(["TransferServer", "TransferUser"]);
    let grant = json!({"name": "all", "kinds": kinds, "namespaces": {"from": "All"}, "roleArns": ["arn:aws:iam::123456789012:role/sftp/*"]});
    let spec = json!({"accountId": "123456789012", "regions": ["eu-central-1"], "credentials": {"source": "Operator"},
        "grants": [grant]});
    let identity = json!({"apiVersion": "transfer-operator.dev/v1alpha1", "kind": "AwsIdentity",
        "metadata": {"name": "default"}, "spec": spec});
    world.plane.kubectl(&["create", "namespace", HERE]).await;
    let mut dark = managed("TransferServer", HERE, "dark", &server());
    dark["metadata"]["labels"] = json!({"stage": "test"});
    let [files, other] = ["files", "other"].map(|name| managed("TransferServer", HERE, name, &server()));
    let [carol, bob] =
        [("carol", "other"), ("bob", "dark")].map(|(user, on)| managed("TransferUser", HERE, user, &user_of(on)));
    world.apply(&[identity, files, other, dark, carol, bob]).await;
    world
}

/// Takes an object out of what the operator watches, or puts it back.
async fn stage(world: &World, kind: &str, name: &str, stage: Option<&str>) {
    world.patch(kind, HERE, name, &json!({"metadata": {"labels": {"stage": stage}}})).await;
}

async fn all_ready(world: &World, objects: &[(&str, &str)]) {
    for (kind, name) in objects {
        await_condition(&format!("{name} Ready"), PATIENCE, async || {
            let object = world.object(kind, HERE, name).await;
            if ready(&object) { Ok(()) } else { Err(object["status"].to_string()) }
        })
        .await;
    }
}

async fn banner(world: &World, name: &str, text: &str) {
    world.patch(SERVERS, HERE, name, &json!({"spec": {"preAuthenticationLoginBanner": text}})).await;
}

/// Waits until AWS has the banner of a server; answers with all that were ever written.
async fn banners(world: &World, last: &str) -> Vec<String> {
    await_condition("the banner in AWS", PATIENCE, async || {
        let updates = world.done("UpdateServer").await;
        let text = |call: &Value| call["input"]["PreAuthenticationLoginBanner"].as_str().map(str::to_owned);
        let texts: Vec<String> = updates.iter().filter_map(text).collect();
        if texts.iter().any(|text| text == last) { Ok(texts) } else { Err(format!("{texts:?}")) }
    })
    .await
}

#[tokio::test]
async fn what_the_labels_leave_out_is_neither_served_nor_taken_along() {
    let world = labelled().await;
    let _operator = world.operator(&["--watch-labels=stage!=test", "--resync-interval=2s"]).await;
    all_ready(&world, &[(SERVERS, "files"), (SERVERS, "other"), (USERS, "carol")]).await;
    world.told(USERS, HERE, "bob", "ServerNotAvailable").await;
    let dark = world.object(SERVERS, HERE, "dark").await;
    // The CRD's default, which stands there until somebody serves it.
    assert_eq!(dark["status"], json!({"observedGeneration": -1}));
    assert_eq!(dark["metadata"]["finalizers"], Value::Null);
    assert_eq!(world.servers().await.len(), 2);

    // Out of scope, an edit waits; one of another server that comes after it is served.
    stage(&world, SERVERS, "files", Some("test")).await;
    banner(&world, "files", "of files").await;
    banner(&world, "other", "of other").await;
    assert_eq!(banners(&world, "of other").await, ["of other"]);
    // What left the scope is no orphan, though an orphan is found in the same scan.
    let cluster = world.plane.kubectl(&["get", "namespace", "kube-system", "--output=jsonpath={.metadata.uid}"]).await;
    let tag = |key: &str, value: &str| json!({"Key": format!("transfer-operator.dev/{key}"), "Value": value});
    let tags = [tag("cluster", &cluster), tag("owner", "one/gone"), tag("uid", "of-nobody")];
    world.out_of_band("CreateServer", &json!({"Tags": tags})).await;
    let told = world.told("awsidentities", "", "default", "OrphansFound").await;
    let id = world.object(SERVERS, HERE, "files").await["status"]["serverId"].as_str().unwrap().to_owned();
    assert!(!told.contains(&id) && told.contains("s-"), "{told} (of files: {id})");

    // AWS would delete a login that left the scope along with its server.
    stage(&world, USERS, "carol", Some("test")).await;
    world.plane.kubectl(&["delete", "transferserver", "other", "--namespace", HERE, "--wait=false"]).await;
    let told = world.told(SERVERS, HERE, "other", "DeletionBlocked").await;
    assert!(told.contains("carol"), "{told}");
    assert_eq!(world.calls_of("DeleteServer").await, Vec::<Value>::new());

    // Back in scope, all of it goes on.
    stage(&world, SERVERS, "files", None).await;
    banners(&world, "of files").await;
    stage(&world, USERS, "carol", None).await;
    world.plane.kubectl(&["delete", "transferuser", "carol", "--namespace", HERE, "--wait=false"]).await;
    for (kind, name) in [("transferuser/carol", "carol"), ("transferserver/other", "other")] {
        await_condition(&format!("the end of {name}"), PATIENCE, async || {
            let left = world.plane.kubectl(&["get", kind, "--namespace", HERE, "--ignore-not-found"]).await;
            if left.is_empty() { Ok(()) } else { Err(left) }
        })
        .await;
    }
    all_ready(&world, &[(SERVERS, "files")]).await;
    assert_eq!(world.done("DeleteServer").await.len(), 1);
}
