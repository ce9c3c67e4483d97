//! The SDK adapter against the simulated service over HTTP: each verb once, each class of failure once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use async_trait::async_trait;
use aws_credential_types::Credentials;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use transfer_operator::aws::credentials::{CredentialCache, Issue, Issued};
use transfer_operator::aws::gate::Rates;
use transfer_operator::aws::sdk::SdkTransfer;
use transfer_operator::aws::types::{
    CreateAccess, CreateServer, CreateUser, IdentityProviderDetails, ImportHostKey, LoginSettings, Server,
    ServerSettings, Tags, TestIdentityProvider, User,
};
use transfer_operator::aws::{Answer, Class, Fault, FaultKind, Gate, Mutation, Read, Transfer, http as http_door};
use transfer_operator::sim::config::Config;
use transfer_operator::sim::http::Host;
use transfer_operator::sim::random::Random;
use transfer_operator::sim::service::{Root, Service};
use transfer_operator::sim::state::World;

const ACCOUNT: &str = "123456789012";
const REGION: &str = "eu-central-1";
const ROLE: &str = "arn:aws:iam::123456789012:role/transfer";

/// The one pair of credentials, with a secret that a test chooses.
#[derive(Debug)]
struct Fixed(&'static str);

#[async_trait]
impl Issue for Fixed {
    async fn issue(&self) -> Result<Issued, Fault> {
        Ok(Issued { credentials: Credentials::new("test", self.0, None, None, "test"), lifetime: None })
    }
}

/// A simulated service and the door to it.
struct Bench {
    host: Host,
    url: String,
    door: SdkTransfer,
}

impl Bench {
    /// Servers are online at once: what takes time is proven where the simulator itself is tested.
    async fn new() -> Self {
        let root = Root { account: ACCOUNT.to_owned(), access_key: "test".to_owned(), secret_key: "test".to_owned() };
        let config = Config { transition_time: SignedDuration::ZERO, ..Config::default() };
        let host = Host::new(Service::new(root, config, Random::seeded(1), World::default()), None);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(host.clone().serve(listener));
        Self { host, door: door(&url, "test"), url }
    }

    async fn read(&self, call: Read) -> Result<Answer, Fault> {
        self.door.read(None, call).await.map(|reply| reply.value)
    }

    /// Signed, as the protocol wants it, with the time of a read before.
    async fn mutate(&self, call: Mutation) -> Result<Option<String>, Fault> {
        let at = self.now().await;
        let permit = Gate::new(Rates::default()).pass(ACCOUNT, REGION, Class::Write).await;
        self.door.mutate(permit, at, call).await.map(|reply| reply.value.id)
    }

    async fn now(&self) -> Timestamp {
        let reply = self.door.read(None, Read::ListSecurityPolicies { token: None }).await.unwrap();
        reply.date.expect("every answer carries a date")
    }

    async fn create_server(&self, create: CreateServer) -> String {
        self.mutate(Mutation::CreateServer(Box::new(create))).await.unwrap().expect("AWS chose an id")
    }

    async fn server(&self, id: &str) -> Server {
        let Answer::Server(server) = self.read(Read::DescribeServer { server_id: id.to_owned() }).await.unwrap() else {
            panic!("another answer than was asked for");
        };
        *server
    }

    async fn user(&self, server_id: &str, name: &str) -> User {
        let call = Read::DescribeUser { server_id: server_id.to_owned(), user_name: name.to_owned() };
        let Answer::User(user) = self.read(call).await.unwrap() else { panic!("another answer than was asked for") };
        *user
    }

    /// The next call of an operation goes wrong in this way.
    fn arm(&self, operation: &str, fault: &Value) {
        let rule = serde_json::from_value(json!({"operation": operation, "fault": fault})).unwrap();
        self.host.service().faults.arm(rule, Timestamp::UNIX_EPOCH).unwrap();
    }
}

fn door(url: &str, secret: &'static str) -> SdkTransfer {
    let config = aws_sdk_transfer::config::Builder::new()
        .behavior_version_latest()
        .http_client(http_door::http_client())
        .region(aws_sdk_transfer::config::Region::new(REGION))
        .endpoint_url(url);
    SdkTransfer::new(config, CredentialCache::new(Fixed(secret)))
}

fn fixture(name: &str) -> String {
    let path = format!("{}/tests/fixtures/keys/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap().trim().to_owned()
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn home(directory: &str) -> LoginSettings {
    LoginSettings { home_directory: some(directory), role: some(ROLE), ..LoginSettings::default() }
}

#[tokio::test]
async fn a_server_is_created_changed_stopped_started_and_deleted() {
    let bench = Bench::new().await;
    let settings = ServerSettings { pre_authentication_login_banner: some("hello"), ..ServerSettings::default() };
    let create = CreateServer { settings, tags: tags(&[("a", "1"), ("b", "")]), ..CreateServer::default() };
    let server_id = bench.create_server(create).await;
    let server = bench.server(&server_id).await;
    assert_eq!(server.arn, format!("arn:aws:transfer:{REGION}:{ACCOUNT}:server/{server_id}"));
    assert_eq!(server.state.as_deref(), Some("ONLINE"));
    assert_eq!(server.settings.pre_authentication_login_banner.as_deref(), Some("hello"));
    assert_eq!(server.tags, tags(&[("a", "1"), ("b", "")]));

    let settings = ServerSettings { pre_authentication_login_banner: some(""), ..ServerSettings::default() };
    let update = Mutation::UpdateServer { server_id: server_id.clone(), settings: Box::new(settings), host_key: None };
    bench.mutate(update).await.unwrap();
    assert_eq!(bench.server(&server_id).await.settings.pre_authentication_login_banner, None);

    bench.mutate(Mutation::StopServer { server_id: server_id.clone() }).await.unwrap();
    assert_eq!(bench.server(&server_id).await.state.as_deref(), Some("OFFLINE"));
    bench.mutate(Mutation::StartServer { server_id: server_id.clone() }).await.unwrap();
    let Answer::Servers(page) = bench.read(Read::ListServers { token: None }).await.unwrap() else { panic!() };
    let listed: Vec<_> = page.items.iter().map(|s| (s.server_id.as_str(), s.state.as_deref())).collect();
    assert_eq!(listed, [(server_id.as_str(), Some("ONLINE"))]);

    bench.mutate(Mutation::DeleteServer { server_id: server_id.clone() }).await.unwrap();
    let fault = bench.read(Read::DescribeServer { server_id }).await.unwrap_err();
    assert_eq!((fault.kind, fault.resource_type.as_deref()), (FaultKind::NotFound, Some("Server")));
}

#[tokio::test]
async fn a_user_and_its_keys_come_and_go() {
    let bench = Bench::new().await;
    let server_id = bench.create_server(CreateServer::default()).await;
    let user_name = "alice".to_owned();
    let create = CreateUser {
        server_id: server_id.clone(),
        user_name: user_name.clone(),
        settings: home("/bucket"),
        ssh_public_key_body: Some(fixture("openssh-ed25519.pub")),
        tags: tags(&[("team", "a")]),
    };
    bench.mutate(Mutation::CreateUser(Box::new(create))).await.unwrap();
    let import = Mutation::ImportSshPublicKey {
        server_id: server_id.clone(),
        user_name: user_name.clone(),
        body: fixture("openssh-p256.pub"),
    };
    let key_id = bench.mutate(import).await.unwrap().expect("AWS chose an id");
    let user = bench.user(&server_id, "alice").await;
    assert_eq!(user.settings.home_directory.as_deref(), Some("/bucket"));
    assert_eq!(user.tags, tags(&[("team", "a")]));
    assert_eq!(user.ssh_public_keys.len(), 2);
    assert_eq!((&user.ssh_public_keys[1].id, &user.ssh_public_keys[1].body), (&key_id, &fixture("openssh-p256.pub")));

    let settings = Box::new(home("/other"));
    let update = Mutation::UpdateUser { server_id: server_id.clone(), user_name: user_name.clone(), settings };
    bench.mutate(update).await.unwrap();
    let delete = Mutation::DeleteSshPublicKey { server_id: server_id.clone(), user_name: user_name.clone(), key_id };
    bench.mutate(delete).await.unwrap();
    let user = bench.user(&server_id, "alice").await;
    assert_eq!(user.settings.home_directory.as_deref(), Some("/other"));
    assert_eq!(user.ssh_public_keys.len(), 1);

    let list = || Read::ListUsers { server_id: server_id.clone(), token: None };
    let Answer::Users(page) = bench.read(list()).await.unwrap() else { panic!() };
    assert_eq!(page.items.iter().map(|u| u.user_name.as_str()).collect::<Vec<_>>(), ["alice"]);
    bench.mutate(Mutation::DeleteUser { server_id: server_id.clone(), user_name }).await.unwrap();
    let Answer::Users(page) = bench.read(list()).await.unwrap() else { panic!() };
    assert_eq!(page.items, []);
}

#[tokio::test]
async fn an_access_comes_and_goes_and_its_provider_is_asked() {
    let bench = Bench::new().await;
    let details = IdentityProviderDetails { directory_id: some("d-1234567890"), ..IdentityProviderDetails::default() };
    let settings = ServerSettings {
        identity_provider_type: some("AWS_DIRECTORY_SERVICE"),
        identity_provider_details: Some(details),
        ..ServerSettings::default()
    };
    let server_id = bench.create_server(CreateServer { settings, ..CreateServer::default() }).await;
    let external_id = "S-1-5-21-1-2-3-4".to_owned();
    let create =
        CreateAccess { server_id: server_id.clone(), external_id: external_id.clone(), settings: home("/bucket") };
    bench.mutate(Mutation::CreateAccess(Box::new(create))).await.unwrap();
    let settings = Box::new(home("/other"));
    let update = Mutation::UpdateAccess { server_id: server_id.clone(), external_id: external_id.clone(), settings };
    bench.mutate(update).await.unwrap();
    let describe = Read::DescribeAccess { server_id: server_id.clone(), external_id: external_id.clone() };
    let Answer::Access(access) = bench.read(describe).await.unwrap() else { panic!() };
    assert_eq!(access.settings.home_directory.as_deref(), Some("/other"));

    let test = TestIdentityProvider {
        server_id: server_id.clone(),
        server_protocol: some("SFTP"),
        source_ip: some("192.0.2.1"),
        user_name: "alice".to_owned(),
        user_password: Some(SecretString::from("secret word")),
    };
    let Answer::IdentityProvider(answer) = bench.read(Read::TestIdentityProvider(test)).await.unwrap() else {
        panic!()
    };
    assert_eq!(answer.status_code, 200);
    let log = serde_json::to_string(&bench.host.service().calls.since(0).collect::<Vec<_>>()).unwrap();
    assert!(!log.contains("secret word"), "the log of calls holds a password");

    bench.mutate(Mutation::DeleteAccess { server_id: server_id.clone(), external_id }).await.unwrap();
    let Answer::Accesses(page) = bench.read(Read::ListAccesses { server_id, token: None }).await.unwrap() else {
        panic!()
    };
    assert_eq!(page.items, []);
}

#[tokio::test]
async fn a_host_key_comes_and_goes() {
    let bench = Bench::new().await;
    let server_id = bench.create_server(CreateServer::default()).await;
    let import = ImportHostKey {
        server_id: server_id.clone(),
        body: SecretString::from(fixture("openssh-p256")),
        description: some("first"),
        storage_type: None,
        kms_key: None,
        tags: tags(&[("a", "1")]),
    };
    let host_key_id = bench.mutate(Mutation::ImportHostKey(Box::new(import))).await.unwrap().expect("AWS chose an id");
    let update = Mutation::UpdateHostKey {
        server_id: server_id.clone(),
        host_key_id: host_key_id.clone(),
        description: some("second"),
        storage_type: None,
        kms_key: None,
    };
    bench.mutate(update).await.unwrap();
    let describe = Read::DescribeHostKey { server_id: server_id.clone(), host_key_id: host_key_id.clone() };
    let Answer::HostKey(key) = bench.read(describe).await.unwrap() else { panic!() };
    assert_eq!(key.description.as_deref(), Some("second"));
    assert_eq!(key.key_type.as_deref(), Some("ecdsa-sha2-nistp256"));
    assert_eq!(key.tags, tags(&[("a", "1")]));
    bench
        .mutate(Mutation::DeleteHostKey { server_id: server_id.clone(), host_key_id: host_key_id.clone() })
        .await
        .unwrap();
    let Answer::HostKeys(page) = bench.read(Read::ListHostKeys { server_id, token: None }).await.unwrap() else {
        panic!()
    };
    assert_eq!(page.items.len(), 1, "the key that the service made is left");
    assert_ne!(page.items[0].id, host_key_id);
}

#[tokio::test]
async fn tags_and_security_policies_are_read_as_they_are() {
    let bench = Bench::new().await;
    let server_id = bench.create_server(CreateServer::default()).await;
    let arn = bench.server(&server_id).await.arn;
    let tag = Mutation::TagResource { arn: arn.clone(), tags: tags(&[("a", "1"), ("b", "2")]) };
    bench.mutate(tag).await.unwrap();
    bench.mutate(Mutation::UntagResource { arn: arn.clone(), keys: vec!["a".to_owned()] }).await.unwrap();
    let Answer::Tags(page) = bench.read(Read::ListTags { arn, token: None }).await.unwrap() else { panic!() };
    assert_eq!(page.items, [("b".to_owned(), "2".to_owned())]);

    let name = "TransferSecurityPolicy-2024-01".to_owned();
    let Answer::SecurityPolicyNames(page) = bench.read(Read::ListSecurityPolicies { token: None }).await.unwrap()
    else {
        panic!()
    };
    assert!(page.items.contains(&name));
    let Answer::SecurityPolicy(policy) = bench.read(Read::DescribeSecurityPolicy { name }).await.unwrap() else {
        panic!()
    };
    assert!(!policy.ssh_ciphers.is_empty());
}

#[tokio::test]
async fn each_class_of_failure_is_told_by_its_code_wherever_that_stands() {
    use FaultKind::*;
    let classes = [
        ("ResourceNotFoundException", NotFound),
        ("ResourceExistsException", Exists),
        ("ConflictException", Conflict),
        ("ThrottlingException", Throttled),
        ("AccessDeniedException", Denied),
        ("ServiceQuotaExceededException", Quota),
        ("InvalidRequestException", Rejected),
        ("ValidationException", Rejected),
        ("ExpiredTokenException", Credentials),
        ("ServiceUnavailableException", Unavailable),
        ("InternalServiceError", Unavailable),
        ("NobodyHasSeenThisException", Unavailable),
    ];
    let bench = Bench::new().await;
    for (code, kind) in classes {
        for place in ["body", "namespaced", "header"] {
            for key in ["capital", "lower"] {
                let fault = json!({"kind": "error", "code": code, "message": "words", "error_type": place,
                                   "error_message": key, "resource": "r", "resource_type": "Server"});
                bench.arm("ListServers", &fault);
                let fault = bench.read(Read::ListServers { token: None }).await.unwrap_err();
                let where_ = format!("{code} in {place}, {key}");
                assert_eq!((fault.code.as_str(), fault.kind), (code, kind), "{where_}");
                assert_eq!(fault.message, "words", "{where_}");
                assert_eq!(fault.resource_type.as_deref(), Some("Server"), "{where_}");
                assert!(fault.date.is_some(), "{where_}");
            }
        }
    }
}

#[tokio::test]
async fn a_throttled_call_says_when_to_come_back() {
    let bench = Bench::new().await;
    bench.arm("ListServers", &json!({"kind": "throttle", "retry_after_seconds": 7}));
    let fault = bench.read(Read::ListServers { token: None }).await.unwrap_err();
    assert_eq!((fault.kind, fault.retry_after.map(|d| d.as_secs())), (FaultKind::Throttled, Some(7)));
}

#[tokio::test]
async fn a_used_up_quota_is_told_from_a_senseless_request() {
    let bench = Bench::new().await;
    bench.host.service().config.quotas.servers = 0;
    let fault = bench.mutate(Mutation::CreateServer(Box::default())).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Quota);
}

#[tokio::test]
async fn a_create_whose_answer_is_lost_is_sent_once_and_may_have_happened() {
    let bench = Bench::new().await;
    for (kind, made) in [("refuse", 0), ("lose_reply", 1)] {
        bench.arm("CreateServer", &json!({"kind": kind}));
        let fault = bench.mutate(Mutation::CreateServer(Box::default())).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Lost, "{kind}");
        let Answer::Servers(page) = bench.read(Read::ListServers { token: None }).await.unwrap() else { panic!() };
        assert_eq!(page.items.len(), made, "{kind}");
    }
    let sent = bench.host.service().calls.since(0).filter(|call| call.operation == "CreateServer").count();
    assert_eq!(sent, 2);
}

#[tokio::test]
async fn a_stale_signature_changes_nothing() {
    let bench = Bench::new().await;
    let stale = bench.now().await - SignedDuration::from_mins(16);
    let permit = Gate::new(Rates::default()).pass(ACCOUNT, REGION, Class::Write).await;
    let fault = bench.door.mutate(permit, stale, Mutation::CreateServer(Box::default())).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Skewed);
    assert!(fault.date.is_some(), "a client learns AWS's time from the refusal");
    let Answer::Servers(page) = bench.read(Read::ListServers { token: None }).await.unwrap() else { panic!() };
    assert_eq!(page.items, []);
}

#[tokio::test]
async fn a_wrong_secret_is_a_matter_of_credentials() {
    let bench = Bench::new().await;
    let fault = door(&bench.url, "guess").read(None, Read::ListServers { token: None }).await.unwrap_err();
    assert_eq!((fault.kind, fault.code.as_str()), (FaultKind::Credentials, "InvalidSignatureException"));
}
