//! Renewals of a certificate that do not go straight on: the source holds the old one again, somebody keeps the old one, a
//! call comes late.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::certificates::{
    CERTIFICATE, HOUR, OWN, OWN_KEY, PROFILE, SOON, SOON_KEY, both, held, id, is_ready, of_profile, own_in, profile,
    with_own,
};
use super::rig::{Rig, name};
use crate::api::condition::reasons;
use crate::aws::Mutation;
use crate::engine::requeue::Requeue;
use crate::fakes::api_server::Key;
use crate::kinds::fakes::{ACCOUNT, REGION};
use crate::sim::config::Leniency;
use crate::sim::operation::Operation;
use crate::sim::partners::Certificate;

/// A third certificate.
const THIRD: &str = include_str!("../../../tests/fixtures/certificates/first/tls.crt");
const THIRD_KEY: &str = include_str!("../../../tests/fixtures/certificates/first/tls.key");
const MINUTES: Duration = Duration::from_mins(20);

/// One's own certificate with its profile, and its id.
async fn with_profile(rotation: Value) -> (Rig, String) {
    let rig = with_own(json!({"rotation": rotation})).await;
    profile(&rig, "LOCAL");
    rig.settle(PROFILE, "us").await;
    let old = id(&rig);
    assert_eq!(of_profile(&rig), std::slice::from_ref(&old), "{}", rig.message(PROFILE, "us"));
    rig.cloud.calls();
    (rig, old)
}

/// The same once another certificate took its place; the id of that.
async fn renewed(rotation: Value) -> (Rig, String, String) {
    let (rig, old) = with_profile(rotation).await;
    rig.tls_secret("tls", OWN, OWN_KEY);
    both(&rig, MINUTES).await;
    let new = id(&rig);
    assert_ne!(new, old, "{}", rig.message(CERTIFICATE, "own"));
    rig.cloud.calls();
    (rig, old, new)
}

fn one(rig: &Rig, id: &str) -> Certificate {
    let all = held(rig);
    all.into_iter().find(|(held, _)| held == id).map_or_else(|| panic!("{id} is not there"), |(_, held)| held)
}

fn ids(rig: &Rig) -> Vec<String> {
    held(rig).into_iter().map(|(id, _)| id).collect()
}

#[tokio::test(start_paused = true)]
async fn a_source_that_holds_the_old_one_again_swaps_back_and_imports_nothing() {
    let (rig, old, new) = renewed(json!({"notice": "0s", "overlap": "12h"})).await;
    let natural = one(&rig, &old).not_after_date;
    assert!(one(&rig, &old).inactive_date < natural);
    both(&rig, HOUR).await;
    rig.tls_secret("tls", SOON, SOON_KEY);
    both(&rig, MINUTES).await;
    assert_eq!((id(&rig), rig.status(CERTIFICATE, "own")["replacing"]["oldId"].clone()), (old.clone(), json!(new)));
    assert_eq!(one(&rig, &old).inactive_date, natural, "its end is taken back");
    let goes = one(&rig, &new).inactive_date;
    let left = goes.duration_since(rig.cloud.now());
    assert!((11..=12).contains(&left.as_hours()), "its overlap is from now on: {left}");
    assert_eq!(rig.cloud.calls(), ["UpdateCertificate", "UpdateCertificate"]);
    assert_eq!((of_profile(&rig).len(), is_ready(&rig, CERTIFICATE, "own")), (2, true));
    both(&rig, HOUR * 13).await;
    assert_eq!((of_profile(&rig), ids(&rig)), (vec![old.clone()], vec![old]));
    assert_eq!(rig.cloud.calls(), ["UpdateProfile", "DeleteCertificate"]);
}

/// The new one, the old one, and once more whose that is: until when it overlaps follows from the same look.
#[tokio::test(start_paused = true)]
async fn a_look_in_an_overlap_reads_three_times() {
    let (rig, ..) = renewed(json!({"notice": "0s", "overlap": "12h"})).await;
    let reads = || rig.cloud.asked().iter().filter(|asked| asked.starts_with("DescribeCertificate")).count();
    let before = reads();
    rig.edit(CERTIFICATE, "own", |object| {
        object["metadata"]["annotations"] = json!({"transfer-operator.dev/reconcile-at": "now"});
    });
    rig.reconcile(CERTIFICATE, "own").await;
    assert_eq!(reads() - before, 3, "{}", rig.message(CERTIFICATE, "own"));
    assert!(rig.message(CERTIFICATE, "own").contains("its overlap lasts until"), "{}", rig.message(CERTIFICATE, "own"));
}

