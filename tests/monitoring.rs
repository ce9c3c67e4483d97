//! What alerts, runbook, dashboard and kube-state-metrics ask for is there. Files only; that alerts fire and queries answer
//! is tested where a Prometheus is at hand (tests/chart, tests/apiserver).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;
use transfer_operator::api::all_crds;

const CHART: &str = "charts/transfer-operator";

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap()
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// The rules of the alerts.
fn rules() -> Vec<Value> {
    let alerts = yaml(&format!("{CHART}/files/alerts.yaml"));
    array(&alerts["groups"]).iter().flat_map(|group| array(&group["rules"]).to_vec()).collect()
}

#[test]
fn alerts_runbook_and_unit_tests_name_the_same() {
    let alerts: Vec<String> = rules().iter().map(|rule| text(&rule["alert"])).collect();
    let wanted = [
        "NotReady",
        "Stalled",
        "OrphanServer",
        "ThrottledLong",
        "CredentialsFailing",
        "DriftUncorrected",
        "DeletionsHeld",
        "NoLeader",
        "KeyExpiring",
        "CertificateExpiring",
        "HostKeyRotationStuck",
    ];
    assert_eq!(alerts, wanted.map(|name| format!("TransferOperator{name}")));

    let runbook = read("docs/runbook.md");
    let entries: Vec<&str> = runbook.split("\n## ").skip(1).collect();
    let titles: Vec<&str> = entries.iter().map(|entry| entry.lines().next().unwrap()).collect();
    assert_eq!(titles, alerts);
    for entry in entries {
        for part in ["**Means:**", "**Look at:**", "**Do:**"] {
            assert!(entry.contains(part), "no {part} in {entry}");
        }
    }

    let tests = yaml("tests/chart/alerts_test.yaml");
    let asked = array(&tests["tests"]).iter().flat_map(|test| array(&test["alert_rule_test"]));
    let (fires, is_silent): (Vec<_>, Vec<_>) = asked.partition(|asked| !array(&asked["exp_alerts"]).is_empty());
    for (how, asked) in [("fires", fires), ("is silent", is_silent)] {
        let named: BTreeSet<String> = asked.iter().map(|asked| text(&asked["alertname"])).collect();
        assert_eq!(named, alerts.iter().cloned().collect(), "each {how} once");
    }
}

/// The names of our metrics, and of those of the process, in a query.
fn metrics(query: &str) -> BTreeSet<String> {
    let words = query.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let ours = words.filter(|word| word.starts_with("transfer_operator_") || word.starts_with("process_"));
    ours.map(|word| word.trim_end_matches("_bucket").to_owned()).collect()
}

#[test]
fn alerts_and_dashboard_ask_for_metrics_that_are_documented() {
    let table = read("docs/metrics.md");
    let documented: BTreeSet<String> =
        table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).map(ToOwned::to_owned).collect();
    let board: Value = serde_json::from_str(&read(&format!("{CHART}/files/dashboard.json"))).unwrap();
    let panels = array(&board["panels"]).iter().flat_map(|panel| array(&panel["targets"]));
    let queries = panels.map(|target| text(&target["expr"])).chain(rules().into_iter().map(|rule| text(&rule["expr"])));
    let asked: BTreeSet<String> = queries.flat_map(|query| metrics(&query)).collect();
    assert!(asked.len() > 20, "{asked:?}");
    let unknown: Vec<_> = asked.difference(&documented).collect();
    assert!(unknown.is_empty(), "not in docs/metrics.md: {unknown:?}");
}

/// What lies at a path of a schema; of a list, its items.
fn below<'a>(schema: &'a Value, path: &[Value]) -> Option<&'a Value> {
    path.iter().try_fold(schema, |schema, name| {
        let schema = if schema["items"].is_object() { &schema["items"] } else { schema };
        schema["properties"].get(name.as_str()?)
    })
}

/// The paths of a metric that are not in the schema of its kind.
fn unknown_paths(schema: &Value, each: &Value) -> Vec<Value> {
    let of = if each["type"] == "Info" { &each["info"] } else { &each["gauge"] };
    let mut missing = Vec::new();
    let Some(start) = below(schema, array(&of["path"])) else { return vec![of["path"].clone()] };
    let labels = of["labelsFromPath"].as_object().into_iter().flatten().map(|(_, path)| path);
    for path in labels.chain([&of["valueFrom"]]) {
        if below(start, array(path)).is_none() {
            missing.push(path.clone());
        }
    }
    missing
}

#[test]
fn kube_state_metrics_is_told_paths_that_the_crds_have() {
    let config = yaml("deploy/kube-state-metrics.yaml");
    let resources = array(&config["spec"]["resources"]);
    let kinds: BTreeSet<String> = resources.iter().map(|of| text(&of["groupVersionKind"]["kind"])).collect();
    assert_eq!(kinds, all_crds().into_iter().map(|crd| crd.spec.names.kind).collect());
    for crd in all_crds() {
        let version = &crd.spec.versions[0];
        let mut schema = serde_json::to_value(&version.schema).unwrap()["openAPIV3Schema"].take();
        // What every object has, and no CRD describes.
        let metadata = ["name", "namespace", "uid", "generation"].map(|name| (name.to_owned(), serde_json::json!({})));
        schema["properties"]["metadata"]["properties"] = Value::Object(metadata.into_iter().collect());
        let of = resources.iter().find(|of| of["groupVersionKind"]["kind"] == crd.spec.names.kind.as_str()).unwrap();
        assert_eq!(of["groupVersionKind"]["group"], crd.spec.group.as_str());
        assert_eq!(of["groupVersionKind"]["version"], version.name.as_str());
        let mut paths: Vec<Value> =
            array(&of["metrics"]).iter().flat_map(|metric| unknown_paths(&schema, &metric["each"])).collect();
        let labels = of["labelsFromPath"].as_object().unwrap().values();
        paths.extend(labels.filter(|path| below(&schema, array(path)).is_none()).cloned());
        assert!(paths.is_empty(), "{} has no {paths:?}", crd.spec.names.kind);
    }
}
