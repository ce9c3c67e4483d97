//! Profiles: what becomes of certificates that leave, of somebody else's, and of a profile that is still used.

use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{Lose, Rig};
use crate::cluster::Name;
use crate::kinds::fakes::{ACCOUNT, REGION};
use crate::sim::config::EmptyList;
use crate::sim::operation::Operation;

const PROFILE: &str = "TransferProfile";
const ONE: &str = "cert-00000000000000001";
const TWO: &str = "cert-00000000000000002";
const LONG: Duration = Duration::from_hours(1);

/// A profile `us` with these certificates, Ready; AWS has two of them. What was called until then is forgotten.
async fn with_profile(ids: &[&str]) -> Rig {
    let rig = Rig::new();
    rig.cloud.put_certificate(ONE);
    rig.cloud.put_certificate(TWO);
    rig.put(PROFILE, "us", json!({"region": REGION, "as2Id": "us", "profileType": "LOCAL", "certificateIds": ids}));
    rig.settle(PROFILE, "us").await;
    assert_eq!(rig.says(PROFILE, "us", "Ready").unwrap().0, "True", "{}", rig.message(PROFILE, "us"));
    assert_eq!(rig.cloud.calls(), ["CreateProfile"]);
    rig
}

fn id(rig: &Rig) -> String {
    rig.status(PROFILE, "us")["profileId"].as_str().unwrap().to_owned()
}

/// What somebody else does in AWS.
fn out_of_band(rig: &Rig, operation: Operation, input: Value) -> Value {
    rig.cloud.sim().out_of_band(operation, ACCOUNT, REGION, input, rig.cloud.now()).unwrap()
}

/// The certificates of the profile in AWS.
fn held(rig: &Rig) -> Vec<String> {
    let shown = out_of_band(rig, Operation::DescribeProfile, json!({"ProfileId": id(rig)}));
    serde_json::from_value(shown["Profile"]["CertificateIds"].clone()).unwrap_or_default()
}

fn wants(rig: &Rig, ids: Value) {
    rig.edit(PROFILE, "us", |object| object["spec"]["certificateIds"] = ids);
}

#[tokio::test(start_paused = true)]
async fn certificates_follow_the_spec_and_what_others_did_is_put_right() {
    let rig = with_profile(&[ONE]).await;
    wants(&rig, json!([ONE, TWO]));
    rig.settle(PROFILE, "us").await;
    assert_eq!(
        (rig.cloud.calls(), held(&rig)),
        (vec!["UpdateProfile".to_owned()], vec![ONE.to_owned(), TWO.to_owned()])
    );
    out_of_band(&rig, Operation::UpdateProfile, json!({"ProfileId": id(&rig), "CertificateIds": [TWO]}));
    rig.run(PROFILE, "us", LONG).await;
    assert_eq!((rig.cloud.calls(), held(&rig).len()), (vec!["UpdateProfile".to_owned()], 2));
    assert_eq!(rig.says(PROFILE, "us", "Ready").unwrap().0, "True");
}

