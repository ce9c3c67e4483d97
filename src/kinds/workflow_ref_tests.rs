#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::aws::Tags;
use crate::cluster::store::Snapshot;
use crate::engine::owner::Owner;
use crate::kinds::fakes::{self, ACCOUNT, CLUSTER, REGION, World, dying, object};

const ROLE: &str = "arn:aws:iam::123456789012:role/one";

/// Workflow `scan` of namespace `team`, which AWS has as `w-1`.
fn scan() -> TransferWorkflow {
    workflow(&json!({}), &json!({"workflowId": "w-1", "accountId": ACCOUNT}))
}

fn workflow(spec: &Value, status: &Value) -> TransferWorkflow {
    let mut all = json!({"region": REGION, "steps": []});
    all.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    object("scan", all, status.clone())
}

/// A server of namespace `team` whose uploads go to workflow `scan`.
fn server(name: &str, status: &Value) -> TransferServer {
    let upload = json!([{"workflowRef": {"name": "scan"}, "executionRole": ROLE}]);
    object(name, json!({"region": REGION, "workflowDetails": {"onUpload": upload}}), status.clone())
}

/// A world with this workflow, whose id was seen with the tags of the object of this uid.
fn world(workflow: &TransferWorkflow, uid: Option<&str>) -> World {
    let world = World::open();
    world.watch(workflow);
    if let Some(uid) = uid {
        let tags = Owner::new(CLUSTER, "team", "scan", uid).tags("attempt");
        world.deps.workflows.owners().note(&world.account(), "w-1", Some(&tags));
    }
    world
}

/// What a server is given, and why it may not be sent.
fn given(world: &World, server: &TransferServer) -> (String, Option<Reason>) {
    let Named { details, held } = named(&world.deps, server, &world.account());
    let details = details.unwrap().on_upload.unwrap();
    assert_eq!(details[0].execution_role, ROLE);
    assert!(held.keys().all(|path| path == "workflowDetails.onUpload"), "{held:?}");
    (details[0].workflow_id.clone(), held.into_values().next())
}

#[test]
fn a_server_gets_only_an_id_that_was_seen_with_the_objects_own_tags() {
    let status = |more: Value| {
        let mut status = json!({"workflowId": "w-1", "accountId": ACCOUNT});
        status.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        workflow(&json!({}), &status)
    };
    let creating = json!({"accountId": ACCOUNT,
        "replacing": {"oldId": "w-1", "attempt": "a", "phase": "Creating"}});
    let mine = Some("uid-scan");
    let rows: &[(TransferWorkflow, Option<&str>, &str, Option<(&str, bool, &str)>)] = &[
        (scan(), mine, "w-1", None),
        (workflow(&json!({}), &creating), mine, "w-1", None),
        (scan(), None, "w-1", Some((reasons::DEPENDENCY_NOT_READY, false, "was not seen with the owner tags"))),
        (scan(), Some("other"), "w-1", Some((reasons::DEPENDENCY_NOT_READY, false, "was not seen"))),
        (
            workflow(&json!({}), &json!({})),
            mine,
            "TransferWorkflow team/scan",
            Some((reasons::DEPENDENCY_NOT_READY, false, "has no id yet")),
        ),
        (dying(scan()), mine, "w-1", Some((reasons::DEPENDENCY_NOT_READY, false, "is being deleted"))),
        (
            workflow(&json!({"region": "eu-west-1"}), &json!({"workflowId": "w-1"})),
            mine,
            "TransferWorkflow team/scan",
            Some((reasons::INVALID_SPEC, true, "is in region eu-west-1, and this object in eu-central-1")),
        ),
        (
            status(json!({"accountId": "999999999999"})),
            mine,
            "TransferWorkflow team/scan",
            Some((reasons::INVALID_SPEC, true, "another account")),
        ),
    ];
    for (workflow, uid, id, why) in rows {
        let (given, held) = given(&world(workflow, *uid), &server("files", &json!({})));
        assert_eq!(given, *id, "{why:?}");
        match (held, why) {
            (None, None) => {}
            (Some(held), Some((code, needs_person, text))) => {
                assert_eq!((held.code, held.needs_person), (*code, *needs_person), "{}", held.message);
                assert!(held.message.starts_with("spec.workflowDetails.onUpload: "), "{}", held.message);
                assert!(held.message.contains(text) && !held.message.contains("999999999999"), "{}", held.message);
            }
            (held, why) => panic!("{held:?} instead of {why:?}"),
        }
    }
}

