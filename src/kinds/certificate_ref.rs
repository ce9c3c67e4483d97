//! Certificates that profiles name by their objects: which ids that are, of one that is renewed both, and who keeps one from
//! being deleted. That an id is an object's own, [`named_by`] says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use kube::ResourceExt;

use super::deps::{Deps, OwnersSeen};
use super::grants::Asker;
use super::named_by::{self, From, Named, ReadAnew};
use super::resolve::{self, Unresolved};
use super::trigger::Trigger;
use super::{affected, referrers};
use crate::api::condition::{self, reasons, types};
use crate::api::namespaces::NamespaceSelection;
use crate::api::{ManagedKind, Reference, TransferCertificate, TransferCertificateStatus, TransferProfile};
use crate::aws::transfer::{Certificate, DescribeCertificate, WITH_PRIVATE_KEY};
use crate::aws::{Account, AwsError, AwsErrorKind};
use crate::cluster::store::StoreChange;
use crate::cluster::{self, ClusterError, Lister, Name, Object};
use crate::engine::kind::ReconcileError;
use crate::engine::owner::{Owner, Ownership};
use crate::engine::reason::Reason;

/// AWS's most certificates of a profile.
const CERTIFICATES_MAX: usize = 10;

impl Named for TransferCertificate {
    fn region(&self) -> &str {
        &self.spec.region
    }

    fn admitted(&self) -> &NamespaceSelection {
        &self.spec.allowed_references.namespaces
    }

    fn seen(deps: &Deps) -> &OwnersSeen {
        &deps.certificates
    }
}

#[async_trait]
impl ReadAnew for TransferCertificate {
    async fn look(deps: &Deps, account: &Account, id: &str) -> Result<(), AwsError> {
        look(deps, account, id).await.map(drop)
    }
}

/// The certificate as AWS has it, whose owner tags are kept in mind.
///
/// # Errors
/// That of the call, except that AWS does not have it.
pub async fn look(deps: &Deps, account: &Account, id: &str) -> Result<Option<Certificate>, AwsError> {
    let found = match account.read(DescribeCertificate { certificate_id: id.to_owned() }).await {
        Ok(certificate) => Some(*certificate),
        Err(fault) if fault.kind == AwsErrorKind::NotFound => None,
        Err(fault) => return Err(fault),
    };
    deps.certificates.note(account, id, found.as_ref().map(|certificate| &certificate.tags));
    Ok(found)
}

/// The certificates that a profile is to have.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resolved {
    /// Their ids, each once; nothing where the spec names none at all.
    pub ids: Option<Vec<String>>,
    /// Why they are not all known, or not all fit.
    pub held: Option<Held>,
    /// When one of them leaves by itself.
    pub changes_at: Option<Timestamp>,
}

impl Resolved {
    /// Whether AWS was seen to have just these in the profile.
    fn is_in(&self, profile: &TransferProfile) -> bool {
        let shown = profile.status.as_ref().and_then(|status| status.certificate_ids.as_ref());
        let set = |ids: &[String]| ids.iter().cloned().collect::<BTreeSet<_>>();
        shown.map(|ids| set(ids)) == self.ids.as_ref().map(|ids| set(ids))
    }
}

/// What holds the certificates of a profile, and which of them it holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// Why they are not all known, or not all fit.
    pub why: Reason,
    /// What the references that are not ready may stand for; nothing where that may be any certificate.
    pub may_be: Option<BTreeSet<String>>,
}

impl Held {
    /// What the profile is to have meanwhile, of what AWS `has` and what is `known` to be wanted: a certificate that nothing
    /// in the spec can mean goes, as its key may have leaked, and what is known comes as far as there is room. Without room
    /// for all of it, those that find none have to wait until an old one has left: one that is not full would wait for the
    /// old ones, and they for it. The last ones stay until others take their place.
    #[must_use]
    pub fn meanwhile(&self, has: &[String], known: &[String]) -> Vec<String> {
        let may_be = |id: &String| self.may_be.as_ref().is_none_or(|ids| ids.contains(id));
        let kept = has.iter().filter(|id| known.contains(id) || may_be(id));
        let new = known.iter().filter(|id| !has.contains(id));
        let all: Vec<String> = kept.chain(new).take(CERTIFICATES_MAX).cloned().collect();
        if all.is_empty() { has.to_vec() } else { all }
    }
}

