//! `AwsIdentity`: who AWS says its credentials are, and that it stays while objects need it. Its own small loop: there
//! is nothing in AWS to create, so the engine has no part in it. [`decide`] says what is due.

mod decide;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::core::ApiResource;
use kube::{Resource, ResourceExt};
use serde_json::Value;
use tokio::time::Instant;

use self::decide::{IdentityAction, IdentityFacts, decide, fault, judge};
use super::dependents;
use super::deps::Deps;
use super::installations::Installation;
use super::orphans::{Orphans, SCANNING, Told};
use crate::api::condition::{self, ConditionStatus, NewCondition, reasons, types};
use crate::api::{AwsIdentity, AwsIdentityStatus, FINALIZER, RECONCILE_AT};
use crate::aws::account_clients::CallerIdentity;
use crate::cluster::{self, ClusterError, EventNote, Name, Reach, mass_deletion};
use crate::engine::backoff;
use crate::engine::counters::{ReconcileCounters, ReconcileTimer};
use crate::engine::kind::ReconcileError;
use crate::engine::reason::Reason;
use crate::engine::requeue::Requeue;
use crate::engine::settings::Settings;
use crate::engine::status::{Advice, ConditionInputs, Readiness, compute_conditions};
use crate::engine::undecodable;

/// How soon a deletion that waits for objects is looked at again.
const IN_USE_AGAIN: Duration = Duration::from_secs(30);

/// How soon what could not be written is found out and told once more: STS is not asked in between.
const UNTOLD_AGAIN: Duration = Duration::from_secs(30);

/// How soon the watch has surely brought what was written.
const WATCH_CATCHES_UP: Duration = Duration::from_secs(1);

/// All identities of the process.
pub struct Identities {
    deps: Arc<Deps>,
    settings: Settings,
    orphans: Arc<Orphans>,
    installation: Installation,
    /// How reconciles ended.
    pub counters: ReconcileCounters,
    memories: Mutex<BTreeMap<String, Memory>>,
    /// The status of each as this process would have it, where it may not write it.
    unwritten: Mutex<BTreeMap<String, AwsIdentityStatus>>,
}

/// What is remembered of one identity between reconciles.
#[derive(Clone, Debug, Default)]
struct Memory {
    /// Generation and annotation that STS was asked for last.
    change_fingerprint: String,
    /// When to ask again.
    due: Option<Instant>,
    /// Failures in a row, and since when.
    failures: u32,
    since: Option<Instant>,
}

impl Identities {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(deps: Arc<Deps>, settings: Settings, orphans: Arc<Orphans>, installation: Installation) -> Self {
        Self {
            deps,
            settings,
            orphans,
            installation,
            counters: ReconcileCounters::default(),
            memories: Mutex::default(),
            unwritten: Mutex::default(),
        }
    }

    /// One reconcile over an identity, as the watch holds it.
    ///
    /// # Errors
    /// Trouble with the API server, to be retried.
    pub async fn reconcile(&self, object: &AwsIdentity) -> Result<Requeue, ReconcileError> {
        let mut running = self.counters.begin();
        let outcome = self.step(&self.as_told(object), &mut running).await;
        if outcome.is_err() {
            running.ends("failed");
        }
        match outcome {
            // Somebody wrote in between: the watch brings the new version.
            Err(ClusterError::Conflict(_)) => Ok(Requeue::After(WATCH_CATCHES_UP)),
            Err(ClusterError::NotFound(_)) => Ok(Requeue::OnChange),
            other => other.map_err(ReconcileError::from),
        }
    }

    /// The watch holds no identity of this name: it is gone, or it does not decode and says so itself.
    ///
    /// # Errors
    /// Trouble with the API server, to be retried.
    pub(crate) async fn unread(&self, name: &Name, uid: &str) -> Result<Requeue, ReconcileError> {
        let stored = self.deps.cluster.get(&resource(), name).await?;
        let ours = |stored: &Value| stored.pointer("/metadata/uid").and_then(Value::as_str) == Some(uid);
        let Some(stored) = stored.filter(ours) else { return Ok(Requeue::OnChange) };
        let now = self.settings.env.wall();
        match cluster::decode::<AwsIdentity>(name, &stored) {
            Ok(_) => Ok(Requeue::After(WATCH_CATCHES_UP)),
            Err(error) if !self.installation.writes => {
                self.announce_undecodable(&stored, uid, &error).await;
                Ok(Requeue::OnChange)
            }
            Err(error) => {
                Ok(undecodable::write_status(self.deps.cluster.as_ref(), &resource(), &stored, &error, false, now)
                    .await)
            }
        }
    }

