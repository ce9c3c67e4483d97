//! The names and addresses of a server in a VPC, through whole reconciles: what they cost, and what they do not hold up.

use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{Lose, Rig, name};
use crate::api::RECONCILE_AT;
use crate::aws::{AwsErrorKind, Mutation};

const SERVER: &str = "TransferServer";
/// Long enough for several looks at an object at rest.
const REST: Duration = Duration::from_hours(1);

fn network(subnets: &[&str]) -> Value {
    json!({"endpointType": "VPC", "endpointDetails": {"vpcId": "vpc-0123456789abcdef0", "subnetIds": subnets}})
}

const ONE: &[&str] = &["subnet-0aaaaaaaaaaaaaaaa"];
const TWO: &[&str] = &["subnet-0aaaaaaaaaaaaaaaa", "subnet-0bbbbbbbbbbbbbbbb"];

/// How many rows there are of each type that a server in a VPC has.
fn counts(rig: &Rig) -> [usize; 2] {
    let status = rig.status(SERVER, "files");
    let rows = status["endpoints"].as_array().cloned().unwrap_or_default();
    ["VpcEndpointName", "PrivateIp"].map(|of| rows.iter().filter(|row| row["type"] == of).count())
}

async fn of(spec: Value) -> Rig {
    let rig = Rig::new();
    rig.server("files", spec);
    rig.settle(SERVER, "files").await;
    assert_eq!(rig.says(SERVER, "files", "Ready").unwrap().0, "True");
    rig
}

#[tokio::test(start_paused = true)]
async fn a_server_in_a_vpc_at_rest_costs_no_call_more_than_a_public_one() {
    let mut cost = Vec::new();
    for spec in [json!({}), network(ONE)] {
        let rig = of(spec).await;
        rig.run(SERVER, "files", REST).await;
        let (reads, writes) = (rig.cloud.reads(), *rig.objects.writes.lock().unwrap());
        rig.run(SERVER, "files", REST).await;
        cost.push((rig.cloud.reads() - reads, *rig.objects.writes.lock().unwrap() - writes));
    }
    assert_eq!(cost[0], cost[1]);
}

#[tokio::test(start_paused = true)]
async fn names_and_addresses_follow_the_network_and_come_when_asked_for() {
    let rig = of(network(ONE)).await;
    assert_eq!(counts(&rig), [2, 1], "one name for all zones, one for the zone");
    rig.edit(SERVER, "files", |object| object["spec"]["endpointDetails"]["subnetIds"] = json!(TWO));
    rig.settle(SERVER, "files").await;
    assert_eq!(counts(&rig), [3, 2]);
    let before = rig.cloud.reads();
    rig.reconcile(SERVER, "files").await;
    let usual = rig.cloud.reads() - before;
    rig.objects
        .change(&(SERVER.to_owned(), name("files")), None, |object| {
            object["metadata"]["annotations"] = json!({RECONCILE_AT: "noon"});
        })
        .unwrap();
    let before = rig.cloud.reads();
    rig.reconcile(SERVER, "files").await;
    assert_eq!(rig.cloud.reads() - before, usual + 2, "the endpoint and its interfaces");
}

#[tokio::test(start_paused = true)]
async fn where_ec2_may_not_be_asked_the_server_is_ready_without_them() {
    let rig = Rig::new();
    rig.cloud.lose("DescribeVpcEndpoints", Lose::Call(AwsErrorKind::Denied));
    rig.server("files", network(ONE));
    rig.run(SERVER, "files", Duration::from_mins(50)).await;
    assert_eq!(rig.says(SERVER, "files", "Ready").unwrap().0, "True");
    assert_eq!(counts(&rig), [0, 0], "and it is not asked again at every look");
    rig.run(SERVER, "files", REST).await;
    assert_eq!(counts(&rig), [2, 1], "a right that was given since is noticed");
    rig.cloud.lose("DescribeNetworkInterfaces", Lose::Call(AwsErrorKind::Denied));
    rig.cloud.lose("DescribeVpcEndpoints", Lose::Call(AwsErrorKind::Denied));
    for (what, expected) in [("all of EC2", [2, 1]), ("interfaces", [2, 0])] {
        rig.edit(SERVER, "files", |object| object["spec"]["tags"] = json!({"denied": what}));
        rig.settle(SERVER, "files").await;
        assert_eq!(counts(&rig), expected, "{what}: what was known stands, names without addresses are names");
    }
    rig.edit(SERVER, "files", |object| object["spec"]["tags"] = json!({"a": "b"}));
    rig.settle(SERVER, "files").await;
    assert_eq!(counts(&rig), [2, 1], "an edit asks again");
}

#[tokio::test(start_paused = true)]
async fn trouble_with_ec2_fails_nothing_and_takes_nothing_out() {
    let rig = of(network(ONE)).await;
    for operation in ["DescribeVpcEndpoints", "DescribeNetworkInterfaces"] {
        rig.edit(SERVER, "files", |object| object["spec"]["tags"] = json!({"after": operation}));
        rig.cloud.lose(operation, Lose::Call(AwsErrorKind::Throttled));
        rig.settle(SERVER, "files").await;
        assert_eq!(rig.says(SERVER, "files", "Ready").unwrap().0, "True", "{operation}");
        assert_eq!(counts(&rig), [2, 1], "{operation}");
    }
}

/// Users of other tools, peers.md C 13: AWS says no more than that it cannot verify an endpoint.
#[tokio::test(start_paused = true)]
async fn an_endpoint_that_aws_cannot_verify_is_refused_with_what_helps() {
    let rig = Rig::new();
    rig.cloud.refuse("InvalidRequestException", "Unable to verify VPC Endpoint", |call| {
        matches!(call, Mutation::CreateServer(_))
    });
    let details = json!({"vpcEndpointId": "vpce-0123456789abcdef0"});
    rig.server("files", json!({"endpointType": "VPC_ENDPOINT", "endpointDetails": details}));
    rig.run(SERVER, "files", Duration::from_mins(5)).await;
    assert_eq!(rig.says(SERVER, "files", "Stalled").unwrap().1, "Rejected");
    let message = rig.message(SERVER, "files");
    for told in
        ["Unable to verify VPC Endpoint", "spec.endpointDetails.vpcEndpointId", "allow ec2:DescribeVpcEndpoints"]
    {
        assert!(message.contains(told), "{message}");
    }
}
