//! What each read sends, what is read of AWS's answer, and that no answer is believed without its members.

use super::mutations::mutations;
use super::*;

#[tokio::test]
async fn a_described_server_arrives_whole_and_unknown_values_survive() {
    let wire = Wire::start();
    let described = with(
        server_json(),
        json!({
            "Arn": "arn:s", "ServerId": "s-1", "Domain": "MOON", "State": "PAUSED", "HostKeyFingerprint": "SHA256:x=",
            "UserCount": 7, "As2ServiceManagedEgressIpAddresses": ["192.0.2.7"], "Tags": tags_json(), "New": {"er": 1},
        }),
    );
    wire.reply(ok(json!({"Server": described})));
    let answer = door(&wire.url).read(None, Read::DescribeServer(DescribeServer { server_id: s() })).await.unwrap();
    let Answer::Server(server) = answer.value else { panic!("{answer:?}") };
    assert_eq!(server.settings, server_settings());
    assert_eq!(server.tags, tags());
    assert_eq!((server.arn.as_str(), server.server_id.as_str()), ("arn:s", "s-1"));
    assert_eq!((server.domain, server.state), (some("MOON"), some("PAUSED")));
    assert_eq!((server.host_key_fingerprint, server.user_count), (some("SHA256:x="), Some(7)));
    assert_eq!(server.as2_service_managed_egress_ip_addresses, ["192.0.2.7"]);
    assert_eq!(wire.take()[0].json(), json!({"ServerId": "s-1"}));
}

#[tokio::test]
async fn a_described_workflow_arrives_with_every_member_of_its_steps() {
    let wire = Wire::start();
    let described = with(workflow_json(), json!({"Arn": "arn:w", "WorkflowId": "w-1"}));
    let read = Read::DescribeWorkflow(DescribeWorkflow { workflow_id: "w-1".to_owned() });
    wire.reply(ok(json!({"Workflow": described})));
    let answer = door(&wire.url).read(None, read.clone()).await.unwrap();
    let Answer::Workflow(workflow) = answer.value else { panic!("{answer:?}") };
    assert_eq!((workflow.settings, workflow.tags), (workflow_settings(), Tags::new()));
    wire.reply(ok(json!({"Workflow": without(&described, "Steps")})));
    let fault = door(&wire.url).read(None, read).await.unwrap_err();
    assert!(fault.message.contains("no Workflow.Steps"), "a workflow without steps would be made anew: {fault}");
}

#[tokio::test]
async fn a_described_profile_says_who_it_is_or_is_none() {
    let wire = Wire::start();
    let described = with(profile_json(), json!({"Arn": "arn:p", "ProfileId": "p-1"}));
    let read = Read::DescribeProfile(DescribeProfile { profile_id: "p-1".to_owned() });
    wire.reply(ok(json!({"Profile": described})));
    let answer = door(&wire.url).read(None, read.clone()).await.unwrap();
    let Answer::Profile(profile) = answer.value else { panic!("{answer:?}") };
    assert_eq!((profile.settings, profile.tags), (profile_settings(), Tags::new()));
    wire.reply(ok(json!({"Profile": without(&described, "CertificateIds")})));
    let answer = door(&wire.url).read(None, read.clone()).await.unwrap();
    let Answer::Profile(profile) = answer.value else { panic!("{answer:?}") };
    assert_eq!(profile.settings.certificate_ids, None);
    for member in ["As2Id", "ProfileType"] {
        wire.reply(ok(json!({"Profile": without(&described, member)})));
        let fault = door(&wire.url).read(None, read.clone()).await.unwrap_err();
        assert!(fault.message.contains(&format!("no Profile.{member}")), "it cannot be changed: {fault}");
    }
}

#[tokio::test]
async fn null_is_as_good_as_absent() {
    let wire = Wire::start();
    wire.reply(ok(r#"{"Server":{"Arn":"arn:s","ServerId":"s-1","Tags":null,"S3StorageOptions":null,"State":null,
        "As2ServiceManagedEgressIpAddresses":null,"EndpointDetails":{"VpcId":null}}}"#));
    let answer = door(&wire.url).read(None, Read::DescribeServer(DescribeServer { server_id: s() })).await.unwrap();
    let Answer::Server(server) = answer.value else { panic!("{answer:?}") };
    let settings = ServerSettings { endpoint_details: Some(EndpointDetails::default()), ..Default::default() };
    assert_eq!((server.settings, server.state, server.tags), (settings, None, Tags::new()));
}

