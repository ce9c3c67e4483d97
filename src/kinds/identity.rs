//! `AwsIdentity`: who AWS says its credentials are, and that it stays while objects need it. Its own small pass: there
//! is nothing in AWS to create, so the engine has no part in it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::core::ApiResource;
use kube::{Resource, ResourceExt};
use serde_json::Value;
use tokio::time::Instant;

use super::doors::Doors;
use crate::api::condition::{self, reasons, types};
use crate::api::identity::{CredentialSource, Credentials, RateLimit};
use crate::api::{
    AwsIdentity, AwsIdentitySpec, AwsIdentityStatus, FINALIZER, RECONCILE_AT, TransferAccess, TransferServer,
    TransferUser,
};
use crate::aws::Fault;
use crate::aws::session::CallerIdentity;
use crate::cluster::{ClusterError, Name, Note};
use crate::engine::kind::Trouble;
use crate::engine::pass::Next;
use crate::engine::retry;
use crate::engine::settings::Settings;
use crate::engine::status::{About, Verdict, conclude};

/// How soon a deletion that waits for objects is looked at again.
const IN_USE_AGAIN: Duration = Duration::from_secs(30);

/// How soon the watch has surely brought what was written.
const WATCH_CATCHES_UP: Duration = Duration::from_secs(1);

/// Objects that a condition names; the count tells of the rest.
const NAMED: usize = 5;

/// All identities of the process.
pub struct Identities {
    doors: Arc<Doors>,
    settings: Settings,
    memories: Mutex<BTreeMap<String, Memory>>,
}

/// What is remembered of one identity between passes.
#[derive(Clone, Debug, Default)]
struct Memory {
    /// Generation and annotation that STS was asked for last.
    token: String,
    /// When to ask again.
    due: Option<Instant>,
    /// Failures in a row, and since when.
    failures: u32,
    since: Option<Instant>,
}

/// What a decision is made of.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "independent facts, each read once")]
pub struct Facts {
    /// A deletionTimestamp is set.
    pub deleting: bool,
    /// Our finalizer is on it.
    pub finalizer: bool,
    /// Some object names it.
    pub referred: bool,
    /// The spec can be used.
    pub valid: bool,
    /// STS is to be asked: something changed, or it was long ago.
    pub due: bool,
}

/// The one thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Rest,
    /// Add the finalizer: objects are about to rest on it.
    Finalize,
    /// See who still needs it, and let it go if nobody does.
    Leave,
    /// Say what is wrong with the spec.
    Refuse,
    /// Ask STS who it is.
    Verify,
}

/// Decides the step that is due.
#[must_use]
pub fn decide(facts: Facts) -> Step {
    match facts {
        Facts { deleting: true, finalizer: true, .. } => Step::Leave,
        Facts { deleting: true, .. } => Step::Rest,
        Facts { referred: true, finalizer: false, .. } => Step::Finalize,
        Facts { valid: false, .. } => Step::Refuse,
        Facts { due: true, .. } => Step::Verify,
        _ => Step::Rest,
    }
}

/// Why the spec cannot be used. The CRD's rules say the same; they can be bypassed.
#[must_use]
pub fn fault(spec: &AwsIdentitySpec) -> Option<String> {
    let AwsIdentitySpec { account_id, regions, credentials: Credentials { source, assume_role }, .. } = spec;
    if account_id.len() != 12 || !account_id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some("spec.accountId must be 12 digits".to_owned());
    }
    if regions.is_empty() {
        return Some("spec.regions must name at least one region".to_owned());
    }
    match (source, assume_role) {
        (CredentialSource::AssumeRole, None) => {
            Some("spec.credentials.assumeRole is needed with source AssumeRole".to_owned())
        }
        (CredentialSource::Operator, Some(_)) => {
            Some("spec.credentials.assumeRole goes with source AssumeRole only".to_owned())
        }
        (CredentialSource::AssumeRole, Some(role)) if role.role_arn.split(':').nth(4) != Some(account_id.as_str()) => {
            Some("spec.credentials.assumeRole.roleArn must be a role of spec.accountId".to_owned())
        }
        _ => None,
    }
}

/// What STS's answer means. `lasted` is how long it has failed by now.
#[must_use]
pub fn judge(
    spec: &AwsIdentitySpec,
    answer: &Result<CallerIdentity, Fault>,
    lasted: Duration,
    grace: Duration,
) -> Verdict {
    let unlimited = matches!(&spec.rate_limit, None | Some(RateLimit { requests_per_second: None }));
    match answer {
        Ok(caller) if caller.account != spec.account_id => Verdict::Stalled {
            reason: reasons::ACCOUNT_MISMATCH,
            message: format!(
                "the credentials belong to account {}, spec.accountId says {}",
                caller.account, spec.account_id
            ),
        },
        Ok(_) if !unlimited => Verdict::Stalled {
            reason: reasons::NOT_YET_SUPPORTED,
            message: "this version does not act on spec.rateLimit; the operator's own rates apply".to_owned(),
        },
        Ok(caller) => {
            let message = format!("AWS knows it as {}", caller.arn);
            Verdict::Settled { reason: reasons::VERIFIED, message }
        }
        Err(fault) if retry::reason(fault) == reasons::ACCOUNT_MISMATCH => {
            Verdict::Stalled { reason: reasons::ACCOUNT_MISMATCH, message: fault.message.clone() }
        }
        Err(fault) if retry::stalls(retry::class(fault), lasted, grace) => {
            Verdict::Stalled { reason: reasons::IDENTITY_NOT_READY, message: fault.to_string() }
        }
        Err(fault) => Verdict::Failed { reason: reasons::IDENTITY_NOT_READY, message: fault.to_string(), lasted },
    }
}

