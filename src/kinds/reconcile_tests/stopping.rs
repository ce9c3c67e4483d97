//! When a server is stopped for a change, and when it is started again: to the minute, in whole runs.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::rig::{FIRST, Lose, Rig};
use crate::aws::{AwsErrorKind, Mutation};
use crate::kinds::fakes::{ACCOUNT, REGION};
use crate::sim::model::Address;

const SERVER: &str = "TransferServer";
const ADDRESS: &str = "eipalloc-0aaaaaaaaaaaaaaaa";

async fn ready(spec: Value) -> Arc<Rig> {
    let rig = Rig::new();
    rig.cloud.sim().world.region(ACCOUNT, REGION).addresses.insert(ADDRESS.to_owned(), Address::default());
    rig.server("files", spec);
    rig.settle(SERVER, "files").await;
    assert_eq!(rig.says(SERVER, "files", "Ready").unwrap().0, "True", "{}", rig.message(SERVER, "files"));
    rig.cloud.calls();
    Arc::new(rig)
}

/// When AWS takes the next call of an operation.
fn noted(rig: &Rig, operation: &'static str) -> Arc<Mutex<Option<Timestamp>>> {
    let at = Arc::new(Mutex::new(None));
    let (noted, cloud) = (Arc::clone(&at), Arc::clone(&rig.cloud));
    let note = Box::new(move || *noted.lock().unwrap() = Some(cloud.now()));
    rig.cloud.between.lock().unwrap().insert(operation, note);
    at
}

fn minutes_between(begin: Timestamp, end: Timestamp) -> i64 {
    end.duration_since(begin).as_mins()
}

/// What waits for hours is woken by them: by nothing else, as nobody edits it and its next look is a day away.
#[tokio::test(start_paused = true)]
async fn the_opening_of_its_window_wakes_a_server_in_its_first_minute() {
    let window = json!({"start": "03:07", "durationMinutes": 60, "timeZone": "UTC"});
    let lifecycle = json!({"deletionProtection": false, "disruption": {"mode": "Window", "window": window}});
    let rig = ready(json!({"resyncInterval": "24h", "lifecycle": lifecycle})).await;
    rig.edit(SERVER, "files", |object| object["spec"]["ipAddressType"] = json!("DUALSTACK"));
    let stopped = noted(&rig, "StopServer");
    rig.control("files", Duration::from_hours(3)).await;
    assert_eq!(rig.says(SERVER, "files", "DisruptionPending").unwrap().1, "OutsideWindow");
    assert_eq!((rig.cloud.calls(), *stopped.lock().unwrap()), (Vec::new(), None), "not before");
    rig.control("files", Duration::from_hours(6)).await;
    let opens: Timestamp = "2026-01-01T03:07:00Z".parse().unwrap();
    let stopped = stopped.lock().unwrap().expect("it is stopped");
    assert!(stopped >= opens && minutes_between(opens, stopped) < 1, "{stopped}");
    assert_eq!(rig.cloud.calls(), ["StopServer", "UpdateServer", "StartServer"]);
    assert_eq!(rig.says(SERVER, "files", "DisruptionPending"), None);
}

fn vpc(subnet: &str, addresses: &[&str]) -> Value {
    let details = json!({"vpcId": "vpc-0123456789abcdef0", "subnetIds": [subnet], "addressAllocationIds": addresses});
    json!({"endpointType": "VPC", "endpointDetails": details})
}

/// How many minutes after its stop a server is started whose endpoint takes so long, and the calls until then.
async fn started_after(before: Value, after: Value, lag: Duration) -> (i64, Vec<String>) {
    let rig = ready(before).await;
    rig.cloud.sim().config.endpoint_lag = lag.try_into().unwrap();
    rig.edit(SERVER, "files", |object| {
        object["spec"].as_object_mut().unwrap().extend(after.as_object().unwrap().clone());
    });
    let (stopped, started) = (noted(&rig, "StopServer"), noted(&rig, "StartServer"));
    rig.control("files", Duration::from_hours(4)).await;
    let (stopped, started) = (stopped.lock().unwrap().unwrap(), started.lock().unwrap().unwrap());
    assert_eq!(rig.says(SERVER, "files", "Ready").unwrap().0, "True", "{}", rig.message(SERVER, "files"));
    assert_eq!(rig.cloud.servers()[FIRST].state.as_deref(), Some("ONLINE"));
    (minutes_between(stopped, started), rig.cloud.calls())
}

#[tokio::test(start_paused = true)]
async fn a_start_waits_for_the_endpoint_but_no_longer_than_a_quarter_hour() {
    let network = vpc("subnet-0aaaaaaaaaaaaaaaa", &[]);
    for (lag, expected) in [(5, 5), (40, 15)] {
        let (minutes, calls) = started_after(json!({}), network.clone(), Duration::from_mins(lag)).await;
        assert_eq!(
            (minutes, calls),
            (expected, ["StopServer", "UpdateServer", "StartServer"].map(str::to_owned).into())
        );
    }
}

/// AWS takes no second change of a network that it has not made yet: however long that is, it is stopped once.
#[tokio::test(start_paused = true)]
async fn updates_that_wait_for_the_endpoint_go_on_once_it_is_there() {
    let of = |subnet| vpc(subnet, &[ADDRESS]);
    let (one, other) = (of("subnet-0aaaaaaaaaaaaaaaa"), of("subnet-0bbbbbbbbbbbbbbbb"));
    for (lag, shortest, longest) in [(5, 10, 16), (40, 80, 95)] {
        let (minutes, mut calls) = started_after(one.clone(), other.clone(), Duration::from_mins(lag)).await;
        assert!((shortest..longest).contains(&minutes), "two endpoints of {lag} min each: {minutes} min");
        calls.dedup();
        assert_eq!(calls, ["StopServer", "UpdateServer", "StartServer"], "{lag}");
    }
}

