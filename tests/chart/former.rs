//! The upgrade from the former version as people do it: its own binary with its own chart has made its own samples, then
//! Helm brings the chart of now, and the binary of now goes on. `make test-upgrade` builds the former one and runs this.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::helm::{Helm, NAMESPACE, RELEASE};
use crate::operator::make_host_key;
use crate::support::{ControlPlane, Operator, Sim, await_condition};
use crate::upgrade::{apply, leaves_of, mutations, serves};

/// For a failure only.
const PATIENCE: Duration = Duration::from_mins(2);
/// Longer than a reconcile that is under way here.
const REST: Duration = Duration::from_secs(4);
const SECRETS: &str = "secrets: {namespaces: [{name: sftp-platform}]}";
const REPLICA: [&str; 1] = ["--lease=true"];

/// Every object of the samples that the operator looks after, of all kinds of that time, and the server below.
const OBJECTS: [(&str, &str); 9] = [
    ("", "awsidentity/default"),
    ("sftp-platform", "transferserver/files"),
    ("sftp-platform", "transferserver/corp"),
    ("sftp-platform", "transferserver/keyed"),
    ("sftp-platform", "transferuser/alice"),
    ("sftp-platform", "transferuser/bob"),
    ("sftp-platform", "transferaccess/corp-finance"),
    ("sftp-platform", "transferaccess/corp-engineering"),
    ("team-a", "transferuser/invoices"),
];
/// Operation and name of the call by which each of them is seen in AWS, with that of the identity.
const LOOKS: [(&str, &str, usize); 4] = [
    ("GetCallerIdentity", "", 1),
    ("DescribeServer", "server_id", 3),
    ("DescribeUser", "user_name", 3),
    ("DescribeAccess", "external_id", 2),
];

/// The samples have no host key.
const KEYED: &str = "
apiVersion: transfer-operator.dev/v1alpha1
kind: TransferServer
metadata: {name: keyed, namespace: sftp-platform}
spec:
  region: eu-central-1
  hostKeys: [{name: first, secretKeyRef: {name: host-key}}]
";

/// Where `tools/upgrade` has put the former version.
fn former() -> PathBuf {
    std::env::var_os("FORMER").expect("make test-upgrade says where the former version lies").into()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Runs kubectl for an object, given as namespace and kind/name.
async fn of(plane: &ControlPlane, verb: &str, (namespace, object): (&str, &str), args: &[&str]) -> String {
    let namespace = format!("--namespace={namespace}");
    plane.kubectl(&[&[verb, object, &namespace], args].concat()).await
}

/// All of them, always in the same order.
async fn all(plane: &ControlPlane) -> Vec<Value> {
    let kinds = "awsidentities,transferservers,transferusers,transferaccesses";
    let list = plane.kubectl(&["get", kinds, "--all-namespaces", "--output=json"]).await;
    let mut list: Value = serde_json::from_str(&list).unwrap();
    let Value::Array(all) = list["items"].take() else { panic!("{list}") };
    assert_eq!(all.len(), OBJECTS.len());
    all
}

async fn all_ready(plane: &ControlPlane) {
    for object in OBJECTS {
        of(plane, "wait", object, &["--for=condition=Ready", "--timeout=90s"]).await;
    }
}

/// Waits until nothing is written any more, and returns the objects.
async fn at_rest(plane: &ControlPlane) -> Vec<Value> {
    await_condition("rest", PATIENCE, async || {
        let before = all(plane).await;
        tokio::time::sleep(REST).await;
        if all(plane).await == before { Ok(before) } else { Err("still writing") }
    })
    .await
}

/// Conditions by object and type: their status and since when.
fn conditions(objects: &[Value]) -> BTreeMap<(usize, String), [String; 2]> {
    let mut all = BTreeMap::new();
    for (place, object) in objects.iter().enumerate() {
        for condition in object["status"]["conditions"].as_array().unwrap() {
            let text = |name: &str| condition[name].as_str().unwrap().to_owned();
            all.insert((place, text("type")), [text("status"), text("lastTransitionTime")]);
        }
    }
    all
}

/// What the operator wrote to the API server since the last `forget_requests`, by object; its lease and events aside.
fn writes(plane: &ControlPlane) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for request in plane.requests_of(NAMESPACE, "transfer-operator") {
        let (verb, object) = (request["verb"].as_str().unwrap(), &request["objectRef"]);
        let resource = object["resource"].as_str().unwrap_or_default();
        if ["create", "update", "patch", "delete"].contains(&verb) && !["leases", "events"].contains(&resource) {
            let [namespace, name] = ["namespace", "name"].map(|member| object[member].as_str().unwrap_or_default());
            let part = object["subresource"].as_str().unwrap_or("object");
            *counted.entry(format!("{verb} {resource} {namespace}/{name} {part}")).or_default() += 1;
        }
    }
    counted
}

/// Has the operator look at every object now, and waits until AWS was asked about each thing that they stand for.
async fn looked_at_by_hand(plane: &ControlPlane, sim: &Sim) {
    let since = sim.calls().await["last"].as_u64().unwrap();
    let now = format!("transfer-operator.dev/reconcile-at=after-{since}");
    for object in OBJECTS {
        of(plane, "annotate", object, &["--overwrite", &now]).await;
    }
    await_condition("a look at everything", PATIENCE, async || {
        let calls = sim.get(&format!("/_sim/calls?since={since}")).await;
        let seen = |operation: &str, name: &str| {
            let of = calls["calls"].as_array().unwrap().iter().filter(|call| call["operation"] == operation);
            of.map(|call| call[name].to_string()).collect::<BTreeSet<_>>().len()
        };
        let missing: Vec<_> = LOOKS.iter().filter(|(operation, name, many)| seen(operation, name) < *many).collect();
        if missing.is_empty() { Ok(()) } else { Err(format!("{missing:?}")) }
    })
    .await;
}

