//! Runs the reconciles of one kind in the order of its [`queue`](super::queue), each under a deadline that also holds
//! where it panics. It knows no kind and decides nothing about objects.
//!
//! Not kube-runtime's controller: where more is due than it may run at once, that serves due names in an order of
//! hashes and some never.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::marker::PhantomData;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use futures::channel::mpsc::{self, UnboundedReceiver, UnboundedSender};
use futures::future::{BoxFuture, Shared, pending, select};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use kube::api::ObjectMeta;
use kube::core::Resource;
use tokio::task::coop::consume_budget;
use tokio::time::{Instant, sleep_until};
use tracing::Instrument;

use super::looks;
use super::queue::{self, Lane, Priority};
use super::requeue::Requeue;
use crate::api::FINALIZER;
use crate::aws::Rank;
use crate::aws::waiting::{self, Slot, Slots};
use crate::cluster::Name;

/// How long a reconcile may take, not counting what it waits at the limiter: it is a handful of calls of at most 30
/// seconds.
const DEADLINE: Duration = Duration::from_mins(2);
/// When a reconcile that ran out of time is tried again.
const AFTER_DEADLINE: Duration = Duration::from_secs(10);
/// When a reconcile that panicked is tried again: it will most likely do so again.
const AFTER_PANIC: Duration = Duration::from_mins(1);
/// Reconciles at once, per kind, but those that wait at the limiter; and with those, looks per account, and as many
/// reconciles that somebody waits for. Most of their time they wait for AWS; more of one account would only wait at its
/// limiter.
const CONCURRENCY: usize = 16;
/// How long the queue sleeps where nobody is due.
const IDLE: Duration = Duration::from_hours(1);

/// One reconcile over the object of this name and uid, whose calls wait in this rank.
pub type Reconcile = Arc<dyn Fn(Name, String, Rank) -> BoxFuture<'static, Requeue> + Send + Sync>;

/// Lets go of what is remembered of the object of this uid, which has ended.
pub type Forget = Arc<dyn Fn(&str) + Send + Sync>;

/// Where a name stands in line.
pub type LaneOf = Arc<dyn Fn(&Name) -> Lane + Send + Sync>;

/// Over how long reconciles are spread that only show something else: it is a write each, and 10,000 of them at once would
/// stand in the way of what people wait for.
const SPREAD: Duration = Duration::from_mins(10);

/// Why an object asks for a reconcile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The object itself was seen for the first time.
    Seen,
    /// The object itself changed.
    Changed,
    /// What it refers to, or who refers to it; also its finalizers.
    Related,
    /// What it shows of what it refers to, and nothing rests on.
    Shown,
}

/// Wakes objects of one kind; may be cloned freely.
#[derive(Clone, Debug)]
pub struct Enqueuer(UnboundedSender<(Name, Cause)>);

impl Enqueuer {
    /// Asks for a reconcile over the object. One that is queued already is not queued twice.
    pub fn enqueue(&self, name: Name, cause: Cause) {
        // An error only says that the controller has ended.
        let _ = self.0.unbounded_send((name, cause));
    }
}

/// What the queue goes by of an object that is there. The object itself is held where the watch put it.
#[derive(Clone, Debug)]
struct Held {
    uid: String,
    deleting: bool,
    /// It has a finalizer: something may have been made for it.
    finalizer: bool,
}

impl From<&ObjectMeta> for Held {
    fn from(meta: &ObjectMeta) -> Self {
        let (uid, deleting) = (meta.uid.clone().unwrap_or_default(), meta.deletion_timestamp.is_some());
        Self { uid, deleting, finalizer: meta.finalizers.iter().flatten().next().is_some() }
    }
}

/// All of a kind that are there.
type There = Arc<Mutex<BTreeMap<Arc<Name>, Held>>>;

/// Where the watch of a kind hands over what it sees.
pub struct ObjectIndex {
    there: There,
    enqueuer: Enqueuer,
    ended: UnboundedSender<String>,
}

