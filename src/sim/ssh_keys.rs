//! SSH public keys of users: normalised, parsed and compared like the service does.

use serde::Deserialize;
use serde_json::{Value, json};

use super::config::DuplicateBy;
use super::error::{Answer, ApiError};
use super::model::{SshKey, User};
use super::state::{Context, Region};
use crate::ssh::PublicKey;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ImportInput {
    server_id: String,
    user_name: String,
    ssh_public_key_body: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteInput {
    server_id: String,
    user_name: String,
    ssh_public_key_id: String,
}

/// Adds a key to a user and returns its id.
///
/// # Errors
/// A key that is no key, is there already, or is one too many.
pub fn add(user: &mut User, context: &mut Context<'_>, body: &str) -> Answer<String> {
    let line = normalised(body);
    let key = PublicKey::parse(&line).map_err(|_| ApiError::invalid("Unsupported or invalid SSH public key format"))?;
    let same = |held: &&SshKey| match context.config.duplicate_ssh_key {
        DuplicateBy::Body => held.ssh_public_key_body == line,
        DuplicateBy::Material => {
            PublicKey::parse(&held.ssh_public_key_body).is_ok_and(|h| h.identity() == key.identity())
        }
    };
    if let Some(held) = user.ssh_public_keys.iter().find(same) {
        return Err(ApiError::exists("SSH public key already exists", &held.ssh_public_key_id, "SshPublicKey"));
    }
    let limit = context.config.quotas.ssh_keys;
    if user.ssh_public_keys.len() >= limit {
        return Err(context.config.full("SshPublicKeysPerUser", limit));
    }
    let id = context.random.id("key");
    user.ssh_public_keys.push(SshKey {
        ssh_public_key_id: id.clone(),
        ssh_public_key_body: line,
        date_imported: context.now,
    });
    context.changed = true;
    Ok(id)
}

/// `ImportSshPublicKey`.
///
/// # Errors
/// What the operation refuses.
pub fn import(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let input: ImportInput = super::input::parse(input)?;
    let server = region.server_mut(&input.server_id)?;
    server.allows_users("import SSH public key", context.config)?;
    let user = server.user_mut(&input.user_name)?;
    let id = add(user, context, &input.ssh_public_key_body)?;
    Ok(json!({"ServerId": input.server_id, "SshPublicKeyId": id, "UserName": input.user_name}))
}

/// `DeleteSshPublicKey`.
///
/// # Errors
/// What the operation refuses.
pub fn delete(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let input: DeleteInput = super::input::parse(input)?;
    let server = region.server_mut(&input.server_id)?;
    server.allows_users("delete SSH public key", context.config)?;
    let user = server.user_mut(&input.user_name)?;
    let id = &input.ssh_public_key_id;
    let place = user
        .ssh_public_keys
        .iter()
        .position(|k| k.ssh_public_key_id == *id)
        .ok_or_else(|| ApiError::not_found("Unknown SSH public key", id, "SshPublicKey"))?;
    user.ssh_public_keys.remove(place);
    context.changed = true;
    Ok(json!({}))
}

/// Trimmed, with every run of blanks squeezed to one; the comment stays.
fn normalised(body: &str) -> String {
    body.split_whitespace().collect::<Vec<_>>().join(" ")
}
