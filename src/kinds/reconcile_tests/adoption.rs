//! Taking over what exists: nothing but the owner tags until it is ours, and nobody else's ever.

use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{FIRST, LAG, Lose, OLD, ROLE, Rig};
use crate::api;
use crate::aws::AwsErrorKind;
use crate::aws::transfer::{Access, LoginSettings, Tags, User};
use crate::engine::owner::Owner;
use crate::kinds::fakes::{ACCOUNT, CLUSTER, REGION};

const SERVER: &str = "TransferServer";
const USER: &str = "TransferUser";
const ACCESS: &str = "TransferAccess";
const BANNER: &str = "preAuthenticationLoginBanner";

fn adopt(mode: &str) -> Value {
    json!({"deletionPolicy": "Retain", "deletionProtection": false, "adoption": {"serverId": OLD, "mode": mode}})
}

/// An installation with a server `s-old` that nobody owns.
fn legacy(banner: &str) -> Rig {
    let rig = Rig::new();
    rig.cloud.put_server(OLD, Tags::new(), |server| {
        server.settings.pre_authentication_login_banner = Some(banner.to_owned());
        server.settings.post_authentication_login_banner = Some("kept".to_owned());
    });
    rig
}

fn stalled(rig: &Rig, kind: &str, object: &str) -> String {
    rig.says(kind, object, "Stalled").map(|(_, reason)| reason).unwrap_or_default()
}

fn tags(rig: &Rig) -> Tags {
    rig.cloud.servers()[OLD].tags.clone()
}

#[tokio::test(start_paused = true)]
async fn what_is_identical_gets_the_owner_tags_and_nothing_else() {
    let rig = legacy("x");
    rig.server("legacy", json!({BANNER: "x", "lifecycle": adopt("IfIdentical")}));
    rig.settle(SERVER, "legacy").await;
    assert_eq!(rig.cloud.calls(), ["TagResource"], "and no member that the spec does not set is flattened");
    assert_eq!(rig.status(SERVER, "legacy")["serverId"], OLD);
    assert_eq!(rig.says(SERVER, "legacy", "Ready").unwrap().0, "True");
    assert_eq!(tags(&rig)[api::TAG_UID], "uid-legacy");
}

#[tokio::test(start_paused = true)]
async fn what_differs_is_shown_and_not_touched() {
    let rig = legacy("theirs");
    rig.server("legacy", json!({BANNER: "ours", "lifecycle": adopt("IfIdentical")}));
    rig.settle(SERVER, "legacy").await;
    assert_eq!(stalled(&rig, SERVER, "legacy"), "NotIdentical");
    let row = json!({"path": format!("spec.{BANNER}"), "want": "ours", "have": "theirs"});
    assert_eq!(rig.status(SERVER, "legacy")["drift"], json!([row]));
    let object = rig.get(SERVER, "legacy").unwrap();
    assert_eq!((&object["metadata"]["finalizers"], &object["status"]["create"]), (&Value::Null, &Value::Null));
    assert!(rig.cloud.calls().is_empty() && tags(&rig).is_empty());

    rig.edit(SERVER, "legacy", |object| object["spec"]["lifecycle"] = adopt("Converge"));
    rig.settle(SERVER, "legacy").await;
    assert_eq!(rig.cloud.calls(), ["TagResource", "UpdateServer"], "first ours, then changed");
    assert_eq!(rig.says(SERVER, "legacy", "Ready").unwrap().0, "True");
    assert_eq!(rig.says(SERVER, "legacy", "Drifted"), None);
}

