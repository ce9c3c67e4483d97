//! The two profiles between which an AS2 connector sends: which ids they have, and what is recorded of those.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kube::ResourceExt;

use super::members::{LOCAL_PROFILE, PARTNER_PROFILE};
use crate::api::{ManagedKind, TransferConnector};
use crate::aws::Account;
use crate::engine::kind::ReconcileError;
use crate::engine::reason::Reason;
use crate::kinds::deps::Deps;
use crate::kinds::grants::Asker;
use crate::kinds::profile_ref::{From, Side};
use crate::kinds::{profiles_sent, resolve};

/// What status is to say of the profiles that calls name, and when the first of it is forgotten.
#[must_use]
pub fn records(
    deps: &Deps,
    object: &TransferConnector,
    ids: &[Option<String>; 2],
    now: Timestamp,
) -> (BTreeMap<String, String>, Option<Timestamp>) {
    let status = object.status.as_ref();
    let before = status.and_then(|status| status.common.applied.clone()).unwrap_or_default().hashes;
    let shown = status.iter().flat_map(|status| &status.profile_ids).map(String::as_str).collect();
    let [local, partner] = ids.each_ref().map(Option::as_deref);
    let sides = [(LOCAL_PROFILE, local), (PARTNER_PROFILE, partner)];
    let records = profiles_sent::records(&before, &shown, sides, &deps.windows, now);
    let forgets_at = profiles_sent::forgets_at(&records, &deps.windows);
    (records, forgets_at)
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
