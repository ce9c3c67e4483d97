//! What tasks share, under every kind of schedule: the source files of the operator itself, built here on `shuttle`'s
//! primitives (`sync`), so that at every lock and every await it is chosen who goes on.
//!
//! A failure prints the schedule; `shuttle::replay` runs it again. There is no test harness: with one, the unit tests
//! beside the included code would be built as well, and they run on tokio.
//!
//! To add something shared: let its file take its primitives from `crate::sync`, include it in
//! `aws`, `engine` or `kinds` beside the others, and write its check.

#![allow(clippy::unwrap_used, clippy::panic)]
#![allow(clippy::disallowed_methods, reason = "how long the schedules took is printed")]

mod api;
mod aws;
mod checks;
mod engine;
mod kinds;
mod shutdown;
mod sync;

use std::time::Instant;

use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, Runner};

/// Schedules of each kind for each check; a soak multiplies them.
const SCHEDULES: usize = 1000;
/// Orderings that a schedule of the second kind (PCT) turns around.
const TURNS: usize = 3;

/// Name and check; a check is one run, and panics where something is wrong.
const CHECKS: [(&str, fn()); 7] = [
    ("the gate keeps to burst and rate, and loses no permit", checks::rate_limiter::rate),
    ("a breaker lets one probe through, and a lost one keeps nothing shut", checks::circuit::one_probe),
    ("one reconcile at a time works on an object, and it never stays busy", checks::busy::one_at_a_time),
    ("nobody gets a look-up that began before it was asked for", checks::tag_index::none_too_old),
    ("AWS's clock never runs ahead of AWS", checks::clock::never_ahead),
    ("the source of credentials is asked once at a time", checks::credentials::asked_once),
    ("credentials that were refused are not given again", checks::credentials::refused_is_gone),
];

fn main() {
    let times: usize = std::env::var("SCHEDULES_TIMES").map_or(1, |text| text.parse().unwrap());
    // Like a test harness: a word on the command line selects what has it in its name.
    let word = std::env::args().skip(1).find(|word| !word.starts_with('-')).unwrap_or_default();
    let schedules = SCHEDULES * times;
    let mut ran = 0;
    for (name, check) in CHECKS.into_iter().filter(|(name, _)| name.contains(&word)) {
        ran += 1;
        report(name, 2 * schedules, || {
            Runner::new(RandomScheduler::new(schedules), config()).run(check);
            Runner::new(PctScheduler::new(TURNS, schedules), config()).run(check);
        });
    }
    for (name, check) in shutdown::CHECKS.into_iter().filter(|(name, _)| name.contains(&word)) {
        ran += 1;
        report(name, schedules, || (0..schedules).for_each(|seed| check(seed.try_into().unwrap())));
    }
    assert!(ran > 0, "no check has {word:?} in its name");
}

fn report(name: &str, schedules: usize, run: impl FnOnce()) {
    let start = Instant::now();
    run();
    println!("{name}: {schedules} schedules, {:.1?}", start.elapsed());
}

fn config() -> Config {
    let mut config = Config::new();
    // Unoptimised futures are large.
    config.stack_size = 256 * 1024;
    config
}
