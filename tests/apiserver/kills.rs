//! The operator killed (SIGKILL) before and after each external step of a create, and what its successor makes of it.

use std::sync::Arc;

use futures::stream::{self, StreamExt};
use serde_json::{Value, json};

use crate::support::{Lent, Operator, await_condition, managed};
use crate::world::{PATIENCE, World, user_of};

/// Points at once: what takes time is waiting for windows.
const AT_ONCE: usize = 3;

/// What holds the operator at the point.
enum Hold {
    /// The API server refuses to store an object of this kind that has this member.
    Write { kind: &'static str, member: &'static str },
    /// AWS holds the call back for so long before it takes effect, whether the caller is still there or not.
    Before { operation: &'static str, by: &'static str },
    /// AWS has done the call and holds its answer back.
    After { operation: &'static str },
}

struct Point {
    name: &'static str,
    hold: Hold,
    /// Whether an attempt to create the server was recorded before, and what becomes of it.
    attempt: Attempt,
}

/// The recorded attempt of the server's create.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Attempt {
    /// None yet.
    None,
    /// It made the server, or will.
    Makes,
    /// It never reaches AWS in time: another one takes its place, after the window.
    Lost,
}

/// Longer than the tolerance: AWS refuses the signature then.
const TOO_LATE: &str = "20s";
/// For ever, as far as a test is concerned.
const FOR_EVER: &str = "1h";

fn points() -> Vec<Point> {
    let write = |kind, member| Hold::Write { kind, member };
    let before = |operation, by| Hold::Before { operation, by };
    let after = |operation| Hold::After { operation };
    let (server, user) = ("transferservers", "transferusers");
    let (created, described) = ("CreateServer", "DescribeServer");
    let rows = [
        ("server: before its record", write(server, "status.create"), Attempt::None),
        ("server: record without finalizer", write(server, "metadata.finalizers"), Attempt::None),
        ("server: in the look-up", before("ListServers", FOR_EVER), Attempt::None),
        ("server: before the attempt is recorded", write(server, "status.create.attempt"), Attempt::None),
        ("server: CreateServer never arrives", before(created, FOR_EVER), Attempt::Lost),
        ("server: CreateServer arrives too late", before(created, TOO_LATE), Attempt::Lost),
        ("server: CreateServer arrives after the kill", before(created, "2s"), Attempt::Makes),
        ("server: CreateServer done, answer lost", after(created), Attempt::Makes),
        ("server: answer received, id not written", write(server, "status.serverId"), Attempt::Makes),
        ("server: id written, not verified", before(described, FOR_EVER), Attempt::Makes),
        ("user: before its finalizer", write(user, "metadata.finalizers"), Attempt::Makes),
        ("user: CreateUser never arrives", before("CreateUser", FOR_EVER), Attempt::Makes),
        ("user: CreateUser done, answer lost", after("CreateUser"), Attempt::Makes),
        ("user: created, not verified", before("DescribeUser", FOR_EVER), Attempt::Makes),
        ("user: verified, not written down", write(user, "status.arn"), Attempt::Makes),
    ];
    rows.into_iter().map(|(name, hold, attempt)| Point { name, hold, attempt }).collect()
}

#[tokio::test]
async fn killed_around_each_step_of_a_create_no_second_one_is_made() {
    let plane = Arc::new(Lent::installed().await);
    World::beside(Arc::clone(&plane)).await.apply(&[identity()]).await;
    let each = points().into_iter().enumerate().map(|(number, point)| kill_at(Arc::clone(&plane), number, point));
    stream::iter(each).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
}

fn identity() -> Value {
    let grant = json!({
        "name": "all", "kinds": ["TransferServer", "TransferUser"], "namespaces": {"from": "All"},
        "roleArns": ["arn:aws:iam::123456789012:role/sftp/*"],
    });
    let spec = json!({
        "accountId": "123456789012", "regions": ["eu-central-1"], "credentials": {"source": "Operator"},
        "grants": [grant],
    });
    json!({"apiVersion": "transfer-operator.dev/v1alpha1", "kind": "AwsIdentity", "metadata": {"name": "default"}, "spec": spec})
}

/// One point, in a namespace and a simulated AWS of its own.
async fn kill_at(plane: Arc<Lent>, number: usize, point: Point) {
    let Point { name, hold, attempt } = point;
    eprintln!("{number}: {name}");
    let world = World::beside(plane).await;
    let namespace = format!("point-{number}");
    world.plane.kubectl(&["create", "namespace", &namespace]).await;
    let server = managed("TransferServer", &namespace, "files", &json!({"region": "eu-central-1"}));
    world.apply(&[server, managed("TransferUser", &namespace, "alice", &user_of("files"))]).await;
    hold.engage(&world, &namespace).await;

    let scope = ["--watch-namespace", namespace.as_str()];
    let operator = world.operator(&scope).await;
    hold.reached(&world, &operator).await;
    let recorded = world.object("transferservers", &namespace, "files").await["status"]["create"].clone();
    assert_eq!(recorded["attempt"].is_null(), attempt == Attempt::None, "{name}: {recorded}");
    operator.kill9();
    hold.release(&world, &namespace).await;

    let _successor = world.operator(&scope).await;
    for (kind, object) in [("transferservers", "files"), ("transferusers", "alice")] {
        world.told(kind, &namespace, object, "Available").await;
    }
    once(&world, &namespace, name, attempt, &recorded).await;
}

