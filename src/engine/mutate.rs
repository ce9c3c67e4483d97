//! Sending one mutation: permit, live read, call. The only place from which a mutation leaves.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use tracing::Instrument;

use super::context::{Engine, Request};
use super::diff::{self, Change};
use super::digest::hash;
use super::kind::{Kind, ReconcileError, Target};
use super::memory::{InFlight, Memory};
use kube::Resource as _;

use crate::api::{Managed, TAG_UID};
use crate::aws::rate_limiter::SENT_AT_MOST;
use crate::aws::{Account, AwsError, AwsErrorKind, CreateOutput, Mutation, Permit, Priority};
use crate::cluster;

/// How old the live read may be on which a mutation rests; what is older begins again.
const LIVE_READ_MAX_AGE: Duration = Duration::from_secs(10);

/// The right to send one mutation now, signed with the time of the live read it rests on.
#[derive(Debug)]
pub struct Cleared {
    permit: Permit,
    /// The signing time.
    pub at: Timestamp,
    read_at: Instant,
}

impl Cleared {
    /// Whether the live read is too old by now.
    #[must_use]
    pub fn expired(&self) -> bool {
        self.read_at.elapsed() > LIVE_READ_MAX_AGE
    }

    /// Sends the mutation, once; `None` where the live read has become too old for it.
    ///
    /// # Errors
    /// The fault that AWS answered with.
    pub async fn send(self, account: &Account, call: Mutation) -> Result<Option<CreateOutput>, AwsError> {
        if self.expired() {
            return Ok(None);
        }
        account.mutate(self.permit, self.at, call).await.map(Some)
    }
}

/// Takes a permit, then reads the object live. `None` where it is no longer as the reconcile saw it: the reconcile
/// begins again.
///
/// # Errors
/// Trouble in reading.
pub async fn clear<K: Kind>(
    engine: &Engine<K>,
    request: &Request<K::Object>,
    account: &Account,
    call: &Mutation,
) -> Result<Option<Cleared>, ReconcileError> {
    // A look that found something to do is no mere look any more.
    request.rank.raise(Priority::Retry);
    let permit = account.permit(call.class()).await;
    let read_at = Instant::now();
    let at = account.now().await?;
    let live = cluster::get::<K::Object>(engine.cluster.as_ref(), &request.name).await?;
    let unchanged = live.is_some_and(|live| {
        let meta = live.meta();
        meta.uid.as_deref() == Some(request.uid.as_str())
            && meta.resource_version.as_deref() == Some(request.resource_version.as_str())
    });
    if !unchanged {
        engine.memories.change(&request.uid, Memory::is_behind);
    }
    let cleared = Cleared { permit, at, read_at };
    Ok((unchanged && !cleared.expired()).then_some(cleared))
}

/// Sends a mutation that needs no record, in a task of its own: the deadline of the reconcile does not cut it. The log
/// says which changes it makes. What AWS throttles goes again, with a permit, a live read and a signature of its own,
/// unless it takes something away.
///
/// # Errors
/// Trouble in reading, or the fault that AWS answered with.
pub async fn mutate<K: Kind>(
    engine: &Engine<K>,
    request: &Request<K::Object>,
    account: &Account,
    call: Mutation,
    changes: &[Change],
) -> Result<Option<CreateOutput>, ReconcileError> {
    // What takes something away rests on more than the object: that is looked at anew in the next reconcile.
    let tries = if call.takes_away() { 1 } else { SENT_AT_MOST };
    for _ in 1..tries {
        match mutate_once(engine, request, account, call.clone(), changes).await {
            Err(trouble) if throttled(&trouble) => {}
            ended => return ended,
        }
    }
    mutate_once(engine, request, account, call, changes).await
}

/// Whether AWS made nothing of a call, as there were too many.
#[must_use]
pub fn throttled(trouble: &ReconcileError) -> bool {
    matches!(trouble, ReconcileError::Aws(fault) if fault.kind == AwsErrorKind::Throttled)
}

async fn mutate_once<K: Kind>(
    engine: &Engine<K>,
    request: &Request<K::Object>,
    account: &Account,
    call: Mutation,
    changes: &[Change],
) -> Result<Option<CreateOutput>, ReconcileError> {
    let Some(cleared) = clear(engine, request, account, &call).await? else { return Ok(None) };
    send(request, account, cleared, call, changes).await
}

/// Sends what was cleared.
///
/// # Errors
/// The fault that AWS answered with.
pub async fn send<O>(
    request: &Request<O>,
    account: &Account,
    cleared: Cleared,
    call: Mutation,
    changes: &[Change],
) -> Result<Option<CreateOutput>, ReconcileError> {
    let account = account.clone();
    let (id, paths) = (call.target(), (!changes.is_empty()).then(|| diff::paths(changes)));
    tracing::info!(operation = call.operation(), id = id.as_deref(), paths = paths.as_deref(), "calling AWS");
    let sent: Result<_, AwsError> =
        detached(request.busy.clone(), async move { cleared.send(&account, call).await }).await;
    Ok(sent?)
}

/// Runs a future to its end in a task of its own, keeping the object busy as long.
///
/// # Errors
/// Those of the future; a task that broke down counts as an answer that was lost.
pub async fn detached<T, E, F>(busy: Arc<InFlight>, work: F) -> Result<T, E>
where
    T: Send + 'static,
    E: From<AwsError> + Send + 'static,
    F: Future<Output = Result<T, E>> + Send + 'static,
{
    let run = async move {
        let outcome = work.await;
        drop(busy);
        outcome
    };
    let task = tokio::spawn(run.in_current_span());
    match task.await {
        Ok(outcome) => outcome,
        Err(error) => Err(AwsError {
            operation: "Task",
            kind: AwsErrorKind::Lost,
            code: "TaskFailed".to_owned(),
            message: error.to_string(),
            resource_type: None,
            retry_after: None,
            date: None,
        }
        .into()),
    }
}

/// A short digest of a call, by which a refused one is recognised.
#[must_use]
pub fn digest(call: &Mutation) -> String {
    format!("{}-{}", call.operation(), hash(&call.plain().to_string()))
}

/// The same of taking our owner tags off this one, which is remembered as one whatever is sent with it. Nothing where it
/// carries none.
pub(super) fn untag_digest<K: Kind>(
    engine: &Engine<K>,
    request: &Request<K::Object>,
    target: &Target<K::TargetDetail>,
    id: &str,
) -> Option<String> {
    let arn = engine.kind.arn(&request.object, target, Some(id))?;
    Some(digest(&Mutation::untag(arn, vec![TAG_UID.to_owned()])))
}

/// The part of an object's metadata that identifies a version of it.
pub(super) fn version_of<O: Managed>(object: &O) -> (String, String) {
    let meta = object.meta();
    (meta.uid.clone().unwrap_or_default(), meta.resource_version.clone().unwrap_or_default())
}
