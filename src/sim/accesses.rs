//! Accesses: groups of a directory, on servers whose identity provider is one.

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::{Answer, ApiError};
use super::model::{Access, Server};
use super::page::{self, PageInput};
use super::profile::{Profile, ProfileInput};
use super::state::{Context, Region};
use super::wire::joined;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ChangeInput {
    server_id: String,
    external_id: String,
    #[serde(flatten)]
    profile: ProfileInput,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NameInput {
    server_id: String,
    external_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListInput {
    server_id: String,
    #[serde(flatten)]
    page: PageInput,
}

/// `CreateAccess`. The group is not looked up in the directory.
///
/// # Errors
/// What the operation refuses.
pub fn create(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let input: ChangeInput = super::input::parse(input)?;
    let server = region.server_mut(&input.server_id)?;
    needs_directory(server, "create access")?;
    if server.accesses.contains_key(&input.external_id) {
        return Err(ApiError::exists("Access already exists", &input.external_id, "Access"));
    }
    let limit = context.config.quotas.accesses;
    let held = server.accesses.values().filter(|a| a.gone.is_none());
    if held.count() >= limit {
        return Err(context.config.full("AccessesPerServer", limit));
    }
    let access = Access { profile: Profile::created(input.profile, &server.domain)?, gone: None };
    server.accesses.insert(input.external_id.clone(), access);
    context.changed = true;
    Ok(json!({"ServerId": input.server_id, "ExternalId": input.external_id}))
}

/// `UpdateAccess`.
///
/// # Errors
/// What the operation refuses.
pub fn update(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let input: ChangeInput = super::input::parse(input)?;
    let server = region.server_mut(&input.server_id)?;
    needs_directory(server, "update access")?;
    let domain = server.domain.clone();
    let access = server.access_mut(&input.external_id)?;
    let next = access.profile.changed(input.profile, &domain)?;
    context.changed = access.profile != next;
    access.profile = next;
    Ok(json!({"ServerId": input.server_id, "ExternalId": input.external_id}))
}

/// `DescribeAccess`.
///
/// # Errors
/// What the operation refuses.
pub fn describe(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let input: NameInput = super::input::parse(input)?;
    let server = region.server(&input.server_id)?;
    needs_directory(server, "describe access")?;
    let profile = &server.access(&input.external_id)?.profile;
    let more = json!({
        "Role": context.config.access_role.then_some(&profile.role),
        "ExternalId": input.external_id,
    });
    let described = joined(profile.described(), more);
    Ok(json!({"ServerId": input.server_id, "Access": described}))
}

/// `DeleteAccess`.
///
/// # Errors
/// What the operation refuses.
pub fn delete(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let input: NameInput = super::input::parse(input)?;
    let server = region.server_mut(&input.server_id)?;
    needs_directory(server, "delete access")?;
    server.access_mut(&input.external_id)?;
    let gone = region.vanishing(context);
    let server = region.server_mut(&input.server_id)?;
    server.access_mut(&input.external_id)?.gone = Some(gone);
    context.changed = true;
    Ok(json!({}))
}

/// `ListAccesses`.
///
/// # Errors
/// What the operation refuses.
pub fn list(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let input: ListInput = super::input::parse(input)?;
    let id = &input.server_id;
    let server = region.server(id)?;
    needs_directory(server, "list accesses")?;
    let seen = server.accesses.iter().filter(|(group, _)| !region.hides(id, Some(group), context.now));
    let page = page::cut(&format!("accesses/{id}"), &input.page, context, seen, |a| a.0)?;
    let accesses: Vec<Value> = page
        .items
        .iter()
        .map(|(group, access)| {
            json!({
                "HomeDirectory": access.profile.home_directory,
                "HomeDirectoryType": access.profile.home_directory_type,
                "Role": context.config.access_role.then_some(&access.profile.role),
                "ExternalId": group,
            })
        })
        .collect();
    Ok(json!({"NextToken": page.next_token, "ServerId": id, "Accesses": accesses}))
}

fn needs_directory(server: &Server, verb: &str) -> Answer<()> {
    if server.settings.identity_provider_type == "AWS_DIRECTORY_SERVICE" {
        Ok(())
    } else {
        Err(server.wrong_provider(verb))
    }
}
