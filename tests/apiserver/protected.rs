//! What asks no admission, or bypasses it, and would take protected servers along: the deletion of their namespace and
//! of their CRD. And what has nothing to protect.

use serde_json::{Value, json};

use crate::support::{ControlPlane, await_condition};
use crate::world::{PATIENCE, PLATFORM, World};

const PROTECTED: &str = "DeletionProtected";

async fn delete(world: &World, kind: &str, name: &str) {
    world.plane.kubectl(&["delete", kind, name, "--wait=false"]).await;
}

async fn deleted_servers(world: &World) -> Vec<Value> {
    world.calls_of("DeleteServer").await
}

/// Waits until the thing is gone from the API server.
pub async fn gone(world: &World, kind: &str, name: &str) {
    await_condition(&format!("the end of {kind} {name}"), PATIENCE, async || {
        let left = world.plane.kubectl(&["get", kind, name, "--ignore-not-found", "--output", "json"]).await;
        if left.is_empty() { Ok(()) } else { Err(left) }
    })
    .await;
}

#[tokio::test]
async fn a_deleted_namespace_waits_for_its_protected_servers() {
    for bypassed in [false, true] {
        let world = World::demo_apart(ControlPlane::with_controller_manager().await).await;
        let _operator = world.operator(&[]).await;
        world.all_ready(7).await;
        if bypassed {
            let policy = "transfer-operator-deletion-protection";
            world.plane.kubectl(&["delete", "validatingadmissionpolicybinding", policy]).await;
            // It is out of force when a deletion that it refuses goes through.
            let probe = ["delete", "transferserver", "files", "--dry-run=server", "--namespace", PLATFORM];
            await_condition("the policy out of force", PATIENCE, async || world.plane.try_kubectl(&probe).await).await;
        }
        delete(&world, "namespace", PLATFORM).await;
        // What is not protected goes: the users and accesses of the namespace.
        await_condition("the end of what is not protected", PATIENCE, async || {
            let objects = world.objects().await;
            let here = |object: &&Value| object["metadata"]["namespace"] == PLATFORM;
            let left: Vec<&Value> = objects.iter().filter(here).collect();
            if left.iter().all(|object| object["kind"] == "TransferServer") {
                Ok(())
            } else {
                Err(format!("{left:#?}"))
            }
        })
        .await;
        for server in ["files", "corp"] {
            if bypassed {
                let message = world.told("transferservers", PLATFORM, server, PROTECTED).await;
                assert!(message.contains("deletionProtection"), "{message}");
            } else {
                let object = world.object("transferservers", PLATFORM, server).await;
                assert_eq!(object["metadata"]["deletionTimestamp"], Value::Null, "admission refused it");
            }
        }
        let namespace = world.get(&format!("/api/v1/namespaces/{PLATFORM}")).await;
        assert_eq!(namespace["status"]["phase"], "Terminating");
        assert_eq!(deleted_servers(&world).await, Vec::<Value>::new());
        assert_eq!(world.servers().await.len(), 2);

        // The user of another namespace still rests on a server of this one.
        world.plane.kubectl(&["delete", "transferuser", "invoices", "--namespace", "team-a"]).await;
        world.unprotect_all().await;
        gone(&world, "namespace", PLATFORM).await;
        assert!(world.servers().await.is_empty());
    }
}

#[tokio::test]
async fn a_deleted_crd_waits_for_its_protected_servers() {
    let world = World::demo_apart(ControlPlane::start().await).await;
    let _operator = world.operator(&[]).await;
    world.all_ready(7).await;
    let crd = "transferservers.transfer-operator.dev";
    let refused = world.plane.try_kubectl(&["delete", "crd", crd]).await.unwrap_err();
    assert!(refused.contains("would delete every TransferServer"), "{refused}");
    world.plane.kubectl(&["delete", "validatingadmissionpolicybinding", "transfer-operator-crd-protection"]).await;
    await_condition("the deletion of the CRD", PATIENCE, async || {
        world.plane.try_kubectl(&["delete", "crd", crd, "--wait=false"]).await
    })
    .await;

    for server in ["files", "corp"] {
        world.told("transferservers", PLATFORM, server, PROTECTED).await;
    }
    assert_eq!(deleted_servers(&world).await, Vec::<Value>::new());
    assert_eq!(world.servers().await.len(), 2);

    for (namespace, kinds) in [(PLATFORM, "transferusers,transferaccesses"), ("team-a", "transferusers")] {
        world.plane.kubectl(&["delete", kinds, "--all", "--namespace", namespace]).await;
    }
    world.unprotect_all().await;
    gone(&world, "crd", crd).await;
    assert!(world.servers().await.is_empty());
}

#[tokio::test]
async fn a_server_that_was_never_created_goes_though_it_is_protected() {
    let world = World::demo().await;
    let _operator = world.operator(&[]).await;
    world.all_ready(7).await;
    world
        .apply(&[json!({
            "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "TransferServer",
            "metadata": {"name": "never", "namespace": PLATFORM},
            "spec": {"region": "eu-central-1", "awsIdentityRef": {"name": "absent"}},
        })])
        .await;
    world.told("transferservers", PLATFORM, "never", "IdentityDenied").await;
    // It waits until the object is gone.
    world.plane.kubectl(&["delete", "transferserver", "never", "--namespace", PLATFORM, "--timeout=60s"]).await;

    let refused = ["delete", "transferserver", "files", "--namespace", PLATFORM];
    let refused = world.plane.try_kubectl(&refused).await.unwrap_err();
    assert!(refused.contains("is protected from deletion"), "{refused}");
    assert_eq!(deleted_servers(&world).await, Vec::<Value>::new());
}
