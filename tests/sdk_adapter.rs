//! The SDK adapter against `transfer-sim` over HTTP: every call works for real, and every class of failure arrives.
#![allow(clippy::unnecessary_wraps)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Value, json};
use support::{Sim, await_condition, repository};
use transfer_operator::api::AwsIdentity;
use transfer_operator::api::shapes::{
    EndpointDetails, HomeDirectoryMapEntry, IdentityProviderDetails, PosixProfile, ProtocolDetails, ProxyConfig,
    S3StorageOptions, SftpPortWithOptions,
};
use transfer_operator::api::workflow::{DeleteStepDetails, WorkflowStep};
use transfer_operator::aws::account_clients::{AccountClients, Aws};
use transfer_operator::aws::http::http_client;
use transfer_operator::aws::rate_limiter::Rates;
use transfer_operator::aws::transfer::{
    AgreementSettings, ConnectorSettings, CreateAccess, CreateAgreement, CreateConnector, CreateProfile, CreateServer,
    CreateUser, CreateWebApp, CreateWorkflow, DeleteAccess, DeleteAgreement, DeleteCertificate, DeleteConnector,
    DeleteHostKey, DeleteProfile, DeleteServer, DeleteSshPublicKey, DeleteUser, DeleteWebApp,
    DeleteWebAppCustomization, DeleteWorkflow, DescribeAccess, DescribeAgreement, DescribeCertificate,
    DescribeConnector, DescribeHostKey, DescribeProfile, DescribeSecurityPolicy, DescribeServer, DescribeUser,
    DescribeWebApp, DescribeWebAppCustomization, DescribeWorkflow, IdentityCenterConfig, Image, ImportCertificate,
    ImportHostKey, ImportSshPublicKey, ListAccesses, ListAgreements, ListCertificates, ListConnectors, ListHostKeys,
    ListProfiles, ListSecurityPolicies, ListServers, ListUsers, ListWebApps, ListWorkflows, LoginSettings,
    ProfileSettings, ServerSettings, SftpConnectorConfig, StartServer, StopServer, TagResource, Tags, TestConnection,
    TestIdentityProvider, UntagResource, UpdateAccess, UpdateAgreement, UpdateCertificate, UpdateConnector,
    UpdateHostKey, UpdateProfile, UpdateServer, UpdateUser, UpdateWebApp, UpdateWebAppCustomization,
    WebAppCustomization, WebAppIdentityProvider, WebAppSettings, WebAppUnits, WorkflowDetail, WorkflowDetails,
    WorkflowSettings, agreement_of,
};
use transfer_operator::aws::{Account, AwsError, AwsErrorKind, CreateOutput, Mutation, RateLimiter};

const ACCOUNT: &str = "123456789012";
const OTHER_ACCOUNT: &str = "210987654321";
const REGION: &str = "eu-central-1";
const GROUP: &str = "S-1-5-21-1-2-3-1001";
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g alice@laptop";

/// Fast enough that no test waits for a rate.
fn limiter() -> std::sync::Arc<RateLimiter> {
    RateLimiter::new(Rates::fixed(1e6))
}

fn sessions(sim: &Sim) -> AccountClients {
    let own = Credentials::new("test", "test", None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http_client())
        .endpoint_url(sim.endpoint())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(own))
        .build();
    AccountClients::with_config(limiter(), config)
}

fn identity(uid: &str, account: &str, credentials: &Value) -> AwsIdentity {
    serde_json::from_value(json!({
        "apiVersion": "transfer-operator.dev/v1alpha1",
        "kind": "AwsIdentity",
        "metadata": {"name": uid, "uid": uid, "generation": 1},
        "spec": {"accountId": account, "regions": [REGION], "credentials": credentials},
    }))
    .unwrap()
}

fn own(account: &str) -> AwsIdentity {
    identity("own", account, &json!({"source": "Operator"}))
}

fn role(account: &str) -> AwsIdentity {
    let role = json!({"roleArn": format!("arn:aws:iam::{account}:role/transfer-operator"), "externalId": "e"});
    identity(account, account, &json!({"source": "AssumeRole", "assumeRole": role}))
}

async fn started() -> (Sim, Account) {
    let sim = Sim::start(&["--transition-time", "0s"]).await;
    let account = sessions(&sim).account(&own(ACCOUNT), REGION).await.unwrap();
    (sim, account)
}

async fn mutate(account: &Account, call: Mutation) -> Result<CreateOutput, AwsError> {
    let permit = account.permit(call.class()).await;
    let now = account.now().await.unwrap();
    account.mutate(permit, now, call).await
}

async fn create_server(account: &Account, call: CreateServer) -> String {
    mutate(account, Mutation::CreateServer(Box::new(call))).await.unwrap().id.unwrap()
}

fn the_server(id: &str) -> DescribeServer {
    DescribeServer { server_id: id.to_owned() }
}

fn alice(server_id: &str) -> DescribeUser {
    DescribeUser { server_id: server_id.to_owned(), user_name: "alice".to_owned() }
}

/// What the simulator noted of one operation.
async fn calls_of(sim: &Sim, operation: &str) -> Vec<Value> {
    let calls = sim.calls().await["calls"].as_array().unwrap().clone();
    calls.into_iter().filter(|call| call["operation"] == operation).collect()
}

fn some(text: impl Into<String>) -> Option<String> {
    Some(text.into())
}

fn role_arn(name: &str) -> Option<String> {
    some(format!("arn:aws:iam::{ACCOUNT}:role/{name}"))
}

fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn private_key(name: &str) -> SecretString {
    std::fs::read_to_string(repository("tests/fixtures/keys").join(name)).unwrap().into()
}

