//! What is worth a look of a certificate: that it ends, or is not used, while nothing takes its place. Pure.

use jiff::{SignedDuration, Timestamp};

use super::rotation::Rotated;
use super::want::WantedCertificate;
use crate::api::TransferCertificate;
use crate::api::condition::reasons;
use crate::aws::transfer::Certificate;
use crate::engine::reason::Reason;

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
        (Some(end), _) => Some(format!("{}; {}", told(end, "expired at", "expires at"), renewal(object, want))),
        (None, Some(end)) => {
            let said = told(end, "is inactive since", "becomes inactive at");
            Some(format!("{said}, and is valid longer; spec.inactiveDate says until when it is used"))
        }
        (None, None) => None,
    };
    let gap = gap(have, *active_date, now);
    let reason = |message| Reason::new(reasons::CERTIFICATE_EXPIRING, message);
    gap.into_iter().chain(end).map(reason).collect()
}

fn renewal(object: &TransferCertificate, want: &WantedCertificate) -> String {
    let source = match (&object.spec.secret_ref, &object.spec.config_map_key_ref) {
        (Some(named), _) => format!("Secret {}", named.name),
        (None, Some(named)) => format!("ConfigMap {}", named.name),
        (None, None) => "its source".to_owned(),
    };
    match want.source {
        Some(_) => format!("{source} holds no other one yet"),
        None => format!("{source} could not be read"),
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
