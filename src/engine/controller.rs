//! The kube wiring of an engine: a queue of names, one pass at a time per object, under a deadline that also holds
//! where a pass panics. It knows no kind and decides nothing about objects.

use std::convert::Infallible;
use std::fmt::Debug;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::channel::mpsc::{self, UnboundedReceiver, UnboundedSender};
use futures::future::{BoxFuture, Shared, pending, select};
use futures::{FutureExt, StreamExt};
use kube::api::{ObjectMeta, PartialObjectMeta};
use kube::core::{PartialObjectMetaExt, Resource};
use kube::runtime::controller::{Action, Config, Error, applier};
use kube::runtime::reflector::{ObjectRef, Store, store::Writer};
use kube::runtime::watcher::Event;
use tracing::Instrument;

use super::scene::Next;
use crate::aws::waiting;
use crate::cluster::Name;

/// How long a pass may take, not counting what it waits at the limiter: it is a handful of calls of at most 30 seconds.
const DEADLINE: Duration = Duration::from_mins(2);
/// When a pass that ran out of time is tried again.
const AFTER_DEADLINE: Duration = Duration::from_secs(10);
/// When a pass that panicked is tried again: it will most likely do so again.
const AFTER_PANIC: Duration = Duration::from_mins(1);
/// Passes at once, per kind. Most of their time they wait for AWS; more would only wait at the gate.
const CONCURRENCY: u16 = 16;

/// One pass over the object of this name and uid.
pub type Pass = Arc<dyn Fn(Name, String) -> BoxFuture<'static, Next> + Send + Sync>;

/// Lets go of what is remembered of the object of this uid, which has ended.
pub type Forget = Arc<dyn Fn(&str) + Send + Sync>;

/// Wakes objects of one kind; may be cloned freely.
#[derive(Clone, Debug)]
pub struct Bell(UnboundedSender<Name>);

impl Bell {
    /// Asks for a pass over the object. One that is queued already is not queued twice.
    pub fn ring(&self, name: Name) {
        // An error only says that the controller has ended.
        let _ = self.0.unbounded_send(name);
    }
}

/// Where the watch of a kind hands over what it sees.
pub struct Intake<O: Resource<DynamicType = ()> + Clone + 'static> {
    writer: Writer<PartialObjectMeta<O>>,
    bell: Bell,
    ended: UnboundedSender<String>,
}

/// The queue of a kind, before its controller runs.
pub struct Queue<O: Resource<DynamicType = ()> + Clone + 'static> {
    store: Store<PartialObjectMeta<O>>,
    names: UnboundedReceiver<Name>,
    /// Uids of objects that ended: no pass runs for them any more.
    ended: UnboundedReceiver<String>,
    forget: Forget,
}

impl<O: Resource<DynamicType = ()> + Clone + 'static> Queue<O> {
    /// The same queue; who remembers something of an object is told of its end.
    #[must_use]
    pub fn forgetting(self, forget: Forget) -> Self {
        Self { forget, ..self }
    }
}

/// A queue, and what feeds it.
#[must_use]
pub fn queue<O>() -> (Intake<O>, Bell, Queue<O>)
where
    O: Resource<DynamicType = ()> + Clone + Debug + Send + Sync + 'static,
{
    let (sender, names) = mpsc::unbounded();
    let bell = Bell(sender);
    let (end, ended) = mpsc::unbounded();
    let mut writer = Writer::default();
    let store = writer.as_reader();
    // Ready and empty; objects come one by one, whichever watch they are from.
    writer.apply_watcher_event(&Event::Init);
    writer.apply_watcher_event(&Event::InitDone);
    let intake = Intake { writer, bell: bell.clone(), ended: end };
    (intake, bell, Queue { store, names, ended, forget: Arc::new(|_| ()) })
}

impl<O> Intake<O>
where
    O: Resource<DynamicType = ()> + Clone + Debug + Send + Sync + 'static,
{
    /// Takes over a change, and queues the object if the change can matter.
    pub fn take(&mut self, name: &Name, before: Option<&ObjectMeta>, after: Option<&ObjectMeta>) {
        if let Some(after) = after {
            self.writer.apply_watcher_event(&Event::Apply(after.clone().into_response_partial()));
            if matters(before, after) {
                self.bell.ring(name.clone());
            }
        } else if let Some(before) = before {
            self.writer.apply_watcher_event(&Event::Delete(before.clone().into_response_partial()));
        }
        // Its end may not have been seen, only its namesake.
        let former = before.and_then(|before| before.uid.clone());
        if let Some(uid) = former.filter(|uid| after.and_then(|after| after.uid.as_ref()) != Some(uid)) {
            // An error only says that the controller has ended.
            let _ = self.ended.unbounded_send(uid);
        }
    }
}

