//! Which KMS keys were sent for host keys, remembered as hashes because AWS never returns them.

use std::collections::BTreeMap;

use kube::ResourceExt;

use crate::api::TransferServer;
use crate::api::server::HostKeyStatus;
use crate::api::status::Applied;
use crate::aws::transfer::HostKey;
use crate::engine::digest::keyed;
use crate::kinds::server::wanted::WantedHostKey;

use super::{find, in_secret};

/// Path of the KMS key of an entry; AWS never returns it.
#[must_use]
pub fn path(name: &str) -> String {
    format!("hostKeys[{name}].kmsKey")
}

/// What is remembered of the KMS keys of entries. AWS never returns one and refuses some, so each that may be sent is
/// remembered beside the others: what corrects a refused one is no edit then. What would edit the one that AWS took,
/// which is known of host keys that were once as wanted, is not sent and not remembered; that it is so, is.
#[must_use]
pub fn records(object: &TransferServer, keys: &[WantedHostKey]) -> BTreeMap<String, String> {
    let status = object.status.clone().unwrap_or_default();
    let applied = status.common.applied.unwrap_or_default();
    let uid = object.uid().unwrap_or_default();
    let record = |key: &WantedHostKey| {
        let (taken, hash) = (format!("{}!", path(&key.name)), hash_of(&uid, key));
        let settled = applied.digest.is_some() || applied.hashes.get(&taken) == Some(&key.fingerprint);
        let same = |row: &HostKeyStatus| row.fingerprint.as_deref().is_some_and(|seen| seen == key.fingerprint);
        if settled && differs(&uid, key, &applied) && status.host_keys.iter().any(same) {
            return Some((taken, key.fingerprint.clone()));
        }
        let matters = key.kms_key.is_some() || sent_for(key, &applied).next().is_some();
        matters.then(|| (format!("{}#{hash}", path(&key.name)), hash))
    };
    keys.iter().filter(|key| in_secret(key.storage_type.as_deref())).filter_map(record).collect()
}

/// The entries whose host key AWS keeps in a secret, and with another KMS key than the one that is wanted.
pub fn edited<'a>(
    uid: &'a str,
    wanted: &'a [WantedHostKey],
    have: &'a [HostKey],
    applied: &'a Applied,
) -> impl Iterator<Item = &'a WantedHostKey> {
    let kept = |key: &&WantedHostKey| {
        in_secret(key.storage_type.as_deref())
            && find(key, have).is_some_and(|held| in_secret(held.storage_type.as_deref()))
    };
    wanted.iter().filter(kept).filter(|key| differs(uid, key, applied))
}

/// Whether KMS keys were sent for the entry, and not the one that is wanted.
fn differs(uid: &str, key: &WantedHostKey, applied: &Applied) -> bool {
    let (mut sent, hash) = (sent_for(key, applied).peekable(), hash_of(uid, key));
    sent.peek().is_some() && sent.all(|sent| *sent != hash)
}

/// Hashes of the KMS keys that may have been sent for the entry.
fn sent_for<'a>(key: &WantedHostKey, applied: &'a Applied) -> impl Iterator<Item = &'a String> {
    let path = path(&key.name);
    let hashes = applied.hashes.iter();
    hashes
        .filter(move |(of, _)| of.strip_prefix(&path).is_some_and(|rest| rest.is_empty() || rest.starts_with('#')))
        .map(|(_, hash)| hash)
}

/// Of AWS's own key too, which stands where none is named.
fn hash_of(uid: &str, key: &WantedHostKey) -> String {
    keyed(uid, key.kms_key.as_deref().unwrap_or_default())
}