#[allow(clippy::too_many_lines, reason = "one table")]
/// Every read, the body that must go out, AWS's answer, and words that our reading of it must hold.
fn reads() -> Vec<(Read, Value, Value, Vec<&'static str>)> {
    let token = || some("t");
    let page = |more: Value| with(json!({"MaxResults": 1000, "NextToken": "t"}), more);
    let on_server = json!({"ServerId": "s-1"});
    let of_others = vec![
        (
            Read::ListServers(ListServers { token: token() }),
            page(json!({})),
            json!({"NextToken": "n", "Servers": [{
                "Arn": "arn:s", "ServerId": "s-1", "State": "ONLINE", "IdentityProviderType": "AWS_LAMBDA", "UserCount": 3,
            }]}),
            vec!["s-1", "next_token: Some(\"n\")", "AWS_LAMBDA"],
        ),
        (
            Read::ListUsers(ListUsers { server_id: s(), token: token() }),
            page(on_server.clone()),
            json!({"ServerId": "s-1", "Users": [{
                "Arn": "arn:u", "UserName": "alice", "Role": "arn:role", "HomeDirectory": "/b/u",
                "HomeDirectoryType": "PATH", "SshPublicKeyCount": 2,
            }]}),
            vec!["alice", "next_token: None"],
        ),
        (
            Read::DescribeUser(DescribeUser { server_id: s(), user_name: u() }),
            json!({"ServerId": "s-1", "UserName": "alice"}),
            json!({"ServerId": "s-1", "User": with(login_json(), json!({
                "Arn": "arn:u", "UserName": "alice", "Tags": tags_json(), "SshPublicKeys": [
                    {"SshPublicKeyId": "key-1", "SshPublicKeyBody": "ssh-rsa B", "DateImported": 1_767_225_600.5},
                ],
            }))}),
            vec!["arn:u", "key-1", "ssh-rsa B", "2026-01-01T00:00:00.5Z", "4294967295", "/b/x", "LOGICAL", "arn:role"],
        ),
        (
            Read::ListAccesses(ListAccesses { server_id: s(), token: token() }),
            page(on_server.clone()),
            json!({"ServerId": "s-1", "Accesses": [{
                "ExternalId": "S-1-5", "Role": "arn:role", "HomeDirectory": "/b/u", "HomeDirectoryType": "PATH",
            }]}),
            vec!["S-1-5", "arn:role"],
        ),
        (
            Read::DescribeAccess(DescribeAccess { server_id: s(), external_id: "S-1-5".to_owned() }),
            json!({"ServerId": "s-1", "ExternalId": "S-1-5"}),
            json!({"ServerId": "s-1", "Access": with(login_json(), json!({"ExternalId": "S-1-5"}))}),
            vec!["S-1-5", "4294967295", "/b/x", "LOGICAL", "arn:role"],
        ),
        (
            Read::ListHostKeys(ListHostKeys { server_id: s(), token: token() }),
            page(on_server),
            json!({"ServerId": "s-1", "HostKeys": [{
                "Arn": "arn:k", "HostKeyId": "hostkey-1", "Fingerprint": "SHA256:y=", "Description": "d",
                "Type": "ssh-rsa", "DateImported": 1_767_225_600, "StorageType": "SECRETS_MANAGER", "SecretId": "arn:secret",
            }]}),
            vec!["arn:k", "hostkey-1", "SHA256:y=", "ssh-rsa", "2026-01-01T00:00:00Z", "SECRETS_MANAGER"],
        ),
        (
            Read::DescribeHostKey(DescribeHostKey { server_id: s(), host_key_id: "hostkey-1".to_owned() }),
            json!({"ServerId": "s-1", "HostKeyId": "hostkey-1"}),
            json!({"HostKey": {
                "Arn": "arn:k", "HostKeyId": "hostkey-1", "HostKeyFingerprint": "SHA256:y=", "Description": "d",
                "Type": "ssh-rsa", "DateImported": 1_767_225_600, "StorageType": "SECRETS_MANAGER",
                "SecretId": "arn:secret", "Tags": tags_json(),
            }}),
            vec![
                "arn:k",
                "hostkey-1",
                "SHA256:y=",
                "ssh-rsa",
                "2026-01-01T00:00:00Z",
                "SECRETS_MANAGER",
                "\"a\": \"1\"",
            ],
        ),
        (
            Read::ListWorkflows(ListWorkflows { token: token() }),
            page(json!({})),
            json!({"Workflows": [{"Arn": "arn:w", "WorkflowId": "w-1", "Description": "d"}]}),
            vec!["w-1"],
        ),
        (
            Read::DescribeWorkflow(DescribeWorkflow { workflow_id: "w-1".to_owned() }),
            json!({"WorkflowId": "w-1"}),
            json!({"Workflow": with(workflow_json(), json!({"Arn": "arn:w", "WorkflowId": "w-1", "Tags": tags_json()}))}),
            vec!["arn:w", "w-1", "\"a\": \"1\"", "FUTURE", "arn:group:*"],
        ),
        (
            Read::ListProfiles(ListProfiles { token: token() }),
            page(json!({})),
            json!({"Profiles": [{"Arn": "arn:p", "ProfileId": "p-1", "As2Id": "us", "ProfileType": "FUTURE"}]}),
            vec!["p-1"],
        ),
        (
            Read::DescribeProfile(DescribeProfile { profile_id: "p-1".to_owned() }),
            json!({"ProfileId": "p-1"}),
            json!({"Profile": with(profile_json(), json!({"Arn": "arn:p", "ProfileId": "p-1", "Tags": tags_json()}))}),
            vec!["arn:p", "p-1", "us", "LOCAL", "cert-1", "cert-2", "\"a\": \"1\""],
        ),
        (
            Read::ListSecurityPolicies(ListSecurityPolicies { token: token() }),
            page(json!({})),
            json!({"SecurityPolicyNames": ["P1", "P2"]}),
            vec!["P1", "P2"],
        ),
        (
            Read::DescribeSecurityPolicy(DescribeSecurityPolicy { name: "P1".to_owned() }),
            json!({"SecurityPolicyName": "P1"}),
            json!({"SecurityPolicy": {
                "SecurityPolicyName": "P1", "Fips": true, "Type": "SERVER", "Protocols": ["SFTP"], "SshCiphers": ["c1"],
                "SshKexs": ["k1"], "SshMacs": ["m1"], "TlsCiphers": ["t1"], "SshHostKeyAlgorithms": ["h1"],
            }}),
            vec!["P1", "fips: Some(true)", "SFTP", "c1", "k1", "m1", "t1", "h1"],
        ),
        (
            Read::TestIdentityProvider(TestIdentityProvider {
                server_id: s(),
                server_protocol: some("SFTP"),
                source_ip: some("192.0.2.1"),
                user_name: u(),
                user_password: Some(SecretString::from("PASSWORD")),
            }),
            json!({
                "ServerId": "s-1", "ServerProtocol": "SFTP", "SourceIp": "192.0.2.1", "UserName": "alice",
                "UserPassword": "PASSWORD",
            }),
            json!({"Response": "{}", "StatusCode": 200, "Message": "fine", "Url": "https://idp"}),
            vec!["200", "fine", "https://idp"],
        ),
    ];
    of_others
        .into_iter()
        .chain(connectors::reads())
        .chain(agreements::reads())
        .chain(certificates::reads())
        .chain(web_apps::reads())
        .collect()
}

