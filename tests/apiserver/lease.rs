//! Two replicas: one works, and the other takes over, at once where the first could say goodbye.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{ControlPlane, Lent, Operator, Sim, await_condition, repository};

const NAMESPACE: &str = "transfer-operator-system";
/// For a failure only: nothing here takes nearly as long.
const PATIENCE: Duration = Duration::from_mins(2);

async fn lease(plane: &ControlPlane) -> Value {
    let args = ["get", "leases.coordination.k8s.io", "--namespace", NAMESPACE, "--output", "json"];
    let list: Value = serde_json::from_str(&plane.kubectl(&args).await).unwrap();
    list["items"][0]["spec"].clone()
}

fn holder(lease: &Value) -> String {
    lease["holderIdentity"].as_str().unwrap_or_default().to_owned()
}

fn leads(operator: &Operator) -> bool {
    operator.log().contains("leading")
}

/// The one that leads first, then the other.
async fn in_order(one: Operator, other: Operator) -> (Operator, Operator) {
    await_condition("one leads", PATIENCE, async || if leads(&one) || leads(&other) { Ok(()) } else { Err(one.log()) })
        .await;
    let standby = if leads(&one) { &other } else { &one };
    await_condition("the other stands by", PATIENCE, async || {
        let log = standby.log();
        if log.contains("standing by") { Ok(()) } else { Err(log) }
    })
    .await;
    assert!(leads(&one) != leads(&other), "one of them leads");
    if leads(&one) { (one, other) } else { (other, one) }
}

async fn takes_over(operator: &Operator, former: &str, plane: &ControlPlane) -> Value {
    await_condition("the other leads", PATIENCE, async || {
        let lease = lease(plane).await;
        if leads(operator) && !holder(&lease).is_empty() && holder(&lease) != former {
            Ok(lease)
        } else {
            Err(format!("{lease}\n{}", operator.log()))
        }
    })
    .await
}

/// Creates a server object and waits until AWS has it.
async fn works(plane: &ControlPlane, name: &str) {
    let server = json!({
        "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "TransferServer",
        "metadata": {"name": name, "namespace": "sftp-platform"},
        "spec": {"awsIdentityRef": {"name": "default"}, "region": "eu-central-1"},
    });
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, server.to_string()).unwrap();
    plane.kubectl(&["apply", "--filename", file.path().to_str().unwrap()]).await;
    let name = format!("transferserver/{name}");
    plane.kubectl(&["wait", &name, "--namespace", "sftp-platform", "--for=condition=Ready", "--timeout=120s"]).await;
}

async fn installed() -> (Lent, Sim) {
    let plane = Lent::installed().await;
    for file in ["1-identity"] {
        let path = repository(&format!("deploy/demo/{file}.yaml"));
        plane.kubectl(&["apply", "--filename", path.to_str().unwrap()]).await;
    }
    (plane, Sim::start(&["--transition-time", "100ms"]).await)
}

#[tokio::test]
async fn one_of_two_leads_goodbye_hands_over_at_once_and_a_kill_after_expiry() {
    let (plane, sim) = installed().await;
    // So long that an expiry cannot be taken for a hand-over.
    let long = ["--lease=true", "--lease-duration=10m", "--lease-renew-deadline=5m", "--lease-retry-period=500ms"];
    let first = Operator::start(&plane, &sim, &long).await;
    let second = Operator::start(&plane, &sim, &long).await;
    let (leader, standby) = in_order(first, second).await;
    works(&plane, "first").await;
    let before = lease(&plane).await;
    assert!(leader.terminate().await.success());
    let after = takes_over(&standby, &holder(&before), &plane).await;
    assert_eq!(after["leaseTransitions"].as_i64(), before["leaseTransitions"].as_i64().map(|count| count + 1));
    works(&plane, "second").await;
    assert!(standby.terminate().await.success());
    assert_eq!(holder(&lease(&plane).await), "", "given back");

    let short = ["--lease=true", "--lease-duration=6s", "--lease-renew-deadline=5s", "--lease-retry-period=500ms"];
    let first = Operator::start(&plane, &sim, &short).await;
    let second = Operator::start(&plane, &sim, &short).await;
    let (leader, standby) = in_order(first, second).await;
    let former = holder(&lease(&plane).await);
    leader.kill9();
    assert_eq!(holder(&lease(&plane).await), former, "a kill gives nothing back");
    takes_over(&standby, &former, &plane).await;
    works(&plane, "third").await;

    let created = sim.calls().await["calls"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|call| call["operation"] == "CreateServer")
        .count();
    assert_eq!(created, 3, "nobody worked twice");
}

#[tokio::test]
async fn a_leader_whose_lease_is_taken_ends() {
    let (plane, sim) = installed().await;
    let args = ["--lease=true", "--lease-retry-period=500ms"];
    let mut operator = Operator::start(&plane, &sim, &args).await;
    await_condition("it leads", PATIENCE, async || if leads(&operator) { Ok(()) } else { Err(operator.log()) }).await;
    let taken = json!({"spec": {"holderIdentity": "somebody-else"}}).to_string();
    let patch = ["patch", "leases.coordination.k8s.io", "transfer-operator", "--namespace", NAMESPACE];
    plane.kubectl(&[&patch[..], &["--type", "merge", "--patch", &taken]].concat()).await;
    let status = await_condition("its end", PATIENCE, async || operator.ended().ok_or("it still runs")).await;
    let log = operator.log();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains("the lease is lost; the process ends") && !log.contains("panicked"), "{log}");
}

#[tokio::test]
async fn asked_to_end_in_the_middle_of_a_create_it_records_the_server_first() {
    let (plane, sim) = installed().await;
    let slow = json!({"operation": "CreateServer", "fault": {"kind": "delay", "by": "8s"}});
    sim.control("/_sim/faults", &slow).await;
    let operator = Operator::start(&plane, &sim, &["--lease=true"]).await;
    let server = json!({
        "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "TransferServer",
        "metadata": {"name": "slow", "namespace": "sftp-platform"},
        "spec": {"awsIdentityRef": {"name": "default"}, "region": "eu-central-1"},
    });
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, server.to_string()).unwrap();
    plane.kubectl(&["apply", "--filename", file.path().to_str().unwrap()]).await;
    await_condition("a create is under way", PATIENCE, async || {
        let log = operator.log();
        if log.contains("operation=\"CreateServer\"") { Ok(()) } else { Err(log) }
    })
    .await;
    assert!(operator.terminate().await.success());
    let args =
        ["get", "transferserver", "slow", "--namespace", "sftp-platform", "--output=jsonpath={.status.serverId}"];
    let recorded = plane.kubectl(&args).await;
    assert!(recorded.starts_with("s-"), "the id is not recorded: {recorded:?}");
    assert_eq!(holder(&lease(&plane).await), "", "given back");
}
