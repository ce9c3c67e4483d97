//! What this object put into AWS, as status records it: added before a call is sent, taken out again where AWS refused
//! it for certain. Pure.

use super::diff::Change;
use crate::api::status::Applied;

/// Both together. Of a hash that differs the older stays: it is of what AWS is known to have.
#[must_use]
pub fn union(mut old: Applied, new: &Applied) -> Applied {
    let Applied { paths, tags, hashes, digest: _, listed: _ } = new;
    let merge = |into: &mut Vec<String>, from: &[String]| {
        into.extend(from.iter().cloned());
        into.sort();
        into.dedup();
    };
    merge(&mut old.paths, paths);
    merge(&mut old.tags, tags);
    for (path, hash) in hashes {
        old.hashes.entry(path.clone()).or_insert_with(|| hash.clone());
    }
    old
}

/// The first without what stands in the second.
#[must_use]
pub fn without(mut all: Applied, gone: &Applied) -> Applied {
    all.paths.retain(|path| !gone.paths.contains(path));
    all.tags.retain(|tag| !gone.tags.contains(tag));
    all.hashes.retain(|path, _| !gone.hashes.contains_key(path));
    all
}

/// The row of what may have been sent under a path whose value AWS never returns; each such value has one.
#[must_use]
pub fn may_have(path: &str, hash: String) -> (String, String) {
    (format!("{path}#{hash}"), hash)
}

/// The same for what AWS had before anything was sent: it is over with the first that AWS takes.
#[must_use]
pub fn had_before(path: &str, hash: String) -> (String, String) {
    (format!("{path}{BEFORE}{hash}"), hash)
}

/// No hash begins with it.
const BEFORE: &str = "#?";

/// The same once AWS took these differences: of what it never returns, the hash of what is wanted alone is known.
#[must_use]
pub fn took(mut all: Applied, wanted: &Applied, taken: &[Change]) -> Applied {
    let of = |path: &str| {
        let rest = |change: &Change| path.strip_prefix(change.path.as_str()).map(str::to_owned);
        taken.iter().filter_map(rest).any(|rest| rest.is_empty() || rest.starts_with('#'))
    };
    all.hashes.retain(|path, _| !of(path));
    let now = wanted.hashes.iter().filter(|(path, _)| of(path) && !path.contains(BEFORE));
    all.hashes.extend(now.map(|(path, hash)| (path.clone(), hash.clone())));
    all
}

/// What status says once all is in force; of what cannot be compared (`unknown`), what it said before.
#[must_use]
pub fn in_force(before: Option<&Applied>, wanted: &Applied, unknown: &[Change]) -> Applied {
    let known = without(wanted.clone(), &part(wanted, unknown));
    let before = before.map(|before| part(before, unknown)).unwrap_or_default();
    union(known, &before)
}

