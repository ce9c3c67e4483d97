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
    /// So many in any second.
    Window { most: usize, seen: VecDeque<f64> },
}

impl Aws {
    fn bucket(rate: f64, size: f64) -> Self {
        Self::Bucket { rate, size, tokens: size, at: 0.0 }
    }

    fn window(most: usize) -> Self {
        Self::Window { most, seen: VecDeque::new() }
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
            Self::Window { most, seen } => {
                while seen.front().is_some_and(|first| now - first >= 1.0) {
                    seen.pop_front();
                }
                let taken = seen.len() < *most;
                if taken {
                    seen.push_back(now);
                }
                taken
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
                pace.throttled(came, None);
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
    let sliding = run(learnt(), 1000, &mut Aws::window(20), |_, _| {});
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
    // It had learnt 5 and tries 2 % more each second: what it misses is the price of few throttled calls.
    assert!(rises.seconds <= 105.0 && rises.throttled <= 0.06, "rises: {rises:?}");
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
                Some(rest) => pace.throttled(now, rest.map(Duration::from_secs)),
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
