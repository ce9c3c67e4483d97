//! Family `kube-runtime`: the operator as it is delivered over the API server's protocol, so that kube's client,
//! its watches and the loop around the queue are inside the proof. kube's client draws lots, so two runs of a plan
//! differ in their traces; what must hold is the same.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::Scale;
use crate::runs::{Plan, References, SEED};
use crate::setup::{Blow, Moment, Rule, Setup, Streams, Watching, When};
use crate::workflows::{self, Workflow};

/// Versions that the store reaches in the shortest workflow.
const VERSIONS: u64 = 30;

/// A kind of trouble: its name, and what draws one of it for a workflow of so many calls.
struct ReconcileError {
    name: &'static str,
    draw: fn(&mut StdRng, u64, &mut Setup),
}

const TROUBLES: &[ReconcileError] = &[
    ReconcileError { name: "none", draw: |_, _, _| {} },
    ReconcileError { name: "kill", draw: |rng, calls, setup| kills(rng, calls, setup, 1) },
    ReconcileError { name: "kill-often", draw: |rng, calls, setup| kills(rng, calls, setup, 6) },
    ReconcileError { name: "events", draw: events },
    ReconcileError { name: "forgotten", draw: |rng, _, setup| streams(setup).forgotten = versions(rng, 5) },
    ReconcileError {
        name: "broken",
        draw: |rng, _, setup| streams(setup).broken_after = Some(Duration::from_secs(rng.random_range(5..=60))),
    },
    ReconcileError { name: "silent", draw: |rng, _, setup| streams(setup).silent = Some(window(rng, 60)) },
    ReconcileError { name: "down", draw: |rng, _, setup| streams(setup).down = Some(window(rng, 600)) },
    ReconcileError { name: "gateway", draw: gateway },
    ReconcileError { name: "conflict", draw: conflict },
    ReconcileError { name: "lost", draw: lost },
    ReconcileError { name: "flaky", draw: flaky },
    ReconcileError { name: "slow", draw: slow },
    ReconcileError { name: "all", draw: all },
];

/// Every kind of trouble in every workflow, more than once at the greater scale.
pub fn plans(references: &References, scale: Scale) -> Vec<Plan> {
    let of = |workflow: &Workflow| {
        // Of the calls at rest there may be fewer here: what is drawn has to come up.
        let reference = references.of(*workflow);
        let calls = (reference.points.len() - reference.quiet.len()) as u64;
        let numbered = TROUBLES.iter().flat_map(|trouble| (0..scale.of(1, 60)).map(move |number| (trouble, number)));
        let plan = |(trouble, number): (&ReconcileError, usize)| {
            let seed = SEED + number as u64;
            let mut setup = Setup { real: Some(Streams::default()), ..Setup::new(seed) };
            let id = format!("kube-runtime/{}/{}-{number}", workflow.name, trouble.name);
            // Drawn from its own name, so that it is the same whatever stands beside it.
            let mut rng =
                StdRng::seed_from_u64(id.bytes().fold(seed, |hash, byte| hash.wrapping_mul(31) + u64::from(byte)));
            (trouble.draw)(&mut rng, calls, &mut setup);
            Plan { id, workflow: *workflow, setup }
        };
        numbered.map(plan).collect::<Vec<_>>()
    };
    workflows::ALL.iter().flat_map(of).collect()
}

fn streams(setup: &mut Setup) -> &mut Streams {
    setup.real.get_or_insert_default()
}

fn versions(rng: &mut StdRng, count: usize) -> Vec<u64> {
    (0..count).map(|_| rng.random_range(3..=VERSIONS)).collect()
}

/// Begins while the workflow is under way.
fn window(rng: &mut StdRng, seconds: u64) -> (Duration, Duration) {
    let from = Duration::from_millis(rng.random_range(100..60_000));
    (from, from + Duration::from_secs(seconds))
}

