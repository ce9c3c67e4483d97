//! A trial login at the identity provider of a server, once for each generation of the spec, each provider and each time
//! that a person asks. Of the provider's answer only the status code leaves this file, the password only inside the call.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kube::ResourceExt;
use secrecy::SecretString;
use serde_json::json;

use super::members::SERVICE_MANAGED;
use crate::api::condition::{reasons, types};
use crate::api::login_test::{LoginOutcome, LoginTest, LoginTestStatus, PasswordSecretRef};
use crate::api::{LOGIN_PASSWORD_SECRET_TYPE, Managed, RECONCILE_AT, TransferServer};
use crate::aws::transfer::{IdentityProviderAnswer, Server, TestIdentityProvider};
use crate::aws::{Account, AwsError, AwsErrorKind};
use crate::cluster::{ClusterError, KubeApi, Name};
use crate::engine::digest::hash;
use crate::engine::kind::OwnCondition;
use crate::engine::reason::Reason;

/// The logins that this process tried, by the uid of the server object: what becomes of a status write or of another call
/// must not send a password once more, as identity providers lock accounts out.
#[derive(Default)]
pub struct LoginsTried(Mutex<BTreeMap<String, LoginTestStatus>>);

impl LoginsTried {
    fn known(&self, uid: &str, digest: &str) -> Option<LoginTestStatus> {
        self.lock().get(uid).filter(|tried| tried.digest.as_deref() == Some(digest)).cloned()
    }

    fn note(&self, uid: &str, tried: LoginTestStatus) {
        self.lock().insert(uid.to_owned(), tried);
    }

