//! What keeps a server from being deleted: DeleteServer takes its users and accesses along.

use std::collections::BTreeSet;

use kube::ResourceExt;
use kube::core::ApiResource;

use crate::api::common::ServerRef;
use crate::api::{FINALIZER, TransferAccess, TransferServer, TransferUser};
use crate::aws::{Account, FaultKind};
use crate::cluster::Cluster;
use crate::engine::kind::Trouble;

/// How many names the condition shows.
const SHOWN: usize = 3;

/// Names what would go with the server, or nothing.
///
/// # Errors
/// Trouble in finding out.
pub async fn blocker(
    cluster: &dyn Cluster,
    object: &TransferServer,
    account: &Account,
    id: Option<&str>,
) -> Result<Option<String>, Trouble> {
    let objects = objects(cluster, object, id).await?;
    if !objects.is_empty() {
        return Ok(Some(format!("{} still belong to this server: {}", objects.len(), shown(&objects))));
    }
    let Some(id) = id else { return Ok(None) };
    let left = logins(account, id).await?;
    let message = || {
        format!("AWS has {} users or accesses on {id} that no object here accounts for: {}", left.len(), shown(&left))
    };
    Ok((!left.is_empty()).then(message))
}

/// Our own objects on this server that have something in AWS, read live.
async fn objects(
    cluster: &dyn Cluster,
    object: &TransferServer,
    id: Option<&str>,
) -> Result<BTreeSet<String>, Trouble> {
    let mut found = BTreeSet::new();
    for value in cluster.list(&ApiResource::erase::<TransferUser>(&())).await? {
        // What this version cannot read may well be a user of this server; AWS's own list then holds the deletion.
        let Ok(user) = serde_json::from_value::<TransferUser>(value) else { continue };
        let recorded = user.status.as_ref().and_then(|status| status.server_id.as_deref());
        let spec = &user.spec;
        if held(&user)
            && points(
                object,
                id,
                &user.namespace().unwrap_or_default(),
                spec.server_ref.as_ref(),
                spec.server_id.as_deref(),
                recorded,
            )
        {
            found.insert(format!("TransferUser {}/{}", user.namespace().unwrap_or_default(), user.name_any()));
        }
    }
    for value in cluster.list(&ApiResource::erase::<TransferAccess>(&())).await? {
        let Ok(access) = serde_json::from_value::<TransferAccess>(value) else { continue };
        let recorded = access.status.as_ref().and_then(|status| status.server_id.as_deref());
        let spec = &access.spec;
        if held(&access)
            && points(
                object,
                id,
                &access.namespace().unwrap_or_default(),
                spec.server_ref.as_ref(),
                spec.server_id.as_deref(),
                recorded,
            )
        {
            found.insert(format!("TransferAccess {}/{}", access.namespace().unwrap_or_default(), access.name_any()));
        }
    }
    Ok(found)
}

fn held(object: &impl ResourceExt) -> bool {
    object.finalizers().iter().any(|name| name == FINALIZER)
}

fn points(
    server: &TransferServer,
    id: Option<&str>,
    namespace: &str,
    server_ref: Option<&ServerRef>,
    server_id: Option<&str>,
    recorded: Option<&str>,
) -> bool {
    let by_reference = server_ref.is_some_and(|server_ref| {
        server_ref.name == server.name_any()
            && server_ref.namespace.as_deref().unwrap_or(namespace) == server.namespace().unwrap_or_default()
    });
    by_reference || (id.is_some() && (server_id == id || recorded == id))
}

/// Users and accesses that AWS has, by the listing that fits the provider.
async fn logins(account: &Account, id: &str) -> Result<BTreeSet<String>, Trouble> {
    let server = match account.describe_server(id).await {
        Ok(server) => server,
        Err(fault) if fault.kind == FaultKind::NotFound => return Ok(BTreeSet::new()),
        Err(fault) => return Err(fault.into()),
    };
    let listed = match server.settings.identity_provider_type.as_deref() {
        None | Some("SERVICE_MANAGED") => {
            account.list_users(id).await.map(|users| users.into_iter().map(|user| user.user_name).collect())
        }
        Some("AWS_DIRECTORY_SERVICE") => account
            .list_accesses(id)
            .await
            .map(|accesses| accesses.into_iter().map(|access| access.external_id).collect()),
        Some(_) => return Ok(BTreeSet::new()),
    };
    match listed {
        Ok(names) => Ok(names),
        Err(fault) if fault.kind == FaultKind::NotFound => Ok(BTreeSet::new()),
        Err(fault) => Err(fault.into()),
    }
}

fn shown(names: &BTreeSet<String>) -> String {
    let more = if names.len() > SHOWN { ", …" } else { "" };
    format!("{}{more}", names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", "))
}
