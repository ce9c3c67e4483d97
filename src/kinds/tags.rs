//! Tags of servers and users: what to set and what to remove. Pure.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::api;
use crate::api::condition::reasons;
use crate::aws::{Mutation, TAGS_MAX, Tags};
use crate::engine::diff::{Change, Effect};
use crate::engine::kind::PlannedCall;
use crate::engine::owner::Owner;
use crate::engine::reason::Reason;

/// AWS's most tags per call.
const KEYS_PER_CALL: usize = 50;

/// How many tags the spec may ask for: AWS's most on one thing, less those that say whose it is.
const WANTED_MAX: usize = TAGS_MAX - 4;

/// The two keys that AWS keeps a custom host name under. Its guide writes `transfer:…`, its console `aws:transfer:…`;
/// we write the first (a create may refuse other keys under `aws:`) and take what stands there under either.
const OF_HOST_NAME: [&str; 2] = [api::TAG_CUSTOM_HOSTNAME, api::TAG_HOSTED_ZONE_ID];

/// The tags of a custom host name, as they are written.
#[must_use]
pub fn of_host_name(hostname: &str, zone: Option<&str>) -> Tags {
    let mut tags = Tags::from([(api::TAG_CUSTOM_HOSTNAME.to_owned(), hostname.to_owned())]);
    if let Some(zone) = zone {
        let id = zone.trim_start_matches("/hostedzone/");
        tags.insert(api::TAG_HOSTED_ZONE_ID.to_owned(), format!("/hostedzone/{id}"));
    }
    tags
}

/// The identity's tags, and over them the object's own. Nobody speaks for us, also where admission let it through.
#[must_use]
pub fn wanted(own: &Tags, identity: &Tags) -> Tags {
    let mut tags = identity.clone();
    tags.extend(own.clone());
    tags.retain(|key, _| !key.to_lowercase().starts_with(api::TAG_PREFIX));
    tags
}

/// The key without AWS's own prefix, where it is one of a custom host name.
fn plain(key: &str) -> &str {
    key.strip_prefix("aws:").filter(|short| OF_HOST_NAME.contains(short)).unwrap_or(key)
}

/// Why the tags that are wanted are too many together; each list that they come from has a limit of its own.
#[must_use]
pub fn unfit(wanted: &Tags) -> Option<Reason> {
    let count = wanted.len();
    (count > WANTED_MAX).then(|| {
        let message = format!(
            "spec.tags: with those of the AwsIdentity (its spec.tags) and of a custom host name these are {count} tags, and \
             beside this operator's own AWS takes {WANTED_MAX}; none is set until there are fewer"
        );
        Reason::stalled(reasons::INVALID_SPEC, message)
    })
}

/// The calls that bring the tags to what is wanted, or only the owner's back where that is too much. Foreign tags stay;
/// only keys that this object set are removed.
#[must_use]
pub fn calls(arn: &str, wanted: &Tags, owner: &Owner, have: &Tags, applied: &BTreeSet<String>) -> Vec<PlannedCall> {
    let (mut target, owners) = (spelled(wanted, have), owner.lasting_tags());
    target.extend(owners.clone());
    let missing: Tags = if wanted.len() > WANTED_MAX { &owners } else { &target }
        .iter()
        .filter(|(key, value)| have.get(*key) != Some(*value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    // What we took over from somebody who left it behind is no longer left behind.
    let stamps = [api::TAG_RETAINED_FROM, api::TAG_RETAINED_AT].into_iter().filter(|key| have.contains_key(*key));
    let left = left(&target, have, applied).map(String::as_str);
    let gone: Vec<String> = stamps.chain(left).take(KEYS_PER_CALL).map(str::to_owned).collect();
    let mut calls = Vec::new();
    if !missing.is_empty() {
        let changes = missing.iter().map(|(key, value)| change(key, have, Some(value))).collect();
        calls.push(PlannedCall::new(Mutation::tag(arn.to_owned(), missing), changes));
    }
    if !gone.is_empty() {
        let changes = gone.iter().map(|key| change(key, have, None)).collect();
        calls.push(PlannedCall::new(Mutation::untag(arn.to_owned(), gone), changes));
    }
    calls
}

fn change(key: &str, have: &Tags, want: Option<&String>) -> Change {
    let text = |value: Option<&String>| value.map_or(Value::Null, |value| Value::String(value.clone()));
    Change { path: format!("tags[{key}]"), have: text(have.get(key)), want: text(want), effect: Effect::Live }
}

/// The same as differences: without owner tags, which are ours to see to.
#[must_use]
pub fn changes(wanted: &Tags, have: &Tags, applied: &BTreeSet<String>) -> Vec<Change> {
    let target = spelled(wanted, have);
    let differing = target.keys().filter(|key| have.get(*key) != target.get(*key));
    differing.chain(left(&target, have, applied)).map(|key| change(key, have, target.get(key))).collect()
}

/// The keys that this object set and that it no longer wants.
fn left<'a>(target: &'a Tags, have: &'a Tags, applied: &'a BTreeSet<String>) -> impl Iterator<Item = &'a String> {
    have.keys()
        .filter(|key| applied.contains(plain(key)) && !target.contains_key(*key))
        .filter(|key| !key.starts_with(api::TAG_PREFIX) && !plain(key).starts_with("aws:"))
}

