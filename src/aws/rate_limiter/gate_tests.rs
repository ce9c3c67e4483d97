//! Two classes that send all they may, against an AWS that counts them together or apart, in virtual time.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use futures::future::join_all;

use super::super::RateLimiter;
use super::*;
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::{Mutex, sleep};

/// From a call until its answer, on average: where all took the same time, both classes would keep step for ever, each
/// throttled at the same two rates each time.
const LATENCY: Duration = Duration::from_millis(30);

/// Calls under way at once of each class.
const CROWD: usize = 8;

/// AWS's token bucket.
#[derive(Debug)]
struct Bucket {
    rate: f64,
    size: f64,
    tokens: f64,
    at: Instant,
}

impl Bucket {
    fn new(rate: f64, size: f64) -> Self {
        Self { rate, size, tokens: size, at: Instant::now() }
    }

    fn takes(&mut self) -> bool {
        self.tokens = (self.tokens + self.at.elapsed().as_secs_f64() * self.rate).min(self.size);
        self.at = Instant::now();
        let taken = self.tokens >= 1.0;
        self.tokens -= f64::from(u8::from(taken));
        taken
    }
}

/// What came of a class: calls that were taken, and that were throttled.
#[derive(Clone, Copy, Debug, Default)]
struct Came {
    taken: u32,
    throttled: u32,
}

/// An account whose buckets are those of reads and of writes, or one for both.
struct Run {
    limiter: Arc<RateLimiter>,
    buckets: Mutex<Vec<Bucket>>,
    came: Mutex<BTreeMap<CallClass, Came>>,
    calls: AtomicU32,
}

impl Run {
    fn new(rates: Rates, buckets: Vec<Bucket>) -> Self {
        Self {
            limiter: RateLimiter::new(rates),
            buckets: Mutex::new(buckets),
            came: Mutex::default(),
            calls: AtomicU32::new(0),
        }
    }

    /// Each class sends for so long.
    async fn send(&self, classes: &[CallClass], span: Duration) -> BTreeMap<CallClass, Came> {
        self.came.lock().unwrap().clear();
        let crowd = classes.iter().flat_map(|class| (0..CROWD).map(|_| self.one(*class, span)));
        join_all(crowd).await;
        self.came.lock().unwrap().clone()
    }

    async fn one(&self, class: CallClass, span: Duration) {
        let begin = Instant::now();
        while begin.elapsed() < span {
            let _ = self.limiter.acquire("1", "r", class, Rank::default()).await;
            let number = self.calls.fetch_add(1, Ordering::SeqCst);
            let latency = LATENCY.mul_f64(0.5 + f64::from(number.wrapping_mul(7919) % 101) / 100.0);
            sleep(latency / 2).await;
            let index = usize::from(class == CallClass::Write).min(self.buckets.lock().unwrap().len() - 1);
            let taken = self.buckets.lock().unwrap()[index].takes();
            sleep(latency / 2).await;
            let mut came = self.came.lock().unwrap();
            let came = came.entry(class).or_default();
            if taken {
                came.taken += 1;
            } else {
                came.throttled += 1;
                self.limiter.throttled("1", "r", class, None);
            }
        }
    }

    fn together(&self) -> bool {
        self.limiter.lock().values().any(|gate| gate.shared.line(CallClass::Write).is_some())
    }
}

const BOTH: [CallClass; 2] = [CallClass::Read, CallClass::Write];

