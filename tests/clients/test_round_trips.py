"""What a client reads it may send back: Terraform and others do so with every update.

Which members these are is derived from the API model that boto3 ships, for every kind of server, user and key, and on
both sides of the switches.
"""

import botocore.session
import pytest
from conftest import as2_config, pem, private_key, public_key, role, sftp_connector, web_app

MODEL = botocore.session.get_session().get_service_model("transfer")

OTHERWISE = {
    "unset": "empty",
    "empty_body": "object",
    "newer_defaults": True,
    "protocol_details": "replace",
    "identity_provider_details": "merge",
    "conflict": "network_update",
    "access_role": False,
    "user_name_variable": "expanded",
    "step_defaults": True,
    "connector_config": "replace",
}

VPC = {"EndpointType": "VPC", "EndpointDetails": {"VpcId": "vpc-12345678", "SubnetIds": ["subnet-1", "subnet-2"]}}
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:login"
LAMBDA = {"IdentityProviderType": "AWS_LAMBDA", "IdentityProviderDetails": {"Function": FUNCTION}}
GATEWAY = {"Url": "https://example.execute-api.us-east-1.amazonaws.com/prod", "InvocationRole": role("login")}
DIRECTORY = {"IdentityProviderType": "AWS_DIRECTORY_SERVICE", "IdentityProviderDetails": {"DirectoryId": "d-1234567890"}}
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/1234"
WORKFLOW = [{"WorkflowId": "w-0123456789abcdef0", "ExecutionRole": role("workflow")}]

SERVERS = {
    "bare": {},
    "efs": {"Domain": "EFS"},
    "vpc": VPC,
    "dual stack": VPC | {"IpAddressType": "DUALSTACK"},
    "endpoint": {"EndpointType": "VPC_ENDPOINT", "EndpointDetails": {"VpcEndpointId": "vpce-0123456789abcdef0"}},
    "lambda": LAMBDA,
    "gateway": {"IdentityProviderType": "API_GATEWAY", "IdentityProviderDetails": GATEWAY},
    "directory": DIRECTORY,
    "ftps": VPC | LAMBDA | {"Protocols": ["FTPS", "FTP", "SFTP"], "Certificate": CERTIFICATE},
    "as2": VPC | {"Protocols": ["AS2"], "ProtocolDetails": {"As2Transports": ["HTTP"]}},
    "full": {
        "LoggingRole": role("logging"),
        "PreAuthenticationLoginBanner": "hello",
        "PostAuthenticationLoginBanner": "hello",
        "SecurityPolicyName": "TransferSecurityPolicy-2022-03",
        "WorkflowDetails": {"OnUpload": WORKFLOW, "OnPartialUpload": WORKFLOW},
        "StructuredLogDestinations": ["arn:aws:logs:us-east-1:123456789012:log-group:sftp:*"],
        "S3StorageOptions": {"DirectoryListingOptimization": "ENABLED"},
    },
}

LOGICAL = {
    "HomeDirectoryType": "LOGICAL",
    "HomeDirectoryMappings": [{"Entry": "/", "Target": "/bucket/${Transfer:UserName}", "Type": "DIRECTORY"}],
}
LOGINS = {
    "bare": {},
    "path": {"HomeDirectory": "/bucket/${transfer:UserName}", "HomeDirectoryType": "PATH"},
    "logical": LOGICAL,
    "restricted": {"Policy": '{ "Version": "2012-10-17", "Statement": [] }'},
    "posix": {"PosixProfile": {"Uid": 0, "Gid": 4294967295, "SecondaryGids": [7]}},
}


@pytest.fixture(params=["usual", "otherwise"])
def client(sim, request):
    sim.post("config", {"transition_time": "0s", "endpoint_lag": "0s"})
    if request.param == "otherwise":
        sim.post("config", OTHERWISE)
    return sim.client()


def read(client, operation, **which):
    answer = client._make_api_call(operation, which)
    (held,) = [value for value in answer.values() if isinstance(value, dict) and "HTTPStatusCode" not in value]
    return held


def goes_back_and_forth(client, describe, update, **which):
    """Sends back each member that was read, then all of them: nothing is refused and nothing changes."""
    held = read(client, describe, **which)
    members = MODEL.operation_model(update).input_shape.members
    back = {name: value for name, value in held.items() if name in members and name not in which}
    assert back, "nothing of it can be changed"
    for sent in [{name: value} for name, value in back.items()] + [back]:
        client._make_api_call(update, which | sent)
        assert read(client, describe, **which) == held, sent


@pytest.mark.parametrize("kind", SERVERS)
@pytest.mark.parametrize("state", ["ONLINE", "OFFLINE"])
def test_servers(client, kind, state):
    """Users of other tools, peers.md C 32: a simulator of our own, held to what clients know."""
    server = client.create_server(**SERVERS[kind])["ServerId"]
    if state == "OFFLINE":
        client.stop_server(ServerId=server)
    goes_back_and_forth(client, "DescribeServer", "UpdateServer", ServerId=server)


def test_a_server_with_elastic_addresses(client):
    server = client.create_server(**VPC)["ServerId"]
    client.stop_server(ServerId=server)
    attached = {"AddressAllocationIds": ["eipalloc-1", "eipalloc-2"]}
    client.update_server(ServerId=server, EndpointDetails=attached)
    goes_back_and_forth(client, "DescribeServer", "UpdateServer", ServerId=server)
    # Terraform's provider changes one member of the block, and sends the others as it read them.
    details = read(client, "DescribeServer", ServerId=server)["EndpointDetails"]
    for changed in [{"AddressAllocationIds": []}, {"SubnetIds": ["subnet-3"]}]:
        details |= changed
        client.update_server(ServerId=server, EndpointDetails=details)
        details = read(client, "DescribeServer", ServerId=server)["EndpointDetails"]
    assert details["SubnetIds"] == ["subnet-3"]
    assert not details.get("AddressAllocationIds")


