//! The operator's pods.

use std::time::Duration;

use serde_json::Value;

use crate::cluster::{Cluster, PATIENCE};
use crate::helm::NAMESPACE;
use crate::support::await_condition;

const OURS: [&str; 3] = ["--namespace", NAMESPACE, "--selector=app.kubernetes.io/name=transfer-operator"];

/// All of them that are not on their way out.
pub async fn all(cluster: &Cluster) -> Vec<Value> {
    let pods = cluster.json(&[&["pods"], &OURS[..]].concat()).await;
    let stays = |pod: &&Value| pod["metadata"]["deletionTimestamp"].is_null();
    pods["items"].as_array().unwrap().iter().filter(stays).cloned().collect()
}

pub fn name(pod: &Value) -> &str {
    pod["metadata"]["name"].as_str().unwrap()
}

pub fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
    conditions.iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

/// Waits until this many are ready, and no other is there.
pub async fn ready(cluster: &Cluster, count: usize) {
    await_condition("the operator's pods", PATIENCE, async || {
        let pods = all(cluster).await;
        if pods.len() == count && pods.iter().all(is_ready) { Ok(()) } else { Err(format!("{pods:#?}")) }
    })
    .await;
}

/// Has this many of them, and waits until it is so.
pub async fn scale(cluster: &Cluster, count: usize) {
    let replicas = format!("--replicas={count}");
    cluster.plane.kubectl(&["scale", "deployment", "transfer-operator", &replicas, "--namespace", NAMESPACE]).await;
    ready(cluster, count).await;
}

/// Waits until this many are there and run, ready or not.
pub async fn started(cluster: &Cluster, count: usize) {
    await_condition("containers that run", PATIENCE, async || {
        let pods = all(cluster).await;
        let runs = |pod: &Value| !pod["status"]["containerStatuses"][0]["state"]["running"].is_null();
        if pods.len() == count && pods.iter().all(runs) { Ok(()) } else { Err(format!("{pods:#?}")) }
    })
    .await;
}

/// Who holds the Lease, by what he calls himself: his pod and the start of his process.
pub async fn holder(cluster: &Cluster) -> Result<String, String> {
    let lease = cluster.json(&["lease", "transfer-operator", "--namespace", NAMESPACE]).await;
    let holder = lease["spec"]["holderIdentity"].as_str().unwrap_or_default();
    if holder.is_empty() { Err(lease["spec"].to_string()) } else { Ok(holder.to_owned()) }
}

/// Waits for a holder other than this one.
pub async fn holder_after(cluster: &Cluster, former: &str) -> String {
    await_condition("another one leads", PATIENCE, async || match holder(cluster).await {
        Ok(other) if other != former => Ok(other),
        other => Err(format!("{other:?}")),
    })
    .await
}

/// The pod of a holder.
pub async fn leader(cluster: &Cluster) -> (String, Value) {
    await_condition("a pod that leads", PATIENCE, async || {
        let holder = holder(cluster).await?;
        let pods = all(cluster).await;
        let leads = |pod: &Value| holder.strip_prefix(name(pod)).is_some_and(|rest| rest.starts_with('_'));
        pods.into_iter().find(leads).map(|pod| (holder.clone(), pod)).ok_or(holder)
    })
    .await
}

/// Deletes a pod, and does not wait for its end.
pub async fn delete(cluster: &Cluster, pod: &Value, args: &[&str]) {
    let line = ["delete", "pod", name(pod), "--wait=false", "--namespace", NAMESPACE];
    cluster.plane.kubectl(&[&line[..], args].concat()).await;
}

/// What a pod has logged.
pub async fn log(cluster: &Cluster, pod: &Value) -> Result<String, String> {
    cluster.plane.try_kubectl(&["logs", name(pod), "--namespace", NAMESPACE]).await
}

/// Lets time pass in which somebody who does harm would do it.
pub async fn let_pass(time: Duration) {
    tokio::time::sleep(time).await;
}
