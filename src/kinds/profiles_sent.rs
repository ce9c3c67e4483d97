//! Which profiles AWS may have in what names two of them (a connector of AS2, an agreement), by a call whose outcome was not
//! seen: these are not deleted meanwhile. What AWS was seen to have its kind's status shows.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::api::status::{LEFT, sent_profile};
use crate::engine::consistency::Windows;

/// Our own profile and the partner's: the member that names it, and which is wanted there by now.
pub type Sides<'a> = [(&'static str, Option<&'a str>); 2];

/// What status is to say of the profiles that calls may have named, among the hashes of what is applied: that is written
/// down before a call goes out, so that nobody deletes a profile between a call and what it comes to. Of one that AWS was
/// seen to have (`shown`) there is nothing to say.
#[must_use]
pub fn records(
    before: &BTreeMap<String, String>,
    shown: &BTreeSet<&str>,
    sides: Sides<'_>,
    windows: &Windows,
    now: Timestamp,
) -> BTreeMap<String, String> {
    let mut records = BTreeMap::new();
    for (path, wanted) in sides {
        let named = before.iter().filter_map(|(key, value)| Some((of(path, key)?, value)));
        for (id, value) in named {
            let key = sent_profile(path, id);
            // One that was wanted until now may have been sent just before.
            let recorded = value.parse::<Timestamp>().ok().filter(|_| !before.contains_key(&key));
            let since = recorded.map_or(now, |since| since.min(now));
            if now < windows.late(since) && wanted != Some(id) && !shown.contains(id) {
                records.insert(format!("{key}{LEFT}"), since.to_string());
            }
        }
        let unseen = wanted.iter().filter(|id| !shown.contains(*id));
        records.extend(unseen.map(|id| (sent_profile(path, id), (*id).to_owned())));
    }
    records
}

/// The id in a record of this member.
fn of<'a>(path: &str, key: &'a str) -> Option<&'a str> {
    let id = key.strip_prefix(path)?.strip_prefix('#')?;
    Some(id.strip_suffix(LEFT).unwrap_or(id))
}

/// When the first of them that is not wanted any more is forgotten.
#[must_use]
pub fn forgets_at(records: &BTreeMap<String, String>, windows: &Windows) -> Option<Timestamp> {
    let left = records.iter().filter(|(key, _)| key.ends_with(LEFT));
    left.filter_map(|(_, since)| since.parse().ok()).map(|since| windows.late(since)).min()
}

/// Puts the records of these members in the place of those that were there, whatever else stays as it was applied.
pub fn keep(applied: &mut BTreeMap<String, String>, records: &BTreeMap<String, String>, paths: [&str; 2]) {
    let is = |key: &String| paths.iter().any(|path| of(path, key).is_some());
    applied.retain(|key, _| !is(key));
    applied.extend(records.iter().filter(|(key, _)| is(key)).map(|(key, value)| (key.clone(), value.clone())));
}
