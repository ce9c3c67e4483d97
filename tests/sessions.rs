//! From an AwsIdentity to its account: whose credentials sign what, and that nothing falls back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod wire;

use std::sync::Arc;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use serde_json::{Value, json};
use transfer_operator::api::AwsIdentity;
use transfer_operator::aws::account_clients::{AccountClients, Aws, CallerIdentity};
use transfer_operator::aws::http::http_client;
use transfer_operator::aws::rate_limiter::Rates;
use transfer_operator::aws::transfer::ListServers;
use transfer_operator::aws::{AwsErrorKind, CallClass, RateLimiter};
use wire::{Call, Reply, Wire, http, ok};

const ACCOUNT: &str = "123456789012";
const REGION: &str = "eu-central-1";

fn sessions() -> AccountClients {
    let own = Credentials::new("OWNKEY", "secret", None, None, "test");
    sessions_with(Some(SharedCredentialsProvider::new(own)))
}

fn sessions_with(own: Option<SharedCredentialsProvider>) -> AccountClients {
    sessions_behind(RateLimiter::new(Rates::default()), own)
}

fn sessions_behind(limiter: Arc<RateLimiter>, own: Option<SharedCredentialsProvider>) -> AccountClients {
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http_client())
        .endpoint_url("http://127.0.0.1:9")
        .region(Region::new("us-east-1"));
    config.set_credentials_provider(own);
    AccountClients::with_config(limiter, config.build())
}

fn identity(wire: &Wire, credentials: &Value) -> AwsIdentity {
    serde_json::from_value(json!({
        "apiVersion": "transfer-operator.dev/v1alpha1",
        "kind": "AwsIdentity",
        "metadata": {"name": "default", "uid": "u-1", "generation": 1},
        "spec": {
            "accountId": ACCOUNT, "regions": [REGION], "credentials": credentials,
            "endpoints": {"transfer": wire.url, "sts": wire.url},
        },
    }))
    .unwrap()
}

fn own(wire: &Wire) -> AwsIdentity {
    identity(wire, &json!({"source": "Operator"}))
}

fn role(wire: &Wire) -> AwsIdentity {
    let role =
        json!({"roleArn": format!("arn:aws:iam::{ACCOUNT}:role/x"), "externalId": "e", "sessionDurationSeconds": 1800});
    identity(wire, &json!({"source": "AssumeRole", "assumeRole": role}))
}

fn caller(account: &str) -> Reply {
    ok(format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
         <Arn>arn:aws:iam::{account}:role/x</Arn><UserId>U</UserId><Account>{account}</Account>\
         </GetCallerIdentityResult></GetCallerIdentityResponse>"
    ))
}

fn assumed(key: &str, expiration: &str) -> Reply {
    ok(format!(
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
         <AccessKeyId>{key}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>TOKEN</SessionToken>\
         <Expiration>{expiration}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
    ))
}

fn refused(code: &str, message: &str) -> Reply {
    http(
        403,
        format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
        ),
    )
}

fn no_servers() -> Reply {
    ok(json!({"Servers": []}))
}

