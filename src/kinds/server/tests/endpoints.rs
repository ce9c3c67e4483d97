//! What stands in `status.endpoints`, from what AWS and EC2 show.

use serde_json::{Value, json};

use super::held;
use crate::api::server::ServerEndpoint;
use crate::api::{TAG_CUSTOM_HOSTNAME, TransferServerStatus};
use crate::aws::ec2::{NetworkInterface, VpcEndpoint};
use crate::kinds::fakes::REGION;
use crate::kinds::server::endpoints::{all, rows};

fn texts(items: &[&str]) -> Vec<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

/// The rows in short: what each is, its host, and what is known besides.
fn told(rows: &[ServerEndpoint]) -> Vec<String> {
    let row = |row: &ServerEndpoint| {
        let more = [&row.availability_zone, &row.subnet_id, &row.allocation_id].map(|text| text.as_deref());
        let more = more.into_iter().flatten().map(|text| format!(" {text}"));
        format!("{:?} {}{}", row.r#type, row.host, more.collect::<String>())
    };
    rows.iter().map(row).collect()
}

fn of_ec2() -> Vec<ServerEndpoint> {
    let endpoint = VpcEndpoint {
        dns_names: texts(&[
            "vpce-1-x.server.transfer.eu-central-1.vpce.amazonaws.com",
            "vpce-1-x-eu-central-1a.server.transfer.eu-central-1.vpce.amazonaws.com",
        ]),
        ..VpcEndpoint::default()
    };
    let interface = NetworkInterface {
        subnet_id: Some("subnet-1".to_owned()),
        availability_zone: Some("eu-central-1a".to_owned()),
        private_ips: texts(&["10.0.0.1"]),
        ipv6_ips: texts(&["2001:db8::1"]),
        public_ip: Some("198.51.100.1".to_owned()),
        allocation_id: Some("eipalloc-1".to_owned()),
        ..NetworkInterface::default()
    };
    rows(&endpoint, &[interface], REGION)
}

fn vpc() -> Value {
    json!({"endpointType": "VPC", "endpointDetails": {"vpcId": "vpc-1", "vpcEndpointId": "vpce-1"}})
}

/// Users of other tools, peers.md C 10: every name of an endpoint is in status.
/// Users of other tools, peers.md C 11: and so are the addresses of its interfaces.
#[test]
fn names_of_zones_and_addresses_of_subnets_stand_with_them() {
    let expected = [
        "VpcEndpointName vpce-1-x.server.transfer.eu-central-1.vpce.amazonaws.com",
        "VpcEndpointName vpce-1-x-eu-central-1a.server.transfer.eu-central-1.vpce.amazonaws.com eu-central-1a",
        "ElasticIp 198.51.100.1 eu-central-1a subnet-1 eipalloc-1",
        "PrivateIp 10.0.0.1 eu-central-1a subnet-1",
        "Ipv6 2001:db8::1 eu-central-1a subnet-1",
    ];
    assert_eq!(told(&of_ec2()), expected);
    let mut have = held(vpc());
    have.server.tags.insert(TAG_CUSTOM_HOSTNAME.to_owned(), "sftp.example.com".to_owned());
    let all = all(&have.server, REGION, Some(&of_ec2()), &TransferServerStatus::default());
    assert_eq!(told(&all), [&["CustomHostname sftp.example.com"], &expected[..]].concat());
}

#[test]
fn a_public_server_has_the_names_that_aws_gives_it() {
    let before = TransferServerStatus::default();
    let names = |settings: Value, region| told(&all(&held(settings).server, region, Some(&[]), &before));
    let usual = "PublicName s-1.server.transfer.eu-central-1.amazonaws.com";
    assert_eq!(names(json!({}), REGION), [usual]);
    let both = json!({"endpointType": "PUBLIC", "ipAddressType": "DUALSTACK"});
    assert_eq!(names(both.clone(), REGION), [usual, "DualStackName s-1.transfer-server.eu-central-1.on.aws"]);
    assert_eq!(names(both, "cn-north-1"), ["PublicName s-1.server.transfer.cn-north-1.amazonaws.com.cn"]);
}

/// Server-side apply refuses a list with one key twice.
#[test]
fn no_host_stands_there_twice() {
    let mut have = held(json!({}));
    let own = "s-1.server.transfer.eu-central-1.amazonaws.com";
    have.server.tags.insert(TAG_CUSTOM_HOSTNAME.to_owned(), own.to_owned());
    assert_eq!(
        told(&all(&have.server, REGION, None, &TransferServerStatus::default())),
        [format!("CustomHostname {own}")]
    );
}

#[test]
fn what_ec2_does_not_tell_now_stands_for_the_same_endpoint_only() {
    let before = |id: &str| TransferServerStatus {
        vpc_endpoint_id: Some(id.to_owned()),
        endpoints: [of_ec2(), all(&held(json!({})).server, REGION, None, &TransferServerStatus::default())].concat(),
        ..TransferServerStatus::default()
    };
    let server = held(vpc()).server;
    assert_eq!(all(&server, REGION, None, &before("vpce-1")), of_ec2());
    assert!(all(&server, REGION, None, &before("vpce-2")).is_empty());
    assert!(all(&server, REGION, Some(&[]), &before("vpce-1")).is_empty(), "it is known that there are none");
}
