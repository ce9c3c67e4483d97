//! `TransferWorkflow`: found again by its tags, made anew where anything but tags differs, deleted once no server of
//! ours uses it.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::deps::Deps;
use super::registration::{Registration, Traces};
use super::resolve;
use super::tag_index::{TagIndex, TaggedResource};
use super::trigger::Trigger;
use super::uses::Use;
use super::{standalone, tags, workflow_ref};
use crate::api::condition::reasons;
use crate::api::status::Applied;
use crate::api::workflow::WorkflowStep;
use crate::api::{AwsIdentity, Managed, TransferWorkflow, TransferWorkflowSpec, TransferWorkflowStatus};
use crate::aws::transfer::{
    CreateWorkflow, DeleteWorkflow, DescribeWorkflow, ListWorkflows, Tags, Workflow, WorkflowSettings,
};
use crate::aws::{Account, AwsError, AwsErrorKind, Mutation};
use crate::cluster::Lister;
use crate::cluster::store::StoreChange;
use crate::engine::approval::{Approved, approved};
use crate::engine::decide::Words;
use crate::engine::diff::{Change, Effect};
use crate::engine::digest::hash;
use crate::engine::found_by::{FoundBy, TagLookup, Tagged};
use crate::engine::kind::{
    Described, Kind, KindStatus, Pending, Plan, ReconcileError, Resolved, ResourceState, Target, Wanted,
};
use crate::engine::owner::Owner;
use crate::engine::reason::Reason;

/// What AWS takes where a copy or a decryption says nothing of a file that is there already.
const OVERWRITE: &str = "FALSE";

/// What AWS takes where a step says nothing of its file.
const SOURCE: &str = "${previous.file}";

/// The kind of workflows.
pub struct Workflows {
    deps: Arc<Deps>,
    tag_index: Arc<TagIndex<TaggedWorkflows>>,
}

/// Workflows, as they are found by their tags.
#[derive(Debug)]
pub struct TaggedWorkflows;

#[async_trait]
impl TaggedResource for TaggedWorkflows {
    const LISTING: &'static str = "ListWorkflows";

    async fn list(account: &Account) -> Result<Vec<String>, AwsError> {
        Ok(account.list(ListWorkflows { token: None }).await?.into_iter().map(|row| row.workflow_id).collect())
    }

    async fn tags(account: &Account, id: &str) -> Result<Tags, AwsError> {
        Ok(account.read(DescribeWorkflow { workflow_id: id.to_owned() }).await?.tags)
    }
}

/// What is wanted of a workflow.
#[derive(Clone, Debug)]
pub struct WantedWorkflow {
    /// What it is made with.
    pub settings: WorkflowSettings,
    /// Tags, without owner tags.
    pub tags: Tags,
}

impl Workflows {
    /// The kind behind these doors.
    #[must_use]
    pub fn new(deps: Arc<Deps>) -> Self {
        Self { deps, tag_index: Arc::default() }
    }
}

/// The spec in AWS's members.
fn settings(spec: &TransferWorkflowSpec) -> WorkflowSettings {
    WorkflowSettings {
        description: spec.description.clone(),
        steps: spec.steps.clone(),
        on_exception_steps: spec.on_exception_steps.clone(),
        structured_log_destinations: spec.structured_log_destinations.clone(),
    }
}

