//! What is worth a look of a certificate: that it ends, or is not used, while nothing takes its place. Pure.

use jiff::{SignedDuration, Timestamp};

use super::plan;
use super::rotation::Rotated;
use super::want::WantedCertificate;
use crate::api::TransferCertificate;
use crate::api::condition::reasons;
use crate::aws::transfer::Certificate;
use crate::engine::reason::Reason;
use crate::kinds::referrers;
use crate::x509;

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
    gap.into_iter().chain(lacking(want, have)).chain(end).chain(later).map(reason).collect()
}

/// That the source holds the old one again; or who has not got the new one yet, so that the old one stays.
fn lacking(want: &WantedCertificate, have: &Rotated) -> Option<String> {
    let old = &have.old.as_ref()?.certificate_id;
    if have.is_back(want) {
        let new = &have.certificate.certificate_id;
        return Some(format!(
            "the source holds {old} again, whose place {new} took: it still ends after its overlap, and is imported anew then; \
             spec.rotation says how soon that is and with how much notice"
        ));
    }
    let named = referrers::shown(&want.lacking);
    let stays =
        format!("certificate {old} stays active until these have the new one: {named}; nothing is imported before");
    (!want.lacking.is_empty()).then_some(stays)
}

fn renewal(object: &TransferCertificate, want: &WantedCertificate, have: &Rotated) -> String {
    let source = match (&object.spec.secret_ref, &object.spec.config_map_key_ref) {
        (Some(named), _) => format!("Secret {}", named.name),
        (None, Some(named)) => format!("ConfigMap {}", named.name),
        (None, None) => "its source".to_owned(),
    };
    let print = |pem: &str| x509::fingerprint(pem);
    match (&want.source, &have.old) {
        (None, _) => format!("{source} could not be read"),
        (Some(held), _) if print(&held.certificate) == print(&have.certificate.certificate) => {
            format!("{source} holds no other one yet")
        }
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
