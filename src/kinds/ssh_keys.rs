//! SSH public keys of a user: which are wanted now, what to import and what to delete. Pure.
//!
//! Keys are compared by type and material, never by comment or id. Nothing is deleted while it is not known for sure
//! what is wanted, and never the last key that works before a wanted one is there.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::api::condition::reasons;
use crate::api::user::{SshPublicKey as SpecKey, SshPublicKeyPolicy, SshPublicKeyStatus};
use crate::aws::Mutation;
use crate::aws::transfer::SshPublicKey as AwsKey;
use crate::aws::transfer::{DeleteSshPublicKey, ImportSshPublicKey};
use crate::engine::diff::{Change, Effect};
use crate::engine::kind::{PlannedCall, When};
use crate::engine::reason::Reason;
use crate::ssh::{self, KeyIdentity, PublicKey};

/// A ConfigMap that the spec names: where it stands, and its text or why there is none.
#[derive(Clone, Debug)]
pub struct SourceText {
    /// For messages: the field, the ConfigMap and its key.
    pub field: String,
    /// In `authorized_keys` form.
    pub text: Result<String, Reason>,
}

/// What the spec says of keys.
#[derive(Clone, Debug)]
pub struct Listed<'a> {
    /// `spec.sshPublicKeys`.
    pub inline: Option<&'a [SpecKey]>,
    /// `spec.sshPublicKeysFrom`, read.
    pub sources: Option<Vec<SourceText>>,
    /// `spec.sshPublicKeyPolicy`.
    pub policy: SshPublicKeyPolicy,
    /// Whether the user was made already.
    pub made: bool,
}

/// A key that is wanted now.
#[derive(Clone, Debug, PartialEq)]
pub struct WantedSshKey {
    /// The key.
    pub key: PublicKey,
    /// The entry that lists it, for messages.
    pub field: String,
    /// When it stops being wanted.
    pub expires_at: Option<Timestamp>,
}

/// The keys that are wanted of a user whose keys are managed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WantedKeys {
    /// In the order of the spec, each once.
    pub keys: Vec<WantedSshKey>,
    /// What the spec lists and is past its end.
    pub expired: Vec<WantedSshKey>,
    /// Whether everything that the spec lists could be read: only then is an unlisted key known to be unwanted.
    pub complete: bool,
    /// Whether every unlisted key goes, or only those that this object put there.
    pub exclusive: bool,
}

impl WantedKeys {
    /// When the next key ends, or is worth a look as it ends soon, whichever is first after `now`.
    #[must_use]
    pub fn changes_at(&self, now: Timestamp, warning: SignedDuration) -> Option<Timestamp> {
        let ends = self.keys.iter().filter_map(|key| key.expires_at);
        let moments = ends.flat_map(|end| [end.checked_sub(warning).ok(), Some(end)]);
        moments.flatten().filter(|moment| *moment > now).min()
    }

    /// When the key ends, where an entry that lists it says so.
    fn end(&self, key: &AwsKey) -> Option<Timestamp> {
        let identity = identity(key)?;
        let all = self.keys.iter().chain(&self.expired);
        all.filter(|wanted| wanted.key.identity() == identity).find_map(|wanted| wanted.expires_at)
    }

    fn wants(&self, key: &AwsKey) -> bool {
        holds(&self.keys, key)
    }

    fn lists(&self, key: &AwsKey) -> bool {
        self.wants(key) || holds(&self.expired, key)
    }
}

/// Which keys are wanted at `now`, and what is not in order. `None` where the spec lists none at all: then keys are
/// not managed.
#[must_use]
pub fn want(listed: &Listed, now: Timestamp) -> (Option<WantedKeys>, Vec<Reason>) {
    let Listed { inline, sources, policy, made } = listed;
    let held = if *made { "no key is removed" } else { "the user is not made" };
    if inline.is_none() && sources.is_none() {
        return (None, Vec::new());
    }
    let mut blocks = Vec::new();
    let mut found: Vec<WantedSshKey> = Vec::new();
    for (index, given) in inline.iter().copied().flatten().enumerate() {
        match parse(index, given, held) {
            Ok(key) => add(&mut found, key),
            Err(block) => blocks.push(block),
        }
    }
    for source in sources.iter().flatten() {
        let wanted = |key| WantedSshKey { key, field: source.field.clone(), expires_at: None };
        match source_keys(source, held) {
            Ok(keys) => keys.into_iter().map(wanted).for_each(|key| add(&mut found, key)),
            Err(block) => blocks.push(block),
        }
    }
    let (keys, expired) = found.into_iter().partition(|wanted| wanted.expires_at.is_none_or(|end| end > now));
    let exclusive = *policy == SshPublicKeyPolicy::Exclusive;
    (Some(WantedKeys { keys, expired, complete: blocks.is_empty(), exclusive }), blocks)
}

