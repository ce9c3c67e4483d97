//! How a web app looks: its title, its logo and its icon. Whether a web app that nobody customized has a customization is
//! not known; a switch says so.

use serde::Deserialize;
use serde_json::{Value, json};

use super::config::Leniency;
use super::error::{Answer, ApiError};
use super::partners::{Customization, WebApp};
use super::shelves;
use super::state::{Context, Region};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateInput {
    web_app_id: String,
    #[serde(flatten)]
    sent: Customization,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NameInput {
    web_app_id: String,
}

/// `UpdateWebAppCustomization`: makes one, or replaces what is named of it.
///
/// # Errors
/// What the operation refuses.
pub fn update(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let UpdateInput { web_app_id, sent } = super::input::parse(input)?;
    let held = region.web_apps.get_mut(&web_app_id)?;
    let old = held.what.customization.clone().unwrap_or_default();
    let customization = Customization {
        title: sent.title.or(old.title).filter(|title| !title.is_empty()),
        logo_file: sent.logo_file.or(old.logo_file),
        favicon_file: sent.favicon_file.or(old.favicon_file),
    };
    let next = WebApp { customization: Some(customization), ..held.what.clone() };
    shelves::change(held, next, context);
    Ok(json!({"WebAppId": web_app_id}))
}

/// `DescribeWebAppCustomization`.
///
/// # Errors
/// What the operation refuses.
pub fn describe(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let id = super::input::parse::<NameInput>(input)?.web_app_id;
    let Customization { title, logo_file, favicon_file } = present(&region.web_apps.get(&id)?.what, &id, context)?;
    let described = json!({
        "Arn": shelves::arn::<WebApp>(&id, context),
        "WebAppId": id,
        "Title": title,
        "LogoFile": logo_file,
        "FaviconFile": favicon_file,
    });
    Ok(json!({"WebAppCustomization": described}))
}

/// `DeleteWebAppCustomization`.
///
/// # Errors
/// What the operation refuses.
pub fn delete(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let id = super::input::parse::<NameInput>(input)?.web_app_id;
    let held = region.web_apps.get_mut(&id)?;
    present(&held.what, &id, context)?;
    let next = WebApp { customization: None, ..held.what.clone() };
    shelves::change(held, next, context);
    Ok(json!({}))
}

/// The customization of a web app; where there is none, an empty one or a refusal.
fn present(web_app: &WebApp, id: &str, context: &Context<'_>) -> Answer<Customization> {
    match (&web_app.customization, context.config.absent_customization) {
        (Some(held), _) => Ok(held.clone()),
        (None, Leniency::Accept) => Ok(Customization::default()),
        (None, Leniency::Refuse) => {
            Err(ApiError::not_found("Unknown web app customization", id, "WebAppCustomization"))
        }
    }
}

#[cfg(test)]
#[path = "customizations_tests.rs"]
mod tests;
