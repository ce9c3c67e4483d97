#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::unnecessary_wraps, reason = "stands in tables beside failures")]
use super::*;
use crate::api::TransferServer;
use crate::aws::{AwsError, AwsErrorKind};
use crate::kinds::dependents::needs;
use crate::kinds::fakes::{ACCOUNT, FIRST, NOW, REGION, World, dying, fault as refusal, object, owner_tags, settings};
use crate::kinds::orphans::FIRST_SWEEP;
use serde_json::json;

fn caller(account: &str) -> Result<CallerIdentity, AwsError> {
    Ok(CallerIdentity { account: account.to_owned(), arn: format!("arn:aws:sts::{account}:assumed-role/op/x") })
}

fn with_caller(answer: Result<CallerIdentity, AwsError>) -> World {
    let world = World::open();
    *world.aws.caller.lock().unwrap() = Some(answer);
    world
}

fn identity() -> AwsIdentity {
    stored(&World::open())
}

fn identities(world: &World) -> Identities {
    let orphans = Arc::new(Orphans::new(world.deps.clone(), settings(), Vec::new()));
    Identities::new(world.deps.clone(), settings(), orphans, Installation::new("", &[]))
}

/// The identity as the watch brings it.
fn stored(world: &World) -> AwsIdentity {
    world.stored_identity().unwrap()
}

fn finalizers(world: &World) -> Vec<String> {
    stored(world).metadata.finalizers.unwrap_or_default()
}

fn writes(world: &World) -> u32 {
    *world.cluster.writes.lock().unwrap()
}

fn warnings(world: &World) -> usize {
    world.cluster.notes.lock().unwrap().iter().filter(|note| note.warning).count()
}

/// The next status writes end with this.
fn refuse_writes(world: &World, error: Option<ClusterError>) {
    *world.cluster.refuses_status.lock().unwrap() = error;
}

fn ready(world: &World) -> (String, String, bool) {
    let conditions = stored(world).status.unwrap().conditions;
    let ready = condition::find(&conditions, types::READY).unwrap();
    (ready.status.clone(), ready.reason.clone(), condition::is_true(&conditions, types::STALLED))
}

