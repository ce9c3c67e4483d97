//! The driver: one reconcile over one object. Only `decide` chooses; each line here is one step.

use std::sync::Arc;
use std::time::Duration;

use kube::Resource as _;
use kube::api::ObjectMeta;
use tokio::time::Instant;

use super::act::act;
use super::beside_old;
use super::budget::Share;
use super::consistency::ObservedState;
use super::context::{Engine, Request, Status};
use super::events;
use super::failure;
use super::kind::{Kind, KindStatus, Plan, ReconcileError, ResourceState, Target};
use super::known::{Known, edited, operation};
use super::memory::Memory;
use super::owned;
use super::planned::Planned;
use super::report::{self, Drift, Outcome};
use super::requeue::Requeue;
use crate::api::Managed;
use crate::aws::{Priority, Rank};
use crate::cluster::{self, Name};

/// How soon to read again where the API server answered with what is older than what it had answered before.
const STALE_READ: Duration = Duration::from_secs(1);

/// How soon to come back while a call of an earlier reconcile is still running.
const STILL_BUSY: Duration = Duration::from_secs(1);

/// How soon to come back to an object that the watch has and the API server has not, or not yet. Once the watch has it
/// no more either, nobody comes back.
const UNSEEN_AGAIN: Duration = Duration::from_secs(10);

/// So many decisions at most: reads are a handful, and of calls that AWS refuses one after the other a user has fifty
/// keys to import and fifty to remove at most. A loop that goes on beyond that is a defect, and the next reconcile goes on.
const DECISIONS: u32 = 200;

/// One reconcile over the object that was queued under this name and uid. Its calls wait in this rank, which rises with
/// what it finds to do.
pub async fn reconcile<K: Kind>(engine: &Arc<Engine<K>>, name: &Name, uid: &str, rank: &Rank) -> Requeue {
    let Some(busy) = engine.memories.enter(uid) else { return Requeue::Elsewhere(STILL_BUSY) };
    let mut running = engine.counters.begin();
    let object = match first_read(engine, name, uid).await {
        Ok(object) => object,
        Err((end, next)) => {
            running.ends(end);
            return next;
        }
    };
    let mut request = Request::new(object, name.clone(), &engine.settings.cluster_id, busy, rank);
    let end = if engine.memories.change(uid, Memory::begins) {
        let end = converge(engine, &mut request).await;
        end.unwrap_or_else(|trouble| failure::failed_with(engine, &request, &trouble))
    } else {
        failure::unended(engine, &request)
    };
    engine.memories.ended(uid);
    match end {
        Outcome::Requeue(next) => {
            running.ends("step");
            // An API server that lags behind for long must not be asked, nor AWS looked at, over and over.
            let lags = next == Requeue::Again && engine.memories.read(uid, Memory::lags);
            if lags { report::contended(engine, uid) } else { next }
        }
        Outcome::Report(report) => {
            running.ends(report.readiness.name());
            report::write_status(engine, &request, report).await
        }
    }
}

/// The object to begin with: as the watch has it, or live where that is behind what this process knows. A write tests
/// the version, and a mutation rests on a live read of its own. Otherwise how the reconcile ends, and what is next.
async fn first_read<K: Kind>(engine: &Engine<K>, name: &Name, uid: &str) -> Result<K::Object, (&'static str, Requeue)> {
    if let Some(object) = engine.lister.get::<K::Object>(name).filter(|object| shows(engine, object.meta(), uid)) {
        return Ok(Arc::unwrap_or_clone(object));
    }
    let gone = || {
        engine.memories.forget(uid);
        Err(("step", Requeue::After(UNSEEN_AGAIN)))
    };
    let stored = match engine.cluster.get(&engine.resource, name).await {
        Ok(Some(stored)) => stored,
        Ok(None) => return gone(),
        Err(error) => return Err(("failed", failure::unreadable(engine, uid, &error))),
    };
    let object: K::Object = match cluster::decode(name, &stored) {
        Ok(object) => object,
        Err(error) => return Err(("failed", failure::undecodable(engine, uid, &stored, &error).await)),
    };
    let meta = object.meta();
    if meta.uid.as_deref() != Some(uid) {
        // The queue holds a former object of this name, or an API server that lags behind answers with it.
        return gone();
    }
    engine.memories.change(uid, |memory| memory.knows(meta.resource_version.as_deref()));
    Ok(object)
}

fn shows<K: Kind>(engine: &Engine<K>, meta: &ObjectMeta, uid: &str) -> bool {
    let (version, generation) = (meta.resource_version.as_deref().unwrap_or_default(), meta.generation.unwrap_or(0));
    meta.uid.as_deref() == Some(uid) && engine.memories.change(uid, |memory| memory.is_shown(version, generation))
}