/// The queue of a kind, before its controller runs.
pub struct Queue<O> {
    there: There,
    names: UnboundedReceiver<(Name, Cause)>,
    /// Uids of objects that ended: no reconcile runs for them any more.
    ended: UnboundedReceiver<String>,
    forget: Forget,
    lane_of: LaneOf,
    kind: PhantomData<fn() -> O>,
}

impl<O> Queue<O> {
    /// The same queue; who remembers something of an object is told of its end.
    #[must_use]
    pub(crate) fn forgetting(self, forget: Forget) -> Self {
        Self { forget, ..self }
    }

    /// The same queue; accounts are told apart too, not only namespaces.
    #[must_use]
    pub(crate) fn in_lanes(self, lane_of: LaneOf) -> Self {
        Self { lane_of, ..self }
    }
}

/// A queue, and what feeds it.
#[must_use]
pub fn queue<O>() -> (ObjectIndex, Enqueuer, Queue<O>) {
    let (sender, names) = mpsc::unbounded();
    let enqueuer = Enqueuer(sender);
    let (end, ended) = mpsc::unbounded();
    let there = There::default();
    let index = ObjectIndex { there: Arc::clone(&there), enqueuer: enqueuer.clone(), ended: end };
    let lane_of: LaneOf = Arc::new(|name| Lane { namespace: name.namespace.clone(), ..Lane::default() });
    (index, enqueuer, Queue { there, names, ended, forget: Arc::new(|_| ()), lane_of, kind: PhantomData })
}

fn locked(there: &There) -> MutexGuard<'_, BTreeMap<Arc<Name>, Held>> {
    there.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The name stays the one that the queue holds too.
fn put(there: &mut BTreeMap<Arc<Name>, Held>, name: &Name, held: Held) {
    match there.get_mut(name) {
        Some(old) => *old = held,
        None => drop(there.insert(Arc::new(name.clone()), held)),
    }
}

impl ObjectIndex {
    /// Takes over a change, and queues the object if the change can matter.
    pub fn take(&self, name: &Name, before: Option<&ObjectMeta>, after: Option<&ObjectMeta>) {
        if let Some(after) = after {
            put(&mut locked(&self.there), name, Held::from(after));
            if let Some(cause) = cause(before, after) {
                self.enqueuer.enqueue(name.clone(), cause);
            }
        } else {
            locked(&self.there).remove(name);
        }
        // Its end may not have been seen, only its namesake.
        let former = before.and_then(|before| before.uid.clone());
        if let Some(uid) = former.filter(|uid| after.and_then(|after| after.uid.as_ref()) != Some(uid)) {
            // An error only says that the controller has ended.
            let _ = self.ended.unbounded_send(uid);
        }
    }
}

/// Why a change of an object asks for a reconcile, if it does. Our own status writes do not.
fn cause(before: Option<&ObjectMeta>, after: &ObjectMeta) -> Option<Cause> {
    let Some(before) = before.filter(|before| before.uid == after.uid) else { return Some(Cause::Seen) };
    let changed = before.generation != after.generation
        || before.deletion_timestamp != after.deletion_timestamp
        || before.annotations != after.annotations;
    // Somebody who waits for us, or had us wait, or took ours off. That ours is there now is a step of a reconcile that
    // goes on by itself.
    let all = |meta: &ObjectMeta| meta.finalizers.clone().unwrap_or_default();
    let (mut had, has) = (all(before), all(after));
    if has.iter().any(|name| name == FINALIZER) && !had.iter().any(|name| name == FINALIZER) {
        had.push(FINALIZER.to_owned());
    }
    let goes_on = had.iter().collect::<BTreeSet<_>>() != has.iter().collect();
    changed.then_some(Cause::Changed).or(goes_on.then_some(Cause::Related))
}

