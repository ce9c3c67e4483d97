//! Samples that show a whole use: each is applied as it stands, and becomes what it promises.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::fields::certificate;
use crate::support::{Lent, repository};
use crate::world::World;

/// A cluster with a sample applied in this namespace, and what the operator needs of AWS.
async fn applied(sample: &str, namespace: &str) -> World {
    let world = World::beside(Arc::new(Lent::installed().await)).await;
    world.plane.kubectl(&["create", "namespace", namespace]).await;
    let file = repository(&format!("deploy/samples/{sample}.yaml"));
    world.plane.kubectl(&["apply", "--filename", file.to_str().unwrap()]).await;
    world
}

/// The value of a tag in what was sent to AWS.
fn tag<'a>(call: &'a Value, key: &str) -> Option<&'a str> {
    let tags = call["input"]["Tags"].as_array()?;
    tags.iter().find(|tag| tag["Key"] == key)?["Value"].as_str()
}

#[tokio::test]
async fn what_a_tenant_has_is_marked_as_its_own_and_nobody_elses() {
    let world = applied("tenant", "tenant-a").await;
    let _operator = world.operator(&[]).await;
    world.all_ready(3).await;
    for operation in ["CreateWorkflow", "CreateServer", "CreateUser"] {
        let made = world.done(operation).await;
        assert_eq!(made.len(), 1, "{operation}");
        assert_eq!(tag(&made[0], "tenant"), Some("tenant-a"), "{operation}");
    }
    let workflow = world.object("transferworkflows", "tenant-a", "inbox").await["status"]["workflowId"].clone();
    let handles = &world.done("CreateServer").await[0]["input"]["WorkflowDetails"]["OnUpload"][0]["WorkflowId"];
    assert_eq!((handles, handles.is_string()), (&workflow, true));

    // Another namespace gets nothing of it: neither its identity nor its server.
    world.plane.kubectl(&["create", "namespace", "tenant-b"]).await;
    let other = |kind: &str, name: &str, spec: Value| {
        json!({
            "apiVersion": "transfer-operator.dev/v1alpha1", "kind": kind,
            "metadata": {"name": name, "namespace": "tenant-b"}, "spec": spec,
        })
    };
    let server = json!({"awsIdentityRef": {"name": "tenant-a"}, "region": "eu-central-1"});
    let user = json!({
        "serverRef": {"name": "files", "namespace": "tenant-a"},
        "role": "arn:aws:iam::123456789012:role/tenant-a/uploads",
        "home": {"s3": {"bucket": "tenant-a-files"}},
    });
    world.apply(&[other("TransferServer", "files", server), other("TransferUser", "guest", user)]).await;
    world.told("transferservers", "tenant-b", "files", "IdentityDenied").await;
    world.told("transferusers", "tenant-b", "guest", "ServerNotAvailable").await;
    assert_eq!(world.done("CreateServer").await.len(), 1);
    assert_eq!(world.done("CreateUser").await.len(), 1);
}

#[tokio::test]
async fn partners_are_reached_by_sftp_and_by_as2() {
    let world = World::beside(Arc::new(Lent::installed().await)).await;
    world.plane.kubectl(&["create", "namespace", "sftp"]).await;
    // AWS chooses the ids of certificates; those of the samples are made up.
    let certificates = [certificate(&world.sim).await, certificate(&world.sim).await];
    for sample in ["identity", "connector", "as2-profiles"] {
        let mut text = std::fs::read_to_string(repository(&format!("deploy/samples/{sample}.yaml"))).unwrap();
        for (number, id) in certificates.iter().enumerate() {
            text = text.replace(&format!("cert-0123456789abcdef{number}"), id);
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, text).unwrap();
        world.plane.kubectl(&["apply", "--filename", file.path().to_str().unwrap()]).await;
    }
    let _operator = world.operator(&[]).await;
    world.all_ready(4).await;
    let profile = async |name: &str| {
        world.object("transferprofiles", "sftp", name).await["status"]["profileId"].as_str().unwrap().to_owned()
    };
    let made = world.done("CreateConnector").await;
    let as2 = made.iter().find_map(|call| call["input"].get("As2Config")).unwrap();
    assert_eq!(
        (&as2["LocalProfileId"], &as2["PartnerProfileId"]),
        (&json!(profile("us").await), &json!(profile("partner").await))
    );
    let sftp = made.iter().find_map(|call| call["input"].get("SftpConfig")).unwrap();
    assert_eq!(sftp["TrustedHostKeys"].as_array().unwrap().len(), 1, "the partner's key of the ConfigMap");
    // The simulator's partners show another one.
    world.told("transferconnectors", "sftp", "acme", "HostKeyNotTrusted").await;
}

#[tokio::test]
async fn a_business_team_gets_a_web_app_with_its_title_and_its_images() {
    let world = World::beside(Arc::new(Lent::installed().await)).await;
    world.plane.kubectl(&["create", "namespace", "sftp"]).await;
    for sample in ["identity", "web-app"] {
        let file = repository(&format!("deploy/samples/{sample}.yaml"));
        world.plane.kubectl(&["apply", "--filename", file.to_str().unwrap()]).await;
    }
    let _operator = world.operator(&[]).await;
    world.all_ready(1).await;
    let status = world.object("transferwebapps", "sftp", "finance").await["status"].clone();
    let address = status["webAppEndpoint"].as_str().unwrap();
    assert!(address.ends_with(".transfer-webapp.eu-central-1.on.aws"), "{status}");
    assert_eq!((&status["accessEndpoint"], status["applicationArn"].is_string()), (&json!(address), true));
    let looks = world.done("UpdateWebAppCustomization").await;
    assert_eq!((looks.len(), &looks[0]["input"]["Title"]), (1, &json!("Files of the finance team")));
    for file in ["LogoFile", "FaviconFile"] {
        // The first bytes of a PNG, which is no text.
        assert!(looks[0]["input"][file].as_str().is_some_and(|image| image.starts_with("iVBORw0KGgo")), "{file}");
    }
}
