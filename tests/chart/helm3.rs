//! The newest Helm 3, and the way from it to Helm 4, in a real API server. `make test-helm3` builds it and runs these.

use std::time::Duration;

use crate::helm::{Helm, NAMESPACE, RELEASE};
use crate::support::{ControlPlane, await_condition};

const SERVER: &str = r#"{"apiVersion": "transfer-operator.dev/v1alpha1", "kind": "TransferServer",
  "metadata": {"name": "files", "namespace": "default"}, "spec": {"region": "eu-central-1"}}"#;

async fn make_server(plane: &ControlPlane) -> String {
    plane.kubectl(&["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"]).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, SERVER).unwrap();
    let file = file.path().to_str().unwrap();
    await_condition("the server to be accepted", Duration::from_mins(1), async || {
        plane.try_kubectl(&["apply", "--filename", file]).await
    })
    .await;
    version(plane).await
}

/// What any change of the server would change, and its UID.
async fn version(plane: &ControlPlane) -> String {
    let fields = "--output=jsonpath={.metadata.uid} {.metadata.resourceVersion}";
    plane.kubectl(&["get", "transferserver", "files", fields]).await
}

async fn replicas(plane: &ControlPlane) -> String {
    let what =
        ["get", "deployment", "transfer-operator", "--namespace", NAMESPACE, "--output=jsonpath={.spec.replicas}"];
    plane.kubectl(&what).await
}

#[tokio::test]
#[ignore = "builds Helm 3: make test-helm3"]
async fn a_release_of_helm_3_is_upgraded_and_rolled_back_by_helm_4() {
    let plane = ControlPlane::start().await;
    let (three, four) = (Helm::three(&plane), Helm::of(&plane));
    assert!(three.run(&["version", "--template", "{{.Version}}"]).await.starts_with("v3."));

    three.install("").await;
    let server = make_server(&plane).await;
    three.with("upgrade", "replicas: 3", &[]).await;
    assert_eq!(replicas(&plane).await, "3");
    three.run(&["rollback", RELEASE, "1"]).await;
    assert_eq!(replicas(&plane).await, "2");

    // Helm 3 applied from the client's side, Helm 4 goes on so with a release of it.
    four.with("upgrade", "replicas: 4", &[]).await;
    assert_eq!(replicas(&plane).await, "4");
    four.run(&["rollback", RELEASE, "3"]).await;
    assert_eq!(replicas(&plane).await, "2");
    // What Helm 4 left, Helm 3 can read.
    three.with("upgrade", "replicas: 1", &[]).await;
    assert_eq!(replicas(&plane).await, "1");
    assert_eq!(version(&plane).await, server, "no release has touched the server");

    four.run(&["uninstall", RELEASE]).await;
    assert_eq!(version(&plane).await, server);
    three.install("").await;
    assert_eq!(version(&plane).await, server, "an installation takes up what is there");
}

#[tokio::test]
#[ignore = "builds Helm 3: make test-helm3"]
async fn either_helm_leaves_crds_objects_and_identities_when_it_uninstalls() {
    let identity = "identities: [{name: default, spec: {accountId: \"123456789012\", regions: [eu-central-1], \
                    credentials: {source: Operator}}}]";
    for first in ["three", "four"] {
        let plane = ControlPlane::start().await;
        let helm = if first == "three" { Helm::three(&plane) } else { Helm::of(&plane) };
        helm.install("").await;
        let server = make_server(&plane).await;
        helm.with("upgrade", identity, &[]).await;
        helm.run(&["uninstall", RELEASE]).await;

        assert_eq!(version(&plane).await, server, "{first}");
        plane.kubectl(&["get", "awsidentity", "default"]).await;
        let left = plane.kubectl(&["get", "deployment", "--namespace", NAMESPACE, "--output=name"]).await;
        assert_eq!(left, "", "{first}");
        // Under another name the kept ones are another's; taken over, nothing happens to them.
        let other = ["install", "other", crate::helm::chart()];
        let refused = helm.try_run(&other).await.unwrap_err();
        assert!(refused.contains("cannot be imported into the current release"), "{first}: {refused}");
        helm.run(&[&other[..], &["--take-ownership"]].concat()).await;
        assert_eq!(version(&plane).await, server, "{first}");
    }
}

#[tokio::test]
#[ignore = "builds Helm 3: make test-helm3"]
async fn an_edit_by_somebody_else_is_named_or_undone_by_an_upgrade() {
    for first in ["three", "four"] {
        let plane = ControlPlane::start().await;
        let helm = if first == "three" { Helm::three(&plane) } else { Helm::of(&plane) };
        helm.install("").await;
        // A field of the chart's, by another manager.
        let deployment = ["deployment/transfer-operator", "--namespace", NAMESPACE];
        let edit = r#"{"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 5}}}}"#;
        let patch = ["--type=merge", "--field-manager=somebody", "--patch", edit];
        plane.kubectl(&[&["patch"], &deployment[..], &patch].concat()).await;
        let grace = async || {
            let member = "--output=jsonpath={.spec.template.spec.terminationGracePeriodSeconds}";
            plane.kubectl(&[&["get"], &deployment[..], &[member]].concat()).await
        };

        let upgraded = helm.try_with("upgrade", "replicas: 3", &[]).await;
        if first == "four" {
            let refused = upgraded.unwrap_err();
            assert!(refused.contains("conflict") && refused.contains("somebody"), "{refused}");
            assert_eq!((replicas(&plane).await, grace().await), ("2".into(), "5".into()), "nothing of it was applied");
            helm.with("upgrade", "replicas: 3", &["--force-conflicts"]).await;
        } else {
            upgraded.unwrap();
        }
        assert_eq!((replicas(&plane).await, grace().await), ("3".into(), "60".into()), "{first}");
    }
}
