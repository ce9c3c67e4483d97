"""Each class of refusal once, as boto3 sees it: code, text, status number, details."""

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError, HTTPClientError
from conftest import pem, private_key, public_key, role


def refused(call, **kwargs):
    with pytest.raises(ClientError) as refusal:
        call(**kwargs)
    return refusal.value.response


def code(response):
    return response["Error"]["Code"]


def test_a_missing_thing(transfer):
    missing = "s-00000000000000000"
    response = refused(transfer.describe_server, ServerId=missing)
    assert code(response) == "ResourceNotFoundException"
    assert response["Error"]["Message"] == "Unknown server"
    assert (response["Resource"], response["ResourceType"]) == (missing, "Server")
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_a_thing_that_exists(transfer, server):
    user = {"ServerId": server, "UserName": "alice", "Role": role()}
    transfer.create_user(**user, SshPublicKeyBody=public_key())
    assert code(refused(transfer.create_user, **user)) == "ResourceExistsException"
    again = {"ServerId": server, "UserName": "alice", "SshPublicKeyBody": public_key()}
    assert code(refused(transfer.import_ssh_public_key, **again)) == "ResourceExistsException"


def test_a_request_without_sense(transfer, server):
    response = refused(transfer.create_access, ServerId=server, ExternalId="S-1-5-21-1", Role=role())
    assert code(response) == "InvalidRequestException"
    assert "SERVICE_MANAGED" in response["Error"]["Message"]


def test_a_broken_constraint_names_the_member(transfer):
    response = refused(transfer.describe_server, ServerId="s-short")
    assert code(response) == "ValidationException"
    assert "'serverId'" in response["Error"]["Message"]


def test_a_missing_member_is_named(transfer):
    response = refused(transfer.describe_server)
    assert code(response) == "ValidationException"
    assert "Value null at 'serverId'" in response["Error"]["Message"]


def test_a_workflow_in_use(transfer, server):
    remove = [{"Type": "DELETE", "DeleteStepDetails": {}}]
    workflow = transfer.create_workflow(Steps=remove)["WorkflowId"]
    used = {"OnUpload": [{"WorkflowId": workflow, "ExecutionRole": role()}]}
    transfer.update_server(ServerId=server, WorkflowDetails=used)
    response = refused(transfer.delete_workflow, WorkflowId=workflow)
    assert code(response) == "InvalidRequestException"
    assert response["Error"]["Message"] == f"Workflow is still in use by server {server}"


def test_a_second_agreement_of_the_same_two(transfer, as2_server, partners):
    one = partners | {"ServerId": as2_server, "AccessRole": role(), "BaseDirectory": "/bucket"}
    first = transfer.create_agreement(**one)["AgreementId"]
    response = refused(transfer.create_agreement, **one)
    assert code(response) == "ResourceExistsException"
    assert (response["Resource"], response["ResourceType"]) == (first, "Agreement")


def test_a_server_with_agreements(sim, transfer, as2_server, partners):
    sim.post("config", {"signature_tolerance": "48h"})
    sim.post("clock", {"advance": "1h"})
    one = partners | {"ServerId": as2_server, "AccessRole": role(), "BaseDirectory": "/bucket"}
    agreement = transfer.create_agreement(**one)["AgreementId"]
    response = refused(transfer.delete_server, ServerId=as2_server)
    assert code(response) == "InvalidRequestException"
    assert response["Error"]["Message"] == f"Server is still in use by agreement {agreement}"


def test_a_quota(sim, transfer, server):
    sim.post("config", {"quotas": {"users": 0}})
    response = refused(transfer.create_user, ServerId=server, UserName="alice", Role=role())
    assert code(response) == "InvalidRequestException"
    assert "quota" in response["Error"]["Message"]


def test_an_endpoint_in_transition(sim, transfer):
    sim.post("config", {"endpoint_lag": "1h"})
    details = {"VpcId": "vpc-12345678", "SubnetIds": ["subnet-12345678"]}
    server = transfer.create_server(EndpointType="VPC", EndpointDetails=details)["ServerId"]
    transfer.get_waiter("server_online").wait(ServerId=server, WaiterConfig={"Delay": 0.05, "MaxAttempts": 200})
    response = refused(transfer.update_server, ServerId=server, PreAuthenticationLoginBanner="hello")
    assert code(response) == "ConflictException"
    sim.post("clock", {"advance": "1h"})
    sim.post("config", {"signature_tolerance": "48h"})
    transfer.update_server(ServerId=server, PreAuthenticationLoginBanner="hello")


def test_a_wrong_host_key(transfer, server):
    response = refused(transfer.import_host_key, ServerId=server, HostKeyBody="no key")
    assert code(response) == "InvalidRequestException"
    assert "no key" not in response["Error"]["Message"]


@pytest.mark.parametrize("name", ["AccessDeniedException", "ServiceUnavailableException", "InternalServiceError"])
def test_scripted_errors_arrive(sim, transfer, name):
    sim.post("faults", {"operation": "ListServers", "fault": {"kind": "error", "code": name, "message": "scripted"}})
    response = refused(transfer.list_servers)
    assert (code(response), response["Error"]["Message"]) == (name, "scripted")
    assert transfer.list_servers()["Servers"] == []


