//! The frequent look: AWS's listings, which show a part of a thousand objects in one call, compared with what the last
//! look at each object showed. Who differs, or is listed no more, is woken; nothing is concluded from a listing, and
//! nothing is changed here. When one is due, the task that looks for [orphans](super::orphans) says.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::deps::Deps;
use super::server::DIRECTORY;
use super::server::members::SERVICE_MANAGED;
use crate::api::{ManagedKind, Reference};
use crate::aws::transfer::{ListAccesses, ListServers, ListUsers};
use crate::aws::{Account, AwsError};
use crate::cluster::references::identity_of;
use crate::cluster::{Name, Object, Objects};
use crate::engine::looks::{self, Looks};

/// The rows of a listing, as digests by id or name.
type Rows = BTreeMap<String, String>;

/// A sweep of one region of an identity, over what its objects have there.
#[derive(Clone, Copy)]
pub struct Sweep<'a> {
    /// The doors.
    pub deps: &'a Deps,
    /// What was seen of objects.
    pub looks: &'a Looks,
    /// Name of the identity.
    pub identity: &'a str,
    /// Account and region.
    pub account: &'a Account,
}

impl Sweep<'_> {
    /// Lists, compares and wakes. What cannot be listed is left out: its objects are looked at in their turn.
    pub async fn run(self) {
        let Some(servers) = self.heard("ListServers", self.account.list(ListServers { token: None }).await) else {
            return;
        };
        let rows = servers.iter().map(|server| (server.server_id.clone(), looks::row(server))).collect();
        self.compare(self.mine(self.deps.lister.objects(ManagedKind::TransferServer)), &rows, Reference::server_id);
        for server in &servers {
            let logins = match server.identity_provider_type.as_deref() {
                Some(SERVICE_MANAGED) => ManagedKind::TransferUser,
                Some(DIRECTORY) => ManagedKind::TransferAccess,
                _ => continue,
            };
            self.logins(logins, &server.server_id).await;
        }
        self.deps.swept.put_servers(self.account, servers);
    }

    /// Lists and compares the logins of a server, if any of ours are on it.
    async fn logins(self, kind: ManagedKind, server_id: &str) {
        let on_server = Reference::to_server(server_id);
        if !self.deps.lister.referring(kind, &on_server).any(|object| self.is_mine(&object)) {
            return;
        }
        let rows = if kind == ManagedKind::TransferUser {
            let listing = ListUsers { server_id: server_id.to_owned(), token: None };
            let Some(users) = self.heard("ListUsers", self.account.list(listing).await) else { return };
            let names = users.iter().map(|user| user.user_name.clone()).collect();
            self.deps.swept.put_users(self.account, server_id, names);
            users.iter().map(|user| (user.user_name.clone(), looks::row(user))).collect()
        } else {
            let listing = ListAccesses { server_id: server_id.to_owned(), token: None };
            let Some(accesses) = self.heard("ListAccesses", self.account.list(listing).await) else { return };
            accesses.iter().map(|access| (access.external_id.clone(), looks::row(access))).collect()
        };
        // Only now: who ended while it was listed is not taken down again.
        self.compare(self.mine(self.deps.lister.referring(kind, &on_server)), &rows, Reference::login);
    }

    fn heard<T>(self, operation: &str, listed: Result<T, AwsError>) -> Option<T> {
        let Account { id: account, region, .. } = self.account;
        listed.inspect_err(|fault| tracing::debug!(account, region, operation, %fault, "cannot compare a listing")).ok()
    }

    /// Wakes the objects that the rows do not agree with.
    fn compare(self, objects: impl Iterator<Item = Arc<dyn Object>>, rows: &Rows, key: fn(&Reference) -> Option<&str>) {
        let Account { id: account, region, .. } = self.account;
        let differs = |object: &Arc<dyn Object>| {
            let references = object.all_references();
            let Some(key) = references.iter().find_map(key) else { return false };
            let uid = object.metadata().uid.as_deref().unwrap_or_default();
            !self.looks.agrees(uid, (account, region), rows.get(key).cloned())
        };
        let differing = objects.filter(differs);
        let woken: Vec<_> = differing.map(|object| (object.managed_kind(), Name::from(object.metadata()))).collect();
        if !woken.is_empty() {
            tracing::info!(account, region, objects = woken.len(), "AWS lists something else than was seen last");
            (self.deps.enqueue)(woken);
        }
    }

    /// Those of this identity: another one of the account may see something else.
    fn mine(self, objects: Objects) -> impl Iterator<Item = Arc<dyn Object>> {
        objects.filter(move |object| self.is_mine(object))
    }

    fn is_mine(self, object: &Arc<dyn Object>) -> bool {
        identity_of(&object.all_references(), self.deps.lister.as_ref()) == self.identity
    }
}
