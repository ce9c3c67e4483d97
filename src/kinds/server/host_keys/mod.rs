//! Host keys of a server: known by their fingerprints, imported and removed by content.
//! [`secrets`] reads them, [`kms`] remembers which KMS keys were sent, [`replaced`] keeps what clients have pinned.
//!
//! A private key leaves this file only inside a request to AWS; never in a text.

use std::collections::BTreeSet;

use crate::api::TransferServer;
use crate::api::condition::reasons;
use crate::api::server::{HostKey as HostKeySpec, HostKeyStatus};
use crate::aws::Mutation;
use crate::aws::transfer::{DeleteHostKey, HostKey, ImportHostKey, Tags, UpdateHostKey};
use crate::engine::diff::{Change, Effect};
use crate::engine::kind::{PlannedCall, When};
use crate::engine::reason::Reason;
use crate::ssh;

use super::wanted::{WantedHostKey, WantedServer};

pub(crate) mod kms;
pub(crate) mod replaced;
pub(crate) mod secrets;

/// Where AWS keeps a host key if nothing else is said.
const KEPT_BY_DEFAULT: &str = "SERVICE_MANAGED";

/// How many host keys a server has at most (AWS Transfer quotas).
const HOST_KEYS_MAX: usize = 10;

/// Where a host key has a KMS key.
const IN_SECRET: &str = "SECRETS_MANAGER";

/// Paths of what an entry sets besides the key itself, to be cleared when they leave the spec.
#[must_use]
pub fn paths(key: &HostKeySpec) -> Vec<String> {
    let HostKeySpec { name, secret_key_ref: _, description, tags, storage_type, kms_key: _ } = key;
    let mut paths: Vec<String> = tags.keys().map(|tag| tag_path(name, tag)).collect();
    paths.extend(description.as_ref().map(|_| description_path(name)));
    paths.extend(storage_type.as_ref().map(|_| storage_path(name)));
    paths
}

fn description_path(name: &str) -> String {
    format!("hostKeys[{name}].description")
}

fn storage_path(name: &str) -> String {
    format!("hostKeys[{name}].storageType")
}

fn tag_path(name: &str, tag: &str) -> String {
    format!("hostKeys[{name}].tags[{tag}]")
}

fn in_secret(storage: Option<&str>) -> bool {
    storage == Some(IN_SECRET)
}

/// Whether anything that the spec sets, or once set, stands in the tags of host keys.
#[must_use]
pub fn tags_matter(object: &TransferServer) -> bool {
    let set = object.spec.host_keys.iter().flatten().any(|key| !key.tags.is_empty());
    let applied = object.status.as_ref().and_then(|status| status.common.applied.as_ref());
    set || applied.is_some_and(|applied| applied.paths.iter().any(|path| path.contains("].tags[")))
}

fn find<'a>(key: &WantedHostKey, have: &'a [HostKey]) -> Option<&'a HostKey> {
    let same = |held: &&HostKey| {
        held.fingerprint.as_deref().is_some_and(|held| ssh::fingerprints_equal(held, &key.fingerprint))
    };
    have.iter().find(same)
}

/// The calls that bring the host keys to what is wanted: imports, then changes, then removals.
#[must_use]
pub fn calls(
    server_id: &str,
    want: &WantedServer,
    have: &[HostKey],
    recorded: &[HostKeyStatus],
    applied: &BTreeSet<String>,
) -> Vec<PlannedCall> {
    let Some(wanted) = &want.host_keys else { return Vec::new() };
    let mut calls = Vec::new();
    let mut missing = false;
    for key in wanted {
        match find(key, have) {
            None => {
                missing = true;
                let import = Mutation::ImportHostKey(Box::new(import(server_id, key)));
                calls.push(PlannedCall::new(import, vec![added(key)]));
            }
            Some(held) => calls.extend(change(server_id, key, held, &inherited(key, held, recorded, applied))),
        }
    }
    let delete = |held: &HostKey| {
        let (server_id, host_key_id) = (server_id.to_owned(), held.id.clone());
        PlannedCall::new(
            Mutation::DeleteHostKey(DeleteHostKey { server_id, host_key_id }),
            vec![gone(held, Effect::Live)],
        )
    };
    // New keys first: a client must always find one that it knows. One goes before them where there is no room.
    if !missing && want.host_keys_complete {
        calls.extend(unlisted(want, wanted, have, recorded).map(delete));
    } else if let Some(held) = makes_room(want, wanted, have, recorded).filter(|_| missing) {
        if have.len() >= HOST_KEYS_MAX {
            calls.insert(0, delete(held));
        } else {
            calls.push(PlannedCall { when: When::AfterQuotaRefusal("ImportHostKey"), ..delete(held) });
        }
    }
    calls
}

