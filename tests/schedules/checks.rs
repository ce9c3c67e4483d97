//! What must hold of each shared thing, as one run; the schedules are the runner's.

use std::sync::Arc;

use shuttle::thread;

/// Runs the same work in so many tasks at once, each with its number.
fn together(tasks: usize, work: impl Fn(usize) + Send + Sync + 'static) {
    let work = Arc::new(work);
    let tasks: Vec<_> = (0..tasks)
        .map(|number| {
            let work = Arc::clone(&work);
            thread::spawn(move || work(number))
        })
        .collect();
    for task in tasks {
        task.join().unwrap();
    }
}

pub mod rate_limiter {
    use std::sync::Arc;

    use shuttle::future::block_on;

    use super::together;
    use crate::aws::rate_limiter::pace::Rate;
    use crate::aws::rate_limiter::{CallClass, Rank, RateLimiter, Rates};
    use crate::sync::Instant;
    use crate::sync::count::Counter;

    const TASKS: u32 = 3;
    const EACH: u32 = 3;
    /// Calls at once; one per second afterwards.
    const BURST: u32 = 2;

    pub fn rate() {
        let rate = Rate { start: 1.0, ceiling: 1.0, burst_seconds: BURST.into() };
        let rates = Rates { read: rate, ..Rates::fixed(1.0) };
        let (limiter, granted, start) = (RateLimiter::new(rates), Arc::new(Counter::default()), Instant::now());
        let count = Arc::clone(&granted);
        together(TASKS as usize, move |_| {
            for _ in 0..EACH {
                let _ = block_on(limiter.acquire("1", "r", CallClass::Read, Rank::default()));
                let (granted, seconds) = (count.up(), start.elapsed().as_secs_f64());
                let most = f64::from(BURST) + seconds + 0.001;
                assert!(f64::from(u32::try_from(granted).unwrap()) <= most, "{granted} permits in {seconds} seconds");
            }
        });
        let needed = f64::from(TASKS * EACH - BURST);
        let taken = start.elapsed().as_secs_f64();
        // Who sleeps may wake a second after the permit was there.
        assert!(taken <= needed + 1.001, "{taken} seconds for what takes {needed}: a permit was lost");
    }
}

pub mod circuit {
    use std::sync::Arc;
    use std::task::{Context, Waker};

    use shuttle::future::{block_on, yield_now};

    use super::together;
    use crate::aws::circuit::{FAILURES, FIRST_WAIT, LONGEST_WAIT, State};
    use crate::aws::circuit_breaker::CircuitBreaker;
    use crate::aws::{AwsError, AwsErrorKind, sdk};
    use crate::sync::count::Counter;
    use crate::sync::{Instant, sleep};

    const TASKS: usize = 3;
    const EACH: usize = 6;

    async fn refused(calls: &Counter) -> Result<(), AwsError> {
        calls.up();
        yield_now().await;
        Err(sdk::error::plain("ListServers", AwsErrorKind::Credentials, "ExpiredTokenException", String::new(), None))
    }

    /// Every call is refused, and whoever has to wait does; one task gives its probes up. Then the credentials work.
    pub fn one_probe() {
        let (breaker, calls, start) = (
            CircuitBreaker::new("default".to_owned(), "eu-central-1".to_owned()),
            Arc::new(Counter::default()),
            Instant::now(),
        );
        let (shared, count) = (Arc::clone(&breaker), Arc::clone(&calls));
        together(TASKS, move |number| {
            for _ in 0..EACH {
                let gives_up = number == 0 && !matches!(shared.state(), State::Closed { .. });
                let mut call = Box::pin(shared.run(refused(&count)));
                let outcome = if gives_up {
                    let _ = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                    drop(call);
                    Ok(())
                } else {
                    block_on(call)
                };
                let wait = outcome.err().and_then(|fault| fault.retry_after).unwrap_or_default();
                assert!(wait <= LONGEST_WAIT, "{wait:?}");
                block_on(sleep(wait));
                // What was under way when it opened, and a probe after each wait.
                let probes = start.elapsed().as_secs() / FIRST_WAIT.as_secs();
                let most = u64::from(FAILURES) + (TASKS - 1) as u64 + probes;
                assert!(count.get() <= most, "{} calls after {probes} waits", count.get());
            }
        });
        assert!(calls.get() >= u64::from(FAILURES), "it never opened");
        block_on(sleep(LONGEST_WAIT));
        assert!(block_on(breaker.run(async { Ok(()) })).is_ok(), "shut for ever: {:?}", breaker.state());
        assert_eq!(breaker.state(), State::NEW);
    }
}

pub mod busy {
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
    use std::sync::Arc;

    use shuttle::thread;

    use super::together;
    use crate::engine::memory::Memories;
    use crate::sync::count::Counter;

