//! Creating, steps 5 to 7 of the protocol: record the attempt, send once, write down what was made.
//!
//! From the record on, everything runs in one task of its own: neither the deadline of a pass nor a cancelled
//! reconcile can cut between the call and the write that records its result.

use std::sync::Arc;
use std::time::Duration;

use super::decide::Identified;
use super::kind::{Kind, Place, Trouble, Wanted};
use super::mutate::{self, Cleared};
use super::pass::{Engine, Next, Subject};
use super::record::Record;
use crate::api;
use crate::api::Managed;
use crate::api::status::CreatePhase;
use crate::aws::{Fault, FaultKind, Made, Mutation};
use crate::cluster::{self, ClusterError};

/// Tries to write the id of a created server down. With the waits below this goes on for about ten minutes; after
/// that the tags lead back to it.
const PERSIST_TRIES: u32 = 60;

/// Longest wait between two of these tries.
const PERSIST_WAIT_MAX: Duration = Duration::from_secs(15);

/// Records an attempt and creates.
///
/// # Errors
/// Trouble before anything was sent, or the fault that AWS answered with.
pub async fn create<K: Kind>(
    engine: &Arc<Engine<K>>,
    subject: &Subject<K::Object>,
    place: &Place<K::Detail>,
    wanted: &Wanted<K::Want>,
) -> Result<Next, Trouble> {
    let attempt = engine.settings.chance.uuid();
    let call = engine.kind.create(&subject.object, place, wanted, &subject.owner.tags(&attempt));
    let Some(cleared) = mutate::clear(engine, subject, &place.account, &call).await? else { return Ok(Next::Again) };
    let record = Record {
        uid: subject.uid.clone(),
        phase: CreatePhase::InFlight,
        attempt: Some(attempt),
        started_at: cleared.at,
    };
    // A user's finalizer is its record; for the others the attempt is written before the call.
    let recorded = match K::IDENTIFIED {
        Identified::ByKey => true,
        Identified::ByTags | Identified::ByRecord => {
            engine.write_attempt(subject, place, &record, &wanted.applied).await?
        }
    };
    if !recorded || cleared.expired() {
        return Ok(Next::Again);
    }
    let task = Attempt { engine: Arc::clone(engine), name: subject.clone(), place: place.clone(), record };
    mutate::detached(subject.busy.clone(), async move { task.run(cleared, call).await }).await?;
    Ok(Next::Again)
}

/// One attempt under way.
struct Attempt<K: Kind> {
    engine: Arc<Engine<K>>,
    name: Subject<K::Object>,
    place: Place<K::Detail>,
    record: Record,
}

impl<K: Kind> Attempt<K> {
    async fn run(self, cleared: Cleared, call: Mutation) -> Result<(), Fault> {
        let subject = &self.name;
        tracing::info!(object = %subject.name, operation = call.operation(), attempt = ?self.record.attempt, "creating");
        match cleared.send(&self.place.account, call).await {
            Ok(made) => {
                self.engine.memories.change(&subject.uid, |memory| memory.tried = true);
                self.made(made).await;
                Ok(())
            }
            Err(fault) => {
                self.refused(&fault).await;
                if K::IDENTIFIED == Identified::ByKey && fault.kind == FaultKind::Exists { Ok(()) } else { Err(fault) }
            }
        }
    }

