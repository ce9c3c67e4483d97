//! Does the harness see anything? Each known defect of other operators is put around the real one, and the plans that
//! are made for it must fail.

use std::time::Duration;

use futures::FutureExt;
use jiff::SignedDuration;

use crate::acts::Act;
use crate::defects::Defect;
use crate::runs::{Plan, References, SEED, run};
use crate::scenarios;
use crate::setup::{Blow, Moment, Point, Rule, Setup, When};
use crate::workflows::{self, Workflow};

/// The first call of an operation in a workflow without faults.
fn first(references: &References, workflow: Workflow, operation: &str) -> u64 {
    let points: &[Point] = &references.of(workflow).points;
    points.iter().find(|point| point.operation == operation).map(|point| point.call).unwrap()
}

/// A plan in which the defect shows, or several of which one must.
fn plans(references: &References, defect: Defect) -> Vec<Plan> {
    let server = workflows::named("W1-server");
    let create = first(references, server, "CreateServer");
    let with = |workflow: Workflow, rules: Vec<Rule>, lag: i64| {
        let setup = Setup::new(SEED).with(rules);
        let setup = Setup { defect: Some(defect), listing_lag: SignedDuration::from_secs(lag), ..setup };
        Plan { id: format!("{defect:?}/{}", workflow.name), workflow, setup }
    };
    let at = |moment, blow| vec![Rule::at(create, moment, blow)];
    match defect {
        Defect::PersistAfterCreate | Defect::EmptyListingBelieved => {
            vec![with(server, at(Moment::Sent, Blow::Kill), 60)]
        }
        Defect::IdLostOnConflict => {
            let conflict = Rule::on("status", When::LeaseConfig { skip: 1, count: 4 }, Moment::Before, Blow::Conflict);
            vec![with(server, vec![conflict], 60)]
        }
        Defect::SdkRetries => vec![with(server, at(Moment::Sent, Blow::Lose), 0)],
        Defect::SkewCorrection => frozen(references, defect),
        Defect::SwallowedError => {
            let workflow = Workflow {
                name: "an update that is refused",
                run: |stage| scenarios::an_update_that_is_refused(stage).boxed(),
            };
            vec![with(workflow, scenarios::refusing_updates().rules, 0)]
        }
        Defect::TerminalForever => {
            let refused = Blow::Error("InvalidRequestException", "Unacceptable");
            let rule = Rule::on("UpdateServer", When::Until(Duration::from_hours(1)), Moment::Before, refused);
            vec![with(workflows::named("W3-update"), vec![rule], 0)]
        }
        Defect::DeleteWithoutRecovery => {
            let delete = Blow::Act(Act::Delete("TransferServer", "files"));
            let rules = vec![Rule::at(create, Moment::Before, delete), Rule::at(create, Moment::Sent, Blow::Kill)];
            let plan = with(server, rules, 110);
            vec![Plan { setup: Setup { differs: true, ..plan.setup }, ..plan }]
        }
        Defect::FinalizerByName => former(references, defect),
        Defect::ForgottenUpdate => vec![with(workflows::named("W3-update"), vec![], 0)],
        Defect::PanicOnBadKey => vec![with(workflows::named("W10-bad-key"), vec![], 0)],
        Defect::UserTagWins | Defect::IdErased | Defect::ReadyTooEarly | Defect::WriteAtRest => {
            vec![with(server, vec![], 0)]
        }
    }
}

fn defective(plans: Vec<Plan>, defect: Defect) -> Vec<Plan> {
    plans.into_iter().map(|plan| Plan { setup: Setup { defect: Some(defect), ..plan.setup }, ..plan }).collect()
}

fn frozen(references: &References, defect: Defect) -> Vec<Plan> {
    defective(crate::plans::replicas::frozen(references, crate::plans::Scale::Soak), defect)
}

fn former(references: &References, defect: Defect) -> Vec<Plan> {
    defective(crate::plans::views::former_lives(references, crate::plans::Scale::Soak), defect)
}

/// Runs the plans of a defect until one fails; answers with what failed. The same plans hold without the defect: they
/// are those of the families, or are run here without it as well.
pub fn seen(references: &References, defect: Defect) -> Option<String> {
    plans(references, defect).iter().find_map(|plan| {
        let outcome = run(plan.workflow, plan.setup.clone());
        let wrong = references.judge(plan, &outcome);
        wrong.first().map(|wrong| format!("{}: {wrong}", plan.id))
    })
}

/// What fails of the same plans with the defect taken out.
pub fn sound(references: &References, defect: Defect) -> Vec<String> {
    let mut wrong = Vec::new();
    for plan in plans(references, defect).into_iter().take(3) {
        let plan = Plan { setup: Setup { defect: None, ..plan.setup }, ..plan };
        let outcome = run(plan.workflow, plan.setup.clone());
        wrong.extend(references.judge(&plan, &outcome));
    }
    wrong
}