fn moment(rng: &mut StdRng) -> Moment {
    *[Moment::Before, Moment::Sent].choose(rng).unwrap()
}

fn kills(rng: &mut StdRng, calls: u64, setup: &mut Setup, count: usize) {
    for _ in 0..count {
        let moment = *[Moment::Before, Moment::Sent, Moment::Answered].choose(rng).unwrap();
        setup.rules.push(Rule::at(rng.random_range(1..=calls), moment, Blow::Kill));
    }
}

/// Events come late, never, twice or in the wrong order.
fn events(rng: &mut StdRng, _: u64, setup: &mut Setup) {
    let delayed = versions(rng, 3).into_iter().map(|version| (version, Duration::from_secs(rng.random_range(1..=90))));
    setup.watching = Watching {
        delayed: delayed.collect(),
        dropped: versions(rng, 3),
        replayed: versions(rng, 3),
        lag: Duration::from_millis(rng.random_range(0..3000)),
    };
    streams(setup).swapped = versions(rng, 4);
}

/// A write was done, or not, and a proxy says 504: kube's client asks again by itself.
fn gateway(rng: &mut StdRng, _: u64, setup: &mut Setup) {
    for operation in ["status", "finalizer", "event"] {
        let when = When::Times { skip: rng.random_range(0..5), count: rng.random_range(1..=3) };
        setup.rules.push(Rule::on(operation, when, Moment::Sent, Blow::Gateway));
        let when = When::Times { skip: rng.random_range(5..9), count: rng.random_range(1..=30) };
        setup.rules.push(Rule::on(operation, when, moment(rng), Blow::Gateway));
    }
}

fn conflict(rng: &mut StdRng, _: u64, setup: &mut Setup) {
    for operation in ["status", "finalizer"] {
        let when = When::Times { skip: rng.random_range(0..6), count: rng.random_range(1..=5) };
        setup.rules.push(Rule::on(operation, when, Moment::Before, Blow::Conflict));
    }
    setup.rules.push(Rule::on("status", When::Chance(0.1), Moment::Before, Blow::Conflict));
}

fn lost(rng: &mut StdRng, _: u64, setup: &mut Setup) {
    for operation in ["status", "finalizer", "get", "list", "watch", "event"] {
        let when = When::Times { skip: rng.random_range(0..6), count: rng.random_range(1..=4) };
        setup.rules.push(Rule::on(operation, when, moment(rng), Blow::Lose));
    }
}

fn flaky(rng: &mut StdRng, _: u64, setup: &mut Setup) {
    let until = Duration::from_mins(rng.random_range(1..=10));
    for operation in ["status", "finalizer", "get", "list", "watch", "secret", "configmap", "discover"] {
        let blow = [Blow::Gateway, Blow::Lose, Blow::Forbidden].choose(rng).unwrap().clone();
        let moment = if blow == Blow::Forbidden { Moment::Before } else { moment(rng) };
        setup.rules.push(Rule::on(operation, When::Chance(0.1), moment, blow.clone()));
        if rng.random_bool(0.3) {
            setup.rules.push(Rule::on(operation, When::Until(until), Moment::Before, blow));
        }
    }
}

/// Answers that come after the client gave up waiting: what it asked for happens all the same, later.
fn slow(rng: &mut StdRng, _: u64, setup: &mut Setup) {
    for operation in ["status", "finalizer", "get", "list", "watch"] {
        let when = When::Times { skip: rng.random_range(0..6), count: rng.random_range(1..=4) };
        let late = Duration::from_secs(rng.random_range(5..=120));
        setup.rules.push(Rule::on(operation, when, moment(rng), Blow::Delay(late)));
    }
}

fn all(rng: &mut StdRng, calls: u64, setup: &mut Setup) {
    for trouble in TROUBLES.iter().filter(|trouble| !matches!(trouble.name, "none" | "all")) {
        if rng.random_bool(0.4) {
            (trouble.draw)(rng, calls, setup);
        }
    }
}
