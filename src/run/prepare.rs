//! What must be there before the operator can work: CRDs, the id of the cluster, filled caches.

use std::time::Duration;

use futures::future::{Either, select};
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, ResourceExt};

use super::PATIENCE;
use crate::api;
use crate::cluster::store::Stores;
use crate::engine::controller::Signal;

/// Waits for what must be there before anything else; answers with the id of the cluster, or nothing where the
/// process is to end first.
pub async fn prepare(cluster_id: Option<String>, client: &Client, stop: Signal) -> Option<String> {
    until(stop.clone(), || missing_crds(client)).await?;
    match cluster_id {
        Some(id) => Some(id),
        None => until(stop, || kube_system_uid(client)).await,
    }
}

/// Tries until it succeeds, saying each new reason once.
async fn until<T, F: Future<Output = Result<T, String>>>(stop: Signal, attempt: impl Fn() -> F) -> Option<T> {
    let mut told = None;
    loop {
        // An API server that does not answer holds nobody up who wants to end.
        match select(Box::pin(attempt()), stop.clone()).await {
            Either::Right(_) => return None,
            Either::Left((Ok(value), _)) => return Some(value),
            Either::Left((Err(reason), _)) => {
                if told.as_ref() != Some(&reason) {
                    tracing::warn!("waiting: {reason}");
                    told = Some(reason);
                }
            }
        }
        if tokio::time::timeout(PATIENCE, stop.clone()).await.is_ok() {
            return None;
        }
    }
}

async fn missing_crds(client: &Client) -> Result<(), String> {
    let group = format!("{}/{}", api::GROUP, api::VERSION);
    let served = match client.list_api_group_resources(&group).await {
        Ok(list) => list.resources,
        // Of a group that it does not know the server speaks in plain text, which has no reason.
        Err(kube::Error::Api(status)) if status.code == 404 => Vec::new(),
        Err(error) => return Err(format!("the API server does not say what it serves: {error}")),
    };
    let missing: Vec<String> = api::all_crds()
        .iter()
        .map(|crd| crd.spec.names.plural.clone())
        .filter(|plural| !served.iter().any(|resource| resource.name == *plural))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!(
        "the CRDs {} ({group}) are not installed; install them, for example with `transfer-operator crds | kubectl apply --server-side -f -`",
        missing.join(", ")
    ))
}

async fn kube_system_uid(client: &Client) -> Result<String, String> {
    let namespace = Api::<Namespace>::all(client.clone())
        .get("kube-system")
        .await
        .map_err(|error| format!("cannot read namespace kube-system, whose UID identifies the cluster: {error}"))?;
    namespace.uid().ok_or_else(|| "namespace kube-system has no UID".to_owned())
}

/// Waits until all caches are filled; nothing where the process is to end first.
pub(super) async fn filled(stores: &Stores, stop: Signal) -> Option<()> {
    loop {
        if stores.missing().is_empty() {
            return Some(());
        }
        if tokio::time::timeout(Duration::from_millis(50), stop.clone()).await.is_ok() {
            return None;
        }
    }
}