#[tokio::test(start_paused = true)]
async fn the_last_certificate_is_taken_off_where_aws_lets_it() {
    for empty in [json!([]), Value::Null] {
        let rig = with_profile(&[ONE]).await;
        rig.cloud.sim().config.empty_certificate_ids = EmptyList::Clear;
        wants(&rig, empty.clone());
        rig.run(PROFILE, "us", LONG).await;
        assert_eq!((rig.cloud.calls(), held(&rig).len()), (vec!["UpdateProfile".to_owned()], 0), "{empty}");
        assert_eq!(rig.says(PROFILE, "us", "Ready").unwrap().0, "True");
    }
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_aws_keeps_is_told_and_sent_ever_more_rarely() {
    let rig = with_profile(&[ONE]).await;
    rig.cloud.sim().config.empty_certificate_ids = EmptyList::Keep;
    wants(&rig, json!([]));
    rig.run(PROFILE, "us", LONG).await;
    let (stalled, reason) = rig.says(PROFILE, "us", "Stalled").unwrap();
    assert_eq!((stalled.as_str(), reason.as_str()), ("True", "CannotClear"), "{}", rig.message(PROFILE, "us"));
    assert!(rig.message(PROFILE, "us").contains("spec.certificateIds"), "{}", rig.message(PROFILE, "us"));
    let first = rig.cloud.calls().len();
    assert!((3..=10).contains(&first), "sent {first} times in an hour");
    rig.run(PROFILE, "us", LONG).await;
    assert!(rig.cloud.calls().len() <= 5, "an hour later it is sent no oftener");
    wants(&rig, json!([TWO]));
    rig.settle(PROFILE, "us").await;
    assert_eq!((rig.says(PROFILE, "us", "Ready").unwrap().0, held(&rig)), ("True".to_owned(), vec![TWO.to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_refused_empty_list_is_told_with_what_to_do() {
    let rig = with_profile(&[ONE]).await;
    rig.cloud.sim().config.empty_certificate_ids = EmptyList::Refuse;
    wants(&rig, json!([]));
    rig.run(PROFILE, "us", LONG).await;
    let message = rig.message(PROFILE, "us");
    assert_eq!(rig.says(PROFILE, "us", "Stalled").unwrap().1, "Rejected", "{message}");
    assert!(message.contains("spec.certificateIds") && message.contains("list one, or make"), "{message}");
    assert_eq!(held(&rig), [ONE]);
    // It may well go with its object all the same.
    rig.delete(PROFILE, "us");
    rig.run(PROFILE, "us", LONG).await;
    assert!(rig.get(PROFILE, "us").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_goes_leaves_certificates_and_holds_new_ones_alone() {
    let rig = with_profile(&[ONE]).await;
    let grant = |ids: Value| {
        let key = ("AwsIdentity".to_owned(), Name { namespace: String::new(), name: "default".to_owned() });
        let change = |identity: &mut Value| identity["spec"]["grants"][0]["certificateIds"] = ids;
        rig.objects.change(&key, None, change).unwrap();
    };
    grant(json!([]));
    rig.run(PROFILE, "us", LONG).await;
    assert_eq!((rig.says(PROFILE, "us", "Ready").unwrap().0, held(&rig)), ("True".to_owned(), vec![ONE.to_owned()]));
    rig.edit(PROFILE, "us", |object| {
        object["spec"]["certificateIds"] = json!([ONE, TWO]);
        object["spec"]["tags"] = json!({"a": "1"});
    });
    rig.run(PROFILE, "us", LONG).await;
    let message = rig.message(PROFILE, "us");
    assert_eq!(rig.says(PROFILE, "us", "Stalled").unwrap().1, "IdentityDenied", "{message}");
    assert!(message.contains("spec.certificateIds") && message.contains(TWO), "{message}");
    assert_eq!((rig.cloud.calls(), held(&rig)), (vec!["TagResource".to_owned()], vec![ONE.to_owned()]));
    grant(json!([ONE, TWO]));
    rig.run(PROFILE, "us", LONG).await;
    assert_eq!((rig.cloud.calls(), held(&rig).len()), (vec!["UpdateProfile".to_owned()], 2));
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_is_not_there_is_named_and_may_come_later() {
    let missing = "cert-0123456789abcdef0";
    let rig = with_profile(&[ONE]).await;
    wants(&rig, json!([ONE, missing]));
    rig.put(
        PROFILE,
        "new",
        json!({"region": REGION, "as2Id": "new", "profileType": "LOCAL", "certificateIds": [missing]}),
    );
    for object in ["us", "new"] {
        rig.run(PROFILE, object, LONG).await;
        let message = rig.message(PROFILE, object);
        assert_eq!(rig.says(PROFILE, object, "Stalled").unwrap().1, "Rejected", "{object}: {message}");
        assert!(message.contains("spec.certificateIds") && message.contains(missing), "{object}: {message}");
    }
    assert_eq!(held(&rig), [ONE]);
    rig.cloud.put_certificate(missing);
    for object in ["us", "new"] {
        rig.run(PROFILE, object, 3 * LONG).await;
        assert_eq!(rig.says(PROFILE, object, "Ready").unwrap().0, "True", "{}", rig.message(PROFILE, object));
    }
    assert_eq!(held(&rig), [ONE, missing]);
}

/// Users of other tools, peers.md C 18: what is still in use.
#[tokio::test(start_paused = true)]
async fn a_profile_that_aws_says_is_used_is_named_and_waited_for() {
    let rig = with_profile(&[]).await;
    let used = "Profile is still in use by agreement a-0123456789abcdef0";
    rig.cloud.refuse("InvalidRequestException", used, |call| call.operation() == "DeleteProfile");
    rig.delete(PROFILE, "us");
    rig.run(PROFILE, "us", LONG).await;
    let message = rig.message(PROFILE, "us");
    assert_eq!(rig.says(PROFILE, "us", "Ready").unwrap().1, "DeletionBlocked", "{message}");
    assert!(message.contains(used), "{message}");
    assert_eq!(rig.says(PROFILE, "us", "Stalled"), None, "{message}");
    *rig.cloud.refuses.lock().unwrap() = None;
    rig.run(PROFILE, "us", LONG).await;
    assert!(rig.get(PROFILE, "us").is_none());
    assert_eq!(rig.cloud.calls(), ["DeleteProfile"]);
}

#[tokio::test(start_paused = true)]
async fn a_create_whose_answer_is_lost_is_found_by_its_tags_and_made_once() {
    let rig = Rig::new();
    rig.cloud.lose("CreateProfile", Lose::Answer);
    rig.put(PROFILE, "us", json!({"region": REGION, "as2Id": "us", "profileType": "LOCAL"}));
    rig.run(PROFILE, "us", LONG).await;
    assert_eq!(rig.says(PROFILE, "us", "Ready").unwrap().0, "True", "{}", rig.message(PROFILE, "us"));
    let listed = out_of_band(&rig, Operation::ListProfiles, json!({}));
    assert_eq!(listed["Profiles"].as_array().unwrap().len(), 1, "{listed}");
}

#[tokio::test(start_paused = true)]
async fn one_that_aws_lost_is_made_anew_only_where_that_is_asked_for() {
    for (policy, anew) in [("Manual", false), ("Automatic", true)] {
        let rig = with_profile(&[ONE]).await;
        rig.edit(PROFILE, "us", |object| object["spec"]["lifecycle"] = json!({"recreatePolicy": policy}));
        rig.settle(PROFILE, "us").await;
        let was = id(&rig);
        out_of_band(&rig, Operation::DeleteProfile, json!({"ProfileId": was}));
        rig.run(PROFILE, "us", LONG).await;
        let (ready, reason) = rig.says(PROFILE, "us", "Ready").unwrap();
        if anew {
            assert_eq!((ready.as_str(), rig.cloud.calls()), ("True", vec!["CreateProfile".to_owned()]));
            assert!(id(&rig) != was && held(&rig) == [ONE]);
        } else {
            assert_eq!((reason.as_str(), rig.cloud.calls()), ("ServerGone", Vec::new()));
            assert!(rig.status(PROFILE, "us")["as2Id"].is_null(), "another name may be given to the next one");
        }
    }
}
