//! W2 and W4: what takes a stop of the server, each transition to its end. What comes in the middle stands in
//! `interrupted.rs`.

use std::time::Duration;

use serde_json::{Value, json};
use transfer_operator::sim::operation::Operation;

use crate::lint;
use crate::satisfy;
use crate::stage::Stage;
use crate::workflows::server;
use transfer_operator::fakes::api_server::{Key, text};

pub const SUBNETS: [&str; 3] = ["subnet-01234567", "subnet-12345678", "subnet-23456789"];
pub const ADDRESSES: [&str; 3] = ["eipalloc-00000001", "eipalloc-00000002", "eipalloc-00000003"];

const GROUPS: [&str; 2] = ["sg-01234567", "sg-12345678"];

/// An endpoint that somebody made.
const OWN_ENDPOINT: &str = "vpce-0123456789abcdef0";

/// How long a person waits before an edit that was refused is made again: what AWS refuses may heal from outside.
pub const PATIENCE: Duration = Duration::from_mins(20);

pub fn network(subnets: &[&str], addresses: &[&str]) -> Value {
    let mut details = json!({"vpcId": "vpc-01234567", "subnetIds": subnets, "securityGroupIds": [GROUPS[0]]});
    if !addresses.is_empty() {
        details["addressAllocationIds"] = json!(addresses);
    }
    details
}

pub fn elastic(subnets: &[&str], addresses: &[&str]) -> Value {
    json!({"endpointType": "VPC", "endpointDetails": network(subnets, addresses)})
}

/// Waits until all is Ready. Where AWS refused a change for certain and the server was started again, the change waits
/// for an edit, which is made here: the tag goes again at the end.
pub async fn settled(stage: &Stage, key: &Key) {
    for attempt in 0.. {
        stage.until("all Ready or the change refused", |stage| told(stage, key) || stage.is_all_ready()).await;
        if !told(stage, key) {
            break;
        }
        if state(stage) != "ONLINE" {
            stage.world.violation(format!("O13: the change was given up, and the server is {}", state(stage)));
        }
        stage.pause(PATIENCE).await;
        stage.world.oracle.lock().unwrap().excused_stops += 1;
        stage.edit(key, |spec| spec["tags"] = json!({"attempt": attempt.to_string()}));
    }
    if stage.get(key).is_some_and(|object| object["spec"]["tags"].is_object()) {
        stage.edit(key, |spec| drop(spec.as_object_mut().unwrap().remove("tags")));
        stage.all_ready().await;
    }
}

/// Whether status keeps a sequence for a stop that may still arrive, or is in the middle of one.
pub fn guarded(object: &Value) -> bool {
    let operation = &object["status"]["operation"];
    operation.is_object() && (operation["phase"] != "GivenUp" || operation["priorState"].is_string())
}

/// Whether the object tells that a change was refused.
pub fn told(stage: &Stage, key: &Key) -> bool {
    let object = stage.get(key).unwrap_or_default();
    let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    object["status"]["observedGeneration"] == object["metadata"]["generation"]
        && conditions.iter().any(|condition| condition["reason"] == "ChangeRefused")
}

pub fn held(stage: &Stage) -> Value {
    let input = json!({"ServerId": stage.server_id("files")});
    satisfy::describe(&stage.world, Operation::DescribeServer, input, "Server").unwrap_or_default()
}

pub fn state(stage: &Stage) -> String {
    text(&held(stage)["State"])
}

/// A server with elastic addresses is made; they change with the subnets, change alone, and go.
pub async fn w2_elastic(stage: &Stage) {
    for address in ADDRESSES {
        stage.free(address);
    }
    let files = stage.apply(&server("files", &elastic(&SUBNETS[..2], &ADDRESSES[..2])));
    settled(stage, &files).await;
    stage.edit(&files, |spec| spec["endpointDetails"] = network(&SUBNETS[1..], &ADDRESSES[..2]));
    settled(stage, &files).await;
    stage.edit(&files, |spec| spec["endpointDetails"] = network(&SUBNETS[1..], &ADDRESSES[1..]));
    settled(stage, &files).await;
    stage.edit(&files, |spec| spec["endpointDetails"] = network(&SUBNETS[1..], &[]));
    settled(stage, &files).await;
    stage.edit(&files, |spec| spec["endpointDetails"]["securityGroupIds"] = json!([GROUPS[1]]));
    settled(stage, &files).await;
    stage.close().await;
}

/// A public server moves into a VPC, with other settings in the same edit; another edit comes in the middle; it moves
/// back.
pub async fn w4_offline(stage: &Stage) {
    let files = stage.apply(&server("files", &json!({"preAuthenticationLoginBanner": "hello"})));
    stage.all_ready().await;
    stage.edit(&files, |spec| {
        spec["endpointType"] = json!("VPC");
        spec["endpointDetails"] = network(&SUBNETS[..2], &[]);
        spec["protocolDetails"] = json!({"passiveIp": "192.0.2.1"});
        spec["preAuthenticationLoginBanner"] = json!("moved");
    });
    stage.until("it is being stopped, or was", |stage| state(stage) != "ONLINE" || stage.is_all_ready()).await;
    stage.edit(&files, |spec| spec["ipAddressType"] = json!("DUALSTACK"));
    settled(stage, &files).await;
    stage.edit(&files, |spec| {
        let spec = spec.as_object_mut().unwrap();
        for name in ["endpointType", "endpointDetails", "ipAddressType", "protocolDetails"] {
            spec.remove(name);
        }
    });
    settled(stage, &files).await;
    stage.close().await;
}

