//! The two profiles between which an AS2 connector sends, and which of them AWS may have in it by a call whose outcome was
//! not seen: these are not deleted meanwhile.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;

use super::members::{LOCAL_PROFILE, PARTNER_PROFILE};
use crate::api::{ManagedKind, TransferConnector};
use crate::aws::Account;
use crate::engine::kind::ReconcileError;
use crate::engine::reason::Reason;
use crate::kinds::deps::Deps;
use crate::kinds::grants::Asker;
use crate::kinds::profile_ref::{From, Side};
use crate::kinds::resolve;

/// Behind an id that was wanted and is no more; what stands there is since when.
const LEFT: &str = "#left";

/// For how long a call may still take effect that nobody saw the outcome of: AWS takes a signature for 15 minutes, and its
/// answers may lag by 5.
const LATE: SignedDuration = SignedDuration::from_mins(20);

/// The members that name a profile.
const PATHS: [&str; 2] = [LOCAL_PROFILE, PARTNER_PROFILE];

/// What status is to say of the profiles that calls may have named, for [`TransferConnectorStatus::profiles`]. What is applied
/// is written down before a call goes out, so that nobody deletes a profile between a call and what it comes to. Of one that
/// AWS was seen to have there is nothing to say.
///
/// [`TransferConnectorStatus::profiles`]: crate::api::TransferConnectorStatus::profiles
#[must_use]
pub fn records(object: &TransferConnector, ids: &[Option<String>; 2], now: Timestamp) -> BTreeMap<String, String> {
    let status = object.status.as_ref();
    let before = status.and_then(|status| status.common.applied.clone()).unwrap_or_default().hashes;
    let seen = |id: &str| status.is_some_and(|status| status.profile_ids.iter().any(|shown| shown == id));
    let mut records = BTreeMap::new();
    for (path, wanted) in PATHS.into_iter().zip(ids) {
        let named = before.iter().filter_map(|(key, value)| Some((of(path, key)?, value)));
        for (id, value) in named {
            let (key, left) = (format!("{path}#{id}"), format!("{path}#{id}{LEFT}"));
            // One that was wanted until now may have been sent just before.
            let recorded = value.parse::<Timestamp>().ok().filter(|_| !before.contains_key(&key));
            let since = recorded.map_or(now, |since| since.min(now));
            if now < until(since) && wanted.as_deref() != Some(id) && !seen(id) {
                records.insert(left, since.to_string());
            }
        }
        let unseen = wanted.iter().filter(|id| !seen(id));
        records.extend(unseen.map(|id| (format!("{path}#{id}"), id.clone())));
    }
    records
}

/// The id in a record of this member.
fn of<'a>(path: &str, key: &'a str) -> Option<&'a str> {
    let id = key.strip_prefix(path)?.strip_prefix('#')?;
    Some(id.strip_suffix(LEFT).unwrap_or(id))
}

fn until(since: Timestamp) -> Timestamp {
    since.checked_add(LATE).unwrap_or(Timestamp::MAX)
}

/// When the first of them that is not wanted any more is forgotten.
#[must_use]
pub fn forgets_at(records: &BTreeMap<String, String>) -> Option<Timestamp> {
    let left = records.iter().filter(|(key, _)| key.ends_with(LEFT));
    left.filter_map(|(_, since)| since.parse().ok()).map(until).min()
}

/// Puts the records in the place of those that were there, whatever else stays as it was applied.
pub fn keep(applied: &mut BTreeMap<String, String>, records: &BTreeMap<String, String>) {
    let is = |key: &String| PATHS.iter().any(|path| of(path, key).is_some());
    applied.retain(|key, _| !is(key));
    applied.extend(records.iter().filter(|(key, _)| is(key)).map(|(key, value)| (key.clone(), value.clone())));
}

/// The ids of our own profile and of the partner's, where they are known; else `unknown` says why not.
///
/// # Errors
/// Trouble in finding out.
pub async fn ids(
    deps: &Deps,
    object: &TransferConnector,
    account: &Account,
    unknown: &mut BTreeMap<&'static str, Vec<Reason>>,
) -> Result<[Option<String>; 2], ReconcileError> {
    let Some(config) = &object.spec.as2_config else { return Ok([None, None]) };
    let namespace = object.namespace().unwrap_or_default();
    let labels = resolve::labels(deps, &namespace);
    let asker = Asker { kind: ManagedKind::TransferConnector, namespace: &namespace, labels: &labels };
    let local = Side {
        profile_type: "LOCAL",
        named: config.local_profile_ref.as_ref(),
        id: config.local_profile_id.as_ref(),
        ref_field: "spec.as2Config.localProfileRef",
        id_field: "spec.as2Config.localProfileId",
    };
    let partner = Side {
        profile_type: "PARTNER",
        named: config.partner_profile_ref.as_ref(),
        id: config.partner_profile_id.as_ref(),
        ref_field: "spec.as2Config.partnerProfileRef",
        id_field: "spec.as2Config.partnerProfileId",
    };
    let mut ids = [None, None];
    for ((side, path), id) in [(local, LOCAL_PROFILE), (partner, PARTNER_PROFILE)].into_iter().zip(&mut ids) {
        match side.id(deps, From { asker: &asker, account }).await? {
            Ok(known) => *id = Some(known),
            Err(why) => drop(unknown.insert(path, vec![why])),
        }
    }
    Ok(ids)
}
