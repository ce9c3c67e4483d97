#!/usr/bin/env bash
# kube-runtime 5.0.0: in what order a controller with a concurrency limit serves objects when more are due than it may run.
#
# `Config::concurrency` is the documented way to bound a controller. At the limit due names wait in a set, and the next one
# is whichever that set's hashes put first: not the one that waited longest. As long as more is due than runs, names late
# in that order are never reconciled, while others come again and again; a request for a name that waits (an edit) does not
# move it up. Who is hit is drawn anew with every process. client-go's work queue, which one has in mind, is first in,
# first out.
#
#   seen 2026-11-28, kube-runtime 5.0.0: 300 objects, each due again 50 ms after its run of 10 ms, 2 at once, 8 seconds: of
#   1,390 runs, more than 4 for each object if they took turns, 284 objects had none, though asked for a second time after
#   4 seconds, and some had more than 100. Without a limit all 300 were served.
#
# Without the product: kube's own applier over a store in memory, in a temporary folder. Needs cargo.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "starves"
version = "0.0.0"
edition = "2021"
[dependencies]
futures = "=0.3.34"
k8s-openapi = { version = "=0.29.0", default-features = false, features = ["v1_33"] }
kube = { version = "=5.0.0", default-features = false, features = ["runtime", "unstable-runtime"] }
tokio = { version = "=1.54.1", features = ["macros", "rt", "sync", "time"] }
TOML
cat >src/main.rs <<'RUST'
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::channel::mpsc;
use futures::StreamExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::runtime::controller::{applier, Action, Config};
use kube::runtime::reflector::{store::Writer, ObjectRef};
use kube::runtime::watcher::Event;

const OBJECTS: usize = 300;

/// How often each object was reconciled, and of those without a turn after four seconds, how many got one when asked for.
async fn runs(limit: u16) -> (Vec<usize>, usize, usize) {
    let mut writer = Writer::<ConfigMap>::default();
    let store = writer.as_reader();
    writer.apply_watcher_event(&Event::Init);
    let names: Vec<String> = (0..OBJECTS).map(|number| format!("object-{number}")).collect();
    for name in &names {
        let mut object = ConfigMap::default();
        object.metadata.name = Some(name.clone());
        object.metadata.namespace = Some("default".to_owned());
        writer.apply_watcher_event(&Event::InitApply(object));
    }
    writer.apply_watcher_event(&Event::InitDone);
    let counts: Arc<Mutex<BTreeMap<String, usize>>> = Arc::default();
    let (ask, requests) = mpsc::unbounded();
    let request = |name: &String| ask.unbounded_send(Ok::<_, Infallible>(ObjectRef::new(name).within("default"))).unwrap();
    names.iter().for_each(request);
    let seen = Arc::clone(&counts);
    let controller = applier(
        move |object: Arc<ConfigMap>, _: Arc<()>| {
            let seen = Arc::clone(&seen);
            Box::pin(async move {
                tokio::time::sleep(Duration::from_millis(10)).await;
                *seen.lock().unwrap().entry(object.metadata.name.clone().unwrap()).or_default() += 1;
                Ok::<_, Infallible>(Action::requeue(Duration::from_millis(50)))
            })
        },
        |_, never: &Infallible, _| match *never {},
        Arc::new(()),
        store,
        requests,
        Config::default().concurrency(limit),
    )
    .for_each(|_| async {});
    let mut asked = Vec::new();
    let story = async {
        tokio::time::sleep(Duration::from_secs(4)).await;
        asked = names.iter().filter(|name| !counts.lock().unwrap().contains_key(*name)).cloned().collect();
        asked.iter().for_each(request);
        tokio::time::sleep(Duration::from_secs(4)).await;
    };
    futures::future::select(Box::pin(controller), Box::pin(story)).await;
    let counts = counts.lock().unwrap();
    let answered = asked.iter().filter(|name| counts.contains_key(*name)).count();
    (names.iter().map(|name| counts.get(name).copied().unwrap_or(0)).collect(), asked.len(), answered)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    for limit in [2, 0] {
        let (counts, asked, answered) = runs(limit).await;
        let total: usize = counts.iter().sum();
        let never = counts.iter().filter(|count| **count == 0).count();
        let most = counts.iter().max().unwrap();
        println!("limit {limit}: {total} runs, never {never}, most {most}, asked for again {asked}, then served {answered}");
    }
}
RUST
cargo build --quiet
./target/debug/starves >told
cat told
# In turn every object would be served within two seconds.
if awk '/^limit 2:/ { limited = ($6 + 0 >= 30 && $8 + 0 >= 20) } /^limit 0:/ { free = ($6 + 0 == 0) } END { exit !(limited && free) }' told; then
  echo "as seen on 2026-11-28"
else
  echo "behaviour has changed" >&2
  exit 1
fi