@pytest.mark.parametrize("kind", LOGINS)
def test_users(client, kind):
    server = client.create_server()["ServerId"]
    which = {"ServerId": server, "UserName": "alice"}
    client.create_user(**which, Role=role(), SshPublicKeyBody=public_key(), **LOGINS[kind])
    goes_back_and_forth(client, "DescribeUser", "UpdateUser", **which)


@pytest.mark.parametrize("kind", LOGINS)
def test_accesses(client, kind):
    server = client.create_server(**DIRECTORY)["ServerId"]
    which = {"ServerId": server, "ExternalId": "S-1-5-21-1"}
    client.create_access(**which, Role=role(), **LOGINS[kind])
    goes_back_and_forth(client, "DescribeAccess", "UpdateAccess", **which)


def test_host_keys(client):
    server = client.create_server()["ServerId"]
    key = client.import_host_key(ServerId=server, HostKeyBody=private_key(), Description="ours")["HostKeyId"]
    goes_back_and_forth(client, "DescribeHostKey", "UpdateHostKey", ServerId=server, HostKeyId=key)


def test_connectors_for_sftp(client):
    more = {"TrustedHostKeys": [public_key("openssh-p256")], "OrderedUserSecretVersionStages": ["AWSCURRENT"]}
    connector = client.create_connector(**sftp_connector(**more))["ConnectorId"]
    goes_back_and_forth(client, "DescribeConnector", "UpdateConnector", ConnectorId=connector)


def test_connectors_for_as2(client, partners):
    config = as2_config(partners) | {"MessageSubject": "orders", "MdnSigningAlgorithm": "DEFAULT"}
    made = {"Url": "https://partner.example.com/as2", "AccessRole": role(), "As2Config": config}
    connector = client.create_connector(**made, LoggingRole=role("logging"))["ConnectorId"]
    goes_back_and_forth(client, "DescribeConnector", "UpdateConnector", ConnectorId=connector)


def test_web_apps(client):
    app = client.create_web_app(**web_app(), WebAppUnits={"Provisioned": 2})["WebAppId"]
    goes_back_and_forth(client, "DescribeWebApp", "UpdateWebApp", WebAppId=app)
    client.update_web_app_customization(WebAppId=app, Title="Files", LogoFile=b"logo", FaviconFile=b"icon")
    goes_back_and_forth(client, "DescribeWebAppCustomization", "UpdateWebAppCustomization", WebAppId=app)


def test_agreements(client, as2_server, partners):
    made = partners | {"ServerId": as2_server, "AccessRole": role(), "BaseDirectory": "/bucket", "Description": "orders"}
    agreement = client.create_agreement(**made)["AgreementId"]
    goes_back_and_forth(client, "DescribeAgreement", "UpdateAgreement", ServerId=as2_server, AgreementId=agreement)


def test_profiles(client):
    key = client.import_certificate(Usage="SIGNING", Certificate=pem("partner.pem"))["CertificateId"]
    profile = client.create_profile(As2Id="them", ProfileType="PARTNER", CertificateIds=[key])["ProfileId"]
    goes_back_and_forth(client, "DescribeProfile", "UpdateProfile", ProfileId=profile)


def test_certificates(client):
    made = {"Usage": "SIGNING", "Certificate": pem("own.pem"), "PrivateKey": pem("own.key"), "Description": "ours"}
    certificate = client.import_certificate(**made)["CertificateId"]
    goes_back_and_forth(client, "DescribeCertificate", "UpdateCertificate", CertificateId=certificate)


def test_workflows(client):
    """Nothing of one can be changed, but another one can be made of what was read."""
    remove = {"Type": "DELETE", "DeleteStepDetails": {}}
    place = {"S3FileLocation": {"Bucket": "kept", "Key": "in/"}}
    decrypt = {"Type": "DECRYPT", "DecryptStepDetails": {"Type": "PGP", "DestinationFileLocation": place}}
    first = client.create_workflow(Steps=[decrypt, remove], Tags=[{"Key": "a", "Value": "b"}])["WorkflowId"]
    held = read(client, "DescribeWorkflow", WorkflowId=first)
    members = MODEL.operation_model("CreateWorkflow").input_shape.members
    back = {name: value for name, value in held.items() if name in members}
    second = client.create_workflow(**back)["WorkflowId"]
    again = read(client, "DescribeWorkflow", WorkflowId=second)
    assert {name: value for name, value in again.items() if name in members} == back


def test_tags(client):
    server = client.create_server(Tags=[{"Key": "a", "Value": "b"}])["ServerId"]
    held = read(client, "DescribeServer", ServerId=server)
    client.tag_resource(Arn=held["Arn"], Tags=held["Tags"])
    assert read(client, "DescribeServer", ServerId=server) == held


def test_pages(client):
    for _ in range(3):
        client.create_server()
    paginator = client.get_paginator("list_servers")
    listed = [page["Servers"] for page in paginator.paginate(PaginationConfig={"PageSize": 1})]
    assert len({server["ServerId"] for page in listed for server in page}) == 3
