//! What calls about web apps send, and what is read of AWS's answers.

use transfer_operator::aws::transfer::{
    CreateWebApp, DeleteWebApp, DeleteWebAppCustomization, DescribeWebApp, DescribeWebAppCustomization,
    IdentityCenterConfig, Image, ListWebApps, UpdateWebApp, UpdateWebAppCustomization, WebAppCustomization,
    WebAppEndpoint, WebAppIdentityProvider, WebAppSettings, WebAppUnits, WebAppVpc,
};

use super::*;

/// Every member set.
fn settings() -> WebAppSettings {
    let center = IdentityCenterConfig { instance_arn: some("arn:i"), role: some("arn:role") };
    let vpc = WebAppVpc {
        vpc_id: some("vpc-1"),
        subnet_ids: Some(vec!["subnet-1".to_owned()]),
        security_group_ids: Some(vec!["sg-1".to_owned()]),
        ip_address_type: some("FUTURE"),
    };
    WebAppSettings {
        identity_provider_details: Some(WebAppIdentityProvider { identity_center_config: Some(center) }),
        access_endpoint: some("https://files"),
        web_app_units: Some(WebAppUnits { provisioned: Some(3) }),
        web_app_endpoint_policy: some("FIPS"),
        endpoint_details: Some(WebAppEndpoint { vpc: Some(vpc) }),
    }
}

fn look() -> WebAppCustomization {
    let image = |text: &str| Some(Image(text.as_bytes().to_vec()));
    WebAppCustomization { title: some("Files"), logo_file: image("logo"), favicon_file: image("icon") }
}

fn look_json() -> Value {
    json!({"Title": "Files", "LogoFile": "bG9nbw==", "FaviconFile": "aWNvbg=="})
}

fn id() -> String {
    "webapp-1".to_owned()
}

/// As `mutations::mutations` has those of others.
pub fn mutations() -> Vec<(Mutation, Value, Value, Option<&'static str>)> {
    let on_it = || json!({"WebAppId": "webapp-1"});
    let common = json!({"AccessEndpoint": "https://files", "WebAppUnits": {"Provisioned": 3}});
    let new = json!({
        "IdentityProviderDetails": {"IdentityCenterConfig": {"InstanceArn": "arn:i", "Role": "arn:role"}},
        "WebAppEndpointPolicy": "FIPS", "Tags": tags_json(),
        "EndpointDetails": {"Vpc": {
            "VpcId": "vpc-1", "SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"], "IpAddressType": "FUTURE",
        }},
    });
    // AWS has no members for what an update cannot change.
    let changed = json!({
        "WebAppId": "webapp-1", "IdentityProviderDetails": {"IdentityCenterConfig": {"Role": "arn:role"}},
        "EndpointDetails": {"Vpc": {"SubnetIds": ["subnet-1"], "IpAddressType": "FUTURE"}},
    });
    let customize = UpdateWebAppCustomization { web_app_id: id(), customization: Box::new(look()) };
    vec![
        (
            Mutation::CreateWebApp(Box::new(CreateWebApp { settings: settings(), tags: tags() })),
            with(common.clone(), new),
            on_it(),
            Some("webapp-1"),
        ),
        (
            Mutation::UpdateWebApp(UpdateWebApp { web_app_id: id(), settings: Box::new(settings()) }),
            with(common, changed),
            on_it(),
            None,
        ),
        (Mutation::DeleteWebApp(DeleteWebApp { web_app_id: id() }), on_it(), json!({}), None),
        (Mutation::UpdateWebAppCustomization(customize), with(look_json(), on_it()), on_it(), None),
        (Mutation::DeleteWebAppCustomization(DeleteWebAppCustomization { web_app_id: id() }), on_it(), json!({}), None),
    ]
}

/// A described web app.
fn shown() -> Value {
    json!({
        "Arn": "arn:w", "WebAppId": "webapp-1", "AccessEndpoint": "https://files", "WebAppEndpoint": "https://own",
        "WebAppUnits": {"Provisioned": 3}, "WebAppEndpointPolicy": "FIPS", "EndpointType": "VPC", "Tags": tags_json(),
        "DescribedIdentityProviderDetails": {"IdentityCenterConfig": {
            "ApplicationArn": "arn:app", "InstanceArn": "arn:i", "Role": "arn:role",
        }},
        "DescribedEndpointDetails": {"Vpc": {"SubnetIds": ["subnet-1"], "VpcId": "vpc-1", "VpcEndpointId": "vpce-1"}},
    })
}

