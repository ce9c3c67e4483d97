//! The control plane itself: what all other tests here stand on.

use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Namespace, ServiceAccount};
use kube::Api;
use kube::api::{DeleteParams, ListParams, ObjectMeta, PostParams};
use serde_json::json;
use transfer_operator::api::FINALIZER;

use crate::support::{ControlPlane, Lent, await_condition, managed};

async fn service_account(plane: &ControlPlane, namespace: &str, name: &str) {
    let metadata = ObjectMeta { name: Some(name.to_owned()), ..Default::default() };
    Api::<ServiceAccount>::namespaced(plane.admin().await, namespace)
        .create(&PostParams::default(), &ServiceAccount { metadata, ..Default::default() })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_service_account_has_only_the_rights_that_rbac_gives() {
    let plane = ControlPlane::shared().await;
    let namespace = plane.namespace("identity").await;
    service_account(plane, &namespace, "nobody").await;

    let nobody = plane.client_for(&namespace, "nobody").await;
    let refused = Api::<ConfigMap>::namespaced(nobody, &namespace).list(&ListParams::default()).await.unwrap_err();

    let user = format!("system:serviceaccount:{namespace}:nobody");
    assert!(refused.to_string().contains(&user), "{refused}");
    let requests = plane.requests_of(&namespace, "nobody");
    let list = requests.iter().find(|event| event["objectRef"]["resource"] == "configmaps").unwrap();
    assert_eq!(list["verb"], "list");
    assert_eq!(list["responseStatus"]["code"], 403);
}

#[tokio::test]
async fn the_controller_manager_removes_a_deleted_namespace() {
    let plane = ControlPlane::with_controller_manager().await;
    let name = plane.namespace("deleted").await;
    let namespaces = Api::<Namespace>::all(plane.admin().await);

    namespaces.delete(&name, &DeleteParams::default()).await.unwrap();

    await_condition("the end of the namespace", Duration::from_mins(1), async || {
        match namespaces.get_opt(&name).await.unwrap() {
            None => Ok(()),
            Some(namespace) => Err(format!("{:?}", namespace.status)),
        }
    })
    .await;
}

/// What tests leave behind at the worst: held by finalizers, protected, about to be deleted, and in the way of others.
#[tokio::test]
async fn a_lent_control_plane_is_handed_on_as_it_was_installed() {
    let mut plane = Lent::installed().await;
    let away = plane.namespace("away").await;
    let identity =
        json!({"accountId": "123456789012", "regions": ["eu-central-1"], "credentials": {"source": "Operator"}});
    let mut objects = [
        managed("AwsIdentity", "", "left", &identity),
        managed("TransferServer", &away, "left", &json!({"region": "eu-central-1"})),
        managed("TransferServer", "default", "left", &json!({"region": "eu-central-1"})),
    ];
    for object in &mut objects {
        object["metadata"]["finalizers"] = json!([FINALIZER]);
    }
    objects[0]["metadata"].as_object_mut().unwrap().remove("namespace");
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "left", "namespace": away}});
    let role =
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "left"}});
    let items = [&objects[..], &[secret, role]].concat();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, list.to_string()).unwrap();
    plane.kubectl(&["apply", "--filename", file.path().to_str().unwrap()]).await;
    service_account(&plane, &away, "nobody").await;
    let nobody = plane.client_for(&away, "nobody").await;
    Api::<ConfigMap>::namespaced(nobody, &away).list(&ListParams::default()).await.unwrap_err();
    assert!(!plane.requests_of(&away, "nobody").is_empty());
    // The protection asks the one in `default` to stay; this one is under way.
    let unprotected = r#"{"spec": {"lifecycle": {"deletionProtection": false}}}"#;
    let patch = ["patch", "transferserver", "left", "--type=merge", "--patch", unprotected, "--namespace", &away];
    plane.kubectl(&patch).await;
    plane.kubectl(&["delete", "transferserver", "left", "--wait=false", "--namespace", &away]).await;

    plane.restore().await.unwrap();

    for kinds in ["namespaces", "awsidentities", "transferservers", "secrets", "clusterroles"] {
        let held = plane.kubectl(&["get", kinds, "--all-namespaces", "--output=name"]).await;
        assert!(!held.contains("left") && !held.contains(&away), "{held}");
    }
    assert!(plane.requests_of(&away, "nobody").is_empty());

    let crd = "transferusers.transfer-operator.dev";
    plane.kubectl(&["annotate", "crd", crd, "changed=yes"]).await;
    let told = plane.restore().await.unwrap_err();
    assert!(told.contains(crd) && told.contains("a control plane of its own"), "{told}");
}