/// What each request was and whose key signed it.
fn seen(calls: &[Call]) -> Vec<(String, String)> {
    let name = |call: &Call| match call.headers.get("x-amz-target") {
        Some(_) => call.operation().to_owned(),
        None => call.body.split('&').next().unwrap().replace("Action=", ""),
    };
    calls.iter().map(|call| (name(call), call.signed_with().to_owned())).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[tokio::test]
async fn the_operators_own_credentials_are_checked_once_and_then_used() {
    let wire = Wire::start();
    let sessions = sessions();
    for reply in [caller(ACCOUNT), no_servers(), no_servers()] {
        wire.reply(reply);
    }
    for _ in 0..2 {
        let account = sessions.account(&own(&wire), REGION).await.unwrap();
        assert_eq!((account.id.as_str(), account.region.as_str()), (ACCOUNT, REGION));
        assert!(account.clock.now().is_some(), "the check tells AWS's time");
        account.list(ListServers { token: None }).await.unwrap();
    }
    let expected = [("GetCallerIdentity", "OWNKEY"), ("ListServers", "OWNKEY"), ("ListServers", "OWNKEY")];
    assert_eq!(seen(&wire.calls()), pairs(&expected));
    assert!(wire.calls()[1].headers["authorization"].contains("/eu-central-1/transfer/aws4_request"));
    assert!(wire.calls()[0].headers["authorization"].contains("/eu-central-1/sts/aws4_request"));
}

#[tokio::test]
async fn a_role_is_assumed_as_the_spec_says_and_signs_everything_else() {
    let wire = Wire::start();
    for reply in [assumed("ROLEKEY", "2026-01-01T01:00:00Z"), caller(ACCOUNT), no_servers()] {
        wire.reply(reply);
    }
    let account = sessions().account(&role(&wire), REGION).await.unwrap();
    account.list(ListServers { token: None }).await.unwrap();
    let calls = wire.calls();
    let expected = [("AssumeRole", "OWNKEY"), ("GetCallerIdentity", "ROLEKEY"), ("ListServers", "ROLEKEY")];
    assert_eq!(seen(&calls), pairs(&expected));
    for member in ["RoleSessionName=transfer-operator", "ExternalId=e", "DurationSeconds=1800", "role%2Fx"] {
        assert!(calls[0].body.contains(member), "{member} in {}", calls[0].body);
    }
    assert_eq!(calls[2].headers["x-amz-security-token"], "TOKEN");
}

/// The form of the one AssumeRole that an identity sends, where its role says this of tags, or nothing.
async fn assume_role_of(tags: Option<bool>, cluster: Option<&str>) -> String {
    let wire = Wire::start();
    for reply in [assumed("ROLEKEY", "2026-01-01T01:00:00Z"), caller(ACCOUNT)] {
        wire.reply(reply);
    }
    let mut identity = role(&wire);
    if let Some(tags) = tags {
        identity.spec.credentials.assume_role.as_mut().unwrap().session_tags = tags;
    }
    let sessions = match cluster {
        Some(id) => sessions().of_cluster(id.to_owned()),
        None => sessions(),
    };
    sessions.account(&identity, REGION).await.unwrap();
    wire.calls()[0].body.clone()
}

#[tokio::test]
async fn sessions_have_tags_only_where_the_identity_says_so() {
    let plain = "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fx\
                 &RoleSessionName=transfer-operator&DurationSeconds=1800&ExternalId=e";
    for tags in [None, Some(false)] {
        assert_eq!(
            assume_role_of(tags, Some("cluster-1")).await,
            plain,
            "to the byte what it was before there were tags"
        );
    }
    let tag = |number: u8, key: &str, value: &str| {
        format!("Tags.member.{number}.Key={key}&Tags.member.{number}.Value={value}")
    };
    let tagged = assume_role_of(Some(true), Some("cluster-1")).await;
    let both = format!("{}&{}", tag(1, "cluster", "cluster-1"), tag(2, "identity", "default"));
    assert!(tagged.contains(&both) && !tagged.contains("Tags.member.3"), "{tagged}");
    let without = assume_role_of(Some(true), None).await;
    assert!(without.contains(&tag(1, "identity", "default")) && !without.contains("Tags.member.2"), "{without}");
}

#[tokio::test]
async fn aws_time_signs_as_soon_as_sts_told_it() {
    let wire = Wire::start();
    let date = "Tue, 01 Jan 2030 00:00:00 GMT";
    wire.reply(assumed("ROLEKEY", "2030-01-01T01:00:00Z").with("date", date));
    wire.reply(caller(ACCOUNT).with("date", date));
    sessions().account(&role(&wire), REGION).await.unwrap();
    assert!(wire.calls()[1].signed_at().starts_with("20300101T0000"), "{}", wire.calls()[1].signed_at());
}

#[tokio::test]
async fn aws_time_is_taken_from_no_answer_of_sts_without_a_request_id() {
    let wire = Wire::start();
    let proxy = || http(503, "<html>busy</html>").not_of_aws();
    let late = assumed("ROLEKEY", "2026-01-01T01:00:00Z").not_of_aws();
    for reply in [late, caller(ACCOUNT).not_of_aws(), proxy(), caller(ACCOUNT)] {
        wire.reply(reply);
    }
    let (sessions, identity) = (sessions(), role(&wire));
    let account = sessions.account(&identity, REGION).await.unwrap();
    assert_eq!(account.clock.now(), None, "of AssumeRole and GetCallerIdentity, answered by nobody known");
    sessions.verify(&identity).await.expect("what was asked before the first use");
    sessions.verify(&identity).await.unwrap_err();
    assert_eq!(account.clock.now(), None, "a page of something in between");
    sessions.verify(&identity).await.unwrap();
    assert!(account.clock.now().is_some(), "an answer of AWS's own");
}

#[tokio::test]
async fn another_account_is_refused_and_both_numbers_are_named() {
    let wire = Wire::start();
    let sessions = sessions();
    wire.reply(caller("999999999999"));
    for _ in 0..2 {
        let fault = sessions.account(&own(&wire), REGION).await.unwrap_err();
        assert_eq!((fault.kind, fault.code.as_str()), (AwsErrorKind::Credentials, "AccountMismatch"));
        assert!(fault.message.contains("999999999999") && fault.message.contains(ACCOUNT), "{fault}");
    }
    assert_eq!(wire.calls().len(), 1, "asked once for both");
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(11)).await;
    tokio::time::resume();
    wire.reply(caller(ACCOUNT));
    sessions.account(&own(&wire), REGION).await.unwrap();
}

