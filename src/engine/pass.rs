//! One pass over one object: find its place, look, decide one step, take it, say where it stands.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use super::decide::Identified;
use super::kind::{Block, Kind, Look, Place, Trouble, Wanted};
use super::memory::Memory;
use super::observe::{observes, pending};
use super::report::{Drift, End, Report};
use super::retry;
use super::scene::{Engine, Next, Scene, Status, Subject};
use super::status::{STALENESS_BUDGET, Verdict};
use super::undecodable;
use crate::api::Managed;
use crate::api::common::DeletionPolicy;
use crate::api::condition::reasons;
use crate::api::status::CreatePhase;
use crate::cluster::{self, ClusterError, Name};

/// How soon to read again where the API server answered with what is older than what it had answered before.
const STALE_READ: Duration = Duration::from_secs(1);

/// How soon to come back while a call of an earlier pass is still running.
const STILL_BUSY: Duration = Duration::from_secs(1);

/// How soon to come back to an object that the watch has and the API server has not, or not yet. Once the watch has it
/// no more either, nobody comes back.
const UNSEEN_AGAIN: Duration = Duration::from_secs(10);

/// One pass over the object that was queued under this name and uid.
pub async fn pass<K: Kind>(engine: &Arc<Engine<K>>, name: &Name, uid: &str) -> Next {
    let Some(busy) = engine.memories.enter(uid) else { return Next::After(STILL_BUSY) };
    let mut running = engine.tally.begin();
    let stored = match engine.cluster.get(&engine.resource, name).await {
        Ok(Some(stored)) => stored,
        Ok(None) => {
            running.ends("step");
            engine.memories.forget(uid);
            return Next::After(UNSEEN_AGAIN);
        }
        Err(error) => {
            running.ends("failed");
            return engine.unreadable(uid, &error);
        }
    };
    let object = match cluster::decode(name, &stored) {
        Ok(object) => object,
        Err(error) => {
            running.ends("failed");
            return engine.undecodable(uid, &stored, &error).await;
        }
    };
    let subject = Subject::new(object, name.clone(), &engine.settings.cluster_id, busy);
    if subject.uid != uid {
        // The queue holds a former object of this name, or an API server that lags behind answers with it.
        running.ends("step");
        engine.memories.forget(uid);
        return Next::After(UNSEEN_AGAIN);
    }
    let end = if engine.memories.change(uid, Memory::begins) {
        engine.converge(&subject).await.unwrap_or_else(|trouble| engine.troubled(&subject, &trouble))
    } else {
        engine.unended(&subject)
    };
    engine.memories.ended(uid);
    match end {
        End::Next(next) => {
            running.ends("step");
            next
        }
        End::Tell(report) => {
            running.ends(report.verdict.name());
            engine.tell(&subject, report).await
        }
    }
}

impl<K: Kind> Engine<K> {
    async fn converge(self: &Arc<Self>, subject: &Subject<K::Object>) -> Result<End<Status<K>>, Trouble> {
        if !self.memories.change(&subject.uid, |memory| memory.reads(subject.generation, Instant::now())) {
            tracing::info!("read an older generation than before; reading again");
            return Ok(End::Next(Next::After(STALE_READ)));
        }
        if subject.deleting() && !subject.finalizer() {
            self.memories.forget(&subject.uid);
            return Ok(End::Next(Next::OnChange));
        }
        let place = match self.kind.place(&subject.object).await {
            Ok(place) => place,
            Err(Trouble::Blocked(block)) => return self.placeless(subject, block).await,
            Err(trouble) => return Err(trouble),
        };
        if let Some(block) = &place.denied
            && let Some(end) = self.denied(subject, block).await?
        {
            return Ok(end);
        }
        let now = place.account.now().await?;
        let wanted = self.wanted(subject, &place, now).await?;
        self.take_note(subject, &place, wanted.as_ref(), now);
        // Only an edit can have taken a key away: who wrote nothing is not looked at.
        if let Some(block) = self.kind.unproven(&place)
            && !subject.deleting()
            && (observes(&subject.object) || !pending::<K>(subject, wanted.as_ref()))
        {
            return Ok(End::Tell(Report::block(subject.status(), block.clone())));
        }
        let look = self.look(subject, &place).await?;
        let sight = self.sight(subject, &look, now);
        let have = match &look {
            Look::Found(have) => Some(have),
            Look::NoKey | Look::Missing | Look::ParentMissing => None,
        };
        let scene = Scene { subject, place: &place, wanted: wanted.as_ref(), have, now };
        let step = self.decide(&scene, &sight).await?;
        tracing::debug!(?sight, %step, "decided");
        let mut end = self.take(&scene, step).await?;
        if let End::Tell(report) = &mut end
            && subject.deleting()
            && matches!(look, Look::Missing)
        {
            self.kind.vanished(&mut report.status);
            // Nothing is left that could differ.
            report.drift = Drift::Now(None);
        }
        Ok(end)
    }

    /// The grant was withdrawn: nothing is changed any more. Only deletion of what is ours goes on, and what stays in AWS
    /// on purpose is let go without a call.
    async fn denied(&self, subject: &Subject<K::Object>, block: &Block) -> Result<Option<End<Status<K>>>, Trouble> {
        let policies = subject.object.policies();
        if !subject.deleting() {
            return Ok(Some(End::Tell(Report::block(subject.status(), block.clone()))));
        }
        if policies.deletion != DeletionPolicy::Retain || policies.protected {
            return Ok(None);
        }
        let warning = "the grant was withdrawn: it stays in AWS, with the owner tags".to_owned();
        self.release(subject, Some(warning)).await.map(Some)
    }