/// The certificates that the spec of a profile names, where it lives. Where these are others than AWS was seen to have, their
/// objects are read anew: both certificates of a renewal are there, so that a call by what a watch showed long ago would go
/// through and put the old one back.
///
/// # Errors
/// Trouble in finding out.
pub async fn of_profile(
    deps: &Deps,
    profile: &TransferProfile,
    from: From<'_>,
    now: Timestamp,
) -> Result<Resolved, ReconcileError> {
    let spec = &profile.spec;
    if spec.certificate_ids.is_none() && spec.certificate_refs.is_none() {
        return Ok(Resolved::default());
    }
    let mut named = BTreeMap::new();
    for reference in spec.certificate_refs.iter().flatten() {
        let name = Name::of(reference, from.asker.namespace);
        let object = deps.lister.get::<TransferCertificate>(&name);
        named.insert(name, object);
    }
    let watched = resolved(deps, profile, from, &named, now).await?;
    if watched.held.is_none() && watched.is_in(profile) {
        return Ok(watched);
    }
    for (name, object) in &mut named {
        match cluster::get::<TransferCertificate>(deps.cluster.as_ref(), name).await {
            Ok(read) => *object = read.map(Arc::new),
            // It is of a namespace out of reach, or of another version's making: that holds the others up no more than a
            // watch that does not show it.
            Err(ClusterError::Forbidden(_) | ClusterError::Undecodable(..)) => {}
            Err(trouble) => return Err(trouble.into()),
        }
    }
    resolved(deps, profile, from, &named, now).await
}

/// The certificates of a profile, of which the objects that it names are these.
async fn resolved(
    deps: &Deps,
    profile: &TransferProfile,
    from: From<'_>,
    objects: &BTreeMap<Name, Option<Arc<TransferCertificate>>>,
    now: Timestamp,
) -> Result<Resolved, ReconcileError> {
    let spec = &profile.spec;
    let mut ids: Vec<String> = spec.certificate_ids.clone().unwrap_or_default();
    let (mut held, mut may_be, mut changes_at) = (None, Some(BTreeSet::new()), None);
    for (index, named) in spec.certificate_refs.iter().flatten().enumerate() {
        let name = Name::of(named, from.asker.namespace);
        let object = objects.get(&name).and_then(Option::as_deref);
        let end = object.and_then(|object| overlap_end(object, now));
        changes_at = [changes_at, end].into_iter().flatten().min();
        let given = |object: &TransferCertificate| given(object, &name, &spec.profile_type, now);
        match named_by::by_reference(deps, from, &name, object, &given).await {
            Ok(found) => ids.extend(found),
            Err(Unresolved::NotReady(why)) => {
                let shown = object.and_then(|object| shown(deps, from.account, object));
                may_be = may_be.zip(shown).map(|(all, more)| all.union(&more).cloned().collect());
                held = held.or(Some(resolve::of_field(&format!("spec.certificateRefs[{index}]"), &why)));
            }
            Err(Unresolved::Failed(trouble)) => return Err(trouble),
        }
    }
    let mut seen = BTreeSet::new();
    ids.retain(|id| seen.insert(id.clone()));
    // Too many of those that are written by their ids the API server refuses, and AWS.
    let renewed = spec.certificate_refs.iter().flatten().next().is_some();
    let held = held.or_else(|| too_many(ids.len(), changes_at).filter(|_| renewed)).map(|why| Held { why, may_be });
    Ok(Resolved { ids: Some(ids), held, changes_at })
}

/// The certificates of an object, as its status has them: only where the owner tags of that very object were seen on the one
/// in force. A status that is old or forged could else have its true ones taken off.
fn shown(deps: &Deps, account: &Account, object: &TransferCertificate) -> Option<BTreeSet<String>> {
    let status = object.status.as_ref()?;
    let Name { namespace, name } = Name::from(&object.metadata);
    let owner = Owner::new(&deps.cluster_id, &namespace, &name, &object.uid().unwrap_or_default());
    let tags = deps.certificates.tags(account, status.certificate_id.as_ref()?)?;
    (owner.judge(&tags) == Ownership::Ours).then(|| ids(status).into_iter().collect())
}

/// When the old certificate of an object leaves the profiles.
fn overlap_end(object: &TransferCertificate, now: Timestamp) -> Option<Timestamp> {
    object.status.as_ref().and_then(TransferCertificateStatus::overlap_end).filter(|end| *end > now)
}

