//! Who needs an identity: by a live list, where it decides that the identity may go, and by the watches, to hold it
//! early.

use serde_json::Value;

use super::deps::Deps;
use crate::api::{FINALIZER, ManagedKind};
use crate::cluster::references::Reference;
use crate::cluster::{self, ClusterError, Reach};

/// Holders that a sentence names; the count tells of the rest.
const NAMED: usize = 5;

/// Who within reach has something in AWS that only this identity reaches, objects that do not decode among them.
///
/// # Errors
/// Trouble with the API server; a listing that broke off counts for nothing.
pub async fn of(deps: &Deps, reach: Reach, name: &str) -> Result<Vec<String>, ClusterError> {
    let mut dependents = Vec::new();
    for kind in ManagedKind::ALL {
        let kind = kind.resource();
        let take = |dependents: &mut Vec<String>, object: Value| {
            let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
            if needs(&object, name) {
                dependents.push(format!("{} {}/{}", kind.kind, text("/metadata/namespace"), text("/metadata/name")));
            }
        };
        dependents = cluster::fold(deps.cluster.as_ref(), &kind, reach, dependents, take).await?;
    }
    dependents.sort();
    Ok(dependents)
}

/// The holders as a person reads of them.
#[must_use]
pub fn sentence(dependents: &[String]) -> String {
    let first = dependents.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    format!(
        "{} objects still need this identity, and it goes on serving them: {first}; it goes with the last of them, and \
         its deletion cannot be taken back",
        dependents.len()
    )
}

/// Whether any object names it, by the watches: enough to hold it early.
#[must_use]
pub fn referred(deps: &Deps, name: &str) -> bool {
    deps.lister.is_referred_to(&Reference::Identity(name.to_owned()))
}

/// Whether an object, as JSON, may have something in AWS that only this identity reaches, as
/// [`Object::may_be_in_aws`](cluster::Object::may_be_in_aws) has it.
#[must_use]
pub fn needs(object: &Value, identity: &str) -> bool {
    let text = |path: &str| object.pointer(path).and_then(Value::as_str);
    let finalizers = object.pointer("/metadata/finalizers").and_then(Value::as_array);
    let held = finalizers.is_some_and(|names| names.iter().any(|name| name.as_str() == Some(FINALIZER)));
    let own = text("/status/create/uid").is_some_and(|uid| Some(uid) == text("/metadata/uid"));
    let observes = text("/spec/lifecycle/managementPolicy") == Some("ObserveOnly");
    (held || (own && !observes))
        && (text("/spec/awsIdentityRef/name") == Some(identity) || text("/status/awsIdentity") == Some(identity))
}