#[tokio::test(start_paused = true)]
async fn classes_of_one_bucket_join_and_one_alone_has_all_of_it() {
    for rate in [5.0, 10.0, 20.0, 40.0] {
        let run = Run::new(Rates::default(), vec![Bucket::new(rate, 10.0)]);
        let mut minutes = 0;
        let mut apart = Vec::new();
        while !run.together() && minutes < 20 {
            apart = run.send(&BOTH, Duration::from_mins(1)).await.into_values().collect();
            minutes += 1;
        }
        assert!(run.together(), "{rate} a second: not within {minutes} minutes");
        let together = run.send(&BOTH, Duration::from_mins(5)).await;
        let (read, write) = (together[&CallClass::Read], together[&CallClass::Write]);
        let ideal = rate * 300.0;
        let taken = f64::from(read.taken + write.taken) / ideal;
        let throttled = f64::from(read.throttled + write.throttled) / ideal;
        eprintln!("{rate} a second: after {minutes} minutes; apart {apart:?}, together {taken:.3}, {throttled:.3}");
        assert!(taken >= 0.95 && throttled <= 0.06, "{rate} a second: {together:?}");
        let halves = f64::from(read.taken) / f64::from(write.taken);
        assert!((0.9..1.1).contains(&halves), "each has its half: {together:?}");
        let alone = run.send(&[CallClass::Write], Duration::from_mins(1)).await[&CallClass::Write];
        assert!(f64::from(alone.taken) >= rate * 60.0 * 0.93, "{rate} a second: {alone:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn classes_with_buckets_of_their_own_stay_apart() {
    for (read, write) in [(10.0, 10.0), (20.0, 5.0), (5.0, 50.0), (12.0, 10.0), (20.0, 20.0)] {
        let run = Run::new(Rates::default(), vec![Bucket::new(read, 10.0), Bucket::new(write, 10.0)]);
        for minute in 0..60 {
            let came = run.send(&BOTH, Duration::from_mins(1)).await;
            assert!(!run.together(), "{read} and {write} a second, after {minute} minutes");
            let enough = f64::from(came[&CallClass::Read].taken) >= read * 60.0 * 0.85
                && f64::from(came[&CallClass::Write].taken) >= write * 60.0 * 0.85;
            assert!(enough, "{read} and {write} a second, minute {minute}: {came:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn classes_that_were_joined_wrongly_are_parted() {
    let run = Run::new(Rates::default(), vec![Bucket::new(5.0, 10.0), Bucket::new(40.0, 10.0)]);
    run.send(&BOTH, Duration::from_mins(1)).await;
    // Points as a shared bucket would have made them.
    {
        let mut gates = run.limiter.lock();
        let gate = gates.values_mut().next().unwrap();
        assert!(joins(&mut gate.shared, BOTH, &of(|n| 10.0 - n)));
        let line = Line::new(Pace::new(Rates::default().read, Some(40.0), Instant::now()));
        gate.lines.insert(LineOf::Joined(CallClass::Read), line);
    }
    assert!(run.together());
    let mut minutes = 0;
    while run.together() && minutes < 10 {
        run.send(&BOTH, Duration::from_mins(1)).await;
        minutes += 1;
    }
    assert!(minutes < 10, "they are still joined");
    let came = run.send(&BOTH, Duration::from_mins(1)).await;
    assert!(came[&CallClass::Write].taken > 1_500, "each has its own rate again: {came:?}");
}

#[tokio::test(start_paused = true)]
async fn a_class_that_a_person_bounds_is_not_joined() {
    let run = Run::new(Rates::at_most(None, Some(9.0), None), vec![Bucket::new(10.0, 10.0)]);
    for _ in 0..10 {
        run.send(&BOTH, Duration::from_mins(1)).await;
        assert!(!run.together());
    }
}

/// Points of which the first is this of the second.
fn of(own: fn(f64) -> f64) -> Vec<(f64, f64)> {
    (0..8).map(|n| (own(f64::from(n)), f64::from(n))).collect()
}

/// Whether these points of both classes join them.
fn joins(shared: &mut Shared, [one, other]: [CallClass; 2], points: &[(f64, f64)]) -> bool {
    points.iter().any(|(own, beside)| {
        shared.throttled(one, *own, &[(other, *beside)]).is_some()
            || shared.throttled(other, *beside, &[(one, *own)]).is_some()
    })
}

#[test]
fn only_points_that_fall_one_for_one_join() {
    let joins = |points: &[(f64, f64)]| joins(&mut Shared::default(), BOTH, points);
    assert!(joins(&of(|n| 10.0 - n)));
    assert!(joins(&of(|n| 10.0 - n * 1.2)));
    assert!(!joins(&of(|_| 10.0)), "the other makes no difference");
    assert!(!joins(&of(|n| 10.0 + n)), "both rise");
    assert!(!joins(&of(|n| 10.0 - n * 0.3)), "hardly any");
    assert!(!joins(&of(|n| 10.0 - n)[..7]), "too few");
    assert!(!joins(&[(10.0, 3.0); 8]), "no difference between them");
    let scattered = [(9.0, 1.0), (5.0, 2.0), (9.5, 3.0), (4.0, 4.0), (8.0, 5.0), (2.0, 6.0), (6.0, 7.0), (3.0, 8.0)];
    assert!(!joins(&scattered), "by chance");
    let mut shared = Shared::default();
    let one_way = |(own, other): (f64, f64)| shared.throttled(CallClass::Read, own, &[(CallClass::Write, other)]);
    assert_eq!(of(|n| 10.0 - n).into_iter().find_map(one_way), None, "seen of one of them only");
    let services = [CallClass::Read, CallClass::Sts];
    assert!(!super::tests::joins(&mut Shared::default(), services, &of(|n| 10.0 - n)), "another service");
}