/// Whether a change of an object asks for a pass. Our own status writes do not.
#[must_use]
pub fn matters(before: Option<&ObjectMeta>, after: &ObjectMeta) -> bool {
    before.is_none_or(|before| {
        before.uid != after.uid
            || before.generation != after.generation
            || before.deletion_timestamp != after.deletion_timestamp
            || before.finalizers != after.finalizers
            || before.annotations != after.annotations
    })
}

/// Completes when something is so; may be cloned freely.
pub type Signal = Shared<BoxFuture<'static, ()>>;

/// Runs passes from `start` until `stop`, then lets those that run come to their end. Before `start` the queue fills,
/// each name once. What is remembered of an object that ended is let go at all times.
pub async fn run<O>(queue: Queue<O>, start: Signal, stop: impl Future<Output = ()> + Send, pass: Pass)
where
    O: Resource<DynamicType = ()> + Clone + Debug + Send + Sync + 'static,
{
    let Queue { store, names, ended, forget } = queue;
    let requests = names.map(|name| Ok::<_, Infallible>(object_ref::<O>(&name))).take_until(stop);
    let config = Config::default().concurrency(CONCURRENCY);
    let passes = applier(
        move |object, pass| {
            let start = start.clone();
            async move {
                start.await;
                guarded::<O>(object, pass).await
            }
            .boxed()
        },
        |_, never: &Infallible, _| match *never {},
        Arc::new(pass),
        store,
        Box::pin(requests),
        config,
    )
    .for_each(async |outcome| match outcome {
        // An object that went before its turn came leaves nothing to do.
        Ok(_) | Err(Error::ObjectNotFound(_)) => {}
        Err(error) => tracing::error!(kind = %O::kind(&()), %error, "controller"),
    });
    let endings = async move {
        ended.for_each(async |uid| forget(&uid)).await;
        pending::<()>().await;
    };
    select(Box::pin(passes), Box::pin(endings)).await;
}

/// One pass under its deadline; neither running late nor a panic ends the controller.
async fn guarded<O>(object: Arc<PartialObjectMeta<O>>, pass: Arc<Pass>) -> Result<Action, Infallible>
where
    O: Resource<DynamicType = ()>,
{
    let meta = &object.metadata;
    let name = Name::from(meta);
    let uid = meta.uid.clone().unwrap_or_default();
    let span = tracing::info_span!("pass", kind = %O::kind(&()), object = %name, %uid);
    let run = AssertUnwindSafe(async move { pass(name, uid).await }).catch_unwind();
    let outcome = waiting::bounded(DEADLINE, run).instrument(span.clone()).await;
    let next = span.in_scope(|| match outcome {
        Some(Ok(next)) => next,
        Some(Err(_)) => {
            tracing::error!("the pass panicked; this is a defect");
            Next::After(AFTER_PANIC)
        }
        None => {
            tracing::warn!("the pass ran out of time after {DEADLINE:?}");
            Next::After(AFTER_DEADLINE)
        }
    });
    Ok(match next {
        Next::Again => Action::requeue(Duration::ZERO),
        Next::After(delay) => Action::requeue(delay),
        Next::OnChange => Action::await_change(),
    })
}

