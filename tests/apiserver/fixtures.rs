//! Every manifest of `tests/fixtures/manifests` through the real API server: its schemas, its CEL, its messages.

use std::path::PathBuf;

use kube::api::{ApiResource, DynamicObject};
use kube::{Api, Client};
use serde_json::Value;
use transfer_operator::api::{VERSION, all_crds};

use crate::support::{ControlPlane, Lent, repository};

pub fn files(folder: &str) -> Vec<PathBuf> {
    let folder = repository(&format!("tests/fixtures/manifests/{folder}"));
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no fixtures");
    files
}

/// Where objects of this one's kind are written; namespaced ones in `default`.
pub fn door(client: &Client, object: &Value) -> Api<DynamicObject> {
    let kind = object["kind"].as_str().unwrap();
    let crd = all_crds().into_iter().find(|crd| crd.spec.names.kind == kind).unwrap();
    let resource = ApiResource {
        group: crd.spec.group.clone(),
        version: VERSION.to_owned(),
        api_version: format!("{}/{VERSION}", crd.spec.group),
        kind: kind.to_owned(),
        plural: crd.spec.names.plural.clone(),
    };
    if crd.spec.scope == "Cluster" {
        return Api::all_with(client.clone(), &resource);
    }
    Api::namespaced_with(client.clone(), "default", &resource)
}

async fn prepared() -> Lent {
    let plane = Lent::installed().await;
    for namespace in ["sftp-platform", "team-a"] {
        plane.kubectl(&["create", "namespace", namespace]).await;
    }
    plane
}

/// Creates what the files of a folder hold, without keeping it.
async fn create(plane: &ControlPlane, folder: &str) -> Result<String, String> {
    let folder = repository(&format!("tests/fixtures/manifests/{folder}"));
    plane
        .try_kubectl(&["create", "--dry-run=server", "--validate=strict", "--filename", folder.to_str().unwrap()])
        .await
}

#[tokio::test]
async fn what_must_work_is_accepted_and_each_broken_rule_is_told() {
    let plane = prepared().await;
    let created = create(&plane, "accepted").await.unwrap_or_else(|refused| panic!("{refused}"));
    assert!(created.lines().count() >= files("accepted").len(), "{created}");
    let answers = create(&plane, "rejected").await.expect_err("all of it was accepted");
    for file in files("rejected") {
        let text = std::fs::read_to_string(&file).unwrap();
        let of_file = answers.split("error when creating ").filter(|answer| answer.starts_with(&format!("{file:?}")));
        let refused: String = of_file.collect();
        assert!(!refused.is_empty(), "{} was accepted, or never sent: {answers}", file.display());
        for mark in ["# expect: ", "# at: "] {
            let expected = text.lines().take(2).find_map(|line| line.strip_prefix(mark)).unwrap_or_default();
            assert!(refused.contains(expected), "{}: {refused}", file.display());
        }
    }
}

/// Writes a document into a file for kubectl.
fn file_of(document: &Value) -> PathBuf {
    let kind = document["kind"].as_str().unwrap();
    let file = std::env::temp_dir().join(format!("update-{}-{kind}.json", std::process::id()));
    std::fs::write(&file, document.to_string()).unwrap();
    file
}

/// Creates the first document with its status, then replaces it by the second; the object goes in any case.
async fn update(plane: &ControlPlane, text: &str) -> Result<String, String> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap();
    let [before, after] = documents.as_slice() else { panic!("two documents are needed: {text}") };
    let (kind, name) = (before["kind"].as_str().unwrap(), before["metadata"]["name"].as_str().unwrap());
    let namespace = before["metadata"]["namespace"].as_str().unwrap_or("default");
    let file = file_of(before);
    plane.kubectl(&["create", "--validate=strict", "--filename", file.to_str().unwrap()]).await;
    if !before["status"].is_null() {
        let status = serde_json::json!({"status": before["status"]}).to_string();
        let patch = ["patch", kind, name, "--namespace", namespace, "--subresource", "status", "--type", "merge"];
        plane.kubectl(&patch.into_iter().chain(["--patch", &status]).collect::<Vec<_>>()).await;
    }
    let file = file_of(after);
    let outcome = plane.try_kubectl(&["replace", "--validate=strict", "--filename", file.to_str().unwrap()]).await;
    std::fs::remove_file(file).unwrap();
    let unprotected = match kind {
        "AwsIdentity" => r#"{"spec": {"deletionProtection": false}}"#,
        _ => r#"{"spec": {"lifecycle": {"deletionProtection": false}}}"#,
    };
    plane.kubectl(&["patch", kind, name, "--namespace", namespace, "--type", "merge", "--patch", unprotected]).await;
    plane.kubectl(&["delete", kind, name, "--namespace", namespace]).await;
    outcome
}

#[tokio::test]
async fn each_update_that_would_move_what_is_in_aws_is_refused() {
    let plane = prepared().await;
    for file in files("updates/accepted") {
        let outcome = update(&plane, &std::fs::read_to_string(&file).unwrap()).await;
        assert!(outcome.is_ok(), "{}: {outcome:?}", file.display());
    }
    for file in files("updates/rejected") {
        let text = std::fs::read_to_string(&file).unwrap();
        let expected = text.lines().next().unwrap().trim_start_matches("# expect: ").to_owned();
        let refused = update(&plane, &text).await.expect_err(&format!("{} was accepted", file.display()));
        assert!(refused.contains(&expected), "{}: {refused}", file.display());
    }
}