    /// One of the reconciles breaks down, one leaves a call behind that outlives it.
    pub fn one_at_a_time() {
        let (memories, working) = (Arc::new(Memories::default()), Arc::new(Counter::default()));
        let shared = Arc::clone(&memories);
        together(3, move |number| {
            let Some(busy) = shared.enter("u") else { return };
            assert_eq!(working.up(), 1, "two at work on one object");
            thread::yield_now();
            if number == 1 {
                let (call, working) = (Arc::clone(&busy), Arc::clone(&working));
                drop(busy);
                let call = thread::spawn(move || {
                    thread::yield_now();
                    working.down();
                    drop(call);
                });
                return call.join().unwrap();
            }
            working.down();
            let broken = catch_unwind(AssertUnwindSafe(move || {
                let _busy = busy;
                if number == 2 {
                    resume_unwind(Box::new("a defect"));
                }
            }));
            assert_eq!(broken.is_err(), number == 2);
        });
        assert!(memories.enter("u").is_some(), "busy although nobody works on it");
    }
}

pub mod tag_index {
    use std::sync::Arc;

    use shuttle::future::block_on;

    use super::together;
    use crate::aws::{Account, Listings};
    use crate::engine::owner::Owner;
    use crate::kinds::tag_index::TagIndex;

    const TASKS: usize = 4;

    pub fn none_too_old() {
        let owner = Owner::new("cluster", "team", "files", "u");
        let (looks, account) = (Arc::new(TagIndex::<Listings>::default()), Account::new(owner.clone()));
        let shared = account.clone();
        together(TASKS, move |_| {
            let (asked, ticket) = (shared.events.up(), looks.ask());
            let looked = block_on(looks.find_by_tags(&shared, &owner, ticket)).unwrap();
            let began: u64 = looked.found.ours.first().unwrap().id.parse().unwrap();
            assert!(began > asked, "asked at {asked}, got the look of {began}");
        });
        assert!(account.listings.get() <= TASKS as u64, "more looks than were asked for");
    }
}

pub mod clock {
    use std::sync::Arc;
    use std::time::Duration;

    use jiff::{SignedDuration, Timestamp};
    use shuttle::future::block_on;

    use super::together;
    use crate::aws::clock::AwsClock;
    use crate::sync::{Instant, sleep};

    pub fn never_ahead() {
        let (clock, start) = (Arc::new(AwsClock::default()), Instant::now());
        let aws = move || Timestamp::UNIX_EPOCH + SignedDuration::try_from(start.elapsed()).unwrap();
        together(3, move |number| {
            for _ in 0..2 {
                let answered = aws();
                block_on(sleep(Duration::from_secs(number as u64)));
                clock.observe(Some(answered));
                if let Some(now) = clock.now() {
                    assert!(now <= aws(), "{now} at {}", aws());
                }
            }
        });
    }
}

pub mod credentials {
    use std::collections::BTreeSet;
    use std::sync::{Arc, Mutex};

    use async_trait::async_trait;
    use aws_credential_types::Credentials;
    use shuttle::future::{block_on, yield_now};

    use super::together;
    use crate::aws::AwsError;
    use crate::aws::credentials::{CredentialCache, Issue, Issued};
    use crate::sync::count::Counter;

    #[derive(Debug, Default)]
    struct Source {
        asking: Counter,
        asked: Arc<Counter>,
    }

    #[async_trait]
    impl Issue for Source {
        async fn issue(&self) -> Result<Issued, AwsError> {
            assert_eq!(self.asking.up(), 1, "asked twice at a time");
            yield_now().await;
            self.asking.down();
            let key = format!("key{}", self.asked.up());
            Ok(Issued { credentials: Credentials::new(key, "secret", None, None, "test"), lifetime: None })
        }
    }

    pub fn asked_once() {
        let asked = Arc::new(Counter::default());
        let cache = CredentialCache::new(Source { asked: Arc::clone(&asked), ..Source::default() });
        together(3, move |_| drop(block_on(cache.get()).unwrap()));
        assert_eq!(asked.get(), 1);
    }

    pub fn refused_is_gone() {
        let asked = Arc::new(Counter::default());
        let cache = CredentialCache::new(Source { asked: Arc::clone(&asked), ..Source::default() });
        let refused = Arc::new(Mutex::new(BTreeSet::new()));
        let shared = Arc::clone(&refused);
        together(3, move |_| {
            let old = block_on(cache.get()).unwrap();
            shared.lock().unwrap().insert(old.access_key_id().to_owned());
            cache.refused(&old);
            let new = block_on(cache.get()).unwrap();
            assert_ne!(new.access_key_id(), old.access_key_id());
        });
        let refused = refused.lock().unwrap().len() as u64;
        assert!(
            asked.get() <= 1 + refused,
            "asked {} times, {refused} were refused: a newer one was lost",
            asked.get()
        );
    }
}
