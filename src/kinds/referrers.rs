//! Who else of ours still needs what an object stands for, by a live list: it is not deleted before them.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::api::{Managed, ManagedKind, Reference};
use crate::cluster::{self, ClusterError, KubeApi, Name, Object, Reach};

/// How many objects a sentence names.
const SHOWN: usize = 3;

/// The first of them, as a sentence names them.
#[must_use]
pub fn shown(names: &BTreeSet<String>) -> String {
    let more = if names.len() > SHOWN { ", …" } else { "" };
    format!("{}{more}", names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", "))
}

/// Objects of other kinds that may have something in AWS, by how they bear on the deletion of one.
#[derive(Debug, Default)]
pub struct Found {
    /// They refer to it, or to what it has in AWS.
    pub naming: BTreeSet<String>,
    /// So do these, and they were to be told apart.
    pub apart: BTreeSet<String>,
    /// These do not, as far as they say, and may have it in AWS all the same.
    pub unsure: BTreeSet<String>,
}

/// Objects of other kinds that refer to this one, or to what it has in AWS, and may have something in AWS themselves; and by
/// themselves those of them that `apart` says to be told apart.
///
/// # Errors
/// Trouble with the API server; a listing that broke off counts for nothing.
pub async fn told_apart<K: Managed>(
    cluster: &dyn KubeApi,
    object: &K,
    id: Option<&str>,
    apart: impl Fn(&dyn Object) -> bool + Send + Sync,
) -> Result<(BTreeSet<String>, BTreeSet<String>), ClusterError> {
    let Found { naming, apart, unsure: _ } = found(cluster, object, id, apart, |_| false).await?;
    Ok((naming, apart))
}

/// The same, and those that `unsure` holds of. Each object is asked all of that as it was in one moment: in two listings, one
/// whose status is lost in between would say neither.
///
/// # Errors
/// As [`told_apart`].
pub async fn found<K: Managed>(
    cluster: &dyn KubeApi,
    object: &K,
    id: Option<&str>,
    apart: impl Fn(&dyn Object) -> bool + Send + Sync,
    unsure: impl Fn(&dyn Object) -> bool + Send + Sync,
) -> Result<Found, ClusterError> {
    let refers = refers_to(object, id);
    let mut found = Found::default();
    for kind in ManagedKind::ALL.iter().copied().filter(|kind| *kind != K::KIND) {
        let take = |found: &mut Found, value: Value| {
            // What this version cannot read may well need it: what AWS itself has then holds the deletion.
            let Some(other) = cluster::decode_any(kind, &value).filter(|other| other.may_be_in_aws()) else { return };
            let other = other.as_ref();
            let refers = refers(&other.all_references());
            let names = if refers && !apart(other) {
                &mut found.naming
            } else if unsure(other) {
                &mut found.unsure
            } else if refers {
                &mut found.apart
            } else {
                return;
            };
            names.insert(format!("{} {}", kind.name(), Name::from(other.metadata())));
        };
        found = cluster::fold(cluster, &kind.resource(), Reach::Watched, found, take).await?;
    }
    Ok(found)
}

/// Objects of a kind that may have something in AWS, and of which this holds, by name.
///
/// # Errors
/// As [`told_apart`].
pub async fn holding(
    cluster: &dyn KubeApi,
    kind: ManagedKind,
    passes: impl Fn(&dyn Object) -> bool + Send + Sync,
) -> Result<BTreeSet<String>, ClusterError> {
    let take = |names: &mut BTreeSet<String>, value: Value| {
        let object =
            cluster::decode_any(kind, &value).filter(|object| object.may_be_in_aws() && passes(object.as_ref()));
        names.extend(object.map(|object| format!("{} {}", kind.name(), Name::from(object.metadata()))));
    };
    cluster::fold(cluster, &kind.resource(), Reach::Watched, BTreeSet::new(), take).await
}

/// The names of all logins that objects on a server stand for, whether or not these ever did anything in AWS.
///
/// # Errors
/// As [`told_apart`].
pub async fn logins<K: Managed>(
    cluster: &dyn KubeApi,
    object: &K,
    id: Option<&str>,
) -> Result<BTreeSet<String>, ClusterError> {
    let refers = refers_to(object, id);
    let mut found = BTreeSet::new();
    for kind in ManagedKind::ALL.iter().copied().filter(|kind| *kind != K::KIND) {
        let take = |names: &mut BTreeSet<String>, value: Value| {
            let references = cluster::decode_any(kind, &value).map(|other| other.all_references()).unwrap_or_default();
            if refers(&references) {
                names.extend(references.into_iter().filter_map(|reference| match reference {
                    Reference::Login(name) => Some(name),
                    _ => None,
                }));
            }
        };
        found = cluster::fold(cluster, &kind.resource(), Reach::Watched, found, take).await?;
    }
    Ok(found)
}

/// Whether one of the references is to this object, or to what it has in AWS.
fn refers_to<K: Managed>(object: &K, id: Option<&str>) -> impl Fn(&[Reference]) -> bool + Send + Sync + use<K> {
    let own = Reference::Object(K::KIND, Name::from(object.meta()));
    let id = id.map(|id| Reference::Id(K::KIND, id.to_owned()));
    move |references| references.contains(&own) || id.as_ref().is_some_and(|id| references.contains(id))
}
