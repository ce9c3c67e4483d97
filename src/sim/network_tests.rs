#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::{Value, json};

use crate::sim::bench::Bench;

fn vpc(bench: &mut Bench) -> String {
    bench.server(json!({
        "EndpointType": "VPC",
        "EndpointDetails": {"VpcId": "vpc-1", "SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-01234567"]},
    }))
}

fn details(more: &Value) -> Value {
    json!({"EndpointDetails": more})
}

#[test]
fn a_vpc_server_gets_an_endpoint_and_never_shows_its_security_groups() {
    let mut bench = Bench::new();
    let id = vpc(&mut bench);
    let shown = bench.described(&id)["EndpointDetails"].clone();
    assert!(shown["VpcEndpointId"].as_str().unwrap().starts_with("vpce-"));
    assert_eq!(shown["SubnetIds"], json!(["subnet-1", "subnet-2"]));
    assert!(shown.get("SecurityGroupIds").is_none());
    assert!(shown.get("AddressAllocationIds").is_none());
    let bare = bench.server(json!({"EndpointType": "VPC", "EndpointDetails": {"VpcId": "vpc-1"}}));
    assert!(bench.described(&bare)["EndpointDetails"].get("SubnetIds").is_none());
}

#[test]
fn creation_refuses_what_belongs_elsewhere() {
    let mut bench = Bench::new();
    for (input, text) in [
        (
            json!({"EndpointType": "VPC", "EndpointDetails": {"VpcId": "v", "SubnetIds": ["s"], "AddressAllocationIds": ["e"]}}),
            "AddressAllocationIds cannot be set in CreateServer",
        ),
        (
            json!({"EndpointType": "VPC", "EndpointDetails": {"VpcId": "v", "VpcEndpointId": "vpce-01234567890abcdef"}}),
            "VPC Endpoint ID unsupported for EndpointType: VPC",
        ),
        (json!({"EndpointType": "VPC"}), "VpcId must be specified"),
        (json!({"EndpointDetails": {"VpcId": "v"}}), "EndpointDetails cannot be specified"),
        (json!({"EndpointType": "VPC_ENDPOINT"}), "Unable to verify VPC Endpoint"),
    ] {
        let refusal = bench.invalid("CreateServer", input);
        assert!(refusal.contains(text), "{refusal} instead of {text}");
    }
}

#[test]
fn equal_values_are_no_change_on_a_running_server() {
    let mut bench = Bench::new();
    let id = vpc(&mut bench);
    let same = json!({
        "EndpointType": "VPC", "IpAddressType": "IPV4",
        "EndpointDetails": {"VpcId": "vpc-1", "SubnetIds": ["subnet-1", "subnet-2"], "AddressAllocationIds": [],
            "SecurityGroupIds": ["sg-01234567"]},
    });
    bench.update(&id, same).unwrap();
    assert!(!bench.changed);
}

#[test]
fn a_running_server_takes_other_subnets_and_nothing_else() {
    let mut bench = Bench::new();
    let id = vpc(&mut bench);
    for (change, text) in [
        (
            details(&json!({"AddressAllocationIds": ["e1", "e2"]})),
            "Server must be OFFLINE to change AddressAllocationIds",
        ),
        (json!({"EndpointType": "PUBLIC"}), "Server must be OFFLINE to change EndpointType"),
        (json!({"IpAddressType": "DUALSTACK"}), "Server must be OFFLINE to change IpAddressType"),
        (details(&json!({"VpcId": "vpc-2"})), "Changing VpcId is not supported"),
        (details(&json!({"SecurityGroupIds": ["sg-76543210"]})), "Changing Security Group is not supported"),
        (
            details(&json!({"VpcEndpointId": "vpce-01234567890abcdef"})),
            "VPC Endpoint ID unsupported for EndpointType: VPC",
        ),
        (
            details(&json!({"SubnetIds": ["subnet-3"], "AddressAllocationIds": ["e1"]})),
            "Specified SubnetIds must exist in the server before attaching AddressAllocationIds",
        ),
    ] {
        let refusal = bench.update(&id, change).unwrap_err();
        assert_eq!(refusal, format!("InvalidRequestException: {text}"));
    }
    bench.update(&id, details(&json!({"SubnetIds": []}))).unwrap();
    assert!(bench.described(&id)["EndpointDetails"].get("SubnetIds").is_none());
}

#[test]
fn elastic_addresses_come_and_go_while_offline() {
    let mut bench = Bench::new();
    let id = vpc(&mut bench);
    bench.offline(&id);
    for (addresses, text) in [
        (json!(["e1"]), "as many entries as SubnetIds"),
        (json!(["e1", "e1"]), "duplicates"),
        (json!(["e1", "e2", "e3", "e4"]), "Cannot exceed quota for AddressAllocationIds: 3"),
    ] {
        let refusal = bench.update(&id, details(&json!({"AddressAllocationIds": addresses}))).unwrap_err();
        assert!(refusal.contains(text), "{refusal}");
    }
    let attached = json!({"AddressAllocationIds": ["e2", "e1"], "SubnetIds": ["subnet-1", "subnet-2"]});
    bench.update(&id, details(&attached)).unwrap();
    bench.pass(60);
    assert_eq!(bench.described(&id)["EndpointDetails"]["AddressAllocationIds"], json!(["e2", "e1"]));
    for (change, text) in [
        (
            details(&json!({"SubnetIds": ["subnet-3"]})),
            "AddressAllocationIds must be removed before SubnetIds can be modified",
        ),
        (json!({"IpAddressType": "DUALSTACK"}), "AddressAllocationIds cannot be set for IpAddressType: DUALSTACK"),
    ] {
        let refusal = bench.update(&id, change).unwrap_err();
        assert_eq!(refusal, format!("InvalidRequestException: {text}"));
    }
    bench.update(&id, details(&json!({"AddressAllocationIds": []}))).unwrap();
    bench.pass(60);
    bench.update(&id, details(&json!({"SubnetIds": ["subnet-3"]}))).unwrap();
}