/// The ids of an object, if they fit a profile of this type.
fn given(object: &TransferCertificate, name: &Name, profile_type: &str, now: Timestamp) -> Result<Vec<String>, Reason> {
    let Some(status) = &object.status else { return Ok(Vec::new()) };
    let without_key = status.r#type.as_deref().is_some_and(|held| held != WITH_PRIVATE_KEY);
    if profile_type == "LOCAL" && without_key {
        let message = format!(
            "TransferCertificate {name} has no private key, which those of a LOCAL profile need; name one that is read \
             with spec.secretRef"
        );
        return Err(Reason::stalled(reasons::INVALID_SPEC, message));
    }
    Ok(status.in_profiles(now))
}

fn too_many(count: usize, changes_at: Option<Timestamp>) -> Option<Reason> {
    let until = changes_at.map(|at| format!(" (the next old one leaves at {at})")).unwrap_or_default();
    let message = format!(
        "spec.certificateRefs: with those that are being renewed these are {count} certificates, and AWS takes \
         {CERTIFICATES_MAX} of a profile; who finds no room is added once one is taken out, or an overlap is over{until}"
    );
    (count > CERTIFICATES_MAX).then(|| Reason::new(reasons::DEPENDENCY_NOT_READY, message))
}

/// Who keeps a certificate from being deleted as a whole: the profiles that name its object, or name its id or have it, by a
/// live list. Naming it in vain, as it does not admit their namespace, is none, unless AWS may have it there.
///
/// # Errors
/// Trouble with the API server.
pub async fn blocks_deletion(
    deps: &Deps,
    object: &TransferCertificate,
    id: Option<&str>,
) -> Result<Option<String>, ReconcileError> {
    let idle = |other: &dyn Object| !admits(deps, object, other) && !may_have(other, id);
    let (users, _) = referrers::told_apart(deps.cluster.as_ref(), object, id, idle).await?;
    let naming = || format!("leave it out, or go, first: {}", referrers::shown(&users));
    Ok(match users.len() {
        0 => None,
        1 => Some(format!("1 profile must {}", naming())),
        many => Some(format!("{many} profiles must {}", naming())),
    })
}

fn admits(deps: &Deps, object: &TransferCertificate, other: &dyn Object) -> bool {
    let namespace = other.metadata().namespace.as_deref().unwrap_or_default();
    let labels = resolve::labels(deps, namespace);
    named_by::admits(object, &Asker { kind: other.managed_kind(), namespace, labels: &labels })
}

/// Whether AWS may have the certificate in what a profile stands for: where that was not looked at, it may.
fn may_have(other: &dyn Object, id: Option<&str>) -> bool {
    let any: &dyn std::any::Any = other;
    let has = |profile: &TransferProfile| shows(profile, id.unwrap_or_default()).unwrap_or_else(|| may_exist(profile));
    any.downcast_ref::<TransferProfile>().is_some_and(has)
}

/// Whether AWS was seen to have it there; nothing where nobody looked.
fn shows(profile: &TransferProfile, id: &str) -> Option<bool> {
    let shown = profile.status.as_ref()?.certificate_ids.as_ref()?;
    Some(shown.iter().any(|shown| shown == id))
}

fn may_exist(profile: &TransferProfile) -> bool {
    profile.status.as_ref().is_some_and(|status| status.profile_id.is_some() || status.common.create.is_some())
}

/// Who has the old certificate of an object that is renewed, or may have it, as status shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holders {
    /// The profiles that name the object or the certificate: as long as there are any, it is not deleted.
    pub keeping: BTreeSet<String>,
    /// Those that name the object and have not got the new one: they are not to lose the old one before, whatever keeps them
    /// from it. One without room for both gets the new one only once the old one has left.
    pub lacking: BTreeSet<String>,
}

/// Who holds the old certificate of this object. Of a profile that may not name it counts only what AWS was seen to have:
/// whoever may not have it could else hold up every renewal. While a renewal is `young`, one of which nothing is known counts
/// as lacking: caches may be behind, and AWS have it with the old one.
#[must_use]
pub fn holders(deps: &Deps, object: &TransferCertificate, old: &str, young: bool) -> Holders {
    let new = object.status.as_ref().and_then(|status| status.certificate_id.as_ref());
    let mut holders = Holders::default();
    for (named, by_object) in named(object, old).iter().zip([true, false]) {
        for profile in deps.lister.by::<TransferProfile>(named) {
            let admitted = || admits(deps, object, profile.as_ref());
            let has = has(deps, object, &profile, old);
            let name = || format!("{} {}", ManagedKind::TransferProfile.name(), Name::from(&profile.metadata));
            if keeps(deps, object, &profile, old) {
                holders.keeping.insert(name());
            }
            let unknown = young && shows(&profile, old).is_none() && admitted();
            if by_object && (has || unknown) && new.is_some_and(|new| waits_for(&profile, new)) {
                holders.lacking.insert(name());
            }
        }
    }
    holders
}

