//! The SDK adapter against a server that answers byte by byte what a test says: what is sent, how often and signed
//! when, and what becomes of answers that no well-behaved service gives.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use aws_credential_types::Credentials;
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Value, json};
use transfer_operator::api::shapes::{
    EndpointDetails, HomeDirectoryMapEntry, IdentityProviderDetails, PosixProfile, ProtocolDetails, ProxyConfig,
    S3StorageOptions, SftpPortWithOptions,
};
use transfer_operator::api::workflow::{
    CopyStepDetails, CustomStepDetails, DecryptStepDetails, DeleteStepDetails, EfsFileLocation, FileLocation,
    S3FileLocation, S3Tag, TagStepDetails, WorkflowStep,
};
use transfer_operator::aws::credentials::{CredentialCache, Issue, Issued};
use transfer_operator::aws::ec2::Ec2Client;
use transfer_operator::aws::rate_limiter::Rates;
use transfer_operator::aws::sdk::SdkApi;
use transfer_operator::aws::transfer::{
    CreateAccess, CreateServer, CreateUser, CreateWorkflow, DeleteAccess, DeleteHostKey, DeleteServer,
    DeleteSshPublicKey, DeleteUser, DeleteWorkflow, DescribeAccess, DescribeHostKey, DescribeSecurityPolicy,
    DescribeServer, DescribeUser, DescribeWorkflow, ImportHostKey, ImportSshPublicKey, ListAccesses, ListHostKeys,
    ListSecurityPolicies, ListServers, ListUsers, ListWorkflows, LoginSettings, ServerSettings, StartServer,
    StopServer, TagResource, Tags, TestIdentityProvider, UntagResource, UpdateAccess, UpdateHostKey, UpdateServer,
    UpdateUser, WorkflowDetail, WorkflowDetails, WorkflowSettings,
};
use transfer_operator::aws::{
    Answer, AwsApi, AwsError, AwsErrorKind, CallClass, CreateOutput, Mutation, Permit, Rank, RateLimiter, Read,
    Reply as Answered, http as http_door,
};
use wire::{Reply, Wire, error, http, ok};

/// Credentials with a new name each time they are asked for: KEY1, KEY2 and so on.
#[derive(Debug, Default)]
struct Numbered(AtomicU32);

#[async_trait]
impl Issue for Numbered {
    async fn issue(&self) -> Result<Issued, AwsError> {
        let name = format!("KEY{}", self.0.fetch_add(1, Ordering::SeqCst) + 1);
        Ok(Issued { credentials: Credentials::new(name, "secret", None, None, "test"), lifetime: None })
    }
}

fn door(url: &str) -> SdkApi {
    let config = aws_sdk_transfer::config::Builder::new()
        .behavior_version_latest()
        .http_client(http_door::http_client())
        .region(aws_sdk_transfer::config::Region::new("eu-central-1"))
        .endpoint_url(url);
    SdkApi::new(config, ec2(url), CredentialCache::new(Numbered::default()))
}

fn ec2(url: &str) -> Ec2Client {
    Ec2Client::new(http_door::http_client(), "eu-central-1", url)
}