/// Why an object waits. Of one that went nothing is to be done.
fn class(held: Option<&Held>, cause: Cause) -> Priority {
    let Some(held) = held else { return Priority::Resync };
    match cause {
        _ if held.deleting => Priority::Change,
        // Before anything is made, a finalizer is set.
        _ if !held.finalizer => Priority::First,
        Cause::Changed => Priority::Change,
        Cause::Related => Priority::Retry,
        Cause::Seen | Cause::Shown => Priority::Resync,
    }
}

/// Asks for a reconcile over an object: now, or in its part of the time over which such are spread.
fn put_in_line<K: Ord + Clone>(queue: &mut queue::Queue<K>, key: K, lane: Lane, held: Option<&Held>, cause: Cause) {
    let class = class(held, cause);
    if cause == Cause::Shown {
        let uid = held.map(|held| held.uid.as_str()).unwrap_or_default();
        queue.add_at(key, lane, class, Instant::now() + looks::spread(uid, SPREAD));
    } else {
        queue.add(key, lane, class);
    }
}

/// Completes when something is so; may be cloned freely.
pub type Signal = Shared<BoxFuture<'static, ()>>;

/// Runs reconciles from `start` until `stop`, then lets those that run come to their end. Before `start` the queue
/// fills, each name once. What is remembered of an object that ended is let go at all times.
pub async fn run<O>(queue: Queue<O>, start: Signal, stop: impl Future<Output = ()> + Send, reconcile: Reconcile)
where
    O: Resource<DynamicType = ()> + 'static,
{
    let Queue { there, names, ended, forget, lane_of, kind } = queue;
    let (queue, slots, ranks) = (queue::Queue::new(CONCURRENCY), Arc::default(), BTreeMap::new());
    let reconciles = Reconciles { there, lane_of, reconcile, queue, slots, ranks, kind };
    let endings = async move {
        ended.for_each(async |uid| forget(&uid)).await;
        pending::<()>().await;
    };
    select(Box::pin(reconciles.run(names, start, Box::pin(stop))), Box::pin(endings)).await;
}

/// What the queue waits for.
enum Event {
    Stop,
    Start,
    Asked(Name, Cause),
    Ended(Arc<Name>, Requeue),
    /// A slot is free, or somebody is due.
    Stirred,
}

/// The reconciles of one kind while they run.
struct Reconciles<O> {
    there: There,
    lane_of: LaneOf,
    reconcile: Reconcile,
    /// Its names are those of `there`: a name waits, rests or runs under the same one.
    queue: queue::Queue<Arc<Name>>,
    slots: Arc<Slots>,
    /// Of those that run.
    ranks: BTreeMap<Arc<Name>, Rank>,
    kind: PhantomData<fn() -> O>,
}

