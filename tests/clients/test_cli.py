"""Every operation through the AWS CLI, its waiters, and what it prints of a refusal."""

import json
from datetime import datetime, timezone

from conftest import ACCOUNT, CERTIFICATES, REGION, as2_config, private_key, public_key, role, web_app


def test_who_am_i(aws):
    assert aws("get-caller-identity", service="sts")["Account"] == ACCOUNT


def test_servers(aws):
    server = aws("create-server", tags=[{"Key": "Name", "Value": "one"}])["ServerId"]
    aws("wait", "server-online", server_id=server)
    aws("update-server", server_id=server, pre_authentication_login_banner="hello")
    aws("stop-server", server_id=server)
    aws("wait", "server-offline", server_id=server)
    aws("start-server", server_id=server)
    described = aws("describe-server", server_id=server)["Server"]
    assert described["PreAuthenticationLoginBanner"] == "hello"
    assert described["Tags"] == [{"Key": "Name", "Value": "one"}]
    assert described["State"] in ["STARTING", "ONLINE"]
    assert [s["ServerId"] for s in aws("list-servers")["Servers"]] == [server]
    aws("delete-server", server_id=server)
    assert aws("list-servers")["Servers"] == []


def test_users_and_their_keys(aws, server):
    who = {"server_id": server, "user_name": "alice"}
    aws("create-user", **who, role=role(), home_directory="/bucket")
    key = aws("import-ssh-public-key", **who, ssh_public_key_body=public_key())["SshPublicKeyId"]
    aws("update-user", **who, home_directory="/other")
    user = aws("describe-user", **who)["User"]
    assert user["HomeDirectory"] == "/other"
    assert [k["SshPublicKeyId"] for k in user["SshPublicKeys"]] == [key]
    aws("delete-ssh-public-key", **who, ssh_public_key_id=key)
    assert aws("list-users", server_id=server)["Users"][0]["SshPublicKeyCount"] == 0
    aws("delete-user", **who)
    assert aws("list-users", server_id=server)["Users"] == []


def test_accesses(aws, directory_server):
    group = {"server_id": directory_server, "external_id": "S-1-5-21-1-2-3-4"}
    aws("create-access", **group, role=role(), home_directory="/bucket")
    aws("update-access", **group, home_directory="/other")
    assert aws("describe-access", **group)["Access"]["HomeDirectory"] == "/other"
    listed = aws("list-accesses", server_id=directory_server)["Accesses"]
    assert [a["ExternalId"] for a in listed] == [group["external_id"]]
    aws("delete-access", **group)
    assert aws("list-accesses", server_id=directory_server)["Accesses"] == []


def test_host_keys(aws, server):
    body = private_key("openssh-p256")
    key = {"server_id": server}
    key["host_key_id"] = aws("import-host-key", server_id=server, host_key_body=body)["HostKeyId"]
    aws("update-host-key", **key, description="second")
    assert aws("describe-host-key", **key)["HostKey"]["Description"] == "second"
    assert len(aws("list-host-keys", server_id=server)["HostKeys"]) == 2
    aws("delete-host-key", **key)
    assert len(aws("list-host-keys", server_id=server)["HostKeys"]) == 1


def test_workflows(aws, server):
    remove = [{"Type": "DELETE", "DeleteStepDetails": {"Name": "away"}}]
    workflow = aws("create-workflow", description="remove", steps=remove)["WorkflowId"]
    described = aws("describe-workflow", workflow_id=workflow)["Workflow"]
    assert (described["Steps"], described["Description"]) == (remove, "remove")
    aws("tag-resource", arn=described["Arn"], tags=[{"Key": "a", "Value": "1"}])
    assert aws("list-tags-for-resource", arn=described["Arn"])["Tags"] == [{"Key": "a", "Value": "1"}]
    assert [w["WorkflowId"] for w in aws("list-workflows")["Workflows"]] == [workflow]
    used = {"OnPartialUpload": [{"WorkflowId": workflow, "ExecutionRole": role()}]}
    aws("update-server", server_id=server, workflow_details=used)
    assert f"still in use by server {server}" in aws("delete-workflow", workflow_id=workflow, refused=True)
    aws("update-server", server_id=server, workflow_details={"OnPartialUpload": []})
    aws("delete-workflow", workflow_id=workflow)
    assert aws("list-workflows")["Workflows"] == []


def test_connectors(aws, partners):
    # The CLI reads a URL that stands alone as a place to fetch the value from.
    made = {"AccessRole": role(), "Url": "https://partner.example.com/as2", "As2Config": as2_config(partners)}
    which = {"connector_id": aws("create-connector", cli_input_json=made)["ConnectorId"]}
    aws("update-connector", **which, as2_config={"MessageSubject": "orders"})
    config = aws("describe-connector", **which)["Connector"]["As2Config"]
    assert (config["MessageSubject"], config["SigningAlgorithm"]) == ("orders", "SHA256")
    assert "only for SFTP connectors" in aws("test-connection", **which, refused=True)
    assert [c["ConnectorId"] for c in aws("list-connectors")["Connectors"]] == [which["connector_id"]]
    aws("delete-connector", **which)
    assert aws("list-connectors")["Connectors"] == []