/// As `reads::reads` has those of others.
pub fn reads() -> Vec<(Read, Value, Value, Vec<&'static str>)> {
    let row = json!({"Arn": "arn:w", "WebAppId": "webapp-1", "EndpointType": "FUTURE"});
    let identity = json!({"Arn": "arn:w", "WebAppId": "webapp-1"});
    vec![
        (
            Read::ListWebApps(ListWebApps { token: some("t") }),
            json!({"MaxResults": 1000, "NextToken": "t"}),
            json!({"NextToken": "n", "WebApps": [row]}),
            vec!["webapp-1", "next_token: Some(\"n\")"],
        ),
        (
            Read::DescribeWebApp(DescribeWebApp { web_app_id: id() }),
            json!({"WebAppId": "webapp-1"}),
            json!({"WebApp": shown()}),
            vec!["arn:w", "https://own", "vpce-1", "arn:app"],
        ),
        (
            Read::DescribeWebAppCustomization(DescribeWebAppCustomization { web_app_id: id() }),
            json!({"WebAppId": "webapp-1"}),
            json!({"WebAppCustomization": with(identity, look_json())}),
            vec!["Files", "(4 bytes)"],
        ),
    ]
}

#[tokio::test]
async fn a_described_web_app_arrives_whole_or_is_none() {
    let wire = Wire::start();
    let read = Read::DescribeWebApp(DescribeWebApp { web_app_id: id() });
    wire.reply(ok(json!({"WebApp": with(shown(), json!({"New": 1}))})));
    let answer = door(&wire.url).read(None, read.clone()).await.unwrap();
    let Answer::WebApp(web_app) = answer.value else { panic!("{answer:?}") };
    // What no answer shows.
    let mut expected = settings();
    let vpc = expected.endpoint_details.as_mut().and_then(|details| details.vpc.as_mut()).unwrap();
    (vpc.security_group_ids, vpc.ip_address_type) = (None, None);
    assert_eq!((web_app.settings, web_app.tags), (expected, tags()));
    // A provider, units or a place that this version does not know are none, and the rest arrives.
    let unknown = json!({"DescribedIdentityProviderDetails": {"New": {}}, "WebAppUnits": {"New": 1},
        "DescribedEndpointDetails": {"New": {}}});
    wire.reply(ok(json!({"WebApp": with(shown(), unknown)})));
    let answer = door(&wire.url).read(None, read.clone()).await.unwrap();
    let Answer::WebApp(web_app) = answer.value else { panic!("{answer:?}") };
    let WebAppSettings { identity_provider_details, access_endpoint, web_app_units, endpoint_details, .. } =
        web_app.settings;
    assert_eq!((identity_provider_details, web_app_units, endpoint_details), (None, None, None));
    assert_eq!(access_endpoint, some("https://files"));
    for member in ["Arn", "WebAppId"] {
        wire.reply(ok(json!({"WebApp": with(shown(), json!({member: null}))})));
        let fault = door(&wire.url).read(None, read.clone()).await.unwrap_err();
        assert!(fault.message.contains(&format!("no WebApp.{member}")), "it says which one it is: {fault}");
    }
}

/// How one looks is compared by what arrives: no member is as good as none.
#[tokio::test]
async fn a_customization_arrives_with_its_bytes_and_may_be_empty() {
    let wire = Wire::start();
    let read = Read::DescribeWebAppCustomization(DescribeWebAppCustomization { web_app_id: id() });
    let identity = json!({"Arn": "arn:w", "WebAppId": "webapp-1"});
    for (members, expected) in [(look_json(), look()), (json!({}), WebAppCustomization::default())] {
        wire.reply(ok(json!({"WebAppCustomization": with(identity.clone(), members)})));
        let answer = door(&wire.url).read(None, read.clone()).await.unwrap();
        let Answer::WebAppCustomization(look) = answer.value else { panic!("{answer:?}") };
        assert_eq!(*look, expected);
    }
}
