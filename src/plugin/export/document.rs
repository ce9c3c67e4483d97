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

    /// The same of a list: who has no object here stays in it.
    pub(super) fn refer_all(&self, members: &mut Map<String, Value>, by_id: &str, by_name: &str) {
        let Some(Value::Array(ids)) = members.remove(by_id) else { return };
        let object = |id: &Value| id.as_str().and_then(|id| self.of(id));
        let names: Vec<Value> = ids.iter().filter_map(object).map(|name| json!({"name": name})).collect();
        let ids: Vec<Value> = ids.into_iter().filter(|id| object(id).is_none()).collect();
        let lists = [(by_id, ids), (by_name, names)].into_iter().filter(|(_, list)| !list.is_empty());
        members.extend(lists.map(|(field, list)| (field.to_owned(), Value::Array(list))));
    }

    /// Those of these ids become names of this one.
    pub(super) fn take_from<'a>(&mut self, others: &mut Self, ids: impl Iterator<Item = &'a String>) {
        self.0.extend(ids.filter_map(|id| others.0.remove_entry(id)));
    }

    /// A name for each of what is found, of one kind.
    pub(super) fn give<'a, T>(&mut self, found: &'a [T], of: impl Fn(&T) -> (String, String)) -> Vec<(&'a T, String)> {
        let wanted: Vec<(String, String)> = found.iter().map(of).collect();
        let given = names(&wanted);
        self.0.extend(wanted.into_iter().map(|(id, _)| id).zip(given.iter().cloned()));
        found.iter().zip(given).collect()
    }
}

/// What AWS has under an id of its own, and where an object finds it.
pub(super) struct Taken<'a> {
    pub(super) id: &'a str,
    pub(super) tags: &'a Tags,
    pub(super) at: Map<String, Value>,
    pub(super) members: Map<String, Value>,
}

impl Taken<'_> {
    /// The object that takes it over.
    pub(super) fn document(self, target: &Target, kind: &str, name: &str) -> Document {
        let Self { id, tags, at, members } = self;
        let mut spec = at;
        let adoption = json!({"id": id, "mode": "IfIdentical"});
        spec.insert("lifecycle".to_owned(), json!({"deletionPolicy": target.deletion_policy, "adoption": adoption}));
        spec.extend(members);
        spec.extend(own_tags(tags));
        let mut notes = vec![format!("{} {id}", spaced(kind.trim_start_matches("Transfer")))];
        notes.extend(owned(tags));
        Document { notes, object: object(target, kind, name, &spec) }
    }
}

/// A kind as people say it.
fn spaced(kind: &str) -> String {
    let mut text = String::new();
    for letter in kind.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push(' ');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

/// The account and the region, for what is not found through a server.
pub(super) fn at(target: &Target) -> Map<String, Value> {
    fields(json!({"awsIdentityRef": {"name": target.identity}, "region": target.region}))
}

pub(super) fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
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
    fields(without_empty(serde_json::to_value(settings).unwrap_or_default()))
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