/// AWS Transfer Family never shows them, EC2 does.
#[tokio::test(start_paused = true)]
async fn security_groups_that_differ_are_a_difference_of_what_is_taken_over() {
    let (ours, theirs) = ("sg-0123456789abcdef0", "sg-0fedcba9876543210");
    let rig = Rig::new();
    let details = json!({"vpcId": "vpc-1", "subnetIds": ["subnet-1"], "vpcEndpointId": "vpce-0123456789abcdef0",
        "securityGroupIds": [theirs]});
    rig.cloud.put_server(OLD, Tags::new(), |server| {
        server.settings.endpoint_type = Some("VPC".to_owned());
        server.settings.endpoint_details = Some(serde_json::from_value(details).unwrap());
    });
    let spec = |mode: &str, groups: &[&str]| {
        let details = json!({"vpcId": "vpc-1", "subnetIds": ["subnet-1"], "securityGroupIds": groups});
        json!({"endpointType": "VPC", "endpointDetails": details, "lifecycle": adopt(mode)})
    };
    rig.server("legacy", spec("IfIdentical", &[ours]));
    rig.settle(SERVER, "legacy").await;
    assert_eq!(stalled(&rig, SERVER, "legacy"), "NotIdentical");
    let drift = rig.status(SERVER, "legacy")["drift"].clone();
    assert_eq!(drift[0]["path"], "spec.endpointDetails.securityGroupIds", "{drift}");
    assert!(drift[0]["have"].to_string().contains(theirs) && drift[0]["want"].to_string().contains(ours), "{drift}");
    assert!(rig.cloud.calls().is_empty() && tags(&rig).is_empty());

    let mut same = spec("IfIdentical", &[theirs]);
    same["region"] = json!(REGION);
    rig.edit(SERVER, "legacy", |object| object["spec"] = same);
    rig.settle(SERVER, "legacy").await;
    assert_eq!(rig.cloud.calls(), ["TagResource"], "what is alike is taken over without a change");
    rig.edit(SERVER, "legacy", |object| object["spec"]["endpointDetails"]["securityGroupIds"] = json!([ours]));
    rig.settle(SERVER, "legacy").await;
    assert_eq!(rig.cloud.calls(), ["ModifyVpcEndpoint", "ModifyVpcEndpoint"], "added, then removed");
}

/// What cannot be compared is not known to be the same; whoever wants it so all the same says Converge.
#[tokio::test(start_paused = true)]
async fn a_server_whose_groups_ec2_hides_is_not_taken_over_as_identical() {
    let group = "sg-0123456789abcdef0";
    let rig = Rig::new();
    let details = json!({"vpcId": "vpc-1", "subnetIds": ["subnet-1"], "securityGroupIds": [group]});
    rig.cloud.put_server(OLD, Tags::new(), |server| {
        let mut details = details.clone();
        details["vpcEndpointId"] = json!("vpce-0123456789abcdef0");
        server.settings.endpoint_type = Some("VPC".to_owned());
        server.settings.endpoint_details = Some(serde_json::from_value(details).unwrap());
    });
    rig.cloud.faults.lock().unwrap().insert("DescribeVpcEndpoints", AwsErrorKind::Denied);
    let spec = json!({"endpointType": "VPC", "endpointDetails": details, "lifecycle": adopt("IfIdentical")});
    rig.server("legacy", spec);
    rig.settle(SERVER, "legacy").await;
    assert_eq!(stalled(&rig, SERVER, "legacy"), "NotIdentical");
    let message = rig.message(SERVER, "legacy");
    assert!(message.contains("cannot be compared") && message.contains("ec2:DescribeVpcEndpoints"), "{message}");
    assert!(rig.cloud.calls().is_empty() && tags(&rig).is_empty());

    rig.edit(SERVER, "legacy", |object| object["spec"]["lifecycle"] = adopt("Converge"));
    rig.settle(SERVER, "legacy").await;
    assert_eq!(rig.cloud.calls(), ["TagResource"]);
    assert_eq!(rig.says(SERVER, "legacy", "Ready").unwrap(), ("False".to_owned(), "AccessDenied".to_owned()));
    rig.edit(SERVER, "legacy", |object| {
        object["spec"]["endpointDetails"].as_object_mut().unwrap().remove("securityGroupIds");
    });
    rig.settle(SERVER, "legacy").await;
    assert_eq!(rig.says(SERVER, "legacy", "Ready").unwrap().0, "True", "what was never sent needs no way back");
}

