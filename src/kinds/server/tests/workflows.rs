//! Workflows that a server names by their objects: what is sent, what waits, and what is told of it.

use serde_json::{Value, json};

use super::{held, plan_of, wanted};
use crate::api::condition::reasons;
use crate::api::{TransferServer, TransferWorkflow};
use crate::engine::kind::{Kind, Wanted};
use crate::engine::owner::Owner;
use crate::engine::reason::Reason;
use crate::kinds::fakes::{ACCOUNT, CLUSTER, NOW, REGION, World, object};
use crate::kinds::server::Servers;
use crate::kinds::server::wanted::WantedServer;

const ROLE: &str = "arn:aws:iam::123456789012:role/w";
const ON_UPLOAD: &str = "workflowDetails.onUpload";

fn list(id: &str) -> Value {
    json!([{"workflowId": id, "executionRole": ROLE}])
}

#[test]
fn a_workflow_that_waits_holds_back_only_what_would_carry_it() {
    let banner = json!({"preAuthenticationLoginBanner": "hi"});
    let with = |details: Value| {
        let mut all = banner.clone();
        all["workflowDetails"] = details;
        all
    };
    let partial = json!({"onUpload": list("w-1"), "onPartialUpload": list("w-3")});
    let rows: &[(Value, Value, &[&str], bool, &str)] = &[
        (
            with(json!({"onUpload": list("w-2")})),
            json!({"onUpload": list("w-1")}),
            &["preAuthenticationLoginBanner"],
            true,
            "another one",
        ),
        (with(json!({"onUpload": list("w-1")})), json!({}), &["preAuthenticationLoginBanner"], true, "none yet"),
        (
            with(json!({"onUpload": list("w-1")})),
            json!({"onUpload": list("w-1")}),
            &["preAuthenticationLoginBanner"],
            false,
            "AWS has it",
        ),
        // UpdateServer takes both lists together.
        (with(partial), json!({"onUpload": list("w-1")}), &["preAuthenticationLoginBanner"], true, "the other list"),
    ];
    for (want, have, sent, told, row) in rows {
        let mut wanted = wanted(want.clone());
        let waits = Reason::new(reasons::DEPENDENCY_NOT_READY, "it has no id yet");
        wanted.want.held.insert(ON_UPLOAD.to_owned(), waits.clone());
        let plan = plan_of(&wanted, &held(json!({"workflowDetails": have})), json!({}));
        let changes = plan.calls.iter().flat_map(|call| &call.changes).map(|change| change.path.as_str());
        assert_eq!(changes.collect::<Vec<_>>(), *sent, "{row}");
        let expected = if *told { vec![waits] } else { Vec::new() };
        assert_eq!(plan.blocks, expected, "{row}");
    }
}

#[test]
fn what_lets_more_in_waits_for_the_workflow_that_is_to_see_it() {
    let mut wanted = wanted(json!({
        "workflowDetails": {"onUpload": list("w-1")}, "protocols": ["SFTP", "FTPS"], "certificate": "c",
    }));
    let waits = Reason::new(reasons::DEPENDENCY_NOT_READY, "it has no id yet");
    wanted.want.held.insert(ON_UPLOAD.to_owned(), waits);
    let plan = plan_of(&wanted, &held(json!({})), json!({}));
    assert!(plan.calls.is_empty(), "{:?}", plan.calls);
    let told: Vec<&str> = plan.blocks.iter().map(|block| block.message.as_str()).collect();
    assert!(
        told.iter().any(|text| text.contains("spec.protocols not in force until spec.workflowDetails")),
        "{told:?}"
    );
}

/// A world where workflow `scan` is this id, seen with the object's own tags or not.
fn world(id: Option<&str>, seen: bool) -> World {
    let world = World::open();
    let status = json!({"workflowId": id, "accountId": ACCOUNT});
    let scan: TransferWorkflow = object("scan", json!({"region": REGION, "steps": []}), status);
    world.watch(&scan);
    if let Some(id) = id.filter(|_| seen) {
        let tags = Owner::new(CLUSTER, "team", "scan", "uid-scan").tags("attempt");
        world.deps.workflows.owners().note(&world.account(), id, Some(&tags));
    }
    world
}

async fn wanted_of(world: &World, status: Value) -> Wanted<WantedServer> {
    let upload = json!([{"workflowRef": {"name": "scan"}, "executionRole": ROLE}]);
    let server: TransferServer =
        object("files", json!({"region": REGION, "workflowDetails": {"onUpload": upload}}), status);
    let servers = Servers::new(world.deps.clone());
    let target = servers.resolve(&server).await.unwrap().unwrap();
    servers.want(&server, &target, NOW.parse().unwrap()).await.unwrap()
}

#[tokio::test]
async fn no_server_is_made_before_its_workflow_may_be_given_to_it() {
    for (id, seen, bars) in [(None, false, true), (Some("w-1"), false, true), (Some("w-1"), true, false)] {
        let wanted = wanted_of(&world(id, seen), Value::Null).await;
        assert_eq!(wanted.bars().count(), usize::from(bars), "{id:?} {seen}");
        assert!(wanted.blocks.is_empty(), "it holds nothing else of a server that exists");
        assert!(wanted.bars().all(|bar| !bar.needs_person && bar.message.contains("TransferWorkflow team/scan")));
        assert_eq!(
            wanted.applied.paths.iter().any(|path| path == ON_UPLOAD),
            !bars,
            "not sent, so never ours to clear"
        );
    }
}

#[tokio::test]
async fn what_was_given_before_stays_ours_while_a_new_process_has_not_seen_it() {
    let applied = json!({"serverId": "s-1", "applied": {"paths": [ON_UPLOAD]}});
    let (fresh, seen) = (world(Some("w-1"), false), world(Some("w-1"), true));
    let (fresh, seen) = (wanted_of(&fresh, applied.clone()).await, wanted_of(&seen, applied.clone()).await);
    assert_eq!((&fresh.applied, &fresh.digest), (&seen.applied, &seen.digest), "a restart is no edit");
    let moved = wanted_of(&world(Some("w-2"), true), applied).await;
    assert_ne!(moved.digest, seen.digest, "a replaced workflow is one, so that ReportDrift moves the server too");
}
