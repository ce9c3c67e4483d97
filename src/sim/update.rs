//! `UpdateServer`: network, other settings and host key change together or not at all.

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::Answer;
use super::host_keys::{self, KeyOptions};
use super::input::Changes;
use super::state::{Context, Region};
use super::{ec2_network, network, settings, workflows};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateInput {
    server_id: String,
    host_key: Option<String>,
    #[serde(flatten)]
    changes: Changes,
}

/// `UpdateServer`.
///
/// # Errors
/// What the operation refuses.
pub fn update(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let input: UpdateInput = super::input::parse(input)?;
    region.server_mut(&input.server_id)?;
    workflows::check_named(region, input.changes.workflow_details.as_ref(), context.config)?;
    let server = region.server(&input.server_id)?;
    let moved = network::changed(server, &input.changes, context)?;
    ec2_network::check_addresses(region, server, &moved.settings, context)?;
    let server = region.server_mut(&input.server_id)?;
    let next = settings::changed(&moved.settings, input.changes, &server.domain, context.config)?;
    if let Some(body) = input.host_key.filter(|k| !k.is_empty()) {
        let key = host_keys::parsed(&body)?;
        // The key that the server has already is no change, like any other equal value.
        if host_keys::same_key(server, &host_keys::fingerprint(&key)).is_none() {
            let key = host_keys::made(&key, KeyOptions::default(), context)?;
            host_keys::add(server, key, context)?;
        }
    }
    // Nothing refuses from here on, so that a refused update leaves no half behind.
    context.changed |= server.settings != next;
    server.settings = next;
    server.endpoint_ready = moved.endpoint_ready;
    Ok(json!({"ServerId": input.server_id}))
}
