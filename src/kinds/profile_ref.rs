//! Profiles that others name, as [`named_by`] has it: of which type each side of an exchange is, and who keeps a profile
//! from being deleted.

use std::any::Any;
use std::collections::BTreeSet;

use async_trait::async_trait;

use super::affected;
use super::deps::{Deps, OwnersSeen};
use super::grants::Asker;
pub use super::named_by::From;
use super::named_by::{self, Named, ReadAnew};
use super::resolve::{self, Unresolved};
use super::trigger::{Trigger, Which};
use crate::api::condition::{self, reasons, types};
use crate::api::namespaces::NamespaceSelection;
use crate::api::object_ref::ObjectRef;
use crate::api::status::{CommonStatus, CreatePhase};
use crate::api::{
    ManagedKind, TransferAgreement, TransferAgreementStatus, TransferConnector, TransferConnectorStatus,
    TransferProfile,
};
use crate::aws::transfer::{DescribeProfile, Profile};
use crate::aws::{Account, AwsError, AwsErrorKind};
use crate::cluster::references::Reference;
use crate::cluster::{Lister, Name, Object};
use crate::engine::kind::{KindStatus, ReconcileError};
use crate::engine::reason::Reason;

/// One side of an exchange, as a spec names it.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// LOCAL or PARTNER.
    pub profile_type: &'static str,
    /// By its object.
    pub named: Option<&'a ObjectRef>,
    /// By its id.
    pub id: Option<&'a String>,
    /// Where the spec names the object.
    pub ref_field: &'a str,
    /// Where it names the id.
    pub id_field: &'a str,
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
            (None, Some(id)) => named_by::by_id::<TransferProfile>(deps, from, id).map_err(Unresolved::NotReady),
            (None, None) => Err(Reason::stalled(reasons::INVALID_SPEC, "it or an id is needed").into()),
        };
        match found {
            Ok(id) => Ok(Ok(id)),
            Err(Unresolved::NotReady(why)) => Ok(Err(resolve::of_field(field, &why))),
            Err(Unresolved::Failed(trouble)) => Err(trouble),
        }
    }
}

impl Named for TransferProfile {
    fn region(&self) -> &str {
        &self.spec.region
    }

    fn admitted(&self) -> &NamespaceSelection {
        &self.spec.allowed_references.namespaces
    }

    fn seen(deps: &Deps) -> &OwnersSeen {
        &deps.profiles
    }
}

#[async_trait]
impl ReadAnew for TransferProfile {
    async fn look(deps: &Deps, account: &Account, id: &str) -> Result<(), AwsError> {
        look(deps, account, id).await.map(drop)
    }
}

async fn by_reference(
    deps: &Deps,
    from: From<'_>,
    named: &ObjectRef,
    profile_type: &str,
) -> Result<String, Unresolved> {
    let name = Name::of(named, from.asker.namespace);
    let ids = |object: &TransferProfile| {
        let is = &object.spec.profile_type;
        if is != profile_type {
            let message = format!("TransferProfile {name} has profileType {is}; name one that has {profile_type}");
            return Err(Reason::stalled(reasons::INVALID_SPEC, message));
        }
        Ok(object.status.iter().filter_map(|status| status.profile_id.clone()).collect())
    };
    let object = deps.lister.get::<TransferProfile>(&name);
    let found = named_by::by_reference(deps, from, &name, object.as_deref(), &ids).await?;
    // It never answers with none.
    Ok(found.into_iter().next().unwrap_or_default())
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

/// Whether an object that names the profile keeps it from being deleted: it may name it, or AWS may have the profile in what is
/// the object's. Whoever is not admitted never got it into AWS by naming it, and could else hold up what is somebody else's.
#[must_use]
pub fn keeps(deps: &Deps, profile: &TransferProfile, id: Option<&str>, object: &dyn Object) -> bool {
    is_admitted(deps, profile, object) || may_have(object, id)
}

fn is_admitted(deps: &Deps, profile: &TransferProfile, object: &dyn Object) -> bool {
    let namespace = object.metadata().namespace.as_deref().unwrap_or_default();
    let labels = resolve::labels(deps, namespace);
    named_by::admits(profile, &Asker { kind: object.managed_kind(), namespace, labels: &labels })
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
