//! A deadline that does not count waiting at the limiter: of that the work is not to blame, and work that is cut there
//! begins anew and waits again.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::{Either, select};
use tokio::time::{Instant, sleep};

tokio::task_local! {
    static WATCH: Arc<Watch>;
}

/// The deadline is kept to this: work that waits is asked no more often how long it waited.
const PRECISION: Duration = Duration::from_secs(1);

/// How long the work waited at the limiter so far.
#[derive(Debug, Default)]
struct Watch(Mutex<Waited>);

#[derive(Debug, Default)]
struct Waited {
    before: Duration,
    /// Of the first call that waits now.
    since: Option<Instant>,
    calls: u32,
}

impl Watch {
    fn lock(&self) -> MutexGuard<'_, Waited> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waited(&self) -> Duration {
        let Waited { before, since, calls: _ } = *self.lock();
        before + since.map(|since| since.elapsed()).unwrap_or_default()
    }
}

/// Keeps the watch from counting as long as one call waits.
struct Aside(Arc<Watch>);

impl Aside {
    fn begin(watch: Arc<Watch>) -> Self {
        let mut waited = watch.lock();
        waited.since.get_or_insert_with(Instant::now);
        waited.calls += 1;
        drop(waited);
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
        }
    }
}

/// Waits at the limiter: the deadline of the work around it stands still.
pub async fn aside<F: Future>(wait: F) -> F::Output {
    let _aside = WATCH.try_with(|watch| Aside::begin(Arc::clone(watch))).ok();
    wait.await
}

/// Runs the work for so long, not counting what it waits at the limiter; nothing where it takes longer.
pub async fn bounded<F: Future>(limit: Duration, work: F) -> Option<F::Output> {
    let (watch, began) = (Arc::new(Watch::default()), Instant::now());
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
