//! The servers that take a partner's asynchronous answers: their ids, where they are this namespace's to name. An id counts
//! only once the owner tags of that very object were seen on it: whoever may write a status could else have the answers sent
//! to a server of somebody else's.

use kube::ResourceExt;

use crate::api::condition::reasons;
use crate::api::object_ref::ServerRef;
use crate::api::{ManagedKind, TransferConnector, TransferServer};
use crate::aws::Account;
use crate::cluster::Name;
use crate::engine::kind::ReconcileError;
use crate::engine::reason::Reason;
use crate::kinds::deps::Deps;
use crate::kinds::grants::Asker;
use crate::kinds::resolve::{self, Unresolved};
use crate::kinds::server_ref;

/// The ids of the servers that the spec names; nothing where it names none. Else why they are not known.
///
/// # Errors
/// Trouble in finding out.
pub async fn ids(
    deps: &Deps,
    object: &TransferConnector,
    account: &Account,
) -> Result<Result<Option<Vec<String>>, Reason>, ReconcileError> {
    let Some(config) = object.spec.as2_config.as_ref().and_then(|config| config.async_mdn_config.as_ref()) else {
        return Ok(Ok(None));
    };
    let mut ids = Vec::new();
    for (index, named) in config.server_refs.iter().enumerate() {
        match id(deps, object, account, named).await {
            // AWS keeps each once.
            Ok(id) if ids.contains(&id) => {}
            Ok(id) => ids.push(id),
            Err(Unresolved::NotReady(why)) => {
                let field = format!("spec.as2Config.asyncMdnConfig.serverRefs[{index}]");
                return Ok(Err(resolve::of_field(&field, &why)));
            }
            Err(Unresolved::Failed(trouble)) => return Err(trouble),
        }
    }
    Ok(Ok(Some(ids)))
}

async fn id(
    deps: &Deps,
    object: &TransferConnector,
    account: &Account,
    named: &ServerRef,
) -> Result<String, Unresolved> {
    let namespace = object.namespace().unwrap_or_default();
    let (name, labels) = (Name::named_by(named, &namespace), resolve::labels(deps, &namespace));
    let asker = Asker { kind: ManagedKind::TransferConnector, namespace: &namespace, labels: &labels };
    let found = deps.lister.get::<TransferServer>(&name);
    let exists = found.is_some();
    let waits = |message: String| Unresolved::from(Reason::new(reasons::DEPENDENCY_NOT_READY, message));
    let admits = |server: &TransferServer| {
        server.spec.allowed_references.namespaces.admits(&name.namespace, &namespace, &labels)
    };
    let Some(server) = found.filter(|server| admits(server)) else {
        return Err(waits(server_ref::unavailable(ManagedKind::TransferServer, &name, &asker, exists)));
    };
    let status = server.status.as_ref();
    let elsewhere = status.and_then(|status| status.common.recorded_account()).is_some_and(|its| *its != account.id);
    if server.spec.region != account.region || elsewhere {
        let message = format!("TransferServer {name} lives in another account or region than the connector");
        return Err(Reason::stalled(reasons::INVALID_SPEC, message).into());
    }
    let Some(id) = status.and_then(|status| status.server_id.clone()) else {
        return Err(waits(format!("TransferServer {name} has no id yet")));
    };
    if server.metadata.deletion_timestamp.is_some() {
        return Err(waits(format!("TransferServer {name} is being deleted")));
    }
    match server_ref::verify(deps, account, &id, &server).await? {
        Ok(_) => Ok(id),
        Err(_) => Err(waits(format!("server {id} does not carry the owner tags of TransferServer {name} (yet)"))),
    }
}
