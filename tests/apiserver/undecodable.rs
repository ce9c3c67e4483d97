//! Objects that the API server stored under a laxer CRD and that the operator cannot read: each says so itself, keeps
//! what its status records, and holds up nobody else.

use serde_json::{Value, json};

use crate::support::{ControlPlane, await_condition, managed, ready};
use crate::world::{PATIENCE, PLATFORM, World, user_of};

/// Kind, namespace, name, and the field that cannot be read.
const BAD: [(&str, &str, &str, &str); 4] = [
    ("transferservers", PLATFORM, "lone", "desiredState"),
    ("transferusers", PLATFORM, "alice", "sshPublicKeyPolicy"),
    ("transferusers", PLATFORM, "carol", "sshPublicKeys"),
    ("awsidentities", "", "odd", "regions"),
];

/// Where Events about objects without a namespace are.
const OF_CLUSTER: &str = "default";

#[tokio::test]
async fn what_cannot_be_read_says_so_and_goes_on_when_mended() {
    let world = World::demo_apart(ControlPlane::start().await).await;
    let lone = managed("TransferServer", PLATFORM, "lone", &json!({"region": "eu-central-1"}));
    let regions = json!({"accountId": "123456789012", "regions": ["eu-west-1"], "credentials": {"source": "Operator"}});
    let mut odd = managed("AwsIdentity", "", "odd", &regions);
    odd["metadata"].as_object_mut().unwrap().remove("namespace");
    world.apply(&[lone, odd]).await;
    let operator = world.operator(&["--resync-interval", "5s"]).await;
    world.all_ready(8).await;
    let (lone, alice) = (status(&world, 0).await, status(&world, 1).await);
    let mutations = mutated(&world).await;

    let strict = relax(&world, &["transferservers", "transferusers", "awsidentities"]).await;
    world.patch("transferservers", PLATFORM, "lone", &json!({"spec": {"desiredState": "HALF"}})).await;
    world.patch("transferusers", PLATFORM, "alice", &json!({"spec": {"sshPublicKeyPolicy": "Sometimes"}})).await;
    world.patch("awsidentities", "", "odd", &json!({"spec": {"regions": "x"}})).await;
    let mut carol = user_of("files");
    carol["sshPublicKeys"] = json!("x");
    world.apply(&[managed("TransferUser", PLATFORM, "carol", &carol)]).await;
    for (name, schema) in &strict {
        set_schema(&world, name, schema).await;
    }
    world.apply(&[managed("TransferUser", PLATFORM, "dave", &user_of("files"))]).await;

    for (kind, namespace, name, field) in BAD {
        let event = warning(&world, namespace, name).await;
        assert!(event["note"].as_str().unwrap().contains(&format!("spec.{field}")), "{event:#?}");
        let message = world.told(kind, namespace, name, "Undecodable").await;
        assert!(message.contains(&format!("spec.{field}")), "{message}");
    }
    for (before, after) in [(&lone, status(&world, 0).await), (&alice, status(&world, 1).await)] {
        assert_eq!(recorded(before), recorded(&after), "what the status records stands");
    }
    await_condition("the others Ready", PATIENCE, async || {
        let objects = world.objects().await;
        let waiting = |object: &&Value| !ready(object) && !is_bad(object);
        let waiting: Vec<&Value> = objects.iter().filter(waiting).collect();
        if waiting.is_empty() { Ok(()) } else { Err(format!("{waiting:#?}")) }
    })
    .await;
    assert_eq!(mutated(&world).await, mutations + 1, "dave was created, nothing else changed");

    world.patch("transferservers", PLATFORM, "lone", &json!({"spec": {"desiredState": "ONLINE"}})).await;
    world.patch("transferusers", PLATFORM, "alice", &json!({"spec": {"sshPublicKeyPolicy": "Exclusive"}})).await;
    world.patch("transferusers", PLATFORM, "carol", &json!({"spec": {"sshPublicKeys": null}})).await;
    world.patch("awsidentities", "", "odd", &json!({"spec": {"regions": ["eu-west-1"]}})).await;
    world.all_ready(10).await;
    world.told("awsidentities", "", "odd", "Verified").await;
    for (kind, namespace, name, _) in BAD {
        let conditions = world.object(kind, namespace, name).await["status"]["conditions"].to_string();
        assert!(!conditions.contains("Stalled"), "{name}: {conditions}");
    }
    assert_eq!(mutated(&world).await, mutations + 2, "carol was created, nothing else changed");
    for (namespace, count) in [(PLATFORM, 3), (OF_CLUSTER, 1)] {
        let events = world.events(namespace).await;
        let told = events.iter().filter(|event| event["reason"] == "Undecodable").count();
        assert_eq!(told, count, "each is told of once");
    }
    assert!(operator.terminate().await.success());
}

