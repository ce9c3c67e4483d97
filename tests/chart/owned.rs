//! Servers as a release of somebody's own chart: what Helm makes of their protection.

use std::time::Duration;

use crate::helm::Helm;
use crate::support::{ControlPlane, await_condition};

const CHART: &str = "{apiVersion: v2, name: partners, version: 1.0.0}";
/// With the finalizer of an operator, as of a server that AWS has.
const OBJECTS: &str = r"
apiVersion: v1
kind: ConfigMap
metadata: {name: keys, namespace: default}
---
apiVersion: transfer-operator.dev/v1alpha1
kind: TransferServer
metadata: {name: files, namespace: default, finalizers: [transfer-operator.dev/finalizer]}
spec:
  region: eu-central-1
  lifecycle: {deletionProtection: {{ .Values.protected }}}
";

#[tokio::test]
async fn a_release_with_a_protected_server_is_unprotected_before_it_goes() {
    let plane = ControlPlane::start().await;
    let helm = Helm::of(&plane);
    helm.install("").await;
    plane.kubectl(&["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"]).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("templates")).unwrap();
    std::fs::write(folder.path().join("Chart.yaml"), CHART).unwrap();
    std::fs::write(folder.path().join("values.yaml"), "protected: true").unwrap();
    std::fs::write(folder.path().join("templates/objects.yaml"), OBJECTS).unwrap();
    let chart = folder.path().to_str().unwrap();
    helm.run(&["install", "partners", chart]).await;
    // Policies are in force a moment after they were created.
    await_condition("the deletion policy", Duration::from_mins(1), async || {
        plane
            .try_kubectl(&["delete", "transferserver", "files", "--dry-run=server"])
            .await
            .err()
            .ok_or("not yet".to_owned())
    })
    .await;

    // Helm takes what it can, does not say why it could not take the rest, and upgrades such a release no more.
    let refused = helm.try_run(&["uninstall", "partners"]).await.unwrap_err();
    assert_eq!(refused.trim(), "Error: failed to delete release: partners");
    let gone = plane.try_kubectl(&["get", "configmap", "keys"]).await.unwrap_err();
    assert!(gone.contains("not found"), "{gone}");
    let refused = helm.try_run(&["upgrade", "partners", chart, "--set", "protected=false"]).await.unwrap_err();
    assert!(refused.contains("has no deployed releases"), "{refused}");

    // The two ways out that the chart's README tells of: keep it, or let it go.
    helm.run(&["rollback", "partners", "1"]).await;
    plane.kubectl(&["get", "configmap", "keys"]).await;
    let unprotect = r#"{"spec": {"lifecycle": {"deletionProtection": false}}}"#;
    plane.kubectl(&["patch", "transferserver", "files", "--type=merge", "--patch", unprotect]).await;
    helm.run(&["uninstall", "partners"]).await;
    let going = ["get", "transferserver", "files", "--output=jsonpath={.metadata.deletionTimestamp}"];
    assert_ne!(plane.kubectl(&going).await, "");
}
