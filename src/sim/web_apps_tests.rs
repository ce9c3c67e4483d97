#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::{Value, json};

use crate::sim::bench::{Bench, ROLE};

const INSTANCE: &str = "arn:aws:sso:::instance/ssoins-0123456789abcdef";

fn with(base: &Value, more: &Value) -> Value {
    let mut all = base.clone();
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    all
}

fn provider(role: &str) -> Value {
    json!({"IdentityProviderDetails": {"IdentityCenterConfig": {"InstanceArn": INSTANCE, "Role": role}}})
}

fn in_vpc() -> Value {
    let vpc = json!({"VpcId": "vpc-1", "SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-0123456789abcdef0"]});
    with(&provider(ROLE), &json!({"EndpointDetails": {"Vpc": vpc}}))
}

fn made(bench: &mut Bench, input: Value) -> Value {
    json!({"WebAppId": bench.ok("CreateWebApp", input)["WebAppId"]})
}

fn described(bench: &mut Bench, which: &Value) -> Value {
    bench.ok("DescribeWebApp", which.clone())["WebApp"].clone()
}

#[test]
fn a_web_app_is_described_with_what_nobody_said_and_listed_in_short() {
    let mut bench = Bench::new();
    let tags = json!([{"Key": "team", "Value": "a"}]);
    let which = made(&mut bench, with(&provider(ROLE), &json!({"Tags": tags})));
    assert!(bench.changed);
    let id = which["WebAppId"].as_str().unwrap();
    assert_eq!(id.len(), 24);
    let url = format!("https://{id}.transfer-webapp.eu-west-1.on.aws");
    let arn = format!("arn:aws:transfer:eu-west-1:123456789012:webapp/{id}");
    let row =
        json!({"Arn": arn, "WebAppId": id, "AccessEndpoint": url, "WebAppEndpoint": url, "EndpointType": "PUBLIC"});
    assert_eq!(bench.ok("ListWebApps", json!({})), json!({"WebApps": [row]}));
    let mut shown = described(&mut bench, &which);
    let config = shown["DescribedIdentityProviderDetails"]["IdentityCenterConfig"].as_object_mut().unwrap();
    let application = config.remove("ApplicationArn").unwrap();
    let known = "arn:aws:sso::123456789012:application/ssoins-0123456789abcdef/apl-";
    assert!(application.as_str().unwrap().strip_prefix(known).is_some_and(|rest| rest.len() == 16), "{application}");
    let more = json!({
        "DescribedIdentityProviderDetails": {"IdentityCenterConfig": {"InstanceArn": INSTANCE, "Role": ROLE}},
        "WebAppUnits": {"Provisioned": 1}, "WebAppEndpointPolicy": "STANDARD", "Tags": tags,
    });
    assert_eq!(shown, with(&row, &more));
}

#[test]
fn a_web_app_is_changed_member_by_member() {
    let mut bench = Bench::new();
    let which = made(&mut bench, provider(ROLE));
    let own = described(&mut bench, &which)["AccessEndpoint"].clone();
    let role = "arn:aws:iam::123456789012:role/other";
    let url = "https://files.example.com";
    let changes = [
        (
            json!({"IdentityProviderDetails": {"IdentityCenterConfig": {"Role": role}}}),
            "/DescribedIdentityProviderDetails/IdentityCenterConfig/Role",
            json!(role),
        ),
        (json!({"AccessEndpoint": url}), "/AccessEndpoint", json!(url)),
        (json!({"WebAppUnits": {"Provisioned": 3}}), "/WebAppUnits/Provisioned", json!(3)),
    ];
    for (change, at, _) in &changes {
        bench.ok("UpdateWebApp", with(&which, change));
        assert!(bench.changed, "{at}");
        bench.ok("UpdateWebApp", with(&which, change));
        assert!(!bench.changed, "{at}: the same again is no change");
    }
    let shown = described(&mut bench, &which);
    for (_, at, value) in &changes {
        assert_eq!(shown.pointer(at), Some(value), "{at}");
    }
    assert_eq!(shown["WebAppEndpoint"], own, "the service's own one stays");
    bench.ok("UpdateWebApp", with(&which, &json!({"AccessEndpoint": own})));
    assert_eq!(described(&mut bench, &which)["AccessEndpoint"], own);
}

