//! Roles that a request hands over to the service: whether the caller may, and whether the service takes them.
//! Both are switches: there is no IAM here.

use serde_json::Value;

use super::error::{Answer, ApiError};
use super::state::{Context, Region};

/// The members that name a role, at any depth.
const MEMBERS: [&str; 5] = ["Role", "LoggingRole", "ExecutionRole", "InvocationRole", "AccessRole"];

/// Refuses a request for a role in it. A resource that is not there is the operation's to tell.
///
/// # Errors
/// `AccessDeniedException` for a role that may not be passed, `InvalidRequestException` for one that is not accepted.
pub fn check(region: &Region, context: &Context<'_>, input: &Value) -> Answer<()> {
    let (forbidden, unusable) = (&context.config.forbidden_roles, &context.config.unusable_roles);
    let id = |member| input.get(member).and_then(Value::as_str);
    let absent = id("ServerId").is_some_and(|id| region.server(id).is_err())
        || id("ConnectorId").is_some_and(|id| region.connectors.get(id).is_err())
        || id("WebAppId").is_some_and(|id| region.web_apps.get(id).is_err());
    let nothing_held = forbidden.is_empty() && unusable.is_empty();
    if context.admin || nothing_held || absent {
        return Ok(());
    }
    let mut named = Vec::new();
    collect(input, &mut named);
    if let Some((_, role)) = named.iter().find(|(_, role)| forbidden.contains(role)) {
        let caller = context.caller;
        let text = format!("User: {caller} is not authorized to perform: iam:PassRole on resource: {role}");
        return Err(ApiError::new("AccessDeniedException", text));
    }
    match named.iter().find(|(_, role)| unusable.contains(role)) {
        Some((member, role)) => Err(ApiError::invalid(format!("Unsupported or invalid {member}: {role}"))),
        None => Ok(()),
    }
}

fn collect(input: &Value, named: &mut Vec<(String, String)>) {
    match input {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(role) if MEMBERS.contains(&name.as_str()) => {
                        named.push((name.clone(), role.clone()));
                    }
                    other => collect(other, named),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, named)),
        _ => {}
    }
}
