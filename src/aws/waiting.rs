//! Waiting at the limiter counts neither against the deadline of the work nor against how much may run at once: the
//! work is not to blame, cut there it would begin anew and wait again, and others have accounts of their own.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::{Either, select};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

tokio::task_local! {
    static WATCH: Arc<Watch>;
}

/// The deadline is kept to this: work that waits is asked no more often how long it waited.
const PRECISION: Duration = Duration::from_secs(1);

/// How much work runs, but what waits at the limiter. Whoever comes from there goes on at once, so that nothing stands
/// between a permit and its call: for that moment more may run than was wanted.
#[derive(Debug, Default)]
pub struct Slots {
    busy: AtomicUsize,
    freed: Notify,
}

impl Slots {
    /// Takes one, whatever there are.
    #[must_use]
    pub fn take(self: &Arc<Self>) -> Slot {
        self.busy.fetch_add(1, Ordering::SeqCst);
        Slot { slots: Arc::clone(self) }
    }

    /// How many are taken.
    #[must_use]
    pub fn busy(&self) -> usize {
        self.busy.load(Ordering::SeqCst)
    }

    /// Completes when one was given back since this was last waited for.
    pub async fn freed(&self) {
        self.freed.notified().await;
    }

    fn give_back(&self) {
        self.busy.fetch_sub(1, Ordering::SeqCst);
        self.freed.notify_one();
    }
}

/// A slot that is taken; given back when dropped.
#[derive(Debug)]
pub struct Slot {
    slots: Arc<Slots>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.give_back();
    }
}

/// How long the work waited at the limiter so far, and the slot that it takes but there.
#[derive(Debug)]
struct Watch {
    waited: Mutex<Waited>,
    slots: Arc<Slots>,
}

#[derive(Debug, Default)]
struct Waited {
    before: Duration,
    /// Of the first call that waits now.
    since: Option<Instant>,
    calls: u32,
}

impl Watch {
    fn lock(&self) -> MutexGuard<'_, Waited> {
        self.waited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waited(&self) -> Duration {
        let Waited { before, since, calls: _ } = *self.lock();
        before + since.map(|since| since.elapsed()).unwrap_or_default()
    }
}

/// Keeps the watch from counting, and the slot free, as long as one call waits.
struct Aside(Arc<Watch>);

impl Aside {
    fn begin(watch: Arc<Watch>) -> Self {
        let mut waited = watch.lock();
        waited.since.get_or_insert_with(Instant::now);
        waited.calls += 1;
        let first = waited.calls == 1;
        drop(waited);
        if first {
            watch.slots.give_back();
        }
        Self(watch)
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        let mut waited = self.0.lock();
        waited.calls -= 1;
        if waited.calls == 0
            && let Some(since) = waited.since.take()
        {
            waited.before += since.elapsed();
            self.0.slots.busy.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Waits at the limiter: the deadline of the work around it stands still, and its slot is free.
pub async fn aside<F: Future>(wait: F) -> F::Output {
    let _aside = WATCH.try_with(|watch| Aside::begin(Arc::clone(watch))).ok();
    wait.await
}

/// How long the work around this waited at the limiter so far.
#[must_use]
pub fn waited() -> Duration {
    WATCH.try_with(|watch| watch.waited()).unwrap_or_default()
}

/// Runs the work in its slot for so long, not counting what it waits at the limiter; nothing where it takes longer.
pub async fn bounded<F: Future>(limit: Duration, slot: Slot, work: F) -> Option<F::Output> {
    let watch = Arc::new(Watch { waited: Mutex::default(), slots: Arc::clone(&slot.slots) });
    let began = Instant::now();
    let end = async {
        loop {
            let left = limit.saturating_sub(began.elapsed().saturating_sub(watch.waited()));
            if left.is_zero() {
                return;
            }
            sleep(left.max(PRECISION)).await;
        }
    };
    match select(pin!(WATCH.scope(Arc::clone(&watch), work)), pin!(end)).await {
        Either::Left((outcome, _)) => Some(outcome),
        Either::Right(((), _)) => None,
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join;

    use super::*;

    const LIMIT: Duration = Duration::from_mins(2);

    async fn bounded<F: Future>(limit: Duration, work: F) -> Option<F::Output> {
        let slots = Arc::<Slots>::default();
        let outcome = super::bounded(limit, slots.take(), work).await;
        assert_eq!(slots.busy(), 0, "a slot is lost");
        outcome
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_at_the_limiter_frees_a_slot_and_has_it_again_with_the_permit() {
        let slots = Arc::<Slots>::default();
        let second = Duration::from_secs(1);
        let work = async {
            sleep(second).await;
            join(aside(sleep(second)), aside(sleep(second * 2))).await;
            sleep(second).await;
        };
        let seen = async {
            sleep(second / 2).await;
            let mut seen = Vec::new();
            for _ in 0..5 {
                seen.push(slots.busy());
                sleep(second).await;
            }
            seen
        };
        let freed = async {
            let began = Instant::now();
            slots.freed().await;
            began.elapsed()
        };
        let ((done, seen), freed) = join(join(super::bounded(LIMIT, slots.take(), work), seen), freed).await;
        assert_eq!((done, seen, freed), (Some(()), vec![1, 0, 0, 1, 0], second));
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_at_the_limiter_is_not_counted_and_all_else_is() {
        let (short, long) = (Duration::from_secs(119), Duration::from_secs(121));
        let hour = Duration::from_hours(1);
        let began = Instant::now();
        assert_eq!(bounded(LIMIT, sleep(short)).await, Some(()));
        assert_eq!(bounded(LIMIT, sleep(long)).await, None);
        assert_eq!(began.elapsed(), short + LIMIT);
        assert_eq!(bounded(LIMIT, aside(sleep(hour))).await, Some(()));
        let both = |rest| async move {
            aside(sleep(hour)).await;
            sleep(rest).await;
            aside(sleep(hour)).await;
        };
        assert_eq!(bounded(LIMIT, both(short)).await, Some(()));
        assert_eq!(bounded(LIMIT, both(long)).await, None);
        // Two calls that wait at once wait once.
        let crowd = join(aside(sleep(hour)), async {
            sleep(Duration::from_secs(30)).await;
            aside(sleep(hour)).await;
            sleep(Duration::from_secs(91)).await;
        });
        assert_eq!(bounded(LIMIT, crowd).await, Some(((), ())));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_is_given_up_is_over() {
        let work = async {
            assert!(tokio::time::timeout(Duration::from_mins(1), aside(sleep(LIMIT * 9))).await.is_err());
            sleep(Duration::from_secs(121)).await;
        };
        assert_eq!(bounded(LIMIT, work).await, None);
    }
}
