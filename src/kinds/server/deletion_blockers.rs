//! What keeps a server from being deleted: DeleteServer takes its users and accesses along, and nobody knows whether its
//! agreements too.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};

use kube::ResourceExt;

use super::DIRECTORY;
use super::members::SERVICE_MANAGED;
use super::unmanaged::LoginsSeen;
use crate::api::condition::{self, reasons, types};
use crate::api::lifecycle::DeletionPolicy;
use crate::api::{Managed, ManagedKind, TAG_OWNER, TAG_PREFIX, TransferAccess, TransferServer, TransferUser};
use crate::aws::transfer::{DescribeServer, DescribeUser, ListAccesses, ListAgreements, ListUsers, Server, Tags};
use crate::aws::{Account, AwsError, AwsErrorKind};
use crate::cluster::{KubeApi, Object};
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
    seen: &LoginsSeen,
    object: &TransferServer,
    account: &Account,
    id: Option<&str>,
) -> Result<Option<String>, ReconcileError> {
    let (mut objects, refused) = referrers::told_apart(cluster, object, id, refused).await?;
    let left = match id {
        Some(id) if objects.is_empty() => on_server(account, id).await?,
        _ => Left::default(),
    };
    // What AWS refuses to delete on a server of another provider holds nothing: the server takes it along.
    objects.extend(refused.into_iter().filter(|name| left.keeps(name)));
    if !objects.is_empty() {
        let message = format!("{} of this server must go first: {}", counted(&objects, "object"), shown(&objects));
        return Ok(Some(message));
    }
    let Some(id) = id else { return Ok(None) };
    let speaks_as2 = left.speaks_as2;
    let blocker = match (left.logins.is_empty(), object.spec.lifecycle.force_delete_users) {
        (true, _) => None,
        (false, true) => spared(cluster, seen, object, account, id, left).await?,
        (false, false) => Some(format!(
            "deleting server {id} would delete with it {} in AWS that no object here accounts for: {}; delete them in \
             AWS first, or set spec.lifecycle.forceDeleteUsers to true",
            counted(&left.logins, "user or access"),
            shown(&left.logins)
        )),
    };
    match blocker {
        Some(blocker) => Ok(Some(blocker)),
        None => Ok(with_agreements(account, id, speaks_as2).await?),
    }
}

/// Agreements that no object accounts for: they are a partner's way in, and no field gives them up.
async fn with_agreements(account: &Account, id: &str, speaks_as2: bool) -> Result<Option<String>, AwsError> {
    let listed = match account.list(ListAgreements { server_id: id.to_owned(), token: None }).await {
        Ok(rows) => rows.into_iter().map(|row| row.agreement_id).collect::<BTreeSet<_>>(),
        Err(fault) if fault.kind == AwsErrorKind::NotFound => return Ok(None),
        // Credentials for servers that never spoke AS2 may know nothing of agreements.
        Err(fault) if fault.kind == AwsErrorKind::Denied && !speaks_as2 => return Ok(None),
        Err(fault) => return Err(fault),
    };
    Ok((!listed.is_empty()).then(|| {
        format!(
            "server {id} has {} in AWS that no object here accounts for: {}; delete them in AWS first",
            counted(&listed, "agreement"),
            shown(&listed)
        )
    }))
}

/// What AWS refused to delete, though nothing else holds it: its deletion was tried.
fn refused(object: &dyn Object) -> bool {
    let any: &dyn Any = object;
    let user = any.downcast_ref::<TransferUser>().map(Managed::policies);
    let policies = user.or_else(|| any.downcast_ref::<TransferAccess>().map(Managed::policies));
    let to_go = policies.is_some_and(|policies| !policies.protected && policies.deletion == DeletionPolicy::Delete);
    let conditions = object.common_status().map_or(&[][..], |status| &status.conditions);
    let ready = condition::find(conditions, types::READY);
    to_go
        && object.metadata().deletion_timestamp.is_some()
        && ready.is_some_and(|ready| ready.reason == reasons::REJECTED)
}

/// What a server has that goes with it.
#[derive(Default)]
struct Left {
    /// The kind of object that its provider keeps; none where it is not known to be there.
    kept: Option<ManagedKind>,
    /// AWS has answered that the server is there, or is not.
    looked: bool,
    /// Names of its users, or groups that have access.
    logins: BTreeSet<String>,
    /// It takes messages by AS2.
    speaks_as2: bool,
}

impl Left {
    /// Whether the provider keeps what the object stands for, which is named with its kind first. Not known is kept.
    fn keeps(&self, name: &str) -> bool {
        !self.looked || self.kept.is_some_and(|kind| name.split(' ').next() == Some(kind.name()))
    }
}

