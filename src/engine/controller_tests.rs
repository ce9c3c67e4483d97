#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
//! What the loop around the queue promises: who is woken and why, in what order, and that nothing which a reconcile
//! does ends it.

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::*;
use crate::aws::rate_limiter::{CallClass, RateLimiter, Rates};
use crate::captured_log::Log;

fn meta(name: &str, generation: i64) -> ObjectMeta {
    ObjectMeta {
        namespace: Some("a".to_owned()),
        name: Some(name.to_owned()),
        uid: Some(format!("uid-{name}")),
        generation: Some(generation),
        ..ObjectMeta::default()
    }
}

fn name(name: &str) -> Name {
    Name { namespace: "a".to_owned(), name: name.to_owned() }
}

fn at_once() -> Signal {
    futures::future::ready(()).boxed().shared()
}

#[tokio::test(start_paused = true)]
async fn before_the_start_names_wait_each_once_and_no_reconcile_runs() {
    let (index, enqueuer, queue) = queue::<ConfigMap>();
    for object in ["x", "y"] {
        index.take(&name(object), None, Some(&meta(object, 1)));
    }
    for _ in 0..1000 {
        enqueuer.enqueue(name("x"), Cause::Related);
    }
    let count = Arc::new(Mutex::new(Vec::new()));
    let reconcile: Reconcile = {
        let count = Arc::clone(&count);
        Arc::new(move |name, _, _| {
            count.lock().unwrap().push(name.to_string());
            async { Requeue::OnChange }.boxed()
        })
    };
    let (begin, start) = futures::channel::oneshot::channel::<()>();
    let start = start.map(|_| ()).boxed().shared();
    let (end, stop) = futures::channel::oneshot::channel::<()>();
    let running = tokio::spawn(run(queue, start, stop.map(|_| ()), reconcile));
    tokio::time::sleep(DEADLINE * 3).await;
    assert!(count.lock().unwrap().is_empty(), "nobody leads");
    begin.send(()).unwrap();
    tokio::time::sleep(Duration::from_mins(1)).await;
    let mut seen = count.lock().unwrap().clone();
    seen.sort();
    assert_eq!(seen, ["a/x", "a/y"], "each once");
    end.send(()).unwrap();
    running.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_start_that_comes_at_once_is_reconciled_once() {
    let (index, enqueuer, queue) = queue::<ConfigMap>();
    index.take(&name("x"), None, Some(&meta("x", 1)));
    for _ in 0..1000 {
        enqueuer.enqueue(name("x"), Cause::Related);
    }
    let count = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&count);
    let reconcile: Reconcile = Arc::new(move |_, _, _| {
        counted.fetch_add(1, Ordering::Relaxed);
        async { Requeue::OnChange }.boxed()
    });
    let (end, stop) = futures::channel::oneshot::channel::<()>();
    let running = tokio::spawn(run(queue, at_once(), stop.map(|_| ()), reconcile));
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(count.load(Ordering::Relaxed), 1);
    end.send(()).unwrap();
    running.await.unwrap();
}

#[test]
fn a_change_that_only_we_made_asks_for_no_reconcile() {
    let old = meta("x", 1);
    let written = ObjectMeta { resource_version: Some("2".to_owned()), ..old.clone() };
    assert_eq!(cause(Some(&old), &written), None);
    assert_eq!(cause(None, &old), Some(Cause::Seen));
    assert_eq!(cause(Some(&old), &ObjectMeta { uid: Some("o".to_owned()), ..old.clone() }), Some(Cause::Seen));
    let annotated = ObjectMeta { annotations: Some([("k".into(), "v".into())].into()), ..old.clone() };
    let deleted = ObjectMeta { deletion_timestamp: Some(Time(jiff::Timestamp::UNIX_EPOCH)), ..old.clone() };
    for changed in [meta("x", 2), annotated, deleted] {
        assert_eq!(cause(Some(&old), &changed), Some(Cause::Changed), "{changed:?}");
    }
    let held = ObjectMeta { finalizers: Some(vec!["f".to_owned()]), ..old.clone() };
    assert_eq!(cause(Some(&old), &held), Some(Cause::Related));
    let ours = ObjectMeta { finalizers: Some(vec![FINALIZER.to_owned()]), ..old.clone() };
    assert_eq!(cause(Some(&old), &ours), None, "whoever set it goes on by itself");
    assert_eq!(cause(Some(&ours), &old), Some(Cause::Related), "somebody took it off");
}