/// Every setting that one server can have at once.
fn vpc_server() -> ServerSettings {
    let workflow = |id: &str| {
        Some(vec![WorkflowDetail { workflow_id: id.to_owned(), execution_role: role_arn("workflow").unwrap() }])
    };
    ServerSettings {
        certificate: some(format!("arn:aws:acm:{REGION}:{ACCOUNT}:certificate/1")),
        endpoint_details: Some(EndpointDetails {
            subnet_ids: Some(vec!["subnet-1".to_owned(), "subnet-2".to_owned()]),
            vpc_id: some("vpc-1"),
            ..EndpointDetails::default()
        }),
        endpoint_type: some("VPC"),
        identity_provider_details: Some(IdentityProviderDetails {
            function: some(format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:idp")),
            sftp_authentication_methods: some("PASSWORD"),
            ..IdentityProviderDetails::default()
        }),
        identity_provider_type: some("AWS_LAMBDA"),
        ip_address_type: some("DUALSTACK"),
        logging_role: role_arn("log"),
        post_authentication_login_banner: some("welcome"),
        pre_authentication_login_banner: some("hello"),
        protocol_details: Some(ProtocolDetails {
            passive_ip: some("AUTO"),
            tls_session_resumption_mode: some("ENABLED"),
            set_stat_option: some("ENABLE_NO_OP"),
            sftp_ports: None,
            as2_transports: None,
            proxy_config: Some(ProxyConfig { sftp_mode: some("PROXY_PROTOCOL_V2_ENFORCED") }),
        }),
        protocols: Some(vec!["FTPS".to_owned(), "SFTP".to_owned()]),
        s3_storage_options: Some(S3StorageOptions { directory_listing_optimization: some("ENABLED") }),
        security_policy_name: some("TransferSecurityPolicy-2024-01"),
        structured_log_destinations: Some(vec![format!("arn:aws:logs:{REGION}:{ACCOUNT}:log-group:x:*")]),
        workflow_details: Some(WorkflowDetails {
            on_upload: workflow("w-00000000000000001"),
            on_partial_upload: workflow("w-00000000000000002"),
        }),
    }
}

#[tokio::test]
async fn a_server_is_created_read_changed_stopped_started_tagged_and_deleted() {
    let (_sim, account) = started().await;
    let call = CreateServer {
        domain: some("S3"),
        host_key: Some(private_key("openssh-ed25519")),
        host_key_storage_type: some("SERVICE_MANAGED"),
        settings: vpc_server(),
        tags: tags(&[("a", "1"), ("b", "")]),
    };
    let id = create_server(&account, call).await;
    let mut server = account.read(the_server(&id)).await.unwrap();
    let made = server.settings.endpoint_details.as_mut().unwrap();
    assert!(made.vpc_endpoint_id.take().is_some());
    assert_eq!(server.settings, vpc_server());
    assert_eq!(server.tags, tags(&[("a", "1"), ("b", "")]));
    assert_eq!((server.server_id.as_str(), server.domain), (id.as_str(), some("S3")));
    assert!(server.arn.ends_with(&format!("{REGION}:{ACCOUNT}:server/{id}")), "{}", server.arn);
    assert!(server.host_key_fingerprint.unwrap().starts_with("SHA256:"));
    assert_eq!(account.list(ListServers { token: None }).await.unwrap()[0].server_id, id);

    let cleared = ServerSettings {
        logging_role: some(""),
        pre_authentication_login_banner: some(""),
        structured_log_destinations: Some(vec![]),
        workflow_details: Some(WorkflowDetails { on_upload: Some(vec![]), on_partial_upload: None }),
        ..ServerSettings::default()
    };
    update(&account, &id, cleared).await;
    let settings = account.read(the_server(&id)).await.unwrap().settings;
    assert_eq!(settings.logging_role, None);
    assert_eq!(settings.pre_authentication_login_banner, None);
    assert_eq!(settings.structured_log_destinations, None);
    assert_eq!(settings.workflow_details.clone().unwrap().on_upload, None);
    assert!(settings.workflow_details.unwrap().on_partial_upload.is_some(), "what was not sent stays");
    assert_eq!(settings.post_authentication_login_banner, some("welcome"), "what was not sent stays");

    reaches(&account, &id, Mutation::StopServer(StopServer { server_id: id.clone() }), "OFFLINE").await;
    reaches(&account, &id, Mutation::StartServer(StartServer { server_id: id.clone() }), "ONLINE").await;

    let arn = server.arn;
    mutate(&account, Mutation::TagResource(TagResource { arn: arn.clone(), tags: tags(&[("c", "3")]) })).await.unwrap();
    mutate(&account, Mutation::UntagResource(UntagResource { arn, keys: vec!["a".to_owned()] })).await.unwrap();
    assert_eq!(account.read(the_server(&id)).await.unwrap().tags, tags(&[("b", ""), ("c", "3")]));

    mutate(&account, Mutation::DeleteServer(DeleteServer { server_id: id.clone() })).await.unwrap();
    let fault = account.read(the_server(&id)).await.unwrap_err();
    assert_eq!((fault.kind, fault.resource_type.as_deref()), (AwsErrorKind::NotFound, Some("Server")));
}

async fn update(account: &Account, server_id: &str, settings: ServerSettings) {
    let settings = Box::new(settings);
    let call = Mutation::UpdateServer(UpdateServer { server_id: server_id.to_owned(), settings });
    mutate(account, call).await.unwrap();
}

async fn reaches(account: &Account, server_id: &str, call: Mutation, state: &str) {
    mutate(account, call).await.unwrap();
    await_condition(state, Duration::from_secs(10), async || {
        let now = account.read(the_server(server_id)).await.unwrap().state;
        if now.as_deref() == Some(state) { Ok(()) } else { Err(format!("{now:?}")) }
    })
    .await;
}

#[tokio::test]
async fn the_ports_of_a_public_server_survive_the_way_there_and_back() {
    let (_sim, account) = started().await;
    let ports = vec![
        SftpPortWithOptions { sftp_port: 22, communication_mode: some("SERVER_TALK_FIRST") },
        SftpPortWithOptions { sftp_port: 2222, communication_mode: some("CLIENT_TALK_FIRST") },
    ];
    let protocol_details = Some(ProtocolDetails { sftp_ports: Some(ports.clone()), ..ProtocolDetails::default() });
    let settings = ServerSettings { protocol_details, ..ServerSettings::default() };
    let id = create_server(&account, CreateServer { settings, ..CreateServer::default() }).await;
    let server = account.read(the_server(&id)).await.unwrap();
    assert_eq!(server.settings.protocol_details.unwrap().sftp_ports, Some(ports));
}

fn login() -> LoginSettings {
    LoginSettings {
        home_directory: None,
        home_directory_mappings: Some(vec![HomeDirectoryMapEntry {
            entry: "/".to_owned(),
            target: "/bucket/alice".to_owned(),
            r#type: some("DIRECTORY"),
        }]),
        home_directory_type: some("LOGICAL"),
        policy: some(r#"{"Version":"2012-10-17","Statement":[]}"#),
        posix_profile: Some(PosixProfile { uid: 1000, gid: 4_294_967_295, secondary_gids: Some(vec![1]) }),
        role: role_arn("alice"),
    }
}

fn path_login() -> LoginSettings {
    LoginSettings {
        home_directory: some("/bucket"),
        home_directory_type: some("PATH"),
        policy: some(""),
        role: role_arn("bob"),
        ..LoginSettings::default()
    }
}

#[tokio::test]
async fn a_user_is_created_read_changed_given_keys_and_deleted() {
    let (_sim, account) = started().await;
    let server_id = create_server(&account, CreateServer::default()).await;
    let user_name = "alice".to_owned();
    let call = CreateUser {
        server_id: server_id.clone(),
        user_name: user_name.clone(),
        settings: login(),
        ssh_public_key_body: some(KEY),
        tags: tags(&[("a", "1")]),
    };
    mutate(&account, Mutation::CreateUser(Box::new(call.clone()))).await.unwrap();
    let again = mutate(&account, Mutation::CreateUser(Box::new(call))).await.unwrap_err();
    assert_eq!((again.kind, again.resource_type.as_deref()), (AwsErrorKind::Exists, Some("User")));

    let user = account.read(alice(&server_id)).await.unwrap();
    assert_eq!((user.settings, user.tags), (login(), tags(&[("a", "1")])));
    assert_eq!(user.ssh_public_keys[0].body, KEY);
    assert!(user.ssh_public_keys[0].date_imported.is_some());

    let settings = Box::new(path_login());
    let change =
        Mutation::UpdateUser(UpdateUser { server_id: server_id.clone(), user_name: user_name.clone(), settings });
    mutate(&account, change).await.unwrap();
    let changed = account.read(alice(&server_id)).await.unwrap().settings;
    assert_eq!((changed.role, changed.policy, changed.home_directory), (role_arn("bob"), None, some("/bucket")));

    let body = std::fs::read_to_string(repository("tests/fixtures/keys/openssh-p256.pub")).unwrap();
    let import = Mutation::ImportSshPublicKey(ImportSshPublicKey {
        server_id: server_id.clone(),
        user_name: user_name.clone(),
        body,
    });
    let key_id = mutate(&account, import).await.unwrap().id.unwrap();
    let row = account.list(ListUsers { server_id: server_id.clone(), token: None }).await.unwrap().remove(0);
    assert_eq!(row.user_name, "alice");
    assert_eq!(account.read(alice(&server_id)).await.unwrap().ssh_public_keys.len(), 2);
    let delete = Mutation::DeleteSshPublicKey(DeleteSshPublicKey {
        server_id: server_id.clone(),
        user_name: user_name.clone(),
        key_id,
    });
    mutate(&account, delete).await.unwrap();
    assert_eq!(account.read(alice(&server_id)).await.unwrap().ssh_public_keys.len(), 1);

    mutate(&account, Mutation::DeleteUser(DeleteUser { server_id: server_id.clone(), user_name })).await.unwrap();
    let fault = account.read(alice(&server_id)).await.unwrap_err();
    assert_eq!((fault.kind, fault.resource_type.as_deref()), (AwsErrorKind::NotFound, Some("User")));
}

fn directory_server() -> CreateServer {
    let settings = ServerSettings {
        identity_provider_type: some("AWS_DIRECTORY_SERVICE"),
        identity_provider_details: Some(IdentityProviderDetails {
            directory_id: some("d-1234567890"),
            ..IdentityProviderDetails::default()
        }),
        ..ServerSettings::default()
    };
    CreateServer { settings, ..CreateServer::default() }
}

#[tokio::test]
async fn an_access_is_created_read_changed_and_deleted_and_the_provider_answers() {
    let (_sim, account) = started().await;
    let server_id = create_server(&account, directory_server()).await;
    let external_id = GROUP.to_owned();
    let settings = login();
    let call = CreateAccess { server_id: server_id.clone(), external_id: external_id.clone(), settings };
    mutate(&account, Mutation::CreateAccess(Box::new(call))).await.unwrap();
    let access =
        account.read(DescribeAccess { server_id: server_id.clone(), external_id: GROUP.to_owned() }).await.unwrap();
    assert_eq!((access.external_id.as_str(), access.settings), (GROUP, login()));

    let settings = Box::new(path_login());
    let change = Mutation::UpdateAccess(UpdateAccess {
        server_id: server_id.clone(),
        external_id: external_id.clone(),
        settings,
    });
    mutate(&account, change).await.unwrap();
    let row = account.list(ListAccesses { server_id: server_id.clone(), token: None }).await.unwrap().remove(0);
    assert_eq!((row.external_id.as_str(), row.role), (GROUP, role_arn("bob")));

    let test = TestIdentityProvider {
        server_id: server_id.clone(),
        server_protocol: some("SFTP"),
        source_ip: some("192.0.2.1"),
        user_name: "alice".to_owned(),
        user_password: Some("password".into()),
    };
    let answer = account.read(test).await.unwrap();
    assert_eq!(answer.status_code, 200);

    mutate(&account, Mutation::DeleteAccess(DeleteAccess { server_id: server_id.clone(), external_id })).await.unwrap();
    assert_eq!(
        account
            .read(DescribeAccess { server_id: server_id.clone(), external_id: GROUP.to_owned() })
            .await
            .unwrap_err()
            .kind,
        AwsErrorKind::NotFound
    );
}

#[tokio::test]
async fn a_host_key_is_imported_read_changed_and_deleted() {
    let (_sim, account) = started().await;
    let server_id = create_server(&account, CreateServer::default()).await;
    let import = ImportHostKey {
        server_id: server_id.clone(),
        body: private_key("openssh-p256"),
        description: some("second"),
        storage_type: some("SECRETS_MANAGER"),
        kms_key: some(format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/1")),
        tags: tags(&[("a", "1")]),
    };
    let host_key_id = mutate(&account, Mutation::ImportHostKey(Box::new(import))).await.unwrap().id.unwrap();
    let key =
        account.read(DescribeHostKey { server_id: server_id.clone(), host_key_id: host_key_id.clone() }).await.unwrap();
    assert_eq!((key.id.as_str(), key.description.as_deref()), (host_key_id.as_str(), Some("second")));
    assert_eq!((key.key_type.as_deref(), &key.tags), (Some("ecdsa-sha2-nistp256"), &tags(&[("a", "1")])));
    assert_eq!(key.storage_type.as_deref(), Some("SECRETS_MANAGER"));
    assert!(key.secret_id.as_deref().is_some_and(|id| id.contains(":secretsmanager:")), "{:?}", key.secret_id);
    assert!(key.date_imported.is_some() && key.fingerprint.is_some());

    let change = Mutation::UpdateHostKey(UpdateHostKey {
        server_id: server_id.clone(),
        host_key_id: host_key_id.clone(),
        description: some("renamed"),
        storage_type: None,
        kms_key: None,
    });
    mutate(&account, change).await.unwrap();
    let rows = account.list(ListHostKeys { server_id: server_id.clone(), token: None }).await.unwrap();
    assert_eq!(rows.len(), 2, "AWS's own and ours");
    let row = rows.into_iter().find(|row| row.id == host_key_id).unwrap();
    assert_eq!((row.description.as_deref(), row.fingerprint), (Some("renamed"), key.fingerprint));
    assert_eq!((row.date_imported, row.secret_id), (key.date_imported, key.secret_id), "a listing says it too");

    let delete = Mutation::DeleteHostKey(DeleteHostKey { server_id: server_id.clone(), host_key_id });
    mutate(&account, delete).await.unwrap();
    assert_eq!(account.list(ListHostKeys { server_id: server_id.clone(), token: None }).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_workflow_is_created_read_listed_tagged_and_deleted_once_unused() {
    let (_sim, account) = started().await;
    let delete = WorkflowStep {
        r#type: some("DELETE"),
        delete_step_details: Some(DeleteStepDetails::default()),
        ..WorkflowStep::default()
    };
    let settings = WorkflowSettings {
        description: some("away"),
        steps: vec![delete],
        on_exception_steps: None,
        structured_log_destinations: Some(vec![format!("arn:aws:logs:{REGION}:{ACCOUNT}:log-group:workflows:*")]),
    };
    let create = CreateWorkflow { settings: settings.clone(), tags: tags(&[("a", "1")]) };
    let workflow_id = mutate(&account, Mutation::CreateWorkflow(Box::new(create))).await.unwrap().id.unwrap();
    let read = DescribeWorkflow { workflow_id: workflow_id.clone() };
    let workflow = account.read(read.clone()).await.unwrap();
    assert_eq!((&workflow.workflow_id, workflow.settings), (&workflow_id, settings));
    mutate(&account, Mutation::tag(workflow.arn.clone(), tags(&[("b", "2")]))).await.unwrap();
    mutate(&account, Mutation::untag(workflow.arn, vec!["a".to_owned()])).await.unwrap();
    assert_eq!(account.read(read.clone()).await.unwrap().tags, tags(&[("b", "2")]));
    let rows = account.list(ListWorkflows { token: None }).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.workflow_id.as_str()).collect::<Vec<_>>(), [workflow_id.as_str()]);

    let used = WorkflowDetail { workflow_id: workflow_id.clone(), execution_role: role_arn("w").unwrap() };
    let used = WorkflowDetails { on_upload: Some(vec![used]), on_partial_upload: None };
    let settings = ServerSettings { workflow_details: Some(used), ..ServerSettings::default() };
    let server_id = create_server(&account, CreateServer { settings, ..CreateServer::default() }).await;
    let delete = || Mutation::DeleteWorkflow(DeleteWorkflow { workflow_id: workflow_id.clone() });
    let refused = mutate(&account, delete()).await.unwrap_err();
    assert_eq!(refused.kind, AwsErrorKind::Rejected);
    assert_eq!(refused.message, format!("Workflow is still in use by server {server_id}"));
    mutate(&account, Mutation::DeleteServer(DeleteServer { server_id })).await.unwrap();
    mutate(&account, delete()).await.unwrap();
    assert_eq!(account.read(read).await.unwrap_err().kind, AwsErrorKind::NotFound);
}

#[tokio::test]
async fn a_profile_is_created_read_listed_changed_tagged_and_deleted() {
    let (_sim, account) = started().await;
    let settings =
        ProfileSettings { as2_id: "them".to_owned(), profile_type: "PARTNER".to_owned(), certificate_ids: None };
    let create = CreateProfile { settings: settings.clone(), tags: tags(&[("a", "1")]) };
    let profile_id = mutate(&account, Mutation::CreateProfile(Box::new(create))).await.unwrap().id.unwrap();
    let read = DescribeProfile { profile_id: profile_id.clone() };
    let profile = account.read(read.clone()).await.unwrap();
    assert_eq!((&profile.profile_id, profile.settings), (&profile_id, settings));
    mutate(&account, Mutation::tag(profile.arn.clone(), tags(&[("b", "2")]))).await.unwrap();
    mutate(&account, Mutation::untag(profile.arn, vec!["a".to_owned()])).await.unwrap();
    assert_eq!(account.read(read.clone()).await.unwrap().tags, tags(&[("b", "2")]));
    let rows = account.list(ListProfiles { token: None }).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.profile_id.as_str()).collect::<Vec<_>>(), [profile_id.as_str()]);

    let with = |ids: &[&str]| {
        let certificate_ids = ids.iter().map(|id| (*id).to_owned()).collect();
        Mutation::UpdateProfile(UpdateProfile { profile_id: profile_id.clone(), certificate_ids })
    };
    let unknown = mutate(&account, with(&["cert-0123456789abcdef0"])).await.unwrap_err();
    assert_eq!(unknown.resource_type.as_deref(), Some("Certificate"), "{unknown}");
    mutate(&account, with(&[])).await.unwrap();
    mutate(&account, Mutation::DeleteProfile(DeleteProfile { profile_id })).await.unwrap();
    assert_eq!(account.read(read).await.unwrap_err().kind, AwsErrorKind::NotFound);
}

#[tokio::test]
async fn a_connector_is_created_changed_tried_listed_and_deleted() {
    let (_sim, account) = started().await;
    let config = SftpConnectorConfig {
        user_secret_id: some("arn:aws:secretsmanager:eu-central-1:123456789012:secret:acme-AbCdEf"),
        max_concurrent_connections: Some(5),
        ..SftpConnectorConfig::default()
    };
    let settings = ConnectorSettings {
        url: some("sftp://sftp.example.com"),
        access_role: role_arn("connectors"),
        sftp_config: Some(config.clone()),
        ..ConnectorSettings::default()
    };
    let create = CreateConnector { settings, tags: tags(&[("a", "1")]) };
    let connector_id = mutate(&account, Mutation::CreateConnector(Box::new(create))).await.unwrap().id.unwrap();
    let read = || DescribeConnector { connector_id: connector_id.clone() };
    let made = account.read(read()).await.unwrap();
    assert_eq!(
        (made.status.as_str(), made.settings.sftp_config, made.tags),
        ("ACTIVE", Some(config), tags(&[("a", "1")]))
    );
    assert_eq!(made.service_managed_egress_ip_addresses.len(), 3);
    let tried = account.read(TestConnection { connector_id: connector_id.clone() }).await.unwrap();
    assert_eq!((tried.status.as_deref(), tried.host_key.is_some()), (Some("ERROR"), true));
    let settings =
        Box::new(ConnectorSettings { url: some("sftp://other.example.com"), ..ConnectorSettings::default() });
    let update = UpdateConnector { connector_id: connector_id.clone(), settings };
    mutate(&account, Mutation::UpdateConnector(update)).await.unwrap();
    assert_eq!(account.read(read()).await.unwrap().settings.url, some("sftp://other.example.com"));
    let rows = account.list(ListConnectors { token: None }).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.connector_id.as_str()).collect::<Vec<_>>(), [connector_id.as_str()]);
    let delete = DeleteConnector { connector_id: connector_id.clone() };
    mutate(&account, Mutation::DeleteConnector(delete)).await.unwrap();
    assert_eq!(account.read(read()).await.unwrap_err().kind, AwsErrorKind::NotFound);
}

