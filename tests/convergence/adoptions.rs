//! What people made in the console and want looked after here, by its id.

use std::time::Duration;

use serde_json::{Value, json};
use transfer_operator::fakes::api_server::Key;
use transfer_operator::sim::operation::Operation;

use crate::agreements::{self, PROFILES, agreement};
use crate::connectors::{SECRET, connector};
use crate::stage::{Stage, key};
use crate::workflows::{ROLE, profile, server, workflow};

/// Longer than a create whose record is new may still arrive: workflows are not replaced or deleted before.
const LATE: Duration = Duration::from_mins(20);

/// A workflow and a connector of others are taken over once they are as the specs say, or once a person says that they shall
/// become so.
pub async fn w12_by_id(stage: &Stage) {
    let steps = json!([{"Type": "TAG", "TagStepDetails": {"Tags": [{"Key": "scanned", "Value": "a"}]}}]);
    let scan = made(stage, Operation::CreateWorkflow, json!({"Steps": steps}), "WorkflowId");
    let sftp = json!({"UserSecretId": SECRET});
    let acme = json!({"Url": "sftp://theirs.example.com", "AccessRole": ROLE, "SftpConfig": sftp});
    let acme = made(stage, Operation::CreateConnector, acme, "ConnectorId");
    granted(stage, &[&scan, &acme]);
    let scan = stage.apply(&adopting(workflow("scan", &json!({})), &scan));
    let acme = stage.apply(&adopting(connector("acme", &json!({})), &acme));
    stage.reason(&acme, "NotIdentical").await;
    converge(stage, &acme);
    stage.all_ready().await;
    stage.pause(LATE).await;
    stage.delete(&scan);
    stage.gone(&scan).await;
    stage.close().await;
}

/// The same of a profile and of an agreement on a server of ours.
pub async fn w12_as2(stage: &Stage) {
    stage.switch(&agreements::anywhere());
    agreements::profiles(stage);
    let [local, partner] = PROFILES;
    stage.apply(&server("as2", &json!({"lifecycle": {"deletionProtection": false}})));
    stage.all_ready().await;
    let server_id = stage.server_id("as2");
    let orders = json!({"ServerId": server_id, "LocalProfileId": local, "PartnerProfileId": partner, "AccessRole": ROLE,
        "BaseDirectory": "/b/theirs"});
    let orders = format!("{server_id}/{}", made(stage, Operation::CreateAgreement, orders, "AgreementId"));
    granted(stage, &[partner, &orders]);
    let by_id = json!({"localProfileRef": null, "partnerProfileRef": null, "localProfileId": local,
        "partnerProfileId": partner});
    let them = json!({"as2Id": "PARTNER", "profileType": "PARTNER", "tags": {"a": "1"}});
    let them = stage.apply(&adopting(profile("them", &them), partner));
    let orders = stage.apply(&adopting(agreement("orders", &by_id), &orders));
    for object in [&them, &orders] {
        stage.reason(object, "NotIdentical").await;
        converge(stage, object);
    }
    stage.all_ready().await;
    stage.delete(&orders);
    stage.gone(&orders).await;
    stage.close().await;
}

/// What somebody makes in the console; its id.
pub fn made(stage: &Stage, operation: Operation, input: Value, member: &str) -> String {
    stage.console(operation, input)[member].as_str().unwrap().to_owned()
}

/// The identity's grant lists what may be taken over.
pub fn granted(stage: &Stage, ids: &[&str]) {
    stage.edit(&key("AwsIdentity", "default"), |spec| spec["grants"][0]["adoptableIds"] = json!(ids));
}

pub fn adopting(mut object: Value, id: &str) -> Value {
    object["spec"]["lifecycle"] = json!({"deletionPolicy": "Delete", "adoption": {"id": id}});
    object
}

pub fn converge(stage: &Stage, object: &Key) {
    stage.edit(object, |spec| spec["lifecycle"]["adoption"]["mode"] = json!("Converge"));
}
