"""Every operation through boto3, with the paginators and waiters that it ships."""

import pytest
from botocore.exceptions import ClientError, WaiterError
from conftest import ACCOUNT, OPERATIONS, REGION, ROLE

SID = "S-1-5-21-1-2-3-4"


def arn(resource):
    return f"arn:aws:transfer:{REGION}:{ACCOUNT}:{resource}"


def test_every_operation_works(sim, transfer, keys):
    server = transfer.create_server(Tags=[{"Key": "team", "Value": "a"}], HostKey=keys["rsa"]["private"])["ServerId"]
    assert transfer.update_server(ServerId=server, PreAuthenticationLoginBanner="hello")["ServerId"] == server
    shown = transfer.describe_server(ServerId=server)["Server"]
    assert shown["PreAuthenticationLoginBanner"] == "hello"
    assert shown["Arn"] == arn(f"server/{server}")
    assert shown["HostKeyFingerprint"] == keys["rsa"]["fingerprint"] + "="
    transfer.stop_server(ServerId=server)
    assert transfer.list_servers()["Servers"][0]["State"] == "OFFLINE"
    transfer.start_server(ServerId=server)

    names = {"ServerId": server, "UserName": "ada"}
    assert transfer.create_user(**names, Role=ROLE, SshPublicKeyBody=keys["ed25519"]["public"])["UserName"] == "ada"
    transfer.update_user(**names, HomeDirectory="/bucket/ada")
    key = transfer.import_ssh_public_key(**names, SshPublicKeyBody=keys["ecdsa"]["public"])["SshPublicKeyId"]
    user = transfer.describe_user(**names)["User"]
    assert [k["SshPublicKeyBody"] for k in user["SshPublicKeys"]] == [
        keys["ed25519"]["public"],
        keys["ecdsa"]["public"],
    ]
    assert user["SshPublicKeys"][0]["DateImported"].year >= 2026
    assert user["HomeDirectory"] == "/bucket/ada" and user["HomeDirectoryType"] == "PATH"
    transfer.delete_ssh_public_key(**names, SshPublicKeyId=key)
    assert transfer.list_users(ServerId=server)["Users"][0]["SshPublicKeyCount"] == 1
    transfer.delete_user(**names)

    host = transfer.import_host_key(ServerId=server, HostKeyBody=keys["ed25519"]["private"], Description="next")
    host = {"ServerId": server, "HostKeyId": host["HostKeyId"]}
    transfer.update_host_key(**host, Description="soon")
    described = transfer.describe_host_key(**host)["HostKey"]
    assert described["HostKeyFingerprint"] == keys["ed25519"]["fingerprint"] + "="
    assert described["Description"] == "soon" and described["Type"] == "ssh-ed25519"
    listed = transfer.list_host_keys(ServerId=server)["HostKeys"]
    assert {k["Type"] for k in listed} == {"ssh-rsa", "ssh-ed25519"}
    assert keys["ed25519"]["fingerprint"] + "=" in {k["Fingerprint"] for k in listed}
    transfer.delete_host_key(**host)

    transfer.tag_resource(Arn=arn(f"server/{server}"), Tags=[{"Key": "cost", "Value": "1"}])
    transfer.untag_resource(Arn=arn(f"server/{server}"), TagKeys=["team"])
    assert transfer.list_tags_for_resource(Arn=arn(f"server/{server}"))["Tags"] == [{"Key": "cost", "Value": "1"}]

    directory = transfer.create_server(
        IdentityProviderType="AWS_DIRECTORY_SERVICE", IdentityProviderDetails={"DirectoryId": "d-0123456789"}
    )["ServerId"]
    group = {"ServerId": directory, "ExternalId": SID}
    assert transfer.create_access(**group, Role=ROLE)["ExternalId"] == SID
    transfer.update_access(**group, HomeDirectory="/bucket")
    assert transfer.describe_access(**group)["Access"]["HomeDirectory"] == "/bucket"
    assert transfer.list_accesses(ServerId=directory)["Accesses"][0]["ExternalId"] == SID
    tested = transfer.test_identity_provider(ServerId=directory, UserName="ada", UserPassword="secret")
    assert tested["StatusCode"] == 200
    transfer.delete_access(**group)

    policy = transfer.describe_security_policy(SecurityPolicyName="TransferSecurityPolicy-2024-01")["SecurityPolicy"]
    assert "ecdh-sha2-nistp256" in policy["SshKexs"] and policy["Fips"] is False
    assert "TransferSecurityPolicy-2024-01" in transfer.list_security_policies()["SecurityPolicyNames"]
    transfer.delete_server(ServerId=server)

    done = {call["operation"] for call in sim.calls() if call["outcome"] == "ok"}
    assert done == set(OPERATIONS)