#[tokio::test]
async fn a_certificate_is_imported_dated_listed_tagged_and_deleted() {
    let (_sim, account) = started().await;
    let import = ImportCertificate {
        usage: "SIGNING".to_owned(),
        certificate: include_str!("fixtures/certificates/own.pem").to_owned(),
        certificate_chain: some(include_str!("fixtures/certificates/ca.pem")),
        private_key: Some(include_str!("fixtures/certificates/own.key").to_owned().into()),
        active_date: None,
        inactive_date: Some("2040-01-01T00:00:00Z".parse().unwrap()),
        description: some("signing"),
        tags: tags(&[("a", "1")]),
    };
    let certificate_id = mutate(&account, Mutation::ImportCertificate(Box::new(import))).await.unwrap().id.unwrap();
    let read = || DescribeCertificate { certificate_id: certificate_id.clone() };
    let made = account.read(read()).await.unwrap();
    assert_eq!((made.status.as_deref(), made.serial.as_deref()), (Some("ACTIVE"), Some("1001")));
    assert_eq!(made.certificate_type.as_deref(), Some("CERTIFICATE_WITH_PRIVATE_KEY"));
    assert_eq!((made.active_date, &made.tags), (made.not_before_date, &tags(&[("a", "1")])));
    let update = UpdateCertificate {
        certificate_id: certificate_id.clone(),
        active_date: made.active_date,
        inactive_date: made.not_after_date,
        description: some("other"),
    };
    mutate(&account, Mutation::UpdateCertificate(update)).await.unwrap();
    mutate(&account, Mutation::tag(made.arn.clone(), tags(&[("b", "2")]))).await.unwrap();
    let dated = account.read(read()).await.unwrap();
    assert_eq!((dated.inactive_date, dated.description.as_deref()), (made.not_after_date, Some("other")));
    assert_eq!(dated.tags, tags(&[("a", "1"), ("b", "2")]));
    let rows = account.list(ListCertificates { token: None }).await.unwrap();
    assert_eq!(rows.iter().map(|row| &row.certificate_id).collect::<Vec<_>>(), [&certificate_id]);
    mutate(&account, Mutation::DeleteCertificate(DeleteCertificate { certificate_id: certificate_id.clone() }))
        .await
        .unwrap();
    assert_eq!(account.read(read()).await.unwrap_err().kind, AwsErrorKind::NotFound);
}

