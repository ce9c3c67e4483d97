//! What people do with web apps: the workflows of a page for a business team, how it looks and where it is reached.

use serde_json::{Value, json};
use transfer_operator::sim::operation::Operation;

use crate::adoptions::{adopting, converge, granted, made};
use crate::stage::Stage;
use crate::workflows::{OTHER_ROLE, ROLE};

const INSTANCE: &str = "arn:aws:sso:::instance/ssoins-0123456789abcdef";
const VPC: &str = "vpc-0123456789abcdef0";
/// Security groups and subnets of the VPC.
const GROUPS: [&str; 2] = ["sg-0aaaaaaaaaaaaaaaa", "sg-0bbbbbbbbbbbbbbbb"];
const SUBNETS: [&str; 2] = ["subnet-0aaaaaaaaaaaaaaaa", "subnet-0bbbbbbbbbbbbbbbb"];

/// A public web app.
pub fn web_app(name: &str, more: &Value) -> Value {
    let mut spec = json!({
        "region": "eu-central-1", "awsIdentityRef": {"name": "default"},
        "identityProviderDetails": {"identityCenterConfig": {"instanceArn": INSTANCE, "role": ROLE}},
    });
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"kind": "TransferWebApp", "metadata": {"name": name}, "spec": spec})
}

/// The images of a ConfigMap `brand`.
pub fn brand(stage: &Stage, logo: &str) {
    stage.config_map("brand", &[("logo", logo), ("icon", "an icon"), ("other", "another icon")]);
}

pub fn image(key: &str) -> Value {
    json!({"configMapKeyRef": {"name": "brand", "key": key}})
}

/// A web app gets a look, another logo, more units and another role, and loses one image of two; it is protected, and goes
/// only once it is not.
/// AWS shows addresses without https:// here.
pub async fn w16_web_app(stage: &Stage) {
    stage.switch(&json!({"web_app_addresses": "host"}));
    brand(stage, "a logo");
    let look = json!({"title": "Files", "logoFrom": image("logo"), "faviconFrom": image("icon")});
    let portal =
        json!({"customization": look, "accessEndpoint": "https://files.example.com", "tags": {"a": "1", "b": "2"}});
    let portal = stage.apply(&web_app("portal", &portal));
    stage.all_ready().await;
    brand(stage, "another logo");
    stage.all_ready().await;
    stage.edit(&portal, |spec| {
        spec["customization"].as_object_mut().unwrap().remove("faviconFrom");
        spec["identityProviderDetails"]["identityCenterConfig"]["role"] = json!(OTHER_ROLE);
        spec["tags"] = json!({"a": "2"});
        spec.as_object_mut().unwrap().remove("accessEndpoint");
    });
    stage.all_ready().await;
    stage.edit(&portal, |spec| {
        spec["customization"] = json!({"faviconFrom": image("other")});
        spec["webAppUnits"] = json!({"provisioned": 3});
    });
    stage.all_ready().await;
    stage.delete(&portal);
    stage.reason(&portal, "DeletionProtected").await;
    stage.edit(&portal, |spec| spec["lifecycle"] = json!({"deletionProtection": false}));
    stage.gone(&portal).await;
    stage.apply(&web_app("portal", &json!({})));
    stage.all_ready().await;
    stage.close().await;
}

/// A web app in a VPC: its endpoint takes time to be laid, and to be laid anew; its groups change through EC2.
pub async fn w16_web_app_vpc(stage: &Stage) {
    stage.switch(&json!({"endpoint_lag": "20s"}));
    let vpc = json!({"vpcId": VPC, "subnetIds": [SUBNETS[0]], "securityGroupIds": [GROUPS[0]],
        "ipAddressType": "IPV4"});
    let portal = stage.apply(&web_app("portal", &json!({"endpointDetails": {"vpc": vpc}})));
    stage.all_ready().await;
    stage.edit(&portal, |spec| {
        let vpc = &mut spec["endpointDetails"]["vpc"];
        vpc["subnetIds"] = json!(SUBNETS);
        vpc["ipAddressType"] = json!("DUALSTACK");
    });
    stage.all_ready().await;
    stage.edit(&portal, |spec| spec["endpointDetails"]["vpc"]["securityGroupIds"] = json!([GROUPS[1]]));
    stage.all_ready().await;
    stage.close().await;
}

/// A web app of others is taken over once a person says that it shall become as the spec says.
pub async fn w12_web_app(stage: &Stage) {
    brand(stage, "a logo");
    let center = json!({"InstanceArn": INSTANCE, "Role": ROLE});
    let theirs = json!({"IdentityProviderDetails": {"IdentityCenterConfig": center}});
    let id = made(stage, Operation::CreateWebApp, theirs, "WebAppId");
    stage.console(Operation::UpdateWebAppCustomization, json!({"WebAppId": id, "Title": "Theirs"}));
    granted(stage, &[&id]);
    let look = json!({"customization": {"title": "Ours", "logoFrom": image("logo")}});
    let portal = stage.apply(&adopting(web_app("portal", &look), &id));
    stage.reason(&portal, "NotIdentical").await;
    converge(stage, &portal);
    stage.all_ready().await;
    stage.close().await;
}

/// The same of one in a VPC, whose groups only EC2 shows.
pub async fn w12_web_app_vpc(stage: &Stage) {
    stage.switch(&json!({"endpoint_lag": "20s"}));
    let center = json!({"InstanceArn": INSTANCE, "Role": ROLE});
    let vpc = json!({"VpcId": VPC, "SubnetIds": [SUBNETS[0]], "SecurityGroupIds": [GROUPS[0]]});
    let theirs = json!({"IdentityProviderDetails": {"IdentityCenterConfig": center}, "EndpointDetails": {"Vpc": vpc}});
    let id = made(stage, Operation::CreateWebApp, theirs, "WebAppId");
    granted(stage, &[&id]);
    let vpc = json!({"vpcId": VPC, "subnetIds": SUBNETS, "securityGroupIds": [GROUPS[1]], "ipAddressType": "IPV4"});
    let portal = stage.apply(&adopting(web_app("portal", &json!({"endpointDetails": {"vpc": vpc}})), &id));
    stage.reason(&portal, "NotIdentical").await;
    converge(stage, &portal);
    stage.all_ready().await;
    stage.close().await;
}
