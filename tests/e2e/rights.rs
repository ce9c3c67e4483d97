//! The rights are withdrawn from a running operator, and one that starts has none: nothing in AWS is changed.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cluster::{Cluster, PATIENCE, PLATFORM};
use crate::helm::NAMESPACE;
use crate::pods;
use crate::support::await_condition;

/// Longer than a turn that comes of itself, so that there was an occasion.
const LONG: Duration = Duration::from_secs(15);
const ROLE: &str = "arn:aws:iam::123456789012:role/sftp/platform/denied";

pub async fn without_rights_nothing_is_changed(cluster: &Cluster) {
    let mark = cluster.mark().await;
    cluster.plane.kubectl(&["delete", "clusterrolebinding", "transfer-operator"]).await;
    let user = format!("--as=system:serviceaccount:{NAMESPACE}:transfer-operator");
    let may = ["auth", "can-i", "get", "transferusers", &user, "--namespace", PLATFORM];
    await_condition("the end of the rights", PATIENCE, async || {
        if cluster.plane.try_kubectl(&may).await.is_err() { Ok(()) } else { Err("it may still") }
    })
    .await;

    cluster.patch("transferuser", "alice", &json!({"spec": {"role": ROLE}})).await;
    let (_, leader) = pods::leader(cluster).await;
    refused(cluster, &[leader]).await;
    pods::let_pass(LONG).await;
    assert_eq!(cluster.changes(mark).await, Vec::<Value>::new(), "of who has lost his rights");
    cluster.tell("its rights withdrawn, the running operator changes nothing");

    for pod in pods::all(cluster).await {
        pods::delete(cluster, &pod, &[]).await;
    }
    pods::started(cluster, 2).await;
    refused(cluster, &pods::all(cluster).await).await;
    pods::let_pass(LONG).await;
    let running = pods::all(cluster).await;
    assert!(!running.is_empty() && !running.iter().any(pods::is_ready), "{running:#?}");
    assert_eq!(cluster.changes(mark).await, Vec::<Value>::new(), "of who never had rights");
    cluster.tell("started without rights, it is not ready and changes nothing");

    cluster.release("").await;
    await_condition("the edit in AWS", PATIENCE, async || {
        let held = cluster.role("alice").await;
        if held == ROLE { Ok(()) } else { Err(held) }
    })
    .await;
    cluster.all_ready().await;
    cluster.tell("with its rights back it makes the edit of meanwhile");
}

/// Waits until each has been refused what it wanted, and says so in its log.
async fn refused(cluster: &Cluster, pods: &[Value]) {
    await_condition("refusals in the log", PATIENCE, async || {
        for pod in pods {
            let log = pods::log(cluster, pod).await?;
            if !log.contains("forbidden") {
                return Err(log);
            }
        }
        Ok(())
    })
    .await;
}
