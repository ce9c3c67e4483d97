//! Many edits at once, and edits while a call is under way: the newest wins, and AWS sees few of them.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::future::{Either, select};
use serde_json::{Value, json};

use super::arena::{Arena, End, base, object_of};
use crate::stage::Stage;
use crate::workflows::{CERTIFICATES, OTHER_ROLE};

/// 39: a thousand edits in ten seconds.
pub async fn storm(stage: &Stage) {
    let kind = stage.world.setup.script["kind"].as_str().unwrap();
    let mut arena = Arena::open(stage, kind, base(kind, "plain")).await;
    let before = stage.world.oracle.lock().unwrap().mutations;
    for number in 0..1000 {
        edit(&mut arena, kind, number);
        stage.pause(Duration::from_millis(10)).await;
    }
    arena.edits = 20;
    let end = arena.end().await;
    let mutations = stage.world.oracle.lock().unwrap().mutations - before;
    if end != End::Ready || arena.fourth_outcome(&end, &[]).is_some() {
        arena.complain(&format!("39: not in force after a thousand edits: {end:?}"));
    }
    if mutations > 20 {
        arena.complain(&format!("39: {mutations} mutations for a thousand edits in ten seconds, 20 at most"));
    }
    arena.close().await;
}

/// An edit of this number; each is seen in AWS.
fn edit(arena: &mut Arena<'_>, kind: &str, number: usize) {
    let mut spec = arena.spec();
    match kind {
        "TransferServer" => spec["preAuthenticationLoginBanner"] = json!(format!("edit {number}")),
        "TransferProfile" => spec["certificateIds"] = json!([CERTIFICATES[number % 2]]),
        "TransferCertificate" => spec["description"] = json!(format!("edit-{number}")),
        "TransferConnector" => spec["sftpConfig"]["maxConcurrentConnections"] = json!(number % 5 + 1),
        "TransferWebApp" => spec["webAppUnits"] = json!({"provisioned": number + 1}),
        "TransferAgreement" if spec["baseDirectory"].is_string() => {
            spec["baseDirectory"] = json!(format!("/b/edit-{number}"));
        }
        "TransferAgreement" => spec["customDirectories"]["payloadFilesDirectory"] = json!(format!("/b/edit-{number}")),
        _ if spec["home"]["s3"].is_object() => spec["home"]["s3"]["prefix"] = json!(format!("edit-{number}")),
        _ if spec["posixProfile"].is_object() => spec["posixProfile"]["secondaryGids"] = json!([number + 1000]),
        _ => spec["homeDirectoryMappings"][0]["target"] = json!(format!("/b/edit-{number}")),
    }
    if kind != "TransferAccess" {
        spec["tags"] = json!({"edit": number.to_string()});
    }
    arena.offer(spec).unwrap_or_else(|refusals| panic!("{refusals:?}"));
}

/// 40: one call of the create and of an update is held up, and meanwhile the spec is edited.
pub async fn in_flight(stage: &Stage) {
    let script = &stage.world.setup.script;
    let kind = script["kind"].as_str().unwrap();
    let first = base(kind, script["base"].as_str().unwrap());
    let opened = async {
        let mut arena = Arena::open(stage, kind, first).await;
        edit(&mut arena, kind, 1);
        arena.end().await;
        arena
    };
    let newest = async {
        while stage.world.struck.load(Ordering::SeqCst) == 0 {
            stage.pause(Duration::from_millis(50)).await;
        }
        stage.edit(&object_of(kind), |spec| change(spec, kind));
        futures::future::pending::<()>().await;
    };
    let mut arena = match select(Box::pin(opened), Box::pin(newest)).await {
        Either::Left((arena, _)) => arena,
        Either::Right(((), opened)) => opened.await,
    };
    let mut spec = arena.spec();
    change(&mut spec, kind);
    let end = arena.settle(spec).await;
    if end != End::Ready || arena.fourth_outcome(&end, &[]).is_some() {
        arena.complain(&format!("40: the newest is not in force: {end:?}"));
    }
    super::as_fresh(&mut arena, "40", "the newest").await;
    arena.close().await;
}

/// The newest wish.
fn change(spec: &mut Value, kind: &str) {
    match kind {
        "TransferServer" => spec["postAuthenticationLoginBanner"] = json!("newest"),
        "TransferProfile" => spec["certificateIds"] = json!(CERTIFICATES),
        "TransferCertificate" => spec["description"] = json!("newest"),
        "TransferConnector" | "TransferAgreement" => spec["accessRole"] = json!(OTHER_ROLE),
        "TransferWebApp" => spec["identityProviderDetails"]["identityCenterConfig"]["role"] = json!(OTHER_ROLE),
        _ => spec["role"] = json!(OTHER_ROLE),
    }
}
