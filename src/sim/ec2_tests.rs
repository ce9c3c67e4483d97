#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::*;
use crate::sim::bench::Bench;
use crate::sim::model::Address;
use crate::sim::state::Hidden;

/// A server in two subnets with one security group, and the id of its endpoint.
fn vpc(bench: &mut Bench) -> (String, String) {
    let details = json!({"VpcId": "vpc-1", "SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-0123456a"]});
    let server = bench.server(json!({"EndpointType": "VPC", "EndpointDetails": details}));
    let endpoint = bench.described(&server)["EndpointDetails"]["VpcEndpointId"].as_str().unwrap().to_owned();
    (server, endpoint)
}

/// The texts of all elements of this name, in their order.
fn all(xml: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    xml.split(&open).skip(1).map(|rest| rest.split(&close).next().unwrap().to_owned()).collect()
}

fn groups(bench: &mut Bench, endpoint: &str) -> Vec<String> {
    all(&bench.ec2("DescribeVpcEndpoints", &[("VpcEndpointId.1", endpoint)]).unwrap(), "groupId")
}

fn attach(bench: &mut Bench, server: &str, addresses: &Value) -> Result<Value, String> {
    bench.update(server, json!({"EndpointDetails": {"AddressAllocationIds": addresses}}))
}

#[test]
fn an_endpoint_is_pending_until_the_server_can_be_changed() {
    let mut bench = Bench::new();
    let made = bench
        .ok("CreateServer", json!({"EndpointType": "VPC", "EndpointDetails": {"VpcId": "vpc-1", "SubnetIds": ["s1"]}}));
    let shown = |bench: &mut Bench| bench.ec2("DescribeVpcEndpoints", &[]).unwrap();
    assert_eq!(all(&shown(&mut bench), "state"), ["pending"]);
    assert!(all(&bench.ec2("DescribeNetworkInterfaces", &[]).unwrap(), "networkInterfaceId").is_empty());
    bench.pass(4);
    assert_eq!(all(&shown(&mut bench), "state"), ["available"]);
    assert_eq!(all(&bench.ec2("DescribeNetworkInterfaces", &[]).unwrap(), "subnetId"), ["s1"]);
    bench.ok("DeleteServer", json!({"ServerId": made["ServerId"]}));
    assert!(all(&shown(&mut bench), "vpcEndpointId").is_empty());
}

#[test]
fn an_endpoint_shows_subnets_groups_names_and_interfaces() {
    let mut bench = Bench::new();
    let (_, endpoint) = vpc(&mut bench);
    let shown = bench.ec2("DescribeVpcEndpoints", &[("VpcEndpointId.1", &endpoint)]).unwrap();
    assert!(
        shown.starts_with(
            "<DescribeVpcEndpointsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>"
        )
    );
    assert_eq!(all(&shown, "subnetIdSet"), ["<item>subnet-1</item><item>subnet-2</item>"]);
    assert_eq!(all(&shown, "groupId"), ["sg-0123456a"]);
    let names = all(&shown, "dnsName");
    assert_eq!(names.len(), 3, "one for all, and one for each zone");
    assert!(names.iter().all(|name| name.starts_with(&endpoint) && name.ends_with(".vpce.amazonaws.com")));
    let listed = bench.ec2("DescribeNetworkInterfaces", &[]).unwrap();
    let ids = all(&listed, "networkInterfaceId");
    assert_eq!(ids.len(), 2);
    assert!(ids.iter().all(|id| all(&shown, "networkInterfaceIdSet")[0].contains(id)));
    let bare = bench.server(json!({"EndpointType": "VPC", "EndpointDetails": {"VpcId": "vpc-2"}}));
    let bare = bench.described(&bare)["EndpointDetails"]["VpcEndpointId"].as_str().unwrap().to_owned();
    assert_eq!(groups(&mut bench, &bare).len(), 1, "the default group of the VPC");
}

