//! A trial login at the identity provider of a server.

use aws_sdk_transfer::Client;
use secrecy::{ExposeSecret, SecretString};

use crate::aws::call::Call;
use crate::aws::sdk::convert::value;
use crate::aws::sdk::once::{Once, single_attempt};
use crate::aws::{AwsError, CallClass};

/// TestIdentityProvider.
#[derive(Clone, Debug)]
pub struct TestIdentityProvider {
    /// Server whose provider is asked.
    pub server_id: String,
    /// `SFTP`, `FTP`, `FTPS`.
    pub server_protocol: Option<String>,
    /// Address the login seems to come from.
    pub source_ip: Option<String>,
    /// Name to log in.
    pub user_name: String,
    /// Password to log in with.
    pub user_password: Option<SecretString>,
}

/// What TestIdentityProvider answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IdentityProviderAnswer {
    /// Answer of the provider.
    pub response: Option<String>,
    /// HTTP status of the provider.
    pub status_code: i32,
    /// Message.
    pub message: Option<String>,
    /// URL that was asked.
    pub url: String,
}

impl Call for TestIdentityProvider {
    const OPERATION: &'static str = "TestIdentityProvider";
    const CLASS: CallClass = CallClass::Read;
    const REQUIRED: &'static [&'static str] = &["StatusCode"];
    type Client = Client;
    type Output = IdentityProviderAnswer;

    async fn send(&self, client: &Client, once: &Once) -> Result<IdentityProviderAnswer, AwsError> {
        let Self { server_id, server_protocol, source_ip, user_name, user_password } = self.clone();
        let call = client
            .test_identity_provider()
            .server_id(server_id)
            .set_server_protocol(value(server_protocol))
            .set_source_ip(source_ip)
            .user_name(user_name)
            .set_user_password(user_password.map(|password| password.expose_secret().to_owned()));
        let answer = single_attempt!(once, aws_sdk_transfer, call)?;
        Ok(IdentityProviderAnswer {
            response: answer.response,
            status_code: answer.status_code,
            message: answer.message,
            url: answer.url,
        })
    }
}
