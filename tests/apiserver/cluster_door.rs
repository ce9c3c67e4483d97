//! The Kubernetes door against the real thing, with the operator's own rights.

use kube::Client;
use kube::api::{Api, DynamicObject, ListParams, ObjectMeta, Patch, PatchParams, PostParams};
use kube::core::ApiResource;
use serde_json::{Value, json};
use transfer_operator::api::{FINALIZER, TransferUser};
use transfer_operator::cluster::kube::KubeClient;
use transfer_operator::cluster::{self, ClusterError, EventNote, KubeApi, MANAGER, Name, Reach};

use crate::support::ControlPlane;

const OTHERS: &str = "example.com/others";

/// An installed product, the door with the operator's rights, and an administrator.
async fn doors(namespaces: Vec<String>) -> (&'static ControlPlane, KubeClient, Client) {
    let plane = ControlPlane::shared().await;
    let operator = plane.client_for("transfer-operator-system", "transfer-operator").await;
    (plane, KubeClient::new(operator, namespaces, MANAGER.to_owned()), plane.admin().await)
}

fn kind() -> ApiResource {
    ApiResource::erase::<TransferUser>(&())
}

async fn create(admin: &Client, namespace: &str, name: &str) -> (Name, Value) {
    let user: TransferUser = serde_json::from_value(json!({
        "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "TransferUser",
        "metadata": {"name": name, "finalizers": [OTHERS]},
        "spec": {"serverRef": {"name": "files"}, "userName": "alice", "role": "arn:aws:iam::123456789012:role/sftp/a",
            "home": {"s3": {"bucket": "my-files"}}},
    }))
    .unwrap();
    let api = Api::<TransferUser>::namespaced(admin.clone(), namespace);
    let created = api.create(&PostParams::default(), &user).await.unwrap();
    (Name { namespace: namespace.to_owned(), name: name.to_owned() }, serde_json::to_value(created).unwrap())
}

fn version(object: &Value) -> &str {
    object["metadata"]["resourceVersion"].as_str().unwrap()
}

fn meta(object: &Value) -> ObjectMeta {
    serde_json::from_value(object["metadata"].clone()).unwrap()
}

#[tokio::test]
async fn a_status_is_applied_only_to_the_version_that_it_was_made_from() {
    let (plane, door, admin) = doors(Vec::new()).await;
    let namespace = plane.namespace("status").await;
    let (name, object) = create(&admin, &namespace, "alice").await;
    let status = |id: &str| json!({"observedGeneration": 1, "serverId": id});

    let first = door.apply_status(&kind(), &name, version(&object), status("s-1")).await.unwrap();
    let stale = door.apply_status(&kind(), &name, version(&object), status("s-2")).await.unwrap_err();
    assert!(matches!(stale, ClusterError::Conflict(_)), "{stale}");

    let unknown = json!({"observedGeneration": 1, "notOfThisVersion": true});
    let unknown = door.apply_status(&kind(), &name, version(&first), unknown).await.unwrap_err();
    assert!(matches!(unknown, ClusterError::Invalid(..)), "{unknown}");

    let live = door.get(&kind(), &name).await.unwrap().unwrap();
    assert_eq!(live["status"], status("s-1"));
    assert_eq!(live["spec"], object["spec"], "a status apply never touches the spec");

    let absent = Name { name: "absent".to_owned(), ..name };
    assert_eq!(door.get(&kind(), &absent).await.unwrap(), None);
    let absent = door.apply_status(&kind(), &absent, "1", status("s-1")).await.unwrap_err();
    assert!(matches!(absent, ClusterError::NotFound(_) | ClusterError::Conflict(_)), "{absent}");
}

#[tokio::test]
async fn what_is_no_longer_said_goes_also_where_the_record_of_owners_was_lost() {
    let (plane, door, admin) = doors(Vec::new()).await;
    let namespace = plane.namespace("owners").await;
    let (name, object) = create(&admin, &namespace, "alice").await;
    let condition = |kind: &str| {
        let since = "2026-01-01T00:00:00Z";
        json!({"type": kind, "status": "True", "reason": "X", "message": "", "lastTransitionTime": since})
    };
    let status = json!({"observedGeneration": 1, "serverId": "s-1", "conditions": [condition("Stalled")]});
    let first = door.apply_status(&kind(), &name, version(&object), status).await.unwrap();

    let lost = json!({"metadata": {"managedFields": [{}]}});
    let api = Api::<DynamicObject>::namespaced_with(admin, &namespace, &kind());
    let lost = api.patch("alice", &PatchParams::default(), &Patch::Merge(&lost)).await.unwrap();
    assert_eq!(lost.metadata.managed_fields, None);
    let stale = door.apply_status(&kind(), &name, version(&first), json!({"observedGeneration": 1})).await.unwrap_err();
    assert!(matches!(stale, ClusterError::Conflict(_)), "{stale}");

    let status = json!({"observedGeneration": 1, "conditions": [condition("Ready")]});
    let version = lost.metadata.resource_version.unwrap();
    let stored = door.apply_status(&kind(), &name, &version, status.clone()).await.unwrap();
    assert_eq!(stored["status"], status);
    assert_eq!(door.get(&kind(), &name).await.unwrap().unwrap()["status"], status);
}

