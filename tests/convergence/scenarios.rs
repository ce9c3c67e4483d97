//! What happens at the edges, with expectations of their own: lost tags, copies of a cluster, servers that vanish, and
//! the risks that the protocol says it leaves.

use std::time::Duration;

use futures::future::BoxFuture;
use jiff::SignedDuration;
use serde_json::{Value, json};
use transfer_operator::fakes::api_server::text;
use transfer_operator::sim::operation::Operation;

use crate::oracle::unchecked::BEYOND_THE_WINDOW;
use crate::setup::{Blow, Moment, Rule, Setup, When};
use crate::stage::{Outcome, Stage, key};
use crate::workflows::{HOST_KEYS, KEY_A, KEY_B, ROLE, access, host_keys, keys, lister, server, user};
use crate::world::REGION;
use crate::{lint, runs};

/// Runs a scenario; the violations must be none.
pub fn play(setup: Setup, script: impl for<'a> FnOnce(&'a Stage) -> BoxFuture<'a, ()>) {
    let outcome = runs::watched(setup, script);
    for line in &outcome.lines {
        println!("{line}");
    }
    assert_eq!(outcome.violations, Vec::<String>::new());
}

/// What a limit of docs/limits.md costs is seen by the oracles: this, in this order, and nothing else.
pub fn only(outcome: &Outcome, seen: &[&str]) {
    let violations = &outcome.violations;
    let told = violations.len() == seen.len()
        && violations.iter().zip(seen).all(|(violation, seen)| violation.starts_with(seen));
    assert!(told, "{violations:?} instead of {seen:?}");
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
    listed.as_array().unwrap().iter().map(|row| text(&row["ServerId"])).collect()
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

/// A tag-cleaning job knows only some of our keys.
pub async fn uids_are_stripped(stage: &Stage) {
    let files = stage.apply(&server("files", &json!({})));
    let alice = stage.apply(&user("alice", &keys(&[KEY_A, KEY_B])));
    let bob = stage.apply(&user("bob", &keys(&[KEY_A])));
    stage.all_ready().await;
    let id = stage.server_id("files");
    let (of_bob, uid) = (arn(&id).replace(":server/", ":user/") + "/bob", "transfer-operator.dev/uid");
    for arn in [arn(&id), of_bob] {
        stage.console(Operation::UntagResource, json!({"Arn": arn, "TagKeys": [uid]}));
    }
    stage.poke(&files);
    stage.reason(&files, "OwnershipLost").await;
    // Its other user can be revoked meanwhile, and does not get more.
    let before = mutations(stage);
    stage.edit(&alice, |spec| {
        spec["sshPublicKeys"] = json!([{"publicKey": KEY_B}]);
        spec["tags"] = json!({"team": "x"});
    });
    stage.until("the key is gone", |_| mutations(stage) > before).await;
    stage.pause(Duration::from_hours(1)).await;
    assert_eq!(mutations(stage), before + 1, "one key, and nothing else");
    stage.edit(&key("AwsIdentity", "default"), |spec| spec["grants"][0]["serverIds"] = json!([id]));
    let adoption =
        |adoption: Value| json!({"deletionPolicy": "Delete", "deletionProtection": false, "adoption": adoption});
    stage.edit(&files, |spec| spec["lifecycle"] = adoption(json!({"serverId": id})));
    stage.edit(&bob, |spec| spec["lifecycle"] = adoption(json!({"mode": "IfIdentical"})));
    stage.all_ready().await;
    assert_eq!(servers(stage), [id], "and nothing is made");
    for object in [&alice, &bob, &files] {
        stage.delete(object);
        stage.gone(object).await;
    }
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

/// Only status tells what an entry held before. With it gone, what clients are shown stays until a person confirms.
pub async fn a_replaced_host_key_and_a_lost_status(stage: &Stage) {
    stage.secret("one", HOST_KEYS[0]);
    let listed = json!([{"name": "one", "secretKeyRef": {"name": "one"}}]);
    let files = stage.apply(&server("files", &json!({"hostKeys": listed, "hostKeyPolicy": "Exclusive"})));
    stage.all_ready().await;
    let pinned = host_keys(stage).pop().unwrap();
    let lose = || stage.write_status(&files, |status| *status = json!({"observedGeneration": -1}));
    stage.secret("one", HOST_KEYS[1]);
    lose();
    stage.until("the new host key beside the old one", |stage| host_keys(stage).len() == 2).await;
    stage.all_ready().await;
    // Now every listed key is there.
    lose();
    stage.pause(Duration::from_secs(30)).await;
    stage.all_ready().await;
    stage.pause(Duration::from_mins(20)).await;
    assert!(host_keys(stage).contains(&pinned), "it went, and nobody confirmed it");
    stage.reason(&files, "HostKeyReplaced").await;
    stage.annotate(&files, "transfer-operator.dev/confirm-host-key", &pinned);
    stage.until("only the new host key", |stage| host_keys(stage).len() == 1).await;
    assert_ne!(host_keys(stage), [pinned]);
    stage.all_ready().await;
    stage.close().await;
}

/// What differs and is not sent is never Ready, and says whose fault it is.
pub async fn an_update_that_is_forgotten(stage: &Stage) {
    let files = stage.apply(&server("files", &json!({})));
    stage.all_ready().await;
    let before = mutations(stage);
    stage.edit(&files, |spec| spec["preAuthenticationLoginBanner"] = json!("hello"));
    stage.reason(&files, "InternalError").await;
    stage.pause(Duration::from_hours(1)).await;
    let object = stage.get(&files).unwrap();
    let ready = lint::find(&object, "Ready").unwrap();
    assert_eq!((&ready["status"], &ready["reason"]), (&json!("False"), &json!("InternalError")));
    let message = ready["message"].as_str().unwrap();
    assert!(message.contains("spec.preAuthenticationLoginBanner") && message.contains("please report it"), "{message}");
    assert_eq!(mutations(stage), before, "nothing was sent");
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

/// A namespace goes by mistake, and with it five of six servers and a user. Nothing is deleted in AWS, also by the process
/// that comes next, until a person copies the value of the condition.
pub async fn five_of_six_servers_are_deleted(stage: &Stage) {
    let free = json!({"lifecycle": {"deletionProtection": false}});
    let mut going: Vec<_> =
        ["one", "two", "three", "four", "five"].iter().map(|name| stage.apply(&server(name, &free))).collect();
    stage.apply(&server("six", &free));
    stage.all_ready().await;
    going.push(stage.apply(&user("alice", &json!({"serverRef": {"name": "one"}}))));
    stage.all_ready().await;
    let (before, stays) = (mutations(stage), stage.server_id("six"));
    for object in &going {
        stage.delete(object);
    }
    for object in &going {
        stage.reason(object, "DeletionsHeld").await;
    }
    stage.pause(Duration::from_mins(30)).await;
    stage.alive().iter().for_each(|life| life.kill());
    stage.pause(Duration::from_hours(2)).await;
    assert_eq!((mutations(stage), servers(stage).len()), (before, 6), "nothing is sent");

    let identity = key("AwsIdentity", "default");
    let held = stage.get(&identity).and_then(|identity| lint::find(&identity, "DeletionsHeld")).unwrap();
    let told = held["message"].as_str().unwrap();
    assert!(told.starts_with("5 of 6 servers and 1 of 1 users"), "{told}");
    let value = told.split_once("allow-deletions=").and_then(|(_, rest)| rest.split_once(". ")).unwrap().0;
    stage.annotate(&identity, "transfer-operator.dev/allow-deletions", value);
    for object in &going {
        stage.gone(object).await;
    }
    assert_eq!(servers(stage), [stays]);
    let silent =
        |stage: &Stage| stage.get(&identity).is_some_and(|identity| lint::find(&identity, "DeletionsHeld").is_none());
    stage.until("nothing is told of it any more", silent).await;
    let told = stage.world.oracle.lock().unwrap().warnings.clone();
    assert_eq!(told.iter().filter(|text| text.contains("servers and")).count(), 1, "one warning: {told:?}");
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
    stage.apply(&lister("corp"));
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

/// AWS does not know one member: everything else of the edit is in force, and what was asked for it is bounded.
pub async fn one_member_that_is_refused(stage: &Stage) {
    let files = stage.apply(&server("files", &json!({})));
    stage.all_ready().await;
    let before = mutations(stage);
    stage.edit(&files, |spec| {
        spec["securityPolicyName"] = json!("TransferSecurityPolicy-2099-01");
        spec["preAuthenticationLoginBanner"] = json!("hello");
        spec["s3StorageOptions"] = json!({"directoryListingOptimization": "ENABLED"});
        spec["tags"] = json!({"team": "a"});
    });
    let edited = stage.world.began.elapsed();
    stage.reason(&files, "Rejected").await;
    assert!(stage.world.began.elapsed() < edited + Duration::from_secs(30), "within seconds");
    let id = json!({"ServerId": stage.server_id("files")});
    let held = crate::satisfy::describe(&stage.world, Operation::DescribeServer, id, "Server").unwrap();
    assert_eq!(held["PreAuthenticationLoginBanner"], "hello");
    assert_eq!(held["S3StorageOptions"]["DirectoryListingOptimization"], "ENABLED");
    assert_eq!(crate::satisfy::tags(&held["Tags"])["team"], "a");
    let sent = mutations(stage) - before;
    assert!(sent <= 5, "the whole, three groups and the tags: {sent}");
    let status = stage.get(&files).unwrap()["status"].clone();
    let told: Vec<&Value> = status["drift"].as_array().unwrap().iter().map(|row| &row["path"]).collect();
    assert_eq!(told, ["spec.securityPolicyName"]);
    assert!(!status["applied"].to_string().contains("securityPolicyName"), "{}", status["applied"]);
    stage.edit(&files, |spec| spec["securityPolicyName"] = json!("TransferSecurityPolicy-2024-01"));
    stage.all_ready().await;
    stage.close().await;
}

/// An edit of an identity asks STS who it is. Whoever it does not bear on makes no call and says nothing, also who
/// waits for another one; whom it helps goes on at once.
pub async fn an_edit_that_bears_on_nobody(stage: &Stage) {
    stage.apply(&server("files", &json!({})));
    for index in 0..12 {
        stage.apply(&user(&format!("user-{index}"), &keys(&[KEY_A])));
    }
    let admin = "arn:aws:iam::123456789012:role/admin/all";
    let denied = stage.apply(&user("denied", &json!({"role": admin})));
    stage.reason(&denied, "RoleNotGranted").await;
    stage.pause(Duration::from_mins(10)).await;
    // The edits fit in between two sweeps.
    let sweeps = |stage: &Stage| stage.world.points().iter().filter(|point| point.operation == "ListServers").count();
    let before = sweeps(stage);
    stage.until("a sweep", |stage| sweeps(stage) > before).await;
    stage.pause(Duration::from_secs(5)).await;
    let identity = key("AwsIdentity", "default");
    let elsewhere = |role: &str| {
        json!({"name": "elsewhere", "kinds": ["TransferUser"], "namespaces": {"from": "Names", "names": ["x"]},
            "roleArns": [role]})
    };
    let edits: [&(dyn Fn(&mut Value) + Sync); 4] = [
        &|spec| spec["grants"].as_array_mut().unwrap().push(elsewhere(admin)),
        &|spec| spec["grants"][1]["roleArns"] = json!(["arn:aws:iam::123456789012:role/other/*"]),
        &|spec| spec["regions"] = json!([REGION, "us-east-1"]),
        &|spec| spec["deletionProtection"] = json!(false),
    ];
    for edit in edits {
        let (calls, events) = (stage.world.points().len(), stage.world.oracle.lock().unwrap().told());
        stage.edit(&identity, edit);
        stage.pause(Duration::from_secs(50)).await;
        let made: Vec<String> = stage.world.points()[calls..].iter().map(|point| point.operation.clone()).collect();
        assert_eq!(made, ["GetCallerIdentity", "status"], "the identity itself, and nobody else");
        assert_eq!(stage.world.oracle.lock().unwrap().told(), events);
    }
    stage.edit(&identity, |spec| spec["grants"][0]["roleArns"] = json!(["arn:aws:iam::123456789012:role/*"]));
    stage.all_ready().await;
    stage.close().await;
}

/// Nothing is looked at by itself for a day.
pub fn without_resync() -> Setup {
    Setup { resync: Duration::from_hours(24), ..Setup::new(1) }
}

/// Who stands on a server that is not ours has no rights there: a forged status gives no logins elsewhere.
pub async fn a_forged_server_gives_no_logins(stage: &Stage) {
    let theirs = text(&stage.console(Operation::CreateServer, json!({}))["ServerId"]);
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
    Setup {
        listing_lag: SignedDuration::from_mins(30),
        unchecked: vec![&BEYOND_THE_WINDOW],
        ..Setup::new(3).with(vec![lost])
    }
}

pub fn refusing_updates() -> Setup {
    let refused = Blow::Error("InvalidRequestException", "Unacceptable");
    let rule = Rule::on("UpdateServer", When::Until(Duration::from_mins(30)), Moment::Before, refused);
    Setup::new(4).with(vec![rule])
}

/// A process stands still for four minutes with a DeleteUser in hand: its signature still counts when it wakes up.
pub fn a_late_delete_of_a_user() -> Setup {
    let freeze =
        Rule::on("DeleteUser", When::Times { skip: 0, count: 1 }, Moment::Before, Blow::Freeze(Duration::from_mins(4)));
    Setup { replicas: 2, ..Setup::new(7).with(vec![freeze]) }
}

/// The other process deletes it, and a namesake has come in the meantime: it is hit, and made anew at the next look.
pub async fn a_user_made_anew_while_a_delete_is_frozen(stage: &Stage) {
    stage.apply(&server("files", &json!({})));
    let alice = stage.apply(&user("alice", &keys(&[KEY_A])));
    stage.all_ready().await;
    // A young one would be deleted only when no late create can come any more.
    stage.pause(Duration::from_mins(30)).await;
    let deleted = stage.world.began.elapsed();
    stage.delete(&alice);
    stage.gone(&alice).await;
    stage.apply(&user("alice", &keys(&[KEY_A])));
    stage.all_ready().await;
    let held = |stage: &Stage| {
        let name = json!({"ServerId": stage.server_id("files"), "UserName": "alice"});
        crate::satisfy::describe(&stage.world, Operation::DescribeUser, name, "User")
    };
    assert!(held(stage).is_some(), "the namesake was made before the late call");
    let made = |stage: &Stage| stage.world.oracle.lock().unwrap().made["user alice of team/files"];
    stage.until("the late call hits the namesake", |stage| made(stage).deletes == 2).await;
    assert!(stage.world.began.elapsed() < deleted + Duration::from_mins(5), "by nothing else");
    stage.pause(stage.world.setup.resync.mul_f64(1.3)).await;
    stage.all_ready().await;
    let uid = stage.get(&alice).map(|object| object["metadata"]["uid"].clone()).unwrap();
    let tags = crate::satisfy::tags(&held(stage).expect("it is made anew")["Tags"]);
    assert_eq!(tags.get("transfer-operator.dev/uid").map(String::as_str), uid.as_str());
    assert_eq!((made(stage).creates, made(stage).deletes), (3, 2));
    stage.close().await;
}

/// AWS keeps no tags on accesses: who may write status can have the operator delete one that is somebody else's.
pub async fn a_forged_record_of_an_access(stage: &Stage) {
    stage.apply(&lister("corp"));
    let (mine, theirs) = ("S-1-5-21-1-2-3-1001", "S-1-5-21-1-2-3-2002");
    let model = stage.apply(&access("model", &json!({"externalId": mine})));
    stage.all_ready().await;
    let id = stage.server_id("corp");
    let foreign = json!({"ServerId": id, "ExternalId": theirs, "Role": ROLE});
    stage.console(Operation::CreateAccess, foreign.clone());
    let forged = stage.apply(&access("forged", &json!({"externalId": theirs})));
    stage.reason(&forged, "Conflict").await;
    let held = |stage: &Stage| {
        let name = json!({"ServerId": id, "ExternalId": theirs});
        crate::satisfy::describe(&stage.world, Operation::DescribeAccess, name, "Access").is_some()
    };
    let before = mutations(stage);
    let uid = |key| text(&stage.get(key).unwrap()["metadata"]["uid"]);
    let record = stage.get(&model).unwrap()["status"].to_string();
    let record = record.replace(mine, theirs).replace(&uid(&model), &uid(&forged));
    stage.write_status(&forged, |status| *status = serde_json::from_str(&record).unwrap());
    stage.pause(Duration::from_mins(15)).await;
    assert_eq!(mutations(stage), before + 1, "it is changed as if it were ours");
    stage.delete(&forged);
    stage.gone(&forged).await;
    assert!(!held(stage), "the access of somebody else is deleted");
    assert_eq!(mutations(stage), before + 2, "and nothing else is changed");
}

/// The id of another object's server is no proof: it is put right by the tags, and the other server is not touched.
pub async fn a_server_id_of_another_object(stage: &Stage) {
    let one = stage.apply(&server("one", &json!({})));
    stage.apply(&server("two", &json!({"preAuthenticationLoginBanner": "two"})));
    stage.all_ready().await;
    let (first, second) = (stage.server_id("one"), stage.server_id("two"));
    let held = |stage: &Stage, id: &str| {
        crate::satisfy::describe(&stage.world, Operation::DescribeServer, json!({"ServerId": id}), "Server")
    };
    let (before, described) = (mutations(stage), held(stage, &second));
    stage.write_status(&one, |status| status["serverId"] = json!(second));
    stage.edit(&one, |spec| spec["preAuthenticationLoginBanner"] = json!("one"));
    stage.pause(Duration::from_hours(2)).await;
    stage.all_ready().await;
    assert_eq!(stage.get(&one).unwrap()["status"]["serverId"], json!(first), "the tags are believed");
    assert_eq!(held(stage, &first).unwrap()["PreAuthenticationLoginBanner"], "one");
    assert_eq!(mutations(stage), before + 1, "one update of its own server");
    // The same forgery as it is deleted.
    stage.edit(&one, |spec| spec["lifecycle"] = json!({"deletionProtection": false}));
    stage.write_status(&one, |status| status["serverId"] = json!(second));
    stage.delete(&one);
    stage.gone(&one).await;
    assert_eq!(held(stage, &second), described, "the other object's server is as it was");
    assert_eq!(servers(stage), [second], "and only its own is deleted");
    stage.close().await;
}
