//! Files of the chart that must agree with each other or with the rest of the repository.

use std::collections::BTreeSet;

use serde_json::Value;
use transfer_operator::api::ManagedKind;

use crate::helm::{Helm, documents, of_kind, read};
use crate::support::repository;

const CHART: &str = "charts/transfer-operator";

#[tokio::test]
async fn the_rendered_crds_are_the_generated_ones_with_our_labels_and_kept() {
    let rendered = Helm::offline().render("").await;
    let mut kinds = BTreeSet::new();
    for file in std::fs::read_dir(repository("crds")).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let mut expected: Value = serde_saphyr::from_str(&text).unwrap();
        let name = expected["metadata"]["name"].clone();
        let same_name = of_kind(&rendered, "CustomResourceDefinition").find(|crd| crd["metadata"]["name"] == name);
        let actual = same_name.unwrap_or_else(|| panic!("the chart does not render CRD {name}"));

        assert_eq!(actual["metadata"]["annotations"]["helm.sh/resource-policy"], "keep", "{name}");
        assert_eq!(actual["metadata"]["labels"]["app.kubernetes.io/name"], "transfer-operator", "{name}");
        expected["metadata"]["annotations"] = actual["metadata"]["annotations"].clone();
        expected["metadata"]["labels"] = actual["metadata"]["labels"].clone();
        assert!(*actual == expected, "CRD {name} differs from crds/: run `make generate`");
        kinds.insert(expected["spec"]["names"]["kind"].as_str().unwrap().to_owned());
    }
    assert_eq!(of_kind(&rendered, "CustomResourceDefinition").count(), kinds.len());
    let managed = ManagedKind::ALL.iter().map(|kind| kind.name().to_owned());
    assert_eq!(kinds, managed.chain(["AwsIdentity".to_owned()]).collect());
}

#[test]
fn the_readme_lists_every_value_and_no_other() {
    let values: Value = serde_saphyr::from_str(&read(&format!("{CHART}/values.yaml"))).unwrap();
    let readme = read(&format!("{CHART}/README.md"));
    let table = readme.split("## Values").nth(1).unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `")).map(|row| row.split(" |").next().unwrap());
    let listed = rows.flat_map(|names| names.split(", ").map(|name| name.trim_matches('`').to_owned()));

    assert_eq!(listed.collect::<BTreeSet<_>>(), paths(&values, &["resources"]));
}

#[test]
fn the_schema_knows_every_value_and_no_unknown_one_at_any_level_of_ours() {
    let values: Value = serde_saphyr::from_str(&read(&format!("{CHART}/values.yaml"))).unwrap();
    let schema: Value = serde_json::from_str(&read(&format!("{CHART}/values.schema.json"))).unwrap();
    let mut known = BTreeSet::new();
    schema_paths(&schema, "", &mut known);
    // Helm's own, and members that have no default.
    let without_default = ["global", "operator.rates.read", "operator.rates.write", "operator.rates.createServer"];
    known.retain(|path| !without_default.contains(&path.as_str()));
    known.insert("operator.rates".to_owned());

    assert_eq!(known, paths(&values, &["resources"]));
}

#[test]
fn the_schema_has_the_default_of_every_value() {
    let values: Value = serde_saphyr::from_str(&read(&format!("{CHART}/values.yaml"))).unwrap();
    let schema: Value = serde_json::from_str(&read(&format!("{CHART}/values.schema.json"))).unwrap();
    for path in paths(&values, &["resources"]) {
        let at = |between: &str| format!("{between}{}", path.replace('.', between));
        let below = schema.pointer(&at("/properties/")).unwrap_or(&Value::Null);
        assert_eq!(below.get("default"), values.pointer(&at("/")), "{path}");
    }
}

#[test]
fn artifact_hub_is_told_of_every_kind() {
    let chart: Value = serde_saphyr::from_str(&read(&format!("{CHART}/Chart.yaml"))).unwrap();
    let told = chart["annotations"]["artifacthub.io/crds"].as_str().unwrap();
    let told: Vec<Value> = serde_saphyr::from_str(told).unwrap();
    let facts = |kind: &str, version: &str, name: &str| format!("{kind} {version} {name}");
    let text = |object: &Value, member: &str| object[member].as_str().unwrap().to_owned();
    let told = told.iter().map(|crd| facts(&text(crd, "kind"), &text(crd, "version"), &text(crd, "name")));
    let generated = transfer_operator::api::all_crds();
    let generated = generated
        .iter()
        .map(|crd| facts(&crd.spec.names.kind, &crd.spec.versions[0].name, crd.metadata.name.as_ref().unwrap()));

    assert_eq!(told.collect::<BTreeSet<_>>(), generated.collect());
}

#[test]
fn chart_and_package_have_one_version() {
    let chart: Value = serde_saphyr::from_str(&read(&format!("{CHART}/Chart.yaml"))).unwrap();
    assert_eq!(chart["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn the_plain_manifests_hold_all_but_identities_in_any_namespace() {
    let cluster_scoped = [
        "Namespace",
        "ClusterRole",
        "ClusterRoleBinding",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    ];
    let install = documents(&read("deploy/install.yaml"));
    assert_eq!(install[0]["kind"], "Namespace", "what lives in it comes after it");
    for object in &install {
        assert!(!["AwsIdentity", "CustomResourceDefinition"].contains(&object["kind"].as_str().unwrap()));
        let scoped = cluster_scoped.contains(&object["kind"].as_str().unwrap());
        assert_eq!(object["metadata"]["namespace"].is_null(), scoped, "{}", object["metadata"]);
    }
    let crds = documents(&read("deploy/crds.yaml"));
    assert_eq!(crds.len(), ManagedKind::ALL.len() + 1, "and that of identities");
    assert!(crds.iter().all(|crd| crd["kind"] == "CustomResourceDefinition"));
}

/// Dotted paths of all leaves; what is below `free` belongs to Kubernetes.
fn paths(values: &Value, free: &[&str]) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    collect(values, "", free, &mut all);
    all
}

fn collect(value: &Value, at: &str, free: &[&str], all: &mut BTreeSet<String>) {
    match value.as_object() {
        Some(map) if !map.is_empty() && !free.contains(&at) => {
            map.iter().for_each(|(key, below)| collect(below, &join(at, key), free, all));
        }
        _ => {
            all.insert(at.to_owned());
        }
    }
}

/// Dotted paths of all leaves of the schema; a map of ours that admits unknown members fails.
fn schema_paths(schema: &Value, at: &str, all: &mut BTreeSet<String>) {
    let Some(properties) = schema["properties"].as_object() else {
        all.insert(at.to_owned());
        return;
    };
    assert_eq!(schema["additionalProperties"], false, "{at:?} of values.schema.json admits unknown members");
    properties.iter().for_each(|(key, below)| schema_paths(below, &join(at, key), all));
}

fn join(at: &str, key: &str) -> String {
    if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") }
}
