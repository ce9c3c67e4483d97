//! The life of a release in a real API server: installed, upgraded, uninstalled, installed again.

use std::time::Duration;

use base64::Engine as _;
use serde_json::Value;
use transfer_operator::api;

use crate::helm::{EVERYTHING, Helm, NAMESPACE, RELEASE, read};
use crate::support::{ControlPlane, await_condition};

const SERVER: &str = r#"{"apiVersion": "transfer-operator.dev/v1alpha1", "kind": "TransferServer",
  "metadata": {"name": "files", "namespace": "default"}, "spec": {"region": "eu-central-1"}}"#;

/// The example values of the chart's README.
fn readme_values() -> String {
    let readme = read("charts/transfer-operator/README.md");
    let block = readme.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next());
    block.expect("the README has an example in YAML").to_owned()
}

/// A Secret of more than 1 MiB is refused; this leaves room for CRDs that grow.
const LARGEST_RELEASE: usize = 700 * 1024;

#[tokio::test]
async fn objects_and_crds_outlive_the_release_and_the_next_one_takes_them_up() {
    let plane = ControlPlane::start().await;
    let helm = Helm::of(&plane);

    helm.install("").await;
    apply(&plane, SERVER).await;
    plane.kubectl(&["create", "namespace", "all-keys"]).await;
    plane.kubectl(&["create", "namespace", "one-key"]).await;
    let uid = plane.kubectl(&["get", "transferserver", "files", "-o", "jsonpath={.metadata.uid}"]).await;

    // Helm sends what it renders by server-side apply, which refuses unknown fields: all of EVERYTHING is checked here.
    helm.with("upgrade", EVERYTHING, &[]).await;
    let deployment = get(&plane, &["deployment", "transfer-operator", "--namespace", NAMESPACE]).await;
    let args = &deployment["spec"]["template"]["spec"]["containers"][0]["args"];
    assert!(args.as_array().unwrap().contains(&"--resync-interval=5m".into()), "{args}");
    let identities = plane.kubectl(&["get", "awsidentities", "-o", "name"]).await;
    let both = ["awsidentity.transfer-operator.dev/default", "awsidentity.transfer-operator.dev/second"];
    assert_eq!(identities.lines().collect::<Vec<_>>(), both);

    helm.run(&["uninstall", RELEASE]).await;
    for gone in [
        vec!["deployment", "transfer-operator", "--namespace", NAMESPACE],
        vec!["clusterrole", "transfer-operator"],
        vec!["validatingadmissionpolicy", "transfer-operator-deletion-protection"],
    ] {
        let error = plane.try_kubectl(&[&["get"], &gone[..]].concat()).await.unwrap_err();
        assert!(error.contains("not found"), "{gone:?}: {error}");
    }
    assert_eq!(plane.kubectl(&["get", "awsidentities", "-o", "name"]).await, identities);

    // The CRDs are there, so that this time identities are possible at once.
    helm.install(EVERYTHING).await;
    let server = get(&plane, &["transferserver", "files"]).await;
    assert_eq!(server["metadata"]["uid"], uid.as_str());
    assert!(server["metadata"]["deletionTimestamp"].is_null());
}

#[tokio::test]
async fn a_first_installation_with_identities_says_what_to_do() {
    let plane = ControlPlane::start().await;
    let helm = Helm::of(&plane);

    let refused = helm.try_with("install", EVERYTHING, &["--create-namespace"]).await.unwrap_err();
    assert!(refused.contains("install the chart without identities first"), "{refused}");
    assert_eq!(plane.kubectl(&["get", "crd", "-o", "name"]).await, "");

    // Whoever brings the CRDs by other means needs one step.
    let crds = crate::support::repository("deploy/crds.yaml");
    plane.kubectl(&["apply", "--server-side", "--filename", crds.to_str().unwrap()]).await;
    plane.kubectl(&["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"]).await;
    plane.kubectl(&["create", "namespace", "all-keys"]).await;
    plane.kubectl(&["create", "namespace", "one-key"]).await;
    helm.install(&format!("{EVERYTHING}\ncrds: {{enabled: false}}\n")).await;
    plane.kubectl(&["get", "awsidentity", "default"]).await;
}

#[tokio::test]
async fn helm_takes_over_what_the_plain_manifests_installed() {
    let plane = ControlPlane::start().await;
    plane.install().await;
    let helm = Helm::of(&plane);

    let refused = helm.try_with("install", "", &[]).await.unwrap_err();
    assert!(refused.contains("cannot be imported into the current release"), "{refused}");
    helm.with("install", "", &["--take-ownership"]).await;
    // And back again: neither way of installing fights over a field.
    plane.install().await;
}

#[tokio::test]
async fn helm_takes_over_older_crds_only_with_force() {
    let plane = ControlPlane::start().await;
    // As an older release wrote them: kubectl holds fields that this chart has otherwise.
    let words = "description: Which account, with which credentials, and who may use it for what.";
    let older = read("deploy/crds.yaml").replace(words, "description: Older words.");
    assert_ne!(older, read("deploy/crds.yaml"));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, older).unwrap();
    plane.kubectl(&["apply", "--server-side", "--filename", file.path().to_str().unwrap()]).await;
    let helm = Helm::of(&plane);

    let take = ["--create-namespace", "--take-ownership"];
    let refused = helm.try_with("install", "", &take).await.unwrap_err();
    assert!(refused.contains("conflict"), "{refused}");
    helm.with("upgrade", "", &["--install", take[0], take[1], "--force-conflicts"]).await;
    let crd = plane.kubectl(&["get", "crd", "awsidentities.transfer-operator.dev", "--output=yaml"]).await;
    assert!(!crd.contains("Older words."), "the CRD is still the older one");
}

