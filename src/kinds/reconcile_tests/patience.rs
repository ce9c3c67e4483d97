//! When a person is called, and how soon what nothing tells of is looked for again: to the second, as
//! docs/behaviour.md says.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::rig::{Lose, ROLE, Rig};
use crate::api::HOST_KEY_SECRET_TYPE;
use crate::aws::{AwsErrorKind, Mutation};
use crate::cluster::Name;
use crate::engine::requeue::Requeue;

const SERVER: &str = "TransferServer";
const USER: &str = "TransferUser";
const MINUTE: Duration = Duration::from_mins(1);

/// After how long the object is Stalled, in seconds; `None` where it is not within an hour.
async fn stalls(rig: &Rig, kind: &str, object: &str) -> Option<(u64, String)> {
    let began = Instant::now();
    while began.elapsed() < Duration::from_hours(1) {
        let next = rig.reconcile(kind, object).await;
        if let Some((_, reason)) = rig.says(kind, object, "Stalled") {
            return Some((began.elapsed().as_secs(), reason));
        }
        if let Requeue::After(wait) | Requeue::Rest(wait) = next {
            tokio::time::advance(wait).await;
        }
    }
    None
}

/// What AWS may refuse a call with, and when that calls a person.
const REFUSALS: [(&str, &str, Option<(u64, &str)>); 13] = [
    ("ValidationException", "1 validation error detected", Some((0, "Rejected"))),
    ("InvalidRequestException", "Role is not valid", Some((120, "Rejected"))),
    ("AccessDeniedException", "User is not authorized to perform: transfer:X", Some((300, "AccessDenied"))),
    ("AccessDeniedException", "User is not authorized to perform: iam:PassRole", Some((300, "AccessDenied"))),
    ("ServiceQuotaExceededException", "too many", Some((300, "QuotaExceeded"))),
    ("ExpiredTokenException", "The security token included in the request is expired", Some((300, "IdentityNotReady"))),
    ("ThrottlingException", "Rate exceeded", None),
    ("InternalServiceError", "", None),
    ("ServiceUnavailableException", "", None),
    ("ConflictException", "", None),
    ("InvalidRequestException", "Server must be OFFLINE", None),
    ("ResourceNotFoundException", "Unknown user", None),
    ("RequestExpired", "", None),
];

#[tokio::test(start_paused = true)]
async fn a_refused_change_calls_a_person_when_the_readme_says() {
    for (code, message, expected) in REFUSALS {
        let rig = Rig::with_user(json!({})).await;
        rig.cloud.refuse(code, message, |call| matches!(call, Mutation::UpdateUser(_)));
        rig.edit(USER, "alice", |object| object["spec"]["homeDirectory"] = json!("/b"));
        let expected = expected.map(|(after, reason)| (after, reason.to_owned()));
        assert_eq!(stalls(&rig, USER, "alice").await, expected, "{code}: {message}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_create_calls_a_person_when_the_readme_says() {
    for (code, message, expected) in REFUSALS {
        let rig = Rig::new();
        rig.cloud.refuse(code, message, |call| matches!(call, Mutation::CreateServer(_)));
        rig.server("files", json!({}));
        let expected = expected.map(|(after, reason)| (after, reason.to_owned()));
        assert_eq!(stalls(&rig, SERVER, "files").await, expected, "{code}: {message}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_denied_check_leaves_ready_alone_for_ten_minutes() {
    for (kind, expected) in [
        (AwsErrorKind::Denied, Some((600, "AccessDenied"))),
        (AwsErrorKind::Credentials, Some((600, "IdentityNotReady"))),
        (AwsErrorKind::Unavailable, None),
        (AwsErrorKind::Throttled, None),
    ] {
        let rig = Rig::with_user(json!({})).await;
        for _ in 0..1000 {
            rig.cloud.lose("DescribeUser", Lose::Call(kind));
        }
        let expected = expected.map(|(after, reason)| (after, reason.to_owned()));
        assert_eq!(stalls(&rig, USER, "alice").await, expected, "{kind:?}");
        assert_ne!(rig.says(USER, "alice", "Ready").unwrap().0, "True", "{kind:?}: nobody knows any more");
    }
}

#[tokio::test(start_paused = true)]
async fn what_no_identity_or_grant_lets_through_calls_a_person_at_once() {
    let rig = Rig::with_user(json!({})).await;
    rig.user("bob", json!({"role": format!("{ROLE}-of-others")}));
    assert_eq!(stalls(&rig, USER, "bob").await, Some((0, "RoleNotGranted".to_owned())));
    let rig = Rig::with_user(json!({})).await;
    rig.withdraw(false);
    assert_eq!(stalls(&rig, USER, "alice").await, Some((0, "GrantRevoked".to_owned())));
}

/// How long until the operator looks again.
async fn wait(rig: &Rig) -> Duration {
    loop {
        match rig.reconcile(SERVER, "files").await {
            Requeue::Again => {}
            Requeue::After(wait) | Requeue::Elsewhere(wait) | Requeue::Rest(wait) => return wait,
            Requeue::OnChange => panic!("nobody comes back"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_secret_and_the_right_to_it_are_sought_each_minute_and_told() {
    let secret =
        |of: &str, text: &str| Ok(Some((of.to_owned(), [("ssh-privatekey".to_owned(), text.to_owned())].into())));
    for (reason, secret) in [
        ("SourceNotReady", Err(())),
        ("SourceNotReady", Ok(None)),
        ("WrongSecretType", secret("Opaque", "")),
        ("InvalidKey", secret(HOST_KEY_SECRET_TYPE, "no key")),
    ] {
        let rig = Rig::new();
        let name = Name { namespace: "team".to_owned(), name: "a".to_owned() };
        match secret {
            Ok(secret) => rig.objects.secrets.lock().unwrap().extend(secret.map(|secret| (name, secret))),
            Err(()) => {
                rig.objects.forbidden.lock().unwrap().insert(name.namespace);
            }
        }
        rig.server(
            "files",
            json!({"hostKeys": [{"name": "a", "secretKeyRef": {"name": "a", "key": "ssh-privatekey"}}]}),
        );
        let wait = wait(&rig).await;
        assert!(wait <= MINUTE, "{reason}: {wait:?}");
        assert_eq!(rig.says(SERVER, "files", "Ready").unwrap().1, reason);
        let message = rig.message(SERVER, "files");
        assert!(message.contains("looked for again every minute"), "{message}");
        assert!(rig.cloud.calls().is_empty(), "{reason}");
    }
}
