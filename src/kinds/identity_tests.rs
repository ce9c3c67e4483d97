#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::unnecessary_wraps, reason = "stands in tables beside failures")]
use super::*;
use crate::aws::{AwsError, AwsErrorKind};
use crate::kinds::dependents::needs;
use crate::kinds::login_fakes::*;
use crate::kinds::orphans::FIRST_SWEEP;
use serde_json::json;

fn caller(account: &str) -> Result<CallerIdentity, AwsError> {
    Ok(CallerIdentity { account: account.to_owned(), arn: format!("arn:aws:sts::{account}:assumed-role/op/x") })
}

fn with_caller(answer: Result<CallerIdentity, AwsError>) -> Arc<World> {
    let world = Arc::new(World::default());
    *world.caller.lock().unwrap() = Some(answer);
    world
}

fn identities(world: &Arc<World>) -> Identities {
    let orphans = Arc::new(Orphans::new(deps(world), settings(), Vec::new()));
    Identities::new(deps(world), settings(), orphans, Installation::new("", &[]))
}

/// The last status written, as the watch would bring it back.
fn stored(world: &World) -> AwsIdentity {
    let mut object = identity();
    object.status =
        world.statuses.lock().unwrap().last().cloned().map(|status| serde_json::from_value(status).unwrap());
    object
}

fn ready(world: &World) -> (String, String, bool) {
    let conditions = stored(world).status.unwrap().conditions;
    let ready = condition::find(&conditions, types::READY).unwrap();
    (ready.status.clone(), ready.reason.clone(), condition::is_true(&conditions, types::STALLED))
}

fn asked(world: &World) -> usize {
    world.reads.lock().unwrap().len()
}

fn row(truth: &str, reason: &str, stalled: bool) -> (String, String, bool) {
    (truth.to_owned(), reason.to_owned(), stalled)
}

#[test]
fn every_combination_of_facts_has_its_step() {
    let none = IdentityFacts {
        deleting: false,
        finalizer: false,
        inherited: false,
        referred: false,
        valid: true,
        due: false,
        verified: true,
        news: false,
        scan: false,
    };
    let rows = [
        (IdentityFacts { news: true, scan: true, ..none }, IdentityAction::Tell),
        (IdentityFacts { scan: true, ..none }, IdentityAction::Scan),
        (IdentityFacts { scan: true, verified: false, ..none }, IdentityAction::Rest),
        (IdentityFacts { scan: true, news: true, due: true, ..none }, IdentityAction::Verify),
        (IdentityFacts { scan: true, news: true, deleting: true, ..none }, IdentityAction::Rest),
        (none, IdentityAction::Rest),
        (IdentityFacts { due: true, ..none }, IdentityAction::Verify),
        (IdentityFacts { referred: true, due: true, ..none }, IdentityAction::Finalize),
        (IdentityFacts { referred: true, finalizer: true, due: true, ..none }, IdentityAction::Verify),
        (IdentityFacts { valid: false, due: true, ..none }, IdentityAction::Refuse),
        (IdentityFacts { valid: false, referred: true, ..none }, IdentityAction::Finalize),
        (IdentityFacts { deleting: true, referred: true, due: true, ..none }, IdentityAction::Rest),
        (IdentityFacts { deleting: true, finalizer: true, valid: false, due: true, ..none }, IdentityAction::Leave),
        (IdentityFacts { deleting: true, inherited: true, ..none }, IdentityAction::Leave),
        (IdentityFacts { inherited: true, ..none }, IdentityAction::Rest),
        (IdentityFacts { inherited: true, referred: true, ..none }, IdentityAction::Finalize),
    ];
    for (facts, expected) in rows {
        assert_eq!(decide(facts), expected, "{facts:?}");
    }
}

