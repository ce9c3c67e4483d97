//! Answers of AWS, from the bytes of a response to what the operator makes of it, through the SDK and the adapter: no
//! answer makes a reader panic, and what cannot be read is never taken for "not there" or "nothing made".

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::{cases, corpus, inputs};
use crate::aws::account_clients::AccountClients;
use crate::aws::credentials::{CredentialCache, Issue, Issued};
use crate::aws::ec2::{DescribeAddresses, DescribeNetworkInterfaces, DescribeVpcEndpoints, Ec2Client};
use crate::aws::rate_limiter::Rates;
use crate::aws::sdk::SdkApi;
use crate::aws::transfer::{
    DescribeAccess, DescribeAgreement, DescribeCertificate, DescribeConnector, DescribeHostKey, DescribeProfile,
    DescribeSecurityPolicy, DescribeServer, DescribeUser, DescribeWebApp, DescribeWebAppCustomization,
    DescribeWorkflow, ListAccesses, ListAgreements, ListCertificates, ListConnectors, ListHostKeys, ListProfiles,
    ListSecurityPolicies, ListServers, ListUsers, ListWebApps, ListWorkflows, TestConnection, TestIdentityProvider,
};
use crate::aws::{Account, AwsClock, AwsError, AwsErrorKind, Mutation, RateLimiter};
use crate::kinds::fakes::{ACCOUNT, FIRST, NOW, REGION};

/// A body that is far larger than any of AWS's.
const LARGE: usize = 10 << 20;

/// What AWS and whoever stands in between answer with.
pub(super) const STATUSES: [u16; 12] = [200, 204, 302, 400, 403, 404, 409, 429, 500, 502, 503, 504];

/// The answer to a request, by its number.
type Answers = Arc<dyn Fn(usize) -> (u16, Vec<u8>) + Send + Sync>;

/// Answers every request, and sends none.
#[derive(Clone)]
pub(super) struct Canned {
    pub(super) asked: Arc<AtomicUsize>,
    /// The name of the key that each request is signed with.
    pub(super) signed: Arc<Mutex<Vec<String>>>,
    answers: Answers,
}

impl fmt::Debug for Canned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Canned")
    }
}

impl HttpConnector for Canned {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let key = request.headers().get("authorization").and_then(|header| header.split(['=', '/']).nth(1));
        self.signed.lock().unwrap().push(key.unwrap_or_default().to_owned());
        let (status, body) = (self.answers)(self.asked.fetch_add(1, Ordering::Relaxed));
        let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
        response.headers_mut().insert("x-amzn-requestid", "request");
        HttpConnectorFuture::ready(Ok(response))
    }
}

#[derive(Debug)]
struct Key;

#[async_trait::async_trait]
impl Issue for Key {
    async fn issue(&self) -> Result<Issued, AwsError> {
        Ok(Issued { credentials: Credentials::new("KEY", "secret", None, None, "test"), lifetime: None })
    }
}

impl Canned {
    pub(super) fn new(answers: impl Fn(usize) -> (u16, Vec<u8>) + Send + Sync + 'static) -> Self {
        Self { asked: Arc::default(), signed: Arc::default(), answers: Arc::new(answers) }
    }

    fn always(status: u16, body: &[u8]) -> Self {
        let body = body.to_vec();
        Self::new(move |_| (status, body.clone()))
    }

    fn http(&self) -> SharedHttpClient {
        let connector = SharedHttpConnector::new(self.clone());
        http_client_fn(move |_, _| connector.clone())
    }

    /// Identities, with `OWN` as the operator's own key.
    pub(super) fn sessions(&self) -> AccountClients {
        let own = SharedCredentialsProvider::new(Credentials::new("OWN", "secret", None, None, "test"));
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(self.http())
            .endpoint_url("http://aws.invalid")
            .region(Region::new(REGION))
            .credentials_provider(own)
            .build();
        AccountClients::with_config(RateLimiter::new(Rates::fixed(1e9)), config)
    }

