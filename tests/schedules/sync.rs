//! The primitives of `transfer_operator::sync`, of which every order is explored, and a time of our own.

pub use std::sync::{Arc, PoisonError};

/// A task on one thread: the guard of a turn need not be one that may be sent to another.
pub use shuttle::future::spawn_local as spawn;
pub use shuttle::sync::{Mutex, MutexGuard, atomic};
pub use time::{Instant, sleep};
/// It never blocks; who it wakes goes on when it is chosen.
pub use tokio::sync::Notify as Bell;
pub use turn::Turn;

/// Numbers that say what happened; looking at them lets nobody else go on.
pub mod count {
    use std::sync::atomic::{AtomicU64, Ordering};

    #[derive(Debug, Default)]
    pub struct Counter(AtomicU64);

    impl Counter {
        pub fn up(&self) -> u64 {
            self.0.fetch_add(1, Ordering::SeqCst) + 1
        }

        pub fn down(&self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }

        pub fn get(&self) -> u64 {
            self.0.load(Ordering::SeqCst)
        }
    }
}

/// Time goes on when somebody wakes.
pub mod time {
    use std::ops::Add;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    static NANOSECONDS: AtomicU64 = AtomicU64::new(0);

    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    pub struct Instant(Duration);

    impl Instant {
        pub fn now() -> Self {
            Self(Duration::from_nanos(NANOSECONDS.load(Ordering::SeqCst)))
        }

        pub fn duration_since(&self, earlier: Self) -> Duration {
            self.0.saturating_sub(earlier.0)
        }

        pub fn elapsed(&self) -> Duration {
            Self::now().duration_since(*self)
        }
    }

    impl Add<Duration> for Instant {
        type Output = Self;

        fn add(self, span: Duration) -> Self {
            Self(self.0 + span)
        }
    }

    /// Lets others go on, and wakes when its time has come at the earliest.
    pub async fn sleep(span: Duration) {
        let due = Instant::now() + span;
        shuttle::future::yield_now().await;
        // Rounded up, so that a fraction of a nanosecond does not make one sleep twice.
        let due = u64::try_from(due.0.as_nanos()).unwrap() + 1;
        NANOSECONDS.fetch_max(due, Ordering::SeqCst);
    }
}

mod turn {
    use std::ops::{Deref, DerefMut};

    use shuttle::future::batch_semaphore::{BatchSemaphore, Fairness};
    use shuttle::sync::{Mutex, MutexGuard};

    /// tokio's fair mutex.
    pub struct Turn<T> {
        queue: BatchSemaphore,
        value: Mutex<T>,
    }

    /// Its guard: the value first, then the place in the queue.
    pub struct CircuitBreaker<'a, T> {
        value: Option<MutexGuard<'a, T>>,
        queue: &'a BatchSemaphore,
    }

    impl<T> Turn<T> {
        pub async fn lock(&self) -> CircuitBreaker<'_, T> {
            self.queue.acquire(1).await.unwrap();
            CircuitBreaker { value: Some(self.value.lock().unwrap()), queue: &self.queue }
        }
    }

    impl<T: Default> Default for Turn<T> {
        fn default() -> Self {
            Self { queue: BatchSemaphore::new(1, Fairness::StrictlyFair), value: Mutex::default() }
        }
    }

    impl<T> std::fmt::Debug for Turn<T> {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("Turn")
        }
    }

    impl<T> Deref for CircuitBreaker<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            self.value.as_ref().unwrap()
        }
    }

    impl<T> DerefMut for CircuitBreaker<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.value.as_mut().unwrap()
        }
    }

    impl<T> Drop for CircuitBreaker<'_, T> {
        fn drop(&mut self) {
            drop(self.value.take());
            self.queue.release(1);
        }
    }
}
