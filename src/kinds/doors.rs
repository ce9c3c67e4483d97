//! What every kind is handed: the doors, and which servers were seen to be whose.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// `S3` or `EFS`.
    pub domain: String,
    /// Identity provider type.
    pub provider: String,
}

/// How long it counts what was learnt of a server that no object of ours stands for: nobody else's pass renews it, and
/// its identity provider may change. As long as the usual time between two looks at anything.
const RAW_FRESH: Duration = Duration::from_mins(10);

/// Account, region, server id, uid of the server object (empty for a server that is granted by its raw id).
type Key = (String, String, String, String);

/// Servers on which this process itself saw the owner tags of their objects. Status alone never proves that a server
/// is one's own: who may write it could point logins elsewhere.
#[derive(Debug, Default)]
pub struct Verified(Mutex<BTreeMap<Key, (Facts, Instant)>>);

impl Verified {
    /// What was seen, if it was.
    #[must_use]
    pub fn get(&self, account: &str, region: &str, server_id: &str, uid: &str) -> Option<Facts> {
        let (facts, since) = self.lock().get(&key(account, region, server_id, uid)).cloned()?;
        (!uid.is_empty() || since.elapsed() < RAW_FRESH).then_some(facts)
    }

    /// The tags of this object were seen on this server.
    pub fn insert(&self, account: &str, region: &str, server_id: &str, uid: &str, facts: Facts) {
        self.lock().insert(key(account, region, server_id, uid), (facts, Instant::now()));
    }

    /// The server or its tags were not there.
    pub fn remove(&self, account: &str, region: &str, server_id: &str, uid: &str) {
        self.lock().remove(&key(account, region, server_id, uid));
    }

    /// The server object of this uid has ended.
    pub fn forget(&self, uid: &str) {
        self.lock().retain(|(.., of), _| of != uid);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Key, (Facts, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(account: &str, region: &str, server_id: &str, uid: &str) -> Key {
    (account.to_owned(), region.to_owned(), server_id.to_owned(), uid.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(provider: &str) -> Facts {
        Facts { domain: "S3".to_owned(), provider: provider.to_owned() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_counts_as_verified_only_for_the_object_whose_tags_were_seen() {
        let verified = Verified::default();
        verified.insert("1", "r", "s-1", "u1", facts("SERVICE_MANAGED"));
        assert_eq!(verified.get("1", "r", "s-1", "u1"), Some(facts("SERVICE_MANAGED")));
        for (account, region, id, uid) in
            [("2", "r", "s-1", "u1"), ("1", "q", "s-1", "u1"), ("1", "r", "s-2", "u1"), ("1", "r", "s-1", "u2")]
        {
            assert_eq!(verified.get(account, region, id, uid), None, "{account} {region} {id} {uid}");
        }
        verified.insert("1", "r", "s-1", "u1", facts("AWS_LAMBDA"));
        assert_eq!(verified.get("1", "r", "s-1", "u1"), Some(facts("AWS_LAMBDA")));
        verified.remove("1", "r", "s-1", "u1");
        assert_eq!(verified.get("1", "r", "s-1", "u1"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_server_object_that_ended_nothing_is_kept() {
        let verified = Verified::default();
        for (id, uid) in [("s-1", "u1"), ("s-2", "u1"), ("s-3", "u3"), ("s-1", "")] {
            verified.insert("1", "r", id, uid, facts("SERVICE_MANAGED"));
        }
        verified.forget("u1");
        assert_eq!(verified.lock().len(), 2);
        assert!(verified.get("1", "r", "s-3", "u3").is_some() && verified.get("1", "r", "s-1", "").is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn what_no_object_stands_for_is_looked_at_again() {
        let verified = Verified::default();
        verified.insert("1", "r", "s-1", "", facts("SERVICE_MANAGED"));
        verified.insert("1", "r", "s-2", "u2", facts("SERVICE_MANAGED"));
        tokio::time::advance(RAW_FRESH).await;
        assert_eq!(verified.get("1", "r", "s-1", ""), None);
        assert!(verified.get("1", "r", "s-2", "u2").is_some(), "the pass of its object renews it");
    }
}
