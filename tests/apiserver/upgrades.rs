//! New rules over old objects: what an earlier version stored, and a rule of this one would refuse, still takes a status,
//! a label and the end of its finalizer. Else it could neither be told what is wrong with it nor be deleted.

use std::collections::BTreeSet;
use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use transfer_operator::api::{FINALIZER, all_crds};

use crate::fixtures::{door, files};
use crate::support::{ControlPlane, await_condition};

/// A manifest that this version refuses, under a name of its own where its name is not what is wrong with it.
struct Refused {
    object: Value,
    expect: String,
}

fn refused() -> Vec<Refused> {
    let read = |file: std::path::PathBuf| {
        let text = std::fs::read_to_string(&file).unwrap();
        let expect = text.lines().next().unwrap().trim_start_matches("# expect: ").to_owned();
        let mut object: Value = serde_saphyr::from_str(&text).unwrap();
        if object["metadata"]["name"] == "example" {
            object["metadata"]["name"] = json!(file.file_stem().unwrap().to_str().unwrap());
        }
        if object["kind"] != "AwsIdentity" {
            object["metadata"]["namespace"] = json!("default");
        }
        object["metadata"]["finalizers"] = json!([FINALIZER]);
        Refused { object, expect }
    };
    files("rejected").into_iter().map(read).collect()
}

/// The same schema without any rule or regular expression.
fn lenient(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.remove("x-kubernetes-validations");
            if members.get("pattern").is_some_and(Value::is_string) {
                members.remove("pattern");
            }
            members.values_mut().for_each(lenient);
        }
        Value::Array(items) => items.iter_mut().for_each(lenient),
        _ => {}
    }
}

/// What every rule says that a single object can break.
fn messages(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(members) => {
            let rules = members.get("x-kubernetes-validations").and_then(Value::as_array);
            let of_changes =
                |rule: &Value| rule["rule"].as_str().unwrap().contains("oldSelf") && rule["optionalOldSelf"] != true;
            let judging = rules.into_iter().flatten().filter(|rule| !of_changes(rule));
            found.extend(judging.map(|rule| rule["message"].as_str().unwrap().to_owned()));
            members.values().for_each(|member| messages(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| messages(item, found)),
        _ => {}
    }
}

async fn install(client: &Client, crds: Vec<Value>) {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for crd in crds {
        let name = crd["metadata"]["name"].as_str().unwrap().to_owned();
        api.patch(&name, &PatchParams::apply("upgrades").force(), &Patch::Apply(crd)).await.unwrap();
    }
}

fn crds() -> Vec<Value> {
    let value = |crd| {
        let mut crd = serde_json::to_value(crd).unwrap();
        crd["apiVersion"] = json!("apiextensions.k8s.io/v1");
        crd["kind"] = json!("CustomResourceDefinition");
        crd
    };
    all_crds().into_iter().map(value).collect()
}

async fn create(client: &Client, refused: &Refused, dry_run: bool) -> Result<(), String> {
    let object: DynamicObject = serde_json::from_value(refused.object.clone()).unwrap();
    let how = PostParams { dry_run, ..PostParams::default() };
    let answer = door(client, &refused.object).create(&how, &object).await;
    answer.map(|_| ()).map_err(|error| error.to_string())
}

/// What the operator and a person must be able to write.
async fn writes(client: &Client, Refused { object, expect }: &Refused) {
    let (api, name) = (door(client, object), object["metadata"]["name"].as_str().unwrap());
    let how = PatchParams::default();
    let told = |what: &str, answer: Result<DynamicObject, kube::Error>| {
        answer.unwrap_or_else(|error| panic!("{name} ({expect}): {what} was refused: {error}"))
    };
    let status = json!({"status": {"observedGeneration": 1}});
    told("its status", api.patch_status(name, &how, &Patch::Merge(status)).await);
    let label = json!({"metadata": {"labels": {"upgraded": "yes"}, "annotations": {"upgraded": "yes"}}});
    told("a label", api.patch(name, &how, &Patch::Merge(label)).await);
    api.delete(name, &DeleteParams::default()).await.unwrap();
    told(
        "the status of its deletion",
        api.patch_status(name, &how, &Patch::Merge(json!({"status": {"observedGeneration": 2}}))).await,
    );
    told(
        "the end of its finalizer",
        api.patch(name, &how, &Patch::Merge(json!({"metadata": {"finalizers": null}}))).await,
    );
    assert!(api.get_opt(name).await.unwrap().is_none(), "{name} is still there");
}

#[tokio::test]
async fn what_breaks_a_rule_that_came_later_takes_a_status_and_can_be_deleted() {
    let plane = ControlPlane::start().await;
    let client = plane.admin().await;
    let mut earlier = crds();
    earlier.iter_mut().for_each(lenient);
    install(&client, earlier).await;
    plane.kubectl(&["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"]).await;
    let mut rules = BTreeSet::new();
    for crd in &crds() {
        messages(crd, &mut rules);
    }
    let breaks = |rule: &String, refused: &Refused| rule.contains(&refused.expect) || refused.expect.contains(rule);
    let mut stored = Vec::new();
    // What the schema itself refuses no version has stored.
    for refused in refused().into_iter().filter(|refused| rules.iter().any(|rule| breaks(rule, refused))) {
        if create(&client, &refused, false).await.is_ok() {
            stored.push(refused);
        }
    }
    install(&client, crds()).await;
    for refused in &stored {
        await_condition("the new rules", Duration::from_mins(1), async || {
            // The object is there already, but what is wrong with it is told first.
            match create(&client, refused, true).await {
                Err(answer) if answer.contains(&refused.expect) => Ok(()),
                answer => Err(format!("{}: {answer:?}", refused.expect)),
            }
        })
        .await;
    }
    let unbroken: Vec<&String> =
        rules.iter().filter(|rule| !stored.iter().any(|refused| breaks(rule, refused))).collect();
    assert!(unbroken.is_empty(), "no object that was stored breaks these rules: {unbroken:#?}");
    for refused in &stored {
        writes(&client, refused).await;
    }
}