    /// Where no status may be written, an Event for each version that does not decode.
    async fn announce_undecodable(&self, stored: &Value, uid: &str, error: &ClusterError) {
        let version = stored.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap_or_default();
        let told = Memory { change_fingerprint: format!("undecodable {version}"), ..Memory::default() };
        let before = self.lock().insert(uid.to_owned(), told.clone());
        if before.is_none_or(|before| before.change_fingerprint != told.change_fingerprint) {
            undecodable::announce(self.deps.cluster.as_ref(), &resource(), stored, error).await;
        }
    }

    async fn step(&self, object: &AwsIdentity, running: &mut ReconcileTimer) -> Result<Requeue, ClusterError> {
        running.ends("step");
        let memory = self.memory(object);
        let now = Instant::now();
        let (scan, scan_in) = self.orphans.due(object, now);
        // Who may write nothing neither holds it nor lets it go.
        let writes = self.installation.writes;
        let facts = IdentityFacts {
            deleting: object.metadata.deletion_timestamp.is_some(),
            finalizer: writes && held(object, &self.installation.finalizer),
            inherited: writes && held(object, FINALIZER) && self.installation.inherits(object.status.as_ref()),
            referred: writes && dependents::referred(&self.deps, &object.name_any()),
            valid: fault(&object.spec).is_none(),
            due: memory.change_fingerprint != change_fingerprint(object) || memory.due.is_none_or(|due| due <= now),
            verified: memory.failures == 0,
            news: self.news(object),
            scan,
        };
        match decide(facts) {
            // It is held by others, and nothing but a change of it lets it go.
            IdentityAction::Rest if facts.deleting => Ok(Requeue::OnChange),
            IdentityAction::Rest => Ok(memory.due.map_or(Requeue::OnChange, |due| {
                let verify_in = due.saturating_duration_since(now);
                // Nobody scans for an identity that cannot be used; its next check comes first.
                if facts.verified { Requeue::Rest(verify_in.min(scan_in)) } else { Requeue::After(verify_in) }
            })),
            IdentityAction::WriteStatus => {
                self.write_status(object, None, None).await.map(|()| Requeue::After(WATCH_CATCHES_UP))
            }
            IdentityAction::Scan => {
                self.orphans.start(object);
                Ok(Requeue::After(SCANNING))
            }
            IdentityAction::AddFinalizer => {
                self.set_finalizer(object, &self.installation.finalizer, true).await?;
                Ok(Requeue::After(WATCH_CATCHES_UP))
            }
            IdentityAction::RemoveFinalizer => self.remove_finalizer_if_unused(object).await,
            IdentityAction::Refuse => {
                let message = fault(&object.spec).unwrap_or_default();
                let readiness = Readiness::NotReady(Reason::stalled(reasons::INVALID_SPEC, message));
                running.ends(readiness.name());
                self.write_status(object, Some(&readiness), None).await.map(|()| Requeue::OnChange)
            }
            IdentityAction::Verify => self.verify(object, memory, scan_in, running).await,
        }
    }

    async fn verify(
        &self,
        object: &AwsIdentity,
        memory: Memory,
        scan_in: Duration,
        running: &mut ReconcileTimer,
    ) -> Result<Requeue, ClusterError> {
        let change_fingerprint = change_fingerprint(object);
        let answer = self.deps.aws.verify(object).await;
        let now = Instant::now();
        let (memory, lasted) = match &answer {
            Ok(_) => {
                let due = Some(now + self.settings.jittered_resync());
                (Memory { change_fingerprint, due, ..Memory::default() }, Duration::ZERO)
            }
            Err(fault) => {
                let fresh = memory.change_fingerprint != change_fingerprint;
                let since = memory.since.filter(|_| !fresh).unwrap_or(now);
                let failures = if fresh { 1 } else { memory.failures.saturating_add(1) };
                let fraction = self.settings.env.fraction();
                let delay = backoff::delay(backoff::class(fault), failures, fault.retry_after, fraction);
                (
                    Memory { change_fingerprint, due: Some(now + delay), failures, since: Some(since) },
                    now.duration_since(since),
                )
            }
        };
        let readiness = judge(&object.spec, &answer, lasted, self.settings.rejection_grace);
        running.ends(readiness.name());
        let due = memory.due.map_or(IN_USE_AGAIN, |due| due.saturating_duration_since(now));
        // A scan may be due at the same time; the next reconcile starts it.
        let next = if answer.is_ok() { Requeue::Rest(due.min(scan_in)) } else { Requeue::After(due) };
        let told = self.write_status(object, Some(&readiness), answer.ok()).await;
        let memory = Memory { due: if told.is_ok() { memory.due } else { Some(now + UNTOLD_AGAIN) }, ..memory };
        self.remember(object, memory);
        told.map(|()| next)
    }

