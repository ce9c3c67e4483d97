use super::*;
use crate::sim::time::after;

const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

fn limit(rate: f64, burst: f64, each: Each) -> RateLimit {
    RateLimit { rate, burst, each }
}

/// How many of so many calls of an operation are let through, eight a second.
fn through(buckets: &mut Buckets, limit: RateLimit, operation: &str, calls: i64) -> usize {
    let at = |call| after(NOW, SignedDuration::from_millis(125 * call));
    (0..calls).filter(|call| buckets.take(limit, "1", "eu-west-1", operation, at(*call))).count()
}

#[test]
fn a_bucket_gives_its_burst_and_then_its_rate() {
    // 1,001 calls within 125 s.
    assert_eq!(through(&mut Buckets::default(), limit(4.0, 10.0, Each::Account), "CreateUser", 1_001), 510);
    assert_eq!(through(&mut Buckets::default(), limit(2.0, 1.0, Each::Account), "CreateUser", 1_001), 251);
}

#[test]
fn operations_share_a_bucket_unless_each_has_its_own() {
    for (each, second) in [(Each::Account, 0), (Each::Operation, 10)] {
        let (mut buckets, limit) = (Buckets::default(), limit(0.001, 10.0, each));
        assert_eq!(through(&mut buckets, limit, "CreateUser", 100), 10);
        assert_eq!(through(&mut buckets, limit, "DescribeUser", 100), second, "{each:?}");
        assert!(buckets.take(limit, "2", "eu-west-1", "CreateUser", NOW), "accounts do not share");
        assert!(buckets.take(limit, "1", "us-east-1", "CreateUser", NOW), "regions do not share");
    }
}

#[test]
fn a_clock_moved_back_leaves_the_bucket_as_it_is() {
    let (mut buckets, limit) = (Buckets::default(), limit(1.0, 1.0, Each::Account));
    let mut take = |seconds| buckets.take(limit, "1", "r", "x", after(NOW, SignedDuration::from_secs(seconds)));
    assert!(take(0));
    assert!(!take(-100));
    assert!(take(-99));
}

#[test]
fn latency_is_constant_or_has_the_tail_that_was_asked_for() {
    let mut random = Random::seeded(1);
    let (p50, p99) = (SignedDuration::from_millis(30), SignedDuration::from_millis(800));
    assert_eq!(Latency { p50, p99: None }.draw(&mut random), p50);
    let tailed = Latency { p50, p99: Some(p99) };
    let drawn: Vec<SignedDuration> = (0..20_000).map(|_| tailed.draw(&mut random)).collect();
    let above = |limit: SignedDuration| drawn.iter().filter(|one| **one > limit).count();
    assert!((9_700..=10_300).contains(&above(p50)), "{}", above(p50));
    assert!((150..=250).contains(&above(p99)), "{}", above(p99));
}