/// A custom host name under the spelling that AWS already has.
fn spelled(wanted: &Tags, have: &Tags) -> Tags {
    let spell = |key: &String| {
        let long = format!("aws:{key}");
        let theirs = OF_HOST_NAME.contains(&key.as_str()) && have.contains_key(&long) && !have.contains_key(key);
        if theirs { long } else { key.clone() }
    };
    wanted.iter().map(|(key, value)| (spell(key), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]
    use super::*;
    use crate::aws::transfer::{TagResource, UntagResource};

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
        calls("arn", &tags(wanted), &owner(), &have, &applied).iter().map(|call| call.mutation.operation()).collect()
    }

    #[test]
    fn only_what_this_object_set_is_removed() {
        assert!(operations(&[], &[("foreign", "x"), ("aws:cloudformation:stack", "y")], &[]).is_empty());
        assert_eq!(operations(&[], &[("ours", "x")], &["ours"]), ["UntagResource"]);
        assert_eq!(operations(&[("a", "1")], &[("a", "2")], &["a"]), ["TagResource"]);
        assert!(operations(&[("a", "1")], &[("a", "1")], &["a"]).is_empty());
    }

    #[test]
    fn too_many_are_told_and_not_sent() {
        let many = |count: usize| (0..count).map(|n| (format!("k{n}"), String::new())).collect::<Tags>();
        let sent = |count: usize, have: &Tags| {
            let sent = calls("arn", &many(count), &owner(), have, &BTreeSet::from(["old".to_owned()]));
            sent.iter().map(|call| (call.mutation.operation(), tagged(&call.mutation))).collect::<Vec<_>>()
        };
        let mut have = owner().tags("a");
        have.insert("old".to_owned(), String::new());
        assert!(unfit(&many(46)).is_none());
        assert_eq!(sent(46, &have), [("TagResource", 46), ("UntagResource", 1)]);
        let block = unfit(&many(47)).map(|block| (block.code, block.needs_person, block.message.contains("spec.tags")));
        assert_eq!(block, Some((reasons::INVALID_SPEC, true, true)));
        assert_eq!(sent(47, &have), [("UntagResource", 1)], "what goes makes room");
        have.remove(api::TAG_OWNER);
        assert_eq!(sent(47, &have), [("TagResource", 1), ("UntagResource", 1)], "ours all the same");
    }

    fn tagged(call: &Mutation) -> usize {
        match call {
            Mutation::TagResource(TagResource { tags, .. }) => tags.len(),
            Mutation::UntagResource(UntagResource { keys, .. }) => keys.len(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn owner_tags_are_put_back_and_never_removed() {
        let applied = BTreeSet::from([api::TAG_UID.to_owned()]);
        let calls = calls("arn", &Tags::new(), &owner(), &tags(&[(api::TAG_UID, "u")]), &applied);
        let [PlannedCall { mutation: Mutation::TagResource(TagResource { tags, .. }), .. }] = calls.as_slice() else {
            panic!("{calls:?}")
        };
        assert!(
            tags.contains_key(api::TAG_CLUSTER)
                && tags.contains_key(api::TAG_OWNER)
                && !tags.contains_key(api::TAG_UID)
        );
    }

    /// Users of other tools, peers.md C 6: both spellings of the tag of a host name.
    #[test]
    fn a_host_name_is_kept_under_the_spelling_that_aws_has() {
        const LONG: &str = "aws:transfer:customHostname";
        const SHORT: &str = "transfer:customHostname";
        let rows: &[(Option<&str>, &[(&str, &str)], &[(&str, &str)], &[&str], &str)] = &[
            (Some("h"), &[(SHORT, "h")], &[], &[], "the guide's spelling"),
            (Some("h"), &[(LONG, "h")], &[], &[], "the console's spelling"),
            (Some("h"), &[], &[(SHORT, "h")], &[], "none yet"),
            (Some("h"), &[(LONG, "old")], &[(LONG, "h")], &[], "an edit goes where the old one stands"),
            (None, &[(SHORT, "h")], &[], &[SHORT], "left the spec"),
            (None, &[(LONG, "h")], &[], &[LONG], "left the spec under the console's spelling"),
        ];
        for (wanted, have, set, removed, reason) in rows {
            let wanted = wanted.map(|name| of_host_name(name, None)).unwrap_or_default();
            let mut have = tags(have);
            have.extend(owner().tags("a"));
            let applied = BTreeSet::from([SHORT.to_owned()]);
            let mut expected = Vec::new();
            if !set.is_empty() {
                expected.push(format!(
                    "{:?}",
                    Mutation::TagResource(TagResource { arn: "arn".to_owned(), tags: tags(set) })
                ));
            }
            if !removed.is_empty() {
                let keys = removed.iter().map(|key| (*key).to_owned()).collect();
                expected.push(format!("{:?}", Mutation::UntagResource(UntagResource { arn: "arn".to_owned(), keys })));
            }
            let sent: Vec<String> = calls("arn", &wanted, &owner(), &have, &applied)
                .iter()
                .map(|call| format!("{:?}", call.mutation))
                .collect();
            assert_eq!(sent, expected, "{reason}");
        }
    }

    #[test]
    fn tags_of_aws_itself_are_never_removed() {
        assert!(operations(&[], &[("aws:cloudformation:stack", "x")], &["aws:cloudformation:stack"]).is_empty());
    }

    #[test]
    fn both_forms_of_a_zone_are_one() {
        assert_eq!(of_host_name("h", Some("Z1")), of_host_name("h", Some("/hostedzone/Z1")));
    }
}