#[test]
fn addresses_need_subnets_first() {
    let mut bench = Bench::new();
    let id = bench.server(json!({"EndpointType": "VPC", "EndpointDetails": {"VpcId": "vpc-1"}}));
    bench.offline(&id);
    let refusal = bench.update(&id, details(&json!({"AddressAllocationIds": ["e1"]}))).unwrap_err();
    assert!(refusal.contains("Specified SubnetIds must exist in the server"), "{refusal}");
}

#[test]
fn the_endpoint_type_changes_both_ways_while_offline() {
    let mut bench = Bench::new();
    let id = bench.server(json!({}));
    bench.offline(&id);
    let to_vpc = json!({"EndpointType": "VPC", "EndpointDetails": {"VpcId": "vpc-1", "SubnetIds": ["s1"], "AddressAllocationIds": ["e1"]}});
    assert_eq!(
        bench.update(&id, to_vpc).unwrap_err(),
        "InvalidRequestException: Cannot specify AddressAllocationids when updating server to EndpointType: VPC"
    );
    let to_vpc =
        json!({"EndpointType": "VPC", "EndpointDetails": {"VpcId": "vpc-1", "SecurityGroupIds": ["sg-01234567"]}});
    bench.update(&id, to_vpc).unwrap();
    bench.pass(60);
    assert_eq!(bench.described(&id)["EndpointDetails"]["VpcId"], "vpc-1");
    bench.update(&id, json!({"EndpointType": "PUBLIC"})).unwrap();
    assert!(bench.described(&id).get("EndpointDetails").is_none());
}

#[test]
fn a_server_is_online_before_its_endpoint_is_available() {
    let mut bench = Bench::new();
    let made = bench.ok("CreateServer", json!({"EndpointType": "VPC", "EndpointDetails": {"VpcId": "vpc-1"}}));
    let id = made["ServerId"].as_str().unwrap().to_owned();
    bench.pass(2);
    assert_eq!(bench.state(&id), "ONLINE");
    let conflict = "ConflictException: VPC Endpoint state is not yet available";
    let banner = json!({"PreAuthenticationLoginBanner": "x"});
    assert_eq!(bench.update(&id, banner.clone()).unwrap_err(), conflict);
    assert_eq!(bench.invalid("DeleteServer", json!({"ServerId": id})), "Unable to delete VPC endpoint");
    bench.set(&json!({"conflict": "network_update"}));
    bench.update(&id, banner).unwrap();
    assert_eq!(bench.update(&id, details(&json!({"SubnetIds": ["s"]}))).unwrap_err(), conflict);
    bench.pass(2);
    bench.update(&id, details(&json!({"SubnetIds": ["s"]}))).unwrap();
    assert_eq!(
        bench.invalid("DeleteServer", json!({"ServerId": id})),
        "Unable to delete VPC endpoint",
        "right after an update it is in transition again"
    );
    bench.pass(2);
    bench.ok("DeleteServer", json!({"ServerId": id}));
}

#[test]
fn the_old_endpoint_type_takes_an_endpoint_of_the_caller() {
    let mut bench = Bench::new();
    let own = json!({"EndpointType": "VPC_ENDPOINT", "EndpointDetails": {"VpcEndpointId": "vpce-01234567890abcdef"}});
    let id = bench.server(own.clone());
    assert_eq!(bench.described(&id)["EndpointDetails"], own["EndpointDetails"]);
    bench.set(&json!({"endpoint_types": ["VPC"]}));
    assert_eq!(bench.invalid("CreateServer", own), "Invalid server type: VPC_ENDPOINT");
    assert_eq!(bench.invalid("CreateServer", json!({})), "Invalid server type: PUBLIC");
}

#[test]
fn a_server_may_name_its_own_endpoint_when_it_changes_and_no_other() {
    let mut bench = Bench::new();
    let vpc = json!({"EndpointType": "VPC", "EndpointDetails": {"VpcId": "vpc-1", "SubnetIds": ["s1"]}});
    let id = bench.server(vpc);
    let mut held = bench.described(&id)["EndpointDetails"].clone();
    held["SubnetIds"] = json!(["s1", "s2"]);
    bench.update(&id, details(&held)).unwrap();
    assert_eq!(bench.described(&id)["EndpointDetails"], held);
    held["VpcEndpointId"] = "vpce-00000000000000000".into();
    bench.pass(60);
    let refused = bench.update(&id, details(&held)).unwrap_err();
    assert!(refused.contains("VPC Endpoint ID unsupported for EndpointType: VPC"), "{refused}");
}

#[test]
fn an_endpoint_type_that_is_no_longer_offered_can_be_sent_back() {
    let mut bench = Bench::new();
    let own = json!({"EndpointType": "VPC_ENDPOINT", "EndpointDetails": {"VpcEndpointId": "vpce-01234567890abcdef"}});
    let id = bench.server(own.clone());
    bench.set(&json!({"endpoint_types": ["VPC"]}));
    bench.update(&id, own).unwrap();
    assert!(!bench.changed);
}