#[tokio::test]
async fn every_read_asks_completely_and_its_answer_arrives() {
    let wire = Wire::start();
    let door = door(&wire.url);
    let table = reads();
    assert_eq!(table.len() + 1, 25, "one row per read; DescribeServer has a test of its own");
    for (call, sent, answer, words) in table {
        let operation = call.operation();
        wire.reply(ok(answer));
        let Answered { value, date } = door.read(Some(noon()), call).await.unwrap();
        let [request] = &wire.take()[..] else { panic!("{operation} was not sent once") };
        assert_eq!(request.operation(), operation);
        assert_eq!(request.json(), sent, "{operation}");
        assert_eq!(request.signed_at(), "20260101T120000Z", "{operation}");
        assert_eq!(date, Some(at("2026-01-01T00:00:00Z")), "{operation}");
        let read = format!("{value:?}");
        for word in words {
            assert!(read.contains(word), "{operation}: no {word} in {read}");
        }
    }
}

#[tokio::test]
async fn an_answer_without_its_members_is_no_empty_answer() {
    let wire = Wire::start();
    let door = door(&wire.url);
    for (call, _, _, _) in reads() {
        let operation = call.operation();
        for body in ["", "{}", r#"{"Message":"hello"}"#, "[]", "<html>", "null"] {
            wire.reply(ok(body));
            let fault = door.read(None, call.clone()).await.expect_err(&format!("{operation} {body}"));
            assert_eq!(fault.kind, AwsErrorKind::Lost, "{operation} {body}: {fault}");
        }
    }
    for row in [json!({"Arn": "arn:s"}), json!({"Arn": "arn:s", "ServerId": ""})] {
        wire.reply(ok(json!({"Servers": [{"Arn": "arn:1", "ServerId": "s-0"}, row]})));
        let fault = door.read(None, Read::ListServers(ListServers { token: None })).await.unwrap_err();
        assert_eq!((fault.kind, fault.code.as_str()), (AwsErrorKind::Lost, "UnreadableAnswer"));
    }
}

