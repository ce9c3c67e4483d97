//! Family 4: answers that never come, answers that lie about their effect, listings that lag, lie or break off, and an
//! API server that conflicts, times out, forbids or is away.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;

use super::Scale;
use super::crashes::points;
use crate::runs::{Plan, References, SEED};
use crate::setup::{Blow, Moment, Point, Rule, Setup, Side, When};
use crate::workflows::{self, Workflow};

/// The lag that the operator assumes, in seconds.
const LAG: i64 = 120;

/// Lags that are tried, in seconds; the longest ends a little before the window of 17 minutes.
const LAGS: [i64; 6] = [1, 30, 119, 300, 600, 990];

const INTERNAL: Blow = Blow::Error("InternalServiceError", "");
const UNAVAILABLE: Blow = Blow::Error("ServiceUnavailableException", "");

fn plan(family: &str, what: &str, workflow: Workflow, setup: Setup) -> Plan {
    Plan { id: format!("{family}/{}/{what}", workflow.name), workflow, setup }
}

/// Every call of every workflow once: no answer, and a failure, each with and without effect.
pub fn answers(references: &References, scale: Scale) -> Vec<Plan> {
    let mut plans = Vec::new();
    for workflow in workflows::ALL {
        for point in points(references, *workflow) {
            for (name, moment, blow) in blows(&point, scale) {
                let setup = Setup::new(SEED).with(vec![Rule::at(point.call, moment, blow)]);
                plans.push(plan("reply", &format!("{}-{name}", point.call), *workflow, setup));
            }
        }
    }
    scale.thin(plans, 5)
}

fn blows(point: &Point, scale: Scale) -> Vec<(&'static str, Moment, Blow)> {
    match (point.side, point.writes) {
        (Side::Aws, true) => vec![
            ("lost", Moment::Sent, Blow::Lose),
            ("unsent", Moment::Before, Blow::Lose),
            ("500-done", Moment::Sent, INTERNAL),
            ("503-undone", Moment::Before, UNAVAILABLE),
        ],
        (Side::Aws, false) if scale == Scale::Soak => {
            vec![("lost", Moment::Before, Blow::Lose), ("500", Moment::Before, INTERNAL)]
        }
        (Side::Aws, false) => vec![("lost", Moment::Before, Blow::Lose)],
        (Side::Kube, _) => vec![
            ("conflict", Moment::Before, Blow::Conflict),
            ("504-done", Moment::Sent, Blow::Gateway),
            ("504-undone", Moment::Before, Blow::Gateway),
            ("403", Moment::Before, Blow::Forbidden),
        ],
    }
}

/// A created server is invisible in listings for a while, and its answer was lost or its maker died: up to the assumed
/// lag, and where no answer proves when it was made, up to the whole window of tolerance and lag.
pub fn lags(references: &References, scale: Scale) -> Vec<Plan> {
    let mut plans = Vec::new();
    for workflow in workflows::ALL {
        let creates = references.of(*workflow).points.iter().filter(|point| point.operation == "CreateServer");
        let creates: Vec<u64> = creates.map(|point| point.call).collect();
        for (call, seconds) in creates.iter().flat_map(|call| LAGS.map(|seconds| (*call, seconds))) {
            for (name, moment, blow) in [
                ("killed", Moment::Sent, Blow::Kill),
                ("lost", Moment::Sent, Blow::Lose),
                ("500-done", Moment::Sent, INTERNAL),
                ("unsent", Moment::Before, Blow::Lose),
                ("slow", Moment::Sent, Blow::Delay(Duration::from_secs(50))),
            ] {
                if seconds > LAG && !matches!(name, "killed" | "lost") {
                    continue;
                }
                let rules = vec![Rule::at(call, moment, blow)];
                let lag = SignedDuration::from_secs(seconds);
                let setup = Setup { listing_lag: lag, ..Setup::new(SEED).with(rules) };
                plans.push(plan("lag", &format!("{call}-{seconds}s-{name}"), *workflow, setup));
            }
        }
    }
    scale.thin(plans, 3)
}

