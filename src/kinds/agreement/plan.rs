//! What to send for an agreement, from what is wanted and what AWS has. Pure.

use std::collections::BTreeSet;

use serde_json::json;

use super::members::{MEMBERS, SIGNING, STATUS, WHOSE_AND_WHERE};
use super::want::WantedAgreement;
use crate::api::condition::reasons;
use crate::api::status::{Applied, Unset};
use crate::aws::Mutation;
use crate::aws::transfer::{Agreement, AgreementSettings, UpdateAgreement};
use crate::engine::diff::{self, Change, Effect, Member};
use crate::engine::kind::{Plan, PlannedCall};
use crate::engine::owner::Owner;
use crate::engine::reason::Reason;
use crate::engine::unset;
use crate::kinds::tags;

/// The plan for an agreement that is there and ours.
#[must_use]
pub fn plan(want: &WantedAgreement, have: &Agreement, applied: &Applied, owner: &Owner) -> Plan {
    let paths = applied.paths.iter().cloned().collect();
    let keys = applied.tags.iter().cloned().collect();
    let mut changes = differing(&want.settings, &have.settings, &paths);
    // Of what is not known nothing differs.
    changes.retain(|change| !(change.want.is_null() && want.held.contains_key(change.path.as_str())));
    let mut plan = Plan { blocks: cannot_clear(&changes).into_iter().collect(), ..Plan::default() };
    match update(want, have, &changes) {
        Ok(update) => plan.calls.extend(update),
        Err(defect) => plan.blocks.push(defect),
    }
    changes.extend(tags::changes(&want.tags, &have.tags, &keys));
    plan.changes = changes;
    plan.calls.extend(tags::calls(&have.arn, &want.tags, owner, &have.tags, &keys));
    plan
}

/// The differences of two settings.
pub(super) fn differing(want: &AgreementSettings, have: &AgreementSettings, applied: &BTreeSet<String>) -> Vec<Change> {
    diff::diff(MEMBERS, &json!(want), &json!(have), applied)
}

/// What left the spec, where AWS keeps it.
fn cannot_clear(changes: &[Change]) -> Option<Reason> {
    let left: Vec<&Change> = changes.iter().filter(|change| change.effect == Effect::Refused).collect();
    let message = || {
        let paths = diff::paths(left.iter().copied());
        format!("{paths} left the spec and AWS has no way to clear it; name a value")
    };
    (!left.is_empty()).then(|| Reason::stalled(reasons::CANNOT_CLEAR, message()))
}

/// Whether a change lets something in, or elsewhere: it goes with all of its kind, or not at all.
fn opens(change: &Change) -> bool {
    match change.path.as_str() {
        STATUS => change.want != "INACTIVE",
        SIGNING => change.want != "ENABLED",
        path => WHOSE_AND_WHERE.contains(&path),
    }
}

/// One UpdateAgreement with all that differs. Once AWS refused it, what opens nothing goes by itself; the other part waits
/// for that, and for all that must not be sent.
fn update(want: &WantedAgreement, have: &Agreement, changes: &[Change]) -> Result<Option<PlannedCall>, Reason> {
    let live = changes.iter().filter(|change| change.effect == Effect::Live).cloned();
    let (opening, rest): (Vec<Change>, Vec<Change>) = live.partition(opens);
    let opening = if want.held.is_empty() { opening } else { Vec::new() };
    let call = |changes: Vec<Change>| -> Result<PlannedCall, Reason> {
        let request = diff::compose(MEMBERS, &json!(want.settings), &json!(have.settings), &changes);
        let settings: AgreementSettings = diff::typed(request).map_err(Reason::defect)?;
        let update = UpdateAgreement {
            server_id: have.server_id.clone(),
            agreement_id: have.agreement_id.clone(),
            settings: Box::new(settings),
        };
        Ok(PlannedCall::new(Mutation::UpdateAgreement(update), changes))
    };
    Ok(match (opening.is_empty(), rest.is_empty()) {
        (true, true) => None,
        (false, true) => Some(call(opening)?),
        (true, false) => Some(call(rest)?),
        (false, false) => {
            let exposing = PlannedCall { exposes: true, ..call(opening.clone())? };
            let parts = vec![call(rest.clone())?, exposing];
            Some(PlannedCall { parts, ..call([opening, rest].concat())? })
        }
    })
}

/// Where AWS has something else than its default in a member that the spec does not set.
#[must_use]
pub fn unset(want: &WantedAgreement, have: &AgreementSettings, applied: &Applied) -> Vec<Unset> {
    let members: Vec<Member> =
        MEMBERS.iter().filter(|member| !WHOSE_AND_WHERE.contains(&member.path)).copied().collect();
    let applied = applied.paths.iter().cloned().collect();
    unset::unset(&members, &json!(want.settings), &json!(have), &applied)
}