#[test]
fn absent_and_not_allowed_look_the_same_from_another_namespace() {
    let mut away = server("files", &json!({}));
    away.metadata.namespace = Some("away".to_owned());
    let list = away.spec.workflow_details.as_mut().unwrap().on_upload.as_mut().unwrap();
    list[0].workflow_ref.as_mut().unwrap().namespace = Some("team".to_owned());
    let told = |world: &World, server: &TransferServer| given(world, server).1.map(|held| held.message);
    let closed = world(&scan(), Some("uid-scan"));
    let refused = told(&closed, &away);
    assert!(refused.as_ref().is_some_and(|text| text.contains("does not allow references from namespace away")));
    assert_eq!(told(&World::open(), &away), refused);
    let open = workflow(
        &json!({"allowedReferences": {"namespaces": {"from": "Names", "names": ["away"]}}}),
        &json!({"workflowId": "w-1", "accountId": ACCOUNT}),
    );
    let open = world(&open, Some("uid-scan"));
    assert_eq!(told(&open, &away), None);
    let absent = told(&World::open(), &server("files", &json!({})));
    assert!(
        absent.as_ref().is_some_and(|text| text.ends_with("TransferWorkflow team/scan does not exist")),
        "{absent:?}"
    );
    assert!(told(&open, &server("files", &json!({}))).is_some_and(|text| text.contains("from its own namespace")));
}

/// A server of this namespace whose uploads go to the workflow of this id.
fn by_its_id(namespace: &str, id: &str) -> TransferServer {
    let mut raw = server("raw", &json!({}));
    raw.metadata.namespace = Some(namespace.to_owned());
    let upload = raw.spec.workflow_details.as_mut().unwrap().on_upload.as_mut().unwrap();
    (upload[0].workflow_ref, upload[0].workflow_id) = (None, Some(id.to_owned()));
    raw
}

#[test]
fn an_id_leads_no_further_than_the_object_that_it_belongs_to_allows() {
    let status = json!({"workflowId": "w-1", "accountId": ACCOUNT,
        "replacing": {"oldId": "w-0", "attempt": "a", "phase": "Moving"}});
    let (closed, mine) = (workflow(&json!({}), &status), Some("uid-scan"));
    let named = |name: &str| {
        workflow(&json!({"allowedReferences": {"namespaces": {"from": "Names", "names": [name]}}}), &status)
    };
    let abroad = workflow(&json!({"region": "eu-west-1"}), &status);
    let elsewhere = workflow(&json!({}), &json!({"workflowId": "w-1", "accountId": "999999999999"}));
    let rows = [
        (&closed, mine, "team", "w-1", false, "its own namespace"),
        (&closed, mine, "away", "w-1", true, "another one"),
        (&closed, mine, "away", "w-0", true, "the one that is being replaced"),
        (&named("away"), mine, "away", "w-1", false, "one that is allowed"),
        (&named("away"), mine, "team", "w-1", true, "its own, which is not among those that are"),
        (&closed, None, "away", "w-1", true, "its tags were not read yet"),
        (&closed, Some("other"), "away", "w-1", false, "its tags say that the status is wrong"),
        (&closed, mine, "away", "w-9", false, "no object stands for it"),
        (&abroad, mine, "away", "w-1", false, "the object is about another region"),
        (&elsewhere, mine, "away", "w-1", false, "the object is about another account"),
    ];
    for (workflow, uid, namespace, id, barred, row) in rows {
        let (sent, held) = given(&world(workflow, uid), &by_its_id(namespace, id));
        assert_eq!((sent.as_str(), held.is_some()), (id, barred), "{row}: {held:?}");
        if let Some(Reason { code, needs_person, message, .. }) = held {
            assert_eq!((code, needs_person), (reasons::DEPENDENCY_NOT_READY, false), "{row}");
            assert!(message.starts_with("spec.workflowDetails.onUpload: ") && message.contains(namespace), "{message}");
            assert!(!message.contains("scan") && (namespace == "team" || !message.contains("team")), "{message}");
        }
    }
}

