//! The fields of a TransferWebApp. What is demanded is AWS's documentation of CreateWebApp, UpdateWebApp and
//! UpdateWebAppCustomization.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::case::Then::{Holds, Refused, Stalled, Suspended};
use super::case::{At, Case, INSTANCE, Kind, ROLE, ROLE_TWO, Then, field};
use super::policies;

const KIND: Kind = Kind::WebApp;

pub fn cases() -> Vec<Case> {
    let all = [settings(), network(), look(), the_rest(), policies::protection(KIND)];
    all.concat().into_iter().chain([policies::resync(KIND)]).collect()
}

/// One that is not taken out again, or cannot be another.
fn fixed(path: &str, at: &'static str, [a, b]: [Value; 2], [second, third]: [Then; 2]) -> Case {
    Case::new(KIND, path, At::Aws(at), [a.clone(), b], [Holds(a), second, third])
}

fn settings() -> Vec<Case> {
    let center = |member: &str| format!("identityProviderDetails.identityCenterConfig.{member}");
    let role = Case::new(
        KIND,
        &center("role"),
        At::Aws("/Role"),
        [json!(ROLE), json!(ROLE_TWO)],
        [Holds(json!(ROLE)), Holds(json!(ROLE_TWO)), Refused("identityCenterConfig.role: Required value")],
    );
    let other = "arn:aws:sso:::instance/ssoins-fedcba9876543210";
    vec![
        fixed(
            &center("instanceArn"),
            "/InstanceArn",
            [json!(INSTANCE), json!(other)],
            [Refused("instanceArn cannot be changed"), Refused("identityCenterConfig.instanceArn: Required value")],
        ),
        role,
        field(
            KIND,
            "accessEndpoint",
            At::Aws("/AccessEndpoint"),
            json!("https://one.example.com"),
            json!("https://two.example.com"),
            Value::Null,
        ),
        field(KIND, "webAppUnits.provisioned", At::Aws("/Provisioned"), json!(3), json!(2), json!(1)),
        fixed(
            "webAppEndpointPolicy",
            "/WebAppEndpointPolicy",
            [json!("STANDARD"), json!("FIPS")],
            [Refused("webAppEndpointPolicy FIPS is taken only in"), Holds(json!("STANDARD"))],
        ),
    ]
}

fn network() -> Vec<Case> {
    let group = |last: u8| json!([format!("sg-0123456789abcdef{last}")]);
    let vpc = |more: Value| {
        let mut vpc = json!({"vpcId": "vpc-0123456789abcdef0", "subnetIds": ["subnet-0123456789abcdef0"]});
        vpc.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"endpointDetails": {"vpc": vpc}})
    };
    let out = || Refused("a web app cannot be moved into a VPC or out of it");
    vec![
        fixed(
            "endpointDetails.vpc.vpcId",
            "/Vpc/VpcId",
            [json!("vpc-0123456789abcdef0"), json!("vpc-0123456789abcdef1")],
            [Refused("spec.endpointDetails.vpc.vpcId cannot be changed"), out()],
        )
        .rest(vpc(json!({}))),
        Case::new(
            KIND,
            "endpointDetails.vpc.subnetIds",
            At::Aws("/Vpc/SubnetIds"),
            [json!(["subnet-0123456789abcdef0"]), json!(["subnet-0123456789abcdef1"])],
            [Holds(json!(["subnet-0123456789abcdef0"])), Holds(json!(["subnet-0123456789abcdef1"])), out()],
        )
        .rest(vpc(json!({}))),
        Case::new(
            KIND,
            "endpointDetails.vpc.securityGroupIds",
            At::Aws("/Vpc/SecurityGroupIds"),
            [group(0), group(1)],
            [Holds(group(0)), Holds(group(1)), Stalled("CannotClear", "spec.endpointDetails.vpc.securityGroupIds")],
        )
        .rest(vpc(json!({}))),
        Case::new(
            KIND,
            "endpointDetails.vpc.ipAddressType",
            At::Aws("/Vpc/IpAddressType"),
            [json!("IPV4"), json!("DUALSTACK")],
            [
                Holds(json!("IPV4")),
                Holds(json!("DUALSTACK")),
                Stalled("CannotClear", "spec.endpointDetails.vpc.ipAddressType"),
            ],
        )
        .rest(vpc(json!({}))),
    ]
}

/// The images are in ConfigMaps of world.yaml.
fn look() -> Vec<Case> {
    let image = |of: &str, at: &'static str, path: &str, [a, b]: [&str; 2]| {
        let bytes = |text: &str| Holds(json!(STANDARD.encode(text)));
        let source = json!({"name": "brand", "key": "first"});
        let path = format!("customization.{of}.configMapKeyRef.{path}");
        Case::new(KIND, &path, At::Aws(at), [json!(a), json!(b)], [bytes("one"), bytes("two"), Holds(Value::Null)])
            .rest(json!({"customization": {of: {"configMapKeyRef": source}}}))
    };
    let (logo, icon) = ("/Customization/LogoFile", "/Customization/FaviconFile");
    vec![
        field(KIND, "customization.title", At::Aws("/Customization/Title"), json!("One"), json!("Two"), Value::Null),
        image("logoFrom", logo, "name", ["brand", "more-brand"]),
        image("logoFrom", logo, "key", ["first", "second"]),
        image("faviconFrom", icon, "name", ["brand", "more-brand"]),
        image("faviconFrom", icon, "key", ["first", "second"]),
    ]
}

fn the_rest() -> Vec<Case> {
    let units = |count: i32| json!({"webAppUnits": {"provisioned": count}});
    vec![
        field(KIND, "tags{}", At::Tags, json!({"a": "1", "b": "1"}), json!({"a": "2"}), Value::Null),
        // The identity shows by its tags, of which the first has none.
        field(KIND, "awsIdentityRef.name", At::Tag("identity"), json!("default"), json!("second"), Value::Null)
            .shows([Value::Null, json!("second"), Value::Null]),
        fixed(
            "region",
            "/Region",
            [json!("eu-west-1"), json!("eu-central-1")],
            [Refused("spec.region cannot be changed"), Refused("spec.region: Required value")],
        ),
        Case::new(
            KIND,
            "suspend",
            At::Aws("/Provisioned"),
            [json!(false), json!(true)],
            [Holds(json!(2)), Suspended, Holds(json!(3))],
        )
        .rest(units(2))
        .along(units(3), json!({})),
    ]
}
