//! The login that is tried at the identity provider of a server: once for what it is about, and nothing of the answer but
//! its status code is kept.

use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{Lose, Rig, name};
use crate::api::condition::reasons;
use crate::api::{HOST_KEY_SECRET_TYPE, LOGIN_PASSWORD_SECRET_TYPE, RECONCILE_AT};
use crate::aws::AwsErrorKind;
use crate::sim::config::TestAnswer;

const SERVER: &str = "TransferServer";
const REST: Duration = Duration::from_hours(1);
const PASSWORD: &str = "correct horse battery staple";

fn secret(rig: &Rig, of: &str) {
    let data = [("password".to_owned(), PASSWORD.to_owned())].into();
    rig.objects.secrets.lock().unwrap().insert(name("login"), (of.to_owned(), data));
}

fn spec(provider: &str) -> Value {
    let mut spec = json!({"loginTest": {"userName": "partner", "passwordSecretRef": {"name": "login"}}});
    if provider == "AWS_DIRECTORY_SERVICE" {
        spec["identityProviderType"] = json!(provider);
    }
    if provider == "AWS_LAMBDA" {
        spec["identityProviderType"] = json!(provider);
        spec["identityProviderDetails"] = json!({"function": "arn:aws:lambda:eu-central-1:123456789012:function:a"});
    }
    spec
}

/// A server that is Ready, with a login that the provider answers so.
async fn tried(answer: Option<(i64, &str, &str)>) -> Rig {
    let rig = Rig::new();
    secret(&rig, LOGIN_PASSWORD_SECRET_TYPE);
    answers(&rig, answer);
    rig.server("files", spec("AWS_LAMBDA"));
    rig.settle(SERVER, "files").await;
    assert_eq!(rig.says(SERVER, "files", "Ready").unwrap().0, "True");
    rig
}

fn answers(rig: &Rig, answer: Option<(i64, &str, &str)>) {
    rig.cloud.sim().config.test_identity_provider = answer.map(|(status_code, response, message)| TestAnswer {
        status_code,
        response: response.to_owned(),
        message: message.to_owned(),
    });
}

/// What the condition says, where it is there.
fn says(rig: &Rig) -> (String, String) {
    rig.says(SERVER, "files", "LoginVerified").unwrap_or_default()
}

fn verdict(truth: &str, reason: &str) -> (String, String) {
    (truth.to_owned(), reason.to_owned())
}

