//! Sets of values, case by case: what each changes in the rendered chart is committed beside it, an API server takes
//! every object strictly, and every pod is restricted.
//!
//! `UPDATE=1 cargo test --features sim --test chart matrix` writes what is committed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::helm::{EVERYTHING, Helm, NAMESPACE, documents, of_kind, read};
use crate::support::{ControlPlane, repository};

const FOLDER: &str = "tests/chart/matrix";
/// What a cluster with the Prometheus operator serves besides; with the CRDs of it, and that of cert-manager, in [`CRDS`].
const MONITORING: [&str; 6] = [
    "--api-versions",
    "monitoring.coreos.com/v1/ServiceMonitor",
    "--api-versions",
    "monitoring.coreos.com/v1/PodMonitor",
    "--api-versions",
    "monitoring.coreos.com/v1/PrometheusRule",
];
const CRDS: [&str; 2] = ["tests/fixtures/monitoring-crds.yaml", "tests/fixtures/cert-manager-crds.yaml"];

/// Name and values of every case.
fn cases() -> BTreeMap<String, String> {
    let files = std::fs::read_dir(repository(FOLDER)).unwrap().map(|entry| entry.unwrap().path());
    let values = files.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    values
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into(), std::fs::read_to_string(path).unwrap()))
        .collect()
}

async fn render(helm: &Helm, values: &str) -> Vec<Value> {
    documents(&helm.with("template", values, &MONITORING).await)
}

/// The leaves of an object by their paths. Of a CRD without its spec, which is the generated one.
type Leaves = BTreeMap<String, String>;

fn leaves(value: &Value, at: &str, all: &mut Leaves) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            map.iter().for_each(|(key, below)| leaves(below, &format!("{at}.{key}"), all));
        }
        Value::Array(items) if !items.is_empty() => {
            items.iter().enumerate().for_each(|(index, below)| leaves(below, &format!("{at}[{index}]"), all));
        }
        leaf => {
            all.insert(at.trim_start_matches('.').to_owned(), leaf.to_string());
        }
    }
}

fn by_name(objects: &[Value]) -> BTreeMap<String, Leaves> {
    let name = |object: &Value| {
        let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or("-").to_owned();
        format!("{} {}/{}", text("/kind"), text("/metadata/namespace"), text("/metadata/name"))
    };
    let contents = |object: &Value| {
        let mut all = Leaves::new();
        let metadata_only = object["kind"] == "CustomResourceDefinition";
        leaves(if metadata_only { &object["metadata"] } else { object }, "", &mut all);
        all
    };
    objects.iter().map(|object| (name(object), contents(object))).collect()
}

/// What is otherwise than by default, as text: objects that are gone, new or changed, with the leaves that differ.
fn difference(default: &[Value], actual: &[Value]) -> String {
    let (default, actual) = (by_name(default), by_name(actual));
    let mut text = String::new();
    for name in default.keys().chain(actual.keys()).collect::<BTreeSet<_>>() {
        match (default.get(name), actual.get(name)) {
            (before, after) if before == after => {}
            (Some(_), None) => writeln!(text, "- {name}").unwrap(),
            (before, after) => {
                let none = Leaves::new();
                let (before, after) = (before.unwrap_or(&none), after.unwrap_or(&none));
                writeln!(text, "{} {name}", if before.is_empty() { '+' } else { '~' }).unwrap();
                for path in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
                    let (was, is) = (before.get(path), after.get(path));
                    if was != is {
                        let both = [('-', was), ('+', is)];
                        for (sign, value) in both.into_iter().filter_map(|(sign, value)| Some((sign, value?))) {
                            writeln!(text, "    {sign} {path}: {value}").unwrap();
                        }
                    }
                }
            }
        }
    }
    text
}

#[tokio::test]
async fn each_set_of_values_changes_what_is_committed_and_nothing_else() {
    let helm = Helm::offline();
    let default = render(&helm, "").await;
    let mut stale = Vec::new();
    for (name, values) in cases() {
        let file: PathBuf = repository(FOLDER).join(format!("{name}.diff"));
        let actual = difference(&default, &render(&helm, &values).await);
        assert_ne!(actual, "", "{name} changes nothing");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&file, &actual).unwrap();
        }
        if std::fs::read_to_string(&file).unwrap_or_default() != actual {
            stale.push(format!("{name}:\n{actual}"));
        }
    }
    assert!(stale.is_empty(), "not what is committed in {FOLDER}:\n{}", stale.join("\n"));
}