#[test]
fn an_id_stays_its_objects_where_somebody_took_its_tags_off() {
    let closed = workflow(&json!({}), &json!({"workflowId": "w-1", "accountId": ACCOUNT}));
    let mut without_uid = Owner::new(CLUSTER, "team", "scan", "uid-scan").tags("attempt");
    without_uid.retain(|key, _| !key.ends_with("/uid"));
    for tags in [without_uid, Tags::default()] {
        let world = world(&closed, None);
        world.deps.workflows.owners().note(&world.account(), "w-1", Some(&tags));
        let (_, held) = given(&world, &by_its_id("away", "w-1"));
        assert!(held.is_some(), "{tags:?}");
    }
}

#[test]
fn a_server_that_names_an_id_is_woken_by_its_object() {
    let world = World::open();
    world.watch(&by_its_id("away", "w-1"));
    world.watch(&scan());
    let woken = |before: Option<TransferWorkflow>, after: Option<TransferWorkflow>| {
        let seen = |workflow: Option<TransferWorkflow>| workflow.map(|it| Snapshot::Whole(Arc::new(it)));
        let name = Name::from(&scan().metadata);
        triggers(&StoreChange { name, before: seen(before), after: seen(after) }, world.lister.as_ref())
    };
    let raw = [Trigger::managed((ManagedKind::TransferServer, Name::from(&by_its_id("away", "").metadata)))];
    let open = json!({"allowedReferences": {"namespaces": {"from": "All"}}});
    let open = workflow(&open, &json!({"workflowId": "w-1", "accountId": ACCOUNT}));
    assert_eq!(woken(Some(scan()), Some(open)), raw, "and the workflow itself is not");
    assert_eq!(woken(None, Some(scan())), raw);
    assert_eq!(woken(Some(scan()), None), raw);
    let another = || workflow(&json!({}), &json!({"workflowId": "w-2", "accountId": ACCOUNT}));
    assert_eq!(woken(None, Some(another())), []);
    assert_eq!(woken(Some(scan()), Some(another())), raw, "it was its own");
}

/// Who keeps `w-1` in use.
async fn blockers(world: &World, workflow: &TransferWorkflow) -> Option<String> {
    deletion_blockers(&world.deps, workflow, Some("w-1")).await.unwrap()
}

fn shows(world: &World, server: &TransferServer, ids: &[&str]) {
    let ids = ids.iter().map(|id| (*id).to_owned()).collect();
    world.deps.workflows.shows(&server.uid().unwrap(), Name::from(&server.metadata), ids);
}

#[tokio::test]
async fn a_replaced_workflow_is_used_by_who_shows_it_or_was_not_looked_at() {
    let (world, files) = (world(&scan(), Some("uid-scan")), server("files", &json!({"serverId": "s-1"})));
    world.watch(&files);
    assert_eq!(
        blockers(&world, &scan()).await.as_deref(),
        Some("TransferServer team/files"),
        "what it shows is not known"
    );
    shows(&world, &files, &["w-1"]);
    assert_eq!(blockers(&world, &scan()).await.as_deref(), Some("TransferServer team/files"));
    shows(&world, &files, &["w-2"]);
    assert_eq!(blockers(&world, &scan()).await, None);

    // Its create may be under way, with the old id.
    let coming = json!({"create": {"uid": "uid-coming", "attempt": "a", "phase": "InFlight", "startedAt": fakes::NOW}});
    world.watch(&server("coming", &coming));
    assert_eq!(blockers(&world, &scan()).await.as_deref(), Some("TransferServer team/coming"));
    world.watch(&server("coming", &json!({})));
    assert_eq!(blockers(&world, &scan()).await, None, "nothing was sent for it");

    // One that has let go of the object and still shows it; and one of which no object is left.
    let mut other = server("other", &json!({"serverId": "s-2"}));
    other.spec.workflow_details = None;
    world.watch(&other);
    shows(&world, &other, &["w-1"]);
    assert_eq!(blockers(&world, &scan()).await.as_deref(), Some("TransferServer team/other"));
    world.lister.remove("TransferServer", &Name::from(&other.metadata));
    assert_eq!(blockers(&world, &scan()).await, None);
}