/// The key text is never repeated: what was meant as a public key may be a private one.
fn parse(index: usize, given: &SpecKey, held: &str) -> Result<WantedSshKey, Reason> {
    let SpecKey { public_key, expires_at } = given;
    let field = format!("spec.sshPublicKeys[{index}]");
    let key = PublicKey::parse(public_key).map_err(|error| {
        let message = format!("{field}.publicKey: {error}; {held} until it is put right");
        Reason::stalled(reasons::INVALID_KEY, message)
    })?;
    let expires_at = expires_at.as_deref().map(str::parse).transpose().map_err(|_| {
        let message = format!(
            "{field}.expiresAt is no RFC 3339 time such as 2030-01-31T00:00:00Z; the key is not used, and {held} until it \
             is put right"
        );
        Reason::stalled(reasons::INVALID_SPEC, message)
    })?;
    Ok(WantedSshKey { key, field, expires_at })
}

fn source_keys(source: &SourceText, held: &str) -> Result<Vec<PublicKey>, Reason> {
    let SourceText { field, text } = source;
    let keys = ssh::authorized_keys(text.as_ref().map_err(Reason::clone)?).map_err(|error| {
        let message = format!("{field}: {error}; none of its keys is added, and {held} until it is put right");
        Reason::stalled(reasons::INVALID_KEY, message)
    })?;
    if keys.is_empty() {
        let message = format!("{field}: there is no key in it; {held}");
        return Err(Reason::new(reasons::SOURCE_NOT_READY, message));
    }
    Ok(keys)
}

/// Adds a key once. Listed twice, it is wanted for the longer of both times.
fn add(found: &mut Vec<WantedSshKey>, new: WantedSshKey) {
    let same = found.iter_mut().find(|old| old.key.identity() == new.key.identity());
    match same {
        None => found.push(new),
        Some(old) => old.expires_at = old.expires_at.zip(new.expires_at).map(|(old, new)| old.max(new)),
    }
}

/// The user that keys are imported for.
#[derive(Clone, Copy, Debug)]
pub struct Holder<'a> {
    /// Its server.
    pub server_id: &'a str,
    /// Its name.
    pub user_name: &'a str,
}

/// The imports that are due.
#[must_use]
pub fn imports(holder: Holder<'_>, want: &WantedKeys, have: &[AwsKey]) -> Vec<PlannedCall> {
    let import = |wanted: &WantedSshKey| {
        Mutation::ImportSshPublicKey(ImportSshPublicKey {
            server_id: holder.server_id.to_owned(),
            user_name: holder.user_name.to_owned(),
            body: wanted.key.to_line(),
        })
    };
    missing(want, have).map(|wanted| PlannedCall::new(import(wanted), vec![added(wanted)])).collect()
}

fn missing<'a>(want: &'a WantedKeys, have: &[AwsKey]) -> impl Iterator<Item = &'a WantedSshKey> {
    let present: BTreeSet<KeyIdentity> = have.iter().filter_map(identity).collect();
    want.keys.iter().filter(move |wanted| !present.contains(&wanted.key.identity()))
}

fn unwanted<'a>(
    want: &'a WantedKeys,
    have: &'a [AwsKey],
    recorded: &'a [SshPublicKeyStatus],
) -> impl Iterator<Item = &'a AwsKey> {
    have.iter().filter(|key| want.complete && !want.wants(key) && (want.exclusive || managed(recorded, key)))
}

/// The same as differences, by fingerprint.
#[must_use]
pub fn changes(want: &WantedKeys, have: &[AwsKey], recorded: &[SshPublicKeyStatus]) -> Vec<Change> {
    missing(want, have).map(added).chain(unwanted(want, have, recorded).map(removed)).collect()
}

