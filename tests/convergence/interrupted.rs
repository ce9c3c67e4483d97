//! W4: what comes in the middle of a stop, or instead of its end. Each workflow holds that nobody is left OFFLINE.

use std::time::Duration;

use serde_json::{Value, json};
use transfer_operator::sim::operation::Operation;

use crate::lint;
use crate::offline::{ADDRESSES, SUBNETS, elastic, held, network, settled, state, stops, told};
use crate::oracle::unchecked::Check;
use crate::satisfy;
use crate::stage::{NS, Stage, key};
use crate::workflows::server;
use transfer_operator::fakes::api_server::Key;

/// Nothing that was sent arrives later: AWS takes a signature for fifteen minutes, and two for clocks that differ.
const LATEST: Duration = Duration::from_mins(20);

/// A server that is Ready is edited in a way that takes a stop, and is OFFLINE for it; or was, where faults held up who
/// looks.
async fn stopped(stage: &Stage, key: &Key, edit: impl FnOnce(&mut Value)) {
    stage.edit(key, edit);
    stage.until("it is OFFLINE, or was", |stage| state(stage) == "OFFLINE" || stage.is_all_ready()).await;
}

/// The same, noticed before the operator does: nothing is changed yet.
async fn just_stopped(stage: &Stage, key: &Key, edit: impl FnOnce(&mut Value)) {
    stage.edit(key, edit);
    stage.until("it is being stopped, or was", |stage| state(stage) != "ONLINE" || stage.is_all_ready()).await;
    while state(stage) == "STOPPING" {
        stage.pause(Duration::from_millis(50)).await;
    }
}

fn dual_stack(spec: &mut Value) {
    spec["ipAddressType"] = json!("DUALSTACK");
}

/// The object is suspended while its server is OFFLINE for a change: it is started all the same.
pub async fn w4_suspended(stage: &Stage) {
    let files = stage.apply(&server("files", &json!({})));
    stage.all_ready().await;
    stopped(stage, &files, dual_stack).await;
    stage.edit(&files, |spec| spec["suspend"] = json!(true));
    stage.until("the suspension is told", |stage| suspended(stage, &files)).await;
    stage.until("it is ONLINE though it is suspended", |stage| state(stage) == "ONLINE").await;
    stage.edit(&files, |spec| spec["suspend"] = json!(false));
    settled(stage, &files).await;
    stage.close().await;
}

/// Whether the object tells of its own generation that it is suspended. That the edit before is in force is another thing.
pub fn suspended(stage: &Stage, key: &Key) -> bool {
    let object = stage.get(key).unwrap_or_default();
    lint::find(&object, "Suspended").is_some_and(|told| told["observedGeneration"] == object["metadata"]["generation"])
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
    let before = stops(stage);
    stage.edit(&files, |spec| spec["endpointDetails"] = network(&SUBNETS[..2], &[ADDRESSES[0], ADDRESSES[2]]));
    stage.reason(&files, "Rejected").await;
    if stops(stage) > before && !stage.world.setup.skips(Check::Stops) {
        stage.world.violation("O13: the server was stopped for an address that is not to be had".to_owned());
    }
    stage.free(ADDRESSES[2]);
    let edit = |spec: &mut Value| spec["endpointDetails"] = network(&SUBNETS[1..], &[ADDRESSES[0], ADDRESSES[2]]);
    stopped(stage, &files, edit).await;
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
    let edit = |spec: &mut Value| {
        spec["endpointDetails"] = network(&SUBNETS[1..], &ADDRESSES[1..]);
        spec["preAuthenticationLoginBanner"] = json!("hello");
    };
    stopped(stage, &files, edit).await;
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
    stopped(stage, &files, dual_stack).await;
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

/// The edit is taken back in the middle: the server comes back as it was.
pub async fn w4_edited_back(stage: &Stage) {
    let files = stage.apply(&server("files", &json!({})));
    stage.all_ready().await;
    just_stopped(stage, &files, dual_stack).await;
    stage.edit(&files, |spec| drop(spec.as_object_mut().unwrap().remove("ipAddressType")));
    settled(stage, &files).await;
    stage.close().await;
}

/// The object is deleted in the middle, and its server with it: it is not started for that.
pub async fn w4_deleted(stage: &Stage) {
    let files = stage.apply(&server("files", &json!({"lifecycle": {"deletionProtection": false}})));
    stage.all_ready().await;
    stopped(stage, &files, dual_stack).await;
    stage.delete(&files);
    stage.gone(&files).await;
    stage.close().await;
}

/// AWS fails to stop the server, and then to start it: a person is called each time, and it goes on within the hour.
pub async fn w4_failed(stage: &Stage) {
    let files = stage.apply(&server("files", &json!({})));
    stage.all_ready().await;
    stage.switch(&json!({"stop_outcome": "STOP_FAILED", "start_outcome": "START_FAILED"}));
    stage.edit(&files, dual_stack);
    stage.until("it failed to stop", |stage| state(stage) == "STOP_FAILED").await;
    stage.reason(&files, "StopFailed").await;
    stage.switch(&json!({"stop_outcome": "OFFLINE"}));
    stage.until("it failed to start", |stage| state(stage) == "START_FAILED").await;
    stage.reason(&files, "StartFailed").await;
    stage.switch(&json!({"start_outcome": "ONLINE"}));
    settled(stage, &files).await;
    stage.close().await;
}

/// Somebody starts the server while it is OFFLINE for a change: it is stopped once more for it. Somebody stops it later:
/// it is started.
pub async fn w4_contested(stage: &Stage) {
    let files = stage.apply(&server("files", &json!({})));
    stage.all_ready().await;
    just_stopped(stage, &files, dual_stack).await;
    let id = json!({"ServerId": stage.server_id("files")});
    if state(stage) == "OFFLINE" {
        stage.console(Operation::StartServer, id.clone());
    }
    settled(stage, &files).await;
    stage.until("it runs", |stage| state(stage) == "ONLINE").await;
    stage.console(Operation::StopServer, id);
    stage.poke(&files);
    stage.until("it is stopped, or runs again", |stage| state(stage) != "STOPPING").await;
    stage.until("it runs again", |stage| state(stage) == "ONLINE").await;
    settled(stage, &files).await;
    stage.close().await;
}
