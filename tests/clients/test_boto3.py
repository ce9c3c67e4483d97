"""Every operation of the service through boto3, read back after each change."""

from datetime import datetime, timedelta, timezone

import pytest
from botocore.exceptions import ClientError
from conftest import ACCOUNT, REGION, fingerprint, pem, private_key, public_key, role, sftp_connector, web_app


def arn(resource):
    return f"arn:aws:transfer:{REGION}:{ACCOUNT}:{resource}"


def test_a_server_gets_the_defaults_that_nobody_sent(transfer):
    server_id = transfer.create_server()["ServerId"]
    server = transfer.describe_server(ServerId=server_id)["Server"]
    assert server["Arn"] == arn(f"server/{server_id}")
    assert server["Domain"] == "S3"
    assert server["EndpointType"] == "PUBLIC"
    assert server["IdentityProviderType"] == "SERVICE_MANAGED"
    assert server["Protocols"] == ["SFTP"]
    assert server["SecurityPolicyName"].startswith("TransferSecurityPolicy-")
    assert server["HostKeyFingerprint"].startswith("SHA256:")
    assert server["UserCount"] == 0


def test_a_server_is_updated_listed_and_deleted(transfer, server):
    transfer.update_server(ServerId=server, PreAuthenticationLoginBanner="hello", LoggingRole=role())
    described = transfer.describe_server(ServerId=server)["Server"]
    assert described["PreAuthenticationLoginBanner"] == "hello"
    assert described["LoggingRole"] == role()
    transfer.update_server(ServerId=server, PreAuthenticationLoginBanner="", LoggingRole="")
    described = transfer.describe_server(ServerId=server)["Server"]
    assert "PreAuthenticationLoginBanner" not in described
    assert "LoggingRole" not in described
    assert server in [s["ServerId"] for s in transfer.list_servers()["Servers"]]
    transfer.delete_server(ServerId=server)
    assert server not in [s["ServerId"] for s in transfer.list_servers()["Servers"]]


def test_a_server_is_stopped_and_started(transfer, server):
    online = transfer.get_waiter("server_online")
    offline = transfer.get_waiter("server_offline")
    often = {"Delay": 0.05, "MaxAttempts": 200}
    online.wait(ServerId=server, WaiterConfig=often)
    transfer.stop_server(ServerId=server)
    offline.wait(ServerId=server, WaiterConfig=often)
    transfer.start_server(ServerId=server)
    online.wait(ServerId=server, WaiterConfig=often)
    assert transfer.describe_server(ServerId=server)["Server"]["State"] == "ONLINE"


def test_a_user_lives_and_dies(transfer, server):
    home = [{"Entry": "/", "Target": "/bucket/${transfer:UserName}"}]
    who = {"ServerId": server, "UserName": "alice"}
    created = transfer.create_user(
        **who,
        Role=role(),
        HomeDirectoryType="LOGICAL",
        HomeDirectoryMappings=home,
        Tags=[{"Key": "team", "Value": "a"}],
    )
    assert (created["ServerId"], created["UserName"]) == (server, "alice")
    user = transfer.describe_user(**who)["User"]
    assert user["Arn"] == arn(f"user/{server}/alice")
    assert user["HomeDirectoryMappings"] == home
    assert user["Tags"] == [{"Key": "team", "Value": "a"}]
    assert user["SshPublicKeys"] == []
    transfer.update_user(**who, HomeDirectoryType="PATH", HomeDirectory="/bucket", Role=role("other"))
    user = transfer.describe_user(**who)["User"]
    assert (user["HomeDirectory"], user["HomeDirectoryType"], user["Role"]) == ("/bucket", "PATH", role("other"))
    assert "HomeDirectoryMappings" not in user
    assert [u["UserName"] for u in transfer.list_users(ServerId=server)["Users"]] == ["alice"]
    transfer.delete_user(**who)
    assert transfer.list_users(ServerId=server)["Users"] == []