    /// Step 7, 200: the id is written before any other call.
    async fn made(&self, made: Made) {
        let (Identified::ByTags, Some(id)) = (K::IDENTIFIED, made.id) else { return };
        let mut wait = Duration::from_millis(100);
        for _ in 0..PERSIST_TRIES {
            match self.persist(&id).await {
                Ok(()) => return,
                Err(error) => {
                    tracing::warn!(object = %self.name.name, %id, %error, "cannot write the id down, trying again");
                }
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(PERSIST_WAIT_MAX);
        }
        tracing::error!(object = %self.name.name, %id, "the id could not be written down; the owner tags lead back to it");
    }

    async fn persist(&self, id: &str) -> Result<(), ClusterError> {
        let live = cluster::get::<K::Object>(self.engine.cluster.as_ref(), &self.name.name).await?;
        let Some(live) = live.filter(|live| mutate::version_of(live).0 == self.name.uid) else {
            self.undo(id).await;
            return Ok(());
        };
        let mut status = live.status().cloned().unwrap_or_default();
        if !self.stands(&status) || self.engine.kind.confirmed(&status) {
            // Somebody else has found it, or the record is another attempt's: the tags decide.
            return Ok(());
        }
        self.engine.kind.set_id(&mut status, &self.place, Some(id));
        set_phase::<K>(&mut status, CreatePhase::None);
        self.engine.apply(&live, &status).await.map(drop)
    }

    /// The object is gone while its server was made: nobody would ever delete it.
    async fn undo(&self, id: &str) {
        if self.name.object.policies().deletion == crate::api::common::DeletionPolicy::Retain {
            return;
        }
        let account = &self.place.account;
        let ours = account
            .describe_server(id)
            .await
            .is_ok_and(|server| server.tags.get(api::TAG_ATTEMPT) == self.record.attempt.as_ref());
        if !ours {
            return;
        }
        let call = self.engine.kind.delete(&self.name.object, &self.place, Some(id));
        let permit = account.permit(crate::aws::Class::Write).await;
        let outcome = match account.now().await {
            Ok(at) => account.mutate(permit, at, call).await.map(drop),
            Err(fault) => Err(fault),
        };
        tracing::warn!(object = %self.name.name, %id, ?outcome, "the object vanished during its create; deleted what was made");
    }

    /// Step 7, refused or ambiguous. Only a proof that nothing was made ends the record.
    async fn refused(&self, fault: &Fault) {
        let (uid, attempt) = (&self.name.uid, self.record.attempt.clone());
        if K::IDENTIFIED == Identified::ByKey {
            // Whatever came of it, from now on the key itself is looked at.
            let look = !fault.kind.proves_nothing_made() || fault.kind == FaultKind::Exists;
            self.engine.memories.change(uid, |memory| memory.tried |= look);
        }
        if !fault.kind.proves_nothing_made() {
            let now = self.place.account.clock.now().filter(|_| fault.kind == FaultKind::Unavailable);
            self.engine.memories.change(uid, |memory| memory.replied = attempt.zip(now));
            return;
        }
        if fault.kind == FaultKind::Exists {
            return;
        }
        if let Err(error) = self.reject().await {
            tracing::warn!(object = %self.name.name, %error, "cannot record that the create was refused");
        }
    }

    async fn reject(&self) -> Result<(), ClusterError> {
        let live = cluster::get::<K::Object>(self.engine.cluster.as_ref(), &self.name.name).await?;
        let Some(live) = live.filter(|live| mutate::version_of(live).0 == self.name.uid) else { return Ok(()) };
        let mut status = live.status().cloned().unwrap_or_default();
        if K::IDENTIFIED == Identified::ByKey {
            let record = self.record.write(&self.place.account.id, &self.place.account.region, "");
            if K::Object::common(&status).create.as_ref().is_none_or(|old| old.phase != CreatePhase::Rejected) {
                K::Object::common_mut(&mut status).create = Some(record);
            }
        } else if !self.stands(&status) {
            return Ok(());
        }
        set_phase::<K>(&mut status, CreatePhase::Rejected);
        if live.status() == Some(&status) {
            return Ok(());
        }
        self.engine.apply(&live, &status).await.map(drop)
    }

    /// Whether our own attempt is the one that status records.
    fn stands(&self, status: &<K::Object as Managed>::Status) -> bool {
        K::Object::common(status)
            .create
            .as_ref()
            .is_some_and(|record| record.uid == self.name.uid && record.attempt == self.record.attempt)
    }
}

fn set_phase<K: Kind>(status: &mut <K::Object as Managed>::Status, phase: CreatePhase) {
    if let Some(record) = K::Object::common_mut(status).create.as_mut() {
        record.phase = phase;
    }
}
