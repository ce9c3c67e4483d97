//! What `kubectl transfer export` writes of workflows, profiles, agreements and connectors is taken over with no change but
//! the tags that say whose it is; they find one another by name.

use serde_json::{Value, json};

use super::exported::{exported, make, server, taken_over};
use super::rig::{ROLE, Rig, SECRET};
use crate::sim::operation::Operation;

const CERTIFICATE: &str = "cert-00000000000000001";
const TRUSTED: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBAhbB6E6diw5mrGd9p6StUEKptq3R4hhVV+9eIBRP2CXg0mz9/6xkDfmyX4uKShk/FF/OZdLZTuuy9t4k9Qi6tw=";

fn made(rig: &Rig, operation: Operation, input: Value, id: &str) -> String {
    make(rig, operation, input)[id].as_str().unwrap().to_owned()
}

/// Of each kind what has every member, and what has few.
fn everything(rig: &Rig) -> Vec<String> {
    rig.cloud.put_certificate(CERTIFICATE);
    let tag = |key: &str, value: &str| json!({"Key": key, "Value": value});
    let location = json!({"S3FileLocation": {"Bucket": "archive", "Key": "in/"}});
    let steps = json!([
        {"Type": "COPY", "CopyStepDetails": {"Name": "keep", "DestinationFileLocation": location, "OverwriteExisting": "TRUE",
            "SourceFileLocation": "${original.file}"}},
        {"Type": "TAG", "TagStepDetails": {"Tags": [tag("seen", "")]}},
        {"Type": "DELETE", "DeleteStepDetails": {}},
    ]);
    let workflow = json!({"Description": "keeps a copy", "Steps": steps, "OnExceptionSteps": [steps[2]],
        "Tags": [tag("Name", "Keep"), tag("who", "us")]});
    let workflow = made(rig, Operation::CreateWorkflow, workflow, "WorkflowId");
    let us = json!({"As2Id": "us", "ProfileType": "LOCAL"});
    let them = json!({"As2Id": "Partner_Inc", "ProfileType": "PARTNER", "CertificateIds": [CERTIFICATE]});
    let us = made(rig, Operation::CreateProfile, us, "ProfileId");
    let them = made(rig, Operation::CreateProfile, them, "ProfileId");
    let network = json!({"VpcId": "vpc-0123456789abcdef0", "SubnetIds": ["subnet-0123456789abcdef0"]});
    let runs = json!({"OnUpload": [{"WorkflowId": workflow, "ExecutionRole": ROLE}]});
    let as2 = json!({"EndpointType": "VPC", "EndpointDetails": network, "Protocols": ["AS2"], "WorkflowDetails": runs,
        "ProtocolDetails": {"As2Transports": ["HTTP"]}, "Tags": [tag("Name", "as2")]});
    let as2 = server(rig, as2);
    let agreement = json!({"ServerId": as2, "LocalProfileId": us, "PartnerProfileId": them, "AccessRole": ROLE,
        "BaseDirectory": "/b/in", "Description": "orders", "EnforceMessageSigning": "ENABLED"});
    make(rig, Operation::CreateAgreement, agreement);
    let over_as2 = json!({"LocalProfileId": us, "PartnerProfileId": them, "Compression": "ZLIB", "MessageSubject": "orders",
        "EncryptionAlgorithm": "AES128_CBC", "SigningAlgorithm": "SHA256", "MdnResponse": "ASYNC",
        "AsyncMdnConfig": {"Url": "http://as2.example.com:5080", "ServerIds": [as2]}, "BasicAuthSecretId": SECRET});
    let sftp = json!({"UserSecretId": SECRET, "TrustedHostKeys": [TRUSTED], "MaxConcurrentConnections": 3});
    let lattice = json!({"VpcLattice": {"PortNumber": 2222,
        "ResourceConfigurationArn": "arn:aws:vpc-lattice:eu-central-1:123456789012:resourceconfiguration/rcfg-0123456789abcdef0"}});
    let connectors = [
        json!({"Url": "https://as2.partner.example", "AccessRole": ROLE, "As2Config": over_as2}),
        json!({"Url": "sftp://sftp.partner.example", "AccessRole": ROLE, "LoggingRole": ROLE, "SftpConfig": sftp,
            "SecurityPolicyName": "TransferSFTPConnectorSecurityPolicy-2024-03", "Tags": [tag("Name", "to partner")]}),
        json!({"EgressConfig": lattice, "AccessRole": ROLE, "SftpConfig": sftp}),
    ];
    let connectors = connectors.map(|input| made(rig, Operation::CreateConnector, input, "ConnectorId"));
    [workflow, us, them, as2].into_iter().chain(connectors).collect()
}

