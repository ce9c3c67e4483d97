//! Profiles that others name, by their objects or by their ids: which id that is, where it is this namespace's to name.
//!
//! An id counts only once this process saw the owner tags of that very object on it: whoever may write a status could else
//! have messages signed with somebody else's key. One that is named by its id is kept from whom the object that it belongs
//! to does not admit.

use std::any::Any;
use std::collections::BTreeSet;

use kube::ResourceExt;

use super::deps::Deps;
use super::grants::{self, Asker};
use super::resolve::{self, Unresolved};
use super::trigger::{Trigger, Which};
use super::{affected, server_ref};
use crate::api::common::ProfileRef;
use crate::api::condition::{self, reasons, types};
use crate::api::status::{CommonStatus, CreatePhase};
use crate::api::{
    Managed, ManagedKind, TransferAgreement, TransferAgreementStatus, TransferConnector, TransferConnectorStatus,
    TransferProfile,
};
use crate::aws::transfer::{DescribeProfile, Profile};
use crate::aws::{Account, AwsError, AwsErrorKind};
use crate::cluster::references::Reference;
use crate::cluster::{Lister, Name, Object};
use crate::engine::kind::{KindStatus, ReconcileError};
use crate::engine::owner::{Owner, Ownership};
use crate::engine::reason::Reason;

/// One side of an exchange, as a spec names it.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// LOCAL or PARTNER.
    pub profile_type: &'static str,
    /// By its object.
    pub named: Option<&'a ProfileRef>,
    /// By its id.
    pub id: Option<&'a String>,
    /// Where the spec names the object.
    pub ref_field: &'a str,
    /// Where it names the id.
    pub id_field: &'a str,
}

/// Whose profiles are asked for, and where they must be.
#[derive(Clone, Copy, Debug)]
pub struct From<'a> {
    /// Who names them.
    pub asker: &'a Asker<'a>,
    /// Where that lives.
    pub account: &'a Account,
}

impl Side<'_> {
    /// The id of the profile, or why it is not known or may not be named.
    ///
    /// # Errors
    /// Trouble in finding out.
    pub async fn id(&self, deps: &Deps, from: From<'_>) -> Result<Result<String, Reason>, ReconcileError> {
        let field = if self.named.is_some() { self.ref_field } else { self.id_field };
        let found = match (self.named, self.id) {
            (Some(named), _) => by_reference(deps, from, named, self.profile_type).await,
            (None, Some(id)) => by_id(deps, from, id).map_err(Unresolved::NotReady),
            (None, None) => Err(Reason::stalled(reasons::INVALID_SPEC, "it or an id is needed").into()),
        };
        match found {
            Ok(id) => Ok(Ok(id)),
            Err(Unresolved::NotReady(why)) => Ok(Err(resolve::of_field(field, &why))),
            Err(Unresolved::Failed(trouble)) => Err(trouble),
        }
    }
}

async fn by_reference(
    deps: &Deps,
    from: From<'_>,
    named: &ProfileRef,
    profile_type: &str,
) -> Result<String, Unresolved> {
    let From { asker, account } = from;
    let name = Name::of_profile(named, asker.namespace);
    let waits = |message: String| Unresolved::from(Reason::new(reasons::DEPENDENCY_NOT_READY, message));
    let found = deps.lister.get::<TransferProfile>(&name);
    let exists = found.is_some();
    let Some(object) = found.filter(|object| admits(object, asker)) else {
        return Err(waits(server_ref::unavailable(ManagedKind::TransferProfile, &name, asker, exists)));
    };
    if let Some(unfit) = unfit(&object, account, profile_type) {
        let message = format!("TransferProfile {name} {unfit}");
        return Err(Reason::stalled(reasons::INVALID_SPEC, message).into());
    }
    let Some(id) = object.status.as_ref().and_then(|status| status.profile_id.clone()) else {
        return Err(waits(format!("TransferProfile {name} has no id yet")));
    };
    if object.metadata.deletion_timestamp.is_some() {
        return Err(waits(format!("TransferProfile {name} is being deleted")));
    }
    if owned(deps, account, &object, &id).await? {
        return Ok(id);
    }
    Err(waits(format!("profile {id} does not carry the owner tags of TransferProfile {name} (yet)")))
}

