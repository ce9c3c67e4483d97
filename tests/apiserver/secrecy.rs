//! Every sort of secret that passes through the operator, and its log with all that any library says at TRACE: none of
//! them stands there, neither as it is nor as it is sent. Host keys through a whole rotation: `host_keys.rs`; tokens of
//! scrapers: `scrapes.rs`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::host_keys::{KeySecret, allow_secrets};
use crate::support::{managed, repository};
use crate::world::{PLATFORM, World};

const PASSWORD: &str = "correct-horse+battery/staple&42";
/// How each token of a ServiceAccount begins: the operator's own, by which it asks the API server.
const TOKEN: &str = "eyJhbGciOi";
/// Lengths in hexadecimal digits of the secret key and the token that the simulated STS gives out.
const SESSION: [usize; 2] = [40, 120];

/// What of these secrets, of tokens and of temporary credentials stands in a log, each with what is before it.
fn leaks(log: &str, secrets: &[String]) -> Vec<String> {
    let mut forms: Vec<String> = vec![TOKEN.to_owned()];
    for secret in secrets {
        let lines = secret.lines().filter(|line| line.len() > 12 && !line.starts_with("-----"));
        forms.extend(lines.map(str::to_owned));
        // As a Secret holds it. What all keys have in common stands at the ends.
        let encoded = STANDARD.encode(secret);
        forms.push(encoded[encoded.len() / 2..][..20].to_owned());
        forms.push(form_urlencoded::byte_serialize(secret.as_bytes()).collect());
    }
    let before = |at: usize| log[log.floor_char_boundary(at.saturating_sub(200))..at].to_owned();
    let mut found: Vec<String> = forms.iter().filter_map(|form| log.find(form.as_str())).map(before).collect();
    let digits = log.split(|letter: char| !letter.is_ascii_hexdigit());
    let session = digits.filter(|digits| SESSION.contains(&digits.len()));
    found.extend(session.map(|digits| format!("{} hexadecimal digits: {}…", digits.len(), &digits[..8])));
    found
}

#[test]
fn a_secret_in_the_log_is_found_in_each_form() {
    let secrets = [PASSWORD.to_owned(), "-----BEGIN-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END-----\n".to_owned()];
    let encoded = secrets.clone().map(|secret| STANDARD.encode(secret));
    for line in [
        format!("body: {PASSWORD}"),
        "a line of b3BlbnNzaC1rZXktdjEAAAAA".to_owned(),
        format!("data: {}", encoded[0]),
        format!("data: {}", encoded[1]),
        "UserPassword=correct-horse%2Bbattery%2Fstaple%2642".to_owned(),
        format!("authorization: Bearer {TOKEN}JSUzI1NiI"),
        format!("x-amz-security-token: {}", "0a".repeat(60)),
        format!("<SecretAccessKey>{}</SecretAccessKey>", "0a".repeat(20)),
    ] {
        assert_eq!(leaks(&line, &secrets).len(), 1, "{line}");
    }
    assert_eq!(leaks("a digest, 0a0a0a0a, and a uid", &secrets), Vec::<String>::new());
}

#[tokio::test]
async fn no_secret_stands_in_the_log_of_any_library_at_trace() {
    let world = World::demo().await;
    allow_secrets(&world).await;
    KeySecret::of("openssh-ed25519").create(&world, "host-key").await;
    let key = KeySecret::of("openssh-ed25519").text();
    let password = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login", "namespace": PLATFORM},
        "type": "transfer-operator.dev/login-password", "stringData": {"password": PASSWORD},
    });
    let pair = ["own.pem", "own.key"]
        .map(|file| std::fs::read_to_string(repository(&format!("tests/fixtures/certificates/{file}"))).unwrap());
    let label = json!({"transfer-operator.dev/certificate": "true"});
    let tls = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "seal", "namespace": PLATFORM, "labels": label},
        "type": "kubernetes.io/tls", "stringData": {"tls.crt": pair[0], "tls.key": pair[1]},
    });
    let seal = json!({"region": "eu-central-1", "usage": "SIGNING", "secretRef": {"name": "seal"},
        "rotation": {"notice": "168h"}});
    let role = "arn:aws:iam::123456789012:role/transfer";
    let assumed = json!({
        "apiVersion": "transfer-operator.dev/v1alpha1", "kind": "AwsIdentity", "metadata": {"name": "assumed"},
        "spec": {
            "accountId": "123456789012", "regions": ["eu-central-1"], "deletionProtection": false,
            "credentials": {"source": "AssumeRole", "assumeRole": {"roleArn": role}},
            "grants": [{"name": "all", "kinds": ["TransferServer"], "namespaces": {"from": "All"}}],
        },
    });
    let spec = json!({
        "region": "eu-central-1", "awsIdentityRef": {"name": "assumed"}, "identityProviderType": "AWS_LAMBDA",
        "identityProviderDetails": {"function": "arn:aws:lambda:eu-central-1:123456789012:function:sftp-auth"},
        "hostKeys": [{"name": "first", "secretKeyRef": {"name": "host-key"}}],
        "loginTest": {"userName": "partner", "passwordSecretRef": {"name": "login"}},
    });
    let asked = managed("TransferServer", PLATFORM, "asked", &spec);
    world.apply(&[password, tls, assumed, asked, managed("TransferCertificate", PLATFORM, "seal", &seal)]).await;
    let operator = world.operator(&["--log-level", "trace,transfer_operator=trace"]).await;
    world.told("transferservers", PLATFORM, "asked", "LoginAccepted").await;
    world.all_ready(9).await;
    for sent in ["TestIdentityProvider", "CreateServer", "AssumeRole", "ImportCertificate"] {
        assert!(!world.calls_of(sent).await.is_empty(), "{sent} was not called");
    }

    let log = operator.log();
    assert!(log.contains("TRACE"), "this is no log at TRACE");
    for library in [" hyper_util::", " aws_smithy_runtime::", " kube_client::", " tower::", " transfer_operator::"] {
        assert!(log.contains(library), "{library} says nothing");
    }
    assert_eq!(leaks(&log, &[PASSWORD.to_owned(), key, pair[1].clone()]), Vec::<String>::new());
}