def test_paginators_collect_every_entry_once(sim, transfer, server_id, directory_id):
    sim.configure(page_size=2, empty_first_page=True)
    for number in range(5):
        transfer.create_user(ServerId=server_id, UserName=f"user{number}", Role=ROLE)
        transfer.create_access(ServerId=directory_id, ExternalId=f"S-1-5-{number}", Role=ROLE)
        transfer.create_server()
    tags = [{"Key": f"key{number}", "Value": ""} for number in range(5)]
    transfer.tag_resource(Arn=arn(f"server/{server_id}"), Tags=tags)
    for operation, parameters, result, count in [
        ("list_servers", {}, "Servers", 7),
        ("list_users", {"ServerId": server_id}, "Users", 5),
        ("list_accesses", {"ServerId": directory_id}, "Accesses", 5),
        ("list_tags_for_resource", {"Arn": arn(f"server/{server_id}")}, "Tags", 5),
        ("list_security_policies", {}, "SecurityPolicyNames", 21),
    ]:
        pages = list(transfer.get_paginator(operation).paginate(**parameters, PaginationConfig={"PageSize": 2}))
        found = [str(entry) for page in pages for entry in page[result]]
        assert len(found) == len(set(found)) == count, operation
        assert len(pages) == 1 + (count + 1) // 2, operation


def test_host_keys_are_paged_though_boto3_has_no_paginator(transfer, server_id, keys):
    for name in ["rsa", "ecdsa", "ed25519"]:
        transfer.import_host_key(ServerId=server_id, HostKeyBody=keys[name]["private"])
    found, token = [], {}
    while token is not None:
        page = transfer.list_host_keys(ServerId=server_id, MaxResults=3, **token)
        found += [key["HostKeyId"] for key in page["HostKeys"]]
        token = {"NextToken": page["NextToken"]} if "NextToken" in page else None
    assert len(set(found)) == len(found) == 4


def test_waiters_see_a_server_come_and_go(sim, transfer):
    sim.configure(transition_time="300ms")
    quick = {"Delay": 1, "MaxAttempts": 20}
    server = transfer.create_server()["ServerId"]
    assert transfer.describe_server(ServerId=server)["Server"]["State"] == "STARTING"
    transfer.get_waiter("server_online").wait(ServerId=server, WaiterConfig=quick)
    transfer.stop_server(ServerId=server)
    transfer.get_waiter("server_offline").wait(ServerId=server, WaiterConfig=quick)
    assert transfer.describe_server(ServerId=server)["Server"]["State"] == "OFFLINE"


@pytest.mark.parametrize(
    "waiter, state", [("server_online", "START_FAILED"), ("server_offline", "STOP_FAILED")]
)
def test_waiters_give_up_on_a_failed_server(sim, transfer, server_id, waiter, state):
    change = {"region": REGION, "set_state": {"server_id": server_id, "state": state}}
    sim.control("POST", "change", change)
    with pytest.raises(WaiterError, match="terminal failure"):
        transfer.get_waiter(waiter).wait(ServerId=server_id, WaiterConfig={"Delay": 1, "MaxAttempts": 5})