#[test]
fn the_addresses_of_a_web_app_are_shown_as_a_switch_says() {
    let mut bench = Bench::new();
    let which = made(&mut bench, with(&provider(ROLE), &json!({"AccessEndpoint": "https://files.example.com"})));
    let id = which["WebAppId"].as_str().unwrap();
    let own = format!("{id}.transfer-webapp.eu-west-1.on.aws");
    for (switch, access, address) in [
        ("url", "https://files.example.com", format!("https://{own}")),
        ("host", "files.example.com", own.clone()),
        ("slash", "https://files.example.com/", format!("https://{own}/")),
    ] {
        bench.set(&json!({"web_app_addresses": switch}));
        let shown = described(&mut bench, &which);
        assert_eq!((&shown["AccessEndpoint"], &shown["WebAppEndpoint"]), (&json!(access), &json!(address)), "{switch}");
    }
    bench.ok("UpdateWebApp", with(&which, &json!({"AccessEndpoint": "http://files.example.com"})));
    for (switch, access) in [("url", "http://files.example.com"), ("host", "files.example.com")] {
        bench.set(&json!({"web_app_addresses": switch}));
        assert_eq!(described(&mut bench, &which)["AccessEndpoint"], access, "{switch}");
    }
    bench.ok("UpdateWebApp", with(&which, &json!({"AccessEndpoint": format!("{own}/")})));
    let shown = described(&mut bench, &which);
    assert_eq!(shown["AccessEndpoint"], shown["WebAppEndpoint"], "its own, however it is spelt");
}

#[test]
fn what_a_web_app_lacks_or_cannot_have_is_named() {
    let mut bench = Bench::new();
    let url = json!({"AccessEndpoint": "https://files.example.com"});
    let without = |member: &str| {
        let mut input = provider(ROLE);
        input["IdentityProviderDetails"]["IdentityCenterConfig"].as_object_mut().unwrap().remove(member);
        input
    };
    for (input, words) in [
        (without("Role"), "InstanceArn and Role"),
        (without("InstanceArn"), "InstanceArn and Role"),
        (json!({"IdentityProviderDetails": {}}), "InstanceArn and Role"),
        (with(&provider(ROLE), &json!({"WebAppUnits": {}})), "Provisioned must be specified"),
        (with(&provider(ROLE), &json!({"WebAppEndpointPolicy": "FIPS"})), "GovCloud"),
        (with(&provider(ROLE), &json!({"EndpointDetails": {"Vpc": {"VpcId": "vpc-1"}}})), "VpcId and SubnetIds"),
        (
            with(&provider(ROLE), &json!({"EndpointDetails": {"Vpc": {"SubnetIds": ["subnet-1"]}}})),
            "VpcId and SubnetIds",
        ),
        (with(&in_vpc(), &url), "AccessEndpoint cannot be customized"),
    ] {
        let refused = bench.invalid("CreateWebApp", input.clone());
        assert!(refused.contains(words), "{input}: {refused}");
    }
    let which = made(&mut bench, provider(ROLE));
    let moved = json!({"EndpointDetails": {"Vpc": {"SubnetIds": ["subnet-2"]}}});
    assert!(bench.invalid("UpdateWebApp", with(&which, &moved)).contains("public endpoint"));
    let inside = made(&mut bench, in_vpc());
    bench.pass(60);
    assert!(bench.invalid("UpdateWebApp", with(&inside, &url)).contains("AccessEndpoint cannot be customized"));
    bench.set(&json!({"forbidden_roles": [ROLE]}));
    let refused = bench.call("CreateWebApp", provider(ROLE)).unwrap_err();
    assert!(refused.starts_with("AccessDeniedException"), "{refused}");
    let nowhere = with(&provider(ROLE), &json!({"WebAppId": "webapp-0123456789abcdef0"}));
    assert_eq!(bench.call("UpdateWebApp", nowhere).unwrap_err(), "ResourceNotFoundException: Unknown web app");
}