/// The key that goes before its successor is there, where AWS takes no more: the youngest of those that clients are not
/// shown; one that they are shown only where the key that takes its place is listed.
fn makes_room<'a>(
    want: &'a WantedServer,
    wanted: &'a [WantedHostKey],
    have: &'a [HostKey],
    recorded: &'a [HostKeyStatus],
) -> Option<&'a HostKey> {
    let listed = |held: &HostKey| wanted.iter().any(|key| find(key, std::slice::from_ref(held)).is_some());
    let succeeded = |held: &&HostKey| {
        let others = have.iter().filter(|other| other.key_type == held.key_type && other.id != held.id);
        others.min_by_key(|other| (other.date_imported, &other.id)).is_some_and(listed)
    };
    let (shown, hidden): (Vec<&HostKey>, Vec<&HostKey>) = going(want, wanted, have, recorded)
        .filter(|_| want.host_keys_complete && have.len() > 1)
        .partition(|held| oldest_of_type(held, have));
    let youngest = |keys: Vec<&'a HostKey>| keys.into_iter().max_by_key(|key| (key.date_imported, key.id.clone()));
    youngest(hidden).or_else(|| youngest(shown.into_iter().filter(succeeded).collect()))
}

/// Keys that cannot be imported because AWS takes no more and none that is there can go by itself.
#[must_use]
pub fn no_room(want: &WantedServer, have: &[HostKey], recorded: &[HostKeyStatus]) -> Option<Reason> {
    let wanted = want.host_keys.as_ref()?;
    let missing: Vec<&str> =
        wanted.iter().filter(|key| find(key, have).is_none()).map(|key| key.name.as_str()).collect();
    if missing.is_empty() || have.len() < HOST_KEYS_MAX || makes_room(want, wanted, have, recorded).is_some() {
        return None;
    }
    let there: Vec<&str> = wanted.iter().filter(|key| find(key, have).is_some()).map(|key| key.name.as_str()).collect();
    let stays = replaced::replaced(want, have, recorded);
    let confirm = if stays.is_empty() { "" } else { ", or confirm those that were replaced" };
    let message = format!(
        "spec.hostKeys: a server has at most {HOST_KEYS_MAX} host keys, so {} cannot be imported, and no key that is \
         not listed can go without clients being shown another one. Take an entry that clients do not rely on out of \
         spec.hostKeys first{confirm} (in AWS are: {})",
        missing.join(", "),
        there.join(", ")
    );
    Some(Reason::stalled(reasons::QUOTA_EXCEEDED, message))
}

/// The same as differences: keys by name and fingerprint, never their text.
#[must_use]
pub fn changes(
    want: &WantedServer,
    have: &[HostKey],
    recorded: &[HostKeyStatus],
    applied: &BTreeSet<String>,
) -> Vec<Change> {
    let Some(wanted) = &want.host_keys else {
        return left_behind(want, have, recorded).map(|(held, _)| gone(held, Effect::Refused)).collect();
    };
    let mut changes = Vec::new();
    for key in wanted {
        match find(key, have) {
            None => changes.push(added(key)),
            Some(held) => changes.extend(differences(key, held, &inherited(key, held, recorded, applied))),
        }
    }
    if want.host_keys_complete {
        let unlisted = unlisted(want, wanted, have, recorded);
        changes.extend(unlisted.map(|held| gone(held, Effect::Live)));
    }
    changes
}