#[tokio::test(start_paused = true)]
async fn providers_refuse_by_code_by_silence_or_by_a_message_and_none_is_kept() {
    let answer = r#"{"Role": "arn:aws:iam::1:role/s3cr3t"}"#;
    let rows = [
        (None, "True", reasons::LOGIN_ACCEPTED),
        (Some((200, answer, "")), "True", reasons::LOGIN_ACCEPTED),
        (Some((401, "", "no such s3cr3t")), "False", reasons::LOGIN_REFUSED),
        (Some((200, "", "")), "False", reasons::LOGIN_REFUSED),
        (Some((200, "", "More than one s3cr3t access")), "False", reasons::LOGIN_REFUSED),
        (Some((500, answer, "")), "False", reasons::LOGIN_REFUSED),
    ];
    for (answer, truth, reason) in rows {
        let rig = tried(answer).await;
        assert_eq!(says(&rig), verdict(truth, reason), "{answer:?}");
        let status = rig.status(SERVER, "files");
        let code = answer.map_or(200, |(code, ..)| code);
        assert_eq!(status["loginTest"]["statusCode"], code);
        let told = format!("{status} {:?}", rig.objects.notes.lock().unwrap());
        assert!(!told.contains("s3cr3t") && !told.contains("role/") && !told.contains(PASSWORD), "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_is_tried_once_and_again_after_an_edit_or_a_wish() {
    let rig = tried(None).await;
    let refuse = || answers(&rig, Some((401, "", "")));
    refuse();
    rig.run(SERVER, "files", REST).await;
    assert_eq!(says(&rig), verdict("True", reasons::LOGIN_ACCEPTED), "at rest nobody is asked");
    let steps: [(&str, &dyn Fn()); 3] = [
        ("an edit", &|| rig.edit(SERVER, "files", |object| object["spec"]["tags"] = json!({"a": "b"}))),
        ("a wish", &|| {
            let key = (SERVER.to_owned(), name("files"));
            let wish = |object: &mut Value| object["metadata"]["annotations"] = json!({RECONCILE_AT: "noon"});
            rig.objects.change(&key, None, wish).unwrap();
        }),
        ("another provider", &|| {
            let function = json!("arn:aws:lambda:eu-central-1:123456789012:function:b");
            let set = |object: &mut Value| object["spec"]["identityProviderDetails"]["function"] = function;
            rig.edit(SERVER, "files", set);
        }),
    ];
    for (what, step) in steps {
        refuse();
        step();
        rig.settle(SERVER, "files").await;
        assert_eq!(says(&rig), verdict("False", reasons::LOGIN_REFUSED), "{what}");
        assert_eq!(rig.says(SERVER, "files", "Ready").unwrap().0, "True", "it does not touch Ready");
        answers(&rig, None);
        rig.edit(SERVER, "files", |object| object["spec"]["tags"] = json!({"after": what}));
        rig.settle(SERVER, "files").await;
        assert_eq!(says(&rig), verdict("True", reasons::LOGIN_ACCEPTED), "{what}");
    }
    rig.edit(SERVER, "files", |object| drop(object["spec"].as_object_mut().unwrap().remove("loginTest")));
    rig.settle(SERVER, "files").await;
    assert!(says(&rig) == verdict("", "") && rig.status(SERVER, "files")["loginTest"].is_null());
}

fn logins(rig: &Rig) -> usize {
    rig.cloud.sim().calls.since(0).filter(|call| call.operation == "TestIdentityProvider").count()
}

/// A wrong password that is sent a few times locks its account out.
#[tokio::test(start_paused = true)]
async fn one_password_is_sent_once_whatever_else_an_edit_takes() {
    let rig = tried(Some((401, "", ""))).await;
    assert_eq!(logins(&rig), 1, "one for the server");
    rig.edit(SERVER, "files", |object| {
        object["spec"]["tags"] = json!({"a": "b"});
        object["spec"]["preAuthenticationLoginBanner"] = json!("hello");
        object["spec"]["desiredState"] = json!("ONLINE");
    });
    rig.settle(SERVER, "files").await;
    assert_eq!(logins(&rig), 2, "one for the edit, which takes two calls");
    let denied = || {
        for _ in 0..200 {
            rig.cloud.lose("ListHostKeys", Lose::Call(AwsErrorKind::Denied));
            rig.cloud.lose("TagResource", Lose::Call(AwsErrorKind::Unavailable));
        }
    };
    denied();
    rig.edit(SERVER, "files", |object| object["spec"]["tags"] = json!({"a": "c"}));
    rig.run(SERVER, "files", REST).await;
    assert!(logins(&rig) <= 3, "{} logins while other calls fail", logins(&rig));
}

#[tokio::test(start_paused = true)]
async fn a_login_without_an_answer_may_have_counted_and_is_not_repeated() {
    for kind in [AwsErrorKind::Lost, AwsErrorKind::Unavailable] {
        let rig = Rig::new();
        secret(&rig, LOGIN_PASSWORD_SECRET_TYPE);
        rig.cloud.lose("TestIdentityProvider", Lose::Call(kind));
        rig.server("files", spec("AWS_LAMBDA"));
        rig.run(SERVER, "files", REST).await;
        assert_eq!(says(&rig), verdict("False", reasons::LOGIN_NOT_TESTED), "{kind:?}");
        assert_eq!(logins(&rig), 0, "{kind:?}: the next one would have come through");
    }
}

#[tokio::test(start_paused = true)]
async fn a_directory_is_asked_for_a_login_as_the_code_of_others_is() {
    for (code, then) in
        [(200, verdict("True", reasons::LOGIN_ACCEPTED)), (401, verdict("False", reasons::LOGIN_REFUSED))]
    {
        let rig = Rig::new();
        secret(&rig, LOGIN_PASSWORD_SECRET_TYPE);
        answers(&rig, Some((code, "{}", "")));
        rig.server("files", spec("AWS_DIRECTORY_SERVICE"));
        rig.settle(SERVER, "files").await;
        assert_eq!((says(&rig), logins(&rig)), (then, 1), "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_keeps_its_users_itself_has_nobody_to_ask() {
    let rig = Rig::new();
    secret(&rig, LOGIN_PASSWORD_SECRET_TYPE);
    rig.server("files", spec("SERVICE_MANAGED"));
    rig.cloud.lose("TestIdentityProvider", Lose::Call(AwsErrorKind::Denied));
    rig.settle(SERVER, "files").await;
    assert_eq!(says(&rig), verdict("False", reasons::LOGIN_NOT_TESTABLE));
}

#[tokio::test(start_paused = true)]
async fn no_other_secret_is_read_for_a_password_and_one_that_comes_is_seen() {
    let rig = Rig::new();
    secret(&rig, HOST_KEY_SECRET_TYPE);
    rig.server("files", spec("AWS_LAMBDA"));
    rig.settle(SERVER, "files").await;
    assert_eq!(says(&rig), verdict("False", reasons::SOURCE_NOT_READY));
    assert!(rig.status(SERVER, "files").to_string().contains(LOGIN_PASSWORD_SECRET_TYPE));
    assert_eq!(rig.says(SERVER, "files", "Ready").unwrap().0, "True");
    secret(&rig, LOGIN_PASSWORD_SECRET_TYPE);
    rig.run(SERVER, "files", REST).await;
    assert_eq!(says(&rig), verdict("True", reasons::LOGIN_ACCEPTED));
}

#[tokio::test(start_paused = true)]
async fn a_test_that_aws_denies_is_told_and_one_that_fails_is_tried_again() {
    for (kind, then) in [
        (AwsErrorKind::Denied, verdict("False", reasons::LOGIN_NOT_TESTED)),
        (AwsErrorKind::Throttled, verdict("True", reasons::LOGIN_ACCEPTED)),
    ] {
        let rig = Rig::new();
        secret(&rig, LOGIN_PASSWORD_SECRET_TYPE);
        rig.cloud.lose("TestIdentityProvider", Lose::Call(kind));
        rig.server("files", spec("AWS_LAMBDA"));
        rig.run(SERVER, "files", REST).await;
        assert_eq!(says(&rig), then, "{kind:?}");
        assert_eq!(rig.says(SERVER, "files", "Ready").unwrap().0, "True");
    }
}
