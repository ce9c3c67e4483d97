//! What happens at the edges, with expectations of their own: lost tags, copies of a cluster, servers that vanish, and
//! the risks that the protocol says it leaves.

use std::time::Duration;

use futures::future::BoxFuture;
use jiff::SignedDuration;
use serde_json::{Value, json};
use transfer_operator::sim::operation::Operation;

use crate::stage::Stage;
use crate::workflows::{KEY_A, ROLE, access, directory, keys, server, user};
use crate::world::{Blow, Moment, REGION, Rule, Setup, When};
use crate::{lint, runs};

/// Runs a scenario; the violations must be none.
pub fn play(setup: Setup, script: impl for<'a> FnOnce(&'a Stage) -> BoxFuture<'a, ()>) {
    let outcome = runs::watched(setup, script);
    for line in &outcome.lines {
        println!("{line}");
    }
    assert_eq!(outcome.violations, Vec::<String>::new());
}

fn arn(server: &str) -> String {
    format!("arn:aws:transfer:{REGION}:123456789012:server/{server}")
}

fn mutations(stage: &Stage) -> u64 {
    stage.world.oracle.lock().unwrap().mutations
}

/// Servers in AWS, as ids.
fn servers(stage: &Stage) -> Vec<String> {
    let listed = crate::satisfy::describe(&stage.world, Operation::ListServers, json!({}), "Servers").unwrap();
    listed.as_array().unwrap().iter().map(|row| crate::api_server::text(&row["ServerId"])).collect()
}

fn tag(stage: &Stage, server: &str, name: &str, value: &str) {
    stage.console(Operation::TagResource, json!({"Arn": arn(server), "Tags": [{"Key": name, "Value": value}]}));
}

pub async fn tags_are_stripped(stage: &Stage) {
    let files = stage.apply(&server("files", &json!({})));
    stage.apply(&user("alice", &keys(&[KEY_A])));
    stage.all_ready().await;
    let id = stage.server_id("files");
    let ours = ["uid", "cluster", "owner", "attempt"].map(|name| format!("transfer-operator.dev/{name}"));
    stage.console(Operation::UntagResource, json!({"Arn": arn(&id), "TagKeys": ours}));
    let before = mutations(stage);
    stage.edit(&files, |spec| spec["preAuthenticationLoginBanner"] = json!("hello"));
    stage.reason(&files, "OwnershipLost").await;
    stage.pause(Duration::from_hours(2)).await;
    assert_eq!(mutations(stage), before, "nothing is touched");
    assert_eq!(servers(stage), [id], "and nothing is made");
}

pub async fn tags_are_somebody_elses(stage: &Stage) {
    let files = stage.apply(&server("files", &json!({})));
    stage.all_ready().await;
    let id = stage.server_id("files");
    tag(stage, &id, "transfer-operator.dev/uid", "another-uid");
    tag(stage, &id, "transfer-operator.dev/owner", "elsewhere/other");
    let before = mutations(stage);
    stage.edit(&files, |spec| spec["preAuthenticationLoginBanner"] = json!("hello"));
    stage.reason(&files, "OwnershipLost").await;
    stage.pause(Duration::from_hours(2)).await;
    // Deleting the object leaves the server to whom it belongs.
    stage.edit(&files, |spec| spec["lifecycle"] = json!({"deletionProtection": false}));
    stage.delete(&files);
    stage.gone(&files).await;
    assert_eq!(mutations(stage), before);
    assert_eq!(servers(stage), [id]);
}