/// The former version, installed by Helm, has made everything and is gone.
async fn made_by_the_former(plane: &ControlPlane, sim: &Sim, helm: &Helm) {
    let former = former();
    plane.kubectl(&["create", "namespace", "sftp-platform"]).await;
    let values = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&values, SECRETS).unwrap();
    let chart = former.join("charts/transfer-operator");
    helm.run(&["install", RELEASE, text(&chart), "--create-namespace", "--values", text(values.path())]).await;
    let operator = Operator::of(&former.join("transfer-operator"), plane, sim, &REPLICA).await;
    make_host_key(plane, "sftp-platform").await;
    for sample in ["1-identity.yaml", "2-files.yaml", "3-corp.yaml", "4-team-a.yaml"] {
        apply(plane, &std::fs::read_to_string(former.join("deploy/demo").join(sample)).unwrap()).await;
    }
    apply(plane, KEYED).await;
    all_ready(plane).await;
    at_rest(plane).await;
    assert!(operator.terminate().await.success());
}

/// The operator of this program takes over from the one before, and looks at everything twice; answers with what it wrote
/// before it was asked to look, with the first look, and with the second.
async fn takes_over(plane: &mut ControlPlane, sim: &Sim, program: &Path) -> [BTreeMap<String, usize>; 3] {
    let (made, before) = (mutations(sim).await, all(plane).await);
    plane.forget_requests();
    let operator = Operator::of(program, plane, sim, &REPLICA).await;
    let mut written = [const { BTreeMap::new() }; 3];
    for (look, written) in written.iter_mut().enumerate() {
        if look > 0 {
            looked_at_by_hand(plane, sim).await;
        }
        all_ready(plane).await;
        at_rest(plane).await;
        *written = writes(plane);
        plane.forget_requests();
    }
    assert_eq!(mutations(sim).await, made, "AWS is as it was");
    still_so(&before, &all(plane).await);
    assert!(operator.terminate().await.success());
    written
}

#[tokio::test]
#[ignore = "builds the former version: make test-upgrade"]
async fn what_the_former_binary_made_is_taken_over_without_a_mutation() {
    let mut plane = ControlPlane::start().await;
    let sim = Sim::start(&["--transition-time", "0s"]).await;
    let helm = Helm::of(&plane);
    made_by_the_former(&plane, &sim, &helm).await;
    let made = mutations(&sim).await;
    assert!(made.len() >= 8, "three servers, three users, two accesses: {made:#?}");
    let [now, then] =
        [Path::new(env!("CARGO_BIN_EXE_transfer-operator")).to_owned(), former().join("transfer-operator")];

    helm.with("upgrade", SECRETS, &[]).await;
    serves(&plane, false).await;
    let written = takes_over(&mut plane, &sim, &now).await;
    println!(
        "upgrade: {} objects, 0 mutations, writes at the start, with a look, with another: {written:?}",
        OBJECTS.len()
    );
    // A look that was asked for is told in the status.
    for written in &written {
        assert!(written.values().all(|times| *times == 1), "one write of an object at the most: {written:?}");
        assert!(written.keys().all(|what| what.ends_with(" status")), "{written:?}");
    }

    helm.run(&["rollback", RELEASE, "1"]).await;
    serves(&plane, true).await;
    println!("rollback: 0 mutations, writes {:?}", takes_over(&mut plane, &sim, &then).await);
    helm.with("upgrade", SECRETS, &[]).await;
    serves(&plane, false).await;
    println!("upgrade again: 0 mutations, writes {:?}", takes_over(&mut plane, &sim, &now).await);

    let operator = Operator::start(&plane, &sim, &REPLICA).await;
    let role = json!({"spec": {"role": "arn:aws:iam::123456789012:role/sftp/platform/readers"}}).to_string();
    of(&plane, "patch", ("sftp-platform", "transferuser/alice"), &["--type=merge", "--patch", &role]).await;
    await_condition("the edit in AWS", PATIENCE, async || {
        let later = mutations(&sim).await.split_off(made.len());
        let operations: Vec<_> = later.iter().map(|call| call["operation"].clone()).collect();
        if operations == ["UpdateUser"] { Ok(()) } else { Err(format!("{operations:?}")) }
    })
    .await;
    assert!(operator.terminate().await.success());
}

/// No condition was another one in between, nothing is stalled, and each object is the one that it was.
fn still_so(before: &[Value], now: &[Value]) {
    let conditions_now = conditions(now);
    for (of, was) in &conditions(before) {
        assert_eq!(conditions_now.get(of), Some(was), "{of:?}: {now:#?}");
    }
    for (before, now) in before.iter().zip(now) {
        assert_eq!(before["metadata"]["uid"], now["metadata"]["uid"]);
        let [was, is] = [before, now].map(|object| leaves_of(&[object["spec"].clone()]));
        assert!(is.is_superset(&was), "{:?}", was.difference(&is));
        let stalled = now["status"]["conditions"].as_array().unwrap().iter();
        let stalled: Vec<_> = stalled.filter(|one| one["type"] == "Stalled" && one["status"] == "True").collect();
        assert!(stalled.is_empty(), "{stalled:#?}");
    }
}
