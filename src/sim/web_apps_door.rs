//! What the door that takes no bytes says of web apps, there and back: AWS's members for the operator's own calls, and AWS's
//! answers in the operator's own types.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::door_json::{camel, maybe, pascal, tags, text, with, with_tags};
use crate::aws::transfer::{
    CreateWebApp, IdentityCenterConfig, Image, ListedWebApp, UpdateWebApp, UpdateWebAppCustomization, WebApp,
    WebAppCustomization, WebAppEndpoint, WebAppIdentityProvider, WebAppSettings, WebAppVpc,
};

/// The input of a create.
///
/// # Errors
/// Settings that are no JSON.
pub(super) fn new(create: &CreateWebApp) -> serde_json::Result<Value> {
    let CreateWebApp { settings, tags } = create;
    Ok(with_tags(pascal(settings)?, tags))
}

/// The input of an update: AWS's has no member for what it cannot change.
///
/// # Errors
/// Settings that are no JSON.
pub(super) fn changed(update: &UpdateWebApp) -> serde_json::Result<Value> {
    let UpdateWebApp { web_app_id, settings } = update;
    let WebAppSettings {
        identity_provider_details,
        access_endpoint,
        web_app_units,
        web_app_endpoint_policy: _,
        endpoint_details,
    } = *settings.clone();
    let center = identity_provider_details.and_then(|details| details.identity_center_config);
    let provider = center.map(|IdentityCenterConfig { instance_arn: _, role }| WebAppIdentityProvider {
        identity_center_config: Some(IdentityCenterConfig { instance_arn: None, role }),
    });
    let vpc = endpoint_details.and_then(|details| details.vpc);
    let endpoint = vpc.map(|WebAppVpc { vpc_id: _, subnet_ids, security_group_ids: _, ip_address_type }| {
        WebAppEndpoint { vpc: Some(WebAppVpc { subnet_ids, ip_address_type, ..WebAppVpc::default() }) }
    });
    let settings = WebAppSettings {
        identity_provider_details: provider,
        access_endpoint,
        web_app_units,
        web_app_endpoint_policy: None,
        endpoint_details: endpoint,
    };
    Ok(with(pascal(&settings)?, &[("WebAppId", web_app_id)]))
}

/// The input of a change of how one looks.
pub(super) fn customized(update: &UpdateWebAppCustomization) -> Value {
    let UpdateWebAppCustomization { web_app_id, customization } = update;
    let WebAppCustomization { title, logo_file, favicon_file } = customization.as_ref();
    let mut input = json!({"WebAppId": web_app_id});
    let file = |image: &Option<Image>| image.as_ref().map(|image| STANDARD.encode(&image.0));
    let rows = [("Title", title.clone()), ("LogoFile", file(logo_file)), ("FaviconFile", file(favicon_file))];
    if let Some(members) = input.as_object_mut() {
        members.extend(rows.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value?)))));
    }
    input
}

/// A row of a listing.
pub(super) fn listed(row: &Value) -> ListedWebApp {
    ListedWebApp { web_app_id: text(&row["WebAppId"]) }
}

/// A described web app.
///
/// # Errors
/// An answer that is not of our shape.
pub(super) fn described(value: &Value) -> serde_json::Result<WebApp> {
    let inner = |pointer: &str| value.pointer(pointer).unwrap_or(&Value::Null);
    let center = inner("/DescribedIdentityProviderDetails/IdentityCenterConfig");
    let vpc = inner("/DescribedEndpointDetails/Vpc");
    let provider = center
        .is_object()
        .then(|| camel(center))
        .transpose()?
        .map(|center| WebAppIdentityProvider { identity_center_config: Some(center) });
    let endpoint = vpc.is_object().then(|| camel(vpc)).transpose()?.map(|vpc| WebAppEndpoint { vpc: Some(vpc) });
    let settings = camel::<WebAppSettings>(value)?;
    Ok(WebApp {
        arn: text(&value["Arn"]),
        web_app_id: text(&value["WebAppId"]),
        application_arn: maybe(&center["ApplicationArn"]),
        web_app_endpoint: maybe(&value["WebAppEndpoint"]),
        endpoint_type: maybe(&value["EndpointType"]),
        vpc_endpoint_id: maybe(&vpc["VpcEndpointId"]),
        settings: WebAppSettings { identity_provider_details: provider, endpoint_details: endpoint, ..settings },
        tags: tags(&value["Tags"]),
    })
}

/// How one looks.
pub(super) fn look(value: &Value) -> WebAppCustomization {
    let image = |member: &str| maybe(&value[member]).and_then(|text| STANDARD.decode(text).ok()).map(Image);
    WebAppCustomization {
        title: maybe(&value["Title"]),
        logo_file: image("LogoFile"),
        favicon_file: image("FaviconFile"),
    }
}
