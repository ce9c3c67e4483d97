//! What keeps a server from being deleted: DeleteServer takes its users and accesses along.

use std::collections::BTreeSet;

use crate::api::TransferServer;
use crate::aws::transfer::{DescribeServer, ListAccesses, ListUsers};
use crate::aws::{Account, AwsErrorKind};
use crate::cluster::KubeApi;
use crate::engine::kind::ReconcileError;
use crate::kinds::referrers;

/// How many names the condition shows.
const SHOWN: usize = 3;

/// Names what would go with the server, or nothing.
///
/// # Errors
/// Trouble in finding out.
pub async fn deletion_blockers(
    cluster: &dyn KubeApi,
    object: &TransferServer,
    account: &Account,
    id: Option<&str>,
) -> Result<Option<String>, ReconcileError> {
    let objects = referrers::of(cluster, object, id).await?;
    if !objects.is_empty() {
        let message = format!("{} of this server must go first: {}", counted(&objects, "object"), shown(&objects));
        return Ok(Some(message));
    }
    let Some(id) = id else { return Ok(None) };
    let left = logins(account, id).await?;
    Ok((!left.is_empty()).then(|| {
        let logins = counted(&left, "user or access");
        format!(
            "deleting server {id} would delete with it {logins} in AWS that no object here accounts for: {}; delete \
             them in AWS first",
            shown(&left)
        )
    }))
}

/// Users and accesses that AWS has, by the listing that fits the provider.
async fn logins(account: &Account, id: &str) -> Result<BTreeSet<String>, ReconcileError> {
    let server = match account.read(DescribeServer { server_id: id.to_owned() }).await {
        Ok(server) => server,
        Err(fault) if fault.kind == AwsErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(fault) => return Err(fault.into()),
    };
    // Either listing is refused on a server of another provider.
    let listed = match server.settings.identity_provider_type.as_deref() {
        None | Some("SERVICE_MANAGED") => {
            let users = ListUsers { server_id: id.to_owned(), token: None };
            account.list(users).await.map(|users| users.into_iter().map(|user| user.user_name).collect())
        }
        Some("AWS_DIRECTORY_SERVICE") => {
            let accesses = ListAccesses { server_id: id.to_owned(), token: None };
            account.list(accesses).await.map(|accesses| accesses.into_iter().map(|access| access.external_id).collect())
        }
        Some(_) => return Ok(BTreeSet::new()),
    };
    match listed {
        Ok(names) => Ok(names),
        Err(fault) if fault.kind == AwsErrorKind::NotFound => Ok(BTreeSet::new()),
        Err(fault) => Err(fault.into()),
    }
}

fn counted(names: &BTreeSet<String>, what: &str) -> String {
    match (names.len(), what) {
        (1, what) => format!("1 {what}"),
        (many, "user or access") => format!("{many} users or accesses"),
        (many, what) => format!("{many} {what}s"),
    }
}

fn shown(names: &BTreeSet<String>) -> String {
    let more = if names.len() > SHOWN { ", …" } else { "" };
    format!("{}{more}", names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", "))
}
