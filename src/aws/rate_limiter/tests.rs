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
        let _ = limiter.acquire("1", "r", CallClass::Read, Rank::default()).await;
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
        let _ = limiter.acquire(account, region, class, Rank::default()).await;
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn connections_are_tested_no_faster_than_one_a_second_and_keep_up_nothing() {
    let limiter = RateLimiter::new(Rates::default());
    let start = Instant::now();
    for nth in 0..5 {
        let _ = limiter.acquire("1", "a", CallClass::TestConnection, Rank::default()).await;
        assert!(start.elapsed() >= Duration::from_secs(nth), "{nth}");
    }
    let waits = start.elapsed();
    let _ = limiter.acquire("1", "a", CallClass::Read, Rank::default()).await;
    assert_eq!(start.elapsed(), waits, "the next test waits, and a read does not");
}

#[tokio::test(start_paused = true)]
async fn what_one_service_throttles_slows_no_other() {
    for class in CallClass::ALL {
        for other in CallClass::ALL.into_iter().filter(|other| *other != class) {
            let limiter = RateLimiter::new(Rates::fixed(1.0));
            let _ = limiter.acquire("1", "a", class, Rank::default()).await;
            limiter.throttled("1", "a", class, Some(Duration::from_secs(20)));
            let start = Instant::now();
            let _ = limiter.acquire("1", "a", other, Rank::default()).await;
            assert_eq!(start.elapsed(), Duration::ZERO, "{other:?} waits for {class:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_throttle_empties_the_bucket() {
    let limiter = RateLimiter::new(rates(1.0, 5.0));
    let _ = limiter.acquire("1", "a", CallClass::Read, Rank::default()).await;
    limiter.throttled("1", "a", CallClass::Read, None);
    let start = Instant::now();
    let _ = limiter.acquire("1", "a", CallClass::Read, Rank::default()).await;
    assert!(start.elapsed() >= Duration::from_millis(990));
}

#[tokio::test(start_paused = true)]
async fn nobody_who_comes_later_goes_first_and_one_that_gave_up_holds_up_nobody() {
    let limiter = RateLimiter::new(rates(1.0, 1.0));
    let _ = limiter.acquire("1", "a", CallClass::Read, Rank::default()).await;
    let ask = || Box::pin(limiter.acquire("1", "a", CallClass::Read, Rank::default()));
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
    let _ = limiter.acquire("1", "a", CallClass::Write, Rank::default()).await;
    limiter.throttled("1", "a", CallClass::Write, Some(Duration::from_secs(7)));
    limiter.throttled("1", "a", CallClass::Write, Some(Duration::from_secs(3)));
    let start = Instant::now();
    let _ = limiter.acquire("1", "a", CallClass::Read, Rank::default()).await;
    assert_eq!(start.elapsed(), Duration::ZERO, "reads were not meant");
    let _ = limiter.acquire("1", "a", CallClass::Write, Rank::default()).await;
    let waited = start.elapsed();
    assert!((Duration::from_secs(7)..Duration::from_millis(7_050)).contains(&waited), "{waited:?}");
}

/// How many calls go through in ten seconds, of both classes and in turns.
async fn in_ten_seconds(limiter: &RateLimiter, account: &str, region: &str) -> u32 {
    let (start, mut calls) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_secs(10) {
        let class = if calls % 2 == 0 { CallClass::Read } else { CallClass::Write };
        let _ = limiter.acquire(account, region, class, Rank::default()).await;
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
    let _ = limiter.acquire("1", "a", CallClass::Read, Rank::default()).await;
    let (mut first, mut second) = (
        Box::pin(limiter.acquire("1", "a", CallClass::Read, Rank::default())),
        Box::pin(limiter.acquire("1", "a", CallClass::Read, Rank::default())),
    );
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

/// Waits for permits of one class, and writes down who had one.
struct Wall {
    limiter: Arc<RateLimiter>,
    class: CallClass,
    served: Arc<Mutex<Vec<(u32, Priority)>>>,
}

impl Wall {
    fn new(limiter: &Arc<RateLimiter>, class: CallClass) -> Self {
        Self { limiter: Arc::clone(limiter), class, served: Arc::default() }
    }

    /// Somebody comes, and asks again as often as said.
    fn ask(&self, number: u32, rank: Rank, times: usize) -> tokio::task::JoinHandle<()> {
        let (limiter, class, served) = (Arc::clone(&self.limiter), self.class, Arc::clone(&self.served));
        tokio::spawn(async move {
            for _ in 0..times {
                let _ = limiter.acquire("1", "a", class, rank.clone()).await;
                served.lock().unwrap_or_else(PoisonError::into_inner).push((number, rank.priority()));
            }
        })
    }

    fn served(&self) -> Vec<(u32, Priority)> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

const FOR_EVER: usize = 1_000_000;

#[tokio::test(start_paused = true)]
async fn at_the_wall_an_edit_waits_for_one_look_at_most_and_looks_go_on() {
    let wall = Wall::new(&RateLimiter::new(rates(5.0, 1.0)), CallClass::Read);
    for number in 0..64 {
        wall.ask(number, Rank::default(), FOR_EVER);
    }
    sleep(Duration::from_secs(20)).await;
    let mut before = Vec::new();
    for edit in 1000..1060 {
        sleep(Duration::from_millis(770)).await;
        let from = wall.served().len();
        wall.ask(edit, Rank::of(Priority::Change), 1).await.unwrap_or_default();
        before.push(wall.served().len() - from - 1);
    }
    assert!(before.iter().all(|looks| *looks <= 1), "looks that went before each edit: {before:?}");
    assert!(before.iter().filter(|looks| **looks == 0).count() >= 40, "most have the next token: {before:?}");
    let from = wall.served().len();
    for number in 0..64 {
        wall.ask(2000 + number, Rank::of(Priority::Change), FOR_EVER);
    }
    sleep(Duration::from_secs(80)).await;
    let served = wall.served().split_off(from);
    let looks = served.iter().filter(|(_, priority)| *priority == Priority::Resync).count();
    // As many edits as looks wait, and the oldest of all are looks at first.
    assert!((served.len() / 8..=served.len() / 4 + 1).contains(&looks), "{looks} looks of {}", served.len());
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_leaves_its_place_and_its_token_to_the_next() {
    let limiter = RateLimiter::new(rates(1.0, 1.0));
    let _ = limiter.acquire("1", "a", CallClass::Read, Rank::default()).await;
    let began = Instant::now();
    let wall = Wall::new(&limiter, CallClass::Read);
    wall.ask(1, Rank::default(), 1);
    let edits: Vec<_> = (10..13).map(|number| wall.ask(number, Rank::of(Priority::Change), 1)).collect();
    tokio::task::yield_now().await;
    edits.iter().for_each(tokio::task::JoinHandle::abort);
    wall.ask(2, Rank::of(Priority::Change), 1).await.unwrap_or_default();
    assert_eq!(wall.served(), [(2, Priority::Change)]);
    sleep(Duration::from_millis(1_050)).await;
    assert_eq!(wall.served().last(), Some(&(1, Priority::Resync)));
    assert!(began.elapsed() < Duration::from_millis(2_200), "no token was lost on those that went");
}

#[tokio::test(start_paused = true)]
async fn a_look_of_which_more_is_known_by_now_goes_on_as_that() {
    let limiter = RateLimiter::new(rates(1.0, 1.0));
    let _ = limiter.acquire("1", "a", CallClass::Read, Rank::default()).await;
    let wall = Wall::new(&limiter, CallClass::Read);
    for number in 0..9 {
        wall.ask(number, Rank::default(), 1);
    }
    let rank = Rank::default();
    wall.ask(100, rank.clone(), 1);
    sleep(Duration::from_millis(500)).await;
    rank.raise(Priority::Retry);
    sleep(Duration::from_millis(600)).await;
    assert_eq!(wall.served(), [(100, Priority::Retry)]);
}

#[tokio::test(start_paused = true)]
async fn under_an_identitys_limit_an_edit_goes_before_looks_of_all_classes() {
    let limiter = RateLimiter::new(Rates::fixed(50.0));
    limiter.set_limit("1", "uid", Some(1.0));
    let (reads, writes) = (Wall::new(&limiter, CallClass::Read), Wall::new(&limiter, CallClass::Write));
    for number in 0..20 {
        reads.ask(number, Rank::default(), 1);
        writes.ask(number, Rank::of(Priority::Retry), 1);
    }
    sleep(Duration::from_millis(3_500)).await;
    let began = Instant::now();
    for wall in [&reads, &writes] {
        wall.ask(100, Rank::of(Priority::Change), 1).await.unwrap_or_default();
    }
    assert!(began.elapsed() < Duration::from_secs(4), "two permits, and one for who waits longest");
    let served = reads.served().len() + writes.served().len();
    assert!((6..=8).contains(&served), "the limit is used, and no more: {served}");
}

#[tokio::test(start_paused = true)]
async fn under_a_limit_an_edit_waits_for_no_other_class_behind_its_own_looks() {
    let limiter = RateLimiter::new(Rates::fixed(50.0));
    limiter.set_limit("1", "uid", Some(1.0));
    let (reads, writes) = (Wall::new(&limiter, CallClass::Read), Wall::new(&limiter, CallClass::Write));
    // Older than every look, and to be done before any.
    (0..400).for_each(|number| drop(writes.ask(number, Rank::of(Priority::Retry), 1)));
    tokio::task::yield_now().await;
    (0..64).for_each(|number| drop(reads.ask(number, Rank::default(), FOR_EVER)));
    let served = || reads.served().len() + writes.served().len();
    let mut before = Vec::new();
    for edit in 1000..1040 {
        sleep(Duration::from_millis(1_300)).await;
        let from = served();
        reads.ask(edit, Rank::of(Priority::Change), 1).await.unwrap_or_default();
        before.push(served() - from - 1);
    }
    assert!(before.iter().all(|calls| *calls <= 2), "calls that went before each edit: {before:?}");
    assert!(before.iter().any(|calls| *calls > 0), "looks have their turn all the same: {before:?}");
}
