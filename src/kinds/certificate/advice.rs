//! What is worth a look of a certificate: that it ends, or is not used, while nothing takes its place. Pure.

use jiff::{SignedDuration, Timestamp};

use super::plan;
use super::rotation::{self, Rotated};
use super::want::WantedCertificate;
use crate::api::TransferCertificate;
use crate::api::condition::reasons;
use crate::aws::transfer::Certificate;
use crate::engine::reason::Reason;
use crate::kinds::certificate_ref::Holders;
use crate::kinds::referrers;

/// The advice, what weighs most first.
#[must_use]
pub fn advice(
    object: &TransferCertificate,
    want: &WantedCertificate,
    have: &Rotated,
    now: Timestamp,
    warning: SignedDuration,
) -> Vec<Reason> {
    let Certificate { certificate_id: id, active_date, inactive_date, not_after_date, .. } = &have.certificate;
    let soon = now.checked_add(warning).unwrap_or(Timestamp::MAX);
    let ends = |date: &Option<Timestamp>| date.filter(|date| *date <= soon);
    let told = |end: Timestamp, ended: &str, ends: &str| {
        let words = if end <= now { ended } else { ends };
        format!("certificate {id} {words} {end}")
    };
    let end = match (ends(not_after_date), ends(inactive_date)) {
        (Some(end), _) => Some(format!("{}; {}", told(end, "expired at", "expires at"), renewal(object, want, have))),
        (None, Some(end)) => {
            let said = told(end, "is inactive since", "becomes inactive at");
            Some(format!("{said}, and is valid longer; spec.inactiveDate says until when it is used"))
        }
        (None, None) => None,
    };
    let gap = gap(have, *active_date, now);
    let reason = |message| Reason::new(reasons::CERTIFICATE_EXPIRING, message);
    let later = want.active_date.filter(|at| *at > now && plan::in_force(&have.certificate, now)).map(|at| {
        format!(
            "certificate {id} is in force and stays so; spec.activeDate ({at}) is for the next one that is imported"
        )
    });
    gap.into_iter().chain(held_up(want, have, now)).chain(end).chain(later).map(reason).collect()
}

/// Who has not got the new one yet, so that the old one stays; or who keeps the old one beyond its overlap, while another one
/// waits.
fn held_up(want: &WantedCertificate, have: &Rotated, now: Timestamp) -> Option<String> {
    let old = &have.old.as_ref()?.certificate_id;
    let Holders { keeping, lacking } = &want.holders;
    if !lacking.is_empty() {
        let named = referrers::shown(lacking);
        return Some(format!(
            "certificate {old} stays active until these have the new one: {named}; nothing is imported before"
        ));
    }
    let left = have.leaves_at(want).is_some_and(|end| end <= now);
    let waits = want.source.is_some() && !rotation::holds(want, &have.certificate);
    (left && waits && !keeping.is_empty()).then(|| {
        let named = referrers::shown(keeping);
        format!(
            "the source holds another certificate, which is imported once {old} is gone; take {old} out of {named}, or it is \
             left in AWS, without this object's tags, an hour after it has ended"
        )
    })
}

fn renewal(object: &TransferCertificate, want: &WantedCertificate, have: &Rotated) -> String {
    let source = match (&object.spec.secret_ref, &object.spec.config_map_key_ref) {
        (Some(named), _) => format!("Secret {}", named.name),
        (None, Some(named)) => format!("ConfigMap {}", named.name),
        (None, None) => "its source".to_owned(),
    };
    match (&want.source, &have.old) {
        (None, _) => format!("{source} could not be read"),
        _ if rotation::holds(want, &have.certificate) => format!("{source} holds no other one yet"),
        (Some(_), Some(old)) => format!("{source} holds another one, which waits until {} is gone", old.certificate_id),
        (Some(_), None) => format!("{source} holds another one, which is not imported yet"),
    }
}

/// A renewal that came so late that its notice ends after the old one: until then there is none.
fn gap(have: &Rotated, active: Option<Timestamp>, now: Timestamp) -> Option<String> {
    let (old, active) = (have.old.as_ref()?, active?);
    let end = old.not_after_date.filter(|end| *end < active && now < active)?;
    let (new, old) = (&have.certificate.certificate_id, &old.certificate_id);
    Some(format!(
        "certificate {old} ends at {end} and {new}, which takes its place, is active only from {active} on, after \
         rotation.notice: in between there is none"
    ))
}