/// Somebody stops the server, gives it an address and starts it.
fn attaches(rig: &Rig) {
    let mut servers = rig.cloud.servers();
    let details = servers.get_mut(FIRST).unwrap().settings.endpoint_details.as_mut().unwrap();
    details.address_allocation_ids = Some(vec![ADDRESS.to_owned()]);
}

fn held(rig: &Rig) -> (Vec<String>, Vec<String>) {
    let details = rig.cloud.servers()[FIRST].settings.endpoint_details.clone().unwrap();
    (details.subnet_ids.unwrap_or_default(), details.address_allocation_ids.unwrap_or_default())
}

/// An address that the spec says nothing of comes off where AWS wants that, and is on again in the end where it may be.
#[tokio::test(start_paused = true)]
async fn an_address_of_somebody_else_outlives_a_change_that_takes_it_off() {
    let (one, other) = ("subnet-0aaaaaaaaaaaaaaaa", "subnet-0bbbbbbbbbbbbbbbb");
    let silent = |subnets: &[&str]| json!({"endpointType": "VPC", "endpointDetails": {"vpcId": "vpc-0123456789abcdef0", "subnetIds": subnets}});
    let function = "arn:aws:lambda:eu-central-1:123456789012:function:f";
    let lambda = json!({"identityProviderType": "AWS_LAMBDA", "identityProviderDetails": {"function": function}});
    let with = |mut spec: Value, more: Value| {
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        spec
    };
    let on = || vec![ADDRESS.to_owned()];
    let own = |ids: &[&str]| ids.iter().map(|&id| id.to_owned()).collect::<Vec<String>>();
    let rows = [
        ("another subnet", silent(&[other]), false, own(&[other]), on(), true),
        ("two subnets, which one address does not fit", silent(&[one, other]), false, own(&[one, other]), vec![], true),
        ("a subnet that AWS refuses", silent(&[other]), true, own(&[one]), on(), false),
        (
            "FTP, which no address may be with",
            with(silent(&[one]), json!({"protocols": ["FTP"]})),
            false,
            own(&[one]),
            vec![],
            true,
        ),
    ];
    for (what, after, refused, subnets, addresses, ready_in_the_end) in rows {
        let rig = ready(with(silent(&[one]), lambda.clone())).await;
        attaches(&rig);
        rig.cloud.sim().config.transition_time = jiff::SignedDuration::from_secs(30);
        if refused {
            rig.cloud.refuse("InvalidRequestException", "no such subnet", |call| match call {
                Mutation::UpdateServer(update) => {
                    let details = update.settings.endpoint_details.as_ref();
                    details
                        .is_some_and(|details| details.subnet_ids.as_ref().is_some_and(|ids| ids[0].contains("bbbb")))
                }
                _ => false,
            });
        }
        rig.edit(SERVER, "files", |object| {
            object["spec"].as_object_mut().unwrap().extend(after.as_object().unwrap().clone());
        });
        rig.control("files", Duration::from_hours(2)).await;
        let calls = rig.cloud.calls();
        let of = |operation: &str| calls.iter().filter(|call| *call == operation).count();
        assert_eq!((of("StopServer"), of("StartServer")), (1, 1), "{what}: {calls:?} {}", rig.message(SERVER, "files"));
        assert_eq!(held(&rig), (subnets, addresses), "{what}: {calls:?}");
        assert_eq!(rig.cloud.servers()[FIRST].state.as_deref(), Some("ONLINE"), "{what}");
        let message = rig.message(SERVER, "files");
        assert_eq!(rig.says(SERVER, "files", "Ready").unwrap().0 == "True", ready_in_the_end, "{what}: {message}");
    }
}

/// Whether its server is to stay is the spec's word; that it is only looked at says so too, wherever the change is.
#[tokio::test(start_paused = true)]
async fn a_server_that_is_only_observed_by_now_outlives_its_object() {
    let calls = ["StopServer", "UpdateServer", "StartServer"];
    for (after, odd_look) in calls.into_iter().flat_map(|after| [(after, false), (after, true)]) {
        let rig = ready(json!({})).await;
        rig.cloud.sim().config.transition_time = jiff::SignedDuration::from_secs(30);
        rig.edit(SERVER, "files", |object| object["spec"]["ipAddressType"] = json!("DUALSTACK"));
        let sent = noted(&rig, after);
        while sent.lock().unwrap().is_none() {
            rig.run(SERVER, "files", Duration::from_secs(5)).await;
            tokio::time::advance(Duration::from_secs(5)).await;
        }
        assert!(!rig.status(SERVER, "files")["operation"].is_null(), "{after}");
        rig.cloud.calls();
        if odd_look {
            rig.cloud.lose("DescribeServer", Lose::Call(AwsErrorKind::NotFound));
        }
        rig.edit(SERVER, "files", |object| {
            object["spec"]["lifecycle"] = json!({"managementPolicy": "ObserveOnly", "deletionProtection": false});
        });
        rig.delete(SERVER, "files");
        rig.control("files", Duration::from_hours(2)).await;
        let calls = rig.cloud.calls();
        assert!(rig.get(SERVER, "files").is_none(), "{after}: its object waits for ever, {calls:?}");
        assert!(calls.iter().all(|call| call == "StartServer"), "{after}: it is started, and nothing else: {calls:?}");
        let servers = rig.cloud.servers();
        let state = servers.get(FIRST).map(|server| server.state.clone().unwrap_or_default());
        assert_eq!(state.as_deref(), Some("ONLINE"), "{after}: {calls:?}");
    }
}