    /// The identity of this uid is gone: nothing is remembered or told of it any more, and its credentials are let go.
    pub fn forget(&self, uid: &str) {
        self.lock().remove(uid);
        self.unwritten().remove(uid);
        self.orphans.forget(uid);
        self.deps.aws.forget(uid);
    }

    /// Being deleted: nothing but a live list says that nobody needs it any more.
    async fn remove_finalizer_if_unused(&self, object: &AwsIdentity) -> Result<Requeue, ClusterError> {
        let name = object.name_any();
        let dependents = dependents::of(&self.deps, Reach::Watched, &name).await?;
        if !dependents.is_empty() {
            return self.in_use(object, &dependents::sentence(&dependents)).await;
        }
        if held(object, &self.installation.finalizer) {
            return self.remove_finalizer(object, &self.installation.finalizer).await;
        }
        // It holds the objects of every namespace, so nothing but all of them says that it may go.
        match dependents::of(&self.deps, Reach::Everywhere, &name).await {
            Ok(dependents) if dependents.is_empty() => self.remove_finalizer(object, FINALIZER).await,
            Ok(dependents) => self.in_use(object, &dependents::sentence(&dependents)).await,
            Err(ClusterError::Forbidden(what)) => {
                let message = format!(
                    "no object of this installation needs this identity; the finalizer {FINALIZER} on it holds those \
                     of all namespaces, which this installation may not look at ({what}): where nothing in the \
                     cluster needs it, take that finalizer off"
                );
                self.in_use(object, &message).await
            }
            Err(error) => Err(error),
        }
    }

    async fn remove_finalizer(&self, object: &AwsIdentity, finalizer: &str) -> Result<Requeue, ClusterError> {
        self.set_finalizer(object, finalizer, false).await?;
        self.forget(&object.uid().unwrap_or_default());
        Ok(Requeue::OnChange)
    }

    async fn in_use(&self, object: &AwsIdentity, message: &str) -> Result<Requeue, ClusterError> {
        let readiness = Readiness::NotReady(Reason::new(reasons::IN_USE, message));
        self.write_status(object, Some(&readiness), None).await?;
        Ok(Requeue::After(IN_USE_AGAIN))
    }

    async fn set_finalizer(&self, object: &AwsIdentity, finalizer: &str, present: bool) -> Result<(), ClusterError> {
        self.deps.cluster.set_finalizer(&resource(), &object.metadata, finalizer, present).await.map(drop)
    }

    /// Whether the status has to say something else though nobody asked anew: of orphans, of deletions that wait, or for all
    /// installations.
    fn news(&self, object: &AwsIdentity) -> bool {
        object.status.as_ref().is_some_and(|status| {
            let (_, said) = self.installation.said(status);
            !said.is_empty() && self.draft(object, None, None) != *status
        })
    }