#[test]
fn a_spec_that_slipped_past_admission_is_refused() {
    let spec = |change: fn(&mut Value)| {
        let mut value = serde_json::to_value(identity().spec).unwrap();
        change(&mut value);
        fault(&serde_json::from_value(value).unwrap())
    };
    let role = |account: &str| json!({"roleArn": format!("arn:aws:iam::{account}:role/x")});
    assert_eq!(spec(|_| ()), None);
    assert!(spec(|spec| spec["accountId"] = json!("12")).unwrap().contains("spec.accountId"));
    assert!(spec(|spec| spec["regions"] = json!([])).unwrap().contains("spec.regions"));
    assert!(spec(|spec| spec["credentials"] = json!({"source": "AssumeRole"})).unwrap().contains("assumeRole"));
    for (source, account, right) in
        [("AssumeRole", ACCOUNT, true), ("AssumeRole", "999999999999", false), ("Operator", ACCOUNT, false)]
    {
        let mut value = serde_json::to_value(identity().spec).unwrap();
        value["credentials"] = json!({"source": source, "assumeRole": role(account)});
        let found = fault(&serde_json::from_value(value).unwrap());
        assert_eq!(found.is_none(), right, "{source} {account}: {found:?}");
    }
}

#[test]
fn what_sts_answers_becomes_a_verdict() {
    let spec = identity().spec;
    let failed = |kind, code| Err(refusal(kind, code, None));
    let short = Duration::from_secs(1);
    let rows = [
        (&spec, caller(ACCOUNT), short, "Settled", reasons::VERIFIED),
        (&spec, caller("999999999999"), short, "Stalled", reasons::ACCOUNT_MISMATCH),
        (&spec, failed(AwsErrorKind::Credentials, "AccountMismatch"), short, "Stalled", reasons::ACCOUNT_MISMATCH),
        (&spec, failed(AwsErrorKind::Credentials, "ExpiredToken"), short, "Failed", reasons::IDENTITY_NOT_READY),
        (
            &spec,
            failed(AwsErrorKind::Denied, "AccessDenied"),
            backoff::ENVIRONMENTAL_PATIENCE,
            "Failed for a person",
            reasons::IDENTITY_NOT_READY,
        ),
        (
            &spec,
            failed(AwsErrorKind::Lost, "Timeout"),
            backoff::ENVIRONMENTAL_PATIENCE,
            "Failed",
            reasons::IDENTITY_NOT_READY,
        ),
    ];
    for (spec, answer, lasted, kind, expected) in rows {
        let (name, reason) = match judge(spec, &answer, lasted, short) {
            Readiness::Ready(reason) => ("Settled", reason.code),
            Readiness::NotReady(reason) if reason.needs_person => ("Stalled", reason.code),
            Readiness::Failed { reason, .. } if reason.needs_person => ("Failed for a person", reason.code),
            Readiness::Failed { reason, .. } => ("Failed", reason.code),
            other => panic!("{other:?}"),
        };
        assert_eq!((name, reason), (kind, expected), "{answer:?}");
    }
}

#[test]
fn an_object_needs_the_identity_while_it_holds_something_in_aws() {
    let object = |finalizer: bool, spec: &str, status: &str| {
        let finalizers = if finalizer { json!([FINALIZER]) } else { json!(["other"]) };
        json!({"metadata": {"finalizers": finalizers}, "spec": {"awsIdentityRef": {"name": spec}}, "status": {"awsIdentity": status}})
    };
    assert!(needs(&object(true, "default", ""), "default"));
    assert!(needs(&object(true, "", "default"), "default"), "a user may outlive its server");
    assert!(!needs(&object(false, "default", "default"), "default"), "nothing of it is in AWS");
    assert!(!needs(&object(true, "other", "other"), "default"));
    assert!(!needs(&json!({}), "default"));
}