fn added(wanted: &WantedSshKey) -> Change {
    change(&wanted.key.fingerprint(), Value::Null, told(&wanted.key))
}

fn removed(key: &AwsKey) -> Change {
    match PublicKey::parse(&key.body) {
        Ok(parsed) => change(&parsed.fingerprint(), told(&parsed), Value::Null),
        Err(_) => change(&key.id, "present".into(), Value::Null),
    }
}

fn change(name: &str, have: Value, want: Value) -> Change {
    Change { path: format!("sshPublicKeys[{name}]"), have, want, effect: Effect::Live }
}

fn told(key: &PublicKey) -> Value {
    Value::String(key.comment().map_or_else(|| "present".to_owned(), str::to_owned))
}

/// The key that stays though it left the spec: no wanted key is there yet, and without it nobody could log in. Of
/// several the one imported last; the others make room where AWS's limit of keys is reached. What is past its end never
/// stays.
fn last_way_in<'a>(want: &'a WantedKeys, have: &'a [AwsKey], recorded: &'a [SshPublicKeyStatus]) -> Option<&'a AwsKey> {
    let going: Vec<&AwsKey> = unwanted(want, have, recorded).collect();
    let locks_out = !want.keys.is_empty() && going.len() == have.len();
    going.into_iter().filter(|key| locks_out && !want.lists(key)).max_by_key(|key| (key.date_imported, &key.id))
}

/// The same in words, for where the imports do not come through.
#[must_use]
pub fn kept(want: &WantedKeys, have: &[AwsKey], recorded: &[SshPublicKeyStatus]) -> Option<Reason> {
    let key = last_way_in(want, have, recorded)?;
    let name = PublicKey::parse(&key.body).map_or_else(|_| key.id.clone(), |key| key.fingerprint());
    let message = format!(
        "SSH public key {name} left the spec and stays until one that is listed is in AWS: it is the only key left to \
         log in with. An empty sshPublicKeys takes it away all the same"
    );
    Some(Reason::new(reasons::UPDATING, message))
}

/// The deletions that are due, to be sent after the imports were tried, whatever became of them: what left the spec is
/// revoked. Only the last way in stays.
#[must_use]
pub fn deletions(
    holder: Holder<'_>,
    want: &WantedKeys,
    have: &[AwsKey],
    recorded: &[SshPublicKeyStatus],
) -> Vec<PlannedCall> {
    let stays = last_way_in(want, have, recorded).map(|key| &key.id);
    let delete = |key: &AwsKey| {
        Mutation::DeleteSshPublicKey(DeleteSshPublicKey {
            server_id: holder.server_id.to_owned(),
            user_name: holder.user_name.to_owned(),
            key_id: key.id.clone(),
        })
    };
    // What is listed and not wanted any more is past its end.
    let because = |key: &AwsKey| want.lists(key).then_some("expired");
    let call = |key| PlannedCall { because: because(key), ..PlannedCall::new(delete(key), vec![removed(key)]) };
    let going: Vec<&AwsKey> = unwanted(want, have, recorded).filter(|key| Some(&key.id) != stays).collect();
    // Where AWS has no room for what is imported, this one makes it, and the import is tried again at once.
    let full = missing(want, have).next().and(going.iter().min_by_key(|key| (key.date_imported, &key.id)));
    let makes_room = full.map(|key| PlannedCall { when: When::AfterQuotaRefusal("ImportSshPublicKey"), ..call(key) });
    makes_room.into_iter().chain(going.iter().map(|key| call(key))).collect()
}