def test_keys_of_a_user_come_and_go(transfer, server):
    who = {"ServerId": server, "UserName": "alice"}
    transfer.create_user(**who, Role=role(), SshPublicKeyBody=public_key())
    added = transfer.import_ssh_public_key(**who, SshPublicKeyBody=public_key("openssh-p256"))["SshPublicKeyId"]
    keys = transfer.describe_user(**who)["User"]["SshPublicKeys"]
    assert [k["SshPublicKeyBody"].split()[:2] for k in keys] == [
        public_key().split()[:2],
        public_key("openssh-p256").split()[:2],
    ]
    assert keys[1]["SshPublicKeyId"] == added
    # boto3 makes a date of the number on the wire.
    assert abs(keys[1]["DateImported"] - datetime.now(timezone.utc)) < timedelta(hours=1)
    transfer.delete_ssh_public_key(**who, SshPublicKeyId=added)
    keys = transfer.describe_user(**who)["User"]["SshPublicKeys"]
    assert added not in [k["SshPublicKeyId"] for k in keys]
    assert len(keys) == 1


def test_a_workflow_lives_and_dies(transfer, server):
    copy = {"Type": "COPY", "CopyStepDetails": {"DestinationFileLocation": {"S3FileLocation": {"Bucket": "kept"}}}}
    remove = {"Type": "DELETE", "DeleteStepDetails": {"SourceFileLocation": "${original.file}"}}
    tags = [{"Key": "team", "Value": "a"}]
    made = {"Description": "keep", "Steps": [copy, remove], "OnExceptionSteps": [remove], "Tags": tags}
    which = {"WorkflowId": transfer.create_workflow(**made)["WorkflowId"]}
    identity = which | {"Arn": arn(f"workflow/{which['WorkflowId']}")}
    assert transfer.describe_workflow(**which)["Workflow"] == made | identity
    assert transfer.list_workflows()["Workflows"] == [identity | {"Description": "keep"}]
    transfer.tag_resource(Arn=identity["Arn"], Tags=[{"Key": "team", "Value": "b"}])
    assert transfer.describe_workflow(**which)["Workflow"]["Tags"] == [{"Key": "team", "Value": "b"}]
    transfer.update_server(ServerId=server, WorkflowDetails={"OnUpload": [which | {"ExecutionRole": role()}]})
    transfer.update_server(ServerId=server, WorkflowDetails={"OnUpload": []})
    transfer.delete_workflow(**which)
    assert transfer.list_workflows()["Workflows"] == []


def test_a_connector_lives_and_dies(transfer):
    made = sftp_connector(MaxConcurrentConnections=2)
    tags = [{"Key": "team", "Value": "a"}]
    which = {"ConnectorId": transfer.create_connector(**made, Tags=tags)["ConnectorId"]}
    identity = which | {"Arn": arn(f"connector/{which['ConnectorId']}"), "Url": made["Url"]}
    connector = transfer.describe_connector(**which)["Connector"]
    assert len(connector.pop("ServiceManagedEgressIpAddresses")) == 3
    defaults = {"SecurityPolicyName": "TransferSFTPConnectorSecurityPolicy-2024-03", "IpAddressType": "IPV4"}
    told = {"Status": "ACTIVE", "EgressType": "SERVICE_MANAGED", "Tags": tags}
    assert connector == made | identity | defaults | told
    tried = transfer.test_connection(**which)
    key = tried["SftpConnectionDetails"]["HostKey"]
    assert tried["Status"] == "ERROR"
    transfer.update_connector(**which, SftpConfig={"TrustedHostKeys": [key]}, LoggingRole=role("logging"))
    connector = transfer.describe_connector(**which)["Connector"]
    assert connector["SftpConfig"] == made["SftpConfig"] | {"TrustedHostKeys": [key]}
    assert connector["LoggingRole"] == role("logging")
    assert transfer.list_connectors()["Connectors"] == [identity]
    transfer.tag_resource(Arn=identity["Arn"], Tags=[{"Key": "team", "Value": "b"}])
    assert transfer.describe_connector(**which)["Connector"]["Tags"] == [{"Key": "team", "Value": "b"}]
    transfer.delete_connector(**which)
    assert transfer.list_connectors()["Connectors"] == []


