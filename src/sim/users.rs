//! Users of service-managed servers.

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::{Answer, ApiError};
use super::model::{SshKey, Tag, User};
use super::page::{self, PageInput};
use super::profile::{Profile, ProfileInput};
use super::state::{Context, Region};
use super::time::epoch;
use super::wire::joined;
use super::{ssh_keys, tags};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateInput {
    server_id: String,
    user_name: String,
    ssh_public_key_body: Option<String>,
    #[serde(default)]
    tags: Option<Vec<Tag>>,
    #[serde(flatten)]
    profile: ProfileInput,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateInput {
    server_id: String,
    user_name: String,
    #[serde(flatten)]
    profile: ProfileInput,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NameInput {
    server_id: String,
    user_name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListInput {
    server_id: String,
    #[serde(flatten)]
    page: PageInput,
}

/// `CreateUser`.
///
/// # Errors
/// What the operation refuses.
pub fn create(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let input: CreateInput = super::input::parse(input)?;
    let server = region.server_mut(&input.server_id)?;
    if !server.service_managed() {
        return Err(server.wrong_provider("create user"));
    }
    if server.users.contains_key(&input.user_name) {
        return Err(ApiError::exists("User already exists", &input.user_name, "User"));
    }
    let limit = context.config.quotas.users;
    if server.user_count() >= limit {
        return Err(context.config.full("UsersPerServer", limit));
    }
    let tags = input.tags.unwrap_or_default();
    tags::check(&tags, context)?;
    let mut user = User {
        profile: Profile::created(input.profile, &server.domain)?,
        ssh_public_keys: Vec::new(),
        tags,
        gone: None,
    };
    if let Some(body) = &input.ssh_public_key_body {
        ssh_keys::add(&mut user, context, body)?;
    }
    server.users.insert(input.user_name.clone(), user);
    context.changed = true;
    Ok(json!({"ServerId": input.server_id, "UserName": input.user_name}))
}

/// `UpdateUser`.
///
/// # Errors
/// What the operation refuses.
pub fn update(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let input: UpdateInput = super::input::parse(input)?;
    let server = region.server_mut(&input.server_id)?;
    server.allows_users("update user", context.config)?;
    let domain = server.domain.clone();
    let user = server.user_mut(&input.user_name)?;
    let next = user.profile.changed(input.profile, &domain)?;
    context.changed = user.profile != next;
    user.profile = next;
    Ok(json!({"ServerId": input.server_id, "UserName": input.user_name}))
}

/// `DescribeUser`.
///
/// # Errors
/// What the operation refuses.
pub fn describe(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let NameInput { server_id, user_name } = super::input::parse(input)?;
    let server = region.server(&server_id)?;
    server.allows_users("describe user", context.config)?;
    let user = server.user(&user_name)?;
    let keys: Vec<Value> = user.ssh_public_keys.iter().map(described_key).collect();
    let more = json!({
        "Arn": context.arn(&format!("user/{server_id}/{user_name}")),
        "SshPublicKeys": keys,
        "Tags": user.tags,
        "UserName": user_name,
    });
    let described = joined(user.profile.shown(&user_name, context.config.user_name_variable).described(), more);
    Ok(json!({"ServerId": server_id, "User": described}))
}

/// `DeleteUser`.
///
/// # Errors
/// What the operation refuses.
pub fn delete(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let input: NameInput = super::input::parse(input)?;
    let server = region.server_mut(&input.server_id)?;
    server.allows_users("delete user", context.config)?;
    server.user_mut(&input.user_name)?;
    let gone = region.vanishing(context);
    let server = region.server_mut(&input.server_id)?;
    server.user_mut(&input.user_name)?.gone = Some(gone);
    context.changed = true;
    Ok(json!({}))
}

/// `ListUsers`.
///
/// # Errors
/// What the operation refuses.
pub fn list(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let input: ListInput = super::input::parse(input)?;
    let id = &input.server_id;
    let server = region.server(id)?;
    server.allows_users("list users", context.config)?;
    let seen = server.users.iter().filter(|(name, _)| !region.hides(id, Some(name), context.now));
    let page = page::cut(&format!("users/{id}"), &input.page, context, seen, |u| u.0)?;
    let users: Vec<Value> = page
        .items
        .iter()
        .map(|(name, user)| {
            let profile = user.profile.shown(name, context.config.user_name_variable);
            json!({
                "Arn": context.arn(&format!("user/{id}/{name}")),
                "HomeDirectory": profile.home_directory,
                "HomeDirectoryType": profile.home_directory_type,
                "Role": profile.role,
                "SshPublicKeyCount": user.ssh_public_keys.len(),
                "UserName": name,
            })
        })
        .collect();
    Ok(json!({"NextToken": page.next_token, "ServerId": id, "Users": users}))
}

fn described_key(key: &SshKey) -> Value {
    json!({
        "DateImported": epoch(key.date_imported),
        "SshPublicKeyBody": key.ssh_public_key_body,
        "SshPublicKeyId": key.ssh_public_key_id,
    })
}

#[cfg(test)]
#[path = "users_tests.rs"]
mod tests;
