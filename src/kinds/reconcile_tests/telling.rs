//! What an object says of itself, when, and how often; and how soon it is looked at again.

use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{FIRST, Fail, Lose, ROLE, Rig};
use crate::api::{FINALIZER, RECONCILE_AT};
use crate::aws::AwsErrorKind;
use crate::engine::looks::Turn;
use crate::engine::requeue::Requeue;

const SERVER: &str = "TransferServer";
const USER: &str = "TransferUser";
const ACCESS: &str = "TransferAccess";

const KEYS: [&str; 3] = [
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMD",
];

async fn with_server(spec: Value) -> Rig {
    let rig = Rig::new();
    rig.server("files", spec);
    rig.settle(SERVER, "files").await;
    rig.cloud.calls();
    rig
}

/// The events since this was asked last, as `Warning reason` or `reason`.
fn events(rig: &Rig) -> Vec<String> {
    let notes = std::mem::take(&mut *rig.objects.notes.lock().unwrap());
    let told = notes.iter().map(|note| format!("{}{}", if note.warning { "Warning " } else { "" }, note.reason));
    told.collect()
}

async fn wait(rig: &Rig, kind: &str, object: &str) -> Duration {
    loop {
        match rig.reconcile(kind, object).await {
            Requeue::Again => {}
            Requeue::After(wait) | Requeue::Elsewhere(wait) | Requeue::Rest(wait) => return wait,
            Requeue::OnChange => panic!("nobody comes back"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_is_told_when_ready_comes_to_say_something_else_and_only_then() {
    let rig = with_server(json!({})).await;
    assert_eq!(events(&rig), ["Available"]);
    rig.run(SERVER, "files", Duration::from_hours(1)).await;
    assert_eq!(events(&rig), Vec::<String>::new());
    rig.edit(SERVER, "files", |object| object["spec"]["preAuthenticationLoginBanner"] = json!("hello"));
    rig.settle(SERVER, "files").await;
    assert_eq!(events(&rig), ["Updating"], "the call; Ready says what it said");
    rig.edit(SERVER, "files", |object| object["spec"]["lifecycle"]["managementPolicy"] = json!("ReportDrift"));
    rig.settle(SERVER, "files").await;
    events(&rig);
    rig.cloud.servers().get_mut(FIRST).unwrap().settings.pre_authentication_login_banner = None;
    rig.settle(SERVER, "files").await;
    assert_eq!(events(&rig), ["Warning DriftDetected"], "another reason of the same status");
    rig.cloud.servers().clear();
    rig.run(SERVER, "files", Duration::from_mins(10)).await;
    assert_eq!(events(&rig), ["WaitingForAws", "Warning ServerGone"], "who calls a person warns");
}

#[tokio::test(start_paused = true)]
async fn failures_wait_longer_each_time_and_a_success_begins_anew() {
    let rig = Rig::with_user(json!({})).await;
    for _ in 0..3 {
        rig.cloud.lose("DescribeUser", Lose::Call(AwsErrorKind::Lost));
    }
    for millis in [750, 1500, 3000] {
        assert_eq!(wait(&rig, USER, "alice").await, Duration::from_millis(millis));
    }
    assert_eq!(wait(&rig, USER, "alice").await, Duration::from_mins(10), "well again");
    rig.cloud.lose("DescribeUser", Lose::Call(AwsErrorKind::Lost));
    assert_eq!(wait(&rig, USER, "alice").await, Duration::from_millis(750));
}

#[tokio::test(start_paused = true)]
async fn an_object_rests_for_as_long_as_its_own_resync_interval_says() {
    let rows = [(None, 10), (Some("1m"), 1), (Some("24h"), 24 * 60), (Some("0s"), 1), (Some("often"), 10)];
    for (interval, minutes) in rows {
        let rig =
            with_server(json!({"identityProviderType": "AWS_DIRECTORY_SERVICE", "resyncInterval": interval})).await;
        rig.put(ACCESS, "group", group(interval));
        let plain = with_server(json!({})).await;
        plain.user("alice", json!({"resyncInterval": interval}));
        for (rig, kind, object) in [(&rig, SERVER, "files"), (&rig, ACCESS, "group"), (&plain, USER, "alice")] {
            rig.settle(kind, object).await;
            let soonest = if minutes == 10 && kind == SERVER { 5 } else { minutes };
            let rests = Requeue::Rest(if minutes > 60 { turn(rig, object) } else { Duration::from_mins(soonest) });
            assert_eq!(rig.reconcile(kind, object).await, rests, "{kind} {interval:?}");
            rig.edit(kind, object, |object| object["spec"]["suspend"] = json!(true));
            assert_eq!(rig.reconcile(kind, object).await, rests, "{kind} {interval:?}, suspended");
            let suspended = rig.says(kind, object, "Suspended").map(|(status, _)| status);
            assert_eq!(suspended.as_deref(), Some("True"), "an edit is seen at once");
        }
    }
}

/// What is looked at seldom has a time of its own in each day, which no restart puts off.
fn turn(rig: &Rig, object: &str) -> Duration {
    let now = rig.wall();
    Turn::of(&format!("uid-{object}"), Duration::from_hours(24), now).after_look(Duration::from_mins(10))
}

fn group(interval: Option<&str>) -> Value {
    let mut spec = json!({"serverRef": {"name": "files"}, "role": ROLE, "externalId": "S-1-2"});
    spec["resyncInterval"] = json!(interval);
    spec
}

#[tokio::test(start_paused = true)]
async fn what_only_the_resync_tells_is_written_as_seldom_as_the_spec_says() {
    let rig = with_server(json!({"resyncInterval": "2h"})).await;
    rig.cloud.servers().get_mut(FIRST).unwrap().user_count = Some(5);
    rig.run(SERVER, "files", Duration::from_mins(90)).await;
    assert_ne!(rig.status(SERVER, "files")["userCount"], json!(5));
    rig.run(SERVER, "files", Duration::from_mins(31)).await;
    tokio::time::advance(Duration::from_hours(2)).await;
    rig.reconcile(SERVER, "files").await;
    assert_eq!(rig.status(SERVER, "files")["userCount"], json!(5));
}

#[tokio::test(start_paused = true)]
async fn what_is_always_refused_is_tried_less_often_than_a_resync() {
    let rig = Rig::with_user(json!({})).await;
    for _ in 0..40 {
        rig.cloud.lose("UpdateUser", Lose::Call(AwsErrorKind::Rejected));
    }
    rig.edit(USER, "alice", |object| object["spec"]["homeDirectory"] = json!("/b"));
    let looks = rig.cloud.reads();
    rig.run(USER, "alice", Duration::from_hours(8)).await;
    let tried = 40 - rig.cloud.lose.lock().unwrap()["UpdateUser"].len();
    assert!((10..30).contains(&tried), "once an hour in the end: {tried}");
    let looks = rig.cloud.reads() - looks;
    assert!(looks >= 48, "looked at every ten minutes all the same: {looks}");
    assert_eq!(rig.says(USER, "alice", "Stalled").unwrap().1, "Rejected");
}

#[tokio::test(start_paused = true)]
async fn conflicts_in_a_row_wait_longer_each_time_but_never_long() {
    let rig = Rig::with_user(json!({})).await;
    let edit = || rig.edit(USER, "alice", |object| object["spec"]["suspend"] = json!(true));
    edit();
    rig.objects.fail.lock().unwrap().extend([Fail::Conflict; 9]);
    assert_eq!(rig.reconcile(USER, "alice").await, Requeue::Again);
    for millis in [750, 1500, 3000, 6000, 12000, 24000, 30000, 30000] {
        assert_eq!(rig.reconcile(USER, "alice").await, Requeue::After(Duration::from_millis(millis)));
    }
    rig.reconcile(USER, "alice").await;
    assert_eq!(rig.says(USER, "alice", "Suspended").unwrap().0, "True");
    rig.edit(USER, "alice", |object| object["spec"]["suspend"] = json!(false));
    rig.objects.fail.lock().unwrap().push(Fail::Conflict);
    assert_eq!(rig.reconcile(USER, "alice").await, Requeue::Again, "the first one again");
}

#[tokio::test(start_paused = true)]
async fn suspend_alone_is_observed_and_an_edit_beside_it_is_not() {
    let rig = Rig::with_user(json!({})).await;
    let generations = || {
        let object = rig.get(USER, "alice").unwrap();
        (object["metadata"]["generation"].clone(), object["status"]["observedGeneration"].clone())
    };
    rig.edit(USER, "alice", |object| object["spec"]["suspend"] = json!(true));
    rig.settle(USER, "alice").await;
    let (generation, observed) = generations();
    assert_eq!(generation, observed, "what the spec asks for is in force, so nobody need wait");
    rig.edit(USER, "alice", |object| object["spec"]["homeDirectory"] = json!("/my-files/elsewhere"));
    rig.settle(USER, "alice").await;
    let (generation, observed) = generations();
    assert_ne!(generation, observed, "the edit waits for the end of suspend");
}

#[tokio::test(start_paused = true)]
async fn what_is_worth_a_look_stands_while_something_is_in_the_way() {
    let rig = Rig::with_user(json!({})).await;
    let advisory = || rig.says(USER, "alice", "Advisory").map(|(_, reason)| reason);
    let text = |rig: &Rig| {
        let conditions = rig.status(USER, "alice")["conditions"].as_array().unwrap().clone();
        conditions.into_iter().find(|found| found["type"] == "Advisory").unwrap()["message"].clone()
    };
    assert_eq!(advisory().as_deref(), Some("NoKeys"));
    let said = text(&rig);
    rig.edit(USER, "alice", |object| object["spec"]["role"] = json!(format!("{ROLE}-of-others")));
    rig.settle(USER, "alice").await;
    assert_eq!(rig.says(USER, "alice", "Ready").unwrap().0, "False");
    assert_eq!(advisory().as_deref(), Some("NoKeys"));
    assert_eq!(text(&rig), said);
    rig.edit(USER, "alice", |object| object["spec"]["role"] = json!(ROLE));
    rig.cloud.users().values_mut().for_each(|user| {
        let body = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB".to_owned();
        user.ssh_public_keys =
            vec![crate::aws::transfer::SshPublicKey { id: "key-1".to_owned(), body, date_imported: None }];
    });
    rig.settle(USER, "alice").await;
    assert_eq!(advisory(), None, "and goes with its cause");
}

#[tokio::test(start_paused = true)]
async fn a_key_is_advised_on_two_weeks_before_its_end_and_then_goes() {
    let rig = Rig::with_user(json!({
        "resyncInterval": "24h",
        "sshPublicKeys": [
            {"publicKey": KEYS[0]},
            {"publicKey": KEYS[1], "expiresAt": "2026-01-31T13:00:00Z"},
            {"publicKey": KEYS[2], "expiresAt": "2026-01-21T12:30:00Z"},
        ],
    }))
    .await;
    let began = tokio::time::Instant::now();
    let advised = || {
        let status = rig.status(USER, "alice");
        let conditions = status["conditions"].as_array().unwrap();
        let told = conditions.iter().find(|found| found["type"] == "Advisory");
        told.map(|told| (told["reason"].clone(), told["message"].as_str().unwrap().to_owned()))
    };
    // NOW is midnight of the 1st, so noon and a half of the 7th is two weeks before the first end.
    for (until, named, keys) in [
        (Duration::from_mins((6 * 24 + 12) * 60 + 29), &[][..], 3),
        (Duration::from_mins((6 * 24 + 12) * 60 + 31), &["sshPublicKeys[2]"], 3),
        (Duration::from_mins((16 * 24 + 13) * 60 - 1), &["sshPublicKeys[2]"], 3),
        (Duration::from_mins((16 * 24 + 13) * 60 + 1), &["sshPublicKeys[2]", "sshPublicKeys[1]"], 3),
        (Duration::from_mins((20 * 24 + 12) * 60 + 29), &["sshPublicKeys[2]", "sshPublicKeys[1]"], 3),
        (Duration::from_mins((20 * 24 + 12) * 60 + 31), &["sshPublicKeys[1]"], 2),
        (Duration::from_mins((30 * 24 + 13) * 60 + 1), &[], 1),
    ] {
        rig.run(USER, "alice", until.saturating_sub(began.elapsed())).await;
        // What is not due yet is slept through.
        tokio::time::advance(until.saturating_sub(began.elapsed())).await;
        let told = advised();
        assert_eq!(told.is_some(), !named.is_empty(), "{until:?}: {told:?}");
        let (reason, message) = told.unwrap_or_default();
        assert!(named.is_empty() || reason == "KeysExpiring", "{until:?}: {reason}");
        let places: Vec<Option<usize>> = named.iter().map(|entry| message.find(entry)).collect();
        assert!(places.is_sorted() && places.iter().all(Option::is_some), "in the order of time: {message}");
        assert_eq!(message.matches("sshPublicKeys").count(), named.len(), "{message}");
        assert_eq!(rig.status(USER, "alice")["sshPublicKeyCount"], json!(keys), "{until:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_annotation_that_asks_for_a_look_is_answered() {
    let rig = with_server(json!({})).await;
    assert_eq!(rig.status(SERVER, "files")["lastHandledReconcileAt"], Value::Null);
    rig.edit(SERVER, "files", |object| object["metadata"]["annotations"] = json!({RECONCILE_AT: "noon"}));
    rig.settle(SERVER, "files").await;
    assert_eq!(rig.status(SERVER, "files")["lastHandledReconcileAt"], "noon");
}

#[tokio::test(start_paused = true)]
async fn an_object_that_cannot_be_read_says_so_once_and_only_of_itself() {
    let rig = with_server(json!({})).await;
    events(&rig);
    rig.edit(SERVER, "files", |object| object["spec"]["region"] = json!(5));
    rig.objects.fail.lock().unwrap().extend([Fail::Write; 2]);
    rig.reconcile(SERVER, "files").await;
    rig.reconcile(SERVER, "files").await;
    assert_eq!(events(&rig), ["Warning Undecodable"]);
    rig.edit(SERVER, "files", |object| object["metadata"]["uid"] = json!("uid-of-another"));
    assert_eq!(rig.reconcile(SERVER, "files").await, Requeue::OnChange);
    assert_eq!(events(&rig), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_looked_at_again_in_time() {
    let rig = Rig::new();
    rig.server("files", json!({}));
    rig.cloud.lose("CreateServer", Lose::Call(AwsErrorKind::Lost));
    rig.settle(SERVER, "files").await;
    assert_eq!(rig.says(SERVER, "files", "Ready").unwrap().1, "Recovering");
    assert_eq!(wait(&rig, SERVER, "files").await, Duration::from_secs(40), "a third of the lag");
    let rig = with_server(json!({"lifecycle": {"deletionProtection": true}})).await;
    rig.delete(SERVER, "files");
    assert_eq!(wait(&rig, SERVER, "files").await, Duration::from_mins(5), "only a person ends it");
}

#[tokio::test(start_paused = true)]
async fn without_its_identity_an_object_goes_only_if_nothing_was_ever_sent() {
    // What status records of the create, and whether the object goes.
    let rows = [
        (SERVER, json!({"phase": "None"}), true),
        (SERVER, json!({"phase": "None", "attempt": "a"}), false),
        (SERVER, json!({"phase": "InFlight", "attempt": "a"}), false),
        (SERVER, json!({"phase": "Rejected", "attempt": "a"}), true),
        (SERVER, json!({"phase": "Rejected", "attempt": "a", "uid": "uid-of-another"}), false),
        (SERVER, Value::Null, false),
        (USER, json!({"phase": "None"}), false),
        (USER, json!({"phase": "Rejected"}), true),
        (ACCESS, json!({"phase": "None"}), true),
        (ACCESS, json!({"phase": "InFlight", "attempt": "a"}), false),
    ];
    for (kind, create, goes) in rows {
        for confirmed in [false, true] {
            let rig = Rig::new();
            rig.server("files", json!({}));
            rig.user("alice", json!({}));
            rig.put(ACCESS, "finance", json!({"serverRef": {"name": "files"}, "role": ROLE, "externalId": "S-1-1"}));
            let object = if kind == SERVER {
                "files"
            } else if kind == USER {
                "alice"
            } else {
                "finance"
            };
            rig.edit(kind, object, |stored| {
                stored["metadata"]["finalizers"] = json!([FINALIZER]);
                let mut record = json!({"uid": format!("uid-{object}"), "startedAt": "2026-01-01T00:00:00Z",
                    "accountId": "123456789012", "region": "eu-central-1", "specHash": ""});
                let members = create.as_object().into_iter().flatten();
                members.for_each(|(member, value)| record[member] = value.clone());
                stored["status"] = json!({"observedGeneration": -1});
                if !create.is_null() {
                    stored["status"]["create"] = record;
                }
                if confirmed {
                    stored["status"]["serverId"] = json!(FIRST);
                    stored["status"]["arn"] =
                        json!("arn:aws:transfer:eu-central-1:123456789012:user/s-00000000000000001/alice");
                    stored["status"]["userName"] = json!("alice");
                    stored["status"]["externalId"] = json!("S-1-1");
                }
            });
            rig.withdraw(true);
            rig.delete(kind, object);
            rig.run(kind, object, Duration::from_secs(30)).await;
            let gone = rig.get(kind, object).is_none();
            // Of an access the record is the only proof.
            assert_eq!(gone, goes && (!confirmed || kind == ACCESS), "{kind} {create}, confirmed: {confirmed}");
            if !gone {
                assert_eq!(rig.says(kind, object, "Ready").unwrap().1, "DeletionBlocked");
                assert_eq!(rig.says(kind, object, "Stalled"), None, "nothing of that is final");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_count_of_logins_is_written_once_per_resync_at_rest() {
    for provider in ["SERVICE_MANAGED", "AWS_DIRECTORY_SERVICE"] {
        let rig = with_server(json!({"identityProviderType": provider})).await;
        let aws_has = |count: i32| {
            let mut servers = rig.cloud.servers();
            let mut accesses = rig.cloud.accesses();
            // AWS counts users only.
            let users = if provider == "SERVICE_MANAGED" { count } else { 0 };
            servers.get_mut(FIRST).unwrap().user_count = Some(users);
            accesses.clear();
            for number in users..count {
                let access =
                    crate::aws::transfer::Access { external_id: format!("S-1-{number}"), ..Default::default() };
                accesses.insert((FIRST.to_owned(), access.external_id.clone()), access);
            }
        };
        let shown = || rig.status(SERVER, "files")["userCount"].clone();
        let writes = || std::mem::take(&mut *rig.objects.writes.lock().unwrap());
        writes();
        aws_has(12);
        for _ in 0..20 {
            rig.reconcile(SERVER, "files").await;
        }
        assert_eq!(writes(), 0, "{provider}: many looks at a busy server write nothing");
        rig.run(SERVER, "files", Duration::from_mins(11)).await;
        assert_eq!((shown(), writes()), (json!(12), 1), "{provider}");
        for count in 0..12 {
            aws_has(count);
            tokio::time::advance(Duration::from_mins(5)).await;
            rig.reconcile(SERVER, "files").await;
        }
        let written = writes();
        assert!((4..=8).contains(&written), "{provider}: {written} in an hour");
        rig.run(SERVER, "files", Duration::from_mins(25)).await;
        assert_eq!(shown(), json!(11), "{provider}");
        writes();
        rig.run(SERVER, "files", Duration::from_hours(5)).await;
        assert_eq!(writes(), 0, "{provider}: nothing changes, nothing is written");
        aws_has(3);
        rig.edit(SERVER, "files", |object| object["spec"]["preAuthenticationLoginBanner"] = json!("hello"));
        rig.settle(SERVER, "files").await;
        assert_eq!(shown(), json!(3), "{provider}: with what is written anyway");
    }
}

#[tokio::test(start_paused = true)]
async fn restarts_do_not_put_off_that_a_count_of_logins_is_written() {
    let mut rig = with_server(json!({})).await;
    rig.cloud.servers().get_mut(FIRST).unwrap().user_count = Some(5);
    rig.reconcile(SERVER, "files").await;
    assert_ne!(rig.status(SERVER, "files")["userCount"], json!(5));
    rig.restart();
    rig.reconcile(SERVER, "files").await;
    assert_eq!(rig.status(SERVER, "files")["userCount"], json!(5));
}

#[tokio::test(start_paused = true)]
async fn accesses_that_cannot_be_counted_hold_up_nothing() {
    let rig = with_server(json!({"identityProviderType": "AWS_DIRECTORY_SERVICE"})).await;
    for _ in 0..5 {
        rig.cloud.lose("ListAccesses", Lose::Call(AwsErrorKind::Denied));
    }
    rig.cloud.servers().get_mut(FIRST).unwrap().settings.pre_authentication_login_banner = None;
    rig.edit(SERVER, "files", |object| object["spec"]["preAuthenticationLoginBanner"] = json!("hello"));
    rig.settle(SERVER, "files").await;
    assert_eq!(rig.cloud.calls(), ["UpdateServer"]);
    assert_eq!(rig.says(SERVER, "files", "Ready").unwrap().0, "True");
}

#[tokio::test(start_paused = true)]
async fn a_count_that_cannot_be_read_stays_and_writes_nothing() {
    let rig = with_server(json!({"identityProviderType": "AWS_DIRECTORY_SERVICE"})).await;
    let access = crate::aws::transfer::Access { external_id: "S-1-1".to_owned(), ..Default::default() };
    rig.cloud.accesses().insert((FIRST.to_owned(), "S-1-1".to_owned()), access);
    rig.run(SERVER, "files", Duration::from_mins(25)).await;
    assert_eq!(rig.status(SERVER, "files")["userCount"], json!(1));
    rig.objects.writes.lock().unwrap().clone_from(&0);
    (0..5).for_each(|_| rig.cloud.lose("ListAccesses", Lose::Call(AwsErrorKind::Denied)));
    rig.run(SERVER, "files", Duration::from_mins(25)).await;
    assert_eq!(rig.status(SERVER, "files")["userCount"], json!(1));
    assert_eq!(*rig.objects.writes.lock().unwrap(), 0);
}
