//! Certificates: what of their sources reaches AWS, and what a renewal does to both certificates and to the profiles.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::rig::{PARTNER_CERTIFICATE, Rig};
use crate::kinds::fakes::{ACCOUNT, NOW, REGION};
use crate::sim::config::{AbsentDates, EmptyList, Leniency};
use crate::sim::operation::Operation;
use crate::sim::partners::Certificate;

pub(super) const CERTIFICATE: &str = "TransferCertificate";
pub(super) const PROFILE: &str = "TransferProfile";
pub(super) const OWN: &str = include_str!("../../../tests/fixtures/certificates/own.pem");
pub(super) const OWN_KEY: &str = include_str!("../../../tests/fixtures/certificates/own.key");
const CA: &str = include_str!("../../../tests/fixtures/certificates/ca.pem");
pub(super) const SOON: &str = include_str!("../../../tests/fixtures/certificates/soon.pem");
pub(super) const SOON_KEY: &str = include_str!("../../../tests/fixtures/certificates/soon.key");
pub(super) const HOUR: Duration = Duration::from_hours(1);
const MINUTES: Duration = Duration::from_mins(20);

fn own_spec(more: &Value) -> Value {
    let mut spec = json!({"region": REGION, "usage": "SIGNING", "secretRef": {"name": "tls"},
        "rotation": {"notice": "24h", "overlap": "12h"}});
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    spec
}

/// One's own certificate, which ends soon, Ready.
pub(super) async fn with_own(more: Value) -> Rig {
    own_in(Rig::new(), more).await
}

/// The same in this installation.
pub(super) async fn own_in(rig: Rig, more: Value) -> Rig {
    rig.tls_secret("tls", SOON, SOON_KEY);
    rig.put(CERTIFICATE, "own", own_spec(&more));
    rig.settle(CERTIFICATE, "own").await;
    assert!(is_ready(&rig, CERTIFICATE, "own"), "{}", rig.message(CERTIFICATE, "own"));
    assert_eq!(rig.cloud.calls(), ["ImportCertificate"]);
    rig
}

pub(super) fn is_ready(rig: &Rig, kind: &str, object: &str) -> bool {
    rig.says(kind, object, "Ready").unwrap().0 == "True"
}

/// What AWS has, by its ids.
pub(super) fn held(rig: &Rig) -> Vec<(String, Certificate)> {
    let mut sim = rig.cloud.sim();
    let kept = sim.world.region(ACCOUNT, REGION).certificates.living();
    kept.map(|(id, kept)| (id.to_owned(), kept.clone())).collect()
}

pub(super) fn id(rig: &Rig) -> String {
    rig.status(CERTIFICATE, "own")["certificateId"].as_str().unwrap_or_default().to_owned()
}

pub(super) fn of_profile(rig: &Rig) -> Vec<String> {
    let profile = rig.status(PROFILE, "us")["profileId"].clone();
    let input = json!({"ProfileId": profile});
    let shown = rig.cloud.sim().out_of_band(Operation::DescribeProfile, ACCOUNT, REGION, input, rig.cloud.now());
    serde_json::from_value(shown.unwrap()["Profile"]["CertificateIds"].clone()).unwrap_or_default()
}

/// Both objects as they come due, for so long.
pub(super) async fn both(rig: &Rig, span: Duration) {
    let end = Instant::now() + span;
    while Instant::now() < end {
        rig.settle(CERTIFICATE, "own").await;
        rig.settle(PROFILE, "us").await;
        tokio::time::advance(Duration::from_mins(4)).await;
    }
}

pub(super) fn profile(rig: &Rig, profile_type: &str) {
    let refs = json!([{"name": "own"}]);
    let spec = json!({"region": REGION, "as2Id": "us", "profileType": profile_type, "certificateRefs": refs});
    rig.put(PROFILE, "us", spec);
}

