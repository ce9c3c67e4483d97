//! ConfigMaps that a login names: reads one key of one, and says what is missing where it is not there.

use crate::api::common::ConfigMapKeyRef;
use crate::api::condition::reasons;
use crate::cluster::{Cluster, ClusterError, Name};
use crate::engine::kind::{Block, Trouble};

/// The text under a key of a ConfigMap, or why it is not there. Text without anything in it counts as missing: an
/// emptied source must never read as "nothing is wanted".
///
/// # Errors
/// Trouble in reading that passes by itself.
pub async fn read(
    cluster: &dyn Cluster,
    namespace: &str,
    field: &str,
    source: &ConfigMapKeyRef,
) -> Result<Result<String, Block>, Trouble> {
    let ConfigMapKeyRef { name, key } = source;
    let not_ready = |what: &str| {
        let message = format!("{field}: ConfigMap {namespace}/{name} {what}; nothing that rests on it is changed");
        Err(Block::waiting(reasons::SOURCE_NOT_READY, message))
    };
    let data = match cluster.config_map(&Name { namespace: namespace.to_owned(), name: name.clone() }).await {
        Ok(Some(data)) => data,
        Ok(None) => return Ok(not_ready("is absent")),
        Err(ClusterError::Forbidden(_)) => return Ok(not_ready("may not be read by the operator")),
        Err(error) => return Err(error.into()),
    };
    Ok(match data.get(key) {
        None => not_ready(&format!("has no key {key}")),
        Some(text) if text.trim().is_empty() => not_ready(&format!("has nothing under key {key}")),
        Some(text) => Ok(text.clone()),
    })
}
