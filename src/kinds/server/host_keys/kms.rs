//! Which KMS keys were sent for host keys, remembered as hashes because AWS never returns them.

use std::collections::BTreeMap;

use kube::ResourceExt;

use crate::api::TransferServer;
use crate::api::server::HostKeyStatus;
use crate::api::status::Applied;
use crate::aws::transfer::HostKey;
use crate::engine::applied;
use crate::engine::digest::keyed;
use crate::kinds::server::wanted::WantedHostKey;

use super::{find, in_secret};

/// Path of the KMS key of an entry; AWS never returns it.
#[must_use]
pub fn path(name: &str) -> String {
    format!("hostKeys[{name}].kmsKey")
}

/// What is remembered of the KMS keys of entries. AWS never returns one and refuses some, so each that may be sent is
/// remembered beside the others until AWS took one. To take one out AWS has no way: that it was, which is known of host
/// keys that were once as wanted, is remembered instead.
#[must_use]
pub fn records(object: &TransferServer, keys: &[WantedHostKey]) -> BTreeMap<String, String> {
    let uid = object.uid().unwrap_or_default();
    let applied = recorded(object);
    let row = |key: &WantedHostKey| applied::may_have(&path(&key.name), hash_of(&uid, key));
    let mut records = BTreeMap::new();
    for key in keys.iter().filter(|key| in_secret(key.storage_type.as_deref())) {
        let (taken, mut sent) = (format!("{}!", path(&key.name)), sent_for(key, &applied).peekable());
        let settled = applied.digest.is_some() || applied.hashes.get(&taken) == Some(&key.fingerprint);
        if key.kms_key.is_some() {
            // Without one it had AWS's own, and has it until AWS took this one.
            let own = (sent.peek().is_none() && is_seen(object, key))
                .then(|| applied::had_before(&path(&key.name), keyed(&uid, "")));
            records.extend(own);
            records.extend([row(key)]);
        } else if settled && differs(&uid, key, &applied) && is_seen(object, key) {
            records.insert(taken, key.fingerprint.clone());
        } else if sent.peek().is_some() {
            records.extend([row(key)]);
        }
    }
    records
}

/// Whether AWS may have the entry's host key under another KMS key than the one that is wanted: others were sent for it,
/// and AWS is not known to have taken this one last.
#[must_use]
pub fn unsure(object: &TransferServer, key: &WantedHostKey) -> bool {
    let (uid, applied) = (object.uid().unwrap_or_default(), recorded(object));
    let hash = hash_of(&uid, key);
    let mut sent = sent_for(key, &applied).peekable();
    let none = sent.peek().is_none();
    key.kms_key.is_some() && if none { is_seen(object, key) } else { sent.any(|sent| *sent != hash) }
}

/// The entries whose KMS key left the spec while AWS keeps their host key in a secret.
pub fn left<'a>(
    uid: &'a str,
    wanted: &'a [WantedHostKey],
    have: &'a [HostKey],
    applied: &'a Applied,
) -> impl Iterator<Item = &'a WantedHostKey> {
    let kept = |key: &&WantedHostKey| {
        in_secret(key.storage_type.as_deref())
            && find(key, have).is_some_and(|held| in_secret(held.storage_type.as_deref()))
    };
    wanted.iter().filter(kept).filter(|key| key.kms_key.is_none() && differs(uid, key, applied))
}

fn recorded(object: &TransferServer) -> Applied {
    object.status.as_ref().and_then(|status| status.common.applied.clone()).unwrap_or_default()
}

/// Whether AWS was seen to have the host key.
fn is_seen(object: &TransferServer, key: &WantedHostKey) -> bool {
    let same = |row: &HostKeyStatus| row.fingerprint.as_deref().is_some_and(|seen| seen == key.fingerprint);
    object.status.as_ref().is_some_and(|status| status.host_keys.iter().any(same))
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
