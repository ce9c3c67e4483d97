//! What policy scanners of others (kube-score and checkov, `tools/policy`) say of the rendered chart: nothing but what
//! `tests/chart/policy.yaml` has, with the reason why it is so. A reason for what nobody finds any more is one too many.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::helm::{EVERYTHING, Helm, read};
use crate::support::{checkov, kube_score};

/// The grade of a check that has nothing to say.
const ALL_OK: u64 = 10;
/// Those that kube-score runs only when asked to.
const ON_REQUEST: [&str; 3] =
    ["container-seccomp-profile", "container-ports-check", "environment-variable-key-duplication"];

/// Object, check, container (`-` where it is of none; of kube-score only) and what was said.
type Found = BTreeSet<String>;

/// A reason is one object's, not that of whatever has the same kind. Deployments are all of one template.
fn of(object: &str) -> &str {
    if object.starts_with("Deployment") { "Deployment" } else { object }
}

async fn by_kube_score(rendered: &str) -> Found {
    let mut command = Command::new(kube_score());
    command.args(["score", "--output-format", "json", "--kubernetes-version", "v1.30"]);
    for check in ON_REQUEST {
        command.args(["--enable-optional-test", check]);
    }
    let mut child =
        command.arg("-").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let (written, output) =
        futures::join!(async move { input.write_all(rendered.as_bytes()).await }, child.wait_with_output(),);
    written.unwrap();
    let output = output.unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let objects: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {told}"));
    let objects = objects.as_array().unwrap();
    assert!(!objects.is_empty(), "it has looked at nothing: {told}");
    objects.iter().flat_map(findings).collect()
}

fn findings(object: &Value) -> Vec<String> {
    let object_name = object["object_meta"]["name"].as_str().unwrap();
    let kind = object["type_meta"]["kind"].as_str().unwrap();
    let checks = object["checks"].as_array().unwrap().iter();
    let bad = checks.filter(|check| check["skipped"] != true && check["grade"].as_u64().unwrap() < ALL_OK);
    let said = bad.flat_map(|check| check["comments"].as_array().unwrap().iter().map(move |comment| (check, comment)));
    said.map(|(check, comment)| {
        let container = Some(comment["path"].as_str().unwrap()).filter(|path| !path.is_empty());
        let [check, summary] = [&check["check"]["id"], &comment["summary"]].map(|text| text.as_str().unwrap());
        format!("{} {check} {} {summary}", of(&format!("{kind}.{object_name}")), container.unwrap_or("-"))
    })
    .collect()
}

async fn by_checkov(folder: &Path) -> Found {
    let mut command = Command::new(checkov());
    // Without a word to its maker's service: nothing is downloaded, and nobody is asked for a newer one.
    command.env("CKV_SKIP_PACKAGE_UPDATE_CHECK", "true");
    command.args(["--framework", "kubernetes", "--skip-download", "--soft-fail", "--quiet", "--output", "json"]);
    let output = command.arg("--directory").arg(folder).output().await.unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {told}"));
    let summary = &report["summary"];
    assert!(summary["passed"].as_u64().unwrap() > 100 && summary["parsing_errors"] == 0, "{summary}");
    let failed = report["results"]["failed_checks"].as_array().unwrap().iter();
    failed
        .map(|check| {
            let text = |member: &str| check[member].as_str().unwrap();
            format!("{} {} {}", of(text("resource")), text("check_id"), text("check_name"))
        })
        .collect()
}

#[tokio::test]
async fn policy_scanners_find_only_what_has_a_reason() {
    let reasons: BTreeMap<String, String> = serde_saphyr::from_str(&read("tests/chart/policy.yaml")).unwrap();
    // checkov leaves out what is hidden, as temporary directories are by default.
    let (helm, folder) = (Helm::offline(), tempfile::Builder::new().prefix("chart").tempdir().unwrap());
    let mut found = Found::new();
    let sets = [("default", ""), ("everything", EVERYTHING)].map(|(name, values)| (name, values.to_owned()));
    let cases = ["tenant", "shards"].map(|name| (name, read(&format!("tests/chart/matrix/{name}.yaml"))));
    for (name, values) in sets.into_iter().chain(cases) {
        let rendered = helm.with("template", &values, &[]).await;
        found.extend(by_kube_score(&rendered).await);
        std::fs::write(folder.path().join(format!("{name}.yaml")), rendered).unwrap();
    }
    found.extend(by_checkov(folder.path()).await);
    assert_eq!(found, reasons.into_keys().collect(), "left: found; right: with a reason in tests/chart/policy.yaml");
}