/// Why no spec can name it for this side. Another account is not named: who asks may have no grant there.
fn unfit(object: &TransferProfile, account: &Account, profile_type: &str) -> Option<String> {
    let (region, is) = (&object.spec.region, &object.spec.profile_type);
    let recorded = object.status.as_ref().and_then(|status| status.common.recorded_account());
    if *region != account.region || recorded.is_some_and(|recorded| *recorded != account.id) {
        return Some("lives in another account or region; name one that lives where this object does".to_owned());
    }
    (is != profile_type).then(|| format!("has profileType {is}; name one that has {profile_type}"))
}

/// Whether AWS shows the owner tags of the object on this profile. They are read once, here or by the object's own
/// reconcile, and anew as long as they are others.
async fn owned(deps: &Deps, account: &Account, object: &TransferProfile, id: &str) -> Result<bool, AwsError> {
    let Name { namespace, name } = Name::from(&object.metadata);
    let owner = Owner::new(&deps.cluster_id, &namespace, &name, &object.uid().unwrap_or_default());
    let ours = || deps.profiles.tags(account, id).is_some_and(|tags| owner.judge(&tags) == Ownership::Ours);
    if !ours() {
        look(deps, account, id).await?;
    }
    Ok(ours())
}

/// The profile as AWS has it, whose owner tags are kept in mind.
///
/// # Errors
/// That of the call, except that AWS does not have it.
pub async fn look(deps: &Deps, account: &Account, id: &str) -> Result<Option<Profile>, AwsError> {
    let found = match account.read(DescribeProfile { profile_id: id.to_owned() }).await {
        Ok(profile) => Some(*profile),
        Err(fault) if fault.kind == AwsErrorKind::NotFound => None,
        Err(fault) => return Err(fault),
    };
    deps.profiles.note(account, id, found.as_ref().map(|profile| &profile.tags));
    Ok(found)
}

/// A profile that is named by its id: where an object of ours stands for it, that object says who may name it, by
/// whichever name.
fn by_id(deps: &Deps, from: From<'_>, id: &str) -> Result<String, Reason> {
    let From { asker, account } = from;
    let reference = Reference::Id(ManagedKind::TransferProfile, id.to_owned());
    let objects = deps.lister.by::<TransferProfile>(&reference);
    let barred = objects.iter().any(|object| stands_for(deps, object, id, account) && !admits(object, asker));
    if !barred {
        return Ok(id.to_owned());
    }
    // Whose it is is not told: who asks may know no more of it than its id.
    let message = format!(
        "profile {id} belongs to a TransferProfile that does not allow references from namespace {}; its owner may allow \
         that namespace in spec.allowedReferences{}",
        asker.namespace,
        grants::unseen(asker.namespace, asker.labels)
    );
    Err(Reason::new(reasons::DEPENDENCY_NOT_READY, message))
}

/// Whether the object that names the profile in its status is the one it belongs to, as far as was seen. Only other owner
/// tags say that it is not: until they are read a status counts, as it can keep somebody out and let nobody in.
fn stands_for(deps: &Deps, object: &TransferProfile, id: &str, account: &Account) -> bool {
    let Name { namespace, name } = Name::from(&object.metadata);
    let owner = Owner::new(&deps.cluster_id, &namespace, &name, &object.uid().unwrap_or_default());
    // One that only looks at what nobody's tags are on has no say in who names it.
    let looks = object.policies().observes();
    let stays = |ownership| match ownership {
        Ownership::Ours | Ownership::UidLost => true,
        Ownership::Untagged => !looks,
        _ => false,
    };
    deps.profiles.tags(account, id).is_none_or(|tags| stays(owner.judge(&tags)))
}

/// Whether objects of the asker's namespace may name what this one stands for.
fn admits(object: &TransferProfile, asker: &Asker<'_>) -> bool {
    let home = object.metadata.namespace.as_deref().unwrap_or_default();
    object.spec.allowed_references.namespaces.admits(home, asker.namespace, asker.labels)
}

/// Whether an object that names the profile keeps it from being deleted: it may name it, or AWS may have the profile in what is
/// the object's. Whoever is not admitted never got it into AWS by naming it, and could else hold up what is somebody else's.
#[must_use]
pub fn keeps(deps: &Deps, profile: &TransferProfile, id: Option<&str>, object: &dyn Object) -> bool {
    is_admitted(deps, profile, object) || may_have(object, id)
}

