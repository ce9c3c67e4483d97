//! Creating, steps 5 to 7 of the protocol: record the attempt, send once, write down what was made.
//!
//! From the record on, everything runs in one task of its own: neither the deadline of a reconcile nor a cancelled
//! reconcile can cut between the call and the write that records its result.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::edit;
use super::record::{Begins, write_attempt};
use crate::api;
use crate::api::Managed;
use crate::api::lifecycle::DeletionPolicy;
use crate::api::status::CreatePhase;
use crate::aws::{AwsError, AwsErrorKind, CreateOutput, Mutation};
use crate::cluster::{self, ClusterError};
use crate::engine::consistency::Observation;
use crate::engine::context::{Engine, ReconcileContext, Request, Status};
use crate::engine::decide::Identity;
use crate::engine::decide::answer::{
    self, AfterAttempt, AfterMade, AttemptFacts, AttemptRecord, CreateEnd, MadeFacts, after_attempt, after_made,
    may_undo,
};
use crate::engine::found_by::{TagLookup, Tagged};
use crate::engine::kind::{Kind, KindStatus, ReconcileError, ResourceState as _, Target, Wanted};
use crate::engine::known::{self, Known, create_digest};
use crate::engine::mutate::{self, Cleared};
use crate::engine::observe;
use crate::engine::planned::Planned;
use crate::engine::record::RecordedCreate;
use crate::engine::refusals::{explained, remember};
use crate::engine::report::{self, Outcome};
use crate::engine::requeue::Requeue;

/// Tries to write the id of a created server down. With the waits below this goes on for about ten minutes; after
/// that the tags lead back to it.
const PERSIST_TRIES: u32 = 60;

/// Longest wait between two of these tries.
const PERSIST_WAIT_MAX: Duration = Duration::from_secs(15);

/// Tries to write down that nothing was made; after that the windows tell.
const REJECT_TRIES: u32 = 3;

/// What AWS answered that it made, and the object as the record of the attempt left it.
pub(super) struct Created<K: Kind> {
    have: K::Have,
    /// By AWS's clock, after its answer: no create of this process is signed later.
    at: Timestamp,
    object: K::Object,
}

/// Records an attempt and creates. Where AWS's answer says what there is now, the reconcile goes on with that.
///
/// # Errors
/// Trouble before anything was sent, or the fault that AWS answered with.
pub(super) async fn create<K: Kind>(
    engine: &Arc<Engine<K>>,
    request: &mut Request<K::Object>,
    known: &mut Known<K>,
) -> Result<Option<Outcome<Status<K>>>, ReconcileError> {
    let made = match known.context(request) {
        Some(context) => begin(engine, &context).await?,
        None => None,
    };
    let Some(Created { have, at, object }) = made else { return Ok(Some(Outcome::Requeue(Requeue::Again))) };
    let sight = observe::owned_by(request, &have);
    request.renew(object);
    known.was_made(have, sight, at);
    Ok(None)
}

/// The same for what is looked at afterwards.
///
/// # Errors
/// Trouble before anything was sent, or the fault that AWS answered with.
pub(super) async fn begin<K: Kind>(
    engine: &Arc<Engine<K>>,
    context: &ReconcileContext<'_, K>,
) -> Result<Option<Created<K>>, ReconcileError> {
    let (Some(wanted), Some(digest)) = (context.wanted, create_digest(engine, context)) else { return Ok(None) };
    let request = context.request;
    // What stands there already is replaced, and that is planned.
    let planned = known::plan(engine, context).map(|plan| Planned::before(&plan, true)).unwrap_or_default();
    let begins = Begins { applied: wanted.applied.clone(), operation: wanted.operation.clone(), planned };
    let tries = answer::tries(engine.kind.found_by().identity());
    let mut ended = attempt(engine, request, context.target, wanted, begins.clone(), tries).await;
    for left in (1..tries).rev() {
        if ended.as_ref().err().is_none_or(|trouble| !mutate::throttled(trouble)) {
            break;
        }
        ended = attempt(engine, request, context.target, wanted, begins.clone(), left).await;
    }
    match ended {
        Ok(made) => {
            // What has an id and is made again is replaced, not lost.
            let seen = engine.kind.found_by().tagged().is_none() && request.status().confirmed();
            engine.memories.change(&request.uid, |memory| {
                memory.refused_calls.remove(&digest);
                memory.lost |= seen;
            });
            Ok(made)
        }
        // It is looked at now. Where AWS then shows something else than it says, its answers differ.
        Err(ReconcileError::Aws(fault)) if answer::refuses_create(&fault) => {
            let call = engine.kind.create(&request.object, context.target, wanted, &request.owner.lasting_tags());
            let fault = explained(engine, &context.target.account, &call, fault).await;
            remember(engine, request, digest, fault, &[]);
            Ok(None)
        }
        Err(trouble) => Err(trouble),
    }
}

