//! Family 9: every operation that the operator calls, with every error that it can answer: once, three times, and for
//! an hour.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Scale;
use crate::runs::{Plan, References, SEED};
use crate::setup::{Blow, Moment, Rule, Setup, Side, When};
use crate::workflows;

/// Errors of the service's model, and those that arrive on every operation from outside it.
const ERRORS: &[(&str, &str)] = &[
    ("AccessDeniedException", "User is not authorized"),
    ("ConflictException", "VPC Endpoint state is not yet available"),
    ("ExpiredTokenException", "The security token included in the request is expired"),
    ("InternalServiceError", ""),
    ("InvalidRequestException", "Unacceptable"),
    ("InvalidRequestException", "You have reached the maximum allowed number of servers"),
    ("InvalidRequestException", "Unable to delete VPC endpoint"),
    ("InvalidSignatureException", "Signature expired: 20260101T000000Z is now earlier than 20260101T001500Z"),
    ("NobodyHasSeenThisException", "?"),
    ("ResourceNotFoundException", "Unknown user"),
    ("ServiceUnavailableException", ""),
    ("ThrottlingException", ""),
    ("UnrecognizedClientException", "The security token included in the request is invalid."),
    ("ValidationException", "1 validation error detected"),
];

/// What AWS refuses in the middle of a stop is another matter than on a server that runs.
const IN_A_STOP: [&str; 2] = ["W2-elastic", "W4-offline"];

/// For all operations that occur while faults still fall, the workflow in which each does first; those that lead through
/// a stop once more in those workflows.
fn operations(references: &References) -> BTreeSet<(String, &'static str)> {
    let mut first = BTreeMap::new();
    let mut operations = BTreeSet::new();
    for workflow in workflows::ALL {
        let reference = references.of(*workflow);
        // At rest all trouble has ended.
        let disturbed = reference.points.iter().take(reference.quiet.start);
        for point in disturbed.filter(|point| point.side == Side::Aws) {
            let again = IN_A_STOP.contains(&workflow.name) && point.operation.ends_with("Server");
            let whose = first.entry(point.operation.clone()).or_insert(workflow.name);
            operations.insert((point.operation.clone(), if again { workflow.name } else { whose }));
        }
    }
    operations
}

pub fn plans(references: &References, scale: Scale) -> Vec<Plan> {
    let mut plans = Vec::new();
    for (operation, workflow) in operations(references) {
        let (operation, workflow): (&'static str, _) =
            (Box::leak(operation.into_boxed_str()), workflows::named(workflow));
        for (index, (code, message)) in ERRORS.iter().enumerate() {
            for (name, when) in [
                ("once", When::Times { skip: 0, count: 1 }),
                ("thrice", When::Times { skip: 0, count: 3 }),
                ("hour", When::Until(Duration::from_hours(1))),
            ] {
                let rule = Rule::on(operation, when, Moment::Before, Blow::Error(code, message));
                let id = format!("error/{}/{operation}-{index}-{code}-{name}", workflow.name);
                plans.push(Plan { id, workflow, setup: Setup::new(SEED).with(vec![rule]) });
            }
        }
    }
    // Each operation, each error and each length stays; which error meets an operation how long goes round.
    scale.thin(plans, 4)
}