#[tokio::test]
async fn an_agreement_is_created_changed_listed_tagged_and_deleted() {
    let (sim, account) = started().await;
    sim.control("/_sim/config", &json!({"agreement_without_as2": "accept"})).await;
    let create = CreateServer { settings: ServerSettings::default(), ..CreateServer::default() };
    let server_id = mutate(&account, Mutation::CreateServer(Box::new(create))).await.unwrap().id.unwrap();
    let mut profiles = Vec::new();
    for side in ["LOCAL", "PARTNER"] {
        let (as2_id, profile_type) = (side.to_owned(), side.to_owned());
        let settings = ProfileSettings { as2_id, profile_type, certificate_ids: None };
        let create = Mutation::CreateProfile(Box::new(CreateProfile { settings, tags: Tags::new() }));
        profiles.push(mutate(&account, create).await.unwrap().id);
    }
    let settings = AgreementSettings {
        local_profile_id: profiles[0].clone(),
        partner_profile_id: profiles[1].clone(),
        access_role: role_arn("as2"),
        base_directory: some("/b/in"),
        ..AgreementSettings::default()
    };
    let create = CreateAgreement { server_id: server_id.clone(), settings, tags: tags(&[("a", "1")]) };
    let key = mutate(&account, Mutation::CreateAgreement(Box::new(create))).await.unwrap().id.unwrap();
    let (on, agreement_id) = agreement_of(&key).unwrap();
    assert_eq!(on, server_id);
    let read = || DescribeAgreement { server_id: server_id.clone(), agreement_id: agreement_id.to_owned() };
    let made = account.read(read()).await.unwrap();
    assert_eq!((made.settings.status.as_deref(), &made.tags), (Some("ACTIVE"), &tags(&[("a", "1")])));
    let settings = Box::new(AgreementSettings { status: some("INACTIVE"), ..AgreementSettings::default() });
    let update = UpdateAgreement { server_id: server_id.clone(), agreement_id: agreement_id.to_owned(), settings };
    mutate(&account, Mutation::UpdateAgreement(update)).await.unwrap();
    mutate(&account, Mutation::tag(made.arn.clone(), tags(&[("b", "2")]))).await.unwrap();
    let shut = account.read(read()).await.unwrap();
    assert_eq!(
        (shut.settings.status.as_deref(), shut.settings.base_directory.as_deref()),
        (Some("INACTIVE"), Some("/b/in"))
    );
    assert_eq!(shut.tags, tags(&[("a", "1"), ("b", "2")]));
    let rows = account.list(ListAgreements { server_id: server_id.clone(), token: None }).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.agreement_id.as_str()).collect::<Vec<_>>(), [agreement_id]);
    let delete = DeleteAgreement { server_id: server_id.clone(), agreement_id: agreement_id.to_owned() };
    mutate(&account, Mutation::DeleteAgreement(delete)).await.unwrap();
    assert_eq!(account.read(read()).await.unwrap_err().kind, AwsErrorKind::NotFound);
}

