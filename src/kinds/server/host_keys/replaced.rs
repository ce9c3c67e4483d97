//! Entries whose Secret holds another key than before. Clients have pinned the old one, so it stays until a person says
//! that they know the new one: by a new name for the entry, or by an annotation with the old key's fingerprint. Pure.

use kube::ResourceExt;

use crate::api::condition::reasons;
use crate::api::server::HostKeyStatus;
use crate::api::{CONFIRM_HOST_KEY, TransferServer};
use crate::aws::transfer::HostKey;
use crate::engine::reason::Reason;
use crate::kinds::server::wanted::{WantedHostKey, WantedServer};
use crate::ssh;

use super::{find, oldest_of_type};

/// A key in AWS that stays though its entry has another one by now.
pub struct Replaced<'a> {
    /// The entry.
    pub entry: &'a WantedHostKey,
    /// The old key.
    pub held: &'a HostKey,
}

/// The fingerprints of old keys that may go.
#[must_use]
pub fn confirmed(object: &TransferServer) -> Vec<String> {
    let text = object.annotations().get(CONFIRM_HOST_KEY).map(String::as_str).unwrap_or_default();
    let words = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

/// The keys that stay until a person confirms.
#[must_use]
pub fn replaced<'a>(want: &'a WantedServer, have: &'a [HostKey], recorded: &[HostKeyStatus]) -> Vec<Replaced<'a>> {
    let wanted = want.host_keys.as_deref().unwrap_or_default();
    let listed = |held: &HostKey| wanted.iter().any(|key| find(key, std::slice::from_ref(held)).is_some());
    let may_go = |held: &HostKey| {
        let fingerprint = held.fingerprint.as_deref().unwrap_or_default();
        want.confirmed_host_keys.iter().any(|known| ssh::fingerprints_equal(known, fingerprint))
    };
    let entry = |held: &HostKey| {
        let Some(row) = recorded.iter().find(|row| row.id == held.id) else {
            return may_replace(want, held, have).filter(|_| recorded.is_empty());
        };
        let name = row.replaced.as_ref().or(row.name.as_ref())?;
        wanted.iter().find(|key| key.name == *name)
    };
    let stays = have.iter().filter(|held| !listed(held) && !may_go(held));
    stays.filter_map(|held| Some(Replaced { entry: entry(held)?, held })).collect()
}

/// The entry that may have held a key of which nothing is known, on a server of which no key is: its status was lost,
/// or it was just taken over. Nothing in AWS tells what an entry held, so the key that clients are shown is taken for
/// replaced, by an entry whose key is not there yet, else by one of its type.
fn may_replace<'a>(want: &'a WantedServer, held: &HostKey, have: &[HostKey]) -> Option<&'a WantedHostKey> {
    let removes = want.exclusive_host_keys && want.host_keys_complete;
    let wanted = want.host_keys.as_deref().filter(|_| removes && oldest_of_type(held, have))?;
    let fits = |key: &&WantedHostKey| find(key, have).is_none_or(|there| there.key_type == held.key_type);
    wanted.iter().find(fits).or(wanted.first())
}

/// What to tell of them.
#[must_use]
pub fn advice(object: &TransferServer, replaced: &[Replaced], have: &[HostKey]) -> Option<Reason> {
    let fingerprint = |held: &HostKey| held.fingerprint.as_deref().unwrap_or_default().trim_end_matches('=').to_owned();
    let told = |Replaced { entry, held }: &Replaced| {
        let shown = if oldest_of_type(held, have) { " and is the one that clients are shown" } else { "" };
        let (name, new, old) = (&entry.name, &entry.fingerprint, fingerprint(held));
        format!(
            "the Secret of spec.hostKeys[{name}] holds another key ({new}) than the one that was known to clients \
             ({old}), which stays{shown}"
        )
    };
    let told: Vec<String> = replaced.iter().map(told).collect();
    let old: Vec<String> = replaced.iter().map(|Replaced { held, .. }| fingerprint(held)).collect();
    (!told.is_empty()).then(|| {
        let message = format!(
            "{}. Once clients know the new one, give the entry another name, or run: kubectl -n {} annotate \
             transferservers {} --overwrite {CONFIRM_HOST_KEY}={}",
            told.join("; "),
            object.namespace().unwrap_or_default(),
            object.name_any(),
            old.join(",")
        );
        Reason::new(reasons::HOST_KEY_REPLACED, message)
    })
}
