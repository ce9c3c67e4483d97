//! Web apps: made, changed, described, listed, deleted. How one looks is in `customizations`.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::config::{Addresses, Config, ConflictOn};
use super::error::{Answer, ApiError};
use super::model::Tag;
use super::page::PageInput;
use super::partners::{WebApp, WebAppVpc};
use super::shelf::Kept;
use super::shelves;
use super::state::{Context, Region};
use super::time::after;
use super::wire::joined;

/// The members that a creation and an update have in common; of the provider an update can only change the role.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Changes {
    identity_provider_details: Option<Provider>,
    access_endpoint: Option<String>,
    web_app_units: Option<Units>,
    endpoint_details: Option<Endpoint>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Provider {
    identity_center_config: Option<IdentityCenter>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct IdentityCenter {
    instance_arn: Option<String>,
    role: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Units {
    provisioned: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Endpoint {
    vpc: Option<WebAppVpc>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateInput {
    web_app_endpoint_policy: Option<String>,
    tags: Option<Vec<Tag>>,
    #[serde(flatten)]
    changes: Changes,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateInput {
    web_app_id: String,
    #[serde(flatten)]
    changes: Changes,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NameInput {
    web_app_id: String,
}

/// `CreateWebApp`.
///
/// # Errors
/// What the operation refuses.
pub fn create(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let CreateInput { web_app_endpoint_policy, tags, changes } = super::input::parse(input)?;
    let (held, limit) = (region.web_apps.living().count(), context.config.quotas.web_apps);
    shelves::check_quota(held, "WebAppsPerAccount", limit, context)?;
    let web_app_endpoint_policy = web_app_endpoint_policy.unwrap_or_else(|| "STANDARD".to_owned());
    if web_app_endpoint_policy == "FIPS" && !context.region.starts_with("us-gov-") {
        return Err(ApiError::invalid("WebAppEndpointPolicy FIPS is supported only in AWS GovCloud (US)"));
    }
    let Changes { identity_provider_details, access_endpoint, web_app_units, endpoint_details } = changes;
    let center = identity_provider_details.and_then(|details| details.identity_center_config).unwrap_or_default();
    let IdentityCenter { instance_arn: Some(instance_arn), role: Some(role) } = center else {
        return Err(ApiError::invalid("InstanceArn and Role must be specified in IdentityCenterConfig"));
    };
    let vpc = endpoint_details.map(|details| new_vpc(details, context)).transpose()?;
    own_address_only(vpc.is_some(), access_endpoint.as_deref())?;
    let web_app = WebApp {
        application_arn: application(&instance_arn, context),
        instance_arn,
        role,
        access_endpoint,
        provisioned: provisioned(web_app_units.as_ref())?.unwrap_or(1),
        web_app_endpoint_policy,
        endpoint_ready: vpc.as_ref().map_or(context.now, |_| laid(context)),
        vpc,
        customization: None,
    };
    let id = shelves::add(&mut region.web_apps, web_app, tags, context)?;
    Ok(json!({"WebAppId": id}))
}

fn new_vpc(endpoint: Endpoint, context: &mut Context<'_>) -> Answer<WebAppVpc> {
    let vpc = endpoint.vpc.unwrap_or_default();
    let some = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|ids| !ids.is_empty());
    if vpc.vpc_id.is_none() || !some(&vpc.subnet_ids) {
        return Err(ApiError::invalid("VpcId and SubnetIds must be specified in EndpointDetails"));
    }
    Ok(WebAppVpc { vpc_endpoint_id: Some(context.random.id("vpce")), ..vpc })
}

/// Whoever is to find one in a VPC finds it by the service's own address.
fn own_address_only(in_vpc: bool, access_endpoint: Option<&str>) -> Answer<()> {
    let refused = || ApiError::invalid("AccessEndpoint cannot be customized for a web app with a VPC endpoint");
    if in_vpc && access_endpoint.is_some() { Err(refused()) } else { Ok(()) }
}

/// When the endpoint of a VPC can be used that is begun now.
fn laid(context: &Context<'_>) -> Timestamp {
    after(after(context.now, context.config.transition_time), context.config.endpoint_lag)
}

/// The application that the service registers with the Identity Center.
fn application(instance_arn: &str, context: &mut Context<'_>) -> String {
    let instance = instance_arn.rsplit('/').next().unwrap_or_default();
    let partition = super::state::partition(context.region);
    format!("arn:{partition}:sso::{}:application/{instance}/apl-{}", context.account, context.random.hex(16))
}

/// The units that a request asks for, none where it says nothing of them. Units without a number are refused.
fn provisioned(units: Option<&Units>) -> Answer<Option<i64>> {
    match units {
        None => Ok(None),
        Some(Units { provisioned: Some(number) }) => Ok(Some(*number)),
        Some(Units { provisioned: None }) => Err(ApiError::invalid("Provisioned must be specified in WebAppUnits")),
    }
}

/// `UpdateWebApp`.
///
/// # Errors
/// What the operation refuses.
pub fn update(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let UpdateInput { web_app_id, changes } = super::input::parse(input)?;
    let Changes { identity_provider_details, access_endpoint, web_app_units, endpoint_details } = changes;
    let held = region.web_apps.get_mut(&web_app_id)?;
    let mut next = held.what.clone();
    let pending = context.now < next.endpoint_ready;
    if pending && (endpoint_details.is_some() || context.config.conflict == ConflictOn::AnyUpdate) {
        return Err(ApiError::new("ConflictException", "VPC Endpoint state is not yet available"));
    }
    let center = identity_provider_details.and_then(|details| details.identity_center_config).unwrap_or_default();
    next.role = center.role.unwrap_or(next.role);
    own_address_only(next.vpc.is_some(), access_endpoint.as_deref())?;
    if let Some(url) = access_endpoint {
        let own = own_endpoint(&web_app_id, context);
        next.access_endpoint = Some(url).filter(|url| host(url) != host(&own));
    }
    next.provisioned = provisioned(web_app_units.as_ref())?.unwrap_or(next.provisioned);
    if let Some(sent) = endpoint_details.and_then(|details| details.vpc) {
        let Some(vpc) = &mut next.vpc else {
            return Err(ApiError::invalid("EndpointDetails cannot be changed for a web app with a public endpoint"));
        };
        if sent.subnet_ids.as_ref().is_some_and(Vec::is_empty) {
            return Err(ApiError::invalid("SubnetIds must not be empty"));
        }
        vpc.subnet_ids = sent.subnet_ids.or(vpc.subnet_ids.take());
        vpc.ip_address_type = sent.ip_address_type.or(vpc.ip_address_type.take());
    }
    if next.vpc != held.what.vpc {
        next.endpoint_ready = after(context.now, context.config.endpoint_lag);
    }
    shelves::change(held, next, context);
    Ok(json!({"WebAppId": web_app_id}))
}

/// `DescribeWebApp`.
///
/// # Errors
/// What the operation refuses.
pub fn describe(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let id = super::input::parse::<NameInput>(input)?.web_app_id;
    let kept = region.web_apps.get(&id)?;
    let web_app = &kept.what;
    let vpc = web_app.vpc.as_ref().map(
        |vpc| json!({"Vpc": {"SubnetIds": vpc.subnet_ids, "VpcId": vpc.vpc_id, "VpcEndpointId": vpc.vpc_endpoint_id}}),
    );
    let more = json!({
        "DescribedIdentityProviderDetails": {"IdentityCenterConfig": {
            "ApplicationArn": web_app.application_arn, "InstanceArn": web_app.instance_arn, "Role": web_app.role,
        }},
        "WebAppUnits": {"Provisioned": web_app.provisioned},
        "WebAppEndpointPolicy": web_app.web_app_endpoint_policy,
        "DescribedEndpointDetails": vpc,
        "Tags": kept.tags,
    });
    Ok(json!({"WebApp": joined(listed(&id, kept, context), more)}))
}

/// `DeleteWebApp`.
///
/// # Errors
/// What the operation refuses.
pub fn delete(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let id = super::input::parse::<NameInput>(input)?.web_app_id;
    region.web_apps.live(&id)?;
    let gone = region.vanishing(context);
    shelves::delete(&mut region.web_apps, &id, gone, context)
}

/// `ListWebApps`.
///
/// # Errors
/// What the operation refuses.
pub fn list(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let input: PageInput = super::input::parse(input)?;
    let row = |id: &str, kept: &Kept<WebApp>| listed(id, kept, context);
    let (next, rows) = shelves::rows(region, context, "web-apps", &input, region.web_apps.iter(), row)?;
    Ok(json!({"NextToken": next, "WebApps": rows}))
}

fn listed(id: &str, kept: &Kept<WebApp>, context: &Context<'_>) -> Value {
    let own = own_endpoint(id, context);
    let inside = kept.what.vpc.as_ref().and_then(|vpc| in_the_vpc(vpc, context));
    let access = kept.what.access_endpoint.as_ref().or(inside.as_ref()).unwrap_or(&own);
    json!({
        "Arn": shelves::arn::<WebApp>(id, context),
        "WebAppId": id,
        "AccessEndpoint": shown(access, context.config),
        "WebAppEndpoint": shown(&own, context.config),
        "EndpointType": if kept.what.vpc.is_some() { "VPC" } else { "PUBLIC" },
    })
}

/// The URL that the service gives a web app, and that dies with it.
fn own_endpoint(id: &str, context: &Context<'_>) -> String {
    format!("https://{id}.transfer-webapp.{}.on.aws", context.region)
}

/// Where users in a VPC find it.
fn in_the_vpc(vpc: &WebAppVpc, context: &Context<'_>) -> Option<String> {
    let endpoint = vpc.vpc_endpoint_id.as_ref()?;
    Some(format!("https://{endpoint}.vpce-mq.transfer-webapp.{}.on.aws", context.region))
}

/// An address as the service shows it.
fn shown(url: &str, config: &Config) -> String {
    match config.web_app_addresses {
        Addresses::Url => url.to_owned(),
        Addresses::Host => host(url.strip_prefix("http://").unwrap_or(url)).to_owned(),
        Addresses::Slash => format!("{}/", url.trim_end_matches('/')),
    }
}

/// An address without what need not be said of it.
fn host(url: &str) -> &str {
    url.strip_prefix("https://").unwrap_or(url).trim_end_matches('/')
}

#[cfg(test)]
#[path = "web_apps_tests.rs"]
mod tests;