async fn attempt<K: Kind>(
    engine: &Arc<Engine<K>>,
    request: &Request<K::Object>,
    target: &Target<K::TargetDetail>,
    wanted: &Wanted<K::Want>,
    begins: Begins,
    tries: u32,
) -> Result<Option<Created<K>>, ReconcileError> {
    let attempt = engine.settings.env.uuid();
    let call = engine.kind.create(&request.object, target, wanted, &request.owner.tags(&attempt));
    let Some(cleared) = mutate::clear(engine, request, &target.account, &call).await? else { return Ok(None) };
    let before = RecordedCreate::of(K::Object::common(&request.status()), &request.uid, cleared.at);
    let record = RecordedCreate {
        uid: request.uid.clone(),
        phase: CreatePhase::InFlight,
        attempt: Some(attempt),
        started_at: cleared.at,
        retired_ids: before.as_ref().map(|before| before.retired_ids.clone()).unwrap_or_default(),
    };
    let earlier = before.filter(|before| before.attempt.is_some());
    let made_before = earlier.as_ref().is_some_and(|earlier| earlier.phase == CreatePhase::None);
    let unresolved = earlier.is_some_and(|earlier| {
        earlier.phase == CreatePhase::InFlight && cleared.at < engine.settings.windows.late(earlier.started_at)
    });
    let busy = request.busy.clone();
    let (engine, request, target) = (Arc::clone(engine), request.clone(), target.clone());
    let task = Attempt { engine, request, target, record, unresolved, made_before, last: tries == 1 };
    let run = async move {
        match task.recorded(&begins).await? {
            Some(object) => task.run(cleared, call, object).await,
            None => Ok(None),
        }
    };
    mutate::detached(busy, run).await
}

/// One attempt under way.
struct Attempt<K: Kind> {
    engine: Arc<Engine<K>>,
    request: Request<K::Object>,
    target: Target<K::TargetDetail>,
    record: RecordedCreate,
    /// An earlier attempt may still take effect: what this one is refused for says nothing of that.
    unresolved: bool,
    /// An earlier attempt made it: what is there still is what that one made.
    made_before: bool,
    /// Should AWS throttle it, no other follows in this reconcile.
    last: bool,
}

impl<K: Kind> Attempt<K> {
    fn identity(&self) -> Identity {
        self.engine.kind.found_by().identity()
    }

    /// Step 5: the attempt is written down before the call; the object as it stands then, nothing where it moved on. A
    /// user's finalizer is its record.
    async fn recorded(&self, begins: &Begins) -> Result<Option<K::Object>, ReconcileError> {
        let uid = &self.request.uid;
        // Listings of before say nothing of this attempt.
        self.engine.memories.change(uid, |memory| memory.observations.clear(Observation::NoTrace));
        if self.identity() == Identity::Keyed {
            return Ok(Some(self.request.object.clone()));
        }
        let written = write_attempt(&self.engine, &self.request, &self.target, &self.record, begins).await;
        if !matches!(written, Ok(Some(_))) {
            // It may stand there all the same, but nothing was sent.
            self.replied(true);
        }
        written
    }

    async fn run(
        self,
        cleared: Cleared,
        call: Mutation,
        object: K::Object,
    ) -> Result<Option<Created<K>>, ReconcileError> {
        let request = &self.request;
        let arn = self.engine.kind.arn(&request.object, &self.target, None);
        let would_have = K::Have::created(&call, arn);
        let (operation, id) = (call.operation(), call.target());
        tracing::info!(operation, id = id.as_deref(), attempt = self.record.attempt.as_deref(), "calling AWS");
        match cleared.send(&self.target.account, call).await {
            Ok(None) => {
                self.ended(CreateEnd::NotSent).await;
                Ok(None)
            }
            Ok(Some(made)) => {
                let at = self.target.account.clock.now().filter(|_| self.identity() != Identity::Tagged);
                self.engine.memories.change(&request.uid, |memory| (memory.create_sent, memory.made) = (true, at));
                self.made(made).await;
                Ok(would_have.zip(at).map(|(have, at)| Created { have, at, object }))
            }
            Err(fault) => {
                self.ended(CreateEnd::Failed(fault.kind)).await;
                Err(fault.into())
            }
        }
    }

