//! Agreements: what becomes of one when its profiles come and go, its server is lost, or somebody else is in the way.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{FIRST, LOCAL_PROFILE, Lose, PARTNER_PROFILE, ROLE, Rig, agreement_spec, name};
use crate::api::FINALIZER;
use crate::api::condition::reasons;
use crate::aws::AwsErrorKind;
use crate::cluster::Name;
use crate::kinds::fakes::{ACCOUNT, NOW, REGION};
use crate::sim::config::{Leniency, WithAgreements};
use crate::sim::operation::Operation;
use crate::sim::state::Hidden;

const AGREEMENT: &str = "TransferAgreement";
const PROFILE: &str = "TransferProfile";
const SERVER: &str = "TransferServer";
const LONG: Duration = Duration::from_hours(1);

/// A server `files` and an agreement `orders` on it with this spec, Ready. What was called until then is forgotten.
async fn with_agreement(spec: Value) -> Rig {
    let rig = on_server(json!({})).await;
    rig.agreement("orders", spec);
    rig.settle(AGREEMENT, "orders").await;
    assert_eq!(rig.says(AGREEMENT, "orders", "Ready").unwrap().0, "True", "{}", rig.message(AGREEMENT, "orders"));
    assert_eq!(rig.cloud.calls(), ["CreateAgreement"]);
    rig
}

async fn on_server(spec: Value) -> Rig {
    let rig = Rig::new();
    rig.allow_agreements();
    rig.server("files", spec);
    rig.settle(SERVER, "files").await;
    rig.cloud.calls();
    rig
}

/// What somebody else does in AWS.
fn out_of_band(rig: &Rig, operation: Operation, input: Value) -> Value {
    rig.cloud.sim().out_of_band(operation, ACCOUNT, REGION, input, rig.cloud.now()).unwrap()
}

