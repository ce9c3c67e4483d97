//! What to send for a certificate, from what is wanted and what AWS has. Pure.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::rotation::{self, Rotated};
use super::source::Source;
use super::want::{ACTIVE, CHAIN, DESCRIPTION, INACTIVE, WantedCertificate, whole};
use crate::api::condition::reasons;
use crate::api::status::Applied;
use crate::aws::Mutation;
use crate::aws::transfer::{Certificate, UpdateCertificate, WITH_PRIVATE_KEY};
use crate::engine::diff::{Change, Effect};
use crate::engine::digest::hash;
use crate::engine::kind::{Plan, PlannedCall};
use crate::engine::owner::Owner;
use crate::engine::reason::Reason;
use crate::kinds::tags;
use crate::x509;

/// The plan for a certificate that is there and ours.
#[must_use]
pub fn plan(want: &WantedCertificate, have: &Rotated, applied: &Applied, owner: &Owner, now: Timestamp) -> Plan {
    let (held, keys) = (&have.certificate, applied.tags.iter().cloned().collect());
    let mut changes = differing(want, have, applied, now);
    let (fixed, uncleared) = (refused(&changes, "usage"), refused(&changes, DESCRIPTION));
    // One with another use would be another one.
    let due = if fixed { None } else { update(want, have, applied, &changes, now) };
    let ends = rotation::ends_old(want, have, owner, now);
    changes.extend(ends.iter().flat_map(|call| call.changes.clone()));
    changes.extend(tags::changes(&want.tags, &held.tags, &keys));
    let calls = due.into_iter().chain(ends);
    Plan {
        changes,
        calls: calls.chain(tags::calls(&held.arn, &want.tags, owner, &held.tags, &keys)).collect(),
        blocks: fixed.then(immutable).into_iter().chain(uncleared.then(cannot_clear)).collect(),
        old: have.of_old(want, now),
        ..Plan::default()
    }
}

fn refused(changes: &[Change], path: &str) -> bool {
    changes.iter().any(|change| change.path == path && change.effect == Effect::Refused)
}

fn immutable() -> Reason {
    let message = "AWS cannot change spec.usage of a certificate; set it back, or make a new TransferCertificate";
    Reason::stalled(reasons::IMMUTABLE, message)
}

fn cannot_clear() -> Reason {
    let message = "spec.description left the spec and AWS has no way to clear it; name a value";
    Reason::stalled(reasons::CANNOT_CLEAR, message)
}

fn differing(want: &WantedCertificate, have: &Rotated, applied: &Applied, now: Timestamp) -> Vec<Change> {
    let held = &have.certificate;
    if want.usage != held.usage {
        return vec![change("usage", json!(held.usage), json!(want.usage), Effect::Refused)];
    }
    let mut changes: Vec<Change> = replaced(want, held, applied);
    let dates = Dates::of(want, have, applied, now);
    // A time that has passed is as good as another one that has.
    let passed = |date: Option<Timestamp>| date.map(|date| whole(date).max(now));
    if dates.active_is_said && passed(dates.active) != passed(held.active_date) {
        changes.push(change(ACTIVE, json!(held.active_date), json!(dates.active), Effect::Live));
    }
    if dates.inactive_is_said && dates.inactive.map(whole) != held.inactive_date.map(whole) {
        changes.push(change(INACTIVE, json!(held.inactive_date), json!(dates.inactive), Effect::Live));
    }
    let left = want.description.is_none() && applied.paths.iter().any(|path| path == DESCRIPTION);
    if want.description != held.description && (want.description.is_some() || left) {
        let effect = if left { Effect::Refused } else { Effect::Live };
        changes.push(change(DESCRIPTION, json!(held.description), json!(want.description), effect));
    }
    changes
}

fn change(path: &str, have: Value, want: Value, effect: Effect) -> Change {
    Change { path: path.to_owned(), have, want, effect }
}

