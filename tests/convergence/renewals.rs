//! Renewals of one's own certificate that something comes in between of: the next one, the one before again, a profile
//! that is held, the end of the object, and a hand in AWS.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};
use transfer_operator::api::{TAG_ATTEMPT, TAG_CLUSTER, TAG_OWNER, TAG_UID};
use transfer_operator::fakes::api_server::Key;
use transfer_operator::sim::operation::Operation;

use crate::certificates::{ISSUER, OWN, RENEWED, certificate, only, own};
use crate::interrupted::suspended;
use crate::stage::Stage;
use crate::workflows::profile;
use crate::world::{ACCOUNT, REGION};

/// A third one of the same owner.
const THIRD: [&str; 2] =
    [include_str!("../fixtures/certificates/second/tls.crt"), include_str!("../fixtures/certificates/second/tls.key")];

/// When something comes in between of a renewal.
#[derive(Clone, Copy, PartialEq)]
enum Phase {
    /// The new one is there and not active yet.
    Notice,
    /// The new one is active and in the profile, and the old one still is.
    Overlap,
}

/// A certificate in a Secret and a profile that names it, both in force.
async fn begun(stage: &Stage) -> [Key; 2] {
    stage.switch(&json!({"delete_used_certificate": "accept", "empty_certificate_ids": "clear"}));
    stage.tls_secret("tls", &[OWN[0], ISSUER].concat(), OWN[1]);
    let both = applied(stage);
    stage.all_ready().await;
    both
}

fn applied(stage: &Stage) -> [Key; 2] {
    let signing = stage.apply(&certificate("signing", &own("10m")));
    [signing, stage.apply(&profile("us", &json!({"certificateRefs": [{"name": "signing"}]})))]
}

/// cert-manager writes another one, and somebody who waits for it asks for a look.
fn write(stage: &Stage, signing: &Key, [certificate, private_key]: [&str; 2]) {
    stage.tls_secret("tls", certificate, private_key);
    stage.poke(signing);
}

/// The same, until the new one is beside the old one in this phase.
async fn beside(stage: &Stage, signing: &Key, pair: [&str; 2], phase: Phase) {
    write(stage, signing, pair);
    let due = move |stage: &Stage| newest(stage, pair[0]).is_some_and(|active| active || phase == Phase::Notice);
    stage.until("the new one is there", due).await;
}

/// Whether this certificate, where AWS has it, is active and in every profile.
fn newest(stage: &Stage, certificate: &str) -> Option<bool> {
    let now = stage.world.clock.now();
    let mut sim = stage.world.sim.lock().unwrap();
    let region = sim.world.region(ACCOUNT, REGION);
    let (id, held) = region.certificates.living().find(|(_, held)| held.certificate == certificate)?;
    Some(held.active_date <= now && region.profiles.living().all(|(_, profile)| profile.certificate_ids.contains(id)))
}

