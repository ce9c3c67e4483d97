//! Family 5: somebody else acts in the middle of every step: deletes, deletes and applies again, restores without
//! status, prunes, forges, replaces.

use super::Scale;
use super::crashes::points;
use crate::acts::Act;
use crate::runs::{Plan, References, SEED};
use crate::workflows::{self, Workflow};
use crate::world::{Blow, Moment, Rule, Setup};

/// Members whose loss hurts most: what an older CRD does not know.
const RECORDS: &[&str] = &["create", "operation"];
const IDS: &[&str] = &["serverId", "arn", "create"];

fn main_object(workflow: Workflow) -> (&'static str, &'static str) {
    match workflow.name {
        "W7-user" | "W8-role" | "W10-ssh-keys" => ("TransferUser", "alice"),
        "W9-access" => ("TransferAccess", "finance"),
        _ => ("TransferServer", "files"),
    }
}

/// What may be done to an object without another end than that of an undisturbed run.
fn acts(kind: &'static str, name: &'static str) -> Vec<(&'static str, Act, bool)> {
    let mut acts = vec![
        ("delete", Act::Delete(kind, name), true),
        ("recreate", Act::Recreate(kind, name), kind == "TransferServer"),
        ("replace", Act::StripFinalizer(kind, name), false),
        ("poke", Act::Poke(kind, name), false),
    ];
    if kind != "TransferAccess" {
        // An access whose record is lost is nobody's: the README says so, and a scenario of its own shows it.
        acts.push(("wipe", Act::WipeStatus(kind, name), false));
        acts.push(("prune-records", Act::Prune(kind, name, RECORDS), false));
        acts.push(("prune-ids", Act::Prune(kind, name, IDS), false));
    }
    if kind == "TransferServer" {
        acts.push(("forge", Act::ForgeId(name), true));
    }
    acts
}

/// Each act at each write and at the answers of reads.
pub fn plans(references: &References, scale: Scale) -> Vec<Plan> {
    let mut plans = Vec::new();
    let chosen = ["W1-server", "W3-update", "W7-user", "W8-role", "W9-access", "W10-ssh-keys", "W11-host-keys"];
    for workflow in chosen.map(workflows::named) {
        let (kind, name) = main_object(workflow);
        for point in points(references, workflow) {
            for (what, act, differs) in acts(kind, name) {
                let moments: &[Moment] = if point.writes { &[Moment::Before, Moment::Sent] } else { &[Moment::Sent] };
                for moment in moments {
                    let rules = vec![Rule::at(point.call, *moment, Blow::Act(act.clone()))];
                    let setup = Setup { differs, ..Setup::new(SEED).with(rules) };
                    let id = format!("others/{}/{what}-{}-{moment:?}", workflow.name, point.call);
                    plans.push(Plan { id, workflow, setup });
                }
            }
        }
    }
    scale.thin(plans, 13)
}