#[test]
fn deletions_and_edits_go_before_first_creates_before_all_else() {
    let new = meta("x", 1);
    let held = ObjectMeta { finalizers: Some(vec!["f".to_owned()]), ..new.clone() };
    let leaving = ObjectMeta { deletion_timestamp: Some(Time(jiff::Timestamp::UNIX_EPOCH)), ..held.clone() };
    let of = |meta: &ObjectMeta| {
        [Cause::Seen, Cause::Changed, Cause::Related].map(|cause| class(Some(&Held::from(meta)), cause))
    };
    assert_eq!(of(&new), [Priority::First; 3]);
    assert_eq!(of(&held), [Priority::Resync, Priority::Change, Priority::Retry]);
    assert_eq!(of(&leaving), [Priority::Change; 3]);
}

/// Runs a controller over these objects until so many reconciles were made; answers with what they were over.
async fn reconciles(objects: &[&str], wanted: usize, next: fn(&str) -> Requeue) -> Vec<String> {
    let (index, enqueuer, queue) = queue::<ConfigMap>();
    for object in objects {
        index.take(&name(object), None, Some(&meta(object, 1)));
    }
    enqueuer.enqueue(name("absent"), Cause::Related);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (done, stop) = futures::channel::oneshot::channel::<()>();
    let done = Arc::new(Mutex::new(Some(done)));
    let reconcile: Reconcile = {
        let seen = Arc::clone(&seen);
        Arc::new(move |name, uid, _| {
            let mut seen = seen.lock().unwrap();
            seen.push(format!("{name} {uid}"));
            if seen.len() == wanted {
                drop(done.lock().unwrap().take());
            }
            async move { next(&name.name) }.boxed()
        })
    };
    run(queue, at_once(), stop.map(|_| ()), reconcile).await;
    seen.lock().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn the_end_of_an_object_is_told_also_where_nobody_leads() {
    let (index, _enqueuer, queue) = queue::<ConfigMap>();
    let newer = ObjectMeta { uid: Some("uid-newer".to_owned()), ..meta("y", 1) };
    for object in ["x", "y", "z"] {
        index.take(&name(object), None, Some(&meta(object, 1)));
    }
    index.take(&name("x"), Some(&meta("x", 1)), None);
    index.take(&name("y"), Some(&meta("y", 1)), Some(&newer));
    index.take(&name("z"), Some(&meta("z", 1)), Some(&meta("z", 2)));
    let ended = Arc::new(Mutex::new(Vec::new()));
    let queue = {
        let ended = Arc::clone(&ended);
        queue.forgetting(Arc::new(move |uid| ended.lock().unwrap().push(uid.to_owned())))
    };
    let (end, stop) = futures::channel::oneshot::channel::<()>();
    let reconcile: Reconcile = Arc::new(|_, _, _| panic!("nobody leads"));
    let running = tokio::spawn(run(queue, pending().boxed().shared(), stop.map(|_| ()), reconcile));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(*ended.lock().unwrap(), ["uid-x", "uid-y"], "one that changed lives on");
    drop(index);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!running.is_finished(), "reconciles go on whatever becomes of the watch");
    running.abort();
    drop(end);
}