fn is_admitted(deps: &Deps, profile: &TransferProfile, object: &dyn Object) -> bool {
    let namespace = object.metadata().namespace.as_deref().unwrap_or_default();
    let labels = resolve::labels(deps, namespace);
    admits(profile, &Asker { kind: object.managed_kind(), namespace, labels: &labels })
}

/// Whether AWS may have the profile in what the object stands for.
fn may_have(object: &dyn Object, id: Option<&str>) -> bool {
    id.is_some_and(|id| in_aws(object).contains(id))
}

/// The profiles that AWS may have in what the object stands for, by what calls for it named and what was seen.
fn in_aws(object: &dyn Object) -> BTreeSet<String> {
    let any: &dyn Any = object;
    let agreement =
        || any.downcast_ref::<TransferAgreement>()?.status.as_ref().map(TransferAgreementStatus::profile_ids);
    let connector = || any.downcast_ref::<TransferConnector>()?.status.as_ref().map(TransferConnectorStatus::profiles);
    agreement().or_else(connector).unwrap_or_default()
}

/// Whether an object has, or may get, something in AWS here of which its status does not say what it names there: its create
/// may be under way and its status was lost. What its spec names by now says nothing of that. One that the profile does not
/// admit counts only by what the operator recorded: without a record nothing was made for it.
#[must_use]
pub fn may_name_any(deps: &Deps, profile: &TransferProfile, object: &dyn Object, account: &Account) -> bool {
    let any: &dyn Any = object;
    if let Some(status) = any.downcast_ref::<TransferAgreement>().and_then(|object| object.status.as_ref())
        && status.confirmed()
    {
        // Found again and not looked at yet.
        return !status.shows_profiles();
    }
    if let Some(status) = any.downcast_ref::<TransferConnector>().and_then(|object| object.status.as_ref())
        && status.confirmed()
    {
        return status.protocol.is_none() && !gone(&status.common);
    }
    let by_sftp = any.downcast_ref::<TransferConnector>().is_some_and(|object| object.spec.as2_config.is_none());
    let own = |reference: &Reference| matches!(reference, Reference::Id(kind, _) if *kind == object.managed_kind());
    if object.all_references().iter().any(own) {
        return false;
    }
    let uid = object.metadata().uid.as_ref();
    let record = object.common_status().and_then(|status| status.create.as_ref());
    let Some(record) = record.filter(|record| Some(&record.uid) == uid) else {
        return !by_sftp && is_admitted(deps, profile, object);
    };
    let elsewhere = |recorded: &Option<String>, here: &String| recorded.as_ref().is_some_and(|it| it != here);
    // What a create names is recorded together with its attempt.
    record.phase == CreatePhase::InFlight
        && in_aws(object).is_empty()
        && !(by_sftp && record.attempt.is_some())
        && !elsewhere(&record.account_id, &account.id)
        && !elsewhere(&record.region, &account.region)
}

/// Whether AWS has nothing of it any more, as far as is told.
fn gone(status: &CommonStatus) -> bool {
    let ready = condition::find(&status.conditions, types::READY);
    ready.is_some_and(|ready| ready.reason == reasons::SERVER_GONE)
}

/// The objects that name this profile by its id, or have it in AWS.
#[must_use]
pub fn naming(lister: &dyn Lister, id: String) -> Vec<Trigger> {
    let named = affected::all_referring(lister, &Reference::Id(ManagedKind::TransferProfile, id));
    let own = ManagedKind::TransferProfile;
    named.into_iter().filter(|trigger| trigger.which != Which::Managed(own)).collect()
}

/// The objects that stand for these profiles: one that waits to be deleted may go once nothing names it.
#[must_use]
pub fn released<'a>(
    lister: &dyn Lister,
    was: impl IntoIterator<Item = &'a String>,
    is: impl IntoIterator<Item = &'a String>,
) -> Vec<Trigger> {
    let is: BTreeSet<&String> = is.into_iter().collect();
    let left =
        was.into_iter().filter(|id| !is.contains(id)).map(|id| Reference::Id(ManagedKind::TransferProfile, id.clone()));
    let objects = left.flat_map(|id| lister.by::<TransferProfile>(&id));
    let wakes = objects.map(|profile| Trigger::managed((ManagedKind::TransferProfile, Name::from(&profile.metadata))));
    wakes.collect::<BTreeSet<_>>().into_iter().collect()
}
