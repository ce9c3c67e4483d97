//! The control plane itself: what all other tests here stand on.

use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Namespace, ServiceAccount};
use kube::Api;
use kube::api::{DeleteParams, ListParams, ObjectMeta, PostParams};

use crate::support::{ControlPlane, await_condition};

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
