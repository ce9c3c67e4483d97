//! What AWS has, as manifests that take it over and change nothing. Reads only.

mod manifests;
mod names;

use futures::{StreamExt, TryStreamExt, stream};

pub use manifests::{Target, render};

use crate::aws::transfer::{
    Access, DescribeAccess, DescribeServer, DescribeUser, HostKey, ListAccesses, ListHostKeys, ListServers, ListUsers,
    Server, User,
};
use crate::aws::{Account, AwsError};

/// How many answers are waited for at once; the rate is the limiter's.
const AT_ONCE: usize = 8;

/// A server and what is on it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// The server.
    pub server: Server,
    /// Its host keys.
    pub host_keys: Vec<HostKey>,
    /// Its users, where it keeps them itself.
    pub users: Vec<User>,
    /// Its accesses, where a directory knows its users.
    pub accesses: Vec<Access>,
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
    let mut found = Found { server, host_keys, ..Found::default() };
    match found.server.settings.identity_provider_type.as_deref() {
        None | Some("SERVICE_MANAGED") => {
            let listed = account.list(ListUsers { server_id: id(), token: None }).await?;
            let calls = listed.into_iter().map(|user| DescribeUser { server_id: id(), user_name: user.user_name });
            let calls: Vec<DescribeUser> = calls.collect();
            let all = calls.len();
            let answers = stream::iter(calls).map(|call| account.read(call)).buffered(AT_ONCE);
            let counted = answers.enumerate().map(|(index, user)| {
                progress(server_id, index + 1, all);
                user.map(|user| *user)
            });
            found.users = counted.try_collect().await?;
        }
        Some("AWS_DIRECTORY_SERVICE") => {
            let listed = account.list(ListAccesses { server_id: id(), token: None }).await?;
            let calls = listed.into_iter().map(|row| DescribeAccess { server_id: id(), external_id: row.external_id });
            let calls: Vec<DescribeAccess> = calls.collect();
            let all = calls.len();
            let answers = stream::iter(calls).map(|call| account.read(call)).buffered(AT_ONCE);
            let counted = answers.enumerate().map(|(index, access)| {
                progress(server_id, index + 1, all);
                access.map(|access| *access)
            });
            found.accesses = counted.try_collect().await?;
        }
        // The code of others knows the users.
        Some(_) => {}
    }
    Ok(found)
}
