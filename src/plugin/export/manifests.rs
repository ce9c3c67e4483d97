//! From what was read to the text that is applied. Pure.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::names::names;
use super::{Found, FoundServer, grants, servers, standalone};
use crate::api;
use crate::aws::Tags;
use crate::aws::transfer::{Access, Agreement, Connector, Profile, Server, User, Workflow, agreement_key};
use crate::plugin::ascii;
use crate::plugin::failure::Failure;

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

/// The text: what an administrator has to grant, as a comment, then the objects. A person can apply it as it is.
///
/// # Errors
/// A value that cannot be written as YAML, which would be a defect of this program.
pub fn render(target: &Target, found: &Found) -> Result<String, Failure> {
    let mut text = grants::render(target, found);
    for Document { notes, object } in documents(target, found) {
        text.push_str("---\n");
        for note in notes {
            let _ = writeln!(text, "# {}", ascii::line(&note));
        }
        text.push_str(&ascii::yaml(&object)?);
    }
    Ok(text)
}

/// What is named comes before what names it.
fn documents(target: &Target, found: &Found) -> Vec<Document> {
    let Found { servers, workflows, profiles, connectors, agreements } = found;
    let mut known = Names::default();
    let workflow = |found: &Workflow| (found.workflow_id.clone(), called(&found.tags, &found.workflow_id));
    let profile = |found: &Profile| (found.profile_id.clone(), called(&found.tags, &found.settings.as2_id));
    let server = |found: &FoundServer| {
        let Server { server_id, tags, .. } = &found.server;
        (server_id.clone(), called(tags, server_id))
    };
    let workflows = known.give(workflows, workflow);
    let profiles = known.give(profiles, profile);
    let servers = known.give(servers, server);
    let mut documents: Vec<Document> = Vec::new();
    documents.extend(workflows.iter().map(|(found, name)| standalone::of_workflow(target, found, name)));
    documents.extend(profiles.iter().map(|(found, name)| standalone::of_profile(target, found, name)));
    documents.extend(servers.iter().map(|(found, name)| servers::of_server(target, &known, found, name)));
    documents.extend(logins(target, &servers));

    let key = |found: &Agreement| agreement_key(&found.server_id, &found.agreement_id);
    let agreement = |found: &Agreement| (key(found), called(&found.tags, &found.agreement_id));
    let connector = |found: &Connector| (found.connector_id.clone(), called(&found.tags, &found.connector_id));
    let agreements = known.give(agreements, agreement);
    let connectors = known.give(connectors, connector);
    documents.extend(agreements.iter().map(|(found, name)| standalone::of_agreement(target, &known, found, name)));
    documents.extend(connectors.iter().map(|(found, name)| standalone::of_connector(target, &known, found, name)));
    documents
}

impl Names {
    /// A name for each of what is found, of one kind.
    fn give<'a, T>(&mut self, found: &'a [T], of: impl Fn(&T) -> (String, String)) -> Vec<(&'a T, String)> {
        let wanted: Vec<(String, String)> = found.iter().map(of).collect();
        let given = names(&wanted);
        self.0.extend(wanted.into_iter().map(|(id, _)| id).zip(given.iter().cloned()));
        found.iter().zip(given).collect()
    }
}

/// What people call it, or else this.
fn called(tags: &Tags, otherwise: &str) -> String {
    tags.get("Name").cloned().unwrap_or_else(|| otherwise.to_owned())
}

/// Users, then accesses, of all servers.
fn logins(target: &Target, servers: &[(&FoundServer, String)]) -> Vec<Document> {
    let on = |server: &Server, name: &String| (format!("{}/{name}", server.server_id), name.clone());
    let users: Vec<(&Server, &String, &User)> = servers
        .iter()
        .flat_map(|(found, name)| found.users.iter().map(move |user| (&found.server, name, user)))
        .collect();
    let accesses: Vec<(&Server, &String, &Access)> = servers
        .iter()
        .flat_map(|(found, name)| found.accesses.iter().map(move |access| (&found.server, name, access)))
        .collect();
    let user_names = names(&users.iter().map(|(server, _, user)| on(server, &user.user_name)).collect::<Vec<_>>());
    let access_names =
        names(&accesses.iter().map(|(server, _, access)| on(server, &access.external_id)).collect::<Vec<_>>());
    let users = users.into_iter().zip(&user_names);
    let accesses = accesses.into_iter().zip(&access_names);
    users
        .map(|((server, of, user), name)| servers::of_user(target, server, of, user, name))
        .chain(accesses.map(|((server, of, access), name)| servers::of_access(target, server, of, access, name)))
        .collect()
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