async fn permit() -> Permit {
    RateLimiter::new(Rates::default()).acquire("123456789012", "eu-central-1", CallClass::Write, Rank::default()).await
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn noon() -> Timestamp {
    at("2026-01-01T12:00:00Z")
}

/// An optional member that is set.
#[allow(clippy::unnecessary_wraps, reason = "members are optional, and these tests set them all")]
fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn tags() -> Tags {
    Tags::from([("a".to_owned(), "1".to_owned()), ("b".to_owned(), String::new())])
}

fn tags_json() -> Value {
    json!([{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}])
}

fn server_settings() -> ServerSettings {
    let workflow = |id: &str| Some(vec![WorkflowDetail { workflow_id: id.to_owned(), execution_role: "r".to_owned() }]);
    ServerSettings {
        certificate: some("arn:cert"),
        endpoint_details: Some(EndpointDetails {
            address_allocation_ids: Some(vec!["eipalloc-1".to_owned()]),
            subnet_ids: Some(vec!["subnet-1".to_owned()]),
            vpc_endpoint_id: some("vpce-1"),
            vpc_id: some("vpc-1"),
            security_group_ids: Some(vec!["sg-1".to_owned()]),
        }),
        endpoint_type: some("VPC"),
        identity_provider_details: Some(IdentityProviderDetails {
            url: some("https://idp"),
            invocation_role: some("arn:invoke"),
            directory_id: some("d-1"),
            function: some("arn:function"),
            sftp_authentication_methods: some("PASSWORD"),
        }),
        identity_provider_type: some("AWS_LAMBDA"),
        ip_address_type: some("DUALSTACK"),
        logging_role: some("arn:log"),
        post_authentication_login_banner: some("welcome"),
        pre_authentication_login_banner: some("hello"),
        protocol_details: Some(ProtocolDetails {
            passive_ip: some("AUTO"),
            tls_session_resumption_mode: some("ENFORCED"),
            set_stat_option: some("ENABLE_NO_OP"),
            sftp_ports: Some(vec![SftpPortWithOptions {
                sftp_port: 2222,
                communication_mode: some("CLIENT_TALK_FIRST"),
            }]),
            as2_transports: Some(vec!["HTTP".to_owned()]),
            proxy_config: Some(ProxyConfig { sftp_mode: some("PROXY_PROTOCOL_V2_ENFORCED") }),
        }),
        protocols: Some(vec!["SFTP".to_owned(), "FUTURE".to_owned()]),
        s3_storage_options: Some(S3StorageOptions { directory_listing_optimization: some("ENABLED") }),
        security_policy_name: some("Policy-1"),
        structured_log_destinations: Some(vec!["arn:group:*".to_owned()]),
        workflow_details: Some(WorkflowDetails { on_upload: workflow("w-1"), on_partial_upload: workflow("w-2") }),
    }
}

fn server_json() -> Value {
    json!({
        "Certificate": "arn:cert",
        "EndpointDetails": {
            "AddressAllocationIds": ["eipalloc-1"], "SubnetIds": ["subnet-1"], "VpcEndpointId": "vpce-1",
            "VpcId": "vpc-1", "SecurityGroupIds": ["sg-1"],
        },
        "EndpointType": "VPC",
        "IdentityProviderDetails": {
            "Url": "https://idp", "InvocationRole": "arn:invoke", "DirectoryId": "d-1", "Function": "arn:function",
            "SftpAuthenticationMethods": "PASSWORD",
        },
        "IdentityProviderType": "AWS_LAMBDA",
        "IpAddressType": "DUALSTACK",
        "LoggingRole": "arn:log",
        "PostAuthenticationLoginBanner": "welcome",
        "PreAuthenticationLoginBanner": "hello",
        "ProtocolDetails": {
            "PassiveIp": "AUTO", "TlsSessionResumptionMode": "ENFORCED", "SetStatOption": "ENABLE_NO_OP",
            "SftpPorts": [{"SftpPort": 2222, "CommunicationMode": "CLIENT_TALK_FIRST"}],
            "As2Transports": ["HTTP"], "ProxyConfig": {"SftpMode": "PROXY_PROTOCOL_V2_ENFORCED"},
        },
        "Protocols": ["SFTP", "FUTURE"],
        "S3StorageOptions": {"DirectoryListingOptimization": "ENABLED"},
        "SecurityPolicyName": "Policy-1",
        "StructuredLogDestinations": ["arn:group:*"],
        "WorkflowDetails": {
            "OnUpload": [{"WorkflowId": "w-1", "ExecutionRole": "r"}],
            "OnPartialUpload": [{"WorkflowId": "w-2", "ExecutionRole": "r"}],
        },
    })
}

fn login_settings() -> LoginSettings {
    LoginSettings {
        home_directory: some("/b/u"),
        home_directory_mappings: Some(vec![
            HomeDirectoryMapEntry { entry: "/".to_owned(), target: "/b".to_owned(), r#type: some("DIRECTORY") },
            HomeDirectoryMapEntry { entry: "/x".to_owned(), target: "/b/x".to_owned(), r#type: None },
        ]),
        home_directory_type: some("LOGICAL"),
        policy: some("{}"),
        posix_profile: Some(PosixProfile { uid: 4_294_967_295, gid: 0, secondary_gids: Some(vec![1, 2]) }),
        role: some("arn:role"),
    }
}

fn login_json() -> Value {
    json!({
        "HomeDirectory": "/b/u",
        "HomeDirectoryMappings": [
            {"Entry": "/", "Target": "/b", "Type": "DIRECTORY"}, {"Entry": "/x", "Target": "/b/x"},
        ],
        "HomeDirectoryType": "LOGICAL",
        "Policy": "{}",
        "PosixProfile": {"Uid": 4_294_967_295_i64, "Gid": 0, "SecondaryGids": [1, 2]},
        "Role": "arn:role",
    })
}

/// A workflow of one step of each type, and each member set.
fn workflow_settings() -> WorkflowSettings {
    let s3 = S3FileLocation { bucket: some("kept"), key: some("in/") };
    let s3 = FileLocation { s3_file_location: Some(s3), efs_file_location: None };
    let efs = EfsFileLocation { file_system_id: some("fs-1"), path: some("/in") };
    let efs = FileLocation { s3_file_location: None, efs_file_location: Some(efs) };
    let steps = vec![
        WorkflowStep {
            r#type: some("COPY"),
            copy_step_details: Some(CopyStepDetails {
                name: some("copy"),
                destination_file_location: Some(s3),
                overwrite_existing: some("TRUE"),
                source_file_location: some("copied"),
            }),
            ..WorkflowStep::default()
        },
        WorkflowStep {
            r#type: some("CUSTOM"),
            custom_step_details: Some(CustomStepDetails {
                name: some("custom"),
                target: some("arn:function"),
                timeout_seconds: Some(60),
                source_file_location: some("called"),
            }),
            ..WorkflowStep::default()
        },
        WorkflowStep {
            r#type: some("TAG"),
            tag_step_details: Some(TagStepDetails {
                name: some("tag"),
                tags: Some(vec![S3Tag { key: "k".to_owned(), value: String::new() }]),
                source_file_location: some("tagged"),
            }),
            ..WorkflowStep::default()
        },
        WorkflowStep {
            r#type: some("DECRYPT"),
            decrypt_step_details: Some(DecryptStepDetails {
                name: some("decrypt"),
                r#type: "FUTURE".to_owned(),
                destination_file_location: efs,
                overwrite_existing: some("FALSE"),
                source_file_location: some("decrypted"),
            }),
            ..WorkflowStep::default()
        },
    ];
    let delete = DeleteStepDetails { name: some("delete"), source_file_location: some("deleted") };
    let delete = WorkflowStep { delete_step_details: Some(delete), r#type: some("DELETE"), ..WorkflowStep::default() };
    WorkflowSettings {
        description: some("d"),
        steps,
        on_exception_steps: Some(vec![delete]),
        structured_log_destinations: Some(vec!["arn:group:*".to_owned()]),
    }
}

fn workflow_json() -> Value {
    json!({
        "Description": "d",
        "Steps": [
            {"Type": "COPY", "CopyStepDetails": {
                "Name": "copy", "DestinationFileLocation": {"S3FileLocation": {"Bucket": "kept", "Key": "in/"}},
                "OverwriteExisting": "TRUE", "SourceFileLocation": "copied",
            }},
            {"Type": "CUSTOM", "CustomStepDetails": {
                "Name": "custom", "Target": "arn:function", "TimeoutSeconds": 60, "SourceFileLocation": "called",
            }},
            {"Type": "TAG", "TagStepDetails": {
                "Name": "tag", "Tags": [{"Key": "k", "Value": ""}], "SourceFileLocation": "tagged",
            }},
            {"Type": "DECRYPT", "DecryptStepDetails": {
                "Name": "decrypt", "Type": "FUTURE", "OverwriteExisting": "FALSE", "SourceFileLocation": "decrypted",
                "DestinationFileLocation": {"EfsFileLocation": {"FileSystemId": "fs-1", "Path": "/in"}},
            }},
        ],
        "OnExceptionSteps": [
            {"Type": "DELETE", "DeleteStepDetails": {"Name": "delete", "SourceFileLocation": "deleted"}},
        ],
        "StructuredLogDestinations": ["arn:group:*"],
    })
}

/// `base` with the members of `more`.
fn with(mut base: Value, more: Value) -> Value {
    let Value::Object(more) = more else { panic!("no object") };
    base.as_object_mut().unwrap().extend(more);
    base
}

fn s() -> String {
    "s-1".to_owned()
}

fn u() -> String {
    "alice".to_owned()
}

/// Every mutation with every member set, the body that must go out, AWS's answer and the id in it.
fn mutations() -> Vec<(Mutation, Value, Value, Option<&'static str>)> {
    let on_user = json!({"ServerId": "s-1", "UserName": "alice"});
    let on_access = json!({"ServerId": "s-1", "ExternalId": "S-1-5"});
    let workflow_id = || "w-1".to_owned();
    let on_workflow = json!({"WorkflowId": "w-1"});
    let mut table = server_mutations();
    table.extend([
        (
            Mutation::CreateWorkflow(Box::new(CreateWorkflow { settings: workflow_settings(), tags: tags() })),
            with(workflow_json(), json!({"Tags": tags_json()})),
            on_workflow.clone(),
            Some("w-1"),
        ),
        (Mutation::DeleteWorkflow(DeleteWorkflow { workflow_id: workflow_id() }), on_workflow, json!({}), None),
        (
            Mutation::CreateUser(Box::new(CreateUser {
                server_id: s(),
                user_name: u(),
                settings: login_settings(),
                ssh_public_key_body: some("ssh-ed25519 AAAA"),
                tags: tags(),
            })),
            with(
                with(login_json(), on_user.clone()),
                json!({"SshPublicKeyBody": "ssh-ed25519 AAAA", "Tags": tags_json()}),
            ),
            on_user.clone(),
            None,
        ),
        (
            Mutation::UpdateUser(UpdateUser { server_id: s(), user_name: u(), settings: Box::new(login_settings()) }),
            with(login_json(), on_user.clone()),
            on_user.clone(),
            None,
        ),
        (Mutation::DeleteUser(DeleteUser { server_id: s(), user_name: u() }), on_user.clone(), json!({}), None),
        (
            Mutation::ImportSshPublicKey(ImportSshPublicKey {
                server_id: s(),
                user_name: u(),
                body: "ssh-rsa B".to_owned(),
            }),
            with(on_user.clone(), json!({"SshPublicKeyBody": "ssh-rsa B"})),
            with(on_user.clone(), json!({"SshPublicKeyId": "key-1"})),
            Some("key-1"),
        ),
        (
            Mutation::DeleteSshPublicKey(DeleteSshPublicKey {
                server_id: s(),
                user_name: u(),
                key_id: "key-1".to_owned(),
            }),
            with(on_user, json!({"SshPublicKeyId": "key-1"})),
            json!({}),
            None,
        ),
        (
            Mutation::CreateAccess(Box::new(CreateAccess {
                server_id: s(),
                external_id: "S-1-5".to_owned(),
                settings: login_settings(),
            })),
            with(login_json(), on_access.clone()),
            on_access.clone(),
            None,
        ),
        (
            Mutation::UpdateAccess(UpdateAccess {
                server_id: s(),
                external_id: "S-1-5".to_owned(),
                settings: Box::new(login_settings()),
            }),
            with(login_json(), on_access.clone()),
            on_access.clone(),
            None,
        ),
        (
            Mutation::DeleteAccess(DeleteAccess { server_id: s(), external_id: "S-1-5".to_owned() }),
            on_access,
            json!({}),
            None,
        ),
    ]);
    table
}

fn server_mutations() -> Vec<(Mutation, Value, Value, Option<&'static str>)> {
    let on_server = json!({"ServerId": "s-1"});
    let on_key = json!({"ServerId": "s-1", "HostKeyId": "hostkey-1"});
    let key = || "hostkey-1".to_owned();
    vec![
        (
            Mutation::CreateServer(Box::new(CreateServer {
                domain: some("S3"),
                host_key: Some(SecretString::from("PRIVATE")),
                host_key_storage_type: some("SECRETS_MANAGER"),
                settings: server_settings(),
                tags: tags(),
            })),
            with(
                server_json(),
                json!({"Domain": "S3", "HostKey": "PRIVATE", "HostKeyStorageType": "SECRETS_MANAGER", "Tags": tags_json()}),
            ),
            on_server.clone(),
            Some("s-1"),
        ),
        (
            Mutation::UpdateServer(UpdateServer { server_id: s(), settings: Box::new(server_settings()) }),
            with(server_json(), json!({"ServerId": "s-1"})),
            on_server.clone(),
            None,
        ),
        (Mutation::StartServer(StartServer { server_id: s() }), on_server.clone(), json!({}), None),
        (Mutation::StopServer(StopServer { server_id: s() }), on_server.clone(), json!({}), None),
        (Mutation::DeleteServer(DeleteServer { server_id: s() }), on_server, json!({}), None),
        (
            Mutation::ImportHostKey(Box::new(ImportHostKey {
                server_id: s(),
                body: SecretString::from("PRIVATE"),
                description: some("d"),
                storage_type: some("SECRETS_MANAGER"),
                kms_key: some("arn:kms"),
                tags: tags(),
            })),
            json!({
                "ServerId": "s-1", "HostKeyBody": "PRIVATE", "Description": "d", "StorageType": "SECRETS_MANAGER",
                "KmsKey": "arn:kms", "Tags": tags_json(),
            }),
            on_key.clone(),
            Some("hostkey-1"),
        ),
        (
            Mutation::UpdateHostKey(UpdateHostKey {
                server_id: s(),
                host_key_id: key(),
                description: some("d"),
                storage_type: some("SERVICE_MANAGED"),
                kms_key: some("arn:kms"),
            }),
            with(on_key.clone(), json!({"Description": "d", "StorageType": "SERVICE_MANAGED", "KmsKey": "arn:kms"})),
            on_key.clone(),
            None,
        ),
        (Mutation::DeleteHostKey(DeleteHostKey { server_id: s(), host_key_id: key() }), on_key, json!({}), None),
        (
            Mutation::TagResource(TagResource { arn: "arn:x".to_owned(), tags: tags() }),
            json!({"Arn": "arn:x", "Tags": tags_json()}),
            json!({}),
            None,
        ),
        (
            Mutation::UntagResource(UntagResource { arn: "arn:x".to_owned(), keys: vec!["a".to_owned()] }),
            json!({"Arn": "arn:x", "TagKeys": ["a"]}),
            json!({}),
            None,
        ),
    ]
}

#[tokio::test]
async fn every_mutation_carries_every_member_and_returns_the_id_that_aws_chose() {
    let wire = Wire::start();
    let door = door(&wire.url);
    let table = mutations();
    assert_eq!(table.len(), 20, "one row per mutation");
    for (call, sent, answer, id) in table {
        let operation = call.operation();
        wire.reply(ok(answer));
        let reply = door.mutate(permit().await, noon(), call).await.unwrap();
        assert_eq!(reply.value, CreateOutput { id: id.map(str::to_owned) }, "{operation}");
        assert_eq!(reply.date, Some(at("2026-01-01T00:00:00Z")), "{operation}");
        let [request] = &wire.take()[..] else { panic!("{operation} was not sent once") };
        assert_eq!(request.operation(), operation);
        assert_eq!(request.json(), sent, "{operation}");
        assert_eq!(request.signed_at(), "20260101T120000Z", "{operation}");
    }
}

#[tokio::test]
async fn an_empty_body_is_an_answer_where_the_operation_has_no_output() {
    let wire = Wire::start();
    let door = door(&wire.url);
    for (call, _, answer, _) in mutations() {
        let operation = call.operation();
        wire.reply(ok(""));
        let outcome = door.mutate(permit().await, noon(), call).await;
        if answer == json!({}) {
            outcome.unwrap();
        } else {
            assert_eq!(outcome.unwrap_err().kind, AwsErrorKind::Lost, "{operation}");
        }
    }
}

#[tokio::test]
async fn what_is_absent_is_not_sent_and_an_empty_list_is() {
    let wire = Wire::start();
    let door = door(&wire.url);
    let update = |settings| Mutation::UpdateServer(UpdateServer { server_id: s(), settings: Box::new(settings) });
    let empty = ServerSettings {
        endpoint_details: Some(EndpointDetails { address_allocation_ids: Some(vec![]), ..Default::default() }),
        structured_log_destinations: Some(vec![]),
        workflow_details: Some(WorkflowDetails { on_upload: Some(vec![]), on_partial_upload: None }),
        logging_role: some(""),
        ..Default::default()
    };
    for (settings, sent) in [
        (ServerSettings::default(), json!({"ServerId": "s-1"})),
        (
            empty,
            json!({
                "ServerId": "s-1", "EndpointDetails": {"AddressAllocationIds": []}, "StructuredLogDestinations": [],
                "WorkflowDetails": {"OnUpload": []}, "LoggingRole": "",
            }),
        ),
    ] {
        wire.reply(ok(json!({"ServerId": "s-1"})));
        door.mutate(permit().await, noon(), update(settings)).await.unwrap();
        assert_eq!(wire.take()[0].json(), sent);
    }
    wire.reply(ok(json!({"ServerId": "s-1"})));
    door.mutate(permit().await, noon(), Mutation::CreateServer(Box::default())).await.unwrap();
    assert_eq!(wire.take()[0].json(), json!({}), "no tags are no member: AWS refuses an empty list");
}

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
    vec![
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
    ]
}

#[tokio::test]
async fn every_read_asks_completely_and_its_answer_arrives() {
    let wire = Wire::start();
    let door = door(&wire.url);
    let table = reads();
    assert_eq!(table.len() + 1, 13, "one row per read; DescribeServer has a test of its own");
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
    assert_eq!(listings.len(), 6);
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

async fn fault_of(wire: &Wire, door: &SdkApi, call: Mutation, reply: Reply) -> AwsError {
    wire.reply(reply);
    door.mutate(permit().await, noon(), call).await.unwrap_err()
}

fn delete_user() -> Mutation {
    Mutation::DeleteUser(DeleteUser { server_id: s(), user_name: u() })
}

fn create_server() -> Mutation {
    Mutation::CreateServer(Box::default())
}

#[tokio::test]
async fn faults_are_told_by_code_wherever_aws_puts_it_and_whatever_the_status() {
    let wire = Wire::start();
    let door = door(&wire.url);
    let body =
        r#"{"__type":"ResourceNotFoundException","Message":"Unknown server","Resource":"s-1","ResourceType":"Server"}"#;
    let plain = body.replace("ResourceNotFoundException", "com.amazonaws.transfer#ResourceNotFoundException");
    let lower = body.replace("\"Message\"", "\"message\"");
    let header = "ResourceNotFoundException:http://internal.amazon.com/coral/com.amazonaws.transfer/";
    for reply in [
        http(400, body),
        http(404, body),
        http(500, body),
        http(400, plain),
        http(400, lower),
        http(400, body.replace("__type", "code")),
        http(400, body.replace("\"__type\":\"ResourceNotFoundException\",", "")).with("x-amzn-errortype", header),
    ] {
        // DeleteUser knows the error, ListSecurityPolicies' model does not: the fault is the same.
        let fault = fault_of(&wire, &door, delete_user(), reply.clone()).await;
        wire.reply(reply.clone());
        let unmodelled =
            door.read(None, Read::ListSecurityPolicies(ListSecurityPolicies { token: None })).await.unwrap_err();
        for fault in [fault, unmodelled] {
            assert_eq!(fault.kind, AwsErrorKind::NotFound, "{reply:?}");
            assert_eq!(fault.code, "ResourceNotFoundException", "{reply:?}");
            assert_eq!(fault.message, "Unknown server", "{reply:?}");
            assert_eq!(fault.resource_type, some("Server"), "{reply:?}");
            assert_eq!(fault.date, Some(at("2026-01-01T00:00:00Z")), "{reply:?}");
        }
    }
}

#[tokio::test]
async fn each_class_of_error_arrives_as_its_kind() {
    let wire = Wire::start();
    let door = door(&wire.url);
    for (reply, kind) in [
        (error("ResourceExistsException", "User already exists"), AwsErrorKind::Exists),
        (error("ConflictException", "VPC Endpoint state is not yet available"), AwsErrorKind::Conflict),
        (error("ThrottlingException", ""), AwsErrorKind::Throttled),
        (error("AccessDeniedException", "no"), AwsErrorKind::Denied),
        (error("UnrecognizedClientException", "unknown key"), AwsErrorKind::Credentials),
        (error("ExpiredTokenException", "expired"), AwsErrorKind::Credentials),
        (
            error("InvalidSignatureException", "The request signature we calculated does not match"),
            AwsErrorKind::Credentials,
        ),
        (error("InvalidSignatureException", "Signature expired: 1 is now earlier than 2"), AwsErrorKind::Skewed),
        (error("InvalidRequestException", "Invalid host key format"), AwsErrorKind::Rejected),
        (error("InvalidRequestException", "Cannot exceed quota for Servers: 50"), AwsErrorKind::Quota),
        (error("ValidationException", "1 validation error detected: …"), AwsErrorKind::Rejected),
        (http(500, r#"{"__type":"InternalServiceError","Message":"x"}"#), AwsErrorKind::Unavailable),
        (http(503, r#"{"__type":"ServiceUnavailableException"}"#), AwsErrorKind::Unavailable),
        (error("BrandNewException", "x"), AwsErrorKind::Unavailable),
        (http(503, "<html><body>Service Unavailable</body></html>"), AwsErrorKind::Unavailable),
        (http(502, ""), AwsErrorKind::Unavailable),
        (http(400, r#"{"__type":"ValidationExc"#), AwsErrorKind::Unavailable),
        (http(400, r#"{"__type":7,"Message":{}}"#), AwsErrorKind::Unavailable),
        (http(302, ""), AwsErrorKind::Unavailable),
        (Reply::Cut { body: r#"{"ServerId":"s-1"#.to_owned() }, AwsErrorKind::Lost),
        (ok(r#"{"ServerId":"s-1"#), AwsErrorKind::Lost),
        (ok("<html>"), AwsErrorKind::Lost),
        (ok(""), AwsErrorKind::Lost),
        (ok(r#"{"ServerId":""}"#), AwsErrorKind::Lost),
        (ok(r#"{"ServerId":null}"#), AwsErrorKind::Lost),
        (ok(r#"{"ServerId":7}"#), AwsErrorKind::Lost),
        (Reply::Close, AwsErrorKind::Lost),
    ] {
        let fault = fault_of(&wire, &door, create_server(), reply.clone()).await;
        assert_eq!(fault.kind, kind, "{reply:?}: {fault}");
        assert_eq!(fault.operation, "CreateServer");
        assert_eq!(fault.date.is_none(), matches!(reply, Reply::Close), "{reply:?}");
    }
}

#[tokio::test]
async fn retry_after_is_read_from_the_body_of_known_and_unknown_errors() {
    let wire = Wire::start();
    let door = door(&wire.url);
    for (seconds, expected) in
        [("\"1\"", Some(1)), ("2", Some(2)), ("\"soon\"", None), ("99999", Some(300)), ("-3", None)]
    {
        let body = format!(r#"{{"__type":"ThrottlingException","RetryAfterSeconds":{seconds}}}"#);
        for call in [create_server(), delete_user()] {
            let operation = call.operation();
            let fault = fault_of(&wire, &door, call, http(400, &body)).await;
            assert_eq!(fault.kind, AwsErrorKind::Throttled, "{operation} {seconds}");
            assert_eq!(fault.retry_after, expected.map(Duration::from_secs), "{operation} {seconds}");
        }
    }
}

#[tokio::test]
async fn a_create_is_sent_once_on_fresh_and_on_used_connections() {
    let wire = Wire::start();
    for reply in [
        http(500, r#"{"__type":"InternalServiceError"}"#),
        http(503, r#"{"__type":"ServiceUnavailableException"}"#),
        error("ThrottlingException", "").with("retry-after", "0").with("x-amz-retry-after", "0"),
        error("InvalidSignatureException", "Signature expired: 1 is now earlier than 2"),
        error("RequestTimeTooSkewed", "x"),
        Reply::Cut { body: r#"{"Serv"#.to_owned() },
        Reply::Close,
        ok(""),
    ] {
        for used in [false, true] {
            let door = door(&wire.url);
            if used {
                wire.reply(ok(json!({"Servers": []})));
                door.read(None, Read::ListServers(ListServers { token: None })).await.unwrap();
            }
            wire.take();
            fault_of(&wire, &door, create_server(), reply.clone()).await;
            assert_eq!(wire.take().len(), 1, "{reply:?}, connection used before: {used}");
        }
    }
}

#[tokio::test]
async fn every_call_is_signed_with_its_own_time_whatever_dates_aws_sends() {
    let wire = Wire::start();
    let door = door(&wire.url);
    let skewed = |reply: Reply| reply.with("date", "Fri, 02 Jan 2026 03:04:05 GMT");
    for signed in ["2026-01-01T12:00:00Z", "2025-12-31T23:59:59Z", "2026-01-01T12:00:00Z"] {
        let compact = signed.replace(['-', ':'], "");
        wire.reply(skewed(error("RequestTimeTooSkewed", "x")));
        let fault = door.mutate(permit().await, at(signed), create_server()).await.unwrap_err();
        assert_eq!(fault.date, Some(at("2026-01-02T03:04:05Z")));
        wire.reply(skewed(ok(json!({"ServerId": "s-1"}))));
        let reply = door.mutate(permit().await, at(signed), create_server()).await.unwrap();
        assert_eq!(reply.date, Some(at("2026-01-02T03:04:05Z")));
        wire.reply(skewed(ok(json!({"Servers": []}))));
        door.read(Some(at(signed)), Read::ListServers(ListServers { token: None })).await.unwrap();
        let times: Vec<_> = wire.take().iter().map(|call| call.signed_at().to_owned()).collect();
        assert_eq!(times, [compact.as_str(); 3]);
    }
    // Where AWS's clock is not known yet, the local one signs, and no learnt skew moves it.
    wire.reply(skewed(ok(json!({"Servers": []}))));
    let before = Timestamp::from_second(Timestamp::try_from(local_time()).unwrap().as_second()).unwrap();
    door.read(None, Read::ListServers(ListServers { token: None })).await.unwrap();
    let signed: String = wire.take()[0].signed_at().to_owned();
    let signed = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", &signed).unwrap();
    let signed = signed.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
    assert!(before <= signed && signed <= Timestamp::try_from(local_time()).unwrap(), "{signed}");
}

#[tokio::test]
async fn a_date_without_a_request_id_is_not_awss() {
    let wire = Wire::start();
    let door = door(&wire.url);
    wire.reply(http(503, "<html>busy</html>").not_of_aws());
    let fault = door.read(None, Read::ListServers(ListServers { token: None })).await.unwrap_err();
    assert_eq!(fault.date, None);
    wire.reply(ok(json!({"Servers": []})).not_of_aws());
    assert_eq!(door.read(None, Read::ListServers(ListServers { token: None })).await.unwrap().date, None);
    wire.reply(error("InternalServiceError", "x"));
    assert!(
        door.read(None, Read::ListServers(ListServers { token: None })).await.unwrap_err().date.is_some(),
        "an error of AWS's own"
    );
}

#[allow(clippy::disallowed_methods, reason = "the test compares with the local clock")]
fn local_time() -> std::time::SystemTime {
    std::time::SystemTime::now()
}

#[tokio::test]
async fn forty_calls_at_once_keep_their_own_times() {
    let wire = Wire::start();
    let door = Arc::new(door(&wire.url));
    let start = noon();
    for _ in 0..40 {
        wire.reply(ok(json!({"ServerId": "s-1", "UserName": "x"})));
    }
    let calls = (0..40).map(|number| {
        let door = door.clone();
        let at = start + Duration::from_secs(number * 60);
        let call = Mutation::UpdateUser(UpdateUser {
            server_id: s(),
            user_name: format!("user{number}"),
            settings: Box::default(),
        });
        async move { door.mutate(permit().await, at, call).await.unwrap() }
    });
    futures::future::join_all(calls).await;
    let calls = wire.calls();
    assert_eq!(calls.len(), 40);
    for call in calls {
        let user = call.json()["UserName"].as_str().unwrap().to_owned();
        let number: u64 = user.strip_prefix("user").unwrap().parse().unwrap();
        let at = start + Duration::from_secs(number * 60);
        assert_eq!(call.signed_at(), at.strftime("%Y%m%dT%H%M%SZ").to_string(), "{user}");
    }
}

#[tokio::test]
async fn refused_credentials_are_replaced_for_the_next_call_and_others_are_kept() {
    let wire = Wire::start();
    let door = door(&wire.url);
    fault_of(&wire, &door, delete_user(), error("AccessDeniedException", "no")).await;
    fault_of(&wire, &door, delete_user(), error("ExpiredTokenException", "expired")).await;
    fault_of(&wire, &door, delete_user(), error("AccessDeniedException", "no")).await;
    let keys: Vec<_> = wire.calls().iter().map(|call| call.signed_with().to_owned()).collect();
    assert_eq!(keys, ["KEY1", "KEY1", "KEY2"]);
}

#[tokio::test]
async fn silence_ends_in_a_lost_call_that_was_sent_once() {
    let wire = Wire::start();
    let door = door(&wire.url);
    wire.reply(ok(json!({"Servers": []})));
    door.read(None, Read::ListServers(ListServers { token: None })).await.unwrap();
    wire.take();
    // The used connection goes back to the pool, so that nothing has to connect while time stands still.
    tokio::time::sleep(Duration::from_millis(200)).await;
    tokio::time::pause();
    let before = tokio::time::Instant::now();
    let fault = fault_of(&wire, &door, create_server(), Reply::Silence).await;
    assert_eq!((fault.kind, fault.code.as_str(), fault.date), (AwsErrorKind::Lost, "Timeout", None));
    assert!(before.elapsed() >= http_door::MUTATION_TIMEOUT);
    assert_eq!(wire.arrived().len(), 1);
}

#[tokio::test]
async fn a_refused_connection_is_not_taken_for_proof_that_nothing_was_sent() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let door = door(&format!("http://{closed}"));
    let fault = door.mutate(permit().await, noon(), create_server()).await.unwrap_err();
    assert_eq!((fault.kind, fault.code.as_str()), (AwsErrorKind::Lost, "NoAnswer"));
}

#[tokio::test]
async fn what_cannot_be_sent_is_rejected_and_proves_that_nothing_was_made() {
    let config = aws_sdk_transfer::config::Builder::new()
        .behavior_version_latest()
        .http_client(http_door::http_client())
        .region(aws_sdk_transfer::config::Region::new("eu-central-1"))
        .endpoint_url("http://127.0.0.1:9")
        .use_fips(true);
    let door = SdkApi::new(config, ec2("http://127.0.0.1:9"), CredentialCache::new(Numbered::default()));
    let fault = door.mutate(permit().await, noon(), create_server()).await.unwrap_err();
    assert_eq!((fault.kind, fault.code.as_str()), (AwsErrorKind::Rejected, "NotSent"));
    assert!(fault.message.contains("FIPS"), "{fault}");
}

#[tokio::test]
async fn no_secret_is_in_any_text_of_ours() {
    let wire = Wire::start();
    let door = door(&wire.url);
    for (call, _, _, _) in mutations() {
        assert!(!format!("{call:?}").contains("PRIVATE"), "{call:?}");
        let fault = fault_of(&wire, &door, call, error("ValidationException", "x")).await;
        assert!(!format!("{fault:?}{fault}").contains("PRIVATE"));
    }
}