/// From the view of a cluster that was restored from a backup of the first: its uids stand under another cluster's tag.
pub async fn a_copy_of_the_cluster(stage: &Stage, wiped: bool) {
    let files = stage.apply(&server("files", &json!({})));
    stage.all_ready().await;
    let id = stage.server_id("files");
    tag(stage, &id, "transfer-operator.dev/cluster", "the-first-cluster");
    if wiped {
        stage.write_status(&files, |status| *status = json!({"observedGeneration": -1}));
    }
    let before = mutations(stage);
    stage.edit(&files, |spec| spec["preAuthenticationLoginBanner"] = json!("hello"));
    stage.reason(&files, "OtherCluster").await;
    stage.pause(Duration::from_hours(2)).await;
    stage.edit(&files, |spec| spec["lifecycle"] = json!({"deletionProtection": false}));
    stage.delete(&files);
    stage.gone(&files).await;
    assert_eq!(mutations(stage), before, "neither claimed, nor created, nor deleted");
    assert_eq!(servers(stage), [id]);
}

/// A restore without status: everything is found again, nothing is made or deleted.
pub async fn a_restore_without_status(stage: &Stage) {
    let mut all = Vec::new();
    for server_name in ["files", "more", "most"] {
        all.push(stage.apply(&server(server_name, &json!({}))));
        for index in 0..6 {
            let name = format!("{server_name}-user-{index}");
            all.push(stage.apply(&user(&name, &json!({"serverRef": {"name": server_name}}))));
        }
    }
    stage.all_ready().await;
    let (before, held) = (mutations(stage), servers(stage));
    for object in &all {
        stage.write_status(object, |status| *status = json!({"observedGeneration": -1}));
    }
    stage.pause(Duration::from_secs(30)).await;
    stage.all_ready().await;
    // A wiped server waits out the window of a create that may be under way only where nothing is found.
    assert_eq!(mutations(stage), before, "not one create, not one delete");
    assert_eq!(servers(stage), held);
    stage.close().await;
}

pub async fn a_server_is_deleted_by_hand(stage: &Stage) {
    let files = stage.apply(&server("files", &json!({})));
    stage.all_ready().await;
    let id = stage.server_id("files");
    stage.console(Operation::DeleteServer, json!({"ServerId": id}));
    stage.poke(&files);
    stage.reason(&files, "ServerGone").await;
    stage.pause(Duration::from_hours(2)).await;
    assert_eq!(servers(stage), Vec::<String>::new(), "not created anew by itself");
}

/// The risk that is left (protocol 8): visible only after the window, and the reply was lost. One duplicate, no more.
pub async fn a_listing_that_lags_beyond_the_window(stage: &Stage) {
    stage.apply(&server("files", &json!({})));
    stage.all_ready().await;
    stage.pause(Duration::from_hours(1)).await;
    assert_eq!(servers(stage).len(), 2, "one more than there should be, and only one");
    let identity = crate::stage::key("AwsIdentity", "default");
    let tells = |stage: &Stage| {
        let found = stage.get(&identity).and_then(|identity| lint::find(&identity, "OrphansFound"));
        found.is_some_and(|found| found["status"] == "True")
    };
    stage.until("the scan for orphans tells of it", tells).await;
}

/// An access has no tags: a record that is lost is a proof that is lost.
pub async fn an_access_without_its_record(stage: &Stage) {
    stage.apply(&directory("corp"));
    let finance = stage.apply(&access("finance", &json!({})));
    stage.all_ready().await;
    stage.write_status(&finance, |status| *status = json!({"observedGeneration": -1}));
    stage.poke(&finance);
    stage.reason(&finance, "Conflict").await;
    let before = mutations(stage);
    stage.delete(&finance);
    stage.gone(&finance).await;
    assert_eq!(mutations(stage), before, "it cannot be proven to be ours, so it stays");
    let told = stage.world.oracle.lock().unwrap().warnings.clone();
    assert!(told.iter().any(|text| text.contains("left in AWS")), "{told:?}");
}

/// A frozen process wakes after its user was deleted and would bring the login back: the call is too old by then.
pub fn a_late_create_of_a_user() -> Setup {
    let freeze = Rule::on(
        "CreateUser",
        When::Times { skip: 0, count: 1 },
        Moment::Before,
        Blow::Freeze(Duration::from_mins(25)),
    );
    Setup { replicas: 2, ..Setup::new(7).with(vec![freeze]) }
}

