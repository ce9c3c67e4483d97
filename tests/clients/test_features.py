"""docs/features.md, compared with the API model of the newest client.

What AWS adds turns these tests red: the new member or operation gets a row, and with it a field or a reason.
"""

import re

import pytest
from test_api_model import MODELS, ROOT, SCHEMAS, below, lower_camel

NEWEST = MODELS["botocore"]
PAGE = (ROOT / "docs/features.md").read_text()

# The headings of the tables of members, and the operations whose input each holds.
TABLES = {
    "TransferServer": ["CreateServer", "UpdateServer"],
    "Host keys of a TransferServer": ["ImportHostKey", "UpdateHostKey"],
    "TransferUser": ["CreateUser", "UpdateUser", "ImportSshPublicKey"],
    "TransferAccess": ["CreateAccess", "UpdateAccess"],
    "TransferWorkflow": ["CreateWorkflow"],
    "TransferProfile": ["CreateProfile", "UpdateProfile"],
    "TransferConnector": ["CreateConnector", "UpdateConnector"],
    "TransferAgreement": ["CreateAgreement", "UpdateAgreement"],
    "TransferCertificate": ["ImportCertificate", "UpdateCertificate"],
    "TransferWebApp": ["CreateWebApp", "UpdateWebApp", "UpdateWebAppCustomization"],
}
ANSWERS = {
    "DescribeServer": "TransferServer",
    "DescribeHostKey": "Host keys of a TransferServer",
    "DescribeUser": "TransferUser",
    "DescribeAccess": "TransferAccess",
    "DescribeWorkflow": "TransferWorkflow",
    "DescribeProfile": "TransferProfile",
    "DescribeConnector": "TransferConnector",
    "DescribeAgreement": "TransferAgreement",
    "DescribeCertificate": "TransferCertificate",
    "DescribeWebApp": "TransferWebApp",
    "DescribeWebAppCustomization": "TransferWebApp",
}


def rows(heading):
    """The cells of the table below a heading, without its head."""
    section = re.split(rf"^#+ {re.escape(heading)}$", PAGE, flags=re.MULTILINE)[1]
    section = re.split(r"^#", section, flags=re.MULTILINE)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def in_schema(kind, field):
    """Whether the CRD of a kind has the field, such as `spec.tags` or `status.hostKeys[].id`."""
    at = SCHEMAS[kind]
    for step in re.findall(r"[^.\[]+|\[\]", field):
        at = below(at, step)
        if not at:
            return False
    return True


def names(cell):
    return re.findall(r"`([^`]+)`", cell)


def leaves(shape_name, path=""):
    """Every member that holds a value, as `Outer.Inner` and `List[].Member`; tags count as one."""
    shapes = NEWEST["shapes"]
    for name, member in shapes[shape_name].get("members", {}).items():
        shape, here = shapes[member["shape"]], f"{path}{name}"
        element = shape["member"]["shape"] if shape["type"] == "list" else None
        if member["shape"] == "Tags":
            yield here
        elif shape["type"] == "structure":
            yield from leaves(member["shape"], f"{here}.")
        elif element and shapes[element]["type"] == "structure":
            yield from leaves(element, f"{here}[].")
        else:
            yield here


def io(operation, direction):
    return set(leaves(NEWEST["operations"][operation][direction]["shape"]))


def written_once(member):
    """The page tells of the two lists of steps in one."""
    return member.replace("OnExceptionSteps[]", "Steps[]")


@pytest.mark.parametrize("heading", TABLES)
def test_each_member_has_one_row_that_says_which_operations_set_it(heading):
    told = {names(row[0])[0]: set(names(row[2])) for row in rows(heading)}
    assert len(told) == len(rows(heading)), "a member has two rows"
    of_aws = {}
    for operation in TABLES[heading]:
        for member in io(operation, "input"):
            of_aws.setdefault(written_once(member), set()).add(operation)
    assert told == of_aws


@pytest.mark.parametrize("heading", TABLES)
def test_each_field_of_a_row_is_in_the_crd(heading):
    kind = heading.split()[-1]
    for member, fields, *_ in rows(heading):
        for field in names(fields):
            where = field if field.startswith("status.") else f"spec.{field}"
            assert in_schema(kind, where), f"{kind} has no {where}, which {member} is said to be"


# The kind whose status shows an answer, by the first word of the answer's member.
SHOWN_BY = {"Server": "TransferServer", "HostKey": "TransferServer", "User": "TransferUser", "Access": "TransferAccess",
            "Workflow": "TransferWorkflow", "Profile": "TransferProfile", "Connector": "TransferConnector",
            "Agreement": "TransferAgreement", "Certificate": "TransferCertificate", "WebApp": "TransferWebApp",
            "WebAppCustomization": "TransferWebApp"}


def test_each_field_of_a_status_that_shows_an_answer_is_in_the_crd():
    shown = [(names(cell)[0], field) for cell, told in rows("What AWS answers besides") for field in names(told)]
    assert len(shown) > 10, shown
    for member, field in shown:
        kind = SHOWN_BY[member.partition(".")[0]]
        assert field.startswith("status.") and in_schema(kind, field), f"{kind} has no {field}, which shows {member}"


def test_what_aws_answers_besides_is_told_whole():
    told = {names(row[0])[0] for row in rows("What AWS answers besides")}
    besides = set()
    for operation, heading in ANSWERS.items():
        written = {member for of in TABLES[heading] for member in io(of, "input")}
        for answered in io(operation, "output"):
            noun, _, member = answered.partition(".")
            if member and member not in written:
                besides.add(f"{noun}.{member}")
    assert told == besides


def test_every_operation_is_told_and_those_of_the_source_as_used():
    told = {names(row[0])[0]: row[1] for row in rows("Operations")}
    assert set(told) == set(NEWEST["operations"])
    source = "".join(path.read_text() for path in (ROOT / "src/aws/transfer").rglob("*.rs"))
    # A call states its operation in a constant, or as the second argument of a macro for several.
    sent = set(re.findall(r'OPERATION: &\'static str = "(\w+)"|^    \w+, "(\w+)", \w+;', source, flags=re.MULTILINE))
    sent = {one or other for one, other in sent}
    assert len(sent) > 25, sent
    used = {operation for operation, purpose in told.items() if not purpose.startswith("not used: ")}
    assert used == sent & set(told)


def test_no_cell_is_empty_and_fields_are_lower_camel_case():
    for heading in TABLES:
        for row in rows(heading):
            assert len(row) == 7 and all(row), row
            for field in names(row[1]):
                assert all(step == lower_camel(step) for step in field.split(".")), field


def test_what_an_edit_takes_is_said_in_words_that_the_page_explains():
    explained = set(re.findall(r"`([^`]+)`", re.search(r"\* \*\*Changed\*\*(.*?)\n\* \*\*", PAGE, flags=re.DOTALL)[1]))
    assert {"live", "replace", "known"} <= explained
    for heading in TABLES:
        for row in rows(heading):
            word = re.split(r"[;,]| by | for ", row[3])[0].strip()
            assert word in explained or row[3].startswith("by `"), row