/// The profiles that keep the old certificate of this object, by a live list where the watches show none: it goes for ever.
///
/// # Errors
/// Trouble with the API server.
pub async fn keeping(deps: &Deps, object: &TransferCertificate, old: &str) -> Result<BTreeSet<String>, ReconcileError> {
    let watched = holders(deps, object, old, false).keeping;
    if !watched.is_empty() {
        return Ok(watched);
    }
    let named = named(object, old);
    let holds = |other: &dyn Object| {
        let any: &dyn std::any::Any = other;
        let refers = other.all_references().iter().any(|reference| named.contains(reference));
        refers && any.downcast_ref().is_some_and(|profile| keeps(deps, object, profile, old))
    };
    Ok(referrers::holding(deps.cluster.as_ref(), ManagedKind::TransferProfile, holds).await?)
}

/// How profiles refer to the old certificate: by its object, or by its id.
fn named(object: &TransferCertificate, old: &str) -> [Reference; 2] {
    let kind = ManagedKind::TransferCertificate;
    [Reference::Object(kind, Name::from(&object.metadata)), Reference::Id(kind, old.to_owned())]
}

/// Whether a profile that refers to the old certificate keeps it: it has that, or may have it any moment.
fn keeps(deps: &Deps, object: &TransferCertificate, profile: &TransferProfile, old: &str) -> bool {
    has(deps, object, profile, old) || (lists(profile, old) && admits(deps, object, profile))
}

/// Whether AWS has the old certificate of the object in what a profile stands for, or may have it.
fn has(deps: &Deps, object: &TransferCertificate, profile: &TransferProfile, old: &str) -> bool {
    shows(profile, old).unwrap_or_else(|| may_exist(profile) && admits(deps, object, profile))
}

/// Whether its spec lists the id, and what it stands for may have it any moment.
fn lists(profile: &TransferProfile, id: &str) -> bool {
    profile.may_be_in_aws() && profile.spec.certificate_ids.iter().flatten().any(|listed| listed == id)
}

/// Whether it has room for the new one and was not seen to have it.
fn waits_for(profile: &TransferProfile, new: &String) -> bool {
    let shown = profile.status.as_ref().and_then(|status| status.certificate_ids.as_ref());
    shown.is_none_or(|ids| !ids.contains(new) && ids.len() < CERTIFICATES_MAX)
}

/// The profiles that name it, when what they need of it changes.
#[must_use]
pub fn triggers(change: &StoreChange<TransferCertificate>, lister: &dyn Lister) -> Vec<Trigger> {
    if change.was().map(facts) == change.is().map(facts) {
        return Vec::new();
    }
    let kind = ManagedKind::TransferCertificate;
    let named = affected::all_referring(lister, &Reference::Object(kind, change.name.clone()));
    // And those that name it by an id that is, or was, its own.
    let both = [change.was(), change.is()].into_iter().flatten();
    let ids: BTreeSet<String> = both.filter_map(|object| object.status.as_ref()).flat_map(ids).collect();
    let profiles = ids.into_iter().flat_map(|id| lister.by::<TransferProfile>(&Reference::Id(kind, id)));
    let wakes = profiles.map(|profile| Trigger::managed((ManagedKind::TransferProfile, Name::from(&profile.metadata))));
    named.into_iter().chain(wakes).collect::<BTreeSet<_>>().into_iter().collect()
}

fn ids(status: &TransferCertificateStatus) -> Vec<String> {
    let old = status.replacing.iter().map(|replacing| replacing.old_id.clone());
    status.certificate_id.iter().cloned().chain(old).collect()
}

/// What profiles need to know of a certificate object.
fn facts(object: &TransferCertificate) -> impl PartialEq {
    let status = object.status.as_ref();
    (
        status.map(|status| (status.certificate_id.clone(), status.replacing.clone(), status.overlap_until.clone())),
        // It was looked at: its tags are known.
        status.is_some_and(|status| condition::is_true(&status.common.conditions, types::READY)),
        status.and_then(|status| status.common.account_id.clone()),
        status.and_then(|status| status.r#type.clone()),
        object.metadata.uid.clone(),
        object.metadata.deletion_timestamp.is_some(),
        object.spec.region.clone(),
        object.spec.allowed_references.clone(),
    )
}