/// Whether an object, as JSON, has something in AWS that only this identity reaches: our finalizer says that it may.
#[must_use]
pub fn needs(object: &Value, identity: &str) -> bool {
    let text = |path: &str| object.pointer(path).and_then(Value::as_str);
    let finalizers = object.pointer("/metadata/finalizers").and_then(Value::as_array);
    let held = finalizers.is_some_and(|names| names.iter().any(|name| name.as_str() == Some(FINALIZER)));
    held && (text("/spec/awsIdentityRef/name") == Some(identity) || text("/status/awsIdentity") == Some(identity))
}

impl Identities {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(doors: Arc<Doors>, settings: Settings) -> Self {
        Self { doors, settings, memories: Mutex::default() }
    }

    /// One pass over an identity, as the watch holds it.
    ///
    /// # Errors
    /// Trouble with the API server, to be retried.
    pub async fn reconcile(&self, object: &AwsIdentity) -> Result<Next, Trouble> {
        match self.step(object).await {
            // Somebody wrote in between: the watch brings the new version.
            Err(ClusterError::Conflict(_)) => Ok(Next::After(WATCH_CATCHES_UP)),
            Err(ClusterError::NotFound(_)) => Ok(Next::OnChange),
            other => other.map_err(Trouble::from),
        }
    }

    async fn step(&self, object: &AwsIdentity) -> Result<Next, ClusterError> {
        let memory = self.memory(object);
        let now = Instant::now();
        let facts = Facts {
            deleting: object.metadata.deletion_timestamp.is_some(),
            finalizer: object.finalizers().iter().any(|name| name == FINALIZER),
            referred: self.referred(&object.name_any()),
            valid: fault(&object.spec).is_none(),
            due: memory.token != token(object) || memory.due.is_none_or(|due| due <= now),
        };
        match decide(facts) {
            Step::Rest => Ok(memory.due.map_or(Next::OnChange, |due| Next::After(due.saturating_duration_since(now)))),
            Step::Finalize => self.set_finalizer(object, true).await.map(|()| Next::After(WATCH_CATCHES_UP)),
            Step::Leave => self.leave(object).await,
            Step::Refuse => {
                let message = fault(&object.spec).unwrap_or_default();
                let verdict = Verdict::Stalled { reason: reasons::INVALID_SPEC, message };
                self.tell(object, &verdict, None).await.map(|()| Next::OnChange)
            }
            Step::Verify => self.verify(object, memory).await,
        }
    }

    async fn verify(&self, object: &AwsIdentity, memory: Memory) -> Result<Next, ClusterError> {
        let token = token(object);
        let answer = self.doors.aws.verify(object).await;
        let now = Instant::now();
        let (memory, lasted) = match &answer {
            Ok(_) => {
                let due = Some(now + self.settings.jittered_resync());
                (Memory { token, due, ..Memory::default() }, Duration::ZERO)
            }
            Err(fault) => {
                let fresh = memory.token != token;
                let since = memory.since.filter(|_| !fresh).unwrap_or(now);
                let failures = if fresh { 1 } else { memory.failures.saturating_add(1) };
                let fraction = self.settings.chance.fraction();
                let delay = retry::delay(retry::class(fault), failures, fault.retry_after, fraction);
                (Memory { token, due: Some(now + delay), failures, since: Some(since) }, now.duration_since(since))
            }
        };
        let verdict = judge(&object.spec, &answer, lasted, self.settings.rejection_grace);
        let due = memory.due.map_or(IN_USE_AGAIN, |due| due.saturating_duration_since(now));
        let told = self.tell(object, &verdict, answer.ok()).await;
        // What could not be written is asked again at the next pass: at rest nothing would be written for long.
        let memory = if told.is_ok() { memory } else { Memory { due: None, ..memory } };
        self.remember(object, memory);
        told.map(|()| Next::After(due))
    }

    /// Being deleted: nothing but a live list says that nobody needs it any more.
    async fn leave(&self, object: &AwsIdentity) -> Result<Next, ClusterError> {
        let holders = self.holders(&object.name_any()).await?;
        if holders.is_empty() {
            self.set_finalizer(object, false).await?;
            self.lock().remove(&object.uid().unwrap_or_default());
            return Ok(Next::OnChange);
        }
        let first = holders.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        let message = format!("{} objects still need this identity: {first}", holders.len());
        let verdict = Verdict::Waiting { reason: reasons::IN_USE, message };
        self.tell(object, &verdict, None).await?;
        Ok(Next::After(IN_USE_AGAIN))
    }

