//! W2 and W4: what takes a stop of the server. Each workflow says how often it may be stopped, and holds that nobody is
//! left OFFLINE.

use std::time::Duration;

use serde_json::{Value, json};
use transfer_operator::sim::operation::Operation;

use crate::api_server::{Key, text};
use crate::oracle::unchecked::Check;
use crate::satisfy;
use crate::stage::{NS, Stage, key};
use crate::workflows::server;

const SUBNETS: [&str; 3] = ["subnet-01234567", "subnet-12345678", "subnet-23456789"];
pub const ADDRESSES: [&str; 3] = ["eipalloc-00000001", "eipalloc-00000002", "eipalloc-00000003"];

const GROUPS: [&str; 2] = ["sg-01234567", "sg-12345678"];

/// An endpoint that somebody made.
const OWN_ENDPOINT: &str = "vpce-0123456789abcdef0";

/// How long a person waits before an edit that was refused is made again: what AWS refuses may heal from outside.
pub const PATIENCE: Duration = Duration::from_mins(20);

/// Nothing that was sent arrives later: AWS takes a signature for fifteen minutes, and two for clocks that differ.
const LATEST: Duration = Duration::from_mins(20);

fn network(subnets: &[&str], addresses: &[&str]) -> Value {
    let mut details = json!({"vpcId": "vpc-01234567", "subnetIds": subnets, "securityGroupIds": [GROUPS[0]]});
    if !addresses.is_empty() {
        details["addressAllocationIds"] = json!(addresses);
    }
    details
}

fn elastic(subnets: &[&str], addresses: &[&str]) -> Value {
    json!({"endpointType": "VPC", "endpointDetails": network(subnets, addresses)})
}