def test_a_connector_through_a_vpc_becomes_active_or_errs(sim, transfer):
    sim.post("config", {"connector_time": "1h", "signature_tolerance": "48h"})
    resource = f"arn:aws:vpc-lattice:{REGION}:{ACCOUNT}:resourceconfiguration/rcfg-0123456789abcdefg"
    made = sftp_connector() | {"EgressConfig": {"VpcLattice": {"ResourceConfigurationArn": resource}}}
    made.pop("Url")
    which = {"ConnectorId": transfer.create_connector(**made)["ConnectorId"]}
    connector = transfer.describe_connector(**which)["Connector"]
    assert (connector["Status"], connector["EgressType"]) == ("PENDING", "VPC_LATTICE")
    assert connector["EgressConfig"]["VpcLattice"] == {"ResourceConfigurationArn": resource, "PortNumber": 22}
    sim.post("clock", {"advance": "1h"})
    assert transfer.describe_connector(**which)["Connector"]["Status"] == "ACTIVE"
    told = {"status": "ERRORED", "error_message": "no such resource"}
    sim.post("change", {"set_connector": {"connector_id": which["ConnectorId"]} | told})
    connector = transfer.describe_connector(**which)["Connector"]
    assert (connector["Status"], connector["ErrorMessage"]) == ("ERRORED", "no such resource")


def test_a_connection_is_tried_once_in_a_second(sim, transfer):
    which = {"ConnectorId": transfer.create_connector(**sftp_connector())["ConnectorId"]}
    sim.post("config", {"connection_test_interval": "1h", "signature_tolerance": "48h"})
    key = transfer.test_connection(**which)["SftpConnectionDetails"]["HostKey"]
    transfer.update_connector(**which, SftpConfig={"TrustedHostKeys": [f"partner.example.com {key}"]})
    with pytest.raises(ClientError) as refusal:
        transfer.test_connection(**which)
    assert refusal.value.response["Error"]["Code"] == "ThrottlingException"
    sim.post("clock", {"advance": "1h"})
    tried = transfer.test_connection(**which)
    assert (tried["Status"], tried["StatusMessage"]) == ("OK", "Connection succeeded")


def test_an_agreement_lives_and_dies(transfer, as2_server, partners):
    named = {"ServerId": as2_server} | partners
    made = named | {"AccessRole": role(), "BaseDirectory": "/bucket/in", "Description": "orders"}
    tags = [{"Key": "team", "Value": "a"}]
    agreement = transfer.create_agreement(**made, Tags=tags)["AgreementId"]
    which = {"ServerId": as2_server, "AgreementId": agreement}
    identity = named | which | {"Arn": arn(f"agreement/{as2_server}/{agreement}"), "Description": "orders"}
    off = {"PreserveFilename": "DISABLED", "EnforceMessageSigning": "DISABLED"}
    described = transfer.describe_agreement(**which)["Agreement"]
    assert described == made | identity | off | {"Status": "ACTIVE", "Tags": tags}
    names = ["FailedFiles", "MdnFiles", "PayloadFiles", "StatusFiles", "TemporaryFiles"]
    custom = {f"{name}Directory": f"/bucket/{name}" for name in names}
    transfer.update_agreement(**which, CustomDirectories=custom, Status="INACTIVE")
    described = transfer.describe_agreement(**which)["Agreement"]
    assert (described["CustomDirectories"], described["Status"]) == (custom, "INACTIVE")
    assert "BaseDirectory" not in described
    listed = transfer.list_agreements(ServerId=as2_server)["Agreements"]
    assert listed == [identity | {"Status": "INACTIVE"}]
    transfer.tag_resource(Arn=identity["Arn"], Tags=[{"Key": "team", "Value": "b"}])
    assert transfer.describe_agreement(**which)["Agreement"]["Tags"] == [{"Key": "team", "Value": "b"}]
    transfer.delete_agreement(**which)
    assert transfer.list_agreements(ServerId=as2_server)["Agreements"] == []


def test_a_profile_lives_and_dies(transfer):
    keys = [transfer.import_certificate(Usage="SIGNING", Certificate=pem("partner.pem"))["CertificateId"] for _ in "ab"]
    made = {"As2Id": "them", "ProfileType": "PARTNER"}
    tags = [{"Key": "team", "Value": "a"}]
    which = {"ProfileId": transfer.create_profile(**made, CertificateIds=keys[:1], Tags=tags)["ProfileId"]}
    identity = made | which | {"Arn": arn(f"profile/{which['ProfileId']}")}
    assert transfer.describe_profile(**which)["Profile"] == identity | {"CertificateIds": keys[:1], "Tags": tags}
    transfer.update_profile(**which, CertificateIds=keys)
    assert transfer.describe_profile(**which)["Profile"]["CertificateIds"] == keys
    assert transfer.list_profiles(ProfileType="PARTNER")["Profiles"] == [identity]
    assert transfer.list_profiles(ProfileType="LOCAL")["Profiles"] == []
    transfer.untag_resource(Arn=identity["Arn"], TagKeys=["team"])
    assert transfer.describe_profile(**which)["Profile"]["Tags"] == []
    transfer.delete_profile(**which)
    assert transfer.list_profiles()["Profiles"] == []


