//! What AWS has, as manifests that take it over and change nothing. Reads only.

mod manifests;
mod names;

use futures::{StreamExt, TryStreamExt, stream};

pub use manifests::{Target, render};

use crate::aws::ec2::DescribeVpcEndpoints;
use crate::aws::transfer::{
    Access, DescribeAccess, DescribeServer, DescribeUser, HostKey, ListAccesses, ListHostKeys, ListServers, ListUsers,
    Server, User,
};
use crate::aws::{Account, AwsError, ReadCall};

/// How many answers are waited for at once; the rate is the limiter's.
const AT_ONCE: usize = 8;

/// A server and what is on it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// The server.
    pub server: Server,
    /// Its host keys.
    pub host_keys: Vec<HostKey>,
    /// What EC2 says of the endpoint that AWS made for it, where it has one.
    pub security_groups: SecurityGroups,
    /// Its users, where it keeps them itself.
    pub users: Vec<User>,
    /// Its accesses, where a directory knows its users.
    pub accesses: Vec<Access>,
}

/// The security groups of a server's endpoint, which only EC2 tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SecurityGroups {
    /// AWS made no endpoint for it.
    #[default]
    None,
    /// Their ids.
    Are(Vec<String>),
    /// Why EC2 does not tell.
    Hidden(String),
}

/// Told how far it is: the server, what was read of its users or accesses, and of how many.
pub type Progress<'a> = &'a (dyn Fn(&str, usize, usize) + Sync);

/// The ids of all servers.
///
/// # Errors
/// The fault that AWS answered with.
pub async fn all(account: &Account) -> Result<Vec<String>, AwsError> {
    let servers = account.list(ListServers { token: None }).await?;
    Ok(servers.into_iter().map(|server| server.server_id).collect())
}

/// Reads a server and everything on it. A user or an access that goes meanwhile ends it: what is half is no export.
///
/// # Errors
/// The fault that AWS answered with.
pub async fn read(account: &Account, server_id: &str, progress: Progress<'_>) -> Result<Found, AwsError> {
    let server = *account.read(DescribeServer { server_id: server_id.to_owned() }).await?;
    let id = || server_id.to_owned();
    let host_keys = account.list(ListHostKeys { server_id: id(), token: None }).await?;
    let security_groups = security_groups(account, &server).await;
    let mut found = Found { server, host_keys, security_groups, ..Found::default() };
    match found.server.settings.identity_provider_type.as_deref() {
        None | Some("SERVICE_MANAGED") => {
            let listed = account.list(ListUsers { server_id: id(), token: None }).await?;
            let calls = listed.into_iter().map(|user| DescribeUser { server_id: id(), user_name: user.user_name });
            found.users = each(account, calls.collect(), |done, all| progress(server_id, done, all)).await?;
        }
        Some("AWS_DIRECTORY_SERVICE") => {
            let listed = account.list(ListAccesses { server_id: id(), token: None }).await?;
            let calls = listed.into_iter().map(|row| DescribeAccess { server_id: id(), external_id: row.external_id });
            found.accesses = each(account, calls.collect(), |done, all| progress(server_id, done, all)).await?;
        }
        // The code of others knows the users.
        Some(_) => {}
    }
    Ok(found)
}

/// What each of these reads answers, in their order. The first fault ends it.
async fn each<C, T>(
    account: &Account,
    calls: Vec<C>,
    progress: impl Fn(usize, usize) + Sync,
) -> Result<Vec<T>, AwsError>
where
    C: ReadCall<Output = Box<T>>,
{
    let all = calls.len();
    let answers = stream::iter(calls).map(|call| account.read(call)).buffered(AT_ONCE);
    let counted = answers.enumerate().map(|(index, answer)| {
        progress(index + 1, all);
        answer.map(|answer| *answer)
    });
    counted.try_collect().await
}

/// Where EC2 may not be asked, or does not know, the rest of the server is exported all the same.
async fn security_groups(account: &Account, server: &Server) -> SecurityGroups {
    let settings = &server.settings;
    let details = settings.endpoint_details.as_ref().filter(|_| settings.endpoint_type.as_deref() == Some("VPC"));
    let Some(id) = details.and_then(|details| details.vpc_endpoint_id.clone()) else { return SecurityGroups::None };
    match account.read(DescribeVpcEndpoints { ids: vec![id.clone()] }).await {
        Ok(rows) => match rows.into_iter().find(|row| row.id == id) {
            Some(mut endpoint) => {
                endpoint.security_groups.sort();
                SecurityGroups::Are(endpoint.security_groups)
            }
            None => SecurityGroups::Hidden(format!("EC2 does not show {id}")),
        },
        Err(fault) => SecurityGroups::Hidden(fault.to_string()),
    }
}
