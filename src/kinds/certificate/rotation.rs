//! A certificate beside the one whose place it takes: when the old one ends, and when it may go. Pure.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::source::Source;
use super::want::{WantedCertificate, later};
use crate::api::condition::reasons;
use crate::aws::Mutation;
use crate::aws::transfer::{Certificate, Tags, UpdateCertificate, WITH_PRIVATE_KEY};
use crate::engine::diff::{Change, Effect, Old};
use crate::engine::kind::{PlannedCall, ResourceState};
use crate::engine::owner::{Owner, Ownership};
use crate::engine::reason::Reason;
use crate::x509;

/// How long after it has ended an old one is waited for that somebody goes on naming, while another renewal is due: what
/// takes it off by itself has done so by then.
const NAMED_FOR: Duration = Duration::from_hours(1);

/// What AWS has of one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Rotated {
    /// The certificate in force.
    pub certificate: Certificate,
    /// The one whose place it takes, while that is there.
    pub old: Option<Certificate>,
    /// Since when the one in force is so again, where it was the old one before and the other one is there.
    pub swapped_at: Option<Timestamp>,
    /// The one in force was the old one before: an end that it was given as that is taken back, also where the call arrives
    /// only now.
    pub came_back: bool,
    /// Until when the old one is not deleted, as the spec has it: [`Self::kept_until`].
    pub old_kept_until: Option<Timestamp>,
}

impl Rotated {
    /// When the old one leaves the profiles: after its overlap, and with its own end. `until` is the end that the spec gives
    /// to both. One that was not active yet when its place was taken back was never used, and leaves at once.
    #[must_use]
    pub fn overlap_end(&self, overlap: Duration, until: Option<Timestamp>) -> Option<Timestamp> {
        let old = self.old.as_ref()?;
        let never_used = self.swapped_at.filter(|at| begins(old).is_some_and(|begins| *at < begins));
        let from = self.swapped_at.max(Some(begins(&self.certificate)?))?;
        let overlapped = never_used.unwrap_or_else(|| later(from, overlap));
        ends(old, until).into_iter().chain([overlapped]).min()
    }

    /// When the old one leaves the profiles, if it is to: not while one of them has not got the new one, nor while the new
    /// one, which was the old one before, has the end that it was given as that.
    #[must_use]
    pub fn leaves_at(&self, want: &WantedCertificate) -> Option<Timestamp> {
        let end = self.overlap_end(want.overlap, want.inactive_date)?;
        let needed = ends(&self.certificate, want.inactive_date).map_or(end, |last| last.min(end));
        let lasts = self.swapped_at.is_none() || self.certificate.inactive_date.is_none_or(|ends| needed <= ends);
        Some(end).filter(|_| lasts && want.holders.lacking.is_empty())
    }

    /// The end that AWS is to have of the old one, which leaves the profiles at this time, if it has a later one. Where that
    /// time has passed after a swap, whoever keeps the old one goes on with it for a few minutes: AWS takes no end that is over.
    fn end_of_old(
        &self,
        old: &Certificate,
        leaves_at: Timestamp,
        now: Timestamp,
        ahead: Duration,
    ) -> Option<Timestamp> {
        match begins(old).filter(|begins| *begins >= leaves_at) {
            None if now < leaves_at => Some(leaves_at).filter(|end| old.inactive_date != Some(*end)),
            _ if self.swapped_at.is_none() => None,
            begins => {
                let soonest = later(begins.map_or(now, |begins| begins.max(now)), ahead);
                Some(soonest).filter(|end| ends(old, old.inactive_date).is_none_or(|has| *end < has))
            }
        }
    }

    /// What becomes of the old one: the source may hold it again, or it has ended so long ago that nothing waits for who goes
    /// on naming it.
    #[must_use]
    pub fn of_old(&self, want: &WantedCertificate, now: Timestamp) -> Old {
        let Some(old) = &self.old else { return Old::Going };
        let ended = |end: Option<Timestamp>| end.is_some_and(|end| later(end, NAMED_FOR) <= now);
        let used = |certificate: &Certificate| begins(certificate).is_none_or(|begins| begins <= now);
        let spent = used(&self.certificate) && ended(ends(old, old.inactive_date));
        match () {
            () if is_back(old, want, now) && !holds(want, &self.certificate) => Old::WantedAgain { spent },
            () if spent => Old::Spent,
            () => Old::Going,
        }
    }

    /// Until when the old one is not deleted: not before the new one is active, which may be after the old one's end.
    #[must_use]
    pub fn kept_until(&self, overlap: Duration, until: Option<Timestamp>) -> Option<Timestamp> {
        self.overlap_end(overlap, until).max(begins(&self.certificate))
    }
}

/// Whether the source holds the old one again, which is valid still. Its chain may be another one: then that is the next
/// renewal.
fn is_back(old: &Certificate, want: &WantedCertificate, now: Timestamp) -> bool {
    let keyed = |source: &Source| {
        let with_key = old.certificate_type.as_ref().map(|held| held == WITH_PRIVATE_KEY);
        with_key.is_none_or(|with_key| with_key == source.private_key.is_some())
    };
    let valid = old.not_after_date.is_none_or(|end| now < end);
    valid && want.source.as_ref().is_some_and(keyed) && holds(want, old)
}

/// Whether the source holds this one.
pub(super) fn holds(want: &WantedCertificate, certificate: &Certificate) -> bool {
    let held = want.source.as_ref().and_then(|source| x509::fingerprint(&source.certificate));
    held.is_some() && held == x509::fingerprint(&certificate.certificate)
}

/// When it ends: with its validity, or sooner as this says.
fn ends(certificate: &Certificate, said: Option<Timestamp>) -> Option<Timestamp> {
    certificate.not_after_date.into_iter().chain(said).min()
}

/// From when on it is used.
fn begins(certificate: &Certificate) -> Option<Timestamp> {
    certificate.active_date.or(certificate.not_before_date)
}

/// The call that gives the old one its end, where it has another one. One that ends by itself needs none, nor one that never
/// becomes active before that end, unless its place was taken back: nobody is to go on with it then.
#[must_use]
pub fn ends_old(want: &WantedCertificate, have: &Rotated, owner: &Owner, now: Timestamp) -> Option<PlannedCall> {
    let old = have.old.as_ref().filter(|old| owner.judge(&old.tags) == Ownership::Ours)?;
    let end = have.end_of_old(old, have.leaves_at(want)?, now, want.ahead)?;
    let call = UpdateCertificate {
        certificate_id: old.certificate_id.clone(),
        // See `plan::update`.
        active_date: old.active_date.filter(|at| now < *at),
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

    fn overlaps_old_until(&self) -> Option<Timestamp> {
        self.old_kept_until
    }
}