def test_the_newest_members_are_kept_and_returned(transfer, keys):
    ports = [{"SftpPort": 22, "CommunicationMode": "SERVER_TALK_FIRST"}, {"SftpPort": 2222}]
    proxy = {"SftpMode": "PROXY_PROTOCOL_V2_ENFORCED"}
    server = transfer.create_server(
        ProtocolDetails={"SftpPorts": ports, "ProxyConfig": proxy}, HostKeyStorageType="SECRETS_MANAGER"
    )["ServerId"]
    shown = transfer.describe_server(ServerId=server)["Server"]["ProtocolDetails"]
    assert shown["SftpPorts"] == ports and shown["ProxyConfig"] == proxy and shown["PassiveIp"] == "AUTO"
    transfer.update_server(ServerId=server, ProtocolDetails={"SftpPorts": []})
    shown = transfer.describe_server(ServerId=server)["Server"]["ProtocolDetails"]
    assert "SftpPorts" not in shown and shown["ProxyConfig"] == proxy
    listed = transfer.list_host_keys(ServerId=server)["HostKeys"][0]
    assert listed["StorageType"] == "SECRETS_MANAGER" and listed["SecretId"].startswith("arn:aws:secretsmanager:")

    kms = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
    body = {"HostKeyBody": keys["ecdsa"]["private"], "StorageType": "SECRETS_MANAGER", "KmsKey": kms}
    host = {"ServerId": server, "HostKeyId": transfer.import_host_key(ServerId=server, **body)["HostKeyId"]}
    assert "SecretId" in transfer.describe_host_key(**host)["HostKey"]
    transfer.update_host_key(**host, StorageType="SERVICE_MANAGED")
    described = transfer.describe_host_key(**host)["HostKey"]
    assert described["StorageType"] == "SERVICE_MANAGED" and "SecretId" not in described
    with pytest.raises(ClientError, match="KmsKey can be specified only"):
        transfer.update_host_key(**host, KmsKey=kms)


def test_an_assumed_role_acts_in_its_own_account(sim, transfer, server_id):
    sts = sim.client("sts")
    assert sts.get_caller_identity()["Account"] == ACCOUNT
    role = "arn:aws:iam::210987654321:role/path/operator"
    made = sts.assume_role(RoleArn=role, RoleSessionName="test", ExternalId="x y&z")["Credentials"]
    there = {"key": made["AccessKeyId"], "secret": made["SecretAccessKey"], "token": made["SessionToken"]}
    identity = sim.client("sts", **there).get_caller_identity()
    assert identity["Arn"] == "arn:aws:sts::210987654321:assumed-role/operator/test"
    other = sim.client(**there)
    assert other.list_servers()["Servers"] == []
    with pytest.raises(ClientError, match="Unknown server"):
        other.describe_server(ServerId=server_id)
    made = other.create_server()["ServerId"]
    assert ":210987654321:" in other.describe_server(ServerId=made)["Server"]["Arn"]
    assert [s["ServerId"] for s in transfer.list_servers()["Servers"]] == [server_id]
    assert sim.client(region="us-east-1").list_servers()["Servers"] == []
    sim.advance("2h")
    skewed = sim.client("sts", **there)
    with pytest.raises(ClientError) as refused:
        skewed.get_caller_identity()
    assert refused.value.response["Error"]["Code"] == "ExpiredToken"


def test_clients_understand_every_style_of_answer(sim, transfer, server_id):
    sim.configure(absent="null", unknown_members=True, empty_body="object", unset="empty", newer_defaults=True)
    transfer.tag_resource(Arn=arn(f"server/{server_id}"), Tags=[{"Key": "a", "Value": "b"}])
    shown = transfer.describe_server(ServerId=server_id)["Server"]
    assert shown["LoggingRole"] == "" and shown["StructuredLogDestinations"] == []
    assert shown["ProtocolDetails"]["SftpPorts"] == [{"SftpPort": 22, "CommunicationMode": "SERVER_TALK_FIRST"}]
    assert "EndpointDetails" not in shown
    for error_type in ["body", "namespaced", "both"]:
        for error_message in ["mixed", "capital", "lower"]:
            sim.configure(error_type=error_type, error_message=error_message)
            with pytest.raises(ClientError) as refused:
                transfer.describe_user(ServerId=server_id, UserName="nobody")
            error = refused.value.response["Error"]
            assert (error["Code"], error["Message"]) == ("ResourceNotFoundException", "Unknown user")
