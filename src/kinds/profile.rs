//! `TransferProfile`: found again by its tags, its certificates kept as they are listed, deleted once no object of ours
//! refers to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use kube::ResourceExt;
use serde_json::json;

use super::certificate_ref::{Held, Resolved as Certificates};
use super::deps::Deps;
use super::grants::{self, Asker};
use super::named_by::From;
use super::referrers::Found;
use super::registration::{Registration, Traces};
use super::resolve;
use super::tag_index::{TagIndex, TaggedResource};
use super::trigger::Trigger;
use super::uses::Use;
use super::{affected, certificate_ref, named_by, profile_ref, referrers, standalone, tags};
use crate::api::condition::{self, reasons, types};
use crate::api::status::Applied;
use crate::api::{
    AwsIdentity, Managed, ManagedKind, Reference, TransferCertificate, TransferProfile, TransferProfileSpec,
    TransferProfileStatus,
};
use crate::aws::transfer::{
    CreateProfile, DeleteProfile, DescribeProfile, ListProfiles, Profile, ProfileSettings, Tags, UpdateProfile,
};
use crate::aws::{Account, AwsError, AwsErrorKind, Mutation};
use crate::cluster::store::StoreChange;
use crate::cluster::{Lister, Object};
use crate::engine::decide::Words;
use crate::engine::diff::{self, Change, Compare, Effect, Member, Reset};
use crate::engine::digest::hash;
use crate::engine::found_by::{FoundBy, TagLookup, Tagged};
use crate::engine::kind::{
    Described, Kind, KindStatus, Plan, PlannedCall, ReconcileError, Resolved, ResourceState, Target, Wanted,
};
use crate::engine::owner::Owner;
use crate::engine::reason::Reason;
use crate::engine::unset;

/// What CreateProfile carries. UpdateProfile carries the last alone; whether an empty list clears it, AWS does not say.
pub(super) const MEMBERS: [Member; 3] = [
    Member::live("as2Id", "null", Reset::Never).takes(Effect::Refused),
    Member::live("profileType", "null", Reset::Never).takes(Effect::Refused),
    Member::live("certificateIds", "[]", Reset::Send("[]")).by(Compare::Set),
];

/// The kind of profiles.
pub struct Profiles {
    deps: Arc<Deps>,
    tag_index: Arc<TagIndex<TaggedProfiles>>,
}

/// Profiles, as they are found by their tags.
#[derive(Debug)]
pub struct TaggedProfiles;

#[async_trait]
impl TaggedResource for TaggedProfiles {
    const LISTING: &'static str = "ListProfiles";

    async fn list(account: &Account) -> Result<Vec<String>, AwsError> {
        Ok(account.list(ListProfiles { token: None }).await?.into_iter().map(|row| row.profile_id).collect())
    }

    async fn tags(account: &Account, id: &str) -> Result<Tags, AwsError> {
        Ok(account.read(DescribeProfile { profile_id: id.to_owned() }).await?.tags)
    }
}

/// What is wanted of a profile.
#[derive(Clone, Debug)]
pub struct WantedProfile {
    /// What it is made with.
    pub settings: ProfileSettings,
    /// Tags, without owner tags.
    pub tags: Tags,
    /// The certificates that this namespace may not name, and why not: none of them is put on it.
    pub ungranted: BTreeMap<String, Reason>,
    /// Why its certificates are not all known (yet), or do not fit.
    pub held: Option<Held>,
}

impl Profiles {
    /// The kind behind these doors.
    #[must_use]
    pub fn new(deps: Arc<Deps>) -> Self {
        Self { deps, tag_index: Arc::default() }
    }