impl<O> Reconciles<O>
where
    O: Resource<DynamicType = ()> + 'static,
{
    async fn run<S>(mut self, mut names: UnboundedReceiver<(Name, Cause)>, mut start: Signal, mut stop: Pin<Box<S>>)
    where
        S: Future<Output = ()>,
    {
        let mut running = FuturesUnordered::new();
        let (mut started, slots) = (false, Arc::clone(&self.slots));
        loop {
            // Others have their turn, however much there is to do here; and nothing is begun after `stop`.
            consume_budget().await;
            if (&mut stop).now_or_never().is_some() {
                break;
            }
            while started && slots.busy() < CONCURRENCY {
                let Some(name) = self.queue.pick(Instant::now()) else { break };
                if let Some(run) = self.begin(&name) {
                    running.push(run.map(|next| (name, next)));
                }
            }
            let due = self.queue.come_due(Instant::now()).unwrap_or_else(|| Instant::now() + IDLE);
            let (mut freed, mut due) = (pin!(slots.freed()), pin!(sleep_until(due)));
            // Whoever comes first here wins, in every run.
            let event = poll_fn(|context| {
                if stop.poll_unpin(context).is_ready() {
                    return Poll::Ready(Event::Stop);
                }
                if let Poll::Ready(Some((name, cause))) = names.poll_next_unpin(context) {
                    return Poll::Ready(Event::Asked(name, cause));
                }
                // Only now: a listing asks for each object and for whom it concerns, and each is reconciled once.
                if !started && start.poll_unpin(context).is_ready() {
                    return Poll::Ready(Event::Start);
                }
                if let Poll::Ready(Some((name, next))) = running.poll_next_unpin(context) {
                    return Poll::Ready(Event::Ended(name, next));
                }
                let stirred = freed.as_mut().poll(context).is_ready() || due.as_mut().poll(context).is_ready();
                if stirred { Poll::Ready(Event::Stirred) } else { Poll::Pending }
            });
            match event.await {
                Event::Stop => break,
                Event::Start => started = true,
                Event::Asked(name, cause) => self.asked(&name, cause),
                Event::Ended(name, next) => {
                    self.ranks.remove(&name);
                    self.queue.done(&name, next, Instant::now());
                }
                Event::Stirred => {}
            }
        }
        while running.next().await.is_some() {}
    }

    /// The reconcile over a name whose turn it is; none over one that went before.
    fn begin(&mut self, name: &Arc<Name>) -> Option<impl Future<Output = Requeue> + use<O>> {
        let (_, Some(Held { uid, .. })) = self.held(name) else {
            self.queue.done(name, Requeue::OnChange, Instant::now());
            return None;
        };
        let rank = Rank::of(self.queue.runs_as(name).unwrap_or(Priority::Resync));
        self.ranks.insert(Arc::clone(name), rank.clone());
        Some(guarded::<O>(Name::clone(name), uid, Arc::clone(&self.reconcile), rank, self.slots.take()))
    }

    /// The name as it is held, and what is; its own where the object is not there.
    fn held(&self, name: &Name) -> (Arc<Name>, Option<Held>) {
        let there = locked(&self.there);
        let found = there.get_key_value(name).map(|(name, held)| (Arc::clone(name), Some(held.clone())));
        found.unwrap_or_else(|| (Arc::new(name.clone()), None))
    }

    fn asked(&mut self, name: &Name, cause: Cause) {
        let (name, held) = self.held(name);
        // Whoever asks waits for the one that runs first.
        if let Some(rank) = self.ranks.get(&name) {
            rank.raise(class(held.as_ref(), cause));
        }
        let lane = (self.lane_of)(&name);
        put_in_line(&mut self.queue, name, lane, held.as_ref(), cause);
    }
}

/// Tells the reconciles of this process apart, in the log and nowhere else.
static RECONCILE_ID: AtomicU64 = AtomicU64::new(1);

/// One reconcile under its deadline; neither running late nor a panic ends the controller.
async fn guarded<O>(name: Name, uid: String, reconcile: Reconcile, rank: Rank, slot: Slot) -> Requeue
where
    O: Resource<DynamicType = ()>,
{
    let reconcile_id = RECONCILE_ID.fetch_add(1, Ordering::Relaxed);
    let span = tracing::info_span!("reconcile", kind = %O::kind(&()), object = %name, %uid, reconcile_id);
    let run = AssertUnwindSafe(async move { reconcile(name, uid, rank).await }).catch_unwind();
    let outcome = waiting::bounded(DEADLINE, slot, run).instrument(span.clone()).await;
    span.in_scope(|| match outcome {
        Some(Ok(next)) => next,
        Some(Err(_)) => {
            tracing::error!("the reconcile panicked; this is a defect");
            Requeue::After(AFTER_PANIC)
        }
        None => {
            tracing::warn!("the reconcile ran out of time after {DEADLINE:?}");
            Requeue::After(AFTER_DEADLINE)
        }
    })
}

#[cfg(test)]
#[path = "controller_tests.rs"]
mod tests;