#[tokio::test(start_paused = true)]
async fn partners_of_every_way_are_taken_over_unchanged_and_by_name() {
    let rig = Rig::new();
    let mut ids = everything(&rig);
    let text = exported(&rig, &ids).await;
    let agreement = text.lines().find_map(|line| line.strip_prefix("# agreement ")).unwrap();
    ids.push(agreement.to_owned());
    for id in &ids {
        assert!(text.contains(&format!("#     - \"{id}\"")), "{id} is granted: {text}");
    }
    for list in ["certificateIds", "secretArns", "roleArns"] {
        assert!(text.contains(&format!("#     {list}:\n")), "{list}: {text}");
    }
    let documents = taken_over(&rig, &text, &ids).await;
    let named: Vec<String> = documents
        .iter()
        .map(|document| &document.value)
        .map(|value| format!("{} {}", value["kind"].as_str().unwrap(), value["metadata"]["name"].as_str().unwrap()))
        .collect();
    assert_eq!(
        named[..4],
        ["TransferWorkflow keep", "TransferProfile us", "TransferProfile partner-inc", "TransferServer as2"]
    );
    let spec = |at: usize| &documents[at].value["spec"];
    assert_eq!(spec(2)["certificateIds"], json!([CERTIFICATE]));
    assert_eq!(spec(3)["workflowDetails"]["onUpload"][0]["workflowRef"]["name"], "keep");
    let (ours, theirs) = (json!({"name": "us"}), json!({"name": "partner-inc"}));
    assert_eq!((&spec(4)["localProfileRef"], &spec(4)["partnerProfileRef"]), (&ours, &theirs));
    assert_eq!((&spec(4)["serverRef"]["name"], &spec(4)["region"]), (&json!("as2"), &Value::Null));
    let config = &spec(5)["as2Config"];
    assert_eq!((&config["localProfileRef"], &config["partnerProfileRef"]), (&ours, &theirs));
    assert_eq!(config["asyncMdnConfig"]["serverRefs"], json!([{"name": "as2"}]));
    assert!(!text.contains("is not exported along"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn what_is_exported_alone_names_the_others_by_their_ids() {
    let rig = Rig::new();
    let ids = everything(&rig);
    let agreement = exported(&rig, &ids).await;
    let agreement = agreement.lines().find_map(|line| line.strip_prefix("# agreement ")).unwrap().to_owned();
    let text = exported(&rig, std::slice::from_ref(&agreement)).await;
    let documents = taken_over(&rig, &text, &[agreement, ids[3].clone()]).await;
    let spec = &documents[0].value["spec"];
    assert_eq!((&spec["serverId"], &spec["localProfileId"]), (&json!(ids[3]), &json!(ids[1])));
    assert!(text.contains("#     serverIds:\n") && text.contains("#     kinds: [TransferAgreement]"), "{text}");

    let text = exported(&rig, &[ids[4].clone()]).await;
    let said = format!("# server {} is not exported along", ids[3]);
    assert!(text.contains(&said) && text.contains(&format!("localProfileId: {}", ids[1])), "{text}");
}