#[tokio::test]
async fn an_api_server_takes_every_object_strictly_and_every_pod_as_restricted() {
    let plane = ControlPlane::start().await;
    plane.install().await;
    for file in CRDS {
        apply(&plane, &read(file), &[]).await.unwrap();
    }
    plane.kubectl(&["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"]).await;
    for namespace in ["sftp", "partners", "all-keys", "one-key"] {
        plane.kubectl(&["create", "namespace", namespace]).await;
    }
    let (mut objects, mut pods) = (Vec::new(), 0);
    let helm = Helm::offline();
    for values in cases().into_values().chain([String::new(), EVERYTHING.to_owned()]) {
        let rendered = render(&helm, &values).await;
        for deployment in of_kind(&rendered, "Deployment") {
            objects.push(pod_of(deployment, pods));
            pods += 1;
        }
        // The CRDs are what `install` applied.
        objects.extend(rendered.into_iter().filter(|object| object["kind"] != "CustomResourceDefinition"));
    }
    let dry = ["--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict"];
    let list = |items: &[Value]| json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string();
    let taken = apply(&plane, &list(&objects), &dry).await.unwrap();
    assert_eq!(taken.lines().count(), objects.len(), "{taken}");

    // So it would have been said.
    let monitor = |object: &&Value| object["kind"] == "PodMonitor";
    let mut unknown = objects.iter().find(monitor).expect("a case has a PodMonitor").clone();
    unknown["spec"]["podMetricsEndpoints"][0]["intervall"] = json!("30s");
    let refused = apply(&plane, &list(&[unknown]), &dry).await.unwrap_err();
    assert!(refused.contains("intervall"), "{refused}");
    let mut open = objects.iter().find(|object| object["kind"] == "Pod").expect("each case has one").clone();
    open["spec"]["containers"][0]["securityContext"]["capabilities"] = json!({"add": ["NET_ADMIN"]});
    let refused = apply(&plane, &list(&[open]), &dry).await.unwrap_err();
    assert!(refused.contains("violates PodSecurity \"restricted"), "{refused}");
}

/// The pod of a Deployment, in the namespace that admits restricted ones only.
fn pod_of(deployment: &Value, number: usize) -> Value {
    let mut pod = deployment["spec"]["template"].clone();
    let container = &pod["spec"]["containers"][0]["securityContext"];
    // What the restricted level does not ask for.
    assert_eq!(container["readOnlyRootFilesystem"], true, "{pod}");
    assert!(pod["spec"]["containers"][0]["resources"]["requests"].is_object(), "{pod}");
    assert!(pod["spec"]["containers"][0]["livenessProbe"].is_object(), "{pod}");
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    pod["metadata"]["name"] = json!(format!("probe-{number}"));
    pod["metadata"]["namespace"] = json!(NAMESPACE);
    // The one that is there.
    pod["spec"]["serviceAccountName"] = json!("transfer-operator");
    pod
}

async fn apply(plane: &ControlPlane, objects: &str, args: &[&str]) -> Result<String, String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, objects).unwrap();
    let name = file.path().to_str().unwrap();
    plane.try_kubectl(&[&["apply", "--filename", name], args].concat()).await
}

#[tokio::test]
async fn monitors_are_left_out_where_they_are_not_served_and_notes_say_so() {
    let helm = Helm::offline();
    let on = "{enabled: true}";
    let values = &format!("metrics: {{serviceMonitor: {on}, podMonitor: {on}, prometheusRule: {on}}}");
    let objects = helm.render(values).await;
    for kind in ["ServiceMonitor", "PodMonitor", "PrometheusRule"] {
        assert_eq!(of_kind(&objects, kind).count(), 0);
        assert_eq!(of_kind(&render(&helm, values).await, kind).count(), 1);
    }
    let notes = helm.with("install", values, &["--dry-run=client"]).await;
    for kind in ["PodMonitor", "ServiceMonitor", "PrometheusRule"] {
        assert!(notes.contains(&format!("The cluster serves no {kind}")), "{notes}");
    }
}
