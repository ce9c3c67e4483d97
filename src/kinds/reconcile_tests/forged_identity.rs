//! The status of an `AwsIdentity` forged field by field. Nothing is decided by what stands there: who may use the identity
//! is said in its spec, whose credentials it has is asked of STS, and who needs it is listed. What stays of a forgery is
//! said in docs/security.md.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::forged::{covers, told};
use super::rig::Rig;
use crate::api::condition::reasons;
use crate::api::{AwsIdentity, FINALIZER};
use crate::cluster::Name;
use crate::engine::requeue::Requeue;
use crate::kinds::fakes::schema::leaves_of;
use crate::kinds::fakes::{ACCOUNT, NOW, REGION, World, settings};
use crate::kinds::identity::Identities;
use crate::kinds::installations::Installation;
use crate::kinds::orphans::Orphans;

/// A forged field, and what of it stays after the next look.
struct Row {
    field: &'static str,
    value: Value,
    stays: Value,
}

fn condition(of_type: &str, status: &str) -> Value {
    json!({"type": of_type, "status": status, "reason": "Forged", "message": "forged", "observedGeneration": 99,
        "lastTransitionTime": "2099-01-01T00:00:00Z"})
}

fn rows() -> Vec<Row> {
    let row = |field, value: Value| Row { field, value, stays: Value::Null };
    let kept = |field, value: Value| Row { field, stays: value.clone(), value };
    let [orphans, forged] = [condition("OrphansFound", "True"), condition("Forged", "True")];
    let wrong = [condition("Ready", "False"), condition("Stalled", "True"), condition("DeletionsHeld", "True")];
    let conditions = [wrong.to_vec(), vec![orphans.clone(), forged.clone()]].concat();
    let installation = json!([{"name": "x/y", "namespaces": ["bank"], "finalizer": "transfer-operator.dev/in-use-x",
        "observedGeneration": 99, "conditions": [condition("Ready", "False")]}]);
    vec![
        row("observedGeneration", json!(99)),
        Row { field: "conditions", value: json!(conditions), stays: json!([orphans, forged]) },
        row("accountId", json!("999999999999")),
        row("callerArn", json!("arn:aws:iam::999999999999:root")),
        row("regions", json!(["us-east-1"])),
        row("regionNames", json!("us-east-1")),
        kept("installations", installation),
        kept("lastHandledReconcileAt", json!("now")),
    ]
}

/// A process that knows nothing yet.
pub fn process(world: &World, installation: Installation) -> Identities {
    let orphans = Arc::new(Orphans::new(Arc::clone(&world.deps), settings(), Vec::new()));
    Identities::new(Arc::clone(&world.deps), settings(), orphans, installation)
}

pub fn whole() -> Installation {
    Installation::new("", &[])
}

pub fn stored(world: &World) -> AwsIdentity {
    world.stored_identity().unwrap()
}

/// The status, with what has a name or a type in an order of its own.
fn status(world: &World) -> Value {
    let mut status = serde_json::to_value(stored(world).status).unwrap();
    for (list, key) in [("conditions", "type"), ("installations", "name")] {
        let Some(list) = status[list].as_array_mut() else { continue };
        list.sort_by_key(|entry| entry[key].to_string());
    }
    status
}

/// What stays, beside what is true.
fn with(mut honest: Value, Row { field, value: _, stays }: &Row) -> Value {
    match (stays, honest[*field].as_array_mut()) {
        (Value::Null, _) => {}
        (Value::Array(stays), Some(list)) => {
            list.extend(stays.iter().cloned());
            let key = if *field == "conditions" { "type" } else { "name" };
            list.sort_by_key(|entry| entry[key].to_string());
        }
        _ => honest[*field] = stays.clone(),
    }
    honest
}

#[tokio::test(start_paused = true)]
async fn a_forged_status_of_an_identity_is_written_anew_but_for_this() {
    for row in rows() {
        let world = World::open();
        process(&world, whole()).reconcile(&stored(&world)).await.unwrap();
        let honest = status(&world);
        let verified = *world.aws.verified.lock().unwrap();
        world.edit_identity(|identity| match (&row.value, identity["status"][row.field].as_array_mut()) {
            // Beside the installation that there is.
            (Value::Array(more), Some(list)) if row.field == "installations" => list.extend(more.iter().cloned()),
            _ => identity["status"][row.field] = row.value.clone(),
        });
        assert_ne!(status(&world), honest, "{}", row.field);
        process(&world, whole()).reconcile(&stored(&world)).await.unwrap();
        assert_eq!(status(&world), with(honest, &row), "{}", row.field);
        assert_eq!(*world.aws.verified.lock().unwrap(), verified + 1, "{}: STS says who it is", row.field);
        let (calls, reads) = (world.cloud.calls(), world.cloud.reads());
        assert!(calls.is_empty() && reads == 0 && world.asked() == 0, "{}: {calls:?}, {reads}", row.field);
    }
}

