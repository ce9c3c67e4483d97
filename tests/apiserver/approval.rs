//! A change that stops a server, seen from the command line before it is applied, and approved with the very command that
//! the condition prints.

use serde_json::{Value, json};

use crate::support::{await_condition, ready};
use crate::world::{PATIENCE, PLATFORM, World};

const SERVER: &str = "transferservers";

/// What `kubectl transfer plan` says of a manifest, with its exit code.
async fn plan(world: &World, manifest: &Value) -> (i32, Value) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, manifest.to_string()).unwrap();
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_kubectl-transfer"))
        .env("KUBECONFIG", world.plane.kubeconfig())
        .args(["plan", "--output", "json", "--filename", file.path().to_str().unwrap()])
        .output()
        .await
        .unwrap();
    let (said, errors) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    (output.status.code().unwrap(), serde_json::from_str(&said).unwrap_or_else(|_| json!(errors)))
}

/// The server as a person would write it, with one more member.
fn manifest(stored: &Value, name: &str, value: &Value) -> Value {
    let mut spec = stored["spec"].clone();
    spec[name] = value.clone();
    let metadata = json!({"name": stored["metadata"]["name"], "namespace": PLATFORM});
    json!({"apiVersion": stored["apiVersion"], "kind": stored["kind"], "metadata": metadata, "spec": spec})
}

#[tokio::test]
async fn what_stops_a_server_is_foreseen_planned_and_approved_as_it_is_told() {
    let world = World::demo().await;
    let _operator = world.operator(&[]).await;
    world.all_ready(7).await;
    let files = world.object(SERVER, PLATFORM, "files").await;
    let (code, nothing) = plan(&world, &manifest(&files, "suspend", &json!(false))).await;
    assert_eq!((code, &nothing["objects"][0]["outcome"]), (0, &json!("Unchanged")), "{nothing}");
    let (code, banner) = plan(&world, &manifest(&files, "preAuthenticationLoginBanner", &json!("hello"))).await;
    assert_eq!((code, &banner["objects"][0]["changes"][0]["effect"]), (0, &json!("Live")), "{banner}");
    let (code, new) = plan(
        &world,
        &manifest(
            &json!({"apiVersion": files["apiVersion"], "kind": files["kind"],
        "metadata": {"name": "another"}, "spec": files["spec"]}),
            "suspend",
            &json!(true),
        ),
    )
    .await;
    assert_eq!((code, &new["objects"][0]["outcome"]), (0, &json!("Create")), "{new}");

    let (code, fixed) = plan(&world, &manifest(&files, "domain", &json!("EFS"))).await;
    assert_eq!((code, &fixed["refused"]), (1, &json!(true)), "{fixed}");

    let mut stops = manifest(&files, "ipAddressType", &json!("DUALSTACK"));
    stops["spec"]["lifecycle"]["approval"] = json!("Required");
    let (code, foreseen) = plan(&world, &stops).await;
    let of = &foreseen["objects"][0];
    assert_eq!(
        (code, &of["disrupts"], of["changes"][0]["effect"].as_str()),
        (2, &json!(true), Some("Offline")),
        "{of}"
    );
    assert!(of["notes"].to_string().contains("approved"), "{of}");
    assert_eq!(world.object(SERVER, PLATFORM, "files").await["spec"], files["spec"], "and nothing was changed");

    world.apply(&[stops]).await;
    let message = world.told(SERVER, PLATFORM, "files", "ApprovalRequired").await;
    let status = world.object(SERVER, PLATFORM, "files").await["status"].clone();
    let row =
        json!({"field": "spec.ipAddressType", "have": "IPV4", "want": "DUALSTACK", "effect": "Offline", "step": 1});
    assert_eq!(status["plan"], json!([row]), "{status}");
    assert!(world.calls_of("StopServer").await.is_empty());
    let command = message.split_once("kubectl ").unwrap().1;
    world.plane.kubectl(&command.split(' ').collect::<Vec<_>>()).await;
    await_condition("the approved change in force", PATIENCE, async || {
        let files = world.object(SERVER, PLATFORM, "files").await;
        // The record stays until no stop can arrive late.
        let over = files["status"]["operation"]["phase"] == "Withdrawn";
        let done = ready(&files) && files["status"]["plan"].is_null() && over;
        if done && world.done("StartServer").await.len() == 1 { Ok(()) } else { Err(files["status"].to_string()) }
    })
    .await;
    assert_eq!(world.done("StopServer").await.len(), 1);
}