#[tokio::test]
async fn a_web_app_is_created_changed_customized_listed_and_deleted() {
    let (_sim, account) = started().await;
    let center = IdentityCenterConfig {
        instance_arn: some("arn:aws:sso:::instance/ssoins-0123456789abcdef"),
        role: role_arn("web-app"),
    };
    let provider = WebAppIdentityProvider { identity_center_config: Some(center) };
    let settings = WebAppSettings { identity_provider_details: Some(provider), ..WebAppSettings::default() };
    let create = CreateWebApp { settings, tags: tags(&[("a", "1")]) };
    let web_app_id = mutate(&account, Mutation::CreateWebApp(Box::new(create))).await.unwrap().id.unwrap();
    let read = || DescribeWebApp { web_app_id: web_app_id.clone() };
    let made = account.read(read()).await.unwrap();
    assert_eq!((made.endpoint_type.as_deref(), &made.tags), (Some("PUBLIC"), &tags(&[("a", "1")])));
    let units = Some(WebAppUnits { provisioned: Some(3) });
    let settings = Box::new(WebAppSettings { web_app_units: units.clone(), ..WebAppSettings::default() });
    mutate(&account, Mutation::UpdateWebApp(UpdateWebApp { web_app_id: web_app_id.clone(), settings })).await.unwrap();
    assert_eq!(account.read(read()).await.unwrap().settings.web_app_units, units);

    let look = || DescribeWebAppCustomization { web_app_id: web_app_id.clone() };
    assert_eq!(account.read(look()).await.unwrap_err().kind, AwsErrorKind::NotFound, "nobody said how it looks");
    let logo_file = Some(Image(vec![0x89, b'P', b'N', b'G', 0, 255]));
    let customization = WebAppCustomization { title: some("Files"), logo_file, favicon_file: None };
    let update =
        UpdateWebAppCustomization { web_app_id: web_app_id.clone(), customization: Box::new(customization.clone()) };
    mutate(&account, Mutation::UpdateWebAppCustomization(update)).await.unwrap();
    assert_eq!(*account.read(look()).await.unwrap(), customization);
    let delete = DeleteWebAppCustomization { web_app_id: web_app_id.clone() };
    mutate(&account, Mutation::DeleteWebAppCustomization(delete)).await.unwrap();
    assert_eq!(account.read(look()).await.unwrap_err().kind, AwsErrorKind::NotFound);

    let rows = account.list(ListWebApps { token: None }).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.web_app_id.as_str()).collect::<Vec<_>>(), [web_app_id.as_str()]);
    mutate(&account, Mutation::DeleteWebApp(DeleteWebApp { web_app_id: web_app_id.clone() })).await.unwrap();
    assert_eq!(account.read(read()).await.unwrap_err().kind, AwsErrorKind::NotFound);
}