pub async fn a_user_deleted_while_its_create_is_frozen(stage: &Stage) {
    stage.apply(&server("files", &json!({})));
    let alice = stage.apply(&user("alice", &keys(&[KEY_A])));
    stage.pause(Duration::from_mins(5)).await;
    stage.delete(&alice);
    stage.gone(&alice).await;
    stage.pause(Duration::from_hours(1)).await;
    let server = json!({"ServerId": stage.server_id("files")});
    let left = crate::satisfy::describe(&stage.world, Operation::ListUsers, server, "Users").unwrap();
    assert_eq!(left, json!([]), "the login does not come back");
}

/// One bad key says so on its object, and nobody else is held up; its text appears nowhere.
pub async fn a_key_that_does_not_parse(stage: &Stage) {
    stage.apply(&server("files", &json!({})));
    stage.config_map("keys", &[("authorized_keys", "not-a-key at all\n")]);
    let from = json!({"sshPublicKeysFrom": [{"configMapKeyRef": {"name": "keys", "key": "authorized_keys"}}]});
    let bad = stage.apply(&user("bad", &from));
    let good = stage.apply(&user("good", &keys(&[KEY_A])));
    stage
        .until("the good one Ready, the bad one not", |stage| {
            let ready = |object: Option<Value>| {
                object.and_then(|object| lint::find(&object, "Ready")).map(|ready| ready["status"].clone())
            };
            ready(stage.get(&good)) == Some(json!("True")) && ready(stage.get(&bad)) == Some(json!("False"))
        })
        .await;
    stage.config_map("keys", &[("authorized_keys", KEY_A)]);
    stage.all_ready().await;
    stage.close().await;
}

/// What AWS refuses for good is told as Stalled within minutes, named, and healed when AWS takes it.
pub async fn an_update_that_is_refused(stage: &Stage) {
    let files = stage.apply(&server("files", &json!({})));
    stage.all_ready().await;
    stage.edit(&files, |spec| spec["preAuthenticationLoginBanner"] = json!("hello"));
    stage.reason(&files, "Rejected").await;
    stage
        .until("Stalled", |stage| {
            stage.get(&files).is_some_and(|object| lint::kstatus(&object) == lint::Kstatus::Failed)
        })
        .await;
    stage.all_ready().await;
    stage.close().await;
}

/// Who stands on a server that is not ours has no rights there: a forged status gives no logins elsewhere.
pub async fn a_forged_server_gives_no_logins(stage: &Stage) {
    let theirs = crate::api_server::text(&stage.console(Operation::CreateServer, json!({}))["ServerId"]);
    let files = stage.apply(&server("files", &json!({"suspend": true})));
    stage.pause(Duration::from_secs(10)).await;
    stage.write_status(&files, |status| status["serverId"] = json!(theirs));
    stage.apply(&user("alice", &json!({"role": ROLE})));
    stage.pause(Duration::from_hours(1)).await;
    let users = json!({"ServerId": theirs});
    let users = crate::satisfy::describe(&stage.world, Operation::ListUsers, users, "Users").unwrap();
    assert_eq!(users, json!([]));
}

pub fn beyond_the_window() -> Setup {
    let lost = Rule::on("CreateServer", When::Times { skip: 0, count: 1 }, Moment::Sent, Blow::Lose);
    Setup { listing_lag: SignedDuration::from_mins(30), duplicates: true, ..Setup::new(3).with(vec![lost]) }
}

pub fn refusing_updates() -> Setup {
    let refused = Blow::Error("InvalidRequestException", "Unacceptable");
    let rule = Rule::on("UpdateServer", When::Until(Duration::from_mins(30)), Moment::Before, refused);
    Setup::new(4).with(vec![rule])
}
