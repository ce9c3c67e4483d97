//! What whoever asks for permits may rely on.

use futures::FutureExt;

use super::*;

fn rates(rate: f64, burst_seconds: f64) -> Rates {
    let rate = Rate { start: rate, ceiling: rate, burst_seconds };
    Rates { read: rate, write: rate, create_server: rate, ..Rates::fixed(1.0) }
}

#[tokio::test(start_paused = true)]
async fn never_lets_more_through_than_burst_plus_rate() {
    let limiter = RateLimiter::new(rates(10.0, 2.0));
    let start = Instant::now();
    for _ in 0..110 {
        let _ = limiter.acquire("1", "r", CallClass::Read).await;
    }
    // 20 at once, 90 more at 10 per second.
    let taken = start.elapsed().as_secs_f64();
    assert!((8.9..9.2).contains(&taken), "{taken}");
}

#[tokio::test(start_paused = true)]
async fn accounts_regions_and_classes_do_not_wait_for_each_other() {
    let limiter = RateLimiter::new(rates(1.0, 1.0));
    let start = Instant::now();
    for (account, region, class) in [
        ("1", "a", CallClass::Read),
        ("2", "a", CallClass::Read),
        ("1", "b", CallClass::Read),
        ("1", "a", CallClass::Write),
    ] {
        let _ = limiter.acquire(account, region, class).await;
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn what_one_service_throttles_slows_no_other() {
    for class in CallClass::ALL {
        for other in CallClass::ALL.into_iter().filter(|other| *other != class) {
            let limiter = RateLimiter::new(Rates::fixed(1.0));
            let _ = limiter.acquire("1", "a", class).await;
            limiter.throttled("1", "a", class, Some(Duration::from_secs(20)));
            let start = Instant::now();
            let _ = limiter.acquire("1", "a", other).await;
            assert_eq!(start.elapsed(), Duration::ZERO, "{other:?} waits for {class:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_throttle_empties_the_bucket() {
    let limiter = RateLimiter::new(rates(1.0, 5.0));
    let _ = limiter.acquire("1", "a", CallClass::Read).await;
    limiter.throttled("1", "a", CallClass::Read, None);
    let start = Instant::now();
    let _ = limiter.acquire("1", "a", CallClass::Read).await;
    assert!(start.elapsed() >= Duration::from_millis(990));
}

#[tokio::test(start_paused = true)]
async fn nobody_who_comes_later_goes_first_and_one_that_gave_up_holds_up_nobody() {
    let limiter = RateLimiter::new(rates(1.0, 1.0));
    let _ = limiter.acquire("1", "a", CallClass::Read).await;
    let ask = || Box::pin(limiter.acquire("1", "a", CallClass::Read));
    let (mut first, mut gives_up, mut second) = (ask(), ask(), ask());
    for waiting in [&mut first, &mut gives_up, &mut second] {
        assert!(waiting.now_or_never().is_none());
    }
    drop(gives_up);
    for waiting in [&mut first, &mut second] {
        // The token is there, and whoever waits for it was not woken yet.
        tokio::time::advance(Duration::from_millis(1001)).await;
        let mut late = ask();
        assert!((&mut late).now_or_never().is_none(), "a newcomer overtook");
        drop(late);
        assert!(waiting.now_or_never().is_some(), "it is their turn");
    }
}

#[tokio::test(start_paused = true)]
async fn when_aws_says_how_long_to_wait_nothing_of_the_class_goes_before() {
    let limiter = RateLimiter::new(Rates::fixed(100.0));
    let _ = limiter.acquire("1", "a", CallClass::Write).await;
    limiter.throttled("1", "a", CallClass::Write, Some(Duration::from_secs(7)));
    limiter.throttled("1", "a", CallClass::Write, Some(Duration::from_secs(3)));
    let start = Instant::now();
    let _ = limiter.acquire("1", "a", CallClass::Read).await;
    assert_eq!(start.elapsed(), Duration::ZERO, "reads were not meant");
    let _ = limiter.acquire("1", "a", CallClass::Write).await;
    let waited = start.elapsed();
    assert!((Duration::from_secs(7)..Duration::from_millis(7_050)).contains(&waited), "{waited:?}");
}

/// How many calls go through in ten seconds, of both classes and in turns.
async fn in_ten_seconds(limiter: &RateLimiter, account: &str, region: &str) -> u32 {
    let (start, mut calls) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_secs(10) {
        let class = if calls % 2 == 0 { CallClass::Read } else { CallClass::Write };
        let _ = limiter.acquire(account, region, class).await;
        calls += 1;
    }
    calls
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_an_identity_counts_all_classes_of_its_account() {
    let limiter = RateLimiter::new(Rates::fixed(50.0));
    limiter.set_limit("1", "uid-a", Some(4.0));
    limiter.set_limit("1", "uid-b", Some(2.0));
    assert_eq!(in_ten_seconds(&limiter, "1", "r").await, 21, "the lower of two, and one call to begin with");
    assert_eq!(in_ten_seconds(&limiter, "1", "other").await, 21, "each region by itself");
    assert!(in_ten_seconds(&limiter, "2", "r").await > 500, "another account");
    limiter.forget("uid-b");
    assert_eq!(in_ten_seconds(&limiter, "1", "r").await, 41, "once the identity with the lower one is gone");
    limiter.set_limit("1", "uid-a", None);
    assert!(in_ten_seconds(&limiter, "1", "r").await > 500, "without any");
}

#[tokio::test(start_paused = true)]
async fn a_line_tells_its_rate_and_how_many_wait_and_forgets_who_gave_up() {
    let limiter = RateLimiter::new(rates(1.0, 1.0));
    let _ = limiter.acquire("1", "a", CallClass::Read).await;
    let (mut first, mut second) =
        (Box::pin(limiter.acquire("1", "a", CallClass::Read)), Box::pin(limiter.acquire("1", "a", CallClass::Read)));
    assert!((&mut first).now_or_never().is_none());
    assert!((&mut second).now_or_never().is_none());
    let line =
        |waiting| LineState { account: "1".into(), region: "a".into(), class: CallClass::Read, rate: 1.0, waiting };
    assert_eq!(limiter.lines(), [line(2)]);
    drop(second);
    assert_eq!(limiter.lines(), [line(1)]);
    let _ = first.await;
    assert_eq!(limiter.lines(), [line(0)]);
}