/// Settings as they are compared: what AWS fills in by itself is filled in, what is empty is absent, and order counts
/// where it means something.
fn comparable(settings: &WorkflowSettings) -> [(&'static str, Value); 4] {
    let WorkflowSettings { description, steps, on_exception_steps, structured_log_destinations } = settings;
    let filled = |steps: &[WorkflowStep]| json!(steps.iter().cloned().map(filled).collect::<Vec<_>>());
    let destinations: BTreeSet<&String> = structured_log_destinations.iter().flatten().collect();
    [
        ("description", json!(description.as_deref().filter(|text| !text.is_empty()))),
        ("steps", filled(steps)),
        ("onExceptionSteps", filled(on_exception_steps.as_deref().unwrap_or_default())),
        ("structuredLogDestinations", json!(destinations)),
    ]
}

/// A step with what AWS takes where it says nothing.
fn filled(mut step: WorkflowStep) -> WorkflowStep {
    let WorkflowStep {
        r#type: _,
        copy_step_details: copy,
        custom_step_details: custom,
        delete_step_details: delete,
        tag_step_details: tag,
        decrypt_step_details: decrypt,
    } = &mut step;
    let overwrites = [
        copy.as_mut().map(|details| &mut details.overwrite_existing),
        decrypt.as_mut().map(|details| &mut details.overwrite_existing),
    ];
    for overwrite in overwrites.into_iter().flatten() {
        overwrite.get_or_insert_with(|| OVERWRITE.to_owned());
    }
    if let Some(tags) = tag.as_mut().and_then(|details| details.tags.as_mut()) {
        tags.sort_by(|one, other| one.key.cmp(&other.key));
    }
    let sources = [
        copy.as_mut().map(|details| &mut details.source_file_location),
        custom.as_mut().map(|details| &mut details.source_file_location),
        delete.as_mut().map(|details| &mut details.source_file_location),
        tag.as_mut().map(|details| &mut details.source_file_location),
        decrypt.as_mut().map(|details| &mut details.source_file_location),
    ];
    for source in sources.into_iter().flatten() {
        source.get_or_insert_with(|| SOURCE.to_owned());
    }
    step
}

/// What one spec in the place of another would change, beside [`PREVIEWED`] nothing.
#[must_use]
pub fn preview(new: &TransferWorkflowSpec, old: &TransferWorkflowSpec) -> Vec<Change> {
    replaced(&settings(new), &settings(old))
}

/// The members of a spec that [`preview`] compares.
pub const PREVIEWED: [&str; 4] = ["description", "steps", "onExceptionSteps", "structuredLogDestinations"];

/// What differs and AWS cannot change. What left the spec differs as well: nobody but us made it, so all that it has
/// was once in the spec.
fn replaced(want: &WorkflowSettings, have: &WorkflowSettings) -> Vec<Change> {
    let pairs = comparable(want).into_iter().zip(comparable(have));
    let differing = pairs.filter(|((_, want), (_, have))| want != have);
    let change = |((path, want), (_, have)): ((&str, Value), (&str, Value))| Change {
        path: path.to_owned(),
        have,
        want,
        effect: Effect::Replace,
    };
    differing.map(change).collect()
}

#[async_trait]
impl Kind for Workflows {
    type Object = TransferWorkflow;
    type TargetDetail = Arc<AwsIdentity>;
    type Want = WantedWorkflow;
    type Have = Workflow;

    const WORDS: Words =
        Words { noun: TransferWorkflow::NOUN, parent: "", taken: "", anew: "another id, which servers have to name" };

    fn found_by(&self) -> FoundBy<'_, TransferWorkflow, Arc<AwsIdentity>> {
        FoundBy::Tags(self)
    }

    async fn resolve(&self, object: &TransferWorkflow) -> Result<Resolved<Arc<AwsIdentity>>, ReconcileError> {
        let spec = &object.spec;
        resolve::resolved(standalone::place(&self.deps, object, &spec.aws_identity_ref, &spec.region).await)
    }

    async fn want(
        &self,
        object: &TransferWorkflow,
        target: &Target<Arc<AwsIdentity>>,
        _now: Timestamp,
    ) -> Result<Wanted<WantedWorkflow>, ReconcileError> {
        let want = WantedWorkflow {
            settings: settings(&object.spec),
            tags: tags::wanted(&object.spec.tags, &target.identity_tags),
        };
        let blocks = tags::unfit(&want.tags).into_iter().collect();
        let applied = Applied { tags: want.tags.keys().cloned().collect(), ..Applied::default() };
        let digest = hash(&json!([want.settings, want.tags]).to_string());
        Ok(Wanted { want, blocks, faults: Vec::new(), applied, changes_at: None, operation: None, digest })
    }

    async fn describe(
        &self,
        object: &TransferWorkflow,
        target: &Target<Arc<AwsIdentity>>,
    ) -> Result<Described<Workflow>, AwsError> {
        let Some(workflow_id) = standalone::key(object) else { return Ok(Described::NoKey) };
        // What was seen is noted for the servers that name this object.
        let (account, seen) = (&target.account, self.deps.workflows.owners());
        match account.read(DescribeWorkflow { workflow_id: workflow_id.clone() }).await {
            Ok(workflow) => {
                seen.note(account, &workflow_id, Some(&workflow.tags));
                Ok(Described::Found(*workflow))
            }
            Err(fault) if fault.kind == AwsErrorKind::NotFound => {
                seen.note(account, &workflow_id, None);
                Ok(Described::Missing)
            }
            Err(fault) => Err(fault),
        }
    }

    fn create(
        &self,
        _: &TransferWorkflow,
        _: &Target<Arc<AwsIdentity>>,
        wanted: &Wanted<WantedWorkflow>,
        owner_tags: &Tags,
    ) -> Mutation {
        let WantedWorkflow { settings, tags } = wanted.want.clone();
        let tags = tags.into_iter().chain(owner_tags.clone()).collect();
        Mutation::CreateWorkflow(Box::new(CreateWorkflow { settings, tags }))
    }

    fn plan(
        &self,
        object: &TransferWorkflow,
        _: &Target<Arc<AwsIdentity>>,
        wanted: &Wanted<WantedWorkflow>,
        have: &Workflow,
        owner: &Owner,
        _: Timestamp,
    ) -> Plan {
        let WantedWorkflow { settings, tags } = &wanted.want;
        let applied = object.status.as_ref().and_then(|status| status.common.applied.clone()).unwrap_or_default();
        let keys = applied.tags.into_iter().collect();
        let mut changes = replaced(settings, &have.settings);
        let pending = match approved(object, &changes, None) {
            Approved::Missing(reason) => Some(Pending { reason, changes: changes.clone(), due: None }),
            Approved::NotNeeded | Approved::Given(_) => None,
        };
        changes.extend(tags::changes(tags, &have.tags, &keys));
        let calls = tags::calls(&have.arn, tags, owner, &have.tags, &keys);
        Plan { changes, calls, pending, ..Plan::default() }
    }

    fn fill_status(
        &self,
        status: &mut TransferWorkflowStatus,
        _: &Target<Arc<AwsIdentity>>,
        _: Option<&Wanted<WantedWorkflow>>,
        have: &Workflow,
    ) {
        status.workflow_id = Some(have.workflow_id.clone());
        status.arn = Some(have.arn.clone());
    }

    fn delete(&self, _: &TransferWorkflow, _: &Target<Arc<AwsIdentity>>, id: Option<&str>) -> Mutation {
        Mutation::DeleteWorkflow(DeleteWorkflow { workflow_id: id.unwrap_or_default().to_owned() })
    }

    fn arn(&self, _: &TransferWorkflow, target: &Target<Arc<AwsIdentity>>, id: Option<&str>) -> Option<String> {
        id.map(|id| standalone::arn(target, "workflow", id))
    }
}

