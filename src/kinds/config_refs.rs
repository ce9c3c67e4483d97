//! What a login names outside of its own object: ConfigMaps, and the grant of its role. Changes nothing.

use super::deps::Deps;
use super::grants::{self, Asker};
use super::login::{self, PolicyText, WantedLogin};
use super::resolve::labels;
use super::server_ref::LoginTarget;
use crate::api::ManagedKind;
use crate::api::condition::reasons;
use crate::api::login::Login;
use crate::api::object_ref::ConfigMapKeyRef;
use crate::cluster::{ClusterError, KubeApi, Name};
use crate::engine::kind::{ReconcileError, Target};
use crate::engine::reason::Reason;
use crate::text;

/// What a source that cannot be read holds up.
const HELD: &str = "nothing that rests on it is changed";

/// The text under a key of a ConfigMap, or why it is not there. Text without anything in it counts as missing: an
/// emptied source must never read as "nothing is wanted".
///
/// # Errors
/// Trouble in reading that passes by itself.
pub async fn read(
    cluster: &dyn KubeApi,
    namespace: &str,
    field: &str,
    source: &ConfigMapKeyRef,
) -> Result<Result<String, Reason>, ReconcileError> {
    let ConfigMapKeyRef { name, key } = source;
    let bytes = match bytes(cluster, namespace, field, source).await? {
        Ok(bytes) => bytes,
        Err(reason) => return Ok(Err(reason)),
    };
    Ok(match text::decode(&bytes) {
        Err(error) => {
            let message = format!("{field}: what ConfigMap {namespace}/{name} has under key {key} {error}; {HELD}");
            Err(Reason::stalled(reasons::SOURCE_NOT_READY, message))
        }
        Ok(text) if text::without_marks(text).trim().is_empty() => Err(empty(namespace, field, source)),
        Ok(text) => Ok(text.to_owned()),
    })
}

/// What is under a key of a ConfigMap, text or not, or why it is not there. Nothing at all counts as missing.
///
/// # Errors
/// Trouble in reading that passes by itself.
pub async fn bytes(
    cluster: &dyn KubeApi,
    namespace: &str,
    field: &str,
    source: &ConfigMapKeyRef,
) -> Result<Result<Vec<u8>, Reason>, ReconcileError> {
    let ConfigMapKeyRef { name, key } = source;
    let mut data = match cluster.config_map(&Name { namespace: namespace.to_owned(), name: name.clone() }).await {
        Ok(Some(data)) => data,
        Ok(None) => return Ok(Err(not_ready(namespace, field, name, "is absent"))),
        Err(ClusterError::Forbidden(_)) => {
            return Ok(Err(not_ready(namespace, field, name, "may not be read by the operator").sought()));
        }
        Err(error) => return Err(error.into()),
    };
    Ok(match data.remove(key) {
        None => Err(not_ready(namespace, field, name, &format!("has no key {key}"))),
        Some(bytes) if bytes.is_empty() => Err(empty(namespace, field, source)),
        Some(bytes) => Ok(bytes),
    })
}

fn empty(namespace: &str, field: &str, source: &ConfigMapKeyRef) -> Reason {
    not_ready(namespace, field, &source.name, &format!("has nothing under key {}", source.key))
}

fn not_ready(namespace: &str, field: &str, name: &str, what: &str) -> Reason {
    Reason::new(reasons::SOURCE_NOT_READY, format!("{field}: ConfigMap {namespace}/{name} {what}; {HELD}"))
}

/// The session policy that the spec names, read.
async fn policy_text(deps: &Deps, namespace: &str, login: &Login) -> Result<Option<PolicyText>, ReconcileError> {
    if let Some(text) = &login.policy {
        return Ok(Some(PolicyText { field: "spec.policy", text: Ok(text.clone()) }));
    }
    let Some(source) = &login.policy_from else { return Ok(None) };
    let field = "spec.policyFrom";
    let text = read(deps.cluster.as_ref(), namespace, field, &source.config_map_key_ref).await?;
    Ok(Some(PolicyText { field, text }))
}

/// Why this namespace may not pass the role, if it may not.
fn ungranted(deps: &Deps, kind: ManagedKind, namespace: &str, identity: &str, role: &str) -> Option<Reason> {
    let labels = labels(deps, namespace);
    let asker = Asker { kind, namespace, labels: &labels };
    let Some(identity) = deps.lister.identity(identity) else {
        return Some(Reason::stalled(reasons::ROLE_NOT_GRANTED, "spec.role: the identity is absent"));
    };
    grants::role_granted(&identity, &asker, "spec.role", role).err()
}

/// The login that the spec asks for, on this server.
pub(super) async fn wanted_login(
    deps: &Deps,
    kind: ManagedKind,
    namespace: &str,
    login: &Login,
    target: &Target<LoginTarget>,
) -> Result<(WantedLogin, Vec<Reason>), ReconcileError> {
    let policy = policy_text(deps, namespace, login).await?;
    let ungranted = ungranted(deps, kind, namespace, &target.identity, &login.role);
    Ok(login::want(login, policy, &target.detail.domain, ungranted))
}
