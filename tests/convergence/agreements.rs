//! What people do with agreements: the workflow of a partner who sends messages to a server of ours.

use std::time::Duration;

use serde_json::{Value, json};
use transfer_operator::sim::operation::Operation;
use transfer_operator::sim::partners::Profile;

use crate::stage::Stage;
use crate::workflows::{OTHER_ROLE, ROLE, profile, server};
use crate::world::{ACCOUNT, REGION};

/// What lets agreements be on a server without a VPC, which those that speak AS2 need.
pub fn anywhere() -> Value {
    json!({"agreement_without_as2": "accept"})
}

/// An agreement on server `as2` between the profiles `us` and `them`.
pub fn agreement(name: &str, more: &Value) -> Value {
    let mut spec = json!({
        "serverRef": {"name": "as2"}, "localProfileRef": {"name": "us"}, "partnerProfileRef": {"name": "them"},
        "accessRole": ROLE, "baseDirectory": "/b/in",
    });
    for (member, value) in more.as_object().unwrap() {
        spec[member] = value.clone();
    }
    spec.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    json!({"kind": "TransferAgreement", "metadata": {"name": name}, "spec": spec})
}

/// Profiles that AWS has once [`profiles`] put them there, of oneself and of a partner.
pub const PROFILES: [&str; 2] = ["p-0000000000000000a", "p-0000000000000000b"];

/// Somebody makes profiles of both sides; nobody here looks after them.
pub fn profiles(stage: &Stage) {
    let now = stage.world.clock.now();
    let mut sim = stage.world.sim.lock().unwrap();
    for (id, side) in PROFILES.into_iter().zip(["LOCAL", "PARTNER"]) {
        let what = Profile { as2_id: side.to_owned(), profile_type: side.to_owned(), certificate_ids: Vec::new() };
        sim.world.region(ACCOUNT, REGION).profiles.add(id.to_owned(), what, Vec::new(), now);
    }
}

/// All five.
pub fn directories() -> Value {
    json!({"failedFilesDirectory": "/b/failed", "mdnFilesDirectory": "/b/mdn", "payloadFilesDirectory": "/b/in",
        "statusFilesDirectory": "/b/status", "temporaryFilesDirectory": "/b/temporary"})
}

/// An agreement waits for its server and its profiles, is changed by its object, and its partner becomes another
/// one. In the end all is deleted at once, where AWS would let each of them go first.
pub async fn w16_agreement(stage: &Stage) {
    stage.switch(&anywhere());
    stage.switch(&json!({"delete_used_profile": "accept", "delete_server_with_agreements": "cascade"}));
    let orders = stage.apply(&agreement("orders", &json!({"tags": {"a": "1", "b": "2"}, "description": "orders"})));
    let unprotected = json!({"lifecycle": {"deletionProtection": false}});
    let as2 = stage.apply(&server("as2", &unprotected));
    let us = stage.apply(&profile("us", &json!({})));
    let them = stage.apply(&profile("them", &json!({"profileType": "PARTNER"})));
    stage.all_ready().await;
    stage.edit(&orders, |spec| {
        spec.as_object_mut().unwrap().remove("baseDirectory");
        spec["customDirectories"] = directories();
        spec["status"] = json!("INACTIVE");
        spec["accessRole"] = json!(OTHER_ROLE);
        spec["tags"] = json!({"a": "2"});
    });
    stage.all_ready().await;
    stage.apply(&profile("others", &json!({"profileType": "PARTNER"})));
    stage.edit(&orders, |spec| {
        spec["partnerProfileRef"] = json!({"name": "others"});
        spec.as_object_mut().unwrap().remove("status");
    });
    stage.delete(&them);
    stage.gone(&them).await;
    stage.all_ready().await;
    for key in [&as2, &us, &orders] {
        stage.delete(key);
    }
    for key in [&orders, &us, &as2] {
        stage.gone(key).await;
    }
    stage.close().await;
}

/// A shut agreement that somebody opens in the console is shut again, and what somebody made there himself keeps the server
/// until it is gone, though AWS would take it along.
pub async fn w16_agreement_console(stage: &Stage) {
    stage.switch(&anywhere());
    stage.switch(&json!({"delete_server_with_agreements": "cascade"}));
    profiles(stage);
    let [local, partner] = PROFILES;
    let as2 = stage.apply(&server("as2", &json!({"lifecycle": {"deletionProtection": false}})));
    let by_id = json!({"localProfileRef": null, "partnerProfileRef": null, "localProfileId": local,
        "partnerProfileId": partner, "status": "INACTIVE"});
    let orders = stage.apply(&agreement("orders", &by_id));
    stage.all_ready().await;
    let server_id = stage.server_id("as2");
    for (id, _) in statuses(stage) {
        stage.console(
            Operation::UpdateAgreement,
            json!({"ServerId": server_id, "AgreementId": id, "Status": "ACTIVE", "BaseDirectory": "/b/theirs"}),
        );
    }
    stage.poke(&orders);
    let shut = |stage: &Stage| statuses(stage).iter().all(|(_, status)| status == "INACTIVE");
    stage.until("the agreement is shut again", shut).await;
    stage.all_ready().await;
    stage.delete(&orders);
    stage.gone(&orders).await;
    // Of the same partners, without a tag of anybody's.
    let theirs = json!({"ServerId": server_id, "LocalProfileId": local, "PartnerProfileId": partner, "AccessRole": ROLE,
        "BaseDirectory": "/b/theirs"});
    stage.console(Operation::CreateAgreement, theirs);
    // What AWS's listing does not show yet nobody can keep.
    stage.pause(Duration::try_from(stage.world.setup.listing_lag).unwrap()).await;
    stage.delete(&as2);
    stage.reason(&as2, "DeletionBlocked").await;
    // None where the server went all the same, which the oracle tells.
    for (id, _) in statuses(stage) {
        stage.console(Operation::DeleteAgreement, json!({"ServerId": server_id, "AgreementId": id}));
    }
    stage.gone(&as2).await;
    stage.close().await;
}

/// The agreements that AWS has, each with its status. Not by AWS's listing, which may lag.
fn statuses(stage: &Stage) -> Vec<(String, String)> {
    let mut sim = stage.world.sim.lock().unwrap();
    let living = sim.world.region(ACCOUNT, REGION).agreements.living();
    living.map(|(id, agreement)| (id.clone(), agreement.status.clone())).collect()
}

/// Whether a profile is remembered that a call named and nobody wants any more: that it is forgotten is a write by itself.
pub fn awaits(object: &Value) -> bool {
    let hashes = object["status"]["applied"]["hashes"].as_object();
    hashes.is_some_and(|hashes| hashes.keys().any(|key| key.ends_with("#left")))
}
