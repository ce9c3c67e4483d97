//! From what was read to the text that is applied. Pure.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::names::names;
use super::{Found, SecurityGroups};
use crate::api;
use crate::aws::Tags;
use crate::aws::transfer::{Access, LoginSettings, Server, ServerSettings, User};
use crate::plugin::ascii;
use crate::plugin::failure::Failure;
use crate::ssh::PublicKey;

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
struct Document {
    notes: Vec<String>,
    object: Value,
}

/// The text: what an administrator has to grant, as a comment, then the objects. A person can apply it as it is.
///
/// # Errors
/// A value that cannot be written as YAML, which would be a defect of this program.
pub fn render(target: &Target, found: &[Found]) -> Result<String, Failure> {
    let mut text = grants(target, found);
    for Document { notes, object } in documents(target, found) {
        text.push_str("---\n");
        for note in notes {
            let _ = writeln!(text, "# {}", ascii::line(&note));
        }
        text.push_str(&ascii::yaml(&object)?);
    }
    Ok(text)
}

fn documents(target: &Target, found: &[Found]) -> Vec<Document> {
    let ids = |found: &Found| found.server.server_id.clone();
    let called = |found: &Found| found.server.tags.get("Name").cloned().unwrap_or_else(|| ids(found));
    let servers = names(&found.iter().map(|found| (ids(found), called(found))).collect::<Vec<_>>());
    let users: Vec<(&Found, &User)> =
        found.iter().flat_map(|found| found.users.iter().map(move |user| (found, user))).collect();
    let accesses: Vec<(&Found, &Access)> =
        found.iter().flat_map(|found| found.accesses.iter().map(move |access| (found, access))).collect();
    let on = |found: &Found, name: &String| (format!("{}/{name}", found.server.server_id), name.clone());
    let user_names = names(&users.iter().map(|(found, user)| on(found, &user.user_name)).collect::<Vec<_>>());
    let access_names =
        names(&accesses.iter().map(|(found, access)| on(found, &access.external_id)).collect::<Vec<_>>());

    let name_of = |server: &Server| {
        let at = found.iter().position(|found| found.server.server_id == server.server_id);
        at.and_then(|at| servers.get(at)).cloned().unwrap_or_default()
    };
    let mut documents: Vec<Document> =
        found.iter().zip(&servers).map(|(found, name)| of_server(target, found, name)).collect();
    documents.extend(
        users
            .iter()
            .zip(&user_names)
            .map(|((found, user), name)| of_user(target, &found.server, &name_of(&found.server), user, name)),
    );
    documents.extend(
        accesses
            .iter()
            .zip(&access_names)
            .map(|((found, access), name)| of_access(target, &found.server, &name_of(&found.server), access, name)),
    );
    documents
}

fn object(target: &Target, kind: &str, name: &str, spec: &Map<String, Value>) -> Value {
    json!({
        "apiVersion": format!("{}/{}", api::GROUP, api::VERSION), "kind": kind,
        "metadata": {"name": name, "namespace": target.namespace}, "spec": spec,
    })
}

fn of_server(target: &Target, found: &Found, name: &str) -> Document {
    let Found { server, host_keys, security_groups, users: _, accesses: _ } = found;
    let Server {
        arn: _,
        server_id,
        domain,
        state,
        host_key_fingerprint: _,
        user_count: _,
        as2_service_managed_egress_ip_addresses: _,
        settings,
        tags,
    } = server;
    let mut spec = Map::new();
    spec.insert("awsIdentityRef".to_owned(), json!({"name": target.identity}));
    spec.insert("region".to_owned(), json!(target.region));
    if matches!(state.as_deref(), Some("OFFLINE" | "STOPPING" | "STOP_FAILED")) {
        spec.insert("desiredState".to_owned(), json!("OFFLINE"));
    }
    let adoption = json!({"serverId": server_id, "mode": "IfIdentical"});
    let lifecycle = json!({"deletionPolicy": target.deletion_policy, "adoption": adoption});
    spec.insert("lifecycle".to_owned(), lifecycle);
    spec.insert("domain".to_owned(), json!(domain.as_deref().unwrap_or("S3")));
    spec.extend(members(&with_groups(settings, security_groups)));
    spec.extend(host_name(tags));
    spec.extend(own_tags(tags));
    let mut notes = vec![format!("server {server_id}")];
    notes.extend(owned(tags));
    notes.push("host keys are left out, as AWS gives none out; they stay as they are:".to_owned());
    notes.extend(host_keys.iter().map(|key| {
        let shown = |text: &Option<String>| text.clone().unwrap_or_else(|| "unknown".to_owned());
        format!("  {} {}", shown(&key.key_type), shown(&key.fingerprint))
    }));
    if let SecurityGroups::Hidden(why) = security_groups {
        notes.push(format!("security groups are left out and stay as they are: {why}"));
    }
    Document { notes, object: object(target, "TransferServer", name, &spec) }
}

