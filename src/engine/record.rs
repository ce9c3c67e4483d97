//! The record of a create, as status keeps it, read into types. Pure.

use jiff::Timestamp;

use super::consistency::Candidate;
use crate::api::status::{CreatePhase, CreateRecord, Replacing};
use crate::api::{CommonStatus, Managed};

/// A create that was recorded before it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedCreate {
    /// UID of the object that it is for.
    pub uid: String,
    /// How far it is known to have gone.
    pub phase: CreatePhase,
    /// Identifies the attempt.
    pub attempt: Option<String>,
    /// When it was signed, by AWS's clock.
    pub started_at: Timestamp,
    /// Ids that AWS no longer had and that were let go.
    pub retired_ids: Vec<String>,
}

impl RecordedCreate {
    /// Reads the record in status. One whose time cannot be read counts as just begun: that is the longest wait.
    #[must_use]
    pub fn read(status: &CommonStatus, now: Timestamp) -> Option<Self> {
        let CreateRecord { uid, phase, attempt, started_at, account_id: _, region: _, spec_hash: _, lost: retired_ids } =
            status.create.as_deref()?;
        let started_at = started_at.as_deref().and_then(|text| text.parse().ok()).unwrap_or(now);
        Some(Self {
            uid: uid.clone(),
            phase: *phase,
            attempt: attempt.clone(),
            started_at,
            retired_ids: retired_ids.clone(),
        })
    }

    /// The same where it is of this object.
    #[must_use]
    pub fn of(status: &CommonStatus, uid: &str, now: Timestamp) -> Option<Self> {
        Self::read(status, now).filter(|record| record.uid == uid)
    }

    /// Whether the create may have made this. Where two of one object are lawful only the attempt tells; what was let
    /// go is not claimed again.
    #[must_use]
    pub fn may_have_made(&self, found: &Candidate, two_lawful: bool) -> bool {
        let other = two_lawful && self.attempt.is_some() && found.attempt != self.attempt;
        !other && !self.retired_ids.contains(&found.id)
    }

    /// The form in which status keeps it.
    #[must_use]
    pub fn write(&self, account_id: &str, region: &str, spec_hash: &str) -> Box<CreateRecord> {
        Box::new(CreateRecord {
            uid: self.uid.clone(),
            phase: self.phase,
            attempt: self.attempt.clone(),
            started_at: Some(self.started_at.to_string()),
            account_id: Some(account_id.to_owned()),
            region: Some(region.to_owned()),
            spec_hash: Some(spec_hash.to_owned()),
            lost: self.retired_ids.clone(),
        })
    }
}

/// Whether the kind of this status is ever replaced, and the record of the replacement that is under way.
#[must_use]
pub fn recorded<O: Managed>(status: &O::Status) -> (bool, Option<Replacing>) {
    // A status is large, and most kinds are never replaced.
    if O::replacing(&mut O::Status::default()).is_none() {
        return (false, None);
    }
    let mut status = status.clone();
    let record = O::replacing(&mut status);
    (record.is_some(), record.and_then(Option::take))
}
