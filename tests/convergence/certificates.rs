//! What people do with certificates: a partner's from a ConfigMap, one's own that cert-manager renews, and one that was
//! imported in the console.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use transfer_operator::fakes::api_server::text;
use transfer_operator::sim::operation::Operation;

use crate::adoptions;
use crate::stage::{Stage, key};
use crate::workflows::profile;
use crate::world::{ACCOUNT, REGION, World};

/// A certificate with its key, the issuer of it, and another one of the same owner.
pub const OWN: [&str; 2] =
    [include_str!("../fixtures/certificates/own.pem"), include_str!("../fixtures/certificates/own.key")];
pub const ISSUER: &str = include_str!("../fixtures/certificates/ca.pem");
pub const RENEWED: [&str; 2] =
    [include_str!("../fixtures/certificates/first/tls.crt"), include_str!("../fixtures/certificates/first/tls.key")];
/// Certificates of a partner, without their keys.
pub const PARTNER: [&str; 2] =
    [include_str!("../fixtures/certificates/partner.pem"), include_str!("../fixtures/certificates/long.pem")];

/// A certificate of a partner, read from ConfigMap `partner`, or as the spec says.
pub fn certificate(name: &str, more: &Value) -> Value {
    let mut spec = json!({
        "region": "eu-central-1", "awsIdentityRef": {"name": "default"}, "usage": "SIGNING",
        "configMapKeyRef": {"name": "partner", "key": "one"},
    });
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    spec.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    json!({"kind": "TransferCertificate", "metadata": {"name": name}, "spec": spec})
}

/// The ConfigMap with the certificates of a partner.
pub fn of_partner(stage: &Stage) {
    stage.config_map("partner", &[("one", PARTNER[0]), ("two", PARTNER[1]), ("broken", "none")]);
}

/// Where certificates are read in walks: two of a partner, and two with their keys.
pub fn sources(stage: &Stage) {
    of_partner(stage);
    for (name, pair) in [("tls", OWN), ("other", RENEWED)] {
        stage.tls_secret(name, pair[0], pair[1]);
        let mut api = stage.world.api();
        let data = api.data.get_mut(&key("Secret", name));
        data.map(|data| data.insert("ca.crt".to_owned(), ISSUER.to_owned()));
    }
}

/// Whether AWS has what the source of an object holds, and nothing that it takes the place of any more. Of a source that
/// cannot be read nothing is wanted.
pub fn is_of_source(world: &World, object: &Value) -> bool {
    let (spec, status) = (&object["spec"], &object["status"]);
    let (secret, config_map) = (&spec["secretRef"], &spec["configMapKeyRef"]);
    let (kind, named) = if secret.is_object() { ("Secret", secret) } else { ("ConfigMap", config_map) };
    let keys = ["key", "certificateKey", "certificateChainKey"];
    let text = {
        let data = world.api().data.get(&key(kind, &text(&named["name"]))).cloned().unwrap_or_default();
        let defaulted =
            if secret.is_object() && !secret["certificateKey"].is_string() { Some("tls.crt") } else { None };
        let keys = defaulted.into_iter().chain(keys.iter().filter_map(|member| named[*member].as_str()));
        keys.filter_map(|key| data.get(key).map(String::as_str)).collect::<String>()
    };
    let wanted = listed(&text);
    if wanted.is_empty() {
        return true;
    }
    let mut sim = world.sim.lock().unwrap();
    let held = sim.world.region(ACCOUNT, REGION).certificates.get(status["certificateId"].as_str().unwrap_or_default());
    let held =
        held.map(|kept| [kept.what.certificate.clone(), kept.what.certificate_chain.clone().unwrap_or_default()]);
    status.get("replacing").is_none() && held.is_ok_and(|held| listed(&held.concat()) == wanted)
}

/// The certificates of a text, each without what stands around it.
fn listed(pem: &str) -> Vec<String> {
    let parts = pem.split("-----BEGIN CERTIFICATE-----").skip(1);
    parts.filter_map(|part| part.split_once("-----END")).map(|(body, _)| body.split_whitespace().collect()).collect()
}

/// What makes it one's own, read from Secret `tls`: soon active, and soon over.
pub fn own(notice: &str) -> Value {
    json!({"configMapKeyRef": null, "secretRef": {"name": "tls"}, "rotation": {"notice": notice, "overlap": "20m"}})
}

