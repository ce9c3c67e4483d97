//! Workflows that servers name by their objects: which id a server may be given, and who keeps a workflow in use.
//!
//! As [`named_by`] has it; but what is not known yet holds up one list of the server and not the server, so nothing is read
//! for it here: the workflow's own reconcile does.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kube::ResourceExt;

use super::affected;
use super::deps::{Deps, OwnersSeen, WorkflowsSeen};
use super::grants::Asker;
use super::named_by::{self, From};
use super::trigger::Trigger;
use super::{referrers, resolve, server_ref};
use crate::api::condition::{self, reasons, types};
use crate::api::namespaces::NamespaceSelection;
use crate::api::shapes;
use crate::api::status::CreatePhase;
use crate::api::{Managed, ManagedKind, TransferServer, TransferWorkflow, TransferWorkflowStatus};
use crate::aws::Account;
use crate::aws::transfer::{ServerSettings, WorkflowDetail, WorkflowDetails};
use crate::cluster::references::Reference;
use crate::cluster::store::StoreChange;
use crate::cluster::{Lister, Name, Object};
use crate::engine::kind::ReconcileError;
use crate::engine::reason::Reason;

/// The workflows of a server's spec.
#[derive(Debug, Default)]
pub struct Named {
    /// In AWS's terms. One whose id is not known stands there by the name of its object, so that the difference is seen.
    pub details: Option<WorkflowDetails>,
    /// Paths that must not be sent yet, and why.
    pub held: BTreeMap<String, Reason>,
}

/// The workflows that the spec of a server names, where it lives.
#[must_use]
pub fn named(deps: &Deps, server: &TransferServer, account: &Account) -> Named {
    let Some(shapes::WorkflowDetails { on_upload, on_partial_upload }) = &server.spec.workflow_details else {
        return Named::default();
    };
    let namespace = server.namespace().unwrap_or_default();
    let labels = resolve::labels(deps, &namespace);
    let asker = Asker { kind: ManagedKind::TransferServer, namespace: &namespace, labels: &labels };
    let from = From { asker: &asker, account };
    let mut held = BTreeMap::new();
    let mut list = |path: &str, listed: Option<&Vec<shapes::WorkflowDetail>>| {
        let detail = |shapes::WorkflowDetail { workflow_ref, workflow_id, execution_role }: &shapes::WorkflowDetail| {
            let (workflow_id, why) = match workflow_ref {
                None => by_id(deps, from, workflow_id.clone().unwrap_or_default()),
                Some(reference) => by_reference(deps, from, &Name::of(reference, &namespace)),
            };
            if let Some(why) = why {
                let why = resolve::of_field(&format!("spec.{path}"), &why);
                held.entry(path.to_owned()).or_insert(why);
            }
            WorkflowDetail { workflow_id, execution_role: execution_role.clone() }
        };
        listed.map(|listed| listed.iter().map(detail).collect())
    };
    let details = WorkflowDetails {
        on_upload: list("workflowDetails.onUpload", on_upload.as_ref()),
        on_partial_upload: list("workflowDetails.onPartialUpload", on_partial_upload.as_ref()),
    };
    Named { details: Some(details), held }
}

/// A workflow that is named by its id, and why it must not be sent. What no object stands for is AWS's and the passed
/// role's to judge.
fn by_id(deps: &Deps, from: From<'_>, id: String) -> (String, Option<Reason>) {
    let why = named_by::by_id::<TransferWorkflow>(deps, from, &id).err();
    (id, why)
}

/// The id of the workflow that an object stands for, and why it must not be sent yet. Where no id is known, the object's
/// name stands for it.
fn by_reference(deps: &Deps, from: From<'_>, name: &Name) -> (String, Option<Reason>) {
    let From { asker, account } = from;
    let unknown = format!("{} {name}", ManagedKind::TransferWorkflow.name());
    let waits = |message: String| Some(Reason::new(reasons::DEPENDENCY_NOT_READY, message));
    let found = deps.lister.get::<TransferWorkflow>(name);
    let exists = found.is_some();
    let Some(object) = found.filter(|object| named_by::admits(object.as_ref(), asker)) else {
        let message = server_ref::unavailable(ManagedKind::TransferWorkflow, name, asker, exists);
        return (unknown, waits(message));
    };
    if let Some(where_it_is) = named_by::elsewhere(object.as_ref(), account) {
        let message = format!("{unknown} {where_it_is}");
        return (unknown, Some(Reason::stalled(reasons::INVALID_SPEC, message)));
    }
    let Some(id) = object.status.as_ref().and_then(TransferWorkflowStatus::in_force) else {
        let message = format!("{unknown} has no id yet");
        return (unknown, waits(message));
    };
    if object.metadata.deletion_timestamp.is_some() {
        return (id.to_owned(), waits(format!("{unknown} is being deleted and takes no server")));
    }
    let ours = named_by::seen_owned(deps, account, object.as_ref(), id);
    let message = || format!("workflow {id} was not seen with the owner tags of {unknown} (yet)");
    (id.to_owned(), (!ours).then(message).and_then(waits))
}

impl named_by::Named for TransferWorkflow {
    fn region(&self) -> &str {
        &self.spec.region
    }

    fn admitted(&self) -> &NamespaceSelection {
        &self.spec.allowed_references.namespaces
    }

    fn seen(deps: &Deps) -> &OwnersSeen {
        deps.workflows.owners()
    }
}

/// The workflows that AWS shows on a server.
#[must_use]
pub fn ids(settings: &ServerSettings) -> BTreeSet<String> {
    let lists = settings.workflow_details.iter().flat_map(|details| [&details.on_upload, &details.on_partial_upload]);
    lists.flatten().flatten().map(|detail| detail.workflow_id.clone()).collect()
}

