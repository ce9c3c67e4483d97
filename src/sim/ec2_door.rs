//! EC2's answers in the operator's own types, for the doors that take no bytes.

use serde_json::Value;

use crate::aws::ec2::{ElasticAddress, NetworkInterface, VpcEndpoint};

/// The answer to DescribeVpcEndpoints.
#[must_use]
pub fn vpc_endpoints(output: &Value) -> Vec<VpcEndpoint> {
    each(&output["vpcEndpointSet"], |row| VpcEndpoint {
        id: text(&row["vpcEndpointId"]),
        state: text(&row["state"]),
        security_groups: each(&row["groupSet"], |group| text(&group["groupId"])),
        subnets: each(&row["subnetIdSet"], text),
        network_interfaces: each(&row["networkInterfaceIdSet"], text),
        dns_names: each(&row["dnsEntrySet"], |entry| text(&entry["dnsName"])),
    })
}

/// The answer to DescribeNetworkInterfaces.
#[must_use]
pub fn network_interfaces(output: &Value) -> Vec<NetworkInterface> {
    each(&output["networkInterfaceSet"], |row| NetworkInterface {
        id: text(&row["networkInterfaceId"]),
        subnet_id: maybe(&row["subnetId"]),
        availability_zone: maybe(&row["availabilityZone"]),
        status: maybe(&row["status"]),
        private_ips: each(&row["privateIpAddressesSet"], |address| text(&address["privateIpAddress"])),
        ipv6_ips: each(&row["ipv6AddressesSet"], |address| text(&address["ipv6Address"])),
        public_ip: row.pointer("/association/publicIp").and_then(maybe),
        allocation_id: row.pointer("/association/allocationId").and_then(maybe),
    })
}

/// The answer to DescribeAddresses.
#[must_use]
pub fn elastic_addresses(output: &Value) -> Vec<ElasticAddress> {
    each(&output["addressesSet"], |row| ElasticAddress {
        allocation_id: text(&row["allocationId"]),
        domain: maybe(&row["domain"]),
        association_id: maybe(&row["associationId"]),
        instance_id: maybe(&row["instanceId"]),
        network_interface_id: maybe(&row["networkInterfaceId"]),
        public_ip: maybe(&row["publicIp"]),
    })
}

fn each<T>(rows: &Value, row: impl Fn(&Value) -> T) -> Vec<T> {
    rows.as_array().into_iter().flatten().map(row).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn maybe(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}