def test_a_certificate_lives_and_dies(transfer):
    made = {"Usage": "SIGNING", "Certificate": pem("own.pem"), "CertificateChain": pem("ca.pem"), "Description": "ours"}
    tags = [{"Key": "team", "Value": "a"}]
    created = transfer.import_certificate(**made, PrivateKey=pem("own.key"), Tags=tags)
    which = {"CertificateId": created["CertificateId"]}
    dates = {"NotBeforeDate": datetime(2020, 1, 1, tzinfo=timezone.utc)}
    dates["NotAfterDate"] = datetime(2049, 12, 31, 23, 59, 59, tzinfo=timezone.utc)
    dates |= {"ActiveDate": dates["NotBeforeDate"], "InactiveDate": dates["NotAfterDate"]}
    identity = which | {"Arn": arn(f"certificate/{which['CertificateId']}"), "Type": "CERTIFICATE_WITH_PRIVATE_KEY"}
    told = {"Status": "ACTIVE", "Serial": "1001", "Tags": tags}
    assert transfer.describe_certificate(**which)["Certificate"] == made | identity | dates | told
    soon = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=1)
    transfer.update_certificate(**which, ActiveDate=soon, Description="later")
    (listed,) = transfer.list_certificates()["Certificates"]
    shown = {"Status": "PENDING_ROTATION", "ActiveDate": soon, "InactiveDate": dates["InactiveDate"]}
    assert listed == identity | shown | {"Usage": "SIGNING", "Description": "later"}
    transfer.tag_resource(Arn=identity["Arn"], Tags=[{"Key": "team", "Value": "b"}])
    assert transfer.describe_certificate(**which)["Certificate"]["Tags"] == [{"Key": "team", "Value": "b"}]
    transfer.delete_certificate(**which)
    assert transfer.list_certificates()["Certificates"] == []


def test_a_web_app_lives_and_dies(transfer):
    tags = [{"Key": "team", "Value": "a"}]
    which = {"WebAppId": transfer.create_web_app(**web_app(), Tags=tags)["WebAppId"]}
    described = transfer.describe_web_app(**which)["WebApp"]
    identity = which | {"Arn": arn(f"webapp/{which['WebAppId']}"), "EndpointType": "PUBLIC"}
    endpoint = {"WebAppEndpoint": described["WebAppEndpoint"]}
    center = described.pop("DescribedIdentityProviderDetails")["IdentityCenterConfig"]
    assert center.pop("ApplicationArn").startswith(f"arn:aws:sso::{ACCOUNT}:application/ssoins-0123456789abcdef/apl-")
    assert {"IdentityProviderDetails": {"IdentityCenterConfig": center}} == web_app()
    told = {"WebAppUnits": {"Provisioned": 1}, "WebAppEndpointPolicy": "STANDARD", "Tags": tags}
    assert described == identity | endpoint | told | {"AccessEndpoint": described["WebAppEndpoint"]}
    access = {"AccessEndpoint": "https://files.example.com"}
    transfer.update_web_app(**which, **access, WebAppUnits={"Provisioned": 2})
    assert transfer.describe_web_app(**which)["WebApp"]["WebAppUnits"] == {"Provisioned": 2}
    assert transfer.list_web_apps()["WebApps"] == [identity | endpoint | access]
    transfer.tag_resource(Arn=identity["Arn"], Tags=[{"Key": "team", "Value": "b"}])
    assert transfer.describe_web_app(**which)["WebApp"]["Tags"] == [{"Key": "team", "Value": "b"}]
    transfer.delete_web_app(**which)
    assert transfer.list_web_apps()["WebApps"] == []


