//! What lies in `deploy/` besides the plain manifests: Kustomize, samples, Flux.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use tokio::process::Command;

use crate::helm::{Helm, NAMESPACE, documents, object, of_kind, read};
use crate::support::{ControlPlane, repository, tool};

/// What `kubectl kustomize` makes of a folder.
async fn kustomize(folder: &Path) -> Vec<Value> {
    let output = Command::new(tool("kubectl")).arg("kustomize").arg(folder).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    documents(&String::from_utf8(output.stdout).unwrap())
}

/// An overlay of somebody's own, which names our folder and these further lines.
async fn overlay(resources: &[&str], components: &[&str]) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    // Kustomize takes no absolute path.
    let at = folder.path().canonicalize().unwrap();
    let up = "../".repeat(at.components().count() - 1);
    let ours = |path: &&str| {
        format!("{up}{}", repository(&format!("deploy/{path}")).to_str().unwrap().trim_start_matches('/'))
    };
    let list = |paths: &[&str]| paths.iter().map(ours).collect::<Vec<_>>();
    let mut text = serde_json::json!({"components": list(components)});
    let mut copied = Vec::new();
    for resource in resources {
        if Path::new(resource).extension().is_some() {
            // A file has to lie in the overlay itself.
            std::fs::copy(repository(&format!("deploy/{resource}")), at.join("file.yaml")).unwrap();
            copied.push("file.yaml".to_owned());
        } else {
            copied.push(ours(resource));
        }
    }
    text["resources"] = copied.into();
    std::fs::write(at.join("kustomization.yaml"), text.to_string()).unwrap();
    kustomize(&at).await
}

/// Objects by kind and name, without the Namespace, which Helm makes by itself.
fn by_name(objects: Vec<Value>) -> BTreeMap<String, Value> {
    let name = |object: &Value| format!("{} {}", object["kind"], object["metadata"]["name"]);
    let all = objects.into_iter().filter(|object| object["kind"] != "Namespace");
    all.map(|object| (name(&object), object)).collect()
}

#[tokio::test]
async fn kustomize_has_what_the_chart_renders_with_the_values_of_a_component() {
    let helm = Helm::offline();
    let cases = [
        (vec![], "{}"),
        (vec!["components/one-replica"], "replicas: 1"),
        (vec!["components/without-crds"], "crds: {enabled: false}"),
        (vec!["components/without-policies"], "admissionPolicies: {enabled: false}"),
    ];
    for (components, values) in cases {
        let made = by_name(overlay(&["."], &components).await);
        let rendered = by_name(helm.render(values).await);
        assert_eq!(made.keys().collect::<Vec<_>>(), rendered.keys().collect::<Vec<_>>(), "{components:?}");
        for (name, object) in rendered {
            assert!(made[&name] == object, "{components:?}: {name} is\n{}\nand not\n{object}", made[&name]);
        }
    }
    let base = kustomize(&repository("deploy")).await;
    assert_eq!(
        object(&base, "Namespace", NAMESPACE)["metadata"]["labels"]["pod-security.kubernetes.io/enforce"],
        "restricted"
    );
}

#[tokio::test]
async fn waves_go_from_identities_to_servers_to_logins() {
    let mut waves = BTreeMap::new();
    for sample in samples() {
        for object in overlay(&[&format!("samples/{sample}")], &["components/argocd-waves"]).await {
            let wave =
                object["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"].as_str().map(ToOwned::to_owned);
            waves.insert(object["kind"].as_str().unwrap().to_owned(), wave);
        }
    }
    let expected = [
        ("AwsIdentity", Some("1")),
        ("ConfigMap", None),
        ("TransferAccess", Some("3")),
        ("TransferProfile", Some("2")),
        ("TransferAgreement", Some("3")),
        ("Certificate", None),
        ("TransferCertificate", Some("2")),
        ("TransferConnector", Some("2")),
        ("TransferWebApp", Some("2")),
        ("TransferServer", Some("2")),
        ("TransferUser", Some("3")),
        ("TransferWorkflow", Some("2")),
    ];
    assert_eq!(waves, expected.map(|(kind, wave)| (kind.to_owned(), wave.map(ToOwned::to_owned))).into());
}

/// The files of samples.
fn samples() -> Vec<String> {
    let files = std::fs::read_dir(repository("deploy/samples")).unwrap().map(|file| file.unwrap().path());
    let manifests = files.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    manifests.map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

#[test]
fn each_sample_is_told_of() {
    let told = read("deploy/samples/README.md");
    for sample in samples() {
        assert!(told.contains(&format!("({sample})")), "{sample} is not in the README");
    }
}

#[tokio::test]
async fn samples_and_flux_are_taken_by_check_and_by_an_api_server() {
    let plane = ControlPlane::start().await;
    plane.install().await;
    for crds in ["flux-crds", "cert-manager-crds"] {
        let crds = repository(&format!("tests/fixtures/{crds}.yaml"));
        plane.kubectl(&["apply", "--filename", crds.to_str().unwrap()]).await;
    }
    plane.kubectl(&["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"]).await;
    for namespace in ["sftp", "team-a", "tenant-a", "flux-system"] {
        plane.kubectl(&["create", "namespace", namespace]).await;
    }
    let folder = repository("deploy/samples");
    for sample in samples() {
        let file = folder.join(sample);
        let check = Command::new(env!("CARGO_BIN_EXE_kubectl-transfer")).arg("check").arg("-f").arg(&file).output();
        let check = check.await.unwrap();
        assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
    }
    let dry = ["apply", "--server-side", "--dry-run=server", "--validate=strict", "--filename"];
    plane.kubectl(&[&dry[..], &[folder.to_str().unwrap()]].concat()).await;

    // The CRD of a HelmRelease is not at hand.
    let mut objects = documents(&read("deploy/flux/objects.yaml"));
    objects
        .extend(documents(&read("deploy/flux/operator.yaml")).into_iter().filter(|one| one["kind"] != "HelmRelease"));
    let exprs = of_kind(&objects, "Kustomization").next().unwrap()["spec"]["healthCheckExprs"].as_array().unwrap();
    let kinds = exprs.iter().map(|of| of["kind"].as_str().unwrap()).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(kinds.len(), transfer_operator::api::all_crds().len(), "{kinds:?}");
    let file = tempfile::NamedTempFile::new().unwrap();
    let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": objects});
    std::fs::write(&file, list.to_string()).unwrap();
    plane.kubectl(&[&dry[..], &[file.path().to_str().unwrap(), "--force-conflicts"]].concat()).await;
}
