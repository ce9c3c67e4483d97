//! The pace against an AWS that throttles, in time of our own: how near it comes to what AWS takes, and at what price.

use std::collections::VecDeque;
use std::time::Duration;

use proptest::prelude::*;

use super::Rates;
use super::pace::{Pace, Rate};
use crate::sync::Instant;

/// From a call until its answer, half of it on the way there.
const LATENCY: Duration = Duration::from_millis(30);

/// What AWS might count by.
#[derive(Clone, Debug)]
enum Aws {
    /// A token bucket: rate, size.
    Bucket { rate: f64, size: f64, tokens: f64, at: f64 },
    /// So many in any span of so many seconds.
    Window { most: usize, span: f64, seen: VecDeque<f64> },
    /// So many in each second of the clock.
    Seconds { most: u32, second: f64, seen: u32 },
    /// Operations that take turns, each with a limit of its own.
    Operations(VecDeque<Aws>),
}

impl Aws {
    fn bucket(rate: f64, size: f64) -> Self {
        Self::Bucket { rate, size, tokens: size, at: 0.0 }
    }

    fn window(most: usize, span: f64) -> Self {
        Self::Window { most, span, seen: VecDeque::new() }
    }

    /// Whether a call that comes at this second is taken.
    fn takes(&mut self, now: f64) -> bool {
        match self {
            Self::Bucket { rate, size, tokens, at } => {
                *tokens = (*tokens + (now - *at) * *rate).min(*size);
                *at = now;
                let taken = *tokens >= 1.0;
                *tokens -= f64::from(u8::from(taken));
                taken
            }
            Self::Window { most, span, seen } => {
                while seen.front().is_some_and(|first| now - first >= *span) {
                    seen.pop_front();
                }
                let taken = seen.len() < *most;
                if taken {
                    seen.push_back(now);
                }
                taken
            }
            Self::Seconds { most, second, seen } => {
                if now.floor() > *second {
                    (*second, *seen) = (now.floor(), 0);
                }
                let taken = *seen < *most;
                *seen += u32::from(taken);
                taken
            }
            Self::Operations(each) => {
                each.rotate_left(1);
                each.front_mut().is_some_and(|operation| operation.takes(now))
            }
        }
    }
}

/// What came of a crowd that always wants to send.
#[derive(Debug)]
struct Run {
    seconds: f64,
    throttled: f64,
}

/// Sends until so many calls were taken. `at` may do something to AWS at each second of the run.
fn run(rate: Rate, calls: u32, aws: &mut Aws, mut at: impl FnMut(f64, &mut Aws)) -> Run {
    let begin = Instant::now();
    let (mut pace, mut now) = (Pace::new(rate, None, begin), begin);
    let mut answers: VecDeque<(Instant, bool)> = VecDeque::new();
    let (mut sent, mut taken, mut second) = (0_u32, 0_u32, 0.0);
    while taken < calls {
        // Answers that came until now, in their order.
        while let Some((came, ok)) = answers.pop_front_if(|(came, _)| *came <= now) {
            if ok {
                taken += 1;
            } else {
                let _cut = pace.throttled(came, None);
            }
        }
        if let Some(wait) = pace.take(now) {
            let next = answers.front().map_or(now + wait, |(came, _)| (*came).min(now + wait));
            now = next.max(now + Duration::from_nanos(1));
            continue;
        }
        let there = (now.duration_since(begin) + LATENCY / 2).as_secs_f64();
        while there > second {
            at(second, aws);
            second += 1.0;
        }
        sent += 1;
        answers.push_back((now + LATENCY, aws.takes(there)));
    }
    Run {
        seconds: now.duration_since(begin).as_secs_f64(),
        throttled: f64::from(sent - taken.min(sent)) / f64::from(sent),
    }
}

fn learnt() -> Rate {
    Rates::default().write
}

/// Users of other tools, peers.md C 31: one limiter for all that is called.
#[test]
fn a_thousand_calls_take_hardly_longer_than_aws_needs() {
    // Each look for more costs a call, which is the more of few.
    for (rate, size, throttled) in [(5.0, 10.0, 0.06), (20.0, 10.0, 0.05), (50.0, 100.0, 0.05), (2.0, 2.0, 0.12)] {
        let run = run(learnt(), 1000, &mut Aws::bucket(rate, size), |_, _| {});
        let ideal = (1000.0 - size) / rate;
        assert!(run.seconds <= 1.07 * ideal && run.throttled <= throttled, "{rate} a second: {run:?}, ideal {ideal}");
    }
}

