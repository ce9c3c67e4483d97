//! Host keys of a server: read from Secrets, known by their fingerprints, imported and removed by content.
//!
//! A private key leaves this file only inside a request to AWS; never in a text.

use std::collections::BTreeSet;

use kube::ResourceExt;
use secrecy::{ExposeSecret, SecretString};

use crate::api::condition::reasons;
use crate::api::server::{HostKey as HostKeySpec, HostKeyStatus};
use crate::api::{HOST_KEY_SECRET_TYPE, TransferServer};
use crate::aws::Mutation;
use crate::aws::types::{HostKey, ImportHostKey, Tags};
use crate::cluster::Name;
use crate::engine::kind::{Block, Trouble};
use crate::kinds::doors::Doors;
use crate::ssh;

use super::want::WantedServer;

/// A host key that the spec lists and that could be read.
#[derive(Clone, Debug)]
pub struct WantedKey {
    /// Name of the entry.
    pub name: String,
    /// The private key.
    pub body: SecretString,
    /// `SHA256:…` without padding.
    pub fingerprint: String,
    /// Description in AWS.
    pub description: Option<String>,
    /// Where AWS keeps it.
    pub storage_type: Option<String>,
    /// KMS key.
    pub kms_key: Option<String>,
    /// Tags.
    pub tags: Tags,
}

/// Reads the keys; one that cannot be read becomes a block and is left out.
///
/// # Errors
/// Trouble with the API server, other than that the Secret may not be read.
pub async fn read(doors: &Doors, object: &TransferServer, blocks: &mut Vec<Block>) -> Result<Vec<WantedKey>, Trouble> {
    let mut keys: Vec<WantedKey> = Vec::new();
    for spec in object.spec.host_keys.iter().flatten() {
        match read_one(doors, &object.namespace().unwrap_or_default(), spec).await {
            Ok(key) if keys.iter().any(|other| other.fingerprint == key.fingerprint) => {
                let message = format!("spec.hostKeys[{}]: the same key is listed twice", key.name);
                blocks.push(Block::stalled(reasons::INVALID_KEY, message));
            }
            Ok(key) => keys.push(key),
            Err(Trouble::Blocked(block)) => blocks.push(block),
            Err(Trouble::Cluster(crate::cluster::ClusterError::Forbidden(_))) => {
                let message = format!(
                    "spec.hostKeys[{}]: the operator may not read Secrets in this namespace; the chart's \
                     secrets.namespaces lists those it may",
                    spec.name
                );
                blocks.push(Block::stalled(reasons::SOURCE_NOT_READY, message));
            }
            Err(trouble) => return Err(trouble),
        }
    }
    Ok(keys)
}

async fn read_one(doors: &Doors, namespace: &str, spec: &HostKeySpec) -> Result<WantedKey, Trouble> {
    let HostKeySpec { name, secret_key_ref, description, tags, storage_type, kms_key } = spec;
    let secret_name = Name { namespace: namespace.to_owned(), name: secret_key_ref.name.clone() };
    let at = format!("spec.hostKeys[{name}]");
    let Some(mut secret) = doors.cluster.secret(&secret_name).await? else {
        let message = format!("{at}: Secret {secret_name} does not exist");
        return Err(Block::waiting(reasons::SOURCE_NOT_READY, message).into());
    };
    if secret.secret_type != HOST_KEY_SECRET_TYPE {
        let message =
            format!("{at}: Secret {secret_name} is of type {}, not {HOST_KEY_SECRET_TYPE}", secret.secret_type);
        return Err(Block::stalled(reasons::WRONG_SECRET_TYPE, message).into());
    }
    let Some(body) = secret.data.remove(&secret_key_ref.key) else {
        let message = format!("{at}: Secret {secret_name} has no text under key {}", secret_key_ref.key);
        return Err(Block::waiting(reasons::SOURCE_NOT_READY, message).into());
    };
    let public = ssh::public_of_private(body.expose_secret())
        .map_err(|error| Block::stalled(reasons::INVALID_KEY, format!("{at}: Secret {secret_name}: {error}")))?;
    Ok(WantedKey {
        name: name.clone(),
        body,
        fingerprint: public.fingerprint(),
        description: description.clone(),
        storage_type: storage_type.clone(),
        kms_key: kms_key.clone(),
        tags: tags.clone(),
    })
}

