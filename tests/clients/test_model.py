"""The simulator against the API model that boto3 ships: each constraint broken once, each answer of the model's shape."""

import botocore.session
import pytest
from conftest import OPERATIONS, ROLE, Sim
from botocore.exceptions import ClientError

MODEL = botocore.session.get_session().get_service_model("transfer")
# AWS answers a long policy with a text of the service, so the simulator does not enforce the model's limit.
NOT_ENFORCED = {("Policy", "max")}


def valid(shape, path=()):
    """A value that satisfies the constraints of a shape; only required members."""
    known = {
        "ServerId": "s-01234567890abcdef", "Role": ROLE, "NullableRole": ROLE, "UserName": "ada", "Arn": "arn:aws:x:y:z:a/b/c/d",
        "ExternalId": "S-1-5", "HostKeyId": "hostkey-01234567890abcdef", "SshPublicKeyId": "key-01234567890abcdef",
        "SshPublicKeyBody": "ssh-rsa AAAA", "SecurityPolicyName": "TransferSecurityPolicy-2024-01",
        "WorkflowId": "w-01234567890abcdef", "MapEntry": "/a", "MapTarget": "/b", "KmsKey": "arn:aws:kms:eu-west-1:1:key/1",
        "VpcEndpointId": "vpce-01234567890abcdef", "SecurityGroupId": "sg-01234567", "DirectoryId": "d-0123456789",
        "Function": "arn:aws:lambda:x", "SourceIp": "1.2.3.4", "HomeDirectory": "/h",
    }
    if shape.type_name == "structure":
        return {name: valid(shape.members[name]) for name in shape.required_members}
    if shape.type_name == "list":
        return [valid(shape.member)]
    if shape.type_name in ("integer", "long"):
        return max(1, shape.metadata.get("min", 1))
    if shape.enum:
        return shape.enum[0]
    return known.get(shape.name, "x" * max(1, shape.metadata.get("min", 1)))


def broken(shape):
    """Pairs of a constraint's name and a value that breaks it."""
    limits = shape.metadata
    if shape.type_name == "structure":
        for name in shape.required_members:
            rest = {other: value for other, value in valid(shape).items() if other != name}
            yield f"{name} missing", rest
        for name, member in shape.members.items():
            for what, value in broken(member):
                yield f"{name}.{what}", {**valid(shape), name: value}
    elif shape.type_name == "list":
        if limits.get("min"):
            yield "min", []
        if "max" in limits:
            yield "max", [valid(shape.member)] * (limits["max"] + 1)
        for what, value in broken(shape.member):
            yield f"0.{what}", [value]
    elif shape.type_name in ("integer", "long"):
        if "min" in limits:
            yield "min", limits["min"] - 1
        if "max" in limits:
            yield "max", limits["max"] + 1
    elif shape.type_name == "string":
        if shape.enum:
            yield "enum", "NO_SUCH_VALUE"
        if limits.get("min"):
            yield "min", ""
        if "max" in limits:
            yield "max", "x" * (limits["max"] + 1)
        if "pattern" in limits:
            # Spaces at the front and control characters satisfy none of the service's patterns.
            yield "pattern", " \x01é" * 8


def cases():
    for name in OPERATIONS:
        shape = MODEL.operation_model(name).input_shape
        for required in shape.required_members:
            rest = {other: value for other, value in valid(shape).items() if other != required}
            yield pytest.param(name, rest, id=f"{name}-{required} missing")
        for member, member_shape in shape.members.items():
            for what, value in broken(member_shape):
                if (member_shape.name, what) not in NOT_ENFORCED:
                    yield pytest.param(name, {**valid(shape), member: value}, id=f"{name}-{member}.{what}")


@pytest.fixture(scope="module")
def unchecked(tmp_path_factory):
    """A client that sends whatever it is given."""
    running = Sim(tmp_path_factory.mktemp("sim"))
    yield running.client(parameter_validation=False)
    running.stop()


def code_of(client, operation, parameters):
    try:
        getattr(client, botocore.xform_name(operation))(**parameters)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    return "ok", ""


@pytest.mark.parametrize("operation, parameters", list(cases()))
def test_a_broken_constraint_of_the_model_fails_validation(unchecked, operation, parameters):
    code, message = code_of(unchecked, operation, parameters)
    assert code == "ValidationException", message


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_the_model_allows_passes_validation(unchecked, operation):
    shape = MODEL.operation_model(operation).input_shape
    everything = {}
    for name, member in shape.members.items():
        everything[name] = valid(member)
    for parameters in [valid(shape), everything]:
        code, message = code_of(unchecked, operation, parameters)
        assert code not in ("ValidationException", "SerializationException"), message


def unknown(value, shape, path):
    """Paths of members that an answer has and the model has not, and of values of another type."""
    if value is None:
        return []
    if shape.type_name == "structure":
        found = [f"{path}.{name}" for name in value if name not in shape.members]
        found += [f"{path}.{name} missing" for name in shape.required_members if name not in value]
        for name, member in shape.members.items():
            found += unknown(value.get(name), member, f"{path}.{name}")
        return found
    if shape.type_name == "list":
        return [bad for item in value for bad in unknown(item, shape.member, path)]
    types = {"string": str, "integer": int, "long": int, "boolean": bool, "timestamp": (int, float)}
    return [] if isinstance(value, types[shape.type_name]) else [f"{path}: {value!r}"]


def test_answers_have_the_members_and_types_of_the_model(sim, transfer, keys):
    import json

    bodies = []
    transfer.meta.events.register(
        "after-call.transfer.*", lambda http_response, model, **_: bodies.append((model, http_response.content))
    )
    server = transfer.create_server(
        EndpointType="VPC", EndpointDetails={"VpcId": "vpc-1", "SubnetIds": ["subnet-1"]}, Protocols=["SFTP", "AS2"],
        LoggingRole=ROLE, WorkflowDetails={"OnUpload": [{"WorkflowId": "w-01234567890abcdef", "ExecutionRole": ROLE}]},
        ProtocolDetails={"ProxyConfig": {"SftpMode": "PROXY_PROTOCOL_V2_ENFORCED"}},
        Tags=[{"Key": "a", "Value": "b"}], HostKeyStorageType="SECRETS_MANAGER",
    )["ServerId"]
    transfer.create_user(
        ServerId=server, UserName="ada", Role=ROLE, SshPublicKeyBody=keys["rsa"]["public"],
        PosixProfile={"Uid": 1, "Gid": 2}, Policy="{}", HomeDirectory="/x",
    )
    transfer.describe_server(ServerId=server)
    transfer.describe_user(ServerId=server, UserName="ada")
    key = transfer.list_host_keys(ServerId=server)["HostKeys"][0]["HostKeyId"]
    transfer.describe_host_key(ServerId=server, HostKeyId=key)
    transfer.list_servers()
    transfer.list_users(ServerId=server)
    transfer.list_security_policies()
    for name in transfer.list_security_policies()["SecurityPolicyNames"]:
        transfer.describe_security_policy(SecurityPolicyName=name)
    assert len(bodies) > 20
    for model, body in bodies:
        assert unknown(json.loads(body), model.output_shape, model.name) == []
