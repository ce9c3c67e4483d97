"""Every operation through the AWS CLI, with its own pagination and waiters."""

from conftest import ACCOUNT, OPERATIONS, REGION, ROLE

SID = "S-1-5-21-1-2-3-4"


def test_every_operation_works(sim, keys, tmp_path):
    def aws(operation, **parameters):
        words = [operation]
        for name, value in parameters.items():
            words.append("--" + name.replace("_", "-"))
            words += value if isinstance(value, list) else [value]
        return sim.cli("transfer", *words)

    for name, key in keys.items():
        (tmp_path / name).write_text(key["private"])
    server = aws("create-server", tags="Key=team,Value=a", host_key=f"file://{tmp_path}/rsa")["ServerId"]
    arn = f"arn:aws:transfer:{REGION}:{ACCOUNT}:server/{server}"
    assert aws("update-server", server_id=server, protocol_details="SetStatOption=ENABLE_NO_OP")["ServerId"] == server
    shown = aws("describe-server", server_id=server)["Server"]
    assert shown["ProtocolDetails"]["SetStatOption"] == "ENABLE_NO_OP"
    assert shown["Tags"] == [{"Key": "team", "Value": "a"}]
    assert aws("stop-server", server_id=server) == ""
    sim.cli("transfer", "wait", "server-offline", "--server-id", server)
    assert aws("start-server", server_id=server) == ""
    sim.cli("transfer", "wait", "server-online", "--server-id", server)
    assert aws("list-servers")["Servers"][0]["ServerId"] == server

    names = {"server_id": server, "user_name": "ada"}
    aws("create-user", **names, role=ROLE, home_directory_type="LOGICAL",
        home_directory_mappings="Entry=/,Target=/bucket/ada")
    aws("update-user", **names, posix_profile="Uid=4294967295,Gid=0,SecondaryGids=1,2")
    key = aws("import-ssh-public-key", **names, ssh_public_key_body=keys["rsa"]["public"])["SshPublicKeyId"]
    user = aws("describe-user", **names)["User"]
    assert user["HomeDirectoryMappings"] == [{"Entry": "/", "Target": "/bucket/ada"}]
    assert user["PosixProfile"] == {"Uid": 4294967295, "Gid": 0, "SecondaryGids": [1, 2]}
    assert user["SshPublicKeys"][0]["SshPublicKeyId"] == key
    aws("delete-ssh-public-key", **names, ssh_public_key_id=key)
    assert aws("list-users", server_id=server)["Users"][0]["UserName"] == "ada"
    assert aws("delete-user", **names) == ""

    imported = aws("import-host-key", server_id=server, host_key_body=f"file://{tmp_path}/ecdsa")
    host = {"server_id": server, "host_key_id": imported["HostKeyId"]}
    aws("update-host-key", **host, description="a key")
    described = aws("describe-host-key", **host)["HostKey"]
    assert described["Type"] == "ecdsa-sha2-nistp256"
    assert described["HostKeyFingerprint"] == keys["ecdsa"]["fingerprint"] + "="
    assert len(aws("list-host-keys", server_id=server)["HostKeys"]) == 2
    aws("delete-host-key", **host)

    aws("tag-resource", arn=arn, tags="Key=cost,Value=1")
    aws("untag-resource", arn=arn, tag_keys="team")
    assert aws("list-tags-for-resource", arn=arn)["Tags"] == [{"Key": "cost", "Value": "1"}]

    directory = aws("create-server", identity_provider_type="AWS_DIRECTORY_SERVICE",
                    identity_provider_details="DirectoryId=d-0123456789")["ServerId"]
    group = {"server_id": directory, "external_id": SID}
    aws("create-access", **group, role=ROLE)
    aws("update-access", **group, home_directory="/bucket")
    assert aws("describe-access", **group)["Access"]["HomeDirectory"] == "/bucket"
    assert len(aws("list-accesses", server_id=directory)["Accesses"]) == 1
    tested = aws("test-identity-provider", server_id=directory, user_name="ada", user_password="secret")
    assert tested["StatusCode"] == 200
    aws("delete-access", **group)

    name = "TransferSecurityPolicy-FIPS-2024-01"
    assert aws("describe-security-policy", security_policy_name=name)["SecurityPolicy"]["Fips"] is True
    assert name in aws("list-security-policies", page_size="5")["SecurityPolicyNames"]
    assert aws("delete-server", server_id=server) == ""

    calls = sim.calls()
    assert {call["operation"] for call in calls if call["outcome"] == "ok"} == set(OPERATIONS)
    assert "PRIVATE KEY" not in str(calls) and "secret" not in str([c["input"] for c in calls])


def test_the_cli_assumes_roles_and_tells_who_it_is(sim):
    made = sim.cli("sts", "assume-role", "--role-arn", "arn:aws:iam::210987654321:role/operator",
                   "--role-session-name", "test")["Credentials"]
    there = {
        "AWS_ACCESS_KEY_ID": made["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"],
        "AWS_SESSION_TOKEN": made["SessionToken"],
    }
    assert sim.cli("sts", "get-caller-identity", **there)["Account"] == "210987654321"
    assert sim.cli("transfer", "list-servers", **there) == {"Servers": []}