/// Exactly one of each was ever made, by the attempt that it has to be by.
async fn once(world: &World, namespace: &str, name: &str, attempt: Attempt, recorded: &Value) {
    let made = world.done("CreateServer").await;
    assert_eq!(made.len(), 1, "{name}: {made:#?}");
    assert_eq!(world.done("CreateUser").await.len(), 1, "{name}");
    let status = world.object("transferservers", namespace, "files").await["status"].clone();
    assert_eq!(status["serverId"], made[0]["created_server_id"], "{name}");
    let servers = world.servers().await;
    assert_eq!(servers.len(), 1, "{name}");
    let tags = made[0]["input"]["Tags"].as_array().unwrap();
    let tag = tags.iter().find(|tag| tag["Key"] == "transfer-operator.dev/attempt").unwrap();
    assert_eq!(tag["Value"], status["create"]["attempt"], "{name}: the server is of the recorded attempt");
    match attempt {
        Attempt::None => {}
        Attempt::Makes => assert_eq!(status["create"]["attempt"], recorded["attempt"], "{name}: no second attempt"),
        Attempt::Lost => {
            assert_ne!(status["create"]["attempt"], recorded["attempt"], "{name}");
            let time = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
            let waited = time(&made[0]["time"]).duration_since(time(&recorded["startedAt"]));
            // The tolerance and the lag: until then the first attempt could still arrive and show up.
            assert!(waited.as_secs() >= 5, "{name}: {waited}");
        }
    }
}

impl Hold {
    async fn engage(&self, world: &World, namespace: &str) {
        let fault = |operation: &str, by: &str, effect: &str| {
            let delay = json!({"kind": "delay", "by": by, "effect": effect});
            json!({"operation": operation, "next": 1, "fault": delay})
        };
        let rule = match self {
            Self::Write { kind, member } => return forbid(world, namespace, kind, member).await,
            Self::Before { operation, by } => fault(operation, by, "late"),
            Self::After { operation } => fault(operation, FOR_EVER, "at_once"),
        };
        world.sim.control("/_sim/faults", &rule).await;
    }

    async fn reached(&self, world: &World, operator: &Operator) {
        await_condition("the point", PATIENCE, async || {
            let there = match self {
                Self::Write { .. } => operator.log().contains("held by the test"),
                Self::Before { .. } => world.sim.get("/_sim/faults").await["faults"][0]["struck"] == 1,
                Self::After { operation } => !world.done(operation).await.is_empty(),
            };
            if there { Ok(()) } else { Err(operator.log()) }
        })
        .await;
    }

    /// A call under way stays as it is; the successor's are not held.
    async fn release(&self, world: &World, namespace: &str) {
        if let Self::Write { .. } = self {
            world.plane.kubectl(&["delete", "validatingadmissionpolicybinding", namespace]).await;
        }
    }
}

/// The API server refuses every object of this kind in the namespace that has the member, from the return on.
async fn forbid(world: &World, namespace: &str, kind: &str, member: &str) {
    let parts: Vec<&str> = member.split('.').collect();
    let absent: Vec<String> = (1..=parts.len()).map(|end| format!("!has(object.{})", parts[..end].join("."))).collect();
    let probe = "!has(object.metadata.labels) || !('probe' in object.metadata.labels)";
    let message = "held by the test";
    let rule = json!({
        "apiGroups": ["transfer-operator.dev"], "apiVersions": ["*"], "operations": ["UPDATE"],
        "resources": [kind, format!("{kind}/status")],
    });
    let api = "admissionregistration.k8s.io/v1";
    let policy = json!({
        "apiVersion": api, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": namespace},
        "spec": {
            "matchConstraints": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "resourceRules": [rule],
            },
            "validations": [
                {"expression": absent.join(" || "), "message": message}, {"expression": probe, "message": message},
            ],
        },
    });
    let binding = json!({
        "apiVersion": api, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": namespace},
        "spec": {"policyName": namespace, "validationActions": ["Deny"]},
    });
    world.apply(&[policy, binding]).await;
    let name = if kind == "transferservers" { "files" } else { "alice" };
    let label = ["label", kind, name, "probe=x", "--dry-run=server", "--namespace", namespace];
    await_condition("the policy in force", PATIENCE, async || match world.plane.try_kubectl(&label).await {
        Err(refused) if refused.contains(message) => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
}