/// Resolves where the object lives, then decides and acts until the action was one that ends it: there is something to
/// say, or what became of it has to be looked at. What is read, written, sent and answered is known to the next
/// decision.
async fn converge<K: Kind>(
    engine: &Arc<Engine<K>>,
    request: &mut Request<K::Object>,
) -> Result<Outcome<Status<K>>, ReconcileError> {
    if !engine.memories.change(&request.uid, |memory| memory.reads(request.generation, Instant::now())) {
        tracing::info!("read an older generation than before; reading again");
        return Ok(Outcome::Requeue(Requeue::Elsewhere(STALE_READ)));
    }
    // Somebody waits for each step of it, and no change of the object asks for the later ones.
    if request.deleting() || operation::<K::Object>(&request.status()).is_some() {
        request.rank.raise(Priority::Change);
    }
    if request.deleting() && !request.finalizer() {
        engine.memories.forget(&request.uid);
        return Ok(Outcome::Requeue(Requeue::OnChange));
    }
    let mut place = engine.kind.resolve(&request.object).await?;
    place = place.map(|target| Target { account: target.account.ranked(&request.rank), ..target });
    if let Ok(target) = &place {
        engine.settings.looks.expects(&request.uid, &target.account.id, &target.account.region);
    }
    let mut known = Known::new(place);
    let end = steps(engine, request, &mut known).await;
    note_look(engine, request, &known);
    // What it made says so by itself; of one that was there, what AWS took is told, however the reconcile ended.
    if !known.made {
        for note in events::together(std::mem::take(&mut known.taken)) {
            report::publish(engine, request, note).await;
        }
    }
    let mut end = end?;
    if let Outcome::Report(report) = &mut end {
        owned::keep(engine, request, &known, report).await;
    }
    Ok(in_full(engine, request, &known, end))
}

async fn steps<K: Kind>(
    engine: &Arc<Engine<K>>,
    request: &mut Request<K::Object>,
    known: &mut Known<K>,
) -> Result<Outcome<Status<K>>, ReconcileError> {
    for _ in 0..DECISIONS {
        if edited::<K>(request, known.wanted.as_ref()) {
            // It was queued as one to look at, where nobody saw the edit.
            request.rank.raise(Priority::Retry);
        }
        let action = known.decide(engine, request);
        tracing::debug!(sight = ?known.sight, %action, "decided");
        if let Some(end) = act(engine, request, known, action).await? {
            return Ok(end);
        }
    }
    Ok(Outcome::Requeue(Requeue::Again))
}

/// Takes down what was seen for whoever compares listings with it.
fn note_look<K: Kind>(engine: &Engine<K>, request: &Request<K::Object>, known: &Known<K>) {
    let (looks, uid) = (&engine.settings.looks, request.uid.as_str());
    match (known.target(), &known.have, &known.sight) {
        // Who has no place (its server is gone) is not looked at either, and others have its share of looks.
        (None, ..) => looks.doubt(uid),
        (_, _, ObservedState::Missing | ObservedState::ParentMissing) => {
            looks.doubt(uid);
            looks.checked(uid);
        }
        (Some(target), Some(have), ObservedState::Found(_)) => {
            // What others live on is looked at as often as it is listed: it takes part in no budget.
            let listed = engine.kind.found_by().child().map(|_| Share::Listed);
            let quiet = || known.plan.as_ref().is_some_and(Plan::is_quiet);
            let (row, share) = match have.listed() {
                Some(row) => (Some(row), listed),
                None => (known.compares(request).filter(|_| quiet()), Some(Share::Unlisted)),
            };
            looks.saw(uid, (&target.account.id, &target.account.region), row, share);
        }
        _ => {}
    }
    // It may have ended meanwhile, and whoever was told of that is not told again.
    let held = engine.lister.get::<K::Object>(&request.name);
    if held.is_none_or(|held| held.meta().uid.as_deref() != Some(uid)) {
        looks.forget(uid);
    }
}

/// Of what is being deleted and AWS does not have, nothing is shown and nothing is left that could differ. What was
/// replaced and is still there is told of.
fn in_full<K: Kind>(
    engine: &Engine<K>,
    request: &Request<K::Object>,
    known: &Known<K>,
    mut end: Outcome<Status<K>>,
) -> Outcome<Status<K>> {
    if let Outcome::Report(report) = &mut end
        && request.deleting()
    {
        // What was planned is not done any more.
        Planned::default().show(K::Object::common_mut(&mut report.status));
        if known.sight == ObservedState::Missing {
            report.status.vanished();
            report.drift = Drift::Now(None);
        }
    }
    if let Outcome::Report(report) = &mut end {
        beside_old::beside_old(engine, request, known, report);
    }
    end
}
