//! Servers and what is on them, as specs. Pure.

use serde_json::{Map, Value, json};

use super::document::{Document, Names, Target, members_of, object, own_tags, owned};
use super::{FoundServer, SecurityGroups};
use crate::api;
use crate::aws::Tags;
use crate::aws::transfer::{Access, LoginSettings, Server, ServerSettings, User};
use crate::ssh::PublicKey;

/// A server.
pub(super) fn of_server(target: &Target, names: &Names, found: &FoundServer, name: &str) -> Document {
    let FoundServer { server, host_keys, security_groups, users: _, accesses: _ } = found;
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
    let mut settings = members(&with_groups(settings, security_groups));
    named_workflows(&mut settings, names);
    spec.extend(settings);
    spec.extend(host_name(tags));
    spec.extend(own_tags(tags));
    let mut notes = vec![format!("server {server_id}")];
    notes.extend(owned(tags));
    notes.push("host keys are left out, as AWS gives none out; they stay as they are:".to_owned());
    notes.extend(host_keys.iter().map(|key| {
        let shown = |text: &Option<String>| text.clone().unwrap_or_else(|| "unknown".to_owned());
        format!("  {} {}", shown(&key.key_type), shown(&key.fingerprint))
    }));
    notes.extend(security_groups.note());
    Document { notes, object: object(target, "TransferServer", name, &spec) }
}

/// Workflows that have objects of their own are named by these.
fn named_workflows(settings: &mut Map<String, Value>, names: &Names) {
    let details = settings.get_mut("workflowDetails").and_then(Value::as_object_mut);
    for detail in details.into_iter().flat_map(Map::values_mut).filter_map(Value::as_array_mut).flatten() {
        if let Some(detail) = detail.as_object_mut() {
            names.refer(detail, "workflowId", "workflowRef");
        }
    }
}

/// AWS Transfer never returns the security groups: they stand where EC2 told of them.
fn with_groups(settings: &ServerSettings, groups: &SecurityGroups) -> ServerSettings {
    let mut settings = settings.clone();
    if let (Some(details), Some(ids)) = (&mut settings.endpoint_details, groups.ids()) {
        details.security_group_ids = Some(ids);
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

/// A user of a server.
pub(super) fn of_user(target: &Target, server: &Server, server_name: &str, user: &User, name: &str) -> Document {
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

/// An access of a server.
pub(super) fn of_access(target: &Target, server: &Server, server_name: &str, access: &Access, name: &str) -> Document {
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
