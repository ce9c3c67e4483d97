//! What AWS has with our tags and no object stands for: told on the identity and in the metrics, never touched.

use std::time::Duration;

use kube::{Client, Config};
use serde_json::{Value, json};

use crate::support::{ControlPlane, Lent, Operator, Sim, await_condition, repository};

/// For a failure only: nothing here takes nearly as long.
const PATIENCE: Duration = Duration::from_mins(2);

async fn out_of_band(sim: &Sim, operation: &str, input: &Value) -> Value {
    let change = json!({"account": "123456789012", "region": "eu-central-1", "operation": operation, "input": input});
    sim.control("/_sim/change", &change).await
}

/// The condition of the identity, `Err` with the whole status while it is not as wanted.
async fn orphans(plane: &ControlPlane, there: bool) -> Result<String, String> {
    let text = plane.kubectl(&["get", "awsidentity", "default", "--output", "json"]).await;
    let identity: Value = serde_json::from_str(&text).unwrap();
    let conditions = identity["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let found = conditions.iter().find(|condition| condition["type"] == "OrphansFound");
    match found {
        Some(condition) if there => Ok(condition["message"].to_string()),
        None if !there => Ok(String::new()),
        _ => Err(identity["status"].to_string()),
    }
}

/// What a scraper gets from the operator.
pub async fn scrape(operator: &Operator) -> String {
    let config = Config::new(format!("http://{}", operator.health_address()).parse().unwrap());
    let request = http::Request::get("/metrics").body(Vec::new()).unwrap();
    Client::try_from(config).unwrap().request_text(request).await.unwrap()
}

#[tokio::test]
async fn a_server_without_object_is_told_until_it_is_gone_and_is_not_touched() {
    let plane = Lent::installed().await;
    let path = repository("deploy/demo/1-identity.yaml");
    plane.kubectl(&["apply", "--filename", path.to_str().unwrap()]).await;
    let sim = Sim::start(&["--listing-lag", "1s", "--transition-time", "100ms"]).await;
    let uid = plane.kubectl(&["get", "namespace", "kube-system", "--output=jsonpath={.metadata.uid}"]).await;
    let tag = |key: &str, value: &str| json!({"Key": format!("transfer-operator.dev/{key}"), "Value": value});
    let tags = [tag("cluster", &uid), tag("owner", "team/gone"), tag("uid", "of-nobody")];
    let made = out_of_band(&sim, "CreateServer", &json!({"Tags": tags})).await;
    let id = made["output"]["ServerId"].as_str().unwrap_or_else(|| panic!("{made}"));

    let operator = Operator::start(&plane, &sim, &["--resync-interval=1s", "--listing-lag=1s"]).await;
    let told = await_condition("the condition", PATIENCE, async || orphans(&plane, true).await).await;
    assert!(told.contains(id), "{told}");
    let metrics = scrape(&operator).await;
    let labels = "{account=\"123456789012\",region=\"eu-central-1\",kind=\"server\"}";
    for line in [
        format!("transfer_operator_orphans{labels} 1"),
        "transfer_operator_leader 1".to_owned(),
        "transfer_operator_caches_filled 1".to_owned(),
        "transfer_operator_objects{kind=\"AwsIdentity\",state=\"ready\"} 1".to_owned(),
        "transfer_operator_aws_calls_total{operation=\"GetCallerIdentity\",result=\"ok\"}".to_owned(),
    ] {
        assert!(metrics.contains(&line), "no {line} in {metrics}");
    }
    assert!(metrics.ends_with("# EOF\n"), "{metrics}");

    out_of_band(&sim, "DeleteServer", &json!({"ServerId": id})).await;
    await_condition("the condition is gone", PATIENCE, async || orphans(&plane, false).await).await;
    let calls = sim.calls().await["calls"].as_array().unwrap().clone();
    let touched = calls.iter().filter(|call| {
        let operation = call["operation"].as_str().unwrap_or_default();
        !["List", "Describe", "Get"].iter().any(|read| operation.starts_with(read))
    });
    assert_eq!(touched.count(), 0, "it only looks: {calls:#?}");
}
