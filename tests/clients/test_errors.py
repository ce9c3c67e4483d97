"""One refused request for each class of error, as boto3 sees it and as the AWS CLI prints it."""

import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError
from conftest import REGION, ROLE

MISSING = "s-00000000000000000"


def refused(call, *arguments, **parameters):
    with pytest.raises(ClientError) as caught:
        call(*arguments, **parameters)
    response = caught.value.response
    return response["Error"]["Code"], response["Error"].get("Message", ""), response


def test_unknown_things_are_named(transfer, server_id):
    code, message, response = refused(transfer.describe_server, ServerId=MISSING)
    assert (code, message) == ("ResourceNotFoundException", "Unknown server")
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert (response["Resource"], response["ResourceType"]) == (MISSING, "Server")
    code, message, response = refused(transfer.delete_user, ServerId=server_id, UserName="nobody")
    assert (code, message) == ("ResourceNotFoundException", "Unknown user")
    assert (response["Resource"], response["ResourceType"]) == ("nobody", "User")
    with pytest.raises(transfer.exceptions.ResourceNotFoundException):
        transfer.delete_server(ServerId=MISSING)


def test_a_second_user_of_the_name_exists(transfer, server_id):
    transfer.create_user(ServerId=server_id, UserName="ada", Role=ROLE)
    code, message, response = refused(transfer.create_user, ServerId=server_id, UserName="ada", Role=ROLE)
    assert (code, message) == ("ResourceExistsException", "User already exists")
    assert (response["Resource"], response["ResourceType"]) == ("ada", "User")


def test_what_makes_no_sense_is_an_invalid_request(transfer, server_id):
    assert refused(transfer.list_accesses, ServerId=server_id)[:2] == (
        "InvalidRequestException",
        "Cannot list accesses on server with IdP type: SERVICE_MANAGED",
    )
    assert refused(transfer.test_identity_provider, ServerId=server_id, UserName="ada")[:2] == (
        "InvalidRequestException",
        f"{server_id} not configured for external auth",
    )


def test_a_wrong_shape_fails_validation_before_existence(sim):
    unchecked = sim.client(parameter_validation=False)
    code, message, _ = refused(unchecked.create_user, ServerId=MISSING, UserName="é", Role=ROLE)
    assert code == "ValidationException"
    assert message.startswith("2 validation errors detected: Value at 'userName' failed to satisfy constraint: ")
    code, message, _ = refused(unchecked.create_user, ServerId=MISSING, UserName="ada")
    assert "Value null at 'role' failed to satisfy constraint: Member must not be null" in message
    assert refused(unchecked.list_servers, MaxResults="many")[0] == "SerializationException"


def test_a_foreign_token_is_no_next_token(transfer, server_id):
    assert refused(transfer.list_servers, NextToken="bm9uc2Vuc2U")[0] == "InvalidNextTokenException"
    transfer.create_server()
    token = transfer.list_servers(MaxResults=1)["NextToken"]
    assert refused(transfer.list_users, ServerId=server_id, NextToken=token)[0] == "InvalidNextTokenException"


def test_a_vpc_endpoint_in_transition_conflicts(sim, transfer):
    sim.configure(transition_time="1h", endpoint_lag="1h")
    details = {"VpcId": "vpc-1", "SubnetIds": ["subnet-1"]}
    server = transfer.create_server(EndpointType="VPC", EndpointDetails=details)["ServerId"]
    assert refused(transfer.update_server, ServerId=server, EndpointDetails={"SubnetIds": ["subnet-2"]})[:2] == (
        "ConflictException",
        "VPC Endpoint state is not yet available",
    )
    assert refused(transfer.delete_server, ServerId=server)[1] == "Unable to delete VPC endpoint"


