//! The life of objects, from apply to deletion, with the operator under the chart's rights and the simulated AWS.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{ControlPlane, Operator, Sim, await_condition, repository};

/// The windows, scaled on both sides so that a test waits seconds where production waits minutes.
const SCALED: [&str; 4] = ["--signature-tolerance", "4s", "--listing-lag", "1s"];

/// For a failure only: nothing here takes nearly as long.
const PATIENCE: Duration = Duration::from_mins(2);

const OPERATOR: (&str, &str) = ("transfer-operator-system", "transfer-operator");

struct World {
    plane: ControlPlane,
    sim: Sim,
}

impl World {
    /// The product installed, the demo's objects applied, the simulator running.
    async fn new() -> Self {
        let plane = ControlPlane::start().await;
        plane.install().await;
        let sim = Sim::start(&["--transition-time", "1s", "--signature-tolerance", "4s", "--listing-lag", "1s"]).await;
        let world = Self { plane, sim };
        for file in ["1-identity", "2-files", "3-corp", "4-team-a"] {
            let path = repository(&format!("deploy/demo/{file}.yaml"));
            world.plane.kubectl(&["apply", "--filename", path.to_str().unwrap()]).await;
        }
        world
    }

    async fn operator(&self, args: &[&str]) -> Operator {
        let args: Vec<&str> = SCALED.iter().chain(args).copied().collect();
        Operator::start(&self.plane, &self.sim, &args).await
    }

    async fn object(&self, kind: &str, namespace: &str, name: &str) -> Value {
        let text = self.plane.kubectl(&["get", kind, name, "--namespace", namespace, "--output", "json"]).await;
        serde_json::from_str(&text).unwrap()
    }

    async fn patch(&self, kind: &str, namespace: &str, name: &str, patch: &Value) {
        let patch = patch.to_string();
        self.plane
            .kubectl(&["patch", kind, name, "--namespace", namespace, "--type", "merge", "--patch", &patch])
            .await;
    }

    /// Waits until every object is Ready for its newest generation.
    async fn all_ready(&self) {
        await_condition("all objects Ready", PATIENCE, async || {
            let kinds = "transferservers,transferusers,transferaccesses";
            let text = self.plane.kubectl(&["get", kinds, "--all-namespaces", "--output", "json"]).await;
            let list: Value = serde_json::from_str(&text).unwrap();
            let items = list["items"].as_array().unwrap();
            assert_eq!(items.len(), 7);
            let waiting: Vec<&Value> = items.iter().filter(|item| !ready(item)).collect();
            if waiting.is_empty() { Ok(()) } else { Err(format!("{waiting:#?}")) }
        })
        .await;
    }

    async fn calls_of(&self, operation: &str) -> Vec<Value> {
        let calls = self.sim.calls().await;
        let calls = calls["calls"].as_array().unwrap();
        calls.iter().filter(|call| call["operation"] == operation).cloned().collect()
    }

    /// What a person does in AWS's console.
    async fn out_of_band(&self, operation: &str, input: &Value) {
        let change =
            json!({"account": "123456789012", "region": "eu-central-1", "operation": operation, "input": input});
        self.sim.control("/_sim/change", &change).await;
    }

    /// The annotation that asks for a pass now.
    async fn poke(&self, kind: &str, name: &str) {
        let now = json!({"metadata": {"annotations": {"transfer-operator.dev/reconcile-at": "now"}}});
        self.patch(kind, "sftp-platform", name, &now).await;
    }

    /// How often the operator wrote to the API server.
    fn writes(&self) -> usize {
        let reads = ["get", "list", "watch"].map(Value::from);
        let requests = self.plane.requests_of(OPERATOR.0, OPERATOR.1);
        requests.iter().filter(|event| !reads.contains(&event["verb"])).count()
    }
}