    /// The certificates that the object may not name by their ids: by the identity, or by the object of that certificate.
    fn ungranted(&self, object: &TransferProfile, identity: &AwsIdentity, from: From<'_>) -> BTreeMap<String, Reason> {
        const FIELD: &str = "spec.certificateIds";
        let granted = |id: &String| {
            grants::certificate_granted(identity, from.asker, FIELD, id)?;
            let named = named_by::by_id::<TransferCertificate>(&self.deps, from, id);
            named.map_err(|why| resolve::of_field(FIELD, &why))
        };
        let ids = object.spec.certificate_ids.iter().flatten();
        ids.filter_map(|id| granted(id).err().map(|why| (id.clone(), why))).collect()
    }
}

/// The spec in AWS's members, with the certificates that it leads to.
fn settings(spec: &TransferProfileSpec, certificate_ids: Option<Vec<String>>) -> ProfileSettings {
    ProfileSettings { as2_id: spec.as2_id.clone(), profile_type: spec.profile_type.clone(), certificate_ids }
}

/// The same while not all certificates that it leads to are known, or may be named.
fn meanwhile(
    settings: &ProfileSettings,
    held: &Held,
    has: &[String],
    ungranted: &BTreeMap<String, Reason>,
) -> ProfileSettings {
    let named = |id: &&String| has.contains(id) || !ungranted.contains_key(*id);
    let known: Vec<String> = settings.certificate_ids.iter().flatten().filter(named).cloned().collect();
    ProfileSettings { certificate_ids: Some(held.meanwhile(has, &known)), ..settings.clone() }
}

/// What one spec in the place of another would change, beside [`PREVIEWED`] nothing.
#[must_use]
pub fn preview(new: &TransferProfileSpec, old: &TransferProfileSpec) -> Vec<Change> {
    let by_id = |spec: &TransferProfileSpec| json!(settings(spec, spec.certificate_ids.clone()));
    let (new, old) = (by_id(new), by_id(old));
    diff::diff(&MEMBERS, &new, &old, &diff::set_paths(&MEMBERS, &old))
}

/// The members of a spec that [`preview`] compares.
pub const PREVIEWED: [&str; 3] = ["as2Id", "profileType", "certificateIds"];

/// What is said where AWS takes an empty list and keeps what it has.
fn cannot_clear() -> Reason {
    let message = "spec.certificateIds: AWS takes an empty list and keeps the certificates that the profile has; list \
                   one, or make a new TransferProfile without any";
    Reason::stalled(reasons::CANNOT_CLEAR, message)
}

/// What AWS cannot change and yet is another, by an edit that no rule stopped.
fn immutable(changes: &[Change]) -> Option<Reason> {
    let fixed: Vec<&Change> = changes.iter().filter(|change| change.effect == Effect::Refused).collect();
    let message = || {
        let paths = diff::paths(fixed.iter().copied());
        format!("AWS cannot change {paths} of a profile; set it back, or make a new TransferProfile")
    };
    (!fixed.is_empty()).then(|| Reason::stalled(reasons::IMMUTABLE, message()))
}

/// Whether AWS's words are of a certificate.
fn about_certificates(fault: &AwsError) -> bool {
    fault.resource_type.iter().chain([&fault.message]).any(|words| words.to_lowercase().contains("certificate"))
}

/// The certificates that are wanted, all of them: AWS takes no single one.
fn update(wanted: &ProfileSettings, have: &Profile, changes: &[Change]) -> Option<PlannedCall> {
    let live: Vec<Change> = changes.iter().filter(|change| change.effect == Effect::Live).cloned().collect();
    let certificate_ids = wanted.certificate_ids.clone().unwrap_or_default();
    let in_vain = certificate_ids.is_empty().then(cannot_clear);
    let call = Mutation::UpdateProfile(UpdateProfile { profile_id: have.profile_id.clone(), certificate_ids });
    (!live.is_empty()).then(|| PlannedCall { in_vain, ..PlannedCall::new(call, live) })
}

#[async_trait]
impl Kind for Profiles {
    type Object = TransferProfile;
    type TargetDetail = Arc<AwsIdentity>;
    type Want = WantedProfile;
    type Have = Profile;

    const WORDS: Words = Words {
        noun: TransferProfile::NOUN,
        parent: "",
        taken: "",
        anew: "another id, which whatever uses it has to name",
    };

