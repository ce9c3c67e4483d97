"""The API models that the AWS clients carry, compared with our CRDs.

When AWS adds a member, a value or a limit, an upgrade of the pinned clients turns these tests red: the member becomes a
field of ours, or gets an entry below that says why not.
"""

import gzip
import json
import pathlib
import re

import awscli
import botocore
import pytest
import yaml
from conftest import python_pattern

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = "data/transfer/2018-11-05/service-2.json"

# Where the members of an operation's input are found: kind, and path below its spec.
FIELDS_OF = {
    "CreateServer": ("TransferServer", []),
    "UpdateServer": ("TransferServer", []),
    "CreateUser": ("TransferUser", []),
    "UpdateUser": ("TransferUser", []),
    "CreateAccess": ("TransferAccess", []),
    "UpdateAccess": ("TransferAccess", []),
    "ImportHostKey": ("TransferServer", ["hostKeys", "[]"]),
    "UpdateHostKey": ("TransferServer", ["hostKeys", "[]"]),
    "CreateWorkflow": ("TransferWorkflow", []),
    "CreateProfile": ("TransferProfile", []),
    "UpdateProfile": ("TransferProfile", []),
    "CreateConnector": ("TransferConnector", []),
    "UpdateConnector": ("TransferConnector", []),
    "CreateAgreement": ("TransferAgreement", []),
    "UpdateAgreement": ("TransferAgreement", []),
    "ImportCertificate": ("TransferCertificate", []),
    "UpdateCertificate": ("TransferCertificate", []),
    "CreateWebApp": ("TransferWebApp", []),
    "UpdateWebApp": ("TransferWebApp", []),
}

# Members that are no field of the same name, and why.
ELSEWHERE = {
    "CreateServer.HostKey": "a private key is never in a spec: hostKeys[].secretKeyRef",
    "UpdateServer.HostKey": "host keys are imported one by one: hostKeys[].secretKeyRef",
    "UpdateProfile.ProfileId": "known from status",
    "UpdateServer.ServerId": "known from status, or stated in lifecycle.adoption.serverId",
    "CreateUser.SshPublicKeyBody": "one of sshPublicKeys[].publicKey or of sshPublicKeysFrom",
    "ImportHostKey.ServerId": "the server that the list is in",
    "ImportHostKey.HostKeyBody": "a private key is never in a spec: secretKeyRef",
    "UpdateHostKey.ServerId": "the server that the list is in",
    "CreateConnector.As2Config.AsyncMdnConfig.ServerIds": "by their objects: as2Config.asyncMdnConfig.serverRefs",
    "UpdateConnector.As2Config.AsyncMdnConfig.ServerIds": "by their objects: as2Config.asyncMdnConfig.serverRefs",
    "UpdateConnector.ConnectorId": "known from status",
    "UpdateAgreement.AgreementId": "known from status",
    "ImportCertificate.Certificate": "in a Secret or ConfigMap: secretRef, configMapKeyRef",
    "ImportCertificate.CertificateChain": "in a Secret or ConfigMap: secretRef, configMapKeyRef",
    "ImportCertificate.PrivateKey": "a private key is never in a spec: secretRef",
    "UpdateCertificate.CertificateId": "known from status",
    "UpdateWebApp.WebAppId": "known from status",
    "UpdateHostKey.HostKeyId": "known from the fingerprint of the key",
}

# Limits of ours that are wider than AWS's, and why.
WIDER = {
    "CreateProfile.CertificateIds[]": "a rule at the list has the shape of each: at the entry it would print what was pasted",
    "UpdateProfile.CertificateIds[]": "a rule at the list has the shape of each: at the entry it would print what was pasted",
    "CreateAgreement.LocalProfileId": "a rule of the spec has its shape: at the field it would print what was pasted",
    "CreateAgreement.PartnerProfileId": "a rule of the spec has its shape: at the field it would print what was pasted",
    "UpdateAgreement.LocalProfileId": "a rule of the spec has its shape: at the field it would print what was pasted",
    "UpdateAgreement.PartnerProfileId": "a rule of the spec has its shape: at the field it would print what was pasted",
    "CreateUser.Policy": "compacted before it is sent; 2048 characters count after that",
    "UpdateUser.Policy": "compacted before it is sent; 2048 characters count after that",
    "CreateAccess.Policy": "compacted before it is sent; 2048 characters count after that",
    "UpdateAccess.Policy": "compacted before it is sent; 2048 characters count after that",
    "CreateConnector.SftpConfig.TrustedHostKeys[]": "the rule of the list wants 1 to 2048 characters",
    "UpdateConnector.SftpConfig.TrustedHostKeys[]": "the rule of the list wants 1 to 2048 characters",
    "ImportHostKey.KmsKey": "the rule of the entry wants the ARN of a KMS key, which is longer",
    "UpdateHostKey.KmsKey": "the rule of the entry wants the ARN of a KMS key, which is longer",
}


def load(package):
    path = pathlib.Path(package) / MODEL
    if path.exists():
        return json.loads(path.read_text())
    return json.loads(gzip.decompress(path.with_name(path.name + ".gz").read_bytes()))


MODELS = {
    "awscli": load(pathlib.Path(awscli.__file__).parent / "botocore"),
    "botocore": load(pathlib.Path(botocore.__file__).parent),
}


def schemas():
    found = {}
    for path in (ROOT / "crds").glob("*.yaml"):
        crd = yaml.safe_load(path.read_text())
        schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        found[crd["spec"]["names"]["kind"]] = schema
    return found


SCHEMAS = schemas()
SPECS = {kind: schema["properties"]["spec"] for kind, schema in SCHEMAS.items()}


def below(schema, step):
    return schema["items"] if step == "[]" else schema["properties"].get(step)