#[tokio::test]
async fn questions_to_sts_take_permits_of_their_own() {
    let wire = Wire::start();
    wire.reply(assumed("ROLEKEY", "2026-01-01T01:00:00Z"));
    wire.reply(caller(ACCOUNT));
    let limiter = RateLimiter::new(Rates::default());
    let own = SharedCredentialsProvider::new(Credentials::new("OWNKEY", "secret", None, None, "test"));
    sessions_behind(Arc::clone(&limiter), Some(own)).account(&role(&wire), REGION).await.unwrap();
    let permits = limiter.counters.read().waits.into_iter().map(|((_, _, class), (count, _))| (class, count));
    assert_eq!(permits.collect::<Vec<_>>(), [(CallClass::Sts, 2)], "and none of those that Transfer's calls wait for");
}

#[tokio::test]
async fn what_the_first_use_asked_sts_is_told_once_and_not_asked_again() {
    let wire = Wire::start();
    let sessions = sessions();
    for _ in 0..3 {
        wire.reply(caller(ACCOUNT));
    }
    sessions.account(&own(&wire), REGION).await.unwrap();
    for calls in [1, 2] {
        assert_eq!(sessions.verify(&own(&wire)).await.unwrap().account, ACCOUNT);
        assert_eq!(wire.calls().len(), calls);
    }
}

#[tokio::test]
async fn verify_asks_every_time_and_takes_back_what_it_no_longer_confirms() {
    let wire = Wire::start();
    let sessions = sessions();
    for reply in [caller(ACCOUNT), caller(ACCOUNT), http(500, ""), caller("999999999999")] {
        wire.reply(reply);
    }
    let expected = CallerIdentity { account: ACCOUNT.to_owned(), arn: format!("arn:aws:iam::{ACCOUNT}:role/x") };
    assert_eq!(sessions.verify(&own(&wire)).await.unwrap(), expected);
    assert_eq!(sessions.verify(&own(&wire)).await.unwrap(), expected);
    assert_eq!(sessions.verify(&own(&wire)).await.unwrap_err().kind, AwsErrorKind::Unavailable);
    sessions.account(&own(&wire), REGION).await.expect("a failed question takes nothing back");
    sessions.verify(&own(&wire)).await.unwrap_err();
    sessions.account(&own(&wire), REGION).await.expect_err("another account does");
    assert_eq!(wire.calls().len(), 4);
}

#[tokio::test]
async fn a_denied_role_never_falls_back_to_the_operators_credentials() {
    let wire = Wire::start();
    let sessions = sessions();
    wire.reply(refused("AccessDenied", "User is not authorized to perform: sts:AssumeRole"));
    for _ in 0..2 {
        let fault = sessions.account(&role(&wire), REGION).await.unwrap_err();
        assert_eq!(
            (fault.operation, fault.kind, fault.code.as_str()),
            ("AssumeRole", AwsErrorKind::Denied, "AccessDenied")
        );
        assert!(fault.message.contains("not authorized"), "{fault}");
    }
    assert_eq!(seen(&wire.calls()), pairs(&[("AssumeRole", "OWNKEY")]));
}

