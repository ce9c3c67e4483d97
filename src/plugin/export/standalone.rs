//! What stands by itself, and agreements, as specs. Pure.

use serde_json::{Map, Value, json};

use super::document::{Document, Names, Taken, Target, at, empty, fields, members_of};
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
    Taken { id: workflow_id, tags, at: at(target), members }.document(target, "TransferWorkflow", name)
}

/// An AS2 profile. A certificate that still waits for somebody stays named by its id: the profile, and all that names it,
/// would wait as well.
pub(super) fn of_profile(target: &Target, [names, waiting]: [&Names; 2], found: &Profile, name: &str) -> Document {
    let Profile { arn: _, profile_id, settings, tags } = found;
    let mut members = members_of(settings);
    names.refer_all(&mut members, "certificateIds", "certificateRefs");
    let mut document =
        Taken { id: profile_id, tags, at: at(target), members }.document(target, "TransferProfile", name);
    let later = settings.certificate_ids.iter().flatten().filter_map(|id| Some((id, waiting.of(id)?)));
    document.notes.extend(later.map(|(id, name)| {
        format!("once TransferCertificate {name} is Ready, name it in certificateRefs in place of {id}: its renewals come by that")
    }));
    document
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
    Taken { id: &id, tags, at, members }.document(target, "TransferAgreement", name)
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
    let mut document = taken.document(target, "TransferConnector", name);
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