/// Who keeps the workflow with this id in use, by name. Of one that is deleted as a whole these are all servers that name
/// the object or the id, by a live list, and those that show it; naming it in vain, as it does not admit their namespace,
/// is none, once they were looked at. Of one that was replaced, those that show it, and those
/// that name the object and were not looked at since this process began.
///
/// # Errors
/// Trouble with the API server.
pub async fn deletion_blockers(
    deps: &Deps,
    object: &TransferWorkflow,
    id: Option<&str>,
) -> Result<Option<String>, ReconcileError> {
    let mut servers = id.map(|id| showing(deps.lister.as_ref(), &deps.workflows, id)).unwrap_or_default();
    if object.metadata.deletion_timestamp.is_some() {
        let in_vain = |other: &dyn Object| in_vain(deps, object, other);
        servers.extend(referrers::told_apart(deps.cluster.as_ref(), object, id, in_vain).await?.0);
        let naming =
            format!("name another workflow in spec.workflowDetails, or go, first: {}", referrers::shown(&servers));
        let sentence = match servers.len() {
            0 => None,
            1 => Some(format!("1 server must {naming}")),
            many => Some(format!("{many} servers must {naming}")),
        };
        return Ok(sentence);
    }
    servers.extend(not_looked_at(deps.lister.as_ref(), &deps.workflows, &Name::from(&object.metadata), id));
    Ok((!servers.is_empty()).then(|| referrers::shown(&servers)))
}

/// Whether this is a server that may not use the workflow, and has none of AWS's that was not looked at.
fn in_vain(deps: &Deps, object: &TransferWorkflow, other: &dyn Object) -> bool {
    let any: &dyn Any = other;
    let Some(server) = any.downcast_ref::<TransferServer>() else { return false };
    let namespace = server.namespace().unwrap_or_default();
    let labels = resolve::labels(deps, &namespace);
    let asker = Asker { kind: ManagedKind::TransferServer, namespace: &namespace, labels: &labels };
    let unknown = may_exist(server) && !deps.workflows.looked_at(&server.uid().unwrap_or_default());
    !named_by::admits(object, &asker) && !unknown
}

/// Servers that show this workflow and still have an object.
fn showing(lister: &dyn Lister, seen: &WorkflowsSeen, id: &str) -> BTreeSet<String> {
    let lives =
        |uid: &String, name: &Name| lister.get::<TransferServer>(name).is_some_and(|it| it.uid().as_ref() == Some(uid));
    seen.showing(id).into_iter().filter(|(uid, name)| lives(uid, name)).map(|(_, name)| told(&name)).collect()
}

/// Servers that name it, may be in AWS, and were not looked at: what they show is not known.
fn not_looked_at(lister: &dyn Lister, seen: &WorkflowsSeen, workflow: &Name, id: Option<&str>) -> BTreeSet<String> {
    let kind = ManagedKind::TransferWorkflow;
    let object = Reference::Object(kind, workflow.clone());
    let references = [object].into_iter().chain(id.map(|id| Reference::Id(kind, id.to_owned())));
    let servers = references.flat_map(|reference| lister.by::<TransferServer>(&reference));
    let unknown = servers.filter(|server| may_exist(server) && !seen.looked_at(&server.uid().unwrap_or_default()));
    unknown.map(|server| told(&Name::from(&server.metadata))).collect()
}

/// Whether AWS may have the server.
fn may_exist(server: &TransferServer) -> bool {
    server.status.as_ref().is_some_and(|status| {
        let create = status.common.create.as_ref();
        status.server_id.is_some() || create.is_some_and(|create| create.phase == CreatePhase::InFlight)
    })
}

fn told(server: &Name) -> String {
    format!("{} {server}", ManagedKind::TransferServer.name())
}

/// The servers that name a workflow, when what they need of it changes.
#[must_use]
pub fn triggers(change: &StoreChange<TransferWorkflow>, lister: &dyn Lister) -> Vec<Trigger> {
    if change.was().map(facts) == change.is().map(facts) {
        return Vec::new();
    }
    let kind = ManagedKind::TransferWorkflow;
    let named = affected::all_referring(lister, &Reference::Object(kind, change.name.clone()));
    // And those that name it by an id that is, or was, its own.
    let both = [change.was(), change.is()].into_iter().flatten().flat_map(TransferWorkflow::references);
    let ids = both.filter(|reference| matches!(reference, Reference::Id(of, _) if *of == kind));
    let servers = ids.flat_map(|id| lister.by::<TransferServer>(&id));
    let wake =
        |server: Arc<TransferServer>| Trigger::managed((ManagedKind::TransferServer, Name::from(&server.metadata)));
    named.into_iter().chain(servers.map(wake)).collect::<BTreeSet<_>>().into_iter().collect()
}

/// What servers need to know of a workflow object.
fn facts(workflow: &TransferWorkflow) -> impl PartialEq {
    let status = workflow.status.as_ref();
    (
        status.and_then(TransferWorkflowStatus::in_force).map(str::to_owned),
        // It was looked at: its tags are known.
        status.is_some_and(|status| condition::is_true(&TransferWorkflow::common(status).conditions, types::READY)),
        status.and_then(|status| status.common.account_id.clone()),
        workflow.metadata.uid.clone(),
        workflow.metadata.deletion_timestamp.is_some(),
        workflow.spec.region.clone(),
        workflow.spec.allowed_references.clone(),
    )
}

#[cfg(test)]
#[path = "workflow_ref_tests.rs"]
mod tests;
