//! Web apps: who logs in, where they are reached, and for how many they are. How one looks is in `web_app_customization`.

use aws_sdk_transfer::{Client, types as sdk};
use serde::{Deserialize, Serialize};

use super::tag::{self, Tags};
use crate::aws::call::{Call, Change, Listing, Page};
use crate::aws::sdk::convert::{Complete, required, text};
use crate::aws::sdk::once::{Once, single_attempt};
use crate::aws::{AwsError, CallClass, CreateOutput};
use crate::web_address::{HTTPS, spelt};

/// An instance of IAM Identity Center, and who asks for data in the name of its users.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IdentityCenterConfig {
    /// ARN of the instance; an update cannot change it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_arn: Option<String>,
    /// ARN of the role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

/// Where users are known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebAppIdentityProvider {
    /// The only provider that there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_center_config: Option<IdentityCenterConfig>,
}

/// For how many a web app is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebAppUnits {
    /// Units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provisioned: Option<i32>,
}

/// The place in a VPC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebAppVpc {
    /// The VPC; an update cannot change it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpc_id: Option<String>,
    /// Its subnets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet_ids: Option<Vec<String>>,
    /// Security groups; only a create takes them, and no answer shows them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_group_ids: Option<Vec<String>>,
    /// `IPV4` or `DUALSTACK`; no answer shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address_type: Option<String>,
}

/// Where a web app is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebAppEndpoint {
    /// In a VPC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpc: Option<WebAppVpc>,
}

/// What CreateWebApp, UpdateWebApp and DescribeWebApp share. UpdateWebApp leaves alone what is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebAppSettings {
    /// Where its users are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_provider_details: Option<WebAppIdentityProvider>,
    /// The address that users are given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_endpoint: Option<String>,
    /// For how many it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web_app_units: Option<WebAppUnits>,
    /// `STANDARD` or `FIPS`; an update cannot change it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web_app_endpoint_policy: Option<String>,
    /// Where it is reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint_details: Option<WebAppEndpoint>,
}

/// What DescribeWebApp answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WebApp {
    /// ARN of the web app.
    pub arn: String,
    /// `webapp-` and 17 hexadecimal digits.
    pub web_app_id: String,
    /// ARN of its application in IAM Identity Center.
    pub application_arn: Option<String>,
    /// The address that AWS gave it.
    pub web_app_endpoint: Option<String>,
    /// `PUBLIC` or `VPC`.
    pub endpoint_type: Option<String>,
    /// The endpoint that AWS made for it in its VPC.
    pub vpc_endpoint_id: Option<String>,
    /// Its members.
    pub settings: WebAppSettings,
    /// Tags.
    pub tags: Tags,
}

impl WebApp {
    /// The address that AWS gave it.
    #[must_use]
    pub fn own_address(&self) -> Option<String> {
        self.web_app_endpoint.as_deref().map(|address| spelt(address, HTTPS))
    }

    /// What of this address somebody gave it: its own is none, and to one in a VPC nobody can give another.
    #[must_use]
    pub fn given_address(&self, address: Option<&str>) -> Option<String> {
        let public = self.endpoint_type.as_deref() != Some("VPC") && self.settings.endpoint_details.is_none();
        address
            .filter(|address| public && !address.is_empty())
            .map(|address| spelt(address, HTTPS))
            .filter(|address| Some(address) != self.own_address().as_ref())
    }
}

/// One row of ListWebApps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListedWebApp {
    /// Id of the web app.
    pub web_app_id: String,
}

/// ListWebApps.
#[derive(Clone, Debug)]
pub struct ListWebApps {
    /// The page; absent for the first.
    pub token: Option<String>,
}

impl Listing for ListWebApps {
    const OPERATION: &'static str = "ListWebApps";
    const LIST: &'static str = "WebApps";
    type Client = Client;
    type Row = ListedWebApp;

    async fn page(&self, client: &Client, once: &Once) -> Result<Page<ListedWebApp>, AwsError> {
        let Self { token } = self.clone();
        let call = client.list_web_apps().max_results(super::PAGE).set_next_token(token);
        let answer = single_attempt!(once, aws_sdk_transfer, call)?;
        let row = |theirs: sdk::ListedWebApp| {
            Ok(ListedWebApp { web_app_id: required(theirs.web_app_id, "WebApps.WebAppId")? })
        };
        once.page(answer.web_apps, row, answer.next_token)
    }

    fn turn(&mut self, token: String) {
        self.token = Some(token);
    }
}

