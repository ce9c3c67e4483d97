//! People edit while a new version is rolled out.

use std::cell::Cell;
use std::time::Duration;

use serde_json::json;

use crate::cluster::{Cluster, PLATFORM};
use crate::pods;

/// Between two edits: about as fast as a script of somebody.
const PAUSE: Duration = Duration::from_millis(500);

pub async fn a_rolling_upgrade_loses_no_edit(cluster: &Cluster) {
    let mark = cluster.mark().await;
    let servers: Vec<String> = cluster.servers().await.keys().cloned().collect();
    let former: Vec<String> = pods::all(cluster).await.iter().map(|pod| pods::name(pod).to_owned()).collect();
    let upgraded = Cell::new(false);
    let upgrade = async {
        cluster.release("podAnnotations: {example.com/version: next}").await;
        upgraded.set(true);
    };
    let edits = async {
        let mut made = 0;
        while !upgraded.get() {
            made += 1;
            edit(cluster, made).await;
        }
        made
    };
    let ((), edits) = futures::join!(upgrade, edits);
    assert!(edits > 2, "{edits} edits");
    edit(cluster, edits + 1).await;
    let last = role(edits + 1);
    pods::ready(cluster, 2).await;
    cluster.all_ready().await;
    for pod in pods::all(cluster).await {
        assert!(!former.iter().any(|name| name == pods::name(&pod)), "{former:?} are all gone");
    }
    assert_eq!(cluster.role("alice").await, last.as_str());
    assert_eq!(cluster.role("bob").await, last.as_str());
    assert_eq!(cluster.servers().await.keys().cloned().collect::<Vec<_>>(), servers);
    let made = cluster.changes(mark).await;
    let other: Vec<_> = made.iter().filter(|call| call["operation"] != "UpdateUser").collect();
    assert!(other.is_empty(), "edits of two users and nothing else: {other:#?}");
    cluster.tell(&format!("upgraded under {} edits of each of two users: AWS has the last ones", edits + 1));
}

fn role(number: usize) -> String {
    format!("arn:aws:iam::123456789012:role/sftp/platform/edit-{number}")
}

async fn edit(cluster: &Cluster, number: usize) {
    let patch = format!("--patch={}", json!({"spec": {"role": role(number)}}));
    let line = ["patch", "transferuser", "alice", "bob", "--namespace", PLATFORM, "--type=merge", &patch];
    cluster.plane.kubectl(&line).await;
    tokio::time::sleep(PAUSE).await;
}
