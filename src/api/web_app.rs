//! `TransferWebApp`: what a person writes about a page in the browser for files, and what is reported back.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::object_ref::{ConfigMapKeyRef, IdentityRef};
use super::protected::ProtectedLifecycle;
use super::status::CommonStatus;
use super::{Managed, ManagedKind, Reference, pattern, references, resync, rules, web_app_rules};

/// Who may log in: users and groups of IAM Identity Center.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct IdentityCenterConfig {
    /// ARN of the instance of IAM Identity Center. Cannot be changed: AWS has no way to.
    #[x_kube(validation = web_app_rules::INSTANCE_ARN)]
    #[schemars(length(max = 1224))]
    pub instance_arn: String,
    /// ARN of the role with which the web app asks S3 Access Grants for the data of whoever is logged in. It must trust
    /// transfer.amazonaws.com with sts:AssumeRole and sts:SetContext, and the identity's grant must list it.
    #[x_kube(validation = pattern::ROLE_ARN)]
    #[schemars(length(max = 2048))]
    pub role: String,
}

/// Where the users of a web app are known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebAppIdentityProviderDetails {
    /// IAM Identity Center, as AWS knows no other provider. Whom it lets in is said there, not here.
    pub identity_center_config: IdentityCenterConfig,
}

/// How many may use a web app at the same time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebAppUnits {
    /// Units, of which each is paid by the hour: 1 is what AWS takes when absent.
    #[schemars(range(min = 1, max = 2_147_483_647))]
    pub provisioned: i32,
}

/// The place of a web app in a VPC.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebAppVpc {
    /// The VPC. Cannot be changed: AWS has no way to.
    #[x_kube(validation = pattern::VPC_ID)]
    #[schemars(length(max = 21))]
    pub vpc_id: String,
    /// Subnets of the endpoint, in no order.
    #[x_kube(merge_strategy = ListMerge::Set)]
    #[schemars(length(min = 1, max = 16), inner(length(max = 24)), transform = pattern::SUBNET_ID.each())]
    pub subnet_ids: Vec<String>,
    /// Security groups of the endpoint. Absent, a new web app gets the default group of the VPC, and those of one that
    /// exists are left alone. They are compared and changed through EC2, which takes ec2:DescribeVpcEndpoints and
    /// ec2:ModifyVpcEndpoint. Once set they can be changed but not taken out: CannotClear.
    #[x_kube(merge_strategy = ListMerge::Set)]
    #[schemars(length(max = 16), inner(length(max = 20)), transform = pattern::SECURITY_GROUP_ID.each())]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_group_ids: Option<Vec<String>>,
    /// IPV4 or DUALSTACK: over which addresses the endpoint is reached; absent, AWS chooses, and says nowhere what. DUALSTACK
    /// takes IPv6 in the VPC and its subnets. AWS never shows it, so that what others change of it is not seen, and to a web
    /// app that is taken over it is sent once. Once set it can be changed but not taken out: CannotClear.
    #[schemars(extend("enum" = ["IPV4", "DUALSTACK"]))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_address_type: Option<String>,
}

/// Where a web app is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebAppEndpointDetails {
    /// In this VPC, and from nowhere else.
    pub vpc: WebAppVpc,
}

/// An image in a ConfigMap.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageSource {
    /// The entry that holds the image: in binaryData, as kubectl create configmap --from-file puts what is no text, or in
    /// data. Its bytes are sent as they are.
    pub config_map_key_ref: ConfigMapKeyRef,
}

/// How a web app looks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebAppCustomization {
    /// Title of the page, 1 to 100 characters.
    #[schemars(length(min = 1, max = 100))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The logo, of at most 51200 bytes. While the ConfigMap is missing or what it holds is not an image that AWS takes, what
    /// AWS has is left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo_from: Option<ImageSource>,
    /// The icon in the tab of the browser, of at most 20960 bytes; else as logoFrom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub favicon_from: Option<ImageSource>,
}

/// What the web app shall be. A member that was never set is left as AWS has it; one that leaves the spec goes back to AWS's
/// default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "transfer-operator.dev",
    version = "v1alpha1",
    kind = "TransferWebApp",
    plural = "transferwebapps",
    shortname = "tweb",
    category = "transfer",
    namespaced,
    status = "TransferWebAppStatus",
    derive = "PartialEq",
    doc = "A web app of AWS Transfer Family: a page in the browser on which people of a company find their files in S3.",
    validation = web_app_rules::REGION_IMMUTABLE,
    validation = web_app_rules::INSTANCE_IMMUTABLE,
    validation = web_app_rules::POLICY_IMMUTABLE,
    validation = web_app_rules::VPC_IMMUTABLE,
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Address", type_ = "string", json_path = ".status.accessEndpoint"),
    printcolumn(name = "WebAppId", type_ = "string", json_path = ".status.webAppId"),
    printcolumn(name = "Drifted", type_ = "string", json_path = ".status.conditions[?(@.type==\"Drifted\")].status"),
    printcolumn(name = "Suspended", type_ = "string", json_path = ".status.conditions[?(@.type==\"Suspended\")].status"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = resync::written)]