    /// The place cannot be told. What is left in AWS on purpose, and what never got there, needs none to go.
    async fn placeless(&self, subject: &Subject<K::Object>, block: Block) -> Result<End<Status<K>>, Trouble> {
        let retained = subject.object.policies().deletion == DeletionPolicy::Retain;
        if subject.deleting() && !subject.object.policies().protected && (retained || self.never_sent(subject)) {
            return self.release(subject, None).await;
        }
        Ok(nowhere::<K>(subject, block))
    }

    /// Whether the records prove that nothing was ever sent for this object, or that AWS refused it.
    fn never_sent(&self, subject: &Subject<K::Object>) -> bool {
        let status = subject.status();
        let record = K::Object::common(&status).create.as_ref().filter(|record| record.uid == subject.uid);
        let refused = record.is_some_and(|record| record.phase == CreatePhase::Rejected);
        let unsent = record.is_some_and(|record| record.phase == CreatePhase::None && record.attempt.is_none());
        // A user's finalizer is its record: without another one, a create may have been sent.
        !self.kind.confirmed(&status) && (refused || (unsent && K::IDENTIFIED != Identified::ByKey))
    }

    async fn wanted(
        &self,
        subject: &Subject<K::Object>,
        place: &Place<K::Detail>,
        now: Timestamp,
    ) -> Result<Option<Wanted<K::Want>>, Trouble> {
        // Deletion asks for less than an update: a spec that is wrong must not hold it up.
        if subject.deleting() {
            return Ok(None);
        }
        self.kind.want(&subject.object, place, now).await.map(Some)
    }

    fn unreadable(&self, uid: &str, error: &ClusterError) -> Next {
        let (failures, _) = self.failed(uid, retry::cluster_reason(error), &error.to_string());
        Next::After(retry::cluster_delay(error, failures, self.settings.chance.fraction()))
    }

    async fn undecodable(&self, uid: &str, stored: &Value, error: &ClusterError) -> Next {
        if stored.pointer("/metadata/uid").and_then(Value::as_str) != Some(uid) {
            self.memories.forget(uid);
            return Next::OnChange;
        }
        let message = error.to_string();
        let said = self.memories.change(uid, |memory| memory.undecodable.replace(message.clone()) == Some(message));
        let now = self.settings.chance.wall();
        undecodable::tell(self.cluster.as_ref(), &self.resource, stored, error, said, now).await
    }

    /// The pass before this one never ended. That is a failure like any other, and said as one.
    fn unended(&self, subject: &Subject<K::Object>) -> End<Status<K>> {
        let now = Instant::now();
        let (_, since) = self.memories.change(&subject.uid, |memory| memory.failed(now));
        let message =
            "a pass over this object ran out of time or panicked; the log of the operator says more".to_owned();
        let (reason, lasted) = (reasons::INTERNAL_ERROR, now.duration_since(since));
        End::Tell(Report {
            status: subject.status(),
            verdict: Verdict::Failed { reason, message, lasted, stalls: false },
            advisory: None,
            drift: Drift::AsBefore,
            next: Next::Again,
            keep: true,
        })
    }

    /// Trouble becomes a verdict: how long it lasts decides what is said.
    pub(super) fn troubled(&self, subject: &Subject<K::Object>, trouble: &Trouble) -> End<Status<K>> {
        let (class, reason, asked) = match trouble {
            // Somebody wrote in between: nothing is wrong, look again.
            Trouble::Cluster(ClusterError::Conflict(_)) => return End::Next(self.contended(&subject.uid)),
            Trouble::Blocked(block) => return nowhere::<K>(subject, block.clone()),
            Trouble::Aws(fault) => (retry::class(fault), retry::reason(fault), fault.retry_after),
            Trouble::Cluster(error) => (retry::cluster_class(error), retry::cluster_reason(error), None),
        };
        let message = trouble.to_string();
        let (failures, since) = self.failed(&subject.uid, reason, &message);
        let lasted = since.elapsed();
        let (fraction, grace) = (self.settings.chance.fraction(), self.settings.rejection_grace);
        let delay = match trouble {
            Trouble::Cluster(error) => retry::cluster_delay(error, failures, fraction),
            Trouble::Aws(_) | Trouble::Blocked(_) => retry::delay(class, failures, asked, fraction),
        };
        let stalls = retry::stalls(class, lasted, grace);
        // What is to be said by then is said then, however long the wait has become.
        let turns = [retry::until_stalled(class, lasted, grace), STALENESS_BUDGET.checked_sub(lasted)];
        let delay = turns.into_iter().flatten().filter(|turn| !turn.is_zero()).fold(delay, Duration::min);
        End::Tell(Report {
            status: subject.status(),
            verdict: Verdict::Failed { reason, message, lasted, stalls },
            advisory: None,
            drift: Drift::AsBefore,
            next: Next::After(delay),
            keep: true,
        })
    }
}

/// The place cannot be told: an object that is being deleted waits for it, any other says so.
fn nowhere<K: Kind>(subject: &Subject<K::Object>, block: Block) -> End<Status<K>> {
    let mut report = Report::block(subject.status(), block);
    if subject.deleting() {
        report.as_deletion();
    }
    End::Tell(report)
}
