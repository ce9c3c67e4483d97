//! What stands alone in an account and region and has an id of AWS's: where an object of such a kind lives, which id it
//! looks at, and which one it is to take over. It knows no member of any kind and sends nothing.

use std::sync::Arc;

use super::deps::Deps;
use super::grants::{self, Asker};
use super::partition;
use super::resolve::{self, TargetQuery, Unresolved};
use crate::api::condition::reasons;
use crate::api::lifecycle::RecreatePolicy;
use crate::api::object_ref::IdentityRef;
use crate::api::status::CreateRecord;
use crate::api::{AwsIdentity, Managed, ManagedKind};
use crate::engine::kind::{KindStatus, Target};
use crate::engine::reason::Reason;

/// Where the object lives, with the identity that AWS is called with.
///
/// # Errors
/// It has no place (yet), or a read failed.
pub async fn place<K: Managed>(
    deps: &Deps,
    object: &K,
    identity: &IdentityRef,
    region: &str,
) -> Result<Target<Arc<AwsIdentity>>, Unresolved>
where
    K::Status: KindStatus,
{
    let status = object.status().map(K::common);
    // What is being deleted goes from where it was put, whatever became of the spec.
    let recorded = resolve::recorded_target(status.filter(|_| going(object)));
    let identity = recorded.identity.unwrap_or_else(|| identity.name.clone());
    let region = recorded.region.unwrap_or_else(|| region.to_owned());
    let placed = resolve::resolve(deps, &TargetQuery::of(object), &identity, &region, ()).await;
    let (target, found) = placed.map_err(|trouble| resolve::in_field("spec.awsIdentityRef", trouble))?;
    admit(deps, object, &found)?;
    Ok(resolve::with(target, found))
}

/// What the object takes over, or looks at, and has not yet: an id of its kind that the identity lets it name.
///
/// # Errors
/// `InvalidSpec` or `IdentityDenied`, naming field and id.
pub fn admit<K: Managed>(deps: &Deps, object: &K, identity: &AwsIdentity) -> Result<Option<String>, Unresolved>
where
    K::Status: KindStatus,
{
    // Where this object has its own, also while that is replaced, a grant that went only ends adoption, see `adopts`.
    let has = record(object).is_some() && (id(object).is_some() || is_replaced(object));
    let Some(id) = pointer(object).or_else(|| to_adopt(object).filter(|_| !has)) else { return Ok(None) };
    let named = if fits(K::KIND, &id) { granted(deps, object, identity, &id) } else { Err(strange(K::KIND, &id)) };
    named.map_err(|block| resolve::in_field(field(K::KIND), block.into()))?;
    Ok(Some(id))
}

/// Whether AWS gives ids of this form to what the kind stands for.
fn fits(kind: ManagedKind, id: &str) -> bool {
    match kind {
        ManagedKind::TransferServer => id.starts_with("s-"),
        ManagedKind::TransferWorkflow => id.starts_with("w-"),
        ManagedKind::TransferProfile => id.starts_with("p-"),
        ManagedKind::TransferConnector => id.starts_with("c-"),
        ManagedKind::TransferCertificate => id.starts_with("cert-"),
        ManagedKind::TransferWebApp => id.starts_with("webapp-"),
        ManagedKind::TransferAgreement => id.starts_with("s-") && id.contains("/a-"),
        ManagedKind::TransferUser | ManagedKind::TransferAccess => false,
    }
}

fn strange(kind: ManagedKind, id: &str) -> Reason {
    Reason::stalled(reasons::INVALID_SPEC, format!("{id} is not the id of what a {} stands for", kind.name()))
}

/// Whether a new one is being made in the place of what it had.
fn is_replaced<K: Managed>(object: &K) -> bool {
    K::replacing(&mut object.status().cloned().unwrap_or_default()).is_some_and(|replacing| replacing.is_some())
}