/// How often STS was asked.
fn asked(world: &World) -> u32 {
    *world.aws.verified.lock().unwrap()
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
        (IdentityFacts { news: true, scan: true, ..none }, IdentityAction::WriteStatus),
        (IdentityFacts { scan: true, ..none }, IdentityAction::Scan),
        (IdentityFacts { scan: true, verified: false, ..none }, IdentityAction::Rest),
        (IdentityFacts { scan: true, news: true, due: true, ..none }, IdentityAction::Verify),
        (IdentityFacts { scan: true, news: true, deleting: true, ..none }, IdentityAction::Rest),
        (none, IdentityAction::Rest),
        (IdentityFacts { due: true, ..none }, IdentityAction::Verify),
        (IdentityFacts { referred: true, due: true, ..none }, IdentityAction::AddFinalizer),
        (IdentityFacts { referred: true, finalizer: true, due: true, ..none }, IdentityAction::Verify),
        (IdentityFacts { valid: false, due: true, ..none }, IdentityAction::Refuse),
        (IdentityFacts { valid: false, referred: true, ..none }, IdentityAction::AddFinalizer),
        (IdentityFacts { deleting: true, referred: true, due: true, ..none }, IdentityAction::Rest),
        (
            IdentityFacts { deleting: true, finalizer: true, valid: false, due: true, ..none },
            IdentityAction::RemoveFinalizer,
        ),
        (IdentityFacts { deleting: true, inherited: true, ..none }, IdentityAction::RemoveFinalizer),
        (IdentityFacts { inherited: true, ..none }, IdentityAction::Rest),
        (IdentityFacts { inherited: true, referred: true, ..none }, IdentityAction::AddFinalizer),
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
fn what_sts_would_refuse_of_a_session_is_named_by_its_field() {
    let found = |member: &str, value: Value| {
        let mut spec = serde_json::to_value(identity().spec).unwrap();
        spec["credentials"] = json!({"source": "AssumeRole",
            "assumeRole": {"roleArn": format!("arn:aws:iam::{ACCOUNT}:role/x")}});
        spec["credentials"]["assumeRole"][member] = value;
        fault(&serde_json::from_value(spec).unwrap())
    };
    let long = |count: usize| json!("x".repeat(count));
    for (member, value) in [
        ("roleArn", json!(format!("arn:aws:iam::{ACCOUNT}:role/x\ny"))),
        ("roleArn", json!(format!("arn:aws:iam::{ACCOUNT}:role/{}", "x".repeat(2048)))),
        ("externalId", json!("x")),
        ("externalId", long(1225)),
        ("externalId", json!("s3cr3t one")),
        ("externalId", json!("s3cr3t\n")),
        ("externalId", json!("s3cr3t-é")),
        ("sessionDurationSeconds", json!(899)),
        ("sessionDurationSeconds", json!(43_201)),
    ] {
        let told = found(member, value.clone()).unwrap_or_default();
        assert!(told.starts_with(&format!("spec.credentials.assumeRole.{member} must be ")), "{value}: {told}");
        assert!(!told.contains("s3cr3t"), "{told}");
    }
    for (member, value) in [
        ("externalId", json!("a_b+c=d,e.f@g:h/i-9")),
        ("externalId", json!("xy")),
        ("externalId", long(1224)),
        ("sessionDurationSeconds", json!(900)),
        ("sessionDurationSeconds", json!(43_200)),
        ("sessionTags", json!(true)),
    ] {
        assert_eq!(found(member, value.clone()), None, "{value}");
    }
}

#[test]
fn what_sts_answers_becomes_a_verdict() {
    let spec = identity().spec;
    let failed = |kind, code: &str| Err(AwsError { code: code.to_owned(), ..refusal("GetCallerIdentity", kind) });
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
    // Somebody took the finalizer off.
    let mut stripped = object(false, "default", "");
    (stripped["metadata"]["uid"], stripped["status"]["create"]) = (json!("u"), json!({"uid": "u"}));
    assert!(needs(&stripped, "default"));
    stripped["spec"]["lifecycle"] = json!({"managementPolicy": "ObserveOnly"});
    assert!(!needs(&stripped, "default"), "one that observes now has nothing");
    stripped["spec"]["lifecycle"] = json!({});
    stripped["status"]["create"] = json!({"uid": "of a former one"});
    assert!(!needs(&stripped, "default"));
}

#[tokio::test(start_paused = true)]
async fn it_is_verified_once_per_change_and_then_now_and_again() {
    let world = with_caller(caller(ACCOUNT));
    let identities = identities(&world);
    let resync = settings().resync;
    let next = identities.reconcile(&stored(&world)).await.unwrap();
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

    world.edit_identity(|object| object["metadata"]["annotations"] = json!({RECONCILE_AT: "now"}));
    identities.reconcile(&stored(&world)).await.unwrap();
    assert_eq!(asked(&world), 2);
    assert_eq!(stored(&world).status.unwrap().last_handled_reconcile_at.as_deref(), Some("now"));

    let before = writes(&world);
    tokio::time::advance(resync + Duration::from_secs(1)).await;
    identities.reconcile(&stored(&world)).await.unwrap();
    assert_eq!(asked(&world), 3);
    assert_eq!(writes(&world), before, "nothing new, nothing written");
    assert_eq!(world.cluster.notes.lock().unwrap().len(), 1, "one event for one change");

    world.edit_identity(|object| object["metadata"]["generation"] = json!(2));
    identities.reconcile(&stored(&world)).await.unwrap();
    assert_eq!(asked(&world), 4);
}

#[tokio::test(start_paused = true)]
async fn an_unwritten_status_is_written_soon_without_asking_sts() {
    let world = with_caller(caller(ACCOUNT));
    let identities = identities(&world);
    refuse_writes(&world, Some(ClusterError::Conflict("default".to_owned())));
    assert_eq!(identities.reconcile(&stored(&world)).await.unwrap(), Requeue::After(WATCH_CATCHES_UP));
    refuse_writes(&world, None);
    identities.reconcile(&stored(&world)).await.unwrap();
    assert_eq!(asked(&world), 1);
    tokio::time::advance(UNTOLD_AGAIN).await;
    identities.reconcile(&stored(&world)).await.unwrap();
    assert_eq!(ready(&world), row("True", reasons::VERIFIED, false));
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_retried_ever_later_and_stalled_when_it_lasts() {
    let denied = refusal("GetCallerIdentity", AwsErrorKind::Denied);
    let world = with_caller(Err(denied));
    let identities = identities(&world);
    let mut waits = Vec::new();
    let mut object = stored(&world);
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
    identities.reconcile(&stored(&world)).await.unwrap();
    *world.aws.caller.lock().unwrap() = Some(Err(refusal("GetCallerIdentity", AwsErrorKind::Lost)));
    tokio::time::advance(settings().resync).await;
    let object = stored(&world);
    identities.reconcile(&object).await.unwrap();
    assert_eq!(asked(&world), 2);
    assert_eq!(writes(&world), 1);
}

#[tokio::test]
async fn the_finalizer_comes_as_soon_as_any_object_names_it() {
    let world = with_caller(caller(ACCOUNT));
    let refers = |name: &str, spec: Value| world.watch(&object::<TransferServer>(name, spec, Value::Null));
    refers("elsewhere", json!({"region": REGION, "awsIdentityRef": {"name": "another"}}));
    let identities = identities(&world);
    identities.reconcile(&stored(&world)).await.unwrap();
    assert!(finalizers(&world).is_empty());
    refers("files", json!({"region": REGION}));
    identities.reconcile(&stored(&world)).await.unwrap();
    assert_eq!(finalizers(&world), [FINALIZER]);
}

#[tokio::test]
async fn deletion_waits_for_objects_that_need_it_and_names_them() {
    let world = with_caller(caller(ACCOUNT));
    world.edit_identity(|object| {
        object["metadata"]["finalizers"] = json!([FINALIZER]);
        object["metadata"]["deletionTimestamp"] = json!(NOW);
    });
    let live = |name: &str, finalizers: Value| {
        json!({"kind": "TransferUser", "metadata": {"namespace": "team", "name": name, "finalizers": finalizers},
            "spec": {"something": "that this version cannot decode"}, "status": {"awsIdentity": "default"}})
    };
    world.cluster.put(live("alice", json!([FINALIZER])));
    world.cluster.put(live("bob", json!([])));
    let identities = identities(&world);
    assert_eq!(identities.reconcile(&stored(&world)).await.unwrap(), Requeue::After(IN_USE_AGAIN));
    assert_eq!(ready(&world), row("False", reasons::IN_USE, false));
    let conditions = stored(&world).status.unwrap().conditions;
    let message = &condition::find(&conditions, types::READY).unwrap().message;
    assert!(message.contains("1 objects") && message.contains("TransferUser team/alice"), "{message}");
    assert_eq!(finalizers(&world), [FINALIZER]);

    world.cluster.remove("TransferUser", &Name { namespace: "team".to_owned(), name: "alice".to_owned() });
    assert_eq!(identities.reconcile(&stored(&world)).await.unwrap(), Requeue::OnChange);
    assert!(world.stored_identity().is_none(), "its last finalizer is off");
    assert_eq!(asked(&world), 0, "an identity that goes is not verified");
}

#[tokio::test]
async fn a_gone_identity_is_forgotten_also_by_a_reconcile_that_outlives_it() {
    let world = with_caller(caller(ACCOUNT));
    let identities = identities(&world);
    identities.reconcile(&stored(&world)).await.unwrap();
    assert_eq!(identities.lock().len(), 1);
    identities.forget("identity");
    assert!(identities.lock().is_empty());

    let mut running = identities.counters.begin();
    identities.verify(&stored(&world), Memory::default(), Duration::ZERO, &mut running).await.unwrap();
    assert!(identities.lock().is_empty());
}

#[tokio::test]
async fn a_bad_spec_is_stalled_and_nobody_is_asked() {
    let world = with_caller(caller(ACCOUNT));
    world.edit_identity(|object| object["spec"]["regions"] = json!([]));
    identities(&world).reconcile(&stored(&world)).await.unwrap();
    assert_eq!(ready(&world), row("False", reasons::INVALID_SPEC, true));
    assert_eq!(asked(&world), 0);
}

#[tokio::test]
async fn a_write_that_lost_a_race_is_not_trouble_and_a_failed_one_is() {
    let world = with_caller(caller(ACCOUNT));
    refuse_writes(&world, Some(ClusterError::Conflict("default".to_owned())));
    assert_eq!(identities(&world).reconcile(&stored(&world)).await.unwrap(), Requeue::After(WATCH_CATCHES_UP));
    refuse_writes(&world, Some(ClusterError::Forbidden("default".to_owned())));
    assert!(identities(&world).reconcile(&stored(&world)).await.is_err());
}

/// Reconciles over an hour, when they ask for it and as the watch would bring what was written.
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
    let world = with_caller(caller(ACCOUNT));
    world.put(FIRST, owner_tags("files"));
    let identities = identities(&world);
    identities.reconcile(&stored(&world)).await.unwrap();
    an_hour(&identities, &world).await;
    let text = told_of_orphans(&world).unwrap();
    assert!(text.contains(&format!("server {FIRST} in {REGION}")), "{text}");
    assert_eq!(ready(&world), row("True", reasons::VERIFIED, false), "it calls for a look and blocks nothing");
    let before = writes(&world);
    an_hour(&identities, &world).await;
    assert_eq!((warnings(&world), writes(&world)), (1, before), "the same again is no news");

    // Another process knows nothing yet and leaves alone what was said.
    let restarted = self::identities(&world);
    restarted.reconcile(&stored(&world)).await.unwrap();
    assert_eq!(told_of_orphans(&world), Some(text));

    world.store(&object::<TransferServer>("files", json!({"region": REGION}), json!({"serverId": FIRST})));
    an_hour(&identities, &world).await;
    assert_eq!((told_of_orphans(&world), warnings(&world)), (None, 1));
}

/// So many servers of the identity are on their way out of AWS.
fn going(world: &World, count: usize) {
    world.lister.remove_all("TransferServer");
    for number in 0..count {
        let spec = json!({"region": REGION, "lifecycle": {"deletionProtection": false}});
        let status = json!({"accountId": ACCOUNT, "awsIdentity": "default"});
        world.watch(&dying(object::<TransferServer>(&format!("s{number}"), spec, status)));
    }
}

#[tokio::test(start_paused = true)]
async fn many_deletions_are_a_condition_with_one_warning_until_few_are_left() {
    let world = with_caller(caller(ACCOUNT));
    world.edit_identity(|object| object["metadata"]["finalizers"] = json!([FINALIZER]));
    let first = identities(&world);
    // The last of these is another process.
    let second = identities(&world);
    second.reconcile(&stored(&world)).await.unwrap();
    for (process, count, told, warned) in [
        (&first, 3, None, 0),
        (&first, 4, Some("4 of 4 servers"), 1),
        (&first, 5, Some("5 of 5 servers"), 1),
        (&second, 5, Some("5 of 5 servers"), 1),
        (&second, 2, None, 1),
    ] {
        going(&world, count);
        process.reconcile(&stored(&world)).await.unwrap();
        let conditions = stored(&world).status.unwrap().conditions;
        let held = condition::find(&conditions, types::DELETIONS_HELD).map(|condition| condition.message.as_str());
        assert_eq!(held.and_then(|text| text.split(" and").next()), told, "{count}: {held:?}");
        assert_eq!((warnings(&world), ready(&world)), (warned, row("True", reasons::VERIFIED, false)), "{count}");
    }
}
