//! The release: installed, uninstalled, installed again.

use serde_json::{Value, json};

use crate::cluster::{Cluster, PATIENCE, PLATFORM, restricted_namespace};
use crate::helm::NAMESPACE;
use crate::pods;
use crate::support::{await_condition, managed};

pub async fn installed_under_the_restricted_level(cluster: &Cluster) {
    restricted_namespace(&cluster.plane, NAMESPACE).await;
    let root = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "root", "namespace": NAMESPACE},
        "spec": {"containers": [{"name": "root", "image": "root"}]}});
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, root.to_string()).unwrap();
    let probe = ["apply", "--dry-run=server", "--filename", file.path().to_str().unwrap()];
    let refused = await_condition("a refusal for its level", PATIENCE, async || {
        let refused = cluster.plane.try_kubectl(&probe).await.expect_err("the level is enforced");
        if refused.contains("PodSecurity") { Ok(refused) } else { Err(refused) }
    })
    .await;
    assert!(refused.contains("restricted:latest"), "{refused}");

    cluster.release("").await;
    let running = pods::all(cluster).await;
    assert_eq!(running.len(), 2);
    for pod in &running {
        assert!(pods::is_ready(pod), "{pod:#}");
        assert_eq!(pod["status"]["containerStatuses"][0]["restartCount"], 0, "{pod:#}");
        assert_eq!(pod["spec"]["securityContext"]["runAsUser"], 65532);
    }
    cluster.tell("Helm has installed the chart; two pods are ready under the restricted level");
}

/// Those of the demo, a workflow with a server that hands its files to it, and a profile.
pub async fn objects_become_ready(cluster: &Cluster) {
    for last in [0, 1] {
        let address = json!({"allocation_id": format!("eipalloc-0123456789abcdef{last}"), "address": {}});
        cluster.sim.control("/_sim/change", &json!({"region": "eu-central-1", "set_address": address})).await;
    }
    for file in ["1-identity", "2-files", "3-corp", "4-team-a", "5-partners"] {
        cluster.demo(file).await;
    }
    let copy = json!({"destinationFileLocation": {"s3FileLocation": {"bucket": "my-archive", "key": "in/"}}});
    let steps = json!({"region": "eu-central-1", "steps": [{"type": "COPY", "copyStepDetails": copy}]});
    let role = "arn:aws:iam::123456789012:role/sftp/platform/workflows";
    let upload = json!({"onUpload": [{"workflowRef": {"name": "archive"}, "executionRole": role}]});
    let archived = json!({"region": "eu-central-1", "workflowDetails": upload});
    let us = json!({"region": "eu-central-1", "as2Id": "us", "profileType": "LOCAL"});
    let items = [
        managed("TransferProfile", PLATFORM, "us", &us),
        managed("TransferWorkflow", PLATFORM, "archive", &steps),
        managed("TransferServer", PLATFORM, "archived", &archived),
    ];
    cluster.apply(&json!({"apiVersion": "v1", "kind": "List", "items": items})).await;
    let count = cluster.all_ready().await;
    assert_eq!(count, 11, "4 servers, 3 users, 2 accesses, a workflow, a profile");
    assert_eq!(cluster.servers().await.len(), 4);
    cluster.tell("4 servers, 3 users, 2 accesses, a workflow and a profile are Ready");
}

pub async fn an_uninstall_leaves_objects_and_aws(cluster: &Cluster) {
    let (mark, held) = (cluster.mark().await, cluster.held().await);
    let before = specs(&cluster.objects().await);
    cluster.helm.run(&["uninstall", "transfer-operator", "--wait", "--timeout=180s"]).await;
    await_condition("the end of the pods", PATIENCE, async || {
        let left = pods::all(cluster).await;
        if left.is_empty() { Ok(()) } else { Err(format!("{left:#?}")) }
    })
    .await;
    assert_eq!(specs(&cluster.objects().await), before);
    assert_eq!(cluster.changes(mark).await, Vec::<Value>::new());
    assert_eq!(cluster.held().await, held);
    cluster.tell("uninstalled: every object and all of AWS are as they were");
}

pub async fn the_next_release_takes_up_without_a_change(cluster: &Cluster) {
    let (mark, before) = (cluster.mark().await, specs(&cluster.objects().await));
    cluster.release("").await;
    let servers = cluster.servers().await;
    // Twice: once for the start, and once for the turn that comes of itself.
    await_condition("two looks at every server", PATIENCE, async || {
        let calls = cluster.calls(mark).await;
        let looks = |id: &String| {
            calls
                .iter()
                .filter(|call| call["operation"] == "DescribeServer" && call["server_id"] == id.as_str())
                .count()
        };
        let looks: Vec<usize> = servers.keys().map(looks).collect();
        if looks.iter().all(|&times| times >= 2) { Ok(()) } else { Err(format!("{looks:?}")) }
    })
    .await;
    cluster.all_ready().await;
    assert_eq!(cluster.changes(mark).await, Vec::<Value>::new());
    assert_eq!(specs(&cluster.objects().await), before);
    cluster.tell("installed again: everything is taken up, without one call that changes something");
    cluster.edit_gets_through("after-the-uninstall").await;
}

/// What people wrote, and who each object is.
fn specs(objects: &[Value]) -> Vec<Value> {
    objects
        .iter()
        .map(|object| json!([object["metadata"]["uid"], object["metadata"]["finalizers"], object["spec"]]))
        .collect()
}
