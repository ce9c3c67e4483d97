//! What AWS shows too long or too late: deleted things that are still described and listed for a while, and reads that
//! show what was.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde_json::json;

use super::Scale;
use super::crashes::told_apart;
use super::others;
use crate::acts::Act;
use crate::oracle::unchecked::{OLD_READ, WANTED_CHANGES};
use crate::runs::{self, Plan, References, SEED};
use crate::setup::{Blow, Moment, Rule, Setup, Side};
use crate::workflows;

/// Users of other tools, peers.md C 17: AWS shows for a while what was deleted.
/// Deleted things are shown for a second, a minute, and almost the assumed lag; their deletion is lost or its caller dies;
/// objects are deleted, and applied again, as things are made.
pub fn dying(_: &References, scale: Scale) -> Vec<Plan> {
    let mut plans = Vec::new();
    let of = [
        ("W5-delete", "TransferUser", "alice"),
        ("W7-user", "TransferUser", "bob"),
        ("W9-access", "TransferAccess", "finance"),
        ("W1-server", "TransferServer", "files"),
        ("W16-profile", "TransferProfile", "us"),
        ("W16-agreement", "TransferAgreement", "orders"),
        ("W16-renewal", "TransferCertificate", "signing"),
        ("W16-connector", "TransferConnector", "acme"),
        ("W16-web-app", "TransferWebApp", "portal"),
        ("W15-workflow", "TransferWorkflow", "scan"),
    ];
    for (name, kind, object) in of {
        let workflow = workflows::named(name);
        for seconds in [1, 60, 119] {
            let setup = Setup { switches: json!({"deletion_time": format!("{seconds}s")}), ..Setup::new(SEED) };
            let mut add = |what: &str, setup: Setup| {
                plans.push(Plan { id: format!("dying/{name}/{seconds}s-{what}"), workflow, setup });
            };
            add("fine", setup.clone());
            // How long things are shown changes which calls there are.
            let undisturbed = runs::run(workflow, setup.clone());
            let quiet = undisturbed.quiet.start;
            let of = |verb: &'static str| {
                let points = undisturbed.points.iter();
                let is = move |operation: &str| {
                    operation.starts_with(verb) || verb == "Create" && operation.starts_with("Import")
                };
                points.filter(move |point| point.side == Side::Aws && is(&point.operation))
            };
            for point in of("Delete") {
                for (what, moment, blow) in [
                    ("killed", Moment::Sent, Blow::Kill),
                    ("answered", Moment::Answered, Blow::Kill),
                    ("lost", Moment::Sent, Blow::Lose),
                ] {
                    let rules = vec![Rule::at(point.call, moment, blow)];
                    add(&format!("{}-{what}", point.call), setup.clone().with(rules));
                }
            }
            for point in of("Create").filter(|point| usize::try_from(point.call).unwrap() <= quiet) {
                // As long as a profile names a certificate, that waits; and what deletes its web app itself is not done then.
                let delete = !matches!(name, "W16-renewal" | "W16-web-app");
                let delete = delete.then(|| ("delete", vec![Act::Delete(kind, object)]));
                let again = ("recreate", others::again(workflow, kind, object));
                for (what, acts) in delete.into_iter().chain([again]) {
                    for moment in [Moment::Before, Moment::Sent] {
                        let at_once = acts.iter().map(|act| Rule::at(point.call, moment, Blow::Act(act.clone())));
                        let rules = at_once.collect();
                        let setup = Setup { unchecked: vec![&WANTED_CHANGES], ..setup.clone().with(rules) };
                        add(&format!("{}-{moment:?}-{what}", point.call), setup);
                    }
                }
            }
            if scale == Scale::Soak {
                for point in told_apart(&undisturbed.points).iter().filter(|point| point.writes) {
                    let rules = vec![Rule::at(point.call, Moment::Sent, Blow::Kill)];
                    add(&format!("{}-any", point.call), setup.clone().with(rules));
                }
            }
        }
    }
    scale.thin(plans, 2)
}

/// Each read alone, and all of them, show what was 10 seconds and a minute ago.
pub fn old_reads(references: &References, _: Scale) -> Vec<Plan> {
    let mut plans = Vec::new();
    for name in ["W1-server", "W3-update", "W7-user", "W8-role", "W10-ssh-keys", "W11-host-keys", "W16-renewal"] {
        let workflow = workflows::named(name);
        let reads = references.of(workflow).points.iter().filter(|point| point.side == Side::Aws && !point.writes);
        let mut reads: BTreeSet<String> = reads.map(|point| point.operation.clone()).collect();
        reads.remove("GetCallerIdentity");
        for read in reads.into_iter().chain([String::new()]) {
            let read: &'static str = Box::leak(read.into_boxed_str());
            for seconds in [10, 60] {
                let setup = Setup {
                    old_reads: (read, SignedDuration::from_secs(seconds)),
                    unchecked: vec![&OLD_READ],
                    ..Setup::new(SEED)
                };
                let what = if read.is_empty() { "all" } else { read };
                plans.push(Plan { id: format!("old-reads/{name}/{what}-{seconds}s"), workflow, setup });
            }
        }
    }
    plans
}
