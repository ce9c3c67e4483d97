//! Each read as a call of the SDK.

use aws_sdk_transfer::Client;
use secrecy::ExposeSecret;

use super::answer::{self, rows};
use super::once::{Once, send_once};
use super::request::value;
use crate::aws::types::{IdentityProviderAnswer, Page, TestIdentityProvider};
use crate::aws::{Answer, Fault, Read};

/// AWS's most rows per page: a listing costs the fewest calls.
const PAGE: i32 = 1000;

pub(super) async fn send(client: &Client, once: &Once, call: Read) -> Result<Answer, Fault> {
    match call {
        Read::ListServers { token } => servers(client, once, token).await,
        Read::DescribeServer { server_id } => server(client, once, server_id).await,
        Read::ListUsers { server_id, token } => users(client, once, server_id, token).await,
        Read::DescribeUser { server_id, user_name } => user(client, once, server_id, user_name).await,
        Read::ListAccesses { server_id, token } => accesses(client, once, server_id, token).await,
        Read::DescribeAccess { server_id, external_id } => access(client, once, server_id, external_id).await,
        Read::ListHostKeys { server_id, token } => host_keys(client, once, server_id, token).await,
        Read::DescribeHostKey { server_id, host_key_id } => host_key(client, once, server_id, host_key_id).await,
        Read::ListSecurityPolicies { token } => security_policies(client, once, token).await,
        Read::DescribeSecurityPolicy { name } => security_policy(client, once, name).await,
        Read::TestIdentityProvider(call) => test_identity_provider(client, once, call).await,
    }
}

/// One page; a member that a row lacks makes it no answer.
fn page<T>(once: &Once, items: answer::Read<Vec<T>>, next_token: Option<String>) -> Result<Page<T>, Fault> {
    let items = items.map_err(|member| once.incomplete(member))?;
    Ok(Page { items, next_token: next_token.filter(|token| !token.is_empty()) })
}

fn boxed<T>(once: &Once, item: answer::Read<T>) -> Result<Box<T>, Fault> {
    item.map(Box::new).map_err(|member| once.incomplete(member))
}

async fn servers(client: &Client, once: &Once, token: Option<String>) -> Result<Answer, Fault> {
    let call = client.list_servers().max_results(PAGE).set_next_token(token);
    let answer = send_once!(once, aws_sdk_transfer, call)?;
    page(once, rows(Some(answer.servers), answer::listed_server), answer.next_token).map(Answer::Servers)
}

async fn server(client: &Client, once: &Once, server_id: String) -> Result<Answer, Fault> {
    let answer = send_once!(once, aws_sdk_transfer, client.describe_server().server_id(server_id))?;
    boxed(once, answer.server.ok_or("Server").and_then(answer::server)).map(Answer::Server)
}

async fn users(client: &Client, once: &Once, server_id: String, token: Option<String>) -> Result<Answer, Fault> {
    let call = client.list_users().server_id(server_id).max_results(PAGE).set_next_token(token);
    let answer = send_once!(once, aws_sdk_transfer, call)?;
    page(once, rows(Some(answer.users), answer::listed_user), answer.next_token).map(Answer::Users)
}

async fn user(client: &Client, once: &Once, server_id: String, user_name: String) -> Result<Answer, Fault> {
    let call = client.describe_user().server_id(server_id).user_name(user_name);
    let answer = send_once!(once, aws_sdk_transfer, call)?;
    boxed(once, answer.user.ok_or("User").and_then(answer::user)).map(Answer::User)
}

async fn accesses(client: &Client, once: &Once, server_id: String, token: Option<String>) -> Result<Answer, Fault> {
    let call = client.list_accesses().server_id(server_id).max_results(PAGE).set_next_token(token);
    let answer = send_once!(once, aws_sdk_transfer, call)?;
    page(once, rows(Some(answer.accesses), answer::listed_access), answer.next_token).map(Answer::Accesses)
}

async fn access(client: &Client, once: &Once, server_id: String, external_id: String) -> Result<Answer, Fault> {
    let call = client.describe_access().server_id(server_id).external_id(external_id);
    let answer = send_once!(once, aws_sdk_transfer, call)?;
    boxed(once, answer.access.ok_or("Access").and_then(answer::access)).map(Answer::Access)
}

async fn host_keys(client: &Client, once: &Once, server_id: String, token: Option<String>) -> Result<Answer, Fault> {
    let call = client.list_host_keys().server_id(server_id).max_results(PAGE).set_next_token(token);
    let answer = send_once!(once, aws_sdk_transfer, call)?;
    page(once, rows(Some(answer.host_keys), answer::listed_host_key), answer.next_token).map(Answer::HostKeys)
}

async fn host_key(client: &Client, once: &Once, server_id: String, host_key_id: String) -> Result<Answer, Fault> {
    let call = client.describe_host_key().server_id(server_id).host_key_id(host_key_id);
    let answer = send_once!(once, aws_sdk_transfer, call)?;
    boxed(once, answer.host_key.ok_or("HostKey").and_then(answer::host_key)).map(Answer::HostKey)
}

async fn security_policies(client: &Client, once: &Once, token: Option<String>) -> Result<Answer, Fault> {
    let call = client.list_security_policies().max_results(PAGE).set_next_token(token);
    let answer = send_once!(once, aws_sdk_transfer, call)?;
    page(once, Ok(answer.security_policy_names), answer.next_token).map(Answer::SecurityPolicyNames)
}

async fn security_policy(client: &Client, once: &Once, name: String) -> Result<Answer, Fault> {
    let call = client.describe_security_policy().security_policy_name(name);
    let answer = send_once!(once, aws_sdk_transfer, call)?;
    let policy = answer.security_policy.ok_or("SecurityPolicy").and_then(answer::security_policy);
    boxed(once, policy).map(Answer::SecurityPolicy)
}

async fn test_identity_provider(client: &Client, once: &Once, call: TestIdentityProvider) -> Result<Answer, Fault> {
    let TestIdentityProvider { server_id, server_protocol, source_ip, user_name, user_password } = call;
    let call = client
        .test_identity_provider()
        .server_id(server_id)
        .set_server_protocol(value(server_protocol))
        .set_source_ip(source_ip)
        .user_name(user_name)
        .set_user_password(user_password.map(|password| password.expose_secret().to_owned()));
    let answer = send_once!(once, aws_sdk_transfer, call)?;
    Ok(Answer::IdentityProvider(IdentityProviderAnswer {
        response: answer.response,
        status_code: answer.status_code,
        message: answer.message,
        url: answer.url,
    }))
}
