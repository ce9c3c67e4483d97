//! What the control path does: faults, lags, the log, the clock, and what survives a kill.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use aws_sdk_transfer::error::SdkError;
use aws_sdk_transfer::types::State;
use serde_json::{Value, json};

use crate::process::{ROLE, Sim, created, listed};

#[tokio::test]
async fn a_lost_reply_leaves_its_effect_and_a_refused_call_none() {
    let sim = Sim::start(&[]);
    let client = sim.client();
    for (fault, servers) in [
        (json!({"kind": "lose_reply"}), 1),
        (json!({"kind": "refuse"}), 1),
        (json!({"kind": "error", "code": "InternalServiceError", "effect": "done"}), 2),
        (json!({"kind": "error", "code": "InternalServiceError"}), 2),
        (json!({"kind": "throttle"}), 2),
    ] {
        sim.fault("CreateServer", &fault);
        let failed = client.create_server().send().await.unwrap_err();
        let cut = matches!(failed, SdkError::DispatchFailure(_) | SdkError::ResponseError(_));
        assert_eq!(cut, fault["kind"] == "lose_reply" || fault["kind"] == "refuse", "{fault}: {failed:?}");
        assert_eq!(listed(&client).await, servers, "{fault}");
    }
    let calls = sim.get("calls")["calls"].clone();
    let creates: Vec<&Value> = calls.as_array().unwrap().iter().filter(|c| c["operation"] == "CreateServer").collect();
    let mutated: Vec<bool> = creates.iter().map(|c| c["mutated"].as_bool().unwrap()).collect();
    assert_eq!(mutated, [true, false, true, false, false]);
    assert_eq!(creates[0]["fault"], "lose_reply");
    assert!(creates[0]["created_server_id"].is_string());
}

#[tokio::test]
async fn a_held_up_call_takes_effect_when_it_arrives() {
    let sim = Sim::start(&[]);
    let client = sim.client();
    let server = created(&client).await;
    sim.fault("DeleteServer", &json!({"kind": "delay", "by": "300ms"}));
    let late = tokio::spawn({
        let (client, server) = (client.clone(), server.clone());
        async move { client.delete_server().server_id(server).send().await }
    });
    while sim.get("faults")["faults"][0]["struck"] != 1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    client.describe_server().server_id(&server).send().await.unwrap();
    late.await.unwrap().unwrap();
    client.describe_server().server_id(&server).send().await.unwrap_err();
}

#[tokio::test]
async fn listings_lag_and_hide_while_describe_knows() {
    let sim = Sim::start(&["--listing-lag", "10m"]);
    let client = sim.client();
    let server = created(&client).await;
    assert_eq!(listed(&client).await, 0);
    client.describe_server().server_id(&server).send().await.unwrap();
    sim.post("clock", &json!({"advance": "10m"}));
    assert_eq!(listed(&client).await, 1);
    client.create_user().server_id(&server).user_name("ada").role(ROLE).send().await.unwrap();
    sim.post("hide", &json!({"region": "eu-west-1", "server_id": server, "for": "1m"}));
    sim.post("hide", &json!({"region": "eu-west-1", "server_id": server, "user_name": "ada", "for": "1m"}));
    assert_eq!(listed(&client).await, 0);
    let users = || client.list_users().server_id(&server).send();
    assert!(users().await.unwrap().users.is_empty());
    sim.post("clock", &json!({"advance": "1m"}));
    assert_eq!(listed(&client).await, 1);
    assert_eq!(users().await.unwrap().users.len(), 1);
}

#[tokio::test]
async fn state_survives_a_kill_after_every_change() {
    let arguments = ["--state-file", "state", "--transition-time", "1h", "--signature-tolerance", "24h"];
    let mut sim = Sim::start(&arguments);
    sim.post("clock", &json!({"advance": "2m"}));
    let server = created(&sim.client()).await;
    sim = sim.killed_and_restarted(&arguments);
    let client = sim.client();
    client.create_user().server_id(&server).user_name("ada").role(ROLE).send().await.unwrap();
    client.create_workflow().set_steps(Some(Vec::new())).send().await.unwrap();
    let before = sim.get("state")["accounts"].clone();
    sim = sim.killed_and_restarted(&arguments);
    assert_eq!(sim.get("state")["accounts"], before);
    let client = sim.client();
    let shown = client.describe_server().server_id(&server).send().await.unwrap().server.unwrap();
    assert_eq!(shown.state, Some(State::Starting), "a state that takes time goes on taking it");
    sim.post("clock", &json!({"advance": "1h"}));
    let shown = client.describe_server().server_id(&server).send().await.unwrap().server.unwrap();
    assert_eq!(shown.state, Some(State::Online));
    client.delete_server().server_id(&server).send().await.unwrap();
    sim = sim.killed_and_restarted(&arguments);
    assert_eq!(listed(&sim.client()).await, 0);
}

