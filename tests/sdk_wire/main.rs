//! The SDK adapter against a server that answers byte by byte what a test says: what is sent, how often and signed
//! when, and what becomes of answers that no well-behaved service gives.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod agreements;
mod certificates;
mod connectors;
mod faults;
mod mutations;
mod reads;
mod sending;
mod web_apps;
#[path = "../wire/mod.rs"]
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
    CreateAccess, CreateProfile, CreateServer, CreateUser, CreateWorkflow, DeleteAccess, DeleteHostKey, DeleteProfile,
    DeleteServer, DeleteSshPublicKey, DeleteUser, DeleteWorkflow, DescribeAccess, DescribeHostKey, DescribeProfile,
    DescribeSecurityPolicy, DescribeServer, DescribeUser, DescribeWorkflow, ImportHostKey, ImportSshPublicKey,
    ListAccesses, ListHostKeys, ListProfiles, ListSecurityPolicies, ListServers, ListUsers, ListWorkflows,
    LoginSettings, ProfileSettings, ServerSettings, StartServer, StopServer, TagResource, Tags, TestIdentityProvider,
    UntagResource, UpdateAccess, UpdateHostKey, UpdateProfile, UpdateServer, UpdateUser, WorkflowDetail,
    WorkflowDetails, WorkflowSettings,
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

/// A profile with each member set.
fn profile_settings() -> ProfileSettings {
    ProfileSettings {
        as2_id: "us".to_owned(),
        profile_type: "LOCAL".to_owned(),
        certificate_ids: Some(vec!["cert-1".to_owned(), "cert-2".to_owned()]),
    }
}

fn profile_json() -> Value {
    json!({"As2Id": "us", "ProfileType": "LOCAL", "CertificateIds": ["cert-1", "cert-2"]})
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