#[tokio::test]
async fn a_role_without_its_role_and_a_pod_without_credentials_send_nothing() {
    let wire = Wire::start();
    let without_role = identity(&wire, &json!({"source": "AssumeRole"}));
    let fault = sessions().account(&without_role, REGION).await.unwrap_err();
    assert_eq!((fault.kind, fault.code.as_str()), (AwsErrorKind::Credentials, "NoRole"));
    for identity in [own(&wire), role(&wire)] {
        let fault = sessions_with(None).account(&identity, REGION).await.unwrap_err();
        assert_eq!((fault.kind, fault.code.as_str()), (AwsErrorKind::Credentials, "NoCredentials"));
    }
    assert_eq!(wire.calls().len(), 0);
}

#[tokio::test]
async fn expired_role_credentials_are_replaced_and_no_call_is_repeated() {
    let wire = Wire::start();
    for reply in [
        assumed("ROLE1", "2026-01-01T01:00:00Z"),
        caller(ACCOUNT),
        wire::error("ExpiredTokenException", "expired"),
        assumed("ROLE2", "2026-01-01T01:00:00Z"),
        no_servers(),
    ] {
        wire.reply(reply);
    }
    let account = sessions().account(&role(&wire), REGION).await.unwrap();
    assert_eq!(account.list(ListServers { token: None }).await.unwrap_err().kind, AwsErrorKind::Credentials);
    account.list(ListServers { token: None }).await.unwrap();
    let expected = [
        ("AssumeRole", "OWNKEY"),
        ("GetCallerIdentity", "ROLE1"),
        ("ListServers", "ROLE1"),
        ("AssumeRole", "OWNKEY"),
        ("ListServers", "ROLE2"),
    ];
    assert_eq!(seen(&wire.calls()), pairs(&expected));
}

#[tokio::test]
async fn two_identities_have_two_accounts_and_never_share_credentials() {
    let (first, second) = (Wire::start(), Wire::start());
    let sessions = sessions();
    let mut other = role(&second);
    other.metadata.uid = Some("u-2".to_owned());
    other.spec.account_id = "210987654321".to_owned();
    for reply in [assumed("FIRST", "2026-01-01T01:00:00Z"), caller(ACCOUNT), no_servers()] {
        first.reply(reply);
    }
    for reply in [assumed("SECOND", "2026-01-01T01:00:00Z"), caller("210987654321"), no_servers()] {
        second.reply(reply);
    }
    for identity in [&role(&first), &other] {
        let account = sessions.account(identity, REGION).await.unwrap();
        assert_eq!(account.id, identity.spec.account_id);
        account.list(ListServers { token: None }).await.unwrap();
    }
    assert_eq!(first.calls()[2].signed_with(), "FIRST");
    assert_eq!(second.calls()[2].signed_with(), "SECOND");
}

/// Users of other tools, peers.md C 31: all calls to an account in a region stand in one line, whoever makes them.
#[tokio::test]
async fn calls_of_two_identities_to_one_account_stand_in_one_line() {
    let wire = Wire::start();
    let limiter = RateLimiter::new(Rates::default());
    let credentials = Credentials::new("OWNKEY", "secret", None, None, "test");
    let sessions = sessions_behind(Arc::clone(&limiter), Some(SharedCredentialsProvider::new(credentials)));
    let second = {
        let mut second = own(&wire);
        (second.metadata.name, second.metadata.uid) = (Some("second".to_owned()), Some("u-2".to_owned()));
        second
    };
    for identity in [&own(&wire), &second] {
        wire.reply(caller(ACCOUNT));
        wire.reply(no_servers());
        sessions.account(identity, REGION).await.unwrap().list(ListServers { token: None }).await.unwrap();
    }
    assert_eq!(wire.calls().len(), 4, "each was checked and asked");
    let reads = limiter.lines().into_iter().filter(|line| line.class == CallClass::Read);
    let lines: Vec<(String, String)> = reads.map(|line| (line.account, line.region)).collect();
    assert_eq!(lines, [(ACCOUNT.to_owned(), REGION.to_owned())]);
}

#[tokio::test]
async fn a_new_generation_starts_anew() {
    let wire = Wire::start();
    let sessions = sessions();
    wire.reply(caller(ACCOUNT));
    sessions.account(&own(&wire), REGION).await.unwrap();
    let mut edited = own(&wire);
    edited.metadata.generation = Some(2);
    edited.spec.account_id = "210987654321".to_owned();
    wire.reply(caller(ACCOUNT));
    assert_eq!(sessions.account(&edited, REGION).await.unwrap_err().code, "AccountMismatch");
}

