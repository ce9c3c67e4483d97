//! Where an object lives: its identity, account and region. Makes no AWS call for what is not granted.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use serde_json::json;

use super::deps::Deps;
use super::grants::{self, Asker};
use crate::api::condition::reasons;
use crate::api::identity::AwsIdentitySpec;
use crate::api::status::OperationRecord;
use crate::api::{AwsIdentity, CommonStatus, FINALIZER, Managed, ManagedKind};
use crate::aws::{Priority, Rank};
use crate::engine::digest;
use crate::engine::kind::{ReconcileError, Target};
use crate::engine::reason::Reason;

/// Why there is no place: something stands in the way, or finding out failed.
#[derive(Debug)]
pub enum Unresolved {
    /// It must be in place first.
    NotReady(Reason),
    /// A read failed.
    Failed(ReconcileError),
}

impl From<Reason> for Unresolved {
    fn from(reason: Reason) -> Self {
        Self::NotReady(reason)
    }
}

impl<E: Into<ReconcileError>> From<E> for Unresolved {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// The same for the engine, to which what stands in the way is an answer and no error.
///
/// # Errors
/// A read failed.
pub fn resolved<T>(found: Result<T, Unresolved>) -> Result<Result<T, Reason>, ReconcileError> {
    match found {
        Ok(target) => Ok(Ok(target)),
        Err(Unresolved::NotReady(reason)) => Ok(Err(reason)),
        Err(Unresolved::Failed(error)) => Err(error),
    }
}

/// Who asks for a place.
#[derive(Clone, Debug)]
pub struct TargetQuery<'a> {
    /// The kind of the object.
    pub kind: ManagedKind,
    /// Its namespace.
    pub namespace: String,
    /// Its status.
    pub status: Option<&'a CommonStatus>,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Whether our finalizer is on it: something may have been sent for it.
    pub finalizer: bool,
    /// When it was made.
    pub created: Option<Time>,
}

impl<'a> TargetQuery<'a> {
    /// What this object asks for.
    #[must_use]
    pub fn of<O: Managed>(object: &'a O) -> Self {
        Self {
            kind: O::KIND,
            namespace: object.namespace().unwrap_or_default(),
            status: object.status().map(O::common),
            deleting: object.meta().deletion_timestamp.is_some(),
            finalizer: object.finalizers().iter().any(|name| name == FINALIZER),
            created: object.creation_timestamp(),
        }
    }

    /// Whether it may have something in AWS.
    #[must_use]
    pub fn held(&self) -> bool {
        self.finalizer || self.exists()
    }

    /// Whether status says in which account it is.
    fn exists(&self) -> bool {
        self.status.is_some_and(|status| status.recorded_account().is_some())
    }

    /// Whether it needs no grant: it goes, or what was begun for it is to be ended.
    fn ends_something(&self) -> bool {
        let operation = self.status.and_then(|status| status.operation.as_deref());
        let begun = self.kind == ManagedKind::TransferServer && operation.is_some_and(OperationRecord::guards);
        self.exists() && (self.deleting || (begun && self.finalizer))
    }
}

/// For how long the identity of a new object may still be on its way: one apply brings both in any order, another one
/// brings the identity a little later. As long as AWS is given for a first refusal by default: tools that give up at
/// the first Stalled, as Flux does, wait that long too. An identity that is there and grants nothing has answered.
const EARLY: SignedDuration = SignedDuration::from_mins(2);

/// The labels of a namespace; none where it is not known, so that no selector matches.
#[must_use]
pub fn labels(deps: &Deps, namespace: &str) -> BTreeMap<String, String> {
    deps.lister.namespace_labels(namespace).unwrap_or_default()
}

