//! A trial login at the identity provider of a server: what a person asks for, and what came of it. Pure types.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pattern;

/// One key of a Secret with a password, in the object's own namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = pattern::OBJECT_NAME.of("name"), transform = pattern::DATA_KEY.of("key"))]
pub struct PasswordSecretRef {
    /// Name of a Secret of type transfer-operator.dev/login-password, in the same namespace. Secrets of other types are
    /// refused.
    #[schemars(length(max = 253))]
    pub name: String,
    /// Key in its data.
    #[schemars(length(min = 1, max = 253))]
    #[serde(default = "password")]
    pub key: String,
}

/// The key that Kubernetes' own Secrets for a login use.
fn password() -> String {
    "password".to_owned()
}

/// A login to try.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = pattern::USER_NAME.of("userName"), transform = pattern::IPV4.of("sourceIp"))]
pub struct LoginTest {
    /// Name to log in with.
    #[schemars(length(max = 100))]
    pub user_name: String,
    /// The password. Absent, the login is tried without one, as for a provider that answers with public keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_secret_ref: Option<PasswordSecretRef>,
    /// IPv4 address that the login seems to come from.
    #[schemars(length(max = 32))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_ip: Option<String>,
    /// Protocol that the login seems to use: SFTP (what AWS takes when absent), FTPS or FTP; one that the server speaks.
    #[schemars(extend("enum" = ["SFTP", "FTPS", "FTP"]))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
}

/// What came of a trial login.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LoginOutcome {
    /// The identity provider let the login in.
    Accepted,
    /// It did not.
    #[default]
    Refused,
    /// The server has no identity provider that can be asked.
    NotPossible,
    /// The password could not be read.
    NoPassword,
    /// AWS did not carry the test out.
    NotTested,
}

/// The last trial login. Nothing of what the identity provider answered but its status code.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoginTestStatus {
    /// Digest of what it was about: the generation of the spec, the identity provider, and the annotation
    /// transfer-operator.dev/reconcile-at. Another one is tried; none means that it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The generation of the spec.
    #[serde(default)]
    pub generation: i64,
    /// Accepted, Refused, NotPossible, NoPassword or NotTested.
    pub outcome: LoginOutcome,
    /// Status code of the identity provider's answer, as of HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_code: Option<i32>,
    /// What was found, and what to do.
    #[serde(default)]
    pub message: String,
}