#[tokio::test(start_paused = true)]
async fn it_is_verified_once_per_change_and_then_now_and_again() {
    let world = with_caller(caller(ACCOUNT));
    let identities = identities(&world);
    let resync = settings().resync;
    let next = identities.reconcile(&identity()).await.unwrap();
    assert_eq!(next, Requeue::Rest(FIRST_SWEEP), "a sweep comes first");
    assert_eq!(ready(&world), row("True", reasons::VERIFIED, false));
    let status = stored(&world).status.unwrap();
    assert_eq!(
        (status.account_id.as_deref(), status.regions.as_slice(), status.region_names.as_deref()),
        (Some(ACCOUNT), [REGION.to_owned()].as_slice(), Some(REGION))
    );
    assert_eq!(status.observed_generation, 1);
    assert!(matches!(identities.reconcile(&stored(&world)).await.unwrap(), Requeue::Rest(_)));
    assert_eq!(asked(&world), 1, "its own status write is no reason to ask again");

    let mut poked = stored(&world);
    poked.metadata.annotations = Some(BTreeMap::from([(RECONCILE_AT.to_owned(), "now".to_owned())]));
    identities.reconcile(&poked).await.unwrap();
    assert_eq!(asked(&world), 2);
    assert_eq!(stored(&world).status.unwrap().last_handled_reconcile_at.as_deref(), Some("now"));

    poked.status = stored(&world).status;
    let writes = world.statuses.lock().unwrap().len();
    tokio::time::advance(resync + Duration::from_secs(1)).await;
    identities.reconcile(&poked).await.unwrap();
    assert_eq!(asked(&world), 3);
    assert_eq!(world.statuses.lock().unwrap().len(), writes, "nothing new, nothing written");
    assert_eq!(world.notes.lock().unwrap().len(), 1, "one event for one change");

    poked.metadata.generation = Some(2);
    identities.reconcile(&poked).await.unwrap();
    assert_eq!(asked(&world), 4);
}