#[tokio::test(start_paused = true)]
async fn one_that_panics_stops_nobody_and_is_tried_again() {
    let next = |name: &str| if name == "bad" { panic!("defect") } else { Requeue::OnChange };
    let seen = reconciles(&["bad", "good"], 3, next).await;
    assert_eq!(seen.iter().filter(|name| name.contains("good")).count(), 1, "{seen:?}");
    assert_eq!(seen.iter().filter(|name| name.contains("bad")).count(), 2, "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn what_asks_for_another_reconcile_gets_it() {
    let seen = reconciles(&["x"], 3, |_| Requeue::After(Duration::from_mins(10))).await;
    assert_eq!(seen, ["a/x uid-x"; 3]);
}

/// One account is over its limiter's rate for ever, another is not.
#[tokio::test(start_paused = true)]
async fn one_over_its_rate_serves_all_in_turn_and_holds_up_nobody() {
    let (index, _enqueuer, queue) = queue::<ConfigMap>();
    let queue = queue.in_lanes(Arc::new(|name| {
        let account = if name.name.starts_with("busy") { "busy" } else { "calm" };
        Lane { account: account.to_owned(), namespace: name.namespace.clone() }
    }));
    for number in 0..200 {
        let object = format!("busy-{number}");
        let held = ObjectMeta { finalizers: Some(vec!["f".to_owned()]), ..meta(&object, 1) };
        index.take(&name(&object), None, Some(&held));
    }
    index.take(&name("calm"), None, Some(&meta("calm", 1)));
    let rates = Rates::fixed(1.0);
    let (limiter, seen) = (RateLimiter::new(rates), Arc::new(Mutex::new(Vec::new())));
    let reconcile: Reconcile = {
        let seen = Arc::clone(&seen);
        Arc::new(move |name, _, rank| {
            let (limiter, seen) = (Arc::clone(&limiter), Arc::clone(&seen));
            async move {
                if name.name.starts_with("busy") {
                    let _ = limiter.acquire("busy", "r", CallClass::Read, rank).await;
                }
                seen.lock().unwrap().push((name.name, Instant::now()));
                Requeue::Rest(Duration::from_secs(10))
            }
            .boxed()
        })
    };
    let began = Instant::now();
    let stop = tokio::time::sleep(Duration::from_secs(230));
    let edit = async {
        tokio::time::sleep(Duration::from_secs(100)).await;
        let before = ObjectMeta { finalizers: Some(vec!["f".to_owned()]), ..meta("busy-0", 1) };
        index.take(&name("busy-0"), Some(&before), Some(&ObjectMeta { generation: Some(2), ..before.clone() }));
    };
    futures::future::join(run(queue, at_once(), stop, reconcile), edit).await;
    let seen = seen.lock().unwrap().clone();
    let of =
        |wanted: &str| seen.iter().filter(|(name, _)| name == wanted).map(|(_, at)| *at - began).collect::<Vec<_>>();
    let calm = of("calm").len();
    assert!(calm >= 23, "{calm} looks at what nobody holds up");
    for number in 0..200 {
        assert!(!of(&format!("busy-{number}")).is_empty(), "busy-{number} was never looked at");
    }
    let edited = of("busy-0").into_iter().find(|at| *at >= Duration::from_secs(100)).unwrap();
    // The token that is due next, and one of those that wait longest.
    assert!(edited <= Duration::from_secs(100 + 2), "an edit waited {edited:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_only_shown_comes_last_and_spread_over_minutes() {
    let mut queue = queue::Queue::new(usize::MAX);
    let now = Instant::now();
    for number in 0..600 {
        let held = ObjectMeta { finalizers: Some(vec!["f".to_owned()]), ..meta(&number.to_string(), 1) };
        assert_eq!(class(Some(&Held::from(&held)), Cause::Shown), Priority::Resync);
        put_in_line(&mut queue, number, Lane::default(), Some(&Held::from(&held)), Cause::Shown);
    }
    let mut by_minute = Vec::new();
    for minute in 1..=10 {
        let end = now + Duration::from_mins(minute);
        let mut due = 0;
        while let Some(number) = queue.pick(end) {
            queue.done(&number, Requeue::OnChange, end);
            due += 1;
        }
        by_minute.push(due);
    }
    assert_eq!(by_minute.iter().sum::<u32>(), 600, "each once: {by_minute:?}");
    assert!(by_minute.iter().all(|due| (35..=85).contains(due)), "{by_minute:?}");
}

#[tokio::test(start_paused = true)]
async fn a_reconcile_that_hangs_is_given_up() {
    let (index, _enqueuer, queue) = queue::<ConfigMap>();
    index.take(&name("x"), None, Some(&meta("x", 1)));
    let (sender, mut started) = mpsc::unbounded();
    let reconcile: Reconcile = Arc::new(move |_, _, _| {
        sender.unbounded_send(()).unwrap();
        futures::future::pending().boxed()
    });
    let stop = async move {
        started.next().await;
        started.next().await;
    };
    run(queue, at_once(), stop, reconcile).await;
}

#[tokio::test(start_paused = true)]
async fn a_line_of_the_log_tells_object_uid_and_which_reconcile() {
    let (log, _guard) = Log::begin();
    let says: Reconcile = Arc::new(|_, _, _| {
        async {
            tracing::info!("one");
            tracing::info!("two");
            Requeue::OnChange
        }
        .boxed()
    });
    for _ in 0..2 {
        let slot = Arc::new(Slots::default()).take();
        guarded::<ConfigMap>(name("x"), "uid-x".to_owned(), Arc::clone(&says), Rank::default(), slot).await;
    }
    let spans =
        |message| log.said("INFO", message).into_iter().map(|line| line["spans"][0].clone()).collect::<Vec<_>>();
    let (first, second) = (spans("one"), spans("two"));
    assert_eq!(first, second, "lines of one reconcile have its id");
    for span in &first {
        assert_eq!(
            (&span["kind"], &span["object"], &span["uid"]),
            (&"ConfigMap".into(), &"a/x".into(), &"uid-x".into())
        );
    }
    let id = |span: &serde_json::Value| span["reconcile_id"].as_u64().unwrap();
    assert!(id(&first[0]) < id(&first[1]), "{first:?}");
}
