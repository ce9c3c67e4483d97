//! Finding servers by our owner tags: a complete listing, and every server of it described.
//!
//! One look at a time per account and region. Who asked before a look began shares it: many objects that look for
//! their servers at once (a restart) cost one look, not one each.

use std::collections::{BTreeMap, BTreeSet};

use crate::api;
use crate::aws::types::Tags;
use crate::aws::{Account, Fault, FaultKind};
use crate::engine::evidence::{Candidate, Lookup};
use crate::engine::owner::{Owner, Ownership};
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Arc, Mutex, PoisonError, Turn};

/// A server of a listing.
#[derive(Clone, Debug)]
struct Seen {
    id: String,
    tags: Tags,
    /// Its tags were not read now: they named an owner before.
    remembered: bool,
}

/// The last look that ended in one account and region.
#[derive(Debug, Default)]
struct Last {
    /// Ticket that it drew at its begin; 0 before the first.
    began: u64,
    outcome: Option<Result<Arc<Vec<Seen>>, Fault>>,
}

/// All looks of the process.
#[derive(Debug, Default)]
pub struct LookUps {
    tickets: AtomicU64,
    turns: Mutex<BTreeMap<(String, String), Arc<Turn<Last>>>>,
    /// Owner tags that were read on servers, by account and region and there by server id. An owner does not change
    /// behind our back: only tags that carry a uid are kept, and who could be that owner reads them anew. What a complete
    /// listing no longer has is let go.
    owners: Mutex<BTreeMap<(String, String), BTreeMap<String, Tags>>>,
}

impl LookUps {
    /// Looks through all servers of the account and region for those of `owner`.
    ///
    /// # Errors
    /// The fault of any page or description: an incomplete look proves nothing.
    pub async fn look_up(&self, account: &Account, owner: &Owner) -> Result<Lookup, Fault> {
        let mut found = Lookup::default();
        for server in self.all(account).await?.iter() {
            let fresh;
            let tags = if server.remembered && !foreign(owner, &server.tags) {
                fresh = self.describe(account, &server.id).await?;
                &fresh
            } else {
                &server.tags
            };
            match owner.judge(tags) {
                Ownership::Ours => {
                    found.ours.push(Candidate { id: server.id.clone(), attempt: tags.get(api::TAG_ATTEMPT).cloned() });
                }
                Ownership::Former => found.former.push(server.id.clone()),
                Ownership::OtherCluster => found.other_cluster.push(server.id.clone()),
                Ownership::UidLost => found.uid_lost.push(server.id.clone()),
                Ownership::Foreign(_) | Ownership::Untagged | Ownership::Retained => {}
            }
        }
        Ok(found)
    }

    /// The tags on a server were read outside of a look.
    pub fn note(&self, account: &Account, server_id: &str, tags: &Tags) {
        self.owners_in(account, |owners| {
            if tags.contains_key(api::TAG_UID) {
                let ours = tags.iter().filter(|(key, _)| key.starts_with(api::TAG_PREFIX));
                owners.insert(server_id.to_owned(), ours.map(|(key, value)| (key.clone(), value.clone())).collect());
            } else {
                owners.remove(server_id);
            }
        });
    }

    /// What is remembered in an account and region.
    fn owners_in<T>(&self, account: &Account, work: impl FnOnce(&mut BTreeMap<String, Tags>) -> T) -> T {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        work(owners.entry(place(account)).or_default())
    }

    /// A look that began after this call: one of somebody else's that did, or one of our own.
    async fn all(&self, account: &Account) -> Result<Arc<Vec<Seen>>, Fault> {
        let asked = self.ticket();
        let turn = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(turns.entry(place(account)).or_default())
        };
        let mut last = turn.lock().await;
        if last.began > asked
            && let Some(outcome) = &last.outcome
        {
            return outcome.clone();
        }
        let began = self.ticket();
        let outcome = self.look(account).await.map(Arc::new);
        *last = Last { began, outcome: Some(outcome.clone()) };
        outcome
    }

    async fn look(&self, account: &Account) -> Result<Vec<Seen>, Fault> {
        let listed: Vec<String> = account.list_servers().await?.into_iter().map(|server| server.server_id).collect();
        let ids: BTreeSet<&String> = listed.iter().collect();
        self.owners_in(account, |owners| owners.retain(|id, _| ids.contains(id)));
        let mut servers = Vec::new();
        for id in listed {
            servers.push(match self.owners_in(account, |owners| owners.get(&id).cloned()) {
                Some(tags) => Seen { id, tags, remembered: true },
                None => Seen { tags: self.describe(account, &id).await?, id, remembered: false },
            });
        }
        Ok(servers)
    }

    async fn describe(&self, account: &Account, id: &str) -> Result<Tags, Fault> {
        match account.describe_server(id).await {
            Ok(server) => {
                self.note(account, id, &server.tags);
                Ok(server.tags)
            }
            // Listed and not there: a server that is going, or one that is not shown yet. Not knowing which, the look
            // counts for nothing.
            Err(fault) if fault.kind == FaultKind::NotFound => Err(Fault { kind: FaultKind::Unavailable, ..fault }),
            Err(fault) => Err(fault),
        }
    }

    fn ticket(&self) -> u64 {
        self.tickets.fetch_add(1, Ordering::Relaxed) + 1
    }
}

#[cfg(test)]
impl LookUps {
    /// The servers of which something is remembered.
    pub fn remembered(&self) -> Vec<String> {
        let owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        let mut ids: Vec<String> = owners.values().flat_map(BTreeMap::keys).cloned().collect();
        ids.sort();
        ids
    }
}

fn place(account: &Account) -> (String, String) {
    (account.id.clone(), account.region.clone())
}

fn foreign(owner: &Owner, tags: &Tags) -> bool {
    matches!(owner.judge(tags), Ownership::Foreign(_))
}