/// What AWS cannot change, by what is public of it. Of what could not be read nothing differs.
fn replaced(want: &WantedCertificate, held: &Certificate, applied: &Applied) -> Vec<Change> {
    let Some(Source { certificate, chain, private_key, facts: _ }) = &want.source else { return Vec::new() };
    let mut changes = Vec::new();
    let prints = [&held.certificate, certificate].map(|pem| x509::fingerprint(pem));
    if let [had, wanted] = &prints
        && had != wanted
    {
        changes.push(change("certificate", json!(had), json!(wanted), Effect::Replace));
    }
    let wanted_chain = chain.as_deref().unwrap_or_default();
    let sent = applied.hashes.get(CHAIN) == Some(&hash(wanted_chain));
    let shown = following(held);
    let wanted: BTreeSet<String> = listed(wanted_chain).into_iter().collect();
    if !sent && shown != wanted {
        let prints = |all: &BTreeSet<String>| json!(all.iter().map(|pem| x509::fingerprint(pem)).collect::<Vec<_>>());
        changes.push(change(CHAIN, prints(&shown), prints(&wanted), Effect::Replace));
    }
    let with_key = held.certificate_type.as_deref().map(|held| held == WITH_PRIVATE_KEY);
    if with_key.is_some_and(|with_key| with_key != private_key.is_some()) {
        let told = |with: bool| json!(if with { "present" } else { "absent" });
        let had = with_key.unwrap_or_default();
        changes.push(change("privateKey", told(had), told(private_key.is_some()), Effect::Replace));
    }
    changes
}

/// The certificates that AWS has behind this one, whichever way they were imported.
fn following(held: &Certificate) -> BTreeSet<String> {
    let chain = held.certificate_chain.as_deref().unwrap_or_default();
    listed(&held.certificate).into_iter().skip(1).chain(listed(chain)).collect()
}

fn listed(pem: &str) -> Vec<String> {
    x509::certificates(pem).unwrap_or_default()
}

/// The dates that a certificate is to have: those of the spec, where it says them or once said them, within its validity.
struct Dates {
    active: Option<Timestamp>,
    active_is_said: bool,
    inactive: Option<Timestamp>,
    inactive_is_said: bool,
}

impl Dates {
    fn of(want: &WantedCertificate, have: &Rotated, applied: &Applied, now: Timestamp) -> Self {
        let held = &have.certificate;
        let (first, last) = (held.not_before_date, held.not_after_date);
        let once = |path: &str| want.dates_known && applied.paths.iter().any(|applied| applied == path);
        let active_is_said = want.active_date.is_some() || once(ACTIVE);
        let inactive_is_said = want.inactive_date.is_some() || once(INACTIVE) || (want.dates_known && have.came_back);
        // What partners were given notice of does not come sooner.
        let noticed = held.active_date.filter(|_| have.old.is_some());
        let said = if active_is_said { want.active_date.max(first).max(noticed) } else { held.active_date };
        // What is in force is not switched off by a later date: that is for the next one.
        let active = if in_force(held, now) && said.is_some_and(|at| at > now) { held.active_date } else { said };
        let until = want.inactive_date.into_iter().chain(last).min();
        let inactive = if inactive_is_said { until } else { held.inactive_date };
        Self { active, active_is_said, inactive, inactive_is_said }
    }
}

/// Whether it is used now, or was.
pub(super) fn in_force(held: &Certificate, now: Timestamp) -> bool {
    held.active_date.is_none_or(|at| at <= now)
}

/// One UpdateCertificate with all that may be changed, as AWS may reset a date that is absent. A beginning that has passed is
/// needed only where it is to be so instead of one to come, or an overlap counts from it: AWS may refuse one.
fn update(
    want: &WantedCertificate,
    have: &Rotated,
    applied: &Applied,
    changes: &[Change],
    now: Timestamp,
) -> Option<PlannedCall> {
    let live: Vec<Change> = changes.iter().filter(|change| change.effect == Effect::Live).cloned().collect();
    let held = &have.certificate;
    let Dates { active, active_is_said: _, inactive, inactive_is_said: _ } = Dates::of(want, have, applied, now);
    let stands = active.max(Some(now)) == held.active_date.max(Some(now));
    let counts = have.old.is_some() && have.swapped_at.is_none();
    let active = if stands { held.active_date } else { active };
    let call = UpdateCertificate {
        certificate_id: held.certificate_id.clone(),
        active_date: active.filter(|at| !stands || counts || now < *at),
        inactive_date: inactive,
        description: want.description.clone().or_else(|| held.description.clone()),
    };
    (!live.is_empty()).then(|| PlannedCall::new(Mutation::UpdateCertificate(call), live))
}
