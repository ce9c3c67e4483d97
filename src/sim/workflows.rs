//! Workflows: made, described, listed, deleted; nothing of one can be changed but its tags.

use serde::Deserialize;
use serde_json::{Value, json};

use super::config::{Config, Leniency, Unset};
use super::error::{Answer, ApiError};
use super::model::{Step, Tag, Workflow, WorkflowDetails};
use super::page::{self, PageInput};
use super::state::{Context, Region};
use super::steps;
use super::tags;
use super::time::after;
use super::wire::joined;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateInput {
    description: Option<String>,
    steps: Vec<Step>,
    on_exception_steps: Option<Vec<Step>>,
    tags: Option<Vec<Tag>>,
    structured_log_destinations: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NameInput {
    workflow_id: String,
}

/// `CreateWorkflow`.
///
/// # Errors
/// What the operation refuses.
pub fn create(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let input: CreateInput = super::input::parse(input)?;
    let limit = context.config.quotas.workflows;
    let held = region.workflows.values().filter(|w| w.gone.is_none());
    if held.count() >= limit {
        return Err(context.config.full("WorkflowsPerAccount", limit));
    }
    let on_exception_steps = input.on_exception_steps.unwrap_or_default();
    input.steps.iter().chain(&on_exception_steps).try_for_each(steps::check)?;
    let tags = input.tags.unwrap_or_default();
    tags::check(&tags, context)?;
    let id = context.random.id("w");
    let workflow = Workflow {
        workflow_id: id.clone(),
        description: input.description.filter(|d| !d.is_empty()),
        steps: input.steps,
        on_exception_steps,
        structured_log_destinations: input.structured_log_destinations.unwrap_or_default(),
        created: context.now,
        gone: None,
        tags,
    };
    region.workflows.insert(id.clone(), workflow);
    context.changed = true;
    Ok(json!({"WorkflowId": id}))
}

/// `DescribeWorkflow`.
///
/// # Errors
/// What the operation refuses.
pub fn describe(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let id = super::input::parse::<NameInput>(input)?.workflow_id;
    let workflow = region.workflow(&id)?;
    let config = context.config;
    let shown = |held: &[Step]| held.iter().map(|step| steps::shown(step, config.step_defaults)).collect::<Vec<_>>();
    let more = json!({
        "Steps": shown(&workflow.steps),
        "OnExceptionSteps": unless_empty(shown(&workflow.on_exception_steps), config),
        "StructuredLogDestinations": unless_empty(workflow.structured_log_destinations.clone(), config),
        "Tags": workflow.tags,
    });
    Ok(json!({"Workflow": joined(listed(workflow, context), more)}))
}

/// `DeleteWorkflow`: not while a server uses it.
///
/// # Errors
/// What the operation refuses.
pub fn delete(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let id = super::input::parse::<NameInput>(input)?.workflow_id;
    region.workflow_mut(&id)?;
    let mut servers = region.servers.values().filter(|s| s.gone.is_none());
    if let Some(user) = servers.find(|s| named(&s.settings.workflow_details).any(|used| used == id)) {
        return Err(ApiError::invalid(format!("Workflow is still in use by server {}", user.server_id)));
    }
    let gone = region.vanishing(context);
    region.workflow_mut(&id)?.gone = Some(gone);
    context.changed = true;
    Ok(json!({}))
}

/// `ListWorkflows`.
///
/// # Errors
/// What the operation refuses.
pub fn list(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let input: PageInput = super::input::parse(input)?;
    let lag = context.config.listing_lag;
    let seen = region
        .workflows
        .values()
        .filter(|w| after(w.created, lag) <= context.now && !region.hides(&w.workflow_id, None, context.now));
    let page = page::cut("workflows", &input, context, seen, |w| &w.workflow_id)?;
    let workflows: Vec<Value> = page.items.iter().map(|w| listed(w, context)).collect();
    Ok(json!({"NextToken": page.next_token, "Workflows": workflows}))
}

/// Refuses a server that names a workflow which is not there, where the switch says so.
///
/// # Errors
/// `InvalidRequestException`.
pub fn check_named(region: &Region, details: Option<&WorkflowDetails>, config: &Config) -> Answer<()> {
    let there = |id: &str| region.workflows.get(id).is_some_and(|w| w.gone.is_none());
    match details.into_iter().flat_map(named).find(|id| !there(id)) {
        Some(id) if config.unknown_workflow == Leniency::Refuse => {
            Err(ApiError::invalid(format!("Workflow does not exist: {id}")))
        }
        _ => Ok(()),
    }
}

fn named(details: &WorkflowDetails) -> impl Iterator<Item = &str> {
    let all = details.on_upload.iter().chain(&details.on_partial_upload).flatten();
    all.map(|detail| detail.workflow_id.as_str())
}

fn listed(workflow: &Workflow, context: &Context<'_>) -> Value {
    let empty = context.config.unset == Unset::Empty;
    json!({
        "Arn": context.arn(&format!("workflow/{}", workflow.workflow_id)),
        "Description": workflow.description.clone().or(empty.then(String::new)),
        "WorkflowId": workflow.workflow_id,
    })
}

fn unless_empty<T>(list: Vec<T>, config: &Config) -> Option<Vec<T>> {
    (!list.is_empty() || config.unset == Unset::Empty).then_some(list)
}

#[cfg(test)]
#[path = "workflows_tests.rs"]
mod tests;