#[tokio::test(start_paused = true)]
async fn an_adoption_that_was_cut_goes_on_where_it_was() {
    let mut rig = legacy("x");
    rig.server("legacy", json!({"lifecycle": adopt("IfIdentical")}));
    while tags(&rig).is_empty() {
        rig.reconcile(SERVER, "legacy").await;
        rig.restart();
    }
    assert_eq!(rig.status(SERVER, "legacy")["serverId"], Value::Null, "cut between the tags and the id");
    rig.settle(SERVER, "legacy").await;
    assert_eq!(rig.status(SERVER, "legacy")["serverId"], OLD);
    assert_eq!(rig.cloud.calls(), ["TagResource"]);
}

#[tokio::test(start_paused = true)]
async fn what_belongs_to_another_object_or_cluster_is_refused() {
    let rig = legacy("x");
    for object in ["one", "two"] {
        rig.server(object, json!({"lifecycle": adopt("Converge")}));
        rig.settle(SERVER, object).await;
    }
    assert_eq!(rig.cloud.calls(), ["TagResource"]);
    assert_eq!(tags(&rig)[api::TAG_UID], "uid-one");
    assert_eq!(stalled(&rig, SERVER, "two"), "Conflict");

    let rig = legacy("x");
    let copy = Owner::new("another-cluster", "team", "legacy", "uid-legacy");
    rig.cloud.put_server(OLD, copy.lasting_tags(), |_| ());
    rig.server("legacy", json!({"lifecycle": adopt("Converge")}));
    rig.settle(SERVER, "legacy").await;
    assert_eq!(stalled(&rig, SERVER, "legacy"), "OtherCluster");
    assert!(rig.cloud.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_not_there_is_not_created_in_its_place() {
    let rig = Rig::new();
    rig.server("legacy", json!({"lifecycle": adopt("Converge")}));
    rig.run(SERVER, "legacy", LAG + LAG).await;
    assert_eq!(stalled(&rig, SERVER, "legacy"), "ServerGone");
    assert!(rig.cloud.calls().is_empty());
    assert_eq!(rig.get(SERVER, "legacy").unwrap()["metadata"]["finalizers"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn an_id_that_is_not_granted_is_not_even_looked_at() {
    let rig = legacy("x");
    rig.grant(&[]);
    rig.server("legacy", json!({"lifecycle": adopt("Converge")}));
    let before = rig.cloud.reads();
    rig.settle(SERVER, "legacy").await;
    assert_eq!(stalled(&rig, SERVER, "legacy"), "IdentityDenied");
    assert_eq!(rig.cloud.reads(), before);
}

#[tokio::test(start_paused = true)]
async fn what_was_retained_and_what_a_former_object_had_comes_back() {
    let rig = legacy("x");
    rig.server("legacy", json!({"lifecycle": adopt("IfIdentical")}));
    rig.settle(SERVER, "legacy").await;
    rig.delete(SERVER, "legacy");
    rig.settle(SERVER, "legacy").await;
    assert!(rig.get(SERVER, "legacy").is_none());
    rig.cloud.calls();
    rig.server("again", json!({"lifecycle": adopt("IfIdentical")}));
    rig.settle(SERVER, "again").await;
    assert_eq!(tags(&rig)[api::TAG_UID], "uid-again");
    assert!(!tags(&rig).contains_key(api::TAG_RETAINED_FROM), "no longer left behind");

    let rig = legacy("x");
    let former = Owner::new(CLUSTER, "team", "files", "uid-of-a-former-life");
    rig.cloud.put_server(OLD, former.tags("a"), |_| ());
    rig.server("files", json!({}));
    rig.run(SERVER, "files", LAG + LAG).await;
    assert_eq!(stalled(&rig, SERVER, "files"), "FormerOwner");
    rig.edit(SERVER, "files", |object| object["spec"]["lifecycle"] = adopt("IfIdentical"));
    rig.settle(SERVER, "files").await;
    assert_eq!((rig.cloud.calls(), stalled(&rig, SERVER, "files")), (vec!["TagResource".to_owned()], String::new()));
}

#[tokio::test(start_paused = true)]
async fn it_is_the_way_back_for_a_server_whose_tags_were_stripped() {
    let rig = legacy("x");
    rig.server("legacy", json!({"lifecycle": {"deletionProtection": false}}));
    rig.settle(SERVER, "legacy").await;
    rig.cloud.servers().get_mut(FIRST).unwrap().tags.clear();
    rig.run(SERVER, "legacy", LAG + LAG + LAG).await;
    assert_eq!(stalled(&rig, SERVER, "legacy"), "OwnershipLost");
    rig.cloud.calls();
    rig.grant(&[FIRST]);
    let mut lifecycle = adopt("IfIdentical");
    lifecycle["adoption"]["serverId"] = json!(FIRST);
    rig.edit(SERVER, "legacy", |object| object["spec"]["lifecycle"] = lifecycle);
    rig.settle(SERVER, "legacy").await;
    assert_eq!(rig.cloud.calls(), ["TagResource"]);
    assert_eq!(rig.says(SERVER, "legacy", "Ready").unwrap().0, "True");
}

/// A server of ours with this provider.
async fn hosted(provider: &str) -> Rig {
    let rig = Rig::new();
    rig.server("files", json!({"identityProviderType": provider}));
    rig.settle(SERVER, "files").await;
    rig.cloud.calls();
    rig
}

#[tokio::test(start_paused = true)]
async fn a_user_is_taken_over_by_its_name() {
    let rig = hosted("SERVICE_MANAGED").await;
    let settings = LoginSettings {
        role: Some(ROLE.to_owned()),
        home_directory: Some("/a".to_owned()),
        ..LoginSettings::default()
    };
    let arn = format!("arn:aws:transfer:{REGION}:{ACCOUNT}:user/s-00000000000000001/alice");
    let user = User { arn, user_name: "alice".to_owned(), settings, ..User::default() };
    rig.cloud.users().insert((FIRST.to_owned(), "alice".to_owned()), user);
    rig.user("alice", json!({"homeDirectory": "/b"}));
    rig.settle(USER, "alice").await;
    assert_eq!(stalled(&rig, USER, "alice"), "Conflict");
    rig.cloud.calls();
    let lifecycle = |mode: &str| json!({"deletionPolicy": "Delete", "adoption": {"mode": mode}});
    rig.edit(USER, "alice", |object| object["spec"]["lifecycle"] = lifecycle("IfIdentical"));
    rig.settle(USER, "alice").await;
    assert_eq!(stalled(&rig, USER, "alice"), "NotIdentical");
    assert_eq!(rig.status(USER, "alice")["drift"][0]["have"], "/a");
    assert!(rig.cloud.calls().is_empty());
    rig.edit(USER, "alice", |object| object["spec"]["lifecycle"] = lifecycle("Converge"));
    rig.settle(USER, "alice").await;
    assert_eq!(rig.cloud.calls(), ["TagResource", "UpdateUser"]);
    assert_eq!(rig.says(USER, "alice", "Ready").unwrap().0, "True");
    rig.user("bob", json!({"lifecycle": lifecycle("IfIdentical")}));
    rig.settle(USER, "bob").await;
    assert_eq!(rig.cloud.calls(), ["CreateUser"], "what does not exist is created");
}

#[tokio::test(start_paused = true)]
async fn an_access_is_taken_over_by_a_record_and_then_deleted_with_its_object() {
    let rig = hosted("AWS_DIRECTORY_SERVICE").await;
    let key = (FIRST.to_owned(), "S-1-5".to_owned());
    let settings = LoginSettings {
        role: Some(ROLE.to_owned()),
        home_directory: Some("/a".to_owned()),
        ..LoginSettings::default()
    };
    let access = Access { external_id: "S-1-5".to_owned(), settings };
    rig.cloud.accesses().insert(key, access);
    let lifecycle = |mode: &str| json!({"deletionPolicy": "Delete", "adoption": {"mode": mode}});
    rig.put(
        ACCESS,
        "finance",
        json!({"serverRef": {"name": "files"}, "role": ROLE, "externalId": "S-1-5",
        "homeDirectory": "/b", "lifecycle": lifecycle("IfIdentical")}),
    );
    rig.settle(ACCESS, "finance").await;
    assert_eq!(stalled(&rig, ACCESS, "finance"), "NotIdentical");
    rig.edit(ACCESS, "finance", |object| object["spec"]["lifecycle"] = lifecycle("Converge"));
    rig.settle(ACCESS, "finance").await;
    assert_eq!(rig.cloud.calls(), ["UpdateAccess"]);
    assert_eq!(rig.status(ACCESS, "finance")["create"]["attempt"], "adopted");
    rig.delete(ACCESS, "finance");
    rig.run(ACCESS, "finance", Duration::from_mins(20)).await;
    assert!(rig.cloud.accesses().is_empty() && rig.get(ACCESS, "finance").is_none());
}

#[tokio::test(start_paused = true)]
async fn naming_another_server_by_mistake_can_be_undone_and_creates_none() {
    for recreate in ["Manual", "Automatic"] {
        let rig = legacy("x");
        rig.grant(&[OLD, "s-bad00000000000000"]);
        let lifecycle = |id: &str| {
            json!({"deletionPolicy": "Retain", "deletionProtection": false, "recreatePolicy": recreate,
                "adoption": {"serverId": id, "mode": "IfIdentical"}})
        };
        rig.server("legacy", json!({BANNER: "x", "lifecycle": lifecycle(OLD)}));
        rig.settle(SERVER, "legacy").await;
        rig.cloud.calls();
        // Somebody takes the tags off; then the id is mistyped, and put right.
        rig.cloud.servers().get_mut(OLD).unwrap().tags.clear();
        rig.edit(SERVER, "legacy", |object| object["spec"]["lifecycle"] = lifecycle("s-bad00000000000000"));
        rig.run(SERVER, "legacy", Duration::from_mins(20)).await;
        assert_eq!(stalled(&rig, SERVER, "legacy"), "ServerGone", "{recreate}");
        assert_eq!(rig.status(SERVER, "legacy")["serverId"], Value::Null, "{recreate}: the first was let go");
        rig.edit(SERVER, "legacy", |object| object["spec"]["lifecycle"] = lifecycle(OLD));
        rig.run(SERVER, "legacy", Duration::from_mins(20)).await;
        assert_eq!(rig.cloud.calls(), ["TagResource"], "{recreate}: taken over, not created");
        assert_eq!(rig.says(SERVER, "legacy", "Ready").unwrap().0, "True", "{recreate}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_server_that_may_not_be_tagged_nothing_is_written_down() {
    let rig = legacy("x");
    for _ in 0..50 {
        rig.cloud.lose("TagResource", Lose::Call(AwsErrorKind::Denied));
    }
    rig.server("legacy", json!({BANNER: "x", "lifecycle": adopt("IfIdentical")}));
    rig.run(SERVER, "legacy", Duration::from_mins(20)).await;
    assert_eq!(stalled(&rig, SERVER, "legacy"), "AccessDenied");
    assert_eq!(rig.status(SERVER, "legacy")["serverId"], Value::Null, "it is not ours");
    rig.edit(SERVER, "legacy", |object| object["spec"]["suspend"] = json!(true));
    rig.settle(SERVER, "legacy").await;
    assert_eq!(rig.status(SERVER, "legacy")["serverId"], Value::Null, "suspended or not");
}
