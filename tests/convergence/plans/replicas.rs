//! Family 7: two processes at once, without any lease; frozen ones that wake too late; pods whose clocks are wrong.

use std::time::Duration;

use jiff::SignedDuration;

use super::Scale;
use super::crashes::told_apart;
use crate::oracle::unchecked::{self, Check, Row};
use crate::runs::{self, Plan, References, SEED};
use crate::setup::{Blow, Moment, Rule, Setup, When};
use crate::workflows::{self, Workflow};

/// Longer than tolerance, lag and every wait between looks.
const TOO_LONG: Duration = Duration::from_mins(25);

/// Minutes for which a process stands still.
const SPANS: [u64; 4] = [1, 4, 14, 25];

/// What two processes may do to each other is nothing. But what one of them sends late has limits.
fn late(workflow: Workflow, operation: Option<&str>, comes: bool) -> Vec<Row> {
    if comes { unchecked::late(workflow.name, operation) } else { Vec::new() }
}

fn is_run(plan: &Plan) -> bool {
    !plan.setup.skips(Check::All)
}

/// Two processes, by seeds; some die, some stand still, some replies are lost.
pub fn two(_: &References, scale: Scale) -> Vec<Plan> {
    let chance = |operation, chance, moment, blow| Rule::on(operation, When::Chance(chance), moment, blow);
    let all = workflows::ALL;
    (0_usize..)
        .map(|seed| {
            let workflow = all[seed % all.len()];
            let seed = u64::try_from(seed).unwrap();
            let rules = match seed % 5 {
                0 => vec![],
                1 => vec![chance("", 0.02, Moment::Sent, Blow::Kill)],
                2 => vec![chance("", 0.01, Moment::Before, Blow::Freeze(TOO_LONG))],
                3 => vec![
                    chance("CreateServer", 0.5, Moment::Sent, Blow::Lose),
                    chance("CreateUser", 0.5, Moment::Sent, Blow::Lose),
                    chance("CreateAccess", 0.5, Moment::Sent, Blow::Lose),
                ],
                _ => vec![
                    chance("", 0.01, Moment::Before, Blow::Freeze(Duration::from_mins(4))),
                    chance("", 0.01, Moment::Answered, Blow::Kill),
                    chance("status", 0.05, Moment::Sent, Blow::Gateway),
                ],
            };
            let lag = SignedDuration::from_secs(i64::try_from(seed % 3).unwrap() * 55);
            let setup = Setup {
                replicas: 2,
                rest: 1,
                listing_lag: lag,
                unchecked: late(workflow, None, seed % 5 == 4),
                ..Setup::new(seed).with(rules)
            };
            Plan { id: format!("two/{}/{seed}", workflow.name), workflow, setup }
        })
        .filter(is_run)
        .take(scale.of(2000, 20_000))
        .collect()
}

/// One process stands still at every step, for less and for longer than a signature counts, and wakes up after the
/// other has gone on.
pub fn frozen(_: &References, scale: Scale) -> Vec<Plan> {
    let mut plans = Vec::new();
    for workflow in workflows::ALL {
        let two = Setup { replicas: 2, rest: 1, ..Setup::new(SEED) };
        // Calls are counted over both, so the run that is aimed at has both.
        let undisturbed = runs::run(*workflow, two.clone());
        let points = told_apart(&undisturbed.points[..undisturbed.quiet.start]);
        let moments = [("before", Moment::Before), ("answered", Moment::Answered)];
        let writes = points.iter().filter(|point| point.writes);
        let freezes =
            writes.flat_map(|point| moments.iter().flat_map(move |at| SPANS.map(|minutes| (point, at, minutes))));
        for (point, (name, moment), minutes) in freezes {
            let span = Duration::from_mins(minutes);
            let rules = vec![Rule::at(point.call, *moment, Blow::Freeze(span))];
            let unchecked = late(*workflow, Some(&point.operation), span < TOO_LONG);
            let setup = Setup { unchecked, ..two.clone().with(rules) };
            let id = format!("frozen/{}/{}-{name}-{minutes}", workflow.name, point.call);
            plans.push(Plan { id, workflow: *workflow, setup });
        }
    }
    plans.retain(is_run);
    scale.thin(plans, 9)
}

/// Pods whose clocks are ten minutes fast and slow.
pub fn clocks(_: &References, scale: Scale) -> Vec<Plan> {
    let skews = [[600, -600], [-600, 600], [600, 600], [-600, -600]];
    let all = workflows::ALL;
    (0..scale.of(40, 400))
        .map(|seed| {
            let workflow = all[seed % all.len()];
            let skews = skews[seed / all.len() % skews.len()].map(SignedDuration::from_secs).to_vec();
            let seed = u64::try_from(seed).unwrap();
            let rules = vec![Rule::on("", When::Chance(0.01), Moment::Sent, Blow::Kill)];
            let setup = Setup { replicas: 2, rest: 1, skews, ..Setup::new(seed).with(rules) };
            Plan { id: format!("clocks/{}/{seed}", workflow.name), workflow, setup }
        })
        .collect()
}