def lower_camel(name):
    return name[0].lower() + name[1:]


def is_tags(shape_name):
    return shape_name == "Tags"


def members(model, shape_name, schema, path):
    """Yields (path, shape, our schema or None) for every member below a structure, nested ones too."""
    for name, member in model["shapes"][shape_name].get("members", {}).items():
        shape = model["shapes"][member["shape"]]
        here = f"{path}.{name}"
        ours = schema["properties"].get(lower_camel(name))
        yield here, shape, ours
        if ours is None or is_tags(member["shape"]):
            continue
        if shape["type"] == "structure":
            yield from members(model, member["shape"], ours, here)
        elif shape["type"] == "list":
            element = shape["member"]["shape"]
            yield f"{here}[]", model["shapes"][element], ours["items"]
            if model["shapes"][element]["type"] == "structure":
                yield from members(model, element, ours["items"], f"{here}[]")


def walk(model, operation):
    kind, steps = FIELDS_OF[operation]
    schema = SPECS[kind]
    for step in steps:
        schema = below(schema, step)
    yield from members(model, model["operations"][operation]["input"]["shape"], schema, operation)


CASES = [pytest.param(model, operation, id=f"{name}-{operation}") for name, model in MODELS.items() for operation in FIELDS_OF]


@pytest.mark.parametrize("model,operation", CASES)
def test_every_member_is_a_field_or_has_a_reason(model, operation):
    """Users of other tools, peers.md C 15: what is new in the API is noticed."""
    missing = [path for path, _, ours in walk(model, operation) if ours is None and path not in ELSEWHERE]
    assert not missing, f"members of AWS's API that are neither a field of the CRD nor in ELSEWHERE: {missing}"


@pytest.mark.parametrize("model,operation", CASES)
def test_enums_have_the_values_of_aws(model, operation):
    wrong = {
        path: (sorted(shape["enum"]), sorted(ours.get("enum", [])))
        for path, shape, ours in walk(model, operation)
        if ours is not None and "enum" in shape and sorted(shape["enum"]) != sorted(ours.get("enum", []))
    }
    assert not wrong, f"path: (AWS's values, ours): {wrong}"


LIMITS = {"string": ("minLength", "maxLength"), "list": ("minItems", "maxItems"), "integer": ("minimum", "maximum"), "long": ("minimum", "maximum")}


def has_shape(ours):
    """Whether a rule says what the whole text looks like."""
    return "pattern" in ours or any(".matches(" in rule["rule"] for rule in ours.get("x-kubernetes-validations", []))


def too_wide(shape, ours):
    """What AWS would refuse and our schema would let through."""
    lowest, highest = LIMITS[shape["type"]]
    low, high = shape.get("min", 0), shape.get("max")
    # A shape or an enum bounds the length as well.
    bounded_below = ours.get(lowest, 0) >= low or has_shape(ours) or "enum" in ours
    bounded_above = high is None or ours.get(highest, float("inf")) <= high or "enum" in ours
    return not (bounded_below and bounded_above)


@pytest.mark.parametrize("model,operation", CASES)
def test_limits_are_no_wider_than_those_of_aws(model, operation):
    wide = [
        path
        for path, shape, ours in walk(model, operation)
        if ours is not None and shape["type"] in LIMITS and ours["type"] != "object" and path not in WIDER and too_wide(shape, ours)
    ]
    assert not wide, f"limits that are wider than AWS's and not in WIDER: {wide}"


@pytest.mark.parametrize("path", [*ELSEWHERE, *WIDER])
def test_every_exception_is_still_needed(path):
    operation = path.split(".")[0]
    known = [(shape, ours) for model in MODELS.values() for here, shape, ours in walk(model, operation) if here == path]
    assert known, f"{path} is no member of AWS's API any more: take it out"
    if path in ELSEWHERE:
        assert all(ours is None for _, ours in known), f"{path} is a field: take it out of ELSEWHERE"
    else:
        assert all(too_wide(shape, ours) for shape, ours in known), f"{path} is not wider: take it out of WIDER"


def faults(model, shape_name, value, path):
    """What AWS's model has against a value of an accepted manifest."""
    shape = model["shapes"][shape_name]
    if is_tags(shape_name):
        return
    if shape["type"] == "structure":
        for name, member in shape["members"].items():
            if lower_camel(name) in value:
                yield from faults(model, member["shape"], value[lower_camel(name)], f"{path}.{name}")
    elif shape["type"] == "list":
        for index, element in enumerate(value):
            yield from faults(model, shape["member"]["shape"], element, f"{path}[{index}]")
    elif shape["type"] == "string":
        if "enum" in shape and value not in shape["enum"]:
            yield path, value, shape["enum"]
        if "pattern" in shape and not re.fullmatch(python_pattern(shape["pattern"]), value, re.ASCII):
            yield path, value, shape["pattern"]
    elif not shape.get("min", value) <= value <= shape.get("max", value):
        yield path, value, shape


def accepted_objects():
    for path in sorted((ROOT / "tests/fixtures/manifests/accepted").glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            yield path.stem, document


@pytest.mark.parametrize("model,operation", CASES)
def test_what_admission_accepts_has_the_shape_that_aws_wants(model, operation):
    kind, steps = FIELDS_OF[operation]
    shape = model["operations"][operation]["input"]["shape"]
    found, seen = [], 0
    for name, document in accepted_objects():
        if document["kind"] != kind:
            continue
        values = document["spec"].get("hostKeys", []) if steps else [document["spec"]]
        for value in values:
            seen += 1
            found += [(name, *fault) for fault in faults(model, shape, value, operation)]
    assert seen, f"no accepted manifest holds anything for {operation}"
    assert not found