fn added(key: &WantedHostKey) -> Change {
    live(format!("hostKeys[{}]", key.name), None, Some(&key.fingerprint))
}

fn gone(held: &HostKey, effect: Effect) -> Change {
    Change { effect, ..live(format!("hostKeys[{}]", held.id), held.fingerprint.as_deref(), None) }
}

/// The keys that this object put there while the whole list has left the spec, with what status records of them.
fn left_behind<'a>(
    want: &'a WantedServer,
    have: &'a [HostKey],
    recorded: &'a [HostKeyStatus],
) -> impl Iterator<Item = (&'a HostKey, &'a HostKeyStatus)> {
    let ours = |held: &'a HostKey| Some((held, recorded.iter().find(|row| row.managed && row.id == held.id)?));
    have.iter().filter(|_| want.host_keys.is_none()).filter_map(ours)
}

/// A list that is absent may be a slip of a template, and partners may have pinned its keys; but a private key that
/// left the spec must not stay without a word. So a person decides.
#[must_use]
pub fn undecided(want: &WantedServer, have: &[HostKey], recorded: &[HostKeyStatus]) -> Option<Reason> {
    let names: Vec<&str> =
        left_behind(want, have, recorded).map(|(held, row)| row.name.as_deref().unwrap_or(&held.id)).collect();
    (!names.is_empty()).then(|| {
        let message = format!(
            "spec.hostKeys left the spec, and the server still has the host keys that this object imported: {}. List \
             `hostKeys: []` to remove them (the last key of a server stays), or list them again",
            names.join(", ")
        );
        Reason::stalled(reasons::CANNOT_CLEAR, message)
    })
}

/// What was applied, as the entry's own: an entry that was renamed answers for what it set under its old name.
fn inherited(
    key: &WantedHostKey,
    held: &HostKey,
    recorded: &[HostKeyStatus],
    applied: &BTreeSet<String>,
) -> BTreeSet<String> {
    let row = recorded.iter().find(|row| row.id == held.id);
    let Some(old) = row.and_then(|row| row.name.as_ref()).filter(|old| **old != key.name) else {
        return applied.clone();
    };
    let (old, new) = (format!("hostKeys[{old}]."), format!("hostKeys[{}].", key.name));
    let renamed = |path: &String| path.strip_prefix(&old).map_or_else(|| path.clone(), |rest| format!("{new}{rest}"));
    applied.iter().map(renamed).collect()
}

fn live(path: String, have: Option<&str>, want: Option<&str>) -> Change {
    Change { path, have: have.into(), want: want.into(), effect: Effect::Live }
}

fn import(server_id: &str, key: &WantedHostKey) -> ImportHostKey {
    ImportHostKey {
        server_id: server_id.to_owned(),
        body: key.body.clone(),
        description: key.description.clone(),
        storage_type: key.storage_type.clone(),
        kms_key: key.kms_key.clone(),
        tags: key.tags.clone(),
    }
}

/// The description to set, where it differs.
fn description<'a>(key: &'a WantedHostKey, held: &HostKey, applied: &BTreeSet<String>) -> Option<&'a str> {
    let cleared = applied.contains(&description_path(&key.name)).then_some("");
    let wanted = key.description.as_deref().or(cleared)?;
    (wanted != held.description.as_deref().unwrap_or_default()).then_some(wanted)
}

/// The storage to move to, where it differs.
fn storage<'a>(key: &'a WantedHostKey, held: &HostKey, applied: &BTreeSet<String>) -> Option<&'a str> {
    let kept = held.storage_type.as_deref().unwrap_or(KEPT_BY_DEFAULT);
    let reset = applied.contains(&storage_path(&key.name)).then_some(KEPT_BY_DEFAULT);
    key.storage_type.as_deref().or(reset).filter(|wanted| *wanted != kept)
}

fn missing_tags(key: &WantedHostKey, held: &HostKey) -> Tags {
    let differs = |(tag, value): &(&String, &String)| held.tags.get(*tag) != Some(*value);
    key.tags.iter().filter(differs).map(|(tag, value)| (tag.clone(), value.clone())).collect()
}