/// Until this one alone is there and in the profile, whatever was imported on the way.
async fn alone(stage: &Stage, [certificate, _]: [&'static str; 2]) {
    stage.until("the last one alone is there", move |stage| only(stage, certificate)).await;
    stage.all_ready().await;
}

/// A renewal comes in the notice of the one before, and another one in its overlap.
pub async fn w16_renewed_again(stage: &Stage) {
    let [signing, _] = begun(stage).await;
    for (first, second, phase) in [(RENEWED, THIRD, Phase::Notice), (OWN, RENEWED, Phase::Overlap)] {
        beside(stage, &signing, first, phase).await;
        write(stage, &signing, second);
        alone(stage, second).await;
    }
    stage.close().await;
}

/// The Secret holds the old one again, in the notice of the new one and in its overlap.
pub async fn w16_renewal_taken_back(stage: &Stage) {
    let [signing, _] = begun(stage).await;
    for phase in [Phase::Notice, Phase::Overlap] {
        beside(stage, &signing, RENEWED, phase).await;
        write(stage, &signing, OWN);
        alone(stage, OWN).await;
    }
    stage.close().await;
}

/// The object is deleted in the middle of a renewal: both go once the profile lets them, and it begins anew afterwards.
pub async fn w16_renewal_deleted(stage: &Stage) {
    let [mut signing, mut us] = begun(stage).await;
    for (pair, phase) in [(RENEWED, Phase::Notice), (OWN, Phase::Overlap)] {
        beside(stage, &signing, pair, phase).await;
        stage.delete(&signing);
        stage.reason(&signing, "DeletionBlocked").await;
        stage.edit(&us, |spec| spec["certificateRefs"] = json!([]));
        stage.gone(&signing).await;
        [signing, us] = applied(stage);
        stage.all_ready().await;
    }
    stage.close().await;
}

/// The profile is suspended until long after the overlap: for it the old one stays in force until it has the new one.
pub async fn w16_renewal_held(stage: &Stage) {
    let [signing, us] = begun(stage).await;
    stage.edit(&us, |spec| spec["suspend"] = json!(true));
    stage.until("the suspension is told", |stage| suspended(stage, &us)).await;
    write(stage, &signing, RENEWED);
    stage.pause(Duration::from_hours(1)).await;
    stage.edit(&us, |spec| spec["suspend"] = json!(false));
    alone(stage, RENEWED).await;
    stage.close().await;
}

/// Somebody takes the owner tags off the old one in the overlap: it is nobody's then, and left in AWS.
pub async fn w16_renewal_untagged(stage: &Stage) {
    let [signing, _] = begun(stage).await;
    let old = ids(stage);
    beside(stage, &signing, RENEWED, Phase::Overlap).await;
    for id in &old {
        let arn = format!("arn:aws:transfer:{REGION}:{ACCOUNT}:certificate/{id}");
        let tags: Value = json!([TAG_CLUSTER, TAG_OWNER, TAG_UID, TAG_ATTEMPT]);
        stage.console(Operation::UntagResource, json!({"Arn": arn, "TagKeys": tags}));
    }
    stage.poke(&signing);
    let left = |stage: &Stage| stage.get(&signing).is_some_and(|object| object["status"].get("replacing").is_none());
    stage.until("the renewal is over", left).await;
    stage.all_ready().await;
    for id in &old {
        stage.console(Operation::DeleteCertificate, json!({"CertificateId": id}));
    }
    alone(stage, RENEWED).await;
    stage.close().await;
}

/// What ended while the object said so is no gap, whatever it says later.
pub async fn an_end_of_the_object_that_it_takes_back_later(stage: &Stage) {
    let [signing, _] = begun(stage).await;
    let soon = stage.world.clock.now().checked_add(SignedDuration::from_mins(10)).unwrap();
    stage.edit(&signing, |spec| spec["inactiveDate"] = json!(soon.to_string()));
    stage.pause(Duration::from_mins(30)).await;
    stage.edit(&signing, |spec| spec["inactiveDate"] = json!("2048-01-01T00:00:00Z"));
    stage.all_ready().await;
}

/// What somebody else ended is a gap, though the object is deleted later.
pub async fn an_end_in_the_console_before_the_object_is_deleted(stage: &Stage) {
    let both = begun(stage).await;
    for object in &both {
        stage.edit(object, |spec| spec["suspend"] = json!(true));
        stage.until("the suspension is told", |stage| suspended(stage, object)).await;
    }
    let soon = stage.world.clock.now().as_second() + 600;
    for id in ids(stage) {
        stage.console(Operation::UpdateCertificate, json!({"CertificateId": id, "InactiveDate": soon}));
    }
    stage.pause(Duration::from_mins(30)).await;
    stage.delete(&both[0]);
}

/// The certificates that AWS has.
fn ids(stage: &Stage) -> Vec<String> {
    let mut sim = stage.world.sim.lock().unwrap();
    sim.world.region(ACCOUNT, REGION).certificates.living().map(|(id, _)| id.clone()).collect()
}