#[tokio::test]
async fn a_deletion_names_the_servers_that_name_the_workflow() {
    let (world, mut files) = (world(&scan(), Some("uid-scan")), server("files", &json!({"serverId": "s-1"})));
    files.metadata.finalizers = Some(vec![crate::api::FINALIZER.to_owned()]);
    assert_eq!(blockers(&world, &dying(scan())).await, None);
    world.store(&files);
    let told = blockers(&world, &dying(scan())).await.unwrap();
    assert_eq!(
        told,
        "1 server must name another workflow in spec.workflowDetails, or go, first: TransferServer team/files"
    );
    let mut raw = by_its_id("team", "w-1");
    raw.metadata.finalizers.clone_from(&files.metadata.finalizers);
    world.store(&raw);
    let told = blockers(&world, &dying(scan())).await.unwrap();
    assert!(told.starts_with("2 servers must") && told.contains("team/raw"), "{told}");
}

#[tokio::test]
async fn a_server_that_may_not_name_the_workflow_does_not_hold_it() {
    let (world, mut files) = (world(&scan(), Some("uid-scan")), server("files", &json!({"serverId": "s-1"})));
    files.metadata.namespace = Some("guests".to_owned());
    files.metadata.finalizers = Some(vec![crate::api::FINALIZER.to_owned()]);
    let details = files.spec.workflow_details.as_mut().unwrap().on_upload.as_mut().unwrap();
    details[0].workflow_ref.as_mut().unwrap().namespace = Some("team".to_owned());
    world.watch(&files);
    world.store(&files);
    let held = blockers(&world, &dying(scan())).await.unwrap();
    assert!(held.contains("guests/files"), "what it shows is not known: {held}");
    shows(&world, &files, &["w-2"]);
    assert_eq!(blockers(&world, &dying(scan())).await, None, "it only says so");
    let open = workflow(
        &json!({"allowedReferences": {"namespaces": {"from": "Names", "names": ["guests"]}}}),
        &json!({"workflowId": "w-1", "accountId": ACCOUNT}),
    );
    assert!(blockers(&world, &dying(open)).await.is_some(), "it may be about to");
    shows(&world, &files, &["w-1"]);
    assert!(blockers(&world, &dying(scan())).await.is_some(), "AWS has it there");
}

#[test]
fn servers_are_woken_where_what_they_need_of_a_workflow_changes() {
    let world = World::open();
    world.watch(&server("files", &json!({})));
    let woken = |after: TransferWorkflow| {
        let seen = |workflow: TransferWorkflow| Some(Snapshot::Whole(Arc::new(workflow)));
        let name = Name::from(&after.metadata);
        let change = StoreChange { name, before: seen(scan()), after: seen(after) };
        !triggers(&change, world.lister.as_ref()).is_empty()
    };
    let with = |change: fn(&mut TransferWorkflow)| {
        let mut workflow = scan();
        change(&mut workflow);
        workflow
    };
    let ready =
        json!([{"type": "Ready", "status": "True", "reason": "x", "message": "", "lastTransitionTime": fakes::NOW}]);
    let looked_at = workflow(&json!({}), &json!({"workflowId": "w-1", "accountId": ACCOUNT, "conditions": ready}));
    assert!(!woken(scan()) && !woken(with(|workflow| workflow.spec.description = Some("x".to_owned()))));
    assert!(woken(dying(scan())) && woken(looked_at));
    assert!(woken(with(|workflow| workflow.status.as_mut().unwrap().workflow_id = Some("w-2".to_owned()))));
    assert!(woken(with(|workflow| workflow.spec.region = "eu-west-1".to_owned())));
}