#[test]
fn an_endpoint_in_a_vpc_takes_time_and_shows_neither_groups_nor_addresses() {
    let mut bench = Bench::new();
    bench.set(&json!({"transition_time": "5s", "endpoint_lag": "5s"}));
    let which = made(&mut bench, in_vpc());
    let conflict = "ConflictException: VPC Endpoint state is not yet available";
    let units = with(&which, &json!({"WebAppUnits": {"Provisioned": 2}}));
    let moved =
        with(&which, &json!({"EndpointDetails": {"Vpc": {"SubnetIds": ["subnet-2"], "IpAddressType": "DUALSTACK"}}}));
    bench.pass(9);
    assert_eq!(bench.call("UpdateWebApp", units.clone()).unwrap_err(), conflict);
    bench.set(&json!({"conflict": "network_update"}));
    bench.ok("UpdateWebApp", units.clone());
    assert_eq!(bench.call("UpdateWebApp", moved.clone()).unwrap_err(), conflict);
    bench.pass(1);
    bench.ok("UpdateWebApp", moved.clone());
    assert_eq!(bench.call("UpdateWebApp", moved).unwrap_err(), conflict, "the change is one of the network");
    let shown = described(&mut bench, &which);
    assert_eq!(shown["EndpointType"], "VPC");
    let inside = |address: &Value| address.as_str().unwrap().starts_with("https://vpce-");
    assert!(inside(&shown["AccessEndpoint"]) && !inside(&shown["WebAppEndpoint"]), "{shown}");
    let vpc = shown["DescribedEndpointDetails"]["Vpc"].as_object().unwrap();
    assert_eq!((&vpc["SubnetIds"], &vpc["VpcId"]), (&json!(["subnet-2"]), &json!("vpc-1")));
    assert!(vpc["VpcEndpointId"].as_str().unwrap().starts_with("vpce-"));
    assert_eq!(vpc.len(), 3);
    bench.pass(5);
    let none = with(&which, &json!({"EndpointDetails": {"Vpc": {"SubnetIds": []}}}));
    assert_eq!(bench.invalid("UpdateWebApp", none), "SubnetIds must not be empty");
}

#[test]
fn the_security_groups_of_a_web_app_change_in_ec2() {
    let mut bench = Bench::new();
    let which = made(&mut bench, in_vpc());
    let shown = described(&mut bench, &which);
    let endpoint = shown["DescribedEndpointDetails"]["Vpc"]["VpcEndpointId"].as_str().unwrap();
    let change = [("VpcEndpointId", endpoint), ("AddSecurityGroupId.1", "sg-new")];
    let pending = bench.ec2("ModifyVpcEndpoint", &change).unwrap_err();
    assert!(pending.starts_with("IncorrectState"), "{pending}");
    assert!(bench.ec2("DescribeVpcEndpoints", &[]).unwrap().contains("<state>pending</state>"));
    bench.pass(60);
    bench.ec2("ModifyVpcEndpoint", &change).unwrap();
    assert!(bench.changed);
    let xml = bench.ec2("DescribeVpcEndpoints", &[("VpcEndpointId.1", endpoint)]).unwrap();
    for part in ["available", "vpc-1", "subnet-1", "sg-0123456789abcdef0", "sg-new", "transfer.webapp"] {
        assert!(xml.contains(part), "{part}: {xml}");
    }
    assert!(bench.ec2("DescribeNetworkInterfaces", &[]).unwrap().contains("<subnetId>subnet-1</subnetId>"));
    bench.ok("DeleteWebApp", which);
    bench.pass(1);
    let gone = bench.ec2("ModifyVpcEndpoint", &change).unwrap_err();
    assert!(gone.starts_with("InvalidVpcEndpointId.NotFound"), "{gone}");
}

#[test]
fn web_apps_are_counted_listed_in_pages_and_seen_for_a_while() {
    let mut bench = Bench::new();
    bench.set(&json!({"quotas": {"web_apps": 3}, "listing_lag": "30s", "deletion_time": "10s"}));
    let all: Vec<Value> = (0..3).map(|_| made(&mut bench, provider(ROLE))).collect();
    assert_eq!(bench.invalid("CreateWebApp", provider(ROLE)), "Cannot exceed quota for WebAppsPerAccount: 3");
    assert_eq!(bench.ok("ListWebApps", json!({})), json!({"WebApps": []}));
    bench.pass(30);
    let first = bench.ok("ListWebApps", json!({"MaxResults": 2}));
    let second = bench.ok("ListWebApps", json!({"MaxResults": 2, "NextToken": first["NextToken"]}));
    assert_eq!([&first, &second].map(|page| page["WebApps"].as_array().unwrap().len()), [2, 1]);
    bench.ok("DeleteWebApp", all[0].clone());
    described(&mut bench, &all[0]);
    for operation in ["DeleteWebApp", "UpdateWebApp", "UpdateWebAppCustomization"] {
        let refused = bench.call(operation, all[0].clone()).unwrap_err();
        assert_eq!(refused, "ResourceNotFoundException: Unknown web app", "{operation}");
    }
    bench.pass(10);
    assert!(bench.call("DescribeWebApp", all[0].clone()).is_err());
}