#[tokio::test]
async fn an_empty_endpoint_is_none_and_a_given_one_wins_over_the_environments() {
    let (environment, given) = (Wire::start(), Wire::start());
    let own_credentials = Credentials::new("OWNKEY", "secret", None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http_client())
        .endpoint_url(&environment.url)
        .credentials_provider(SharedCredentialsProvider::new(own_credentials))
        .build();
    let sessions = AccountClients::with_config(RateLimiter::new(Rates::default()), config);
    let mut identity = own(&given);
    identity.spec.endpoints.as_mut().unwrap().sts = Some(String::new());
    environment.reply(caller(ACCOUNT));
    given.reply(no_servers());
    sessions.account(&identity, REGION).await.unwrap().list(ListServers { token: None }).await.unwrap();
    assert_eq!(seen(&environment.calls()), pairs(&[("GetCallerIdentity", "OWNKEY")]));
    assert_eq!(seen(&given.calls()), pairs(&[("ListServers", "OWNKEY")]));
}

#[tokio::test]
async fn a_hundred_objects_of_a_broken_identity_ask_once() {
    let wire = Wire::start();
    let sessions = sessions();
    let identity = own(&wire);
    wire.reply(refused("InvalidClientTokenId", "The security token included in the request is invalid"));
    let asked = (0..100).map(|_| sessions.account(&identity, REGION));
    for outcome in futures::future::join_all(asked).await {
        assert_eq!(outcome.unwrap_err().kind, AwsErrorKind::Credentials);
    }
    assert_eq!(wire.calls().len(), 1);
}

#[tokio::test]
async fn skewed_signatures_teach_the_time_and_the_next_attempt_works_at_once() {
    let wire = Wire::start();
    let sessions = sessions();
    let date = "Tue, 01 Jan 2030 00:00:00 GMT";
    let expired = "Signature expired: 20260101T000000Z is now earlier than 20291231T234500Z";
    wire.reply(refused("SignatureDoesNotMatch", expired).with("date", date));
    assert_eq!(sessions.account(&own(&wire), REGION).await.unwrap_err().kind, AwsErrorKind::Skewed);
    wire.reply(caller(ACCOUNT).with("date", date));
    sessions.account(&own(&wire), REGION).await.unwrap();
    assert!(wire.calls()[1].signed_at().starts_with("20300101T0000"));
}

/// The environment of a process cannot be changed safely from within, so the test runs itself a second time.
#[tokio::test]
async fn credentials_and_endpoints_come_from_the_environment() {
    const WIRE: &str = "TEST_OF_THE_ENVIRONMENT";
    let Ok(given) = std::env::var(WIRE) else {
        let (environment, given) = (Wire::start(), Wire::start());
        environment.reply(caller(ACCOUNT));
        given.reply(no_servers());
        let url = environment.url.clone();
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "credentials_and_endpoints_come_from_the_environment"])
            .envs([("AWS_ACCESS_KEY_ID", "ENVKEY"), ("AWS_SECRET_ACCESS_KEY", "s"), (WIRE, &given.url)])
            .envs([("AWS_ENDPOINT_URL", &url), ("AWS_ENDPOINT_URL_TRANSFER", &url)])
            .output();
        let child = child.unwrap();
        assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
        assert_eq!(seen(&environment.calls()), pairs(&[("GetCallerIdentity", "ENVKEY")]));
        assert_eq!(seen(&given.calls()), pairs(&[("ListServers", "ENVKEY")]));
        return;
    };
    let wire = Wire::start();
    let mut identity = own(&wire);
    let endpoints = identity.spec.endpoints.as_mut().unwrap();
    (endpoints.sts, endpoints.transfer) = (None, Some(given));
    let sessions = AccountClients::new(RateLimiter::new(Rates::default()));
    sessions.account(&identity, REGION).await.unwrap().list(ListServers { token: None }).await.unwrap();
}

/// Runs a test of this file a second time, in a process of its own with these variables.
fn again(test: &str, envs: &[(&str, &str)]) {
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    let child = child.args(["--exact", test]).envs(envs.iter().copied()).output().unwrap();
    assert!(child.status.success(), "{envs:?}: {}", String::from_utf8_lossy(&child.stdout));
}

