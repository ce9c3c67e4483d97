//! The namespace controller against servers that are protected, and then so many that they wait for a person.

use serde_json::{Value, json};

use crate::cluster::{Cluster, PATIENCE, PLATFORM};
use crate::pods;
use crate::support::await_condition;

const SERVERS: [&str; 3] = ["transferservers", "--namespace", PLATFORM];

pub async fn a_namespace_waits_for_its_protected_servers(cluster: &Cluster) {
    let mark = cluster.mark().await;
    cluster.plane.kubectl(&["delete", "namespace", PLATFORM, "--wait=false"]).await;
    await_condition("a namespace that cannot go", PATIENCE, async || {
        let status = cluster.json(&["namespace", PLATFORM]).await["status"].clone();
        let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
        let held = conditions.iter().any(|condition| {
            condition["type"] == "NamespaceDeletionContentFailure"
                && condition["status"] == "True"
                && condition["message"].as_str().is_some_and(|message| message.contains("is protected from deletion"))
        });
        if held && status["phase"] == "Terminating" { Ok(()) } else { Err(status) }
    })
    .await;
    let waits = cluster.json(&SERVERS).await["items"].as_array().unwrap().clone();
    assert_eq!(waits.len(), 4);
    for server in &waits {
        assert_eq!(server["metadata"]["deletionTimestamp"], Value::Null, "{server:#}");
    }
    assert_eq!(deleted(cluster, mark).await, 0);
    assert_eq!(cluster.servers().await.len(), 4);
    cluster.tell("the namespace waits for its protected servers");
}

/// Their protection is taken off, and still a person is asked, as four go at once.
pub async fn so_many_servers_at_once_wait_for_a_yes(cluster: &Cluster) {
    let mark = cluster.mark().await;
    let protected = cluster.json(&SERVERS).await["items"].as_array().unwrap().clone();
    cluster.plane.kubectl(&["delete", "transferuser", "invoices", "--namespace=team-a", "--timeout=120s"]).await;
    // While nobody works, so that all of them are on their way out before the first can be gone.
    pods::scale(cluster, 0).await;
    for server in &protected {
        let unprotected = json!({"spec": {"lifecycle": {"deletionProtection": false}}});
        cluster.patch("transferserver", server["metadata"]["name"].as_str().unwrap(), &unprotected).await;
    }
    await_condition("the deletion of all servers", PATIENCE, async || {
        let servers = cluster.json(&SERVERS).await;
        let stays = |server: &&Value| server["metadata"]["deletionTimestamp"].is_null();
        let left = servers["items"].as_array().unwrap().iter().filter(stays).count();
        if left == 0 { Ok(()) } else { Err(left) }
    })
    .await;
    pods::scale(cluster, 2).await;
    let held = await_condition("deletions that are held", PATIENCE, async || {
        let status = cluster.json(&["awsidentity", "default"]).await["status"].clone();
        let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
        let held =
            conditions.iter().find(|condition| condition["type"] == "DeletionsHeld" && condition["status"] == "True");
        held.and_then(|condition| condition["message"].as_str().map(str::to_owned)).ok_or(status)
    })
    .await;
    assert!(held.contains("4 of 4 servers"), "{held}");
    assert_eq!(deleted(cluster, mark).await, 0);
    cluster.tell("their protection taken off, they wait for a person's yes");

    let yes = held.split("--overwrite ").nth(1).and_then(|rest| rest.split(". ").next()).unwrap();
    cluster.plane.kubectl(&["annotate", "awsidentity", "default", "--overwrite", yes]).await;
    await_condition("the end of the namespace", PATIENCE, async || {
        let left = cluster.plane.kubectl(&["get", "namespace", PLATFORM, "--ignore-not-found", "--output=json"]).await;
        if left.is_empty() { Ok(()) } else { Err(left) }
    })
    .await;
    assert_eq!(cluster.servers().await.len(), 0);
    assert_eq!(deleted(cluster, mark).await, 4);
    cluster.tell("with it, the namespace and its servers are gone");
}

async fn deleted(cluster: &Cluster, mark: u64) -> usize {
    cluster.calls(mark).await.iter().filter(|call| call["operation"] == "DeleteServer").count()
}
