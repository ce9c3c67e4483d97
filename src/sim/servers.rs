//! Servers: creation, state, deletion, and what Describe and List show of them.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::config::{Leniency, Unset};
use super::error::{Answer, ApiError};
use super::host_keys::{self, KeyOptions};
use super::input::Changes;
use super::lifecycle::Lifecycle;
use super::model::{Server, Settings, Tag};
use super::page::{self, PageInput};
use super::state::{Context, Region};
use super::time::after;
use super::wire::joined;
use super::{agreements, network, settings, tags, workflows};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateInput {
    domain: Option<String>,
    host_key: Option<String>,
    host_key_storage_type: Option<String>,
    tags: Option<Vec<Tag>>,
    #[serde(flatten)]
    changes: Changes,
}

/// The input of every operation that names a server and nothing else.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NameInput {
    server_id: String,
}

/// Addresses from which messages of AS2 servers come; every server shows the same ones.
const AS2_EGRESS: [&str; 3] = ["192.0.2.10", "192.0.2.11", "192.0.2.12"];

/// `CreateServer`.
///
/// # Errors
/// What the operation refuses.
pub fn create(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let input: CreateInput = super::input::parse(input)?;
    let limit = context.config.quotas.servers;
    let held = region.servers.values().filter(|s| s.gone.is_none());
    if held.count() >= limit {
        return Err(context.config.full("ServersPerAccount", limit));
    }
    let domain = input.domain.unwrap_or_else(|| "S3".to_owned());
    workflows::check_named(region, input.changes.workflow_details.as_ref(), context.config)?;
    let settings = settings::created(input.changes, &domain, context)?;
    let tags = input.tags.unwrap_or_default();
    tags::check(&tags, context)?;
    let key = match input.host_key.filter(|k| !k.is_empty()) {
        Some(body) => host_keys::parsed(&body)?,
        None => host_keys::generated(context)?,
    };
    let options = KeyOptions { storage_type: input.host_key_storage_type, ..KeyOptions::default() };
    let key = host_keys::made(&key, options, context)?;
    let id = context.random.id("s");
    let mut server = blank(&id, domain, settings, tags, context);
    server.host_keys.push(key);
    region.servers.insert(id.clone(), server);
    context.changed = true;
    Ok(json!({"ServerId": id}))
}

fn blank(id: &str, domain: String, settings: Settings, tags: Vec<Tag>, context: &Context<'_>) -> Server {
    let takes = context.config.transition_time;
    let mut endpoint_ready = context.now;
    if settings.endpoint_type == "VPC" {
        endpoint_ready = after(after(context.now, takes), context.config.endpoint_lag);
    }
    Server {
        server_id: id.to_owned(),
        domain,
        settings,
        lifecycle: starting(context),
        created: context.now,
        endpoint_ready,
        gone: None,
        shown_as: std::collections::BTreeMap::default(),
        tags,
        users: std::collections::BTreeMap::default(),
        accesses: std::collections::BTreeMap::default(),
        host_keys: Vec::new(),
    }
}

fn starting(context: &Context<'_>) -> Lifecycle {
    let config = context.config;
    Lifecycle::moving("STARTING", &config.start_outcome, context.now, config.transition_time)
}

fn stopping(context: &Context<'_>) -> Lifecycle {
    let config = context.config;
    Lifecycle::moving("STOPPING", &config.stop_outcome, context.now, config.transition_time)
}

/// `StartServer`.
///
/// # Errors
/// What the operation refuses.
pub fn start(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    shift(region, context, input, ["STARTING", "ONLINE"], "STOPPING", starting)
}

/// `StopServer`.
///
/// # Errors
/// What the operation refuses.
pub fn stop(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    shift(region, context, input, ["STOPPING", "OFFLINE"], "STARTING", stopping)
}

