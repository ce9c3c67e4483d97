//! `lifecycle.deletionPolicy`, which shows only when the object is deleted.

use std::time::Duration;

use serde_json::{Value, json};

use super::case::{HOME, Kind, base, merge};
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

/// Deletes objects of each policy; answers what is not as demanded.
pub async fn deletions(world: &World) -> Vec<String> {
    let kinds = [Kind::Server, Kind::User, Kind::Access, Kind::Workflow];
    let all: Vec<_> = kinds.into_iter().flat_map(|kind| ROWS.map(|row| (key(kind, row.0), row))).collect();
    for (key, (_, first, _, _)) in &all {
        world.apply(key, &spec(key, Some(first))).await.unwrap();
    }
    await_all(world, "all Ready", &all, ready).await;
    for (key, (_, _, last, _)) in &all {
        world.apply(key, &spec(key, *last)).await.unwrap();
    }
    await_all(world, "all Ready with their last policy", &all, ready).await;
    for (key, _) in &all {
        world.delete(key).await;
    }
    let gone = |seen: &Seen, key: &Key| !seen.objects.contains_key(key);
    await_all(world, "all gone", &all, gone).await;
    let seen = world.look(&[], 0).await;
    let wrong = |(key, (_, _, _, stays)): &(Key, (_, _, _, bool))| {
        let held = seen.held(key).unwrap();
        (held.is_null() == *stays).then(|| format!("{key:?}: AWS holds {held} after its deletion"))
    };
    all.iter().filter_map(wrong).collect()
}

type Row = (Key, (&'static str, &'static str, Option<&'static str>, bool));

async fn await_all(world: &World, what: &str, all: &[Row], done: impl Fn(&Seen, &Key) -> bool) {
    await_condition(what, PATIENCE, async || {
        let seen = world.look(&[], 0).await;
        let open: Vec<String> =
            all.iter().filter(|(key, _)| !done(&seen, key)).map(|(key, _)| format!("{key:?}")).collect();
        if open.is_empty() { Ok(()) } else { Err(open.join(", ")) }
    })
    .await;
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