@pytest.mark.parametrize(
    "code, documented, smithy",
    [
        ("InternalServiceError", 500, 503),
        ("ServiceUnavailableException", 500, 503),
        ("AccessDeniedException", 400, 403),
        ("ConflictException", 400, 409),
        ("ResourceExistsException", 400, 409),
    ],
)
def test_injected_errors_carry_the_status_of_either_table(sim, transfer, code, documented, smithy):
    for numbers, status in [("documented", documented), ("smithy", smithy)]:
        sim.configure(status=numbers)
        sim.fault("ListServers", {"kind": "error", "code": code, "message": "no"})
        found, message, response = refused(transfer.list_servers)
        assert (found, message) == (code, "no")
        assert response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_throttling_has_no_text_and_seconds_as_a_string(sim, transfer, server_id):
    sim.fault("StartServer", {"kind": "throttle", "retry_after_seconds": 7})
    code, message, response = refused(transfer.start_server, ServerId=server_id)
    assert (code, message) == ("ThrottlingException", "")
    assert response["RetryAfterSeconds"] == "7"
    sim.fault("StartServer", {"kind": "throttle"})
    assert "RetryAfterSeconds" not in refused(transfer.start_server, ServerId=server_id)[2]
    transfer.start_server(ServerId=server_id)


def test_bad_credentials_are_refused_each_in_its_way(sim):
    assert refused(sim.client(key="other").list_servers)[0] == "UnrecognizedClientException"
    assert refused(sim.client(secret="other").list_servers)[0] == "InvalidSignatureException"
    assert refused(sim.client(token="made up").list_servers)[0] == "UnrecognizedClientException"
    assert refused(sim.client("sts", secret="other").get_caller_identity)[0] == "SignatureDoesNotMatch"
    assert refused(sim.client("sts", key="other").get_caller_identity)[0] == "InvalidClientTokenId"
    sim.advance("20m")
    code, message, _ = refused(sim.client().list_servers)
    assert code == "InvalidSignatureException" and message.startswith("Signature expired: ")
    headers = {"X-Amz-Target": "TransferService.ListServers"}
    unsigned = urllib.request.Request(sim.url, b"{}", headers, method="POST")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(unsigned)
    assert b"MissingAuthenticationTokenException" in caught.value.read()


def test_a_lost_reply_leaves_its_effect(sim, transfer):
    sim.fault("CreateServer", {"kind": "lose_reply"})
    with pytest.raises(ConnectionClosedError):
        transfer.create_server()
    assert len(transfer.list_servers()["Servers"]) == 1
    sim.fault("CreateServer", {"kind": "refuse"})
    with pytest.raises(ConnectionClosedError):
        transfer.create_server()
    assert len(transfer.list_servers()["Servers"]) == 1


@pytest.mark.parametrize(
    "arguments, code",
    [
        (["describe-server", "--server-id", MISSING], "ResourceNotFoundException"),
        (["create-user", "--server-id", "SERVER", "--user-name", "ada", "--role", ROLE], "ResourceExistsException"),
        (["list-accesses", "--server-id", "SERVER"], "InvalidRequestException"),
        (["describe-server", "--server-id", "x" * 19], "ValidationException"),
        (["list-servers", "--next-token", "made-up", "--no-paginate"], "InvalidNextTokenException"),
        (["start-server", "--server-id", "SERVER"], "ThrottlingException"),
        (["stop-server", "--server-id", "SERVER"], "ServiceUnavailableException"),
        (["delete-server", "--server-id", "SERVER"], "InternalServiceError"),
        (["update-server", "--server-id", "SERVER"], "ConflictException"),
        (["list-users", "--server-id", "SERVER"], "AccessDeniedException"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_the_cli_prints_every_class_of_error(sim, transfer, server_id, arguments, code):
    transfer.create_user(ServerId=server_id, UserName="ada", Role=ROLE)
    sim.fault("StartServer", {"kind": "throttle"})
    for operation, injected in [
        ("StopServer", "ServiceUnavailableException"),
        ("DeleteServer", "InternalServiceError"),
        ("UpdateServer", "ConflictException"),
        ("ListUsers", "AccessDeniedException"),
    ]:
        sim.fault(operation, {"kind": "error", "code": injected, "message": "injected"})
    arguments = [server_id if word == "SERVER" else word for word in arguments]
    printed = sim.cli("transfer", *arguments, status=255)
    assert f"({code})" in printed


def test_the_cli_prints_a_refused_signature(sim):
    printed = sim.cli("transfer", "list-servers", status=255, AWS_SECRET_ACCESS_KEY="wrong")
    assert "(InvalidSignatureException)" in printed
    assert REGION
