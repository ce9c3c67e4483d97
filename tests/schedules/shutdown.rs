//! The end of the process: it takes nothing more in, and what is under way comes to its end.
//!
//! This is tokio's and kube's own machinery, which shuttle does not see; the orders are made by pauses of seeded length
//! on a paused clock instead, on the code that the operator runs.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::channel::oneshot;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::ObjectMeta;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::time::{Instant, sleep};
use transfer_operator::cluster::Name;
use transfer_operator::engine::controller::{self, Reconcile};
use transfer_operator::engine::memory::Memories;
use transfer_operator::engine::mutate;
use transfer_operator::engine::requeue::Requeue;

use crate::sync::count::Counter;

/// Name and check of one seed.
pub const CHECKS: [(&str, fn(u64)); 2] = [
    ("after the signal no reconcile begins, and those that run end", reconciles_end),
    ("a call outlives its reconcile, and its object stays busy as long", calls_end),
];

/// Longer than anything here.
const LONG: Duration = Duration::from_secs(100);

fn run(future: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(future);
}

fn pause(chance: &mut StdRng) -> Duration {
    Duration::from_millis(chance.random_range(0..30))
}

#[derive(Default)]
struct Count {
    stopped: Mutex<Option<Instant>>,
    begun: Counter,
    ended: Counter,
}

fn reconciles_end(seed: u64) {
    let mut chance = StdRng::seed_from_u64(seed);
    let (index, _enqueuer, queue) = controller::queue::<ConfigMap>();
    for number in 0..4 {
        let name = Name { namespace: "a".to_owned(), name: number.to_string() };
        let meta = ObjectMeta {
            namespace: Some(name.namespace.clone()),
            name: Some(name.name.clone()),
            uid: Some(name.name.clone()),
            ..ObjectMeta::default()
        };
        index.take(&name, None, Some(&meta));
    }
    let count = Arc::new(Count::default());
    let (signal, stop) = oneshot::channel::<()>();
    let (pauses, until) = ([pause(&mut chance), pause(&mut chance)], 2 * pause(&mut chance));
    let reconcile: Reconcile = {
        let count = Arc::clone(&count);
        Arc::new(move |name, _, _| {
            let count = Arc::clone(&count);
            let late = count.stopped.lock().unwrap().is_some_and(|at| Instant::now() > at);
            assert!(!late, "{name} begun after the signal");
            async move {
                count.begun.up();
                for pause in pauses {
                    sleep(pause).await;
                }
                count.ended.up();
                Requeue::After(Duration::from_millis(5))
            }
            .boxed()
        })
    };
    run(async {
        let signal = async {
            sleep(until).await;
            *count.stopped.lock().unwrap() = Some(Instant::now());
            drop(signal);
        };
        let now = futures::future::ready(());
        futures::join!(controller::run(queue, now.boxed().shared(), stop.map(|_| ()), reconcile), signal);
        assert!(count.begun.get() >= 4, "only {} reconciles", count.begun.get());
        assert_eq!(count.begun.get(), count.ended.get(), "a reconcile was cut");
    });
}

fn calls_end(seed: u64) {
    let mut chance = StdRng::seed_from_u64(seed);
    let (call, patience) = (pause(&mut chance), pause(&mut chance));
    run(async {
        let (memories, count) = (Memories::default(), Arc::new(Count::default()));
        let busy = memories.enter("u").unwrap();
        let ended = Arc::clone(&count);
        let work = async move {
            sleep(call).await;
            ended.ended.up();
            Ok::<(), transfer_operator::aws::AwsError>(())
        };
        // The reconcile runs out of time, or its future is dropped by kube.
        let in_time = tokio::time::timeout(patience, mutate::detached(busy, work)).await.is_ok();
        assert_eq!(memories.enter("u").is_some(), count.ended.get() == 1, "free exactly when the call has ended");
        assert!(!in_time || count.ended.get() == 1);
        sleep(LONG).await;
        assert_eq!(count.ended.get(), 1, "the call was cut with its reconcile");
        assert!(memories.enter("u").is_some());
    });
}
