//! Family 6: views that are old, late, incomplete or told twice: of the watches, and of the API server that is read.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Scale;
use super::crashes::points;
use crate::acts::Act;
use crate::oracle::unchecked::WANTED_CHANGES;
use crate::runs::{Plan, References, SEED};
use crate::setup::{Blow, Moment, Point, Rule, Setup, Watching};
use crate::workflows;

/// Each event of each workflow dropped until the next listing, delayed, and followed by a replay of everything; all
/// events late by half a minute, which hides a process its own writes as long.
pub fn watches(references: &References, scale: Scale) -> Vec<Plan> {
    let mut plans = Vec::new();
    for workflow in workflows::ALL {
        let mut add = |what: String, watching: Watching| {
            let setup = Setup { watching, ..Setup::new(SEED) };
            plans.push(Plan { id: format!("watch/{}/{what}", workflow.name), workflow: *workflow, setup });
        };
        let versions = references.of(*workflow).versions;
        for version in (1..=versions).step_by(scale.of(3, 1)) {
            let delayed = |seconds| BTreeMap::from([(version, Duration::from_secs(seconds))]);
            add(format!("drop-{version}"), Watching { dropped: vec![version], ..Watching::default() });
            add(format!("late-{version}"), Watching { delayed: delayed(240), ..Watching::default() });
            add(format!("again-{version}"), Watching { replayed: vec![version], ..Watching::default() });
        }
        add("lag-30s".to_owned(), Watching { lag: Duration::from_secs(30), ..Watching::default() });
    }
    plans
}

/// From each call on, the process reads an API server that stands still: for half a minute, and for ten.
pub fn stale_reads(references: &References, scale: Scale) -> Vec<Plan> {
    let mut plans = Vec::new();
    for workflow in workflows::ALL {
        for point in points(references, *workflow).iter().step_by(scale.of(8, 1)) {
            for seconds in [30, 600] {
                let act = Blow::Act(Act::StaleReads(Duration::from_secs(seconds)));
                let setup = Setup::new(SEED).with(vec![Rule::at(point.call, Moment::Before, act)]);
                let id = format!("stale/{}/{}-{seconds}s", workflow.name, point.call);
                plans.push(Plan { id, workflow: *workflow, setup });
            }
        }
    }
    plans
}

/// An object is deleted and applied again, and the process goes on reading the one before.
pub fn former_lives(references: &References, scale: Scale) -> Vec<Plan> {
    let mut plans = Vec::new();
    let rows = [
        ("W1-server", "TransferServer", "files"),
        ("W7-user", "TransferUser", "bob"),
        // Unlike a user it is looked at before its finalizer is put on.
        ("W9-access", "TransferAccess", "finance"),
    ];
    for (workflow, kind, name) in rows {
        let workflow = workflows::named(workflow);
        let quiet = references.of(workflow).quiet.start;
        let before = |point: &&Point| usize::try_from(point.call).unwrap() <= quiet;
        for point in points(references, workflow).iter().filter(before).step_by(scale.of(2, 1)) {
            let behind = Rule::at(point.call + 6, Moment::Before, Blow::Act(Act::StaleReads(Duration::from_mins(3))));
            let again = Rule::at(point.call, Moment::Sent, Blow::Act(Act::Recreate(kind, name)));
            let setup = Setup { unchecked: vec![&WANTED_CHANGES], ..Setup::new(SEED).with(vec![again, behind]) };
            let id = format!("former/{}/{}", workflow.name, point.call);
            plans.push(Plan { id, workflow, setup });
        }
    }
    plans
}