/// Users and accesses that AWS has, by the listing that fits the provider.
async fn on_server(account: &Account, id: &str) -> Result<Left, ReconcileError> {
    let gone = || Left { looked: true, ..Left::default() };
    let server = match account.read(DescribeServer { server_id: id.to_owned() }).await {
        Ok(server) => server,
        Err(fault) if fault.kind == AwsErrorKind::NotFound => return Ok(gone()),
        Err(fault) => return Err(fault.into()),
    };
    let speaks_as2 = speaks_as2(&server);
    // Either listing is refused on a server of another provider.
    let (kept, listed) = match server.settings.identity_provider_type.as_deref() {
        None | Some(SERVICE_MANAGED) => {
            let users = account.list(ListUsers { server_id: id.to_owned(), token: None }).await;
            let names = users.map(|users| users.into_iter().map(|user| user.user_name).collect());
            (ManagedKind::TransferUser, names)
        }
        Some(DIRECTORY) => {
            let accesses = account.list(ListAccesses { server_id: id.to_owned(), token: None }).await;
            let names = accesses.map(|accesses| accesses.into_iter().map(|access| access.external_id).collect());
            (ManagedKind::TransferAccess, names)
        }
        Some(_) => return Ok(Left { speaks_as2, ..gone() }),
    };
    match listed {
        Ok(logins) => Ok(Left { kept: Some(kept), looked: true, logins, speaks_as2 }),
        Err(fault) if fault.kind == AwsErrorKind::NotFound => Ok(gone()),
        Err(fault) => Err(fault.into()),
    }
}

fn speaks_as2(server: &Server) -> bool {
    server.settings.protocols.iter().flatten().any(|protocol| protocol == "AS2")
}

/// What even a forced deletion does not take along: logins that an object stands for, and users with owner tags.
async fn spared(
    cluster: &dyn KubeApi,
    seen: &LoginsSeen,
    object: &TransferServer,
    account: &Account,
    id: &str,
    left: Left,
) -> Result<Option<String>, ReconcileError> {
    let accounted = referrers::logins(cluster, object, Some(id)).await?;
    let mut spared: BTreeMap<String, String> = left
        .logins
        .intersection(&accounted)
        .map(|name| (name.clone(), "an object here stands for it".to_owned()))
        .collect();
    if spared.is_empty() && left.kept == Some(ManagedKind::TransferUser) {
        spared = tagged(seen, &object.uid().unwrap_or_default(), account, id, &left.logins).await?;
    }
    let told: BTreeSet<String> = spared.iter().map(|(name, why)| format!("{name} ({why})")).collect();
    Ok((!told.is_empty()).then(|| {
        format!(
            "deleting server {id} would delete with it {} that spec.lifecycle.forceDeleteUsers does not give up: {}; delete \
             what stands for them first, or them in AWS",
            counted(&told, "user or access"),
            shown(&told)
        )
    }))
}

/// The users with owner tags, whoever put them there. Who held it back the last time is looked at first: as long as one of
/// them does, nobody else is.
async fn tagged(
    seen: &LoginsSeen,
    uid: &str,
    account: &Account,
    id: &str,
    logins: &BTreeSet<String>,
) -> Result<BTreeMap<String, String>, AwsError> {
    let before: BTreeSet<String> = seen.holding(uid).intersection(logins).cloned().collect();
    let mut found = owned(account, id, &before).await?;
    if found.is_empty() {
        found = owned(account, id, logins).await?;
    }
    seen.hold(uid, found.keys().cloned().collect());
    Ok(found)
}

async fn owned(account: &Account, id: &str, names: &BTreeSet<String>) -> Result<BTreeMap<String, String>, AwsError> {
    let mut found = BTreeMap::new();
    for name in names {
        let call = DescribeUser { server_id: id.to_owned(), user_name: name.clone() };
        match account.read(call).await {
            Ok(user) => found.extend(owner(&user.tags).map(|owner| (name.clone(), owner))),
            // Gone since the listing.
            Err(fault) if fault.kind == AwsErrorKind::NotFound => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(found)
}

/// Whose the tags say that it is, where any of them is ours to set.
fn owner(tags: &Tags) -> Option<String> {
    tags.keys().any(|key| key.starts_with(TAG_PREFIX)).then(|| match tags.get(TAG_OWNER) {
        Some(owner) => format!("owner tags of {owner}"),
        None => "owner tags".to_owned(),
    })
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
