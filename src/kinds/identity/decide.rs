//! What is due for an identity, and what is wrong with one. Pure.

use std::time::Duration;

use crate::api::AwsIdentitySpec;
use crate::api::condition::reasons;
use crate::api::identity::{AssumeRole, CredentialSource, Credentials};
use crate::aws::AwsError;
use crate::aws::account_clients::CallerIdentity;
use crate::engine::backoff;
use crate::engine::reason::Reason;
use crate::engine::status::Readiness;

/// What a decision is made of.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "independent facts, each read once")]
pub struct IdentityFacts {
    /// A deletionTimestamp is set.
    pub deleting: bool,
    /// The finalizer of this installation is on it.
    pub finalizer: bool,
    /// The plain finalizer is on it, and may be this installation's own of a former version.
    pub inherited: bool,
    /// Some object names it.
    pub referred: bool,
    /// The spec can be used.
    pub valid: bool,
    /// STS is to be asked: something changed, or it was long ago.
    pub due: bool,
    /// STS knew it the last time that it was asked.
    pub verified: bool,
    /// There is something new to tell of orphans, or of deletions that wait.
    pub news: bool,
    /// Orphans are to be looked for.
    pub scan: bool,
}

/// The one thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityAction {
    /// Nothing.
    Rest,
    /// Add the finalizer: objects are about to rest on it.
    AddFinalizer,
    /// See who still needs it, and let it go if nobody does.
    RemoveFinalizer,
    /// Say what is wrong with the spec.
    Refuse,
    /// Ask STS who it is.
    Verify,
    /// Tell what a scan for orphans found, or that deletions wait.
    WriteStatus,
    /// Start a scan for orphans.
    Scan,
}

/// Decides the step that is due.
#[must_use]
pub fn decide(facts: IdentityFacts) -> IdentityAction {
    match facts {
        IdentityFacts { deleting: true, finalizer, inherited, .. } if finalizer || inherited => {
            IdentityAction::RemoveFinalizer
        }
        IdentityFacts { deleting: true, .. } => IdentityAction::Rest,
        IdentityFacts { referred: true, finalizer: false, .. } => IdentityAction::AddFinalizer,
        IdentityFacts { valid: false, .. } => IdentityAction::Refuse,
        IdentityFacts { due: true, .. } => IdentityAction::Verify,
        IdentityFacts { news: true, .. } => IdentityAction::WriteStatus,
        IdentityFacts { scan: true, verified: true, .. } => IdentityAction::Scan,
        _ => IdentityAction::Rest,
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
        (CredentialSource::AssumeRole, Some(role)) => session_fault(role),
        (CredentialSource::Operator, None) => None,
    }
}

/// What STS would refuse of what a session is asked for with. The external id is not told: it may be kept a secret.
fn session_fault(role: &AssumeRole) -> Option<String> {
    let AssumeRole { role_arn, external_id, session_duration_seconds, session_tags: _ } = role;
    // Both lengths are those of STS.
    if role_arn.len() > 2048 || !role_arn.chars().all(|c| c.is_ascii_graphic()) {
        return Some("spec.credentials.assumeRole.roleArn must be the ARN of an IAM role".to_owned());
    }
    let taken = |c: char| c.is_ascii_alphanumeric() || "_+=,.@:/-".contains(c);
    if external_id.as_ref().is_some_and(|id| !(2..=1224).contains(&id.len()) || !id.chars().all(taken)) {
        let message = "spec.credentials.assumeRole.externalId must be 2 to 1224 letters, digits and _ + = , . @ : / -";
        return Some(message.to_owned());
    }
    (!(900..=43_200).contains(session_duration_seconds))
        .then(|| "spec.credentials.assumeRole.sessionDurationSeconds must be 900 to 43200".to_owned())
}

/// What STS's answer means. `lasted` is how long it has failed by now.
#[must_use]
pub fn judge(
    spec: &AwsIdentitySpec,
    answer: &Result<CallerIdentity, AwsError>,
    lasted: Duration,
    grace: Duration,
) -> Readiness {
    match answer {
        Ok(caller) if caller.account != spec.account_id => {
            let message = format!(
                "the credentials belong to account {}, spec.accountId says {}",
                caller.account, spec.account_id
            );
            Readiness::NotReady(Reason::stalled(reasons::ACCOUNT_MISMATCH, message))
        }
        Ok(caller) => {
            let message = format!("AWS knows it as {}", caller.arn);
            Readiness::Ready(Reason::new(reasons::VERIFIED, message))
        }
        Err(fault) if backoff::reason(fault) == reasons::ACCOUNT_MISMATCH => {
            Readiness::NotReady(Reason::stalled(reasons::ACCOUNT_MISMATCH, fault.message.clone()))
        }
        Err(fault) => {
            let needs_person = backoff::stalls(backoff::class(fault), lasted, grace);
            let reason = Reason { needs_person, ..Reason::new(reasons::IDENTITY_NOT_READY, fault.to_string()) };
            Readiness::Failed { reason, lasted }
        }
    }
}