#[test]
fn it_does_so_whatever_aws_counts_by_and_while_the_limit_changes() {
    let sliding = run(learnt(), 1000, &mut Aws::window(20, 1.0), |_, _| {});
    assert!(sliding.seconds <= 1.15 * 1000.0 / 20.0 && sliding.throttled <= 0.1, "a window: {sliding:?}");
    let falls = run(learnt(), 1000, &mut Aws::bucket(20.0, 10.0), |second, aws| {
        if second.total_cmp(&20.0).is_eq() {
            *aws = Aws::Bucket { rate: 5.0, size: 10.0, tokens: 0.0, at: second };
        }
    });
    // 400 in the first 20 seconds, 600 at 5 a second.
    assert!(falls.seconds <= 1.1 * 140.0 && falls.throttled <= 0.1, "falls: {falls:?}");
    let rises = run(learnt(), 1000, &mut Aws::bucket(5.0, 10.0), |second, aws| {
        if second.total_cmp(&20.0).is_eq() {
            *aws = Aws::Bucket { rate: 20.0, size: 10.0, tokens: 0.0, at: second };
        }
    });
    // 100 in the first 20 seconds, 900 in 45 more. It had learnt 5, and finds out that this is no longer so.
    assert!(rises.seconds <= 1.2 * 65.0 && rises.throttled <= 0.06, "rises: {rises:?}");
}

/// How long 1,000 calls take against what AWS needs for them at least, and how many are throttled, in percent. The first
/// six rows are what is aimed at; of the others the numbers are what the rule reaches, and may not get worse.
#[test]
fn ratio_and_throttled_share_hold_whatever_aws_counts_by() {
    let seconds = |most| Aws::Seconds { most, second: 0.0, seen: 0 };
    let operations = |one, other| Aws::Operations([Aws::bucket(one, 10.0), Aws::bucket(other, 10.0)].into());
    let rows = [
        ("5 a second, 10 at once", Aws::bucket(5.0, 10.0), 990.0 / 5.0, 1.07, 6.0),
        ("20 a second, 10 at once", Aws::bucket(20.0, 10.0), 990.0 / 20.0, 1.07, 5.0),
        ("10 a second, 10 at once", Aws::bucket(10.0, 10.0), 990.0 / 10.0, 1.07, 5.0),
        ("20 a second, 40 at once", Aws::bucket(20.0, 40.0), 960.0 / 20.0, 1.07, 5.0),
        ("20 in any second", Aws::window(20, 1.0), 1000.0 / 20.0, 1.07, 5.0),
        ("20 in each second", seconds(20), 1000.0 / 20.0, 1.07, 5.0),
        // A bucket of one call: two that come a moment too close are one too many.
        ("20 a second, one at once", Aws::bucket(20.0, 1.0), 999.0 / 20.0, 1.08, 3.0),
        ("5 a second, one at once", Aws::bucket(5.0, 1.0), 999.0 / 5.0, 1.10, 8.0),
        ("5 in any second", Aws::window(5, 1.0), 1000.0 / 5.0, 1.09, 8.0),
        ("5 in each second", seconds(5), 1000.0 / 5.0, 1.04, 8.0),
        // What is full stays so for ten seconds, whatever the rate.
        ("50 in any ten seconds", Aws::window(50, 10.0), 1000.0 / 5.0, 1.07, 9.0),
        ("200 in any ten seconds", Aws::window(200, 10.0), 1000.0 / 20.0, 1.08, 17.0),
        // All of a class go at the pace of the operation that AWS takes least of.
        ("one operation 5, the other 20", operations(5.0, 20.0), 980.0 / 10.0, 1.07, 5.0),
        ("each operation 5", operations(5.0, 5.0), 980.0 / 10.0, 1.07, 6.0),
    ];
    for (name, mut aws, ideal, ratio, share) in rows {
        let run = run(learnt(), 1000, &mut aws, |_, _| {});
        let (took, throttled) = (run.seconds / ideal, run.throttled * 100.0);
        eprintln!("{name}: {took:.3}, {throttled:.1} %");
        assert!(took <= ratio && throttled <= share, "{name}: {took:.3} of {ratio}, {throttled:.1} % of {share}");
    }
}