/// Both ways alike: nothing to do where the server is, or is going, there; in doubt while it goes the other way.
fn shift(
    region: &mut Region,
    context: &mut Context<'_>,
    input: Value,
    there: [&str; 2],
    opposite: &str,
    begin: fn(&Context<'_>) -> Lifecycle,
) -> Answer<Value> {
    let input: NameInput = super::input::parse(input)?;
    let server = region.server_mut(&input.server_id)?;
    let state = server.lifecycle.real(context.now);
    if there.contains(&state) {
        return Ok(json!({}));
    }
    if state == opposite && context.config.during_transition == Leniency::Refuse {
        return Err(ApiError::invalid(format!("Server is in an invalid state for this operation: {state}")));
    }
    let next = begin(context).seen_late(&server.lifecycle, context.now, context.config.stale_time);
    server.lifecycle = next;
    context.changed = true;
    Ok(json!({}))
}

/// `DeleteServer`: from any state, with everything that belongs to the server; of agreements a switch decides.
///
/// # Errors
/// What the operation refuses.
pub fn delete(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let id = super::input::parse::<NameInput>(input)?.server_id;
    if network::endpoint_pending(region.server_mut(&id)?, context.now) {
        return Err(ApiError::invalid("Unable to delete VPC endpoint"));
    }
    agreements::leave_server(region, context, &id)?;
    let gone = region.vanishing(context);
    region.server_mut(&id)?.gone = Some(gone);
    context.changed = true;
    Ok(json!({}))
}

/// `ListServers`.
///
/// # Errors
/// What the operation refuses.
pub fn list(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let input: PageInput = super::input::parse(input)?;
    let lag = context.config.listing_lag;
    let seen = region
        .servers
        .values()
        .filter(|s| after(s.created, lag) <= context.now && !region.hides(&s.server_id, None, context.now));
    let page = page::cut("servers", &input, context, seen, |s| &s.server_id)?;
    let servers: Vec<Value> = page.items.iter().map(|s| listed(s, context)).collect();
    Ok(json!({"NextToken": page.next_token, "Servers": servers}))
}

fn listed(server: &Server, context: &Context<'_>) -> Value {
    let listed = json!({
        "Arn": context.arn(&format!("server/{}", server.server_id)),
        "Domain": server.domain,
        "IdentityProviderType": server.settings.identity_provider_type,
        "EndpointType": server.settings.endpoint_type,
        "LoggingRole": server.settings.logging_role,
        "ServerId": server.server_id,
        "State": server.lifecycle.shown(context.now),
        "UserCount": server.user_count(),
    });
    disguised(listed, server)
}

/// `DescribeServer`.
///
/// # Errors
/// What the operation refuses.
pub fn describe(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let id = super::input::parse::<NameInput>(input)?.server_id;
    Ok(json!({"Server": described(region.server(&id)?, context)}))
}

fn described(server: &Server, context: &Context<'_>) -> Value {
    let settings = &server.settings;
    let empty = context.config.unset == Unset::Empty;
    let text = |set: &Option<String>| set.clone().or(empty.then(String::new));
    let workflows = &settings.workflow_details;
    let any_workflow = workflows.on_upload.is_some() || workflows.on_partial_upload.is_some();
    let as2 = settings.protocols.iter().any(|p| p == "AS2");
    let more = json!({
        "Certificate": text(&settings.certificate),
        "ProtocolDetails": settings::shown_protocol_details(settings, context.config),
        "EndpointDetails": network::shown(settings),
        "HostKeyFingerprint": host_keys::shown(server),
        "IdentityProviderDetails": settings.identity_provider_details,
        "LoggingRole": text(&settings.logging_role),
        "PostAuthenticationLoginBanner": text(&settings.post_authentication_login_banner),
        "PreAuthenticationLoginBanner": text(&settings.pre_authentication_login_banner),
        "Protocols": settings.protocols,
        "SecurityPolicyName": settings.security_policy_name,
        "Tags": server.tags,
        "WorkflowDetails": if empty && !any_workflow {
            json!({"OnUpload": [], "OnPartialUpload": []})
        } else {
            json!(any_workflow.then_some(workflows))
        },
        "StructuredLogDestinations":
            settings.structured_log_destinations.clone().or(empty.then(Vec::new)),
        "S3StorageOptions": settings.s3_storage_options,
        "As2ServiceManagedEgressIpAddresses": as2.then_some(AS2_EGRESS),
        "IpAddressType": settings.ip_address_type,
    });
    disguised(joined(listed(server, context), more), server)
}

/// Puts other values on members that are there, for clients that must live with what they do not know.
fn disguised(mut shown: Value, server: &Server) -> Value {
    if let Some(members) = shown.as_object_mut() {
        for (name, value) in &server.shown_as {
            if let Some(member) = members.get_mut(name) {
                member.clone_from(value);
            }
        }
    }
    shown
}

/// Puts a server into a state by force, where it stays until somebody starts or stops it.
///
/// # Errors
/// `Unknown server`.
pub fn force(region: &mut Region, id: &str, state: &str, now: Timestamp) -> Answer<()> {
    region.purge(now);
    region.server_mut(id)?.lifecycle = Lifecycle::settled(state);
    Ok(())
}

#[cfg(test)]
#[path = "servers_tests.rs"]
mod tests;
