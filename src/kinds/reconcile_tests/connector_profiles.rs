//! Connectors and the profiles that they name: what is waited for, what is sent, and who goes first.

use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{Lose, Rig};
use crate::api::condition::reasons;
use crate::aws::AwsErrorKind;
use crate::engine::owner::Owner;
use crate::kinds::fakes::{ACCOUNT, CLUSTER, REGION};
use crate::sim::config::Leniency;
use crate::sim::operation::Operation;

const KIND: &str = "TransferConnector";
const PROFILE: &str = "TransferProfile";
const LONG: Duration = Duration::from_mins(30);

/// A connector between the profiles of these names.
fn between(local: &str, partner: &str) -> Value {
    json!({"sftpConfig": null, "url": "https://as2.example.com", "as2Config": {
        "localProfileRef": {"name": local}, "partnerProfileRef": {"name": partner}, "compression": "DISABLED",
        "encryptionAlgorithm": "NONE", "signingAlgorithm": "SHA256", "mdnResponse": "SYNC"}})
}

fn profile(rig: &Rig, name: &str, side: &str) {
    rig.put(PROFILE, name, json!({"region": REGION, "as2Id": name, "profileType": side}));
}

fn says(rig: &Rig, condition: &str) -> (String, String) {
    rig.says(KIND, "acme", condition).unwrap_or_default()
}

fn verdict(truth: &str, reason: &str) -> (String, String) {
    (truth.to_owned(), reason.to_owned())
}

fn profile_id(rig: &Rig, name: &str) -> Value {
    rig.status(PROFILE, name)["profileId"].clone()
}

/// Our own and the partner's profile, as AWS has them in the connector.
fn held(rig: &Rig) -> [Value; 2] {
    let input = json!({"ConnectorId": rig.status(KIND, "acme")["connectorId"]});
    let now = rig.cloud.now();
    let answer = rig.cloud.sim().out_of_band(Operation::DescribeConnector, ACCOUNT, REGION, input, now).unwrap();
    let config = &answer["Connector"]["As2Config"];
    [config["LocalProfileId"].clone(), config["PartnerProfileId"].clone()]
}

/// Profiles `us`, `them` and `others`, and the connector between the first two, Ready.
async fn exchanging() -> Rig {
    let rig = Rig::new();
    for (name, side) in [("us", "LOCAL"), ("them", "PARTNER"), ("others", "PARTNER")] {
        profile(&rig, name, side);
        rig.run(PROFILE, name, LONG).await;
    }
    rig.connector("acme", between("us", "them"));
    rig.run(KIND, "acme", LONG).await;
    assert_eq!(says(&rig, "Ready").0, "True", "{}", rig.message(KIND, "acme"));
    rig.cloud.calls();
    rig
}