/// DescribeWebApp.
#[derive(Clone, Debug)]
pub struct DescribeWebApp {
    /// Id of the web app.
    pub web_app_id: String,
}

impl Call for DescribeWebApp {
    const OPERATION: &'static str = "DescribeWebApp";
    const CLASS: CallClass = CallClass::Read;
    const REQUIRED: &'static [&'static str] = &["WebApp"];
    type Client = Client;
    type Output = Box<WebApp>;

    async fn send(&self, client: &Client, once: &Once) -> Result<Box<WebApp>, AwsError> {
        let Self { web_app_id } = self.clone();
        let answer = single_attempt!(once, aws_sdk_transfer, client.describe_web_app().web_app_id(web_app_id))?;
        once.complete(answer.web_app.ok_or("WebApp").and_then(web_app).map(Box::new))
    }
}

/// CreateWebApp.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CreateWebApp {
    /// What it is made with.
    pub settings: WebAppSettings,
    /// Tags, the owner tags among them.
    pub tags: Tags,
}

impl Call for CreateWebApp {
    const OPERATION: &'static str = "CreateWebApp";
    const CLASS: CallClass = CallClass::Write;
    const REQUIRED: &'static [&'static str] = &["WebAppId"];
    type Client = Client;
    type Output = CreateOutput;

    async fn send(&self, client: &Client, once: &Once) -> Result<CreateOutput, AwsError> {
        let Self { settings, tags } = self.clone();
        let WebAppSettings {
            identity_provider_details,
            access_endpoint,
            web_app_units,
            web_app_endpoint_policy,
            endpoint_details,
        } = settings;
        let center = identity_provider_details.and_then(|details| details.identity_center_config);
        let call = client
            .create_web_app()
            .set_identity_provider_details(center.map(provider_of_new))
            .set_access_endpoint(access_endpoint)
            .set_web_app_units(web_app_units.and_then(units))
            .set_web_app_endpoint_policy(web_app_endpoint_policy.map(|policy| policy.as_str().into()))
            .set_endpoint_details(endpoint_details.and_then(|details| details.vpc).map(endpoint_of_new))
            .set_tags(once.built(tag::of_new(tags))?);
        let answer = single_attempt!(once, aws_sdk_transfer, call)?;
        once.made(answer.web_app_id, "WebAppId")
    }
}

impl Change for CreateWebApp {
    fn target(&self) -> Option<String> {
        None
    }
}

/// UpdateWebApp. Of its settings the instance, the VPC, security groups and the policy are never sent: AWS has no members
/// for them.
#[derive(Clone, Debug, Serialize)]
pub struct UpdateWebApp {
    /// Id of the web app.
    pub web_app_id: String,
    /// What changes.
    pub settings: Box<WebAppSettings>,
}

impl Call for UpdateWebApp {
    const OPERATION: &'static str = "UpdateWebApp";
    const CLASS: CallClass = CallClass::Write;
    const REQUIRED: &'static [&'static str] = &["WebAppId"];
    type Client = Client;
    type Output = CreateOutput;

    async fn send(&self, client: &Client, once: &Once) -> Result<CreateOutput, AwsError> {
        let Self { web_app_id, settings } = self.clone();
        let WebAppSettings {
            identity_provider_details,
            access_endpoint,
            web_app_units,
            web_app_endpoint_policy: _,
            endpoint_details,
        } = *settings;
        let center = identity_provider_details.and_then(|details| details.identity_center_config);
        let call = client
            .update_web_app()
            .web_app_id(web_app_id)
            .set_identity_provider_details(center.map(provider_of_update))
            .set_access_endpoint(access_endpoint)
            .set_web_app_units(web_app_units.and_then(units))
            .set_endpoint_details(endpoint_details.and_then(|details| details.vpc).map(endpoint_of_update));
        single_attempt!(once, aws_sdk_transfer, call).map(|_| CreateOutput::default())
    }
}

impl Change for UpdateWebApp {
    fn target(&self) -> Option<String> {
        Some(self.web_app_id.clone())
    }
}

/// DeleteWebApp.
#[derive(Clone, Debug, Serialize)]
pub struct DeleteWebApp {
    /// Id of the web app.
    pub web_app_id: String,
}