fn left_tags(key: &WantedHostKey, held: &HostKey, applied: &BTreeSet<String>) -> Vec<String> {
    let left = |tag: &&String| !key.tags.contains_key(*tag) && applied.contains(&tag_path(&key.name, tag));
    held.tags.keys().filter(left).cloned().collect()
}

fn differences(key: &WantedHostKey, held: &HostKey, applied: &BTreeSet<String>) -> Vec<Change> {
    change("", key, held, applied).into_iter().flat_map(|call| call.changes).collect()
}

/// The calls that bring one key to what is wanted of it.
fn change(server_id: &str, key: &WantedHostKey, held: &HostKey, applied: &BTreeSet<String>) -> Vec<PlannedCall> {
    let (description, storage) = (description(key, held, applied), storage(key, held, applied));
    let kms = key.kms_unsure && in_secret(key.storage_type.as_deref()) && in_secret(held.storage_type.as_deref());
    // AWS takes a KMS key with the place that it is for.
    let place = storage.or_else(|| kms.then_some(IN_SECRET));
    let mut calls = Vec::new();
    if description.is_some() || place.is_some() {
        let update = Mutation::UpdateHostKey(UpdateHostKey {
            server_id: server_id.to_owned(),
            host_key_id: held.id.clone(),
            // Older models of AWS's demand it with every update.
            description: Some(description.or(held.description.as_deref()).unwrap_or_default().to_owned()),
            kms_key: key.kms_key.clone().filter(|_| place.is_some()),
            storage_type: place.map(str::to_owned),
        });
        let described =
            description.map(|wanted| live(description_path(&key.name), held.description.as_deref(), Some(wanted)));
        let stored = storage.map(|wanted| live(storage_path(&key.name), held.storage_type.as_deref(), Some(wanted)));
        let encrypted = kms.then(|| live(kms::path(&key.name), None, key.kms_key.as_deref()));
        let unseen = described.is_none() && stored.is_none();
        let changes = described.into_iter().chain(stored).chain(encrypted).collect();
        calls.push(PlannedCall { unseen, ..PlannedCall::new(update, changes) });
    }
    let tag = |tag: &String| {
        let (had, wanted) = (held.tags.get(tag), key.tags.get(tag));
        live(tag_path(&key.name, tag), had.map(String::as_str), wanted.map(String::as_str))
    };
    let missing = missing_tags(key, held);
    if !missing.is_empty() {
        let changes = missing.keys().map(tag).collect();
        calls.push(PlannedCall::new(Mutation::tag(held.arn.clone(), missing), changes));
    }
    let gone = left_tags(key, held, applied);
    if !gone.is_empty() {
        let changes = gone.iter().map(tag).collect();
        calls.push(PlannedCall::new(Mutation::untag(held.arn.clone(), gone), changes));
    }
    calls
}

/// What goes. The last key stays: what AWS would do without one is not known.
fn unlisted<'a>(
    want: &'a WantedServer,
    wanted: &'a [WantedHostKey],
    have: &'a [HostKey],
    recorded: &'a [HostKeyStatus],
) -> impl Iterator<Item = &'a HostKey> {
    going(want, wanted, have, recorded).take(have.len().saturating_sub(1))
}

/// What is to go: under Exclusive everything that is not listed, else what this object put there; never what was
/// replaced without a person's word.
fn going<'a>(
    want: &'a WantedServer,
    wanted: &'a [WantedHostKey],
    have: &'a [HostKey],
    recorded: &'a [HostKeyStatus],
) -> impl Iterator<Item = &'a HostKey> {
    let listed: BTreeSet<&str> = wanted.iter().filter_map(|key| find(key, have)).map(|held| held.id.as_str()).collect();
    let ours: BTreeSet<&str> = recorded.iter().filter(|key| key.managed).map(|key| key.id.as_str()).collect();
    let stays = replaced::replaced(want, have, recorded).into_iter().map(|replaced| replaced.held.id.as_str());
    let stays: BTreeSet<&str> = stays.chain(listed).collect();
    let goes = move |held: &&HostKey| {
        let id = held.id.as_str();
        !stays.contains(id) && (want.exclusive_host_keys || ours.contains(id))
    };
    have.iter().filter(goes)
}