/// Pages: empty, short, broken off, and leading back to themselves, while a create must be found again.
pub fn listings(_: &References, _: Scale) -> Vec<Plan> {
    let mut plans = Vec::new();
    let workflow = workflows::named("W1-crowded");
    // Its maker dies as the server comes to be: from now on only listings and tags lead to it.
    let died = Rule::on("CreateServer", When::Times { skip: 0, count: 1 }, Moment::Sent, Blow::Kill);
    let since = |skip, count, span| When::Since { first: "CreateServer", skip, count, span };
    let (minute, longer) = (Duration::from_mins(1), Duration::from_mins(30));
    let pages =
        [("short", json!({"page_size": 1})), ("empty-first", json!({"empty_first_page": true, "page_size": 2}))];
    let trouble = [
        ("fine", None),
        ("token", Some(Blow::Error("InvalidNextTokenException", ""))),
        ("throttled", Some(Blow::Error("ThrottlingException", ""))),
        ("lost", Some(Blow::Lose)),
        ("repeated", Some(Blow::Repeat)),
    ];
    for (size, switches) in pages {
        for (name, blow) in &trouble {
            let mut add = |what: String, rule: Option<Rule>| {
                let rules = std::iter::once(died.clone()).chain(rule).collect();
                let setup = Setup { switches: switches.clone(), ..Setup::new(SEED).with(rules) };
                plans.push(plan("listing", &format!("{size}-{name}{what}"), workflow, setup));
            };
            let Some(blow) = blow else {
                add(String::new(), None);
                continue;
            };
            let strikes = |when| Some(Rule::on("ListServers", when, Moment::Before, blow.clone()));
            // Each page of the listings that look for it; and one page on, all of them for longer than the window.
            (0..6).for_each(|skip| add(format!("-{skip}"), strikes(since(skip, 2, minute))));
            (0..3).for_each(|skip| add(format!("-{skip}-on"), strikes(since(skip, u64::MAX, longer))));
        }
    }
    // What is listed cannot be described: gone since, or denied.
    for code in ["ResourceNotFoundException", "AccessDeniedException"] {
        for skip in 0..6 {
            let describe = Rule::on("DescribeServer", since(skip, 3, minute), Moment::Before, Blow::Error(code, ""));
            let rules = vec![died.clone(), describe];
            plans.push(plan("listing", &format!("{code}-{skip}"), workflow, Setup::new(SEED).with(rules)));
        }
    }
    plans
}

/// The API server: ten conflicts in a row, away for ten minutes, forbidding for an hour.
pub fn api_server(references: &References, _: Scale) -> Vec<Plan> {
    let mut plans = Vec::new();
    for workflow in workflows::ALL {
        let reference = references.of(*workflow);
        let disturbed = reference.points.iter().take(reference.quiet.start);
        let writes = disturbed.filter(|point| point.operation == "status").count();
        for skip in (0..u64::try_from(writes).unwrap().min(24)).step_by(2) {
            let conflicts = Rule::on("status", When::Times { skip, count: 10 }, Moment::Before, Blow::Conflict);
            plans.push(plan(
                "api-server",
                &format!("conflicts-{skip}"),
                *workflow,
                Setup::new(SEED).with(vec![conflicts]),
            ));
        }
        for (name, blow, span) in
            [("away", Blow::Gateway, Duration::from_mins(10)), ("forbidden", Blow::Forbidden, Duration::from_hours(1))]
        {
            let rules = ["status", "finalizer"]
                .map(|operation| Rule::on(operation, When::Until(span), Moment::Before, blow.clone()))
                .to_vec();
            plans.push(plan("api-server", name, *workflow, Setup::new(SEED).with(rules)));
        }
        let halves = ["status", "finalizer", "get"]
            .map(|operation| Rule::on(operation, When::Chance(0.3), Moment::Before, Blow::Gateway));
        plans.push(plan("api-server", "flaky", *workflow, Setup::new(SEED).with(halves.to_vec())));
    }
    plans
}
