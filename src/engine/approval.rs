//! Whether a person said yes to what stops or replaces something in use. Pure.
//!
//! What is approved is one plan: the hash is over the object, the generation of its spec and the changes with what AWS
//! has by now, so that an edit or another difference in AWS is another plan. The generation stands in front of it for a
//! reader, and so that a sequence that was begun is known to be of this spec.

use serde_json::{Value, json};

use super::diff::{Change, paths};
use super::digest::hash;
use super::reason::Reason;
use crate::api::condition::reasons;
use crate::api::lifecycle::Approval;
use crate::api::status::OperationRecord;
use crate::api::{APPROVE, Managed};

/// What is known of the approval of some changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Approved {
    /// The spec asks for none.
    NotNeeded,
    /// Of this plan.
    Given(String),
    /// Not given (yet): what a person has to do.
    Missing(Reason),
}

/// The hash of a plan that consists of these changes.
#[must_use]
pub fn plan_hash(uid: &str, generation: i64, changes: &[Change]) -> String {
    let row = |change: &Change| {
        let Change { path, have, want, effect } = change;
        json!([path, unordered(have), want, effect])
    };
    let rows: Vec<Value> = changes.iter().map(row).collect();
    format!("{generation}-{}", hash(&json!([uid, generation, rows]).to_string()))
}

/// AWS lists the same in another order from one answer to the next.
#[must_use]
pub fn unordered(have: &Value) -> Value {
    let mut have = have.clone();
    if let Value::Array(items) = &mut have {
        items.sort_by_key(ToString::to_string);
    }
    have
}

/// Whether these changes of the object are approved. A sequence under way goes on with the plan for which it was begun,
/// however much of that is done by now.
#[must_use]
pub fn approved<O: Managed>(object: &O, changes: &[Change], begun: Option<&OperationRecord>) -> Approved {
    if object.policies().approval == Approval::None || changes.is_empty() {
        return Approved::NotNeeded;
    }
    let meta = object.meta();
    let generation = meta.generation.unwrap_or_default();
    let hash = plan_hash(meta.uid.as_deref().unwrap_or_default(), generation, changes);
    let given = meta.annotations.as_ref().and_then(|annotations| annotations.get(APPROVE));
    let pinned = begun.filter(|record| record.goes_on());
    let pinned = pinned.and_then(|record| record.plan_hash.as_ref()).filter(|pinned| of(generation, pinned));
    match pinned {
        Some(pinned) => Approved::Given(pinned.clone()),
        None if given.is_some_and(|given| given.trim() == hash) => Approved::Given(hash),
        None => Approved::Missing(missing(object, changes, &hash)),
    }
}

/// Whether the hash is that of a plan of this generation.
fn of(generation: i64, hash: &str) -> bool {
    hash.split_once('-').is_some_and(|(of, _)| of.parse() == Ok(generation))
}

fn missing<O: Managed>(object: &O, changes: &[Change], hash: &str) -> Reason {
    let (meta, plural) = (object.meta(), O::plural(&()));
    let (namespace, name) = (meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default());
    let message = format!(
        "{} waits for a person, as spec.lifecycle.approval is Required; status.plan shows what will be done. To approve \
         it: kubectl annotate {plural} {name} --namespace {namespace} --overwrite {APPROVE}={hash}",
        paths(changes)
    );
    Reason::new(reasons::APPROVAL_REQUIRED, message)
}

#[cfg(test)]
#[path = "approval_tests.rs"]
mod tests;