/// What of it belongs to these differences; a host key's with all that its entry sets.
#[must_use]
pub fn part(all: &Applied, changes: &[Change]) -> Applied {
    let Applied { paths, tags, hashes, digest: _, listed: _ } = all;
    let is = |path: &str| changes.iter().any(|change| change.path == path);
    let below = |path: &str| {
        let rest = |change: &Change| path.strip_prefix(change.path.as_str()).map(|rest| rest.starts_with('.'));
        changes.iter().any(|change| rest(change) == Some(true))
    };
    Applied {
        paths: paths.iter().filter(|path| is(path) || below(path)).cloned().collect(),
        tags: tags.iter().filter(|tag| is(&format!("tags[{tag}]"))).cloned().collect(),
        // Those of KMS keys stay: which of them were sent is remembered whatever AWS said.
        hashes: hashes.iter().filter(|(path, _)| is(path)).map(|(path, hash)| (path.clone(), hash.clone())).collect(),
        digest: None,
        listed: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::diff::Effect;

    fn applied(paths: &[&str], tags: &[&str], hashes: &[(&str, &str)]) -> Applied {
        let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let hashes = hashes.iter().map(|(path, hash)| ((*path).to_owned(), (*hash).to_owned())).collect();
        Applied { paths: own(paths), tags: own(tags), hashes, digest: None, listed: None }
    }

    #[test]
    fn of_what_aws_took_and_never_shows_the_last_is_known_and_no_other() {
        let kms = |hash: &str| format!("hostKeys[a].kmsKey#{hash}");
        let (one, two, other) = (kms("1"), kms("2"), "hostKeys[ab].kmsKey#1");
        let (before, _) = had_before("hostKeys[a].kmsKey", "0".to_owned());
        assert_eq!(may_have("hostKeys[a].kmsKey", "1".to_owned()), (one.clone(), "1".to_owned()));
        let rows = [(before.as_str(), "0"), (&one, "1"), (&two, "2"), (other, "1"), ("role", "old")];
        let all = applied(&["role"], &[], &rows);
        let wanted = applied(&["role"], &[], &[(&before, "0"), (&two, "2"), ("role", "new")]);
        let change = |path: &str| Change {
            path: path.to_owned(),
            have: serde_json::Value::Null,
            want: serde_json::Value::Null,
            effect: Effect::Live,
        };
        assert_eq!(took(all.clone(), &wanted, &[]), all);
        let expected = applied(&["role"], &[], &[(&two, "2"), (other, "1"), ("role", "old")]);
        assert_eq!(took(all.clone(), &wanted, &[change("hostKeys[a].kmsKey")]), expected);
        let rows = [(before.as_str(), "0"), (&one, "1"), (&two, "2"), (other, "1"), ("role", "new")];
        let expected = applied(&["role"], &[], &rows);
        assert_eq!(took(all, &wanted, &[change("role")]), expected);
    }

    #[test]
    fn what_a_call_adds_is_exactly_what_is_taken_out_again() {
        let all = applied(
            &["role", "policy", "hostKeys[a].description", "hostKeys[ab].description"],
            &["team", "env"],
            &[("role", "1"), ("hostKeys[a].kmsKey#2", "2")],
        );
        let rows: &[(&[&str], Applied)] = &[
            (&[], applied(&[], &[], &[])),
            (&["role"], applied(&["role"], &[], &[("role", "1")])),
            (&["hostKeys[a]"], applied(&["hostKeys[a].description"], &[], &[])),
            (&["tags[team]", "tags[other]"], applied(&[], &["team"], &[])),
        ];
        for (paths, expected) in rows {
            let change = |path: &&str| Change {
                path: (*path).to_owned(),
                have: serde_json::Value::Null,
                want: serde_json::Value::Null,
                effect: Effect::Live,
            };
            let changes: Vec<Change> = paths.iter().map(change).collect();
            let part = part(&all, &changes);
            assert_eq!(&part, expected, "{paths:?}");
            let rest = without(all.clone(), &part);
            assert_eq!(super::part(&rest, &changes), Applied::default(), "{paths:?}");
            let again = union(rest, &part);
            assert_eq!(again.hashes, all.hashes, "{paths:?}");
            assert_eq!((again.paths.len(), again.tags.len()), (all.paths.len(), all.tags.len()), "{paths:?}");
        }
    }

    #[test]
    fn of_what_cannot_be_compared_stays_what_was_known_before() {
        let hidden = |path: &str| Change {
            path: path.to_owned(),
            have: serde_json::Value::Null,
            want: serde_json::Value::Null,
            effect: Effect::Ec2,
        };
        let wanted = applied(&["role"], &["team"], &[("groups", "new"), ("role", "1")]);
        let before = applied(&["policy"], &[], &[("groups", "old"), ("policy", "2")]);
        let rows = [
            (None, vec![], wanted.clone()),
            (Some(&before), vec![], wanted.clone()),
            (None, vec![hidden("groups")], applied(&["role"], &["team"], &[("role", "1")])),
            (Some(&before), vec![hidden("groups")], applied(&["role"], &["team"], &[("groups", "old"), ("role", "1")])),
        ];
        for (before, unknown, expected) in rows {
            assert_eq!(in_force(before, &wanted, &unknown), expected, "{before:?}, {unknown:?}");
        }
    }

    #[test]
    fn of_two_hashes_the_one_that_aws_is_known_to_have_stays() {
        let both = union(applied(&[], &[], &[("role", "old")]), &applied(&[], &[], &[("role", "new")]));
        assert_eq!(both, applied(&[], &[], &[("role", "old")]));
    }
}