/// AWS Transfer never returns the security groups: they stand where EC2 told of them.
fn with_groups(settings: &ServerSettings, groups: &SecurityGroups) -> ServerSettings {
    let mut settings = settings.clone();
    if let (Some(details), SecurityGroups::Are(ids)) = (&mut settings.endpoint_details, groups) {
        details.security_group_ids = Some(ids.clone());
    }
    settings
}

/// What of the settings a spec may say, which is all but what AWS chose by itself.
fn members(settings: &ServerSettings) -> Map<String, Value> {
    let mut settings = settings.clone();
    let endpoint = settings.endpoint_type.clone().unwrap_or_default();
    if let Some(details) = &mut settings.endpoint_details {
        let endpoint_id = details.vpc_endpoint_id.take();
        if endpoint == "VPC_ENDPOINT" {
            *details = crate::api::shapes::EndpointDetails { vpc_endpoint_id: endpoint_id, ..Default::default() };
        }
    }
    if endpoint != "VPC" && endpoint != "VPC_ENDPOINT" {
        settings.endpoint_details = None;
    }
    if endpoint != "PUBLIC"
        && let Some(details) = &mut settings.protocol_details
    {
        details.sftp_ports = None;
    }
    match settings.identity_provider_type.as_deref() {
        None | Some("SERVICE_MANAGED") => settings.identity_provider_details = None,
        Some("AWS_DIRECTORY_SERVICE") => {
            if let Some(details) = &mut settings.identity_provider_details {
                details.sftp_authentication_methods = None;
            }
        }
        Some(_) => {}
    }
    members_of(&settings)
}