impl Call for DeleteWebApp {
    const OPERATION: &'static str = "DeleteWebApp";
    const CLASS: CallClass = CallClass::Write;
    const REQUIRED: &'static [&'static str] = &[];
    type Client = Client;
    type Output = CreateOutput;

    async fn send(&self, client: &Client, once: &Once) -> Result<CreateOutput, AwsError> {
        let Self { web_app_id } = self.clone();
        single_attempt!(once, aws_sdk_transfer, client.delete_web_app().web_app_id(web_app_id))
            .map(|_| CreateOutput::default())
    }
}

impl Change for DeleteWebApp {
    fn target(&self) -> Option<String> {
        Some(self.web_app_id.clone())
    }
}

fn provider_of_new(center: IdentityCenterConfig) -> sdk::WebAppIdentityProviderDetails {
    let IdentityCenterConfig { instance_arn, role } = center;
    let center = sdk::IdentityCenterConfig::builder().set_instance_arn(instance_arn).set_role(role).build();
    sdk::WebAppIdentityProviderDetails::IdentityCenterConfig(center)
}

fn provider_of_update(center: IdentityCenterConfig) -> sdk::UpdateWebAppIdentityProviderDetails {
    let IdentityCenterConfig { instance_arn: _, role } = center;
    let center = sdk::UpdateWebAppIdentityCenterConfig::builder().set_role(role).build();
    sdk::UpdateWebAppIdentityProviderDetails::IdentityCenterConfig(center)
}

fn units(WebAppUnits { provisioned }: WebAppUnits) -> Option<sdk::WebAppUnits> {
    provisioned.map(sdk::WebAppUnits::Provisioned)
}

fn endpoint_of_new(vpc: WebAppVpc) -> sdk::WebAppEndpointDetails {
    let WebAppVpc { vpc_id, subnet_ids, security_group_ids, ip_address_type } = vpc;
    let vpc = sdk::WebAppVpcConfig::builder()
        .set_vpc_id(vpc_id)
        .set_subnet_ids(subnet_ids)
        .set_security_group_ids(security_group_ids)
        .set_ip_address_type(ip_address_type.map(|kind| kind.as_str().into()));
    sdk::WebAppEndpointDetails::Vpc(vpc.build())
}

fn endpoint_of_update(vpc: WebAppVpc) -> sdk::UpdateWebAppEndpointDetails {
    let WebAppVpc { vpc_id: _, subnet_ids, security_group_ids: _, ip_address_type } = vpc;
    let vpc = sdk::UpdateWebAppVpcConfig::builder()
        .set_subnet_ids(subnet_ids)
        .set_ip_address_type(ip_address_type.map(|kind| kind.as_str().into()));
    sdk::UpdateWebAppEndpointDetails::Vpc(vpc.build())
}

fn web_app(theirs: sdk::DescribedWebApp) -> Complete<WebApp> {
    let center = match theirs.described_identity_provider_details {
        Some(sdk::DescribedWebAppIdentityProviderDetails::IdentityCenterConfig(center)) => Some(center),
        _ => None,
    };
    let vpc = match theirs.described_endpoint_details {
        Some(sdk::DescribedWebAppEndpointDetails::Vpc(vpc)) => Some(vpc),
        _ => None,
    };
    let provisioned = match theirs.web_app_units {
        Some(sdk::WebAppUnits::Provisioned(number)) => Some(number),
        _ => None,
    };
    let application_arn = center.as_ref().and_then(|center| center.application_arn.clone());
    let provider = center.map(|center| WebAppIdentityProvider {
        identity_center_config: Some(IdentityCenterConfig { instance_arn: center.instance_arn, role: center.role }),
    });
    let vpc_endpoint_id = vpc.as_ref().and_then(|vpc| vpc.vpc_endpoint_id.clone());
    let endpoint = vpc.map(|vpc| WebAppEndpoint {
        vpc: Some(WebAppVpc { vpc_id: vpc.vpc_id, subnet_ids: vpc.subnet_ids, ..WebAppVpc::default() }),
    });
    Ok(WebApp {
        arn: required(theirs.arn, "WebApp.Arn")?,
        web_app_id: required(theirs.web_app_id, "WebApp.WebAppId")?,
        application_arn,
        web_app_endpoint: theirs.web_app_endpoint,
        endpoint_type: text(theirs.endpoint_type),
        vpc_endpoint_id,
        settings: WebAppSettings {
            identity_provider_details: provider,
            access_endpoint: theirs.access_endpoint,
            web_app_units: provisioned.map(|number| WebAppUnits { provisioned: Some(number) }),
            web_app_endpoint_policy: text(theirs.web_app_endpoint_policy),
            endpoint_details: endpoint,
        },
        tags: tag::read(theirs.tags),
    })
}
