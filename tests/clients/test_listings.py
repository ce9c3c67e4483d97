"""Every paginator of boto3, over more than one page, and the rules of tokens."""

import pytest
from botocore.exceptions import ClientError
from conftest import ACCOUNT, REGION, pem, role, sftp_connector, web_app


def pages(client, operation, **kwargs):
    """All pages of a listing, two entries each."""
    return list(client.get_paginator(operation).paginate(PaginationConfig={"PageSize": 2}, **kwargs))


def joined(found, member):
    assert len(found) > 1, "the listing fits on one page and proves nothing"
    assert all(len(page[member]) <= 2 for page in found)
    return [entry for page in found for entry in page[member]]


def test_servers(transfer):
    made = {transfer.create_server()["ServerId"] for _ in range(5)}
    listed = [s["ServerId"] for s in joined(pages(transfer, "list_servers"), "Servers")]
    assert len(listed) == 5
    assert set(listed) == made


def test_users(transfer, server):
    names = [f"user-{n}" for n in range(5)]
    for name in names:
        transfer.create_user(ServerId=server, UserName=name, Role=role())
    users = joined(pages(transfer, "list_users", ServerId=server), "Users")
    assert [u["UserName"] for u in users] == names


def test_accesses(transfer, directory_server):
    groups = [f"S-1-5-21-{n}" for n in range(5)]
    for group in groups:
        transfer.create_access(ServerId=directory_server, ExternalId=group, Role=role())
    accesses = joined(pages(transfer, "list_accesses", ServerId=directory_server), "Accesses")
    assert [a["ExternalId"] for a in accesses] == groups


def test_workflows(sim, transfer):
    remove = [{"Type": "DELETE", "DeleteStepDetails": {}}]
    made = {transfer.create_workflow(Steps=remove)["WorkflowId"] for _ in range(5)}
    listed = [w["WorkflowId"] for w in joined(pages(transfer, "list_workflows"), "Workflows")]
    assert len(listed) == 5
    assert set(listed) == made
    sim.post("hide", {"workflow_id": listed[0], "for": "10m"})
    assert {w["WorkflowId"] for w in transfer.list_workflows()["Workflows"]} == made - {listed[0]}
    assert transfer.describe_workflow(WorkflowId=listed[0])["Workflow"]["WorkflowId"] == listed[0]


def test_connectors(sim, transfer):
    made = {transfer.create_connector(**sftp_connector())["ConnectorId"] for _ in range(5)}
    listed = [c["ConnectorId"] for c in joined(pages(transfer, "list_connectors"), "Connectors")]
    assert listed == sorted(made)
    sim.post("hide", {"connector_id": listed[0], "for": "10m"})
    assert {c["ConnectorId"] for c in transfer.list_connectors()["Connectors"]} == made - {listed[0]}


def test_web_apps(sim, transfer):
    made = {transfer.create_web_app(**web_app())["WebAppId"] for _ in range(5)}
    listed = [w["WebAppId"] for w in joined(pages(transfer, "list_web_apps"), "WebApps")]
    assert listed == sorted(made)
    sim.post("hide", {"web_app_id": listed[0], "for": "10m"})
    assert {w["WebAppId"] for w in transfer.list_web_apps()["WebApps"]} == made - {listed[0]}


def test_agreements(sim, transfer, as2_server, partners):
    sim.post("config", {"same_partners": "accept"})
    one = partners | {"ServerId": as2_server, "AccessRole": role(), "BaseDirectory": "/bucket"}
    made = {transfer.create_agreement(**one)["AgreementId"] for _ in range(5)}
    listed = [a["AgreementId"] for a in joined(pages(transfer, "list_agreements", ServerId=as2_server), "Agreements")]
    assert listed == sorted(made)
    sim.post("hide", {"agreement_id": listed[0], "for": "10m"})
    seen = transfer.list_agreements(ServerId=as2_server)["Agreements"]
    assert {a["AgreementId"] for a in seen} == made - {listed[0]}


def test_profiles(sim, transfer):
    made = {transfer.create_profile(As2Id="them", ProfileType="PARTNER")["ProfileId"] for _ in range(5)}
    transfer.create_profile(As2Id="us", ProfileType="LOCAL")
    listed = [p["ProfileId"] for p in joined(pages(transfer, "list_profiles", ProfileType="PARTNER"), "Profiles")]
    assert listed == sorted(made)
    sim.post("hide", {"profile_id": listed[0], "for": "10m"})
    assert {p["ProfileId"] for p in transfer.list_profiles(ProfileType="PARTNER")["Profiles"]} == made - {listed[0]}


def test_certificates(sim, transfer):
    one = {"Usage": "SIGNING", "Certificate": pem("partner.pem")}
    made = {transfer.import_certificate(**one)["CertificateId"] for _ in range(5)}
    listed = [c["CertificateId"] for c in joined(pages(transfer, "list_certificates"), "Certificates")]
    assert listed == sorted(made)
    sim.post("hide", {"certificate_id": listed[0], "for": "10m"})
    assert {c["CertificateId"] for c in transfer.list_certificates()["Certificates"]} == made - {listed[0]}


def test_tags(transfer, server):
    tags = [{"Key": f"key-{n}", "Value": str(n)} for n in range(5)]
    arn = f"arn:aws:transfer:{REGION}:{ACCOUNT}:server/{server}"
    transfer.tag_resource(Arn=arn, Tags=tags)
    assert joined(pages(transfer, "list_tags_for_resource", Arn=arn), "Tags") == tags


def test_security_policies(transfer):
    names = joined(pages(transfer, "list_security_policies"), "SecurityPolicyNames")
    assert len(set(names)) == len(names)
    assert names == transfer.list_security_policies(MaxResults=1000)["SecurityPolicyNames"]


def test_host_keys_have_tokens_too(transfer, server):
    """boto3 has no paginator for them."""
    first = transfer.list_host_keys(ServerId=server, MaxResults=1)
    assert len(first["HostKeys"]) == 1
    assert "NextToken" not in first


def test_an_empty_first_page_is_no_end(sim, transfer):
    made = {transfer.create_server()["ServerId"] for _ in range(3)}
    sim.post("config", {"empty_first_page": True})
    found = pages(transfer, "list_servers")
    assert found[0]["Servers"] == []
    assert {s["ServerId"] for page in found for s in page["Servers"]} == made


def test_a_token_of_another_listing_is_refused(transfer, server):
    for name in ["alice", "bob"]:
        transfer.create_user(ServerId=server, UserName=name, Role=role())
    token = transfer.list_users(ServerId=server, MaxResults=1)["NextToken"]
    with pytest.raises(ClientError) as refusal:
        transfer.list_servers(NextToken=token)
    assert refusal.value.response["Error"]["Code"] == "InvalidNextTokenException"


def test_a_hidden_server_is_described_and_not_listed(sim, transfer, server):
    sim.post("hide", {"server_id": server, "for": "10m"})
    assert transfer.list_servers()["Servers"] == []
    assert transfer.describe_server(ServerId=server)["Server"]["ServerId"] == server
