//! A certificate beside the one whose place it takes: when the old one ends, and when it may go. Pure.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::want::{WantedCertificate, later};
use crate::api::condition::reasons;
use crate::aws::Mutation;
use crate::aws::transfer::{Certificate, Tags, UpdateCertificate};
use crate::engine::diff::{Change, Effect};
use crate::engine::kind::{PlannedCall, ResourceState};
use crate::engine::owner::{Owner, Ownership};
use crate::engine::reason::Reason;
use crate::x509;

/// What AWS has of one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Rotated {
    /// The certificate in force.
    pub certificate: Certificate,
    /// The one whose place it takes, while that is there.
    pub old: Option<Certificate>,
}

impl Rotated {
    /// When the old one leaves the profiles: after its overlap, and with its own end. `until` is the end that the spec gives
    /// to both.
    #[must_use]
    pub fn overlap_end(&self, overlap: Duration, until: Option<Timestamp>) -> Option<Timestamp> {
        let Certificate { not_after_date: ends, .. } = self.old.as_ref()?;
        let overlapped = later(begins(&self.certificate)?, overlap);
        [*ends, until].into_iter().flatten().chain([overlapped]).min()
    }

    /// When the old one leaves the profiles, if it is to: not while one of them has not got the new one.
    #[must_use]
    pub fn leaves_at(&self, want: &WantedCertificate) -> Option<Timestamp> {
        self.overlap_end(want.overlap, want.inactive_date).filter(|_| want.lacking.is_empty())
    }

    /// Whether the source holds the old one again.
    #[must_use]
    pub fn is_back(&self, want: &WantedCertificate) -> bool {
        let print = |pem: Option<&String>| pem.and_then(|pem| x509::fingerprint(pem));
        let old = print(self.old.as_ref().map(|old| &old.certificate));
        old.is_some() && old == print(want.source.as_ref().map(|source| &source.certificate))
    }

    /// Until when the old one is not deleted: not before the new one is active, which may be after the old one's end.
    #[must_use]
    pub fn kept_until(&self, overlap: Duration, until: Option<Timestamp>) -> Option<Timestamp> {
        self.overlap_end(overlap, until).max(begins(&self.certificate))
    }
}

/// From when on it is used.
fn begins(certificate: &Certificate) -> Option<Timestamp> {
    certificate.active_date.or(certificate.not_before_date)
}

/// The call that gives the old one its end, where it has another one. One that ends by itself, or never becomes active
/// before that end, needs none.
#[must_use]
pub fn ends_old(want: &WantedCertificate, have: &Rotated, owner: &Owner, now: Timestamp) -> Option<PlannedCall> {
    let old = have.old.as_ref().filter(|old| owner.judge(&old.tags) == Ownership::Ours)?;
    let end = have.leaves_at(want)?;
    let active = begins(old).is_none_or(|begins| begins < end);
    if old.inactive_date == Some(end) || end <= now || !active {
        return None;
    }
    let call = UpdateCertificate {
        certificate_id: old.certificate_id.clone(),
        active_date: old.active_date,
        inactive_date: Some(end),
        description: old.description.clone(),
    };
    let change = Change {
        path: "rotation.overlap".to_owned(),
        have: json!(old.inactive_date),
        want: json!(end),
        effect: Effect::Live,
    };
    Some(PlannedCall::new(Mutation::UpdateCertificate(call), vec![change]))
}

impl ResourceState for Rotated {
    fn tags(&self) -> Option<&Tags> {
        Some(&self.certificate.tags)
    }

    fn ready_reason(&self) -> Reason {
        let Certificate { certificate_id, status, active_date, inactive_date, .. } = &self.certificate;
        let at = |date: &Option<Timestamp>| date.map_or_else(|| "an unknown time".to_owned(), |date| date.to_string());
        let words = match status.as_deref() {
            Some("ACTIVE") => format!("is active until {}", at(inactive_date)),
            Some("PENDING_ROTATION") => format!("exists and becomes active at {}", at(active_date)),
            Some("INACTIVE") => format!("exists and is inactive since {}", at(inactive_date)),
            Some(other) => format!("exists; AWS says {other}"),
            None => "exists".to_owned(),
        };
        Reason::new(reasons::AVAILABLE, format!("certificate {certificate_id} {words}"))
    }

    /// AWS lists neither the certificate nor tags.
    fn listed(&self) -> Option<String> {
        None
    }
}