/// The same behind a proxy; says what it asked of the proxy there.
fn behind_a_proxy(test: &str, envs: &[(&str, &str)]) -> Vec<String> {
    let proxy = Wire::start();
    again(test, &[&[("HTTPS_PROXY", proxy.url.as_str()), (BEHIND_A_PROXY, "1")], envs].concat());
    proxy.calls().iter().map(|call| call.headers["host"].clone()).collect()
}

const BEHIND_A_PROXY: &str = "TEST_BEHIND_A_PROXY";

#[tokio::test]
async fn calls_go_through_the_proxy_of_the_environment_but_where_it_says_not_to() {
    if std::env::var(BEHIND_A_PROXY).is_err() {
        let name = "calls_go_through_the_proxy_of_the_environment_but_where_it_says_not_to";
        let hosts = behind_a_proxy(name, &[("NO_PROXY", "127.0.0.1")]);
        assert_eq!(hosts, ["sts.example.com:443"], "a tunnel is asked for");
        return;
    }
    let direct = Wire::start();
    let mut identity = own(&direct);
    identity.spec.endpoints.as_mut().unwrap().sts = Some(direct.url.replace("http", "https"));
    sessions().verify(&identity).await.expect_err("no TLS there");
    identity.spec.endpoints.as_mut().unwrap().sts = Some("https://sts.example.com".to_owned());
    sessions().verify(&identity).await.expect_err("this proxy opens no tunnel");
}

#[tokio::test]
async fn a_given_address_is_called_as_it_is_with_fips_and_dual_stack_too() {
    let (environment, given) = (Wire::start(), Wire::start());
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http_client())
        .endpoint_url(&environment.url)
        .use_fips(true)
        .use_dual_stack(true)
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("OWNKEY", "secret", None, None, "test")));
    let sessions = AccountClients::with_config(RateLimiter::new(Rates::default()), config.build());
    let mut identity = own(&given);
    (identity.spec.use_fips, identity.spec.use_dual_stack) = (true, true);
    identity.spec.endpoints.as_mut().unwrap().sts = None;
    environment.reply(caller(ACCOUNT));
    given.reply(no_servers());
    sessions.account(&identity, REGION).await.unwrap().list(ListServers { token: None }).await.unwrap();
    assert_eq!((environment.calls().len(), given.calls().len()), (1, 1));
}

#[tokio::test]
async fn without_a_given_address_fips_and_dual_stack_choose_it() {
    if std::env::var(BEHIND_A_PROXY).is_err() {
        let name = "without_a_given_address_fips_and_dual_stack_choose_it";
        let keys = [("AWS_ACCESS_KEY_ID", "ENVKEY"), ("AWS_SECRET_ACCESS_KEY", "s")];
        let hosts = behind_a_proxy(name, &keys);
        assert_eq!(hosts, ["sts.eu-central-1.amazonaws.com:443", "sts-fips.eu-west-1.api.aws:443"]);
        return;
    }
    for (uid, region, variants) in [("u-1", "eu-central-1", false), ("u-2", "eu-west-1", true)] {
        let mut identity = own(&Wire::start());
        identity.metadata.uid = Some(uid.to_owned());
        (identity.spec.use_fips, identity.spec.use_dual_stack) = (variants, variants);
        (identity.spec.endpoints, identity.spec.regions) = (None, vec![region.to_owned()]);
        AccountClients::new(RateLimiter::new(Rates::default()))
            .verify(&identity)
            .await
            .expect_err("this proxy opens no tunnel");
    }
}

/// What a pod has in its environment where IRSA gives it a role; this is its STS.
fn irsa(sts: &Wire) -> [(&str, &str); 3] {
    [
        // Any file is a token to whoever does not check it.
        ("AWS_WEB_IDENTITY_TOKEN_FILE", concat!(env!("CARGO_MANIFEST_DIR"), "/Makefile")),
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/x"),
        ("AWS_ENDPOINT_URL_STS", &sts.url),
    ]
}

