//! What keeps a server from being deleted: DeleteServer takes its users and accesses along.

use std::collections::BTreeSet;

use kube::ResourceExt;
use kube::core::ApiResource;
use serde_json::Value;

use crate::api::common::ServerRef;
use crate::api::{FINALIZER, Managed, TransferAccess, TransferServer, TransferUser};
use crate::aws::transfer::{DescribeServer, ListAccesses, ListUsers};
use crate::aws::{Account, AwsErrorKind};
use crate::cluster::{self, ClusterError, KubeApi, Reach};
use crate::engine::kind::ReconcileError;

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
    let objects = objects(cluster, object, id).await?;
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

/// Our own objects on this server that may have something in AWS, read live.
async fn objects(
    cluster: &dyn KubeApi,
    server: &TransferServer,
    id: Option<&str>,
) -> Result<BTreeSet<String>, ClusterError> {
    let mut found = on::<TransferUser>(cluster, |user| {
        let recorded = user.status.as_ref().and_then(|status| status.server_id.as_deref());
        leads(server, id, user.namespace(), user.spec.server_ref.as_ref(), [user.spec.server_id.as_deref(), recorded])
    })
    .await?;
    found.extend(
        on::<TransferAccess>(cluster, |access| {
            let recorded = access.status.as_ref().and_then(|status| status.server_id.as_deref());
            let ids = [access.spec.server_id.as_deref(), recorded];
            leads(server, id, access.namespace(), access.spec.server_ref.as_ref(), ids)
        })
        .await?,
    );
    Ok(found)
}

/// The objects of a kind that hold our finalizer and lead to the server.
async fn on<K: Managed>(
    cluster: &dyn KubeApi,
    leads: impl Fn(&K) -> bool + Send + Sync,
) -> Result<BTreeSet<String>, ClusterError> {
    let named = |value: Value| {
        // What this version cannot read may well be on this server: AWS's own list then holds the deletion.
        let object: K = serde_json::from_value(value).ok()?;
        let held = object.finalizers().iter().any(|name| name == FINALIZER);
        (held && leads(&object))
            .then(|| format!("{} {}/{}", K::kind(&()), object.namespace().unwrap_or_default(), object.name_any()))
    };
    let take = |names: &mut BTreeSet<String>, object| names.extend(named(object));
    cluster::fold(cluster, &ApiResource::erase::<K>(&()), Reach::Watched, BTreeSet::new(), take).await
}

fn leads(
    server: &TransferServer,
    id: Option<&str>,
    namespace: Option<String>,
    server_ref: Option<&ServerRef>,
    ids: [Option<&str>; 2],
) -> bool {
    let by_reference = server_ref.is_some_and(|server_ref| {
        server_ref.name == server.name_any() && server_ref.namespace.clone().or(namespace) == server.namespace()
    });
    by_reference || (id.is_some() && ids.contains(&id))
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