    fn found_by(&self) -> FoundBy<'_, TransferProfile, Self::TargetDetail> {
        FoundBy::Tags(self)
    }

    async fn resolve(&self, object: &TransferProfile) -> Result<Resolved<Self::TargetDetail>, ReconcileError> {
        let spec = &object.spec;
        resolve::resolved(standalone::place(&self.deps, object, &spec.aws_identity_ref, &spec.region).await)
    }

    async fn want(
        &self,
        object: &TransferProfile,
        target: &Target<Self::TargetDetail>,
        now: Timestamp,
    ) -> Result<Wanted<WantedProfile>, ReconcileError> {
        let namespace = object.namespace().unwrap_or_default();
        let labels = resolve::labels(&self.deps, &namespace);
        let asker = Asker { kind: ManagedKind::TransferProfile, namespace: &namespace, labels: &labels };
        let from = From { asker: &asker, account: &target.account };
        let ungranted = self.ungranted(object, &target.detail, from);
        let Certificates { ids, held, changes_at } = certificate_ref::of_profile(&self.deps, object, from, now).await?;
        let want = WantedProfile {
            settings: settings(&object.spec, ids),
            tags: tags::wanted(&object.spec.tags, &target.identity_tags),
            ungranted: ungranted.clone(),
            held: held.clone(),
        };
        // What AWS has already stays: the plan says whether it would be sent.
        let faults = ungranted.into_values().take(1).collect();
        let blocks = tags::unfit(&want.tags).into_iter().chain(held.map(|held| held.why)).collect();
        let applied = Applied {
            paths: diff::set_paths(&MEMBERS, &json!(want.settings)).into_iter().collect(),
            tags: want.tags.keys().cloned().collect(),
            ..Applied::default()
        };
        // A certificate that is renewed is as good as an edit: the profile is to have it at once.
        let digest = hash(&json!([want.settings, want.tags]).to_string());
        Ok(Wanted { want, blocks, faults, applied, changes_at, operation: None, digest })
    }

    async fn describe(
        &self,
        object: &TransferProfile,
        target: &Target<Self::TargetDetail>,
    ) -> Result<Described<Profile>, AwsError> {
        let Some(profile_id) = standalone::key(object) else { return Ok(Described::NoKey) };
        let found = profile_ref::look(&self.deps, &target.account, &profile_id).await?;
        Ok(found.map_or(Described::Missing, Described::Found))
    }

    fn create(
        &self,
        _: &TransferProfile,
        _: &Target<Self::TargetDetail>,
        wanted: &Wanted<WantedProfile>,
        owner_tags: &Tags,
    ) -> Mutation {
        let WantedProfile { settings, tags, ungranted: _, held: _ } = wanted.want.clone();
        let tags = tags.into_iter().chain(owner_tags.clone()).collect();
        Mutation::CreateProfile(Box::new(CreateProfile { settings, tags }))
    }

    fn plan(
        &self,
        object: &TransferProfile,
        _: &Target<Self::TargetDetail>,
        wanted: &Wanted<WantedProfile>,
        have: &Profile,
        owner: &Owner,
        _: Timestamp,
    ) -> Plan {
        let WantedProfile { settings, tags, ungranted, held } = &wanted.want;
        let applied = object.status.as_ref().and_then(|status| status.common.applied.clone()).unwrap_or_default();
        let (paths, keys) = (applied.paths.into_iter().collect(), applied.tags.into_iter().collect());
        let has = have.settings.certificate_ids.as_deref().unwrap_or_default();
        // What AWS has already stays; what is new and may not be named stays out, and holds nothing else up: another one is
        // renewed, and a leaked key must be able to go.
        let withheld = ungranted.iter().find(|(id, _)| !has.contains(id)).map(|(_, why)| why.clone());
        let out = withheld.clone().map(|why| Held { why, may_be: Some(BTreeSet::new()) });
        let settings = &match held.as_ref().or(out.as_ref()) {
            Some(held) => meanwhile(settings, held, has, ungranted),
            None => settings.clone(),
        };
        let mut changes = diff::diff(&MEMBERS, &json!(settings), &json!(have.settings), &paths);
        // The certificates of one name are not put on the profile of another.
        let fixed = immutable(&changes);
        let due = update(settings, have, &changes).filter(|_| fixed.is_none());
        let blocks = fixed.or(withheld).into_iter().collect();
        changes.extend(tags::changes(tags, &have.tags, &keys));
        let calls = due.into_iter().chain(tags::calls(&have.arn, tags, owner, &have.tags, &keys)).collect();
        Plan { changes, calls, blocks, ..Plan::default() }
    }

    fn fill_status(
        &self,
        status: &mut TransferProfileStatus,
        _: &Target<Self::TargetDetail>,
        wanted: Option<&Wanted<WantedProfile>>,
        have: &Profile,
    ) {
        status.profile_id = Some(have.profile_id.clone());
        status.arn = Some(have.arn.clone());
        status.as2_id = Some(have.settings.as2_id.clone());
        status.profile_type = Some(have.settings.profile_type.clone());
        status.certificate_ids = Some(have.settings.certificate_ids.clone().unwrap_or_default());
        if let Some(Wanted { want, .. }) = wanted {
            let applied: BTreeSet<String> = status.common.applied.iter().flat_map(|all| all.paths.clone()).collect();
            status.common.unset = unset::unset(&MEMBERS, &json!(want.settings), &json!(have.settings), &applied);
        }
    }

    fn delete(&self, _: &TransferProfile, _: &Target<Self::TargetDetail>, id: Option<&str>) -> Mutation {
        Mutation::DeleteProfile(DeleteProfile { profile_id: id.unwrap_or_default().to_owned() })
    }

    fn arn(&self, _: &TransferProfile, target: &Target<Self::TargetDetail>, id: Option<&str>) -> Option<String> {
        id.map(|id| standalone::arn(target, "profile", id))
    }

    async fn explain(&self, _: &Account, call: &Mutation, fault: &AwsError) -> Option<String> {
        let sent = match call {
            // It carries other things too, which may be what AWS refuses.
            Mutation::CreateProfile(create) if about_certificates(fault) => {
                create.settings.certificate_ids.as_deref().filter(|ids| !ids.is_empty())?
            }
            Mutation::UpdateProfile(update) => update.certificate_ids.as_slice(),
            _ => return None,
        };
        let words = match fault.kind {
            AwsErrorKind::Rejected if sent.is_empty() => {
                "AWS does not let a profile be without a certificate once it had one; list one, or make a new \
                 TransferProfile without any"
                    .to_owned()
            }
            AwsErrorKind::Rejected => format!(
                "each must be there in the region of the profile, and have a private key where profileType is LOCAL: {}",
                sent.join(", ")
            ),
            _ => return None,
        };
        Some(format!("spec.certificateIds: {words}"))
    }
}