#[async_trait]
impl Tagged<TransferWorkflow, Arc<AwsIdentity>> for Workflows {
    fn lookup(&self) -> &dyn TagLookup {
        &self.tag_index
    }

    fn adopts(&self, object: &TransferWorkflow, target: &Target<Arc<AwsIdentity>>) -> Option<String> {
        standalone::adopts(&self.deps, object, &target.detail)
    }

    fn set_id(&self, status: &mut TransferWorkflowStatus, target: &Target<Arc<AwsIdentity>>, id: &str) {
        status.workflow_id = Some(id.to_owned());
        status.arn = Some(standalone::arn(target, "workflow", id));
    }

    async fn deletion_blockers(
        &self,
        object: &TransferWorkflow,
        _: &Target<Arc<AwsIdentity>>,
        id: Option<&str>,
    ) -> Result<Option<String>, ReconcileError> {
        workflow_ref::deletion_blockers(&self.deps, object, id).await
    }
}

impl KindStatus for TransferWorkflowStatus {
    fn confirmed(&self) -> bool {
        self.workflow_id.is_some()
    }

    fn id(&self) -> Option<&str> {
        self.workflow_id.as_deref()
    }

    /// All that is shown leads there.
    fn vanished(&mut self) {}
}

impl ResourceState for Workflow {
    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }

    fn ready_reason(&self) -> Reason {
        Reason::new(reasons::AVAILABLE, format!("workflow {} exists", self.workflow_id))
    }

    /// AWS lists no more than the id and the description.
    fn listed(&self) -> Option<String> {
        None
    }
}

impl Registration for TransferWorkflow {
    type Reconciler = Workflows;

    const TRACES: Traces = Traces::of::<TaggedWorkflows>(&["/status/workflowId", "/status/replacing/oldId"]);

    fn reconciler(deps: Arc<Deps>) -> Workflows {
        Workflows::new(deps)
    }

    fn uses(&self, _: &dyn Lister) -> Use {
        Use::of(self, &self.spec.region, Vec::new(), Vec::new())
    }

    /// The servers that name it, when what they need of it changes.
    fn triggers(change: &StoreChange<Self>, lister: &dyn Lister) -> Vec<Trigger> {
        workflow_ref::triggers(change, lister)
    }
}

#[cfg(test)]
#[path = "workflow_tests.rs"]
mod tests;
