//! The HelmRelease that `deploy/flux` ships, with the chart as a release publishes it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Flux, PATIENCE, Person, told};
use crate::support::{ControlPlane, await_condition};

/// What the chart installs, kinds whose status others write left out but for their generation.
const KINDS: &str = "crd,clusterrole,clusterrolebinding,role,rolebinding,deployment,serviceaccount,\
                     poddisruptionbudget,validatingadmissionpolicy,validatingadmissionpolicybinding";

#[tokio::test]
async fn the_shipped_helm_release_installs_the_chart_and_then_changes_nothing() {
    let plane = ControlPlane::with_controller_manager().await;
    let flux = Flux::start(&plane).await;
    flux.push_chart().await;
    let person = Person { plane: &plane, flux: &flux, namespace: "transfer-operator-system" };
    let file = "deploy/flux/operator.yaml";
    person.apply(&flux.shipped(file, "Namespace", &json!({}))).await;
    person.apply(&flux.shipped(file, "OCIRepository", &json!({}))).await;
    // There is no node that a pod could run on.
    let unawaited = json!({"install": {"disableWait": true}});
    person.apply(&flux.shipped(file, "HelmRelease", &unawaited)).await;
    let wait = ["wait", "--for=condition=Ready", "helmrelease", "--all", "--timeout=240s", "--namespace"];
    plane.kubectl(&[&wait[..], &[person.namespace]].concat()).await;
    let installed = person.get("helmrelease").await;
    assert_eq!(told(&installed).0, "InstallSucceeded", "{installed:#}");

    let before = installed_objects(&plane).await;
    for expected in ["Deployment transfer-operator", "CustomResourceDefinition transferservers.transfer-operator.dev"] {
        assert!(before.contains_key(expected), "{expected} is not in {before:#?}");
    }
    let again = person.again("helmrelease").await;
    assert_eq!(told(&again).0, "InstallSucceeded", "{again:#}");
    assert_eq!(installed_objects(&plane).await, before);

    // An engine that saw nothing at all would pass as well.
    let scale = ["scale", "deployment/transfer-operator", "--replicas=5", "--namespace", person.namespace];
    plane.kubectl(&scale).await;
    person.again("helmrelease").await;
    let read = ["get", "deployment/transfer-operator", "--output=jsonpath={.spec.replicas}"];
    await_condition("drift is put right", PATIENCE, async || {
        let live = plane.kubectl(&[&read[..], &["--namespace", person.namespace]].concat()).await;
        if live == "2" { Ok(()) } else { Err(live) }
    })
    .await;
}

/// The version of each; where others write a status, of what is wanted.
async fn installed_objects(plane: &ControlPlane) -> BTreeMap<String, String> {
    let selector = "--selector=app.kubernetes.io/part-of=transfer-operator";
    let text = plane.kubectl(&["get", KINDS, "--all-namespaces", selector, "--output=json"]).await;
    let list: Value = serde_json::from_str(&text).unwrap();
    let of = |object: &Value| {
        let (kind, meta) = (object["kind"].as_str().unwrap(), &object["metadata"]);
        let version = if meta["generation"].is_null() { &meta["resourceVersion"] } else { &meta["generation"] };
        (format!("{kind} {}", meta["name"].as_str().unwrap()), version.to_string())
    };
    list["items"].as_array().unwrap().iter().map(of).collect()
}