#[async_trait]
impl Tagged<TransferProfile, Arc<AwsIdentity>> for Profiles {
    fn lookup(&self) -> &dyn TagLookup {
        &self.tag_index
    }

    fn adopts(&self, object: &TransferProfile, target: &Target<Arc<AwsIdentity>>) -> Option<String> {
        standalone::adopts(&self.deps, object, &target.detail)
    }

    fn set_id(&self, status: &mut TransferProfileStatus, target: &Target<Arc<AwsIdentity>>, id: &str) {
        status.profile_id = Some(id.to_owned());
        status.arn = Some(standalone::arn(target, "profile", id));
    }

    async fn deletion_blockers(
        &self,
        object: &TransferProfile,
        target: &Target<Arc<AwsIdentity>>,
        id: Option<&str>,
    ) -> Result<Option<String>, ReconcileError> {
        let names_profiles = [ManagedKind::TransferAgreement, ManagedKind::TransferConnector];
        let unsure = |other: &dyn Object| {
            names_profiles.contains(&other.managed_kind())
                && profile_ref::may_name_any(&self.deps, object, other, &target.account)
        };
        let idle = |other: &dyn Object| !profile_ref::keeps(&self.deps, object, id, other);
        let found = referrers::found(self.deps.cluster.as_ref(), object, id, idle, unsure).await?;
        let Found { naming: users, apart: _, unsure } = found;
        if users.is_empty() && !unsure.is_empty() {
            // Whose they are is not told: they may be of namespaces that know nothing of this one.
            let count = unsure.len();
            return Ok(Some(format!("what agreements and connectors ({count}) have in AWS is looked at first")));
        }
        let naming = || format!("name another profile, or go, first: {}", referrers::shown(&users));
        Ok(match users.len() {
            0 => None,
            1 => Some(format!("1 object must {}", naming())),
            many => Some(format!("{many} objects must {}", naming())),
        })
    }
}

