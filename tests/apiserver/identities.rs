//! How an identity ends: refused while it is protected, serving what uses it until nothing does, with nothing of it left
//! in the process.

use serde_json::{Value, json};

use crate::protected::gone;
use crate::support::{ControlPlane, await_condition, repository};
use crate::world::{PATIENCE, PLATFORM, World};

const DEFAULT: [&str; 3] = ["delete", "awsidentity", "default"];

/// Waits until the API server refuses to delete the identity; answers with its words.
async fn refused(plane: &ControlPlane) -> String {
    let dry = [&DEFAULT[..], &["--dry-run=server"]].concat();
    await_condition("the refusal", PATIENCE, async || plane.try_kubectl(&dry).await.err().ok_or("not yet")).await
}

#[tokio::test]
async fn an_identity_goes_only_unprotected_and_serves_its_users_until_they_are_gone() {
    let world = World::demo().await;
    let _operator = world.operator(&[]).await;
    world.all_ready(7).await;
    let protect = |value: bool| json!({"spec": {"deletionProtection": value}});
    world.patch("awsidentities", "", "default", &protect(true)).await;
    let words = refused(&world.plane).await;
    assert!(words.contains("AwsIdentity default is protected from deletion"), "{words}");
    assert!(words.contains("set spec.deletionProtection to false first"), "{words}");

    world.patch("awsidentities", "", "default", &protect(false)).await;
    await_condition("the deletion", PATIENCE, async || {
        world.plane.try_kubectl(&[&DEFAULT[..], &["--wait=false"]].concat()).await
    })
    .await;
    let told = world.told("awsidentities", "", "default", "InUse").await;
    assert!(told.contains("goes on serving them") && told.contains("TransferServer sftp-platform/"), "{told}");
    let role = "arn:aws:iam::123456789012:role/sftp/platform/readers";
    world.patch("transferusers", PLATFORM, "alice", &json!({"spec": {"role": role}})).await;
    await_condition("the new role in AWS", PATIENCE, async || {
        let updates = world.done("UpdateUser").await;
        if updates.iter().any(|call| call["input"]["Role"] == role) { Ok(()) } else { Err(format!("{updates:#?}")) }
    })
    .await;
    world.all_ready(7).await;

    world.delete_all().await;
    gone(&world, "awsidentity", "default").await;
    assert!(world.servers().await.is_empty());
}

#[tokio::test]
async fn an_identity_stored_by_an_earlier_version_is_protected_as_it_is_and_stays_ready() {
    let plane = ControlPlane::start().await;
    plane.install().await;
    let crd = "awsidentities.transfer-operator.dev";
    let field = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/deletionProtection";
    let earlier = json!([{"op": "remove", "path": field}]).to_string();
    plane.kubectl(&["patch", "crd", crd, "--type=json", "--patch", &earlier]).await;
    let world = World::beside(plane.into()).await;
    let spec = json!({"accountId": "123456789012", "regions": ["eu-central-1", "us-east-1"], "credentials": {"source": "Operator"}});
    let identity = json!({"apiVersion": "transfer-operator.dev/v1alpha1", "kind": "AwsIdentity", "metadata": {"name": "default"}, "spec": spec});
    await_condition("the earlier version in force", PATIENCE, async || {
        world.try_apply(std::slice::from_ref(&identity)).await?;
        let stored = world.object("awsidentities", "", "default").await;
        if stored["spec"]["deletionProtection"].is_null() { Ok(()) } else { Err(stored.to_string()) }
    })
    .await;
    let stored = world.object("awsidentities", "", "default").await;

    let crds = repository("deploy/crds.yaml");
    let force = ["apply", "--server-side", "--force-conflicts", "--filename", crds.to_str().unwrap()];
    world.plane.kubectl(&force).await;
    refused(&world.plane).await;
    let _operator = world.operator(&[]).await;
    world.told("awsidentities", "", "default", "Verified").await;
    let now = world.object("awsidentities", "", "default").await;
    assert_eq!(now["metadata"]["generation"], stored["metadata"]["generation"], "nobody edited it");
    assert_eq!(now["spec"]["deletionProtection"], Value::Bool(true));
    assert!(!now["status"]["conditions"].to_string().contains("Stalled"), "{now:#?}");
    assert_eq!(world.calls_of("CreateServer").await, Vec::<Value>::new());
    let row = world.plane.kubectl(&["get", "awsid", "default"]).await;
    assert!(row.contains("  eu-central-1, us-east-1  "), "the regions as a person writes them: {row}");
}