/// A server at an endpoint of the user's own moves to one that AWS makes, whether elastic addresses come along or not;
/// what the edit changes besides is in force with it.
pub async fn w4_own_endpoint(stage: &Stage, addresses: &[&str]) {
    for address in addresses {
        stage.free(address);
    }
    let own = json!({"endpointType": "VPC_ENDPOINT", "endpointDetails": {"vpcEndpointId": OWN_ENDPOINT}});
    let files = stage.apply(&server("files", &own));
    stage.all_ready().await;
    stage.edit(&files, |spec| {
        spec["endpointType"] = json!("VPC");
        spec["endpointDetails"] = network(&SUBNETS[..2], addresses);
        spec["preAuthenticationLoginBanner"] = json!("moved");
    });
    settled(stage, &files).await;
    let details = &held(stage)["EndpointDetails"];
    if details["VpcEndpointId"] == OWN_ENDPOINT || details["SubnetIds"] != json!(SUBNETS[..2]) {
        stage.world.violation(format!("O4: all is Ready, and the server is at {details}"));
    }
    stage.close().await;
}

/// A public server moves to elastic addresses in a VPC in one edit, and back.
pub async fn w4_moves(stage: &Stage) {
    for address in ADDRESSES {
        stage.free(address);
    }
    let files = stage.apply(&server("files", &json!({})));
    stage.all_ready().await;
    stage.edit(&files, |spec| {
        spec["endpointType"] = json!("VPC");
        spec["endpointDetails"] = network(&SUBNETS[..2], &ADDRESSES[..2]);
    });
    settled(stage, &files).await;
    stage.edit(&files, |spec| {
        let spec = spec.as_object_mut().unwrap();
        spec.remove("endpointDetails");
        spec["endpointType"] = json!("PUBLIC");
    });
    settled(stage, &files).await;
    stage.close().await;
}

/// A server in a VPC gets elastic addresses, which go in one edit with another type of address.
pub async fn w4_addresses(stage: &Stage) {
    for address in ADDRESSES {
        stage.free(address);
    }
    let files = stage.apply(&server("files", &elastic(&SUBNETS[..2], &[])));
    stage.all_ready().await;
    stage.edit(&files, |spec| spec["endpointDetails"] = network(&SUBNETS[..2], &ADDRESSES[1..]));
    settled(stage, &files).await;
    stage.edit(&files, |spec| {
        spec["endpointDetails"]["addressAllocationIds"] = json!([]);
        spec["ipAddressType"] = json!("DUALSTACK");
    });
    settled(stage, &files).await;
    stage.close().await;
}

/// What AWS takes at any time and counts only after a restart: nothing else is edited, and it is restarted once for
/// each.
pub async fn w4_restart(stage: &Stage) {
    let files = stage.apply(&server("files", &json!({"protocolDetails": {"passiveIp": "192.0.2.1"}})));
    stage.all_ready().await;
    stage.edit(&files, |spec| drop(spec.as_object_mut().unwrap().remove("protocolDetails")));
    settled(stage, &files).await;
    stage.edit(&files, |spec| spec["protocolDetails"] = json!({"passiveIp": "192.0.2.2"}));
    settled(stage, &files).await;
    stage.close().await;
}

/// The hours in which it may be stopped come: not a second before.
pub async fn w4_window(stage: &Stage) {
    let hours = json!({"start": "02:00", "durationMinutes": 600, "timeZone": "UTC"});
    let files =
        stage.apply(&server("files", &json!({"lifecycle": {"disruption": {"mode": "Window", "window": hours}}})));
    stage.all_ready().await;
    let before = stops(stage);
    stage.edit(&files, |spec| {
        spec["ipAddressType"] = json!("DUALSTACK");
        spec["preAuthenticationLoginBanner"] = json!("hello");
    });
    stage.until("the hours are told", |stage| waits_for_hours(stage, &files)).await;
    stage.until("what takes no stop is in force", |stage| held(stage)["PreAuthenticationLoginBanner"] == "hello").await;
    stage.pause(Duration::from_mins(30)).await;
    if stops(stage) != before {
        stage.world.violation("O14: the server was stopped outside its hours".to_owned());
    }
    // Until the hours open it is Ready as it is, and a process that dies in the middle leaves that word behind.
    let changed = |stage: &Stage| held(stage)["IpAddressType"] == "DUALSTACK" && state(stage) == "ONLINE";
    stage.until("it is changed and runs", |stage| changed(stage) || told(stage, &files)).await;
    settled(stage, &files).await;
    stage.close().await;
}

fn waits_for_hours(stage: &Stage, key: &Key) -> bool {
    let pending = lint::find(&stage.get(key).unwrap_or_default(), "DisruptionPending");
    pending.is_some_and(|pending| pending["reason"] == "OutsideWindow")
}

/// How often a server that ran was stopped.
pub fn stops(stage: &Stage) -> u64 {
    stage.world.oracle.lock().unwrap().stops
}