/// The members that are there. Empty ones are what AWS has where nothing is set.
fn members_of(settings: &impl serde::Serialize) -> Map<String, Value> {
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

fn empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// AWS keeps a host name of one's own in tags, under either of two spellings.
fn host_name(tags: &Tags) -> Option<(String, Value)> {
    let either =
        |key: &str| tags.get(key).or_else(|| tags.get(&format!("aws:{key}"))).filter(|value| !value.is_empty());
    let mut custom = Map::new();
    custom.insert("hostname".to_owned(), json!(either(api::TAG_CUSTOM_HOSTNAME)?));
    if let Some(zone) = either(api::TAG_HOSTED_ZONE_ID) {
        custom.insert("hostedZoneId".to_owned(), json!(zone));
    }
    Some(("customHostname".to_owned(), Value::Object(custom)))
}

/// The tags that a spec may ask for.
fn own_tags(tags: &Tags) -> Option<(String, Value)> {
    let ours = [api::TAG_PREFIX, "aws:", api::TAG_CUSTOM_HOSTNAME, api::TAG_HOSTED_ZONE_ID];
    let mut tags = tags.clone();
    tags.retain(|key, _| !ours.iter().any(|prefix| key.to_lowercase().starts_with(&prefix.to_lowercase())));
    (!tags.is_empty()).then(|| ("tags".to_owned(), json!(tags)))
}

/// What an object of some cluster manages already is not taken over.
fn owned(tags: &Tags) -> Option<String> {
    tags.get(api::TAG_UID)?;
    let shown = |key: &str| tags.get(key).map_or("unknown", String::as_str);
    let (owner, cluster) = (shown(api::TAG_OWNER), shown(api::TAG_CLUSTER));
    Some(format!("WARNING: object {owner} of cluster {cluster} manages this already; it will not be taken over"))
}

fn of_user(target: &Target, server: &Server, server_name: &str, user: &User, name: &str) -> Document {
    let User { arn: _, user_name, settings, ssh_public_keys, tags } = user;
    let mut spec = login(target, server, server_name, settings);
    let mut notes: Vec<String> = owned(tags).into_iter().collect();
    if user_name != name {
        spec.insert("userName".to_owned(), json!(user_name));
    }
    spec.extend(own_tags(tags));
    let keys: Result<Vec<PublicKey>, _> = ssh_public_keys.iter().map(|key| PublicKey::parse(&key.body)).collect();
    match keys {
        Ok(keys) => {
            let listed: Vec<Value> = keys.iter().map(|key| json!({"publicKey": key.to_line()})).collect();
            spec.insert("sshPublicKeys".to_owned(), json!(listed));
        }
        Err(error) => {
            notes.push(format!("keys are left out and stay as they are, as one is none to this program: {error}"));
        }
    }
    Document { notes, object: object(target, "TransferUser", name, &spec) }
}

fn of_access(target: &Target, server: &Server, server_name: &str, access: &Access, name: &str) -> Document {
    let Access { external_id, settings } = access;
    let mut spec = login(target, server, server_name, settings);
    spec.insert("externalId".to_owned(), json!(external_id));
    let none = settings.role.is_none();
    let notes = none.then(|| "AWS returned no role for this access: write it into spec.role".to_owned());
    Document { notes: notes.into_iter().collect(), object: object(target, "TransferAccess", name, &spec) }
}

fn login(target: &Target, server: &Server, server_name: &str, settings: &LoginSettings) -> Map<String, Value> {
    let mut spec = Map::new();
    spec.insert("serverRef".to_owned(), json!({"name": server_name}));
    let lifecycle = json!({"deletionPolicy": target.deletion_policy, "adoption": {"mode": "IfIdentical"}});
    spec.insert("lifecycle".to_owned(), lifecycle);
    let mut settings = settings.clone();
    // Without a meaning in S3, where the operator refuses it.
    if server.domain.as_deref() != Some("EFS") {
        settings.posix_profile = None;
    }
    if settings.home_directory_type.as_deref() != Some("LOGICAL") {
        settings.home_directory_mappings = None;
    }
    spec.extend(members_of(&settings));
    spec
}

/// What an administrator has to let the namespace do first.
fn grants(target: &Target, found: &[Found]) -> String {
    let Target { account, region, namespace, identity, deletion_policy: _ } = target;
    let mut roles: BTreeSet<&String> = BTreeSet::new();
    let mut kinds = vec!["TransferServer"];
    for Found { server, host_keys: _, security_groups: _, users, accesses } in found {
        let ServerSettings { logging_role, identity_provider_details, workflow_details, .. } = &server.settings;
        roles.extend(logging_role);
        roles.extend(identity_provider_details.iter().filter_map(|details| details.invocation_role.as_ref()));
        let workflows = workflow_details.iter().flat_map(|details| [&details.on_upload, &details.on_partial_upload]);
        roles.extend(workflows.flatten().flatten().map(|workflow| &workflow.execution_role));
        roles.extend(users.iter().filter_map(|user| user.settings.role.as_ref()));
        roles.extend(accesses.iter().filter_map(|access| access.settings.role.as_ref()));
    }
    kinds.extend(found.iter().any(|found| !found.users.is_empty()).then_some("TransferUser"));
    kinds.extend(found.iter().any(|found| !found.accesses.is_empty()).then_some("TransferAccess"));
    let mut text = format!(
        "# Taken from account {account}, region {region}. Before this is applied, AwsIdentity {identity} needs that account,\n\
         # that region in spec.regions, and in spec.grants:\n\
         #   - name: {namespace}-export\n\
         #     kinds: [{}]\n\
         #     namespaces: {{from: Names, names: [{namespace}]}}\n",
        kinds.join(", ")
    );
    let mut list = |name: &str, values: Vec<&String>| {
        if !values.is_empty() {
            let _ = writeln!(text, "#     {name}:");
        }
        for value in values {
            let _ = writeln!(text, "#     - {}", Value::String(value.clone()));
        }
    };
    list("serverIds", found.iter().map(|found| &found.server.server_id).collect());
    list("roleArns", roles.into_iter().filter(|role| !role.is_empty()).collect());
    text.push_str(
        "# Nothing but the tags that say whose it is changes in AWS; what differs after all is shown in status.drift.\n\
         # An AwsIdentity that adds tags (spec.tags) would add them here too, which IfIdentical refuses: name one that adds\n\
         # none (--identity), or write mode Converge.\n\
         # Flux fills in ${...} where it substitutes variables: write $${...} for AWS's own there.\n",
    );
    text
}