fn ready(object: &Value) -> bool {
    let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    object["status"]["observedGeneration"] == object["metadata"]["generation"]
        && conditions.iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

#[tokio::test]
async fn one_create_each_then_drift_is_put_right_and_at_rest_nothing_is_written() {
    let world = World::new().await;
    let _operator = world.operator(&["--resync-interval", "2s"]).await;
    world.all_ready().await;
    assert_eq!(world.calls_of("CreateServer").await.len(), 2);
    assert_eq!(world.calls_of("CreateUser").await.len(), 3);
    assert_eq!(world.calls_of("CreateAccess").await.len(), 2);

    let server = world.object("transferserver", "sftp-platform", "files").await["status"]["serverId"].clone();
    let other = "arn:aws:iam::123456789012:role/sftp/elsewhere";
    world.out_of_band("UpdateUser", &json!({"ServerId": server, "UserName": "alice", "Role": other})).await;
    await_condition("alice's role put right", PATIENCE, async || {
        let updates = world.calls_of("UpdateUser").await;
        let wanted = "arn:aws:iam::123456789012:role/sftp/platform/writers";
        if updates.iter().any(|call| call["input"]["Role"] == wanted) { Ok(()) } else { Err(format!("{updates:?}")) }
    })
    .await;

    world.all_ready().await;
    let seen = world.calls_of("DescribeServer").await.len();
    let before = world.writes();
    // Several rounds of observation, counted by what reaches AWS.
    await_condition("further observations", PATIENCE, async || {
        let now = world.calls_of("DescribeServer").await.len();
        if now >= seen + 8 { Ok(()) } else { Err(now) }
    })
    .await;
    assert_eq!(world.writes(), before, "a settled operator writes nothing");
}

#[tokio::test]
async fn killed_while_it_creates_it_finds_its_servers_again() {
    let world = World::new().await;
    for _ in 0..6 {
        let operator = world.operator(&[]).await;
        let before = world.sim.calls().await["calls"].as_array().unwrap().len();
        await_condition("a further call", PATIENCE, async || {
            let now = world.sim.calls().await["calls"].as_array().unwrap().len();
            if now > before + 2 { Ok(()) } else { Err(now) }
        })
        .await;
        operator.kill9();
    }
    let _operator = world.operator(&[]).await;
    world.all_ready().await;
    let made: Vec<Value> =
        world.calls_of("CreateServer").await.into_iter().filter(|call| call["mutated"] == true).collect();
    assert_eq!(made.len(), 2, "{made:#?}");
}

#[tokio::test]
async fn a_false_server_id_in_status_leads_nowhere_and_deletion_takes_everything_along() {
    let world = World::new().await;
    let _operator = world.operator(&[]).await;
    world.all_ready().await;
    let id =
        async |name: &str| world.object("transferserver", "sftp-platform", name).await["status"]["serverId"].clone();
    let (files, corp) = (id("files").await, id("corp").await);
    let forged = json!({"status": {"serverId": corp}}).to_string();
    let patch = ["patch", "transferserver", "files", "--namespace", "sftp-platform", "--subresource", "status"];
    let patch: Vec<&str> = patch.into_iter().chain(["--type", "merge", "--patch", &forged]).collect();
    world.plane.kubectl(&patch).await;
    world.poke("transferserver", "files").await;
    await_condition("the real id is back", PATIENCE, async || {
        let now = id("files").await;
        if now == files { Ok(()) } else { Err(now) }
    })
    .await;
    let touched: Vec<Value> =
        world.calls_of("UpdateServer").await.into_iter().chain(world.calls_of("TagResource").await).collect();
    assert_eq!(touched, Vec::<Value>::new(), "nothing was changed on the other server");

    let protected =
        world.plane.try_kubectl(&["delete", "transferserver", "files", "--namespace", "sftp-platform"]).await;
    assert!(protected.unwrap_err().contains("deletionProtection"));
    for server in ["files", "corp"] {
        let unprotected = json!({"spec": {"lifecycle": {"deletionProtection": false}}});
        world.patch("transferserver", "sftp-platform", server, &unprotected).await;
    }
    for namespace in ["sftp-platform", "team-a"] {
        let kinds = "transferservers,transferusers,transferaccesses";
        world.plane.kubectl(&["delete", kinds, "--all", "--namespace", namespace, "--wait=false"]).await;
    }
    await_condition("all objects gone", PATIENCE, async || {
        let kinds = "transferservers,transferusers,transferaccesses";
        let left = world.plane.kubectl(&["get", kinds, "--all-namespaces", "--output", "name"]).await;
        if left.is_empty() { Ok(()) } else { Err(left) }
    })
    .await;
    let held = world.sim.get("/_sim/state").await.to_string();
    assert!(!held.contains(files.as_str().unwrap()) && !held.contains(corp.as_str().unwrap()), "{held}");
    let calls = world.sim.calls().await["calls"].as_array().unwrap().clone();
    let last =
        |operation: &str| calls.iter().rposition(|call| call["operation"] == operation && call["server_id"] == files);
    assert!(last("DeleteUser").unwrap() < last("DeleteServer").unwrap(), "users go before their server");
}

#[tokio::test]
async fn what_is_not_granted_reaches_aws_in_no_way_and_what_aws_refuses_holds_up_nobody_else() {
    let world = World::new().await;
    let _operator = world.operator(&[]).await;
    world.all_ready().await;
    world.plane.kubectl(&["create", "namespace", "attacker"]).await;
    let server = world.object("transferserver", "sftp-platform", "files").await["status"]["serverId"].clone();
    let role = "arn:aws:iam::123456789012:role/sftp/platform/writers";
    let user = |name: &str, namespace: &str, target: Value| {
        let mut spec = json!({"role": role, "home": {"s3": {"bucket": "my-files"}}});
        spec.as_object_mut().unwrap().extend(target.as_object().unwrap().clone());
        let metadata = json!({"name": name, "namespace": namespace});
        json!({"apiVersion": "transfer-operator.dev/v1alpha1", "kind": "TransferUser", "metadata": metadata, "spec": spec})
    };
    let by_reference = json!({"serverRef": {"name": "files", "namespace": "sftp-platform"}});
    let by_id = json!({"serverId": server, "awsIdentityRef": {"name": "default"}, "region": "eu-central-1"});
    let rows = [
        (user("by-reference", "attacker", by_reference.clone()), "ServerNotAvailable"),
        (user("by-id", "attacker", by_id.clone()), "IdentityDenied"),
        (user("by-id-here", "sftp-platform", by_id), "IdentityDenied"),
        (user("foreign-role", "team-a", by_reference), "RoleNotGranted"),
    ];
    let users_before = world.calls_of("CreateUser").await.len();
    for (object, expected) in &rows {
        let file = std::env::temp_dir().join(format!(
            "{}-{}.json",
            object["metadata"]["name"].as_str().unwrap(),
            std::process::id()
        ));
        std::fs::write(&file, object.to_string()).unwrap();
        world.plane.kubectl(&["apply", "--filename", file.to_str().unwrap()]).await;
        std::fs::remove_file(&file).unwrap();
        let (namespace, name) =
            (object["metadata"]["namespace"].as_str().unwrap(), object["metadata"]["name"].as_str().unwrap());
        await_condition(expected, PATIENCE, async || {
            let status = world.object("transferuser", namespace, name).await["status"].clone();
            let told =
                status["conditions"].as_array().into_iter().flatten().any(|condition| condition["reason"] == *expected);
            if told { Ok(()) } else { Err(format!("{name}: {status}")) }
        })
        .await;
    }
    assert_eq!(world.calls_of("CreateUser").await.len(), users_before, "none of them reached AWS");

    world.patch("transferserver", "sftp-platform", "files", &json!({"spec": {"desiredState": "OFFLINE"}})).await;
    await_condition("files OFFLINE, whatever the others do", PATIENCE, async || {
        let object = world.object("transferserver", "sftp-platform", "files").await;
        if ready(&object) && object["status"]["state"] == "OFFLINE" {
            Ok(())
        } else {
            Err(object["status"].to_string())
        }
    })
    .await;
}