#[tokio::test]
async fn security_policies_are_listed_and_described() {
    let (_sim, account) = started().await;
    let names = account.list(ListSecurityPolicies { token: None }).await.unwrap();
    let name = "TransferSecurityPolicy-2024-01".to_owned();
    assert!(names.contains(&name), "{names:?}");
    let policy = account.read(DescribeSecurityPolicy { name: name.clone() }).await.unwrap();
    assert_eq!((policy.name, policy.fips), (name, Some(false)));
    assert!(!policy.ssh_ciphers.is_empty() && !policy.ssh_kexs.is_empty() && !policy.ssh_macs.is_empty());
}

#[tokio::test]
async fn listings_are_complete_over_pages_also_over_an_empty_first_one() {
    let (sim, account) = started().await;
    sim.control("/_sim/config", &json!({"empty_first_page": true})).await;
    let mut made = BTreeSet::new();
    for _ in 0..3 {
        made.insert(create_server(&account, CreateServer::default()).await);
    }
    let listed: BTreeSet<_> =
        account.list(ListServers { token: None }).await.unwrap().into_iter().map(|row| row.server_id).collect();
    assert_eq!(listed, made);
    assert_eq!(calls_of(&sim, "ListServers").await.len(), 2);
}

#[tokio::test]
async fn states_and_members_that_nobody_knows_and_nulls_do_no_harm() {
    let (sim, account) = started().await;
    let id = create_server(&account, CreateServer::default()).await;
    let plain = account.read(the_server(&id)).await.unwrap();
    for switches in [json!({"unknown_members": true}), json!({"absent": "null"}), json!({"empty_body": "object"})] {
        sim.control("/_sim/config", &switches).await;
        assert_eq!(account.read(the_server(&id)).await.unwrap(), plain, "{switches}");
        let nothing = Mutation::UntagResource(UntagResource { arn: plain.arn.clone(), keys: vec!["x".to_owned()] });
        mutate(&account, nothing).await.unwrap();
    }
    let change = json!({"region": REGION, "set_state": {"server_id": id, "state": "HIBERNATING"}});
    sim.control("/_sim/change", &change).await;
    let server = account.read(the_server(&id)).await.unwrap();
    assert_eq!(server.state.as_deref(), Some("HIBERNATING"));
    assert_eq!(account.list(ListServers { token: None }).await.unwrap()[0].server_id, id);
}

