//! Who else of ours still needs what an object stands for, by a live list: it is not deleted before them.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::api::{FINALIZER, Managed, ManagedKind, Reference};
use crate::cluster::{self, ClusterError, KubeApi, Name, Object, Reach};

/// Objects of other kinds that refer to this one, or to what it has in AWS, and may have something in AWS themselves.
///
/// # Errors
/// Trouble with the API server; a listing that broke off counts for nothing.
pub async fn of<K: Managed>(
    cluster: &dyn KubeApi,
    object: &K,
    id: Option<&str>,
) -> Result<BTreeSet<String>, ClusterError> {
    let own = Reference::Object(K::KIND, Name::from(object.meta()));
    let id = id.map(|id| Reference::Id(K::KIND, id.to_owned()));
    let needs = |other: &dyn Object| {
        let held = other.metadata().finalizers.iter().flatten().any(|name| name == FINALIZER);
        let references = other.all_references();
        held && (references.contains(&own) || id.as_ref().is_some_and(|id| references.contains(id)))
    };
    let mut found = BTreeSet::new();
    for kind in ManagedKind::ALL.iter().copied().filter(|kind| *kind != K::KIND) {
        let take = |names: &mut BTreeSet<String>, value: Value| {
            // What this version cannot read may well need it: what AWS itself has then holds the deletion.
            let other = cluster::decode_any(kind, value).filter(|other| needs(other.as_ref()));
            names.extend(other.map(|other| format!("{} {}", kind.name(), Name::from(other.metadata()))));
        };
        found = cluster::fold(cluster, &kind.resource(), Reach::Watched, found, take).await?;
    }
    Ok(found)
}