/// The keys that AWS has, for status. Managed is what the spec lists, and stays so when it leaves the spec.
#[must_use]
pub fn status_rows(
    want: Option<&WantedKeys>,
    have: &[AwsKey],
    recorded: &[SshPublicKeyStatus],
) -> Vec<SshPublicKeyStatus> {
    let mut keys: Vec<SshPublicKeyStatus> = have
        .iter()
        .map(|key| {
            let parsed = PublicKey::parse(&key.body).ok();
            SshPublicKeyStatus {
                id: (!key.id.is_empty()).then(|| key.id.clone()),
                fingerprint: parsed.as_ref().map(PublicKey::fingerprint),
                date_imported: key.date_imported.map(|time| time.to_string()),
                comment: parsed.as_ref().and_then(PublicKey::comment).map(str::to_owned),
                expires_at: want.and_then(|want| want.end(key)).map(|end| end.to_string()),
                managed: managed(recorded, key) || want.is_some_and(|want| want.lists(key)),
            }
        })
        .collect();
    // AWS's order is not documented; ours must not change while nothing does.
    keys.sort_by(|a, b| (&a.id, &a.fingerprint).cmp(&(&b.id, &b.fingerprint)));
    keys
}

/// What is worth a look: no key at all, keys that this object put there and its spec speaks of no more, or one that ends
/// within `warning`, which is time to make a new one and to hand it out.
#[must_use]
pub fn advisory(
    want: Option<&WantedKeys>,
    have: &[AwsKey],
    recorded: &[SshPublicKeyStatus],
    now: Timestamp,
    warning: SignedDuration,
) -> Option<Reason> {
    if have.is_empty() {
        let expired = want.map_or(&[][..], |want| &want.expired);
        let why = ends(expired, now).map(|ended| format!("; expired: {ended}")).unwrap_or_default();
        return Some(Reason::new(reasons::NO_KEYS, format!("the user has no SSH public key and cannot log in{why}")));
    }
    let Some(want) = want else { return left_behind(have, recorded) };
    let soon = now.checked_add(warning).unwrap_or(Timestamp::MAX);
    ends(&want.keys, soon)
        .map(|ending| Reason::new(reasons::KEYS_EXPIRING, format!("SSH public keys expire soon: {ending}")))
}

/// A spec without lists of keys leaves all keys alone, so whoever takes the lists out to revoke a key revokes nothing.
fn left_behind(have: &[AwsKey], recorded: &[SshPublicKeyStatus]) -> Option<Reason> {
    let ours = have.iter().filter(|key| managed(recorded, key));
    let names: Vec<String> =
        ours.map(|key| PublicKey::parse(&key.body).map_or_else(|_| key.id.clone(), |key| key.fingerprint())).collect();
    (!names.is_empty()).then(|| {
        let message = format!(
            "sshPublicKeys and sshPublicKeysFrom left the spec, and SSH public keys that this object imported still log \
             in: {}. `sshPublicKeys: []` takes them away",
            names.join(", ")
        );
        Reason::new(reasons::KEYS_LEFT_BEHIND, message)
    })
}

/// Those of the keys that end until then, the first to end first.
fn ends(keys: &[WantedSshKey], until: Timestamp) -> Option<String> {
    let end = |wanted: &WantedSshKey| {
        let WantedSshKey { key, field, expires_at } = wanted;
        expires_at.filter(|end| *end <= until).map(|end| (end, format!("{field} ({}) at {end}", key.fingerprint())))
    };
    let mut ending: Vec<(Timestamp, String)> = keys.iter().filter_map(end).collect();
    ending.sort();
    let told: Vec<String> = ending.into_iter().map(|(_, told)| told).collect();
    (!told.is_empty()).then(|| told.join(", "))
}

/// Whether this object put it there: by the id that AWS gave it, or by what it is where that id was not known yet.
fn managed(recorded: &[SshPublicKeyStatus], key: &AwsKey) -> bool {
    let fingerprint = || PublicKey::parse(&key.body).ok().map(|key| key.fingerprint());
    let same = |row: &SshPublicKeyStatus| match &row.id {
        Some(id) => *id == key.id,
        None => row.fingerprint.is_some() && row.fingerprint == fingerprint(),
    };
    recorded.iter().any(|row| row.managed && same(row))
}

fn holds(keys: &[WantedSshKey], key: &AwsKey) -> bool {
    identity(key).is_some_and(|identity| keys.iter().any(|wanted| wanted.key.identity() == identity))
}

/// `None` for what AWS holds in a form that nobody could list here.
fn identity(key: &AwsKey) -> Option<KeyIdentity> {
    PublicKey::parse(&key.body).ok().map(|key| key.identity())
}

#[cfg(test)]
#[path = "ssh_keys_tests.rs"]
mod tests;