/// Server and id of the agreement.
fn which(rig: &Rig) -> Value {
    let status = rig.status(AGREEMENT, "orders");
    assert_eq!(status["resourceId"], format!("{}/{}", text(&status["serverId"]), text(&status["agreementId"])));
    json!({"ServerId": status["serverId"], "AgreementId": status["agreementId"]})
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// The agreement as AWS has it.
fn held(rig: &Rig) -> Value {
    out_of_band(rig, Operation::DescribeAgreement, which(rig))["Agreement"].clone()
}

/// All agreements that AWS has.
fn all(rig: &Rig) -> Vec<String> {
    let mut sim = rig.cloud.sim();
    sim.world.region(ACCOUNT, REGION).agreements.living().map(|(id, _)| id.clone()).collect()
}

fn says(rig: &Rig, object: &str) -> (String, String) {
    rig.says(AGREEMENT, object, "Ready").unwrap()
}

fn ready() -> (String, String) {
    ("True".to_owned(), reasons::AVAILABLE.to_owned())
}

fn edit(rig: &Rig, change: impl FnOnce(&mut Value)) {
    rig.edit(AGREEMENT, "orders", |object| change(&mut object["spec"]));
}

fn grant(rig: &Rig, member: &str, value: Value) {
    let key = ("AwsIdentity".to_owned(), Name { namespace: String::new(), name: "default".to_owned() });
    rig.objects.change(&key, None, |identity| identity["spec"]["grants"][0][member] = value).unwrap();
}

async fn profile(rig: &Rig, name: &str, side: &str) {
    rig.put(PROFILE, name, json!({"region": REGION, "as2Id": name, "profileType": side}));
    rig.settle(PROFILE, name).await;
    rig.cloud.calls();
}

fn by_objects() -> Value {
    json!({"localProfileId": null, "partnerProfileId": null, "localProfileRef": {"name": "us"},
        "partnerProfileRef": {"name": "partner"}})
}

#[tokio::test(start_paused = true)]
async fn every_member_follows_the_spec_and_what_others_did_is_put_right() {
    let rig = with_agreement(json!({"description": "orders", "preserveFilename": "ENABLED"})).await;
    let custom = json!({"failedFilesDirectory": "/b/failed", "mdnFilesDirectory": "/b/mdn",
        "payloadFilesDirectory": "/b/in", "statusFilesDirectory": "/b/status", "temporaryFilesDirectory": "/b/tmp"});
    edit(&rig, |spec| {
        spec["baseDirectory"] = Value::Null;
        spec["customDirectories"] = custom;
        spec["status"] = json!("INACTIVE");
        spec["enforceMessageSigning"] = json!("ENABLED");
        spec["preserveFilename"] = Value::Null;
        spec["tags"] = json!({"a": "1"});
    });
    rig.settle(AGREEMENT, "orders").await;
    assert_eq!(rig.cloud.calls(), ["UpdateAgreement", "TagResource"]);
    let there = held(&rig);
    assert_eq!(
        (&there["BaseDirectory"], &there["CustomDirectories"]["MdnFilesDirectory"]),
        (&json!(null), &json!("/b/mdn"))
    );
    let shown =
        ["Status", "EnforceMessageSigning", "PreserveFilename", "Description"].map(|member| text(&there[member]));
    assert_eq!(shown, ["INACTIVE", "ENABLED", "DISABLED", "orders"]);
    let status = rig.status(AGREEMENT, "orders");
    assert_eq!((&status["state"], &status["localProfileId"]), (&json!("INACTIVE"), &json!(LOCAL_PROFILE)));

    let mut drift = which(&rig);
    drift["BaseDirectory"] = json!("/b/theirs");
    out_of_band(&rig, Operation::UpdateAgreement, drift);
    rig.run(AGREEMENT, "orders", LONG).await;
    assert_eq!((rig.cloud.calls(), &held(&rig)["BaseDirectory"]), (vec!["UpdateAgreement".to_owned()], &json!(null)));
    assert_eq!(says(&rig, "orders"), ready());
}

#[tokio::test(start_paused = true)]
async fn a_description_that_leaves_the_spec_is_told_to_stay() {
    let rig = with_agreement(json!({"description": "orders"})).await;
    edit(&rig, |spec| {
        spec["description"] = Value::Null;
        spec["status"] = json!("INACTIVE");
    });
    rig.run(AGREEMENT, "orders", LONG).await;
    let message = rig.message(AGREEMENT, "orders");
    assert_eq!(rig.says(AGREEMENT, "orders", "Stalled").unwrap().1, reasons::CANNOT_CLEAR, "{message}");
    assert!(message.contains("spec.description"), "{message}");
    assert_eq!((rig.cloud.calls(), &held(&rig)["Status"]), (vec!["UpdateAgreement".to_owned()], &json!("INACTIVE")));
}

#[tokio::test(start_paused = true)]
async fn it_waits_for_its_profiles_and_follows_the_one_that_is_named() {
    let rig = on_server(json!({})).await;
    profile(&rig, "us", "LOCAL").await;
    rig.agreement("orders", by_objects());
    rig.settle(AGREEMENT, "orders").await;
    let message = rig.message(AGREEMENT, "orders");
    assert_eq!(says(&rig, "orders").1, reasons::DEPENDENCY_NOT_READY, "{message}");
    assert!(message.contains("spec.partnerProfileRef: TransferProfile team/partner does not exist"), "{message}");
    assert_eq!(rig.cloud.calls(), Vec::<String>::new());
    profile(&rig, "partner", "PARTNER").await;
    rig.run(AGREEMENT, "orders", LONG).await;
    assert_eq!((says(&rig, "orders"), rig.cloud.calls()), (ready(), vec!["CreateAgreement".to_owned()]));
    profile(&rig, "other", "PARTNER").await;
    edit(&rig, |spec| spec["partnerProfileRef"] = json!({"name": "other"}));
    rig.settle(AGREEMENT, "orders").await;
    assert_eq!(held(&rig)["PartnerProfileId"], rig.status(PROFILE, "other")["profileId"]);
    // Named for the wrong side it is told, and nothing is sent.
    rig.cloud.calls();
    edit(&rig, |spec| spec["partnerProfileRef"] = json!({"name": "us"}));
    rig.run(AGREEMENT, "orders", LONG).await;
    let message = rig.message(AGREEMENT, "orders");
    assert!(message.contains("spec.partnerProfileRef") && message.contains("LOCAL"), "{message}");
    assert_eq!(rig.cloud.calls(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_finalizer_that_somebody_took_off_lets_no_profile_go() {
    let rig = on_server(json!({})).await;
    rig.cloud.sim().config.delete_used_profile = Leniency::Accept;
    profile(&rig, "us", "LOCAL").await;
    profile(&rig, "partner", "PARTNER").await;
    rig.agreement("orders", by_objects());
    rig.settle(AGREEMENT, "orders").await;
    rig.cloud.calls();
    let key = (AGREEMENT.to_owned(), name("orders"));
    rig.objects.change(&key, None, |object| object["metadata"]["finalizers"] = json!([])).unwrap();
    rig.delete(PROFILE, "partner");
    rig.run(PROFILE, "partner", LONG).await;
    assert_eq!(rig.says(PROFILE, "partner", "Ready").unwrap().1, reasons::DELETION_BLOCKED);
    assert_eq!(rig.cloud.calls(), Vec::<String>::new());
}

/// Whatever AWS does with a profile in use and with a server that has agreements: who refers goes first.
#[tokio::test(start_paused = true)]
async fn deleted_together_it_goes_before_its_profiles_and_its_server() {
    let switches = [
        (Leniency::Refuse, WithAgreements::Refuse),
        (Leniency::Accept, WithAgreements::Cascade),
        (Leniency::Accept, WithAgreements::Orphan),
    ];
    for (profiles, servers) in switches {
        let rig = on_server(json!({})).await;
        rig.cloud.sim().config.delete_used_profile = profiles;
        rig.cloud.sim().config.delete_server_with_agreements = servers;
        profile(&rig, "us", "LOCAL").await;
        profile(&rig, "partner", "PARTNER").await;
        rig.agreement("orders", by_objects());
        rig.settle(AGREEMENT, "orders").await;
        rig.cloud.calls();
        let objects = [(SERVER, "files"), (PROFILE, "us"), (PROFILE, "partner"), (AGREEMENT, "orders")];
        for (kind, name) in objects {
            rig.delete(kind, name);
        }
        for (kind, name) in &objects[..3] {
            rig.run(kind, name, LONG).await;
            let message = rig.message(kind, name);
            assert_eq!(rig.says(kind, name, "Ready").unwrap().1, reasons::DELETION_BLOCKED, "{message}");
            assert!(message.contains("TransferAgreement team/orders"), "{message}");
        }
        for (kind, name) in objects.iter().rev() {
            rig.run(kind, name, LONG).await;
            assert!(rig.get(kind, name).is_none(), "{}", rig.message(kind, name));
        }
        assert_eq!(rig.cloud.calls(), ["DeleteAgreement", "DeleteProfile", "DeleteProfile", "DeleteServer"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_whose_answer_is_lost_is_found_by_its_tags_and_made_once() {
    let rig = on_server(json!({})).await;
    rig.cloud.lose("CreateAgreement", Lose::Answer);
    rig.agreement("orders", json!({}));
    rig.run(AGREEMENT, "orders", LONG).await;
    assert_eq!((says(&rig, "orders"), all(&rig).len()), (ready(), 1), "{}", rig.message(AGREEMENT, "orders"));
}

/// AWS refuses a second one between the same partners: it is the first one, of which nobody knew.
#[tokio::test(start_paused = true)]
async fn ones_own_of_which_aws_refuses_a_second_one_is_recorded_once_seen() {
    let rig = on_server(json!({})).await;
    rig.cloud.lose("CreateAgreement", Lose::Answer);
    let (cloud, day) = (Arc::clone(&rig.cloud), rig.cloud.now() + 24 * LONG);
    let hide = move || {
        let mut sim = cloud.sim();
        let region = sim.world.region(ACCOUNT, REGION);
        let made = region.agreements.living().next().unwrap().0.clone();
        region.hidden.push(Hidden { id: made, member: None, until: day });
    };
    rig.cloud.between.lock().unwrap().insert("CreateAgreement", Box::new(hide));
    rig.agreement("orders", json!({}));
    rig.run(AGREEMENT, "orders", LONG).await;
    let message = rig.message(AGREEMENT, "orders");
    assert_eq!(rig.says(AGREEMENT, "orders", "Stalled").unwrap().1, reasons::CONFLICT, "{message}");
    let made = all(&rig);
    rig.cloud.list_all();
    rig.run(AGREEMENT, "orders", LONG).await;
    assert_eq!(says(&rig, "orders"), ready(), "{}", rig.message(AGREEMENT, "orders"));
    assert_eq!((all(&rig), made), (vec![text(&which(&rig)["AgreementId"]).to_owned()], all(&rig)));
    rig.delete(AGREEMENT, "orders");
    rig.run(AGREEMENT, "orders", LONG).await;
    assert_eq!((rig.get(AGREEMENT, "orders"), all(&rig).len()), (None, 0));
}

#[tokio::test(start_paused = true)]
async fn one_of_the_same_partners_that_is_somebody_elses_is_a_conflict() {
    let rig = with_agreement(json!({})).await;
    rig.agreement("twice", json!({}));
    rig.run(AGREEMENT, "twice", LONG).await;
    let message = rig.message(AGREEMENT, "twice");
    assert_eq!(rig.says(AGREEMENT, "twice", "Stalled").unwrap().1, reasons::CONFLICT, "{message}");
    assert_eq!((all(&rig).len(), says(&rig, "orders")), (1, ready()));
    // Once the other one is gone it is made.
    rig.delete(AGREEMENT, "orders");
    rig.run(AGREEMENT, "orders", LONG).await;
    rig.run(AGREEMENT, "twice", LONG).await;
    assert_eq!((all(&rig).len(), says(&rig, "twice")), (1, ready()), "{}", rig.message(AGREEMENT, "twice"));
}

#[tokio::test(start_paused = true)]
async fn it_stays_on_its_server_whatever_the_spec_leads_to() {
    let rig = with_agreement(json!({})).await;
    rig.server("other", json!({}));
    rig.settle(SERVER, "other").await;
    rig.cloud.calls();
    for wiped in [false, true] {
        if wiped {
            Rig::write_status(&rig.objects, AGREEMENT, "orders", |status| *status = Value::Null);
        }
        edit(&rig, |spec| {
            spec["serverRef"] = json!({"name": "other"});
            spec["baseDirectory"] = json!("/b/other");
        });
        rig.run(AGREEMENT, "orders", LONG).await;
        let message = rig.message(AGREEMENT, "orders");
        assert_eq!(rig.says(AGREEMENT, "orders", "Stalled").unwrap().1, reasons::SERVER_CHANGED, "{message}");
        assert!(message.contains(FIRST), "{message}");
        assert_eq!(
            (rig.cloud.calls(), all(&rig).len()),
            (Vec::new(), 1),
            "a status that was wiped changes nothing of it"
        );
    }
    rig.delete(AGREEMENT, "orders");
    rig.run(AGREEMENT, "orders", LONG).await;
    assert!(rig.get(AGREEMENT, "orders").is_none() && all(&rig).is_empty());
}

#[tokio::test(start_paused = true)]
async fn without_a_grant_of_its_role_nothing_more_is_opened_and_it_can_be_shut() {
    let rig = with_agreement(json!({})).await;
    grant(&rig, "roleArns", json!([]));
    edit(&rig, |spec| {
        spec["baseDirectory"] = json!("/b/elsewhere");
        spec["description"] = json!("shut");
        spec["status"] = json!("INACTIVE");
    });
    rig.run(AGREEMENT, "orders", LONG).await;
    let message = rig.message(AGREEMENT, "orders");
    assert_eq!(rig.says(AGREEMENT, "orders", "Stalled").unwrap().1, reasons::ROLE_NOT_GRANTED, "{message}");
    let there = held(&rig);
    assert_eq!((text(&there["Status"]), text(&there["BaseDirectory"])), ("INACTIVE", "/b/in"));
    edit(&rig, |spec| spec["status"] = json!("ACTIVE"));
    rig.run(AGREEMENT, "orders", LONG).await;
    assert_eq!(held(&rig)["Status"], "INACTIVE");
    grant(&rig, "roleArns", json!([ROLE]));
    rig.run(AGREEMENT, "orders", LONG).await;
    let there = held(&rig);
    assert_eq!((text(&there["Status"]), text(&there["BaseDirectory"])), ("ACTIVE", "/b/elsewhere"));
    assert_eq!(says(&rig, "orders"), ready());
}

#[tokio::test(start_paused = true)]
async fn what_shuts_it_goes_also_where_aws_refuses_the_rest_of_the_edit() {
    let rig = with_agreement(json!({})).await;
    rig.cloud
        .refuse("InvalidRequestException", "no such directory", |call| call.plain().to_string().contains("/b/refused"));
    edit(&rig, |spec| {
        spec["baseDirectory"] = json!("/b/refused");
        spec["status"] = json!("INACTIVE");
    });
    rig.run(AGREEMENT, "orders", LONG).await;
    let message = rig.message(AGREEMENT, "orders");
    assert_eq!(rig.says(AGREEMENT, "orders", "Stalled").unwrap().1, reasons::REJECTED, "{message}");
    let there = held(&rig);
    assert_eq!((text(&there["Status"]), text(&there["BaseDirectory"])), ("INACTIVE", "/b/in"));
}

#[tokio::test(start_paused = true)]
async fn a_server_made_anew_gets_its_agreement_anew_where_that_is_asked_for() {
    for (policy, anew) in [("Manual", false), ("Automatic", true)] {
        let rig = on_server(json!({"lifecycle": {"deletionProtection": false, "recreatePolicy": "Automatic"}})).await;
        rig.agreement("orders", json!({"lifecycle": {"recreatePolicy": policy}}));
        rig.settle(AGREEMENT, "orders").await;
        let was = which(&rig);
        rig.cloud.sim().config.delete_server_with_agreements = WithAgreements::Cascade;
        out_of_band(&rig, Operation::DeleteServer, json!({"ServerId": FIRST}));
        rig.run(SERVER, "files", LONG).await;
        rig.cloud.calls();
        rig.run(AGREEMENT, "orders", LONG).await;
        let message = rig.message(AGREEMENT, "orders");
        if anew {
            assert_eq!(
                (says(&rig, "orders"), rig.cloud.calls()),
                (ready(), vec!["CreateAgreement".to_owned()]),
                "{message}"
            );
            assert!(which(&rig) != was && all(&rig).len() == 1, "{message}");
        } else {
            assert_eq!(
                (says(&rig, "orders").1.as_str(), rig.cloud.calls()),
                (reasons::SERVER_GONE, Vec::new()),
                "{message}"
            );
            rig.delete(AGREEMENT, "orders");
            rig.run(AGREEMENT, "orders", LONG).await;
            assert!(rig.get(AGREEMENT, "orders").is_none());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_whose_create_was_lost_goes_though_its_server_is_named_no_more() {
    for (lost, calls) in [(Lose::Call(AwsErrorKind::Lost), &[][..]), (Lose::Answer, &["DeleteAgreement"])] {
        let rig = on_server(json!({})).await;
        rig.cloud.lose("CreateAgreement", lost);
        rig.agreement("orders", json!({}));
        while rig.status(AGREEMENT, "orders")["create"]["phase"] != "InFlight" {
            rig.reconcile(AGREEMENT, "orders").await;
        }
        rig.cloud.calls();
        Rig::vanish(&rig.objects, SERVER, "files");
        rig.delete(AGREEMENT, "orders");
        rig.run(AGREEMENT, "orders", LONG).await;
        assert!(rig.get(AGREEMENT, "orders").is_none(), "{}", rig.message(AGREEMENT, "orders"));
        assert_eq!((rig.cloud.calls(), all(&rig).len()), (calls.iter().map(|&call| call.to_owned()).collect(), 0));
    }
}

#[tokio::test(start_paused = true)]
async fn one_whose_server_was_deleted_elsewhere_goes_with_its_object() {
    for (servers, calls) in [(WithAgreements::Cascade, &[][..]), (WithAgreements::Orphan, &["DeleteAgreement"])] {
        let rig = with_agreement(json!({})).await;
        rig.cloud.sim().config.delete_server_with_agreements = servers;
        out_of_band(&rig, Operation::DeleteServer, json!({"ServerId": FIRST}));
        rig.run(AGREEMENT, "orders", LONG).await;
        rig.delete(AGREEMENT, "orders");
        rig.run(AGREEMENT, "orders", LONG).await;
        assert!(rig.get(AGREEMENT, "orders").is_none(), "{}", rig.message(AGREEMENT, "orders"));
        assert_eq!((rig.cloud.calls(), all(&rig).len()), (calls.iter().map(|&call| call.to_owned()).collect(), 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_speaks_no_as2_is_told_with_what_to_do() {
    let rig = on_server(json!({})).await;
    rig.cloud.sim().config.agreement_without_as2 = Leniency::Refuse;
    rig.agreement("orders", json!({}));
    rig.run(AGREEMENT, "orders", LONG).await;
    let message = rig.message(AGREEMENT, "orders");
    assert_eq!(rig.says(AGREEMENT, "orders", "Stalled").unwrap().1, reasons::REJECTED, "{message}");
    assert!(message.contains("spec.protocols"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn a_listed_server_that_is_not_there_makes_a_look_count_for_nothing() {
    let rig = on_server(json!({})).await;
    rig.cloud.lose("CreateAgreement", Lose::Answer);
    rig.agreement("orders", json!({}));
    rig.cloud.faults.lock().unwrap().insert("ListAgreements", AwsErrorKind::NotFound);
    rig.run(AGREEMENT, "orders", LONG).await;
    assert_eq!((says(&rig, "orders").0.as_str(), all(&rig).len()), ("False", 0), "nothing is made on such a look");
    rig.cloud.faults.lock().unwrap().clear();
    rig.run(AGREEMENT, "orders", LONG).await;
    assert_eq!((says(&rig, "orders"), all(&rig).len()), (ready(), 1), "{PARTNER_PROFILE}");
}

/// The profile that AWS has in it may be another one than those that spec and status name.
#[tokio::test(start_paused = true)]
async fn a_profile_stays_while_nobody_knows_what_an_agreement_names_in_aws() {
    let rig = on_server(json!({})).await;
    rig.cloud.sim().config.delete_used_profile = Leniency::Accept;
    for (name, side) in [("us", "LOCAL"), ("partner", "PARTNER"), ("other", "PARTNER")] {
        profile(&rig, name, side).await;
    }
    rig.agreement("orders", by_objects());
    rig.settle(AGREEMENT, "orders").await;
    rig.cloud.calls();
    Rig::write_status(&rig.objects, AGREEMENT, "orders", |status| *status = Value::Null);
    edit(&rig, |spec| spec["partnerProfileRef"] = json!({"name": "other"}));
    rig.delete(PROFILE, "partner");
    rig.run(PROFILE, "partner", LONG).await;
    let message = rig.message(PROFILE, "partner");
    assert_eq!(rig.says(PROFILE, "partner", "Ready").unwrap().1, reasons::DELETION_BLOCKED, "{message}");
    assert!(message.contains("agreements and connectors (1)"), "{message}");
    rig.run(AGREEMENT, "orders", LONG).await;
    rig.run(PROFILE, "partner", LONG).await;
    assert!(rig.get(PROFILE, "partner").is_none());
    assert_eq!(rig.cloud.calls(), ["UpdateAgreement", "DeleteProfile"]);
}

/// While the answer to a call is lost, its profile may be in force, whatever spec and status name by then.
#[tokio::test(start_paused = true)]
async fn a_profile_that_only_a_lost_call_named_stays_until_aws_was_seen() {
    let rig = on_server(json!({})).await;
    rig.cloud.sim().config.delete_used_profile = Leniency::Accept;
    for (name, side) in [("us", "LOCAL"), ("partner", "PARTNER"), ("other", "PARTNER")] {
        profile(&rig, name, side).await;
    }
    rig.agreement("orders", by_objects());
    rig.settle(AGREEMENT, "orders").await;
    rig.cloud.calls();
    let was = rig.status(AGREEMENT, "orders")["partnerProfileId"].clone();
    rig.cloud.lose("UpdateAgreement", Lose::Answer);
    edit(&rig, |spec| spec["partnerProfileRef"] = json!({"name": "other"}));
    rig.reconcile(AGREEMENT, "orders").await;
    edit(&rig, |spec| spec["partnerProfileRef"] = json!({"name": "partner"}));
    assert_eq!(rig.status(AGREEMENT, "orders")["partnerProfileId"], was, "as it was last seen");
    rig.delete(PROFILE, "other");
    rig.run(PROFILE, "other", LONG).await;
    let message = rig.message(PROFILE, "other");
    assert_eq!(rig.says(PROFILE, "other", "Ready").unwrap().1, reasons::DELETION_BLOCKED, "{message}");
    assert_eq!(held(&rig)["PartnerProfileId"], rig.status(PROFILE, "other")["profileId"], "AWS took the call");
    rig.run(AGREEMENT, "orders", LONG).await;
    rig.run(PROFILE, "other", LONG).await;
    assert!(rig.get(PROFILE, "other").is_none());
    assert_eq!(rig.cloud.calls(), ["UpdateAgreement", "UpdateAgreement", "DeleteProfile"]);
}

/// What was sent and lost may arrive as long as its signature holds, also after AWS was seen to have another.
#[tokio::test(start_paused = true)]
async fn a_profile_stays_while_a_lost_call_may_yet_bring_it_in() {
    let rig = on_server(json!({})).await;
    rig.cloud.sim().config.delete_used_profile = Leniency::Accept;
    for (name, side) in [("us", "LOCAL"), ("partner", "PARTNER"), ("other", "PARTNER")] {
        profile(&rig, name, side).await;
    }
    rig.agreement("orders", by_objects());
    rig.settle(AGREEMENT, "orders").await;
    rig.cloud.calls();
    rig.cloud.lose.lock().unwrap().insert("UpdateAgreement", vec![Lose::Call(AwsErrorKind::Lost); 50]);
    edit(&rig, |spec| spec["partnerProfileRef"] = json!({"name": "other"}));
    rig.reconcile(AGREEMENT, "orders").await;
    rig.reconcile(AGREEMENT, "orders").await;
    edit(&rig, |spec| spec["partnerProfileRef"] = json!({"name": "partner"}));
    rig.run(AGREEMENT, "orders", Duration::from_mins(1)).await;
    assert_eq!(says(&rig, "orders"), ready(), "AWS shows what is wanted again");
    rig.delete(PROFILE, "other");
    rig.run(PROFILE, "other", Duration::from_mins(10)).await;
    assert_eq!(rig.says(PROFILE, "other", "Ready").unwrap().1, reasons::DELETION_BLOCKED);
    rig.run(AGREEMENT, "orders", LONG).await;
    rig.run(PROFILE, "other", LONG).await;
    assert!(rig.get(PROFILE, "other").is_none(), "{}", rig.message(PROFILE, "other"));
}

/// What left it once is held by no later trouble of the agreement.
#[tokio::test(start_paused = true)]
async fn a_profile_that_left_an_agreement_goes_whatever_else_is_held() {
    let rig = on_server(json!({})).await;
    rig.cloud.sim().config.delete_used_profile = Leniency::Accept;
    for (name, side) in [("us", "LOCAL"), ("partner", "PARTNER"), ("other", "PARTNER")] {
        profile(&rig, name, side).await;
    }
    rig.agreement("orders", by_objects());
    rig.settle(AGREEMENT, "orders").await;
    edit(&rig, |spec| spec["partnerProfileRef"] = json!({"name": "other"}));
    rig.settle(AGREEMENT, "orders").await;
    grant(&rig, "roleArns", json!([]));
    rig.run(AGREEMENT, "orders", LONG).await;
    assert_ne!(says(&rig, "orders"), ready());
    rig.delete(PROFILE, "partner");
    rig.run(PROFILE, "partner", LONG).await;
    assert!(rig.get(PROFILE, "partner").is_none(), "{}", rig.message(PROFILE, "partner"));
}

#[tokio::test(start_paused = true)]
async fn a_status_that_nobody_knows_is_shown_and_ends_where_the_spec_names_one() {
    let rig = with_agreement(json!({})).await;
    for agreement in rig.cloud.sim().world.region(ACCOUNT, REGION).agreements.living_mut() {
        agreement.status = "PAUSED".to_owned();
    }
    rig.run(AGREEMENT, "orders", LONG).await;
    let shown = rig.status(AGREEMENT, "orders")["state"].clone();
    assert_eq!((shown, rig.cloud.calls()), (json!("PAUSED"), Vec::new()), "{}", rig.message(AGREEMENT, "orders"));
    assert!(rig.message(AGREEMENT, "orders").contains("PAUSED"), "it is not taken for ACTIVE");
    edit(&rig, |spec| spec["status"] = json!("ACTIVE"));
    rig.run(AGREEMENT, "orders", LONG).await;
    assert_eq!((&held(&rig)["Status"], rig.cloud.calls()), (&json!("ACTIVE"), vec!["UpdateAgreement".to_owned()]));
}

/// Naming is not enough: it was never admitted, and a hand that writes a finalizer makes nothing in AWS.
#[tokio::test(start_paused = true)]
async fn naming_a_profile_without_being_admitted_holds_no_deletion_up() {
    for in_aws in [false, true] {
        let rig = on_server(json!({})).await;
        rig.cloud.sim().config.delete_used_profile = Leniency::Accept;
        profile(&rig, "us", "LOCAL").await;
        let id = rig.status(PROFILE, "us")["profileId"].clone();
        let mut named = json!({"localProfileRef": {"name": "us", "namespace": "team"}, "localProfileId": null});
        for by_id in [false, true] {
            if by_id {
                named = json!({"localProfileId": id});
            }
            let name = format!("by-id-{by_id}");
            let meta = json!({"name": name, "namespace": "elsewhere", "uid": name, "generation": 1, "creationTimestamp": NOW,
                "finalizers": [FINALIZER], "resourceVersion": rig.objects.next_version()});
            let status = json!({"resourceId": "s-1/a-1", "localProfileId": id, "partnerProfileId": PARTNER_PROFILE});
            rig.objects
                .put(json!({"apiVersion": "transfer-operator.dev/v1alpha1", "kind": AGREEMENT, "metadata": meta,
                "spec": agreement_spec("files", &named), "status": if in_aws { status } else { json!({}) }}));
        }
        rig.delete(PROFILE, "us");
        rig.run(PROFILE, "us", LONG).await;
        assert_eq!(rig.get(PROFILE, "us").is_some(), in_aws);
    }
}
