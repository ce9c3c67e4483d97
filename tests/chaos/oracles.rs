//! The oracles, all from what the simulator holds and logged, and from the API server's audit log:
//! O1 single, O2 no leak, O3 no foreign harm (in `strangers.rs`), O4 want = have and then rest, O12 nothing but status and
//! finalizer is written.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::fleet::{self, Fleet};
use crate::stage::{FLEET, PATIENCE, Stage};
use crate::support::{await_condition, overreach};

/// Looks at every server by each of the two operators that make up a rest.
const LOOKS: usize = 3;

/// O1: at no time two live servers of one object, and never more creates than one and what was deleted.
pub async fn single(stage: &Stage) {
    let held: BTreeSet<String> = stage.servers().await.keys().cloned().collect();
    for (uid, ids) in stage.log.made() {
        let deleted = ids.iter().filter(|id| !held.contains(*id)).count();
        assert!(ids.len() <= 1 + deleted, "O1: object {uid} has {ids:?}, of which {deleted} were deleted");
    }
    let owner: BTreeMap<String, String> =
        stage.log.made().into_iter().flat_map(|(uid, ids)| ids.into_iter().map(move |id| (id, uid.clone()))).collect();
    let mut live: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for call in stage.log.changing(0).filter(|call| call["mutated"] == true) {
        let id = call["server_id"].as_str().unwrap_or_default();
        let Some(uid) = owner.get(id) else { continue };
        let of = live.entry(uid).or_default();
        match call["operation"].as_str().unwrap() {
            "CreateServer" => {
                of.insert(id);
            }
            "DeleteServer" => {
                of.remove(id);
            }
            _ => {}
        }
        assert!(of.len() <= 1, "O1: object {uid} has the servers {of:?} at once, after {call:#}");
    }
}

/// O2: nothing in AWS carries our tags, neither a server nor a user on anybody's server.
pub async fn no_leak(stage: &Stage) {
    let ours = |thing: &Value| {
        let tags = thing["Tags"].as_array().cloned().unwrap_or_default();
        tags.iter().any(|tag| tag["Key"] == "transfer-operator.dev/cluster" && tag["Value"] == FLEET)
    };
    for (id, server) in stage.servers().await {
        assert!(!ours(&server), "O2: {id} is left: {server:#}");
        for (name, user) in server["Users"].as_object().into_iter().flatten() {
            assert!(!ours(user), "O2: user {name} of {id} is left: {user:#}");
        }
    }
}

/// O4, first half: AWS has what the objects want, and nothing more of ours.
pub async fn want_is_have(stage: &Stage, fleet: &Fleet) {
    let servers = stage.servers().await;
    let differences = fleet.differences(stage, &servers).await;
    assert!(differences.is_empty(), "O4: {differences:#?}");
}

/// O12: the operators own nothing of any object but its status and their finalizer.
pub async fn only_ours_is_written(stage: &Stage) {
    for object in fleet::objects(stage).await {
        assert_eq!(overreach(&object), Vec::<String>::new(), "O12: {}", object["metadata"]["name"]);
    }
}

/// O4, second half: for several rounds of looking, nothing is changed in AWS and nothing is written to the API server.
/// Answers with what was looked at.
pub async fn rest(stage: &mut Stage) -> String {
    // How many log in to a server is written once per resync: two looks may pass until it stands.
    further_looks(stage, 2).await;
    let from = stage.log.len();
    let (writes, before) = (stage.writes().len(), fleet::objects(stage).await);
    further_looks(stage, LOOKS).await;
    let changing: Vec<&Value> = stage.log.changing(from).collect();
    assert!(changing.is_empty(), "O4: at rest {changing:#?}");
    let further: Vec<String> = stage.writes().into_iter().skip(writes).collect();
    let after = fleet::objects(stage).await;
    let changed = before.iter().zip(&after).filter(|(before, after)| before["status"] != after["status"]);
    let changed: Vec<_> = changed.map(|(before, after)| (&before["status"], &after["status"])).collect();
    assert!(further.is_empty(), "O4: at rest the API server was written to: {further:#?}, which changed {changed:#?}");
    format!("{} calls that only read", stage.log.len() - from)
}

/// Until each server was looked at this often by both operators.
async fn further_looks(stage: &mut Stage, times: usize) {
    stage.drain().await;
    let from = stage.log.len();
    let wanted = times * 2 * fleet::SERVERS;
    await_condition("further looks at the servers", PATIENCE, async || {
        stage.drain().await;
        let looks = stage.log.called("DescribeServer", from);
        if looks >= wanted { Ok(()) } else { Err(looks) }
    })
    .await;
}
