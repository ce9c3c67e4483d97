//! Family 5: somebody else acts in the middle of every step: deletes, deletes and applies again, restores without
//! status, prunes, forges, replaces.

use super::Scale;
use super::crashes::points;
use crate::acts::Act;
use crate::oracle::unchecked::{
    HOST_KEYS_LOST, ID_FORGED, OLD_ONE_WAITS, Row, STATUS_LOST, STATUS_WRITTEN, WANTED_CHANGES,
};
use crate::runs::{Plan, References, SEED};
use crate::setup::{Blow, Moment, Point, Rule, Setup};
use crate::workflows::{self, Workflow};

/// Members whose loss hurts most: what an older CRD does not know.
const RECORDS: &[&str] = &["create", "operation"];
const IDS: &[&str] =
    &["serverId", "workflowId", "profileId", "connectorId", "certificateId", "webAppId", "resourceId", "arn", "create"];

/// Where a record leads through a stop. Not on a suspended object: without the record a server that was stopped for a
/// change is one that somebody stopped, and nothing is done about it.
const IN_A_STOP: [&str; 4] = ["W2-elastic", "W4-offline", "W4-edited-back", "W4-moves"];

fn main_object(workflow: Workflow) -> (&'static str, &'static str) {
    match workflow.name {
        "W7-user" => ("TransferUser", "bob"),
        "W8-role" | "W10-ssh-keys" => ("TransferUser", "alice"),
        "W9-access" => ("TransferAccess", "finance"),
        "W15-workflow" | "W15-replaced" => ("TransferWorkflow", "scan"),
        "W16-profile" => ("TransferProfile", "us"),
        "W16-certificate" => ("TransferCertificate", "theirs"),
        "W16-renewal" => ("TransferCertificate", "signing"),
        "W16-connector" => ("TransferConnector", "acme"),
        "W16-agreement" => ("TransferAgreement", "orders"),
        "W16-web-app" => ("TransferWebApp", "portal"),
        _ => ("TransferServer", "files"),
    }
}

/// What is done at once, and what oracles do not check then.
type Deed = (&'static str, Vec<Act>, Vec<Row>);

/// What may be done to an object, and what oracles do not check then.
fn acts(workflow: Workflow, kind: &'static str, name: &'static str) -> Vec<Deed> {
    let mut acts =
        vec![("replace", vec![Act::StripFinalizer(kind, name)], vec![]), ("poke", vec![Act::Poke(kind, name)], vec![])];
    if workflow.name == "W15-replaced" {
        // Deleted, it waits for a server that goes on naming it; and where status is lost while both are there, a person
        // must say which one goes: src/kinds/reconcile_tests/replacing.rs.
        return acts;
    }
    // The others go on with what must still be there, or delete and apply it again themselves.
    if !matches!(workflow.name, "W3-update" | "W8-role" | "W9-access" | "W16-web-app" | "W16-certificate")
        && !IN_A_STOP.contains(&workflow.name)
    {
        // As long as a profile names a certificate, that waits: W16-renewal-deleted has the end of such a wait.
        if workflow.name != "W16-renewal" {
            acts.push(("delete", vec![Act::Delete(kind, name)], vec![&WANTED_CHANGES]));
        }
        let replaced = (workflow.name == "W15-workflow").then_some(&OLD_ONE_WAITS);
        let unchecked = [&WANTED_CHANGES].into_iter().chain(replaced).collect();
        // It applies it again itself in the end, as another one than it was.
        if workflow.name != "W16-profile" {
            acts.push(("recreate", again(workflow, kind, name), unchecked));
        }
    }
    if kind != "TransferAccess" {
        // An access whose record is lost is nobody's: docs/limits.md says so, and a scenario of its own shows it.
        acts.push(("wipe", vec![Act::WipeStatus(kind, name)], vec![&STATUS_WRITTEN, &STATUS_LOST]));
        let pinned = (workflow.name == "W11-host-keys").then_some(&HOST_KEYS_LOST);
        let pruned: Vec<Row> = [&STATUS_WRITTEN].into_iter().chain(pinned).collect();
        acts.push(("prune-records", vec![Act::Prune(kind, name, RECORDS)], pruned.clone()));
        acts.push(("prune-ids", vec![Act::Prune(kind, name, IDS)], pruned));
    }
    if kind == "TransferServer" {
        acts.push(("forge", vec![Act::ForgeId(name)], vec![&STATUS_WRITTEN, &ID_FORGED]));
    }
    acts
}

/// An object is deleted and applied again, and with it what names it, for which it would wait.
pub fn again(workflow: Workflow, kind: &'static str, name: &'static str) -> Vec<Act> {
    let names_it = (workflow.name == "W16-renewal").then_some(Act::Recreate("TransferProfile", "us"));
    [Act::Recreate(kind, name)].into_iter().chain(names_it).collect()
}

/// Whether two certificates of the object are there at this call, or the second one is about to come. Should status be
/// lost then, a person must say which one goes: src/kinds/reconcile_tests/replacing.rs.
fn doubled(points: &[Point], call: u64) -> bool {
    let of = |operation: &'static str| {
        points.iter().filter(move |point| point.operation == operation).map(|point| point.call)
    };
    let deleted = of("DeleteCertificate");
    // What is to come is recorded shortly before.
    of("ImportCertificate")
        .skip(1)
        .zip(deleted)
        .any(|(import, deleted)| (import.saturating_sub(4)..=deleted).contains(&call))
}

/// Each act at each write and at the answers of reads.
pub fn plans(references: &References, scale: Scale) -> Vec<Plan> {
    let mut plans = Vec::new();
    let chosen = ["W1-server", "W3-update", "W7-user", "W8-role", "W9-access", "W10-ssh-keys", "W11-host-keys"];
    let more = [
        "W15-workflow",
        "W15-replaced",
        "W16-profile",
        "W16-connector",
        "W16-certificate",
        "W16-renewal",
        "W16-agreement",
        "W16-web-app",
    ]
    .into_iter()
    .chain(IN_A_STOP);
    for workflow in chosen.into_iter().chain(more).map(workflows::named) {
        let (kind, name) = main_object(workflow);
        let quiet = &references.of(workflow).quiet;
        let created = references.of(workflow).points.iter().find(|point| point.operation == "CreateServer");
        let created = created.map_or(0, |point| point.call);
        // At rest nothing may happen, so nobody does anything from there on.
        let disturbed = |point: &Point| usize::try_from(point.call).unwrap() <= quiet.start;
        for point in points(references, workflow).iter().filter(|point| disturbed(point)) {
            for (what, acts, unchecked) in acts(workflow, kind, name) {
                if unchecked.contains(&&STATUS_WRITTEN) && doubled(&references.of(workflow).points, point.call) {
                    continue;
                }
                if what == "forge" && point.call <= created {
                    // Before anything is made a forged id is all there is, and stalls: a scenario of its own.
                    continue;
                }
                let moments: &[Moment] = if point.writes { &[Moment::Before, Moment::Sent] } else { &[Moment::Sent] };
                for moment in moments {
                    let at_once = acts.iter().map(|act| Rule::at(point.call, *moment, Blow::Act(act.clone())));
                    let rules = at_once.collect();
                    let setup = Setup { unchecked: unchecked.clone(), ..Setup::new(SEED).with(rules) };
                    let id = format!("others/{}/{what}-{}-{moment:?}", workflow.name, point.call);
                    plans.push(Plan { id, workflow, setup });
                }
            }
        }
    }
    scale.thin(plans, 7)
}
