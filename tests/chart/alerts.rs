//! The alerts, by Prometheus' own tool: each fires where it must and not before. The chart carries them, and the
//! dashboard, as they are.

use std::process::Command;

use serde_json::Value;

use crate::helm::{Helm, documents, object, read};
use crate::support::{prometheus, repository};

const ALERTS: &str = "charts/transfer-operator/files/alerts.yaml";
const SERVED: [&str; 2] = ["--api-versions", "monitoring.coreos.com/v1/PrometheusRule"];

#[test]
fn each_alert_fires_in_its_case_and_not_before() {
    // The tests name the rules as a file beside them.
    let folder = tempfile::tempdir().unwrap();
    let tests = folder.path().join("alerts_test.yaml");
    std::fs::copy(repository(ALERTS), folder.path().join("alerts.yaml")).unwrap();
    std::fs::copy(repository("tests/chart/alerts_test.yaml"), &tests).unwrap();
    let output = Command::new(prometheus("promtool")).args(["test", "rules"]).arg(&tests).output().unwrap();
    let told = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
    assert!(output.status.success() && told.contains("SUCCESS"), "{told}");
}

/// The alerts that the chart renders with these values below `metrics.prometheusRule`.
async fn rendered(more: &str) -> Value {
    let values = format!("metrics: {{prometheusRule: {{enabled: true{more}}}}}");
    let objects = documents(&Helm::offline().with("template", &values, &SERVED).await);
    object(&objects, "PrometheusRule", "transfer-operator")["spec"].clone()
}

#[tokio::test]
async fn the_chart_carries_the_alerts_and_leads_to_the_runbook_where_told() {
    let mut alerts: Value = serde_saphyr::from_str(&read(ALERTS)).unwrap();
    assert_eq!(rendered("").await, alerts);
    for rule in alerts["groups"][0]["rules"].as_array_mut().unwrap() {
        let entry = rule["alert"].as_str().unwrap().to_lowercase();
        rule["annotations"]["runbook_url"] = format!("https://example.com/runbook#{entry}").into();
    }
    assert_eq!(rendered(", runbookUrl: \"https://example.com/runbook\"").await, alerts);
}

#[tokio::test]
async fn the_chart_carries_the_dashboard_where_grafana_looks_for_it() {
    let objects = Helm::offline().render("metrics: {dashboard: {enabled: true}}").await;
    let map = object(&objects, "ConfigMap", "transfer-operator-dashboard");
    assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1");
    let carried: Value = serde_json::from_str(map["data"]["transfer-operator.json"].as_str().unwrap()).unwrap();
    let board: Value = serde_json::from_str(&read("charts/transfer-operator/files/dashboard.json")).unwrap();
    assert_eq!(carried, board);
}