    /// Nothing was sent, or the server is gone.
    pub fn forget(&self, uid: &str) {
        self.lock().remove(uid);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, LoginTestStatus>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The status code of an answer that lets the login in.
const OK: i32 = 200;

/// What came of the login that the spec asks for: what status says already where it was tried, nothing where it cannot be
/// tried now. `server` carries the object's owner tags.
pub async fn of(
    tried: &LoginsTried,
    cluster: &dyn KubeApi,
    object: &TransferServer,
    server: &Server,
    account: &Account,
) -> Option<LoginTestStatus> {
    let test = object.spec.login_test.as_ref()?;
    let before = object.status.as_ref().and_then(|status| status.login_test.clone());
    let digest = digest(object, server);
    let observes = object.policies().observes();
    let uid = object.uid().unwrap_or_default();
    if object.spec.suspend || observes || before.as_ref().is_some_and(|before| before.digest.as_ref() == Some(&digest))
    {
        return before;
    }
    if let Some(tried) = tried.known(&uid, &digest) {
        return Some(tried);
    }
    let found = |outcome, status_code, message| LoginTestStatus {
        digest: Some(digest.clone()),
        generation: object.metadata.generation.unwrap_or_default(),
        outcome,
        status_code,
        message,
    };
    if server.settings.identity_provider_type.as_deref().is_none_or(|provider| provider == SERVICE_MANAGED) {
        let message = "a server that keeps its users itself (SERVICE_MANAGED) has no identity provider to ask; take \
                       spec.loginTest out, or change identityProviderType";
        return Some(found(LoginOutcome::NotPossible, None, message.to_owned()));
    }
    // What came of another one says nothing of this one; and of a provider that is about to change nothing is asked.
    let wanted = object.spec.identity_provider_type.as_deref();
    if wanted.is_some_and(|wanted| server.settings.identity_provider_type.as_deref() != Some(wanted)) {
        return None;
    }
    if server.state.as_deref() != Some("ONLINE") {
        return None;
    }
    let user_password = match password(cluster, object, test).await {
        Ok(password) => password,
        // A Secret is not watched, so it is read again at the next look.
        Err(Some(what)) => {
            let message =
                format!("{what}; it is read again at the next look at the server, or at once with {RECONCILE_AT}");
            return Some(LoginTestStatus { digest: None, ..found(LoginOutcome::NoPassword, None, message) });
        }
        Err(None) => return before,
    };
    let LoginTest { user_name, password_secret_ref: _, source_ip, protocol } = test.clone();
    let server_id = server.server_id.clone();
    let call = TestIdentityProvider { server_id, server_protocol: protocol, source_ip, user_name, user_password };
    ask(tried, &uid, account, call, found).await.or(before)
}

/// Makes the trial; nothing where the provider was not asked for certain.
async fn ask(
    tried: &LoginsTried,
    uid: &str,
    account: &Account,
    call: TestIdentityProvider,
    found: impl Fn(LoginOutcome, Option<i32>, String) -> LoginTestStatus,
) -> Option<LoginTestStatus> {
    let user_name = call.user_name.clone();
    // Before the call: whatever becomes of it, it is not sent again for the same.
    tried.note(uid, found(LoginOutcome::NotTested, None, UNANSWERED.to_owned()));
    let outcome = match account.read(call).await {
        Ok(answer) => {
            let (outcome, message) = judged(&answer, &user_name);
            found(outcome, Some(answer.status_code), message)
        }
        Err(fault) if unsent(&fault) => {
            tried.forget(uid);
            return None;
        }
        Err(fault) => found(LoginOutcome::NotTested, None, refused(&fault)),
    };
    tried.note(uid, outcome.clone());
    Some(outcome)
}

/// What is said where no answer came: the provider may have got the password.
const UNANSWERED: &str = "no answer came to the test, and the identity provider may have counted it; ask anew with the \
                          annotation transfer-operator.dev/reconcile-at";

/// Whether the identity provider was not asked for certain, and may be at the next look.
fn unsent(fault: &AwsError) -> bool {
    fault.of_sts()
        || matches!(
            fault.kind,
            AwsErrorKind::Throttled | AwsErrorKind::Credentials | AwsErrorKind::Skewed | AwsErrorKind::NotFound
        )
}

/// Another one of these is tried anew.
fn digest(object: &TransferServer, server: &Server) -> String {
    let settings = &server.settings;
    hash(
        &json!([
            object.metadata.generation,
            object.annotations().get(RECONCILE_AT),
            server.server_id,
            settings.identity_provider_type,
            settings.identity_provider_details,
        ])
        .to_string(),
    )
}

/// The password; why there is none, or nothing where that passes.
async fn password(
    cluster: &dyn KubeApi,
    object: &TransferServer,
    test: &LoginTest,
) -> Result<Option<SecretString>, Option<String>> {
    let Some(PasswordSecretRef { name, key }) = &test.password_secret_ref else { return Ok(None) };
    let name = Name { namespace: object.namespace().unwrap_or_default(), name: name.clone() };
    let at = "spec.loginTest.passwordSecretRef";
    let mut secret = match cluster.secret(&name).await {
        Ok(Some(secret)) => secret,
        Ok(None) => return Err(Some(format!("{at}: Secret {name} does not exist"))),
        Err(ClusterError::Forbidden(_)) => {
            let message = format!(
                "{at}: the operator may not read Secrets in this namespace; the chart's secrets.namespaces lists those it \
                 may"
            );
            return Err(Some(message));
        }
        Err(_) => return Err(None),
    };
    if secret.secret_type != LOGIN_PASSWORD_SECRET_TYPE {
        let message = format!(
            "{at}: Secret {name} is of type {}, not {LOGIN_PASSWORD_SECRET_TYPE}; the type of a Secret cannot be changed, so \
             delete it and make it anew with this type",
            secret.secret_type
        );
        return Err(Some(message));
    }
    match secret.data.remove(key) {
        Some(Ok(password)) => Ok(Some(password)),
        Some(Err(error)) => Err(Some(format!("{at}: what Secret {name} has under key {key} {error}"))),
        None => Err(Some(format!("{at}: Secret {name} has nothing under key {key}"))),
    }
}

/// Providers refuse by the code, by an empty answer, or by a message beside a good code, as a directory does.
fn judged(answer: &IdentityProviderAnswer, user_name: &str) -> (LoginOutcome, String) {
    let IdentityProviderAnswer { response, status_code, message, url: _ } = answer;
    let given = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
    if *status_code == OK && given(response) && !given(message) {
        return (LoginOutcome::Accepted, format!("the identity provider lets {user_name} in"));
    }
    let message = format!(
        "the identity provider does not let {user_name} in; it answered with status {status_code}. Its logs say why, and \
         `aws transfer test-identity-provider` shows its answer"
    );
    (LoginOutcome::Refused, message)
}

/// Why AWS did not carry it out, without AWS's words, which may hold what was sent.
fn refused(fault: &AwsError) -> String {
    match fault.kind {
        AwsErrorKind::Denied => {
            "AWS does not let the operator test a login; allow transfer:TestIdentityProvider, then ask anew with the \
             annotation transfer-operator.dev/reconcile-at"
                .to_owned()
        }
        AwsErrorKind::Rejected => format!(
            "AWS refuses the test ({}); check spec.loginTest against the protocols and the identity provider of the server",
            fault.code
        ),
        _ => UNANSWERED.to_owned(),
    }
}

/// As a condition.
#[must_use]
pub fn condition(status: Option<&LoginTestStatus>) -> OwnCondition {
    let told = status.map(|LoginTestStatus { digest: _, generation, outcome, status_code: _, message }| {
        let code = match outcome {
            LoginOutcome::Accepted => reasons::LOGIN_ACCEPTED,
            LoginOutcome::Refused => reasons::LOGIN_REFUSED,
            LoginOutcome::NotPossible => reasons::LOGIN_NOT_TESTABLE,
            LoginOutcome::NoPassword => reasons::SOURCE_NOT_READY,
            LoginOutcome::NotTested => reasons::LOGIN_NOT_TESTED,
        };
        (*outcome == LoginOutcome::Accepted, Reason::new(code, message.clone()), *generation)
    });
    OwnCondition { r#type: types::LOGIN_VERIFIED, told }
}