#[tokio::test]
async fn each_class_of_error_arrives_in_each_form_of_its_body() {
    let (sim, account) = started().await;
    let classes = [
        ("ResourceNotFoundException", "Unknown server", AwsErrorKind::NotFound),
        ("ResourceExistsException", "User already exists", AwsErrorKind::Exists),
        ("ConflictException", "VPC Endpoint state is not yet available", AwsErrorKind::Conflict),
        ("ThrottlingException", "Rate exceeded", AwsErrorKind::Throttled),
        ("AccessDeniedException", "You do not have sufficient access", AwsErrorKind::Denied),
        ("UnrecognizedClientException", "The security token is invalid", AwsErrorKind::Credentials),
        ("InvalidSignatureException", "Signature expired: 1 is now earlier than 2", AwsErrorKind::Skewed),
        ("InvalidRequestException", "Invalid host key format", AwsErrorKind::Rejected),
        ("InvalidRequestException", "Cannot exceed quota for Servers: 50", AwsErrorKind::Quota),
        ("ValidationException", "1 validation error detected", AwsErrorKind::Rejected),
        ("InternalServiceError", "x", AwsErrorKind::Unavailable),
        ("ServiceUnavailableException", "x", AwsErrorKind::Unavailable),
        ("BrandNewException", "x", AwsErrorKind::Unavailable),
    ];
    for status in ["documented", "smithy"] {
        sim.control("/_sim/config", &json!({"status": status})).await;
        for (code, message, kind) in classes {
            for error_type in ["body", "namespaced", "header"] {
                let error_message = if error_type == "body" { "capital" } else { "lower" };
                let fault = json!({
                    "kind": "error", "code": code, "message": message, "error_type": error_type,
                    "error_message": error_message,
                });
                sim.control("/_sim/faults", &json!({"operation": "StopServer", "fault": fault})).await;
                let call = Mutation::StopServer(StopServer { server_id: "s-01234567890abcdef".to_owned() });
                let fault = mutate(&account, call).await.unwrap_err();
                assert_eq!((fault.kind, fault.code.as_str()), (kind, code), "{status} {error_type}");
                assert_eq!(fault.message, message, "{status} {code} {error_type}");
                assert!(fault.date.is_some(), "{code}");
            }
        }
    }
}

#[tokio::test]
async fn the_wait_that_a_throttle_asks_for_arrives() {
    let (sim, account) = started().await;
    // The last call of the class, as the next permit comes only after that wait.
    for seconds in [None, Some(7)] {
        let fault = json!({"kind": "throttle", "retry_after_seconds": seconds});
        sim.control("/_sim/faults", &json!({"operation": "StopServer", "fault": fault})).await;
        let call = Mutation::StopServer(StopServer { server_id: "s-01234567890abcdef".to_owned() });
        let fault = mutate(&account, call).await.unwrap_err();
        assert_eq!((fault.kind, fault.retry_after), (AwsErrorKind::Throttled, seconds.map(Duration::from_secs)));
    }
}

