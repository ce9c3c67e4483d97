"""Signatures are really verified, and roles of other accounts can be assumed."""

import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError
from conftest import ACCOUNT, REGION


def code(client):
    with pytest.raises(ClientError) as refusal:
        client.list_servers()
    return refusal.value.response["Error"]


def test_an_unknown_access_key(sim):
    assert code(sim.client(aws_access_key_id="nobody"))["Code"] == "UnrecognizedClientException"


def test_a_wrong_secret(sim):
    assert code(sim.client(aws_secret_access_key="guess"))["Code"] == "InvalidSignatureException"


def test_a_signature_of_long_ago(sim, transfer):
    sim.post("clock", {"advance": "20m"})
    error = code(transfer)
    assert error["Code"] == "InvalidSignatureException"
    assert error["Message"].startswith("Signature expired: ")
    assert " is now earlier than " in error["Message"]


def test_a_signature_of_the_future(sim, transfer):
    sim.post("clock", {"advance": "-20m"})
    error = code(transfer)
    assert error["Message"].startswith("Signature not yet current: ")


def test_the_date_of_an_answer_is_the_clock_of_the_simulator(sim, transfer):
    before = transfer.list_servers()["ResponseMetadata"]["HTTPHeaders"]
    assert len(before["x-amzn-requestid"]) == 36
    sim.post("config", {"signature_tolerance": "100000h"})
    sim.post("clock", {"advance": "70000h"})
    later = transfer.list_servers()["ResponseMetadata"]["HTTPHeaders"]
    now = sim.get("clock")["now"]
    assert now[:4] in later["date"]
    assert now[:4] not in before["date"]


def test_a_changed_body_is_noticed(sim, transfer):
    def change(request, **_):
        request.body = b'{"MaxResults": 7}'

    transfer.meta.events.register("before-send.transfer.ListServers", change)
    assert code(transfer)["Code"] == "InvalidSignatureException"


def test_no_signature_at_all(sim):
    headers = {"X-Amz-Target": "TransferService.ListServers", "Content-Type": "application/x-amz-json-1.1"}
    request = urllib.request.Request(sim.url, b"{}", headers, method="POST")
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(request)
    with refusal.value as answer:
        assert b"MissingAuthenticationTokenException" in answer.read()


def test_who_am_i(sim):
    assert sim.client("sts").get_caller_identity()["Account"] == ACCOUNT


def test_an_assumed_role_acts_in_its_own_account(sim, server):
    sts = sim.client("sts")
    answer = sts.assume_role(RoleArn="arn:aws:iam::210987654321:role/path/operator", RoleSessionName="session")
    given = answer["Credentials"]
    other = {
        "aws_access_key_id": given["AccessKeyId"],
        "aws_secret_access_key": given["SecretAccessKey"],
        "aws_session_token": given["SessionToken"],
    }
    identity = sim.client("sts", **other).get_caller_identity()
    assert identity["Account"] == "210987654321"
    assert identity["Arn"] == "arn:aws:sts::210987654321:assumed-role/operator/session"
    transfer = sim.client(**other)
    assert transfer.list_servers()["Servers"] == []
    made = transfer.create_server()["ServerId"]
    arn = transfer.describe_server(ServerId=made)["Server"]["Arn"]
    assert arn == f"arn:aws:transfer:{REGION}:210987654321:server/{made}"
    without_token = {name: value for name, value in other.items() if name != "aws_session_token"}
    assert code(sim.client(**without_token))["Code"] == "UnrecognizedClientException"
    sim.post("clock", {"advance": "2h"})
    sim.post("config", {"signature_tolerance": "48h"})
    assert code(transfer)["Code"] == "ExpiredTokenException"


def test_a_role_that_is_none(sim):
    with pytest.raises(ClientError) as refusal:
        sim.client("sts").assume_role(RoleArn="arn:aws:iam::210987654321:user/nobody", RoleSessionName="session")
    assert refusal.value.response["Error"]["Code"] == "ValidationError"
