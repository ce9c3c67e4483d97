//! Tags of everything that can have some.
//! Which keys a caller may use is decided here; system tags get in only out of band.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::{Answer, ApiError};
use super::model::Tag;
use super::page::{self, PageInput};
use super::partners::Agreement;
use super::shelf;
use super::state::{Context, Region};

/// Tags of one resource; not adjustable.
const LIMIT: usize = 50;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TagInput {
    arn: String,
    tags: Vec<Tag>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UntagInput {
    arn: String,
    tag_keys: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListInput {
    arn: String,
    #[serde(flatten)]
    page: PageInput,
}

/// Refuses tags that a caller may not set.
///
/// # Errors
/// `InvalidRequestException`.
pub fn check(tags: &[Tag], context: &Context<'_>) -> Answer<()> {
    let mut seen = BTreeSet::new();
    for tag in tags {
        check_key(&tag.key, context)?;
        if !seen.insert(&tag.key) {
            return Err(ApiError::invalid(format!("Duplicate tag key found: {}", tag.key)));
        }
    }
    Ok(())
}

/// `TagResource`: adds, and replaces where the key is there.
///
/// # Errors
/// What the operation refuses.
pub fn tag(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let input: TagInput = super::input::parse(input)?;
    let held = tags_of(region, context, &input.arn)?;
    check(&input.tags, context)?;
    let mut next = held.clone();
    for tag in input.tags {
        match next.iter_mut().find(|t| t.key == tag.key) {
            Some(old) => *old = tag,
            None => next.push(tag),
        }
    }
    if next.len() > LIMIT {
        return Err(ApiError::quota("TagsPerResource", LIMIT));
    }
    context.changed = *held != next;
    *held = next;
    Ok(json!({}))
}

/// `UntagResource`: removes; a key that is not there is no fault.
///
/// # Errors
/// What the operation refuses.
pub fn untag(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let input: UntagInput = super::input::parse(input)?;
    let held = tags_of(region, context, &input.arn)?;
    for key in &input.tag_keys {
        check_key(key, context)?;
    }
    let before = held.len();
    held.retain(|t| !input.tag_keys.contains(&t.key));
    context.changed = held.len() != before;
    Ok(json!({}))
}

/// `ListTagsForResource`.
///
/// # Errors
/// What the operation refuses.
pub fn list(region: &mut Region, context: &mut Context<'_>, input: Value) -> Answer<Value> {
    let input: ListInput = super::input::parse(input)?;
    let mut sorted = tags_of(region, context, &input.arn)?.clone();
    sorted.sort_by(|a, b| a.key.cmp(&b.key));
    let listing = format!("tags/{}", input.arn);
    let page = page::cut(&listing, &input.page, context, sorted.into_iter(), |t| &t.key)?;
    Ok(json!({"Arn": input.arn, "NextToken": page.next_token, "Tags": page.items}))
}

/// Keys under `aws:` belong to AWS, in whatever case; of these only the custom host name is open to callers.
fn check_key(key: &str, context: &Context<'_>) -> Answer<()> {
    let small = key.to_ascii_lowercase();
    if small.starts_with("aws:") && !small.starts_with("aws:transfer:") && !context.admin {
        return Err(ApiError::invalid("aws: prefixed tag key names are not allowed for external use."));
    }
    Ok(())
}

fn tags_of<'r>(region: &'r mut Region, context: &Context<'_>, arn: &str) -> Answer<&'r mut Vec<Tag>> {
    let foreign = || ApiError::not_found("Unknown resource", arn, "Arn");
    let resource = arn.strip_prefix(&context.arn("")).ok_or_else(foreign)?;
    let mut parts = resource.splitn(3, '/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some("server"), Some(id), None) => Ok(&mut region.server_mut(id)?.tags),
        (Some("user"), Some(id), Some(name)) => Ok(&mut region.server_mut(id)?.user_mut(name)?.tags),
        (Some("host-key"), Some(id), Some(key)) => Ok(&mut region.server_mut(id)?.host_key_mut(key)?.tags),
        (Some("workflow"), Some(id), None) => Ok(&mut region.workflow_mut(id)?.tags),
        (Some("profile"), Some(id), None) => Ok(&mut region.profiles.get_mut(id)?.tags),
        (Some("agreement"), Some(server), Some(id)) => of_agreement(region, server, id),
        (Some("connector"), Some(id), None) => Ok(&mut region.connectors.get_mut(id)?.tags),
        (Some("webapp"), Some(id), None) => Ok(&mut region.web_apps.get_mut(id)?.tags),
        (Some("certificate"), Some(id), None) => Ok(&mut region.certificates.get_mut(id)?.tags),
        _ => Err(foreign()),
    }
}

/// One whose server the ARN does not name is another one's.
fn of_agreement<'r>(region: &'r mut Region, server: &str, id: &str) -> Answer<&'r mut Vec<Tag>> {
    let kept = region.agreements.get_mut(id)?;
    if kept.what.server_id == server { Ok(&mut kept.tags) } else { Err(shelf::unknown::<Agreement>(id)) }
}

#[cfg(test)]
#[path = "tags_tests.rs"]
mod tests;