#[tokio::test]
async fn a_read_that_aws_throttles_goes_again_and_three_times_at_most() {
    let (sim, account) = started().await;
    for (throttles, taken) in [(2, true), (3, false)] {
        for _ in 0..throttles {
            let fault = json!({"kind": "throttle"});
            sim.control("/_sim/faults", &json!({"operation": "ListServers", "fault": fault})).await;
        }
        let answer = account.list(ListServers { token: None }).await;
        assert_eq!(answer.is_ok(), taken, "{throttles}: {answer:?}");
    }
    account.list(ListServers { token: None }).await.unwrap();
}

#[tokio::test]
async fn refusals_of_the_service_itself_keep_its_words() {
    let (_sim, account) = started().await;
    let server_id = create_server(&account, CreateServer::default()).await;
    let call = CreateUser { server_id, user_name: "é".to_owned(), settings: login(), ..CreateUser::default() };
    let fault = mutate(&account, Mutation::CreateUser(Box::new(call))).await.unwrap_err();
    assert_eq!((fault.kind, fault.code.as_str()), (AwsErrorKind::Rejected, "ValidationException"));
    assert!(fault.message.contains("userName"), "{fault}");
    let fault = account.read(ListServers { token: some("nonsense") }).await.unwrap_err();
    assert_eq!(fault.code, "InvalidNextTokenException");
}

#[tokio::test]
async fn a_create_is_sent_once_whatever_comes_back() {
    let (sim, account) = started().await;
    for fault in [
        json!({"kind": "error", "code": "InternalServiceError"}),
        json!({"kind": "error", "code": "ServiceUnavailableException", "effect": "done"}),
        json!({"kind": "throttle", "retry_after_seconds": 0}),
        json!({"kind": "lose_reply"}),
        json!({"kind": "refuse"}),
    ] {
        let before = calls_of(&sim, "CreateServer").await.len();
        sim.control("/_sim/faults", &json!({"operation": "CreateServer", "fault": fault})).await;
        mutate(&account, Mutation::CreateServer(Box::default())).await.unwrap_err();
        assert_eq!(calls_of(&sim, "CreateServer").await.len(), before + 1, "{fault}");
    }
    assert_eq!(
        account.list(ListServers { token: None }).await.unwrap().len(),
        2,
        "those whose effect happened and whose answer was lost"
    );
}

#[tokio::test]
async fn calls_are_signed_with_the_given_time_though_awss_clock_differs() {
    let (sim, account) = started().await;
    sim.control("/_sim/clock", &json!({"advance": "10m"})).await;
    account.list(ListServers { token: None }).await.unwrap();
    let aws: Timestamp = account.clock.now().unwrap();
    for ago in [0, 120, 60] {
        let at = Timestamp::from_second(aws.as_second() - ago).unwrap();
        let call = Mutation::CreateServer(Box::default());
        let permit = account.permit(call.class()).await;
        account.mutate(permit, at, call).await.unwrap();
        let signed = calls_of(&sim, "CreateServer").await.pop().unwrap()["signed_at"].clone();
        assert_eq!(signed, json!(at));
    }
    account.list(ListServers { token: None }).await.unwrap();
    let read = calls_of(&sim, "ListServers").await.pop().unwrap();
    let signed: Timestamp = serde_json::from_value(read["signed_at"].clone()).unwrap();
    assert!(signed >= Timestamp::from_second(aws.as_second()).unwrap(), "reads are signed by AWS's clock: {signed}");
}

#[tokio::test]
async fn a_call_that_slept_too_long_is_refused_and_nothing_is_made() {
    let (sim, account) = started().await;
    let at = account.now().await.unwrap();
    sim.control("/_sim/clock", &json!({"advance": "16m"})).await;
    let call = Mutation::CreateServer(Box::default());
    let permit = account.permit(call.class()).await;
    let fault = account.mutate(permit, at, call).await.unwrap_err();
    assert_eq!(fault.kind, AwsErrorKind::Skewed, "{fault}");
    assert!(fault.kind.proves_nothing_made());
    // The refusal told AWS's time: the next calls are in order, without any read by the local clock.
    assert_eq!(account.list(ListServers { token: None }).await.unwrap().len(), 0);
    create_server(&account, CreateServer::default()).await;
}

#[tokio::test]
async fn two_identities_work_in_two_accounts_and_a_wrong_one_in_none() {
    let sim = Sim::start(&[]).await;
    let sessions = sessions(&sim);
    for account in [ACCOUNT, OTHER_ACCOUNT] {
        let door = sessions.account(&role(account), REGION).await.unwrap();
        let id = create_server(&door, CreateServer::default()).await;
        let rows = door.list(ListServers { token: None }).await.unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].server_id, id);
        let arn = door.read(the_server(&id)).await.unwrap().arn;
        assert_eq!(arn, format!("arn:aws:transfer:{REGION}:{account}:server/{id}"));
        let caller = sessions.verify(&role(account)).await.unwrap();
        assert!(caller.arn.contains("assumed-role/transfer-operator/transfer-operator"), "{}", caller.arn);
    }
    let before = calls_of(&sim, "ListServers").await.len();
    let fault = sessions.account(&own(OTHER_ACCOUNT), REGION).await.unwrap_err();
    assert_eq!((fault.kind, fault.code.as_str()), (AwsErrorKind::Credentials, "AccountMismatch"));
    assert_eq!(calls_of(&sim, "ListServers").await.len(), before);
}
