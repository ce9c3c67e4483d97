//! The one that leads goes: asked to, by force, by a kill of its process. The other one takes over, and edits get through.

use serde_json::Value;
use tokio::time::Instant;

use crate::cluster::Cluster;
use crate::pods;

pub async fn whoever_leads_may_go_in_any_way(cluster: &mut Cluster) {
    let servers: Vec<String> = cluster.servers().await.keys().cloned().collect();
    let mark = cluster.mark().await;

    leader_goes(cluster, "its pod is deleted", async |cluster, pod| {
        pods::delete(cluster, pod, &[]).await;
        true
    })
    .await;
    leader_goes(cluster, "its pod is deleted by force", async |cluster, pod| {
        pods::delete(cluster, pod, &["--grace-period=0", "--force"]).await;
        true
    })
    .await;
    leader_goes(cluster, "its process is killed", async |cluster, pod| {
        let id = pod["status"]["containerStatuses"][0]["containerID"].as_str().unwrap();
        cluster.plane.kill_container(id.strip_prefix("containerd://").unwrap_or(id))
    })
    .await;

    assert_eq!(cluster.servers().await.keys().cloned().collect::<Vec<_>>(), servers);
    let other: Vec<_> =
        cluster.changes(mark).await.into_iter().filter(|call| call["operation"] != "UpdateUser").collect();
    assert_eq!(other, Vec::<Value>::new(), "only the edits were made");
}

/// `how` answers whether it could be done here.
async fn leader_goes(cluster: &mut Cluster, what: &str, how: impl AsyncFn(&mut Cluster, &Value) -> bool) {
    let (holder, pod) = pods::leader(cluster).await;
    let begin = Instant::now();
    if !how(cluster, &pod).await {
        cluster.tell(&format!("{what}: SKIPPED, the node is not ours"));
        return;
    }
    pods::holder_after(cluster, &holder).await;
    let taken = begin.elapsed();
    cluster.edit_gets_through(&what.replace(' ', "-")).await;
    pods::ready(cluster, 2).await;
    cluster.tell(&format!("{what}: another leads after {:.1} s", taken.as_secs_f64()));
}