/// A server and a user of it made, edited and deleted, and a server in a region that the identity does not name: what was
/// sent and what was said.
async fn lives(forged: Option<&Row>) -> Vec<String> {
    let rig = Rig::new();
    let key = ("AwsIdentity".to_owned(), Name { namespace: String::new(), name: "default".to_owned() });
    if let Some(Row { field, value, .. }) = forged {
        let status = |identity: &mut Value| {
            identity["status"] = json!({"observedGeneration": 1});
            identity["status"][*field] = value.clone();
        };
        rig.objects.change(&key, None, status).unwrap();
    }
    let mut all = Vec::new();
    rig.server("files", json!({}));
    rig.server("away", json!({"region": "us-east-1"}));
    rig.user("alice", json!({"serverRef": {"name": "files"}}));
    let objects = [("TransferServer", "files"), ("TransferServer", "away"), ("TransferUser", "alice")];
    for round in ["made", "edited"] {
        for (kind, name) in objects {
            rig.settle(kind, name).await;
            all.push(format!("{round} {name}: {:?} {:?}", rig.says(kind, name, "Ready"), rig.cloud.calls()));
            let tags = json!({"a": "1"});
            rig.edit(kind, name, |object| object["spec"]["tags"] = tags);
        }
    }
    for (kind, name) in objects.into_iter().rev() {
        rig.delete(kind, name);
        rig.run(kind, name, Duration::from_mins(40)).await;
        all.push(format!("deleted {name}: {} {:?}", rig.get(kind, name).is_none(), rig.cloud.calls()));
    }
    all
}

#[tokio::test(start_paused = true)]
async fn no_object_goes_by_what_the_status_of_its_identity_says() {
    let honest = lives(None).await;
    let told = honest.join("\n");
    for part in ["CreateServer", "CreateUser", "IdentityDenied", "TagResource", "deleted files: true", "DeleteUser"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    for row in rows() {
        assert_eq!(lives(Some(&row)).await, honest, "{}", row.field);
    }
}

/// An identity that is being deleted, with the finalizer of who watches everything and these entries; and one of its
/// objects, where there is one.
fn dying(entries: &Value, object: bool) -> World {
    let world = World::open();
    world.edit_identity(|identity| {
        identity["metadata"]["finalizers"] = json!([FINALIZER]);
        identity["metadata"]["deletionTimestamp"] = json!(NOW);
        identity["status"] = json!({"observedGeneration": 1, "installations": entries});
    });
    if object {
        world.cluster.put(json!({"kind": "TransferUser", "metadata": {"namespace": "team", "name": "alice",
            "finalizers": [FINALIZER]}, "status": {"awsIdentity": "default", "accountId": ACCOUNT, "region": REGION}}));
    }
    world
}

#[tokio::test(start_paused = true)]
async fn no_forged_entry_lets_an_identity_go_that_is_needed() {
    let limited = || Installation::new("a", &["elsewhere".to_owned()]);
    let everything = json!([{"name": "all-namespaces", "finalizer": FINALIZER}]);
    let another = json!([{"name": "x/y", "namespaces": ["bank"], "finalizer": "transfer-operator.dev/in-use-x"}]);
    let rows = [
        (whole(), json!([]), true, false, "whoever watches everything lists who needs it, whatever stands there"),
        (whole(), another.clone(), true, false, "also where its own entry is gone"),
        (whole(), another.clone(), false, true, "and lets it go when nobody does"),
        (limited(), json!([]), true, false, "a limited one looks at all of the cluster"),
        (limited(), another, true, false, "also where others stand there"),
        (limited(), json!([]), false, true, "and lets it go when nobody there does"),
        (limited(), everything, false, false, "who is said to watch everything has to let it go himself"),
    ];
    for (installation, entries, needed, goes, row) in rows {
        let world = dying(&entries, needed);
        if installation != whole() {
            *world.cluster.watches.lock().unwrap() = vec!["elsewhere".to_owned()];
        }
        let next = process(&world, installation).reconcile(&stored(&world)).await.unwrap();
        assert_eq!(world.stored_identity().is_none(), goes, "{row}");
        if needed {
            assert!(matches!(next, Requeue::After(_)), "{row}: {next:?}");
            assert!(serde_json::to_string(&stored(&world)).unwrap().contains(reasons::IN_USE), "{row}");
        }
        assert_eq!(world.cloud.calls(), [""; 0], "{row}");
    }
}

#[test]
fn every_field_of_an_identitys_status_is_forged_and_told_of() {
    let (rows, told) = (rows(), told("Forged status of an `AwsIdentity`"));
    let forged: Vec<String> = rows.iter().map(|row| format!("status.{}", row.field)).collect();
    let known: Vec<String> = leaves_of("AwsIdentity", "status").into_iter().map(|(leaf, _)| leaf).collect();
    for leaf in &known {
        assert!(forged.iter().any(|path| covers(path, leaf)), "{leaf} is not forged");
        assert!(told.iter().any(|path| covers(path, leaf)), "{leaf} is not told of");
    }
    let gone: Vec<&String> = told.iter().filter(|path| !known.iter().any(|leaf| covers(path, leaf))).collect();
    assert!(gone.is_empty(), "told of, and no field of a status: {gone:?}");
}
