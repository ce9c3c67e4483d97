//! Many deletions at once: none is sent until a person says yes.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::rig::{LAG, Rig, TOLERANCE, name};
use crate::api::condition::reasons;
use crate::api::{ALLOW_DELETIONS, AwsIdentity};
use crate::cluster::{Lister, mass_deletion};
use crate::kinds::fakes::NOW;

const SERVER: &str = "TransferServer";
const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

/// Five servers for longer than any call can be late.
async fn with_servers() -> Rig {
    let rig = Rig::new();
    for name in NAMES {
        rig.server(name, json!({}));
        rig.settle(SERVER, name).await;
        assert_eq!(rig.says(SERVER, name, "Ready").unwrap().0, "True", "{name}");
    }
    tokio::time::advance(TOLERANCE + LAG).await;
    rig.cloud.calls();
    rig
}

fn identity(rig: &Rig) -> AwsIdentity {
    AwsIdentity::clone(&rig.objects.identity("default").unwrap())
}

fn held(rig: &Rig) -> Option<mass_deletion::MassDeletion> {
    mass_deletion::held(rig.objects.as_ref(), "default", 10)
}

async fn an_hour(rig: &Rig, name: &str) {
    rig.run(SERVER, name, Duration::from_hours(1)).await;
}

#[tokio::test(start_paused = true)]
async fn many_servers_at_once_stay_until_the_identity_holds_the_value() {
    let mut rig = with_servers().await;
    for name in &NAMES[..4] {
        rig.delete(SERVER, name);
    }
    for name in &NAMES[..4] {
        an_hour(&rig, name).await;
        assert_eq!(rig.says(SERVER, name, "Ready").unwrap().1, reasons::DELETIONS_HELD);
        assert!(rig.message(SERVER, name).contains(ALLOW_DELETIONS));
    }
    rig.restart();
    an_hour(&rig, "a").await;
    assert_eq!(rig.cloud.calls(), [""; 0], "another process knows it as well");

    let value = held(&rig).unwrap().value(&identity(&rig));
    rig.allow("2026-01-01T00:00:00Z-00000000");
    an_hour(&rig, "a").await;
    assert_eq!(rig.cloud.calls(), [""; 0], "another value is none");
    rig.allow(&value);
    for name in &NAMES[..4] {
        an_hour(&rig, name).await;
        assert_eq!(rig.cloud.calls(), ["DeleteServer"], "{name}");
        assert!(rig.get(SERVER, name).is_none(), "{name}");
    }
    assert!(rig.get(SERVER, "e").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_few_go_by_themselves_and_one_more_stops_what_is_left() {
    let rig = with_servers().await;
    for name in &NAMES[..3] {
        rig.delete(SERVER, name);
    }
    an_hour(&rig, "a").await;
    assert_eq!(rig.cloud.calls(), ["DeleteServer"], "three are no mass");
    for name in &NAMES[3..] {
        rig.delete(SERVER, name);
    }
    an_hour(&rig, "b").await;
    assert_eq!(rig.cloud.calls(), [""; 0], "four are left");
    assert_eq!(held(&rig).unwrap().servers, (4, 4));
    rig.edit(SERVER, "c", |object| object["spec"]["lifecycle"]["deletionPolicy"] = json!("Retain"));
    an_hour(&rig, "b").await;
    assert_eq!(rig.cloud.calls(), ["DeleteServer"], "of four, one is to stay in AWS");
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_waited_for_its_turn_is_not_sent_into_a_mass() {
    let rig = with_servers().await;
    rig.delete(SERVER, "a");
    let objects = Arc::clone(&rig.objects);
    let others = move || {
        for other in &NAMES[1..] {
            let key = (SERVER.to_owned(), name(other));
            objects.change(&key, None, |object| object["metadata"]["deletionTimestamp"] = json!(NOW)).unwrap();
        }
    };
    // The last that is asked before a call goes out is the API server.
    *rig.objects.meanwhile.lock().unwrap() = Some(Box::new(others));
    an_hour(&rig, "a").await;
    assert!(rig.objects.meanwhile.lock().unwrap().is_none(), "it was about to be deleted");
    assert_eq!(rig.cloud.calls(), [""; 0], "five are a mass by now");
    assert_eq!(rig.says(SERVER, "a", "Ready").unwrap().1, reasons::DELETIONS_HELD);
}

#[tokio::test(start_paused = true)]
async fn what_was_deleted_long_ago_is_no_mass_with_what_is_deleted_now() {
    let rig = with_servers().await;
    let later: Timestamp = "2026-01-01T00:20:00Z".parse().unwrap();
    for (name, at) in NAMES.into_iter().zip([0, 0, 0, 1, 1]) {
        let at = later - jiff::SignedDuration::from_mins(20 * at);
        rig.edit(SERVER, name, |object| object["metadata"]["deletionTimestamp"] = json!(at.to_string()));
    }
    assert_eq!(held(&rig), None);
    an_hour(&rig, "a").await;
    assert_eq!(rig.cloud.calls(), ["DeleteServer"]);
}
