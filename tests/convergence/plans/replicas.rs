//! Family 7: two processes at once, without any lease; frozen ones that wake too late; pods whose clocks are wrong.

use std::time::Duration;

use jiff::SignedDuration;

use super::Scale;
use super::crashes::points;
use crate::runs::{Plan, References, SEED};
use crate::workflows::{self, Workflow};
use crate::world::{Blow, Moment, Rule, Setup, When};

/// Longer than tolerance, lag and every wait between looks.
const TOO_LONG: Duration = Duration::from_mins(25);

/// What two processes may do to each other is nothing. But the tags of a Retain that one of them sends late, within the
/// age of a signature, can meet a server that was taken over since: AWS has no tagging under a condition. The README
/// says so.
fn workflows() -> Vec<Workflow> {
    workflows::ALL.iter().copied().filter(|workflow| workflow.name != "W13-retain").collect()
}

/// Two processes, by seeds; some die, some stand still, some replies are lost.
pub fn two(_: &References, scale: Scale) -> Vec<Plan> {
    let chance = |operation, chance, moment, blow| Rule::on(operation, When::Chance(chance), moment, blow);
    let all = workflows();
    (0..scale.of(2000, 20_000))
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
            // An update that one of them sends late can bring a field back that left the spec since, and of which nothing
            // is recorded any more: another end, within a limit that the README names. Here a session policy leaves.
            let differs = workflow.name == "W8-role" && seed % 5 == 4;
            let setup = Setup { replicas: 2, rest: 1, listing_lag: lag, differs, ..Setup::new(seed).with(rules) };
            Plan { id: format!("two/{}/{seed}", workflow.name), workflow, setup }
        })
        .collect()
}

/// One process stands still at every step for longer than the window, and wakes up after the other has gone on.
pub fn frozen(references: &References, scale: Scale) -> Vec<Plan> {
    let mut plans = Vec::new();
    for workflow in &workflows() {
        for point in points(references, *workflow).iter().filter(|point| point.writes).step_by(scale.of(2, 1)) {
            for (name, moment) in [("before", Moment::Before), ("answered", Moment::Answered)] {
                let rules = vec![Rule::at(point.call, moment, Blow::Freeze(TOO_LONG))];
                let setup = Setup { replicas: 2, rest: 1, ..Setup::new(SEED).with(rules) };
                let id = format!("frozen/{}/{}-{name}", workflow.name, point.call);
                plans.push(Plan { id, workflow: *workflow, setup });
            }
        }
    }
    plans
}

/// Pods whose clocks are ten minutes fast and slow.
pub fn clocks(_: &References, scale: Scale) -> Vec<Plan> {
    let skews = [[600, -600], [-600, 600], [600, 600], [-600, -600]];
    let all = workflows();
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
