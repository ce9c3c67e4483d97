//! What the objects of an export have in common: where they go, their names, and what of AWS's members and tags is written.
//! Pure.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::names::names;
use crate::api;
use crate::aws::Tags;

/// Where what is exported is to go.
#[derive(Clone, Debug)]
pub struct Target {
    /// The account that it was read from.
    pub account: String,
    /// Its region.
    pub region: String,
    /// Namespace of the objects.
    pub namespace: String,
    /// Name of the AwsIdentity that the servers are to use.
    pub identity: String,
    /// What deletion of the objects is to do: `Retain` or `Delete`.
    pub deletion_policy: String,
}

/// One object, and what is to be said before it.
pub(super) struct Document {
    pub(super) notes: Vec<String>,
    pub(super) object: Value,
}

/// What of AWS's ids has which name as an object.
#[derive(Default)]
pub(super) struct Names(BTreeMap<String, String>);

impl Names {
    /// The name of the object that stands for this id, where one is exported along.
    pub(super) fn of(&self, id: &str) -> Option<&String> {
        self.0.get(id)
    }

    /// What is named by its id is named by its object, where one is exported along.
    pub(super) fn refer(&self, members: &mut Map<String, Value>, by_id: &str, by_name: &str) {
        let named = members.get(by_id).and_then(Value::as_str).and_then(|id| self.of(id)).cloned();
        if let Some(name) = named {
            members.remove(by_id);
            members.insert(by_name.to_owned(), json!({"name": name}));
        }
    }
}

impl Names {
    /// A name for each of what is found, of one kind.
    pub(super) fn give<'a, T>(&mut self, found: &'a [T], of: impl Fn(&T) -> (String, String)) -> Vec<(&'a T, String)> {
        let wanted: Vec<(String, String)> = found.iter().map(of).collect();
        let given = names(&wanted);
        self.0.extend(wanted.into_iter().map(|(id, _)| id).zip(given.iter().cloned()));
        found.iter().zip(given).collect()
    }
}

/// An object of this kind.
pub(super) fn object(target: &Target, kind: &str, name: &str, spec: &Map<String, Value>) -> Value {
    json!({
        "apiVersion": format!("{}/{}", api::GROUP, api::VERSION), "kind": kind,
        "metadata": {"name": name, "namespace": target.namespace}, "spec": spec,
    })
}

/// The members that are there. Empty ones are what AWS has where nothing is set.
pub(super) fn members_of(settings: &impl serde::Serialize) -> Map<String, Value> {
    match without_empty(serde_json::to_value(settings).unwrap_or_default()) {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn without_empty(value: Value) -> Value {
    match value {
        Value::Object(members) => members
            .into_iter()
            .map(|(name, member)| (name, without_empty(member)))
            .filter(|(_, member)| !empty(member))
            .collect(),
        Value::Array(items) => items.into_iter().map(without_empty).collect(),
        other => other,
    }
}

pub(super) fn empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The tags that a spec may ask for.
pub(super) fn own_tags(tags: &Tags) -> Option<(String, Value)> {
    let ours = [api::TAG_PREFIX, "aws:", api::TAG_CUSTOM_HOSTNAME, api::TAG_HOSTED_ZONE_ID];
    let mut tags = tags.clone();
    tags.retain(|key, _| !ours.iter().any(|prefix| key.to_lowercase().starts_with(&prefix.to_lowercase())));
    (!tags.is_empty()).then(|| ("tags".to_owned(), json!(tags)))
}

/// What an object of some cluster manages already is not taken over.
pub(super) fn owned(tags: &Tags) -> Option<String> {
    tags.get(api::TAG_UID)?;
    let shown = |key: &str| tags.get(key).map_or("unknown", String::as_str);
    let (owner, cluster) = (shown(api::TAG_OWNER), shown(api::TAG_CLUSTER));
    Some(format!("WARNING: object {owner} of cluster {cluster} manages this already; it will not be taken over"))
}
