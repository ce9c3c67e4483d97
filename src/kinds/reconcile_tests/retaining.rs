//! `deletionPolicy: Retain` where AWS takes no tag more.

use std::sync::{Arc, Mutex};

use serde_json::json;

use super::rig::{Cloud, FIRST, Lose, Rig};
use crate::api;
use crate::aws::transfer::Tags;

const SERVER: &str = "TransferServer";
const USER: &str = "TransferUser";
const LIMIT: usize = 50;

fn tags(rig: &Rig, kind: &str) -> Tags {
    match kind {
        SERVER => rig.cloud.servers()[FIRST].tags.clone(),
        _ => rig.cloud.users().values().next().unwrap().tags.clone(),
    }
}

/// A server, or a user on it, with as many tags as AWS takes; somebody else put most of them there. An adopted one has
/// no attempt tag.
async fn full(kind: &str, object: &str, adopted: bool, total: usize) -> Rig {
    let rig = Rig::new();
    rig.server("files", json!({}));
    rig.settle(SERVER, "files").await;
    rig.user("alice", json!({}));
    rig.settle(USER, "alice").await;
    rig.edit(kind, object, |object| {
        object["spec"]["lifecycle"] = json!({"deletionPolicy": "Retain", "deletionProtection": false});
    });
    let fill = |held: &mut Tags| {
        if adopted {
            held.remove(api::TAG_ATTEMPT);
        }
        (held.len()..total).for_each(|n| drop(held.insert(format!("of-others-{n}"), String::new())));
    };
    match kind {
        SERVER => fill(&mut rig.cloud.servers().get_mut(FIRST).unwrap().tags),
        _ => rig.cloud.users().values_mut().for_each(|user| fill(&mut user.tags)),
    }
    rig.cloud.calls();
    rig.delete(kind, object);
    rig
}

/// The most tags that stood there after a call that set some.
fn watch(rig: &Rig, kind: &'static str) -> Arc<Mutex<usize>> {
    let seen = Arc::new(Mutex::new(0));
    arm(&rig.cloud, kind, &seen);
    seen
}

fn arm(cloud: &Arc<Cloud>, kind: &'static str, seen: &Arc<Mutex<usize>>) {
    let (held, most) = (Arc::clone(cloud), Arc::clone(seen));
    let look = move || {
        let count = match kind {
            SERVER => held.servers()[FIRST].tags.len(),
            _ => held.users().values().map(|user| user.tags.len()).sum(),
        };
        let before = *most.lock().unwrap();
        *most.lock().unwrap() = before.max(count);
        // It was taken out of its place before it ran.
        arm(&held, kind, &most);
    };
    cloud.between.lock().unwrap().insert("TagResource", Box::new(look));
}

#[tokio::test(start_paused = true)]
async fn a_stamp_fits_beside_all_that_others_put_there() {
    for (kind, object) in [(SERVER, "files"), (USER, "alice")] {
        for adopted in [false, true] {
            let rig = full(kind, object, adopted, LIMIT).await;
            let seen = watch(&rig, kind);
            rig.settle(kind, object).await;
            assert!(rig.get(kind, object).is_none(), "{kind}");
            assert!((1..=LIMIT).contains(&*seen.lock().unwrap()), "{kind} {adopted}: {seen:?}");
            let left = tags(&rig, kind);
            assert_eq!(left[api::TAG_RETAINED_FROM], format!("team/{object}"));
            assert!(left.contains_key(api::TAG_RETAINED_AT) && !left.contains_key(api::TAG_UID));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn where_there_is_room_it_takes_two_calls() {
    let rig = full(SERVER, "files", false, LIMIT - 2).await;
    rig.settle(SERVER, "files").await;
    assert_eq!(rig.cloud.calls(), ["TagResource", "UntagResource"]);
    assert!(tags(&rig, SERVER).contains_key(api::TAG_OWNER));
}

#[tokio::test(start_paused = true)]
async fn wherever_it_is_cut_the_next_reconcile_ends_it() {
    for (cut, adopted) in [(0, false), (1, false), (2, false), (0, true), (1, true), (2, true)] {
        for (kind, object) in [(SERVER, "files"), (USER, "alice")] {
            let mut rig = full(kind, object, adopted, LIMIT).await;
            let seen = watch(&rig, kind);
            // The answer of the call does not arrive, and the process ends.
            let calls = ["UntagResource", "TagResource", "UntagResource"];
            rig.cloud.lose(calls[cut], Lose::Answer);
            if cut == 2 {
                // Only the second of its kind.
                let first = rig.cloud.lose.lock().unwrap().remove("UntagResource");
                let cloud = Arc::clone(&rig.cloud);
                let after = move || drop(cloud.lose.lock().unwrap().insert("UntagResource", first.unwrap()));
                rig.cloud.between.lock().unwrap().insert("UntagResource", Box::new(after));
            }
            while rig.cloud.calls.lock().unwrap().len() <= cut {
                rig.reconcile(kind, object).await;
            }
            rig.restart();
            rig.run(kind, object, std::time::Duration::from_mins(5)).await;
            assert!(rig.get(kind, object).is_none(), "{kind} {cut}");
            assert!(*seen.lock().unwrap() <= LIMIT, "{kind} {cut}");
            let left = tags(&rig, kind);
            assert!(left.contains_key(api::TAG_RETAINED_FROM), "{kind} {cut}");
            // Where its time takes the place of the uid it may be lost.
            assert!(left.contains_key(api::TAG_RETAINED_AT) || (adopted && cut == 2), "{kind} {cut}");
            assert!(!left.contains_key(api::TAG_UID) && !left.contains_key(api::TAG_ATTEMPT), "{kind} {cut}");
        }
    }
}