def test_agreements(aws, as2_server, partners):
    named = {"local_profile_id": partners["LocalProfileId"], "partner_profile_id": partners["PartnerProfileId"]}
    which = {"server_id": as2_server}
    made = aws("create-agreement", **which, **named, access_role=role(), base_directory="/bucket/in")
    which["agreement_id"] = made["AgreementId"]
    aws("update-agreement", **which, description="orders", enforce_message_signing="ENABLED")
    described = aws("describe-agreement", **which)["Agreement"]
    assert (described["Description"], described["EnforceMessageSigning"]) == ("orders", "ENABLED")
    assert [a["AgreementId"] for a in aws("list-agreements", server_id=as2_server)["Agreements"]] == [made["AgreementId"]]
    told = aws("delete-profile", profile_id=partners["LocalProfileId"], refused=True)
    assert f"in use by agreement {made['AgreementId']}" in told
    aws("delete-agreement", **which)
    assert aws("list-agreements", server_id=as2_server)["Agreements"] == []


def test_profiles(aws):
    which = {"profile_id": aws("create-profile", as2_id="us", profile_type="LOCAL")["ProfileId"]}
    made = {"usage": "SIGNING", "certificate": f"file://{CERTIFICATES / 'own.pem'}"}
    key = aws("import-certificate", **made, private_key=f"file://{CERTIFICATES / 'own.key'}")["CertificateId"]
    aws("update-profile", **which, certificate_ids=[key])
    described = aws("describe-profile", **which)["Profile"]
    assert (described["As2Id"], described["CertificateIds"]) == ("us", [key])
    assert "still in use by profile" in aws("delete-certificate", certificate_id=key, refused=True)
    assert [p["ProfileId"] for p in aws("list-profiles", profile_type="LOCAL")["Profiles"]] == [which["profile_id"]]
    aws("delete-profile", **which)
    assert aws("list-profiles")["Profiles"] == []
    aws("delete-certificate", certificate_id=key)


def test_certificates(aws):
    made = aws("import-certificate", usage="TLS", certificate=f"file://{CERTIFICATES / 'partner.pem'}")
    which = {"certificate_id": made["CertificateId"]}
    aws("update-certificate", **which, description="partner", inactive_date="2040-01-01T00:00:00Z")
    described = aws("describe-certificate", **which)["Certificate"]
    assert (described["Type"], described["Description"], described["Serial"]) == ("CERTIFICATE", "partner", "1002")
    assert described["InactiveDate"] == datetime(2040, 1, 1, tzinfo=timezone.utc).timestamp()
    assert [c["CertificateId"] for c in aws("list-certificates")["Certificates"]] == [made["CertificateId"]]
    aws("delete-certificate", **which)
    assert aws("list-certificates")["Certificates"] == []


def test_web_apps(aws, tmp_path):
    provider = web_app()["IdentityProviderDetails"]
    which = {"web_app_id": aws("create-web-app", identity_provider_details=provider)["WebAppId"]}
    aws("update-web-app", **which, web_app_units={"Provisioned": 3})
    assert aws("describe-web-app", **which)["WebApp"]["WebAppUnits"] == {"Provisioned": 3}
    (tmp_path / "logo").write_bytes(b"logo")
    aws("update-web-app-customization", **which, title="Files", logo_file=f"fileb://{tmp_path / 'logo'}")
    looks = aws("describe-web-app-customization", **which)["WebAppCustomization"]
    assert (looks["Title"], looks["LogoFile"]) == ("Files", "bG9nbw==")
    aws("delete-web-app-customization", **which)
    assert "(ResourceNotFoundException)" in aws("describe-web-app-customization", **which, refused=True)
    assert [w["WebAppId"] for w in aws("list-web-apps")["WebApps"]] == [which["web_app_id"]]
    aws("delete-web-app", **which)
    assert aws("list-web-apps")["WebApps"] == []


def test_tags(aws, server):
    arn = f"arn:aws:transfer:{REGION}:{ACCOUNT}:server/{server}"
    aws("tag-resource", arn=arn, tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    aws("untag-resource", arn=arn, tag_keys="a")
    assert aws("list-tags-for-resource", arn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]


def test_security_policies(aws):
    name = "TransferSecurityPolicy-2024-01"
    assert name in aws("list-security-policies")["SecurityPolicyNames"]
    policy = aws("describe-security-policy", security_policy_name=name)["SecurityPolicy"]
    assert policy["SshCiphers"]


def test_an_identity_provider_is_asked(aws, directory_server):
    answer = aws("test-identity-provider", server_id=directory_server, user_name="alice", user_password="x")
    assert answer["StatusCode"] == 200
    assert "HomeDirectory" in json.loads(answer["Response"])


def test_the_pages_of_a_listing_become_one(aws, transfer):
    made = {transfer.create_server()["ServerId"] for _ in range(5)}
    listed = aws("list-servers", "--page-size", "2")["Servers"]
    assert len(listed) == 5
    assert {s["ServerId"] for s in listed} == made


def test_refusals_are_printed_with_code_and_text(aws):
    missing = aws("describe-server", server_id="s-00000000000000000", refused=True)
    assert "(ResourceNotFoundException)" in missing
    assert "Unknown server" in missing
    broken = aws("describe-server", server_id="s-0000000000000000x", refused=True)
    assert "(ValidationException)" in broken
