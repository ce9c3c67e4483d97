//! `TestIdentityProvider`: what a directory, function or gateway behind a server would say.

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::{Answer, ApiError};
use super::model::Server;
use super::state::{Context, Region};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TestInput {
    server_id: String,
    server_protocol: Option<String>,
    user_password: Option<String>,
}

/// `TestIdentityProvider`. There is no provider to ask: whoever has a password is let in, unless a switch says what
/// to answer.
///
/// # Errors
/// What the operation refuses.
pub fn test(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let input: TestInput = super::input::parse(input)?;
    let server = region.server(&input.server_id)?;
    if server.service_managed() {
        return Err(ApiError::invalid(format!("{} not configured for external auth", input.server_id)));
    }
    let protocols = &server.settings.protocols;
    if let Some(protocol) = input.server_protocol.filter(|p| !protocols.contains(p)) {
        return Err(ApiError::invalid(format!("{} does not support protocol {protocol}", input.server_id)));
    }
    let given = input.user_password.is_some_and(|p| !p.is_empty());
    let (status, response, message) = match &context.config.test_identity_provider {
        Some(fixed) => (fixed.status_code, fixed.response.clone(), fixed.message.clone()),
        None if given => (200, accepted(server), String::new()),
        None => (401, String::new(), "Unauthorized".to_owned()),
    };
    Ok(json!({
        "Response": response,
        "StatusCode": status,
        "Message": message,
        "Url": url(server, context),
    }))
}

/// For a directory the first access stands for the group that the user is in.
fn accepted(server: &Server) -> String {
    let access = server.accesses.values().next();
    let role = access.map(|a| a.profile.role.clone());
    let home = access.and_then(|a| a.profile.home_directory.clone());
    json!({"Role": role.unwrap_or_default(), "HomeDirectory": home.unwrap_or_default()}).to_string()
}

fn url(server: &Server, context: &Context<'_>) -> String {
    let details = server.settings.identity_provider_details.clone();
    let details = details.unwrap_or_default();
    let function = details.function;
    let directory = details.directory_id.map(|d| context.arn_of("ds", &format!("directory/{d}")));
    details.url.or(function).or(directory).unwrap_or_default()
}
