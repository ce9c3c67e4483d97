"""The simulator's table of constraints against the API model that boto3 ships: each constraint is broken once.

The requests are derived from the model, so a new release of boto3 shows what AWS has changed since.
"""

import re

import botocore.session
import pytest
from botocore.exceptions import ClientError
from conftest import Sim, python_pattern

MODEL = botocore.session.get_session().get_service_model("transfer")
OPERATIONS = """
CreateServer UpdateServer DescribeServer DeleteServer StartServer StopServer ListServers
CreateUser UpdateUser DescribeUser DeleteUser ListUsers ImportSshPublicKey DeleteSshPublicKey
CreateAccess UpdateAccess DescribeAccess DeleteAccess ListAccesses
ImportHostKey UpdateHostKey DescribeHostKey DeleteHostKey ListHostKeys
CreateWorkflow DescribeWorkflow DeleteWorkflow ListWorkflows
CreateConnector UpdateConnector DescribeConnector DeleteConnector ListConnectors TestConnection
CreateAgreement UpdateAgreement DescribeAgreement DeleteAgreement ListAgreements
CreateProfile UpdateProfile DescribeProfile DeleteProfile ListProfiles
ImportCertificate UpdateCertificate DescribeCertificate DeleteCertificate ListCertificates
CreateWebApp UpdateWebApp DescribeWebApp DeleteWebApp ListWebApps
UpdateWebAppCustomization DescribeWebAppCustomization DeleteWebAppCustomization
TagResource UntagResource ListTagsForResource
DescribeSecurityPolicy ListSecurityPolicies TestIdentityProvider
""".split()

# Where the simulator knowingly differs from the model. The service itself refuses a policy that is too long, with
# its own text. Host keys may be updated without a description since they can be moved to another store.
DIFFERS = {"Policy", "UpdateHostKey.Description"}


def small(name):
    return name[0].lower() + name[1:]


def broken_values(shape):
    """A wrong value for each constraint of a shape, with the words in which AWS names the constraint."""
    metadata = shape.metadata
    if shape.type_name == "string":
        if shape.enum:
            yield "no such word", "Member must satisfy enum value set"
            return
        if "max" in metadata:
            yield "x" * (metadata["max"] + 1), f"less than or equal to {metadata['max']}"
        if metadata.get("min"):
            yield "", f"greater than or equal to {metadata['min']}"
        if "pattern" in metadata and not matches(metadata["pattern"], "\u0001\u20ac"):
            yield "\u0001\u20ac", "regular expression pattern"
    elif shape.type_name in ("integer", "long"):
        if "max" in metadata:
            yield metadata["max"] + 1, f"less than or equal to {metadata['max']}"
        if "min" in metadata:
            yield metadata["min"] - 1, f"greater than or equal to {metadata['min']}"
    elif shape.type_name == "blob":
        yield b"x" * (metadata["max"] + 1), f"less than or equal to {metadata['max']}"
        yield b"", f"greater than or equal to {metadata['min']}"
    elif shape.type_name == "list":
        if metadata.get("min"):
            yield [], f"greater than or equal to {metadata['min']}"
        for value, words in broken_values(shape.member):
            yield [value], words
    elif shape.type_name == "structure":
        for name, member in shape.members.items():
            for value, words in broken_values(member):
                yield {name: value}, words


def matches(pattern, text):
    return re.fullmatch(python_pattern(pattern), text) is not None


def cases():
    for operation in OPERATIONS:
        for name, shape in MODEL.operation_model(operation).input_shape.members.items():
            if name in DIFFERS or f"{operation}.{name}" in DIFFERS:
                continue
            for value, words in broken_values(shape):
                yield operation, name, value, words


def required():
    for operation in OPERATIONS:
        for name in MODEL.operation_model(operation).input_shape.required_members:
            if f"{operation}.{name}" not in DIFFERS:
                yield operation, name


@pytest.fixture(scope="module")
def refusal(tmp_path_factory):
    """Sends a request and returns code and text of its refusal. Validation needs no state, so one process does."""
    sim = Sim(tmp_path_factory.mktemp("model"))
    client = sim.client()

    def send(operation, **members):
        with pytest.raises(ClientError) as refused:
            client._make_api_call(operation, members)
        error = refused.value.response["Error"]
        return error["Code"], error["Message"]

    yield send
    sim.stop()


# What is about files on their way, and not about what is managed.
NOT_SIMULATED = """
DescribeExecution ListExecutions SendWorkflowStepState
StartFileTransfer ListFileTransferResults StartDirectoryListing StartRemoteDelete StartRemoteMove
""".split()


def test_the_cases_cover_the_model():
    assert len(list(cases())) > 400
    assert len(list(required())) > 80
    assert sorted(OPERATIONS + NOT_SIMULATED) == sorted(MODEL.operation_names)


@pytest.mark.parametrize("operation", NOT_SIMULATED)
def test_what_is_not_simulated_is_unknown(refusal, operation):
    assert refusal(operation)[0] == "UnknownOperationException"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_constraint_of_the_model_is_held(refusal, operation):
    held = [case for case in cases() if case[0] == operation]
    assert held, "the model says nothing of this operation"
    for _, name, value, words in held:
        code, text = refusal(operation, **{name: value})
        where = f"{operation} {repr({name: value})[:100]}: {code}: {text}"
        assert code == "ValidationException", where
        assert f"'{small(name)}" in text, where
        assert words in text, where


@pytest.mark.parametrize("operation", sorted({operation for operation, _ in required()}))
def test_each_required_member_is_missed(refusal, operation):
    code, text = refusal(operation)
    assert code == "ValidationException"
    for name in [name for of, name in required() if of == operation]:
        assert f"Value null at '{small(name)}' failed to satisfy constraint: Member must not be null" in text
