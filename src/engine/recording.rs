//! Writing the record of a create down in status, before and after calls. What it says is `record`.

use super::consistency::Observation;
use super::context::{Engine, ReconcileContext, Request, Requeue, Status};
use super::kind::{Kind, ReconcileError, Target};
use super::mutate;
use super::record::RecordedCreate;
use super::report::Outcome;
use crate::api::Managed;
use crate::api::status::{Applied, CreatePhase};
use crate::cluster::ClusterError;
use jiff::Timestamp;

/// How many ids of lost servers are kept; a server that comes back after so many others is for the orphan scan.
const LOST_KEPT: usize = 10;

impl<K: Kind> Engine<K> {
    /// A record in place of the one that stands, in a write of its own.
    ///
    /// # Errors
    /// Trouble with the API server.
    pub(super) async fn write_record(
        &self,
        context: &ReconcileContext<'_, K>,
        mut status: Status<K>,
        phase: CreatePhase,
        attempt: Option<String>,
        retired_ids: Option<&str>,
    ) -> Result<Outcome<Status<K>>, ReconcileError> {
        let request = context.request;
        let old = K::Object::common(&status).create.as_ref();
        let hash = old.and_then(|old| old.spec_hash.clone()).unwrap_or_default();
        let retired_ids = all_lost(status_record::<K>(&status, request, context.now).as_ref(), retired_ids);
        let record = RecordedCreate { uid: request.uid.clone(), phase, attempt, started_at: context.now, retired_ids };
        record_account::<K>(&mut status, context.target);
        let (account, region) = (&context.target.account.id, &context.target.account.region);
        K::Object::common_mut(&mut status).create = Some(record.write(account, region, &hash));
        self.apply(&request.object, &status).await?;
        // What was seen before says nothing of what begins now.
        self.memories.change(&request.uid, |memory| memory.observations.clear(Observation::NoTrace));
        Ok(Outcome::Requeue(Requeue::Again))
    }

    /// Step 5: the attempt, with what will have been applied. `false` where the object moved on.
    ///
    /// # Errors
    /// Trouble with the API server.
    pub(super) async fn write_attempt(
        &self,
        request: &Request<K::Object>,
        target: &Target<K::TargetDetail>,
        record: &RecordedCreate,
        applied: &Applied,
    ) -> Result<bool, ReconcileError> {
        let mut status = request.status();
        record_account::<K>(&mut status, target);
        self.kind.record_target(&mut status, &request.object, target);
        let common = K::Object::common_mut(&mut status);
        let hash = super::digest::hash(&request.object.spec_json().to_string());
        common.create = Some(record.write(&target.account.id, &target.account.region, &hash));
        common.applied = Some(applied.clone());
        match self.apply(&request.object, &status).await {
            Ok(_) => Ok(true),
            // The client repeats a write whose answer was lost: our own attempt may stand there all the same.
            Err(ClusterError::Conflict(_)) => self.attempt_stands(request, record).await,
            Err(error) => Err(error.into()),
        }
    }

    async fn attempt_stands(
        &self,
        request: &Request<K::Object>,
        record: &RecordedCreate,
    ) -> Result<bool, ReconcileError> {
        let live = crate::cluster::get::<K::Object>(self.cluster.as_ref(), &request.name).await?;
        Ok(live.is_some_and(|live| {
            mutate::version_of(&live).0 == request.uid
                && live.status().is_some_and(|status| {
                    K::Object::common(status)
                        .create
                        .as_ref()
                        .is_some_and(|stored| stored.attempt == record.attempt && stored.phase == CreatePhase::InFlight)
                })
        }))
    }
}

/// The record in status, where it is of this object.
pub(super) fn status_record<K: Kind>(
    status: &Status<K>,
    request: &Request<K::Object>,
    now: Timestamp,
) -> Option<RecordedCreate> {
    RecordedCreate::read(K::Object::common(status), now).filter(|record| record.uid == request.uid)
}

/// What was let go so far, and now; the last of it.
fn all_lost(record: Option<&RecordedCreate>, now: Option<&str>) -> Vec<String> {
    let mut retired_ids = record.map(|record| record.retired_ids.clone()).unwrap_or_default();
    retired_ids.extend(now.filter(|id| !id.is_empty()).map(str::to_owned));
    retired_ids.drain(..retired_ids.len().saturating_sub(LOST_KEPT));
    retired_ids
}

/// Where it lives, as status keeps it.
pub(super) fn record_account<K: Kind>(status: &mut Status<K>, target: &Target<K::TargetDetail>) {
    let common = K::Object::common_mut(status);
    common.account_id = Some(target.account.id.clone());
    common.region = Some(target.account.region.clone());
    common.aws_identity = Some(target.identity.clone());
}
