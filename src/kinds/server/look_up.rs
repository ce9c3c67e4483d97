//! Finding servers by our owner tags: a complete listing, and every server of it described.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use crate::api;
use crate::aws::{Account, Fault, FaultKind};
use crate::engine::evidence::{Candidate, Lookup};
use crate::engine::owner::{Owner, Ownership};

/// Servers whose tags were read and say that they belong to another object: their uid tag never becomes ours.
#[derive(Debug, Default)]
pub struct Others(Mutex<BTreeSet<(String, String)>>);

impl Others {
    fn knows(&self, server_id: &str, uid: &str) -> bool {
        let others = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        others.iter().any(|(id, owner)| id == server_id && owner != uid)
    }

    fn note(&self, server_id: &str, uid: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert((server_id.to_owned(), uid.to_owned()));
    }
}

/// Looks through all servers of the account and region.
///
/// # Errors
/// The fault of any page or description: an incomplete look proves nothing.
pub async fn look_up(account: &Account, owner: &Owner, others: &Others) -> Result<Lookup, Fault> {
    let mut found = Lookup::default();
    for listed in account.list_servers().await? {
        if others.knows(&listed.server_id, &owner.uid) {
            continue;
        }
        let server = match account.describe_server(&listed.server_id).await {
            Ok(server) => server,
            Err(fault) if fault.kind == FaultKind::NotFound => {
                // Listed and not there: a server that is going, or one that is not shown yet. Not knowing which, the
                // look counts for nothing.
                return Err(Fault { kind: FaultKind::Unavailable, ..fault });
            }
            Err(fault) => return Err(fault),
        };
        match owner.judge(&server.tags) {
            Ownership::Ours => {
                found
                    .ours
                    .push(Candidate { id: server.server_id, attempt: server.tags.get(api::TAG_ATTEMPT).cloned() });
            }
            Ownership::Former => found.former.push(server.server_id),
            Ownership::OtherCluster => found.other_cluster.push(server.server_id),
            Ownership::Foreign(_) => {
                // A stripped uid may be put back by hand; one of another object stays another's.
                if let Some(uid) = server.tags.get(api::TAG_UID) {
                    others.note(&server.server_id, uid);
                }
            }
            Ownership::Untagged => {}
        }
    }
    Ok(found)
}