#[tokio::test(start_paused = true)]
async fn a_connector_waits_for_its_profiles_and_is_made_between_them() {
    let rig = Rig::new();
    rig.connector("acme", between("us", "them"));
    rig.run(KIND, "acme", LONG).await;
    assert_eq!(says(&rig, "Ready"), verdict("False", reasons::DEPENDENCY_NOT_READY));
    let message = rig.message(KIND, "acme");
    assert!(message.contains("spec.as2Config.localProfileRef") && message.contains("team/us"), "{message}");
    for (name, side) in [("us", "LOCAL"), ("them", "PARTNER")] {
        profile(&rig, name, side);
        rig.run(PROFILE, name, LONG).await;
    }
    assert_eq!(rig.cloud.calls(), ["CreateProfile", "CreateProfile"], "nothing was made before them");
    rig.run(KIND, "acme", LONG).await;
    assert_eq!(says(&rig, "Ready").0, "True", "{}", rig.message(KIND, "acme"));
    let ids = ["us", "them"].map(|name| profile_id(&rig, name));
    assert_eq!(held(&rig), ids);
    let shown = rig.status(KIND, "acme")["profileIds"].clone();
    assert!(ids.iter().all(|id| shown.as_array().unwrap().contains(id)), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn a_profile_is_not_deleted_before_the_connector_that_names_it() {
    for leniency in [Leniency::Refuse, Leniency::Accept] {
        let rig = exchanging().await;
        rig.cloud.sim().config.delete_used_profile = leniency;
        rig.delete(PROFILE, "us");
        rig.run(PROFILE, "us", LONG).await;
        assert_eq!(rig.says(PROFILE, "us", "Ready").unwrap().1, reasons::DELETION_BLOCKED);
        assert!(rig.message(PROFILE, "us").contains("TransferConnector team/acme"), "{}", rig.message(PROFILE, "us"));
        rig.delete(KIND, "acme");
        rig.run(KIND, "acme", LONG).await;
        rig.run(PROFILE, "us", LONG).await;
        assert_eq!((rig.get(KIND, "acme"), rig.get(PROFILE, "us")), (None, None));
        assert_eq!(rig.cloud.calls(), ["DeleteConnector", "DeleteProfile"], "{leniency:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_profile_stays_until_aws_has_another_in_its_place() {
    let rig = exchanging().await;
    rig.cloud.sim().config.delete_used_profile = Leniency::Accept;
    let was = profile_id(&rig, "them");
    rig.edit(KIND, "acme", |object| object["spec"]["as2Config"]["partnerProfileRef"] = json!({"name": "later"}));
    rig.run(KIND, "acme", LONG).await;
    assert_eq!(says(&rig, "Ready"), verdict("False", reasons::DEPENDENCY_NOT_READY));
    rig.delete(PROFILE, "them");
    rig.run(PROFILE, "them", LONG).await;
    assert_eq!((rig.cloud.calls(), &held(&rig)[1]), (Vec::<String>::new(), &was), "AWS sends to it still");
    rig.edit(KIND, "acme", |object| object["spec"]["as2Config"]["partnerProfileRef"] = json!({"name": "others"}));
    rig.run(KIND, "acme", LONG).await;
    assert_eq!(held(&rig)[1], profile_id(&rig, "others"));
    rig.run(PROFILE, "them", LONG).await;
    assert_eq!(rig.cloud.calls(), ["UpdateConnector", "DeleteProfile"]);
}

#[tokio::test(start_paused = true)]
async fn a_profile_stays_while_a_lost_call_may_yet_bring_it_into_force() {
    let rig = exchanging().await;
    rig.cloud.sim().config.delete_used_profile = Leniency::Accept;
    rig.cloud.lose.lock().unwrap().insert("UpdateConnector", vec![Lose::Call(AwsErrorKind::Lost); 50]);
    let to = |name: &str| {
        rig.edit(KIND, "acme", |object| object["spec"]["as2Config"]["partnerProfileRef"] = json!({"name": name}));
    };
    to("others");
    rig.reconcile(KIND, "acme").await;
    rig.reconcile(KIND, "acme").await;
    to("them");
    rig.run(KIND, "acme", Duration::from_mins(1)).await;
    assert_eq!(says(&rig, "Ready").0, "True", "AWS shows what is wanted again: {}", rig.message(KIND, "acme"));
    rig.delete(PROFILE, "others");
    rig.run(PROFILE, "others", Duration::from_mins(10)).await;
    assert_eq!(rig.says(PROFILE, "others", "Ready").unwrap().1, reasons::DELETION_BLOCKED);
    assert!(!rig.cloud.calls().contains(&"DeleteProfile".to_owned()), "the update may arrive yet");
    rig.run(KIND, "acme", LONG).await;
    rig.run(PROFILE, "others", LONG).await;
    assert_eq!((rig.get(PROFILE, "others"), rig.cloud.calls()), (None, vec!["DeleteProfile".to_owned()]));
}

/// The profile that AWS has in it may be another one than those that the spec names.
#[tokio::test(start_paused = true)]
async fn a_profile_stays_while_nobody_knows_what_a_connector_names_in_aws() {
    let rig = exchanging().await;
    rig.cloud.sim().config.delete_used_profile = Leniency::Accept;
    let id = rig.status(KIND, "acme")["connectorId"].clone();
    for status in [Value::Null, json!({"connectorId": id})] {
        Rig::write_status(&rig.objects, KIND, "acme", |now| *now = status.clone());
        rig.edit(KIND, "acme", |object| object["spec"]["as2Config"]["partnerProfileRef"] = json!({"name": "others"}));
        rig.delete(PROFILE, "them");
        rig.run(PROFILE, "them", LONG).await;
        let message = rig.message(PROFILE, "them");
        assert_eq!(rig.says(PROFILE, "them", "Ready").unwrap().1, reasons::DELETION_BLOCKED, "{status} {message}");
    }
    rig.run(KIND, "acme", LONG).await;
    rig.run(PROFILE, "them", LONG).await;
    assert!(rig.get(PROFILE, "them").is_none(), "{}", rig.message(PROFILE, "them"));
    assert_eq!(rig.cloud.calls(), ["UpdateConnector", "DeleteProfile"]);
}

/// Of one that AWS has no more nothing names a profile.
#[tokio::test(start_paused = true)]
async fn a_connector_that_aws_has_no_more_holds_no_profile() {
    let rig = exchanging().await;
    let input = json!({"ConnectorId": rig.status(KIND, "acme")["connectorId"]});
    let now = rig.cloud.now();
    rig.cloud.sim().out_of_band(Operation::DeleteConnector, ACCOUNT, REGION, input, now).unwrap();
    rig.run(KIND, "acme", LONG).await;
    assert_eq!(says(&rig, "Ready"), verdict("False", reasons::SERVER_GONE));
    rig.edit(KIND, "acme", |object| object["spec"]["as2Config"]["partnerProfileRef"] = json!({"name": "others"}));
    rig.delete(PROFILE, "them");
    rig.run(PROFILE, "them", LONG).await;
    assert!(rig.get(PROFILE, "them").is_none(), "{}", rig.message(PROFILE, "them"));
}

#[tokio::test(start_paused = true)]
async fn a_profile_stays_while_a_lost_create_may_have_named_it() {
    let rig = Rig::new();
    for (name, side) in [("us", "LOCAL"), ("them", "PARTNER"), ("others", "PARTNER")] {
        profile(&rig, name, side);
        rig.run(PROFILE, name, LONG).await;
    }
    rig.cloud.sim().config.delete_used_profile = Leniency::Accept;
    rig.cloud.lose.lock().unwrap().insert("CreateConnector", vec![Lose::Call(AwsErrorKind::Lost)]);
    rig.connector("acme", between("us", "others"));
    while rig.status(KIND, "acme")["create"]["phase"] != "InFlight" {
        rig.reconcile(KIND, "acme").await;
    }
    rig.cloud.calls();
    rig.edit(KIND, "acme", |object| object["spec"]["as2Config"]["partnerProfileRef"] = json!({"name": "them"}));
    rig.reconcile(KIND, "acme").await;
    rig.delete(PROFILE, "others");
    rig.run(PROFILE, "others", Duration::from_mins(5)).await;
    assert_eq!(rig.says(PROFILE, "others", "Ready").unwrap().1, reasons::DELETION_BLOCKED);
    let message = rig.message(PROFILE, "others");
    assert!(message.contains("1 object must name another profile"), "by what it named, not by whose it is: {message}");
    for _ in 0..4 {
        rig.run(KIND, "acme", LONG).await;
    }
    assert_eq!(says(&rig, "Ready").0, "True", "{}", rig.message(KIND, "acme"));
    rig.run(PROFILE, "others", LONG).await;
    assert_eq!(rig.get(PROFILE, "others"), None);
}

#[tokio::test(start_paused = true)]
async fn who_may_not_name_a_profile_does_not_hold_its_deletion_up() {
    let rig = exchanging().await;
    rig.cloud.sim().config.delete_used_profile = Leniency::Accept;
    let mut object = rig.get(KIND, "acme").unwrap();
    (object["metadata"]["namespace"], object["metadata"]["uid"]) = (json!("guests"), json!("uid-guest"));
    for side in ["localProfileRef", "partnerProfileRef"] {
        object["spec"]["as2Config"][side]["namespace"] = json!("team");
    }
    // As where AWS shows the profile in it, and then as one that was never let in has it.
    let used = object["status"].take();
    rig.delete(KIND, "acme");
    rig.run(KIND, "acme", LONG).await;
    rig.delete(PROFILE, "them");
    for (status, gone) in [(used.clone(), false), (json!({"observedGeneration": 1}), true)] {
        object["status"] = status;
        rig.objects.put(object.clone());
        rig.run(PROFILE, "them", LONG).await;
        assert_eq!(rig.get(PROFILE, "them").is_none(), gone, "{}", rig.message(PROFILE, "them"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_profile_of_the_other_side_or_region_is_told_at_once() {
    let rig = exchanging().await;
    let rows =
        [("partnerProfileRef", "us", "profileType LOCAL"), ("localProfileRef", "abroad", "name one that lives there")];
    rig.put(PROFILE, "abroad", json!({"region": "us-east-1", "as2Id": "abroad", "profileType": "LOCAL"}));
    for (member, named, words) in rows {
        let before = rig.get(KIND, "acme").unwrap()["spec"]["as2Config"][member].clone();
        rig.edit(KIND, "acme", |object| object["spec"]["as2Config"][member] = json!({"name": named}));
        rig.run(KIND, "acme", LONG).await;
        assert_eq!(says(&rig, "Stalled"), verdict("True", reasons::INVALID_SPEC));
        let message = rig.message(KIND, "acme");
        assert!(message.contains(member) && message.contains(words), "{message}");
        rig.edit(KIND, "acme", |object| object["spec"]["as2Config"][member] = before);
    }
    assert_eq!(rig.cloud.calls(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn the_id_in_a_status_counts_only_with_the_tags_of_its_object() {
    let rig = exchanging().await;
    let theirs = "p-0000000000000ba0c";
    rig.cloud.put_profile(theirs, &Owner::new(CLUSTER, "bank", "partner", "uid-partner").tags("attempt"));
    let forged = (PROFILE.to_owned(), super::rig::name("forged"));
    profile(&rig, "forged", "PARTNER");
    rig.objects.change(&forged, None, |object| object["status"] = json!({"profileId": theirs})).unwrap();
    rig.edit(KIND, "acme", |object| object["spec"]["as2Config"]["partnerProfileRef"] = json!({"name": "forged"}));
    rig.run(KIND, "acme", LONG).await;
    assert_eq!(says(&rig, "Ready"), verdict("False", reasons::DEPENDENCY_NOT_READY));
    assert_eq!(rig.cloud.calls(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn connectors_look_at_a_profile_once_whose_object_was_seen() {
    let rig = exchanging().await;
    let looks = || rig.cloud.asked().into_iter().filter(|call| call.starts_with("DescribeProfile")).count();
    rig.cloud.reads_since();
    for _ in 0..5 {
        rig.reconcile(KIND, "acme").await;
    }
    assert_eq!(looks(), 0, "its own object's reconcile saw its tags");
    rig.edit(KIND, "acme", |object| object["spec"]["tags"] = json!({"a": "1"}));
    rig.run(KIND, "acme", LONG).await;
    assert_eq!(says(&rig, "Ready").0, "True", "{}", rig.message(KIND, "acme"));
}

#[tokio::test(start_paused = true)]
async fn a_profile_that_is_not_there_is_no_news_of_the_connector() {
    let rig = exchanging().await;
    rig.edit(KIND, "acme", |object| {
        let config = &mut object["spec"]["as2Config"];
        config["partnerProfileRef"] = Value::Null;
        config["partnerProfileId"] = json!("p-00000000000000bad");
    });
    rig.run(KIND, "acme", LONG).await;
    assert_eq!(says(&rig, "Stalled"), verdict("True", reasons::REJECTED), "{}", rig.message(KIND, "acme"));
    assert!(rig.status(KIND, "acme")["connectorId"].is_string(), "it is there still");
}