def test_a_web_app_is_customized(sim, transfer):
    which = {"WebAppId": transfer.create_web_app(**web_app())["WebAppId"]}
    looks = {"Title": "Files", "LogoFile": b"\x89PNG logo", "FaviconFile": b"\x00icon"}
    transfer.update_web_app_customization(**which, **looks)
    told = transfer.describe_web_app_customization(**which)["WebAppCustomization"]
    assert told == which | looks | {"Arn": arn(f"webapp/{which['WebAppId']}")}
    transfer.update_web_app_customization(**which, Title="Others")
    assert transfer.describe_web_app_customization(**which)["WebAppCustomization"] == told | {"Title": "Others"}
    transfer.delete_web_app_customization(**which)
    with pytest.raises(transfer.exceptions.ResourceNotFoundException):
        transfer.describe_web_app_customization(**which)
    inputs = [call["input"] for call in sim.get("calls")["calls"] if call["operation"] == "UpdateWebAppCustomization"]
    assert inputs[0] == which | {"Title": "Files", "LogoFile": "REDACTED", "FaviconFile": "REDACTED"}


def test_an_access_lives_and_dies(transfer, directory_server):
    group = {"ServerId": directory_server, "ExternalId": "S-1-5-21-1-2-3-4"}
    assert transfer.create_access(**group, Role=role(), HomeDirectory="/bucket")["ExternalId"] == group["ExternalId"]
    transfer.update_access(**group, HomeDirectory="/other")
    assert transfer.describe_access(**group)["Access"]["HomeDirectory"] == "/other"
    listed = transfer.list_accesses(ServerId=directory_server)["Accesses"]
    assert [a["ExternalId"] for a in listed] == [group["ExternalId"]]
    transfer.delete_access(**group)
    assert transfer.list_accesses(ServerId=directory_server)["Accesses"] == []


def test_host_keys_have_the_fingerprint_of_openssh(transfer, server):
    for name in ["openssh-p256", "openssh-rsa2048", "pkcs1-rsa4096", "pkcs8-p384", "sec1-p521"]:
        key = transfer.import_host_key(ServerId=server, HostKeyBody=private_key(name), Description=name)["HostKeyId"]
        described = transfer.describe_host_key(ServerId=server, HostKeyId=key)["HostKey"]
        assert described["HostKeyFingerprint"].rstrip("=") == fingerprint(name)
        assert described["Arn"] == arn(f"host-key/{server}/{key}")
        transfer.update_host_key(ServerId=server, HostKeyId=key, Description="changed")
        assert transfer.describe_host_key(ServerId=server, HostKeyId=key)["HostKey"]["Description"] == "changed"
        assert key in [k["HostKeyId"] for k in transfer.list_host_keys(ServerId=server)["HostKeys"]]
        transfer.delete_host_key(ServerId=server, HostKeyId=key)
        assert key not in [k["HostKeyId"] for k in transfer.list_host_keys(ServerId=server)["HostKeys"]]


def test_tags_are_set_replaced_and_removed(transfer, server):
    resource = arn(f"server/{server}")
    transfer.tag_resource(Arn=resource, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    transfer.tag_resource(Arn=resource, Tags=[{"Key": "b", "Value": "3"}])
    listed = transfer.list_tags_for_resource(Arn=resource)
    assert listed["Arn"] == resource
    assert listed["Tags"] == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "3"}]
    transfer.untag_resource(Arn=resource, TagKeys=["a"])
    assert transfer.list_tags_for_resource(Arn=resource)["Tags"] == [{"Key": "b", "Value": "3"}]


def test_security_policies_are_listed_and_described(transfer):
    names = transfer.list_security_policies()["SecurityPolicyNames"]
    assert "TransferSecurityPolicy-2024-01" in names
    for name in names:
        assert transfer.describe_security_policy(SecurityPolicyName=name)["SecurityPolicy"]["SecurityPolicyName"] == name


def test_an_identity_provider_is_asked(transfer, directory_server):
    who = {"ServerId": directory_server, "UserName": "alice", "ServerProtocol": "SFTP"}
    assert transfer.test_identity_provider(**who, UserPassword="x")["StatusCode"] == 200
    assert transfer.test_identity_provider(**who)["StatusCode"] == 401


def test_a_deleted_server_takes_everything_along(sim, transfer, server):
    transfer.create_user(ServerId=server, UserName="alice", Role=role())
    transfer.delete_server(ServerId=server)
    held = sim.get("state")["accounts"][ACCOUNT][REGION]["servers"]
    assert server not in held


def test_regions_know_nothing_of_each_other(sim, server):
    elsewhere = sim.client(region_name="eu-central-1")
    assert elsewhere.list_servers()["Servers"] == []
