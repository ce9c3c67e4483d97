//! What stands by itself, and agreements, as specs. Pure.

use serde_json::{Map, Value, json};

use super::document::{Document, Names, Target, empty, members_of, object, own_tags, owned};
use crate::aws::Tags;
use crate::aws::transfer::{Agreement, Connector, Profile, Workflow, agreement_key};

/// A workflow.
pub(super) fn of_workflow(target: &Target, found: &Workflow, name: &str) -> Document {
    let Workflow { arn: _, workflow_id, settings, tags } = found;
    // What is empty further in has a meaning there: a step that deletes says nothing more.
    let mut members = match serde_json::to_value(settings) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    };
    members.retain(|_, member| !empty(member));
    document(target, "TransferWorkflow", name, &Taken { id: workflow_id, tags, at: at(target), members })
}

/// An AS2 profile. Its certificates are named by their ids: AWS gives out no private key that could be imported anew.
pub(super) fn of_profile(target: &Target, found: &Profile, name: &str) -> Document {
    let Profile { arn: _, profile_id, settings, tags } = found;
    let members = members_of(settings);
    document(target, "TransferProfile", name, &Taken { id: profile_id, tags, at: at(target), members })
}

/// An AS2 agreement.
pub(super) fn of_agreement(target: &Target, names: &Names, found: &Agreement, name: &str) -> Document {
    let Agreement { arn: _, server_id, agreement_id, settings, tags } = found;
    let mut members = members_of(settings);
    names.refer(&mut members, "localProfileId", "localProfileRef");
    names.refer(&mut members, "partnerProfileId", "partnerProfileRef");
    let at = match names.of(server_id) {
        Some(server) => fields(json!({"serverRef": {"name": server}})),
        None => at(target).into_iter().chain(fields(json!({"serverId": server_id}))).collect(),
    };
    let id = agreement_key(server_id, agreement_id);
    document(target, "TransferAgreement", name, &Taken { id: &id, tags, at, members })
}

/// A connector.
pub(super) fn of_connector(target: &Target, names: &Names, found: &Connector, name: &str) -> Document {
    let Connector {
        arn: _,
        connector_id,
        settings,
        status: _,
        error_message: _,
        service_managed_egress_ip_addresses: _,
        tags,
    } = found;
    let mut members = members_of(settings);
    let mut unnamed = Vec::new();
    if let Some(config) = members.get_mut("as2Config").and_then(Value::as_object_mut) {
        names.refer(config, "localProfileId", "localProfileRef");
        names.refer(config, "partnerProfileId", "partnerProfileRef");
        if let Some(mdn) = config.get_mut("asyncMdnConfig").and_then(Value::as_object_mut) {
            unnamed = servers_of(mdn, names);
        }
    }
    let taken = Taken { id: connector_id, tags, at: at(target), members };
    let mut document = document(target, "TransferConnector", name, &taken);
    document.notes.extend(unnamed.iter().map(|id| {
        format!("server {id} is not exported along: put the name of its TransferServer into asyncMdnConfig.serverRefs")
    }));
    document
}

/// Servers are named by their objects only; answers with those that have none here.
fn servers_of(mdn: &mut Map<String, Value>, names: &Names) -> Vec<String> {
    let there = mdn.remove("serverIds");
    let ids: Vec<String> = there.iter().filter_map(Value::as_array).flatten().filter_map(text).collect();
    let by_name = |id: &String| json!({"name": names.of(id).unwrap_or(id)});
    mdn.insert("serverRefs".to_owned(), ids.iter().map(by_name).collect());
    ids.into_iter().filter(|id| names.of(id).is_none()).collect()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// What AWS has, and where an object finds it.
struct Taken<'a> {
    id: &'a str,
    tags: &'a Tags,
    at: Map<String, Value>,
    members: Map<String, Value>,
}

fn document(target: &Target, kind: &str, name: &str, taken: &Taken<'_>) -> Document {
    let Taken { id, tags, at, members } = taken;
    let mut spec = at.clone();
    let adoption = json!({"id": id, "mode": "IfIdentical"});
    spec.insert("lifecycle".to_owned(), json!({"deletionPolicy": target.deletion_policy, "adoption": adoption}));
    spec.extend(members.clone());
    spec.extend(own_tags(tags));
    let mut notes = vec![format!("{} {id}", kind.trim_start_matches("Transfer").to_lowercase())];
    notes.extend(owned(tags));
    Document { notes, object: object(target, kind, name, &spec) }
}

/// The account and the region, for what is not found through a server.
fn at(target: &Target) -> Map<String, Value> {
    fields(json!({"awsIdentityRef": {"name": target.identity}, "region": target.region}))
}

fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
