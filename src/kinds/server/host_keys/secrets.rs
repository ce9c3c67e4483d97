//! Reads the host keys that a server lists from their Secrets. It decides nothing about what AWS has.

use kube::ResourceExt;
use secrecy::ExposeSecret;

use crate::api::condition::reasons;
use crate::api::server::HostKey as HostKeySpec;
use crate::api::{HOST_KEY_SECRET_TYPE, TransferServer};
use crate::cluster::{ClusterError, Name};
use crate::engine::kind::ReconcileError;
use crate::engine::reason::Reason;
use crate::kinds::deps::Deps;
use crate::kinds::resolve::Unresolved;
use crate::kinds::server::wanted::WantedHostKey;
use crate::ssh::{self, HostKey as PrivateKey};

/// Reads the keys; one that cannot be read becomes a block and is left out.
///
/// # Errors
/// Trouble with the API server, other than that the Secret may not be read.
pub async fn read(
    deps: &Deps,
    object: &TransferServer,
    blocks: &mut Vec<Reason>,
) -> Result<Vec<WantedHostKey>, ReconcileError> {
    let mut keys: Vec<WantedHostKey> = Vec::new();
    for spec in object.spec.host_keys.iter().flatten() {
        match read_one(deps, &object.namespace().unwrap_or_default(), spec).await {
            Ok(key) => match keys.iter().find(|other| other.fingerprint == key.fingerprint) {
                Some(first) => blocks.push(listed_twice(first, &key)),
                None => keys.push(key),
            },
            // Secrets are never watched.
            Err(Unresolved::NotReady(block)) => blocks.push(block.sought()),
            Err(Unresolved::Failed(ReconcileError::Cluster(ClusterError::Forbidden(_)))) => {
                let message = format!(
                    "spec.hostKeys[{}]: the operator may not read Secrets in this namespace; the chart's \
                     secrets.namespaces lists those it may",
                    spec.name
                );
                blocks.push(Reason::stalled(reasons::SOURCE_NOT_READY, message).sought());
            }
            Err(Unresolved::Failed(trouble)) => return Err(trouble),
        }
    }
    Ok(keys)
}

fn listed_twice(first: &WantedHostKey, second: &WantedHostKey) -> Reason {
    let message = format!(
        "spec.hostKeys[{}]: its Secret holds the same key as that of spec.hostKeys[{}]; take one of the entries out",
        second.name, first.name
    );
    Reason::stalled(reasons::INVALID_KEY, message).sought()
}

async fn read_one(deps: &Deps, namespace: &str, spec: &HostKeySpec) -> Result<WantedHostKey, Unresolved> {
    let HostKeySpec { name, secret_key_ref, description, tags, storage_type, kms_key } = spec;
    let secret_name = Name { namespace: namespace.to_owned(), name: secret_key_ref.name.clone() };
    let at = format!("spec.hostKeys[{name}]");
    let Some(mut secret) = deps.cluster.secret(&secret_name).await? else {
        let message = format!("{at}: Secret {secret_name} does not exist");
        return Err(Reason::new(reasons::SOURCE_NOT_READY, message).into());
    };
    if secret.secret_type != HOST_KEY_SECRET_TYPE {
        let given = secret.secret_type;
        let message = format!(
            "{at}: Secret {secret_name} is of type {given}, not {HOST_KEY_SECRET_TYPE}; the type of a Secret cannot be \
             changed, so delete it and make it anew with this type"
        );
        return Err(Reason::stalled(reasons::WRONG_SECRET_TYPE, message).into());
    }
    let key = &secret_key_ref.key;
    let Some(given) = secret.data.remove(key) else {
        let message = format!("{at}: Secret {secret_name} has nothing under key {key}");
        return Err(Reason::new(reasons::SOURCE_NOT_READY, message).into());
    };
    let invalid = |what: String| Reason::stalled(reasons::INVALID_KEY, format!("{at}: Secret {secret_name}{what}"));
    let given = given.map_err(|error| invalid(format!(": what it has under key {key} {error}")))?;
    let PrivateKey { public, pem } =
        ssh::host_key(given.expose_secret()).map_err(|error| invalid(format!(", key {key}: {error}")))?;
    Ok(WantedHostKey {
        name: name.clone(),
        body: pem,
        fingerprint: public.fingerprint(),
        public,
        description: description.clone(),
        storage_type: storage_type.clone(),
        kms_key: kms_key.clone(),
        kms_unsure: false,
        tags: tags.clone(),
    })
}
