//! The record of a create, as status keeps it, read into types. Pure.

use jiff::Timestamp;

use crate::api::CommonStatus;
use crate::api::status::{CreatePhase, CreateRecord};

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
            status.create.as_ref()?;
        let started_at = started_at.as_deref().and_then(|text| text.parse().ok()).unwrap_or(now);
        Some(Self {
            uid: uid.clone(),
            phase: *phase,
            attempt: attempt.clone(),
            started_at,
            retired_ids: retired_ids.clone(),
        })
    }

    /// The form in which status keeps it.
    #[must_use]
    pub fn write(&self, account_id: &str, region: &str, spec_hash: &str) -> CreateRecord {
        CreateRecord {
            uid: self.uid.clone(),
            phase: self.phase,
            attempt: self.attempt.clone(),
            started_at: Some(self.started_at.to_string()),
            account_id: Some(account_id.to_owned()),
            region: Some(region.to_owned()),
            spec_hash: Some(spec_hash.to_owned()),
            lost: self.retired_ids.clone(),
        }
    }
}
