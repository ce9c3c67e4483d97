"""What the simulator serves of EC2, as boto3 and the AWS CLI read it: the network of servers."""

import pytest
from botocore.exceptions import ClientError
from conftest import REGION, Sim


@pytest.fixture
def ec2(sim):
    return sim.client("ec2")


@pytest.fixture
def vpc_server(sim, transfer):
    sim.post("config", {"transition_time": "0s", "endpoint_lag": "0s"})
    details = {"VpcId": "vpc-1", "SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-0123456a"]}
    return transfer.create_server(EndpointType="VPC", EndpointDetails=details)["ServerId"]


def endpoint_of(transfer, server):
    return transfer.describe_server(ServerId=server)["Server"]["EndpointDetails"]["VpcEndpointId"]


def code(call, **parameters):
    with pytest.raises(ClientError) as refused:
        call(**parameters)
    return refused.value.response["Error"]["Code"]


def test_the_security_groups_of_a_server_change_in_ec2(transfer, ec2, vpc_server):
    endpoint = endpoint_of(transfer, vpc_server)
    done = ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, AddSecurityGroupIds=["sg-b"])
    assert done["Return"] is True
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, RemoveSecurityGroupIds=["sg-0123456a"])
    (shown,) = ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint])["VpcEndpoints"]
    assert [group["GroupId"] for group in shown["Groups"]] == ["sg-b"]
    assert (shown["State"], shown["VpcId"], shown["SubnetIds"]) == ("available", "vpc-1", ["subnet-1", "subnet-2"])
    assert "SecurityGroupIds" not in transfer.describe_server(ServerId=vpc_server)["Server"]["EndpointDetails"]


def test_elastic_addresses_are_seen_from_the_server_and_from_ec2(sim, transfer, ec2, vpc_server):
    sim.post("config", {"unknown_addresses": "refuse"})
    taken = {"eipalloc-1": None, "eipalloc-2": None, "eipalloc-3": "i-0123456789abcdef0"}
    for allocation, holder in taken.items():
        sim.post("change", {"set_address": {"allocation_id": allocation, "address": {"taken_by": holder}}})
    transfer.stop_server(ServerId=vpc_server)

    def attach(*addresses):
        details = {"AddressAllocationIds": list(addresses)}
        return transfer.update_server(ServerId=vpc_server, EndpointDetails=details)

    with pytest.raises(transfer.exceptions.InvalidRequestException, match="already associated"):
        attach("eipalloc-1", "eipalloc-3")
    with pytest.raises(transfer.exceptions.InvalidRequestException, match="does not exist"):
        attach("eipalloc-1", "eipalloc-4")
    attach("eipalloc-2", "eipalloc-1")
    shown = {address["AllocationId"]: address for address in ec2.describe_addresses()["Addresses"]}
    assert shown["eipalloc-3"]["InstanceId"] == taken["eipalloc-3"]
    interfaces = ec2.describe_network_interfaces(Filters=[{"Name": "vpc-id", "Values": ["vpc-1"]}])["NetworkInterfaces"]
    placed = {i["SubnetId"]: (i["Association"]["AllocationId"], i["PrivateIpAddress"]) for i in interfaces}
    assert placed == {
        "subnet-1": ("eipalloc-2", shown["eipalloc-2"]["PrivateIpAddress"]),
        "subnet-2": ("eipalloc-1", shown["eipalloc-1"]["PrivateIpAddress"]),
    }
    sim.post("change", {"set_address": {"allocation_id": "eipalloc-3"}})
    assert code(ec2.describe_addresses, AllocationIds=["eipalloc-3"]) == "InvalidAllocationID.NotFound"


def test_the_cli_reads_endpoints_in_pages(transfer, ec2, aws, vpc_server):
    second = transfer.create_server(EndpointType="VPC", EndpointDetails={"VpcId": "vpc-2"})["ServerId"]
    endpoints = {endpoint_of(transfer, server) for server in (vpc_server, second)}
    listed = aws("describe-vpc-endpoints", "--page-size", "1", service="ec2")["VpcEndpoints"]
    assert {endpoint["VpcEndpointId"] for endpoint in listed} == endpoints
    paged = ec2.get_paginator("describe_vpc_endpoints").paginate(PaginationConfig={"PageSize": 1})
    assert len(list(paged)) == 2
    error = aws("describe-vpc-endpoints", service="ec2", vpc_endpoint_ids="vpce-9", refused=True)
    assert "InvalidVpcEndpointId.NotFound" in error


def test_a_call_is_logged_with_its_region_and_struck_by_faults(sim, transfer, ec2, vpc_server):
    endpoint = endpoint_of(transfer, vpc_server)
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, AddSecurityGroupIds=["sg-b"])
    last = sim.get("calls")["calls"][-1]
    assert (last["operation"], last["region"], last["outcome"], last["mutated"]) == (
        "ModifyVpcEndpoint",
        REGION,
        "ok",
        True,
    )
    assert last["input"]["AddSecurityGroupId.1"] == "sg-b"
    sim.post("faults", {"operation": "DescribeVpcEndpoints", "fault": {"kind": "throttle"}})
    assert code(ec2.describe_vpc_endpoints) == "RequestLimitExceeded"
    denied = {"kind": "error", "code": "UnauthorizedOperation", "message": "not authorized"}
    sim.post("faults", {"operation": "DescribeVpcEndpoints", "fault": denied})
    assert code(ec2.describe_vpc_endpoints) == "UnauthorizedOperation"
    ec2.describe_vpc_endpoints()


def test_a_wrong_secret_is_refused_in_the_words_of_ec2(sim):
    stranger = sim.client("ec2", aws_secret_access_key="wrong")
    assert code(stranger.describe_vpc_endpoints) == "AuthFailure"
    sim.post("clock", {"advance": "20m"})
    assert code(sim.client("ec2").describe_vpc_endpoints) == "RequestExpired"


def test_addresses_and_security_groups_outlive_a_restart(tmp_path):
    sim = Sim(tmp_path, "--state-file", str(tmp_path / "state"), transition_time="0s")
    try:
        sim.post("config", {"endpoint_lag": "0s"})
        transfer = sim.client()
        server = transfer.create_server(EndpointType="VPC", EndpointDetails={"VpcId": "vpc-1"})["ServerId"]
        endpoint = endpoint_of(transfer, server)
        sim.client("ec2").modify_vpc_endpoint(VpcEndpointId=endpoint, AddSecurityGroupIds=["sg-b"])
        sim.post("change", {"set_address": {"allocation_id": "eipalloc-1", "address": {}}})
        sim.stop()
        sim.start()
        ec2 = sim.client("ec2")
        (shown,) = ec2.describe_vpc_endpoints()["VpcEndpoints"]
        assert "sg-b" in [group["GroupId"] for group in shown["Groups"]]
        assert [address["AllocationId"] for address in ec2.describe_addresses()["Addresses"]] == ["eipalloc-1"]
    finally:
        sim.stop()