/// The calls that bring the host keys to what is wanted: imports, then changes, then removals.
#[must_use]
pub fn calls(server_id: &str, want: &WantedServer, have: &[HostKey], recorded: &[HostKeyStatus]) -> Vec<Mutation> {
    let Some(wanted) = &want.host_keys else { return Vec::new() };
    let find = |key: &WantedKey| {
        have.iter().find(|held| {
            held.fingerprint.as_deref().is_some_and(|held| ssh::fingerprints_equal(held, &key.fingerprint))
        })
    };
    let mut calls = Vec::new();
    let mut missing = false;
    for key in wanted {
        match find(key) {
            None => {
                missing = true;
                calls.push(Mutation::ImportHostKey(Box::new(import(server_id, key))));
            }
            Some(held) => calls.extend(change(server_id, key, held)),
        }
    }
    // New keys first: a client must always find one that it knows.
    if !missing && want.host_keys_complete {
        calls.extend(removals(server_id, want, wanted, have, recorded));
    }
    calls
}

fn import(server_id: &str, key: &WantedKey) -> ImportHostKey {
    ImportHostKey {
        server_id: server_id.to_owned(),
        body: key.body.clone(),
        description: key.description.clone(),
        storage_type: key.storage_type.clone(),
        kms_key: key.kms_key.clone(),
        tags: key.tags.clone(),
    }
}

fn change(server_id: &str, key: &WantedKey, held: &HostKey) -> Vec<Mutation> {
    let differs = |want: &Option<String>, have: &Option<String>| want.is_some() && want != have;
    let mut calls = Vec::new();
    let storage = differs(&key.storage_type, &held.storage_type);
    if differs(&key.description, &held.description) || storage {
        calls.push(Mutation::UpdateHostKey {
            server_id: server_id.to_owned(),
            host_key_id: held.id.clone(),
            description: key.description.clone().or_else(|| held.description.clone()),
            storage_type: key.storage_type.clone().filter(|_| storage),
            kms_key: key.kms_key.clone().filter(|_| storage),
        });
    }
    let missing: Tags =
        key.tags.iter().filter(|(k, v)| held.tags.get(*k) != Some(*v)).map(|(k, v)| (k.clone(), v.clone())).collect();
    if !missing.is_empty() {
        calls.push(Mutation::TagResource { arn: held.arn.clone(), tags: missing });
    }
    calls
}

fn removals(
    server_id: &str,
    want: &WantedServer,
    wanted: &[WantedKey],
    have: &[HostKey],
    recorded: &[HostKeyStatus],
) -> Vec<Mutation> {
    let listed: BTreeSet<&str> = wanted.iter().map(|key| key.fingerprint.as_str()).collect();
    let ours: BTreeSet<&str> = recorded.iter().filter(|key| key.managed).map(|key| key.id.as_str()).collect();
    let unlisted = have.iter().filter(|held| {
        let known =
            held.fingerprint.as_deref().is_some_and(|held| listed.iter().any(|key| ssh::fingerprints_equal(held, key)));
        !known && (want.exclusive_host_keys || ours.contains(held.id.as_str()))
    });
    let mut left = have.len();
    let mut calls = Vec::new();
    for held in unlisted {
        // The last key stays: what AWS would do without one is not known.
        if left > 1 {
            left -= 1;
            calls.push(Mutation::DeleteHostKey { server_id: server_id.to_owned(), host_key_id: held.id.clone() });
        }
    }
    calls
}

/// The host keys as status shows them.
#[must_use]
pub fn observed(want: Option<&WantedServer>, have: &[HostKey], recorded: &[HostKeyStatus]) -> Vec<HostKeyStatus> {
    let wanted = want.and_then(|want| want.host_keys.as_ref());
    let mut rows: Vec<HostKeyStatus> = have
        .iter()
        .map(|held| {
            let fingerprint = held.fingerprint.as_deref().map(|text| text.trim_end_matches('=').to_owned());
            let listed = wanted.into_iter().flatten().find(|key| Some(&key.fingerprint) == fingerprint.as_ref());
            let before = recorded.iter().find(|row| row.id == held.id);
            HostKeyStatus {
                id: held.id.clone(),
                name: listed.map(|key| key.name.clone()),
                fingerprint,
                r#type: held.key_type.clone(),
                active: oldest_of_type(held, have),
                managed: listed.is_some() || before.is_some_and(|row| row.managed),
            }
        })
        .collect();
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    rows
}

/// AWS shows clients the oldest key of each algorithm.
fn oldest_of_type(key: &HostKey, all: &[HostKey]) -> bool {
    all.iter()
        .filter(|other| other.key_type == key.key_type)
        .all(|other| (key.date_imported, &key.id) <= (other.date_imported, &other.id))
}