/// The id to look at: the recorded one, else what is to be taken over; of an object that only observes, what it points to.
/// An id in status without a record of this object's is not its own.
#[must_use]
pub fn key<K: Managed>(object: &K) -> Option<String>
where
    K::Status: KindStatus,
{
    let id = id(object);
    let own = record(object).and(id.clone());
    pointer(object).or(own).or_else(|| to_adopt(object)).or(id)
}

/// The id of what is to be taken over, as long as that counts and is granted.
#[must_use]
pub fn adopts<K: Managed>(deps: &Deps, object: &K, identity: &AwsIdentity) -> Option<String>
where
    K::Status: KindStatus,
{
    to_adopt(object).filter(|id| granted(deps, object, identity, id).is_ok())
}

/// Whether the object is to look at, or to take over, what its spec names.
#[must_use]
pub fn names_another<K: Managed>(object: &K) -> bool
where
    K::Status: KindStatus,
{
    pointer(object).or_else(|| to_adopt(object)).is_some()
}

/// Whether it is being deleted.
#[must_use]
pub fn going<K: Managed>(object: &K) -> bool {
    object.meta().deletion_timestamp.is_some()
}

/// The ARN of such a thing, as AWS builds it.
#[must_use]
pub fn arn<D>(target: &Target<D>, resource: &str, id: &str) -> String {
    let region = &target.account.region;
    format!("arn:{}:transfer:{region}:{}:{resource}/{id}", partition::partition(region), target.account.id)
}

/// The field that names what is to be taken over.
fn field(kind: ManagedKind) -> &'static str {
    match kind {
        ManagedKind::TransferServer => "spec.lifecycle.adoption.serverId",
        _ => "spec.lifecycle.adoption.id",
    }
}

fn id<K: Managed>(object: &K) -> Option<String>
where
    K::Status: KindStatus,
{
    object.status().and_then(KindStatus::id).map(str::to_owned)
}

/// Whether what has this id may be looked at and taken over.
fn granted<K: Managed>(deps: &Deps, object: &K, identity: &AwsIdentity, id: &str) -> Result<(), Reason> {
    let namespace = object.meta().namespace.as_deref().unwrap_or_default();
    let labels = resolve::labels(deps, namespace);
    let asker = Asker { kind: K::KIND, namespace, labels: &labels };
    match K::KIND {
        ManagedKind::TransferServer => grants::server_granted(identity, &asker, id),
        _ => grants::adoption_granted(identity, &asker, id),
    }
}

/// What an object that only observes points to. Once it is being deleted, only its own counts.
fn pointer<K: Managed>(object: &K) -> Option<String> {
    let policies = object.policies();
    let observes = policies.observes() && !going(object);
    policies.adoption.filter(|_| observes).and_then(|adoption| adoption.id)
}

/// The record of a create, if it is of this object.
fn record<K: Managed>(object: &K) -> Option<&CreateRecord> {
    let record = K::common(object.status()?).create.as_deref()?;
    (Some(&record.uid) == object.meta().uid.as_ref()).then_some(record)
}

/// What the spec says to take over. Where a new one may be made of what was lost, adoption has had its time; else the spec
/// goes on naming it, and none is created in its place.
fn to_adopt<K: Managed>(object: &K) -> Option<String>
where
    K::Status: KindStatus,
{
    let policies = object.policies();
    let acts = !policies.observes() && !going(object);
    let id = policies.adoption.filter(|_| acts)?.id?;
    let replaced = policies.recreate == RecreatePolicy::Automatic;
    let lost = replaced && record(object).is_some_and(|record| record.lost.contains(&id));
    (!lost && !superseded(object, &id)).then_some(id)
}

/// Whether new ones took the place of what the object had, as happens to what AWS cannot change: the spec goes on naming
/// what was taken over, and what the object has by now is its own. Of those only the last are remembered by their ids.
fn superseded<K: Managed>(object: &K, adopted: &str) -> bool
where
    K::Status: KindStatus,
{
    let kept = K::replacing(&mut object.status().cloned().unwrap_or_default()).is_some();
    let retired = record(object).is_some_and(|record| !record.lost.is_empty());
    kept && retired && id(object).is_some_and(|own| own != adopted)
}