/// AWS's answer without one member.
fn without(answer: &Value, member: &str) -> Value {
    let mut answer = answer.clone();
    assert!(answer.as_object_mut().unwrap().remove(member).is_some(), "{answer} has no {member}");
    answer
}

#[tokio::test]
async fn each_member_that_a_call_says_it_needs_is_missed_by_name() {
    let wire = Wire::start();
    let door = door(&wire.url);
    let described = (
        Read::DescribeServer(DescribeServer { server_id: s() }),
        json!({"Server": with(server_json(), json!({"Arn": "arn:s", "ServerId": "s-1"}))}),
    );
    let reads = reads().into_iter().map(|(call, _, answer, _)| (call, answer)).chain([described]);
    for (call, answer) in reads {
        let operation = call.operation();
        assert!(!call.required().is_empty(), "{operation}: an empty body would be believed");
        for member in call.required() {
            wire.reply(ok(without(&answer, member)));
            let fault = door.read(None, call.clone()).await.unwrap_err();
            assert_eq!((fault.kind, fault.operation), (AwsErrorKind::Lost, operation), "{fault}");
            assert!(fault.message.contains(&format!("no {member}")), "{fault}");
        }
    }
    for (call, _, answer, _) in mutations() {
        let operation = call.operation();
        assert_eq!(call.required().is_empty(), answer == json!({}), "{operation}");
        for member in call.required() {
            let fault = fault_of(&wire, &door, call.clone(), ok(without(&answer, member))).await;
            assert_eq!((fault.kind, fault.operation), (AwsErrorKind::Lost, operation), "{fault}");
            assert!(fault.message.contains(&format!("no {member}")), "{fault}");
        }
    }
}

#[tokio::test]
async fn no_listing_is_empty_because_its_list_is_missing() {
    let wire = Wire::start();
    let door = door(&wire.url);
    let listings: Vec<Read> =
        reads().into_iter().map(|row| row.0).filter(|call| call.operation().starts_with("List")).collect();
    assert_eq!(listings.len(), 11);
    for call in listings {
        let (operation, [list]) = (call.operation(), call.required()) else { panic!("{call:?} names no list") };
        for body in [json!({}), json!({"NextToken": "n"}), json!({"ServerId": "s-1", "Items": []})] {
            wire.reply(ok(body.clone()));
            let fault = door.read(None, call.clone()).await.expect_err(operation);
            assert_eq!(fault.kind, AwsErrorKind::Lost, "{operation} {body}");
            assert!(fault.message.contains(&format!("no {list}")), "{operation} {body}: {fault}");
        }
        // It is the list itself that counts: with it, the page is as empty as it says.
        wire.reply(ok(json!({"ServerId": "s-1", *list: []})));
        door.read(None, call).await.unwrap();
    }
}
