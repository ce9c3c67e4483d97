//! Writing the record of a create down in status, before and after calls. What it says is `record`.

use super::evidence::Sighting;
use super::kind::{Kind, Place, Trouble};
use super::mutate;
use super::record::Record;
use super::report::End;
use super::scene::{Engine, Next, Scene, Status, Subject};
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
        scene: &Scene<'_, K>,
        mut status: Status<K>,
        phase: CreatePhase,
        attempt: Option<String>,
        lost: Option<&str>,
    ) -> Result<End<Status<K>>, Trouble> {
        let subject = scene.subject;
        let old = K::Object::common(&status).create.as_ref();
        let hash = old.and_then(|old| old.spec_hash.clone()).unwrap_or_default();
        let lost = all_lost(status_record::<K>(&status, subject, scene.now).as_ref(), lost);
        let record = Record { uid: subject.uid.clone(), phase, attempt, started_at: scene.now, lost };
        place_in::<K>(&mut status, scene.place);
        let (account, region) = (&scene.place.account.id, &scene.place.account.region);
        K::Object::common_mut(&mut status).create = Some(record.write(account, region, &hash));
        self.apply(&subject.object, &status).await?;
        // What was seen before says nothing of what begins now.
        self.memories.change(&subject.uid, |memory| memory.sightings.clear(Sighting::NoTrace));
        Ok(End::Next(Next::Again))
    }

    /// Step 5: the attempt, with what will have been applied. `false` where the object moved on.
    ///
    /// # Errors
    /// Trouble with the API server.
    pub(super) async fn write_attempt(
        &self,
        subject: &Subject<K::Object>,
        place: &Place<K::Detail>,
        record: &Record,
        applied: &Applied,
    ) -> Result<bool, Trouble> {
        let mut status = subject.status();
        place_in::<K>(&mut status, place);
        self.kind.aim(&mut status, &subject.object, place);
        let common = K::Object::common_mut(&mut status);
        let hash = super::digest::hash(&subject.object.spec_json().to_string());
        common.create = Some(record.write(&place.account.id, &place.account.region, &hash));
        common.applied = Some(applied.clone());
        match self.apply(&subject.object, &status).await {
            Ok(_) => Ok(true),
            // The client repeats a write whose answer was lost: our own attempt may stand there all the same.
            Err(ClusterError::Conflict(_)) => self.attempt_stands(subject, record).await,
            Err(error) => Err(error.into()),
        }
    }

    async fn attempt_stands(&self, subject: &Subject<K::Object>, record: &Record) -> Result<bool, Trouble> {
        let live = crate::cluster::get::<K::Object>(self.cluster.as_ref(), &subject.name).await?;
        Ok(live.is_some_and(|live| {
            mutate::version_of(&live).0 == subject.uid
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
    subject: &Subject<K::Object>,
    now: Timestamp,
) -> Option<Record> {
    Record::read(K::Object::common(status), now).filter(|record| record.uid == subject.uid)
}

/// What was let go so far, and now; the last of it.
fn all_lost(record: Option<&Record>, now: Option<&str>) -> Vec<String> {
    let mut lost = record.map(|record| record.lost.clone()).unwrap_or_default();
    lost.extend(now.filter(|id| !id.is_empty()).map(str::to_owned));
    lost.drain(..lost.len().saturating_sub(LOST_KEPT));
    lost
}

/// Where it lives, as status keeps it.
pub(super) fn place_in<K: Kind>(status: &mut Status<K>, place: &Place<K::Detail>) {
    let common = K::Object::common_mut(status);
    common.account_id = Some(place.account.id.clone());
    common.region = Some(place.account.region.clone());
    common.aws_identity = Some(place.identity.clone());
}