/// IRSA asks STS, Pod Identity asks an agent on the node; here neither answers.
#[tokio::test]
async fn silent_sources_of_our_own_credentials_count_as_unavailable() {
    const SOURCE: &str = "TEST_OF_THE_SOURCE";
    const NAME: &str = "silent_sources_of_our_own_credentials_count_as_unavailable";
    if std::env::var(SOURCE).is_err() {
        let wire = Wire::start();
        let irsa = irsa(&wire);
        let pod_identity = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/")];
        for source in [&irsa[..], &pod_identity] {
            again(NAME, &[&[(SOURCE, "1")], source].concat());
        }
        assert!(!wire.calls().is_empty(), "STS was asked, and answered with a status of 599");
        return;
    }
    let sessions = AccountClients::new(RateLimiter::new(Rates::default()));
    let fault = sessions.account(&own(&Wire::start()), REGION).await.unwrap_err();
    assert_eq!((fault.operation, fault.code.as_str()), ("GetCredentials", "StsUnavailable"), "{fault}");
}

/// The answer to AssumeRoleWithWebIdentity holds a session, and what the SDK says of one that it cannot read a piece of it.
#[tokio::test]
async fn a_session_of_irsa_that_cannot_be_read_is_repeated_nowhere() {
    const SOURCE: &str = "TEST_OF_A_GARBLED_SESSION";
    const NAME: &str = "a_session_of_irsa_that_cannot_be_read_is_repeated_nowhere";
    if std::env::var(SOURCE).is_err() {
        let wire = Wire::start();
        for _ in 0..10 {
            wire.reply(ok(
                "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>KEY\
                 </AccessKeyId><SecretAccessKey>&not-a-secret;</SecretAccessKey></Credentials>\
                 </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
                    .to_owned(),
            ));
        }
        again(NAME, &[&[(SOURCE, "1")], &irsa(&wire)[..]].concat());
        assert!(!wire.calls().is_empty(), "STS was asked");
        return;
    }
    let sessions = AccountClients::new(RateLimiter::new(Rates::default()));
    let fault = sessions.account(&own(&Wire::start()), REGION).await.unwrap_err();
    let told = format!("{fault} {fault:?}");
    assert!(!told.contains("not-a-secret") && told.contains("the answer of STS cannot be read"), "{told}");
}