#[schemars(transform = web_app_rules::web_app, transform = web_app_rules::ACCESS_ENDPOINT.of("accessEndpoint"))]
pub struct TransferWebAppSpec {
    /// The AwsIdentity that AWS is called with: which account and whose credentials. It must grant this namespace
    /// the kind TransferWebApp.
    #[serde(default)]
    pub aws_identity_ref: IdentityRef,
    /// The region that the web app lives in. Cannot be changed once it lives there.
    #[x_kube(validation = pattern::REGION)]
    #[schemars(length(max = 32))]
    pub region: String,
    /// True: nothing is changed in AWS, except that deletion goes on.
    #[serde(default)]
    pub suspend: bool,
    /// How often the web app at rest is compared with AWS, on average: 1m to 24h, such as 10m or 1h30m. Absent means
    /// as the operator is told by --resync-interval. Seldom means that what others change in AWS is seen, and put right,
    /// that much later; an edit of this object is acted on at once all the same.
    #[schemars(length(max = 18))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resync_interval: Option<String>,
    /// How much may be changed in AWS, and what deletion does.
    #[serde(default)]
    pub lifecycle: ProtectedLifecycle,
    /// Tags of the web app in AWS, over those of its AwsIdentity. Tags that others set in AWS stay.
    #[schemars(schema_with = "rules::tags")]
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,

    /// Where its users are known.
    pub identity_provider_details: WebAppIdentityProviderDetails,
    /// The address that users are given, where it is one's own, such as that of a CloudFront distribution in front of
    /// status.webAppEndpoint. Absent, it is status.webAppEndpoint itself. AWS takes none of a web app in a VPC.
    #[schemars(length(min = 1, max = 1024))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_endpoint: Option<String>,
    /// How many may use it at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web_app_units: Option<WebAppUnits>,
    /// STANDARD (what AWS takes when absent) or FIPS, which AWS takes only in its GovCloud. Cannot be changed: AWS has no way
    /// to.
    #[schemars(extend("enum" = ["STANDARD", "FIPS"]))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web_app_endpoint_policy: Option<String>,
    /// A place in a VPC; absent, the web app is public. The one cannot become the other: AWS has no way to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_details: Option<WebAppEndpointDetails>,
    /// How it looks. What is absent is left as AWS has it, unless this object set it before: then it is taken out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customization: Option<WebAppCustomization>,
}

/// What is known of the web app.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransferWebAppStatus {
    /// What all kinds have.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// Id in AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web_app_id: Option<String>,
    /// ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// The address that AWS gave it, which is lost for ever with the web app. A CloudFront distribution in front of it has
    /// this as its origin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web_app_endpoint: Option<String>,
    /// The address that users open, which the CORS rules of its buckets must allow: with https://, without a slash at the
    /// end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_endpoint: Option<String>,
    /// ARN of its application in IAM Identity Center, to which users and groups are assigned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_arn: Option<String>,
    /// ARN of the instance of IAM Identity Center that it has in AWS: the spec may go back to this, and to nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_arn: Option<String>,
    /// PUBLIC or VPC, as it is in AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_type: Option<String>,
    /// The VPC that it is in: the spec may go back to this, and to nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc_id: Option<String>,
    /// The endpoint that AWS made for it there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc_endpoint_id: Option<String>,
    /// STANDARD or FIPS, as it is in AWS: the spec may go back to this, and to nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web_app_endpoint_policy: Option<String>,
}

impl Managed for TransferWebApp {
    const NOUN: &'static str = "web app";

    from_its_members!(TransferWebAppStatus);

    fn references(&self) -> Vec<Reference> {
        let namespace = self.metadata.namespace.as_deref().unwrap_or_default();
        let images = self.spec.customization.iter().flat_map(|look| [&look.logo_from, &look.favicon_from]);
        let config_maps = images.flatten().map(|image| &image.config_map_key_ref.name);
        let made = self.status.as_ref().and_then(|status| status.web_app_id.clone());
        let id = made.map(|id| Reference::Id(ManagedKind::TransferWebApp, id));
        [Reference::Identity(self.spec.aws_identity_ref.name.clone())]
            .into_iter()
            .chain(references::of_config_maps(namespace, config_maps))
            .chain(id)
            .collect()
    }
}