    fn account(&self) -> Account {
        let http = self.http();
        let transfer = aws_sdk_transfer::config::Builder::new()
            .behavior_version_latest()
            .http_client(http.clone())
            .region(aws_sdk_transfer::config::Region::new(REGION))
            .endpoint_url("http://aws.invalid");
        let ec2 = Ec2Client::new(http, REGION, "http://aws.invalid");
        let api = Arc::new(SdkApi::new(transfer, ec2, CredentialCache::new(Key)));
        let limiter = RateLimiter::new(Rates::fixed(1e9));
        Account::new(ACCOUNT.to_owned(), REGION.to_owned(), api, limiter, Arc::new(AwsClock::default()))
    }
}

/// In virtual time: no timer of the SDK ends a call before it ends.
pub(super) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

/// Every read with this answer, by its name: the outcome, without what it found.
async fn asked(account: &Account) -> Vec<(&'static str, Result<(), AwsError>)> {
    let (server_id, user_name) = (FIRST.to_owned(), "alice".to_owned());
    let (external_id, host_key_id) = ("S-1-1".to_owned(), "hostkey-1".to_owned());
    let (id, workflow_id, ids) = (|| FIRST.to_owned(), "w-1".to_owned(), || vec!["x-1".to_owned()]);
    let profile_id = "p-1".to_owned();
    let look = DescribeWebAppCustomization { web_app_id: "webapp-1".to_owned() };
    let agreement = DescribeAgreement { server_id: id(), agreement_id: "a-1".to_owned() };
    let login = TestIdentityProvider {
        server_id: id(),
        server_protocol: None,
        source_ip: None,
        user_name: user_name.clone(),
        user_password: None,
    };
    vec![
        ("ListServers", account.list(ListServers { token: None }).await.map(drop)),
        ("ListUsers", account.list(ListUsers { server_id: id(), token: None }).await.map(drop)),
        ("ListAccesses", account.list(ListAccesses { server_id: id(), token: None }).await.map(drop)),
        ("ListHostKeys", account.list(ListHostKeys { server_id: id(), token: None }).await.map(drop)),
        ("ListWorkflows", account.list(ListWorkflows { token: None }).await.map(drop)),
        ("ListAgreements", account.list(ListAgreements { server_id: id(), token: None }).await.map(drop)),
        ("DescribeAgreement", account.read(agreement).await.map(drop)),
        ("ListCertificates", account.list(ListCertificates { token: None }).await.map(drop)),
        (
            "DescribeCertificate",
            account.read(DescribeCertificate { certificate_id: "cert-1".to_owned() }).await.map(drop),
        ),
        ("ListWebApps", account.list(ListWebApps { token: None }).await.map(drop)),
        ("DescribeWebApp", account.read(DescribeWebApp { web_app_id: "webapp-1".to_owned() }).await.map(drop)),
        ("DescribeWebAppCustomization", account.read(look).await.map(drop)),
        ("ListConnectors", account.list(ListConnectors { token: None }).await.map(drop)),
        ("DescribeConnector", account.read(DescribeConnector { connector_id: "c-1".to_owned() }).await.map(drop)),
        ("TestConnection", account.read(TestConnection { connector_id: "c-1".to_owned() }).await.map(drop)),
        ("ListSecurityPolicies", account.list(ListSecurityPolicies { token: None }).await.map(drop)),
        ("DescribeServer", account.read(DescribeServer { server_id: id() }).await.map(drop)),
        ("DescribeUser", account.read(DescribeUser { server_id: id(), user_name }).await.map(drop)),
        ("DescribeAccess", account.read(DescribeAccess { server_id: id(), external_id }).await.map(drop)),
        ("DescribeHostKey", account.read(DescribeHostKey { server_id, host_key_id }).await.map(drop)),
        ("DescribeWorkflow", account.read(DescribeWorkflow { workflow_id }).await.map(drop)),
        ("ListProfiles", account.list(ListProfiles { token: None }).await.map(drop)),
        ("DescribeProfile", account.read(DescribeProfile { profile_id }).await.map(drop)),
        ("DescribeSecurityPolicy", account.read(DescribeSecurityPolicy { name: "P".to_owned() }).await.map(drop)),
        ("TestIdentityProvider", account.read(login).await.map(drop)),
        ("DescribeVpcEndpoints", account.read(DescribeVpcEndpoints { ids: ids() }).await.map(drop)),
        ("DescribeNetworkInterfaces", account.read(DescribeNetworkInterfaces { ids: ids() }).await.map(drop)),
        ("DescribeAddresses", account.read(DescribeAddresses { ids: ids() }).await.map(drop)),
    ]
}

