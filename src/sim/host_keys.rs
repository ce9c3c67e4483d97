//! Host keys of servers. A private key is parsed once, for its public half, and never kept.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::config::Leniency;
use super::error::{Answer, ApiError};
use super::model::{HostKey, Server, Tag};
use super::page::{self, PageInput};
use super::state::{Context, Region};
use super::tags;
use super::time::epoch;
use super::wire::joined;
use crate::ssh::{self, PublicKey};

/// What is said of a key beside the key itself.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "they are AWS's names")]
pub struct KeyOptions {
    pub description: Option<String>,
    pub storage_type: Option<String>,
    pub kms_key: Option<String>,
    pub tags: Option<Vec<Tag>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ImportInput {
    server_id: String,
    host_key_body: String,
    #[serde(flatten)]
    options: KeyOptions,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateInput {
    server_id: String,
    host_key_id: String,
    #[serde(flatten)]
    options: KeyOptions,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NameInput {
    server_id: String,
    host_key_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListInput {
    server_id: String,
    #[serde(flatten)]
    page: PageInput,
}

/// Where AWS keeps the private half unless told otherwise.
const OWN_STORE: &str = "SERVICE_MANAGED";

/// The key of a private key's text, without the text.
///
/// # Errors
/// `Invalid host key format`.
pub fn parsed(body: &str) -> Answer<PublicKey> {
    ssh::public_of_private(body).map_err(|_| ApiError::invalid("Invalid host key format"))
}

/// The key that the service makes for a server that brings none.
///
/// # Errors
/// `InternalServiceError` if the library refuses to make a key, which it does not.
pub fn generated(context: &mut Context<'_>) -> Answer<PublicKey> {
    let failed = || ApiError::new("InternalServiceError", "cannot generate a host key");
    let seed: [u8; 32] = context.random.bytes();
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| failed())?;
    let mut blob = Vec::new();
    for part in [b"ssh-ed25519", pair.public_key().as_ref()] {
        let length = u32::try_from(part.len()).map_err(|_| failed())?;
        blob.extend_from_slice(&length.to_be_bytes());
        blob.extend_from_slice(part);
    }
    PublicKey::parse(&format!("ssh-ed25519 {}", STANDARD.encode(blob))).map_err(|_| failed())
}

/// A host key as it is kept.
///
/// # Errors
/// Options that do not go together.
pub fn made(key: &PublicKey, options: KeyOptions, context: &mut Context<'_>) -> Answer<HostKey> {
    let tags = options.tags.clone().unwrap_or_default();
    tags::check(&tags, context)?;
    let mut made = HostKey {
        host_key_id: context.random.id("hostkey"),
        host_key_fingerprint: fingerprint(key),
        r#type: key.algorithm().to_owned(),
        description: None,
        date_imported: context.now,
        tags,
        storage_type: OWN_STORE.to_owned(),
        kms_key: None,
        secret_id: None,
    };
    apply(&mut made, options, context)?;
    Ok(made)
}

/// Adds a key to a server.
///
/// # Errors
/// A key that is there already, or one too many.
pub fn add(server: &mut Server, key: HostKey, context: &mut Context<'_>) -> Answer<()> {
    if let Some(held) = same_key(server, &key.host_key_fingerprint) {
        return Err(ApiError::exists("Host key already exists", &held.host_key_id, "HostKey"));
    }
    let limit = context.config.quotas.host_keys;
    if server.host_keys.len() >= limit {
        return Err(context.config.full("HostKeysPerServer", limit));
    }
    server.host_keys.push(key);
    context.changed = true;
    Ok(())
}

/// The key of a server with that fingerprint.
#[must_use]
pub fn same_key<'s>(server: &'s Server, fingerprint: &str) -> Option<&'s HostKey> {
    let keys = &server.host_keys;
    keys.iter().find(|k| k.host_key_fingerprint == fingerprint)
}

/// The fingerprint that `DescribeServer` shows: that of the oldest RSA key, else of the oldest.
#[must_use]
pub fn shown(server: &Server) -> Option<&str> {
    let keys = &server.host_keys;
    let rsa = keys.iter().find(|k| k.r#type == "ssh-rsa");
    rsa.or(keys.first()).map(|k| k.host_key_fingerprint.as_str())
}

/// AWS pads the base64, ssh-keygen does not.
#[must_use]
pub fn fingerprint(key: &PublicKey) -> String {
    format!("{}=", key.fingerprint())
}

/// `ImportHostKey`.
///
/// # Errors
/// What the operation refuses.
pub fn import(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let input: ImportInput = super::input::parse(input)?;
    let server = region.server_mut(&input.server_id)?;
    let key = parsed(&input.host_key_body)?;
    let key = made(&key, input.options, context)?;
    let id = key.host_key_id.clone();
    add(server, key, context)?;
    Ok(json!({"ServerId": input.server_id, "HostKeyId": id}))
}

/// `UpdateHostKey`.
///
/// # Errors
/// What the operation refuses.
pub fn update(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let input: UpdateInput = super::input::parse(input)?;
    let held = region.server_mut(&input.server_id)?.host_key_mut(&input.host_key_id)?;
    let mut next = held.clone();
    apply(&mut next, input.options, context)?;
    context.changed = *held != next;
    *held = next;
    Ok(json!({"ServerId": input.server_id, "HostKeyId": input.host_key_id}))
}

/// `DescribeHostKey`.
///
/// # Errors
/// What the operation refuses.
pub fn describe(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let input: NameInput = super::input::parse(input)?;
    let server = region.server(&input.server_id)?;
    let mut keys = server.host_keys.iter();
    let key = keys
        .find(|k| k.host_key_id == input.host_key_id)
        .ok_or_else(|| ApiError::unknown_host_key(&input.host_key_id))?;
    let more = json!({"HostKeyFingerprint": key.host_key_fingerprint, "Tags": key.tags});
    let described = joined(common(key, &input.server_id, context), more);
    Ok(json!({"HostKey": described}))
}

/// `DeleteHostKey`.
///
/// # Errors
/// What the operation refuses.
pub fn delete(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let input: NameInput = super::input::parse(input)?;
    let server = region.server_mut(&input.server_id)?;
    server.host_key_mut(&input.host_key_id)?;
    let last = server.host_keys.len() == 1;
    if last && context.config.delete_last_host_key == Leniency::Refuse {
        return Err(ApiError::invalid("The last host key of a server cannot be deleted"));
    }
    server.host_keys.retain(|k| k.host_key_id != input.host_key_id);
    context.changed = true;
    Ok(json!({}))
}

/// `ListHostKeys`.
///
/// # Errors
/// What the operation refuses.
pub fn list(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let input: ListInput = super::input::parse(input)?;
    let id = &input.server_id;
    let mut sorted: Vec<&HostKey> = region.server(id)?.host_keys.iter().collect();
    sorted.retain(|k| !region.hides(id, Some(&k.host_key_id), context.now));
    sorted.sort_by_key(|k| &k.host_key_id);
    let listing = format!("host-keys/{id}");
    let page = page::cut(&listing, &input.page, context, sorted.into_iter(), |k| &k.host_key_id)?;
    let listed = |key: &&HostKey| {
        let more = json!({"Fingerprint": key.host_key_fingerprint});
        joined(common(key, id, context), more)
    };
    let keys: Vec<Value> = page.items.iter().map(listed).collect();
    Ok(json!({"NextToken": page.next_token, "ServerId": id, "HostKeys": keys}))
}

/// The fingerprint has another name in a description than in a listing; the rest is the same.
fn common(key: &HostKey, server_id: &str, context: &Context<'_>) -> Value {
    json!({
        "Arn": context.arn(&format!("host-key/{server_id}/{}", key.host_key_id)),
        "HostKeyId": key.host_key_id,
        "Description": key.description,
        "Type": key.r#type,
        "DateImported": epoch(key.date_imported),
        "StorageType": key.storage_type,
        "SecretId": key.secret_id,
    })
}

/// Description, store and KMS key; a key that moves to Secrets Manager gets a secret, one that leaves loses it.
fn apply(key: &mut HostKey, options: KeyOptions, context: &mut Context<'_>) -> Answer<()> {
    if let Some(description) = options.description {
        key.description = Some(description).filter(|d| !d.is_empty());
    }
    key.storage_type = options.storage_type.unwrap_or(key.storage_type.clone());
    if key.storage_type == OWN_STORE {
        if options.kms_key.is_some() {
            return Err(ApiError::invalid("KmsKey can be specified only when StorageType is SECRETS_MANAGER"));
        }
        key.kms_key = None;
        key.secret_id = None;
        return Ok(());
    }
    key.kms_key = options.kms_key.or(key.kms_key.take());
    if key.secret_id.is_none() {
        let name = format!("secret:transfer/{}-{}", key.host_key_id, context.random.capitals(6));
        key.secret_id = Some(context.arn_of("secretsmanager", &name));
    }
    Ok(())
}

#[cfg(test)]
#[path = "host_keys_tests.rs"]
mod tests;