#[test]
fn security_groups_are_added_and_removed_and_never_all_of_them() {
    let mut bench = Bench::new();
    let (server, endpoint) = vpc(&mut bench);
    let modify = |bench: &mut Bench, more: &[(&str, &str)]| {
        bench.ec2("ModifyVpcEndpoint", &[&[("VpcEndpointId", endpoint.as_str())], more].concat())
    };
    let added =
        modify(&mut bench, &[("AddSecurityGroupId.1", "sg-b"), ("AddSecurityGroupId.2", "sg-0123456a")]).unwrap();
    assert!(added.contains("<return>true</return>"));
    assert!(bench.changed);
    assert_eq!(groups(&mut bench, &endpoint), ["sg-0123456a", "sg-b"]);
    modify(&mut bench, &[("RemoveSecurityGroupId.1", "sg-0123456a")]).unwrap();
    assert_eq!(groups(&mut bench, &endpoint), ["sg-b"]);
    let last = modify(&mut bench, &[("RemoveSecurityGroupId.1", "sg-b")]).unwrap_err();
    assert!(last.starts_with("InvalidParameter: "), "{last}");
    modify(&mut bench, &[("RemoveSecurityGroupId.1", "sg-b"), ("AddSecurityGroupId.1", "sg-c")]).unwrap();
    modify(&mut bench, &[("AddSecurityGroupId.1", "sg-c")]).unwrap();
    assert!(!bench.changed, "it has the group already");
    bench.set(&json!({"missing_security_groups": ["sg-gone"]}));
    let refused = modify(&mut bench, &[("AddSecurityGroupId.1", "sg-gone")]).unwrap_err();
    assert_eq!(refused, "InvalidGroup.NotFound: The security group 'sg-gone' does not exist");
    bench.update(&server, json!({"EndpointDetails": {"SubnetIds": ["subnet-3"]}})).unwrap();
    let pending = modify(&mut bench, &[("AddSecurityGroupId.1", "sg-d")]).unwrap_err();
    assert!(pending.starts_with("IncorrectState: "), "{pending}");
    bench.pass(60);
    assert_eq!(groups(&mut bench, &endpoint), ["sg-c"], "refusals changed nothing, and other subnets keep the groups");
}

#[test]
fn elastic_addresses_show_their_private_ones_in_the_order_of_the_subnets() {
    let mut bench = Bench::new();
    let (server, _) = vpc(&mut bench);
    bench.offline(&server);
    attach(&mut bench, &server, &json!(["eipalloc-2", "eipalloc-1"])).unwrap();
    let shown = bench.ec2("DescribeAddresses", &[]).unwrap();
    assert_eq!(all(&shown, "allocationId"), ["eipalloc-1", "eipalloc-2"]);
    assert!(all(&shown, "privateIpAddress").is_empty(), "not before the endpoint is available again");
    bench.pass(60);
    let shown = bench.ec2("DescribeAddresses", &[("AllocationId.1", "eipalloc-2")]).unwrap();
    let interface =
        bench.ec2("DescribeNetworkInterfaces", &[("Filter.1.Name", "subnet-id"), ("Filter.1.Value.1", "subnet-1")]);
    let interface = interface.unwrap();
    assert_eq!(all(&interface, "allocationId")[0], "eipalloc-2", "the first address goes to the first subnet");
    assert_eq!(all(&shown, "networkInterfaceId"), all(&interface, "networkInterfaceId"));
    assert_eq!(all(&shown, "privateIpAddress")[0], all(&interface, "privateIpAddress")[0]);
    attach(&mut bench, &server, &json!([])).unwrap();
    assert!(all(&bench.ec2("DescribeAddresses", &[]).unwrap(), "allocationId").is_empty());
}

#[test]
fn a_server_gets_no_address_that_is_missing_or_taken() {
    let mut bench = Bench::new();
    let (server, _) = vpc(&mut bench);
    let (other, _) = vpc(&mut bench);
    bench.offline(&server);
    bench.offline(&other);
    bench.set(&json!({"unknown_addresses": "refuse"}));
    let address = |holder: Option<&str>| Address { taken_by: holder.map(str::to_owned) };
    for (id, holder) in [("e1", None), ("e2", None), ("e3", Some("i-0123"))] {
        bench.region.addresses.insert(id.to_owned(), address(holder));
    }
    let missing = attach(&mut bench, &server, &json!(["e1", "e9"])).unwrap_err();
    assert_eq!(missing, "InvalidRequestException: The allocation ID 'e9' does not exist");
    let taken = attach(&mut bench, &server, &json!(["e1", "e3"])).unwrap_err();
    assert_eq!(taken, "InvalidRequestException: Elastic IP address e3 is already associated");
    attach(&mut bench, &server, &json!(["e1", "e2"])).unwrap();
    let taken = attach(&mut bench, &other, &json!(["e2", "e1"])).unwrap_err();
    assert_eq!(taken, "InvalidRequestException: Elastic IP address e2 is already associated");
    bench.pass(60);
    attach(&mut bench, &server, &json!(["e2", "e1"])).unwrap();
    let shown = bench.ec2("DescribeAddresses", &[("AllocationId.1", "e3")]).unwrap();
    assert_eq!(all(&shown, "instanceId"), ["i-0123"]);
    assert_eq!(all(&shown, "associationId").len(), 1);
}