    /// Step 7, 200: the id is written before any other call.
    async fn made(&self, made: CreateOutput) {
        let (Some(tagged), Some(id)) = (self.engine.kind.found_by().tagged(), made.id) else { return };
        tracing::info!(%id, attempt = self.record.attempt.as_deref(), "AWS made it");
        let mut wait = Duration::from_millis(100);
        for _ in 0..PERSIST_TRIES {
            match self.persist(tagged, &id).await {
                Ok(()) => return,
                Err(error) => {
                    tracing::warn!(%id, %error, "cannot write the id down, trying again");
                }
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(PERSIST_WAIT_MAX);
        }
        tracing::error!(%id, "the id could not be written down; the owner tags lead back to it");
    }

    async fn persist(&self, tagged: &dyn Tagged<K::Object, K::TargetDetail>, id: &str) -> Result<(), ReconcileError> {
        let live = cluster::get::<K::Object>(self.engine.cluster.as_ref(), &self.request.name).await?;
        let live = live.filter(|live| mutate::version_of(live).0 == self.request.uid);
        let mut status = live.as_ref().and_then(|live| live.status().cloned()).unwrap_or_default();
        let after = after_made(MadeFacts {
            there: live.is_some(),
            stands: self.stands(&status),
            confirmed: status.confirmed(),
            retain: self.request.object.policies().deletion == DeletionPolicy::Retain,
        });
        let live = match (after, live) {
            (AfterMade::Record, Some(live)) => live,
            (AfterMade::Undo, _) => return Ok(self.undo(tagged.lookup(), id).await?),
            (AfterMade::LeaveInAws, _) => {
                tracing::warn!(%id, "the object vanished during its create; left in AWS");
                return Ok(());
            }
            (AfterMade::LeaveToTags | AfterMade::Record, _) => return Ok(()),
        };
        tagged.set_id(&mut status, &self.target, id);
        edit::id_recorded::<K>(&mut status, id);
        set_phase::<K>(&mut status, CreatePhase::None);
        Ok(report::apply(&self.engine, &live, &status).await.map(drop)?)
    }

    /// The object is gone while this was made for it: nobody would ever delete it. Only what carries this attempt's tag
    /// is deleted, and only once AWS showed it: a NotFound so soon is a read that lags.
    async fn undo(&self, lookup: &dyn TagLookup, id: &str) -> Result<(), AwsError> {
        let (request, account) = (&self.request, &self.target.account);
        let call = self.engine.kind.delete(&request.object, &self.target, Some(id));
        let permit = account.permit(call.class()).await;
        let at = account.now().await?;
        let tags = lookup.tags_of(account, id).await?;
        if !may_undo(self.record.attempt.as_ref(), tags.get(api::TAG_ATTEMPT)) {
            tracing::warn!(%id, "the object vanished, and what it made is somebody else's now");
            return Ok(());
        }
        let operation = call.operation();
        tracing::warn!(operation, %id, "the object vanished during its create; deleting what was made");
        match account.mutate(permit, at, call).await {
            Ok(_) => {
                lookup.deleted(account, id);
                Ok(())
            }
            Err(fault) if fault.kind == AwsErrorKind::NotFound => Ok(()),
            Err(fault) => Err(fault),
        }
    }

    /// Step 7, refused or ambiguous.
    async fn ended(&self, end: CreateEnd) {
        let uid = &self.request.uid;
        let AfterAttempt { sent, contradicted, record } = after_attempt(&AttemptFacts {
            identity: self.identity(),
            end,
            sent_before: self.engine.memories.read(uid, |memory| memory.create_sent),
            unresolved: self.unresolved,
            made_before: self.made_before,
            last: self.last,
        });
        self.engine.memories.change(uid, |memory| {
            memory.create_sent |= sent;
            memory.contradicted |= contradicted;
        });
        match record {
            AttemptRecord::AsBefore => {}
            AttemptRecord::InFlight { answered } => self.replied(answered),
            AttemptRecord::Rejected => self.not_made().await,
        }
    }

    /// Whether AWS answered by now, so that no call of this attempt can arrive any more.
    fn replied(&self, answered: bool) {
        let now = self.target.account.clock.now().filter(|_| answered);
        let replied = self.record.attempt.clone().zip(now);
        self.engine.memories.change(&self.request.uid, |memory| memory.replied = replied);
    }

    /// Writes down that nothing was made of this attempt.
    async fn not_made(&self) {
        for _ in 0..REJECT_TRIES {
            match self.reject().await {
                Ok(()) => return,
                Err(error) => {
                    tracing::warn!(%error, "cannot write down that nothing was made");
                }
            }
        }
        self.replied(true);
    }

    async fn reject(&self) -> Result<(), ClusterError> {
        let live = cluster::get::<K::Object>(self.engine.cluster.as_ref(), &self.request.name).await?;
        let Some(live) = live.filter(|live| mutate::version_of(live).0 == self.request.uid) else { return Ok(()) };
        let mut status = live.status().cloned().unwrap_or_default();
        if self.identity() == Identity::Keyed {
            let record = self.record.write(&self.target.account.id, &self.target.account.region, "");
            if K::Object::common(&status).create.as_ref().is_none_or(|old| old.phase != CreatePhase::Rejected) {
                K::Object::common_mut(&mut status).create = Some(record);
            }
        } else if !self.stands(&status) {
            return Ok(());
        }
        edit::not_made(&self.engine, &mut status, &self.target);
        set_phase::<K>(&mut status, CreatePhase::Rejected);
        if live.status() == Some(&status) {
            return Ok(());
        }
        report::apply(&self.engine, &live, &status).await.map(drop)
    }

    /// Whether our own attempt is the one that status records.
    fn stands(&self, status: &<K::Object as Managed>::Status) -> bool {
        K::Object::common(status)
            .create
            .as_ref()
            .is_some_and(|record| record.uid == self.request.uid && record.attempt == self.record.attempt)
    }
}

fn set_phase<K: Kind>(status: &mut <K::Object as Managed>::Status, phase: CreatePhase) {
    if let Some(record) = K::Object::common_mut(status).create.as_mut() {
        record.phase = phase;
    }
}
