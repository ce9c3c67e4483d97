//! The security groups of an endpoint that AWS made in a VPC, which AWS Transfer Family never returns: what EC2 shows of
//! them, and what to send there. What they are of (a server, a web app) is the caller's.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::api::condition::reasons;
use crate::api::status::Applied;
use crate::aws::ec2::{DescribeVpcEndpoints, ModifyVpcEndpoint, VpcEndpoint};
use crate::aws::{Account, AwsError, AwsErrorKind, Mutation};
use crate::engine::diff::{Change, Effect};
use crate::engine::kind::{PlannedCall, Unknown};
use crate::engine::reason::Reason;

/// What EC2 showed of an endpoint, where it was asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shown<'a> {
    /// The endpoint.
    pub endpoint: Option<&'a VpcEndpoint>,
    /// Why EC2 does not tell of it.
    pub hidden: Option<&'a AwsError>,
}

/// The difference in the security groups, the call for it, and why it cannot be told.
#[derive(Debug, Default)]
pub struct Groups {
    /// The difference.
    pub change: Option<Change>,
    /// What is wanted, where nothing shows what is there.
    pub unknown: Option<Unknown>,
    /// The call.
    pub call: Option<PlannedCall>,
    /// Why nothing is done about it.
    pub block: Option<Reason>,
    /// They left the spec, and AWS has none to go back to.
    pub left: bool,
}

/// The endpoint of this id, or what EC2 refuses.
///
/// # Errors
/// Trouble that passes by itself.
pub async fn endpoint(account: &Account, id: &str) -> Result<Result<Option<VpcEndpoint>, AwsError>, AwsError> {
    let rows = refused(account.read(DescribeVpcEndpoints { ids: vec![id.to_owned()] }).await)?;
    Ok(rows.map(|rows| rows.into_iter().find(|row| row.id == id)))
}

/// An answer, or what EC2 refuses.
///
/// # Errors
/// Trouble that passes by itself.
pub fn refused<T>(outcome: Result<T, AwsError>) -> Result<Result<T, AwsError>, AwsError> {
    match outcome {
        Err(fault)
            if matches!(fault.kind, AwsErrorKind::Denied | AwsErrorKind::NotFound | AwsErrorKind::Rejected)
                && !fault.of_sts() =>
        {
            Ok(Err(fault))
        }
        outcome => outcome.map(Ok),
    }
}

/// The security groups that a list names; an empty one names none.
#[must_use]
pub fn named(ids: &[String]) -> Option<BTreeSet<String>> {
    (!ids.is_empty()).then(|| ids.iter().cloned().collect())
}

/// What is wanted of an endpoint that AWS Transfer Family does not show (yet). What was sent and left the spec stays known until
/// it can be told again.
#[must_use]
pub fn unseen(path: &str, wanted: Option<&[String]>, applied: Option<&Applied>) -> Groups {
    let wanted = wanted.and_then(named);
    let unknown = (wanted.is_some() || was_sent(path, applied)).then(|| Unknown {
        change: change(path, Value::Null, wanted.as_ref()),
        why: format!("spec.{path} cannot be compared: AWS does not say (yet) which endpoint it is of"),
    });
    Groups { unknown, ..Groups::default() }
}

/// Compares the security groups under `path` of the spec with those of the endpoint `id`. They come before they go, so that
/// the endpoint is never without one.
#[must_use]
pub fn compare(path: &str, id: &str, wanted: Option<&[String]>, shown: Shown<'_>, applied: Option<&Applied>) -> Groups {
    let Some(wanted) = wanted.and_then(named) else {
        return Groups { left: was_sent(path, applied), ..Groups::default() };
    };
    let Some(endpoint) = shown.endpoint else {
        let block = hidden(path, shown.hidden);
        let unknown = Some(Unknown { change: change(path, Value::Null, Some(&wanted)), why: block.message.clone() });
        return Groups { unknown, block: Some(block), ..Groups::default() };
    };
    let held: BTreeSet<String> = endpoint.security_groups.iter().cloned().collect();
    if held == wanted {
        return Groups::default();
    }
    let change = change(path, json!(held), Some(&wanted));
    if !endpoint.is("available") {
        let message = format!("spec.{path} changes once {id} is available; EC2 says {}", endpoint.state);
        let block = Some(Reason::new(reasons::WAITING_FOR_AWS, message));
        return Groups { change: Some(change), block, ..Groups::default() };
    }
    let missing: Vec<String> = wanted.difference(&held).cloned().collect();
    let id = id.to_owned();
    let modify = if missing.is_empty() {
        let remove_security_groups = held.difference(&wanted).cloned().collect();
        ModifyVpcEndpoint { id, add_security_groups: Vec::new(), remove_security_groups }
    } else {
        ModifyVpcEndpoint { id, add_security_groups: missing, remove_security_groups: Vec::new() }
    };
    let call = PlannedCall::new(Mutation::ModifyVpcEndpoint(modify), vec![change.clone()]);
    Groups { change: Some(change), call: Some(call), ..Groups::default() }
}

fn was_sent(path: &str, applied: Option<&Applied>) -> bool {
    applied.is_some_and(|applied| applied.hashes.contains_key(path))
}

fn change(path: &str, have: Value, wanted: Option<&BTreeSet<String>>) -> Change {
    Change { path: path.to_owned(), have, want: json!(wanted), effect: Effect::Ec2 }
}

fn hidden(path: &str, fault: Option<&AwsError>) -> Reason {
    match fault {
        Some(fault) if fault.kind == AwsErrorKind::Denied => {
            let message = format!("spec.{path} cannot be compared: {fault}; allow ec2:DescribeVpcEndpoints");
            Reason::stalled(reasons::ACCESS_DENIED, message)
        }
        Some(fault) => {
            let message = format!("spec.{path} cannot be compared: {fault}");
            Reason::new(reasons::WAITING_FOR_AWS, message)
        }
        None => {
            let message = format!("spec.{path} cannot be compared: EC2 does not show the endpoint");
            Reason::new(reasons::WAITING_FOR_AWS, message)
        }
    }
}