#[test]
fn what_another_client_takes_now_and_then_is_used_in_between() {
    for (rate, ratio, share) in [(5.0, 1.2, 14.0), (20.0, 1.36, 8.0)] {
        let run = run(learnt(), 1000, &mut Aws::bucket(rate, 10.0), |second, aws| {
            if let Aws::Bucket { tokens, .. } = aws
                && (second / 20.0).rem_euclid(2.0) < 1.0
            {
                *tokens -= rate / 2.0;
            }
        });
        let (took, throttled) = (run.seconds / (1000.0 / (rate * 0.75)), run.throttled * 100.0);
        eprintln!("{rate} a second, half of it taken every other 20 seconds: {took:.3}, {throttled:.1} %");
        assert!(took <= ratio && throttled <= share, "{rate}: {took:.3}, {throttled:.1} %");
    }
}

#[test]
fn of_a_client_that_takes_half_the_other_half_is_used() {
    let half = run(learnt(), 1000, &mut Aws::bucket(20.0, 10.0), |_, aws| {
        if let Aws::Bucket { tokens, .. } = aws {
            // Ten a second of another tool, as they come.
            *tokens -= 10.0;
        }
    });
    assert!(half.seconds <= 1.25 * 100.0 && half.throttled <= 0.12, "{half:?}");
}

#[test]
fn a_rest_teaches_nothing_and_a_ceiling_holds() {
    let begin = Instant::now();
    let mut pace = Pace::new(learnt(), None, begin);
    for second in 0..100 {
        assert_eq!(pace.take(begin + Duration::from_secs(second)), None);
    }
    assert!(pace.rate() < 10.001, "one call a second says nothing of more: {}", pace.rate());
    let capped = run(Rate { ceiling: 7.0, ..learnt() }, 700, &mut Aws::bucket(1e6, 1e6), |_, _| {});
    assert!((97.0..101.0).contains(&capped.seconds) && capped.throttled == 0.0, "{capped:?}");
}

#[test]
fn a_rate_that_rose_far_above_the_one_that_throttled_is_what_was_learnt() {
    let begin = Instant::now();
    let mut pace = Pace::new(learnt(), Some(20.0), begin);
    let mut now = begin;
    let mut sends = |pace: &mut Pace, seconds| {
        let until = now + Duration::from_secs(seconds);
        while now < until {
            now += pace.take(now).unwrap_or_default();
        }
        now
    };
    let bad = sends(&mut pace, 5);
    assert!(pace.throttled(bad, None));
    let throttled_at = pace.learnt().unwrap_or_default();
    sends(&mut pace, 2);
    assert_eq!(pace.learnt(), Some(throttled_at), "nothing else is known yet");
    sends(&mut pace, 120);
    assert!(pace.rate() > 2.0 * throttled_at, "AWS takes more by now: {}", pace.rate());
    assert_eq!(pace.learnt(), Some(pace.rate()));
}

proptest! {
    /// Whatever happens: never above the ceiling, never so slow that nothing is learnt any more, never more calls than
    /// tokens, and nobody waits for ever.
    #[test]
    fn the_rate_stays_between_its_bounds_and_every_wait_ends(
        events in prop::collection::vec((0_u64..3_000, prop::option::weighted(0.3, prop::option::of(0_u64..20))), 1..300),
        ceiling in 0.3_f64..60.0,
    ) {
        let rate = Rate { start: 10.0, ceiling, burst_seconds: 2.0 };
        let begin = Instant::now();
        let (mut pace, mut now, mut calls) = (Pace::new(rate, None, begin), begin, 0_u32);
        for (milliseconds, throttle) in events {
            now += Duration::from_millis(milliseconds);
            match throttle {
                Some(rest) => drop(pace.throttled(now, rest.map(Duration::from_secs))),
                None => calls += u32::from(pace.take(now).is_none()),
            }
            prop_assert!(pace.rate() <= ceiling && pace.rate() >= 0.19, "{}", pace.rate());
        }
        let most = (ceiling * 2.0).max(1.0) + now.duration_since(begin).as_secs_f64() * ceiling;
        prop_assert!(f64::from(calls) <= most + 0.001, "{calls} calls, {most} allowed");
        let mut waits = 0;
        while let Some(wait) = pace.take(now) {
            now += wait;
            waits += 1;
            prop_assert!(waits < 5 && wait <= Duration::from_secs(20), "{wait:?}");
        }
    }
}
