//! What AWS listed and showed of servers lately, for whoever would ask again only to tell of it. Nothing in AWS is
//! changed on its word.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::aws::transfer::{ListServers, ListUsers, ListedServer, Tags};
use crate::aws::{Account, AwsError};

/// How often AWS's listings are swept, and servers looked at: one with 10,000 users costs thirteen calls.
pub const EVERY: Duration = Duration::from_mins(5);

/// For how long what a sweep listed is as good as a listing for what is only told, such as logins that nobody accounts
/// for: until the next sweep, a little late.
const FRESH: Duration = Duration::from_mins(6);

/// Account and region.
type Place = (String, String);

/// What the last sweeps listed, for whoever would list it again.
#[derive(Debug, Default)]
pub struct Swept {
    servers: Mutex<BTreeMap<Place, (Instant, Vec<ListedServer>)>>,
    users: Mutex<BTreeMap<(Place, String), (Instant, BTreeSet<String>)>>,
    tags: Mutex<BTreeMap<(Place, String), (Instant, Tags)>>,
}

impl Swept {
    /// These are the servers of an account and region.
    pub(crate) fn put_servers(&self, account: &Account, servers: Vec<ListedServer>) {
        put(&self.servers, place(account), servers);
    }

    /// These are the names of the users of a server.
    pub(crate) fn put_users(&self, account: &Account, server_id: &str, names: BTreeSet<String>) {
        put(&self.users, (place(account), server_id.to_owned()), names);
    }

    /// These are the tags of a server, as it was looked at.
    pub(crate) fn put_tags(&self, account: &Account, server_id: &str, tags: Tags) {
        put(&self.tags, (place(account), server_id.to_owned()), tags);
    }

    /// The tags of a server, as they were seen lately.
    #[must_use]
    pub fn tags(&self, account: &Account, server_id: &str) -> Option<Tags> {
        fresh(&self.tags, &(place(account), server_id.to_owned()))
    }

    /// The servers of an account and region, as they were listed lately.
    #[must_use]
    pub fn servers(&self, account: &Account) -> Option<Vec<ListedServer>> {
        fresh(&self.servers, &place(account))
    }

    /// The servers of an account and region, as they were listed lately or are now.
    ///
    /// # Errors
    /// The fault of any page.
    pub(crate) async fn list_servers(&self, account: &Account) -> Result<Vec<ListedServer>, AwsError> {
        match self.servers(account) {
            Some(listed) => Ok(listed),
            None => account.list(ListServers { token: None }).await,
        }
    }

    /// The names of the users of a server, as they were listed lately.
    #[must_use]
    pub fn users(&self, account: &Account, server_id: &str) -> Option<BTreeSet<String>> {
        fresh(&self.users, &(place(account), server_id.to_owned()))
    }
}

/// The names of the users of a server, listed now.
///
/// # Errors
/// The fault of any page.
pub(crate) async fn user_names(account: &Account, server_id: &str) -> Result<BTreeSet<String>, AwsError> {
    let users = account.list(ListUsers { server_id: server_id.to_owned(), token: None }).await?;
    Ok(users.into_iter().map(|user| user.user_name).collect())
}

fn fresh<K: Ord, T: Clone>(all: &Mutex<BTreeMap<K, (Instant, T)>>, key: &K) -> Option<T> {
    let all = all.lock().unwrap_or_else(PoisonError::into_inner);
    all.get(key).filter(|(at, _)| at.elapsed() < FRESH).map(|(_, listed)| listed.clone())
}

/// Takes a listing down, and lets go of those that are too old to be of use.
fn put<K: Ord, T>(all: &Mutex<BTreeMap<K, (Instant, T)>>, key: K, listed: T) {
    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
    all.retain(|_, (at, _)| at.elapsed() < FRESH);
    all.insert(key, (Instant::now(), listed));
}

fn place(account: &Account) -> Place {
    (account.id.clone(), account.region.clone())
}