# boto3 reads no header in this protocol, so the third place, `header`, is left to the tests of the Rust SDK.
@pytest.mark.parametrize("place", ["body", "namespaced"])
@pytest.mark.parametrize("key", ["mixed", "capital", "lower"])
def test_the_code_is_found_wherever_it_stands(sim, transfer, place, key):
    sim.post("config", {"error_type": place, "error_message": key})
    response = refused(transfer.describe_server, ServerId="s-00000000000000000")
    assert code(response) == "ResourceNotFoundException"
    assert response["Error"]["Message"] == "Unknown server"


def test_throttling(sim, transfer):
    sim.post("faults", {"next": 2, "fault": {"kind": "throttle", "retry_after_seconds": 7}})
    for _ in range(2):
        response = refused(transfer.list_servers)
        assert code(response) == "ThrottlingException"
        assert response["RetryAfterSeconds"] == "7"
    assert transfer.list_servers()["Servers"] == []


def test_a_lost_reply_had_its_effect(sim, transfer):
    sim.post("faults", {"operation": "CreateServer", "fault": {"kind": "lose_reply"}})
    with pytest.raises((ConnectionClosedError, EndpointConnectionError, HTTPClientError)):
        transfer.create_server()
    assert len(transfer.list_servers()["Servers"]) == 1


def test_a_refused_connection_had_none(sim, transfer):
    sim.post("faults", {"operation": "CreateServer", "fault": {"kind": "refuse"}})
    with pytest.raises((ConnectionClosedError, EndpointConnectionError, HTTPClientError)):
        transfer.create_server()
    assert transfer.list_servers()["Servers"] == []


def test_sensitive_members_are_not_in_the_log(sim, transfer, server):
    transfer.import_host_key(ServerId=server, HostKeyBody=private_key("openssh-p256"))
    last = sim.get("calls")["calls"][-1]
    assert (last["operation"], last["outcome"]) == ("ImportHostKey", "ok")
    assert "PRIVATE KEY" not in str(sim.get("calls"))
    assert "PRIVATE KEY" not in str(sim.get("state"))


def test_the_key_of_a_certificate_is_nowhere_to_be_seen(sim, transfer):
    made = {"Usage": "SIGNING", "Certificate": pem("own.pem")}
    which = {"CertificateId": transfer.import_certificate(**made, PrivateKey=pem("own.key"))["CertificateId"]}
    response = refused(transfer.import_certificate, **made | {"Certificate": pem("partner.pem")}, PrivateKey=pem("own.key"))
    assert code(response) == "InvalidRequestException"
    calls = sim.get("calls")["calls"]
    assert [call["outcome"] for call in calls] == ["ok", "InvalidRequestException"]
    assert calls[0]["input"] == {"Usage": "SIGNING", "Certificate": "REDACTED", "PrivateKey": "REDACTED"}
    assert calls[0]["resource_id"] == which["CertificateId"]
    told = [calls, sim.get("state"), sim.get("world"), transfer.describe_certificate(**which), response]
    assert not [text for text in map(str, told) if "PRIVATE KEY" in text]


@pytest.mark.parametrize("member", ["Certificate", "CertificateChain"])
def test_a_key_among_certificates_is_refused_and_not_kept(sim, transfer, member):
    made = {"Usage": "SIGNING", "Certificate": pem("own.pem"), "CertificateChain": pem("ca.pem")}
    response = refused(transfer.import_certificate, **made | {member: made[member] + pem("own.key")})
    assert code(response) == "InvalidRequestException"
    told = [sim.get("calls"), sim.get("state"), sim.get("world"), response]
    assert not [text for text in map(str, told) if "PRIVATE KEY" in text]
    assert transfer.list_certificates()["Certificates"] == []


# One service of each protocol that botocore speaks.
FOREIGN = {
    "ec2": ("describe_vpcs", {}, "InvalidAction"),
    "iam": ("list_roles", {}, "InvalidAction"),
    "sqs": ("list_queues", {}, "UnknownOperationException"),
    "route53": ("list_hosted_zones", {}, "InvalidAction"),
    "s3": ("list_buckets", {}, "NotImplemented"),
    "logs": ("describe_log_groups", {}, "UnknownOperationException"),
    "lambda": ("list_functions", {}, "UnknownOperationException"),
    "cloudwatch": ("list_metrics", {}, None),
}


@pytest.mark.parametrize("service", FOREIGN)
def test_a_service_that_is_not_simulated_says_so_in_its_own_form(sim, service):
    call, parameters, expected = FOREIGN[service]
    response = refused(getattr(sim.client(service), call), **parameters)
    assert f"not {service}:" in response["Error"]["Message"] or service == "cloudwatch"
    assert expected is None or code(response) == expected


def test_a_request_for_another_service_is_logged_without_what_was_in_it(sim):
    refused(sim.client("iam").create_login_profile, UserName="alice", Password="a-secret")
    (call,) = sim.get("calls")["calls"]
    assert call["operation"] == "iam:CreateLoginProfile"
    assert call["input"] is None
    assert "a-secret" not in str(sim.get("calls"))


def test_scripted_errors_of_another_service_have_its_form(sim):
    fault = {"kind": "error", "code": "UnauthorizedOperation", "message": "scripted"}
    sim.post("faults", {"operation": "ec2:DescribeVpcs", "fault": fault})
    response = refused(sim.client("ec2").describe_vpcs)
    assert response["Error"] == {"Code": "UnauthorizedOperation", "Message": "scripted"}