/// Time passes; nothing waits for it meanwhile.
async fn pass(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_denied_role_costs_sts_under_two_calls_a_minute_and_heals() {
    let wire = Wire::start();
    let sessions = sessions();
    let identity = role(&wire);
    for _ in 0..120 {
        wire.reply(refused("AccessDenied", "User is not authorized to perform: sts:AssumeRole"));
    }
    let mut by_minute = Vec::new();
    let mut told = Vec::new();
    for _ in 0..60 {
        let before = wire.calls().len();
        for _ in 0..12 {
            // Ten objects, and the identity itself.
            for _ in 0..10 {
                told.push(sessions.account(&identity, REGION).await.unwrap_err());
            }
            sessions.verify(&identity).await.unwrap_err();
            pass(5).await;
        }
        by_minute.push(wire.calls().len() - before);
    }
    assert!(by_minute[0] <= 6, "{by_minute:?}");
    assert!(by_minute[1..].iter().all(|calls| *calls <= 2), "{by_minute:?}");
    assert!(by_minute[1..].windows(3).all(|minutes| minutes.iter().sum::<usize>() > 0), "still tried: {by_minute:?}");
    let last = told.last().unwrap();
    assert_eq!((last.kind, last.code.as_str()), (AwsErrorKind::Credentials, "BreakerOpen"));
    assert!(last.message.contains("AccessDenied") && last.retry_after.is_some(), "{last:?}");

    wire.forget_replies();
    for reply in [assumed("ROLEKEY", "2026-01-01T01:00:00Z"), caller(ACCOUNT)] {
        wire.reply(reply);
    }
    pass(120).await;
    sessions.account(&identity, REGION).await.unwrap();
}

#[tokio::test]
async fn an_edit_of_a_broken_identity_is_tried_at_once() {
    let wire = Wire::start();
    let sessions = sessions();
    let mut identity = role(&wire);
    for _ in 0..20 {
        wire.reply(refused("AccessDenied", "User is not authorized to perform: sts:AssumeRole"));
    }
    for _ in 0..6 {
        sessions.account(&identity, REGION).await.unwrap_err();
        pass(11).await;
    }
    let calls = wire.calls().len();
    sessions.account(&identity, REGION).await.unwrap_err();
    assert_eq!(wire.calls().len(), calls, "the breaker is open");
    identity.metadata.generation = Some(2);
    sessions.account(&identity, REGION).await.unwrap_err();
    assert_eq!(wire.calls().len(), calls + 1);
}

#[tokio::test]
async fn an_edit_of_neither_credentials_nor_addresses_asks_sts_nothing() {
    let wire = Wire::start();
    let sessions = sessions();
    let mut identity = role(&wire);
    for reply in [assumed("ROLEKEY", "2100-01-01T00:00:00Z"), caller(ACCOUNT)] {
        wire.reply(reply);
    }
    sessions.account(&identity, REGION).await.unwrap();
    identity.metadata.generation = Some(2);
    let grant = json!({"name": "x", "kinds": ["TransferUser"], "namespaces": {"from": "All"}});
    identity.spec.grants.push(serde_json::from_value(grant).unwrap());
    identity.spec.regions.push("eu-west-1".to_owned());
    sessions.account(&identity, REGION).await.unwrap();
    assert_eq!(wire.calls().len(), 2, "a grant, a region");
    identity.spec.credentials.assume_role.as_mut().unwrap().external_id = Some("another".to_owned());
    for reply in [assumed("ROLEKEY2", "2100-01-01T00:00:00Z"), caller(ACCOUNT)] {
        wire.reply(reply);
    }
    sessions.account(&identity, REGION).await.unwrap();
    assert_eq!(wire.calls().len(), 4, "other credentials");
}

#[tokio::test]
async fn of_an_identity_that_is_gone_neither_breaker_nor_credentials_are_kept() {
    let wire = Wire::start();
    let sessions = sessions();
    let (gone, mut other) = (role(&wire), role(&wire));
    (other.metadata.uid, other.metadata.name) = (Some("u-2".to_owned()), Some("other".to_owned()));
    for identity in [&gone, &other] {
        for reply in [assumed("ROLEKEY", "2100-01-01T00:00:00Z"), caller(ACCOUNT)] {
            wire.reply(reply);
        }
        sessions.account(identity, REGION).await.unwrap();
    }
    sessions.forget("u-1");
    let kept: Vec<String> = sessions.breakers().into_iter().map(|(name, _)| name).collect();
    assert_eq!(kept, ["other"]);
    sessions.account(&other, REGION).await.unwrap();
    assert_eq!(wire.calls().len(), 4, "the other one is as it was");
    for reply in [assumed("ROLEKEY", "2100-01-01T00:00:00Z"), caller(ACCOUNT)] {
        wire.reply(reply);
    }
    sessions.account(&gone, REGION).await.unwrap();
    assert_eq!(wire.calls().len(), 6, "credentials that are gone are asked for anew");
}

#[tokio::test]
async fn one_region_that_cannot_be_used_leaves_the_others_alone() {
    let wire = Wire::start();
    let sessions = sessions();
    let identity = own(&wire);
    wire.reply(caller(ACCOUNT));
    sessions.account(&identity, REGION).await.unwrap();
    for _ in 0..6 {
        wire.reply(refused("InvalidClientTokenId", "the region is not enabled"));
        sessions.account(&identity, "me-south-1").await.unwrap_err();
        pass(11).await;
    }
    let there = sessions.account(&identity, "me-south-1").await.unwrap_err();
    assert_eq!((there.kind, there.code.as_str()), (AwsErrorKind::Credentials, "BreakerOpen"));
    let open: Vec<_> = sessions.breakers().into_iter().map(|(name, state)| (name, state.name())).collect();
    assert_eq!(open, [("default".to_owned(), "open")], "one of two regions, told once");

    wire.forget_replies();
    wire.reply(no_servers());
    sessions.account(&identity, REGION).await.unwrap().list(ListServers { token: None }).await.unwrap();
    wire.reply(caller(ACCOUNT));
    sessions.account(&identity, "eu-west-1").await.expect("a region that was not used before");

    let mut again = own(&wire);
    again.metadata.uid = Some("u-2".to_owned());
    wire.reply(caller(ACCOUNT));
    sessions.account(&again, REGION).await.unwrap();
    let open: Vec<_> = sessions.breakers().into_iter().map(|(name, state)| (name, state.name())).collect();
    assert_eq!(open, [("default".to_owned(), "closed")], "an identity of the same name that was deleted says nothing");
}
