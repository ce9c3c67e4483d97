//! Family 4: answers that never come, answers that lie about their effect, listings that lag, lie or break off, and an
//! API server that conflicts, times out, forbids or is away.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;

use super::Scale;
use super::crashes::points;
use crate::runs::{Plan, References, SEED};
use crate::workflows::{self, Workflow};
use crate::world::{Blow, Moment, Point, Rule, Setup, Side, When};

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
    scale.thin(plans, 3)
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

/// A created server is invisible in listings for a while: up to what is assumed, and its answer was lost or its maker died.
pub fn lags(references: &References, scale: Scale) -> Vec<Plan> {
    let mut plans = Vec::new();
    for workflow in workflows::ALL {
        let creates = references.of(*workflow).points.iter().filter(|point| point.operation == "CreateServer");
        let creates: Vec<u64> = creates.map(|point| point.call).collect();
        for (call, seconds) in creates.iter().flat_map(|call| [1, 30, 119].map(|seconds| (*call, seconds))) {
            for (name, moment, blow) in [
                ("killed", Moment::Sent, Blow::Kill),
                ("lost", Moment::Sent, Blow::Lose),
                ("500-done", Moment::Sent, INTERNAL),
                ("unsent", Moment::Before, Blow::Lose),
                ("slow", Moment::Sent, Blow::Delay(Duration::from_secs(50))),
            ] {
                let rules = vec![Rule::at(call, moment, blow)];
                let lag = SignedDuration::from_secs(seconds);
                let setup = Setup { listing_lag: lag, ..Setup::new(SEED).with(rules) };
                plans.push(plan("lag", &format!("{call}-{seconds}s-{name}"), *workflow, setup));
            }
        }
    }
    plans.truncate(scale.of(120, usize::MAX));
    plans
}

/// Pages: empty, short, broken off, and leading back to themselves, while a create must be found again.
pub fn listings(references: &References, _: Scale) -> Vec<Plan> {
    let mut plans = Vec::new();
    let workflow = workflows::named("W1-crowded");
    let creates = references.of(workflow).points.iter().filter(|point| point.operation == "CreateServer");
    let create = creates.map(|point| point.call).next().unwrap();
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
            for skip in 0..8 {
                let mut rules = vec![Rule::at(create, Moment::Sent, Blow::Kill)];
                rules.extend(
                    blow.clone()
                        .map(|blow| Rule::on("ListServers", When::Times { skip, count: 2 }, Moment::Before, blow)),
                );
                let setup = Setup { switches: switches.clone(), ..Setup::new(SEED).with(rules) };
                plans.push(plan("listing", &format!("{size}-{name}-{skip}"), workflow, setup));
            }
        }
    }
    // What is listed cannot be described: gone since, or denied.
    for code in ["ResourceNotFoundException", "AccessDeniedException"] {
        for skip in 0..8 {
            let describe =
                Rule::on("DescribeServer", When::Times { skip, count: 3 }, Moment::Before, Blow::Error(code, ""));
            let rules = vec![Rule::at(create, Moment::Sent, Blow::Kill), describe];
            plans.push(plan("listing", &format!("{code}-{skip}"), workflow, Setup::new(SEED).with(rules)));
        }
    }
    plans
}

/// The API server: ten conflicts in a row, away for ten minutes, forbidding for an hour.
pub fn api_server(references: &References, _: Scale) -> Vec<Plan> {
    let mut plans = Vec::new();
    for workflow in workflows::ALL {
        let writes = references.of(*workflow).points.iter().filter(|point| point.side == Side::Kube).count();
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