#[tokio::test]
async fn a_finalizer_goes_on_and_off_without_touching_those_of_others() {
    let (plane, door, admin) = doors(Vec::new()).await;
    let namespace = plane.namespace("finalizer").await;
    let (_, object) = create(&admin, &namespace, "alice").await;

    let added = door.set_finalizer(&kind(), &meta(&object), FINALIZER, true).await.unwrap();
    assert_eq!(added["metadata"]["finalizers"], json!([OTHERS, FINALIZER]));
    let owners = added["metadata"]["managedFields"].as_array().unwrap();
    let ours = owners.iter().find(|owner| owner["fieldsV1"].to_string().contains(FINALIZER)).unwrap();
    assert_eq!(ours["manager"], "transfer-operator", "the record of owners knows who wrote it");
    let again = door.set_finalizer(&kind(), &meta(&added), FINALIZER, true).await.unwrap();
    assert_eq!(version(&again), version(&added), "nothing is written twice");

    let another = ObjectMeta { uid: Some("another".to_owned()), ..meta(&added) };
    let bare = ObjectMeta { finalizers: None, ..meta(&object) };
    for (read, reason) in [
        (another, "another object"),
        (meta(&object), "an older version, which did not have it"),
        (bare, "an older version, from which nothing is to be taken off"),
    ] {
        let refused = door.set_finalizer(&kind(), &read, FINALIZER, false).await.unwrap_err();
        assert!(matches!(refused, ClusterError::Conflict(_)), "{reason}: {refused}");
    }
    let removed = door.set_finalizer(&kind(), &meta(&added), FINALIZER, false).await.unwrap();
    assert_eq!(removed["metadata"]["finalizers"], json!([OTHERS]));
}

/// The door takes such an answer for a conflict: somebody wrote between its read and its patch.
#[tokio::test]
async fn a_failed_test_of_a_patch_is_told_without_causes() {
    let (plane, _, admin) = doors(Vec::new()).await;
    let namespace = plane.namespace("patch").await;
    create(&admin, &namespace, "alice").await;
    let patch = json!([{"op": "test", "path": "/metadata/uid", "value": "another"}]);
    let patch = Patch::<Value>::Json(serde_json::from_value(patch).unwrap());
    let api = Api::<DynamicObject>::namespaced_with(admin, &namespace, &kind());
    let error = api.patch("alice", &PatchParams::default(), &patch).await.unwrap_err();
    let kube::Error::Api(status) = error else { panic!("{error}") };
    assert_eq!(status.code, 422);
    assert!(status.message.contains("rejected our request"), "{}", status.message);
    assert!(status.details.is_none_or(|details| details.causes.is_empty()));
}

#[tokio::test]
async fn a_list_is_complete_and_keeps_to_the_watched_namespaces() {
    let plane = ControlPlane::shared().await;
    let (here, there, outside) =
        (plane.namespace("here").await, plane.namespace("there").await, plane.namespace("outside").await);
    let (_, door, admin) = doors(vec![here.clone(), there.clone()]).await;
    for (namespace, name) in [(&here, "alice"), (&here, "bob"), (&there, "alice"), (&outside, "alice")] {
        create(&admin, namespace, name).await;
    }
    let listed = cluster::fold(&door, &kind(), Reach::Watched, Vec::new(), Vec::push).await.unwrap();
    let mut names: Vec<String> = listed
        .iter()
        .map(|object| format!("{}/{}", object["metadata"]["namespace"], object["metadata"]["name"]))
        .collect();
    names.sort();
    let mut expected =
        vec![format!("\"{here}\"/\"alice\""), format!("\"{here}\"/\"bob\""), format!("\"{there}\"/\"alice\"")];
    expected.sort();
    assert_eq!(names, expected);
}

#[tokio::test]
async fn secrets_of_namespaces_that_are_not_named_are_out_of_reach() {
    let (plane, door, _) = doors(Vec::new()).await;
    let namespace = plane.namespace("secret").await;
    let refused = door.secret(&Name { namespace, name: "any".to_owned() }).await.unwrap_err();
    assert!(matches!(refused, ClusterError::Forbidden(_)), "{refused}");
}

#[tokio::test]
async fn every_note_becomes_an_event_also_one_with_the_same_reason() {
    let (plane, door, admin) = doors(Vec::new()).await;
    let namespace = plane.namespace("events").await;
    let (_, object) = create(&admin, &namespace, "alice").await;
    for message in ["first".to_owned(), "second ".repeat(400)] {
        let note = EventNote { warning: true, reason: "Refused".to_owned(), message };
        door.publish(&kind(), &object, note).await;
    }
    let api = Api::<k8s_openapi::api::events::v1::Event>::namespaced(admin, &namespace);
    let events = api.list(&ListParams::default()).await.unwrap().items;
    let mut lengths: Vec<usize> = events.iter().map(|event| event.note.as_ref().unwrap().len()).collect();
    lengths.sort_unstable();
    assert_eq!(lengths, [5, 1024]);

    let (_, long) = create(&plane.admin().await, &namespace, &"x".repeat(253)).await;
    door.publish(&kind(), &long, EventNote { warning: false, reason: "Long".to_owned(), message: "x".to_owned() })
        .await;
    let told = api.list(&ListParams::default()).await.unwrap().items;
    let of_long = told.iter().filter(|event| event.regarding.as_ref().unwrap().name == Some("x".repeat(253)));
    assert_eq!(of_long.count(), 1, "the longest name has Events too");
}