/// Waits until all is Ready. Where AWS refused a change for certain and the server was started again, the change waits
/// for an edit, which is made here: the tag goes again at the end.
async fn settled(stage: &Stage, key: &Key) {
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

/// Whether the object tells of its own generation that it is suspended. That the edit before is in force is another thing.
fn suspended(stage: &Stage, key: &Key) -> bool {
    let object = stage.get(key).unwrap_or_default();
    crate::lint::find(&object, "Suspended")
        .is_some_and(|told| told["observedGeneration"] == object["metadata"]["generation"])
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

fn state(stage: &Stage) -> String {
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

/// The object is suspended while its server is OFFLINE for a change: it is started all the same.
pub async fn w4_suspended(stage: &Stage) {
    let files = stage.apply(&server("files", &json!({})));
    stage.all_ready().await;
    stage.edit(&files, |spec| spec["ipAddressType"] = json!("DUALSTACK"));
    let off = |stage: &Stage| state(stage) == "OFFLINE" || stage.is_all_ready();
    stage.until("it is OFFLINE, or was", off).await;
    stage.edit(&files, |spec| spec["suspend"] = json!(true));
    stage.until("the suspension is told", |stage| suspended(stage, &files)).await;
    stage.until("it is ONLINE though it is suspended", |stage| state(stage) == "ONLINE").await;
    stage.edit(&files, |spec| spec["suspend"] = json!(false));
    settled(stage, &files).await;
    stage.close().await;
}

/// An address is somebody else's: the server is not stopped for it. Where that comes about only while it is OFFLINE, AWS
/// refuses it for certain: the addresses of before are put back, the server is started, and an edit tries again.
pub async fn w4_taken_back(stage: &Stage) {
    for address in &ADDRESSES[..2] {
        stage.free(address);
    }
    stage.taken(ADDRESSES[2]);
    let files = stage.apply(&server("files", &elastic(&SUBNETS[..2], &ADDRESSES[..2])));
    settled(stage, &files).await;
    let stops = stage.world.oracle.lock().unwrap().stops;
    stage.edit(&files, |spec| spec["endpointDetails"] = network(&SUBNETS[..2], &[ADDRESSES[0], ADDRESSES[2]]));
    stage.reason(&files, "Rejected").await;
    if stage.world.oracle.lock().unwrap().stops > stops && !stage.world.setup.skips(Check::Stops) {
        stage.world.violation("O13: the server was stopped for an address that is not to be had".to_owned());
    }
    stage.free(ADDRESSES[2]);
    stage.edit(&files, |spec| {
        spec["endpointDetails"] = network(&SUBNETS[1..], &[ADDRESSES[0], ADDRESSES[2]]);
    });
    let off = |stage: &Stage| state(stage) == "OFFLINE" || stage.is_all_ready();
    stage.until("it is OFFLINE, or was", off).await;
    if !stage.is_all_ready() {
        stage.taken(ADDRESSES[2]);
    }
    stage.until("it is changed, or the change refused", |stage| told(stage, &files) || stage.is_all_ready()).await;
    if told(stage, &files) {
        stage
            .until("it is ONLINE with the addresses of before", |stage| {
                let addresses = &held(stage)["EndpointDetails"]["AddressAllocationIds"];
                state(stage) == "ONLINE" && *addresses == json!(ADDRESSES[..2])
            })
            .await;
    }
    stage.edit(&files, |spec| spec["endpointDetails"] = network(&SUBNETS[1..], &ADDRESSES[..2]));
    settled(stage, &files).await;
    stage.close().await;
}

/// The grant goes while the server is OFFLINE for a change of its addresses: what was taken off is put back, it is
/// started, and nothing else is done. Once the grant is back the change is made.
pub async fn w4_revoked(stage: &Stage) {
    for address in ADDRESSES {
        stage.free(address);
    }
    let files = stage.apply(&server("files", &elastic(&SUBNETS[..2], &ADDRESSES[..2])));
    settled(stage, &files).await;
    let before = network_held(stage);
    stage.edit(&files, |spec| {
        spec["endpointDetails"] = network(&SUBNETS[1..], &ADDRESSES[1..]);
        spec["preAuthenticationLoginBanner"] = json!("hello");
    });
    let off = |stage: &Stage| state(stage) == "OFFLINE" || stage.is_all_ready();
    stage.until("it is OFFLINE, or was", off).await;
    let identity = key("AwsIdentity", "default");
    stage.edit(&identity, |spec| spec["grants"][0]["namespaces"] = json!({"from": "Names", "names": ["other"]}));
    stage.reason(&files, "GrantRevoked").await;
    let after = json!([SUBNETS[1..], ADDRESSES[1..]]);
    let whole = |stage: &Stage| state(stage) == "ONLINE" && [&before, &after].contains(&&network_held(stage));
    stage.until("it is ONLINE with all its addresses though nothing is granted", whole).await;
    stage.edit(&identity, |spec| spec["grants"][0]["namespaces"] = json!({"from": "Names", "names": [NS]}));
    settled(stage, &files).await;
    stage.close().await;
}

/// Its subnets and elastic addresses.
fn network_held(stage: &Stage) -> Value {
    let details = &held(stage)["EndpointDetails"];
    json!([details["SubnetIds"], details["AddressAllocationIds"]])
}

/// The object is deleted, and its server stays, while that is OFFLINE for a change: it is left ONLINE, and no stop that
/// was sent comes after the object is gone.
pub async fn w4_retained(stage: &Stage) {
    let kept = json!({"lifecycle": {"deletionPolicy": "Retain", "deletionProtection": false}});
    let files = stage.apply(&server("files", &kept));
    stage.all_ready().await;
    let id = stage.server_id("files");
    stage.edit(&files, |spec| spec["ipAddressType"] = json!("DUALSTACK"));
    let off = |stage: &Stage| state(stage) == "OFFLINE" || stage.is_all_ready();
    stage.until("it is OFFLINE, or was", off).await;
    stage.delete(&files);
    stage.gone(&files).await;
    for _ in 0..2 {
        let input = json!({"ServerId": id});
        let left = satisfy::describe(&stage.world, Operation::DescribeServer, input, "Server").unwrap_or_default();
        if left["State"] != "ONLINE" {
            stage.world.violation(format!("O13: the server that was to stay is {}", left["State"]));
        }
        stage.pause(LATEST).await;
    }
    // Whether the change was made before it was let go is a matter of seconds; a person has no more use for it.
    stage.console(Operation::DeleteServer, json!({"ServerId": id}));
    stage.close().await;
}
