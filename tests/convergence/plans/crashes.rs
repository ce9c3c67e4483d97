//! Families 1 to 3: the process dies at every point, at every pair of points, and one step later each time.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::Scale;
use crate::runs::{Plan, References, SEED};
use crate::setup::{Blow, Moment, Point, Rule, Setup, Side};
use crate::workflows::{self, Workflow};

/// Moments at which the death of the process makes a difference to the world or to what was written down.
const MOMENTS: [Moment; 3] = [Moment::Before, Moment::Sent, Moment::Answered];

/// How many of a workflow's reads in a row by the same operation are told apart: a server that waits to be deleted lists
/// its users hundreds of times, and the fifth death there says what the fiftieth would.
const ALIKE: usize = 4;

/// The points of a workflow: every write of either side, and every read of AWS but the repetitions of a wait.
pub fn points(references: &References, workflow: Workflow) -> Vec<Point> {
    told_apart(&references.of(workflow).points)
}

/// The same of any run.
pub fn told_apart(points: &[Point]) -> Vec<Point> {
    let mut run: Vec<String> = Vec::new();
    let alike = |run: &mut Vec<String>, point: &Point| {
        if point.writes {
            run.clear();
            return true;
        }
        run.push(point.operation.clone());
        run.iter().filter(|operation| **operation == point.operation).count() <= ALIKE
    };
    points.iter().filter(|point| alike(&mut run, point)).cloned().collect()
}

fn plan(family: &str, workflow: Workflow, kills: &[(u64, Moment)]) -> Plan {
    let rules = kills.iter().map(|(call, moment)| Rule::at(*call, *moment, Blow::Kill)).collect();
    let at: Vec<String> = kills.iter().map(|(call, moment)| format!("{call}-{moment:?}")).collect();
    let id = format!("{family}/{}/{}", workflow.name, at.join("+"));
    Plan { id, workflow, setup: Setup::new(SEED).with(rules) }
}

/// A read that dies before it is sent is one that dies after the call before it.
fn moments(point: &Point) -> &'static [Moment] {
    if point.writes || point.side == Side::Kube { &MOMENTS } else { &MOMENTS[1..2] }
}

/// Family 1.
pub fn single(references: &References, _: Scale) -> Vec<Plan> {
    let of = |workflow: &Workflow| {
        let points = points(references, *workflow);
        let kills = points.iter().flat_map(|point| moments(point).iter().map(|moment| (point.call, *moment)));
        kills.map(|kill| plan("kill", *workflow, &[kill])).collect::<Vec<_>>()
    };
    workflows::ALL.iter().flat_map(of).collect()
}

/// Family 2: the second death counts its call in the run that the first death made.
pub fn pairs(references: &References, scale: Scale) -> Vec<Plan> {
    let mut rng = StdRng::seed_from_u64(SEED);
    let mut all = Vec::new();
    for workflow in workflows::ALL {
        let points: Vec<Point> = points(references, *workflow).into_iter().filter(|point| point.writes).collect();
        let kills: Vec<(u64, Moment)> =
            points.iter().flat_map(|point| MOMENTS.map(|moment| (point.call, moment))).collect();
        let last = points.iter().map(|point| point.call).max().unwrap_or_default();
        let mut of: Vec<Plan> = Vec::new();
        for first in &kills {
            for _ in 0..scale.of(2, 40) {
                let second = (rng.random_range(first.0 + 1..=last + 40), *MOMENTS.choose(&mut rng).unwrap());
                of.push(plan("kill-pairs", *workflow, &[*first, second]));
            }
        }
        of.sort_by(|a, b| a.id.cmp(&b.id));
        of.dedup_by(|a, b| a.id == b.id);
        all.extend(of);
    }
    let most = scale.of(400, 5000);
    if all.len() > most {
        all = all.choose_multiple(&mut rng, most).cloned().collect();
    }
    all
}

/// Family 3: dies at the first call of its life, then at the second of its next, and so on for fifty lives.
pub fn loops(_: &References, _: Scale) -> Vec<Plan> {
    let of = |workflow: &Workflow| {
        MOMENTS.map(|moment| {
            // In a life that dies at its n-th call, n calls are counted: 1, 3, 6, 10, …
            let rules = (1..=50_u64).map(|life| Rule::at(life * (life + 1) / 2, moment, Blow::Kill)).collect();
            let setup = Setup::new(SEED).with(rules);
            Plan { id: format!("crash-loop/{}/{moment:?}", workflow.name), workflow: *workflow, setup }
        })
    };
    workflows::ALL.iter().flat_map(of).collect()
}
