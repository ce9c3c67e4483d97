//! What the operations on everything that AWS keeps by an id alone have in common: making, listing, deleting.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::error::Answer;
use super::model::Tag;
use super::page::{self, PageInput};
use super::shelf::{Kept, Named, Shelf};
use super::state::{Context, Region};
use super::tags;
use super::time::after;

/// The ARN of one.
#[must_use]
pub fn arn<T: Named>(id: &str, context: &Context<'_>) -> String {
    context.arn(&format!("{}/{id}", T::PATH))
}

/// Refuses one more than `held` and `limit` allow.
///
/// # Errors
/// The refusal of the switch.
pub fn check_quota(held: usize, name: &str, limit: usize, context: &Context<'_>) -> Answer<()> {
    if held < limit { Ok(()) } else { Err(context.config.full(name, limit)) }
}

/// Puts a new one on its shelf and answers its id.
///
/// # Errors
/// Tags that a caller may not set.
pub fn add<T: Named>(
    shelf: &mut Shelf<T>,
    what: T,
    tags: Option<Vec<Tag>>,
    context: &mut Context<'_>,
) -> Answer<String> {
    let tags = tags.unwrap_or_default();
    tags::check(&tags, context)?;
    let id = context.random.id(T::PREFIX);
    shelf.add(id.clone(), what, tags, context.now);
    context.changed = true;
    Ok(id)
}

/// Puts `next` in the place of what is held.
pub fn change<T: PartialEq>(held: &mut Kept<T>, next: T, context: &mut Context<'_>) {
    context.changed |= held.what != next;
    held.what = next;
}

/// From now on it is being deleted, and vanishes at `gone`; the answer to that.
///
/// # Errors
/// That it is unknown, also for one that is being deleted.
pub fn delete<T: Named>(shelf: &mut Shelf<T>, id: &str, gone: Timestamp, context: &mut Context<'_>) -> Answer<Value> {
    shelf.get_mut(id)?.gone = Some(gone);
    context.changed = true;
    Ok(json!({}))
}

/// One page of a listing: the token of the next one, and the rows.
///
/// # Errors
/// A token that was not given out for this listing.
pub fn rows<'r, T: Named + 'r>(
    region: &Region,
    context: &Context<'_>,
    listing: &str,
    input: &PageInput,
    all: impl Iterator<Item = (&'r String, &'r Kept<T>)>,
    row: impl Fn(&str, &Kept<T>) -> Value,
) -> Answer<(Option<String>, Vec<Value>)> {
    let (now, lag) = (context.now, context.config.listing_lag);
    let seen = all.filter(|(id, kept)| after(kept.created, lag) <= now && !region.hides(id, None, now));
    let page = page::cut(listing, input, context, seen, |(id, _)| id)?;
    let rows = page.items.iter().map(|(id, kept)| row(id, kept)).collect();
    Ok((page.next_token, rows))
}