#[tokio::test]
async fn things_change_behind_a_clients_back() {
    let sim = Sim::start(&["--transition-time", "0s"]);
    let client = sim.client();
    let server = created(&client).await;
    let run = |operation: &str, input: Value| {
        sim.post("change", &json!({"region": "eu-west-1", "operation": operation, "input": input}))
    };
    let arn = format!("arn:aws:transfer:eu-west-1:123456789012:server/{server}");
    run("TagResource", json!({"Arn": arn, "Tags": [{"Key": "aws:cloudformation:stack-name", "Value": "x"}]}));
    run("StopServer", json!({"ServerId": server}));
    let shown = client.describe_server().server_id(&server).send().await.unwrap().server.unwrap();
    assert_eq!(shown.state, Some(State::Offline));
    assert_eq!(shown.tags().len(), 1);
    let (status, refusal) =
        sim.control("POST", "change", &json!({"operation": "DeleteServer", "input": {"ServerId": server}}));
    assert_eq!(status, 409, "that is another region");
    assert!(refusal["error"].as_str().unwrap().contains("Unknown server"));
    let calls = sim.get("calls")["calls"].clone();
    assert_eq!(calls.as_array().unwrap().len(), 2, "the log holds what clients did");
}

#[tokio::test]
async fn the_log_counts_on_and_forgets_on_demand() {
    let sim = Sim::start(&[]);
    let client = sim.client();
    let server = created(&client).await;
    client.delete_server().server_id(&server).send().await.unwrap();
    let log = sim.get("calls?since=1");
    assert_eq!(log["last"], 2);
    assert_eq!(log["calls"].as_array().unwrap().len(), 1);
    assert_eq!(log["calls"][0]["operation"], "DeleteServer");
    assert_eq!(log["calls"][0]["server_id"], server);
    sim.control("DELETE", "calls", &Value::Null);
    assert_eq!(sim.get("calls"), json!({"calls": [], "last": 2}));
    listed(&client).await;
    assert_eq!(sim.get("calls")["calls"][0]["seq"], 3);
}

#[test]
fn the_control_path_names_what_it_cannot_do() {
    let sim = Sim::start(&[]);
    for (method, path, body, status, text) in [
        ("GET", "nothing", json!(null), 404, "no such control path"),
        ("PUT", "faults", json!({}), 405, "PUT is not possible"),
        ("POST", "faults", json!({"operation": "X"}), 400, "fault"),
        ("POST", "faults", json!({"operation": "Y", "fault": {"kind": "explode"}}), 400, "explode"),
        ("POST", "clock", json!({"advance": "soon"}), 400, "cannot read the request"),
        ("POST", "config", json!({"colour": 1}), 400, "colour"),
        ("POST", "change", json!({"operation": "Explode"}), 400, "no such operation"),
        ("POST", "change", json!({}), 400, "one of operation, set_state, set_connector, show_as and set_address"),
        ("POST", "hide", json!({"server_id": "s"}), 400, "for"),
        ("POST", "hide", json!({"for": "1m"}), 400, "web_app_id, vpc_endpoint_id and allocation_id"),
        ("POST", "hide", json!({"server_id": "s", "workflow_id": "w", "for": "1m"}), 400, "one of server_id"),
        ("GET", "calls?since=x", json!(null), 400, "since"),
    ] {
        let (found, reply) = sim.control(method, path, &body);
        assert_eq!(found, status, "{method} {path}: {reply}");
        let error = reply["error"].as_str().unwrap();
        assert!(error.contains(text), "{error} instead of {text}");
    }
    let (status, _, _) = sim.raw("GET", "/", "");
    assert_eq!(status, 400, "only signed posts reach the service");
}

#[test]
fn a_wrong_flag_or_file_ends_the_simulator_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let garbage = folder.path().join("garbage");
    std::fs::write(&garbage, "no json").unwrap();
    let run = |arguments: &[&str]| {
        let done = Command::new(env!("CARGO_BIN_EXE_transfer-sim")).args(arguments).output().unwrap();
        assert!(!done.status.success());
        String::from_utf8(done.stderr).unwrap()
    };
    let path = |p: &Path| p.to_str().unwrap().to_owned();
    assert!(run(&["--account", "12"]).contains("twelve digits"));
    assert!(run(&["--transition-time", "quick"]).contains("--transition-time"));
    assert!(run(&["--listen", "127.0.0.1:0", "--state-file", &path(&garbage)]).contains("cannot read the state file"));
    let nowhere = path(&folder.path().join("no/where"));
    assert!(run(&["--listen", "127.0.0.1:0", "--port-file", &nowhere]).contains("cannot write the port file"));
    let sim = Sim::start(&[]);
    let taken = format!("127.0.0.1:{}", sim.port);
    assert!(run(&["--listen", &taken]).contains(&format!("cannot listen on {taken}")));
}