async fn status(world: &World, bad: usize) -> Value {
    let (kind, namespace, name, _) = BAD[bad];
    world.object(kind, namespace, name).await["status"].clone()
}

/// A status without what changes when it says something else.
fn recorded(status: &Value) -> Value {
    let mut rest = status.clone();
    rest.as_object_mut().unwrap().retain(|member, _| member != "conditions" && member != "observedGeneration");
    rest
}

fn is_bad(object: &Value) -> bool {
    BAD.iter().any(|(_, _, name, _)| object["metadata"]["name"] == *name)
}

async fn mutated(world: &World) -> usize {
    let calls = world.sim.calls().await;
    calls["calls"].as_array().unwrap().iter().filter(|call| call["mutated"] == true).count()
}

async fn warning(world: &World, namespace: &str, name: &str) -> Value {
    await_condition(&format!("an Event about {name}"), PATIENCE, async || {
        let events = world.events(if namespace.is_empty() { OF_CLUSTER } else { namespace }).await;
        let about = |event: &&Value| event["regarding"]["name"] == name && event["type"] == "Warning";
        let told = events.iter().find(|event| about(event) && event["reason"] == "Undecodable");
        told.cloned().ok_or(format!("{events:#?}"))
    })
    .await
}

/// Makes the CRDs take any value in the fields of [`BAD`]; answers with the schemas that they had.
async fn relax(world: &World, kinds: &[&str]) -> Vec<(String, Value)> {
    let mut strict = Vec::new();
    for kind in kinds {
        let name = format!("{kind}.transfer-operator.dev");
        let crd = crd(world, &name).await;
        let schema = crd["spec"]["versions"][0]["schema"].clone();
        let mut lax = schema.clone();
        let spec = &mut lax["openAPIV3Schema"]["properties"]["spec"];
        // Rules speak of fields by their types.
        spec.as_object_mut().unwrap().remove("x-kubernetes-validations");
        for (_, _, _, field) in BAD.iter().filter(|(of, ..)| of == kind) {
            spec["properties"][*field] = json!({"x-kubernetes-preserve-unknown-fields": true});
        }
        set_schema(world, &name, &lax).await;
        strict.push((name, schema));
    }
    strict
}

async fn crd(world: &World, name: &str) -> Value {
    world.get(&format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}")).await
}

/// Gives the CRD another schema and waits until the API server goes by it.
async fn set_schema(world: &World, name: &str, schema: &Value) {
    let patch = json!([{"op": "replace", "path": "/spec/versions/0/schema", "value": schema}]).to_string();
    world.plane.kubectl(&["patch", "crd", name, "--type", "json", "--patch", &patch]).await;
    let kind = name.split('.').next().unwrap();
    let (_, namespace, object, field) = BAD.iter().find(|(of, ..)| *of == kind).unwrap();
    let strict = !schema["openAPIV3Schema"]["properties"]["spec"]["properties"][*field]["type"].is_null();
    // Another wrong value than the stored one: what is stored already may stay.
    let wrong = json!({"spec": {*field: "y"}}).to_string();
    let probe = ["patch", kind, object, "--namespace", namespace, "--dry-run=server", "--type", "merge", "--patch"];
    await_condition("the schema in force", PATIENCE, async || {
        let outcome = world.plane.try_kubectl(&[&probe[..], &[&wrong]].concat()).await;
        if outcome.is_err() == strict { Ok(()) } else { Err(format!("{outcome:?}")) }
    })
    .await;
}