#[tokio::test(start_paused = true)]
async fn an_unwritten_status_is_written_soon_without_asking_sts() {
    let world = with_caller(caller(ACCOUNT));
    let identities = identities(&world);
    *world.refuse_writes.lock().unwrap() = Some(ClusterError::Conflict("default".to_owned()));
    assert_eq!(identities.reconcile(&identity()).await.unwrap(), Requeue::After(WATCH_CATCHES_UP));
    *world.refuse_writes.lock().unwrap() = None;
    identities.reconcile(&identity()).await.unwrap();
    assert_eq!(asked(&world), 1);
    tokio::time::advance(UNTOLD_AGAIN).await;
    identities.reconcile(&identity()).await.unwrap();
    assert_eq!(ready(&world), row("True", reasons::VERIFIED, false));
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_retried_ever_later_and_stalled_when_it_lasts() {
    let denied = refusal(AwsErrorKind::Denied, "AccessDenied", None);
    let world = with_caller(Err(denied));
    let identities = identities(&world);
    let mut waits = Vec::new();
    let mut object = identity();
    for _ in 0..4 {
        let Requeue::After(wait) = identities.reconcile(&object).await.unwrap() else { panic!() };
        waits.push(wait);
        object = stored(&world);
        assert_eq!(ready(&world), row("False", reasons::IDENTITY_NOT_READY, false));
        identities.reconcile(&object).await.unwrap();
        tokio::time::advance(wait).await;
    }
    assert!(waits.is_sorted() && waits[3] > waits[0], "{waits:?}");
    assert_eq!(asked(&world), 4, "a reconcile before its time asks nothing");
    tokio::time::advance(backoff::ENVIRONMENTAL_PATIENCE).await;
    identities.reconcile(&object).await.unwrap();
    assert_eq!(ready(&world), row("False", reasons::IDENTITY_NOT_READY, true));
}

#[tokio::test(start_paused = true)]
async fn a_short_failure_does_not_take_ready_away() {
    let world = with_caller(caller(ACCOUNT));
    let identities = identities(&world);
    identities.reconcile(&identity()).await.unwrap();
    *world.caller.lock().unwrap() = Some(Err(refusal(AwsErrorKind::Lost, "Timeout", None)));
    tokio::time::advance(settings().resync).await;
    let object = stored(&world);
    identities.reconcile(&object).await.unwrap();
    assert_eq!(asked(&world), 2);
    assert_eq!(world.statuses.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn the_finalizer_comes_as_soon_as_any_object_names_it() {
    let world = with_caller(caller(ACCOUNT));
    world.servers.lock().unwrap().push(Arc::new(server(json!({"awsIdentityRef": {"name": "another"}}))));
    let identities = identities(&world);
    identities.reconcile(&identity()).await.unwrap();
    assert!(world.finalizers.lock().unwrap().is_empty());
    world.servers.lock().unwrap().push(Arc::new(server(json!({}))));
    identities.reconcile(&identity()).await.unwrap();
    assert_eq!(*world.finalizers.lock().unwrap(), [(FINALIZER.to_owned(), true)]);
}

#[tokio::test]
async fn deletion_waits_for_objects_that_need_it_and_names_them() {
    let world = with_caller(caller(ACCOUNT));
    let mut object = identity();
    object.metadata.finalizers = Some(vec![FINALIZER.to_owned()]);
    object.metadata.deletion_timestamp = serde_json::from_value(json!("2030-01-01T00:00:00Z")).unwrap();
    let live = |name: &str, finalizers: Value| {
        json!({"kind": "TransferUser", "metadata": {"namespace": "ns", "name": name, "finalizers": finalizers},
            "spec": {"something": "that this version cannot decode"}, "status": {"awsIdentity": "default"}})
    };
    *world.live.lock().unwrap() = vec![live("alice", json!([FINALIZER])), live("bob", json!([]))];
    let identities = identities(&world);
    assert_eq!(identities.reconcile(&object).await.unwrap(), Requeue::After(IN_USE_AGAIN));
    assert_eq!(ready(&world), row("False", reasons::IN_USE, false));
    let conditions = stored(&world).status.unwrap().conditions;
    let message = &condition::find(&conditions, types::READY).unwrap().message;
    assert!(message.contains("1 objects") && message.contains("TransferUser ns/alice"), "{message}");
    assert!(world.finalizers.lock().unwrap().is_empty());

    world.live.lock().unwrap().clear();
    assert_eq!(identities.reconcile(&object).await.unwrap(), Requeue::OnChange);
    assert_eq!(*world.finalizers.lock().unwrap(), [(FINALIZER.to_owned(), false)]);
    assert_eq!(asked(&world), 0, "an identity that goes is not verified");
}

#[tokio::test]
async fn a_gone_identity_is_forgotten_also_by_a_reconcile_that_outlives_it() {
    let world = with_caller(caller(ACCOUNT));
    let identities = identities(&world);
    identities.reconcile(&identity()).await.unwrap();
    assert_eq!(identities.lock().len(), 1);
    identities.forget("identity");
    assert!(identities.lock().is_empty());

    let mut running = identities.counters.begin();
    identities.verify(&identity(), Memory::default(), Duration::ZERO, &mut running).await.unwrap();
    assert!(identities.lock().is_empty());
}

#[tokio::test]
async fn a_bad_spec_is_stalled_and_nobody_is_asked() {
    let world = with_caller(caller(ACCOUNT));
    let mut object = identity();
    object.spec.regions.clear();
    identities(&world).reconcile(&object).await.unwrap();
    assert_eq!(ready(&world), row("False", reasons::INVALID_SPEC, true));
    assert_eq!(asked(&world), 0);
}

#[tokio::test]
async fn a_write_that_lost_a_race_is_not_trouble_and_a_failed_one_is() {
    let world = with_caller(caller(ACCOUNT));
    *world.refuse_writes.lock().unwrap() = Some(ClusterError::Conflict("default".to_owned()));
    assert_eq!(identities(&world).reconcile(&identity()).await.unwrap(), Requeue::After(WATCH_CATCHES_UP));
    *world.refuse_writes.lock().unwrap() = Some(ClusterError::Forbidden("default".to_owned()));
    assert!(identities(&world).reconcile(&identity()).await.is_err());
}

/// Passes over an hour, when they ask for it and as the watch would bring what was written.
async fn an_hour(identities: &Identities, world: &World) {
    let end = Instant::now() + Duration::from_hours(1);
    while Instant::now() < end {
        let (Requeue::After(wait) | Requeue::Rest(wait)) = identities.reconcile(&stored(world)).await.unwrap() else {
            panic!()
        };
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        tokio::time::advance(wait).await;
    }
}

fn told_of_orphans(world: &World) -> Option<String> {
    let conditions = stored(world).status.unwrap().conditions;
    condition::find(&conditions, types::ORPHANS_FOUND).map(|condition| condition.message.clone())
}

#[tokio::test(start_paused = true)]
async fn orphans_are_a_condition_with_one_warning_and_go_when_they_are_gone() {
    let world = world("SERVICE_MANAGED");
    world.servers.lock().unwrap().clear();
    *world.caller.lock().unwrap() = Some(caller(ACCOUNT));
    let identities = identities(&world);
    identities.reconcile(&identity()).await.unwrap();
    an_hour(&identities, &world).await;
    let text = told_of_orphans(&world).unwrap();
    assert!(text.contains(&format!("server {SERVER} in {REGION}")), "{text}");
    assert_eq!(ready(&world), row("True", reasons::VERIFIED, false), "it calls for a look and blocks nothing");
    let warnings = || world.notes.lock().unwrap().iter().filter(|note| note.warning).count();
    let writes = world.statuses.lock().unwrap().len();
    an_hour(&identities, &world).await;
    assert_eq!((warnings(), world.statuses.lock().unwrap().len()), (1, writes), "the same again is no news");

    // Another process knows nothing yet and leaves alone what was said.
    let restarted = self::identities(&world);
    restarted.reconcile(&stored(&world)).await.unwrap();
    assert_eq!(told_of_orphans(&world), Some(text));

    let object = json!({"kind": "TransferServer", "metadata": {"uid": "server-uid"}, "status": {"serverId": SERVER}});
    world.live.lock().unwrap().push(object);
    an_hour(&identities, &world).await;
    assert_eq!((told_of_orphans(&world), warnings()), (None, 1));
}

/// So many servers of the identity are on their way out of AWS.
fn going(world: &World, count: usize) {
    let server = |number: usize| {
        Arc::new(object(json!({
            "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "TransferServer",
            "metadata": {"namespace": "ns", "name": format!("s{number}"), "uid": format!("s{number}"),
                "deletionTimestamp": "2030-01-01T00:00:00Z", "finalizers": [FINALIZER]},
            "spec": {"region": REGION, "awsIdentityRef": {"name": "default"}, "lifecycle": {"deletionProtection": false}},
            "status": {"observedGeneration": 1, "accountId": ACCOUNT, "awsIdentity": "default"},
        })))
    };
    *world.servers.lock().unwrap() = (0..count).map(server).collect();
}

#[tokio::test(start_paused = true)]
async fn many_deletions_are_a_condition_with_one_warning_until_few_are_left() {
    let world = with_caller(caller(ACCOUNT));
    world.identities.lock().unwrap().push(Arc::new(identity()));
    let in_use = || {
        let mut object = stored(&world);
        object.metadata.finalizers = Some(vec![FINALIZER.to_owned()]);
        object
    };
    let first = identities(&world);
    let warnings = || world.notes.lock().unwrap().iter().filter(|note| note.warning).count();
    // The last of these is another process.
    let second = identities(&world);
    second.reconcile(&in_use()).await.unwrap();
    for (process, count, told, warned) in [
        (&first, 3, None, 0),
        (&first, 4, Some("4 of 4 servers"), 1),
        (&first, 5, Some("5 of 5 servers"), 1),
        (&second, 5, Some("5 of 5 servers"), 1),
        (&second, 2, None, 1),
    ] {
        going(&world, count);
        process.reconcile(&in_use()).await.unwrap();
        let conditions = stored(&world).status.unwrap().conditions;
        let held = condition::find(&conditions, types::DELETIONS_HELD).map(|condition| condition.message.as_str());
        assert_eq!(held.and_then(|text| text.split(" and").next()), told, "{count}: {held:?}");
        assert_eq!((warnings(), ready(&world)), (warned, row("True", reasons::VERIFIED, false)), "{count}");
    }
}
