//! What the process asks of servers: what they use their identity for, and whom their changes concern.

use std::future::ready;
use std::sync::Arc;

use futures::FutureExt;

use super::{Servers, TaggedServers};
use crate::api::condition::{self, reasons, types};
use crate::api::{ManagedKind, TransferServer};
use crate::aws::{Account, AwsError};
use crate::cluster::Lister;
use crate::cluster::references::Reference;
use crate::cluster::store::StoreChange;
use crate::kinds::affected;
use crate::kinds::deps::Deps;
use crate::kinds::registration::{Registration, Traces};
use crate::kinds::server_ref;
use crate::kinds::swept::Swept;
use crate::kinds::tag_index::TaggedResource;
use crate::kinds::trigger::Trigger;
use crate::kinds::uses::Use;

impl Registration for TransferServer {
    type Reconciler = Servers;

    const TRACES: Traces = Traces::Tagged {
        list: |account, swept| listed(account, swept).boxed(),
        tags: |account, swept, id| match swept.tags(account, id) {
            Some(tags) => ready(Ok(tags)).boxed(),
            None => TaggedServers::tags(account, id),
        },
        recorded: &["/status/serverId"],
    };

    fn reconciler(deps: Arc<Deps>) -> Servers {
        Servers::new(deps)
    }

    fn uses(&self, _: &dyn Lister) -> Use {
        let spec = &self.spec;
        let adopted = spec.lifecycle.adoption.as_ref().and_then(|adoption| adoption.server_id.clone());
        Use::of(self, &spec.region, super::roles(spec), adopted.into_iter().collect())
    }

    /// Its users and accesses, when what they need of it changes, and by and by when what they show of it does; when AWS
    /// no longer has it, or has it again, also those that name it by its id.
    fn triggers(change: &StoreChange<Self>, lister: &dyn Lister) -> Vec<Trigger> {
        let on_it = || {
            let named = Reference::Object(ManagedKind::TransferServer, change.name.clone());
            affected::all_referring(lister, &named)
        };
        let mut wakes = if change.was().map(facts) != change.is().map(facts) {
            on_it()
        } else if change.was().map(server_ref::shown) != change.is().map(server_ref::shown) {
            on_it().into_iter().map(Trigger::to_show).collect()
        } else {
            Vec::new()
        };
        let (was, is) = (change.was().and_then(gone), change.is().and_then(gone));
        if was != is {
            let seen = was.into_iter().chain(is).flat_map(|server_id| affected::on_server_seen(&server_id, lister));
            wakes.extend(seen);
        }
        wakes
    }
}

async fn listed(account: &Account, swept: &Swept) -> Result<Vec<String>, AwsError> {
    Ok(swept.list_servers(account).await?.into_iter().map(|row| row.server_id).collect())
}

/// What users and accesses need to know of its object.
fn facts(server: &TransferServer) -> impl PartialEq {
    let (spec, status) = (&server.spec, server.status.as_ref());
    (
        status.and_then(|status| status.server_id.clone()),
        // That there is a host name to show; another one is shown by and by.
        status.is_some_and(|status| status.endpoint.is_some()),
        server.metadata.uid.clone(),
        server.metadata.deletion_timestamp.is_some(),
        (spec.identity_provider_type.clone(), spec.region.clone(), spec.aws_identity_ref.clone()),
        spec.allowed_references.clone(),
    )
}

/// The id of a server that AWS no longer has.
fn gone(server: &TransferServer) -> Option<String> {
    let status = server.status.as_ref()?;
    let ready = condition::find(&status.common.conditions, types::READY)?;
    status.server_id.clone().filter(|_| ready.reason == reasons::SERVER_GONE)
}