/// The place of an object with this identity in this region. `denied` stands only for an object that is being
/// deleted or whose server was stopped for a change; for every other, a denial is the answer.
///
/// # Errors
/// `NotReady` where it may not be there; faults of STS.
pub async fn resolve<D>(
    deps: &Deps,
    request: &TargetQuery<'_>,
    identity_name: &str,
    region: &str,
    detail: D,
) -> Result<(Target<D>, Arc<AwsIdentity>), Unresolved> {
    let labels = labels(deps, &request.namespace);
    let asker = Asker { kind: request.kind, namespace: &request.namespace, labels: &labels };
    let identity = deps.lister.identity(identity_name);
    let exists = request.exists();
    let grant = grants::granted(identity_name, identity.as_deref(), &asker, region)
        .and_then(|()| if request.held() { Ok(()) } else { grants::open_to_new(identity_name, identity.as_deref()) });
    // By the age of the object: a restart begins no wait anew.
    let coming = identity.is_none() && early(deps, request);
    let grant = grant.map_err(|block| Reason { needs_person: !coming, ..block });
    let denied = grant.err().map(|block| if exists && identity.is_some() { revoked(&block) } else { block });
    let identity = match (identity, &denied) {
        (Some(identity), None) => identity,
        // What carries our tags may go also after the grant went, so that a namespace can be deleted; and what we
        // stopped is started again.
        (Some(identity), Some(_)) if request.ends_something() => identity,
        (_, denied) => return Err(denied.clone().unwrap_or_else(|| absent_identity(identity_name)).into()),
    };
    // Not even a deletion: in another account it would find nothing, and take that for done.
    if let Some(block) = moved(request.status, &identity.spec.account_id, region) {
        return Err(block.into());
    }
    // Until it is known what the reconcile is for: finding out where an object lives is a call at most, and holds up all
    // that asks.
    let account = deps.aws.account(&identity, region).await?.ranked(&Rank::of(Priority::First));
    let target = Target {
        account,
        identity: identity_name.to_owned(),
        revision: revision(&identity),
        identity_tags: identity.spec.tags.clone(),
        denied,
        detail,
    };
    Ok((target, identity))
}

/// Whether an object is so new that what it needs may come right after it.
fn early(deps: &Deps, request: &TargetQuery<'_>) -> bool {
    let age = request.created.as_ref().map(|created| deps.env.wall().duration_since(created.0));
    age.is_some_and(|age| age < EARLY)
}

/// Where status says that something of an object may be.
#[derive(Debug, Default)]
pub struct RecordedTarget {
    /// Name of the AwsIdentity.
    pub identity: Option<String>,
    /// The region.
    pub region: Option<String>,
}

/// Reads the place off status; the record of a create counts where nothing else tells.
#[must_use]
pub fn recorded_target(status: Option<&CommonStatus>) -> RecordedTarget {
    let Some(status) = status else { return RecordedTarget::default() };
    RecordedTarget { identity: status.aws_identity.clone(), region: recorded_region(status).cloned() }
}

fn recorded_region(status: &CommonStatus) -> Option<&String> {
    status.region.as_ref().or_else(|| status.create.as_ref()?.region.as_ref())
}

/// The same place with what the kind needs besides.
#[must_use]
pub fn with<D>(target: Target<()>, detail: D) -> Target<D> {
    let Target { account, identity, revision, identity_tags, denied, detail: () } = target;
    Target { account, identity, revision, identity_tags, denied, detail }
}

/// The same trouble; what stands in the way is told with the field that leads there.
#[must_use]
pub fn in_field(field: &str, trouble: Unresolved) -> Unresolved {
    match trouble {
        Unresolved::NotReady(block) => Unresolved::NotReady(of_field(field, &block)),
        failed @ Unresolved::Failed(_) => failed,
    }
}

pub(super) fn of_field(field: &str, block: &Reason) -> Reason {
    Reason { message: format!("{field}: {}", block.message), ..block.clone() }
}

/// Changes with what AWS may answer differently to: whose credentials, at which addresses, and the tags that go along.
/// A grant is none of that, and what it lets through was never refused by AWS.
fn revision(identity: &AwsIdentity) -> String {
    let AwsIdentitySpec { tags, .. } = &identity.spec;
    digest::hash(&json!([identity.uid(), identity.spec.access(), tags]).to_string())
}

fn absent_identity(name: &str) -> Reason {
    Reason::stalled(reasons::IDENTITY_DENIED, format!("AwsIdentity {name} is absent"))
}

pub(super) fn revoked(block: &Reason) -> Reason {
    let message = format!(
        "the grant was withdrawn: AWS keeps what it has, logins go on, and only a deletion here is still carried out: {}",
        block.message
    );
    Reason::stalled(reasons::GRANT_REVOKED, message)
}

fn moved(status: Option<&CommonStatus>, account: &str, region: &str) -> Option<Reason> {
    let status = status?;
    if let Some(recorded) = status.recorded_account().filter(|recorded| *recorded != account) {
        // The other account is not named: who asks may have no grant there.
        let message =
            format!("this object lives in account {recorded}, the identity now leads to another; nothing is touched");
        return Some(Reason::stalled(reasons::ACCOUNT_CHANGED, message));
    }
    let recorded = recorded_region(status).filter(|recorded| *recorded != region)?;
    let message = format!("this object lives in region {recorded}, the spec now says {region}; nothing is touched");
    Some(Reason::stalled(reasons::REGION_CHANGED, message))
}