async fn created(account: &Account) -> Result<Option<String>, AwsError> {
    let call = Mutation::CreateServer(Box::default());
    let permit = account.permit(call.class()).await;
    account.mutate(permit, NOW.parse().unwrap(), call).await.map(|made| made.id)
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn no_answer_that_cannot_be_read_says_that_something_is_not_there(
        body in inputs(corpus(&["bytes/answers", "bytes/errors"])),
        status in prop::sample::select(STATUSES.to_vec()),
    ) {
        runtime().block_on(async {
            let account = Canned::always(status, &body).account();
            for (operation, outcome) in asked(&account).await {
                prop_assert!(outcome.is_err() || status < 300, "{} is well with {}", operation, status);
                let gone = outcome.is_err_and(|fault| fault.kind == AwsErrorKind::NotFound);
                // By its own word only, with a code that is an error's.
                let said = String::from_utf8_lossy(&body).contains("NotFound");
                prop_assert!(!gone || (said && status >= 300), "{} is gone with {}", operation, status);
            }
            if let (Err(fault), true) = (created(&account).await, status < 300) {
                prop_assert!(!fault.kind.proves_nothing_made(), "CreateServer made nothing: {}", fault);
            }
            Ok(())
        })?;
    }
}

/// An answer of the corpus, by the name of its file.
pub(super) fn file(name: &str) -> Vec<u8> {
    std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bytes/answers").join(name))
        .unwrap()
}

/// The same of one that is JSON.
fn whole(name: &str) -> Value {
    serde_json::from_slice(&file(name)).unwrap()
}

/// Every pointer to a member or an entry.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    let below: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(name, value)| (format!("{at}/{name}"), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(index, item)| (format!("{at}/{index}"), item)).collect(),
        _ => Vec::new(),
    };
    for (pointer, value) in below {
        found.push(pointer.clone());
        pointers(value, &pointer, found);
    }
}

async fn outcome_of(operation: &str, body: &[u8]) -> Result<(), AwsError> {
    let account = Canned::always(200, body).account();
    let outcomes = asked(&account).await;
    outcomes.into_iter().find(|(name, _)| *name == operation).unwrap().1
}

#[test]
fn an_answer_of_wrong_types_or_without_a_member_is_none_or_whole() {
    let rows = [
        ("describe-server.json", "DescribeServer", "/Server"),
        ("list-servers.json", "ListServers", "/Servers"),
        ("list-users.json", "ListUsers", "/Users"),
        ("list-workflows.json", "ListWorkflows", "/Workflows"),
        ("list-profiles.json", "ListProfiles", "/Profiles"),
        ("list-connectors.json", "ListConnectors", "/Connectors"),
        ("list-agreements.json", "ListAgreements", "/Agreements"),
        ("list-certificates.json", "ListCertificates", "/Certificates"),
        ("list-web-apps.json", "ListWebApps", "/WebApps"),
        ("list-security-policies.json", "ListSecurityPolicies", "/SecurityPolicyNames"),
        ("describe-user.json", "DescribeUser", "/User"),
        ("describe-workflow.json", "DescribeWorkflow", "/Workflow"),
        ("describe-profile.json", "DescribeProfile", "/Profile"),
        ("describe-certificate.json", "DescribeCertificate", "/Certificate"),
        ("describe-connector.json", "DescribeConnector", "/Connector"),
        ("describe-agreement.json", "DescribeAgreement", "/Agreement"),
        ("describe-web-app.json", "DescribeWebApp", "/WebApp"),
        ("describe-web-app-customization.json", "DescribeWebAppCustomization", "/WebAppCustomization"),
    ];
    runtime().block_on(async {
        for (file, operation, needed) in rows {
            let good = whole(file);
            assert_eq!(outcome_of(operation, good.to_string().as_bytes()).await, Ok(()), "{file}");
            let mut all = Vec::new();
            pointers(&good, "", &mut all);
            assert!(all.iter().any(|pointer| pointer == needed) && all.len() > 4, "{file}: {all:?}");
            for pointer in all {
                for odd in [json!(null), json!(7), json!({"x": [[]]}), json!([null, "x"])] {
                    let mut bad = good.clone();
                    *bad.pointer_mut(&pointer).unwrap() = odd.clone();
                    let outcome = outcome_of(operation, bad.to_string().as_bytes()).await;
                    let gone = outcome.as_ref().is_err_and(|fault| fault.kind == AwsErrorKind::NotFound);
                    assert!(!gone, "{operation} with {odd} at {pointer}");
                    assert!(pointer != needed || outcome.is_err(), "{operation} with {odd} at {pointer}");
                }
            }
        }
    });
}