/// A partner's certificate whose dates and tags change, by its object and by somebody else, and that goes once no profile
/// names it, though AWS would let it go at once.
pub async fn w16_certificate(stage: &Stage) {
    stage.switch(&json!({"delete_used_certificate": "accept", "empty_certificate_ids": "clear"}));
    of_partner(stage);
    let theirs = stage.apply(&certificate("theirs", &json!({"tags": {"a": "1", "b": "2"}, "description": "one"})));
    let refs = json!({"profileType": "PARTNER", "certificateRefs": [{"name": "theirs"}]});
    let them = stage.apply(&profile("them", &refs));
    stage.all_ready().await;
    stage.edit(&theirs, |spec| {
        // For the next one: this one stays in force.
        spec["activeDate"] = json!("2040-01-01T00:00:00Z");
        spec["inactiveDate"] = json!("2048-01-01T00:00:00Z");
        spec["description"] = json!("two");
        spec["tags"] = json!({"a": "2"});
    });
    stage.all_ready().await;
    for (id, _) in held(&stage.world) {
        stage.console(
            Operation::UpdateCertificate,
            json!({"CertificateId": id, "InactiveDate": 2_000_000_000, "Description": "theirs"}),
        );
    }
    stage.poke(&theirs);
    let back = |stage: &Stage| held(&stage.world).iter().all(|(_, until)| until.to_string().starts_with("2048"));
    stage.until("the date is back", back).await;
    stage.all_ready().await;
    stage.delete(&theirs);
    stage.reason(&theirs, "DeletionBlocked").await;
    stage.edit(&them, |spec| spec["certificateRefs"] = json!([]));
    stage.gone(&theirs).await;
    stage.all_ready().await;
    stage.close().await;
}

/// One's own certificate is renewed in its Secret, twice: profiles get each new one beside the old one, which goes after its
/// overlap. The same text again imports nothing. AWS may refuse an ActiveDate that has passed.
pub async fn w16_renewal(stage: &Stage, dates: &str, notice: &str) {
    stage.switch(&json!({"delete_used_certificate": "accept", "dates_outside_validity": dates}));
    stage.tls_secret("tls", &[OWN[0], ISSUER].concat(), OWN[1]);
    let signing = stage.apply(&certificate("signing", &own(notice)));
    stage.apply(&profile("us", &json!({"certificateRefs": [{"name": "signing"}]})));
    stage.all_ready().await;
    for (pair, renewed) in [(RENEWED, true), (RENEWED, false), (OWN, true)] {
        stage.tls_secret("tls", pair[0], pair[1]);
        stage.poke(&signing);
        let wanted = pair[0].to_owned();
        stage.until("the new one alone is there", move |stage| only(stage, &wanted)).await;
        stage.all_ready().await;
        if !renewed {
            stage.pause(Duration::from_mins(15)).await;
        }
    }
    stage.close().await;
}

/// Whether AWS has this certificate of ours and no other, and the profile has it.
pub fn only(stage: &Stage, certificate: &str) -> bool {
    let mut sim = stage.world.sim.lock().unwrap();
    let region = sim.world.region(ACCOUNT, REGION);
    let all: Vec<(String, String)> =
        region.certificates.living().map(|(id, held)| (id.clone(), held.certificate.clone())).collect();
    let [(id, held)] = all.as_slice() else { return false };
    held == certificate && region.profiles.living().all(|(_, profile)| profile.certificate_ids == [id.clone()])
}

/// A certificate of others is taken over once its description is as the spec says.
pub async fn w12_certificate(stage: &Stage) {
    of_partner(stage);
    let theirs = json!({"Usage": "SIGNING", "Certificate": PARTNER[0], "Description": "theirs"});
    let id = adoptions::made(stage, Operation::ImportCertificate, theirs, "CertificateId");
    adoptions::granted(stage, &[&id]);
    let theirs = adoptions::adopting(certificate("theirs", &json!({"description": "ours"})), &id);
    let theirs = stage.apply(&theirs);
    stage.reason(&theirs, "NotIdentical").await;
    adoptions::converge(stage, &theirs);
    stage.all_ready().await;
    // Longer than a create whose record is new may still arrive.
    stage.pause(Duration::from_mins(20)).await;
    stage.delete(&theirs);
    stage.gone(&theirs).await;
    stage.close().await;
}

/// The certificates that AWS has, each with its end. Not by AWS's listing, which may lag.
fn held(world: &World) -> Vec<(String, Timestamp)> {
    let mut sim = world.sim.lock().unwrap();
    let living = sim.world.region(ACCOUNT, REGION).certificates.living();
    living.map(|(id, held)| (id.clone(), held.inactive_date)).collect()
}

/// Why a certificate that an object replaced is still needed: its overlap with the one in force, by what the object
/// itself asks for, is not over.
pub fn overlaps(world: &World, object: &Value, old: &str) -> Option<String> {
    let id = text(&object["status"]["certificateId"]);
    let now = world.clock.now();
    let (begins, ends) = {
        let mut sim = world.sim.lock().unwrap();
        let certificates = &sim.world.region(ACCOUNT, REGION).certificates;
        let (old, new) = (certificates.get(old).ok()?, certificates.get(&id).ok()?);
        (new.what.active_date, old.what.not_after_date)
    };
    let said = object["spec"]["rotation"]["overlap"].as_str().unwrap_or("24h");
    let overlap: SignedDuration = said.parse().unwrap();
    let until = object["spec"]["inactiveDate"].as_str().and_then(|text| text.parse().ok()).unwrap_or(Timestamp::MAX);
    let end = ends.min(begins.checked_add(overlap).unwrap_or(Timestamp::MAX)).min(until);
    (now < end).then(|| format!("its overlap lasts until {end}"))
}
