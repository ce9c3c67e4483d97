//! `lifecycle.deletionPolicy` and `lifecycle.forceDeleteUsers`, which show only when the object is deleted.

use std::time::Duration;

use serde_json::{Value, json};

use super::case::{HOME, Kind, ROLE, base, merge};
use super::seen::{Demand, Key, Seen, Verdict};
use super::world::World;
use super::{At, Then};
use crate::support::await_condition;

/// For a failure only.
const PATIENCE: Duration = Duration::from_mins(2);

/// Name, the policy at first, the policy at the end, and whether what AWS has outlives the object.
const ROWS: [(&str, &str, Option<&str>, bool); 3] = [
    ("changed-to-retain", "Delete", Some("Retain"), true),
    ("changed-to-delete", "Retain", Some("Delete"), false),
    ("retain-cleared", "Retain", None, false),
];

/// Name of a server, `forceDeleteUsers` at first and at the end, and whether the server goes with a user on it that no
/// object made.
const FORCED: [(&str, Option<bool>, Option<bool>, bool); 3] = [
    ("forced-later", None, Some(true), true),
    ("forced-no-longer", Some(true), Some(false), false),
    ("forced-cleared", Some(true), None, false),
];
/// The user that no object made.
const STRANGER: &str = "stranger";

/// Deletes objects of each policy; answers what is not as demanded.
pub async fn deletions(world: &World) -> Vec<String> {
    let kinds = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Identity);
    let all: Vec<_> = kinds.flat_map(|kind| ROWS.map(|row| (key(kind, row.0), row))).collect();
    let keys: Vec<Key> = all.iter().map(|(key, _)| key.clone()).collect();
    for (key, (_, first, _, _)) in &all {
        world.apply(key, &spec(key, Some(first))).await.unwrap();
    }
    await_all(world, "all Ready", &keys, ready).await;
    for (key, (_, _, last, _)) in &all {
        world.apply(key, &spec(key, *last)).await.unwrap();
    }
    await_all(world, "all Ready with their last policy", &keys, ready).await;
    for (key, _) in &all {
        world.delete(key).await;
    }
    await_all(world, "all gone", &keys, gone).await;
    let seen = world.look(&[], 0).await;
    let wrong = |(key, (_, _, _, stays)): &(Key, (_, _, _, bool))| {
        let held = seen.held(key).unwrap();
        (held.is_null() == *stays).then(|| format!("{key:?}: AWS holds {held} after its deletion"))
    };
    all.iter().filter_map(wrong).collect()
}

/// Deletes servers with a user on them that no object made; answers what is not as demanded.
pub async fn forced_deletions(world: &World) -> Vec<String> {
    let keys = FORCED.map(|(name, ..)| key(Kind::Server, name));
    let spec = |key: &Key, forced: Option<bool>| {
        let mut spec = base(key.kind, &key.name);
        merge(&mut spec, &json!({"lifecycle": {"deletionProtection": false, "forceDeleteUsers": forced}}));
        spec
    };
    for (key, (_, first, ..)) in keys.iter().zip(FORCED) {
        world.apply(key, &spec(key, first)).await.unwrap();
    }
    await_all(world, "all Ready", &keys, ready).await;
    let seen = world.look(&[], 0).await;
    let ids = keys.each_ref().map(|key| seen.held(key).unwrap()["ServerId"].clone());
    for (id, (key, (_, _, last, _))) in ids.iter().zip(keys.iter().zip(FORCED)) {
        world.console("CreateUser", &json!({"ServerId": id, "UserName": STRANGER, "Role": ROLE})).await;
        world.apply(key, &spec(key, last)).await.unwrap();
    }
    await_all(world, "all Ready with the last of it", &keys, ready).await;
    for key in &keys {
        world.delete(key).await;
    }
    await_all(world, "all gone or held by the user", &keys, |seen, key| gone(seen, key) || held_back(seen, key)).await;
    let seen = world.look(&[], 0).await;
    let wrong = |(key, (_, _, last, goes)): (&Key, (&str, Option<bool>, Option<bool>, bool))| {
        let there = !gone(&seen, key);
        (there == goes).then(|| format!("{key:?} with forceDeleteUsers {last:?}: there is {there}"))
    };
    let wrong = keys.iter().zip(FORCED).filter_map(wrong).collect();
    for (id, _) in ids.iter().zip(FORCED).filter(|(_, (.., goes))| !goes) {
        world.console("DeleteUser", &json!({"ServerId": id, "UserName": STRANGER})).await;
    }
    // Nothing else held them.
    await_all(world, "all gone with the user", &keys, gone).await;
    wrong
}

async fn await_all(world: &World, what: &str, all: &[Key], done: impl Fn(&Seen, &Key) -> bool) {
    await_condition(what, PATIENCE, async || {
        let seen = world.look(&[], 0).await;
        let open: Vec<String> = all.iter().filter(|key| !done(&seen, key)).map(|key| format!("{key:?}")).collect();
        if open.is_empty() { Ok(()) } else { Err(open.join(", ")) }
    })
    .await;
}

fn gone(seen: &Seen, key: &Key) -> bool {
    !seen.objects.contains_key(key)
}

/// Whether the deletion waits for the user, and says what would let it go on.
fn held_back(seen: &Seen, key: &Key) -> bool {
    let Some(object) = seen.objects.get(key) else { return false };
    let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    conditions.iter().any(|condition| {
        let message = condition["message"].as_str().unwrap_or_default();
        condition["reason"] == "DeletionBlocked" && message.contains(STRANGER) && message.contains("forceDeleteUsers")
    })
}

fn ready(seen: &Seen, key: &Key) -> bool {
    let then = Then::Holds(Value::Null);
    let demand = Demand { shows: key, at: At::Status("/nothing"), then: &then, edited: true };
    seen.judge(&demand, &Seen::default()) == Verdict::Passed
}

fn key(kind: Kind, name: &str) -> Key {
    Key { kind, namespace: HOME.to_owned(), name: name.to_owned() }
}

fn spec(key: &Key, policy: Option<&str>) -> Value {
    let mut spec = base(key.kind, &key.name);
    merge(&mut spec, &json!({"lifecycle": {"deletionProtection": false, "deletionPolicy": policy}}));
    spec
}