/// The host keys as status shows them; none at first, until it is known which of them are listed: once a row stands
/// there, a key without one was imported by somebody since.
#[must_use]
pub fn status_rows(want: Option<&WantedServer>, have: &[HostKey], recorded: &[HostKeyStatus]) -> Vec<HostKeyStatus> {
    if recorded.is_empty() && !want.is_some_and(|want| want.host_keys_complete) {
        return Vec::new();
    }
    let wanted = want.and_then(|want| want.host_keys.as_ref());
    // Where a key could not be read, or nothing is wanted any more, the name that it had stands.
    let sure = want.is_some_and(|want| want.host_keys.is_some() && want.host_keys_complete);
    let replaced = want.map(|want| replaced::replaced(want, have, recorded)).unwrap_or_default();
    let mut rows: Vec<HostKeyStatus> = have
        .iter()
        .map(|held| {
            let fingerprint = held.fingerprint.as_deref().map(|text| text.trim_end_matches('=').to_owned());
            let listed = wanted.into_iter().flatten().find(|key| find(key, std::slice::from_ref(held)).is_some());
            let before = recorded.iter().find(|row| row.id == held.id);
            let unsure = before.filter(|_| !sure && listed.is_none());
            let stays = replaced.iter().find(|replaced| replaced.held.id == held.id);
            let known = unsure.filter(|_| stays.is_none()).and_then(|row| row.name.clone());
            HostKeyStatus {
                id: held.id.clone(),
                name: listed.map(|key| key.name.clone()).or(known),
                replaced: stays
                    .map(|replaced| replaced.entry.name.clone())
                    .or_else(|| unsure.and_then(|row| row.replaced.clone())),
                fingerprint,
                r#type: held.key_type.clone(),
                date_imported: held.date_imported.map(|time| time.to_string()),
                secret_id: held.secret_id.clone(),
                active: oldest_of_type(held, have),
                managed: listed.is_some() || before.is_some_and(|row| row.managed),
            }
        })
        .collect();
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    rows
}

/// Listed keys that clients are not shown, and which one they are shown instead.
#[must_use]
pub fn hidden(want: &WantedServer, have: &[HostKey], recorded: &[HostKeyStatus]) -> Option<Reason> {
    // Of these more is told.
    let replaced = replaced::replaced(want, have, recorded);
    let replaced = |key: &&WantedHostKey| replaced.iter().any(|replaced| replaced.entry.name == key.name);
    let wanted = want.host_keys.as_deref()?;
    let entry = |held: &HostKey| wanted.iter().find(|key| find(key, std::slice::from_ref(held)).is_some());
    let told = |key: &WantedHostKey| {
        let held = find(key, have).filter(|held| !oldest_of_type(held, have))?;
        let shown = have.iter().find(|other| other.key_type == held.key_type && oldest_of_type(other, have))?;
        let shown = match entry(shown) {
            Some(listed) => format!("spec.hostKeys[{}], until that entry is taken out", listed.name),
            None => format!("{}, which is not listed; hostKeyPolicy Exclusive removes it", shown.id),
        };
        Some(format!("spec.hostKeys[{}] ({}): clients are shown {shown}", key.name, key.fingerprint))
    };
    let told: Vec<String> = wanted.iter().filter(|key| !replaced(key)).filter_map(told).collect();
    (!told.is_empty()).then(|| {
        let message = format!("AWS shows clients the oldest host key of each type. {}", told.join("; "));
        Reason::new(reasons::HOST_KEY_NOT_ACTIVE, message)
    })
}

/// AWS shows clients the oldest key of each algorithm.
fn oldest_of_type(key: &HostKey, all: &[HostKey]) -> bool {
    let key_conflicts = all.iter().filter(|other| other.key_type == key.key_type);
    key_conflicts.min_by_key(|other| (other.date_imported, &other.id)).is_some_and(|oldest| oldest.id == key.id)
}