    /// Who has something in AWS that only this identity reaches, objects that do not decode among them.
    async fn holders(&self, name: &str) -> Result<Vec<String>, ClusterError> {
        let kinds = [
            ApiResource::erase::<TransferServer>(&()),
            ApiResource::erase::<TransferUser>(&()),
            ApiResource::erase::<TransferAccess>(&()),
        ];
        let mut holders = Vec::new();
        for kind in kinds {
            let objects = self.doors.cluster.list(&kind).await?;
            holders.extend(objects.iter().filter(|object| needs(object, name)).map(|object| {
                let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
                format!("{} {}/{}", kind.kind, text("/metadata/namespace"), text("/metadata/name"))
            }));
        }
        holders.sort();
        Ok(holders)
    }

    /// Whether any object names it, by the watches: enough to hold it early.
    fn referred(&self, name: &str) -> bool {
        let directory = &self.doors.directory;
        let recorded = |identity: Option<&String>| identity.is_some_and(|identity| identity == name);
        directory.servers().iter().any(|server| {
            server.spec.aws_identity_ref.name == name
                || recorded(server.status.as_ref().and_then(|status| status.common.aws_identity.as_ref()))
        }) || directory.users().iter().any(|user| {
            recorded(user.spec.aws_identity_ref.as_ref().map(|identity| &identity.name))
                || recorded(user.status.as_ref().and_then(|status| status.common.aws_identity.as_ref()))
        }) || directory.accesses().iter().any(|access| {
            recorded(access.spec.aws_identity_ref.as_ref().map(|identity| &identity.name))
                || recorded(access.status.as_ref().and_then(|status| status.common.aws_identity.as_ref()))
        })
    }

    async fn set_finalizer(&self, object: &AwsIdentity, present: bool) -> Result<(), ClusterError> {
        let uid = object.uid().unwrap_or_default();
        let version = object.resource_version().unwrap_or_default();
        self.doors.cluster.set_finalizer(&resource(), &name(object), &uid, &version, present).await.map(drop)
    }

    /// Writes the status if it says something new, with an Event where Ready does.
    async fn tell(
        &self,
        object: &AwsIdentity,
        verdict: &Verdict,
        caller: Option<CallerIdentity>,
    ) -> Result<(), ClusterError> {
        let old = object.status.clone().unwrap_or_default();
        let about = About {
            generation: object.metadata.generation.unwrap_or_default(),
            observed: old.observed_generation,
            advisory: None,
            now: self.settings.chance.wall(),
        };
        let (conditions, observed_generation) = conclude(&old.conditions, verdict, &about);
        let (account_id, caller_arn) = match caller {
            Some(CallerIdentity { account, arn }) => (Some(account), Some(arn)),
            None => (old.account_id.clone(), old.caller_arn.clone()),
        };
        let new = AwsIdentityStatus {
            observed_generation,
            conditions,
            account_id,
            caller_arn,
            regions: object.spec.regions.clone(),
            last_handled_reconcile_at: poke(object).cloned().or_else(|| old.last_handled_reconcile_at.clone()),
        };
        if object.status.as_ref() == Some(&new) {
            return Ok(());
        }
        let value =
            serde_json::to_value(&new).map_err(|error| ClusterError::Invalid(object.name_any(), error.to_string()))?;
        let version = object.resource_version().unwrap_or_default();
        self.doors.cluster.apply_status(&resource(), &name(object), &version, value).await?;
        self.announce(object, &old, &new).await;
        Ok(())
    }

    async fn announce(&self, object: &AwsIdentity, old: &AwsIdentityStatus, new: &AwsIdentityStatus) {
        let (Some(ready), Ok(json)) = (condition::find(&new.conditions, types::READY), serde_json::to_value(object))
        else {
            return;
        };
        let before = condition::find(&old.conditions, types::READY);
        if before.is_some_and(|before| before.status == ready.status && before.reason == ready.reason) {
            return;
        }
        let warning = condition::is_true(&new.conditions, types::STALLED);
        let note = Note { warning, reason: ready.reason.clone(), message: ready.message.clone() };
        self.doors.cluster.publish(&resource(), &json, note).await;
    }

    fn memory(&self, object: &AwsIdentity) -> Memory {
        self.lock().get(&object.uid().unwrap_or_default()).cloned().unwrap_or_default()
    }

    fn remember(&self, object: &AwsIdentity, memory: Memory) {
        self.lock().insert(object.uid().unwrap_or_default(), memory);
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

/// The annotation that asks for a pass now.
fn poke(object: &AwsIdentity) -> Option<&String> {
    object.meta().annotations.as_ref()?.get(RECONCILE_AT)
}

/// What STS's answer is about.
fn token(object: &AwsIdentity) -> String {
    format!("{} {:?}", object.metadata.generation.unwrap_or_default(), poke(object))
}

#[cfg(test)]
#[path = "identity_tests.rs"]
mod tests;