fn object_ref<O: Resource<DynamicType = ()>>(name: &Name) -> ObjectRef<PartialObjectMeta<O>> {
    let object = ObjectRef::new(&name.name);
    if name.namespace.is_empty() { object } else { object.within(&name.namespace) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use std::sync::Mutex;

    use k8s_openapi::api::core::v1::ConfigMap;

    use super::*;

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
    async fn before_the_start_names_wait_each_once_and_no_pass_runs() {
        let (mut intake, bell, queue) = queue::<ConfigMap>();
        for object in ["x", "y"] {
            intake.take(&name(object), None, Some(&meta(object, 1)));
        }
        for _ in 0..1000 {
            bell.ring(name("x"));
        }
        let count = Arc::new(Mutex::new(Vec::new()));
        let pass: Pass = {
            let count = Arc::clone(&count);
            Arc::new(move |name, _| {
                count.lock().unwrap().push(name.to_string());
                async { Next::OnChange }.boxed()
            })
        };
        let (begin, start) = futures::channel::oneshot::channel::<()>();
        let start = start.map(|_| ()).boxed().shared();
        let (end, stop) = futures::channel::oneshot::channel::<()>();
        let running = tokio::spawn(run(queue, start, stop.map(|_| ()), pass));
        tokio::time::sleep(DEADLINE * 3).await;
        assert!(count.lock().unwrap().is_empty(), "nobody leads");
        begin.send(()).unwrap();
        tokio::time::sleep(Duration::from_mins(1)).await;
        let mut seen = count.lock().unwrap().clone();
        seen.sort();
        // Once for the pass that waited, once for what was rung meanwhile.
        assert!(seen.len() <= 4 && seen.contains(&"a/x".to_owned()) && seen.contains(&"a/y".to_owned()), "{seen:?}");
        end.send(()).unwrap();
        running.await.unwrap();
    }

    #[test]
    fn a_change_that_only_we_made_asks_for_no_pass() {
        let old = meta("x", 1);
        let written = ObjectMeta { resource_version: Some("2".to_owned()), ..old.clone() };
        assert!(!matters(Some(&old), &written));
        assert!(matters(None, &old));
        assert!(matters(Some(&old), &meta("x", 2)));
        assert!(matters(Some(&old), &ObjectMeta { uid: Some("other".to_owned()), ..old.clone() }));
        assert!(matters(Some(&old), &ObjectMeta { finalizers: Some(vec!["f".to_owned()]), ..old.clone() }));
        assert!(matters(
            Some(&old),
            &ObjectMeta { annotations: Some([("k".into(), "v".into())].into()), ..old.clone() }
        ));
    }

    /// Runs a controller over these objects until all passes in `plan` were made; answers with what was passed.
    async fn passes(objects: &[&str], wanted: usize, next: fn(&str) -> Next) -> Vec<String> {
        let (mut intake, bell, queue) = queue::<ConfigMap>();
        for object in objects {
            intake.take(&name(object), None, Some(&meta(object, 1)));
        }
        bell.ring(name("absent"));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (done, stop) = futures::channel::oneshot::channel::<()>();
        let done = Arc::new(Mutex::new(Some(done)));
        let pass: Pass = {
            let seen = Arc::clone(&seen);
            Arc::new(move |name, uid| {
                let mut seen = seen.lock().unwrap();
                seen.push(format!("{name} {uid}"));
                if seen.len() == wanted {
                    drop(done.lock().unwrap().take());
                }
                async move { next(&name.name) }.boxed()
            })
        };
        run(queue, at_once(), stop.map(|_| ()), pass).await;
        seen.lock().unwrap().clone()
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_an_object_is_told_also_where_nobody_leads() {
        let (mut intake, _bell, queue) = queue::<ConfigMap>();
        let newer = ObjectMeta { uid: Some("uid-newer".to_owned()), ..meta("y", 1) };
        for object in ["x", "y", "z"] {
            intake.take(&name(object), None, Some(&meta(object, 1)));
        }
        intake.take(&name("x"), Some(&meta("x", 1)), None);
        intake.take(&name("y"), Some(&meta("y", 1)), Some(&newer));
        intake.take(&name("z"), Some(&meta("z", 1)), Some(&meta("z", 2)));
        let ended = Arc::new(Mutex::new(Vec::new()));
        let queue = {
            let ended = Arc::clone(&ended);
            queue.forgetting(Arc::new(move |uid| ended.lock().unwrap().push(uid.to_owned())))
        };
        let (end, stop) = futures::channel::oneshot::channel::<()>();
        let pass: Pass = Arc::new(|_, _| panic!("nobody leads"));
        let running = tokio::spawn(run(queue, pending().boxed().shared(), stop.map(|_| ()), pass));
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(*ended.lock().unwrap(), ["uid-x", "uid-y"], "one that changed lives on");
        drop(intake);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!running.is_finished(), "passes go on whatever becomes of the watch");
        running.abort();
        drop(end);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_panics_stops_nobody_and_is_tried_again() {
        let next = |name: &str| if name == "bad" { panic!("defect") } else { Next::OnChange };
        let seen = passes(&["bad", "good"], 3, next).await;
        assert_eq!(seen.iter().filter(|name| name.contains("good")).count(), 1, "{seen:?}");
        assert_eq!(seen.iter().filter(|name| name.contains("bad")).count(), 2, "{seen:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_asks_for_another_pass_gets_it() {
        let seen = passes(&["x"], 3, |_| Next::After(Duration::from_mins(10))).await;
        assert_eq!(seen, ["a/x uid-x"; 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pass_that_hangs_is_given_up() {
        let (mut intake, _bell, queue) = queue::<ConfigMap>();
        intake.take(&name("x"), None, Some(&meta("x", 1)));
        let (sender, mut started) = mpsc::unbounded();
        let pass: Pass = Arc::new(move |_, _| {
            sender.unbounded_send(()).unwrap();
            futures::future::pending().boxed()
        });
        let stop = async move {
            started.next().await;
            started.next().await;
        };
        run(queue, at_once(), stop, pass).await;
    }
}
