//! What counts as this object's own: the replacement that is under way, and what a look-up by tags found beside it. Pure;
//! it decides nothing that is due.

use super::{Action, Facts, own_record, stall};
use crate::api::condition::reasons;
use crate::api::status::Replacing;
use crate::engine::consistency::{Candidate, TagMatches};

/// The replacement that is under way, if its record is of this object and about another id than the one in force.
pub fn under_way<'a>(facts: &Facts<'a>) -> Option<&'a Replacing> {
    own_record(facts)?;
    facts.replacement?.record.filter(|replacing| facts.id != Some(&replacing.old_id))
}

/// What a look-up found of ours, without what was let go and what is being replaced.
pub fn candidates<'a>(facts: &Facts<'a>, lookup: &'a TagMatches) -> impl Iterator<Item = &'a Candidate> {
    let retired_ids = own_record(facts).map(|record| record.retired_ids.as_slice()).unwrap_or_default();
    let old = under_way(facts).map(|replacing| &replacing.old_id);
    lookup.ours.iter().filter(move |found| !retired_ids.contains(&found.id) && old != Some(&found.id))
}

/// Which of them is the right one nothing tells.
pub fn ambiguous<'a>(facts: &Facts, ids: impl IntoIterator<Item = &'a str>) -> Action {
    let ids: Vec<&str> = ids.into_iter().collect();
    let (noun, ids) = (facts.words.noun, ids.join(", "));
    let message = format!("several {noun}s carry this object's owner tags: {ids}; delete all but one in AWS");
    stall(reasons::AMBIGUOUS, message)
}
