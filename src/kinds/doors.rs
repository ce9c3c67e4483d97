//! What every kind is handed: the doors, and which servers were seen to be whose.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::aws::session::Aws;
use crate::cluster::{Cluster, Directory};

/// The doors of the process.
pub struct Doors {
    /// Kubernetes, live.
    pub cluster: Arc<dyn Cluster>,
    /// Kubernetes, as the watches hold it.
    pub directory: Arc<dyn Directory>,
    /// AWS.
    pub aws: Arc<dyn Aws>,
    /// Our cluster in owner tags.
    pub cluster_id: String,
    /// Servers on which our own tags were seen.
    pub verified: Verified,
}

/// What was learnt of a server together with its tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// `S3` or `EFS`.
    pub domain: String,
    /// Identity provider type.
    pub provider: String,
}

/// Account, region, server id, uid of the server object (empty for a server that is granted by its raw id).
type Key = (String, String, String, String);

/// Servers on which this process itself saw the owner tags of their objects. Status alone never proves that a server
/// is one's own: who may write it could point logins elsewhere.
#[derive(Debug, Default)]
pub struct Verified(Mutex<BTreeMap<Key, Facts>>);

impl Verified {
    /// What was seen, if it was.
    #[must_use]
    pub fn get(&self, account: &str, region: &str, server_id: &str, uid: &str) -> Option<Facts> {
        self.lock().get(&key(account, region, server_id, uid)).cloned()
    }

    /// The tags of this object were seen on this server.
    pub fn insert(&self, account: &str, region: &str, server_id: &str, uid: &str, facts: Facts) {
        self.lock().insert(key(account, region, server_id, uid), facts);
    }

    /// The server or its tags were not there.
    pub fn remove(&self, account: &str, region: &str, server_id: &str, uid: &str) {
        self.lock().remove(&key(account, region, server_id, uid));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Key, Facts>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(account: &str, region: &str, server_id: &str, uid: &str) -> Key {
    (account.to_owned(), region.to_owned(), server_id.to_owned(), uid.to_owned())
}