#[tokio::test]
async fn a_second_operator_in_the_cluster_is_refused() {
    let plane = ControlPlane::start().await;
    let helm = Helm::of(&plane);
    helm.install("").await;

    let refused = helm.try_run(&["install", "another", crate::helm::chart(), "--set", "crds.enabled=false"]).await;
    let message = refused.unwrap_err();
    assert!(message.contains("cannot be imported into the current release"), "{message}");
}

#[tokio::test]
async fn protection_holds_until_it_is_lifted() {
    let plane = ControlPlane::start().await;
    let helm = Helm::of(&plane);
    helm.install("").await;
    apply(&plane, SERVER).await;
    // Another's finalizer, and a status that claims a server, are no sign that one was ever created.
    apply(&plane, &SERVER.replace("files", "never")).await;
    let finalizers = |name: &'static str, all: &'static str| {
        let patch = format!(r#"{{"metadata": {{"finalizers": {all}}}}}"#);
        let plane = &plane;
        async move { plane.kubectl(&["patch", "transferserver", name, "--type=merge", "--patch", &patch]).await }
    };
    finalizers("files", r#"["example.com/other", "transfer-operator.dev/finalizer"]"#).await;
    finalizers("never", r#"["example.com/other"]"#).await;
    let claimed = r#"{"status": {"observedGeneration": 1, "serverId": "s-0123456789abcdef0"}}"#;
    let status = ["--subresource=status", "--type=merge", "--patch", claimed];
    plane.kubectl(&[&["patch", "transferserver", "never"], &status[..]].concat()).await;

    // Policies are in force a moment after they were created.
    let delete = ["delete", "transferserver", "files", "--wait=false"];
    await_condition("the deletion policy", Duration::from_mins(1), async || {
        match plane.try_kubectl(&[&delete[..], &["--dry-run=server"]].concat()).await {
            Err(refused) if refused.contains("set spec.lifecycle.deletionProtection to false first") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    for force in [vec![], vec!["--force"], vec!["--cascade=orphan"]] {
        let refused = plane.try_kubectl(&[&delete[..], &force[..]].concat()).await.unwrap_err();
        assert!(refused.contains("TransferServer default/files is protected from deletion"), "{force:?}: {refused}");
    }
    plane.kubectl(&["delete", "transferserver", "never", "--wait=false"]).await;
    finalizers("never", "null").await;
    for crd in api::all_crds() {
        let name = crd.metadata.name.unwrap();
        let refused = plane.try_kubectl(&["delete", "crd", &name]).await.unwrap_err();
        assert!(refused.contains("transfer-operator-crd-protection"), "{name}: {refused}");
    }

    let lift = r#"{"spec": {"lifecycle": {"deletionProtection": false}}}"#;
    plane.kubectl(&["patch", "transferserver", "files", "--type=merge", "--patch", lift]).await;
    plane.kubectl(&delete).await;
    finalizers("files", "null").await;
    for name in ["files", "never"] {
        let gone = plane.try_kubectl(&["get", "transferserver", name]).await.unwrap_err();
        assert!(gone.contains("not found"), "{gone}");
    }
}

#[tokio::test]
async fn the_examples_of_the_readme_and_of_the_demo_are_accepted() {
    let plane = ControlPlane::start().await;
    let helm = Helm::of(&plane);
    helm.install("").await;
    apply(&plane, SERVER).await;
    helm.with("upgrade", &readme_values(), &[]).await;
    let unprotected = r#"{"spec": {"deletionProtection": false}}"#;
    plane.kubectl(&["patch", "awsidentity", "default", "--type=merge", "--patch", unprotected]).await;
    plane.kubectl(&["delete", "awsidentity", "default"]).await;

    let demo = crate::support::repository("deploy/demo");
    plane.kubectl(&["apply", "--validate=strict", "--filename", demo.to_str().unwrap()]).await;
    let objects = plane.kubectl(&["get", "transfer", "--all-namespaces", "--output=name"]).await;
    for kind in ["transferserver", "transferuser", "transferaccess"] {
        assert!(objects.contains(&format!("{kind}.transfer-operator.dev/")), "no {kind} in the demo: {objects}");
    }
    // What deletes all of a namespace must not reach the identities of the whole cluster.
    assert!(!objects.contains("awsidentity"), "{objects}");
    let identities = plane.kubectl(&["get", "awsidentities", "--output=name"]).await;
    assert_eq!(identities.trim(), "awsidentity.transfer-operator.dev/default");
}

#[tokio::test]
async fn a_release_stays_well_below_the_limit_of_a_secret() {
    let plane = ControlPlane::start().await;
    let helm = Helm::of(&plane);
    helm.install("").await;

    let stored = get(&plane, &["secret", &format!("sh.helm.release.v1.{RELEASE}.v1"), "--namespace", NAMESPACE]).await;
    let encoded = stored["data"]["release"].as_str().unwrap();
    let release = base64::engine::general_purpose::STANDARD.decode(encoded).unwrap();
    assert!(release.len() < LARGEST_RELEASE, "the release takes {} bytes", release.len());
    assert!(release.len() > read("deploy/install.yaml").len(), "this is the release");
}

/// What `kubectl get` has of one object.
async fn get(plane: &ControlPlane, what: &[&str]) -> Value {
    let json = plane.kubectl(&[&["get", "--output=json"], what].concat()).await;
    serde_json::from_str(&json).unwrap()
}

async fn apply(plane: &ControlPlane, object: &str) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, object).unwrap();
    let file = file.path().to_str().unwrap().to_owned();
    // A CRD that was created just now is not served yet.
    plane.kubectl(&["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"]).await;
    await_condition("the object to be accepted", Duration::from_mins(1), async || {
        plane.try_kubectl(&["apply", "--filename", &file]).await
    })
    .await;
}