fn at(hours: i64) -> Timestamp {
    let now: Timestamp = NOW.parse().unwrap();
    now + jiff::SignedDuration::from_hours(hours)
}

#[tokio::test(start_paused = true)]
async fn the_leaf_is_the_certificate_the_rest_its_chain_and_the_key_goes_along() {
    let rig = Rig::new();
    rig.tls_secret("tls", &format!("leaf:\n{OWN}\nissuer:\n{CA}"), OWN_KEY);
    rig.put(CERTIFICATE, "own", own_spec(&json!({"description": "signing-2026"})));
    rig.settle(CERTIFICATE, "own").await;
    let held = held(&rig);
    let [(_, only)] = held.as_slice() else { panic!("{}", held.len()) };
    assert_eq!((only.certificate.as_str(), only.certificate_chain.as_deref()), (OWN, Some(CA)));
    assert!(only.with_private_key && only.description.as_deref() == Some("signing-2026"));
    let status = rig.status(CERTIFICATE, "own");
    assert_eq!(status["type"], "CERTIFICATE_WITH_PRIVATE_KEY", "{status}");
    assert_eq!((&status["serial"], &status["certificateStatus"]), (&json!("1001"), &json!("ACTIVE")));
    assert_eq!(status["fingerprint"].as_str().unwrap().len(), 64);
    assert!(!status.to_string().contains("PRIVATE KEY-----"));
    // The issuer of the Secret is not shipped, and the same text again is nothing new.
    assert!(!only.certificate_chain.as_ref().unwrap().contains(PARTNER_CERTIFICATE));
    rig.cloud.calls();
    rig.tls_secret("tls", &format!("{OWN}{CA}"), OWN_KEY);
    rig.run(CERTIFICATE, "own", HOUR).await;
    assert_eq!(rig.cloud.calls(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_not_for_this_or_not_in_order_sends_nothing() {
    let unlabelled = |rig: &Rig| rig.objects.secret_labels.lock().unwrap().clear();
    let forbidden = |rig: &Rig| {
        rig.objects.forbidden.lock().unwrap().insert("team".to_owned());
    };
    let rows: [(&str, Box<dyn Fn(&Rig)>); 7] = [
        ("no label", Box::new(unlabelled)),
        ("does not exist", Box::new(|rig| rig.objects.secrets.lock().unwrap().clear())),
        ("may not read Secrets", Box::new(forbidden)),
        ("is not certificates in PEM form", Box::new(|rig| rig.tls_secret("tls", OWN_KEY, OWN_KEY))),
        ("is not certificates in PEM form", Box::new(|rig| rig.tls_secret("tls", "", OWN_KEY))),
        ("is not the private key", Box::new(|rig| rig.tls_secret("tls", OWN, SOON_KEY))),
        ("is longer than", Box::new(|rig| rig.tls_secret("tls", OWN, &"x".repeat(20_000)))),
    ];
    for (words, spoil) in rows {
        let rig = with_own(json!({})).await;
        let before = held(&rig);
        spoil(&rig);
        rig.run(CERTIFICATE, "own", HOUR).await;
        let message = rig.message(CERTIFICATE, "own");
        assert_eq!(rig.says(CERTIFICATE, "own", "Ready").unwrap().1, "SourceNotReady", "{words}: {message}");
        assert!(message.contains(words) && message.contains("spec.secretRef"), "{words}: {message}");
        assert!(!message.contains("xxx") && !message.contains("-----"), "{message}");
        assert_eq!((rig.cloud.calls(), held(&rig) == before), (Vec::new(), true), "{words}");

        let rig = Rig::new();
        rig.tls_secret("tls", OWN, OWN_KEY);
        spoil(&rig);
        rig.put(CERTIFICATE, "own", own_spec(&json!({})));
        rig.run(CERTIFICATE, "own", HOUR).await;
        assert_eq!((rig.cloud.calls(), held(&rig).len()), (Vec::new(), 0), "{words}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_renewal_is_noticed_overlaps_leaves_the_profile_and_ends() {
    let rig = with_own(json!({})).await;
    profile(&rig, "LOCAL");
    rig.settle(PROFILE, "us").await;
    let old = id(&rig);
    assert_eq!(of_profile(&rig), std::slice::from_ref(&old), "{}", rig.message(PROFILE, "us"));
    rig.cloud.calls();
    rig.tls_secret("tls", OWN, OWN_KEY);
    both(&rig, HOUR).await;
    let new = id(&rig);
    let all = held(&rig);
    let of = |id: &str| all.iter().find(|(held, _)| held == id).unwrap().1.clone();
    assert_eq!(all.len(), 2, "{}", rig.message(CERTIFICATE, "own"));
    let begins = of(&new).active_date;
    assert!(at(24) <= begins && begins < at(25), "{begins}");
    assert_eq!(of(&old).inactive_date, begins + HOUR * 12);
    assert_eq!(of_profile(&rig), [new.clone(), old.clone()]);
    // The old one gets no end before the profile has the new one.
    assert_eq!(rig.cloud.calls(), ["ImportCertificate", "UpdateProfile", "UpdateCertificate"]);
    assert!(is_ready(&rig, CERTIFICATE, "own") && is_ready(&rig, PROFILE, "us"));

    both(&rig, HOUR * 34).await;
    assert_eq!((of_profile(&rig).len(), rig.cloud.calls()), (2, Vec::new()), "until the overlap is over");
    both(&rig, HOUR * 2).await;
    assert_eq!(of_profile(&rig), std::slice::from_ref(&new));
    assert_eq!(held(&rig).iter().map(|(id, _)| id.clone()).collect::<Vec<_>>(), [new]);
    assert_eq!(rig.cloud.calls(), ["UpdateProfile", "DeleteCertificate"]);
    let status = rig.status(CERTIFICATE, "own");
    assert!(status["replacing"].is_null() && status["overlapUntil"].is_null(), "{status}");
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_ends_is_told_and_one_renewed_too_late_leaves_a_gap() {
    let rig = with_own(json!({"rotation": {"notice": "168h"}})).await;
    let advisory = |rig: &Rig| {
        let status = rig.status(CERTIFICATE, "own");
        let all = status["conditions"].as_array().unwrap().clone();
        let found = all.into_iter().find(|condition| condition["type"] == "Advisory").unwrap_or_default();
        (found["reason"].clone(), found["message"].as_str().unwrap_or_default().to_owned())
    };
    let (reason, message) = advisory(&rig);
    assert_eq!(reason, "CertificateExpiring");
    assert!(message.contains("expires at 2026-01-05") && message.contains("Secret tls holds no other"), "{message}");
    rig.tls_secret("tls", OWN, OWN_KEY);
    rig.run(CERTIFICATE, "own", HOUR).await;
    assert!(advisory(&rig).1.contains("in between there is none"), "{}", advisory(&rig).1);
    // What is not used any more stays until the new one is.
    rig.run(CERTIFICATE, "own", HOUR * 24 * 6).await;
    assert_eq!(held(&rig).len(), 2);
    rig.run(CERTIFICATE, "own", HOUR * 24 * 3).await;
    assert_eq!((held(&rig).len(), advisory(&rig).0), (1, Value::Null));
}

#[tokio::test(start_paused = true)]
async fn dates_and_description_go_together_also_where_aws_resets_what_is_absent() {
    let rig = with_own(json!({"description": "one"})).await;
    rig.cloud.sim().config.absent_certificate_dates = AbsentDates::Reset;
    rig.cloud.calls();
    let dates = ["2026-01-02T00:00:00Z", "2026-01-03T00:00:00+01:00"];
    rig.edit(CERTIFICATE, "own", |object| object["spec"]["inactiveDate"] = json!(dates[1]));
    rig.settle(CERTIFICATE, "own").await;
    rig.edit(CERTIFICATE, "own", |object| object["spec"]["activeDate"] = json!(dates[0]));
    rig.settle(CERTIFICATE, "own").await;
    rig.edit(CERTIFICATE, "own", |object| object["spec"]["description"] = json!("two"));
    rig.settle(CERTIFICATE, "own").await;
    let all = held(&rig);
    let [(_, only)] = all.as_slice() else { panic!("{}", all.len()) };
    // What is in force is not switched off by a later date.
    let expected = [only.not_before_date, dates[1].parse().unwrap()];
    assert_eq!([only.active_date, only.inactive_date], expected);
    assert_eq!(
        (only.description.as_deref(), rig.cloud.calls()),
        (Some("two"), vec!["UpdateCertificate".to_owned(); 2])
    );
    let status = rig.status(CERTIFICATE, "own").to_string();
    assert!(status.contains("is for the next one that is imported"), "{status}");

    rig.edit(CERTIFICATE, "own", |object| {
        for field in ["activeDate", "inactiveDate", "description"] {
            object["spec"][field] = Value::Null;
        }
    });
    rig.settle(CERTIFICATE, "own").await;
    let all = held(&rig);
    assert_eq!((all[0].1.active_date, all[0].1.inactive_date), (all[0].1.not_before_date, all[0].1.not_after_date));
    assert_eq!(rig.says(CERTIFICATE, "own", "Stalled").unwrap().1, "CannotClear");
}

#[tokio::test(start_paused = true)]
async fn the_old_one_in_force_again_has_its_end_back() {
    let rig = with_own(json!({"rotation": {"notice": "0s", "overlap": "12h"}})).await;
    let (old, end) = (id(&rig), held(&rig)[0].1.inactive_date);
    rig.tls_secret("tls", OWN, OWN_KEY);
    rig.run(CERTIFICATE, "own", HOUR).await;
    let new = id(&rig);
    assert!(held(&rig).iter().any(|(id, held)| *id == old && held.inactive_date < end));
    rig.tls_secret("tls", SOON, SOON_KEY);
    let gone = json!({"CertificateId": new});
    rig.cloud.sim().out_of_band(Operation::DeleteCertificate, ACCOUNT, REGION, gone, rig.cloud.now()).unwrap();
    rig.run(CERTIFICATE, "own", HOUR).await;
    assert_eq!((id(&rig), held(&rig).len()), (old, 1), "{}", rig.message(CERTIFICATE, "own"));
    assert_eq!(held(&rig)[0].1.inactive_date, end);
}

#[tokio::test(start_paused = true)]
async fn what_a_profile_names_twice_it_has_once() {
    let rig = with_own(json!({})).await;
    let own = id(&rig);
    profile(&rig, "LOCAL");
    rig.edit(PROFILE, "us", |object| {
        object["spec"]["certificateRefs"] = json!([{"name": "own"}, {"name": "own", "namespace": "team"}]);
        object["spec"]["certificateIds"] = json!([own]);
    });
    rig.run(PROFILE, "us", HOUR).await;
    assert!(is_ready(&rig, PROFILE, "us"), "{}", rig.message(PROFILE, "us"));
    assert_eq!((of_profile(&rig), rig.cloud.calls()), (vec![own], vec!["CreateProfile".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_profile_takes_what_is_ready_and_fits_and_keeps_what_it_has() {
    let rig = with_own(json!({})).await;
    rig.certificate("theirs", json!({}));
    rig.settle(CERTIFICATE, "theirs").await;
    profile(&rig, "LOCAL");
    rig.settle(PROFILE, "us").await;
    let own = id(&rig);
    rig.cloud.calls();
    let refs = |refs: Value| rig.edit(PROFILE, "us", |object| object["spec"]["certificateRefs"] = refs);
    for (named, reason, words) in
        [("theirs", "InvalidSpec", "has no private key"), ("missing", "DependencyNotReady", "does not exist")]
    {
        refs(json!([{"name": named}]));
        rig.run(PROFILE, "us", HOUR).await;
        let message = rig.message(PROFILE, "us");
        assert_eq!(rig.says(PROFILE, "us", "Ready").unwrap().1, reason, "{message}");
        assert!(message.contains(words) && message.contains("spec.certificateRefs[0]"), "{message}");
        assert_eq!((of_profile(&rig), rig.cloud.calls()), (vec![own.clone()], Vec::new()));
    }
    // Whoever wrote a status made nothing his own.
    rig.put(CERTIFICATE, "forged", own_spec(&json!({"suspend": true})));
    Rig::write_status(&rig.objects, CERTIFICATE, "forged", |status| {
        *status = json!({"observedGeneration": 1, "certificateId": "cert-00000000000000009",
            "type": "CERTIFICATE_WITH_PRIVATE_KEY"});
    });
    rig.cloud.put_certificate("cert-00000000000000009");
    refs(json!([{"name": "forged"}]));
    rig.run(PROFILE, "us", HOUR).await;
    assert_eq!((of_profile(&rig), rig.cloud.calls()), (vec![own], Vec::new()), "{}", rig.message(PROFILE, "us"));
}

#[tokio::test(start_paused = true)]
async fn one_that_is_not_ready_holds_neither_a_leaked_one_nor_a_renewed_one() {
    let leaked = "cert-00000000000000009";
    let rig = with_own(json!({})).await;
    rig.cloud.put_certificate(leaked);
    rig.certificate("theirs", json!({}));
    rig.settle(CERTIFICATE, "theirs").await;
    profile(&rig, "LOCAL");
    rig.edit(PROFILE, "us", |object| object["spec"]["certificateIds"] = json!([leaked]));
    rig.settle(PROFILE, "us").await;
    let old = id(&rig);
    assert_eq!(of_profile(&rig), [leaked, &old], "{}", rig.message(PROFILE, "us"));
    rig.cloud.calls();
    let also = |named: &str, ids: Value| {
        rig.edit(PROFILE, "us", |object| {
            object["spec"]["certificateRefs"] = json!([{"name": "own"}, {"name": named}]);
            object["spec"]["certificateIds"] = ids;
        });
    };
    // Of one that does not exist, or whose status may be false, nobody can say that the leaked one is not its own.
    rig.put(CERTIFICATE, "forged", own_spec(&json!({"suspend": true})));
    rig.cloud.put_certificate("cert-00000000000000008");
    Rig::write_status(&rig.objects, CERTIFICATE, "forged", |status| {
        *status = json!({"observedGeneration": 1, "certificateId": "cert-00000000000000008"});
    });
    for named in ["forged", "missing"] {
        also(named, Value::Null);
        rig.run(PROFILE, "us", HOUR).await;
        assert_eq!((of_profile(&rig).len(), rig.cloud.calls()), (2, Vec::new()), "{named}");
    }
    rig.tls_secret("tls", OWN, OWN_KEY);
    both(&rig, HOUR).await;
    let new = id(&rig);
    let all = of_profile(&rig);
    let all: BTreeSet<&str> = all.iter().map(String::as_str).collect();
    assert_eq!(all, [&*new, &*old, leaked].into(), "{}", rig.message(PROFILE, "us"));
    assert_eq!(rig.says(PROFILE, "us", "Ready").unwrap().1, "DependencyNotReady");
    rig.cloud.calls();

    also("theirs", Value::Null);
    rig.run(PROFILE, "us", HOUR).await;
    assert_eq!(of_profile(&rig), [old.clone(), new.clone()], "{}", rig.message(PROFILE, "us"));
    assert_eq!(rig.says(PROFILE, "us", "Ready").unwrap().1, "InvalidSpec");

    // Nor does one that is being deleted, whose own stay.
    also("theirs", json!([leaked]));
    rig.run(PROFILE, "us", HOUR).await;
    rig.delete(CERTIFICATE, "own");
    rig.run(PROFILE, "us", HOUR).await;
    assert_eq!(of_profile(&rig).len(), 3, "{}", rig.message(PROFILE, "us"));
    rig.certificate("partner", json!({}));
    also("partner", json!([]));
    rig.run(PROFILE, "us", HOUR).await;
    assert_eq!(of_profile(&rig).len(), 3, "it has no id yet");
    rig.edit(PROFILE, "us", |object| object["spec"]["certificateRefs"] = json!([{"name": "own"}]));
    rig.run(PROFILE, "us", HOUR).await;
    assert_eq!(of_profile(&rig).iter().filter(|id| **id != new && **id != old).count(), 0);
    assert_eq!((of_profile(&rig).len(), rig.cloud.calls()), (2, vec!["UpdateProfile".to_owned(); 3]));
}

#[tokio::test(start_paused = true)]
async fn a_certificate_goes_once_no_profile_has_it() {
    // What an object names is kept, whether or not AWS itself would.
    for leniency in [Leniency::Refuse, Leniency::Accept] {
        goes_once_no_profile_has_it(leniency).await;
    }
}

async fn goes_once_no_profile_has_it(leniency: Leniency) {
    let rig = with_own(json!({})).await;
    rig.cloud.sim().config.delete_used_certificate = leniency;
    profile(&rig, "LOCAL");
    rig.settle(PROFILE, "us").await;
    rig.objects.put({
        let mut profile = rig.get(PROFILE, "us").unwrap();
        profile["metadata"]["finalizers"] = json!(["transfer-operator.dev/finalizer"]);
        profile
    });
    rig.cloud.calls();
    rig.delete(CERTIFICATE, "own");
    rig.run(CERTIFICATE, "own", HOUR).await;
    let message = rig.message(CERTIFICATE, "own");
    assert!(message.contains("TransferProfile team/us"), "{message}");
    assert_eq!(rig.says(CERTIFICATE, "own", "Ready").unwrap().1, "DeletionBlocked");
    rig.cloud.sim().config.empty_certificate_ids = EmptyList::Clear;
    rig.edit(PROFILE, "us", |object| object["spec"]["certificateRefs"] = Value::Null);
    rig.settle(PROFILE, "us").await;
    rig.run(CERTIFICATE, "own", HOUR).await;
    assert_eq!((rig.get(CERTIFICATE, "own"), held(&rig).len()), (None, 0));
    assert_eq!(rig.cloud.calls(), ["UpdateProfile", "DeleteCertificate"]);
}

#[tokio::test(start_paused = true)]
async fn who_is_not_admitted_names_a_certificate_neither_by_object_nor_by_id() {
    let elsewhere = json!({"namespaces": {"from": "Names", "names": ["elsewhere"]}});
    let rig = with_own(json!({"allowedReferences": elsewhere})).await;
    let by_id = json!({"region": REGION, "as2Id": "us", "profileType": "LOCAL", "certificateIds": [id(&rig)]});
    profile(&rig, "LOCAL");
    let by_object = rig.get(PROFILE, "us").unwrap()["spec"].clone();
    for (spec, field) in [(by_object, "spec.certificateRefs[0]"), (by_id, "spec.certificateIds")] {
        rig.put(PROFILE, "us", spec);
        rig.run(PROFILE, "us", HOUR).await;
        let message = rig.message(PROFILE, "us");
        assert_eq!(rig.says(PROFILE, "us", "Ready").unwrap().1, "DependencyNotReady", "{message}");
        assert!(message.contains(field) && message.contains("does not allow references from"), "{message}");
    }
    assert_eq!(rig.cloud.calls(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_profile_without_room_for_both_says_so_and_gets_the_new_one_later() {
    let rig = with_own(json!({"rotation": {"notice": "0s", "overlap": "6h"}})).await;
    let others: Vec<String> = (1..10).map(|number| format!("cert-0000000000000000{number}")).collect();
    for other in &others {
        rig.cloud.put_certificate(other);
    }
    profile(&rig, "LOCAL");
    rig.edit(PROFILE, "us", |object| object["spec"]["certificateIds"] = json!(others));
    rig.settle(PROFILE, "us").await;
    let old = id(&rig);
    assert_eq!(of_profile(&rig).len(), 10, "{}", rig.message(PROFILE, "us"));
    rig.tls_secret("tls", OWN, OWN_KEY);
    both(&rig, HOUR).await;
    let message = rig.message(PROFILE, "us");
    assert!(message.contains("these are 11 certificates, and AWS takes 10"), "{message}");
    assert!(of_profile(&rig).contains(&old) && held(&rig).len() == 11, "{message}");
    both(&rig, HOUR * 7).await;
    let all = of_profile(&rig);
    assert_eq!((all.len(), all.contains(&id(&rig)), all.contains(&old)), (10, true, false));
    assert!(is_ready(&rig, PROFILE, "us") && held(&rig).len() == 10);
}

#[tokio::test(start_paused = true)]
async fn two_that_are_renewed_at_once_and_have_room_for_one_get_there_both() {
    let rig = with_own(json!({"rotation": {"notice": "0s", "overlap": "6h"}})).await;
    rig.tls_secret("tls-two", SOON, SOON_KEY);
    let mut second = own_spec(&json!({"rotation": {"notice": "0s", "overlap": "6h"}}));
    second["secretRef"]["name"] = json!("tls-two");
    rig.put(CERTIFICATE, "two", second);
    rig.settle(CERTIFICATE, "two").await;
    let others: Vec<String> = (1..8).map(|number| format!("cert-0000000000000000{number}")).collect();
    for other in &others {
        rig.cloud.put_certificate(other);
    }
    profile(&rig, "LOCAL");
    rig.edit(PROFILE, "us", |object| {
        object["spec"]["certificateIds"] = json!(others);
        object["spec"]["certificateRefs"] = json!([{"name": "own"}, {"name": "two"}]);
    });
    rig.settle(PROFILE, "us").await;
    assert_eq!(of_profile(&rig).len(), 9, "{}", rig.message(PROFILE, "us"));
    // Both, before the profile has its turn.
    for (secret, object) in [("tls", "own"), ("tls-two", "two")] {
        rig.tls_secret(secret, OWN, OWN_KEY);
        rig.run(CERTIFICATE, object, MINUTES).await;
    }
    let new = |object| rig.status(CERTIFICATE, object)["certificateId"].as_str().unwrap_or_default().to_owned();
    for _ in 0..20 {
        both(&rig, HOUR).await;
        rig.run(CERTIFICATE, "two", MINUTES).await;
    }
    let all = of_profile(&rig);
    assert!(all.len() == 9 && all.contains(&new("own")) && all.contains(&new("two")), "{}", rig.message(PROFILE, "us"));
    assert!(is_ready(&rig, PROFILE, "us") && held(&rig).len() == 9);
}

#[tokio::test(start_paused = true)]
async fn one_that_may_not_be_named_holds_neither_a_renewal_nor_a_leaked_one() {
    let rig = with_own(json!({"rotation": {"notice": "0s", "overlap": "6h"}})).await;
    let [kept, leaked, foreign] = [1, 2, 3].map(|number| format!("cert-0000000000000000{number}"));
    for other in [&kept, &leaked, &foreign] {
        rig.cloud.put_certificate(other);
    }
    profile(&rig, "LOCAL");
    let list = |ids: &[&String]| rig.edit(PROFILE, "us", |object| object["spec"]["certificateIds"] = json!(ids));
    list(&[&kept, &leaked]);
    rig.settle(PROFILE, "us").await;
    assert_eq!(of_profile(&rig).len(), 3, "{}", rig.message(PROFILE, "us"));
    // What it has it keeps, and what it has not it does not get.
    rig.certificate_ids(&[]);
    list(&[&kept, &foreign]);
    rig.settle(PROFILE, "us").await;
    let old = id(&rig);
    assert_eq!(of_profile(&rig).iter().collect::<BTreeSet<_>>(), [&kept, &old].into(), "the leaked one went");
    assert_eq!(rig.says(PROFILE, "us", "Ready").unwrap().1, "IdentityDenied", "{}", rig.message(PROFILE, "us"));
    rig.tls_secret("tls", OWN, OWN_KEY);
    both(&rig, MINUTES).await;
    assert!(of_profile(&rig).contains(&id(&rig)) && id(&rig) != old, "{}", rig.message(PROFILE, "us"));
    both(&rig, HOUR * 7).await;
    assert_eq!(of_profile(&rig).iter().collect::<BTreeSet<_>>(), [&kept, &id(&rig)].into());
}

#[tokio::test(start_paused = true)]
async fn one_in_a_namespace_out_of_reach_holds_the_others_up_no_more_than_ever() {
    let rig = with_own(json!({})).await;
    let leaked = "cert-00000000000000001";
    rig.cloud.put_certificate(leaked);
    profile(&rig, "LOCAL");
    let names = |ids: Value, refs: Value| {
        rig.edit(PROFILE, "us", |object| {
            object["spec"]["certificateIds"] = ids;
            object["spec"]["certificateRefs"] = refs;
        });
    };
    names(json!([leaked]), json!([{"name": "own"}]));
    rig.settle(PROFILE, "us").await;
    assert_eq!(of_profile(&rig).len(), 2, "{}", rig.message(PROFILE, "us"));
    rig.objects.out_of_reach.lock().unwrap().insert("elsewhere".to_owned());
    names(Value::Null, json!([{"name": "own"}, {"name": "theirs", "namespace": "elsewhere"}]));
    rig.tls_secret("tls", OWN, OWN_KEY);
    both(&rig, HOUR).await;
    let message = rig.message(PROFILE, "us");
    assert_eq!(rig.says(PROFILE, "us", "Ready").unwrap().1, "DependencyNotReady", "{message}");
    assert!(message.contains("spec.certificateRefs[1]") && of_profile(&rig).contains(&id(&rig)), "{message}");
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_would_never_be_used_is_told_and_not_imported() {
    let rig = Rig::new();
    rig.tls_secret("tls", OWN, OWN_KEY);
    rig.put(CERTIFICATE, "own", own_spec(&json!({"rotation": {"notice": "2160h", "overlap": "12h"}})));
    rig.settle(CERTIFICATE, "own").await;
    let old = id(&rig);
    rig.cloud.calls();
    rig.tls_secret("tls", SOON, SOON_KEY);
    rig.run(CERTIFICATE, "own", HOUR).await;
    let message = rig.message(CERTIFICATE, "own");
    assert_eq!(
        (rig.cloud.calls(), rig.says(CERTIFICATE, "own", "Ready").unwrap().1),
        (vec![], "InvalidSpec".to_owned())
    );
    assert!(message.contains("rotation.notice") && id(&rig) == old, "{message}");
    // At rest, however often it is looked at.
    let version = || rig.get(CERTIFICATE, "own").unwrap()["metadata"]["resourceVersion"].clone();
    let before = version();
    rig.run(CERTIFICATE, "own", HOUR).await;
    assert_eq!(version(), before);
    rig.edit(CERTIFICATE, "own", |object| object["spec"]["rotation"]["notice"] = json!("1h"));
    rig.run(CERTIFICATE, "own", HOUR).await;
    assert!(id(&rig) != old && is_ready(&rig, CERTIFICATE, "own"), "{}", rig.message(CERTIFICATE, "own"));
}
