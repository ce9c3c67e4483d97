//! Tags of servers and users: what to set and what to remove. Pure.

use std::collections::BTreeSet;

use crate::api;
use crate::aws::Mutation;
use crate::aws::types::Tags;
use crate::engine::owner::Owner;

/// AWS's most tags per call.
const KEYS_PER_CALL: usize = 50;

/// The calls that bring the tags to what is wanted. Foreign tags stay; only keys that this object set are removed.
#[must_use]
pub fn calls(arn: &str, wanted: &Tags, owner: &Owner, have: &Tags, applied: &BTreeSet<String>) -> Vec<Mutation> {
    let mut target = wanted.clone();
    target.extend(owner.lasting_tags());
    let missing: Tags = target
        .iter()
        .filter(|(key, value)| have.get(*key) != Some(*value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let gone: Vec<String> = have
        .keys()
        .filter(|key| applied.contains(*key) && !target.contains_key(*key))
        .filter(|key| !key.starts_with(api::TAG_PREFIX))
        .take(KEYS_PER_CALL)
        .cloned()
        .collect();
    let mut calls = Vec::new();
    if !missing.is_empty() {
        calls.push(Mutation::TagResource { arn: arn.to_owned(), tags: missing });
    }
    if !gone.is_empty() {
        calls.push(Mutation::UntagResource { arn: arn.to_owned(), keys: gone });
    }
    calls
}

/// The custom host name under the spelling that AWS already has: the console writes `aws:transfer:…`, the guide says
/// `transfer:…`, and both count.
#[must_use]
pub fn spelled(wanted: &Tags, have: &Tags) -> Tags {
    wanted
        .iter()
        .map(|(key, value)| {
            let short = key.strip_prefix("aws:").filter(|short| short.starts_with("transfer:"));
            match short {
                Some(short) if have.get(short) == Some(value) && !have.contains_key(key) => {
                    (short.to_owned(), value.clone())
                }
                _ => (key.clone(), value.clone()),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(rows: &[(&str, &str)]) -> Tags {
        rows.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn owner() -> Owner {
        Owner::new("c", "ns", "n", "u")
    }

    fn operations(wanted: &[(&str, &str)], have: &[(&str, &str)], applied: &[&str]) -> Vec<&'static str> {
        let mut have = tags(have);
        have.extend(owner().tags("a"));
        let applied = applied.iter().map(|key| (*key).to_owned()).collect();
        calls("arn", &tags(wanted), &owner(), &have, &applied).iter().map(Mutation::operation).collect()
    }

    #[test]
    fn only_what_this_object_set_is_removed() {
        assert!(operations(&[], &[("foreign", "x"), ("aws:cloudformation:stack", "y")], &[]).is_empty());
        assert_eq!(operations(&[], &[("ours", "x")], &["ours"]), ["UntagResource"]);
        assert_eq!(operations(&[("a", "1")], &[("a", "2")], &["a"]), ["TagResource"]);
        assert!(operations(&[("a", "1")], &[("a", "1")], &["a"]).is_empty());
    }

    #[test]
    fn owner_tags_are_put_back_and_never_removed() {
        let applied = BTreeSet::from([api::TAG_UID.to_owned()]);
        let calls = calls("arn", &Tags::new(), &owner(), &tags(&[(api::TAG_UID, "u")]), &applied);
        let [Mutation::TagResource { tags, .. }] = calls.as_slice() else { panic!("{calls:?}") };
        assert!(
            tags.contains_key(api::TAG_CLUSTER)
                && tags.contains_key(api::TAG_OWNER)
                && !tags.contains_key(api::TAG_UID)
        );
    }

    #[test]
    fn a_host_name_under_either_spelling_is_no_difference() {
        let wanted = tags(&[("aws:transfer:customHostname", "h")]);
        assert_eq!(
            spelled(&wanted, &tags(&[("transfer:customHostname", "h")])),
            tags(&[("transfer:customHostname", "h")])
        );
        assert_eq!(spelled(&wanted, &tags(&[("transfer:customHostname", "other")])), wanted);
    }
}