impl KindStatus for TransferProfileStatus {
    fn confirmed(&self) -> bool {
        self.profile_id.is_some()
    }

    fn id(&self) -> Option<&str> {
        self.profile_id.as_deref()
    }

    /// One that is made anew may have another name.
    fn vanished(&mut self) {
        (self.as2_id, self.profile_type, self.certificate_ids) = (None, None, None);
    }
}

impl ResourceState for Profile {
    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }

    fn ready_reason(&self) -> Reason {
        Reason::new(reasons::AVAILABLE, format!("profile {} exists", self.profile_id))
    }

    /// AWS lists neither certificates nor tags.
    fn listed(&self) -> Option<String> {
        None
    }
}

impl Registration for TransferProfile {
    type Reconciler = Profiles;

    const TRACES: Traces = Traces::of::<TaggedProfiles>(&["/status/profileId"]);

    fn reconciler(deps: Arc<Deps>) -> Profiles {
        Profiles::new(deps)
    }

    fn uses(&self, _: &dyn Lister) -> Use {
        let certificates = self.spec.certificate_ids.clone().unwrap_or_default();
        Use::of(self, &self.spec.region, Vec::new(), Vec::new()).with_certificates(certificates)
    }

    /// The objects that refer to it, when what they need of it changes.
    /// And the certificates that it has no more.
    fn triggers(change: &StoreChange<Self>, lister: &dyn Lister) -> Vec<Trigger> {
        let [was, is] = [change.was(), change.is()].map(had);
        let released = named_by::released::<TransferCertificate>(lister, &was, &is);
        if change.was().map(facts) == change.is().map(facts) {
            return released;
        }
        let named = Reference::Object(ManagedKind::TransferProfile, change.name.clone());
        // And those that name it by an id that is, or was, its own.
        let both = [change.was(), change.is()].into_iter().flatten();
        let ids = both.filter_map(|profile| profile.status.as_ref()?.profile_id.clone()).collect::<BTreeSet<_>>();
        let by_id = ids.into_iter().flat_map(|id| profile_ref::naming(lister, id));
        let all = affected::all_referring(lister, &named).into_iter().chain(by_id).chain(released);
        all.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// The certificates that AWS has on it.
fn had(profile: Option<&TransferProfile>) -> Vec<String> {
    profile.and_then(|profile| profile.status.as_ref()?.certificate_ids.clone()).unwrap_or_default()
}

/// What others need to know of a profile object.
fn facts(profile: &TransferProfile) -> impl PartialEq {
    let status = profile.status.as_ref();
    (
        status.and_then(|status| status.profile_id.clone()),
        // It was looked at: its tags are known.
        status.is_some_and(|status| condition::is_true(&status.common.conditions, types::READY)),
        status.and_then(|status| status.common.account_id.clone()),
        profile.metadata.uid.clone(),
        profile.metadata.deletion_timestamp.is_some(),
        (profile.spec.region.clone(), profile.spec.profile_type.clone()),
        profile.spec.allowed_references.clone(),
    )
}

#[cfg(test)]
#[path = "profile_tests.rs"]
mod tests;