#[tokio::test(start_paused = true)]
async fn one_that_was_never_used_leaves_at_once_where_it_is_taken_back() {
    let (rig, old, new) = renewed(json!({"notice": "24h", "overlap": "48h"})).await;
    assert_eq!(of_profile(&rig), [new.clone(), old.clone()]);
    rig.tls_secret("tls", SOON, SOON_KEY);
    both(&rig, HOUR).await;
    assert_eq!((of_profile(&rig), ids(&rig)), (vec![old.clone()], vec![old]));
    // The old one gets its own end back, and nobody goes on with the other one.
    let calls = ["UpdateCertificate", "UpdateCertificate", "UpdateProfile", "DeleteCertificate"];
    assert_eq!(rig.cloud.calls(), calls);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_swapped_to_and_fro_has_an_overlap_each_time() {
    let (rig, old, new) = renewed(json!({"notice": "0s", "overlap": "2h"})).await;
    for (text, key, in_force, goes) in [(SOON, SOON_KEY, &old, &new), (OWN, OWN_KEY, &new, &old)].repeat(2) {
        both(&rig, HOUR).await;
        rig.tls_secret("tls", text, key);
        both(&rig, MINUTES).await;
        assert_eq!(id(&rig), *in_force, "{}", rig.message(CERTIFICATE, "own"));
        assert_eq!(one(&rig, in_force).inactive_date, one(&rig, in_force).not_after_date);
        let left = one(&rig, goes).inactive_date.duration_since(rig.cloud.now()).as_mins();
        assert!((95..=120).contains(&left), "{left}");
        assert_eq!(of_profile(&rig).len(), 2);
    }
    assert!(!rig.cloud.calls().contains(&"ImportCertificate".to_owned()));
    both(&rig, HOUR * 3).await;
    assert_eq!((of_profile(&rig), ids(&rig)), (vec![new.clone()], vec![new]));
}

#[tokio::test(start_paused = true)]
async fn an_old_one_whose_end_is_over_comes_back_before_the_other_goes() {
    let (rig, old, new) = renewed(json!({"notice": "0s", "overlap": "1h"})).await;
    // Who keeps the old one by its id keeps it from being deleted.
    rig.edit(PROFILE, "us", |object| object["spec"]["certificateIds"] = json!([old]));
    both(&rig, HOUR * 3).await;
    assert!(one(&rig, &old).inactive_date < rig.cloud.now());
    rig.cloud.calls();
    rig.tls_secret("tls", SOON, SOON_KEY);
    both(&rig, MINUTES).await;
    assert_eq!((id(&rig), one(&rig, &old).inactive_date), (old.clone(), one(&rig, &old).not_after_date));
    assert_eq!(rig.cloud.calls(), ["UpdateCertificate", "UpdateCertificate"]);
    assert!(one(&rig, &new).inactive_date > rig.cloud.now());
    both(&rig, HOUR * 2).await;
    assert_eq!((of_profile(&rig), ids(&rig)), (vec![old.clone()], vec![old]));
}

#[tokio::test(start_paused = true)]
async fn an_end_that_comes_late_to_one_that_came_back_is_taken_back() {
    let (rig, old, _) = renewed(json!({"notice": "0s", "overlap": "1h"})).await;
    rig.tls_secret("tls", SOON, SOON_KEY);
    both(&rig, HOUR * 3).await;
    assert_eq!(ids(&rig), std::slice::from_ref(&old));
    let natural = one(&rig, &old).not_after_date;
    // A process that was frozen in the middle of the first renewal.
    let end = (rig.cloud.now() + HOUR).as_second();
    let late = json!({"CertificateId": old, "InactiveDate": end});
    rig.cloud.sim().out_of_band(Operation::UpdateCertificate, ACCOUNT, REGION, late, rig.cloud.now()).unwrap();
    assert!(one(&rig, &old).inactive_date < natural);
    rig.cloud.calls();
    both(&rig, MINUTES).await;
    assert_eq!((one(&rig, &old).inactive_date, rig.cloud.calls()), (natural, vec!["UpdateCertificate".to_owned()]));
}

/// A key that is known to others is ended in the console, and what is to take its place is refused.
#[tokio::test(start_paused = true)]
async fn an_end_that_a_person_gave_stays_where_the_next_import_was_refused() {
    let (rig, compromised) = with_profile(json!({"notice": "0s", "overlap": "1h"})).await;
    let end = json!({"CertificateId": compromised, "InactiveDate": (rig.cloud.now() + HOUR).as_second()});
    rig.cloud.sim().out_of_band(Operation::UpdateCertificate, ACCOUNT, REGION, end, rig.cloud.now()).unwrap();
    let ended = one(&rig, &compromised).inactive_date;
    rig.cloud.refuse("InvalidRequestException", "not this one", |call| matches!(call, Mutation::ImportCertificate(_)));
    rig.tls_secret("tls", OWN, OWN_KEY);
    both(&rig, MINUTES).await;
    assert!(rig.cloud.refused() > 0 && id(&rig) == compromised);
    // Nothing is due any more, or the source cannot be read: what came back into force would get its own end now.
    rig.tls_secret("tls", SOON, SOON_KEY);
    both(&rig, MINUTES).await;
    assert_eq!((one(&rig, &compromised).inactive_date, rig.cloud.calls()), (ended, vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_third_one_waits_for_who_keeps_the_old_one_an_hour_after_its_end() {
    let (rig, old, new) = renewed(json!({"notice": "0s", "overlap": "2h"})).await;
    rig.put(
        PROFILE,
        "pins",
        json!({"region": REGION, "as2Id": "pins", "profileType": "LOCAL", "certificateIds": [old]}),
    );
    rig.settle(PROFILE, "pins").await;
    rig.tls_secret("tls", THIRD, THIRD_KEY);
    both(&rig, HOUR * 2 + MINUTES).await;
    let told = rig.status(CERTIFICATE, "own")["conditions"].to_string();
    assert!(told.contains(&format!("take {old} out of TransferProfile team/pins")), "{told}");
    assert_eq!((id(&rig), ids(&rig).len()), (new.clone(), 2), "it waits");
    both(&rig, HOUR * 2).await;
    let third = id(&rig);
    assert!(
        third != new && ids(&rig) == [old.clone(), new.clone(), third.clone()],
        "{}",
        rig.message(CERTIFICATE, "own")
    );
    // What is left behind is nobody's, and told as such; whoever names it goes on doing so.
    let tags = |id: &str| {
        let input = json!({"CertificateId": id});
        let shown =
            rig.cloud.sim().out_of_band(Operation::DescribeCertificate, ACCOUNT, REGION, input, rig.cloud.now());
        shown.unwrap()["Certificate"]["Tags"].to_string()
    };
    assert!(!tags(&old).contains("transfer-operator.dev/uid"), "{}", tags(&old));
    assert!(tags(&new).contains("transfer-operator.dev/uid"));
    let notes = format!("{:?}", rig.objects.notes.lock().unwrap());
    assert!(notes.contains(&format!("{old}, which was replaced, does not carry")), "{notes}");
    assert!(!rig.cloud.calls().contains(&"DeleteCertificate".to_owned()));
    both(&rig, HOUR * 4).await;
    assert_eq!((ids(&rig), is_ready(&rig, CERTIFICATE, "own")), (vec![old, third], true));
}

#[tokio::test(start_paused = true)]
async fn who_keeps_the_old_one_holds_nothing_else_up_where_aws_keeps_its_tags() {
    let (rig, old, new) = renewed(json!({"notice": "0s", "overlap": "2h"})).await;
    let pins = json!({"region": REGION, "as2Id": "pins", "profileType": "LOCAL", "certificateIds": [old]});
    rig.put(PROFILE, "pins", pins);
    rig.settle(PROFILE, "pins").await;
    rig.tls_secret("tls", THIRD, THIRD_KEY);
    let untags = |call: &Mutation| matches!(call, Mutation::UntagResource(_));
    rig.cloud.refuse("AccessDeniedException", "no", untags);
    both(&rig, HOUR * 4).await;
    assert!(rig.cloud.refused() > 0, "{}", rig.message(CERTIFICATE, "own"));
    rig.edit(CERTIFICATE, "own", |object| object["spec"]["description"] = json!("another"));
    both(&rig, MINUTES).await;
    assert_eq!(one(&rig, &new).description.as_deref(), Some("another"), "{}", rig.message(CERTIFICATE, "own"));
    let message = rig.message(CERTIFICATE, "own");
    assert!(message.contains("AWS keeps our owner tags on it: UntagResource"), "{message}");
    let before = rig.cloud.refused();
    both(&rig, HOUR).await;
    let tries = rig.cloud.refused() - before;
    assert!((1..=4).contains(&tries), "tried {tries} times in fifteen reconciles");
    *rig.cloud.refuses.lock().unwrap() = None;
    both(&rig, HOUR * 2).await;
    let third = id(&rig);
    assert_eq!(ids(&rig), [old, new, third.clone()], "{}", rig.message(CERTIFICATE, "own"));
    assert_eq!(one(&rig, &third).description.as_deref(), Some("another"));
}

#[tokio::test(start_paused = true)]
async fn a_profile_that_may_not_name_it_and_was_not_looked_at_holds_nothing() {
    let elsewhere = json!({"namespaces": {"from": "Names", "names": ["elsewhere"]}});
    let rig = with_own(json!({"allowedReferences": elsewhere, "rotation": {"notice": "0s", "overlap": "1h"}})).await;
    let old = id(&rig);
    // Its create may have been sent: what AWS has there nobody knows.
    for (name, spec) in [
        ("object", json!({"certificateRefs": [{"name": "own", "namespace": "team"}]})),
        ("id", json!({"certificateIds": [old]})),
    ] {
        let mut all = json!({"region": REGION, "as2Id": name, "profileType": "LOCAL"});
        all.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        rig.put(PROFILE, name, all);
        Rig::write_status(&rig.objects, PROFILE, name, |status| {
            *status = json!({"observedGeneration": 1, "profileId": "p-00000000000000001"});
        });
    }
    rig.tls_secret("tls", OWN, OWN_KEY);
    rig.run(CERTIFICATE, "own", HOUR * 3).await;
    assert!(id(&rig) != old && held(&rig).len() == 1, "{}", rig.message(CERTIFICATE, "own"));
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_shows_the_old_one_alone_takes_the_new_one_off_nowhere() {
    let (rig, old) = with_profile(json!({"notice": "0s", "overlap": "12h"})).await;
    let before = rig.get(CERTIFICATE, "own").unwrap();
    rig.tls_secret("tls", OWN, OWN_KEY);
    both(&rig, MINUTES).await;
    let (new, has) = (id(&rig), of_profile(&rig));
    assert_eq!(has.iter().collect::<BTreeSet<_>>(), [&old, &new].into());
    rig.cloud.calls();
    rig.objects.stand_still();
    let watched = |object| rig.objects.watched.lock().unwrap().as_mut().map(|all| all.insert(key(), object));
    watched(before).unwrap();
    rig.settle(PROFILE, "us").await;
    assert_eq!((rig.cloud.calls(), of_profile(&rig)), (Vec::new(), has.clone()), "{}", rig.message(PROFILE, "us"));
    // What is wanted of it is in force: nothing is read live for that.
    watched(rig.get(CERTIFICATE, "own").unwrap()).unwrap();
    rig.settle(PROFILE, "us").await;
    *rig.objects.gets.lock().unwrap() = 0;
    rig.settle(PROFILE, "us").await;
    assert_eq!((*rig.objects.gets.lock().unwrap(), of_profile(&rig)), (0, has));
}

fn key() -> Key {
    (CERTIFICATE.to_owned(), name("own"))
}

#[tokio::test(start_paused = true)]
async fn a_profile_that_no_watch_shows_yet_keeps_the_old_one() {
    let (rig, old) = with_profile(json!({"notice": "0s", "overlap": "2h"})).await;
    rig.tls_secret("tls", OWN, OWN_KEY);
    both(&rig, MINUTES).await;
    let pins = json!({"region": REGION, "as2Id": "pins", "profileType": "LOCAL", "certificateIds": [old]});
    rig.put(PROFILE, "pins", pins);
    rig.settle(PROFILE, "pins").await;
    let watch = || {
        rig.objects.stand_still();
        let hidden = (PROFILE.to_owned(), name("pins"));
        rig.objects.watched.lock().unwrap().as_mut().map(|all| all.remove(&hidden))
    };
    for _ in 0..60 {
        watch().unwrap();
        rig.settle(CERTIFICATE, "own").await;
        rig.settle(PROFILE, "us").await;
        tokio::time::advance(Duration::from_mins(4)).await;
    }
    assert!(of_profile(&rig) == [id(&rig)] && ids(&rig).contains(&old), "{}", rig.message(CERTIFICATE, "own"));
    assert!(!rig.cloud.calls().contains(&"DeleteCertificate".to_owned()));
}

/// Nobody tells of a change of the source: it is looked for every ten minutes, unless its spec says otherwise.
#[tokio::test(start_paused = true)]
async fn a_source_that_changes_without_a_word_is_read_within_its_time() {
    for (interval, most) in [(None, 10), (Some("1h"), 60)] {
        let rig = own_in(Rig::resyncing(HOUR * 3), json!({"resyncInterval": interval})).await;
        rig.run(CERTIFICATE, "own", HOUR).await;
        let old = id(&rig);
        let due = |requeue| match requeue {
            Requeue::Rest(delay) | Requeue::After(delay) => delay,
            Requeue::Again => Duration::ZERO,
            Requeue::Elsewhere(_) | Requeue::OnChange => panic!("{interval:?}: it never comes again"),
        };
        let mut delay = due(rig.reconcile(CERTIFICATE, "own").await);
        rig.tls_secret("tls", OWN, OWN_KEY);
        let mut waited = Duration::ZERO;
        while rig.cloud.calls.lock().unwrap().is_empty() {
            tokio::time::advance(delay).await;
            waited += delay;
            // Looks are spread: some come a little later than on average.
            assert!(waited <= Duration::from_mins(most) * 5 / 4, "{interval:?}: {waited:?}");
            delay = due(rig.reconcile(CERTIFICATE, "own").await);
        }
        assert!(waited > Duration::from_mins(1), "{interval:?}: at rest it was not looked for at once");
        rig.settle(CERTIFICATE, "own").await;
        assert_ne!(id(&rig), old, "{interval:?}");
    }
}

/// Another tool's profile has it, of which only AWS tells, or does not.
#[tokio::test(start_paused = true)]
async fn one_that_a_strangers_profile_has_is_deleted_once_aws_lets_it() {
    for leniency in [Leniency::Refuse, Leniency::Accept] {
        let rig = with_own(json!({})).await;
        rig.cloud.sim().config.delete_used_certificate = leniency;
        let theirs = json!({"As2Id": "theirs", "ProfileType": "LOCAL", "CertificateIds": [id(&rig)]});
        let does = |operation, input| rig.cloud.sim().out_of_band(operation, ACCOUNT, REGION, input, rig.cloud.now());
        let made = does(Operation::CreateProfile, theirs).unwrap();
        rig.delete(CERTIFICATE, "own");
        rig.run(CERTIFICATE, "own", HOUR).await;
        if leniency == Leniency::Refuse {
            assert_eq!(ids(&rig), [id(&rig)]);
            let message = rig.message(CERTIFICATE, "own");
            assert!(message.contains("in use by profile"), "{message}");
            assert_eq!(rig.says(CERTIFICATE, "own", "Ready").unwrap().1, reasons::DELETION_BLOCKED, "{message}");
            does(Operation::DeleteProfile, json!({"ProfileId": made["ProfileId"]})).unwrap();
            rig.run(CERTIFICATE, "own", HOUR).await;
        }
        assert_eq!((rig.get(CERTIFICATE, "own"), ids(&rig).len()), (None, 0), "{leniency:?}");
    }
}