#[test]
fn a_listing_whose_every_page_promises_another_one_ends() {
    let canned = Canned::new(|number| {
        (200, json!({"Servers": [], "NextToken": format!("token-{number}")}).to_string().into_bytes())
    });
    let fault = runtime().block_on(canned.account().list(ListServers { token: None })).unwrap_err();
    assert_eq!((fault.kind, fault.code.as_str()), (AwsErrorKind::Unavailable, "EndlessListing"));
    assert_eq!(canned.asked.load(Ordering::Relaxed), 1000);

    let repeated = Canned::always(200, json!({"Servers": [], "NextToken": "same"}).to_string().as_bytes());
    let fault = runtime().block_on(repeated.account().list(ListServers { token: None })).unwrap_err();
    assert_eq!((fault.code.as_str(), repeated.asked.load(Ordering::Relaxed)), ("RepeatedToken", 2));
}

#[test]
fn a_huge_or_deep_answer_is_read_or_refused() {
    let text = "x".repeat(LARGE);
    let bodies = [
        (true, json!({"Server": {"Arn": "arn", "ServerId": FIRST, "PreAuthenticationLoginBanner": text}}).to_string()),
        (false, text),
        (false, "[".repeat(1 << 20)),
        (false, format!("{{\"Server\": {}", "{\"a\":".repeat(1 << 17))),
        (false, format!("<R>{}", "<a>".repeat(1 << 18))),
        (false, "\0".repeat(LARGE)),
    ];
    runtime().block_on(async {
        for (readable, body) in bodies {
            for status in [200, 400] {
                let account = Canned::always(status, body.as_bytes()).account();
                let outcome = account.read(DescribeServer { server_id: FIRST.to_owned() }).await;
                assert_eq!(outcome.is_ok(), readable && status == 200, "{} bytes with {status}", body.len());
                let gone = outcome.is_err_and(|fault| fault.kind == AwsErrorKind::NotFound);
                assert!(!gone, "{} bytes with {status}", body.len());
                let outcome = account.read(DescribeVpcEndpoints { ids: vec!["vpce-1".to_owned()] }).await;
                let fault = outcome.unwrap_err();
                let told = (fault.kind, fault.message.len());
                assert!(told.0 != AwsErrorKind::NotFound && told.1 < 2000, "{told:?}: {} with {status}", body.len());
            }
        }
    });
}

#[test]
fn a_document_of_ec2_that_is_cut_is_no_answer() {
    let document = file("vpc-endpoints.xml");
    let document = document.trim_ascii_end();
    let ids = || vec!["vpce-0a1b2c3d4e5f60718".to_owned()];
    runtime().block_on(async {
        let whole = Canned::always(200, document).account().read(DescribeVpcEndpoints { ids: ids() }).await.unwrap();
        assert_eq!(whole.len(), 1);
        for length in (0..document.len()).step_by(29) {
            let account = Canned::always(200, &document[..length]).account();
            let fault = account.read(DescribeVpcEndpoints { ids: ids() }).await.unwrap_err();
            assert_ne!(fault.kind, AwsErrorKind::NotFound, "{length} bytes");
        }
    });
}