    fn put_orphans(&self, object: &AwsIdentity, conditions: &mut Vec<Condition>, about: &ConditionInputs) {
        match self.orphans.told(object) {
            Told::Orphans(message) => {
                let (r#type, reason) = (types::ORPHANS_FOUND, reasons::ORPHANS_FOUND);
                let observed_generation = about.generation;
                let statement =
                    NewCondition { r#type, truth: ConditionStatus::True, reason, message, observed_generation };
                condition::set(conditions, statement, about.now);
            }
            Told::Clear => condition::remove(conditions, types::ORPHANS_FOUND),
            Told::Unsure => {}
        }
    }

    fn put_held(&self, object: &AwsIdentity, conditions: &mut Vec<Condition>, about: &ConditionInputs) {
        let (lister, percent) = (self.deps.lister.as_ref(), self.settings.hold_percent);
        let (r#type, reason) = (types::DELETIONS_HELD, reasons::DELETIONS_HELD);
        let held = mass_deletion::held(lister, &object.name_any(), percent);
        let truth = if held.is_some() { ConditionStatus::True } else { ConditionStatus::False };
        let message = held.map(|mass| mass.told(object)).unwrap_or_default();
        let observed_generation = about.generation;
        condition::set(conditions, NewCondition { r#type, truth, reason, message, observed_generation }, about.now);
    }

    /// The status that says so. Where nothing is said, Ready stays as it is.
    fn draft(
        &self,
        object: &AwsIdentity,
        readiness: Option<&Readiness>,
        caller: Option<CallerIdentity>,
    ) -> AwsIdentityStatus {
        let old = object.status.clone().unwrap_or_default();
        let (observed, before) = self.installation.said(&old);
        let about = ConditionInputs {
            generation: object.metadata.generation.unwrap_or_default(),
            observed,
            drifted: None,
            advisory: Advice::Now(None),
            pending: Advice::Now(None),
            now: self.settings.env.wall(),
        };
        let (mut conditions, observed_generation) = match readiness {
            Some(readiness) => compute_conditions(&before, readiness, &about),
            None => (before, observed),
        };
        self.put_orphans(object, &mut conditions, &about);
        self.put_held(object, &mut conditions, &about);
        let (account_id, caller_arn) = match caller {
            Some(CallerIdentity { account, arn }) => (Some(account), Some(arn)),
            None => (old.account_id.clone(), old.caller_arn.clone()),
        };
        let said = AwsIdentityStatus {
            observed_generation,
            conditions,
            account_id,
            caller_arn,
            regions: object.spec.regions.clone(),
            region_names: Some(object.spec.regions.join(", ")),
            installations: Vec::new(),
            last_handled_reconcile_at: reconcile_requested(object)
                .cloned()
                .or_else(|| old.last_handled_reconcile_at.clone()),
        };
        self.installation.say(&old, said)
    }

    /// Writes the status if it says something new, with an Event where this installation's Ready does.
    async fn write_status(
        &self,
        object: &AwsIdentity,
        readiness: Option<&Readiness>,
        caller: Option<CallerIdentity>,
    ) -> Result<(), ClusterError> {
        let new = self.draft(object, readiness, caller);
        if object.status.as_ref() == Some(&new) {
            return Ok(());
        }
        if self.installation.writes {
            let part = self.installation.part(&new);
            let part = part.map_err(|error| ClusterError::Invalid(object.name_any(), error.to_string()))?;
            let version = object.resource_version().unwrap_or_default();
            self.deps.cluster.apply_status(&resource(), &name(object), &version, part).await?;
        } else {
            self.unwritten().insert(object.uid().unwrap_or_default(), new.clone());
        }
        let (_, old) = self.installation.said(&object.status.clone().unwrap_or_default());
        let (_, new) = self.installation.said(&new);
        self.announce(object, &old, &new).await;
        Ok(())
    }

    /// The identity with what this process said of it last, also where it could not write that.
    fn as_told(&self, object: &AwsIdentity) -> AwsIdentity {
        let unwritten = self.unwritten().get(&object.uid().unwrap_or_default()).cloned();
        AwsIdentity { status: unwritten.or_else(|| object.status.clone()), ..object.clone() }
    }

    /// An Event for each condition that came to say something else.
    async fn announce(&self, object: &AwsIdentity, old: &[Condition], new: &[Condition]) {
        let Ok(json) = serde_json::to_value(object) else { return };
        let both = |r#type| (condition::find(old, r#type), condition::find(new, r#type));
        let mut notes = Vec::new();
        if let (before, Some(ready)) = both(types::READY)
            && before.is_none_or(|before| (&before.status, &before.reason) != (&ready.status, &ready.reason))
        {
            notes.push((condition::is_true(new, types::STALLED), ready));
        }
        if let (before, Some(orphans)) = both(types::ORPHANS_FOUND)
            && before.is_none_or(|before| before.message != orphans.message)
        {
            notes.push((true, orphans));
        }
        // Once, however many more are deleted: the condition has the count.
        if let (None, Some(held)) = both(types::DELETIONS_HELD) {
            notes.push((true, held));
        }
        for (warning, Condition { reason, message, .. }) in notes {
            let note = EventNote { warning, reason: reason.clone(), message: message.clone() };
            self.deps.cluster.publish(&resource(), &json, note).await;
        }
    }

    fn memory(&self, object: &AwsIdentity) -> Memory {
        self.lock().entry(object.uid().unwrap_or_default()).or_default().clone()
    }

    /// An identity that was forgotten during the reconcile stays forgotten.
    fn remember(&self, object: &AwsIdentity, memory: Memory) {
        if let Some(known) = self.lock().get_mut(&object.uid().unwrap_or_default()) {
            *known = memory;
        }
    }

    fn unwritten(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, AwsIdentityStatus>> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Memory>> {
        self.memories.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn resource() -> ApiResource {
    ApiResource::erase::<AwsIdentity>(&())
}

fn name(object: &AwsIdentity) -> Name {
    Name { namespace: String::new(), name: object.name_any() }
}

fn held(object: &AwsIdentity, finalizer: &str) -> bool {
    object.finalizers().iter().any(|name| name == finalizer)
}

/// The annotation that asks for a reconcile now.
fn reconcile_requested(object: &AwsIdentity) -> Option<&String> {
    object.meta().annotations.as_ref()?.get(RECONCILE_AT)
}

/// What STS's answer is about.
fn change_fingerprint(object: &AwsIdentity) -> String {
    format!("{} {:?}", object.metadata.generation.unwrap_or_default(), reconcile_requested(object))
}

#[cfg(test)]
#[path = "identity_tests.rs"]
mod tests;
