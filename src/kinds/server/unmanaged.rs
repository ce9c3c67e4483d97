//! Logins on a server that no object here accounts for: how many there are, and who comes first. Nothing is done to them.
//!
//! AWS tells how many users a server has with the server itself, so their listing is walked only where that is more than
//! objects account for, and once per resync. The accesses of a directory server are listed to be counted anyway.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kube::ResourceExt;
use tokio::time::Instant;

use super::DIRECTORY;
use super::members::SERVICE_MANAGED;
use crate::api::server::UnmanagedLogins;
use crate::api::{Managed, ManagedKind, TransferAccess, TransferServer, TransferUser};
use crate::aws::Account;
use crate::aws::transfer::{ListAccesses, Server};
use crate::cluster::Name;
use crate::cluster::references::Reference;
use crate::kinds::deps::Deps;
use crate::kinds::swept;

/// Names that status shows; the count tells of the rest.
const SHOWN: usize = 20;
/// What was not walked for so long is forgotten: the longest resync is shorter.
const FORGOTTEN: Duration = Duration::from_hours(48);

/// The users that no object accounted for, and when that was found out.
#[derive(Clone)]
struct Walk {
    at: Instant,
    server_id: String,
    /// Nothing where it could not be read.
    names: Option<BTreeSet<String>>,
}

/// What was learnt of the logins of servers, by the uid of the server object.
#[derive(Default)]
pub struct LoginsSeen {
    walks: Mutex<BTreeMap<String, Walk>>,
    /// Users that held a forced deletion back.
    holding: Mutex<BTreeMap<String, BTreeSet<String>>>,
}

impl LoginsSeen {
    /// The users that held the deletion back when it was tried last.
    pub fn holding(&self, uid: &str) -> BTreeSet<String> {
        locked(&self.holding).get(uid).cloned().unwrap_or_default()
    }

    /// These hold it back now.
    pub fn hold(&self, uid: &str, users: BTreeSet<String>) {
        let mut holding = locked(&self.holding);
        if users.is_empty() {
            holding.remove(uid);
        } else {
            holding.insert(uid.to_owned(), users);
        }
    }

    /// The last walk, unless another one is due.
    fn walked(&self, uid: &str, server_id: &str, interval: Duration) -> Option<Walk> {
        let walks = locked(&self.walks);
        walks.get(uid).filter(|walk| walk.server_id == server_id && walk.at.elapsed() < interval).cloned()
    }

    fn walk(&self, uid: &str, walk: Walk) {
        let mut walks = locked(&self.walks);
        walks.retain(|_, walk| walk.at.elapsed() < FORGOTTEN);
        walks.insert(uid.to_owned(), walk);
    }
}

fn locked<T>(held: &Mutex<T>) -> MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The logins that no object accounts for; `None` where that is not known now. On a directory server it counts accesses
/// into the server, as AWS counts users only.
pub async fn of(
    deps: &Deps,
    seen: &LoginsSeen,
    object: &TransferServer,
    account: &Account,
    server: &mut Server,
) -> Option<BTreeSet<String>> {
    let (names, kept) = match server.settings.identity_provider_type.as_deref() {
        Some(DIRECTORY) => {
            let names = accesses(account, &server.server_id).await;
            server.user_count = names.as_ref().and_then(|names| i32::try_from(names.len()).ok());
            (names, accounted::<TransferAccess>(deps, object, &server.server_id))
        }
        None | Some(SERVICE_MANAGED) if shown(deps, object, account, server) => {
            return users(deps, seen, object, account, server).await;
        }
        _ => return Some(BTreeSet::new()),
    };
    Some(names?.difference(&kept).cloned().collect())
}

/// Whether what is on the server is this object's to show: it carries its tags, or is only looked at.
fn shown(deps: &Deps, object: &TransferServer, account: &Account, server: &Server) -> bool {
    let uid = object.uid().unwrap_or_default();
    let ours = deps.verified.get(&account.id, &account.region, &server.server_id, &uid);
    ours.is_some() || object.policies().observes()
}

/// The names of logins that objects stand for, whether or not these are in AWS.
fn accounted<K: Managed>(deps: &Deps, object: &TransferServer, server_id: &str) -> BTreeSet<String> {
    let own = Reference::Object(ManagedKind::TransferServer, Name::from(&object.metadata));
    let on_server = [own, Reference::to_server(server_id)];
    let logins = on_server.into_iter().flat_map(|reference| deps.lister.by::<K>(&reference));
    logins.flat_map(|login| login.references()).filter_map(|named| named.login().map(str::to_owned)).collect()
}

/// The users that no object accounts for, found out at most once per resync. Users are looked at, here and there, only
/// where AWS counts more than objects have made.
async fn users(
    deps: &Deps,
    seen: &LoginsSeen,
    object: &TransferServer,
    account: &Account,
    server: &Server,
) -> Option<BTreeSet<String>> {
    let (uid, server_id) = (object.uid().unwrap_or_default(), &server.server_id);
    // A fifth less than the resync is the shortest that it comes to.
    let interval = object.resync_interval().unwrap_or(deps.resync).mul_f64(0.8);
    if let Some(walk) = seen.walked(&uid, server_id, interval) {
        return walk.names;
    }
    let count = usize::try_from(server.user_count?).unwrap_or_default();
    let (at, made) =
        (Instant::now(), deps.lister.how_many(ManagedKind::TransferUser, &Reference::to_server(server_id)));
    let names = if count <= made {
        Some(BTreeSet::new())
    } else {
        let all = accounted::<TransferUser>(deps, object, server_id);
        // What was listed lately, unless users came or went since.
        let mut listed = deps.swept.users(account, server_id).filter(|names| names.len() == count);
        if listed.is_none() {
            let now = swept::user_names(account, server_id).await;
            // A count is worth no failure.
            listed = now.inspect_err(|fault| tracing::debug!(%server_id, %fault, "cannot list users")).ok();
        }
        listed.map(|names| names.difference(&all).cloned().collect())
    };
    seen.walk(&uid, Walk { at, server_id: server_id.clone(), names: names.clone() });
    names
}

/// The groups that have access. A count is worth no failure.
async fn accesses(account: &Account, server_id: &str) -> Option<BTreeSet<String>> {
    let listed = account.list(ListAccesses { server_id: server_id.to_owned(), token: None }).await;
    let listed = listed.inspect_err(|fault| tracing::debug!(%server_id, %fault, "cannot count accesses"));
    listed.ok().map(|accesses| accesses.into_iter().map(|access| access.external_id).collect())
}

/// The same for status; nothing where there are none.
pub fn told(names: &BTreeSet<String>) -> Option<UnmanagedLogins> {
    let count = i64::try_from(names.len()).ok().filter(|count| *count > 0)?;
    Some(UnmanagedLogins { count, names: names.iter().take(SHOWN).cloned().collect() })
}