#[test]
fn what_is_not_there_or_not_simulated_is_refused_in_the_codes_of_ec2() {
    let mut bench = Bench::new();
    for (operation, form, code) in [
        ("DescribeVpcEndpoints", [("VpcEndpointId.1", "vpce-9")].as_slice(), "InvalidVpcEndpointId.NotFound"),
        ("DescribeAddresses", &[("AllocationId.1", "eipalloc-9")], "InvalidAllocationID.NotFound"),
        ("DescribeNetworkInterfaces", &[("NetworkInterfaceId.1", "eni-9")], "InvalidNetworkInterfaceID.NotFound"),
        (
            "ModifyVpcEndpoint",
            &[("VpcEndpointId", "vpce-9"), ("AddSecurityGroupId.1", "sg-1")],
            "InvalidVpcEndpointId.NotFound",
        ),
        ("ModifyVpcEndpoint", &[("AddSecurityGroupId.1", "sg-1")], "MissingParameter"),
        ("ModifyVpcEndpoint", &[("VpcEndpointId", "vpce-9")], "MissingParameter"),
        ("ModifyVpcEndpoint", &[("VpcEndpointId", "vpce-9"), ("AddSubnetId.1", "s")], "UnknownParameter"),
        ("DescribeVpcEndpoints", &[("Filter.1.Name", "colour"), ("Filter.1.Value.1", "red")], "InvalidParameterValue"),
        ("DescribeVpcEndpoints", &[("MaxResults", "0")], "InvalidParameterValue"),
        ("DescribeNetworkInterfaces", &[("MaxResults", "4")], "InvalidParameterValue"),
        ("DescribeVpcEndpoints", &[("NextToken", "x")], "InvalidPaginationToken"),
        ("DescribeAddresses", &[("MaxResults", "5")], "UnknownParameter"),
    ] {
        let refused = bench.ec2(operation, form).unwrap_err();
        assert!(refused.starts_with(&format!("{code}: ")), "{operation} {form:?}: {refused}");
    }
    let (_, endpoint) = vpc(&mut bench);
    let both = bench.ec2("DescribeVpcEndpoints", &[("VpcEndpointId.1", &endpoint), ("MaxResults", "5")]).unwrap_err();
    assert!(both.starts_with("InvalidParameterCombination: "), "{both}");
}

#[test]
fn pages_hold_every_endpoint_once() {
    let mut bench = Bench::new();
    let mut made: Vec<String> = (0..5).map(|_| vpc(&mut bench).1).collect();
    made.sort();
    let (mut seen, mut token) = (Vec::new(), None::<String>);
    loop {
        let mut form = vec![("MaxResults", "2")];
        form.extend(token.iter().map(|token| ("NextToken", token.as_str())));
        let page = bench.ec2("DescribeVpcEndpoints", &form).unwrap();
        let ids = all(&page, "vpcEndpointId");
        assert!((1..=2).contains(&ids.len()), "{ids:?}");
        seen.extend(ids);
        assert!(seen.len() <= made.len(), "{seen:?}");
        token = all(&page, "nextToken").pop();
        if token.is_none() {
            break;
        }
    }
    assert_eq!(seen, made);
}

#[test]
fn what_is_hidden_is_not_there_for_ec2_either() {
    let mut bench = Bench::new();
    let (_, endpoint) = vpc(&mut bench);
    let until = bench.now.saturating_add(SignedDuration::from_secs(10)).unwrap_or(Timestamp::MAX);
    bench.region.hidden.push(Hidden { id: endpoint.clone(), member: None, until });
    assert!(all(&bench.ec2("DescribeVpcEndpoints", &[]).unwrap(), "vpcEndpointId").is_empty());
    bench.ec2("DescribeVpcEndpoints", &[("VpcEndpointId.1", &endpoint)]).unwrap_err();
    bench.pass(10);
    assert_eq!(groups(&mut bench, &endpoint).len(), 1);
}

#[test]
fn a_bad_signature_has_the_codes_of_ec2() {
    for (refusal, code) in [
        (Refusal::UnknownKey, "AuthFailure"),
        (Refusal::Wrong("The request signature we calculated does not match".to_owned()), "AuthFailure"),
        (Refusal::Wrong("Signature not yet current: …".to_owned()), "AuthFailure"),
        (Refusal::Wrong("Signature expired: …".to_owned()), "RequestExpired"),
        (Refusal::Expired, "RequestExpired"),
        (Refusal::Missing, "MissingAuthenticationToken"),
    ] {
        assert_eq!(refused(refusal).code, code);
    }
}
